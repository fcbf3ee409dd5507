/*
 * The engine's inside: shared by ident, packet, kex, message, userauth,
 * channel, session and conn, and by nobody else (the lint says so).
 */
#ifndef SERVER_CONN_H
#define SERVER_CONN_H

#include "base/crypto.h"
#include "server/ssh_server.h"

/* Message numbers (RFC 4250 4.1.2; 192, 193 from OpenSSH's PROTOCOL). */
enum {
	SSH_MSG_DISCONNECT = 1,
	SSH_MSG_IGNORE = 2,
	SSH_MSG_UNIMPLEMENTED = 3,
	SSH_MSG_DEBUG = 4,
	SSH_MSG_SERVICE_REQUEST = 5,
	SSH_MSG_SERVICE_ACCEPT = 6,
	SSH_MSG_EXT_INFO = 7,
	SSH_MSG_KEXINIT = 20,
	SSH_MSG_NEWKEYS = 21,
	SSH_MSG_KEX_INIT = 30,		/* KEXDH_INIT, KEX_ECDH_INIT */
	SSH_MSG_KEX_REPLY = 31,
	SSH_MSG_USERAUTH_REQUEST = 50,
	SSH_MSG_USERAUTH_FAILURE = 51,
	SSH_MSG_USERAUTH_SUCCESS = 52,
	SSH_MSG_USERAUTH_BANNER = 53,
	SSH_MSG_USERAUTH_PK_OK = 60,	/* and PASSWD_CHANGEREQ, INFO_REQUEST */
	SSH_MSG_USERAUTH_INFO_RESPONSE = 61,
	SSH_MSG_GLOBAL_REQUEST = 80,
	SSH_MSG_REQUEST_SUCCESS = 81,
	SSH_MSG_REQUEST_FAILURE = 82,
	SSH_MSG_CHANNEL_OPEN = 90,
	SSH_MSG_CHANNEL_OPEN_CONFIRMATION = 91,
	SSH_MSG_CHANNEL_OPEN_FAILURE = 92,
	SSH_MSG_CHANNEL_WINDOW_ADJUST = 93,
	SSH_MSG_CHANNEL_DATA = 94,
	SSH_MSG_CHANNEL_EXTENDED_DATA = 95,
	SSH_MSG_CHANNEL_EOF = 96,
	SSH_MSG_CHANNEL_CLOSE = 97,
	SSH_MSG_CHANNEL_REQUEST = 98,
	SSH_MSG_CHANNEL_SUCCESS = 99,
	SSH_MSG_CHANNEL_FAILURE = 100,
	SSH_MSG_PING = 192,
	SSH_MSG_PONG = 193
};

/*
 * Where a connection stands.  conn_enter() alone changes it, by a table of
 * legal moves.  A key exchange under way is not a phase: the first one happens
 * in PH_KEX, later ones in any phase behind, and while one is under way only
 * messages 1-4 and 20-49 are heard (security: nothing else is queued).
 */
enum conn_phase {
	PH_IDENT = 1 << 0,	/* waiting for the identification line */
	PH_KEX = 1 << 1,	/* the first key exchange */
	PH_SERVICE = 1 << 2,	/* waiting for ssh-userauth */
	PH_AUTH = 1 << 3,	/* userauth requests */
	PH_OPEN = 1 << 4,	/* authenticated: connection protocol */
	PH_ENDED = 1 << 5	/* end event given; flushing output */
};

/* One row per message number a client may send; everything else is answered
 * with UNIMPLEMENTED (strangers) or is fatal (known numbers, wrong phase). */
struct message {
	const char *name;
	unsigned phases;	/* in which it may be heard */
	/* r stands behind the message number; payload is all of it.  Anything
	 * but OK ends the connection; the handler has said why with
	 * conn_fail(), else the table's reader says "malformed NAME". */
	enum err (*handle)(struct ssh_conn *c, struct rd *r);
};
extern const struct message message_table[256];
/* Reads the payload's number, checks phase and key exchange, calls the
 * handler.  After it: OK, or the connection is in PH_ENDED. */
enum err message_dispatch(struct ssh_conn *c, struct view payload);

/* ---- packet.c: the binary packet protocol (RFC 4253 6) ---- */

struct direction {		/* one way's protection and counters */
	struct cipher *cipher;	/* NULL before the first NEWKEYS */
	size_t block;		/* padding granularity; 0: 8 */
	uint32_t seq;
	uint64_t bytes;		/* since the last rekey */
	uint32_t packets;	/* since the last rekey */
	uint8_t spare[128];	/* random bytes for padding, each used once:
				 * asking per packet costs more than sealing */
	uint8_t nspare;		/* how many are left */
};

