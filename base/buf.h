/*
 * The only parser and the only builder of binary messages (RFC 4251
 * section 5 data types).
 *
 * struct view	borrowed bytes; passed by value, owns nothing.
 * struct rd	a reader over borrowed bytes.  A short read sets `bad`, and
 *		from then on every getter returns zero or an empty view, so
 *		that a parser may read all its fields and ask once, by
 *		rd_done(), whether all of it was there and nothing was left.
 * struct wr	a builder that owns its bytes, also usable as a byte queue.
 *		It never holds more than `max` bytes; going past that, or
 *		running out of memory, sets `bad` and drops the write.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct view {
	const uint8_t *p;
	size_t n;
};

/* A view of n bytes at p.  Borrowed. */
struct view view_of(const void *p, size_t n);
/* A view of a C string without its NUL; s may be NULL (empty view). */
struct view view_str(const char *s);
/* Equality of bytes; not constant-time, see crypto_equal(). */
bool view_eq(struct view a, struct view b);
bool view_is(struct view v, const char *s);
/* Is there a NUL byte in v? */
bool view_has_nul(struct view v);
/* Copies v into out as a C string.  False if v holds a NUL or does not fit
 * into n bytes with its terminator; out is then the empty string. */
bool view_to_cstr(struct view v, char *out, size_t n) MUST_CHECK;
/* A malloc'ed C string of v, or NULL (no memory, or a NUL inside). */
char *view_dup(struct view v);

/* Is `name` one of the comma-separated names in `list`? (RFC 4251 5) */
bool namelist_has(struct view list, struct view name);
/* Takes the next name off *list into *name; false when the list is empty. */
bool namelist_next(struct view *list, struct view *name);

struct rd {
	const uint8_t *p;
	size_t n;		/* bytes left */
	bool bad;
};

struct rd rd_of(struct view v);
uint8_t rd_u8(struct rd *r);
bool rd_bool(struct rd *r);		/* any non-zero byte is true */
uint32_t rd_u32(struct rd *r);
uint64_t rd_u64(struct rd *r);
/* string: uint32 length, bytes.  Borrowed from the reader's bytes. */
struct view rd_str(struct rd *r);
/* A string that must not contain NUL; one that does makes the reader bad. */
struct view rd_text(struct rd *r);
/* n raw bytes; all that is left. */
struct view rd_bytes(struct rd *r, size_t n);
struct view rd_rest(struct rd *r);
/* True if nothing was short and nothing is left over. */
bool rd_done(const struct rd *r) MUST_CHECK;

struct wr {
	uint8_t *base;
	size_t head;		/* first byte not yet consumed */
	size_t len;		/* end of the bytes, from base */
	size_t cap;
	size_t max;		/* limit of len - head */
	bool bad;
};

#define WR_DEFAULT_MAX ((size_t)1 << 20)

/* An empty builder that will hold at most max bytes; no allocation yet. */
struct wr wr_new(size_t max);
/* Wipes and frees; leaves an empty builder with the same limit. */
void wr_free(struct wr *w);
/* Forgets the bytes and the bad flag, keeps the allocation. */
void wr_reset(struct wr *w);
/* The bytes now held.  Valid until the next call that changes w. */
struct view wr_view(const struct wr *w);
size_t wr_size(const struct wr *w);
void wr_u8(struct wr *w, uint8_t v);
void wr_bool(struct wr *w, bool v);
void wr_u32(struct wr *w, uint32_t v);
void wr_u64(struct wr *w, uint64_t v);
void wr_bytes(struct wr *w, struct view v);
void wr_str(struct wr *w, struct view v);
void wr_cstr(struct wr *w, const char *s);	/* string without the NUL */
/* mpint (RFC 4251 5) of an unsigned big-endian number. */
void wr_mpint(struct wr *w, struct view v);
/* A length prefix to be patched: what is written between open and close
 * becomes one string. */
size_t wr_open(struct wr *w);
void wr_close(struct wr *w, size_t at);
/* Overwrites four bytes written before, at offset `at` of wr_view(). */
void wr_patch_u32(struct wr *w, size_t at, uint32_t v);

/* Byte-queue use.  wr_reserve returns room for n bytes at the end, or NULL
 * (limit, memory; sets bad); wr_commit adds what was written there. */
uint8_t *wr_reserve(struct wr *w, size_t n);
void wr_commit(struct wr *w, size_t n);
/* Drops n bytes at the front; n must not exceed wr_size. */
void wr_consume(struct wr *w, size_t n);
/* Gives the allocation back if the queue is empty. */
void wr_trim(struct wr *w);

/* Big-endian access to bytes known to be there. */
uint32_t get_u32(const uint8_t *p);
void put_u32(uint8_t *p, uint32_t v);

/* memset(0) that the compiler keeps. */
void wipe(void *p, size_t n);

#endif
