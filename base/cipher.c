/*
 * Packet protection (RFC 4253 6, RFC 4344, RFC 5647; OpenSSH's PROTOCOL and
 * PROTOCOL.chacha20poly1305), one object for one direction.  Nothing is
 * allocated for a packet.
 */
#include <stdlib.h>
#include <string.h>

#include "base/crypto_prim.h"

#define CTR_BLOCK	16

struct cipher {
	const struct cipher_alg *alg;
	const struct mac_alg *mac;	/* CTR only */
	bool seal;
	bool peeked;			/* CTR without -etm: first block */
	uint8_t key[64];		/* chacha: payload key, length key */
	uint8_t iv[12];			/* GCM: the next packet's nonce */
	struct prim_gcm *gcm;
	struct prim_ctr *ctr;
	struct prim_hmac *hmac;
};

/* One way of protecting packets; seal and open know that len is legal. */
struct mode {
	enum err (*peek)(struct cipher *c, uint32_t seq, uint8_t *p,
	    uint32_t *len_out);
	enum err (*open)(struct cipher *c, uint32_t seq, uint8_t *p,
	    uint32_t len);
	enum err (*seal)(struct cipher *c, uint32_t seq, uint8_t *p,
	    uint32_t len);
};

/* The length stands in clear: GCM and the -etm MACs. */
static enum err
peek_clear(struct cipher *c, uint32_t seq, uint8_t *p, uint32_t *len_out)
{
	(void)c;
	(void)seq;
	*len_out = get_u32(p);
	return OK;
}

/* ---- chacha20-poly1305@openssh.com ---- */

/* The nonce is the sequence number as 64 bits, behind the upper half of what
 * was a 64-bit block counter before RFC 8439. */
static void
chacha_nonce(uint8_t nonce[12], uint32_t seq)
{
	memset(nonce, 0, 8);
	put_u32(nonce + 8, seq);
}

static void
chacha_length(const struct cipher *c, const uint8_t nonce[12], uint8_t out[4],
    const uint8_t in[4])
{
	prim_chacha20(out, in, 4, c->key + 32, nonce, 0);
}

/* The tag over length and payload as they go over the wire. */
static void
chacha_tag(const struct cipher *c, const uint8_t nonce[12], const uint8_t *p,
    uint32_t len, uint8_t tag[16])
{
	uint8_t once[32] = { 0 };

	prim_chacha20(once, once, sizeof(once), c->key, nonce, 0);
	prim_poly1305(tag, once, view_of(p, (size_t)len + 4));
	wipe(once, sizeof(once));
}

static enum err
chacha_peek(struct cipher *c, uint32_t seq, uint8_t *p, uint32_t *len_out)
{
	uint8_t nonce[12], len[4];

	chacha_nonce(nonce, seq);
	chacha_length(c, nonce, len, p);
	*len_out = get_u32(len);
	return OK;
}

static enum err
chacha_open(struct cipher *c, uint32_t seq, uint8_t *p, uint32_t len)
{
	uint8_t nonce[12], tag[16];

	chacha_nonce(nonce, seq);
	chacha_tag(c, nonce, p, len, tag);
	if (!crypto_equal(view_of(tag, 16), view_of(p + 4 + len, 16)))
		return ERR_CRYPTO;
	prim_chacha20(p + 4, p + 4, len, c->key, nonce, 1);
	return OK;
}

static enum err
chacha_seal(struct cipher *c, uint32_t seq, uint8_t *p, uint32_t len)
{
	uint8_t nonce[12];

	chacha_nonce(nonce, seq);
	chacha_length(c, nonce, p, p);
	prim_chacha20(p + 4, p + 4, len, c->key, nonce, 1);
	chacha_tag(c, nonce, p, len, p + 4 + len);
	return OK;
}

/* ---- AES-GCM ---- */

/* The last 8 bytes count the packets (RFC 5647 7.1). */
static void
gcm_next(struct cipher *c)
{
	for (size_t i = sizeof(c->iv); i > 4; i--)
		if (++c->iv[i - 1] != 0)
			break;
}

static enum err
gcm_open(struct cipher *c, uint32_t seq, uint8_t *p, uint32_t len)
{
	(void)seq;
	if (!prim_gcm_open(c->gcm, c->iv, view_of(p, 4), p + 4, len,
	    p + 4 + len))
		return ERR_CRYPTO;
	gcm_next(c);
	return OK;
}

static enum err
gcm_seal(struct cipher *c, uint32_t seq, uint8_t *p, uint32_t len)
{
	(void)seq;
	if (!prim_gcm_seal(c->gcm, c->iv, view_of(p, 4), p + 4, len,
	    p + 4 + len))
		return ERR_CRYPTO;
	gcm_next(c);
	return OK;
}

/* ---- AES-CTR with a MAC over sequence number, length and the rest ---- */

static bool
mac_make(struct cipher *c, uint32_t seq, const uint8_t *p, uint32_t len,
    uint8_t out[HASH_MAX])
{
	uint8_t head[4];

	put_u32(head, seq);
	return prim_hmac(c->hmac, view_of(head, sizeof(head)),
	    view_of(p, (size_t)len + 4), out);
}

static bool
mac_matches(struct cipher *c, uint32_t seq, const uint8_t *p, uint32_t len)
{
	uint8_t mac[HASH_MAX];

	return mac_make(c, seq, p, len, mac) &&
	    crypto_equal(view_of(mac, c->mac->len),
	    view_of(p + 4 + len, c->mac->len));
}

