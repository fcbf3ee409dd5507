/* Where the values of one user come from, told to who asks for it
 * (config_env.origin).  The daemon does not. */
#include <stddef.h>
#include <string.h>

#include "base/config_layer.h"

#define SHOW_MAX	4096	/* bytes of one value */

/*
 * What is particular about a key.  A key that is not here is shown as it was
 * written, and is "none" where nobody gives it.
 */
static const struct shown {
	bool secret;
	const char *builtin;	/* in words */
	/* a struct view or view_list of the policy, with %u expanded */
	enum { SHOW_NODE, SHOW_TEXT, SHOW_LIST } as;
	size_t field;		/* its offset */
} keys[UK_ALL] = {
	[UK_JAIL] = { false, NULL, SHOW_TEXT, offsetof(struct policy, jail) },
	[UK_CREATE] = { .builtin = "off" },
	[UK_START] = { false, NULL, SHOW_TEXT,
	    offsetof(struct policy, start) },
	[UK_UMASK] = { .builtin = "\"0022\"" },
	[UK_ALLOW] = { .builtin = "[sftp, scp]" },
	[UK_AUTH] = { .builtin = "[publickey]" },
	[UK_FROM] = { .builtin = "anywhere" },
	[UK_KEY_FILES] = { false, NULL, SHOW_LIST,
	    offsetof(struct policy, key_files) },
	[UK_PAM] = { false, NULL, SHOW_TEXT, offsetof(struct policy, pam) },
	[UK_PASSWORD] = { .secret = true },
	[UK_PASSWORD_EXPIRES] = { .builtin = "never" },
	[UK_PASSWORD_WARN] = { .builtin = "14d" },
	[UK_PASSWORD_CHANGE] = { .builtin = "expired" },
	[UK_PASSWORD_MIN] = { .builtin = "12" },
	[UK_TOTP] = { .secret = true },
	[UK_KNOWN_HOSTS_FILES] = { false, NULL, SHOW_LIST,
	    offsetof(struct policy, known_hosts_files) },
	[UK_HOSTBASED_USERS] = { false, "the user's name", SHOW_LIST,
	    offsetof(struct policy, hostbased_users) },
	[UK_CA_KEYS] = { false, NULL, SHOW_LIST,
	    offsetof(struct policy, ca_keys) },
	[UK_PRINCIPALS] = { false, "the user's name", SHOW_LIST,
	    offsetof(struct policy, principals) },
	[UK_KEY_BITS] = { .builtin = "{rsa: 2048, ecdsa: 256}" },
	[UK_HOURS] = { .builtin = "always" },
	[UK_TIME_ZONE] = { .builtin = "that of the host" },
	[UK_SHELL] = { .builtin = "that of the account" },
	[UK_SET_ENV] = { .secret = true },
	[UK_LINGER] = { .builtin = "off" },
	[UK_FORWARD] = { .builtin = "{open: [\"*:*\"], listen: "
	    "[127.0.0.0/8:*, \"[::1]:*\"], unix: [/], unix_mask: "
	    "\"0177\", unix_unlink: off}" },
	[UK_X11] = { .builtin = "{localhost: on, offset: 10}" },
	[UK_COMMAND_TIMEOUT] = { .builtin = "10s" },
	[UK_AUTH_URL_TOKEN] = { .secret = true },	/* its file */
	[UK_AUTH_EXTERNAL] = { .builtin = "[password, publickey]" },
};

bool
origin_secret(enum user_key key)
{
	return keys[key].secret;
}

/* ---- values as YAML, in one line ---- */

/* Can it stand without quotes, also inside of [] and {}?  Stricter than
 * YAML. */
static bool
plain(struct view v)
{
	if (v.n == 0 || memchr("-?!&*|>%@` ", v.p[0], 11) != NULL ||
	    v.p[v.n - 1] == ' ' || v.p[v.n - 1] == ':')
		return false;
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] < ' ' || v.p[i] == 0x7f ||
		    memchr("\"\\#,[]{}'", v.p[i], 9) != NULL ||
		    (v.p[i] == ':' && i + 1 < v.n && v.p[i + 1] == ' '))
			return false;
	return true;
}

static void
put_quoted(struct wr *w, struct view v)
{
	static const char hex[] = "0123456789abcdef";

	wr_u8(w, '"');
	for (size_t i = 0; i < v.n; i++) {
		uint8_t c = v.p[i];

		if (c == '\n') {
			wr_bytes(w, view_str("\\n"));
		} else if (c < ' ' || c == 0x7f) {
			wr_bytes(w, view_str("\\x"));
			wr_u8(w, (uint8_t)hex[c >> 4]);
			wr_u8(w, (uint8_t)hex[c & 15]);
		} else {
			if (c == '"' || c == '\\')
				wr_u8(w, '\\');
			wr_u8(w, c);
		}
	}
	wr_u8(w, '"');
}

