/* Keys of the configuration about what proves a user: exactly the faults they
 * give, and the policy that comes out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_parse.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

/* Two lines: what every configuration needs. */
#define HEAD	"listen: [\"127.0.0.1:22\"]\nhost_keys: [/k]\n"
#define ACCOUNT	"account: {uid: 5, gid: 5}"
#define KEY	"authorized_keys: [ssh-ed25519 AAAA]"
#define HASH	"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$" \
	"X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"
/* Six lines: a user with a password, asked for by a dialogue. */
#define USER	HEAD "users:\n  a:\n    " ACCOUNT "\n    password: \"" HASH \
	"\"\n"
#define KBD	USER "    auth: [keyboard-interactive]\n"
/* Six lines: a user with a key. */
#define KEYED	HEAD "users:\n  a:\n    " ACCOUNT "\n    " KEY "\n"
#define SECRET	"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

static bool
resolve(void *ctx, const char *name, struct policy *out, const char **why_out)
{
	(void)ctx;
	*why_out = "no such account";
	out->uid = out->gid = 990;
	return strcmp(name, "_sallyport") == 0;
}

static bool
host_line(struct view line, const char **why_out,
    char doubt_out[CONFIG_DOUBT_MAX])
{
	snprintf(doubt_out, CONFIG_DOUBT_MAX, "%s", view_is(line, "odd") ?
	    "may not work" : "");
	*why_out = "is bad; needs better";
	return !view_is(line, "bad");
}

struct run {
	struct wr block, faults;
	struct config *config;		/* NULL: a fault */
	char *text;			/* of the faults */
};

static struct run
run(const char *yaml)
{
	const struct config_env env = {
		.resolve = resolve, .host_line = host_line
	};
	struct run r = { .block = wr_new(1 << 26),
	    .faults = wr_new(1 << 20) };

	if (config_parse_text("t.yaml", view_str(yaml), &env, &r.block,
	    &r.faults)) {
		r.config = config_open(wr_view(&r.block));
		assert_non_null(r.config);
	}
	r.text = view_dup(wr_view(&r.faults));
	assert_non_null(r.text);
	return r;
}

static void
run_free(struct run *r)
{
	config_free(&r->config);
	wr_free(&r->block);
	wr_free(&r->faults);
	free(r->text);
}

static struct policy *
user(const struct run *r, const char *name)
{
	struct policy *p;

	assert_non_null(r->config);
	p = policy_decode(config_user(r->config, view_str(name),
	    NULL));
	assert_non_null(p);
	return p;
}

static void
is(struct view v, const char *want)
{
	char *text = view_dup(v);

	assert_non_null(text);
	assert_string_equal(text, want);
	free(text);
}

/* ---- faults ---- */

