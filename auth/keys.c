#include <limits.h>
#include <string.h>

#include "auth/certs.h"
#include "auth/file.h"
#include "auth/home.h"
#include "auth/keys.h"
#include "auth/limits.h"
#include "base/crypto.h"
#include "base/envname.h"
#include "base/krl.h"

/* Opened where a user has no file of his own or does not exist: whoever
 * measures sees at least one open(2) in either case. */
#define DECOY	"/nonexistent/authorized_keys"

#define TEXT_MAX	(AK_FILE_MAX + FILE_READ_CHUNK)
#define LIST_MAX	(KRL_MAX + FILE_READ_CHUNK)

/* ---- what a line means ---- */

static const char *
command_refusal(const struct ak_line *l, uint32_t allow)
{
	return (l->flags & AK_COMMAND) == 0 ? NULL :
	    limits_command_fault(l->command, allow, LIMITS_KEY);
}

/* A key may set what the user's client may, no more. */
static const char *
env_refusal(const struct ak_line *l, const struct policy *p)
{
	for (size_t i = 0; i < l->nitems; i++) {
		struct view name = l->items[i].value;
		const uint8_t *eq;

		if (l->items[i].kind != AK_ENVIRONMENT)
			continue;
		if ((eq = memchr(name.p, '=', name.n)) != NULL)
			name.n = (size_t)(eq - name.p);
		if (!env_name_allowed(name, p->env.v, p->env.n))
			return "key option environment= sets a name that env "
			    "does not allow";
	}
	return NULL;
}

static const char *
from_refusal(const struct ak_line *l, const struct match_addr *addr)
{
	if ((l->flags & AK_FROM) == 0 ||
	    match_list(l->from, addr) == MATCH_YES)
		return NULL;
	return "key option from= does not match";
}

/* What is so whoever logs in, from wherever and whenever. */
static const char *
options_refusal(const struct ak_line *l)
{
	if ((l->flags & AK_TUNNEL) != 0)
		return "key option tunnel= is not supported";
	return NULL;
}

const char *
keys_never(const struct ak_line *l)
{
	if ((l->flags & AK_PRINCIPALS) != 0 &&
	    (l->flags & AK_CERT_AUTHORITY) == 0)
		return "key option principals= is for certificates";
	return options_refusal(l);
}

/* What holds for a key and for an authority alike. */
static const char *
line_refusal(const struct ak_line *l, const struct match_addr *addr,
    int64_t now, const struct policy *p)
{
	const char *why;

	if ((why = options_refusal(l)) != NULL)
		return why;
	if ((l->flags & AK_EXPIRY) != 0 && now > l->expiry)
		return "key has expired";
	if ((why = from_refusal(l, addr)) != NULL)
		return why;
	if ((why = env_refusal(l, p)) != NULL)
		return why;
	return command_refusal(l, p->allow);
}

const char *
keys_refusal(const struct ak_line *l, const struct match_addr *addr,
    int64_t now, const struct policy *p)
{
	if ((l->flags & AK_CERT_AUTHORITY) != 0)
		return "key is a certificate authority";
	if ((l->flags & AK_PRINCIPALS) != 0)
		return "key option principals= is for certificates";
	return line_refusal(l, addr, now, p);
}

/* What cannot be kept whole is not what was meant. */
static void
add_item(struct auth_limits *out, const struct ak_item *i)
{
	switch (i->kind) {
	case AK_ENVIRONMENT:
		if (!limits_env(out, i->value))
			out->deny = ~(uint32_t)0;
		break;
	case AK_PERMITOPEN:
		if (!limits_permit(&out->open, i->value, false))
			out->deny |= ALLOW_LOCAL_FORWARD;
		break;
	case AK_PERMITLISTEN:
		if (!limits_permit(&out->listen, i->value, true))
			out->deny |= ALLOW_REMOTE_FORWARD;
		break;
	default:
		break;
	}
}

