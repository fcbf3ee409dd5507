#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chroot/outq.h"

struct outq_frame {
	struct outq_frame *next;
	uint8_t type;
	uint32_t id;
	int fds[IPC_MAX_FDS];
	size_t nfds, n;
	uint8_t body[];
};

void
outq_open(struct outq *q, int fd)
{
	*q = (struct outq){ .fd = fd };
	q->last = &q->first;
}

static void
frame_free(struct outq_frame *f)
{
	for (size_t i = 0; i < f->nfds; i++)
		close(f->fds[i]);
	free(f);
}

static void
drop_first(struct outq *q)
{
	struct outq_frame *f = q->first;

	if ((q->first = f->next) == NULL)
		q->last = &q->first;
	q->n--;
	frame_free(f);
}

void
outq_close(struct outq *q)
{
	while (q->first != NULL)
		drop_first(q);
	if (q->fd != -1)
		close(q->fd);
	outq_open(q, -1);
}

static enum err
enqueue(struct outq *q, uint8_t type, uint32_t id, struct view body,
    const int *fds, size_t nfds)
{
	struct outq_frame *f;

	if (q->n >= OUTQ_MAX)
		return ERR_LIMIT;
	if ((f = calloc(1, sizeof(*f) + body.n)) == NULL)
		return ERR_NOMEM;
	f->type = type;
	f->id = id;
	f->n = body.n;
	if (body.n != 0)
		memcpy(f->body, body.p, body.n);
	for (; f->nfds < nfds; f->nfds++) {
		int fd = fcntl(fds[f->nfds], F_DUPFD_CLOEXEC, 3);

		if (fd == -1) {
			frame_free(f);
			return ERR_SYS;
		}
		f->fds[f->nfds] = fd;
	}
	*q->last = f;
	q->last = &f->next;
	q->n++;
	return OK;
}

enum err
outq_send(struct outq *q, uint8_t type, uint32_t id, struct view body,
    const int *fds, size_t nfds)
{
	enum err e;

	if (q->fd == -1)
		return ERR_CLOSED;
	if (nfds > IPC_MAX_FDS || body.n > IPC_MAX_FRAME)
		return ERR_LIMIT;
	if (q->first != NULL)
		return enqueue(q, type, id, body, fds, nfds);
	e = ipc_send(q->fd, type, id, body, fds, nfds);
	return e == ERR_AGAIN ? enqueue(q, type, id, body, fds, nfds) : e;
}

enum err
outq_flush(struct outq *q)
{
	while (q->first != NULL) {
		const struct outq_frame *f = q->first;
		enum err e = ipc_send(q->fd, f->type, f->id,
		    view_of(f->body, f->n), f->fds, f->nfds);

		if (e == ERR_AGAIN)
			return OK;
		if (e != OK)
			return e;
		drop_first(q);
	}
	return OK;
}
