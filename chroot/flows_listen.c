/*
 * Sockets that listen for a client (tcpip-forward and streamlocal-forward),
 * and what comes in on them.  Nothing is accepted beyond what the server has
 * said it can take: the rest waits in the kernel's queue.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "chroot/flows_parts.h"

#define PAUSE_MS 1000	/* without descriptors */

static const char *
request_of(uint8_t kind)
{
	static const char *const names[FLOW_KINDS] = {
		[FLOW_TCP] = "tcpip-forward",
		[FLOW_UNIX] = "streamlocal-forward@openssh.com",
		[FLOW_AGENT] = "auth-agent-req@openssh.com",
		[FLOW_X11] = "x11-req",
	};

	return names[kind];
}

static void
answer(struct flows *f, uint32_t id, bool done, uint16_t port)
{
	const struct msg_listening m = { done, port };
	struct wr w = wr_new(64);

	put_listening(&w, &m);
	f->start.server(f->start.ctx, MSG_LISTENING, id, &w, -1);
	wr_free(&w);
}

static void
log_listener(const char *event, const struct listener *l)
{
	struct log_ev e;

	log_begin(&e, LOG_INFO, event);
	if (l->kind == FLOW_TCP) {
		log_str(&e, "host", l->host);
		log_num(&e, "port", l->port);
	} else
		log_str(&e, "path", l->host);
	log_send(&e);
}

/* ---- what comes in ---- */

static uint32_t
events_of(const struct flows *f)
{
	return f->credit != 0 && f->accept_again == 0 ? EPOLLIN : 0;
}

static void
rewatch_all(struct flows *f)
{
	for (struct listener *l = f->listeners; l != NULL; l = l->next)
		for (size_t i = 0; i < LISTENER_FDS; i++)
			flows_rewatch(f, &l->w[i], events_of(f));
}

static void
originator(const struct sockaddr_storage *ss, struct msg_flow *m,
    char text[INET6_ADDRSTRLEN])
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;
	const struct sockaddr_in *in = (const struct sockaddr_in *)ss;

	text[0] = '\0';
	if (ss->ss_family == AF_INET) {
		inet_ntop(AF_INET, &in->sin_addr, text, INET6_ADDRSTRLEN);
		m->src_port = ntohs(in->sin_port);
	} else if (ss->ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &in6->sin6_addr, text, INET6_ADDRSTRLEN);
		m->src_port = ntohs(in6->sin6_port);
	}
	m->src = view_str(text);
}

static void
pass_up(struct flows *f, const struct listener *l, int fd,
    const struct sockaddr_storage *from)
{
	struct msg_flow m = { .kind = l->kind };
	char text[INET6_ADDRSTRLEN];
	struct wr w = wr_new(4096);
	int on = 1;

	originator(from, &m, text);
	if (l->kind == FLOW_TCP || l->kind == FLOW_UNIX)
		m.host = view_str(l->host);
	if (l->kind == FLOW_TCP)
		m.port = l->port;
	if (from->ss_family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
		    sizeof(on));
	put_flow(&w, &m);
	f->start.server(f->start.ctx, MSG_INCOMING, 0, &w, fd);
	wr_free(&w);
}

static bool
is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS ||
	    error == ENOMEM;
}

static struct listener *
listener_of(struct flows *f, const struct watch *w)
{
	struct listener *l = f->listeners;

	while (l != NULL && w != &l->w[0] && w != &l->w[1])
		l = l->next;
	return l;
}

static void
accept_ready(struct flows *f, struct watch *w)
{
	struct listener *l = listener_of(f, w);
	struct sockaddr_storage from;
	socklen_t n = sizeof(from);
	int fd;

	if (l == NULL || f->credit == 0)
		return;
	memset(&from, 0, sizeof(from));
	fd = accept4(w->fd, (struct sockaddr *)&from, &n, SOCK_NONBLOCK |
	    SOCK_CLOEXEC);
	if (fd == -1) {
		if (is_shortage(errno)) {
			log_msg(LOG_WARN, "forward-pause", "%s",
			    strerror(errno));
			f->accept_again = flows_clock(f) + PAUSE_MS;
			rewatch_all(f);
		}
		return;
	}
	f->credit--;
	pass_up(f, l, fd, &from);
	close(fd);
	private_accepted(f, l);
	if (f->credit == 0)
		rewatch_all(f);
}

void
listen_credit(struct flows *f, uint32_t n)
{
	bool none = f->credit == 0;

	/* The server keeps it small. */
	f->credit = n > UINT32_MAX - f->credit ? UINT32_MAX : f->credit + n;
	if (none)
		rewatch_all(f);
}

