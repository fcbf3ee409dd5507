/* Open files: reading, writing, their attributes, copies, the log of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/sftp_client.h"

#define RW	(FXF_READ | FXF_WRITE)
#define NEW	(FXF_WRITE | FXF_CREAT | FXF_TRUNC)

static struct client c;
static char fields[256];

static int
start(void **state)
{
	(void)state;
	umask(022);
	client_start(&c, false);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	client_stop(&c);
	return 0;
}

/* Event fields with the test's directory in front of the name. */
static const char *
told(const char *fmt, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", c.dir, name);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(fields, sizeof(fields), fmt, path);
#pragma GCC diagnostic pop
	return fields;
}

static void
expect_data(struct answer a, const char *text)
{
	struct view v;

	if (a.type == FXP_STATUS)
		print_message("status %u: %s\n", a.code, a.text);
	assert_int_equal(a.type, FXP_DATA);
	v = rd_str(&a.rest);
	assert_true(rd_done(&a.rest));
	assert_int_equal(v.n, strlen(text));
	assert_memory_equal(v.p, text, v.n);
}

static void
copy_send(uint32_t from, uint64_t at, uint64_t count, uint32_t to,
    uint64_t to_at)
{
	client_begin_ext(&c, "copy-data");
	wr_u32(&c.out, 4);
	wr_u32(&c.out, from);
	wr_u64(&c.out, at);
	wr_u64(&c.out, count);
	wr_u32(&c.out, 4);
	wr_u32(&c.out, to);
	wr_u64(&c.out, to_at);
	client_send(&c);
}

static struct answer
copy(uint32_t from, uint64_t at, uint64_t count, uint32_t to, uint64_t to_at)
{
	copy_send(from, at, count, to, to_at);
	return client_answer(&c);
}

static void
put_and_get(void **state)
{
	uint32_t h;

	(void)state;
	h = client_open_ok(&c, "f", NEW);
	expect_text(client_write(&c, h, 0, view_str("hello")), FX_OK,
	    "Success");
	expect_status(client_write(&c, h, 5, view_str(", world")), FX_OK);
	expect_status(client_write(&c, h, 5, view_of(NULL, 0)), FX_OK);
	client_close_ok(&c, h);
	file_is("f", "hello, world");
	expect_event(&c, "transfer", told(FROM "op=put path=%s bytes=12 "
	    "result=ok", "f"));
	h = client_open_ok(&c, "f", FXF_READ);
	expect_data(client_read(&c, h, 0, 5), "hello");
	expect_data(client_read(&c, h, 7, 1000), "world");
	expect_text(client_read(&c, h, 12, 10), FX_EOF, "End of file");
	expect_status(client_read(&c, h, UINT64_MAX, 10), FX_EOF);
	expect_status(client_read(&c, h, 0, 0), FX_EOF);
	client_close_ok(&c, h);
	expect_event(&c, "transfer", told(FROM "op=get path=%s bytes=10 "
	    "result=ok", "f"));
	/* Looked at, not moved: not a transfer. */
	client_close_ok(&c, client_open_ok(&c, "f", FXF_READ));
	assert_false(client_event(&c, "transfer", fields, sizeof(fields)));
	/* Nothing written, but it could have been. */
	client_close_ok(&c, client_open_ok(&c, "empty", NEW));
	expect_event(&c, "transfer", told(FROM "op=put path=%s bytes=0 "
	    "result=ok", "empty"));
}

