/*
 * The only user of BoringSSL: each function wraps one primitive, checks its
 * result and leaves the library's error queue empty.  How SSH puts the
 * primitives together is told in cipher.c, kex_share.c and sshkey.c.  It is
 * long because one file alone may include the library.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/aead.h>
#include <openssl/aes.h>
#include <openssl/bn.h>
#include <openssl/bytestring.h>
#include <openssl/chacha.h>
#include <openssl/curve25519.h>
#include <openssl/digest.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/ecdh.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/poly1305.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "base/crypto_prim.h"

#define RSA_BITS_MIN	1024
#define RSA_BITS_MAX	16384
#define RSA_BYTES_MAX	(RSA_BITS_MAX / 8)
#define EC_BYTES_MAX	66		/* P-521 */

/* ---- small things ---- */

void
crypto_random(void *p, size_t n)
{
	RAND_bytes(p, n);	/* succeeds, or the kernel has no randomness
				 * and the library ends the process */
}

bool
crypto_equal(struct view a, struct view b)
{
	return a.n == b.n &&
	    (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}

bool
crypto_has_aes(void)
{
	return EVP_has_aes_hardware() == 1;
}

/* ---- hashes ---- */

struct hash {
	EVP_MD_CTX ctx;
	enum hash_alg alg;
};

static const EVP_MD *
md_of(enum hash_alg alg)
{
	switch (alg) {
	case HASH_MD5:
		return EVP_md5();
	case HASH_SHA1:
		return EVP_sha1();
	case HASH_SHA256:
		return EVP_sha256();
	case HASH_SHA384:
		return EVP_sha384();
	case HASH_SHA512:
		return EVP_sha512();
	}
	return NULL;
}

struct hash *
hash_new(enum hash_alg alg)
{
	struct hash *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->alg = alg;
	EVP_MD_CTX_init(&h->ctx);
	if (EVP_DigestInit_ex(&h->ctx, md_of(alg), NULL) != 1)
		hash_free(&h);
	return h;
}

bool
hash_update(struct hash *h, struct view v)
{
	return h != NULL &&
	    (v.n == 0 || EVP_DigestUpdate(&h->ctx, v.p, v.n) == 1);
}

bool
hash_final(struct hash **h, uint8_t out[HASH_MAX])
{
	unsigned n = 0;
	bool ok;

	if (*h == NULL)
		return false;
	ok = EVP_DigestFinal_ex(&(*h)->ctx, out, &n) == 1 &&
	    n == hash_len((*h)->alg);
	hash_free(h);
	return ok;
}

void
hash_free(struct hash **h)
{
	if (*h == NULL)
		return;
	EVP_MD_CTX_cleanup(&(*h)->ctx);	/* wipes: _cleanse does not bear
					 * an object that had no memory */
	free(*h);
	*h = NULL;
}

bool
hash_once(enum hash_alg alg, struct view v, uint8_t out[HASH_MAX])
{
	unsigned n = 0;

	return EVP_Digest(v.p, v.n, out, &n, md_of(alg), NULL) == 1 &&
	    n == hash_len(alg);
}

/* ---- packet ciphers ---- */

void
prim_chacha20(uint8_t *out, const uint8_t *in, size_t n,
    const uint8_t key[32], const uint8_t nonce[12], uint32_t counter)
{
	CRYPTO_chacha_20(out, in, n, key, nonce, counter);
}

void
prim_poly1305(uint8_t tag[16], const uint8_t key[32], struct view v)
{
	poly1305_state state;

	CRYPTO_poly1305_init(&state, key);
	CRYPTO_poly1305_update(&state, v.p, v.n);
	CRYPTO_poly1305_finish(&state, tag);
}

struct prim_gcm {
	EVP_AEAD_CTX ctx;
};

struct prim_gcm *
prim_gcm_new(const uint8_t *key, size_t n)
{
	struct prim_gcm *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	EVP_AEAD_CTX_zero(&g->ctx);
	if ((n != 16 && n != 32) || EVP_AEAD_CTX_init(&g->ctx, n == 16 ?
	    EVP_aead_aes_128_gcm() : EVP_aead_aes_256_gcm(), key, n, 16,
	    NULL) != 1)
		prim_gcm_free(&g);
	return g;
}

void
prim_gcm_free(struct prim_gcm **g)
{
	if (*g == NULL)
		return;
	EVP_AEAD_CTX_cleanup(&(*g)->ctx);
	wipe(*g, sizeof(**g));
	free(*g);
	*g = NULL;
}

bool
prim_gcm_seal(const struct prim_gcm *g, const uint8_t nonce[12],
    struct view aad, uint8_t *p, size_t n, uint8_t tag[16])
{
	size_t tag_len = 0;

	return EVP_AEAD_CTX_seal_scatter(&g->ctx, p, tag, &tag_len, 16, nonce,
	    12, p, n, NULL, 0, aad.p, aad.n) == 1 && tag_len == 16;
}

bool
prim_gcm_open(const struct prim_gcm *g, const uint8_t nonce[12],
    struct view aad, uint8_t *p, size_t n, const uint8_t tag[16])
{
	if (EVP_AEAD_CTX_open_gather(&g->ctx, p, nonce, 12, p, n, tag, 16,
	    aad.p, aad.n) == 1)
		return true;
	ERR_clear_error();
	return false;
}

struct prim_ctr {
	AES_KEY key;
	uint8_t iv[16];
	uint8_t left[16];	/* key stream of a block begun */
	unsigned num;
};

struct prim_ctr *
prim_ctr_new(const uint8_t *key, size_t n, const uint8_t iv[16])
{
	struct prim_ctr *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	memcpy(c->iv, iv, sizeof(c->iv));
	if ((n != 16 && n != 24 && n != 32) ||
	    AES_set_encrypt_key(key, (unsigned)n * 8, &c->key) != 0)
		prim_ctr_free(&c);
	return c;
}

void
prim_ctr_free(struct prim_ctr **c)
{
	if (*c == NULL)
		return;
	wipe(*c, sizeof(**c));
	free(*c);
	*c = NULL;
}

void
prim_ctr_xor(struct prim_ctr *c, uint8_t *p, size_t n)
{
	AES_ctr128_encrypt(p, p, n, &c->key, c->iv, c->left, &c->num);
}

struct prim_hmac {
	HMAC_CTX ctx;
	size_t len;
};

struct prim_hmac *
prim_hmac_new(enum hash_alg alg, const uint8_t *key, size_t n)
{
	struct prim_hmac *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->len = hash_len(alg);
	HMAC_CTX_init(&h->ctx);
	if (HMAC_Init_ex(&h->ctx, key, n, md_of(alg), NULL) != 1)
		prim_hmac_free(&h);
	return h;
}

void
prim_hmac_free(struct prim_hmac **h)
{
	if (*h == NULL)
		return;
	HMAC_CTX_cleanup(&(*h)->ctx);
	free(*h);
	*h = NULL;
}

/* Without a key, HMAC_Init_ex copies the keyed state that it kept. */
bool
prim_hmac(struct prim_hmac *h, struct view head, struct view v,
    uint8_t out[HASH_MAX])
{
	unsigned n = 0;

	return HMAC_Init_ex(&h->ctx, NULL, 0, NULL, NULL) == 1 &&
	    HMAC_Update(&h->ctx, head.p, head.n) == 1 &&
	    HMAC_Update(&h->ctx, v.p, v.n) == 1 &&
	    HMAC_Final(&h->ctx, out, &n) == 1 && n == h->len;
}

bool
hmac_once(enum hash_alg alg, struct view key, struct view data,
    uint8_t out[HASH_MAX])
{
	unsigned n = 0;

	return HMAC(md_of(alg), key.p, key.n, data.p, data.n, out, &n) !=
	    NULL && n == hash_len(alg);
}

/* ---- numbers ---- */

static BIGNUM *
bn_of(struct view v)
{
	if (v.n > RSA_BYTES_MAX)
		return NULL;
	return BN_bin2bn(v.p, v.n, NULL);
}

/* Appends n as `len` bytes, zeros in front. */
static void
put_bn(struct wr *w, const BIGNUM *n, size_t len)
{
	uint8_t *p = wr_reserve(w, len);

	if (p == NULL)
		return;
	if (n == NULL || BN_bn2bin_padded(p, len, n) != 1) {
		w->bad = true;
		return;
	}
	wr_commit(w, len);
}

/* ---- key exchange ---- */

/* RFC 3526 section 3: 2^2048 - 2^1984 - 1 + 2^64 * ([2^1918 pi] + 124476);
 * generator 2. */
static const uint8_t modp2048[PRIM_MODP_LEN] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc9, 0x0f,
	0xda, 0xa2, 0x21, 0x68, 0xc2, 0x34, 0xc4, 0xc6, 0x62, 0x8b,
	0x80, 0xdc, 0x1c, 0xd1, 0x29, 0x02, 0x4e, 0x08, 0x8a, 0x67,
	0xcc, 0x74, 0x02, 0x0b, 0xbe, 0xa6, 0x3b, 0x13, 0x9b, 0x22,
	0x51, 0x4a, 0x08, 0x79, 0x8e, 0x34, 0x04, 0xdd, 0xef, 0x95,
	0x19, 0xb3, 0xcd, 0x3a, 0x43, 0x1b, 0x30, 0x2b, 0x0a, 0x6d,
	0xf2, 0x5f, 0x14, 0x37, 0x4f, 0xe1, 0x35, 0x6d, 0x6d, 0x51,
	0xc2, 0x45, 0xe4, 0x85, 0xb5, 0x76, 0x62, 0x5e, 0x7e, 0xc6,
	0xf4, 0x4c, 0x42, 0xe9, 0xa6, 0x37, 0xed, 0x6b, 0x0b, 0xff,
	0x5c, 0xb6, 0xf4, 0x06, 0xb7, 0xed, 0xee, 0x38, 0x6b, 0xfb,
	0x5a, 0x89, 0x9f, 0xa5, 0xae, 0x9f, 0x24, 0x11, 0x7c, 0x4b,
	0x1f, 0xe6, 0x49, 0x28, 0x66, 0x51, 0xec, 0xe4, 0x5b, 0x3d,
	0xc2, 0x00, 0x7c, 0xb8, 0xa1, 0x63, 0xbf, 0x05, 0x98, 0xda,
	0x48, 0x36, 0x1c, 0x55, 0xd3, 0x9a, 0x69, 0x16, 0x3f, 0xa8,
	0xfd, 0x24, 0xcf, 0x5f, 0x83, 0x65, 0x5d, 0x23, 0xdc, 0xa3,
	0xad, 0x96, 0x1c, 0x62, 0xf3, 0x56, 0x20, 0x85, 0x52, 0xbb,
	0x9e, 0xd5, 0x29, 0x07, 0x70, 0x96, 0x96, 0x6d, 0x67, 0x0c,
	0x35, 0x4e, 0x4a, 0xbc, 0x98, 0x04, 0xf1, 0x74, 0x6c, 0x08,
	0xca, 0x18, 0x21, 0x7c, 0x32, 0x90, 0x5e, 0x46, 0x2e, 0x36,
	0xce, 0x3b, 0xe3, 0x9e, 0x77, 0x2c, 0x18, 0x0e, 0x86, 0x03,
	0x9b, 0x27, 0x83, 0xa2, 0xec, 0x07, 0xa2, 0x8f, 0xb5, 0xc5,
	0x5d, 0xf0, 0x6f, 0x4c, 0x52, 0xc9, 0xde, 0x2b, 0xcb, 0xf6,
	0x95, 0x58, 0x17, 0x18, 0x39, 0x95, 0x49, 0x7c, 0xea, 0x95,
	0x6a, 0xe5, 0x15, 0xd2, 0x26, 0x18, 0x98, 0xfa, 0x05, 0x10,
	0x15, 0x72, 0x8e, 0x5a, 0x8a, 0xac, 0xaa, 0x68, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
};

