/* `scp -t`, record by record. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/exec_peer.h"

#define SCP_NAME 300

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
	umask(022);
	return 0;
}

static struct stat
look(const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1)
		fail_msg("no %s", path);
	return st;
}

static bool
there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static const char *
told(const char *format, const char *path)
{
	char full[512];

	snprintf(full, sizeof(full), "%s/%s", p.c.dir, path);
	/* one %s of the caller's own test */
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(strstr(format, "%s") -
	    format), format, full, strstr(format, "%s") + 2);
	return text;
}

/* A whole file that is taken. */
static void
give(const char *record, const char *bytes)
{
	peer_send(&p, view_str(record));
	HEAR(&p, "\0");
	peer_send(&p, view_str(bytes));
	peer_quiet(&p);
	SAY(&p, "\0");
	HEAR(&p, "\0");
}

static void
one_file(void **state)
{
	(void)state;
	peer_run(&p, "scp -t f");
	HEAR(&p, "\0");
	give("C0640 5 other\n", "hello");
	peer_eof(&p);
	peer_ended(&p, 0);
	file_is("f", "hello");
	assert_int_equal(look("f").st_mode & 07777, 0640);
	expect_event(&p.c, "transfer", told(SCP_FROM "op=put path=%s bytes=5 "
	    "result=ok", "f"));
	assert_false(client_event(&p.c, "transfer", text, sizeof(text)));
}

static void
into_a_directory(void **state)
{
	(void)state;
	assert_int_equal(mkdir("d", 0755), 0);
	peer_run(&p, "scp -d -t d");
	HEAR(&p, "\0");
	give("C0666 3 a b\n", "abc");
	give("C0600 0 empty\n", "");
	give("C4755 1 \xff\n", "x");
	peer_eof(&p);
	peer_ended(&p, 0);
	file_is("d/a b", "abc");
	file_is("d/empty", "");
	assert_int_equal(look("d/a b").st_mode & 07777, 0644);
	assert_int_equal(look("d/empty").st_mode & 07777, 0600);
	assert_int_equal(look("d/\xff").st_mode & 07777, 04755);
	expect_event(&p.c, "transfer", told(SCP_FROM "op=put path=%s bytes=3 "
	    "result=ok", "d/a b"));
	expect_event(&p.c, "transfer", told(SCP_FROM "op=put path=%s bytes=0 "
	    "result=ok", "d/empty"));
	/* Where the session starts, and by another name of it. */
	peer_run(&p, "scp -t .");
	HEAR(&p, "\0");
	give("C0644 1 top\n", "t");
	expect_event(&p.c, "transfer", told(SCP_FROM "op=put path=%s bytes=1 "
	    "result=ok", "d/\xff"));
	expect_event(&p.c, "transfer", told(SCP_FROM "op=put path=%s bytes=1 "
	    "result=ok", "top"));
	peer_run(&p, "scp -t d/");
	HEAR(&p, "\0");
	give("C0644 1 x\n", "t");
	file_is("d/x", "t");
	expect_event(&p.c, "transfer", told(SCP_FROM "op=put path=%s bytes=1 "
	    "result=ok", "d/x"));
	peer_run(&p, "scp -t ~");
	HEAR(&p, "\0");
	give("C0644 1 home\n", "t");
	file_is("home", "t");
	peer_run(&p, "scp -t d*");
	HEAR(&p, "\0");
	give("C0644 1 y\n", "t");
	file_is("d/y", "t");
}

