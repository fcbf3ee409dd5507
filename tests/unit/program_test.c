/* The runner of programs: what they get, how they may end, and that nothing
 * of them is left. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "auth/program.h"

/* Of this run alone: others may go on beside it. */
static uint32_t uid, gid;

static char dir[] = "/tmp/sallyport-program.XXXXXX";
static const uint32_t groups[] = { 20773 };

/* One program in a script of its own, and what runs it. */
struct rig {
	char path[PATH_MAX];
	struct view argv[3];
	struct policy_programs as;
	struct program_spec spec;
	struct wr out;
	const char *why;
	unsigned waits;		/* answered by the fake clock */
};

static void
write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)),
	    (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* script: the body of a program for /bin/sh, unless it has a #! itself. */
static void
rig_init(struct rig *r, const char *script)
{
	static unsigned number;
	char text[4096];

	memset(r, 0, sizeof(*r));
	snprintf(r->path, sizeof(r->path), "%s/p%u", dir, number++);
	snprintf(text, sizeof(text), "%s%s\n",
	    script[0] == '#' ? "" : "#!/bin/sh\n", script);
	write_file(r->path, text, 0755);
	r->argv[0] = view_str(r->path);
	r->argv[1] = view_str("one");
	r->argv[2] = view_str("$(two) ;*");
	r->as = (struct policy_programs){
		.uid = uid, .gid = gid, .groups = groups, .ngroups = 1,
		.timeout_ms = 20000,
	};
	r->spec = (struct program_spec){
		.what = "test", .argv = { r->argv, 3 }, .as = &r->as,
	};
	r->out = wr_new(PROGRAM_OUT_MAX);
}

static bool
run(struct rig *r, const char *in)
{
	r->why = "";
	return program_run(&r->spec, view_str(in), &r->out, &r->why);
}

static void
rig_free(struct rig *r)
{
	wr_free(&r->out);
	unlink(r->path);
}

static void
is_out(struct rig *r, const char *want)
{
	char got[8192];

	assert_true(view_to_cstr(wr_view(&r->out), got, sizeof(got)));
	assert_string_equal(got, want);
}

/* Processes of the account that the programs run as. */
static unsigned
left_over(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	struct stat st;
	unsigned n = 0;
	char path[300];

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/task", e->d_name);
		n += stat(path, &st) == 0 && st.st_uid == uid;
	}
	closedir(d);
	return n;
}

static void
nothing_left(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(left_over(), 0);
}

/* ---- what a program is given ---- */

static void
test_right(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, "cat; printf '%s|' \"$#\" \"$1\" \"$2\"");
	assert_true(run(&r, "hello\nyou\n"));
	is_out(&r, "hello\nyou\n2|one|$(two) ;*|");
	assert_true(run(&r, ""));
	is_out(&r, "2|one|$(two) ;*|");
	nothing_left();
	rig_free(&r);
}

