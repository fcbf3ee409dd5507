/* Status texts, the lines of READDIR, and where paths lead. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sftp/attrs.h"
#include "sftp/proto.h"
#include "sftp/resolve.h"
#include "sftp/status.h"

static void
every_errno_has_words(void **state)
{
	(void)state;
	for (int e = -1; e < 600; e++) {
		struct status st = status_errno(e);

		assert_non_null(st.text);
		assert_true(st.text[0] != '\0');
		assert_true((st.code == FX_OK) == (e == 0));
	}
	for (int code = FX_OK; code <= FX_OP_UNSUPPORTED; code++)
		assert_int_equal(status_of((enum fx)code).code, code);
}

static void
errno_codes(void **state)
{
	(void)state;
	assert_string_equal(status_errno(ENOSPC).text,
	    "No space left on device");
	assert_string_equal(status_errno(EDQUOT).text, "Disk quota exceeded");
	assert_int_equal(status_errno(ENOSPC).code, FX_FAILURE);
	assert_int_equal(status_errno(ENOENT).code, FX_NO_SUCH_FILE);
	assert_int_equal(status_errno(EACCES).code, FX_PERMISSION_DENIED);
	assert_int_equal(status_errno(EPERM).code, FX_PERMISSION_DENIED);
	assert_string_equal(status_errno(EROFS).text,
	    "Read-only file system");
	assert_int_equal(status_errno(ENOTEMPTY).code, FX_FAILURE);
}

static void
line_is(mode_t mode, int64_t mtime, int64_t now, const char *want)
{
	struct jail_policy p = { .user = "acme", .uid = 2001 };
	struct stat st = { .st_mode = mode, .st_nlink = 1, .st_uid = 2001,
	    .st_gid = 100, .st_size = 1234 };
	char line[ATTRS_LINE_MAX];
	size_t n;

	st.st_mtim.tv_sec = mtime;
	n = attrs_line(&st, &p, now, line);
	assert_string_equal(line, want);
	assert_int_equal(n, strlen(line));
}

static void
lines(void **state)
{
	int64_t now = 1700000000;	/* 14 Nov 2023 22:13:20 UTC */

	(void)state;
	line_is(S_IFREG | 0644, now, now,
	    "-rw-r--r--   1 acme     100          1234 Nov 14 22:13 ");
	line_is(S_IFDIR | 01777, 951827696, now,
	    "drwxrwxrwt   1 acme     100          1234 Feb 29  2000 ");
	line_is(S_IFLNK | 0777, 0, now,
	    "lrwxrwxrwx   1 acme     100          1234 Jan  1  1970 ");
	line_is(S_IFIFO | 06000, -1, now,
	    "p--S--S---   1 acme     100          1234 Dec 31  1969 ");
	line_is(S_IFCHR | 06111, 4102444799, now,
	    "c--s--s--x   1 acme     100          1234 Dec 31  2099 ");
	line_is(S_IFSOCK | 01000, 1704067199, now,
	    "s--------T   1 acme     100          1234 Dec 31  2023 ");
}

/* Against the C library's calendar, over 400 years and every hour. */
static void
dates_agree(void **state)
{
	struct jail_policy p = { .user = "acme", .uid = 2001 };
	char line[ATTRS_LINE_MAX], want[64];
	struct stat st = { .st_mode = S_IFREG, .st_uid = 1 };
	struct tm tm;

	(void)state;
	for (int64_t t = -2000000000; t < 11000000000; t += 86400 * 5 + 3599) {
		time_t tt = (time_t)t;

		st.st_mtim.tv_sec = tt;
		attrs_line(&st, &p, t, line);
		assert_non_null(gmtime_r(&tt, &tm));
		strftime(want, sizeof(want), " %b %e %H:%M ", &tm);
		assert_non_null(strstr(line, want));
		attrs_line(&st, &p, t + 200 * 86400, line);
		strftime(want, sizeof(want), " %b %e  %Y ", &tm);
		assert_non_null(strstr(line, want));
	}
}

