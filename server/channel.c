/* Channels: their numbers, their EOF and CLOSE, their end. */
#include <stdlib.h>

#include "server/channel.h"

#define CHANNELS_DEFAULT	16
#define CHANNELS_FIRST		4	/* slots of the first allocation */

static const struct ssh_server_events *
events(const struct ssh_conn *c)
{
	return c->server->ev;
}

/* ---- slots ---- */

uint32_t
channel_limit(const struct ssh_conn *c)
{
	uint32_t n = c->server->cfg.channels;

	if (n == 0)
		n = CHANNELS_DEFAULT;
	return n < SSH_MAX_CHANNELS ? n : SSH_MAX_CHANNELS;
}

static bool
more_slots(struct channels *s)
{
	uint32_t n = s->nslots != 0 ? s->nslots * 2 : CHANNELS_FIRST;
	struct ssh_channel **p = realloc(s->slot, n * sizeof(*p));

	if (p == NULL)
		return false;
	for (uint32_t i = s->nslots; i < n; i++)
		p[i] = NULL;
	s->slot = p;
	s->nslots = n;
	return true;
}

struct ssh_channel *
channel_new(struct ssh_conn *c, enum channel_kind kind,
    enum channel_state state)
{
	struct channels *s = &c->channels;
	struct ssh_channel *ch;
	uint32_t id = 0;

	if (s->open >= channel_limit(c) || c->phase != PH_OPEN)
		return NULL;
	while (id < s->nslots && s->slot[id] != NULL)
		id++;
	if (id == s->nslots && !more_slots(s))
		return NULL;
	if ((ch = calloc(1, sizeof(*ch))) == NULL)
		return NULL;
	ch->conn = c;
	ch->id = id;
	ch->kind = kind;
	ch->state = state;
	ch->window = kind == CHANNEL_SESSION ? SSH_CHANNEL_WINDOW :
	    SSH_FLOW_WINDOW;
	ch->in_window = ch->window;
	s->slot[id] = ch;
	s->open++;
	return ch;
}

void
channel_gone(struct ssh_channel *ch)
{
	struct ssh_conn *c = ch->conn;

	c->channels.slot[ch->id] = NULL;
	c->channels.open--;
	ch->state = CHANNEL_GONE;
	conn_event_begin(c);
	if (events(c)->channel_close != NULL)
		events(c)->channel_close(c->server->ctx, ch);
	free(ch);
	conn_event_end(c);
}

void
channels_end(struct ssh_conn *c)
{
	struct channels *s = &c->channels;

	conn_event_begin(c);
	for (uint32_t i = 0; i < s->nslots; i++)
		if (s->slot[i] != NULL)
			channel_gone(s->slot[i]);
	free(s->slot);
	*s = (struct channels){ .slot = NULL };
	conn_event_end(c);
}

struct ssh_channel *
ssh_conn_channel(struct ssh_conn *c, uint32_t id)
{
	return id < c->channels.nslots ? c->channels.slot[id] : NULL;
}

struct ssh_channel *
channel_find(struct ssh_conn *c, uint32_t id)
{
	struct ssh_channel *ch = ssh_conn_channel(c, id);

	if (ch != NULL && ch->state == CHANNEL_OPEN)
		return ch;
	(void)conn_fail(c, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
	    "message for a channel that is not open");
	return NULL;
}

bool
channel_is_open(const struct ssh_channel *ch)
{
	return ch->state == CHANNEL_OPEN && ch->conn->phase == PH_OPEN;
}

void
ssh_channel_set_data(struct ssh_channel *ch, void *data)
{
	ch->data = data;
}

void *
ssh_channel_data(const struct ssh_channel *ch)
{
	return ch->data;
}

struct ssh_conn *
ssh_channel_conn(const struct ssh_channel *ch)
{
	return ch->conn;
}

uint32_t
ssh_channel_id(const struct ssh_channel *ch)
{
	return ch->id;
}

/* ---- the end of a channel ---- */

enum err
channel_handle_eof(struct ssh_conn *c, struct rd *r)
{
	struct ssh_channel *ch;
	uint32_t id = rd_u32(r);

	if (!rd_done(r))
		return ERR_PROTO;
	if ((ch = channel_find(c, id)) == NULL)
		return ERR_PROTO;
	if (ch->eof_in)
		return OK;
	ch->eof_in = true;
	if (ch->close_out || events(c)->eof == NULL)
		return OK;
	conn_event_begin(c);
	events(c)->eof(c->server->ctx, ch);
	conn_event_end(c);
	return OK;
}

enum err
channel_handle_close(struct ssh_conn *c, struct rd *r)
{
	struct ssh_channel *ch;
	uint32_t id = rd_u32(r);

	if (!rd_done(r))
		return ERR_PROTO;
	if ((ch = channel_find(c, id)) == NULL)
		return ERR_PROTO;
	if (!ch->close_out)
		outgoing_send_u32(c, SSH_MSG_CHANNEL_CLOSE, ch->peer);
	channel_gone(ch);
	return OK;
}

bool
ssh_channel_eof(struct ssh_channel *ch)
{
	if (!channel_may_write(ch))
		return false;
	ch->eof_out = true;
	outgoing_send_u32(ch->conn, SSH_MSG_CHANNEL_EOF, ch->peer);
	return true;
}

bool
ssh_channel_close(struct ssh_channel *ch)
{
	if (ch->state == CHANNEL_OPENING && !ch->close_wanted) {
		ch->close_wanted = true;
		return true;
	}
	if (!channel_is_open(ch) || ch->close_out)
		return false;
	if (!ch->eof_out)
		ssh_channel_eof(ch);
	ch->close_out = true;
	outgoing_send_u32(ch->conn, SSH_MSG_CHANNEL_CLOSE, ch->peer);
	return true;
}
