#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/policy.h"

/*
 * Encoding, version 1 (all numbers big-endian, lists prefixed by a uint32
 * count, texts by a uint32 length):
 *
 *	byte	 version
 *	uint32	 sessions; boolean root
 *	string	 name
 *	uint32	 uid, gid; list of uint32 groups
 *	string	 account_name, home
 *	string	 jail; boolean create; list of string dirs; string start
 *	uint32	 umask, allow
 *	list of string env, from
 *	list of chains (byte n, n method bytes)
 *	list of keys (string line, string file, uint32 lineno)
 *	list of string key_files
 *	string	 password, totp's secret, file; byte hash, digits, drift;
 *		 uint32 period; list of string recovery
 *	uint64	 password_expires; uint32 password_warn;
 *		 byte password_change, password_min
 *	string	 pam, banner
 *	list of string ca_keys, principals, revoked_keys
 *	list of lines known_hosts, as keys; list of string
 *		 known_hosts_files, hostbased_users
 *	uint32	 key_bits_rsa, key_bits_ecdsa
 *	list of hours (byte days, uint32 minutes from << 16 | to)
 *	string	 time_zone
 *	uint64	 not_before, expires
 *	programs: uint32 uid, gid; list of uint32 groups; uint32 timeout_ms;
 *		 list of string keys, ask, decide; string url, url_ca,
 *		 url_token; uint32 methods
 *	string	 allow_at
 *	run: string shell, command; list of string pairs set_env,
 *		 subsystems; string motd; uint32 processes, files, cpu_s;
 *		 uint64 memory; boolean linger; uint32 builtins; string
 *		 builtins_at
 *	forward: boolean x11_localhost; uint32 x11_offset; boolean given; if
 *		 it is: list of string open, listen, unix_paths; uint32
 *		 unix_mask; boolean unix_unlink; string at
 */
#define VERSION_BYTE	1

/* How many entries a list may have: far above use, far below harm. */
#define MAX_LIST	65536

const char *
policy_allow_word(unsigned i)
{
	static const char *const words[] = {
		"sftp", "scp", "shell", "exec", "pty", "agent", "x11",
		"local-forward", "remote-forward",
	};

	return i < sizeof(words) / sizeof(words[0]) ? words[i] : NULL;
}

uint32_t
policy_allow_bit(struct view word)
{
	const char *w;

	for (unsigned i = 0; (w = policy_allow_word(i)) != NULL; i++)
		if (view_is(word, w))
			return (uint32_t)1 << i;
	return 0;
}

#define ALLOW_ALL \
	((((uint32_t)ALLOW_REMOTE_FORWARD << 1) - 1) | ALLOW_BUILTINS)

const char *
policy_builtin_word(unsigned i)
{
	static const char *const words[] = {
		"md5sum", "sha1sum", "sha256sum", "sha384sum", "sha512sum",
		"pwd", "cd", "echo",
	};

	return i < sizeof(words) / sizeof(words[0]) ? words[i] : NULL;
}

uint32_t
policy_builtin_bit(struct view word)
{
	const char *w;

	for (unsigned i = 0; (w = policy_builtin_word(i)) != NULL; i++)
		if (view_is(word, w))
			return (uint32_t)1 << i;
	return 0;
}

static const char *const method_names[AUTH_METHODS] = {
	[AUTH_NONE] = "none",
	[AUTH_PUBLICKEY] = "publickey",
	[AUTH_PASSWORD] = "password",
	[AUTH_KBDINT] = "keyboard-interactive",
	[AUTH_HOSTBASED] = "hostbased",
};

const char *
auth_method_name(enum auth_method m)
{
	return (unsigned)m < AUTH_METHODS ? method_names[m] : "unknown";
}

int
auth_method_find(struct view name)
{
	for (int i = 0; i < AUTH_METHODS; i++)
		if (view_is(name, method_names[i]))
			return i;
	return -1;
}

bool
policy_has_totp(const struct policy *p)
{
	return p->totp.secret.n != 0 || p->totp.file.n != 0;
}

