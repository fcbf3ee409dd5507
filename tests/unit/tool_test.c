/* The operator's tool: its words, secrets from pipes and terminals, hashes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <crypt.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "chroot/tool/tool.h"

/* ---- words ---- */

static int
run_echo(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		printf("[%s]", argv[i]);
	putchar('\n');
	return TOOL_OK;
}

static int
run_usage(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return TOOL_USAGE;
}

static int
run_fail(int argc, char **argv)
{
	(void)argc;
	return tool_complain("%s went wrong", argv[0]);
}

static int
run_told(int argc, char **argv)
{
	(void)argc;
	tool_complain("%s has said it", argv[0]);
	return TOOL_TOLD;
}

static const struct tool_command table[] = {
	{ "echo", "[WORD...]", "Says its words", "More words.\n", run_echo },
	{ "usage", "", "Is always used wrongly", NULL, run_usage },
	{ "fail", "", "Fails", NULL, run_fail },
	{ "told", "", "Says why itself", NULL, run_told },
};

#define COUNT	(sizeof(table) / sizeof(table[0]))

struct said {
	int status;
	char out[4096], err[4096];
};

static void
slurp(int fd, char *to, size_t n)
{
	ssize_t got = pread(fd, to, n - 1, 0);

	assert_true(got >= 0);
	to[got] = '\0';
	close(fd);
}

static int
scratch(void)
{
	FILE *f = tmpfile();
	int fd;

	assert_non_null(f);
	fd = dup(fileno(f));
	fclose(f);
	assert_true(fd >= 0);
	return fd;
}

/* Runs the tool with these words, in a child. */
static struct said
run(const char *a, const char *b, const char *c)
{
	char *argv[] = { (char *)(uintptr_t)"sallyport",
	    (char *)(uintptr_t)a, (char *)(uintptr_t)b,
	    (char *)(uintptr_t)c, NULL };
	int out = scratch(), err = scratch(), argc = 1, status;
	struct said s;
	pid_t pid;

	while (argc < 4 && argv[argc] != NULL)
		argc++;
	fflush(NULL);
	if ((pid = fork()) == 0) {
		dup2(out, 1);
		dup2(err, 2);
		status = tool_run(table, COUNT, argc, argv);
		fflush(NULL);
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	s.status = WEXITSTATUS(status);
	slurp(out, s.out, sizeof(s.out));
	slurp(err, s.err, sizeof(s.err));
	return s;
}

static void
words(void **state)
{
	struct said s;

	(void)state;
	s = run("echo", "a", "b");
	assert_int_equal(s.status, TOOL_OK);
	assert_string_equal(s.out, "[echo][a][b]\n");
	assert_string_equal(s.err, "");

	s = run("fail", NULL, NULL);
	assert_int_equal(s.status, TOOL_FAILED);
	assert_string_equal(s.err, "sallyport: fail went wrong\n");

	s = run("usage", NULL, NULL);
	assert_int_equal(s.status, TOOL_USAGE);
	assert_string_equal(s.err, "usage: sallyport usage\n");

	s = run("told", NULL, NULL);
	assert_int_equal(s.status, TOOL_USAGE);
	assert_string_equal(s.err, "sallyport: told has said it\n");

	s = run("nothing", NULL, NULL);
	assert_int_equal(s.status, TOOL_USAGE);
	assert_non_null(strstr(s.err, "no command \"nothing\""));
	assert_string_equal(s.out, "");

	s = run(NULL, NULL, NULL);
	assert_int_equal(s.status, TOOL_USAGE);
	assert_non_null(strstr(s.err, "  fail   Fails\n"));
}

static void
help(void **state)
{
	static const char all[] = "usage: sallyport COMMAND [WORD...]\n\n"
	    "  echo   Says its words\n"
	    "  usage  Is always used wrongly\n"
	    "  fail   Fails\n"
	    "  told   Says why itself\n\n"
	    "`sallyport help COMMAND` says more about one.\n";
	static const char one[] = "usage: sallyport echo [WORD...]\n\n"
	    "Says its words.\n\nMore words.\n";
	struct said s;

	(void)state;
	s = run("--help", NULL, NULL);
	assert_int_equal(s.status, TOOL_OK);
	assert_string_equal(s.out, all);
	assert_string_equal(run("help", NULL, NULL).out, all);
	assert_string_equal(run("-h", NULL, NULL).out, all);
	assert_string_equal(run("help", "echo", NULL).out, one);
	assert_string_equal(run("--help", "echo", NULL).out, one);
	assert_string_equal(run("echo", "--help", NULL).out, one);
	assert_int_equal(run("help", "nothing", NULL).status, TOOL_USAGE);
	assert_int_equal(run("help", "echo", "fail").status, TOOL_USAGE);
	s = run("--version", NULL, NULL);
	assert_int_equal(s.status, TOOL_OK);
	assert_string_equal(s.out, "sallyport " VERSION "\n");
}

/* What could not be written was not done. */
static void
full_disk(void **state)
{
	char *argv[] = { (char *)(uintptr_t)"sallyport",
	    (char *)(uintptr_t)"echo", NULL };
	int fd = open("/dev/full", O_WRONLY), null, status;
	pid_t pid;

	(void)state;
	if (fd == -1)
		skip();
	null = open("/dev/null", O_WRONLY);
	fflush(NULL);
	if ((pid = fork()) == 0) {
		dup2(fd, 1);
		dup2(null, 2);
		_exit(tool_run(table, COUNT, 2, argv));
	}
	close(fd);
	close(null);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), TOOL_FAILED);
}

