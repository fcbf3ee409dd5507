/*
 * The process of a user who may run programs.  It has become the user, but
 * carries neither a filter nor no_new_privs: both would be inherited by the
 * programs, and sudo is theirs to use.  So it does as little as can be done:
 * starts programs and gives their descriptors to the server, asks the warden
 * for terminals, and tells how programs end.  Files are served by a child of
 * it that is sealed.
 */
#ifndef CHROOT_KEEPER_H
#define CHROOT_KEEPER_H

#include <sys/resource.h>

#include "chroot/serve.h"
#include "chroot/session.h"
#include "sftp/sftp.h"

struct keeper_start {
	const struct session_start *session;
	const struct jail_policy *jail;
	const struct serve_rules *rules;
	const char *time_zone;	/* the daemon's TZ, or NULL */
	struct rlimit files;	/* RLIMIT_NOFILE of programs */
	struct view motd;
	const struct flows_start *flows;	/* NULL: there are none */
	int children;		/* /proc/self/task/TID/children, or -1 */
};

/* Before the drop of privileges: fills session, time_zone, files, motd and
 * children. */
void keeper_gather(struct keeper_start *out, const struct session_start *s);
/* Until the server closes its socket; then ends what is left behind, unless
 * the policy says that it may linger. */
void keeper_main(const struct keeper_start *start) __attribute__((noreturn));

#endif
