/* The folder of what is remembered, and its files. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chroot/state.h"

static char base[64];

static int
setup(void **state)
{
	(void)state;
	snprintf(base, sizeof(base), "/tmp/sallyport-state.XXXXXX");
	return mkdtemp(base) == NULL;
}

static int
teardown(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", base);
	return system(cmd);
}

static struct view
below(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	return view_str(path);
}

static unsigned
mode_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_mode & 07777;
}

static void
refused(const char *name, const char *words)
{
	struct state s;
	char why[512] = "";

	assert_false(state_open(&s, below(name), why, sizeof(why)));
	if (strstr(why, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why, words);
	assert_int_equal(s.dir, -1);
	assert_null(s.path);
}

/* ---- the folder ---- */

static void
made(void **state)
{
	struct state s;
	char why[512];

	(void)state;
	umask(0);
	assert_true(state_open(&s, below("new"), why, sizeof(why)));
	umask(022);
	assert_int_equal(mode_of(s.dir), 0700);
	assert_int_equal(mode_of(s.users), 0700);
	assert_true(state_is(&s, below("new")));
	assert_false(state_is(&s, below("other")));
	assert_false(state_is(&s, view_str("")));
	state_close(&s);
	/* ... and found again */
	assert_true(state_open(&s, below("new"), why, sizeof(why)));
	state_close(&s);
}

static void
none(void **state)
{
	struct state s;
	char why[512];

	(void)state;
	assert_true(state_open(&s, view_of(NULL, 0), why, sizeof(why)));
	assert_int_equal(s.dir, -1);
	assert_int_equal(s.users, -1);
	assert_true(state_is(&s, view_of(NULL, 0)));
	assert_false(state_is(&s, below("x")));
	state_close(&s);
}

static void
removed_meanwhile(void **state)
{
	struct state s;
	char why[512], path[300];

	(void)state;
	assert_true(state_open(&s, below("gone"), why, sizeof(why)));
	snprintf(path, sizeof(path), "%s/gone/users", base);
	assert_int_equal(rmdir(path), 0);
	assert_false(state_is(&s, below("gone")));
	snprintf(path, sizeof(path), "%s/gone", base);
	assert_int_equal(rmdir(path), 0);
	assert_false(state_is(&s, below("gone")));
	state_close(&s);
}

static void
unfit(void **state)
{
	char path[300];

	(void)state;
	refused("a/b/c", "/a/b/c: its parent is missing; make it: mkdir -p /");
	refused("a/b", "make it: mkdir -p /tmp/sallyport-state.");
	snprintf(path, sizeof(path), "%s/file", base);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	refused("file", "is no directory");
	snprintf(path, sizeof(path), "%s/link", base);
	assert_int_equal(symlink("new", path), 0);
	refused("link", "is no directory");
	snprintf(path, sizeof(path), "%s/open", base);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, 0770), 0);
	refused("open", "others may write there; needs: chmod 700 /");
	if (getuid() == 0) {
		assert_int_equal(chmod(path, 0700), 0);
		assert_int_equal(chown(path, 1, 1), 0);
		refused("open", "belongs to uid 1; needs: chown 0 /");
	}
}

static void
one_at_a_time(void **state)
{
	struct state s, t;
	char why[512];

	(void)state;
	assert_true(state_open(&s, below("new"), why, sizeof(why)));
	refused("new", "another sallyportd uses it");
	state_close(&s);
	assert_true(state_open(&t, below("new"), why, sizeof(why)));
	state_close(&t);
}

/* ---- its files ---- */

static void
holds(int dir, const char *name, const char *text)
{
	struct wr w = wr_new(4096);

	assert_int_equal(state_read(dir, name, 4096, &w), OK);
	assert_true(view_is(wr_view(&w), text));
	wr_free(&w);
}

