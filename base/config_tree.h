/*
 * The YAML files as a neutral tree, where every node knows the place it came
 * from, and the list of faults found in it.  Inside of config_*.c only.
 *
 * All memory is taken from one arena and lives as long as the struct tree.
 */
#ifndef BASE_CONFIG_TREE_H
#define BASE_CONFIG_TREE_H

#include "base/buf.h"

#define TREE_MAX_FILE	((size_t)16 << 20)	/* bytes of one file */
#define TREE_MAX_FILES	65536u
#define TREE_MAX_NODES	4000000u	/* of all files, aliases expanded */
#define TREE_MAX_DEPTH	32u
#define TREE_MAX_ANCHORS 1024u
#define TREE_MAX_FAULTS	10000u
#define TREE_MAX_MEMORY	((size_t)2 << 30)

/* A place: number of the file, line and column from 1. */
struct mark {
	uint32_t file, line, column;
};

enum node_kind { NODE_TEXT, NODE_LIST, NODE_MAP };

struct item {
	struct item *next;
	struct node *key;		/* NULL in a list */
	struct node *value;
};

struct node {
	enum node_kind kind;
	bool plain;			/* text without quotes */
	bool open;			/* still being read: no alias yet */
	bool checked;			/* tree_check has been here */
	uint32_t weight;		/* nodes below and itself */
	struct mark mark;
	struct view text;
	struct item *first, *last;
	size_t n;			/* items */
};

/* Where in the tree, from the inside out; lives on the stack. */
struct path {
	const struct path *up;		/* NULL: at the top */
	struct view key;
	size_t index;			/* used if there is no key */
};

struct chunk;
struct arena {
	struct chunk *first;
	size_t total;
	bool bad;			/* out of memory, or of the limit */
};

struct fault {
	struct fault *next;
	struct mark mark;
	uint32_t seq;
	bool warning;
	const char *text;		/* "path: what; what is allowed" */
};

struct tree {
	struct arena arena;
	const char **file;		/* names by number */
	uint32_t nfiles, cap_files;
	uint32_t nodes;
	struct fault *faults;		/* newest first */
	uint32_t nfaults, nwarnings;
};

/* Everything that was taken is wiped and released. */
void tree_free(struct tree *t);
/* n bytes, zeroed, aligned for anything; NULL sets arena.bad. */
void *tree_take(struct tree *t, size_t n);
/* n elements of `size` bytes. */
void *tree_take_array(struct tree *t, size_t n, size_t size);
/* A copy of v with a NUL behind it. */
struct view tree_copy(struct tree *t, struct view v);
/* A number for a file name (copied); false: too many, no memory. */
bool tree_file(struct tree *t, const char *name, uint32_t *number_out);

/* A fault or warning at a place.  The format gives "what; what is allowed". */
void tree_fault(struct tree *t, struct mark m, const struct path *at,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
void tree_warn(struct tree *t, struct mark m, const struct path *at,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
/* v in double quotes, escaped and shortened for a fault line; what looks like
 * a password hash is not shown. */
const char *tree_quote(struct tree *t, struct view v);
/* "FILE:LINE:COLUMN" */
const char *tree_place(struct tree *t, struct mark m);
/* Appends all faults to out, one line each, in the order of their places.
 * What does not fit is counted in a last line; out never goes bad. */
void tree_write_faults(struct tree *t, struct wr *out);

/* Is there nothing at all ("key:")? */
bool node_is_null(const struct node *n);
/* "a list", "a mapping", "a single value". */
const char *node_word(const struct node *n);
/* Appends to a list or mapping; false: memory. */
bool node_add(struct tree *t, struct node *to, struct node *key,
    struct node *value);
/* Tells keys that are no words or given twice, and takes them out. */
void tree_check(struct tree *t, struct node *n, const struct path *at);

/* config_yaml.c: reads one document; NULL: a fault has been told, or the
 * text is empty (*empty_out). */
struct node *tree_load(struct tree *t, uint32_t file, struct view text,
    bool *empty_out);

/* A small hash table of names. */
struct named {
	struct named *next;
	struct view name;
	void *value;
};
struct names {
	struct named **bucket;		/* NULL: empty table */
	size_t nbuckets;		/* a power of two */
	size_t n;
};
/* Prepares for about n names; there may be more. */
bool names_init(struct tree *t, struct names *s, size_t n);
/* NULL if there is no such name. */
struct named *names_find(const struct names *s, struct view name);
/* Adds a name (borrowed) that is not there yet; NULL: memory. */
struct named *names_add(struct tree *t, struct names *s, struct view name,
    void *value);

#endif
