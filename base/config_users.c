#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config_layer.h"
#include "base/config_values.h"
#include "base/host.h"

static const struct auth_chain publickey = { 1, { AUTH_PUBLICKEY } };

static const struct layer builtin = {
	.kind = LAYER_BUILTIN,
	.note = { .given = ((uint64_t)1 << UK_ALL) - 1 },
	.umask = POLICY_NO_UMASK,
	.allow = ALLOW_SFTP | ALLOW_SCP,
	.password_warn_ms = 14 * 86400 * 1000,
	.password_change = PASSWORD_CHANGE_EXPIRED,
	.password_min = 12,
	.auth = &publickey,
	.nauth = 1,
	.programs = {
		.timeout_ms = 10000,
		.methods = 1u << AUTH_PASSWORD | 1u << AUTH_PUBLICKEY,
	},
	.forward = &policy_forward_builtin,
	.x11 = &policy_forward_builtin,
};

/* ---- one user: the layers together ---- */

static const struct layer *
pick(const struct user *u, enum user_key key)
{
	const struct layer *const *l = u->layer;

	while (*l == NULL || ((*l)->note.given & (uint64_t)1 << key) == 0)
		l++;		/* the last has every key */
	return *l;
}

bool
user_is_bad(const struct user *u, enum user_key key)
{
	return (pick(u, key)->note.bad & (uint64_t)1 << key) != 0;
}

struct view
user_expand(struct parse *p, const struct user *u, enum user_key key,
    struct view v)
{
	struct path at = { u->path, view_str(layer_key(key)), 0 };
	const struct layer *l = pick(u, key);
	struct wr w = wr_new(65536);
	struct view out, whole;
	const char *why;

	/* Known at login. */
	if (u->host || v.n == 0 || memchr(v.p, '%', v.n) == NULL)
		return v;
	host_expand(&w, v, u->name);
	whole = wr_view(&w);
	if (host_in_home(v))
		whole = view_of(whole.p + 2, whole.n - 2);
	if (key == UK_PRINCIPALS || key == UK_HOSTBASED_USERS) {
		if (w.bad || !value_principal(whole, &why))
			tree_fault(&p->t, l->at[key], &at, "%s with %%u as "
			    "%s is no name; use at most 255 characters",
			    tree_quote(&p->t, v), tree_quote(&p->t, u->name));
	} else if (w.bad || !value_path(whole, &why))
		tree_fault(&p->t, l->at[key], &at, "%s with %%u as %s is no "
		    "path; use one of at most 4095 bytes without . and ..",
		    tree_quote(&p->t, v), tree_quote(&p->t, u->name));
	out = tree_copy(&p->t, wr_view(&w));
	wr_free(&w);
	return out;
}

struct view_list
user_expand_all(struct parse *p, const struct user *u, enum user_key key,
    struct view_list l)
{
	struct view *v = tree_take_array(&p->t, l.n, sizeof(*v));

	if (v == NULL)
		return (struct view_list){ NULL, 0 };
	for (size_t i = 0; i < l.n; i++)
		v[i] = user_expand(p, u, key, l.v[i]);
	return (struct view_list){ v, l.n };
}

/* Without root there is one account: the one that runs the server. */
static void
own_account(struct parse *p, const struct user *u, const struct layer *l,
    struct policy *out)
{
	struct path at = { u->path, view_str("account"), 0 };
	uint32_t uid = (uint32_t)getuid();

	if (uid == 0)
		tree_fault(&p->t, u->mark, &at, "root is never served; start "
		    "the server as another user");
	else if (l->kind != LAYER_BUILTIN && l->account.known &&
	    l->account.uid != uid)
		tree_warn(&p->t, l->at[UK_ACCOUNT], &at, "the server does "
		    "not run as root, this user is served as uid %u; start "
		    "it as root to change user", uid);
	out->uid = uid;
	out->gid = (uint32_t)getgid();
}

