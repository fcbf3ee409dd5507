/*
 * Starting one program of a user, from a process that has become the user.
 */
#ifndef CHROOT_SPAWN_H
#define CHROOT_SPAWN_H

#include <sys/resource.h>
#include <sys/types.h>

#include "base/policy.h"

struct spawn {
	const char *path;		/* absolute */
	char *const *argv, *const *envp;
	/* what becomes its 0, 1 and 2; for a terminal all three are its end,
	 * and it is the controlling one */
	int fds[3];
	bool tty;
	const struct policy_run *run;	/* limits, linger */
	const struct rlimit *files;	/* RLIMIT_NOFILE if run has none */
};

/*
 * Starts it in a session and process group of its own, with default signals
 * and nothing open but its three.  The caller's descriptors stay the
 * caller's.  -1: *error_out is what was in the way, of making the process or
 * of executing the file.
 */
pid_t spawn_program(const struct spawn *p, int *error_out);

/* The name of the program for argv[0]: of a login shell, "-" and the last
 * part of the path.  out is a C string of n bytes, cut if need be. */
void spawn_name(const char *path, bool login, char *out, size_t n);

/* A signal's number by SSH's name for it ("TERM"), 0: unknown; and back: for
 * those that RFC 4254 6.10 does not know "NAME@sallyport". */
int spawn_signal(struct view name);
#define SPAWN_SIGNAL_MAX 32
void spawn_signal_name(int number, char out[SPAWN_SIGNAL_MAX]);

#endif
