/*
 * Giving up privileges for good, and proving that they are gone.  A leaf:
 * used by the server role, the log process and every session.
 */
#ifndef BASE_PRIVDROP_H
#define BASE_PRIVDROP_H

#include <sys/types.h>

#include "base/buf.h"

struct privdrop {
	int root_fd;		/* directory to become the root; -1: none */
	uid_t uid;
	gid_t gid;
	const uint32_t *groups;	/* supplementary, all of them */
	size_t ngroups;
	/* Also no_new_privs, an empty bounding set and locked securebits: not
	 * for a process whose programs may be setuid. */
	bool seal;
	bool root;		/* uid 0 is meant */
	/* The caller is no root: a user namespace of its own gives the right
	 * to chroot; uid and gid must be its own and groups are not set. */
	bool userns;
};

/*
 * Takes the root directory, sets groups, gid, uid, clears every capability
 * set, makes the process undumpable, and then asks the kernel whether all of
 * it is so.  ERR_DENIED: uid or gid 0 was asked for, or the proof failed;
 * ERR_SYS: a step failed.  *why_out is a static text that names the step.
 * After any failure the process is in no defined state and must exit.
 */
enum err privdrop(const struct privdrop *p, const char **why_out) MUST_CHECK;

/* The proof alone; the root is not looked at. */
enum err privdrop_prove(const struct privdrop *p, const char **why_out)
    MUST_CHECK;

/*
 * Can this process make a user namespace and chroot in it?  Tries it in a
 * child.  False: *why_out (static) names what is in the way, a sysctl where
 * one is.
 */
bool privdrop_userns_works(const char **why_out) MUST_CHECK;

/* Dies with signal `sig` when the parent dies; false if the parent (whose pid
 * was `parent`) is already gone.  set*id clears this: call it afterwards. */
bool privdrop_die_with(pid_t parent, int sig) MUST_CHECK;

#endif