static void
user_account(struct parse *p, const struct user *u, struct policy *out)
{
	struct path at = { u->path, view_str("account"), 0 };
	const struct layer *l = pick(u, UK_ACCOUNT);
	const struct account *a = &l->account;

	if (u->host)
		return;		/* it is whoever logs in */
	if (p->env->unprivileged) {
		own_account(p, u, l, out);
		return;
	}
	if (l->kind == LAYER_BUILTIN && !p->incomplete)
		tree_fault(&p->t, u->mark, &at, "missing; needs {uid: N, "
		    "gid: N} or the name of a host account");
	out->uid = a->uid;
	out->gid = a->gid;
	out->groups = a->groups;
	out->ngroups = a->ngroups;
	out->account_name = a->name;
	out->home = a->home;
}

static void
user_jail(struct parse *p, const struct user *u, struct policy *out)
{
	struct path at_create = { u->path, view_str("create"), 0 };
	struct path at_dirs = { u->path, view_str("dirs"), 0 };
	const struct layer *create = pick(u, UK_CREATE);
	const struct layer *dirs = pick(u, UK_DIRS);

	out->jail = user_expand(p, u, UK_JAIL, pick(u, UK_JAIL)->jail);
	out->start = user_expand(p, u, UK_START, pick(u, UK_START)->start);
	out->umask = pick(u, UK_UMASK)->umask;
	/* Without a jail it is the home of a host's account. */
	out->create = create->create && (out->jail.n != 0 || u->host);
	out->dirs = dirs->dirs;
	/* Told where the user says so; what is inherited may be for others. */
	if (create->kind == LAYER_USER && create->create &&
	    out->jail.n == 0 && !user_is_bad(u, UK_JAIL))
		tree_fault(&p->t, create->at[UK_CREATE], &at_create,
		    "there is no jail to create; needs jail");
	else if (dirs->kind == LAYER_USER && dirs->dirs.n != 0 &&
	    !create->create)
		tree_warn(&p->t, dirs->at[UK_DIRS], &at_dirs,
		    "nothing makes these folders; use create: on");
}

/* What step i of a chain has to check a client of p against; false:
 * nothing.  A code alone says nothing as long as nothing else is proved. */
static bool
step_has_secret(const struct auth_chain *c, size_t i, const struct policy *p)
{
	switch (c->method[i]) {
	case AUTH_PUBLICKEY:
		return p->nkeys != 0 || p->key_files.n != 0 ||
		    p->ca_keys.n != 0 || p->programs.keys.n != 0 ||
		    policy_external(p, AUTH_PUBLICKEY);
	case AUTH_HOSTBASED:
		return p->nknown_hosts != 0 || p->known_hosts_files.n != 0;
	case AUTH_KBDINT:
		return p->password.n != 0 || p->pam.n != 0 ||
		    (i != 0 && policy_has_totp(p)) || p->programs.ask.n != 0 ||
		    policy_external(p, AUTH_PASSWORD);
	case AUTH_PASSWORD:
		return p->password.n != 0 || p->pam.n != 0 ||
		    policy_external(p, AUTH_PASSWORD);
	default:
		return true;
	}
}

/* Can this way to log in ever succeed for p?  The method that cannot, or
 * -1. */
static int
chain_lacks(const struct auth_chain *c, const struct policy *p)
{
	for (size_t i = 0; i < c->n; i++)
		if (!step_has_secret(c, i, p))
			return c->method[i];
	return -1;
}

/*
 * A password that is demanded and not there is a fault if the user or its
 * group asks for it: somebody forgot it.  From defaults it only says that
 * this user does not use that way.
 */
