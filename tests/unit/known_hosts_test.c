/* Lines of known hosts: what they say, and of whom. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "auth/known_hosts.h"

/* Of host.example and 192.0.2.7, made by ssh-keygen -H. */
#define HASHED_NAME	"|1|EIc4jgEAdi+a0MQYhNeBAUOKHVM=|" \
	"zFkEcXFDJp0d0DDSW0VC9odFCOc="
#define HASHED_ADDR	"|1|QIHj4iVd5HwIbet30ItmnNeYqWQ=|" \
	"y5diE2+C1c0YA95Vw7NEZ8MnBfc="
#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

static void
test_parse(void **state)
{
	static const struct {
		const char *line;
		enum known_marker marker;
		const char *hosts, *type, *base64;
	} good[] = {
		{ "a ssh-ed25519 AAAA", KNOWN_HOST, "a", "ssh-ed25519",
		    "AAAA" },
		{ " \ta,b\tssh-rsa  AAAB comment of words", KNOWN_HOST, "a,b",
		    "ssh-rsa", "AAAB" },
		{ "@cert-authority *.x ssh-rsa A", KNOWN_AUTHORITY, "*.x",
		    "ssh-rsa", "A" },
		{ "@revoked * ssh-rsa A", KNOWN_REVOKED, "*", "ssh-rsa",
		    "A" },
	};
	static const struct {
		const char *line, *why;
	} bad[] = {
		{ "", "empty line" },
		{ "  ", "empty line" },
		{ "a", "no key" },
		{ "a ssh-rsa", "no key" },
		{ "@revoked a ssh-rsa", "no key" },
		{ "@Revoked a ssh-rsa A", "unknown marker" },
		{ "@cert-authority,@revoked a ssh-rsa A", "unknown marker" },
		{ "@", "unknown marker" },
	};
	static char longest[KNOWN_HOSTS_LINE_MAX + 2];
	struct known_line l;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_true(known_parse(view_str(good[i].line), &l));
		assert_int_equal(l.marker, good[i].marker);
		assert_true(view_is(l.hosts, good[i].hosts));
		assert_true(view_is(l.type, good[i].type));
		assert_true(view_is(l.base64, good[i].base64));
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(known_parse(view_str(bad[i].line), &l));
		assert_string_equal(l.why, bad[i].why);
	}
	assert_false(known_parse(view_of("a ssh-rsa A\0", 12), &l));
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "a ssh-rsa A ", 12);
	assert_true(known_parse(view_of(longest, KNOWN_HOSTS_LINE_MAX), &l));
	assert_false(known_parse(view_of(longest, KNOWN_HOSTS_LINE_MAX + 1),
	    &l));
	assert_string_equal(l.why, "line is too long");
}

static void
test_name(void **state)
{
	char out[KNOWN_HOSTS_NAME_MAX + 1], text[300];

	(void)state;
	assert_true(known_name(view_str("Host.Example."), out));
	assert_string_equal(out, "host.example");
	assert_true(known_name(view_str("a"), out));
	assert_string_equal(out, "a");
	assert_true(known_name(view_str("a.."), out));
	assert_string_equal(out, "a.");
	assert_false(known_name(view_str(""), out));
	assert_false(known_name(view_of("a\0b", 3), out));
	memset(text, 'x', sizeof(text));
	assert_true(known_name(view_of(text, 255), out));
	assert_false(known_name(view_of(text, 256), out));
	text[255] = '.';
	assert_true(known_name(view_of(text, 256), out));
}

static struct match_addr
address(const char *text)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct match_addr a;

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		match_addr_of((const struct sockaddr *)&in, &a);
	else {
		assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr),
		    1);
		match_addr_of((const struct sockaddr *)&in6, &a);
	}
	return a;
}

