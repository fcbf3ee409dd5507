/* A connection's life: clocks, limits, back-pressure, its end. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <malloc.h>

#include <cmocka.h>

#include "tests/unit/engine.h"

static bool
says(const struct engine *e, const char *text)
{
	bool yes = strstr(e->end_text, text) != NULL;

	if (!yes)
		print_message("end: %s\n", e->end_text);
	return yes;
}

static void
logged_in(struct engine *e)
{
	engine_start(e, NULL);
	assert_true(engine_login(e));
	assert_int_equal(e->readies, 1);
}

static void
queue_ping(struct engine *e, size_t n)
{
	static const uint8_t zeros[40000];
	struct wr w = wr_new(1 << 20);

	wr_u8(&w, SSH_MSG_PING);
	wr_str(&w, view_of(zeros, n));
	ssh_peer_queue(e->peer, wr_view(&w));
	wr_free(&w);
}

static void
queue_global(struct engine *e, const char *name)
{
	struct wr w = wr_new(4096);

	wr_u8(&w, SSH_MSG_GLOBAL_REQUEST);
	wr_cstr(&w, name);
	wr_bool(&w, true);
	ssh_peer_queue(e->peer, wr_view(&w));
	wr_free(&w);
}

/* Hands over all that is queued, in one piece. */
static void
push(struct engine *e)
{
	struct wr *out = &e->peer->out;
	size_t n = wr_size(out);

	ssh_conn_feed(e->conn, out->base + out->head, n, e->now);
	wr_consume(out, n);
}

/* ---- clocks ---- */

static void
grace(void **state)
{
	struct engine e;

	(void)state;
	for (int step = 0; step < 4; step++) {
		engine_init(&e);
		e.cfg.login_grace_ms = 30000;
		engine_start(&e, NULL);
		e.peer->now = e.now += 20000;
		if (step == 1)
			assert_true(ssh_peer_ident(e.peer));
		if (step == 2)
			assert_true(ssh_peer_handshake(e.peer));
		if (step == 3)
			assert_true(engine_login(&e));
		(void)ssh_conn_tick(e.conn, e.now + 9999);
		assert_int_equal(e.ends, 0);
		(void)ssh_conn_tick(e.conn, e.now + 10000);
		assert_int_equal(e.ends, step != 3);
		if (step != 3)
			assert_true(says(&e, "grace"));
		assert_int_equal(e.end.grace_over, step != 3);
		engine_stop(&e);
	}
}

/* Bytes do not move the grace time. */
static void
grace_is_not_moved(void **state)
{
	struct engine e;

	(void)state;
	engine_init(&e);
	e.cfg.login_grace_ms = 30000;
	engine_start(&e, NULL);
	assert_true(ssh_peer_handshake(e.peer));
	for (int i = 0; i < 31; i++) {
		e.peer->now = e.now += 1000;
		queue_ping(&e, 3);
		if (e.ends == 0)
			push(&e);
		assert_in_range(ssh_conn_tick(e.conn, e.now), e.now,
		    e.now + 30000);
		assert_int_equal(e.ends, i >= 29);
	}
	engine_stop(&e);
}

static void
keepalive_ends(void **state)
{
	struct engine e;
	struct view v;

	(void)state;
	engine_init(&e);
	e.cfg.keepalive_interval_ms = 1000;
	e.cfg.keepalive_count_max = 3;
	logged_in(&e);
	assert_int_equal(ssh_conn_tick(e.conn, e.now), e.now + 1000);
	for (int i = 0; i < 3; i++) {
		e.peer->now = e.now += 1000;
		assert_int_equal(ssh_conn_tick(e.conn, e.now), e.now + 1000);
		assert_true(ssh_peer_expect(e.peer, SSH_MSG_GLOBAL_REQUEST,
		    &v));
		assert_int_equal(e.ends, 0);
	}
	(void)ssh_conn_tick(e.conn, e.now + 999);
	assert_int_equal(e.ends, 0);
	(void)ssh_conn_tick(e.conn, e.now + 1000);
	assert_int_equal(e.ends, 1);
	assert_true(says(&e, "keepalive"));
	engine_stop(&e);
}

