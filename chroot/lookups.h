/*
 * What hosts' names stand for, asked for by sessions that are to connect with
 * them: each by a run of the account helper (sallyport-account --lookup), as
 * the server's user, because NSS may block and loads what it likes.  Bounded
 * in number, for each user too, and in time.
 */
#ifndef CHROOT_LOOKUPS_H
#define CHROOT_LOOKUPS_H

#include <sys/types.h>

#include "base/messages.h"
#include "base/userauth_msg.h"

#define LOOKUPS_MAX		32	/* processes at a time */
#define LOOKUPS_PER_USER	4	/* of them */
#define LOOKUPS_WAITING		256	/* names that wait for one */
#define LOOKUPS_WAITING_USER	32	/* of one user */
#define LOOKUP_MS		10000	/* for an answer */
#define LOOKUP_WAIT_MS		15000	/* for a process */

struct lookup_job {
	uint32_t ward;			/* who asks, never 0 */
	uint32_t number;		/* of the asker's */
	struct view user, name;		/* copied */
};

/* How to start one. */
struct lookup_how {
	const char *helper;
	uid_t uid;
	gid_t gid;
	bool drop;			/* we are root: become these */
	void (*forget)(void *ctx);	/* in the child: secrets go */
	void *ctx;
};

struct lookup_waiting;
struct lookup {
	pid_t pid;
	int fd;				/* -1: free place */
	uint32_t ward, number;		/* ward 0: nobody wants to know */
	uint64_t deadline;		/* UINT64_MAX: killed */
	uint8_t user[USERAUTH_MAX_USER];
	uint8_t user_len;
};
struct lookups {
	struct lookup *at;		/* LOOKUPS_MAX; NULL before the first */
	struct lookup_waiting *first;
	size_t waiting;
};

/* Takes a job.  ERR_LIMIT: too many; ERR_NOMEM. */
enum err lookups_add(struct lookups *l, const struct lookup_job *job,
    uint64_t now) MUST_CHECK;
/* Starts the next one that may be started: its place, or -1. */
int lookups_start(struct lookups *l, uint64_t now,
    const struct lookup_how *how);
/* Place i is readable, or has ended: the answer.  False: nobody waits for it.
 * The place is free again. */
bool lookups_take(struct lookups *l, size_t i, struct msg_found *out,
    uint32_t *ward_out);
/* One that has waited for too long, out of the queue; false: there is none. */
bool lookups_late(struct lookups *l, uint64_t now, struct msg_found *out,
    uint32_t *ward_out);
/* Kills what is over its deadline (its socket then ends); when to come
 * again, UINT64_MAX: not at all. */
uint64_t lookups_tick(struct lookups *l, uint64_t now);
/* The ward has gone: nothing of it is asked any more. */
void lookups_gone(struct lookups *l, uint32_t ward);

#endif
