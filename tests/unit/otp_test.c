/* One-time passwords against the published values, and what may not match. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/otp.h"
#include "tests/unit/vectors.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

static const struct otp plain = {
	.secret = { (const uint8_t *)"12345678901234567890", 20 },
	.alg = HASH_SHA1, .digits = 6, .period = 30,
};

/* ---- secrets in base32 ---- */

static bool
secret_is(const char *text, const char *want)
{
	struct wr w = wr_new(256);
	bool ok = otp_secret(view_str(text), &w);

	if (ok && want != NULL)
		assert_true(view_is(wr_view(&w), want));
	wr_free(&w);
	return ok;
}

static void
test_secret(void **state)
{
	(void)state;
	/* the secret of RFC 4226 appendix D, as apps show it */
	assert_true(secret_is("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
	    "12345678901234567890"));
	assert_true(secret_is("gezd gnbv gy3t qojq-gezd gnbv gy3t qojq",
	    "12345678901234567890"));
	/* RFC 4648 10: "fooba" and so on, doubled to be long enough */
	assert_true(secret_is("MZXW6YTBMZXW6YTB", "foobafooba"));
	assert_true(secret_is("MZXW6YTBOJTG633CMFZA====", "foobarfoobar"));
	assert_true(secret_is("MZXW6YTBOJTG633CMFZA", "foobarfoobar"));
	assert_true(secret_is("MZXW6YTBOJTG633CMFZGM33P",
	    "foobarfoobarfoo"));
	/* bits that fill no byte are left out */
	assert_true(secret_is("MZXW6YTBOJTG633CMFZB", "foobarfoobar"));

	assert_false(secret_is("", NULL));
	assert_false(secret_is("====", NULL));
	assert_false(secret_is("MZXW6YTBMZXW6YQ", NULL));	/* 9 bytes */
	/* a digit too many */
	assert_false(secret_is("MZXW6YTBMZXW6YTBM", NULL));
	assert_false(secret_is("MZXW6YTBMZXW6YTBMZX", NULL));
	assert_false(secret_is("MZXW6YTBMZXW6YTBMZXW6Y", NULL));
	assert_false(secret_is("MZXW6YTB=MZXW6YTB", NULL));
	for (const char *c = "0189+/_.\n\t@[`{"; *c != '\0'; c++) {
		char text[] = "MZXW6YTBMZXW6YT?";

		text[sizeof(text) - 2] = *c;
		assert_false(secret_is(text, NULL));
	}
}

static void
test_secret_sizes(void **state)
{
	char text[512];

	(void)state;
	memset(text, 'A', sizeof(text));
	/* 128 bytes are 205 digits */
	text[205] = '\0';
	assert_true(secret_is(text, NULL));
	text[205] = 'A';
	text[207] = '\0';
	assert_false(secret_is(text, NULL));
	text[207] = 'A';
	text[511] = '\0';
	assert_false(secret_is(text, NULL));
}

static void
test_write(void **state)
{
	static const char text[] = "MZXW6YTBOJTG633CMFZGM33P";
	uint8_t bytes[20];
	struct wr w = wr_new(256), back = wr_new(256);

	(void)state;
	/* RFC 4648 10 */
	otp_secret_write(view_str("foobarfoobarfoo"), &w);
	assert_true(view_is(wr_view(&w), text));
	for (size_t n = OTP_SECRET_MIN; n <= sizeof(bytes); n++) {
		crypto_random(bytes, n);
		wr_reset(&w);
		wr_reset(&back);
		otp_secret_write(view_of(bytes, n), &w);
		assert_int_equal(wr_size(&w), (n * 8 + 4) / 5);
		assert_true(otp_secret(wr_view(&w), &back));
		assert_true(view_eq(wr_view(&back), view_of(bytes, n)));
	}
	wr_free(&w);
	wr_free(&back);
}

/* ---- codes ---- */

static enum hash_alg
hash_of(const char *word)
{
	if (strcmp(word, "sha256") == 0)
		return HASH_SHA256;
	return strcmp(word, "sha512") == 0 ? HASH_SHA512 : HASH_SHA1;
}

static void
check_vector(const struct vector *v)
{
	struct otp o = {
		.secret = vector_bytes(v, "secret"),
		.alg = hash_of(vector_word(v, "hash")),
		.digits = 8, .period = 30,
	};
	int64_t at = strtoll(vector_word(v, "time"), NULL, 10);
	const char *want = vector_word(v, "code");
	char got[OTP_DIGITS_MAX + 1];
	uint64_t step = 0;

	assert_true(otp_code(&o, (uint64_t)at / 30, got));
	assert_string_equal(got, want);
	assert_true(otp_find(&o, view_str(want), at, 0, &step));
	assert_int_equal(step, (uint64_t)at / 30);
	/* fewer digits are the last of them */
	for (o.digits = 6; o.digits < 8; o.digits++) {
		assert_true(otp_code(&o, (uint64_t)at / 30, got));
		assert_string_equal(got, want + 8 - o.digits);
	}
}

static void
test_published(void **state)
{
	/* RFC 4226 appendix D */
	static const char *const hotp[] = {
		"755224", "287082", "359152", "969429", "338314", "254676",
		"287922", "162583", "399871", "520489",
	};
	char got[OTP_DIGITS_MAX + 1];

	(void)state;
	vectors_each("totp.txt", check_vector);
	for (size_t i = 0; i < COUNT(hotp); i++) {
		assert_true(otp_code(&plain, i, got));
		assert_string_equal(got, hotp[i]);
	}
}

static void
test_drift(void **state)
{
	/* the steps of RFC 4226 appendix D, 5 is now */
	static const char *const codes[] = {
		"755224", "287082", "359152", "969429", "338314", "254676",
		"287922", "162583", "399871", "520489",
	};
	const int64_t now = 5 * 30 + 29;
	uint64_t step;

	(void)state;
	for (unsigned drift = 0; drift < 5; drift++)
		for (unsigned i = 0; i < COUNT(codes); i++) {
			bool near = i + drift >= 5 && i <= 5 + drift;

			step = 99;
			assert_int_equal(otp_find(&plain, view_str(codes[i]),
			    now, drift, &step), near);
			assert_int_equal(step, near ? i : 99);
		}
	/* near the beginning of time there is no step behind */
	assert_true(otp_find(&plain, view_str("755224"), 0, 10, &step));
	assert_int_equal(step, 0);
	assert_false(otp_find(&plain, view_str("755224"), -1, 10, &step));
}

static void
test_no_code(void **state)
{
	static const char *const wrong[] = {
		"", "25467", "2546760", "0254676", "25467x", "25467 ",
		" 254676", "-54676", "254677", "\0\0\0\0\0\0",
	};
	struct otp o = plain;
	char got[OTP_DIGITS_MAX + 1];
	uint64_t step;

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_false(otp_find(&o, view_str(wrong[i]), 150, 1, &step));
	assert_false(otp_find(&o, view_of("\0\0\0\0\0\0", 6), 150, 1, &step));
	assert_true(otp_find(&o, view_str("254676"), 150, 0, &step));
	/* what was not checked before does no harm */
	assert_false(otp_find(&o, view_str("254676"), 150,
	    OTP_DRIFT_MAX + 1, &step));
	o.period = 0;
	assert_false(otp_find(&o, view_str("254676"), 150, 0, &step));
	o.period = 30;
	o.digits = 9;
	assert_false(otp_code(&o, 5, got));
	o.digits = 5;
	assert_false(otp_find(&o, view_str("54676"), 150, 0, &step));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_secret_sizes),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_published),
		cmocka_unit_test(test_drift),
		cmocka_unit_test(test_no_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
