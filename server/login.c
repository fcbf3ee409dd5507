/*
 * The login process of a connection, seen from the server: it is asked for
 * every decision about the user, and serves the user's channels.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/daemon.h"

static enum err
login_start(struct client *c, struct view user)
{
	struct msg_login m = {
		.generation = c->gen->number,
		.user = user,
		.client = view_str(c->ident),
	};
	struct wr w = wr_new(IPC_MAX_FRAME);
	int pair[2], fds[2];
	enum err e;

	if ((e = ipc_pair(pair, true)) != OK)
		return e;
	put_login(&w, &m);
	fds[0] = c->fd;
	fds[1] = pair[1];
	e = warden_send(c->loop, MSG_LOGIN, c->id, &w, fds, 2);
	close(pair[1]);
	wr_free(&w);
	if (e != OK) {
		close(pair[0]);
		return e;
	}
	link_open(&c->login, pair[0]);
	c->login_asked = c->warden_knows = true;
	c->user = view_dup(user);
	return OK;
}

enum err
login_ask(struct client *c, struct view user, struct view payload)
{
	enum err e;

	if (!c->login_asked && (e = login_start(c, user)) != OK)
		return e;
	return link_send(&c->login, MSG_USERAUTH, 0, payload, NULL, 0);
}

void
login_hurry(struct client *c)
{
	c->hurry = true;
	/* If it cannot be told, it is dying or does not listen anyway. */
	if (ssh_conn_authenticated(c->ssh) &&
	    link_send(&c->login, MSG_HURRY, 0, view_of(NULL, 0), NULL, 0) !=
	    OK)
		log_msg(LOG_DEBUG, "login-link", "no session to hurry");
}

/* The bits of a method mask as RFC 4252's comma-separated names. */
static void
method_names(uint32_t mask, char *out, size_t n)
{
	size_t at = 0;

	out[0] = '\0';
	for (int m = AUTH_NONE + 1; m < AUTH_METHODS; m++) {
		if ((mask & 1u << m) == 0 || at >= n)
			continue;
		at += (size_t)snprintf(out + at, n - at, "%s%s",
		    at != 0 ? "," : "",
		    auth_method_name((enum auth_method)m));
	}
}

static enum err
handle_auth_reply(struct loop *l, struct client *c, struct ipc_msg *msg)
{
	struct msg_auth_reply r;
	char names[128], text[256];

	if (!get_auth_reply(msg->body, &r))
		return ERR_PROTO;
	if (r.notice.n != 0)
		(void)ssh_conn_banner(c->ssh, r.notice);
	method_names(r.methods, names, sizeof(names));
	switch (r.verdict) {
	case VERDICT_FAILURE:
	case VERDICT_PARTIAL:
		ssh_auth_reject(c->ssh, names, r.verdict == VERDICT_PARTIAL,
		    l->now);
		break;
	case VERDICT_SUCCESS:
	case VERDICT_PK_OK:
		ssh_auth_accept(c->ssh, l->now);
		break;
	case VERDICT_PROMPT:
		ssh_auth_prompt_raw(c->ssh, r.payload, l->now);
		break;
	case VERDICT_CHANGEREQ:
		ssh_auth_change(c->ssh, r.payload, l->now);
		break;
	default:
		if (!view_to_cstr(r.payload, text, sizeof(text)) ||
		    text[0] == '\0')
			snprintf(text, sizeof(text),
			    "Too many authentication failures");
		client_end(c, SSH_DISCONNECT_NO_MORE_AUTH_METHODS, text);
	}
	return OK;
}

static enum err
handle_ready(struct loop *l, struct client *c, struct ipc_msg *msg)
{
	struct msg_ready r;

	(void)l;
	if (!get_ready(msg->body, &r) || c->rights != NULL)
		return ERR_PROTO;
	return rights_take(c, &r) ? OK : ERR_NOMEM;
}

