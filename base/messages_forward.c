#include "base/messages_forward.h"

static bool
done(const struct rd *r, bool in_range)
{
	return rd_done(r) && in_range;
}

void
put_flow(struct wr *w, const struct msg_flow *m)
{
	wr_u8(w, m->kind);
	wr_str(w, m->host);
	wr_u32(w, m->port);
	wr_str(w, m->src);
	wr_u32(w, m->src_port);
}

bool
get_flow(struct view b, struct msg_flow *m)
{
	struct rd r = rd_of(b);

	m->kind = rd_u8(&r);
	m->host = rd_text(&r);
	m->port = rd_u32(&r);
	m->src = rd_text(&r);
	m->src_port = rd_u32(&r);
	return done(&r, m->kind < FLOW_KINDS &&
	    m->host.n <= MSG_FLOW_TEXT_MAX && m->src.n <= MSG_FLOW_TEXT_MAX &&
	    m->port <= UINT16_MAX && m->src_port <= UINT16_MAX);
}

void
put_socket(struct wr *w, const struct msg_socket *m)
{
	wr_u8(w, m->kind);
	wr_str(w, m->host);
	wr_u32(w, m->port);
	wr_bool(w, m->single);
	wr_str(w, m->protocol);
	wr_str(w, m->cookie);
	wr_u32(w, m->screen);
}

bool
get_socket(struct view b, struct msg_socket *m)
{
	struct rd r = rd_of(b);

	m->kind = rd_u8(&r);
	m->host = rd_text(&r);
	m->port = rd_u32(&r);
	m->single = rd_bool(&r);
	m->protocol = rd_text(&r);
	m->cookie = rd_text(&r);
	m->screen = rd_u32(&r);
	return done(&r, m->kind < FLOW_KINDS &&
	    m->host.n <= MSG_FLOW_TEXT_MAX && m->port <= UINT16_MAX &&
	    m->protocol.n <= MSG_COOKIE_MAX &&
	    m->cookie.n <= MSG_COOKIE_MAX);
}

void
put_listening(struct wr *w, const struct msg_listening *m)
{
	wr_bool(w, m->done);
	wr_u32(w, m->port);
}

bool
get_listening(struct view b, struct msg_listening *m)
{
	struct rd r = rd_of(b);

	m->done = rd_bool(&r);
	m->port = rd_u32(&r);
	return done(&r, m->port <= UINT16_MAX);
}

void
put_unconnected(struct wr *w, const struct msg_unconnected *m)
{
	wr_u8(w, m->why);
}

bool
get_unconnected(struct view b, struct msg_unconnected *m)
{
	struct rd r = rd_of(b);

	m->why = rd_u8(&r);
	return done(&r, m->why < NO_WAYS);
}

void
put_credit(struct wr *w, const struct msg_credit *m)
{
	wr_u32(w, m->n);
}

bool
get_credit(struct view b, struct msg_credit *m)
{
	struct rd r = rd_of(b);

	m->n = rd_u32(&r);
	return rd_done(&r);
}

void
put_lookup(struct wr *w, const struct msg_lookup *m)
{
	wr_u32(w, m->number);
	wr_str(w, m->name);
}

bool
get_lookup(struct view b, struct msg_lookup *m)
{
	struct rd r = rd_of(b);

	m->number = rd_u32(&r);
	m->name = rd_text(&r);
	return done(&r, forward_name(m->name));
}

void
put_addresses(struct wr *w, const struct msg_found *m)
{
	if (m->n > MSG_FOUND_MAX)
		w->bad = true;
	for (size_t i = 0; i < m->n && !w->bad; i++) {
		struct net_range one = { .addr = m->addr[i] };

		one.bits = (uint8_t)net_bits(&one.addr);
		net_put(w, &one);
	}
}

bool
get_addresses(struct view b, struct msg_found *m)
{
	struct rd r = rd_of(b);
	struct net_range one;

	for (m->n = 0; r.n != 0 && !r.bad && m->n < MSG_FOUND_MAX;) {
		net_get(&r, &one);
		if (one.bits != net_bits(&one.addr))
			return false;
		m->addr[m->n++] = one.addr;
	}
	return rd_done(&r);
}

void
put_found(struct wr *w, const struct msg_found *m)
{
	wr_u32(w, m->number);
	wr_u8(w, m->status);
	put_addresses(w, m);
}

bool
get_found(struct view b, struct msg_found *m)
{
	struct rd r = rd_of(b);

	m->number = rd_u32(&r);
	m->status = rd_u8(&r);
	return !r.bad && get_addresses(rd_rest(&r), m) &&
	    m->status < FOUND_STATES &&
	    (m->status == FOUND_SOME) == (m->n != 0);
}