/* The client is host.example at 192.0.2.7, or as said. */
static void
test_match(void **state)
{
	static const struct {
		const char *hosts, *name, *addr;
		enum known_match want;
	} rows[] = {
		{ "host.example", NULL, NULL, KNOWN_BY_NAME },
		{ "HOST.Example", NULL, NULL, KNOWN_BY_NAME },
		{ "other,host.example", NULL, NULL, KNOWN_BY_NAME },
		{ "*", NULL, NULL, KNOWN_BY_NAME },
		{ "*.example", NULL, NULL, KNOWN_BY_NAME },
		{ "h?st.*", NULL, NULL, KNOWN_BY_NAME },
		{ "host", NULL, NULL, KNOWN_NOT },
		{ "host.example.org", NULL, NULL, KNOWN_NOT },
		{ "example", NULL, NULL, KNOWN_NOT },
		{ "*.example,!host.example", NULL, NULL, KNOWN_NOT },
		{ "!host.*,*", NULL, NULL, KNOWN_NOT },
		{ "!other.example,*.example", NULL, NULL, KNOWN_BY_NAME },
		{ "!other.example", NULL, NULL, KNOWN_NOT },
		{ "[host.example]:2222", NULL, NULL, KNOWN_NOT },
		{ "", NULL, NULL, KNOWN_NOT },
		{ "!", NULL, NULL, KNOWN_NOT },
		{ "*", "", NULL, KNOWN_NOT },
		/* addresses bind */
		{ "host.example,192.0.2.7", NULL, NULL, KNOWN_BY_NAME },
		{ "host.example,192.0.2.8", NULL, NULL, KNOWN_NOT },
		{ "host.example,192.0.2.8,192.0.2.7", NULL, NULL,
		    KNOWN_BY_NAME },
		{ "192.0.2.0/24,host.example", NULL, NULL, KNOWN_BY_NAME },
		{ "192.0.2.0/24,other", NULL, NULL, KNOWN_NOT },
		{ "host.example,192.0.2.*", NULL, NULL, KNOWN_BY_NAME },
		{ "host.example,192.0.3.*", NULL, NULL, KNOWN_NOT },
		{ "host.example,!192.0.2.7", NULL, NULL, KNOWN_NOT },
		{ "host.example,!192.0.2.8", NULL, NULL, KNOWN_BY_NAME },
		{ "host.example,192.0.2.0/24,!192.0.2.7", NULL, NULL,
		    KNOWN_NOT },
		{ "host.example,2001:db8::/32", NULL, NULL, KNOWN_NOT },
		{ "host.example,2001:db8::/32", NULL, "2001:db8::1",
		    KNOWN_BY_NAME },
		{ "host.example,192.0.2.7", NULL, "::ffff:192.0.2.7",
		    KNOWN_BY_NAME },
		/* alone they are enough, whatever the host says it is */
		{ "192.0.2.7", NULL, NULL, KNOWN_BY_ADDRESS },
		{ "192.0.2.7", "other", NULL, KNOWN_BY_ADDRESS },
		{ "192.0.2.8", "192.0.2.8", NULL, KNOWN_NOT },
		{ "fe80::*", NULL, "fe80::1", KNOWN_BY_ADDRESS },
		{ "!192.0.2.7", NULL, NULL, KNOWN_NOT },
		/* what is no address though it looks like one */
		{ "192.0.2", NULL, NULL, KNOWN_NOT },
		{ "192.0.2.300", NULL, NULL, KNOWN_NOT },
		{ "host.example,192.0.2.300", NULL, NULL, KNOWN_NOT },
		{ "host.example,192.0.2.7/24", NULL, NULL, KNOWN_NOT },
		{ "host.example,a/b", NULL, NULL, KNOWN_NOT },
		{ "192.0.2.7", "192.0.2.7", "192.0.2.9", KNOWN_NOT },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct match_addr a = address(rows[i].addr != NULL ?
		    rows[i].addr : "192.0.2.7");
		enum known_match got = known_match(view_str(rows[i].hosts),
		    rows[i].name != NULL ? rows[i].name : "host.example", &a);

		if (got != rows[i].want)
			print_message("row %zu: %s\n", i, rows[i].hosts);
		assert_int_equal(got, rows[i].want);
	}
}

static void
test_hashed(void **state)
{
	static const char other[] = "|1|JfKTdBh7rNbXkVAQCRp4OQoPfmI=|"
	    "USECr3SWf1JUPsms5AqfD5QfxkM=";
	struct match_addr a = address("192.0.2.7"), none = { .n = 0 };

	(void)state;
	/* of another name */
	assert_int_equal(known_match(view_str(other), "host.example", &a),
	    KNOWN_NOT);
	assert_int_equal(known_match(view_str(HASHED_NAME), "host.example",
	    &a), KNOWN_BY_NAME);
	assert_int_equal(known_match(view_str(HASHED_NAME), "host.exampl",
	    &a), KNOWN_NOT);
	assert_int_equal(known_match(view_str(HASHED_NAME), "", &a),
	    KNOWN_NOT);
	assert_int_equal(known_match(view_str(HASHED_ADDR), "x", &a),
	    KNOWN_BY_ADDRESS);
	assert_int_equal(known_match(view_str(HASHED_ADDR), "x", &none),
	    KNOWN_NOT);
	a = address("192.0.2.8");
	assert_int_equal(known_match(view_str(HASHED_ADDR), "x", &a),
	    KNOWN_NOT);
	for (size_t n = 0; n < strlen(HASHED_NAME); n++)
		assert_int_equal(known_match(view_of(HASHED_NAME, n),
		    "host.example", &a), KNOWN_NOT);
	assert_int_equal(known_match(view_str(HASHED_NAME ",*"),
	    "host.example", &a), KNOWN_NOT);
	assert_int_equal(known_match(view_str("|2|a|b"), "host.example", &a),
	    KNOWN_NOT);
	assert_int_equal(known_match(view_str("|1|="), "host.example", &a),
	    KNOWN_NOT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_hashed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
