/* Keys of the configuration about programs, and the decoys that come of
 * them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_parse.h"

#define HEAD	"listen: [\"127.0.0.1:22\"]\nhost_keys: [/k]\n"
#define ACCOUNT	"account: {uid: 5, gid: 5}"
#define WHO	"command_user: {uid: 300, gid: 301}"
/* Six lines, up to a user's own keys. */
#define USER	HEAD "users:\n  a:\n    " ACCOUNT "\n    " WHO "\n"
#define KEYS	"    authorized_keys: [ssh-ed25519 AAAA]\n"

static bool
resolve(void *ctx, const char *name, struct policy *out, const char **why_out)
{
	static const uint32_t groups[] = { 401, 402 };

	(void)ctx;
	if (strcmp(name, "_sallyport") == 0) {
		out->uid = out->gid = 990;
	} else if (strcmp(name, "asker") == 0) {
		out->uid = out->gid = 400;
		out->groups = groups;
		out->ngroups = 2;
	} else {
		*why_out = "no such account";
		return false;
	}
	return true;
}

static bool
program(struct view path, bool *missing_out, const char **why_out)
{
	*missing_out = view_is(path, "/missing");
	*why_out = "its folder belongs to uid 5; needs chown";
	return !*missing_out && !view_is(path, "/unsafe");
}

#define HASH	"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$" \
	"X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"

struct run {
	bool good;
	struct wr block, faults;
	struct config *config;
	char *text;			/* of the faults */
};

