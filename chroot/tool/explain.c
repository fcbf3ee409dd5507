/* sallyport explain: the policy of one user, where it comes from, and whether
 * and how that user could log in. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/config_values.h"
#include "base/host.h"
#include "chroot/generation.h"
#include "chroot/jail.h"
#include "chroot/tool/explain.h"
#include "chroot/tool/tool.h"

/* ---- what is asked ---- */

static bool
take_from(struct explanation *x, const char *text)
{
	struct sockaddr_in *in = (void *)&x->peer;
	struct sockaddr_in6 *in6 = (void *)&x->peer;

	x->from = text;
	memset(&x->peer, 0, sizeof(x->peer));
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1)
		x->peer.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1)
		x->peer.ss_family = AF_INET6;
	else {
		tool_complain("\"%s\" is not an address; use one such as "
		    "203.0.113.7 or 2001:db8::7", text);
		return false;
	}
	return true;
}

static bool
take_listen(struct explanation *x, const char *text)
{
	socklen_t n;
	const char *why;

	x->listen = text;
	if (value_listen(view_str(text), &x->local, &n, &why))
		return true;
	tool_complain("\"%s\" %s", text, why);
	return false;
}

static bool
take_time(struct explanation *x, const char *text)
{
	x->at = text;
	if (calendar_date_parse(view_str(text), &x->date))
		return true;
	tool_complain("\"%s\" is not a time; use one such as 2026-01-31 or "
	    "2026-01-31T08:00:00Z", text);
	return false;
}

/* TOOL_OK, or what the command returns. */
static int
read_words(struct explanation *x, bool *json, int argc, char **argv)
{
	static const struct option words[] = {
		{ "from", required_argument, NULL, 'F' },
		{ "listen", required_argument, NULL, 'l' },
		{ "at", required_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	bool good = true;
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "f:", words, NULL)) != -1) {
		if (c == 'f')
			x->file = optarg;
		else if (c == 'F')
			good = good && take_from(x, optarg);
		else if (c == 'l')
			good = good && take_listen(x, optarg);
		else if (c == 'a')
			good = good && take_time(x, optarg);
		else if (c == 'j')
			*json = true;
		else
			return TOOL_USAGE;
	}
	if (optind + 1 != argc)
		return TOOL_USAGE;
	x->user = argv[optind];
	return good ? TOOL_OK : TOOL_TOLD;
}

/* ---- what the configuration says ---- */

static void
take_origin(void *ctx, const struct config_origin *o)
{
	struct explanation *x = ctx;
	struct explain_key *k = &x->key[x->nkeys];

	if (x->nkeys == EXPLAIN_KEYS)
		return;
	k->file = o->file != NULL ? strdup(o->file) : NULL;
	k->group = view_dup(o->group);
	k->value = view_dup(o->value);
	if (k->group == NULL || k->value == NULL)
		return;
	k->o = *o;
	k->o.file = k->file;
	x->nkeys++;
}

/* Does a listener of the server take connections to `local`? */
static bool
is_ours(const struct sockaddr_storage *local, const struct config_listen *l)
{
	struct wr w = wr_new(256);
	struct place p;
	bool yes;

	place_of(NULL, (const void *)local, &p);
	wr_u32(&w, 0);
	wr_u32(&w, 1);
	condition_put_listen(&w, (const void *)&l->addr);
	yes = condition_holds(wr_view(&w), &p);
	wr_free(&w);
	return yes;
}

static void
take_place(void *ctx, const struct config_main *m, struct place *out)
{
	struct explanation *x = ctx;

	if (x->listen == NULL && m->nlisten != 0) {
		x->local = m->listen[0].addr;
		if (view_to_cstr(m->listen[0].text, x->listen_text,
		    sizeof(x->listen_text)))
			x->listen = x->listen_text;
	}
	for (size_t i = 0; i < m->nlisten; i++)
		x->listens = x->listens || is_ours(&x->local, &m->listen[i]);
	place_of(x->from != NULL ? (const void *)&x->peer : NULL,
	    (const void *)&x->local, out);
}

