/*
 * One SFTP session, as the operations see it.  Inside sftp/ only.
 */
#ifndef SFTP_SESSION_H
#define SFTP_SESSION_H

#include "sftp/events.h"
#include "sftp/parse.h"

struct copy;

struct sftp_session {
	const struct jail_policy *policy;
	int duct;
	struct event_from from;
	bool started;		/* INIT has been answered */
	bool eof;		/* nothing more will come */
	bool blocked;		/* the duct takes no more answers now */
	bool deaf;		/* ... nor ever again: the client has gone */
	size_t take;		/* bytes to ask the duct for at a time */
	unsigned turn;		/* requests left in this call */
	struct wr in;		/* whole requests and the start of one more */
	struct wr out;		/* answers not yet sent */
	struct handles handles;
	struct copy *copy;	/* a copy-data under way, or NULL */
	uint64_t requests;
};

#endif
