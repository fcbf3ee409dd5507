/*
 * Accounts of the host that are no users of the configuration: who of them
 * may log in, and a policy that fits all of them, with %u for the name.  The
 * warden holds no more than that; a login makes one account's policy of it,
 * once sallyport-account has told who that is.
 */
#ifndef BASE_HOST_H
#define BASE_HOST_H

#include "base/policy.h"

#define HOST_RULES_MAX	256	/* names in allow, and in deny */

struct host_rules {
	struct view policy;	/* encoded; of nobody, %u not expanded */
	/* lists of strings: names, and @ with the name of a group */
	struct view allow, deny;
	bool root;		/* uid 0 may be */
};
void put_host_rules(struct wr *w, const struct host_rules *r);
bool get_host_rules(struct view b, struct host_rules *r) MUST_CHECK;

/*
 * Is the name let in by what can be said without knowing its groups?  False
 * if deny has it, or allow has neither it nor any group.
 */
bool host_may_be(const struct host_rules *r, struct view name);

struct host_account {
	struct view name, home, shell;
	uint32_t uid, gid;
	const uint32_t *groups;
	size_t ngroups;
	bool no_shell;		/* its shell runs nothing: SFTP alone */
};

/* Appends the encoded policy of this account.  NULL, or the static reason why
 * it cannot log in. */
const char *host_policy(const struct host_rules *r,
    const struct host_account *a, struct wr *out);

/* Appends v with name for %u and % for %%; a leading %h/ stays. */
void host_expand(struct wr *w, struct view v, struct view name);
/* Is it %h/ and more? */
bool host_in_home(struct view v);

#endif
