/*
 * What there is to prove for a user, for the operator who asks: the same keys
 * and files as at a login, looked at without a client.
 */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/file.h"
#include "auth/home.h"
#include "auth/internal.h"
#include "auth/keys.h"
#include "auth/known_hosts.h"
#include "auth/records.h"

#define KEYS_MAX	256	/* that are looked at */
#define ANY_NUMBER	UINT_MAX	/* of different proofs */

struct describe {
	const struct auth_question *q;
	const struct auth_hearer *to;
	struct match_addr addr;
	unsigned found;			/* different proofs */
	unsigned looked;
	char fp[KEYS_MAX][SSHKEY_FP_MAX];	/* of those found */
	struct ak_line line;
	struct wr blob;
	struct keys_record uses;
};

static void say(struct describe *d, bool good, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

static void
say(struct describe *d, bool good, const char *fmt, ...)
{
	char text[AUTH_DESCRIBE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->to->say(d->to->ctx, good, text);
}

static void
found(struct describe *d, unsigned n)
{
	d->found = n > ANY_NUMBER - d->found ? ANY_NUMBER : d->found + n;
}

/* ---- keys ---- */

/* What holds for a key wherever it is listed: sizes, revocation. */
static const char *
key_fault(struct describe *d)
{
	struct ssh_key *key = NULL;
	struct keys_query q = {
		.policy = d->q->policy, .addr = &d->addr, .now = d->q->now,
	};
	struct keys_answer a;

	if (ssh_key_parse_blob(wr_view(&d->blob), &key) != OK)
		return "key is of a type or size that is not supported";
	q.blob = ssh_key_blob(key);
	q.key = key;
	keys_find(&q, &a);
	ssh_key_free(&key);
	return a.refusal;
}

/* Why this listed key would not be taken; NULL: it would. */
static const char *
line_fault(struct describe *d)
{
	uint32_t flags = d->line.flags;
	const char *why;

	/* Who asks without an address wants to hear of all keys. */
	if (d->q->peer == NULL)
		d->line.flags &= ~(uint32_t)AK_FROM;
	why = keys_refusal(&d->line, &d->addr, d->q->now, d->q->policy);
	if (why == NULL && flags == d->line.flags)
		why = key_fault(d);
	return why;
}

static bool
counted_before(const struct describe *d, const char *fp)
{
	for (unsigned i = 0; i < d->found && i < KEYS_MAX; i++)
		if (strcmp(d->fp[i], fp) == 0)
			return true;
	return false;
}

/* When the key was used last, if anybody knows. */
static void
last_use(const struct describe *d, const char *fp, char *out, size_t n)
{
	const struct key_use *u = keys_record_find(&d->uses, fp);
	char when[32] = "?";
	struct tm tm;
	time_t t;

	out[0] = '\0';
	if (d->q->store == NULL)
		return;
	if (u == NULL) {
		snprintf(out, n, ", not used yet");
		return;
	}
	t = (time_t)u->at;
	if (gmtime_r(&t, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	snprintf(out, n, ", used %s from %s", when, u->src);
}

static void
read_uses(struct describe *d)
{
	const struct auth_store *store = d->q->store;
	struct wr w = wr_new(RECORD_MAX);

	if (store == NULL || store->read(store->ctx, RECORD_KEYS, RECORD_MAX,
	    &w) != OK || !get_keys_record(wr_view(&w), &d->uses))
		d->uses.n = 0;
	wr_free(&w);
}

static void
one_key(struct describe *d, const char *place)
{
	const struct ak_line *l = &d->line;
	char fp[SSHKEY_FP_MAX], use[160] = "";
	bool authority = (l->flags & AK_CERT_AUTHORITY) != 0;
	const char *why;

	if (!ak_blob_ok(l, &d->blob)) {
		say(d, false, "%s: malformed key", place);
		return;
	}
	ssh_key_fingerprint(wr_view(&d->blob), fp);
	why = authority ? NULL : line_fault(d);
	if (!authority)
		last_use(d, fp, use, sizeof(use));
	say(d, why == NULL, "%s%.*s %s%s%.*s, %s%s%s%s", authority ?
	    "certificates signed by " : "", (int)l->type.n,
	    (const char *)l->type.p, fp, l->comment.n != 0 ? " " : "",
	    (int)l->comment.n, (const char *)l->comment.p, place, use,
	    why != NULL ? ": " : "", why != NULL ? why : "");
	if (authority)
		found(d, ANY_NUMBER);
	else if (why == NULL && !counted_before(d, fp)) {
		if (d->found < KEYS_MAX)
			memcpy(d->fp[d->found], fp, sizeof(fp));
		found(d, 1);
	}
}

/* authority: of a file of ca_keys. */
static void
key_line(struct describe *d, struct view line, const char *file,
    uint64_t lineno, bool authority)
{
	char place[2 * PATH_MAX + 32];

	if (ak_blank(line) || d->looked > KEYS_MAX)
		return;
	snprintf(place, sizeof(place), "%s:%llu", file,
	    (unsigned long long)lineno);
	if (d->looked++ == KEYS_MAX)
		say(d, false, "%s: further keys are not looked at", place);
	else if (!ak_parse(line, &d->line))
		say(d, false, "%s: %s", place, d->line.why);
	else {
		if (authority)
			d->line.flags |= AK_CERT_AUTHORITY;
		one_key(d, place);
	}
}

static void
key_file(struct describe *d, struct view path, bool authority)
{
	struct wr text = wr_new(AK_FILE_MAX + FILE_READ_CHUNK);
	struct view home = d->q->policy->home;
	char name[2 * PATH_MAX];
	uint64_t lineno = 0;
	struct view rest, line;
	const char *why = "not a path";

	if (view_to_cstr(path, name, sizeof(name)))
		why = authority ? keys_read_file(name, 0, &text) :
		    keys_read_own(d->q->policy, path, &text);
	if (!authority && home_path(path))
		snprintf(name, sizeof(name), "%.*s%.*s", (int)home.n,
		    (const char *)home.p, (int)path.n - 2,
		    (const char *)path.p + 2);
	if (why != NULL)
		say(d, false, "%s: %s", name,
		    why[0] != '\0' ? why : "no such file");
	else
		for (rest = wr_view(&text); ak_next(&rest, &line);)
			key_line(d, line, name, ++lineno, authority);
	wr_free(&text);
}

/* Somebody else decides about things of this kind. */
static void
say_external(struct describe *d, const char *things)
{
	const struct policy_programs *p = &d->q->policy->programs;
	struct view who = p->decide.n != 0 ? p->decide.v[0] : p->url;

	say(d, true, "%s that %.*s allows", things, (int)who.n,
	    (const char *)who.p);
}

static void
describe_keys(struct describe *d)
{
	const struct policy *p = d->q->policy;
	char name[PATH_MAX];

	if (policy_external(p, AUTH_PUBLICKEY)) {
		say_external(d, "keys");
		found(d, ANY_NUMBER);
		return;
	}
	for (size_t i = 0; i < p->nkeys; i++)
		if (view_to_cstr(p->keys[i].file, name, sizeof(name)))
			key_line(d, p->keys[i].line, name, p->keys[i].lineno,
			    false);
	for (size_t i = 0; i < p->key_files.n; i++)
		key_file(d, p->key_files.v[i], false);
	for (size_t i = 0; i < p->ca_keys.n; i++)
		key_file(d, p->ca_keys.v[i], true);
	if (p->programs.keys.n != 0) {
		say(d, true, "keys that the program %.*s tells",
		    (int)p->programs.keys.v[0].n,
		    (const char *)p->programs.keys.v[0].p);
		found(d, ANY_NUMBER);
	} else if (p->nkeys == 0 && p->key_files.n == 0 && p->ca_keys.n == 0)
		say(d, false, "user has no keys");
}

/* ---- passwords and dialogues ---- */

/* Why a password is no use that has expired; *old_out: it has, and may be
 * changed.  The same functions as at a login, without a client. */
static const char *
expired_fault(const struct describe *d, bool *old_out)
{
	const struct auth_start start = {
		.policy = d->q->policy, .store = d->q->store,
		.now = d->q->now, .delay_secret = view_str("none"),
	};
	struct auth *a;
	const char *why;

	*old_out = false;
	if (d->q->store == NULL || (a = auth_new(&start)) == NULL)
		return NULL;
	if ((why = password_recall(a, &a->password)) == NULL &&
	    password_has_expired(a)) {
		*old_out = true;
		if (password_unchangeable(a) != NULL)
			why = "the user's password has expired and may not "
			    "be changed";
	}
	auth_free(&a);
	return why;
}

static void
describe_password(struct describe *d)
{
	const struct policy *p = d->q->policy;
	const char *why;
	bool old;

	if (p->pam.n != 0) {
		say(d, true, "what the PAM service %.*s takes", (int)p->pam.n,
		    (const char *)p->pam.p);
		found(d, ANY_NUMBER);
		return;
	}
	if (policy_external(p, AUTH_PASSWORD)) {
		say_external(d, "passwords");
		found(d, ANY_NUMBER);
		return;
	}
	why = password_fault(p);
	if (why == NULL)
		why = expired_fault(d, &old);
	say(d, why == NULL, "%s", why != NULL ? why : old ? "the user's "
	    "password, which has expired: a new one is asked for" :
	    "the user's password");
	if (why == NULL)
		found(d, ANY_NUMBER);
}

/* The password, unless it has been proved before, then a code. */
static void
describe_dialog(struct describe *d)
{
	const struct policy *p = d->q->policy;

	if (p->pam.n != 0) {
		describe_password(d);
		return;
	}
	if (p->programs.ask.n != 0) {
		say(d, true, "answers that the program %.*s takes",
		    (int)p->programs.ask.v[0].n,
		    (const char *)p->programs.ask.v[0].p);
		found(d, ANY_NUMBER);
		return;
	}
	if (p->password.n != 0 || d->q->step == 0 || !policy_has_totp(p))
		describe_password(d);
	else
		found(d, ANY_NUMBER);
	if (policy_has_totp(p))
		say(d, true, "a verification code%s", p->totp.recovery.n != 0 ?
		    " or a recovery code" : "");
}

/* Hosts are told by name: whether one of them signs nobody can say here. */
static void
describe_hosts(struct describe *d)
{
	const struct policy *p = d->q->policy;

	for (size_t i = 0; i < p->nknown_hosts; i++) {
		const struct policy_key *k = &p->known_hosts[i];
		struct known_line l;
		bool ok = known_parse(k->line, &l) &&
		    l.marker != KNOWN_REVOKED;

		say(d, ok, "%s %.*s, %.*s:%u", ok ? "the word of" :
		    "no word of", (int)l.hosts.n, (const char *)l.hosts.p,
		    (int)k->file.n, (const char *)k->file.p, k->lineno);
		if (ok)
			found(d, ANY_NUMBER);
	}
	for (size_t i = 0; i < p->known_hosts_files.n; i++) {
		say(d, true, "the word of the hosts in %.*s",
		    (int)p->known_hosts_files.v[i].n,
		    (const char *)p->known_hosts_files.v[i].p);
		found(d, ANY_NUMBER);
	}
}

unsigned
auth_describe(const struct auth_question *q, const struct auth_hearer *to)
{
	struct describe d = {
		.q = q, .to = to, .blob = wr_new(AK_LINE_MAX),
	};

	match_addr_of(q->peer, &d.addr);
	read_uses(&d);
	switch (q->method) {
	case AUTH_PUBLICKEY:
		describe_keys(&d);
		break;
	case AUTH_PASSWORD:
		describe_password(&d);
		break;
	case AUTH_KBDINT:
		describe_dialog(&d);
		break;
	case AUTH_HOSTBASED:
		describe_hosts(&d);
		break;
	case AUTH_NONE:
		say(&d, true, "nothing");
		found(&d, ANY_NUMBER);
		break;
	default:
		say(&d, false, "method is not supported");
	}
	wr_free(&d.blob);
	return d.found;
}
