/* Rules of forwarding: what they may be, and what they permit. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/forward.h"

static struct forward_rule
rule(const char *text)
{
	struct forward_rule r;
	const char *why;

	if (!forward_rule(view_str(text), false, &r, &why))
		fail_msg("%s: %s", text, why);
	return r;
}

static void
good_rules(void **state)
{
	struct forward_rule r = rule("db.example.org:5432");
	const char *why;

	(void)state;
	assert_int_equal(r.kind, FORWARD_NAME);
	assert_true(view_is(r.name, "db.example.org"));
	assert_int_equal(r.first, 5432);
	assert_int_equal(r.last, 5432);
	assert_false(r.deny);
	r = rule("*:1-65535");
	assert_int_equal(r.kind, FORWARD_ANY);
	assert_int_equal(r.first, 1);
	assert_int_equal(r.last, 65535);
	r = rule("!10.0.0.0/8:*");
	assert_int_equal(r.kind, FORWARD_NET);
	assert_true(r.deny);
	assert_int_equal(r.net.bits, 8);
	assert_int_equal(r.first, 0);
	assert_int_equal(r.last, 65535);
	assert_int_equal(rule("[2001:db8::]/32:*").net.bits, 32);
	assert_int_equal(rule("[2001:db8::/32]:*").net.bits, 32);
	assert_int_equal(rule("[::1]:80").net.bits, 128);
	assert_int_equal(rule("127.0.0.1:80").net.bits, 32);
	assert_int_equal(rule("*.example.org:8000-8100").last, 8100);
	assert_true(forward_rule(view_str("8080"), true, &r, &why));
	assert_int_equal(r.kind, FORWARD_ANY);
	assert_int_equal(r.first, 8080);
	assert_true(forward_rule(view_str("*"), true, &r, &why));
}

static void
bad_rules(void **state)
{
	static const char *const bad[] = {
		"", "!", ":", ":80", "!:80", "host", "host:", "host:0",
		"host:65536", "host:080", "host:80-", "host:-80",
		"host:90-80", "host:80,90", "host:8o", "host:99999999999",
		"10.0.0.1/8:22", "10.0.0.0/33:22", "10.*:22", "10.0:22",
		"::1:80", "[::1:80", "[]:80", "[10.0.0.1]:80", "[::1]x:80",
		"[2001:db8::1]/32:80", "ho st:80", "host/8:22", "host\n:22",
		"1.2.3.4.5:22", "*.*:1", "a.0X7f:1", "0x7f000001:22",
		"2130706433:22", "8080",
	};
	struct forward_rule r;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *why = NULL;

		if (forward_rule(view_str(bad[i]), false, &r, &why))
			fail_msg("taken: %s", bad[i]);
		assert_non_null(strstr(why, "; use "));
	}
}

/* One question against rules in one text, separated by blanks.  addr may be
 * NULL: not known yet. */
static enum forward_say
ask(const char *rules, const char *name, const char *addr, uint16_t port)
{
	struct forward_rule v[16];
	struct forward_end e = { .name = view_str(name), .port = port };
	size_t n = 0;

	for (const char *p = rules; *p != '\0'; n++) {
		size_t len = strcspn(p, " ");
		const char *why;

		assert_true(forward_rule(view_of(p, len), false, &v[n],
		    &why));
		p += len + strspn(p + len, " ");
	}
	if (addr != NULL)
		assert_true(forward_literal(view_str(addr), &e.addr));
	return forward_permits(v, n, &e);
}

#define NO	FORWARD_REFUSED
#define DEP	FORWARD_DEPENDS
#define YES	FORWARD_PERMITTED

