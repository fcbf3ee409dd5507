#include "ssh.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/base64.h>
#include <openssl/chacha.h>
#include <openssl/curve25519.h>
#include <openssl/mem.h>
#include <openssl/poly1305.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#define VC "SSH-2.0-bench_1"

static const char *const cname[] = { "none", "aes128-gcm@openssh.com",
	"aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com",
	"aes128-ctr" };

enum cipher
ssh_cipher(const char *n)
{
	for (int i = 1; i <= C_AES128CTR; i++)
		if (!strcmp(n, cname[i]))
			return i;
	fprintf(stderr, "unknown cipher %s\n", n);
	exit(2);
}

static void __attribute__((noreturn)) fail(struct ssh *s, const char *m)
{
	s->err = m;
	longjmp(s->jb, 1);
}

/* ---- byte strings ---------------------------------------------------- */

struct buf {
	uint8_t d[8192];
	size_t n;
};

static void
b_raw(struct buf *b, const void *p, size_t n)
{
	if (b->n + n > sizeof b->d)
		abort();
	memcpy(b->d + b->n, p, n);
	b->n += n;
}
static void
b_u8(struct buf *b, uint8_t v)
{
	b_raw(b, &v, 1);
}
static void
b_u32(struct buf *b, uint32_t v)
{
	uint8_t t[4];
	put32(t, v);
	b_raw(b, t, 4);
}
static void
b_str(struct buf *b, const void *p, size_t n)
{
	b_u32(b, n);
	b_raw(b, p, n);
}
static void
b_cstr(struct buf *b, const char *s)
{
	b_str(b, s, strlen(s));
}

static const uint8_t *
take(struct ssh *s, const uint8_t **p, const uint8_t *end, size_t *n)
{
	if (end - *p < 4 || get32(*p) > (size_t)(end - *p - 4))
		fail(s, "short string");
	const uint8_t *r = *p + 4;
	*n = get32(*p);
	*p = r + *n;
	return r;
}

/* ---- record layer ---------------------------------------------------- */

static void
send_all(struct ssh *s)
{
	for (size_t o = 0; o < s->out_len;) {
		ssize_t r =
		    send(s->fd, s->out + o, s->out_len - o, MSG_NOSIGNAL);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			fail(s, "send failed");
		o += r;
	}
	s->out_len = 0;
}

static void chan_fin(struct ssh *s);

void
ssh_flush(struct ssh *s)
{
	if (s->cp_open)
		chan_fin(s);
	if (s->out_len)
		send_all(s);
}

static void
need(struct ssh *s, size_t n)
{
	while (s->in_len - s->in_off < n) {
		if (s->in_off == s->in_len || s->in_cap - s->in_off < n) {
			memmove(
			    s->in, s->in + s->in_off, s->in_len - s->in_off);
			s->in_len -= s->in_off;
			s->in_off = 0;
		}
		if (s->in_cap < n)
			s->in = realloc(s->in, s->in_cap = n + 4096);
		ssh_flush(s);
		ssize_t r =
		    recv(s->fd, s->in + s->in_len, s->in_cap - s->in_len, 0);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			fail(s, r ? "recv failed" : "connection closed");
		s->in_len += r;
	}
}

static void
iv_next(uint8_t *iv)
{
	for (int i = 11; i > 3 && !++iv[i]; i--)
		;
}

static void
cc_nonce(uint8_t n[12], uint32_t seq)
{
	memset(n, 0, 8);
	put32(n + 8, seq);
}

static void
cc_tag(uint8_t tag[16], struct half *h, const uint8_t *p, size_t n)
{
	uint8_t pk[32] = { 0 }, nonce[12];
	poly1305_state st;
	cc_nonce(nonce, h->seq);
	CRYPTO_chacha_20(pk, pk, 32, h->key, nonce, 0);
	CRYPTO_poly1305_init(&st, pk);
	CRYPTO_poly1305_update(&st, p, n);
	CRYPTO_poly1305_finish(&st, tag);
}

static void
etm_tag(uint8_t tag[32], struct half *h, const uint8_t *p, size_t n)
{
	uint8_t q[4];
	unsigned l;
	put32(q, h->seq);
	HMAC_Init_ex(&h->mac, NULL, 0, NULL, NULL);
	HMAC_Update(&h->mac, q, 4);
	HMAC_Update(&h->mac, p, n);
	HMAC_Final(&h->mac, tag, &l);
}