static void
test_clean_environment(void **state)
{
	char want[1024];
	struct rig r;

	(void)state;
	rig_init(&r, "");
	/* No shell, which would add variables. */
	write_file(r.path, "#!/usr/bin/python3 -I\n"
	    "import os, resource as r, signal as s\n"
	    "e = open('/proc/self/environ').read().split('\\0')\n"
	    "print(sorted(x for x in e if x))\n"
	    "print(os.getcwd(), oct(os.umask(0)))\n"
	    "print(os.getresuid(), os.getresgid(), os.getgroups())\n"
	    "print(os.getsid(0) == os.getpid(), os.getpgid(0) == "
	    "os.getpid())\n"
	    "print(sorted(int(f) for f in os.listdir('/proc/self/fd'))[:3],"
	    " len(os.listdir('/proc/self/fd')))\n"
	    "st = dict(l.split(':\\t') for l in open('/proc/self/status')"
	    " if ':\\t' in l)\n"
	    "print(*(st[k].strip() for k in ('NoNewPrivs', 'CapEff',"
	    " 'CapPrm', 'CapInh', 'CapAmb', 'SigBlk')))\n"
	    "print(s.getsignal(s.SIGHUP) == s.SIG_DFL)\n"
	    "print(r.getrlimit(r.RLIMIT_CORE), r.getrlimit(r.RLIMIT_NOFILE),"
	    " r.getrlimit(r.RLIMIT_FSIZE), r.getrlimit(r.RLIMIT_CPU))\n"
	    "print(r.getrlimit(r.RLIMIT_NPROC)[1] <= 1024)\n", 0755);
	assert_int_equal(setenv("LD_PRELOAD_X", "secret", 1), 0);
	signal(SIGHUP, SIG_IGN);
	assert_true(run(&r, ""));
	signal(SIGHUP, SIG_DFL);
	/* four descriptors: the fourth is that of the listing itself */
	snprintf(want, sizeof(want),
	    "['HOME=/', 'LANG=C.UTF-8', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin']"
	    "\n/ 0o77\n"
	    "(%u, %u, %u) (%u, %u, %u) [20773]\n"
	    "True True\n"
	    "[0, 1, 2] 4\n"
	    "1 0000000000000000 0000000000000000 0000000000000000 "
	    "0000000000000000 0000000000000000\n"
	    "True\n"
	    "(0, 0) (256, 256) (268435456, 268435456) (60, 60)\n"
	    "True\n", uid, uid, uid, gid, gid, gid);
	is_out(&r, want);
	rig_free(&r);
}

/* ---- how it may end ---- */

static void
test_wrong_status(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, "echo yes; exit 1");
	assert_false(run(&r, "x"));
	assert_string_equal(r.why, "program failed");
	assert_int_equal(wr_size(&r.out), 0);
	rig_free(&r);
	rig_init(&r, "echo yes; kill -9 $$");
	assert_false(run(&r, "x"));
	assert_string_equal(r.why, "program failed");
	nothing_left();
	rig_free(&r);
}

static void
test_cannot_start(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, "#!/nonexistent/interpreter");
	assert_false(run(&r, ""));
	assert_string_equal(r.why, "program failed");
	rig_free(&r);
	rig_init(&r, "true");
	r.as.uid = 0;
	assert_false(run(&r, ""));
	assert_string_equal(r.why, "program failed");
	r.as.uid = uid;
	r.as.gid = 0;
	assert_false(run(&r, ""));
	assert_string_equal(r.why, "program failed");
	nothing_left();
	rig_free(&r);
}

/* No wall clock: the fake says that the time is up. */
static bool
wait_never(void *ctx, int fd, short events, int ms)
{
	struct rig *r = ctx;

	(void)fd;
	(void)events;
	assert_true(ms <= 20000);
	r->waits++;
	return false;
}

static bool
wait_really(void *ctx, int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	struct rig *r = ctx;

	r->waits++;
	return poll(&p, 1, ms) > 0;
}

static void
test_deadline(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, "sleep 1000");
	r.spec.wait = wait_never;
	r.spec.wait_ctx = &r;
	assert_false(run(&r, "x"));
	assert_string_equal(r.why, "program did not answer in time");
	assert_int_equal(r.waits, 1);
	nothing_left();
	rig_free(&r);
	/* ... and by the clock: it goes on talking */
	rig_init(&r, "while :; do echo x >&2; done");
	r.as.timeout_ms = 100;
	assert_false(run(&r, "x"));
	assert_string_equal(r.why, "program did not answer in time");
	nothing_left();
	rig_free(&r);
}

static void
test_waits_through_seam(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, "cat");
	r.spec.wait = wait_really;
	r.spec.wait_ctx = &r;
	assert_true(run(&r, "x"));
	is_out(&r, "x");
	assert_true(r.waits > 0);
	rig_free(&r);
}