static const struct {
	const char *title, *yaml, *faults;
} cases[] = {
	{ "totp in full",
	  KBD "    totp: {secret: " SECRET ", algorithm: sha256, digits: 8, "
	  "period: 1m, drift: 0, recovery: [\"" HASH "\"]}\n", "" },
	{ "totp none",
	  KBD "    totp: none\n", "" },
	{ "totp is a word",
	  KBD "    totp: " SECRET "\n",
	  "t.yaml:8:11: users.a.totp: is a single value; needs a mapping of: "
	  "secret, file, algorithm, digits, period, drift, recovery\n" },
	{ "totp without a secret",
	  KBD "    totp: {digits: 6}\n",
	  "t.yaml:8:11: users.a.totp: has no secret; needs secret or file\n" },
	{ "totp with two",
	  KBD "    totp: {secret: " SECRET ", file: /s}\n",
	  "t.yaml:8:11: users.a.totp: has both secret and file; needs one of "
	  "them\n" },
	{ "secrets are not shown",
	  KBD "    totp: {secret: hunter2}\n",
	  "t.yaml:8:20: users.a.totp.secret: is not a secret; needs 10 to 128 "
	  "bytes in base32, as authenticator apps take it\n" },
	{ "short secret",
	  KBD "    totp: {secret: MZXW6YTBMZXW6YTB}\n",
	  "t.yaml:8:20: warning: users.a.totp.secret: is short; use 16 bytes "
	  "or more, which are 26 characters\n" },
	{ "numbers and words",
	  KBD "    totp: {secret: " SECRET ", algorithm: md5, digits: 9, "
	  "period: 5s, drift: 11}\n",
	  "t.yaml:8:65: users.a.totp.algorithm: \"md5\" is unknown; use sha1, "
	  "sha256 or sha512\n"
	  "t.yaml:8:78: users.a.totp.digits: \"9\" is out of range; use 6, 7 "
	  "or 8\n"
	  "t.yaml:8:89: users.a.totp.period: \"5s\" is out of range; use "
	  "10s-5m\n"
	  "t.yaml:8:100: users.a.totp.drift: \"11\" is out of range; use "
	  "0-10\n" },
	{ "half a second",
	  KBD "    totp: {secret: " SECRET ", period: 10500ms}\n",
	  "t.yaml:8:11: users.a.totp: has a period of part of a second; needs "
	  "whole ones\n" },
	{ "recovery codes in clear",
	  KBD "    totp: {secret: " SECRET ", recovery: [1-abcdef, \"!\"]}\n",
	  "t.yaml:8:65: users.a.totp.recovery[0]: \"1-abcdef\" is not a "
	  "crypt(3) hash; needs one that starts with $y$, $gy$, $7$, $2b$, "
	  "$6$ or $5$\n"
	  "t.yaml:8:75: users.a.totp.recovery[1]: \"!\" is not a crypt(3) "
	  "hash; needs one that starts with $y$, $gy$, $7$, $2b$, $6$ or "
	  "$5$\n" },
	{ "relative file",
	  KBD "    totp: {file: s}\n",
	  "t.yaml:8:18: users.a.totp.file: \"s\" is not an absolute path; "
	  "use one that starts with /\n" },
	{ "shared secrets",
	  HEAD "groups:\n"
	  "  g: {totp: {secret: " SECRET "}}\n"
	  "  h: {totp: {file: /s, recovery: [\"" HASH "\"]}}\n"
	  "defaults: {totp: {file: /totp/%%u}}\n",
	  "t.yaml:4:22: groups.g.totp.secret: a secret is one user's alone; "
	  "needs file, with %u for the user's name\n"
	  "t.yaml:5:20: groups.h.totp.file: \"/s\" is one file for several "
	  "users; needs %u in it\n"
	  "t.yaml:5:34: groups.h.totp.recovery: recovery codes are one user's "
	  "alone; needs to stand in totp of a user\n"
	  "t.yaml:6:25: defaults.totp.file: \"/totp/%%u\" is one file for "
	  "several users; needs %u in it\n" },
	{ "nowhere to remember",
	  KBD "    totp: {secret: " SECRET "}\n"
	  "state_dir: none\n",
	  "t.yaml:8:11: users.a.totp: cannot be kept from being used twice "
	  "without a place to remember it; needs state_dir\n" },
	{ "nobody asks",
	  USER "    auth: [password]\n"
	  "    totp: {secret: " SECRET "}\n",
	  "t.yaml:8:11: warning: users.a.totp: nobody asks for the code; use "
	  "keyboard-interactive in auth\n" },
	{ "a program asks",
	  KBD "    totp: {secret: " SECRET "}\n"
	  "    ask: [/bin/asker]\n    command_user: {uid: 7, gid: 7}\n",
	  "t.yaml:8:11: warning: users.a.totp: nobody asks for the code; use "
	  "auth without ask, whose program holds the dialogues\n" },
	{ "a way around",
	  USER "    auth: [keyboard-interactive, password]\n"
	  "    totp: {secret: " SECRET "}\n",
	  "t.yaml:8:11: warning: users.a.totp: the password alone is enough "
	  "without the code; use auth without password as an entry of its "
	  "own\n" },
	{ "a code alone",
	  HEAD "users:\n  a:\n    " ACCOUNT "\n    " KEY "\n"
	  "    auth: [keyboard-interactive]\n"
	  "    totp: {secret: " SECRET "}\n",
	  "t.yaml:7:11: users.a.auth: asks for a password, but this user has "
	  "none; needs password or pam, or auth without it\n" },
	{ "passwords that expire",
	  USER "    auth: [password]\n"
	  "    password_expires: 2026-01-31\n    password_warn: 7d\n"
	  "    password_change: on\n    password_min: 20\n", "" },
	{ "passwords that expire, wrongly",
	  USER "    auth: [password]\n"
	  "    password_expires: 2026-02-30\n    password_warn: 41d\n"
	  "    password_change: maybe\n    password_min: 7\n",
	  "t.yaml:8:23: users.a.password_expires: \"2026-02-30\" is not a "
	  "date; use a day such as 2026-01-31, a time such as "
	  "2026-01-31T08:00:00Z, or none\n"
	  "t.yaml:9:20: users.a.password_warn: \"41d\" is out of range; use "
	  "0 for never, or up to 40d\n"
	  "t.yaml:10:22: users.a.password_change: \"maybe\" is unknown; use "
	  "on, off or expired\n"
	  "t.yaml:11:19: users.a.password_min: \"7\" is out of range; use "
	  "8-128\n" },
	{ "passwords that cannot be kept",
	  USER "    auth: [password]\n"
	  "    password_expires: 2026-01-31\n    password_change: expired\n"
	  "state_dir: none\n",
	  "t.yaml:8:23: warning: users.a.password_expires: will lock this "
	  "user out: there is no place to keep a new password; use "
	  "state_dir\n"
	  "t.yaml:9:22: users.a.password_change: has no place to keep a new "
	  "password; needs state_dir\n" },
	{ "passwords that need not be kept",
	  USER "    auth: [password]\n"
	  "    password_change: off\nstate_dir: none\n", "" },
	{ "hosts",
	  KEYED "    auth: [hostbased]\n"
	  "    known_hosts: [\"*.example.org ssh-ed25519 AAAA\"]\n"
	  "    hostbased_users: [backup, \"%u@*.example.org\"]\n", "" },
	{ "hosts in files",
	  KEYED "    auth: [\"hostbased+publickey\"]\n"
	  "    known_hosts_files: [/hosts/%u]\n", "" },
	{ "no hosts",
	  KEYED "    auth: [publickey, hostbased]\n",
	  "t.yaml:7:11: users.a.auth: asks for hostbased, but no host is "
	  "known for this user; needs known_hosts or known_hosts_files, or "
	  "auth without it\n" },
	{ "no hosts, by defaults",
	  KEYED "defaults: {auth: [publickey, hostbased]}\n",
	  "t.yaml:4:3: warning: users.a.auth: defaults ask for hostbased, but "
	  "no host is known for this user; that way is closed\n" },
	{ "lists of hosts",
	  KEYED "    known_hosts: [\"\", \"# x\", [a]]\n"
	  "    known_hosts_files: [hosts, /%h]\n"
	  "    hostbased_users: [\"\", \" a\", \"%h\"]\n",
	  "t.yaml:7:19: users.a.known_hosts[0]: is empty or a comment; needs "
	  "a line as in authorized_keys\n"
	  "t.yaml:7:23: users.a.known_hosts[1]: is empty or a comment; needs "
	  "a line as in authorized_keys\n"
	  "t.yaml:7:30: users.a.known_hosts[2]: is a list; needs keys of "
	  "hosts, as in known_hosts\n"
	  "t.yaml:8:25: users.a.known_hosts_files[0]: \"hosts\" is not an "
	  "absolute path; use one that starts with /\n"
	  "t.yaml:8:32: users.a.known_hosts_files[1]: \"/%h\" has an unknown "
	  "%; use %u for the user's name and %% for a percent sign\n"
	  "t.yaml:9:23: users.a.hostbased_users[0]: \"\" is no name of a "
	  "principal; needs 1 to 255 characters without blanks around and "
	  "control characters\n"
	  "t.yaml:9:27: users.a.hostbased_users[1]: \" a\" is no name of a "
	  "principal; needs 1 to 255 characters without blanks around and "
	  "control characters\n"
	  "t.yaml:9:33: users.a.hostbased_users[2]: \"%h\" has an unknown %; "
	  "use %u for the user's name and %% for a percent sign\n" },
	{ "nobody there",
	  KEYED "    hostbased_users: []\n",
	  "t.yaml:7:22: users.a.hostbased_users: is empty; needs names, such "
	  "as backup or backup@*.example.org, or leave the key out for the "
	  "user's name alone\n" },
	{ "a line that is none",
	  KEYED "    known_hosts: [bad]\n",
	  "t.yaml:7:19: users.a.known_hosts[0]: is bad; needs better\n" },
	{ "a line that is odd",
	  KEYED "    known_hosts: [odd]\n",
	  "t.yaml:7:19: warning: users.a.known_hosts[0]: may not work\n" },
	{ "a code behind a key",
	  HEAD "users:\n  a:\n    " ACCOUNT "\n    " KEY "\n"
	  "    auth: [publickey+keyboard-interactive]\n"
	  "    totp: {secret: " SECRET "}\n", "" },
};

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct run r = run(cases[i].yaml);

		if (strcmp(r.text, cases[i].faults) != 0)
			print_message("case: %s\n", cases[i].title);
		assert_string_equal(r.text, cases[i].faults);
		run_free(&r);
	}
}

