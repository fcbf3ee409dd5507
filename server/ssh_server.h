/*
 * The SSH-2 server as an engine: bytes in, bytes out, events between.
 *
 * It opens no file and no socket, reads no clock and knows no policy.  The
 * program that uses it (the daemon of this project is one) feeds it what
 * arrived, sends what it has to say, tells it the time, and answers its
 * events: accept or reject, at once or later.  Names and meaning follow
 * packaging/doc/reference-api.md.  RFC 4251-4254, 8308, 8332, 8731; OpenSSH's
 * PROTOCOL for names with an @.
 *
 * Time is in milliseconds on any monotonic clock, as an argument `now`.
 *
 * Ownership.  A conn lives from ssh_conn_new to ssh_conn_free.  A channel
 * lives from its event until the `channel_close` event has returned.  Both
 * may be used, ended and closed inside of any event; ssh_conn_free inside an
 * event of the same conn is delayed until that event returns.  Strings given
 * to functions are copied; views given to events are valid until the event
 * returns.
 *
 * Answers.  Every question (authentication, an open, a request) is answered
 * exactly once; a second answer, or one after the peer has gone, is ignored
 * and returns false.  While a channel request, a global request or an
 * authentication is unanswered, the engine takes no further message of that
 * connection, because RFC 4254 wants the answers in order; channel opens do
 * not hold anything up.
 *
 * Back-pressure.  ssh_conn_wants_input() is false while the output of the
 * connection is above its mark (SSH_OUT_HIGH) or a question is open: do not
 * read the socket then.  A channel takes ssh_channel_writable() bytes and
 * never more; after a short write the `drain` event comes.  What a client
 * sends on a channel arrives in `data`, at most the window that was granted;
 * the window is given back by ssh_channel_consumed(), so an application that
 * consumes slowly holds the client up and nothing grows.
 */
#ifndef SERVER_SSH_SERVER_H
#define SERVER_SSH_SERVER_H

#include "base/buf.h"
#include "base/sshkey.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSH_OUT_HIGH	((size_t)512 * 1024)	/* stop producing above */
#define SSH_OUT_LOW	((size_t)128 * 1024)	/* drain below */
#define SSH_MAX_PACKET	((uint32_t)256 * 1024)	/* packet_length accepted */
#define SSH_CHANNEL_PACKET ((uint32_t)32 * 1024) /* largest data we accept */
#define SSH_CHANNEL_WINDOW ((uint32_t)2 * 1024 * 1024)
/* ... of a channel that is no session, at first: there may be many, and what
 * nobody takes is kept.  ssh_channel_widen makes it SSH_CHANNEL_WINDOW. */
#define SSH_FLOW_WINDOW	((uint32_t)256 * 1024)
#define SSH_MAX_CHANNELS 4096			/* upper bound of .channels */

/* Disconnect reasons (RFC 4253 11.1). */
enum ssh_disconnect {
	SSH_DISCONNECT_HOST_NOT_ALLOWED = 1,
	SSH_DISCONNECT_PROTOCOL_ERROR,
	SSH_DISCONNECT_KEY_EXCHANGE_FAILED,
	SSH_DISCONNECT_RESERVED,
	SSH_DISCONNECT_MAC_ERROR,
	SSH_DISCONNECT_COMPRESSION_ERROR,
	SSH_DISCONNECT_SERVICE_NOT_AVAILABLE,
	SSH_DISCONNECT_PROTOCOL_VERSION_NOT_SUPPORTED,
	SSH_DISCONNECT_HOST_KEY_NOT_VERIFIABLE,
	SSH_DISCONNECT_CONNECTION_LOST,
	SSH_DISCONNECT_BY_APPLICATION,
	SSH_DISCONNECT_TOO_MANY_CONNECTIONS,
	SSH_DISCONNECT_AUTH_CANCELLED_BY_USER,
	SSH_DISCONNECT_NO_MORE_AUTH_METHODS,
	SSH_DISCONNECT_ILLEGAL_USER_NAME
};
const char *ssh_disconnect_word(unsigned reason);

/* Reasons of SSH_MSG_CHANNEL_OPEN_FAILURE (RFC 4254 5.1). */
enum ssh_open_reason {
	SSH_OPEN_PROHIBITED = 1,
	SSH_OPEN_CONNECT_FAILED,
	SSH_OPEN_UNKNOWN_TYPE,
	SSH_OPEN_RESOURCE_SHORTAGE
};