void
prim_x25519_keypair(uint8_t pub[32], uint8_t priv[32])
{
	X25519_keypair(pub, priv);
}

bool
prim_x25519(uint8_t out[32], const uint8_t priv[32], const uint8_t peer[32])
{
	return X25519(out, priv, peer) == 1;
}

/* Appends base^exp mod p.  ERR_PROTO unless 1 < base < p - 1. */
static enum err
modp_exp(struct view base, const uint8_t exp[PRIM_MODP_EXP], struct wr *out)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *p = BN_bin2bn(modp2048, sizeof(modp2048), NULL);
	BIGNUM *last = BN_bin2bn(modp2048, sizeof(modp2048), NULL);
	BIGNUM *b = bn_of(base), *r = BN_new();
	BIGNUM *e = BN_bin2bn(exp, PRIM_MODP_EXP, NULL);
	enum err err = ERR_CRYPTO;

	if (ctx == NULL || p == NULL || last == NULL || b == NULL ||
	    r == NULL || e == NULL || BN_sub_word(last, 1) != 1)
		goto out;
	err = ERR_PROTO;
	if (BN_cmp(b, BN_value_one()) <= 0 || BN_cmp(b, last) >= 0)
		goto out;
	err = ERR_CRYPTO;
	if (BN_mod_exp_mont_consttime(r, b, e, p, ctx, NULL) != 1)
		goto out;
	put_bn(out, r, PRIM_MODP_LEN);
	err = out->bad ? ERR_NOMEM : OK;
