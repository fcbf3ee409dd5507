/*
 * copy-data: bytes from one open file to another.  It runs in slices, one a
 * turn of the caller's loop, so that the other sessions of the process are
 * served meanwhile; this session takes its next request when it is done,
 * because that may well be the CLOSE of a file being copied.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sftp/events.h"
#include "sftp/ops.h"
#include "sftp/reply.h"

#define SLICE_BYTES	((size_t)8 << 20)
#define PLAIN_BYTES	((size_t)128 << 10)

struct copy {
	uint32_t id;
	struct handle *from, *to;	/* stay open: nothing closes them now */
	off_t from_at, to_at;
	uint64_t left;
	bool cut;		/* asked for more than there was */
	bool plain;		/* the kernel does not copy these two */
	uint8_t *bytes;		/* PLAIN_BYTES, once plain */
};

void
copy_free(struct copy **c)
{
	if (*c != NULL)
		free((*c)->bytes);
	free(*c);
	*c = NULL;
}

static void
finish(struct sftp_session *s, int error)
{
	struct copy *c = s->copy;

	if (error != 0)
		handle_failed(c->to, error);
	event_change(&s->from, "file-copy", c->from->path, c->to->path, error);
	if (error == 0 && c->cut)
		reply_status(s, c->id, status_of(FX_EOF));
	else
		reply_errno(s, c->id, error);
	copy_free(&s->copy);
}

static void
moved(struct copy *c, size_t n)
{
	c->from->got += n;
	c->from_at += (off_t)n;
	c->to_at += (off_t)n;
	c->left -= n;
}

/* Returns what was copied: 0 at the end of the file, -1: errno. */
static ssize_t
copy_plain(struct copy *c, size_t n)
{
	ssize_t got;

	if (c->bytes == NULL && (c->bytes = malloc(PLAIN_BYTES)) == NULL) {
		errno = ENOMEM;
		return -1;
	}
	got = pread(c->from->fd, c->bytes, n < PLAIN_BYTES ? n : PLAIN_BYTES,
	    c->from_at);
	if (got > 0 && !handle_write(c->to, view_of(c->bytes, (size_t)got),
	    (uint64_t)c->to_at))
		return -1;
	return got;
}

static ssize_t
copy_some(struct copy *c, size_t n)
{
	off_t from = c->from_at, to = c->to_at;
	ssize_t got = -1;

	if (!c->plain)
		got = copy_file_range(c->from->fd, &from, c->to->fd, &to, n, 0);
	/* Not these two files, not here, not one opened to append; and 0 may
	 * be a file system that does not say its sizes.  If it is a real
	 * error, the plain way meets it again. */
	if (got > 0) {
		c->to->put += (uint64_t)got;
		return got;
	}
	c->plain = true;
	return copy_plain(c, n);
}

void
copy_step(struct sftp_session *s)
{
	struct copy *c = s->copy;
	size_t budget = SLICE_BYTES;
	ssize_t n;

	while (c->left != 0 && budget != 0) {
		n = copy_some(c, c->left < budget ? (size_t)c->left : budget);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			finish(s, errno);
			return;
		}
		if (n == 0)		/* has become shorter meanwhile */
			c->left = 0;
		else
			moved(c, (size_t)n);
		budget -= (size_t)n;
	}
	if (c->left == 0)
		finish(s, 0);
}

/* Is there anything against copying between these two?  Returns a static
 * text, or NULL. */
static const char *
obstacle(const struct handle *from, const struct handle *to,
    const struct req *q, uint64_t *size_out)
{
	struct stat a, b;

	if ((from->pflags & FXF_READ) == 0 && (from->pflags & FXF_WRITE) != 0)
		return "Source is not open for reading";
	if ((to->pflags & FXF_WRITE) == 0)
		return "Target is not open for writing";
	if (q->offset > INT64_MAX || q->offset2 > INT64_MAX)
		return status_errno(EFBIG).text;
	if (fstat(from->fd, &a) == -1 || fstat(to->fd, &b) == -1)
		return status_errno(errno).text;
	/* Two handles may be two names of one file. */
	if (a.st_dev == b.st_dev && a.st_ino == b.st_ino)
		return "Source and target are the same file";
	*size_out = (uint64_t)a.st_size;
	return NULL;
}

/* Count 0 is "to the end".  Never more than there is now: a source that
 * grows while it is copied would have no end. */
void
do_copy_data(struct sftp_session *s, const struct req *q)
{
	struct handle *from, *to;
	uint64_t size = 0, have;
	const char *why;

	if ((from = reply_find(s, q->id, q->handle, HANDLE_FILE)) == NULL ||
	    (to = reply_find(s, q->id, q->handle2, HANDLE_FILE)) == NULL)
		return;
	if ((why = obstacle(from, to, q, &size)) != NULL) {
		reply_text(s, q->id, FX_FAILURE, why);
		return;
	}
	have = q->offset < size ? size - q->offset : 0;
	if (have > INT64_MAX - q->offset2) {
		reply_errno(s, q->id, EFBIG);
		return;
	}
	if ((s->copy = malloc(sizeof(*s->copy))) == NULL) {
		reply_errno(s, q->id, ENOMEM);
		return;
	}
	*s->copy = (struct copy){ .id = q->id, .from = from, .to = to,
	    .from_at = (off_t)q->offset, .to_at = (off_t)q->offset2,
	    .left = q->count != 0 && q->count < have ? q->count : have,
	    .cut = q->count > have };
	copy_step(s);
}
