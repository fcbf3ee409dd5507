#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/ssh_peer.h"

#define PEER_MAX	((size_t)64 * 1024 * 1024)

static void
broken(struct ssh_peer *p, const char *why)
{
	if (!p->broken)
		p->why = why;
	p->broken = true;
}

struct ssh_peer *
ssh_peer_new(struct ssh_conn *c, const struct ssh_peer_algs *algs)
{
	struct ssh_peer *p = calloc(1, sizeof(*p));

	if (p == NULL)
		abort();
	p->conn = c;
	if (algs != NULL)
		p->algs = *algs;
	p->in = wr_new(PEER_MAX);
	p->out = wr_new(PEER_MAX);
	p->got = wr_new(PEER_MAX);
	p->i_c = wr_new(PEER_MAX);
	p->i_s = wr_new(PEER_MAX);
	p->pub = wr_new(PEER_MAX);
	p->host_blob = wr_new(PEER_MAX);
	p->taken = wr_new(PEER_MAX);
	return p;
}

void
ssh_peer_free(struct ssh_peer **pp)
{
	struct ssh_peer *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	wr_free(&p->in);
	wr_free(&p->out);
	wr_free(&p->got);
	wr_free(&p->i_c);
	wr_free(&p->i_s);
	wr_free(&p->pub);
	wr_free(&p->host_blob);
	wr_free(&p->taken);
	cipher_free(&p->rx.cipher);
	cipher_free(&p->tx.cipher);
	cipher_free(&p->rx_next);
	kex_init_free(&p->init);
	free(p);
}

static const char *
or_else(const char *s, const char *other)
{
	return s != NULL ? s : other;
}

static const char *
my_ident(const struct ssh_peer *p)
{
	return or_else(p->algs.ident, "SSH-2.0-Peer_1");
}

void
ssh_peer_raw(struct ssh_peer *p, struct view bytes)
{
	wr_bytes(&p->out, bytes);
	ssh_peer_pump(p);
}

void
ssh_peer_queue(struct ssh_peer *p, struct view payload)
{
	uint8_t *at = packet_reserve(&p->tx, &p->out, payload.n);

	if (at == NULL)
		abort();
	if (payload.n != 0)
		memcpy(at, payload.p, payload.n);
	if (packet_commit(&p->tx, &p->out, payload.n) != OK)
		broken(p, "cannot seal");
}

void
ssh_peer_send(struct ssh_peer *p, struct view payload)
{
	ssh_peer_queue(p, payload);
	ssh_peer_pump(p);
}

/* ---- key exchange ---- */

static struct view
first_of(const char *list)
{
	struct view v = view_str(list), name = { NULL, 0 };

	(void)namelist_next(&v, &name);
	return name;
}

static void
queue_pub(struct ssh_peer *p, struct view alg_name)
{
	struct wr w = wr_new(PEER_MAX);

	kex_init_free(&p->init);
	wr_reset(&p->pub);
	p->init_alg = kex_alg_find(alg_name);
	if (p->init_alg == NULL ||
	    kex_init_start(p->init_alg, &p->init, &p->pub) != OK) {
		broken(p, "kex_init_start failed");
		return;
	}
	wr_u8(&w, SSH_MSG_KEX_INIT);
	if (kex_pub_is_mpint(p->init_alg))
		wr_mpint(&w, wr_view(&p->pub));
	else
		wr_str(&w, wr_view(&p->pub));
	ssh_peer_queue(p, wr_view(&w));
	wr_free(&w);
}

