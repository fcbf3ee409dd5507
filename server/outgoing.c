#include "server/outgoing.h"

struct wr
outgoing_new(uint8_t number)
{
	struct wr w = wr_new(OUTGOING_MAX);

	wr_u8(&w, number);
	return w;
}

void
outgoing_send(struct ssh_conn *c, struct wr *w)
{
	if (!w->bad)
		conn_send(c, wr_view(w));
	else if (c->broken == CONN_SOUND)
		c->broken = CONN_BROKEN_MEMORY;
	wr_free(w);
}

void
outgoing_send_u8(struct ssh_conn *c, uint8_t number)
{
	conn_send(c, view_of(&number, 1));
}

void
outgoing_send_u32(struct ssh_conn *c, uint8_t number, uint32_t v)
{
	uint8_t b[5] = { number };

	put_u32(b + 1, v);
	conn_send(c, view_of(b, sizeof(b)));
}
