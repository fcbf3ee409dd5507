#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "base/net.h"

static struct net_range
range(const char *s)
{
	struct net_range r;

	if (!net_parse(view_str(s), &r))
		fail_msg("%s does not parse", s);
	return r;
}

static struct net_addr
addr(const char *s)
{
	struct net_range r = range(s);

	assert_int_equal(r.bits, net_bits(&r.addr));
	return r.addr;
}

static void
texts(void **state)
{
	static const char *const same[] = {
		"192.0.2.1", "192.0.2.0/24", "0.0.0.0/0", "255.255.255.255",
		"10.0.0.0/8", "192.0.2.128/25", "2001:db8::/32", "::1",
		"::/0", "2001:db8::8000/113",
	};
	static const struct { const char *in, *out; } other[] = {
		{ "192.0.2.1/32", "192.0.2.1" },
		{ "::1/128", "::1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::ffff:192.0.2.0/120", "192.0.2.0/24" },
		{ "::ffff:0:0/96", "0.0.0.0/0" },
		{ "2001:DB8:0::1", "2001:db8::1" },
	};
	char out[NET_TEXT_MAX];
	struct net_range r;

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		r = range(same[i]);
		net_text(&r, out);
		assert_string_equal(out, same[i]);
	}
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		r = range(other[i].in);
		net_text(&r, out);
		assert_string_equal(out, other[i].out);
	}
}

static void
no_texts(void **state)
{
	static const char *const bad[] = {
		"", "x", "192.0.2", "192.0.2.1/33", "192.0.2.1/24",
		"192.0.2.0/", "192.0.2.0/024", "192.0.2.0/-1", "192.0.2.0/2x",
		"192.0.2.0/1000", "/24", "::1/129", "::1/64", "::1/",
		"::ffff:0:0/95", "2001:db8::/32/32", "192.0.2.1 ",
		"fe80::1%eth0", "localhost",
	};
	struct net_range r;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (net_parse(view_str(bad[i]), &r))
			fail_msg("%s parses", bad[i]);
	assert_false(net_parse(view_of("::1\0", 4), &r));
}

static void
sockets(void **state)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNIX };
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct net_addr a, want = addr("192.0.2.7");

	(void)state;
	net_of(&ss, &a);
	assert_int_equal(a.family, 0);
	inet_pton(AF_INET, "192.0.2.7", &in.sin_addr);
	memcpy(&ss, &in, sizeof(in));
	net_of(&ss, &a);
	assert_memory_equal(&a, &want, sizeof(a));
	inet_pton(AF_INET6, "::ffff:192.0.2.7", &in6.sin6_addr);
	memcpy(&ss, &in6, sizeof(in6));
	net_of(&ss, &a);
	assert_memory_equal(&a, &want, sizeof(a));
	inet_pton(AF_INET6, "2001:db8::7", &in6.sin6_addr);
	memcpy(&ss, &in6, sizeof(in6));
	net_of(&ss, &a);
	want = addr("2001:db8::7");
	assert_memory_equal(&a, &want, sizeof(a));
}

/* Bit by bit, against the slow way. */
static bool
slow_within(const struct net_range *r, const struct net_addr *a)
{
	if (r->addr.family != a->family)
		return false;
	for (unsigned i = 0; i < r->bits; i++)
		if (((r->addr.b[i / 8] ^ a->b[i / 8]) >> (7 - i % 8) & 1) != 0)
			return false;
	return true;
}

static void
masks(void **state)
{
	const struct net_addr six = addr("2001:db8:ffff:ffff:ffff::ffff");

	(void)state;
	for (unsigned bits = 0; bits <= 128; bits++) {
		struct net_range r = { six, (uint8_t)bits };

		net_mask(&r.addr, bits);
		for (unsigned i = 0; i < 128; i++) {
			struct net_addr a = six;

			a.b[i / 8] ^= (uint8_t)(0x80 >> i % 8);
			assert_int_equal(net_within(&r, &a), i >= bits);
			assert_int_equal(net_within(&r, &a),
			    slow_within(&r, &a));
			if (i >= bits)
				assert_int_equal(r.addr.b[i / 8] >>
				    (7 - i % 8) & 1, 0);
		}
	}
}

static void
overlaps(void **state)
{
	struct net_range wide = range("192.0.0.0/16"),
	    narrow = range("192.0.2.0/24"), other = range("192.1.2.0/24"),
	    all = range("0.0.0.0/0"), six = range("::/0");
	struct net_addr a = addr("192.0.2.9");

	(void)state;
	assert_true(net_overlap(&wide, &narrow));
	assert_true(net_overlap(&narrow, &wide));
	assert_false(net_overlap(&other, &wide));
	assert_true(net_overlap(&all, &other));
	assert_false(net_overlap(&all, &six));
	assert_true(net_within(&narrow, &a));
	assert_false(net_within(&six, &a));
}

static void
bytes(void **state)
{
	static const char *const texts_[] = {
		"192.0.2.0/24", "10.1.2.3", "::/0", "2001:db8::/32",
	};
	struct wr w = wr_new(64);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct net_range in = range(texts_[i]), out;
		struct rd r;

		wr_reset(&w);
		net_put(&w, &in);
		r = rd_of(wr_view(&w));
		net_get(&r, &out);
		assert_true(rd_done(&r));
		assert_memory_equal(&in, &out, sizeof(in));
		r = rd_of(view_of(wr_view(&w).p, wr_size(&w) - 1));
		net_get(&r, &out);
		assert_false(rd_done(&r));
	}
	wr_free(&w);
}

static void
no_bytes(void **state)
{
	static const uint8_t bad[][8] = {
		{ 0, 0, 0, 0, 0, 0 },		/* no family */
		{ 5, 0, 0, 0, 0, 0 },
		{ 4, 33, 1, 2, 3, 4 },		/* too long */
		{ 4, 24, 1, 2, 3, 4 },		/* bits behind */
	};
	struct net_range out;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct rd r = rd_of(view_of(bad[i], 6));

		net_get(&r, &out);
		assert_false(rd_done(&r));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(no_texts),
		cmocka_unit_test(sockets),
		cmocka_unit_test(masks),
		cmocka_unit_test(overlaps),
		cmocka_unit_test(bytes),
		cmocka_unit_test(no_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
