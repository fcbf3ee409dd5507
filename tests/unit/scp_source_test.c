/* `scp -f`, record by record. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/exec_peer.h"

static struct peer p;
static char text[4096];

static int
setup(void **state)
{
	(void)state;
	umask(022);
	peer_init(&p, false);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	peer_done(&p);
	return 0;
}

static const char *
told(const char *op, const char *path, const char *rest)
{
	snprintf(text, sizeof(text), SCP_FROM "op=%s path=%s/%s %s", op,
	    p.c.dir, path, rest);
	return text;
}

static void
begin(const char *line)
{
	peer_run(&p, line);
	peer_quiet(&p);		/* the client has the first word */
	SAY(&p, "\0");
}

/* A whole file that is given. */
static void
take(const char *record, const char *bytes)
{
	peer_expect(&p, view_str(record));
	peer_quiet(&p);
	SAY(&p, "\0");
	peer_expect(&p, view_str(bytes));
	HEAR(&p, "\0");
	peer_quiet(&p);
	SAY(&p, "\0");
}

static void
set_times(const char *path, time_t atime, time_t mtime)
{
	struct timespec ts[2] = { { .tv_sec = atime }, { .tv_sec = mtime } };

	assert_int_equal(utimensat(AT_FDCWD, path, ts, 0), 0);
}

static void
one_file(void **state)
{
	(void)state;
	file_make("f", "hello");
	assert_int_equal(chmod("f", 04640), 0);
	begin("scp -f f");
	take("C4640 5 f\n", "hello");
	peer_ended(&p, 0);
	expect_event(&p.c, "transfer", told("get", "f", "bytes=5 result=ok"));
	/* An empty one is a transfer too. */
	file_make("e", "");
	begin("scp -f ./e");
	take("C0644 0 e\n", "");
	peer_ended(&p, 0);
	expect_event(&p.c, "transfer", told("get", "./e",
	    "bytes=0 result=ok"));
}

static void
several(void **state)
{
	(void)state;
	file_make("a", "1");
	file_make("b c", "2");
	file_make("*", "3");
	assert_int_equal(mkdir("d", 0755), 0);
	file_make("d/x.1", "4");
	file_make("d/x.2", "5");
	begin("scp -f a 'b c' none \"d\"/x.? '*' z*");
	take("C0644 1 a\n", "1");
	take("C0644 1 b c\n", "2");
	HEAR(&p, "\1scp: none: No such file or directory\n");
	take("C0644 1 x.1\n", "4");
	take("C0644 1 x.2\n", "5");
	take("C0644 1 *\n", "3");
	HEAR(&p, "\1scp: z*: No such file or directory\n");
	peer_ended(&p, 1);
	expect_event(&p.c, "transfer", told("get", "a", "bytes=1 result=ok"));
}

static void
with_times(void **state)
{
	(void)state;
	file_make("f", "x");
	set_times("f", 2000000, 1000000);
	begin("scp -p -f f");
	HEAR(&p, "T1000000 0 2000000 0\n");
	peer_quiet(&p);
	SAY(&p, "\0");
	take("C0644 1 f\n", "x");
	peer_ended(&p, 0);
	/* Before 1970 there is no word for it. */
	set_times("f", -5, -5);
	begin("scp -p -f f");
	HEAR(&p, "T0 0 0 0\n");
	/* Refused: not this one. */
	SAY(&p, "\1no\n");
	peer_ended(&p, 1);
}

