#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto_prim.h"
#include "tests/unit/vectors.h"

#define assert_view(a, b)	assert_true(view_eq((a), (b)))

/* ---- the library's allocator, made to fail ----
 * BoringSSL looks these three up at run time. */

#define EXPORT __attribute__((visibility("default")))
EXPORT void *OPENSSL_memory_alloc(size_t n);
EXPORT void OPENSSL_memory_free(void *p);
EXPORT size_t OPENSSL_memory_get_size(void *p);

static long alloc_count, alloc_fail_at = -1;

void *
OPENSSL_memory_alloc(size_t n)
{
	size_t *p;

	if (alloc_fail_at >= 0 && alloc_count++ == alloc_fail_at)
		return NULL;
	if ((p = malloc(n + 16)) == NULL)
		return NULL;
	*p = n;
	return (uint8_t *)p + 16;
}

void
OPENSSL_memory_free(void *p)
{
	if (p != NULL)
		free((uint8_t *)p - 16);
}

size_t
OPENSSL_memory_get_size(void *p)
{
	return p != NULL ? *(size_t *)(void *)((uint8_t *)p - 16) : 0;
}

/* ---- base64 ---- */

static void
check_base64(const char *plain, const char *text)
{
	struct wr w = wr_new(64), e = wr_new(64);

	assert_true(crypto_base64_decode(view_str(text), &w));
	assert_view(wr_view(&w), view_str(plain));
	crypto_base64_encode(view_str(plain), &e);
	assert_view(wr_view(&e), view_str(text));
	wr_free(&w);
	wr_free(&e);
}

static void
base64_rfc4648(void **state)
{
	(void)state;
	check_base64("", "");
	check_base64("f", "Zg==");
	check_base64("fo", "Zm8=");
	check_base64("foo", "Zm9v");
	check_base64("foob", "Zm9vYg==");
	check_base64("fooba", "Zm9vYmE=");
	check_base64("foobar", "Zm9vYmFy");
}

static void
base64_refuses(void **state)
{
	static const char *const bad[] = {
		"Z", "Zg", "Zg=", "Zg=v", "=Zg=", "====", "Z===", "Zg==Zg==",
		"Zm9v\n", " Zm9v", "Zm 9", "Zm-v", "Zm_v", "Zh==", "Zm9=",
		"Zm9vZg=", "Zm9v====", "Zm9v=", "A===", "\xc3\xa9zz",
	};
	struct wr w = wr_new(64);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (crypto_base64_decode(view_str(bad[i]), &w))
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(wr_size(&w), 0);
		assert_false(w.bad);
	}
	assert_false(crypto_base64_decode(view_of("Zm\0v", 4), &w));
	wr_free(&w);
}

/* Every byte in every place is a digit exactly if the alphabet has it. */
static void
base64_alphabet(void **state)
{
	const char *alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
	    "qrstuvwxyz0123456789+/";
	struct wr w = wr_new(64);

	(void)state;
	for (unsigned c = 0; c < 256; c++)
		for (size_t at = 0; at < 4; at++) {
			uint8_t text[] = { 'A', 'A', 'A', 'A' };
			const char *p = c != 0 ? strchr(alphabet, (int)c) :
			    NULL;
			bool pad = c == '=' && at == 3;

			text[at] = (uint8_t)c;
			wr_reset(&w);
			assert_int_equal(crypto_base64_decode(
			    view_of(text, 4), &w), p != NULL || pad);
			if (p == NULL)
				continue;
			unsigned v = (unsigned)(p - alphabet) <<
			    (6 * (3 - at));
			uint8_t want[] = { (uint8_t)(v >> 16),
			    (uint8_t)(v >> 8), (uint8_t)v };
			assert_view(wr_view(&w), view_of(want, 3));
		}
	wr_free(&w);
}

static void
base64_limits_and_random(void **state)
{
	struct wr small = wr_new(5), text = wr_new(1000), back = wr_new(1000);
	uint8_t bytes[300];

	(void)state;
	assert_false(crypto_base64_decode(view_str("Zm9vYmFy"), &small));
	assert_true(small.bad);
	wr_reset(&small);
	crypto_base64_encode(view_str("foob"), &small);
	assert_true(small.bad);
	for (size_t n = 0; n < sizeof(bytes); n++) {
		crypto_random(bytes, n);
		wr_reset(&text);
		wr_reset(&back);
		crypto_base64_encode(view_of(bytes, n), &text);
		assert_int_equal(wr_size(&text), (n + 2) / 3 * 4);
		assert_true(crypto_base64_decode(wr_view(&text), &back));
		assert_view(wr_view(&back), view_of(bytes, n));
	}
	wr_free(&small);
	wr_free(&text);
	wr_free(&back);
}

/* ---- small things ---- */

static void
equal_and_mpint(void **state)
{
	struct view v;

	(void)state;
	assert_true(crypto_equal(hex(""), hex("")));
	assert_true(crypto_equal(hex("0102"), hex("0102")));
	assert_false(crypto_equal(hex("0102"), hex("0103")));
	assert_false(crypto_equal(hex("0102"), hex("01")));

	assert_true(crypto_mpint(hex(""), &v));
	assert_int_equal(v.n, 0);
	assert_true(crypto_mpint(hex("7f"), &v));
	assert_true(crypto_mpint(hex("00ff01"), &v));
	assert_view(v, hex("ff01"));
	assert_false(crypto_mpint(hex("80"), &v));
	assert_false(crypto_mpint(hex("00"), &v));
	assert_false(crypto_mpint(hex("007f"), &v));
	assert_false(crypto_mpint(hex("0000ff"), &v));
}

