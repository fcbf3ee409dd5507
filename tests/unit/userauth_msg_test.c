#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/userauth_msg.h"

static struct wr
begin(const char *user, const char *method)
{
	struct wr w = wr_new(WR_DEFAULT_MAX);

	wr_u8(&w, 50);
	wr_cstr(&w, user);
	wr_cstr(&w, "ssh-connection");
	wr_cstr(&w, method);
	return w;
}

/* Parses a copy of exactly n bytes, so that ASan sees a read past them. */
static bool
parses(struct view v, size_t n)
{
	uint8_t *p = malloc(n + 1);
	struct userauth_msg m;
	bool good;

	assert_non_null(p);
	memcpy(p, v.p, n);
	p = realloc(p, n + (n == 0));
	good = userauth_msg_parse(view_of(p, n), &m);
	free(p);
	return good;
}

/* Whole it parses, cut anywhere or with one byte more it does not. */
static void
sweep(struct wr *w)
{
	struct view v = wr_view(w);

	for (size_t n = 0; n < v.n; n++)
		assert_false(parses(v, n));
	assert_true(parses(v, v.n));
	wr_u8(w, 0);
	assert_false(w->bad);
	assert_false(parses(wr_view(w), wr_size(w)));
	wr_free(w);
}

static void
test_truncation(void **state)
{
	struct wr w = begin("joe", "none");

	(void)state;
	sweep(&w);
	w = begin("joe", "password");
	wr_bool(&w, false);
	wr_cstr(&w, "secret");
	sweep(&w);
	w = begin("joe", "password");
	wr_bool(&w, true);
	wr_cstr(&w, "secret");
	wr_cstr(&w, "better");
	sweep(&w);
	w = begin("joe", "publickey");
	wr_bool(&w, false);
	wr_cstr(&w, "ssh-ed25519");
	wr_cstr(&w, "blob");
	sweep(&w);
	w = begin("joe", "publickey");
	wr_bool(&w, true);
	wr_cstr(&w, "ssh-ed25519");
	wr_cstr(&w, "blob");
	wr_cstr(&w, "signature");
	sweep(&w);
	for (int signed_ = 0; signed_ < 2; signed_++) {
		w = begin("joe", "publickey-hostbound-v00@openssh.com");
		wr_bool(&w, signed_ == 1);
		wr_cstr(&w, "ssh-ed25519");
		wr_cstr(&w, "blob");
		wr_cstr(&w, "host key");
		if (signed_ == 1)
			wr_cstr(&w, "signature");
		sweep(&w);
	}
	w = begin("joe", "hostbased");
	wr_cstr(&w, "ssh-ed25519");
	wr_cstr(&w, "blob");
	wr_cstr(&w, "host.example");
	wr_cstr(&w, "jo");
	wr_cstr(&w, "signature");
	sweep(&w);
	w = begin("joe", "keyboard-interactive");
	wr_cstr(&w, "en");
	wr_cstr(&w, "pam");
	sweep(&w);
}

static void
test_fields(void **state)
{
	struct wr w = begin("joe", "hostbased");
	struct userauth_msg m;

	(void)state;
	wr_cstr(&w, "alg");
	wr_cstr(&w, "blob");
	wr_cstr(&w, "host");
	wr_cstr(&w, "jo");
	wr_cstr(&w, "sig");
	assert_true(userauth_msg_parse(wr_view(&w), &m));
	assert_int_equal(m.method, AUTH_HOSTBASED);
	assert_true(view_is(m.user, "joe"));
	assert_true(view_is(m.service, "ssh-connection"));
	assert_true(view_is(m.method_name, "hostbased"));
	assert_true(view_is(m.alg, "alg") && view_is(m.key, "blob"));
	assert_true(view_is(m.local_hostname, "host"));
	assert_true(view_is(m.local_username, "jo"));
	assert_true(m.has_signature && view_is(m.signature, "sig"));
	wr_free(&w);

	w = begin("joe", "password");
	wr_bool(&w, true);
	wr_cstr(&w, "old");
	wr_cstr(&w, "new");
	assert_true(userauth_msg_parse(wr_view(&w), &m));
	assert_true(m.change && view_is(m.password, "old"));
	assert_true(view_is(m.new_password, "new"));
	wr_free(&w);
}

/* An unknown method's fields are its own. */
static void
test_unknown_method(void **state)
{
	struct wr w = begin("joe", "gssapi-with-mic");
	struct userauth_msg m;

	(void)state;
	wr_u32(&w, 7);
	assert_true(userauth_msg_parse(wr_view(&w), &m));
	assert_int_equal(m.method, -1);
	assert_int_equal(m.rest.n, 4);
	assert_true(view_is(m.method_name, "gssapi-with-mic"));
	wr_free(&w);
}

