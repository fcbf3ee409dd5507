/*
 * Who a client is, decided in the login process: the one header of auth/.
 *
 * The login process makes one struct auth for its connection.  It gives it
 * every USERAUTH message and gets a verdict.  Nothing a client sends changes
 * the user name, the session id or the position in a chain other than a
 * verified step (RFC 4252 5, 5.1, 7, 8).
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include <sys/types.h>

#include "auth/account.h"
#include "base/messages.h"
#include "base/policy.h"

struct auth;

/*
 * What is remembered of this login's user from one login to the next: a file
 * for each kind (auth/records.h).  Between lock and unlock no other login of
 * the user reads or writes; lock waits a few seconds at most.  read and write
 * as state_read and state_write (chroot/state.h).
 */
struct auth_store {
	enum err (*lock)(void *ctx) MUST_CHECK;
	void (*unlock)(void *ctx);
	enum err (*read)(void *ctx, const char *kind, size_t max,
	    struct wr *out) MUST_CHECK;
	enum err (*write)(void *ctx, const char *kind, struct view bytes)
	    MUST_CHECK;
	void *ctx;
};

struct auth_start {
	struct view user;		/* as the client named it, raw */
	struct view session_id;		/* the warden's, not the server's */
	struct view host_key;		/* SHA-256 of the key that the server
					 * showed first; empty: not known, and
					 * no request is bound to it */
	const struct policy *policy;	/* NULL: there is no such user */
	/* Then the kind of work to be done (policy_decoy), whose outcome
	 * changes nothing; NULL: none but what is done for everybody. */
	const struct policy *decoy;
	uint32_t methods_first;		/* told before anything is proved */
	bool asks_code;			/* somebody begins with a dialogue that
					 * asks for a one-time code */
	const struct auth_store *store;	/* NULL: nothing is remembered */
	char src[64];			/* address in words, from the kernel */
	const struct sockaddr *peer;	/* from the kernel */
	const struct sockaddr *local;	/* where it has arrived; NULL: not
					 * known */
	uint32_t conn;			/* its number, for programs */
	int64_t now;			/* time(2), for expiry-time */
	/* Called with true before and false after every crypt(3) check: the
	 * caller may limit how many run at a time.  NULL: run at once. */
	void (*hash_slot)(void *ctx, bool take);
	void *hash_ctx;
	/* Waits up to ms milliseconds (-1: for ever) until fd is ready for
	 * events (poll(2)); false: it is not.  The caller may end the process
	 * inside when the client has gone.  NULL: plain poll(2). */
	bool (*wait)(void *ctx, int fd, short events, int ms);
	void *wait_ctx;
	/* The program sallyport-account; NULL: there is none to ask. */
	const char *helper;
	uint32_t grace_ms;		/* when a login is over at the latest;
					 * 0: not known */
	/* What is said of accounts of the host (put_host_rules); empty: they
	 * cannot log in. */
	struct view host;
	const struct auth_store *host_store;	/* as store, for them */
	/* Bytes that stay the same while the daemon lives and that no client
	 * knows: they spread the moment of a failure by user name.  Empty:
	 * spread by bytes of this connection alone. */
	struct view delay_secret;
};

/* NULL: no memory.  What start points to must outlive the result. */
struct auth *auth_new(const struct auth_start *start);
void auth_free(struct auth **a);

#define AUTH_START_MAX	1023	/* bytes of a path */
#define AUTH_COMMAND_MAX 4095	/* bytes of a forced command */
#define AUTH_KEY_ENV_MAX 4096	/* of all lines of environment= */

/* Ends of forwarded connections that a key permits, "HOST:PORT" or, of those
 * that listen, "PORT" (base/forward.h); each with a NUL behind it. */
#define AUTH_PERMITS_MAX 4096	/* bytes */
struct auth_permits {
	bool given;		/* else there is no such limit */
	size_t len;
	char text[AUTH_PERMITS_MAX];
};

/* What a verified public key's options, or who else was asked, demand of the
 * session. */
struct auth_limits {
	bool restrict_all;		/* `restrict`, nothing given back */
	uint32_t deny;			/* enum policy_allow bits taken away */
	char command[AUTH_COMMAND_MAX + 1]; /* forced; empty: none.  The deny
					 * of "internal-sftp" leaves nothing
					 * but sftp, that of others no files */
	char env[AUTH_KEY_ENV_MAX];	/* "NAME=value" of environment=, each
					 * with a NUL behind it */
	size_t env_len;
	struct auth_permits open, listen; /* permitopen=, permitlisten= */
	/* said by a program that let the user in */
	bool has_umask;
	uint32_t umask;
	char start[AUTH_START_MAX + 1];	/* empty: not said */
};

struct auth_answer {
	enum auth_verdict verdict;
	uint32_t methods;		/* that can continue */
	struct wr payload;		/* PROMPT, CHANGEREQ body or DISCONNECT
					 * text; the caller frees */
	struct wr notice;		/* text for the user, shown before the
					 * verdict, see auth_notice(); the
					 * caller frees */
	/* for the audit log and the warden */
	int method;			/* enum auth_method, -1 unknown name */
	bool counted;			/* an attempt in the warden's sense:
					 * not `none`, not an accepted query */
	bool abandoned;			/* a dialogue was left without its
					 * answers: one more attempt */
	const char *reason;		/* the true one; as long as struct
					 * auth */
	char key[64];			/* fingerprint of an offered key */
	/* A failure must not leave before this many milliseconds after the
	 * request came in, whatever was checked meanwhile. */
	uint32_t not_before_ms;
};

