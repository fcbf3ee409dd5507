/*
 * Rules of forwarding and what is held against them.  The input is lines:
 * a host, a port, an address or nothing, a path, then rules and patterns.
 * More refusals never permit more, more permissions never less, and an answer
 * with an address is never "depends".
 */
#include <stdlib.h>
#include <string.h>

#include "base/forward.h"

#define RULES 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
demand(bool good)
{
	if (!good)
		abort();
}

static struct view
line(struct view *in)
{
	const uint8_t *nl = in->n != 0 ? memchr(in->p, '\n', in->n) : NULL;
	struct view v = *in;

	if (nl == NULL) {
		*in = view_of(NULL, 0);
		return v;
	}
	v.n = (size_t)(nl - in->p);
	*in = view_of(nl + 1, in->n - v.n - 1);
	return v;
}

static void
check_rules(const struct forward_rule *v, size_t n, struct forward_end *e)
{
	struct forward_rule allowed[RULES];
	enum forward_say all, some, last = FORWARD_REFUSED;
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (!v[i].deny)
			allowed[k++] = v[i];
	all = forward_permits(v, n, e);
	demand(all <= forward_permits(allowed, k, e));
	for (size_t i = 0; i <= k; i++) {
		some = forward_permits(allowed, i, e);
		demand(some >= last);
		last = some;
	}
	if (e->addr.family != 0)
		demand(all != FORWARD_DEPENDS);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = view_of(data, size), host = line(&in);
	struct view port = line(&in), addr = line(&in), path = line(&in), l;
	struct forward_rule v[RULES];
	struct forward_end e = { .name = host };
	struct net_addr a;
	const char *why;
	size_t n = 0;

	for (size_t i = 0; i < port.n && i < 5; i++)
		e.port = (uint16_t)(e.port * 10 + port.p[i] % 10);
	if (forward_literal(host, &a)) {
		forward_loopback(&a);
		demand(!forward_name(host));
		e.addr = a;
		e.name.n = 0;
	} else if (forward_literal(addr, &a)) {
		forward_loopback(&a);
		e.addr = a;
	}
	if (forward_path(path, &why))
		demand(path.n <= FORWARD_PATH_MAX && path.p[0] == '/');
	while (in.n != 0) {
		l = line(&in);
		if (forward_path_pattern(l, &why) &&
		    forward_path_permitted(&l, 1, path))
			demand(path.n != 0 && !view_has_nul(path));
		if (n < RULES && forward_rule(l, l.n % 2 == 0, &v[n], &why))
			n++;
	}
	check_rules(v, n, &e);
	return 0;
}
