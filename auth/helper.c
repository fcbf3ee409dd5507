#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/helper.h"
#include "auth/supervisor.h"
#include "base/fds.h"
#include "base/ipc.h"
#include "base/log.h"

#define SOCK_FD	3		/* where the helper has its end */

struct helper {
	const struct auth *a;
	pid_t supervisor;		/* 0: none */
	int sock, ctl;
	uint8_t frame[IPC_MAX_FRAME];
};

/* What the child needs, made before the fork. */
struct child {
	const char *path;
	int sock;
};

/* ---- the helper's process, before it is one ---- */

static void
default_signals(void)
{
	struct sigaction sa;
	sigset_t none;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_DFL;
	for (int i = 1; i < NSIG; i++)
		sigaction(i, &sa, NULL);	/* KILL and STOP refuse */
	/* A login that has gone is told by the call, not by a signal. */
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* PATH, and what may go on to any process of ours. */
static char **
environment(void)
{
	static const char *const names[] = {
		"TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS",
	};
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char **env = calloc(sizeof(names) / sizeof(names[0]) + 2,
	    sizeof(*env));
	size_t n = 0;

	if (env == NULL)
		return NULL;
	env[n++] = path;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *v = getenv(names[i]);

		if (v != NULL && asprintf(&env[n], "%s=%s", names[i], v) != -1)
			n++;
	}
	env[n] = NULL;
	return env;
}

static void run(const void *ctx, pid_t supervisor)
    __attribute__((noreturn));

static void
run(const void *ctx, pid_t supervisor)
{
	static char name[] = "sallyport-account", role[] = "--pam";
	char *const argv[] = { name, role, NULL };
	const struct child *c = ctx;
	char **env = environment();

	(void)supervisor;
	default_signals();
	/* 0, 1 and 2 are /dev/null. */
	if (env == NULL || setsid() == -1 || dup2(c->sock, SOCK_FD) == -1 ||
	    fcntl(SOCK_FD, F_SETFD, 0) == -1 ||
	    !fds_close_from(SOCK_FD + 1) || chdir("/") == -1)
		_exit(126);
	umask(022);
	execve(c->path, argv, env);
	_exit(127);
}

/* ---- start and end ---- */

static void
shut(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

/* The supervisor's end of ctl in theirs[0], the helper's of the talk in
 * theirs[1]. */
static bool
make_sockets(struct helper *h, int theirs[2])
{
	int ctl[2], talk[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ctl) == -1)
		return false;
	h->ctl = ctl[0];
	theirs[0] = ctl[1];
	if (ipc_pair(talk, true) != OK)
		return false;
	h->sock = talk[0];
	theirs[1] = talk[1];
	return true;
}

static bool
launch(struct helper *h)
{
	struct child c = { .path = h->a->start.helper };
	struct supervisor s = { .title = "account", .run = run, .ctx = &c };
	int theirs[2] = { -1, -1 };
	bool ok = make_sockets(h, theirs);

	s.ctl = theirs[0];
	c.sock = theirs[1];
	if (ok && (h->supervisor = fork()) == 0)
		supervisor_main(&s);
	if (h->supervisor == -1)
		h->supervisor = 0;
	shut(&theirs[0]);
	shut(&theirs[1]);
	return h->supervisor != 0;
}

struct helper *
helper_start(const struct auth *a, const struct talk_hello *m,
    const char **why_out)
{
	struct wr w = wr_new(IPC_MAX_FRAME);
	struct helper *h;

	*why_out = "the program sallyport-account is not there";
	if (a->start.helper == NULL)
		return NULL;
	*why_out = "out of memory";
	if ((h = malloc(sizeof(*h))) == NULL)
		return NULL;
	h->a = a;
	h->supervisor = 0;
	h->sock = h->ctl = -1;
	put_talk_hello(&w, m);
	if (!launch(h)) {
		log_msg(LOG_ERROR, "helper-failed", "%s", strerror(errno));
		*why_out = "sallyport-account could not be started";
		helper_end(&h);
	} else if (!helper_say(h, TALK_HELLO, &w, NULL, 0, why_out))
		helper_end(&h);
	wr_free(&w);
	return h;
}

void
helper_end(struct helper **hp)
{
	struct helper *h = *hp;

	if (h == NULL)
		return;
	shut(&h->sock);
	shut(&h->ctl);
	while (h->supervisor != 0 &&
	    waitpid(h->supervisor, NULL, 0) == -1 && errno == EINTR)
		;
	free(h);
	*hp = NULL;
}

static bool
tell_supervisor(struct helper *h, enum supervisor_word word)
{
	char c = (char)word;
	ssize_t n;

	do
		n = send(h->ctl, &c, 1, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	return n == 1;
}

bool
helper_be_patient(struct helper *h)
{
	return tell_supervisor(h, SUPERVISOR_PATIENT);
}

/* When the supervisor has ended, the helper is the warden's child. */
bool
helper_let_go(struct helper *h)
{
	pid_t got;

	if (!tell_supervisor(h, SUPERVISOR_FREE))
		return false;
	do
		got = waitpid(h->supervisor, NULL, 0);
	while (got == -1 && errno == EINTR);
	h->supervisor = 0;
	return got != -1;
}

/* ---- the talk ---- */

bool
helper_say(struct helper *h, enum talk_type type, const struct wr *w,
    const int *fds, size_t nfds, const char **why_out)
{
	*why_out = "request to sallyport-account is too long";
	if (w->bad)
		return false;
	/* There is room for all that one of them can say: it answers, or it
	 * is broken. */
	*why_out = "sallyport-account has ended";
	return ipc_send(h->sock, (uint8_t)type, 0, wr_view(w), fds, nfds) ==
	    OK;
}

static bool
wait_for(struct helper *h, int ms)
{
	struct pollfd p = { .fd = h->sock, .events = POLLIN };

	if (h->a->start.wait != NULL)
		return h->a->start.wait(h->a->start.wait_ctx, h->sock, POLLIN,
		    ms);
	return poll(&p, 1, ms) == 1;
}

enum err
helper_hear(struct helper *h, int ms, struct ipc_msg *msg,
    const char **why_out)
{
	enum err e;

	if (!wait_for(h, ms))
		return ERR_AGAIN;
	*why_out = "sallyport-account has ended";
	e = ipc_recv(h->sock, h->frame, sizeof(h->frame), msg);
	if (e == ERR_AGAIN || e == ERR_CLOSED)
		return e;
	*why_out = "sallyport-account talks nonsense";
	if (e == OK && msg->nfds == 0)
		return OK;
	if (e == OK)
		ipc_msg_close(msg);
	return ERR_PROTO;
}
