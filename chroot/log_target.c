#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "chroot/logd.h"

static int
complain(const char *what, int fd, int error, char *why, size_t n)
{
	snprintf(why, n, "log: %s: %s", what, strerror(error));
	if (fd != -1)
		close(fd);
	return -1;
}

static int
open_file(struct view name, char *why, size_t n)
{
	char *path = view_dup(name);
	struct stat st;
	int fd;

	if (path == NULL)
		return complain("file", -1, ENOMEM, why, n);
	/* O_NONBLOCK: a FIFO in the place of the file must not hold us up. */
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY |
	    O_NONBLOCK, 0640);
	if (fd == -1 || fstat(fd, &st) == -1)
		fd = complain(path, fd, errno, why, n);
	else if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		fd = complain(path, fd, EINVAL, why, n);
	free(path);
	return fd;
}

static int
open_socket(const char *path, char *why, size_t n)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (fd == -1 || connect(fd, (const struct sockaddr *)&sa,
	    sizeof(sa)) == -1)
		return complain(path, fd, errno, why, n);
	return fd;
}

int
log_target_open(const struct config_main *m, bool to_stderr,
    struct msg_log_target *how_out, char *why, size_t n)
{
	int fd;

	*how_out = (struct msg_log_target){ .json = m->log_json };
	if (to_stderr || m->log_to == LOG_TO_STDERR) {
		if ((fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) == -1)
			return complain("stderr", -1, errno, why, n);
		return fd;
	}
	switch (m->log_to) {
	case LOG_TO_SYSLOG:
		how_out->syslog = true;
		return open_socket("/dev/log", why, n);
	case LOG_TO_JOURNAL:
		how_out->journal = true;
		return open_socket("/run/systemd/journal/socket", why, n);
	default:
		return open_file(m->log_path, why, n);
	}
}
