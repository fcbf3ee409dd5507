/* The binary packet protocol, alone: sizes, padding, damage, counters. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/conn.h"

struct pair {
	struct direction tx, rx;
};

static void
pair_open(struct pair *p, const char *cipher, const char *mac)
{
	const struct cipher_alg *c = cipher_alg_find(view_str(cipher));
	const struct mac_alg *m = mac_alg_find(view_str(mac));
	uint8_t key[256];

	memset(p, 0, sizeof(*p));
	if (cipher == NULL)
		return;
	assert_non_null(c);
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 7 + 1);
	p->tx.cipher = cipher_new(c, true, key, key + 64, m, key + 128);
	p->rx.cipher = cipher_new(c, false, key, key + 64, m, key + 128);
	assert_non_null(p->tx.cipher);
	assert_non_null(p->rx.cipher);
	p->tx.block = p->rx.block = c->block;
}

static void
pair_close(struct pair *p)
{
	cipher_free(&p->tx.cipher);
	cipher_free(&p->rx.cipher);
}

static void
put(struct pair *p, struct wr *w, const uint8_t *payload, size_t n)
{
	uint8_t *at = packet_reserve(&p->tx, w, n);

	assert_non_null(at);
	if (n != 0)
		memcpy(at, payload, n);
	assert_int_equal(packet_commit(&p->tx, w, n), OK);
}

/* Takes by growing slices: the packet must come at its last byte. */
static void
take_slowly(struct pair *p, uint8_t *b, size_t n, struct view *payload_out)
{
	uint32_t peeked = 0;
	size_t used = 0;

	for (size_t have = 0; have <= n; have++) {
		assert_int_equal(packet_take(&p->rx, b, have, &peeked, &used,
		    payload_out), OK);
		if (have < n)
			assert_int_equal(used, 0);
	}
	assert_int_equal(used, n);
}

static const struct {
	const char *cipher, *mac;
} suites[] = {
	{ NULL, NULL },
	{ "aes128-gcm@openssh.com", NULL },
	{ "aes256-gcm@openssh.com", NULL },
	{ "chacha20-poly1305@openssh.com", NULL },
	{ "aes128-ctr", "hmac-sha2-256" },
	{ "aes192-ctr", "hmac-sha2-512" },
	{ "aes256-ctr", "hmac-sha2-256" },
	{ "aes128-ctr", "hmac-sha2-256-etm@openssh.com" },
	{ "aes192-ctr", "hmac-sha2-256-etm@openssh.com" },
	{ "aes256-ctr", "hmac-sha2-512-etm@openssh.com" }
};
#define NSUITES (sizeof(suites) / sizeof(suites[0]))

static void
round_trip(void **state)
{
	static uint8_t payload[300];

	(void)state;
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)i;
	for (size_t s = 0; s < NSUITES; s++) {
		struct pair p;

		pair_open(&p, suites[s].cipher, suites[s].mac);
		for (size_t n = 1; n < 70; n++) {
			struct wr w = wr_new(1 << 20);
			struct view got;

			put(&p, &w, payload, n);
			assert_int_equal(wr_size(&w), packet_size(&p.rx, n));
			take_slowly(&p, w.base, wr_size(&w), &got);
			assert_int_equal(got.n, n);
			assert_memory_equal(got.p, payload, n);
			assert_int_equal(p.rx.seq, n);
			assert_int_equal(p.rx.seq, p.tx.seq);
			assert_int_equal(p.rx.packets, n);
			assert_int_equal(p.rx.bytes, p.tx.bytes);
			wr_free(&w);
		}
		pair_close(&p);
	}
}

/* Less may be committed than was reserved, at every place of the block. */
static void
commit_less(void **state)
{
	(void)state;
	for (size_t s = 0; s < NSUITES; s++) {
		struct pair p;

		pair_open(&p, suites[s].cipher, suites[s].mac);
		for (size_t n = 1; n < 40; n++) {
			struct wr w = wr_new(4096);
			uint32_t peeked = 0;
			struct view got;
			size_t used;
			uint8_t *at = packet_reserve(&p.tx, &w, 40);

			assert_non_null(at);
			memset(at, 'x', n);
			assert_int_equal(packet_commit(&p.tx, &w, n), OK);
			assert_int_equal(packet_take(&p.rx, w.base,
			    wr_size(&w), &peeked, &used, &got), OK);
			assert_int_equal(used, wr_size(&w));
			assert_int_equal(got.n, n);
			wr_free(&w);
		}
		pair_close(&p);
	}
}

static void
padding_is_lawful(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL, NULL);
	for (size_t n = 1; n < 100; n++) {
		struct wr w = wr_new(4096);
		uint8_t zero[100] = { 0 };

		put(&p, &w, zero, n);
		assert_true(w.base[4] >= 4);
		assert_true(w.base[4] <= 4 + 8);
		assert_int_equal(wr_size(&w) % 8, 0);
		assert_int_equal(get_u32(w.base) + 4, wr_size(&w));
		wr_free(&w);
	}
}

/* One flipped bit anywhere behind the length: ERR_CRYPTO.  In the length:
 * no packet, whatever the reason. */
