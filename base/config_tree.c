#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_tree.h"

#define CHUNK	((size_t)64 * 1024)

/* ---- memory ---- */

struct chunk {
	struct chunk *next;
	size_t used, cap;
	alignas(max_align_t) uint8_t bytes[];
};

void
tree_free(struct tree *t)
{
	struct chunk *c, *next;

	for (c = t->arena.first; c != NULL; c = next) {
		next = c->next;
		wipe(c->bytes, c->used);	/* password hashes */
		free(c);
	}
	*t = (struct tree){ 0 };
}

void *
tree_take(struct tree *t, size_t n)
{
	const size_t to = alignof(max_align_t);
	struct arena *a = &t->arena;
	struct chunk *c = a->first;
	void *p;

	if (a->bad || n > TREE_MAX_MEMORY - a->total) {
		a->bad = true;
		return NULL;
	}
	n = (n + to - 1) / to * to;
	if (c == NULL || n > c->cap - c->used) {
		size_t cap = n > CHUNK ? n : CHUNK;

		if ((c = calloc(1, sizeof(*c) + cap)) == NULL) {
			a->bad = true;
			return NULL;
		}
		c->cap = cap;
		c->next = a->first;
		a->first = c;
	}
	p = c->bytes + c->used;
	c->used += n;
	a->total += n;
	return p;
}

void *
tree_take_array(struct tree *t, size_t n, size_t size)
{
	if (size != 0 && n > TREE_MAX_MEMORY / size) {
		t->arena.bad = true;
		return NULL;
	}
	return tree_take(t, n * size);
}

struct view
tree_copy(struct tree *t, struct view v)
{
	uint8_t *p = tree_take(t, v.n + 1);

	if (p == NULL)
		return view_of(NULL, 0);
	if (v.n != 0)
		memcpy(p, v.p, v.n);
	return view_of(p, v.n);
}

bool
tree_file(struct tree *t, const char *name, uint32_t *number_out)
{
	struct view copy = tree_copy(t, view_str(name));

	if (t->nfiles == TREE_MAX_FILES)
		return false;
	if (t->nfiles == t->cap_files) {
		uint32_t cap = t->cap_files != 0 ? 2 * t->cap_files : 16;
		const char **f = tree_take_array(t, cap, sizeof(*f));

		if (f == NULL)
			return false;
		if (t->nfiles != 0)
			memcpy(f, t->file, t->nfiles * sizeof(*f));
		t->file = f;
		t->cap_files = cap;
	}
	if (copy.p == NULL)
		return false;
	*number_out = t->nfiles;
	t->file[t->nfiles++] = (const char *)copy.p;
	return true;
}

/* ---- texts of faults ---- */

/* Is this a byte that may stand in a line for people?  Bytes of UTF-8 may;
 * libyaml has checked that they are well-formed. */
static bool
printable(uint8_t c)
{
	return c >= 0x20 && c != 0x7f;
}

static void
put_escaped(struct wr *w, struct view v, size_t max, bool quotes)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = v.n < max ? v.n : max;

	/* do not cut a UTF-8 sequence in two */
	while (n < v.n && n > 0 && (v.p[n] & 0xc0) == 0x80)
		n--;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = v.p[i];

		/* C1 controls (U+0080..9F) would reach a terminal, too */
		bool c1 = c == 0xc2 && i + 1 < n && v.p[i + 1] < 0xa0;

		if (!printable(c) || c1) {
			wr_bytes(w, view_str("\\x"));
			wr_u8(w, (uint8_t)hex[c >> 4]);
			wr_u8(w, (uint8_t)hex[c & 15]);
		} else {
			if (quotes && (c == '"' || c == '\\'))
				wr_u8(w, '\\');
			wr_u8(w, c);
		}
	}
	if (n < v.n)
		wr_bytes(w, view_str("..."));
}

/* Words are shown, what looks like a crypt(3) hash is not. */
static void
put_word(struct wr *w, struct view v, bool quotes)
{
	if (v.n != 0 && v.p[0] == '$') {
		wr_bytes(w, view_str("(hidden)"));
		return;
	}
	if (quotes)
		wr_u8(w, '"');
	put_escaped(w, v, 64, quotes);
	if (quotes)
		wr_u8(w, '"');
}

static void
put_path(struct wr *w, const struct path *at)
{
	char index[32];

	if (at == NULL)
		return;
	put_path(w, at->up);
	if (at->key.p != NULL) {
		if (at->up != NULL)
			wr_u8(w, '.');
		put_word(w, at->key, false);
	} else {
		snprintf(index, sizeof(index), "[%zu]", at->index);
		wr_bytes(w, view_str(index));
	}
}

