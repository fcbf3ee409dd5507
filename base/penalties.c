#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/penalties.h"

#define BUCKETS		16384	/* of one family, a power of two */
#define TRIM_ABOVE	1024	/* slots whose pages go back when it is empty */
#define NONE		0	/* slot numbers begin at 1 */

/* One family.  Slots are used from below; pages come when touched. */
struct family {
	struct penalty *slot;		/* PENALTIES_MAX */
	uint32_t *heap;			/* by until: slot numbers */
	uint32_t *bucket;		/* first slot of a chain */
	uint32_t used, free, n;
};

struct penalties {
	struct penalties_config cfg;
	struct net_range *exempt;
	size_t nexempt;
	uint64_t seed;
	penalties_gone *gone;
	void *ctx;
	struct family f[2];		/* 4, 6 */
};

#define SLOT_BYTES	(sizeof(struct penalty) * PENALTIES_MAX)
#define HEAP_BYTES	(sizeof(uint32_t) * PENALTIES_MAX)
#define BUCKET_BYTES	(sizeof(uint32_t) * BUCKETS)
#define FAMILY_BYTES	(SLOT_BYTES + HEAP_BYTES + BUCKET_BYTES)

/* 10,000 sources must cost less than 2 MB in two processes. */
_Static_assert(10000 * (sizeof(struct penalty) + sizeof(uint32_t)) +
    BUCKET_BYTES < 1000000, "penalties are small");

/* ---- memory ---- */

struct penalties *
penalties_new(uint64_t seed, penalties_gone *gone, void *ctx)
{
	struct penalties *p = calloc(1, sizeof(*p));
	uint8_t *m;

	if (p == NULL)
		return NULL;
	m = mmap(NULL, 2 * FAMILY_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m == MAP_FAILED) {
		free(p);
		return NULL;
	}
	/* A page that a child shares with us is copied when we write to it,
	 * and stays with the child for as long as that lives. */
	(void)madvise(m, 2 * FAMILY_BYTES, MADV_DONTFORK);
	for (int i = 0; i < 2; i++, m += FAMILY_BYTES) {
		p->f[i].slot = (void *)m;
		p->f[i].heap = (void *)(m + SLOT_BYTES);
		p->f[i].bucket = (void *)(m + SLOT_BYTES + HEAP_BYTES);
	}
	p->seed = seed;
	p->gone = gone;
	p->ctx = ctx;
	return p;
}

void
penalties_free(struct penalties **p)
{
	if (*p == NULL)
		return;
	munmap((*p)->f[0].slot, 2 * FAMILY_BYTES);
	free((*p)->exempt);
	free(*p);
	*p = NULL;
}

static struct family *
family(struct penalties *p, const struct net_addr *a)
{
	return &p->f[a->family == 6];
}

static struct penalty *
at(const struct family *f, uint32_t slot)
{
	return &f->slot[slot - 1];
}

/* ---- the chains ---- */

static uint32_t *
bucket(struct penalties *p, const struct net_addr *a)
{
	uint64_t h = p->seed, w;

	for (size_t i = 0; i < sizeof(a->b); i += sizeof(w)) {
		memcpy(&w, a->b + i, sizeof(w));
		h = (h ^ w) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
		h *= 0xbf58476d1ce4e5b9u;
		h ^= h >> 32;
	}
	return &family(p, a)->bucket[h % BUCKETS];
}

/* a is masked. */
static struct penalty *
lookup(struct penalties *p, const struct net_addr *a)
{
	struct family *f = family(p, a);
	uint32_t i = *bucket(p, a);

	while (i != NONE && memcmp(at(f, i)->net.addr.b, a->b,
	    sizeof(a->b)) != 0)
		i = at(f, i)->next;
	return i != NONE ? at(f, i) : NULL;
}

static void
unchain(struct penalties *p, struct family *f, const struct penalty *e)
{
	uint32_t *i = bucket(p, &e->net.addr);

	while (at(f, *i) != e)
		i = &at(f, *i)->next;
	*i = e->next;
}

/* ---- the heap: whose time is over first ---- */

static void
place(struct family *f, uint32_t i, uint32_t slot)
{
	f->heap[i] = slot;
	at(f, slot)->heap_at = i;
}

static uint64_t
until(const struct family *f, uint32_t i)
{
	return at(f, f->heap[i])->until;
}

