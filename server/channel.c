/* Channels: their numbers, opening from either side, EOF, CLOSE. */
#include <stdlib.h>

#include "server/channel.h"

#define CHANNELS_DEFAULT	16
#define CHANNELS_FIRST		4	/* slots of the first allocation */

static const struct ssh_server_events *
events(const struct ssh_conn *c)
{
	return c->server->ev;
}

/* ---- slots ---- */

static uint32_t
limit(const struct ssh_conn *c)
{
	uint32_t n = c->server->cfg.channels;

	if (n == 0)
		n = CHANNELS_DEFAULT;
	return n < SSH_MAX_CHANNELS ? n : SSH_MAX_CHANNELS;
}

static bool
more_slots(struct channels *s)
{
	uint32_t n = s->nslots != 0 ? s->nslots * 2 : CHANNELS_FIRST;
	struct ssh_channel **p = realloc(s->slot, n * sizeof(*p));

	if (p == NULL)
		return false;
	for (uint32_t i = s->nslots; i < n; i++)
		p[i] = NULL;
	s->slot = p;
	s->nslots = n;
	return true;
}

/* A channel in the lowest free slot, or NULL: limit or memory. */
static struct ssh_channel *
channel_new(struct ssh_conn *c, enum channel_kind kind,
    enum channel_state state)
{
	struct channels *s = &c->channels;
	struct ssh_channel *ch;
	uint32_t id = 0;

	if (s->open >= limit(c) || c->phase != PH_OPEN)
		return NULL;
	while (id < s->nslots && s->slot[id] != NULL)
		id++;
	if (id == s->nslots && !more_slots(s))
		return NULL;
	if ((ch = calloc(1, sizeof(*ch))) == NULL)
		return NULL;
	ch->conn = c;
	ch->id = id;
	ch->kind = kind;
	ch->state = state;
	ch->in_window = SSH_CHANNEL_WINDOW;
	s->slot[id] = ch;
	s->open++;
	return ch;
}

/* Frees its number at once, tells the application, frees the rest. */
static void
channel_gone(struct ssh_channel *ch)
{
	struct ssh_conn *c = ch->conn;

	c->channels.slot[ch->id] = NULL;
	c->channels.open--;
	ch->state = CHANNEL_GONE;
	conn_event_begin(c);
	if (events(c)->channel_close != NULL)
		events(c)->channel_close(c->server->ctx, ch);
	free(ch);
	conn_event_end(c);
}

void
channels_end(struct ssh_conn *c)
{
	struct channels *s = &c->channels;

	conn_event_begin(c);
	for (uint32_t i = 0; i < s->nslots; i++)
		if (s->slot[i] != NULL)
			channel_gone(s->slot[i]);
	free(s->slot);
	*s = (struct channels){ .slot = NULL };
	conn_event_end(c);
}

struct ssh_channel *
ssh_conn_channel(struct ssh_conn *c, uint32_t id)
{
	return id < c->channels.nslots ? c->channels.slot[id] : NULL;
}

struct ssh_channel *
channel_find(struct ssh_conn *c, uint32_t id)
{
	struct ssh_channel *ch = ssh_conn_channel(c, id);

	if (ch != NULL && ch->state == CHANNEL_OPEN)
		return ch;
	(void)conn_fail(c, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
	    "message for a channel that is not open");
	return NULL;
}

bool
channel_is_open(const struct ssh_channel *ch)
{
	return ch->state == CHANNEL_OPEN && ch->conn->phase == PH_OPEN;
}

void
ssh_channel_set_data(struct ssh_channel *ch, void *data)
{
	ch->data = data;
}

void *
ssh_channel_data(const struct ssh_channel *ch)
{
	return ch->data;
}

struct ssh_conn *
ssh_channel_conn(const struct ssh_channel *ch)
{
	return ch->conn;
}

uint32_t
ssh_channel_id(const struct ssh_channel *ch)
{
	return ch->id;
}

/* ---- opens by the client ---- */

static void
parse_nothing(struct rd *r, struct channel_open *o)
{
	(void)r;
	(void)o;
}

/*
 * string	host to connect
 * uint32	port to connect
 * string	originator address
 * uint32	originator port (RFC 4254 7.2)
 */