/* What w holds as a string of the arena; w is freed. */
static const char *
keep(struct tree *t, struct wr *w)
{
	struct view v = tree_copy(t, wr_view(w));

	wr_free(w);
	return v.p != NULL ? (const char *)v.p : "";
}

const char *
tree_quote(struct tree *t, struct view v)
{
	struct wr w = wr_new(1024);

	put_word(&w, v, true);
	return keep(t, &w);
}

const char *
tree_place(struct tree *t, struct mark m)
{
	struct wr w = wr_new(16384);
	char at[64];

	put_escaped(&w, view_str(m.file < t->nfiles ? t->file[m.file] : "?"),
	    4096, false);
	snprintf(at, sizeof(at), ":%u:%u", m.line, m.column);
	wr_bytes(&w, view_str(at));
	return keep(t, &w);
}

static void add_fault(struct tree *, struct mark, const struct path *, bool,
    const char *, va_list) PRINTF_LIKE(5, 0);

static void
add_fault(struct tree *t, struct mark m, const struct path *at, bool warning,
    const char *fmt, va_list ap)
{
	struct wr w = wr_new(32768);
	char text[4096];
	struct fault *f;

	if (t->nfaults + t->nwarnings >= TREE_MAX_FAULTS) {
		/* still a fault, though nobody reads ten thousand */
		if (!warning)
			t->nfaults++;
		return;
	}
	if (at == NULL)
		wr_bytes(&w, view_str("(file)"));
	put_path(&w, at);
	vsnprintf(text, sizeof(text), fmt, ap);
	wr_bytes(&w, view_str(": "));
	wr_bytes(&w, view_str(text));
	if ((f = tree_take(t, sizeof(*f))) != NULL) {
		*f = (struct fault){ .next = t->faults, .mark = m,
		    .seq = t->nfaults + t->nwarnings, .warning = warning,
		    .text = keep(t, &w) };
		t->faults = f;
	}
	wr_free(&w);
	if (warning)
		t->nwarnings++;
	else
		t->nfaults++;
}

void
tree_fault(struct tree *t, struct mark m, const struct path *at,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_fault(t, m, at, false, fmt, ap);
	va_end(ap);
}

void
tree_warn(struct tree *t, struct mark m, const struct path *at,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_fault(t, m, at, true, fmt, ap);
	va_end(ap);
}