static void
sift(struct family *f, uint32_t i)
{
	uint32_t slot = f->heap[i], kid;
	uint64_t due = at(f, slot)->until;

	while (i != 0 && until(f, (i - 1) / 2) > due) {
		place(f, i, f->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	while ((kid = 2 * i + 1) < f->n) {
		if (kid + 1 < f->n && until(f, kid + 1) < until(f, kid))
			kid++;
		if (until(f, kid) >= due)
			break;
		place(f, i, f->heap[kid]);
		i = kid;
	}
	place(f, i, slot);
}

/* ---- coming and going ---- */

static void
trim(struct family *f)
{
	if (f->used > TRIM_ABOVE)
		(void)madvise(f->slot, FAMILY_BYTES, MADV_DONTNEED);
	f->used = f->free = 0;
}

static void
drop(struct penalties *p, struct penalty *e, enum penalty_end why)
{
	struct family *f = family(p, &e->net.addr);
	uint32_t hole = e->heap_at;
	uint32_t slot = (uint32_t)(e - f->slot) + 1;

	if (p->gone != NULL)
		p->gone(p->ctx, e, why);
	unchain(p, f, e);
	if (hole != --f->n) {
		place(f, hole, f->heap[f->n]);
		sift(f, hole);
	}
	memset(e, 0, sizeof(*e));
	e->next = f->free;
	f->free = slot;
	if (f->n == 0)
		trim(f);
}

/* There is room: f->n < PENALTIES_MAX. */
static struct penalty *
insert(struct penalties *p, const struct net_range *net, uint64_t due)
{
	struct family *f = family(p, &net->addr);
	uint32_t slot = f->free, *head;
	struct penalty *e;

	if (slot != NONE)
		f->free = at(f, slot)->next;
	else
		slot = ++f->used;
	e = at(f, slot);
	*e = (struct penalty){ .net = *net, .until = due };
	head = bucket(p, &net->addr);
	e->next = *head;
	*head = slot;
	place(f, f->n++, slot);
	sift(f, e->heap_at);
	return e;
}

static void
move(struct penalties *p, struct penalty *e, uint64_t due)
{
	e->until = due;
	sift(family(p, &e->net.addr), e->heap_at);
}

static void
expire_family(struct penalties *p, struct family *f, uint64_t now)
{
	while (f->n != 0 && until(f, 0) <= now)
		drop(p, at(f, f->heap[0]), PENALTY_EXPIRED);
}

void
penalties_expire(struct penalties *p, uint64_t now)
{
	expire_family(p, &p->f[0], now);
	expire_family(p, &p->f[1], now);
}

/* False: it stays full. */
static bool
make_room(struct penalties *p, struct family *f)
{
	if (f->n < p->cfg.sources)
		return true;
	if (p->cfg.deny)
		return false;
	while (f->n >= p->cfg.sources)
		drop(p, at(f, f->heap[0]), PENALTY_EVICTED);
	return true;
}

/* ---- the configuration ---- */

static uint32_t
prefix(const struct penalties *p, const struct net_addr *a)
{
	return a->family == 4 ? p->cfg.prefix4 : p->cfg.prefix6;
}

bool
penalties_exempt(const struct penalties *p, const struct net_addr *a)
{
	for (size_t i = 0; i < p->nexempt; i++)
		if (net_within(&p->exempt[i], a))
			return true;
	return false;
}

/* Is all of the network exempt? */
static bool
exempt_range(const struct penalties *p, const struct net_range *r)
{
	for (size_t i = 0; i < p->nexempt; i++)
		if (p->exempt[i].bits <= r->bits &&
		    net_within(&p->exempt[i], &r->addr))
			return true;
	return false;
}

static bool
fits(const struct penalties *p, const struct net_range *r)
{
	return p->cfg.on && r->bits == prefix(p, &r->addr) &&
	    !exempt_range(p, r);
}

static void
fit_family(struct penalties *p, struct family *f, uint64_t now)
{
	uint64_t latest = now + p->cfg.max_ms;

	for (uint32_t i = 1; i <= f->used; i++) {
		struct penalty *e = at(f, i);

		if (e->net.addr.family == 0)
			continue;
		if (!fits(p, &e->net))
			drop(p, e, PENALTY_REMOVED);
		else if (e->until > latest)
			move(p, e, latest);
	}
	while (f->n > p->cfg.sources)
		drop(p, at(f, f->heap[0]), PENALTY_EVICTED);
}

bool
penalties_configure(struct penalties *p, const struct penalties_config *cfg,
    const struct net_range *exempt, size_t nexempt, uint64_t now)
{
	struct net_range *copy = NULL;

	if (nexempt != 0) {
		if ((copy = calloc(nexempt, sizeof(*copy))) == NULL)
			return false;
		memcpy(copy, exempt, nexempt * sizeof(*copy));
	}
	free(p->exempt);
	p->exempt = copy;
	p->nexempt = nexempt;
	p->cfg = *cfg;
	if (p->cfg.sources > PENALTIES_MAX)
		p->cfg.sources = PENALTIES_MAX;
	fit_family(p, &p->f[0], now);
	fit_family(p, &p->f[1], now);
	return true;
}

/* ---- offences ---- */

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

const struct penalty *
penalties_add(struct penalties *p, const struct net_addr *a,
    enum penalty_reason reason, uint64_t now, bool *barred_out)
{
	struct net_range net = { *a, (uint8_t)prefix(p, a) };
	struct penalty *e;
	uint64_t due;

	*barred_out = false;
	if (!p->cfg.on || p->cfg.ms[reason] == 0 || a->family == 0 ||
	    penalties_exempt(p, a))
		return NULL;
	net_mask(&net.addr, net.bits);
	penalties_expire(p, now);
	e = lookup(p, &net.addr);
	due = least((e != NULL ? e->until : now) + p->cfg.ms[reason],
	    now + p->cfg.max_ms);
	if (e == NULL) {
		if (!make_room(p, family(p, a)))
			return NULL;
		e = insert(p, &net, due);
	} else
		move(p, e, due);
	e->reason = (uint8_t)reason;
	if (!e->barred && due - now >= p->cfg.min_ms)
		e->barred = *barred_out = true;
	return e;
}

bool
penalties_put(struct penalties *p, const struct penalty *in, uint64_t now)
{
	struct penalty *e;
	uint64_t due;

	if (!fits(p, &in->net))
		return false;
	e = lookup(p, &in->net.addr);
	if (in->until <= now) {
		if (e != NULL)
			drop(p, e, PENALTY_REMOVED);
		return true;
	}
	due = least(in->until, now + p->cfg.max_ms);
	if (e != NULL)
		move(p, e, due);
	else if (make_room(p, family(p, &in->net.addr)))
		e = insert(p, &in->net, due);
	else
		return false;
	e->reason = in->reason;
	e->barred = in->barred;
	return true;
}

struct penalty *
penalties_find(struct penalties *p, const struct net_addr *a, uint64_t now)
{
	struct net_addr net = *a;
	struct penalty *e;

	if (a->family == 0 || family(p, a)->n == 0)
		return NULL;
	net_mask(&net, prefix(p, a));
	e = lookup(p, &net);
	return e != NULL && e->barred && e->until > now &&
	    !penalties_exempt(p, a) ? e : NULL;
}

bool
penalties_closed(const struct penalties *p, uint8_t fam)
{
	return p->cfg.on && p->cfg.deny &&
	    p->f[fam == 6].n >= p->cfg.sources;
}

size_t
penalties_remove(struct penalties *p, const struct net_range *r)
{
	size_t n = 0;

	for (int i = 0; i < 2; i++) {
		struct family *f = &p->f[i];

		for (uint32_t k = 1; k <= f->used; k++) {
			struct penalty *e = at(f, k);

			if (e->net.addr.family == 0 ||
			    (r != NULL && !net_overlap(r, &e->net)))
				continue;
			drop(p, e, PENALTY_REMOVED);
			n++;
		}
	}
	return n;
}

uint64_t
penalties_due(const struct penalties *p)
{
	uint64_t due = UINT64_MAX;

	for (int i = 0; i < 2; i++)
		if (p->f[i].n != 0)
			due = least(due, until(&p->f[i], 0));
	return due;
}

size_t
penalties_count(const struct penalties *p)
{
	return (size_t)p->f[0].n + p->f[1].n;
}

const struct penalty *
penalties_next(const struct penalties *p, uint32_t *pos)
{
	for (;;) {
		const struct family *f = &p->f[*pos >= PENALTIES_MAX];
		uint32_t i = *pos % PENALTIES_MAX;

		if (*pos >= 2 * PENALTIES_MAX)
			return NULL;
		if (i >= f->used) {
			*pos = *pos < PENALTIES_MAX ? PENALTIES_MAX :
			    2 * PENALTIES_MAX;
			continue;
		}
		++*pos;
		if (f->slot[i].net.addr.family != 0)
			return &f->slot[i];
	}
}