/* One USERAUTH_REQUEST or INFO_RESPONSE, whole payload from its message
 * number.  Blocking work (crypt, files) happens inside. */
void auth_request(struct auth *a, struct view payload,
    struct auth_answer *out);

/*
 * The success just given is not granted: the answer becomes a failure like
 * that of a wrong proof, the last step is as if it had not been made, and the
 * client may try on.  why: for the log; must live as long as out.
 */
void auth_undo(struct auth *a, struct auth_answer *out, const char *why);

/* After VERDICT_SUCCESS: what the proof limits.  Borrowed from a. */
const struct auth_limits *auth_limits(const struct auth *a);

/* The last login before this one by the same key. */
struct auth_last_use {
	int64_t at;			/* seconds since 1970; 0: none */
	char src[64];
};
/* For a login that nothing stands against any more: remembers which keys it
 * used.  False: by none, or nothing is known; else *out is about the last of
 * them.  May wait for the disk. */
bool auth_note_use(struct auth *a, struct auth_last_use *out);
/* The other way: tells what that file holds, the newest use first.  False:
 * it is damaged. */
#define AUTH_KEY_USES_MAX	((size_t)64 * 1024)
bool auth_key_uses(struct view bytes, void (*say)(void *ctx, const char *key,
    int64_t at, const char *src), void *ctx) MUST_CHECK;

/* Why a policy lets nobody in from an address at a time (seconds since 1970),
 * whatever they prove: static words for the log.  NULL: it does. */
const char *auth_refuses(const struct policy *p, const struct sockaddr *peer,
    int64_t now);

/* For the check of a configuration: can only root change this program?
 * *why_out, static until the next call: what is wrong and what mends it;
 * *missing_out: it is not there. */
bool auth_program_ok(struct view path, bool *missing_out,
    const char **why_out) MUST_CHECK;

/* ---- for the operator who asks about one user ---- */

#define AUTH_DESCRIBE_MAX	16384	/* bytes of one thing that is said */
struct auth_hearer {
	/* One thing that a client could prove, or (good false) why it could
	 * not; from keys' comments and files' names: any bytes but NUL. */
	void (*say)(void *ctx, bool good, const char *text);
	void *ctx;
};
struct auth_question {
	const struct policy *policy;
	enum auth_method method;
	size_t step;			/* of the chain, from 0 */
	const struct sockaddr *peer;	/* NULL: from= of keys is no matter */
	int64_t now;
	const struct auth_store *store;	/* NULL: what is remembered of the
					 * user is not known */
};
/* Tells what a method has to check for users of this policy, and returns how
 * many different proofs there may be: 0 none, a key each 1, UINT_MAX where
 * it cannot be counted.  Reads the files of keys. */
unsigned auth_describe(const struct auth_question *q,
    const struct auth_hearer *to);

/* ---- accounts of the host ---- */

struct host_rules;		/* base/host.h */
struct auth_account {
	struct policy *policy;	/* NULL: nobody who may log in */
	struct wr bytes;	/* behind it */
	char why[256];
};
/* Asks about the user again, by other rules.  NULL, or why not (as long as
 * out); free it in any case. */
const char *auth_find_account(struct auth *a, struct view rules,
    struct auth_account *out);
void auth_account_free(struct auth_account *acc);
/* The same in two steps, for who does not log in: what to ask sallyport-account
 * --find, and the policy of what it said.  NULL, or why not. */
void auth_put_find(struct wr *w, const struct host_rules *r);
const char *auth_account_policy(const struct host_rules *r,
    const struct account *acc, struct auth_account *out);
/* start.policy, or that of the account that was found; NULL: neither. */
const struct policy *auth_policy(const struct auth *a);
/* It outlives a. */
void auth_keep_policy(struct auth *a);

/* ---- PAM's session (auth/talk.h) ---- */

#define AUTH_SESSION_FDS 4	/* sallyportd itself, the session's end of its
				 * control socket, its policy, the log */
#define AUTH_ENV_MAX	((size_t)48 * 1024)
struct auth_session {
	pid_t helper;		/* the process that holds it */
	pid_t pid;		/* the user's, beneath it */
	struct wr env;		/* NAME=value, a string each; the caller
				 * frees */
	char why[256];
};
/* Does one belong to this login?  After VERDICT_SUCCESS. */
bool auth_has_session(const struct auth *a);
/* Opens it and starts the user's process there, which waits on its control
 * socket.  NULL, or why not (valid as long as out). */
const char *auth_open_session(struct auth *a, const int fds[AUTH_SESSION_FDS],
    struct auth_session *out);
/* From now on it does not end with this process; false: it is gone. */
bool auth_let_go(struct auth *a) MUST_CHECK;

/* For the check of a configuration: is this authorized_keys line one?
 * *why_out, static: "is ...; needs ...".  If it is, but its key or options
 * are such that a login will be refused, doubt_out says so, else it is empty:
 * what another version may know is no reason not to start. */
bool auth_key_line(struct view line, const char **why_out,
    char doubt_out[CONFIG_DOUBT_MAX]) MUST_CHECK;
/* The same for a line of known_hosts. */
bool auth_host_line(struct view line, const char **why_out,
    char doubt_out[CONFIG_DOUBT_MAX]) MUST_CHECK;

#endif
