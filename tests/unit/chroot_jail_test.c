/* The walk to a jail: what is refused, by which words, and what is made. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chroot/jail.h"

#define USER 20011
#define GROUP 20012

struct fixture {
	char top[64];		/* root's alone (as far as /tmp is) */
	char path[256];
	char why[1024];
	struct jail_spec spec;
	int fd;
};

static int
setup(void **state)
{
	struct fixture *x = test_calloc(1, sizeof(*x));

	/* /run is root's alone, as a place for jails should be. */
	snprintf(x->top, sizeof(x->top), "%s/jail-test.XXXXXX",
	    geteuid() == 0 ? "/run" : "/tmp");
	assert_non_null(mkdtemp(x->top));
	assert_int_equal(chmod(x->top, 0755), 0);
	x->spec.uid = geteuid() == 0 ? USER : geteuid();
	x->spec.gid = geteuid() == 0 ? GROUP : getegid();
	x->fd = -1;
	umask(022);
	*state = x;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *x = *state;
	char cmd[128];

	if (x->fd != -1)
		close(x->fd);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", x->top);
	assert_int_equal(system(cmd), 0);
	test_free(x);
	return 0;
}

static const char *
at(struct fixture *x, const char *name)
{
	snprintf(x->path, sizeof(x->path), "%s/%s", x->top, name);
	return x->path;
}

static void
dir(struct fixture *x, const char *name, mode_t mode, uid_t uid)
{
	assert_int_equal(mkdir(at(x, name), 0700), 0);
	assert_int_equal(chmod(x->path, mode), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(x->path, uid, uid), 0);
}

static enum err
open_jail(struct fixture *x, const char *name)
{
	if (x->fd != -1)
		close(x->fd);
	x->spec.path = view_str(at(x, name));
	return jail_open(&x->spec, &x->fd, x->why, sizeof(x->why));
}

/* Refused, and the reason names both. */
static void
refused(struct fixture *x, const char *name, const char *a, const char *b)
{
	assert_int_not_equal(open_jail(x, name), OK);
	assert_int_equal(x->fd, -1);
	if (strstr(x->why, a) == NULL || strstr(x->why, b) == NULL)
		fail_msg("'%s' names not both '%s' and '%s'", x->why, a, b);
}

static bool
is_same(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static void
owned(const char *path, uid_t uid, mode_t mode)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, uid);
	assert_int_equal(st.st_mode & 07777, mode);
}

#define NEED_ROOT() do { if (geteuid() != 0) skip(); } while (0)

static void
opens(void **state)
{
	struct fixture *x = *state;

	dir(x, "jail", 0755, 0);
	assert_int_equal(open_jail(x, "jail"), OK);
	assert_true(is_same(x->fd, x->path));
	assert_int_equal(open_jail(x, "jail/"), OK);
	assert_int_equal(open_jail(x, "//jail//"), OK);
	assert_true(is_same(x->fd, at(x, "jail")));
}

static void
malformed_paths(void **state)
{
	struct fixture *x = *state;
	static const char *const paths[] = { "", "relative", "./a", "/.",
		"/..", "/tmp/../etc", "/tmp/./x" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		x->spec.path = view_str(paths[i]);
		assert_int_equal(jail_open(&x->spec, &x->fd, x->why,
		    sizeof(x->why)), ERR_PROTO);
		assert_int_equal(x->fd, -1);
		assert_true(x->why[0] != '\0');
	}
	x->spec.path = view_of("/tmp\0/x", 7);
	assert_int_equal(jail_open(&x->spec, &x->fd, x->why, sizeof(x->why)),
	    ERR_PROTO);
}

static void
long_paths(void **state)
{
	struct fixture *x = *state;
	static char path[10000];

	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	x->spec.path = view_str(path);
	assert_int_equal(jail_open(&x->spec, &x->fd, x->why, sizeof(x->why)),
	    ERR_PROTO);
}

static void
missing(void **state)
{
	struct fixture *x = *state;

	refused(x, "none", "none does not exist", "create: true");
	refused(x, "none/deeper", "/none does not exist", "install -d");
	/* a short place for the reason is filled, not overrun */
	assert_int_not_equal(jail_open(&x->spec, &x->fd, x->why, 8), OK);
	assert_int_equal(strlen(x->why), 7);
}

static void
symlinks(void **state)
{
	struct fixture *x = *state;
	char target[256];

	dir(x, "real", 0755, 0);
	dir(x, "real/sub", 0755, 0);
	snprintf(target, sizeof(target), "%s", at(x, "real"));
	assert_int_equal(symlink(target, at(x, "link")), 0);
	refused(x, "link", "/link is a symbolic link", "readlink -f");
	refused(x, "link/sub", "/link is a symbolic link", "readlink -f");
	x->spec.create = true;
	refused(x, "link", "symbolic link", "/link");
	assert_int_equal(symlink("nowhere", at(x, "dangling")), 0);
	refused(x, "dangling", "symbolic link", "/dangling");
	assert_int_equal(access(at(x, "nowhere"), F_OK), -1);
}

