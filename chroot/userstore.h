/*
 * What is remembered of one user, for the login process: the files
 * NAME.KIND in the folder users/ of state_dir, under a lock of the user's
 * own, NAME.lock.
 */
#ifndef CHROOT_USERSTORE_H
#define CHROOT_USERSTORE_H

#include "auth/auth.h"

#define USERSTORE_NAME_MAX	64	/* bytes of a user's name */

struct userstore {
	struct auth_store ops;		/* to be given to auth_new */
	int dir, lock;
	char user[USERSTORE_NAME_MAX + 1];
};

/* dir: the folder users/, borrowed; -1: none.  False: nothing can be
 * remembered of such a user.  s must not move while ops is in use. */
bool userstore_init(struct userstore *s, int dir, struct view user)
    MUST_CHECK;

#endif
