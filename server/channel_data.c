/* Channels: bytes and windows, both ways (RFC 4254 5.2). */
#include <string.h>

#include "server/channel.h"

#define DATA_HEAD	9	/* number, channel, length */
#define EXT_HEAD	13	/* ... and the type */
#define STDERR		1	/* SSH_EXTENDED_DATA_STDERR */

static const struct ssh_server_events *
events(const struct ssh_conn *c)
{
	return c->server->ev;
}

static uint32_t
min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* ---- from the client ---- */

/* n bytes are done with.  The window is given back by halves: one message
 * for a megabyte, and none to a client that will send no more. */
static void
give_back(struct ssh_channel *ch, uint32_t n)
{
	uint8_t b[9] = { SSH_MSG_CHANNEL_WINDOW_ADJUST };

	ch->credit += n;
	if (ch->credit < ch->window / 2 || ch->eof_in ||
	    ch->close_out || !channel_is_open(ch))
		return;
	put_u32(b + 1, ch->peer);
	put_u32(b + 5, ch->credit);
	ch->in_window += ch->credit;
	ch->credit = 0;
	conn_send(ch->conn, view_of(b, sizeof(b)));
}

void
ssh_channel_consumed(struct ssh_channel *ch, size_t n)
{
	uint32_t k = n < ch->unconsumed ? (uint32_t)n : ch->unconsumed;

	ch->unconsumed -= k;
	give_back(ch, k);
}

void
ssh_channel_widen(struct ssh_channel *ch)
{
	uint32_t more = SSH_CHANNEL_WINDOW - ch->window;

	ch->window += more;
	give_back(ch, more);
}

static enum err
past_limit(struct ssh_conn *c, const char *what)
{
	return conn_fail(c, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
	    "channel data %s", what);
}

static enum err
take_data(struct ssh_conn *c, uint32_t id, uint32_t ext, struct view bytes)
{
	struct ssh_channel *ch = channel_find(c, id);
	uint32_t n = (uint32_t)bytes.n;

	if (ch == NULL)
		return ERR_PROTO;
	if (bytes.n > SSH_CHANNEL_PACKET)
		return past_limit(c, "over the packet size");
	if (n > ch->in_window)
		return past_limit(c, "past the window");
	if (ch->eof_in)
		return past_limit(c, "after EOF");
	ch->in_window -= n;
	if (n == 0)
		return OK;
	if (ch->close_out || ext > STDERR || events(c)->data == NULL) {
		give_back(ch, n);
		return OK;
	}
	ch->unconsumed += n;
	conn_event_begin(c);
	events(c)->data(c->server->ctx, ch, ext, bytes);
	conn_event_end(c);
	return OK;
}

enum err
channel_data(struct ssh_conn *c, struct rd *r)
{
	uint32_t id = rd_u32(r);
	struct view bytes = rd_str(r);

	return rd_done(r) ? take_data(c, id, 0, bytes) : ERR_PROTO;
}

enum err
channel_extended_data(struct ssh_conn *c, struct rd *r)
{
	uint32_t id = rd_u32(r), type = rd_u32(r);
	struct view bytes = rd_str(r);

	if (!rd_done(r))
		return ERR_PROTO;
	/* Only stderr has a meaning; the rest is dropped, but counted. */
	return take_data(c, id, type == STDERR ? STDERR : STDERR + 1, bytes);
}

/* ---- to the client ---- */

bool
channel_may_write(const struct ssh_channel *ch)
{
	return channel_is_open(ch) && !ch->eof_out && !ch->close_out;
}

/* Bytes of one packet. */
static uint32_t
chunk_max(const struct ssh_channel *ch)
{
	return min_u32(ch->out_packet, SSH_CHANNEL_PACKET);
}

/* Can the connection take channel data now?  What waits in `pending` was
 * said earlier and goes out first. */
static bool
output_open(const struct ssh_conn *c)
{
	return c->phase == PH_OPEN && c->broken == CONN_SOUND &&
	    !kex_blocks_output(c) && wr_size(&c->pending) == 0 &&
	    wr_size(&c->out) < SSH_OUT_HIGH;
}

/*
 * Packets may be begun while the output is below its mark.  Counting them by
 * their size on the wire keeps a client that asks for tiny packets from
 * filling it with their heads and tags.
 */
