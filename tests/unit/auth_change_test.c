/* Passwords that expire and are replaced by their users. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/records.h"
#include "base/otp.h"
#include "tests/unit/auth_peer.h"

#define KBD	(1u << AUTH_KBDINT)
#define PW	(1u << AUTH_PASSWORD)
#define DAY	86400
#define SECRET	"12345678901234567890"
#define GOOD	"a fine new one"
#define RULES	"Choose a new password: at least 12 characters, not the old " \
		"one, without your user name."
#define STUCK	"Your password could not be changed, the old one still " \
		"counts. Please ask the administrator.\r\n"

static char right[CRYPT_OUTPUT_SIZE], other[CRYPT_OUTPUT_SIZE];

static int
make_hash(const char *salt, char out[CRYPT_OUTPUT_SIZE])
{
	struct crypt_data d = { 0 };
	const char *h = crypt_r("right", salt, &d);

	if (h == NULL || strlen(h) >= CRYPT_OUTPUT_SIZE)
		return -1;
	memcpy(out, h, strlen(h) + 1);
	return 0;
}

static int
make_hashes(void **state)
{
	(void)state;
	return make_hash("$5$rounds=1000$salt", right) != 0 ||
	    make_hash("$5$rounds=1000$pepper", other) != 0 ? -1 : 0;
}

/* ---- the user: expired yesterday ---- */

static void
init(struct world *w, struct fake_store *s, const char *chains)
{
	world_init(w, chains);
	fake_store_init(s);
	w->policy.password = view_str(right);
	w->policy.password_expires = NOW - DAY;
	w->policy.password_warn = 14 * DAY;
	w->policy.password_change = PASSWORD_CHANGE_EXPIRED;
	w->policy.password_min = 12;
	w->start.store = &s->ops;
}

static void
start(struct world *w, int64_t now)
{
	world_start(w, "acme", true);
	auth_free(&w->a);
	w->start.methods_first |= KBD;
	w->start.now = now;
	w->a = auth_new(&w->start);
	assert_non_null(w->a);
}

static void
done(struct world *w, struct fake_store *s)
{
	world_free(w);
	fake_store_free(s);
}

static enum auth_verdict
give(struct world *w, const char *password, struct auth_answer *out)
{
	return world_send(w, req_password("acme", view_str(password)), out);
}

static enum auth_verdict
change(struct world *w, const char *old, const char *new,
    struct auth_answer *out)
{
	struct wr r = req_plain("acme", "ssh-connection", "password");

	wr_bool(&r, true);
	wr_cstr(&r, old);
	wr_cstr(&r, new);
	return world_send(w, r, out);
}

static void
refused(enum auth_verdict v, const struct auth_answer *out, const char *why)
{
	assert_int_equal(v, VERDICT_FAILURE);
	assert_string_equal(out->reason, why);
	assert_true(out->counted);
}

static void
asked(const struct world *w, const char *text)
{
	char want[512];

	snprintf(want, sizeof(want), "%s " RULES, text);
	assert_true(view_is(w->asked, want));
}

/* ---- the method ---- */

