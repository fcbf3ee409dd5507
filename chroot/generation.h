/*
 * Configurations by number.  The YAML is read in a child; the warden maps
 * the flat block that comes back, where no later child inherits it.
 */
#ifndef CHROOT_GENERATION_H
#define CHROOT_GENERATION_H

#include <sys/types.h>

#include "base/config.h"
#include "chroot/hostkeys.h"

struct generation {
	uint32_t number;
	void *map;			/* NULL once it is superseded */
	size_t len;
	struct config *config;		/* NULL with map */
	struct hostkeys keys;		/* stay for rekeys of its connections */
};

/* A child that reads the configuration. */
struct parse_job {
	pid_t pid;			/* 0: none */
	int block, faults;		/* files in memory */
};

struct parse_how {
	const char *file;
	bool unprivileged;
	const char *helper;		/* path of sallyport-account, or NULL */
	uint32_t max_connections;
};

#define PARSE_BLOCK_MAX		((size_t)256 << 20)
#define PARSE_FAULTS_MAX	((size_t)1 << 20)

/* parse_env.c: how to check a configuration for this host; how must outlive
 * the result, which only a process that does little else may use. */
struct config_env parse_env(const struct parse_how *how);
/* The child's side: reads, writes what it found into the job's files. */
void parse_child(const struct parse_job *j, const struct parse_how *how)
    __attribute__((noreturn));

/* False: errno. */
bool parse_start(struct parse_job *j, const struct parse_how *how)
    MUST_CHECK;
/*
 * The child has ended with this wait status.  A new generation with its host
 * keys, or NULL; faults and warnings are appended to `faults` either way, one
 * per line.  Frees the job.
 */
struct generation *parse_finish(struct parse_job *j, int status,
    uint32_t number, struct wr *faults);
/* Kills a child that still runs. */
void parse_cancel(struct parse_job *j);

/* Gives the mapping back, keeps the keys. */
void generation_retire(struct generation *g);
void generation_free(struct generation **g);
/* Host keys out of this process, in a child of the warden. */
void generation_forget_keys(struct generation *g);

/* config_env.resolve: ctx is the helper's path (const char *). */
bool resolve_account(void *ctx, const char *name, struct policy *out,
    const char **why_out);
struct resolve_question {
	const char *role, *name;	/* arguments */
	struct view in;			/* standard input */
};
/* Appends what it prints until it ends, which is waited for; false: why not,
 * static. */
bool resolve_ask(const char *helper, const struct resolve_question *q,
    struct wr *out, const char **why_out) MUST_CHECK;
/* The helper beside the binary or in its libexec, malloc'ed; NULL: there is
 * none. */
char *resolve_find_helper(void);

#endif