/* The policy's bytes in *block; TOOL_OK or TOOL_TOLD. */
static int
read_config(struct explanation *x, struct wr *block)
{
	char *helper = resolve_find_helper();
	const struct parse_how how = {
		.file = x->file, .unprivileged = geteuid() != 0,
		.helper = helper,
	};
	struct config_env env = parse_env(&how);
	struct wr faults = wr_new(PARSE_FAULTS_MAX);
	bool good;

	env.origin = take_origin;
	env.where = take_place;
	env.origin_ctx = x;
	env.whose = view_str(x->user);
	good = config_parse(x->file, &env, block, &faults) && !block->bad;
	if (!good)
		fwrite(wr_view(&faults).p, 1, wr_size(&faults), stderr);
	wr_free(&faults);
	free(helper);
	return good ? TOOL_OK : TOOL_TOLD;
}

/* Others than root may not look there. */
static void
open_users(struct explanation *x, const struct config_main *m)
{
	char path[PATH_MAX + 8];

	if (m->state_dir.n == 0 || m->state_dir.n >= PATH_MAX)
		return;
	snprintf(path, sizeof(path), "%.*s/users", (int)m->state_dir.n,
	    (const char *)m->state_dir.p);
	x->users = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	x->remembers = userstore_init(&x->store, x->users, view_str(x->user));
}

static int
find_policy(struct explanation *x, struct view block)
{
	struct config *c = config_open(block);
	struct host_rules rules;
	struct place place;
	struct view bytes;

	if (c == NULL) {
		tool_complain("%s: makes a table that cannot be read; this "
		    "is a fault of sallyport", x->file);
		return TOOL_TOLD;
	}
	take_place(x, config_main(c), &place);
	open_users(x, config_main(c));
	bytes = config_user(c, view_str(x->user), &place);
	x->nobody = "there is no such user";
	if (bytes.n == 0 && x->listens && config_host(c, &place, &rules))
		explain_host(x, &rules);
	config_free(&c);
	if (!x->listens) {
		tool_complain("%s: nothing listens at \"%s\"; use an address "
		    "of listen", x->file, x->listen);
		return TOOL_TOLD;
	}
	if (bytes.n != 0 && (x->policy = policy_decode(bytes)) == NULL) {
		tool_complain("out of memory");
		return TOOL_TOLD;
	}
	return TOOL_OK;
}

/* ---- could that user log in? ---- */

static void
add_fault(struct explanation *x, const char *key, const char *why)
{
	if (x->nfaults == EXPLAIN_FAULTS)
		return;
	x->fault[x->nfaults].key = key;
	x->fault[x->nfaults++].why = why;
}

/* Each rule alone, so that all that stand in the way are told. */
static void
judge_rules(struct explanation *x)
{
	const struct policy *p = x->policy;
	const struct sockaddr *peer = (const void *)&x->peer;
	const struct {
		const char *key;
		struct policy p;
	} rule[] = {
		{ "from", { .from = { p->from.v,
		    x->from != NULL ? p->from.n : 0 } } },
		{ "not_before", { .not_before = p->not_before } },
		{ "expires", { .expires = p->expires } },
		{ "hours", { .hours = p->hours, .nhours = p->nhours,
		    .time_zone = p->time_zone } },
	};
	const char *why;

	for (size_t i = 0; i < sizeof(rule) / sizeof(rule[0]); i++)
		if ((why = auth_refuses(&rule[i].p, peer, x->now)) != NULL)
			add_fault(x, rule[i].key, why);
}

/* A jail that is not there is made at the login, if the policy says so. */
static void
judge_jail(struct explanation *x)
{
	struct jail_spec spec = jail_spec_of(x->policy);
	char path[PATH_MAX];
	int fd = -1;

	/* Others than root may not look at what root is asked to serve. */
	if (x->policy->jail.n == 0 || geteuid() != 0)
		return;
	if (x->policy->create && view_to_cstr(x->policy->jail, path,
	    sizeof(path)) && access(path, F_OK) == -1)
		return;
	spec.create = false;
	if (jail_open(&spec, &fd, x->jail, sizeof(x->jail)) != OK)
		add_fault(x, "jail", x->jail);
	if (fd != -1)
		close(fd);
}