static void
the_umask(void **state)
{
	(void)state;
	umask(077);
	peer_run(&p, "scp -r -t .");
	HEAR(&p, "\0");
	give("C0666 1 f\n", "x");
	SAY(&p, "D0777 0 d\n");
	HEAR(&p, "\0");
	SAY(&p, "E\n");
	HEAR(&p, "\0");
	SAY(&p, "D0555 0 ro\n");
	HEAR(&p, "\0");
	give("C0444 1 f\n", "x");
	SAY(&p, "E\n");
	HEAR(&p, "\0");
	assert_int_equal(look("f").st_mode & 07777, 0600);
	assert_int_equal(look("d").st_mode & 07777, 0700);
	assert_int_equal(look("ro").st_mode & 07777, 0500);
	assert_int_equal(look("ro/f").st_mode & 07777, 0400);
	/* -p takes the modes as they are, of what was there too. */
	peer_run(&p, "scp -r -p -t .");
	HEAR(&p, "\0");
	give("C0666 1 f\n", "x");
	SAY(&p, "D0750 0 ro\n");
	HEAR(&p, "\0");
	SAY(&p, "E\n");
	HEAR(&p, "\0");
	assert_int_equal(look("f").st_mode & 07777, 0666);
	assert_int_equal(look("ro").st_mode & 07777, 0750);
}

static void
over_another(void **state)
{
	(void)state;
	file_make("f", "0123456789");
	assert_int_equal(chmod("f", 0604), 0);
	peer_run(&p, "scp -t f");
	HEAR(&p, "\0");
	give("C0644 3 f\n", "abc");
	file_is("f", "abc");
	assert_int_equal(look("f").st_mode & 07777, 0604);
	/* Nothing of the old one stays behind what has come. */
	file_make("g", "0123456789");
	peer_run(&p, "scp -t g");
	HEAR(&p, "\0");
	SAY(&p, "C0644 9 g\nabcd");
	HEAR(&p, "\0");
	peer_drop(&p);
	file_is("g", "abcd");
	expect_event(&p.c, "transfer", told(SCP_FROM "op=put path=%s bytes=3 "
	    "result=ok", "f"));
	expect_event(&p.c, "transfer", told(SCP_FROM "op=put path=%s bytes=4 "
	    "result=aborted", "g"));
}

static void
times_kept(void **state)
{
	struct stat st;

	(void)state;
	peer_run(&p, "scp -r -p -t .");
	HEAR(&p, "\0");
	SAY(&p, "T1000000 5 2000000 7\n");
	HEAR(&p, "\0");
	SAY(&p, "D0711 0 d\n");
	HEAR(&p, "\0");
	SAY(&p, "T3000000 0 4000000 0\n");
	HEAR(&p, "\0");
	give("C0604 2 f\n", "ab");
	/* Times are for one file. */
	give("C0604 2 g\n", "ab");
	SAY(&p, "E\n");
	HEAR(&p, "\0");
	st = look("d");
	assert_int_equal(st.st_mode & 07777, 0711);
	assert_int_equal(st.st_mtim.tv_sec, 1000000);
	assert_int_equal(st.st_mtim.tv_nsec, 5000);
	assert_int_equal(st.st_atim.tv_sec, 2000000);
	assert_int_equal(st.st_atim.tv_nsec, 7000);
	st = look("d/f");
	assert_int_equal(st.st_mtim.tv_sec, 3000000);
	assert_int_equal(st.st_atim.tv_sec, 4000000);
	assert_true(look("d/g").st_mtim.tv_sec > 4000000);
	/* Sent without -p, as some do. */
	peer_run(&p, "scp -t .");
	HEAR(&p, "\0");
	SAY(&p, "T1000000 0 2000000 0\n");
	HEAR(&p, "\0");
	give("C0644 1 h\n", "a");
	assert_int_equal(look("h").st_mtim.tv_sec, 1000000);
}

