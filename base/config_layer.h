/*
 * One layer of a policy: what a user, a group or `defaults` says itself.
 * Inside of config_*.c only.
 */
#ifndef BASE_CONFIG_LAYER_H
#define BASE_CONFIG_LAYER_H

#include "base/config_parse.h"

/*
 * A user's policy is looked up in layers: the user's own keys, those of its
 * group, those of defaults, and what is built in.  The nearest layer that has
 * a key gives its whole value; nothing is merged below a key.
 */
enum user_key {
	UK_GROUP, UK_ACCOUNT, UK_JAIL, UK_CREATE, UK_DIRS, UK_START, UK_UMASK,
	UK_ALLOW, UK_AUTH, UK_ENV, UK_FROM, UK_KEYS, UK_KEY_FILES,
	UK_PASSWORD, UK_PASSWORD_EXPIRES, UK_PASSWORD_WARN,
	UK_PASSWORD_CHANGE, UK_PASSWORD_MIN, UK_TOTP, UK_PAM,
	UK_CA_KEYS, UK_PRINCIPALS, UK_REVOKED_KEYS, UK_KNOWN_HOSTS,
	UK_KNOWN_HOSTS_FILES, UK_HOSTBASED_USERS,
	UK_KEY_BITS, UK_BANNER, UK_HOURS, UK_TIME_ZONE, UK_NOT_BEFORE,
	UK_EXPIRES, UK_SESSIONS, UK_WHEN, UK_IF, UK_SHELL, UK_COMMAND,
	UK_SET_ENV, UK_SUBSYSTEMS, UK_MOTD, UK_RESOURCES, UK_LINGER,
	UK_BUILTINS, UK_FORWARD, UK_X11,
	UK_COMMAND_USER, UK_COMMAND_TIMEOUT, UK_KEYS_COMMAND, UK_ASK,
	UK_AUTH_COMMAND, UK_AUTH_URL, UK_AUTH_URL_CA, UK_AUTH_URL_TOKEN,
	UK_AUTH_EXTERNAL, UK_ALL
};

struct layer {
	enum { LAYER_BUILTIN, LAYER_DEFAULTS, LAYER_GROUP, LAYER_USER } kind;
	struct row_note note;		/* by enum user_key */
	struct mark at[UK_ALL];
	const struct node *node[UK_ALL];
	struct view name;		/* of a group */
	const struct layer *group;	/* users only */
	unsigned block;			/* of when, from 1; 0: the layer */
	uint32_t condition;		/* blocks: number of the if */
	const struct layer *when;	/* blocks of this layer */
	size_t nwhen;
	struct account account;
	struct view jail, start, password, pam;
	bool create;
	struct view_list dirs, env, from, key_files;
	uint32_t umask, allow;
	struct policy_totp totp;
	struct calendar_date password_expires;
	uint32_t password_warn_ms, password_min;
	enum password_change password_change;
	const struct auth_chain *auth;
	size_t nauth;
	const struct policy_key *keys;
	size_t nkeys;
	struct view_list ca_keys, principals, revoked_keys;
	const struct policy_key *known_hosts;
	size_t nknown_hosts;
	struct view_list known_hosts_files, hostbased_users;
	uint32_t key_bits_rsa, key_bits_ecdsa;
	struct view banner, time_zone;
	const struct calendar_hours *hours;
	size_t nhours;
	struct calendar_date not_before, expires;
	uint32_t sessions;
	struct policy_run run;
	const struct policy_forward *forward, *x11;	/* a part of each */
	struct policy_programs programs;
};

struct user;

