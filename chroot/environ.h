/*
 * The environment of a user's program.  Later lines win over earlier ones:
 * what the client sent (names that the policy's patterns allow), what is fixed
 * (HOME, USER, LOGNAME, SHELL, PATH), what PAM gave, what the key says, what
 * the policy sets, and at last what is true of this session (SSH_*, TERM).
 */
#ifndef CHROOT_ENVIRON_H
#define CHROOT_ENVIRON_H

#include <sys/socket.h>

#include "base/policy.h"

#define ENVIRON_PATH	"/usr/local/bin:/usr/bin:/bin"

struct environ_spec {
	const struct policy *policy;	/* env, run.set_env */
	const char *user, *home, *shell;
	const char *time_zone;		/* the daemon's TZ, or NULL */
	struct view client;		/* packed, see msg_env_next */
	/* "NAME=value", each: taken as they are, and by the patterns */
	struct view_list pam, key;
	/* "address port address port": the client, then us */
	const char *connection;
	const char *tty;		/* path, or NULL */
	struct view term;		/* with tty */
	/* of the client's; each NULL: not given */
	const char *agent, *display, *xauthority;
	/* what the client asked for where something else is run; p NULL: it
	 * runs what it asked for */
	struct view original;
};

/* SSH_CONNECTION of two addresses; out has ENVIRON_CONNECTION bytes. */
#define ENVIRON_CONNECTION 160
void environ_connection(const struct sockaddr *peer,
    const struct sockaddr *local, char *out);

/* An array for execve, one allocation to free.  NULL: no memory. */
char **environ_build(const struct environ_spec *s);

#endif
