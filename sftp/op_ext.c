#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "sftp/ops.h"
#include "sftp/reply.h"
#include "sftp/resolve.h"

static void
reply_resolved(struct sftp_session *s, uint32_t id, const char *path)
{
	char out[PATH_MAX];

	if (resolve_path(path, out))
		reply_name(s, id, view_str(out));
	else
		reply_errno(s, id, errno);
}

void
do_realpath(struct sftp_session *s, const struct req *q)
{
	char path[PATH_MAX];

	if (reply_path(s, q->id, q->path, path))
		reply_resolved(s, q->id, path);
}

static const char *
home_of(const struct sftp_session *s)
{
	return s->policy->home != NULL ? s->policy->home : "/";
}

static bool
is_own_name(const struct sftp_session *s, struct view name)
{
	return name.n == 0 ||
	    (s->policy->user != NULL && view_is(name, s->policy->user));
}

/* "~", "~/x", "~user/x"; nobody but the user has a home here. */
void
do_expand_path(struct sftp_session *s, const struct req *q)
{
	char path[PATH_MAX], full[PATH_MAX];
	size_t n;

	if (!reply_path(s, q->id, q->path, path))
		return;
	if (path[0] != '~') {
		reply_resolved(s, q->id, path);
		return;
	}
	n = strcspn(path, "/");
	if (!is_own_name(s, view_of(path + 1, n - 1))) {
		reply_text(s, q->id, FX_NO_SUCH_FILE, "No such user");
		return;
	}
	if (snprintf(full, sizeof(full), "%s%s", home_of(s), path + n) >=
	    (int)sizeof(full))
		reply_errno(s, q->id, ENAMETOOLONG);
	else
		reply_resolved(s, q->id, full);
}

/* string user name; empty: whoever asks */
void
do_home_directory(struct sftp_session *s, const struct req *q)
{
	if (is_own_name(s, q->path))
		reply_name(s, q->id, view_str(home_of(s)));
	else
		reply_text(s, q->id, FX_FAILURE, "No such user");
}

/* uint64 packet, uint64 read, uint64 write, uint64 handles */
void
do_limits(struct sftp_session *s, const struct req *q)
{
	size_t at = reply_open(s, q->id, FXP_EXTENDED_REPLY);

	wr_u64(&s->out, SFTP_FRAME_MAX);
	wr_u64(&s->out, SFTP_DATA_MAX);
	wr_u64(&s->out, SFTP_DATA_MAX);
	wr_u64(&s->out, SFTP_HANDLES_MAX);
	reply_close(s, at);
}

/* uint64 each: f_bsize f_frsize f_blocks f_bfree f_bavail f_files f_ffree
 * f_favail f_fsid f_flag f_namemax (OpenSSH PROTOCOL 4.2) */
static void
reply_statvfs(struct sftp_session *s, uint32_t id, const struct statvfs *v)
{
	size_t at = reply_open(s, id, FXP_EXTENDED_REPLY);

	wr_u64(&s->out, v->f_bsize);
	wr_u64(&s->out, v->f_frsize);
	wr_u64(&s->out, v->f_blocks);
	wr_u64(&s->out, v->f_bfree);
	wr_u64(&s->out, v->f_bavail);
	wr_u64(&s->out, v->f_files);
	wr_u64(&s->out, v->f_ffree);
	wr_u64(&s->out, v->f_favail);
	wr_u64(&s->out, v->f_fsid);
	wr_u64(&s->out, ((v->f_flag & ST_RDONLY) != 0 ? STATVFS_RDONLY : 0) |
	    ((v->f_flag & ST_NOSUID) != 0 ? STATVFS_NOSUID : 0));
	wr_u64(&s->out, v->f_namemax);
	reply_close(s, at);
}

void
do_statvfs(struct sftp_session *s, const struct req *q)
{
	char path[PATH_MAX];
	struct statvfs v;

	if (!reply_path(s, q->id, q->path, path))
		return;
	if (statvfs(path, &v) == -1)
		reply_errno(s, q->id, errno);
	else
		reply_statvfs(s, q->id, &v);
}

void
do_fstatvfs(struct sftp_session *s, const struct req *q)
{
	struct handle *h = reply_find(s, q->id, q->handle, HANDLE_ANY);
	struct statvfs v;

	if (h == NULL)
		return;
	if (fstatvfs(h->fd, &v) == -1)
		reply_errno(s, q->id, errno);
	else
		reply_statvfs(s, q->id, &v);
}

/* A string of strings, one for each number; empty: no name known. */
static void
put_names(struct sftp_session *s, struct view ids, uint32_t own,
    struct view name)
{
	size_t at = wr_open(&s->out);

	for (; ids.n >= 4; ids = view_of(ids.p + 4, ids.n - 4))
		wr_str(&s->out, get_u32(ids.p) == own ? name :
		    view_of(NULL, 0));
	wr_close(&s->out, at);
}

/* One list of numbers, each of which may be the user's own. */
#define NAME_SHOWN 240
_Static_assert(64 + SFTP_IDS_MAX * (4 + NAME_SHOWN) +
    SFTP_IDS_MAX * 4 <= SFTP_ANSWER_MAX, "names fit into an answer");

/*
 * Names are the session's own and nothing else: there is no /etc/passwd in a
 * jail but the user's.  string names of users, string names of groups
 */
void
do_names_by_id(struct sftp_session *s, const struct req *q)
{
	struct view name = view_str(s->policy->user);
	size_t at;

	if (q->uids.n / 4 > SFTP_IDS_MAX || q->gids.n / 4 > SFTP_IDS_MAX) {
		reply_text(s, q->id, FX_FAILURE, "Too many numbers at once");
		return;
	}
	if (name.n > NAME_SHOWN)
		name = view_of(NULL, 0);
	at = reply_open(s, q->id, FXP_EXTENDED_REPLY);
	put_names(s, q->uids, s->policy->uid, name);
	put_names(s, q->gids, s->policy->gid, view_of(NULL, 0));
	reply_close(s, at);
}
