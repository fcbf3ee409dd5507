/*
 * What is remembered of a user from one login to the next, each kind a file
 * in the state folder (struct auth_store): plain structs and their bytes.
 *
 *	totp		which codes have been used
 *	keys		when which key was used, and from where
 *	password	the user's own, and which one it replaces
 *
 * Numbers big-endian, texts with their length in front, a byte of version
 * first.  A get function refuses whatever its put does not write.
 */
#ifndef AUTH_RECORDS_H
#define AUTH_RECORDS_H

#include "base/buf.h"

#define RECORD_MAX		((size_t)64 * 1024)	/* bytes of a file */

#define RECORD_TOTP		"totp"
#define RECORD_USED_MAX		64	/* recovery codes */
#define RECORD_HASH		32	/* SHA-256 */

/*
 * byte		1
 * uint64	newest step whose code was taken
 * uint32	wrong codes since
 * uint64	this moment, seconds since 1970
 * uint32	number of used recovery codes
 * byte[32]	SHA-256 of each one's hash as it stood in the configuration
 */
struct totp_record {
	uint64_t step;
	uint32_t failures;
	int64_t since;
	size_t nused;
	uint8_t used[RECORD_USED_MAX][RECORD_HASH];
};
void put_totp_record(struct wr *w, const struct totp_record *r);
bool get_totp_record(struct view b, struct totp_record *r) MUST_CHECK;

#define RECORD_PASSWORD		"password"
#define RECORD_HASH_TEXT_MAX	384	/* bytes of a crypt(3) hash */

/*
 * byte		1
 * string	crypt(3) hash
 * byte[32]	SHA-256 of the configuration's hash that it replaces: another
 *		one there is newer than this
 * uint64	when, seconds since 1970
 */
struct password_record {
	struct view hash;		/* borrowed */
	uint8_t replaces[RECORD_HASH];
	int64_t changed;
};
void put_password_record(struct wr *w, const struct password_record *r);
bool get_password_record(struct view b, struct password_record *r)
    MUST_CHECK;

#define RECORD_KEYS		"keys"
#define RECORD_KEYS_MAX		64
#define RECORD_KEY_TEXT_MAX	63	/* bytes of a fingerprint, a source */

/*
 * byte		1
 * uint32	number of keys, the newest use first
 * each:	string	fingerprint
 *		uint64	last use, seconds since 1970
 *		string	source address
 */
struct key_use {
	char key[RECORD_KEY_TEXT_MAX + 1];
	int64_t at;
	char src[RECORD_KEY_TEXT_MAX + 1];
};
struct keys_record {
	size_t n;
	struct key_use use[RECORD_KEYS_MAX];
};
void put_keys_record(struct wr *w, const struct keys_record *r);
bool get_keys_record(struct view b, struct keys_record *r) MUST_CHECK;
/* NULL: that key is not in it. */
const struct key_use *keys_record_find(const struct keys_record *r,
    const char *key);
/* Puts a use in front, in place of an older one of the key; with too many
 * keys the oldest use is forgotten. */
void keys_record_add(struct keys_record *r, const char *key, int64_t at,
    const char *src);

#endif
