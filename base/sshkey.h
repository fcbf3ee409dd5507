/*
 * SSH keys: blobs (RFC 4253 6.6, RFC 5656, RFC 8332, RFC 8709; keys on
 * security tokens: OpenSSH's PROTOCOL.u2f), text lines, private key files
 * (OpenSSH's "openssh-key-v1", PEM), signatures.  Certificates: sshcert.h.
 */
#ifndef BASE_SSHKEY_H
#define BASE_SSHKEY_H

#include "base/buf.h"

#define SSHKEY_FP_MAX	64	/* "SHA256:" + 43 characters + NUL */
#define SSHKEY_RSA_MIN	2048
#define SSHKEY_RSA_MAX	16384

struct ssh_key;

/* Parses a public key blob, whole: nothing may be left over.  A certificate
 * is not a key: its type is unknown here.  On success the caller owns *out.
 * ERR_PROTO: malformed or of an unknown type; ERR_LIMIT: an RSA key outside
 * the sizes above. */
enum err ssh_key_parse_blob(struct view blob, struct ssh_key **out)
    MUST_CHECK;
/* "ssh-ed25519 AAAA... comment": one line without options.  The type word
 * must equal the type in the blob.  comment_out (may be NULL) is borrowed
 * from line. */
enum err ssh_key_parse_line(struct view line, struct ssh_key **out,
    struct view *comment_out) MUST_CHECK;
/* A private key file's bytes, at most 64 KiB.  *why_out is a static sentence
 * on failure ("the key is encrypted with a passphrase; ...").  The halves must
 * belong together.  ERR_DENIED: encrypted; ERR_LIMIT: file or RSA key too long
 * or too short; ERR_PROTO: everything else. */
enum err ssh_key_parse_private(struct view file, struct ssh_key **out,
    const char **why_out) MUST_CHECK;
/* type: "ed25519", "ecdsa" (bits 256, 384, 521) or "rsa" (bits). */
struct ssh_key *ssh_key_generate(const char *type, unsigned bits);
/* Writes an unencrypted "openssh-key-v1" PEM file's text. */
bool ssh_key_write_private(const struct ssh_key *k, const char *comment,
    struct wr *out) MUST_CHECK;
void ssh_key_free(struct ssh_key **k);

/* Key type name as in the blob, static storage. */
const char *ssh_key_type(const struct ssh_key *k);
unsigned ssh_key_bits(const struct ssh_key *k);
bool ssh_key_is_private(const struct ssh_key *k);
/* Does it live on a security token? */
bool ssh_key_is_sk(const struct ssh_key *k);
/* Is this the type of a plain key that this build can parse? */
bool ssh_key_type_known(struct view type);

/* The least sizes that an operator takes; 0: as parsing takes them. */
struct ssh_key_sizes {
	uint32_t rsa, ecdsa;		/* bits */
};
bool ssh_key_size_ok(const struct ssh_key *k,
    const struct ssh_key_sizes *min);

/* The public blob, valid as long as the key. */
struct view ssh_key_blob(const struct ssh_key *k);
bool ssh_key_equal(const struct ssh_key *a, const struct ssh_key *b);
/* "SHA256:..." as ssh-keygen prints it. */
void ssh_key_fingerprint(struct view blob, char out[SSHKEY_FP_MAX]);

/* Signature algorithms a key can make or is allowed to be used with:
 * "rsa-sha2-512,rsa-sha2-256" for ssh-rsa, else the type itself.  ssh-rsa
 * (SHA-1) is not among them. */
const char *ssh_key_sigalgs(const struct ssh_key *k);
/* Every signature algorithm this build verifies, comma-separated, those of
 * certificates included: the value of server-sig-algs (RFC 8308). */
const char *ssh_sigalg_list(void);
/* Those that a host key can have, of which this side must sign. */
const char *ssh_sigalg_host_list(void);
/* Does signature algorithm `alg` belong to key type `type`? */
bool ssh_sigalg_fits(struct view alg, struct view type);

/* sig is the signature blob: string algorithm, string signature.  The
 * algorithm inside must be `alg`, exactly, and fit the key.  OK or ERR_DENIED
 * (does not verify), ERR_PROTO (malformed or another algorithm). */
enum err ssh_key_verify(const struct ssh_key *k, struct view alg,
    struct view data, struct view sig) MUST_CHECK;
/* What a good signature says beside being good (PROTOCOL.u2f).  All zero for
 * keys that live on no security token. */
enum ssh_sig_flag {
	SSH_SIG_TOUCH = 0x01,		/* somebody was there */
	SSH_SIG_VERIFIED = 0x04		/* and proved to be the owner */
};
struct ssh_sig_details {
	uint8_t flags;
	uint32_t counter;
};
/* ssh_key_verify that tells; *details is zero unless it is OK.  Whether a
 * touch or more is needed is the caller's to decide. */
enum err ssh_key_verify_details(const struct ssh_key *k, struct view alg,
    struct view data, struct view sig, struct ssh_sig_details *details)
    MUST_CHECK;
/* Appends a signature blob to out.  ERR_DENIED: no private half. */
enum err ssh_key_sign(const struct ssh_key *k, struct view alg,
    struct view data, struct wr *out) MUST_CHECK;

#endif
