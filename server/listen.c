/*
 * New connections, and how many of them there may be: in all, not yet
 * authenticated, and not yet authenticated from one source.  What comes above
 * a limit is closed at once and logged; it has cost one accept.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/daemon.h"

#define ACCEPTS_PER_TURN 64
#define ACCEPT_PAUSE_MS	200	/* after running out of descriptors */
#define OFFENCE_MS	1000	/* refusals this close are one offence */

/* IPv4 (also mapped) by address, IPv6 by /64: one subscriber's network. */
static void
source_key(const struct sockaddr_storage *ss, struct source *out)
{
	memset(out, 0, sizeof(*out));
	if (ss->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 =
		    (const struct sockaddr_in6 *)ss;

		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			out->family = 4;
			memcpy(out->key, in6->sin6_addr.s6_addr + 12, 4);
			return;
		}
		out->family = 6;
		memcpy(out->key, in6->sin6_addr.s6_addr, 8);
	} else if (ss->ss_family == AF_INET) {
		out->family = 4;
		memcpy(out->key,
		    &((const struct sockaddr_in *)ss)->sin_addr, 4);
	}
}

static struct source **
source_slot(struct loop *l, const struct source *want)
{
	uint32_t h = 2166136261u;	/* FNV-1a */
	struct source **s;

	for (size_t i = 0; i < sizeof(want->key); i++)
		h = (h ^ want->key[i]) * 16777619u;
	s = &l->sources[h % SOURCE_BUCKETS];
	while (*s != NULL && ((*s)->family != want->family ||
	    memcmp((*s)->key, want->key, sizeof(want->key)) != 0))
		s = &(*s)->next;
	return s;
}

static void
refuse(const struct sockaddr_storage *ss, const char *reason, uint32_t limit)
{
	char src[SRC_MAX];
	struct log_ev e;
	uint16_t port;

	client_addr(ss, src, &port);
	log_begin(&e, LOG_WARN, "connection-refused");
	log_str(&e, "src", src);
	log_num(&e, "src_port", port);
	log_str(&e, "reason", reason);
	log_num(&e, "limit", limit);
	log_send(&e);
}

/* A client that opens many connections at a time is refused many at a time,
 * which is one offence, not many. */
static void
report_refusal(struct loop *l, struct source *s,
    const struct sockaddr_storage *ss)
{
	if (s->told != 0 && l->now - s->told < OFFENCE_MS)
		return;
	s->told = l->now;
	barred_report(l, NULL, ss, PENALTY_REFUSED);
}

/* Counts the newcomer with its source; NULL: over a limit, which is logged. */
static struct source *
admit(struct loop *l, const struct sockaddr_storage *ss)
{
	const struct config_limits *lim = &l->gen->limits;
	struct source want, **slot;

	if (l->nclients >= lim->connections) {
		refuse(ss, "limits.connections", lim->connections);
		return NULL;
	}
	if (l->nunauth >= lim->unauthenticated) {
		refuse(ss, "limits.unauthenticated", lim->unauthenticated);
		return NULL;
	}
	source_key(ss, &want);
	slot = source_slot(l, &want);
	if (*slot != NULL &&
	    (*slot)->count >= lim->unauthenticated_per_source) {
		refuse(ss, "limits.unauthenticated_per_source",
		    lim->unauthenticated_per_source);
		report_refusal(l, *slot, ss);
		return NULL;
	}
	if (*slot == NULL) {
		if ((*slot = malloc(sizeof(**slot))) == NULL)
			return NULL;
		**slot = want;
	}
	(*slot)->count++;
	l->nunauth++;
	return *slot;
}

static void
release(struct loop *l, struct source *s)
{
	struct source **slot;

	l->nunauth--;
	if (--s->count != 0)
		return;
	slot = source_slot(l, s);
	if (*slot == s) {
		*slot = s->next;
		free(s);
	}
}

void
listen_uncount(struct client *c)
{
	if (!c->counted)
		return;
	c->counted = false;
	release(c->loop, c->source);
	c->source = NULL;
}

static bool
accept_one(struct loop *l, int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct source *source;
	struct client *c;
	int s, one = 1;

	memset(&ss, 0, sizeof(ss));
	s = accept4(fd, (struct sockaddr *)&ss, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (s == -1) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		    errno == ENOBUFS) {
			log_msg(LOG_ERROR, "accept-paused", "%s",
			    strerror(errno));
			l->accept_again = l->now + ACCEPT_PAUSE_MS;
		} else if (errno == EINVAL)
			/* The warden has made it stop listening: others will
			 * come in its place. */
			l->accept_again = l->now + ACCEPT_PAUSE_MS;
		return false;
	}
	if (!barred_admit(l, s, &ss) || (source = admit(l, &ss)) == NULL) {
		close(s);
		return true;
	}
	(void)setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if ((c = client_new(l, s, &ss)) == NULL) {
		release(l, source);
		return true;
	}
	c->counted = true;
	c->source = source;
	loop_touch(c);
	return true;
}

void
listen_ready(struct loop *l, int fd)
{
	for (int i = 0; i < ACCEPTS_PER_TURN; i++)
		if (!accept_one(l, fd))
			return;
}

void
listen_replace(struct loop *l, const int *fds, size_t n)
{
	for (size_t i = 0; i < l->nlisteners; i++)
		close(l->listeners[i]);
	l->nlisteners = 0;
	l->accept_again = 0;
	for (size_t i = 0; i < n && i < LOOP_LISTENERS; i++)
		l->listeners[l->nlisteners++] = fds[i];
}
