#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sftp/events.h"
#include "sftp/ops.h"
#include "sftp/reply.h"

static void
stat_path(struct sftp_session *s, const struct req *q, int flags)
{
	char path[PATH_MAX];
	struct stat st;

	if (!reply_path(s, q->id, q->path, path))
		return;
	if (fstatat(AT_FDCWD, path, &st, flags) == -1)
		reply_errno(s, q->id, errno);
	else
		reply_attrs(s, q->id, &st);
}

void
do_stat(struct sftp_session *s, const struct req *q)
{
	stat_path(s, q, 0);
}

void
do_lstat(struct sftp_session *s, const struct req *q)
{
	stat_path(s, q, AT_SYMLINK_NOFOLLOW);
}

static void
setstat_path(struct sftp_session *s, const struct req *q, bool nofollow)
{
	char path[PATH_MAX];
	struct attrs_target t = { .fd = -1, .path = path,
	    .nofollow = nofollow };
	int error;

	if (!reply_path(s, q->id, q->path, path))
		return;
	error = attrs_apply(&t, &q->attrs) ? 0 : errno;
	event_change(&s->from, "file-setstat", path, NULL, error);
	reply_errno(s, q->id, error);
}

void
do_setstat(struct sftp_session *s, const struct req *q)
{
	setstat_path(s, q, false);
}

void
do_lsetstat(struct sftp_session *s, const struct req *q)
{
	setstat_path(s, q, true);
}

void
do_remove(struct sftp_session *s, const struct req *q)
{
	char path[PATH_MAX];
	int error;

	if (!reply_path(s, q->id, q->path, path))
		return;
	error = unlink(path) == 0 ? 0 : errno;
	event_change(&s->from, "file-remove", path, NULL, error);
	reply_errno(s, q->id, error);
}

/* Names exist as soon as linkat(2) is done, and it never replaces one; for
 * what cannot be linked there is a moment between look and rename. */
static bool
rename_by_link(const char *from, const char *to)
{
	struct stat st;

	if (linkat(AT_FDCWD, from, AT_FDCWD, to, 0) == 0)
		return unlink(from) == 0;
	if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS &&
	    errno != EMLINK)
		return false;
	if (fstatat(AT_FDCWD, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return false;
	}
	return errno == ENOENT && rename(from, to) == 0;
}

/* draft 6.5: it is an error if there is a file of the new name. */
static bool
rename_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return true;
	/* EINVAL: this file system does not know the flag, or a directory
	 * is to go into itself, which the other way refuses as well. */
	if (errno != ENOSYS && errno != EINVAL)
		return false;
	return rename_by_link(from, to);
}

/* What makes the second name out of the first, and the event that tells. */
static void
two_paths(struct sftp_session *s, const struct req *q, const char *event,
    bool (*act)(const char *, const char *))
{
	char from[PATH_MAX], to[PATH_MAX];
	int error;

	if (!reply_path(s, q->id, q->path, from) ||
	    !reply_path(s, q->id, q->path2, to))
		return;
	error = act(from, to) ? 0 : errno;
	event_change(&s->from, event, from, to, error);
	reply_errno(s, q->id, error);
}

void
do_rename(struct sftp_session *s, const struct req *q)
{
	two_paths(s, q, "file-rename", rename_new);
}

static bool
rename_over(const char *from, const char *to)
{
	return rename(from, to) == 0;
}

void
do_posix_rename(struct sftp_session *s, const struct req *q)
{
	two_paths(s, q, "file-rename", rename_over);
}

/* A link to a link is a link to the link itself: nothing is followed. */
static bool
link_hard(const char *from, const char *to)
{
	return linkat(AT_FDCWD, from, AT_FDCWD, to, 0) == 0;
}

void
do_hardlink(struct sftp_session *s, const struct req *q)
{
	two_paths(s, q, "link-create", link_hard);
}

/*
 * draft 6.10 says string linkpath, string targetpath; OpenSSH has always
 * sent and taken the target first, and so do all who talk to it.
 */
void
do_symlink(struct sftp_session *s, const struct req *q)
{
	char target[PATH_MAX], path[PATH_MAX];
	int error;

	if (!reply_path(s, q->id, q->path, target) ||
	    !reply_path(s, q->id, q->path2, path))
		return;
	error = symlink(target, path) == 0 ? 0 : errno;
	event_symlink(&s->from, path, target, error);
	reply_errno(s, q->id, error);
}

void
do_readlink(struct sftp_session *s, const struct req *q)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t n;

	if (!reply_path(s, q->id, q->path, path))
		return;
	n = readlink(path, target, sizeof(target));
	if (n == -1 && errno == EINVAL)
		reply_text(s, q->id, FX_FAILURE, "Not a symbolic link");
	else if (n == -1)
		reply_errno(s, q->id, errno);
	else
		reply_name(s, q->id, view_of(target, (size_t)n));
}
