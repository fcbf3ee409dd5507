/*
 * What a session does once it is the user: serves the channels that the
 * server opens, and has done with them when the client has gone.
 */
#ifndef CHROOT_SERVE_H
#define CHROOT_SERVE_H

#include "base/messages.h"
#include "chroot/flows.h"
#include "sftp/sftp.h"

/* Logs that a start was refused.  rule may be empty. */
void serve_log_refused(const struct msg_open *m, const char *reason,
    const char *rule);

/* Where it is written what the user may, for the log, and what the key says
 * about it. */
struct serve_rules {
	const char *allow, *builtins;
	const char *forced;	/* the command that alone is served, or NULL */
};

/* A session that also forwards connections. */
struct serve_flows {
	struct flows_start start;	/* but for who is told */
	int warden;			/* socket, or -1 */
	uint32_t conn;			/* number of the connection */
};

/* Until the server closes its socket; then what has been asked for is done,
 * for a bounded time.  Borrows all.  flows NULL: there are none. */
void serve_channels(int server, const struct jail_policy *jail,
    const struct serve_rules *rules, const struct serve_flows *flows)
    __attribute__((noreturn));

#endif
