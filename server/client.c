/* One connection: its socket, its login process, its channels. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "server/daemon.h"

#define LINGER_MS	2000	/* for a peer to read our last words */
#define SENDS_PER_TURN	4

void
client_addr(const struct sockaddr_storage *ss, char out[SRC_MAX],
    uint16_t *port_out)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;
	const struct sockaddr_in *in = (const struct sockaddr_in *)ss;

	snprintf(out, SRC_MAX, "unknown");
	*port_out = 0;
	if (ss->ss_family == AF_INET) {
		inet_ntop(AF_INET, &in->sin_addr, out, SRC_MAX);
		*port_out = ntohs(in->sin_port);
	} else if (ss->ss_family == AF_INET6) {
		*port_out = ntohs(in6->sin6_port);
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
			inet_ntop(AF_INET, in6->sin6_addr.s6_addr + 12, out,
			    SRC_MAX);
		else
			inet_ntop(AF_INET6, &in6->sin6_addr, out, SRC_MAX);
	}
}

struct client *
client_find(struct loop *l, uint32_t id)
{
	struct client *c = l->bucket[id % CLIENT_BUCKETS];

	while (c != NULL && c->id != id)
		c = c->hash_next;
	return c;
}

static uint32_t
fresh_id(struct loop *l)
{
	do
		l->last_id++;
	while (l->last_id == 0 || client_find(l, l->last_id) != NULL);
	return l->last_id;
}

static void
warm_add(struct loop *l, struct client *c)
{
	c->warm_prev = NULL;
	if ((c->warm_next = l->warm) != NULL)
		c->warm_next->warm_prev = c;
	l->warm = c;
	l->nwarm++;
	/* Not in this turn's array. */
	c->poll_at = SIZE_MAX;
	if (l->park_check == UINT64_MAX)
		l->park_check = l->now + PARK_AFTER_MS;
}

static void
warm_remove(struct loop *l, struct client *c)
{
	l->nwarm--;
	if (c->warm_prev != NULL)
		c->warm_prev->warm_next = c->warm_next;
	else
		l->warm = c->warm_next;
	if (c->warm_next != NULL)
		c->warm_next->warm_prev = c->warm_prev;
}

struct client *
client_new(struct loop *l, int fd, const struct sockaddr_storage *peer)
{
	struct client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		goto fail;
	c->loop = l;
	c->fd = fd;
	c->peer = *peer;
	c->login.fd = -1;
	c->started = c->touched = c->due = l->now;
	client_addr(peer, c->src, &c->src_port);
	c->id = fresh_id(l);
	if ((c->ssh = ssh_conn_new(l->gen->ssh, l->now)) == NULL ||
	    !heap_insert(l, c))
		goto fail;
	ssh_conn_set_data(c->ssh, c);
	c->gen = l->gen;
	c->gen->refs++;
	c->hash_next = l->bucket[c->id % CLIENT_BUCKETS];
	l->bucket[c->id % CLIENT_BUCKETS] = c;
	if ((c->next = l->clients) != NULL)
		c->next->prev = c;
	l->clients = c;
	l->nclients++;
	warm_add(l, c);
	return c;
fail:
	if (c != NULL)
		ssh_conn_free(&c->ssh);
	free(c);
	close(fd);
	return NULL;
}

static void
unhash(struct loop *l, struct client *c)
{
	struct client **p = &l->bucket[c->id % CLIENT_BUCKETS];

	while (*p != c)
		p = &(*p)->hash_next;
	*p = c->hash_next;
}

static void
leave_typed(struct loop *l, struct client *c)
{
	struct client **p = &l->typed;

	while (*p != NULL && *p != c)
		p = &(*p)->typed_next;
	if (*p != NULL)
		*p = c->typed_next;
}

void
client_free(struct client *c)
{
	struct loop *l = c->loop;

	/* Nothing below may put it on a list again. */
	leave_typed(l, c);
	c->dirty = c->typed = true;
	client_unpark(l, c);
	warm_remove(l, c);
	listen_uncount(c);
	heap_remove(l, c);
	unhash(l, c);
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		l->clients = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	l->nclients--;
	if (l->trim_at == UINT64_MAX)
		l->trim_at = l->now + TRIM_AFTER_MS;
	/* The engine gives channel_close for what is still open. */
	ssh_conn_free(&c->ssh);
	while (c->chans != NULL)
		chan_free(c->chans);
	link_close(&c->login);
	rights_free(&c->rights);
	close(c->fd);
	if (c->warden_knows &&
	    warden_send(l, MSG_GONE, c->id, NULL, NULL, 0) != OK)
		log_msg(LOG_ERROR, "warden-link", "could not tell the end of "
		    "connection %u", c->id);
	generation_unref(&c->gen);
	free(c->user);
	free(c->ident);
	free(c);
}

