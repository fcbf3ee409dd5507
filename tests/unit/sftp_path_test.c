/* What requests do to names: files, links, directories; the extensions. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/unit/sftp_client.h"

static struct client c;

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

/* An event about one or two names below the test's directory. */
static void
told(const char *event, const char *path, const char *to, const char *result)
{
	char want[512];

	if (to != NULL)
		snprintf(want, sizeof(want), FROM "path=%s/%s to=%s/%s "
		    "result=%s", c.dir, path, c.dir, to, result);
	else
		snprintf(want, sizeof(want), FROM "path=%s/%s result=%s",
		    c.dir, path, result);
	expect_event(&c, event, want);
}

static void
stats(void **state)
{
	struct answer a;
	struct stat st;

	(void)state;
	file_make("f", "12345");
	assert_int_equal(symlink("f", "l"), 0);
	assert_int_equal(lstat("l", &st), 0);
	a = client_path(&c, FXP_STAT, "l");
	assert_int_equal(a.type, FXP_ATTRS);
	assert_int_equal(rd_u32(&a.rest), 15);
	assert_int_equal(rd_u64(&a.rest), 5);
	assert_int_equal(rd_u32(&a.rest), geteuid());
	assert_int_equal(rd_u32(&a.rest), getegid());
	assert_int_equal(rd_u32(&a.rest), 0100644);
	a = client_path(&c, FXP_LSTAT, "l");
	rd_u32(&a.rest);
	assert_int_equal(rd_u64(&a.rest), 1);
	rd_u64(&a.rest);
	assert_int_equal(rd_u32(&a.rest), 0120777);
	assert_int_equal(rd_u32(&a.rest), st.st_atime);
	assert_int_equal(rd_u32(&a.rest), st.st_mtime);
	assert_true(rd_done(&a.rest));
	expect_text(client_path(&c, FXP_STAT, "x"), FX_NO_SUCH_FILE,
	    "No such file or directory");
	expect_text(client_path(&c, FXP_STAT, "f/x"), FX_NO_SUCH_FILE,
	    "Not a directory");
	assert_int_equal(symlink("o", "o"), 0);
	expect_text(client_path(&c, FXP_STAT, "o"), FX_NO_SUCH_FILE,
	    "Too many levels of symbolic links");
	assert_int_equal(client_path(&c, FXP_LSTAT, "o").type, FXP_ATTRS);
}

static void
send_setstat(const char *ext, const char *path, uint32_t flags, uint64_t size,
    uint32_t id, uint32_t perm, uint32_t time)
{
	if (ext != NULL)
		client_begin_ext(&c, ext);
	else
		client_begin(&c, FXP_SETSTAT);
	wr_cstr(&c.out, path);
	wr_u32(&c.out, flags);
	if ((flags & ATTR_SIZE) != 0)
		wr_u64(&c.out, size);
	if ((flags & ATTR_UIDGID) != 0) {
		wr_u32(&c.out, id);
		wr_u32(&c.out, id + 1);
	}
	if ((flags & ATTR_PERM) != 0)
		wr_u32(&c.out, perm);
	if ((flags & ATTR_TIMES) != 0) {
		wr_u32(&c.out, time);
		wr_u32(&c.out, time + 1);
	}
	client_send(&c);
}

static void
setstat(void **state)
{
	struct stat st;

	(void)state;
	file_make("f", "12345");
	assert_int_equal(symlink("f", "l"), 0);
	send_setstat(NULL, "l", ATTR_SIZE | ATTR_PERM | ATTR_TIMES, 3, 0,
	    0104711, 1000);
	expect_status(client_answer(&c), FX_OK);
	told("file-setstat", "l", NULL, "ok");
	assert_int_equal(stat("f", &st), 0);
	assert_int_equal(st.st_size, 3);
	assert_int_equal(st.st_mode, 0104711);
	assert_int_equal(st.st_atime, 1000);
	assert_int_equal(st.st_mtime, 1001);
	send_setstat(NULL, "f", 0, 0, 0, 0, 0);
	expect_status(client_answer(&c), FX_OK);
	send_setstat(NULL, "x", ATTR_PERM | ATTR_TIMES, 0, 0, 0600, 1);
	expect_status(client_answer(&c), FX_NO_SUCH_FILE);
	told("file-setstat", "f", NULL, "ok");
	told("file-setstat", "x", NULL,
	    "failed reason=No such file or directory");
	send_setstat(NULL, "f", ATTR_SIZE | ATTR_TIMES, UINT64_MAX, 0, 0, 7);
	expect_text(client_answer(&c), FX_FAILURE, "File too large");
	/* The rest has been done. */
	assert_int_equal(stat("f", &st), 0);
	assert_int_equal(st.st_atime, 7);
}