static void
test_limits(void **state)
{
	char name[USERAUTH_MAX_USER + 2], method[USERAUTH_MAX_NAME + 2];
	struct userauth_msg m;
	struct wr w;

	(void)state;
	memset(name, 'a', sizeof(name));
	name[USERAUTH_MAX_USER] = '\0';
	w = begin(name, "none");
	assert_true(userauth_msg_parse(wr_view(&w), &m));
	wr_free(&w);
	name[USERAUTH_MAX_USER] = 'a';
	name[USERAUTH_MAX_USER + 1] = '\0';
	w = begin(name, "none");
	assert_false(userauth_msg_parse(wr_view(&w), &m));
	wr_free(&w);
	memset(method, 'm', sizeof(method));
	method[USERAUTH_MAX_NAME] = '\0';
	w = begin("joe", method);
	assert_true(userauth_msg_parse(wr_view(&w), &m));
	wr_free(&w);
	method[USERAUTH_MAX_NAME] = 'm';
	method[USERAUTH_MAX_NAME + 1] = '\0';
	w = begin("joe", method);
	assert_false(userauth_msg_parse(wr_view(&w), &m));
	wr_free(&w);
}

/* A password may be far too long, a request may not. */
static void
test_long_password(void **state)
{
	uint8_t *p = calloc(1, 2 * USERAUTH_MAX_REQUEST);
	struct wr w = begin("joe", "password");
	struct userauth_msg m;
	size_t head;

	(void)state;
	assert_non_null(p);
	memset(p, 'p', 2 * USERAUTH_MAX_REQUEST);
	wr_bool(&w, false);
	head = wr_size(&w) + 4;
	wr_str(&w, view_of(p, USERAUTH_MAX_REQUEST - head));
	assert_int_equal(wr_size(&w), USERAUTH_MAX_REQUEST);
	assert_true(userauth_msg_parse(wr_view(&w), &m));
	assert_int_equal(m.password.n, USERAUTH_MAX_REQUEST - head);
	wr_free(&w);
	w = begin("joe", "password");
	wr_bool(&w, false);
	wr_str(&w, view_of(p, USERAUTH_MAX_REQUEST - head + 1));
	assert_false(userauth_msg_parse(wr_view(&w), &m));
	wr_free(&w);
	free(p);
}

static void
test_nul(void **state)
{
	static const struct view bad = { (const uint8_t *)"a\0b", 3 };
	struct userauth_msg m;

	(void)state;
	for (int at = 0; at < 4; at++) {
		struct wr w = wr_new(WR_DEFAULT_MAX);

		wr_u8(&w, 50);
		wr_str(&w, at == 0 ? bad : view_str("joe"));
		wr_str(&w, at == 1 ? bad : view_str("ssh-connection"));
		wr_str(&w, at == 2 ? bad : view_str("password"));
		wr_bool(&w, false);
		wr_str(&w, at == 3 ? bad : view_str("secret"));
		assert_false(userauth_msg_parse(wr_view(&w), &m));
		wr_free(&w);
	}
}

static void
test_other_number(void **state)
{
	struct wr w = begin("joe", "none");
	struct userauth_msg m;

	(void)state;
	w.base[0] = 51;
	assert_false(userauth_msg_parse(wr_view(&w), &m));
	wr_free(&w);
}

/* RFC 4252 7: session id, then the request as it stood up to its key. */
static void
test_signed_publickey(void **state)
{
	struct wr w = begin("joe", "publickey"), want = wr_new(1024);
	struct view session = view_str("sessionsession"), part;
	struct wr got = wr_new(1024);
	struct userauth_msg m;

	(void)state;
	wr_bool(&w, true);
	wr_cstr(&w, "ssh-ed25519");
	wr_cstr(&w, "blob");
	part = wr_view(&w);
	wr_str(&want, session);
	wr_bytes(&want, part);
	wr_cstr(&w, "sig");
	assert_true(userauth_msg_parse(wr_view(&w), &m));
	assert_true(userauth_msg_signed(&m, session, &got));
	assert_true(view_eq(wr_view(&got), wr_view(&want)));
	wr_free(&w);
	wr_free(&want);
	wr_free(&got);
}

/* OpenSSH's PROTOCOL: the same with the host key behind the user's. */
static void
test_signed_hostbound(void **state)
{
	struct wr w = begin("joe", "publickey-hostbound-v00@openssh.com");
	struct wr want = wr_new(1024), got = wr_new(1024);
	struct userauth_msg m;

	(void)state;
	wr_bool(&w, true);
	wr_cstr(&w, "ssh-ed25519");
	wr_cstr(&w, "blob");
	wr_cstr(&w, "host key");
	wr_cstr(&want, "session");
	wr_bytes(&want, wr_view(&w));
	wr_cstr(&w, "sig");
	assert_true(userauth_msg_parse(wr_view(&w), &m));
	assert_int_equal(m.method, AUTH_PUBLICKEY);
	assert_true(m.hostbound && view_is(m.host_key, "host key"));
	assert_true(m.has_signature && view_is(m.signature, "sig"));
	assert_true(view_is(m.method_name,
	    "publickey-hostbound-v00@openssh.com"));
	assert_true(userauth_msg_signed(&m, view_str("session"), &got));
	assert_true(view_eq(wr_view(&got), wr_view(&want)));
	wr_free(&w);
	/* another version is another method */
	w = begin("joe", "publickey-hostbound-v01@openssh.com");
	assert_true(userauth_msg_parse(wr_view(&w), &m));
	assert_int_equal(m.method, -1);
	assert_false(m.hostbound);
	wr_free(&w);
	/* the plain one has no such field */
	w = begin("joe", "publickey");
	wr_bool(&w, false);
	wr_cstr(&w, "alg");
	wr_cstr(&w, "blob");
	assert_true(userauth_msg_parse(wr_view(&w), &m));
	assert_false(m.hostbound);
	wr_cstr(&w, "host key");
	assert_false(userauth_msg_parse(wr_view(&w), &m));
	wr_free(&w);
	wr_free(&want);
	wr_free(&got);
}

