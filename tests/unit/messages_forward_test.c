/* The messages about forwarded connections: out, back, and nothing between. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/messages_forward.h"

/* Refuses every shorter body, from memory that ends where it does, and one
 * that is longer. */
static void
check_sizes(bool (*get)(struct view), struct wr *w)
{
	struct view v = wr_view(w);

	assert_false(w->bad);
	for (size_t n = 0; n <= v.n + 1; n++) {
		uint8_t *copy = calloc(1, n != 0 ? n : 1);

		memcpy(copy, v.p, n < v.n ? n : v.n);
		assert_int_equal(get(view_of(copy, n)), n == v.n);
		free(copy);
	}
	wr_reset(w);
}

#define READER(name) \
static bool \
read_##name(struct view b) \
{ \
	struct msg_##name m; \
	return get_##name(b, &m); \
}
READER(flow)
READER(socket)
READER(listening)
READER(unconnected)
READER(credit)
READER(lookup)

#define TRIP(name, in, out) do { \
	wr_reset(&w); \
	put_##name(&w, &(in)); \
	assert_true(get_##name(wr_view(&w), &(out))); \
} while (0)
#define REFUSED(name, in) do { \
	struct msg_##name m_; \
	wr_reset(&w); \
	put_##name(&w, &(in)); \
	assert_false(get_##name(wr_view(&w), &m_)); \
} while (0)

static void
flows(void **state)
{
	static char big[MSG_FLOW_TEXT_MAX + 1];
	struct msg_flow in = {
		.kind = FLOW_X11, .host = view_str("h"), .port = 65535,
		.src = view_str("::1"), .src_port = 6,
	}, out;
	struct wr w = wr_new(4096);

	(void)state;
	TRIP(flow, in, out);
	assert_int_equal(out.kind, FLOW_X11);
	assert_true(view_is(out.host, "h"));
	assert_int_equal(out.port, 65535);
	assert_true(view_is(out.src, "::1"));
	assert_int_equal(out.src_port, 6);
	check_sizes(read_flow, &w);
	in.port++;
	REFUSED(flow, in);
	in.port = 0;
	in.src_port = 65536;
	REFUSED(flow, in);
	in.src_port = 0;
	in.kind = FLOW_KINDS;
	REFUSED(flow, in);
	in.kind = FLOW_TCP;
	memset(big, 'a', sizeof(big));
	in.host = view_of(big, sizeof(big));
	REFUSED(flow, in);
	in.host.n--;
	TRIP(flow, in, out);
	in.host = view_of("a\0b", 3);
	REFUSED(flow, in);
	wr_free(&w);
}

static void
listeners(void **state)
{
	struct msg_socket in = {
		.kind = FLOW_X11, .host = view_str("localhost"), .port = 80,
		.single = true, .protocol = view_str("MIT"),
		.cookie = view_str("00ff"), .screen = 0xfffffffe,
	}, out;
	struct msg_listening on = { true, 8080 }, on_out;
	static char big[MSG_COOKIE_MAX + 1];
	struct wr w = wr_new(4096);

	(void)state;
	TRIP(socket, in, out);
	assert_int_equal(out.kind, FLOW_X11);
	assert_true(view_is(out.host, "localhost"));
	assert_int_equal(out.port, 80);
	assert_true(out.single && view_is(out.protocol, "MIT"));
	assert_true(view_is(out.cookie, "00ff"));
	assert_true(out.screen == 0xfffffffe);
	check_sizes(read_socket, &w);
	memset(big, '0', sizeof(big));
	in.cookie = view_of(big, sizeof(big));
	REFUSED(socket, in);
	in.cookie.n--;
	TRIP(socket, in, out);
	in.protocol = view_of(big, sizeof(big));
	REFUSED(socket, in);
	in.protocol.n = 0;
	in.port = 65536;
	REFUSED(socket, in);
	in.port = 0;
	in.kind = FLOW_KINDS;
	REFUSED(socket, in);
	TRIP(listening, on, on_out);
	assert_true(on_out.done);
	assert_int_equal(on_out.port, 8080);
	check_sizes(read_listening, &w);
	on.port = 65536;
	REFUSED(listening, on);
	wr_free(&w);
}

