#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config_parse.h"
#include "base/config_values.h"
#include "base/policy.h"

/*
 * A user's policy is looked up in layers: the user's own keys, those of its
 * group, those of defaults, and what is built in.  The nearest layer that has
 * a key gives its whole value; nothing is merged below a key.
 */
enum user_key {
	UK_GROUP, UK_ACCOUNT, UK_JAIL, UK_CREATE, UK_DIRS, UK_START, UK_UMASK,
	UK_ALLOW, UK_AUTH, UK_ENV, UK_FROM, UK_KEYS, UK_KEY_FILES,
	UK_PASSWORD, UK_PAM, UK_ALL
};

struct layer {
	enum { LAYER_BUILTIN, LAYER_DEFAULTS, LAYER_GROUP, LAYER_USER } kind;
	struct row_note note;		/* by enum user_key */
	struct mark at[UK_ALL];
	const struct layer *group;	/* users only */
	struct account account;
	struct view jail, start, password;
	bool create;
	struct view_list dirs, env, from, key_files;
	uint32_t umask, allow;
	const struct auth_chain *auth;
	size_t nauth;
	const struct policy_key *keys;
	size_t nkeys;
};

struct user {
	struct view name;
	struct mark mark;
	const struct path *path;
	const struct layer *layer[4];	/* nearest first, last is built in */
};

static const struct auth_chain publickey = { 1, { AUTH_PUBLICKEY } };

static const struct layer builtin = {
	.kind = LAYER_BUILTIN,
	.note = { .given = (1u << UK_ALL) - 1 },
	.umask = POLICY_NO_UMASK,
	.allow = ALLOW_SFTP | ALLOW_SCP,
	.auth = &publickey,
	.nauth = 1,
};

/* ---- one layer: a row for each key ---- */

static void
parse_group(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct layer *l = into;
	struct named *n;
	struct view name;

	if (l->kind != LAYER_USER) {
		tree_fault(&p->t, v->mark, at, "only a user has a group: "
		    "groups do not nest, there is one level; leave it out");
		return;
	}
	if (!row_text(p, v, at, row->allowed, &name))
		return;
	if ((n = names_find(&p->groups.index, name)) != NULL)
		l->group = ((const struct entry *)n->value)->layer;
	else if (!p->incomplete)
		tree_fault(&p->t, v->mark, at,
		    "%s is not a group; use one that groups has",
		    tree_quote(&p->t, name));
}

static void
parse_account(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	(void)row;
	account_parse(p, v, at, &((struct layer *)into)->account);
}

/* Does v hold no % but %u and %%? */
static bool
expandable(struct view v)
{
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] != '%')
			continue;
		if (++i == v.n || (v.p[i] != 'u' && v.p[i] != '%'))
			return false;
	}
	return true;
}

static bool
value_template(struct view v, const char **why_out)
{
	if (!value_path(v, why_out))
		return false;
	*why_out = "has an unknown %; use %u for the user's name and %% for "
	    "a percent sign";
	return expandable(v);
}

static void
parse_template(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, struct view *out)
{
	struct view text;
	const char *why;

	if (!row_text(p, v, at, row->allowed, &text))
		return;
	if (value_template(text, &why))
		*out = text;
	else
		tree_fault(&p->t, v->mark, at, "%s %s",
		    tree_quote(&p->t, text), why);
}

static void
parse_jail(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct layer *l = into;

	/* the way to have none where a group has one */
	if (v->kind == NODE_TEXT && view_is(v->text, "none"))
		return;
	parse_template(p, row, v, at, &l->jail);
	if (l->jail.n != 0 && strspn((const char *)l->jail.p, "/") == l->jail.n)
		tree_fault(&p->t, v->mark, at, "%s is no jail; use a folder, "
		    "or none", tree_quote(&p->t, l->jail));
}

static void
parse_start(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	parse_template(p, row, v, at, &((struct layer *)into)->start);
}

static void
parse_create(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	row_switch(p, row, v, at, &((struct layer *)into)->create);
}

