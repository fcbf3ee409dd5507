/* Lines of authorized_keys, their options, source lists and key files. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "auth/keys.h"
#include "auth/limits.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

/* A well-formed Ed25519 blob whose point nobody looks at here. */
#define B64	"AAAAC3NzaC1lZDI1NTE5AAAAIBERERERERERERERERERERERER" \
		"ERERERERERERERERER"
#define KEY	"ssh-ed25519 " B64

static struct match_addr
addr(const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct match_addr a;

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		match_addr_of((const struct sockaddr *)&in, &a);
	else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
		match_addr_of((const struct sockaddr *)&in6, &a);
	else
		match_addr_of(NULL, &a);
	return a;
}

/* ---- source lists ---- */

static void
test_match(void **state)
{
	static const struct {
		const char *list, *addr;
		enum match want;
	} rows[] = {
		{ "192.0.2.7", "192.0.2.7", MATCH_YES },
		{ "192.0.2.7", "192.0.2.8", MATCH_NO },
		{ "192.0.2.0/24", "192.0.2.255", MATCH_YES },
		{ "192.0.2.0/24", "192.0.3.0", MATCH_NO },
		{ "0.0.0.0/0", "203.0.113.9", MATCH_YES },
		{ "0.0.0.0/0", "2001:db8::1", MATCH_NO },
		{ "::/0", "2001:db8::1", MATCH_YES },
		{ "::/0", "203.0.113.9", MATCH_NO },
		{ "2001:db8::/33", "2001:db8:7fff::1", MATCH_YES },
		{ "2001:db8::/33", "2001:db8:8000::1", MATCH_NO },
		{ "192.0.2.5/32", "192.0.2.5", MATCH_YES },
		/* one address, several spellings */
		{ "0:0:0:0:0:0:0:1", "::1", MATCH_YES },
		{ "2001:DB8::A", "2001:db8::a", MATCH_YES },
		{ "10.1.2.3", "::ffff:10.1.2.3", MATCH_YES },
		{ "::ffff:10.1.2.3", "10.1.2.3", MATCH_YES },
		{ "::ffff:10.0.0.0/104", "10.1.2.3", MATCH_YES },
		{ "::ffff:10.0.0.0/104", "11.1.2.3", MATCH_NO },
		{ "10.0.0.0/8", "::ffff:10.9.9.9", MATCH_YES },
		/* wildcards over the words of the address */
		{ "*", "10.1.2.3", MATCH_YES },
		{ "*", "2001:db8::1", MATCH_YES },
		{ "192.168.*", "192.168.44.1", MATCH_YES },
		{ "192.168.*", "192.16.8.1", MATCH_NO },
		{ "10.0.0.?", "10.0.0.7", MATCH_YES },
		{ "10.0.0.?", "10.0.0.77", MATCH_NO },
		{ "2001:DB8:*", "2001:db8::9", MATCH_YES },
		{ "fe80*", "fe80::1", MATCH_YES },
		{ "*.*.*.*.*", "10.1.2.3", MATCH_NO },
		{ "1*1*1*1*1*1*1*1*2", "111.111.111.111", MATCH_NO },
		/* negation */
		{ "10.0.0.0/8,!10.9.0.0/16", "10.1.1.1", MATCH_YES },
		{ "10.0.0.0/8,!10.9.0.0/16", "10.9.1.1", MATCH_NO },
		{ "!10.9.1.1,10.0.0.0/8", "10.9.1.1", MATCH_NO },
		{ "!10.9.1.1,*", "10.9.1.2", MATCH_YES },
		{ "!10.9.1.1", "10.9.1.2", MATCH_NO },
		{ "*,!10.9.*", "10.9.1.2", MATCH_NO },
		/* names are never looked up */
		{ "host.example.com", "10.1.1.1", MATCH_NO },
		{ "*.example.com", "10.1.1.1", MATCH_NO },
		{ "*.example.com,10.1.1.1", "10.1.1.1", MATCH_YES },
		{ "*,!evil.example.com", "10.1.1.1", MATCH_BAD },
		{ "*,!*.de", "10.1.1.1", MATCH_BAD },
		{ "*,!dead.beef", "10.1.1.1", MATCH_BAD },
		/* faults, wherever they stand */
		{ "", "10.1.1.1", MATCH_BAD },
		{ "10.1.1.1,", "10.1.1.1", MATCH_BAD },
		{ ",10.1.1.1", "10.1.1.1", MATCH_BAD },
		{ "10.1.1.1,,10.1.1.2", "10.1.1.1", MATCH_BAD },
		{ "10.1.1.1, 10.1.1.2", "10.1.1.1", MATCH_BAD },
		{ "!", "10.1.1.1", MATCH_BAD },
		{ "!!10.1.1.1", "10.1.1.1", MATCH_BAD },
		{ "10.1.1.1,10.0.0.1/8", "10.1.1.1", MATCH_BAD },
		{ "10.1.1.1,10.0.0.0/33", "10.1.1.1", MATCH_BAD },
		{ "2001:db8::/129", "2001:db8::1", MATCH_BAD },
		{ "10.0.0.0/", "10.1.1.1", MATCH_BAD },
		{ "10.0.0.0/08", "10.1.1.1", MATCH_BAD },
		{ "10.0.0.0/+8", "10.1.1.1", MATCH_BAD },
		{ "10.0.0.0/8/8", "10.1.1.1", MATCH_BAD },
		{ "10.0.0.0/255.0.0.0", "10.1.1.1", MATCH_BAD },
		{ "/8", "10.1.1.1", MATCH_BAD },
		{ "10.0.0.300", "10.1.1.1", MATCH_BAD },
		{ "10.0.0", "10.1.1.1", MATCH_BAD },
		{ "*,!010.1.1.1", "10.1.1.1", MATCH_BAD },
		{ "::1::2", "::1", MATCH_BAD },
		{ "fe80::1%eth0", "fe80::1", MATCH_BAD },
		{ "user@10.1.1.1", "10.1.1.1", MATCH_BAD },
		/* no address at all */
		{ "*", "none", MATCH_NO },
		{ "0.0.0.0/0", "none", MATCH_NO },
		{ "::/0", "none", MATCH_NO },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct match_addr a = addr(rows[i].addr);

		if (match_list(view_str(rows[i].list), &a) != rows[i].want)
			fail_msg("%s against %s", rows[i].addr, rows[i].list);
	}
}