out:
	BN_clear_free(e);
	BN_clear_free(r);
	BN_free(b);
	BN_free(last);
	BN_free(p);
	BN_CTX_free(ctx);
	ERR_clear_error();
	return err;
}

enum err
prim_modp_public(const uint8_t exp[PRIM_MODP_EXP], struct wr *out)
{
	static const uint8_t generator = 2;

	return modp_exp(view_of(&generator, 1), exp, out);
}

enum err
prim_modp_shared(const uint8_t exp[PRIM_MODP_EXP], struct view peer,
    struct wr *out)
{
	if (peer.n > PRIM_MODP_LEN)
		return ERR_PROTO;
	return modp_exp(peer, exp, out);
}

/* ---- public keys ---- */

struct pkey {
	enum pkey_kind kind;
	bool private;
	uint8_t ed_pub[ED25519_PUBLIC_KEY_LEN];
	uint8_t ed_priv[ED25519_PRIVATE_KEY_LEN];	/* seed, public */
	EC_KEY *ec;
	RSA *rsa;
};

static struct pkey *
pkey_new(enum pkey_kind kind)
{
	struct pkey *k = calloc(1, sizeof(*k));

	if (k != NULL)
		k->kind = kind;
	return k;
}

void
pkey_free(struct pkey **k)
{
	if (*k == NULL)
		return;
	EC_KEY_free((*k)->ec);
	RSA_free((*k)->rsa);
	wipe(*k, sizeof(**k));
	free(*k);
	*k = NULL;
}