bool
policy_external(const struct policy *p, enum auth_method m)
{
	const struct policy_programs *pr = &p->programs;

	return (pr->decide.n != 0 || pr->url.n != 0) &&
	    (pr->methods >> m & 1) != 0;
}

#define TEXT(s) { (const uint8_t *)(s), sizeof(s) - 1 }
static const struct view anywhere[] = { TEXT("*:*") };
static const struct view loopback[] = {
	TEXT("127.0.0.0/8:*"), TEXT("[::1]:*"),
};
static const struct view any_path[] = { TEXT("/") };

const struct policy_forward policy_forward_builtin = {
	.open = { anywhere, 1 }, .listen = { loopback, 2 },
	.unix_paths = { any_path, 1 }, .unix_mask = 0177,
	.x11_localhost = true, .x11_offset = 10, .at = TEXT("built in"),
};

/* ---- encoding ---- */

static void
put_count(struct wr *w, size_t n)
{
	if (n > MAX_LIST)
		w->bad = true;
	else
		wr_u32(w, (uint32_t)n);
}

static void
put_list(struct wr *w, struct view_list l)
{
	put_count(w, l.n);
	for (size_t i = 0; i < l.n; i++)
		wr_str(w, l.v[i]);
}

static void
put_totp(struct wr *w, const struct policy_totp *t)
{
	wr_str(w, t->secret);
	wr_str(w, t->file);
	wr_u8(w, t->hash);
	wr_u8(w, t->digits);
	wr_u8(w, t->drift);
	wr_u32(w, t->period);
	put_list(w, t->recovery);
}

static void
put_lines(struct wr *w, const struct policy_key *k, size_t n)
{
	put_count(w, n);
	for (size_t i = 0; i < n; i++) {
		wr_str(w, k[i].line);
		wr_str(w, k[i].file);
		wr_u32(w, k[i].lineno);
	}
}

static void
put_chains(struct wr *w, const struct policy *p)
{
	put_count(w, p->nauth);
	for (size_t i = 0; i < p->nauth; i++) {
		const struct auth_chain *c = &p->auth[i];

		if (c->n > POLICY_CHAIN_MAX) {
			w->bad = true;
			return;
		}
		wr_u8(w, c->n);
		wr_bytes(w, view_of(c->method, c->n));
	}
}

static void
put_numbers(struct wr *w, const uint32_t *v, size_t n)
{
	put_count(w, n);
	for (size_t i = 0; i < n; i++)
		wr_u32(w, v[i]);
}

static void
put_programs(struct wr *w, const struct policy_programs *p)
{
	wr_u32(w, p->uid);
	wr_u32(w, p->gid);
	put_numbers(w, p->groups, p->ngroups);
	wr_u32(w, p->timeout_ms);
	put_list(w, p->keys);
	put_list(w, p->ask);
	put_list(w, p->decide);
	wr_str(w, p->url);
	wr_str(w, p->url_ca);
	wr_str(w, p->url_token);
	wr_u32(w, p->methods);
}

static void
put_pairs(struct wr *w, const struct policy_pairs *l)
{
	put_count(w, l->n);
	for (size_t i = 0; i < l->n; i++) {
		wr_str(w, l->v[i].name);
		wr_str(w, l->v[i].value);
	}
}

static void
put_run(struct wr *w, const struct policy_run *p)
{
	wr_str(w, p->shell);
	wr_str(w, p->command);
	put_pairs(w, &p->set_env);
	put_pairs(w, &p->subsystems);
	wr_str(w, p->motd);
	wr_u32(w, p->processes);
	wr_u32(w, p->files);
	wr_u32(w, p->cpu_s);
	wr_u64(w, p->memory);
	wr_bool(w, p->linger);
	wr_u32(w, p->builtins);
	wr_str(w, p->builtins_at);
}

static void
put_forward(struct wr *w, const struct policy_forward *f)
{
	bool given = f->at.p != policy_forward_builtin.at.p;

	wr_bool(w, f->x11_localhost);
	wr_u32(w, f->x11_offset);
	wr_bool(w, given);
	if (!given)
		return;
	put_list(w, f->open);
	put_list(w, f->listen);
	put_list(w, f->unix_paths);
	wr_u32(w, f->unix_mask);
	wr_bool(w, f->unix_unlink);
	wr_str(w, f->at);
}

