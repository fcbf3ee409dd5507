/*
 * Every message between our processes, both ends in one place: a struct, a
 * put_ that appends it to a frame's body and a get_ that parses it whole.  A
 * get_ returns false for anything short, long or out of range.  The message
 * numbers say who may send; what is legal when is the receiver's table.
 *
 * Links:
 *	server <-> warden	one socket for the life of the server
 *	server <-> login	one socket per connection, made by the server,
 *				handed to the login with LOGIN
 *	login  <-> warden	one socket per login, made by the warden
 *	warden  -> log process	who is who, where to write
 *
 * Ids in the frame header: connection number on the warden's links, channel
 * number on the server-login link (0 for what concerns the login as a whole).
 */
#ifndef BASE_MESSAGES_H
#define BASE_MESSAGES_H

#include "base/config.h"
#include "base/ipc.h"
#include "base/messages_forward.h"

enum msg_type {
	/* warden -> server */
	MSG_GENERATION = 1,	/* struct msg_generation; fds: listeners */
	MSG_SIGNED,		/* struct msg_signed */
	MSG_LOGIN_FAILED,	/* no login process could be made: close */
	MSG_CUT,		/* end this connection; struct msg_text */
	MSG_STOP,		/* finish and exit */
	MSG_PENALTIES,		/* struct msg_penalties */
	MSG_BARRED,		/* struct msg_barred */
	/* server -> warden */
	MSG_SIGN = 20,		/* struct msg_sign */
	MSG_LOGIN,		/* struct msg_login; fd 0: the TCP socket,
				 * fd 1: the login's end of their socket */
	MSG_GONE,		/* the connection has ended; no body */
	MSG_OFFENCE,		/* struct msg_offence; before MSG_GONE.  Id 0:
				 * a connection that was not taken */
	/* login -> warden */
	MSG_ATTEMPT = 40,	/* struct msg_attempt */
	MSG_AUTHENTICATED,	/* no body; answered by MSG_GO, MSG_NO,
				 * MSG_POLICY or a close */
	MSG_PTY,		/* a terminal, please; no body.  Answered by
				 * MSG_PTY_MADE */
	MSG_PTY_DONE,		/* it is given back; struct msg_pty */
	MSG_CHILD,		/* a process that the session has made will
				 * log; struct msg_child.  Answered by
				 * MSG_CHILD_KNOWN */
	MSG_LOOKUP,		/* what a host's name stands for; struct
				 * msg_lookup, answered by MSG_FOUND */
	MSG_HEIR,		/* another process goes on in its place, once
				 * it has ended; struct msg_heir.  Answered by
				 * MSG_NOTED */
	/* warden -> login */
	MSG_GO = 60,		/* still allowed; no body */
	MSG_ENOUGH,		/* no further attempt is allowed */
	MSG_NO,			/* not allowed: the proof counts as a failed
				 * attempt; struct msg_text: why, for it */
	MSG_POLICY,		/* the user's policy has changed: struct
				 * msg_text, the newest encoded one; look at
				 * it and ask again */
	MSG_PTY_MADE,		/* struct msg_pty; fd 0: the master, fd 1: the
				 * user's end.  Without fds there is none */
	MSG_CHILD_KNOWN,	/* the log knows whose it is; no body */
	MSG_FOUND,		/* struct msg_found */
	MSG_NOTED,		/* the heir is known; no body */
	/* server -> login */
	MSG_USERAUTH = 80,	/* body: payload of SSH_MSG_USERAUTH_REQUEST
				 * or _INFO_RESPONSE, whole */
	MSG_OPEN,		/* start what the client asks for on channel
				 * id: struct msg_open.  Where the user has no
				 * programs, fd 0: a duct; of exec, fd 1: a
				 * socket for its stderr */
	MSG_WINDOW,		/* the terminal's size: struct msg_window */
	MSG_SIGNAL,		/* to the program; struct msg_text: "TERM" */
	MSG_BREAK,		/* on the terminal; no body */
	MSG_CLOSED,		/* channel id is closed; no body */
	MSG_HURRY,		/* once hung up on, have done soon; no body */
	MSG_CONNECT,		/* channel id wants a connection: struct
				 * msg_flow; answered by MSG_OPENED with a
				 * socket, or MSG_UNCONNECTED.  MSG_CLOSED
				 * before that: no more */
	MSG_LISTEN,		/* struct msg_socket; id: of AGENT and X11 the
				 * channel, else 0.  Answered in order by
				 * MSG_LISTENING with the same id */
	MSG_UNLISTEN,		/* the same struct, of a socket that listens;
				 * answered in the same way */
	MSG_CREDIT,		/* struct msg_credit */
	/* login -> server */
	MSG_AUTH_REPLY = 100,	/* struct msg_auth_reply */
	MSG_READY,		/* dropped and proved; struct msg_ready */
	MSG_OPENED,		/* channel id is being served: struct
				 * msg_opened, and the carrier's fds */
	MSG_REFUSED,		/* channel id is not; no body: the login has
				 * logged why */
	MSG_ENDED,		/* channel id: struct msg_ended */
	MSG_UNCONNECTED,	/* channel id: struct msg_unconnected */
	MSG_LISTENING,		/* struct msg_listening */
	MSG_INCOMING,		/* struct msg_flow; fd 0: the connection */
	/* warden -> log process */
	MSG_LOG_TARGET = 120,	/* struct msg_log_target; fd 0: target */
	MSG_LOG_WHO,		/* struct msg_log_who */
	MSG_LOG_FORGET,		/* struct msg_log_who with pid alone */
	/* login -> session role of sallyportd, on descriptor 3, once */
	MSG_HANDOVER = 140	/* struct msg_handover; fds: server socket,
				 * warden socket, log */
};