static void
names(void **state)
{
	(void)state;
	assert_int_equal(ask("", "a.example.org", NULL, 1), NO);
	assert_int_equal(ask("*.example.org:443", "a.example.org", NULL,
	    443), YES);
	assert_int_equal(ask("*.example.org:443", "A.Example.ORG.", NULL,
	    443), YES);
	assert_int_equal(ask("*.Example.org:443", "a.example.org", NULL,
	    443), YES);
	assert_int_equal(ask("*.example.org:443", "a.example.org", NULL,
	    444), NO);
	assert_int_equal(ask("*.example.org:443", "example.org", NULL, 443),
	    NO);
	assert_int_equal(ask("*.example.org:443", "a.example.org.evil.net",
	    NULL, 443), NO);
	assert_int_equal(ask("db?:1-9", "db7", NULL, 9), YES);
	assert_int_equal(ask("db?:1-9", "db77", NULL, 9), NO);
	/* a name vouches for its addresses, but for those that are denied */
	assert_int_equal(ask("db:1", "db", "10.1.1.1", 1), YES);
	assert_int_equal(ask("db:1 !10.0.0.0/8:*", "db", "10.1.1.1", 1), NO);
	assert_int_equal(ask("db:1 !10.0.0.0/8:*", "db", NULL, 1), YES);
	assert_int_equal(ask("!db:1 *:*", "db", NULL, 1), NO);
	assert_int_equal(ask("*:* !db:1", "db", NULL, 2), YES);
}

static void
addresses(void **state)
{
	(void)state;
	assert_int_equal(ask("10.0.0.0/8:22", "", "10.9.8.7", 22), YES);
	assert_int_equal(ask("10.0.0.0/8:22", "", "11.9.8.7", 22), NO);
	assert_int_equal(ask("10.0.0.0/8:22", "", "10.9.8.7", 23), NO);
	/* IPv4 in IPv6 is IPv4 */
	assert_int_equal(ask("10.0.0.0/8:22", "", "::ffff:10.9.8.7", 22),
	    YES);
	assert_int_equal(ask("*:* !10.0.0.0/8:*", "", "::ffff:10.9.8.7", 22),
	    NO);
	assert_int_equal(ask("[2001:db8::]/32:*", "", "2001:db8:1::2", 1),
	    YES);
	assert_int_equal(ask("[2001:db8::]/32:*", "", "[2001:db8:1::2]", 1),
	    YES);
	assert_int_equal(ask("[2001:db8::]/32:*", "", "2001:db9::", 1), NO);
	/* names do not match addresses, nor addresses names */
	assert_int_equal(ask("localhost:1", "", "127.0.0.1", 1), NO);
	assert_int_equal(ask("127.0.0.1:1", "localhost", NULL, 1), DEP);
	assert_int_equal(ask("127.0.0.1:1", "localhost", "127.0.0.1", 1),
	    YES);
	assert_int_equal(ask("127.0.0.1:1", "localhost", "::1", 1), NO);
	assert_int_equal(ask("127.0.0.1:1", "localhost", NULL, 2), NO);
	assert_int_equal(ask("127.0.0.1:1 !localhost:*", "localhost", NULL,
	    1), NO);
	/* a network says nothing of the family of none */
	assert_int_equal(ask("0.0.0.0/0:*", "", "::1", 1), NO);
	assert_int_equal(ask("[::]/0:*", "", "127.0.0.1", 1), NO);
}

static void
literals(void **state)
{
	static const char *const none[] = {
		"", "localhost", "127.1", "2130706433", "0x7f.1", "10.0.0.0/8",
		"[::1", "fe80::1%lo", "1.2.3.4 ", "[]",
	};
	struct net_addr a;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(forward_literal(view_str(none[i]), &a));
	assert_true(forward_literal(view_str("0.0.0.0"), &a));
	forward_loopback(&a);
	assert_int_equal(a.family, 4);
	assert_memory_equal(a.b, "\x7f\0\0\1", 4);
	assert_true(forward_literal(view_str("::"), &a));
	forward_loopback(&a);
	assert_int_equal(a.family, 6);
	assert_int_equal(a.b[15], 1);
	assert_true(forward_literal(view_str("::ffff:0.0.0.0"), &a));
	forward_loopback(&a);
	assert_memory_equal(a.b, "\x7f\0\0\1", 4);
	assert_true(forward_literal(view_str("192.0.2.1"), &a));
	forward_loopback(&a);
	assert_memory_equal(a.b, "\xc0\0\2\1", 4);
}

