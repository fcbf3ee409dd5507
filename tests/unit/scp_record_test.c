/* Records and options of the old scp. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "sftp/scp.h"

static const char *why;

static bool
parse(const char *line, struct scp_record *r)
{
	why = NULL;
	return scp_record(view_str(line), r, &why);
}

static void
good(void **state)
{
	struct scp_record r;

	(void)state;
	assert_true(parse("C0644 12 a name", &r));
	assert_int_equal(r.kind, 'C');
	assert_int_equal(r.mode, 0644);
	assert_int_equal(r.size, 12);
	assert_true(view_is(r.name, "a name"));
	assert_true(parse("C7777 9223372036854775807 \x1b[m\xff ", &r));
	assert_int_equal(r.mode, 07777);
	assert_true(r.size == (uint64_t)INT64_MAX);
	assert_true(view_is(r.name, "\x1b[m\xff "));
	assert_true(parse("C0000 0 ...", &r));
	assert_true(view_is(r.name, "..."));
	assert_true(parse("D0755 0 d", &r));
	assert_int_equal(r.kind, 'D');
	assert_true(view_is(r.name, "d"));
	assert_true(parse("E", &r));
	assert_int_equal(r.kind, 'E');
	assert_true(parse("T1183828267 0 1183828268 999999", &r));
	assert_int_equal(r.kind, 'T');
	assert_int_equal(r.times[1].tv_sec, 1183828267);
	assert_int_equal(r.times[1].tv_nsec, 0);
	assert_int_equal(r.times[0].tv_sec, 1183828268);
	assert_int_equal(r.times[0].tv_nsec, 999999000);
	assert_true(parse("\1scp: no", &r));
	assert_int_equal(r.kind, '1');
	assert_true(view_is(r.name, "scp: no"));
	assert_true(parse("\2", &r));
	assert_int_equal(r.kind, '2');
}

static void
bad(void **state)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{ "", "unexpected <newline>" },
		{ "X0644 1 a", "expected control record" },
		{ "\x03", "expected control record" },
		{ "No match.", "expected control record" },
		{ "Ex", "bad end of a directory" },
		{ "C", "bad mode" },
		{ "C644 1 a", "bad mode" },
		{ "C0648 1 a", "bad mode" },
		{ "C-644 1 a", "bad mode" },
		{ "C064", "bad mode" },
		{ "C0644", "mode not delimited" },
		{ "C00644 1 a", "mode not delimited" },
		{ "C0644\t1 a", "mode not delimited" },
		{ "C0644 ", "bad size" },
		{ "C0644 a b", "bad size" },
		{ "C0644 -1 b", "bad size" },
		{ "C0644 +1 b", "bad size" },
		{ "C0644  1 b", "bad size" },
		{ "C0644 0x1 b", "size not delimited" },
		{ "C0644 1", "size not delimited" },
		{ "C0644 1\tb", "size not delimited" },
		{ "C0644 9223372036854775808 a", "bad size" },
		{ "C0644 18446744073709551617 a", "bad size" },
		{ "C0644 99999999999999999999999999999 a", "bad size" },
		{ "C0644 1 ", "unexpected file name" },
		{ "C0644 1 .", "unexpected file name" },
		{ "C0644 1 ..", "unexpected file name" },
		{ "C0644 1 a/b", "unexpected file name" },
		{ "C0644 1 /etc/passwd", "unexpected file name" },
		{ "C0644 1 ../a", "unexpected file name" },
		{ "D0755 0 ..", "unexpected file name" },
		{ "D0755 0 a/", "unexpected file name" },
		{ "D0755 0", "size not delimited" },
		{ "T", "bad times" },
		{ "T1 0 1", "bad times" },
		{ "T1 0 1 ", "bad times" },
		{ "T1 0 1 1000000", "bad times" },
		{ "T1 0 1 0 ", "bad times" },
		{ "T-1 0 1 0", "bad times" },
		{ "T9223372036854775808 0 1 0", "bad times" },
		{ "T1 0 1 0 0", "bad times" },
	};
	struct scp_record r;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (parse(cases[i].line, &r))
			fail_msg("taken: %s", cases[i].line);
		assert_string_equal(why, cases[i].why);
	}
	assert_false(scp_record(view_of("C0644 1 a\0b", 11), &r, &why));
	assert_string_equal(why, "unexpected file name");
	assert_false(scp_record(view_of("\0", 1), &r, &why));
	assert_string_equal(why, "expected control record");
}

/* Cut anywhere, no record is another good one but where a size or a name is
 * merely shorter. */
static void
cut(void **state)
{
	static const char line[] = "T1183828267 0 1183828268 0";
	struct scp_record r;
	char part[64];

	(void)state;
	for (size_t n = 0; n < sizeof(line) - 1; n++) {
		memcpy(part, line, n);
		part[n] = '\0';
		assert_false(parse(part, &r));
	}
}

static bool
args(const char *line, struct scp_args *a)
{
	static const struct jail_policy policy = { .user = "acme" };
	struct command *c = command_parse(view_str(line), &policy, &why);
	bool ok;

	assert_non_null(c);
	ok = scp_args(c, a, &why);
	command_free(&c);
	return ok;
}

static void
options(void **state)
{
	struct scp_args a;

	(void)state;
	assert_true(args("scp -t x", &a));
	assert_true(a.to && !a.from && !a.recursive && !a.times &&
	    !a.directory);
	assert_int_equal(a.first, 2);
	assert_int_equal(a.n, 1);
	assert_true(args("scp -v -r -p -d -t -- -x", &a));
	assert_true(a.to && a.recursive && a.times && a.directory);
	assert_int_equal(a.first, 7);
	assert_int_equal(a.n, 1);
	assert_true(args("scp -prf a b c", &a));
	assert_true(a.from && a.recursive && a.times && !a.directory);
	assert_int_equal(a.n, 3);
	assert_true(args("scp -qBCt -", &a));
	assert_int_equal(a.n, 1);
	assert_false(args("scp", &a));
	assert_string_equal(why, "needs one of -t and -f; copies are made by "
	    "the client");
	assert_false(args("scp a b", &a));
	assert_false(args("scp -t -f a", &a));
	assert_false(args("scp -t", &a));
	assert_string_equal(why, "needs a path");
	assert_false(args("scp -f --", &a));
	assert_string_equal(why, "needs a path");
	assert_false(args("scp -t a b", &a));
	assert_string_equal(why, "ambiguous target");
	assert_false(args("scp -S x -t a", &a));
	assert_string_equal(why, "unknown option; -t, -f, -r, -p, -d and -v "
	    "are served");
	assert_false(args("scp --target a", &a));
	assert_false(args("scp -t a; pwd", &a));
	assert_string_equal(why, "one command at a time");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(bad),
		cmocka_unit_test(cut),
		cmocka_unit_test(options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