void
client_log(struct client *c, struct log_ev *e, enum log_level level,
    const char *event)
{
	log_begin(e, level, event);
	log_num(e, "conn", c->id);
	if (c->user != NULL)
		log_str(e, "user", c->user);
	log_str(e, "src", c->src);
}

void
client_end(struct client *c, unsigned reason, const char *text)
{
	loop_touch(c);
	c->blameless = true;
	ssh_conn_end(c->ssh, reason, text);
}

static short
socket_events(const struct client *c)
{
	short ev = 0;

	if (c->half_closed || ssh_conn_wants_input(c->ssh))
		ev |= POLLIN;
	else if (!c->ended && !c->deaf)
		ev |= POLLRDHUP;
	if (ssh_conn_out(c->ssh).n != 0)
		ev |= POLLOUT;
	return ev;
}

static void
poll_chan(struct loop *l, struct chan *k)
{
	struct pollfd p[DUCT_FDS] = { { .fd = -1 }, { .fd = -1 },
	    { .fd = -1 } };

	if (k->duct != NULL)
		duct_polls(k->duct, chan_wants_read(k), p);
	for (int i = 0; i < DUCT_FDS; i++)
		pollset_wish(l, p[i].fd, p[i].events, &k->poll_at[i]);
}

void
client_poll(struct loop *l, struct client *c)
{
	short ev = socket_events(c);

	/* That it has hung up is known, and would wake us for ever. */
	pollset_add(l, c->deaf && ev == 0 ? -1 : c->fd, ev, &c->poll_at);
	pollset_wish(l, c->login.fd, link_events(&c->login), &c->login_at);
	for (struct chan *k = c->chans; k != NULL; k = k->next)
		poll_chan(l, k);
}