/* ---- one line ---- */

static enum err
read_back(const char *bytes, size_t n, char *out, size_t max, char *rest)
{
	ssize_t got;
	enum err e;
	int p[2];

	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], bytes, n), n);
	close(p[1]);
	memset(out, 'x', max);
	e = tool_read_line(p[0], out, max);
	got = read(p[0], rest, 63);
	assert_true(got >= 0);
	rest[got] = '\0';
	close(p[0]);
	return e;
}

static void
lines(void **state)
{
	static const char zero[8];
	char out[8], rest[64];

	(void)state;
	assert_int_equal(read_back("one\ntwo\n", 8, out, 8, rest), OK);
	assert_string_equal(out, "one");
	assert_string_equal(rest, "two\n");
	assert_int_equal(read_back("\n", 1, out, 8, rest), OK);
	assert_string_equal(out, "");
	/* the end of the input ends a line too */
	assert_int_equal(read_back("end", 3, out, 8, rest), OK);
	assert_string_equal(out, "end");
	assert_int_equal(read_back("", 0, out, 8, rest), ERR_CLOSED);
	/* exactly what fits, and one more */
	assert_int_equal(read_back("1234567\n", 8, out, 8, rest), OK);
	assert_string_equal(out, "1234567");
	assert_int_equal(read_back("12345678\nz", 10, out, 8, rest),
	    ERR_LIMIT);
	assert_memory_equal(out, zero, 8);
	assert_string_equal(rest, "z");
	assert_int_equal(read_back("a\0b\nz", 5, out, 8, rest), ERR_PROTO);
	assert_memory_equal(out, zero, 8);
	assert_string_equal(rest, "z");
	assert_int_equal(tool_read_line(-1, out, 8), ERR_SYS);
}

/* ---- a terminal ---- */

struct term {
	int master;
	pid_t pid;
	char seen[1024];
	size_t n;
};

static int
ask_twice(void)
{
	char a[16], b[16];

	if (tool_ask(0, "first: ", a, sizeof(a)) != OK)
		return 10;
	if (tool_ask(0, "second: ", b, sizeof(b)) != OK)
		return 11;
	return strcmp(a, "hidden") != 0 || strcmp(b, "again") != 0;
}

static struct term
open_term(void)
{
	struct term t = { .n = 0 };

	fflush(NULL);
	t.pid = forkpty(&t.master, NULL, NULL, NULL);
	assert_true(t.pid >= 0);
	if (t.pid == 0)
		_exit(ask_twice());
	return t;
}

