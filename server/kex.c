/*
 * One key exchange at a time (RFC 4253 7-9; strict KEX as in OpenSSH's
 * PROTOCOL 1.10; EXT_INFO, RFC 8308).  All that belongs to it hangs off
 * struct kex and goes with it, on every way out.
 */
#include <stdlib.h>
#include <string.h>

#include "server/conn.h"

#define KEXINIT_WAIT_MS	300	/* for clients that wait for ours */
#define KEX_DEADLINE_MS	60000

#define STRICT_CLIENT	"kex-strict-c-v00@openssh.com"
#define STRICT_SERVER	"kex-strict-s-v00@openssh.com"

struct kex {
	bool sent_init, got_init;	/* KEXINIT */
	bool skip_guess;		/* one packet of a wrong guess */
	bool got_pub;			/* message 30 */
	bool wait_sign;
	bool sent_newkeys;
	struct wr i_c, i_s;		/* payloads of the two KEXINIT */
	struct kex_choice choice;
	size_t host_key;		/* index into cfg.host_keys */
	struct wr pub, k;		/* ours; the shared secret */
	uint8_t h[HASH_MAX];
	size_t h_len;
	struct cipher *rx_next;		/* from the client's NEWKEYS on */
};

static struct kex *
kex_new(struct ssh_conn *c)
{
	struct kex *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->i_c = wr_new(SSH_MAX_PACKET);
	k->i_s = wr_new(SSH_MAX_PACKET);
	k->pub = wr_new(SSH_MAX_PACKET);
	k->k = wr_new(SSH_MAX_PACKET);
	c->kex = k;
	c->kex_started = c->now;
	return k;
}

void
kex_free(struct kex **kp)
{
	struct kex *k = *kp;

	if (k == NULL)
		return;
	wr_free(&k->i_c);
	wr_free(&k->i_s);
	wr_free(&k->pub);
	wr_free(&k->k);
	cipher_free(&k->rx_next);
	wipe(k, sizeof(*k));
	free(k);
	*kp = NULL;
}

bool
kex_running(const struct ssh_conn *c)
{
	return c->kex != NULL;
}

bool
kex_blocks_output(const struct ssh_conn *c)
{
	if (c->kex == NULL)
		return c->kex_count == 0;
	return !c->kex->sent_newkeys &&
	    (c->kex->sent_init || c->kex_count == 0);
}

bool
kex_heard_init(const struct ssh_conn *c)
{
	return c->kex != NULL && c->kex->got_init;
}

/* Only a message of a method can be the guess (RFC 4253 7). */
bool
kex_skips(struct ssh_conn *c, uint8_t number)
{
	if (c->kex == NULL || !c->kex->skip_guess || number < 30)
		return false;
	c->kex->skip_guess = false;
	return true;
}

static enum err
out_of_memory(struct ssh_conn *c)
{
	return conn_fail(c, ERR_NOMEM, SSH_DISCONNECT_BY_APPLICATION,
	    "out of memory");
}

static enum err
kex_failed(struct ssh_conn *c, enum err e, const char *what)
{
	return conn_fail(c, e, SSH_DISCONNECT_KEY_EXCHANGE_FAILED, "%s",
	    what);
}

static void
tell_rekey(struct ssh_conn *c)
{
	if (c->server->ev->rekey == NULL || c->phase == PH_ENDED)
		return;
	conn_event_begin(c);
	c->server->ev->rekey(c->server->ctx, c);
	conn_event_end(c);
}

/* ---- KEXINIT ---- */

static void
write_ciphers(struct ssh_conn *c, enum kex_list l,
    const struct kex_proposal *client)
{
	const struct ssh_server *s = c->server;
	const struct cipher_alg *pin = l == LIST_CIPHER_IN ?
	    c->pinned_in : c->pinned_out;
	struct wr *w = &c->kex->i_s, own = wr_new(KEX_LIST_MAX);

	if (client != NULL && s->cfg.wait_for_kexinit && crypto_has_aes() &&
	    kex_prefer_cipher(view_str(s->lists[2]), client->list[l],
	    s->default_ciphers, &own))
		wr_str(w, wr_view(&own));
	else if (client == NULL && pin != NULL)
		wr_cstr(w, pin->name);
	else
		wr_cstr(w, s->lists[2]);
	wr_free(&own);
}

