/* What users are told in the place of a program, or before it. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chroot/keeper_parts.h"

void
say_failure(struct keeper *k, const struct run *r, int status,
    const char *fmt, ...)
{
	const struct msg_opened opened = { CARRIER_SOCKETS };
	const struct msg_ended ended = { .status = (uint32_t)status };
	int out[2], err[2];
	struct wr w = wr_new(1024);
	char text[512], line[520];
	va_list ap;

	if (!keeper_sockets(out, err)) {
		keeper_refuse(k, r->channel, &r->open, "no descriptors");
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* A new socket takes a line at once; one that does not is lost. */
	snprintf(line, sizeof(line), "%s\r\n", text);
	(void)send(err[1], line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
	close(err[1]);
	close(out[1]);
	put_opened(&w, &opened);
	keeper_tell(k, MSG_OPENED, r->channel, &w,
	    (int[]){ out[0], err[0] }, 2);
	close(out[0]);
	close(err[0]);
	wr_reset(&w);
	put_ended(&w, &ended);
	keeper_tell(k, MSG_ENDED, r->channel, &w, NULL, 0);
	wr_free(&w);
}

static bool
is_hushed(const struct keeper *k)
{
	char path[4200];
	struct stat st;

	snprintf(path, sizeof(path), "%s/.hushlogin", run_home(k));
	return lstat(path, &st) == 0;
}

/* Through a description of its own: the program's must not become
 * non-blocking.  What the terminal does not take at once is not shown. */
void
say_motd(const struct keeper *k, int master)
{
	struct view left = k->start->motd;
	int fd;

	if (left.n == 0 || is_hushed(k))
		return;
	fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC |
	    O_NONBLOCK);
	if (fd == -1)
		return;
	while (left.n != 0) {
		ssize_t n = write(fd, left.p, left.n);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		left.p += n;
		left.n -= (size_t)n;
	}
	close(fd);
}