/* Numbers and texts of one configuration generation, for the server. */
struct msg_generation {
	uint32_t number;
	struct view ident, greeting, banner;
	struct view kex, host_key, cipher, mac, compression;
	bool prefer_server_cipher;
	uint32_t keepalive_interval_ms, keepalive_count;
	struct config_limits limits;
	uint32_t methods;
	uint8_t nlisten;	/* descriptors beside this message */
	uint8_t nkeys;
	struct view keys[16];	/* public blobs; the index names the key */
	enum log_level log_level;
};

struct msg_sign {
	uint32_t generation;	/* whose host keys */
	uint8_t key;
	struct view alg;	/* signature algorithm name */
	struct view hash;	/* H; the first of a connection is its session
				 * id (RFC 4253 7.2) */
};
struct msg_signed {
	struct view sig;	/* signature blob; empty: could not sign */
};

struct msg_login {
	uint32_t generation;
	struct view user;	/* raw bytes as the client sent them */
	struct view client;	/* its identification string, for the log */
};

#define MSG_METHOD_UNKNOWN 0xff	/* a method name nobody knows */
struct msg_attempt {
	uint8_t method;		/* enum auth_method, MSG_METHOD_UNKNOWN */
	bool success;		/* of this method, perhaps not of the chain */
	struct view reason;	/* the true one, for the log */
	struct view key;	/* fingerprint of an offered key, or empty */
};

enum auth_verdict {
	VERDICT_FAILURE,	/* SSH_MSG_USERAUTH_FAILURE */
	VERDICT_PARTIAL,	/* the same with partial success */
	VERDICT_SUCCESS,
	VERDICT_PK_OK,
	VERDICT_PROMPT,		/* SSH_MSG_USERAUTH_INFO_REQUEST */
	VERDICT_CHANGEREQ,	/* SSH_MSG_USERAUTH_PASSWD_CHANGEREQ */
	VERDICT_DISCONNECT	/* too many attempts, name changed */
};
#define MSG_NOTICE_MAX	16384
struct msg_auth_reply {
	uint8_t verdict;
	uint32_t methods;	/* that can continue, 1 << enum auth_method */
	struct view payload;	/* PROMPT, CHANGEREQ: the SSH message's body;
				 * DISCONNECT: the text */
	struct view notice;	/* text for the user, shown before the verdict
				 * (SSH_MSG_USERAUTH_BANNER); empty: none */
};