/* ---- what comes out ---- */

static void
test_totp(void **state)
{
	struct run r = run(HEAD
	    "defaults: {auth: [keyboard-interactive], password: \"" HASH "\","
	    " " ACCOUNT "}\n"
	    "groups: {g: {totp: {file: \"/totp/%u\", digits: 8}}}\n"
	    "users:\n"
	    "  a: {totp: {secret: gezd gnbv gy3t qojq gezd gnbv gy3t qojq}}\n"
	    "  b: {group: g}\n"
	    "  c: {group: g, totp: none}\n"
	    "  d: {totp: {secret: " SECRET ", algorithm: sha512, period: 60s,"
	    " drift: 3, recovery: [\"" HASH "\"]}}\n");
	struct policy *p;

	(void)state;
	assert_string_equal(r.text, "");
	assert_true(config_main(r.config)->asks_code);
	p = user(&r, "a");
	assert_true(policy_has_totp(p));
	is(p->totp.secret, "12345678901234567890");
	is(p->totp.file, "");
	assert_int_equal(p->totp.hash, 0);
	assert_int_equal(p->totp.digits, 6);
	assert_int_equal(p->totp.period, 30);
	assert_int_equal(p->totp.drift, 1);
	assert_int_equal(p->totp.recovery.n, 0);
	policy_free(&p);
	p = user(&r, "b");
	assert_true(policy_has_totp(p));
	is(p->totp.secret, "");
	is(p->totp.file, "/totp/b");
	assert_int_equal(p->totp.digits, 8);
	policy_free(&p);
	p = user(&r, "c");
	assert_false(policy_has_totp(p));
	policy_free(&p);
	p = user(&r, "d");
	assert_int_equal(p->totp.hash, 2);
	assert_int_equal(p->totp.period, 60);
	assert_int_equal(p->totp.drift, 3);
	assert_int_equal(p->totp.recovery.n, 1);
	is(p->totp.recovery.v[0], HASH);
	policy_free(&p);
	run_free(&r);
}

