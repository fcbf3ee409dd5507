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
	unsigned programs;	/* started */
	unsigned turns;		/* answers that they were asked for */
	unsigned helpers;	/* sallyport-account, started */
};

#define TALK_WHY	256	/* bytes of a helper's reason */

struct auth_step;
struct pam;

/*
 * Somebody who holds a keyboard-interactive dialogue (RFC 4256) with the
 * client.  One dialogue is open at a time; its own state hangs off
 * a->talk.state.  begin and answers set step: to a question (dialog_ask), a
 * proof, or a reason why not.
 */
struct dialog {
	const char *name;	/* "password", ... */
	void (*begin)(struct auth *a, const struct userauth_msg *m,
	    struct auth_step *step);
	/* n is what was asked for */
	void (*answers)(struct auth *a, const struct view *answers, size_t n,
	    struct auth_step *step);
	/* Frees a->talk.state, however the dialogue ended; NULL: nothing is
	 * there to free. */
	void (*end)(struct auth *a);
};

/* The password that counts, the configuration's or the user's own. */
struct password_own {
	char hash[384];		/* CRYPT_OUTPUT_SIZE */
	int64_t changed;	/* by its user; 0: never */
};

struct auth {
	struct auth_start start;
	struct match_addr addr;
	uint64_t began;		/* ms, when start.now was */
	struct chains chains;
	bool partial;		/* something has been proved */
	bool over;		/* succeeded, or the connection must end */
	bool told;		/* the user's own banner */
	uint32_t proved;	/* methods, 1 << enum auth_method */
	struct {
		const struct dialog *with;	/* NULL: no dialogue */
		void *state;
		size_t nprompts;	/* answers that are owed */
	} talk;
	struct pam *pam;	/* NULL: nothing was asked of it yet */
	bool looked, account_kept;
	struct auth_account account;	/* of the host */
	char why_nobody[TALK_WHY];	/* the log's words, empty: none */
	struct password_own password;	/* that was proved; no hash: none */
	bool change_owed;	/* it has expired; a dialogue behind asks for
				 * a new one */
	bool faults_told;	/* of the key files: once is enough */
	bool totp_told;		/* likewise of a file with a secret */
	bool hosts_told;	/* ... and of lists of known hosts */
	char used[AUTH_USED_MAX][SSHKEY_FP_MAX];
	size_t nused;
	struct auth_limits limits;
	/* What the last step changed, for auth_undo(). */
	struct {
		bool partial, told;
		uint32_t proved;
		size_t nused;
		struct auth_limits limits;
	} before;
	uint64_t asked;		/* ms, when the last request came */
	uint8_t secret[32];	/* for delay_secret, if there is none */
	struct auth_work work;
};

/* A method may ask back before it decides. */
enum auth_ask {
	ASK_NOTHING,
	ASK_PROMPT,		/* an INFO_REQUEST; answers follow */
	ASK_CHANGE		/* a PASSWD_CHANGEREQ (RFC 4252 8) */
};

/* What one method found out.  It may change nothing but work, faults_told
 * and these fields: whether it counts is decided in one place, auth.c. */
struct auth_step {
	bool proved;
	bool usable;		/* a query: this key would do */
	enum auth_ask ask;
	struct wr payload;	/* ASK_PROMPT: the message's body; ASK_CHANGE:
				 * the text of the prompt */
	bool level;		/* ASK_PROMPT: after work whose time says
				 * something; leaves at the row's grid */
	struct wr notice;	/* for the user, if the step counts */
	const char *reason;	/* of a failure; as long as struct auth */
	char key[SSHKEY_FP_MAX];
	struct auth_limits limits;
};