static void
parse_dirs(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	row_texts(p, v, at, CONFIG_MAX_LIST, row->allowed, value_relative,
	    &((struct layer *)into)->dirs);
}

static void
parse_umask(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct layer *l = into;
	struct view text;

	if (!row_text(p, v, at, row->allowed, &text))
		return;
	if (!value_umask(text, &l->umask))
		tree_fault(&p->t, v->mark, at, "%s is not a file mode; use %s",
		    tree_quote(&p->t, text), row->allowed);
}

static const char *
allow_words(struct parse *p)
{
	struct wr w = wr_new(512);
	struct view v;

	for (unsigned i = 0; policy_allow_word(i) != NULL; i++) {
		if (i != 0)
			wr_bytes(&w, view_str(", "));
		wr_bytes(&w, view_str(policy_allow_word(i)));
	}
	v = tree_copy(&p->t, wr_view(&w));
	wr_free(&w);
	return v.p != NULL ? (const char *)v.p : "";
}

static void
parse_allow_word(struct parse *p, const struct node *v,
    const struct path *at, struct layer *l)
{
	const uint32_t served = ALLOW_SFTP | ALLOW_SCP;
	uint32_t bit = policy_allow_bit(v->text);

	if (bit == 0)
		tree_fault(&p->t, v->mark, at, "%s is not a right; use %s",
		    tree_quote(&p->t, v->text), allow_words(p));
	else if ((l->allow & bit) != 0)
		tree_fault(&p->t, v->mark, at, "%s is given twice; needs one",
		    tree_quote(&p->t, v->text));
	else if ((bit & served) == 0)
		tree_warn(&p->t, v->mark, at, "%s is granted but not yet "
		    "served by this version; nobody can use it",
		    tree_quote(&p->t, v->text));
	l->allow |= bit;
}

static void
parse_allow(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct path here = { at, view_of(NULL, 0), 0 };
	struct layer *l = into;
	struct view text;

	if (!row_is_list(p, v, at, CONFIG_MAX_LIST, row->allowed))
		return;
	for (const struct item *i = v->first; i != NULL;
	    i = i->next, here.index++)
		if (row_text(p, i->value, &here, row->allowed, &text))
			parse_allow_word(p, i->value, &here, l);
}

/* ---- auth ---- */

static bool
chain_has(const struct auth_chain *c, int method)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->method[i] == method)
			return true;
	return false;
}

/* Adds one method; what is wrong with it, or NULL. */
static const char *
chain_add(struct auth_chain *c, struct view word)
{
	int m = auth_method_find(word);

	if (m == AUTH_KBDINT || m == AUTH_HOSTBASED)
		return "is not in this version; use publickey or password";
	if (m == -1 || m == AUTH_NONE)
		return "is not a method; use publickey or password, joined "
		    "with + if both are needed";
	if (chain_has(c, m))
		return "is in this entry twice; needs one";
	if (c->n == POLICY_CHAIN_MAX)
		return "is one method too many; an entry joins at most 4";
	c->method[c->n++] = (uint8_t)m;
	return NULL;
}

/* "publickey+password" */
static bool
parse_chain(struct parse *p, const struct node *v, const struct path *at,
    struct auth_chain *c)
{
	struct view rest = v->text, word;
	const uint8_t *plus;
	const char *why;

	do {
		plus = rest.n != 0 ? memchr(rest.p, '+', rest.n) : NULL;
		word = rest;
		if (plus != NULL) {
			word.n = (size_t)(plus - rest.p);
			rest = view_of(plus + 1, rest.n - word.n - 1);
		}
		if ((why = chain_add(c, word)) != NULL) {
			tree_fault(&p->t, v->mark, at, "%s %s",
			    tree_quote(&p->t, word), why);
			return false;
		}
	} while (plus != NULL);
	return true;
}

