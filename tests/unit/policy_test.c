#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/policy.h"

static const uint32_t groups[] = { 7, 0xfffffffe };
static const struct view texts[] = {
	{ (const uint8_t *)"one", 3 }, { (const uint8_t *)"", 0 },
	{ (const uint8_t *)"three", 5 },
};
static const struct auth_chain chains[] = {
	{ 1, { AUTH_PUBLICKEY } },
	{ 2, { AUTH_PASSWORD, AUTH_KBDINT } },
};
static const struct policy_key keys[] = {
	{ { (const uint8_t *)"ssh-ed25519 AAAA", 16 },
	    { (const uint8_t *)"/f", 2 }, 12 },
};

static const struct calendar_hours hours[] = {
	{ 0x1f, 480, 1080 }, { 1 << 6, 1320, 120 },
};

static const struct policy_pair pairs[] = {
	{ { (const uint8_t *)"A", 1 }, { (const uint8_t *)"b c", 3 } },
	{ { (const uint8_t *)"N", 1 }, { NULL, 0 } },
};

static struct policy
sample(void)
{
	return (struct policy){
		.name = view_str("acme"), .uid = 2001, .gid = 2002,
		.groups = groups, .ngroups = 2,
		.account_name = view_str("host"), .home = view_str("/h"),
		.jail = view_str("/srv/acme"), .create = true,
		.dirs = { texts, 3 }, .start = view_str("/in"),
		.umask = 027, .allow = ALLOW_SFTP | ALLOW_REMOTE_FORWARD,
		.env = { texts, 1 }, .from = { texts, 0 },
		.auth = chains, .nauth = 2, .keys = keys, .nkeys = 1,
		.key_files = { texts, 3 }, .password = view_str("$y$"),
		.totp = { .secret = { (const uint8_t *)"\0b\xff", 3 },
		    .file = view_str("/t"), .hash = 2, .digits = 8,
		    .drift = 10, .period = 60, .recovery = { texts, 3 } },
		.password_expires = 1700000000, .password_warn = 86400,
		.password_change = PASSWORD_CHANGE_ON, .password_min = 128,
		.pam = view_str("svc"), .banner = view_str("hi"),
		.ca_keys = { texts, 1 }, .principals = { texts, 3 },
		.revoked_keys = { texts, 1 },
		.known_hosts = keys, .nknown_hosts = 1,
		.known_hosts_files = { texts, 1 },
		.hostbased_users = { texts, 3 },
		.key_bits_rsa = 3072, .key_bits_ecdsa = 384,
		.hours = hours, .nhours = 2, .time_zone = view_str("UTC"),
		.not_before = 1767571200, .expires = 253402300800,
		.sessions = 4,
		.programs = {
			.uid = 300, .gid = 301, .groups = groups, .ngroups = 2,
			.timeout_ms = 5000, .keys = { texts, 3 },
			.ask = { texts, 1 }, .decide = { texts, 2 },
			.url = view_str("https://h/"),
			.url_ca = view_str("/ca"),
			.url_token = view_str("/token"),
			.methods = 1u << AUTH_PASSWORD,
		},
		.allow_at = view_str("f:3:4"),
		.run = {
			.shell = view_str("/bin/sh"),
			.command = view_str("cmd"), .set_env = { pairs, 2 },
			.subsystems = { pairs, 1 }, .motd = view_str("/m"),
			.processes = 50, .files = 256, .cpu_s = 60,
			.memory = (uint64_t)5 << 32, .linger = true,
			.builtins = 5, .builtins_at = view_str("f:5:6"),
		},
		.forward = {
			.open = { texts, 3 }, .listen = { texts, 1 },
			.unix_paths = { texts, 2 }, .unix_mask = 0117,
			.unix_unlink = true, .x11_offset = 20,
			.at = view_str("f:7:8"),
		},
	};
}

static struct wr
encoded(const struct policy *p)
{
	struct wr w = wr_new(65536);

	policy_encode(&w, p);
	assert_false(w.bad);
	return w;
}

static void
check_programs(const struct policy_programs *p)
{
	assert_int_equal(p->uid, 300);
	assert_int_equal(p->gid, 301);
	assert_int_equal(p->ngroups, 2);
	assert_int_equal(p->groups[0], 7);
	assert_int_equal(p->timeout_ms, 5000);
	assert_int_equal(p->keys.n, 3);
	assert_true(view_is(p->keys.v[2], "three"));
	assert_int_equal(p->ask.n, 1);
	assert_int_equal(p->decide.n, 2);
	assert_true(view_is(p->url, "https://h/"));
	assert_true(view_is(p->url_ca, "/ca"));
	assert_true(view_is(p->url_token, "/token"));
	assert_int_equal(p->methods, 1u << AUTH_PASSWORD);
}

