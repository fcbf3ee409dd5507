#include <stdlib.h>
#include <string.h>

#include "auth/account.h"

/* ---- writing ---- */

static void
put_text(struct wr *w, const char *s)
{
	static const char hex[] = "0123456789ABCDEF";

	if (s == NULL || s[0] == '\0')
		wr_u8(w, '%');
	for (; s != NULL && *s != '\0'; s++) {
		uint8_t c = (uint8_t)*s;

		if (c > ' ' && c < 0x7f && c != '%') {
			wr_u8(w, c);
			continue;
		}
		wr_u8(w, '%');
		wr_u8(w, (uint8_t)hex[c >> 4]);
		wr_u8(w, (uint8_t)hex[c & 15]);
	}
}

static void
put_number(struct wr *w, uint32_t n)
{
	uint8_t digits[10];
	size_t i = sizeof(digits);

	do
		digits[--i] = (uint8_t)('0' + n % 10);
	while ((n /= 10) != 0);
	wr_bytes(w, view_of(digits + i, sizeof(digits) - i));
}

void
account_put(struct wr *w, const struct account *a)
{
	put_text(w, a->name);
	wr_u8(w, ' ');
	if (!a->known) {
		wr_bytes(w, view_str("-\n"));
		return;
	}
	put_number(w, a->uid);
	wr_u8(w, ' ');
	put_number(w, a->gid);
	wr_u8(w, ' ');
	put_text(w, a->home);
	wr_u8(w, ' ');
	put_text(w, a->shell);
	wr_u8(w, ' ');
	for (size_t i = 0; i < a->ngroups; i++) {
		if (i != 0)
			wr_u8(w, ',');
		put_number(w, a->groups[i]);
	}
	wr_u8(w, '\n');
}

/* ---- reading ---- */

/* Up to the next space, which is taken too; the last field ends the line. */
static struct view
take_field(struct view *line)
{
	const uint8_t *space = line->n != 0 ? memchr(line->p, ' ', line->n) :
	    NULL;
	struct view out = *line;

	if (space == NULL) {
		*line = view_of(NULL, 0);
		return out;
	}
	out.n = (size_t)(space - line->p);
	line->p += out.n + 1;
	line->n -= out.n + 1;
	return out;
}

static int
hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* NULL: malformed or no memory. */
static char *
get_text(struct view v)
{
	char *out;
	size_t n = 0;

	if (v.n == 0 || (out = malloc(v.n + 1)) == NULL)
		return NULL;
	for (size_t i = 0; i < v.n && !(v.n == 1 && v.p[0] == '%'); i++) {
		int c = v.p[i];

		if (c == '%') {
			int high = i + 2 < v.n ? hex_value(v.p[i + 1]) : -1;
			int low = i + 2 < v.n ? hex_value(v.p[i + 2]) : -1;

			c = high < 0 || low < 0 ? 0 : high * 16 + low;
			i += 2;
		} else if (c <= ' ' || c >= 0x7f)
			c = 0;
		if (c == 0) {
			free(out);
			return NULL;
		}
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return out;
}

/* Decimal, without sign or leading zero. */
static bool
get_number(struct view v, uint32_t *out)
{
	uint64_t n = 0;

	if (v.n == 0 || v.n > 10 || (v.n > 1 && v.p[0] == '0'))
		return false;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(v.p[i] - '0');
	}
	*out = (uint32_t)n;
	return n <= UINT32_MAX;
}

static bool
get_groups(struct view v, struct account *out)
{
	struct view one, left = v;
	size_t n = 1;

	if (v.n == 0 || v.p[v.n - 1] == ',')
		return false;
	for (size_t i = 0; i < v.n; i++)
		n += v.p[i] == ',';
	if (n > ACCOUNT_GROUPS_MAX ||
	    (out->groups = calloc(n, sizeof(*out->groups))) == NULL)
		return false;
	while (namelist_next(&left, &one))
		if (!get_number(one, &out->groups[out->ngroups++]))
			return false;
	return true;
}

bool
account_get(struct view line, struct account *out)
{
	struct view first;

	*out = (struct account){ 0 };
	if (line.n > ACCOUNT_LINE_MAX)
		return false;
	if ((out->name = get_text(take_field(&line))) == NULL)
		goto bad;
	if (view_is(line, "-"))
		return true;
	first = take_field(&line);
	if (!get_number(first, &out->uid) ||
	    !get_number(take_field(&line), &out->gid) ||
	    (out->home = get_text(take_field(&line))) == NULL ||
	    (out->shell = get_text(take_field(&line))) == NULL ||
	    !get_groups(line, out))
		goto bad;
	out->known = true;
	return true;
bad:
	account_clear(out);
	return false;
}

void
account_clear(struct account *a)
{
	free(a->name);
	free(a->home);
	free(a->shell);
	free(a->groups);
	*a = (struct account){ 0 };
}