/* Start a packet; the payload goes at the address returned. */
static uint8_t *
pkt_begin(struct ssh *s)
{
	if (s->cp_open)
		chan_fin(s);
	if (s->out_len >= s->o->batch)
		send_all(s);
	s->pk = s->out_len;
	return s->out + s->pk + 5;
}

static void
pkt_end(struct ssh *s, size_t n)
{
	struct half *h = &s->tx;
	uint8_t *p = s->out + s->pk, nonce[12], t[4];
	size_t bs = h->c == C_NONE || h->c == C_CHACHA ? 8 : 16;
	size_t aad = h->c == C_NONE ? 0 : 4, l, tl = 16;
	size_t pad = bs - (5 - aad + n) % bs;
	if (pad < 4)
		pad += bs;
	l = 1 + n + pad;
	put32(p, l);
	p[4] = pad;
	memset(p + 5 + n, 0, pad);
	switch (h->c) {
	case C_NONE:
		tl = 0;
		break;
	case C_AES128GCM:
	case C_AES256GCM:
		if (!EVP_AEAD_CTX_seal(
			&h->gcm, p + 4, &tl, l + 16, h->iv, 12, p + 4, l, p, 4))
			fail(s, "seal");
		tl = 16;
		iv_next(h->iv);
		break;
	case C_CHACHA:
		memcpy(t, p, 4);
		cc_nonce(nonce, h->seq);
		CRYPTO_chacha_20(p, t, 4, h->key + 32, nonce, 0);
		CRYPTO_chacha_20(p + 4, p + 4, l, h->key, nonce, 1);
		cc_tag(p + 4 + l, h, p, 4 + l);
		break;
	case C_AES128CTR:
		EVP_Cipher(&h->ctr, p + 4, p + 4, l);
		etm_tag(p + 4 + l, h, p, 4 + l);
		tl = 32;
		break;
	}
	h->seq++;
	s->out_len = s->pk + 4 + l + tl;
}

static void
send_buf(struct ssh *s, struct buf *b)
{
	memcpy(pkt_begin(s), b->d, b->n);
	pkt_end(s, b->n);
}

/* Any next packet; the payload stays valid until the next call. */
static uint8_t *
recv_any(struct ssh *s, size_t *len)
{
	struct half *h = &s->rx;
	uint8_t *p, lb[4], nonce[12], tag[32];
	size_t l, tl = h->c == C_NONE ? 0 : h->c == C_AES128CTR ? 32 : 16, ol;

	need(s, 4);
	p = s->in + s->in_off;
	memcpy(lb, p, 4);
	cc_nonce(nonce, h->seq);
	if (h->c == C_CHACHA)
		CRYPTO_chacha_20(lb, lb, 4, h->key + 32, nonce, 0);
	l = get32(lb);
	if (l < 2 || l > 300000)
		fail(s, "bad packet length");
	need(s, 4 + l + tl);
	p = s->in + s->in_off;
	switch (h->c) {
	case C_NONE:
		break;
	case C_AES128GCM:
	case C_AES256GCM:
		if (!EVP_AEAD_CTX_open(
			&h->gcm, p + 4, &ol, l, h->iv, 12, p + 4, l + 16, p, 4))
			fail(s, "bad tag");
		iv_next(h->iv);
		break;
	case C_CHACHA:
		cc_tag(tag, h, p, 4 + l);
		if (CRYPTO_memcmp(tag, p + 4 + l, 16))
			fail(s, "bad tag");
		CRYPTO_chacha_20(p + 4, p + 4, l, h->key, nonce, 1);
		break;
	case C_AES128CTR:
		etm_tag(tag, h, p, 4 + l);
		if (CRYPTO_memcmp(tag, p + 4 + l, 32))
			fail(s, "bad mac");
		EVP_Cipher(&h->ctr, p + 4, p + 4, l);
		break;
	}
	h->seq++;
	s->in_off += 4 + l + tl;
	if (p[4] + 2u > l)
		fail(s, "bad padding");
	*len = l - 1 - p[4];
	return p + 5;
}

