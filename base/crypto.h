/*
 * Everything this project takes from BoringSSL, behind plain types;
 * crypto.c is the only file that includes <openssl/...> (sshkey.c asks
 * through the functions at the end).  Every function checks every result of
 * the library: anything but success is ERR_CRYPTO or false, never ignored.
 */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include "base/buf.h"

/* ---- small things ---- */
void crypto_random(void *p, size_t n);
/* Equality in constant time of the contents; lengths are not secret. */
bool crypto_equal(struct view a, struct view b);
/* Does the CPU have AES (and carry-less multiply) instructions? */
bool crypto_has_aes(void);
/* Standard base64 with padding.  decode ignores no byte: whitespace is an
 * error.  encode appends to out. */
bool crypto_base64_decode(struct view text, struct wr *out) MUST_CHECK;
void crypto_base64_encode(struct view bytes, struct wr *out);

/* The unsigned number in the contents of an mpint, big-endian without zeros
 * in front; zero is empty.  False: it is negative, or has zeros in front that
 * RFC 4251 5 forbids.  Borrowed. */
bool crypto_mpint(struct view contents, struct view *out) MUST_CHECK;

/* ---- hashes ---- */
enum hash_alg { HASH_MD5, HASH_SHA1, HASH_SHA256, HASH_SHA384, HASH_SHA512 };
#define HASH_MAX 64
struct hash;
size_t hash_len(enum hash_alg alg);
/* Incremental; hash_final writes hash_len bytes and frees *h. NULL: memory */
struct hash *hash_new(enum hash_alg alg);
bool hash_update(struct hash *h, struct view v);
bool hash_final(struct hash **h, uint8_t out[HASH_MAX]);
void hash_free(struct hash **h);
/* One shot. */
bool hash_once(enum hash_alg alg, struct view v, uint8_t out[HASH_MAX])
    MUST_CHECK;

/* HMAC (RFC 2104) of data, hash_len bytes. */
bool hmac_once(enum hash_alg alg, struct view key, struct view data,
    uint8_t out[HASH_MAX]) MUST_CHECK;

/* ---- key exchange ---- */
/* The mathematics of one method; what is hashed and when is kex.c's. */
struct kex_alg {
	const char *name;	/* SSH name */
	enum hash_alg hash;
	int group;		/* crypto.c's own */
};
/* NULL if the name is unknown.  Known here: curve25519-sha256,
 * curve25519-sha256@libssh.org, ecdh-sha2-nistp256/384/521,
 * diffie-hellman-group14-sha256. */
const struct kex_alg *kex_alg_find(struct view name);
/* All known names in default order, comma-separated. */
const char *kex_alg_list(void);

/* The responder's half in one step: takes the initiator's public value as it
 * stood in the packet (contents of the string or mpint), writes ours in the
 * same form (the caller adds the string or mpint prefix: see
 * kex_pub_is_mpint) and the shared secret K encoded exactly as it is hashed
 * (mpint, or string for hybrids).  ERR_PROTO: the peer's value is
 * wrong (length, not on the curve, zero result, 1 < e < p-1 violated). */
enum err kex_respond(const struct kex_alg *alg, struct view peer_pub,
    struct wr *pub_out, struct wr *k_out) MUST_CHECK;
bool kex_pub_is_mpint(const struct kex_alg *alg);
/* The initiator's half in two steps, for tests and tools. */
struct kex_init;
enum err kex_init_start(const struct kex_alg *alg, struct kex_init **out,
    struct wr *pub_out) MUST_CHECK;
enum err kex_init_finish(struct kex_init *k, struct view peer_pub,
    struct wr *k_out) MUST_CHECK;
void kex_init_free(struct kex_init **k);

/* ---- packet protection ---- */
/* SSH ciphers and MACs as rows; a `cipher` object protects one direction. */
struct cipher_alg {
	const char *name;
	size_t key_len, iv_len;
	size_t block;		/* padding granularity, at least 8 */
	size_t tag_len;		/* 0: needs a MAC */
	int kind;		/* crypto.c's own */
};
struct mac_alg {
	const char *name;
	size_t key_len, len;
	bool etm;
	enum hash_alg hash;
};
const struct cipher_alg *cipher_alg_find(struct view name);
const struct mac_alg *mac_alg_find(struct view name);
/* Known names in default order (modern profile), comma-separated. */
const char *cipher_alg_list(void);
const char *mac_alg_list(void);