/* client: its lists, if they came first. */
static bool
send_kexinit(struct ssh_conn *c, const struct kex_proposal *client)
{
	char *const *lists = c->server->lists;
	struct wr *w = &c->kex->i_s;
	uint8_t cookie[16];
	size_t at;

	crypto_random(cookie, sizeof(cookie));
	wr_u8(w, SSH_MSG_KEXINIT);
	wr_bytes(w, view_of(cookie, sizeof(cookie)));
	at = wr_open(w);
	wr_bytes(w, view_str(lists[0]));
	if (c->kex_count == 0)	/* markers count in the first alone */
		wr_bytes(w, view_str("," STRICT_SERVER));
	wr_close(w, at);
	wr_cstr(w, lists[1]);
	write_ciphers(c, LIST_CIPHER_IN, client);
	write_ciphers(c, LIST_CIPHER_OUT, client);
	for (int i = 0; i < 2; i++)
		wr_cstr(w, lists[3]);
	for (int i = 0; i < 2; i++)
		wr_cstr(w, lists[4]);
	wr_cstr(w, "");
	wr_cstr(w, "");
	wr_bool(w, false);
	wr_u32(w, 0);
	if (w->bad || !conn_send_now(c, wr_view(w)))
		return false;
	c->kex->sent_init = true;
	return true;
}

bool
kex_start(struct ssh_conn *c)
{
	bool fresh = c->kex == NULL && c->kex_count != 0;

	if ((c->phase & (PH_IDENT | PH_ENDED)) != 0)
		return false;
	if (c->kex == NULL && kex_new(c) == NULL) {
		(void)out_of_memory(c);
		return false;
	}
	if (!c->kex->sent_init && !send_kexinit(c, NULL)) {
		(void)out_of_memory(c);
		return false;
	}
	if (fresh)
		tell_rekey(c);
	return true;
}

enum err
kex_begin_first(struct ssh_conn *c)
{
	if (kex_new(c) == NULL)
		return out_of_memory(c);
	if (c->server->cfg.wait_for_kexinit && crypto_has_aes())
		return OK;
	return kex_start(c) ? OK : ERR_CLOSED;
}

/* Strict KEX and ext-info are agreed in the first KEXINIT alone. */
static enum err
read_markers(struct ssh_conn *c, const struct kex_proposal *p)
{
	if (c->kex_count != 0)
		return OK;
	c->ext_info = namelist_has(p->list[LIST_KEX],
	    view_str("ext-info-c"));
	c->strict = namelist_has(p->list[LIST_KEX], view_str(STRICT_CLIENT));
	if (c->strict && c->rx.packets != 1)
		return conn_fail(c, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "strict key exchange: kexinit is not the first packet");
	return OK;
}

static size_t
host_key_for(const struct ssh_server *s, const char *alg)
{
	for (size_t i = 0; i < s->cfg.nhost_keys; i++)
		if (namelist_has(view_str(ssh_key_sigalgs(
		    s->cfg.host_keys[i])), view_str(alg)))
			return i;
	return SIZE_MAX;
}

static enum err
agree(struct ssh_conn *c, const struct kex_proposal *client)
{
	struct kex *k = c->kex;
	struct view i_s = wr_view(&k->i_s);
	struct rd r = rd_of(view_of(i_s.p + 1, i_s.n - 1));
	struct kex_proposal ours;
	enum kex_list failed;
	const char *why;

	if (!kex_parse_proposal(&r, &ours, &why))
		return kex_failed(c, ERR_LIMIT, "own kexinit is malformed");
	if (!kex_choose(&ours, client, &k->choice, &failed))
		return conn_fail(c, ERR_DENIED,
		    SSH_DISCONNECT_KEY_EXCHANGE_FAILED,
		    "no common %s; the client offers %.*s",
		    kex_list_word(failed), (int)client->list[failed].n,
		    (const char *)client->list[failed].p);
	k->host_key = host_key_for(c->server, k->choice.host_key);
	if (k->host_key == SIZE_MAX)
		return kex_failed(c, ERR_LIMIT, "no host key of that kind");
	k->skip_guess = client->follows && !k->choice.guess_right;
	if (c->server->cfg.wait_for_kexinit && crypto_has_aes()) {
		c->pinned_in = k->choice.cipher_in;
		c->pinned_out = k->choice.cipher_out;
	}
	return OK;
}

