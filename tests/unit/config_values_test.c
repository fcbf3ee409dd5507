#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>

#include "base/config_values.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct number {
	const char *text;
	bool good;
	uint64_t value;
};

static void
check_numbers(const struct number *t, size_t n,
    bool (*parse)(struct view v, uint64_t *out))
{
	for (size_t i = 0; i < n; i++) {
		uint64_t got = 0;
		bool good = parse(view_str(t[i].text), &got);

		if (good != t[i].good || (good && got != t[i].value))
			fail_msg("\"%s\": %d %llu", t[i].text, good,
			    (unsigned long long)got);
	}
}

static void
test_durations(void **state)
{
	static const struct number t[] = {
		{ "0", true, 0 }, { "0s", true, 0 }, { "500ms", true, 500 },
		{ "30s", true, 30000 }, { "5m", true, 300000 },
		{ "1h", true, 3600000 }, { "2d", true, 172800000 },
		{ "007s", true, 7000 },
		{ "", false, 0 }, { "5", false, 0 }, { "s", false, 0 },
		{ "-5s", false, 0 }, { "+5s", false, 0 }, { "5 s", false, 0 },
		{ "5S", false, 0 }, { "5sec", false, 0 }, { "1.5h", false, 0 },
		{ " 5s", false, 0 }, { "5s ", false, 0 },
		{ "18446744073709551615ms", true, UINT64_MAX },
		{ "18446744073709551616ms", false, 0 },
		{ "18446744073709551615s", false, 0 },
	};

	(void)state;
	check_numbers(t, COUNT(t), value_duration);
}

static void
test_sizes(void **state)
{
	static const struct number t[] = {
		{ "0", true, 0 }, { "4096", true, 4096 },
		{ "64KiB", true, 65536 }, { "1MiB", true, 1 << 20 },
		{ "1GiB", true, 1 << 30 }, { "1TiB", true, (uint64_t)1 << 40 },
		{ "", false, 0 }, { "KiB", false, 0 }, { "1K", false, 0 },
		{ "1KB", false, 0 }, { "1kib", false, 0 },
		{ "1 KiB", false, 0 },
		{ "0x10", false, 0 }, { "-1", false, 0 },
		{ "16777215TiB", true, (uint64_t)16777215 << 40 },
		{ "16777216TiB", false, 0 },
	};

	(void)state;
	check_numbers(t, COUNT(t), value_size);
}

static void
test_numbers(void **state)
{
	uint64_t n;

	(void)state;
	assert_true(value_number(view_str("10"), 10, &n));
	assert_int_equal(n, 10);
	assert_false(value_number(view_str("11"), 10, &n));
	assert_false(value_number(view_str(""), 10, &n));
	assert_false(value_number(view_str("1a"), 10, &n));
	assert_false(value_number(view_of("1\0", 2), 10, &n));
}

static void
test_switch(void **state)
{
	static const char *const on[] = { "on", "yes", "true" };
	static const char *const off[] = { "off", "no", "false" };
	static const char *const bad[] = { "", "On", "1", "0", "TRUE", "y" };
	bool b;

	(void)state;
	for (size_t i = 0; i < COUNT(on); i++)
		assert_true(value_switch(view_str(on[i]), &b) && b);
	for (size_t i = 0; i < COUNT(off); i++)
		assert_true(value_switch(view_str(off[i]), &b) && !b);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(value_switch(view_str(bad[i]), &b));
}

static void
test_umask(void **state)
{
	static const char *const bad[] = {
		"", "8", "0o22", "1000", "00022", "-1", "7777", "02 ",
	};
	uint32_t m;

	(void)state;
	assert_true(value_umask(view_str("0027"), &m));
	assert_int_equal(m, 027);
	assert_true(value_umask(view_str("77"), &m));
	assert_int_equal(m, 077);
	assert_true(value_umask(view_str("0777"), &m));
	assert_true(value_umask(view_str("0"), &m));
	assert_int_equal(m, 0);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(value_umask(view_str(bad[i]), &m));
}