/* Of a session of PAM's: who holds it, a child of the login and then of the
 * warden, and who is the user, a child of the helper's. */
struct msg_heir {
	int32_t helper, session;
	uint32_t uid;		/* of the user */
};

/* What a session of PAM's is told beside its policy. */
#define MSG_KEY_MAX	63
struct msg_handover {
	uint32_t allow;		/* what policy and proof leave together */
	struct view method;	/* that completed the login */
	struct view key;	/* fingerprint, or empty */
	struct view last_use, last_src;	/* of that key, or empty */
	struct view notice;	/* as in msg_auth_reply */
	bool forced;
	struct view command;	/* then: what is run, whatever is asked for */
	struct view connection;	/* as in SSH_CONNECTION, or empty */
	struct view key_env, pam_env;	/* NAME=value, a string each */
	struct view permit_open, permit_listen;	/* likewise ends of forwards
					 * that the key permits; empty: all */
	enum log_level log_level;
};

struct msg_ready {
	uint32_t allow;		/* advisory: the login enforces it again */
	struct view rule;	/* where it is written, for the log */
	bool programs;		/* it can run some, and makes the carriers */
	struct view env;	/* patterns of names that the client may set:
				 * strings, one behind the other */
};

/* Size of a terminal, in characters and in pixels; 0: not known. */
struct msg_window {
	uint32_t cols, rows, width, height;
};

/* What a client asks to be started on a channel, with everything that it said
 * about it before.  The rights are the login's to check. */
enum msg_start {
	START_SHELL, START_EXEC, START_SUBSYSTEM, START_KINDS
};
#define MSG_COMMAND_MAX	(48 * 1024)
#define MSG_TERM_MAX	128
#define MSG_MODES_MAX	(257 * 5)
#define MSG_ENV_MAX	64		/* names */
#define MSG_ENV_BYTES	(16 * 1024)	/* all of them, encoded */
struct msg_open {
	uint8_t kind;		/* enum msg_start */
	struct view command;	/* of exec; the name of a subsystem */
	bool pty;
	struct view term;
	struct msg_window window;
	struct view modes;	/* encoded terminal modes (RFC 4254 8) */
	struct view env;	/* see msg_env_put */
};
/* Appends one variable to a packed list; the caller keeps the limits. */
void msg_env_put(struct wr *w, struct view name, struct view value);
/* Takes the first one off; false at the end or at a malformed one. */
bool msg_env_next(struct view *env, struct view *name, struct view *value);
/* May this be the name of a variable?  Not empty, without '='. */
bool msg_env_name(struct view name);

/* What carries the bytes of a channel, and the descriptors that come with it.
 * They are the server's ends. */
enum msg_carrier {
	CARRIER_DUCT,		/* the duct that the server made; none */
	CARRIER_SOCKET,		/* 1: a connected stream socket */
	CARRIER_SOCKETS,	/* 2: the same, and one for stderr */
	CARRIER_PTY,		/* 1: the master of a terminal */
	CARRIER_PIPES,		/* 3: to stdin, from stdout, from stderr */
	CARRIERS
};
struct msg_opened {
	uint8_t carrier;	/* enum msg_carrier */
};
size_t msg_carrier_fds(uint8_t carrier);

struct msg_child {
	int32_t pid;
};

struct msg_pty {
	uint32_t number;	/* of /dev/pts; of no meaning without fds */
};

struct msg_ended {
	bool signalled;
	uint32_t status;	/* exit status, or unused */
	struct view signal;	/* "TERM", without SIG */
	bool core;
	struct view text;
};

struct msg_text {
	struct view text;
};