static void
test_match_entries(void **state)
{
	struct match_addr a = addr("203.0.113.5");
	struct view v[] = {
		{ (const uint8_t *)"203.0.113.0/24", 14 },
		{ (const uint8_t *)"!203.0.113.5", 12 },
		{ NULL, 0 }
	};

	(void)state;
	assert_int_equal(match_entries(v, 1, &a), MATCH_YES);
	assert_int_equal(match_entries(v, 2, &a), MATCH_NO);
	assert_int_equal(match_entries(v, 3, &a), MATCH_BAD);
	assert_int_equal(match_entries(v, 0, &a), MATCH_NO);
}

/* ---- lines ---- */

static void
test_good_lines(void **state)
{
	static const struct {
		const char *line;
		uint32_t flags;
		uint8_t permit;
		const char *comment;
	} rows[] = {
		{ KEY, 0, AK_PERMIT_ALL, "" },
		{ KEY " acme edi  ", 0, AK_PERMIT_ALL, "acme edi" },
		{ " \t" KEY "\tx", 0, AK_PERMIT_ALL, "x" },
		{ "restrict " KEY, AK_RESTRICT, 0, "" },
		{ "RESTRICT,PTY " KEY, AK_RESTRICT, AK_PTY, "" },
		{ "pty,restrict " KEY, AK_RESTRICT, 0, "" },
		{ "restrict,pty,no-pty " KEY, AK_RESTRICT, 0, "" },
		{ "restrict,agent-forwarding,port-forwarding,pty,user-rc,"
		    "X11-forwarding " KEY, AK_RESTRICT, AK_PERMIT_ALL, "" },
		{ "no-agent-forwarding,no-port-forwarding " KEY " c", 0,
		    AK_PTY | AK_USER_RC | AK_X11, "c" },
		{ "no-pty,no-user-rc,no-x11-forwarding " KEY, 0,
		    AK_AGENT | AK_PORT, "" },
		{ "cert-authority,principals=\"a,b\" " KEY,
		    AK_CERT_AUTHORITY | AK_PRINCIPALS, AK_PERMIT_ALL, "" },
		{ "no-touch-required,verify-required\t" KEY,
		    AK_NO_TOUCH | AK_VERIFY, AK_PERMIT_ALL, "" },
		{ "from=\"10.0.0.0/8,!10.1.*\" " KEY, AK_FROM, AK_PERMIT_ALL,
		    "" },
		{ "command=\"a \\\"b\\\", c\",no-pty " KEY, AK_COMMAND,
		    AK_PERMIT_ALL & ~(unsigned)AK_PTY, "" },
		{ "environment=\"A=1\",environment=\"B_2=\" " KEY,
		    AK_ENVIRONMENT, AK_PERMIT_ALL, "" },
		{ "permitopen=\"h:1\",permitopen=\"[::1]:*\","
		    "permitlisten=\"8080\",permitlisten=\"l:*\" " KEY,
		    AK_PERMITOPEN | AK_PERMITLISTEN, AK_PERMIT_ALL, "" },
		{ "tunnel=\"any\" " KEY, AK_TUNNEL, AK_PERMIT_ALL, "" },
		{ "tunnel=\"0\" " KEY, AK_TUNNEL, AK_PERMIT_ALL, "" },
		{ "expiry-time=\"20300101Z\" " KEY, AK_EXPIRY, AK_PERMIT_ALL,
		    "" },
	};
	struct ak_line *l = malloc(sizeof(*l));

	(void)state;
	assert_non_null(l);
	for (size_t i = 0; i < COUNT(rows); i++) {
		memset(l, 0xa5, sizeof(*l));
		if (!ak_parse(view_str(rows[i].line), l))
			fail_msg("%s: %s", rows[i].line, l->why);
		assert_int_equal(l->flags, rows[i].flags);
		assert_int_equal(l->permit, rows[i].permit);
		assert_true(view_is(l->type, "ssh-ed25519"));
		assert_true(view_is(l->base64, B64));
		assert_true(view_is(l->comment, rows[i].comment));
	}
	free(l);
}

