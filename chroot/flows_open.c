/*
 * Connections that a client wants: direct-tcpip and direct-streamlocal.  The
 * name is looked up, each address is held against the rules, and the permitted
 * ones are tried in their order, for a bounded time.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "chroot/flows_parts.h"

#define RETRY_MS 50	/* a unix socket whose queue is full */

enum opening_state {
	OPENING_QUEUED,		/* to be looked up */
	OPENING_LOOKUP,		/* the warden has been asked */
	OPENING_CONNECTS,
	OPENING_RETRIES		/* unix: in a moment */
};

struct opening {
	struct watch w;			/* first: what is being connected */
	struct opening *next;
	uint32_t channel;
	enum opening_state state;
	uint32_t lookup;		/* its number */
	bool vouched;			/* the name alone is permitted */
	uint8_t kind;			/* FLOW_TCP, FLOW_UNIX */
	uint16_t port;
	struct net_addr addr[MSG_FOUND_MAX];
	size_t n, at;
	uint64_t deadline, step;	/* of all, of this address */
	int error;			/* of the last one that failed */
	char host[MSG_FLOW_TEXT_MAX + 1];
};

static const char *
request_of(const struct opening *o)
{
	return o->kind == FLOW_TCP ? "direct-tcpip" :
	    "direct-streamlocal@openssh.com";
}

static void
forget(struct flows *f, struct opening *o)
{
	struct opening **at = &f->openings;

	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	f->nopenings--;
	if (o->state == OPENING_LOOKUP)
		f->nlookups--;
	flows_close(f, &o->w);
	free(o);
}

/* ---- the outcome ---- */

static void
say_no(struct flows *f, uint32_t channel, enum msg_no_way why)
{
	const struct msg_unconnected m = { (uint8_t)why };
	struct wr w = wr_new(64);

	put_unconnected(&w, &m);
	f->start.server(f->start.ctx, MSG_UNCONNECTED, channel, &w, -1);
	wr_free(&w);
}

static void
put_target(struct log_ev *e, const struct opening *o)
{
	struct net_range r;
	char text[NET_TEXT_MAX];

	log_num(e, "channel", o->channel);
	log_str(e, o->kind == FLOW_TCP ? "host" : "path", o->host);
	if (o->kind != FLOW_TCP)
		return;
	log_num(e, "port", o->port);
	if (o->at >= o->n)
		return;
	r = (struct net_range){ .addr = o->addr[o->at] };
	r.bits = (uint8_t)net_bits(&r.addr);
	net_text(&r, text);
	log_str(e, "addr", text);
}

static void
prohibit(struct flows *f, struct opening *o, const char *reason,
    bool by_rights)
{
	flows_refused(f, request_of(o), view_str(o->host), o->port, reason,
	    by_rights);
	say_no(f, o->channel, NO_WAY_PROHIBITED);
	forget(f, o);
}

static void
fail(struct flows *f, struct opening *o, enum msg_no_way why,
    const char *reason)
{
	struct log_ev e;

	log_begin(&e, LOG_INFO, "forward-failed");
	put_target(&e, o);
	log_str(&e, "reason", reason);
	log_send(&e);
	say_no(f, o->channel, why);
	forget(f, o);
}

static enum msg_no_way
way_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return NO_WAY_REFUSED;
	case ETIMEDOUT:
		return NO_WAY_TIMEOUT;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
		return NO_WAY_UNREACHABLE;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return NO_WAY_BUSY;
	default:
		return NO_WAY_FAILED;
	}
}

/* The server has its own descriptor of it from here on. */
static void
succeed(struct flows *f, struct opening *o)
{
	const struct msg_opened m = { CARRIER_SOCKET };
	struct wr w = wr_new(64);
	struct log_ev e;

	log_begin(&e, LOG_INFO, "forward-open");
	put_target(&e, o);
	log_send(&e);
	put_opened(&w, &m);
	f->start.server(f->start.ctx, MSG_OPENED, o->channel, &w, o->w.fd);
	wr_free(&w);
	forget(f, o);
}

/* ---- connecting ---- */

static void try_next(struct flows *f, struct opening *o);

static void
connect_ready(struct flows *f, struct watch *w)
{
	struct opening *o = (struct opening *)(void *)w;
	int error = 0;
	socklen_t n = sizeof(error);

	if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &n) == -1)
		error = errno;
	if (error == 0) {
		succeed(f, o);
		return;
	}
	o->error = error;
	flows_close(f, w);
	o->at++;
	try_next(f, o);
}

/* False: errno. */
static bool
start_connect(struct flows *f, struct opening *o, const void *addr,
    socklen_t len, int family)
{
	int on = 1;

	o->w.fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (o->w.fd == -1)
		return false;
	if (family != AF_UNIX)
		(void)setsockopt(o->w.fd, IPPROTO_TCP, TCP_NODELAY, &on,
		    sizeof(on));
	o->w.ready = connect_ready;
	if (connect(o->w.fd, addr, len) == -1 && errno != EINPROGRESS)
		return false;
	/* Also what is connected at once: the loop finds it writable. */
	return flows_watch(f, &o->w, EPOLLOUT);
}