static void
trees(void **state)
{
	(void)state;
	peer_run(&p, "scp -r -t new");
	HEAR(&p, "\0");
	SAY(&p, "D0755 0 whatever\n");
	HEAR(&p, "\0");
	give("C0644 1 a\n", "1");
	SAY(&p, "D0755 0 sub\n");
	HEAR(&p, "\0");
	give("C0644 1 b\n", "2");
	SAY(&p, "E\n");
	HEAR(&p, "\0");
	give("C0644 1 c\n", "3");
	SAY(&p, "E\n");
	HEAR(&p, "\0");
	peer_eof(&p);
	peer_ended(&p, 0);
	file_is("new/a", "1");
	file_is("new/sub/b", "2");
	file_is("new/c", "3");
	expect_event(&p.c, "dir-create", told(SCP_FROM "path=%s result=ok",
	    "new"));
	expect_event(&p.c, "transfer", told(SCP_FROM "op=put path=%s bytes=1 "
	    "result=ok", "new/a"));
	expect_event(&p.c, "dir-create", told(SCP_FROM "path=%s result=ok",
	    "new/sub"));
	/* Once more: all is there, and nothing is made. */
	peer_run(&p, "scp -r -t .");
	HEAR(&p, "\0");
	SAY(&p, "D0700 0 new\n");
	HEAR(&p, "\0");
	give("C0644 1 a\n", "9");
	SAY(&p, "E\n");
	HEAR(&p, "\0");
	peer_eof(&p);
	peer_ended(&p, 0);
	file_is("new/a", "9");
	assert_int_equal(look("new").st_mode & 07777, 0755);
	assert_false(client_event(&p.c, "dir-create", text, sizeof(text)));
}

/* All in one go, as a client with a tail wind would: the same answers. */
static void
pipelined(void **state)
{
	(void)state;
	peer_run(&p, "scp -rpt .");
	SAY(&p, "D0755 0 d\nT1 0 1 0\nC0644 2 a\nxy\0C0644 0 b\n\0E\n"
	    "C0644 1 c\nz\0");
	HEAR(&p, "\0\0\0\0\0\0\0\0\0\0");
	peer_eof(&p);
	peer_ended(&p, 0);
	file_is("d/a", "xy");
	file_is("d/b", "");
	file_is("c", "z");
	assert_int_equal(look("d/a").st_mtim.tv_sec, 1);
}

static void
byte_by_byte(void **state)
{
	static const char all[] = "T1 0 1 0\nD0755 0 d\nC0644 3 a\nxyz\0E\n"
	    "\1ouch\nC0644 1 c\nz\0";

	(void)state;
	peer_run(&p, "scp -rpt .");
	for (size_t i = 0; i < sizeof(all) - 1; i++)
		peer_send(&p, view_of(all + i, 1));
	HEAR(&p, "\0\0\0\0\0\0\0\0");
	peer_eof(&p);
	peer_ended(&p, 1);	/* something could not be given */
	file_is("d/a", "xyz");
	file_is("c", "z");
}

/* ---- what goes on after a fault ---- */

static void
warnings(void **state)
{
	(void)state;
	file_make("file", "x");
	assert_int_equal(mkdir("dir", 0755), 0);
	assert_int_equal(mkfifo("pipe", 0644), 0);
	assert_int_equal(symlink("nowhere/x", "dangling"), 0);
	peer_run(&p, "scp -r -t .");
	HEAR(&p, "\0");
	SAY(&p, "C0644 1 dir\n");
	HEAR(&p, "\1scp: dir: Is a directory\n");
	SAY(&p, "C0644 1 pipe\n");
	HEAR(&p, "\1scp: pipe: Not a regular file\n");
	SAY(&p, "C0644 1 dangling\n");
	HEAR(&p, "\1scp: dangling: No such file or directory\n");
	SAY(&p, "D0755 0 file\n");
	HEAR(&p, "\1scp: file: Not a directory\n");
	give("C0644 1 good\n", "x");
	peer_eof(&p);
	peer_ended(&p, 1);
	file_is("good", "x");
	/* A name that could harm the screen of who reads about it. */
	assert_int_equal(mkdir("\x1b[31m", 0755), 0);
	peer_run(&p, "scp -t .");
	HEAR(&p, "\0");
	SAY(&p, "C0644 1 \x1b[31m\n");
	HEAR(&p, "\1scp: \\033[31m: Is a directory\n");
	/* Not where there is nothing. */
	peer_run(&p, "scp -t no/such");
	HEAR(&p, "\0");
	SAY(&p, "C0644 1 x\n");
	HEAR(&p, "\1scp: no/such: No such file or directory\n");
	peer_eof(&p);
	peer_ended(&p, 1);
}

