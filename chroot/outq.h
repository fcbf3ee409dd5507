/*
 * Frames that a socket of ours does not take at once: a bounded queue, so
 * that the warden never waits for anybody.
 */
#ifndef CHROOT_OUTQ_H
#define CHROOT_OUTQ_H

#include "base/ipc.h"

#define OUTQ_MAX	16384	/* frames waiting; then ERR_LIMIT */

struct outq_frame;
struct outq {
	int fd;				/* non-blocking; -1: closed */
	struct outq_frame *first, **last;
	size_t n;
};

/* Takes fd over. */
void outq_open(struct outq *q, int fd);
/* Closes the socket and forgets what waits. */
void outq_close(struct outq *q);
/* Sends or queues; body and fds stay the caller's.  ERR_CLOSED, ERR_LIMIT,
 * ERR_NOMEM, ERR_SYS: the peer is to be given up. */
enum err outq_send(struct outq *q, uint8_t type, uint32_t id,
    struct view body, const int *fds, size_t nfds) MUST_CHECK;
/* The socket is writable: sends what waits. */
enum err outq_flush(struct outq *q) MUST_CHECK;

#endif
