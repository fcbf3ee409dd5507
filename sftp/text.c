#include "sftp/text.h"

/* The character of n bytes that v begins with, its lead byte masked; false
 * for what is cut short, no continuation, longer than it must be, a surrogate
 * or past the last one. */
static bool
multi(struct view v, size_t n, uint32_t lead, uint32_t least, uint32_t *out)
{
	uint32_t c = lead;

	if (v.n < n)
		return false;
	for (size_t i = 1; i < n; i++) {
		if ((v.p[i] & 0xc0) != 0x80)
			return false;
		c = c << 6 | (v.p[i] & 0x3fu);
	}
	*out = c;
	return c >= least && c < TEXT_BYTE && (c < 0xd800 || c > 0xdfff);
}

size_t
text_char(struct view v, uint32_t *out)
{
	uint8_t b;

	if (v.n == 0)
		return 0;
	b = v.p[0];
	*out = b;
	if (b < 0x80)
		return 1;
	if ((b & 0xe0) == 0xc0 && multi(v, 2, b & 0x1fu, 0x80, out))
		return 2;
	if ((b & 0xf0) == 0xe0 && multi(v, 3, b & 0x0fu, 0x800, out))
		return 3;
	if ((b & 0xf8) == 0xf0 && multi(v, 4, b & 0x07u, 0x10000, out))
		return 4;
	*out = TEXT_BYTE + b;
	return 1;
}

void
text_visible(struct wr *w, struct view v)
{
	uint32_t c;
	size_t n;

	for (; (n = text_char(v, &c)) != 0; v = view_of(v.p + n, v.n - n)) {
		if (c >= 0x20 && c != 0x7f && (c < 0x80 || c >= 0xa0) &&
		    c < TEXT_BYTE) {
			wr_bytes(w, view_of(v.p, n));
			continue;
		}
		for (size_t i = 0; i < n; i++) {
			const uint8_t o[4] = { '\\',
			    (uint8_t)('0' + (v.p[i] >> 6)),
			    (uint8_t)('0' + (v.p[i] >> 3 & 7)),
			    (uint8_t)('0' + (v.p[i] & 7)) };

			wr_bytes(w, view_of(o, sizeof(o)));
		}
	}
}
