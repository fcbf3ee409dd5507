#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/exec_drive.h"

/* Far more than any input of the corpus needs. */
#define TURNS_MAX	200000

/* ---- checksums ---- */

struct hash {
	uint8_t sum;
};

static struct hash *
hash_begin(const char *name, size_t *len_out)
{
	*len_out = strlen(name);
	return calloc(1, sizeof(struct hash));
}

static bool
hash_add(struct hash *h, struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		h->sum = (uint8_t)(h->sum * 31 + v.p[i]);
	return true;
}

static bool
hash_end(struct hash **h, uint8_t out[SFTP_HASH_MAX])
{
	memset(out, (*h)->sum, SFTP_HASH_MAX);
	free(*h);
	*h = NULL;
	return true;
}

static void
hash_drop(struct hash **h)
{
	free(*h);
	*h = NULL;
}

static const struct sftp_hash hashes = {
	hash_begin, hash_add, hash_end, hash_drop,
};

const struct jail_policy exec_drive_policy = {
	.user = "acme", .home = "/", .start = "/", .uid = 2001, .gid = 2001,
	.scp = true, .builtins = UINT32_MAX, .hash = &hashes,
};

/* ---- the other end ---- */

static void
drain(int fd, struct wr *into)
{
	uint8_t b[16384];
	ssize_t n;

	while ((n = recv(fd, b, sizeof(b), MSG_DONTWAIT)) > 0)
		if (into != NULL && (size_t)n <= into->max - wr_size(into))
			wr_bytes(into, view_of(b, (size_t)n));
}

static struct view
feed(int fd, struct view in, bool bytewise, bool *done)
{
	ssize_t n;

	if (in.n == 0) {
		if (!*done)
			shutdown(fd, SHUT_WR);
		*done = true;
		return in;
	}
	n = send(fd, in.p, bytewise ? 1 : in.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	return n > 0 ? view_of(in.p + n, in.n - (size_t)n) : in;
}

void
exec_drive(const struct jail_policy *p, struct view line, struct view in,
    bool bytewise, struct wr *said)
{
	int duct[2], err[2];
	struct exec_session *s;
	bool done = false;
	enum err e = OK;
	unsigned turns = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
	    duct) == -1 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, err) == -1)
		abort();
	s = exec_session_new(p, line,
	    (struct exec_fds){ duct[1], duct[1], err[1] }, 1);
	if (s == NULL)
		abort();
	while (e == OK) {
		struct pollfd f = { .fd = exec_session_fd(s),
		    .events = exec_session_events(s) };

		if (f.events == 0 || ++turns > TURNS_MAX)
			abort();
		if (poll(&f, 1, 0) == 1)
			e = exec_session_ready(s, f.revents);
		in = feed(duct[0], in, bytewise, &done);
		drain(duct[0], said);
		drain(err[0], NULL);
	}
	if (exec_session_status(s) > 1)
		abort();
	exec_session_free(&s);
	drain(duct[0], said);
	close(duct[0]);
	close(err[0]);
}
