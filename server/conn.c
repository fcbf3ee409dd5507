/*
 * A connection: bytes in, bytes out, the clock, and its end.
 *
 * Everything that may give events runs between conn_event_begin and _end.
 * What would pull the ground from under a caller (ending, freeing, taking up
 * input again) is noted on the way and done by the outermost end.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/conn.h"

/* A feed's leavings and one packet; what an event may put into the output
 * in one go above SSH_OUT_HIGH. */
#define CONN_IN_MAX	((size_t)2 * 1024 * 1024)
#define CONN_OUT_MAX	(SSH_OUT_HIGH + ((size_t)2 * 1024 * 1024))

/* ---- phases ---- */

static const struct {
	const char *word;
	unsigned next;
} phases[] = {
	{ "ident", PH_KEX | PH_ENDED },
	{ "kex", PH_SERVICE | PH_ENDED },
	{ "service", PH_AUTH | PH_ENDED },
	{ "auth", PH_OPEN | PH_ENDED },
	{ "open", PH_ENDED },
	{ "ended", 0 }
};

static size_t
phase_index(enum conn_phase p)
{
	size_t i = 0;

	while (i + 1 < sizeof(phases) / sizeof(phases[0]) &&
	    (unsigned)p != 1u << i)
		i++;
	return i;
}

void
conn_enter(struct ssh_conn *c, enum conn_phase to)
{
	size_t from = phase_index(c->phase);

	if ((phases[from].next & (unsigned)to) == 0) {
		c->broken = CONN_BROKEN_PHASE;
		return;
	}
	c->phase = to;
	conn_debug(c, "phase %s -> %s", phases[from].word,
	    phases[phase_index(to)].word);
}