enum err
kex_handle_kexinit(struct ssh_conn *c, struct rd *r)
{
	struct view payload = view_of(r->p - 1, r->n + 1);
	bool rekey = c->kex == NULL;
	struct kex_proposal client;
	const char *why;
	enum err e;

	if (kex_heard_init(c))
		return conn_fail(c, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "second kexinit in one key exchange");
	if (!kex_parse_proposal(r, &client, &why))
		return conn_fail(c, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "%s", why);
	if ((e = read_markers(c, &client)) != OK)
		return e;
	if (c->kex == NULL && kex_new(c) == NULL)
		return out_of_memory(c);
	wr_bytes(&c->kex->i_c, payload);
	c->kex->got_init = true;
	if (c->kex->i_c.bad ||
	    (!c->kex->sent_init && !send_kexinit(c, &client)))
		return out_of_memory(c);
	if ((e = agree(c, &client)) != OK)
		return e;
	if (rekey)
		tell_rekey(c);
	return OK;
}

/* ---- the method's two messages ---- */

static struct view
session_id(const struct ssh_conn *c)
{
	return view_of(c->session_id, c->session_id_len);
}

static enum err
make_hash(struct ssh_conn *c, struct view pub_c)
{
	struct kex *k = c->kex;
	const struct kex_hash in = {
		.v_c = view_str(c->client_ident),
		.v_s = view_str(c->server->ident_line),
		.i_c = wr_view(&k->i_c),
		.i_s = wr_view(&k->i_s),
		.k_s = ssh_key_blob(c->server->cfg.host_keys[k->host_key]),
		.pub_is_mpint = kex_pub_is_mpint(k->choice.kex),
		.pub_c = pub_c,
		.pub_s = wr_view(&k->pub),
		.k = wr_view(&k->k)
	};

	if (!kex_hash(k->choice.kex->hash, &in, k->h))
		return kex_failed(c, ERR_CRYPTO, "exchange hash failed");
	k->h_len = hash_len(k->choice.kex->hash);
	if (c->session_id_len == 0) {
		memcpy(c->session_id, k->h, k->h_len);
		c->session_id_len = k->h_len;
	}
	return OK;
}

/* letters: IV, key, MAC key of one direction (RFC 4253 7.2). */
static struct cipher *
make_cipher(struct ssh_conn *c, bool seal, const char letters[3],
    const struct cipher_alg *alg, const struct mac_alg *mac)
{
	struct kex *k = c->kex;
	uint8_t key[3][KEX_DERIVE_MAX];
	const size_t len[3] = {
		alg->iv_len, alg->key_len, mac != NULL ? mac->key_len : 0
	};
	struct cipher *made = NULL;
	bool ok = true;

	for (int i = 0; i < 3; i++)
		ok = ok && kex_derive(k->choice.kex->hash, wr_view(&k->k),
		    view_of(k->h, k->h_len), session_id(c), letters[i],
		    key[i], len[i]);
	if (ok)
		made = cipher_new(alg, seal, key[1], key[0], mac, key[2]);
	wipe(key, sizeof(key));
	return made;
}

static void
direction_renew(struct ssh_conn *c, struct direction *d, struct cipher *made,
    size_t block)
{
	cipher_free(&d->cipher);
	d->cipher = made;
	d->block = block;
	d->bytes = 0;
	d->packets = 0;
	if (c->strict)
		d->seq = 0;
}

/* Sends NEWKEYS, makes both directions' keys and takes ours into use. */
static enum err
turn_output(struct ssh_conn *c)
{
	static const uint8_t newkeys[] = { SSH_MSG_NEWKEYS };
	struct kex *k = c->kex;
	const struct kex_choice *ch = &k->choice;
	struct cipher *tx;

	if (!conn_send_now(c, view_of(newkeys, sizeof(newkeys))))
		return out_of_memory(c);
	tx = make_cipher(c, true, "BDF", ch->cipher_out, ch->mac_out);
	k->rx_next = make_cipher(c, false, "ACE", ch->cipher_in, ch->mac_in);
	wr_free(&k->k);		/* wiped: nobody needs it any more */
	if (tx == NULL || k->rx_next == NULL) {
		cipher_free(&tx);
		return kex_failed(c, ERR_CRYPTO, "cipher failed");
	}
	direction_renew(c, &c->tx, tx, ch->cipher_out->block);
	k->sent_newkeys = true;
	return OK;
}

