/* A binary heap of the clients by `due`, so that idle ones cost nothing. */
#include <stdlib.h>

#include "server/daemon.h"

static void
place(struct loop *l, size_t i, struct client *c)
{
	l->heap[i] = c;
	c->heap_at = i;
}

static void
sift_up(struct loop *l, size_t i)
{
	struct client *c = l->heap[i];

	while (i != 0 && l->heap[(i - 1) / 2]->due > c->due) {
		place(l, i, l->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	place(l, i, c);
}

static void
sift_down(struct loop *l, size_t i)
{
	struct client *c = l->heap[i];

	for (;;) {
		size_t kid = 2 * i + 1;

		if (kid >= l->nheap)
			break;
		if (kid + 1 < l->nheap &&
		    l->heap[kid + 1]->due < l->heap[kid]->due)
			kid++;
		if (l->heap[kid]->due >= c->due)
			break;
		place(l, i, l->heap[kid]);
		i = kid;
	}
	place(l, i, c);
}

bool
heap_insert(struct loop *l, struct client *c)
{
	if (l->nheap == l->heap_cap) {
		size_t cap = l->heap_cap != 0 ? l->heap_cap * 2 : 64;
		struct client **p = realloc(l->heap, cap * sizeof(*p));

		if (p == NULL)
			return false;
		l->heap = p;
		l->heap_cap = cap;
	}
	place(l, l->nheap++, c);
	sift_up(l, c->heap_at);
	return true;
}

void
heap_remove(struct loop *l, struct client *c)
{
	size_t i = c->heap_at;
	struct client *last = l->heap[--l->nheap];

	if (last == c)
		return;
	place(l, i, last);
	sift_up(l, i);
	sift_down(l, last->heap_at);
}

void
heap_update(struct loop *l, struct client *c, uint64_t due)
{
	uint64_t was = c->due;

	c->due = due;
	if (due < was)
		sift_up(l, c->heap_at);
	else if (due > was)
		sift_down(l, c->heap_at);
}

uint64_t
heap_next(const struct loop *l)
{
	return l->nheap != 0 ? l->heap[0]->due : UINT64_MAX;
}
