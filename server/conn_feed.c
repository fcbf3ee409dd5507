/*
 * A connection's input: packets are taken where they lie in the caller's
 * buffer, and only an unfinished one, or what came while a question was open
 * or the output full, is kept in c->in.
 */
#include <string.h>

#include "server/conn.h"

#define IDENT_MAX	255

bool
ssh_conn_wants_input(const struct ssh_conn *c)
{
	return c->phase != PH_ENDED && c->broken == CONN_SOUND &&
	    c->held == 0 && wr_size(&c->out) <= SSH_OUT_HIGH;
}

static enum err
bad_packet(struct ssh_conn *c, enum err e)
{
	if (e == ERR_CRYPTO)
		return conn_fail(c, e, SSH_DISCONNECT_MAC_ERROR,
		    "packet %u failed its integrity check", c->rx.seq);
	if (e == ERR_LIMIT)
		return conn_fail(c, e, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "sequence numbers used up without a key exchange");
	return conn_fail(c, e, SSH_DISCONNECT_PROTOCOL_ERROR,
	    "packet %u has a bad length or padding", c->rx.seq);
}

/* One packet or the identification line.  *used_out is 0 if p holds only a
 * part of it. */
static enum err
take_one(struct ssh_conn *c, uint8_t *p, size_t n, size_t *used_out)
{
	struct view payload;
	enum err e;

	if (c->phase == PH_IDENT) {
		if ((e = ident_take(c, view_of(p, n), used_out)) != OK)
			return e == ERR_AGAIN ? OK : e;
		return kex_begin_first(c);
	}
	e = packet_take(&c->rx, p, n, &c->peeked, used_out, &payload);
	if (e != OK)
		return bad_packet(c, e);
	if (*used_out == 0)
		return OK;
	if ((e = message_dispatch(c, payload)) == OK)
		kex_check_limits(c);
	return e;
}

/* Takes what is whole, in place; returns how many bytes that was. */
static size_t
run(struct ssh_conn *c, uint8_t *p, size_t n)
{
	size_t done = 0, used = 1;

	c->running = true;
	while (done < n && used != 0 && ssh_conn_wants_input(c)) {
		used = 0;
		if (take_one(c, p + done, n - done, &used) != OK)
			break;
		done += used;
	}
	c->running = false;
	return done;
}

void
conn_run_kept(struct ssh_conn *c)
{
	size_t n = wr_size(&c->in);

	if (n != 0 && !c->running && ssh_conn_wants_input(c))
		wr_consume(&c->in, run(c, c->in.base + c->in.head, n));
}

/* How many of the n new bytes complete what is kept. */
static size_t
missing(const struct ssh_conn *c, const uint8_t *p, size_t n)
{
	size_t have = wr_size(&c->in), need;

	if (c->phase == PH_IDENT) {
		const uint8_t *lf = memchr(p, '\n', n);

		need = lf != NULL ? (size_t)(lf - p) + 1 : n;
		return need < IDENT_MAX ? need : IDENT_MAX;
	}
	need = packet_need(&c->rx, c->peeked);
	need = need > have ? need - have : 0;
	return need < n ? need : n;
}

static void
keep(struct ssh_conn *c, const uint8_t *p, size_t n)
{
	if (n == 0 || c->phase == PH_ENDED)
		return;
	wr_bytes(&c->in, view_of(p, n));
	if (c->in.bad)
		c->broken = CONN_BROKEN_INPUT;
}

static void
take_input(struct ssh_conn *c, uint8_t *p, size_t n)
{
	size_t m;

	conn_run_kept(c);
	while (n != 0 && wr_size(&c->in) != 0 && ssh_conn_wants_input(c)) {
		m = missing(c, p, n);
		keep(c, p, m);
		p += m;
		n -= m;
		conn_run_kept(c);
	}
	if (n != 0 && ssh_conn_wants_input(c)) {
		m = run(c, p, n);
		p += m;
		n -= m;
	}
	keep(c, p, n);
}

void
conn_hold(struct ssh_conn *c)
{
	if (c->held++ == 0)
		c->held_since = c->now;
}

/* The time of an open question counts neither against the client's key
 * exchange nor against its silence: we did not read. */
void
conn_release(struct ssh_conn *c, uint64_t now)
{
	conn_advance(c, now);
	if (c->held == 0 || --c->held != 0)
		return;
	if (c->kex != NULL)
		c->kex_started += c->now - (c->held_since > c->kex_started ?
		    c->held_since : c->kex_started);
	c->probed = c->now;
	conn_event_begin(c);
	conn_event_end(c);
}

void
ssh_conn_feed(struct ssh_conn *c, uint8_t *p, size_t n, uint64_t now)
{
	if (c->phase == PH_ENDED || n == 0)
		return;
	if (c->running) {
		c->broken = CONN_BROKEN_FEED;
		return;
	}
	conn_advance(c, now);
	c->last_in = c->probed = c->now;
	c->keepalives = 0;
	c->bytes_in += n;
	conn_event_begin(c);
	take_input(c, p, n);
	conn_event_end(c);
}
