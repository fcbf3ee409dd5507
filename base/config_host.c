/*
 * host_accounts: accounts of the host that are no users of the configuration.
 */
#include <stddef.h>
#include <string.h>

#include "base/config_layer.h"
#include "base/config_values.h"
#include "base/host.h"

#define SERVICE	"sallyport"	/* of PAM, unless another is named */

/* "bob" or "@sftp" */
static bool
account_or_group(struct view v, const char **why_out)
{
	if (v.n > 1 && v.p[0] == '@')
		v = view_of(v.p + 1, v.n - 1);
	if (value_user_name(v, why_out) && v.p[0] != '@')
		return true;
	*why_out = "is neither a name of an account nor @ and one of a "
	    "group; use such as bob or \"@sftp\"";
	return false;
}

static void
row_names(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct view_list *out = (struct view_list *)(void *)((uint8_t *)into +
	    row->offset);

	row_texts(p, v, at, HOST_RULES_MAX, row->allowed, account_or_group,
	    out);
}

static void
row_policy(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct host_parse *h = into;
	struct named *n;
	struct view name;

	if (!row_text(p, v, at, row->allowed, &name))
		return;
	if ((n = names_find(&p->groups.index, name)) != NULL)
		h->group = n->value;
	else if (!p->incomplete)
		tree_fault(&p->t, v->mark, at,
		    "%s is not a group; use one that groups has",
		    tree_quote(&p->t, name));
}

static void
row_pam(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct host_parse *h = into;

	layer_pam(p, v, at, row->allowed, &h->pam);
	if (v->kind == NODE_TEXT && view_is(v->text, "none"))
		tree_fault(&p->t, v->mark, at, "accounts of the host log in "
		    "through PAM; needs the name of a service");
}

static const struct key_row rows[] = {
	{ .name = "allow", .parse = row_names,
	    .offset = offsetof(struct host_parse, allow),
	    .allowed = "accounts and @groups" },
	{ .name = "deny", .parse = row_names,
	    .offset = offsetof(struct host_parse, deny),
	    .allowed = "accounts and @groups" },
	{ .name = "policy", .parse = row_policy,
	    .allowed = "the name of a group" },
	{ .name = "pam", .parse = row_pam,
	    .allowed = "the name of a PAM service" },
	{ .name = "root", .parse = row_switch,
	    .offset = offsetof(struct host_parse, root),
	    .allowed = "on or off" },
};

void
host_parse(struct parse *p, const struct node *v, const struct path *at)
{
	struct host_parse *h = &p->host;
	uint32_t before = p->t.nfaults;

	row_walk(p, v, at, rows, sizeof(rows) / sizeof(rows[0]), h, NULL);
	if (p->t.nfaults != before || (v->kind == NODE_MAP && v->n == 0))
		return;
	if (p->env->unprivileged)
		tree_fault(&p->t, v->mark, at, "accounts of the host need "
		    "root, and the server does not run as root; leave it out "
		    "and name the users");
	else if (h->allow.n == 0)
		tree_fault(&p->t, v->mark, at, "lets nobody in; needs allow, "
		    "such as [\"@sftp\"]");
	else
		h->given = true;
	if (h->given && h->pam.n == 0 && p->env->pam_service != NULL &&
	    !p->env->pam_service(view_str(SERVICE)))
		tree_warn(&p->t, v->mark, at, "there is no /etc/pam.d/"
		    SERVICE "; make it, or name another with pam");
	h->mark = v->mark;
}

/* A list as strings behind each other. */
static struct view
packed(struct parse *p, struct view_list l)
{
	struct wr w = wr_new(1 << 20);
	struct view v;

	for (size_t i = 0; i < l.n; i++)
		wr_str(&w, l.v[i]);
	v = tree_copy(&p->t, wr_view(&w));
	wr_free(&w);
	return v;
}

void
host_user(const struct parse *p, const struct user *u, struct policy *out)
{
	static const struct view home = { (const uint8_t *)
	    "%h/.ssh/authorized_keys", 23 };
	const struct layer *pam = user_pick(u, UK_PAM);

	out->pam = p->host.pam.n != 0 ? p->host.pam :
	    pam->pam.n != 0 ? pam->pam : view_str(SERVICE);
	if (user_pick(u, UK_KEY_FILES)->kind == LAYER_BUILTIN)
		out->key_files = (struct view_list){ &home, 1 };
}

void
host_finish(struct parse *p, const struct layer *builtin,
    const struct layer *defaults)
{
	const struct host_parse *h = &p->host;
	struct path at = { NULL, view_str("host_accounts"), 0 };
	struct layer own = { .kind = LAYER_USER,
	    .group = h->group != NULL ? h->group->layer : NULL };
	struct user u = { .mark = h->mark, .path = &at, .host = true };
	struct config_host *out = &p->main.host;

	if (!h->given)
		return;
	u.layer[6] = builtin;
	variants_add(p, &u, &own, defaults);
	out->record = tree_copy(&p->t, wr_view(&p->host_record));
	p->t.arena.bad |= p->host_record.bad;
	out->allow = packed(p, h->allow);
	out->deny = packed(p, h->deny);
	out->root = h->root;
}
