/*
 * Channels (RFC 4254 5): shared by channel.c (numbers and ends),
 * channel_open.c, channel_data.c (bytes and windows) and session.c (requests).
 */
#ifndef SERVER_CHANNEL_H
#define SERVER_CHANNEL_H

#include "server/outgoing.h"

enum channel_kind {
	CHANNEL_SESSION, CHANNEL_TCPIP, CHANNEL_STREAMLOCAL,
	CHANNEL_OURS,		/* opened by us, whatever its type */
	CHANNEL_PROHIBITED,	/* types that only a server may open */
	CHANNEL_UNKNOWN
};

enum channel_state {
	CHANNEL_ASKED,		/* the client's open awaits our answer */
	CHANNEL_OPENING,	/* our open awaits the client's answer */
	CHANNEL_OPEN,
	CHANNEL_GONE		/* channel_close is being told */
};

struct ssh_channel {
	struct ssh_conn *conn;
	void *data;
	uint32_t id, peer;	/* our number and theirs */
	enum channel_kind kind;
	enum channel_state state;
	/* From the client.  in_window + unconsumed + credit is what was
	 * granted and stays `window` until EOF. */
	uint32_t window;
	uint32_t in_window;	/* what it may still send */
	uint32_t unconsumed;	/* with the application */
	uint32_t credit;	/* consumed, not yet given back */
	/* To the client. */
	uint32_t out_window, out_packet;
	bool eof_in, eof_out;	/* EOF has come, was sent */
	bool close_out;		/* CLOSE was sent */
	bool close_wanted;	/* ... as soon as it is open */
	bool drain_owed;	/* after a short write */
	/* Session requests, one at a time. */
	bool request_open;
	bool request_want_reply;
	bool request_starts;	/* it is shell, exec or a subsystem */
	bool started;		/* one of those was accepted */
};

/* CHANNEL_OPEN, parsed.  Views are borrowed. */
struct channel_open {
	enum channel_kind kind;
	struct view type;
	uint32_t sender, window, packet;
	struct ssh_tcpip tcpip;
	struct view socket_path;
};
/* Pure; r stands behind the message number.  False: malformed. */
bool channel_parse_open(struct rd *r, struct channel_open *out) MUST_CHECK;

/* How many a connection may have at a time. */
uint32_t channel_limit(const struct ssh_conn *c);
/* A channel in the lowest free slot.  NULL: limit or memory. */
struct ssh_channel *channel_new(struct ssh_conn *c, enum channel_kind kind,
    enum channel_state state);
/* Frees its number at once, tells the application, frees the rest. */
void channel_gone(struct ssh_channel *ch);

/* The channel with our number id that is open both ways; else NULL, and the
 * connection has been ended, for no honest client errs there. */
struct ssh_channel *channel_find(struct ssh_conn *c, uint32_t id);

/* Open both ways, in a connection that has not ended. */
bool channel_is_open(const struct ssh_channel *ch);
/* ... and neither EOF nor CLOSE of ours has gone out. */
bool channel_may_write(const struct ssh_channel *ch);
/* Gives the drain event if one is owed and bytes can go. */
void channel_drain(struct ssh_channel *ch);

/* Pure; r stands behind the channel number.  False: malformed. */
bool session_parse_request(struct rd *r, struct ssh_request *out) MUST_CHECK;
/* Pure; r stands behind the message number.  False: malformed. */
bool global_parse(struct rd *r, struct ssh_global *out) MUST_CHECK;

#endif
