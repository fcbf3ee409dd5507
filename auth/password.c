#include <crypt.h>
#include <stdlib.h>
#include <string.h>

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

/* The user's own hash as a C string; false: there is none to check. */
static bool
own_hash(const struct policy *p, char *out, size_t n, const char **why)
{
	*why = "no such user";
	if (p == NULL)
		return false;
	*why = "user has no password";
	if (p->password.n == 0)
		return false;
	*why = "user's password hash is locked or not supported";
	if (!view_to_cstr(p->password, out, n))
		return false;
	switch (crypt_checksalt(out)) {
	case CRYPT_SALT_INVALID:
	case CRYPT_SALT_METHOD_DISABLED:
		return false;
	default:
		return true;
	}
}

const char *
password_fault(const struct policy *p)
{
	char hash[CRYPT_OUTPUT_SIZE];
	const char *why;
	bool own = own_hash(p, hash, sizeof(hash), &why);

	wipe(hash, sizeof(hash));
	return own ? NULL : why;
}

/* Refusals that look at nothing but the request, so that a long password
 * costs nobody anything. */
static const char *
shape_fault(struct view password)
{
	if (password.n == 0)
		return "empty password";
	if (password.n > PASSWORD_MAX)
		return "password is too long";
	return view_has_nul(password) ? "NUL in the password" : NULL;
}

bool
password_hash_is(struct auth *a, struct view given, struct view hash)
{
	char password[PASSWORD_MAX + 1], own[CRYPT_OUTPUT_SIZE];
	bool ran = false, same = false;

	if (shape_fault(given) != NULL ||
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

bool
password_matches(struct auth *a, struct view given, const char **why_out)
{
	char password[PASSWORD_MAX + 1], hash[CRYPT_OUTPUT_SIZE];
	bool own, same = false, ran = false;

	if ((*why_out = shape_fault(given)) != NULL ||
	    !view_to_cstr(given, password, sizeof(password)))
		return false;
	own = own_hash(a->start.policy, hash, sizeof(hash), why_out);
	if (own) {
		same = hash_matches(a, password, hash, &ran);
		*why_out = ran ? "password is wrong" :
		    "user's password hash is not valid";
	}
	if (!ran)
		(void)hash_matches(a, password, DUMMY, &ran);
	wipe(password, sizeof(password));
	wipe(hash, sizeof(hash));
	return own && same;
}

void
auth_password(struct auth *a, const struct userauth_msg *m,
    struct auth_step *step)
{
	if (pam_service(a).n != 0)
		pam_password(a, m, step);
	else if (m->change)
		step->reason = "password change is not supported";
	else
		step->proved = password_matches(a, m->password,
		    &step->reason);
}
