/*
 * The inside of crypto.h: what crypto.c, the one user of the library, offers
 * to cipher.c and kex_share.c, and the numbers behind the rows of
 * crypto_algs.c.  Nobody else includes this but the tests of published
 * vectors, which need keys that are not random.
 */
#ifndef BASE_CRYPTO_PRIM_H
#define BASE_CRYPTO_PRIM_H

#include "base/crypto.h"

/* kex_alg.group */
enum { KEX_X25519, KEX_P256, KEX_P384, KEX_P521, KEX_MODP2048 };
/* cipher_alg.kind */
enum { CIPHER_CHACHAPOLY, CIPHER_GCM, CIPHER_CTR };

/* ---- packet ciphers ---- */
/* ChaCha20 as in RFC 8439 2.4; out may be in. */
void prim_chacha20(uint8_t *out, const uint8_t *in, size_t n,
    const uint8_t key[32], const uint8_t nonce[12], uint32_t counter);
/* Poly1305 (RFC 8439 2.5) of v under a key that is used once. */
void prim_poly1305(uint8_t tag[16], const uint8_t key[32], struct view v);

struct prim_gcm;
/* key of 16 or 32 bytes.  NULL: memory or the library. */
struct prim_gcm *prim_gcm_new(const uint8_t *key, size_t n);
void prim_gcm_free(struct prim_gcm **g);
/* In place; tag behind is 16 bytes. */
bool prim_gcm_seal(const struct prim_gcm *g, const uint8_t nonce[12],
    struct view aad, uint8_t *p, size_t n, uint8_t tag[16]) MUST_CHECK;
bool prim_gcm_open(const struct prim_gcm *g, const uint8_t nonce[12],
    struct view aad, uint8_t *p, size_t n, const uint8_t tag[16]) MUST_CHECK;

struct prim_ctr;
/* AES-CTR (RFC 4344 4): key of 16, 24 or 32 bytes, the 16 bytes of counter
 * run on from call to call. */
struct prim_ctr *prim_ctr_new(const uint8_t *key, size_t n,
    const uint8_t iv[16]);
void prim_ctr_free(struct prim_ctr **c);
void prim_ctr_xor(struct prim_ctr *c, uint8_t *p, size_t n);

struct prim_hmac;
struct prim_hmac *prim_hmac_new(enum hash_alg alg, const uint8_t *key,
    size_t n);
void prim_hmac_free(struct prim_hmac **h);
/* HMAC of head followed by v, hash_len bytes; allocates nothing. */
bool prim_hmac(struct prim_hmac *h, struct view head, struct view v,
    uint8_t out[HASH_MAX]) MUST_CHECK;

/* ---- key exchange ---- */
void prim_x25519_keypair(uint8_t pub[32], uint8_t priv[32]);
/* False: the result is zero (RFC 7748 6.1, RFC 8731 3). */
bool prim_x25519(uint8_t out[32], const uint8_t priv[32],
    const uint8_t peer[32]) MUST_CHECK;

/* ECDH (RFC 5656 4): appends the x coordinate, as long as the field.
 * ERR_PROTO: peer is not an uncompressed point on k's curve. */
enum err pkey_ecdh(const struct pkey *k, struct view peer, struct wr *out)
    MUST_CHECK;

/* Diffie-Hellman in the 2048-bit group of RFC 3526 3.  Both append numbers of
 * PRIM_MODP_LEN bytes. */
#define PRIM_MODP_LEN	256
#define PRIM_MODP_EXP	64	/* 512-bit exponents: twice the strength of
				 * the hash and far above the group's */
enum err prim_modp_public(const uint8_t exp[PRIM_MODP_EXP], struct wr *out)
    MUST_CHECK;
/* ERR_PROTO: not 1 < peer < p-1 (RFC 4253 8). */
enum err prim_modp_shared(const uint8_t exp[PRIM_MODP_EXP], struct view peer,
    struct wr *out) MUST_CHECK;

#endif
