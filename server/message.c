/*
 * Which message may be heard when: one row per number, the phases in the row,
 * and one reader of the table.  A number with a name but without a handler is
 * known and never ours to hear; a number without a name is a stranger.
 */
#include "server/conn.h"

#define ANY_AFTER_KEX	(PH_SERVICE | PH_AUTH | PH_OPEN)
#define ANY_PHASE	(PH_KEX | ANY_AFTER_KEX)

#define FIRST_CONNECTION 80	/* RFC 4252 6: only behind authentication */

/*
 * byte      SSH_MSG_DISCONNECT
 * uint32    reason code
 * string    description
 * string    language tag
 */
static enum err
msg_disconnect(struct ssh_conn *c, struct rd *r)
{
	uint32_t reason = rd_u32(r);
	struct view text = rd_str(r);

	/* Some clients leave the tag out or cut the text; it is over either
	 * way. */
	conn_peer_ended(c, reason, text);
	return ERR_CLOSED;
}

static enum err
msg_ignored(struct ssh_conn *c, struct rd *r)
{
	(void)c;
	(void)r;
	return OK;
}

/* uint32 packet sequence number of the rejected message */
static enum err
msg_unimplemented(struct ssh_conn *c, struct rd *r)
{
	uint32_t seq = rd_u32(r);

	if (!rd_done(r))
		return ERR_PROTO;
	conn_debug(c, "client does not know our packet %u", seq);
	return OK;
}

/*
 * uint32    nr-extensions
 * string    name, string value: as often (RFC 8308 2.3)
 * Heard only as the packet behind the client's first NEWKEYS; at another
 * place it says nothing.  ext-info-in-auth@openssh.com (OpenSSH's PROTOCOL):
 * an EXT_INFO is welcome once the user is named.
 */
static enum err
msg_ext_info(struct ssh_conn *c, struct rd *r)
{
	uint32_t n = rd_u32(r);

	if (!c->newkeys_heard || c->kex_count != 1)
		return OK;
	for (uint32_t i = 0; i < n && !r->bad; i++) {
		struct view name = rd_str(r), value = rd_str(r);

		if (view_is(name, "ext-info-in-auth@openssh.com") &&
		    view_is(value, "0"))
			c->ext_info_auth = true;
	}
	return rd_done(r) ? OK : ERR_PROTO;
}

/* string data; the answer carries the same (OpenSSH's PROTOCOL 1.8) */
static enum err
msg_ping(struct ssh_conn *c, struct rd *r)
{
	struct view data = rd_str(r);
	uint8_t *p;

	if (!rd_done(r))
		return ERR_PROTO;
	if (!c->authenticated || kex_running(c) ||
	    wr_size(&c->out) > SSH_OUT_HIGH)
		return OK;
	if ((p = conn_reserve(c, 5 + data.n)) == NULL)
		return OK;
	p[0] = SSH_MSG_PONG;
	put_u32(p + 1, (uint32_t)data.n);
	for (size_t i = 0; i < data.n; i++)
		p[5 + i] = data.p[i];
	conn_commit(c, 5 + data.n);
	return OK;
}

/* RFC 4252 5.1: requests behind SUCCESS are dropped without a word. */
static enum err
msg_userauth_request(struct ssh_conn *c, struct rd *r)
{
	return c->authenticated ? OK : userauth_request(c, r);
}

/* Known, but a server's to say: never heard. */
#define NEVER(word) { (word), 0, NULL }

