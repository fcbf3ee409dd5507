/* The server's end of its one socket to the warden. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "server/daemon.h"

enum err
warden_send(struct loop *l, uint8_t type, uint32_t id, const struct wr *body,
    const int *fds, size_t nfds)
{
	if (body != NULL && body->bad)
		return ERR_LIMIT;
	return link_send(&l->warden, type, id,
	    body != NULL ? wr_view(body) : view_of(NULL, 0), fds, nfds);
}

/* Descriptors a connection can need: socket, login, two ducts. */
#define FDS_EACH 4

static void
check_descriptors(const struct generation *g)
{
	struct rlimit rl;
	struct log_ev e;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1 ||
	    rl.rlim_cur / FDS_EACH >= g->limits.connections)
		return;
	log_begin(&e, LOG_WARN, "limit-too-high");
	log_str(&e, "limit", "limits.connections");
	log_num(&e, "value", g->limits.connections);
	log_num(&e, "possible", rl.rlim_cur / FDS_EACH);
	log_str(&e, "msg", "RLIMIT_NOFILE carries fewer connections");
	log_send(&e);
}

static enum err
handle_generation(struct loop *l, struct ipc_msg *msg)
{
	struct msg_generation m;
	struct generation *g;
	int fds[LOOP_LISTENERS];

	if (!get_generation(msg->body, &m) || m.nlisten != msg->nfds)
		return ERR_PROTO;
	log_open(log_fd(), m.log_level);
	if ((g = generation_new(l, &m)) == NULL)
		return l->gen != NULL ? OK : ERR_PROTO;
	for (size_t i = 0; i < m.nlisten; i++)
		fds[i] = ipc_take_fd(msg, i);
	listen_replace(l, fds, m.nlisten);
	generation_unref(&l->gen);
	l->gen = g;
	check_descriptors(g);
	return OK;
}

static enum err
handle_signed(struct loop *l, struct ipc_msg *msg)
{
	struct client *c = client_find(l, msg->id);
	struct msg_signed m;

	if (!get_signed(msg->body, &m))
		return ERR_PROTO;
	if (c != NULL && !c->ended) {
		loop_touch(c);
		ssh_conn_signed(c->ssh, m.sig, l->now);
	}
	return OK;
}

static enum err
handle_login_failed(struct loop *l, struct ipc_msg *msg)
{
	struct client *c = client_find(l, msg->id);

	if (c != NULL && !c->ended)
		client_end(c, SSH_DISCONNECT_BY_APPLICATION,
		    "No login is possible now, please try again later");
	return OK;
}

static enum err
handle_cut(struct loop *l, struct ipc_msg *msg)
{
	struct client *c = client_find(l, msg->id);
	struct msg_text m;
	char text[256];

	if (!get_text(msg->body, &m))
		return ERR_PROTO;
	if (!view_to_cstr(m.text, text, sizeof(text)) || text[0] == '\0')
		strcpy(text, "Ended by the server");
	if (c != NULL && !c->ended) {
		login_hurry(c);
		client_end(c, SSH_DISCONNECT_BY_APPLICATION, text);
	}
	return OK;
}

#define STOP_MS 1500	/* for the clients to read why */

static enum err
handle_stop(struct loop *l, struct ipc_msg *msg)
{
	struct client *next;

	(void)msg;
	listen_replace(l, NULL, 0);
	l->stopping = true;
	l->stop_at = l->now + STOP_MS;
	for (struct client *c = l->clients; c != NULL; c = next) {
		next = c->next;
		login_hurry(c);
		if (!c->ended)
			client_end(c, SSH_DISCONNECT_BY_APPLICATION,
			    "The server is stopping");
	}
	return OK;
}

static const struct {
	uint8_t type;
	enum err (*handle)(struct loop *, struct ipc_msg *);
} handlers[] = {
	{ MSG_GENERATION, handle_generation },
	{ MSG_SIGNED, handle_signed },
	{ MSG_LOGIN_FAILED, handle_login_failed },
	{ MSG_CUT, handle_cut },
	{ MSG_STOP, handle_stop },
	{ MSG_PENALTIES, barred_configure },
	{ MSG_BARRED, barred_take },
};

static enum err
dispatch(struct loop *l, struct ipc_msg *msg)
{
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].type == msg->type)
			return handlers[i].handle(l, msg);
	return ERR_PROTO;
}

#define FRAMES_PER_TURN 64

void
warden_ready(struct loop *l, short revents)
{
	struct ipc_msg msg;
	enum err e = OK;

	if ((revents & POLLOUT) != 0)
		e = link_flush(&l->warden);
	for (int i = 0; i < FRAMES_PER_TURN && e == OK; i++) {
		e = ipc_recv(l->warden.fd, l->frame, IPC_MAX_FRAME, &msg);
		if (e != OK)
			break;
		e = dispatch(l, &msg);
		ipc_msg_close(&msg);
	}
	if (e == OK || e == ERR_AGAIN)
		return;
	/* Without the warden nobody can log in and nobody watches us. */
	if (e != ERR_CLOSED)
		log_msg(LOG_ERROR, "warden-link", "%s", err_word(e));
	link_close(&l->warden);
}
