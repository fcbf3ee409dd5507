#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_parse.h"
#include "base/host.h"
#include "base/messages.h"

/*
 * The block (numbers big-endian):
 *
 *	uint32	 magic and version
 *	string	 main: see put_main
 *	uint32	 n conditions; n strings: see base/place.h
 *	uint32	 n users
 *	uint32	 n offsets of the records, from the start of the records
 *	records	 to the end, one behind the other, ascending by name:
 *		 string name
 *		 uint32 n policies, at least 1; n strings (policy_encode)
 *		 uint32 n variants: uint32 conditions[3] (from 1; 0: none),
 *			uint32 policy (from 0)
 *
 * The first variant whose conditions all hold says which policy counts; if
 * there is none, the first policy does.
 */
#define MAGIC		0x53505901u	/* "SPY", version 1 */
#define METHODS_ALL	(((uint32_t)1 << AUTH_METHODS) - 1)

struct config {
	struct config_main main;
	struct config_listen listen[CONFIG_MAX_LISTEN];
	struct view host_keys[CONFIG_MAX_HOST_KEYS];
	struct config_decoy decoys[CONFIG_MAX_DECOYS];
	const uint8_t *offsets;		/* 4 bytes each */
	size_t nusers;
	struct view records;
	struct view *conditions;
	size_t nconditions;
	struct net_range exempt[PENALTIES_EXEMPT_MAX];
};

/* ---- writing ---- */

static void
put_listen(struct wr *w, const struct config_listen *l)
{
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;

	wr_str(w, l->text);
	if (l->addr.ss_family == AF_INET) {
		memcpy(&sin, &l->addr, sizeof(sin));
		wr_u8(w, 4);
		wr_bytes(w, view_of(&sin.sin_addr, 4));
		wr_u32(w, ntohs(sin.sin_port));
	} else {
		memcpy(&sin6, &l->addr, sizeof(sin6));
		wr_u8(w, 6);
		wr_bytes(w, view_of(&sin6.sin6_addr, 16));
		wr_u32(w, ntohs(sin6.sin6_port));
		wr_u32(w, sin6.sin6_scope_id);
	}
}

static void
put_main(struct wr *w, const struct config_main *m)
{
	wr_u32(w, (uint32_t)m->nlisten);
	for (size_t i = 0; i < m->nlisten; i++)
		put_listen(w, &m->listen[i]);
	wr_u32(w, (uint32_t)m->host_keys.n);
	for (size_t i = 0; i < m->host_keys.n; i++)
		wr_str(w, m->host_keys.v[i]);
	wr_str(w, m->server_user);
	wr_u32(w, m->server_uid);
	wr_u32(w, m->server_gid);
	wr_str(w, m->ident);
	wr_str(w, m->greeting);
	wr_str(w, m->banner);
	wr_bool(w, m->prefer_server_cipher);
	wr_str(w, m->kex);
	wr_str(w, m->host_key);
	wr_str(w, m->cipher);
	wr_str(w, m->mac);
	wr_str(w, m->compression);
	wr_str(w, m->state_dir);
	wr_str(w, m->control);
	penalties_config_put(w, &m->penalties, m->exempt, m->nexempt);
	wr_u32(w, m->keepalive_interval_ms);
	wr_u32(w, m->keepalive_count);
	put_limits(w, &m->limits);
	wr_u8(w, (uint8_t)m->log_to);
	wr_str(w, m->log_path);
	wr_bool(w, m->log_json);
	wr_u8(w, (uint8_t)m->log_level);
	wr_u32(w, m->methods);
	wr_bool(w, m->asks_code);
	wr_u32(w, (uint32_t)m->ndecoys);
	for (size_t i = 0; i < m->ndecoys; i++) {
		wr_u32(w, m->decoys[i].users);
		wr_str(w, m->decoys[i].policy);
	}
	wr_str(w, m->host.record);
	wr_str(w, m->host.allow);
	wr_str(w, m->host.deny);
	wr_bool(w, m->host.root);
}

void
config_encode(struct wr *out, const struct parse *p)
{
	size_t at;

	wr_u32(out, MAGIC);
	at = wr_open(out);
	put_main(out, &p->main);
	wr_close(out, at);
	wr_u32(out, (uint32_t)p->conditions.n);
	wr_bytes(out, wr_view(&p->condition_bytes));
	wr_u32(out, (uint32_t)p->nusers);
	for (size_t i = 0; i < p->nusers; i++)
		wr_u32(out, p->offsets[i]);
	wr_bytes(out, wr_view(&p->records));
	if (p->records.bad || p->condition_bytes.bad)
		out->bad = true;
}

