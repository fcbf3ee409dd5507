/* `when:` blocks of a layer: keys that are laid over it where their `if:`
 * holds. */
#include <netinet/in.h>
#include <string.h>

#include "base/config_layer.h"
#include "base/config_values.h"
#include "base/place.h"

struct if_parse {
	struct view_list from;
	const struct config_listen *listen;
	size_t nlisten;
};

static void
parse_if_from(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	struct if_parse *f = into;

	row_texts(p, v, at, CONFIG_MAX_LIST, row->allowed, value_cidr,
	    &f->from);
	if (v->kind == NODE_LIST && v->n == 0)
		tree_fault(&p->t, v->mark, at, "is empty; needs %s",
		    row->allowed);
}

/* ---- listen ---- */

static bool
is_any(const struct sockaddr_storage *sa)
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;

	return sa->ss_family == AF_INET ?
	    in->sin_addr.s_addr == htonl(INADDR_ANY) :
	    IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr) != 0;
}

/* Could a connection to one of our sockets be one to that address? */
static bool
meets(const struct sockaddr_storage *ours, const struct sockaddr_storage *a)
{
	const struct sockaddr_in *x = (const void *)ours, *y = (const void *)a;
	const struct sockaddr_in6 *x6 = (const void *)ours;
	const struct sockaddr_in6 *y6 = (const void *)a;

	/* the port stands at the same place in both kinds */
	if (ours->ss_family != a->ss_family || x->sin_port != y->sin_port)
		return false;
	if (is_any(ours) || is_any(a))
		return true;
	return a->ss_family == AF_INET ?
	    x->sin_addr.s_addr == y->sin_addr.s_addr :
	    IN6_ARE_ADDR_EQUAL(&x6->sin6_addr, &y6->sin6_addr) != 0;
}

static bool
parse_if_address(struct parse *p, const struct node *v,
    const struct path *at, const char *allowed, struct config_listen *out)
{
	const struct config_main *m = &p->main;
	const char *why;
	bool met = false;

	if (!row_text(p, v, at, allowed, &out->text))
		return false;
	if (!value_listen(out->text, &out->addr, &out->len, &why)) {
		tree_fault(&p->t, v->mark, at, "%s %s",
		    tree_quote(&p->t, out->text), why);
		return false;
	}
	for (size_t i = 0; i < m->nlisten; i++)
		met = met || meets(&m->listen[i].addr, &out->addr);
	if (!met && m->nlisten != 0)
		tree_fault(&p->t, v->mark, at, "%s is no address where this "
		    "server listens; use one of listen",
		    tree_quote(&p->t, out->text));
	return met;
}

static void
parse_if_listen(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	struct path here = { at, view_of(NULL, 0), 0 };
	struct if_parse *f = into;
	struct config_listen *l;

	if (!row_is_list(p, v, at, CONFIG_MAX_LISTEN, row->allowed) ||
	    (l = tree_take_array(&p->t, v->n, sizeof(*l))) == NULL)
		return;
	if (v->n == 0)
		tree_fault(&p->t, v->mark, at, "is empty; needs %s",
		    row->allowed);
	for (const struct item *i = v->first; i != NULL;
	    i = i->next, here.index++)
		if (parse_if_address(p, i->value, &here, row->allowed,
		    &l[f->nlisten]))
			f->nlisten++;
	f->listen = l;
}

/* ---- if ---- */

/* The number of a condition; equal ones have one number. */
static uint32_t
condition_number(struct parse *p, const struct if_parse *f, struct mark m,
    const struct path *at)
{
	struct wr w = wr_new(65536);
	struct named *n;
	uint32_t *number;
	struct view c;

	wr_u32(&w, (uint32_t)f->from.n);
	for (size_t i = 0; i < f->from.n; i++)
		if (!condition_put_net(&w, f->from.v[i]))
			w.bad = true;
	wr_u32(&w, (uint32_t)f->nlisten);
	for (size_t i = 0; i < f->nlisten; i++)
		condition_put_listen(&w, (const void *)&f->listen[i].addr);
	c = tree_copy(&p->t, wr_view(&w));
	p->t.arena.bad |= w.bad;
	wr_free(&w);
	if ((n = names_find(&p->conditions, c)) != NULL)
		return *(const uint32_t *)n->value;
	if (p->conditions.n >= CONFIG_MAX_CONDITIONS) {
		tree_fault(&p->t, m, at, "is one condition too many; at most "
		    "%u different ones are allowed", CONFIG_MAX_CONDITIONS);
		return 0;
	}
	if ((number = tree_take(&p->t, sizeof(*number))) == NULL)
		return 0;
	*number = (uint32_t)p->conditions.n + 1;
	if (names_add(&p->t, &p->conditions, c, number) == NULL)
		return 0;
	wr_str(&p->condition_bytes, c);
	return *number;
}

void
when_if(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	static const struct key_row rows[] = {
		{ .name = "from", .parse = parse_if_from,
		    .allowed = "networks, such as 203.0.113.0/24" },
		{ .name = "listen", .parse = parse_if_listen,
		    .allowed = "addresses of listen, such as "
		    "\"0.0.0.0:2222\"" },
	};
	struct if_parse f = { .nlisten = 0 };
	struct layer *l = into;
	uint32_t before = p->t.nfaults;

	if (l->block == 0) {
		tree_fault(&p->t, v->mark, at, "stands outside of a when "
		    "block; use when: [{if: {...}, ...}]");
		return;
	}
	row_walk(p, v, at, rows, sizeof(rows) / sizeof(rows[0]), &f, NULL);
	if (p->t.nfaults != before)
		return;
	if (f.from.n == 0 && f.nlisten == 0)
		tree_fault(&p->t, v->mark, at, "is empty and would always "
		    "hold; needs %s", row->allowed);
	else
		l->condition = condition_number(p, &f, v->mark, at);
}

/* ---- when ---- */

static void
parse_block(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, struct layer *b)
{
	if (node_is_null(v) || v->kind != NODE_MAP) {
		tree_fault(&p->t, v->mark, at, "is %s; needs %s",
		    node_word(v), row->allowed);
		return;
	}
	layer_parse(p, v, at, b);
	if ((b->note.given & (uint64_t)1 << UK_IF) == 0)
		tree_fault(&p->t, v->mark, at, "has no if, so nobody knows "
		    "when; needs %s", row->allowed);
}

void
when_blocks(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct path here = { at, view_of(NULL, 0), 0 };
	struct layer *l = into, *blocks;

	if (l->block != 0) {
		tree_fault(&p->t, v->mark, at, "stands in a when block; "
		    "these do not nest, use further blocks");
		return;
	}
	if (!row_is_list(p, v, at, CONFIG_MAX_WHEN, row->allowed) ||
	    (blocks = tree_take_array(&p->t, v->n, sizeof(*blocks))) == NULL)
		return;
	for (const struct item *i = v->first; i != NULL;
	    i = i->next, here.index++) {
		blocks[here.index].kind = l->kind;
		blocks[here.index].name = l->name;
		blocks[here.index].block = (unsigned)here.index + 1;
		parse_block(p, row, i->value, &here, &blocks[here.index]);
	}
	l->when = blocks;
	l->nwhen = v->n;
}