/* The end of every function that makes a key: k if all went well. */
static struct pkey *
pkey_made(struct pkey *k, bool ok)
{
	if (!ok) {
		pkey_free(&k);
		ERR_clear_error();
	}
	return k;
}

enum pkey_kind
pkey_kind(const struct pkey *k)
{
	return k->kind;
}

bool
pkey_is_private(const struct pkey *k)
{
	return k->private;
}

unsigned
pkey_bits(const struct pkey *k)
{
	if (k->kind == PKEY_ED25519)
		return 256;
	if (k->kind == PKEY_RSA)
		return BN_num_bits(RSA_get0_n(k->rsa));
	return EC_GROUP_get_degree(EC_KEY_get0_group(k->ec));
}

/* -- Ed25519 -- */

static void
ed25519_set_seed(struct pkey *k, const uint8_t seed[32])
{
	ED25519_keypair_from_seed(k->ed_pub, k->ed_priv, seed);
	k->private = true;
}

struct pkey *
pkey_ed25519(struct view pub, struct view seed)
{
	struct pkey *k;

	if (pub.n != 32 || (seed.n != 0 && seed.n != 32) ||
	    (k = pkey_new(PKEY_ED25519)) == NULL)
		return NULL;
	if (seed.n == 0) {
		memcpy(k->ed_pub, pub.p, sizeof(k->ed_pub));
		return k;
	}
	ed25519_set_seed(k, seed.p);
	return pkey_made(k, crypto_equal(view_of(k->ed_pub, 32), pub));
}