const struct message message_table[256] = {
	[SSH_MSG_DISCONNECT] = { "disconnect", ANY_PHASE, msg_disconnect },
	[SSH_MSG_IGNORE] = { "ignore", ANY_PHASE, msg_ignored },
	[SSH_MSG_UNIMPLEMENTED] =
	    { "unimplemented", ANY_PHASE, msg_unimplemented },
	[SSH_MSG_DEBUG] = { "debug", ANY_PHASE, msg_ignored },
	[SSH_MSG_SERVICE_REQUEST] =
	    { "service-request", PH_SERVICE | PH_AUTH,
	      userauth_service_request },
	[SSH_MSG_SERVICE_ACCEPT] = NEVER("service-accept"),
	[SSH_MSG_EXT_INFO] = { "ext-info", ANY_AFTER_KEX, msg_ext_info },
	[SSH_MSG_KEXINIT] = { "kexinit", ANY_PHASE, kex_handle_kexinit },
	[SSH_MSG_NEWKEYS] = { "newkeys", ANY_PHASE, kex_handle_newkeys },
	[SSH_MSG_KEX_INIT] = { "kex-init", ANY_PHASE, kex_handle_init },
	[SSH_MSG_KEX_REPLY] = NEVER("kex-reply"),
	[SSH_MSG_USERAUTH_REQUEST] =
	    { "userauth-request", PH_AUTH | PH_OPEN, msg_userauth_request },
	[SSH_MSG_USERAUTH_FAILURE] = NEVER("userauth-failure"),
	[SSH_MSG_USERAUTH_SUCCESS] = NEVER("userauth-success"),
	[SSH_MSG_USERAUTH_BANNER] = NEVER("userauth-banner"),
	[SSH_MSG_USERAUTH_PK_OK] = NEVER("userauth-pk-ok"),
	[SSH_MSG_USERAUTH_INFO_RESPONSE] =
	    { "userauth-info-response", PH_AUTH, userauth_info_response },
	[SSH_MSG_GLOBAL_REQUEST] =
	    { "global-request", PH_OPEN, global_request },
	[SSH_MSG_REQUEST_SUCCESS] =
	    { "request-success", PH_OPEN, global_reply },
	[SSH_MSG_REQUEST_FAILURE] =
	    { "request-failure", PH_OPEN, global_reply },
	[SSH_MSG_CHANNEL_OPEN] = { "channel-open", PH_OPEN, channel_open },
	[SSH_MSG_CHANNEL_OPEN_CONFIRMATION] =
	    { "channel-open-confirmation", PH_OPEN,
	      channel_open_confirmation },
	[SSH_MSG_CHANNEL_OPEN_FAILURE] =
	    { "channel-open-failure", PH_OPEN, channel_open_failure },
	[SSH_MSG_CHANNEL_WINDOW_ADJUST] =
	    { "channel-window-adjust", PH_OPEN, channel_window_adjust },
	[SSH_MSG_CHANNEL_DATA] = { "channel-data", PH_OPEN, channel_data },
	[SSH_MSG_CHANNEL_EXTENDED_DATA] =
	    { "channel-extended-data", PH_OPEN, channel_extended_data },
	[SSH_MSG_CHANNEL_EOF] =
	    { "channel-eof", PH_OPEN, channel_handle_eof },
	[SSH_MSG_CHANNEL_CLOSE] =
	    { "channel-close", PH_OPEN, channel_handle_close },
	[SSH_MSG_CHANNEL_REQUEST] =
	    { "channel-request", PH_OPEN, channel_handle_request },
	[SSH_MSG_CHANNEL_SUCCESS] =
	    { "channel-success", PH_OPEN, channel_handle_reply },
	[SSH_MSG_CHANNEL_FAILURE] =
	    { "channel-failure", PH_OPEN, channel_handle_reply },
	/* Before login it is dropped without a word: there the answer would
	 * be an amplifier for strangers. */
	[SSH_MSG_PING] = { "ping", ANY_AFTER_KEX, msg_ping },
	[SSH_MSG_PONG] = { "pong", PH_OPEN, msg_ignored },
};

_Static_assert(sizeof(message_table) / sizeof(message_table[0]) == 256,
    "one row per message number");

static bool
is_kex_number(uint8_t n)
{
	return n >= 20 && n <= 49;
}

/* May this number be heard while a key exchange is under way?  RFC 4253 7.1
 * and, in the first exchange, OpenSSH's strict KEX: no 2, 3, 4. */
static bool
fits_kex(const struct ssh_conn *c, uint8_t n)
{
	bool first = c->kex_count == 0;

	if (is_kex_number(n) || n == SSH_MSG_DISCONNECT)
		return true;
	if (first && c->strict)
		return false;
	if (first || kex_heard_init(c))
		return n >= SSH_MSG_IGNORE && n <= SSH_MSG_DEBUG;
	return true;
}

static enum err
out_of_place(struct ssh_conn *c, uint8_t n)
{
	const char *name = message_table[n].name;

	return conn_fail(c, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
	    "message %u (%s) is not allowed here", n,
	    name != NULL ? name : "unknown");
}

/* RFC 4253 11.4.  The number of the packet that has just been counted. */
static enum err
stranger(struct ssh_conn *c)
{
	uint8_t b[5] = { SSH_MSG_UNIMPLEMENTED };

	put_u32(b + 1, c->rx.seq - 1);
	conn_send(c, view_of(b, sizeof(b)));
	return OK;
}

static enum err
handle(struct ssh_conn *c, const struct message *m, struct rd *r)
{
	enum err e = m->handle(c, r);

	if (m->handle != kex_handle_newkeys)
		c->newkeys_heard = false;
	if (c->phase == PH_ENDED)
		return e != OK ? e : ERR_CLOSED;
	if (e == OK)
		return OK;
	return conn_fail(c, e, e == ERR_PROTO ?
	    SSH_DISCONNECT_PROTOCOL_ERROR : SSH_DISCONNECT_BY_APPLICATION,
	    "%s %s", e == ERR_PROTO ? "malformed" : "cannot handle", m->name);
}

enum err
message_dispatch(struct ssh_conn *c, struct view payload)
{
	struct rd r = rd_of(payload);
	uint8_t n = rd_u8(&r);
	const struct message *m = &message_table[n];

	if (!fits_kex(c, n))
		return out_of_place(c, n);
	if (is_kex_number(n) && kex_skips(c, n))
		return OK;
	if (m->name == NULL) {
		if (is_kex_number(n) || c->phase == PH_KEX ||
		    (n >= FIRST_CONNECTION && !c->authenticated))
			return out_of_place(c, n);
		return stranger(c);
	}
	if ((m->phases & c->phase) == 0)
		return out_of_place(c, n);
	return handle(c, m, &r);
}
