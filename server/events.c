/*
 * What the engine tells, and what this daemon makes of it: the warden signs,
 * the login process decides and serves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/daemon.h"

static struct client *
client_of(const struct ssh_conn *conn)
{
	return ssh_conn_data(conn);
}

/* ident NULL: the client has gone without one. */
static void
log_connection(struct client *c, const struct ssh_ident *ident)
{
	struct log_ev e;

	c->told = true;
	client_log(c, &e, LOG_INFO, "connection");
	log_num(&e, "src_port", c->src_port);
	if (ident != NULL) {
		log_view(&e, "client", ident->software);
		if (ident->comments.n != 0)
			log_view(&e, "client_comments", ident->comments);
		log_view(&e, "protocol", ident->protocol);
	}
	log_send(&e);
}

static void
on_ident(void *ctx, struct ssh_conn *conn, const struct ssh_ident *ident)
{
	struct client *c = client_of(conn);

	(void)ctx;
	c->ident = view_dup(ident->software);
	log_connection(c, ident);
}

static void
on_handshake(void *ctx, struct ssh_conn *conn, const struct ssh_handshake *h)
{
	struct client *c = client_of(conn);
	struct log_ev e;

	(void)ctx;
	client_log(c, &e, LOG_DEBUG, "kex");
	log_num(&e, "number", h->number);
	log_str(&e, "kex", h->kex);
	log_str(&e, "host_key", h->host_key);
	log_str(&e, "cipher_in", h->cipher_in);
	log_str(&e, "cipher_out", h->cipher_out);
	log_str(&e, "mac_in", h->mac_in);
	log_str(&e, "mac_out", h->mac_out);
	log_str(&e, "strict", h->strict ? "yes" : "no");
	log_send(&e);
}

static void
on_sign(void *ctx, struct ssh_conn *conn, const struct ssh_sign *s)
{
	struct client *c = client_of(conn);
	struct msg_sign m = {
		.generation = c->gen->number,
		.key = (uint8_t)s->key,
		.alg = s->alg,
		.hash = s->hash,
	};
	struct wr w = wr_new(IPC_MAX_FRAME);

	put_sign(&w, &m);
	c->warden_knows = true;
	if (warden_send(ctx, MSG_SIGN, c->id, &w, NULL, 0) != OK)
		client_end(c, SSH_DISCONNECT_KEY_EXCHANGE_FAILED,
		    "The host key is not available now");
	wr_free(&w);
}

static void
ask_login(struct client *c, struct view user, struct view payload)
{
	enum err e = login_ask(c, user, payload);

	if (e == OK)
		return;
	log_msg(LOG_ERROR, "login-unavailable", "connection %u: %s", c->id,
	    err_word(e));
	client_end(c, SSH_DISCONNECT_BY_APPLICATION,
	    "No login is possible now, please try again later");
}

static void
on_authentication(void *ctx, struct ssh_conn *conn, const struct ssh_auth *a)
{
	(void)ctx;
	ask_login(client_of(conn), a->user, a->payload);
}

static void
on_auth_answers(void *ctx, struct ssh_conn *conn, const struct view *answers,
    size_t n, struct view payload)
{
	(void)ctx;
	(void)answers;
	(void)n;
	ask_login(client_of(conn), view_of(NULL, 0), payload);
}

static void
on_ready(void *ctx, struct ssh_conn *conn)
{
	(void)ctx;
	listen_uncount(client_of(conn));
}

/* Sessions that are open. */
static size_t
sessions_open(const struct client *c)
{
	size_t n = 0;

	for (const struct chan *k = c->chans; k != NULL; k = k->next)
		n += k->ch != NULL && k->kind == CHANNEL_IS_SESSION;
	return n;
}

static void
log_sessions(struct client *c)
{
	struct log_ev e;

	client_log(c, &e, LOG_WARN, "channel-refused");
	log_str(&e, "kind", "session");
	log_str(&e, "limit", "limits.channels");
	log_num(&e, "value", c->gen->limits.channels);
	log_send(&e);
}

static void
on_session(void *ctx, struct ssh_conn *conn, struct ssh_channel *ch)
{
	struct client *c = client_of(conn);
	size_t open = sessions_open(c), max = c->gen->limits.channels;

	if (open >= max) {
		log_sessions(c);
		ssh_channel_reject(ch, SSH_OPEN_RESOURCE_SHORTAGE,
		    "Too many sessions on this connection");
	} else if (open + drain_count(ctx, c->id, false) >= max)
		ssh_channel_reject(ch, SSH_OPEN_RESOURCE_SHORTAGE,
		    "Channels that were closed are still busy");
	else if (chan_new(c, ch) == NULL)
		ssh_channel_reject(ch, SSH_OPEN_RESOURCE_SHORTAGE,
		    "Out of memory");
	else
		ssh_channel_accept(ch);
}

static void
on_tcpip(void *ctx, struct ssh_conn *conn, struct ssh_channel *ch,
    const struct ssh_tcpip *t)
{
	(void)ctx;
	relay_tcpip(client_of(conn), ch, t);
}

static void
on_streamlocal(void *ctx, struct ssh_conn *conn, struct ssh_channel *ch,
    struct view socket_path)
{
	(void)ctx;
	relay_streamlocal(client_of(conn), ch, socket_path);
}

