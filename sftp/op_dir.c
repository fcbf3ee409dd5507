#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sftp/events.h"
#include "sftp/ops.h"
#include "sftp/reply.h"

void
do_opendir(struct sftp_session *s, const struct req *q)
{
	char path[PATH_MAX];
	struct handle *h;
	int fd;

	if (!reply_path(s, q->id, q->path, path))
		return;
	if (!handle_room(&s->handles)) {
		reply_errno(s, q->id, EMFILE);
		return;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_NOCTTY |
	    O_CLOEXEC);
	if (fd == -1) {
		reply_errno(s, q->id, errno);
		return;
	}
	if ((h = handle_new(&s->handles, HANDLE_DIR, fd, path)) == NULL) {
		reply_errno(s, q->id, ENOMEM);
		return;
	}
	event_debug(&s->from, "dir-open", path);
	reply_handle(s, q->id, h->id);
}

/* Largest encoding of an entry whose name has n bytes: two names, the line
 * before the second, ATTRS with all we send. */
static size_t
entry_room(size_t n)
{
	return 4 + n + 4 + ATTRS_LINE_MAX + n + 32;
}

/* string filename, string longname, ATTRS; st NULL: may not be looked at */
static void
put_entry(struct sftp_session *s, struct view name, const struct stat *st,
    int64_t now)
{
	char line[ATTRS_LINE_MAX];
	size_t n = attrs_line(st, s->policy, now, line);
	struct attrs a = { .flags = 0 };

	if (st != NULL)
		a = attrs_of(st);
	wr_str(&s->out, name);
	wr_u32(&s->out, (uint32_t)(n + name.n));
	wr_bytes(&s->out, view_of(line, n));
	wr_bytes(&s->out, name);
	attrs_put(&s->out, &a);
}

/* Puts entries until the answer is full or no more are left; opens its frame
 * (*at_out) with the first.  Returns how many; *error_out if none are left. */
static uint32_t
put_entries(struct sftp_session *s, uint32_t id, struct handle *h,
    size_t *at_out, int *error_out)
{
	size_t start = wr_size(&s->out);
	const struct dirent64 *e;
	int64_t now = time(NULL);
	uint32_t count = 0;
	struct view name;
	struct stat st;
	bool seen;

	for (; (e = handle_dir_peek(h, error_out)) != NULL;
	    handle_dir_next(h)) {
		name = view_str(e->d_name);
		if (count != 0 && wr_size(&s->out) - start +
		    entry_room(name.n) > SFTP_NAMES_MAX)
			break;
		seen = fstatat(h->fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0;
		if (!seen && errno == ENOENT)
			continue;	/* removed since */
		if (count++ == 0) {
			*at_out = reply_open(s, id, FXP_NAME);
			wr_u32(&s->out, 0);
		}
		put_entry(s, name, seen ? &st : NULL, now);
	}
	return count;
}

/* NAME: uint32 count, then the entries; the count comes 9 bytes into it. */
void
do_readdir(struct sftp_session *s, const struct req *q)
{
	struct handle *h = reply_find(s, q->id, q->handle, HANDLE_DIR);
	uint32_t count;
	size_t at = 0;
	int error;

	if (h == NULL)
		return;
	count = put_entries(s, q->id, h, &at, &error);
	if (count != 0) {
		wr_patch_u32(&s->out, at + 9, count);
		reply_close(s, at);
	} else if (error != 0)
		reply_errno(s, q->id, error);
	else
		reply_status(s, q->id, status_of(FX_EOF));
}

void
do_mkdir(struct sftp_session *s, const struct req *q)
{
	mode_t mode = (q->attrs.flags & ATTR_PERM) != 0 ?
	    q->attrs.perm & 07777 : 0777;
	char path[PATH_MAX];
	int error;

	if (!reply_path(s, q->id, q->path, path))
		return;
	error = mkdir(path, mode) == 0 ? 0 : errno;
	event_change(&s->from, "dir-create", path, NULL, error);
	reply_errno(s, q->id, error);
}

void
do_rmdir(struct sftp_session *s, const struct req *q)
{
	char path[PATH_MAX];
	int error;

	if (!reply_path(s, q->id, q->path, path))
		return;
	error = rmdir(path) == 0 ? 0 : errno;
	event_change(&s->from, "dir-remove", path, NULL, error);
	reply_errno(s, q->id, error);
}