static void
test_bad_lines(void **state)
{
	static const struct {
		const char *line, *why;
	} rows[] = {
		{ "", "empty line" },
		{ "   ", "empty option" },
		{ "frobnicate " KEY, "unknown option" },
		{ "pty,frobnicate=\"x\" " KEY, "unknown option" },
		{ "no-restrict " KEY, "unknown option" },
		{ "no-command=\"x\" " KEY, "unknown option" },
		{ "ptyx " KEY, "unknown option" },
		{ "pt " KEY, "unknown option" },
		{ "pty=\"yes\" " KEY, "option takes no value" },
		{ "command " KEY, "option needs a value" },
		{ "command=ls " KEY, "value is not in double quotes" },
		{ "command= " KEY, "value is not in double quotes" },
		{ "command=\"ls " KEY, "missing end quote" },
		{ "command=\"ls\\\" " KEY, "missing end quote" },
		{ "command=\"ls\"x " KEY,
		    "characters behind an option's value" },
		{ "command=\"\" " KEY, "invalid value" },
		{ "command=\"a\",command=\"b\" " KEY, "option given twice" },
		{ "from=\"*\",from=\"10.0.0.1\" " KEY, "option given twice" },
		{ "from=\"10.0.0.1/8\" " KEY, "invalid value" },
		{ "from=\"*,!host.example\" " KEY, "invalid value" },
		{ "principals=\"\" " KEY, "invalid value" },
		{ "tunnel=\"x\" " KEY, "invalid value" },
		{ "environment=\"A\" " KEY, "invalid value" },
		{ "environment=\"=x\" " KEY, "invalid value" },
		{ "environment=\"A B=x\" " KEY, "invalid value" },
		{ "permitopen=\"22\" " KEY, "invalid value" },
		{ "permitopen=\"h:0\" " KEY, "invalid value" },
		{ "permitopen=\"h:65536\" " KEY, "invalid value" },
		{ "permitopen=\"h:\" " KEY, "invalid value" },
		{ "permitopen=\":22\" " KEY, "invalid value" },
		{ "permitopen=\"::1:22\" " KEY, "invalid value" },
		{ "permitopen=\"[]:22\" " KEY, "invalid value" },
		{ "permitopen=\"[::1:22\" " KEY, "invalid value" },
		{ "permitopen=\"[::1]\" " KEY, "invalid value" },
		{ "permitlisten=\"x\" " KEY, "invalid value" },
		{ "expiry-time=\"2030\" " KEY,
		    "not a time YYYYMMDD[HHMM[SS]][Z]" },
		{ "pty,,pty " KEY, "empty option" },
		{ ",pty " KEY, "empty option" },
		{ "pty, " KEY, "empty option" },
		{ "pty", "no key type" },
		{ "pty " B64, "no key type" },
		{ "pty,no-pty  ", "no key type" },
		{ "ssh-ed25519", "no key" },
		{ "ssh-ed25519  ", "no key" },
		{ "ssh-dss AAAAB3NzaC1kc3M=", "key type is not supported" },
		{ "ssh-ed25519-cert-v01@openssh.com AAAA",
		    "key type is not supported" },
		{ "sk-ssh-ed25519 AAAA", "key type is not supported" },
		{ "webauthn-sk-ecdsa-sha2-nistp256@openssh.com AAAA",
		    "unknown option" },
		{ "rsa-sha2-512 AAAA", "key type is not supported" },
		{ "1024 35 1234567890", "unknown option" },
	};
	struct ak_line *l = malloc(sizeof(*l));

	(void)state;
	assert_non_null(l);
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (ak_parse(view_str(rows[i].line), l))
			fail_msg("accepted: %s", rows[i].line);
		if (strcmp(l->why, rows[i].why) != 0)
			fail_msg("%s: %s", rows[i].line, l->why);
	}
	assert_false(ak_parse(view_of("pty\0 " KEY, 5 + strlen(KEY)), l));
	assert_string_equal(l->why, "NUL in the line");
	free(l);
}

/* A cut line never becomes a key with fewer options than it had. */
static void
test_cut_lines(void **state)
{
	static const char line[] = "restrict,from=\"10.0.0.0/8\","
	    "command=\"a \\\"b\\\"\",expiry-time=\"20300101\" " KEY;
	struct ak_line *l = malloc(sizeof(*l));
	size_t n = strlen(line), options = n - strlen(KEY);

	(void)state;
	assert_non_null(l);
	assert_true(ak_parse(view_str(line), l));
	assert_true(view_is(l->command, "a \"b\""));
	for (size_t i = 0; i < n; i++) {
		uint8_t *cut = malloc(i != 0 ? i : 1);
		bool ok;

		assert_non_null(cut);
		memcpy(cut, line, i);
		ok = ak_parse(view_of(cut, i), l);
		assert_int_equal(ok, i > options + strlen("ssh-ed25519 "));
		if (ok)
			assert_int_equal(l->flags, AK_RESTRICT | AK_FROM |
			    AK_COMMAND | AK_EXPIRY);
		free(cut);
	}
	free(l);
}

