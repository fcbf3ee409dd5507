#include <stddef.h>
#include <string.h>

#include "base/config_parse.h"
#include "base/config_values.h"

/* 2^32 - 1 is (uid_t)-1: "leave it as it is" to the kernel. */
#define ID_MAX		(UINT32_MAX - 1)
#define MAX_GROUPS	65536	/* NGROUPS_MAX of Linux */

struct numbers {
	struct account a;
	bool uid, gid;		/* given */
};

static const char id_range[] = "1-4294967294";

static void
row_uid(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct numbers *n = into;
	uint64_t uid;

	n->uid = true;
	if (v->kind == NODE_TEXT && value_number(v->text, 0, &uid))
		tree_fault(&p->t, v->mark, at,
		    "0 is root, who is never served; use %s", id_range);
	else
		row_number(p, row, v, at, &n->a);
}

static void
row_gid(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct numbers *n = into;

	n->gid = true;
	row_number(p, row, v, at, &n->a);
	if (v->kind == NODE_TEXT && view_is(v->text, "0"))
		tree_warn(&p->t, v->mark, at, "0 is the group of root, who "
		    "owns many files; use another");
}

static void
row_groups(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct path here = { at, view_of(NULL, 0), 0 };
	struct numbers *n = into;
	uint32_t *g;

	if (!row_is_list(p, v, at, CONFIG_MAX_LIST, "numbers of groups") ||
	    (g = tree_take_array(&p->t, v->n, sizeof(*g))) == NULL)
		return;
	n->a.groups = g;
	n->a.ngroups = v->n;
	for (const struct item *i = v->first; i != NULL; i = i->next, g++) {
		row_number(p, row, i->value, &here, g);
		here.index++;
	}
}

static const struct key_row account_rows[] = {
	{ "uid", row_uid, offsetof(struct account, uid), 1, ID_MAX,
	    id_range, 0 },
	{ "gid", row_gid, offsetof(struct account, gid), 0, ID_MAX,
	    "0-4294967294", 0 },
	{ "groups", row_groups, 0, 0, ID_MAX, "0-4294967294", 0 },
};

static void
account_numbers(struct parse *p, const struct node *v, const struct path *at,
    struct account *out)
{
	struct numbers n = { 0 };
	uint32_t before = p->t.nfaults;

	row_walk(p, v, at, account_rows, 3, &n, NULL);
	if (!n.uid || !n.gid)
		tree_fault(&p->t, v->mark, at, "has no %s; needs both, such "
		    "as {uid: 2001, gid: 2001}", n.uid ? "gid" : "uid");
	n.a.known = p->t.nfaults == before;
	*out = n.a;
}

/* Asks the resolver.  NULL: memory; else kept for the next user of it. */
static struct account *
resolve(struct parse *p, struct view name, const char **why_out)
{
	struct account *a = tree_take(&p->t, sizeof(*a));
	struct policy found = { 0 };
	uint32_t *g;

	*why_out = "there is no such account on this host";
	if (a == NULL || names_add(&p->t, &p->accounts, name, a) == NULL)
		return NULL;
	a->name = name;
	if (p->env->resolve == NULL ||
	    !p->env->resolve(p->env->ctx, (const char *)name.p, &found,
	    why_out) || found.ngroups > MAX_GROUPS)
		return a;
	g = tree_take_array(&p->t, found.ngroups, sizeof(*g));
	if (g == NULL)
		return NULL;
	if (found.ngroups != 0)
		memcpy(g, found.groups, found.ngroups * sizeof(*g));
	*a = (struct account){ true, found.uid, found.gid, g, found.ngroups,
	    name, tree_copy(&p->t, found.home),
	    tree_copy(&p->t, found.run.shell) };
	return a;
}

void
account_named(struct parse *p, struct view name, struct mark m,
    const struct path *at, struct account *out)
{
	const char *why = "there is no such account on this host";
	struct named *known = names_find(&p->accounts, name);
	const struct account *a;

	a = known != NULL ? known->value : resolve(p, name, &why);
	if (a == NULL)
		return;
	*out = *a;
	if (!a->known)
		tree_fault(&p->t, m, at, "%s cannot be turned into numbers: "
		    "%s; use an account of this host or {uid: N, gid: N}",
		    tree_quote(&p->t, name),
		    why != NULL ? why : "unknown");
	else if (a->uid == 0 || a->uid > ID_MAX || a->gid > ID_MAX) {
		tree_fault(&p->t, m, at, "%s is root, who is never served; "
		    "use another account", tree_quote(&p->t, name));
		out->known = false;
	}
}

void
account_parse(struct parse *p, const struct node *v, const struct path *at,
    struct account *out)
{
	static const char needs[] =
	    "{uid: N, gid: N} or the name of a host account";
	struct view name;
	const char *why;
	uint64_t n;

	if (v->kind == NODE_MAP) {
		account_numbers(p, v, at, out);
		return;
	}
	if (!row_text(p, v, at, needs, &name))
		return;
	if (value_number(name, UINT64_MAX, &n))
		tree_fault(&p->t, v->mark, at, "%s is only a number; use %s",
		    tree_quote(&p->t, name), needs);
	else if (!value_user_name(name, &why))
		tree_fault(&p->t, v->mark, at, "%s %s",
		    tree_quote(&p->t, name), why);
	else
		account_named(p, name, v->mark, at, out);
}