/*
 * Takes one packet off the bytes at p.  *used_out: bytes to drop (0: more are
 * needed); payload_out: borrowed from p.  `peeked` keeps a decrypted length
 * between calls, 0 = none.  ERR_PROTO (length, padding), ERR_CRYPTO (MAC).
 */
enum err packet_take(struct direction *d, uint8_t *p, size_t n,
    uint32_t *peeked, size_t *used_out, struct view *payload_out) MUST_CHECK;
/* How many bytes must be there before packet_take can make progress. */
size_t packet_need(const struct direction *d, uint32_t peeked);
/* Bytes a packet with this payload takes on the wire. */
size_t packet_size(const struct direction *d, size_t payload);
/*
 * Builds packets at the end of `out`: reserve gives room for a payload of n
 * bytes, commit pads, seals and counts.  One at a time.
 */
uint8_t *packet_reserve(struct direction *d, struct wr *out, size_t n);
enum err packet_commit(struct direction *d, struct wr *out, size_t n)
    MUST_CHECK;

/* ---- kex_methods.c: what is agreed on, without state ---- */

enum kex_list {			/* in the order of KEXINIT (RFC 4253 7.1) */
	LIST_KEX, LIST_HOST_KEY, LIST_CIPHER_IN, LIST_CIPHER_OUT,
	LIST_MAC_IN, LIST_MAC_OUT, LIST_COMP_IN, LIST_COMP_OUT,
	LIST_LANG_IN, LIST_LANG_OUT, KEX_LISTS
};
#define KEX_LIST_MAX	((size_t)16 * 1024)	/* bytes of one list */
#define KEX_NAMES_MAX	256			/* names in one list */

struct kex_proposal {
	struct view list[KEX_LISTS];	/* borrowed from the message */
	bool follows;			/* first_kex_packet_follows */
};
/* r stands behind the message number.  *why_out is static. */
bool kex_parse_proposal(struct rd *r, struct kex_proposal *out,
    const char **why_out);

struct kex_choice {		/* all static, "" for the MAC of an AEAD */
	const struct kex_alg *kex;
	const char *host_key;
	const struct cipher_alg *cipher_in, *cipher_out;
	const struct mac_alg *mac_in, *mac_out;
	bool guess_right;	/* first names alike: RFC 4253 7 */
};
/* The client's order decides (RFC 4253 7.1).  False: *failed_out is the list
 * that has nothing in common. */
bool kex_choose(const struct kex_proposal *ours,
    const struct kex_proposal *client, struct kex_choice *out,
    enum kex_list *failed_out);
/* "cipher client to server" and so on. */
const char *kex_list_word(enum kex_list l);
/*
 * The cipher list to offer to a client whose list is known: the best common
 * one in our order (AES-GCM before all else if gcm_first) and behind it those
 * that the client ranks behind it, so that it is chosen.  False: nothing in
 * common, offer the usual list.
 */
bool kex_prefer_cipher(struct view ours, struct view client, bool gcm_first,
    struct wr *out);

struct kex_hash {		/* what H covers, in its order */
	struct view v_c, v_s, i_c, i_s, k_s;
	bool pub_is_mpint;
	struct view pub_c, pub_s;
	struct view k;		/* with its prefix */
};
bool kex_hash(enum hash_alg alg, const struct kex_hash *in,
    uint8_t h[HASH_MAX]) MUST_CHECK;
/* Key material number `letter` (RFC 4253 7.2), n <= KEX_DERIVE_MAX bytes. */
#define KEX_DERIVE_MAX	256
bool kex_derive(enum hash_alg alg, struct view k, struct view h,
    struct view session_id, char letter, uint8_t *out, size_t n) MUST_CHECK;

/* Name of a host key algorithm in static storage, NULL if unknown. */
const char *host_key_alg_find(struct view name);

/* ---- kex.c ---- */

struct kex;		/* one key exchange; freed on every way out */
/* Sends our KEXINIT (unless sent).  False: memory, or not the time for it. */
bool kex_start(struct ssh_conn *c);
void kex_free(struct kex **k);
/* What message_dispatch must know: the peer's KEXINIT is here, so that only
 * 1-4 and 20-49 may be heard; and the one packet of a wrong guess. */
bool kex_heard_init(const struct ssh_conn *c);
bool kex_skips(struct ssh_conn *c, uint8_t number);
/* The answer to the sign event (ssh_conn_signed). */
bool kex_signed(struct ssh_conn *c, struct view sig);
/* Starts a rekey if bytes, packets or time ask for one; the time when that
 * will be due (UINT64_MAX: never). */
