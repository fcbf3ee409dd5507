/*
 * Answers, appended to the session's output.  Each is one whole frame.
 */
#ifndef SFTP_REPLY_H
#define SFTP_REPLY_H

#include "sftp/attrs.h"
#include "sftp/session.h"
#include "sftp/status.h"

void reply_status(struct sftp_session *s, uint32_t id, struct status st);
/* FX_FAILURE and others with a text (static) of their own. */
void reply_text(struct sftp_session *s, uint32_t id, enum fx code,
    const char *text);
/* Success, or what errno says. */
void reply_result(struct sftp_session *s, uint32_t id, bool ok);
void reply_errno(struct sftp_session *s, uint32_t id, int error);
void reply_handle(struct sftp_session *s, uint32_t id, uint32_t handle);
void reply_attrs(struct sftp_session *s, uint32_t id, const struct stat *st);
/* NAME with one name and no attributes: REALPATH, READLINK. */
void reply_name(struct sftp_session *s, uint32_t id, struct view name);
/* Opens and closes a frame of another kind. */
size_t reply_open(struct sftp_session *s, uint32_t id, enum fxp type);
void reply_close(struct sftp_session *s, size_t at);

/* A request's path as a C string; the empty one is ".".  False: too long,
 * and that has been answered. */
bool reply_path(struct sftp_session *s, uint32_t id, struct view path,
    char out[]) MUST_CHECK;
/* The handle that a request names, or NULL: there is none of such a kind,
 * and that has been answered. */
struct handle *reply_find(struct sftp_session *s, uint32_t id,
    struct view name, unsigned kinds);

#endif
