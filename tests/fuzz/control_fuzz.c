/*
 * An operator's client that has gone mad, against the warden's table: the
 * input is a row of requests
 *
 *	byte	message number
 *	byte	how many descriptors are said to come beside (0-1)
 *	byte	length of the body
 *	...	body
 *
 * Each is answered: by words, or by whole frames that the tool understands
 * and that end.  What the tool reads is fed with the same bodies.
 */
#include <stdlib.h>

#include "chroot/control_requests.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static const struct penalty *
act_next(void *ctx, uint32_t *at)
{
	return penalties_next(ctx, at);
}

static size_t
act_clear(void *ctx, const struct net_range *r)
{
	size_t before = penalties_count(ctx);
	size_t n = penalties_remove(ctx, r);

	must(penalties_count(ctx) == before - n);
	return n;
}

static const struct control_acts acts = { act_next, act_clear };

static void
fill(struct penalties *p)
{
	bool barred;

	for (unsigned i = 0; i < 1200; i++) {
		struct net_addr a = { 4, { 10, 0, (uint8_t)(i >> 8),
		    (uint8_t)i } };

		(void)penalties_add(p, &a, PENALTY_CRASH, i, &barred);
		a = (struct net_addr){ 6, { 0x20, 1, 0xd, 0xb8,
		    (uint8_t)(i >> 8), (uint8_t)i } };
		if (i < 300)
			(void)penalties_add(p, &a, PENALTY_NOAUTH, i,
			    &barred);
	}
}

/* What comes must make sense to the tool. */
static void
read_answer(uint8_t type, struct view body, uint32_t *told)
{
	struct control_entries list;
	struct control_done done;
	struct control_failed failed;
	struct penalty e;
	char text[NET_TEXT_MAX];

	switch (type) {
	case CONTROL_ENTRIES:
		must(get_control_entries(body, &list));
		while (control_entry_next(&list, &e)) {
			net_text(&e.net, text);
			++*told;
		}
		break;
	case CONTROL_DONE:
		must(get_control_done(body, &done));
		must(*told == 0 || done.count == *told);
		break;
	default:
		must(type == CONTROL_FAILED);
		must(get_control_failed(body, &failed));
	}
}

static void
one_request(struct control_requests *r, struct rd *in)
{
	struct ipc_msg m = { .type = rd_u8(in), .nfds = rd_u8(in) % 2 };
	struct wr w = wr_new(CONTROL_FRAME_MAX);
	uint8_t n = rd_u8(in), type = 0;
	struct control_job j;
	uint32_t told = 0;
	unsigned frames = 0;

	m.body = rd_bytes(in, n < in->n ? n : in->n);
	control_request(r, &m, &j);
	while (control_answer(r, &j, &type, &w)) {
		must(!w.bad && ++frames < 10);
		read_answer(type, wr_view(&w), &told);
		wr_reset(&w);
	}
	must(frames != 0);
	wr_free(&w);
}

/* A daemon that has gone mad, against the tool. */
static void
tool_side(struct view body)
{
	struct control_entries list;
	struct control_done done;
	struct control_failed failed;
	struct control_clear clear;
	struct penalty e;
	size_t n = 0;

	if (get_control_entries(body, &list))
		while (control_entry_next(&list, &e))
			must(++n <= CONTROL_ENTRIES_MAX);
	(void)!get_control_done(body, &done);
	(void)!get_control_failed(body, &failed);
	(void)!get_control_clear(body, &clear);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct penalties_config c = {
		.on = true, .ms = { 90000, 1, 1, 1, 1000, 1 },
		.min_ms = 15000, .max_ms = 600000, .prefix4 = 32,
		.prefix6 = 64, .sources = 1000,
	};
	struct penalties *p = penalties_new(1, NULL, NULL);
	struct control_requests r = { &acts, p, 100 };
	struct rd in = rd_of(view_of(data, size));

	if (p == NULL)
		return 0;
	must(penalties_configure(p, &c, NULL, 0, 0));
	fill(p);
	for (unsigned i = 0; i < 64 && in.n != 0; i++)
		one_request(&r, &in);
	tool_side(view_of(data, size));
	penalties_free(&p);
	return 0;
}
