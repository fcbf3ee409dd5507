/* Host names for forwarded connections: what NSS says they stand for. */
#include <netdb.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/account.h"
#include "base/messages_forward.h"

#define SECONDS_MAX	5	/* of CPU time */

/* Whoever asks is a user, and the answer comes from strangers. */
static void
set_limits(void)
{
	const struct rlimit cpu = { SECONDS_MAX, SECONDS_MAX };
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CPU, &cpu);
	setrlimit(RLIMIT_FSIZE, &none);
	setrlimit(RLIMIT_CORE, &none);
}

static bool
has(const struct msg_found *f, const struct net_addr *a)
{
	for (size_t i = 0; i < f->n; i++)
		if (memcmp(&f->addr[i], a, sizeof(*a)) == 0)
			return true;
	return false;
}

/* In the order in which the system would try them. */
static void
collect(const struct addrinfo *list, struct msg_found *out)
{
	struct sockaddr_storage ss;
	struct net_addr a;

	for (const struct addrinfo *i = list; i != NULL &&
	    out->n < MSG_FOUND_MAX; i = i->ai_next) {
		if (i->ai_addrlen > sizeof(ss))
			continue;
		memset(&ss, 0, sizeof(ss));
		memcpy(&ss, i->ai_addr, i->ai_addrlen);
		net_of(&ss, &a);
		if (a.family != 0 && !has(out, &a))
			out->addr[out->n++] = a;
	}
}

int
account_lookup(int sock)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
	};
	struct wr w = wr_new(4096);
	struct msg_found found = { .n = 0 };
	char name[FORWARD_HOST_MAX + 1];
	struct addrinfo *list;
	ssize_t n;

	set_limits();
	n = recv(sock, name, sizeof(name) - 1, 0);
	if (n <= 0 || !forward_name(view_of(name, (size_t)n)))
		return 1;
	name[n] = '\0';
	if (getaddrinfo(name, NULL, &hints, &list) == 0) {
		collect(list, &found);
		freeaddrinfo(list);
	}
	put_addresses(&w, &found);
	n = w.bad ? -1 : send(sock, wr_view(&w).p, wr_size(&w),
	    MSG_NOSIGNAL);
	wr_free(&w);
	return n >= 0 ? 0 : 1;
}
