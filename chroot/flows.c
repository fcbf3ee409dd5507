#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "chroot/flows_parts.h"

#define EVENTS_PER_TURN 64

uint64_t
flows_clock(const struct flows *f)
{
	struct timespec t;

	if (f->start.clock != NULL)
		return f->start.clock(f->start.ctx);
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

bool
flows_wanted(uint32_t allow)
{
	return (allow & (ALLOW_LOCAL_FORWARD | ALLOW_REMOTE_FORWARD |
	    ALLOW_AGENT | ALLOW_X11)) != 0;
}

/* ---- what is waited for ---- */

bool
flows_watch(struct flows *f, struct watch *w, uint32_t events)
{
	struct epoll_event e;

	memset(&e, 0, sizeof(e));
	e.events = events;
	e.data.ptr = w;
	return epoll_ctl(f->epoll, EPOLL_CTL_ADD, w->fd, &e) == 0;
}

void
flows_rewatch(struct flows *f, struct watch *w, uint32_t events)
{
	struct epoll_event e;

	memset(&e, 0, sizeof(e));
	e.events = events;
	e.data.ptr = w;
	if (w->fd != -1 &&
	    epoll_ctl(f->epoll, EPOLL_CTL_MOD, w->fd, &e) == -1)
		log_msg(LOG_ERROR, "bug", "epoll: %s", strerror(errno));
}

void
flows_close(struct flows *f, struct watch *w)
{
	if (w->fd == -1)
		return;
	/* The server may hold the same description: events would go on. */
	(void)epoll_ctl(f->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	close(w->fd);
	w->fd = -1;
}

static void
set_timer(struct flows *f, uint64_t at)
{
	struct itimerspec t;

	memset(&t, 0, sizeof(t));
	if (at != UINT64_MAX) {
		t.it_value.tv_sec = (time_t)(at / 1000);
		t.it_value.tv_nsec = (long)(at % 1000 * 1000000);
		if (at == 0)
			t.it_value.tv_nsec = 1;	/* zero would disarm it */
	}
	timerfd_settime(f->timer.fd, TFD_TIMER_ABSTIME, &t, NULL);
}

void
flows_plan(struct flows *f)
{
	uint64_t now = flows_clock(f);
	uint64_t next = open_tick(f, now), listen = listen_tick(f, now);

	set_timer(f, listen < next ? listen : next);
}

static void
timer_ready(struct flows *f, struct watch *w)
{
	uint64_t n;

	if (read(w->fd, &n, sizeof(n)) == (ssize_t)sizeof(n))
		flows_plan(f);
}

int
flows_fd(const struct flows *f)
{
	return f->epoll;
}

/* One event at a time: what is done about it may free who waits for others. */
void
flows_ready(struct flows *f)
{
	struct epoll_event e;

	for (int i = 0; i < EVENTS_PER_TURN; i++) {
		struct watch *w;

		if (epoll_wait(f->epoll, &e, 1, 0) != 1)
			break;
		w = e.data.ptr;
		w->ready(f, w);
	}
	flows_plan(f);
}

/* ---- rules ---- */

static bool
make_rules(struct view_list texts, bool no_host, struct rules *out)
{
	const char *why;

	if (texts.n == 0)
		return true;
	if ((out->v = calloc(texts.n, sizeof(*out->v))) == NULL)
		return false;
	for (; out->n < texts.n; out->n++)
		if (!forward_rule(texts.v[out->n], no_host,
		    &out->v[out->n], &why))
			return false;
	return true;
}

enum forward_say
flows_permit(const struct rules *policy, const struct rules *key,
    const struct forward_end *e)
{
	enum forward_say a = forward_permits(policy->v, policy->n, e);
	enum forward_say b = key->n == 0 ? FORWARD_PERMITTED :
	    forward_permits(key->v, key->n, e);

	return a < b ? a : b;
}

static struct view
rule_of(const struct flows *f, bool by_rights)
{
	return by_rights ? view_str(f->start.rule) :
	    f->start.policy->forward.at;
}

void
flows_refused(struct flows *f, const char *request, struct view host,
    uint32_t port, const char *reason, bool by_rights)
{
	char detail[MSG_FLOW_TEXT_MAX + 16];
	struct log_ev e;
	uint32_t hidden;

	if (!log_budget(&f->refusals, flows_clock(f), &hidden))
		return;
	log_begin(&e, LOG_WARN, "request-refused");
	log_str(&e, "request", request);
	snprintf(detail, sizeof(detail), "%.*s:%u", (int)host.n,
	    host.n != 0 ? (const char *)host.p : "", port);
	if (port == 0)
		log_view(&e, "detail", host);
	else
		log_str(&e, "detail", detail);
	log_str(&e, "reason", reason);
	log_view(&e, "rule", rule_of(f, by_rights));
	if (hidden != 0)
		log_num(&e, "hidden", hidden);
	log_send(&e);
}

socklen_t
flows_sockaddr(const struct net_addr *a, uint16_t port,
    struct sockaddr_storage *out)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
	struct sockaddr_in *in = (struct sockaddr_in *)out;

	memset(out, 0, sizeof(*out));
	if (a->family == 6) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, a->b, 16);
		return sizeof(*in6);
	}
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	memcpy(&in->sin_addr, a->b, 4);
	return sizeof(*in);
}