static enum hash_alg
hash_named(const char *name)
{
	static const char *const names[] = { "md5", "sha1", "sha256",
	    "sha384", "sha512" };

	for (size_t i = 0; i < 5; i++)
		if (strcmp(name, names[i]) == 0)
			return (enum hash_alg)i;
	fail_msg("no hash %s", name);
	return HASH_MD5;
}

static void
hash_vector(const struct vector *v)
{
	enum hash_alg alg = hash_named(vector_word(v, "hash"));
	struct view in = vector_bytes(v, "in");
	uint8_t out[HASH_MAX];
	struct hash *h;

	assert_true(hash_once(alg, in, out));
	assert_view(view_of(out, hash_len(alg)), vector_bytes(v, "out"));
	assert_non_null(h = hash_new(alg));
	for (size_t i = 0; i < in.n; i++)
		assert_true(hash_update(h, view_of(in.p + i, 1)));
	memset(out, 0, sizeof(out));
	assert_true(hash_final(&h, out));
	assert_null(h);
	assert_view(view_of(out, hash_len(alg)), vector_bytes(v, "out"));
	assert_false(hash_final(&h, out));
	assert_false(hash_update(NULL, in));
}

static void
hashes(void **state)
{
	(void)state;
	vectors_each("hash.txt", hash_vector);
}

static void
hmac_vector(const struct vector *v)
{
	enum hash_alg alg = hash_named(vector_word(v, "hash"));
	struct view key = vector_bytes(v, "key"), in = vector_bytes(v, "in");
	struct prim_hmac *h = prim_hmac_new(alg, key.p, key.n);
	uint8_t out[HASH_MAX];

	assert_non_null(h);
	for (size_t cut = 0; cut <= in.n; cut++) {
		assert_true(prim_hmac(h, view_of(in.p, cut),
		    view_of(in.p + cut, in.n - cut), out));
		assert_view(view_of(out, hash_len(alg)),
		    vector_bytes(v, "mac"));
	}
	prim_hmac_free(&h);
	assert_null(h);
}

static void
hmacs(void **state)
{
	(void)state;
	vectors_each("hmac.txt", hmac_vector);
}

/* ---- ciphers ---- */

static void
chacha_vector(const struct vector *v)
{
	struct view in = vector_bytes(v, "in");
	uint8_t out[256];

	prim_chacha20(out, in.p, in.n, vector_bytes(v, "key").p,
	    vector_bytes(v, "nonce").p,
	    get_u32(vector_bytes(v, "counter").p));
	assert_view(view_of(out, in.n), vector_bytes(v, "out"));
}

static void
poly_vector(const struct vector *v)
{
	uint8_t tag[16];

	prim_poly1305(tag, vector_bytes(v, "key").p, vector_bytes(v, "in"));
	assert_view(view_of(tag, 16), vector_bytes(v, "tag"));
}

static void
gcm_vector(const struct vector *v)
{
	struct view key = vector_bytes(v, "key"), in = vector_bytes(v, "in");
	struct view aad = vector_bytes(v, "aad");
	const uint8_t *nonce = vector_bytes(v, "nonce").p;
	struct prim_gcm *g = prim_gcm_new(key.p, key.n);
	uint8_t buf[256], tag[16];

	assert_non_null(g);
	if (in.n != 0)
		memcpy(buf, in.p, in.n);
	assert_true(prim_gcm_seal(g, nonce, aad, buf, in.n, tag));
	assert_view(view_of(buf, in.n), vector_bytes(v, "out"));
	assert_view(view_of(tag, 16), vector_bytes(v, "tag"));
	assert_true(prim_gcm_open(g, nonce, aad, buf, in.n, tag));
	assert_view(view_of(buf, in.n), in);
	tag[15] ^= 1;
	assert_false(prim_gcm_open(g, nonce, aad, buf, in.n, tag));
	prim_gcm_free(&g);
	assert_null(prim_gcm_new(key.p, 24));
}

/* The counter runs on through pieces of any size. */
static void
ctr_vector(const struct vector *v)
{
	struct view key = vector_bytes(v, "key"), in = vector_bytes(v, "in");
	uint8_t buf[256];

	for (size_t step = 1; step <= in.n; step++) {
		struct prim_ctr *c = prim_ctr_new(key.p, key.n,
		    vector_bytes(v, "iv").p);

		assert_non_null(c);
		memcpy(buf, in.p, in.n);
		for (size_t at = 0; at < in.n; at += step)
			prim_ctr_xor(c, buf + at,
			    in.n - at < step ? in.n - at : step);
		assert_view(view_of(buf, in.n), vector_bytes(v, "out"));
		prim_ctr_free(&c);
	}
	assert_null(prim_ctr_new(key.p, 15, key.p));
}

