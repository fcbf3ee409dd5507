/* Keys of the configuration about PAM and accounts of the host: exactly the
 * faults they give, and what comes out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_parse.h"
#include "base/host.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

/* Two lines: what every configuration needs. */
#define HEAD	"listen: [\"127.0.0.1:22\"]\nhost_keys: [/k]\n"
#define ACCOUNT	"account: {uid: 5, gid: 5}"
#define HASH	"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$" \
	"X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"
/* Five lines: a user who logs in with a password. */
#define USER	HEAD "users:\n  a:\n    {" ACCOUNT ", auth: [password], "
#define KEYS	"authorized_keys: [ssh-ed25519 AAAA]"

static bool
resolve(void *ctx, const char *name, struct policy *out, const char **why_out)
{
	(void)ctx;
	*why_out = "no such account";
	out->uid = out->gid = 990;
	out->home = view_str("/home/alice");
	return strcmp(name, "_sallyport") == 0 || strcmp(name, "alice") == 0;
}

static bool
pam_service(struct view name)
{
	return view_is(name, "sshd") || view_is(name, "sallyport");
}

struct run {
	struct wr block, faults;
	struct config *config;		/* NULL: a fault */
	char *text;			/* of the faults */
};

static struct run
run_as(const char *yaml, bool unprivileged)
{
	const struct config_env env = {
		.resolve = resolve, .pam_service = pam_service,
		.unprivileged = unprivileged,
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
	p = policy_decode(config_user(r->config, view_str(name), NULL));
	assert_non_null(p);
	return p;
}

/* ---- faults ---- */

static const struct {
	const char *title, *yaml, *faults;
} cases[] = {
	{ "pam", USER "pam: sshd}\n", "" },
	{ "pam without a file",
	  USER "pam: sshx}\n",
	  "t.yaml:5:56: warning: users.a.pam: there is no /etc/pam.d/sshx; "
	  "PAM refuses everybody, make it or use a service that is there\n" },
	{ "pam none",
	  USER "pam: none}\n",
	  "t.yaml:5:39: users.a.auth: asks for a password, but this user has "
	  "none; needs password or pam, or auth without it\n" },
	{ "pam and a password",
	  USER "pam: sshd, password: \"" HASH "\"}\n",
	  "t.yaml:5:56: users.a.pam: stands beside a password of its own; "
	  "needs one of them\n" },
	{ "pam and a code",
	  USER "pam: sshd, totp: {secret: "
	  "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ}}\n",
	  "t.yaml:5:68: warning: users.a.totp: has no effect where PAM "
	  "decides; let a module of its service do that, or use pam: none\n" },
	{ "keys in the home",
	  HEAD "users:\n  a: {account: alice, authorized_keys_files: "
	  "[\"%h/.ssh/authorized_keys\", \"/k/%u\"]}\n", "" },
	{ "keys in the home of nobody",
	  HEAD "users:\n  a: {" ACCOUNT ", authorized_keys_files: "
	  "[\"%h/.ssh/%u\"]}\n",
	  "t.yaml:4:3: warning: users.a: nobody can log in: auth asks for "
	  "what this user does not have; needs authorized_keys, "
	  "authorized_keys_files, password or pam\n"
	  "t.yaml:4:57: users.a.authorized_keys_files: \"%h/.ssh/a\" needs a "
	  "home, which only a host account has; use account with a name, or "
	  "an absolute path\n" },
	{ "keys beside the home",
	  HEAD "users:\n  a: {account: alice, authorized_keys_files: "
	  "[\"%h/../x\", \"%hx\", \"/x/%h\"]}\n",
	  "t.yaml:4:47: users.a.authorized_keys_files[0]: \"%h/../x\" holds "
	  "\".\" or \"..\"; use a path without them\n"
	  "t.yaml:4:58: users.a.authorized_keys_files[1]: \"%hx\" is not an "
	  "absolute path; use one that starts with /\n"
	  "t.yaml:4:65: users.a.authorized_keys_files[2]: \"/x/%h\" has an "
	  "unknown %; use %u for the user's name and %% for a percent sign\n" },
	{ "pam of a key's user is for the account",
	  HEAD "users:\n  a: {" ACCOUNT ", " KEYS ", pam: sshd}\n", "" },
};

/* ---- accounts of the host ---- */

#define NAME	" is neither a name of an account nor @ and one of a " \
	"group; use such as bob or \"@sftp\"\n"

static const struct {
	const char *title, *yaml, *faults;
} host_cases[] = {
	{ "all keys",
	  HEAD "groups: {g: {jail: /srv/%u}}\nhost_accounts: {allow: "
	  "[\"@sftp\", bob], deny: [eve, \"@staff\"], policy: g, pam: sshd, "
	  "root: off}\n", "" },
	{ "nobody",
	  HEAD "host_accounts: {deny: [bob]}\n",
	  "t.yaml:3:16: host_accounts: lets nobody in; needs allow, such as "
	  "[\"@sftp\"]\n" },
	{ "an empty list",
	  HEAD "host_accounts: {allow: []}\n",
	  "t.yaml:3:16: host_accounts: lets nobody in; needs allow, such as "
	  "[\"@sftp\"]\n" },
	{ "odd names",
	  HEAD "host_accounts: {allow: [\"@\", \"@@x\", \"a/b\", \"\"]}\n",
	  "t.yaml:3:25: host_accounts.allow[0]: \"@\"" NAME
	  "t.yaml:3:30: host_accounts.allow[1]: \"@@x\"" NAME
	  "t.yaml:3:37: host_accounts.allow[2]: \"a/b\"" NAME
	  "t.yaml:3:44: host_accounts.allow[3]: \"\"" NAME },
	{ "no PAM",
	  HEAD "host_accounts: {allow: [bob], pam: none}\n",
	  "t.yaml:3:36: host_accounts.pam: accounts of the host log in through "
	  "PAM; needs the name of a service\n" },
	{ "a service that is not there",
	  HEAD "host_accounts: {allow: [bob], pam: sshx}\n",
	  "t.yaml:3:36: warning: host_accounts.pam: there is no "
	  "/etc/pam.d/sshx; PAM refuses everybody, make it or use a service "
	  "that is there\n" },
	{ "a word for a switch",
	  HEAD "host_accounts: {allow: [bob], root: perhaps}\n",
	  "t.yaml:3:37: host_accounts.root: \"perhaps\" is not a switch; use "
	  "on or off\n" },
	{ "an unknown key",
	  HEAD "host_accounts: {allow: [bob], denied: []}\n",
	  "t.yaml:3:31: host_accounts.denied: unknown key; use one of: allow, "
	  "deny, policy, pam, root\n" },
};

static void
test_host_cases(void **state)
{
	unsigned failed = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(host_cases); i++) {
		struct run r = run_as(host_cases[i].yaml, false);

		if (strcmp(r.text, host_cases[i].faults) != 0) {
			print_message("%s:\n%s--- expected\n%s\n",
			    host_cases[i].title, r.text,
			    host_cases[i].faults);
			failed++;
		}
		run_free(&r);
	}
	assert_int_equal(failed, 0);
}