static int
by_place(const void *a, const void *b)
{
	const struct fault *x = *(const struct fault *const *)a;
	const struct fault *y = *(const struct fault *const *)b;

	if (x->mark.file != y->mark.file)
		return x->mark.file < y->mark.file ? -1 : 1;
	if (x->mark.line != y->mark.line)
		return x->mark.line < y->mark.line ? -1 : 1;
	if (x->mark.column != y->mark.column)
		return x->mark.column < y->mark.column ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* One line, if it fits and leaves room for the line that counts the rest. */
static bool
write_fault(struct tree *t, const struct fault *f, struct wr *out)
{
	const char *place = tree_place(t, f->mark);
	const char *word = f->warning ? ": warning: " : ": ";
	size_t n = strlen(place) + strlen(word) + strlen(f->text) + 1;

	if (out->bad || out->max < wr_size(out) ||
	    out->max - wr_size(out) < n + 128)
		return false;
	wr_bytes(out, view_str(place));
	wr_bytes(out, view_str(word));
	wr_bytes(out, view_str(f->text));
	wr_u8(out, '\n');
	return true;
}

/* The same was said before about the same place: of one `when` block after
 * the other. */
static bool
told_before(const struct fault *const *all, size_t i)
{
	for (size_t k = i; k-- != 0 && all[k]->mark.file == all[i]->mark.file &&
	    all[k]->mark.line == all[i]->mark.line &&
	    all[k]->mark.column == all[i]->mark.column;)
		if (all[k]->warning == all[i]->warning &&
		    strcmp(all[k]->text, all[i]->text) == 0)
			return true;
	return false;
}

void
tree_write_faults(struct tree *t, struct wr *out)
{
	size_t n = 0, shown = 0;
	const struct fault **all, *f;
	char rest[96];

	for (f = t->faults; f != NULL; f = f->next)
		n++;
	if ((all = malloc((n + 1) * sizeof(*all))) == NULL)
		return;
	n = 0;
	for (f = t->faults; f != NULL; f = f->next)
		all[n++] = f;
	qsort(all, n, sizeof(*all), by_place);
	while (shown < n && (told_before(all, shown) ||
	    write_fault(t, all[shown], out)))
		shown++;
	free(all);
	n = (size_t)t->nfaults + t->nwarnings;
	if (shown == n || out->bad || out->max - wr_size(out) < sizeof(rest))
		return;
	snprintf(rest, sizeof(rest), "... and %zu more faults and warnings\n",
	    n - shown);
	wr_bytes(out, view_str(rest));
}

/* ---- nodes ---- */

bool
node_is_null(const struct node *n)
{
	return n->kind == NODE_TEXT && n->plain && (n->text.n == 0 ||
	    view_is(n->text, "~") || view_is(n->text, "null"));
}

const char *
node_word(const struct node *n)
{
	if (node_is_null(n))
		return "nothing";
	switch (n->kind) {
	case NODE_LIST:
		return "a list";
	case NODE_MAP:
		return "a mapping";
	default:
		return "a single value";
	}
}

bool
node_add(struct tree *t, struct node *to, struct node *key,
    struct node *value)
{
	struct item *i = tree_take(t, sizeof(*i));

	if (i == NULL)
		return false;
	i->key = key;
	i->value = value;
	if (to->last != NULL)
		to->last->next = i;
	else
		to->first = i;
	to->last = i;
	to->n++;
	return true;
}

/* May this item stay?  seen: the keys before it. */
static bool
check_key(struct tree *t, const struct item *i, struct names *seen,
    const struct path *at)
{
	struct path here = { at, i->key->text, 0 };
	struct named *first;

	if (i->key->kind != NODE_TEXT) {
		tree_fault(t, i->key->mark, at,
		    "a key is %s; needs a word", node_word(i->key));
		return false;
	}
	if (view_has_nul(i->key->text)) {
		tree_fault(t, i->key->mark, at,
		    "a key holds a NUL character; needs a word");
		return false;
	}
	first = names_find(seen, i->key->text);
	if (first != NULL) {
		const struct item *f = first->value;

		tree_fault(t, i->key->mark, &here,
		    "given twice, first at line %u, column %u; needs one",
		    f->key->mark.line, f->key->mark.column);
		return false;
	}
	return names_add(t, seen, i->key->text,
	    (void *)(uintptr_t)i) != NULL;
}

static void
check_map(struct tree *t, struct node *n, const struct path *at)
{
	struct item **link = &n->first, *i;
	struct names seen;

	if (!names_init(t, &seen, n->n))
		return;
	n->last = NULL;
	n->n = 0;
	while ((i = *link) != NULL) {
		if (!check_key(t, i, &seen, at)) {
			*link = i->next;
			continue;
		}
		struct path here = { at, i->key->text, 0 };

		tree_check(t, i->value, &here);
		n->last = i;
		n->n++;
		link = &i->next;
	}
}

void
tree_check(struct tree *t, struct node *n, const struct path *at)
{
	struct path here = { at, view_of(NULL, 0), 0 };

	if (n->checked)
		return;
	n->checked = true;
	if (n->kind == NODE_MAP)
		check_map(t, n, at);
	for (struct item *i = n->first; n->kind == NODE_LIST && i != NULL;
	    i = i->next) {
		tree_check(t, i->value, &here);
		here.index++;
	}
}

/* ---- names ---- */

static size_t
hash(struct view v)
{
	uint64_t h = 14695981039346656037u;	/* FNV-1a */

	for (size_t i = 0; i < v.n; i++)
		h = (h ^ v.p[i]) * 1099511628211u;
	return (size_t)(h ^ h >> 32);
}

bool
names_init(struct tree *t, struct names *s, size_t n)
{
	s->n = 0;
	s->nbuckets = 8;
	while (s->nbuckets < n)
		s->nbuckets *= 2;
	s->bucket = tree_take_array(t, s->nbuckets, sizeof(*s->bucket));
	return s->bucket != NULL;
}

struct named *
names_find(const struct names *s, struct view name)
{
	struct named *e;

	if (s->bucket == NULL)
		return NULL;
	e = s->bucket[hash(name) & (s->nbuckets - 1)];
	while (e != NULL && !view_eq(e->name, name))
		e = e->next;
	return e;
}

/* Moves all names to twice the buckets; the old ones stay in the arena. */
static bool
names_grow(struct tree *t, struct names *s)
{
	struct named **from = s->bucket, *e, *next, **b;
	size_t n = s->nbuckets, count = s->n;

	if (!names_init(t, s, 2 * n))
		return false;
	for (size_t i = 0; i < n; i++) {
		for (e = from[i]; e != NULL; e = next) {
			next = e->next;
			b = &s->bucket[hash(e->name) & (s->nbuckets - 1)];
			e->next = *b;
			*b = e;
		}
	}
	s->n = count;
	return true;
}

struct named *
names_add(struct tree *t, struct names *s, struct view name, void *value)
{
	struct named *e = tree_take(t, sizeof(*e)), **b;

	if (e == NULL || s->bucket == NULL ||
	    (s->n >= 2 * s->nbuckets && !names_grow(t, s)))
		return NULL;
	s->n++;
	b = &s->bucket[hash(name) & (s->nbuckets - 1)];
	*e = (struct named){ *b, name, value };
	*b = e;
	return e;
}
