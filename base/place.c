#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/place.h"

/* ::ffff:0:0/96 (RFC 4291 2.5.5.2) */
static const uint8_t mapped[12] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};

static void
unmap(struct place_addr *a)
{
	if (a->n != 16 || memcmp(a->b, mapped, sizeof(mapped)) != 0)
		return;
	memmove(a->b, a->b + 12, 4);
	memset(a->b + 4, 0, 12);
	a->n = 4;
}

static void
addr_of(const struct sockaddr *sa, struct place_addr *out, uint16_t *port,
    uint32_t *scope)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	*out = (struct place_addr){ 0 };
	*port = 0;
	*scope = 0;
	if (sa != NULL && sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		memcpy(out->b, &in.sin_addr, 4);
		out->n = 4;
		*port = ntohs(in.sin_port);
	} else if (sa != NULL && sa->sa_family == AF_INET6) {
		memcpy(&in6, sa, sizeof(in6));
		memcpy(out->b, &in6.sin6_addr, 16);
		out->n = 16;
		*port = ntohs(in6.sin6_port);
		*scope = in6.sin6_scope_id;
		unmap(out);
	}
}

void
place_of(const struct sockaddr *peer, const struct sockaddr *local,
    struct place *out)
{
	uint16_t port;
	uint32_t scope;

	addr_of(peer, &out->from, &port, &scope);
	addr_of(local, &out->to, &out->port, &out->scope);
}

/* ---- making a condition ---- */

static bool
take_bits(struct view v, unsigned max, unsigned *out)
{
	unsigned n = 0;

	if (v.n == 0 || v.n > 3)
		return false;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
		n = n * 10 + (unsigned)(v.p[i] - '0');
	}
	*out = n;
	return n <= max;
}

bool
condition_put_net(struct wr *w, struct view text)
{
	const uint8_t *slash = text.n != 0 ? memchr(text.p, '/', text.n) :
	    NULL;
	struct view host = text;
	struct place_addr a = { 0 };
	char name[INET6_ADDRSTRLEN];
	unsigned bits;

	if (slash != NULL)
		host.n = (size_t)(slash - text.p);
	if (!view_to_cstr(host, name, sizeof(name)))
		return false;
	if (inet_pton(AF_INET, name, a.b) == 1)
		a.n = 4;
	else if (inet_pton(AF_INET6, name, a.b) == 1)
		a.n = 16;
	else
		return false;
	bits = a.n * 8u;
	if (slash != NULL && !take_bits(view_of(slash + 1,
	    text.n - host.n - 1), a.n * 8u, &bits))
		return false;
	if (a.n == 16 && bits >= 96) {
		unmap(&a);
		if (a.n == 4)
			bits -= 96;
	}
	wr_u8(w, a.n);
	wr_bytes(w, view_of(a.b, 16));
	wr_u8(w, (uint8_t)bits);
	return true;
}

void
condition_put_listen(struct wr *w, const struct sockaddr *sa)
{
	struct place_addr a;
	uint16_t port;
	uint32_t scope;

	addr_of(sa, &a, &port, &scope);
	wr_u8(w, a.n);
	wr_bytes(w, view_of(a.b, 16));
	wr_u32(w, port);
	wr_u32(w, scope);
}

/* ---- asking one ---- */

static void
get_addr(struct rd *r, struct place_addr *out)
{
	struct view b;

	out->n = rd_u8(r);
	b = rd_bytes(r, 16);
	if (out->n != 4 && out->n != 16)
		r->bad = true;
	if (!r->bad)
		memcpy(out->b, b.p, 16);
}

static bool
same_bits(const uint8_t *x, const uint8_t *y, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	return memcmp(x, y, whole) == 0 && (rest == 0 ||
	    (x[whole] ^ y[whole]) >> (8 - rest) == 0);
}

/* Reads all of the list, whatever matches. */
static bool
any_net(struct rd *r, const struct place_addr *from)
{
	uint32_t n = rd_u32(r);
	bool yes = n == 0;

	if (n > CONDITION_MAX)
		r->bad = true;
	for (uint32_t i = 0; i < n && !r->bad; i++) {
		struct place_addr a = { 0 };
		uint8_t bits;

		get_addr(r, &a);
		bits = rd_u8(r);
		if (bits > a.n * 8u)
			r->bad = true;
		else if (a.n == from->n && same_bits(a.b, from->b, bits))
			yes = true;
	}
	return yes;
}

static bool
any_listen(struct rd *r, const struct place *p)
{
	static const uint8_t all[16];
	uint32_t n = rd_u32(r), port, scope;
	bool yes = n == 0;

	if (n > CONDITION_MAX)
		r->bad = true;
	for (uint32_t i = 0; i < n && !r->bad; i++) {
		struct place_addr a = { 0 };

		get_addr(r, &a);
		port = rd_u32(r);
		scope = rd_u32(r);
		if (a.n != p->to.n || port != p->port)
			continue;
		if (memcmp(a.b, all, 16) == 0 || (scope == p->scope &&
		    memcmp(a.b, p->to.b, a.n) == 0))
			yes = true;
	}
	return yes;
}

static bool
judge(struct view c, const struct place *p, bool *valid_out)
{
	struct rd r = rd_of(c);
	bool net = any_net(&r, &p->from);
	bool listen = any_listen(&r, p);

	*valid_out = rd_done(&r);
	return *valid_out && net && listen;
}

bool
condition_valid(struct view c)
{
	const struct place nowhere = { .port = 0 };
	bool valid;

	(void)judge(c, &nowhere, &valid);
	return valid;
}

bool
condition_holds(struct view c, const struct place *p)
{
	bool valid;

	return judge(c, p, &valid);
}
