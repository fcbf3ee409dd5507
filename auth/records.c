#include <stdio.h>
#include <string.h>

#include "auth/records.h"

#define TOTP_VERSION	1
#define PASSWORD_VERSION 1
#define KEYS_VERSION	1

void
put_totp_record(struct wr *w, const struct totp_record *r)
{
	wr_u8(w, TOTP_VERSION);
	wr_u64(w, r->step);
	wr_u32(w, r->failures);
	wr_u64(w, (uint64_t)r->since);
	wr_u32(w, (uint32_t)r->nused);
	for (size_t i = 0; i < r->nused; i++)
		wr_bytes(w, view_of(r->used[i], RECORD_HASH));
}

bool
get_totp_record(struct view b, struct totp_record *r)
{
	struct rd in = rd_of(b);
	uint64_t since;

	*r = (struct totp_record){ 0 };
	if (rd_u8(&in) != TOTP_VERSION)
		return false;
	r->step = rd_u64(&in);
	r->failures = rd_u32(&in);
	since = rd_u64(&in);
	r->nused = rd_u32(&in);
	if (in.bad || since > INT64_MAX || r->nused > RECORD_USED_MAX)
		return false;
	r->since = (int64_t)since;
	for (size_t i = 0; i < r->nused; i++) {
		struct view v = rd_bytes(&in, RECORD_HASH);

		if (in.bad)
			return false;
		memcpy(r->used[i], v.p, RECORD_HASH);
	}
	return rd_done(&in);
}

void
put_password_record(struct wr *w, const struct password_record *r)
{
	wr_u8(w, PASSWORD_VERSION);
	wr_str(w, r->hash);
	wr_bytes(w, view_of(r->replaces, RECORD_HASH));
	wr_u64(w, (uint64_t)r->changed);
}

bool
get_password_record(struct view b, struct password_record *r)
{
	struct rd in = rd_of(b);
	struct view replaces;
	uint64_t changed;

	*r = (struct password_record){ 0 };
	if (rd_u8(&in) != PASSWORD_VERSION)
		return false;
	r->hash = rd_text(&in);
	replaces = rd_bytes(&in, RECORD_HASH);
	changed = rd_u64(&in);
	if (!rd_done(&in) || changed > INT64_MAX || r->hash.n == 0 ||
	    r->hash.n > RECORD_HASH_TEXT_MAX)
		return false;
	memcpy(r->replaces, replaces.p, RECORD_HASH);
	r->changed = (int64_t)changed;
	return true;
}

void
put_keys_record(struct wr *w, const struct keys_record *r)
{
	wr_u8(w, KEYS_VERSION);
	wr_u32(w, (uint32_t)r->n);
	for (size_t i = 0; i < r->n; i++) {
		wr_cstr(w, r->use[i].key);
		wr_u64(w, (uint64_t)r->use[i].at);
		wr_cstr(w, r->use[i].src);
	}
}

static bool
get_use(struct rd *in, struct key_use *u)
{
	struct view key = rd_text(in), src;
	uint64_t at = rd_u64(in);

	src = rd_text(in);
	u->at = (int64_t)at;
	return !in->bad && at <= INT64_MAX && key.n != 0 &&
	    view_to_cstr(key, u->key, sizeof(u->key)) &&
	    view_to_cstr(src, u->src, sizeof(u->src));
}

bool
get_keys_record(struct view b, struct keys_record *r)
{
	struct rd in = rd_of(b);

	*r = (struct keys_record){ 0 };
	if (rd_u8(&in) != KEYS_VERSION)
		return false;
	r->n = rd_u32(&in);
	if (in.bad || r->n > RECORD_KEYS_MAX)
		return false;
	for (size_t i = 0; i < r->n; i++)
		if (!get_use(&in, &r->use[i]))
			return false;
	return rd_done(&in);
}

const struct key_use *
keys_record_find(const struct keys_record *r, const char *key)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->use[i].key, key) == 0)
			return &r->use[i];
	return NULL;
}

void
keys_record_add(struct keys_record *r, const char *key, int64_t at,
    const char *src)
{
	const struct key_use *old = keys_record_find(r, key);
	size_t i = old != NULL ? (size_t)(old - r->use) : r->n;

	if (i == RECORD_KEYS_MAX)
		i--;
	memmove(r->use + 1, r->use, i * sizeof(r->use[0]));
	if (old == NULL && r->n < RECORD_KEYS_MAX)
		r->n++;
	r->use[0].at = at;
	snprintf(r->use[0].key, sizeof(r->use[0].key), "%s", key);
	snprintf(r->use[0].src, sizeof(r->use[0].src), "%s", src);
}
