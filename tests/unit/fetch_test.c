/* What the login says to sallyport-fetch. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "auth/fetch.h"

static struct fetch_request
sample(void)
{
	return (struct fetch_request){
		.url = view_str("https://h/"), .ca = view_str("PEM"),
		.token = view_str("t0ken"), .timeout_ms = 9950,
		.body = view_str("{}\n"),
	};
}

static struct wr
encoded(const struct fetch_request *q)
{
	struct wr w = wr_new(FETCH_MAX);

	fetch_put(&w, q);
	return w;
}

/* An exact allocation each time, so that a sanitizer sees a read past it. */
static bool
accepts(struct view v)
{
	uint8_t *copy = malloc(v.n != 0 ? v.n : 1);
	struct fetch_request q;
	bool ok;

	assert_non_null(copy);
	memcpy(copy, v.p, v.n);
	ok = fetch_get(view_of(copy, v.n), &q);
	free(copy);
	return ok;
}

static void
test_round_trip(void **state)
{
	struct fetch_request in = sample(), out;
	struct wr w = encoded(&in);

	(void)state;
	assert_false(w.bad);
	assert_true(fetch_get(wr_view(&w), &out));
	assert_true(view_is(out.url, "https://h/"));
	assert_true(view_is(out.ca, "PEM"));
	assert_true(view_is(out.token, "t0ken"));
	assert_int_equal(out.timeout_ms, 9950);
	assert_true(view_is(out.body, "{}\n"));
	for (size_t n = 0; n < wr_size(&w); n++)
		assert_false(accepts(view_of(wr_view(&w).p, n)));
	assert_true(accepts(wr_view(&w)));
	wr_u8(&w, 0);
	assert_false(accepts(wr_view(&w)));
	wr_free(&w);
}

static bool
fits(const struct fetch_request *q)
{
	struct wr w = encoded(q);
	bool ok = !w.bad;

	assert_int_equal(ok, wr_size(&w) != 0 && accepts(wr_view(&w)));
	wr_free(&w);
	return ok;
}

static void
test_limits(void **state)
{
	const size_t most = FETCH_BODY_MAX + 1;
	uint8_t *big = malloc(most);
	struct fetch_request q = sample();

	(void)state;
	assert_non_null(big);
	memset(big, 'x', most);
	q.url = view_of(big, FETCH_URL_MAX);
	q.ca = view_of(big, FETCH_CA_MAX);
	q.token = view_of(big, FETCH_TOKEN_MAX);
	q.body = view_of(big, FETCH_BODY_MAX);
	assert_true(fits(&q));
	q.url.n++;
	assert_false(fits(&q));
	q.url.n = 0;
	assert_false(fits(&q));
	q.url.n = 1;
	q.ca.n++;
	assert_false(fits(&q));
	q.ca.n = 0;
	q.token.n++;
	assert_false(fits(&q));
	q.token.n = 0;
	q.body.n++;
	assert_false(fits(&q));
	q.body.n = 0;
	assert_true(fits(&q));
	q.timeout_ms = 0;
	assert_false(fits(&q));
	free(big);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