static void
open_flags(void **state)
{
	struct stat st;
	uint32_t h;

	(void)state;
	expect_status(client_open(&c, "f", FXF_READ), FX_NO_SUCH_FILE);
	expect_status(client_open(&c, "f", FXF_WRITE), FX_NO_SUCH_FILE);
	client_close_ok(&c, client_open_ok(&c, "f", FXF_WRITE | FXF_CREAT));
	assert_int_equal(stat("f", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	expect_text(client_open(&c, "f", FXF_WRITE | FXF_CREAT | FXF_EXCL),
	    FX_FAILURE, "File exists");
	file_make("f", "0123456789");
	h = client_open_ok(&c, "f", RW);
	expect_status(client_write(&c, h, 2, view_str("xx")), FX_OK);
	expect_data(client_read(&c, h, 0, 10), "01xx456789");
	client_close_ok(&c, h);
	expect_event(&c, "transfer", told(FROM "op=put path=%s bytes=0 "
	    "result=ok", "f"));
	expect_event(&c, "transfer", told(FROM "op=put path=%s bytes=2 "
	    "bytes_read=10 result=ok", "f"));
	/* Appending does not look at the offset. */
	h = client_open_ok(&c, "f", FXF_WRITE | FXF_APPEND);
	expect_status(client_write(&c, h, 0, view_str("A")), FX_OK);
	expect_status(client_write(&c, h, 0, view_str("B")), FX_OK);
	client_close_ok(&c, h);
	file_is("f", "01xx456789AB");
	client_close_ok(&c, client_open_ok(&c, "f", NEW));
	file_is("f", "");
	/* The mode asked for, less the umask. */
	client_begin(&c, FXP_OPEN);
	wr_cstr(&c.out, "m");
	wr_u32(&c.out, NEW);
	wr_u32(&c.out, ATTR_PERM);
	wr_u32(&c.out, 0100666);
	client_send(&c);
	assert_int_equal(client_answer(&c).type, FXP_HANDLE);
	assert_int_equal(stat("m", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
}

static void
long_names(void **state)
{
	char name[5000];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[300] = '\0';
	expect_text(client_open(&c, name, NEW), FX_FAILURE,
	    "File name too long");
	name[300] = 'n';
	name[4096] = '\0';
	expect_text(client_open(&c, name, NEW), FX_FAILURE,
	    "File name too long");
	/* An empty name is the directory. */
	expect_text(client_open(&c, "", FXF_READ), FX_FAILURE,
	    "Is a directory");
	/* Any other bytes are a name. */
	client_close_ok(&c, client_open_ok(&c, "\xff\n\x1b[1m", NEW));
	assert_int_equal(access("\xff\n\x1b[1m", F_OK), 0);
}

static void
special_files(void **state)
{
	static const uint32_t modes[] = { FXF_READ, FXF_WRITE, RW, NEW };
	struct sockaddr_un sun = { .sun_family = AF_UNIX, .sun_path = "sock" };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(bind(s, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(symlink("/dev/null", "null"), 0);
	assert_int_equal(mkdir("d", 0700), 0);
	for (size_t i = 0; i < 4; i++) {
		expect_text(client_open(&c, "fifo", modes[i]), FX_FAILURE,
		    "Not a regular file");
		expect_text(client_open(&c, "sock", modes[i]), FX_FAILURE,
		    "Not a regular file");
		expect_text(client_open(&c, "null", modes[i]), FX_FAILURE,
		    "Not a regular file");
		expect_text(client_open(&c, "d", modes[i]), FX_FAILURE,
		    "Is a directory");
	}
	expect_status(client_path(&c, FXP_OPENDIR, "fifo"), FX_NO_SUCH_FILE);
	/* They can be looked at and removed. */
	assert_int_equal(client_path(&c, FXP_LSTAT, "fifo").type, FXP_ATTRS);
	expect_status(client_path(&c, FXP_REMOVE, "fifo"), FX_OK);
	expect_status(client_path(&c, FXP_REMOVE, "sock"), FX_OK);
	close(s);
}

static void
sparse(void **state)
{
	uint64_t far = ((uint64_t)5 << 30) + 3;
	struct stat st;
	uint32_t h;

	(void)state;
	h = client_open_ok(&c, "f", RW | FXF_CREAT);
	expect_status(client_write(&c, h, far, view_str("end")), FX_OK);
	expect_data(client_read(&c, h, far + 1, 10), "nd");
	expect_text(client_write(&c, h, UINT64_MAX, view_str("x")),
	    FX_FAILURE, "File too large");
	expect_text(client_write(&c, h, INT64_MAX, view_str("x")),
	    FX_FAILURE, "File too large");
	client_close_ok(&c, h);
	expect_event(&c, "transfer", told(FROM "op=put path=%s bytes=3 "
	    "bytes_read=2 result=failed reason=File too large", "f"));
	assert_int_equal(stat("f", &st), 0);
	assert_int_equal(st.st_size, far + 3);
}

static void
aborted(void **state)
{
	uint32_t h;

	(void)state;
	file_make("g", "abc");
	h = client_open_ok(&c, "f", NEW);
	expect_status(client_write(&c, h, 0, view_str("half")), FX_OK);
	h = client_open_ok(&c, "g", FXF_READ);
	expect_data(client_read(&c, h, 0, 2), "ab");
	client_open_ok(&c, "g", FXF_READ);
	client_opendir_ok(&c, ".");
	client_drop(&c);
	expect_event(&c, "transfer", told(FROM "op=put path=%s bytes=4 "
	    "result=aborted", "f"));
	expect_event(&c, "transfer", told(FROM "op=get path=%s bytes=2 "
	    "result=aborted", "g"));
	assert_false(client_event(&c, "transfer", fields, sizeof(fields)));
}

/* A failed write is never told as a transfer, not even after a later one
 * that worked. */
static void
write_fails(void **state)
{
	struct rlimit old, rl;
	uint32_t h;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	rl = old;
	rl.rlim_cur = 10;
	h = client_open_ok(&c, "f", NEW);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &rl), 0);
	expect_text(client_write(&c, h, 8, view_str("12345")), FX_FAILURE,
	    "File too large");
	expect_status(client_write(&c, h, 0, view_str("1")), FX_OK);
	client_close_ok(&c, h);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	expect_event(&c, "transfer", told(FROM "op=put path=%s bytes=3 "
	    "result=failed reason=File too large", "f"));
}

static void
disk_full(void **state)
{
	static uint8_t data[200000];
	uint32_t h, src;

	(void)state;
	assert_int_equal(mkdir("tiny", 0700), 0);
	if (unshare(CLONE_NEWNS) == -1 || mount("none", "/", NULL,
	    MS_REC | MS_PRIVATE, NULL) == -1 || mount("none", "tiny", "tmpfs",
	    0, "size=128k,nr_inodes=4") == -1) {
		print_message("no mount namespace: %s\n", strerror(errno));
		skip();
	}
	h = client_open_ok(&c, "tiny/f", NEW);
	expect_text(client_write(&c, h, 0, view_of(data, sizeof(data))),
	    FX_FAILURE, "No space left on device");
	client_close_ok(&c, h);
	expect_event(&c, "transfer", told(FROM "op=put path=%s "
	    "bytes=131072 result=failed reason=No space left on device",
	    "tiny/f"));
	file_make("tiny/g", "");
	expect_text(client_path(&c, FXP_MKDIR, "tiny/d2"), FX_OK, "Success");
	expect_text(client_path(&c, FXP_MKDIR, "tiny/d3"), FX_FAILURE,
	    "No space left on device");
	/* The same through copy-data. */
	file_make("src", "0123456789");
	src = client_open_ok(&c, "src", FXF_READ);
	h = client_open_ok(&c, "tiny/g", NEW);
	expect_text(copy(src, 0, 0, h, 0), FX_FAILURE,
	    "No space left on device");
	client_close_ok(&c, h);
	expect_event(&c, "transfer", told(FROM "op=put path=%s bytes=0 "
	    "result=failed reason=No space left on device", "tiny/g"));
	/* Read-only remount. */
	assert_int_equal(mount("none", "tiny", "tmpfs", MS_REMOUNT |
	    MS_RDONLY, NULL), 0);
	expect_text(client_open(&c, "tiny/f", FXF_WRITE),
	    FX_PERMISSION_DENIED, "Read-only file system");
	umount2("tiny", MNT_DETACH);
}

static void
put_attrs(uint32_t flags, uint64_t size, uint32_t perm, uint32_t time)
{
	wr_u32(&c.out, flags);
	if ((flags & ATTR_SIZE) != 0)
		wr_u64(&c.out, size);
	if ((flags & ATTR_UIDGID) != 0) {
		wr_u32(&c.out, 1234);
		wr_u32(&c.out, 5678);
	}
	if ((flags & ATTR_PERM) != 0)
		wr_u32(&c.out, perm);
	if ((flags & ATTR_TIMES) != 0) {
		wr_u32(&c.out, time);
		wr_u32(&c.out, time + 1);
	}
}

static void
fstat_and_fsetstat(void **state)
{
	struct answer a;
	struct stat st;
	uint32_t h;

	(void)state;
	h = client_open_ok(&c, "f", NEW);
	client_begin(&c, FXP_FSETSTAT);
	wr_u32(&c.out, 4);
	wr_u32(&c.out, h);
	put_attrs(ATTR_SIZE | ATTR_PERM | ATTR_TIMES, 4321, 0100600, 1000000);
	client_send(&c);
	expect_status(client_answer(&c), FX_OK);
	expect_event(&c, "file-setstat", told(FROM "path=%s result=ok",
	    "f"));
	assert_int_equal(stat("f", &st), 0);
	assert_int_equal(st.st_size, 4321);
	assert_int_equal(st.st_mode, 0100600);
	assert_int_equal(st.st_atim.tv_sec, 1000000);
	assert_int_equal(st.st_mtim.tv_sec, 1000001);
	a = client_handle(&c, FXP_FSTAT, h);
	assert_int_equal(a.type, FXP_ATTRS);
	assert_int_equal(rd_u32(&a.rest), 15);
	assert_int_equal(rd_u64(&a.rest), 4321);
	assert_int_equal(rd_u32(&a.rest), st.st_uid);
	assert_int_equal(rd_u32(&a.rest), st.st_gid);
	assert_int_equal(rd_u32(&a.rest), 0100600);
	assert_int_equal(rd_u32(&a.rest), 1000000);
	assert_int_equal(rd_u32(&a.rest), 1000001);
	assert_true(rd_done(&a.rest));
	client_begin(&c, FXP_FSETSTAT);
	wr_u32(&c.out, 4);
	wr_u32(&c.out, h);
	put_attrs(ATTR_SIZE, UINT64_MAX, 0, 0);
	client_send(&c);
	expect_text(client_answer(&c), FX_FAILURE, "File too large");
	client_begin_ext(&c, "fsync@openssh.com");
	wr_u32(&c.out, 4);
	wr_u32(&c.out, h);
	client_send(&c);
	expect_status(client_answer(&c), FX_OK);
}

static void
copies(void **state)
{
	uint32_t f, t;

	(void)state;
	file_make("f", "0123456789");
	f = client_open_ok(&c, "f", FXF_READ);
	t = client_open_ok(&c, "t", NEW);
	expect_status(copy(f, 2, 3, t, 1), FX_OK);
	assert_int_equal(truncate("t", 4), 0);
	expect_status(copy(f, 0, 0, t, 4), FX_OK);
	expect_status(copy(f, 10, 0, t, 4), FX_OK);
	/* More than there is: what there is, and the end is told. */
	expect_status(copy(f, 8, UINT64_MAX, t, 14), FX_EOF);
	expect_status(copy(f, 99, 1, t, 14), FX_EOF);
	client_close_ok(&c, t);
	expect_event(&c, "transfer", told(FROM "op=put path=%s bytes=15 "
	    "result=ok", "t"));
	assert_int_equal(truncate("t", 16), 0);
	t = client_open_ok(&c, "t", RW | FXF_APPEND);
	expect_status(copy(f, 0, 2, t, 0), FX_OK);
	client_close_ok(&c, t);
	t = client_open_ok(&c, "t", FXF_READ);
	expect_data(client_read(&c, t, 1, 100), "234012345678989" "01");
	expect_text(copy(f, 0, 1, t, 0), FX_FAILURE,
	    "Target is not open for writing");
	client_close_ok(&c, t);
	t = client_open_ok(&c, "t", FXF_WRITE);
	f = client_open_ok(&c, "f", FXF_WRITE);
	expect_text(copy(f, 0, 1, t, 0), FX_FAILURE,
	    "Source is not open for reading");
}

static void
copy_abuse(void **state)
{
	uint32_t f, g, l;

	(void)state;
	file_make("f", "0123456789");
	file_make("g", "");
	assert_int_equal(link("f", "l"), 0);
	f = client_open_ok(&c, "f", RW);
	l = client_open_ok(&c, "l", RW);
	g = client_open_ok(&c, "g", RW);
	expect_text(copy(f, 0, 0, f, 10), FX_FAILURE,
	    "Source and target are the same file");
	expect_text(copy(f, 0, 0, l, 10), FX_FAILURE,
	    "Source and target are the same file");
	expect_text(copy(f, 0, 0, 99, 0), FX_FAILURE, "Invalid handle");
	expect_text(copy(99, 0, 0, f, 0), FX_FAILURE, "Invalid handle");
	expect_text(copy(client_opendir_ok(&c, "."), 0, 0, f, 0), FX_FAILURE,
	    "Not a file handle");
	expect_text(copy(f, UINT64_MAX, 0, g, 0), FX_FAILURE,
	    "File too large");
	expect_text(copy(f, 0, 1, g, UINT64_MAX), FX_FAILURE,
	    "File too large");
	expect_text(copy(f, 0, 1, g, INT64_MAX), FX_FAILURE,
	    "File too large");
	file_is("f", "0123456789");
	file_is("g", "");
}

/* Larger than a slice: requests behind it wait, and a close does not take
 * the files away from under it. */
static void
copy_large(void **state)
{
	off_t size = ((off_t)40 << 20) + 5;
	struct stat st;
	uint32_t f, t;

	(void)state;
	file_make("f", "start");
	assert_int_equal(truncate("f", size), 0);
	f = client_open_ok(&c, "f", FXF_READ);
	t = client_open_ok(&c, "t", NEW);
	copy_send(f, 0, 0, t, 0);
	client_begin(&c, FXP_CLOSE);
	wr_u32(&c.out, 4);
	wr_u32(&c.out, t);
	client_send(&c);
	expect_status(client_answer(&c), FX_OK);
	expect_status(client_answer(&c), FX_OK);
	assert_int_equal(stat("t", &st), 0);
	assert_int_equal(st.st_size, size);
	/* A client that goes in the middle of one. */
	t = client_open_ok(&c, "t", NEW);
	copy_send(f, 0, 0, t, 0);
	assert_int_equal(sftp_session_ready(c.session, POLLIN), OK);
	close(c.fd);
	c.fd = -1;
	client_pump(&c);
	assert_int_equal(c.end, ERR_CLOSED);
	assert_int_equal(stat("t", &st), 0);
	assert_int_equal(st.st_size, size);
}

/* A session that its owner ends in the middle of one. */
static void
copy_ended(void **state)
{
	off_t size = (off_t)40 << 20;
	struct stat st;
	uint32_t f;

	(void)state;
	file_make("f", "start");
	assert_int_equal(truncate("f", size), 0);
	f = client_open_ok(&c, "f", FXF_READ);
	copy_send(f, 0, 0, client_open_ok(&c, "t", NEW), 0);
	assert_int_equal(sftp_session_ready(c.session, POLLIN), OK);
	client_drop(&c);
	assert_int_equal(stat("t", &st), 0);
	assert_true(st.st_size < size);
	expect_event(&c, "transfer", told(FROM "op=get path=%s "
	    "bytes=8388608 result=aborted", "f"));
}

int
main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(put_and_get), TEST(open_flags), TEST(long_names),
		TEST(special_files), TEST(sparse), TEST(aborted),
		TEST(write_fails), TEST(fstat_and_fsetstat), TEST(copies),
		TEST(copy_abuse), TEST(copy_large), TEST(copy_ended),
		TEST(disk_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
