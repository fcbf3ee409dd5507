/* The array that poll(2) is given, made anew every turn. */
#include <stdlib.h>

#include "server/daemon.h"

bool
pollset_add(struct loop *l, int fd, short events, size_t *at_out)
{
	*at_out = l->npfd;
	if (l->npfd == l->pfd_cap) {
		size_t cap = l->pfd_cap != 0 ? l->pfd_cap * 2 : 64;
		struct pollfd *p = realloc(l->pfd, cap * sizeof(*p));

		if (p == NULL)
			return false;
		l->pfd = p;
		l->pfd_cap = cap;
	}
	l->pfd[l->npfd++] = (struct pollfd){ .fd = fd, .events = events };
	return true;
}

/* poll() refuses an array longer than RLIMIT_NOFILE, even of entries that
 * name no descriptor: what waits for nothing gets none.  Without a wish a
 * hang-up would wake us for ever, too. */
bool
pollset_wish(struct loop *l, int fd, short events, size_t *at_out)
{
	*at_out = SIZE_MAX;
	return fd == -1 || events == 0 || pollset_add(l, fd, events, at_out);
}