static void
parse_tcpip(struct rd *r, struct channel_open *o)
{
	o->tcpip.dest_ip = rd_text(r);
	o->tcpip.dest_port = rd_u32(r);
	o->tcpip.src_ip = rd_text(r);
	o->tcpip.src_port = rd_u32(r);
}

/*
 * string	socket path
 * string	reserved
 * uint32	reserved (OpenSSH's PROTOCOL 2.4)
 */
static void
parse_streamlocal(struct rd *r, struct channel_open *o)
{
	o->socket_path = rd_text(r);
	rd_str(r);
	rd_u32(r);
}

static void
parse_anything(struct rd *r, struct channel_open *o)
{
	(void)o;
	rd_rest(r);
}

static const struct open_type {
	const char *name;
	enum channel_kind kind;
	void (*parse)(struct rd *, struct channel_open *);
} open_types[] = {
	{ "session", CHANNEL_SESSION, parse_nothing },
	{ "direct-tcpip", CHANNEL_TCPIP, parse_tcpip },
	{ "direct-streamlocal@openssh.com", CHANNEL_STREAMLOCAL,
	    parse_streamlocal },
	{ "forwarded-tcpip", CHANNEL_PROHIBITED, parse_anything },
	{ "forwarded-streamlocal@openssh.com", CHANNEL_PROHIBITED,
	    parse_anything },
	{ "x11", CHANNEL_PROHIBITED, parse_anything },
	{ "auth-agent@openssh.com", CHANNEL_PROHIBITED, parse_anything },
};
static const struct open_type unknown_type = {
	NULL, CHANNEL_UNKNOWN, parse_anything
};

static const struct open_type *
find_type(struct view name)
{
	size_t n = sizeof(open_types) / sizeof(open_types[0]);

	for (size_t i = 0; i < n; i++)
		if (view_is(name, open_types[i].name))
			return &open_types[i];
	return &unknown_type;
}

/*
 * string	channel type
 * uint32	sender's channel
 * uint32	initial window size
 * uint32	maximum packet size
 * ...		fields of the type (RFC 4254 5.1)
 */
bool
channel_parse_open(struct rd *r, struct channel_open *out)
{
	const struct open_type *type = find_type(rd_text(r));

	*out = (struct channel_open){ .kind = type->kind };
	out->sender = rd_u32(r);
	out->window = rd_u32(r);
	out->packet = rd_u32(r);
	type->parse(r, out);
	return rd_done(r);
}

static void
send_open_failure(struct ssh_conn *c, uint32_t peer, unsigned reason,
    const char *text)
{
	struct wr w = outgoing_new(SSH_MSG_CHANNEL_OPEN_FAILURE);

	wr_u32(&w, peer);
	wr_u32(&w, reason);
	wr_cstr(&w, text != NULL ? text : "");
	wr_cstr(&w, "");
	outgoing_send(c, &w);
}

/* What is refused without asking: 0 if nothing is wrong. */
static unsigned
refusal(const struct ssh_conn *c, const struct channel_open *o,
    const char **text_out)
{
	const struct ssh_server_events *ev = events(c);

	*text_out = "prohibited";
	if (o->kind == CHANNEL_UNKNOWN) {
		*text_out = "unknown channel type";
		return SSH_OPEN_UNKNOWN_TYPE;
	}
	if (o->kind == CHANNEL_PROHIBITED ||
	    (o->kind == CHANNEL_SESSION && ev->session == NULL) ||
	    (o->kind == CHANNEL_TCPIP && ev->tcpip == NULL) ||
	    (o->kind == CHANNEL_STREAMLOCAL && ev->streamlocal == NULL))
		return SSH_OPEN_PROHIBITED;
	*text_out = "no such port";
	if (o->kind == CHANNEL_TCPIP && o->tcpip.dest_port > 65535)
		return SSH_OPEN_CONNECT_FAILED;
	*text_out = "too many channels";
	return c->channels.open >= limit(c) ? SSH_OPEN_RESOURCE_SHORTAGE : 0;
}

static void
ask(struct ssh_channel *ch, const struct channel_open *o)
{
	struct ssh_conn *c = ch->conn;
	void *ctx = c->server->ctx;

	conn_event_begin(c);
	if (o->kind == CHANNEL_SESSION)
		events(c)->session(ctx, c, ch);
	else if (o->kind == CHANNEL_TCPIP)
		events(c)->tcpip(ctx, c, ch, &o->tcpip);
	else
		events(c)->streamlocal(ctx, c, ch, o->socket_path);
	conn_event_end(c);
}

