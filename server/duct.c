#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/duct.h"

/* What the server keeps for a login that does not read: never more than the
 * channel window that the client was granted, and one packet. */
#define DUCT_OUT_MAX	((size_t)2 * 1024 * 1024 + 64 * 1024)
/* What one receive takes from the login; the caller's max bounds it too. */
#define DUCT_IN_MAX	((size_t)256 * 1024)

struct duct {
	int fd;
	struct wr out;		/* towards the login */
	struct wr in;		/* from the login, not yet consumed */
	bool eof_wanted, eof_sent, eof_seen, deaf, broken;
};

struct duct *
duct_new(int *far_out)
{
	int fds[2], size = 1 << 20;
	struct duct *d;

	if ((d = calloc(1, sizeof(*d))) == NULL)
		return NULL;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	    fds) == -1) {
		free(d);
		return NULL;
	}
	/* As large as the system allows: fewer wake-ups for each byte. */
	for (int i = 0; i < 2; i++)
		(void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size,
		    sizeof(size));
	d->fd = fds[0];
	d->out = wr_new(DUCT_OUT_MAX);
	d->in = wr_new(DUCT_IN_MAX);
	*far_out = fds[1];
	return d;
}

void
duct_free(struct duct **dp)
{
	struct duct *d = *dp;

	if (d == NULL)
		return;
	close(d->fd);
	wr_free(&d->out);
	wr_free(&d->in);
	free(d);
	*dp = NULL;
}

size_t
duct_room(const struct duct *d)
{
	return DUCT_OUT_MAX - wr_size(&d->out);
}

size_t
duct_unsent(const struct duct *d)
{
	return wr_size(&d->out);
}

uint8_t *
duct_reserve(struct duct *d, size_t *n_out)
{
	size_t n = duct_room(d);
	uint8_t *p;

	if (n == 0 || d->broken || d->eof_wanted)
		return NULL;
	if (n > DUCT_IN_MAX)
		n = DUCT_IN_MAX;
	if ((p = wr_reserve(&d->out, n)) == NULL)
		return NULL;
	*n_out = n;
	return p;
}

void
duct_commit(struct duct *d, size_t n)
{
	wr_commit(&d->out, n);
}

bool
duct_put(struct duct *d, struct view v)
{
	if (d->broken || d->eof_wanted || v.n > duct_room(d))
		return false;
	wr_bytes(&d->out, v);
	return !d->out.bad;
}

/* Moves what the socket takes; true unless the login has gone. */
static bool
push(struct duct *d)
{
	while (wr_size(&d->out) != 0 && !d->broken) {
		struct view v = wr_view(&d->out);
		ssize_t n = send(d->fd, v.p, v.n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && (errno == EAGAIN || errno == ENOBUFS))
			return true;
		if (n == -1) {
			d->broken = true;
			return false;
		}
		wr_consume(&d->out, (size_t)n);
	}
	if (d->eof_wanted && !d->eof_sent && !d->broken) {
		d->eof_sent = true;
		(void)shutdown(d->fd, SHUT_WR);
	}
	return !d->broken;
}

void
duct_eof(struct duct *d)
{
	d->eof_wanted = true;
	(void)push(d);
}

bool
duct_finish(struct duct *d)
{
	if (!d->deaf) {
		d->deaf = d->eof_seen = true;
		wr_free(&d->in);
		(void)shutdown(d->fd, SHUT_RD);
	}
	duct_eof(d);
	return !d->broken && wr_size(&d->out) != 0;
}

struct view
duct_peek(struct duct *d, size_t max, bool *eof_out)
{
	struct view v;
	uint8_t *p;
	ssize_t n;

	*eof_out = false;
	if (wr_size(&d->in) == 0 && !d->eof_seen && max != 0) {
		size_t want = max < DUCT_IN_MAX ? max : DUCT_IN_MAX;

		if ((p = wr_reserve(&d->in, want)) == NULL)
			return view_of(NULL, 0);
		do
			n = recv(d->fd, p, want, MSG_DONTWAIT);
		while (n == -1 && errno == EINTR);
		if (n > 0)
			wr_commit(&d->in, (size_t)n);
		else if (n == 0 || errno != EAGAIN)
			d->eof_seen = true;
	}
	v = wr_view(&d->in);
	if (v.n > max)
		v.n = max;
	*eof_out = d->eof_seen && wr_size(&d->in) == 0;
	return v;
}

void
duct_consume(struct duct *d, size_t n)
{
	wr_consume(&d->in, n);
}

void
duct_trim(struct duct *d)
{
	wr_trim(&d->in);
	wr_trim(&d->out);
}

int
duct_fd(const struct duct *d)
{
	return d->fd;
}

short
duct_events(const struct duct *d, bool want_read)
{
	short ev = 0;

	if (wr_size(&d->out) != 0 && !d->broken)
		ev |= POLLOUT;
	if (want_read && !d->eof_seen && wr_size(&d->in) == 0)
		ev |= POLLIN;
	return ev;
}

enum err
duct_ready(struct duct *d, short revents)
{
	(void)revents;
	return push(d) ? OK : ERR_CLOSED;
}
