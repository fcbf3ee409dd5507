#include <string.h>

/* The only includer: what libyaml reads becomes a struct node at once. */
#include <yaml.h>

#include "base/config_tree.h"

struct anchor {
	struct anchor *next;
	struct view name;
	struct node *node;
};

struct load {
	struct tree *t;
	uint32_t file;
	struct view text;		/* of the file, for hints */
	struct node *stack[TREE_MAX_DEPTH];
	struct node *key[TREE_MAX_DEPTH];	/* waits for its value */
	unsigned depth;
	struct anchor *anchors;
	unsigned nanchors;
	struct node *root;
	bool failed;
};

static struct mark
mark_of(const struct load *l, const yaml_mark_t *m)
{
	return (struct mark){ l->file, (uint32_t)m->line + 1,
	    (uint32_t)m->column + 1 };
}

static void
fail(struct load *l, struct mark m, const char *what)
{
	if (!l->failed)
		tree_fault(l->t, m, NULL, "%s", what);
	l->failed = true;
}

/* A new node counts against the limit of all files. */
static struct node *
node_new(struct load *l, enum node_kind kind, const yaml_event_t *ev,
    const yaml_char_t *tag)
{
	struct mark m = mark_of(l, &ev->start_mark);
	struct node *n;

	if (tag != NULL && tag[0] != '\0') {
		fail(l, m, "a type tag; values stand without tags");
		return NULL;
	}
	if (++l->t->nodes > TREE_MAX_NODES) {
		fail(l, m, "too much; all files together may hold 4000000 "
		    "values");
		return NULL;
	}
	if ((n = tree_take(l->t, sizeof(*n))) == NULL) {
		l->failed = true;
		return NULL;
	}
	n->kind = kind;
	n->mark = m;
	n->weight = 1;
	return n;
}

static void
name_anchor(struct load *l, const yaml_char_t *name, struct node *n)
{
	struct anchor *a;

	if (name == NULL)
		return;
	if (++l->nanchors > TREE_MAX_ANCHORS) {
		fail(l, n->mark, "too many anchors; at most 1024 in a file");
		return;
	}
	if ((a = tree_take(l->t, sizeof(*a))) == NULL) {
		l->failed = true;
		return;
	}
	a->name = tree_copy(l->t, view_str((const char *)name));
	a->node = n;
	a->next = l->anchors;
	l->anchors = a;
}

/* Puts a finished or opened node where it belongs. */
static void
place(struct load *l, struct node *n)
{
	struct node *in;

	if (l->depth == 0) {
		l->root = n;
		return;
	}
	in = l->stack[l->depth - 1];
	if (in->kind == NODE_MAP && l->key[l->depth - 1] == NULL) {
		l->key[l->depth - 1] = n;
		return;
	}
	if (!node_add(l->t, in, l->key[l->depth - 1], n))
		l->failed = true;
	l->key[l->depth - 1] = NULL;
}

/* An alias is the same node again.  Its weight counts again, so that a few
 * lines cannot stand for millions of values. */
static void
read_alias(struct load *l, const yaml_event_t *ev)
{
	struct mark m = mark_of(l, &ev->start_mark);
	struct view name = view_str((const char *)ev->data.alias.anchor);
	const struct anchor *a = l->anchors;

	while (a != NULL && !view_eq(a->name, name))
		a = a->next;
	if (a == NULL) {
		fail(l, m, "alias without its anchor; needs an anchor "
		    "(&name) before it");
		return;
	}
	if (a->node->open) {
		fail(l, m, "alias inside of its own anchor; needs a finished "
		    "value");
		return;
	}
	if (a->node->weight > TREE_MAX_NODES - l->t->nodes) {
		fail(l, m, "aliases make too much of this; all files together "
		    "may hold 4000000 values");
		return;
	}
	l->t->nodes += a->node->weight;
	if (l->depth != 0)
		l->stack[l->depth - 1]->weight += a->node->weight;
	place(l, a->node);
}

