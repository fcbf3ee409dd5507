/* Keyboard-interactive (RFC 4256): what is asked, which answers count, and
 * that a question left alone is an attempt. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <crypt.h>
#include <string.h>

#include "tests/unit/auth_peer.h"

#define KBD	(1u << AUTH_KBDINT)

static char right[CRYPT_OUTPUT_SIZE];	/* hash of "right", cheap */

static int
make_hash(void **state)
{
	struct crypt_data d = { 0 };
	const char *h = crypt_r("right", "$5$rounds=1000$salt", &d);

	(void)state;
	if (h == NULL || strlen(h) >= sizeof(right))
		return -1;
	memcpy(right, h, strlen(h) + 1);
	return 0;
}

static void
begin(struct world *w, const char *chains, bool offered, bool exists)
{
	world_init(w, chains);
	w->policy.password = view_str(right);
	world_start(w, "acme", exists);
	if (offered) {
		auth_free(&w->a);
		w->start.methods_first |= KBD;
		w->a = auth_new(&w->start);
		assert_non_null(w->a);
	}
}

/* The one prompt of the question, "" if there is none. */
static struct view
prompt(struct view body, size_t *n_out)
{
	struct view text = view_of(NULL, 0);
	struct rd r = rd_of(body);

	rd_str(&r);
	rd_str(&r);
	rd_str(&r);
	*n_out = rd_u32(&r);
	if (*n_out != 0) {
		text = rd_str(&r);
		assert_false(rd_bool(&r));
	}
	assert_true(*n_out > 1 || rd_done(&r));
	return text;
}

static enum auth_verdict
answer(struct world *w, const char *text, struct auth_answer *out)
{
	struct view v = view_str(text);

	return world_send(w, req_answers(&v, 1), out);
}

static void
test_password(void **state)
{
	struct auth_answer out;
	struct world w;
	size_t n;

	(void)state;
	begin(&w, "keyboard-interactive", true, true);
	assert_int_equal(world_send(&w, req_kbdint("acme", "pam,x"), &out),
	    VERDICT_PROMPT);
	assert_false(out.counted);
	assert_false(out.abandoned);
	assert_int_equal(out.method, AUTH_KBDINT);
	assert_int_equal(out.not_before_ms, 0);
	assert_true(view_is(prompt(w.asked, &n), "Password: "));
	assert_int_equal(n, 1);
	assert_int_equal(answer(&w, "wrong", &out), VERDICT_FAILURE);
	assert_true(out.counted);
	assert_string_equal(out.reason, "password is wrong");
	assert_true(out.not_before_ms >= 250);
	assert_int_equal(world_send(&w, req_kbdint("acme", ""), &out),
	    VERDICT_PROMPT);
	assert_false(out.abandoned);
	assert_int_equal(answer(&w, "right", &out), VERDICT_SUCCESS);
	assert_true(out.counted);
	assert_int_equal(out.method, AUTH_KBDINT);
	world_free(&w);
}

/* Nobody is asked the same and costs the same. */
static void
test_nobody(void **state)
{
	struct auth_answer out;
	struct world w;
	size_t n;

	(void)state;
	begin(&w, "keyboard-interactive", true, false);
	assert_int_equal(world_send(&w, req_kbdint("acme", ""), &out),
	    VERDICT_PROMPT);
	assert_true(view_is(prompt(w.asked, &n), "Password: "));
	assert_int_equal(answer(&w, "right", &out), VERDICT_FAILURE);
	assert_string_equal(out.reason, "no such user");
	assert_int_equal(auth_work(w.a)->hashes, 1);
	assert_true(out.not_before_ms >= 250);
	world_free(&w);
	/* ... and so is one who must come otherwise */
	begin(&w, "publickey", true, true);
	assert_int_equal(world_send(&w, req_kbdint("acme", ""), &out),
	    VERDICT_PROMPT);
	assert_int_equal(answer(&w, "right", &out), VERDICT_FAILURE);
	assert_string_equal(out.reason, "method is not allowed for this user");
	assert_int_equal(auth_work(w.a)->hashes, 1);
	world_free(&w);
}