static void
cipher_primitives(void **state)
{
	(void)state;
	vectors_each("chacha20.txt", chacha_vector);
	vectors_each("poly1305.txt", poly_vector);
	vectors_each("aes_gcm.txt", gcm_vector);
	vectors_each("aes_ctr.txt", ctr_vector);
}

static void
ssh_chacha_vector(const struct vector *v)
{
	const struct cipher_alg *alg = cipher_alg_find(view_str(
	    "chacha20-poly1305@openssh.com"));
	const uint8_t *key = vector_bytes(v, "key").p;
	uint32_t seq = get_u32(vector_bytes(v, "seq").p), len;
	struct view in = vector_bytes(v, "in"), out = vector_bytes(v, "out");
	struct cipher *s = cipher_new(alg, true, key, NULL, NULL, NULL);
	struct cipher *o = cipher_new(alg, false, key, NULL, NULL, NULL);
	uint8_t buf[256];

	memcpy(buf, in.p, in.n);
	assert_int_equal(cipher_seal(s, seq, buf, (uint32_t)in.n - 4), OK);
	assert_view(view_of(buf, in.n + 16), out);
	assert_int_equal(cipher_peek_length(o, seq, buf, &len), OK);
	assert_int_equal(len, in.n - 4);
	assert_int_equal(cipher_open(o, seq, buf, len), OK);
	assert_view(view_of(buf + 4, in.n - 4),
	    view_of(in.p + 4, in.n - 4));
	cipher_free(&s);
	cipher_free(&o);
	assert_null(o);
}

static void
chacha_packet(void **state)
{
	(void)state;
	vectors_each("ssh_chacha20_poly1305.txt", ssh_chacha_vector);
}

/* A pair of objects with the same random keys. */
struct pair {
	const struct cipher_alg *alg;
	const struct mac_alg *mac;
	uint8_t key[64], iv[16], mac_key[64];
	struct cipher *seal, *open;
};

static void
pair_make(struct pair *p, struct view cipher, struct view mac)
{
	p->alg = cipher_alg_find(cipher);
	assert_non_null(p->alg);
	p->mac = p->alg->tag_len == 0 ? mac_alg_find(mac) : NULL;
	crypto_random(p->key, sizeof(p->key));
	crypto_random(p->iv, sizeof(p->iv));
	crypto_random(p->mac_key, sizeof(p->mac_key));
	p->seal = cipher_new(p->alg, true, p->key, p->iv, p->mac, p->mac_key);
	p->open = cipher_new(p->alg, false, p->key, p->iv, p->mac,
	    p->mac_key);
	assert_non_null(p->seal);
	assert_non_null(p->open);
}

static void
pair_free(struct pair *p)
{
	cipher_free(&p->seal);
	cipher_free(&p->open);
}

/* Length field of a legal packet near n bytes. */
static uint32_t
legal_len(const struct pair *p, uint32_t n)
{
	uint32_t block = (uint32_t)p->alg->block;
	uint32_t outside = cipher_length_is_aad(p->seal) ? 0 : 4;

	return (n + block) / block * block + block - outside;
}

#define PACKET_MAX	(40000 + 4 + 64)

/* Random bytes under a length field; plain gets a copy. */
static void
packet_make(uint8_t *buf, uint8_t *plain, uint32_t len)
{
	put_u32(buf, len);
	crypto_random(buf + 4, len);
	memcpy(plain, buf, len + 4);
}

static enum err
packet_open(struct pair *p, uint32_t seq, uint8_t *buf, uint32_t len)
{
	uint32_t got = 0;
	enum err err = cipher_peek_length(p->open, seq, buf, &got);

	if (err != OK || got != len)
		return ERR_PROTO;
	return cipher_open(p->open, seq, buf, len);
}

static void
round_trip(struct view cipher, struct view mac)
{
	static const uint32_t sizes[] = { 0, 1, 16, 100, 1000, 32768, 5 };
	static uint8_t buf[PACKET_MAX], plain[PACKET_MAX];
	struct pair p;

	pair_make(&p, cipher, mac);
	assert_int_equal(cipher_overhead(p.seal), p.mac != NULL ?
	    p.mac->len : 16);
	for (uint32_t i = 0; i < 7; i++) {
		uint32_t len = legal_len(&p, sizes[i]), seq = 0xfffffffd + i;

		packet_make(buf, plain, len);
		assert_int_equal(cipher_seal(p.seal, seq, buf, len), OK);
		assert_memory_not_equal(buf + 4, plain + 4, len);
		assert_int_equal(packet_open(&p, seq, buf, len), OK);
		assert_memory_equal(buf + 4, plain + 4, len);
	}
	pair_free(&p);
}

/* Any bit of the packet or its MAC, or another sequence number. */
static void
forgeries(struct view cipher, struct view mac)
{
	static uint8_t buf[PACKET_MAX], plain[PACKET_MAX];
	uint32_t len, size;
	struct pair p;

	pair_make(&p, cipher, mac);
	len = legal_len(&p, 20);
	size = len + 4 + (uint32_t)cipher_overhead(p.seal);
	pair_free(&p);
	for (uint32_t bit = 0; bit < size * 8; bit++) {
		pair_make(&p, cipher, mac);
		packet_make(buf, plain, len);
		assert_int_equal(cipher_seal(p.seal, 7, buf, len), OK);
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(packet_open(&p, 7, buf, len), OK);
		pair_free(&p);
	}
	pair_make(&p, cipher, mac);
	packet_make(buf, plain, len);
	assert_int_equal(cipher_seal(p.seal, 7, buf, len), OK);
	if (view_is(cipher, "aes128-gcm@openssh.com") ||
	    view_is(cipher, "aes256-gcm@openssh.com"))
		assert_int_equal(cipher_seal(p.seal, 8, buf, len), OK);
	assert_int_not_equal(packet_open(&p, 8, buf, len), OK);
	pair_free(&p);
}

