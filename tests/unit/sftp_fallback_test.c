/*
 * The ways around calls that an older kernel or a sandbox does not have:
 * renameat2, fchmodat2 and copy_file_range answer ENOSYS here.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/sftp_client.h"

#define FCHMODAT2 452

static struct client c;

static int
forget_calls(void **state)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FCHMODAT2, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_copy_file_range, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	(void)state;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == -1)
		return -1;
	return 0;
}

static int
start(void **state)
{
	(void)state;
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

static void
calls_are_gone(void **state)
{
	(void)state;
	assert_int_equal(syscall(SYS_renameat2, -1, "", -1, "", 0), -1);
	assert_int_equal(errno, ENOSYS);
	assert_int_equal(syscall(FCHMODAT2, -1, "", 0, 0), -1);
	assert_int_equal(errno, ENOSYS);
}

static void
renames(void **state)
{
	(void)state;
	file_make("f", "f");
	file_make("g", "g");
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(mkdir("e", 0700), 0);
	expect_text(client_two(&c, FXP_RENAME, "f", "g"), FX_FAILURE,
	    "File exists");
	expect_text(client_two(&c, FXP_RENAME, "f", "f"), FX_FAILURE,
	    "File exists");
	expect_text(client_two(&c, FXP_RENAME, "d", "e"), FX_FAILURE,
	    "File exists");
	expect_text(client_two(&c, FXP_RENAME, "d", "g"), FX_FAILURE,
	    "File exists");
	expect_status(client_two(&c, FXP_RENAME, "x", "y"), FX_NO_SUCH_FILE);
	expect_status(client_two(&c, FXP_RENAME, "d", "x/y"),
	    FX_NO_SUCH_FILE);
	expect_status(client_two(&c, FXP_RENAME, "d", "d/x"), FX_FAILURE);
	expect_status(client_two(&c, FXP_RENAME, "d", "n"), FX_OK);
	expect_status(client_two(&c, FXP_RENAME, "f", "n/f"), FX_OK);
	file_is("n/f", "f");
	file_is("g", "g");
	assert_int_equal(access("f", F_OK), -1);
	assert_int_equal(access("d", F_OK), -1);
}

static struct answer
lsetstat_mode(const char *path, uint32_t mode)
{
	client_begin_ext(&c, "lsetstat@openssh.com");
	wr_cstr(&c.out, path);
	wr_u32(&c.out, ATTR_PERM);
	wr_u32(&c.out, mode);
	client_send(&c);
	return client_answer(&c);
}

static void
modes(void **state)
{
	struct stat st;

	(void)state;
	file_make("f", "f");
	assert_int_equal(chmod("f", 0644), 0);
	assert_int_equal(symlink("f", "l"), 0);
	assert_int_equal(mkfifo("p", 0600), 0);
	expect_status(lsetstat_mode("f", 0640), FX_OK);
	assert_int_equal(stat("f", &st), 0);
	assert_int_equal(st.st_mode, 0100640);
	expect_status(lsetstat_mode("l", 0600), FX_OP_UNSUPPORTED);
	assert_int_equal(stat("f", &st), 0);
	assert_int_equal(st.st_mode, 0100640);
	expect_status(lsetstat_mode("p", 0640), FX_OK);
}

static void
copies(void **state)
{
	uint32_t f, t;

	(void)state;
	file_make("f", "0123456789");
	f = client_open_ok(&c, "f", FXF_READ);
	t = client_open_ok(&c, "t", FXF_WRITE | FXF_CREAT);
	client_begin_ext(&c, "copy-data");
	wr_u32(&c.out, 4);
	wr_u32(&c.out, f);
	wr_u64(&c.out, 3);
	wr_u64(&c.out, 0);
	wr_u32(&c.out, 4);
	wr_u32(&c.out, t);
	wr_u64(&c.out, 0);
	client_send(&c);
	expect_status(client_answer(&c), FX_OK);
	file_is("t", "3456789");
}

int
main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, start, stop)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_are_gone), TEST(renames), TEST(modes),
		TEST(copies),
	};

	return cmocka_run_group_tests(tests, forget_calls, NULL);
}
