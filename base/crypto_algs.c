/* Names of algorithms and the numbers that belong to them: no library. */
#include "base/crypto_prim.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

/* Rows in default order; the lists below repeat that order, and a unit test
 * holds the two together. */
static const struct kex_alg kex_algs[] = {
	{ "curve25519-sha256", HASH_SHA256, KEX_X25519 },
	{ "curve25519-sha256@libssh.org", HASH_SHA256, KEX_X25519 },
	{ "ecdh-sha2-nistp256", HASH_SHA256, KEX_P256 },
	{ "ecdh-sha2-nistp384", HASH_SHA384, KEX_P384 },
	{ "ecdh-sha2-nistp521", HASH_SHA512, KEX_P521 },
	{ "diffie-hellman-group14-sha256", HASH_SHA256, KEX_MODP2048 },
};

/* chacha20-poly1305: two keys of 32 bytes, no IV but the sequence number
 * (OpenSSH's PROTOCOL.chacha20poly1305).  GCM: RFC 5647 with OpenSSH's
 * negotiation.  CTR: RFC 4344. */
static const struct cipher_alg cipher_algs[] = {
	{ "chacha20-poly1305@openssh.com", 64, 0, 8, 16, CIPHER_CHACHAPOLY },
	{ "aes128-gcm@openssh.com", 16, 12, 16, 16, CIPHER_GCM },
	{ "aes256-gcm@openssh.com", 32, 12, 16, 16, CIPHER_GCM },
	{ "aes128-ctr", 16, 16, 16, 0, CIPHER_CTR },
	{ "aes192-ctr", 24, 16, 16, 0, CIPHER_CTR },
	{ "aes256-ctr", 32, 16, 16, 0, CIPHER_CTR },
};

static const struct mac_alg mac_algs[] = {
	{ "hmac-sha2-256-etm@openssh.com", 32, 32, true, HASH_SHA256 },
	{ "hmac-sha2-512-etm@openssh.com", 64, 64, true, HASH_SHA512 },
	{ "hmac-sha2-256", 32, 32, false, HASH_SHA256 },
	{ "hmac-sha2-512", 64, 64, false, HASH_SHA512 },
};

size_t
hash_len(enum hash_alg alg)
{
	static const uint8_t len[] = {
		[HASH_MD5] = 16, [HASH_SHA1] = 20, [HASH_SHA256] = 32,
		[HASH_SHA384] = 48, [HASH_SHA512] = 64,
	};

	return (unsigned)alg < COUNT(len) ? len[alg] : 0;
}

const struct kex_alg *
kex_alg_find(struct view name)
{
	for (size_t i = 0; i < COUNT(kex_algs); i++)
		if (view_is(name, kex_algs[i].name))
			return &kex_algs[i];
	return NULL;
}

const char *
kex_alg_list(void)
{
	return "curve25519-sha256,curve25519-sha256@libssh.org,"
	    "ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
	    "diffie-hellman-group14-sha256";
}

bool
kex_pub_is_mpint(const struct kex_alg *alg)
{
	return alg->group == KEX_MODP2048;
}

const struct cipher_alg *
cipher_alg_find(struct view name)
{
	for (size_t i = 0; i < COUNT(cipher_algs); i++)
		if (view_is(name, cipher_algs[i].name))
			return &cipher_algs[i];
	return NULL;
}

const char *
cipher_alg_list(void)
{
	return "chacha20-poly1305@openssh.com,aes128-gcm@openssh.com,"
	    "aes256-gcm@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr";
}

const struct mac_alg *
mac_alg_find(struct view name)
{
	for (size_t i = 0; i < COUNT(mac_algs); i++)
		if (view_is(name, mac_algs[i].name))
			return &mac_algs[i];
	return NULL;
}

const char *
mac_alg_list(void)
{
	return "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,"
	    "hmac-sha2-256,hmac-sha2-512";
}