/* What a login for nobody gets: nothing that anybody has, and no account. */
static void
test_decoy(void **state)
{
	struct policy in = sample(), decoy = policy_decoy(&in), *p;
	struct policy bare = { .umask = POLICY_NO_UMASK,
	    .programs = in.programs, .pam = in.pam };
	struct wr w = encoded(&decoy), same = encoded(&bare);

	(void)state;
	p = policy_decode(wr_view(&w));
	assert_non_null(p);
	check_programs(&p->programs);
	assert_true(view_eq(wr_view(&w), wr_view(&same)));
	policy_free(&p);
	wr_free(&w);
	wr_free(&same);
}

static void
test_too_many_words(void **state)
{
	struct view words[POLICY_ARGV_MAX + 1];
	struct policy in = sample(), *p;
	struct wr w;

	(void)state;
	for (size_t i = 0; i < POLICY_ARGV_MAX + 1; i++)
		words[i] = view_str("word");
	in.programs.ask = (struct view_list){ words, POLICY_ARGV_MAX };
	w = encoded(&in);
	p = policy_decode(wr_view(&w));
	assert_non_null(p);
	policy_free(&p);
	wr_free(&w);
	in.programs.ask.n++;
	w = encoded(&in);
	assert_null(policy_decode(wr_view(&w)));
	wr_free(&w);
}

static void
check_run(const struct policy_run *r)
{
	assert_true(view_is(r->shell, "/bin/sh"));
	assert_true(view_is(r->command, "cmd"));
	assert_int_equal(r->set_env.n, 2);
	assert_true(view_is(r->set_env.v[0].name, "A"));
	assert_true(view_is(r->set_env.v[0].value, "b c"));
	assert_int_equal(r->set_env.v[1].value.n, 0);
	assert_int_equal(r->subsystems.n, 1);
	assert_true(view_is(r->motd, "/m"));
	assert_int_equal(r->processes, 50);
	assert_int_equal(r->files, 256);
	assert_int_equal(r->cpu_s, 60);
	assert_true(r->memory == (uint64_t)5 << 32);
	assert_true(r->linger);
	assert_int_equal(r->builtins, 5);
	assert_true(view_is(r->builtins_at, "f:5:6"));
}

static void
check_forward(const struct policy_forward *f)
{
	assert_int_equal(f->open.n, 3);
	assert_true(view_is(f->open.v[2], "three"));
	assert_int_equal(f->listen.n, 1);
	assert_int_equal(f->unix_paths.n, 2);
	assert_int_equal(f->unix_mask, 0117);
	assert_true(f->unix_unlink);
	assert_false(f->x11_localhost);
	assert_int_equal(f->x11_offset, 20);
	assert_true(view_is(f->at, "f:7:8"));
}

/* What is built in takes no room, and comes back as it was. */
static void
test_forward_builtin(void **state)
{
	struct policy in = { .umask = 0, .forward = policy_forward_builtin };
	struct policy *p;
	struct wr w;

	(void)state;
	in.forward.x11_offset = 50;
	w = encoded(&in);
	p = policy_decode(wr_view(&w));
	assert_non_null(p);
	assert_int_equal(p->forward.open.n, 1);
	assert_true(view_is(p->forward.open.v[0], "*:*"));
	assert_int_equal(p->forward.listen.n, 2);
	assert_true(view_is(p->forward.unix_paths.v[0], "/"));
	assert_int_equal(p->forward.unix_mask, 0177);
	assert_true(p->forward.x11_localhost);
	assert_int_equal(p->forward.x11_offset, 50);
	assert_true(view_is(p->forward.at, "built in"));
	policy_free(&p);
	wr_free(&w);
	in.forward = (struct policy_forward){ .unix_mask = 01000 };
	w = encoded(&in);
	assert_null(policy_decode(wr_view(&w)));
	wr_free(&w);
}