static void
test_line_limits(void **state)
{
	struct ak_line *l = malloc(sizeof(*l));
	struct wr w = wr_new(64 * 1024);

	(void)state;
	assert_non_null(l);
	/* the longest line that is taken, then one byte more */
	wr_bytes(&w, view_str("command=\""));
	while (wr_size(&w) < AK_LINE_MAX - strlen("\" " KEY))
		wr_u8(&w, 'x');
	wr_bytes(&w, view_str("\" " KEY));
	assert_int_equal(wr_size(&w), AK_LINE_MAX);
	assert_true(ak_parse(wr_view(&w), l));
	assert_int_equal(l->command.n,
	    AK_LINE_MAX - strlen("command=\"\" " KEY));
	wr_u8(&w, '=');
	assert_false(ak_parse(wr_view(&w), l));
	assert_string_equal(l->why, "line is too long");

	for (size_t n = AK_ITEMS_MAX; n <= AK_ITEMS_MAX + 1; n++) {
		wr_reset(&w);
		for (size_t i = 0; i < n; i++)
			wr_bytes(&w, view_str("permitopen=\"h:1\","));
		wr_bytes(&w, view_str("pty " KEY));
		assert_int_equal(ak_parse(wr_view(&w), l), n == AK_ITEMS_MAX);
	}
	assert_string_equal(l->why, "option given too often");
	wr_free(&w);
	free(l);
}

static void
test_times(void **state)
{
	static const struct {
		const char *text;
		int64_t want;		/* -1: refused */
	} rows[] = {
		{ "19700101Z", 0 },
		{ "20300101Z", 1893456000 },
		{ "203001010203Z", 1893463380 },
		{ "20300101020304Z", 1893463384 },
		{ "20300101020304z", 1893463384 },
		/* TZ is UTC+1 without daylight saving in this test */
		{ "20300101", 1893452400 },
		{ "203001010203", 1893459780 },
		{ "20000229Z", 951782400 },
		{ "20300229Z", -1 }, { "21000229Z", -1 },
		{ "20300431Z", -1 }, { "20301301Z", -1 },
		{ "20300001Z", -1 }, { "20300100Z", -1 },
		{ "203001012400Z", -1 }, { "203001010060Z", -1 },
		{ "20300101000060Z", -1 }, { "2030010100Z", -1 },
		{ "2030-01-01", -1 }, { "Z", -1 }, { "", -1 },
		{ "20300101ZZ", -1 }, { "20300101 ", -1 },
		{ "19691231Z", -1 }, { "99991231235959Z", 253402300799 },
	};
	struct ak_line *l = malloc(sizeof(*l));

	(void)state;
	assert_non_null(l);
	assert_int_equal(setenv("TZ", "XST-1", 1), 0);
	tzset();
	for (size_t i = 0; i < COUNT(rows); i++) {
		char line[256];
		bool ok;

		snprintf(line, sizeof(line), "expiry-time=\"%s\" " KEY,
		    rows[i].text);
		ok = ak_parse(view_str(line), l);
		if (ok != (rows[i].want != -1) ||
		    (ok && l->expiry != rows[i].want))
			fail_msg("%s: %lld", rows[i].text,
			    ok ? (long long)l->expiry : -1LL);
	}
	/* the earliest of several, in either order */
	assert_true(ak_parse(view_str("expiry-time=\"20300101Z\","
	    "expiry-time=\"19700101Z\",expiry-time=\"20400101Z\" " KEY), l));
	assert_int_equal(l->expiry, 0);
	free(l);
}

static void
test_split(void **state)
{
	struct view text = view_str("a\r\n\n# c\nlast"), line;

	(void)state;
	assert_true(ak_next(&text, &line) && view_is(line, "a"));
	assert_true(ak_next(&text, &line) && ak_blank(line));
	assert_true(ak_next(&text, &line) && ak_blank(line));
	assert_true(ak_next(&text, &line) && view_is(line, "last"));
	assert_false(ak_blank(line));
	assert_false(ak_next(&text, &line));
	assert_true(ak_blank(view_str(" \t# x")));
}

static void
test_blob_type(void **state)
{
	static const struct {
		const char *line;
		bool ok;
	} rows[] = {
		{ KEY, true },
		{ "ssh-rsa " B64, false },
		{ "ssh-ed25519 AAAA", false },
		{ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", false },
		{ "ssh-ed25519 !!!!", false },
		{ "ssh-ed25519 " B64 "=", false },
	};
	struct ak_line *l = malloc(sizeof(*l));
	struct wr w = wr_new(AK_LINE_MAX);

	(void)state;
	assert_non_null(l);
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(ak_parse(view_str(rows[i].line), l));
		if (ak_blob_ok(l, &w) != rows[i].ok)
			fail_msg("%s", rows[i].line);
	}
	wr_free(&w);
	free(l);
}

