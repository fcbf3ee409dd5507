#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/link.h"

struct link_frame {
	struct link_frame *next;
	uint8_t type;
	uint32_t id;
	int fds[IPC_MAX_FDS];
	size_t nfds;
	size_t n;
	uint8_t body[];
};

void
link_open(struct link *l, int fd)
{
	l->fd = fd;
	l->first = NULL;
	l->last = &l->first;
	l->queued = 0;
}

static void
frame_free(struct link_frame *f)
{
	for (size_t i = 0; i < f->nfds; i++)
		close(f->fds[i]);
	wipe(f->body, f->n);
	free(f);
}

static void
drop_first(struct link *l)
{
	struct link_frame *f = l->first;

	l->first = f->next;
	if (l->first == NULL)
		l->last = &l->first;
	l->queued--;
	frame_free(f);
}

void
link_close(struct link *l)
{
	if (l->fd == -1)
		return;
	while (l->first != NULL)
		drop_first(l);
	close(l->fd);
	l->fd = -1;
}

static enum err
enqueue(struct link *l, uint8_t type, uint32_t id, struct view body,
    const int *fds, size_t nfds)
{
	struct link_frame *f;

	if (l->queued >= LINK_QUEUE_MAX || nfds > IPC_MAX_FDS)
		return ERR_LIMIT;
	if ((f = calloc(1, sizeof(*f) + body.n)) == NULL)
		return ERR_NOMEM;
	f->type = type;
	f->id = id;
	f->n = body.n;
	if (body.n != 0)
		memcpy(f->body, body.p, body.n);
	for (size_t i = 0; i < nfds; i++) {
		f->fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
		if (f->fds[i] == -1) {
			frame_free(f);
			return ERR_SYS;
		}
		f->nfds++;
	}
	*l->last = f;
	l->last = &f->next;
	l->queued++;
	return OK;
}

enum err
link_send(struct link *l, uint8_t type, uint32_t id, struct view body,
    const int *fds, size_t nfds)
{
	enum err e;

	if (l->fd == -1)
		return ERR_CLOSED;
	if (l->first == NULL) {
		e = ipc_send(l->fd, type, id, body, fds, nfds);
		if (e != ERR_AGAIN)
			return e;
	}
	return enqueue(l, type, id, body, fds, nfds);
}

short
link_events(const struct link *l)
{
	return (short)(POLLIN | (l->first != NULL ? POLLOUT : 0));
}

enum err
link_flush(struct link *l)
{
	while (l->fd != -1 && l->first != NULL) {
		struct link_frame *f = l->first;
		enum err e = ipc_send(l->fd, f->type, f->id,
		    view_of(f->body, f->n), f->fds, f->nfds);

		if (e == ERR_AGAIN)
			return OK;
		if (e != OK)
			return e;
		drop_first(l);
	}
	return OK;
}