static void
test_round_trip(void **state)
{
	struct policy in = sample(), *p;
	struct wr w = encoded(&in);

	(void)state;
	p = policy_decode(wr_view(&w));
	assert_non_null(p);
	assert_true(view_is(p->name, "acme"));
	assert_int_equal(p->uid, 2001);
	assert_int_equal(p->gid, 2002);
	assert_int_equal(p->ngroups, 2);
	assert_int_equal(p->groups[1], 0xfffffffe);
	assert_true(view_is(p->account_name, "host"));
	assert_true(view_is(p->home, "/h"));
	assert_true(view_is(p->jail, "/srv/acme"));
	assert_true(p->create);
	assert_int_equal(p->dirs.n, 3);
	assert_true(view_is(p->dirs.v[2], "three"));
	assert_true(view_is(p->start, "/in"));
	assert_int_equal(p->umask, 027);
	assert_int_equal(p->allow, ALLOW_SFTP | ALLOW_REMOTE_FORWARD);
	assert_int_equal(p->env.n, 1);
	assert_int_equal(p->from.n, 0);
	assert_int_equal(p->nauth, 2);
	assert_int_equal(p->auth[1].n, 2);
	assert_int_equal(p->auth[1].method[1], AUTH_KBDINT);
	assert_int_equal(p->nkeys, 1);
	assert_true(view_is(p->keys[0].line, "ssh-ed25519 AAAA"));
	assert_true(view_is(p->keys[0].file, "/f"));
	assert_int_equal(p->keys[0].lineno, 12);
	assert_int_equal(p->key_files.n, 3);
	assert_true(view_is(p->password, "$y$"));
	assert_true(view_eq(p->totp.secret, in.totp.secret));
	assert_true(view_is(p->totp.file, "/t"));
	assert_int_equal(p->totp.hash, 2);
	assert_int_equal(p->totp.digits, 8);
	assert_int_equal(p->totp.drift, 10);
	assert_int_equal(p->totp.period, 60);
	assert_int_equal(p->totp.recovery.n, 3);
	assert_true(view_is(p->totp.recovery.v[2], "three"));
	assert_true(policy_has_totp(p));
	assert_int_equal(p->password_expires, 1700000000);
	assert_int_equal(p->password_warn, 86400);
	assert_int_equal(p->password_change, PASSWORD_CHANGE_ON);
	assert_int_equal(p->password_min, 128);
	assert_true(view_is(p->pam, "svc"));
	assert_true(view_is(p->banner, "hi"));
	assert_int_equal(p->ca_keys.n, 1);
	assert_true(view_is(p->ca_keys.v[0], "one"));
	assert_int_equal(p->principals.n, 3);
	assert_true(view_is(p->principals.v[2], "three"));
	assert_int_equal(p->revoked_keys.n, 1);
	assert_int_equal(p->nknown_hosts, 1);
	assert_true(view_is(p->known_hosts[0].line, "ssh-ed25519 AAAA"));
	assert_int_equal(p->known_hosts[0].lineno, 12);
	assert_int_equal(p->known_hosts_files.n, 1);
	assert_true(view_is(p->hostbased_users.v[2], "three"));
	assert_int_equal(p->key_bits_rsa, 3072);
	assert_int_equal(p->key_bits_ecdsa, 384);
	assert_int_equal(p->nhours, 2);
	assert_int_equal(p->hours[1].days, 1 << 6);
	assert_int_equal(p->hours[1].from, 1320);
	assert_int_equal(p->hours[1].to, 120);
	assert_true(view_is(p->time_zone, "UTC"));
	assert_int_equal(p->not_before, 1767571200);
	assert_int_equal(p->expires, 253402300800);
	assert_int_equal(p->sessions, 4);
	check_programs(&p->programs);
	assert_true(view_is(p->allow_at, "f:3:4"));
	check_run(&p->run);
	check_forward(&p->forward);
	assert_int_equal(policy_peek_sessions(wr_view(&w)), 4);
	assert_int_equal(policy_peek_sessions(view_of(wr_view(&w).p, 4)), 0);
	assert_int_equal(policy_peek_sessions(view_str("\x02zzzz")), 0);
	policy_free(&p);
	assert_null(p);
	wr_free(&w);
}

static void
test_empty(void **state)
{
	struct policy in = { .umask = POLICY_NO_UMASK }, *p;
	struct wr w = encoded(&in);

	(void)state;
	p = policy_decode(wr_view(&w));
	assert_non_null(p);
	assert_int_equal(p->umask, POLICY_NO_UMASK);
	assert_int_equal(p->nauth, 0);
	policy_free(&p);
	wr_free(&w);
}

/* An exact allocation each time, so that a sanitizer sees a read past it. */
static bool
accepts(const uint8_t *bytes, size_t n)
{
	uint8_t *copy = malloc(n != 0 ? n : 1);
	struct policy *p;
	bool good;

	memcpy(copy, bytes, n);
	p = policy_decode(view_of(copy, n));
	good = p != NULL;
	policy_free(&p);
	free(copy);
	return good;
}

