#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chroot/spawn.h"
#include "chroot/ptys.h"

static const struct rlimit files = { 300, 400 };

struct ran {
	int status, error;
	char out[4096];
};

/* Runs `sh -c text` and takes what it says. */
static struct ran
run(const char *path, const char *text, const struct policy_run *how)
{
	char *argv[] = { (char *)(uintptr_t)"sh", (char *)(uintptr_t)"-c",
	    (char *)(uintptr_t)text, NULL };
	char *envp[] = { (char *)(uintptr_t)"A=b",
	    (char *)(uintptr_t)"PATH=/usr/bin:/bin", NULL };
	struct spawn p = { .path = path, .argv = argv, .envp = envp,
	    .run = how, .files = &files };
	struct ran r = { .status = -1 };
	size_t n = 0;
	ssize_t got;
	pid_t pid;
	int fds[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	p.fds[0] = null;
	p.fds[1] = p.fds[2] = fds[1];
	pid = spawn_program(&p, &r.error);
	close(fds[1]);
	close(null);
	while (n < sizeof(r.out) - 1 && (got = read(fds[0], r.out + n,
	    sizeof(r.out) - 1 - n)) > 0)
		n += (size_t)got;
	close(fds[0]);
	if (pid != -1) {
		assert_int_equal(waitpid(pid, &r.status, 0), pid);
		/* a session and group of its own */
		assert_int_equal(r.error, 0);
	}
	return r;
}

static const struct policy_run plain;

static void
test_runs(void **state)
{
	struct ran r = run("/bin/sh", "echo $A; echo err >&2; exit 7", &plain);

	(void)state;
	assert_string_equal(r.out, "b\nerr\n");
	assert_true(WIFEXITED(r.status) && WEXITSTATUS(r.status) == 7);
	r = run("/bin/sh", "kill -TERM $$", &plain);
	assert_true(WIFSIGNALED(r.status) && WTERMSIG(r.status) == SIGTERM);
}

static void
test_cannot(void **state)
{
	struct ran r = run("/no/such/shell", "true", &plain);

	(void)state;
	assert_int_equal(r.error, ENOENT);
	assert_int_equal(r.status, -1);
	r = run("/etc", "true", &plain);
	assert_int_equal(r.error, EACCES);
	/* nobody is left to be reaped */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* Nothing of ours is left in it: descriptors, signals, group. */
static void
test_clean(void **state)
{
	int extra[20];
	sigset_t all, old;
	struct ran r;

	(void)state;
	for (size_t i = 0; i < 20; i++)
		extra[i] = open("/dev/null", O_RDONLY);
	signal(SIGPIPE, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	r = run("/bin/sh", "ls /proc/$$/fd | tr '\\n' ' '; "
	    /* but 32 and 33, which are libc's own */
	    "sed -nE 's/^Sig(Blk|Ign):.*(.{7})$/\\1 \\2/p' "
	    "/proc/$$/status | tr '\\n' ' '; "
	    "set -- $(cat /proc/$$/stat); echo $(($1 - $5)) $(($1 - $6))",
	    &plain);
	sigprocmask(SIG_SETMASK, &old, NULL);
	for (size_t i = 0; i < 20; i++)
		close(extra[i]);
	assert_string_equal(r.out, "0 1 2 Blk 0000000 Ign 0000000 "
	    "0 0\n");
}

static void
test_limits(void **state)
{
	const struct policy_run how = {
		.processes = 50000, .files = 77, .cpu_s = 33,
		.memory = (uint64_t)1 << 32,
	};
	struct ran r = run("/bin/sh", "ulimit -n; ulimit -t; ulimit -v",
	    &how);

	(void)state;
	assert_string_equal(r.out, "77\n33\n4194304\n");
	r = run("/bin/sh", "ulimit -Sn; ulimit -Hn; ulimit -t", &plain);
	assert_string_equal(r.out, "300\n400\nunlimited\n");
}

static void
test_tty(void **state)
{
	char *argv[] = { (char *)(uintptr_t)"sh", (char *)(uintptr_t)"-c",
	    (char *)(uintptr_t)"tty; test -t 0 && test -t 2 && "
	    "echo here >/dev/tty", NULL };
	char *envp[] = { (char *)(uintptr_t)"PATH=/usr/bin:/bin", NULL };
	struct spawn p = { .path = "/bin/sh", .argv = argv, .envp = envp,
	    .tty = true, .run = &plain, .files = &files };
	bool root = geteuid() == 0;
	int fds[2], error, status;
	char got[256] = "";
	uint32_t number;
	size_t n = 0;
	ssize_t k;
	pid_t pid;

	(void)state;
	if (pty_make(getuid(), !root, fds, &number) != OK)
		skip();
	p.fds[0] = p.fds[1] = p.fds[2] = fds[1];
	pid = spawn_program(&p, &error);
	assert_int_not_equal(pid, -1);
	close(fds[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	while (n < sizeof(got) - 1 &&
	    (k = read(fds[0], got + n, sizeof(got) - 1 - n)) > 0)
		n += (size_t)k;
	assert_non_null(strstr(got, "/dev/pts/"));
	assert_non_null(strstr(got, "here\r\n"));
	close(fds[0]);
}

static void
test_names(void **state)
{
	char out[SPAWN_SIGNAL_MAX], name[16];

	(void)state;
	spawn_name("/bin/bash", true, name, sizeof(name));
	assert_string_equal(name, "-bash");
	spawn_name("/usr/local/bin/fish", false, name, sizeof(name));
	assert_string_equal(name, "fish");
	assert_int_equal(spawn_signal(view_str("TERM")), SIGTERM);
	assert_int_equal(spawn_signal(view_str("USR2")), SIGUSR2);
	assert_int_equal(spawn_signal(view_str("SIGTERM")), 0);
	assert_int_equal(spawn_signal(view_str("STOP")), 0);
	assert_int_equal(spawn_signal(view_str("")), 0);
	spawn_signal_name(SIGHUP, out);
	assert_string_equal(out, "HUP");
	spawn_signal_name(SIGBUS, out);
	assert_string_equal(out, "BUS@sallyport");
	spawn_signal_name(64, out);
	assert_string_equal(out, "64@sallyport");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_cannot),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_tty),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