/* ---- key exchange ---------------------------------------------------- */

static int
in_list(const uint8_t *l, size_t n, const char *name)
{
	size_t k = strlen(name);
	for (size_t i = 0; i + k <= n; i++)
		if ((i == 0 || l[i - 1] == ',') && !memcmp(l + i, name, k) &&
		    (i + k == n || l[i + k] == ','))
			return 1;
	return 0;
}

static void
set_keys(struct ssh *s, struct half *h, char x, enum cipher c,
    const struct buf *k, const uint8_t hash[32])
{
	/* x: 'A' for client to server, 'B' for the other way */
	uint8_t out[3][64];
	static const char step[3] = { 0, 2, 4 };
	for (int i = 0; i < 3; i++) {
		SHA256_CTX m;
		char id = x + step[i];
		SHA256_Init(&m);
		SHA256_Update(&m, k->d, k->n);
		SHA256_Update(&m, hash, 32);
		SHA256_Update(&m, &id, 1);
		SHA256_Update(&m, s->sid, 32);
		SHA256_Final(out[i], &m);
		SHA256_Init(&m);
		SHA256_Update(&m, k->d, k->n);
		SHA256_Update(&m, hash, 32);
		SHA256_Update(&m, out[i], 32);
		SHA256_Final(out[i] + 32, &m);
	}
	if (h->live) {
		EVP_AEAD_CTX_cleanup(&h->gcm);
		EVP_CIPHER_CTX_cleanup(&h->ctr);
		HMAC_CTX_cleanup(&h->mac);
	}
	h->live = 1;
	h->c = c;
	EVP_AEAD_CTX_zero(&h->gcm);
	EVP_CIPHER_CTX_init(&h->ctr);
	HMAC_CTX_init(&h->mac);
	memcpy(h->iv, out[0], 16);
	memcpy(h->key, out[1], 64);
	if (c == C_AES128GCM || c == C_AES256GCM)
		EVP_AEAD_CTX_init(&h->gcm,
		    c == C_AES128GCM ? EVP_aead_aes_128_gcm()
				     : EVP_aead_aes_256_gcm(),
		    h->key, c == C_AES128GCM ? 16 : 32, 16, NULL);
	if (c == C_AES128CTR) {
		EVP_CipherInit_ex(
		    &h->ctr, EVP_aes_128_ctr(), NULL, h->key, h->iv, 1);
		HMAC_Init_ex(&h->mac, out[2], 32, EVP_sha256(), NULL);
	}
	if (s->strict)
		h->seq = 0;
}

static uint8_t *
recv_kex(struct ssh *s, int type, size_t *n)
{
	for (;;) {
		uint8_t *p = recv_any(s, n);
		if (*n < 1)
			fail(s, "empty packet");
		if (p[0] == type)
			return p;
		if (p[0] == 1)
			fail(s, "disconnected in key exchange");
		if (p[0] < 2 || p[0] > 4)
			fail(s, "unexpected packet in key exchange");
	}
}

