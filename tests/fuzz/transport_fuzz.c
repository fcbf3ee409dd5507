/*
 * The engine fed by an enemy.  The first byte chooses how far an honest
 * client has brought the connection; the rest is
 *	0	raw bytes from the start: identification and packets in clear
 *	1	raw bytes behind an identification
 *	2	messages in clear: the packets are well formed
 *	3	messages sealed with the keys of a finished key exchange
 *	4	the same behind a login
 * Messages are uint16 length, payload; a length above 0xfff0 is a deed of the
 * application or the clock instead.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
raw(struct engine *e, struct view v)
{
	uint8_t *copy = malloc(v.n != 0 ? v.n : 1);
	/* Pieces of a size that the input chooses. */
	size_t step = v.n != 0 ? (size_t)v.p[0] * 5 + 1 : 1;

	if (copy == NULL)
		abort();
	if (v.n != 0)
		memcpy(copy, v.p, v.n);
	for (size_t at = 0; at < v.n; at += step)
		ssh_conn_feed(e->conn, copy + at, v.n - at < step ?
		    v.n - at : step, e->now);
	free(copy);
}

static void
deed(struct engine *e, unsigned n)
{
	struct ssh_peer *p = e->peer;

	switch (n & 15) {
	case 1:
		p->now = e->now += 700;
		(void)ssh_conn_tick(e->conn, e->now);
		break;
	case 2:
		(void)ssh_conn_rekey(e->conn);
		break;
	case 3:
		if (!p->init_sent && !p->broken && p->rx_next == NULL)
			ssh_peer_kexinit(p);
		break;
	case 4:
		ssh_peer_pump(p);
		break;
	case 5:
		ssh_conn_sent(e->conn, 100, e->now);
		break;
	case 6:
		ssh_conn_trim(e->conn);
		break;
	case 7:
		ssh_conn_end(e->conn, 11, "deed");
		break;
	case 8:
		p->now = e->now += 30000;
		(void)ssh_conn_tick(e->conn, e->now);
		break;
	case 9:
		p->chunk = 1 + n % 7;
		break;
	default:
		break;
	}
}

static void
push(struct engine *e)
{
	struct wr *out = &e->peer->out;
	size_t n = wr_size(out);

	if (n == 0)
		return;
	ssh_conn_feed(e->conn, out->base + out->head, n, e->now);
	wr_consume(out, n);
}

static void
messages(struct engine *e, struct rd *r)
{
	while (r->n >= 2 && e->conn->phase != PH_ENDED) {
		size_t n = (size_t)rd_u8(r) << 8;

		n |= rd_u8(r);
		if (n > 0xfff0) {
			deed(e, (unsigned)n);
			continue;
		}
		if (n > r->n)
			n = r->n;
		ssh_peer_queue(e->peer, rd_bytes(r, n));
		push(e);
	}
	ssh_peer_pump(e->peer);
}

static void
run(struct engine *e, unsigned mode, struct rd *r)
{
	switch (mode) {
	case 0:
		raw(e, rd_rest(r));
		return;
	case 1:
		(void)ssh_peer_ident(e->peer);
		raw(e, rd_rest(r));
		return;
	case 2:
		(void)ssh_peer_ident(e->peer);
		break;
	case 3:
		if (!ssh_peer_handshake(e->peer))
			abort();
		break;
	default:
		if (!engine_login(e))
			abort();
	}
	messages(e, r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ssh_peer_algs algs = { 0 };
	struct rd r = rd_of(view_of(data, size));
	unsigned mode = rd_u8(&r);
	struct engine e;

	engine_init(&e);
	e.cfg.login_grace_ms = 60000;
	e.cfg.keepalive_interval_ms = 10000;
	e.cfg.keepalive_count_max = 2;
	e.cfg.rekey_packets = 50;
	e.cfg.wait_for_kexinit = (mode & 0x10) != 0;
	algs.no_strict = (mode & 0x20) != 0;
	algs.cipher = (mode & 0x40) != 0 ? "aes128-ctr" : NULL;
	algs.follows = (mode & 0x80) != 0;
	engine_start(&e, &algs);
	run(&e, (mode & 15) % 5, &r);
	ssh_conn_feed_eof(e.conn, e.now);
	if (e.ends != 1 || !ssh_conn_finished(e.conn))
		abort();
	if (e.conn->in.base != NULL || e.conn->kex != NULL)
		abort();
	engine_stop(&e);
	return 0;
}
