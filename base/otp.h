/*
 * One-time passwords from a clock (TOTP, RFC 6238, over HOTP, RFC 4226): pure
 * arithmetic.  That no code is taken twice is looked after by who asks.
 */
#ifndef BASE_OTP_H
#define BASE_OTP_H

#include "base/crypto.h"

#define OTP_SECRET_MIN		10	/* bytes: what authenticator apps make
					 * at least; RFC 4226 asks for 16 */
#define OTP_SECRET_MAX		128
#define OTP_DIGITS_MIN		6
#define OTP_DIGITS_MAX		8
#define OTP_DRIFT_MAX		10	/* steps before and behind the clock */

struct otp {
	struct view secret;		/* bytes, not base32 */
	enum hash_alg alg;		/* SHA1, SHA256 or SHA512 */
	unsigned digits;
	unsigned period;		/* seconds of one step, not 0 */
};

/* The bytes of a secret written in base32 (RFC 4648 6), appended to out:
 * capital or small letters, with blanks and dashes between groups, with or
 * without padding.  False: not base32, or not of an allowed size; what was
 * appended is to be thrown away. */
bool otp_secret(struct view text, struct wr *out) MUST_CHECK;

/* The other way: capital letters, without padding. */
void otp_secret_write(struct view bytes, struct wr *out);

/* The code of a step, digits and NUL.  False: the library failed. */
bool otp_code(const struct otp *o, uint64_t step,
    char out[OTP_DIGITS_MAX + 1]) MUST_CHECK;

/*
 * Is this the code of a step within drift of the clock (time(2))?  *step_out:
 * the newest such step.  The work depends on drift and on the length of the
 * code alone, never on how much of a code is right.
 */
bool otp_find(const struct otp *o, struct view code, int64_t now,
    unsigned drift, uint64_t *step_out) MUST_CHECK;

#endif
