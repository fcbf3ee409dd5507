/* Lookups of hosts' names: their limits, answers, deadlines and ends.  This
 * program is its own helper: started with --lookup it answers by the name. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/account.h"
#include "chroot/lookups.h"

static void
send_bytes(const char *p, size_t n)
{
	(void)!send(3, p, n, 0);
}

static int
helper(void)
{
	char name[256] = "";

	if (recv(3, name, sizeof(name) - 1, MSG_PEEK) <= 0)
		return 1;
	if (strcmp(name, "localhost") == 0 || strcmp(name, "127.1") == 0)
		return account_lookup(3);	/* the real one */
	/* What is left unread when we exit would spoil the answer. */
	(void)!recv(3, name, sizeof(name) - 1, 0);
	if (strcmp(name, "good") == 0)
		send_bytes("\x04\x20\xc0\0\2\1\x04\x20\xc0\0\2\2", 12);
	else if (strcmp(name, "none") == 0)
		send_bytes("", 0);
	else if (strcmp(name, "junk") == 0)
		send_bytes("\x04\x20\xc0", 3);
	else if (strcmp(name, "crash") == 0)
		abort();
	else if (strcmp(name, "slow") == 0)
		pause();
	else if (strcmp(name, "proof") == 0)
		/* nothing but 0 to 3 is open */
		send_bytes("\x04\x20\0\0\0\1", close(4) == -1 ? 6 : 0);
	return 0;
}

static bool forgotten;

static void
forget(void *ctx)
{
	*(bool *)ctx = true;
}

static const struct lookup_how how = {
	.helper = "/proc/self/exe", .forget = forget, .ctx = &forgotten,
};

static enum err
add(struct lookups *l, uint32_t ward, uint32_t number, const char *user,
    const char *name)
{
	const struct lookup_job job = { ward, number, view_str(user),
	    view_str(name) };

	return lookups_add(l, &job, 1000);
}