static void
parse_auth(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct path here = { at, view_of(NULL, 0), 0 };
	struct layer *l = into;
	struct auth_chain *chains;
	struct view text;

	if (!row_is_list(p, v, at, 16, row->allowed) ||
	    (chains = tree_take_array(&p->t, v->n, sizeof(*chains))) == NULL)
		return;
	if (v->n == 0)
		tree_fault(&p->t, v->mark, at, "is empty; needs %s",
		    row->allowed);
	for (const struct item *i = v->first; i != NULL;
	    i = i->next, here.index++)
		if (row_text(p, i->value, &here, row->allowed, &text) &&
		    parse_chain(p, i->value, &here, &chains[l->nauth]))
			l->nauth++;
		else
			chains[l->nauth].n = 0;
	l->auth = chains;
}

/* ---- env, from, keys, password ---- */

static void
parse_env(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	row_texts(p, v, at, CONFIG_MAX_LIST, row->allowed, value_env,
	    &((struct layer *)into)->env);
}

static void
parse_from(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct layer *l = into;

	row_texts(p, v, at, CONFIG_MAX_LIST, row->allowed, value_cidr,
	    &l->from);
	/* an empty list would read as "nobody" and mean "anywhere" */
	if (v->kind == NODE_LIST && v->n == 0)
		tree_fault(&p->t, v->mark, at, "is empty; needs %s, or leave "
		    "the key out to allow any address", row->allowed);
}

static void
parse_keys(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct path here = { at, view_of(NULL, 0), 0 };
	struct layer *l = into;
	struct policy_key *keys;
	const char *why;
	struct view text;

	if (!row_is_list(p, v, at, CONFIG_MAX_LIST, row->allowed) ||
	    (keys = tree_take_array(&p->t, v->n, sizeof(*keys))) == NULL)
		return;
	for (const struct item *i = v->first; i != NULL;
	    i = i->next, here.index++) {
		struct mark m = i->value->mark;

		if (!row_text(p, i->value, &here, row->allowed, &text))
			continue;
		while (text.n != 0 && (text.p[text.n - 1] == '\n' ||
		    text.p[text.n - 1] == ' '))
			text.n--;	/* a block of one line */
		if (!value_key_line(text, &why) ||
		    (p->env->key_line != NULL &&
		    !p->env->key_line(text, &why))) {
			tree_fault(&p->t, m, &here, "%s", why);
			continue;
		}
		keys[l->nkeys++] = (struct policy_key){ text,
		    view_str(p->t.file[m.file]), m.line };
	}
	l->keys = keys;
}

static void
parse_key_files(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	row_texts(p, v, at, CONFIG_MAX_LIST, row->allowed, value_template,
	    &((struct layer *)into)->key_files);
}

/* The value is never shown: it may be a password in clear. */
static void
parse_password(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	struct layer *l = into;
	struct view text;
	bool none;

	if (!row_text(p, v, at, row->allowed, &text))
		return;
	if (!value_hash(text, &none))
		tree_fault(&p->t, v->mark, at, "is not a crypt(3) hash; "
		    "needs %s", row->allowed);
	else if (!none)
		l->password = text;
}

static void
parse_pam(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	(void)row;
	(void)into;
	tree_fault(&p->t, v->mark, at, "logins through PAM are not in this "
	    "version; use password or authorized_keys");
}

