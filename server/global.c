/* Global requests (RFC 4254 4, 7.1; OpenSSH's PROTOCOL 2.2, 2.4). */
#include "server/channel.h"

static const struct ssh_server_events *
events(const struct ssh_conn *c)
{
	return c->server->ev;
}

/* string	address to bind
 * uint32	port (RFC 4254 7.1) */
static void
parse_tcpip(struct rd *r, struct ssh_global *g)
{
	g->bind_addr = rd_text(r);
	g->bind_port = rd_u32(r);
}

static void
parse_streamlocal(struct rd *r, struct ssh_global *g)
{
	g->socket_path = rd_text(r);
}

static void
parse_anything(struct rd *r, struct ssh_global *g)
{
	(void)g;
	rd_rest(r);
}

/* Answered here; the application is only told. */
static void
refuse(struct ssh_conn *c, bool want_reply)
{
	if (want_reply)
		outgoing_send_u8(c, SSH_MSG_REQUEST_FAILURE);
}

static void
no_more_sessions(struct ssh_conn *c, bool want_reply)
{
	c->no_more_sessions = true;
	if (want_reply)
		outgoing_send_u8(c, SSH_MSG_REQUEST_SUCCESS);
}

static const struct global_type {
	const char *name;
	void (*parse)(struct rd *, struct ssh_global *);
	void (*answer)(struct ssh_conn *, bool want_reply); /* NULL: ask */
} global_types[] = {
	{ "tcpip-forward", parse_tcpip, NULL },
	{ "cancel-tcpip-forward", parse_tcpip, NULL },
	{ "streamlocal-forward@openssh.com", parse_streamlocal, NULL },
	{ "cancel-streamlocal-forward@openssh.com", parse_streamlocal, NULL },
	/* any answer shows that we live (OpenSSH's client sends it) */
	{ "keepalive@openssh.com", parse_anything, refuse },
	{ "no-more-sessions@openssh.com", parse_anything, no_more_sessions },
};
static const struct global_type other_type = { NULL, parse_anything, NULL };

static const struct global_type *
find_type(struct view name)
{
	size_t n = sizeof(global_types) / sizeof(global_types[0]);

	for (size_t i = 0; i < n; i++)
		if (view_is(name, global_types[i].name))
			return &global_types[i];
	return &other_type;
}

/*
 * string	request name
 * boolean	want reply
 * ...		fields of the request
 */
bool
global_parse(struct rd *r, struct ssh_global *out)
{
	struct rd rest;

	*out = (struct ssh_global){ .name = rd_text(r) };
	out->want_reply = rd_bool(r);
	rest = *r;
	out->rest = rd_rest(&rest);
	find_type(out->name)->parse(r, out);
	return rd_done(r);
}

static void
tell(struct ssh_conn *c, const struct ssh_global *g)
{
	if (events(c)->request == NULL)
		return;
	conn_event_begin(c);
	events(c)->request(c->server->ctx, c, g);
	conn_event_end(c);
}

enum err
global_request(struct ssh_conn *c, struct rd *r)
{
	const struct global_type *type;
	struct ssh_global g;

	if (!global_parse(r, &g))
		return ERR_PROTO;
	type = find_type(g.name);
	if (type->answer != NULL) {
		type->answer(c, g.want_reply);
		tell(c, &g);
	} else if (events(c)->request == NULL)
		refuse(c, g.want_reply);
	else {
		c->global_open = true;
		c->global_want_reply = g.want_reply;
		c->global_port_zero = g.bind_port == 0 &&
		    view_is(g.name, "tcpip-forward");
		conn_hold(c);
		tell(c, &g);
	}
	return OK;
}

static bool
answer(struct ssh_conn *c, struct wr *w, uint64_t now)
{
	conn_event_begin(c);
	c->global_open = false;
	if (c->global_want_reply)
		outgoing_send(c, w);
	wr_free(w);
	conn_release(c, now);
	conn_event_end(c);
	return true;
}

static bool
is_open(const struct ssh_conn *c)
{
	return c->phase == PH_OPEN && c->global_open;
}

bool
ssh_global_accept(struct ssh_conn *c, uint32_t port, uint64_t now)
{
	struct wr w;

	if (!is_open(c))
		return false;
	w = outgoing_new(SSH_MSG_REQUEST_SUCCESS);
	if (c->global_port_zero)
		wr_u32(&w, port);
	return answer(c, &w, now);
}

bool
ssh_global_reject(struct ssh_conn *c, uint64_t now)
{
	struct wr w;

	if (!is_open(c))
		return false;
	w = outgoing_new(SSH_MSG_REQUEST_FAILURE);
	return answer(c, &w, now);
}

/* Answers to our keepalives.  One that was not asked for changes nothing,
 * and OpenSSH, too, lets it pass. */
enum err
global_reply(struct ssh_conn *c, struct rd *r)
{
	(void)r;
	if (c->channels.awaited != 0)
		c->channels.awaited--;
	return OK;
}

void
global_send_keepalive(struct ssh_conn *c)
{
	struct wr w = outgoing_new(SSH_MSG_GLOBAL_REQUEST);

	wr_cstr(&w, "keepalive@openssh.com");
	wr_bool(&w, true);
	if (c->channels.awaited != UINT32_MAX)
		c->channels.awaited++;
	outgoing_send(c, &w);
}