static enum err
handle_opened(struct loop *l, struct client *c, struct ipc_msg *msg)
{
	struct chan *k = chan_find(c, msg->id);
	int fds[IPC_MAX_FDS];
	struct msg_opened m;
	size_t n = msg->nfds;

	(void)l;
	if (!get_opened(msg->body, &m))
		return ERR_PROTO;
	if (k == NULL || !k->opening)
		return OK;	/* the client has closed it meanwhile */
	for (size_t i = 0; i < n; i++)
		fds[i] = ipc_take_fd(msg, i);
	if (k->flow)
		relay_connected(k, m.carrier, fds, n);
	else
		start_done(k, m.carrier, fds, n);
	return OK;
}

static enum err
handle_refused(struct loop *l, struct client *c, struct ipc_msg *msg)
{
	struct chan *k = chan_find(c, msg->id);

	(void)l;
	if (msg->body.n != 0 || (k != NULL && k->flow))
		return ERR_PROTO;
	if (k != NULL && k->opening)
		start_refused(k);
	return OK;
}

static enum err
handle_unconnected(struct loop *l, struct client *c, struct ipc_msg *msg)
{
	struct chan *k = chan_find(c, msg->id);
	struct msg_unconnected m;

	(void)l;
	if (!get_unconnected(msg->body, &m) || (k != NULL && (!k->flow ||
	    k->ours)))
		return ERR_PROTO;
	if (k != NULL && k->opening)
		relay_unconnected(k, m.why);
	return OK;
}

static enum err
handle_listening(struct loop *l, struct client *c, struct ipc_msg *msg)
{
	(void)l;
	return relay_listening(c, msg);
}

static enum err
handle_incoming(struct loop *l, struct client *c, struct ipc_msg *msg)
{
	(void)l;
	return relay_incoming(c, msg);
}

static enum err
handle_ended(struct loop *l, struct client *c, struct ipc_msg *msg)
{
	struct chan *k = chan_find(c, msg->id);
	struct msg_ended m;

	(void)l;
	if (!get_ended(msg->body, &m))
		return ERR_PROTO;
	if (k != NULL && k->flow)
		return ERR_PROTO;
	if (k == NULL || k->ended)
		return OK;
	k->ended = true;
	k->signalled = m.signalled &&
	    view_to_cstr(m.signal, k->signal, sizeof(k->signal));
	k->status = m.status;
	k->core = m.core;
	if (k->duct != NULL)
		duct_ended(k->duct);
	chan_pump_in(k);
	return OK;
}

static const struct {
	uint8_t type;
	enum err (*handle)(struct loop *, struct client *,
	    struct ipc_msg *);
} handlers[] = {
	{ MSG_AUTH_REPLY, handle_auth_reply },
	{ MSG_READY, handle_ready },
	{ MSG_OPENED, handle_opened },
	{ MSG_REFUSED, handle_refused },
	{ MSG_ENDED, handle_ended },
	{ MSG_UNCONNECTED, handle_unconnected },
	{ MSG_LISTENING, handle_listening },
	{ MSG_INCOMING, handle_incoming },
};

static enum err
dispatch(struct loop *l, struct client *c, struct ipc_msg *msg)
{
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].type == msg->type)
			return handlers[i].handle(l, c, msg);
	return ERR_PROTO;
}

#define FRAMES_PER_TURN 32

void
login_ready(struct loop *l, struct client *c, short revents)
{
	struct ipc_msg msg;
	enum err e = OK;

	if ((revents & POLLOUT) != 0)
		e = link_flush(&c->login);
	for (int i = 0; i < FRAMES_PER_TURN && e == OK; i++) {
		e = ipc_recv(c->login.fd, l->frame, IPC_MAX_FRAME, &msg);
		if (e != OK)
			break;
		e = dispatch(l, c, &msg);
		ipc_msg_close(&msg);
	}
	if (e == OK || e == ERR_AGAIN)
		return;
	/* Bytes that it sent before it went are still the client's. */
	for (struct chan *k = c->chans; k != NULL; k = k->next)
		chan_pump_in(k);
	link_close(&c->login);
	if (!c->ended)
		client_end(c, SSH_DISCONNECT_BY_APPLICATION,
		    ssh_conn_authenticated(c->ssh) ?
		    "The session's process has ended" :
		    "The login process has ended");
}
