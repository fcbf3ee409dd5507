/*
 * File attributes: from stat(2), onto the wire, onto files, and as the line
 * that READDIR adds to every name.
 */
#ifndef SFTP_ATTRS_H
#define SFTP_ATTRS_H

#include <sys/stat.h>

#include "sftp/parse.h"
#include "sftp/sftp.h"

struct attrs attrs_of(const struct stat *st);
/* Appends ATTRS (draft 5). */
void attrs_put(struct wr *w, const struct attrs *a);

/* What attrs_apply changes: an open descriptor, or a path if fd is -1. */
struct attrs_target {
	int fd;
	const char *path;
	bool nofollow;		/* a link itself (path only) */
};
/* Applies size, owner, mode and times, in this order; goes on after a
 * failure.  False: errno is that of the first failure. */
bool attrs_apply(const struct attrs_target *t, const struct attrs *a)
    MUST_CHECK;

#define ATTRS_LINE_MAX	384
/* What ls -l prints before the name, with its last space: mode, links,
 * owner, group, size, time in UTC.  st may be NULL (not allowed to look).
 * Names of owners are the session's own or numbers: nothing is looked up in
 * a jail.  now: time(2).  Returns the length. */
size_t attrs_line(const struct stat *st, const struct jail_policy *p,
    int64_t now, char out[ATTRS_LINE_MAX]);

#endif