void
ssh_peer_kexinit(struct ssh_peer *p)
{
	const struct ssh_peer_algs *a = &p->algs;
	const char *kex = or_else(a->kex, kex_alg_list());
	struct wr *w = &p->i_c;
	uint8_t cookie[16] = { 0 };
	size_t at;

	wr_reset(w);
	wr_u8(w, SSH_MSG_KEXINIT);
	wr_bytes(w, view_of(cookie, sizeof(cookie)));
	at = wr_open(w);
	wr_bytes(w, view_str(kex));
	if (p->kex_count == 0 && !a->no_strict)
		wr_bytes(w, view_str(",kex-strict-c-v00@openssh.com"));
	if (p->kex_count == 0 && !a->no_ext_info)
		wr_bytes(w, view_str(",ext-info-c"));
	wr_close(w, at);
	wr_cstr(w, or_else(a->host_key, "ssh-ed25519,ecdsa-sha2-nistp256,"
	    "ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,"
	    "rsa-sha2-256"));
	for (int i = 0; i < 2; i++)
		wr_cstr(w, or_else(a->cipher, cipher_alg_list()));
	for (int i = 0; i < 2; i++)
		wr_cstr(w, or_else(a->mac, mac_alg_list()));
	for (int i = 0; i < 2; i++)
		wr_cstr(w, or_else(a->compression, "none"));
	wr_cstr(w, "");
	wr_cstr(w, "");
	wr_bool(w, a->follows);
	wr_u32(w, 0);
	p->init_sent = true;
	ssh_peer_queue(p, wr_view(w));
	if (a->follows) {
		queue_pub(p, first_of(kex));
		p->guess_sent = true;
	}
}

static void
take_kexinit(struct ssh_peer *p, struct view payload)
{
	struct rd rs = rd_of(view_of(payload.p + 1, payload.n - 1));
	struct kex_proposal server, client;
	enum kex_list failed;
	const char *why;
	struct view mine;
	struct rd rc;

	if (p->init_got) {
		broken(p, "second kexinit");
		return;
	}
	p->init_got = true;
	wr_reset(&p->i_s);
	wr_bytes(&p->i_s, payload);
	if (!p->init_sent)
		ssh_peer_kexinit(p);
	mine = wr_view(&p->i_c);
	rc = rd_of(view_of(mine.p + 1, mine.n - 1));
	if (!kex_parse_proposal(&rs, &server, &why) ||
	    !kex_parse_proposal(&rc, &client, &why)) {
		broken(p, why);
		return;
	}
	if (p->kex_count == 0 && !p->algs.no_strict) {
		p->strict = namelist_has(server.list[LIST_KEX],
		    view_str("kex-strict-s-v00@openssh.com"));
		if (!p->strict)
			broken(p, "server does not offer strict kex");
		if (p->rx.packets != 1)
			broken(p, "kexinit was not the first packet");
	}
	if (!kex_choose(&server, &client, &p->choice, &failed)) {
		broken(p, kex_list_word(failed));
		return;
	}
	if (!p->guess_sent || !p->choice.guess_right)
		queue_pub(p, view_str(p->choice.kex->name));
	p->guess_sent = false;
}

static struct cipher *
make_cipher(struct ssh_peer *p, bool seal, const char *letters,
    const struct cipher_alg *alg, const struct mac_alg *mac, struct view k)
{
	uint8_t key[3][KEX_DERIVE_MAX];
	const size_t len[3] = {
		alg->iv_len, alg->key_len, mac != NULL ? mac->key_len : 0
	};
	struct view h = view_of(p->h, hash_len(p->choice.kex->hash));

	for (int i = 0; i < 3; i++)
		if (!kex_derive(p->choice.kex->hash, k, h,
		    view_of(p->session_id, p->session_id_len), letters[i],
		    key[i], len[i]))
			broken(p, "kex_derive failed");
	return cipher_new(alg, seal, key[1], key[0], mac, key[2]);
}

static void
renew(struct ssh_peer *p, struct direction *d, struct cipher *made,
    size_t block)
{
	cipher_free(&d->cipher);
	d->cipher = made;
	d->block = block;
	d->bytes = 0;
	d->packets = 0;
	if (p->strict)
		d->seq = 0;
	if (made == NULL)
		broken(p, "cipher_new failed");
}

static bool
check_signature(struct ssh_peer *p, struct view sig)
{
	struct view alg = view_str(p->choice.host_key);
	struct ssh_key *key = NULL;
	bool ok;

	if (ssh_key_parse_blob(wr_view(&p->host_blob), &key) != OK)
		return false;
	ok = ssh_key_verify(key, alg,
	    view_of(p->h, hash_len(p->choice.kex->hash)), sig) == OK;
	ssh_key_free(&key);
	return ok;
}

