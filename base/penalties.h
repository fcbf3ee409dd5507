/*
 * Sources that have misbehaved, and until when they are turned away: a table
 * of networks with a bound, a deadline each, and no memory of anything else.
 *
 * Each offence adds its time to the source's account, which runs down by
 * itself; once it holds at least `min` the source is barred until it is
 * empty, and it never holds more than `max`.  The warden has the whole table,
 * the server one of the barred alone.
 *
 * Time is milliseconds on the monotonic clock, which all our processes share.
 */
#ifndef BASE_PENALTIES_H
#define BASE_PENALTIES_H

#include "base/net.h"

enum penalty_reason {
	PENALTY_CRASH,		/* a login process of the source crashed */
	PENALTY_AUTHFAIL,	/* failed attempts, and no success */
	PENALTY_INVALIDUSER,	/* the same for a user who does not exist */
	PENALTY_GRACE,		/* no success within limits.login_grace */
	PENALTY_NOAUTH,		/* gone without an attempt */
	PENALTY_REFUSED,	/* more connections than it may have */
	PENALTY_REASONS
};
/* As written in the YAML and in the log, static. */
const char *penalty_word(unsigned reason);

#define PENALTIES_MAX	65536	/* sources of each family */
#define PENALTIES_EXEMPT_MAX 1024

struct penalties_config {
	bool on;
	uint32_t ms[PENALTY_REASONS];	/* 0: not punished */
	uint32_t min_ms, max_ms;
	uint32_t prefix4, prefix6;	/* what one source is, in bits */
	uint32_t sources;		/* of each family, PENALTIES_MAX */
	bool deny;			/* full: nobody new is let in */
};

struct penalty {
	struct net_range net;
	uint8_t reason;			/* of the last offence */
	bool barred;
	uint32_t refused;		/* connections turned away meanwhile;
					 * the caller's, 0 at first */
	uint64_t until;			/* ms */
	uint32_t next, heap_at;		/* the table's own */
};

struct penalties;

/* Why a source has left the table. */
enum penalty_end { PENALTY_EXPIRED, PENALTY_EVICTED, PENALTY_REMOVED };
/* Told of each; e is valid during the call, which must not change the
 * table.  May be NULL. */
typedef void penalties_gone(void *ctx, const struct penalty *e,
    enum penalty_end why);

/* An empty table that is off.  The seed must not be known to clients.  Its
 * memory is inherited by no child.  NULL: no memory. */
struct penalties *penalties_new(uint64_t seed, penalties_gone *gone,
    void *ctx);
void penalties_free(struct penalties **p);
/* Takes a new configuration (copied).  What it does not know or exempts goes;
 * another prefix empties its family.  False: no memory, all is as before. */
bool penalties_configure(struct penalties *p,
    const struct penalties_config *cfg, const struct net_range *exempt,
    size_t nexempt, uint64_t now) MUST_CHECK;

/*
 * Counts one offence.  NULL: it does not count (off, exempt, 0, or the table
 * is full and denies).  Else the source, valid until the next call that
 * changes the table; *barred_out: it has been barred by this one.
 */
const struct penalty *penalties_add(struct penalties *p,
    const struct net_addr *a, enum penalty_reason reason, uint64_t now,
    bool *barred_out);
/* Enters what was counted elsewhere, in place of what is known of the source;
 * until <= now removes it.  False: exempt, of another prefix, or off. */
bool penalties_put(struct penalties *p, const struct penalty *e,
    uint64_t now);
/* The entry that bars this address now, or NULL. */
struct penalty *penalties_find(struct penalties *p,
    const struct net_addr *a, uint64_t now);
bool penalties_exempt(const struct penalties *p, const struct net_addr *a);
/* In the denying mode: is the table of this family full? */
bool penalties_closed(const struct penalties *p, uint8_t family);
/* Removes all that overlap r; NULL: all.  How many they were. */
size_t penalties_remove(struct penalties *p, const struct net_range *r);
/* Removes those whose time is over. */
void penalties_expire(struct penalties *p, uint64_t now);
/* When the next one's time is over; UINT64_MAX: there is none. */
uint64_t penalties_due(const struct penalties *p);
size_t penalties_count(const struct penalties *p);
/* Walks all: start with *at = 0, ends with NULL.  Entries that come or go
 * meanwhile may or may not be met; none is met twice. */
const struct penalty *penalties_next(const struct penalties *p,
    uint32_t *at);

/* A configuration in a message or block; exempt has PENALTIES_EXEMPT_MAX
 * places.  Numbers out of range make the reader bad. */
void penalties_config_put(struct wr *w, const struct penalties_config *c,
    const struct net_range *exempt, size_t n);
void penalties_config_get(struct rd *r, struct penalties_config *c,
    struct net_range *exempt, size_t *n_out);
/* One entry in a message or file: the net, byte reason, byte barred, uint64
 * `until` in the clock that the two ends agree on. */
void penalty_put(struct wr *w, const struct penalty *e, uint64_t until);
/* Anything that penalty_put does not write makes the reader bad. */
void penalty_get(struct rd *r, struct penalty *out);

/*
 * The table as a file: uint32 magic, uint32 number of entries, entries with
 * `until` in ms since 1970, uint64 sum (FNV-1a) of all that is before it.
 */
#define PENALTIES_FILE_MAX ((size_t)2 * PENALTIES_MAX * 28 + 16)
void penalties_save(const struct penalties *p, uint64_t now, uint64_t wall,
    struct wr *w);
/* Enters what is still due by the wall clock.  False: the file is damaged,
 * and nothing of it was entered. */
bool penalties_load(struct penalties *p, struct view file, uint64_t now,
    uint64_t wall) MUST_CHECK;

#endif