/* ---- what options mean ---- */

#define FORWARDS (ALLOW_LOCAL_FORWARD | ALLOW_REMOTE_FORWARD)
#define RESTRICTED (ALLOW_AGENT | ALLOW_PTY | ALLOW_X11 | FORWARDS)

static void
test_options(void **state)
{
	static const struct {
		const char *options;
		bool ok;
		uint32_t deny;
	} rows[] = {
		{ "pty", true, 0 },
		{ "restrict", true, RESTRICTED },
		{ "restrict,pty", true, RESTRICTED & ~ALLOW_PTY },
		{ "no-agent-forwarding", true, ALLOW_AGENT },
		{ "no-port-forwarding", true, FORWARDS },
		{ "no-pty", true, ALLOW_PTY },
		{ "no-x11-forwarding", true, ALLOW_X11 },
		{ "no-user-rc", true, 0 },
		{ "no-touch-required,verify-required", true, 0 },
		{ "permitopen=\"h:1\"", true, 0 },
		{ "permitlisten=\"1\"", true, 0 },
		{ "command=\"internal-sftp\"", true, ~(uint32_t)ALLOW_SFTP },
		{ "command=\"internal-sftp -R\"", false, 0 },
		{ "command=\"/bin/sh\"", false, 0 },
		{ "environment=\"A=1\"", false, 0 },
		{ "tunnel=\"1\"", false, 0 },
		{ "cert-authority", false, 0 },
		{ "principals=\"a\"", false, 0 },
		{ "from=\"10.0.0.0/8\"", true, 0 },
		{ "from=\"11.0.0.0/8\"", false, 0 },
		{ "from=\"10.0.0.0/8,!10.0.0.1\"", false, 0 },
		{ "expiry-time=\"20300101Z\"", true, 0 },
		{ "expiry-time=\"20200101Z\"", false, 0 },
	};
	struct ak_line *l = malloc(sizeof(*l));
	struct match_addr here = addr("10.0.0.1");
	const struct view patterns[] = { view_str("A*") };
	const struct policy sftp = { .allow = ALLOW_SFTP };
	const struct policy none = { .allow = 0 };
	const struct policy shell = { .allow = ALLOW_SHELL,
	    .env = { patterns, 1 } };
	struct auth_limits limits;

	(void)state;
	assert_non_null(l);
	for (size_t i = 0; i < COUNT(rows); i++) {
		char line[256];
		const char *why;

		snprintf(line, sizeof(line), "%s " KEY, rows[i].options);
		assert_true(ak_parse(view_str(line), l));
		why = keys_refusal(l, &here, 1700000000, &sftp);
		if ((why == NULL) != rows[i].ok)
			fail_msg("%s: %s", line, why != NULL ? why : "taken");
		limits = keys_limits(l);
		if (rows[i].ok)
			assert_int_equal(limits.deny, rows[i].deny);
	}
	/* a forced sftp is worth nothing to who may not use sftp */
	assert_true(ak_parse(view_str("command=\"internal-sftp\" " KEY), l));
	assert_non_null(keys_refusal(l, &here, 0, &shell));
	assert_string_equal(keys_limits(l).command, "internal-sftp");
	/* programs are for who may run some, names for whom they are
	 * allowed */
	assert_true(ak_parse(view_str("command=\"ls -l\","
	    "environment=\"A=1\",environment=\"AB=c d\" " KEY), l));
	assert_null(keys_refusal(l, &here, 0, &shell));
	assert_non_null(keys_refusal(l, &here, 0, &sftp));
	limits = keys_limits(l);
	assert_string_equal(limits.command, "ls -l");
	assert_int_equal(limits.deny & (ALLOW_SFTP | ALLOW_SCP | ALLOW_SHELL |
	    ALLOW_PTY), ALLOW_SFTP | ALLOW_SCP);
	assert_int_equal(limits.env_len, 11);
	assert_memory_equal(limits.env, "A=1\0AB=c d", 11);
	assert_true(ak_parse(view_str("environment=\"B=1\" " KEY), l));
	assert_non_null(keys_refusal(l, &here, 0, &shell));
	assert_true(ak_parse(view_str("environment=\"LD_A=1\" " KEY), l));
	assert_non_null(keys_refusal(l, &here, 0, &shell));
	/* until and with the moment itself */
	assert_true(ak_parse(view_str("expiry-time=\"20300101Z\" " KEY), l));
	assert_null(keys_refusal(l, &here, 1893456000, &none));
	assert_non_null(keys_refusal(l, &here, 1893456001, &none));
	/* no address: from= cannot be shown to hold */
	here = addr("none");
	assert_true(ak_parse(view_str("from=\"*\" " KEY), l));
	assert_non_null(keys_refusal(l, &here, 0, &none));
	free(l);
}

/* ---- ends of forwards ---- */