/* -- NIST curves -- */

static int
curve_nid(enum pkey_kind kind)
{
	switch (kind) {
	case PKEY_P256:
		return NID_X9_62_prime256v1;
	case PKEY_P384:
		return NID_secp384r1;
	case PKEY_P521:
		return NID_secp521r1;
	default:
		return NID_undef;
	}
}

static bool
kind_of_curve(const EC_KEY *ec, enum pkey_kind *out)
{
	int nid = EC_GROUP_get_curve_name(EC_KEY_get0_group(ec));

	for (enum pkey_kind k = PKEY_P256; k <= PKEY_P521; k++)
		if (nid == curve_nid(k)) {
			*out = k;
			return true;
		}
	return false;
}

static size_t
field_bytes(const EC_KEY *ec)
{
	return (EC_GROUP_get_degree(EC_KEY_get0_group(ec)) + 7) / 8;
}

/* An uncompressed point of exact length, on the curve; infinity has another
 * length.  NULL if it is not. */
static EC_POINT *
point_of(const EC_KEY *ec, struct view v)
{
	const EC_GROUP *group = EC_KEY_get0_group(ec);
	EC_POINT *point;

	if (v.n != 1 + 2 * field_bytes(ec) ||
	    v.p[0] != POINT_CONVERSION_UNCOMPRESSED ||
	    (point = EC_POINT_new(group)) == NULL)
		return NULL;
	if (EC_POINT_oct2point(group, point, v.p, v.n, NULL) == 1 &&
	    EC_POINT_is_on_curve(group, point, NULL) == 1 &&
	    EC_POINT_is_at_infinity(group, point) == 0)
		return point;
	EC_POINT_free(point);
	ERR_clear_error();
	return NULL;
}

/* EC_KEY_check_key compares the halves. */
static bool
ec_set(EC_KEY *ec, struct view point, struct view scalar)
{
	EC_POINT *p = point_of(ec, point);
	BIGNUM *s = NULL;
	bool ok = p != NULL && EC_KEY_set_public_key(ec, p) == 1;

	if (ok && scalar.n != 0) {
		s = bn_of(scalar);
		ok = s != NULL && EC_KEY_set_private_key(ec, s) == 1;
	}
	ok = ok && EC_KEY_check_key(ec) == 1;
	BN_clear_free(s);
	EC_POINT_free(p);
	return ok;
}

struct pkey *
pkey_ec(enum pkey_kind kind, struct view point, struct view scalar)
{
	struct pkey *k = pkey_new(kind);

	if (k == NULL)
		return NULL;
	k->private = scalar.n != 0;
	k->ec = EC_KEY_new_by_curve_name(curve_nid(kind));
	return pkey_made(k, k->ec != NULL && ec_set(k->ec, point, scalar));
}

enum err
pkey_ecdh(const struct pkey *k, struct view peer, struct wr *out)
{
	size_t n = field_bytes(k->ec);
	EC_POINT *point = point_of(k->ec, peer);
	enum err err = ERR_CRYPTO;
	uint8_t *p;

	if (point == NULL)
		return ERR_PROTO;
	if ((p = wr_reserve(out, n)) == NULL)
		err = ERR_NOMEM;
	else if (ECDH_compute_key(p, n, point, k->ec, NULL) == (int)n) {
		wr_commit(out, n);
		err = OK;
	} else
		ERR_clear_error();
	EC_POINT_free(point);
	return err;
}

/* -- RSA -- */

static bool
rsa_sizes_ok(const RSA *rsa)
{
	const BIGNUM *n = RSA_get0_n(rsa), *e = RSA_get0_e(rsa);
	unsigned bits = BN_num_bits(n);

	return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX &&
	    BN_is_odd(n) == 1 && BN_is_odd(e) == 1 && BN_is_one(e) == 0 &&
	    BN_num_bits(e) <= 64;
}