enum err
channel_open(struct ssh_conn *c, struct rd *r)
{
	struct ssh_channel *ch = NULL;
	struct channel_open o;
	const char *text;
	unsigned reason;

	if (!channel_parse_open(r, &o))
		return ERR_PROTO;
	if (o.kind == CHANNEL_SESSION && c->no_more_sessions)
		return conn_fail(c, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "session asked for after no-more-sessions");
	reason = refusal(c, &o, &text);
	if (reason == 0 &&
	    (ch = channel_new(c, o.kind, CHANNEL_ASKED)) == NULL) {
		reason = SSH_OPEN_RESOURCE_SHORTAGE;
		text = "out of memory";
	}
	if (ch == NULL) {
		send_open_failure(c, o.sender, reason, text);
		return OK;
	}
	ch->peer = o.sender;
	ch->out_window = o.window;
	ch->out_packet = o.packet;
	ask(ch, &o);
	return OK;
}

static bool
is_asked(const struct ssh_channel *ch)
{
	return ch->state == CHANNEL_ASKED && ch->conn->phase == PH_OPEN;
}

bool
ssh_channel_accept(struct ssh_channel *ch)
{
	struct ssh_conn *c = ch->conn;
	struct wr w;

	if (!is_asked(ch))
		return false;
	ch->state = CHANNEL_OPEN;
	w = outgoing_new(SSH_MSG_CHANNEL_OPEN_CONFIRMATION);
	wr_u32(&w, ch->peer);
	wr_u32(&w, ch->id);
	wr_u32(&w, ch->in_window);
	wr_u32(&w, SSH_CHANNEL_PACKET);
	outgoing_send(c, &w);
	return true;
}

bool
ssh_channel_reject(struct ssh_channel *ch, enum ssh_open_reason reason,
    const char *text)
{
	struct ssh_conn *c = ch->conn;

	if (!is_asked(ch))
		return false;
	conn_event_begin(c);
	send_open_failure(c, ch->peer, reason, text);
	channel_gone(ch);
	conn_event_end(c);
	return true;
}

/* ---- opens by us ---- */

static struct wr
begin_open(const struct ssh_channel *ch, const char *type)
{
	struct wr w = outgoing_new(SSH_MSG_CHANNEL_OPEN);

	wr_cstr(&w, type);
	wr_u32(&w, ch->id);
	wr_u32(&w, ch->in_window);
	wr_u32(&w, SSH_CHANNEL_PACKET);
	return w;
}

static struct ssh_channel *
new_ours(struct ssh_conn *c)
{
	return channel_new(c, CHANNEL_OURS, CHANNEL_OPENING);
}

struct ssh_channel *
ssh_open_forwarded_tcpip(struct ssh_conn *c, struct view bound_addr,
    uint32_t bound_port, struct view remote_addr, uint32_t remote_port)
{
	struct ssh_channel *ch = new_ours(c);
	struct wr w;

	if (ch == NULL)
		return NULL;
	w = begin_open(ch, "forwarded-tcpip");
	wr_str(&w, bound_addr);
	wr_u32(&w, bound_port);
	wr_str(&w, remote_addr);
	wr_u32(&w, remote_port);
	outgoing_send(c, &w);
	return ch;
}

struct ssh_channel *
ssh_open_forwarded_streamlocal(struct ssh_conn *c, struct view socket_path)
{
	struct ssh_channel *ch = new_ours(c);
	struct wr w;

	if (ch == NULL)
		return NULL;
	w = begin_open(ch, "forwarded-streamlocal@openssh.com");
	wr_str(&w, socket_path);
	wr_cstr(&w, "");	/* reserved */
	outgoing_send(c, &w);
	return ch;
}

struct ssh_channel *
ssh_open_x11(struct ssh_conn *c, struct view origin_addr,
    uint32_t origin_port)
{
	struct ssh_channel *ch = new_ours(c);
	struct wr w;

	if (ch == NULL)
		return NULL;
	w = begin_open(ch, "x11");
	wr_str(&w, origin_addr);
	wr_u32(&w, origin_port);
	outgoing_send(c, &w);
	return ch;
}

struct ssh_channel *
ssh_open_agent(struct ssh_conn *c)
{
	struct ssh_channel *ch = new_ours(c);
	struct wr w;

	if (ch == NULL)
		return NULL;
	w = begin_open(ch, "auth-agent@openssh.com");
	outgoing_send(c, &w);
	return ch;
}

