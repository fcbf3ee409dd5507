/*
 * The binary packet protocol (RFC 4253 6; AEAD and -etm forms as in OpenSSH's
 * PROTOCOL and RFC 5647): where a packet ends, its padding, its counters.
 * What protects it is base/crypto.h's.
 */
#include <string.h>

#include "server/conn.h"

#define PACKET_HEAD	5	/* uint32 packet_length, byte padding_length */
#define PADDING_MIN	4
#define PACKET_MIN	(1 + PADDING_MIN)

static size_t
block_of(const struct direction *d)
{
	return d->block >= 8 ? d->block : 8;
}

static size_t
overhead_of(const struct direction *d)
{
	return d->cipher != NULL ? cipher_overhead(d->cipher) : 0;
}

/* Bytes in front of what is a multiple of the block: the length field, where
 * that stands outside. */
static size_t
outside_of(const struct direction *d)
{
	return d->cipher != NULL && cipher_length_is_aad(d->cipher) ? 4 : 0;
}

size_t
packet_need(const struct direction *d, uint32_t peeked)
{
	if (peeked != 0)
		return 4 + (size_t)peeked + overhead_of(d);
	return d->cipher != NULL ? cipher_peek_need(d->cipher) : 4;
}

static bool
length_fits(const struct direction *d, uint32_t len)
{
	if (len < PACKET_MIN || len > SSH_MAX_PACKET)
		return false;
	return (4 + (size_t)len - outside_of(d)) % block_of(d) == 0;
}

static enum err
peek(struct direction *d, uint8_t *p, uint32_t *len_out)
{
	enum err e;

	if (d->cipher == NULL)
		*len_out = get_u32(p);
	else if ((e = cipher_peek_length(d->cipher, d->seq, p,
	    len_out)) != OK)
		return e;
	return length_fits(d, *len_out) ? OK : ERR_PROTO;
}

/* Counts one packet of n bytes on the wire.  A sequence number that comes
 * round under one key would repeat a nonce: nothing goes past that. */
static enum err
count(struct direction *d, size_t n)
{
	if (d->packets == UINT32_MAX)
		return ERR_LIMIT;
	d->packets++;
	d->seq++;
	d->bytes += n;
	return OK;
}

enum err
packet_take(struct direction *d, uint8_t *p, size_t n, uint32_t *peeked,
    size_t *used_out, struct view *payload_out)
{
	size_t pad, total;
	enum err e;

	*used_out = 0;
	if (n < packet_need(d, *peeked))
		return OK;
	if (*peeked == 0) {
		uint32_t len;

		if ((e = peek(d, p, &len)) != OK)
			return e;
		*peeked = len;
		if (n < packet_need(d, len))
			return OK;
	}
	total = packet_need(d, *peeked);
	if (d->cipher != NULL &&
	    (e = cipher_open(d->cipher, d->seq, p, *peeked)) != OK)
		return e;
	pad = p[4];
	/* padding_length, at least one byte of payload, padding */
	if (pad < PADDING_MIN || 2 + pad > *peeked)
		return ERR_PROTO;
	*payload_out = view_of(p + PACKET_HEAD, *peeked - 1 - pad);
	*peeked = 0;
	if ((e = count(d, total)) != OK)
		return e;
	*used_out = total;
	return OK;
}

static size_t
padding_for(const struct direction *d, size_t payload)
{
	size_t block = block_of(d);
	size_t n = PACKET_HEAD + payload - outside_of(d);
	size_t pad = block - n % block;

	return pad < PADDING_MIN ? pad + block : pad;
}

size_t
packet_size(const struct direction *d, size_t payload)
{
	return PACKET_HEAD + payload + padding_for(d, payload) +
	    overhead_of(d);
}

uint8_t *
packet_reserve(struct direction *d, struct wr *out, size_t n)
{
	uint8_t *p;

	/* A shorter payload may need more padding, by a block at most. */
	if (n > SSH_MAX_PACKET - PACKET_HEAD - 255)
		return NULL;
	p = wr_reserve(out, packet_size(d, n) + block_of(d));
	return p != NULL ? p + PACKET_HEAD : NULL;
}

/* n is at most 4 + a block. */
static void
pad_randomly(struct direction *d, uint8_t *p, size_t n)
{
	if (n > d->nspare) {
		crypto_random(d->spare, sizeof(d->spare));
		d->nspare = sizeof(d->spare);
	}
	d->nspare = (uint8_t)(d->nspare - n);
	memcpy(p, d->spare + d->nspare, n);
}

enum err
packet_commit(struct direction *d, struct wr *out, size_t n)
{
	size_t pad = padding_for(d, n), size = packet_size(d, n);
	uint8_t *p = out->base + out->len;
	uint32_t len = (uint32_t)(1 + n + pad);
	enum err e;

	if (out->base == NULL || size > out->cap - out->len)
		return ERR_NOMEM;
	put_u32(p, len);
	p[4] = (uint8_t)pad;
	pad_randomly(d, p + PACKET_HEAD + n, pad);
	if (d->cipher != NULL &&
	    (e = cipher_seal(d->cipher, d->seq, p, len)) != OK)
		return e;
	if ((e = count(d, size)) != OK)
		return e;
	wr_commit(out, size);
	return OK;
}