static void
check_auth(struct parse *p, const struct user *u, const struct policy *pol)
{
	struct path at = { u->path, view_str("auth"), 0 };
	const struct layer *l = pick(u, UK_AUTH);
	bool usable = false, no_password = false, no_hosts = false;

	if (user_is_bad(u, UK_AUTH) || user_is_bad(u, UK_PASSWORD) ||
	    user_is_bad(u, UK_PAM) ||
	    user_is_bad(u, UK_KEYS) || user_is_bad(u, UK_KEY_FILES) ||
	    user_is_bad(u, UK_CA_KEYS) || user_is_bad(u, UK_KEYS_COMMAND) ||
	    user_is_bad(u, UK_ASK) || user_is_bad(u, UK_AUTH_COMMAND) ||
	    user_is_bad(u, UK_AUTH_URL) || user_is_bad(u, UK_AUTH_EXTERNAL) ||
	    user_is_bad(u, UK_TOTP) || user_is_bad(u, UK_KNOWN_HOSTS) ||
	    user_is_bad(u, UK_KNOWN_HOSTS_FILES))
		return;
	for (size_t i = 0; i < pol->nauth; i++) {
		int lack = chain_lacks(&pol->auth[i], pol);

		usable = usable || lack == -1;
		no_password = no_password || lack == AUTH_PASSWORD ||
		    lack == AUTH_KBDINT;
		no_hosts = no_hosts || lack == AUTH_HOSTBASED;
	}
	if (no_hosts && l->kind != LAYER_DEFAULTS)
		tree_fault(&p->t, l->at[UK_AUTH], &at, "asks for hostbased, "
		    "but no host is known for this user; needs known_hosts "
		    "or known_hosts_files, or auth without it");
	else if (no_hosts)
		tree_warn(&p->t, u->mark, &at, "defaults ask for hostbased, "
		    "but no host is known for this user; that way is closed");
	if (no_password && l->kind != LAYER_DEFAULTS)
		tree_fault(&p->t, l->at[UK_AUTH], &at, "asks for a password, "
		    "but this user has none; needs password or pam, or "
		    "auth without it");
	else if (!usable)
		tree_warn(&p->t, u->mark, u->path, "nobody can log in: auth "
		    "asks for what this user does not have; needs "
		    "authorized_keys, authorized_keys_files, password or "
		    "pam");
	else if (no_password)
		tree_warn(&p->t, u->mark, &at, "defaults ask for a password, "
		    "but this user has none; that way is closed");
}

static void
user_certs(struct parse *p, const struct user *u, struct policy *out)
{
	const struct layer *bits = pick(u, UK_KEY_BITS);

	out->ca_keys = user_expand_all(p, u, UK_CA_KEYS,
	    pick(u, UK_CA_KEYS)->ca_keys);
	out->principals = user_expand_all(p, u, UK_PRINCIPALS,
	    pick(u, UK_PRINCIPALS)->principals);
	out->revoked_keys = pick(u, UK_REVOKED_KEYS)->revoked_keys;
	out->key_bits_rsa = bits->key_bits_rsa;
	out->key_bits_ecdsa = bits->key_bits_ecdsa;
}

/* Where a fault about a program stands: at the first one there is. */
static void
check_programs(struct parse *p, const struct user *u,
    const struct policy_programs *pr)
{
	enum user_key key = pr->keys.n != 0 ? UK_KEYS_COMMAND :
	    pr->ask.n != 0 ? UK_ASK :
	    pr->decide.n != 0 ? UK_AUTH_COMMAND : UK_AUTH_URL;
	struct path at = { u->path, view_str(layer_key(key)), 0 };

	if (!user_is_bad(u, UK_COMMAND_USER) && !user_is_bad(u, key))
		programs_check(p, pr, pick(u, key)->at[key], &at);
}

/* What the user says itself, and what then counts for nothing. */
static void
check_external(struct parse *p, const struct user *u, const struct policy *pol)
{
	static const struct {
		enum user_key key;
		enum auth_method method;
	} rows[] = {
		{ UK_PASSWORD, AUTH_PASSWORD },
		{ UK_KEYS, AUTH_PUBLICKEY },
		{ UK_KEY_FILES, AUTH_PUBLICKEY },
		{ UK_CA_KEYS, AUTH_PUBLICKEY },
		{ UK_KEYS_COMMAND, AUTH_PUBLICKEY },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct layer *l = pick(u, rows[i].key);
		struct path at = { u->path,
		    view_str(layer_key(rows[i].key)), 0 };

		if (l->kind == LAYER_USER &&
		    policy_external(pol, rows[i].method))
			tree_warn(&p->t, l->at[rows[i].key], &at, "is not "
			    "looked at: %s decides; use auth_external to say "
			    "about what", pol->programs.decide.n != 0 ?
			    "auth_command" : "auth_url");
	}
}

