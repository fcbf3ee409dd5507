#include <stdio.h>

#include "base/otp.h"

/* RFC 4226 5.3: four bytes from where the last one points to. */
static uint32_t
truncated(const uint8_t *mac, size_t n)
{
	size_t at = mac[n - 1] & 0xf;

	return get_u32(mac + at) & 0x7fffffff;
}

bool
otp_code(const struct otp *o, uint64_t step, char out[OTP_DIGITS_MAX + 1])
{
	static const uint32_t mod[] = { 1000000, 10000000, 100000000 };
	uint8_t counter[8], mac[HASH_MAX];

	if (o->digits < OTP_DIGITS_MIN || o->digits > OTP_DIGITS_MAX)
		return false;
	put_u32(counter, (uint32_t)(step >> 32));
	put_u32(counter + 4, (uint32_t)step);
	if (!hmac_once(o->alg, o->secret, view_of(counter, sizeof(counter)),
	    mac))
		return false;
	snprintf(out, OTP_DIGITS_MAX + 1, "%0*u", (int)o->digits,
	    truncated(mac, hash_len(o->alg)) % mod[o->digits -
	    OTP_DIGITS_MIN]);
	wipe(mac, sizeof(mac));
	return true;
}

bool
otp_find(const struct otp *o, struct view code, int64_t now, unsigned drift,
    uint64_t *step_out)
{
	uint64_t clock, step;
	char own[OTP_DIGITS_MAX + 1];
	bool found = false;

	if (code.n != o->digits || now < 0 || o->period == 0 ||
	    drift > OTP_DRIFT_MAX)
		return false;
	clock = (uint64_t)now / o->period;
	for (unsigned i = 0; i <= 2 * drift; i++) {
		if (clock + i < drift)
			continue;
		step = clock + i - drift;
		if (otp_code(o, step, own) && crypto_equal(view_str(own),
		    code)) {
			found = true;
			*step_out = step;
		}
	}
	wipe(own, sizeof(own));
	return found;
}
