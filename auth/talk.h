/*
 * What the login process and sallyport-account say to each other about one
 * login through PAM, both ends in one place: frames of base/ipc.h (id 0) over
 * a SEQPACKET socket, the helper's descriptor 3.  A get_ function returns
 * false for anything short, long or out of range; each list and text has its
 * limit here.  Neither side believes the other: the helper runs modules that
 * may do anything, the login speaks for whoever has connected.
 *
 *	HELLO		first, once
 *	FIND		once at most: is the user an account of the host that
 *			may log in?  Answered by FOUND
 *	AUTH, ACCOUNT	one of them, once: an attempt.  Answered by any number
 *			of ASKs, each answered by ANSWERS, and one RESULT
 *	CHANGE		after TALK_WANTED and TALK_UNFIT alone: RESULT
 *	OPEN		after TALK_DONE: SESSION
 *
 * A helper serves one attempt.  After a RESULT that leaves nothing to be done
 * it ends, so that no state of a module outlives the attempt.
 */
#ifndef AUTH_TALK_H
#define AUTH_TALK_H

#include "base/buf.h"

enum talk_type {
	/* login -> helper */
	TALK_HELLO = 1,		/* struct talk_hello */
	TALK_FIND,		/* struct talk_find */
	TALK_AUTH,		/* struct talk_auth */
	TALK_ACCOUNT,		/* no body: nothing but the account phase */
	TALK_ANSWERS,		/* struct talk_texts */
	TALK_CHANGE,		/* struct talk_change */
	TALK_OPEN,		/* no body; fds: program, its control socket,
				 * its policy, the log */
	/* helper -> login */
	TALK_FOUND = 64,	/* struct talk_found */
	TALK_ASK,		/* struct talk_said, with a prompt in it */
	TALK_RESULT,		/* struct talk_result */
	TALK_SESSION		/* struct talk_session */
};

#define TALK_OPEN_FDS	4

/* Where sallyport-account --pam has them, and nothing else but /dev/null at 0,
 * 1 and 2: the socket of the talk, and that of its supervisor
 * (auth/supervisor.h), which PAM's process does not keep. */
#define HELPER_FD_TALK	3
#define HELPER_FD_CONTROL 4

#define TALK_SERVICE_MAX 64	/* bytes of a PAM service's name */
#define TALK_USER_MAX	255
#define TALK_RHOST_MAX	64
#define TALK_MAX	32	/* messages of one round: PAM_MAX_NUM_MSG */
#define TALK_TEXT_MAX	1024	/* bytes of one message or answer */
#define TALK_REASON_MAX	255
#define TALK_RULES_MAX	4096	/* names in allow or deny */
#define TALK_ENV_MAX	128	/* NAME=value of PAM's environment */
#define TALK_ENV_BYTES	((size_t)32 * 1024)
#define TALK_ACCOUNT_MAX ((size_t)60 * 1024)

struct talk_hello {
	struct view service, user, rhost;
	uint32_t grace_ms;	/* not 0; the helper does not outlive it,
				 * unless a session has been opened */
};

/* allow and deny are lists of strings, still encoded: talk_rule_next. */
struct talk_find {
	struct view allow, deny;
	bool root;		/* uid 0 may be */
};

struct talk_auth {
	bool interactive;	/* prompts are passed on */
	bool sham;		/* it must not succeed, whatever is answered */
	struct view password;	/* unless interactive */
};

struct talk_texts {
	size_t n;
	struct view text[TALK_MAX];
};

struct talk_change {
	struct view old, new;
};

struct talk_found {
	struct view reason;	/* why not; empty: may log in */
	struct view account;	/* account_put's line without its end */
};

enum talk_style { TALK_ECHO_OFF, TALK_ECHO_ON, TALK_ERROR, TALK_INFO };

/* What modules say, in their order: bytes of any kind but NUL. */
struct talk_said {
	size_t n;
	struct {
		enum talk_style style;
		struct view text;
	} msg[TALK_MAX];
};

enum talk_verdict {
	TALK_DENIED,
	TALK_DONE,		/* proved, and the account is in order */
	TALK_WANTED,		/* proved, but the password must be changed */
	TALK_UNFIT		/* the new password was not taken */
};

struct talk_result {
	enum talk_verdict verdict;
	struct view reason;	/* the true one, of anything but TALK_DONE */
	struct talk_said said;	/* not yet passed on; no prompts */
};

struct talk_session {
	uint32_t helper;	/* pid of the one that speaks */
	uint32_t pid;		/* of the user's process; 0: there is none */
	struct view reason;
	size_t nenv;
	struct view env[TALK_ENV_MAX];
};

void put_talk_hello(struct wr *w, const struct talk_hello *m);
bool get_talk_hello(struct view b, struct talk_hello *m) MUST_CHECK;
void put_talk_find(struct wr *w, const struct talk_find *m);
bool get_talk_find(struct view b, struct talk_find *m) MUST_CHECK;
void put_talk_auth(struct wr *w, const struct talk_auth *m);
bool get_talk_auth(struct view b, struct talk_auth *m) MUST_CHECK;
void put_talk_texts(struct wr *w, const struct talk_texts *m);
bool get_talk_texts(struct view b, struct talk_texts *m) MUST_CHECK;
void put_talk_change(struct wr *w, const struct talk_change *m);
bool get_talk_change(struct view b, struct talk_change *m) MUST_CHECK;
void put_talk_found(struct wr *w, const struct talk_found *m);
bool get_talk_found(struct view b, struct talk_found *m) MUST_CHECK;
/* Fails (w->bad) unless m is what get_talk_said would take. */
void put_talk_said(struct wr *w, const struct talk_said *m);
bool get_talk_said(struct view b, struct talk_said *m) MUST_CHECK;
void put_talk_result(struct wr *w, const struct talk_result *m);
bool get_talk_result(struct view b, struct talk_result *m) MUST_CHECK;
void put_talk_session(struct wr *w, const struct talk_session *m);
bool get_talk_session(struct view b, struct talk_session *m) MUST_CHECK;

/* Takes the next name off a list of talk_find; false at its end. */
bool talk_rule_next(struct view *list, struct view *name);
/* How many of the messages ask for an answer? */
size_t talk_prompts(const struct talk_said *m);

#endif
