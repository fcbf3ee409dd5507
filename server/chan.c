/* Channels of a client, each with the duct to what serves it. */
#include <stdlib.h>
#include <string.h>

#include "server/daemon.h"

struct chan *
chan_new(struct client *c, struct ssh_channel *ch)
{
	struct chan *k = calloc(1, sizeof(*k)), **end = &c->chans;

	if (k == NULL)
		return NULL;
	k->client = c;
	k->ch = ch;
	k->id = ++c->last_chan;
	k->moved_at = c->loop->now;
	while (*end != NULL)
		end = &(*end)->next;
	*end = k;
	ssh_channel_set_data(ch, k);
	return k;
}

struct chan *
chan_find(struct client *c, uint32_t id)
{
	struct chan *k = c->chans;

	while (k != NULL && k->id != id)
		k = k->next;
	return k;
}

void
chan_free(struct chan *k)
{
	struct chan **p = &k->client->chans;

	while (*p != k)
		p = &(*p)->next;
	*p = k->next;
	start_forget(k);
	duct_free(&k->duct);
	free(k);
}

void
chan_cut(struct chan *k)
{
	struct client *c = k->client;

	k->cut = true;
	/* It may still be about to start. */
	if ((k->program || k->opening) && !k->ended && c->rights != NULL &&
	    c->rights->programs && link_send(&c->login, MSG_CLOSED, k->id,
	    view_of(NULL, 0), NULL, 0) != OK)
		log_msg(LOG_DEBUG, "login-link", "no session to tell");
	k->ended = true;
	k->opening = false;
	duct_free(&k->duct);
	if (k->ch != NULL)
		ssh_channel_close(k->ch);
}

void
chan_closed(struct chan *k)
{
	struct client *c = k->client;

	k->ch = NULL;
	loop_touch(c);
	/* If it cannot be told, it has gone itself. */
	if (((k->program && !k->ended) || k->given_to) &&
	    link_send(&c->login, MSG_CLOSED, k->id, view_of(NULL, 0), NULL,
	    0) != OK)
		k->ended = true;
	if (k->flow)
		relay_closed(k);
	if (k->duct != NULL)
		drain_add(c->loop, c->id, &k->duct, k->flow,
		    c->hurry ? DRAIN_HURRY_MS : DRAIN_MS);
	if (k->flow)
		relay_freed(c->loop, c->id);
}

bool
chan_wants_read(const struct chan *k)
{
	return k->ch != NULL && !k->opening &&
	    ssh_channel_writable(k->ch) != 0;
}

/* All is said: how it ended, and that it did. */
static void
finish(struct chan *k)
{
	struct ssh_channel *ch = k->ch;

	if (k->finished || ch == NULL)
		return;
	k->finished = true;
	if (k->signalled)
		ssh_channel_exit_signal(ch, k->signal, k->core,
		    view_str(k->core ? "core dumped" : ""));
	else
		ssh_channel_exit_status(ch, k->status);
	ssh_channel_eof(ch);
	ssh_channel_close(ch);
}

/* A terminal gives little at a time. */
#define READS_PER_TURN	16
#define READ_ENOUGH	((size_t)16 * 1024)

static void
pump_stream(struct chan *k, enum duct_stream s)
{
	uint32_t ext = s == DUCT_ERR ? 1 : 0;
	bool eof;

	for (int i = 0; i < READS_PER_TURN && chan_wants_read(k); i++) {
		size_t room = ssh_channel_writable(k->ch), n;
		size_t share = loop_share(k->client);
		struct view v = duct_peek(k->duct, s,
		    room < share ? room : share, &eof);

		if (v.n == 0)
			return;
		n = ssh_channel_write(k->ch, ext, v);
		duct_consume(k->duct, s, n);
		loop_moved(k->client, n);
		k->bytes_out += n;
		idle_moved(k);
		if (n < v.n || n >= READ_ENOUGH || duct_dry(k->duct, s))
			return;
	}
}

void
chan_pump_in(struct chan *k)
{
	if (k->duct == NULL || k->ch == NULL || k->opening)
		return;
	pump_stream(k, DUCT_OUT);
	pump_stream(k, DUCT_ERR);
	if (k->flow)
		relay_settle(k);
	else if (k->ended && duct_over(k->duct))
		finish(k);
}

/* Others might not take a request that they do not know for what it is. */
static bool
speaks_eow(const struct client *c)
{
	return c->ident != NULL && strncmp(c->ident, "OpenSSH", 7) == 0;
}

void
chan_pump_out(struct chan *k)
{
	size_t left = 0;

	if (k->duct == NULL)
		return;
	if (duct_ready(k->duct, POLLOUT) == OK)
		left = duct_unsent(k->duct);
	else if (k->program && !k->deaf && k->ch != NULL) {
		/* The client may stop sending what nobody reads. */
		k->deaf = true;
		if (speaks_eow(k->client))
			ssh_channel_eow(k->ch);
	}
	if (k->given > left && k->ch != NULL) {
		size_t n = k->given - left;

		k->given = left;
		ssh_channel_consumed(k->ch, n);
		if (k->flow)
			relay_taken(k, n);
	}
	if (k->flow)
		relay_settle(k);
}
