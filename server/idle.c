/* Limits on silence: of a connection, of one that nobody uses, of channels.
 * Keepalives and answers to them are no sign of use. */
#include "server/daemon.h"

void
idle_moved(struct chan *k)
{
	k->moved_at = k->client->moved_at = k->client->loop->now;
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* When silence since then is too long; 0: there is no such limit. */
static uint64_t
due_at(uint64_t since, uint32_t ms)
{
	return ms == 0 ? UINT64_MAX : since + ms;
}

static void
cut_channel(struct chan *k)
{
	static const char *const words[CONFIG_CHANNELS] = {
		[CHANNEL_IS_SESSION] = "session", [CHANNEL_IS_AGENT] = "agent",
		[CHANNEL_IS_X11] = "x11",
		[CHANNEL_IS_DIRECT_TCPIP] = "direct-tcpip",
		[CHANNEL_IS_DIRECT_STREAMLOCAL] = "direct-streamlocal",
		[CHANNEL_IS_FORWARDED_TCPIP] = "forwarded-tcpip",
		[CHANNEL_IS_FORWARDED_STREAMLOCAL] = "forwarded-streamlocal",
	};
	struct client *c = k->client;
	struct log_ev e;

	client_log(c, &e, LOG_INFO, "channel-idle");
	log_num(&e, "channel", k->id);
	log_str(&e, "kind", words[k->kind]);
	log_num(&e, "ms", c->loop->now - k->moved_at);
	log_send(&e);
	chan_cut(k);
}

/* Is any channel open?  Those that are too silent are ended. */
static bool
tick_channels(struct loop *l, struct client *c, uint64_t *due)
{
	const uint32_t *limit = c->gen->limits.channel_idle_ms;
	bool any = false;

	for (struct chan *k = c->chans; k != NULL; k = k->next) {
		uint64_t at;

		if (k->ch == NULL)
			continue;
		any = true;
		at = due_at(k->moved_at, limit[k->kind]);
		/* One that is being made has a clock of its own. */
		if (k->cut || (k->flow && k->opening))
			continue;
		if (l->now >= at)
			cut_channel(k);
		else
			*due = earlier(*due, at);
	}
	return any;
}

uint64_t
idle_tick(struct loop *l, struct client *c)
{
	const struct config_limits *lim = &c->gen->limits;
	uint64_t due = UINT64_MAX, at;
	bool used;

	if (!ssh_conn_authenticated(c->ssh))
		return due;
	if (c->moved_at == 0)
		c->moved_at = l->now;	/* it begins with the login */
	used = tick_channels(l, c, &due);
	if (used)
		c->unused_since = 0;
	else if (c->unused_since == 0)
		c->unused_since = l->now;
	if (!used && l->now >= (at = due_at(c->unused_since,
	    lim->unused_ms))) {
		client_end(c, SSH_DISCONNECT_BY_APPLICATION,
		    "The connection was not used for too long");
		return due;
	}
	if (!used)
		due = earlier(due, at);
	if (l->now >= (at = due_at(c->moved_at, lim->idle_ms)))
		client_end(c, SSH_DISCONNECT_BY_APPLICATION,
		    "The connection was idle for too long");
	return earlier(due, at);
}