struct msg_penalties {
	struct penalties_config config;
	size_t nexempt;
	struct net_range exempt[PENALTIES_EXEMPT_MAX];
};
#define MSG_BARRED_MAX	2000	/* entries of one message */
struct msg_barred {
	bool closed4, closed6;	/* the table is full and denies */
	struct view entries;	/* by penalty_put, `until` on the monotonic
				 * clock; 0: no longer barred */
};
/* What the warden cannot know itself: PENALTY_GRACE, _NOAUTH or _REFUSED.
 * Where it has the source from the kernel, that one counts. */
struct msg_offence {
	uint8_t reason;
	struct net_addr src;
};

struct msg_log_target {
	bool json;
	bool syslog;		/* frame each line for syslog(3)'s socket */
	bool journal;
};
struct msg_log_who {
	int32_t pid;
	uint64_t conn;
	struct view user;
	struct view src;
};

/* Part of a generation, and of the configuration's block (config.c). */
void put_limits(struct wr *w, const struct config_limits *l);
void get_limits(struct rd *r, struct config_limits *l);

void put_generation(struct wr *w, const struct msg_generation *m);
bool get_generation(struct view b, struct msg_generation *m) MUST_CHECK;
void put_sign(struct wr *w, const struct msg_sign *m);
bool get_sign(struct view b, struct msg_sign *m) MUST_CHECK;
void put_signed(struct wr *w, const struct msg_signed *m);
bool get_signed(struct view b, struct msg_signed *m) MUST_CHECK;
void put_login(struct wr *w, const struct msg_login *m);
bool get_login(struct view b, struct msg_login *m) MUST_CHECK;
void put_attempt(struct wr *w, const struct msg_attempt *m);
bool get_attempt(struct view b, struct msg_attempt *m) MUST_CHECK;
void put_auth_reply(struct wr *w, const struct msg_auth_reply *m);
bool get_auth_reply(struct view b, struct msg_auth_reply *m) MUST_CHECK;
void put_heir(struct wr *w, const struct msg_heir *m);
bool get_heir(struct view b, struct msg_heir *m) MUST_CHECK;
void put_handover(struct wr *w, const struct msg_handover *m);
bool get_handover(struct view b, struct msg_handover *m) MUST_CHECK;
void put_ready(struct wr *w, const struct msg_ready *m);
bool get_ready(struct view b, struct msg_ready *m) MUST_CHECK;
void put_window(struct wr *w, const struct msg_window *m);
bool get_window(struct view b, struct msg_window *m) MUST_CHECK;
void put_open(struct wr *w, const struct msg_open *m);
bool get_open(struct view b, struct msg_open *m) MUST_CHECK;
void put_opened(struct wr *w, const struct msg_opened *m);
bool get_opened(struct view b, struct msg_opened *m) MUST_CHECK;
void put_child(struct wr *w, const struct msg_child *m);
bool get_child(struct view b, struct msg_child *m) MUST_CHECK;
void put_pty(struct wr *w, const struct msg_pty *m);
bool get_pty(struct view b, struct msg_pty *m) MUST_CHECK;
void put_ended(struct wr *w, const struct msg_ended *m);
bool get_ended(struct view b, struct msg_ended *m) MUST_CHECK;
void put_text(struct wr *w, const struct msg_text *m);
bool get_text(struct view b, struct msg_text *m) MUST_CHECK;
void put_penalties(struct wr *w, const struct msg_penalties *m);
bool get_penalties(struct view b, struct msg_penalties *m) MUST_CHECK;
void put_barred(struct wr *w, const struct msg_barred *m);
/* All entries are checked. */
bool get_barred(struct view b, struct msg_barred *m) MUST_CHECK;
/* Takes the next entry off m; false: there is none. */
bool barred_next(struct msg_barred *m, struct penalty *out);
void put_offence(struct wr *w, const struct msg_offence *m);
bool get_offence(struct view b, struct msg_offence *m) MUST_CHECK;
void put_log_target(struct wr *w, const struct msg_log_target *m);
bool get_log_target(struct view b, struct msg_log_target *m) MUST_CHECK;
void put_log_who(struct wr *w, const struct msg_log_who *m);
bool get_log_who(struct view b, struct msg_log_who *m) MUST_CHECK;

#endif