static void
read_text(struct load *l, const yaml_event_t *ev)
{
	struct node *n = node_new(l, NODE_TEXT, ev,
	    ev->data.scalar.tag);

	if (n == NULL)
		return;
	n->plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	n->text = tree_copy(l->t, view_of(ev->data.scalar.value,
	    ev->data.scalar.length));
	name_anchor(l, ev->data.scalar.anchor, n);
	if (l->depth != 0)
		l->stack[l->depth - 1]->weight++;
	place(l, n);
}

static void
read_open(struct load *l, enum node_kind kind, const yaml_event_t *ev,
    const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct node *n;

	if (l->depth == TREE_MAX_DEPTH) {
		fail(l, mark_of(l, &ev->start_mark),
		    "nested too deep; at most 32 levels");
		return;
	}
	if ((n = node_new(l, kind, ev, tag)) == NULL)
		return;
	n->open = true;
	name_anchor(l, anchor, n);
	place(l, n);
	l->key[l->depth] = NULL;
	l->stack[l->depth++] = n;
}

static void
read_close(struct load *l)
{
	struct node *n = l->stack[--l->depth];

	n->open = false;
	if (l->depth != 0)
		l->stack[l->depth - 1]->weight += n->weight;
}

/* Line and column of a byte, for errors that libyaml tells by offset. */
static struct mark
mark_at(const struct load *l, size_t offset)
{
	struct mark m = { l->file, 1, 1 };

	for (size_t i = 0; i < offset && i < l->text.n; i++) {
		m.column++;
		if (l->text.p[i] == '\n') {
			m.line++;
			m.column = 1;
		}
	}
	return m;
}

static void
syntax_error(struct load *l, const yaml_parser_t *y)
{
	struct mark m = mark_of(l, &y->problem_mark);
	size_t at = y->problem_mark.index;
	const char *allowed = "needs valid YAML";

	if (y->error == YAML_MEMORY_ERROR) {
		l->t->arena.bad = true;
		l->failed = true;
		return;
	}
	if (y->error == YAML_READER_ERROR)
		m = mark_at(l, y->problem_offset);
	else if (at < l->text.n && l->text.p[at] == '\t')
		allowed = "indent with spaces, not with tabs";
	if (!l->failed)
		tree_fault(l->t, m, NULL, "%s%s%s; %s",
		    y->context != NULL ? y->context : "",
		    y->context != NULL ? ", " : "",
		    y->problem != NULL ? y->problem : "not readable",
		    allowed);
	l->failed = true;
}

/* One event; true when the text has come to its end. */
static bool
read_event(struct load *l, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		read_text(l, ev);
		break;
	case YAML_ALIAS_EVENT:
		read_alias(l, ev);
		break;
	case YAML_SEQUENCE_START_EVENT:
		read_open(l, NODE_LIST, ev, ev->data.sequence_start.anchor,
		    ev->data.sequence_start.tag);
		break;
	case YAML_MAPPING_START_EVENT:
		read_open(l, NODE_MAP, ev, ev->data.mapping_start.anchor,
		    ev->data.mapping_start.tag);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		read_close(l);
		break;
	case YAML_DOCUMENT_START_EVENT:
		if (l->root != NULL)
			fail(l, mark_of(l, &ev->start_mark),
			    "a second document; a file holds one");
		break;
	case YAML_STREAM_END_EVENT:
		return true;
	default:
		break;
	}
	return false;
}

struct node *
tree_load(struct tree *t, uint32_t file, struct view text, bool *empty_out)
{
	struct load l = { .t = t, .file = file, .text = text };
	bool end = false;
	yaml_parser_t y;
	yaml_event_t ev;

	*empty_out = false;
	if (!yaml_parser_initialize(&y)) {
		t->arena.bad = true;
		return NULL;
	}
	yaml_parser_set_encoding(&y, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&y, text.p, text.n);
	while (!end && !l.failed && !t->arena.bad) {
		if (!yaml_parser_parse(&y, &ev)) {
			syntax_error(&l, &y);
			break;
		}
		end = read_event(&l, &ev);
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&y);
	if (!end || l.failed || t->arena.bad)
		return NULL;
	*empty_out = l.root == NULL;
	return l.root;
}
