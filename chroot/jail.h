/*
 * The directory that becomes a user's root: found, checked and, where the
 * policy says so, made.  Every step is taken from a directory descriptor to
 * a name in it without following links, so there is no path that somebody
 * could change between the check and the use.
 */
#ifndef CHROOT_JAIL_H
#define CHROOT_JAIL_H

#include <sys/types.h>

#include "base/policy.h"

struct jail_spec {
	struct view path;	/* absolute */
	bool create;		/* make what is missing */
	struct view_list dirs;	/* made with it, relative to it */
	uid_t uid;		/* the account: owner of what is made */
	gid_t gid;
	/* The user runs programs: jail and parents must be root's alone,
	 * because chroot(2) does not hold a user's own programs otherwise. */
	bool programs;
};

/* The jail of a policy, which has one; borrowed from it. */
struct jail_spec jail_spec_of(const struct policy *p);

/*
 * OK: *fd_out is an O_PATH descriptor of the jail, the caller's to close.
 * Otherwise why (n bytes) says which component is wrong and which command
 * mends it; it is for the log, never for the client.  ERR_DENIED: missing or
 * refused; ERR_SYS; ERR_PROTO: the path itself is malformed.
 */
enum err jail_open(const struct jail_spec *s, int *fd_out, char *why,
    size_t n) MUST_CHECK;

#endif
