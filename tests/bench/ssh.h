/* A minimal blocking SSH 2 + SFTP 3 client for load generation.  It is cheap
 * on purpose: one thread per connection while active, every request that is
 * queued before a blocking read goes out in one send(), one copy per byte.
 * Errors longjmp to ssh.jb with ssh.err set. */
#ifndef BENCH_SSH_H
#define BENCH_SSH_H
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/aead.h>
#include <openssl/cipher.h>
#include <openssl/hmac.h>

enum cipher { C_NONE, C_AES128GCM, C_AES256GCM, C_CHACHA, C_AES128CTR };

struct ssh_opts {
	const char *host, *user;
	int port;
	enum cipher cipher;
	uint8_t key[64]; /* ed25519: seed || public */
	uint32_t window; /* the channel window that we offer */
	uint32_t maxpkt; /* largest channel packet, both ways */
	size_t batch;    /* bytes gathered before a send() */
};

struct half {
	enum cipher c;
	uint32_t seq;
	uint8_t iv[16], key[64];
	int live;
	EVP_AEAD_CTX gcm;
	EVP_CIPHER_CTX ctr;
	HMAC_CTX mac;
};

struct ssh {
	jmp_buf jb;
	const char *err;
	const struct ssh_opts *o;
	int fd, strict, have_sid, closed;
	char vs[256];
	uint8_t sid[32];
	struct half tx, rx;
	uint8_t *in, *out, *sb; /* receive, send, SFTP stream */
	size_t in_cap, in_off, in_len, out_cap, out_len;
	size_t sb_cap, sb_off, sb_len;
	size_t pk; /* the packet being built starts here in out */
	int cp_open;
	size_t cp_len, cp_max;
	uint32_t rchan, rwin, rmax, eaten;
};

int ssh_load_key(const char *path, uint8_t key[64]);
enum cipher ssh_cipher(const char *name);
/* ssh_open returns with an SFTP session that has been initialised. */
void ssh_init(struct ssh *s, const struct ssh_opts *o);
void ssh_open(struct ssh *s);
void ssh_close(struct ssh *s); /* never fails; frees everything */

void ssh_flush(struct ssh *s);
void chan_write(struct ssh *s, const void *p, size_t n);
/* The next SFTP message without its length; valid until the next call. */
uint8_t *sftp_next(struct ssh *s, size_t *len);
/* Is a whole message already here, so that sftp_next would not block? */
int sftp_ready(struct ssh *s);

static inline void
put32(uint8_t *p, uint32_t v)
{
	p[0] = v >> 24;
	p[1] = v >> 16;
	p[2] = v >> 8;
	p[3] = v;
}
static inline uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}
#endif