struct auth_method_row {
	/* Does the same work whether or not the user exists. */
	void (*check)(struct auth *a, const struct userauth_msg *m,
	    struct auth_step *step);
	/* Answers to what was asked with ASK_PROMPT; NULL: never asks. */
	void (*answers)(struct auth *a, const struct view *answers, size_t n,
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
void auth_hostbased(struct auth *a, const struct userauth_msg *m,
    struct auth_step *step);
void auth_kbdint(struct auth *a, const struct userauth_msg *m,
    struct auth_step *step);
/* Whose kind of work is done: the user's policy, or for nobody the decoy;
 * NULL: neither. */
const struct policy *auth_shape(const struct auth *a);

void auth_kbdint_answers(struct auth *a, const struct view *answers, size_t n,
    struct auth_step *step);

/* Is it the user's password?  The same work for everybody, also for nobody;
 * the password may be of any length and hold any byte.  limits: what who
 * decided holds the session to; *why_out, static: why not.  password.c. */
bool password_matches(struct auth *a, struct view password,
    struct auth_limits *limits, const char **why_out) MUST_CHECK;

/* Why no password could be right, static; NULL: one could. */
const char *password_fault(const struct policy *p);

/*
 * ---- change.c ----
 * What counts now: NULL, or static words why it is not known.  Also for
 * nobody, whose hash is empty.
 */
const char *password_recall(struct auth *a, struct password_own *out);
/* These are for whoever has proved the password: a->password says which. */
bool password_has_expired(const struct auth *a);
/* Why it must stay as it is; NULL: it may be changed. */
const char *password_unchangeable(const struct auth *a);
/* Is the new one good enough?  False: text says to its user why not. */
bool password_fits(struct auth *a, struct view new, char *text, size_t n)
    MUST_CHECK;
/* The rules, for a prompt. */
void password_rules(const struct auth *a, char *text, size_t n);
/* Adds a notice if it expires soon. */
void password_warning(const struct auth *a, struct auth_step *step);
/* NULL: it counts from now on, on disk; else static words, and the old one
 * counts. */
const char *password_replace(struct auth *a, struct view new);
/* Tells its user that it could not be changed, and why not the log. */
void password_stuck(struct auth_step *step, const char *why);

/* Does it hash to this one?  Empty: to nobody's, at the same cost. */
bool password_hash_is(struct auth *a, struct view given, struct view hash)
    MUST_CHECK;

/*
 * Is it the user's verification or recovery code (totp.c)?  The same work for
 * everybody, also for nobody.  take: all else that this login asks for is
 * right, so that a good code is used up and a wrong one counts against the
 * user.  False: step->reason.
 */
bool totp_accept(struct auth *a, struct view given, bool take,
    struct auth_step *step) MUST_CHECK;

/* ---- remember.c: what outlives the login.  NULL, or static words why not,
 * of which the log has been told more. ---- */
const char *remember_lock(struct auth *a);
void remember_unlock(struct auth *a);
/* out, reset before, is empty if there is nothing yet or no folder. */
const char *remember_read(struct auth *a, const char *kind, struct wr *out);
/* Tells of bytes that were read and mean nothing. */
const char *remember_damage(const char *kind);
/* On disk when it returns.  Under the lock. */
const char *remember_write(struct auth *a, const char *kind,
    const struct wr *w);

/* Why no proof by this method could let this user in now: static; NULL if it
 * could (auth.c). */
const char *auth_gate(const struct auth *a, int method);
/* Adds a line to step->notice. */
void auth_step_notice(struct auth_step *step, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

/* Adds a notice if what has not much longer than password_warn to live. */
void auth_step_expires(const struct auth *a, struct auth_step *step,
    const char *what, int64_t expires);

/* ---- dialog.c ---- */
struct dialog_prompt {
	const char *text;	/* UTF-8, "Password: " */
	bool echo;
};
/* Asks n prompts (0: only shows name and instruction) in the open dialogue.
 * Texts may be NULL. */
void dialog_ask(struct auth *a, struct auth_step *step, const char *name,
    const char *instruction, const struct dialog_prompt *prompts, size_t n);
/* Ends the open dialogue, if there is one. */
void dialog_close(struct auth *a);
/* The one that this user is asked by; also for nobody. */
const struct dialog *dialog_of(const struct auth *a);
/* What the YAML itself holds: password, then what else is set. */
extern const struct dialog dialog_own;
/* A program of the operator's. */
extern const struct dialog dialog_program;

/*
 * Adds a text for the user to the answer: a banner of its own, what a PAM
 * module says, a password that expires soon.  What is only true of users who
 * exist must wait until something is proved: strangers see every notice.  A
 * text that has no room any more is left out.
 */
void auth_notice(struct auth_answer *out, struct view text);

/* Seconds since 1970: start.now and what has passed since. */
int64_t auth_now(const struct auth *a);
/* admit.c: why p lets nobody in from there and then, static; NULL: it does.
 * The same work for everybody, also for nobody (p NULL). */
const char *admit_fault(const struct policy *p, const struct match_addr *addr,
    int64_t now);

const struct auth_work *auth_work(const struct auth *a);

#endif
