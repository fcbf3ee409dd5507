#include <stdlib.h>
#include <string.h>

#include "sftp/command.h"

/* What an expansion adds is bounded by this. */
#define WORD_BYTES_MAX	(32 * 1024)

struct parse {
	struct command *c;
	const struct jail_policy *policy;
	struct view left;
	struct wr text, pattern;	/* the word being read */
	bool in_word;
	bool if_ok;			/* && stands before the next part */
	size_t first;			/* word of the part being read */
	const char *why;
};

static bool
fail(struct parse *p, const char *why)
{
	p->why = why;
	return false;
}

/* ---- words ---- */

/* A byte of the word; special: it may mean something in a pattern. */
static void
put(struct parse *p, uint8_t b, bool special)
{
	p->in_word = true;
	wr_u8(&p->text, b);
	if (!special && memchr("*?[]\\-!^", b, 8) != NULL)
		wr_u8(&p->pattern, '\\');
	wr_u8(&p->pattern, b);
}

static void
put_text(struct parse *p, const char *s)
{
	while (s != NULL && *s != '\0')
		put(p, (uint8_t)*s++, false);
}

static bool
end_word(struct parse *p)
{
	struct command *c = p->c;
	struct command_word *w = &c->word[c->nwords];

	if (!p->in_word)
		return true;
	if (c->nwords == COMMAND_WORDS_MAX)
		return fail(p, "too many words");
	if (p->text.bad || p->pattern.bad)
		return fail(p, "a word is too long");
	c->nwords++;
	w->text = view_dup(wr_view(&p->text));
	w->pattern = view_dup(wr_view(&p->pattern));
	if (w->text == NULL || w->pattern == NULL)
		return fail(p, "out of memory");
	wr_reset(&p->text);
	wr_reset(&p->pattern);
	p->in_word = false;
	return true;
}

static bool
end_part(struct parse *p, bool last)
{
	struct command *c = p->c;

	if (!end_word(p))
		return false;
	if (c->nwords == p->first) {
		if (last && c->nparts != 0 && !p->if_ok)
			return true;	/* a ; at the end */
		return fail(p, "a command is missing");
	}
	if (c->nparts == COMMAND_PARTS_MAX)
		return fail(p, "too many commands");
	c->part[c->nparts++] = (struct command_part){ p->first,
	    c->nwords - p->first, p->if_ok };
	p->first = c->nwords;
	return true;
}

/* ---- taking the line apart ---- */

static uint8_t
peek(const struct parse *p, size_t i)
{
	return i < p->left.n ? p->left.p[i] : 0;
}

static void
skip(struct parse *p, size_t n)
{
	p->left = view_of(p->left.p + n, p->left.n - n);
}

static bool
is_name(uint8_t b, bool first)
{
	return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || b == '_' ||
	    (!first && b >= '0' && b <= '9');
}

static const char *
variable(const struct parse *p, struct view name)
{
	const struct jail_policy *j = p->policy;

	if (view_is(name, "HOME"))
		return j->home;
	if (view_is(name, "USER") || view_is(name, "LOGNAME"))
		return j->user;
	if (view_is(name, "PWD"))
		return j->start;
	return NULL;
}

/* $NAME and ${NAME}: what is not known is empty, as in a shell.  A $ with
 * nothing of that kind behind it is a $. */
static bool
dollar(struct parse *p)
{
	bool brace = peek(p, 1) == '{';
	size_t at = brace ? 2 : 1, n = 0;

	while (is_name(peek(p, at + n), n == 0))
		n++;
	if (n == 0 && (brace || (peek(p, 1) != 0 &&
	    strchr("(?$!#@*-0123456789", peek(p, 1)) != NULL)))
		return fail(p, "a $ of this kind is not served");
	if (n == 0) {
		put(p, '$', false);
		skip(p, 1);
		return true;
	}
	if (brace && peek(p, at + n) != '}')
		return fail(p, "a ${} of this kind is not served");
	put_text(p, variable(p, view_of(p->left.p + at, n)));
	skip(p, at + n + (brace ? 1 : 0));
	return true;
}

static bool
single_quotes(struct parse *p)
{
	p->in_word = true;
	for (skip(p, 1); p->left.n != 0; skip(p, 1)) {
		if (peek(p, 0) == '\'') {
			skip(p, 1);
			return true;
		}
		put(p, peek(p, 0), false);
	}
	return fail(p, "a ' is not closed");
}

