#include "sftp/parse.h"
#include "sftp/proto.h"

/*
 * All fields of the request were there.  Bytes behind them are let pass, as
 * OpenSSH lets them: Go's client (rclone) leaves the rest of its buffer behind
 * the data of a WRITE.
 */
static bool
complete(const struct rd *r)
{
	return !r->bad;
}

/*
 * ATTRS (draft 5): uint32 flags, then what the flags announce:
 *	uint64 size
 *	uint32 uid, uint32 gid
 *	uint32 permissions
 *	uint32 atime, uint32 mtime
 *	uint32 count, count times string type, string data
 */
static void
read_attrs(struct rd *r, struct attrs *a)
{
	uint32_t n;

	a->flags = rd_u32(r);
	if ((a->flags & ATTR_SIZE) != 0)
		a->size = rd_u64(r);
	if ((a->flags & ATTR_UIDGID) != 0) {
		a->uid = rd_u32(r);
		a->gid = rd_u32(r);
	}
	if ((a->flags & ATTR_PERM) != 0)
		a->perm = rd_u32(r);
	if ((a->flags & ATTR_TIMES) != 0) {
		a->atime = rd_u32(r);
		a->mtime = rd_u32(r);
	}
	/* Nothing extended is known here.  The count may lie; the first pair
	 * that is not there ends the loop. */
	n = (a->flags & ATTR_EXTENDED) != 0 ? rd_u32(r) : 0;
	while (n-- > 0 && !r->bad) {
		rd_str(r);
		rd_str(r);
	}
}

/* string filename, uint32 pflags, ATTRS */
bool
parse_open(struct view body, struct req *q)
{
	struct rd r = rd_of(body);

	q->path = rd_text(&r);
	q->pflags = rd_u32(&r);
	read_attrs(&r, &q->attrs);
	return complete(&r);
}

/* string handle */
bool
parse_handle(struct view body, struct req *q)
{
	struct rd r = rd_of(body);

	q->handle = rd_str(&r);
	return complete(&r);
}

/* string handle, uint64 offset, uint32 len */
bool
parse_read(struct view body, struct req *q)
{
	struct rd r = rd_of(body);

	q->handle = rd_str(&r);
	q->offset = rd_u64(&r);
	q->length = rd_u32(&r);
	return complete(&r);
}

/* string handle, uint64 offset, string data */
bool
parse_write(struct view body, struct req *q)
{
	struct rd r = rd_of(body);

	q->handle = rd_str(&r);
	q->offset = rd_u64(&r);
	q->data = rd_str(&r);
	return complete(&r);
}

/* string path */
bool
parse_path(struct view body, struct req *q)
{
	struct rd r = rd_of(body);

	q->path = rd_text(&r);
	return complete(&r);
}

/* string oldpath, string newpath */
bool
parse_two_paths(struct view body, struct req *q)
{
	struct rd r = rd_of(body);

	q->path = rd_text(&r);
	q->path2 = rd_text(&r);
	return complete(&r);
}

/* string path, ATTRS */
bool
parse_path_attrs(struct view body, struct req *q)
{
	struct rd r = rd_of(body);

	q->path = rd_text(&r);
	read_attrs(&r, &q->attrs);
	return complete(&r);
}

/* string handle, ATTRS */
bool
parse_handle_attrs(struct view body, struct req *q)
{
	struct rd r = rd_of(body);

	q->handle = rd_str(&r);
	read_attrs(&r, &q->attrs);
	return complete(&r);
}

/*
 * string read-from-handle, uint64 read-from-offset, uint64 read-data-length,
 * string write-to-handle, uint64 write-to-offset
 * (draft-ietf-secsh-filexfer-extensions-00, section 7)
 */
bool
parse_copy(struct view body, struct req *q)
{
	struct rd r = rd_of(body);

	q->handle = rd_str(&r);
	q->offset = rd_u64(&r);
	q->count = rd_u64(&r);
	q->handle2 = rd_str(&r);
	q->offset2 = rd_u64(&r);
	return complete(&r);
}

/* string uids, string gids: each of them uint32 after uint32 */
bool
parse_ids(struct view body, struct req *q)
{
	struct rd r = rd_of(body);

	q->uids = rd_str(&r);
	q->gids = rd_str(&r);
	return complete(&r) && q->uids.n % 4 == 0 && q->gids.n % 4 == 0;
}

bool
parse_nothing(struct view body, struct req *q)
{
	struct rd r = rd_of(body);

	(void)q;
	return complete(&r);
}
