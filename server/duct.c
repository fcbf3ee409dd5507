#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/duct.h"

/* What the server keeps for a login that does not read: never more than the
 * channel window that the client was granted, and one packet. */
#define DUCT_OUT_MAX	((size_t)2 * 1024 * 1024 + 64 * 1024)
/* What one receive takes from the login; the caller's max bounds it too. */
#define DUCT_IN_MAX	((size_t)256 * 1024)
#define PIPE_IN_MAX	((size_t)64 * 1024)	/* what a pipe holds */
#define PTY_IN_MAX	((size_t)8 * 1024)	/* ... and a terminal */

/* A stream from the far side. */
struct source_end {
	int fd;			/* -1: there is none (any more) */
	struct wr in;		/* not yet consumed */
	bool eof;
	bool dry;		/* the last read left nothing there */
};

struct duct {
	uint8_t carrier;	/* enum msg_carrier */
	int to;			/* may be that of from[DUCT_OUT]; -1: closed */
	struct wr out;
	struct source_end from[DUCT_STREAMS];
	bool eof_wanted, eof_sent, deaf, broken;
	bool ended;		/* the program on a terminal */
};

static bool
one_descriptor(const struct duct *d)
{
	return d->carrier != CARRIER_PIPES;
}

static bool
is_socket(const struct duct *d)
{
	return d->carrier == CARRIER_DUCT || d->carrier == CARRIER_SOCKET ||
	    d->carrier == CARRIER_SOCKETS;
}

/* As large as the system allows: fewer wake-ups for each byte. */
static bool
make_pair(int fds[2])
{
	int size = 1 << 20;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	    fds) == -1)
		return false;
	for (int i = 0; i < 2; i++)
		(void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size,
		    sizeof(size));
	return true;
}

/* A pair for stderr, which says nothing to the far side. */
static bool
make_err(struct duct *d, bool wanted, int *far)
{
	int fds[2];

	*far = -1;
	if (!wanted)
		return true;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	    fds) == -1)
		return false;
	d->from[DUCT_ERR].fd = fds[0];
	d->from[DUCT_ERR].eof = false;
	*far = fds[1];
	return true;
}

struct duct *
duct_bare(void)
{
	struct duct *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->carrier = CARRIER_DUCT;
	d->to = -1;
	d->out = wr_new(DUCT_OUT_MAX);
	for (int i = 0; i < DUCT_STREAMS; i++)
		d->from[i] = (struct source_end){ -1, wr_new(DUCT_IN_MAX),
		    true, false };
	return d;
}

struct duct *
duct_new(bool with_err, int far_out[DUCT_STREAMS])
{
	struct duct *d = duct_bare();
	int fds[2];

	if (d == NULL)
		return NULL;
	if (!make_pair(fds)) {
		duct_free(&d);
		return NULL;
	}
	d->to = d->from[DUCT_OUT].fd = fds[0];
	d->from[DUCT_OUT].eof = false;
	far_out[DUCT_OUT] = fds[1];
	if (!make_err(d, with_err, &far_out[DUCT_ERR])) {
		close(fds[1]);
		duct_free(&d);
	}
	return d;
}

/* Closes one way; a descriptor that carries both stays for the other. */
static void
close_from(struct duct *d, enum duct_stream s)
{
	struct source_end *f = &d->from[s];

	if (f->fd != -1 && f->fd != d->to)
		close(f->fd);
	f->fd = -1;
	f->eof = true;
}

static void
close_to(struct duct *d)
{
	if (d->to != -1 && d->to != d->from[DUCT_OUT].fd)
		close(d->to);
	d->to = -1;
}

static void
close_all(struct duct *d)
{
	close_from(d, DUCT_ERR);
	close_from(d, DUCT_OUT);
	close_to(d);
}

