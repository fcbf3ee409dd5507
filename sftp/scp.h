/*
 * The old protocol of scp and rcp, the server's ends of it: `scp -t` takes
 * files, `scp -f` gives them.  Nothing describes it but what clients do; in
 * short, each end answers each record of the other by one byte:
 *
 *	\0		go on
 *	\1 text \n	not this one, because; go on with the next
 *	\2 text \n	the end
 *
 * and the end that gives sends these records:
 *
 *	T mtime 0 atime 0 \n	times of what comes next (with -p)
 *	C mode size name \n	a file; then its bytes and an answer byte
 *	D mode 0 name \n	a directory: what follows is in it (with -r)
 *	E \n			it ends
 *
 * Inside sftp/ only.
 */
#ifndef SFTP_SCP_H
#define SFTP_SCP_H

#include <sys/types.h>
#include <time.h>

#include "sftp/exec.h"

#define SCP_LINE_MAX	8192	/* a record or an answer; names have 255 */
#define SCP_DEPTH_MAX	256	/* directories inside each other */
_Static_assert(SCP_LINE_MAX < EXEC_INPUT_MAX, "a line can be waited for");

/* ---- scp.c ---- */
struct scp_args {
	bool to, from;			/* -t, -f: one of them */
	bool recursive, times, directory;	/* -r, -p, -d */
	size_t first, n;		/* words that are paths */
};
/* The options of a parsed command.  False: *why_out, static. */
bool scp_args(const struct command *c, struct scp_args *out,
    const char **why_out) MUST_CHECK;

void scp_yes(struct exec_session *s);
/* \1: "scp: name: what: why"; what may be NULL.  The command fails. */
void scp_no(struct exec_session *s, const char *name, const char *what,
    const char *why);
/* \2: "scp: why", and the end. */
enum exec_step scp_fatal(struct exec_session *s, const char *why);
enum exec_step scp_broken(struct exec_session *s, const char *why);

/* What the other end says to the last record. */
enum scp_answer {
	SCP_WAIT,		/* nothing yet */
	SCP_YES, SCP_NO,
	SCP_STOP,		/* \2, or what is no answer */
	SCP_CUT			/* there will be none */
};
enum scp_answer scp_answer(struct exec_session *s);

/* Takes a whole line off the input; a view without its end, until the next
 * bytes come.  ERR_AGAIN: not yet; ERR_CLOSED: there is none; ERR_LIMIT: too
 * long. */
enum err scp_line(struct exec_session *s, struct view *line_out) MUST_CHECK;

/* ---- scp_record.c ---- */
struct scp_record {
	char kind;		/* C D E T, or 1 and 2 for those answers */
	uint32_t mode;		/* C D: 0-07777 */
	uint64_t size;		/* C D */
	struct view name;	/* C D: one component; 1 2: text.  Borrowed */
	struct timespec times[2];	/* T: access, change */
};
/* Parses a line of the end that gives.  False: *why_out, static. */
bool scp_record(struct view line, struct scp_record *out,
    const char **why_out) MUST_CHECK;

/* ---- scp_sink.c, scp_source.c ---- */
extern const struct exec_service scp_sink, scp_source;
/* Their states; NULL: no memory. */
void *scp_sink_new(struct exec_session *s, const struct scp_args *a);
void *scp_source_new(struct exec_session *s, const struct scp_args *a);

#endif
