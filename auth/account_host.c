#include <grp.h>
#include <shadow.h>
#include <string.h>
#include <time.h>

#include "auth/account_serve.h"

#define DAY 86400

static bool
in_group(const struct account *a, const char *name, bool unknown)
{
	const struct group *g = getgrnam(name);

	if (g == NULL)
		return unknown;
	for (size_t i = 0; i < a->ngroups; i++)
		if (a->groups[i] == g->gr_gid)
			return true;
	return false;
}

/*
 * Is the account, or with @ one of its groups, in the list?  unknown: what is
 * answered for a group that is not known, or cannot be looked up just now.
 */
static bool
listed(const struct account *a, struct view list, bool unknown)
{
	char name[256];
	struct view one;

	while (talk_rule_next(&list, &one)) {
		if (one.p[0] != '@') {
			if (view_is(one, a->name))
				return true;
			continue;
		}
		if (view_to_cstr(view_of(one.p + 1, one.n - 1), name,
		    sizeof(name)) && in_group(a, name, unknown))
			return true;
	}
	return false;
}

const char *
account_find(const char *user, const struct talk_find *f, struct account *out)
{
	const char *why = NULL;

	if (account_resolve(user, out) != OK)
		return "account cannot be looked up";
	if (!out->known)
		why = "no such user";
	else if (out->uid == 0 && !f->root)
		why = "uid 0 is not allowed";
	else if (listed(out, f->deny, true))
		why = "denied by host_accounts.deny";
	else if (!listed(out, f->allow, false))
		why = "not in host_accounts.allow";
	if (why != NULL)
		account_clear(out);
	return why;
}

/*
 * passwd -l and usermod -L put a ! before the hash, which stops passwords
 * alone; whoever locks an account means keys too.  A lone ! or * is how an
 * account looks that never had a password, and such log in by key.
 */
const char *
account_barred(const char *user)
{
	const struct spwd *sp = getspnam(user);
	const char *why = NULL;

	if (sp == NULL)
		return NULL;
	if (sp->sp_pwdp != NULL && sp->sp_pwdp[0] == '!' &&
	    sp->sp_pwdp[strspn(sp->sp_pwdp, "!*")] != '\0')
		why = "account is locked";
	else if (sp->sp_expire > 0 && time(NULL) / DAY >= sp->sp_expire)
		why = "account has expired";
	return why;
}
