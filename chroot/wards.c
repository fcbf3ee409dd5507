#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "chroot/wards.h"

#define BUCKETS 4096		/* power of two */

struct wards {
	struct ward *slot;	/* WARDS_MAX, pages come when touched */
	uint32_t used;		/* slots ever used */
	uint32_t free;		/* chain of free slots by next_id, slot + 1 */
	size_t count;
	/* slot + 1 */
	uint32_t by_id[BUCKETS], by_pid[BUCKETS], by_user[BUCKETS];
};

static const unsigned moves[] = {
	[WARD_SIGNED] = WARD_LOGIN | WARD_DEAD,
	[WARD_LOGIN] = WARD_OPEN | WARD_DEAD,
	[WARD_OPEN] = WARD_DEAD,
	[WARD_DEAD] = 0,
};

void *
wards_private(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (madvise(p, n, MADV_DONTFORK) == -1) {
		munmap(p, n);
		return NULL;
	}
	return p;
}

struct wards *
wards_new(void)
{
	struct wards *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->slot = wards_private(sizeof(struct ward) * WARDS_MAX);
	if (t->slot == NULL) {
		free(t);
		return NULL;
	}
	return t;
}

void
wards_free(struct wards **tp)
{
	if (*tp == NULL)
		return;
	munmap((*tp)->slot, sizeof(struct ward) * WARDS_MAX);
	free(*tp);
	*tp = NULL;
}

size_t
wards_count(const struct wards *t)
{
	return t->count;
}

static uint32_t
bucket(uint32_t n)
{
	return (n * 2654435761u) >> 20;	/* Knuth's multiplicative hash */
}
_Static_assert(BUCKETS == 1 << 12, "bucket() gives 12 bits");

struct ward *
wards_find(struct wards *t, uint32_t id)
{
	for (uint32_t i = t->by_id[bucket(id)]; i != 0;
	    i = t->slot[i - 1].next_id)
		if (t->slot[i - 1].id == id)
			return &t->slot[i - 1];
	return NULL;
}

struct ward *
wards_by_pid(struct wards *t, pid_t pid)
{
	for (uint32_t i = t->by_pid[bucket((uint32_t)pid)]; i != 0;
	    i = t->slot[i - 1].next_pid)
		if (t->slot[i - 1].pid == pid)
			return &t->slot[i - 1];
	return NULL;
}

struct ward *
wards_add(struct wards *t, uint32_t id)
{
	uint32_t i, *head;
	struct ward *c;

	if (id == 0 || wards_find(t, id) != NULL)
		return NULL;
	if ((i = t->free) != 0)
		t->free = t->slot[i - 1].next_id;
	else if (t->used < WARDS_MAX)
		i = ++t->used;
	else
		return NULL;
	c = &t->slot[i - 1];
	memset(c, 0, sizeof(*c));
	c->id = id;
	c->phase = WARD_SIGNED;
	c->sock = -1;
	head = &t->by_id[bucket(id)];
	c->next_id = *head;
	*head = i;
	t->count++;
	return c;
}

static void
unchain_pid(struct wards *t, const struct ward *c)
{
	uint32_t *at = &t->by_pid[bucket((uint32_t)c->pid)];
	uint32_t i = (uint32_t)(c - t->slot) + 1;

	while (*at != 0 && *at != i)
		at = &t->slot[*at - 1].next_pid;
	if (*at == i)
		*at = c->next_pid;
}

void
wards_set_pid(struct wards *t, struct ward *c, pid_t pid)
{
	uint32_t *head = &t->by_pid[bucket((uint32_t)pid)];

	if (c->pid != 0)
		unchain_pid(t, c);
	c->pid = pid;
	c->next_pid = *head;
	*head = (uint32_t)(c - t->slot) + 1;
}

/* FNV-1a */
static uint32_t
user_bucket(struct view user)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < user.n; i++)
		h = (h ^ user.p[i]) * 16777619u;
	return bucket(h);
}

bool
wards_open(struct wards *t, struct ward *c)
{
	uint32_t *head = &t->by_user[user_bucket(ward_user(c))];

	if (!ward_move(c, WARD_OPEN))
		return false;
	c->opened = true;
	c->next_user = *head;
	*head = (uint32_t)(c - t->slot) + 1;
	return true;
}

size_t
wards_sessions(const struct wards *t, struct view user)
{
	const struct ward *c;
	size_t n = 0;

	for (uint32_t i = t->by_user[user_bucket(user)]; i != 0;
	    i = c->next_user) {
		c = &t->slot[i - 1];
		if (c->phase == WARD_OPEN && view_eq(ward_user(c), user))
			n++;
	}
	return n;
}

static void
unchain_user(struct wards *t, const struct ward *c)
{
	uint32_t *at = &t->by_user[user_bucket(ward_user(c))];
	uint32_t i = (uint32_t)(c - t->slot) + 1;

	while (*at != 0 && *at != i)
		at = &t->slot[*at - 1].next_user;
	if (*at == i)
		*at = c->next_user;
}

void
wards_remove(struct wards *t, struct ward **cp)
{
	struct ward *c = *cp;
	uint32_t i = (uint32_t)(c - t->slot) + 1;
	uint32_t *at = &t->by_id[bucket(c->id)];

	while (*at != 0 && *at != i)
		at = &t->slot[*at - 1].next_id;
	if (*at == i)
		*at = c->next_id;
	if (c->pid != 0)
		unchain_pid(t, c);
	if (c->opened)
		unchain_user(t, c);
	wipe(c, sizeof(*c));
	c->next_id = t->free;
	t->free = i;
	t->count--;
	*cp = NULL;
}

struct ward *
wards_next(struct wards *t, uint32_t *at)
{
	while (*at < t->used) {
		struct ward *c = &t->slot[(*at)++];

		if (c->id != 0)
			return c;
	}
	return NULL;
}

bool
ward_move(struct ward *c, enum ward_phase to)
{
	if ((moves[c->phase] & to) == 0)
		return false;
	c->phase = to;
	return true;
}

struct view
ward_user(const struct ward *c)
{
	return view_of(c->user, c->user_len);
}
