/* auth/account_record: the host's login records, in files of our own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <lastlog.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmpx.h>

#include "auth/account_record.h"

static char dir[] = "/tmp/record-test.XXXXXX";
static char utmp[64], wtmp[64], lastlog[64];
static const struct record_files files = { utmp, wtmp, lastlog };

static void
touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_not_equal(fd, -1);
	close(fd);
}

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/record-test.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(utmp, sizeof(utmp), "%s/utmp", dir);
	snprintf(wtmp, sizeof(wtmp), "%s/wtmp", dir);
	snprintf(lastlog, sizeof(lastlog), "%s/lastlog", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(utmp);
	unlink(wtmp);
	unlink(lastlog);
	return rmdir(dir);
}

static size_t
read_all(const char *path, struct utmpx *out, size_t max)
{
	int fd = open(path, O_RDONLY);
	ssize_t n;

	assert_int_not_equal(fd, -1);
	n = read(fd, out, max * sizeof(*out));
	close(fd);
	assert_int_equal((size_t)n % sizeof(*out), 0);
	return (size_t)n / sizeof(*out);
}

static void
test_in_and_out(void **state)
{
	const struct record in = { "pts/12345", "acme", "192.0.2.7", 0, 4711 };
	const struct record out = { .line = "pts/12345", .user = "",
	    .host = "" };
	struct utmpx u[8];
	struct lastlog l;
	int fd;

	(void)state;
	touch(utmp);
	touch(wtmp);
	touch(lastlog);
	assert_int_equal(account_record(&in, &files), OK);
	assert_int_equal(read_all(utmp, u, 8), 1);
	assert_int_equal(u[0].ut_type, USER_PROCESS);
	assert_int_equal(u[0].ut_pid, 4711);
	assert_string_equal(u[0].ut_line, "pts/12345");
	assert_memory_equal(u[0].ut_id, "2345", 4);
	assert_string_equal(u[0].ut_user, "acme");
	assert_string_equal(u[0].ut_host, "192.0.2.7");
	assert_memory_equal(u[0].ut_addr_v6, "\xc0\0\2\7", 4);
	assert_int_not_equal(u[0].ut_tv.tv_sec, 0);
	assert_int_equal(read_all(wtmp, u, 8), 1);
	fd = open(lastlog, O_RDONLY);
	assert_int_equal(read(fd, &l, sizeof(l)), sizeof(l));
	close(fd);
	assert_string_equal(l.ll_line, "pts/12345");
	assert_string_equal(l.ll_host, "192.0.2.7");
	/* The same place in utmp, one more in wtmp. */
	assert_int_equal(account_record(&out, &files), OK);
	assert_int_equal(read_all(utmp, u, 8), 1);
	assert_int_equal(u[0].ut_type, DEAD_PROCESS);
	assert_int_equal(u[0].ut_user[0], '\0');
	assert_int_equal(read_all(wtmp, u, 8), 2);
	assert_int_equal(u[1].ut_type, DEAD_PROCESS);
	assert_string_equal(u[1].ut_line, "pts/12345");
}

/* What is not there is not made, and no fault. */
static void
test_none(void **state)
{
	const struct record in = { "pts/1", "acme", "::1", 0, 4711 };
	struct stat st;

	(void)state;
	assert_int_equal(account_record(&in, &files), OK);
	assert_int_equal(stat(utmp, &st), -1);
	assert_int_equal(stat(wtmp, &st), -1);
	assert_int_equal(stat(lastlog, &st), -1);
}

/* A uid that is no account's has no place in the table. */
static void
test_unknown_uid(void **state)
{
	const struct record in = { "pts/1", "acme", "::1", 4000000000u, 1 };
	struct stat st;

	(void)state;
	touch(lastlog);
	assert_int_equal(account_record(&in, &files), OK);
	assert_int_equal(stat(lastlog, &st), 0);
	assert_int_equal(st.st_size, 0);
}

static void
test_odd(void **state)
{
	static const char *const lines[] = {
		"", "pts/", "tty1", "pts/1/../2", "pts/x", "/dev/pts/1",
		"pts/12345678901", "pts/-1",
	};
	struct record r = { "pts/1", "acme", "", 0, 1 };
	char longer[1000];
	struct utmpx u[2];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		r.line = lines[i];
		assert_int_equal(account_record(&r, &files), ERR_PROTO);
	}
	touch(wtmp);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	r = (struct record){ "pts/1", longer, longer, 0, 1 };
	assert_int_equal(account_record(&r, &files), OK);
	assert_int_equal(read_all(wtmp, u, 2), 1);
	assert_memory_equal(u[0].ut_user, longer, sizeof(u[0].ut_user));
	assert_memory_equal(u[0].ut_host, longer, sizeof(u[0].ut_host));
}

/* Who writes of the login is waited for, and who has gone is not. */
static void
test_await(void **state)
{
	siginfo_t si = { 0 };
	int held[2];
	pid_t pid, other;
	char c;

	(void)state;
	assert_int_equal(pipe(held), 0);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		close(held[1]);
		_exit(read(held[0], &c, 1) == 0 ? 0 : 1);
	}
	other = fork();
	assert_int_not_equal(other, -1);
	if (other == 0) {
		usleep(50000);
		_exit(0);	/* and with it the last end of the pipe */
	}
	close(held[0]);
	close(held[1]);
	account_record_await(pid);
	assert_int_equal(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG), 0);
	assert_int_equal(si.si_pid, pid);
	account_record_await(pid);
	account_record_await(0);
	account_record_await(-1);
	assert_int_equal(waitpid(other, NULL, 0), other);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_in_and_out), T(test_none), T(test_unknown_uid),
		T(test_odd), T(test_await),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