static void
each_pair(void (*fn)(struct view cipher, struct view mac))
{
	struct view ciphers = view_str(cipher_alg_list()), cipher;

	while (namelist_next(&ciphers, &cipher)) {
		struct view macs = view_str(mac_alg_list()), mac;

		while (namelist_next(&macs, &mac)) {
			fn(cipher, mac);
			if (cipher_alg_find(cipher)->tag_len != 0)
				break;
		}
	}
}

static void
cipher_round_trips(void **state)
{
	(void)state;
	each_pair(round_trip);
}

static void
cipher_forgeries(void **state)
{
	(void)state;
	each_pair(forgeries);
}

/* The composition of CTR and HMAC, told once more from the RFCs. */
static void
ctr_composition(struct view cipher, struct view mac)
{
	static uint8_t buf[PACKET_MAX], plain[PACKET_MAX], want[PACKET_MAX];
	uint8_t seq[4] = { 0, 0, 0, 9 }, out[HASH_MAX];
	struct prim_hmac *h;
	struct prim_ctr *c;
	struct pair p;
	uint32_t len;

	pair_make(&p, cipher, mac);
	if (p.mac == NULL) {
		pair_free(&p);
		return;
	}
	len = legal_len(&p, 100);
	packet_make(buf, plain, len);
	memcpy(want, plain, len + 4);
	h = prim_hmac_new(p.mac->hash, p.mac_key, p.mac->key_len);
	c = prim_ctr_new(p.key, p.alg->key_len, p.iv);
	if (p.mac->etm)
		prim_ctr_xor(c, want + 4, len);
	assert_true(prim_hmac(h, view_of(seq, 4), view_of(want, len + 4),
	    out));
	if (!p.mac->etm)
		prim_ctr_xor(c, want, len + 4);
	assert_int_equal(cipher_seal(p.seal, 9, buf, len), OK);
	assert_memory_equal(buf, want, len + 4);
	assert_memory_equal(buf + 4 + len, out, p.mac->len);
	assert_int_equal(cipher_peek_need(p.open), p.mac->etm ? 4 : 16);
	prim_hmac_free(&h);
	prim_ctr_free(&c);
	pair_free(&p);
}

static void
cipher_ctr_composition(void **state)
{
	(void)state;
	each_pair(ctr_composition);
}

/* RFC 5647 7.1: the counter is the last 8 bytes and carries. */
static void
gcm_counter_carries(void **state)
{
	const struct cipher_alg *alg = cipher_alg_find(view_str(
	    "aes128-gcm@openssh.com"));
	struct view iv = hex("aabbccdd00000000ffffffff"), in = hex(
	    "00000010000102030405060708090a0b0c0d0e0f");
	struct view next = hex("aabbccdd0000000100000000");
	struct view wrap = hex("aabbccddffffffffffffffff");
	struct view zero = hex("aabbccdd0000000000000000");
	uint8_t key[16] = { 1 }, a[64], b[64], tag[16];
	struct cipher *c = cipher_new(alg, true, key, iv.p, NULL, NULL);
	struct prim_gcm *g = prim_gcm_new(key, 16);

	(void)state;
	memcpy(a, in.p, in.n);
	assert_int_equal(cipher_seal(c, 0, a, 16), OK);
	memcpy(a, in.p, in.n);
	assert_int_equal(cipher_seal(c, 1, a, 16), OK);
	memcpy(b, in.p, in.n);
	assert_true(prim_gcm_seal(g, next.p, view_of(b, 4), b + 4, 16, tag));
	assert_memory_equal(a, b, 20);
	assert_memory_equal(a + 20, tag, 16);
	cipher_free(&c);

	c = cipher_new(alg, true, key, wrap.p, NULL, NULL);
	assert_int_equal(cipher_seal(c, 0, a, 16), OK);
	memcpy(a, in.p, in.n);
	assert_int_equal(cipher_seal(c, 1, a, 16), OK);
	memcpy(b, in.p, in.n);
	assert_true(prim_gcm_seal(g, zero.p, view_of(b, 4), b + 4, 16, tag));
	assert_memory_equal(a, b, 20);
	cipher_free(&c);
	prim_gcm_free(&g);
}

