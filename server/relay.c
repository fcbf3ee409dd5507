/*
 * Forwarded connections.  The client asks, or the session brings what it has
 * accepted; the session makes the sockets and decides, and their bytes go
 * between channel and socket here, like those of any other duct.
 */
#include <unistd.h>

#include "server/daemon.h"

/* The session may bring so many connections before it hears of more. */
#define CREDIT_MAX	8
/* Channels of one client that have the whole window: many that nobody reads
 * must not hold megabytes each. */
#define WIDE_MAX	16
/* ... and so much must have been taken of it first, which is more than the
 * kernel keeps for a socket that nobody reads. */
#define WIDE_AFTER	((uint64_t)16 << 20)

static struct view
request_name(uint8_t kind)
{
	static const char *const names[FLOW_KINDS] = {
		[FLOW_TCP] = "forwarded-tcpip",
		[FLOW_UNIX] = "forwarded-streamlocal@openssh.com",
		[FLOW_AGENT] = "auth-agent@openssh.com",
		[FLOW_X11] = "x11",
	};

	return view_str(names[kind]);
}

static uint32_t
right_of(uint8_t kind)
{
	static const uint32_t rights[FLOW_KINDS] = {
		[FLOW_TCP] = ALLOW_REMOTE_FORWARD,
		[FLOW_UNIX] = ALLOW_REMOTE_FORWARD,
		[FLOW_AGENT] = ALLOW_AGENT, [FLOW_X11] = ALLOW_X11,
	};

	return rights[kind];
}

/* Those that are open or opening, and those that have still to give what they
 * had. */
static size_t
taken(const struct client *c)
{
	return c->nflows + drain_count(c->loop, c->id, true);
}

static bool
is_full(const struct client *c)
{
	return taken(c) >= c->gen->limits.forwards ||
	    c->loop->nflows >= c->loop->flows_max;
}

/* ---- what comes in ---- */

/* As many as there is room for, a few at a time. */
static void
grant(struct client *c)
{
	size_t used = taken(c), max = c->gen->limits.forwards;
	struct msg_credit m = { 0 };
	struct wr w = wr_new(64);

	if (!c->listens || c->ended || c->login.fd == -1)
		return;
	while (c->flow_credit < CREDIT_MAX &&
	    used + c->flow_credit + 1 <= max &&
	    c->loop->nflows < c->loop->flows_max) {
		c->flow_credit++;
		m.n++;
	}
	put_credit(&w, &m);
	if (m.n != 0 && link_send(&c->login, MSG_CREDIT, 0, wr_view(&w),
	    NULL, 0) != OK)
		log_msg(LOG_DEBUG, "login-link", "no session to tell");
	wr_free(&w);
}

static struct ssh_channel *
open_channel(struct client *c, const struct msg_flow *m)
{
	switch (m->kind) {
	case FLOW_TCP:
		return ssh_open_forwarded_tcpip(c->ssh, m->host, m->port,
		    m->src, m->src_port);
	case FLOW_UNIX:
		return ssh_open_forwarded_streamlocal(c->ssh, m->host);
	case FLOW_X11:
		return ssh_open_x11(c->ssh, m->src, m->src_port);
	default:
		return ssh_open_agent(c->ssh);
	}
}

/* What clients open, and what we do. */
static const uint8_t wanted[FLOW_KINDS] = {
	[FLOW_TCP] = CHANNEL_IS_DIRECT_TCPIP,
	[FLOW_UNIX] = CHANNEL_IS_DIRECT_STREAMLOCAL,
};
static const uint8_t brought[FLOW_KINDS] = {
	[FLOW_TCP] = CHANNEL_IS_FORWARDED_TCPIP,
	[FLOW_UNIX] = CHANNEL_IS_FORWARDED_STREAMLOCAL,
	[FLOW_AGENT] = CHANNEL_IS_AGENT, [FLOW_X11] = CHANNEL_IS_X11,
};

