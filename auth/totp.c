/*
 * Codes from a clock (RFC 6238) and recovery codes.  Each is good for one
 * login: what has been used is remembered, on disk, before anybody is let in.
 */
#include <limits.h>
#include <string.h>

#include "auth/file.h"
#include "auth/internal.h"
#include "auth/records.h"
#include "base/otp.h"

#define FILE_MAX	4096		/* bytes of a file with a secret */
#define CODE_MAX	64		/* characters, without blanks */
#define DECOY		"/nonexistent/totp"

/*
 * How many wrong codes somebody may give who knows all else that is asked
 * (RFC 6238 5.2, RFC 4226 7.3): 10 in five minutes leave a guess at six
 * digits less than one chance in a hundred for each day of trying.
 */
#define FAILURES_MAX	10
#define FAILURES_SECONDS 300

/* The code as it was typed, without the blanks between groups; empty if it
 * cannot be one. */
struct code {
	char text[CODE_MAX + 1];
	size_t n;
	bool digits;		/* all of it */
	size_t recovery;	/* number in front of the dash, or 0 */
};

/* What a good code uses up. */
struct use {
	bool step_used;
	uint64_t step;
	uint8_t recovery[HASH_MAX];	/* SHA-256 of its hash */
};

static struct code
squeeze(struct view given)
{
	struct code c = { .digits = true };

	for (size_t i = 0; i < given.n; i++) {
		if (given.p[i] == ' ')
			continue;
		if (c.n == CODE_MAX || given.p[i] == '\0') {
			wipe(&c, sizeof(c));
			return c;
		}
		c.digits &= given.p[i] >= '0' && given.p[i] <= '9';
		c.text[c.n++] = (char)given.p[i];
	}
	c.digits &= c.n != 0;
	return c;
}

/* "3-..." is for the third hash: so that one hash is computed for a code,
 * not one for each that there is. */
static size_t
recovery_number(const struct code *c)
{
	size_t n = 0, i = 0;

	for (; i < c->n && i < 2 && c->text[i] >= '0' && c->text[i] <= '9';
	    i++)
		n = n * 10 + (size_t)(c->text[i] - '0');
	return i != 0 && i < c->n && c->text[i] == '-' &&
	    n <= POLICY_RECOVERY_MAX ? n : 0;
}

/* ---- the secret ---- */

static void
tell_fault(struct auth *a, struct view file, const char *why)
{
	struct log_ev e;

	if (a->totp_told)
		return;
	a->totp_told = true;
	log_begin(&e, LOG_ERROR, "totp-secret");
	log_view(&e, "file", file);
	log_str(&e, "reason", why);
	log_send(&e);
}

/* The first line that is neither blank nor a comment. */
static struct view
first_line(struct view text)
{
	while (text.n != 0) {
		const uint8_t *nl = memchr(text.p, '\n', text.n);
		struct view line = { text.p, nl != NULL ?
		    (size_t)(nl - text.p) : text.n };

		text.n -= line.n + (nl != NULL);
		text.p += line.n + (nl != NULL);
		if (line.n != 0 && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n != 0 && line.p[0] != '#')
			return line;
	}
	return view_of(NULL, 0);
}

static const char *
read_secret(struct auth *a, struct view file, struct wr *out)
{
	struct wr text = wr_new(FILE_MAX + FILE_READ_CHUNK);
	char path[PATH_MAX];
	const char *why = "not an absolute path";

	a->work.opens++;
	if (view_to_cstr(file, path, sizeof(path)) && path[0] == '/')
		why = file_read(path, 0, FILE_SECRET, FILE_MAX, &text);
	if (why == NULL && !otp_secret(first_line(wr_view(&text)), out))
		why = "holds no secret in base32";
	if (why != NULL)
		tell_fault(a, file, why[0] != '\0' ? why : "no such file");
	wr_free(&text);
	return why != NULL ? "user's one-time secret cannot be read" : NULL;
}

static void
open_decoy(struct auth *a)
{
	struct wr text = wr_new(FILE_MAX + FILE_READ_CHUNK);

	a->work.opens++;
	(void)file_read(DECOY, 0, FILE_SECRET, FILE_MAX, &text);
	wr_free(&text);
}

/* The user's own secret, or one to compute with all the same. */
static const char *
load(struct auth *a, struct wr *secret, struct otp *o, unsigned *drift)
{
	static const enum hash_alg algs[] = {
		HASH_SHA1, HASH_SHA256, HASH_SHA512
	};
	const struct policy *p = a->start.policy;
	const char *why = NULL;

	*o = (struct otp){ view_str("a secret of nobody's"), HASH_SHA1, 6,
	    30 };
	*drift = 1;
	if (p != NULL && policy_has_totp(p)) {
		o->alg = algs[p->totp.hash];
		o->digits = p->totp.digits;
		o->period = p->totp.period;
		*drift = p->totp.drift;
	} else
		why = p == NULL ? "no such user" : "user has no codes";
	if (why == NULL && p->totp.file.n != 0)
		why = read_secret(a, p->totp.file, secret);
	else {
		open_decoy(a);
		if (why == NULL)
			wr_bytes(secret, p->totp.secret);
	}
	if (why == NULL && !secret->bad)
		o->secret = wr_view(secret);
	return secret->bad ? "out of memory" : why;
}

/* ---- is it right? ---- */

