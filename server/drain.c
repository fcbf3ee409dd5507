/*
 * What a client said last.  A channel or a connection may end while its login
 * process has not taken all bytes that were given to it: the duct then lives
 * on here, without the channel or the client, until they are out.  Bounded in
 * time, in number and, by each duct's limit, in memory.
 */
#include <stdlib.h>

#include "server/daemon.h"

struct drain {
	struct drain *next;
	struct duct *duct;
	uint32_t client;	/* connection number; it may be gone */
	bool flow;		/* a forwarded connection */
	uint64_t until;
	size_t poll_at;		/* SIZE_MAX: not in this turn's array */
};

static void
lost(const struct drain *d, const char *why)
{
	struct log_ev e;

	log_begin(&e, LOG_WARN, "input-lost");
	log_num(&e, "conn", d->client);
	log_num(&e, "bytes", duct_unsent(d->duct));
	log_str(&e, "reason", why);
	log_send(&e);
}

static void
drop_at(struct loop *l, struct drain **at)
{
	struct drain *d = *at;

	*at = d->next;
	l->ndrains[d->flow]--;
	duct_free(&d->duct);
	free(d);
}

/* The oldest of its kind makes room. */
static void
make_room(struct loop *l, bool flow)
{
	struct drain **at = &l->drains;

	while ((*at)->flow != flow)
		at = &(*at)->next;
	lost(*at, flow ? "too many forwarded connections are not read from" :
	    "too many sessions do not take their input");
	drop_at(l, at);
}

void
drain_add(struct loop *l, uint32_t client, struct duct **duct, bool flow,
    uint32_t ms)
{
	struct drain *d, **end = &l->drains;

	if (!duct_finish(*duct)) {
		duct_free(duct);
		return;
	}
	if (l->ndrains[flow] == DRAINS_MAX)
		make_room(l, flow);
	if ((d = calloc(1, sizeof(*d))) == NULL) {
		duct_free(duct);
		return;
	}
	while (*end != NULL)
		end = &(*end)->next;
	*end = d;
	*d = (struct drain){ .duct = *duct, .client = client,
	    .flow = flow,
	    .until = l->now + ms, .poll_at = SIZE_MAX };
	*duct = NULL;
	l->ndrains[flow]++;
}

size_t
drain_count(const struct loop *l, uint32_t client, bool flow)
{
	size_t n = 0;

	for (const struct drain *d = l->drains; d != NULL; d = d->next)
		n += d->client == client && d->flow == flow;
	return n;
}

void
drain_poll(struct loop *l)
{
	for (struct drain *d = l->drains; d != NULL; d = d->next)
		pollset_wish(l, duct_to_fd(d->duct),
		    duct_unsent(d->duct) != 0 ? POLLOUT : 0, &d->poll_at);
}

static void
through(struct loop *l, struct drain **at,
    void (*freed)(struct loop *, uint32_t client))
{
	uint32_t client = (*at)->client;
	bool flow = (*at)->flow;

	drop_at(l, at);
	if (flow)
		freed(l, client);
}

void
drain_ready(struct loop *l, void (*freed)(struct loop *, uint32_t client))
{
	struct drain **at = &l->drains, *d;

	while ((d = *at) != NULL) {
		short ev = pollset_ready(l, d->poll_at);

		/* What is added now stands in no array yet. */
		d->poll_at = SIZE_MAX;
		if (ev != 0 && !duct_finish(d->duct))
			through(l, at, freed);
		else if (l->now >= d->until) {
			lost(d, d->flow ? "it was not read in time" :
			    "the session did not take it in time");
			through(l, at, freed);
		} else
			at = &d->next;
	}
}

uint64_t
drain_next(const struct loop *l)
{
	uint64_t next = UINT64_MAX;

	for (const struct drain *d = l->drains; d != NULL; d = d->next)
		if (d->until < next)
			next = d->until;
	return next;
}

void
drain_free(struct loop *l)
{
	while (l->drains != NULL)
		drop_at(l, &l->drains);
}