static void
cipher_misuse(void **state)
{
	uint8_t buf[256] = { 0 };
	struct pair p;
	uint32_t len;

	(void)state;
	pair_make(&p, view_str("aes128-ctr"), view_str("hmac-sha2-256"));
	assert_int_equal(cipher_seal(p.open, 0, buf, 28), ERR_CRYPTO);
	assert_int_equal(cipher_open(p.seal, 0, buf, 28), ERR_CRYPTO);
	assert_int_equal(cipher_peek_length(p.seal, 0, buf, &len),
	    ERR_CRYPTO);
	assert_int_equal(cipher_seal(p.seal, 0, buf, 29), ERR_CRYPTO);
	assert_int_equal(cipher_seal(p.seal, 0, buf, 0), ERR_CRYPTO);
	assert_int_equal(cipher_open(p.open, 0, buf, 0), ERR_CRYPTO);
	/* a second look at the length does no harm */
	put_u32(buf, 28);
	assert_int_equal(cipher_seal(p.seal, 0, buf, 28), OK);
	assert_int_equal(cipher_peek_length(p.open, 0, buf, &len), OK);
	assert_int_equal(cipher_peek_length(p.open, 0, buf, &len), OK);
	assert_int_equal(len, 28);
	assert_int_equal(cipher_open(p.open, 0, buf, 28), OK);
	pair_free(&p);
	pair_make(&p, view_str("aes128-ctr"),
	    view_str("hmac-sha2-256-etm@openssh.com"));
	assert_int_equal(cipher_seal(p.seal, 0, buf, 20), ERR_CRYPTO);
	assert_int_equal(cipher_seal(p.seal, 0, buf, 0), ERR_CRYPTO);
	pair_free(&p);
	/* CTR needs a MAC */
	assert_null(cipher_new(cipher_alg_find(view_str("aes128-ctr")), true,
	    p.key, p.iv, NULL, NULL));
}

/* ---- key exchange ---- */

static void
x25519_vector(const struct vector *v)
{
	uint8_t out[32];

	assert_true(prim_x25519(out, vector_bytes(v, "scalar").p,
	    vector_bytes(v, "u").p));
	assert_view(view_of(out, 32), vector_bytes(v, "out"));
}

static void
small_order_vector(const struct vector *v)
{
	struct wr pub = wr_new(1000), k = wr_new(1000);

	assert_int_equal(kex_respond(kex_alg_find(view_str(
	    "curve25519-sha256")), vector_bytes(v, "u"), &pub, &k),
	    ERR_PROTO);
	assert_int_equal(wr_size(&k), 0);
	wr_free(&pub);
	wr_free(&k);
}

static enum pkey_kind
curve_named(const char *name)
{
	return strcmp(name, "p256") == 0 ? PKEY_P256 :
	    strcmp(name, "p384") == 0 ? PKEY_P384 : PKEY_P521;
}

static void
ecdh_vector(const struct vector *v)
{
	enum pkey_kind kind = curve_named(vector_word(v, "curve"));
	struct wr out = wr_new(1000);
	struct pkey *gen, *k;

	if (!vector_has(v, "public")) {
		/* only the peer's half is published: take our point from
		 * the library, by way of DER */
		struct view s = vector_bytes(v, "private");
		uint8_t der[] = { 0x30, 0x50, 2, 1, 1, 4, 0x42 };
		struct wr w = wr_new(1000);

		assert_int_equal(s.n, 66);
		wr_bytes(&w, view_of(der, sizeof(der)));
		wr_bytes(&w, s);
		wr_bytes(&w, hex("a00706052b81040023"));
		k = pkey_from_der(view_str("EC PRIVATE KEY"), wr_view(&w));
		wr_free(&w);
	} else
		k = pkey_ec(kind, vector_bytes(v, "public"),
		    vector_bytes(v, "private"));
	assert_non_null(k);
	assert_int_equal(pkey_ecdh(k, vector_bytes(v, "peer"), &out), OK);
	assert_view(wr_view(&out), vector_bytes(v, "shared"));
	/* a scalar of another point does not fit */
	gen = pkey_generate(kind, 0);
	wr_reset(&out);
	pkey_public(gen, &out, NULL);
	assert_null(pkey_ec(kind, wr_view(&out), vector_bytes(v,
	    "private")));
	pkey_free(&gen);
	pkey_free(&k);
	wr_free(&out);
}

static void
modp_vector(const struct vector *v)
{
	const uint8_t *exp = vector_bytes(v, "exponent").p;
	struct wr out = wr_new(1000);

	assert_int_equal(prim_modp_public(exp, &out), OK);
	assert_view(wr_view(&out), vector_bytes(v, "public"));
	wr_reset(&out);
	assert_int_equal(prim_modp_shared(exp, vector_bytes(v, "peer"), &out),
	    OK);
	assert_view(wr_view(&out), vector_bytes(v, "shared"));
	wr_free(&out);
}

static void
kex_primitives(void **state)
{
	(void)state;
	vectors_each("x25519.txt", x25519_vector);
	vectors_each("x25519_small_order.txt", small_order_vector);
	vectors_each("ecdh.txt", ecdh_vector);
	vectors_each("modp2048.txt", modp_vector);
}

