/*
 * The lower half of the engine, faked, for tests of the upper half: what is
 * sent is kept as payloads, what fails is kept as a text, and the end of a
 * connection is told when the outermost call returns, as in conn.c.
 */
#ifndef TESTS_FAKE_CONN_H
#define TESTS_FAKE_CONN_H

#include "server/conn.h"

struct fake {
	struct ssh_conn c;	/* first: they share an address */
	struct ssh_server s;
	bool kex_blocks;	/* kex_blocks_output's answer */
	bool no_room;		/* conn_reserve and conn_send fail */
	bool ended;		/* channels ended, end event told */
	bool freed;		/* ssh_conn_free's time has come */
	unsigned releases;
	struct wr taken;	/* the payload fake_recv gave out */
	/* channels_end, where channels are linked */
	void (*end_channels)(struct ssh_conn *c);
};

/* Zeroed but for the pointers and a session id of 32 times 0x5a. */
struct fake *fake_new(const struct ssh_server_events *ev, void *ctx,
    enum conn_phase phase);
void fake_free(struct fake **f);

/* Gives a payload (with its message number) to a handler as the table's
 * reader does, in an allocation of its exact size. */
enum err fake_handle(struct fake *f,
    enum err (*handle)(struct ssh_conn *, struct rd *), struct view payload);
/* The next payload sent; valid until the next call.  False: none. */
bool fake_recv(struct fake *f, struct view *payload_out);
/* Drops what was sent; how many payloads that were. */
unsigned fake_drop(struct fake *f);

#endif