static bool
mac_write(struct cipher *c, uint32_t seq, uint8_t *p, uint32_t len)
{
	uint8_t mac[HASH_MAX];

	if (!mac_make(c, seq, p, len, mac))
		return false;
	memcpy(p + 4 + len, mac, c->mac->len);
	return true;
}

static enum err
etm_open(struct cipher *c, uint32_t seq, uint8_t *p, uint32_t len)
{
	if (!mac_matches(c, seq, p, len))
		return ERR_CRYPTO;
	prim_ctr_xor(c->ctr, p + 4, len);
	return OK;
}

static enum err
etm_seal(struct cipher *c, uint32_t seq, uint8_t *p, uint32_t len)
{
	prim_ctr_xor(c->ctr, p + 4, len);
	return mac_write(c, seq, p, len) ? OK : ERR_CRYPTO;
}

/* A second look at the same packet finds its first block decrypted. */
static enum err
ctr_peek(struct cipher *c, uint32_t seq, uint8_t *p, uint32_t *len_out)
{
	(void)seq;
	if (!c->peeked)
		prim_ctr_xor(c->ctr, p, CTR_BLOCK);
	c->peeked = true;
	*len_out = get_u32(p);
	return OK;
}

static enum err
ctr_open(struct cipher *c, uint32_t seq, uint8_t *p, uint32_t len)
{
	size_t from = c->peeked ? CTR_BLOCK : 0;

	c->peeked = false;
	prim_ctr_xor(c->ctr, p + from, (size_t)len + 4 - from);
	return mac_matches(c, seq, p, len) ? OK : ERR_CRYPTO;
}

static enum err
ctr_seal(struct cipher *c, uint32_t seq, uint8_t *p, uint32_t len)
{
	if (!mac_write(c, seq, p, len))
		return ERR_CRYPTO;
	prim_ctr_xor(c->ctr, p, (size_t)len + 4);
	return OK;
}

/* ---- the object ---- */

static const struct mode *
mode_of(const struct cipher *c)
{
	static const struct mode modes[] = {
		[CIPHER_CHACHAPOLY] = { chacha_peek, chacha_open, chacha_seal },
		[CIPHER_GCM] = { peek_clear, gcm_open, gcm_seal },
		[CIPHER_CTR] = { ctr_peek, ctr_open, ctr_seal },
	};
	static const struct mode etm = { peek_clear, etm_open, etm_seal };

	return c->mac != NULL && c->mac->etm ? &etm : &modes[c->alg->kind];
}

static bool
cipher_set_keys(struct cipher *c, const uint8_t *key, const uint8_t *iv,
    const uint8_t *mac_key)
{
	const struct cipher_alg *alg = c->alg;

	switch (alg->kind) {
	case CIPHER_CHACHAPOLY:
		memcpy(c->key, key, sizeof(c->key));
		return true;
	case CIPHER_GCM:
		memcpy(c->iv, iv, sizeof(c->iv));
		c->gcm = prim_gcm_new(key, alg->key_len);
		return c->gcm != NULL;
	case CIPHER_CTR:
		if (c->mac == NULL || mac_key == NULL)
			return false;
		c->ctr = prim_ctr_new(key, alg->key_len, iv);
		c->hmac = prim_hmac_new(c->mac->hash, mac_key,
		    c->mac->key_len);
		return c->ctr != NULL && c->hmac != NULL;
	default:
		return false;
	}
}

struct cipher *
cipher_new(const struct cipher_alg *alg, bool seal, const uint8_t *key,
    const uint8_t *iv, const struct mac_alg *mac, const uint8_t *mac_key)
{
	struct cipher *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->alg = alg;
	c->mac = alg->tag_len == 0 ? mac : NULL;
	c->seal = seal;
	if (!cipher_set_keys(c, key, iv, mac_key))
		cipher_free(&c);
	return c;
}

void
cipher_free(struct cipher **c)
{
	if (*c == NULL)
		return;
	prim_gcm_free(&(*c)->gcm);
	prim_ctr_free(&(*c)->ctr);
	prim_hmac_free(&(*c)->hmac);
	wipe(*c, sizeof(**c));
	free(*c);
	*c = NULL;
}

size_t
cipher_overhead(const struct cipher *c)
{
	return c->mac != NULL ? c->mac->len : c->alg->tag_len;
}

bool
cipher_length_is_aad(const struct cipher *c)
{
	return c->mac == NULL || c->mac->etm;
}

size_t
cipher_peek_need(const struct cipher *c)
{
	return cipher_length_is_aad(c) ? 4 : CTR_BLOCK;
}

enum err
cipher_peek_length(struct cipher *c, uint32_t seq, uint8_t *p,
    uint32_t *len_out)
{
	if (c->seal)
		return ERR_CRYPTO;
	return mode_of(c)->peek(c, seq, p, len_out);
}

/* A counter must stand at the edge of a block when the next packet begins:
 * the caller has refused any other length before. */
static bool
cipher_length_fits(const struct cipher *c, uint32_t len)
{
	size_t n = len;

	if (c->mac == NULL)
		return true;
	if (!c->mac->etm)
		n += 4;
	return n >= CTR_BLOCK && n % CTR_BLOCK == 0;
}

enum err
cipher_open(struct cipher *c, uint32_t seq, uint8_t *p, uint32_t len)
{
	if (c->seal || !cipher_length_fits(c, len))
		return ERR_CRYPTO;
	return mode_of(c)->open(c, seq, p, len);
}

enum err
cipher_seal(struct cipher *c, uint32_t seq, uint8_t *p, uint32_t len)
{
	if (!c->seal || !cipher_length_fits(c, len))
		return ERR_CRYPTO;
	return mode_of(c)->seal(c, seq, p, len);
}