static void
trees(void **state)
{
	(void)state;
	assert_int_equal(mkdir("d", 0755), 0);
	assert_int_equal(mkdir("d/sub", 0700), 0);
	file_make("d/sub/f", "x");
	set_times("d/sub", 5, 6);
	begin("scp -rp -f d");
	peer_expect(&p, view_str("T"));
	wr_reset(&p.got);
	SAY(&p, "\0");
	HEAR(&p, "D0755 0 d\n");
	SAY(&p, "\0");
	HEAR(&p, "T6 0 5 0\n");
	SAY(&p, "\0");
	HEAR(&p, "D0700 0 sub\n");
	SAY(&p, "\0");
	peer_expect(&p, view_str("T"));
	wr_reset(&p.got);
	SAY(&p, "\0");
	take("C0644 1 f\n", "x");
	HEAR(&p, "E\n");
	SAY(&p, "\0");
	HEAR(&p, "E\n");
	SAY(&p, "\0");
	peer_ended(&p, 0);
	expect_event(&p.c, "transfer", told("get", "d/sub/f",
	    "bytes=1 result=ok"));
	/* Without -r it is no file. */
	begin("scp -f d");
	HEAR(&p, "\1scp: d: Not a regular file\n");
	peer_ended(&p, 1);
	/* What the client does not want is not entered. */
	begin("scp -r -f d d/sub");
	HEAR(&p, "D0755 0 d\n");
	SAY(&p, "\1no room\n");
	HEAR(&p, "D0700 0 sub\n");
	SAY(&p, "\1no room\n");
	peer_ended(&p, 1);
	/* An end that it could not make is only a warning. */
	begin("scp -r -f d/sub d/sub/f");
	HEAR(&p, "D0700 0 sub\n");
	SAY(&p, "\0");
	take("C0644 1 f\n", "x");
	HEAR(&p, "E\n");
	SAY(&p, "\1set times\n");
	take("C0644 1 f\n", "x");
	peer_ended(&p, 1);
}

static void
names(void **state)
{
	char record[128];

	(void)state;
	assert_int_equal(mkdir("d", 0755), 0);
	file_make("d/f", "x");
	assert_int_equal(chdir("d"), 0);
	/* As scp has it: what is meant is what is here. */
	begin("scp -r -f .");
	HEAR(&p, "D0755 0 .\n");
	peer_drop(&p);
	begin("scp -r -f ./");
	HEAR(&p, "D0755 0 .\n");
	peer_drop(&p);
	/* A name that leads up is never told. */
	begin("scp -r -f ..");
	snprintf(record, sizeof(record), "D0700 0 %s\n",
	    strrchr(p.c.dir, '/') + 1);
	peer_expect(&p, view_str(record));
	peer_drop(&p);
	begin("scp -r -f ../d/..");
	peer_expect(&p, view_str(record));
	peer_drop(&p);
	begin("scp -r -f ../d///");
	HEAR(&p, "D0755 0 d\n");
	peer_drop(&p);
	begin("scp -r -f /");
	HEAR(&p, "\1scp: /: The root has no name; use /*\n");
	peer_ended(&p, 1);
	begin("scp -f f/");
	HEAR(&p, "\1scp: f: Not a directory\n");
	peer_ended(&p, 1);
	/* A line feed is the end of a record, never part of a name. */
	file_make("a\nC0644 9 evil", "x");
	begin("scp -f *evil");
	take("C0644 1 a\\012C0644 9 evil\n", "x");
	peer_ended(&p, 0);
	file_make("\x1b[2J\xff", "x");
	begin("scp -f ?'[2J'*");
	take("C0644 1 \x1b[2J\xff\n", "x");
	peer_ended(&p, 0);
	begin("scp -f \x1b");
	HEAR(&p, "\1scp: \\033: No such file or directory\n");
	peer_ended(&p, 1);
	begin("scp -f ''");
	HEAR(&p, "\1scp: : No such file or directory\n");
	peer_ended(&p, 1);
}

static void
links(void **state)
{
	(void)state;
	assert_int_equal(mkdir("d", 0755), 0);
	file_make("target", "t");
	assert_int_equal(symlink("../target", "d/l"), 0);
	begin("scp -r -f d");
	HEAR(&p, "D0755 0 d\n");
	SAY(&p, "\0");
	take("C0644 1 l\n", "t");
	HEAR(&p, "E\n");
	SAY(&p, "\0");
	peer_ended(&p, 0);
	/* One that leads back ends there. */
	assert_int_equal(unlink("d/l"), 0);
	assert_int_equal(symlink(".", "d/l"), 0);
	begin("scp -r -f d");
	HEAR(&p, "D0755 0 d\n");
	SAY(&p, "\0");
	HEAR(&p, "\1scp: d/l: Is inside of itself\nE\n");
	SAY(&p, "\0");
	peer_ended(&p, 1);
}

