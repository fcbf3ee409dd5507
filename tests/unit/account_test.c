/* The lines of sallyport-account, both ends, and NSS behind them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "auth/account.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

static void
test_round_trip(void **state)
{
	uint32_t groups[] = { 100, 4, 4294967295u };
	struct account a = {
		.name = (char *)(uintptr_t)"J\303\244ger 100%", .known = true,
		.uid = 4294967294u, .gid = 100,
		.home = (char *)(uintptr_t)"/home/a b\n", .groups = groups,
		.ngroups = 3
	}, b;
	struct wr w = wr_new(4096);
	struct view line;

	(void)state;
	account_put(&w, &a);
	line = wr_view(&w);
	assert_true(view_is(line, "J%C3%A4ger%20100%25 4294967294 100 "
	    "/home/a%20b%0A % 100,4,4294967295\n"));
	line.n--;
	assert_true(account_get(line, &b));
	assert_true(b.known);
	assert_string_equal(b.name, a.name);
	assert_int_equal(b.uid, a.uid);
	assert_int_equal(b.gid, a.gid);
	assert_string_equal(b.home, a.home);
	assert_string_equal(b.shell, "");
	assert_int_equal(b.ngroups, 3);
	assert_memory_equal(b.groups, groups, sizeof(groups));
	account_clear(&b);
	/* no cut of it is a line, but for one that ends inside the groups */
	for (size_t n = 0; n < line.n; n++) {
		bool ok = account_get(view_of(line.p, n), &b);

		if (ok)
			assert_in_range(b.ngroups, 1, 3);
		else
			assert_null(b.name);
		account_clear(&b);
	}
	wr_reset(&w);
	a.known = false;
	account_put(&w, &a);
	assert_true(view_is(wr_view(&w), "J%C3%A4ger%20100%25 -\n"));
	line = wr_view(&w);
	line.n--;
	assert_true(account_get(line, &b));
	assert_false(b.known);
	account_clear(&b);
	wr_free(&w);
}

static void
test_malformed(void **state)
{
	static const char *const lines[] = {
		"", " ", "a", "a ", "a  ", "a - ", "a -x", " -", "a 1",
		"a 1 2", "a 1 2 /", "a 1 2 / /s", "a 1 2 / /s ",
		"a 1 2 / /s 2 3", "a 1 2 / /s 2,", "a 1 2 / /s ,2",
		"a 1 2 / /s 2,,3", "a -1 2 / /s 2", "a +1 2 / /s 2",
		"a 01 2 / /s 2", "a 4294967296 2 / /s 2",
		"a 99999999999 2 / /s 2", "a 1 2x / /s 2", "a 1 2 /%0 /s 2",
		"a 1 2 /%zz /s 2", "a 1 2 /%00 /s 2", "a 1 2 /%c3 /s 2",
		"a 1 2 /\t /s 2", "a 1 2  /s 2", "a 1 2 /%", "a\n -",
		"a 1 2 /% /s 2", "a 1 2 / /s 2\n", "a\303 -",
	};
	struct account a;

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		if (account_get(view_str(lines[i]), &a))
			fail_msg("accepted: %s", lines[i]);
		assert_null(a.name);
		assert_null(a.home);
		assert_null(a.groups);
	}
	assert_false(account_get(view_of("a\0 -", 4), &a));
}

static void
test_resolve(void **state)
{
	char name[ACCOUNT_NAME_MAX + 2];
	struct account a;

	(void)state;
	assert_int_equal(account_resolve("root", &a), OK);
	assert_true(a.known);
	assert_int_equal(a.uid, 0);
	assert_int_equal(a.gid, 0);
	assert_int_not_equal(a.ngroups, 0);
	assert_int_equal(a.groups[0], 0);
	account_clear(&a);
	assert_int_equal(account_resolve("no-such-account", &a), OK);
	assert_false(a.known);
	assert_string_equal(a.name, "no-such-account");
	account_clear(&a);
	assert_int_equal(account_resolve("", &a), OK);
	assert_false(a.known);
	account_clear(&a);
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(account_resolve(name, &a), OK);
	assert_false(a.known);
	account_clear(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_resolve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
