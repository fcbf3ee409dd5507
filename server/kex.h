/*
 * One key exchange, between kex.c and kex_keys.c.  All that belongs to it
 * hangs off struct kex and goes with it, on every way out.
 */
#ifndef SERVER_KEX_H
#define SERVER_KEX_H

#include "server/conn.h"

struct kex {
	bool sent_init, got_init;	/* KEXINIT */
	bool skip_guess;		/* one packet of a wrong guess */
	bool got_pub;			/* message 30 */
	bool wait_sign;
	bool sent_newkeys;
	struct wr i_c, i_s;		/* payloads of the two KEXINIT */
	struct kex_choice choice;
	size_t host_key;		/* index into cfg.host_keys */
	struct wr pub, k;		/* ours; the shared secret */
	uint8_t h[HASH_MAX];
	size_t h_len;
	struct cipher *rx_next;		/* from the client's NEWKEYS on */
};

/* Both end the connection and return the error. */
enum err kex_no_memory(struct ssh_conn *c);
enum err kex_failed(struct ssh_conn *c, enum err e, const char *what);

#endif
