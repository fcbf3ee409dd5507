/*
 * Requests as plain structs.  A parser is pure: it takes the bytes behind the
 * request id (behind the name, for an extension), fills the fields of its
 * request and says whether all of it was there and nothing was left over.
 */
#ifndef SFTP_PARSE_H
#define SFTP_PARSE_H

#include "base/buf.h"

struct attrs {
	uint32_t flags;		/* ATTR_*: which of these are there */
	uint64_t size;
	uint32_t uid, gid;
	uint32_t perm;
	uint32_t atime, mtime;
};

/* All views are borrowed from the request; paths hold no NUL. */
struct req {
	uint32_t id;
	uint32_t pflags;	/* FXF_* */
	uint32_t length;	/* of READ */
	uint64_t offset;
	struct view handle;
	struct view path;
	struct view path2;	/* new name, link name */
	struct view data;
	struct attrs attrs;
	/* copy-data */
	struct view handle2;
	uint64_t offset2;
	uint64_t count;
	/* users-groups-by-id@openssh.com: uint32 after uint32 */
	struct view uids, gids;
};

bool parse_open(struct view body, struct req *q) MUST_CHECK;
bool parse_handle(struct view body, struct req *q) MUST_CHECK;
bool parse_read(struct view body, struct req *q) MUST_CHECK;
bool parse_write(struct view body, struct req *q) MUST_CHECK;
bool parse_path(struct view body, struct req *q) MUST_CHECK;
bool parse_two_paths(struct view body, struct req *q) MUST_CHECK;
bool parse_path_attrs(struct view body, struct req *q) MUST_CHECK;
bool parse_handle_attrs(struct view body, struct req *q) MUST_CHECK;
bool parse_copy(struct view body, struct req *q) MUST_CHECK;
bool parse_ids(struct view body, struct req *q) MUST_CHECK;
bool parse_nothing(struct view body, struct req *q) MUST_CHECK;

#endif
