#include <crypt.h>
#include <stdlib.h>
#include <string.h>

#include "auth/external.h"
#include "auth/pam.h"
#include "base/crypto.h"

/* Checked for whoever does not exist or has no hash of his own: of the kind
 * and cost that mkpasswd and passwd make today, of a random password that
 * nobody has kept.  It is never a way in, see auth_password. */
#define DUMMY	"$y$j9T$.OidpZbkPvyDfA02PBVo7/" \
		"$nO7t4XtDuiLyy9zbkwWmimK/LaK71s9.0yzFdkga0DB"

/* crypt(3) takes no more, whatever the hash; nor do we ever hash more than
 * USERAUTH_MAX_PASSWORD. */
#define PASSWORD_MAX	(CRYPT_MAX_PASSPHRASE_SIZE - 1)
_Static_assert(PASSWORD_MAX <= USERAUTH_MAX_PASSWORD, "password limit");

/* Does password hash to `hash`?  *ran_out: crypt(3) did its work. */
static bool
hash_matches(struct auth *a, const char *password, const char *hash,
    bool *ran_out)
{
	struct crypt_data *data = calloc(1, sizeof(*data));
	const char *got = NULL;
	bool same = false;

	*ran_out = false;
	if (data == NULL)
		return false;
	if (a->start.hash_slot != NULL)
		a->start.hash_slot(a->start.hash_ctx, true);
	got = crypt_rn(password, hash, data, (int)sizeof(*data));
	if (a->start.hash_slot != NULL)
		a->start.hash_slot(a->start.hash_ctx, false);
	if (got != NULL && got[0] != '*') {
		a->work.hashes++;
		*ran_out = true;
		same = crypto_equal(view_str(got), view_str(hash));
	}
	wipe(data, sizeof(*data));
	free(data);
	return same;
}

/* Can crypt(3) work with it? */
static const char *
hash_fault(const char *hash)
{
	switch (crypt_checksalt(hash)) {
	case CRYPT_SALT_INVALID:
	case CRYPT_SALT_METHOD_DISABLED:
		return "user's password hash is locked or not supported";
	default:
		return NULL;
	}
}

/* What there is to check, by the configuration alone. */
static const char *
no_hash(const struct policy *p)
{
	if (p == NULL)
		return "no such user";
	if (p->password.n == 0)
		return "user has no password";
	return NULL;
}

/* The hash that counts; false: there is none to check. */
static bool
own_hash(struct auth *a, struct password_own *out, const char **why)
{
	/* Nobody's is looked for as well. */
	const char *unread = password_recall(a, out);

	if ((*why = no_hash(a->start.policy)) == NULL &&
	    (*why = unread) == NULL)
		*why = hash_fault(out->hash);
	return *why == NULL;
}

const char *
password_fault(const struct policy *p)
{
	char hash[CRYPT_OUTPUT_SIZE];
	const char *why = no_hash(p);

	if (why == NULL)
		why = view_to_cstr(p->password, hash, sizeof(hash)) ?
		    hash_fault(hash) : "user's password hash is not valid";
	wipe(hash, sizeof(hash));
	return why;
}

/* Refusals that look at nothing but the request, so that a long password
 * costs nobody anything. */
static const char *
shape_fault(struct view password, size_t max)
{
	if (password.n == 0)
		return "empty password";
	if (password.n > max)
		return "password is too long";
	return view_has_nul(password) ? "NUL in the password" : NULL;
}

bool
password_hash_is(struct auth *a, struct view given, struct view hash)
{
	char password[PASSWORD_MAX + 1], own[CRYPT_OUTPUT_SIZE];
	bool ran = false, same = false;

	if (shape_fault(given, PASSWORD_MAX) != NULL ||
	    !view_to_cstr(given, password, sizeof(password)))
		return false;
	if (hash.n != 0 && view_to_cstr(hash, own, sizeof(own)))
		same = hash_matches(a, password, own, &ran);
	if (!ran)
		(void)hash_matches(a, password, DUMMY, &ran);
	wipe(password, sizeof(password));
	wipe(own, sizeof(own));
	return same;
}

