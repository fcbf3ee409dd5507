/*
 * A command that is served here, as its service sees it.  Inside sftp/ only.
 */
#ifndef SFTP_EXEC_H
#define SFTP_EXEC_H

#include "sftp/command.h"
#include "sftp/events.h"
#include "sftp/parse.h"
#include "sftp/proto.h"

/* What a step leaves behind. */
enum exec_step {
	EXEC_AGAIN,	/* there is more to do */
	EXEC_INPUT,	/* not before more has come from the client */
	EXEC_OVER	/* the command has ended: s->status */
};

/* One kind of command; its state hangs off s->state. */
struct exec_service {
	const char *name;		/* in its events */
	enum log_level level;		/* of the one that tells of it all */
	/* Does a bounded piece of work: takes bytes off s->in, puts at most
	 * EXEC_STEP_MAX bytes into s->out.  s->eof: no more will come. */
	enum exec_step (*step)(struct exec_session *s);
	/* The session ends, whether or not the command has. */
	void (*free)(struct exec_session *s);
	/* What the client has sent counts though it has gone. */
	bool unheard;
};

#define EXEC_STEP_MAX	((size_t)256 << 10)
/* A service must not wait for more input than this at a time. */
#define EXEC_INPUT_MAX	((size_t)16 << 10)

struct exec_session {
	const struct jail_policy *policy;
	struct event_from from;
	struct exec_fds fd;
	bool eof;			/* the client will send no more */
	bool blocked;			/* nothing is taken from us now */
	bool deaf;			/* ... nor ever again */
	bool over;
	bool wants;			/* the service waits for input */
	uint32_t status;
	const char *fault;		/* static: why it had to end, or NULL */
	size_t take;			/* bytes to ask for at a time */
	struct wr in, out, complaints;
	struct wr line;			/* as it came, as far as it is shown */
	struct command *command;	/* NULL: it could not be read */
	const struct exec_service *service;
	void *state;
	uint64_t bytes;			/* worked on, for the log */
	int64_t since_ms;
};

/* scp.c: `scp -t` and `scp -f`.  s->command has one part, which begins with
 * scp.  False: no memory. */
bool scp_start(struct exec_session *s) MUST_CHECK;
/* The same for a line that cannot be parsed: its user is told why (static). */
bool scp_refuse(struct exec_session *s, const char *why) MUST_CHECK;
/* builtin.c; likewise, for parts of which each is a built-in command. */
bool builtin_start(struct exec_session *s) MUST_CHECK;

/* May this user do this to the path?  op: enum fxp; pflags for FXP_OPEN. */
bool exec_allowed(const struct exec_session *s, enum fxp op,
    const char *path, uint32_t pflags);
/* What they are told if not. */
#define EXEC_READ_ONLY	"This session is read-only"

/* A line for the user, on stderr if there is one: "who: name: why", where name
 * may be NULL and is made printable. */
void exec_complain(struct exec_session *s, const char *who, const char *name,
    const char *why);

#endif
