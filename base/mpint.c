#include "base/crypto.h"

bool
crypto_mpint(struct view v, struct view *out)
{
	if (v.n != 0 && (v.p[0] & 0x80) != 0)
		return false;
	if (v.n != 0 && v.p[0] == 0) {
		v = view_of(v.p + 1, v.n - 1);
		if (v.n == 0 || (v.p[0] & 0x80) == 0)
			return false;
	}
	*out = v;
	return true;
}