static bool
own_matches(struct auth *a, struct view given, const char **why_out)
{
	char password[PASSWORD_MAX + 1];
	struct password_own own;
	bool has, same = false, ran = false;

	if ((*why_out = shape_fault(given, PASSWORD_MAX)) != NULL ||
	    !view_to_cstr(given, password, sizeof(password)))
		return false;
	has = own_hash(a, &own, why_out);
	if (has) {
		same = hash_matches(a, password, own.hash, &ran);
		*why_out = ran ? "password is wrong" :
		    "user's password hash is not valid";
	}
	if (!ran)
		(void)hash_matches(a, password, DUMMY, &ran);
	if (has && same)
		a->password = own;
	wipe(password, sizeof(password));
	wipe(&own, sizeof(own));
	return has && same;
}

bool
password_matches(struct auth *a, struct view given,
    struct auth_limits *limits, const char **why_out)
{
	if (!external_decides(a, AUTH_PASSWORD))
		return own_matches(a, given, why_out);
	*why_out = shape_fault(given, USERAUTH_MAX_PASSWORD);
	return *why_out == NULL &&
	    external_password(a, given, limits, why_out);
}

/* ---- the method ---- */

static void
ask_change(struct auth *a, struct auth_step *step, const char *why)
{
	char rules[256];

	password_rules(a, rules, sizeof(rules));
	wr_bytes(&step->payload, view_str(why));
	wr_bytes(&step->payload, view_str(" "));
	wr_bytes(&step->payload, view_str(rules));
	step->ask = ASK_CHANGE;
}

/* Whoever has stolen a password alone must not set another one, where more
 * is asked for and a dialogue can ask for the new one at the end. */
static bool
must_wait(const struct auth *a)
{
	return !chains_ends(&a->chains, AUTH_PASSWORD) &&
	    chains_behind(&a->chains, AUTH_PASSWORD, AUTH_KBDINT) &&
	    dialog_of(a) == &dialog_own;
}

static void
take_expired(struct auth *a, struct auth_step *step)
{
	if (password_unchangeable(a) != NULL)
		password_stuck(step, "password has expired and may not be "
		    "changed");
	else if (must_wait(a))
		step->proved = a->change_owed = true;
	else
		ask_change(a, step, "Your password has expired.");
}

/* The old one is right. */
static void
take_change(struct auth *a, struct view new, struct auth_step *step)
{
	char text[256];
	const char *why;

	if ((step->reason = password_unchangeable(a)) != NULL)
		return;
	if (must_wait(a))
		step->reason = "password change must wait for other proofs";
	else if (!password_fits(a, new, text, sizeof(text)))
		ask_change(a, step, text);
	else if ((why = password_replace(a, new)) != NULL)
		password_stuck(step, why);
	else
		step->proved = true;
}

static void
own_password(struct auth *a, const struct userauth_msg *m,
    struct auth_step *step)
{
	if (!password_matches(a, m->password, &step->limits, &step->reason) ||
	    auth_gate(a, AUTH_PASSWORD) != NULL)
		return;
	if (m->change) {
		take_change(a, m->new_password, step);
	} else if (password_has_expired(a)) {
		take_expired(a, step);
	} else {
		step->proved = true;
		password_warning(a, step);
	}
}

/* It is theirs who decide, and can be changed with them alone. */
static void
outside_password(struct auth *a, const struct userauth_msg *m,
    struct auth_step *step)
{
	if (m->change)
		step->reason = "password change is not supported";
	else
		step->proved = password_matches(a, m->password,
		    &step->limits, &step->reason);
}

void
auth_password(struct auth *a, const struct userauth_msg *m,
    struct auth_step *step)
{
	if (pam_service(a).n != 0)
		pam_password(a, m, step);
	else if (external_decides(a, AUTH_PASSWORD))
		outside_password(a, m, step);
	else
		own_password(a, m, step);
}
