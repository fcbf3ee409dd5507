/*
 * What proves a user beside keys and the password: keys of the configuration
 * that are groups of their own.
 */
#include <stddef.h>

#include "base/config_layer.h"
#include "base/config_values.h"
#include "base/otp.h"

/* ---- totp ---- */

struct totp {
	struct view secret, file, algorithm;
	uint32_t digits, period_ms, drift;
	struct view_list recovery;
	bool shared;		/* not of one user alone */
};

#define HASH_KINDS	"$y$, $gy$, $7$, $2b$, $6$ or $5$"

/* The value is never shown. */
static void
parse_secret(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	struct totp *t = into;
	struct wr bytes = wr_new(OTP_SECRET_MAX + 1);
	struct view text;

	if (!row_text(p, v, at, row->allowed, &text)) {
		wr_free(&bytes);
		return;
	}
	if (t->shared)
		tree_fault(&p->t, v->mark, at, "a secret is one user's "
		    "alone; needs file, with %%u for the user's name");
	else if (!otp_secret(text, &bytes))
		tree_fault(&p->t, v->mark, at, "is not a secret; needs %s",
		    row->allowed);
	else {
		t->secret = tree_copy(&p->t, wr_view(&bytes));
		if (t->secret.n < 16)
			tree_warn(&p->t, v->mark, at, "is short; use 16 "
			    "bytes or more, which are 26 characters");
	}
	wr_free(&bytes);
}

static void
parse_file(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct totp *t = into;
	struct view text;
	const char *why;

	if (!row_text(p, v, at, row->allowed, &text))
		return;
	if (!layer_template(text, &why))
		tree_fault(&p->t, v->mark, at, "%s %s",
		    tree_quote(&p->t, text), why);
	else if (t->shared && !layer_names_user(text))
		tree_fault(&p->t, v->mark, at, "%s is one file for several "
		    "users; needs %%u in it", tree_quote(&p->t, text));
	else
		t->file = text;
}

static void
parse_algorithm(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	struct totp *t = into;

	if (!row_text(p, v, at, row->allowed, &t->algorithm))
		return;
	if (!view_is(t->algorithm, "sha1") &&
	    !view_is(t->algorithm, "sha256") &&
	    !view_is(t->algorithm, "sha512"))
		tree_fault(&p->t, v->mark, at, "%s is unknown; use %s",
		    tree_quote(&p->t, t->algorithm), row->allowed);
}

static bool
value_recovery(struct view v, const char **why_out)
{
	bool none;

	*why_out = "is not a crypt(3) hash; needs one that starts with "
	    HASH_KINDS;
	return value_hash(v, &none) && !none;
}

static void
parse_recovery(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	struct totp *t = into;

	if (t->shared) {
		tree_fault(&p->t, v->mark, at, "recovery codes are one "
		    "user's alone; needs to stand in totp of a user");
		return;
	}
	row_texts(p, v, at, POLICY_RECOVERY_MAX, row->allowed,
	    value_recovery, &t->recovery);
}

static const struct key_row totp_rows[] = {
	{ .name = "secret", .parse = parse_secret,
	    .allowed = "10 to 128 bytes in base32, as authenticator apps "
	    "take it" },
	{ .name = "file", .parse = parse_file,
	    .allowed = "an absolute path" },
	{ .name = "algorithm", .parse = parse_algorithm,
	    .allowed = "sha1, sha256 or sha512" },
	{ .name = "digits", .parse = row_number, .min = OTP_DIGITS_MIN,
	    .max = OTP_DIGITS_MAX, .allowed = "6, 7 or 8",
	    .offset = offsetof(struct totp, digits) },
	{ .name = "period", .parse = row_ms, .min = 10 * 1000,
	    .max = 300 * 1000, .allowed = "10s-5m",
	    .offset = offsetof(struct totp, period_ms) },
	{ .name = "drift", .parse = row_number, .min = 0,
	    .max = OTP_DRIFT_MAX, .allowed = "0-10",
	    .offset = offsetof(struct totp, drift) },
	{ .name = "recovery", .parse = parse_recovery,
	    .allowed = "hashes of codes" },
};

void
layer_totp(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct layer *l = into;
	struct totp t = { .digits = 6, .period_ms = 30 * 1000, .drift = 1,
	    .shared = l->kind != LAYER_USER };
	uint32_t before = p->t.nfaults;

	(void)row;
	/* the way to have none where a group has one */
	if (v->kind == NODE_TEXT && view_is(v->text, "none"))
		return;
	row_walk(p, v, at, totp_rows, sizeof(totp_rows) /
	    sizeof(totp_rows[0]), &t, NULL);
	if (p->t.nfaults != before)
		return;
	if ((t.secret.n != 0) == (t.file.n != 0)) {
		tree_fault(&p->t, v->mark, at, t.file.n != 0 ?
		    "has both secret and file; needs one of them" :
		    "has no secret; needs secret or file");
		return;
	}
	if (t.period_ms % 1000 != 0) {
		tree_fault(&p->t, v->mark, at, "has a period of part of a "
		    "second; needs whole ones");
		return;
	}
	if (p->main.state_dir.n == 0) {
		tree_fault(&p->t, v->mark, at, "cannot be kept from being "
		    "used twice without a place to remember it; needs "
		    "state_dir");
		return;
	}
	l->totp = (struct policy_totp){
		.secret = t.secret, .file = t.file,
		.hash = view_is(t.algorithm, "sha256") ? 1 :
		    view_is(t.algorithm, "sha512") ? 2 : 0,
		.digits = (uint8_t)t.digits, .drift = (uint8_t)t.drift,
		.period = t.period_ms / 1000, .recovery = t.recovery,
	};
}