static void
files(void **state)
{
	struct wr w = wr_new(4096);
	struct state s;
	char why[512], longest[STATE_NAME_MAX + 2];
	struct stat st;

	(void)state;
	assert_true(state_open(&s, below("new"), why, sizeof(why)));
	assert_int_equal(state_read(s.dir, "x", 10, &w), ERR_CLOSED);
	assert_int_equal(state_write(s.dir, "x", view_str("one")), OK);
	holds(s.dir, "x", "one");
	assert_int_equal(fstatat(s.dir, "x", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(state_write(s.dir, "x", view_str("")), OK);
	holds(s.dir, "x", "");
	assert_int_equal(state_write(s.dir, "x", view_str("three")), OK);
	holds(s.dir, "x", "three");
	assert_int_equal(fstatat(s.dir, "x.tmp", &st, 0), -1);
	/* what is appended to stays in front; the bound is exact */
	wr_u8(&w, '>');
	assert_int_equal(state_read(s.dir, "x", 4, &w), ERR_LIMIT);
	assert_int_equal(state_read(s.dir, "x", 5, &w), OK);
	assert_true(view_is(wr_view(&w), ">three"));
	wr_free(&w);
	assert_int_equal(state_remove(s.dir, "x"), OK);
	assert_int_equal(state_remove(s.dir, "x"), OK);
	assert_int_equal(state_read(s.dir, "x", 10, &w), ERR_CLOSED);
	/* names */
	memset(longest, 'n', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(state_write(s.users, longest, view_str("l")),
	    ERR_LIMIT);
	longest[STATE_NAME_MAX] = '\0';
	assert_int_equal(state_write(s.users, longest, view_str("l")), OK);
	holds(s.users, longest, "l");
	state_close(&s);
}

static void
no_names(void **state)
{
	static const char *const bad[] = {
		"", ".", "..", "a/b", "/a", "a/", "../x", "x.tmp", ".tmp",
	};
	struct wr w = wr_new(64);
	struct state s;
	char why[512];

	(void)state;
	assert_true(state_open(&s, below("new"), why, sizeof(why)));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(state_write(s.dir, bad[i], view_str("x")),
		    ERR_LIMIT);
		assert_int_equal(state_read(s.dir, bad[i], 9, &w), ERR_LIMIT);
		assert_int_equal(state_remove(s.dir, bad[i]), ERR_LIMIT);
	}
	/* users may be called like this */
	assert_int_equal(state_write(s.users, "....totp", view_str("x")), OK);
	assert_int_equal(state_write(s.users, "a b.tmp.keys", view_str("x")),
	    OK);
	wr_free(&w);
	state_close(&s);
}

/* What somebody else has put there is neither read nor written through. */
static void
foreign_files(void **state)
{
	struct wr w = wr_new(64);
	struct state s;
	struct stat st;
	char why[512];

	(void)state;
	assert_true(state_open(&s, below("new"), why, sizeof(why)));
	assert_int_equal(symlinkat("/etc/passwd", s.dir, "link"), 0);
	assert_int_equal(state_read(s.dir, "link", 1 << 20, &w), ERR_DENIED);
	assert_int_equal(mkfifoat(s.dir, "fifo", 0600), 0);
	assert_int_equal(state_read(s.dir, "fifo", 64, &w), ERR_DENIED);
	assert_int_equal(mkdirat(s.dir, "folder", 0700), 0);
	assert_int_equal(state_read(s.dir, "folder", 64, &w), ERR_DENIED);
	assert_int_equal(state_write(s.dir, "open", view_str("x")), OK);
	assert_int_equal(fchmodat(s.dir, "open", 0666, 0), 0);
	assert_int_equal(state_read(s.dir, "open", 64, &w), ERR_DENIED);
	/* a link in the place of the new file */
	assert_int_equal(symlinkat("../victim", s.dir, "v.tmp"), 0);
	assert_int_equal(state_write(s.dir, "v", view_str("x")), OK);
	holds(s.dir, "v", "x");
	assert_int_equal(fstatat(s.dir, "../victim", &st, 0), -1);
	/* ... and in the place of the old one */
	assert_int_equal(state_write(s.dir, "link", view_str("mine")), OK);
	holds(s.dir, "link", "mine");
	assert_int_equal(wr_size(&w), 0);
	wr_free(&w);
	state_close(&s);
}

/* A write that fails half-way leaves the old file, and nothing beside it. */
static void
full_disk(void **state)
{
	static uint8_t big[65536];
	struct rlimit was, rl;
	struct state s;
	struct stat st;
	char why[512];

	(void)state;
	assert_true(state_open(&s, below("new"), why, sizeof(why)));
	assert_int_equal(state_write(s.dir, "f", view_str("old")), OK);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	rl = was;
	rl.rlim_cur = 1000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &rl), 0);
	assert_int_equal(state_write(s.dir, "f", view_of(big, sizeof(big))),
	    ERR_SYS);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	holds(s.dir, "f", "old");
	assert_int_equal(fstatat(s.dir, "f.tmp", &st, 0), -1);
	state_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made),
		cmocka_unit_test(none),
		cmocka_unit_test(removed_meanwhile),
		cmocka_unit_test(unfit),
		cmocka_unit_test(one_at_a_time),
		cmocka_unit_test(files),
		cmocka_unit_test(no_names),
		cmocka_unit_test(foreign_files),
		cmocka_unit_test(full_disk),
	};

	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, setup, teardown);
}