socklen_t
flows_sockaddr_un(struct view path, struct sockaddr_un *out)
{
	memset(out, 0, sizeof(*out));
	out->sun_family = AF_UNIX;
	memcpy(out->sun_path, path.p, path.n < sizeof(out->sun_path) ?
	    path.n : sizeof(out->sun_path) - 1);
	return sizeof(*out);
}

/* ---- messages ---- */

static enum err
take_connect(struct flows *f, const struct ipc_msg *msg)
{
	struct msg_flow m;

	if (!get_flow(msg->body, &m) || (m.kind != FLOW_TCP &&
	    m.kind != FLOW_UNIX))
		return ERR_PROTO;
	open_begin(f, msg->id, &m);
	return OK;
}

static enum err
take_listen(struct flows *f, const struct ipc_msg *msg)
{
	struct msg_socket m;

	if (!get_socket(msg->body, &m))
		return ERR_PROTO;
	listen_begin(f, msg->id, &m);
	return OK;
}

static enum err
take_unlisten(struct flows *f, const struct ipc_msg *msg)
{
	struct msg_socket m;

	if (!get_socket(msg->body, &m))
		return ERR_PROTO;
	listen_end(f, msg->id, &m);
	return OK;
}

static enum err
take_credit(struct flows *f, const struct ipc_msg *msg)
{
	struct msg_credit m;

	if (!get_credit(msg->body, &m))
		return ERR_PROTO;
	listen_credit(f, m.n);
	return OK;
}

static const struct {
	uint8_t type;
	enum err (*take)(struct flows *, const struct ipc_msg *);
} takers[] = {
	{ MSG_CONNECT, take_connect },
	{ MSG_LISTEN, take_listen },
	{ MSG_UNLISTEN, take_unlisten },
	{ MSG_CREDIT, take_credit },
};

enum err
flows_message(struct flows *f, const struct ipc_msg *msg)
{
	enum err e = ERR_DENIED;

	for (size_t i = 0; i < sizeof(takers) / sizeof(takers[0]); i++)
		if (takers[i].type == msg->type) {
			e = msg->nfds == 0 ? takers[i].take(f, msg) :
			    ERR_PROTO;
			flows_plan(f);
		}
	return e;
}

void
flows_closed(struct flows *f, uint32_t channel)
{
	open_cancel(f, channel);
	private_closed(f, channel);
	flows_plan(f);
}

bool
flows_found(struct flows *f, struct view body)
{
	struct msg_found m;

	if (!get_found(body, &m))
		return false;
	open_found(f, &m);
	flows_plan(f);
	return true;
}

void
flows_no_warden(struct flows *f)
{
	f->no_warden = true;
	open_no_warden(f);
	flows_plan(f);
}

/* ---- life ---- */

static bool
prepare(struct flows *f)
{
	const struct policy_forward *p = &f->start.policy->forward;

	f->timer.ready = timer_ready;
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	f->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK |
	    TFD_CLOEXEC);
	return f->epoll != -1 && f->timer.fd != -1 &&
	    flows_watch(f, &f->timer, EPOLLIN) &&
	    make_rules(p->open, false, &f->open) &&
	    make_rules(p->listen, false, &f->listen) &&
	    make_rules(f->start.permit_open, false, &f->key_open) &&
	    make_rules(f->start.permit_listen, true, &f->key_listen);
}

struct flows *
flows_new(const struct flows_start *start)
{
	struct flows *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->start = *start;
	f->epoll = f->timer.fd = -1;
	if (!prepare(f))
		flows_free(&f);
	return f;
}

void
flows_free(struct flows **fp)
{
	struct flows *f = *fp;

	if (f == NULL)
		return;
	open_free(f);
	private_free(f);
	listen_free(f);
	flows_close(f, &f->timer);
	if (f->epoll != -1)
		close(f->epoll);
	free(f->open.v);
	free(f->listen.v);
	free(f->key_open.v);
	free(f->key_listen.v);
	free(f);
	*fp = NULL;
}
