#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "auth/program.h"
#include "base/log.h"

#define READS_MAX	32	/* of 4096 bytes: more than a turn may have */
_Static_assert(READS_MAX * 4096 > PROGRAM_OUT_MAX, "all of an answer");
_Static_assert(PATH_MAX <= sizeof(((struct program_child *)0)->path),
    "room for a path");

struct program {
	const struct program_spec *spec;
	char *words;		/* behind the child's argv */
	struct program_child child;
	pid_t pid;		/* of the supervisor; 0: none */
	int in, out, err, ctl;	/* our ends; -1: closed */
	int epoll;		/* all of them in one descriptor */
	bool ended;
	int status;
	struct wr said;		/* stdout, not yet taken */
	struct wr errs;		/* stderr, a line in the making */
	unsigned lines;		/* of stderr so far */
};

/* ---- what the log is told ---- */

static void
log_line(struct program *p)
{
	struct log_ev e;

	if (wr_size(&p->errs) != 0 && p->lines++ < PROGRAM_ERR_LINES) {
		log_begin(&e, LOG_WARN, "program-stderr");
		log_str(&e, "program", p->spec->what);
		log_view(&e, "text", wr_view(&p->errs));
		log_send(&e);
	}
	wr_reset(&p->errs);
}

static void
take_stderr(struct program *p, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (b[i] != '\n')
			wr_u8(&p->errs, b[i]);
		if (b[i] == '\n' || wr_size(&p->errs) == PROGRAM_ERR_MAX)
			log_line(p);
	}
}

/* For `return failed(...)`: the log has the details that a reason lacks. */
static bool
failed(const struct program *p, const char **why_out, const char *why,
    const char *detail)
{
	struct log_ev e;

	*why_out = why;
	log_begin(&e, LOG_WARN, "program-failed");
	log_str(&e, "program", p->spec->what);
	log_view(&e, "path", p->spec->argv.v[0]);
	log_str(&e, "reason", why);
	if (detail != NULL)
		log_str(&e, "detail", detail);
	if (p->ended && WIFSIGNALED(p->status))
		log_num(&e, "signal", (uint64_t)WTERMSIG(p->status));
	else if (p->ended)
		log_num(&e, "status", (uint64_t)WEXITSTATUS(p->status));
	log_send(&e);
	return false;
}

/* ---- starting ---- */

/* argv as C strings, behind each other in one allocation. */
static bool
copy_argv(struct program *p)
{
	const struct view_list *l = &p->spec->argv;
	size_t n = 0;
	char *at;

	if (l->n == 0 || l->n > POLICY_ARGV_MAX)
		return false;
	for (size_t i = 0; i < l->n; i++)
		n += l->v[i].n + 1;
	if ((at = p->words = malloc(n)) == NULL)
		return false;
	for (size_t i = 0; i < l->n; i++) {
		if (!view_to_cstr(l->v[i], at, l->v[i].n + 1))
			return false;
		p->child.argv[i] = at;
		at += l->v[i].n + 1;
	}
	return true;
}

static bool
find_program(struct program *p, const char **why_out)
{
	char why[2 * PATH_MAX];
	bool missing;

	if (!copy_argv(p))
		return failed(p, why_out, "program could not be started",
		    "no memory for its arguments");
	if (p->spec->own) {
		p->child.exe = open(p->child.argv[0], O_PATH | O_CLOEXEC);
		if (p->child.exe != -1 && view_to_cstr(p->spec->argv.v[0],
		    p->child.path, sizeof(p->child.path)))
			return true;
		return failed(p, why_out, "program could not be started",
		    strerror(errno));
	}
	if (program_path_ok(p->child.argv[0], p->child.path, &missing,
	    why, sizeof(why)))
		return true;
	return failed(p, why_out, "program is not safe to run", why);
}

/* Both ends close on execve(2); ours does not block. */
static bool
make_pipe(int *read_end, int *write_end, bool ours_reads)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) == -1)
		return false;
	*read_end = p[0];
	*write_end = p[1];
	return fcntl(p[ours_reads ? 0 : 1], F_SETFL, O_NONBLOCK) == 0;
}

