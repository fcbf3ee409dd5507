/*
 * All 256 message numbers in every phase, with and without a key exchange
 * under way: what is heard, what is answered UNIMPLEMENTED, what is fatal.
 * The expectations are written from the RFCs, not from the table.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/engine.h"

enum place {		/* how far the connection has come */
	AT_FIRST,	/* identified, nothing else heard */
	AT_FIRST_LOOSE,	/* the same, later without strict KEX */
	AT_HEARD,	/* the client's first KEXINIT is here, strict */
	AT_HEARD_LOOSE,
	AT_SERVICE,
	AT_AUTH,
	AT_OPEN,
	PLACES
};
enum exchange {		/* behind the first key exchange */
	NO_KEX,
	OURS,		/* our KEXINIT is out, theirs is not here */
	THEIRS,		/* both are */
	EXCHANGES
};
enum fate { HEARD, STRANGER, FATAL };

static enum fate
behind_first(enum place at, enum exchange kex, unsigned n)
{
	if (n >= 20 && n <= 49)
		return n == 20 || (n == 30 && kex == THEIRS) ? HEARD : FATAL;
	if (n >= 1 && n <= 4)
		return HEARD;
	if (kex == THEIRS)
		return FATAL;
	switch (n) {
	case 5:
		return at == AT_OPEN ? FATAL : HEARD;
	case 6: case 51: case 52: case 53: case 60:	/* a server's */
		return FATAL;
	case 7:
		return HEARD;
	case 50:
		return at == AT_SERVICE ? FATAL : HEARD;
	case 61:
		return at == AT_AUTH ? HEARD : FATAL;
	case 192:
		return HEARD;
	case 193:
		return at == AT_OPEN ? HEARD : FATAL;
	}
	if (n < 80)
		return STRANGER;
	if (at != AT_OPEN)
		return FATAL;		/* RFC 4252 6 */
	return (n >= 80 && n <= 82) || (n >= 90 && n <= 100) ?
	    HEARD : STRANGER;
}

static enum fate
expected(enum place at, enum exchange kex, unsigned n)
{
	switch (at) {
	case AT_FIRST:
	case AT_FIRST_LOOSE:
		return (n >= 1 && n <= 4) || n == 20 ? HEARD : FATAL;
	case AT_HEARD:
		return n == 1 || n == 30 || n == 20 ? HEARD : FATAL;
	case AT_HEARD_LOOSE:
		return (n >= 1 && n <= 4) || n == 30 || n == 20 ?
		    HEARD : FATAL;
	default:
		return behind_first(at, kex, n);
	}
}

static void
reject_nothing(void *ctx, struct ssh_conn *c, const struct ssh_auth *a)
{
	struct engine *e = ctx;

	(void)a;
	if (e->accept_none)
		(void)ssh_auth_accept(c, e->now);
}

/* Hands over only what is queued: the client does not answer. */
static void
push(struct engine *e)
{
	struct wr *out = &e->peer->out;
	size_t n = wr_size(out);

	ssh_conn_feed(e->conn, out->base + out->head, n, e->now);
	wr_consume(out, n);
}

static void
arrive(struct engine *e, enum place at, enum exchange kex)
{
	struct ssh_peer_algs loose = { .no_strict = true };

	engine_init(e);
	e->ev.authentication = reject_nothing;
	engine_start(e, at == AT_FIRST_LOOSE || at == AT_HEARD_LOOSE ?
	    &loose : NULL);
	assert_true(ssh_peer_ident(e->peer));
	if (at == AT_FIRST || at == AT_FIRST_LOOSE)
		return;
	if (at == AT_HEARD || at == AT_HEARD_LOOSE) {
		ssh_peer_kexinit(e->peer);
		push(e);
		return;
	}
	if (at == AT_OPEN)
		assert_true(engine_login(e));
	else
		ssh_peer_pump(e->peer);
	if (at == AT_AUTH)
		assert_true(ssh_peer_service(e->peer));
	assert_int_equal(e->handshakes, 1);
	if (kex == OURS)
		assert_true(ssh_conn_rekey(e->conn));
	if (kex == THEIRS) {
		ssh_peer_kexinit(e->peer);
		push(e);
	}
	wr_reset(&e->peer->got);
}

