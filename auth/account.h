/*
 * Accounts of the host as the helper sallyport-account tells them: it asks
 * NSS in a process of its own and prints one line for each name,
 *
 *	NAME UID GID HOME SHELL GROUPS
 *	NAME -				no such account
 *
 * separated by one space each.  In NAME, HOME and SHELL every byte that is
 * not printable ASCII, a space or % is written %XX (upper-case hex); an empty
 * one is a lone %.  GROUPS are the numbers of all groups of the account, the
 * first one GID, with commas between.  Both ends of the line are in
 * account_line.c.
 */
#ifndef AUTH_ACCOUNT_H
#define AUTH_ACCOUNT_H

#include "base/buf.h"

#define ACCOUNT_GROUPS_MAX	65536
#define ACCOUNT_LINE_MAX	((size_t)1 << 20)
#define ACCOUNT_NAME_MAX	255

struct account {
	char *name;
	bool known;		/* false: nothing but the name is set */
	uint32_t uid, gid;
	char *home, *shell;
	uint32_t *groups;
	size_t ngroups;
};

/* Appends the line, with its end. */
void account_put(struct wr *w, const struct account *a);
/* Parses one line without its end.  On success the caller owns what is in
 * *out; false: malformed or no memory, *out is empty. */
bool account_get(struct view line, struct account *out) MUST_CHECK;
void account_clear(struct account *a);

/* Asks NSS; helper only.  Blocks.  *out: as account_get; an account that is
 * not there is OK and not known.  ERR_NOMEM, ERR_LIMIT. */
enum err account_resolve(const char *name, struct account *out) MUST_CHECK;

/* Reads a host's name from the socket, asks NSS and sends the addresses that
 * it stands for (put_addresses), perhaps none; helper only.  Blocks.  The exit
 * status. */
int account_lookup(int sock);

#endif
