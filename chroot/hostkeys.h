/* The private host keys of one generation; they live in the warden alone. */
#ifndef CHROOT_HOSTKEYS_H
#define CHROOT_HOSTKEYS_H

#include "base/policy.h"
#include "base/sshkey.h"

#define HOSTKEYS_MAX	16

struct hostkeys {
	struct ssh_key *key[HOSTKEYS_MAX];
	size_t n;
};

/* Loads every file, owned by root or the caller and closed to group and
 * others.  All faults are appended to `faults`, one per line; false if there
 * was any, and out is then empty. */
bool hostkeys_load(const struct view_list *paths, struct hostkeys *out,
    struct wr *faults) MUST_CHECK;
/* Looks at one file.  False: why (n bytes) is "is ...; needs ...". */
bool hostkeys_check(struct view path, char *why, size_t n) MUST_CHECK;
/* Frees the keys; their secrets are wiped. */
void hostkeys_free(struct hostkeys *k);
/* Does a signature take so long that a child should make it (RSA)? */
bool hostkeys_slow(const struct hostkeys *k, size_t i);
/* Appends a signature blob.  ERR_PROTO: no such key or algorithm. */
enum err hostkeys_sign(const struct hostkeys *k, size_t i, struct view alg,
    struct view hash, struct wr *out) MUST_CHECK;

#endif