static void
test_expired(void **state)
{
	struct auth_answer out;
	struct fake_store s;
	struct world w;

	(void)state;
	init(&w, &s, "password");
	start(&w, NOW);
	refused(give(&w, "wrong", &out), &out, "password is wrong");
	assert_int_equal(give(&w, "right", &out), VERDICT_CHANGEREQ);
	asked(&w, "Your password has expired.");
	assert_false(out.counted);
	assert_int_equal(change(&w, "right", GOOD, &out), VERDICT_SUCCESS);
	assert_int_equal(out.method, AUTH_PASSWORD);
	assert_int_equal(s.writes, 1);
	/* from now on, for everybody */
	start(&w, NOW);
	refused(give(&w, "right", &out), &out, "password is wrong");
	assert_int_equal(give(&w, GOOD, &out), VERDICT_SUCCESS);
	start(&w, NOW + 1000 * DAY);
	assert_int_equal(give(&w, GOOD, &out), VERDICT_SUCCESS);
	/* until the operator sets another */
	w.policy.password = view_str(other);
	start(&w, NOW);
	refused(give(&w, GOOD, &out), &out, "password is wrong");
	assert_int_equal(give(&w, "right", &out), VERDICT_CHANGEREQ);
	/* ... or the same again: then it is as if nothing had been done */
	w.policy.password = view_str(right);
	start(&w, NOW);
	assert_int_equal(give(&w, GOOD, &out), VERDICT_SUCCESS);
	/* a later date asks anew, unless it was changed shortly before */
	w.policy.password_expires = NOW + 14 * DAY;
	start(&w, NOW + 20 * DAY);
	assert_int_equal(give(&w, GOOD, &out), VERDICT_SUCCESS);
	w.policy.password_expires = NOW + 14 * DAY + 1;
	start(&w, NOW + 20 * DAY);
	assert_int_equal(give(&w, GOOD, &out), VERDICT_CHANGEREQ);
	done(&w, &s);
}

static void
test_not_yet(void **state)
{
	struct auth_answer out;
	struct fake_store s;
	struct world w;

	(void)state;
	init(&w, &s, "password");
	w.policy.password_expires = NOW + 1000;
	start(&w, NOW);
	refused(change(&w, "right", GOOD, &out), &out,
	    "password change is not allowed for this user");
	refused(change(&w, "wrong", GOOD, &out), &out, "password is wrong");
	assert_int_equal(give(&w, "right", &out), VERDICT_SUCCESS);
	/* to the second */
	start(&w, NOW + 999);
	assert_int_equal(give(&w, "right", &out), VERDICT_SUCCESS);
	start(&w, NOW + 1000);
	assert_int_equal(give(&w, "right", &out), VERDICT_CHANGEREQ);
	/* whenever they like */
	w.policy.password_change = PASSWORD_CHANGE_ON;
	start(&w, NOW);
	assert_int_equal(change(&w, "right", GOOD, &out), VERDICT_SUCCESS);
	w.policy.password_expires = 0;
	start(&w, NOW);
	assert_int_equal(change(&w, GOOD, GOOD " 2", &out), VERDICT_SUCCESS);
	start(&w, NOW);
	assert_int_equal(give(&w, GOOD " 2", &out), VERDICT_SUCCESS);
	done(&w, &s);
}

static void
test_off(void **state)
{
	struct auth_answer out;
	struct fake_store s;
	struct world w;

	(void)state;
	init(&w, &s, "password");
	w.policy.password_change = PASSWORD_CHANGE_OFF;
	start(&w, NOW);
	refused(give(&w, "right", &out), &out,
	    "password has expired and may not be changed");
	assert_string_equal(w.notice, STUCK);
	refused(change(&w, "right", GOOD, &out), &out,
	    "password change is not allowed for this user");
	refused(give(&w, "wrong", &out), &out, "password is wrong");
	assert_string_equal(w.notice, "");
	done(&w, &s);
}

/* Nobody, and who may not log in, learn nothing and change nothing. */
static void
test_strangers(void **state)
{
	struct auth_answer out;
	struct fake_store s;
	struct world w;

	(void)state;
	for (int who = 0; who < 3; who++) {
		init(&w, &s, who == 1 ? "publickey" : "password");
		if (who == 2) {
			w.policy.from.n = 1;
			w.from[0] = view_str("192.0.2.0/24");
		}
		world_start(&w, "acme", who != 0);
		assert_int_equal(give(&w, "right", &out), VERDICT_FAILURE);
		assert_int_equal(change(&w, "right", GOOD, &out),
		    VERDICT_FAILURE);
		assert_int_equal(change(&w, "wrong", GOOD, &out),
		    VERDICT_FAILURE);
		assert_true(out.not_before_ms >= 250);
		assert_int_equal(auth_work(w.a)->hashes, 3);
		assert_string_equal(w.notice, "");
		assert_int_equal(s.writes, 0);
		done(&w, &s);
	}
}