static void
put_hours(struct wr *w, const struct policy *p)
{
	put_count(w, p->nhours);
	for (size_t i = 0; i < p->nhours; i++) {
		wr_u8(w, p->hours[i].days);
		wr_u32(w, (uint32_t)p->hours[i].from << 16 | p->hours[i].to);
	}
	wr_str(w, p->time_zone);
	wr_u64(w, (uint64_t)p->not_before);
	wr_u64(w, (uint64_t)p->expires);
}

void
policy_encode(struct wr *w, const struct policy *p)
{
	wr_u8(w, VERSION_BYTE);
	wr_u32(w, p->sessions);
	wr_bool(w, p->root);
	wr_str(w, p->name);
	wr_u32(w, p->uid);
	wr_u32(w, p->gid);
	put_numbers(w, p->groups, p->ngroups);
	wr_str(w, p->account_name);
	wr_str(w, p->home);
	wr_str(w, p->jail);
	wr_bool(w, p->create);
	put_list(w, p->dirs);
	wr_str(w, p->start);
	wr_u32(w, p->umask);
	wr_u32(w, p->allow);
	put_list(w, p->env);
	put_list(w, p->from);
	put_chains(w, p);
	put_lines(w, p->keys, p->nkeys);
	put_list(w, p->key_files);
	wr_str(w, p->password);
	put_totp(w, &p->totp);
	wr_u64(w, (uint64_t)p->password_expires);
	wr_u32(w, p->password_warn);
	wr_u8(w, p->password_change);
	wr_u8(w, p->password_min);
	wr_str(w, p->pam);
	wr_str(w, p->banner);
	put_list(w, p->ca_keys);
	put_list(w, p->principals);
	put_list(w, p->revoked_keys);
	put_lines(w, p->known_hosts, p->nknown_hosts);
	put_list(w, p->known_hosts_files);
	put_list(w, p->hostbased_users);
	wr_u32(w, p->key_bits_rsa);
	wr_u32(w, p->key_bits_ecdsa);
	put_hours(w, p);
	put_programs(w, &p->programs);
	wr_str(w, p->allow_at);
	put_run(w, &p->run);
	put_forward(w, &p->forward);
}

struct policy
policy_decoy(const struct policy *p)
{
	return (struct policy){
		.umask = POLICY_NO_UMASK, .programs = p->programs,
		.pam = p->pam,
	};
}

bool
policy_runs_programs(const struct policy *p)
{
	return (p->allow & (ALLOW_SHELL | ALLOW_EXEC)) != 0 ||
	    p->run.subsystems.n != 0;
}

uint32_t
policy_peek_sessions(struct view bytes)
{
	struct rd r = rd_of(bytes);

	return rd_u8(&r) == VERSION_BYTE ? rd_u32(&r) : 0;
}

/* ---- decoding: the same walk twice, first to measure, then to fill ---- */

struct room {
	uint8_t *base;		/* NULL while measuring */
	size_t used;
};

/* n elements of `size` bytes from the room; NULL while measuring. */
static void *
take(struct room *m, size_t n, size_t size)
{
	const size_t to = alignof(max_align_t);
	void *p = m->base != NULL ? m->base + m->used : NULL;

	/* n is bounded by MAX_LIST and by the bytes there are. */
	m->used += (n * size + to - 1) / to * to;
	return p;
}

/* A count of things that take at least `least` bytes each. */
static size_t
get_count(struct rd *r, size_t least)
{
	uint32_t n = rd_u32(r);

	if (n > MAX_LIST || n > r->n / least) {
		r->bad = true;
		return 0;
	}
	return n;
}

static void
get_list(struct rd *r, struct room *m, struct view_list *l)
{
	struct view *v, s;

	l->n = get_count(r, 4);
	l->v = v = take(m, l->n, sizeof(*v));
	for (size_t i = 0; i < l->n; i++) {
		s = rd_text(r);
		if (v != NULL)
			v[i] = s;
	}
}

