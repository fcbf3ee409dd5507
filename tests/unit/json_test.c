/* What programs may answer, and the documents that they are given. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/document.h"
#include "auth/json.h"

/* An exact allocation each time, so that a sanitizer sees a read past it. */
static uint8_t *
exact(const char *text, size_t *n)
{
	uint8_t *p;

	*n = strlen(text);
	p = malloc(*n != 0 ? *n : 1);
	assert_non_null(p);
	memcpy(p, text, *n);
	return p;
}

static bool
ask(const char *text, struct json_ask *out, const char **why)
{
	size_t n;
	uint8_t *p = exact(text, &n);
	bool ok = json_ask(view_of(p, n), out, why);

	free(p);
	return ok;
}

static bool
decide(const char *text, struct json_decision *out, const char **why)
{
	size_t n;
	uint8_t *p = exact(text, &n);
	bool ok = json_decision(view_of(p, n), out, why);

	free(p);
	return ok;
}

/* ---- decisions ---- */

static void
test_decision(void **state)
{
	struct json_decision d;
	const char *why;

	(void)state;
	assert_true(decide("{\"allow\":true}", &d, &why));
	assert_true(d.allow);
	assert_null(d.reason);
	assert_false(d.policy.has_allow);
	assert_false(d.policy.has_umask);
	assert_null(d.policy.start);
	json_decision_free(&d);
	assert_true(decide(" {\"reason\":\"not \\u00e4\\n\",\"allow\":false} "
	    "\n", &d, &why));
	assert_false(d.allow);
	assert_string_equal(d.reason, "not \xc3\xa4\n");
	json_decision_free(&d);
	assert_true(decide("{\"allow\":true,\"policy\":{\"allow\":[\"sftp\","
	    "\"scp\"],\"umask\":\"0027\",\"start\":\"/in/x\"}}", &d, &why));
	assert_true(d.policy.has_allow);
	assert_int_equal(d.policy.allow, ALLOW_SFTP | ALLOW_SCP);
	assert_true(d.policy.has_umask);
	assert_int_equal(d.policy.umask, 027);
	assert_string_equal(d.policy.start, "/in/x");
	json_decision_free(&d);
	assert_null(d.policy.start);
	/* nothing at all may be done */
	assert_true(decide("{\"allow\":true,\"policy\":{\"allow\":[]}}", &d,
	    &why));
	assert_true(d.policy.has_allow);
	assert_int_equal(d.policy.allow, 0);
	json_decision_free(&d);
}

static void
test_decision_malformed(void **state)
{
	static const char *const bad[] = {
		"{}", "[]", "[true]",
		"{\"allow\":1}", "{\"allow\":\"true\"}", "{\"allow\":null}",
		"{\"allow\":true,\"more\":1}", "{\"Allow\":true}",
		"{\"allow\":true,\"reason\":1}",
		"{\"allow\":true,\"reason\":\"\\u001b[2J\"}",
		"{\"allow\":true,\"reason\":\"\\u009b2J\"}",
		"{\"allow\":true,\"policy\":[]}",
		"{\"allow\":true,\"policy\":null}",
		"{\"allow\":true,\"policy\":{\"jail\":\"/\"}}",
		"{\"allow\":true,\"policy\":{\"uid\":0}}",
		"{\"allow\":true,\"policy\":{\"allow\":\"sftp\"}}",
		"{\"allow\":true,\"policy\":{\"allow\":[\"all\"]}}",
		"{\"allow\":true,\"policy\":{\"allow\":[1]}}",
		"{\"allow\":true,\"policy\":{\"umask\":27}}",
		"{\"allow\":true,\"policy\":{\"umask\":\"0999\"}}",
		"{\"allow\":true,\"policy\":{\"umask\":\"7777\"}}",
		"{\"allow\":true,\"policy\":{\"start\":\"in\"}}",
		"{\"allow\":true,\"policy\":{\"start\":\"/../etc\"}}",
		"{\"allow\":true,\"policy\":{\"start\":\"/a\\nb\"}}",
		"{\"allow\":true,\"policy\":{\"start\":7}}",
		"{\"allow\":false,\"policy\":{}}",
		"{\"result\":\"allow\"}",
	};
	static const char *const no_json[] = {
		"", " ", "true}", "{\"allow\":true", "{\"allow\":true}}",
		"{\"allow\":true}{\"allow\":true}", "{\"allow\":true,}",
		"{allow:true}", "{'allow':true}", "\xef\xbb\xbf{}",
		"{\"allow\":true,\"allow\":true}",
		"{\"allow\":false,\"allow\":true}",
		"{\"allow\":true,\"reason\":\"\xff\"}",
		"{\"allow\":true,\"reason\":\"\xc0\xaf\"}",
		"{\"allow\":true,\"reason\":\"a\\u0000b\"}",
		"{\"allow\":true,\"reason\":\"\\ud800\"}",
		"yes",
	};
	struct json_decision d;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (decide(bad[i], &d, &why))
			fail_msg("taken: %s", bad[i]);
		assert_string_equal(why, "program's answer is malformed");
		assert_false(d.allow);
		json_decision_free(&d);
	}
	for (size_t i = 0; i < sizeof(no_json) / sizeof(no_json[0]); i++) {
		if (decide(no_json[i], &d, &why))
			fail_msg("taken: %s", no_json[i]);
		assert_string_equal(why, "program's answer is no JSON");
		assert_false(d.allow);
		json_decision_free(&d);
	}
}