struct cipher;
/* key and iv have the lengths of the row; mac is NULL for an AEAD. NULL: no
 * memory or the library failed. */
struct cipher *cipher_new(const struct cipher_alg *alg, bool seal,
    const uint8_t *key, const uint8_t *iv, const struct mac_alg *mac,
    const uint8_t *mac_key);
void cipher_free(struct cipher **c);
/* Bytes behind a packet for its tag or MAC. */
size_t cipher_overhead(const struct cipher *c);
/* Is the length field outside of what is padded to the block (AEAD, -etm)? */
bool cipher_length_is_aad(const struct cipher *c);
/* How many bytes must have arrived before cipher_peek_length can tell. */
size_t cipher_peek_need(const struct cipher *c);
/* The packet_length of the packet that starts at p.  For the CTR modes
 * without -etm this decrypts the first block in place, once: call it exactly
 * once for a packet, then cipher_open with the same p. */
enum err cipher_peek_length(struct cipher *c, uint32_t seq, uint8_t *p,
    uint32_t *len_out) MUST_CHECK;
/* p: 4 bytes of length, len bytes, then the overhead.  Verifies before any
 * byte is acted on and decrypts in place: afterwards p + 4 holds len bytes of
 * padding_length, payload, padding.  ERR_CRYPTO: forged or damaged. */
enum err cipher_open(struct cipher *c, uint32_t seq, uint8_t *p, uint32_t len)
    MUST_CHECK;
/* The other direction: p holds 4 bytes of length in clear and len bytes;
 * encrypts in place and writes the overhead behind. */
enum err cipher_seal(struct cipher *c, uint32_t seq, uint8_t *p, uint32_t len)
    MUST_CHECK;

/* ---- raw public-key operations, for sshkey.c ---- */
struct pkey;		/* a public or private key of the library */
enum pkey_kind { PKEY_ED25519, PKEY_P256, PKEY_P384, PKEY_P521, PKEY_RSA };
void pkey_free(struct pkey **k);
enum pkey_kind pkey_kind(const struct pkey *k);
bool pkey_is_private(const struct pkey *k);
unsigned pkey_bits(const struct pkey *k);
/* From the fields of SSH key blobs; NULL: not a valid key of that kind.
 * Points must be on the curve; RSA n odd, 1024..16384 bits, e odd and > 1 and
 * at most 64 bits. */
struct pkey *pkey_ed25519(struct view pub, struct view seed_or_empty);
struct pkey *pkey_ec(enum pkey_kind kind, struct view point,
    struct view scalar_or_empty);
struct pkey *pkey_rsa_public(struct view n, struct view e);
struct pkey *pkey_rsa_private(struct view n, struct view e, struct view d,
    struct view p, struct view q, struct view iqmp);
/* From a PEM body already base64-decoded: PKCS#8 PrivateKeyInfo, SEC1
 * ECPrivateKey, PKCS#1 RSAPrivateKey, tried by `label`. */
struct pkey *pkey_from_der(struct view label, struct view der);
/* A fresh key, for tools and tests (bits for RSA only). */
struct pkey *pkey_generate(enum pkey_kind kind, unsigned bits);
/* Public parts: ed25519 32 bytes; EC uncompressed point; RSA n and e
 * (big-endian, no sign byte). */
void pkey_public(const struct pkey *k, struct wr *a, struct wr *b);
/* Appends the secret numbers: ed25519 its seed, EC its scalar, RSA d, iqmp, p
 * and q.  False: no private half, or no room. */
#define PKEY_PARTS	4
bool pkey_private(const struct pkey *k, struct wr part[PKEY_PARTS]) MUST_CHECK;
/* Signatures in the library's raw shape: ed25519 64 bytes; ECDSA r and s as
 * big-endian numbers; RSA PKCS#1 v1.5.  hash is ignored for ed25519. */
enum err pkey_sign(const struct pkey *k, enum hash_alg hash, struct view data,
    struct wr *a, struct wr *b) MUST_CHECK;
enum err pkey_verify(const struct pkey *k, enum hash_alg hash,
    struct view data, struct view a, struct view b) MUST_CHECK;

/* AES-CTR/CBC for encrypted OpenSSH private key files is not here yet: such a
 * file is refused with a clear reason. */

#endif
