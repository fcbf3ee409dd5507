/* Shared by sshkey*.c and sshcert.c alone. */
#ifndef BASE_SSHKEY_INT_H
#define BASE_SSHKEY_INT_H

#include "base/crypto.h"
#include "base/sshkey.h"

/* The longest blob of a plain key: 16384 bits of modulus and 64 of exponent,
 * or a point and an application, need less. */
#define KEY_BLOB_MAX	4096
#define KEY_APP_MAX	1024	/* application of a security key */

struct key_type {
	const char *name;		/* in blobs and lines */
	const char *curve;		/* RFC 5656 6.1, or NULL */
	const char *sigalgs;
	const char *plain;		/* certificates: what is certified */
	enum pkey_kind kind;
	bool sk;			/* on a security key (PROTOCOL.u2f) */
};

struct ssh_key {
	const struct key_type *type;
	struct pkey *pk;
	struct wr blob;			/* public blob, or certificate */
	struct view app;		/* security keys: inside of blob */
};

/* A plain type; NULL: not one of ours. */
const struct key_type *key_type_find(struct view name);
const struct key_type *key_type_of(enum pkey_kind kind);

/* An RSA modulus of a size that is taken. */
enum err rsa_modulus_check(struct view n) MUST_CHECK;

/*
 * The fields of a public key, as they stand behind the type in its blob and
 * behind the nonce in a certificate.  Borrowed.
 */
struct key_fields {
	struct view a, b;		/* point; curve and point; e and n */
	struct view app;
};
void key_fields_read(struct rd *r, const struct key_type *type,
    struct key_fields *out);
/* Checks them and makes the key whose public form is `blob`, of which the
 * fields are a part.  As ssh_key_parse_blob. */
enum err key_fields_make(const struct key_fields *f,
    const struct key_type *type, struct view blob, struct ssh_key **out)
    MUST_CHECK;

/* Makes the key of pk, which it takes over also when it fails (NULL: memory,
 * or pk was NULL). */
struct ssh_key *ssh_key_from_pkey(struct pkey *pk);

/* A raw signature of k's kind over data: mpint r and s, or bytes. */
enum err key_verify_raw(const struct ssh_key *k, enum hash_alg hash,
    struct view data, struct view raw) MUST_CHECK;
/* What stands behind the algorithm in the signature of a security key. */
enum err sk_verify(const struct ssh_key *k, bool webauthn, struct view data,
    struct rd *r, struct ssh_sig_details *details) MUST_CHECK;

#endif