/* config_rules.c: parsers of user_rows. */
void rules_banner(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void rules_hours(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void rules_time_zone(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void rules_date(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void rules_sessions(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);

/* config_pam.c: the name of a PAM service; empty after "none" or a fault. */
void layer_pam(struct parse *p, const struct node *v, const struct path *at,
    const char *allowed, struct view *out);
/* ... and which of password and pam counts for a user. */
void pam_user(struct parse *p, const struct user *u, struct policy *out);

/* config_when.c: the same. */
void when_blocks(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void when_if(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);

/* A user, whose layers are laid together. */
struct user {
	struct view name;
	struct mark mark;
	const struct path *path;
	/* nearest first, blocks that hold before their layer, NULL where
	 * there is none; the last is built in */
	const struct layer *layer[7];
	/* It stands for all accounts of host_accounts: has no name and no
	 * account yet, and %u stays. */
	bool host;
};
/* config_host.c: what is particular about them. */
void host_user(const struct parse *p, const struct user *u,
    struct policy *out);
/* ... and their record; after all users. */
void host_finish(struct parse *p, const struct layer *builtin,
    const struct layer *defaults);
/* config_users.c: what the layers say together.  Faults are told. */
void user_policy(struct parse *p, const struct user *u, struct policy *out);
/* The layer that gives the key. */
const struct layer *user_pick(const struct user *u, enum user_key key);
/* Has a fault been told about the value that counts? */
bool user_is_bad(const struct user *u, enum user_key key);
/* Puts the user's name for %u. */
struct view user_expand(struct parse *p, const struct user *u,
    enum user_key key, struct view v);
struct view_list user_expand_all(struct parse *p, const struct user *u,
    enum user_key key, struct view_list l);
/* The moment of a date that may stand in another layer than the zone. */
int64_t user_moment(struct parse *p, const struct user *u, enum user_key key,
    const struct calendar_date *d, bool end);
/* config_variants.c: adds the record of a user, whose layers own, own's group
 * and defaults (or NULL) have been parsed; u has all but its layers. */
void variants_add(struct parse *p, struct user *u, const struct layer *own,
    const struct layer *defaults);
/* config_programs.c: likewise. */
void programs_user(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void programs_argv(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void programs_url(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void programs_file(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void programs_methods(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
/* What one user's programs lack, told as faults at the key given. */
void programs_check(struct parse *p, const struct policy_programs *pr,
    struct mark m, const struct path *at);
/* After all users are known: nobody else may be the account of programs. */
void programs_finish(struct parse *p);
/* Remembers the user's account, and counts the kind of work that its logins
 * do among p->main.decoys. */
void programs_note(struct parse *p, const struct policy *pol,
    size_t users);

/* config_run.c: likewise. */
void run_path(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void run_command(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void run_set_env(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void run_subsystems(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void run_resources(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void run_builtins(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void run_linger(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
struct user;
/* Where the layer gives the key, for people. */
struct view run_written_at(struct parse *p, const struct layer *l,
    enum user_key key);
/* ... and what the layers say together. */
void run_user(struct parse *p, const struct user *u, struct policy *out);

/* config_forward.c: likewise. */
void forward_key(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void forward_x11_key(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void forward_user(struct parse *p, const struct user *u, struct policy *out);

/* Reads the keys of v; l is zeroed but for its kind. */
void layer_parse(struct parse *p, const struct node *v, const struct path *at,
    struct layer *l);
/* config_origin.c: tells env->origin of each key.  pol: what the layers make
 * together. */
void origin_tell(struct parse *p, const struct user *u,
    const struct policy *pol);
/* Is the value of this key a secret? */
bool origin_secret(enum user_key key);

/* The key as written in the YAML. */
const char *layer_key(enum user_key key);

/* Is the method (enum auth_method) one of the chain's? */
bool layer_chain_has(const struct auth_chain *c, int method);

/* Is it an absolute path in which %u and %% may stand?  As value_path. */
bool layer_template(struct view v, const char **why_out) MUST_CHECK;
/* Likewise a name, as value_principal. */
bool layer_name_template(struct view v, const char **why_out) MUST_CHECK;
/* Reads a list of lines of keys that fit `line`. */
void layer_lines(struct parse *p, const struct node *v,
    const struct path *at, const char *allowed,
    bool (*line)(struct view line, const char **why_out,
    char doubt_out[CONFIG_DOUBT_MAX]),
    const struct policy_key **out, size_t *n_out);
/* Does %u stand in it? */
bool layer_names_user(struct view v);

/* config_secrets.c: parsers of user_rows. */
void layer_totp(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void layer_password_change(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void layer_known_hosts(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void layer_known_hosts_files(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
void layer_hostbased_users(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into);
/* ... and what the layers say together; out has auth and password. */
void secrets_user(struct parse *p, const struct user *u, struct policy *out);

#endif