static void
test_password(void **state)
{
	struct run r = run(HEAD
	    "defaults: {auth: [password], " ACCOUNT ", password: \"" HASH
	    "\",\n"
	    "  time_zone: Europe/Berlin, password_expires: 2026-01-05}\n"
	    "users:\n"
	    "  x: {}\n"
	    "  y: {password_expires: none, password_change: off, "
	    "password_warn: 0, password_min: 8}\n"
	    "  z: {password_expires: \"2026-01-05T00:00:00Z\", "
	    "password_change: on, password_warn: 1d}\n");
	struct policy *p;

	(void)state;
	assert_string_equal(r.text, "");
	p = user(&r, "x");
	assert_int_equal(p->password_expires, 1767571200 - 3600 + 86400);
	assert_int_equal(p->password_change, PASSWORD_CHANGE_EXPIRED);
	assert_int_equal(p->password_warn, 14 * 86400);
	assert_int_equal(p->password_min, 12);
	policy_free(&p);
	p = user(&r, "y");
	assert_int_equal(p->password_expires, 0);
	assert_int_equal(p->password_change, PASSWORD_CHANGE_OFF);
	assert_int_equal(p->password_warn, 0);
	assert_int_equal(p->password_min, 8);
	policy_free(&p);
	p = user(&r, "z");
	assert_int_equal(p->password_expires, 1767571200);
	assert_int_equal(p->password_change, PASSWORD_CHANGE_ON);
	assert_int_equal(p->password_warn, 86400);
	policy_free(&p);
	run_free(&r);
	/* without a folder nothing is changed */
	r = run(USER "    auth: [password]\nstate_dir: none\n");
	assert_string_equal(r.text, "");
	p = user(&r, "a");
	assert_int_equal(p->password_change, PASSWORD_CHANGE_OFF);
	policy_free(&p);
	run_free(&r);
}