size_t
ssh_channel_writable(const struct ssh_channel *ch)
{
	const struct ssh_conn *c = ch->conn;
	uint32_t chunk = chunk_max(ch);
	size_t cost, packets;

	if (chunk == 0 || ch->out_window == 0 || !channel_may_write(ch) ||
	    !output_open(c))
		return 0;
	cost = packet_size(&c->tx, EXT_HEAD + chunk);
	packets = (SSH_OUT_HIGH - wr_size(&c->out) + cost - 1) / cost;
	if (packets * chunk < ch->out_window)
		return packets * chunk;
	return ch->out_window;
}

/* One packet, from the caller's bytes straight into the output.  False: the
 * connection is broken and will say so itself. */
static bool
put_packet(struct ssh_channel *ch, uint32_t ext, struct view v)
{
	struct ssh_conn *c = ch->conn;
	size_t head = ext == 0 ? DATA_HEAD : EXT_HEAD;
	uint8_t *p = conn_reserve(c, head + v.n);

	if (p == NULL)
		return false;
	p[0] = ext == 0 ? SSH_MSG_CHANNEL_DATA : SSH_MSG_CHANNEL_EXTENDED_DATA;
	put_u32(p + 1, ch->peer);
	if (ext != 0)
		put_u32(p + 5, ext);
	put_u32(p + head - 4, (uint32_t)v.n);
	memcpy(p + head, v.p, v.n);
	conn_commit(c, head + v.n);
	ch->out_window -= (uint32_t)v.n;
	return true;
}

size_t
ssh_channel_write(struct ssh_channel *ch, uint32_t ext, struct view bytes)
{
	size_t room, done = 0, chunk = chunk_max(ch);

	if (ext > STDERR || bytes.n == 0 || ch->eof_out || ch->close_out ||
	    ch->state == CHANNEL_GONE)
		return 0;
	room = ssh_channel_writable(ch);
	if (room > bytes.n)
		room = bytes.n;
	while (done < room) {
		size_t n = room - done < chunk ? room - done : chunk;

		if (!put_packet(ch, ext, view_of(bytes.p + done, n)))
			break;
		done += n;
	}
	if (done < bytes.n)
		ch->drain_owed = ch->conn->drain_owed = true;
	return done;
}

void
channel_drain(struct ssh_channel *ch)
{
	struct ssh_conn *c = ch->conn;

	if (!ch->drain_owed || ssh_channel_writable(ch) == 0)
		return;
	ch->drain_owed = false;
	if (events(c)->drain == NULL)
		return;
	conn_event_begin(c);
	events(c)->drain(c->server->ctx, ch);
	conn_event_end(c);
}

/* Does it wait for room in the output, and not for the client's window? */
static bool
waits_for_output(const struct ssh_channel *ch)
{
	return ch->drain_owed && (ch->state != CHANNEL_OPEN ||
	    (channel_may_write(ch) && ch->out_window != 0 &&
	    ch->out_packet != 0));
}

/* Each call begins behind the channel that was served last, so that one
 * which always has bytes does not starve the others. */
void
channels_drain(struct ssh_conn *c)
{
	struct channels *s = &c->channels;
	uint32_t start = s->drain_at, at;

	c->drain_owed = false;
	conn_event_begin(c);
	/* nslots is read again every time: events open and end channels. */
	for (uint32_t i = 0; i < s->nslots; i++) {
		at = (start + i) % s->nslots;
		if (s->slot[at] == NULL || !s->slot[at]->drain_owed)
			continue;
		if (output_open(c)) {
			s->drain_at = (at + 1) % s->nslots;
			channel_drain(s->slot[at]);
		}
		if (at < s->nslots && s->slot[at] != NULL &&
		    waits_for_output(s->slot[at]))
			c->drain_owed = true;
	}
	conn_event_end(c);
}

/*
 * uint32	our channel
 * uint32	bytes to add
 */
enum err
channel_window_adjust(struct ssh_conn *c, struct rd *r)
{
	uint32_t id = rd_u32(r), n = rd_u32(r);
	struct ssh_channel *ch;

	if (!rd_done(r))
		return ERR_PROTO;
	if ((ch = channel_find(c, id)) == NULL)
		return ERR_PROTO;
	if (n > UINT32_MAX - ch->out_window)
		return conn_fail(c, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "channel window grown past 2^32-1");
	ch->out_window += n;
	if (waits_for_output(ch))
		c->drain_owed = true;
	channel_drain(ch);
	return OK;
}