static void
permits_are(const char *options, const char *open, const char *listen,
    uint32_t deny)
{
	struct ak_line *l = malloc(sizeof(*l));
	static struct auth_limits limits;
	char line[AK_LINE_MAX];

	assert_non_null(l);
	snprintf(line, sizeof(line), "%s " KEY, options);
	assert_true(ak_parse(view_str(line), l));
	limits = keys_limits(l);
	assert_int_equal(limits.deny, deny);
	assert_int_equal(limits.open.given, open != NULL);
	assert_int_equal(limits.listen.given, listen != NULL);
	for (size_t i = 0; i < limits.open.len; i++)
		if (limits.open.text[i] == '\0')
			limits.open.text[i] = ' ';
	for (size_t i = 0; i < limits.listen.len; i++)
		if (limits.listen.text[i] == '\0')
			limits.listen.text[i] = ' ';
	if (open != NULL)
		assert_string_equal(limits.open.text, open);
	if (listen != NULL)
		assert_string_equal(limits.listen.text, listen);
	free(l);
}

static void
test_permits(void **state)
{
	static char many[AK_LINE_MAX];
	static struct auth_limits limits;
	struct ak_line *l;
	size_t n = 0;

	(void)state;
	permits_are("pty", NULL, NULL, 0);
	permits_are("permitopen=\"localhost:80\",permitopen=\"[::1]:22\","
	    "permitlisten=\"8080\",permitlisten=\"localhost:*\",permitopen="
	    "\"*:443\"", "localhost:80 [::1]:22 *:443 ",
	    "8080 localhost:* ", 0);
	permits_are("restrict,permitopen=\"a:1\"", "a:1 ", NULL, RESTRICTED);
	permits_are("restrict,port-forwarding,permitlisten=\"1\"", NULL,
	    "1 ", RESTRICTED & ~(uint32_t)(ALLOW_LOCAL_FORWARD |
	    ALLOW_REMOTE_FORWARD));
	/* more than can be kept: none is left */
	for (int i = 0; i < 200; i++)
		n += (size_t)snprintf(many + n, sizeof(many) - n,
		    "%spermitopen=\"h%03d.some.example.org:80\"",
		    i != 0 ? "," : "", i);
	snprintf(many + n, sizeof(many) - n, " " KEY);
	l = malloc(sizeof(*l));
	assert_non_null(l);
	assert_true(ak_parse(view_str(many), l));
	assert_int_equal(l->nitems, 200);
	limits = keys_limits(l);
	assert_true(limits.open.given);
	assert_int_equal(limits.deny, ALLOW_LOCAL_FORWARD);
	free(l);
}

static void
test_limits_of_two(void **state)
{
	static struct auth_limits a, b;

	(void)state;
	assert_true(limits_permit(&a.open, view_str("h:1"), false));
	limits_add(&b, &a);		/* the first */
	assert_true(b.open.given && b.open.len == 4 && b.deny == 0);
	limits_add(&b, &a);		/* the same again */
	assert_int_equal(b.deny, 0);
	assert_int_equal(b.open.len, 4);
	assert_true(limits_permit(&a.open, view_str("h:2"), false));
	limits_add(&b, &a);		/* another: neither can be kept */
	assert_int_equal(b.deny, ALLOW_LOCAL_FORWARD);
	memset(&a, 0, sizeof(a));
	limits_add(&b, &a);		/* one without any takes none away */
	assert_true(b.open.given);
	memset(&b, 0, sizeof(b));
	assert_true(limits_permit(&a.listen, view_str("1"), true));
	assert_true(limits_permit(&b.listen, view_str("2"), true));
	limits_add(&b, &a);
	assert_int_equal(b.deny, ALLOW_REMOTE_FORWARD);
	/* what is no end, or would refuse instead of permitting */
	assert_false(limits_permit(&a.open, view_str("1"), false));
	assert_false(limits_permit(&a.open, view_str("!h:1"), false));
	assert_false(limits_permit(&a.open, view_str("h:99999"), false));
	assert_false(limits_permit(&a.open, view_of("h\0:1", 4), false));
}

/* ---- files ---- */

struct dir {
	char path[64], file[128];
};

static void
dir_make(struct dir *d)
{
	strcpy(d->path, "/tmp/sallyport-keys-XXXXXX");
	assert_non_null(mkdtemp(d->path));
	snprintf(d->file, sizeof(d->file), "%s/keys", d->path);
}

static void
dir_remove(struct dir *d)
{
	unlink(d->file);
	assert_int_equal(rmdir(d->path), 0);
}

