/*
 * The login's end of a talk with sallyport-account (auth/talk.h): starts it
 * under a supervisor of its own, with the talk's socket on descriptor 3 and
 * nothing else, and ends it with all that its modules have left behind.
 */
#ifndef AUTH_HELPER_H
#define AUTH_HELPER_H

#include "auth/internal.h"
#include "auth/talk.h"

struct helper;

/* NULL: *why_out, static. */
struct helper *helper_start(const struct auth *a, const struct talk_hello *m,
    const char **why_out);
/* What has not been let go is killed. */
void helper_end(struct helper **h);
/* From now on there is something to be undone, for which it gets time if it
 * has to end. */
bool helper_be_patient(struct helper *h) MUST_CHECK;
/* It goes on alone, whatever becomes of us. */
bool helper_let_go(struct helper *h) MUST_CHECK;

/* Sends a frame; nfds may be 0.  False: *why_out. */
bool helper_say(struct helper *h, enum talk_type type, const struct wr *w,
    const int *fds, size_t nfds, const char **why_out) MUST_CHECK;
/*
 * The next frame, if it comes within ms milliseconds (-1: whenever).  Its
 * body is valid until the next call; descriptors are refused.
 * ERR_AGAIN: not yet.  ERR_CLOSED, ERR_PROTO: *why_out.
 */
enum err helper_hear(struct helper *h, int ms, struct ipc_msg *msg,
    const char **why_out) MUST_CHECK;

#endif