static void
setstat_owner(void **state)
{
	struct stat st;

	(void)state;
	file_make("f", "x");
	assert_int_equal(symlink("f", "l"), 0);
	if (geteuid() == 0) {
		send_setstat("lsetstat@openssh.com", "l", ATTR_UIDGID, 0,
		    4001, 0, 0);
		expect_status(client_answer(&c), FX_OK);
		assert_int_equal(lstat("l", &st), 0);
		assert_int_equal(st.st_uid, 4001);
		assert_int_equal(st.st_gid, 4002);
		assert_int_equal(stat("f", &st), 0);
		assert_int_equal(st.st_uid, 0);
		/* Set-id bits asked for in the same request survive. */
		send_setstat(NULL, "f", ATTR_UIDGID | ATTR_PERM, 0, 4001,
		    06755, 0);
		expect_status(client_answer(&c), FX_OK);
		assert_int_equal(stat("f", &st), 0);
		assert_int_equal(st.st_uid, 4001);
		assert_int_equal(st.st_mode, 0106755);
		assert_int_equal(chmod(c.dir, 0777), 0);
		assert_int_equal(seteuid(4000), 0);
	}
	send_setstat(NULL, "f", ATTR_UIDGID, 0, 3000, 0, 0);
	expect_text(client_answer(&c), FX_PERMISSION_DENIED,
	    "Operation not permitted");
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
}

static void
lsetstat(void **state)
{
	struct answer a;
	struct stat st;

	(void)state;
	file_make("f", "x");
	assert_int_equal(symlink("f", "l"), 0);
	send_setstat("lsetstat@openssh.com", "l", ATTR_TIMES, 0, 0, 0, 1000);
	expect_status(client_answer(&c), FX_OK);
	assert_int_equal(lstat("l", &st), 0);
	assert_int_equal(st.st_mtime, 1001);
	assert_int_equal(stat("f", &st), 0);
	assert_int_not_equal(st.st_mtime, 1001);
	send_setstat("lsetstat@openssh.com", "l", ATTR_PERM, 0, 0, 0600, 0);
	a = client_answer(&c);
	expect_text(a, FX_OP_UNSUPPORTED, "Operation not supported");
	assert_int_equal(stat("f", &st), 0);
	assert_int_equal(st.st_mode, 0100644);
	send_setstat("lsetstat@openssh.com", "f", ATTR_PERM, 0, 0, 0600, 0);
	expect_status(client_answer(&c), FX_OK);
	assert_int_equal(stat("f", &st), 0);
	assert_int_equal(st.st_mode, 0100600);
	send_setstat("lsetstat@openssh.com", "f", ATTR_SIZE, 0, 0, 0, 0);
	expect_status(client_answer(&c), FX_FAILURE);
	file_is("f", "x");
}

