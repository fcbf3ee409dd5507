#include <string.h>

#include "sftp/match.h"
#include "sftp/text.h"

/* Takes one character, or one byte that is none, off *v. */
static bool
next(struct view *v, uint32_t *c_out)
{
	size_t n = text_char(*v, c_out);

	*v = view_of(v->p + n, v->n - n);
	return n != 0;
}

/* ---- [...] ---- */

static bool
in_class(struct view name, uint32_t c)
{
	bool upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z';
	bool digit = c >= '0' && c <= '9', alpha = upper || lower;
	bool graph = c > ' ' && c < 0x7f;
	const struct {
		const char *name;
		bool is;
	} classes[] = {
		{ "alnum", alpha || digit }, { "alpha", alpha },
		{ "blank", c == ' ' || c == '\t' },
		{ "cntrl", c < ' ' || c == 0x7f }, { "digit", digit },
		{ "graph", graph }, { "lower", lower },
		{ "print", graph || c == ' ' },
		{ "punct", graph && !alpha && !digit },
		{ "space", c == ' ' || (c >= '\t' && c <= '\r') },
		{ "upper", upper },
		{ "xdigit", digit || (c >= 'a' && c <= 'f') ||
		    (c >= 'A' && c <= 'F') },
	};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (view_is(name, classes[i].name))
			return classes[i].is;
	return false;
}

/* Takes "[:name:]" off *p. */
static bool
take_class(struct view *p, struct view *name_out)
{
	if (p->n < 4 || p->p[0] != '[' || p->p[1] != ':')
		return false;
	for (size_t i = 2; i + 1 < p->n && p->p[i] != ']'; i++) {
		if (p->p[i] != ':' || p->p[i + 1] != ']')
			continue;
		*name_out = view_of(p->p + 2, i - 2);
		*p = view_of(p->p + i + 2, p->n - i - 2);
		return true;
	}
	return false;
}

/* One end of a range, or a character alone. */
static bool
take_end(struct view *p, uint32_t *c_out)
{
	if (p->n >= 2 && p->p[0] == '\\')
		*p = view_of(p->p + 1, p->n - 1);
	return next(p, c_out);
}

/* *p is behind the '['.  Takes it all off *p and says whether c is in it.
 * False with *p as it was: there is no end, the '[' is an ordinary one. */
static bool
take_set(struct view *p, uint32_t c, bool *in_out)
{
	struct view at = *p, name;
	bool not, first = true, in = false;
	uint32_t lo, hi;

	not = at.n != 0 && (at.p[0] == '!' || at.p[0] == '^');
	if (not)
		at = view_of(at.p + 1, at.n - 1);
	for (; at.n != 0; first = false) {
		if (at.p[0] == ']' && !first) {
			*p = view_of(at.p + 1, at.n - 1);
			*in_out = in != not;
			return true;
		}
		if (take_class(&at, &name)) {
			in = in || in_class(name, c);
			continue;
		}
		if (!take_end(&at, &lo))
			return false;
		hi = lo;
		if (at.n >= 2 && at.p[0] == '-' && at.p[1] != ']') {
			at = view_of(at.p + 1, at.n - 1);
			if (!take_end(&at, &hi))
				return false;
		}
		in = in || (c >= lo && c <= hi);
	}
	return false;
}

/* ---- names ---- */

bool
match_special(struct view pattern)
{
	for (size_t i = 0; i < pattern.n; i++) {
		if (pattern.p[i] == '\\')
			i++;
		else if (memchr("*?[", pattern.p[i], 3) != NULL)
			return true;
	}
	return false;
}

/* Takes one element that is no '*' off *p; does it match c? */
static bool
element(struct view *p, uint32_t c)
{
	uint32_t want;
	bool in;

	if (!next(p, &want))
		return false;
	if (want == '?')
		return true;
	if (want == '[' && take_set(p, c, &in))
		return in;
	if (want == '\\' && p->n != 0)
		(void)next(p, &want);
	return want == c;
}

bool
match_name(struct view pattern, struct view name)
{
	struct view star = { NULL, 0 }, mark = { NULL, 0 };
	uint32_t c;

	if (pattern.n > MATCH_PATTERN_MAX)
		return false;
	if (name.n != 0 && name.p[0] == '.' && (pattern.n == 0 ||
	    pattern.p[pattern.p[0] == '\\' && pattern.n > 1] != '.'))
		return false;
	/* Only the last '*' is ever gone back to: what those before it took
	 * can stay as it is. */
	for (;;) {
		struct view at = name;

		if (pattern.n != 0 && pattern.p[0] == '*') {
			pattern = view_of(pattern.p + 1, pattern.n - 1);
			star = pattern;
			mark = name;
			continue;
		}
		if (name.n == 0 && pattern.n == 0)
			return true;
		if (next(&at, &c) && element(&pattern, c)) {
			name = at;
			continue;
		}
		if (star.p == NULL || !next(&mark, &c))
			return false;
		pattern = star;
		name = mark;
	}
}