static void
test_rules(void **state)
{
	static char longest[600];
	static const struct {
		const char *new, *why;
	} rows[] = {
		{ "", "That is too short: it needs at least 12 characters." },
		{ "elevenchars",
		    "That is too short: it needs at least 12 characters." },
		/* eleven characters in 22 bytes */
		{ "\303\244\303\266\303\274\303\237\303\244\303\266\303\274"
		    "\303\237\303\244\303\266\303\274",
		    "That is too short: it needs at least 12 characters." },
		{ "aaaaaaaaaaaaaaaaaaaa",
		    "That is the same over and over." },
		{ "abcabcabcabcabc", "That is the same over and over." },
		{ "my name is acme", "That has your user name in it." },
		{ "my name is ACMe!", "That has your user name in it." },
		{ longest, "That is too long." },
	};
	struct auth_answer out;
	struct fake_store s;
	struct world w;

	(void)state;
	memset(longest, 'l', sizeof(longest) - 1);
	init(&w, &s, "password");
	start(&w, NOW);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(change(&w, "right", rows[i].new, &out),
		    VERDICT_CHANGEREQ);
		asked(&w, rows[i].why);
		assert_false(out.counted);
	}
	w.policy.password_min = 8;
	w.policy.password = view_str(right);
	assert_int_equal(change(&w, "right", "12345678", &out),
	    VERDICT_SUCCESS);
	start(&w, NOW);
	w.policy.password_change = PASSWORD_CHANGE_ON;
	assert_int_equal(change(&w, "12345678", "12345678", &out),
	    VERDICT_CHANGEREQ);
	assert_memory_equal(w.asked.p, "That is the old password.", 25);
	/* 511 bytes are the most that crypt(3) takes */
	memcpy(longest, "abcdefgh", 8);
	longest[511] = '\0';
	assert_int_equal(change(&w, "12345678", longest, &out),
	    VERDICT_SUCCESS);
	start(&w, NOW);
	assert_int_equal(give(&w, longest, &out), VERDICT_SUCCESS);
	done(&w, &s);
}

/* ---- a folder that fails ---- */

static void
test_state_fails(void **state)
{
	struct auth_answer out;
	struct fake_store s;
	struct world w;

	(void)state;
	init(&w, &s, "password");
	start(&w, NOW);
	s.fail_write = ERR_SYS;
	refused(change(&w, "right", GOOD, &out), &out,
	    "state could not be written");
	assert_string_equal(w.notice, STUCK);
	assert_int_equal(give(&w, "right", &out), VERDICT_CHANGEREQ);
	s.fail_write = OK;
	s.fail_lock = ERR_LIMIT;
	refused(change(&w, "right", GOOD, &out), &out,
	    "state could not be locked");
	assert_string_equal(w.notice, STUCK);
	s.fail_lock = OK;
	/* what cannot be read may be a new password: the old one is no way
	 * in, and it costs the same */
	s.fail_read = ERR_SYS;
	refused(give(&w, "right", &out), &out, "state could not be read");
	s.fail_read = OK;
	fake_store_set(&s, RECORD_PASSWORD, view_str("rubbish"));
	start(&w, NOW);
	refused(give(&w, "right", &out), &out, "state is damaged");
	assert_int_equal(auth_work(w.a)->hashes, 1);
	fake_store_set(&s, RECORD_PASSWORD, view_of("", 0));
	assert_int_equal(give(&w, "right", &out), VERDICT_CHANGEREQ);
	w.start.store = NULL;
	start(&w, NOW);
	refused(give(&w, "right", &out), &out,
	    "password has expired and may not be changed");
	done(&w, &s);
}

