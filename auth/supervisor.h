/*
 * A process between the login and one that it starts: its children, that one
 * and all that it leaves behind, do not outlive it, and it does not outlive
 * the login's interest, however that ends.  A fork that never returns.
 *
 * On the control socket it says how its child ended, a wait status in four
 * bytes, and then ends what is left.  The login says single bytes, or closes
 * its end, which ends everything: SIGTERM, then after a while SIGKILL.
 */
#ifndef AUTH_SUPERVISOR_H
#define AUTH_SUPERVISOR_H

#include <sys/types.h>

#include "base/buf.h"

#define SUPERVISOR_GRACE_MS	500	/* from SIGTERM to SIGKILL */
#define SUPERVISOR_PATIENCE_MS	6000	/* the same, once told 'p' */

enum supervisor_word {
	SUPERVISOR_PATIENT = 'p',	/* what it does takes time to undo */
	SUPERVISOR_FREE = 'f'		/* let it go on alone: the supervisor
					 * ends at once, ending nothing */
};

struct supervisor {
	const char *title;	/* of the process */
	int ctl;		/* its end of the control socket */
	/* In the child of the supervisor; must not return.  Its descriptors
	 * are those of the login. */
	void (*run)(const void *ctx, pid_t supervisor);
	const void *ctx;
};
void supervisor_main(const struct supervisor *s) __attribute__((noreturn));

#endif
