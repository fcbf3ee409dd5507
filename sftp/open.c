#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "sftp/open.h"

/* A FIFO, a device or a leased file must not make us wait. */
#define NO_WAIT	(O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

static const struct status not_regular = { FX_FAILURE, "Not a regular file" };

/* Opens and looks; -1 with the reason. */
static int
open_look(int dir, const char *name, int flags, mode_t mode,
    struct stat *st_out, struct status *why_out)
{
	int fd = openat(dir, name, flags | NO_WAIT, mode);

	if (fd == -1) {
		*why_out = status_errno(errno);
		if (errno == ENXIO)	/* a socket, a FIFO nobody reads */
			*why_out = not_regular;
		return -1;
	}
	if (fstat(fd, st_out) == 0)
		return fd;
	*why_out = status_errno(errno);
	close(fd);
	return -1;
}

int
open_regular(int dir, const char *name, int flags, mode_t mode,
    struct status *why_out)
{
	struct stat st;
	int fd = open_look(dir, name, flags, mode, &st, why_out);

	if (fd == -1 || S_ISREG(st.st_mode))
		return fd;
	*why_out = S_ISDIR(st.st_mode) ? status_errno(EISDIR) : not_regular;
	close(fd);
	return -1;
}

int
open_any(int dir, const char *name, struct stat *st_out,
    struct status *why_out)
{
	int fd = open_look(dir, name, O_RDONLY, 0, st_out, why_out);

	if (fd == -1 || S_ISREG(st_out->st_mode) || S_ISDIR(st_out->st_mode))
		return fd;
	*why_out = not_regular;
	close(fd);
	return -1;
}