static void
turn_keys(struct ssh_peer *p, struct view k)
{
	static const uint8_t newkeys = SSH_MSG_NEWKEYS;
	const struct kex_choice *ch = &p->choice;

	if (p->before_newkeys.n != 0)
		ssh_peer_queue(p, p->before_newkeys);
	p->before_newkeys.n = 0;
	ssh_peer_queue(p, view_of(&newkeys, 1));
	renew(p, &p->tx, make_cipher(p, true, "ACE", ch->cipher_in,
	    ch->mac_in, k), ch->cipher_in->block);
	cipher_free(&p->rx_next);
	p->rx_next = make_cipher(p, false, "BDF", ch->cipher_out,
	    ch->mac_out, k);
	p->init_sent = false;
}

static void
take_reply(struct ssh_peer *p, struct view payload)
{
	struct rd r = rd_of(view_of(payload.p + 1, payload.n - 1));
	struct view blob = rd_str(&r), pub = rd_str(&r), sig = rd_str(&r);
	struct wr k = wr_new(PEER_MAX);

	if (!rd_done(&r) || p->init == NULL) {
		broken(p, "bad kex reply");
		return;
	}
	wr_reset(&p->host_blob);
	wr_bytes(&p->host_blob, blob);
	if (kex_init_finish(p->init, pub, &k) != OK) {
		broken(p, "kex_init_finish failed");
		goto out;
	}
	const struct kex_hash in = {
		.v_c = view_str(my_ident(p)),
		.v_s = view_str(p->server_ident),
		.i_c = wr_view(&p->i_c), .i_s = wr_view(&p->i_s),
		.k_s = blob, .pub_is_mpint = kex_pub_is_mpint(p->init_alg),
		.pub_c = wr_view(&p->pub), .pub_s = pub, .k = wr_view(&k)
	};
	if (!kex_hash(p->choice.kex->hash, &in, p->h))
		broken(p, "kex_hash failed");
	if (p->session_id_len == 0) {
		p->session_id_len = hash_len(p->choice.kex->hash);
		memcpy(p->session_id, p->h, p->session_id_len);
	}
	if (check_signature(p, sig))
		turn_keys(p, wr_view(&k));
	else
		broken(p, "signature over H does not verify");
out:
	kex_init_free(&p->init);
	wr_free(&k);
}

static void
take_newkeys(struct ssh_peer *p)
{
	if (p->rx_next == NULL) {
		broken(p, "newkeys out of place");
		return;
	}
	renew(p, &p->rx, p->rx_next, p->choice.cipher_out->block);
	p->rx_next = NULL;
	p->init_got = false;
	p->kex_count++;
}

static void
take(struct ssh_peer *p, struct view payload)
{
	switch (payload.p[0]) {
	case SSH_MSG_IGNORE:
	case SSH_MSG_DEBUG:
		break;
	case SSH_MSG_KEXINIT:
		take_kexinit(p, payload);
		break;
	case SSH_MSG_KEX_REPLY:
		take_reply(p, payload);
		break;
	case SSH_MSG_NEWKEYS:
		take_newkeys(p);
		break;
	default:
		if ((p->init_got || p->rx_next != NULL) &&
		    payload.p[0] > SSH_MSG_DEBUG)
			broken(p, "server sent data in a key exchange");
		wr_str(&p->got, payload);
	}
}

/* ---- bytes ---- */

static bool
take_ident(struct ssh_peer *p)
{
	struct view v = wr_view(&p->in);
	const uint8_t *lf = v.n != 0 ? memchr(v.p, '\n', v.n) : NULL;
	size_t n;

	if (lf == NULL)
		return false;
	n = (size_t)(lf - v.p);
	if (n > 4 && memcmp(v.p, "SSH-", 4) == 0) {
		if (n > 254 || v.p[n - 1] != '\r')
			broken(p, "bad server identification");
		else
			memcpy(p->server_ident, v.p, n - 1);
		p->ident_done = true;
	}
	wr_consume(&p->in, n + 1);
	return true;
}