/* Two at a time: the second one's old password counts no more. */
static void
test_race(void **state)
{
	struct auth_answer out;
	struct fake_store s;
	struct world w, w2;

	(void)state;
	init(&w, &s, "keyboard-interactive");
	start(&w, NOW);
	w2 = w;
	w2.policy.auth = w2.chains;
	w2.a = NULL;
	w2.start.policy = &w2.policy;
	w2.a = auth_new(&w2.start);
	world_send(&w, req_kbdint("acme", ""), &out);
	world_send(&w2, req_kbdint("acme", ""), &out);
	{
		struct view pw = view_str("right"), new[2];

		assert_int_equal(world_send(&w, req_answers(&pw, 1), &out),
		    VERDICT_PROMPT);
		assert_int_equal(world_send(&w2, req_answers(&pw, 1), &out),
		    VERDICT_PROMPT);
		new[0] = new[1] = view_str(GOOD);
		assert_int_equal(world_send(&w, req_answers(new, 2), &out),
		    VERDICT_SUCCESS);
		new[0] = new[1] = view_str("another one");
		w2.policy.password_min = 8;
		refused(world_send(&w2, req_answers(new, 2), &out), &out,
		    "password has been changed meanwhile");
		assert_string_equal(w2.notice, STUCK);
	}
	auth_free(&w2.a);
	done(&w, &s);
}

/* ---- dialogues ---- */

static void
asked_new(const struct world *w, const char *why)
{
	struct rd r = rd_of(w->asked);
	char want[512];

	snprintf(want, sizeof(want), "%s " RULES, why);
	assert_int_equal(rd_str(&r).n, 0);
	assert_true(view_is(rd_str(&r), want));
	assert_int_equal(rd_str(&r).n, 0);
	assert_int_equal(rd_u32(&r), 2);
	assert_true(view_is(rd_str(&r), "New password: "));
	assert_false(rd_bool(&r));
	assert_true(view_is(rd_str(&r), "Retype new password: "));
	assert_false(rd_bool(&r));
	assert_true(rd_done(&r));
}

static enum auth_verdict
answer(struct world *w, const char *one, const char *two,
    struct auth_answer *out)
{
	struct view v[2] = { view_str(one), view_str(two) };

	return world_send(w, req_answers(v, two != NULL ? 2 : 1), out);
}

static void
test_dialogue(void **state)
{
	struct auth_answer out;
	struct fake_store s;
	struct world w;

	(void)state;
	init(&w, &s, "keyboard-interactive");
	start(&w, NOW);
	for (int i = 0; i < 2; i++) {
		world_send(&w, req_kbdint("acme", ""), &out);
		assert_int_equal(answer(&w, "right", NULL, &out),
		    VERDICT_PROMPT);
		asked_new(&w, "Your password has expired.");
		assert_int_equal(answer(&w, GOOD, GOOD "x", &out),
		    VERDICT_PROMPT);
		asked_new(&w, "The two are not the same.");
		assert_int_equal(answer(&w, "short", "short", &out),
		    VERDICT_PROMPT);
		asked_new(&w, "That is too short: it needs at least 12 "
		    "characters.");
		if (i == 0) {		/* three tries, no more */
			refused(answer(&w, "right", "right", &out), &out,
			    "no acceptable new password was given");
			assert_int_equal(s.writes, 0);
		} else
			assert_int_equal(answer(&w, GOOD, GOOD, &out),
			    VERDICT_SUCCESS);
	}
	start(&w, NOW);
	world_send(&w, req_kbdint("acme", ""), &out);
	assert_int_equal(answer(&w, GOOD, NULL, &out), VERDICT_SUCCESS);
	done(&w, &s);
}

static const char *
code(void)
{
	const struct otp o = { view_str(SECRET), HASH_SHA1, 6, 30 };
	static char text[OTP_DIGITS_MAX + 1];

	assert_true(otp_code(&o, NOW / 30, text));
	return text;
}

