/*
 * Read-only sessions: every operation by its row, by the open flags, and on
 * a real tree that must be the same afterwards.
 */
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

#include "sftp/ops.h"
#include "tests/unit/sftp_client.h"

static struct client c;

static int
start(void **state)
{
	(void)state;
	client_start(&c, true);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	client_stop(&c);
	return 0;
}

/* What changes nothing; everything else must be banned.  A new row is a
 * failure here until somebody has decided. */
static const char *const reads[] = { "close", "read", "lstat", "fstat",
	"opendir", "readdir", "realpath", "stat", "readlink",
	"statvfs@openssh.com", "fstatvfs@openssh.com", "limits@openssh.com",
	"expand-path@openssh.com", "home-directory",
	"users-groups-by-id@openssh.com" };
static const char *const writes[] = { "write", "setstat", "fsetstat",
	"remove", "mkdir", "rmdir", "rename", "symlink",
	"posix-rename@openssh.com", "hardlink@openssh.com",
	"fsync@openssh.com", "lsetstat@openssh.com", "copy-data" };

static bool
among(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

static void
check_row(const struct op *op)
{
	const struct jail_policy ro = { .read_only = true }, rw = { 0 };
	struct req q = { .pflags = FXF_READ };
	bool r = among(op->name, reads, sizeof(reads) / sizeof(reads[0]));
	bool w = among(op->name, writes, sizeof(writes) / sizeof(writes[0]));

	assert_true(ops_allowed(&rw, op, &q));
	if (strcmp(op->name, "open") == 0)
		return;
	if (r == w)
		fail_msg("nobody has decided about %s", op->name);
	assert_int_equal(ops_allowed(&ro, op, &q), r);
}

static void
every_row(void **state)
{
	unsigned rows = 0;

	(void)state;
	for (unsigned type = 0; type < 256; type++)
		if (ops_find((uint8_t)type) != NULL) {
			check_row(ops_find((uint8_t)type));
			rows++;
		}
	for (size_t i = 0; ops_extension_at(i) != NULL; i++) {
		check_row(ops_extension_at(i));
		rows++;
	}
	assert_int_equal(rows, 18 + 11);
}

static void
every_open_flag(void **state)
{
	const struct jail_policy ro = { .read_only = true }, rw = { 0 };
	const struct op *op = ops_find(FXP_OPEN);

	(void)state;
	for (uint32_t flags = 0; flags < 256; flags++) {
		struct req q = { .pflags = flags };

		assert_true(ops_allowed(&rw, op, &q));
		assert_int_equal(ops_allowed(&ro, op, &q),
		    flags == 0 || flags == FXF_READ);
	}
}

static void
banned(struct answer a)
{
	expect_text(a, FX_PERMISSION_DENIED, "This session is read-only");
}

static void
attrs_of_path(const char *ext)
{
	if (ext != NULL)
		client_begin_ext(&c, ext);
	else
		client_begin(&c, FXP_SETSTAT);
	wr_cstr(&c.out, "f");
	wr_u32(&c.out, ATTR_PERM);
	wr_u32(&c.out, 0777);
	client_send(&c);
	banned(client_answer(&c));
}

static void
tree_stays(void **state)
{
	struct stat before, after;
	uint32_t h;

	(void)state;
	file_make("f", "text");
	assert_int_equal(mkdir("d", 0755), 0);
	assert_int_equal(stat("f", &before), 0);
	for (uint32_t flags = 2; flags < 64; flags++)
		banned(client_open(&c, flags % 2 != 0 ? "f" : "new", flags));
	h = client_open_ok(&c, "f", FXF_READ);
	banned(client_write(&c, h, 0, view_str("x")));
	banned(client_path(&c, FXP_REMOVE, "f"));
	banned(client_path(&c, FXP_MKDIR, "new"));
	banned(client_path(&c, FXP_RMDIR, "d"));
	banned(client_two(&c, FXP_RENAME, "f", "new"));
	banned(client_two(&c, FXP_SYMLINK, "f", "new"));
	banned(client_ext_two(&c, "posix-rename@openssh.com", "f", "new"));
	banned(client_ext_two(&c, "hardlink@openssh.com", "f", "new"));
	attrs_of_path(NULL);
	attrs_of_path("lsetstat@openssh.com");
	client_begin(&c, FXP_FSETSTAT);
	wr_u32(&c.out, 4);
	wr_u32(&c.out, h);
	wr_u32(&c.out, ATTR_SIZE);
	wr_u64(&c.out, 0);
	client_send(&c);
	banned(client_answer(&c));
	client_begin_ext(&c, "copy-data");
	wr_u32(&c.out, 4);
	wr_u32(&c.out, h);
	wr_u64(&c.out, 0);
	wr_u64(&c.out, 0);
	wr_u32(&c.out, 4);
	wr_u32(&c.out, h);
	wr_u64(&c.out, 0);
	client_send(&c);
	banned(client_answer(&c));
	assert_int_equal(client_read(&c, h, 0, 10).type, FXP_DATA);
	client_close_ok(&c, h);
	assert_int_equal(access("new", F_OK), -1);
	assert_int_equal(stat("f", &after), 0);
	assert_int_equal(before.st_mode, after.st_mode);
	assert_int_equal(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
	file_is("f", "text");
}

static int
start_raw(void **state)
{
	(void)state;
	client_start_raw(&c, true);
	return 0;
}

/* A client is not offered what it may not use. */
static void
announces_less(void **state)
{
	static const uint8_t init[] = { 0, 0, 0, 5, FXP_INIT, 0, 0, 0, 3 };
	struct answer a;
	struct view name;
	unsigned n = 0;

	(void)state;
	client_send_raw(&c, view_of(init, sizeof(init)));
	a = client_answer(&c);
	while (a.rest.n != 0) {
		char text[64];

		name = rd_str(&a.rest);
		rd_str(&a.rest);
		assert_true(view_to_cstr(name, text, sizeof(text)));
		assert_true(among(text, reads,
		    sizeof(reads) / sizeof(reads[0])));
		n++;
	}
	assert_true(rd_done(&a.rest));
	assert_int_equal(n, 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row),
		cmocka_unit_test(every_open_flag),
		cmocka_unit_test_setup_teardown(tree_stays, start, stop),
		cmocka_unit_test_setup_teardown(announces_less, start_raw,
		    stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
