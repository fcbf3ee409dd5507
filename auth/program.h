/*
 * Runs a program of the operator's for a login process, which is root: in a
 * session of its own, as an account without any right, with nothing of ours
 * but three pipes, never through a shell.
 *
 * Between the login and the program stands a supervisor, a fork of the login,
 * whose children the program and all that it starts become.  It ends them when
 * the program has ended, when the login is done with it, and when the login
 * dies, however that comes about.
 *
 * What a program says counts only if it then ends with status 0 in time.
 */
#ifndef AUTH_PROGRAM_H
#define AUTH_PROGRAM_H

#include "auth/supervisor.h"
#include "base/policy.h"

#define PROGRAM_OUT_MAX	((size_t)64 * 1024)	/* of one turn */
#define PROGRAM_ERR_LINES	20	/* of stderr that are logged */
#define PROGRAM_ERR_MAX		512	/* bytes of one of them */

struct program_spec {
	const char *what;	/* key of the configuration, for the log */
	struct view_list argv;	/* the path first; 1 to POLICY_ARGV_MAX */
	const struct policy_programs *as;	/* who runs it, for how long */
	bool own;		/* ours, lies beside the daemon: not asked who
				 * may write to it */
	/* As in struct auth_start. */
	bool (*wait)(void *ctx, int fd, short events, int ms);
	void *wait_ctx;
};

struct program;

/* Starts it.  spec and all it points to must outlive the result; SIGPIPE must
 * be ignored.  NULL: *why_out, static; the log has more. */
struct program *program_start(const struct program_spec *spec,
    const char **why_out);

/*
 * Says `in` to the program and takes one line of what it says then (without
 * its end) into out, which is reset first.  False: *why_out, static, and the
 * program can only be ended.
 */
bool program_ask(struct program *p, struct view in, struct wr *out,
    const char **why_out) MUST_CHECK;

/* Says `in` and that nothing more comes, and takes all that the program says
 * until it ends.  False as above, also if its status is not 0. */
bool program_finish(struct program *p, struct view in, struct wr *out,
    const char **why_out) MUST_CHECK;

/* Ends what is left of it and waits for that, at most SUPERVISOR_GRACE_MS
 * and a little. */
void program_end(struct program **p);

/* The three in one: for programs that are asked once. */
bool program_run(const struct program_spec *spec, struct view in,
    struct wr *out, const char **why_out) MUST_CHECK;

/* ---- program_path.c ---- */

/*
 * Is it a file that only root can change: regular, executable, owned by root
 * and writable by nobody else, like every folder and symbolic link on the way
 * to it?  (A folder with the sticky bit, such as /tmp, may be written to: what
 * root has put there stays.)  resolved_out, of PATH_MAX bytes, gets the path
 * without links.  False: why_out says what is wrong and what mends it;
 * *missing_out: it is simply not there.
 */
bool program_path_ok(const char *path, char *resolved_out, bool *missing_out,
    char *why_out, size_t n) MUST_CHECK;

/* ---- program_child.c ---- */

/* What supervisor and program get, made before the fork. */
struct program_child {
	char path[4096];	/* to be executed */
	int exe;		/* the same, open: ours may lie where the
				 * account cannot go; -1: by its path */
	char *argv[POLICY_ARGV_MAX + 1];
	const struct policy_programs *as;
	int in, out, err;	/* the program's ends */
	int ctl;		/* the supervisor's: it says the program's
				 * status in four bytes; EOF ends it all */
};
void program_child_main(const struct program_child *c)
    __attribute__((noreturn));

#endif