/* What all of them get, before it is known who it is. */
static void
test_host_rules(void **state)
{
	struct run r = run_as(HEAD
	    "defaults: {auth: [publickey, password], umask: \"027\",\n"
	    "  when: [{if: {from: [192.0.2.0/24]}, allow: [shell]}]}\n"
	    "groups: {g: {jail: \"/srv/%u\", pam: other,\n"
	    "  account: {uid: 5, gid: 5}, password: \"" HASH "\",\n"
	    "  totp: {file: \"/t/%u\"}}}\n"
	    "users: {a: {" ACCOUNT ", auth: [publickey], " KEYS "},\n"
	    "  b: {" ACCOUNT ", auth: [publickey], " KEYS "}}\n"
	    "host_accounts: {allow: [\"@sftp\", bob], deny: [eve], policy: g,\n"
	    "  root: on}\n", false);
	struct place there = { { 4, { 192, 0, 2, 9 } },
	    { 4, { 127, 0, 0, 1 } }, 22, 0 };
	const struct config_main *m;
	struct host_rules rules;
	struct policy *p;

	(void)state;
	assert_non_null(r.config);
	assert_true(config_host(r.config, NULL, &rules));
	assert_true(rules.root);
	assert_true(host_may_be(&rules, view_str("bob")));
	assert_false(host_may_be(&rules, view_str("eve")));
	p = policy_decode(rules.policy);
	assert_non_null(p);
	assert_int_equal(p->name.n, 0);
	assert_true(view_is(p->jail, "/srv/%u"));
	assert_int_equal(p->umask, 027);
	assert_int_equal(p->uid, 0);
	assert_int_equal(p->nauth, 2);
	assert_true(view_is(p->pam, "other"));
	assert_int_equal(p->password.n, 0);
	assert_int_equal(p->totp.file.n, 0);
	assert_int_equal(p->key_files.n, 1);
	assert_true(view_is(p->key_files.v[0], "%h/.ssh/authorized_keys"));
	assert_int_equal(p->allow & ALLOW_SHELL, 0);
	policy_free(&p);
	/* it differs by source, as others do */
	assert_true(config_host(r.config, &there, &rules));
	p = policy_decode(rules.policy);
	assert_non_null(p);
	assert_int_equal(p->allow & ALLOW_SHELL, ALLOW_SHELL);
	policy_free(&p);
	/* no name finds it */
	assert_int_equal(config_user(r.config, view_of("", 0), NULL).n, 0);
	assert_int_equal(config_user(r.config, view_str("%u"), NULL).n, 0);
	m = config_main(r.config);
	assert_int_equal(m->methods, 1u << AUTH_PUBLICKEY |
	    1u << AUTH_PASSWORD);
	/* two kinds of work, as often for the one as for the other: each has
	 * two policies */
	assert_int_equal(m->ndecoys, 2);
	assert_int_equal(m->decoys[0].users, 4);
	assert_int_equal(m->decoys[1].users, 4);
	run_free(&r);
}