/* Takes n, e and d (NULL: public); frees them if it fails. */
static bool
rsa_set_key(RSA *rsa, BIGNUM *n, BIGNUM *e, BIGNUM *d)
{
	if (rsa != NULL && n != NULL && e != NULL &&
	    RSA_set0_key(rsa, n, e, d) == 1)
		return rsa_sizes_ok(rsa);
	BN_free(n);
	BN_free(e);
	BN_clear_free(d);
	return false;
}

struct pkey *
pkey_rsa_public(struct view n, struct view e)
{
	struct pkey *k = pkey_new(PKEY_RSA);

	if (k == NULL)
		return NULL;
	k->rsa = RSA_new();
	return pkey_made(k, rsa_set_key(k->rsa, bn_of(n), bn_of(e), NULL) &&
	    RSA_check_key(k->rsa) == 1);
}

/* d mod (prime - 1), or NULL. */
static BIGNUM *
crt_exponent(const BIGNUM *d, const BIGNUM *prime)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *less = BN_dup(prime), *r = BN_new();
	bool ok = ctx != NULL && less != NULL && r != NULL &&
	    BN_sub_word(less, 1) == 1 && BN_nnmod(r, d, less, ctx) == 1;

	if (!ok) {
		BN_clear_free(r);
		r = NULL;
	}
	BN_clear_free(less);
	BN_CTX_free(ctx);
	return r;
}

/* Takes all three; frees them if it fails. */
static bool
rsa_set_crt(RSA *rsa, BIGNUM *p, BIGNUM *q, BIGNUM *iqmp)
{
	BIGNUM *dp = NULL, *dq = NULL;

	if (p == NULL || q == NULL || RSA_set0_factors(rsa, p, q) != 1) {
		BN_clear_free(p);
		BN_clear_free(q);
		BN_clear_free(iqmp);
		return false;
	}
	dp = crt_exponent(RSA_get0_d(rsa), p);
	dq = crt_exponent(RSA_get0_d(rsa), q);
	if (dp != NULL && dq != NULL && iqmp != NULL &&
	    RSA_set0_crt_params(rsa, dp, dq, iqmp) == 1)
		return true;
	BN_clear_free(dp);
	BN_clear_free(dq);
	BN_clear_free(iqmp);
	return false;
}

struct pkey *
pkey_rsa_private(struct view n, struct view e, struct view d, struct view p,
    struct view q, struct view iqmp)
{
	struct pkey *k;
	BIGNUM *secret = bn_of(d);

	if (secret == NULL || (k = pkey_new(PKEY_RSA)) == NULL) {
		BN_clear_free(secret);
		return NULL;
	}
	k->private = true;
	k->rsa = RSA_new();
	return pkey_made(k, rsa_set_key(k->rsa, bn_of(n), bn_of(e), secret) &&
	    rsa_set_crt(k->rsa, bn_of(p), bn_of(q), bn_of(iqmp)) &&
	    RSA_check_key(k->rsa) == 1);
}

/* -- from PEM bodies -- */

static bool
take_rsa(struct pkey *k, RSA *rsa)
{
	k->kind = PKEY_RSA;
	k->rsa = rsa;
	return rsa != NULL && rsa_sizes_ok(rsa);
}

static bool
take_ec(struct pkey *k, EC_KEY *ec)
{
	k->ec = ec;
	return ec != NULL && kind_of_curve(ec, &k->kind) &&
	    EC_KEY_check_key(ec) == 1;
}

static bool
take_ed25519(struct pkey *k, const EVP_PKEY *p)
{
	uint8_t seed[32];
	size_t n = sizeof(seed);

	k->kind = PKEY_ED25519;
	if (EVP_PKEY_get_raw_private_key(p, seed, &n) != 1 ||
	    n != sizeof(seed))
		return false;
	ed25519_set_seed(k, seed);
	wipe(seed, sizeof(seed));
	return true;
}

static bool
take_pkcs8(struct pkey *k, CBS *der)
{
	EVP_PKEY *p = EVP_parse_private_key(der);
	bool ok = false;

	if (p == NULL)
		return false;
	switch (EVP_PKEY_id(p)) {
	case EVP_PKEY_RSA:
		ok = take_rsa(k, EVP_PKEY_get1_RSA(p));
		break;
	case EVP_PKEY_EC:
		ok = take_ec(k, EVP_PKEY_get1_EC_KEY(p));
		break;
	case EVP_PKEY_ED25519:
		ok = take_ed25519(k, p);
		break;
	}
	EVP_PKEY_free(p);
	return ok;
}

