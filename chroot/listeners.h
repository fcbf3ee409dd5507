/* The listening sockets: bound by the warden, accepted from by the server. */
#ifndef CHROOT_LISTENERS_H
#define CHROOT_LISTENERS_H

#include "base/config.h"
#include "base/ipc.h"

#define LISTENERS_MAX	IPC_MAX_FDS

struct listener {
	int fd;
	struct sockaddr_storage addr;
	socklen_t len;
};
struct listeners {
	struct listener l[LISTENERS_MAX];
	size_t n;
};

/*
 * The sockets that m asks for: those of `old` whose address stays are taken
 * over by a duplicate, the rest is bound.  One of `old` that is in the way of
 * a new one, as 0.0.0.0:22 is of 127.0.0.1:22, stops listening for that; its
 * connections that nobody has accepted yet are lost.  On failure it listens
 * again, out is empty, and *why (the caller's, n bytes) names the address and
 * the reason.
 */
bool listeners_bind(const struct config_main *m, const struct listeners *old,
    struct listeners *out, char *why, size_t n) MUST_CHECK;
void listeners_close(struct listeners *l);
/* Descriptors in order, for a message; out has LISTENERS_MAX places. */
size_t listeners_fds(const struct listeners *l, int *out);

#endif
