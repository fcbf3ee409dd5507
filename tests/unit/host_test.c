/* Rules for accounts of the host, and the policy that one of them gets. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/host.h"

struct fixture {
	struct policy t;
	struct view files[2], principals[1];
	struct wr template, allow, deny, out;
	struct host_rules rules;
	struct host_account a;
	uint32_t groups[2];
};

static void
names(struct wr *w, const char *const *n)
{
	wr_reset(w);
	for (; *n != NULL; n++)
		wr_cstr(w, *n);
}
#define NAMES(w, ...) names(w, (const char *const []){ __VA_ARGS__, NULL })

static void
encode(struct fixture *x)
{
	wr_reset(&x->template);
	policy_encode(&x->template, &x->t);
	x->rules.policy = wr_view(&x->template);
	x->rules.allow = wr_view(&x->allow);
	x->rules.deny = wr_view(&x->deny);
}

static int
setup(void **state)
{
	struct fixture *x = test_calloc(1, sizeof(*x));

	x->template = wr_new(1 << 16);
	x->allow = wr_new(1 << 16);
	x->deny = wr_new(1 << 16);
	x->out = wr_new(1 << 16);
	x->files[0] = view_str("%h/.ssh/keys");
	x->files[1] = view_str("/keys/%u/100%%");
	x->principals[0] = view_str("%u@host");
	x->t = (struct policy){
		.jail = view_str("/srv/%u"), .start = view_str("/in/%u"),
		.umask = POLICY_NO_UMASK, .pam = view_str("sshd"),
		.allow = ALLOW_SFTP | ALLOW_SHELL,
		.key_files = { x->files, 2 },
		.principals = { x->principals, 1 },
	};
	NAMES(&x->allow, "@sftp", "bob");
	NAMES(&x->deny, "eve");
	x->groups[0] = 1000;
	x->groups[1] = 50;
	x->a = (struct host_account){
		.name = view_str("bob"), .home = view_str("/home/bob"),
		.shell = view_str("/bin/bash"), .uid = 1000, .gid = 1000,
		.groups = x->groups, .ngroups = 2,
	};
	encode(x);
	*state = x;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *x = *state;

	wr_free(&x->template);
	wr_free(&x->allow);
	wr_free(&x->deny);
	wr_free(&x->out);
	test_free(x);
	return 0;
}

static struct policy *
made(struct fixture *x)
{
	const char *why;
	struct policy *p;

	wr_reset(&x->out);
	why = host_policy(&x->rules, &x->a, &x->out);
	if (why != NULL)
		fail_msg("%s", why);
	p = policy_decode(wr_view(&x->out));
	assert_non_null(p);
	return p;
}

static void
refused(struct fixture *x, const char *want)
{
	const char *why;

	wr_reset(&x->out);
	why = host_policy(&x->rules, &x->a, &x->out);
	assert_non_null(why);
	assert_string_equal(why, want);
}

static void
test_rules(void **state)
{
	struct fixture *x = *state;
	struct wr w = wr_new(1 << 17);
	struct host_rules got;
	struct view v;

	x->rules.root = true;
	put_host_rules(&w, &x->rules);
	v = wr_view(&w);
	assert_true(get_host_rules(v, &got));
	assert_true(got.root);
	assert_true(view_eq(got.policy, x->rules.policy));
	assert_true(view_eq(got.deny, x->rules.deny));
	for (size_t n = 0; n < v.n; n++)
		assert_false(get_host_rules(view_of(v.p, n), &got));
	wr_u8(&w, 0);
	assert_false(get_host_rules(wr_view(&w), &got));
	/* an empty name; too many of them */
	NAMES(&x->allow, "");
	encode(x);
	wr_reset(&w);
	put_host_rules(&w, &x->rules);
	assert_false(get_host_rules(wr_view(&w), &got));
	for (int i = 0; i < 2; i++) {
		wr_reset(&x->allow);
		for (int k = 0; k < HOST_RULES_MAX + i; k++)
			wr_cstr(&x->allow, "n");
		encode(x);
		wr_reset(&w);
		put_host_rules(&w, &x->rules);
		assert_int_equal(get_host_rules(wr_view(&w), &got), i == 0);
	}
	wr_free(&w);
}

static void
test_may_be(void **state)
{
	struct fixture *x = *state;

	assert_true(host_may_be(&x->rules, view_str("bob")));
	assert_true(host_may_be(&x->rules, view_str("someone")));
	assert_false(host_may_be(&x->rules, view_str("eve")));
	NAMES(&x->allow, "bob");
	encode(x);
	assert_true(host_may_be(&x->rules, view_str("bob")));
	assert_false(host_may_be(&x->rules, view_str("someone")));
	NAMES(&x->deny, "bob");
	encode(x);
	assert_false(host_may_be(&x->rules, view_str("bob")));
}