struct ssh_server;
struct ssh_conn;
struct ssh_channel;

/* ---- configuration of a server ---- */

struct ssh_algorithms {
	/* Comma-separated names in order of preference; NULL or empty: the
	 * default of this build. */
	const char *kex, *host_key, *cipher, *mac, *compression;
};

struct ssh_server_config {
	/* Host keys: parsed, at most 16, all different; copied by reference
	 * count of nothing: they must outlive the server.  A key without its
	 * private half is signed for by the `sign` event. */
	const struct ssh_key *const *host_keys;
	size_t nhost_keys;
	struct ssh_algorithms algorithms;
	const char *ident;	/* software part; NULL: "Sallyport_<version>" */
	const char *greeting;	/* lines sent before the identification */
	const char *banner;	/* SSH_MSG_USERAUTH_BANNER; NULL: none */
	uint32_t keepalive_interval_ms;	/* 0: off */
	uint32_t keepalive_count_max;
	uint32_t login_grace_ms;	/* 0: none; from ssh_conn_new */
	uint64_t rekey_bytes;		/* 0: 1 GiB */
	uint32_t rekey_packets;		/* 0: 2^31, never more */
	uint32_t rekey_time_ms;		/* 0: off */
	uint32_t channels;		/* per connection; 0: 16 */
	bool wait_for_kexinit;		/* cipher_preference: server */
	/* Methods named in the first FAILURE before anything answers `none`;
	 * NULL: the event decides. */
	void (*debug)(void *ctx, const struct ssh_conn *c, const char *text);
};

/* ---- what events carry ---- */

struct ssh_ident {		/* RFC 4253 4.2 */
	struct view raw;	/* the line without CR LF */
	struct view protocol;	/* "2.0" */
	struct view software;
	struct view comments;	/* empty if none */
};

struct ssh_handshake {		/* what a key exchange agreed on */
	const char *kex, *host_key;
	const char *cipher_in, *cipher_out, *mac_in, *mac_out;
	const char *compression_in, *compression_out;
	bool strict, rekey;
	unsigned number;	/* 1 for the first */
};

struct ssh_sign {		/* answer with ssh_conn_signed */
	size_t key;		/* index into host_keys */
	struct view alg;	/* signature algorithm */
	struct view hash;	/* H */
};

struct ssh_auth {		/* RFC 4252; answer with ssh_auth_* */
	struct view user, service, method;
	struct view payload;	/* the whole message, from its number */
	/* password */
	struct view password, new_password;
	bool change;		/* new_password is there */
	/* publickey, hostbased; key is NULL if the blob does not parse.  Of a
	 * certificate it is the certified key: ask sshcert.h for the rest */
	struct view alg, blob_key, signature;
	const struct ssh_key *key;
	bool has_signature;
	struct view blob;	/* the bytes that the signature covers */
	struct view host_key;	/* that the request is bound to, which must be
				 * this connection's; empty: to none */
	struct view local_hostname, local_username;
	/* keyboard-interactive */
	struct view language, submethods;
};

struct ssh_prompt {
	struct view text;
	bool echo;
};

#define SSH_MAX_PTY_MODES 256
struct ssh_pty {		/* RFC 4254 6.2 */
	struct view term;
	uint32_t cols, rows, width, height;
	struct view modes;	/* encoded terminal modes, checked; see
				 * ssh_pty_mode_next */
};
/* Takes the next opcode and argument off *modes; false at TTY_OP_END. */
bool ssh_pty_mode_next(struct view *modes, uint8_t *op, uint32_t *arg);
/* "VINTR", "ECHO", ...; NULL for an unknown opcode (RFC 4254 8). */
const char *ssh_pty_mode_name(uint8_t op);

struct ssh_window {
	uint32_t cols, rows, width, height;
};
struct ssh_x11 {
	bool single;
	struct view protocol, cookie;
	uint32_t screen;
};
struct ssh_tcpip {		/* direct-tcpip, RFC 4254 7.2 */
	struct view src_ip, dest_ip;
	uint32_t src_port, dest_port;
};
struct ssh_global {		/* a global request, RFC 4254 4 */
	struct view name;
	bool want_reply;
	struct view bind_addr;	/* tcpip-forward, cancel-tcpip-forward */
	uint32_t bind_port;
	struct view socket_path; /* streamlocal-forward@openssh.com, cancel- */
	struct view rest;	/* everything behind want_reply, raw */
};

