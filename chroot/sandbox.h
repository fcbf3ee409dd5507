/*
 * The second wall around a session: a seccomp filter and, where the kernel
 * has it, Landlock.  The filter is compiled once, by the warden, because
 * that takes longer than all the rest of a login.
 */
#ifndef CHROOT_SANDBOX_H
#define CHROOT_SANDBOX_H

#include "base/buf.h"

struct sandbox {
	void *code;		/* struct sock_filter[n] */
	unsigned short n;
};

/* Which calls a filter leaves. */
enum sandbox_kind {
	SANDBOX_FILES,		/* a session that serves files */
	SANDBOX_CONNECT,	/* ... and connects for its client */
	SANDBOX_LISTEN,		/* ... or listens */
	SANDBOX_FORWARD,	/* ... or both */
	SANDBOX_SESSIONS,	/* how many these are */
	SANDBOX_LOG = SANDBOX_SESSIONS	/* the log process */
};

/* Compiles a filter into s; false: the library failed. */
bool sandbox_build(struct sandbox *s, enum sandbox_kind kind) MUST_CHECK;
void sandbox_free(struct sandbox *s);
/*
 * Installs it, for good; needs no_new_privs.  Any call outside of it ends
 * the process.  Proved by asking the kernel for the mode.
 */
enum err sandbox_install(const struct sandbox *s) MUST_CHECK;

/*
 * Confines the file system to what is beneath `root` (the current root of a
 * jailed process), without programs and devices, and forbids of TCP what the
 * kind of session does not do.  OK also if the kernel has no Landlock, or only
 * its first version, which would forbid renames between directories;
 * *active_out says.
 */
enum err sandbox_landlock(const char *root, enum sandbox_kind kind,
    bool *active_out) MUST_CHECK;

#endif
