/* Channels: opening from either side (RFC 4254 5.1, 6.3.2, 7.2). */
#include "server/channel.h"

static const struct ssh_server_events *
events(const struct ssh_conn *c)
{
	return c->server->ev;
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
	{ "agent-connect", CHANNEL_PROHIBITED, parse_anything },
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
	struct view name = rd_text(r);
	const struct open_type *type = find_type(name);

	*out = (struct channel_open){ .kind = type->kind, .type = name };
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
	return c->channels.open >= channel_limit(c) ?
	    SSH_OPEN_RESOURCE_SHORTAGE : 0;
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

static void
tell_refused(struct ssh_conn *c, const struct channel_open *o,
    unsigned reason)
{
	if (events(c)->open_refused == NULL)
		return;
	conn_event_begin(c);
	events(c)->open_refused(c->server->ctx, c, o->type, reason);
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
		tell_refused(c, &o, reason);
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
	w = begin_open(ch, c->agent_name == AGENT_DRAFT ? "agent-connect" :
	    "auth-agent@openssh.com");
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
