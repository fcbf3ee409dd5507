/*
 * OpenSSH certificates (PROTOCOL.certkeys): a public key, and what an
 * authority says about it, signed by the authority's own key.  Parsing into a
 * plain struct; what a certificate permits whom is decided in auth/.
 */
#ifndef BASE_SSHCERT_H
#define BASE_SSHCERT_H

#include "base/sshkey.h"

#define SSHCERT_MAX		((size_t)32 * 1024)	/* bytes, whole */
#define SSHCERT_PRINCIPALS_MAX	256

enum ssh_cert_type {
	SSHCERT_USER = 1,
	SSHCERT_HOST = 2
};

/* Critical options, then extensions. */
enum ssh_cert_option {
	SSHCERT_FORCE_COMMAND = 1 << 0,		/* the field below was given */
	SSHCERT_SOURCE_ADDRESS = 1 << 1,
	SSHCERT_VERIFY = 1 << 2,		/* verify-required */
	SSHCERT_NO_TOUCH = 1 << 3,		/* no-touch-required */
	SSHCERT_X11 = 1 << 4,			/* permit-... */
	SSHCERT_AGENT = 1 << 5,
	SSHCERT_PORT = 1 << 6,
	SSHCERT_PTY = 1 << 7,
	SSHCERT_USER_RC = 1 << 8
};

/*
 * All views point into the certificate's own bytes, which key holds.  Texts
 * have no NUL, but may have any other byte.
 */
struct ssh_cert {
	struct ssh_key *key;	/* that is certified: its type is that of the
				 * certificate, its blob the certificate */
	struct ssh_key *ca;	/* the authority's: never a certificate */
	struct wr plain;	/* the certified key's own blob */
	uint64_t serial;
	enum ssh_cert_type type;
	struct view key_id;
	struct view principals[SSHCERT_PRINCIPALS_MAX];
	size_t nprincipals;
	uint64_t valid_after, valid_before;	/* time_t; up to before it */
	uint32_t options;	/* enum ssh_cert_option */
	struct view force_command;
	struct view source_address;		/* as written; not checked */
	struct view unknown;	/* name of the first critical option that is
				 * not known; the certificate must be refused.
				 * p is NULL if there is none */
	struct view signed_part, signature;	/* the authority's */
};

/* Is this the type of a certificate that this build can parse? */
bool ssh_cert_type_known(struct view type);

/* Parses a certificate, whole, and checks the authority's signature; not
 * whether anybody trusts that authority, nor dates, names or the unknown
 * option.  On success the caller owns *out.  ERR_PROTO: malformed, not a
 * certificate, or signed by what may not sign; ERR_LIMIT: too long, too many
 * principals, an RSA key outside of its sizes; ERR_DENIED: the signature is
 * wrong. */
enum err ssh_cert_parse(struct view blob, struct ssh_cert **out) MUST_CHECK;
/* The same without the signature: nothing in it can be believed. */
enum err ssh_cert_parse_unchecked(struct view blob, struct ssh_cert **out)
    MUST_CHECK;
void ssh_cert_free(struct ssh_cert **c);

/* Does it name this principal, byte by byte?  One without any principal
 * names nobody. */
bool ssh_cert_names(const struct ssh_cert *c, struct view principal);
/* NULL if it is valid at this time(2), else the static reason. */
const char *ssh_cert_outdated(const struct ssh_cert *c, int64_t now);

/* The key that must have made a signature which goes with blob: a plain key
 * or that of a certificate, whose authority is not looked at.  As
 * ssh_key_parse_blob. */
enum err ssh_cert_signer(struct view blob, struct ssh_key **out) MUST_CHECK;
/* Appends the blob of the plain key in a certificate, whose other parts are
 * not looked at.  False: not a certificate, cut short, no room. */
bool ssh_cert_plain(struct view blob, struct wr *out) MUST_CHECK;

#endif