static void
keepalive_answered(void **state)
{
	static const uint8_t failure[] = { SSH_MSG_REQUEST_FAILURE };
	struct engine e;
	struct view v;

	(void)state;
	engine_init(&e);
	e.cfg.keepalive_interval_ms = 1000;
	e.cfg.keepalive_count_max = 2;
	logged_in(&e);
	for (int i = 0; i < 20; i++) {
		e.peer->now = e.now += 1000;
		(void)ssh_conn_tick(e.conn, e.now);
		assert_true(ssh_peer_expect(e.peer, SSH_MSG_GLOBAL_REQUEST,
		    &v));
		ssh_peer_send(e.peer, view_of(failure, 1));
		assert_int_equal(e.ends, 0);
	}
	engine_stop(&e);
}

/* A slow peer takes bytes now and then and says nothing meanwhile. */
static void
keepalive_of_a_slow_reader(void **state)
{
	struct engine e;

	(void)state;
	engine_init(&e);
	e.cfg.keepalive_interval_ms = 1000;
	e.cfg.keepalive_count_max = 2;
	logged_in(&e);
	queue_ping(&e, 100);
	push(&e);
	for (int i = 0; i < 20; i++) {
		e.now += 2500;
		(void)ssh_conn_tick(e.conn, e.now);
		assert_int_equal(e.ends, 0);
		ssh_conn_sent(e.conn, 1, e.now);
	}
	(void)ssh_conn_tick(e.conn, e.now + 3000);
	assert_int_equal(e.ends, 1);
	engine_stop(&e);
}

/* Nothing is probed before login, where the grace time counts. */
static void
no_keepalive_before_login(void **state)
{
	struct engine e;

	(void)state;
	engine_init(&e);
	e.cfg.keepalive_interval_ms = 1000;
	e.cfg.keepalive_count_max = 2;
	engine_start(&e, NULL);
	assert_true(ssh_peer_handshake(e.peer));
	assert_int_equal(ssh_conn_tick(e.conn, e.now + 100000), UINT64_MAX);
	assert_int_equal(ssh_conn_out(e.conn).n, 0);
	engine_stop(&e);
}

static void
peer_takes_nothing(void **state)
{
	struct engine e;

	(void)state;
	engine_init(&e);
	e.cfg.keepalive_interval_ms = 1000;
	e.cfg.keepalive_count_max = 2;
	logged_in(&e);
	queue_ping(&e, 100);
	push(&e);
	assert_int_not_equal(ssh_conn_out(e.conn).n, 0);
	/* It talks, but it does not read. */
	for (int i = 0; i < 5; i++) {
		e.now += 500;
		queue_ping(&e, 1);
		push(&e);
		(void)ssh_conn_tick(e.conn, e.now);
		assert_int_equal(e.ends, 0);
	}
	/* One byte is progress. */
	ssh_conn_sent(e.conn, 1, e.now);
	(void)ssh_conn_tick(e.conn, e.now + 2999);
	assert_int_equal(e.ends, 0);
	(void)ssh_conn_tick(e.conn, e.now + 3000);
	assert_int_equal(e.ends, 1);
	assert_true(says(&e, "takes no bytes"));
	/* Its last words are not kept for ever either. */
	assert_false(ssh_conn_finished(e.conn));
	(void)ssh_conn_tick(e.conn, e.now + 3000 + 4999);
	assert_false(ssh_conn_finished(e.conn));
	(void)ssh_conn_tick(e.conn, e.now + 3000 + 5000);
	assert_true(ssh_conn_finished(e.conn));
	engine_stop(&e);
}

/* ---- ping ---- */

static void
ping(void **state)
{
	struct engine e;
	struct view v;
	struct rd r;

	(void)state;
	engine_init(&e);
	engine_start(&e, NULL);
	assert_true(ssh_peer_handshake(e.peer));
	queue_ping(&e, 4);
	ssh_peer_pump(e.peer);
	assert_true(ssh_peer_recv(e.peer, &v));
	assert_int_equal(v.p[0], SSH_MSG_EXT_INFO);
	assert_false(ssh_peer_recv(e.peer, &v));	/* not before login */
	assert_int_equal(e.ends, 0);
	engine_stop(&e);
	engine_init(&e);
	logged_in(&e);
	queue_ping(&e, 1000);
	assert_true(ssh_peer_recv(e.peer, &v));
	r = rd_of(v);
	assert_int_equal(rd_u8(&r), SSH_MSG_PONG);
	assert_int_equal(rd_str(&r).n, 1000);
	assert_true(rd_done(&r));
	engine_stop(&e);
}