static bool
says(const struct engine *e, const char *text)
{
	return strstr(e->end_text, text) != NULL;
}

static enum fate
fate_of(struct engine *e, unsigned n)
{
	struct view v;

	if (e->ends != 0) {
		assert_int_equal(e->ends, 1);
		assert_int_equal(e->conn->phase, PH_ENDED);
		return says(e, "not allowed here") ? FATAL : HEARD;
	}
	if (n == SSH_MSG_DISCONNECT)
		return FATAL;
	if (e->conn->kex != NULL)
		return wr_size(&e->conn->pending) == 9 &&
		    e->conn->pending.base[4] == SSH_MSG_UNIMPLEMENTED ?
		    STRANGER : HEARD;
	if (!ssh_peer_recv(e->peer, &v) || v.p[0] != SSH_MSG_UNIMPLEMENTED)
		return HEARD;
	assert_int_equal(v.n, 5);
	assert_int_equal(get_u32(v.p + 1), e->conn->rx.seq - 1);
	return STRANGER;
}

static void
sweep(enum place at, enum exchange kex)
{
	for (unsigned n = 0; n < 256; n++) {
		/* 20 bytes of zeros are malformed for most, fine for some */
		uint8_t b[21] = { (uint8_t)n };
		struct engine e;
		enum fate fate;

		arrive(&e, at, kex);
		ssh_peer_queue(e.peer, view_of(b, sizeof(b)));
		push(&e);
		fate = fate_of(&e, n);
		if (fate != expected(at, kex, n))
			print_message("place %d exchange %d number %u: "
			    "%d, not %d; %s\n", (int)at, (int)kex, n,
			    (int)fate, (int)expected(at, kex, n), e.end_text);
		assert_int_equal(fate, expected(at, kex, n));
		/* Nothing of a login may have come of it. */
		if (at != AT_OPEN) {
			assert_false(ssh_conn_authenticated(e.conn) &&
			    n != SSH_MSG_USERAUTH_REQUEST);
			assert_int_equal(e.readies, 0);
		}
		engine_stop(&e);
	}
}

static void
sweep_before(void **state)
{
	(void)state;
	sweep(AT_FIRST, NO_KEX);
	sweep(AT_FIRST_LOOSE, NO_KEX);
	sweep(AT_HEARD, NO_KEX);
	sweep(AT_HEARD_LOOSE, NO_KEX);
}

static void
sweep_behind(void **state)
{
	(void)state;
	for (enum place at = AT_SERVICE; at < PLACES; at++)
		for (enum exchange kex = NO_KEX; kex < EXCHANGES; kex++)
			sweep(at, kex);
}

static void
empty_payload(void **state)
{
	struct engine e;
	uint8_t b[16] = { 0, 0, 0, 12, 11 };

	(void)state;
	engine_init(&e);
	engine_start(&e, NULL);
	assert_true(ssh_peer_ident(e.peer));
	ssh_conn_feed(e.conn, b, sizeof(b), e.now);
	assert_int_equal(e.ends, 1);
	assert_true(says(&e, "padding"));
	engine_stop(&e);
}

static void
table_is_sound(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 256; n++) {
		const struct message *m = &message_table[n];

		assert_int_equal(m->phases != 0, m->handle != NULL);
		if (m->handle != NULL)
			assert_non_null(m->name);
		/* Before the first key exchange: 1-4, 20, 21, 30 and no
		 * more.  Connection protocol: behind login. */
		if ((m->phases & PH_KEX) != 0)
			assert_true(n <= 4 || n == 20 || n == 21 || n == 30);
		if (n >= 80 && n < 192)
			assert_int_equal(m->phases & ~(unsigned)PH_OPEN, 0);
		assert_int_equal(m->phases & (PH_IDENT | PH_ENDED), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_sound),
		cmocka_unit_test(empty_payload),
		cmocka_unit_test(sweep_before),
		cmocka_unit_test(sweep_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
