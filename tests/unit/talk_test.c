/* Frames between a login process and sallyport-account. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "auth/talk.h"

static char long_text[TALK_TEXT_MAX + 2];

static struct view
text_of(size_t n)
{
	memset(long_text, 'x', sizeof(long_text));
	return view_of(long_text, n);
}

static void
test_hello(void **state)
{
	struct talk_hello m = {
		view_str("sshd"), view_str("acme"), view_str("::1"), 60000
	}, got;
	struct wr w = wr_new(4096);
	struct view v;

	(void)state;
	put_talk_hello(&w, &m);
	v = wr_view(&w);
	assert_true(get_talk_hello(v, &got));
	assert_true(view_is(got.service, "sshd"));
	assert_true(view_is(got.user, "acme"));
	assert_true(view_is(got.rhost, "::1"));
	assert_int_equal(got.grace_ms, 60000);
	for (size_t n = 0; n < v.n; n++)
		assert_false(get_talk_hello(view_of(v.p, n), &got));
	wr_u8(&w, 0);
	assert_false(get_talk_hello(wr_view(&w), &got));
	wr_reset(&w);
	m.grace_ms = 0;
	put_talk_hello(&w, &m);
	assert_false(get_talk_hello(wr_view(&w), &got));
	wr_reset(&w);
	m.grace_ms = 1;
	m.user = view_of("a\0b", 3);
	put_talk_hello(&w, &m);
	assert_false(get_talk_hello(wr_view(&w), &got));
	wr_reset(&w);
	m.user = text_of(TALK_USER_MAX + 1);
	put_talk_hello(&w, &m);
	assert_false(get_talk_hello(wr_view(&w), &got));
	wr_free(&w);
}

static struct view
rules(struct wr *w, const char *const *names)
{
	wr_reset(w);
	for (; *names != NULL; names++)
		wr_cstr(w, *names);
	return wr_view(w);
}

static void
test_find(void **state)
{
	struct wr a = wr_new(4096), d = wr_new(4096), w = wr_new(8192);
	struct talk_find m = { .root = true }, got;
	struct view name;

	(void)state;
	m.allow = rules(&a, (const char *const []){ "@sftp", "bob", NULL });
	m.deny = rules(&d, (const char *const []){ NULL });
	put_talk_find(&w, &m);
	assert_true(get_talk_find(wr_view(&w), &got));
	assert_true(got.root);
	assert_true(talk_rule_next(&got.allow, &name));
	assert_true(view_is(name, "@sftp"));
	assert_true(talk_rule_next(&got.allow, &name));
	assert_true(view_is(name, "bob"));
	assert_false(talk_rule_next(&got.allow, &name));
	assert_false(talk_rule_next(&got.deny, &name));
	/* an empty name, and a list cut short */
	wr_reset(&w);
	m.deny = rules(&d, (const char *const []){ "", NULL });
	put_talk_find(&w, &m);
	assert_false(get_talk_find(wr_view(&w), &got));
	wr_reset(&w);
	m.deny = rules(&d, (const char *const []){ "root", NULL });
	m.deny.n--;
	put_talk_find(&w, &m);
	assert_false(get_talk_find(wr_view(&w), &got));
	wr_free(&a);
	wr_free(&d);
	wr_free(&w);
}

static void
test_auth(void **state)
{
	struct talk_auth m = { .password = text_of(TALK_TEXT_MAX) }, got;
	struct wr w = wr_new(4096);

	(void)state;
	put_talk_auth(&w, &m);
	assert_true(get_talk_auth(wr_view(&w), &got));
	assert_int_equal(got.password.n, TALK_TEXT_MAX);
	assert_false(got.interactive || got.sham);
	wr_reset(&w);
	m.password.n++;
	put_talk_auth(&w, &m);
	assert_false(get_talk_auth(wr_view(&w), &got));
	/* a dialogue begins without a password */
	wr_reset(&w);
	m.interactive = true;
	m.password = view_str("x");
	put_talk_auth(&w, &m);
	assert_false(get_talk_auth(wr_view(&w), &got));
	wr_free(&w);
}