/* kind: enum config_channel. */
static struct chan *
new_flow(struct client *c, struct ssh_channel *ch, uint8_t kind)
{
	struct chan *k = chan_new(c, ch);

	if (k == NULL)
		return NULL;
	k->flow = true;
	k->kind = kind;
	k->opening = true;
	c->nflows++;
	c->loop->nflows++;
	if ((k->duct = duct_bare()) != NULL)
		return k;
	return NULL;	/* it goes with its channel */
}

static void
log_incoming(struct chan *k, const struct msg_flow *m)
{
	struct log_ev e;

	client_log(k->client, &e, LOG_INFO, "forward-incoming");
	log_num(&e, "channel", k->id);
	log_view(&e, "request", request_name(m->kind));
	if (m->host.n != 0)
		log_view(&e, "host", m->host);
	if (m->port != 0)
		log_num(&e, "port", m->port);
	if (m->src.n != 0) {
		log_view(&e, "from", m->src);
		log_num(&e, "from_port", m->src_port);
	}
	log_send(&e);
}

static enum err
take_incoming(struct client *c, const struct msg_flow *m, int fd)
{
	struct ssh_channel *ch;
	struct chan *k;

	if ((ch = open_channel(c, m)) == NULL) {
		log_msg(LOG_WARN, "forward-failed", "connection %u: no "
		    "channel for what has come in", c->id);
		close(fd);
		return OK;
	}
	k = new_flow(c, ch, brought[m->kind]);
	if (k == NULL || !duct_carry(k->duct, CARRIER_SOCKET, &fd, 1)) {
		if (k == NULL)
			close(fd);
		ssh_channel_close(ch);
		return OK;
	}
	k->ours = true;
	log_incoming(k, m);
	loop_touch(c);
	return OK;
}

enum err
relay_incoming(struct client *c, struct ipc_msg *msg)
{
	struct msg_flow m;
	enum err e = OK;
	int fd;

	if (!get_flow(msg->body, &m) || c->flow_credit == 0 ||
	    !rights_has(c, right_of(m.kind)))
		return ERR_PROTO;
	c->flow_credit--;
	fd = ipc_take_fd(msg, 0);
	/* It is closed at both ends if there was no room for it here. */
	if (fd != -1)
		e = take_incoming(c, &m, fd);
	grant(c);
	return e;
}

void
relay_opened(struct chan *k, uint32_t reason, struct view text)
{
	struct log_ev e;

	if (reason == 0) {
		k->opening = false;
		loop_touch(k->client);
		chan_pump_in(k);
		return;
	}
	client_log(k->client, &e, LOG_INFO, "forward-refused");
	log_num(&e, "channel", k->id);
	log_num(&e, "reason", reason);
	log_view(&e, "text", text);
	log_send(&e);
}

/* ---- what the client wants ---- */

static bool
send_connect(struct chan *k, const struct msg_flow *m)
{
	struct wr w = wr_new(IPC_MAX_FRAME);
	bool ok;

	put_flow(&w, m);
	ok = !w.bad && link_send(&k->client->login, MSG_CONNECT, k->id,
	    wr_view(&w), NULL, 0) == OK;
	wr_free(&w);
	return ok;
}

static void
refuse(struct client *c, struct ssh_channel *ch, const struct msg_flow *m,
    enum ssh_open_reason reason, const char *text)
{
	start_log_refused(c, view_str(m->kind == FLOW_TCP ? "direct-tcpip" :
	    "direct-streamlocal@openssh.com"), m->host, text);
	ssh_channel_reject(ch, reason, text);
}

static void
want(struct client *c, struct ssh_channel *ch, const struct msg_flow *m)
{
	struct chan *k;

	if (!rights_has(c, ALLOW_LOCAL_FORWARD))
		refuse(c, ch, m, SSH_OPEN_PROHIBITED,
		    "local-forward is not allowed");
	else if (m->host.n > MSG_FLOW_TEXT_MAX ||
	    m->src.n > MSG_FLOW_TEXT_MAX)
		refuse(c, ch, m, SSH_OPEN_CONNECT_FAILED,
		    "the name is too long");
	else if (is_full(c))
		refuse(c, ch, m, SSH_OPEN_RESOURCE_SHORTAGE,
		    "too many forwarded connections");
	else if ((k = new_flow(c, ch, wanted[m->kind])) == NULL ||
	    !send_connect(k, m))
		refuse(c, ch, m, SSH_OPEN_RESOURCE_SHORTAGE, "no resources");
}

