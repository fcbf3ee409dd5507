/* What is remembered of a user, on a real disk: whose it is, and that two
 * logins at a time do not forget for each other. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chroot/userstore.h"

static char base[64];
static int dir = -1;

static int
setup(void **state)
{
	(void)state;
	snprintf(base, sizeof(base), "/tmp/sallyport-users.XXXXXX");
	if (mkdtemp(base) == NULL)
		return -1;
	dir = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir == -1;
}

static int
teardown(void **state)
{
	char cmd[128];

	(void)state;
	close(dir);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", base);
	return system(cmd);
}

static void
has(struct userstore *s, const char *kind, const char *want)
{
	struct wr w = wr_new(4096);
	enum err e = s->ops.read(s->ops.ctx, kind, 4096, &w);

	assert_int_equal(e, want != NULL ? OK : ERR_CLOSED);
	if (want != NULL)
		assert_true(view_is(wr_view(&w), want));
	wr_free(&w);
}

static void
put(struct userstore *s, const char *kind, const char *text)
{
	assert_int_equal(s->ops.lock(s->ops.ctx), OK);
	assert_int_equal(s->ops.write(s->ops.ctx, kind, view_str(text)), OK);
	s->ops.unlock(s->ops.ctx);
}

static void
test_files(void **state)
{
	struct userstore a, b;
	struct stat st;

	(void)state;
	assert_true(userstore_init(&a, dir, view_str("acme")));
	assert_true(userstore_init(&b, dir, view_str("acme.totp")));
	has(&a, "totp", NULL);
	put(&a, "totp", "one");
	put(&a, "keys", "two");
	put(&b, "totp", "three");
	has(&a, "totp", "one");
	has(&a, "keys", "two");
	has(&b, "totp", "three");
	has(&b, "keys", NULL);
	put(&a, "totp", "");
	has(&a, "totp", "");
	assert_int_equal(fstatat(dir, "acme.totp", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fstatat(dir, "acme.lock", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void
test_names(void **state)
{
	char name[80];
	struct userstore s;
	struct wr w = wr_new(16);

	(void)state;
	memset(name, 'x', sizeof(name));
	assert_false(userstore_init(&s, dir, view_of(name, 65)));
	assert_true(userstore_init(&s, dir, view_of(name, 64)));
	put(&s, "totp", "long");
	has(&s, "totp", "long");
	assert_false(userstore_init(&s, dir, view_str("")));
	assert_false(userstore_init(&s, dir, view_str("../x")));
	assert_false(userstore_init(&s, dir, view_str("/etc/x")));
	assert_false(userstore_init(&s, dir, view_of("a\0b", 3)));
	assert_false(userstore_init(&s, -1, view_str("acme")));
	/* dots lead nowhere */
	assert_true(userstore_init(&s, dir, view_str("..")));
	put(&s, "totp", "dots");
	has(&s, "totp", "dots");
	assert_int_equal(s.ops.read(s.ops.ctx, "a/b", 16, &w), ERR_LIMIT);
	wr_free(&w);
}

/* A folder or a link where the lock should be: no lock, no writing through. */
static void
test_lock_is_no_file(void **state)
{
	struct userstore s;

	(void)state;
	assert_int_equal(mkdirat(dir, "bad.lock", 0700), 0);
	assert_true(userstore_init(&s, dir, view_str("bad")));
	assert_int_equal(s.ops.lock(s.ops.ctx), ERR_SYS);
	assert_int_equal(symlinkat("acme.totp", dir, "worse.lock"), 0);
	assert_true(userstore_init(&s, dir, view_str("worse")));
	assert_int_equal(s.ops.lock(s.ops.ctx), ERR_SYS);
	assert_int_equal(mkfifoat(dir, "worst.lock", 0600), 0);
	assert_true(userstore_init(&s, dir, view_str("worst")));
	assert_int_equal(s.ops.lock(s.ops.ctx), ERR_SYS);
}

#define ROUNDS	50
#define PEOPLE	4

static int
count(void)
{
	struct wr w = wr_new(64);
	struct userstore s;
	char text[16];
	int n = 0;

	if (!userstore_init(&s, dir, view_str("many")))
		return 1;
	for (int i = 0; i < ROUNDS; i++) {
		if (s.ops.lock(s.ops.ctx) != OK)
			return 1;
		wr_reset(&w);
		if (s.ops.read(s.ops.ctx, "keys", 64, &w) == OK &&
		    view_to_cstr(wr_view(&w), text, sizeof(text)))
			n = atoi(text);
		snprintf(text, sizeof(text), "%d", n + 1);
		if (s.ops.write(s.ops.ctx, "keys", view_str(text)) != OK)
			return 1;
		s.ops.unlock(s.ops.ctx);
	}
	wr_free(&w);
	return 0;
}

static void
test_one_at_a_time(void **state)
{
	struct userstore s;
	pid_t pid[PEOPLE];
	int status;

	(void)state;
	for (int i = 0; i < PEOPLE; i++)
		if ((pid[i] = fork()) == 0)
			_exit(count());
	for (int i = 0; i < PEOPLE; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	assert_true(userstore_init(&s, dir, view_str("many")));
	has(&s, "keys", "200");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_lock_is_no_file),
		cmocka_unit_test(test_one_at_a_time),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
