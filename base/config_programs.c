/* Keys of a policy about programs that have a say in logins, and who runs
 * them. */
#include <stdlib.h>
#include <string.h>

#include "base/config_layer.h"
#include "base/config_values.h"

#define WORD_MAX	4096	/* bytes of one argument */
#define URL_MAX		2048

/* Tokens of authorized_keys_command, as sshd_config(5) has them. */
#define KEY_TOKENS	"uUhtkfC"

/* What programs are run for is decided by root alone. */
static bool
run_at_all(struct parse *p, const struct node *v, const struct path *at)
{
	if (p->env->unprivileged)
		tree_fault(&p->t, v->mark, at, "needs a server that runs as "
		    "root, which can run it as another account; start it as "
		    "root, or leave the key out");
	return !p->env->unprivileged;
}

/* The way to have none where a group has one. */
static bool
is_none(const struct node *v)
{
	return v->kind == NODE_TEXT && view_is(v->text, "none");
}

/* ---- command_user ---- */

void
programs_user(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	struct policy_programs *out = &((struct layer *)into)->programs;
	struct account a = { 0 };
	struct command_user *c;

	(void)row;
	account_parse(p, v, at, &a);
	if (!a.known)
		return;
	if (a.gid == 0) {
		tree_fault(&p->t, v->mark, at, "has the group of root, 0; "
		    "use an account of its own without rights");
		return;
	}
	out->uid = a.uid;
	out->gid = a.gid;
	out->groups = a.groups;
	out->ngroups = a.ngroups;
	if ((c = tree_take(&p->t, sizeof(*c))) == NULL)
		return;
	*c = (struct command_user){ p->command_users, a.uid, v->mark };
	p->command_users = c;
}

static int
by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, 4);
}

static bool
is_of_a_user(struct parse *p, uint32_t uid)
{
	struct view all = wr_view(&p->uids);
	uint8_t key[4];

	put_u32(key, uid);
	return all.n != 0 &&
	    bsearch(key, all.p, all.n / 4, 4, by_bytes) != NULL;
}

void
programs_finish(struct parse *p)
{
	struct path at = { NULL, view_str("command_user"), 0 };
	struct view all = wr_view(&p->uids);

	if (p->env->unprivileged)
		return;
	if (all.n != 0)
		qsort((void *)(uintptr_t)all.p, all.n / 4, 4, by_bytes);
	for (const struct command_user *c = p->command_users; c != NULL;
	    c = c->next) {
		if (c->uid == p->main.server_uid)
			tree_fault(&p->t, c->mark, &at, "is the account of "
			    "server_user, whose process programs must not "
			    "reach; use an account of its own");
		else if (is_of_a_user(p, c->uid))
			tree_fault(&p->t, c->mark, &at, "is the account of a "
			    "user, whose programs could reach this one; use "
			    "an account of its own");
	}
}

/* ---- programs ---- */

/* Takes one word of argv; %% is a percent sign, tokens stay as they are. */
static bool
take_word(struct parse *p, const struct node *v, const struct path *at,
    struct view word, bool tokens, struct view *out)
{
	struct wr w = wr_new(WORD_MAX);
	bool good = true;

	for (size_t i = 0; i < word.n && good; i++) {
		uint8_t next = i + 1 < word.n ? word.p[i + 1] : 0;

		if (word.p[i] == '%' && next == '%')
			i++;
		else if (word.p[i] == '%')
			good = tokens && next != 0 &&
			    strchr(KEY_TOKENS, next) != NULL;
		/* with tokens it is expanded again later */
		if (tokens && word.p[i] == '%' && next == '%')
			wr_u8(&w, '%');
		wr_u8(&w, word.p[i]);
	}
	if (!good)
		tree_fault(&p->t, v->mark, at, tokens ? "%s has an unknown "
		    "%%; use %%u %%U %%h %%t %%k %%f %%C, and %%%% for a "
		    "percent sign" : "%s has a %%, but nothing of the client "
		    "goes into these words: it comes on standard input; use "
		    "%%%% for a percent sign", tree_quote(&p->t, word));
	else if (w.bad)
		tree_fault(&p->t, v->mark, at, "is too long; a word has at "
		    "most 4096 bytes");
	else
		*out = tree_copy(&p->t, wr_view(&w));
	good = good && !w.bad;
	wr_free(&w);
	return good;
}

static bool
path_ok(struct parse *p, const struct node *v, const struct path *at,
    struct view path)
{
	const char *why;
	bool missing = false;

	if (!value_path(path, &why)) {
		tree_fault(&p->t, v->mark, at, "%s %s",
		    tree_quote(&p->t, path), why);
		return false;
	}
	if (p->env->program == NULL || p->env->program(path, &missing, &why))
		return true;
	if (missing)
		tree_warn(&p->t, v->mark, at, "%s is not there yet; until it "
		    "is, whoever needs it is refused",
		    tree_quote(&p->t, path));
	else
		tree_fault(&p->t, v->mark, at, "%s is not safe to run: %s",
		    tree_quote(&p->t, path), why);
	return missing;
}

void
programs_argv(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	struct view_list *out = (void *)((uint8_t *)into + row->offset);
	struct path here = { at, view_of(NULL, 0), 0 };
	bool tokens = row->id == UK_KEYS_COMMAND;
	struct view *words, text;
	size_t n = 0;

	if (is_none(v) || !run_at_all(p, v, at) ||
	    !row_is_list(p, v, at, POLICY_ARGV_MAX, row->allowed) ||
	    (words = tree_take_array(&p->t, v->n, sizeof(*words))) == NULL)
		return;
	if (v->n == 0)
		tree_fault(&p->t, v->mark, at, "is empty; needs %s",
		    row->allowed);
	for (const struct item *i = v->first; i != NULL;
	    i = i->next, here.index++) {
		if (!row_text(p, i->value, &here, row->allowed, &text) ||
		    !take_word(p, i->value, &here, text, tokens && n != 0,
		    &words[n]) ||
		    (n == 0 && !path_ok(p, i->value, &here, words[0])))
			return;
		n++;
	}
	*out = (struct view_list){ words, n };
}

