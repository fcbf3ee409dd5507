/*
 * The one loop.  A turn rebuilds the pollfd array from the warm clients, polls
 * and lets each ready client move; those that have been quiet for a while
 * wait behind one epoll descriptor, so that a turn costs what is active and
 * not what is open.
 */
#include <malloc.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "server/daemon.h"

enum { AT_WARDEN, AT_EPOLL, AT_LISTENERS };

static uint64_t
clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Whoever moves little is flushed first. */
void
loop_touch(struct client *c)
{
	struct loop *l = c->loop;

	client_unpark(l, c);
	c->touched = l->now;
	if (c->dirty)
		return;
	c->dirty = true;
	if (l->dirty == NULL)
		l->dirty_last = &l->dirty;
	if (c->heavy) {
		c->dirty_next = NULL;
		*l->dirty_last = c;
	} else {
		c->dirty_next = l->dirty;
		l->dirty = c;
	}
	if (c->dirty_next == NULL)
		l->dirty_last = &c->dirty_next;
}

static void
build_poll(struct loop *l)
{
	bool pause = l->now < l->accept_again;

	l->npfd = AT_LISTENERS + l->nlisteners;
	l->pfd[AT_WARDEN] = (struct pollfd){ .fd = l->warden.fd,
	    .events = link_events(&l->warden) };
	l->pfd[AT_EPOLL] = (struct pollfd){ .fd = l->nparked != 0 ?
	    l->epoll : -1, .events = POLLIN };
	for (size_t i = 0; i < l->nlisteners; i++)
		l->pfd[AT_LISTENERS + i] = (struct pollfd){
		    .fd = pause ? -1 : l->listeners[i], .events = POLLIN };
	for (struct client *c = l->warm; c != NULL; c = c->warm_next)
		client_poll(l, c);
	drain_poll(l);
}

/* Counts anew. */
static void
begin_turn(struct client *c)
{
	if (c->turn == c->loop->turn)
		return;
	c->turn = c->loop->turn;
	c->moved = c->taken = 0;
}

size_t
loop_share(struct client *c)
{
	struct loop *l = c->loop;

	begin_turn(c);
	if (l->nwarm <= 1)
		return SIZE_MAX;
	if (c->moved < LOOP_SHARE)
		return LOOP_SHARE - c->moved;
	c->starved = l->starved = true;
	return 0;
}

void
loop_moved(struct client *c, size_t n)
{
	begin_turn(c);
	c->moved += n;
}

void
loop_taken(struct client *c, size_t n)
{
	begin_turn(c);
	c->taken += n;
}

void
loop_typed(struct client *c)
{
	if (c->typed)
		return;
	c->typed = true;
	c->typed_next = c->loop->typed;
	c->loop->typed = c;
}

static int
wait_ms(const struct loop *l)
{
	uint64_t until = l->starved ? 0 : heap_next(l);
	uint64_t drain = drain_next(l), ms;

	if (drain < until)
		until = drain;
	if (l->stopping && l->stop_at < until)
		until = l->stop_at;
	if (l->now < l->accept_again && l->accept_again < until)
		until = l->accept_again;
	if (l->park_check < until)
		until = l->park_check;
	if (l->trim_at < until)
		until = l->trim_at;
	if (until <= l->now)
		return 0;
	ms = until - l->now;
	return ms > 60000 ? 60000 : (int)ms;
}

static void
wake_parked(struct loop *l)
{
	struct epoll_event ev[64];
	int n = epoll_wait(l->epoll, ev, 64, 0);

	for (int i = 0; i < n; i++) {
		struct client *c = client_find(l, ev[i].data.u32);

		/* Warm again: this turn's array does not have it, the next
		 * one will, and tells which descriptor it was. */
		if (c != NULL && c->parked)
			loop_touch(c);
	}
}

static void
run_ready(struct loop *l)
{
	struct client *next;

	drain_ready(l, relay_freed);
	/* Warm ones first: what follows may change the list.  A key that is
	 * typed does not wait for those who move much. */
	l->burdened = false;
	for (int heavy = 0; heavy < 2; heavy++)
		for (struct client *c = l->warm; c != NULL; c = next) {
			next = c->warm_next;
			if (c->heavy == heavy)
				client_ready(l, c);
			l->burdened |= c->heavy;
		}
	if (l->pfd[AT_EPOLL].revents != 0)
		wake_parked(l);
	/* What the warden says of who may come in holds for those who wait
	 * already.  Should it bring other listeners, the ones in this array
	 * are not these; an accept too many finds nobody. */
	if (l->pfd[AT_WARDEN].revents != 0)
		warden_ready(l, l->pfd[AT_WARDEN].revents);
	for (size_t i = 0; i < l->nlisteners; i++)
		if (l->pfd[AT_LISTENERS + i].revents != 0)
			listen_ready(l, l->listeners[i]);
}

static void
run_timers(struct loop *l)
{
	/* Each tick moves its client's time on, or ends the client; the bound
	 * is there so that a bug cannot make this turn endless. */
	for (size_t n = l->nheap; n != 0 && heap_next(l) <= l->now; n--) {
		struct client *c = l->heap[0];

		loop_touch(c);
		heap_update(l, c, l->now + 1);
	}
}

static void
flush_dirty(struct loop *l)
{
	/* A flush may touch others, or itself again: take one at a time. */
	while (l->dirty != NULL) {
		struct client *c = l->dirty;

		l->dirty = c->dirty_next;
		client_flush(l, c);
		c->dirty = false;
		c->heavy = c->turn == l->turn &&
		    c->moved + c->taken >= LOOP_HEAVY;
		if (client_reap(c))
			client_free(c);
	}
}

/* While the heavy ones had their turn, terminals have answered what was typed:
 * the echo need not wait for another. */
static void
echo_typed(struct loop *l)
{
	while (l->typed != NULL) {
		struct client *c = l->typed;

		l->typed = c->typed_next;
		c->typed = false;
		if (l->burdened && !c->cut)
			client_echo(l, c);
	}
}

/* Once a second at most: the quiet ones leave the poll set. */
static void
park_quiet(struct loop *l)
{
	struct client *next;

	l->park_check = UINT64_MAX;
	if (!l->gen->limits.park)
		return;
	for (struct client *c = l->warm; c != NULL; c = next) {
		next = c->warm_next;
		if (l->now - c->touched < PARK_AFTER_MS ||
		    !client_park(l, c))
			l->park_check = l->now + 1000;
	}
}

/* What connections have left behind lies between the blocks of others: the
 * allocator gives whole pages of it back only when it is told to. */
static void
give_back(struct loop *l)
{
	l->trim_at = UINT64_MAX;
	malloc_trim(0);
}

void
loop_run(struct loop *l)
{
	l->now = clock_ms();
	while (l->warden.fd != -1) {
		build_poll(l);
		pollset_wait(l, wait_ms(l));
		l->starved = false;
		l->now = clock_ms();
		l->turn++;
		run_ready(l);
		run_timers(l);
		flush_dirty(l);
		echo_typed(l);
		if (l->now >= l->park_check && l->gen != NULL)
			park_quiet(l);
		if (l->now >= l->trim_at)
			give_back(l);
		if (l->stopping &&
		    ((l->nclients == 0 && l->drains == NULL) ||
		    l->now >= l->stop_at))
			return;
	}
}
