#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/ipc.h"

#define HEADER 5

enum err
ipc_pair(int fds_out[2], bool nonblock)
{
	int type = SOCK_SEQPACKET | SOCK_CLOEXEC, size = 4 * IPC_MAX_FRAME;

	if (nonblock)
		type |= SOCK_NONBLOCK;
	if (socketpair(AF_UNIX, type, 0, fds_out) == -1)
		return ERR_SYS;
	for (int i = 0; i < 2; i++) {
		if (setsockopt(fds_out[i], SOL_SOCKET, SO_SNDBUF, &size,
		    sizeof(size)) == -1) {
			close(fds_out[0]);
			close(fds_out[1]);
			return ERR_SYS;
		}
	}
	return OK;
}

enum err
ipc_send(int sock, uint8_t type, uint32_t id, struct view body,
    const int *fds, size_t nfds)
{
	uint8_t head[HEADER];
	union {
		struct cmsghdr align;
		uint8_t b[CMSG_SPACE(sizeof(int) * IPC_MAX_FDS)];
	} ctl;
	struct iovec iov[2];
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	struct cmsghdr *c;
	ssize_t n;

	if (body.n > IPC_MAX_FRAME - HEADER || nfds > IPC_MAX_FDS)
		return ERR_LIMIT;
	head[0] = type;
	put_u32(head + 1, id);
	iov[0] = (struct iovec){ head, sizeof(head) };
	/* sendmsg does not write through iov_base. */
	iov[1] = (struct iovec){ (void *)(uintptr_t)body.p, body.n };
	if (nfds != 0) {
		memset(&ctl, 0, sizeof(ctl));
		m.msg_control = ctl.b;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
	}
	do
		n = sendmsg(sock, &m, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	if (n >= 0)
		return OK;
	switch (errno) {
	case EAGAIN:
	case ENOBUFS:
	case ETOOMANYREFS:	/* too many descriptors in flight: wait */
		return ERR_AGAIN;
	case EPIPE:
	case ECONNRESET:
	case ENOTCONN:
		return ERR_CLOSED;
	case EMSGSIZE:
		return ERR_LIMIT;
	default:
		return ERR_SYS;
	}
}

static void
lose_fds(struct ipc_msg *msg)
{
	ipc_msg_close(msg);
	msg->lost_fds = true;
}

/* Collects the descriptors of every control message; false if too many.  If
 * we had no room for some, the message comes without any. */
static bool
collect_fds(struct msghdr *m, struct ipc_msg *msg)
{
	bool cut = (m->msg_flags & MSG_CTRUNC) != 0, ok = true;
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int),
			    sizeof(fd));
			if (msg->nfds < IPC_MAX_FDS)
				msg->fds[msg->nfds++] = fd;
			else {
				close(fd);
				ok = false;
			}
		}
	}
	if (cut && msg->nfds == IPC_MAX_FDS)
		ok = false;
	else if (cut)
		lose_fds(msg);
	return ok;
}

enum err
ipc_recv(int sock, uint8_t *buf, size_t size, struct ipc_msg *msg)
{
	union {
		struct cmsghdr align;
		uint8_t b[CMSG_SPACE(sizeof(int) * IPC_MAX_FDS)];
	} ctl;
	struct iovec iov = { buf, size };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = ctl.b, .msg_controllen = sizeof(ctl.b),
	};
	ssize_t n;

	memset(msg, 0, sizeof(*msg));
	for (size_t i = 0; i < IPC_MAX_FDS; i++)
		msg->fds[i] = -1;
	do
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n == -1) {
		if (errno == EAGAIN)
			return ERR_AGAIN;
		return errno == ECONNRESET ? ERR_CLOSED : ERR_SYS;
	}
	if (!collect_fds(&m, msg) || (m.msg_flags & MSG_TRUNC) != 0) {
		ipc_msg_close(msg);
		return ERR_PROTO;
	}
	if (n == 0) {
		ipc_msg_close(msg);
		return ERR_CLOSED;
	}
	if (n < HEADER) {
		ipc_msg_close(msg);
		return ERR_PROTO;
	}
	msg->type = buf[0];
	msg->id = get_u32(buf + 1);
	msg->body = view_of(buf + HEADER, (size_t)n - HEADER);
	return OK;
}

int
ipc_take_fd(struct ipc_msg *msg, size_t i)
{
	int fd;

	if (i >= msg->nfds)
		return -1;
	fd = msg->fds[i];
	msg->fds[i] = -1;
	return fd;
}

void
ipc_msg_close(struct ipc_msg *msg)
{
	for (size_t i = 0; i < msg->nfds; i++) {
		if (msg->fds[i] != -1)
			close(msg->fds[i]);
		msg->fds[i] = -1;
	}
	msg->nfds = 0;
}
