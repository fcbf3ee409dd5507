#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "auth/supervisor.h"
#include "base/fds.h"
#include "base/proctitle.h"

#define CTL		3	/* where it has the control socket */
#define SIGNALS		4
#define KILL_ROUNDS	100	/* of 10 ms, until nothing is left */
#define CHILDREN_MAX	4096	/* bytes of their list that one round reads */

static void
kill_listed(const char *tid)
{
	char path[64], list[CHILDREN_MAX + 1], *at = list, *end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%s/children", tid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return;
	n = read(fd, list, sizeof(list) - 1);
	close(fd);
	if (n <= 0)
		return;
	list[n] = '\0';
	/* A number that is cut off at the end has no blank behind it. */
	for (long pid = strtol(at, &end, 10); pid > 1 && *end == ' ';
	    pid = strtol(at, &end, 10)) {
		kill((pid_t)pid, SIGKILL);
		at = end;
	}
}

/* Children of our child that have lost their parent are ours: each round
 * kills the ones there are and so uncovers theirs. */
static void
kill_all(pid_t group)
{
	const struct timespec nap = { 0, 10000000 };
	char tid[32];
	pid_t pid;

	snprintf(tid, sizeof(tid), "%ld", (long)getpid());
	/* Once: it is nobody else's number until its leader is reaped. */
	kill(-group, SIGKILL);
	for (int i = 0; i < KILL_ROUNDS; i++) {
		kill_listed(tid);
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid == -1 && errno == ECHILD)
			return;
		nanosleep(&nap, NULL);
	}
}

/* Has it ended?  Reaps its orphans; itself it leaves a zombie, so
 * that its number stays its own. */
static bool
reap(pid_t child, int *status_out)
{
	struct signalfd_siginfo si;
	siginfo_t info;
	int code;

	while (read(SIGNALS, &si, sizeof(si)) > 0)
		;
	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) ==
		    -1 || info.si_pid == 0)
			return false;
		if (info.si_pid == child)
			break;
		waitpid(info.si_pid, NULL, 0);
	}
	code = info.si_status;
	*status_out = info.si_code == CLD_EXITED ? W_EXITCODE(code & 0xff, 0) :
	    W_EXITCODE(0, code & 0x7f);
	return true;
}

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* What the login says.  False: it wants no more of this, or has died. */
static bool
listen_to(uint64_t *grace)
{
	ssize_t n;
	char c;

	do
		n = read(CTL, &c, 1);
	while (n == -1 && errno == EINTR);
	if (n != 1)
		return false;
	if (c == SUPERVISOR_FREE)
		_exit(0);
	if (c == SUPERVISOR_PATIENT)
		*grace = SUPERVISOR_PATIENCE_MS;
	return true;
}

/* Until the child ends: true, or nobody wants more of it, and so much time
 * has been given: false. */
static bool
watch(pid_t child, int *status_out)
{
	struct pollfd p[2] = {
		{ .fd = SIGNALS, .events = POLLIN },
		{ .fd = CTL, .events = POLLIN },
	};
	uint64_t end = 0, grace = SUPERVISOR_GRACE_MS;

	for (;;) {
		uint64_t now = now_ms();

		if (reap(child, status_out))
			return true;
		if (end != 0 && now >= end)
			return false;
		if (poll(p, 2, end == 0 ? -1 : (int)(end - now)) == -1 &&
		    errno != EINTR)
			return false;
		if (p[1].fd != -1 && p[1].revents != 0 &&
		    !listen_to(&grace)) {
			p[1].fd = -1;
			kill(-child, SIGTERM);
			end = now_ms() + grace;
		}
	}
}

/* The login's pipes are not ours to keep open, nor are its sockets: whoever
 * reads them must see that it has gone. */
static bool
settle_down(int ctl)
{
	sigset_t chld;
	int fd;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	if (sigprocmask(SIG_SETMASK, &chld, NULL) == -1 ||
	    (ctl != CTL && dup2(ctl, CTL) == -1) ||
	    !fds_close_from(SIGNALS))
		return false;
	fd = signalfd(-1, &chld, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd == SIGNALS;
}

void
supervisor_main(const struct supervisor *s)
{
	pid_t self = getpid(), child;
	int status = 0;

	proctitle_set("%s", s->title);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) == -1)
		_exit(1);
	if ((child = fork()) == 0) {
		s->run(s->ctx, self);
		_exit(127);
	}
	/* From here on nothing but numbers is left to write. */
	if (child == -1)
		_exit(1);
	if (settle_down(s->ctl) && watch(child, &status)) {
		uint8_t b[4];

		put_u32(b, (uint32_t)status);
		(void)!write(CTL, b, sizeof(b));
	}
	kill_all(child);
	_exit(0);
}
