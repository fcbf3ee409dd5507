/* Which private key files are taken, and what is said of the others. */
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

#include "chroot/hostkeys.h"

struct fixture {
	char top[64], path[4][128];
	struct view v[HOSTKEYS_MAX + 1];
	struct view_list list;
	struct hostkeys keys;
	struct wr faults;
};

static int
setup(void **state)
{
	struct fixture *x = test_calloc(1, sizeof(*x));

	snprintf(x->top, sizeof(x->top), "/tmp/hostkeys-test.XXXXXX");
	assert_non_null(mkdtemp(x->top));
	x->faults = wr_new(65536);
	x->list.v = x->v;
	*state = x;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *x = *state;
	char cmd[128];

	hostkeys_free(&x->keys);
	wr_free(&x->faults);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", x->top);
	assert_int_equal(system(cmd), 0);
	test_free(x);
	return 0;
}

static void
name_file(struct fixture *x, size_t i, const char *name)
{
	char path[sizeof(x->path[0])];

	snprintf(path, sizeof(path), "%s/%s%zu", x->top, name, i);
	memcpy(x->path[i], path, sizeof(path));
	x->v[i] = view_str(x->path[i]);
}

static void
put_file(struct fixture *x, size_t i, struct view text, mode_t mode)
{
	int fd;

	name_file(x, i, "key");
	fd = open(x->path[i], O_CREAT | O_TRUNC | O_WRONLY, 0600);
	assert_int_equal(write(fd, text.p, text.n), (ssize_t)text.n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	if (x->list.n <= i)
		x->list.n = i + 1;
}

static void
put_key(struct fixture *x, size_t i, const char *type, unsigned bits)
{
	struct ssh_key *k = ssh_key_generate(type, bits);
	struct wr text = wr_new(65536);

	assert_non_null(k);
	assert_true(ssh_key_write_private(k, "test", &text));
	put_file(x, i, wr_view(&text), 0600);
	wr_free(&text);
	ssh_key_free(&k);
}

static void
refused(struct fixture *x, size_t i, const char *want)
{
	char why[512];

	wr_reset(&x->faults);
	assert_false(hostkeys_load(&x->list, &x->keys, &x->faults));
	assert_int_equal(x->keys.n, 0);
	wr_u8(&x->faults, 0);
	if (strstr((const char *)wr_view(&x->faults).p, want) == NULL)
		fail_msg("no '%s' in '%s'", want,
		    (const char *)wr_view(&x->faults).p);
	assert_non_null(strstr((const char *)wr_view(&x->faults).p,
	    x->path[i]));
	assert_false(hostkeys_check(x->v[i], why, sizeof(why)));
	assert_non_null(strstr(why, want));
	assert_null(strchr(why, '\n'));
}

static void
loads_and_signs(void **state)
{
	struct fixture *x = *state;
	static const uint8_t hash[32] = { 1 };
	const struct view h = { hash, sizeof(hash) };
	struct wr sig = wr_new(4096);
	struct ssh_key *pub;
	char why[512];

	put_key(x, 0, "ed25519", 0);
	put_key(x, 1, "ecdsa", 256);
	put_key(x, 2, "rsa", 2048);
	assert_true(hostkeys_load(&x->list, &x->keys, &x->faults));
	assert_int_equal(x->keys.n, 3);
	assert_int_equal(wr_size(&x->faults), 0);
	assert_true(hostkeys_check(x->v[0], why, sizeof(why)));
	assert_false(hostkeys_slow(&x->keys, 0));
	assert_true(hostkeys_slow(&x->keys, 2));
	assert_false(hostkeys_slow(&x->keys, 3));
	assert_int_equal(hostkeys_sign(&x->keys, 0, view_str("ssh-ed25519"),
	    h, &sig), OK);
	assert_int_equal(ssh_key_parse_blob(ssh_key_blob(x->keys.key[0]),
	    &pub), OK);
	assert_int_equal(ssh_key_verify(pub, view_str("ssh-ed25519"), h,
	    wr_view(&sig)), OK);
	ssh_key_free(&pub);
	/* what does not exist or does not fit */
	assert_int_equal(hostkeys_sign(&x->keys, 3, view_str("ssh-ed25519"),
	    h, &sig), ERR_PROTO);
	assert_int_equal(hostkeys_sign(&x->keys, 1, view_str("ssh-ed25519"),
	    h, &sig), ERR_PROTO);
	assert_int_equal(hostkeys_sign(&x->keys, 2, view_str("ssh-rsa"), h,
	    &sig), ERR_PROTO);
	assert_int_equal(hostkeys_sign(&x->keys, 2, view_str(""), h, &sig),
	    ERR_PROTO);
	wr_free(&sig);
}

static void
modes(void **state)
{
	struct fixture *x = *state;
	static const mode_t bad[] = { 0640, 0604, 0620, 0610, 0601, 0644 };

	put_key(x, 0, "ed25519", 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(chmod(x->path[0], bad[i]), 0);
		refused(x, 0, "chmod 600");
	}
	assert_int_equal(chmod(x->path[0], 0400), 0);
	assert_true(hostkeys_load(&x->list, &x->keys, &x->faults));
}

static void
owner(void **state)
{
	struct fixture *x = *state;

	if (geteuid() != 0)
		skip();
	put_key(x, 0, "ed25519", 0);
	assert_int_equal(chown(x->path[0], 4711, 0), 0);
	refused(x, 0, "belongs to uid 4711");
}

static void
contents(void **state)
{
	struct fixture *x = *state;
	static uint8_t big[70000];

	put_file(x, 0, view_str(""), 0600);
	refused(x, 0, "no key that can be used");
	put_file(x, 0, view_str("garbage\n"), 0600);
	refused(x, 0, "no key that can be used");
	put_file(x, 0, view_of(big, sizeof(big)), 0600);
	refused(x, 0, "64 KiB");
}

static void
no_files(void **state)
{
	struct fixture *x = *state;

	name_file(x, 0, "none");
	x->list.n = 1;
	refused(x, 0, "ssh-keygen");
	assert_int_equal(mkfifo(x->path[0], 0600), 0);
	refused(x, 0, "no regular file");	/* and does not block */
	assert_int_equal(unlink(x->path[0]), 0);
	assert_int_equal(mkdir(x->path[0], 0700), 0);
	refused(x, 0, "no regular file");
	x->list.n = 0;
	assert_false(hostkeys_load(&x->list, &x->keys, &x->faults));
}

/* One run tells of all files. */
static void
all_in_one_run(void **state)
{
	struct fixture *x = *state;
	const char *text;

	put_key(x, 0, "ed25519", 0);
	put_file(x, 1, view_str("garbage"), 0600);
	put_key(x, 2, "ed25519", 0);
	assert_int_equal(chmod(x->path[2], 0666), 0);
	assert_false(hostkeys_load(&x->list, &x->keys, &x->faults));
	wr_u8(&x->faults, 0);
	text = (const char *)wr_view(&x->faults).p;
	assert_null(strstr(text, x->path[0]));
	assert_non_null(strstr(text, x->path[1]));
	assert_non_null(strstr(text, x->path[2]));
}

static void
the_same_twice(void **state)
{
	struct fixture *x = *state;

	put_key(x, 0, "ed25519", 0);
	x->v[1] = x->v[0];
	x->list.n = 2;
	assert_false(hostkeys_load(&x->list, &x->keys, &x->faults));
	wr_u8(&x->faults, 0);
	assert_non_null(strstr((const char *)wr_view(&x->faults).p,
	    "the same key"));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(loads_and_signs), T(modes), T(owner), T(contents),
		T(no_files), T(all_in_one_run), T(the_same_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
