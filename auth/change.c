/*
 * Passwords of the configuration that their users replace (RFC 4252 8): when
 * one has expired or the user wants to, in the password method or in a
 * dialogue.  The new hash is kept in the state folder, with that of the
 * configuration which it replaces; once the operator sets another one there,
 * it counts no more.
 */
#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/internal.h"
#include "auth/records.h"
#include "base/crypto.h"

#define DIFFERENT_MIN	4	/* characters of a password that differ */

/* ---- what counts ---- */

/* Is the record about the hash that the configuration has now? */
static bool
replaces(const struct password_record *r, struct view hash)
{
	uint8_t print[HASH_MAX];

	return hash_once(HASH_SHA256, hash, print) &&
	    memcmp(print, r->replaces, RECORD_HASH) == 0;
}

const char *
password_recall(struct auth *a, struct password_own *out)
{
	struct wr w = wr_new(RECORD_MAX);
	const char *why = remember_read(a, RECORD_PASSWORD, &w);
	const struct policy *p = a->start.policy;
	struct view hash = p != NULL ? p->password : view_of(NULL, 0);
	struct password_record r;

	*out = (struct password_own){ .changed = 0 };
	if (why == NULL && wr_size(&w) != 0 && hash.n != 0) {
		if (!get_password_record(wr_view(&w), &r))
			why = remember_damage(RECORD_PASSWORD);
		else if (replaces(&r, hash)) {
			out->changed = r.changed;
			hash = r.hash;
		}
	}
	if (why == NULL && !view_to_cstr(hash, out->hash, sizeof(out->hash)))
		why = "user's password hash is locked or not supported";
	wr_free(&w);
	return why;
}

/* A change counts for a date from the day of the first warning on. */
bool
password_has_expired(const struct auth *a)
{
	const struct policy *p = a->start.policy;

	return p->password_expires != 0 &&
	    auth_now(a) >= p->password_expires &&
	    a->password.changed < p->password_expires -
	    (int64_t)p->password_warn;
}

const char *
password_unchangeable(const struct auth *a)
{
	const struct policy *p = a->start.policy;

	if (a->start.store == NULL)
		return "there is no state folder for a new password";
	if (p->password_change == PASSWORD_CHANGE_ON ||
	    (p->password_change == PASSWORD_CHANGE_EXPIRED &&
	    password_has_expired(a)))
		return NULL;
	return "password change is not allowed for this user";
}

void
password_warning(const struct auth *a, struct auth_step *step)
{
	const struct policy *p = a->start.policy;

	if (p->password_expires != 0 && a->password.changed <
	    p->password_expires - (int64_t)p->password_warn)
		auth_step_expires(a, step, "password", p->password_expires);
}

void
password_stuck(struct auth_step *step, const char *why)
{
	step->reason = why;
	auth_step_notice(step, "Your password could not be changed, the old "
	    "one still counts. Please ask the administrator.");
}

/* ---- what a new one must be ---- */

/* Characters of UTF-8: bytes that do not go on with one. */
static size_t
characters(struct view v)
{
	size_t n = 0;

	for (size_t i = 0; i < v.n; i++)
		n += (v.p[i] & 0xc0) != 0x80;
	return n;
}

static size_t
different(struct view v)
{
	bool seen[256] = { false };
	size_t n = 0;

	for (size_t i = 0; i < v.n; i++) {
		n += !seen[v.p[i]];
		seen[v.p[i]] = true;
	}
	return n;
}

static uint8_t
small(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* Letters of ASCII are the same in capitals. */
static bool
contains(struct view v, struct view name)
{
	for (size_t at = 0; name.n != 0 && at + name.n <= v.n; at++) {
		size_t i = 0;

		while (i < name.n && small(v.p[at + i]) == small(name.p[i]))
			i++;
		if (i == name.n)
			return true;
	}
	return false;
}

bool
password_fits(struct auth *a, struct view new, char *text, size_t n)
{
	const struct policy *p = a->start.policy;
	/* A short name is in many words. */
	bool named = p->name.n >= 3 ? contains(new, p->name) :
	    new.n == p->name.n && contains(new, p->name);

	text[0] = '\0';
	if (view_has_nul(new) || new.n > CRYPT_MAX_PASSPHRASE_SIZE - 1)
		snprintf(text, n, "That is too long.");
	else if (characters(new) < p->password_min)
		snprintf(text, n, "That is too short: it needs at least %u "
		    "characters.", p->password_min);
	else if (different(new) < DIFFERENT_MIN)
		snprintf(text, n, "That is the same over and over.");
	else if (named)
		snprintf(text, n, "That has your user name in it.");
	else if (password_hash_is(a, new, view_str(a->password.hash)))
		snprintf(text, n, "That is the old password.");
	return text[0] == '\0';
}

void
password_rules(const struct auth *a, char *text, size_t n)
{
	snprintf(text, n, "Choose a new password: at least %u characters, "
	    "not the old one, without your user name.",
	    a->start.policy->password_min);
}

/* ---- storing it ---- */

static bool
make_hash(struct auth *a, struct view new, char out[CRYPT_OUTPUT_SIZE])
{
	struct crypt_data *data = calloc(1, sizeof(*data));
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	char text[CRYPT_MAX_PASSPHRASE_SIZE];
	const char *got = NULL;
	bool ok = false;

	if (data != NULL && view_to_cstr(new, text, sizeof(text)) &&
	    crypt_gensalt_rn("$y$", 0, NULL, 0, setting,
	    sizeof(setting)) != NULL) {
		if (a->start.hash_slot != NULL)
			a->start.hash_slot(a->start.hash_ctx, true);
		got = crypt_rn(text, setting, data, (int)sizeof(*data));
		if (a->start.hash_slot != NULL)
			a->start.hash_slot(a->start.hash_ctx, false);
		a->work.hashes++;
	}
	if (got != NULL && got[0] != '*' &&
	    strlen(got) < CRYPT_OUTPUT_SIZE) {
		memcpy(out, got, strlen(got) + 1);
		ok = true;
	}
	wipe(text, sizeof(text));
	if (data != NULL)
		wipe(data, sizeof(*data));
	free(data);
	return ok;
}

/* Under the lock.  What was proved must still be what counts: somebody else
 * may have changed it meanwhile. */
static const char *
replace(struct auth *a, const char *hash)
{
	struct password_record r = { .hash = view_str(hash),
	    .changed = auth_now(a) };
	uint8_t print[HASH_MAX];
	struct password_own own;
	struct wr w = wr_new(RECORD_MAX);
	const char *why = password_recall(a, &own);

	if (why == NULL && strcmp(own.hash, a->password.hash) != 0)
		why = "password has been changed meanwhile";
	if (why == NULL && !hash_once(HASH_SHA256, a->start.policy->password,
	    print))
		why = "password could not be hashed";
	if (why == NULL) {
		memcpy(r.replaces, print, RECORD_HASH);
		put_password_record(&w, &r);
		why = remember_write(a, RECORD_PASSWORD, &w);
	}
	wipe(&own, sizeof(own));
	wr_free(&w);
	return why;
}

const char *
password_replace(struct auth *a, struct view new)
{
	char hash[CRYPT_OUTPUT_SIZE];
	const char *why = "password could not be hashed";
	struct log_ev e;

	if (make_hash(a, new, hash) && (why = remember_lock(a)) == NULL) {
		why = replace(a, hash);
		remember_unlock(a);
	}
	wipe(hash, sizeof(hash));
	if (why != NULL)
		return why;
	log_begin(&e, LOG_INFO, "password-changed");
	log_send(&e);
	return NULL;
}