static void
damage(void **state)
{
	static const uint8_t payload[20] = "abcdefghijklmnopqrs";

	(void)state;
	for (size_t s = 1; s < NSUITES; s++) {
		for (size_t at = 0; at < 64; at++) {
			struct wr w = wr_new(1 << 20);
			uint32_t peeked = 0;
			struct view got;
			struct pair p;
			enum err e;
			size_t used;

			pair_open(&p, suites[s].cipher, suites[s].mac);
			put(&p, &w, payload, sizeof(payload));
			if (at >= wr_size(&w)) {
				pair_close(&p);
				wr_free(&w);
				break;
			}
			w.base[at] ^= 0x10;
			e = packet_take(&p.rx, w.base, wr_size(&w), &peeked,
			    &used, &got);
			assert_int_equal(used, 0);
			if (at >= 4)
				assert_int_equal(e, ERR_CRYPTO);
			else	/* refused, or more is waited for */
				assert_true(e != OK ||
				    packet_need(&p.rx, peeked) > wr_size(&w));
			pair_close(&p);
			wr_free(&w);
		}
	}
}

static enum err
take_clear(uint32_t len, uint8_t pad, size_t n)
{
	static uint8_t b[SSH_MAX_PACKET + 64];
	struct direction d = { 0 };
	uint32_t peeked = 0;
	struct view got;
	size_t used;
	enum err e;

	memset(b, 0, sizeof(b));
	put_u32(b, len);
	b[4] = pad;
	e = packet_take(&d, b, n, &peeked, &used, &got);
	if (e == OK && used != 0)
		assert_int_equal(got.n, len - 1 - pad);
	return e;
}

static void
bad_lengths(void **state)
{
	static const uint32_t bad[] = {
		0, 1, 4, 5, 11, 13, 19, 21, SSH_MAX_PACKET + 4,
		SSH_MAX_PACKET + 1, 0x7ffffffc, 0x80000004, 0xfffffffc,
		0xffffffff
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(take_clear(bad[i], 4, 4), ERR_PROTO);
	assert_int_equal(take_clear(12, 4, 16), OK);
	assert_int_equal(take_clear(SSH_MAX_PACKET - 4, 4, SSH_MAX_PACKET),
	    OK);
}

static void
bad_padding(void **state)
{
	(void)state;
	for (unsigned pad = 0; pad < 256; pad++)
		assert_int_equal(take_clear(28, (uint8_t)pad, 32),
		    pad >= 4 && pad <= 26 ? OK : ERR_PROTO);
}

static void
misaligned(void **state)
{
	static const uint8_t payload[] = "0123456789";

	(void)state;
	/* A sender of whole blocks of 8 does not fit a cipher of 16. */
	struct pair p;
	struct wr w = wr_new(4096);
	uint32_t peeked = 0;
	struct view got;
	size_t used;

	pair_open(&p, "aes128-gcm@openssh.com", NULL);
	p.tx.block = 8;
	put(&p, &w, payload, 2);	/* 1 + 2 + 5 = 8 */
	assert_int_equal(packet_take(&p.rx, w.base, wr_size(&w), &peeked,
	    &used, &got), ERR_PROTO);
	pair_close(&p);
	wr_free(&w);
}

static void
sequence_never_wraps(void **state)
{
	static const uint8_t payload[] = "x";
	struct wr w = wr_new(1 << 16);
	uint32_t peeked = 0;
	struct view got;
	struct pair p;
	size_t used;

	(void)state;
	pair_open(&p, "chacha20-poly1305@openssh.com", NULL);
	p.tx.packets = p.rx.packets = UINT32_MAX - 1;
	p.tx.seq = p.rx.seq = UINT32_MAX;	/* the number may wrap */
	put(&p, &w, payload, 1);
	assert_int_equal(p.tx.seq, 0);
	assert_int_equal(packet_take(&p.rx, w.base, wr_size(&w), &peeked,
	    &used, &got), OK);
	assert_int_equal(used, wr_size(&w));
	/* ... but not the count under one key */
	assert_non_null(packet_reserve(&p.tx, &w, 1));
	assert_int_equal(packet_commit(&p.tx, &w, 1), ERR_LIMIT);
	p.tx.packets = 0;
	p.tx.seq = 0;
	wr_reset(&w);
	put(&p, &w, payload, 1);
	assert_int_equal(packet_take(&p.rx, w.base, wr_size(&w), &peeked,
	    &used, &got), ERR_LIMIT);
	pair_close(&p);
	wr_free(&w);
}

static void
limits_of_output(void **state)
{
	struct direction d = { 0 };
	struct wr w = wr_new(64);

	(void)state;
	assert_null(packet_reserve(&d, &w, SSH_MAX_PACKET));
	assert_null(packet_reserve(&d, &w, SIZE_MAX));
	assert_null(packet_reserve(&d, &w, 64));
	assert_true(w.bad);
	assert_int_not_equal(packet_commit(&d, &w, 64), OK);
	wr_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(commit_less),
		cmocka_unit_test(padding_is_lawful),
		cmocka_unit_test(damage),
		cmocka_unit_test(bad_lengths),
		cmocka_unit_test(bad_padding),
		cmocka_unit_test(misaligned),
		cmocka_unit_test(sequence_never_wraps),
		cmocka_unit_test(limits_of_output),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
