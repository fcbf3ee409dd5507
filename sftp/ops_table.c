#include "sftp/ops.h"
#include "sftp/reply.h"

static const struct op ops[] = {
	[FXP_OPEN] = { "open", OP_OPEN, parse_open, do_open, NULL },
	[FXP_CLOSE] = { "close", OP_READ, parse_handle, do_close, NULL },
	[FXP_READ] = { "read", OP_READ, parse_read, do_read, NULL },
	[FXP_WRITE] = { "write", OP_WRITE, parse_write, do_write, NULL },
	[FXP_LSTAT] = { "lstat", OP_READ, parse_path, do_lstat, NULL },
	[FXP_FSTAT] = { "fstat", OP_READ, parse_handle, do_fstat, NULL },
	[FXP_SETSTAT] = { "setstat", OP_WRITE, parse_path_attrs, do_setstat,
	    NULL },
	[FXP_FSETSTAT] = { "fsetstat", OP_WRITE, parse_handle_attrs,
	    do_fsetstat, NULL },
	[FXP_OPENDIR] = { "opendir", OP_READ, parse_path, do_opendir, NULL },
	[FXP_READDIR] = { "readdir", OP_READ, parse_handle, do_readdir, NULL },
	[FXP_REMOVE] = { "remove", OP_WRITE, parse_path, do_remove, NULL },
	[FXP_MKDIR] = { "mkdir", OP_WRITE, parse_path_attrs, do_mkdir, NULL },
	[FXP_RMDIR] = { "rmdir", OP_WRITE, parse_path, do_rmdir, NULL },
	[FXP_REALPATH] = { "realpath", OP_READ, parse_path, do_realpath, NULL },
	[FXP_STAT] = { "stat", OP_READ, parse_path, do_stat, NULL },
	[FXP_RENAME] = { "rename", OP_WRITE, parse_two_paths, do_rename, NULL },
	[FXP_READLINK] = { "readlink", OP_READ, parse_path, do_readlink, NULL },
	[FXP_SYMLINK] = { "symlink", OP_WRITE, parse_two_paths, do_symlink,
	    NULL },
};

static const struct op extensions[] = {
	{ "posix-rename@openssh.com", OP_WRITE, parse_two_paths,
	    do_posix_rename, "1" },
	{ "statvfs@openssh.com", OP_READ, parse_path, do_statvfs, "2" },
	{ "fstatvfs@openssh.com", OP_READ, parse_handle, do_fstatvfs, "2" },
	{ "hardlink@openssh.com", OP_WRITE, parse_two_paths, do_hardlink,
	    "1" },
	{ "fsync@openssh.com", OP_WRITE, parse_handle, do_fsync, "1" },
	{ "lsetstat@openssh.com", OP_WRITE, parse_path_attrs, do_lsetstat,
	    "1" },
	{ "limits@openssh.com", OP_READ, parse_nothing, do_limits, "1" },
	{ "expand-path@openssh.com", OP_READ, parse_path, do_expand_path,
	    "1" },
	{ "copy-data", OP_WRITE, parse_copy, do_copy_data, "1" },
	{ "home-directory", OP_READ, parse_path, do_home_directory, "1" },
	{ "users-groups-by-id@openssh.com", OP_READ, parse_ids,
	    do_names_by_id, "1" },
};
#define NEXTENSIONS (sizeof(extensions) / sizeof(extensions[0]))

const struct op *
ops_find(uint8_t type)
{
	if (type >= sizeof(ops) / sizeof(ops[0]) || ops[type].run == NULL)
		return NULL;
	return &ops[type];
}

const struct op *
ops_extension_at(size_t i)
{
	return i < NEXTENSIONS ? &extensions[i] : NULL;
}

const struct op *
ops_extension(struct view name)
{
	for (size_t i = 0; i < NEXTENSIONS; i++)
		if (view_is(name, extensions[i].name))
			return &extensions[i];
	return NULL;
}

/* Whatever an open asks for beyond reading may change something: even an
 * empty file is a change. */
static bool
changes(const struct op *op, const struct req *q)
{
	if ((op->flags & OP_OPEN) != 0)
		return (q->pflags & ~FXF_READ) != 0;
	return (op->flags & OP_WRITE) != 0;
}

bool
ops_allowed(const struct jail_policy *p, const struct op *op,
    const struct req *q)
{
	return !p->read_only || !changes(op, q);
}

/*
 * INIT: uint32 version, then extension pairs, none of which is known here;
 * clients have been seen with odd bytes there, so they are not looked at.
 * The answer is our version whatever the client's: it must then decide.
 */
static enum err
run_init(struct sftp_session *s, struct view body)
{
	struct rd r = rd_of(body);
	size_t at;

	rd_u32(&r);
	if (r.bad || s->started)
		return ERR_PROTO;
	s->started = true;
	at = wr_open(&s->out);
	wr_u8(&s->out, FXP_VERSION);
	wr_u32(&s->out, SFTP_VERSION);
	for (size_t i = 0; i < NEXTENSIONS; i++) {
		if (s->policy->read_only &&
		    (extensions[i].flags & OP_WRITE) != 0)
			continue;
		wr_cstr(&s->out, extensions[i].name);
		wr_cstr(&s->out, extensions[i].version);
	}
	wr_close(&s->out, at);
	return OK;
}

static void
run_request(struct sftp_session *s, uint8_t type, uint32_t id,
    struct view body)
{
	const struct op *op = ops_find(type);
	struct req q = { .id = id };
	struct rd r = rd_of(body);
	bool ok = true;

	if (type == FXP_EXTENDED) {
		op = ops_extension(rd_str(&r));
		ok = !r.bad;
	}
	if (ok && op == NULL)
		reply_status(s, id, status_of(FX_OP_UNSUPPORTED));
	else if (!ok || !op->parse(rd_rest(&r), &q))
		reply_status(s, id, status_of(FX_BAD_MESSAGE));
	else if (!ops_allowed(s->policy, op, &q))
		reply_text(s, id, FX_PERMISSION_DENIED,
		    "This session is read-only");
	else
		op->run(s, &q);
}

enum err
ops_run(struct sftp_session *s, struct view frame)
{
	struct rd r = rd_of(frame);
	uint8_t type = rd_u8(&r);
	uint32_t id;

	if (type == FXP_INIT) {
		enum err e = run_init(s, rd_rest(&r));

		return e == OK && s->out.bad ? ERR_NOMEM : e;
	}
	id = rd_u32(&r);
	if (r.bad || !s->started)
		return ERR_PROTO;
	s->requests++;
	run_request(s, type, id, rd_rest(&r));
	return s->out.bad ? ERR_NOMEM : OK;
}
