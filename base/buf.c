#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

struct view
view_of(const void *p, size_t n)
{
	return (struct view){ p, n };
}

struct view
view_str(const char *s)
{
	return (struct view){ (const uint8_t *)s, s != NULL ? strlen(s) : 0 };
}

bool
view_eq(struct view a, struct view b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
view_is(struct view v, const char *s)
{
	return view_eq(v, view_str(s));
}

bool
view_has_nul(struct view v)
{
	return v.n != 0 && memchr(v.p, '\0', v.n) != NULL;
}

bool
view_to_cstr(struct view v, char *out, size_t n)
{
	if (n == 0)
		return false;
	out[0] = '\0';
	if (v.n >= n || view_has_nul(v))
		return false;
	if (v.n != 0)
		memcpy(out, v.p, v.n);
	out[v.n] = '\0';
	return true;
}

char *
view_dup(struct view v)
{
	char *s;

	if (view_has_nul(v) || v.n == SIZE_MAX)
		return NULL;
	if ((s = malloc(v.n + 1)) == NULL)
		return NULL;
	if (v.n != 0)
		memcpy(s, v.p, v.n);
	s[v.n] = '\0';
	return s;
}

bool
namelist_next(struct view *list, struct view *name)
{
	const uint8_t *comma;

	if (list->n == 0)
		return false;
	comma = memchr(list->p, ',', list->n);
	if (comma == NULL) {
		*name = *list;
		list->p += list->n;
		list->n = 0;
		return true;
	}
	*name = view_of(list->p, (size_t)(comma - list->p));
	list->n -= name->n + 1;
	list->p = comma + 1;
	return true;
}

bool
namelist_has(struct view list, struct view name)
{
	struct view one;

	while (namelist_next(&list, &one))
		if (view_eq(one, name))
			return true;
	return false;
}

struct rd
rd_of(struct view v)
{
	return (struct rd){ v.p, v.n, false };
}

/* The next n bytes, or NULL with the reader gone bad. */
static const uint8_t *
take(struct rd *r, size_t n)
{
	const uint8_t *p;

	if (r->bad || n > r->n) {
		r->bad = true;
		return NULL;
	}
	p = r->p;
	if (n != 0) {
		r->p += n;
		r->n -= n;
	}
	return p;
}

uint8_t
rd_u8(struct rd *r)
{
	const uint8_t *p = take(r, 1);

	return p != NULL ? p[0] : 0;
}

bool
rd_bool(struct rd *r)
{
	return rd_u8(r) != 0;
}

uint32_t
get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

void
put_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

uint32_t
rd_u32(struct rd *r)
{
	const uint8_t *p = take(r, 4);

	return p != NULL ? get_u32(p) : 0;
}

uint64_t
rd_u64(struct rd *r)
{
	const uint8_t *p = take(r, 8);

	return p != NULL ? (uint64_t)get_u32(p) << 32 | get_u32(p + 4) : 0;
}

struct view
rd_bytes(struct rd *r, size_t n)
{
	const uint8_t *p = take(r, n);

	return p != NULL ? view_of(p, n) : view_of(NULL, 0);
}

struct view
rd_str(struct rd *r)
{
	uint32_t n = rd_u32(r);

	return rd_bytes(r, n);
}

struct view
rd_text(struct rd *r)
{
	struct view v = rd_str(r);

	if (view_has_nul(v)) {
		r->bad = true;
		return view_of(NULL, 0);
	}
	return v;
}

struct view
rd_rest(struct rd *r)
{
	return rd_bytes(r, r->n);
}

bool
rd_done(const struct rd *r)
{
	return !r->bad && r->n == 0;
}

void
wipe(void *p, size_t n)
{
	if (n != 0)
		explicit_bzero(p, n);
}

struct wr
wr_new(size_t max)
{
	return (struct wr){ .max = max };
}

void
wr_free(struct wr *w)
{
	size_t max = w->max;

	if (w->base != NULL) {
		wipe(w->base, w->len);
		free(w->base);
	}
	*w = wr_new(max);
}

void
wr_reset(struct wr *w)
{
	w->head = 0;
	w->len = 0;
	w->bad = false;
}

struct view
wr_view(const struct wr *w)
{
	return view_of(w->base != NULL ? w->base + w->head : NULL,
	    w->len - w->head);
}

size_t
wr_size(const struct wr *w)
{
	return w->len - w->head;
}

/* Moves to a larger allocation, wiping the old one: it may hold secrets. */
static bool
grow(struct wr *w, size_t need)
{
	size_t cap = w->cap != 0 ? w->cap : 256, size = wr_size(w);
	uint8_t *p;

	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	if ((p = malloc(cap)) == NULL)
		return false;
	if (size != 0)
		memcpy(p, w->base + w->head, size);
	if (w->base != NULL) {
		wipe(w->base, w->len);
		free(w->base);
	}
	w->base = p;
	w->cap = cap;
	w->head = 0;
	w->len = size;
	return true;
}

uint8_t *
wr_reserve(struct wr *w, size_t n)
{
	size_t size = wr_size(w);

	if (w->bad || size > w->max || n > w->max - size) {
		w->bad = true;
		return NULL;
	}
	if (w->base == NULL || n > w->cap - w->len) {
		if (w->base != NULL && w->head != 0 && n <= w->cap - size) {
			memmove(w->base, w->base + w->head, size);
			w->head = 0;
			w->len = size;
		} else if (!grow(w, size + n)) {
			w->bad = true;
			return NULL;
		}
	}
	return w->base + w->len;
}

void
wr_commit(struct wr *w, size_t n)
{
	if (w->bad || n > w->cap - w->len) {
		w->bad = true;
		return;
	}
	w->len += n;
}

void
wr_consume(struct wr *w, size_t n)
{
	if (n > wr_size(w)) {
		w->bad = true;
		return;
	}
	w->head += n;
	if (w->head == w->len)
		w->head = w->len = 0;
}

void
wr_trim(struct wr *w)
{
	if (wr_size(w) == 0)
		wr_free(w);
}

void
wr_bytes(struct wr *w, struct view v)
{
	uint8_t *p = wr_reserve(w, v.n);

	if (p == NULL)
		return;
	if (v.n != 0)
		memcpy(p, v.p, v.n);
	wr_commit(w, v.n);
}

void
wr_u8(struct wr *w, uint8_t v)
{
	wr_bytes(w, view_of(&v, 1));
}

void
wr_bool(struct wr *w, bool v)
{
	wr_u8(w, v ? 1 : 0);
}

void
wr_u32(struct wr *w, uint32_t v)
{
	uint8_t b[4];

	put_u32(b, v);
	wr_bytes(w, view_of(b, sizeof(b)));
}

void
wr_u64(struct wr *w, uint64_t v)
{
	wr_u32(w, (uint32_t)(v >> 32));
	wr_u32(w, (uint32_t)v);
}

void
wr_str(struct wr *w, struct view v)
{
	if (v.n > UINT32_MAX) {
		w->bad = true;
		return;
	}
	wr_u32(w, (uint32_t)v.n);
	wr_bytes(w, v);
}

void
wr_cstr(struct wr *w, const char *s)
{
	wr_str(w, view_str(s));
}

void
wr_mpint(struct wr *w, struct view v)
{
	while (v.n != 0 && v.p[0] == 0) {
		v.p++;
		v.n--;
	}
	if (v.n != 0 && (v.p[0] & 0x80) != 0) {
		if (v.n >= UINT32_MAX) {
			w->bad = true;
			return;
		}
		wr_u32(w, (uint32_t)v.n + 1);
		wr_u8(w, 0);
		wr_bytes(w, v);
	} else
		wr_str(w, v);
}

size_t
wr_open(struct wr *w)
{
	size_t at = wr_size(w);

	wr_u32(w, 0);
	return at;
}

void
wr_close(struct wr *w, size_t at)
{
	size_t size = wr_size(w);

	if (w->bad)
		return;
	if (at > size || size - at < 4 || size - at - 4 > UINT32_MAX) {
		w->bad = true;
		return;
	}
	wr_patch_u32(w, at, (uint32_t)(size - at - 4));
}

void
wr_patch_u32(struct wr *w, size_t at, uint32_t v)
{
	if (w->bad)
		return;
	if (at > wr_size(w) || wr_size(w) - at < 4) {
		w->bad = true;
		return;
	}
	put_u32(w->base + w->head + at, v);
}
