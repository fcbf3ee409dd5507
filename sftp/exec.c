#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sftp/exec.h"
#include "sftp/ops.h"
#include "sftp/text.h"

/* Input is taken in bites that grow while they come back full. */
#define TAKE_MIN	((size_t)4 << 10)
#define TAKE_MAX	((size_t)256 << 10)
#define IN_MAX		(TAKE_MAX + EXEC_INPUT_MAX)
/* A step is made only below this mark, so that its output has room. */
#define SEND_MARK	((size_t)128 << 10)
#define OUT_MAX		(SEND_MARK + EXEC_STEP_MAX)
/* What of complaints nobody has read yet. */
#define COMPLAINTS_MARK	((size_t)4 << 10)
#define COMPLAINTS_MAX	((size_t)64 << 10)
#define LINE_SHOWN	((size_t)1024)	/* of the command, in the log */
/* Steps, and bytes worked on, before the caller's other descriptors get their
 * turn. */
#define TURN_STEPS	32
#define TURN_BYTES	((uint64_t)2 << 20)

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- which commands are ours ---- */

static bool
is_scp(const struct command *c, size_t part)
{
	return strcmp(c->word[c->part[part].first].text, "scp") == 0;
}

/* Does the line begin with a word of ours?  Looked at without the parser, for
 * lines that it cannot read. */
static bool
begins_with(struct view line, const char *word)
{
	size_t n = strlen(word);

	return line.n >= n && memcmp(line.p, word, n) == 0 &&
	    (line.n == n || line.p[n] == ' ');
}

/* All parts must be built-in commands; then, all must be listed. */
static enum exec_answer
ask_builtins(const struct jail_policy *p, const struct command *c)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < c->nparts; i++) {
		const char *name = c->word[c->part[i].first].text;
		uint32_t bit = exec_builtin_bit(name);

		if (bit == 0)
			return EXEC_UNKNOWN;
		bits |= bit;
	}
	return (bits & ~p->builtins) == 0 ? EXEC_SERVED : EXEC_NO_BUILTIN;
}

enum exec_answer
exec_ask(const struct jail_policy *p, struct view line)
{
	const char *why;
	struct command *c = command_parse(line, p, &why);
	enum exec_answer a;

	/* What is wrong with it, the user of scp is told as scp would. */
	if (c == NULL ? begins_with(line, "scp") : is_scp(c, 0))
		a = p->scp ? EXEC_SERVED : EXEC_NO_SCP;
	else
		a = c == NULL ? EXEC_UNKNOWN : ask_builtins(p, c);
	command_free(&c);
	return a;
}

/* ---- beginning and end ---- */

static void
close_fds(struct exec_fds *fd)
{
	close(fd->in);
	if (fd->out != fd->in)
		close(fd->out);
	if (fd->err != -1)
		close(fd->err);
}

/* The command is known to be ours: exec_ask has said so. */
static bool
start(struct exec_session *s, struct view line)
{
	const char *why;

	s->command = command_parse(line, s->policy, &why);
	if (s->command == NULL)
		return scp_refuse(s, why);
	if (is_scp(s->command, 0))
		return scp_start(s);
	return builtin_start(s);
}

/* What is wrong with a command is worth knowing, whoever is to blame. */
static void
tell(const struct exec_session *s)
{
	const struct event_command c = {
		.line = wr_view(&s->line),
		.status = s->over ? (int)s->status : -1,
		.reason = s->fault, .bytes = s->bytes,
		.ms = (uint64_t)(now_ms() - s->since_ms),
	};

	event_command(&s->from, s->fault != NULL ? LOG_WARN :
	    s->service->level, &c);
}

struct exec_session *
exec_session_new(const struct jail_policy *policy, struct view line,
    struct exec_fds fd, uint32_t channel)
{
	struct exec_session *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		close_fds(&fd);
		return NULL;
	}
	s->policy = policy;
	s->fd = fd;
	s->take = TAKE_MIN;
	s->in = wr_new(IN_MAX);
	s->out = wr_new(OUT_MAX);
	s->complaints = wr_new(COMPLAINTS_MAX);
	s->line = wr_new(LINE_SHOWN);
	wr_bytes(&s->line, line.n > LINE_SHOWN ? view_of(line.p, LINE_SHOWN) :
	    line);
	s->from = (struct event_from){ policy, channel, "exec" };
	s->since_ms = now_ms();
	if (!start(s, line)) {
		exec_session_free(&s);
		return NULL;
	}
	s->from.service = s->service->name;
	return s;
}

void
exec_session_free(struct exec_session **s)
{
	struct exec_session *old = *s;

	*s = NULL;
	if (old == NULL)
		return;
	if (old->service != NULL) {
		old->service->free(old);
		tell(old);
	}
	command_free(&old->command);
	wr_free(&old->line);
	wr_free(&old->in);
	wr_free(&old->out);
	wr_free(&old->complaints);
	close_fds(&old->fd);
	free(old);
}

bool
exec_session_hung_up(const struct exec_session *s)
{
	return s->deaf;
}

uint32_t
exec_session_status(const struct exec_session *s)
{
	return s->over ? s->status : 1;
}

/* ---- what services ask ---- */

