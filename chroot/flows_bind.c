/* Sockets that listen for a client: where they may, and how they are made. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chroot/flows_parts.h"

#define SAME_PORT_TRIES	16	/* for one port on both families */

/* ---- addresses ---- */

struct places {
	struct net_addr addr[LISTENER_FDS];
	size_t n;
};

static const struct net_addr any4 = { .family = 4 }, any6 = { .family = 6 };
static const struct net_addr loopback4 = { 4, { 127, 0, 0, 1 } };
static const struct net_addr loopback6 = { 6, { [15] = 1 } };

static bool
same(const struct net_addr *a, const struct net_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static void
add(struct places *p, const struct net_addr *a)
{
	p->addr[p->n++] = *a;
}

/* "", "*", "localhost" or an address (RFC 4254 7.1). */
static bool
parse_host(struct view host, struct places *out)
{
	out->n = 0;
	if (host.n == 0 || view_is(host, "*")) {
		add(out, &any4);
		add(out, &any6);
	} else if (view_is(host, "localhost")) {
		add(out, &loopback4);
		add(out, &loopback6);
	} else if (forward_literal(host, &out->addr[0]))
		out->n = 1;
	return out->n != 0;
}

static bool
may_listen(const struct flows *f, const struct net_addr *a, uint16_t port)
{
	struct forward_end e = { .addr = *a, .port = port };

	/* Of names, rules know this one. */
	if (same(a, &loopback4) || same(a, &loopback6))
		e.name = view_str("localhost");
	return flows_permit(&f->listen, &f->key_listen, &e) ==
	    FORWARD_PERMITTED;
}

static void
filter(const struct flows *f, struct places *p, uint16_t port)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		if (may_listen(f, &p->addr[i], port))
			p->addr[n++] = p->addr[i];
	p->n = n;
}

/* Every address, of those families that were asked for. */
static bool
is_wildcard(const struct places *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (!same(&p->addr[i], &any4) && !same(&p->addr[i], &any6))
			return false;
	return true;
}

/* Where the whole is not permitted, the loopback addresses of the same
 * families may be: clients ask for all addresses without thinking, and get
 * these from other servers too. */
static void
narrow(const struct flows *f, struct places *p, uint16_t port)
{
	for (size_t i = 0; i < p->n; i++)
		p->addr[i] = p->addr[i].family == 4 ? loopback4 : loopback6;
	filter(f, p, port);
}

static const char *
find_places(const struct flows *f, const struct msg_socket *m,
    struct places *out)
{
	uint16_t port = (uint16_t)m->port;
	struct places asked;

	if (!parse_host(m->host, out))
		return "not an address to listen on; use one, localhost, or "
		    "none for all";
	asked = *out;
	filter(f, out, port);
	if (out->n == 0 && is_wildcard(&asked)) {
		*out = asked;
		narrow(f, out, port);
		if (out->n != 0)
			log_msg(LOG_INFO, "forward-narrowed", "port %u "
			    "listens on the loopback address alone: more is "
			    "not permitted", m->port);
	}
	return out->n != 0 ? NULL :
	    "the policy does not permit listening there";
}

/* ---- TCP ---- */

static int
make_tcp(const struct net_addr *a, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = flows_sockaddr(a, port, &ss);
	int on = 1, saved;
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);

	if (fd == -1)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != -1 &&
	    (a->family == 4 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on,
	    sizeof(on)) != -1) &&
	    bind(fd, (struct sockaddr *)&ss, len) != -1 &&
	    listen(fd, FLOWS_BACKLOG) != -1)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);

	memset(&ss, 0, sizeof(ss));
	if (getsockname(fd, (struct sockaddr *)&ss, &n) == -1)
		return 0;
	return ntohs(ss.ss_family == AF_INET6 ?
	    ((struct sockaddr_in6 *)&ss)->sin6_port :
	    ((struct sockaddr_in *)&ss)->sin_port);
}

static void
close_all(struct listener *l)
{
	int saved = errno;

	for (size_t i = 0; i < LISTENER_FDS; i++) {
		if (l->w[i].fd != -1)
			close(l->w[i].fd);
		l->w[i].fd = -1;
	}
	errno = saved;
}

/* A family that this host does not have is no fault. */
static bool
is_absent(int error)
{
	return error == EAFNOSUPPORT || error == EADDRNOTAVAIL ||
	    error == EPROTONOSUPPORT;
}