/* The code comes first: who has the password alone must not set another. */
static void
test_with_code(void **state)
{
	struct auth_answer out;
	struct fake_store s;
	struct world w;

	(void)state;
	for (int method = 0; method < 2; method++) {
		init(&w, &s, method ? "password+keyboard-interactive" :
		    "keyboard-interactive");
		w.policy.totp = (struct policy_totp){
			.secret = view_str(SECRET), .digits = 6,
			.period = 30
		};
		start(&w, NOW);
		if (method) {
			refused(change(&w, "right", GOOD, &out), &out,
			    "password change must wait for other proofs");
			assert_int_equal(give(&w, "right", &out),
			    VERDICT_PARTIAL);
			world_send(&w, req_kbdint("acme", ""), &out);
		} else {
			world_send(&w, req_kbdint("acme", ""), &out);
			assert_int_equal(answer(&w, "right", NULL, &out),
			    VERDICT_PROMPT);
		}
		refused(answer(&w, "000000", NULL, &out), &out,
		    "verification code is wrong");
		world_send(&w, req_kbdint("acme", ""), &out);
		if (!method)
			answer(&w, "right", NULL, &out);
		assert_int_equal(answer(&w, code(), NULL, &out),
		    VERDICT_PROMPT);
		asked_new(&w, "Your password has expired.");
		assert_int_equal(answer(&w, GOOD, GOOD, &out),
		    VERDICT_SUCCESS);
		start(&w, NOW + 60);
		refused(give(&w, "right", &out), &out, method ?
		    "password is wrong" :
		    "method is not allowed for this user");
		done(&w, &s);
	}
}

/* Where no dialogue follows, the password method must ask. */
static void
test_chains(void **state)
{
	struct auth_answer out;
	struct fake_store s;
	struct world w;

	(void)state;
	init(&w, &s, "password+publickey");
	start(&w, NOW);
	assert_int_equal(give(&w, "right", &out), VERDICT_CHANGEREQ);
	assert_int_equal(change(&w, "right", GOOD, &out), VERDICT_PARTIAL);
	assert_int_equal(out.methods, 1u << AUTH_PUBLICKEY);
	done(&w, &s);
	/* without a code the dialogue asks for the password again */
	init(&w, &s, "password+keyboard-interactive");
	start(&w, NOW);
	assert_int_equal(give(&w, "right", &out), VERDICT_PARTIAL);
	assert_int_equal(out.methods, KBD);
	refused(give(&w, "wrong", &out), &out, "method is not the next step");
	world_send(&w, req_kbdint("acme", ""), &out);
	assert_int_equal(answer(&w, "right", NULL, &out), VERDICT_PROMPT);
	asked_new(&w, "Your password has expired.");
	s.fail_write = ERR_SYS;
	refused(answer(&w, GOOD, GOOD, &out), &out,
	    "state could not be written");
	assert_string_equal(w.notice, STUCK);
	s.fail_write = OK;
	world_send(&w, req_kbdint("acme", ""), &out);
	answer(&w, "right", NULL, &out);
	assert_int_equal(answer(&w, GOOD, GOOD, &out), VERDICT_SUCCESS);
	done(&w, &s);
}

/* A way in that goes round the dialogue does not go round the change. */
static void
test_no_way_round(void **state)
{
	struct ssh_key *k = ssh_key_generate("ed25519", 0);
	struct auth_answer out;
	struct fake_store s;
	struct world w;

	(void)state;
	init(&w, &s, "password+keyboard-interactive password+publickey");
	world_key(&w, "", k);
	start(&w, NOW);
	assert_int_equal(give(&w, "right", &out), VERDICT_PARTIAL);
	refused(world_send(&w, req_signed("acme", k, "ssh-ed25519",
	    &(struct forged){ 0 }), &out), &out,
	    "password has expired and was not changed");
	assert_int_equal(s.writes, 0);
	/* the other one is still there, and then the key is not needed */
	world_send(&w, req_kbdint("acme", ""), &out);
	assert_int_equal(answer(&w, "right", NULL, &out), VERDICT_PROMPT);
	assert_int_equal(answer(&w, GOOD, GOOD, &out), VERDICT_SUCCESS);
	/* what has not expired goes either way */
	start(&w, NOW);
	assert_int_equal(give(&w, GOOD, &out), VERDICT_PARTIAL);
	assert_int_equal(world_send(&w, req_signed("acme", k, "ssh-ed25519",
	    &(struct forged){ 0 }), &out), VERDICT_SUCCESS);
	done(&w, &s);
	ssh_key_free(&k);
}