static void
test_listen(void **state)
{
	static const char *const bad[] = {
		"", ":22", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0",
		"127.0.0.1:65536", "127.0.0.1:022222", "127.0.0.1:22 ",
		"127.0.0.1:-1", "1.2.3:22", "[127.0.0.1]:22", "::1:22",
		"[::1]", "[::1]22", "[::1:22", "[]:22", "localhost:22",
		"[fe80::1%nosuch0]:22", "[fe80::1%]:22", "*:22",
		"1.2.3.4%lo:22",
	};
	struct sockaddr_storage ss;
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;
	const char *why;
	socklen_t len;

	(void)state;
	assert_true(value_listen(view_str("192.0.2.1:22"), &ss, &len, &why));
	memcpy(&sin, &ss, sizeof(sin));
	assert_int_equal(len, sizeof(sin));
	assert_int_equal(sin.sin_family, AF_INET);
	assert_int_equal(ntohs(sin.sin_port), 22);
	assert_int_equal(ntohl(sin.sin_addr.s_addr), 0xc0000201);
	assert_true(value_listen(view_str("[2001:db8::1]:65535"), &ss, &len,
	    &why));
	memcpy(&sin6, &ss, sizeof(sin6));
	assert_int_equal(len, sizeof(sin6));
	assert_int_equal(sin6.sin6_family, AF_INET6);
	assert_int_equal(ntohs(sin6.sin6_port), 65535);
	assert_int_equal(sin6.sin6_addr.s6_addr[0], 0x20);
	assert_int_equal(sin6.sin6_scope_id, 0);
	assert_true(value_listen(view_str("[::]:22"), &ss, &len, &why));
	assert_true(value_listen(view_str("[fe80::1%lo]:22"), &ss, &len,
	    &why));
	memcpy(&sin6, &ss, sizeof(sin6));
	assert_int_not_equal(sin6.sin6_scope_id, 0);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (value_listen(view_str(bad[i]), &ss, &len, &why))
			fail_msg("\"%s\" is accepted", bad[i]);
}

/* Runs texts that are good and texts that are not through one checker. */
static void
check_texts(bool (*check)(struct view v, const char **why_out),
    const char *const *good, size_t ngood, const char *const *bad,
    size_t nbad)
{
	const char *why;

	for (size_t i = 0; i < ngood; i++) {
		why = "";
		if (!check(view_str(good[i]), &why))
			fail_msg("\"%s\": %s", good[i], why);
	}
	for (size_t i = 0; i < nbad; i++) {
		why = NULL;
		if (check(view_str(bad[i]), &why))
			fail_msg("\"%s\" is accepted", bad[i]);
		/* "what; what is allowed" */
		assert_non_null(why);
		assert_non_null(strstr(why, "; "));
	}
}

#define CHECK_TEXTS(check, good, bad) \
	check_texts(check, good, COUNT(good), bad, COUNT(bad))

static void
test_cidr(void **state)
{
	static const char *const good[] = {
		"203.0.113.0/24", "0.0.0.0/0", "192.0.2.1", "192.0.2.1/32",
		"2001:db8::/32", "::/0", "::1", "::1/128", "10.0.0.2/31",
		"2001:db8:8000::/33",
	};
	static const char *const bad[] = {
		"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129",
		"10.0.0.1/8", "10.0.0.3/31", "2001:db8:4000::/33",
		"10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.0 /8", "10/8",
		"host", "*", "!10.0.0.0/8", "::1%lo", "[::1]",
	};

	(void)state;
	CHECK_TEXTS(value_cidr, good, bad);
}

static void
test_paths(void **state)
{
	static const char *const good[] = {
		"/", "/a", "/a/b", "/a//b", "/a/", "/...", "/.a", "/a..",
		"/a b", "/\xc3\xbc",
	};
	static const char *const bad[] = {
		"", "a", "./a", "/.", "/..", "/a/../b", "/a/.", "/./a",
		"/a\nb", "/a\x7f", "~/a",
	};
	static const char *const good_relative[] = {
		"a", "a/b", "...", ".a",
	};
	static const char *const bad_relative[] = {
		"", "/a", ".", "..", "a/..", "../a", "a/./b", "a\n",
	};
	char longest[4200];
	const char *why;

	(void)state;
	CHECK_TEXTS(value_path, good, bad);
	CHECK_TEXTS(value_relative, good_relative, bad_relative);
	memset(longest, '/', sizeof(longest));
	assert_true(value_path(view_of(longest, 4095), &why));
	assert_false(value_path(view_of(longest, 4096), &why));
	assert_false(value_path(view_of("/a\0b", 4), &why));
}

