/* The two processes of program.h: the supervisor, and what becomes the
 * program.  Both are forks that never return into the login. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "auth/program.h"
#include "base/fds.h"
#include "base/privdrop.h"
#include "base/proctitle.h"

#define CTL		3	/* where the supervisor has it */
#define SIGNALS		4
#define KILL_ROUNDS	100	/* of 10 ms, until nothing is left */
#define CHILDREN_MAX	4096	/* bytes of their list that one round reads */

/* What the program and its children together may use. */
#define PROCESSES	1024	/* of its account, on the whole machine */
#define DESCRIPTORS	256
#define FILE_BYTES	((rlim_t)256 << 20)
#define CPU_SECONDS	60

/* ---- the program ---- */

static bool
limit(int what, rlim_t n)
{
	struct rlimit now, rl;

	if (getrlimit((__rlimit_resource_t)what, &now) == -1)
		return false;
	rl.rlim_cur = rl.rlim_max = now.rlim_max < n ? now.rlim_max : n;
	return setrlimit((__rlimit_resource_t)what, &rl) == 0;
}

static bool
set_limits(void)
{
	return limit(RLIMIT_CORE, 0) && limit(RLIMIT_NPROC, PROCESSES) &&
	    limit(RLIMIT_NOFILE, DESCRIPTORS) &&
	    limit(RLIMIT_FSIZE, FILE_BYTES) && limit(RLIMIT_CPU, CPU_SECONDS);
}

/* Ours are at least 3: the login has something at 0, 1 and 2. */
static bool
take_pipes(const struct program_child *c)
{
	return dup2(c->in, 0) == 0 && dup2(c->out, 1) == 1 &&
	    dup2(c->err, 2) == 2 && fds_close_from(3);
}

/* What is ignored or blocked would stay so beyond execve(2). */
static void
default_signals(void)
{
	struct sigaction sa;
	sigset_t none;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_DFL;
	for (int i = 1; i < NSIG; i++)
		sigaction(i, &sa, NULL);	/* KILL and STOP refuse */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static const char *
become_program(const struct program_child *c, pid_t supervisor)
{
	const struct privdrop d = {
		.root_fd = -1, .uid = c->as->uid, .gid = c->as->gid,
		.groups = c->as->groups, .ngroups = c->as->ngroups,
		.seal = true,
	};
	const char *why;

	default_signals();
	if (setsid() == -1)
		return "setsid";
	if (!take_pipes(c))
		return "descriptors";
	umask(077);
	if (chdir("/") == -1)
		return "chdir";
	if (!set_limits())
		return "limits";
	if (privdrop(&d, &why) != OK)
		return why;
	return privdrop_die_with(supervisor, SIGKILL) ? NULL : "parent";
}

static void run(const struct program_child *c, pid_t supervisor)
    __attribute__((noreturn));

static void
run(const struct program_child *c, pid_t supervisor)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	static char lang[] = "LANG=C.UTF-8", home[] = "HOME=/";
	char *const envp[] = { path, lang, home, NULL };
	const char *why = become_program(c, supervisor);

	if (why == NULL)
		execve(c->path, c->argv, envp);
	/* Where the operator finds what the program itself complains of. */
	dprintf(2, "cannot be started: %s%s%s\n", why != NULL ? why : "",
	    why != NULL ? ": " : "", strerror(errno));
	_exit(127);
}

/* ---- the supervisor ---- */

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

/* Children of the program that have lost their parent are ours: each round
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

/* Has the program ended?  Reaps its orphans; itself it leaves a zombie, so
 * that its number stays its own. */
static bool
reap(pid_t program, int *status_out)
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
		if (info.si_pid == program)
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

/* Until the program ends: true, or the login wants no more of it or has
 * died, and so much time has been given: false. */
static bool
watch(pid_t program, int *status_out)
{
	struct pollfd p[2] = {
		{ .fd = SIGNALS, .events = POLLIN },
		{ .fd = CTL, .events = POLLIN },
	};
	uint64_t end = 0;

	for (;;) {
		uint64_t now = now_ms();

		if (reap(program, status_out))
			return true;
		if (end != 0 && now >= end)
			return false;
		if (poll(p, 2, end == 0 ? -1 : (int)(end - now)) == -1 &&
		    errno != EINTR)
			return false;
		if (p[1].fd != -1 && p[1].revents != 0) {
			p[1].fd = -1;
			kill(-program, SIGTERM);
			end = now_ms() + PROGRAM_GRACE_MS;
		}
	}
}

/* The login's pipes are not ours to keep open, nor are its sockets: whoever
 * reads them must see that it has gone. */
static bool
settle_down(const struct program_child *c)
{
	sigset_t chld;
	int fd;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	if (sigprocmask(SIG_SETMASK, &chld, NULL) == -1 ||
	    (c->ctl != CTL && dup2(c->ctl, CTL) == -1) ||
	    !fds_close_from(SIGNALS))
		return false;
	fd = signalfd(-1, &chld, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd == SIGNALS;
}

void
program_child_main(const struct program_child *c)
{
	pid_t self = getpid(), program;
	int status = 0;

	proctitle_set("program %s", c->argv[0]);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) == -1)
		_exit(1);
	if ((program = fork()) == 0)
		run(c, self);
	/* From here on nothing but numbers is left to write. */
	if (program == -1)
		_exit(1);
	if (settle_down(c) && watch(program, &status)) {
		uint8_t b[4];

		put_u32(b, (uint32_t)status);
		(void)!write(CTL, b, sizeof(b));
	}
	kill_all(program);
	_exit(0);
}