static void
take_line(void *ctx, bool good, const char *text)
{
	struct explain_step *s = ctx;
	void *more = realloc(s->line, (s->n + 1) * sizeof(s->line[0]));

	if (more == NULL)
		return;
	s->line = more;
	s->line[s->n].good = good;
	if ((s->line[s->n].text = strdup(text)) != NULL)
		s->n++;
}

static void
judge_step(struct explanation *x, struct explain_way *w,
    const struct auth_chain *c, size_t i)
{
	struct explain_step *s = &w->step[i];
	const struct auth_hearer to = { take_line, s };
	const struct auth_question q = {
		.policy = x->policy, .method = (enum auth_method)c->method[i],
		.step = i, .now = x->now,
		.peer = x->from != NULL ? (const void *)&x->peer : NULL,
		.store = x->remembers ? &x->store.ops : NULL,
	};
	unsigned need = 0;

	s->method = q.method;
	for (size_t k = 0; k <= i; k++)
		need += c->method[k] == c->method[i];
	s->could = auth_describe(&q, &to) >= need;
	w->could = w->could && s->could;
}

static void
forget_keys(struct explanation *x)
{
	while (x->nkeys != 0) {
		struct explain_key *k = &x->key[--x->nkeys];

		free(k->file);
		free(k->group);
		free(k->value);
	}
}

static void
judge(struct explanation *x)
{
	bool could = false;

	if (x->policy == NULL) {
		forget_keys(x);	/* of accounts of the host */
		add_fault(x, NULL, x->nobody);
		return;
	}
	judge_rules(x);
	judge_jail(x);
	for (size_t i = 0; i < x->policy->nauth && i < EXPLAIN_WAYS; i++) {
		struct explain_way *w = &x->way[x->nways++];

		w->could = true;
		w->nsteps = x->policy->auth[i].n;
		for (size_t k = 0; k < w->nsteps; k++)
			judge_step(x, w, &x->policy->auth[i], k);
		could = could || w->could;
	}
	if (!could)
		add_fault(x, "auth", "nothing is there to prove by any way");
	x->could = x->nfaults == 0;
}

static void
forget(struct explanation *x)
{
	forget_keys(x);
	for (size_t i = 0; i < x->nways; i++)
		for (size_t k = 0; k < x->way[i].nsteps; k++) {
			struct explain_step *s = &x->way[i].step[k];

			while (s->n != 0)
				free(s->line[--s->n].text);
			free(s->line);
		}
	if (x->policy != x->account.policy)
		policy_free(&x->policy);
	auth_account_free(&x->account);
	if (x->users != -1)
		close(x->users);
}

void
explain_way_name(const struct explain_way *w, char *out, size_t n)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < w->nsteps && at < n; i++)
		at += (size_t)snprintf(out + at, n - at, "%s%s",
		    i != 0 ? "+" : "", auth_method_name(w->step[i].method));
}

const struct explain_key *
explain_find(const struct explanation *x, const char *key)
{
	for (size_t i = 0; i < x->nkeys; i++)
		if (strcmp(x->key[i].o.key, key) == 0)
			return &x->key[i];
	return NULL;
}

int
tool_explain(int argc, char **argv)
{
	struct explanation *x = calloc(1, sizeof(*x));
	struct wr block = wr_new(PARSE_BLOCK_MAX);
	bool json = false;
	int e;

	if (x == NULL)
		return tool_complain("out of memory");
	x->file = TOOL_CONFIG;
	x->users = -1;
	x->now = time(NULL);
	if ((e = read_words(x, &json, argc, argv)) == TOOL_OK &&
	    (e = read_config(x, &block)) == TOOL_OK &&
	    (e = find_policy(x, wr_view(&block))) == TOOL_OK) {
		if (x->at != NULL && !calendar_date_moment(&x->date,
		    x->policy != NULL ? x->policy->time_zone :
		    view_of(NULL, 0), false, &x->now))
			x->now = time(NULL);
		judge(x);
		(json ? explain_json : explain_text)(x, stdout);
		e = x->could ? TOOL_OK : TOOL_FAILED;
	}
	forget(x);
	wr_free(&block);
	free(x);
	return e;
}