/*
 * byte       SSH_MSG_EXT_INFO
 * uint32     nr-extensions
 * string     extension-name, string extension-value: each
 */
static bool
send_ext_info(struct ssh_conn *c)
{
	struct wr w = wr_new(SSH_MAX_PACKET);
	bool ok;

	wr_u8(&w, SSH_MSG_EXT_INFO);
	wr_u32(&w, 2);
	wr_cstr(&w, "server-sig-algs");
	wr_cstr(&w, ssh_sigalg_list());
	wr_cstr(&w, "ping@openssh.com");
	wr_cstr(&w, "0");
	ok = !w.bad && conn_send_now(c, wr_view(&w));
	wr_free(&w);
	return ok;
}

/*
 * byte       SSH_MSG_KEX_ECDH_REPLY, SSH_MSG_KEXDH_REPLY
 * string     K_S, server's public host key
 * string     Q_S (mpint f)
 * string     signature of H
 */
static bool
send_reply(struct ssh_conn *c, struct view sig)
{
	struct kex *k = c->kex;
	struct wr w = wr_new(SSH_MAX_PACKET);
	bool ok;

	wr_u8(&w, SSH_MSG_KEX_REPLY);
	wr_str(&w, ssh_key_blob(c->server->cfg.host_keys[k->host_key]));
	if (kex_pub_is_mpint(k->choice.kex))
		wr_mpint(&w, wr_view(&k->pub));
	else
		wr_str(&w, wr_view(&k->pub));
	wr_str(&w, sig);
	ok = !w.bad && conn_send_now(c, wr_view(&w));
	wr_free(&w);
	return ok;
}

static enum err
reply(struct ssh_conn *c, struct view sig)
{
	enum err e;

	if (sig.n == 0)
		return kex_failed(c, ERR_CRYPTO, "host key could not sign");
	if (!send_reply(c, sig))
		return out_of_memory(c);
	if ((e = turn_output(c)) != OK)
		return e;
	if (c->kex_count == 0 && c->ext_info && !send_ext_info(c))
		return out_of_memory(c);
	conn_flush_pending(c);
	return OK;
}

/* A key of ours signs here, another's by the sign event, whose answer may
 * come inside of it. */
static enum err
sign(struct ssh_conn *c)
{
	struct kex *k = c->kex;
	const struct ssh_server *s = c->server;
	const struct ssh_key *key = s->cfg.host_keys[k->host_key];
	const struct ssh_sign question = {
		.key = k->host_key,
		.alg = view_str(k->choice.host_key),
		.hash = view_of(k->h, k->h_len)
	};
	struct wr sig = wr_new(SSH_MAX_PACKET);
	enum err e = OK;

	if (ssh_key_is_private(key)) {
		if (ssh_key_sign(key, question.alg, question.hash,
		    &sig) != OK || sig.bad)
			wr_reset(&sig);
		e = reply(c, wr_view(&sig));
	} else if (s->ev->sign != NULL) {
		k->wait_sign = true;
		conn_event_begin(c);
		s->ev->sign(s->ctx, c, &question);
		conn_event_end(c);
	} else
		e = kex_failed(c, ERR_CRYPTO, "host key could not sign");
	wr_free(&sig);
	return e;
}

bool
kex_signed(struct ssh_conn *c, struct view sig)
{
	if (c->phase == PH_ENDED || c->kex == NULL || !c->kex->wait_sign)
		return false;
	c->kex->wait_sign = false;
	return reply(c, sig) == OK;
}

/*
 * byte       SSH_MSG_KEX_ECDH_INIT, SSH_MSG_KEXDH_INIT
 * string     Q_C (mpint e)
 */
