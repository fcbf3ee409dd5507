/*
 * The log process: the only one that writes a log.  Everybody sends it
 * datagrams and never waits; the kernel says who sent each.
 */
#ifndef CHROOT_LOGD_H
#define CHROOT_LOGD_H

#include <sys/types.h>

#include "base/messages.h"
#include "chroot/sandbox.h"

struct logd_start {
	int events;		/* receiving end of the datagram socket */
	int control;		/* MSG_LOG_TARGET, _WHO, _FORGET; EOF: stop */
	int target;		/* first target, always there */
	struct msg_log_target how;
	int root;		/* empty directory */
	uid_t uid;
	gid_t gid;
	bool unprivileged;
	const struct sandbox *sandbox;
	pid_t parent;
};

/* The log process, from fork to its end.  Never returns. */
void logd_main(const struct logd_start *s) __attribute__((noreturn));

/* Opens what the configuration names (or stderr); -1: why (n bytes) says
 * what is wrong.  The descriptor is the caller's to send and close. */
int log_target_open(const struct config_main *m, bool to_stderr,
    struct msg_log_target *how_out, char *why, size_t n);

#endif
