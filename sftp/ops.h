/*
 * The operations.  A row says what a request is called, whether it changes
 * anything, how it is parsed and what it does; policy is decided in one
 * place, from the row and the parsed request.
 */
#ifndef SFTP_OPS_H
#define SFTP_OPS_H

#include "sftp/session.h"

enum op_flags {
	OP_READ = 1 << 0,	/* looks */
	OP_WRITE = 1 << 1,	/* changes: banned when read-only */
	OP_OPEN = 1 << 2	/* which of them: pflags tell */
};

struct op {
	const char *name;
	unsigned flags;		/* enum op_flags */
	bool (*parse)(struct view body, struct req *q);
	void (*run)(struct sftp_session *s, const struct req *q);
	const char *version;	/* of an extension, as announced */
};

/* The row of a request number, of an extension's name; NULL: unknown. */
const struct op *ops_find(uint8_t type);
const struct op *ops_extension(struct view name);
/* Extensions in the order announced; NULL past the last. */
const struct op *ops_extension_at(size_t i);
/* May this user do this?  The only place that knows. */
bool ops_allowed(const struct jail_policy *p, const struct op *op,
    const struct req *q);

/* Answers one whole frame (without its length).  ERR_PROTO: nothing can be
 * answered to this; ERR_NOMEM. */
enum err ops_run(struct sftp_session *s, struct view frame) MUST_CHECK;

/* op_file.c */
void do_open(struct sftp_session *s, const struct req *q);
void do_close(struct sftp_session *s, const struct req *q);
void do_read(struct sftp_session *s, const struct req *q);
void do_write(struct sftp_session *s, const struct req *q);
void do_fstat(struct sftp_session *s, const struct req *q);
void do_fsetstat(struct sftp_session *s, const struct req *q);
void do_fsync(struct sftp_session *s, const struct req *q);
/* op_dir.c */
void do_opendir(struct sftp_session *s, const struct req *q);
void do_readdir(struct sftp_session *s, const struct req *q);
void do_mkdir(struct sftp_session *s, const struct req *q);
void do_rmdir(struct sftp_session *s, const struct req *q);
/* op_path.c */
void do_stat(struct sftp_session *s, const struct req *q);
void do_lstat(struct sftp_session *s, const struct req *q);
void do_setstat(struct sftp_session *s, const struct req *q);
void do_lsetstat(struct sftp_session *s, const struct req *q);
void do_remove(struct sftp_session *s, const struct req *q);
void do_rename(struct sftp_session *s, const struct req *q);
void do_posix_rename(struct sftp_session *s, const struct req *q);
void do_readlink(struct sftp_session *s, const struct req *q);
void do_symlink(struct sftp_session *s, const struct req *q);
void do_hardlink(struct sftp_session *s, const struct req *q);
/* op_ext.c */
void do_realpath(struct sftp_session *s, const struct req *q);
void do_expand_path(struct sftp_session *s, const struct req *q);
void do_home_directory(struct sftp_session *s, const struct req *q);
void do_limits(struct sftp_session *s, const struct req *q);
void do_statvfs(struct sftp_session *s, const struct req *q);
void do_fstatvfs(struct sftp_session *s, const struct req *q);
void do_names_by_id(struct sftp_session *s, const struct req *q);
/* copy.c */
void do_copy_data(struct sftp_session *s, const struct req *q);
/* One slice of the copy under way; answers at its end. */
void copy_step(struct sftp_session *s);
void copy_free(struct copy **c);

#endif