/* None of these may make us wait. */
static void
special(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(mkfifo("pipe", 0644), 0);
	strcpy(sun.sun_path, "socket");
	assert_int_equal(bind(s, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(s);
	assert_int_equal(symlink("/dev/null", "null"), 0);
	assert_int_equal(symlink("no", "dangling"), 0);
	begin("scp -f pipe socket null dangling");
	HEAR(&p, "\1scp: pipe: Not a regular file\n"
	    "\1scp: socket: Not a regular file\n"
	    "\1scp: null: Not a regular file\n"
	    "\1scp: dangling: No such file or directory\n");
	peer_ended(&p, 1);
}

static void
too_deep(void **state)
{
	(void)state;
	for (int i = 0; i < 257; i++) {
		assert_int_equal(mkdir("d", 0755), 0);
		assert_int_equal(chdir("d"), 0);
	}
	assert_int_equal(chdir(p.c.dir), 0);
	begin("scp -r -f d");
	for (int i = 0; i < 256; i++) {
		HEAR(&p, "D0755 0 d\n");
		SAY(&p, "\0");
	}
	peer_pump(&p);
	assert_int_equal(wr_view(&p.got).p[0], 1);
	assert_non_null(memmem(wr_view(&p.got).p, wr_size(&p.got),
	    "Too many directories inside each other\nE\n", 41));
	peer_drop(&p);
}

static void
no_permission(void **state)
{
	(void)state;
	assert_int_equal(mkdir("d", 0755), 0);
	file_make("d/f", "x");
	assert_int_equal(chmod(p.c.dir, 0755), 0);
	assert_int_equal(chmod("d/f", 0), 0);
	if (geteuid() == 0)
		assert_int_equal(seteuid(20011), 0);
	begin("scp -r -f d");
	HEAR(&p, "D0755 0 d\n");
	SAY(&p, "\0");
	HEAR(&p, "\1scp: d/f: Permission denied\nE\n");
	SAY(&p, "\0");
	peer_ended(&p, 1);
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
}

/* ---- the client's answers ---- */

static void
answers(void **state)
{
	(void)state;
	file_make("a", "1");
	file_make("b", "2");
	/* \1: not this one. */
	begin("scp -f a b");
	HEAR(&p, "C0644 1 a\n");
	SAY(&p, "\1scp: a: no\n");
	take("C0644 1 b\n", "2");
	peer_ended(&p, 1);
	/* \2, and what is no answer: the end. */
	begin("scp -f a b");
	HEAR(&p, "C0644 1 a\n");
	SAY(&p, "\2scp: a: no\n");
	peer_ended(&p, 1);
	begin("scp -f a b");
	HEAR(&p, "C0644 1 a\n");
	SAY(&p, "what\n");
	peer_ended(&p, 1);
	/* The client's disk is full. */
	begin("scp -f a b");
	HEAR(&p, "C0644 1 a\n");
	SAY(&p, "\0");
	HEAR(&p, "1\0");
	SAY(&p, "\1scp: a: No space left on device\n");
	take("C0644 1 b\n", "2");
	peer_ended(&p, 1);
	expect_event(&p.c, "transfer", told("get", "b", "bytes=1 result=ok"));
	expect_event(&p.c, "transfer", told("get", "a", "bytes=1 "
	    "result=failed reason=The client could not keep it"));
	expect_event(&p.c, "transfer", told("get", "b", "bytes=1 result=ok"));
	/* An answer in pieces, and one without end. */
	begin("scp -f a");
	HEAR(&p, "C0644 1 a\n");
	SAY(&p, "\1scp");
	peer_quiet(&p);
	SAY(&p, ": no\n");
	peer_ended(&p, 1);
	begin("scp -f a");
	HEAR(&p, "C0644 1 a\n");
	{
		static char line[8192];

		memset(line, 1, sizeof(line));
		peer_send(&p, view_of(line, sizeof(line)));
	}
	peer_ended(&p, 1);
	/* A greeting that is a warning. */
	peer_run(&p, "scp -f a");
	SAY(&p, "\1odd\n");
	take("C0644 1 a\n", "1");
	peer_ended(&p, 1);
}

static void
cut_off(void **state)
{
	(void)state;
	file_make("a", "1");
	peer_run(&p, "scp -f a");
	peer_eof(&p);
	peer_ended(&p, 1);
	begin("scp -f a");
	HEAR(&p, "C0644 1 a\n");
	peer_eof(&p);
	peer_ended(&p, 1);
	begin("scp -f a");
	HEAR(&p, "C0644 1 a\n");
	SAY(&p, "\0");
	HEAR(&p, "1\0");
	peer_eof(&p);
	peer_ended(&p, 1);
	expect_event(&p.c, "transfer", told("get", "a",
	    "bytes=1 result=aborted"));
	/* All answers at once, and no more: nobody is waited for. */
	peer_run(&p, "scp -f a");
	SAY(&p, "\0\0\0");
	peer_eof(&p);
	HEAR(&p, "C0644 1 a\n1\0");
	peer_ended(&p, 0);
}

/* What was promised is sent: zeros, and the truth behind them. */
static void
shrinks(void **state)
{
	static char bytes[70000];

	(void)state;
	memset(bytes, 'x', sizeof(bytes) - 1);
	file_make("f", bytes);
	begin("scp -f f");
	HEAR(&p, "C0644 69999 f\n");
	assert_int_equal(truncate("f", 10), 0);
	SAY(&p, "\0");
	memset(bytes + 10, 0, sizeof(bytes) - 10);
	peer_expect(&p, view_of(bytes, 69999));
	HEAR(&p, "\1scp: f: It has become shorter\n");
	SAY(&p, "\0");
	peer_ended(&p, 1);
	expect_event(&p.c, "transfer", told("get", "f", "bytes=10 "
	    "result=failed reason=It has become shorter"));
	/* One that grows is given as it was. */
	file_make("g", "123");
	begin("scp -f g");
	HEAR(&p, "C0644 3 g\n");
	file_make("g", "1234567");
	SAY(&p, "\0");
	HEAR(&p, "123\0");
	SAY(&p, "\0");
	peer_ended(&p, 0);
}

/* A client that does not read is waited for, and holds little. */
static void
large(void **state)
{
	static uint8_t chunk[1 << 20];
	struct exec_fds fd;
	int duct[2];

	(void)state;
	for (size_t i = 0; i < sizeof(chunk); i++)
		chunk[i] = (uint8_t)(i * 11 + (i >> 7));
	fd.in = open("big", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	for (int i = 0; i < 32; i++)
		assert_int_equal(write(fd.in, chunk, sizeof(chunk)),
		    (ssize_t)sizeof(chunk));
	close(fd.in);
	begin("scp -f big");
	HEAR(&p, "C0644 33554432 big\n");
	SAY(&p, "\0");
	for (int i = 0; i < 32; i++)
		peer_expect(&p, view_of(chunk, sizeof(chunk)));
	HEAR(&p, "\0");
	SAY(&p, "\0");
	peer_ended(&p, 0);
	/* By hand: nothing is taken off the socket. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    duct), 0);
	p.session = exec_session_new(&p.c.policy, view_str("scp -f big"),
	    (struct exec_fds){ duct[1], duct[1], -1 }, 7);
	assert_int_equal(write(duct[0], "\0\0", 2), 2);
	for (int i = 0; i < 100; i++)
		assert_int_equal(exec_session_ready(p.session, i == 0 ?
		    0x001 : 0x004), OK);	/* POLLIN, POLLOUT */
	exec_session_free(&p.session);
	close(duct[0]);
}

/* Sizes past 32 bits, without the time that so many bytes take: the client
 * goes when it has heard of it. */
static void
sparse(void **state)
{
	int fd = open("big", O_WRONLY | O_CREAT, 0644);

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)5 << 30), 0);
	close(fd);
	begin("scp -f big");
	HEAR(&p, "C0644 5368709120 big\n");
	SAY(&p, "\1too large\n");
	peer_ended(&p, 1);
}

/* Read-only means just that: everything can be read. */
static void
read_only(void **state)
{
	(void)state;
	peer_done(&p);
	peer_init(&p, true);
	assert_int_equal(mkdir("d", 0755), 0);
	file_make("d/a", "1");
	begin("scp -r -f d");
	HEAR(&p, "D0755 0 d\n");
	SAY(&p, "\0");
	take("C0644 1 a\n", "1");
	HEAR(&p, "E\n");
	SAY(&p, "\0");
	peer_ended(&p, 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(one_file), T(several), T(with_times), T(trees), T(names),
		T(links), T(special), T(too_deep), T(no_permission),
		T(answers), T(cut_off), T(shrinks), T(large), T(sparse),
		T(read_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
