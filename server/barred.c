/*
 * Sources that the warden has barred, as far as the server must know them: it
 * turns their connections away at accept.  What it sees of offences itself it
 * reports; who is barred for them is the warden's to say.
 */
#include <string.h>

#include "base/crypto.h"
#include "server/daemon.h"

#define CLOSED_LOG_MS	10000	/* between two lines of a full table */

static const char not_now[] = "Not allowed at this time\r\n";

/* A period is over: how many were turned away in it. */
static void
period_over(void *ctx, const struct penalty *e, enum penalty_end why)
{
	char src[NET_TEXT_MAX];
	struct log_ev ev;

	(void)ctx;
	if (e->refused == 0)
		return;
	net_text(&e->net, src);
	log_begin(&ev, LOG_INFO, "penalty-over");
	log_str(&ev, "src", src);
	log_num(&ev, "refused", e->refused);
	log_str(&ev, "by", why == PENALTY_EXPIRED ? "time" : "operator");
	log_send(&ev);
}

struct penalties *
barred_new(void)
{
	uint64_t seed;

	crypto_random((uint8_t *)&seed, sizeof(seed));
	return penalties_new(seed, period_over, NULL);
}

static void
log_refusal(const struct sockaddr_storage *ss, const char *reason,
    const struct penalty *e, uint64_t now)
{
	char src[SRC_MAX];
	struct log_ev ev;
	uint16_t port;

	client_addr(ss, src, &port);
	log_begin(&ev, LOG_WARN, "connection-refused");
	log_str(&ev, "src", src);
	log_num(&ev, "src_port", port);
	log_str(&ev, "reason", reason);
	if (e != NULL) {
		log_str(&ev, "offence", penalty_word(e->reason));
		log_num(&ev, "seconds", (e->until - now + 999) / 1000);
	}
	log_send(&ev);
}

/* In the denying mode a full table lets in nobody but the exempt. */
static bool
closed_to(struct loop *l, const struct net_addr *a)
{
	return (a->family == 4 ? l->closed4 : l->closed6) &&
	    !penalties_exempt(l->barred, a);
}

bool
barred_admit(struct loop *l, int fd, const struct sockaddr_storage *ss)
{
	struct penalty *e;
	struct net_addr a;

	net_of(ss, &a);
	penalties_expire(l->barred, l->now);
	if ((e = penalties_find(l->barred, &a, l->now)) != NULL) {
		if (e->refused++ == 0)
			log_refusal(ss, "penalty", e, l->now);
	} else if (closed_to(l, &a)) {
		if (l->closed_told == 0 ||
		    l->now - l->closed_told >= CLOSED_LOG_MS) {
			log_refusal(ss, "penalties.overflow", NULL, l->now);
			l->closed_told = l->now;
		}
	} else
		return true;
	(void)send(fd, not_now, sizeof(not_now) - 1,
	    MSG_NOSIGNAL | MSG_DONTWAIT);
	return false;
}

void
barred_report(struct loop *l, const struct client *c,
    const struct sockaddr_storage *ss, enum penalty_reason reason)
{
	struct msg_offence m = { .reason = (uint8_t)reason };
	struct wr w = wr_new(64);

	net_of(ss, &m.src);
	if (m.src.family == 0)
		return;
	put_offence(&w, &m);
	if (warden_send(l, MSG_OFFENCE, c != NULL ? c->id : 0, &w, NULL,
	    0) != OK)
		log_msg(LOG_ERROR, "warden-link", "could not tell an offence");
	wr_free(&w);
}

enum err
barred_configure(struct loop *l, struct ipc_msg *msg)
{
	struct msg_penalties m;

	if (!get_penalties(msg->body, &m))
		return ERR_PROTO;
	/* Who does not fit any more goes here as at the warden; how many there
	 * may be is the warden's to hold. */
	m.config.sources = PENALTIES_MAX;
	m.config.deny = false;
	l->closed4 = l->closed6 = false;
	return penalties_configure(l->barred, &m.config, m.exempt, m.nexempt,
	    l->now) ? OK : ERR_NOMEM;
}

enum err
barred_take(struct loop *l, struct ipc_msg *msg)
{
	struct msg_barred m;
	struct penalty e;

	if (!get_barred(msg->body, &m))
		return ERR_PROTO;
	l->closed4 = m.closed4;
	l->closed6 = m.closed6;
	penalties_expire(l->barred, l->now);
	while (barred_next(&m, &e))
		(void)penalties_put(l->barred, &e, l->now);
	return OK;
}