void
relay_tcpip(struct client *c, struct ssh_channel *ch,
    const struct ssh_tcpip *t)
{
	const struct msg_flow m = {
		.kind = FLOW_TCP, .host = t->dest_ip, .port = t->dest_port,
		.src = t->src_ip,
		.src_port = t->src_port <= UINT16_MAX ? t->src_port : 0,
	};

	want(c, ch, &m);
}

void
relay_streamlocal(struct client *c, struct ssh_channel *ch, struct view path)
{
	const struct msg_flow m = { .kind = FLOW_UNIX, .host = path };

	want(c, ch, &m);
}

void
relay_connected(struct chan *k, uint8_t carrier, int *fds, size_t n)
{
	/* A socket and nothing else: there may have been no room for it. */
	if (k->ch == NULL || k->ours)
		carrier = CARRIERS;
	if (carrier != CARRIER_SOCKET ||
	    !duct_carry(k->duct, carrier, fds, n)) {
		for (size_t i = 0; i < n && carrier != CARRIER_SOCKET; i++)
			if (fds[i] != -1)
				close(fds[i]);
		relay_unconnected(k, NO_WAY_BUSY);
		return;
	}
	k->opening = false;
	loop_touch(k->client);
	ssh_channel_accept(k->ch);
	chan_pump_in(k);
}

void
relay_unconnected(struct chan *k, uint8_t why)
{
	static const struct {
		enum ssh_open_reason reason;
		const char *text;
	} answers[NO_WAYS] = {
		[NO_WAY_PROHIBITED] = { SSH_OPEN_PROHIBITED,
		    "this destination is not allowed" },
		[NO_WAY_NAME] = { SSH_OPEN_CONNECT_FAILED,
		    "the name is not known" },
		[NO_WAY_REFUSED] = { SSH_OPEN_CONNECT_FAILED,
		    "Connection refused" },
		[NO_WAY_TIMEOUT] = { SSH_OPEN_CONNECT_FAILED,
		    "Connection timed out" },
		[NO_WAY_UNREACHABLE] = { SSH_OPEN_CONNECT_FAILED,
		    "Network or host is unreachable" },
		[NO_WAY_FAILED] = { SSH_OPEN_CONNECT_FAILED,
		    "Connection failed" },
		[NO_WAY_BUSY] = { SSH_OPEN_RESOURCE_SHORTAGE,
		    "too many connections" },
	};

	k->opening = false;
	k->refused = true;
	if (k->ch != NULL)
		ssh_channel_reject(k->ch, answers[why].reason,
		    answers[why].text);
}

/* ---- while they are open ---- */

/* What was said has been passed on both ways, or cannot be. */
static bool
is_through(const struct chan *k)
{
	return k->eof_out && (duct_broken(k->duct) ||
	    (k->eof_in && duct_unsent(k->duct) == 0));
}

void
relay_settle(struct chan *k)
{
	if (k->ch == NULL || k->opening || k->duct == NULL)
		return;
	if (!k->eof_out && duct_over(k->duct)) {
		k->eof_out = true;
		ssh_channel_eof(k->ch);
	}
	if (!k->finished && is_through(k)) {
		k->finished = true;
		ssh_channel_close(k->ch);
	}
}

/* One whose bytes are taken gets the whole window. */
void
relay_taken(struct chan *k, size_t n)
{
	if (k->wide || k->ch == NULL)
		return;
	k->consumed += n;
	if (k->consumed < WIDE_AFTER || k->client->nwide >= WIDE_MAX)
		return;
	k->wide = true;
	k->client->nwide++;
	ssh_channel_widen(k->ch);
}