/* ---- sizes ---- */

/* {"allow":true,"reason":"xxx..."} */
static bool
reason_of(size_t n, const char **why)
{
	char *text = malloc(n + 64);
	struct json_decision d;
	int at;
	bool ok;

	assert_non_null(text);
	at = snprintf(text, 64, "{\"allow\":true,\"reason\":\"");
	memset(text + at, 'x', n);
	memcpy(text + at + n, "\"}", 3);
	ok = decide(text, &d, why);
	assert_true(!ok || strlen(d.reason) == n);
	json_decision_free(&d);
	free(text);
	return ok;
}

static void
test_sizes(void **state)
{
	struct json_decision d;
	const char *why;
	char deep[64];

	(void)state;
	assert_true(reason_of(JSON_REASON_MAX, &why));
	assert_false(reason_of(JSON_REASON_MAX + 1, &why));
	assert_string_equal(why, "program's answer is malformed");
	assert_false(reason_of(JSON_ANSWER_MAX, &why));
	assert_string_equal(why, "program's answer is too much");
	memset(deep, '[', sizeof(deep));
	deep[JSON_DEPTH_MAX] = '\0';
	assert_false(decide(deep, &d, &why));
	assert_string_equal(why, "program's answer is no JSON");
	deep[JSON_DEPTH_MAX] = '[';
	deep[JSON_DEPTH_MAX + 1] = '\0';
	assert_false(decide(deep, &d, &why));
	assert_string_equal(why, "program's answer is too much");
	/* brackets inside of a text are none */
	assert_true(decide("{\"allow\":true,\"reason\":\"\\\"[[[[[[[[[[{{{\"}",
	    &d, &why));
	json_decision_free(&d);
	assert_false(decide("{\"allow\":[[[[[[[[\"\\\\\"]]]]]]]]}", &d,
	    &why));
	assert_string_equal(why, "program's answer is too much");
}

/* ---- dialogues ---- */

static void
test_question(void **state)
{
	const char *why;
	struct json_ask a;

	(void)state;
	assert_true(ask("{\"name\":\"Login\",\"instruction\":\"two\\nlines\","
	    "\"prompts\":[{\"prompt\":\"PIN: \",\"echo\":false},"
	    "{\"prompt\":\"Color? \",\"echo\":true},{\"prompt\":\"x\"}]}", &a,
	    &why));
	assert_false(a.over);
	assert_string_equal(a.name, "Login");
	assert_string_equal(a.instruction, "two\nlines");
	assert_int_equal(a.n, 3);
	assert_string_equal(a.prompts[0].text, "PIN: ");
	assert_false(a.prompts[0].echo);
	assert_true(a.prompts[1].echo);
	assert_false(a.prompts[2].echo);
	json_ask_free(&a);
	/* only something to read */
	assert_true(ask("{\"instruction\":\"wait\",\"prompts\":[]}", &a,
	    &why));
	assert_int_equal(a.n, 0);
	assert_null(a.name);
	json_ask_free(&a);
}

static void
test_result(void **state)
{
	const char *why;
	struct json_ask a;

	(void)state;
	assert_true(ask("{\"result\":\"allow\"}", &a, &why));
	assert_true(a.over);
	assert_true(a.result.allow);
	json_ask_free(&a);
	assert_true(ask("{\"result\":\"deny\",\"reason\":\"no\"}", &a, &why));
	assert_true(a.over);
	assert_false(a.result.allow);
	assert_string_equal(a.result.reason, "no");
	json_ask_free(&a);
	assert_true(ask("{\"result\":\"allow\",\"policy\":"
	    "{\"umask\":\"077\"}}", &a, &why));
	assert_int_equal(a.result.policy.umask, 077);
	json_ask_free(&a);
}

