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

struct helper {
	const struct auth *a;
	pid_t supervisor;		/* 0: none */
	int sock, ctl;
	uint8_t frame[IPC_MAX_FRAME];
};

/* ---- the helper's process, before it is one ---- */

/* What the child needs, made before: it runs in our memory. */
struct child {
	const char *path;
	char **env;
	int sock, ctl;
};

/* PATH, and what may go on to any process of ours; NULL: no memory. */
static char **
environment(void)
{
	static const char *const names[] = {
		"TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS",
	};
	char **env = calloc(sizeof(names) / sizeof(names[0]) + 2,
	    sizeof(*env));
	size_t n = 0;

	if (env == NULL || (env[n++] =
	    strdup("PATH=/usr/sbin:/usr/bin:/sbin:/bin")) == NULL) {
		free(env);
		return NULL;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *v = getenv(names[i]);

		if (v != NULL && asprintf(&env[n], "%s=%s", names[i], v) != -1)
			n++;
	}
	env[n] = NULL;
	return env;
}

static void
environment_free(char **env)
{
	for (size_t i = 0; env != NULL && env[i] != NULL; i++)
		free(env[i]);
	free(env);
}

/* A login that has gone is told by the call, not by a signal; what we catch
 * is the default beyond execve(2). */
static void
default_signals(void)
{
	struct sigaction sa;
	sigset_t none;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void run(const struct child *c) __attribute__((noreturn));

static void
run(const struct child *c)
{
	char *const argv[] = {
		(char *)(uintptr_t)"sallyport-account",
		(char *)(uintptr_t)"--pam", NULL,
	};

	default_signals();
	/* 0, 1 and 2 are /dev/null; ours are far above these. */
	if (setsid() == -1 || dup2(c->sock, HELPER_FD_TALK) == -1 ||
	    dup2(c->ctl, HELPER_FD_CONTROL) == -1 ||
	    !fds_close_from(HELPER_FD_CONTROL + 1) || chdir("/") == -1)
		_exit(126);
	umask(022);
	execve(c->path, argv, c->env);
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

/* theirs: what the helper gets, out of the way of where it gets it. */
static bool
make_sockets(struct helper *h, struct child *c)
{
	int ctl[2], talk[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ctl) == -1)
		return false;
	h->ctl = ctl[0];
	c->ctl = fcntl(ctl[1], F_DUPFD_CLOEXEC, HELPER_FD_CONTROL + 1);
	close(ctl[1]);
	if (ipc_pair(talk, true) != OK)
		return false;
	h->sock = talk[0];
	c->sock = fcntl(talk[1], F_DUPFD_CLOEXEC, HELPER_FD_CONTROL + 1);
	close(talk[1]);
	return c->ctl != -1 && c->sock != -1;
}

/* Without a copy of our pages, which would cost more than all that the helper
 * does besides: the child is in our memory until it executes. */
static bool
launch(struct helper *h)
{
	struct child c = { .path = h->a->start.helper, .sock = -1, .ctl = -1 };
	bool ok = (c.env = environment()) != NULL && make_sockets(h, &c);

	if (ok && (h->supervisor = vfork()) == 0)
		run(&c);
	if (h->supervisor == -1)
		h->supervisor = 0;
	shut(&c.ctl);
	shut(&c.sock);
	environment_free(c.env);
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