/* ---- auth_url ---- */

/* Is the host this machine itself, by its usual names? */
static bool
is_local(struct view host)
{
	return view_is(host, "localhost") || view_is(host, "[::1]") ||
	    (host.n > 4 && memcmp(host.p, "127.", 4) == 0 &&
	    strspn((const char *)host.p, "0123456789.") >= host.n);
}

static bool
starts(struct view v, const char *with)
{
	return v.n >= strlen(with) && memcmp(v.p, with, strlen(with)) == 0;
}

static const char *
url_fault(struct view v)
{
	bool https = starts(v, "https://");
	struct view rest, host;
	size_t n;

	if (!https && !starts(v, "http://"))
		return "is not a URL of HTTP; use https://HOST/...";
	if (v.n > URL_MAX)
		return "is too long; at most 2048 bytes";
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] <= ' ' || v.p[i] >= 0x7f || v.p[i] == '\\' ||
		    v.p[i] == '#')
			return "has a character that does not stand in a URL; "
			    "write it as %XX, and no #";
	n = https ? 8 : 7;
	rest = view_of(v.p + n, v.n - n);
	n = strcspn((const char *)rest.p, "/?");	/* NUL is behind it */
	host = view_of(rest.p, n < rest.n ? n : rest.n);
	if (memchr(rest.p, '@', host.n) != NULL)
		return "holds a user name; use auth_url_token for a secret";
	for (n = host.n; n != 0 && host.p[n - 1] >= '0' &&
	    host.p[n - 1] <= '9'; n--)
		;
	if (n != 0 && host.p[n - 1] == ':')
		host.n = n - 1;
	if (host.n == 0)
		return "has no host; use https://HOST/...";
	if (!https && !is_local(host))
		return "would send passwords in clear over a network; use "
		    "https, or http to localhost";
	return NULL;
}

void
programs_url(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	struct layer *l = into;
	struct view text;
	const char *why;

	if (is_none(v) || !run_at_all(p, v, at) ||
	    !row_text(p, v, at, row->allowed, &text))
		return;
	text = tree_copy(&p->t, text);
	if ((why = text.p == NULL ? "is too much" : url_fault(text)) != NULL)
		tree_fault(&p->t, v->mark, at, "%s %s",
		    tree_quote(&p->t, text), why);
	else
		l->programs.url = text;
}

void
programs_file(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	struct view *out = (void *)((uint8_t *)into + row->offset), text;
	const char *why;

	if (is_none(v) || !row_text(p, v, at, row->allowed, &text))
		return;
	if (value_path(text, &why))
		*out = text;
	else
		tree_fault(&p->t, v->mark, at, "%s %s",
		    tree_quote(&p->t, text), why);
}

void
programs_methods(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	struct path here = { at, view_of(NULL, 0), 0 };
	uint32_t *out = &((struct layer *)into)->programs.methods;
	struct view text;

	if (!row_is_list(p, v, at, AUTH_METHODS, row->allowed))
		return;
	if (v->n == 0)
		tree_fault(&p->t, v->mark, at, "is empty; needs %s",
		    row->allowed);
	for (const struct item *i = v->first; i != NULL;
	    i = i->next, here.index++) {
		int m;

		if (!row_text(p, i->value, &here, row->allowed, &text))
			continue;
		m = auth_method_find(text);
		if (m == AUTH_PASSWORD || m == AUTH_PUBLICKEY)
			*out |= (uint32_t)1 << m;
		else
			tree_fault(&p->t, i->value->mark, &here, "%s is not "
			    "decided elsewhere; use %s",
			    tree_quote(&p->t, text), row->allowed);
	}
}

/* ---- one user ---- */

void
programs_check(struct parse *p, const struct policy_programs *pr,
    struct mark m, const struct path *at)
{
	const char *why = NULL;

	if (pr->decide.n != 0 && pr->url.n != 0)
		why = "is given beside auth_url; only one of them can "
		    "decide, use none for the other";
	else if (pr->uid == 0)
		why = "has nobody to run it; needs command_user, an account "
		    "of its own without rights";
	/* Once for all who inherit it. */
	if (why == NULL || (m.file == p->told.file && m.line == p->told.line &&
	    m.column == p->told.column))
		return;
	p->told = m;
	tree_fault(&p->t, m, at, "%s", why);
}

void
programs_note(struct parse *p, const struct policy *pol, size_t users)
{
	const struct policy decoy = policy_decoy(pol);
	struct wr w = wr_new(1 << 20);
	struct config_main *m = &p->main;
	size_t i = 0;

	wr_u32(&p->uids, pol->uid);
	policy_encode(&w, &decoy);
	m->decoys = p->decoys;
	while (i < m->ndecoys && !view_eq(p->decoys[i].policy, wr_view(&w)))
		i++;
	if (i == m->ndecoys && i < CONFIG_MAX_DECOYS && !w.bad) {
		p->decoys[i].policy = tree_copy(&p->t, wr_view(&w));
		m->ndecoys++;
	}
	if (i < m->ndecoys)
		p->decoys[i].users += (uint32_t)users;
	wr_free(&w);
}
