/* Files in users' homes: what must be true of the whole way. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/home.h"

#define MAX	4096

struct fixture {
	char dir[64];
	char home[128];
	struct policy p;
	uint32_t groups[1];
	struct wr out;
};

static void
make(const struct fixture *x, const char *name, mode_t mode)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", x->dir, name);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chown(path, x->p.uid, x->p.gid), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void
put(const struct fixture *x, const char *name, mode_t mode)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", x->dir, name);
	assert_non_null(f = fopen(path, "w"));
	fputs("keys\n", f);
	fclose(f);
	assert_int_equal(chown(path, x->p.uid, x->p.gid), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void
change(const struct fixture *x, const char *name, uid_t uid, mode_t mode)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", x->dir, name);
	assert_int_equal(chown(path, uid, (gid_t)-1), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void
link_to(const struct fixture *x, const char *name, const char *to)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", x->dir, name);
	assert_int_equal(symlink(to, path), 0);
}

static int
setup(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));
	bool root = geteuid() == 0;

	strcpy(x->dir, "/tmp/sallyport-home.XXXXXX");
	if (mkdtemp(x->dir) == NULL || chmod(x->dir, 0755) == -1)
		return -1;
	x->p.uid = root ? 20761 : geteuid();
	x->p.gid = root ? 20762 : getegid();
	x->groups[0] = x->p.gid;
	x->p.groups = x->groups;
	x->p.ngroups = 1;
	snprintf(x->home, sizeof(x->home), "%s/home", x->dir);
	x->p.home = view_str(x->home);
	x->out = wr_new(1 << 20);
	make(x, "home", 0755);
	make(x, "home/.ssh", 0700);
	put(x, "home/.ssh/keys", 0600);
	*state = x;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *x = *state;
	char cmd[128];

	wr_free(&x->out);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", x->dir);
	assert_int_equal(system(cmd), 0);
	free(x);
	return 0;
}

static void
reads(struct fixture *x, const char *path)
{
	const char *why = home_read(&x->p, view_str(path), MAX, &x->out);

	if (why != NULL)
		fail_msg("%s: %s", path, why);
	assert_true(view_is(wr_view(&x->out), "keys\n"));
}

static void
refuses(struct fixture *x, const char *path, const char *want)
{
	const char *why = home_read(&x->p, view_str(path), MAX, &x->out);

	assert_non_null(why);
	assert_string_equal(why, want);
	assert_int_equal(wr_size(&x->out), 0);
}

#define KEYS	"%h/.ssh/keys"
#define WRITABLE "a folder on the way is writable by group or others"
#define FOREIGN	"a folder on the way is not owned by root or the user"

static void
test_paths(void **state)
{
	(void)state;
	assert_true(home_path(view_str(KEYS)));
	assert_false(home_path(view_str("/%h/x")));
	assert_false(home_path(view_str("%h/")));
	assert_false(home_path(view_str("%u/x")));
}

static void
test_good(void **state)
{
	struct fixture *x = *state;

	reads(x, KEYS);
	reads(x, "%h//.ssh/./keys");
	refuses(x, "%h/.ssh/nothing", "");
	refuses(x, "%h/nothing/keys", "");
	refuses(x, "%h/.ssh/keys/more", "");
	refuses(x, "%h/.ssh", "not a regular file");
	x->p.home = view_str("");
	refuses(x, KEYS, "the user has no home");
	x->p.home = view_str("/nonexistent");
	refuses(x, KEYS, "");
}

static void
test_modes(void **state)
{
	struct fixture *x = *state;

	change(x, "home/.ssh/keys", x->p.uid, 0660);
	refuses(x, KEYS, "writable by group or others");
	change(x, "home/.ssh/keys", x->p.uid, 0644);
	reads(x, KEYS);
	change(x, "home/.ssh", x->p.uid, 0770);
	refuses(x, KEYS, WRITABLE);
	change(x, "home/.ssh", x->p.uid, 0707);
	refuses(x, KEYS, WRITABLE);
	change(x, "home/.ssh", x->p.uid, 0755);
	change(x, "home", x->p.uid, 0775);
	refuses(x, KEYS, WRITABLE);
	change(x, "home", x->p.uid, 0755);
	/* a parent of the home */
	change(x, "", geteuid(), 0777);
	refuses(x, KEYS, WRITABLE);
	change(x, "", geteuid(), 01777);
	if (geteuid() == 0)
		reads(x, KEYS);		/* as /tmp is */
	change(x, "", geteuid(), 0755);
	reads(x, KEYS);
}