struct pkey *
pkey_from_der(struct view label, struct view der)
{
	struct pkey *k = pkey_new(PKEY_RSA);
	bool ok = false;
	CBS cbs;

	if (k == NULL)
		return NULL;
	k->private = true;
	CBS_init(&cbs, der.p, der.n);
	if (view_is(label, "RSA PRIVATE KEY"))
		ok = take_rsa(k, RSA_parse_private_key(&cbs));
	else if (view_is(label, "EC PRIVATE KEY"))
		ok = take_ec(k, EC_KEY_parse_private_key(&cbs, NULL));
	else if (view_is(label, "PRIVATE KEY"))
		ok = take_pkcs8(k, &cbs);
	return pkey_made(k, ok && CBS_len(&cbs) == 0);
}

/* -- making and reading -- */

static bool
rsa_generate(struct pkey *k, unsigned bits)
{
	BIGNUM *e = BN_new();
	bool ok;

	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX) {
		BN_free(e);
		return false;
	}
	k->rsa = RSA_new();
	ok = k->rsa != NULL && e != NULL && BN_set_word(e, RSA_F4) == 1 &&
	    RSA_generate_key_ex(k->rsa, (int)bits, e, NULL) == 1;
	BN_free(e);
	return ok;
}

struct pkey *
pkey_generate(enum pkey_kind kind, unsigned bits)
{
	struct pkey *k = pkey_new(kind);
	bool ok = true;

	if (k == NULL)
		return NULL;
	k->private = true;
	if (kind == PKEY_ED25519)
		ED25519_keypair(k->ed_pub, k->ed_priv);
	else if (kind == PKEY_RSA)
		ok = rsa_generate(k, bits);
	else {
		k->ec = EC_KEY_new_by_curve_name(curve_nid(kind));
		ok = k->ec != NULL && EC_KEY_generate_key(k->ec) == 1;
	}
	return pkey_made(k, ok);
}

static void
put_point(struct wr *w, const EC_KEY *ec)
{
	size_t n = 1 + 2 * field_bytes(ec);
	uint8_t *p = wr_reserve(w, n);

	if (p == NULL)
		return;
	if (EC_POINT_point2oct(EC_KEY_get0_group(ec),
	    EC_KEY_get0_public_key(ec), POINT_CONVERSION_UNCOMPRESSED, p, n,
	    NULL) != n) {
		w->bad = true;
		return;
	}
	wr_commit(w, n);
}

void
pkey_public(const struct pkey *k, struct wr *a, struct wr *b)
{
	switch (k->kind) {
	case PKEY_ED25519:
		wr_bytes(a, view_of(k->ed_pub, sizeof(k->ed_pub)));
		break;
	case PKEY_RSA:
		put_bn(a, RSA_get0_n(k->rsa), BN_num_bytes(RSA_get0_n(k->rsa)));
		put_bn(b, RSA_get0_e(k->rsa), BN_num_bytes(RSA_get0_e(k->rsa)));
		break;
	default:
		put_point(a, k->ec);
		break;
	}
}

bool
pkey_private(const struct pkey *k, struct wr part[PKEY_PARTS])
{
	bool ok = true;

	if (!k->private)
		return false;
	if (k->kind == PKEY_ED25519)
		wr_bytes(&part[0], view_of(k->ed_priv, 32));
	else if (k->kind == PKEY_RSA) {
		size_t n = RSA_size(k->rsa);

		put_bn(&part[0], RSA_get0_d(k->rsa), n);
		put_bn(&part[1], RSA_get0_iqmp(k->rsa), n);
		put_bn(&part[2], RSA_get0_p(k->rsa), n);
		put_bn(&part[3], RSA_get0_q(k->rsa), n);
	} else
		put_bn(&part[0], EC_KEY_get0_private_key(k->ec),
		    field_bytes(k->ec));
	for (size_t i = 0; i < PKEY_PARTS; i++)
		ok = ok && !part[i].bad;
	return ok;
}