static void
kex(struct ssh *s, const uint8_t *peer, size_t peern)
{
	const char *c = cname[s->o->cipher];
	const char *mac = s->o->cipher == C_AES128CTR
			      ? "hmac-sha2-256-etm@openssh.com"
			      : "hmac-sha2-256-etm@openssh.com,hmac-sha2-256";
	struct buf ic = { .n = 0 }, is = { .n = 0 }, b = { .n = 0 },
		   k = { .n = 0 };
	uint8_t cookie[16], priv[32], pub[32], shared[32], hash[32];
	const uint8_t *p, *e, *l[10], *ks, *qs, *sig;
	size_t n, ln[10], ksn, qsn, sign;

	RAND_bytes(cookie, 16);
	b_u8(&ic, 20);
	b_raw(&ic, cookie, 16);
	b_cstr(&ic, s->have_sid
			? "curve25519-sha256,curve25519-sha256@libssh.org"
			: "curve25519-sha256,curve25519-sha256@libssh.org,"
			  "kex-strict-c-v00@openssh.com");
	b_cstr(&ic, "ssh-ed25519");
	b_cstr(&ic, c);
	b_cstr(&ic, c);
	b_cstr(&ic, mac);
	b_cstr(&ic, mac);
	b_cstr(&ic, "none");
	b_cstr(&ic, "none");
	b_cstr(&ic, "");
	b_cstr(&ic, "");
	b_u8(&ic, 0);
	b_u32(&ic, 0);
	X25519_keypair(pub, priv);
	if (peer)
		b_raw(&is, peer, peern);
	send_buf(s, &ic);
	if (!peer) {
		p = recv_kex(s, 20, &n);
		b_raw(&is, p, n);
	}
	p = is.d + 17;
	e = is.d + is.n;
	for (int i = 0; i < 10; i++)
		l[i] = take(s, &p, e, &ln[i]);
	if (!s->have_sid)
		s->strict =
		    in_list(l[0], ln[0], "kex-strict-s-v00@openssh.com");
	if (!in_list(l[0], ln[0], "curve25519-sha256") &&
	    !in_list(l[0], ln[0], "curve25519-sha256@libssh.org"))
		fail(s, "no curve25519-sha256");
	if (!in_list(l[1], ln[1], "ssh-ed25519"))
		fail(s, "no ssh-ed25519 host key");
	if (!in_list(l[2], ln[2], c) || !in_list(l[3], ln[3], c))
		fail(s, "no such cipher");
	b_u8(&b, 30);
	b_str(&b, pub, 32);
	send_buf(s, &b);

	p = recv_kex(s, 31, &n);
	e = p + n;
	p++;
	ks = take(s, &p, e, &ksn);
	qs = take(s, &p, e, &qsn);
	sig = take(s, &p, e, &sign);
	if (ksn != 51 || qsn != 32 || sign != 83 || !X25519(shared, priv, qs))
		fail(s, "bad key exchange reply");
	size_t z = 0;
	while (z < 31 && !shared[z])
		z++;
	b_u32(&k, 32 - z + (shared[z] >> 7));
	if (shared[z] >> 7)
		b_u8(&k, 0);
	b_raw(&k, shared + z, 32 - z);

	SHA256_CTX m;
	struct buf h = { .n = 0 };
	b_cstr(&h, VC);
	b_cstr(&h, s->vs);
	b_str(&h, ic.d, ic.n);
	b_str(&h, is.d, is.n);
	b_str(&h, ks, ksn);
	b_str(&h, pub, 32);
	b_str(&h, qs, 32);
	b_raw(&h, k.d, k.n);
	SHA256_Init(&m);
	SHA256_Update(&m, h.d, h.n);
	SHA256_Final(hash, &m);
	if (!ED25519_verify(hash, 32, sig + 19, ks + 19))
		fail(s, "bad host signature");
	if (!s->have_sid)
		memcpy(s->sid, hash, 32);
	s->have_sid = 1;
	*pkt_begin(s) = 21;
	pkt_end(s, 1);
	set_keys(s, &s->tx, 'A', s->o->cipher, &k, hash);
	recv_kex(s, 21, &n);
	set_keys(s, &s->rx, 'B', s->o->cipher, &k, hash);
}

/* The next packet that is not the transport's own business. */
static uint8_t *
recv_pkt(struct ssh *s, size_t *n)
{
	for (;;) {
		uint8_t *p = recv_any(s, n);
		if (*n < 1)
			fail(s, "empty packet");
		switch (p[0]) {
		case 1:
			fail(s, "disconnected");
		case 2:
		case 3:
		case 4:
		case 7:
		case 53:
			continue;
		case 20:
			if (s->cp_open)
				chan_fin(s);
			kex(s, p, *n);
			continue;
		case 80: { /* global request */
			size_t l = get32(p + 1);
			if (5 + l < *n && p[5 + l]) {
				*pkt_begin(s) = 82;
				pkt_end(s, 1);
			}
			continue;
		}
		}
		return p;
	}
}

/* ---- channel and SFTP stream ----------------------------------------- */

static void
chan_fin(struct ssh *s)
{
	uint8_t *p = s->out + s->pk + 5;
	s->cp_open = 0;
	p[0] = 94;
	put32(p + 1, s->rchan);
	put32(p + 5, s->cp_len);
	s->rwin -= s->cp_len;
	pkt_end(s, 9 + s->cp_len);
}

