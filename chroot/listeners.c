#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "chroot/listeners.h"

#define BACKLOG 1024

static bool
same_addr(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port &&
		    a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a6->sin6_port == b6->sin6_port &&
	    a6->sin6_scope_id == b6->sin6_scope_id &&
	    memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
}

static bool
is_any(const struct sockaddr_storage *a)
{
	const struct sockaddr_in6 *a6 = (const void *)a;
	const struct sockaddr_in *a4 = (const void *)a;

	return a->ss_family == AF_INET ?
	    a4->sin_addr.s_addr == htonl(INADDR_ANY) :
	    IN6_IS_ADDR_UNSPECIFIED(&a6->sin6_addr);
}

/* Can they not both listen, though they are not the same?  The port stands at
 * the same place in both kinds of address. */
static bool
overlap(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	return a->ss_family == b->ss_family &&
	    ((const struct sockaddr_in *)(const void *)a)->sin_port ==
	    ((const struct sockaddr_in *)(const void *)b)->sin_port &&
	    (is_any(a) || is_any(b)) && !same_addr(a, b);
}

static bool
stays(const struct config_main *m, const struct listener *l)
{
	for (size_t i = 0; i < m->nlisten; i++)
		if (same_addr(&m->listen[i].addr, &l->addr))
			return true;
	return false;
}

/* A duplicate of the socket that is bound there already, or -1. */
static int
find_bound(const struct listeners *old, const struct config_listen *want)
{
	for (size_t i = 0; old != NULL && i < old->n; i++)
		if (same_addr(&old->l[i].addr, &want->addr))
			return fcntl(old->l[i].fd, F_DUPFD_CLOEXEC, 3);
	return -1;
}

/* -1 with errno. */
static int
bind_new(const struct config_listen *want)
{
	int fd, on = 1, saved;

	fd = socket(want->addr.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    (want->addr.ss_family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6,
	    IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
	    bind(fd, (const struct sockaddr *)&want->addr, want->len) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* Those of the old ones that are in the way, and do not stay, stop listening
 * (in every process that has them).  Were there any? */
static bool
make_way(const struct config_main *m, const struct config_listen *want,
    const struct listeners *old, bool stopped[LISTENERS_MAX])
{
	bool any = false;

	for (size_t i = 0; old != NULL && i < old->n; i++) {
		if (stopped[i] || !overlap(&old->l[i].addr, &want->addr) ||
		    stays(m, &old->l[i]) ||
		    shutdown(old->l[i].fd, SHUT_RD) == -1)
			continue;
		any = stopped[i] = true;
	}
	return any;
}

/* They are still bound, and what was bound in their place is gone. */
static bool
listen_again(const struct listeners *old, const bool stopped[LISTENERS_MAX])
{
	bool ok = true;

	for (size_t i = 0; old != NULL && i < old->n; i++)
		if (stopped[i] && listen(old->l[i].fd, BACKLOG) == -1)
			ok = false;
	return ok;
}

static const char *
bind_hint(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "; another program listens there (ss -ltnp shows it)";
	case EACCES:
		return "; ports below 1024 need root";
	case EADDRNOTAVAIL:
		return "; no interface has this address";
	case EAFNOSUPPORT:
		return "; this kernel does not have this address family";
	default:
		return "";
	}
}

static int
find_or_bind(const struct config_main *m, const struct config_listen *want,
    const struct listeners *old, bool stopped[LISTENERS_MAX])
{
	int fd = find_bound(old, want);

	if (fd == -1)
		fd = bind_new(want);
	if (fd == -1 && errno == EADDRINUSE) {
		if (make_way(m, want, old, stopped))
			fd = bind_new(want);
		else
			errno = EADDRINUSE;
	}
	return fd;
}

bool
listeners_bind(const struct config_main *m, const struct listeners *old,
    struct listeners *out, char *why, size_t n)
{
	bool stopped[LISTENERS_MAX] = { false };
	int error;

	memset(out, 0, sizeof(*out));
	if (m->nlisten > LISTENERS_MAX) {
		snprintf(why, n, "listen: more than %d addresses",
		    LISTENERS_MAX);
		return false;
	}
	for (size_t i = 0; i < m->nlisten; i++) {
		const struct config_listen *want = &m->listen[i];
		int fd = find_or_bind(m, want, old, stopped);

		if (fd == -1) {
			error = errno;
			listeners_close(out);
			snprintf(why, n, "listen: %.*s: %s%s%s",
			    (int)want->text.n, (const char *)want->text.p,
			    strerror(error), bind_hint(error),
			    listen_again(old, stopped) ? "" :
			    "; and an address in use is lost");
			return false;
		}
		out->l[out->n].fd = fd;
		out->l[out->n].addr = want->addr;
		out->l[out->n++].len = want->len;
	}
	return true;
}

void
listeners_close(struct listeners *l)
{
	for (size_t i = 0; i < l->n; i++)
		close(l->l[i].fd);
	l->n = 0;
}

size_t
listeners_fds(const struct listeners *l, int *out)
{
	for (size_t i = 0; i < l->n; i++)
		out[i] = l->l[i].fd;
	return l->n;
}