static void
put_text(struct wr *w, struct view v)
{
	if (plain(v))
		wr_bytes(w, v);
	else
		put_quoted(w, v);
}

/* The tree is no deeper than TREE_MAX_DEPTH. */
static void
put_node(struct wr *w, const struct node *n)
{
	const char *ends = n->kind == NODE_LIST ? "[]" : "{}";

	if (n->kind == NODE_TEXT) {
		if (n->plain)
			wr_bytes(w, n->text);
		else
			put_quoted(w, n->text);
		return;
	}
	wr_u8(w, (uint8_t)ends[0]);
	for (const struct item *i = n->first; i != NULL && !w->bad;
	    i = i->next) {
		if (i != n->first)
			wr_bytes(w, view_str(", "));
		if (i->key != NULL) {
			put_text(w, i->key->text);
			wr_bytes(w, view_str(": "));
		}
		put_node(w, i->value);
	}
	wr_u8(w, (uint8_t)ends[1]);
}

static void
put_list(struct wr *w, struct view_list l)
{
	wr_u8(w, '[');
	for (size_t i = 0; i < l.n && !w->bad; i++) {
		if (i != 0)
			wr_bytes(w, view_str(", "));
		put_text(w, l.v[i]);
	}
	wr_u8(w, ']');
}

/* A secret that is there to say that there is none. */
static bool
says_none(const struct node *n)
{
	return node_is_null(n) || (n->kind == NODE_TEXT &&
	    (n->text.n == 0 || view_is(n->text, "none") ||
	    view_is(n->text, "!") || view_is(n->text, "*")));
}

static void
put_value(struct wr *w, const struct shown *k, const struct node *n,
    const struct policy *pol)
{
	const void *field = (const uint8_t *)pol + k->field;
	struct view text;

	if (k->secret) {
		wr_bytes(w, view_str(says_none(n) ? "none" : "set"));
	} else if (k->as == SHOW_TEXT) {
		memcpy(&text, field, sizeof(text));
		if (text.n != 0)
			put_text(w, text);
		else
			wr_bytes(w, view_str("none"));
	} else if (k->as == SHOW_LIST) {
		put_list(w, *(const struct view_list *)field);
	} else
		put_node(w, n);
}

/* ---- telling ---- */

static const char *
layer_word(const struct layer *l)
{
	switch (l->kind) {
	case LAYER_USER:
		return "user";
	case LAYER_GROUP:
		return "group";
	case LAYER_DEFAULTS:
		return "defaults";
	default:
		return "built in";
	}
}

/* Texts that host_accounts gives in the place of a layer. */
static bool
host_says(const struct parse *p, const struct user *u, enum user_key key)
{
	bool builtin = user_pick(u, key)->kind == LAYER_BUILTIN;

	return u->host && ((key == UK_KEY_FILES && builtin) ||
	    (key == UK_PAM && (p->host.pam.n != 0 || builtin)));
}

static void
tell(struct parse *p, const struct user *u, enum user_key key,
    const struct policy *pol)
{
	const struct shown *k = &keys[key];
	const struct layer *l = user_pick(u, key);
	struct wr w = wr_new(SHOW_MAX), shown = wr_new(SHOW_MAX + 8);
	struct config_origin o = {
		.key = layer_key(key), .layer = layer_word(l), .group = l->name,
		.block = l->block,
	};

	if (host_says(p, u, key)) {
		o.layer = "host_accounts";
		o.group = view_of(NULL, 0);
		o.file = p->t.file[p->host.mark.file];
		o.line = p->host.mark.line;
		o.column = p->host.mark.column;
		put_value(&w, k, NULL, pol);
		o.value = wr_view(&w);
	} else if (l->kind == LAYER_BUILTIN) {
		o.value = view_str(k->builtin != NULL ? k->builtin :
		    "none");
	} else {
		o.file = p->t.file[l->at[key].file];
		o.line = l->at[key].line;
		o.column = l->at[key].column;
		put_value(&w, k, l->node[key], pol);
		wr_bytes(&shown, wr_view(&w));
		if (w.bad)	/* there was no room for the rest */
			wr_bytes(&shown, view_str(" ..."));
		o.value = wr_view(&shown);
	}
	p->env->origin(p->env->origin_ctx, &o);
	wr_free(&w);
	wr_free(&shown);
}

void
origin_tell(struct parse *p, const struct user *u, const struct policy *pol)
{
	for (unsigned key = 0; key < UK_ALL; key++)
		if (key != UK_WHEN && key != UK_IF)
			tell(p, u, (enum user_key)key, pol);
}