/* ---- reading: nothing is believed ---- */

static void
get_listen(struct rd *r, struct config_listen *l)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	uint8_t family;
	struct view addr;
	uint32_t port;

	l->text = rd_text(r);
	family = rd_u8(r);
	addr = rd_bytes(r, family == 4 ? 4 : 16);
	port = rd_u32(r);
	if ((family != 4 && family != 6) || port == 0 || port > 65535)
		r->bad = true;
	if (family == 6)
		sin6.sin6_scope_id = rd_u32(r);
	if (r->bad)
		return;
	if (family == 4) {
		memcpy(&sin.sin_addr, addr.p, 4);
		sin.sin_port = htons((uint16_t)port);
		memcpy(&l->addr, &sin, sizeof(sin));
		l->len = sizeof(sin);
	} else {
		memcpy(&sin6.sin6_addr, addr.p, 16);
		sin6.sin6_port = htons((uint16_t)port);
		memcpy(&l->addr, &sin6, sizeof(sin6));
		l->len = sizeof(sin6);
	}
}

/* The lists go into the arrays of c. */
static void
get_lists(struct rd *r, struct config *c)
{
	struct config_main *m = &c->main;
	uint32_t n = rd_u32(r);

	if (n > CONFIG_MAX_LISTEN)
		r->bad = true;
	m->listen = c->listen;
	for (m->nlisten = 0; !r->bad && m->nlisten < n; m->nlisten++)
		get_listen(r, &c->listen[m->nlisten]);
	n = rd_u32(r);
	if (n > CONFIG_MAX_HOST_KEYS)
		r->bad = true;
	m->host_keys.v = c->host_keys;
	while (!r->bad && m->host_keys.n < n)
		c->host_keys[m->host_keys.n++] = rd_text(r);
}

/* A decoy is no way in: it has no account that anybody is served as. */
static bool
is_decoy(struct view bytes)
{
	struct policy *p = policy_decode(bytes);
	bool ok = p != NULL && p->uid == 0 && p->nauth == 0;

	policy_free(&p);
	return ok;
}

static void
get_decoys(struct rd *r, struct config *c)
{
	struct config_main *m = &c->main;
	uint32_t n = rd_u32(r);

	if (n > CONFIG_MAX_DECOYS)
		r->bad = true;
	m->decoys = c->decoys;
	for (; !r->bad && m->ndecoys < n; m->ndecoys++) {
		struct config_decoy *d = &c->decoys[m->ndecoys];

		d->users = rd_u32(r);
		d->policy = rd_str(r);
		if (!is_decoy(d->policy))
			r->bad = true;
	}
}

static bool
get_main(struct view v, struct config *c)
{
	struct config_main *m = &c->main;
	struct rd r = rd_of(v);
	uint8_t to, level;

	get_lists(&r, c);
	m->server_user = rd_text(&r);
	m->server_uid = rd_u32(&r);
	m->server_gid = rd_u32(&r);
	m->ident = rd_text(&r);
	m->greeting = rd_text(&r);
	m->banner = rd_text(&r);
	m->prefer_server_cipher = rd_bool(&r);
	m->kex = rd_text(&r);
	m->host_key = rd_text(&r);
	m->cipher = rd_text(&r);
	m->mac = rd_text(&r);
	m->compression = rd_text(&r);
	m->state_dir = rd_text(&r);
	m->control = rd_text(&r);
	m->exempt = c->exempt;
	penalties_config_get(&r, &m->penalties, c->exempt, &m->nexempt);
	m->keepalive_interval_ms = rd_u32(&r);
	m->keepalive_count = rd_u32(&r);
	get_limits(&r, &m->limits);
	to = rd_u8(&r);
	m->log_path = rd_text(&r);
	m->log_json = rd_bool(&r);
	level = rd_u8(&r);
	m->methods = rd_u32(&r);
	m->asks_code = rd_bool(&r);
	get_decoys(&r, c);
	m->host.record = rd_str(&r);
	m->host.allow = rd_str(&r);
	m->host.deny = rd_str(&r);
	m->host.root = rd_bool(&r);
	m->log_to = (enum log_target)to;
	m->log_level = (enum log_level)level;
	return rd_done(&r) && to <= LOG_TO_FILE && level <= LOG_DEBUG &&
	    (m->methods & ~METHODS_ALL) == 0;
}