/* One session request.  Which members are set follows from `type`. */
enum ssh_request_type {
	SSH_REQ_PTY, SSH_REQ_WINDOW_CHANGE, SSH_REQ_X11, SSH_REQ_ENV,
	SSH_REQ_SIGNAL, SSH_REQ_BREAK, SSH_REQ_AGENT, SSH_REQ_SHELL,
	SSH_REQ_EXEC, SSH_REQ_SUBSYSTEM, SSH_REQ_SFTP, SSH_REQ_OTHER
};
struct ssh_request {
	enum ssh_request_type type;
	struct view name;	/* as on the wire: "exec", ... */
	bool want_reply;
	struct ssh_pty pty;
	struct ssh_window window;
	struct ssh_x11 x11;
	struct view env_key, env_val;
	struct view signal;	/* without "SIG" */
	uint32_t break_ms;
	struct view command;	/* exec */
	struct view subsystem;	/* subsystem, sftp */
	struct view rest;	/* raw fields behind want_reply */
};

struct ssh_end {		/* why a connection ended */
	enum err err;		/* OK: the client said goodbye */
	unsigned reason;	/* disconnect code sent or received, 0: none */
	bool by_peer;
	struct view text;	/* in words, peer text if by_peer */
	uint64_t bytes_in, bytes_out;
	bool authenticated;
	bool grace_over;	/* login_grace_ms had passed */
};

/*
 * The events.  ctx is what ssh_server_new was given; the application's own
 * pointers hang off ssh_conn_data and ssh_channel_data.  A NULL member means
 * the default said behind it.
 */
struct ssh_server_events {
	/* connection: the client has named itself ('connection' + header) */
	void (*ident)(void *ctx, struct ssh_conn *c,
	    const struct ssh_ident *ident);
	/* a key exchange is complete */
	void (*handshake)(void *ctx, struct ssh_conn *c,
	    const struct ssh_handshake *h);
	/* a host key without private half must sign: ssh_conn_signed */
	void (*sign)(void *ctx, struct ssh_conn *c, const struct ssh_sign *s);
	/* one USERAUTH_REQUEST: ssh_auth_*.  Default: reject */
	void (*authentication)(void *ctx, struct ssh_conn *c,
	    const struct ssh_auth *a);
	/* answers to ssh_auth_prompt: payload is the whole INFO_RESPONSE */
	void (*auth_answers)(void *ctx, struct ssh_conn *c,
	    const struct view *answers, size_t n, struct view payload);
	/* SSH_MSG_USERAUTH_SUCCESS has been queued */
	void (*ready)(void *ctx, struct ssh_conn *c);
	/* a session channel is asked for.  Default: prohibited */
	void (*session)(void *ctx, struct ssh_conn *c, struct ssh_channel *ch);
	/* direct-tcpip; direct-streamlocal@openssh.com.  Default: prohibited */
	void (*tcpip)(void *ctx, struct ssh_conn *c, struct ssh_channel *ch,
	    const struct ssh_tcpip *t);
	void (*streamlocal)(void *ctx, struct ssh_conn *c,
	    struct ssh_channel *ch, struct view socket_path);
	/* a channel of another type, or one too many, has been asked for and
	 * refused */
	void (*open_refused)(void *ctx, struct ssh_conn *c, struct view type,
	    unsigned reason);
	/* a global request: ssh_global_accept or _reject.  Those the engine
	 * answers itself (keepalive@openssh.com, no-more-sessions@openssh.com)
	 * are told too, already answered.  Default: reject */
	void (*request)(void *ctx, struct ssh_conn *c,
	    const struct ssh_global *g);
	/* a rekey has begun, by either side */
	void (*rekey)(void *ctx, struct ssh_conn *c);
	/* the connection is over: no further event but channel_close of its
	 * channels, which came before this one.  What ssh_conn_out still
	 * holds (the disconnect message) should be sent, then free */
	void (*end)(void *ctx, struct ssh_conn *c, const struct ssh_end *e);

