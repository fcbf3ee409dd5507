/*
 * Shared secrets: RFC 8731 (curve25519), RFC 5656 (ECDH), RFC 4253 8 and
 * RFC 8268 (group 14).  The two halves of every method here are alike, so the
 * responder is an initiator that finishes at once.
 */
#include <stdlib.h>

#include "base/crypto_prim.h"

struct kex_init {
	const struct kex_alg *alg;
	uint8_t x25519[32];
	uint8_t modp[PRIM_MODP_EXP];
	struct pkey *ec;
};

static enum pkey_kind
curve_of(const struct kex_alg *alg)
{
	switch (alg->group) {
	case KEX_P384:
		return PKEY_P384;
	case KEX_P521:
		return PKEY_P521;
	default:
		return PKEY_P256;
	}
}

/* The contents of an mpint (RFC 4251 5) of an unsigned number. */
static void
put_mpint_contents(struct wr *w, struct view v)
{
	while (v.n != 0 && v.p[0] == 0)
		v = view_of(v.p + 1, v.n - 1);
	if (v.n != 0 && (v.p[0] & 0x80) != 0)
		wr_u8(w, 0);
	wr_bytes(w, v);
}

static enum err
start_x25519(struct kex_init *k, struct wr *pub_out)
{
	uint8_t pub[32];

	prim_x25519_keypair(pub, k->x25519);
	wr_bytes(pub_out, view_of(pub, sizeof(pub)));
	return OK;
}

static enum err
start_ec(struct kex_init *k, struct wr *pub_out)
{
	if ((k->ec = pkey_generate(curve_of(k->alg), 0)) == NULL)
		return ERR_CRYPTO;
	pkey_public(k->ec, pub_out, NULL);
	return OK;
}

static enum err
start_modp(struct kex_init *k, struct wr *pub_out)
{
	struct wr pub = wr_new(PRIM_MODP_LEN);
	enum err err;

	crypto_random(k->modp, sizeof(k->modp));
	err = prim_modp_public(k->modp, &pub);
	if (err == OK)
		put_mpint_contents(pub_out, wr_view(&pub));
	wr_free(&pub);
	return err;
}

enum err
kex_init_start(const struct kex_alg *alg, struct kex_init **out,
    struct wr *pub_out)
{
	struct kex_init *k = calloc(1, sizeof(*k));
	enum err err;

	*out = NULL;
	if (k == NULL)
		return ERR_NOMEM;
	k->alg = alg;
	if (alg->group == KEX_X25519)
		err = start_x25519(k, pub_out);
	else if (alg->group == KEX_MODP2048)
		err = start_modp(k, pub_out);
	else
		err = start_ec(k, pub_out);
	if (err == OK && pub_out->bad)
		err = ERR_NOMEM;
	if (err != OK)
		kex_init_free(&k);
	*out = k;
	return err;
}

/* The secret as a plain big-endian number. */
static enum err
shared_number(struct kex_init *k, struct view peer, struct wr *out)
{
	uint8_t secret[32];

	if (k->alg->group == KEX_X25519) {
		if (peer.n != 32 || !prim_x25519(secret, k->x25519, peer.p))
			return ERR_PROTO;
		wr_bytes(out, view_of(secret, sizeof(secret)));
		wipe(secret, sizeof(secret));
		return OK;
	}
	if (k->alg->group == KEX_MODP2048) {
		if (!crypto_mpint(peer, &peer))
			return ERR_PROTO;
		return prim_modp_shared(k->modp, peer, out);
	}
	return pkey_ecdh(k->ec, peer, out);
}

enum err
kex_init_finish(struct kex_init *k, struct view peer_pub, struct wr *k_out)
{
	struct wr secret = wr_new(PRIM_MODP_LEN);
	enum err err = shared_number(k, peer_pub, &secret);

	if (err == OK && secret.bad)
		err = ERR_NOMEM;
	if (err == OK)
		wr_mpint(k_out, wr_view(&secret));
	if (err == OK && k_out->bad)
		err = ERR_NOMEM;
	wr_free(&secret);
	return err;
}

void
kex_init_free(struct kex_init **k)
{
	if (*k == NULL)
		return;
	pkey_free(&(*k)->ec);
	wipe(*k, sizeof(**k));
	free(*k);
	*k = NULL;
}

enum err
kex_respond(const struct kex_alg *alg, struct view peer_pub,
    struct wr *pub_out, struct wr *k_out)
{
	struct kex_init *k;
	enum err err = kex_init_start(alg, &k, pub_out);

	if (err == OK)
		err = kex_init_finish(k, peer_pub, k_out);
	kex_init_free(&k);
	return err;
}
