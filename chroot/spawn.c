#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chroot/spawn.h"

/* ---- in the child ---- */

static bool
limit(int what, rlim_t n)
{
	const struct rlimit l = { n, n };
	struct rlimit now;

	if (n == 0)
		return true;
	/* A hard limit below it is the host's word, and counts. */
	if (getrlimit((__rlimit_resource_t)what, &now) == 0 &&
	    now.rlim_max < n)
		return setrlimit((__rlimit_resource_t)what, &(struct rlimit){
		    now.rlim_max, now.rlim_max }) == 0;
	return setrlimit((__rlimit_resource_t)what, &l) == 0;
}

static bool
set_limits(const struct spawn *p)
{
	const struct policy_run *r = p->run;

	if (r->files == 0 && setrlimit(RLIMIT_NOFILE, p->files) == -1)
		return false;
	return limit(RLIMIT_NOFILE, r->files) &&
	    limit(RLIMIT_NPROC, r->processes) && limit(RLIMIT_CPU, r->cpu_s) &&
	    limit(RLIMIT_AS, r->memory);
}

/* Out of each other's way first: none of them is below 3. */
static bool
set_descriptors(const struct spawn *p)
{
	for (int i = 0; i < 3; i++)
		if (dup2(p->fds[i], i) == -1)
			return false;
	return close_range(3, ~0u, 0) == 0;
}

/*
 * Runs in the memory of the parent, which waits: nothing here may write to
 * it, nor call what might.  Returns errno; if all goes well, never.
 */
static int
become(const struct spawn *p)
{
	sigset_t none;

	sigemptyset(&none);
	/* The table of signals is our own: vfork does not share it. */
	signal(SIGPIPE, SIG_DFL);
	if (setsid() == -1 || (p->tty &&
	    ioctl(p->fds[0], TIOCSCTTY, 0) == -1) || !set_descriptors(p))
		return errno;
	/* What must not outlive the session hears of our end in any case. */
	if (!p->run->linger && prctl(PR_SET_PDEATHSIG, SIGHUP, 0, 0, 0) == -1)
		return errno;
	if (!set_limits(p) || sigprocmask(SIG_SETMASK, &none, NULL) == -1)
		return errno;
	execve(p->path, p->argv, p->envp);
	return errno;
}

/* ---- in the parent ---- */

/* vfork: copying the tables of a whole process only to throw them away would
 * be most of what a short command costs. */
static pid_t
fork_off(const struct spawn *p, volatile int *error)
{
	pid_t pid = vfork();

	if (pid == 0) {
		*error = become(p);
		_exit(127);
	}
	return pid;
}

pid_t
spawn_program(const struct spawn *p, int *error_out)
{
	volatile int error = 0;
	pid_t pid = fork_off(p, &error);

	*error_out = pid == -1 ? errno : error;
	if (pid > 0 && error != 0) {
		while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
			;
		pid = -1;
	}
	return pid;
}

void
spawn_name(const char *path, bool login, char *out, size_t n)
{
	const char *slash = strrchr(path, '/');

	snprintf(out, n, "%s%s", login ? "-" : "",
	    slash != NULL ? slash + 1 : path);
}

/* ---- signals ---- */

static const struct {
	const char *name;
	int number;
} signals[] = {			/* RFC 4254 6.10 */
	{ "ABRT", SIGABRT }, { "ALRM", SIGALRM }, { "FPE", SIGFPE },
	{ "HUP", SIGHUP }, { "ILL", SIGILL }, { "INT", SIGINT },
	{ "KILL", SIGKILL }, { "PIPE", SIGPIPE }, { "QUIT", SIGQUIT },
	{ "SEGV", SIGSEGV }, { "TERM", SIGTERM }, { "USR1", SIGUSR1 },
	{ "USR2", SIGUSR2 },
};
#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

int
spawn_signal(struct view name)
{
	for (size_t i = 0; i < SIGNALS; i++)
		if (view_is(name, signals[i].name))
			return signals[i].number;
	return 0;
}

void
spawn_signal_name(int number, char out[SPAWN_SIGNAL_MAX])
{
	const char *word = sigabbrev_np(number);

	for (size_t i = 0; i < SIGNALS; i++)
		if (signals[i].number == number) {
			snprintf(out, SPAWN_SIGNAL_MAX, "%s",
			    signals[i].name);
			return;
		}
	if (word != NULL)
		snprintf(out, SPAWN_SIGNAL_MAX, "%s@sallyport", word);
	else
		snprintf(out, SPAWN_SIGNAL_MAX, "%d@sallyport", number);
}