static void
get_totp(struct rd *r, struct room *m, struct policy_totp *t)
{
	t->secret = rd_str(r);
	t->file = rd_text(r);
	t->hash = rd_u8(r);
	t->digits = rd_u8(r);
	t->drift = rd_u8(r);
	t->period = rd_u32(r);
	get_list(r, m, &t->recovery);
	if (t->secret.n == 0 && t->file.n == 0)
		return;
	/* what otp.c can work with */
	if (t->hash > 2 || t->digits < 6 || t->digits > 8 || t->drift > 10 ||
	    t->period == 0)
		r->bad = true;
}

static const uint32_t *
get_numbers(struct rd *r, struct room *m, size_t *n_out)
{
	uint32_t *g, id;

	*n_out = get_count(r, 4);
	g = take(m, *n_out, sizeof(*g));
	for (size_t i = 0; i < *n_out; i++) {
		id = rd_u32(r);
		if (g != NULL)
			g[i] = id;
	}
	return g;
}

static void
get_argv(struct rd *r, struct room *m, struct view_list *l)
{
	get_list(r, m, l);
	if (l->n > POLICY_ARGV_MAX)
		r->bad = true;
}

static void
get_programs(struct rd *r, struct room *m, struct policy_programs *p)
{
	p->uid = rd_u32(r);
	p->gid = rd_u32(r);
	p->groups = get_numbers(r, m, &p->ngroups);
	p->timeout_ms = rd_u32(r);
	get_argv(r, m, &p->keys);
	get_argv(r, m, &p->ask);
	get_argv(r, m, &p->decide);
	p->url = rd_text(r);
	p->url_ca = rd_text(r);
	p->url_token = rd_text(r);
	p->methods = rd_u32(r);
}

static void
get_chains(struct rd *r, struct room *m, struct policy *p)
{
	struct auth_chain *a, c;

	p->nauth = get_count(r, 2);
	p->auth = a = take(m, p->nauth, sizeof(*a));
	for (size_t i = 0; i < p->nauth; i++) {
		c = (struct auth_chain){ .n = rd_u8(r) };
		if (c.n == 0 || c.n > POLICY_CHAIN_MAX) {
			r->bad = true;
			return;
		}
		for (size_t j = 0; j < c.n; j++)
			if ((c.method[j] = rd_u8(r)) >= AUTH_METHODS)
				r->bad = true;
		if (a != NULL)
			a[i] = c;
	}
}

static const struct policy_key *
get_lines(struct rd *r, struct room *m, size_t *n_out)
{
	struct policy_key *k, one;

	*n_out = get_count(r, 12);
	k = take(m, *n_out, sizeof(*k));
	for (size_t i = 0; i < *n_out; i++) {
		one.line = rd_text(r);
		one.file = rd_text(r);
		one.lineno = rd_u32(r);
		if (k != NULL)
			k[i] = one;
	}
	return k;
}

static void
get_pairs(struct rd *r, struct room *m, struct policy_pairs *l)
{
	struct policy_pair *v, one;

	l->n = get_count(r, 8);
	l->v = v = take(m, l->n, sizeof(*v));
	for (size_t i = 0; i < l->n; i++) {
		one.name = rd_text(r);
		one.value = rd_text(r);
		if (v != NULL)
			v[i] = one;
	}
}

static void
get_run(struct rd *r, struct room *m, struct policy_run *p)
{
	p->shell = rd_text(r);
	p->command = rd_text(r);
	get_pairs(r, m, &p->set_env);
	get_pairs(r, m, &p->subsystems);
	p->motd = rd_text(r);
	p->processes = rd_u32(r);
	p->files = rd_u32(r);
	p->cpu_s = rd_u32(r);
	p->memory = rd_u64(r);
	p->linger = rd_bool(r);
	p->builtins = rd_u32(r);
	p->builtins_at = rd_text(r);
}

