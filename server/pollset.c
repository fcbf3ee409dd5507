/* The array that poll(2) is given, made anew every turn. */
#include <errno.h>
#include <stdlib.h>

#include "server/daemon.h"

#define TROUBLE_MS	10	/* between two turns that poll(2) has failed */
#define TELL_MS		60000	/* between two lines in the log about it */

/* Makes room for one entry more. */
static bool
grow(struct loop *l)
{
	size_t cap = l->pfd_cap != 0 ? l->pfd_cap * 2 : 64;
	struct pollfd *p = realloc(l->pfd, cap * sizeof(*p));

	if (p == NULL)
		return false;
	l->pfd = p;
	l->pfd_cap = cap;
	return true;
}

void
pollset_add(struct loop *l, int fd, short events, size_t *at_out)
{
	*at_out = SIZE_MAX;
	if (l->npfd == l->pfd_cap && !grow(l)) {
		l->poll_short = true;
		return;
	}
	*at_out = l->npfd;
	l->pfd[l->npfd++] = (struct pollfd){ .fd = fd, .events = events };
}

/* poll() refuses an array longer than RLIMIT_NOFILE, even of entries that
 * name no descriptor: what waits for nothing gets none.  Without a wish a
 * hang-up would wake us for ever, too. */
void
pollset_wish(struct loop *l, int fd, short events, size_t *at_out)
{
	*at_out = SIZE_MAX;
	if (fd != -1 && events != 0)
		pollset_add(l, fd, events, at_out);
}

short
pollset_ready(const struct loop *l, size_t at)
{
	return at == SIZE_MAX ? 0 : l->pfd[at].revents;
}

static void
tell(struct loop *l, int error)
{
	struct log_ev e;

	l->poll_failures++;
	if (l->now < l->poll_tell_at)
		return;
	l->poll_tell_at = l->now + TELL_MS;
	log_begin(&e, LOG_ERROR, "poll-failed");
	log_num(&e, "descriptors", l->npfd);
	log_num(&e, "times", l->poll_failures);
	log_errno(&e, error);
	log_send(&e);
}

/* All at once is refused: everyone is asked alone, and nobody is waited for
 * but a moment, so that whoever can be served is. */
static void
ask_each(struct loop *l, int ms)
{
	bool any = false;

	for (size_t i = 0; i < l->npfd; i++)
		if (poll(&l->pfd[i], 1, 0) == -1)
			l->pfd[i].revents = 0;
		else
			any |= l->pfd[i].revents != 0;
	if (!any)
		(void)poll(NULL, 0, ms == -1 || ms > TROUBLE_MS ?
		    TROUBLE_MS : ms);
}

void
pollset_wait(struct loop *l, int ms)
{
	if (l->poll_short) {
		tell(l, ENOMEM);
		ms = ms > TROUBLE_MS ? TROUBLE_MS : ms;
	}
	l->poll_short = false;
	if (poll(l->pfd, (nfds_t)l->npfd, ms) != -1)
		return;
	if (errno != EINTR) {
		tell(l, errno);
		ask_each(l, ms);
		return;
	}
	for (size_t i = 0; i < l->npfd; i++)
		l->pfd[i].revents = 0;
}
