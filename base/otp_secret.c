#include "base/otp.h"

/* By arithmetic, not by table, as in base64.c: it is a secret. */
static unsigned
between(unsigned c, unsigned lo, unsigned hi)
{
	return ~((c - lo) >> 8 | (hi - c) >> 8) & 0xff;
}

/* The value of a digit, or something above 31. */
static unsigned
digit_value(uint8_t byte)
{
	unsigned c = byte, up = between(c, 'A', 'Z');
	unsigned low = between(c, 'a', 'z'), num = between(c, '2', '7');

	return (up & (c - 'A')) | (low & (c - 'a')) |
	    (num & (c - '2' + 26)) | (~(up | low | num) & 0x80);
}

bool
otp_secret(struct view text, struct wr *out)
{
	size_t digits = 0, start = wr_size(out), n;
	unsigned bits = 0, have = 0, bad = 0;

	while (text.n != 0 && text.p[text.n - 1] == '=')
		text.n--;
	for (size_t i = 0; i < text.n; i++) {
		unsigned v;

		if (text.p[i] == ' ' || text.p[i] == '-')
			continue;
		v = digit_value(text.p[i]);
		bad |= v & 0x80;
		bits = (bits << 5 | (v & 31)) & 0xfff;
		have += 5;
		digits++;
		if (have >= 8) {
			have -= 8;
			wr_u8(out, (uint8_t)(bits >> have));
		}
	}
	/* A digit too many is a slip; bits too many are left out, as the apps
	 * do with secrets whose length some tool has made up. */
	bad |= have >= 5;
	n = wr_size(out) - start;
	return bad == 0 && !out->bad && digits != 0 && n >= OTP_SECRET_MIN &&
	    n <= OTP_SECRET_MAX;
}

static uint8_t
digit_char(unsigned v)
{
	return (uint8_t)((between(v, 0, 25) & (v + 'A')) |
	    (between(v, 26, 31) & (v - 26 + '2')));
}

void
otp_secret_write(struct view bytes, struct wr *out)
{
	unsigned bits = 0, have = 0;

	for (size_t i = 0; i < bytes.n; i++) {
		bits = (bits << 8 | bytes.p[i]) & 0xfff;
		for (have += 8; have >= 5; have -= 5)
			wr_u8(out, digit_char(bits >> (have - 5) & 31));
	}
	if (have != 0)
		wr_u8(out, digit_char(bits << (5 - have) & 31));
}
