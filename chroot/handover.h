/*
 * A login through PAM ends in another process than it began: the helper that
 * authenticated opens PAM's session, which sets limits and more of its own
 * process, and starts sallyportd beneath it in the session role; the login
 * gives that its sockets and ends.
 */
#ifndef CHROOT_HANDOVER_H
#define CHROOT_HANDOVER_H

#include "auth/auth.h"
#include "chroot/login.h"
#include "chroot/session.h"

struct handover {
	struct auth *auth;
	const struct login_start *login;
	const struct session_start *session;
	/* As in struct auth_start; also ends the process when the client has
	 * gone. */
	bool (*wait)(void *ctx, int fd, short events, int ms);
	void *ctx;
};

/* True: all is given away, and there is nothing left to do but to end.  False:
 * the log has been told why; the client has not. */
bool handover(const struct handover *h) MUST_CHECK;

#endif
