/*
 * What the log hears of a session.  Paths are as in the jail: what the
 * client named, behind the start directory if it was relative.
 */
#ifndef SFTP_EVENTS_H
#define SFTP_EVENTS_H

#include "base/log.h"
#include "sftp/session.h"

/* "transfer", for a file handle that moved bytes or could have been
 * written; nothing for others.  aborted: the session ended first. */
void event_transfer(const struct sftp_session *s, const struct handle *h,
    bool aborted);
/* A change that is one request: `event` with path, `to` (may be NULL) and
 * the result; error 0 is success. */
void event_change(const struct sftp_session *s, const char *event,
    const char *path, const char *to, int error);
/* A symlink made: its target is told as it was written. */
void event_symlink(const struct sftp_session *s, const char *path,
    const char *target, int error);
/* A debug line about a path. */
void event_debug(const struct sftp_session *s, const char *event,
    const char *path);
/* "sftp-start" and "sftp-end", debug. */
void event_session(const struct sftp_session *s, const char *event);

#endif