/* All places on one port; some may be absent, but not all. */
static bool
bind_places(const struct places *p, uint16_t port, struct listener *out)
{
	bool some = false;

	out->port = port;
	for (size_t i = 0; i < p->n; i++) {
		out->w[i].fd = make_tcp(&p->addr[i], out->port);
		if (out->w[i].fd == -1 && !is_absent(errno)) {
			close_all(out);
			return false;
		}
		if (out->w[i].fd != -1 && out->port == 0)
			out->port = port_of(out->w[i].fd);
		some |= out->w[i].fd != -1;
	}
	return some;
}

const char *
bind_tcp(struct flows *f, const struct msg_socket *m, struct listener *out)
{
	struct places p;
	const char *why = find_places(f, m, &p);

	if (why != NULL)
		return why;
	/* A port that is free here may be taken there. */
	for (int i = 0; i < SAME_PORT_TRIES; i++) {
		if (bind_places(&p, (uint16_t)m->port, out))
			return NULL;
		if (m->port != 0 || errno != EADDRINUSE)
			break;
	}
	return strerror(errno);
}

#define DISPLAYS	1000	/* to be tried */
#define DISPLAY_PORT	6000u	/* of display 0 */

const char *
bind_display(bool localhost, uint32_t offset, struct listener *out)
{
	const struct places p = { .n = 2, .addr = {
		localhost ? loopback4 : any4, localhost ? loopback6 : any6,
	} };

	for (uint32_t n = offset; n < offset + DISPLAYS && DISPLAY_PORT + n <=
	    UINT16_MAX; n++) {
		if (bind_places(&p, (uint16_t)(DISPLAY_PORT + n), out))
			return NULL;
		if (errno != EADDRINUSE)
			return strerror(errno);
	}
	return "no display is free";
}

/* ---- paths ---- */

static bool
is_socket(const char *path, struct stat *st)
{
	return lstat(path, st) == 0 && S_ISSOCK(st->st_mode);
}

static bool
bind_path(mode_t mask, int fd, const struct sockaddr_un *un, socklen_t len)
{
	mode_t old = umask(mask);
	bool ok = bind(fd, (const struct sockaddr *)un, len) != -1;
	int saved = errno;

	umask(old);
	errno = saved;
	return ok;
}

/* One that is in the way goes, if it is a socket and the policy says so. */
static bool
bind_over(const struct flows *f, int fd, const struct sockaddr_un *un,
    socklen_t len)
{
	mode_t mask = (mode_t)f->start.policy->forward.unix_mask;
	struct stat st;

	if (bind_path(mask, fd, un, len))
		return true;
	if (errno != EADDRINUSE || !f->start.policy->forward.unix_unlink ||
	    !is_socket(un->sun_path, &st))
		return false;
	return unlink(un->sun_path) != -1 &&
	    bind_path(mask, fd, un, len);
}

/* Listens on a socket that has been bound to the path; false: errno. */
static bool
listen_path(struct listener *l, const char *path)
{
	struct stat st;

	if (listen(l->w[0].fd, FLOWS_BACKLOG) == -1 || !is_socket(path, &st))
		return false;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return true;
}

/* A socket for a path; false: errno. */
static bool
make_unix(struct listener *l)
{
	l->w[0].fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);
	return l->w[0].fd != -1;
}

const char *
bind_private(struct listener *out)
{
	struct sockaddr_un un;
	socklen_t len = flows_sockaddr_un(view_str(out->host), &un);

	if (make_unix(out) && bind_path(0177, out->w[0].fd, &un, len) &&
	    listen_path(out, un.sun_path))
		return NULL;
	return strerror(errno);
}

const char *
bind_unix(struct flows *f, const struct msg_socket *m, struct listener *out)
{
	const struct view_list *paths = &f->start.policy->forward.unix_paths;
	struct sockaddr_un un;
	socklen_t len;
	const char *why;

	if (!forward_path(m->host, &why))
		return why;
	if (!forward_path_permitted(paths->v, paths->n, m->host))
		return "the policy does not permit this path";
	if (f->key_listen.n != 0)
		return "the key permits no sockets with paths";
	len = flows_sockaddr_un(m->host, &un);
	if (make_unix(out) && bind_over(f, out->w[0].fd, &un, len) &&
	    listen_path(out, un.sun_path))
		return NULL;
	return strerror(errno);
}

void
bind_unlink(const struct listener *l)
{
	struct stat st;

	if (l->ino != 0 && is_socket(l->host, &st) &&
	    st.st_dev == l->dev && st.st_ino == l->ino)
		(void)unlink(l->host);
}
