/*
 * Base64 (RFC 4648 4), strict: padding required, no whitespace, unused bits
 * zero, so that a text has one meaning and bytes have one text.  Digits are
 * found by arithmetic, not by table: private keys pass through here, and a
 * table would leave their bits in the cache.
 */
#include "base/crypto.h"

/* 0xff if lo <= c <= hi, else 0. */
static unsigned
between(unsigned c, unsigned lo, unsigned hi)
{
	return ~((c - lo) >> 8 | (hi - c) >> 8) & 0xff;
}

/* The value of a digit, or something above 63. */
static unsigned
digit_value(uint8_t byte)
{
	unsigned c = byte, up = between(c, 'A', 'Z');
	unsigned low = between(c, 'a', 'z'), num = between(c, '0', '9');
	unsigned plus = between(c, '+', '+'), slash = between(c, '/', '/');

	return (up & (c - 'A')) | (low & (c - 'a' + 26)) |
	    (num & (c - '0' + 52)) | (plus & 62) | (slash & 63) |
	    (~(up | low | num | plus | slash) & 0xc0);
}

static uint8_t
digit_char(unsigned v)
{
	return (uint8_t)((between(v, 0, 25) & (v + 'A')) |
	    (between(v, 26, 51) & (v - 26 + 'a')) |
	    (between(v, 52, 61) & (v - 52 + '0')) |
	    (between(v, 62, 62) & '+') | (between(v, 63, 63) & '/'));
}

/* n digits (2 to 4) into n - 1 bytes. */
static bool
decode_group(const uint8_t *in, size_t n, uint8_t *out)
{
	unsigned v = 0, bad = 0;

	for (size_t i = 0; i < 4; i++) {
		unsigned d = i < n ? digit_value(in[i]) : 0;

		bad |= d & 0xc0;
		v = v << 6 | (d & 0x3f);
	}
	for (size_t i = 0; i + 1 < n; i++)
		out[i] = (uint8_t)(v >> (16 - 8 * i));
	/* what was cut off must have been zero */
	bad |= v & ((1u << 8 * (4 - n)) - 1);
	return bad == 0;
}

bool
crypto_base64_decode(struct view text, struct wr *out)
{
	size_t pad = 0, left, size;
	uint8_t *p;
	bool ok = true;

	if (text.n % 4 != 0)
		return false;
	if (text.n == 0)
		return !out->bad;
	while (pad < 2 && text.p[text.n - 1 - pad] == '=')
		pad++;
	size = text.n / 4 * 3 - pad;
	if ((p = wr_reserve(out, size)) == NULL)
		return false;
	for (left = text.n - pad; left > 0; text.p += 4) {
		size_t n = left < 4 ? left : 4;

		ok &= decode_group(text.p, n, p);
		p += n - 1;
		left -= n;
	}
	if (ok)
		wr_commit(out, size);
	return ok;
}

void
crypto_base64_encode(struct view bytes, struct wr *out)
{
	size_t size = (bytes.n / 3 + (bytes.n % 3 != 0)) * 4;
	uint8_t *p;

	if (bytes.n > SIZE_MAX / 2) {
		out->bad = true;
		return;
	}
	if (size == 0 || (p = wr_reserve(out, size)) == NULL)
		return;
	for (size_t i = 0; i < bytes.n; i += 3, p += 4) {
		size_t n = bytes.n - i;
		unsigned v = (unsigned)bytes.p[i] << 16;

		v |= n > 1 ? (unsigned)bytes.p[i + 1] << 8 : 0;
		v |= n > 2 ? bytes.p[i + 2] : 0;
		p[0] = digit_char(v >> 18);
		p[1] = digit_char(v >> 12 & 63);
		p[2] = n > 1 ? digit_char(v >> 6 & 63) : '=';
		p[3] = n > 2 ? digit_char(v & 63) : '=';
	}
	wr_commit(out, size);
}
