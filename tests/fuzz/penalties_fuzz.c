/*
 * Any bytes as the file of penalised sources.  The first byte chooses the
 * rules.  The rest is taken as a whole file, and once more as the entries of
 * one with the right head and sum, which a fuzzer would never find.  What is
 * taken in is within the bounds, and comes out again as it went in.
 */
#include <stdlib.h>

#include "base/penalties.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW	1000000u
#define WALL	1790000000000u

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static struct penalties *
table(uint8_t rules)
{
	static const struct net_range safe = { { 4, { 127 } }, 8 };
	const struct penalties_config c = {
		.on = true, .ms = { 1, 2, 3, 4, 5, 6 }, .min_ms = 10,
		.max_ms = (rules & 1) != 0 ? 600000 : 1000,
		.prefix4 = (rules & 2) != 0 ? 24 : 32,
		.prefix6 = (rules & 4) != 0 ? 128 : 64,
		.sources = (rules & 8) != 0 ? 3 : PENALTIES_MAX,
		.deny = (rules & 16) != 0,
	};
	struct penalties *p = penalties_new(rules, NULL, NULL);

	if (p != NULL)
		must(penalties_configure(p, &c, &safe, 1, NOW));
	return p;
}

static void
check(struct penalties *p, uint8_t rules)
{
	const uint64_t max = (rules & 1) != 0 ? 600000 : 1000;
	const struct penalty *e;
	uint64_t last = penalties_due(p);
	uint32_t at = 0;
	size_t n = 0;

	while ((e = penalties_next(p, &at)) != NULL) {
		must(e->until > NOW && e->until <= NOW + max);
		must(e->until >= last);
		must(e->reason < PENALTY_REASONS);
		must(e->net.addr.family != 4 || e->net.addr.b[0] != 127);
		must((penalties_find(p, &e->net.addr, NOW) == e) == e->barred);
		n++;
	}
	must(n == penalties_count(p));
	must((rules & 8) == 0 || n <= 6);
}

static void
again(const struct penalties *p, uint8_t rules)
{
	struct wr w = wr_new(PENALTIES_FILE_MAX);
	struct penalties *q = table(rules);

	if (q != NULL) {
		penalties_save(p, NOW, WALL, &w);
		must(!w.bad && penalties_load(q, wr_view(&w), NOW, WALL));
		must(penalties_count(q) == penalties_count(p));
	}
	penalties_free(&q);
	wr_free(&w);
}

static uint64_t
sum(struct view v)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < v.n; i++)
		h = (h ^ v.p[i]) * 1099511628211u;
	return h;
}

/* The entries that parse, with what makes a file of them. */
static void
dress(struct view v, struct wr *w)
{
	struct rd r = rd_of(v);
	struct penalty e;
	uint32_t n = 0;
	size_t whole = 0;

	for (penalty_get(&r, &e); !r.bad; penalty_get(&r, &e)) {
		whole = v.n - r.n;
		n++;
	}
	wr_u32(w, 0x53505001u);
	wr_u32(w, n);
	wr_bytes(w, view_of(v.p, whole));
	wr_u64(w, sum(wr_view(w)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wr w = wr_new(PENALTIES_FILE_MAX);
	struct penalties *p;
	struct view v;

	if (size == 0 || (p = table(data[0])) == NULL)
		return 0;
	v = view_of(data + 1, size - 1);
	if (penalties_load(p, v, NOW, WALL))
		check(p, data[0]);
	else
		must(penalties_count(p) == 0);
	dress(v, &w);
	must(penalties_load(p, wr_view(&w), NOW, WALL));
	check(p, data[0]);
	again(p, data[0]);
	penalties_free(&p);
	wr_free(&w);
	return 0;
}
