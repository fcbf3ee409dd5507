#include "base/config_parse.h"
#include "base/config_values.h"

#define SECOND	1000
#define HOUR	(3600 * SECOND)

/* ---- collecting: which top-level key came from which file ---- */

static const struct key_row top_rows[TOP_ALL] = {
	[TOP_LISTEN] = { .name = "listen" },
	[TOP_HOST_KEYS] = { .name = "host_keys" },
	[TOP_SERVER_USER] = { .name = "server_user" },
	[TOP_IDENT] = { .name = "ident" },
	[TOP_GREETING] = { .name = "greeting" },
	[TOP_BANNER] = { .name = "banner" },
	[TOP_ALGORITHMS] = { .name = "algorithms" },
	[TOP_KEEPALIVE] = { .name = "keepalive" },
	[TOP_LIMITS] = { .name = "limits" },
	[TOP_LOG] = { .name = "log" },
	[TOP_STATE_DIR] = { .name = "state_dir" },
	[TOP_CONTROL] = { .name = "control" },
	[TOP_PENALTIES] = { .name = "penalties" },
	[TOP_DEFAULTS] = { .name = "defaults" },
	[TOP_HOST_ACCOUNTS] = { .name = "host_accounts" },
	[TOP_INCLUDE] = { .name = "include" },
	[TOP_GROUPS] = { .name = "groups" },
	[TOP_USERS] = { .name = "users" },
};

static void
collect_entry(struct parse *p, struct entries *to, const struct item *i,
    const struct path *at)
{
	struct path here = { at, i->key->text, 0 };
	struct named *known = names_find(&to->index, i->key->text);
	struct entry *e;
	const char *why;

	if (known != NULL) {
		e = known->value;
		tree_fault(&p->t, i->key->mark, &here,
		    "given twice, first at %s; needs one",
		    tree_place(&p->t, e->mark));
		return;
	}
	if (!value_user_name(i->key->text, &why)) {
		tree_fault(&p->t, i->key->mark, &here, "%s %s",
		    tree_quote(&p->t, i->key->text), why);
		return;
	}
	if ((e = tree_take(&p->t, sizeof(*e))) == NULL)
		return;
	*e = (struct entry){ .name = i->key->text, .mark = i->key->mark,
	    .value = i->value };
	if (names_add(&p->t, &to->index, e->name, e) == NULL)
		return;
	if (to->last != NULL)
		to->last->next = e;
	else
		to->first = e;
	to->last = e;
	to->n++;
}

static void
collect_entries(struct parse *p, struct entries *to, const struct node *v,
    const char *key)
{
	struct path at = { NULL, view_str(key), 0 };

	if (node_is_null(v))
		return;
	if (v->kind != NODE_MAP) {
		tree_fault(&p->t, v->mark, &at,
		    "is %s; needs a mapping of names", node_word(v));
		return;
	}
	for (const struct item *i = v->first; i != NULL; i = i->next)
		collect_entry(p, to, i, &at);
}

static void
collect_key(struct parse *p, unsigned key, const struct item *i,
    const struct path *at)
{
	struct top *top = &p->top[key];

	if (top->value != NULL) {
		tree_fault(&p->t, i->key->mark, at,
		    "given twice, first at %s; needs one",
		    tree_place(&p->t, top->mark));
		return;
	}
	top->value = i->value;
	top->mark = i->key->mark;
}

void
schema_collect(struct parse *p, const struct node *root,
    const struct node **include_out)
{
	for (const struct item *i = root->first; i != NULL; i = i->next) {
		struct path at = { NULL, i->key->text, 0 };
		unsigned k = 0;

		while (k < TOP_ALL && !view_is(i->key->text, top_rows[k].name))
			k++;
		if (k == TOP_ALL)
			row_unknown(p, i->key, &at, top_rows, TOP_ALL);
		else if (k == TOP_INCLUDE)
			*include_out = i->value;
		else if (k == TOP_GROUPS)
			collect_entries(p, &p->groups, i->value, "groups");
		else if (k == TOP_USERS)
			collect_entries(p, &p->users, i->value, "users");
		else
			collect_key(p, k, i, &at);
	}
}

/* ---- the whole ---- */

static void
set_defaults(struct config_main *m, bool unprivileged)
{
	*m = (struct config_main){
		.state_dir = view_str(unprivileged ? NULL :
		    "/var/lib/sallyport"),
		.control = view_str(unprivileged ? NULL :
		    CONFIG_CONTROL),
		.prefer_server_cipher = true,
		.keepalive_interval_ms = 15 * SECOND,
		.keepalive_count = 4,
		.limits = {
			.connections = 10000,
			.unauthenticated = 256,
			.unauthenticated_per_source = 16,
			.login_grace_ms = 60 * SECOND,
			.auth_attempts = 6,
			.channels = 16,
			.forwards = 256,
			.rekey_bytes = (uint64_t)1 << 30,
			.rekey_time_ms = HOUR,
			.rekey_packets = (uint32_t)1 << 31,
			.park = true,
		},
		.log_to = LOG_TO_STDERR,
		.log_level = LOG_INFO,
	};
	penalties_default(m);
}

static void
require(struct parse *p, enum top_key key, const char *needs)
{
	struct path at = { NULL, view_str(top_rows[key].name), 0 };
	struct mark m = { 0, 1, 1 };

	if (p->top[key].value == NULL && !p->incomplete)
		tree_fault(&p->t, m, &at, "missing; needs %s", needs);
}

/* Can the descriptors of this process carry the connections? */
static void
check_connections(struct parse *p)
{
	const struct config_limits *l = &p->main.limits;
	struct path at = { NULL, view_str("limits"), 0 };
	struct mark m = p->top[TOP_LIMITS].mark;

	if (p->top[TOP_LIMITS].value == NULL)
		m = (struct mark){ 0, 1, 1 };
	if (p->env->max_connections != 0 &&
	    l->connections > p->env->max_connections)
		tree_warn(&p->t, m, &at, "connections is %u, but the limit "
		    "on open files (RLIMIT_NOFILE) carries %u; raise that "
		    "limit or use less", l->connections,
		    p->env->max_connections);
}

void
schema_parse(struct parse *p)
{
	set_defaults(&p->main, p->env->unprivileged);
	require(p, TOP_LISTEN, "a list of addresses with a port, such as "
	    "[\"0.0.0.0:22\"]");
	require(p, TOP_HOST_KEYS, "a list of private host key files");
	for (unsigned k = 0; k < TOP_KEYS; k++) {
		struct path at = { NULL, view_str(top_rows[k].name), 0 };
		uint32_t before = p->t.nfaults;

		keys_parse(p, k, &at);
		if (k == TOP_LIMITS && p->t.nfaults == before)
			check_connections(p);
	}
}