static void
close_quietly(struct flows *f, struct opening *o)
{
	int saved = errno;

	flows_close(f, &o->w);
	errno = saved;
}

/* The address at o->at and those behind it, until one is under way. */
static void
try_next(struct flows *f, struct opening *o)
{
	struct sockaddr_storage ss;
	uint64_t now = flows_clock(f);
	socklen_t len;

	for (; o->at < o->n; o->at++) {
		len = flows_sockaddr(&o->addr[o->at], o->port, &ss);
		o->state = OPENING_CONNECTS;
		o->step = o->at + 1 < o->n ? now + FLOWS_ADDRESS_MS :
		    o->deadline;
		if (start_connect(f, o, &ss, len, ss.ss_family))
			return;
		o->error = errno;
		close_quietly(f, o);
	}
	o->at = o->n - 1;	/* for the log */
	fail(f, o, way_of(o->error), strerror(o->error));
}

static void
try_path(struct flows *f, struct opening *o)
{
	struct sockaddr_un un;
	socklen_t len = flows_sockaddr_un(view_str(o->host), &un);

	if (start_connect(f, o, &un, len, AF_UNIX)) {
		o->state = OPENING_CONNECTS;
		o->step = o->deadline;
		return;
	}
	o->error = errno;
	close_quietly(f, o);
	if (o->error == EAGAIN) {
		o->state = OPENING_RETRIES;
		o->step = flows_clock(f) + RETRY_MS;
	} else
		fail(f, o, way_of(o->error), strerror(o->error));
}

/* ---- what is permitted ---- */

static enum forward_say
ask(const struct flows *f, const struct opening *o, const char *name,
    const struct net_addr *addr)
{
	struct forward_end e = { .name = view_str(name), .port = o->port };

	if (addr != NULL)
		e.addr = *addr;
	return flows_permit(&f->open, &f->key_open, &e);
}

/* Keeps those addresses that are permitted. */
static void
filter(const struct flows *f, struct opening *o, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < o->n; i++) {
		forward_loopback(&o->addr[i]);
		if (ask(f, o, name, &o->addr[i]) == FORWARD_PERMITTED)
			o->addr[n++] = o->addr[i];
	}
	o->n = n;
}

static void
go(struct flows *f, struct opening *o, const char *name)
{
	filter(f, o, name);
	if (o->n == 0)
		prohibit(f, o, "the policy does not permit this destination",
		    false);
	else
		try_next(f, o);
}

/* ---- names ---- */

static void
send_lookup(struct flows *f, struct opening *o)
{
	const struct msg_lookup m = { ++f->last_lookup, view_str(o->host) };
	struct wr w = wr_new(1024);

	o->lookup = m.number;
	o->state = OPENING_LOOKUP;
	f->nlookups++;
	put_lookup(&w, &m);
	if (f->no_warden || !f->start.warden(f->start.ctx, MSG_LOOKUP, &w))
		fail(f, o, NO_WAY_FAILED, "nobody to ask for the name");
	wr_free(&w);
}

static void
send_lookups(struct flows *f)
{
	struct opening *next;

	for (struct opening *o = f->openings; o != NULL &&
	    f->nlookups < FLOWS_LOOKUPS; o = next) {
		next = o->next;
		if (o->state == OPENING_QUEUED)
			send_lookup(f, o);
	}
}

/* What a stranger to the rules must not learn is whether there is such a
 * name. */
static void
not_found(struct flows *f, struct opening *o, uint8_t status)
{
	if (!o->vouched)
		prohibit(f, o, status == FOUND_NONE ? "the policy permits "
		    "addresses, and the name has none" : "the policy permits "
		    "addresses, and the name's were not found in time",
		    false);
	else if (status == FOUND_NONE)
		fail(f, o, NO_WAY_NAME, "the name has no address");
	else
		fail(f, o, status == FOUND_BUSY ? NO_WAY_BUSY :
		    NO_WAY_TIMEOUT, status == FOUND_BUSY ?
		    "too many names are being looked up" :
		    "the name was not found in time");
}

void
open_found(struct flows *f, const struct msg_found *m)
{
	struct opening *o = f->openings;

	while (o != NULL && (o->state != OPENING_LOOKUP ||
	    o->lookup != m->number))
		o = o->next;
	if (o != NULL) {
		f->nlookups--;
		o->state = OPENING_CONNECTS;
		o->step = UINT64_MAX;
		if (m->status == FOUND_SOME) {
			o->n = m->n;
			memcpy(o->addr, m->addr, m->n * sizeof(o->addr[0]));
			go(f, o, o->host);
		} else
			not_found(f, o, m->status);
	}
	send_lookups(f);
}