uint64_t
listen_tick(struct flows *f, uint64_t now)
{
	if (f->accept_again != 0 && f->accept_again <= now) {
		f->accept_again = 0;
		rewatch_all(f);
	}
	return f->accept_again != 0 ? f->accept_again : UINT64_MAX;
}

/* ---- their life ---- */

struct listener *
listener_new(uint8_t kind)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->kind = kind;
	for (size_t i = 0; i < LISTENER_FDS; i++)
		l->w[i].fd = -1;
	return l;
}

void
listener_discard(struct listener *l)
{
	for (size_t i = 0; i < LISTENER_FDS; i++)
		if (l->w[i].fd != -1)
			close(l->w[i].fd);
	free(l->host);
	free(l);
}

void
listener_drop(struct flows *f, struct listener *l)
{
	struct listener **at = &f->listeners;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	f->nlisteners--;
	for (size_t i = 0; i < LISTENER_FDS; i++)
		flows_close(f, &l->w[i]);
	bind_unlink(l);
	listener_discard(l);
}

/* NULL, or why the user may not. */
static const char *
right_missing(const struct flows *f, uint8_t kind)
{
	static const struct {
		uint32_t right;
		const char *why;
	} rights[FLOW_KINDS] = {
		[FLOW_TCP] = { ALLOW_REMOTE_FORWARD,
		    "remote-forward is not allowed" },
		[FLOW_UNIX] = { ALLOW_REMOTE_FORWARD,
		    "remote-forward is not allowed" },
		[FLOW_AGENT] = { ALLOW_AGENT, "agent is not allowed" },
		[FLOW_X11] = { ALLOW_X11, "x11 is not allowed" },
	};

	return (f->start.allow & rights[kind].right) != 0 ? NULL :
	    rights[kind].why;
}

static const char *
make(struct flows *f, const struct msg_socket *m, uint16_t *port_out)
{
	const char *why = "out of memory";
	struct listener *l = listener_new(m->kind);

	if (l != NULL && (l->host = view_dup(m->host)) != NULL)
		why = m->kind == FLOW_TCP ? bind_tcp(f, m, l) :
		    bind_unix(f, m, l);
	if (why != NULL) {
		if (l != NULL)
			listener_discard(l);
		return why;
	}
	listener_keep(f, l);
	log_listener("forward-listen", l);
	*port_out = l->port;
	return NULL;
}

void
listener_keep(struct flows *f, struct listener *l)
{
	l->next = f->listeners;
	f->listeners = l;
	f->nlisteners++;
	for (size_t i = 0; i < LISTENER_FDS; i++) {
		l->w[i].ready = accept_ready;
		if (l->w[i].fd != -1 &&
		    !flows_watch(f, &l->w[i], events_of(f)))
			flows_close(f, &l->w[i]);
	}
}

static const char *
begin(struct flows *f, uint32_t id, const struct msg_socket *m,
    uint16_t *port_out)
{
	if (f->nlisteners >= FLOWS_LISTENERS)
		return "too many sockets listen";
	switch (m->kind) {
	case FLOW_AGENT:
		return private_agent(f, id);
	case FLOW_X11:
		return private_x11(f, id, m);
	default:
		return make(f, m, port_out);
	}
}

void
listen_begin(struct flows *f, uint32_t id, const struct msg_socket *m)
{
	const char *missing = right_missing(f, m->kind), *why = missing;
	uint16_t port = 0;

	if (why == NULL)
		why = begin(f, id, m, &port);
	if (why != NULL)
		flows_refused(f, request_of(m->kind), m->host, m->port, why,
		    missing != NULL);
	answer(f, id, why == NULL, port);
}

void
listen_end(struct flows *f, uint32_t id, const struct msg_socket *m)
{
	struct listener *l = f->listeners;

	while (l != NULL && (l->kind != m->kind ||
	    !view_is(m->host, l->host) ||
	    (m->kind == FLOW_TCP && l->port != m->port)))
		l = l->next;
	/* Agents and displays go with their channel. */
	if (l != NULL && (l->kind == FLOW_TCP || l->kind == FLOW_UNIX)) {
		log_listener("forward-cancel", l);
		listener_drop(f, l);
		answer(f, id, true, 0);
	} else
		answer(f, id, false, 0);
}

void
listen_free(struct flows *f)
{
	while (f->listeners != NULL)
		listener_drop(f, f->listeners);
}
