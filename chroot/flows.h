/*
 * Forwarded connections of a session: made and listened for here, as the
 * user, then passed up to the server, which moves their bytes.  What the
 * policy and the key permit is decided here, by the addresses and before
 * anything is connected or bound.
 *
 * Whoever runs the session's loop waits for flows_fd and passes messages on.
 */
#ifndef CHROOT_FLOWS_H
#define CHROOT_FLOWS_H

#include "base/messages.h"

#define FLOWS_OPENING	128	/* connections being made */
#define FLOWS_LOOKUPS	4	/* names asked for at a time */
#define FLOWS_LISTENERS	64	/* what a client may have listen */
#define FLOWS_OPEN_MS	30000	/* for a connection to be made */
#define FLOWS_ADDRESS_MS 8000	/* ... with one of several addresses */
#define FLOWS_BACKLOG	128	/* connections that wait to be accepted */

struct flows_start {
	const struct policy *policy;
	uint32_t allow;			/* what policy and key leave */
	/* what the key permits beside that; no entry: all */
	struct view_list permit_open, permit_listen;
	const char *rule;		/* where the rights are written */
	const char *home;		/* for files of the user's, or NULL */
	/* To the server; fd -1: none.  fd stays the caller's. */
	void (*server)(void *ctx, uint8_t type, uint32_t id,
	    const struct wr *body, int fd);
	/* To the warden; false: it has gone. */
	bool (*warden)(void *ctx, uint8_t type, const struct wr *body);
	/* ms; NULL: the monotonic clock, by which timers go anyway */
	uint64_t (*clock)(void *ctx);
	void *ctx;
};

struct flows;

/* Is there anything for it to do? */
bool flows_wanted(uint32_t allow);
/* Copies *start, borrows what it points to.  NULL: no memory, descriptors, or
 * a list that does not parse. */
struct flows *flows_new(const struct flows_start *start);
/* Closes everything; sockets with names are removed. */
void flows_free(struct flows **f);

/* Readable: call flows_ready. */
int flows_fd(const struct flows *f);
void flows_ready(struct flows *f);

/* A message of the server.  OK; ERR_DENIED: it is not about flows; ERR_PROTO:
 * it is malformed. */
enum err flows_message(struct flows *f, const struct ipc_msg *msg)
    MUST_CHECK;
/* The channel has been closed (MSG_CLOSED). */
void flows_closed(struct flows *f, uint32_t channel);
/* What programs of a channel are given in their environment: SSH_AUTH_SOCK,
 * DISPLAY, XAUTHORITY; NULL: not given.  f may be NULL.  Valid until the
 * channel is closed. */
struct flows_env {
	const char *agent, *display, *xauthority;
};
void flows_env(const struct flows *f, uint32_t channel,
    struct flows_env *out);
/* MSG_FOUND of the warden; false: malformed. */
bool flows_found(struct flows *f, struct view body) MUST_CHECK;
/* There is no warden any more. */
void flows_no_warden(struct flows *f);

#endif