/* Both halves of a method; false if either fails. */
static bool
kex_both(const struct kex_alg *alg)
{
	struct wr e = wr_new(1000), f = wr_new(1000);
	struct wr k1 = wr_new(1000), k2 = wr_new(1000);
	struct kex_init *init = NULL;
	bool ok = false;
	struct view num;
	struct rd r;

	if (kex_init_start(alg, &init, &e) != OK ||
	    kex_respond(alg, wr_view(&e), &f, &k1) != OK ||
	    kex_init_finish(init, wr_view(&f), &k2) != OK)
		goto out;
	assert_view(wr_view(&k1), wr_view(&k2));
	r = rd_of(wr_view(&k1));
	num = rd_str(&r);
	assert_true(rd_done(&r));
	assert_true(crypto_mpint(num, &num));
	assert_true(num.n > 16);
	if (kex_pub_is_mpint(alg)) {
		assert_true(crypto_mpint(wr_view(&e), &num));
		assert_true(crypto_mpint(wr_view(&f), &num));
	}
	ok = true;
out:
	kex_init_free(&init);
	wr_free(&e);
	wr_free(&f);
	wr_free(&k1);
	wr_free(&k2);
	return ok;
}

static void
kex_methods(void **state)
{
	struct view list = view_str(kex_alg_list()), name;
	size_t n = 0;

	(void)state;
	while (namelist_next(&list, &name)) {
		const struct kex_alg *alg = kex_alg_find(name);

		assert_non_null(alg);
		assert_view(view_str(alg->name), name);
		for (int i = 0; i < 8; i++)
			assert_true(kex_both(alg));
		n++;
	}
	assert_int_equal(n, 6);
	assert_null(kex_alg_find(view_str("curve25519-sha256@")));
	assert_null(kex_alg_find(view_str("diffie-hellman-group1-sha1")));
	assert_null(kex_alg_find(view_str("")));
}

static void
refused(const char *method, struct view peer)
{
	struct wr pub = wr_new(1000), k = wr_new(1000);

	assert_int_equal(kex_respond(kex_alg_find(view_str(method)), peer,
	    &pub, &k), ERR_PROTO);
	assert_int_equal(wr_size(&k), 0);
	wr_free(&pub);
	wr_free(&k);
}

static void
kex_refuses_points(void **state)
{
	static const char *const curves[] = { "ecdh-sha2-nistp256",
	    "ecdh-sha2-nistp384", "ecdh-sha2-nistp521" };
	struct wr pub = wr_new(1000), k = wr_new(1000);
	uint8_t point[300];
	size_t n;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct kex_init *init;

		wr_reset(&pub);
		assert_int_equal(kex_init_start(kex_alg_find(view_str(
		    curves[i])), &init, &pub), OK);
		kex_init_free(&init);
		n = wr_size(&pub);
		memcpy(point, wr_view(&pub).p, n);
		refused(curves[i], view_of(point, 0));
		refused(curves[i], hex("00"));
		refused(curves[i], view_of(point, n - 1));
		point[n] = 0;
		refused(curves[i], view_of(point, n + 1));
		point[n - 1] ^= 1;
		refused(curves[i], view_of(point, n));
		point[n - 1] ^= 1;
		point[0] = 2 | (point[n - 1] & 1);
		refused(curves[i], view_of(point, n));
		refused(curves[i], view_of(point, 1 + n / 2));
		point[0] = 6 | (point[n - 1] & 1);	/* hybrid */
		refused(curves[i], view_of(point, n));
		memset(point, 0, n);
		refused(curves[i], view_of(point, n));
		point[0] = 4;
		refused(curves[i], view_of(point, n));
		/* coordinates that are not reduced */
		memset(point + 1, 0xff, n - 1);
		refused(curves[i], view_of(point, n));
		/* another curve's point */
		refused(curves[(i + 1) % 3], wr_view(&pub));
	}
	refused("curve25519-sha256", hex(""));
	memset(point, 9, sizeof(point));
	refused("curve25519-sha256", view_of(point, 31));
	refused("curve25519-sha256", view_of(point, 33));
	wr_free(&pub);
	wr_free(&k);
}

static void
kex_refuses_numbers(void **state)
{
	const char *dh = "diffie-hellman-group14-sha256";
	uint8_t p[258] = { 0 };
	struct view prime = hex("00ffffffffffffffffc90fdaa22168c234c4c6628b80"
	    "dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd"
	    "3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a6"
	    "37ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ec"
	    "e45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dc"
	    "a3ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca"
	    "18217c32905e462e36ce3be39e772c180e86039b2783a2ec07a28fb5c55df06f"
	    "4c52c9de2bcbf6955817183995497cea956ae515d2261898fa051015728e5a8a"
	    "acaa68ffffffffffffffff");

	(void)state;
	assert_int_equal(prime.n, 257);
	refused(dh, hex(""));			/* 0 */
	refused(dh, hex("00"));
	refused(dh, hex("01"));			/* 1 */
	refused(dh, hex("ff"));			/* negative */
	refused(dh, hex("0002"));		/* needless zero */
	refused(dh, prime);			/* p */
	memcpy(p, prime.p, prime.n);
	p[256] = 0xfe;
	refused(dh, view_of(p, 257));		/* p - 1 */
	refused(dh, view_of(p + 1, 256));	/* negative */
	memset(p + 1, 0xff, 256);
	refused(dh, view_of(p, 257));		/* above p, same length */
	p[0] = 1;
	refused(dh, view_of(p, 258));		/* longer */
	refused(dh, view_of(p, 257));
}

/* ---- tables ---- */