static bool
take_in(struct ssh_peer *p)
{
	struct view payload;
	size_t used;

	if (p->broken || wr_size(&p->in) == 0)
		return false;
	if (!p->ident_done)
		return take_ident(p);
	if (p->ident_only)
		return false;
	if (packet_take(&p->rx, p->in.base + p->in.head, wr_size(&p->in),
	    &p->peeked, &used, &payload) != OK) {
		broken(p, "bad packet from the server");
		return false;
	}
	if (used == 0)
		return false;
	take(p, payload);
	wr_consume(&p->in, used);
	return true;
}

static bool
move_in(struct ssh_peer *p)
{
	struct view v = ssh_conn_out(p->conn);

	if (v.n == 0)
		return false;
	wr_bytes(&p->in, v);
	ssh_conn_sent(p->conn, v.n, p->now);
	return true;
}

static bool
move_out(struct ssh_peer *p)
{
	size_t n = wr_size(&p->out);

	if (n == 0 || !ssh_conn_wants_input(p->conn))
		return false;
	if (p->chunk != 0 && n > p->chunk)
		n = p->chunk;
	ssh_conn_feed(p->conn, p->out.base + p->out.head, n, p->now);
	wr_consume(&p->out, n);
	return true;
}

void
ssh_peer_pump(struct ssh_peer *p)
{
	bool moved = true;

	while (moved) {
		moved = move_out(p);
		moved = move_in(p) || moved;
		while (take_in(p))
			moved = true;
	}
}

bool
ssh_peer_recv(struct ssh_peer *p, struct view *payload_out)
{
	struct rd r;
	struct view v;

	if (wr_size(&p->got) == 0)
		ssh_peer_pump(p);
	if (wr_size(&p->got) == 0)
		return false;
	r = rd_of(wr_view(&p->got));
	v = rd_str(&r);
	wr_reset(&p->taken);
	wr_bytes(&p->taken, v);
	wr_consume(&p->got, 4 + v.n);
	*payload_out = wr_view(&p->taken);
	return !p->broken;
}

bool
ssh_peer_expect(struct ssh_peer *p, uint8_t number, struct view *payload_out)
{
	struct view v;

	while (ssh_peer_recv(p, &v))
		if (v.p[0] == number) {
			*payload_out = v;
			return true;
		}
	return false;
}

/* ---- whole steps ---- */

bool
ssh_peer_ident(struct ssh_peer *p)
{
	if (p->ident_done)
		return !p->broken;
	wr_bytes(&p->out, view_str(my_ident(p)));
	wr_bytes(&p->out, view_str("\r\n"));
	p->ident_only = true;
	ssh_peer_pump(p);
	p->ident_only = false;
	return p->ident_done && !p->broken;
}

bool
ssh_peer_handshake(struct ssh_peer *p)
{
	if (!ssh_peer_ident(p))
		return false;
	if (!p->init_sent && p->kex_count == 0)
		ssh_peer_kexinit(p);
	ssh_peer_pump(p);
	return !p->broken && p->kex_count == 1 && !kex_running(p->conn);
}

bool
ssh_peer_rekey(struct ssh_peer *p)
{
	unsigned want = p->kex_count + 1;

	ssh_peer_kexinit(p);
	ssh_peer_pump(p);
	return !p->broken && p->kex_count >= want && !kex_running(p->conn);
}

bool
ssh_peer_service(struct ssh_peer *p)
{
	struct wr w = wr_new(PEER_MAX);
	struct view v;

	wr_u8(&w, SSH_MSG_SERVICE_REQUEST);
	wr_cstr(&w, "ssh-userauth");
	ssh_peer_send(p, wr_view(&w));
	wr_free(&w);
	return ssh_peer_expect(p, SSH_MSG_SERVICE_ACCEPT, &v);
}

void
ssh_peer_disconnect(struct ssh_peer *p, unsigned reason, const char *text)
{
	struct wr w = wr_new(PEER_MAX);

	wr_u8(&w, SSH_MSG_DISCONNECT);
	wr_u32(&w, reason);
	wr_cstr(&w, text);
	wr_cstr(&w, "");
	ssh_peer_send(p, wr_view(&w));
	wr_free(&w);
}
