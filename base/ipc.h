/*
 * Frames between our own processes: SOCK_SEQPACKET sockets, one message per
 * frame, up to IPC_MAX_FDS descriptors beside it.  A frame is
 *
 *	byte	 message number (base/messages.h)
 *	uint32	 id: whose question this is, echoed by the answer
 *	...	 fields of that message
 *
 * Nothing here blocks unless the socket does.
 */
#ifndef BASE_IPC_H
#define BASE_IPC_H

#include "base/buf.h"

#define IPC_MAX_FRAME	(72 * 1024)
#define IPC_MAX_FDS	16

struct ipc_msg {
	uint8_t type;
	uint32_t id;
	struct view body;		/* borrowed from the receive buffer */
	int fds[IPC_MAX_FDS];		/* owned by the receiver, -1 if none */
	size_t nfds;
	bool lost_fds;			/* there were some, and no room here */
};

/* A pair of connected SEQPACKET sockets, close-on-exec, `nonblock` as told,
 * with send buffers large enough for a frame of IPC_MAX_FRAME. */
enum err ipc_pair(int fds_out[2], bool nonblock) MUST_CHECK;

/* Sends one frame.  body is borrowed; fds stay the caller's to close.
 * ERR_AGAIN: the socket is full, nothing was sent.  ERR_CLOSED: peer gone.
 * ERR_LIMIT: larger than IPC_MAX_FRAME. */
enum err ipc_send(int sock, uint8_t type, uint32_t id, struct view body,
    const int *fds, size_t nfds) MUST_CHECK;

/* Receives one frame into buf (at least IPC_MAX_FRAME bytes, the caller's;
 * msg->body points into it).  Descriptors arrive close-on-exec.  ERR_AGAIN,
 * ERR_CLOSED; ERR_PROTO for a frame that is cut short or carries too many
 * descriptors (they are closed).  A frame whose descriptors find no room in
 * this process comes without any, and says so. */
enum err ipc_recv(int sock, uint8_t *buf, size_t n, struct ipc_msg *msg)
    MUST_CHECK;

/* Takes descriptor i out of the message: the caller owns it, -1 if absent. */
int ipc_take_fd(struct ipc_msg *msg, size_t i);
/* Closes the descriptors that nobody has taken. */
void ipc_msg_close(struct ipc_msg *msg);

#endif