static void
user_programs(struct parse *p, const struct user *u, struct policy *out)
{
	struct policy_programs *pr = &out->programs;
	const struct policy_programs *who =
	    &pick(u, UK_COMMAND_USER)->programs;

	*pr = (struct policy_programs){
		.keys = pick(u, UK_KEYS_COMMAND)->programs.keys,
		.ask = pick(u, UK_ASK)->programs.ask,
		.decide = pick(u, UK_AUTH_COMMAND)->programs.decide,
		.url = pick(u, UK_AUTH_URL)->programs.url,
	};
	if (pr->keys.n == 0 && pr->ask.n == 0 && pr->decide.n == 0 &&
	    pr->url.n == 0)
		return;
	pr->uid = who->uid;
	pr->gid = who->gid;
	pr->groups = who->groups;
	pr->ngroups = who->ngroups;
	pr->timeout_ms = pick(u, UK_COMMAND_TIMEOUT)->programs.timeout_ms;
	pr->url_ca = pick(u, UK_AUTH_URL_CA)->programs.url_ca;
	pr->url_token = pick(u, UK_AUTH_URL_TOKEN)->programs.url_token;
	pr->methods = pick(u, UK_AUTH_EXTERNAL)->programs.methods;
	check_programs(p, u, pr);
	check_external(p, u, out);
}

/* %h is for who has a home, and left out where it is inherited by others. */
static void
user_key_files(struct parse *p, const struct user *u, struct policy *out)
{
	struct path at = { u->path, view_str(layer_key(UK_KEY_FILES)), 0 };
	const struct layer *l = pick(u, UK_KEY_FILES);
	struct view_list all = user_expand_all(p, u, UK_KEY_FILES,
	    l->key_files);
	struct view *v = tree_take_array(&p->t, all.n, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; v != NULL && i < all.n; i++) {
		if (all.v[i].p[0] == '/' || out->home.n != 0 || u->host)
			v[n++] = all.v[i];
		else if (l->kind == LAYER_USER)
			tree_fault(&p->t, l->at[UK_KEY_FILES], &at, "%s needs "
			    "a home, which only a host account has; use "
			    "account with a name, or an absolute path",
			    tree_quote(&p->t, all.v[i]));
	}
	out->key_files = (struct view_list){ v, n };
}

static void
user_proof(struct parse *p, const struct user *u, struct policy *out)
{
	const struct layer *l = pick(u, UK_AUTH);

	out->auth = l->auth;
	out->nauth = l->nauth;
	l = pick(u, UK_KEYS);
	out->keys = l->keys;
	out->nkeys = l->nkeys;
	user_key_files(p, u, out);
	user_certs(p, u, out);
	out->password = pick(u, UK_PASSWORD)->password;
	user_programs(p, u, out);
	pam_user(p, u, out);
	secrets_user(p, u, out);
	check_auth(p, u, out);
	for (size_t i = 0; i < out->nauth; i++)
		p->main.methods |= 1u << out->auth[i].method[0];
}

int64_t
user_moment(struct parse *p, const struct user *u, enum user_key key,
    const struct calendar_date *d, bool end)
{
	struct path at = { u->path, view_str(layer_key(key)), 0 };
	struct view zone = pick(u, UK_TIME_ZONE)->time_zone;
	int64_t t = 0;

	if (d->given && !user_is_bad(u, key) && !user_is_bad(u, UK_TIME_ZONE) &&
	    !calendar_date_moment(d, zone, end, &t))
		tree_fault(&p->t, pick(u, key)->at[key], &at, "is a day that "
		    "its time zone cannot tell; use a time such as "
		    "2026-01-31T08:00:00Z");
	return t;
}

