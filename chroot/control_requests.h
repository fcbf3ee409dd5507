/*
 * What the operator's tool may ask of the warden: a table of requests.  Each
 * begins a job that makes the answer frame by frame, so that a peer that
 * reads slowly costs one frame and nobody's time.  What a request does is
 * behind struct control_acts, so that this file can be tested and fuzzed
 * alone.
 */
#ifndef CHROOT_CONTROL_REQUESTS_H
#define CHROOT_CONTROL_REQUESTS_H

#include "base/control.h"

struct control_acts {
	/* Walks the penalised sources: see penalties_next. */
	const struct penalty *(*penalty_next)(void *ctx, uint32_t *at);
	/* Frees those that overlap r (NULL: all); how many they were. */
	size_t (*penalties_clear)(void *ctx, const struct net_range *r);
};

struct control_requests {
	const struct control_acts *act;
	void *ctx;
	uint64_t now;			/* ms, monotonic */
};

/* An answer that is being given. */
struct control_job {
	/* Makes the next frame's type and body; NULL: nothing is left. */
	void (*next)(struct control_requests *r, struct control_job *j,
	    uint8_t *type_out, struct wr *body);
	uint32_t at, count;
	const char *name;		/* of the request, static; or NULL */
	bool changes;			/* ... one that changes something */
	const char *why;		/* static */
};

#define CONTROL_FRAME_MAX (CONTROL_ENTRIES_MAX * 28 + 64)

/* Takes one request and begins its answer.  A request that is not understood
 * is answered too.  Descriptors beside it stay the caller's. */
void control_request(struct control_requests *r, const struct ipc_msg *msg,
    struct control_job *job_out);
/* Makes the next frame into the empty body; false: there is none. */
bool control_answer(struct control_requests *r, struct control_job *j,
    uint8_t *type_out, struct wr *body);

#endif