static void
test_not_offered(void **state)
{
	struct auth_answer out;
	struct world w;

	(void)state;
	for (int exists = 0; exists < 2; exists++) {
		begin(&w, "password+keyboard-interactive", false, exists == 1);
		assert_int_equal(world_send(&w, req_kbdint("acme", ""), &out),
		    VERDICT_FAILURE);
		assert_true(out.counted);
		assert_int_equal(answer(&w, "right", NULL),
		    VERDICT_DISCONNECT);
		world_free(&w);
	}
	/* once it is the next step, it is */
	begin(&w, "password+keyboard-interactive", false, true);
	assert_int_equal(world_send(&w, req_password("acme",
	    view_str("right")), &out), VERDICT_PARTIAL);
	assert_int_equal(out.methods, KBD);
	assert_int_equal(world_send(&w, req_kbdint("acme", ""), &out),
	    VERDICT_PROMPT);
	world_free(&w);
}

/* CVE-2015-5600: questions asked for nothing are attempts. */
static void
test_abandoned(void **state)
{
	struct auth_answer out;
	struct world w;

	(void)state;
	begin(&w, "keyboard-interactive", true, true);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(world_send(&w, req_kbdint("acme", ""), &out),
		    VERDICT_PROMPT);
		assert_int_equal(out.abandoned, i != 0);
	}
	assert_int_equal(world_send(&w, req_plain("acme", "ssh-connection",
	    "none"), &out), VERDICT_FAILURE);
	assert_true(out.abandoned);
	/* the question went with it */
	assert_int_equal(answer(&w, "right", NULL), VERDICT_DISCONNECT);
	world_free(&w);
}

/* CVE-2002-0639: as many answers as questions, or none at all. */
static void
test_counts(void **state)
{
	const struct view two[] = { view_str("right"), view_str("right") };
	struct world w;

	(void)state;
	for (size_t n = 0; n <= 2; n += 2) {
		begin(&w, "keyboard-interactive", true, true);
		assert_int_equal(world_send(&w, req_kbdint("acme", ""), NULL),
		    VERDICT_PROMPT);
		assert_int_equal(world_send(&w, req_answers(two, n), NULL),
		    VERDICT_DISCONNECT);
		assert_int_equal(auth_work(w.a)->hashes, 0);
		world_free(&w);
	}
	/* nobody asked, and nobody asks twice */
	begin(&w, "keyboard-interactive", true, true);
	assert_int_equal(answer(&w, "right", NULL), VERDICT_DISCONNECT);
	world_free(&w);
	begin(&w, "keyboard-interactive", true, true);
	assert_int_equal(world_send(&w, req_kbdint("acme", ""), NULL),
	    VERDICT_PROMPT);
	assert_int_equal(answer(&w, "wrong", NULL), VERDICT_FAILURE);
	assert_int_equal(answer(&w, "right", NULL), VERDICT_DISCONNECT);
	world_free(&w);
}

static void
test_bad_answers(void **state)
{
	static char big[60000];
	const struct {
		struct view v;
		const char *reason;
	} rows[] = {
		{ view_of(NULL, 0), "empty password" },
		{ view_of(big, sizeof(big)), "password is too long" },
		{ view_of("right\n", 6), "password is wrong" },
	};

	(void)state;
	memset(big, 'x', sizeof(big));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct auth_answer out;
		struct world w;

		begin(&w, "keyboard-interactive", true, true);
		assert_int_equal(world_send(&w, req_kbdint("acme", ""), NULL),
		    VERDICT_PROMPT);
		assert_int_equal(world_send(&w, req_answers(&rows[i].v, 1),
		    &out), VERDICT_FAILURE);
		assert_string_equal(out.reason, rows[i].reason);
		world_free(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_password),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_not_offered),
		cmocka_unit_test(test_abandoned),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_bad_answers),
	};

	return cmocka_run_group_tests(tests, make_hash, NULL);
}
