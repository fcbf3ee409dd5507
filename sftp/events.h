/*
 * What the log hears of a session.  Paths are as in the jail: what the
 * client named, behind the start directory if it was relative.
 */
#ifndef SFTP_EVENTS_H
#define SFTP_EVENTS_H

#include "base/log.h"
#include "sftp/handles.h"
#include "sftp/sftp.h"

/* Whose events these are. */
struct event_from {
	const struct jail_policy *policy;
	uint32_t channel;
	const char *service;		/* "sftp", "scp"; static */
};

/* "transfer", for a file handle that moved bytes, could have been written or
 * is one whole transfer; nothing for others.  aborted: the session ended
 * first. */
void event_transfer(const struct event_from *f, const struct handle *h,
    bool aborted);
/* A change that is one request: `event` with path, `to` (may be NULL) and
 * the result; error 0 is success. */
void event_change(const struct event_from *f, const char *event,
    const char *path, const char *to, int error);
/* A symlink made: its target is told as it was written. */
void event_symlink(const struct event_from *f, const char *path,
    const char *target, int error);
/* A debug line about a path. */
void event_debug(const struct event_from *f, const char *event,
    const char *path);
/* "command": a command line that has been served, and how it went. */
struct event_command {
	struct view line;
	int status;			/* exit status; -1: broken off */
	const char *reason;		/* static: what was wrong, or NULL */
	uint64_t bytes, ms;		/* worked on, taken */
};
void event_command(const struct event_from *f, enum log_level level,
    const struct event_command *c);
/* A service begins or ends, debug; done: requests served. */
void event_session(const struct event_from *f, const char *event,
    uint64_t done);

#endif
