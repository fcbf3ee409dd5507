#include <stddef.h>

#include "base/config_parse.h"
#include "base/config_values.h"

#define SECOND	1000
#define HOUR	(3600 * SECOND)

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct net_range loopback[] = {
	{ { 4, { 127 } }, 8 },
	{ { 6, { [15] = 1 } }, 128 },
};

void
penalties_default(struct config_main *m)
{
	m->penalties = (struct penalties_config){
		.on = true,
		.ms = {
			[PENALTY_CRASH] = 90 * SECOND,
			[PENALTY_AUTHFAIL] = 5 * SECOND,
			[PENALTY_INVALIDUSER] = 5 * SECOND,
			[PENALTY_GRACE] = 10 * SECOND,
			[PENALTY_NOAUTH] = 1 * SECOND,
			[PENALTY_REFUSED] = 10 * SECOND,
		},
		.min_ms = 15 * SECOND,
		.max_ms = 600 * SECOND,
		.prefix4 = 32,
		.prefix6 = 64,
		.sources = PENALTIES_MAX,
	};
	m->exempt = loopback;
	m->nexempt = COUNT(loopback);
}

/* ---- rows ---- */

enum { ROW_AUTHFAIL = 1, ROW_INVALIDUSER, ROW_MIN, ROW_MAX, ROWS_NOTED };

static void
row_overflow(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	struct penalties_config *c = into;
	struct view text;

	if (!row_text(p, v, at, row->allowed, &text))
		return;
	c->deny = view_is(text, "deny");
	if (!c->deny && !view_is(text, "permit"))
		tree_fault(&p->t, v->mark, at, "%s is unknown; use %s",
		    tree_quote(&p->t, text), row->allowed);
}

static void
row_exempt(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct view_list list = { NULL, 0 };
	struct net_range *r;

	(void)into;
	row_texts(p, v, at, PENALTIES_EXEMPT_MAX, row->allowed, value_cidr,
	    &list);
	if ((r = tree_take_array(&p->t, list.n + 1, sizeof(*r))) == NULL)
		return;
	p->main.exempt = r;
	p->main.nexempt = 0;
	for (size_t i = 0; i < list.n; i++)
		p->main.nexempt += net_parse(list.v[i], &r[p->main.nexempt]);
}

#define FIELD(f)	offsetof(struct penalties_config, f)
#define REASON(name, reason, id) \
	{ name, row_ms, FIELD(ms) + (reason) * sizeof(uint32_t), 0, 24 * HOUR, \
	    "0-24h", id }

static const struct key_row rows[] = {
	REASON("crash", PENALTY_CRASH, 0),
	REASON("authfail", PENALTY_AUTHFAIL, ROW_AUTHFAIL),
	REASON("invaliduser", PENALTY_INVALIDUSER, ROW_INVALIDUSER),
	REASON("grace_exceeded", PENALTY_GRACE, 0),
	REASON("noauth", PENALTY_NOAUTH, 0),
	REASON("refused", PENALTY_REFUSED, 0),
	{ "min", row_ms, FIELD(min_ms), 0, 24 * HOUR, "0-24h", ROW_MIN },
	{ "max", row_ms, FIELD(max_ms), SECOND, 24 * HOUR, "1s-24h", ROW_MAX },
	{ "prefix4", row_number, FIELD(prefix4), 1, 32, "1-32", 0 },
	{ "prefix6", row_number, FIELD(prefix6), 1, 128, "1-128", 0 },
	{ "sources", row_number, FIELD(sources), 1, PENALTIES_MAX, "1-65536",
	    0 },
	{ "overflow", row_overflow, 0, 0, 0, "permit or deny", 0 },
	{ "exempt", row_exempt, 0, 0, 0, "addresses and networks", 0 },
};

static void
check_together(struct parse *p, const struct path *at,
    const struct row_note *note)
{
	struct penalties_config *c = &p->main.penalties;
	const uint32_t *ms = c->ms;

	if ((note->given & 1u << ROW_INVALIDUSER) == 0)
		c->ms[PENALTY_INVALIDUSER] = ms[PENALTY_AUTHFAIL];
	else if (ms[PENALTY_INVALIDUSER] != ms[PENALTY_AUTHFAIL])
		tree_warn(&p->t, note->at[ROW_INVALIDUSER], at,
		    "invaliduser differs from authfail, so that strangers "
		    "can find out who has an account; leave it out");
	if (c->min_ms > c->max_ms)
		tree_fault(&p->t, note->at[(note->given & 1u << ROW_MIN) != 0 ?
		    ROW_MIN : ROW_MAX], at, "min is greater than max, nobody "
		    "would ever be barred; needs min to be at most max");
}

void
penalties_parse(struct parse *p, const struct node *v, const struct path *at)
{
	struct mark places[ROWS_NOTED];
	struct row_note note = { .at = places };
	uint32_t before = p->t.nfaults;

	if (v->kind == NODE_TEXT && !node_is_null(v)) {
		if (!value_switch(v->text, &p->main.penalties.on))
			tree_fault(&p->t, v->mark, at, "%s is not a switch; "
			    "use off, on, or a mapping",
			    tree_quote(&p->t, v->text));
		return;
	}
	row_walk(p, v, at, rows, COUNT(rows), &p->main.penalties, &note);
	if (p->t.nfaults == before)
		check_together(p, at, &note);
}