void
open_no_warden(struct flows *f)
{
	struct opening *next;

	for (struct opening *o = f->openings; o != NULL; o = next) {
		next = o->next;
		if (o->state <= OPENING_LOOKUP)
			fail(f, o, NO_WAY_FAILED, "nobody to ask for the "
			    "name");
	}
}

/* RFC 6761 6.3: this name is the loopback address, and nobody is asked. */
static bool
is_localhost(const char *name)
{
	return strcasecmp(name, "localhost") == 0 ||
	    strcasecmp(name, "localhost.") == 0;
}

static void
begin_localhost(struct flows *f, struct opening *o)
{
	o->addr[0] = (struct net_addr){ .family = 6, .b = { [15] = 1 } };
	o->addr[1] = (struct net_addr){ .family = 4, .b = { 127, 0, 0, 1 } };
	o->n = 2;
	go(f, o, o->host);
}

static void
begin_name(struct flows *f, struct opening *o)
{
	enum forward_say s = ask(f, o, o->host, NULL);

	o->vouched = s == FORWARD_PERMITTED;
	if (s == FORWARD_REFUSED)
		prohibit(f, o, "the policy does not permit this destination",
		    false);
	else if (is_localhost(o->host))
		begin_localhost(f, o);
	else if (!forward_name(view_str(o->host)))
		fail(f, o, NO_WAY_NAME, "no name of a host");
	else {
		o->state = OPENING_QUEUED;
		send_lookups(f);
	}
}

static void
begin_tcp(struct flows *f, struct opening *o)
{
	if (forward_literal(view_str(o->host), &o->addr[0])) {
		o->n = 1;
		go(f, o, "");
	} else
		begin_name(f, o);
}

static void
begin_unix(struct flows *f, struct opening *o)
{
	const struct view_list *paths = &f->start.policy->forward.unix_paths;
	const char *why;

	if (!forward_path(view_str(o->host), &why))
		fail(f, o, NO_WAY_FAILED, why);
	else if (!forward_path_permitted(paths->v, paths->n,
	    view_str(o->host)))
		prohibit(f, o, "the policy does not permit this path", false);
	else if (f->key_open.n != 0)
		prohibit(f, o, "the key permits no sockets with paths",
		    false);
	else
		try_path(f, o);
}

void
open_begin(struct flows *f, uint32_t channel, const struct msg_flow *m)
{
	struct opening *o, **end = &f->openings;

	if (f->nopenings >= FLOWS_OPENING ||
	    (o = calloc(1, sizeof(*o))) == NULL) {
		log_msg(LOG_WARN, "forward-failed", "too many connections "
		    "are being made");
		say_no(f, channel, NO_WAY_BUSY);
		return;
	}
	*o = (struct opening){ .w.fd = -1, .channel = channel,
	    .state = OPENING_CONNECTS, .kind = m->kind,
	    .port = (uint16_t)m->port,
	    .deadline = flows_clock(f) + FLOWS_OPEN_MS, .step = UINT64_MAX };
	while (*end != NULL)
		end = &(*end)->next;
	*end = o;
	f->nopenings++;
	if (!view_to_cstr(m->host, o->host, sizeof(o->host)))
		fail(f, o, NO_WAY_FAILED, "no name of a host");
	else if ((f->start.allow & ALLOW_LOCAL_FORWARD) == 0)
		prohibit(f, o, "local-forward is not allowed", true);
	else if (o->kind == FLOW_UNIX)
		begin_unix(f, o);
	else
		begin_tcp(f, o);
}

void
open_cancel(struct flows *f, uint32_t channel)
{
	struct opening *o = f->openings;

	while (o != NULL && o->channel != channel)
		o = o->next;
	if (o != NULL)
		forget(f, o);
	send_lookups(f);
}

/* ---- time ---- */

static void
step_over(struct flows *f, struct opening *o, uint64_t now)
{
	if (o->deadline <= now) {
		if (o->state <= OPENING_LOOKUP)
			not_found(f, o, FOUND_LATE);
		else
			fail(f, o, NO_WAY_TIMEOUT, "no answer in time");
	} else if (o->state == OPENING_RETRIES)
		try_path(f, o);
	else {
		o->error = ETIMEDOUT;
		flows_close(f, &o->w);
		o->at++;
		try_next(f, o);
	}
}

uint64_t
open_tick(struct flows *f, uint64_t now)
{
	struct opening *next;
	uint64_t at, first = UINT64_MAX;

	for (struct opening *o = f->openings; o != NULL; o = next) {
		next = o->next;
		if (o->deadline <= now || o->step <= now)
			step_over(f, o, now);
	}
	send_lookups(f);
	for (struct opening *o = f->openings; o != NULL; o = o->next) {
		at = o->step < o->deadline ? o->step : o->deadline;
		if (at < first)
			first = at;
	}
	return first;
}

void
open_free(struct flows *f)
{
	while (f->openings != NULL)
		forget(f, f->openings);
}