static void
no_directory(void **state)
{
	struct fixture *x = *state;

	close(open(at(x, "file"), O_CREAT | O_WRONLY, 0644));
	refused(x, "file", "/file is not a directory", "");
	refused(x, "file/sub", "/file is not a directory", "");
	assert_int_equal(mkfifo(at(x, "fifo"), 0666), 0);
	refused(x, "fifo", "/fifo is not a directory", "");
}

/* Without programs anything will do; with programs only root's own. */
static void
owners(void **state)
{
	struct fixture *x = *state;

	NEED_ROOT();
	dir(x, "mine", 0755, USER);
	dir(x, "group", 0775, 0);
	dir(x, "all", 0777, 0);
	dir(x, "all/jail", 0755, 0);
	dir(x, "good", 0755, 0);
	assert_int_equal(open_jail(x, "mine"), OK);
	assert_int_equal(open_jail(x, "group"), OK);
	assert_int_equal(open_jail(x, "all/jail"), OK);
	x->spec.programs = true;
	assert_int_equal(open_jail(x, "good"), OK);
	refused(x, "mine", "/mine belongs to uid 20011", "chown root");
	refused(x, "group", "/group can be written by its group",
	    "chmod go-w");
	refused(x, "all/jail", "/all can be written by everybody",
	    "chmod go-w");
}

static void
creates(void **state)
{
	struct fixture *x = *state;
	const struct view dirs[] = { view_str("in"), view_str("out/deep") };

	NEED_ROOT();
	x->spec.create = true;
	x->spec.dirs = (struct view_list){ dirs, 2 };
	assert_int_equal(open_jail(x, "a/b/acme"), OK);
	assert_true(is_same(x->fd, x->path));
	owned(at(x, "a"), 0, 0755);
	owned(at(x, "a/b"), 0, 0755);
	owned(at(x, "a/b/acme"), USER, 0750);
	owned(at(x, "a/b/acme/in"), USER, 0750);
	owned(at(x, "a/b/acme/out"), USER, 0750);
	owned(at(x, "a/b/acme/out/deep"), USER, 0750);
	/* and again: all is there */
	assert_int_equal(open_jail(x, "a/b/acme"), OK);
}

/* Directories in a jail that stays root's are given to the user. */
static void
creates_in_roots_jail(void **state)
{
	struct fixture *x = *state;
	const struct view dirs[] = { view_str("in") };

	NEED_ROOT();
	dir(x, "jail", 0755, 0);
	x->spec.create = true;
	x->spec.dirs = (struct view_list){ dirs, 1 };
	assert_int_equal(open_jail(x, "jail"), OK);
	owned(at(x, "jail"), 0, 0755);
	owned(at(x, "jail/in"), USER, 0750);
}

static void
creates_for_programs(void **state)
{
	struct fixture *x = *state;

	NEED_ROOT();
	x->spec.create = x->spec.programs = true;
	assert_int_equal(open_jail(x, "jail"), OK);
	owned(at(x, "jail"), 0, 0755);
}

/* Root makes nothing where somebody else could swap it. */
static void
creates_not_in_others(void **state)
{
	struct fixture *x = *state;

	NEED_ROOT();
	x->spec.create = true;
	dir(x, "all", 0777, 0);
	refused(x, "all/jail", "/all/jail is missing", "install -d");
	dir(x, "theirs", 0755, 4711);
	refused(x, "theirs/jail", "/theirs/jail is missing", "install -d");
	assert_int_equal(access(at(x, "all/jail"), F_OK), -1);
	assert_int_equal(access(at(x, "theirs/jail"), F_OK), -1);
}

/* What the jail's owner has put there is not followed by root. */
static void
listed_dir_is_a_link(void **state)
{
	struct fixture *x = *state;
	const struct view dirs[] = { view_str("in/new") };

	NEED_ROOT();
	dir(x, "outside", 0755, 0);
	dir(x, "jail", 0755, USER);
	assert_int_equal(symlink("../outside", at(x, "jail/in")), 0);
	x->spec.create = true;
	x->spec.dirs = (struct view_list){ dirs, 1 };
	refused(x, "jail", "/jail/in is a symbolic link", "");
	assert_int_equal(access(at(x, "outside/new"), F_OK), -1);
}

static void
creates_as_user(void **state)
{
	struct fixture *x = *state;

	if (geteuid() == 0)
		skip();
	x->spec.create = true;
	assert_int_equal(open_jail(x, "a/b"), OK);
	owned(at(x, "a/b"), geteuid(), 0750);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(opens), T(malformed_paths), T(long_paths), T(missing),
		T(symlinks), T(no_directory), T(owners), T(creates),
		T(creates_in_roots_jail), T(creates_for_programs),
		T(creates_not_in_others), T(listed_dir_is_a_link),
		T(creates_as_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
