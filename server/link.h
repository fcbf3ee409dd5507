/*
 * One end of a SEQPACKET socket to another of our processes, with a bounded
 * queue for frames that the socket does not take at once.
 */
#ifndef SERVER_LINK_H
#define SERVER_LINK_H

#include "base/ipc.h"

#define LINK_QUEUE_MAX	4096	/* frames waiting */

struct link_frame;
struct link {
	int fd;				/* -1: not open */
	struct link_frame *first, **last;
	size_t queued;
};

/* Takes fd over; it must be non-blocking. */
void link_open(struct link *l, int fd);
void link_close(struct link *l);
/* Sends or queues one frame.  body and fds stay the caller's (descriptors
 * are duplicated when they must wait).  ERR_LIMIT: the queue is full;
 * ERR_CLOSED: the other end has gone. */
enum err link_send(struct link *l, uint8_t type, uint32_t id,
    struct view body, const int *fds, size_t nfds) MUST_CHECK;
/* For poll(2). */
short link_events(const struct link *l);
/* poll() said POLLOUT: sends what waits. */
enum err link_flush(struct link *l) MUST_CHECK;

#endif