static void
host_names(void **state)
{
	char longest[FORWARD_HOST_MAX + 2];

	(void)state;
	assert_true(forward_name(view_str("localhost")));
	assert_true(forward_name(view_str("a-b_c.example.org.")));
	assert_true(forward_name(view_str("3com.com")));
	assert_true(forward_name(view_str("3par")));
	/* what a resolver would take for an address in an old form */
	assert_false(forward_name(view_str("127.1")));
	assert_false(forward_name(view_str("2130706433")));
	assert_false(forward_name(view_str("0x7f000001")));
	assert_false(forward_name(view_str("10.0.0.1.")));
	assert_false(forward_name(view_str("")));
	assert_false(forward_name(view_str(".")));
	assert_false(forward_name(view_str(".a")));
	assert_false(forward_name(view_str("-a")));
	assert_false(forward_name(view_str("a b")));
	assert_false(forward_name(view_str("a*")));
	assert_false(forward_name(view_str("::1")));
	assert_false(forward_name(view_of("a\0b", 3)));
	memset(longest, 'a', sizeof(longest));
	assert_true(forward_name(view_of(longest, FORWARD_HOST_MAX)));
	assert_false(forward_name(view_of(longest, FORWARD_HOST_MAX + 1)));
}

static bool
path(const char *pattern, const char *p)
{
	const struct view v = view_str(pattern);
	const char *why;

	if (!forward_path_pattern(v, &why))
		fail_msg("%s: %s", pattern, why);
	return forward_path_permitted(&v, 1, view_str(p));
}

static void
paths(void **state)
{
	static const char *const bad[] = {
		"", "run/app", "/a/../b", "/a/./b", "//a", "/a//b", "/a\n",
		"/[a]", "/a\\", "/..", "/../", "//",
	};
	char longest[FORWARD_PATH_MAX + 2];
	const char *why;

	(void)state;
	assert_true(path("/run/app.sock", "/run/app.sock"));
	assert_false(path("/run/app.sock", "/run/app.sock2"));
	assert_true(path("/run/*.sock", "/run/app.sock"));
	assert_false(path("/run/*.sock", "/run/a/b.sock"));
	assert_true(path("/run/*/s", "/run/a/s"));
	assert_true(path("/run/", "/run/a"));
	assert_true(path("/run/", "/run/a/b/c"));
	assert_false(path("/run/", "/run"));
	assert_false(path("/run/", "/running"));
	assert_false(path("/run/", "/srv/run/a"));
	assert_true(path("/", "/a"));
	assert_true(path("/", "/a/b"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (forward_path_pattern(view_str(bad[i]), &why))
			fail_msg("taken: %s", bad[i]);
	memset(longest, 'a', sizeof(longest));
	longest[0] = '/';
	assert_true(forward_path(view_of(longest, FORWARD_PATH_MAX), &why));
	assert_true(forward_path_pattern(view_of(longest, FORWARD_PATH_MAX),
	    &why));
	assert_false(forward_path(view_of(longest, FORWARD_PATH_MAX + 1),
	    &why));
	assert_non_null(strstr(why, "107"));
	assert_false(forward_path(view_str(""), &why));
	assert_false(forward_path(view_str("a/b"), &why));
	assert_non_null(strstr(why, "absolute"));
	assert_false(forward_path(view_str("/a/../b"), &why));
	assert_false(forward_path(view_str("/a/"), &why));
	assert_false(forward_path(view_str("/"), &why));
	assert_true(forward_path(view_str("/a/..b/.c"), &why));
	/* nothing matches where there is no pattern, or a NUL */
	assert_false(forward_path_permitted(NULL, 0, view_str("/a")));
	{
		const struct view all = view_str("/");

		assert_false(forward_path_permitted(&all, 1,
		    view_of("/a\0b", 4)));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_rules), cmocka_unit_test(bad_rules),
		cmocka_unit_test(names), cmocka_unit_test(addresses),
		cmocka_unit_test(literals), cmocka_unit_test(host_names),
		cmocka_unit_test(paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