static void
ping_flood_in_a_key_exchange(void **state)
{
	struct engine e;
	size_t before;

	(void)state;
	engine_init(&e);
	logged_in(&e);
	assert_true(ssh_conn_rekey(e.conn));
	before = ssh_conn_out(e.conn).n;
	for (int i = 0; i < 20000; i++) {
		queue_ping(&e, 100);
		push(&e);
	}
	assert_int_equal(ssh_conn_out(e.conn).n, before);
	assert_int_equal(wr_size(&e.conn->pending), 0);
	assert_int_equal(e.ends, 0);
	ssh_peer_pump(e.peer);
	assert_int_equal(e.handshakes, 2);
	engine_stop(&e);
}

/* A client that pings and never reads is not read either. */
static void
ping_flood_unread(void **state)
{
	struct engine e;
	unsigned fed = 0;

	(void)state;
	engine_init(&e);
	logged_in(&e);
	while (ssh_conn_wants_input(e.conn) && fed < 1000) {
		queue_ping(&e, 30000);
		push(&e);
		fed++;
	}
	assert_in_range(fed, 15, 20);
	assert_in_range(ssh_conn_out(e.conn).n, SSH_OUT_HIGH,
	    SSH_OUT_HIGH + 40000);
	/* What comes nonetheless is kept, not worked upon. */
	for (int i = 0; i < 10; i++) {
		queue_ping(&e, 30000);
		push(&e);
	}
	assert_in_range(ssh_conn_out(e.conn).n, SSH_OUT_HIGH,
	    SSH_OUT_HIGH + 40000);
	assert_true(wr_size(&e.conn->in) > 300000);
	ssh_peer_pump(e.peer);
	assert_int_equal(wr_size(&e.conn->in), 0);
	assert_false(e.peer->broken);
	/* ... but not without end. */
	while (ssh_conn_wants_input(e.conn)) {
		queue_ping(&e, 30000);
		push(&e);
	}
	for (int i = 0; i < 100 && e.ends == 0; i++) {
		queue_ping(&e, 30000);
		push(&e);
	}
	assert_int_equal(e.ends, 1);
	engine_stop(&e);
}

/* A client that takes nothing any more: its output is thrown away uncounted,
 * and does not keep its last words from being heard. */
static void
unheard(void **state)
{
	struct engine e;
	uint64_t sent;

	(void)state;
	engine_init(&e);
	logged_in(&e);
	sent = ssh_conn_bytes_out(e.conn);
	while (ssh_conn_wants_input(e.conn)) {
		queue_ping(&e, 30000);
		push(&e);
	}
	queue_ping(&e, 100);
	push(&e);
	assert_true(wr_size(&e.conn->in) != 0);
	ssh_conn_unheard(e.conn, e.now);
	assert_int_equal(wr_size(&e.conn->in), 0);
	assert_true(ssh_conn_out(e.conn).n < 200);	/* the last answer */
	assert_true(ssh_conn_wants_input(e.conn));
	assert_true(ssh_conn_bytes_out(e.conn) == sent);
	assert_int_equal(e.ends, 0);
	ssh_conn_feed_eof(e.conn, e.now);
	assert_int_equal(e.ends, 1);
	ssh_conn_unheard(e.conn, e.now);
	engine_stop(&e);
}

/* ---- the key exchange's queue ---- */

static void
pending_is_bounded(void **state)
{
	struct engine e;
	unsigned n = 0;

	(void)state;
	engine_init(&e);
	logged_in(&e);
	assert_true(ssh_conn_rekey(e.conn));
	while (e.ends == 0 && n < 200000) {
		queue_global(&e, "nobody@example.com");
		push(&e);
		n++;
	}
	assert_int_equal(e.ends, 1);
	assert_int_equal(e.end.err, ERR_LIMIT);
	assert_in_range(n, CONN_PENDING_MAX / 6, CONN_PENDING_MAX / 4);
	engine_stop(&e);
}

