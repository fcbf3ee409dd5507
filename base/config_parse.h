/*
 * From trees to a checked configuration; inside of config_*.c only.
 *
 *	config_files.c	 reads the files, follows include
 *	config_schema.c	 the top of the tree, defaults
 *	config_keys.c	 the keys that are not about one user
 *	config_layer.c	 the keys of one user, group or of defaults
 *	config_rules.c	 some of these
 *	config_when.c	 when and if
 *	config_forward.c those of them about forwarded connections
 *	config_secrets.c those of them that are groups of secrets
 *	config_pam.c	 who is asked of PAM
 *	config_host.c	 host_accounts
 *	config_users.c	 inheritance
 *	config_variants.c what differs by source and listener; the records
 *	config_origin.c	 where a user's values come from
 *	config_penalties.c penalties
 *	config_rows.c	 rows of keys and parsers for all of them
 *	config.c	 the block that comes out of it
 */
#ifndef BASE_CONFIG_PARSE_H
#define BASE_CONFIG_PARSE_H

#include "base/config.h"
#include "base/config_tree.h"

#define CONFIG_MAX_LISTEN	16	/* descriptors beside one message */
#define CONFIG_MAX_HOST_KEYS	16
#define CONFIG_MAX_LIST		1024	/* entries of any other list */
#define CONFIG_MAX_WHEN		8	/* blocks of one layer */
#define CONFIG_MAX_CONDITIONS	65536u	/* different ones, of all blocks */
#define CONFIG_MAX_VARIANTS	64	/* of one user, the plain one too */
#define CONFIG_MAX_ENV		512	/* ... of names in `env` */
#define CONFIG_MAX_BANNER	8192	/* bytes */
#define CONFIG_MAX_GREETING	4096	/* bytes */
#define CONFIG_MAX_INCLUDE	8	/* levels */

/* One key that is not given in a file of its own kind. */
struct top {
	const struct node *value;	/* NULL: not given */
	struct mark mark;		/* of the key */
};

enum top_key {
	TOP_LISTEN, TOP_HOST_KEYS, TOP_SERVER_USER, TOP_IDENT, TOP_GREETING,
	TOP_BANNER, TOP_ALGORITHMS, TOP_KEEPALIVE, TOP_LIMITS, TOP_LOG,
	TOP_STATE_DIR, TOP_CONTROL, TOP_PENALTIES,
	TOP_DEFAULTS, TOP_HOST_ACCOUNTS, TOP_KEYS,
	TOP_INCLUDE = TOP_KEYS, TOP_GROUPS, TOP_USERS, TOP_ALL
};

/* A user or group as collected from all files. */
struct entry {
	struct entry *next;
	struct view name;
	struct mark mark;
	const struct node *value;
	void *layer;			/* groups: struct layer, once parsed */
};
struct entries {
	struct entry *first, *last;
	size_t n;
	struct names index;		/* -> struct entry */
};

/* An account that programs run as. */
struct command_user {
	struct command_user *next;
	uint32_t uid;
	struct mark mark;
};

/* host_accounts, as it is read */
struct host_parse {
	bool given;
	struct mark mark;
	struct view_list allow, deny;
	const struct entry *group;	/* NULL: none */
	struct view pam;
	bool root;
};

struct parse {
	struct tree t;
	const struct config_env *env;
	bool follow;		/* include is followed */
	bool incomplete;	/* a file is missing: what it may hold is not
				 * called unknown */
	struct top top[TOP_KEYS];
	struct entries groups, users;
	struct names seen_files, accounts;
	struct config_main main;
	struct names conditions;	/* bytes -> number, from 1 */
	struct wr condition_bytes;	/* a string each, in that order */
	struct config_decoy decoys[CONFIG_MAX_DECOYS];
	struct command_user *command_users;
	struct mark told;	/* the last fault of programs_check */
	struct wr uids;		/* of the users so far, 4 bytes each */
	struct wr records;	/* encoded users, in order of names */
	uint32_t *offsets;	/* of each in records */
	size_t nusers;
	struct host_parse host;
	struct wr host_record;	/* as in records, without a name */
};