struct auth_limits
keys_limits(const struct ak_line *l)
{
	static const struct {
		uint8_t permit;
		uint32_t deny;
	} rows[] = {
		{ AK_AGENT, ALLOW_AGENT },
		{ AK_PORT, ALLOW_LOCAL_FORWARD | ALLOW_REMOTE_FORWARD },
		{ AK_PTY, ALLOW_PTY },
		{ AK_X11, ALLOW_X11 },
	};
	struct auth_limits out = { 0 };

	out.restrict_all = (l->flags & AK_RESTRICT) != 0 && l->permit == 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if ((l->permit & rows[i].permit) == 0)
			out.deny |= rows[i].deny;
	if ((l->flags & AK_COMMAND) != 0)
		limits_command(&out, l->command);
	for (size_t i = 0; i < l->nitems; i++)
		add_item(&out, &l->items[i]);
	return out;
}

/* ---- files ---- */

_Static_assert(AK_FILE_MAX == 1 << 20 && KRL_MAX == 8 << 20,
    "what the reasons of file.c say");

const char *
keys_read_file(const char *path, uint32_t uid, struct wr *out)
{
	return file_read(path, uid, FILE_PUBLIC, AK_FILE_MAX, out);
}

/* A path of the operator's. */
static const char *
read_path(struct view path, uint32_t uid, size_t max, struct wr *out)
{
	char name[PATH_MAX];

	if (!view_to_cstr(path, name, sizeof(name)) || name[0] != '/')
		return "not an absolute path";
	return file_read(name, uid, FILE_PUBLIC, max, out);
}

const char *
keys_read_own(const struct policy *p, struct view path, struct wr *out)
{
	if (home_path(path))
		return home_read(p, path, AK_FILE_MAX, out);
	return read_path(path, p->uid, AK_FILE_MAX, out);
}

/* ---- the search ---- */

struct search {
	const struct keys_query *q;
	struct keys_answer *out;
	struct view base64;	/* that a line must hold: of the key or the
				 * authority.  Canonical, so text decides */
	bool authorities;	/* the lines are all authorities */
	struct view file;
	unsigned faults;
	struct wr scratch;
	struct ak_line line;
};

static void
tell_fault(struct search *s, uint64_t lineno, const char *why,
    struct view what)
{
	struct log_ev e;

	if (!s->q->tell_faults || s->faults++ >= KEYS_FAULTS_MAX)
		return;
	log_begin(&e, LOG_WARN, "authorized-keys");
	log_view(&e, "file", s->file);
	if (lineno != 0)
		log_num(&e, "line", lineno);
	log_str(&e, "reason", why);
	if (what.n != 0)
		log_view(&e, "option", what);
	log_send(&e);
}

/* Does the certificate name whom this authority may speak for? */
static bool
principal_ok(const struct search *s, const struct ak_line *l)
{
	const struct policy *p = s->q->policy;

	if ((l->flags & AK_PRINCIPALS) != 0)
		return certs_names_any(s->q->cert, l->principals);
	if (s->authorities && p->principals.n != 0)
		return certs_names_one(s->q->cert, &p->principals);
	return ssh_cert_names(s->q->cert, p->name);
}

/* The line names the key or its authority: what else does it say? */
static const char *
judge(const struct search *s, const struct ak_line *l)
{
	const struct keys_query *q = s->q;
	const char *why;

	if (q->cert == NULL)
		return keys_refusal(l, q->addr, q->now, q->policy);
	if (!s->authorities && (l->flags & AK_CERT_AUTHORITY) == 0)
		return "certificate's authority is listed as a key alone";
	if (!principal_ok(s, l))
		return "certificate names no principal that may log in here";
	why = line_refusal(l, q->addr, q->now, q->policy);
	if (why == NULL)
		why = certs_refusal(q->cert, q->addr, q->now,
		    q->policy->allow);
	return why;
}

/* A touch is needed unless everybody who has a say does without; more is
 * needed as soon as one asks for it. */