/* -- signatures -- */

/* The digest that is signed; MD5 and SHA-1 are never signed with. */
static bool
digest_of(enum hash_alg alg, struct view data, uint8_t out[HASH_MAX])
{
	return alg != HASH_MD5 && alg != HASH_SHA1 &&
	    hash_once(alg, data, out);
}

static bool
ed25519_sign(const struct pkey *k, struct view data, struct wr *a)
{
	uint8_t *p = wr_reserve(a, ED25519_SIGNATURE_LEN);

	if (p == NULL || ED25519_sign(p, data.p, data.n, k->ed_priv) != 1)
		return false;
	wr_commit(a, ED25519_SIGNATURE_LEN);
	return true;
}

static bool
ecdsa_sign(const struct pkey *k, struct view digest, struct wr *a,
    struct wr *b)
{
	ECDSA_SIG *sig = ECDSA_do_sign(digest.p, digest.n, k->ec);

	if (sig == NULL)
		return false;
	put_bn(a, ECDSA_SIG_get0_r(sig), field_bytes(k->ec));
	put_bn(b, ECDSA_SIG_get0_s(sig), field_bytes(k->ec));
	ECDSA_SIG_free(sig);
	return true;
}

static bool
rsa_sign(const struct pkey *k, enum hash_alg hash, struct view digest,
    struct wr *a)
{
	unsigned n = RSA_size(k->rsa);
	uint8_t *p = wr_reserve(a, n);

	if (p == NULL || RSA_sign(EVP_MD_type(md_of(hash)), digest.p,
	    (unsigned)digest.n, p, &n, k->rsa) != 1)
		return false;
	wr_commit(a, n);
	return true;
}

enum err
pkey_sign(const struct pkey *k, enum hash_alg hash, struct view data,
    struct wr *a, struct wr *b)
{
	uint8_t digest[HASH_MAX];
	struct view d = view_of(digest, hash_len(hash));
	bool ok;

	if (!k->private)
		return ERR_DENIED;
	if (k->kind == PKEY_ED25519)
		ok = ed25519_sign(k, data, a);
	else if (!digest_of(hash, data, digest))
		ok = false;
	else if (k->kind == PKEY_RSA)
		ok = rsa_sign(k, hash, d, a);
	else
		ok = ecdsa_sign(k, d, a, b);
	if (!ok)
		ERR_clear_error();
	return ok ? OK : ERR_CRYPTO;
}

static bool
ecdsa_verify(const struct pkey *k, struct view digest, struct view r,
    struct view s)
{
	ECDSA_SIG *sig;
	BIGNUM *br, *bs;
	bool ok;

	if (r.n > EC_BYTES_MAX || s.n > EC_BYTES_MAX ||
	    (sig = ECDSA_SIG_new()) == NULL)
		return false;
	br = bn_of(r);
	bs = bn_of(s);
	if (br == NULL || bs == NULL || ECDSA_SIG_set0(sig, br, bs) != 1) {
		BN_free(br);
		BN_free(bs);
		ECDSA_SIG_free(sig);
		return false;
	}
	ok = ECDSA_do_verify(digest.p, digest.n, sig, k->ec) == 1;
	ECDSA_SIG_free(sig);
	return ok;
}

enum err
pkey_verify(const struct pkey *k, enum hash_alg hash, struct view data,
    struct view a, struct view b)
{
	uint8_t digest[HASH_MAX];
	struct view d = view_of(digest, hash_len(hash));
	bool ok;

	if (k->kind == PKEY_ED25519)
		ok = a.n == ED25519_SIGNATURE_LEN &&
		    ED25519_verify(data.p, data.n, a.p, k->ed_pub) == 1;
	else if (!digest_of(hash, data, digest))
		ok = false;
	else if (k->kind == PKEY_RSA)
		ok = a.n == RSA_size(k->rsa) &&
		    RSA_verify(EVP_MD_type(md_of(hash)), d.p, d.n, a.p, a.n,
		    k->rsa) == 1;
	else
		ok = ecdsa_verify(k, d, a, b);
	if (!ok)
		ERR_clear_error();
	return ok ? OK : ERR_DENIED;
}