static void
user_rules(struct parse *p, const struct user *u, struct policy *out)
{
	struct path at = { u->path, view_str("expires"), 0 };

	out->banner = pick(u, UK_BANNER)->banner;
	out->hours = pick(u, UK_HOURS)->hours;
	out->nhours = pick(u, UK_HOURS)->nhours;
	out->time_zone = pick(u, UK_TIME_ZONE)->time_zone;
	out->sessions = pick(u, UK_SESSIONS)->sessions;
	out->not_before = user_moment(p, u, UK_NOT_BEFORE,
	    &pick(u, UK_NOT_BEFORE)->not_before, false);
	out->expires = user_moment(p, u, UK_EXPIRES,
	    &pick(u, UK_EXPIRES)->expires, true);
	if (out->expires != 0 && out->expires <= out->not_before)
		tree_fault(&p->t, pick(u, UK_EXPIRES)->at[UK_EXPIRES], &at,
		    "is not after not_before; nobody could log in, use a "
		    "later date");
}

const struct layer *
user_pick(const struct user *u, enum user_key key)
{
	return pick(u, key);
}

void
user_policy(struct parse *p, const struct user *u, struct policy *out)
{
	*out = (struct policy){ .name = u->name };
	user_account(p, u, out);
	user_jail(p, u, out);
	run_user(p, u, out);
	forward_user(p, u, out);
	out->env = pick(u, UK_ENV)->env;
	out->from = pick(u, UK_FROM)->from;
	user_rules(p, u, out);
	user_proof(p, u, out);
}

static void
user_parse(struct parse *p, const struct entry *e,
    const struct layer *defaults)
{
	struct path top = { NULL, view_str("users"), 0 };
	struct path at = { &top, e->name, 0 };
	struct layer own = { .kind = LAYER_USER };
	struct user u = { .name = e->name, .mark = e->mark, .path = &at };

	layer_parse(p, e->value, &at, &own);
	u.layer[6] = &builtin;
	variants_add(p, &u, &own, defaults);
}

/* ---- all of them ---- */

static struct layer *
layer_new(struct parse *p, const struct node *v, const struct path *at,
    int kind, struct view name)
{
	struct layer *l = tree_take(&p->t, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->kind = kind == LAYER_GROUP ? LAYER_GROUP : LAYER_DEFAULTS;
	l->name = name;
	layer_parse(p, v, at, l);
	return l;
}

static int
by_name(const void *a, const void *b)
{
	const struct entry *x = *(const struct entry *const *)a;
	const struct entry *y = *(const struct entry *const *)b;
	size_t n = x->name.n < y->name.n ? x->name.n : y->name.n;
	int c = memcmp(x->name.p, y->name.p, n);

	if (c != 0)
		return c;
	return x->name.n < y->name.n ? -1 : x->name.n > y->name.n;
}

static const struct entry **
sorted(struct parse *p)
{
	const struct entry **all = tree_take_array(&p->t, p->users.n,
	    sizeof(struct entry *));
	size_t n = 0;

	if (all == NULL)
		return NULL;
	for (const struct entry *e = p->users.first; e != NULL; e = e->next)
		all[n++] = e;
	qsort(all, n, sizeof(*all), by_name);
	return all;
}

void
users_parse(struct parse *p)
{
	struct path defaults_at = { NULL, view_str("defaults"), 0 };
	struct path groups_at = { NULL, view_str("groups"), 0 };
	const struct layer *defaults = NULL;
	const struct entry **all = sorted(p);

	p->offsets = tree_take_array(&p->t, p->users.n,
	    sizeof(*p->offsets));
	if (all == NULL || p->offsets == NULL)
		return;
	if (p->top[TOP_DEFAULTS].value != NULL)
		defaults = layer_new(p, p->top[TOP_DEFAULTS].value,
		    &defaults_at, LAYER_DEFAULTS, view_of(NULL, 0));
	for (struct entry *g = p->groups.first; g != NULL; g = g->next) {
		struct path at = { &groups_at, g->name, 0 };

		g->layer = layer_new(p, g->value, &at, LAYER_GROUP, g->name);
	}
	for (size_t i = 0; i < p->users.n; i++)
		user_parse(p, all[i], defaults);
	host_finish(p, &builtin, defaults);
	programs_finish(p);
	/* With no user at all a client still hears of one method, as it
	 * would elsewhere. */
	if (p->main.methods == 0)
		p->main.methods = 1u << AUTH_PUBLICKEY;
}