static void
pending_is_sent_afterwards(void **state)
{
	struct engine e;
	struct view v;

	(void)state;
	engine_init(&e);
	logged_in(&e);
	assert_true(ssh_conn_rekey(e.conn));
	for (int i = 0; i < 100; i++)
		queue_global(&e, "nobody@example.com");
	push(&e);
	assert_int_not_equal(wr_size(&e.conn->pending), 0);
	ssh_peer_pump(e.peer);
	assert_int_equal(e.handshakes, 2);
	for (int i = 0; i < 100; i++) {
		assert_true(ssh_peer_recv(e.peer, &v));
		assert_int_equal(v.p[0], SSH_MSG_REQUEST_FAILURE);
	}
	assert_false(ssh_peer_recv(e.peer, &v));
	engine_stop(&e);
}

/* ---- questions ---- */

static void
no_answer(void *ctx, struct ssh_conn *c, const struct ssh_auth *a)
{
	struct engine *e = ctx;

	(void)c;
	(void)a;
	e->signs++;
}

static void
queue_none(struct engine *e)
{
	struct wr w = wr_new(4096);

	wr_u8(&w, SSH_MSG_USERAUTH_REQUEST);
	wr_cstr(&w, "demo");
	wr_cstr(&w, "ssh-connection");
	wr_cstr(&w, "none");
	ssh_peer_queue(e->peer, wr_view(&w));
	wr_free(&w);
}

static void
open_question_holds_input(void **state)
{
	struct engine e;
	struct view v;

	(void)state;
	engine_init(&e);
	e.ev.authentication = no_answer;
	engine_start(&e, NULL);
	assert_true(ssh_peer_handshake(e.peer));
	assert_true(ssh_peer_service(e.peer));
	queue_none(&e);
	queue_none(&e);
	queue_none(&e);
	push(&e);
	assert_int_equal(e.signs, 1);
	assert_false(ssh_conn_wants_input(e.conn));
	assert_true(ssh_auth_reject(e.conn, "publickey", false, e.now));
	assert_int_equal(e.signs, 2);
	assert_true(ssh_auth_reject(e.conn, "publickey", false, e.now));
	assert_int_equal(e.signs, 3);
	assert_true(ssh_auth_accept(e.conn, e.now));
	assert_false(ssh_auth_accept(e.conn, e.now));
	assert_true(ssh_conn_wants_input(e.conn));
	assert_true(ssh_peer_expect(e.peer, SSH_MSG_USERAUTH_SUCCESS, &v));
	engine_stop(&e);
}

/* While we do not read, neither the key exchange nor silence is counted. */
static void
held_time_does_not_count(void **state)
{
	struct engine e;

	(void)state;
	engine_init(&e);
	e.ev.authentication = no_answer;
	engine_start(&e, NULL);
	assert_true(ssh_peer_handshake(e.peer));
	assert_true(ssh_peer_service(e.peer));
	assert_true(ssh_conn_rekey(e.conn));
	e.now += 10000;
	queue_none(&e);
	push(&e);
	assert_false(ssh_conn_wants_input(e.conn));
	e.now += 100000;
	(void)ssh_conn_tick(e.conn, e.now);
	assert_int_equal(e.ends, 0);
	assert_true(ssh_auth_reject(e.conn, "publickey", false, e.now));
	(void)ssh_conn_tick(e.conn, e.now + 49999);
	assert_int_equal(e.ends, 0);
	(void)ssh_conn_tick(e.conn, e.now + 50000);
	assert_int_equal(e.ends, 1);
	engine_stop(&e);
}

/* ---- data in the middle of rekeys ---- */

#define BULK	((size_t)3 * 1024 * 1024)

struct bulk {
	struct engine e;
	struct ssh_channel *ch;
	size_t to_write, received;
};

static uint8_t
byte_at(size_t i)
{
	return (uint8_t)(i * 31 + (i >> 9));
}