static void
test_texts(void **state)
{
	struct wr w = wr_new(1 << 17);
	struct talk_texts m = { .n = TALK_MAX }, got;

	(void)state;
	for (size_t i = 0; i < TALK_MAX; i++)
		m.text[i] = text_of(TALK_TEXT_MAX);
	put_talk_texts(&w, &m);
	assert_true(get_talk_texts(wr_view(&w), &got));
	assert_int_equal(got.n, TALK_MAX);
	wr_reset(&w);
	m.n = TALK_MAX + 1;
	put_talk_texts(&w, &m);
	assert_true(w.bad);
	wr_reset(&w);
	wr_u32(&w, TALK_MAX + 1);
	for (size_t i = 0; i < TALK_MAX + 1; i++)
		wr_cstr(&w, "x");
	assert_false(get_talk_texts(wr_view(&w), &got));
	wr_reset(&w);
	wr_u32(&w, 1);
	wr_str(&w, view_of("a\0", 2));
	assert_false(get_talk_texts(wr_view(&w), &got));
	wr_free(&w);
}

static void
test_said(void **state)
{
	struct wr w = wr_new(1 << 17);
	struct talk_said m = { .n = 2 }, got;
	struct talk_result r = { .verdict = TALK_DONE }, got_r;

	(void)state;
	m.msg[0].style = TALK_INFO;
	m.msg[0].text = view_str("hello");
	m.msg[1].style = TALK_ECHO_ON;
	m.msg[1].text = view_str("Name: ");
	put_talk_said(&w, &m);
	assert_true(get_talk_said(wr_view(&w), &got));
	assert_int_equal(talk_prompts(&got), 1);
	assert_int_equal(got.msg[1].style, TALK_ECHO_ON);
	/* a question that asks nothing */
	wr_reset(&w);
	m.n = 1;
	put_talk_said(&w, &m);
	assert_true(w.bad);
	assert_false(get_talk_said(view_of("\0\0\0\0", 4), &got));
	/* a style of nobody's */
	assert_false(get_talk_said(view_of("\0\0\0\1\4\0\0\0\0", 9), &got));
	/* a result that asks */
	wr_reset(&w);
	m.n = 2;
	r.said = m;
	put_talk_result(&w, &r);
	assert_false(get_talk_result(wr_view(&w), &got_r));
	wr_reset(&w);
	r.said.n = 1;
	put_talk_result(&w, &r);
	assert_true(get_talk_result(wr_view(&w), &got_r));
	assert_int_equal(got_r.said.n, 1);
	wr_reset(&w);
	wr_u8(&w, TALK_UNFIT + 1);
	wr_cstr(&w, "");
	wr_u32(&w, 0);
	assert_false(get_talk_result(wr_view(&w), &got_r));
	wr_free(&w);
}

static void
test_found(void **state)
{
	struct talk_found m = { .account = view_str("a -") }, got;
	struct wr w = wr_new(4096);

	(void)state;
	put_talk_found(&w, &m);
	assert_true(get_talk_found(wr_view(&w), &got));
	/* both, and neither */
	wr_reset(&w);
	m.reason = view_str("no");
	put_talk_found(&w, &m);
	assert_false(get_talk_found(wr_view(&w), &got));
	wr_reset(&w);
	m = (struct talk_found){ .reason = view_str("") };
	put_talk_found(&w, &m);
	assert_false(get_talk_found(wr_view(&w), &got));
	wr_free(&w);
}

static void
test_session(void **state)
{
	static struct talk_session m, got;
	struct wr w = wr_new(1 << 17);
	static char big[TALK_ENV_BYTES / TALK_ENV_MAX + 1];

	(void)state;
	memset(big, 'x', sizeof(big));
	m.pid = 77;
	m.nenv = TALK_ENV_MAX;
	for (size_t i = 0; i < TALK_ENV_MAX; i++)
		m.env[i] = view_of(big, sizeof(big) - 1);
	put_talk_session(&w, &m);
	assert_true(get_talk_session(wr_view(&w), &got));
	assert_int_equal(got.pid, 77);
	assert_int_equal(got.nenv, TALK_ENV_MAX);
	/* one byte too much, one variable too many, no pid that could be */
	wr_reset(&w);
	m.env[0].n++;
	put_talk_session(&w, &m);
	assert_false(get_talk_session(wr_view(&w), &got));
	wr_reset(&w);
	m.nenv++;
	put_talk_session(&w, &m);
	assert_true(w.bad);
	wr_reset(&w);
	m.nenv = 0;
	m.pid = 0x80000000;
	put_talk_session(&w, &m);
	assert_false(get_talk_session(wr_view(&w), &got));
	wr_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_auth),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_said),
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