/* SIGTERM first, so that it may clean up; it has a moment for that. */
static void
test_term_then_kill(void **state)
{
	char mark[PATH_MAX], script[2 * PATH_MAX];
	struct stat st;
	struct rig r;

	(void)state;
	snprintf(mark, sizeof(mark), "%s/mark", dir);
	write_file(mark, "", 0666);
	snprintf(script, sizeof(script), "trap 'echo bye >%s; exit 0' TERM\n"
	    "echo ready\nwhile :; do read x </dev/zero & wait; done", mark);
	rig_init(&r, script);
	{
		struct program *p = program_start(&r.spec, &r.why);

		assert_non_null(p);
		assert_true(program_ask(p, view_str("x\n"), &r.out, &r.why));
		is_out(&r, "ready");
		program_end(&p);
		assert_null(p);
	}
	assert_int_equal(stat(mark, &st), 0);
	assert_int_equal(st.st_size, 4);
	nothing_left();
	rig_free(&r);
	unlink(mark);
	/* whoever does not listen is killed */
	rig_init(&r, "trap '' TERM\nwhile :; do sleep 1000; done");
	r.spec.wait = wait_never;
	r.spec.wait_ctx = &r;
	assert_false(run(&r, "x"));
	nothing_left();
	rig_free(&r);
}

static void
test_too_much(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, "head -c 65536 /dev/zero | tr '\\0' x");
	assert_true(run(&r, ""));
	assert_int_equal(wr_size(&r.out), 65536);
	rig_free(&r);
	rig_init(&r, "cat /dev/zero");
	assert_false(run(&r, ""));
	assert_string_equal(r.why, "program's answer is too long");
	nothing_left();
	rig_free(&r);
}

static void
test_never_reads(void **state)
{
	size_t n = (size_t)1 << 20;
	char *big = malloc(n + 1);
	struct rig r;

	(void)state;
	assert_non_null(big);
	memset(big, 'x', n);
	big[n] = '\0';
	rig_init(&r, "echo deaf");
	assert_true(run(&r, big));
	is_out(&r, "deaf\n");
	rig_free(&r);
	rig_init(&r, "exec <&-; sleep 0.05; echo deaf");
	assert_true(run(&r, big));
	is_out(&r, "deaf\n");
	rig_free(&r);
	/* more than a pipe holds arrives all the same */
	rig_init(&r, "wc -c");
	assert_true(run(&r, big));
	is_out(&r, "1048576\n");
	nothing_left();
	rig_free(&r);
	free(big);
}

static void
test_closes_stdout(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, "echo said; exec >&- 2>&-; sleep 0.05; exit 0");
	assert_true(run(&r, ""));
	is_out(&r, "said\n");
	rig_free(&r);
	rig_init(&r, "exec >&- 2>&-; exit 3");
	assert_false(run(&r, ""));
	rig_free(&r);
}

/* Children that keep the pipe, leave the group, or are orphans of orphans:
 * nobody waits for them and nothing is left of them. */
static void
test_children(void **state)
{
	static const char *const scripts[] = {
		"sleep 1000 & echo done",
		"setsid sleep 1000 & setsid sleep 1000 & echo done",
		"(setsid sh -c 'sleep 1000 & setsid sleep 1000' &); echo done",
		"trap '' TERM HUP; (trap '' TERM; sleep 1000) & echo done",
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct rig r;

		rig_init(&r, scripts[i]);
		assert_true(run(&r, ""));
		is_out(&r, "done\n");
		nothing_left();
		rig_free(&r);
	}
}

/* The login that waits for it dies. */
static void
test_login_dies(void **state)
{
	struct rig r;
	int status;
	pid_t pid;

	(void)state;
	/* Orphans of that login must not become ours unnoticed. */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	rig_init(&r, "setsid sleep 1000 & sleep 1000");
	assert_int_not_equal(pid = fork(), -1);
	if (pid == 0) {
		run(&r, "");
		_exit(1);
	}
	while (left_over() < 3)
		poll(NULL, 0, 5);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* The supervisor is ours now, and ends when it has killed them. */
	while (waitpid(-1, NULL, 0) != -1)
		;
	assert_int_equal(errno, ECHILD);
	assert_int_equal(left_over(), 0);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
	rig_free(&r);
}

