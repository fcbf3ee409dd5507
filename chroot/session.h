/*
 * A user's session: takes the jail, gives up every privilege, proves it, and
 * only then says so and serves the user's channels.
 */
#ifndef CHROOT_SESSION_H
#define CHROOT_SESSION_H

#include <sys/types.h>

#include "base/policy.h"
#include "chroot/sandbox.h"

struct session_start {
	const struct policy *policy;
	uint32_t allow;			/* what policy and key leave together */
	const char *user;		/* as the client named it, C string */
	const char *method;		/* that completed the login */
	const char *key;		/* fingerprint, or "" */
	const char *last_use;		/* of that key: when, or "never" */
	const char *last_src;		/* ... and from where; "": unknown */
	struct view notice;		/* sent with the success */
	/* what is done whatever the client asks for: a program if one may be
	 * run, else a command that is served without; NULL: none */
	const char *command;
	struct view_list key_env, pam_env;	/* "NAME=value" each */
	/* ends of forwards that the key permits, beside the policy
	 * (base/forward.h); no entry: all */
	struct view_list permit_open, permit_listen;
	const char *connection;		/* as in SSH_CONNECTION; NULL: none */
	uint32_t conn;			/* number of the connection */
	int server;			/* socket, close-on-exec */
	int warden;			/* socket, for terminals; or -1 */
	bool unprivileged;
	const struct sandbox *sandbox;	/* SANDBOX_SESSIONS of them */
	pid_t parent;			/* death of this one ends us */
	bool pam;			/* it has a session, and may have set
					 * limits and umask */
};

/* Which of the filters is for a session with these rights. */
enum sandbox_kind session_kind(uint32_t allow);

/* Never returns.  A failure before the session is ready is told to the
 * client in general words, and to the log with its reason.  The log socket
 * is log_fd(); the caller has closed what it does not want inherited, and
 * descriptors other than server, warden and log are closed here. */
void session_main(struct session_start *s) __attribute__((noreturn));

/* Tells the client, in general words, that it cannot be served after all. */
void session_refuse(int server);

/* The role of sallyportd that the account helper execs (base/roles.h).
 * Returns an exit status only if it cannot begin. */
int session_role(void);

#endif
