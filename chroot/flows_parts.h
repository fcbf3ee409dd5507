/*
 * Inside of flows:
 *
 *	flows.c		what is waited for, messages, the log
 *	flows_open.c	connections that clients want
 *	flows_listen.c	sockets that listen, and what comes in
 *	flows_bind.c	how these are made
 *	flows_private.c	agents and displays of channels
 */
#ifndef CHROOT_FLOWS_PARTS_H
#define CHROOT_FLOWS_PARTS_H

#include <sys/socket.h>
#include <sys/un.h>

#include "base/log_budget.h"
#include "chroot/flows.h"

/* A descriptor that is waited for; the first member of who waits. */
struct watch {
	int fd;				/* -1: none */
	void (*ready)(struct flows *f, struct watch *w);
};

/* Rules of policy or key; n 0 of a key's: no limit. */
struct rules {
	struct forward_rule *v;
	size_t n;
};

struct opening;
struct listener;
struct gift;

struct flows {
	struct flows_start start;
	int epoll;
	struct watch timer;
	struct rules open, listen;		/* the policy's */
	struct rules key_open, key_listen;	/* the key's */
	struct log_budget refusals;
	bool no_warden;
	struct opening *openings;	/* oldest first */
	size_t nopenings, nlookups;
	uint32_t last_lookup;
	struct listener *listeners;
	size_t nlisteners;
	uint32_t credit;		/* connections that may come in */
	uint64_t accept_again;		/* a pause: no descriptors; 0: none */
#define FLOWS_DIR_MAX 76		/* leaves room for a socket's name */
	char dir[FLOWS_DIR_MAX];	/* of the user's; empty: not made */
	struct gift *gifts;		/* to channels */
	struct listener *agent;		/* NULL: none */
};

uint64_t flows_clock(const struct flows *f);	/* ms */
/* Waits for events (EPOLLIN, EPOLLOUT); false: it cannot. */
bool flows_watch(struct flows *f, struct watch *w, uint32_t events);
void flows_rewatch(struct flows *f, struct watch *w, uint32_t events);
/* Closes the descriptor, if there is one. */
void flows_close(struct flows *f, struct watch *w);
/* Plans the next call of open_tick and listen_tick. */
void flows_plan(struct flows *f);

/* What policy and key say together. */
enum forward_say flows_permit(const struct rules *policy,
    const struct rules *key, const struct forward_end *e);
/* "request-refused".  port 0: not said. */
void flows_refused(struct flows *f, const char *request,
    struct view host, uint32_t port, const char *reason, bool by_rights);
/* An address for connect(2) or bind(2); its length. */
socklen_t flows_sockaddr(const struct net_addr *a, uint16_t port,
    struct sockaddr_storage *out);
/* ... of a socket's path, which fits. */
socklen_t flows_sockaddr_un(struct view path, struct sockaddr_un *out);

/* ---- flows_open.c ---- */
void open_begin(struct flows *f, uint32_t channel, const struct msg_flow *m);
void open_cancel(struct flows *f, uint32_t channel);
void open_found(struct flows *f, const struct msg_found *m);
void open_no_warden(struct flows *f);
/* Does what is due; when to come again. */
uint64_t open_tick(struct flows *f, uint64_t now);
void open_free(struct flows *f);

/* ---- flows_listen.c ---- */
/* A socket that listens, or several for one wish. */
#define LISTENER_FDS 2
struct listener {
	struct listener *next;
	uint8_t kind;			/* enum msg_flow_kind */
	struct watch w[LISTENER_FDS];
	char *host;			/* as the client named it; a path */
	uint16_t port;			/* bound */
	bool single;			/* for one connection */
	dev_t dev;			/* of a path's socket */
	ino_t ino;
};
/* A new one, without socket; listener_discard frees one that is not kept, and
 * its sockets.  host is its own. */
struct listener *listener_new(uint8_t kind);
void listener_discard(struct listener *l);
/* Has it listen; then listener_drop ends it. */
void listener_keep(struct flows *f, struct listener *l);
void listener_drop(struct flows *f, struct listener *l);
void listen_begin(struct flows *f, uint32_t id, const struct msg_socket *m);
void listen_end(struct flows *f, uint32_t id, const struct msg_socket *m);
void listen_credit(struct flows *f, uint32_t n);
uint64_t listen_tick(struct flows *f, uint64_t now);
void listen_free(struct flows *f);

/* ---- flows_bind.c ---- */
/* Binds and listens as m wants it, if that is permitted: NULL, or the
 * reason. */
const char *bind_tcp(struct flows *f, const struct msg_socket *m,
    struct listener *out);
const char *bind_unix(struct flows *f, const struct msg_socket *m,
    struct listener *out);
/* The path out->host, for the user alone. */
const char *bind_private(struct listener *out);
/* The first display from `offset` on that is free. */
const char *bind_display(bool localhost, uint32_t offset,
    struct listener *out);
/* Removes the socket of a path, if it still is ours. */
void bind_unlink(const struct listener *l);

/* ---- flows_private.c ---- */
/* Each NULL, or the reason. */
const char *private_agent(struct flows *f, uint32_t channel);
const char *private_x11(struct flows *f, uint32_t channel,
    const struct msg_socket *m);
/* l has got a connection; it may be gone afterwards. */
void private_accepted(struct flows *f, struct listener *l);
void private_closed(struct flows *f, uint32_t channel);
void private_free(struct flows *f);

#endif
