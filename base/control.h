/*
 * What the operator's tool and the warden say to each other over the control
 * socket (`control` of the configuration): frames of base/ipc.h, both ends of
 * each in this place.  The tool asks, one question at a time; the warden
 * answers with any number of CONTROL_ENTRIES and then CONTROL_DONE, or with
 * CONTROL_FAILED.  No descriptors travel here.
 */
#ifndef BASE_CONTROL_H
#define BASE_CONTROL_H

#include "base/ipc.h"
#include "base/penalties.h"

enum control_type {
	/* tool -> warden */
	CONTROL_PENALTIES = 1,	/* no body */
	CONTROL_CLEAR,		/* struct control_clear */
	/* warden -> tool */
	CONTROL_ENTRIES = 100,	/* struct control_entries */
	CONTROL_DONE,		/* struct control_done */
	CONTROL_FAILED		/* struct control_failed */
};

struct control_clear {
	bool all;
	struct net_range net;	/* unless all */
};
#define CONTROL_ENTRIES_MAX 500	/* of one frame */
struct control_entries {
	struct view entries;	/* by penalty_put; `until` is what is left, in
				 * ms */
};
struct control_done {
	uint32_t count;		/* entries told, or sources freed */
};
struct control_failed {
	struct view why;
};

void put_control_clear(struct wr *w, const struct control_clear *m);
bool get_control_clear(struct view b, struct control_clear *m) MUST_CHECK;
void put_control_entries(struct wr *w, const struct control_entries *m);
/* All entries are checked. */
bool get_control_entries(struct view b, struct control_entries *m)
    MUST_CHECK;
/* Takes the next entry off m; false: there is none. */
bool control_entry_next(struct control_entries *m, struct penalty *out);
void put_control_done(struct wr *w, const struct control_done *m);
bool get_control_done(struct view b, struct control_done *m) MUST_CHECK;
void put_control_failed(struct wr *w, const struct control_failed *m);
bool get_control_failed(struct view b, struct control_failed *m)
    MUST_CHECK;

#endif
