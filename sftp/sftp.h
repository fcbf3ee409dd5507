/*
 * The session entry of sftp/: what a login process calls once it is the user
 * in the user's jail.  sftp/ sees no key and no configuration: only this.
 */
#ifndef SFTP_SFTP_H
#define SFTP_SFTP_H

#include "base/buf.h"

struct jail_policy {
	const char *user;	/* for expand-path and the log */
	const char *home;	/* absolute inside the jail; "/" with a jail */
	const char *start;	/* where relative names begin; inside */
	uint32_t uid, gid;
	bool sftp;		/* may sessions ask for SFTP at all */
	bool read_only;		/* nothing is changed (later rules hang here) */
};

/*
 * Serves SFTP version 3 over one duct until it ends, and others beside it:
 * one login process serves all the SFTP channels of its connection from one
 * poll loop.
 */
struct sftp_session;

/* duct: a stream socket; the session owns it from here on.  policy is
 * borrowed and must outlive the session.  The process must ignore SIGXFSZ;
 * it stands in the start directory (relative names begin there).  channel: the
 * server's number, for the log.  NULL: no memory (duct is closed). */
struct sftp_session *sftp_session_new(const struct jail_policy *policy,
    int duct, uint32_t channel);
/* For the caller's poll(2): descriptor and events wanted now.  One that has
 * hung up and wants POLLOUT is to be called again whatever poll() says. */
int sftp_session_fd(const struct sftp_session *s);
short sftp_session_events(const struct sftp_session *s);
/* poll() said `revents`.  Takes all requests that have arrived (bounded by
 * the room for answers), then answers.  ERR_CLOSED: ended in order;
 * ERR_PROTO: the client broke the framing; either way free it. */
enum err sftp_session_ready(struct sftp_session *s, short revents) MUST_CHECK;
/* The client has gone.  What it asked for before is still being done, unheard,
 * and then sftp_session_ready says ERR_CLOSED; how long that may take is the
 * caller's to decide. */
bool sftp_session_hung_up(const struct sftp_session *s);
/* For when nothing has happened for a while (a second, say): gives back what
 * busy buffers hold although files are still open.  Optional. */
void sftp_session_trim(struct sftp_session *s);
/* Closes all handles; transfers that were open are logged as aborted. */
void sftp_session_free(struct sftp_session **s);

#endif
