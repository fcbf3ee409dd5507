#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/account_serve.h"
#include "base/log.h"
#include "base/roles.h"

#define HIGH_FD	64	/* above what the session role finds open */

enum { FD_PROGRAM, FD_CONTROL, FD_POLICY, FD_LOG };

/* What the user's process may know of our environment: nothing that a module
 * or the user's own files have put there. */
static char **
environment(void)
{
	static const char *const names[] = {
		"TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS",
	};
	char **env = calloc(sizeof(names) / sizeof(names[0]) + 1,
	    sizeof(*env));
	size_t n = 0;

	if (env == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *v = getenv(names[i]);

		if (v != NULL && asprintf(&env[n], "%s=%s", names[i], v) != -1)
			n++;
	}
	env[n] = NULL;
	return env;
}

/* What the child needs, made before: it runs in our memory. */
struct child {
	int program, control, policy;	/* at HIGH_FD or above */
	char **env;
};

static bool
prepare(const int *fds, struct child *c)
{
	c->program = fcntl(fds[FD_PROGRAM], F_DUPFD_CLOEXEC, HIGH_FD);
	c->control = fcntl(fds[FD_CONTROL], F_DUPFD_CLOEXEC, HIGH_FD);
	c->policy = fcntl(fds[FD_POLICY], F_DUPFD_CLOEXEC, HIGH_FD);
	c->env = environment();
	return c->program != -1 && c->control != -1 && c->policy != -1 &&
	    c->env != NULL;
}

static void
unprepare(struct child *c)
{
	if (c->program != -1)
		close(c->program);
	if (c->control != -1)
		close(c->control);
	if (c->policy != -1)
		close(c->policy);
	for (size_t i = 0; c->env != NULL && c->env[i] != NULL; i++)
		free(c->env[i]);
	free(c->env);
}

static void run(const struct child *c) __attribute__((noreturn));

/* base/roles.h says what the role finds. */
static void
run(const struct child *c)
{
	char *const argv[] = {
		(char *)(uintptr_t)"sallyportd",
		(char *)(uintptr_t)ROLE_SESSION, NULL,
	};
	sigset_t none;

	/* Ours are above these two, and close themselves. */
	if (dup2(c->control, ROLE_FD_CONTROL) == -1 ||
	    dup2(c->policy, ROLE_FD_POLICY) == -1 || chdir("/") == -1 ||
	    close_range(ROLE_FD_POLICY + 1, ~0u, CLOSE_RANGE_CLOEXEC) == -1)
		_exit(126);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execveat(c->program, "", argv, c->env, AT_EMPTY_PATH);
	_exit(127);
}

/* Modules make a process large; its pages are not copied. */
static pid_t
start(const int *fds)
{
	struct child c;
	pid_t pid = -1;

	if (prepare(fds, &c) && (pid = vfork()) == 0)
		run(&c);
	unprepare(&c);
	return pid;
}

static void
nothing(int sig)
{
	(void)sig;
}

/* What is begun is also ended: SIGTERM does not kill, but neither do programs
 * of modules inherit that. */
static void
outlast_sigterm(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = nothing;
	sa.sa_flags = SA_RESTART;
	sigaction(SIGTERM, &sa, NULL);
}

/* Modules may have left anything; from here on signals are waited for. */
static void
take_signals(sigset_t *set, sigset_t *before_out)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_DFL;
	sigaction(SIGCHLD, &sa, NULL);
	outlast_sigterm();
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	sigaddset(set, SIGTERM);
	sigprocmask(SIG_BLOCK, set, before_out);
}

/* SIGTERM is how the warden cuts a session off. */
static int
wait_end(pid_t pid, const sigset_t *set)
{
	int status = 0, sig;
	pid_t got;

	for (;;) {
		/* The modules' own children are theirs to wait for. */
		got = waitpid(pid, &status, WNOHANG);
		if (got == pid)
			return status;
		if (got == -1 && errno != EINTR)
			return 0;
		sig = sigwaitinfo(set, NULL);
		if (sig == SIGTERM)
			kill(pid, SIGKILL);
	}
}

static bool
put_env(struct account_pam *pam, char ***env, struct talk_session *m)
{
	size_t bytes = 0;

	if ((*env = account_pam_env(pam)) == NULL)
		return false;
	for (char **e = *env; *e != NULL; e++) {
		bytes += strlen(*e);
		if (m->nenv == TALK_ENV_MAX || bytes > TALK_ENV_BYTES)
			return false;
		m->env[m->nenv++] = view_str(*e);
	}
	return true;
}

static bool
tell(struct account_pam *pam, int sock, pid_t pid, const char *why)
{
	struct talk_session m = {
		.helper = (uint32_t)getpid(), .pid = (uint32_t)pid,
	};
	struct wr w = wr_new(IPC_MAX_FRAME);
	char **env = NULL;
	bool ok;

	if (pid != 0 && !put_env(pam, &env, &m)) {
		m = (struct talk_session){ .helper = m.helper };
		why = "PAM's environment is too large";
	}
	if (m.pid == 0)
		m.reason = view_str(why);
	put_talk_session(&w, &m);
	ok = account_say(sock, TALK_SESSION, &w) && m.pid != 0;
	account_pam_env_free(&env);
	wr_free(&w);
	return ok;
}

/* The session's end: modules get their time and no more. */
static void
close_session(struct account_pam *pam, struct account_deadline *d)
{
	struct log_ev e;
	bool ok;

	outlast_sigterm();
	ok = account_deadline(d, ACCOUNT_CLOSE_MS) &&
	    account_pam_close(pam);

	log_begin(&e, ok ? LOG_DEBUG : LOG_WARN, "pam-closed");
	if (!ok)
		log_str(&e, "reason", account_pam_why(pam));
	log_send(&e);
}

/* The process of the user beneath us, from fork to its end. */
static int
supervise(struct account_pam *pam, struct account_deadline *d, int sock,
    int *fds)
{
	int status = 0;
	sigset_t set, before;
	pid_t pid;

	take_signals(&set, &before);
	pid = start(fds);
	for (int i = 0; i < FD_LOG; i++)
		close(fds[i]);
	if (pid == -1) {
		(void)tell(pam, sock, 0, "fork failed");
		close(sock);
		return 0;
	}
	if (!tell(pam, sock, pid, NULL))
		kill(pid, SIGKILL);
	close(sock);
	if (!account_deadline(d, 0))
		kill(pid, SIGKILL);
	/* All there is to do now is to wait, perhaps for days. */
	malloc_trim(0);
	status = wait_end(pid, &set);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : 0;
}

int
account_session(struct account_pam *pam, struct account_deadline *d,
    int sock, struct ipc_msg *msg)
{
	int fds[TALK_OPEN_FDS], status = 0;

	for (size_t i = 0; i < TALK_OPEN_FDS; i++)
		fds[i] = ipc_take_fd(msg, i);
	log_open(fds[FD_LOG], LOG_INFO);
	outlast_sigterm();
	if (!account_pam_open(pam)) {
		(void)tell(pam, sock, 0, account_pam_why(pam));
		close(sock);
		for (int i = 0; i < FD_LOG; i++)
			close(fds[i]);
	} else
		status = supervise(pam, d, sock, fds);
	close_session(pam, d);
	close(fds[FD_LOG]);
	return status;
}