static struct run
run_as(const char *yaml, bool unprivileged)
{
	const struct config_env env = {
		.resolve = resolve, .program = program,
		.unprivileged = unprivileged,
	};
	struct run r = { .block = wr_new(1 << 26),
	    .faults = wr_new(1 << 20) };

	r.good = config_parse_text("t.yaml", view_str(yaml), &env, &r.block,
	    &r.faults);
	r.text = view_dup(wr_view(&r.faults));
	assert_non_null(r.text);
	if (r.good) {
		r.config = config_open(wr_view(&r.block));
		assert_non_null(r.config);
	}
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

static void
faults(const char *yaml, const char *want)
{
	struct run r = run_as(yaml, false);

	assert_string_equal(r.text, want);
	run_free(&r);
}

static struct policy *
user(const struct run *r, const char *name)
{
	struct policy *p;

	assert_true(r->good);
	p = policy_decode(config_user(r->config, view_str(name), NULL));
	assert_non_null(p);
	return p;
}

static void
is_argv(struct view_list l, size_t n, const char *const *want)
{
	assert_int_equal(l.n, n);
	for (size_t i = 0; i < n; i++)
		assert_true(view_is(l.v[i], want[i]));
}

/* ---- what is taken ---- */

static void
test_values(void **state)
{
	static const char *const keys[] = {
		"/bin/keys", "--", "%u", "%t", "100%%", "%u",
	};
	static const char *const ask[] = { "/bin/ask", "100%", "" };
	struct run r = run_as(USER
	    "    command_timeout: 2500ms\n"
	    "    authorized_keys_command: [/bin/keys, --, \"%u\", \"%t\", "
	    "\"100%%\", \"%u\"]\n"
	    "    ask: [/bin/ask, \"100%%\", \"\"]\n"
	    "    auth_command: [/missing]\n"
	    "    auth_external: [password]\n", false);
	struct policy *p;

	(void)state;
	assert_string_equal(r.text, "t.yaml:10:20: warning: "
	    "users.a.auth_command[0]: \"/missing\" is not there yet; until "
	    "it is, whoever needs it is refused\n");
	p = user(&r, "a");
	assert_int_equal(p->programs.uid, 300);
	assert_int_equal(p->programs.gid, 301);
	assert_int_equal(p->programs.ngroups, 0);
	assert_int_equal(p->programs.timeout_ms, 2500);
	assert_int_equal(p->programs.methods, 1u << AUTH_PASSWORD);
	is_argv(p->programs.keys, 6, keys);
	is_argv(p->programs.ask, 3, ask);
	assert_int_equal(p->programs.decide.n, 1);
	assert_int_equal(p->programs.url.n, 0);
	policy_free(&p);
	run_free(&r);
}

static void
test_inheritance(void **state)
{
	struct run r = run_as(HEAD
	    "defaults: {command_user: asker, ask: [/bin/ask], "
	    "auth_url: \"https://h:8443/x?y\", auth_url_ca: /ca, "
	    "auth_url_token: /t}\n"
	    "groups: {g: {ask: none, auth_url: none}}\n"
	    "users:\n"
	    "  a: {" ACCOUNT ", auth: [keyboard-interactive, password]}\n"
	    "  b: {" ACCOUNT ", group: g, authorized_keys: "
	    "[ssh-ed25519 AAAA]}\n"
	    "  c: {" ACCOUNT ", auth_url: none, auth_command: [/bin/c], "
	    "auth: [password, publickey]}\n", false);
	struct policy *p;

	(void)state;
	assert_string_equal(r.text, "");
	p = user(&r, "a");
	assert_int_equal(p->programs.uid, 400);
	assert_int_equal(p->programs.ngroups, 2);
	assert_int_equal(p->programs.timeout_ms, 10000);
	assert_int_equal(p->programs.ask.n, 1);
	assert_true(view_is(p->programs.url, "https://h:8443/x?y"));
	assert_true(view_is(p->programs.url_ca, "/ca"));
	assert_true(view_is(p->programs.url_token, "/t"));
	assert_int_equal(p->programs.methods, 1u << AUTH_PASSWORD |
	    1u << AUTH_PUBLICKEY);
	policy_free(&p);
	/* nothing to run, nobody to run it */
	p = user(&r, "b");
	assert_int_equal(p->programs.uid, 0);
	assert_int_equal(p->programs.ask.n, 0);
	assert_int_equal(p->programs.url.n, 0);
	policy_free(&p);
	p = user(&r, "c");
	assert_int_equal(p->programs.decide.n, 1);
	assert_int_equal(p->programs.url.n, 0);
	policy_free(&p);
	run_free(&r);
}

/* A user without anything of its own can log in by what somebody decides. */
static void
test_secrets(void **state)
{
	static const char no_password[] = "t.yaml:8:11: users.a.auth: asks "
	    "for a password, but this user has none; needs password or pam, "
	    "or auth without it\n";

	(void)state;
	faults(USER "    auth_command: [/c]\n    auth: [password, publickey, "
	    "keyboard-interactive]\n", "");
	faults(USER "    auth_url: \"https://h/\"\n    auth: [password]\n",
	    "");
	faults(USER "    authorized_keys_command: [/c]\n"
	    "    auth: [publickey]\n", "");
	faults(USER "    ask: [/c]\n    auth: [keyboard-interactive]\n", "");
	faults(USER "    ask: [/c]\n    auth: [password]\n", no_password);
	faults(USER "    authorized_keys_command: [/c]\n"
	    "    auth: [keyboard-interactive]\n", no_password);
	faults(USER "    auth_command: [/c]\n"
	    "    auth: [keyboard-interactive]\n"
	    "    auth_external: [publickey]\n", no_password);
}

/* Secrets that nobody looks at are told. */
static void
test_unused(void **state)
{
	(void)state;
	faults(USER KEYS "    auth_command: [/c]\n    password: '" HASH "'\n"
	    "    authorized_keys_command: [/k]\n",
	    "t.yaml:7:22: warning: users.a.authorized_keys: is not looked "
	    "at: auth_command decides; use auth_external to say about what\n"
	    "t.yaml:9:15: warning: users.a.password: is not looked at: "
	    "auth_command decides; use auth_external to say about what\n"
	    "t.yaml:10:30: warning: users.a.authorized_keys_command: is not "
	    "looked at: auth_command decides; use auth_external to say about "
	    "what\n");
	faults(USER KEYS "    auth_url: \"https://h/\"\n"
	    "    password: '" HASH "'\n    auth_external: [password]\n",
	    "t.yaml:9:15: warning: users.a.password: is not looked at: "
	    "auth_url decides; use auth_external to say about what\n");
}

static void
test_pam(void **state)
{
	(void)state;
	faults(USER "    pam: sallyport\n    auth: [password]\n"
	    "    auth_command: [/c]\n    auth_external: [password]\n",
	    "t.yaml:9:19: warning: users.a.auth_command: has no effect where "
	    "PAM decides; let a module of its service do that, or use pam: "
	    "none\n");
	faults(USER "    pam: sallyport\n    auth: [password, publickey]\n"
	    "    auth_command: [/c]\n", "");
}

/* ---- what is not ---- */

static void
test_command_user(void **state)
{
	(void)state;
	faults(HEAD "users:\n  a:\n    " ACCOUNT "\n" KEYS
	    "    ask: [/c]\n",
	    "t.yaml:7:10: users.a.ask: has nobody to run it; needs "
	    "command_user, an account of its own without rights\n");
	faults(HEAD "users: {a: {" ACCOUNT ", ask: [/c], command_user: "
	    "{uid: 0, gid: 1}}}\n",
	    "t.yaml:3:9: warning: users.a: nobody can log in: auth asks for "
	    "what this user does not have; needs authorized_keys, "
	    "authorized_keys_files, password or pam\n"
	    "t.yaml:3:71: users.a.command_user.uid: 0 is root, who is never "
	    "served; use 1-4294967294\n");
	faults(USER KEYS "defaults: {command_user: {uid: 7, gid: 0}}\n",
	    "t.yaml:8:26: defaults.command_user: has the group of root, 0; "
	    "use an account of its own without rights\n"
	    "t.yaml:8:40: warning: defaults.command_user.gid: 0 is the group "
	    "of root, who owns many files; use another\n");
	faults(USER KEYS "defaults: {command_user: _sallyport}\n",
	    "t.yaml:8:26: command_user: is the account of server_user, whose "
	    "process programs must not reach; use an account of its own\n");
	/* whoever's account it is, and in whatever order they stand */
	faults(HEAD "users:\n"
	    "  a: {account: {uid: 7, gid: 7}, authorized_keys: [ssh-ed25519 "
	    "AAAA], command_user: {uid: 6, gid: 6}}\n"
	    "  b: {account: {uid: 6, gid: 7}, authorized_keys: [ssh-ed25519 "
	    "AAAA], command_user: {uid: 7, gid: 7}}\n",
	    "t.yaml:4:85: command_user: is the account of a user, whose "
	    "programs could reach this one; use an account of its own\n"
	    "t.yaml:5:85: command_user: is the account of a user, whose "
	    "programs could reach this one; use an account of its own\n");
}

static void
test_programs(void **state)
{
	(void)state;
	faults(USER KEYS "    ask: [ask.sh]\n",
	    "t.yaml:8:11: users.a.ask[0]: \"ask.sh\" is not an absolute "
	    "path; use one that starts with /\n");
	faults(USER KEYS "    ask: /bin/ask\n",
	    "t.yaml:8:10: users.a.ask: is a single value; needs a list of a "
	    "program and its arguments, or none\n");
	faults(USER KEYS "    ask: []\n",
	    "t.yaml:8:10: users.a.ask: is empty; needs a program and its "
	    "arguments, or none\n");
	faults(USER KEYS "    ask: [/unsafe]\n",
	    "t.yaml:8:11: users.a.ask[0]: \"/unsafe\" is not safe to run: "
	    "its folder belongs to uid 5; needs chown\n");
	faults(USER KEYS "    ask: [/c, \"%u\"]\n",
	    "t.yaml:8:15: users.a.ask[1]: \"%u\" has a %, but nothing of the "
	    "client goes into these words: it comes on standard input; use "
	    "%% for a percent sign\n");
	faults(USER KEYS "    authorized_keys_command: [/c, \"%d\", \"a%\"]"
	    "\n",
	    "t.yaml:8:35: users.a.authorized_keys_command[1]: \"%d\" has an "
	    "unknown %; use %u %U %h %t %k %f %C, and %% for a percent "
	    "sign\n");
	faults(USER KEYS "    authorized_keys_command: [/c, \"a%\"]\n",
	    "t.yaml:8:35: users.a.authorized_keys_command[1]: \"a%\" has an "
	    "unknown %; use %u %U %h %t %k %f %C, and %% for a percent "
	    "sign\n");
	faults(USER KEYS "    authorized_keys_command: [\"/c%u\"]\n",
	    "t.yaml:8:31: users.a.authorized_keys_command[0]: \"/c%u\" has a "
	    "%, but nothing of the client goes into these words: it comes on "
	    "standard input; use %% for a percent sign\n");
	faults(USER KEYS "    command_timeout: 99ms\n",
	    "t.yaml:8:22: users.a.command_timeout: \"99ms\" is out of range; "
	    "use 100ms to 60s\n");
	faults(USER KEYS "    command_timeout: 61s\n",
	    "t.yaml:8:22: users.a.command_timeout: \"61s\" is out of range; "
	    "use 100ms to 60s\n");
	faults(USER KEYS "    auth_command: [/c]\n"
	    "    auth_url: \"https://h/\"\n    auth_external: [password]\n",
	    "t.yaml:8:19: users.a.auth_command: is given beside auth_url; "
	    "only one of them can decide, use none for the other\n");
	faults(USER KEYS "    auth_external: [keyboard-interactive]\n",
	    "t.yaml:8:21: users.a.auth_external[0]: "
	    "\"keyboard-interactive\" is not decided elsewhere; use "
	    "password, publickey or both\n");
	faults(USER KEYS "    auth_external: []\n",
	    "t.yaml:8:20: users.a.auth_external: is empty; needs password, "
	    "publickey or both\n");
}

/* Told once for all who inherit it. */
static void
test_once(void **state)
{
	(void)state;
	faults(HEAD "defaults: {ask: [/c], authorized_keys: [ssh-ed25519 "
	    "AAAA]}\n"
	    "users: {a: {" ACCOUNT "}, b: {" ACCOUNT "}}\n",
	    "t.yaml:3:17: users.a.ask: has nobody to run it; needs "
	    "command_user, an account of its own without rights\n");
}

static void
test_urls(void **state)
{
	static const struct {
		const char *url, *why;
	} rows[] = {
		{ "https://h", NULL },
		{ "https://h:1/x?y=z%20&a", NULL },
		{ "https://[2001:db8::1]:8443/", NULL },
		{ "http://localhost:80/x", NULL },
		{ "http://127.0.0.1/", NULL },
		{ "http://[::1]:8080", NULL },
		{ "ftp://h/", "is not a URL of HTTP; use https://HOST/..." },
		{ "h/x", "is not a URL of HTTP; use https://HOST/..." },
		{ "file:///etc/passwd",
		    "is not a URL of HTTP; use https://HOST/..." },
		{ "https://", "has no host; use https://HOST/..." },
		{ "https:///x", "has no host; use https://HOST/..." },
		{ "https://:443/x", "has no host; use https://HOST/..." },
		{ "https://u:p@h/",
		    "holds a user name; use auth_url_token for a secret" },
		{ "http://h/", "would send passwords in clear over a network; "
		    "use https, or http to localhost" },
		{ "http://127.0.0.1.example.org/", "would send passwords in "
		    "clear over a network; use https, or http to localhost" },
		{ "http://localhost.example.org/", "would send passwords in "
		    "clear over a network; use https, or http to localhost" },
		{ "http://localhost@h/",
		    "holds a user name; use auth_url_token for a secret" },
		{ "https://h/#x", "has a character that does not stand in a "
		    "URL; write it as %XX, and no #" },
		{ "https://h/a b", "has a character that does not stand in a "
		    "URL; write it as %XX, and no #" },
	};
	char yaml[1024], want[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(yaml, sizeof(yaml), USER KEYS "    auth_url: '%s'\n"
		    "    auth_external: [password]\n", rows[i].url);
		want[0] = '\0';
		if (rows[i].why != NULL)
			snprintf(want, sizeof(want), "t.yaml:8:15: "
			    "users.a.auth_url: \"%s\" %s\n", rows[i].url,
			    rows[i].why);
		faults(yaml, want);
	}
}

static void
test_unprivileged(void **state)
{
	struct run r = run_as(HEAD "users:\n  a:\n" KEYS
	    "    ask: [/c]\n    auth_url: \"https://h/\"\n", true);

	(void)state;
	/* root itself would be told so first */
	assert_non_null(strstr(r.text,
	    "t.yaml:6:10: users.a.ask: needs a server that runs as root, "
	    "which can run it as another account; start it as root, or leave "
	    "the key out\n"
	    "t.yaml:7:15: users.a.auth_url: needs a server that runs as "
	    "root, which can run it as another account; start it as root, or "
	    "leave the key out\n"));
	run_free(&r);
}

/* ---- decoys ---- */

static void
test_decoys(void **state)
{
	struct run r = run_as(HEAD
	    "defaults: {" WHO ", ask: [/bin/ask], authorized_keys: "
	    "[ssh-ed25519 AAAA]}\n"
	    "users:\n"
	    "  a: {" ACCOUNT ", password: '" HASH "'}\n"
	    "  b: {" ACCOUNT ", ask: none}\n"
	    "  c: {" ACCOUNT ", umask: \"027\"}\n", false);
	const struct config_main *m;
	struct policy *p;

	(void)state;
	assert_true(r.good);
	m = config_main(r.config);
	assert_int_equal(m->ndecoys, 2);
	assert_int_equal(m->decoys[0].users, 2);
	assert_int_equal(m->decoys[1].users, 1);
	p = policy_decode(m->decoys[0].policy);
	assert_non_null(p);
	assert_int_equal(p->programs.ask.n, 1);
	assert_int_equal(p->programs.uid, 300);
	/* nothing of anybody's, no way in */
	assert_int_equal(p->name.n, 0);
	assert_int_equal(p->uid, 0);
	assert_int_equal(p->nauth, 0);
	assert_int_equal(p->nkeys, 0);
	assert_int_equal(p->password.n, 0);
	assert_int_equal(p->allow, 0);
	policy_free(&p);
	p = policy_decode(m->decoys[1].policy);
	assert_non_null(p);
	assert_int_equal(p->programs.ask.n, 0);
	policy_free(&p);
	run_free(&r);
}

/* More kinds than there is room for: the rest has none. */
static void
test_many_decoys(void **state)
{
	struct wr w = wr_new(1 << 20);
	const struct config_main *m;
	char line[256], *yaml;
	struct run r;

	(void)state;
	wr_bytes(&w, view_str(HEAD "users:\n"));
	for (int i = 0; i < 80; i++) {
		snprintf(line, sizeof(line), "  u%02d: {" ACCOUNT ", " WHO
		    ", ask: [/p%d], authorized_keys: [ssh-ed25519 AAAA]}\n",
		    i, i);
		wr_bytes(&w, view_str(line));
	}
	yaml = view_dup(wr_view(&w));
	assert_non_null(yaml);
	r = run_as(yaml, false);
	assert_true(r.good);
	m = config_main(r.config);
	assert_int_equal(m->ndecoys, CONFIG_MAX_DECOYS);
	run_free(&r);
	free(yaml);
	wr_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_inheritance),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_unused),
		cmocka_unit_test(test_pam),
		cmocka_unit_test(test_command_user),
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_unprivileged),
		cmocka_unit_test(test_decoys),
		cmocka_unit_test(test_many_decoys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