static void
bulk_fill(struct bulk *b)
{
	uint8_t buf[32768];

	while (b->ch != NULL && b->to_write != 0) {
		size_t n = b->to_write < sizeof(buf) ? b->to_write :
		    sizeof(buf), put;

		for (size_t i = 0; i < n; i++)
			buf[i] = byte_at(BULK - b->to_write + i);
		put = ssh_channel_write(b->ch, 0, view_of(buf, n));
		b->to_write -= put;
		if (put != n)
			break;
	}
}

static void
bulk_session(void *ctx, struct ssh_conn *c, struct ssh_channel *ch)
{
	struct bulk *b = ctx;

	(void)c;
	assert_true(ssh_channel_accept(ch));
	b->ch = ch;
	bulk_fill(b);
}

static void
bulk_drain(void *ctx, struct ssh_channel *ch)
{
	(void)ch;
	bulk_fill(ctx);
}

static void
bulk_data(void *ctx, struct ssh_channel *ch, uint32_t ext, struct view v)
{
	struct bulk *b = ctx;

	assert_int_equal(ext, 0);
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] != byte_at(b->received + i))
			fail();
	b->received += v.n;
	ssh_channel_consumed(ch, v.n);
}

static void
bulk_channel_close(void *ctx, struct ssh_channel *ch)
{
	struct bulk *b = ctx;

	(void)ch;
	b->ch = NULL;
}

