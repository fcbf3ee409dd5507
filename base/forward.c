#include <arpa/inet.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/un.h>

#include "base/forward.h"

_Static_assert(FORWARD_PATH_MAX + 1 ==
    sizeof(((struct sockaddr_un *)0)->sun_path), "room of a path");

/* ---- rules ---- */

static bool
number(struct view v, uint16_t *out)
{
	unsigned n = 0;

	if (v.n == 0 || v.n > 5 || v.p[0] == '0')
		return false;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
		n = n * 10 + (v.p[i] - '0');
	}
	*out = (uint16_t)n;
	return n <= UINT16_MAX;
}

/* "22", "8000-8100", "*" */
static bool
parse_ports(struct view v, struct forward_rule *out)
{
	const uint8_t *dash = v.n != 0 ? memchr(v.p, '-', v.n) : NULL;
	struct view first = v, last = v;

	if (view_is(v, "*")) {
		out->first = 0;
		out->last = UINT16_MAX;
		return true;
	}
	if (dash != NULL) {
		first.n = (size_t)(dash - v.p);
		last = view_of(dash + 1, v.n - first.n - 1);
	}
	return number(first, &out->first) && number(last, &out->last) &&
	    out->first <= out->last;
}

static bool
is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Is the last label a number, 0x7f too?  Some read an address there. */
static bool
ends_in_number(struct view v)
{
	size_t end = v.n, i;

	if (end != 0 && v.p[end - 1] == '.')
		end--;
	for (i = end; i != 0 && v.p[i - 1] != '.';)
		i--;
	if (end - i >= 2 && v.p[i] == '0' && (v.p[i + 1] | ' ') == 'x')
		return true;
	while (i < end && v.p[i] >= '0' && v.p[i] <= '9')
		i++;
	return i == end;
}

static bool
is_name(struct view v, const char *more)
{
	bool letter = false;

	if (v.n == 0 || v.n > FORWARD_HOST_MAX)
		return false;
	for (size_t i = 0; i < v.n; i++) {
		letter |= (v.p[i] | ' ') >= 'a' && (v.p[i] | ' ') <= 'z';
		if (!is_letter(v.p[i]) && (v.p[i] == '\0' ||
		    strchr(more, v.p[i]) == NULL))
			return false;
	}
	return letter && !ends_in_number(v);
}

bool
forward_name(struct view host)
{
	return is_name(host, ".") && host.p[0] != '.' && host.p[0] != '-';
}

/* "[2001:db8::]/32", "[2001:db8::/32]", "[::1]" without the brackets. */
static bool
parse_six(struct view v, struct net_range *out)
{
	const uint8_t *end = memchr(v.p, ']', v.n);
	char text[NET_TEXT_MAX];
	size_t inner, rest;

	if (end == NULL)
		return false;
	inner = (size_t)(end - v.p) - 1;
	rest = v.n - inner - 2;
	if (inner + rest >= sizeof(text))
		return false;
	memcpy(text, v.p + 1, inner);
	if (rest != 0)
		memcpy(text + inner, end + 1, rest);
	/* IPv4 inside of it would be taken for IPv4 alone. */
	return memchr(text, ':', inner) != NULL &&
	    net_parse(view_of(text, inner + rest), out);
}

static bool
parse_host(struct view v, struct forward_rule *out)
{
	if (view_is(v, "*")) {
		out->kind = FORWARD_ANY;
		return true;
	}
	out->kind = FORWARD_NET;
	if (v.n != 0 && v.p[0] == '[')
		return parse_six(v, &out->net);
	if (net_parse(v, &out->net))
		return out->net.addr.family == 4;
	out->kind = FORWARD_NAME;
	out->name = v;
	return is_name(v, ".*?");
}

bool
forward_rule(struct view text, bool no_host, struct forward_rule *out,
    const char **why_out)
{
	struct view host = text, ports;
	size_t colon;

	*out = (struct forward_rule){ 0 };
	*why_out = "is not HOST:PORTS; use such as db.example.org:5432, "
	    "*.example.org:443, 10.0.0.0/8:22, \"[2001:db8::]/32:*\" or "
	    "127.0.0.1:8000-8100";
	if (host.n != 0 && host.p[0] == '!') {
		out->deny = true;
		host = view_of(host.p + 1, host.n - 1);
	}
	for (colon = host.n; colon != 0 && host.p[colon - 1] != ':';)
		colon--;
	if (colon == 0 && no_host)
		return parse_ports(host, out);
	if (colon == 0)
		return false;
	ports = view_of(host.p + colon, host.n - colon);
	host.n = colon - 1;
	if (!parse_host(host, out)) {
		*why_out = "has no host that can be matched; use a name, with "
		    "* and ? in it, an address, or ADDRESS/BITS whose other "
		    "bits are zero, of IPv6 in brackets";
		return false;
	}
	*why_out = "has no ports; use a number from 1 to 65535, two with - "
	    "between, or *";
	return parse_ports(ports, out);
}

/* ---- what is asked for ---- */

