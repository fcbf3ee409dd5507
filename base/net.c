#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/net.h"

unsigned
net_bits(const struct net_addr *a)
{
	return a->family == 4 ? 32 : a->family == 6 ? 128 : 0;
}

static void
of_in6(const struct in6_addr *a, struct net_addr *out)
{
	if (IN6_IS_ADDR_V4MAPPED(a)) {
		out->family = 4;
		memcpy(out->b, a->s6_addr + 12, 4);
	} else {
		out->family = 6;
		memcpy(out->b, a->s6_addr, 16);
	}
}

void
net_of(const struct sockaddr_storage *ss, struct net_addr *out)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	memset(out, 0, sizeof(*out));
	if (ss->ss_family == AF_INET) {
		memcpy(&in, ss, sizeof(in));
		out->family = 4;
		memcpy(out->b, &in.sin_addr, 4);
	} else if (ss->ss_family == AF_INET6) {
		memcpy(&in6, ss, sizeof(in6));
		of_in6(&in6.sin6_addr, out);
	}
}

void
net_mask(struct net_addr *a, unsigned bits)
{
	for (unsigned i = 0; i < sizeof(a->b); i++) {
		unsigned keep = bits > i * 8 ? bits - i * 8 : 0;

		if (keep < 8)
			a->b[i] &= (uint8_t)(0xff00u >> keep);
	}
}

static bool
is_masked(const struct net_range *r)
{
	struct net_addr a = r->addr;

	net_mask(&a, r->bits);
	return memcmp(a.b, r->addr.b, sizeof(a.b)) == 0;
}

/* One to three digits without a leading zero, at most max. */
static bool
parse_length(struct view v, unsigned max, unsigned *out)
{
	*out = 0;
	if (v.n == 0 || v.n > 3 || (v.n > 1 && v.p[0] == '0'))
		return false;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
		*out = *out * 10 + (unsigned)(v.p[i] - '0');
	}
	return *out <= max;
}

bool
net_parse(struct view v, struct net_range *out)
{
	const uint8_t *slash = v.n != 0 ? memchr(v.p, '/', v.n) : NULL;
	struct view host = view_of(v.p, slash != NULL ?
	    (size_t)(slash - v.p) : v.n);
	char text[INET6_ADDRSTRLEN];
	struct in6_addr in6;
	unsigned whole, bits;

	memset(out, 0, sizeof(*out));
	if (!view_to_cstr(host, text, sizeof(text)))
		return false;
	if (inet_pton(AF_INET, text, out->addr.b) == 1) {
		out->addr.family = 4;
		whole = 32;
	} else if (inet_pton(AF_INET6, text, &in6) == 1) {
		of_in6(&in6, &out->addr);
		whole = 128;
	} else
		return false;
	bits = whole;
	if (slash != NULL && !parse_length(view_of(slash + 1,
	    v.n - host.n - 1), whole, &bits))
		return false;
	/* ::ffff:192.0.2.0/120 is 192.0.2.0/24; a shorter prefix than /96 has
	 * bits behind it. */
	if (whole == 128 && out->addr.family == 4) {
		if (bits < 96)
			return false;
		bits -= 96;
	}
	out->bits = (uint8_t)bits;
	return is_masked(out);
}

static bool
same_bits(const struct net_addr *a, const struct net_addr *b, unsigned bits)
{
	unsigned bytes = bits / 8, rest = bits % 8;

	if (a->family != b->family || memcmp(a->b, b->b, bytes) != 0)
		return false;
	return rest == 0 || ((a->b[bytes] ^ b->b[bytes]) >> (8 - rest)) == 0;
}

bool
net_within(const struct net_range *r, const struct net_addr *a)
{
	return same_bits(&r->addr, a, r->bits);
}

bool
net_overlap(const struct net_range *r, const struct net_range *s)
{
	return same_bits(&r->addr, &s->addr, r->bits < s->bits ? r->bits :
	    s->bits);
}

void
net_text(const struct net_range *r, char out[NET_TEXT_MAX])
{
	char text[INET6_ADDRSTRLEN];

	if (inet_ntop(r->addr.family == 4 ? AF_INET : AF_INET6, r->addr.b,
	    text, sizeof(text)) == NULL || r->addr.family == 0)
		snprintf(out, NET_TEXT_MAX, "unknown");
	else if (r->bits == net_bits(&r->addr))
		snprintf(out, NET_TEXT_MAX, "%s", text);
	else
		snprintf(out, NET_TEXT_MAX, "%s/%u", text, r->bits);
}

void
net_put(struct wr *w, const struct net_range *r)
{
	wr_u8(w, r->addr.family);
	wr_u8(w, r->bits);
	wr_bytes(w, view_of(r->addr.b, net_bits(&r->addr) / 8));
}

void
net_get(struct rd *rd, struct net_range *out)
{
	struct view v;

	memset(out, 0, sizeof(*out));
	out->addr.family = rd_u8(rd);
	out->bits = rd_u8(rd);
	v = rd_bytes(rd, net_bits(&out->addr) / 8);
	if (v.n != 0)
		memcpy(out->addr.b, v.p, v.n);
	if (v.n == 0 || out->bits > v.n * 8 || !is_masked(out))
		rd->bad = true;
}
