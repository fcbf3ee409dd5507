/*
 * How far a client has come in the chains of its user (RFC 4252 5.1).  The
 * chains are alternatives; each advances by its own next method only, so that
 * nothing shortens one.  A chain once begun keeps its place whatever fails.
 */
#ifndef AUTH_CHAIN_H
#define AUTH_CHAIN_H

#include "base/policy.h"

struct chains {
	const struct auth_chain *chain;		/* borrowed from the policy */
	size_t n;
	uint8_t *pos;				/* steps done, each */
	uint8_t *before;			/* the last advance */
};

/* p may be NULL: no chain at all.  False: no memory. */
bool chains_init(struct chains *c, const struct policy *p) MUST_CHECK;
void chains_free(struct chains *c);
/* Is the method the next step of any chain? */
bool chains_expect(const struct chains *c, int method);
/* Is the method, where it is the next step, the last one of any chain? */
bool chains_ends(const struct chains *c, int method);
/* Has any chain, whose next step is the method, `later` behind it? */
bool chains_behind(const struct chains *c, int method, int later);
/* Is there a chain of this method alone? */
bool chains_alone(const struct chains *c, int method);
/* The method was proved: every chain that waits for it takes one step.  True:
 * a chain is complete. */
bool chains_advance(struct chains *c, int method);
/* Takes the last advance back. */
void chains_retreat(struct chains *c);
/* The next methods of all chains, 1 << enum auth_method. */
uint32_t chains_next(const struct chains *c);

#endif
