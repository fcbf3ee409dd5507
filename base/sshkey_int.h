/* Shared by sshkey.c and sshkey_file.c alone. */
#ifndef BASE_SSHKEY_INT_H
#define BASE_SSHKEY_INT_H

#include "base/crypto.h"
#include "base/sshkey.h"

struct key_type {
	const char *name;		/* in blobs and lines */
	const char *curve;		/* RFC 5656 6.1, or NULL */
	const char *sigalgs;
	enum pkey_kind kind;
};

struct ssh_key {
	const struct key_type *type;
	struct pkey *pk;
	struct wr blob;			/* public blob */
};

/* NULL: not a type of ours. */
const struct key_type *key_type_find(struct view name);
const struct key_type *key_type_of(enum pkey_kind kind);

/* An RSA modulus of a size that is taken. */
enum err rsa_modulus_check(struct view n) MUST_CHECK;

/* Makes the key of pk, which it takes over also when it fails (NULL: memory,
 * or pk was NULL). */
struct ssh_key *ssh_key_from_pkey(struct pkey *pk);

#endif
