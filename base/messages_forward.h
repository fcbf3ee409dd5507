/*
 * Messages about forwarded connections: a part of base/messages.h.
 *
 * The session makes the sockets, as the user, and passes connected ones up to
 * the server, which moves the bytes.  How many connections the session may
 * bring of its own accord, accepted on a socket that listens, the server says
 * beforehand (MSG_CREDIT); each takes one away.
 */
#ifndef BASE_MESSAGES_FORWARD_H
#define BASE_MESSAGES_FORWARD_H

#include "base/forward.h"

enum msg_flow_kind {
	FLOW_TCP, FLOW_UNIX, FLOW_AGENT, FLOW_X11, FLOW_KINDS
};
#define MSG_FLOW_TEXT_MAX	1024	/* bytes of a host or path */

/* MSG_CONNECT: what a client wants to be connected with; FLOW_TCP or _UNIX.
 * MSG_INCOMING: what has come in, on which of its sockets. */
struct msg_flow {
	uint8_t kind;			/* enum msg_flow_kind */
	struct view host;		/* TCP: as the client named it; UNIX:
					 * the path; else empty */
	uint32_t port;			/* TCP; 0 to 65535 */
	struct view src;		/* originator, an address; of UNIX and
					 * AGENT empty */
	uint32_t src_port;
};

/* MSG_LISTEN, MSG_UNLISTEN: a socket to be made, or to be closed. */
#define MSG_COOKIE_MAX	256		/* characters of it, in hex */
struct msg_socket {
	uint8_t kind;			/* enum msg_flow_kind */
	struct view host;		/* as in msg_flow */
	uint32_t port;			/* TCP; 0: any that is free */
	/* of a display */
	bool single;			/* one connection, then no more */
	struct view protocol, cookie;
	uint32_t screen;
};
struct msg_listening {
	bool done;			/* else the session has logged why */
	uint32_t port;			/* TCP: the one that is bound */
};

/* Why there is no connection. */
enum msg_no_way {
	NO_WAY_PROHIBITED,	/* by policy: the session has logged it */
	NO_WAY_NAME,		/* it stands for no address */
	NO_WAY_REFUSED, NO_WAY_TIMEOUT, NO_WAY_UNREACHABLE, NO_WAY_FAILED,
	NO_WAY_BUSY,		/* too many at once */
	NO_WAYS
};
struct msg_unconnected {
	uint8_t why;			/* enum msg_no_way */
};

struct msg_credit {
	uint32_t n;
};

/* MSG_LOOKUP and its answer.  `number` is the asker's. */
struct msg_lookup {
	uint32_t number;
	struct view name;		/* forward_name() holds */
};
enum msg_found_status {
	FOUND_SOME, FOUND_NONE, FOUND_LATE, FOUND_BUSY, FOUND_STATES
};
#define MSG_FOUND_MAX	16
struct msg_found {
	uint32_t number;
	uint8_t status;			/* enum msg_found_status */
	size_t n;			/* 0 unless FOUND_SOME */
	struct net_addr addr[MSG_FOUND_MAX];
};

void put_flow(struct wr *w, const struct msg_flow *m);
bool get_flow(struct view b, struct msg_flow *m) MUST_CHECK;
void put_socket(struct wr *w, const struct msg_socket *m);
bool get_socket(struct view b, struct msg_socket *m) MUST_CHECK;
void put_listening(struct wr *w, const struct msg_listening *m);
bool get_listening(struct view b, struct msg_listening *m) MUST_CHECK;
void put_unconnected(struct wr *w, const struct msg_unconnected *m);
bool get_unconnected(struct view b, struct msg_unconnected *m) MUST_CHECK;
void put_credit(struct wr *w, const struct msg_credit *m);
bool get_credit(struct view b, struct msg_credit *m) MUST_CHECK;
void put_lookup(struct wr *w, const struct msg_lookup *m);
bool get_lookup(struct view b, struct msg_lookup *m) MUST_CHECK;
void put_found(struct wr *w, const struct msg_found *m);
bool get_found(struct view b, struct msg_found *m) MUST_CHECK;
/* The addresses alone, as the helper says them: to the end of b. */
void put_addresses(struct wr *w, const struct msg_found *m);
bool get_addresses(struct view b, struct msg_found *m) MUST_CHECK;

#endif