void
duct_free(struct duct **dp)
{
	struct duct *d = *dp;

	if (d == NULL)
		return;
	close_all(d);
	wr_free(&d->out);
	for (int i = 0; i < DUCT_STREAMS; i++)
		wr_free(&d->from[i].in);
	free(d);
	*dp = NULL;
}

/* One that blocked would stop everybody. */
static bool
acceptable(uint8_t carrier, const int *fds, size_t n)
{
	if (carrier >= CARRIERS || n != msg_carrier_fds(carrier))
		return false;
	for (size_t i = 0; i < n; i++) {
		int flags = fds[i] != -1 ? fcntl(fds[i], F_GETFL) : -1;

		if (flags == -1 || (flags & O_NONBLOCK) == 0)
			return false;
	}
	return true;
}

bool
duct_carry(struct duct *d, uint8_t carrier, int *fds, size_t n)
{
	if (!acceptable(carrier, fds, n)) {
		for (size_t i = 0; i < n; i++)
			if (fds[i] != -1)
				close(fds[i]);
		return false;
	}
	if (carrier == CARRIER_DUCT)
		return true;
	close_all(d);
	d->carrier = carrier;
	d->to = fds[0];
	d->from[DUCT_OUT].fd = carrier == CARRIER_PIPES ? fds[1] : fds[0];
	d->from[DUCT_OUT].eof = false;
	if (carrier == CARRIER_PIPES || carrier == CARRIER_SOCKETS) {
		d->from[DUCT_ERR].fd = fds[n - 1];
		d->from[DUCT_ERR].eof = false;
	}
	return true;
}

/* ---- to the far side ---- */

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

bool
duct_broken(const struct duct *d)
{
	return d->broken;
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

static ssize_t
put_some(const struct duct *d, struct view v)
{
	return is_socket(d) ?
	    send(d->to, v.p, v.n, MSG_NOSIGNAL | MSG_DONTWAIT) :
	    write(d->to, v.p, v.n);
}

static void
end_output(struct duct *d)
{
	d->eof_sent = true;
	if (is_socket(d))
		(void)shutdown(d->to, SHUT_WR);
	else if (d->carrier == CARRIER_PIPES)
		close_to(d);
}

/* Moves what the carrier takes; true unless nobody takes it any more. */
static bool
push(struct duct *d)
{
	while (wr_size(&d->out) != 0 && !d->broken) {
		ssize_t n = put_some(d, wr_view(&d->out));

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && (errno == EAGAIN || errno == ENOBUFS))
			return true;
		if (n == -1) {
			d->broken = true;
			wr_free(&d->out);
			/* A pipe without a reader has no further use. */
			if (!one_descriptor(d))
				close_to(d);
			return false;
		}
		wr_consume(&d->out, (size_t)n);
	}
	if (d->eof_wanted && !d->eof_sent && !d->broken)
		end_output(d);
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
	/* A terminal hangs up, and what was typed goes with it. */
	if (d->carrier == CARRIER_PTY)
		return false;
	if (!d->deaf) {
		d->deaf = true;
		for (int i = 0; i < DUCT_STREAMS; i++) {
			wr_free(&d->from[i].in);
			duct_stop(d, (enum duct_stream)i);
		}
	}
	duct_eof(d);
	return !d->broken && wr_size(&d->out) != 0;
}

/* ---- from the far side ---- */

static ssize_t
get_some(const struct duct *d, int fd, uint8_t *p, size_t n)
{
	return is_socket(d) ? recv(fd, p, n, MSG_DONTWAIT) : read(fd, p, n);
}

/* No more room than a read can fill. */
static size_t
largest_read(const struct duct *d)
{
	return is_socket(d) ? DUCT_IN_MAX : d->carrier == CARRIER_PIPES ?
	    PIPE_IN_MAX : PTY_IN_MAX;
}

