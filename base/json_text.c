#include "base/json_text.h"

size_t
utf8_len(const uint8_t *p, size_t n)
{
	uint8_t lo = 0x80, hi = 0xbf;
	size_t need;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		need = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		need = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		need = 4;
	else
		return 0;
	if (n < need)
		return 0;
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;		/* no surrogates */
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	if (p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < need; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return need;
}

/* Bytes that a terminal could take for a command although they are valid:
 * C0, DEL and C1 controls. */
static bool
control(const uint8_t *p, size_t n)
{
	return p[0] < ' ' || p[0] == 0x7f ||
	    (n == 2 && p[0] == 0xc2 && p[1] < 0xa0);
}

static void
escape(struct wr *w, uint8_t c)
{
	static const char hex[] = "0123456789abcdef";

	wr_bytes(w, view_str("\\u00"));
	wr_u8(w, (uint8_t)hex[c >> 4]);
	wr_u8(w, (uint8_t)hex[c & 15]);
}

void
json_text(struct wr *w, struct view v)
{
	wr_u8(w, '"');
	for (size_t i = 0; i < v.n;) {
		size_t n = utf8_len(v.p + i, v.n - i);

		if (n == 0)
			escape(w, v.p[i]);
		else if (control(v.p + i, n))
			escape(w, v.p[i + n - 1]);
		else if (v.p[i] == '"' || v.p[i] == '\\') {
			wr_u8(w, '\\');
			wr_u8(w, v.p[i]);
		} else
			wr_bytes(w, view_of(v.p + i, n));
		i += n != 0 ? n : 1;
	}
	wr_u8(w, '"');
}

bool
utf8_valid(struct view v)
{
	for (size_t i = 0; i < v.n;) {
		size_t n = utf8_len(v.p + i, v.n - i);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}