static void
tell_opened(struct ssh_channel *ch, uint32_t reason, struct view text)
{
	struct ssh_conn *c = ch->conn;

	if (events(c)->opened == NULL)
		return;
	conn_event_begin(c);
	events(c)->opened(c->server->ctx, ch, reason, text);
	conn_event_end(c);
}

/* The channel of ours that the client's answer names. */
static struct ssh_channel *
find_opening(struct ssh_conn *c, uint32_t id)
{
	struct ssh_channel *ch = ssh_conn_channel(c, id);

	if (ch != NULL && ch->state == CHANNEL_OPENING)
		return ch;
	(void)conn_fail(c, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
	    "answer to a channel open that was not sent");
	return NULL;
}

/*
 * uint32	our channel
 * uint32	sender's channel
 * uint32	initial window size
 * uint32	maximum packet size
 * ...		fields of the type: ours have none
 */
enum err
channel_open_confirmation(struct ssh_conn *c, struct rd *r)
{
	uint32_t id = rd_u32(r), peer = rd_u32(r);
	uint32_t window = rd_u32(r), packet = rd_u32(r);
	struct ssh_channel *ch;

	rd_rest(r);
	if (!rd_done(r))
		return ERR_PROTO;
	if ((ch = find_opening(c, id)) == NULL)
		return ERR_PROTO;
	ch->state = CHANNEL_OPEN;
	ch->peer = peer;
	ch->out_window = window;
	ch->out_packet = packet;
	if (ch->close_wanted)
		ssh_channel_close(ch);
	else
		tell_opened(ch, 0, view_of(NULL, 0));
	return OK;
}

/*
 * uint32	our channel
 * uint32	reason code
 * string	description
 * string	language tag
 */
enum err
channel_open_failure(struct ssh_conn *c, struct rd *r)
{
	uint32_t id = rd_u32(r), reason = rd_u32(r);
	struct view text = rd_str(r);
	struct ssh_channel *ch;

	rd_str(r);
	if (!rd_done(r))
		return ERR_PROTO;
	if ((ch = find_opening(c, id)) == NULL)
		return ERR_PROTO;
	if (!ch->close_wanted)
		tell_opened(ch, reason != 0 ? reason :
		    SSH_OPEN_CONNECT_FAILED, text);
	channel_gone(ch);
	return OK;
}

/* ---- the end of a channel ---- */

enum err
channel_handle_eof(struct ssh_conn *c, struct rd *r)
{
	struct ssh_channel *ch;
	uint32_t id = rd_u32(r);

	if (!rd_done(r))
		return ERR_PROTO;
	if ((ch = channel_find(c, id)) == NULL)
		return ERR_PROTO;
	if (ch->eof_in)
		return OK;
	ch->eof_in = true;
	if (ch->close_out || events(c)->eof == NULL)
		return OK;
	conn_event_begin(c);
	events(c)->eof(c->server->ctx, ch);
	conn_event_end(c);
	return OK;
}

enum err
channel_handle_close(struct ssh_conn *c, struct rd *r)
{
	struct ssh_channel *ch;
	uint32_t id = rd_u32(r);

	if (!rd_done(r))
		return ERR_PROTO;
	if ((ch = channel_find(c, id)) == NULL)
		return ERR_PROTO;
	if (!ch->close_out)
		outgoing_send_u32(c, SSH_MSG_CHANNEL_CLOSE, ch->peer);
	channel_gone(ch);
	return OK;
}

bool
ssh_channel_eof(struct ssh_channel *ch)
{
	if (!channel_may_write(ch))
		return false;
	ch->eof_out = true;
	outgoing_send_u32(ch->conn, SSH_MSG_CHANNEL_EOF, ch->peer);
	return true;
}

bool
ssh_channel_close(struct ssh_channel *ch)
{
	if (ch->state == CHANNEL_OPENING && !ch->close_wanted) {
		ch->close_wanted = true;
		return true;
	}
	if (!channel_is_open(ch) || ch->close_out)
		return false;
	if (!ch->eof_out)
		ssh_channel_eof(ch);
	ch->close_out = true;
	outgoing_send_u32(ch->conn, SSH_MSG_CHANNEL_CLOSE, ch->peer);
	return true;
}
