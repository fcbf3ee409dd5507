#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chroot/ptys.h"

static void
test_make(void **state)
{
	bool root = geteuid() == 0;
	uid_t uid = root ? 20011 : getuid();
	char path[64], got[64];
	struct stat st;
	uint32_t number;
	int fds[2];

	(void)state;
	if (access("/dev/ptmx", R_OK | W_OK) == -1)
		skip();
	assert_int_equal(pty_make(uid, !root, fds, &number), OK);
	snprintf(path, sizeof(path), "/dev/pts/%u", number);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, uid);
	assert_int_equal(st.st_mode & 07, 0);
	assert_int_equal(st.st_mode & 0700, 0600);
	assert_int_not_equal(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
	assert_int_equal(ttyname_r(fds[1], got, sizeof(got)), 0);
	assert_string_equal(got, path);
	assert_int_equal(write(fds[1], "hi\n", 3), 3);
	assert_int_equal(read(fds[0], got, sizeof(got)), 4);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_lines(void **state)
{
	struct ptys p = { .v = NULL };
	struct pty_line out;

	(void)state;
	for (uint32_t i = 0; i < PTYS_PER_WARD; i++) {
		assert_true(ptys_room(&p, 1));
		assert_non_null(ptys_add(&p, 1, i));
	}
	assert_false(ptys_room(&p, 1));
	assert_true(ptys_room(&p, 2));
	ptys_add(&p, 2, 100)->recorder = 77;
	assert_false(ptys_take(&p, 1, 100, &out));	/* another's */
	assert_false(ptys_take(&p, 3, 7, &out));
	assert_true(ptys_take(&p, 1, 7, &out));
	assert_int_equal(out.number, 7);
	assert_false(ptys_take(&p, 1, 7, &out));
	assert_true(ptys_room(&p, 1));
	for (int i = 0; i < PTYS_PER_WARD - 1; i++) {
		assert_true(ptys_take_any(&p, 1, &out));
		assert_int_equal(out.recorder, 0);
	}
	assert_false(ptys_take_any(&p, 1, &out));
	assert_true(ptys_take_any(&p, 2, &out));
	assert_int_equal(out.recorder, 77);
	assert_int_equal(p.n, 0);
	assert_null(p.v);
	/* all of them together */
	for (uint32_t i = 0; i < PTYS_MAX; i++)
		assert_non_null(ptys_add(&p, 100 + i / 10, i));
	assert_false(ptys_room(&p, 1));
	ptys_free(&p);
	assert_true(ptys_room(&p, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make),
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
