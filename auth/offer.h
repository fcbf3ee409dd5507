/*
 * The key that a publickey or hostbased request offers: is it in order, and
 * has it signed?  Whose key it is and what it may open is asked elsewhere.
 */
#ifndef AUTH_OFFER_H
#define AUTH_OFFER_H

#include "auth/internal.h"
#include "base/sshcert.h"

/* The key of a request, and the certificate that it came in. */
struct offer {
	struct ssh_cert *cert;		/* NULL: a plain key */
	struct ssh_key *plain;		/* NULL: a certificate */
	const struct ssh_key *key;	/* whose signature counts */
	struct view blob;		/* of the key without certificate */
};

/*
 * Is the request in order, before anybody asks whose it is?  The algorithm is
 * matched by its exact name and must belong to the type of the key or
 * certificate; the blob must be whole, valid and of an allowed size; a
 * certificate must be signed by the authority that it names.  NULL, or the
 * static reason; *o, zeroed before, is to be freed in either case.
 */
const char *offer_take(const struct userauth_msg *m, struct offer *o);
void offer_free(struct offer *o);

/*
 * The request's signature, against bytes made here from what we know
 * ourselves: the warden's session id and the names that this login was made
 * for (RFC 4252 7 and 9).  flags: enum ssh_sig_flag that a key on a security
 * token must show.  NULL, or the static reason.
 */
const char *offer_signature_fault(struct auth *a,
    const struct userauth_msg *m, const struct ssh_key *key, uint8_t flags);

#endif