static void
removes(void **state)
{
	(void)state;
	file_make("f", "x");
	expect_status(client_path(&c, FXP_REMOVE, "f"), FX_OK);
	told("file-remove", "f", NULL, "ok");
	expect_status(client_path(&c, FXP_REMOVE, "f"), FX_NO_SUCH_FILE);
	told("file-remove", "f", NULL,
	    "failed reason=No such file or directory");
	expect_status(client_path(&c, FXP_MKDIR, "d"), FX_OK);
	told("dir-create", "d", NULL, "ok");
	expect_text(client_path(&c, FXP_MKDIR, "d"), FX_FAILURE,
	    "File exists");
	expect_text(client_path(&c, FXP_REMOVE, "d"), FX_FAILURE,
	    "Is a directory");
	file_make("d/f", "x");
	expect_text(client_path(&c, FXP_RMDIR, "d"), FX_FAILURE,
	    "Directory not empty");
	expect_status(client_path(&c, FXP_REMOVE, "d/f"), FX_OK);
	expect_status(client_path(&c, FXP_RMDIR, "d"), FX_OK);
	told("dir-remove", "d", NULL, "failed reason=Directory not empty");
	told("dir-remove", "d", NULL, "ok");
	client_begin(&c, FXP_MKDIR);
	wr_cstr(&c.out, "m");
	wr_u32(&c.out, ATTR_PERM);
	wr_u32(&c.out, 040770);
	client_send(&c);
	expect_status(client_answer(&c), FX_OK);
	struct stat st;
	assert_int_equal(stat("m", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
}

static void
renames(void **state)
{
	struct stat a, b;

	(void)state;
	file_make("f", "f");
	file_make("g", "g");
	assert_int_equal(mkdir("d", 0700), 0);
	expect_text(client_two(&c, FXP_RENAME, "f", "g"), FX_FAILURE,
	    "File exists");
	told("file-rename", "f", "g", "failed reason=File exists");
	file_is("g", "g");
	expect_text(client_two(&c, FXP_RENAME, "f", "f"), FX_FAILURE,
	    "File exists");
	expect_text(client_two(&c, FXP_RENAME, "f", "d"), FX_FAILURE,
	    "File exists");
	expect_status(client_two(&c, FXP_RENAME, "x", "y"), FX_NO_SUCH_FILE);
	expect_status(client_two(&c, FXP_RENAME, "f", "x/y"),
	    FX_NO_SUCH_FILE);
	expect_status(client_two(&c, FXP_RENAME, "d", "d/e"), FX_FAILURE);
	assert_int_equal(stat("f", &a), 0);
	expect_status(client_two(&c, FXP_RENAME, "f", "d/f"), FX_OK);
	assert_int_equal(stat("d/f", &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	expect_status(client_two(&c, FXP_RENAME, "d", "e"), FX_OK);
	file_is("e/f", "f");
	/* A dangling link is a target all the same. */
	assert_int_equal(symlink("nowhere", "l"), 0);
	expect_text(client_two(&c, FXP_RENAME, "g", "l"), FX_FAILURE,
	    "File exists");
	expect_status(client_ext_two(&c, "posix-rename@openssh.com", "g",
	    "e/f"), FX_OK);
	file_is("e/f", "g");
	assert_int_equal(access("g", F_OK), -1);
	assert_int_equal(mkdir("d", 0700), 0);
	expect_text(client_ext_two(&c, "posix-rename@openssh.com", "e/f",
	    "d"), FX_FAILURE, "Is a directory");
}

static void
links(void **state)
{
	char target[PATH_MAX], want[512];
	struct stat st;

	(void)state;
	/* OpenSSH's order: what it says, then where it is. */
	expect_status(client_two(&c, FXP_SYMLINK, "../any thing", "l"),
	    FX_OK);
	snprintf(want, sizeof(want), FROM "path=%s/l "
	    "target=../any thing result=ok", c.dir);
	expect_event(&c, "symlink-create", want);
	assert_int_equal(readlink("l", target, sizeof(target)), 12);
	expect_name(client_path(&c, FXP_READLINK, "l"), "../any thing");
	expect_text(client_two(&c, FXP_SYMLINK, "x", "l"), FX_FAILURE,
	    "File exists");
	file_make("f", "x");
	expect_text(client_path(&c, FXP_READLINK, "f"), FX_FAILURE,
	    "Not a symbolic link");
	expect_status(client_path(&c, FXP_READLINK, "x"), FX_NO_SUCH_FILE);
	expect_status(client_ext_two(&c, "hardlink@openssh.com", "f", "h"),
	    FX_OK);
	told("link-create", "f", "h", "ok");
	assert_int_equal(stat("f", &st), 0);
	assert_int_equal(st.st_nlink, 2);
	expect_text(client_ext_two(&c, "hardlink@openssh.com", "f", "l"),
	    FX_FAILURE, "File exists");
	/* A hard link to a link is to the link. */
	expect_status(client_ext_two(&c, "hardlink@openssh.com", "l", "hl"),
	    FX_OK);
	assert_int_equal(lstat("hl", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	/* The longest target there may be comes back whole. */
	memset(target, 't', sizeof(target));
	target[PATH_MAX - 1] = '\0';
	expect_status(client_two(&c, FXP_SYMLINK, target, "long"), FX_OK);
	expect_name(client_path(&c, FXP_READLINK, "long"), target);
}

static uint32_t
entries(struct answer a, bool *seen_f)
{
	struct view name, line;
	uint32_t n = rd_u32(&a.rest);

	for (uint32_t i = 0; i < n; i++) {
		name = rd_str(&a.rest);
		line = rd_str(&a.rest);
		assert_true(line.n > name.n + 50);
		assert_memory_equal(line.p + line.n - name.n, name.p, name.n);
		if (view_is(name, "f")) {
			*seen_f = true;
			assert_memory_equal(line.p, "-rw-r--r--   1 ", 15);
			assert_memory_equal(line.p + 15, "acme ", 5);
		}
		assert_int_equal(rd_u32(&a.rest), 15);
		rd_bytes(&a.rest, 28);
	}
	assert_true(rd_done(&a.rest));
	return n;
}

static void
lists(void **state)
{
	bool seen = false;
	struct answer a;
	uint32_t h;

	(void)state;
	file_make("f", "12");
	file_make("\xfe\n", "");
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(symlink("x", "l"), 0);
	h = client_opendir_ok(&c, "");
	a = client_handle(&c, FXP_READDIR, h);
	assert_int_equal(a.type, FXP_NAME);
	assert_int_equal(entries(a, &seen), 6);
	assert_true(seen);
	expect_status(client_handle(&c, FXP_READDIR, h), FX_EOF);
	expect_status(client_handle(&c, FXP_READDIR, h), FX_EOF);
	client_close_ok(&c, h);
	expect_text(client_path(&c, FXP_OPENDIR, "f"), FX_NO_SUCH_FILE,
	    "Not a directory");
	expect_status(client_path(&c, FXP_OPENDIR, "x"), FX_NO_SUCH_FILE);
	/* A directory that is gone. */
	h = client_opendir_ok(&c, "d");
	assert_int_equal(rmdir("d"), 0);
	expect_status(client_handle(&c, FXP_READDIR, h), FX_EOF);
}

/* 20,000 names of up to 255 bytes: each once, in answers of bounded size. */
static void
lists_many(void **state)
{
	enum { N = 20000 };
	uint32_t h, total = 0, most = 0;
	bool seen = false;
	char name[256];

	(void)state;
	assert_int_equal(mkdir("big", 0700), 0);
	for (int i = 0; i < N; i++) {
		int len = i % 50 == 0 ? 255 : 12, fd;

		snprintf(name, sizeof(name), "big/%0*d", len > 250 ? 251 :
		    len, i);
		fd = open(name, O_CREAT | O_WRONLY, 0600);
		assert_int_not_equal(fd, -1);
		close(fd);
	}
	h = client_opendir_ok(&c, "big");
	for (;;) {
		struct answer a = client_handle(&c, FXP_READDIR, h);

		if (a.type == FXP_STATUS) {
			expect_status(a, FX_EOF);
			break;
		}
		if (a.rest.n + 9 > most)
			most = (uint32_t)a.rest.n + 9;
		total += entries(a, &seen);
	}
	client_close_ok(&c, h);
	assert_int_equal(total, N + 2);
	assert_in_range(most, SFTP_NAMES_MAX * 9 / 10, SFTP_NAMES_MAX);
}

static void
lists_what_may_not_be_looked_at(void **state)
{
	struct answer a;
	uint32_t n, plain = 0;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir("d", 0755), 0);
	file_make("d/f", "x");
	assert_int_equal(chmod("d", 0744), 0);
	assert_int_equal(chmod(c.dir, 0755), 0);
	assert_int_equal(seteuid(4000), 0);
	a = client_handle(&c, FXP_READDIR, client_opendir_ok(&c, "d"));
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(a.type, FXP_NAME);
	n = rd_u32(&a.rest);
	assert_int_equal(n, 3);
	while (n-- > 0) {
		rd_str(&a.rest);
		rd_str(&a.rest);
		plain += rd_u32(&a.rest) == 0;
	}
	assert_true(rd_done(&a.rest));
	assert_int_equal(plain, 3);
}

static void
realpaths(void **state)
{
	char want[PATH_MAX];

	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(symlink("d", "l"), 0);
	expect_name(client_path(&c, FXP_REALPATH, "."), c.dir);
	expect_name(client_path(&c, FXP_REALPATH, ""), c.dir);
	expect_name(client_path(&c, FXP_REALPATH, "/"), "/");
	expect_name(client_path(&c, FXP_REALPATH, "/../.."), "/");
	snprintf(want, sizeof(want), "%s/d/new", c.dir);
	expect_name(client_path(&c, FXP_REALPATH, "l/./new"), want);
	expect_status(client_path(&c, FXP_REALPATH, "x/y"), FX_NO_SUCH_FILE);
	/* ~ is the home, and the start directory is not. */
	c.policy.home = "/tmp";
	expect_name(client_ext_path(&c, "expand-path@openssh.com", "~"),
	    "/tmp");
	expect_name(client_ext_path(&c, "expand-path@openssh.com", "~/x"),
	    "/tmp/x");
	expect_name(client_ext_path(&c, "expand-path@openssh.com",
	    "~acme/../x"), "/x");
	expect_text(client_ext_path(&c, "expand-path@openssh.com",
	    "~root/x"), FX_NO_SUCH_FILE, "No such user");
	expect_name(client_ext_path(&c, "expand-path@openssh.com", "l/new"),
	    want);
	expect_name(client_ext_path(&c, "expand-path@openssh.com", ""),
	    c.dir);
	expect_name(client_ext_path(&c, "home-directory", ""), "/tmp");
	expect_name(client_ext_path(&c, "home-directory", "acme"), "/tmp");
	expect_text(client_ext_path(&c, "home-directory", "root"),
	    FX_FAILURE, "No such user");
}

static void
statvfs_is(struct answer a)
{
	struct statvfs v;

	assert_int_equal(statvfs(".", &v), 0);
	assert_int_equal(a.type, FXP_EXTENDED_REPLY);
	assert_int_equal(rd_u64(&a.rest), v.f_bsize);
	assert_int_equal(rd_u64(&a.rest), v.f_frsize);
	assert_int_equal(rd_u64(&a.rest), v.f_blocks);
	rd_bytes(&a.rest, 16);
	assert_int_equal(rd_u64(&a.rest), v.f_files);
	rd_bytes(&a.rest, 16);
	assert_int_equal(rd_u64(&a.rest), v.f_fsid);
	assert_true(rd_u64(&a.rest) <= 3);
	assert_int_equal(rd_u64(&a.rest), v.f_namemax);
	assert_true(rd_done(&a.rest));
}

static void
numbers(void **state)
{
	struct answer a;

	(void)state;
	client_begin_ext(&c, "limits@openssh.com");
	client_send(&c);
	a = client_answer(&c);
	assert_int_equal(a.type, FXP_EXTENDED_REPLY);
	assert_int_equal(rd_u64(&a.rest), 262144);
	assert_int_equal(rd_u64(&a.rest), 261120);
	assert_int_equal(rd_u64(&a.rest), 261120);
	assert_int_equal(rd_u64(&a.rest), 256);
	assert_true(rd_done(&a.rest));
	statvfs_is(client_ext_path(&c, "statvfs@openssh.com", "."));
	expect_status(client_ext_path(&c, "statvfs@openssh.com", "x"),
	    FX_NO_SUCH_FILE);
	client_begin_ext(&c, "fstatvfs@openssh.com");
	wr_u32(&c.out, 4);
	wr_u32(&c.out, 0);
	client_send(&c);
	expect_text(client_answer(&c), FX_FAILURE, "Invalid handle");
	uint32_t h = client_opendir_ok(&c, ".");
	client_begin_ext(&c, "fstatvfs@openssh.com");
	wr_u32(&c.out, 4);
	wr_u32(&c.out, h);
	client_send(&c);
	statvfs_is(client_answer(&c));
}

static void
names_by_id(void **state)
{
	struct answer a;
	struct rd users, groups;

	(void)state;
	c.policy.uid = 2001;
	client_begin_ext(&c, "users-groups-by-id@openssh.com");
	wr_u32(&c.out, 8);
	wr_u32(&c.out, 2001);
	wr_u32(&c.out, 0);
	wr_u32(&c.out, 4);
	wr_u32(&c.out, 2001);
	client_send(&c);
	a = client_answer(&c);
	assert_int_equal(a.type, FXP_EXTENDED_REPLY);
	users = rd_of(rd_str(&a.rest));
	groups = rd_of(rd_str(&a.rest));
	assert_true(rd_done(&a.rest));
	assert_true(view_is(rd_str(&users), "acme"));
	assert_int_equal(rd_str(&users).n, 0);
	assert_true(rd_done(&users));
	assert_int_equal(rd_str(&groups).n, 0);
	assert_true(rd_done(&groups));
	/* Too many, and one number in pieces. */
	for (uint32_t n = SFTP_IDS_MAX; n <= SFTP_IDS_MAX + 1; n++) {
		client_begin_ext(&c, "users-groups-by-id@openssh.com");
		wr_u32(&c.out, n * 4);
		for (uint32_t i = 0; i < n; i++)
			wr_u32(&c.out, 2001);
		wr_u32(&c.out, 0);
		client_send(&c);
		a = client_answer(&c);
		assert_int_equal(a.type, n <= SFTP_IDS_MAX ?
		    FXP_EXTENDED_REPLY : FXP_STATUS);
	}
	client_begin_ext(&c, "users-groups-by-id@openssh.com");
	wr_cstr(&c.out, "12345");
	wr_cstr(&c.out, "");
	client_send(&c);
	expect_status(client_answer(&c), FX_BAD_MESSAGE);
}

int
main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(stats), TEST(setstat), TEST(setstat_owner),
		TEST(lsetstat), TEST(removes), TEST(renames), TEST(links),
		TEST(lists), TEST(lists_many),
		TEST(lists_what_may_not_be_looked_at), TEST(realpaths),
		TEST(numbers), TEST(names_by_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
