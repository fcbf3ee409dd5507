#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "chroot/control_socket.h"

#define BACKLOG	16

void
control_socket_init(struct control_socket *s)
{
	*s = (struct control_socket){ .fd = -1 };
}

static bool
is_ours(const struct control_socket *s)
{
	struct stat st;

	return s->path != NULL && lstat(s->path, &st) == 0 &&
	    st.st_dev == s->dev && st.st_ino == s->ino;
}

void
control_socket_close(struct control_socket *s)
{
	if (is_ours(s))
		unlink(s->path);
	if (s->fd != -1)
		close(s->fd);
	free(s->path);
	control_socket_init(s);
}

bool
control_socket_is(const struct control_socket *s, struct view path)
{
	if (s->path == NULL || path.n == 0)
		return s->path == NULL && path.n == 0;
	return view_is(path, s->path) && is_ours(s);
}

static bool
address(const char *path, struct sockaddr_un *out)
{
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(out->sun_path))
		return false;
	strcpy(out->sun_path, path);
	return true;
}

static int
new_socket(void)
{
	return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
}

/* Does somebody listen there? */
static bool
answers(const char *path)
{
	struct sockaddr_un sun;
	int fd = new_socket();
	bool yes;

	if (fd == -1 || !address(path, &sun)) {
		if (fd != -1)
			close(fd);
		return true;	/* not known: leave it alone */
	}
	yes = connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0 ||
	    (errno != ECONNREFUSED && errno != ENOENT);
	close(fd);
	return yes;
}

/* What is in the place already?  False: not to be replaced. */
static bool
place_free(const char *path, char *why, size_t n)
{
	struct stat st;

	if (lstat(path, &st) == -1) {
		if (errno == ENOENT)
			return true;
		snprintf(why, n, "%s: %s; needs a place for a socket", path,
		    strerror(errno));
		return false;
	}
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(why, n, "%s: is no socket; remove it or name "
		    "another place", path);
		return false;
	}
	if (answers(path)) {
		snprintf(why, n, "%s: a daemon answers there; needs "
		    "a place of its own for each, or none", path);
		return false;
	}
	return true;
}

/* The folder alone, not its parents. */
static void
make_folder(const char *path)
{
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const char *slash = strrchr(path, '/');

	if (slash == path || (size_t)(slash - path) >= sizeof(folder))
		return;
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	(void)mkdir(folder, 0755);	/* bind() tells what is wrong */
}

/* Bound under another name, closed to others from the first moment, and then
 * put in the place of what was there. */
static bool
bind_there(struct control_socket *s)
{
	struct sockaddr_un sun;
	char tmp[sizeof(sun.sun_path)];
	struct stat st;
	mode_t mask;
	bool ok;
	int saved;

	if ((size_t)snprintf(tmp, sizeof(tmp), "%s.%d", s->path,
	    (int)getpid()) >= sizeof(tmp) || !address(tmp, &sun)) {
		errno = ENAMETOOLONG;
		return false;
	}
	unlink(tmp);
	mask = umask(0177);
	ok = bind(s->fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0;
	saved = errno;
	umask(mask);
	errno = saved;
	if (!ok)
		return false;
	if (lstat(tmp, &st) == 0 && listen(s->fd, BACKLOG) == 0 &&
	    rename(tmp, s->path) == 0) {
		s->dev = st.st_dev;
		s->ino = st.st_ino;
		return true;
	}
	saved = errno;
	unlink(tmp);
	errno = saved;
	return false;
}

bool
control_socket_open(struct control_socket *s, struct view path, char *why,
    size_t n)
{
	control_socket_init(s);
	if (path.n == 0)
		return true;
	snprintf(why, n, "out of memory or descriptors");
	if ((s->path = view_dup(path)) == NULL || (s->fd = new_socket()) == -1)
		goto fail;
	make_folder(s->path);
	if (!place_free(s->path, why, n))
		goto fail;
	if (bind_there(s))
		return true;
	snprintf(why, n, "%s: %s; needs a folder that is there and that %s "
	    "may write to", s->path, strerror(errno), geteuid() == 0 ?
	    "root" : "this user");
fail:
	control_socket_close(s);
	return false;
}

int
control_socket_accept(const struct control_socket *s, uid_t *uid_out)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd == -1)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1) {
		close(fd);
		return -1;
	}
	*uid_out = cred.uid;
	return fd;
}