static void
pump(struct ssh *s)
{
	size_t n, l, hd = 9;
	uint8_t *p = recv_pkt(s, &n);
	switch (p[0]) {
	case 93:
		s->rwin += get32(p + 5);
		return;
	case 95:
		hd = 13;
		/* fall through */
	case 94:
		l = n - hd;
		if (p[0] == 94) {
			if (s->sb_off == s->sb_len)
				s->sb_off = s->sb_len = 0;
			if (s->sb_len + l > s->sb_cap) {
				memmove(s->sb, s->sb + s->sb_off,
				    s->sb_len - s->sb_off);
				s->sb_len -= s->sb_off;
				s->sb_off = 0;
				if (s->sb_len + l > s->sb_cap)
					s->sb = realloc(s->sb,
					    s->sb_cap = s->sb_len + l + 65536);
			}
			memcpy(s->sb + s->sb_len, p + hd, l);
			s->sb_len += l;
		}
		s->eaten += l;
		if (s->eaten >= s->o->window / 2) {
			struct buf b = { .n = 0 };
			b_u8(&b, 93);
			b_u32(&b, s->rchan);
			b_u32(&b, s->eaten);
			s->eaten = 0;
			send_buf(s, &b);
		}
		return;
	case 96:
	case 97:
		fail(s, "channel closed");
	case 98: /* e.g. keepalive or exit-status */
		return;
	}
}

void
chan_write(struct ssh *s, const void *p, size_t n)
{
	const uint8_t *q = p;
	while (n) {
		if (!s->cp_open) {
			while (s->rwin == 0)
				pump(s);
			pkt_begin(s);
			s->cp_open = 1;
			s->cp_len = 0;
			s->cp_max =
			    s->rmax < s->o->maxpkt ? s->rmax : s->o->maxpkt;
			if (s->cp_max > s->rwin)
				s->cp_max = s->rwin;
		}
		size_t m = s->cp_max - s->cp_len;
		if (m > n)
			m = n;
		memcpy(s->out + s->pk + 14 + s->cp_len, q, m);
		s->cp_len += m;
		q += m;
		n -= m;
		if (s->cp_len == s->cp_max)
			chan_fin(s);
	}
}

int
sftp_ready(struct ssh *s)
{
	size_t have = s->sb_len - s->sb_off;
	return have >= 4 && have - 4 >= get32(s->sb + s->sb_off);
}

uint8_t *
sftp_next(struct ssh *s, size_t *len)
{
	while (!sftp_ready(s))
		pump(s);
	uint8_t *p = s->sb + s->sb_off;
	*len = get32(p);
	s->sb_off += 4 + *len;
	return p + 4;
}

/* ---- opening and closing --------------------------------------------- */

void
ssh_init(struct ssh *s, const struct ssh_opts *o)
{
	memset(s, 0, sizeof *s);
	s->o = o;
	s->fd = -1;
}

static void
expect(struct ssh *s, int type, const char *what)
{
	size_t n;
	for (;;) {
		uint8_t *p = recv_pkt(s, &n);
		if (p[0] == type) {
			if (type == 91) {
				s->rchan = get32(p + 5);
				s->rwin = get32(p + 9);
				s->rmax = get32(p + 13);
			}
			return;
		}
		if (p[0] == 93) /* window adjust before the subsystem's reply */
			s->rwin += get32(p + 5);
		else if (p[0] != 98)
			fail(s, what);
	}
}