static void
get_forward(struct rd *r, struct room *m, struct policy_forward *f)
{
	*f = policy_forward_builtin;
	f->x11_localhost = rd_bool(r);
	f->x11_offset = rd_u32(r);
	if (rd_bool(r)) {
		get_list(r, m, &f->open);
		get_list(r, m, &f->listen);
		get_list(r, m, &f->unix_paths);
		f->unix_mask = rd_u32(r);
		f->unix_unlink = rd_bool(r);
		f->at = rd_text(r);
	}
	if (f->open.n > POLICY_FORWARD_RULES ||
	    f->listen.n > POLICY_FORWARD_RULES ||
	    f->unix_paths.n > POLICY_FORWARD_RULES ||
	    f->unix_mask > 0777 || f->x11_offset > POLICY_X11_OFFSET_MAX)
		r->bad = true;
}

static void
get_hours(struct rd *r, struct room *m, struct policy *p)
{
	struct calendar_hours *h, one;
	uint32_t range;

	p->nhours = get_count(r, 5);
	p->hours = h = take(m, p->nhours, sizeof(*h));
	for (size_t i = 0; i < p->nhours; i++) {
		one.days = rd_u8(r);
		range = rd_u32(r);
		one.from = (uint16_t)(range >> 16);
		one.to = (uint16_t)range;
		if (h != NULL)
			h[i] = one;
	}
	p->time_zone = rd_text(r);
	p->not_before = (int64_t)rd_u64(r);
	p->expires = (int64_t)rd_u64(r);
}

static bool
decode(struct rd r, struct room *m, struct policy *p)
{
	if (rd_u8(&r) != VERSION_BYTE)
		return false;
	p->sessions = rd_u32(&r);
	p->root = rd_bool(&r);
	p->name = rd_text(&r);
	p->uid = rd_u32(&r);
	p->gid = rd_u32(&r);
	p->groups = get_numbers(&r, m, &p->ngroups);
	p->account_name = rd_text(&r);
	p->home = rd_text(&r);
	p->jail = rd_text(&r);
	p->create = rd_bool(&r);
	get_list(&r, m, &p->dirs);
	p->start = rd_text(&r);
	p->umask = rd_u32(&r);
	p->allow = rd_u32(&r);
	get_list(&r, m, &p->env);
	get_list(&r, m, &p->from);
	get_chains(&r, m, p);
	p->keys = get_lines(&r, m, &p->nkeys);
	get_list(&r, m, &p->key_files);
	p->password = rd_text(&r);
	get_totp(&r, m, &p->totp);
	p->password_expires = (int64_t)rd_u64(&r);
	p->password_warn = rd_u32(&r);
	p->password_change = rd_u8(&r);
	p->password_min = rd_u8(&r);
	p->pam = rd_text(&r);
	p->banner = rd_text(&r);
	get_list(&r, m, &p->ca_keys);
	get_list(&r, m, &p->principals);
	get_list(&r, m, &p->revoked_keys);
	p->known_hosts = get_lines(&r, m, &p->nknown_hosts);
	get_list(&r, m, &p->known_hosts_files);
	get_list(&r, m, &p->hostbased_users);
	p->key_bits_rsa = rd_u32(&r);
	p->key_bits_ecdsa = rd_u32(&r);
	get_hours(&r, m, p);
	get_programs(&r, m, &p->programs);
	p->allow_at = rd_text(&r);
	get_run(&r, m, &p->run);
	get_forward(&r, m, &p->forward);
	return rd_done(&r) && (p->allow & ~ALLOW_ALL) == 0 &&
	    p->password_change <= PASSWORD_CHANGE_ON &&
	    (p->umask <= 0777 || p->umask == POLICY_NO_UMASK);
}

struct policy *
policy_decode(struct view bytes)
{
	struct room m = { 0 };
	struct policy measured = { 0 }, *p;

	take(&m, 1, sizeof(*p));
	if (!decode(rd_of(bytes), &m, &measured))
		return NULL;
	if ((p = calloc(1, m.used)) == NULL)
		return NULL;
	m = (struct room){ .base = (uint8_t *)p };
	take(&m, 1, sizeof(*p));
	if (!decode(rd_of(bytes), &m, p))
		policy_free(&p);
	return p;
}

void
policy_free(struct policy **p)
{
	free(*p);
	*p = NULL;
}