void
conn_debug(struct ssh_conn *c, const char *fmt, ...)
{
	const struct ssh_server *s = c->server;
	char text[256];
	va_list ap;

	if (s->cfg.debug == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	s->cfg.debug(s->ctx, c, text);
}

/* ---- output ---- */

uint8_t *
conn_reserve(struct ssh_conn *c, size_t n)
{
	uint8_t *p;

	if (c->phase == PH_ENDED || c->broken != CONN_SOUND)
		return NULL;
	if (kex_blocks_output(c)) {
		if (n > CONN_PENDING_MAX - 4 ||
		    (p = wr_reserve(&c->pending, 4 + n)) == NULL) {
			c->broken = CONN_BROKEN_PENDING;
			return NULL;
		}
		return p + 4;
	}
	if ((p = packet_reserve(&c->tx, &c->out, n)) == NULL)
		c->broken = CONN_BROKEN_MEMORY;
	return p;
}

void
conn_commit(struct ssh_conn *c, size_t n)
{
	if (kex_blocks_output(c)) {
		put_u32(c->pending.base + c->pending.len, (uint32_t)n);
		wr_commit(&c->pending, 4 + n);
		return;
	}
	if (packet_commit(&c->tx, &c->out, n) != OK)
		c->broken = CONN_BROKEN_SEAL;
	else if (c->out_since == 0)
		c->out_since = c->now;
}

void
conn_send(struct ssh_conn *c, struct view payload)
{
	uint8_t *p = conn_reserve(c, payload.n);

	if (p == NULL)
		return;
	if (payload.n != 0)
		memcpy(p, payload.p, payload.n);
	conn_commit(c, payload.n);
}

bool
conn_send_now(struct ssh_conn *c, struct view payload)
{
	uint8_t *p = packet_reserve(&c->tx, &c->out, payload.n);

	if (p == NULL)
		return false;
	memcpy(p, payload.p, payload.n);
	if (packet_commit(&c->tx, &c->out, payload.n) != OK)
		return false;
	if (c->out_since == 0)
		c->out_since = c->now;
	return true;
}

void
conn_flush_pending(struct ssh_conn *c)
{
	struct rd r = rd_of(wr_view(&c->pending));

	while (r.n != 0 && !r.bad)
		conn_send(c, rd_str(&r));
	wr_free(&c->pending);
}

/* ---- the end ---- */

/*
 * byte      SSH_MSG_DISCONNECT
 * uint32    reason code
 * string    description
 * string    language tag
 */
static void
send_disconnect(struct ssh_conn *c, unsigned reason, struct view text)
{
	uint8_t b[1 + 4 + 4 + sizeof(c->end_text) + 4];

	b[0] = SSH_MSG_DISCONNECT;
	put_u32(b + 1, reason);
	put_u32(b + 5, (uint32_t)text.n);
	if (text.n != 0)
		memcpy(b + 9, text.p, text.n);
	put_u32(b + 9 + text.n, 0);
	(void)conn_send_now(c, view_of(b, 13 + text.n));
}

/* text is in end_text, or shorter than that. */
static void
note_end(struct ssh_conn *c, enum err err, unsigned reason, bool by_peer,
    struct view text)
{
	size_t n = text.n < sizeof(c->end_text) ? text.n :
	    sizeof(c->end_text);
	uint32_t grace = c->server->cfg.login_grace_ms;

	if (n != 0)
		memmove(c->end_text, text.p, n);
	c->end = (struct ssh_end){
		.err = err,
		.reason = reason,
		.by_peer = by_peer,
		.text = view_of(c->end_text, n),
		.grace_over = !c->authenticated && grace != 0 &&
		    c->now >= c->created + grace
	};
	conn_event_begin(c);
	conn_enter(c, PH_ENDED);
	c->end_owed = true;
	c->ended_at = c->now;
	conn_event_end(c);
}

static struct view format_end(struct ssh_conn *c, const char *fmt,
    va_list ap) PRINTF_LIKE(2, 0);
static struct view
format_end(struct ssh_conn *c, const char *fmt, va_list ap)
{
	int n = vsnprintf(c->end_text, sizeof(c->end_text), fmt, ap);

	if (n < 0)
		n = 0;
	if ((size_t)n >= sizeof(c->end_text))
		n = (int)sizeof(c->end_text) - 1;
	return view_of(c->end_text, (size_t)n);
}

enum err
conn_fail(struct ssh_conn *c, enum err err, unsigned reason, const char *fmt,
    ...)
{
	struct view text;
	va_list ap;

	if (c->phase == PH_ENDED)
		return err;
	va_start(ap, fmt);
	text = format_end(c, fmt, ap);
	va_end(ap);
	if (c->phase != PH_IDENT)
		send_disconnect(c, reason, text);
	note_end(c, err, reason, false, text);
	return err;
}

void
conn_peer_ended(struct ssh_conn *c, unsigned reason, struct view text)
{
	if (c->phase == PH_ENDED)
		return;
	/* Nobody is there to read what we still had to say. */
	wr_free(&c->out);
	c->out_since = 0;
	note_end(c, OK, reason, true, text);
}

static void
fail_broken(struct ssh_conn *c)
{
	static const char *const text[] = {
		[CONN_SOUND] = "",
		[CONN_BROKEN_MEMORY] = "out of memory for output",
		[CONN_BROKEN_PENDING] = "too much asked in a key exchange",
		[CONN_BROKEN_SEAL] = "packet could not be sealed",
		[CONN_BROKEN_PHASE] = "internal error: phase",
		[CONN_BROKEN_FEED] = "internal error: nested input",
		[CONN_BROKEN_INPUT] = "more input than can be kept"
	};
	bool theirs = c->broken == CONN_BROKEN_PENDING;

	(void)conn_fail(c, theirs ? ERR_LIMIT : ERR_NOMEM, theirs ?
	    SSH_DISCONNECT_PROTOCOL_ERROR : SSH_DISCONNECT_BY_APPLICATION,
	    "%s", text[c->broken]);
}

static void
release_parts(struct ssh_conn *c)
{
	kex_free(&c->kex);
	userauth_free(&c->auth);
	wr_free(&c->pending);
	wr_free(&c->in);
}

static void
give_end(struct ssh_conn *c)
{
	c->end_owed = false;
	c->held = 0;
	channels_end(c);
	release_parts(c);
	c->end.bytes_in = c->bytes_in;
	c->end.bytes_out = c->bytes_out;
	c->end.authenticated = c->authenticated;
	if (c->server->ev->end != NULL && !c->free_wanted)
		c->server->ev->end(c->server->ctx, c, &c->end);
}

static void
destroy(struct ssh_conn *c)
{
	struct ssh_server *s = c->server;

	channels_end(c);
	release_parts(c);
	wr_free(&c->out);
	cipher_free(&c->rx.cipher);
	cipher_free(&c->tx.cipher);
	free(c->client_ident);
	wipe(c, sizeof(*c));
	free(c);
	ssh_server_unref(&s);
}

/* ---- events ---- */

void
conn_advance(struct ssh_conn *c, uint64_t now)
{
	if (now > c->now)
		c->now = now;
}

void
conn_event_begin(struct ssh_conn *c)
{
	c->depth++;
}

/* Does what was put off while calls were nested. */
static void
settle(struct ssh_conn *c)
{
	conn_run_kept(c);
	if (c->drain_owed && c->phase == PH_OPEN && !kex_blocks_output(c) &&
	    wr_size(&c->out) < SSH_OUT_LOW)
		channels_drain(c);
	if (c->broken != CONN_SOUND)
		fail_broken(c);
	if (c->end_owed)
		give_end(c);
}

void
conn_event_end(struct ssh_conn *c)
{
	if (c->depth > 1) {
		c->depth--;
		return;
	}
	settle(c);
	if (c->free_wanted)
		destroy(c);	/* still at depth 1: it gives events */
	else
		c->depth--;
}

/* ---- what applications call ---- */

struct ssh_conn *
ssh_conn_new(struct ssh_server *s, uint64_t now)
{
	struct ssh_conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->server = s;
	c->phase = PH_IDENT;
	c->now = c->created = c->last_in = c->last_out = c->probed = now;
	c->in = wr_new(CONN_IN_MAX);
	c->out = wr_new(CONN_OUT_MAX);
	c->pending = wr_new(CONN_PENDING_MAX);
	if (s->greeting != NULL)
		wr_bytes(&c->out, view_str(s->greeting));
	wr_bytes(&c->out, view_str(s->ident_line));
	wr_bytes(&c->out, view_str("\r\n"));
	if (c->out.bad) {
		wr_free(&c->out);
		free(c);
		return NULL;
	}
	c->out_since = now;
	s->refs++;
	return c;
}

void
ssh_conn_free(struct ssh_conn **cp)
{
	struct ssh_conn *c = *cp;

	*cp = NULL;
	if (c == NULL || c->free_wanted)
		return;
	conn_event_begin(c);
	c->free_wanted = true;
	if (c->phase != PH_ENDED)
		conn_enter(c, PH_ENDED);
	conn_event_end(c);
}

void
ssh_conn_feed_eof(struct ssh_conn *c, uint64_t now)
{
	char text[64];

	conn_advance(c, now);
	if (c->phase == PH_ENDED) {
		wr_free(&c->out);
		return;
	}
	(void)snprintf(text, sizeof(text), "connection closed in phase %s",
	    phases[phase_index(c->phase)].word);
	wr_free(&c->out);
	note_end(c, ERR_CLOSED, 0, true, view_str(text));
}

struct view
ssh_conn_out(const struct ssh_conn *c)
{
	return wr_view(&c->out);
}

void
ssh_conn_sent(struct ssh_conn *c, size_t n, uint64_t now)
{
	if (n > wr_size(&c->out))
		n = wr_size(&c->out);
	conn_advance(c, now);
	conn_event_begin(c);
	if (n != 0) {
		wr_consume(&c->out, n);
		c->bytes_out += n;
		c->last_out = c->now;
		c->out_since = wr_size(&c->out) != 0 ? c->now : 0;
		/* Bytes move, though not all: what the peer would answer a
		 * probe with stands behind all that it has not read yet. */
		if (c->out_since != 0) {
			c->probed = c->now;
			c->keepalives = 0;
		}
	}
	kex_check_limits(c);
	conn_event_end(c);
}

void
ssh_conn_unheard(struct ssh_conn *c, uint64_t now)
{
	conn_advance(c, now);
	conn_event_begin(c);
	wr_free(&c->out);
	c->out_since = 0;
	conn_event_end(c);
}

void
ssh_conn_trim(struct ssh_conn *c)
{
	if (c->running)
		return;
	wr_trim(&c->in);
	wr_trim(&c->out);
	wr_trim(&c->pending);
}

bool
ssh_conn_finished(const struct ssh_conn *c)
{
	return c->phase == PH_ENDED && !c->end_owed && wr_size(&c->out) == 0;
}

void
ssh_conn_set_data(struct ssh_conn *c, void *data)
{
	c->data = data;
}

void *
ssh_conn_data(const struct ssh_conn *c)
{
	return c->data;
}

bool
ssh_conn_authenticated(const struct ssh_conn *c)
{
	return c->authenticated;
}

bool
ssh_conn_no_more_sessions(const struct ssh_conn *c)
{
	return c->no_more_sessions;
}

struct view
ssh_conn_session_id(const struct ssh_conn *c)
{
	return view_of(c->session_id, c->session_id_len);
}

uint64_t
ssh_conn_bytes_in(const struct ssh_conn *c)
{
	return c->bytes_in;
}

uint64_t
ssh_conn_bytes_out(const struct ssh_conn *c)
{
	return c->bytes_out;
}

void
ssh_conn_end(struct ssh_conn *c, unsigned reason, const char *text)
{
	if (c->phase == PH_ENDED)
		return;
	/* Behind our identification line a client understands a packet. */
	if (c->phase == PH_IDENT)
		send_disconnect(c, reason, view_of(text,
		    strnlen(text, sizeof(c->end_text) - 1)));
	(void)conn_fail(c, OK, reason, "%s", text);
}

bool
ssh_conn_rekey(struct ssh_conn *c)
{
	bool ok;

	if (c->kex_count == 0)
		return false;
	conn_event_begin(c);
	ok = kex_start(c);
	conn_event_end(c);
	return ok;
}

bool
ssh_conn_signed(struct ssh_conn *c, struct view sig, uint64_t now)
{
	bool ok;

	conn_advance(c, now);
	conn_event_begin(c);
	ok = kex_signed(c, sig);
	conn_event_end(c);
	return ok;
}