/* One read, into an empty buffer. */
static void
pull(struct duct *d, struct source_end *f, size_t max)
{
	size_t largest = largest_read(d);
	size_t want = max < largest ? max : largest;
	uint8_t *p = wr_reserve(&f->in, want);
	ssize_t n;

	if (p == NULL)
		return;
	do
		n = get_some(d, f->fd, p, want);
	while (n == -1 && errno == EINTR);
	if (n > 0)
		wr_commit(&f->in, (size_t)n);
	else if (n == 0 || errno != EAGAIN)
		f->eof = true;	/* EIO of a terminal that nobody holds, too */
	f->dry = n <= 0 || (d->carrier != CARRIER_PTY && (size_t)n < want);
}

bool
duct_dry(const struct duct *d, enum duct_stream s)
{
	return d->from[s].dry;
}

struct view
duct_peek(struct duct *d, enum duct_stream s, size_t max, bool *eof_out)
{
	struct source_end *f = &d->from[s];
	struct view v;

	if (wr_size(&f->in) == 0 && !f->eof && max != 0)
		pull(d, f, max);
	v = wr_view(&f->in);
	if (v.n > max)
		v.n = max;
	*eof_out = f->eof && wr_size(&f->in) == 0;
	return v;
}

void
duct_consume(struct duct *d, enum duct_stream s, size_t n)
{
	wr_consume(&d->from[s].in, n);
}

void
duct_stop(struct duct *d, enum duct_stream s)
{
	struct source_end *f = &d->from[s];

	/* A terminal is read for as long as it is there. */
	if (f->fd == -1 || d->carrier == CARRIER_PTY)
		return;
	wr_free(&f->in);
	if (is_socket(d) && f->fd == d->to) {
		(void)shutdown(f->fd, SHUT_RD);
		f->eof = true;
	} else
		close_from(d, s);
}

void
duct_ended(struct duct *d)
{
	d->ended = true;
	d->from[DUCT_OUT].dry = false;
}

bool
duct_over(const struct duct *d)
{
	const struct source_end *out = &d->from[DUCT_OUT];
	const struct source_end *err = &d->from[DUCT_ERR];
	bool left = wr_size(&out->in) != 0 || wr_size(&err->in) != 0;

	/* Others may hold the terminal for as long as they like. */
	if (d->carrier == CARRIER_PTY && d->ended && out->dry)
		return !left;
	return out->eof && err->eof && !left;
}

bool
duct_is_terminal(const struct duct *d)
{
	return d->carrier == CARRIER_PTY;
}

void
duct_trim(struct duct *d)
{
	for (int i = 0; i < DUCT_STREAMS; i++)
		wr_trim(&d->from[i].in);
	wr_trim(&d->out);
}

/* ---- waiting ---- */

void
duct_polls(const struct duct *d, bool want_read, struct pollfd out[DUCT_FDS])
{
	struct pollfd *to = &out[DUCT_STREAMS];

	for (int i = 0; i < DUCT_STREAMS; i++) {
		const struct source_end *f = &d->from[i];
		bool read = want_read && !f->eof && wr_size(&f->in) == 0;

		out[i] = (struct pollfd){ f->fd, read ? POLLIN : 0, 0 };
	}
	*to = (struct pollfd){ -1, 0, 0 };
	if (wr_size(&d->out) == 0 || d->broken)
		return;
	if (one_descriptor(d) && out[DUCT_OUT].fd != -1)
		to = &out[DUCT_OUT];
	to->fd = d->to;
	to->events |= POLLOUT;
}

int
duct_to_fd(const struct duct *d)
{
	return d->to;
}

bool
duct_quiet(const struct duct *d)
{
	if (wr_size(&d->out) != 0 && !d->broken)
		return false;
	for (int i = 0; i < DUCT_STREAMS; i++)
		if (wr_size(&d->from[i].in) != 0)
			return false;
	return true;
}

enum err
duct_ready(struct duct *d, short revents)
{
	(void)revents;
	return push(d) ? OK : ERR_CLOSED;
}