static const struct key_row user_rows[] = {
	{ .name = "group", .parse = parse_group, .id = UK_GROUP,
	    .allowed = "the name of a group" },
	{ .name = "account", .parse = parse_account, .id = UK_ACCOUNT },
	{ .name = "jail", .parse = parse_jail, .id = UK_JAIL,
	    .allowed = "an absolute path, or none" },
	{ .name = "create", .parse = parse_create, .id = UK_CREATE,
	    .allowed = "on or off" },
	{ .name = "dirs", .parse = parse_dirs, .id = UK_DIRS,
	    .allowed = "folders inside of the jail" },
	{ .name = "start", .parse = parse_start, .id = UK_START,
	    .allowed = "an absolute path" },
	{ .name = "umask", .parse = parse_umask, .id = UK_UMASK,
	    .allowed = "0000-0777" },
	{ .name = "allow", .parse = parse_allow, .id = UK_ALLOW,
	    .allowed = "rights, such as sftp" },
	{ .name = "auth", .parse = parse_auth, .id = UK_AUTH,
	    .allowed = "methods, such as publickey" },
	{ .name = "env", .parse = parse_env, .id = UK_ENV,
	    .allowed = "patterns of names, such as LC_*" },
	{ .name = "from", .parse = parse_from, .id = UK_FROM,
	    .allowed = "networks, such as 203.0.113.0/24" },
	{ .name = "authorized_keys", .parse = parse_keys, .id = UK_KEYS,
	    .allowed = "public keys, as in authorized_keys" },
	{ .name = "authorized_keys_files", .parse = parse_key_files,
	    .id = UK_KEY_FILES, .allowed = "absolute paths" },
	{ .name = "password", .parse = parse_password, .id = UK_PASSWORD,
	    .allowed = "a hash that starts with $y$, $gy$, $7$, $2b$, $6$ or "
	    "$5$, or \"!\" for none" },
	{ .name = "pam", .parse = parse_pam, .id = UK_PAM },
};

_Static_assert(sizeof(user_rows) / sizeof(user_rows[0]) == UK_ALL,
    "a row for each key");

static void
layer_parse(struct parse *p, const struct node *v, const struct path *at,
    struct layer *l)
{
	l->note.at = l->at;
	row_walk(p, v, at, user_rows, UK_ALL, l, &l->note);
}

/* ---- one user: the layers together ---- */

static const struct layer *
pick(const struct user *u, enum user_key key)
{
	const struct layer *const *l = u->layer;

	while (*l == NULL || ((*l)->note.given & 1u << key) == 0)
		l++;		/* the last has every key */
	return *l;
}

/* Has a fault been told about that value? */
static bool
is_bad(const struct user *u, enum user_key key)
{
	return (pick(u, key)->note.bad & 1u << key) != 0;
}

static struct view
expand(struct parse *p, const struct user *u, enum user_key key,
    struct view v)
{
	struct path at = { u->path, view_str(user_rows[key].name), 0 };
	const struct layer *l = pick(u, key);
	struct wr w = wr_new(65536);
	struct view out;
	const char *why;

	if (v.n == 0 || memchr(v.p, '%', v.n) == NULL)
		return v;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] != '%')
			wr_u8(&w, v.p[i]);
		else if (v.p[++i] == 'u')
			wr_bytes(&w, u->name);
		else
			wr_u8(&w, '%');
	}
	if (w.bad || !value_path(wr_view(&w), &why))
		tree_fault(&p->t, l->at[key], &at, "%s with %%u as %s is no "
		    "path; use one of at most 4095 bytes without . and ..",
		    tree_quote(&p->t, v), tree_quote(&p->t, u->name));
	out = tree_copy(&p->t, wr_view(&w));
	wr_free(&w);
	return out;
}

static struct view_list
expand_all(struct parse *p, const struct user *u, enum user_key key,
    struct view_list l)
{
	struct view *v = tree_take_array(&p->t, l.n, sizeof(*v));

	if (v == NULL)
		return (struct view_list){ NULL, 0 };
	for (size_t i = 0; i < l.n; i++)
		v[i] = expand(p, u, key, l.v[i]);
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

	out->jail = expand(p, u, UK_JAIL, pick(u, UK_JAIL)->jail);
	out->start = expand(p, u, UK_START, pick(u, UK_START)->start);
	out->umask = pick(u, UK_UMASK)->umask;
	out->create = create->create && out->jail.n != 0;
	out->dirs = dirs->dirs;
	/* Told where the user says so; what is inherited may be for others. */
	if (create->kind == LAYER_USER && create->create &&
	    out->jail.n == 0 && !is_bad(u, UK_JAIL))
		tree_fault(&p->t, create->at[UK_CREATE], &at_create,
		    "there is no jail to create; needs jail");
	else if (dirs->kind == LAYER_USER && dirs->dirs.n != 0 &&
	    !create->create)
		tree_warn(&p->t, dirs->at[UK_DIRS], &at_dirs,
		    "nothing makes these folders; use create: on");
}