/* ---- passwords that their users replace ---- */

void
layer_password_change(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	struct layer *l = into;
	struct view text;
	bool on;

	if (!row_text(p, v, at, row->allowed, &text))
		return;
	if (view_is(text, "expired"))
		l->password_change = PASSWORD_CHANGE_EXPIRED;
	else if (value_switch(text, &on))
		l->password_change = on ? PASSWORD_CHANGE_ON :
		    PASSWORD_CHANGE_OFF;
	else
		tree_fault(&p->t, v->mark, at, "%s is unknown; use %s",
		    tree_quote(&p->t, text), row->allowed);
	if (l->password_change != PASSWORD_CHANGE_OFF &&
	    p->main.state_dir.n == 0)
		tree_fault(&p->t, v->mark, at, "has no place to keep a new "
		    "password; needs state_dir");
}

/* ---- hosts ---- */

void
layer_known_hosts(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	struct layer *l = into;

	layer_lines(p, v, at, row->allowed, p->env->host_line,
	    &l->known_hosts, &l->nknown_hosts);
}

void
layer_known_hosts_files(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	row_texts(p, v, at, CONFIG_MAX_LIST, row->allowed, layer_template,
	    &((struct layer *)into)->known_hosts_files);
}

void
layer_hostbased_users(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	row_texts(p, v, at, CONFIG_MAX_LIST, row->allowed,
	    layer_name_template, &((struct layer *)into)->hostbased_users);
	/* an empty list would read as "nobody" and mean the user's name */
	if (v->kind == NODE_LIST && v->n == 0)
		tree_fault(&p->t, v->mark, at, "is empty; needs %s, or leave "
		    "the key out for the user's name alone", row->allowed);
}

/* ---- one user: the layers together ---- */

/* Is the code asked for on every way that a password opens? */
static void
check_totp(struct parse *p, const struct user *u, const struct policy *pol)
{
	struct path at = { u->path, view_str("totp"), 0 };
	const struct layer *l = user_pick(u, UK_TOTP);
	bool asked = false, password = false;

	for (size_t i = 0; i < pol->nauth; i++) {
		const struct auth_chain *c = &pol->auth[i];
		bool dialogue = layer_chain_has(c, AUTH_KBDINT);

		/* A program's dialogues are its own. */
		dialogue = dialogue && pol->programs.ask.n == 0;
		asked = asked || dialogue;
		password = password || (c->n == 1 &&
		    c->method[0] == AUTH_PASSWORD);
		if (dialogue && c->method[0] == AUTH_KBDINT &&
		    policy_has_totp(pol))
			p->main.asks_code = true;
	}
	if (!policy_has_totp(pol) || user_is_bad(u, UK_AUTH) ||
	    l->kind == LAYER_DEFAULTS)
		return;
	if (!asked)
		tree_warn(&p->t, l->at[UK_TOTP], &at, "nobody asks for the "
		    "code; use %s", pol->programs.ask.n != 0 ? "auth without "
		    "ask, whose program holds the dialogues" :
		    "keyboard-interactive in auth");
	else if (password)
		tree_warn(&p->t, l->at[UK_TOTP], &at, "the password alone is "
		    "enough without the code; use auth without password as "
		    "an entry of its own");
}

static void
user_totp(struct parse *p, const struct user *u, struct policy *out)
{
	out->totp = user_pick(u, UK_TOTP)->totp;
	out->totp.file = user_expand(p, u, UK_TOTP, out->totp.file);
	check_totp(p, u, out);
}

static void
user_password(struct parse *p, const struct user *u, struct policy *out)
{
	struct path at = { u->path, view_str("password_expires"), 0 };
	const struct layer *l = user_pick(u, UK_PASSWORD_EXPIRES);

	out->password_expires = user_moment(p, u, UK_PASSWORD_EXPIRES,
	    &l->password_expires, true);
	out->password_warn = user_pick(u, UK_PASSWORD_WARN)->password_warn_ms /
	    1000;
	out->password_min = (uint8_t)user_pick(u,
	    UK_PASSWORD_MIN)->password_min;
	out->password_change = (uint8_t)user_pick(u,
	    UK_PASSWORD_CHANGE)->password_change;
	if (p->main.state_dir.n != 0)
		return;
	out->password_change = PASSWORD_CHANGE_OFF;
	if (out->password_expires != 0 && out->password.n != 0 &&
	    l->kind != LAYER_DEFAULTS)
		tree_warn(&p->t, l->at[UK_PASSWORD_EXPIRES], &at, "will lock "
		    "this user out: there is no place to keep a new password; "
		    "use state_dir");
}

static void
user_hosts(struct parse *p, const struct user *u, struct policy *out)
{
	out->known_hosts = user_pick(u, UK_KNOWN_HOSTS)->known_hosts;
	out->nknown_hosts = user_pick(u, UK_KNOWN_HOSTS)->nknown_hosts;
	out->known_hosts_files = user_expand_all(p, u, UK_KNOWN_HOSTS_FILES,
	    user_pick(u, UK_KNOWN_HOSTS_FILES)->known_hosts_files);
	out->hostbased_users = user_expand_all(p, u, UK_HOSTBASED_USERS,
	    user_pick(u, UK_HOSTBASED_USERS)->hostbased_users);
}

void
secrets_user(struct parse *p, const struct user *u, struct policy *out)
{
	/* PAM asks for what it wants. */
	if (out->pam.n == 0)
		user_totp(p, u, out);
	user_password(p, u, out);
	user_hosts(p, u, out);
}
