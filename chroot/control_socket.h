/* The control socket: where the operator's tool finds the warden. */
#ifndef CHROOT_CONTROL_SOCKET_H
#define CHROOT_CONTROL_SOCKET_H

#include <sys/types.h>

#include "base/buf.h"

struct control_socket {
	int fd;			/* listening, non-blocking; -1: none */
	char *path;		/* NULL: none */
	dev_t dev;		/* of the file that we made */
	ino_t ino;
};

void control_socket_init(struct control_socket *s);
/*
 * Listens at path (absolute) with mode 0600, in a folder that is made with
 * mode 0755 if it is missing.  A socket that nobody answers on is replaced;
 * anything else in that place is left alone and a failure.  An empty path:
 * there is no socket.  False: *why (the caller's, n bytes) is "PATH: what;
 * what mends it".
 */
bool control_socket_open(struct control_socket *s, struct view path,
    char *why, size_t n) MUST_CHECK;
/* Closes it, and removes the file if it still is ours. */
void control_socket_close(struct control_socket *s);
/* Is s what path asks for, and still there? */
bool control_socket_is(const struct control_socket *s, struct view path);
/* The next peer, non-blocking, with the uid that the kernel tells; -1: none
 * now, or errno. */
int control_socket_accept(const struct control_socket *s, uid_t *uid_out);

#endif