static void
bulk_queue(struct bulk *b, size_t at, size_t n)
{
	struct wr w = wr_new(1 << 20);

	wr_u8(&w, SSH_MSG_CHANNEL_DATA);
	wr_u32(&w, ssh_channel_id(b->ch));
	wr_u32(&w, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		wr_u8(&w, byte_at(at + i));
	ssh_peer_queue(b->e.peer, wr_view(&w));
	wr_free(&w);
}

/* Takes what the server sent; returns data bytes, checked. */
static size_t
bulk_read(struct bulk *b, size_t have)
{
	struct view v;

	while (ssh_peer_recv(b->e.peer, &v)) {
		struct rd r = rd_of(v);
		struct view d;

		if (rd_u8(&r) != SSH_MSG_CHANNEL_DATA)
			continue;
		(void)rd_u32(&r);
		d = rd_str(&r);
		assert_true(rd_done(&r));
		for (size_t i = 0; i < d.n; i++)
			if (d.p[i] != byte_at(have + i))
				fail();
		have += d.n;
	}
	return have;
}

static void
bulk_init(struct bulk *b)
{
	memset(b, 0, sizeof(*b));
	engine_init(&b->e);
	b->e.ev.session = bulk_session;
	b->e.ev.drain = bulk_drain;
	b->e.ev.data = bulk_data;
	b->e.ev.channel_close = bulk_channel_close;
}

/* engine.c's events read their struct engine from ctx: it stands first. */
_Static_assert(offsetof(struct bulk, e) == 0, "engine first");

static void
bulk_open(struct bulk *b)
{
	struct wr w = wr_new(4096);

	logged_in(&b->e);
	wr_u8(&w, SSH_MSG_CHANNEL_OPEN);
	wr_cstr(&w, "session");
	wr_u32(&w, 7);
	wr_u32(&w, 100 * 1024 * 1024);
	wr_u32(&w, 32768);
	ssh_peer_queue(b->e.peer, wr_view(&w));
	wr_free(&w);
	push(&b->e);
	assert_non_null(b->ch);
}

static void
download_through_rekeys(void **state)
{
	struct bulk b;
	size_t have = 0;

	(void)state;
	bulk_init(&b);
	b.e.cfg.rekey_bytes = 200000;
	b.to_write = BULK;
	bulk_open(&b);
	for (int i = 0; i < 1000 && have < BULK; i++)
		have = bulk_read(&b, have);
	assert_int_equal(have, BULK);
	assert_false(b.e.peer->broken);
	/* SSH_OUT_HIGH is queued before a limit is looked at, and as much
	 * again before the client's NEWKEYS is here. */
	assert_in_range(b.e.handshakes, BULK / (2 * SSH_OUT_HIGH), 20);
	assert_int_equal(b.e.handshakes, b.e.peer->kex_count);
	engine_stop(&b.e);
}

static void
upload_through_rekeys(void **state)
{
	struct bulk b;
	size_t at = 0, n;

	(void)state;
	bulk_init(&b);
	b.e.cfg.rekey_bytes = 200000;
	b.e.peer = NULL;
	bulk_open(&b);
	for (unsigned i = 0; at < BULK; i++) {
		n = BULK - at < 20000 ? BULK - at : 20000;
		bulk_queue(&b, at, n);
		at += n;
		if (i % 40 == 39)
			ssh_peer_kexinit(b.e.peer);
		ssh_peer_pump(b.e.peer);
		assert_false(b.e.peer->broken);
	}
	assert_int_equal(b.received, BULK);
	assert_true(b.e.handshakes > 10);
	engine_stop(&b.e);
}

/* Pieces of every size: nothing is lost between two buffers. */
static void
upload_in_pieces(void **state)
{
	static const size_t chunks[] = { 1, 7, 1000, 20001, 32768, 100000 };

	(void)state;
	for (size_t c = 0; c < sizeof(chunks) / sizeof(chunks[0]); c++) {
		size_t at = 0, total = chunks[c] < 8 ? 60000 : 500000;
		struct bulk b;

		bulk_init(&b);
		bulk_open(&b);
		ssh_peer_pump(b.e.peer);
		b.e.peer->chunk = chunks[c];
		for (unsigned i = 0; at < total; i++) {
			size_t n = i * 977 % 20000 + 1;

			bulk_queue(&b, at, n);
			at += n;
		}
		ssh_peer_pump(b.e.peer);
		assert_int_equal(b.received, at);
		assert_int_equal(wr_size(&b.e.conn->in), 0);
		engine_stop(&b.e);
	}
}

/* ---- memory ---- */

#define IDLE	32

static void
idle_is_small(void **state)
{
	static struct engine e[IDLE];
	size_t before = 0, each;

	(void)state;
	for (size_t i = 0; i < IDLE; i++) {
		if (i == 1)	/* what the library keeps is there by now */
			before = mallinfo2().uordblks;
		engine_init(&e[i]);
		logged_in(&e[i]);
		queue_ping(&e[i], 30000);
		ssh_peer_pump(e[i].peer);
		assert_int_equal(wr_size(&e[i].conn->in), 0);
		ssh_conn_trim(e[i].conn);
		assert_null(e[i].conn->in.base);
		assert_null(e[i].conn->out.base);
		assert_null(e[i].conn->pending.base);
		assert_null(e[i].conn->kex);
		ssh_peer_free(&e[i].peer);
	}
	/* server object and host key of each engine included */
	each = (mallinfo2().uordblks - before) / (IDLE - 1);
	print_message("idle connection: %zu bytes, struct %zu\n", each,
	    sizeof(struct ssh_conn));
	assert_true(each < 12288);
	for (size_t i = 0; i < IDLE; i++)
		engine_stop(&e[i]);
}

/* ---- ends ---- */

static void
client_says_goodbye(void **state)
{
	static char longest[1000];
	struct engine e;

	(void)state;
	memset(longest, 'z', sizeof(longest) - 1);
	for (int i = 0; i < 3; i++) {
		engine_init(&e);
		engine_start(&e, NULL);
		if (i != 0)
			assert_true(i == 1 ? ssh_peer_handshake(e.peer) :
			    engine_login(&e));
		else
			assert_true(ssh_peer_ident(e.peer));
		ssh_peer_disconnect(e.peer, 11, i == 2 ? longest : "bye");
		assert_int_equal(e.ends, 1);
		assert_int_equal(e.end.err, OK);
		assert_int_equal(e.end.reason, 11);
		assert_true(e.end.by_peer);
		assert_int_equal(e.end.authenticated, i == 2);
		assert_int_equal(e.end.text.n, i == 2 ? 256 : 3);
		assert_true(ssh_conn_finished(e.conn));
		engine_stop(&e);
	}
}

static void
client_vanishes(void **state)
{
	struct engine e;

	(void)state;
	for (int i = 0; i < 3; i++) {
		engine_init(&e);
		engine_start(&e, NULL);
		if (i == 1)
			assert_true(ssh_peer_handshake(e.peer));
		if (i == 2)
			assert_true(engine_login(&e));
		ssh_conn_feed_eof(e.conn, e.now);
		ssh_conn_feed_eof(e.conn, e.now);
		assert_int_equal(e.ends, 1);
		assert_int_equal(e.end.err, ERR_CLOSED);
		assert_true(e.end.by_peer);
		assert_true(ssh_conn_finished(e.conn));
		engine_stop(&e);
	}
}

static void
we_end_it(void **state)
{
	struct engine e;
	struct view v;

	(void)state;
	for (int i = 0; i < 3; i++) {
		engine_init(&e);
		engine_start(&e, NULL);
		if (i == 1)
			assert_true(ssh_peer_handshake(e.peer));
		if (i == 2)
			assert_true(engine_login(&e));
		ssh_conn_end(e.conn, 12, "too many");
		ssh_conn_end(e.conn, 11, "again");
		assert_int_equal(e.ends, 1);
		assert_int_equal(e.end.reason, 12);
		assert_false(e.end.by_peer);
		assert_false(ssh_conn_finished(e.conn));
		assert_false(ssh_conn_rekey(e.conn));
		assert_true(ssh_peer_expect(e.peer, SSH_MSG_DISCONNECT, &v));
		assert_int_equal(get_u32(v.p + 1), 12);
		assert_true(ssh_conn_finished(e.conn));
		engine_stop(&e);
	}
}

static void
freed_in_its_end(void **state)
{
	struct engine e;

	(void)state;
	for (int i = 0; i < 4; i++) {
		engine_init(&e);
		e.free_in_end = true;
		e.cfg.login_grace_ms = 1000;
		engine_start(&e, NULL);
		assert_true(ssh_peer_handshake(e.peer));
		if (i == 0)
			ssh_conn_feed_eof(e.conn, e.now);
		if (i == 1)
			ssh_conn_end(e.conn, 11, "end");
		if (i == 2)
			(void)ssh_conn_tick(e.conn, e.now + 1000);
		if (i == 3) {
			static const uint8_t bad = SSH_MSG_SERVICE_ACCEPT;

			ssh_peer_queue(e.peer, view_of(&bad, 1));
			push(&e);
		}
		assert_null(e.conn);
		assert_int_equal(e.ends, 1);
		engine_stop(&e);
	}
}

enum deed { DEED_FREE, DEED_END, DEED_FEED, DEED_REKEY, DEEDS };

struct doer {
	struct engine e;
	enum deed deed;
	unsigned closed;
};

static void
doer_data(void *ctx, struct ssh_channel *ch, uint32_t ext, struct view v)
{
	struct doer *d = ctx;
	struct ssh_conn *c = ssh_channel_conn(ch);
	uint8_t byte = 0;

	(void)ext;
	(void)v;
	switch (d->deed) {
	case DEED_FREE:
		ssh_conn_free(&c);
		d->e.conn = NULL;
		break;
	case DEED_END:
		ssh_conn_end(c, 11, "in data");
		ssh_channel_consumed(ch, v.n);
		break;
	case DEED_FEED:
		ssh_conn_feed(c, &byte, 1, d->e.now);
		break;
	default:
		assert_true(ssh_conn_rekey(c));
	}
}

static void
doer_session(void *ctx, struct ssh_conn *c, struct ssh_channel *ch)
{
	(void)ctx;
	(void)c;
	assert_true(ssh_channel_accept(ch));
}

static void
doer_close(void *ctx, struct ssh_channel *ch)
{
	struct doer *d = ctx;

	(void)ch;
	d->closed++;
}

static void
deeds_inside_of_events(void **state)
{
	(void)state;
	for (enum deed deed = DEED_FREE; deed < DEEDS; deed++) {
		struct doer d = { .deed = deed };
		struct wr w = wr_new(4096);

		engine_init(&d.e);
		d.e.ev.data = doer_data;
		d.e.ev.session = doer_session;
		d.e.ev.channel_close = doer_close;
		logged_in(&d.e);
		wr_u8(&w, SSH_MSG_CHANNEL_OPEN);
		wr_cstr(&w, "session");
		wr_u32(&w, 7);
		wr_u32(&w, 1000);
		wr_u32(&w, 1000);
		ssh_peer_queue(d.e.peer, wr_view(&w));
		wr_reset(&w);
		wr_u8(&w, SSH_MSG_CHANNEL_DATA);
		wr_u32(&w, 0);
		wr_cstr(&w, "hello");
		ssh_peer_queue(d.e.peer, wr_view(&w));
		ssh_peer_queue(d.e.peer, wr_view(&w));
		wr_free(&w);
		push(&d.e);
		assert_int_equal(d.closed, deed != DEED_REKEY);
		assert_int_equal(d.e.ends, deed == DEED_END ||
		    deed == DEED_FEED);
		if (deed == DEED_REKEY)
			assert_int_equal(d.e.rekeys, 1);
		engine_stop(&d.e);
	}
}

static void
damaged_bytes(void **state)
{
	struct engine e;
	struct view v;

	(void)state;
	engine_init(&e);
	logged_in(&e);
	queue_ping(&e, 100);
	e.peer->out.base[e.peer->out.head + 30] ^= 1;
	push(&e);
	assert_int_equal(e.ends, 1);
	assert_int_equal(e.end.err, ERR_CRYPTO);
	assert_int_equal(e.end.reason, SSH_DISCONNECT_MAC_ERROR);
	assert_true(ssh_peer_expect(e.peer, SSH_MSG_DISCONNECT, &v));
	engine_stop(&e);
}

/* Noise in clear: ended at once or waiting for no more than one packet. */
static void
noise(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed < 300; seed++) {
		struct engine e;
		uint8_t b[4096];
		uint32_t x = seed * 2654435761u;

		engine_init(&e);
		engine_start(&e, NULL);
		assert_true(ssh_peer_ident(e.peer));
		for (size_t i = 0; i < sizeof(b); i++) {
			x = x * 1664525 + 1013904223;
			b[i] = (uint8_t)(x >> 24);
		}
		if (seed % 3 == 0)
			put_u32(b, 12 + seed * 8 % 1000);
		ssh_conn_feed(e.conn, b, sizeof(b), e.now);
		assert_in_range(e.ends, 0, 1);
		if (e.ends == 0)
			assert_true(wr_size(&e.conn->in) <= SSH_MAX_PACKET);
		engine_stop(&e);
	}
}

