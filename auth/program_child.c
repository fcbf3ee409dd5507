/* What becomes the program of program.h, under its supervisor.  Never returns
 * into the login. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/program.h"
#include "auth/supervisor.h"
#include "base/fds.h"
#include "base/privdrop.h"

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

#define EXE	3	/* c->exe, once the pipes are in their places */

/* Ours are at least 3: the login has something at 0, 1 and 2. */
static bool
take_pipes(const struct program_child *c)
{
	if (dup2(c->in, 0) != 0 || dup2(c->out, 1) != 1 ||
	    dup2(c->err, 2) != 2)
		return false;
	if (c->exe == -1)
		return fds_close_from(EXE);
	return (c->exe == EXE || dup3(c->exe, EXE, O_CLOEXEC) == EXE) &&
	    fds_close_from(EXE + 1);
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

static void run(const void *ctx, pid_t supervisor)
    __attribute__((noreturn));

static void
run(const void *ctx, pid_t supervisor)
{
	const struct program_child *c = ctx;
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	static char lang[] = "LANG=C.UTF-8", home[] = "HOME=/";
	char *const envp[] = { path, lang, home, NULL };
	const char *why = become_program(c, supervisor);

	/* Of a script, the kernel would name the descriptor, which is closed
	 * by then: ENOENT. */
	if (why == NULL && (c->exe == -1 || (execveat(EXE, "", c->argv, envp,
	    AT_EMPTY_PATH) == -1 && errno == ENOENT)))
		execve(c->path, c->argv, envp);
	/* Where the operator finds what the program itself complains of. */
	dprintf(2, "cannot be started: %s%s%s\n", why != NULL ? why : "",
	    why != NULL ? ": " : "", strerror(errno));
	_exit(127);
}

void
program_child_main(const struct program_child *c)
{
	char title[256];
	const struct supervisor s = {
		.title = title, .ctl = c->ctl, .run = run, .ctx = c,
	};

	snprintf(title, sizeof(title), "program %s", c->argv[0]);
	supervisor_main(&s);
}