static uint8_t
flags_wanted(const struct search *s, const struct ak_line *l)
{
	bool no_touch = s->authorities || (l->flags & AK_NO_TOUCH) != 0;
	bool verify = (l->flags & AK_VERIFY) != 0;

	if (s->q->cert != NULL) {
		no_touch &= (s->q->cert->options & SSHCERT_NO_TOUCH) != 0;
		verify |= (s->q->cert->options & SSHCERT_VERIFY) != 0;
	}
	return (uint8_t)((no_touch ? 0 : SSH_SIG_TOUCH) |
	    (verify ? SSH_SIG_VERIFIED : 0));
}

static void
take_line(struct search *s, const struct ak_line *l)
{
	struct auth_limits *out = &s->out->limits, cert;

	*out = keys_limits(l);
	s->out->sig_flags = flags_wanted(s, l);
	/* It is good until and with that second. */
	s->out->expires = (l->flags & AK_EXPIRY) != 0 ? l->expiry + 1 : 0;
	if (s->q->cert == NULL)
		return;
	cert = certs_limits(s->q->cert);
	limits_add(out, &cert);
}

/* One line; true once the key may log in and the search is over. */
static bool
search_line(struct search *s, struct view line, uint64_t lineno)
{
	const struct keys_query *q = s->q;
	struct ak_line *l = &s->line;
	bool here = s->base64.n != 0 && line.n >= s->base64.n &&
	    memmem(line.p, line.n, s->base64.p, s->base64.n) != NULL;
	const char *why;

	/* Long lists: a line without the key's text is read for its faults
	 * alone, and that once. */
	if ((!here && !q->tell_faults) || ak_blank(line))
		return false;
	if (!ak_parse(line, l)) {
		tell_fault(s, lineno, l->why, l->what);
		if (here)
			s->out->refusal = "key is listed in a faulty line";
		return false;
	}
	if (q->tell_faults && !ak_blob_ok(l, &s->scratch))
		tell_fault(s, lineno, "malformed key", view_of(NULL, 0));
	if (!here || !view_eq(l->base64, s->base64))
		return false;
	why = judge(s, l);
	s->out->refusal = why;
	if (why == NULL)
		take_line(s, l);
	return why == NULL;
}

static bool
search_text(struct search *s, struct view text)
{
	struct view line;
	uint64_t n = 0;

	while (ak_next(&text, &line))
		if (search_line(s, line, ++n))
			return true;
	return false;
}

/* Of an authority or a list: root's. */
static const char *
read_named(struct search *s, struct view path, size_t max, struct wr *out)
{
	s->file = path;
	s->out->opens++;
	return read_path(path, 0, max, out);
}

static bool
search_file(struct search *s, struct view path, struct wr *text)
{
	const char *why;

	s->file = path;
	s->out->opens++;
	why = s->authorities ? read_path(path, 0, AK_FILE_MAX, text) :
	    keys_read_own(s->q->policy, path, text);

	if (why == NULL)
		return search_text(s, wr_view(text));
	/* A user need not have a file; an authority was named on purpose. */
	if (why[0] != '\0')
		tell_fault(s, 0, why, view_of(NULL, 0));
	else if (s->authorities)
		tell_fault(s, 0, "no such file", view_of(NULL, 0));
	return false;
}

static bool
ask_command(struct search *s)
{
	struct wr text = wr_new(KEYS_COMMAND_MAX);
	const char *why;
	bool found = false;

	if (s->q->command == NULL)
		return false;
	s->file = view_str("authorized_keys_command");
	if (!s->q->command(s->q->command_ctx, &text, &why))
		s->out->refusal = why;
	else if (s->q->policy != NULL)
		found = search_text(s, wr_view(&text));
	wr_free(&text);
	return found;
}

/* The authorities first, as OpenSSH has it: their files are the operator's,
 * not the user's. */
static bool
search_policy(struct search *s)
{
	const struct policy *p = s->q->policy;
	struct wr text = wr_new(TEXT_MAX);
	bool found = false;

	s->authorities = true;
	for (size_t i = 0; s->q->cert != NULL && i < p->ca_keys.n && !found;
	    i++)
		found = search_file(s, p->ca_keys.v[i], &text);
	s->authorities = false;
	for (size_t i = 0; i < p->nkeys && !found; i++) {
		s->file = p->keys[i].file;
		found = search_line(s, p->keys[i].line, p->keys[i].lineno);
	}
	for (size_t i = 0; i < p->key_files.n && !found; i++)
		found = search_file(s, p->key_files.v[i], &text);
	wr_free(&text);
	return found || ask_command(s);
}

