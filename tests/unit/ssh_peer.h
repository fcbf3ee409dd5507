/*
 * An SSH client in memory, for tests of the engine: it talks to one struct
 * ssh_conn by handing bytes over, without sockets and clocks.  It checks what
 * the server must do (strict KEX, the signature over H, packet form): what is
 * wrong sets `broken` and `why`, and from then on every function that returns
 * bool returns false.
 *
 *	struct ssh_peer *p = ssh_peer_new(conn, NULL);
 *	assert_true(ssh_peer_handshake(p));
 *	ssh_peer_send(p, payload);
 *	while (ssh_peer_recv(p, &payload)) ...
 *
 * The conn's clock is p->now (milliseconds), moved by the test.
 */
#ifndef TESTS_SSH_PEER_H
#define TESTS_SSH_PEER_H

#include "base/crypto.h"
#include "base/sshkey.h"
#include "server/conn.h"

/* NULL members: everything that base/crypto.h knows, in its order. */
struct ssh_peer_algs {
	const char *kex, *host_key, *cipher, *mac, *compression;
	const char *ident;	/* NULL: "SSH-2.0-Peer_1" */
	bool no_strict;		/* do not offer kex-strict-c */
	bool no_ext_info;	/* do not offer ext-info-c */
	bool follows;		/* first_kex_packet_follows in KEXINIT */
};

struct ssh_peer {
	struct ssh_conn *conn;	/* not owned */
	struct ssh_peer_algs algs;
	struct view before_newkeys;	/* a payload to smuggle in, once */
	uint64_t now;
	size_t chunk;		/* bytes per ssh_conn_feed, 0: all at once */

	struct wr in;		/* from the server, not yet opened */
	uint32_t peeked;
	struct wr out;		/* to the server, not yet fed */
	struct direction rx, tx;
	struct wr got;		/* uint32 length + payload of each message
				 * received and not yet taken by recv */
	char server_ident[256];
	bool ident_done;
	bool ident_only;	/* packets wait: see ssh_peer_ident */
	bool strict;
	bool broken;		/* the server broke the protocol */
	const char *why;	/* ... how */

	/* key exchange */
	bool init_sent, init_got;
	bool guess_sent;	/* message 30 behind a KEXINIT that follows */
	struct wr i_c, i_s;
	struct kex_choice choice;	/* what is agreed */
	struct kex_init *init;
	const struct kex_alg *init_alg;
	struct wr pub;
	struct cipher *rx_next;
	unsigned kex_count;	/* completed */
	uint8_t h[HASH_MAX];	/* of the last exchange */
	uint8_t session_id[HASH_MAX];
	size_t session_id_len;
	struct wr host_blob;	/* K_S of the last KEX_REPLY */
	struct wr taken;	/* the message given by recv */
};

/* algs is copied (its strings are not); NULL: defaults. */
struct ssh_peer *ssh_peer_new(struct ssh_conn *c,
    const struct ssh_peer_algs *algs);
void ssh_peer_free(struct ssh_peer **p);

/* Raw bytes to the server, as they are. */
void ssh_peer_raw(struct ssh_peer *p, struct view bytes);
/* Seals one payload and hands it over (with everything queued). */
void ssh_peer_send(struct ssh_peer *p, struct view payload);
/* The same without handing over: several go in one feed by ssh_peer_pump. */
void ssh_peer_queue(struct ssh_peer *p, struct view payload);
/* Moves bytes both ways until neither side has more to say.  Transport
 * messages (KEXINIT, 31, NEWKEYS) are acted on, IGNORE and DEBUG dropped;
 * everything else is kept for ssh_peer_recv. */
void ssh_peer_pump(struct ssh_peer *p);
/* The next message from the server, valid until the next call; pumps when
 * there is none.  False: nothing there. */
bool ssh_peer_recv(struct ssh_peer *p, struct view *payload_out);
/* recv until a message of this number comes; others are dropped. */
bool ssh_peer_expect(struct ssh_peer *p, uint8_t number,
    struct view *payload_out);

/* The line with CR LF; false if the server's did not come.  Packets that came
 * with it are left for the next pump, so nothing answers a KEXINIT yet. */
bool ssh_peer_ident(struct ssh_peer *p);
/* Sends KEXINIT at once; pump does the rest. */
void ssh_peer_kexinit(struct ssh_peer *p);
/* ident and a complete first key exchange; EXT_INFO stays for recv. */
bool ssh_peer_handshake(struct ssh_peer *p);
/* A key exchange that we begin, complete. */
bool ssh_peer_rekey(struct ssh_peer *p);
/* SERVICE_REQUEST ssh-userauth and its ACCEPT. */
bool ssh_peer_service(struct ssh_peer *p);
/* Sends DISCONNECT. */
void ssh_peer_disconnect(struct ssh_peer *p, unsigned reason,
    const char *text);

#endif