enum err
kex_handle_init(struct ssh_conn *c, struct rd *r)
{
	struct kex *k = c->kex;
	struct view pub = rd_str(r);
	enum err e;

	if (k == NULL || !k->got_init || k->got_pub)
		return conn_fail(c, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "message 30 (kex-init) is not allowed here");
	if (!rd_done(r))
		return ERR_PROTO;
	k->got_pub = true;
	/* A negative mpint is no public value. */
	if (kex_pub_is_mpint(k->choice.kex) && pub.n != 0 &&
	    (pub.p[0] & 0x80) != 0)
		return kex_failed(c, ERR_PROTO, "bad public value");
	e = kex_respond(k->choice.kex, pub, &k->pub, &k->k);
	if (e == ERR_PROTO)
		return kex_failed(c, e, "bad public value");
	if (e != OK || k->pub.bad || k->k.bad)
		return kex_failed(c, ERR_CRYPTO, "key exchange failed");
	if ((e = make_hash(c, pub)) != OK)
		return e;
	return sign(c);
}

/* ---- NEWKEYS ---- */

static void
tell_handshake(struct ssh_conn *c, const struct kex_choice *ch)
{
	const struct ssh_handshake h = {
		.kex = ch->kex->name,
		.host_key = ch->host_key,
		.cipher_in = ch->cipher_in->name,
		.cipher_out = ch->cipher_out->name,
		.mac_in = ch->mac_in != NULL ? ch->mac_in->name : "",
		.mac_out = ch->mac_out != NULL ? ch->mac_out->name : "",
		.compression_in = "none",
		.compression_out = "none",
		.strict = c->strict,
		.rekey = c->kex_count > 1,
		.number = c->kex_count
	};

	if (c->server->ev->handshake == NULL || c->phase == PH_ENDED)
		return;
	conn_event_begin(c);
	c->server->ev->handshake(c->server->ctx, c, &h);
	conn_event_end(c);
}

enum err
kex_handle_newkeys(struct ssh_conn *c, struct rd *r)
{
	struct kex *k = c->kex;
	struct kex_choice choice;

	if (k == NULL || !k->sent_newkeys)
		return conn_fail(c, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "message 21 (newkeys) is not allowed here");
	if (!rd_done(r))
		return ERR_PROTO;
	choice = k->choice;
	direction_renew(c, &c->rx, k->rx_next, choice.cipher_in->block);
	k->rx_next = NULL;
	kex_free(&c->kex);
	c->kex_done = c->now;
	c->kex_count++;
	c->newkeys_heard = true;
	if (c->phase == PH_KEX)
		conn_enter(c, PH_SERVICE);
	tell_handshake(c, &choice);
	return OK;
}

/* ---- limits and time ---- */

static bool
worn(const struct ssh_conn *c, const struct direction *d)
{
	return d->bytes >= c->server->cfg.rekey_bytes ||
	    d->packets >= c->server->cfg.rekey_packets;
}

static uint64_t
time_limit(const struct ssh_conn *c)
{
	uint32_t ms = c->server->cfg.rekey_time_ms;

	return ms != 0 ? c->kex_done + ms : UINT64_MAX;
}

void
kex_check_limits(struct ssh_conn *c)
{
	if (c->kex != NULL || c->kex_count == 0 || c->phase == PH_ENDED)
		return;
	if (worn(c, &c->rx) || worn(c, &c->tx) || c->now >= time_limit(c))
		(void)kex_start(c);
}

/* The deadline stands still while an open question keeps us from reading:
 * conn_release moves it by as much. */
static uint64_t
deadline(const struct ssh_conn *c)
{
	return c->held != 0 ? UINT64_MAX : c->kex_started + KEX_DEADLINE_MS;
}

uint64_t
kex_due(const struct ssh_conn *c)
{
	if (c->kex == NULL)
		return c->kex_count != 0 ? time_limit(c) : UINT64_MAX;
	if (!c->kex->sent_init)
		return c->kex_started + KEXINIT_WAIT_MS;
	return deadline(c);
}

void
kex_tick(struct ssh_conn *c)
{
	if (c->kex == NULL) {
		kex_check_limits(c);
		return;
	}
	if (!c->kex->sent_init &&
	    c->now >= c->kex_started + KEXINIT_WAIT_MS && !kex_start(c))
		return;
	if (c->now >= deadline(c))
		(void)conn_fail(c, ERR_LIMIT,
		    SSH_DISCONNECT_KEY_EXCHANGE_FAILED,
		    "key exchange not finished within %u seconds",
		    KEX_DEADLINE_MS / 1000);
}
