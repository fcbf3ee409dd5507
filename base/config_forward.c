/* Keys of a policy about forwarded connections and displays. */
#include <stddef.h>

#include "base/config_layer.h"
#include "base/config_values.h"
#include "base/forward.h"

/* ---- values ---- */

static bool
value_open(struct view v, const char **why_out)
{
	struct forward_rule r;

	return forward_rule(v, false, &r, why_out);
}

/* Where to listen is an address; of names, localhost alone stands for one. */
static bool
value_listen_at(struct view v, const char **why_out)
{
	struct forward_rule r;

	if (!forward_rule(v, false, &r, why_out))
		return false;
	*why_out = "names a host; use an address, ADDRESS/BITS, localhost or "
	    "* for any";
	return r.kind != FORWARD_NAME || view_is(r.name, "localhost");
}

/* A list that only refuses would permit nothing, and read as if it did. */
static void
check_denials(struct parse *p, const struct node *v, const struct path *at,
    const struct view_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].p[0] != '!')
			return;
	if (l->n != 0 && l->n == v->n)
		tree_fault(&p->t, v->mark, at, "has only rules that refuse, "
		    "so it permits nothing; add such as \"*:*\", or use []");
}

static void
parse_open(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct policy_forward *f = into;

	f->open.n = 0;
	row_texts(p, v, at, POLICY_FORWARD_RULES, row->allowed, value_open,
	    &f->open);
	check_denials(p, v, at, &f->open);
}

static void
parse_listen(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	struct policy_forward *f = into;

	f->listen.n = 0;
	row_texts(p, v, at, POLICY_FORWARD_RULES, row->allowed,
	    value_listen_at, &f->listen);
	check_denials(p, v, at, &f->listen);
}

static void
parse_unix(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct policy_forward *f = into;

	f->unix_paths.n = 0;
	row_texts(p, v, at, POLICY_FORWARD_RULES, row->allowed,
	    forward_path_pattern, &f->unix_paths);
}

static void
parse_mask(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct policy_forward *f = into;
	struct view text;

	if (!row_text(p, v, at, row->allowed, &text))
		return;
	if (!value_umask(text, &f->unix_mask))
		tree_fault(&p->t, v->mark, at, "%s is not a file mode; use %s",
		    tree_quote(&p->t, text), row->allowed);
}

static void
parse_unlink(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	row_switch(p, row, v, at,
	    &((struct policy_forward *)into)->unix_unlink);
}

static void
parse_localhost(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	row_switch(p, row, v, at,
	    &((struct policy_forward *)into)->x11_localhost);
}

/* ---- the two keys ---- */

static const struct key_row forward_rows[] = {
	{ .name = "open", .parse = parse_open,
	    .allowed = "a list of HOST:PORTS" },
	{ .name = "listen", .parse = parse_listen,
	    .allowed = "a list of ADDRESS:PORTS" },
	{ .name = "unix", .parse = parse_unix,
	    .allowed = "a list of paths of sockets" },
	{ .name = "unix_mask", .parse = parse_mask, .allowed = "0000-0777" },
	{ .name = "unix_unlink", .parse = parse_unlink,
	    .allowed = "on or off" },
};

/* What is not given is as built in, not as in a farther layer. */
static const struct policy_forward *
walk(struct parse *p, const struct node *v, const struct path *at,
    const struct key_row *rows, size_t n)
{
	struct policy_forward *f = tree_take(&p->t, sizeof(*f));

	if (f == NULL)
		return &policy_forward_builtin;	/* memory: told elsewhere */
	*f = policy_forward_builtin;
	row_walk(p, v, at, rows, n, f, NULL);
	return f;
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

void
forward_key(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	(void)row;
	((struct layer *)into)->forward = walk(p, v, at, forward_rows,
	    COUNT(forward_rows));
}

static const struct key_row x11_rows[] = {
	{ .name = "localhost", .parse = parse_localhost,
	    .allowed = "on or off" },
	{ .name = "offset", .parse = row_number, .min = 0,
	    .max = POLICY_X11_OFFSET_MAX, .allowed = "0-58000",
	    .offset = offsetof(struct policy_forward, x11_offset) },
};

void
forward_x11_key(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	(void)row;
	((struct layer *)into)->x11 = walk(p, v, at, x11_rows,
	    COUNT(x11_rows));
}

/* ---- the layers together ---- */

void
forward_user(struct parse *p, const struct user *u, struct policy *out)
{
	const struct layer *l = user_pick(u, UK_FORWARD);
	const struct policy_forward *x11 = user_pick(u, UK_X11)->x11;

	out->forward = *l->forward;
	out->forward.x11_localhost = x11->x11_localhost;
	out->forward.x11_offset = x11->x11_offset;
	if (l->kind != LAYER_BUILTIN)
		out->forward.at = run_written_at(p, l, UK_FORWARD);
}
