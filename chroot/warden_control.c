#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "chroot/warden.h"

#define PATIENCE_MS	10000	/* for an operator that says nothing */
#define FRAMES		16	/* to one of them in one turn */

/* ---- what they may do ---- */

static const struct penalty *
act_penalty_next(void *ctx, uint32_t *at)
{
	struct warden *w = ctx;

	penalties_expire(w->penalties, w->now);
	return penalties_next(w->penalties, at);
}

static size_t
act_penalties_clear(void *ctx, const struct net_range *r)
{
	return warden_penalties_clear(ctx, r);
}

static const struct control_acts acts = {
	.penalty_next = act_penalty_next,
	.penalties_clear = act_penalties_clear,
};

/* ---- who they are ---- */

void
warden_control_init(struct warden *w)
{
	control_socket_init(&w->control);
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		w->operators[i] = (struct control_client){ .fd = -1 };
}

bool
warden_control_watch(struct warden *w)
{
	return w->control.fd == -1 ||
	    warden_watch(w, w->control.fd, WATCH_CONTROL, 0, false);
}

static void
end(struct warden *w, struct control_client *c)
{
	if (c->fd == -1)
		return;
	warden_unwatch(w, c->fd);
	close(c->fd);
	wr_free(&c->frame);
	*c = (struct control_client){ .fd = -1 };
}

void
warden_control_close(struct warden *w)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		end(w, &w->operators[i]);
	if (w->control.fd != -1)
		warden_unwatch(w, w->control.fd);
	control_socket_close(&w->control);
}

/* A free place, if need be that of whoever has been silent for longest: an
 * operator is never shut out by scripts that hang. */
static struct control_client *
take_place(struct warden *w)
{
	struct control_client *c = &w->operators[0];

	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *o = &w->operators[i];

		if (o->fd == -1)
			return o;
		if (o->moved < c->moved)
			c = o;
	}
	end(w, c);
	return c;
}

static void
refuse(uid_t uid)
{
	struct log_ev e;

	log_begin(&e, LOG_WARN, "control-refused");
	log_num(&e, "uid", uid);
	log_send(&e);
}

static void
accept_one(struct warden *w)
{
	struct control_client *c;
	uid_t uid;
	int fd = control_socket_accept(&w->control, &uid);

	if (fd == -1)
		return;
	/* The file's mode says the same; the kernel's word is what counts. */
	if (uid != 0 && uid != geteuid()) {
		refuse(uid);
		close(fd);
		return;
	}
	c = take_place(w);
	c->fd = fd;
	c->uid = uid;
	c->moved = w->now;
	c->frame = wr_new(CONTROL_FRAME_MAX);
	if (!warden_watch(w, fd, WATCH_CONTROL,
	    (uint32_t)(c - w->operators) + 1, false))
		end(w, c);
}

/* ---- questions and answers ---- */

static struct control_requests
requests(struct warden *w)
{
	return (struct control_requests){ &acts, w, w->now };
}

static void
log_request(const struct control_client *c)
{
	struct log_ev e;

	log_begin(&e, c->job.changes ? LOG_INFO : LOG_DEBUG, "control");
	log_num(&e, "uid", c->uid);
	log_str(&e, "request", c->job.name != NULL ? c->job.name : "unknown");
	log_send(&e);
}

/* False: the operator has gone, or was sent away. */
static bool
hear(struct warden *w, struct control_client *c)
{
	struct control_requests r = requests(w);
	struct ipc_msg msg;
	enum err e = ipc_recv(c->fd, w->frame, IPC_MAX_FRAME, &msg);

	if (e == ERR_AGAIN)
		return true;
	if (e != OK)
		return false;
	control_request(&r, &msg, &c->job);
	ipc_msg_close(&msg);
	c->moved = w->now;
	log_request(c);
	return true;
}

/* ERR_AGAIN: a frame waits for the operator to read. */
static enum err
answer(struct warden *w, struct control_client *c)
{
	struct control_requests r = requests(w);
	enum err e = OK;

	for (int i = 0; i < FRAMES && e == OK; i++) {
		if (wr_size(&c->frame) == 0 &&
		    !control_answer(&r, &c->job, &c->type, &c->frame))
			return OK;
		if (c->frame.bad)
			return ERR_NOMEM;
		e = ipc_send(c->fd, c->type, 0, wr_view(&c->frame), NULL, 0);
		if (e == OK) {
			wr_reset(&c->frame);
			c->moved = w->now;
		}
	}
	return e == OK ? ERR_AGAIN : e;
}

static void
operator_ready(struct warden *w, struct control_client *c, uint32_t events)
{
	enum err e = OK;

	if (c->fd == -1)
		return;
	if (c->job.next == NULL && wr_size(&c->frame) == 0 &&
	    !hear(w, c)) {
		end(w, c);
		return;
	}
	/* It may have gone while it was being answered. */
	if ((events & (EPOLLHUP | EPOLLERR)) != 0 ||
	    ((e = answer(w, c)) != OK && e != ERR_AGAIN)) {
		end(w, c);
		return;
	}
	if (e == OK)
		wr_free(&c->frame);
	warden_rewatch(w, c->fd, WATCH_CONTROL,
	    (uint32_t)(c - w->operators) + 1, e == OK, e != OK);
}

void
warden_control_ready(struct warden *w, uint32_t n, uint32_t events)
{
	if (n == 0)
		accept_one(w);
	else if (n <= CONTROL_CLIENTS)
		operator_ready(w, &w->operators[n - 1], events);
}

uint64_t
warden_control_tick(struct warden *w)
{
	uint64_t due = UINT64_MAX;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *c = &w->operators[i];

		if (c->fd == -1)
			continue;
		if (c->moved + PATIENCE_MS <= w->now)
			end(w, c);
		else if (c->moved + PATIENCE_MS < due)
			due = c->moved + PATIENCE_MS;
	}
	return due;
}