/* A query's blob says TRUE all the same: it is what will be signed. */
static void
test_signed_flag_is_true(void **state)
{
	struct wr w = begin("joe", "publickey"), got = wr_new(1024);
	struct userauth_msg m;
	struct rd r;

	(void)state;
	wr_u8(&w, 0);
	wr_cstr(&w, "alg");
	wr_cstr(&w, "blob");
	assert_true(userauth_msg_parse(wr_view(&w), &m));
	assert_false(m.has_signature);
	assert_true(userauth_msg_signed(&m, view_str("s"), &got));
	r = rd_of(wr_view(&got));
	rd_str(&r);
	assert_int_equal(rd_u8(&r), 50);
	rd_str(&r);
	rd_str(&r);
	rd_str(&r);
	assert_int_equal(rd_u8(&r), 1);
	wr_free(&w);
	wr_free(&got);
}

/* RFC 4252 9 */
static void
test_signed_hostbased(void **state)
{
	struct wr w = begin("joe", "hostbased"), want = wr_new(1024);
	struct wr got = wr_new(1024);
	struct userauth_msg m;

	(void)state;
	wr_cstr(&w, "alg");
	wr_cstr(&w, "blob");
	wr_cstr(&w, "host");
	wr_cstr(&w, "jo");
	wr_str(&want, view_str("s"));
	wr_bytes(&want, wr_view(&w));
	wr_cstr(&w, "sig");
	assert_true(userauth_msg_parse(wr_view(&w), &m));
	assert_true(userauth_msg_signed(&m, view_str("s"), &got));
	assert_true(view_eq(wr_view(&got), wr_view(&want)));
	wr_free(&w);
	wr_free(&want);
	wr_free(&got);
	w = begin("joe", "none");
	assert_true(userauth_msg_parse(wr_view(&w), &m));
	assert_false(userauth_msg_signed(&m, view_str("s"), &got));
	wr_free(&w);
}

static void
test_answers(void **state)
{
	struct view a[USERAUTH_MAX_PROMPTS], v;
	struct wr w = wr_new(1024);

	(void)state;
	wr_u8(&w, 61);
	wr_u32(&w, 2);
	wr_cstr(&w, "one");
	wr_cstr(&w, "");
	v = wr_view(&w);
	assert_true(userauth_msg_answers(v, a, 2));
	assert_true(view_is(a[0], "one") && a[1].n == 0);
	assert_false(userauth_msg_answers(v, a, 1));
	assert_false(userauth_msg_answers(v, a, 3));
	assert_false(userauth_msg_answers(v, a, 0));
	for (size_t n = 0; n < v.n; n++)
		assert_false(userauth_msg_answers(view_of(v.p, n), a, 2));
	wr_u8(&w, 0);
	assert_false(userauth_msg_answers(wr_view(&w), a, 2));
	/* a count that would wrap any product with a size */
	wr_reset(&w);
	wr_u8(&w, 61);
	wr_u32(&w, 0x40000001);
	assert_false(userauth_msg_answers(wr_view(&w), a, 0x40000001));
	wr_free(&w);
}

static void
test_prompts(void **state)
{
	struct wr w = wr_new(4096);
	struct view v;
	size_t n;

	(void)state;
	wr_cstr(&w, "name");
	wr_cstr(&w, "instruction");
	wr_cstr(&w, "");
	wr_u32(&w, 1);
	wr_cstr(&w, "Password: ");
	wr_bool(&w, false);
	v = wr_view(&w);
	assert_true(userauth_msg_prompts(v, &n));
	assert_int_equal(n, 1);
	for (size_t k = 0; k < v.n; k++)
		assert_false(userauth_msg_prompts(view_of(v.p, k), &n));
	wr_reset(&w);
	for (int i = 0; i < 3; i++)
		wr_cstr(&w, "");
	wr_u32(&w, USERAUTH_MAX_PROMPTS + 1);
	for (int i = 0; i < USERAUTH_MAX_PROMPTS + 1; i++) {
		wr_cstr(&w, "?");
		wr_bool(&w, true);
	}
	assert_false(userauth_msg_prompts(wr_view(&w), &n));
	wr_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_unknown_method),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_long_password),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_other_number),
		cmocka_unit_test(test_signed_publickey),
		cmocka_unit_test(test_signed_hostbound),
		cmocka_unit_test(test_signed_flag_is_true),
		cmocka_unit_test(test_signed_hostbased),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_prompts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
