#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fake_conn.h"

#define FAKE_OVERHEAD	28	/* of a packet: its length, and a tail */
#define FAKE_TAIL	(FAKE_OVERHEAD - 4)

static struct fake *
fake_of(struct ssh_conn *c)
{
	return (struct fake *)(void *)c;
}

struct fake *
fake_new(const struct ssh_server_events *ev, void *ctx, enum conn_phase phase)
{
	struct fake *f = calloc(1, sizeof(*f));

	if (f == NULL)
		abort();
	f->s.ev = ev;
	f->s.ctx = ctx;
	f->c.server = &f->s;
	f->c.phase = phase;
	f->c.authenticated = phase == PH_OPEN;
	f->c.out = wr_new((size_t)4 << 20);
	f->c.pending = wr_new(CONN_PENDING_MAX);
	f->taken = wr_new((size_t)4 << 20);
	f->c.session_id_len = 32;
	memset(f->c.session_id, 0x5a, 32);
	return f;
}

void
fake_free(struct fake **f)
{
	if (*f == NULL)
		return;
	(*f)->c.phase = PH_ENDED;
	if ((*f)->end_channels != NULL)
		(*f)->end_channels(&(*f)->c);
	wr_free(&(*f)->c.out);
	wr_free(&(*f)->c.pending);
	wr_free(&(*f)->taken);
	free(*f);
	*f = NULL;
}

enum err
fake_handle(struct fake *f,
    enum err (*handle)(struct ssh_conn *, struct rd *), struct view payload)
{
	uint8_t *exact = malloc(payload.n + (payload.n == 0));
	struct rd r;
	enum err e;

	if (exact == NULL)
		abort();
	memcpy(exact, payload.p, payload.n);
	r = rd_of(view_of(exact, payload.n));
	rd_u8(&r);
	conn_event_begin(&f->c);
	e = handle(&f->c, &r);
	if (f->c.phase == PH_ENDED)
		e = e != OK ? e : ERR_CLOSED;
	else if (e != OK)
		e = conn_fail(&f->c, e, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "malformed");
	conn_event_end(&f->c);
	free(exact);
	return e;
}

bool
fake_recv(struct fake *f, struct view *payload_out)
{
	struct view all = wr_view(&f->c.out);

	wr_reset(&f->taken);
	*payload_out = view_of(NULL, 0);
	if (all.n == 0)
		return false;
	wr_bytes(&f->taken, view_of(all.p + 4, get_u32(all.p)));
	wr_consume(&f->c.out, FAKE_OVERHEAD + (size_t)get_u32(all.p));
	*payload_out = wr_view(&f->taken);
	return true;
}

unsigned
fake_drop(struct fake *f)
{
	struct view v;
	unsigned n = 0;

	while (fake_recv(f, &v))
		n++;
	return n;
}

/* ---- conn.c, kex.c and packet.c, as far as the upper half knows them ---- */

void
conn_enter(struct ssh_conn *c, enum conn_phase to)
{
	c->phase = to;
}

void
conn_send(struct ssh_conn *c, struct view payload)
{
	uint8_t *p = conn_reserve(c, payload.n);

	if (p == NULL)
		return;
	memcpy(p, payload.p, payload.n);
	conn_commit(c, payload.n);
}

uint8_t *
conn_reserve(struct ssh_conn *c, size_t n)
{
	struct fake *f = fake_of(c);
	uint8_t *p;

	if (c->phase == PH_ENDED)
		return NULL;
	if (f->no_room) {
		c->broken = CONN_BROKEN_MEMORY;
		return NULL;
	}
	p = wr_reserve(f->kex_blocks ? &c->pending : &c->out,
	    FAKE_OVERHEAD + n);
	if (p == NULL)
		abort();
	return p + 4;
}

void
conn_commit(struct ssh_conn *c, size_t n)
{
	struct wr *w = fake_of(c)->kex_blocks ? &c->pending : &c->out;

	put_u32(w->base + w->len, (uint32_t)n);
	memset(w->base + w->len + 4 + n, 0, FAKE_TAIL);
	wr_commit(w, FAKE_OVERHEAD + n);
}

enum err
conn_fail(struct ssh_conn *c, enum err err, unsigned reason, const char *fmt,
    ...)
{
	va_list ap;

	if (c->phase == PH_ENDED)
		return err;
	c->phase = PH_ENDED;
	c->end_owed = true;
	c->end.err = err;
	c->end.reason = reason;
	va_start(ap, fmt);
	vsnprintf(c->end_text, sizeof(c->end_text), fmt, ap);
	va_end(ap);
	return err;
}

void
conn_hold(struct ssh_conn *c)
{
	c->held++;
}

void
conn_release(struct ssh_conn *c, uint64_t now)
{
	c->now = now;
	if (c->held == 0 || c->depth == 0)
		abort();
	c->held--;
	fake_of(c)->releases++;
}

void
conn_event_begin(struct ssh_conn *c)
{
	c->depth++;
}

void
conn_event_end(struct ssh_conn *c)
{
	struct fake *f = fake_of(c);

	if (c->depth == 0)
		abort();
	if (c->depth == 1 && c->end_owed) {
		c->end_owed = false;
		if (f->end_channels != NULL)
			f->end_channels(c);
		f->ended = true;
	}
	c->depth--;
	if (c->depth == 0 && c->free_wanted)
		f->freed = true;
}

bool
kex_blocks_output(const struct ssh_conn *c)
{
	return ((const struct fake *)(const void *)c)->kex_blocks;
}

size_t
packet_size(const struct direction *d, size_t payload)
{
	(void)d;
	return payload + FAKE_OVERHEAD;
}

