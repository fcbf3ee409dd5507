#include <string.h>

#include "base/control.h"

void
put_control_clear(struct wr *w, const struct control_clear *m)
{
	wr_bool(w, m->all);
	if (!m->all)
		net_put(w, &m->net);
}

bool
get_control_clear(struct view b, struct control_clear *m)
{
	struct rd r = rd_of(b);

	memset(m, 0, sizeof(*m));
	m->all = rd_bool(&r);
	if (!m->all)
		net_get(&r, &m->net);
	return rd_done(&r);
}

void
put_control_entries(struct wr *w, const struct control_entries *m)
{
	wr_bytes(w, m->entries);
}

bool
get_control_entries(struct view b, struct control_entries *m)
{
	struct rd r = rd_of(b);
	struct penalty e;
	size_t n = 0;

	m->entries = b;
	while (r.n != 0 && !r.bad && n++ < CONTROL_ENTRIES_MAX)
		penalty_get(&r, &e);
	return rd_done(&r);
}

bool
control_entry_next(struct control_entries *m, struct penalty *out)
{
	struct rd r = rd_of(m->entries);

	if (r.n == 0)
		return false;
	penalty_get(&r, out);
	m->entries = view_of(r.p, r.n);
	return !r.bad;
}

void
put_control_done(struct wr *w, const struct control_done *m)
{
	wr_u32(w, m->count);
}

bool
get_control_done(struct view b, struct control_done *m)
{
	struct rd r = rd_of(b);

	m->count = rd_u32(&r);
	return rd_done(&r);
}

void
put_control_failed(struct wr *w, const struct control_failed *m)
{
	wr_str(w, m->why);
}

bool
get_control_failed(struct view b, struct control_failed *m)
{
	struct rd r = rd_of(b);

	m->why = rd_text(&r);
	return rd_done(&r);
}