static void
test_ask_malformed(void **state)
{
	static const char *const bad[] = {
		"{}", "{\"name\":\"x\"}", "{\"prompts\":{}}",
		"{\"prompts\":[1]}", "{\"prompts\":[\"PIN: \"]}",
		"{\"prompts\":[{}]}", "{\"prompts\":[{\"echo\":true}]}",
		"{\"prompts\":[{\"prompt\":\"\"}]}",
		"{\"prompts\":[{\"prompt\":\"x\",\"echo\":0}]}",
		"{\"prompts\":[{\"prompt\":\"x\",\"hide\":true}]}",
		"{\"prompts\":[{\"prompt\":\"\\u0007\"}]}",
		"{\"name\":1,\"prompts\":[]}",
		"{\"instruction\":[],\"prompts\":[]}",
		"{\"prompts\":[],\"result\":\"allow\"}",
		"{\"result\":\"ok\"}", "{\"result\":true}",
		"{\"result\":\"allow\",\"allow\":true}",
		"{\"result\":\"deny\",\"policy\":{}}",
		"{\"allow\":true}",
	};
	struct json_ask a;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (ask(bad[i], &a, &why))
			fail_msg("taken: %s", bad[i]);
		assert_string_equal(why, "program's answer is malformed");
		assert_false(a.result.allow);
		json_ask_free(&a);
	}
}

/* n prompts of `each` bytes. */
static bool
prompts_of(size_t n, size_t each)
{
	struct wr w = wr_new(1 << 20);
	const char *why;
	struct json_ask a;
	bool ok;

	wr_bytes(&w, view_str("{\"prompts\":["));
	for (size_t i = 0; i < n; i++) {
		wr_bytes(&w, view_str(i == 0 ? "{\"prompt\":\"" :
		    ",{\"prompt\":\""));
		for (size_t j = 0; j < each; j++)
			wr_u8(&w, 'x');
		wr_bytes(&w, view_str("\"}"));
	}
	wr_bytes(&w, view_str("]}"));
	ok = json_ask(wr_view(&w), &a, &why);
	json_ask_free(&a);
	wr_free(&w);
	return ok;
}

static void
test_how_many_prompts(void **state)
{
	(void)state;
	assert_true(prompts_of(USERAUTH_MAX_PROMPTS, 384));
	assert_false(prompts_of(USERAUTH_MAX_PROMPTS, 385));
	assert_false(prompts_of(USERAUTH_MAX_PROMPTS + 1, 1));
}

/* Every answer cut short is none. */
static void
test_truncated(void **state)
{
	static const char whole[] = "{\"result\":\"allow\",\"policy\":"
	    "{\"allow\":[\"sftp\"],\"start\":\"/x\"}}";
	char cut[sizeof(whole)];
	struct json_ask a;
	const char *why;

	(void)state;
	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		memcpy(cut, whole, n);
		cut[n] = '\0';
		assert_false(ask(cut, &a, &why));
		assert_false(a.result.allow);
		json_ask_free(&a);
	}
	assert_true(ask(whole, &a, &why));
	json_ask_free(&a);
}

/* ---- documents ---- */

static void
test_document(void **state)
{
	struct wr w = wr_new(1024);
	char got[512];

	(void)state;
	wr_u8(&w, '{');
	document_text(&w, "user", view_str("a\"b\\c\n\x7f\xc2\x85\xc3\xa4"));
	document_num(&w, "n", UINT64_MAX);
	document_bool(&w, "b", true);
	document_key(&w, "list");
	wr_u8(&w, '[');
	document_item(&w, view_str("x"));
	document_item(&w, view_str(""));
	wr_u8(&w, ']');
	document_bool(&w, "c", false);
	wr_u8(&w, '}');
	assert_false(w.bad);
	assert_true(view_to_cstr(wr_view(&w), got, sizeof(got)));
	assert_string_equal(got, "{\"user\":\"a\\\"b\\\\c\\u000a\\u007f\\u0085"
	    "\xc3\xa4\",\"n\":18446744073709551615,\"b\":true,"
	    "\"list\":[\"x\",\"\"],\"c\":false}");
	wr_free(&w);
}

static void
test_document_utf8(void **state)
{
	static const char *const bad[] = {
		"\xff", "a\x80", "\xc3", "\xc0\x80", "\xed\xa0\x80",
		"\xf4\x90\x80\x80", "\xe2\x82",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct wr w = wr_new(1024);

		document_text(&w, "x", view_str(bad[i]));
		assert_true(w.bad);
		wr_free(&w);
		w = wr_new(1024);
		document_item(&w, view_str(bad[i]));
		assert_true(w.bad);
		wr_free(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decision),
		cmocka_unit_test(test_decision_malformed),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_question),
		cmocka_unit_test(test_result),
		cmocka_unit_test(test_ask_malformed),
		cmocka_unit_test(test_how_many_prompts),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_document_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