	/* session channel requests: ssh_request_accept or _reject.
	 * Default: reject */
	void (*channel_request)(void *ctx, struct ssh_channel *ch,
	    const struct ssh_request *r);
	/* bytes from the client; ext is 0, or 1 for stderr.  The application
	 * must take them all and call ssh_channel_consumed as it does away
	 * with them.  `bytes` may be written to. */
	void (*data)(void *ctx, struct ssh_channel *ch, uint32_t ext,
	    struct view bytes);
	/* the client will send no more */
	void (*eof)(void *ctx, struct ssh_channel *ch);
	/* the client will read no more (eow@openssh.com) */
	void (*eow)(void *ctx, struct ssh_channel *ch);
	/* more may be written, after a short write */
	void (*drain)(void *ctx, struct ssh_channel *ch);
	/* a channel that we opened was confirmed (reason 0) or refused */
	void (*opened)(void *ctx, struct ssh_channel *ch, uint32_t reason,
	    struct view text);
	/* the channel is gone; the pointer dies with this event */
	void (*channel_close)(void *ctx, struct ssh_channel *ch);
};

/* ---- server ---- */

/* A server's settings, shared by its connections and counted: it lives until
 * ssh_server_unref and the last of its connections are gone.  events must
 * outlive it.  NULL: *why_out (static) names the setting that is wrong. */
struct ssh_server *ssh_server_new(const struct ssh_server_config *cfg,
    const struct ssh_server_events *events, void *ctx, const char **why_out);
void ssh_server_unref(struct ssh_server **s);

/* Checks one comma-separated list before a server is made of it: the first
 * name that this build does not know, empty if all are known.
 * kind: "kex", "host_key", "cipher", "mac", "compression". */
struct view ssh_algorithms_unknown(const char *kind, struct view list);

/* ---- connection ---- */

/* A new connection; the identification line is in ssh_conn_out at once. */
struct ssh_conn *ssh_conn_new(struct ssh_server *s, uint64_t now);
/* Ends without a word to the peer and frees; *c becomes NULL. */
void ssh_conn_free(struct ssh_conn **c);
void ssh_conn_set_data(struct ssh_conn *c, void *data);
void *ssh_conn_data(const struct ssh_conn *c);

/* Bytes from the peer.  The engine decrypts in place, so p is written to; it
 * keeps a copy of what it could not use yet.  Feed only while wants_input. */
void ssh_conn_feed(struct ssh_conn *c, uint8_t *p, size_t n, uint64_t now);
/* The peer has closed or reset the connection. */
void ssh_conn_feed_eof(struct ssh_conn *c, uint64_t now);
bool ssh_conn_wants_input(const struct ssh_conn *c);
/* What is to be sent; valid until the next call.  Then tell how much went. */
struct view ssh_conn_out(const struct ssh_conn *c);
void ssh_conn_sent(struct ssh_conn *c, size_t n, uint64_t now);
/* The peer takes no more, though it may have said more: the output is thrown
 * away.  Feed it what is left, then tell ssh_conn_feed_eof. */
void ssh_conn_unheard(struct ssh_conn *c, uint64_t now);
/* Does what is due; returns when to be called again (UINT64_MAX: never). */
uint64_t ssh_conn_tick(struct ssh_conn *c, uint64_t now);
/* Gives back memory that an idle connection does not need. */
void ssh_conn_trim(struct ssh_conn *c);
/* True once the end event has been given and nothing is left to send. */
bool ssh_conn_finished(const struct ssh_conn *c);

bool ssh_conn_authenticated(const struct ssh_conn *c);
bool ssh_conn_no_more_sessions(const struct ssh_conn *c);
/* The first exchange hash; empty before the first key exchange. */
struct view ssh_conn_session_id(const struct ssh_conn *c);
uint64_t ssh_conn_bytes_in(const struct ssh_conn *c);
uint64_t ssh_conn_bytes_out(const struct ssh_conn *c);
/* SSH_MSG_DISCONNECT with reason and text, then the end event. */
void ssh_conn_end(struct ssh_conn *c, unsigned reason, const char *text);
/* Starts a key exchange; the handshake event reports its end. */
bool ssh_conn_rekey(struct ssh_conn *c);
/* Answer to the sign event; an empty signature ends the connection. */
bool ssh_conn_signed(struct ssh_conn *c, struct view sig, uint64_t now);
/* SSH_MSG_USERAUTH_BANNER now (before authentication only). */
bool ssh_conn_banner(struct ssh_conn *c, struct view text);