static void
tidy(struct lookups *l)
{
	struct msg_found f;
	uint32_t ward;

	for (uint32_t w = 1; w < 400; w++)
		lookups_gone(l, w);
	for (size_t i = 0; l->at != NULL && i < LOOKUPS_MAX; i++)
		if (l->at[i].fd != -1)
			lookups_take(l, i, &f, &ward);
	assert_int_equal(l->waiting, 0);
	free(l->at);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

/* Waits for place i and takes its answer. */
static bool
take(struct lookups *l, int i, struct msg_found *f, uint32_t *ward)
{
	struct pollfd p = { .events = POLLIN };

	assert_true(i >= 0);
	p.fd = l->at[i].fd;
	assert_int_equal(poll(&p, 1, 20000), 1);
	return lookups_take(l, (size_t)i, f, ward);
}

static struct msg_found
ask(struct lookups *l, const char *name)
{
	struct msg_found f;
	uint32_t ward;
	int i;

	assert_int_equal(add(l, 7, 99, "u", name), OK);
	i = lookups_start(l, 1000, &how);
	assert_true(take(l, i, &f, &ward));
	assert_int_equal(ward, 7);
	assert_int_equal(f.number, 99);
	assert_int_equal(lookups_start(l, 1000, &how), -1);
	return f;
}

static void
answers(void **state)
{
	struct lookups l = { 0 };
	struct msg_found f = ask(&l, "good");

	(void)state;
	assert_int_equal(f.status, FOUND_SOME);
	assert_int_equal(f.n, 2);
	assert_int_equal(f.addr[1].b[3], 2);
	assert_int_equal(ask(&l, "none").status, FOUND_NONE);
	assert_int_equal(ask(&l, "junk").status, FOUND_NONE);
	assert_int_equal(ask(&l, "crash").status, FOUND_NONE);
	assert_int_equal(ask(&l, "unknown").status, FOUND_NONE);
	assert_int_equal(ask(&l, "proof").status, FOUND_SOME);
	f = ask(&l, "localhost");
	assert_int_equal(f.status, FOUND_SOME);
	assert_true(f.addr[0].b[0] == 127 || f.addr[0].b[15] == 1);
	assert_int_equal(ask(&l, "127.1").status, FOUND_NONE);
	/* in the child, not here */
	assert_false(forgotten);
	tidy(&l);
}

static void
no_helper(void **state)
{
	struct lookup_how none = how;
	struct lookups l = { 0 };
	struct msg_found f;
	uint32_t ward;

	(void)state;
	none.helper = "/nonexistent";
	assert_int_equal(add(&l, 7, 1, "u", "good"), OK);
	assert_true(take(&l, lookups_start(&l, 1000, &none), &f, &ward));
	assert_int_equal(f.status, FOUND_NONE);
	tidy(&l);
}

static void
deadlines(void **state)
{
	struct lookups l = { 0 };
	struct msg_found f;
	uint32_t ward;
	int i;

	(void)state;
	assert_true(lookups_tick(&l, 0) == UINT64_MAX);
	assert_int_equal(add(&l, 7, 5, "u", "slow"), OK);
	i = lookups_start(&l, 1000, &how);
	assert_true(lookups_tick(&l, 1000) == 1000 + LOOKUP_MS);
	assert_true(lookups_tick(&l, 1000 + LOOKUP_MS) == UINT64_MAX);
	assert_true(take(&l, i, &f, &ward));
	assert_int_equal(f.status, FOUND_LATE);
	assert_int_equal(f.number, 5);
	/* one that never got a process */
	assert_int_equal(add(&l, 8, 6, "u", "slow"), OK);
	assert_true(lookups_tick(&l, 1000) == 1000 + LOOKUP_WAIT_MS);
	assert_false(lookups_late(&l, 999 + LOOKUP_WAIT_MS, &f, &ward));
	assert_true(lookups_late(&l, 1000 + LOOKUP_WAIT_MS, &f, &ward));
	assert_int_equal(f.status, FOUND_BUSY);
	assert_int_equal(f.number, 6);
	assert_int_equal(ward, 8);
	assert_false(lookups_late(&l, 1000 + LOOKUP_WAIT_MS, &f, &ward));
	tidy(&l);
}

/* One user does not take the places of the others. */
static void
limits(void **state)
{
	struct lookups l = { 0 };
	char user[16];
	int n = 0;

	(void)state;
	for (uint32_t k = 0; k < LOOKUPS_WAITING_USER; k++)
		assert_int_equal(add(&l, k + 1, k, "greedy", "slow"), OK);
	assert_int_equal(add(&l, 50, 0, "greedy", "slow"), ERR_LIMIT);
	while (lookups_start(&l, 1000, &how) != -1)
		n++;
	assert_int_equal(n, LOOKUPS_PER_USER);
	assert_int_equal(add(&l, 51, 0, "modest", "slow"), OK);
	assert_true(lookups_start(&l, 1000, &how) != -1);
	for (uint32_t k = 0; l.waiting < LOOKUPS_WAITING; k++) {
		snprintf(user, sizeof(user), "u%u", k % 40);
		assert_int_equal(add(&l, 100 + k, k, user, "slow"), OK);
	}
	assert_int_equal(add(&l, 399, 0, "late", "slow"), ERR_LIMIT);
	for (n = 0; lookups_start(&l, 1000, &how) != -1;)
		n++;
	assert_int_equal(n, LOOKUPS_MAX - LOOKUPS_PER_USER - 1);
	tidy(&l);
}

static void
who_has_gone(void **state)
{
	struct lookups l = { 0 };
	struct msg_found f;
	uint32_t ward;
	int i;

	(void)state;
	assert_int_equal(add(&l, 1, 0, "u", "slow"), OK);
	assert_int_equal(add(&l, 1, 1, "u", "slow"), OK);
	assert_int_equal(add(&l, 2, 2, "u", "good"), OK);
	i = lookups_start(&l, 1000, &how);
	lookups_gone(&l, 1);
	assert_int_equal(l.waiting, 1);
	assert_false(take(&l, i, &f, &ward));
	assert_true(take(&l, lookups_start(&l, 1000, &how), &f, &ward));
	assert_int_equal(ward, 2);
	assert_int_equal(f.number, 2);
	tidy(&l);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers), cmocka_unit_test(no_helper),
		cmocka_unit_test(deadlines), cmocka_unit_test(limits),
		cmocka_unit_test(who_has_gone),
	};

	if (argc > 1 && strcmp(argv[1], "--lookup") == 0)
		return helper();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