/* ---- rows: one for each key of a mapping ---- */

struct key_row {
	const char *name;
	void (*parse)(struct parse *p, const struct key_row *row,
	    const struct node *v, const struct path *at, void *into);
	size_t offset;		/* of the field in `into` */
	uint64_t min, max;
	const char *allowed;	/* in words */
	unsigned id;
};
/* What row_walk met, by row->id. */
struct row_note {
	uint64_t given, bad;	/* 1 << id; bad: a fault has been told */
	struct mark *at;	/* of the value */
	const struct node **node;	/* the value; NULL: not kept */
};
/* Calls the row's parser for each key of v; unknown keys are faults.  note
 * may be NULL. */
void row_walk(struct parse *p, const struct node *v, const struct path *at,
    const struct key_row *rows, size_t n, void *into, struct row_note *note);
/* For a key that no row has: a fault that suggests the nearest. */
void row_unknown(struct parse *p, const struct node *key,
    const struct path *at, const struct key_row *rows, size_t n);

/* Parsers of single values into the field at row->offset. */
void row_number(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void row_ms(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void row_size(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void row_switch(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);

/* The text of a single value; else a fault "is a list; needs ALLOWED". */
bool row_text(struct parse *p, const struct node *v, const struct path *at,
    const char *allowed, struct view *out) MUST_CHECK;
/* A text over several lines, of at most max bytes. */
void row_long_text(struct parse *p, const struct node *v,
    const struct path *at, size_t max, struct view *out);
/* Is v a list of at most max entries?  Else a fault. */
bool row_is_list(struct parse *p, const struct node *v, const struct path *at,
    size_t max, const char *allowed) MUST_CHECK;
/* A list of texts that `check` accepts, without doubles. */
void row_texts(struct parse *p, const struct node *v, const struct path *at,
    size_t max, const char *allowed,
    bool (*check)(struct view v, const char **why_out), struct view_list *out);

/* ---- the steps, in this order ---- */

/* Reads path and what it includes. */
void files_load(struct parse *p, const char *path);
/* The same from memory; include is not followed. */
void files_load_text(struct parse *p, const char *name, struct view text);
/* Files the keys of one file's tree.  *include_out: the include key's value
 * or NULL. */
void schema_collect(struct parse *p, const struct node *root,
    const struct node **include_out);
/* Fills p->main. */
void schema_parse(struct parse *p);
/* ... by one top-level key, if it is given. */
void keys_parse(struct parse *p, enum top_key key, const struct path *at);
/* Reads host_accounts.  config_host.c. */
void host_parse(struct parse *p, const struct node *v, const struct path *at);
/* Fills p->records and p->main.methods. */
void users_parse(struct parse *p);
/* Appends the block; p has no fault. */
void config_encode(struct wr *out, const struct parse *p);

/* ---- accounts (config_account.c) ---- */

struct account {
	bool known;		/* else a fault has been told */
	uint32_t uid, gid;
	const uint32_t *groups;
	size_t ngroups;
	struct view name, home, shell;
};
/* {uid, gid, groups} or the name of a host account. */
void account_parse(struct parse *p, const struct node *v,
    const struct path *at, struct account *out);
void account_named(struct parse *p, struct view name, struct mark m,
    const struct path *at, struct account *out);

/* ---- penalties (config_penalties.c) ---- */

/* What is built in. */
void penalties_default(struct config_main *m);
/* off, on, or a mapping. */
void penalties_parse(struct parse *p, const struct node *v,
    const struct path *at);

/* config_parse for one text in memory, without include: for tests. */
bool config_parse_text(const char *name, struct view text,
    const struct config_env *env, struct wr *out, struct wr *faults)
    MUST_CHECK;

#endif