/* ---- answers to `authentication` ---- */

/* Publickey without a signature: sends PK_OK.  Otherwise SUCCESS. */
bool ssh_auth_accept(struct ssh_conn *c, uint64_t now);
bool ssh_auth_reject(struct ssh_conn *c, const char *methods_left,
    bool partial, uint64_t now);
bool ssh_auth_prompt(struct ssh_conn *c, struct view name,
    struct view instruction, const struct ssh_prompt *prompts, size_t n,
    uint64_t now);
/* The same two with the message body ready made (after its number). */
bool ssh_auth_prompt_raw(struct ssh_conn *c, struct view body, uint64_t now);
bool ssh_auth_change(struct ssh_conn *c, struct view prompt, uint64_t now);

/* ---- channels ---- */

void ssh_channel_set_data(struct ssh_channel *ch, void *data);
void *ssh_channel_data(const struct ssh_channel *ch);
struct ssh_conn *ssh_channel_conn(const struct ssh_channel *ch);
/* Our number of it, unique within the connection for the time it lives. */
uint32_t ssh_channel_id(const struct ssh_channel *ch);
struct ssh_channel *ssh_conn_channel(struct ssh_conn *c, uint32_t id);

/* Answers to session, tcpip and streamlocal.  Behind a rejection the
 * channel_close event comes at once, inside of the call. */
bool ssh_channel_accept(struct ssh_channel *ch);
bool ssh_channel_reject(struct ssh_channel *ch, enum ssh_open_reason reason,
    const char *text);
/* Answers to channel_request. */
bool ssh_request_accept(struct ssh_channel *ch, uint64_t now);
bool ssh_request_reject(struct ssh_channel *ch, uint64_t now);
/* Answers to request; port is told for tcpip-forward of port 0 only. */
bool ssh_global_accept(struct ssh_conn *c, uint32_t port, uint64_t now);
bool ssh_global_reject(struct ssh_conn *c, uint64_t now);

/* Opening towards the client; `opened` tells the outcome.  NULL: limit. */
struct ssh_channel *ssh_open_forwarded_tcpip(struct ssh_conn *c,
    struct view bound_addr, uint32_t bound_port, struct view remote_addr,
    uint32_t remote_port);
struct ssh_channel *ssh_open_forwarded_streamlocal(struct ssh_conn *c,
    struct view socket_path);
struct ssh_channel *ssh_open_x11(struct ssh_conn *c, struct view origin_addr,
    uint32_t origin_port);
/* By the name that the client has used. */
struct ssh_channel *ssh_open_agent(struct ssh_conn *c);

/* How many bytes ssh_channel_write would take now. */
size_t ssh_channel_writable(const struct ssh_channel *ch);
/* Sends as much as fits and returns how much that was; ext 0 or 1 (stderr).
 * Fewer than asked: `drain` follows. */
size_t ssh_channel_write(struct ssh_channel *ch, uint32_t ext,
    struct view bytes);
/* The application has done with n bytes that `data` gave it. */
void ssh_channel_consumed(struct ssh_channel *ch, size_t n);
/* Grants the whole SSH_CHANNEL_WINDOW from now on. */
void ssh_channel_widen(struct ssh_channel *ch);
bool ssh_channel_eof(struct ssh_channel *ch);
/* Sends CLOSE (after EOF if none was sent); channel_close follows when the
 * client has closed too. */
bool ssh_channel_close(struct ssh_channel *ch);
bool ssh_channel_exit_status(struct ssh_channel *ch, uint32_t status);
bool ssh_channel_exit_signal(struct ssh_channel *ch, const char *signal,
    bool core, struct view text);
/* eow@openssh.com: nobody reads any more what the client sends. */
bool ssh_channel_eow(struct ssh_channel *ch);
bool ssh_channel_signal(struct ssh_channel *ch, const char *signal);
bool ssh_channel_set_window(struct ssh_channel *ch,
    const struct ssh_window *w);

#ifdef __cplusplus
}
#endif

#endif