void
forward_loopback(struct net_addr *a)
{
	static const uint8_t zero[16];

	if (memcmp(a->b, zero, sizeof(zero)) != 0)
		return;
	if (a->family == 4) {
		a->b[0] = 127;
		a->b[3] = 1;
	} else if (a->family == 6)
		a->b[15] = 1;
}

bool
forward_literal(struct view host, struct net_addr *out)
{
	struct net_range r;

	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = view_of(host.p + 1, host.n - 2);
	if ((host.n != 0 && memchr(host.p, '/', host.n) != NULL) ||
	    !net_parse(host, &r))
		return false;
	*out = r.addr;
	return true;
}

static void
lower(struct view v, char out[FORWARD_HOST_MAX + 1])
{
	size_t n = v.n <= FORWARD_HOST_MAX ? v.n : FORWARD_HOST_MAX;

	/* "host." is the same host. */
	if (n != 0 && v.p[n - 1] == '.')
		n--;
	for (size_t i = 0; i < n; i++)
		out[i] = (char)(v.p[i] >= 'A' && v.p[i] <= 'Z' ?
		    v.p[i] + ('a' - 'A') : v.p[i]);
	out[n] = '\0';
}

static bool
name_matches(const struct forward_rule *r, struct view name)
{
	char pattern[FORWARD_HOST_MAX + 1], text[FORWARD_HOST_MAX + 1];

	lower(r->name, pattern);
	lower(name, text);
	return fnmatch(pattern, text, 0) == 0;
}

/* Does the rule hold for e?  DEPENDS: only its address can tell. */
static enum forward_say
holds(const struct forward_rule *r, const struct forward_end *e)
{
	if (e->port < r->first || e->port > r->last)
		return FORWARD_REFUSED;
	switch (r->kind) {
	case FORWARD_ANY:
		return FORWARD_PERMITTED;
	case FORWARD_NAME:
		return e->name.n != 0 && name_matches(r, e->name) ?
		    FORWARD_PERMITTED : FORWARD_REFUSED;
	default:
		if (e->addr.family == 0)
			return FORWARD_DEPENDS;
		return net_within(&r->net, &e->addr) ? FORWARD_PERMITTED :
		    FORWARD_REFUSED;
	}
}

enum forward_say
forward_permits(const struct forward_rule *rules, size_t n,
    const struct forward_end *e)
{
	enum forward_say best = FORWARD_REFUSED;

	for (size_t i = 0; i < n; i++) {
		enum forward_say s = holds(&rules[i], e);

		if (rules[i].deny && s == FORWARD_PERMITTED)
			return FORWARD_REFUSED;
		if (!rules[i].deny && s > best)
			best = s;
	}
	return best;
}

/* ---- paths ---- */

/* Components of an absolute path: none empty, "." or "..". */
static bool
is_plain(struct view v)
{
	size_t start = 1;

	for (size_t i = 1; i <= v.n; i++) {
		size_t n = i - start;

		if (i != v.n && v.p[i] != '/')
			continue;
		if (n == 0 || (v.p[start] == '.' && (n == 1 || (n == 2 &&
		    v.p[start + 1] == '.'))))
			return false;
		start = i + 1;
	}
	return true;
}

bool
forward_path(struct view path, const char **why_out)
{
	*why_out = "the path is not absolute";
	if (path.n == 0 || path.p[0] != '/')
		return false;
	*why_out = "the path is longer than a socket's can be, 107 bytes";
	if (path.n > FORWARD_PATH_MAX)
		return false;
	*why_out = "the path has an empty, \".\" or \"..\" component";
	return is_plain(path);
}

bool
forward_path_pattern(struct view text, const char **why_out)
{
	struct view v = text;

	*why_out = "is not the absolute path of a socket, with * and ? for "
	    "what may vary, or of a folder with / at its end; use such as "
	    "/run/app.sock";
	if (v.n != 0 && v.p[v.n - 1] == '/')
		v.n--;		/* what is beneath */
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] < ' ' || v.p[i] == 0x7f || v.p[i] == '\\' ||
		    v.p[i] == '[')
			return false;
	return text.n != 0 && text.p[0] == '/' &&
	    text.n <= FORWARD_PATH_MAX && (v.n == 0 || is_plain(v));
}

bool
forward_path_permitted(const struct view *patterns, size_t n,
    struct view path)
{
	char pattern[FORWARD_PATH_MAX + 3], text[FORWARD_PATH_MAX + 1];

	if (!view_to_cstr(path, text, sizeof(text)))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (patterns[i].n == 0 || !view_to_cstr(patterns[i], pattern,
		    FORWARD_PATH_MAX + 1))
			continue;
		if (pattern[patterns[i].n - 1] == '/') {
			memcpy(pattern + patterns[i].n, "*", 2);
			if (fnmatch(pattern, text, FNM_PATHNAME |
			    FNM_LEADING_DIR) == 0)
				return true;
		} else if (fnmatch(pattern, text, FNM_PATHNAME) == 0)
			return true;
	}
	return false;
}