static void
long_names(void **state)
{
	char record[SCP_NAME + 64], name[SCP_NAME + 1];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	peer_run(&p, "scp -r -t .");
	HEAR(&p, "\0");
	snprintf(record, sizeof(record), "C0644 1 %s\n", name);
	peer_send(&p, view_str(record));
	snprintf(record, sizeof(record), "\1scp: %s: File name too long\n",
	    name);
	peer_expect(&p, view_str(record));
	name[255] = '\0';
	snprintf(record, sizeof(record), "C0644 1 %s\n", name);
	give(record, "x");
	file_is(name, "x");
	/* Deep below each other, until the path has no room. */
	name[200] = '\0';
	for (int i = 0; i < 20; i++) {
		snprintf(record, sizeof(record), "D0755 0 %s\n", name);
		peer_send(&p, view_str(record));
		HEAR(&p, "\0");
	}
	peer_send(&p, view_str(record));
	peer_pump(&p);
	assert_true(wr_size(&p.got) > 4000);
	assert_memory_equal(wr_view(&p.got).p, "\1scp: n", 7);
	wr_reset(&p.got);
	for (int i = 0; i < 20; i++) {
		SAY(&p, "E\n");
		HEAR(&p, "\0");
	}
	peer_eof(&p);
	peer_ended(&p, 1);
}

static void
too_deep(void **state)
{
	(void)state;
	peer_run(&p, "scp -r -t .");
	HEAR(&p, "\0");
	for (int i = 0; i < 255; i++) {
		SAY(&p, "D0755 0 d\n");
		HEAR(&p, "\0");
	}
	SAY(&p, "D0755 0 d\n");
	peer_pump(&p);
	assert_int_equal(p.end, OK);
	assert_int_equal(wr_view(&p.got).p[0], 1);
	assert_non_null(memmem(wr_view(&p.got).p, wr_size(&p.got),
	    "Too many directories inside each other\n", 39));
	wr_reset(&p.got);
	give("C0644 1 f\n", "x");
	for (int i = 0; i < 255; i++) {
		SAY(&p, "E\n");
		HEAR(&p, "\0");
	}
	SAY(&p, "E\n");
	HEAR(&p, "\2scp: protocol error: unexpected end of a directory\n");
	peer_ended(&p, 1);
}

/* The client says that the bytes were not the file's. */
static void
client_failed(void **state)
{
	(void)state;
	peer_run(&p, "scp -t .");
	HEAR(&p, "\0");
	SAY(&p, "C0644 3 f\n");
	HEAR(&p, "\0");
	SAY(&p, "abc\1scp: f: Input/output error\n");
	HEAR(&p, "\0");
	give("C0644 1 g\n", "x");
	peer_eof(&p);
	peer_ended(&p, 1);
	expect_event(&p.c, "transfer", told(SCP_FROM "op=put path=%s bytes=3 "
	    "result=failed reason=The client could not read it", "f"));
	/* \2 after the bytes, or no answer at all: the end. */
	peer_run(&p, "scp -t .");
	HEAR(&p, "\0");
	SAY(&p, "C0644 3 f\nabc\2over\n");
	HEAR(&p, "\0");
	peer_ended(&p, 1);
	peer_run(&p, "scp -t .");
	HEAR(&p, "\0");
	SAY(&p, "C0644 3 f\nabcdef\n");
	HEAR(&p, "\0");
	peer_ended(&p, 1);
	peer_run(&p, "scp -t .");
	HEAR(&p, "\0");
	SAY(&p, "\2scp: gone\n");
	peer_ended(&p, 1);
}

/* What has no room is read all the same, and said in words. */
static void
disk_full(void **state)
{
	struct rlimit old, rl = { 3, RLIM_INFINITY };

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	rl.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &rl), 0);
	peer_run(&p, "scp -t .");
	HEAR(&p, "\0");
	SAY(&p, "C0644 10 f\n");
	HEAR(&p, "\0");
	SAY(&p, "01234");
	peer_quiet(&p);
	SAY(&p, "56789\0");
	HEAR(&p, "\1scp: f: File too large\n");
	give("C0644 2 g\n", "ok");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	peer_eof(&p);
	peer_ended(&p, 1);
	file_is("f", "012");
	file_is("g", "ok");
	expect_event(&p.c, "transfer", told(SCP_FROM "op=put path=%s bytes=3 "
	    "result=failed reason=File too large", "f"));
}