void kex_check_limits(struct ssh_conn *c);
uint64_t kex_due(const struct ssh_conn *c);
/* The clock's part: the wait for the client's KEXINIT, the deadline. */
void kex_tick(struct ssh_conn *c);
/* The client has named itself. */
enum err kex_begin_first(struct ssh_conn *c);
enum err kex_handle_kexinit(struct ssh_conn *c, struct rd *r);
enum err kex_handle_init(struct ssh_conn *c, struct rd *r);
enum err kex_handle_newkeys(struct ssh_conn *c, struct rd *r);
/* True from our KEXINIT or the peer's until both NEWKEYS. */
bool kex_running(const struct ssh_conn *c);
/* True from our KEXINIT until our NEWKEYS: nothing else may be sent. */
bool kex_blocks_output(const struct ssh_conn *c);

/* ---- userauth.c ---- */

struct userauth {
	bool open;		/* a question to the application is open */
	bool query;		/* ... and it was publickey without signature */
	bool prompting;		/* INFO_REQUEST sent, INFO_RESPONSE awaited */
	bool banner_sent;
	int method;		/* of the open question, enum auth_method */
	size_t nprompts;
	char *user;		/* of the first request: may not change */
	size_t user_len;
	struct ssh_key *key;	/* of the request that is being asked */
	uint8_t *request;	/* copy of it, if it names a key: PK_OK echoes
				 * it, acceptance verifies it */
	size_t request_len;
	uint32_t requests;	/* bounded, whatever the application says */
};
enum err userauth_service_request(struct ssh_conn *c, struct rd *r);
enum err userauth_request(struct ssh_conn *c, struct rd *r);
enum err userauth_info_response(struct ssh_conn *c, struct rd *r);
void userauth_free(struct userauth *u);

/* ---- channel.c, session.c, global.c ---- */

struct channels {
	struct ssh_channel **slot;	/* by our number; NULL: free */
	uint32_t nslots, open;
	/* global requests of ours that await REQUEST_SUCCESS/FAILURE
	 * (keepalive) are only counted */
	uint32_t awaited;
	uint32_t drain_at;	/* whose turn it is to drain first */
};
enum err channel_open(struct ssh_conn *c, struct rd *r);
enum err channel_open_confirmation(struct ssh_conn *c, struct rd *r);
enum err channel_open_failure(struct ssh_conn *c, struct rd *r);
enum err channel_window_adjust(struct ssh_conn *c, struct rd *r);
enum err channel_data(struct ssh_conn *c, struct rd *r);
enum err channel_extended_data(struct ssh_conn *c, struct rd *r);
enum err channel_handle_eof(struct ssh_conn *c, struct rd *r);
enum err channel_handle_close(struct ssh_conn *c, struct rd *r);
enum err channel_handle_request(struct ssh_conn *c, struct rd *r);
enum err channel_handle_reply(struct ssh_conn *c, struct rd *r);
enum err global_request(struct ssh_conn *c, struct rd *r);
enum err global_reply(struct ssh_conn *c, struct rd *r);
/* Output has fallen below SSH_OUT_LOW, or a key exchange is over: gives the
 * drain events that are owed. */
void channels_drain(struct ssh_conn *c);
/* The connection ends: channel_close for every channel, then free them. */
void channels_end(struct ssh_conn *c);
/* keepalive@openssh.com, want_reply: counted in channels.awaited. */
void global_send_keepalive(struct ssh_conn *c);

/* ---- conn.c ---- */

struct ssh_server {
	unsigned refs;
	const struct ssh_server_events *ev;
	void *ctx;
	struct ssh_server_config cfg;	/* strings and lists copied */
	char *lists[5];			/* kex host_key cipher mac compression,
					 * as they are offered */
	char ident_line[256];		/* without CR LF */
	char *greeting;			/* lines with CR LF, or NULL */
	bool default_ciphers;		/* the list is this build's own */
};

/* Why a connection must end, noted where ending it would pull the ground
 * from under the caller. */
enum conn_broken {
	CONN_SOUND,
	CONN_BROKEN_MEMORY,	/* no memory, or the output limit */
	CONN_BROKEN_PENDING,	/* CONN_PENDING_MAX during a key exchange */
	CONN_BROKEN_SEAL,	/* sealing failed, sequence used up */
	CONN_BROKEN_PHASE,	/* conn_enter: a move of no table */
	CONN_BROKEN_FEED,	/* fed inside of one of its own events */
	CONN_BROKEN_INPUT	/* fed much more than it wanted, or no memory */
};

struct ssh_conn {
	struct ssh_server *server;
	void *data;
	enum conn_phase phase;
	uint64_t now;			/* of the call under way */
	uint64_t created;
	uint64_t last_in;		/* when bytes last arrived */
	uint64_t last_out;		/* when the peer last took bytes */
	uint32_t keepalives;		/* sent since bytes last moved */
	uint64_t bytes_in, bytes_out;

	struct wr in;			/* what feed could not use yet */
	uint32_t peeked;		/* packet_take's */
	struct wr out;			/* sealed, to be sent */
	struct wr pending;		/* payloads that wait for NEWKEYS:
					 * uint32 length + payload each, at
					 * most CONN_PENDING_MAX */
	struct direction rx, tx;