static void
test_hosts(void **state)
{
	struct run r = run(HEAD
	    "defaults: {auth: [hostbased], " ACCOUNT ",\n"
	    "  known_hosts: [\"a ssh-ed25519 AAAA\"], hostbased_users: "
	    "[\"%u@b\", c]}\n"
	    "users:\n"
	    "  x: {}\n"
	    "  y: {known_hosts: [], known_hosts_files: [/h/%u, /g]}\n");
	struct policy *p;

	(void)state;
	assert_string_equal(r.text, "");
	assert_int_equal(config_main(r.config)->methods, 1 << AUTH_HOSTBASED);
	p = user(&r, "x");
	assert_int_equal(p->nknown_hosts, 1);
	is(p->known_hosts[0].line, "a ssh-ed25519 AAAA");
	is(p->known_hosts[0].file, "t.yaml");
	assert_int_equal(p->known_hosts[0].lineno, 4);
	assert_int_equal(p->hostbased_users.n, 2);
	is(p->hostbased_users.v[0], "x@b");
	is(p->hostbased_users.v[1], "c");
	policy_free(&p);
	p = user(&r, "y");
	assert_int_equal(p->nknown_hosts, 0);
	assert_int_equal(p->known_hosts_files.n, 2);
	is(p->known_hosts_files.v[0], "/h/y");
	policy_free(&p);
	run_free(&r);
}

/* Strangers are asked for a code only where somebody begins with one. */
static void
test_asks_code(void **state)
{
	static const struct {
		const char *auth;
		bool asks;
	} rows[] = {
		{ "[keyboard-interactive]", true },
		{ "[publickey, keyboard-interactive+publickey]", true },
		{ "[publickey+keyboard-interactive]", false },
		{ "[password+keyboard-interactive]", false },
	};
	char yaml[1024];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (int totp = 0; totp < 2; totp++) {
			struct run r;

			snprintf(yaml, sizeof(yaml), USER "    " KEY "\n"
			    "    auth: %s\n    totp: %s\n", rows[i].auth,
			    totp ? "{secret: " SECRET "}" : "none");
			r = run(yaml);
			assert_string_equal(r.text, "");
			assert_int_equal(config_main(r.config)->asks_code,
			    totp && rows[i].asks);
			run_free(&r);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_totp),
		cmocka_unit_test(test_password),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_asks_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