/* ---- what ends it ---- */

static void
ends(const char *line, const char *say, const char *hear)
{
	peer_run(&p, line);
	peer_pump(&p);
	if (wr_size(&p.got) == 1)	/* the first \0 */
		wr_consume(&p.got, 1);
	peer_send(&p, view_str(say));
	peer_expect(&p, view_str(hear));
	peer_ended(&p, 1);
}

static void
fatal(void **state)
{
	static const struct {
		const char *say, *why;
	} cases[] = {
		{ "\n", "unexpected <newline>" },
		{ "hello\n", "expected control record" },
		{ "E\n", "unexpected end of a directory" },
		{ "D0755 0 d\n", "received directory without -r" },
		{ "C0644 1 ..\n", "unexpected file name" },
		{ "C0644 1 ../x\n", "unexpected file name" },
		{ "C0644 1 /etc/x\n", "unexpected file name" },
		{ "C0644 1 \n", "unexpected file name" },
		{ "C9644 1 x\n", "bad mode" },
		{ "C0644 x x\n", "bad size" },
		{ "C0644 9999999999999999999 x\n", "bad size" },
		{ "Tx\n", "bad times" },
	};
	char hear[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(hear, sizeof(hear), "\2scp: protocol error: %s\n",
		    cases[i].why);
		ends("scp -t .", cases[i].say, hear);
		snprintf(hear, sizeof(hear), SCP_FROM "command=scp -t . "
		    "bytes=0 result=failed reason=%s", cases[i].why);
		expect_event(&p.c, "command", hear);
	}
	assert_false(there("x"));
	assert_false(there("../x"));
	ends("scp -r -t .", "D0755 0 ..\n",
	    "\2scp: protocol error: unexpected file name\n");
	peer_run(&p, "scp -t .");
	HEAR(&p, "\0");
	SAY(&p, "\0");
	HEAR(&p, "\2scp: protocol error: expected control record\n");
	peer_ended(&p, 1);
	ends("scp -t a b", "", "\2scp: ambiguous target\n");
	ends("scp -d -t none", "", "\1scp: none: No such file or directory\n");
	file_make("f1", "");
	file_make("f2", "");
	ends("scp -t f?", "", "\2scp: ambiguous target\n");
	ends("scp -d -t f1", "", "\1scp: f1: Not a directory\n");
	ends("scp -x -t f1", "", "\2scp: unknown option; -t, -f, -r, -p, -d "
	    "and -v are served\n");
	ends("scp a b", "", "\2scp: needs one of -t and -f; copies are made "
	    "by the client\n");
	ends("scp -t `id`", "", "\2scp: a ` is not served\n");
	while (client_event(&p.c, "command", hear, sizeof(hear)) &&
	    strstr(hear, "a ` is not served") == NULL)
		;
	assert_string_equal(hear, "channel=7 service=scp command=scp -t `id` "
	    "bytes=0 result=failed reason=a ` is not served");
	ends("scp -t 'x", "", "\2scp: a ' is not closed\n");
	ends("scp -t x; id", "", "\2scp: one command at a time\n");
}

static void
long_line(void **state)
{
	static char line[16384];

	(void)state;
	memset(line, 'C', sizeof(line));
	peer_run(&p, "scp -t .");
	HEAR(&p, "\0");
	peer_send(&p, view_of(line, 8191));
	peer_quiet(&p);
	peer_send(&p, view_of(line, 1));
	HEAR(&p, "\2scp: protocol error: a line is too long\n");
	peer_ended(&p, 1);
	peer_run(&p, "scp -t .");
	HEAR(&p, "\0");
	peer_send(&p, view_of(line, sizeof(line)));
	HEAR(&p, "\2scp: protocol error: a line is too long\n");
	peer_ended(&p, 1);
}

