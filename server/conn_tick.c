/*
 * The clock's part of a connection: every deadline there is, measured from
 * the connection's start or from the last progress, never from a probe sent.
 */
#include "server/conn.h"

#define FLUSH_MS	5000	/* for the last words of an ended conn */

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Nothing moves it, and login ends it. */
static uint64_t
grace_due(const struct ssh_conn *c)
{
	uint32_t ms = c->server->cfg.login_grace_ms;

	return ms == 0 || c->authenticated ? UINT64_MAX : c->created + ms;
}

/* While we do not read, silence is ours; during a key exchange its own
 * deadline counts. */
static uint64_t
keepalive_due(const struct ssh_conn *c)
{
	uint32_t ms = c->server->cfg.keepalive_interval_ms;

	if (ms == 0 || !c->authenticated || !ssh_conn_wants_input(c) ||
	    kex_running(c))
		return UINT64_MAX;
	return c->probed + ms;
}

/* Bytes are queued and the peer takes none. */
static uint64_t
stuck_due(const struct ssh_conn *c)
{
	const struct ssh_server_config *cfg = &c->server->cfg;

	if (c->out_since == 0 || cfg->keepalive_interval_ms == 0 ||
	    cfg->keepalive_count_max == 0)
		return UINT64_MAX;
	return c->out_since + (uint64_t)cfg->keepalive_interval_ms *
	    ((uint64_t)cfg->keepalive_count_max + 1);
}

static void
probe(struct ssh_conn *c)
{
	uint32_t max = c->server->cfg.keepalive_count_max;

	if (max != 0 && c->keepalives >= max) {
		(void)conn_fail(c, ERR_CLOSED, SSH_DISCONNECT_CONNECTION_LOST,
		    "keepalive: %u probes without an answer", max);
		return;
	}
	c->keepalives++;
	c->probed = c->now;
	global_send_keepalive(c);
}

static void
check(struct ssh_conn *c)
{
	if (c->now >= grace_due(c))
		(void)conn_fail(c, ERR_LIMIT, SSH_DISCONNECT_BY_APPLICATION,
		    "login grace time exceeded");
	else if (c->now >= stuck_due(c))
		(void)conn_fail(c, ERR_CLOSED, SSH_DISCONNECT_CONNECTION_LOST,
		    "the client takes no bytes any more");
	if (c->phase == PH_ENDED)
		return;
	kex_tick(c);
	if (c->phase != PH_ENDED && c->now >= keepalive_due(c))
		probe(c);
}

static uint64_t
next_due(const struct ssh_conn *c)
{
	if (c->broken != CONN_SOUND && c->phase != PH_ENDED)
		return c->now;
	if (c->phase == PH_ENDED)
		return wr_size(&c->out) != 0 ? c->ended_at + FLUSH_MS :
		    UINT64_MAX;
	return earlier(earlier(grace_due(c), keepalive_due(c)),
	    earlier(stuck_due(c), kex_due(c)));
}

uint64_t
ssh_conn_tick(struct ssh_conn *c, uint64_t now)
{
	uint64_t due;

	conn_advance(c, now);
	conn_event_begin(c);
	if (c->phase != PH_ENDED)
		check(c);
	else if (c->now >= c->ended_at + FLUSH_MS)
		wr_free(&c->out);
	due = next_due(c);
	conn_event_end(c);
	return due;
}