/* Those that the engine has refused itself; limits are no refusal of ours. */
static void
on_open_refused(void *ctx, struct ssh_conn *conn, struct view type,
    unsigned reason)
{
	(void)ctx;
	start_log_refused(client_of(conn), type, view_of(NULL, 0),
	    reason == SSH_OPEN_UNKNOWN_TYPE ? "not served" :
	    reason == SSH_OPEN_PROHIBITED ? "clients may not open these" :
	    "the protocol or a limit does not allow it");
}

static void
on_opened(void *ctx, struct ssh_channel *ch, uint32_t reason,
    struct view text)
{
	struct chan *k = ssh_channel_data(ch);

	(void)ctx;
	if (k != NULL)
		relay_opened(k, reason, text);
}

static void
on_request(void *ctx, struct ssh_conn *conn, const struct ssh_global *g)
{
	(void)ctx;
	relay_request(client_of(conn), g);
}

static void
on_channel_request(void *ctx, struct ssh_channel *ch,
    const struct ssh_request *r)
{
	struct chan *k = ssh_channel_data(ch);

	if (k == NULL)
		ssh_request_reject(ch, ((struct loop *)ctx)->now);
	else
		start_request(k, r);
}

static void
on_data(void *ctx, struct ssh_channel *ch, uint32_t ext, struct view bytes)
{
	struct chan *k = ssh_channel_data(ch);

	(void)ctx;
	loop_touch(client_of(ssh_channel_conn(ch)));
	if (k != NULL)
		idle_moved(k);
	/* Nobody reads stderr, nor a channel that serves nothing yet. */
	if (k == NULL || ext != 0 || k->duct == NULL ||
	    !duct_put(k->duct, bytes))
		ssh_channel_consumed(ch, bytes.n);
	else {
		k->given += bytes.n;
		k->bytes_in += bytes.n;
		/* Now, and not after all that others have to move. */
		if (duct_is_terminal(k->duct)) {
			chan_pump_out(k);
			loop_typed(k->client);
		}
	}
}

static void
on_eof(void *ctx, struct ssh_channel *ch)
{
	struct chan *k = ssh_channel_data(ch);

	(void)ctx;
	if (k == NULL)
		return;
	k->eof_in = true;
	if (k->duct != NULL)
		duct_eof(k->duct);
	else
		ssh_channel_close(ch);
	if (k->flow) {
		loop_touch(k->client);
		relay_settle(k);
	}
}

static void
on_eow(void *ctx, struct ssh_channel *ch)
{
	struct chan *k = ssh_channel_data(ch);

	(void)ctx;
	if (k == NULL || k->duct == NULL || !k->program)
		return;
	loop_touch(k->client);
	duct_stop(k->duct, DUCT_OUT);
}

static void
on_drain(void *ctx, struct ssh_channel *ch)
{
	struct chan *k = ssh_channel_data(ch);

	(void)ctx;
	if (k != NULL)
		chan_pump_in(k);
}

static void
on_channel_close(void *ctx, struct ssh_channel *ch)
{
	struct chan *k = ssh_channel_data(ch);

	(void)ctx;
	if (k != NULL)
		chan_closed(k);
}

/* Of connections that were given a login the warden knows all but the time;
 * of the others it knows nothing. */
static void
report_offence(struct client *c, const struct ssh_end *end)
{
	if (end->authenticated)
		return;
	if (end->grace_over)
		barred_report(c->loop, c, &c->peer, PENALTY_GRACE);
	else if (!c->login_asked && !c->blameless)
		barred_report(c->loop, c, &c->peer, PENALTY_NOAUTH);
}

static void
on_end(void *ctx, struct ssh_conn *conn, const struct ssh_end *end)
{
	struct client *c = client_of(conn);
	struct log_ev e;

	c->ended = true;
	c->linger = end->err != ERR_CLOSED && !end->by_peer;
	loop_touch(c);
	if (!c->told)
		log_connection(c, NULL);
	client_log(c, &e, LOG_INFO, "disconnect");
	log_num(&e, "ms", ((struct loop *)ctx)->now - c->started);
	log_num(&e, "bytes_in", end->bytes_in);
	log_num(&e, "bytes_out", end->bytes_out);
	log_str(&e, "login", end->authenticated ? "yes" : "no");
	log_str(&e, "by", end->by_peer ? "client" : "server");
	log_str(&e, "result", err_word(end->err));
	if (end->reason != 0)
		log_str(&e, "reason", ssh_disconnect_word(end->reason));
	log_view(&e, "text", end->text);
	if (c->refusals.hidden != 0)
		log_num(&e, "refusals_hidden", c->refusals.hidden);
	log_send(&e);
	report_offence(c, end);
}

const struct ssh_server_events daemon_events = {
	.ident = on_ident,
	.handshake = on_handshake,
	.sign = on_sign,
	.authentication = on_authentication,
	.auth_answers = on_auth_answers,
	.ready = on_ready,
	.session = on_session,
	.tcpip = on_tcpip,
	.streamlocal = on_streamlocal,
	.request = on_request,
	.end = on_end,
	.open_refused = on_open_refused,
	.opened = on_opened,
	.channel_request = on_channel_request,
	.data = on_data,
	.eof = on_eof,
	.eow = on_eow,
	.drain = on_drain,
	.channel_close = on_channel_close,
};
