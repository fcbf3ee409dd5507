/*
 * The duct joins a channel in the server to what serves it: a stream to it,
 * one from it, and for programs a second one from it, their stderr, behind one
 * interface whatever carries them (enum msg_carrier):
 *
 *	a stream socketpair that the server has made, for what the login
 *	process serves itself, perhaps with another one for its stderr
 *	one or two sockets, a terminal's master, or three pipes that the login
 *	has made
 *
 *	to it		 duct_put, or duct_reserve -> room; write; duct_commit
 *	from it		 duct_peek -> bytes; use them; duct_consume
 *
 * A bounded buffer each way is on the server's side.  A shared ring can take
 * the place of the socketpair without a change for the users of this.
 */
#ifndef SERVER_DUCT_H
#define SERVER_DUCT_H

#include <poll.h>

#include "base/messages.h"

struct duct;

/* The streams from the far side, numbered as in SSH. */
enum duct_stream { DUCT_OUT, DUCT_ERR, DUCT_STREAMS };

/* Makes a duct; far_out has the login's ends, the caller's to send and close:
 * the duct's and, if asked for, that of stderr (else -1).  NULL: descriptors
 * or memory. */
struct duct *duct_new(bool with_err, int far_out[DUCT_STREAMS]);
/* One that carries nothing before duct_carry.  NULL: no memory. */
struct duct *duct_bare(void);
/* What it has carried so far, nothing yet, is closed; fds, as many as the
 * carrier has, are the duct's from here on.  False: they are not what they
 * should be (blocking, too few), and have been closed. */
bool duct_carry(struct duct *d, uint8_t carrier, int *fds, size_t n)
    MUST_CHECK;
void duct_free(struct duct **d);

/* Room for at least one byte and at most *n_out, NULL when full. */
uint8_t *duct_reserve(struct duct *d, size_t *n_out);
void duct_commit(struct duct *d, size_t n);
/* Copies all of v; the caller keeps within duct_room().  What the carrier
 * does not take now is kept and goes out when poll() says so. */
bool duct_put(struct duct *d, struct view v);
size_t duct_room(const struct duct *d);
/* Bytes of ours that have not been taken yet. */
size_t duct_unsent(const struct duct *d);
/* No more will be written; said to the far side once all is out, but for a
 * terminal, which has no end. */
void duct_eof(struct duct *d);
/* The same, and what comes from the login is of no interest any more: its
 * answers do not hold it up.  False: all is out, or the login has gone; free
 * it.  True: call again when poll() says POLLOUT. */
bool duct_finish(struct duct *d) MUST_CHECK;
/* Nobody takes our bytes any more. */
bool duct_broken(const struct duct *d);

/* What has come: a view of bytes until the next call, at most max; empty with
 * *eof_out when nothing more will come on this stream. */
struct view duct_peek(struct duct *d, enum duct_stream s, size_t max,
    bool *eof_out);
void duct_consume(struct duct *d, enum duct_stream s, size_t n);
/* Is it not worth to look again at once?  A terminal gives a little at a time,
 * all others what there is. */
bool duct_dry(const struct duct *d, enum duct_stream s);
/* Output of this kind is not wanted any more: its writer may notice. */
void duct_stop(struct duct *d, enum duct_stream s);
/* The program has ended.  What it wrote is there by now; a terminal that
 * others still hold is over once that has been read. */
void duct_ended(struct duct *d);
/* Nothing more will come. */
bool duct_over(const struct duct *d);
/* Does something on the other side echo? */
bool duct_is_terminal(const struct duct *d);
/* Gives back the buffers of a duct that carries nothing now. */
void duct_trim(struct duct *d);

/* For poll(2): descriptors and what they wait for now, -1 where there is
 * nothing.  want_read: the channel can take bytes. */
#define DUCT_FDS 3
void duct_polls(const struct duct *d, bool want_read,
    struct pollfd out[DUCT_FDS]);
/* The one that unsent bytes wait for; -1: closed. */
int duct_to_fd(const struct duct *d);
/* Does it wait for nothing but bytes from the far side? */
bool duct_quiet(const struct duct *d);
/* Moves unsent bytes.  ERR_CLOSED: nobody takes them any more. */
enum err duct_ready(struct duct *d, short revents) MUST_CHECK;

#endif