/* Can this way to log in ever succeed for p?  The method that cannot, or
 * -1. */
static int
chain_lacks(const struct auth_chain *c, const struct policy *p)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->method[i] == AUTH_PASSWORD && p->password.n == 0)
			return AUTH_PASSWORD;
		if (c->method[i] == AUTH_PUBLICKEY && p->nkeys == 0 &&
		    p->key_files.n == 0)
			return AUTH_PUBLICKEY;
	}
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
	bool usable = false, no_password = false;

	if (is_bad(u, UK_AUTH) || is_bad(u, UK_PASSWORD) ||
	    is_bad(u, UK_KEYS) || is_bad(u, UK_KEY_FILES))
		return;
	for (size_t i = 0; i < pol->nauth; i++) {
		int lack = chain_lacks(&pol->auth[i], pol);

		usable = usable || lack == -1;
		no_password = no_password || lack == AUTH_PASSWORD;
	}
	if (no_password && l->kind != LAYER_DEFAULTS)
		tree_fault(&p->t, l->at[UK_AUTH], &at, "asks for a password, "
		    "but this user has none; needs password, or auth "
		    "without it");
	else if (!usable)
		tree_warn(&p->t, u->mark, u->path, "nobody can log in: auth "
		    "asks for what this user does not have; needs "
		    "authorized_keys, authorized_keys_files or password");
	else if (no_password)
		tree_warn(&p->t, u->mark, &at, "defaults ask for a password, "
		    "but this user has none; that way is closed");
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
	out->key_files = expand_all(p, u, UK_KEY_FILES,
	    pick(u, UK_KEY_FILES)->key_files);
	out->password = pick(u, UK_PASSWORD)->password;
	check_auth(p, u, out);
	for (size_t i = 0; i < out->nauth; i++)
		p->main.methods |= 1u << out->auth[i].method[0];
}

static void
user_encode(struct parse *p, const struct policy *pol)
{
	size_t at;

	p->offsets[p->nusers++] = (uint32_t)wr_size(&p->records);
	wr_str(&p->records, pol->name);
	at = wr_open(&p->records);
	policy_encode(&p->records, pol);
	wr_close(&p->records, at);
}

static void
user_parse(struct parse *p, const struct entry *e,
    const struct layer *defaults)
{
	struct path top = { NULL, view_str("users"), 0 };
	struct path at = { &top, e->name, 0 };
	struct layer own = { .kind = LAYER_USER };
	struct policy pol = { .name = e->name };
	struct user u = { e->name, e->mark, &at,
	    { &own, NULL, defaults, &builtin } };

	layer_parse(p, e->value, &at, &own);
	u.layer[1] = own.group;
	user_account(p, &u, &pol);
	user_jail(p, &u, &pol);
	pol.allow = pick(&u, UK_ALLOW)->allow;
	pol.env = pick(&u, UK_ENV)->env;
	pol.from = pick(&u, UK_FROM)->from;
	user_proof(p, &u, &pol);
	user_encode(p, &pol);
}

/* ---- all of them ---- */

static struct layer *
layer_new(struct parse *p, const struct node *v, const struct path *at,
    int kind)
{
	struct layer *l = tree_take(&p->t, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->kind = kind == LAYER_GROUP ? LAYER_GROUP : LAYER_DEFAULTS;
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
		    &defaults_at, LAYER_DEFAULTS);
	for (struct entry *g = p->groups.first; g != NULL; g = g->next) {
		struct path at = { &groups_at, g->name, 0 };

		g->layer = layer_new(p, g->value, &at, LAYER_GROUP);
	}
	for (size_t i = 0; i < p->users.n; i++)
		user_parse(p, all[i], defaults);
	/* With no user at all a client still hears of one method, as it
	 * would elsewhere. */
	if (p->main.methods == 0)
		p->main.methods = 1u << AUTH_PUBLICKEY;
}
