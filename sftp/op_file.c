#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sftp/events.h"
#include "sftp/open.h"
#include "sftp/ops.h"
#include "sftp/reply.h"

static int
open_flags(uint32_t pflags)
{
	int flags;

	if ((pflags & FXF_WRITE) == 0)
		flags = O_RDONLY;
	else
		flags = (pflags & FXF_READ) != 0 ? O_RDWR : O_WRONLY;
	if ((pflags & FXF_APPEND) != 0)
		flags |= O_APPEND;
	if ((pflags & FXF_CREAT) != 0)
		flags |= O_CREAT;
	if ((pflags & FXF_TRUNC) != 0)
		flags |= O_TRUNC;
	if ((pflags & FXF_EXCL) != 0)
		flags |= O_EXCL;
	return flags;
}

void
do_open(struct sftp_session *s, const struct req *q)
{
	mode_t mode = (q->attrs.flags & ATTR_PERM) != 0 ?
	    q->attrs.perm & 07777 : 0666;
	char path[PATH_MAX];
	struct status why;
	struct handle *h;
	int fd;

	if (!reply_path(s, q->id, q->path, path))
		return;
	/* Asked before open(2), which may make the file. */
	if (!handle_room(&s->handles)) {
		reply_errno(s, q->id, EMFILE);
		return;
	}
	fd = open_regular(AT_FDCWD, path, open_flags(q->pflags), mode, &why);
	if (fd == -1) {
		reply_status(s, q->id, why);
		return;
	}
	h = handle_new(&s->handles, HANDLE_FILE, fd, path);
	if (h == NULL) {
		reply_errno(s, q->id, ENOMEM);
		return;
	}
	h->pflags = q->pflags;
	reply_handle(s, q->id, h->id);
}

/* Some file systems tell only now that data could not be kept, so the
 * transfer is logged after close(2). */
static bool
close_file(struct sftp_session *s, struct handle *h)
{
	int error = handle_shut(h) ? 0 : errno;

	if (error != 0)
		handle_failed(h, error);
	event_transfer(&s->from, h, false);
	handle_free(&s->handles, &h);
	errno = error;
	return error == 0;
}

void
do_close(struct sftp_session *s, const struct req *q)
{
	struct handle *h = reply_find(s, q->id, q->handle, HANDLE_ANY);

	if (h == NULL)
		return;
	if (h->kind == HANDLE_FILE) {
		reply_result(s, q->id, close_file(s, h));
		return;
	}
	handle_free(&s->handles, &h);
	reply_errno(s, q->id, 0);
}

/*
 * The file's bytes go straight to where they are sent from; the frame is
 * written around them afterwards: uint32 length, byte type, uint32 id,
 * uint32 data length, data.
 */
#define DATA_HEAD 13
_Static_assert(DATA_HEAD + SFTP_DATA_MAX <= SFTP_ANSWER_MAX, "READ fits");

void
do_read(struct sftp_session *s, const struct req *q)
{
	struct handle *h = reply_find(s, q->id, q->handle, HANDLE_FILE);
	size_t len = q->length < SFTP_DATA_MAX ? q->length : SFTP_DATA_MAX;
	uint8_t *p;
	ssize_t n = 0;

	if (h == NULL || s->deaf)
		return;
	if ((p = wr_reserve(&s->out, DATA_HEAD + len)) == NULL)
		return;		/* no memory: the session ends */
	if (q->offset <= INT64_MAX)
		n = pread(h->fd, p + DATA_HEAD, len, (off_t)q->offset);
	if (n == -1) {
		handle_failed(h, errno);
		reply_errno(s, q->id, errno);
		return;
	}
	if (n == 0) {
		reply_status(s, q->id, status_of(FX_EOF));
		return;
	}
	put_u32(p, (uint32_t)(DATA_HEAD - 4 + n));
	p[4] = FXP_DATA;
	put_u32(p + 5, q->id);
	put_u32(p + 9, (uint32_t)n);
	wr_commit(&s->out, DATA_HEAD + (size_t)n);
	h->got += (uint64_t)n;
}

void
do_write(struct sftp_session *s, const struct req *q)
{
	struct handle *h = reply_find(s, q->id, q->handle, HANDLE_FILE);
	int error;

	if (h == NULL)
		return;
	if ((h->pflags & FXF_WRITE) == 0) {
		reply_errno(s, q->id, EBADF);
		return;
	}
	error = handle_write(h, q->data, q->offset) ? 0 : errno;
	if (error != 0)
		handle_failed(h, error);
	reply_errno(s, q->id, error);
}

void
do_fstat(struct sftp_session *s, const struct req *q)
{
	struct handle *h = reply_find(s, q->id, q->handle, HANDLE_ANY);
	struct stat st;

	if (h == NULL)
		return;
	if (fstat(h->fd, &st) == -1)
		reply_errno(s, q->id, errno);
	else
		reply_attrs(s, q->id, &st);
}

void
do_fsetstat(struct sftp_session *s, const struct req *q)
{
	struct handle *h = reply_find(s, q->id, q->handle, HANDLE_ANY);
	struct attrs_target t;
	int error;

	if (h == NULL)
		return;
	t = (struct attrs_target){ .fd = h->fd };
	error = attrs_apply(&t, &q->attrs) ? 0 : errno;
	event_change(&s->from, "file-setstat", h->path, NULL, error);
	reply_errno(s, q->id, error);
}

void
do_fsync(struct sftp_session *s, const struct req *q)
{
	struct handle *h = reply_find(s, q->id, q->handle, HANDLE_FILE);
	int error;

	if (h == NULL)
		return;
	error = fsync(h->fd) == 0 ? 0 : errno;
	if (error != 0)
		handle_failed(h, error);
	reply_errno(s, q->id, error);
}
