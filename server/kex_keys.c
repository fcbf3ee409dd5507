/*
 * The second half of a key exchange: the method's two messages, the exchange
 * hash and its signature, the keys, NEWKEYS and EXT_INFO (RFC 4253 7.2, 7.3
 * and 8, RFC 8308).
 */
#include <string.h>

#include "server/kex.h"

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
		return kex_no_memory(c);
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
	wr_u32(&w, 4);
	wr_cstr(&w, "server-sig-algs");
	wr_cstr(&w, ssh_sigalg_list());
	wr_cstr(&w, "publickey-hostbound@openssh.com");
	wr_cstr(&w, "0");
	wr_cstr(&w, "ping@openssh.com");
	wr_cstr(&w, "0");
	wr_cstr(&w, "agent-forward");	/* draft-ietf-sshm-ssh-agent */
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
		return kex_no_memory(c);
	if ((e = turn_output(c)) != OK)
		return e;
	if (c->kex_count == 0)
		c->host_key = c->kex->host_key;
	if (c->kex_count == 0 && c->ext_info && !send_ext_info(c))
		return kex_no_memory(c);
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