static void
server_outlives_its_maker(void **state)
{
	struct engine e;
	struct ssh_server *s;

	(void)state;
	engine_init(&e);
	e.cfg.banner = "hello";
	engine_start(&e, NULL);
	s = e.server;
	ssh_server_unref(&s);	/* the connection's own reference remains */
	assert_null(s);
	e.server = NULL;
	assert_true(engine_login(&e));
	engine_stop(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grace),
		cmocka_unit_test(grace_is_not_moved),
		cmocka_unit_test(keepalive_ends),
		cmocka_unit_test(keepalive_answered),
		cmocka_unit_test(keepalive_of_a_slow_reader),
		cmocka_unit_test(no_keepalive_before_login),
		cmocka_unit_test(peer_takes_nothing),
		cmocka_unit_test(ping),
		cmocka_unit_test(ping_flood_in_a_key_exchange),
		cmocka_unit_test(ping_flood_unread),
		cmocka_unit_test(unheard),
		cmocka_unit_test(pending_is_bounded),
		cmocka_unit_test(pending_is_sent_afterwards),
		cmocka_unit_test(open_question_holds_input),
		cmocka_unit_test(held_time_does_not_count),
		cmocka_unit_test(download_through_rekeys),
		cmocka_unit_test(upload_through_rekeys),
		cmocka_unit_test(upload_in_pieces),
		cmocka_unit_test(idle_is_small),
		cmocka_unit_test(client_says_goodbye),
		cmocka_unit_test(client_vanishes),
		cmocka_unit_test(we_end_it),
		cmocka_unit_test(freed_in_its_end),
		cmocka_unit_test(deeds_inside_of_events),
		cmocka_unit_test(damaged_bytes),
		cmocka_unit_test(noise),
		cmocka_unit_test(server_outlives_its_maker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