/* Reads what the terminal shows until `text` is in it; false: never. */
static bool
shows(struct term *t, const char *text)
{
	while (strstr(t->seen, text) == NULL) {
		struct pollfd p = { .fd = t->master, .events = POLLIN };
		ssize_t got;

		if (t->n + 1 >= sizeof(t->seen) || poll(&p, 1, 60000) != 1)
			return false;
		got = read(t->master, t->seen + t->n,
		    sizeof(t->seen) - 1 - t->n);
		if (got <= 0)
			return false;
		t->n += (size_t)got;
		t->seen[t->n] = '\0';
	}
	return true;
}

static void
type(struct term *t, const char *text)
{
	assert_int_equal(write(t->master, text, strlen(text)), strlen(text));
}

static bool
echoes(const struct term *t)
{
	struct termios now;

	assert_int_equal(tcgetattr(t->master, &now), 0);
	return (now.c_lflag & ECHO) != 0;
}

static int
end_of(struct term *t)
{
	int status;

	assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
	return status;
}

static void
nothing_is_shown(void **state)
{
	struct term t = open_term();
	int status;

	(void)state;
	assert_true(shows(&t, "first: "));
	assert_false(echoes(&t));
	type(&t, "hidden\n");
	assert_true(shows(&t, "second: "));
	type(&t, "again\n");
	assert_true(shows(&t, "second: \r\n"));
	status = end_of(&t);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(echoes(&t));
	assert_null(strstr(t.seen, "hid"));
	assert_null(strstr(t.seen, "again"));
	close(t.master);
}

/* ^C ends it, and the terminal is as before. */
static void
interrupted(void **state)
{
	struct term t = open_term();
	int status;

	(void)state;
	assert_true(shows(&t, "first: "));
	type(&t, "hid\003");
	status = end_of(&t);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGINT);
	assert_true(echoes(&t));
	assert_null(strstr(t.seen, "hid"));
	close(t.master);
}

static void
terminated(void **state)
{
	struct term t = open_term();
	int status;

	(void)state;
	assert_true(shows(&t, "first: "));
	kill(t.pid, SIGTERM);
	status = end_of(&t);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	assert_true(echoes(&t));
	close(t.master);
}

/* What was typed before ^Z counts no more.  The process group of a session's
 * leader is orphaned and so never stops, but it asks again all the same. */
static void
stopped(void **state)
{
	struct term t = open_term();
	int status;

	(void)state;
	assert_true(shows(&t, "first: "));
	type(&t, "hid");
	kill(t.pid, SIGTSTP);
	assert_true(shows(&t, "first: \r\nfirst: "));
	assert_false(echoes(&t));
	type(&t, "hidden\n");
	assert_true(shows(&t, "second: "));
	type(&t, "again\n");
	status = end_of(&t);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(t.master);
}

/* ---- hashes ---- */

static void
hashes(void **state)
{
	static const char word[] = "correct horse";
	char a[CRYPT_OUTPUT_SIZE], b[CRYPT_OUTPUT_SIZE], small[16];
	struct crypt_data data = { 0 };

	(void)state;
	assert_true(tool_hash(word, a, sizeof(a)));
	assert_true(tool_hash(word, b, sizeof(b)));
	assert_int_equal(strncmp(a, "$y$j", 4), 0);
	assert_string_not_equal(a, b);		/* the salt */
	assert_string_equal(crypt_r(word, a, &data), a);
	assert_string_equal(crypt_r(word, b, &data), b);
	assert_string_not_equal(crypt_r("Correct horse", a, &data), a);
	assert_int_equal(crypt_checksalt(a), CRYPT_SALT_OK);
	assert_false(tool_hash(word, small, sizeof(small)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(help),
		cmocka_unit_test(full_disk),
		cmocka_unit_test(lines),
		cmocka_unit_test(nothing_is_shown),
		cmocka_unit_test(interrupted),
		cmocka_unit_test(terminated),
		cmocka_unit_test(stopped),
		cmocka_unit_test(hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
