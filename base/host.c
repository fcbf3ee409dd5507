#include <stdlib.h>
#include <string.h>

#include "base/config_values.h"
#include "base/host.h"

void
put_host_rules(struct wr *w, const struct host_rules *r)
{
	wr_str(w, r->policy);
	wr_str(w, r->allow);
	wr_str(w, r->deny);
	wr_bool(w, r->root);
}

static bool
names_ok(struct view list)
{
	struct rd r = rd_of(list);

	for (size_t n = 0; r.n != 0; n++)
		if (n == HOST_RULES_MAX || rd_text(&r).n == 0)
			return false;
	return rd_done(&r);
}

bool
get_host_rules(struct view b, struct host_rules *r)
{
	struct rd rd = rd_of(b);

	r->policy = rd_str(&rd);
	r->allow = rd_str(&rd);
	r->deny = rd_str(&rd);
	r->root = rd_bool(&rd);
	return rd_done(&rd) && r->policy.n != 0 && names_ok(r->allow) &&
	    names_ok(r->deny);
}

bool
host_may_be(const struct host_rules *r, struct view name)
{
	struct rd allow = rd_of(r->allow), deny = rd_of(r->deny);
	bool may = false;

	while (deny.n != 0)
		if (view_eq(rd_text(&deny), name))
			return false;
	while (allow.n != 0) {
		struct view one = rd_text(&allow);

		may = may || view_eq(one, name) ||
		    (one.n != 0 && one.p[0] == '@');
	}
	return may;
}

/* ---- the policy of one ---- */

bool
host_in_home(struct view v)
{
	return v.n > 3 && memcmp(v.p, "%h/", 3) == 0;
}

void
host_expand(struct wr *w, struct view v, struct view name)
{
	size_t i = host_in_home(v) ? 2 : 0;

	wr_bytes(w, view_of(v.p, i));
	for (; i < v.n; i++) {
		if (v.p[i] != '%' || i + 1 == v.n)
			wr_u8(w, v.p[i]);
		else if (v.p[++i] == 'u')
			wr_bytes(w, name);
		else
			wr_u8(w, v.p[i]);
	}
}

/* What was expanded: views into text, which must not move. */
struct expansion {
	struct view name;
	struct wr text;
	struct view *lists;	/* room for those of all lists */
	size_t used;
	bool bad;
};

/* Texts are measured first, so that the builder never moves them. */
static size_t
room(struct view v, struct view name)
{
	return v.n == 0 ? 0 : v.n * (name.n + 1);
}

static struct view
expand(struct expansion *x, struct view v,
    bool (*check)(struct view v, const char **why_out))
{
	size_t at = wr_size(&x->text);
	struct view out;
	const char *why;

	if (v.n == 0)
		return v;
	host_expand(&x->text, v, x->name);
	if (x->text.bad) {
		x->bad = true;
		return view_of(NULL, 0);
	}
	out = wr_view(&x->text);
	out = view_of(out.p + at, out.n - at);
	x->bad = x->bad || !check(out, &why);
	return out;
}

static void
expand_list(struct expansion *x, struct view_list *l,
    bool (*check)(struct view v, const char **why_out))
{
	struct view *v = x->lists + x->used;

	for (size_t i = 0; i < l->n; i++) {
		x->bad = x->bad || l->v[i].n == 0;
		v[i] = expand(x, l->v[i], check);
	}
	l->v = v;
	x->used += l->n;
}

static size_t
list_room(const struct view_list *l, struct view name)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += room(l->v[i], name);
	return n;
}

static bool
begin(struct expansion *x, struct policy *p, struct view name)
{
	struct view_list *const lists[] = {
		&p->key_files, &p->ca_keys, &p->principals,
		&p->known_hosts_files, &p->hostbased_users,
	};
	size_t bytes = room(p->jail, name) + room(p->start, name) + 1, n = 1;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		bytes += list_room(lists[i], name);
		n += lists[i]->n;
	}
	*x = (struct expansion){ .name = name, .text = wr_new(bytes),
	    .lists = calloc(n, sizeof(*x->lists)) };
	/* All at once. */
	return x->lists != NULL && wr_reserve(&x->text, bytes) != NULL;
}

static bool
path_or_home(struct view v, const char **why_out)
{
	return value_path(host_in_home(v) ? view_of(v.p + 2, v.n - 2) : v,
	    why_out);
}

static const char *
account_fault(const struct host_rules *r, const struct host_account *a,
    const struct policy *p)
{
	const char *why;

	if (!value_user_name(a->name, &why))
		return "account's name is none that a user can have";
	if (a->uid == 0 && !r->root)
		return "uid 0 is not allowed";
	if (a->uid != 0 && a->gid == 0)
		return "account's group is that of root";
	if (a->uid == UINT32_MAX || a->gid == UINT32_MAX)
		return "account has no uid or gid";
	if (p->programs.uid != 0 && a->uid == p->programs.uid)
		return "account is the one that programs run as";
	if (a->no_shell && (p->allow & ALLOW_SFTP) == 0)
		return "account's shell allows nothing but SFTP, which the "
		    "policy does not";
	return NULL;
}

static void
take_account(struct policy *p, const struct host_account *a)
{
	p->name = p->account_name = a->name;
	p->uid = a->uid;
	p->gid = a->gid;
	p->groups = a->groups;
	p->ngroups = a->ngroups;
	p->home = a->home;
	p->root = a->uid == 0;
	if (p->run.shell.n == 0)
		p->run.shell = a->shell;
	if (!a->no_shell)
		return;
	p->allow &= ALLOW_SFTP;
	p->run.command = view_of(NULL, 0);
	p->run.subsystems.n = 0;
}

const char *
host_policy(const struct host_rules *r, const struct host_account *a,
    struct wr *out)
{
	struct policy *t = policy_decode(r->policy);
	struct expansion x = { .bad = false };
	const char *why = "out of memory";
	struct policy p;

	if (t == NULL)
		goto out;
	p = *t;
	if ((why = account_fault(r, a, &p)) != NULL)
		goto out;
	why = "out of memory";
	if (!begin(&x, &p, a->name))
		goto out;
	take_account(&p, a);
	p.jail = expand(&x, p.jail, value_path);
	p.start = expand(&x, p.start, value_path);
	expand_list(&x, &p.key_files, path_or_home);
	expand_list(&x, &p.ca_keys, value_path);
	expand_list(&x, &p.principals, value_principal);
	expand_list(&x, &p.known_hosts_files, value_path);
	expand_list(&x, &p.hostbased_users, value_principal);
	why = "account's name makes no path of the policy's";
	if (x.bad)
		goto out;
	policy_encode(out, &p);
	why = out->bad ? "policy is too large" : NULL;
out:
	wr_free(&x.text);
	free(x.lists);
	policy_free(&t);
	return why;
}