/* ---- dialogues ---- */

static void
test_dialogue(void **state)
{
	struct program *p;
	struct rig r;

	(void)state;
	rig_init(&r, "while read x; do echo \"<$x>\"; done; echo end");
	p = program_start(&r.spec, &r.why);
	assert_non_null(p);
	assert_true(program_ask(p, view_str("a\n"), &r.out, &r.why));
	is_out(&r, "<a>");
	assert_true(program_ask(p, view_str("b\n"), &r.out, &r.why));
	is_out(&r, "<b>");
	assert_true(program_finish(p, view_str(""), &r.out, &r.why));
	is_out(&r, "end\n");
	program_end(&p);
	nothing_left();
	rig_free(&r);
}

static void
fails_at(const char *script, const char *want)
{
	struct program *p;
	struct rig r;

	rig_init(&r, script);
	p = program_start(&r.spec, &r.why);
	assert_non_null(p);
	assert_false(program_ask(p, view_str("a\n"), &r.out, &r.why));
	assert_string_equal(r.why, want);
	program_end(&p);
	nothing_left();
	rig_free(&r);
}

static void
test_dialogue_fails(void **state)
{
	(void)state;
	fails_at("exit 0", "program ended without an answer");
	fails_at("printf unfinished", "program ended without an answer");
	fails_at("exec >&-; exit 0", "program ended without an answer");
	fails_at("printf 'a\\nb\\n'; read x; read x",
	    "program spoke out of turn");
	fails_at("cat /dev/zero", "program's answer is too long");
}

/* Left in the middle. */
static void
test_dialogue_left(void **state)
{
	struct program *p;
	struct rig r;

	(void)state;
	rig_init(&r, "while read x; do echo \"<$x>\"; done");
	p = program_start(&r.spec, &r.why);
	assert_non_null(p);
	program_end(&p);
	p = program_start(&r.spec, &r.why);
	assert_non_null(p);
	assert_true(program_ask(p, view_str("a\n"), &r.out, &r.why));
	program_end(&p);
	program_end(&p);
	nothing_left();
	rig_free(&r);
}

/* ---- whose file it is ---- */

static bool
path_ok(const char *path, char why[1024], bool *missing)
{
	char resolved[PATH_MAX];

	why[0] = '\0';
	return program_path_ok(path, resolved, missing, why, 1024);
}

static void
test_path(void **state)
{
	char sub[PATH_MAX], file[PATH_MAX + 8], link[PATH_MAX], why[1024];
	char resolved[PATH_MAX];
	bool missing;

	(void)state;
	snprintf(sub, sizeof(sub), "%s/sub", dir);
	snprintf(file, sizeof(file), "%s/prog", sub);
	snprintf(link, sizeof(link), "%s/link", dir);
	assert_int_equal(mkdir(sub, 0755), 0);
	write_file(file, "#!/bin/sh\n", 0755);
	assert_int_equal(symlink("./sub/../sub/prog", link), 0);
	assert_true(program_path_ok(link, resolved, &missing, why,
	    sizeof(why)));
	assert_string_equal(resolved, file);
	assert_true(path_ok("/bin/sh", why, &missing));
	assert_false(path_ok("bin/sh", why, &missing));

	assert_int_equal(chmod(file, 0775), 0);
	assert_false(path_ok(link, why, &missing));
	assert_false(missing);
	assert_non_null(strstr(why, "its group; needs chmod go-w"));
	assert_int_equal(chmod(file, 0644), 0);
	assert_false(path_ok(file, why, &missing));
	assert_non_null(strstr(why, "cannot be executed"));
	assert_int_equal(chmod(file, 0755), 0);
	assert_int_equal(chown(file, uid, 0), 0);
	assert_false(path_ok(file, why, &missing));
	assert_non_null(strstr(why, "belongs to uid "));
	assert_int_equal(chown(file, 0, 0), 0);

	assert_int_equal(chmod(sub, 0777), 0);
	assert_false(path_ok(link, why, &missing));
	assert_non_null(strstr(why, "everybody"));
	assert_int_equal(chmod(sub, 01777), 0);
	assert_true(path_ok(link, why, &missing));
	assert_int_equal(chown(sub, uid, 0), 0);
	assert_false(path_ok(file, why, &missing));
	assert_int_equal(chown(sub, 0, 0), 0);
	assert_int_equal(lchown(link, uid, gid), 0);
	assert_false(path_ok(link, why, &missing));
	assert_non_null(strstr(why, link));

	assert_false(path_ok(sub, why, &missing));
	assert_non_null(strstr(why, "is no file"));
	unlink(link);
	assert_false(path_ok(link, why, &missing));
	assert_true(missing);
	assert_false(path_ok("/bin/sh/x", why, &missing));
	assert_true(missing);
	assert_int_equal(symlink("link", link), 0);
	assert_false(path_ok(link, why, &missing));
	assert_non_null(strstr(why, "leads nowhere"));
	unlink(link);
	unlink(file);
	rmdir(sub);
}