static int
compare(struct view a, struct view b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n != 0 ? memcmp(a.p, b.p, n) : 0;

	if (c != 0)
		return c;
	return a.n < b.n ? -1 : a.n > b.n;
}

static struct rd
record(const struct config *c, size_t i)
{
	size_t at = get_u32(c->offsets + 4 * i);

	return rd_of(view_of(c->records.p + at, c->records.n - at));
}

/* One record, taken apart. */
struct user_record {
	struct view name;
	struct view policy[CONFIG_MAX_VARIANTS];
	size_t npolicies;
	struct {
		uint32_t condition[3], policy;
	} variant[CONFIG_MAX_VARIANTS];
	size_t nvariants;
};

static void
get_user(struct rd *r, struct user_record *u)
{
	uint32_t n;

	u->name = rd_text(r);
	n = rd_u32(r);
	if (n == 0 || n > CONFIG_MAX_VARIANTS)
		r->bad = true;
	for (u->npolicies = 0; !r->bad && u->npolicies < n; u->npolicies++)
		u->policy[u->npolicies] = rd_str(r);
	n = rd_u32(r);
	if (n > CONFIG_MAX_VARIANTS)
		r->bad = true;
	for (u->nvariants = 0; !r->bad && u->nvariants < n; u->nvariants++) {
		for (int i = 0; i < 3; i++)
			u->variant[u->nvariants].condition[i] = rd_u32(r);
		u->variant[u->nvariants].policy = rd_u32(r);
	}
}

/* Each policy decodes and has the user's name; each number is in range. */
static bool
rules_of(const struct config *c, struct view policy, struct host_rules *out)
{
	const struct config_host *h = &c->main.host;
	struct wr w = wr_new(1 << 20);
	struct host_rules again;
	bool ok;

	*out = (struct host_rules){ policy, h->allow, h->deny, h->root };
	put_host_rules(&w, out);
	ok = !w.bad && get_host_rules(wr_view(&w), &again);
	wr_free(&w);
	return ok;
}

static bool
check_user(const struct config *c, const struct user_record *u)
{
	struct policy *p;
	bool good = true;

	for (size_t i = 0; i < u->npolicies && good; i++) {
		p = policy_decode(u->policy[i]);
		good = p != NULL && view_eq(p->name, u->name);
		policy_free(&p);
	}
	for (size_t i = 0; i < u->nvariants && good; i++) {
		for (int k = 0; k < 3; k++)
			good = good &&
			    u->variant[i].condition[k] <= c->nconditions;
		good = good && u->variant[i].policy < u->npolicies;
	}
	return good;
}

/* Every record stands where its offset says, right behind the one before it,
 * and has a greater name. */
static bool
check_users(const struct config *c)
{
	struct rd all = rd_of(c->records);
	struct view last = { NULL, 0 };
	struct user_record u;

	for (size_t i = 0; i < c->nusers; i++) {
		if (get_u32(c->offsets + 4 * i) != c->records.n - all.n)
			return false;
		get_user(&all, &u);
		if (all.bad || u.name.n == 0 ||
		    (i != 0 && compare(last, u.name) >= 0) ||
		    !check_user(c, &u))
			return false;
		last = u.name;
	}
	return rd_done(&all);
}

/* A record without a name, if there is one, with rules that can be read. */
static bool
check_host(const struct config *c)
{
	struct rd r = rd_of(c->main.host.record);
	struct host_rules rules;
	struct user_record u;

	if (c->main.host.record.n == 0)
		return true;
	get_user(&r, &u);
	return rd_done(&r) && u.name.n == 0 && check_user(c, &u) &&
	    rules_of(c, u.policy[0], &rules);
}

static bool
get_conditions(struct rd *r, struct config *c)
{
	size_t n = rd_u32(r);

	if (r->bad || n > CONFIG_MAX_CONDITIONS || n > r->n / 4 ||
	    (c->conditions = calloc(n + 1, sizeof(*c->conditions))) == NULL)
		return false;
	for (c->nconditions = 0; c->nconditions < n; c->nconditions++) {
		c->conditions[c->nconditions] = rd_str(r);
		if (!condition_valid(c->conditions[c->nconditions]))
			return false;
	}
	return !r->bad;
}

