#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "auth/account.h"

/* All groups of the account, the primary one first. */
static enum err
get_groups(const struct passwd *pw, struct account *out)
{
	_Static_assert(sizeof(gid_t) == sizeof(uint32_t), "gid_t");
	int room = 64, n;
	gid_t *g = NULL, *p;

	for (;; room *= 2) {
		if ((p = realloc(g, (size_t)room * sizeof(*g))) == NULL)
			break;
		g = p;
		n = room;
		if (getgrouplist(pw->pw_name, pw->pw_gid, g, &n) != -1) {
			out->groups = g;
			out->ngroups = (size_t)n;
			return OK;
		}
		if (room >= ACCOUNT_GROUPS_MAX)
			break;
	}
	free(g);
	return p == NULL ? ERR_NOMEM : ERR_LIMIT;
}

enum err
account_resolve(const char *name, struct account *out)
{
	const struct passwd *pw;
	enum err e = ERR_NOMEM;

	*out = (struct account){ 0 };
	if ((out->name = strdup(name)) == NULL)
		return ERR_NOMEM;
	if (name[0] == '\0' || strlen(name) > ACCOUNT_NAME_MAX)
		return OK;
	errno = 0;
	/* A directory that knows the account by another spelling would make
	 * two names of one person: not this name, then. */
	if ((pw = getpwnam(name)) == NULL || strcmp(pw->pw_name, name) != 0)
		return OK;
	out->uid = pw->pw_uid;
	out->gid = pw->pw_gid;
	out->home = strdup(pw->pw_dir != NULL ? pw->pw_dir : "");
	out->shell = strdup(pw->pw_shell != NULL ? pw->pw_shell : "");
	if (out->home != NULL && out->shell != NULL)
		e = get_groups(pw, out);
	out->known = e == OK;
	if (e != OK)
		account_clear(out);
	return e;
}