static void
test_host_default_service(void **state)
{
	struct run r = run_as(HEAD "host_accounts: {allow: [bob]}\n", false);
	struct host_rules rules;
	struct policy *p;

	(void)state;
	assert_string_equal(r.text, "");
	assert_true(config_host(r.config, NULL, &rules));
	p = policy_decode(rules.policy);
	assert_true(view_is(p->pam, "sallyport"));
	policy_free(&p);
	run_free(&r);
	r = run_as(HEAD "host_accounts: {}\n", false);
	assert_false(config_host(r.config, NULL, &rules));
	run_free(&r);
	r = run_as(HEAD "host_accounts: {allow: [bob]}\n", true);
	assert_non_null(strstr(r.text, "host_accounts: accounts of the host "
	    "need root, and the server does not run as root; leave it out and "
	    "name the users\n"));
	run_free(&r);
}

static void
test_cases(void **state)
{
	unsigned failed = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct run r = run_as(cases[i].yaml, false);

		if (strcmp(r.text, cases[i].faults) != 0) {
			print_message("%s:\n%s--- expected\n%s\n",
			    cases[i].title, r.text, cases[i].faults);
			failed++;
		}
		run_free(&r);
	}
	assert_int_equal(failed, 0);
}

static void
test_unprivileged(void **state)
{
	struct run r = run_as(USER "pam: sshd}\n", true);

	(void)state;
	assert_non_null(strstr(r.text, "users.a.pam: PAM needs root, and the "
	    "server does not run as root; use password or "
	    "authorized_keys\n"));
	run_free(&r);
}

/* %h stays, %u does not; and only who has a home has it. */
static void
test_homes(void **state)
{
	struct run r = run_as(HEAD
	    "defaults: {authorized_keys_files: [\"%h/keys/%u%%\", /k]}\n"
	    "users:\n"
	    "  a: {account: alice}\n"
	    "  b: {" ACCOUNT "}\n", false);
	struct policy *p;

	(void)state;
	assert_string_equal(r.text, "");
	p = user(&r, "a");
	assert_int_equal(p->key_files.n, 2);
	assert_true(view_is(p->key_files.v[0], "%h/keys/a%"));
	assert_true(view_is(p->home, "/home/alice"));
	policy_free(&p);
	p = user(&r, "b");
	assert_int_equal(p->key_files.n, 1);
	assert_true(view_is(p->key_files.v[0], "/k"));
	policy_free(&p);
	run_free(&r);
}

/* ---- who is asked of PAM ---- */

static void
test_layers(void **state)
{
	static const struct {
		const char *name, *pam;
		bool password;
	} rows[] = {
		{ "a", "sallyport", false },	/* of defaults */
		{ "b", "sshd", false },		/* its own */
		{ "c", "", true },		/* the nearer password */
		{ "d", "", false },
		{ "e", "sshd", false },		/* of the group */
		{ "f", "sshd", false },		/* nearer than a password */
		{ "g", "", true },
	};
	struct run r = run_as(HEAD
	    "defaults: {pam: sallyport, auth: [password]}\n"
	    "groups:\n"
	    "  pam: {pam: sshd}\n"
	    "  pw: {password: \"" HASH "\"}\n"
	    "users:\n"
	    "  a: {" ACCOUNT "}\n"
	    "  b: {" ACCOUNT ", pam: sshd}\n"
	    "  c: {" ACCOUNT ", password: \"" HASH "\"}\n"
	    "  d: {" ACCOUNT ", pam: none, " KEYS ", auth: [publickey]}\n"
	    "  e: {" ACCOUNT ", group: pam}\n"
	    "  f: {" ACCOUNT ", group: pw, pam: sshd}\n"
	    "  g: {" ACCOUNT ", group: pw}\n", false);

	(void)state;
	assert_string_equal(r.text, "");
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct policy *p = user(&r, rows[i].name);

		assert_true(view_is(p->pam, rows[i].pam));
		assert_int_equal(p->password.n != 0, rows[i].password);
		policy_free(&p);
	}
	run_free(&r);
}

/* Nobody is asked of the services that somebody is, as often. */
static void
test_decoys(void **state)
{
	struct run r = run_as(HEAD
	    "defaults: {auth: [password]}\n"
	    "users:\n"
	    "  a: {" ACCOUNT ", pam: sshd}\n"
	    "  b: {" ACCOUNT ", pam: sshd}\n"
	    "  c: {" ACCOUNT ", password: \"" HASH "\"}\n", false);
	const struct config_main *m;
	struct policy *p;

	(void)state;
	assert_non_null(r.config);
	m = config_main(r.config);
	assert_int_equal(m->ndecoys, 2);
	assert_int_equal(m->decoys[0].users, 2);
	p = policy_decode(m->decoys[0].policy);
	assert_non_null(p);
	assert_true(view_is(p->pam, "sshd"));
	policy_free(&p);
	p = policy_decode(m->decoys[1].policy);
	assert_non_null(p);
	assert_int_equal(p->pam.n, 0);
	policy_free(&p);
	run_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_host_cases),
		cmocka_unit_test(test_host_rules),
		cmocka_unit_test(test_host_default_service),
		cmocka_unit_test(test_unprivileged),
		cmocka_unit_test(test_homes),
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_decoys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