static void
tables(void **state)
{
	struct view list = view_str(cipher_alg_list()), name;
	size_t n = 0;

	(void)state;
	for (; namelist_next(&list, &name); n++) {
		const struct cipher_alg *c = cipher_alg_find(name);

		assert_non_null(c);
		assert_view(view_str(c->name), name);
		assert_true(c->block >= 8 && c->key_len <= 64 &&
		    c->iv_len <= 16);
	}
	assert_int_equal(n, 6);
	list = view_str(mac_alg_list());
	for (n = 0; namelist_next(&list, &name); n++) {
		const struct mac_alg *m = mac_alg_find(name);

		assert_non_null(m);
		assert_view(view_str(m->name), name);
		assert_int_equal(m->len, hash_len(m->hash));
	}
	assert_int_equal(n, 4);
	assert_null(cipher_alg_find(view_str("aes128-cbc")));
	assert_null(mac_alg_find(view_str("hmac-sha1")));
	assert_int_equal(hash_len((enum hash_alg)99), 0);
}

/* ---- public keys ---- */

static void
ed25519_vector(const struct vector *v)
{
	struct view pub = vector_bytes(v, "public");
	struct view in = vector_bytes(v, "in"), none = hex("");
	struct pkey *k = pkey_ed25519(pub, vector_bytes(v, "seed"));
	struct pkey *only = pkey_ed25519(pub, none);
	struct wr sig = wr_new(100);
	uint8_t other[32];

	assert_non_null(k);
	assert_non_null(only);
	assert_int_equal(pkey_sign(k, HASH_SHA512, in, &sig, NULL), OK);
	assert_view(wr_view(&sig), vector_bytes(v, "sig"));
	assert_int_equal(pkey_verify(only, HASH_SHA512, in, wr_view(&sig),
	    none), OK);
	assert_int_equal(pkey_sign(only, HASH_SHA512, in, &sig, NULL),
	    ERR_DENIED);
	for (size_t i = 0; i < 64; i++) {
		sig.base[i] ^= 4;
		assert_int_equal(pkey_verify(only, HASH_SHA512, in,
		    wr_view(&sig), none), ERR_DENIED);
		sig.base[i] ^= 4;
	}
	assert_int_equal(pkey_verify(only, HASH_SHA512, in,
	    view_of(sig.base, 63), none), ERR_DENIED);
	memcpy(other, pub.p, 32);
	other[5] ^= 1;
	assert_null(pkey_ed25519(view_of(other, 32),
	    vector_bytes(v, "seed")));
	assert_null(pkey_ed25519(view_of(other, 31), none));
	pkey_free(&k);
	pkey_free(&only);
	wr_free(&sig);
}

static void
ed25519(void **state)
{
	(void)state;
	vectors_each("ed25519.txt", ed25519_vector);
}

static void
rsa_shapes(void **state)
{
	uint8_t n[2049], small[128];

	(void)state;
	memset(n, 0xff, sizeof(n));
	memset(small, 0xff, sizeof(small));
	/* sizes and exponents */
	assert_null(pkey_rsa_public(view_of(small, 127), hex("010001")));
	assert_null(pkey_rsa_public(view_of(n, 2049), hex("010001")));
	assert_null(pkey_rsa_public(view_of(n, 256), hex("01")));
	assert_null(pkey_rsa_public(view_of(n, 256), hex("")));
	assert_null(pkey_rsa_public(view_of(n, 256), hex("02")));
	assert_null(pkey_rsa_public(view_of(n, 256), hex("010000")));
	assert_null(pkey_rsa_public(view_of(n, 256),
	    hex("010000000000000001")));
	n[255] = 0xfe;
	assert_null(pkey_rsa_public(view_of(n, 256), hex("010001")));
	n[255] = 0xff;
	assert_null(pkey_rsa_public(view_of(n, 0), hex("010001")));
	for (size_t i = 0; i < 3; i++) {
		static const size_t sizes[] = { 128, 256, 2048 };
		struct pkey *k = pkey_rsa_public(view_of(n, sizes[i]),
		    hex("010001"));

		assert_non_null(k);
		assert_int_equal(pkey_bits(k), sizes[i] * 8);
		/* any signature of any size is just refused */
		assert_int_equal(pkey_verify(k, HASH_SHA256, hex("01"),
		    view_of(n, sizes[i] - 1), hex("")), ERR_DENIED);
		small[0] = 1;
		assert_int_equal(pkey_verify(k, HASH_SHA256, hex("01"),
		    view_of(n, sizes[i]), hex("")), ERR_DENIED);
		pkey_free(&k);
	}
}