static void
put_file(const char *path, const void *p, size_t n, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, p, n), (ssize_t)n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
test_files(void **state)
{
	struct wr w = wr_new(2 * AK_FILE_MAX);
	char *big = malloc(AK_FILE_MAX + 1);
	struct dir d;

	(void)state;
	assert_non_null(big);
	memset(big, 'x', AK_FILE_MAX + 1);
	dir_make(&d);
	assert_string_equal(keys_read_file(d.file, 0, &w), "");
	put_file(d.file, "abc", 3, 0644);
	assert_null(keys_read_file(d.file, getuid(), &w));
	assert_true(view_is(wr_view(&w), "abc"));
	put_file(d.file, "", 0, 0600);
	assert_null(keys_read_file(d.file, getuid(), &w));
	assert_int_equal(wr_size(&w), 0);
	put_file(d.file, big, AK_FILE_MAX, 0600);
	assert_null(keys_read_file(d.file, getuid(), &w));
	assert_int_equal(wr_size(&w), AK_FILE_MAX);
	put_file(d.file, big, AK_FILE_MAX + 1, 0600);
	assert_string_equal(keys_read_file(d.file, getuid(), &w),
	    "larger than 1 MiB");
	assert_int_equal(wr_size(&w), 0);
	put_file(d.file, "abc", 3, 0620);
	assert_string_equal(keys_read_file(d.file, getuid(), &w),
	    "writable by group or others");
	put_file(d.file, "abc", 3, 0602);
	assert_string_equal(keys_read_file(d.file, getuid(), &w),
	    "writable by group or others");
	assert_string_equal(keys_read_file(d.path, getuid(), &w),
	    "not a regular file");
	if (getuid() == 0) {
		put_file(d.file, "abc", 3, 0600);
		assert_int_equal(chown(d.file, 12345, 12345), 0);
		assert_string_equal(keys_read_file(d.file, 2001, &w),
		    "not owned by root or the user");
		assert_null(keys_read_file(d.file, 12345, &w));
	}
	unlink(d.file);
	/* a pipe without a writer must not hold anybody up */
	assert_int_equal(mkfifo(d.file, 0600), 0);
	assert_string_equal(keys_read_file(d.file, getuid(), &w),
	    "not a regular file");
	unlink(d.file);
	assert_int_equal(symlink("/etc/passwd", d.file), 0);
	assert_string_equal(keys_read_file(d.file, getuid(), &w),
	    "is a symbolic link");
	dir_remove(&d);
	wr_free(&w);
	free(big);
}

/* ---- the search, and what it tells ---- */

/* The next event: its reason and line, or false. */
static bool
next_fault(int sock, char reason[128], uint64_t *line)
{
	uint8_t buf[LOG_MAX_EVENT];
	ssize_t n = recv(sock, buf, sizeof(buf), MSG_DONTWAIT);
	struct view key, value;
	struct log_rec rec;
	uint64_t num;
	int kind;

	*line = 0;
	reason[0] = '\0';
	if (n <= 0)
		return false;
	assert_true(log_parse(view_of(buf, (size_t)n), &rec));
	assert_int_equal(rec.level, LOG_WARN);
	assert_true(view_is(rec.event, "authorized-keys"));
	while (log_next(&rec, &key, &kind, &value, &num)) {
		if (view_is(key, "reason"))
			assert_true(view_to_cstr(value, reason, 128));
		if (view_is(key, "line"))
			*line = num;
	}
	return true;
}

static void
test_faults_are_told(void **state)
{
	static const char text[] =
	    "# keys\n"
	    "nonsense " KEY "\n"
	    "ssh-ed25519 AAAA\n"
	    "\n"
	    "tunnel=\"x\" " KEY "\n"
	    "no-pty " KEY " the good one\n";
	struct match_addr here = addr("10.0.0.1");
	struct wr blob = wr_new(4096);
	struct keys_answer out;
	struct view path;
	struct policy p = { .uid = getuid(), .key_files = { &path, 1 } };
	struct keys_query q = {
		.policy = &p, .addr = &here, .tell_faults = true
	};
	char reason[128];
	uint64_t line;
	struct dir d;
	int s[2];

	(void)state;
	dir_make(&d);
	put_file(d.file, text, strlen(text), 0600);
	path = view_str(d.file);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, s), 0);
	log_open(s[1], LOG_WARN);
	/* the same blob as KEY */
	wr_cstr(&blob, "ssh-ed25519");
	wr_u32(&blob, 32);
	for (int i = 0; i < 32; i++)
		wr_u8(&blob, 0x11);
	q.blob = wr_view(&blob);
	keys_find(&q, &out);
	assert_null(out.refusal);
	assert_int_equal(out.opens, 1);
	assert_int_equal(out.limits.deny, ALLOW_PTY);
	assert_true(next_fault(s[0], reason, &line));
	assert_string_equal(reason, "unknown option");
	assert_int_equal(line, 2);
	assert_true(next_fault(s[0], reason, &line));
	assert_string_equal(reason, "malformed key");
	assert_int_equal(line, 3);
	assert_true(next_fault(s[0], reason, &line));
	assert_string_equal(reason, "invalid value");
	assert_int_equal(line, 5);
	assert_false(next_fault(s[0], reason, &line));
	/* not twice */
	q.tell_faults = false;
	keys_find(&q, &out);
	assert_null(out.refusal);
	assert_false(next_fault(s[0], reason, &line));
	/* bounded, whatever is in the file */
	struct wr many = wr_new(1 << 20);
	for (int i = 0; i < 1000; i++)
		wr_bytes(&many, view_str("nonsense\n"));
	put_file(d.file, wr_view(&many).p, wr_size(&many), 0600);
	q.tell_faults = true;
	keys_find(&q, &out);
	assert_string_equal(out.refusal, "key is not listed");
	for (int i = 0; i < KEYS_FAULTS_MAX; i++)
		assert_true(next_fault(s[0], reason, &line));
	assert_true(next_fault(s[0], reason, &line));	/* the count */
	assert_false(next_fault(s[0], reason, &line));
	/* a file of the wrong kind is told, a missing one is not */
	unlink(d.file);
	keys_find(&q, &out);
	assert_false(next_fault(s[0], reason, &line));
	assert_int_equal(symlink("/etc/passwd", d.file), 0);
	keys_find(&q, &out);
	assert_true(next_fault(s[0], reason, &line));
	assert_string_equal(reason, "is a symbolic link");
	wr_free(&many);
	wr_free(&blob);
	log_open(-1, LOG_INFO);
	close(s[0]);
	close(s[1]);
	dir_remove(&d);
}

