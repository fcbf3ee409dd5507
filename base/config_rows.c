#include "base/config_parse.h"
#include "base/config_values.h"

/* The names of all rows, for the end of a fault. */
static const char *
all_names(struct parse *p, const struct key_row *rows, size_t n)
{
	struct wr w = wr_new(4096);
	struct view v;

	for (size_t i = 0; i < n; i++) {
		if (i != 0)
			wr_bytes(&w, view_str(", "));
		wr_bytes(&w, view_str(rows[i].name));
	}
	v = tree_copy(&p->t, wr_view(&w));
	wr_free(&w);
	return v.p != NULL ? (const char *)v.p : "";
}

static const char *
nearest(const struct key_row *rows, size_t n, struct view name)
{
	unsigned best = name.n < 4 ? 2 : 3, d;
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		d = value_distance(view_str(rows[i].name), name, 3);
		if (d < best) {
			best = d;
			found = rows[i].name;
		}
	}
	return found;
}

void
row_unknown(struct parse *p, const struct node *key, const struct path *at,
    const struct key_row *rows, size_t n)
{
	const char *near = nearest(rows, n, key->text);

	if (view_is(key->text, "<<"))
		tree_fault(&p->t, key->mark, at, "merge keys are not read; "
		    "use group to inherit");
	else if (near != NULL)
		tree_fault(&p->t, key->mark, at,
		    "unknown key; did you mean \"%s\"?", near);
	else
		tree_fault(&p->t, key->mark, at, "unknown key; use one of: %s",
		    all_names(p, rows, n));
}

static void
row_run(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into, struct row_note *note)
{
	uint32_t before = p->t.nfaults;

	row->parse(p, row, v, at, into);
	if (note == NULL)
		return;
	note->given |= (uint64_t)1 << row->id;
	note->at[row->id] = v->mark;
	if (note->node != NULL)
		note->node[row->id] = v;
	if (p->t.nfaults != before)
		note->bad |= (uint64_t)1 << row->id;
}

void
row_walk(struct parse *p, const struct node *v, const struct path *at,
    const struct key_row *rows, size_t n, void *into, struct row_note *note)
{
	if (node_is_null(v))
		return;
	if (v->kind != NODE_MAP) {
		tree_fault(&p->t, v->mark, at, "is %s; needs a mapping of: %s",
		    node_word(v), all_names(p, rows, n));
		return;
	}
	for (const struct item *i = v->first; i != NULL; i = i->next) {
		struct path here = { at, i->key->text, 0 };
		size_t r = 0;

		while (r < n && !view_is(i->key->text, rows[r].name))
			r++;
		if (r == n)
			row_unknown(p, i->key, &here, rows, n);
		else
			row_run(p, &rows[r], i->value, &here, into, note);
	}
}

bool
row_text(struct parse *p, const struct node *v, const struct path *at,
    const char *allowed, struct view *out)
{
	if (v->kind != NODE_TEXT || node_is_null(v)) {
		tree_fault(&p->t, v->mark, at, "is %s; needs %s",
		    node_word(v), allowed);
		return false;
	}
	if (view_has_nul(v->text)) {
		tree_fault(&p->t, v->mark, at,
		    "holds a NUL character; needs %s", allowed);
		return false;
	}
	*out = v->text;
	return true;
}

bool
row_is_list(struct parse *p, const struct node *v, const struct path *at,
    size_t max, const char *allowed)
{
	if (v->kind != NODE_LIST) {
		tree_fault(&p->t, v->mark, at, "is %s; needs a list of %s",
		    node_word(v), allowed);
		return false;
	}
	if (v->n > max) {
		tree_fault(&p->t, v->mark, at,
		    "has %zu entries; at most %zu are allowed", v->n, max);
		return false;
	}
	return true;
}

static bool
row_double(struct parse *p, const struct node *v, const struct path *at,
    const struct view *before, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!view_eq(before[i], v->text))
			continue;
		tree_fault(&p->t, v->mark, at, "%s is given twice; needs one",
		    tree_quote(&p->t, v->text));
		return true;
	}
	return false;
}

void
row_texts(struct parse *p, const struct node *v, const struct path *at,
    size_t max, const char *allowed,
    bool (*check)(struct view v, const char **why_out), struct view_list *out)
{
	struct path here = { at, view_of(NULL, 0), 0 };
	const char *why;
	struct view *list, text;
	size_t n = 0;

	if (!row_is_list(p, v, at, max, allowed) ||
	    (list = tree_take_array(&p->t, v->n, sizeof(*list))) == NULL)
		return;
	for (const struct item *i = v->first; i != NULL;
	    i = i->next, here.index++) {
		if (!row_text(p, i->value, &here, allowed, &text))
			continue;
		if (!check(text, &why))
			tree_fault(&p->t, i->value->mark, &here, "%s %s",
			    tree_quote(&p->t, text), why);
		else if (!row_double(p, i->value, &here, list, n))
			list[n++] = text;
	}
	*out = (struct view_list){ list, n };
}

void
row_long_text(struct parse *p, const struct node *v, const struct path *at,
    size_t max, struct view *out)
{
	const char *why;

	if (!row_text(p, v, at, "a text", out))
		return;
	if (out->n > max)
		tree_fault(&p->t, v->mark, at, "is too long; at most %zu "
		    "bytes", max);
	else if (!value_text(*out, &why))
		tree_fault(&p->t, v->mark, at, "%s", why);
}

/* ---- single values ---- */

static void *
field(void *into, const struct key_row *row)
{
	return (uint8_t *)into + row->offset;
}

/* Tells that a value is no such thing, or that it is too small or large. */
static bool
in_range(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, bool parsed, uint64_t n, const char *thing)
{
	if (!parsed)
		tree_fault(&p->t, v->mark, at, "%s is not a %s; use %s",
		    tree_quote(&p->t, v->text), thing, row->allowed);
	else if (n < row->min || n > row->max)
		tree_fault(&p->t, v->mark, at, "%s is out of range; use %s",
		    tree_quote(&p->t, v->text), row->allowed);
	else
		return true;
	return false;
}

void
row_number(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct view text;
	uint64_t n = 0;
	bool ok;

	if (!row_text(p, v, at, row->allowed, &text))
		return;
	ok = value_number(text, UINT64_MAX, &n);
	if (in_range(p, row, v, at, ok, n, "number"))
		*(uint32_t *)field(into, row) = (uint32_t)n;
}

void
row_ms(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct view text;
	uint64_t n = 0;
	bool ok;

	if (!row_text(p, v, at, row->allowed, &text))
		return;
	ok = value_duration(text, &n);
	if (in_range(p, row, v, at, ok, n, "duration"))
		*(uint32_t *)field(into, row) = (uint32_t)n;
}

void
row_size(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct view text;
	uint64_t n = 0;
	bool ok;

	if (!row_text(p, v, at, row->allowed, &text))
		return;
	ok = value_size(text, &n);
	if (in_range(p, row, v, at, ok, n, "size"))
		*(uint64_t *)field(into, row) = n;
}

void
row_switch(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct view text;
	bool on;

	if (!row_text(p, v, at, row->allowed, &text))
		return;
	if (value_switch(text, &on))
		*(bool *)field(into, row) = on;
	else
		tree_fault(&p->t, v->mark, at, "%s is not a switch; use %s",
		    tree_quote(&p->t, text), row->allowed);
}
