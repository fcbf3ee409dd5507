/*
 * Bodies of the messages between our processes, encoded policies and
 * configuration blocks.  The first byte chooses the parser.  What a get_
 * function accepts must be what put_ writes for it, and be accepted again.
 */
#include <stdlib.h>

#include "base/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
demand(bool good)
{
	if (!good)
		abort();
}

#define TRIP(name) \
static void \
trip_##name(struct view v, struct wr *w) \
{ \
	struct msg_##name m, again; \
	if (!get_##name(v, &m)) \
		return; \
	put_##name(w, &m); \
	demand(!w->bad && wr_size(w) == v.n); \
	demand(get_##name(wr_view(w), &again)); \
}
TRIP(generation)
TRIP(sign)
TRIP(signed)
TRIP(login)
TRIP(attempt)
TRIP(auth_reply)
TRIP(ready)
TRIP(ended)
TRIP(text)
TRIP(log_target)
TRIP(log_who)
TRIP(window)
TRIP(open)
TRIP(opened)
TRIP(pty)
TRIP(child)
TRIP(penalties)
TRIP(barred)
TRIP(offence)
TRIP(flow)
TRIP(socket)
TRIP(listening)
TRIP(unconnected)
TRIP(credit)
TRIP(lookup)
TRIP(found)
TRIP(heir)
TRIP(handover)

static void
trip_policy(struct view v, struct wr *w)
{
	struct policy *p = policy_decode(v), *again;

	if (p == NULL)
		return;
	policy_encode(w, p);
	demand(!w->bad && wr_size(w) == v.n);
	again = policy_decode(wr_view(w));
	demand(again != NULL);
	policy_free(&again);
	policy_free(&p);
}

static void
trip_block(struct view v, struct wr *w)
{
	struct config *c = config_open(v);
	struct policy *p;
	struct view u;

	(void)w;
	if (c == NULL)
		return;
	u = config_user(c, view_str("acme"), NULL);
	if (u.n != 0) {
		p = policy_decode(u);
		demand(p != NULL && view_is(p->name, "acme"));
		policy_free(&p);
	}
	config_free(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const trips[])(struct view, struct wr *) = {
		trip_generation, trip_sign, trip_signed, trip_login,
		trip_attempt, trip_auth_reply, trip_ready, trip_ended,
		trip_text, trip_log_target, trip_log_who, trip_policy,
		trip_block, trip_window, trip_open, trip_opened, trip_pty,
		trip_penalties, trip_barred, trip_offence,
		trip_child,
		trip_flow, trip_socket, trip_listening, trip_unconnected,
		trip_credit, trip_lookup, trip_found,
		trip_heir, trip_handover,
	};
	struct wr w = wr_new(1 << 22);

	if (size == 0)
		return 0;
	trips[data[0] % (sizeof(trips) / sizeof(trips[0]))](
	    view_of(data + 1, size - 1), &w);
	wr_free(&w);
	return 0;
}
