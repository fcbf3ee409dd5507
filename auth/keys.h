/*
 * May this public key log this user in?  The keys are those of the user's
 * policy: lines in the configuration and files.  A line that names the key
 * still refuses it when its options do not permit the login, or ask for
 * something that this version cannot do: an option is never passed over.
 *
 *	from=, expiry-time=	enforced here
 *	restrict, no-*, and	taken from, or given back to, what the policy
 *	the permits		allows, never more than that
 *	permitopen=,		until such limits are kept, the direction of
 *	permitlisten=		forwarding that they limit is denied whole
 *	command=		"internal-sftp" alone, for a user who may use
 *				sftp; denies all else.  Otherwise refused
 *	cert-authority,		refused: no certificates
 *	principals=
 *	environment=, tunnel=	refused: no such feature
 *	verify-required,	about keys on security tokens, whose types are
 *	no-touch-required	not known here; no effect on others, as in
 *				OpenSSH
 */
#ifndef AUTH_KEYS_H
#define AUTH_KEYS_H

#include "auth/auth.h"
#include "auth/authorized_keys.h"
#include "auth/match.h"

/* How many faults of one reading are logged; the rest are counted. */
#define KEYS_FAULTS_MAX	20

struct keys_query {
	const struct policy *policy;	/* NULL: no such user, same work */
	struct view blob;		/* of the key that is asked about */
	const struct match_addr *addr;
	int64_t now;			/* time(2) */
	bool tell_faults;		/* log lines and files with faults */
};

struct keys_answer {
	const char *refusal;	/* static; NULL: may log in */
	struct auth_limits limits;
	unsigned opens;		/* files asked for, decoys included */
};

/* Reads what there is to read, each time anew.  Blocks on files only. */
void keys_find(const struct keys_query *q, struct keys_answer *out);

/* What a parsed line says: NULL if its options permit a login now, else the
 * static reason.  allow: enum policy_allow of the user. */
const char *keys_refusal(const struct ak_line *l,
    const struct match_addr *addr, int64_t now, uint32_t allow);
/* What it takes away from the session. */
struct auth_limits keys_limits(const struct ak_line *l);

/* Reads one file whole into out (reset before).  It must be regular, belong
 * to root, uid or this process's own user, be writable by its owner alone and
 * at most AK_FILE_MAX long.  NULL, or the static reason; a file that is not
 * there is "". */
const char *keys_read_file(const char *path, uint32_t uid, struct wr *out);

#endif