/* Ours may lie below a folder that the account cannot enter. */
static void
test_own_out_of_reach(void **state)
{
	char sub[PATH_MAX], file[PATH_MAX + 8], line[2 * PATH_MAX + 32];
	struct rig r;

	(void)state;
	snprintf(sub, sizeof(sub), "%s/shut", dir);
	snprintf(file, sizeof(file), "%s/echo", sub);
	snprintf(line, sizeof(line), "cp /bin/echo '%s'", file);
	assert_int_equal(mkdir(sub, 0700), 0);
	assert_int_equal(system(line), 0);
	rig_init(&r, "exit 1");
	r.argv[0] = view_str(file);
	r.spec.own = true;
	assert_true(run(&r, ""));
	is_out(&r, "one $(two) ;*\n");
	rig_free(&r);
	unlink(file);
	rmdir(sub);
	nothing_left();
}

/* Asked again each time, not only when the configuration was read. */
static void
test_path_at_run_time(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, "echo yes");
	assert_true(run(&r, ""));
	assert_int_equal(chmod(r.path, 0757), 0);
	assert_false(run(&r, ""));
	assert_string_equal(r.why, "program is not safe to run");
	r.spec.own = true;
	assert_true(run(&r, ""));
	rig_free(&r);
	r.spec.own = false;
	assert_false(run(&r, ""));
	nothing_left();
	wr_free(&r.out);
}

static void
test_no_descriptors_left(void **state)
{
	int before = open("/dev/null", O_RDONLY | O_CLOEXEC), after;
	struct rig r;

	(void)state;
	close(before);
	rig_init(&r, "cat");
	for (int i = 0; i < 5; i++)
		assert_true(run(&r, "x"));
	r.as.timeout_ms = 1;
	r.spec.wait = wait_never;
	r.spec.wait_ctx = &r;
	assert_false(run(&r, "x"));
	after = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(after);
	assert_int_equal(before, after);
	rig_free(&r);
}

static int
setup(void **state)
{
	(void)state;
	uid = gid = 30000 + (uint32_t)getpid() % 20000;
	signal(SIGPIPE, SIG_IGN);
	umask(022);
	return mkdtemp(dir) != NULL && chmod(dir, 0755) == 0 ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_clean_environment),
		cmocka_unit_test(test_wrong_status),
		cmocka_unit_test(test_cannot_start),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_waits_through_seam),
		cmocka_unit_test(test_term_then_kill),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_never_reads),
		cmocka_unit_test(test_closes_stdout),
		cmocka_unit_test(test_children),
		cmocka_unit_test(test_login_dies),
		cmocka_unit_test(test_dialogue),
		cmocka_unit_test(test_dialogue_fails),
		cmocka_unit_test(test_dialogue_left),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_path_at_run_time),
		cmocka_unit_test(test_own_out_of_reach),
		cmocka_unit_test(test_no_descriptors_left),
	};

	if (geteuid() != 0) {
		print_message("programs are run by root alone\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