static void
test_policy(void **state)
{
	struct fixture *x = *state;
	struct policy *p = made(x);

	assert_true(view_is(p->name, "bob"));
	assert_true(view_is(p->account_name, "bob"));
	assert_int_equal(p->uid, 1000);
	assert_int_equal(p->gid, 1000);
	assert_int_equal(p->ngroups, 2);
	assert_int_equal(p->groups[1], 50);
	assert_true(view_is(p->home, "/home/bob"));
	assert_true(view_is(p->jail, "/srv/bob"));
	assert_true(view_is(p->start, "/in/bob"));
	assert_true(view_is(p->key_files.v[0], "%h/.ssh/keys"));
	assert_true(view_is(p->key_files.v[1], "/keys/bob/100%"));
	assert_true(view_is(p->principals.v[0], "bob@host"));
	assert_true(view_is(p->run.shell, "/bin/bash"));
	assert_true(view_is(p->pam, "sshd"));
	assert_int_equal(p->allow, ALLOW_SFTP | ALLOW_SHELL);
	assert_false(p->root);
	policy_free(&p);
	/* the policy's own shell counts first */
	x->t.run.shell = view_str("/bin/rbash");
	encode(x);
	p = made(x);
	assert_true(view_is(p->run.shell, "/bin/rbash"));
	policy_free(&p);
}

static void
test_no_shell(void **state)
{
	struct fixture *x = *state;
	const struct policy_pair sub = { view_str("s"), view_str("c") };
	struct policy *p;

	x->a.no_shell = true;
	x->t.allow = ALLOW_SFTP | ALLOW_SCP | ALLOW_SHELL |
	    ALLOW_LOCAL_FORWARD;
	x->t.run.command = view_str("ls");
	x->t.run.subsystems.v = &sub;
	x->t.run.subsystems.n = 1;
	encode(x);
	p = made(x);
	assert_int_equal(p->allow, ALLOW_SFTP);
	assert_int_equal(p->run.command.n, 0);
	assert_int_equal(p->run.subsystems.n, 0);
	policy_free(&p);
	x->t.allow = ALLOW_SHELL | ALLOW_SCP;
	encode(x);
	refused(x, "account's shell allows nothing but SFTP, which the "
	    "policy does not");
}

static void
test_root(void **state)
{
	struct fixture *x = *state;
	struct policy *p;

	x->a.gid = 0;
	refused(x, "account's group is that of root");
	x->a.uid = 0;
	refused(x, "uid 0 is not allowed");
	x->rules.root = true;
	p = made(x);
	assert_true(p->root);
	assert_int_equal(p->uid, 0);
	policy_free(&p);
	x->a.uid = 1000;
	refused(x, "account's group is that of root");
	x->a.gid = UINT32_MAX;
	refused(x, "account has no uid or gid");
	x->a.gid = 5;
	x->t.programs.uid = 1000;
	encode(x);
	refused(x, "account is the one that programs run as");
}

/* Names that would make other paths of the policy's. */
static void
test_names(void **state)
{
	static const char longer[] =
	    "12345678901234567890123456789012345678901234567890123456789"
	    "012345";
	static const char *const odd[] = {
		"", ".", "..", "a/b", "-x", "a\nb", longer,
	};
	struct fixture *x = *state;
	struct view v = view_str("/srv/%u/..");
	struct policy *p;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		x->a.name = view_str(odd[i]);
		refused(x, "account's name is none that a user can have");
	}
	x->a.name = view_str("%h%u%%");
	p = made(x);
	assert_true(view_is(p->jail, "/srv/%h%u%%"));
	policy_free(&p);
	x->a.name = view_str("bob");
	x->t.jail = v;
	encode(x);
	refused(x, "account's name makes no path of the policy's");
	x->t.jail = view_str("%h/in"); /* of files of keys alone */
	encode(x);
	refused(x, "account's name makes no path of the policy's");
	x->rules.policy = view_str("junk");
	refused(x, "out of memory");
}

static void
test_expand(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "/a/%u/%u", "/a/n/n" }, { "%h/%u", "%h/n" },
		{ "%h/", "h/" }, { "/%%u", "/%u" }, { "/x%", "/x%" },
		{ "", "" },
	};
	struct wr w = wr_new(256);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wr_reset(&w);
		host_expand(&w, view_str(rows[i].in), view_str("n"));
		assert_true(view_is(wr_view(&w), rows[i].out));
	}
	wr_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_rules),
		T(test_may_be),
		T(test_policy),
		T(test_no_shell),
		T(test_root),
		T(test_names),
		cmocka_unit_test(test_expand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