static void
weak_hashes_do_not_sign(void **state)
{
	struct pkey *k = pkey_generate(PKEY_P256, 0);
	struct wr a = wr_new(100), b = wr_new(100);

	(void)state;
	assert_non_null(k);
	assert_int_equal(pkey_sign(k, HASH_SHA1, hex("01"), &a, &b),
	    ERR_CRYPTO);
	assert_int_equal(pkey_sign(k, HASH_MD5, hex("01"), &a, &b),
	    ERR_CRYPTO);
	assert_int_equal(pkey_sign(k, HASH_SHA256, hex("01"), &a, &b), OK);
	assert_int_equal(pkey_verify(k, HASH_SHA256, hex("01"), wr_view(&a),
	    wr_view(&b)), OK);
	assert_int_equal(pkey_verify(k, HASH_SHA1, hex("01"), wr_view(&a),
	    wr_view(&b)), ERR_DENIED);
	assert_int_equal(pkey_verify(k, HASH_SHA256, hex("02"), wr_view(&a),
	    wr_view(&b)), ERR_DENIED);
	/* zero, and numbers longer than any curve's */
	assert_int_equal(pkey_verify(k, HASH_SHA256, hex("01"), hex(""),
	    wr_view(&b)), ERR_DENIED);
	assert_int_equal(pkey_verify(k, HASH_SHA256, hex("01"), wr_view(&a),
	    hex("")), ERR_DENIED);
	pkey_free(&k);
	wr_free(&a);
	wr_free(&b);
}

/* ---- out of memory ---- */

static bool
try_kex(void)
{
	bool all = true;
	struct view list = view_str(kex_alg_list()), name;

	while (namelist_next(&list, &name))
		all &= kex_both(kex_alg_find(name));
	return all;
}

static bool
try_cipher(void)
{
	static const char *const names[] = { "aes128-gcm@openssh.com",
	    "aes256-ctr" };
	const struct mac_alg *mac = mac_alg_find(view_str("hmac-sha2-512"));
	uint8_t key[64] = { 0 }, buf[128] = { 0 };
	bool all = true;

	for (size_t i = 0; i < 2; i++) {
		struct cipher *c = cipher_new(cipher_alg_find(view_str(
		    names[i])), true, key, key, mac, key);

		all &= c != NULL && cipher_seal(c, 0, buf, 28) == OK;
		cipher_free(&c);
	}
	return all;
}

static bool
try_hash(void)
{
	uint8_t out[HASH_MAX];
	struct hash *h = hash_new(HASH_SHA256);
	bool ok = hash_update(h, view_str("abc")) && hash_final(&h, out);

	if (ok)
		assert_memory_equal(out, hex("ba7816bf8f01cfea414140de5dae222"
		    "3b00361a396177a9cb410ff61f20015ad").p, 32);
	hash_free(&h);
	return ok;
}

static bool
try_sign(void)
{
	struct pkey *k = pkey_generate(PKEY_P256, 0);
	struct wr a = wr_new(100), b = wr_new(100);
	bool ok = k != NULL && pkey_sign(k, HASH_SHA256, view_str("x"), &a,
	    &b) == OK && pkey_verify(k, HASH_SHA256, view_str("x"),
	    wr_view(&a), wr_view(&b)) == OK;

	/* what is wrong stays wrong */
	if (k != NULL && wr_size(&a) == 32)
		assert_int_equal(pkey_verify(k, HASH_SHA256, view_str("y"),
		    wr_view(&a), wr_view(&b)), ERR_DENIED);
	pkey_free(&k);
	wr_free(&a);
	wr_free(&b);
	return ok;
}

static bool
try_rsa(void)
{
	static uint8_t n[256];
	struct pkey *k;
	bool ok;

	memset(n, 0xff, sizeof(n));
	k = pkey_rsa_public(view_of(n, sizeof(n)), hex("010001"));
	ok = k != NULL;
	if (ok)
		assert_int_equal(pkey_verify(k, HASH_SHA256, view_str("x"),
		    view_of(n, 256), hex("")), ERR_DENIED);
	pkey_free(&k);
	return ok;
}

/* Fails the library's first, second, ... allocation, until the function does
 * its work without reaching the one that would fail. */
static void
exhaust(bool (*fn)(void))
{
	long failed = 0, n;

	for (n = 0; n < 20000; n++) {
		bool ok;

		alloc_count = 0;
		alloc_fail_at = n;
		ok = fn();
		alloc_fail_at = -1;
		failed += !ok;
		if (alloc_count <= n) {
			assert_true(ok);
			break;
		}
	}
	assert_true(n < 20000);
	assert_true(failed > 0);
}

static void
out_of_memory(void **state)
{
	(void)state;
	exhaust(try_hash);
	exhaust(try_cipher);
	exhaust(try_sign);
	exhaust(try_rsa);
	exhaust(try_kex);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_rfc4648),
		cmocka_unit_test(base64_refuses),
		cmocka_unit_test(base64_alphabet),
		cmocka_unit_test(base64_limits_and_random),
		cmocka_unit_test(equal_and_mpint),
		cmocka_unit_test(hashes),
		cmocka_unit_test(hmacs),
		cmocka_unit_test(cipher_primitives),
		cmocka_unit_test(chacha_packet),
		cmocka_unit_test(cipher_round_trips),
		cmocka_unit_test(cipher_forgeries),
		cmocka_unit_test(cipher_ctr_composition),
		cmocka_unit_test(gcm_counter_carries),
		cmocka_unit_test(cipher_misuse),
		cmocka_unit_test(kex_primitives),
		cmocka_unit_test(kex_methods),
		cmocka_unit_test(kex_refuses_points),
		cmocka_unit_test(kex_refuses_numbers),
		cmocka_unit_test(tables),
		cmocka_unit_test(ed25519),
		cmocka_unit_test(rsa_shapes),
		cmocka_unit_test(weak_hashes_do_not_sign),
		cmocka_unit_test(out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