static void
longest_line_fits(void **state)
{
	struct jail_policy p = { .user = NULL, .uid = 0 };
	struct stat st;
	char line[ATTRS_LINE_MAX], name[1000];

	(void)state;
	memset(&st, 0xff, sizeof(st));
	st.st_mtim.tv_sec = INT64_MAX / 2;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	p.user = name;
	p.uid = st.st_uid;
	assert_true(attrs_line(&st, &p, 0, line) < ATTRS_LINE_MAX - 1);
	assert_true(attrs_line(NULL, &p, 0, line) < ATTRS_LINE_MAX - 1);
}

static char dir[PATH_MAX];

static int
tree_make(void **state)
{
	char t[] = "/tmp/sftp-resolve.XXXXXX";

	(void)state;
	if (mkdtemp(t) == NULL || chdir(t) == -1 ||
	    mkdir("d", 0700) == -1 || mkdir("d/e", 0700) == -1 ||
	    symlink("d/e", "rel") == -1 || symlink("/tmp", "abs") == -1 ||
	    symlink("nowhere", "dangling") == -1 ||
	    symlink("loop2", "loop1") == -1 ||
	    symlink("loop1", "loop2") == -1 ||
	    symlink("../../rel/x", "d/e/up") == -1 ||
	    mknod("file", S_IFREG | 0600, 0) == -1)
		return -1;
	return getcwd(dir, sizeof(dir)) == NULL ? -1 : 0;
}

static int
tree_remove(void **state)
{
	(void)state;
	return unlink("rel") | unlink("abs") | unlink("dangling") |
	    unlink("loop1") | unlink("loop2") | unlink("d/e/up") |
	    unlink("file") | rmdir("d/e") | rmdir("d") | chdir("/") |
	    rmdir(dir);
}

/* want: below the directory, or absolute */
static void
leads_to(const char *path, const char *want)
{
	char out[PATH_MAX], full[2 * PATH_MAX];

	if (want[0] == '/')
		snprintf(full, sizeof(full), "%s", want);
	else
		snprintf(full, sizeof(full), "%s%s%s", dir,
		    want[0] != '\0' ? "/" : "", want);
	assert_true(resolve_path(path, out));
	assert_string_equal(out, full);
}

static void
fails_with(const char *path, int error)
{
	char out[PATH_MAX];

	errno = 0;
	assert_false(resolve_path(path, out));
	assert_int_equal(errno, error);
}

static void
resolves(void **state)
{
	(void)state;
	leads_to(".", "");
	leads_to("", "");
	leads_to("./d//e/", "d/e");
	leads_to("d/e/..", "d");
	leads_to("rel", "d/e");
	leads_to("rel/..", "d");
	leads_to("rel/new", "d/e/new");
	leads_to("rel/up", "d/e/x");
	leads_to("abs", "/tmp");
	leads_to("abs/..", "/");
	leads_to("dangling", "nowhere");
	leads_to("new", "new");
	leads_to("new/", "new");
	leads_to("/", "/");
	leads_to("//", "/");
	leads_to("/..", "/");
	leads_to("/../../tmp", "/tmp");
	fails_with("new/er", ENOENT);
	fails_with("dangling/x", ENOENT);
	fails_with("loop1", ELOOP);
	fails_with("file/x", ENOTDIR);
}

static void
resolves_long_names(void **state)
{
	char path[PATH_MAX + 8];

	(void)state;
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	fails_with(path, ENAMETOOLONG);
	path[PATH_MAX - 1] = '\0';
	fails_with(path, ENAMETOOLONG);
	path[NAME_MAX] = '\0';
	leads_to(path, path);
	memset(path, '/', PATH_MAX - 1);
	path[PATH_MAX - 1] = '\0';
	leads_to(path, "/");
	for (size_t i = 0; i + 1 < PATH_MAX; i += 2)
		memcpy(path + i, "./", 2);
	path[PATH_MAX - 2] = '\0';
	leads_to(path, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_errno_has_words),
		cmocka_unit_test(errno_codes),
		cmocka_unit_test(lines),
		cmocka_unit_test(dates_agree),
		cmocka_unit_test(longest_line_fits),
		cmocka_unit_test_setup_teardown(resolves, tree_make,
		    tree_remove),
		cmocka_unit_test_setup_teardown(resolves_long_names,
		    tree_make, tree_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