struct config *
config_open(struct view block)
{
	struct config *c = calloc(1, sizeof(*c));
	struct rd r = rd_of(block);
	struct view v;

	if (c == NULL)
		return NULL;
	if (rd_u32(&r) != MAGIC)
		goto bad;
	v = rd_str(&r);
	if (!get_conditions(&r, c))
		goto bad;
	c->nusers = rd_u32(&r);
	if (r.bad || c->nusers > r.n / 4)
		goto bad;
	c->offsets = rd_bytes(&r, c->nusers * 4).p;
	c->records = rd_rest(&r);
	if (r.bad || !get_main(v, c) || !check_users(c) ||
	    !check_host(c))
		goto bad;
	return c;
bad:
	config_free(&c);
	return NULL;
}

void
config_free(struct config **c)
{
	if (*c != NULL)
		free((*c)->conditions);
	free(*c);
	*c = NULL;
}

const struct config_main *
config_main(const struct config *c)
{
	return &c->main;
}

size_t
config_nusers(const struct config *c)
{
	return c->nusers;
}

static bool
find_user(const struct config *c, struct view name, struct user_record *u)
{
	size_t low = 0, high = c->nusers, middle;
	struct rd r;
	int order;

	while (low < high) {
		middle = low + (high - low) / 2;
		r = record(c, middle);
		order = compare(name, rd_text(&r));
		if (order == 0) {
			r = record(c, middle);
			get_user(&r, u);
			return !r.bad;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

/* Does every condition of variant i hold? */
static bool
variant_holds(const struct config *c, const struct user_record *u, size_t i,
    const struct place *place)
{
	for (int k = 0; k < 3; k++) {
		uint32_t n = u->variant[i].condition[k];

		if (n != 0 && !condition_holds(c->conditions[n - 1], place))
			return false;
	}
	return true;
}

static struct view
policy_there(const struct config *c, const struct user_record *u,
    const struct place *place)
{
	for (size_t i = 0; place != NULL && i < u->nvariants; i++)
		if (variant_holds(c, u, i, place))
			return u->policy[u->variant[i].policy];
	return u->policy[0];
}

struct view
config_user(const struct config *c, struct view name,
    const struct place *place)
{
	struct user_record u;

	return find_user(c, name, &u) ? policy_there(c, &u, place) :
	    view_of(NULL, 0);
}

bool
config_host(const struct config *c, const struct place *place,
    struct host_rules *out)
{
	struct rd r = rd_of(c->main.host.record);
	struct user_record u;

	if (c->main.host.record.n == 0)
		return false;
	get_user(&r, &u);
	return rules_of(c, policy_there(c, &u, place), out);
}

/* ---- the whole run ---- */

/* After the files have been read. */
static bool
parse_trees(struct parse *p, struct wr *out, struct wr *faults)
{
	struct mark m = { 0, 1, 1 };
	bool good = false;

	schema_parse(p);
	users_parse(p);
	if (p->t.arena.bad || p->records.bad || p->uids.bad)
		tree_fault(&p->t, m, NULL, "is too large for the memory "
		    "there is; needs fewer users and keys");
	if (p->t.nfaults == 0) {
		config_encode(out, p);
		if (!(good = !out->bad))
			tree_fault(&p->t, m, NULL, "makes a table that is "
			    "too large; needs fewer users and keys");
	}
	tree_write_faults(&p->t, faults);
	wr_free(&p->records);
	wr_free(&p->condition_bytes);
	wr_free(&p->uids);
	wr_free(&p->host_record);
	tree_free(&p->t);
	return good;
}

static bool
parse_begin(struct parse *p, const struct config_env *env, size_t max)
{
	*p = (struct parse){ .env = env, .records = wr_new(max),
	    .condition_bytes = wr_new(max), .uids = wr_new(max),
	    .host_record = wr_new(max) };
	if (names_init(&p->t, &p->groups.index, 1024) &&
	    names_init(&p->t, &p->users.index, 16384) &&
	    names_init(&p->t, &p->accounts, 16384) &&
	    names_init(&p->t, &p->conditions, 1024) &&
	    names_init(&p->t, &p->seen_files, 1024))
		return true;
	tree_free(&p->t);
	return false;
}

bool
config_parse(const char *path, const struct config_env *env, struct wr *out,
    struct wr *faults)
{
	struct parse p;

	if (!parse_begin(&p, env, out->max))
		return false;
	files_load(&p, path);
	return parse_trees(&p, out, faults);
}

bool
config_parse_text(const char *name, struct view text,
    const struct config_env *env, struct wr *out, struct wr *faults)
{
	struct parse p;

	if (!parse_begin(&p, env, out->max))
		return false;
	files_load_text(&p, name, text);
	return parse_trees(&p, out, faults);
}
