#include <stddef.h>
#include <string.h>

#include "base/config_layer.h"
#include "base/config_values.h"

static void
parse_group(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct layer *l = into;
	struct named *n;
	struct view name;

	if (l->block != 0) {
		tree_fault(&p->t, v->mark, at, "cannot depend on where "
		    "somebody comes from; use when in the group");
		return;
	}
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

bool
layer_names_user(struct view v)
{
	for (size_t i = 0; i + 1 < v.n; i++) {
		if (v.p[i] != '%')
			continue;
		if (v.p[++i] == 'u')
			return true;
	}
	return false;
}

bool
layer_template(struct view v, const char **why_out)
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
	if (layer_template(text, &why))
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
	uint32_t bit = policy_allow_bit(v->text);

	if (bit == 0)
		tree_fault(&p->t, v->mark, at, "%s is not a right; use %s",
		    tree_quote(&p->t, v->text), allow_words(p));
	else if ((l->allow & bit) != 0)
		tree_fault(&p->t, v->mark, at, "%s is given twice; needs one",
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

bool
layer_chain_has(const struct auth_chain *c, int method)
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

	if (m == -1 || m == AUTH_NONE)
		return "is not a method; use publickey, password, "
		    "keyboard-interactive or hostbased, joined with + if "
		    "several are needed";
	/* Two different keys are two proofs. */
	if (m != AUTH_PUBLICKEY && layer_chain_has(c, m))
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
	row_texts(p, v, at, CONFIG_MAX_ENV, row->allowed, value_env,
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

void
layer_lines(struct parse *p, const struct node *v, const struct path *at,
    const char *allowed, bool (*line)(struct view line,
    const char **why_out, char doubt_out[CONFIG_DOUBT_MAX]),
    const struct policy_key **out, size_t *n_out)
{
	struct path here = { at, view_of(NULL, 0), 0 };
	struct policy_key *keys;
	char doubt[CONFIG_DOUBT_MAX] = "";
	const char *why;
	struct view text;
	size_t n = 0;

	if (!row_is_list(p, v, at, CONFIG_MAX_LIST, allowed) ||
	    (keys = tree_take_array(&p->t, v->n, sizeof(*keys))) == NULL)
		return;
	for (const struct item *i = v->first; i != NULL;
	    i = i->next, here.index++) {
		struct mark m = i->value->mark;

		if (!row_text(p, i->value, &here, allowed, &text))
			continue;
		while (text.n != 0 && (text.p[text.n - 1] == '\n' ||
		    text.p[text.n - 1] == ' '))
			text.n--;	/* a block of one line */
		if (!value_key_line(text, &why) ||
		    (line != NULL && !line(text, &why, doubt))) {
			tree_fault(&p->t, m, &here, "%s", why);
			continue;
		}
		if (doubt[0] != '\0')
			tree_warn(&p->t, m, &here, "%s", doubt);
		keys[n++] = (struct policy_key){ text,
		    view_str(p->t.file[m.file]), m.line };
	}
	*out = keys;
	*n_out = n;
}

static void
parse_keys(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct layer *l = into;

	layer_lines(p, v, at, row->allowed, p->env->key_line, &l->keys,
	    &l->nkeys);
}

/* A template, or a path in the user's home. */
static bool
value_key_file(struct view v, const char **why_out)
{
	if (v.n > 3 && memcmp(v.p, "%h/", 3) == 0)
		v = view_of(v.p + 2, v.n - 2);
	return layer_template(v, why_out);
}

static void
parse_key_files(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	row_texts(p, v, at, CONFIG_MAX_LIST, row->allowed, value_key_file,
	    &((struct layer *)into)->key_files);
}

static void
parse_ca_keys(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	row_texts(p, v, at, CONFIG_MAX_LIST, row->allowed, layer_template,
	    &((struct layer *)into)->ca_keys);
}

bool
layer_name_template(struct view v, const char **why_out)
{
	if (!value_principal(v, why_out))
		return false;
	*why_out = "has an unknown %; use %u for the user's name and %% for "
	    "a percent sign";
	return expandable(v);
}

static void
parse_principals(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	row_texts(p, v, at, CONFIG_MAX_LIST, row->allowed,
	    layer_name_template, &((struct layer *)into)->principals);
	/* an empty list would read as "nobody" and mean the user's name */
	if (v->kind == NODE_LIST && v->n == 0)
		tree_fault(&p->t, v->mark, at, "is empty; needs %s, or leave "
		    "the key out for the user's name alone", row->allowed);
}

static void
parse_revoked_keys(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	row_texts(p, v, at, CONFIG_MAX_LIST, row->allowed, value_path,
	    &((struct layer *)into)->revoked_keys);
}

static void
parse_key_bits(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	static const struct key_row rows[] = {
		{ .name = "rsa", .parse = row_number, .min = 2048,
		    .max = 16384, .allowed = "2048-16384",
		    .offset = offsetof(struct layer, key_bits_rsa) },
		{ .name = "ecdsa", .parse = row_number, .min = 256,
		    .max = 521, .allowed = "256, 384 or 521",
		    .offset = offsetof(struct layer, key_bits_ecdsa) },
	};

	(void)row;
	row_walk(p, v, at, rows, sizeof(rows) / sizeof(rows[0]), into, NULL);
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
	layer_pam(p, v, at, row->allowed, &((struct layer *)into)->pam);
}

#define DATE_FORM "a day such as 2026-01-31, a time such as " \
	"2026-01-31T08:00:00Z, or none"

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
	{ .name = "password_expires", .parse = rules_date,
	    .id = UK_PASSWORD_EXPIRES,
	    .offset = offsetof(struct layer, password_expires),
	    .allowed = DATE_FORM },
	{ .name = "password_warn", .parse = row_ms, .id = UK_PASSWORD_WARN,
	    .offset = offsetof(struct layer, password_warn_ms),
	    .max = UINT32_C(40) * 86400 * 1000,
	    .allowed = "0 for never, or up to 40d" },
	{ .name = "password_change", .parse = layer_password_change,
	    .id = UK_PASSWORD_CHANGE, .allowed = "on, off or expired" },
	{ .name = "password_min", .parse = row_number,
	    .id = UK_PASSWORD_MIN, .min = 8, .max = 128,
	    .offset = offsetof(struct layer, password_min),
	    .allowed = "8-128" },
	{ .name = "totp", .parse = layer_totp, .id = UK_TOTP },
	{ .name = "pam", .parse = parse_pam, .id = UK_PAM,
	    .allowed = "the name of a PAM service, or none" },
	{ .name = "trusted_ca_keys", .parse = parse_ca_keys,
	    .id = UK_CA_KEYS, .allowed = "absolute paths" },
	{ .name = "principals", .parse = parse_principals,
	    .id = UK_PRINCIPALS, .allowed = "names in certificates" },
	{ .name = "revoked_keys", .parse = parse_revoked_keys,
	    .id = UK_REVOKED_KEYS, .allowed = "absolute paths" },
	{ .name = "known_hosts", .parse = layer_known_hosts,
	    .id = UK_KNOWN_HOSTS,
	    .allowed = "keys of hosts, as in known_hosts" },
	{ .name = "known_hosts_files", .parse = layer_known_hosts_files,
	    .id = UK_KNOWN_HOSTS_FILES, .allowed = "absolute paths" },
	{ .name = "hostbased_users", .parse = layer_hostbased_users,
	    .id = UK_HOSTBASED_USERS,
	    .allowed = "names, such as backup or backup@*.example.org" },
	{ .name = "key_bits", .parse = parse_key_bits, .id = UK_KEY_BITS },
	{ .name = "banner", .parse = rules_banner, .id = UK_BANNER,
	    .allowed = "a text of at most 8192 bytes" },
	{ .name = "hours", .parse = rules_hours, .id = UK_HOURS,
	    .allowed = "ranges of hours, such as \"Mon-Fri 08:00-18:00\"" },
	{ .name = "time_zone", .parse = rules_time_zone, .id = UK_TIME_ZONE,
	    .allowed = "a name such as Europe/Berlin, or UTC" },
	{ .name = "not_before", .parse = rules_date, .id = UK_NOT_BEFORE,
	    .offset = offsetof(struct layer, not_before),
	    .allowed = DATE_FORM },
	{ .name = "expires", .parse = rules_date, .id = UK_EXPIRES,
	    .offset = offsetof(struct layer, expires),
	    .allowed = DATE_FORM },
	{ .name = "sessions", .parse = rules_sessions, .id = UK_SESSIONS,
	    .allowed = "1-65536, or none for any number" },
	{ .name = "when", .parse = when_blocks, .id = UK_WHEN,
	    .allowed = "blocks such as {if: {from: [203.0.113.0/24]}, "
	    "auth: [publickey]}" },
	{ .name = "if", .parse = when_if, .id = UK_IF,
	    .allowed = "{from: [networks]}, {listen: [addresses]} or both" },
	{ .name = "shell", .parse = run_path, .id = UK_SHELL,
	    .offset = offsetof(struct layer, run.shell),
	    .allowed = "the path of a shell, or none" },
	{ .name = "command", .parse = run_command, .id = UK_COMMAND,
	    .allowed = "a command for the shell, or none" },
	{ .name = "set_env", .parse = run_set_env, .id = UK_SET_ENV,
	    .allowed = "a mapping of names to values" },
	{ .name = "subsystems", .parse = run_subsystems,
	    .id = UK_SUBSYSTEMS, .allowed = "a mapping of names to commands" },
	{ .name = "motd", .parse = run_path, .id = UK_MOTD,
	    .offset = offsetof(struct layer, run.motd),
	    .allowed = "the path of a file, or none" },
	{ .name = "resources", .parse = run_resources, .id = UK_RESOURCES },
	{ .name = "linger", .parse = run_linger, .id = UK_LINGER,
	    .allowed = "on or off" },
	{ .name = "builtins", .parse = run_builtins, .id = UK_BUILTINS,
	    .allowed = "names of built-in commands, such as md5sum" },
	{ .name = "forward", .parse = forward_key, .id = UK_FORWARD },
	{ .name = "x11", .parse = forward_x11_key, .id = UK_X11 },
	{ .name = "command_user", .parse = programs_user,
	    .id = UK_COMMAND_USER },
	{ .name = "command_timeout", .parse = row_ms,
	    .id = UK_COMMAND_TIMEOUT, .min = 100, .max = 60000,
	    .offset = offsetof(struct layer, programs.timeout_ms),
	    .allowed = "100ms to 60s" },
	{ .name = "authorized_keys_command", .parse = programs_argv,
	    .id = UK_KEYS_COMMAND,
	    .offset = offsetof(struct layer, programs.keys),
	    .allowed = "a program and its arguments, or none" },
	{ .name = "ask", .parse = programs_argv, .id = UK_ASK,
	    .offset = offsetof(struct layer, programs.ask),
	    .allowed = "a program and its arguments, or none" },
	{ .name = "auth_command", .parse = programs_argv,
	    .id = UK_AUTH_COMMAND,
	    .offset = offsetof(struct layer, programs.decide),
	    .allowed = "a program and its arguments, or none" },
	{ .name = "auth_url", .parse = programs_url, .id = UK_AUTH_URL,
	    .allowed = "https://HOST/..., or none" },
	{ .name = "auth_url_ca", .parse = programs_file,
	    .id = UK_AUTH_URL_CA,
	    .offset = offsetof(struct layer, programs.url_ca),
	    .allowed = "an absolute path, or none" },
	{ .name = "auth_url_token", .parse = programs_file,
	    .id = UK_AUTH_URL_TOKEN,
	    .offset = offsetof(struct layer, programs.url_token),
	    .allowed = "an absolute path, or none" },
	{ .name = "auth_external", .parse = programs_methods,
	    .id = UK_AUTH_EXTERNAL,
	    .allowed = "password, publickey or both" },
};

_Static_assert(sizeof(user_rows) / sizeof(user_rows[0]) == UK_ALL,
    "a row for each key");

const char *
layer_key(enum user_key key)
{
	return user_rows[key].name;
}

void
layer_parse(struct parse *p, const struct node *v, const struct path *at,
    struct layer *l)
{
	l->note.at = l->at;
	l->note.node = l->node;
	row_walk(p, v, at, user_rows, UK_ALL, l, &l->note);
}