static void
socket_readable(struct loop *l, struct client *c)
{
	ssize_t n = recv(c->fd, l->scratch, l->nwarm > 1 ? LOOP_SHARE :
	    LOOP_SCRATCH, MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (c->ended) {
		if (n <= 0)
			c->cut = true;
		return;
	}
	if (n > 0)
		loop_taken(c, (size_t)n);
	if (n <= 0)
		ssh_conn_feed_eof(c->ssh, l->now);
	else
		ssh_conn_feed(c->ssh, l->scratch, (size_t)n, l->now);
}

/*
 * The client has gone, and nothing can be said to it any more.  What it said
 * before may still lie in the socket: of one that has logged in it is read to
 * its end, for a moment even if a question is open.  Of another nothing can
 * come of it, and whoever is being asked about it need not go on.
 */
static void
hung_up(struct loop *l, struct client *c)
{
	if (c->ended)
		c->cut = true;
	else if (!ssh_conn_authenticated(c->ssh))
		ssh_conn_feed_eof(c->ssh, l->now);
	else if (!c->deaf) {
		c->deaf = true;
		c->deaf_until = l->now + DRAIN_MS;
	}
}

static void
socket_ready(struct loop *l, struct client *c, short revents)
{
	if ((revents & POLLIN) != 0 &&
	    (c->half_closed || ssh_conn_wants_input(c->ssh)))
		socket_readable(l, c);
	else if ((revents & (POLLERR | POLLHUP | POLLRDHUP | POLLNVAL)) != 0)
		hung_up(l, c);
}

/* What poll() said about a channel's duct. */
static void
chan_ready(struct loop *l, struct chan *k)
{
	bool in = false, out = false;

	for (int i = 0; i < DUCT_FDS; i++) {
		short ev = pollset_ready(l, k->poll_at[i]);

		out |= (ev & POLLOUT) != 0 || (ev != 0 && i == DUCT_STREAMS);
		in |= (ev & ~POLLOUT) != 0 && i < DUCT_STREAMS;
	}
	if (in || out)
		loop_touch(k->client);
	if (out)
		chan_pump_out(k);
	if (in)
		chan_pump_in(k);
}

/* What it had no share for in the last turn. */
static void
feed_starved(struct client *c)
{
	c->starved = false;
	loop_touch(c);
	for (struct chan *k = c->chans; k != NULL; k = k->next)
		chan_pump_in(k);
}

void
client_ready(struct loop *l, struct client *c)
{
	/* Channels come first: their list still is as it was polled. */
	short login_revents, tcp_revents;

	if (c->starved)
		feed_starved(c);
	if (c->poll_at == SIZE_MAX)
		return;
	tcp_revents = pollset_ready(l, c->poll_at);
	login_revents = pollset_ready(l, c->login_at);

	for (struct chan *k = c->chans; k != NULL; k = k->next)
		chan_ready(l, k);
	if (login_revents != 0 && c->login.fd != -1) {
		loop_touch(c);
		login_ready(l, c, login_revents);
	}
	if (tcp_revents != 0) {
		loop_touch(c);
		socket_ready(l, c, tcp_revents);
	}
}

/* Sends what the engine has; drain events may give it more meanwhile. */
static void
send_out(struct loop *l, struct client *c)
{
	for (int i = 0; i < SENDS_PER_TURN && !c->cut; i++) {
		struct view v = ssh_conn_out(c->ssh);
		ssize_t n;

		if (v.n == 0)
			return;
		if (c->deaf) {
			ssh_conn_unheard(c->ssh, l->now);
			continue;
		}
		n = send(c->fd, v.p, v.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1 && (errno == EAGAIN || errno == EINTR ||
		    errno == ENOBUFS))
			return;
		if (n == -1) {
			hung_up(l, c);
			continue;
		}
		ssh_conn_sent(c->ssh, (size_t)n, l->now);
		if ((size_t)n < v.n)
			return;
	}
}

/* After the end event: our last words go out, then the socket is shut and,
 * where the end was our doing, the peer is given time to read them; closing
 * with its bytes unread would reset the connection over them. */
static void
wind_up(struct loop *l, struct client *c)
{
	if (!c->linger)
		c->cut = c->cut || ssh_conn_out(c->ssh).n == 0;
	if (c->linger_until == 0)
		c->linger_until = l->now + LINGER_MS;
	if (!c->cut && !c->half_closed && ssh_conn_out(c->ssh).n == 0) {
		c->half_closed = true;
		(void)shutdown(c->fd, SHUT_WR);
	}
	if (l->now >= c->linger_until)
		c->cut = true;
}

void
client_flush(struct loop *l, struct client *c)
{
	for (struct chan *k = c->chans; k != NULL; k = k->next)
		chan_pump_out(k);
	send_out(l, c);
	client_tick(l, c);
}

void
client_echo(struct loop *l, struct client *c)
{
	for (struct chan *k = c->chans; k != NULL; k = k->next)
		if (k->duct != NULL && duct_is_terminal(k->duct))
			chan_pump_in(k);
	send_out(l, c);
}

void
client_tick(struct loop *l, struct client *c)
{
	uint64_t due = 0;

	if (c->deaf && !c->ended && l->now >= c->deaf_until)
		ssh_conn_feed_eof(c->ssh, l->now);
	if (!c->ended)
		due = ssh_conn_tick(c->ssh, l->now);
	if (!c->ended) {
		uint64_t idle = idle_tick(l, c);

		due = idle < due ? idle : due;
	}
	if (c->deaf && c->deaf_until < due)
		due = c->deaf_until;
	if (c->ended) {
		wind_up(l, c);
		due = c->linger_until;
	}
	heap_update(l, c, due);
}

bool
client_reap(struct client *c)
{
	struct chan *next;

	for (struct chan *k = c->chans; k != NULL; k = next) {
		next = k->next;
		if (k->ch == NULL)
			chan_free(k);
	}
	return c->cut;
}

/* Adds or removes every descriptor of c, all of them whatever fails. */
static bool
epoll_all(struct loop *l, struct client *c, int op)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = c->id };
	int bad = epoll_ctl(l->epoll, op, c->fd, &ev);

	if (c->login.fd != -1)
		bad |= epoll_ctl(l->epoll, op, c->login.fd, &ev);
	for (struct chan *k = c->chans; k != NULL; k = k->next) {
		struct pollfd p[DUCT_FDS];

		if (k->duct == NULL)
			continue;
		duct_polls(k->duct, true, p);
		for (int i = 0; i < DUCT_FDS; i++)
			if (p[i].fd != -1 && p[i].events != 0)
				bad |= epoll_ctl(l->epoll, op, p[i].fd, &ev);
	}
	return bad == 0;
}

/* May this client wait for nothing but readable descriptors? */
static bool
is_quiet(const struct client *c)
{
	if (c->ended || c->cut || socket_events(c) != POLLIN ||
	    link_events(&c->login) != POLLIN)
		return false;
	for (const struct chan *k = c->chans; k != NULL; k = k->next)
		if (k->duct != NULL && (!duct_quiet(k->duct) ||
		    (!chan_wants_read(k) && !duct_over(k->duct))))
			return false;
	return true;
}

bool
client_park(struct loop *l, struct client *c)
{
	if (!is_quiet(c))
		return false;
	if (!epoll_all(l, c, EPOLL_CTL_ADD)) {
		(void)epoll_all(l, c, EPOLL_CTL_DEL);
		return false;
	}
	c->parked = true;
	l->nparked++;
	warm_remove(l, c);
	ssh_conn_trim(c->ssh);
	for (struct chan *k = c->chans; k != NULL; k = k->next)
		if (k->duct != NULL)
			duct_trim(k->duct);
	return true;
}

void
client_unpark(struct loop *l, struct client *c)
{
	if (!c->parked)
		return;
	c->parked = false;
	l->nparked--;
	(void)epoll_all(l, c, EPOLL_CTL_DEL);
	warm_add(l, c);
}