static bool
make_pipes(struct program *p)
{
	struct program_child *c = &p->child;
	int ctl[2];

	if (!make_pipe(&c->in, &p->in, false) ||
	    !make_pipe(&p->out, &c->out, true) ||
	    !make_pipe(&p->err, &c->err, true) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ctl) == -1)
		return false;
	p->ctl = ctl[0];
	c->ctl = ctl[1];
	return fcntl(p->ctl, F_SETFL, O_NONBLOCK) == 0 &&
	    (p->epoll = epoll_create1(EPOLL_CLOEXEC)) != -1;
}

static bool
listen_to(struct program *p, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };

	return epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

static void
shut(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

static void
shut_child(struct program_child *c)
{
	shut(&c->exe);
	shut(&c->in);
	shut(&c->out);
	shut(&c->err);
	shut(&c->ctl);
}

struct program *
program_start(const struct program_spec *spec, const char **why_out)
{
	struct program *p = calloc(1, sizeof(*p));

	*why_out = "out of memory";
	if (p == NULL)
		return NULL;
	*p = (struct program){
		.spec = spec, .in = -1, .out = -1, .err = -1, .ctl = -1,
		.epoll = -1, .said = wr_new(PROGRAM_OUT_MAX),
		.errs = wr_new(PROGRAM_ERR_MAX),
		.child = { .as = spec->as, .exe = -1, .in = -1, .out = -1,
		    .err = -1, .ctl = -1 },
	};
	if (!find_program(p, why_out))
		goto bad;
	*why_out = "program could not be started";
	if (!make_pipes(p) || !listen_to(p, p->out, EPOLLIN) ||
	    !listen_to(p, p->err, EPOLLIN) || !listen_to(p, p->ctl, EPOLLIN))
		goto bad_sys;
	if ((p->pid = fork()) == 0)
		program_child_main(&p->child);
	if (p->pid == -1) {
		p->pid = 0;
		goto bad_sys;
	}
	shut_child(&p->child);
	return p;
bad_sys:
	failed(p, why_out, *why_out, strerror(errno));
bad:
	program_end(&p);
	return NULL;
}

void
program_end(struct program **pp)
{
	struct program *p = *pp;

	if (p == NULL)
		return;
	log_line(p);
	shut_child(&p->child);
	shut(&p->in);
	shut(&p->out);
	shut(&p->err);
	shut(&p->ctl);
	shut(&p->epoll);
	while (p->pid != 0 && waitpid(p->pid, NULL, 0) == -1 &&
	    errno == EINTR)
		;
	wr_free(&p->said);
	wr_free(&p->errs);
	free(p->words);
	free(p);
	*pp = NULL;
}

/* ---- one turn ---- */

/* Reads what is there, but not on and on.  False: more than a turn may
 * have. */
static bool
hear(struct program *p, int *fd, bool is_err)
{
	uint8_t b[4096];
	ssize_t n;

	for (int i = 0; i < READS_MAX && *fd != -1; i++) {
		n = read(*fd, b, sizeof(b));
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			break;
		if (n <= 0) {
			shut(fd);	/* which also leaves the epoll */
		} else if (is_err) {
			take_stderr(p, b, (size_t)n);
		} else {
			wr_bytes(&p->said, view_of(b, (size_t)n));
			if (p->said.bad)
				return false;
		}
	}
	wipe(b, sizeof(b));
	return true;
}

/* The supervisor says how the program ended; if it cannot, it has died. */
static void
hear_status(struct program *p)
{
	uint8_t b[4];
	ssize_t n;

	if (p->ctl == -1)
		return;
	do
		n = read(p->ctl, b, sizeof(b));
	while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EAGAIN)
		return;
	p->ended = true;
	p->status = n == sizeof(b) ? (int)get_u32(b) :
	    W_EXITCODE(0, SIGKILL);
	shut(&p->ctl);
}

