/*
 * What `when` blocks make of a user: a policy for each combination of them.
 *
 * Of each layer the first block whose `if` holds is laid over it, or none.
 * The combinations stand in the order of the blocks, the user's before the
 * group's before those of defaults, "none" last; so the first combination
 * whose conditions all hold has the right block of each layer.
 */
#include <string.h>

#include "base/config_layer.h"

struct variants {
	const struct layer *plain[3];	/* own, group, defaults */
	size_t nblocks[3];
	struct view policy[CONFIG_MAX_VARIANTS];	/* encoded */
	size_t npolicies;
	struct {
		uint32_t condition[3];
		size_t policy;
	} v[CONFIG_MAX_VARIANTS];
	size_t n;
};

/* Block b of layer i; b past the last: none. */
static const struct layer *
block(const struct variants *x, int i, size_t b)
{
	return b < x->nblocks[i] ? &x->plain[i]->when[b] : NULL;
}

static void
lay(struct user *u, const struct variants *x, const size_t choice[3])
{
	for (int k = 0; k < 3; k++) {
		u->layer[2 * k] = block(x, k, choice[k]);
		u->layer[2 * k + 1] = x->plain[k];
	}
}

/* The number of the policy of one combination. */
static size_t
combine(struct parse *p, struct user *u, struct variants *x,
    const size_t choice[3])
{
	struct wr w = wr_new(p->records.max);
	struct policy pol;
	size_t i;

	lay(u, x, choice);
	user_policy(p, u, &pol);
	policy_encode(&w, &pol);
	p->records.bad |= w.bad;
	for (i = 0; i < x->npolicies; i++)
		if (view_eq(x->policy[i], wr_view(&w)))
			break;
	if (i == x->npolicies) {
		x->policy[x->npolicies++] = tree_copy(&p->t, wr_view(&w));
		/* For nobody as often as for all the others together. */
		programs_note(p, &pol, !u->host ? 1 : p->nusers != 0 ?
		    p->nusers : 1);
	}
	wr_free(&w);
	return i;
}

/* The combination behind this one in order; false: it is the last, where no
 * block holds. */
static bool
step(const struct variants *x, size_t choice[3])
{
	int k = 2;

	while (k > 0 && choice[k] == x->nblocks[k])
		choice[k--] = 0;
	choice[k]++;
	return choice[0] != x->nblocks[0] || choice[1] != x->nblocks[1] ||
	    choice[2] != x->nblocks[2];
}

static void
enumerate(struct parse *p, struct user *u, struct variants *x)
{
	size_t choice[3] = { x->nblocks[0], x->nblocks[1], x->nblocks[2] };
	bool more = choice[0] + choice[1] + choice[2] != 0;

	combine(p, u, x, choice);	/* policy 0 */
	for (memset(choice, 0, sizeof(choice)); more; more = step(x, choice)) {
		size_t policy = combine(p, u, x, choice);

		for (int k = 0; k < 3; k++) {
			const struct layer *b = block(x, k, choice[k]);

			x->v[x->n].condition[k] = b != NULL ?
			    b->condition : 0;
		}
		x->v[x->n++].policy = policy;
	}
	/* What would be chosen anyway need not be looked for. */
	while (x->n != 0 && x->v[x->n - 1].policy == 0)
		x->n--;
}

static void
encode(struct parse *p, const struct user *u, const struct variants *x)
{
	struct wr *w = u->host ? &p->host_record : &p->records;

	if (!u->host)
		p->offsets[p->nusers++] = (uint32_t)wr_size(w);
	wr_str(w, u->name);
	wr_u32(w, (uint32_t)x->npolicies);
	for (size_t i = 0; i < x->npolicies; i++)
		wr_str(w, x->policy[i]);
	wr_u32(w, (uint32_t)x->n);
	for (size_t i = 0; i < x->n; i++) {
		for (int k = 0; k < 3; k++)
			wr_u32(w, x->v[i].condition[k]);
		wr_u32(w, (uint32_t)x->v[i].policy);
	}
}

/* ---- for the explanation of one user ---- */

static struct view
condition(const struct parse *p, uint32_t number)
{
	struct rd r = rd_of(wr_view(&p->condition_bytes));
	struct view c = view_of(NULL, 0);

	while (number-- != 0)
		c = rd_str(&r);
	return c;
}

static bool
holds(const struct parse *p, const struct variants *x,
    const size_t choice[3], const struct place *place)
{
	for (int k = 0; k < 3; k++) {
		const struct layer *b = block(x, k, choice[k]);

		if (b != NULL && !condition_holds(condition(p, b->condition),
		    place))
			return false;
	}
	return true;
}

/* Lays the layers as they count for the place that is asked about. */
static void
explain(struct parse *p, struct user *u, const struct variants *x)
{
	size_t choice[3] = { 0, 0, 0 };
	bool more = x->nblocks[0] + x->nblocks[1] + x->nblocks[2] != 0;
	struct place place = { .port = 0 };
	struct policy pol;

	p->env->where(p->env->origin_ctx, &p->main, &place);
	while (more && !holds(p, x, choice, &place))
		more = step(x, choice);
	if (!more)
		memcpy(choice, x->nblocks, sizeof(choice));
	lay(u, x, choice);
	user_policy(p, u, &pol);
	origin_tell(p, u, &pol);
}

/* Accounts of the host are all those who are no users. */
static bool
is_asked(const struct parse *p, const struct user *u)
{
	if (p->env->origin == NULL)
		return false;
	if (u->host)
		return names_find(&p->users.index, p->env->whose) == NULL;
	return view_eq(u->name, p->env->whose);
}

void
variants_add(struct parse *p, struct user *u, const struct layer *own,
    const struct layer *defaults)
{
	struct path at = { u->path, view_str("when"), 0 };
	struct variants x = { .plain = { own, own->group, defaults } };
	size_t total = 1;

	for (int k = 0; k < 3; k++) {
		x.nblocks[k] = x.plain[k] != NULL ? x.plain[k]->nwhen : 0;
		total *= x.nblocks[k] + 1;
	}
	if (total > CONFIG_MAX_VARIANTS) {
		tree_fault(&p->t, u->mark, &at, "blocks of this user, its "
		    "group and defaults together make %zu policies; at most "
		    "%d are allowed, use fewer blocks", total,
		    CONFIG_MAX_VARIANTS);
		return;
	}
	enumerate(p, u, &x);
	encode(p, u, &x);
	if (is_asked(p, u))
		explain(p, u, &x);
}