void
ssh_open(struct ssh *s)
{
	const struct ssh_opts *o = s->o;
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(o->port) };
	struct buf b = { .n = 0 };
	uint8_t blob[51], sig[64];
	size_t n, k;
	int one = 1;

	inet_pton(AF_INET, o->host, &a.sin_addr);
	s->in = malloc(s->in_cap = o->batch + 8192);
	s->out = malloc(s->out_cap = o->batch + o->maxpkt + 8192);
	if ((s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		fail(s, "socket");
	if (connect(s->fd, (void *)&a, sizeof a))
		fail(s, "connect");
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);

	memcpy(s->out, VC "\r\n", sizeof VC + 1);
	s->out_len = sizeof VC + 1;
	for (n = 0;;) { /* lines up to the identification */
		need(s, 1);
		char c = s->in[s->in_off++];
		if (c != '\n') {
			if (n < sizeof s->vs - 1)
				s->vs[n++] = c;
			continue;
		}
		if (n && s->vs[n - 1] == '\r')
			n--;
		s->vs[n] = 0;
		if (!strncmp(s->vs, "SSH-", 4))
			break;
		n = 0;
	}
	kex(s, NULL, 0);

	b_u8(&b, 5);
	b_cstr(&b, "ssh-userauth");
	send_buf(s, &b);
	expect(s, 6, "no ssh-userauth");

	put32(blob, 11);
	memcpy(blob + 4, "ssh-ed25519", 11);
	put32(blob + 15, 32);
	memcpy(blob + 19, o->key + 32, 32);
	b.n = 0;
	b_str(&b, s->sid, 32);
	k = b.n; /* the request proper starts here */
	b_u8(&b, 50);
	b_cstr(&b, o->user);
	b_cstr(&b, "ssh-connection");
	b_cstr(&b, "publickey");
	b_u8(&b, 1);
	b_cstr(&b, "ssh-ed25519");
	b_str(&b, blob, sizeof blob);
	ED25519_sign(sig, b.d, b.n, o->key);
	b_u32(&b, 83);
	b_cstr(&b, "ssh-ed25519");
	b_str(&b, sig, 64);
	memmove(b.d, b.d + k, b.n -= k);
	send_buf(s, &b);
	expect(s, 52, "authentication refused");

	b.n = 0;
	b_u8(&b, 90);
	b_cstr(&b, "session");
	b_u32(&b, 0);
	b_u32(&b, o->window);
	b_u32(&b, o->maxpkt);
	send_buf(s, &b);
	expect(s, 91, "channel refused");

	b.n = 0;
	b_u8(&b, 98);
	b_u32(&b, s->rchan);
	b_cstr(&b, "subsystem");
	b_u8(&b, 1);
	b_cstr(&b, "sftp");
	send_buf(s, &b);
	expect(s, 99, "sftp refused");

	chan_write(s, "\0\0\0\5\1\0\0\0\3", 9);
	if (sftp_next(s, &n)[0] != 2)
		fail(s, "no SFTP version");
}

void
ssh_close(struct ssh *s)
{
	if (!setjmp(s->jb) && s->fd >= 0 && s->have_sid && !s->err) {
		struct buf b = { .n = 0 };
		b_u8(&b, 97);
		b_u32(&b, s->rchan);
		send_buf(s, &b);
		b.n = 0;
		b_u8(&b, 1);
		b_u32(&b, 11);
		b_cstr(&b, "bye");
		b_cstr(&b, "");
		send_buf(s, &b);
		ssh_flush(s);
	}
	if (s->fd >= 0)
		close(s->fd);
	for (int i = 0; i < 2; i++) {
		struct half *h = i ? &s->rx : &s->tx;
		if (h->live) {
			EVP_AEAD_CTX_cleanup(&h->gcm);
			EVP_CIPHER_CTX_cleanup(&h->ctr);
			HMAC_CTX_cleanup(&h->mac);
		}
	}
	free(s->in);
	free(s->out);
	free(s->sb);
	s->in = s->out = s->sb = NULL;
	s->fd = -1;
}

int
ssh_load_key(const char *path, uint8_t key[64])
{
	char t[4096], b64[4096];
	uint8_t d[4096];
	size_t n, j = 0;
	FILE *f = fopen(path, "r");
	if (!f)
		return -1;
	n = fread(t, 1, sizeof t - 1, f);
	fclose(f);
	t[n] = 0;
	char *p = strchr(t, '\n'), *e = strstr(t, "-----END");
	if (!p || !e)
		return -1;
	for (; p < e; p++)
		if (*p > ' ')
			b64[j++] = *p;
	if (!EVP_DecodeBase64(d, &n, sizeof d, (uint8_t *)b64, j))
		return -1;
	/* the private part is the only 64-byte string in the file */
	for (size_t i = 0; i + 68 <= n; i++)
		if (get32(d + i) == 64 && i > 36 &&
		    !memcmp(d + i - 32, d + i + 36, 32)) {
			memcpy(key, d + i + 4, 64);
			return 0;
		}
	return -1;
}
