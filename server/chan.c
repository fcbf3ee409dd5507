/* Session channels of a client, each with the duct to its login process. */
#include <stdlib.h>
#include <unistd.h>

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
	duct_free(&k->duct);
	free(k);
}

enum err
chan_open_sftp(struct chan *k)
{
	enum err e;
	int far;

	if ((k->duct = duct_new(&far)) == NULL)
		return ERR_LIMIT;
	e = link_send(&k->client->login, MSG_OPEN_SFTP, k->id,
	    view_of(NULL, 0), &far, 1);
	close(far);
	if (e == OK)
		k->opening = true;
	else
		duct_free(&k->duct);
	return e;
}

void
chan_closed(struct chan *k)
{
	struct client *c = k->client;

	k->ch = NULL;
	loop_touch(c);
	if (k->duct != NULL)
		drain_add(c->loop, c->id, &k->duct,
		    c->hurry ? DRAIN_HURRY_MS : DRAIN_MS);
}

bool
chan_wants_read(const struct chan *k)
{
	return k->ch != NULL && !k->duct_eof && !k->opening &&
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
		    view_of(NULL, 0));
	else
		ssh_channel_exit_status(ch, k->status);
	ssh_channel_eof(ch);
	ssh_channel_close(ch);
}

void
chan_say(struct chan *k, const char *text)
{
	k->say = text;
	chan_pump_in(k);
}

/* Our own last words; a key exchange may make them wait for `drain`. */
static void
say(struct chan *k)
{
	k->say += ssh_channel_write(k->ch, 1, view_str(k->say));
	if (*k->say == '\0')
		finish(k);
}

void
chan_pump_in(struct chan *k)
{
	bool eof = false;
	struct view v;

	if (k->say != NULL && k->ch != NULL && !k->finished) {
		say(k);
		return;
	}
	if (k->duct == NULL || k->ch == NULL || k->opening)
		return;
	if (chan_wants_read(k)) {
		v = duct_peek(k->duct, ssh_channel_writable(k->ch), &eof);
		if (v.n != 0)
			duct_consume(k->duct, ssh_channel_write(k->ch, 0, v));
		k->duct_eof = eof;
	}
	if (k->duct_eof && k->ended)
		finish(k);
}

void
chan_pump_out(struct chan *k)
{
	size_t left = 0;

	if (k->duct == NULL)
		return;
	if (duct_ready(k->duct, POLLOUT) == OK)
		left = duct_unsent(k->duct);
	if (k->given > left && k->ch != NULL) {
		size_t n = k->given - left;

		k->given = left;
		ssh_channel_consumed(k->ch, n);
	}
}