static bool
recovery_matches(struct auth *a, const struct code *c, struct use *use)
{
	const struct policy *p = a->start.policy;
	struct view hash = view_of(NULL, 0);

	if (p != NULL && c->recovery <= p->totp.recovery.n)
		hash = p->totp.recovery.v[c->recovery - 1];
	if (!password_hash_is(a, view_of(c->text, c->n), hash))
		return false;
	return hash_once(HASH_SHA256, hash, use->recovery);
}

static bool
matches(struct auth *a, const struct otp *o, unsigned drift,
    const struct code *c, struct use *use)
{
	*use = (struct use){ .step_used = c->digits };
	if (c->digits)
		return otp_find(o, view_of(c->text, c->n), auth_now(a), drift,
		    &use->step);
	return c->recovery != 0 && recovery_matches(a, c, use);
}

/* ---- has it been used? ---- */

static bool
listed(const struct totp_record *r, const uint8_t *hash)
{
	for (size_t i = 0; i < r->nused; i++)
		if (memcmp(r->used[i], hash, RECORD_HASH) == 0)
			return true;
	return false;
}

/* Forgets what the configuration has no more, so that there is room. */
static void
prune(const struct policy *p, struct totp_record *r)
{
	uint8_t hash[HASH_MAX];
	size_t kept = 0;
	bool there;

	for (size_t i = 0; i < r->nused; i++) {
		there = false;
		for (size_t k = 0; k < p->totp.recovery.n; k++)
			there |= hash_once(HASH_SHA256,
			    p->totp.recovery.v[k], hash) &&
			    memcmp(r->used[i], hash, RECORD_HASH) == 0;
		if (there)
			memmove(r->used[kept++], r->used[i], RECORD_HASH);
	}
	r->nused = kept;
}

static void
tell_recovery(struct auth *a, const struct totp_record *r,
    struct auth_step *step)
{
	size_t left = a->start.policy->totp.recovery.n - r->nused;
	struct log_ev e;

	log_begin(&e, LOG_WARN, "recovery-code");
	log_num(&e, "left", left);
	log_send(&e);
	auth_step_notice(step, "A recovery code has been used up; %zu %s "
	    "left.", left, left == 1 ? "is" : "are");
}

/* Takes the code into the record; NULL, or why it must not count. */
static const char *
take_use(struct auth *a, const struct use *use, struct totp_record *r)
{
	if (use->step_used) {
		if (use->step <= r->step)
			return "verification code has been used before";
		r->step = use->step;
		return NULL;
	}
	prune(a->start.policy, r);
	if (listed(r, use->recovery))
		return "recovery code has been used before";
	memcpy(r->used[r->nused++], use->recovery, RECORD_HASH);
	return NULL;
}

_Static_assert(RECORD_USED_MAX > POLICY_RECOVERY_MAX, "room for one more");

static const char *
save(struct auth *a, const struct totp_record *r)
{
	struct wr w = wr_new(RECORD_MAX);
	const char *why;

	put_totp_record(&w, r);
	why = remember_write(a, RECORD_TOTP, &w);
	wr_free(&w);
	return why;
}

static const char *
recall(struct auth *a, struct totp_record *r)
{
	struct wr w = wr_new(RECORD_MAX);
	const char *why = remember_read(a, RECORD_TOTP, &w);

	*r = (struct totp_record){ 0 };
	if (why == NULL && wr_size(&w) != 0 &&
	    !get_totp_record(wr_view(&w), r))
		why = remember_damage(RECORD_TOTP);
	wr_free(&w);
	return why;
}

/* Under the lock.  use NULL: the code was wrong. */
static const char *
decide(struct auth *a, const struct use *use, struct auth_step *step)
{
	const int64_t now = auth_now(a);
	struct totp_record r;
	const char *why = recall(a, &r), *unsaved;

	if (why != NULL)
		return why;
	if (now < r.since || now - r.since >= FAILURES_SECONDS)
		r.failures = 0;
	if (r.failures >= FAILURES_MAX)
		return "too many wrong verification codes";
	if (use == NULL) {
		if (r.failures++ == 0)
			r.since = now;
		why = "verification code is wrong";
	} else if ((why = take_use(a, use, &r)) == NULL)
		r.failures = 0;
	else
		return why;
	if ((unsaved = save(a, &r)) != NULL)
		return unsaved;
	if (use != NULL && !use->step_used)
		tell_recovery(a, &r, step);
	return why;
}

static const char *
settle(struct auth *a, const struct use *use, struct auth_step *step)
{
	const char *why = remember_lock(a);

	if (why != NULL)
		return why;
	why = decide(a, use, step);
	remember_unlock(a);
	return why;
}

bool
totp_accept(struct auth *a, struct view given, bool take,
    struct auth_step *step)
{
	struct wr secret = wr_new(OTP_SECRET_MAX + 1);
	struct code c = squeeze(given);
	struct otp o;
	struct use use;
	unsigned drift;
	bool good;

	c.recovery = c.digits ? 0 : recovery_number(&c);
	step->reason = load(a, &secret, &o, &drift);
	good = matches(a, &o, drift, &c, &use) && step->reason == NULL;
	if (step->reason == NULL && take)
		step->reason = settle(a, good ? &use : NULL, step);
	else if (step->reason == NULL && !good)
		step->reason = "verification code is wrong";
	wipe(&c, sizeof(c));
	wr_free(&secret);
	return good && step->reason == NULL;
}