static void
test_user_names(void **state)
{
	static const char *const good[] = {
		"a", "a.b", "a@b", "...", "a-b", "_x", "a b", "\xc3\xbc", "%",
	};
	static const char *const bad[] = {
		"", ".", "..", "-a", "a/b", "/", "a\nb", "a\x01", "\x7f",
		("1234567890123456789012345678901234567890"
		    "1234567890123456789012345"),
	};

	(void)state;
	CHECK_TEXTS(value_user_name, good, bad);
}

static void
test_env(void **state)
{
	static const char *const good[] = {
		"LANG", "LC_*", "TZ", "A?", "X", "git_*",
	};
	static const char *const bad[] = {
		"", "*", "L*", "LD_*", "LD_PRELOAD", "?D_PRELOAD", "PAT?",
		"P*", "A=B", "A B", "[A]", "A-B", "\xc3\xbc", "BASH_*",
	};

	(void)state;
	CHECK_TEXTS(value_env, good, bad);
}

static void
test_hash(void **state)
{
	static const char *const good[] = {
		("$y$j9T$F5Jx5fExrKuPp53xLKQ..1$"
		    "X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"),
		"$2b$05$abcdefghijklmnopqrstuuXVQ0VJ5bBkXu6VcNHqsKCJxHNzrT5a2",
		("$6$rounds=5000$salt$0123456789012345678901234567890123456789"
		    "0123456789012345678901234567890123456789012345"),
		"$5$salt$0123456789012345678901234567890123456789012",
	};
	static const char *const bad[] = {
		"", "x", "hunter2", "$y$", "$6$short", "!!",
		"$1$abcdefgh$0123456789012345678901",
		"$3$$8846f7eaee8fb117ad06bdd830b7586c0000",
		"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94 7o.9agCG9G317fhZg9",
		"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94:7o.9agCG9G317fhZg9",
		"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg\n",
	};
	bool none;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(value_hash(view_str(good[i]), &none) && !none);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (value_hash(view_str(bad[i]), &none))
			fail_msg("\"%s\" is accepted", bad[i]);
	assert_true(value_hash(view_str("!"), &none) && none);
	assert_true(value_hash(view_str("*"), &none) && none);
}

static void
test_key_lines(void **state)
{
	static const char *const good[] = {
		"ssh-ed25519 AAAA", "restrict,from=\"1.2.3.4\" ssh-rsa AAAA x",
		"ssh-ed25519\tAAAA",
	};
	static const char *const bad[] = {
		"", " ", "\t", "#x", " # x", "a\nb", "a\r", "a\n",
		"-----BEGIN OPENSSH PRIVATE KEY-----", "  -----BEGIN x",
	};
	char big[8193];
	const char *why;

	(void)state;
	CHECK_TEXTS(value_key_line, good, bad);
	memset(big, 'x', sizeof(big));
	assert_true(value_key_line(view_of(big, 8191), &why));
	assert_false(value_key_line(view_of(big, 8192), &why));
	assert_false(value_key_line(view_of("a\0b", 3), &why));
}

static void
test_texts(void **state)
{
	const char *why;

	(void)state;
	assert_true(value_text(view_str("a\r\n\tb\xc3\xbc"), &why));
	assert_true(value_text(view_str(""), &why));
	assert_false(value_text(view_str("\x1b[0m"), &why));
	assert_true(value_ident(view_str("Sallyport_0.1")));
	assert_false(value_ident(view_str("")));
	assert_false(value_ident(view_str("a b")));
	assert_false(value_ident(view_str("a-b")));
	assert_false(value_ident(view_str("\xc3\xbc")));
}

static void
test_distance(void **state)
{
	(void)state;
	assert_int_equal(value_distance(view_str("limits"),
	    view_str("limits"), 3), 0);
	assert_int_equal(value_distance(view_str("limits"),
	    view_str("limts"), 3), 1);
	assert_int_equal(value_distance(view_str("from"),
	    view_str("form"), 3), 2);
	assert_int_equal(value_distance(view_str(""), view_str("abc"), 3), 3);
	assert_int_equal(value_distance(view_str("kitten"),
	    view_str("sitting"), 3), 3);
	assert_int_equal(value_distance(view_str("abcdef"),
	    view_str("uvwxyz"), 3), 4);
	assert_int_equal(value_distance(view_str("a"), view_str(
	    "a name that is far too long to be looked at"), 3), 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_switch),
		cmocka_unit_test(test_umask),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_cidr),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_user_names),
		cmocka_unit_test(test_env),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_key_lines),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_distance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
