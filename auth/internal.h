/*
 * What the files of auth/ share: the state of one login and the rows of the
 * method table.
 */
#ifndef AUTH_INTERNAL_H
#define AUTH_INTERNAL_H

#include "auth/auth.h"
#include "auth/chain.h"
#include "auth/match.h"
#include "base/sshkey.h"
#include "base/userauth_msg.h"

/* Keys that one login can use up in its chains. */
#define AUTH_USED_MAX	16

/* Work done, so that tests can see that it is the same for everybody. */
struct auth_work {
	unsigned hashes;	/* crypt(3) */
	unsigned opens;		/* files of keys */
	unsigned verifies;	/* signatures */
};

struct auth {
	struct auth_start start;
	struct match_addr addr;
	bool from_ok;		/* the source may log in as this user */
	struct chains chains;
	bool partial;		/* something has been proved */
	bool over;		/* succeeded, or the connection must end */
	bool faults_told;	/* of the key files: once is enough */
	char used[AUTH_USED_MAX][SSHKEY_FP_MAX];
	size_t nused;
	struct auth_limits limits;
	uint8_t secret[32];	/* for delay_secret, if there is none */
	struct auth_work work;
};

/* What one method found out.  It may change nothing but work, faults_told
 * and these fields: whether it counts is decided in one place, auth.c. */
struct auth_step {
	bool proved;
	bool usable;		/* a query: this key would do */
	const char *reason;	/* static, of a failure */
	char key[SSHKEY_FP_MAX];
	struct auth_limits limits;
};

struct auth_method_row {
	/* Does the same work whether or not the user exists. */
	void (*check)(struct auth *a, const struct userauth_msg *m,
	    struct auth_step *step);
	bool counted;		/* a failure is an attempt */
	uint32_t grid_ms;	/* failures leave at a multiple of this after
				 * the request; 0: at once */
};

/* method: enum auth_method, or -1 for a name that is not known. */
const struct auth_method_row *auth_method_row(int method);

void auth_publickey(struct auth *a, const struct userauth_msg *m,
    struct auth_step *step);
void auth_password(struct auth *a, const struct userauth_msg *m,
    struct auth_step *step);

/*
 * Adds a text for the user to the answer: a banner of its own, what a PAM
 * module says, a password that expires soon.  What is only true of users who
 * exist must wait until something is proved: strangers see every notice.  A
 * text that has no room any more is left out.
 */
void auth_notice(struct auth_answer *out, struct view text);

const struct auth_work *auth_work(const struct auth *a);

#endif