/* Says what the pipe takes; a program need not listen. */
static void
say(struct program *p, struct view *in)
{
	while (in->n != 0 && p->in != -1) {
		ssize_t n = write(p->in, in->p, in->n);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			return;
		if (n == -1) {
			shut(&p->in);
			return;
		}
		in->p += n;
		in->n -= (size_t)n;
	}
	if (p->in == -1)
		in->n = 0;
}

/* The writing end is waited for only while there is something to say. */
static void
want_to_say(struct program *p, bool want)
{
	if (p->in != -1 && !want)
		epoll_ctl(p->epoll, EPOLL_CTL_DEL, p->in, NULL);
	else if (p->in != -1)
		(void)listen_to(p, p->in, EPOLLOUT);	/* may be there */
}

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* False: the time is up. */
static bool
wait_until(const struct program *p, uint64_t end)
{
	struct pollfd one = { .fd = p->epoll, .events = POLLIN };
	uint64_t now = now_ms();
	int n;

	if (now >= end)
		return false;
	if (p->spec->wait != NULL)
		return p->spec->wait(p->spec->wait_ctx, p->epoll, POLLIN,
		    (int)(end - now));
	n = poll(&one, 1, (int)(end - now));
	return n > 0 || (n == -1 && errno == EINTR);
}

/* Takes a line off what the program has said. */
static bool
take_line(struct program *p, struct wr *out)
{
	struct view v = wr_view(&p->said);
	const uint8_t *end = v.n != 0 ? memchr(v.p, '\n', v.n) : NULL;
	size_t n;

	if (end == NULL)
		return false;
	n = (size_t)(end - v.p);
	wr_bytes(out, view_of(v.p, n));
	wr_consume(&p->said, n + 1);
	return true;
}

enum turn { TURN_GOES_ON, TURN_DONE, TURN_FAILED };

/* After everything that is there has been heard. */
static enum turn
judge(struct program *p, bool line, struct wr *out, const char **why_out)
{
	if (line && take_line(p, out)) {
		/* Nobody has asked it for more. */
		if (wr_size(&p->said) == 0)
			return TURN_DONE;
		failed(p, why_out, "program spoke out of turn", NULL);
		return TURN_FAILED;
	}
	if (!p->ended)
		return TURN_GOES_ON;
	if (line) {
		failed(p, why_out, "program ended without an answer", NULL);
		return TURN_FAILED;
	}
	if (p->status != 0) {
		failed(p, why_out, "program failed", NULL);
		return TURN_FAILED;
	}
	wr_bytes(out, wr_view(&p->said));
	wr_reset(&p->said);
	return TURN_DONE;
}

static bool
turn(struct program *p, struct view in, bool line, struct wr *out,
    const char **why_out)
{
	uint64_t end = now_ms() + p->spec->as->timeout_ms;
	enum turn now = TURN_GOES_ON;

	wr_reset(out);
	if (wr_size(&p->said) != 0)
		return failed(p, why_out, "program spoke out of turn", NULL);
	want_to_say(p, in.n != 0);
	while (now == TURN_GOES_ON) {
		if (in.n != 0) {
			say(p, &in);
			want_to_say(p, in.n != 0);
		}
		if (in.n == 0 && !line)
			shut(&p->in);
		/* Its end first: what it said before is then all there. */
		hear_status(p);
		if (!hear(p, &p->out, false))
			return failed(p, why_out, "program's answer is too "
			    "long", NULL);
		hear(p, &p->err, true);
		now = judge(p, line, out, why_out);
		if (now == TURN_GOES_ON && !wait_until(p, end))
			return failed(p, why_out, "program did not answer in "
			    "time", NULL);
	}
	return now == TURN_DONE;
}

bool
program_ask(struct program *p, struct view in, struct wr *out,
    const char **why_out)
{
	return turn(p, in, true, out, why_out);
}

bool
program_finish(struct program *p, struct view in, struct wr *out,
    const char **why_out)
{
	return turn(p, in, false, out, why_out);
}

bool
program_run(const struct program_spec *spec, struct view in, struct wr *out,
    const char **why_out)
{
	struct program *p = program_start(spec, why_out);
	bool ok = p != NULL && program_finish(p, in, out, why_out);

	program_end(&p);
	return ok;
}