static void
small_ones(void **state)
{
	struct msg_unconnected no = { NO_WAY_TIMEOUT }, no_out;
	struct msg_credit credit = { 7 }, credit_out;
	struct msg_lookup q = { 9, view_str("db.example.org") }, q_out;
	struct wr w = wr_new(4096);

	(void)state;
	TRIP(unconnected, no, no_out);
	assert_int_equal(no_out.why, NO_WAY_TIMEOUT);
	check_sizes(read_unconnected, &w);
	no.why = NO_WAYS;
	REFUSED(unconnected, no);
	TRIP(credit, credit, credit_out);
	assert_int_equal(credit_out.n, 7);
	check_sizes(read_credit, &w);
	TRIP(lookup, q, q_out);
	assert_int_equal(q_out.number, 9);
	assert_true(view_is(q_out.name, "db.example.org"));
	check_sizes(read_lookup, &w);
	q.name = view_str("127.1");
	REFUSED(lookup, q);
	q.name = view_str("");
	REFUSED(lookup, q);
	q.name = view_str("a b");
	REFUSED(lookup, q);
	wr_free(&w);
}

static void
found(void **state)
{
	struct msg_found in = { .number = 3, .status = FOUND_SOME, .n = 2 };
	struct msg_found out;
	struct wr w = wr_new(4096);

	(void)state;
	in.addr[0] = (struct net_addr){ 4, { 192, 0, 2, 1 } };
	in.addr[1] = (struct net_addr){ 6, { 0x20, 1, 0xd, 0xb8 } };
	TRIP(found, in, out);
	assert_int_equal(out.number, 3);
	assert_int_equal(out.n, 2);
	assert_memory_equal(&out.addr[0], &in.addr[0], sizeof(in.addr[0]));
	assert_memory_equal(&out.addr[1], &in.addr[1], sizeof(in.addr[1]));
	/* cut inside of an address */
	for (size_t n = 0; n < wr_size(&w); n++)
		if (n != 5 + 6)
			assert_false(get_found(view_of(wr_view(&w).p, n),
			    &out));
	/* the first alone is an answer too */
	assert_true(get_found(view_of(wr_view(&w).p, 5 + 6), &out));
	assert_int_equal(out.n, 1);
	in.n = 0;
	REFUSED(found, in);
	in.status = FOUND_LATE;
	TRIP(found, in, out);
	assert_int_equal(out.status, FOUND_LATE);
	in.n = 1;
	REFUSED(found, in);
	in.status = FOUND_STATES;
	in.n = 0;
	REFUSED(found, in);
	/* no more than there is room for, and whole addresses */
	wr_reset(&w);
	for (int i = 0; i <= MSG_FOUND_MAX; i++)
		wr_bytes(&w, view_of("\x04\x20\x7f\0\0\1", 6));
	assert_false(get_addresses(wr_view(&w), &out));
	assert_true(get_addresses(view_of(wr_view(&w).p, 6 * MSG_FOUND_MAX),
	    &out));
	assert_int_equal(out.n, MSG_FOUND_MAX);
	assert_false(get_addresses(view_of("\x04\x08\x7f\0\0\0", 6), &out));
	assert_false(get_addresses(view_of("\x05\x20\x7f\0\0\1", 6), &out));
	assert_true(get_addresses(view_of(NULL, 0), &out));
	assert_int_equal(out.n, 0);
	out.n = MSG_FOUND_MAX + 1;
	wr_reset(&w);
	put_addresses(&w, &out);
	assert_true(w.bad);
	wr_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows), cmocka_unit_test(listeners),
		cmocka_unit_test(small_ones), cmocka_unit_test(found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