void
relay_closed(struct chan *k)
{
	struct client *c = k->client;
	struct log_ev e;

	c->nflows--;
	c->loop->nflows--;
	c->nwide -= k->wide;
	/* The session still is about it. */
	if (k->opening && !k->ours && link_send(&c->login, MSG_CLOSED, k->id,
	    view_of(NULL, 0), NULL, 0) != OK)
		log_msg(LOG_DEBUG, "login-link", "no session to tell");
	if (!k->opening && !k->refused) {
		client_log(c, &e, LOG_INFO, "forward-close");
		log_num(&e, "channel", k->id);
		log_num(&e, "bytes_in", k->bytes_in);
		log_num(&e, "bytes_out", k->bytes_out);
		log_send(&e);
	}
}

void
relay_freed(struct loop *l, uint32_t client)
{
	struct client *c = client_find(l, client);

	if (c != NULL)
		grant(c);
}

/* ---- sockets that listen ---- */

static const struct asked {
	const char *name;
	uint8_t type, kind;
} asked[] = {
	{ "tcpip-forward", MSG_LISTEN, FLOW_TCP },
	{ "cancel-tcpip-forward", MSG_UNLISTEN, FLOW_TCP },
	{ "streamlocal-forward@openssh.com", MSG_LISTEN, FLOW_UNIX },
	{ "cancel-streamlocal-forward@openssh.com", MSG_UNLISTEN, FLOW_UNIX },
};

static const struct asked *
find_asked(struct view name)
{
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
		if (view_is(name, asked[i].name))
			return &asked[i];
	return NULL;
}

/* NULL: the session has been asked. */
static const char *
ask(struct client *c, const struct asked *a, const struct ssh_global *g)
{
	const struct msg_socket m = {
		.kind = a->kind, .port = g->bind_port,
		.host = a->kind == FLOW_TCP ? g->bind_addr : g->socket_path,
	};
	struct wr w = wr_new(IPC_MAX_FRAME);
	const char *why = "the session does not listen";

	if (m.port > UINT16_MAX)
		return "no such port";
	if (m.host.n > MSG_FLOW_TEXT_MAX)
		return "the name is too long";
	put_socket(&w, &m);
	if (!w.bad && link_send(&c->login, a->type, 0, wr_view(&w), NULL,
	    0) == OK) {
		c->global_asked = true;
		why = NULL;
	}
	wr_free(&w);
	return why;
}

void
relay_request(struct client *c, const struct ssh_global *g)
{
	const struct asked *a = find_asked(g->name);
	const char *why = "not served";

	if (a != NULL && !rights_has(c, ALLOW_REMOTE_FORWARD))
		why = "remote-forward is not allowed";
	else if (a != NULL)
		why = ask(c, a, g);
	/* The second is false for those that the engine has answered. */
	if (why != NULL && ssh_global_reject(c->ssh, c->loop->now))
		start_log_refused(c, g->name, g->bind_addr.n != 0 ?
		    g->bind_addr : g->socket_path, why);
}

/* An agent or a display for the programs of a channel. */
static enum err
gift_made(struct client *c, uint32_t id, bool done)
{
	struct chan *k = chan_find(c, id);

	if (k == NULL)
		return OK;	/* it has been closed meanwhile */
	if (!k->asked)
		return ERR_PROTO;
	loop_touch(c);
	start_given(k, done);
	c->listens |= done;
	grant(c);
	return OK;
}

enum err
relay_listening(struct client *c, struct ipc_msg *msg)
{
	struct msg_listening m;

	if (!get_listening(msg->body, &m))
		return ERR_PROTO;
	if (msg->id != 0)
		return gift_made(c, msg->id, m.done);
	if (!c->global_asked)
		return ERR_PROTO;
	c->global_asked = false;
	loop_touch(c);
	if (!m.done) {
		ssh_global_reject(c->ssh, c->loop->now);
		return OK;
	}
	c->listens = true;
	ssh_global_accept(c->ssh, m.port, c->loop->now);
	grant(c);
	return OK;
}