/* The check of a configuration: what is no line is a fault, what will refuse
 * its key a warning with what is wrong and what is allowed. */
static void
test_doubts(void **state)
{
	static const struct {
		const char *line, *doubt;	/* NULL: a fault */
	} rows[] = {
		{ KEY, "" },
		{ "restrict,from=\"10.0.0.0/8\" " KEY " me", "" },
		{ "command=\"internal-sftp\" " KEY, "" },
		{ "cert-authority,principals=\"a,b\" " KEY, "" },
		{ "nonsense", "nonsense: unknown option, so" },
		{ "nonsense " KEY, "nonsense: unknown option, so logins with "
		    "this key are refused; use the options of sshd(8)" },
		{ "from=\"10.0.0.300\" " KEY, "from: invalid value, so logins "
		    "with this key are refused; use addresses, ADDRESS/BITS" },
		{ "from=10.0.0.1 " KEY, "from: value is not in double quotes, "
		    "so logins with this key are refused; use NAME=\"VALUE\"" },
		{ "pty,from=\"10.0.0.1 " KEY, "from: missing end quote, so" },
		{ "pty=\"yes\" " KEY, "pty: option takes no value, so logins "
		    "with this key are refused; use its name alone" },
		{ "tunnel " KEY, "tunnel: option needs a value, so" },
		{ "expiry-time=\"2026\" " KEY, "expiry-time: not a time "
		    "YYYYMMDD[HHMM[SS]][Z], so logins with this key are "
		    "refused; use YYYYMMDD[HHMM[SS]][Z]" },
		{ "permitopen=\"h:0\" " KEY, "permitopen: invalid value, so "
		    "logins with this key are refused; use HOST:PORT" },
		{ "tunnel=\"1\",tunnel=\"1\" " KEY, "tunnel: option given "
		    "twice, so logins with this key are refused; use it once" },
		{ "ssh-foo AAAA", "ssh-foo: key type is not supported, so "
		    "logins with this key are refused; use Ed25519, " },
		{ "ssh-dss " B64, "ssh-dss: key type is not supported, so" },
		{ "ssh-ed25519", "ssh-ed25519: no key, so logins with this "
		    "key are refused; use [OPTIONS] TYPE BASE64 [COMMENT]" },
		{ "environment=\"A=b\",command=\"ls\" " KEY, "" },
		{ "tunnel=\"any\" " KEY, "key option tunnel= is not" },
		{ "principals=\"a\" " KEY, "key option principals= is for" },
		{ "from=\"10.0.0.1,*.example.com\" " KEY, "from: "
		    "\"*.example.com\" is a host name, which is not looked "
		    "up and never matches; use addresses or ADDRESS/BITS" },
		{ "from=\"gate,10.0.0.*,fe80::*\" " KEY, "from: \"gate\" " },
		{ "from=\"!10.0.0.1,10.0.0.*,dead::1\" " KEY, "" },
		{ "ssh-ed25519 AAAA", NULL },
		{ "ssh-rsa " B64, NULL },
		{ ",pty " KEY, NULL },
		{ "from=\"10.0.0.1\"x " KEY, NULL },
		{ "", NULL },
	};
	char doubt[CONFIG_DOUBT_MAX], longer[3000];
	const char *why;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		bool ok = auth_key_line(view_str(rows[i].line), &why, doubt);

		if (ok != (rows[i].doubt != NULL))
			fail_msg("%s: %s", rows[i].line, ok ? doubt : why);
		if (!ok)
			continue;
		if (strncmp(doubt, rows[i].doubt, strlen(rows[i].doubt)) != 0 ||
		    (doubt[0] != '\0' && rows[i].doubt[0] == '\0'))
			fail_msg("%s: %s", rows[i].line, doubt);
	}
	/* What is foreign is cut, what is ours stays. */
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_true(auth_key_line(view_str(longer), &why, doubt));
	assert_non_null(strstr(doubt, "xx: unknown option, so logins with this "
	    "key are refused; use the options of sshd(8)"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_match_entries),
		cmocka_unit_test(test_good_lines),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_cut_lines),
		cmocka_unit_test(test_line_limits),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_blob_type),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_permits),
		cmocka_unit_test(test_limits_of_two),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_faults_are_told),
		cmocka_unit_test(test_doubts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
