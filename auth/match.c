#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "auth/match.h"

/* ::ffff:0:0/96, where IPv4 lives inside IPv6 (RFC 4291 2.5.5.2). */
static const uint8_t mapped[12] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};

static void
unmap(struct match_addr *a)
{
	if (a->n != 16 || memcmp(a->b, mapped, sizeof(mapped)) != 0)
		return;
	memmove(a->b, a->b + 12, 4);
	a->n = 4;
}

void
match_addr_of(const struct sockaddr *sa, struct match_addr *out)
{
	memset(out, 0, sizeof(*out));
	if (sa != NULL && sa->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, sa, sizeof(in));
		memcpy(out->b, &in.sin_addr, 4);
		out->n = 4;
	} else if (sa != NULL && sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sa, sizeof(in6));
		memcpy(out->b, &in6.sin6_addr, 16);
		out->n = 16;
		unmap(out);
	} else
		return;
	if (inet_ntop(out->n == 4 ? AF_INET : AF_INET6, out->b, out->text,
	    sizeof(out->text)) == NULL)
		out->n = 0;
}

/* An address as written in a list; not yet unmapped. */
static bool
parse_addr(struct view v, struct match_addr *out)
{
	char text[INET6_ADDRSTRLEN];

	if (!view_to_cstr(v, text, sizeof(text)))
		return false;
	if (inet_pton(AF_INET, text, out->b) == 1)
		out->n = 4;
	else if (inet_pton(AF_INET6, text, out->b) == 1)
		out->n = 16;
	else
		return false;
	return true;
}

/* 1 to 3 digits without a leading zero, at most max. */
static bool
parse_bits(struct view v, unsigned max, unsigned *out)
{
	unsigned n = 0;

	if (v.n == 0 || v.n > 3 || (v.n > 1 && v.p[0] == '0'))
		return false;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
		n = n * 10 + (unsigned)(v.p[i] - '0');
	}
	*out = n;
	return n <= max;
}

/* Bit i of an address, the most significant first. */
static bool
bit(const struct match_addr *a, unsigned i)
{
	return (a->b[i / 8] >> (7 - i % 8) & 1) != 0;
}

static bool
same_prefix(const struct match_addr *x, const struct match_addr *y,
    unsigned bits)
{
	if (x->n != y->n)
		return false;
	for (unsigned i = 0; i < bits; i++)
		if (bit(x, i) != bit(y, i))
			return false;
	return true;
}

static enum match
match_cidr(struct view addr, struct view len, const struct match_addr *a)
{
	struct match_addr net;
	unsigned bits;

	if (!parse_addr(addr, &net) || !parse_bits(len, net.n * 8u, &bits))
		return MATCH_BAD;
	/* Bits behind the prefix say that another range was meant. */
	for (unsigned i = bits; i < net.n * 8u; i++)
		if (bit(&net, i))
			return MATCH_BAD;
	if (net.n == 16 && bits >= 96) {
		unmap(&net);
		if (net.n == 4)
			bits -= 96;
	}
	return same_prefix(&net, a, bits) ? MATCH_YES : MATCH_NO;
}

/* Without recursion. */
bool
match_glob(struct view pat, const char *text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, mark = 0, n = strlen(text);

	while (t < n) {
		if (p < pat.n && pat.p[p] == '*') {
			star = p++;
			mark = t;
		} else if (p < pat.n && (pat.p[p] == '?' ||
		    tolower(pat.p[p]) == (unsigned char)text[t])) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++mark;
		} else
			return false;
	}
	while (p < pat.n && pat.p[p] == '*')
		p++;
	return p == pat.n;
}

/* What an entry that is neither an address nor a range consists of. */
struct shape {
	bool letter, hex_only, colon, wild, bad;
};

static struct shape
shape_of(struct view v)
{
	struct shape s = { .hex_only = true, .bad = v.n == 0 };

	for (size_t i = 0; i < v.n; i++) {
		uint8_t c = v.p[i];

		if (c == '*' || c == '?')
			s.wild = true;
		else if (c == ':')
			s.colon = true;
		else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
			s.letter = true;
			s.hex_only &= isxdigit(c) != 0;
		} else if (c == '-' || c == '_')
			s.hex_only = false;
		else if (c != '.' && (c < '0' || c > '9'))
			s.bad = true;
	}
	return s;
}

/* Letters, and not such as addresses have. */
static bool
is_name(const struct shape *s)
{
	return !s->hex_only || (s->letter && !s->colon);
}

static enum match
match_words(struct view v, bool negated, const struct match_addr *a)
{
	struct shape s = shape_of(v);
	bool name = is_name(&s);

	if (s.bad || (s.colon && !s.hex_only))
		return MATCH_BAD;
	if (!name && !s.wild)
		return MATCH_BAD;	/* an address, but not a valid one */
	if (name && negated)
		return MATCH_BAD;	/* would refuse nobody */
	if (!s.hex_only || a->n == 0)
		return MATCH_NO;
	return match_glob(v, a->text) ? MATCH_YES : MATCH_NO;
}

static enum match
match_one(struct view v, bool negated, const struct match_addr *a)
{
	const uint8_t *slash;
	struct match_addr one;
	size_t n;

	if (v.n == 0)
		return MATCH_BAD;
	if ((slash = memchr(v.p, '/', v.n)) != NULL) {
		n = (size_t)(slash - v.p);
		return match_cidr(view_of(v.p, n),
		    view_of(slash + 1, v.n - n - 1), a);
	}
	if (!parse_addr(v, &one))
		return match_words(v, negated, a);
	unmap(&one);
	return same_prefix(&one, a, one.n * 8u) ? MATCH_YES : MATCH_NO;
}

/* Takes one entry into the result of those before it. */
static void
add_entry(struct view v, const struct match_addr *a, bool *yes, bool *no,
    bool *bad)
{
	bool negated = v.n != 0 && v.p[0] == '!';
	enum match m;

	if (negated) {
		v.p++;
		v.n--;
	}
	m = match_one(v, negated, a);
	if (m == MATCH_BAD)
		*bad = true;
	else if (m == MATCH_YES)
		*(negated ? no : yes) = true;
}

static enum match
verdict(bool yes, bool no, bool bad)
{
	if (bad)
		return MATCH_BAD;
	return yes && !no ? MATCH_YES : MATCH_NO;
}

enum match
match_list(struct view list, const struct match_addr *a)
{
	bool yes = false, no = false;
	bool bad = list.n == 0 || list.p[list.n - 1] == ',';
	struct view one;

	while (namelist_next(&list, &one))
		add_entry(one, a, &yes, &no, &bad);
	return verdict(yes, no, bad);
}

enum match
match_entries(const struct view *v, size_t n, const struct match_addr *a)
{
	bool yes = false, no = false, bad = false;

	for (size_t i = 0; i < n; i++)
		add_entry(v[i], a, &yes, &no, &bad);
	return verdict(yes, no, bad);
}

struct view
match_host_name(struct view list)
{
	struct view one;

	while (namelist_next(&list, &one)) {
		struct shape s = shape_of(one);

		if (!s.bad && !s.colon && is_name(&s))
			return one;
	}
	return view_of(NULL, 0);
}
