/*
 * The login process: from the warden's fork until the user is known.  It
 * speaks with the server about USERAUTH messages and tells the warden of
 * every attempt; when the warden lets it go on, it becomes the session.
 */
#ifndef CHROOT_LOGIN_H
#define CHROOT_LOGIN_H

#include <sys/socket.h>
#include <sys/types.h>

#include "base/messages.h"
#include "base/userauth_msg.h"
#include "chroot/sandbox.h"
#include "chroot/wards.h"

/* All that a login is given.  It is filled before the fork, on the stack:
 * the warden's own tables do not exist in the child. */
struct login_start {
	uint32_t conn;
	uint8_t session_id[64];
	size_t session_id_len;
	uint8_t host_key[32];		/* SHA-256 of the connection's */
	bool has_host_key;
	uint8_t user[USERAUTH_MAX_USER];
	size_t user_len;
	struct view policy;		/* encoded; empty: no such user, and
					 * nothing to do for nobody */
	bool exists;			/* else policy is a decoy */
	struct view host;		/* rules for accounts of the host, or
					 * empty */
	struct sockaddr_storage peer, local;
	char src[WARD_SRC_MAX];
	int server, warden;		/* sockets, the login's ends */
	int log;			/* events */
	int log_control;		/* to say who this process is */
	int tokens;
	int users;			/* folder of what is remembered of
					 * users, or -1 */
	unsigned ntokens;
	uint32_t methods_first;
	bool asks_code;
	uint32_t max_attempts;
	uint32_t grace_ms;
	const char *helper;		/* path of sallyport-account, or NULL */
	int exe;			/* sallyportd itself */
	uint8_t delay_secret[32];
	bool unprivileged;
	const struct sandbox *sandbox;	/* as struct session_start has it */
	pid_t parent;			/* the warden */
};

/* Runs in the child, whose descriptors and secrets of the warden the caller
 * has put away.  Never returns. */
void login_main(struct login_start *s) __attribute__((noreturn));

#endif