static void
test_truncated(void **state)
{
	struct policy in = sample();
	struct wr w = encoded(&in);
	struct view v = wr_view(&w);

	(void)state;
	for (size_t i = 0; i < v.n; i++)
		assert_false(accepts(v.p, i));
	assert_true(accepts(v.p, v.n));
	wr_u8(&w, 0);
	assert_false(accepts(wr_view(&w).p, v.n + 1));
	wr_free(&w);
}

static void
test_damaged(void **state)
{
	struct policy in = sample();
	struct wr w = encoded(&in);
	struct view v = wr_view(&w);
	uint8_t copy[1024];

	(void)state;
	memcpy(copy, v.p, v.n);
	for (size_t i = 0; i < v.n; i++) {
		for (int bit = 0; bit < 8; bit++) {
			copy[i] = v.p[i] ^ (uint8_t)(1 << bit);
			(void)accepts(copy, v.n);
		}
		copy[i] = v.p[i];
	}
	copy[0] = 2;			/* another version */
	assert_false(accepts(copy, v.n));
	wr_free(&w);
}

static bool
accepts_policy(const struct policy *p)
{
	struct wr w = encoded(p);
	bool good = accepts(wr_view(&w).p, wr_size(&w));

	wr_free(&w);
	return good;
}

static void
test_ranges(void **state)
{
	const struct auth_chain none = { 1, { AUTH_METHODS } }, empty = { 0 };
	struct policy p = sample();

	(void)state;
	p.umask = 01000;
	assert_false(accepts_policy(&p));
	p = sample();
	p.allow = ALLOW_REMOTE_FORWARD << 1;
	assert_false(accepts_policy(&p));
	p = sample();
	p.auth = &none;
	p.nauth = 1;
	assert_false(accepts_policy(&p));
	p.auth = &empty;
	assert_false(accepts_policy(&p));
	p = sample();
	p.name = view_of("a\0b", 3);
	assert_false(accepts_policy(&p));
	p = sample();
	p.totp.hash = 3;
	assert_false(accepts_policy(&p));
	p = sample();
	p.totp.digits = 9;
	assert_false(accepts_policy(&p));
	p = sample();
	p.totp.drift = 11;
	assert_false(accepts_policy(&p));
	p = sample();
	p.totp.period = 0;
	assert_false(accepts_policy(&p));
	p = sample();
	p.password_change = PASSWORD_CHANGE_ON + 1;
	assert_false(accepts_policy(&p));
}

/* What no decoder would take is not written either. */
static void
test_encode_misuse(void **state)
{
	struct auth_chain five = { 5, { 0 } };
	struct policy p = { .auth = &five, .nauth = 1 };
	struct wr w = wr_new(65536);

	(void)state;
	policy_encode(&w, &p);
	assert_true(w.bad);
	wr_free(&w);
	w = wr_new(10);
	p = sample();
	policy_encode(&w, &p);
	assert_true(w.bad);
	wr_free(&w);
}

/* A count that no message of that size can hold must not cost memory. */
static void
test_large_counts(void **state)
{
	struct wr w = wr_new(1024);

	(void)state;
	wr_u8(&w, 1);
	wr_cstr(&w, "a");
	wr_u32(&w, 1);
	wr_u32(&w, 1);
	wr_u32(&w, 0xffffffff);		/* groups */
	wr_u32(&w, 1);
	assert_false(accepts(wr_view(&w).p, wr_size(&w)));
	wr_free(&w);
}

static void
test_words(void **state)
{
	unsigned n = 0;

	(void)state;
	for (; policy_allow_word(n) != NULL; n++)
		assert_int_equal(policy_allow_bit(view_str(
		    policy_allow_word(n))), 1u << n);
	assert_int_equal(n, 9);
	assert_int_equal(policy_allow_bit(view_str("x11")), ALLOW_X11);
	assert_int_equal(policy_allow_bit(view_str("sftpx")), 0);
	assert_int_equal(policy_allow_bit(view_str("")), 0);
	for (int m = 0; m < AUTH_METHODS; m++)
		assert_int_equal(auth_method_find(view_str(auth_method_name(
		    (enum auth_method)m))), m);
	assert_int_equal(auth_method_find(view_str("")), -1);
	assert_int_equal(auth_method_find(view_str("publickeys")), -1);
	assert_string_equal(auth_method_name(AUTH_METHODS), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_forward_builtin),
		cmocka_unit_test(test_decoy),
		cmocka_unit_test(test_too_many_words),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_encode_misuse),
		cmocka_unit_test(test_large_counts),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
