/* base/buf: every getter, its short twin, the builder's limits, the queue. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static void
test_round_trip(void **state)
{
	struct wr w = wr_new(1024);
	struct rd r;

	(void)state;
	wr_u8(&w, 0xab);
	wr_bool(&w, true);
	wr_u32(&w, 0x01020304);
	wr_u64(&w, 0x1122334455667788u);
	wr_cstr(&w, "hello");
	wr_str(&w, view_of("a\0b", 3));
	wr_bytes(&w, view_of("tail", 4));
	assert_false(w.bad);
	r = rd_of(wr_view(&w));
	assert_int_equal(rd_u8(&r), 0xab);
	assert_true(rd_bool(&r));
	assert_int_equal(rd_u32(&r), 0x01020304);
	assert_true(rd_u64(&r) == 0x1122334455667788u);
	assert_true(view_is(rd_text(&r), "hello"));
	assert_true(view_eq(rd_str(&r), view_of("a\0b", 3)));
	assert_true(view_is(rd_bytes(&r, 4), "tail"));
	assert_true(rd_done(&r));
	wr_free(&w);
}

/* Every prefix of a message is bad, and stays bad. */
static void
test_truncated(void **state)
{
	struct wr w = wr_new(1024);
	struct view v;

	(void)state;
	wr_u8(&w, 1);
	wr_u32(&w, 2);
	wr_u64(&w, 3);
	wr_cstr(&w, "four");
	v = wr_view(&w);
	for (size_t n = 0; n <= v.n; n++) {
		struct rd r = rd_of(view_of(v.p, n));

		rd_u8(&r);
		rd_u32(&r);
		rd_u64(&r);
		rd_str(&r);
		assert_int_equal(rd_done(&r), n == v.n);
		if (n < v.n) {
			assert_true(r.bad);
			assert_int_equal(rd_u32(&r), 0);
			assert_int_equal(rd_str(&r).n, 0);
			assert_int_equal(rd_rest(&r).n, 0);
		}
	}
	wr_free(&w);
}

static void
test_rd_leftover(void **state)
{
	struct rd r = rd_of(view_of("\1\2", 2));

	(void)state;
	rd_u8(&r);
	assert_false(rd_done(&r));
	assert_int_equal(rd_rest(&r).n, 1);
	assert_true(rd_done(&r));
}

static void
test_rd_length_lies(void **state)
{
	static const uint8_t huge[] = { 0xff, 0xff, 0xff, 0xff, 'x' };
	struct rd r = rd_of(view_of(huge, sizeof(huge)));

	(void)state;
	assert_int_equal(rd_str(&r).n, 0);
	assert_true(r.bad);
}

static void
test_rd_text_nul(void **state)
{
	static const uint8_t b[] = { 0, 0, 0, 3, 'a', 0, 'b' };
	struct rd r = rd_of(view_of(b, sizeof(b)));

	(void)state;
	assert_int_equal(rd_text(&r).n, 0);
	assert_true(r.bad);
}

static void
mpint(const void *in, size_t n, const void *want, size_t want_n)
{
	struct wr w = wr_new(64);

	wr_mpint(&w, view_of(in, n));
	assert_true(view_eq(wr_view(&w), view_of(want, want_n)));
	wr_free(&w);
}

/* The examples of RFC 4251 section 5. */
static void
test_mpint(void **state)
{
	(void)state;
	mpint("", 0, "\0\0\0\0", 4);
	mpint("\0\0", 2, "\0\0\0\0", 4);
	mpint("\x09\xa3\x78\xf9\xb2\xe3\x32\xa7", 8,
	    "\0\0\0\x08\x09\xa3\x78\xf9\xb2\xe3\x32\xa7", 12);
	mpint("\x80", 1, "\0\0\0\2\0\x80", 6);
	mpint("\0\x7f", 2, "\0\0\0\1\x7f", 5);
}

