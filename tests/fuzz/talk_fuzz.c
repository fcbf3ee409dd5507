/*
 * Frames between a login process and sallyport-account.  The first byte
 * chooses the parser.  What a get_ function accepts must be what put_ writes
 * for it, and be accepted again.
 */
#include <stdlib.h>

#include "auth/talk.h"

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
	struct talk_##name m, again; \
	if (!get_talk_##name(v, &m)) \
		return; \
	put_talk_##name(w, &m); \
	demand(!w->bad && wr_size(w) == v.n); \
	demand(get_talk_##name(wr_view(w), &again)); \
}
TRIP(hello)
TRIP(find)
TRIP(auth)
TRIP(texts)
TRIP(change)
TRIP(found)
TRIP(said)
TRIP(result)
TRIP(session)

/* Every rule that was accepted can be walked to its end. */
static void
walk_rules(struct view v, struct wr *w)
{
	struct talk_find m;
	struct view name;
	size_t n = 0;

	trip_find(v, w);
	if (!get_talk_find(v, &m))
		return;
	while (talk_rule_next(&m.allow, &name))
		demand(name.n != 0 && ++n <= TALK_RULES_MAX);
	demand(m.allow.n == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const trips[])(struct view, struct wr *) = {
		trip_hello, walk_rules, trip_auth, trip_texts, trip_change,
		trip_found, trip_said, trip_result, trip_session,
	};
	struct wr w = wr_new(1 << 20);

	if (size == 0)
		return 0;
	trips[data[0] % (sizeof(trips) / sizeof(trips[0]))](
	    view_of(data + 1, size - 1), &w);
	wr_free(&w);
	return 0;
}
