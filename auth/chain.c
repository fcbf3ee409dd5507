#include <stdlib.h>
#include <string.h>

#include "auth/chain.h"

bool
chains_init(struct chains *c, const struct policy *p)
{
	*c = (struct chains){ 0 };
	if (p == NULL || p->nauth == 0)
		return true;
	c->chain = p->auth;
	c->n = p->nauth;
	if ((c->pos = calloc(c->n, 2)) == NULL)
		return false;
	c->before = c->pos + c->n;
	return true;
}

void
chains_free(struct chains *c)
{
	free(c->pos);
	*c = (struct chains){ 0 };
}

/* The next method of chain i, -1 if there is none. */
static int
next(const struct chains *c, size_t i)
{
	const struct auth_chain *ch = &c->chain[i];

	if (c->pos[i] >= ch->n || c->pos[i] >= POLICY_CHAIN_MAX ||
	    ch->method[c->pos[i]] >= AUTH_METHODS)
		return -1;
	return ch->method[c->pos[i]];
}

bool
chains_expect(const struct chains *c, int method)
{
	return method >= 0 && method < AUTH_METHODS &&
	    (chains_next(c) >> method & 1) != 0;
}

bool
chains_ends(const struct chains *c, int method)
{
	for (size_t i = 0; i < c->n; i++)
		if (next(c, i) == method && c->pos[i] + 1 == c->chain[i].n)
			return true;
	return false;
}

bool
chains_behind(const struct chains *c, int method, int later)
{
	for (size_t i = 0; i < c->n; i++) {
		if (next(c, i) != method)
			continue;
		for (size_t k = c->pos[i] + 1u; k < c->chain[i].n; k++)
			if (c->chain[i].method[k] == later)
				return true;
	}
	return false;
}

bool
chains_alone(const struct chains *c, int method)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->chain[i].n == 1 && c->chain[i].method[0] == method)
			return true;
	return false;
}

bool
chains_advance(struct chains *c, int method)
{
	bool complete = false;

	if (method < 0 || c->n == 0)
		return false;
	memcpy(c->before, c->pos, c->n);
	for (size_t i = 0; i < c->n; i++) {
		if (next(c, i) != method)
			continue;
		c->pos[i]++;
		if (c->pos[i] == c->chain[i].n)
			complete = true;
	}
	return complete;
}

void
chains_retreat(struct chains *c)
{
	if (c->n != 0)
		memcpy(c->pos, c->before, c->n);
}

uint32_t
chains_next(const struct chains *c)
{
	uint32_t out = 0;
	int m;

	for (size_t i = 0; i < c->n; i++)
		if ((m = next(c, i)) != -1)
			out |= (uint32_t)1 << m;
	return out;
}
