/* The table as a file. */
#include "base/penalties.h"

#define MAGIC	0x53505001u	/* "SPP", version 1 */

/* FNV-1a: tells a damaged file, not a forged one; it is ours alone. */
static uint64_t
sum(struct view v)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < v.n; i++)
		h = (h ^ v.p[i]) * 1099511628211u;
	return h;
}

void
penalties_save(const struct penalties *p, uint64_t now, uint64_t wall,
    struct wr *w)
{
	const struct penalty *e;
	uint32_t at = 0;

	wr_u32(w, MAGIC);
	wr_u32(w, (uint32_t)penalties_count(p));
	while ((e = penalties_next(p, &at)) != NULL)
		penalty_put(w, e, e->until > now ? wall + (e->until - now) :
		    wall);
	wr_u64(w, sum(wr_view(w)));
}

/* The entries of a file that is whole. */
static bool
check(struct view file, struct rd *entries_out, uint32_t *n_out)
{
	struct rd r;
	struct penalty e;

	if (file.n < 16 || file.n > PENALTIES_FILE_MAX)
		return false;
	r = rd_of(view_of(file.p + file.n - 8, 8));
	if (rd_u64(&r) != sum(view_of(file.p, file.n - 8)))
		return false;
	r = rd_of(view_of(file.p, file.n - 8));
	if (rd_u32(&r) != MAGIC)
		return false;
	*n_out = rd_u32(&r);
	*entries_out = r;
	for (uint32_t i = 0; i < *n_out && !r.bad; i++)
		penalty_get(&r, &e);
	return rd_done(&r);
}

bool
penalties_load(struct penalties *p, struct view file, uint64_t now,
    uint64_t wall)
{
	struct penalty e;
	struct rd r;
	uint32_t n;

	if (!check(file, &r, &n))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		penalty_get(&r, &e);
		/* A clock that was set back must not overflow; the bound is
		 * penalties_put's. */
		if (e.until > wall && e.until - wall < UINT64_MAX - now) {
			e.until = now + (e.until - wall);
			(void)penalties_put(p, &e, now);
		}
	}
	return true;
}
