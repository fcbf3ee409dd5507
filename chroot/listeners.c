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

bool
listeners_bind(const struct config_main *m, const struct listeners *old,
    struct listeners *out, char *why, size_t n)
{
	memset(out, 0, sizeof(*out));
	if (m->nlisten > LISTENERS_MAX) {
		snprintf(why, n, "listen: more than %d addresses",
		    LISTENERS_MAX);
		return false;
	}
	for (size_t i = 0; i < m->nlisten; i++) {
		const struct config_listen *want = &m->listen[i];
		int fd = find_bound(old, want);

		if (fd == -1 && (fd = bind_new(want)) == -1) {
			snprintf(why, n, "listen: %.*s: %s%s",
			    (int)want->text.n, (const char *)want->text.p,
			    strerror(errno), bind_hint(errno));
			listeners_close(out);
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