static void
cut_off(void **state)
{
	(void)state;
	peer_run(&p, "scp -t .");
	HEAR(&p, "\0");
	SAY(&p, "C0644 10 f\nabc");
	HEAR(&p, "\0");
	peer_eof(&p);
	peer_ended(&p, 1);
	file_is("f", "abc");
	expect_event(&p.c, "transfer", told(SCP_FROM "op=put path=%s bytes=3 "
	    "result=aborted", "f"));
	/* All bytes, but no word that they are the file's. */
	peer_run(&p, "scp -t .");
	HEAR(&p, "\0");
	SAY(&p, "C0644 3 f\nabc");
	HEAR(&p, "\0");
	peer_eof(&p);
	peer_ended(&p, 1);
	expect_event(&p.c, "transfer", told(SCP_FROM "op=put path=%s bytes=3 "
	    "result=aborted", "f"));
	/* In a record, in a directory: its mode is set all the same. */
	peer_run(&p, "scp -rp -t .");
	HEAR(&p, "\0");
	SAY(&p, "D0500 0 d\nC0644 1");
	HEAR(&p, "\0");
	peer_eof(&p);
	peer_ended(&p, 1);
	assert_int_equal(look("d").st_mode & 07777, 0500);
	peer_run(&p, "scp -t .");
	HEAR(&p, "\0");
	peer_eof(&p);
	peer_ended(&p, 0);
}

/* Who sends all at once and goes without waiting for answers, has sent it. */
static void
unheard(void **state)
{
	static uint8_t chunk[100000];

	(void)state;
	peer_run(&p, "scp -r -t .");
	assert_int_equal(send(p.in, "D0755 0 d\nC0644 100000 f\n", 25, 0), 25);
	assert_int_equal(send(p.in, chunk, sizeof(chunk), 0),
	    (ssize_t)sizeof(chunk));
	assert_int_equal(send(p.in, "\0C0644 5 g\nabc", 14, 0), 14);
	peer_hang_up(&p);
	peer_pump(&p);
	assert_int_equal(p.end, ERR_CLOSED);
	assert_int_equal(look("d/f").st_size, 100000);
	file_is("d/g", "abc");
	expect_event(&p.c, "transfer", told(SCP_FROM "op=put path=%s "
	    "bytes=100000 result=ok", "d/f"));
	expect_event(&p.c, "transfer", told(SCP_FROM "op=put path=%s bytes=3 "
	    "result=aborted", "d/g"));
}

/* ---- where things go ---- */

/* Links that lie there are followed; none can be made, and a directory that
 * was entered stays the one it was. */
static void
links(void **state)
{
	(void)state;
	assert_int_equal(mkdir("real", 0755), 0);
	assert_int_equal(symlink("real", "dirlink"), 0);
	file_make("target", "old");
	assert_int_equal(symlink("target", "link"), 0);
	peer_run(&p, "scp -r -t .");
	HEAR(&p, "\0");
	give("C0644 3 link\n", "new");
	SAY(&p, "D0755 0 dirlink\n");
	HEAR(&p, "\0");
	give("C0644 1 f\n", "x");
	/* Changed under our feet. */
	assert_int_equal(rename("real", "moved"), 0);
	assert_int_equal(mkdir("other", 0755), 0);
	assert_int_equal(unlink("dirlink"), 0);
	assert_int_equal(symlink("other", "dirlink"), 0);
	give("C0644 1 g\n", "y");
	SAY(&p, "E\n");
	HEAR(&p, "\0");
	file_is("target", "new");
	file_is("moved/f", "x");
	file_is("moved/g", "y");
	assert_false(there("other/g"));
}