/* ---- what holds for every key ---- */

static const char *
size_refusal(const struct keys_query *q)
{
	const struct ssh_key_sizes min = {
		q->policy->key_bits_rsa, q->policy->key_bits_ecdsa
	};

	if (q->key != NULL && !ssh_key_size_ok(q->key, &min))
		return "key is too short for this user";
	if (q->cert != NULL && !ssh_key_size_ok(q->cert->ca, &min))
		return "key of the certificate's authority is too short";
	return NULL;
}

/* One list; a list that cannot be used revokes everything. */
static const char *
list_refusal(struct search *s, struct view path,
    const struct krl_query *k, struct wr *list)
{
	const char *why = read_named(s, path, KRL_MAX, list);

	if (why != NULL) {
		tell_fault(s, 0, why[0] != '\0' ? why : "no such file",
		    view_of(NULL, 0));
		return "list of revoked keys cannot be read";
	}
	switch (krl_check(wr_view(list), k)) {
	case OK:
		return NULL;
	case ERR_DENIED:
		return "key is revoked";
	default:
		tell_fault(s, 0, "no list of revoked keys, or damaged",
		    view_of(NULL, 0));
		return "list of revoked keys cannot be read";
	}
}

/* Asked for keys that would be let in alone: what others cannot do with a
 * key costs the same whether or not there is such a list. */
static const char *
revocation(struct search *s)
{
	const struct ssh_cert *c = s->q->cert;
	struct krl_query k = { .key = s->q->blob };
	struct wr list = wr_new(LIST_MAX);
	const char *why = NULL;

	if (c != NULL) {
		k.ca = ssh_key_blob(c->ca);
		k.serial = c->serial;
		k.key_id = c->key_id;
	}
	for (size_t i = 0; i < s->q->policy->revoked_keys.n && why == NULL;
	    i++)
		why = list_refusal(s, s->q->policy->revoked_keys.v[i], &k,
		    &list);
	wr_free(&list);
	return why;
}

const char *
keys_barred(const struct keys_query *q, unsigned *opens)
{
	struct keys_answer out = { 0 };
	struct search s = { .q = q, .out = &out };
	const char *why = size_refusal(q);

	if (why == NULL)
		why = revocation(&s);
	*opens += out.opens;
	return why;
}

static void
open_decoy(struct keys_answer *out)
{
	struct wr text = wr_new(TEXT_MAX);

	(void)read_path(view_str(DECOY), 0, AK_FILE_MAX, &text);
	out->opens++;
	wr_free(&text);
}

static void
find(struct search *s)
{
	if (!search_policy(s))
		return;
	if ((s->out->refusal = size_refusal(s->q)) == NULL)
		s->out->refusal = revocation(s);
}

void
keys_find(const struct keys_query *q, struct keys_answer *out)
{
	struct wr base64 = wr_new(WR_DEFAULT_MAX);
	struct search s = {
		.q = q, .out = out, .scratch = wr_new(AK_LINE_MAX)
	};

	*out = (struct keys_answer){
		.refusal = q->cert == NULL ? "key is not listed" :
		    "certificate's authority is not listed"
	};
	crypto_base64_encode(q->cert == NULL ? q->blob :
	    ssh_key_blob(q->cert->ca), &base64);
	if (!base64.bad)
		s.base64 = wr_view(&base64);
	if (q->policy != NULL) {
		find(&s);
	} else {
		(void)ask_command(&s);
		out->refusal = "no such user";
	}
	if (s.faults > KEYS_FAULTS_MAX)
		log_msg(LOG_WARN, "authorized-keys", "%u more faults",
		    s.faults - KEYS_FAULTS_MAX);
	if (out->opens == 0)
		open_decoy(out);
	wr_free(&s.scratch);
	wr_free(&base64);
}