	char *client_ident;		/* V_C, without CR LF */
	struct kex *kex;		/* NULL: none under way */
	unsigned kex_count;
	uint64_t kex_started, kex_done;	/* times, for deadline and rekey */
	uint8_t session_id[HASH_MAX];
	size_t session_id_len;
	bool strict;			/* strict KEX agreed in the first */
	bool ext_info;			/* the client wants EXT_INFO */
	bool ext_info_auth;		/* ... and once more with the user */
	size_t host_key;		/* of the first KEX, index */

	bool authenticated;
	bool no_more_sessions;
	struct userauth auth;
	struct channels channels;
	/* by which of its names the client asks for its agent */
	enum { AGENT_NONE, AGENT_OPENSSH, AGENT_DRAFT } agent_asked,
	    agent_name;

	uint64_t held_since;		/* time of the first of `held` */
	uint64_t probed;		/* base of the keepalive timer */
	uint64_t out_since;		/* unsent bytes not moving since; 0 */
	uint64_t ended_at;
	enum conn_broken broken;
	bool end_owed;			/* PH_ENDED, its events to come */
	bool running;			/* packets are being taken */
	/* what wait_for_kexinit brought about, for our own rekeys */
	const struct cipher_alg *pinned_in, *pinned_out;
	bool newkeys_heard;		/* the next packet may be EXT_INFO */

	unsigned held;			/* open questions that hold input */
	unsigned depth;			/* events under way on this conn */
	bool free_wanted;		/* ssh_conn_free inside an event */
	bool drain_owed;		/* some channel had a short write */
	bool global_open;		/* a global request awaits its answer */
	bool global_want_reply;
	bool global_port_zero;		/* it was tcpip-forward of port 0 */
	struct ssh_end end;		/* filled by conn_fail and friends */
	char end_text[256];
};

#define CONN_PENDING_MAX	((size_t)256 * 1024)

/* Moves to another phase; a move that the table does not know ends the
 * connection (it is a bug of ours, never a crash). */
void conn_enter(struct ssh_conn *c, enum conn_phase to);

/* Queues one message.  During a key exchange it waits in `pending` (over its
 * limit the connection ends).  Does nothing in PH_ENDED.  A failure (memory,
 * a limit) never ends the connection inside of this call: it is noted in
 * `broken` and done with when the outermost call of the engine returns, so
 * the caller's channel and conn stay valid. */
void conn_send(struct ssh_conn *c, struct view payload);
/* The same without a copy: room for a payload of n bytes at its place in the
 * output; fill it, then commit at most as many.  NULL: as conn_send does
 * nothing; then do not commit.  No other call of the engine in between. */
uint8_t *conn_reserve(struct ssh_conn *c, size_t n);
void conn_commit(struct ssh_conn *c, size_t n);

/* Ends the connection for a reason of ours: DISCONNECT with text is queued
 * (where the protocol allows) and the phase is PH_ENDED from here on.  When
 * the outermost call returns, channels end and the end event is given; until
 * then nothing is freed.  Returns err, so that a handler may
 * `return conn_fail(...)`. */
enum err conn_fail(struct ssh_conn *c, enum err err, unsigned reason,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
/* The client has said DISCONNECT. */
void conn_peer_ended(struct ssh_conn *c, unsigned reason, struct view text);
/* A transport message: sealed at once, even during a key exchange. */
bool conn_send_now(struct ssh_conn *c, struct view payload);
/* Sends what waited for our NEWKEYS. */
void conn_flush_pending(struct ssh_conn *c);

/* A question is open / answered: input stops / goes on.  Release takes up
 * the bytes that waited (not recursively: a flag for the running feed). */
void conn_hold(struct ssh_conn *c);
void conn_release(struct ssh_conn *c, uint64_t now);

/* Every event is called between these two, and so is the body of every public
 * function that may give an event, hold, release or end: the outermost end
 * takes up input that was released, ends a broken connection and frees one
 * that the application has freed meanwhile.  So c is valid from begin to
 * end, and must not be touched behind an end that may be the outermost. */
void conn_event_begin(struct ssh_conn *c);
void conn_event_end(struct ssh_conn *c);

/* Moves c->now, never back. */
void conn_advance(struct ssh_conn *c, uint64_t now);
/* conn_feed.c: takes up what is kept in c->in, if nothing holds it. */
void conn_run_kept(struct ssh_conn *c);

void conn_debug(struct ssh_conn *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ident.c: takes the client's line off c->in; OK, ERR_AGAIN (more needed) or
 * a failure that conn_fail has told. */
enum err ident_take(struct ssh_conn *c, struct view bytes, size_t *used_out);
/* Pure: "SSH-2.0-software comments" into its parts. */
bool ident_parse(struct view line, struct ssh_ident *out);

#endif
