/* Rules and entries as words and bytes: in messages, blocks, files. */
#include "base/penalties.h"

static const char *const words[PENALTY_REASONS] = {
	[PENALTY_CRASH] = "crash",
	[PENALTY_AUTHFAIL] = "authfail",
	[PENALTY_INVALIDUSER] = "invaliduser",
	[PENALTY_GRACE] = "grace_exceeded",
	[PENALTY_NOAUTH] = "noauth",
	[PENALTY_REFUSED] = "refused",
};

const char *
penalty_word(unsigned reason)
{
	return reason < PENALTY_REASONS ? words[reason] : "unknown";
}

void
penalties_config_put(struct wr *w, const struct penalties_config *c,
    const struct net_range *exempt, size_t n)
{
	wr_bool(w, c->on);
	for (size_t i = 0; i < PENALTY_REASONS; i++)
		wr_u32(w, c->ms[i]);
	wr_u32(w, c->min_ms);
	wr_u32(w, c->max_ms);
	wr_u32(w, c->prefix4);
	wr_u32(w, c->prefix6);
	wr_u32(w, c->sources);
	wr_bool(w, c->deny);
	wr_u32(w, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		net_put(w, &exempt[i]);
}

void
penalties_config_get(struct rd *r, struct penalties_config *c,
    struct net_range *exempt, size_t *n_out)
{
	uint32_t n;

	c->on = rd_bool(r);
	for (size_t i = 0; i < PENALTY_REASONS; i++)
		c->ms[i] = rd_u32(r);
	c->min_ms = rd_u32(r);
	c->max_ms = rd_u32(r);
	c->prefix4 = rd_u32(r);
	c->prefix6 = rd_u32(r);
	c->sources = rd_u32(r);
	c->deny = rd_bool(r);
	n = rd_u32(r);
	if (c->prefix4 > 32 || c->prefix6 > 128 || n > PENALTIES_EXEMPT_MAX)
		r->bad = true;
	for (*n_out = 0; !r->bad && *n_out < n; ++*n_out)
		net_get(r, &exempt[*n_out]);
}

void
penalty_put(struct wr *w, const struct penalty *e, uint64_t until)
{
	net_put(w, &e->net);
	wr_u8(w, e->reason);
	wr_bool(w, e->barred);
	wr_u64(w, until);
}

void
penalty_get(struct rd *r, struct penalty *out)
{
	uint8_t barred;

	*out = (struct penalty){ 0 };
	net_get(r, &out->net);
	out->reason = rd_u8(r);
	barred = rd_u8(r);
	out->until = rd_u64(r);
	out->barred = barred == 1;
	if (out->reason >= PENALTY_REASONS || barred > 1)
		r->bad = true;
}
