/*
 * Lists of keys that are revoked: OpenSSH's binary KRL (PROTOCOL.krl), and
 * text with one public key per line.  Nothing is built from a list: it is
 * read through once for each question, checked to its end whatever it says,
 * without memory of its own.
 */
#ifndef BASE_KRL_H
#define BASE_KRL_H

#include "base/buf.h"

#define KRL_MAX		((size_t)8 * 1024 * 1024)	/* bytes of a list */

/* What is asked about: a key, and the certificate that it came in. */
struct krl_query {
	struct view key;	/* blob of the plain key */
	struct view ca;		/* blob of the authority; empty: no
				 * certificate, and then the rest is unused */
	uint64_t serial;
	struct view key_id;
};

/*
 * OK: not revoked.  ERR_DENIED: the key, its authority or its certificate is.
 * ERR_PROTO: the list cannot be read, or demands what is not known here (a
 * critical extension): whoever asks must refuse every key.  ERR_LIMIT: longer
 * than KRL_MAX; ERR_NOMEM, ERR_CRYPTO.
 *
 * The signatures that a KRL may end in are skipped, not verified: the file
 * comes from the host's own disk.  In a text, a line that holds a certificate
 * revokes the key in it.
 */
enum err krl_check(struct view list, const struct krl_query *q) MUST_CHECK;

#endif
