#include <stdlib.h>
#include <string.h>

#include "chroot/log_who.h"

#define BUCKETS 4096		/* power of two */

struct entry {
	struct entry *next;		/* of the bucket */
	struct entry *next_dead;
	int32_t pid;
	uint64_t conn;
	bool dead;
	size_t user_len, src_len;
	uint8_t text[];			/* user, src */
};

struct log_whos {
	size_t count;
	struct entry *dead;
	struct entry *bucket[BUCKETS];
};

struct log_whos *
log_whos_new(void)
{
	return calloc(1, sizeof(struct log_whos));
}

static struct entry **
chain(const struct log_whos *t, int32_t pid)
{
	/* The table is the caller's; only its head is looked at here. */
	return (struct entry **)(uintptr_t)
	    &t->bucket[(uint32_t)pid & (BUCKETS - 1)];
}

static struct entry **
find(const struct log_whos *t, int32_t pid)
{
	struct entry **at = chain(t, pid);

	while (*at != NULL && (*at)->pid != pid)
		at = &(*at)->next;
	return at;
}

void
log_whos_free(struct log_whos **tp)
{
	if (*tp == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		while ((*tp)->bucket[i] != NULL) {
			struct entry *e = (*tp)->bucket[i];

			(*tp)->bucket[i] = e->next;
			free(e);
		}
	}
	free(*tp);
	*tp = NULL;
}

/* Takes e off the list of the dead, if it is there. */
static void
undead(struct log_whos *t, const struct entry *e)
{
	struct entry **at = &t->dead;

	while (*at != NULL && *at != e)
		at = &(*at)->next_dead;
	if (*at != NULL)
		*at = e->next_dead;
}

static void
drop(struct log_whos *t, struct entry **at)
{
	struct entry *e = *at;

	if (e->dead)
		undead(t, e);
	*at = e->next;
	free(e);
	t->count--;
}

bool
log_whos_add(struct log_whos *t, const struct msg_log_who *m)
{
	struct entry **at = find(t, m->pid), *e;

	if (*at != NULL)
		drop(t, at);
	if (t->count >= LOG_WHO_MAX ||
	    (e = calloc(1, sizeof(*e) + m->user.n + m->src.n)) == NULL)
		return false;
	e->pid = m->pid;
	e->conn = m->conn;
	e->user_len = m->user.n;
	e->src_len = m->src.n;
	if (m->user.n != 0)
		memcpy(e->text, m->user.p, m->user.n);
	if (m->src.n != 0)
		memcpy(e->text + m->user.n, m->src.p, m->src.n);
	at = chain(t, m->pid);
	e->next = *at;
	*at = e;
	t->count++;
	return true;
}

void
log_whos_forget(struct log_whos *t, int32_t pid)
{
	struct entry *e = *find(t, pid);

	if (e == NULL || e->dead)
		return;
	e->dead = true;
	e->next_dead = t->dead;
	t->dead = e;
}

void
log_whos_purge(struct log_whos *t)
{
	while (t->dead != NULL)
		drop(t, find(t, t->dead->pid));
}

bool
log_whos_find(const struct log_whos *t, int32_t pid, struct log_who *out)
{
	const struct entry *e = *find(t, pid);

	if (e == NULL)
		return false;
	*out = (struct log_who){
		.conn = e->conn, .user = view_of(e->text, e->user_len),
		.src = view_of(e->text + e->user_len, e->src_len),
	};
	return true;
}
