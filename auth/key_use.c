/* When each key of a user was used last. */
#include <string.h>

#include "auth/internal.h"
#include "auth/records.h"

/* A use by the same key from the same place within these seconds is not
 * written again: a client that comes every second costs no disk. */
#define AGAIN_SECONDS	60

static const char *
recall(struct auth *a, struct keys_record *r)
{
	struct wr w = wr_new(RECORD_MAX);
	const char *why = remember_read(a, RECORD_KEYS, &w);

	*r = (struct keys_record){ 0 };
	if (why == NULL && wr_size(&w) != 0 &&
	    !get_keys_record(wr_view(&w), r)) {
		/* It says nothing that a login depends on: begin anew. */
		(void)remember_damage(RECORD_KEYS);
		*r = (struct keys_record){ 0 };
	}
	wr_free(&w);
	return why;
}

static bool
is_recent(const struct auth *a, const struct keys_record *r, const char *key)
{
	const struct key_use *u = keys_record_find(r, key);
	int64_t ago = u != NULL ? auth_now(a) - u->at : -1;

	return ago >= 0 && ago < AGAIN_SECONDS &&
	    strcmp(u->src, a->start.src) == 0;
}

/* Under the lock. */
static void
add_uses(struct auth *a)
{
	struct wr w = wr_new(RECORD_MAX);
	struct keys_record r;

	if (recall(a, &r) != NULL)
		return;
	for (size_t i = 0; i < a->nused; i++)
		keys_record_add(&r, a->used[i], auth_now(a), a->start.src);
	put_keys_record(&w, &r);
	(void)remember_write(a, RECORD_KEYS, &w);
	wr_free(&w);
}

bool
auth_note_use(struct auth *a, struct auth_last_use *out)
{
	const struct key_use *last;
	struct keys_record r;
	bool known = true;

	*out = (struct auth_last_use){ .at = 0 };
	if (a->nused == 0 || a->start.store == NULL || recall(a, &r) != NULL)
		return false;
	last = keys_record_find(&r, a->used[a->nused - 1]);
	if (last != NULL) {
		out->at = last->at;
		memcpy(out->src, last->src, sizeof(last->src));
	}
	for (size_t i = 0; i < a->nused; i++)
		known = known && is_recent(a, &r, a->used[i]);
	if (!known && remember_lock(a) == NULL) {
		add_uses(a);
		remember_unlock(a);
	}
	return true;
}

bool
auth_key_uses(struct view bytes, void (*say)(void *ctx, const char *key,
    int64_t at, const char *src), void *ctx)
{
	struct keys_record r;

	if (!get_keys_record(bytes, &r))
		return false;
	for (size_t i = 0; i < r.n; i++)
		say(ctx, r.use[i].key, r.use[i].at, r.use[i].src);
	return true;
}
