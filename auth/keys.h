/*
 * May this public key log this user in?  The keys are those of the user's
 * policy: lines in the configuration, files, and what a program says if they
 * do not let the key in.  A certificate may, if its
 * authority stands in one of the policy's ca_keys files, or in a line with
 * cert-authority.  A line that names the key or the authority still refuses
 * it when its options do not permit the login, or ask for something that this
 * version cannot do: an option is never passed over.
 *
 *	from=, expiry-time=	enforced here
 *	restrict, no-*, and	taken from, or given back to, what the policy
 *	the permits		allows, never more than that
 *	permitopen=,		the only ends of that direction of forwarding;
 *	permitlisten=		where they cannot be kept it is denied whole
 *	command=		is run whatever the client asks for, for a user
 *				who may run programs; "internal-sftp" leaves
 *				sftp alone.  Refused where neither is allowed
 *	environment=		set for programs, if the user's policy lets
 *				clients set that name; otherwise refused
 *	cert-authority		the line is about certificates that the key
 *				signed, not about the key itself
 *	principals=		with cert-authority: the certificate must name
 *				one of them; without it, the user.  A key that
 *				is no authority is refused
 *	tunnel=			refused: no such feature
 *	verify-required,	told to who checks the signature, which must
 *	no-touch-required	show it; no effect on keys that live on no
 *				security token, as in OpenSSH
 *
 * The files of ca_keys hold the same lines, each as if with cert-authority.
 * There the names that count without principals= are the policy's principals,
 * and without those the user's name.
 *
 * Whatever is found is then looked for in the lists of revoked keys, the
 * authority as well; if one of them cannot be read, every key is refused.
 */
#ifndef AUTH_KEYS_H
#define AUTH_KEYS_H

#include "auth/auth.h"
#include "auth/authorized_keys.h"
#include "auth/match.h"
#include "base/sshcert.h"

/* How many faults of one reading are logged; the rest are counted. */
#define KEYS_FAULTS_MAX	20

#define KEYS_COMMAND_MAX	((size_t)64 * 1024)

struct keys_query {
	const struct policy *policy;	/* NULL: no such user, same work */
	struct view blob;		/* of the plain key that is asked
					 * about, certified or not */
	const struct ssh_key *key;	/* its sizes; NULL: not looked at */
	const struct ssh_cert *cert;	/* the certificate it came in */
	const struct match_addr *addr;
	int64_t now;			/* time(2) */
	bool tell_faults;		/* log lines and files with faults */
	/* Asked last, also for nobody: puts more lines into out (reset
	 * before), of at most KEYS_COMMAND_MAX bytes.  False: *why_out,
	 * static.  NULL: there is nobody to ask. */
	bool (*command)(void *ctx, struct wr *out, const char **why_out);
	void *command_ctx;
};

struct keys_answer {
	const char *refusal;	/* static; NULL: may log in */
	struct auth_limits limits;
	uint8_t sig_flags;	/* enum ssh_sig_flag that the signature of a
				 * key on a security token must have */
	int64_t expires;	/* expiry-time: from then on it may not; 0:
				 * none was given */
	unsigned opens;		/* files asked for, decoys included */
};

/* Reads what there is to read, each time anew.  Blocks on files only. */
void keys_find(const struct keys_query *q, struct keys_answer *out);

/* What bars a key whoever vouches for it: its size, or a list of revoked
 * keys.  NULL, or the static reason; adds the files asked for to *opens.
 * q->policy is not NULL. */
const char *keys_barred(const struct keys_query *q, unsigned *opens);

/* What a parsed line says: NULL if its options permit a login now, else the
 * static reason.  allow: enum policy_allow of the user. */
const char *keys_refusal(const struct ak_line *l,
    const struct match_addr *addr, int64_t now, const struct policy *p);
/* The part of that which does not depend on who logs in, when and from where:
 * the static reason why a line is of no use in this version, or NULL. */
const char *keys_never(const struct ak_line *l);
/* What it takes away from the session. */
struct auth_limits keys_limits(const struct ak_line *l);

/* Reads one file whole into out (reset before).  It must be regular, belong
 * to root, uid or this process's own user, be writable by its owner alone and
 * at most AK_FILE_MAX long.  NULL, or the static reason; a file that is not
 * there is "". */
const char *keys_read_file(const char *path, uint32_t uid, struct wr *out);
/* The same of one of the policy's key_files, which may be in the user's home
 * (auth/home.h). */
const char *keys_read_own(const struct policy *p, struct view path,
    struct wr *out);

#endif