static void
read_only(void **state)
{
	(void)state;
	peer_done(&p);
	peer_init(&p, true);
	file_make("f", "old");
	assert_int_equal(mkdir("d", 0700), 0);
	peer_run(&p, "scp -r -p -t .");
	HEAR(&p, "\0");
	SAY(&p, "C0644 1 f\n");
	HEAR(&p, "\1scp: f: This session is read-only\n");
	SAY(&p, "C0644 0 new\n");
	HEAR(&p, "\1scp: new: This session is read-only\n");
	SAY(&p, "D0755 0 new\n");
	HEAR(&p, "\1scp: new: This session is read-only\n");
	/* What is there can be entered, and stays as it is. */
	SAY(&p, "T1 0 1 0\nD0755 0 d\n");
	HEAR(&p, "\0\0");
	SAY(&p, "C0644 0 new\n");
	HEAR(&p, "\1scp: d/new: This session is read-only\n");
	SAY(&p, "E\n");
	HEAR(&p, "\0");
	peer_eof(&p);
	peer_ended(&p, 1);
	assert_int_equal(look("d").st_mode & 07777, 0700);
	assert_true(look("d").st_mtim.tv_sec > 1);
	file_is("f", "old");
	assert_false(there("new"));
}

/* Large ones come in bites, in bounded memory, and others get their turn. */
static void
large(void **state)
{
	static uint8_t chunk[1 << 20];
	uint64_t size = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(chunk); i++)
		chunk[i] = (uint8_t)(i * 7 + (i >> 8));
	peer_run(&p, "scp -t big");
	HEAR(&p, "\0");
	SAY(&p, "C0644 33554432 big\n");
	HEAR(&p, "\0");
	for (int i = 0; i < 32; i++)
		peer_send(&p, view_of(chunk, sizeof(chunk)));
	SAY(&p, "\0");
	HEAR(&p, "\0");
	size = (uint64_t)look("big").st_size;
	assert_true(size == 33554432);
	{
		static uint8_t back[1 << 20];
		int fd = open("big", O_RDONLY);

		for (int i = 0; i < 32; i++) {
			assert_int_equal(read(fd, back, sizeof(back)),
			    (ssize_t)sizeof(back));
			assert_memory_equal(back, chunk, sizeof(chunk));
		}
		close(fd);
	}
	/* A size past all disks is no trouble before the bytes are there. */
	peer_run(&p, "scp -t huge");
	HEAR(&p, "\0");
	SAY(&p, "C0644 9223372036854775807 huge\nabc");
	HEAR(&p, "\0");
	peer_quiet(&p);
	peer_drop(&p);
	file_is("huge", "abc");
}

/* Who may, and who may not. */
static void
asked(void **state)
{
	const struct jail_policy *j = &p.c.policy;

	(void)state;
	assert_int_equal(exec_ask(j, view_str("scp -t x")),
	    EXEC_SERVED);
	assert_int_equal(exec_ask(j, view_str("'scp' -t x")),
	    EXEC_SERVED);
	assert_int_equal(exec_ask(j, view_str("scp")), EXEC_SERVED);
	assert_int_equal(exec_ask(j, view_str("scp `")), EXEC_SERVED);
	assert_int_equal(exec_ask(j, view_str("scpx -t x")),
	    EXEC_UNKNOWN);
	assert_int_equal(exec_ask(j, view_str("/usr/bin/scp -t x")),
	    EXEC_UNKNOWN);
	assert_int_equal(exec_ask(j, view_str("id; scp -t x")),
	    EXEC_UNKNOWN);
	assert_int_equal(exec_ask(j, view_str("sh -c 'scp -t x'")),
	    EXEC_UNKNOWN);
	assert_int_equal(exec_ask(j, view_str("")), EXEC_UNKNOWN);
	p.c.policy.scp = false;
	assert_int_equal(exec_ask(j, view_str("scp -t x")),
	    EXEC_NO_SCP);
	assert_int_equal(exec_ask(j, view_str("scp `")), EXEC_NO_SCP);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(one_file), T(into_a_directory), T(the_umask),
		T(over_another), T(times_kept), T(trees), T(pipelined),
		T(byte_by_byte), T(warnings), T(long_names), T(too_deep),
		T(client_failed), T(disk_full), T(fatal), T(long_line),
		T(cut_off), T(unheard), T(links), T(read_only),
		T(large), T(asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
