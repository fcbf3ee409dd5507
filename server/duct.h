/*
 * The duct joins a channel in the server to a login process: two byte streams
 * behind one interface, whatever carries them.  Today a stream socketpair
 * with a bounded buffer each way on the server's side; a shared ring can take
 * its place without a change for its users.
 *
 *	to the login	 duct_reserve -> room; write there; duct_commit
 *	from the login	 duct_peek -> bytes; use them; duct_consume
 */
#ifndef SERVER_DUCT_H
#define SERVER_DUCT_H

#include <poll.h>

#include "base/buf.h"

struct duct;

/* Makes a duct; *far_out is the login's end, the caller's to send and close.
 * NULL: descriptors or memory. */
struct duct *duct_new(int *far_out);
void duct_free(struct duct **d);

/* Room for at least one byte and at most *n_out, NULL when full. */
uint8_t *duct_reserve(struct duct *d, size_t *n_out);
void duct_commit(struct duct *d, size_t n);
/* Copies all of v; the caller keeps within duct_room().  What the carrier
 * does not take now is kept and goes out when poll() says so. */
bool duct_put(struct duct *d, struct view v);
size_t duct_room(const struct duct *d);
/* Bytes of ours that the login has not taken yet. */
size_t duct_unsent(const struct duct *d);
/* No more will be written; said to the login once all is out. */
void duct_eof(struct duct *d);
/* The same, and what comes from the login is of no interest any more: its
 * answers do not hold it up.  False: all is out, or the login has gone; free
 * it.  True: call again when poll() says POLLOUT. */
bool duct_finish(struct duct *d) MUST_CHECK;

/* What has come from the login: a view of bytes until the next call, at most
 * max; empty with *eof_out when nothing more will come. */
struct view duct_peek(struct duct *d, size_t max, bool *eof_out);
void duct_consume(struct duct *d, size_t n);
/* Gives back the buffers of a duct that carries nothing now. */
void duct_trim(struct duct *d);

/* For poll(2).  want_read: the channel can take bytes. */
int duct_fd(const struct duct *d);
short duct_events(const struct duct *d, bool want_read);
/* poll() said so: moves unsent bytes.  ERR_CLOSED: the login has gone. */
enum err duct_ready(struct duct *d, short revents) MUST_CHECK;

#endif