/* ---- warnings ---- */

static void
test_warning(void **state)
{
	static const struct {
		int64_t left;
		const char *text;
	} rows[] = {
		{ 14 * DAY + 1, "" },
		{ 14 * DAY, "Your password expires in 14 days.\r\n" },
		{ 2 * DAY, "Your password expires in 2 days.\r\n" },
		{ 2 * DAY - 1, "Your password expires in 1 day.\r\n" },
		{ DAY, "Your password expires in 1 day.\r\n" },
		{ DAY - 1, "Your password expires within a day.\r\n" },
		{ 1, "Your password expires within a day.\r\n" },
	};
	struct auth_answer out;
	struct fake_store s;
	struct world w;

	(void)state;
	init(&w, &s, "password keyboard-interactive");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		w.policy.password_expires = NOW + rows[i].left;
		start(&w, NOW);
		refused(give(&w, "wrong", &out), &out, "password is wrong");
		assert_string_equal(w.notice, "");
		assert_int_equal(give(&w, "right", &out), VERDICT_SUCCESS);
		assert_string_equal(w.notice, rows[i].text);
		start(&w, NOW);
		world_send(&w, req_kbdint("acme", ""), &out);
		assert_int_equal(answer(&w, "right", NULL, &out),
		    VERDICT_SUCCESS);
		assert_string_equal(w.notice, rows[i].text);
	}
	w.policy.password_warn = 0;
	start(&w, NOW);
	assert_int_equal(give(&w, "right", &out), VERDICT_SUCCESS);
	assert_string_equal(w.notice, "");
	done(&w, &s);
}

/* ---- the record ---- */

static void
test_record(void **state)
{
	struct password_record in = { .hash = view_str("$y$x"),
	    .changed = NOW }, out;
	struct wr w = wr_new(RECORD_MAX);
	struct view v;
	uint8_t *copy;

	(void)state;
	memset(in.replaces, 0xcd, sizeof(in.replaces));
	put_password_record(&w, &in);
	v = wr_view(&w);
	assert_true(get_password_record(v, &out));
	assert_true(view_is(out.hash, "$y$x"));
	assert_int_equal(out.changed, NOW);
	assert_memory_equal(out.replaces, in.replaces, RECORD_HASH);
	copy = malloc(v.n + 1);
	memset(copy, 0, v.n + 1);
	for (size_t n = 0; n <= v.n + 1; n++) {
		memcpy(copy, v.p, n < v.n ? n : v.n);
		if (n != v.n)
			assert_false(get_password_record(view_of(copy, n),
			    &out));
	}
	copy[0] = 2;
	assert_false(get_password_record(view_of(copy, v.n), &out));
	copy[0] = 1;
	copy[5] = '\0';			/* a NUL in the hash */
	assert_false(get_password_record(view_of(copy, v.n), &out));
	free(copy);
	wr_reset(&w);
	in.hash.n = 0;
	put_password_record(&w, &in);
	assert_false(get_password_record(wr_view(&w), &out));
	wr_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expired),
		cmocka_unit_test(test_not_yet),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_state_fails),
		cmocka_unit_test(test_race),
		cmocka_unit_test(test_dialogue),
		cmocka_unit_test(test_with_code),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_no_way_round),
		cmocka_unit_test(test_warning),
		cmocka_unit_test(test_record),
	};

	return cmocka_run_group_tests(tests, make_hashes, NULL);
}