static void
test_nested(void **state)
{
	struct wr w = wr_new(64);
	size_t a = wr_open(&w), b;
	struct rd r, in;

	(void)state;
	wr_u8(&w, 7);
	b = wr_open(&w);
	wr_u8(&w, 8);
	wr_close(&w, b);
	wr_close(&w, a);
	assert_false(w.bad);
	r = rd_of(wr_view(&w));
	in = rd_of(rd_str(&r));
	assert_true(rd_done(&r));
	assert_int_equal(rd_u8(&in), 7);
	assert_int_equal(rd_str(&in).n, 1);
	assert_true(rd_done(&in));
	wr_close(&w, 1000);
	assert_true(w.bad);
	wr_free(&w);
}

static void
test_limit(void **state)
{
	struct wr w = wr_new(8);

	(void)state;
	wr_u64(&w, 1);
	assert_false(w.bad);
	wr_u8(&w, 1);
	assert_true(w.bad);
	assert_int_equal(wr_size(&w), 8);
	wr_u8(&w, 1);
	assert_int_equal(wr_size(&w), 8);
	wr_reset(&w);
	assert_false(w.bad);
	wr_u8(&w, 1);
	assert_int_equal(wr_size(&w), 1);
	assert_null(wr_reserve(&w, SIZE_MAX));
	assert_true(w.bad);
	wr_free(&w);
}

static void
test_misuse_of_queue(void **state)
{
	struct wr w = wr_new(64);

	(void)state;
	wr_u32(&w, 1);
	wr_consume(&w, 5);
	assert_true(w.bad);
	wr_reset(&w);
	wr_commit(&w, 4096);
	assert_true(w.bad);
	wr_free(&w);
	wr_commit(&w, 1);
	assert_true(w.bad);
}

/* The queue against a plain array: 20,000 random steps, the same bytes. */
static void
test_queue_shadow(void **state)
{
	enum { MAX = 5000 };
	static uint8_t shadow[MAX];
	struct wr w = wr_new(MAX);
	size_t n = 0;
	unsigned seed = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		unsigned r = seed = seed * 1103515245u + 12345u;
		size_t k = r >> 16 & 1023;

		if ((r & 0x8000) != 0 && k <= MAX - n) {
			uint8_t *p = wr_reserve(&w, k);

			assert_non_null(p);
			for (size_t j = 0; j < k; j++)
				p[j] = shadow[n + j] = (uint8_t)(r >> j % 24);
			wr_commit(&w, k);
			n += k;
		} else {
			k = k < n ? k : n;
			wr_consume(&w, k);
			memmove(shadow, shadow + k, n - k);
			n -= k;
		}
		assert_false(w.bad);
		assert_true(view_eq(wr_view(&w), view_of(shadow, n)));
	}
	wr_free(&w);
}

static void
test_namelist(void **state)
{
	struct view list = view_str("a,bb,,c"), name;

	(void)state;
	assert_true(namelist_has(list, view_str("bb")));
	assert_true(namelist_has(list, view_str("c")));
	assert_false(namelist_has(list, view_str("b")));
	assert_false(namelist_has(view_str(""), view_str("")));
	assert_true(namelist_next(&list, &name) && view_is(name, "a"));
	assert_true(namelist_next(&list, &name) && view_is(name, "bb"));
	assert_true(namelist_next(&list, &name) && name.n == 0);
	assert_true(namelist_next(&list, &name) && view_is(name, "c"));
	assert_false(namelist_next(&list, &name));
}

static void
test_cstr(void **state)
{
	char out[4], *s;

	(void)state;
	assert_true(view_to_cstr(view_str("abc"), out, sizeof(out)));
	assert_string_equal(out, "abc");
	assert_false(view_to_cstr(view_str("abcd"), out, sizeof(out)));
	assert_string_equal(out, "");
	assert_false(view_to_cstr(view_of("a\0", 2), out, sizeof(out)));
	assert_null(view_dup(view_of("a\0", 2)));
	s = view_dup(view_str("dup"));
	assert_string_equal(s, "dup");
	free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_rd_leftover),
		cmocka_unit_test(test_rd_length_lies),
		cmocka_unit_test(test_rd_text_nul),
		cmocka_unit_test(test_mpint),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_misuse_of_queue),
		cmocka_unit_test(test_queue_shadow),
		cmocka_unit_test(test_namelist),
		cmocka_unit_test(test_cstr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