static bool
double_quotes(struct parse *p)
{
	p->in_word = true;
	skip(p, 1);
	while (p->left.n != 0) {
		uint8_t b = peek(p, 0);

		if (b == '"') {
			skip(p, 1);
			return true;
		}
		if (b == '`')
			return fail(p, "a ` is not served");
		if (b == '$') {
			if (!dollar(p))
				return false;
			continue;
		}
		if (b == '\\' && peek(p, 1) == '\n') {
			skip(p, 2);
			continue;
		}
		if (b == '\\' && peek(p, 1) != 0 &&
		    strchr("$`\"\\", peek(p, 1)) != NULL)
			skip(p, 1);
		put(p, peek(p, 0), false);
		skip(p, 1);
	}
	return fail(p, "a \" is not closed");
}

static bool
backslash(struct parse *p)
{
	if (p->left.n < 2)
		return fail(p, "a \\ has nothing behind it");
	if (peek(p, 1) != '\n')
		put(p, peek(p, 1), false);
	skip(p, 2);
	return true;
}

/* "~" and "~user" at the beginning of a word; nobody but the user has a home
 * here. */
static void
tilde(struct parse *p)
{
	const char *user = p->policy->user;
	size_t n = 1, len = user != NULL ? strlen(user) : 0;

	if (len != 0 && p->left.n > len &&
	    memcmp(p->left.p + 1, user, len) == 0)
		n += len;
	if (peek(p, n) != 0 && strchr("/ \t\r\n;&", peek(p, n)) == NULL)
		n = 0;
	if (n == 0) {
		put(p, '~', false);
		skip(p, 1);
		return;
	}
	put_text(p, p->policy->home != NULL ? p->policy->home : "/");
	skip(p, n);
}

/* What separates commands, and what a shell would do otherwise. */
static bool
operator(struct parse *p)
{
	uint8_t b = peek(p, 0);
	bool and = b == '&' && peek(p, 1) == '&';

	if (b != ';' && !and)
		return fail(p, b == '\n' ? "a line of its own is not served" :
		    b == '`' ? "a ` is not served" :
		    "|, &, <, > and parentheses are not served");
	if (!end_part(p, false))
		return false;
	p->if_ok = and;
	skip(p, and ? 2 : 1);
	return true;
}

static bool
step(struct parse *p)
{
	uint8_t b = peek(p, 0);

	switch (b) {
	case ' ':
	case '\t':
		skip(p, 1);
		return end_word(p);
	case '\'':
		return single_quotes(p);
	case '"':
		return double_quotes(p);
	case '\\':
		return backslash(p);
	case '$':
		return dollar(p);
	case ';':
	case '&':
	case '|':
	case '<':
	case '>':
	case '(':
	case ')':
	case '`':
	case '\n':
		return operator(p);
	case '~':
		if (!p->in_word) {
			tilde(p);
			return true;
		}
		break;
	}
	put(p, b, true);
	skip(p, 1);
	return true;
}

static bool
parse(struct parse *p)
{
	while (p->left.n != 0)
		if (!step(p))
			return false;
	return end_part(p, true);
}

struct command *
command_parse(struct view line, const struct jail_policy *policy,
    const char **why_out)
{
	struct parse p = { .policy = policy, .left = line,
	    .text = wr_new(WORD_BYTES_MAX),
	    .pattern = wr_new(WORD_BYTES_MAX) };
	bool ok = false;

	/* Some clients end the line as one of a terminal. */
	while (p.left.n != 0 && (line.p[p.left.n - 1] == '\n' ||
	    line.p[p.left.n - 1] == '\r'))
		p.left.n--;
	if (line.n > COMMAND_BYTES_MAX)
		p.why = "the command is too long";
	else if (view_has_nul(line))
		p.why = "the command holds a NUL";
	else if ((p.c = calloc(1, sizeof(*p.c))) == NULL)
		p.why = "out of memory";
	else
		ok = parse(&p);
	wr_free(&p.text);
	wr_free(&p.pattern);
	if (!ok) {
		*why_out = p.why;
		command_free(&p.c);
	}
	return p.c;
}

void
command_free(struct command **c)
{
	struct command *old = *c;

	*c = NULL;
	if (old == NULL)
		return;
	for (size_t i = 0; i < old->nwords; i++) {
		free(old->word[i].text);
		free(old->word[i].pattern);
	}
	free(old);
}