bool
exec_allowed(const struct exec_session *s, enum fxp op, const char *path,
    uint32_t pflags)
{
	const struct req q = { .pflags = pflags, .path = view_str(path) };

	return ops_allowed(s->policy, ops_find((uint8_t)op), &q);
}

void
exec_complain(struct exec_session *s, const char *who, const char *name,
    const char *why)
{
	struct wr *w = s->fd.err != -1 ? &s->complaints : &s->out;

	wr_bytes(w, view_str(who));
	if (name != NULL) {
		wr_bytes(w, view_str(": "));
		text_visible(w, view_str(name));
	}
	wr_bytes(w, view_str(": "));
	wr_bytes(w, view_str(why));
	wr_bytes(w, view_str("\n"));
}

/* ---- moving bytes ---- */

int
exec_session_fd(const struct exec_session *s)
{
	if (wr_size(&s->complaints) != 0)
		return s->fd.err;
	if (wr_size(&s->out) != 0 || s->over)
		return s->fd.out;
	return s->wants ? s->fd.in : s->fd.out;
}

short
exec_session_events(const struct exec_session *s)
{
	if (wr_size(&s->complaints) != 0 || wr_size(&s->out) != 0 || s->over)
		return POLLOUT;
	if (s->wants)
		return s->eof ? 0 : POLLIN;
	return POLLOUT;		/* it goes on as soon as output could */
}

static enum err
take(struct exec_session *s)
{
	size_t want = s->take;
	uint8_t *p;
	ssize_t n;

	if (want > IN_MAX - wr_size(&s->in))
		want = IN_MAX - wr_size(&s->in);
	if (want == 0)
		return ERR_PROTO;	/* a service waits for too much */
	if ((p = wr_reserve(&s->in, want)) == NULL)
		return ERR_NOMEM;
	n = recv(s->fd.in, p, want, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return OK;
	if (n == -1 && errno != ECONNRESET)
		return ERR_CLOSED;
	if (n <= 0) {
		s->eof = true;
		return OK;
	}
	s->wants = false;
	wr_commit(&s->in, (size_t)n);
	if ((size_t)n == want && s->take < TAKE_MAX)
		s->take *= 2;
	return OK;
}

/* Nobody hears us any more.  Most commands end here; the bytes of an upload
 * may all have been sent before. */
static enum err
go_deaf(struct exec_session *s)
{
	s->deaf = true;
	s->blocked = false;
	wr_reset(&s->out);
	wr_reset(&s->complaints);
	return s->service->unheard ? OK : ERR_CLOSED;
}

static enum err
flush_one(struct exec_session *s, int fd, struct wr *w)
{
	struct view v;
	ssize_t n;

	while ((v = wr_view(w)).n != 0) {
		n = send(fd, v.p, v.n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && (errno == EPIPE || errno == ECONNRESET))
			return go_deaf(s);
		if (n == -1 && errno != EAGAIN)
			return ERR_CLOSED;
		if (n != -1)
			wr_consume(w, (size_t)n);
		/* What a short send left does not fit now either. */
		s->blocked = n == -1 || (size_t)n < v.n;
		if (s->blocked)
			return OK;
	}
	return OK;
}

static enum err
flush(struct exec_session *s)
{
	enum err e;

	if (s->deaf)
		return go_deaf(s);
	e = flush_one(s, s->fd.err, &s->complaints);
	return e != OK || s->blocked ? e : flush_one(s, s->fd.out, &s->out);
}

static void
step(struct exec_session *s)
{
	enum exec_step next = s->service->step(s);

	s->wants = next == EXEC_INPUT;
	s->over = next == EXEC_OVER;
	/* No service waits for what will never come; it would for ever. */
	if (s->wants && s->eof) {
		s->over = true;
		s->status = 1;
	}
}

/* Steps and sends in turns while it is taken. */
static enum err
work(struct exec_session *s)
{
	uint64_t enough = s->bytes + TURN_BYTES;
	enum err e = flush(s);

	for (unsigned i = 0; i < TURN_STEPS && s->bytes < enough && e == OK &&
	    !s->blocked; i++) {
		if (s->over)
			return ERR_CLOSED;
		if (s->wants && !s->eof)
			return OK;
		step(s);
		if (s->out.bad || s->complaints.bad || s->in.bad)
			return ERR_NOMEM;
		if (wr_size(&s->out) >= SEND_MARK || s->wants || s->over ||
		    wr_size(&s->complaints) >= COMPLAINTS_MARK)
			e = flush(s);
	}
	return e == OK && !s->blocked ? flush(s) : e;
}

enum err
exec_session_ready(struct exec_session *s, short revents)
{
	enum err e = OK;

	if ((revents & POLLNVAL) != 0)
		return ERR_CLOSED;
	/* Of a stdin that is a socket of its own, it says no more than that
	 * nothing will come. */
	if ((revents & (POLLERR | POLLHUP)) != 0 &&
	    exec_session_fd(s) == s->fd.out && (e = go_deaf(s)) != OK)
		return e;
	s->blocked = false;
	if (s->wants && !s->eof &&
	    (revents & (POLLIN | POLLERR | POLLHUP)) != 0)
		e = take(s);
	return e == OK ? work(s) : e;
}
