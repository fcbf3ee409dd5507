#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/control.h"
#include "chroot/tool/tool.h"

#define PATIENCE_S	10

static int
complain_close(int fd, const char *path)
{
	int saved = errno;

	if (fd != -1)
		close(fd);
	switch (saved) {
	case ENOENT:
	case ECONNREFUSED:
		tool_complain("%s: no sallyportd answers there; is it "
		    "running, and what does its `control` say?", path);
		break;
	case EACCES:
		tool_complain("%s: only root and the user who started the "
		    "daemon may ask it", path);
		break;
	default:
		tool_complain("%s: %s", path, strerror(saved));
	}
	return -1;
}

/* Whoever else listens there could tell us anything. */
static bool
trusted(int fd)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0 &&
	    (cred.uid == 0 || cred.uid == geteuid());
}

int
tool_warden(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const struct timeval t = { PATIENCE_S, 0 };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return complain_close(fd, path);
	}
	strcpy(sun.sun_path, path);
	if (fd == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)) == -1 ||
	    connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == -1)
		return complain_close(fd, path);
	if (!trusted(fd)) {
		close(fd);
		tool_complain("%s: belongs neither to root nor to you", path);
		return -1;
	}
	return fd;
}

bool
tool_warden_ask(int fd, uint8_t type, struct view body)
{
	if (ipc_send(fd, type, 0, body, NULL, 0) == OK)
		return true;
	tool_complain("the daemon does not take the question");
	return false;
}

bool
tool_warden_read(int fd, uint8_t *frame, struct ipc_msg *msg)
{
	struct control_failed m;
	enum err e = ipc_recv(fd, frame, IPC_MAX_FRAME, msg);

	if (e == OK && msg->nfds != 0)
		e = ERR_PROTO;
	if (e != OK) {
		tool_complain(e == ERR_AGAIN ? "the daemon did not answer in "
		    "%d s" : "the daemon broke off its answer", PATIENCE_S);
		ipc_msg_close(msg);
		return false;
	}
	if (msg->type != CONTROL_FAILED)
		return true;
	if (!get_control_failed(msg->body, &m))
		m.why = view_str("the daemon refused the question");
	tool_complain("%.*s", (int)m.why.n, (const char *)m.why.p);
	return false;
}