static void
test_owners(void **state)
{
	struct fixture *x = *state;

	if (geteuid() != 0)
		skip();
	change(x, "home/.ssh/keys", 0, 0644);
	reads(x, KEYS);			/* root may have put it there */
	change(x, "home/.ssh/keys", 20763, 0644);
	refuses(x, KEYS, "not owned by root or the user");
	change(x, "home/.ssh/keys", x->p.uid, 0600);
	change(x, "home/.ssh", 20763, 0755);
	refuses(x, KEYS, FOREIGN);
	change(x, "home/.ssh", 0, 0755);
	reads(x, KEYS);
	change(x, "home", 20763, 0755);
	refuses(x, KEYS, FOREIGN);
	/* with its own sticky bit a folder of somebody else's is still his */
	change(x, "home", 20763, 01777);
	refuses(x, KEYS, FOREIGN);
	change(x, "home", x->p.uid, 01777);
	refuses(x, KEYS, WRITABLE);
}

static void
test_links(void **state)
{
	struct fixture *x = *state;
	char far[160];

	make(x, "other", 0755);
	put(x, "other/keys", 0600);
	link_to(x, "home/near", ".ssh/keys");
	reads(x, "%h/near");
	link_to(x, "home/up", "../other");
	reads(x, "%h/up/keys");
	snprintf(far, sizeof(far), "%s/other/keys", x->dir);
	link_to(x, "home/far", far);
	reads(x, "%h/far");
	/* where they lead the same holds */
	change(x, "other", x->p.uid, 0777);
	refuses(x, "%h/far", WRITABLE);
	refuses(x, "%h/up/keys", WRITABLE);
	reads(x, "%h/near");
	link_to(x, "home/loop", "loop");
	refuses(x, "%h/loop", "too many symbolic links");
	link_to(x, "home/gone", "nowhere");
	refuses(x, "%h/gone", "");
	/* a home behind a link, as /home often is */
	link_to(x, "homes", ".");
	snprintf(x->home, sizeof(x->home), "%s/homes/home", x->dir);
	x->p.home = view_str(x->home);
	reads(x, KEYS);
}

static void
test_special_files(void **state)
{
	struct fixture *x = *state;
	char path[256];

	snprintf(path, sizeof(path), "%s/home/fifo", x->dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(chown(path, x->p.uid, x->p.gid), 0);
	refuses(x, "%h/fifo", "not a regular file");
	link_to(x, "home/null", "/dev/null");
	refuses(x, "%h/null", "not a regular file");
}

static void
test_long(void **state)
{
	struct fixture *x = *state;
	char path[6000], name[300];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	memcpy(path, "%h/", 3);
	refuses(x, path, "path is too long");
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memcpy(name, "%h/", 3);
	refuses(x, name, "path is too long");
	change(x, "home/.ssh/keys", x->p.uid, 0600);
	snprintf(path, sizeof(path), "%s/home/.ssh/keys", x->dir);
	assert_int_equal(truncate(path, MAX + 1), 0);
	refuses(x, KEYS, "larger than it may be");
}

/* It is the user who reads: what he cannot reach is not read, what root
 * cannot is; and afterwards we are who we were. */
static void
test_rights(void **state)
{
	struct fixture *x = *state;
	gid_t before[65536], after[65536];
	int n, m, fd;

	if (geteuid() != 0)
		skip();
	n = getgroups(65536, before);
	make(x, "closed", 0700);
	change(x, "closed", 0, 0700);
	put(x, "closed/keys", 0644);
	link_to(x, "home/closed", "../closed/keys");
	refuses(x, "%h/closed", "cannot be opened");
	reads(x, KEYS);
	m = getgroups(65536, after);
	assert_int_equal(n, m);
	assert_memory_equal(before, after, (size_t)n * sizeof(gid_t));
	fd = open("/etc/shadow", O_RDONLY);
	assert_true(fd != -1);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		cmocka_unit_test(test_paths),
		T(test_good),
		T(test_modes),
		T(test_owners),
		T(test_links),
		T(test_special_files),
		T(test_long),
		T(test_rights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
