/*
 * Passwords and dialogues that PAM decides, through sallyport-account.  For
 * somebody who may not log in now, or does not exist, the same service is
 * asked with answers that are nobody's: what a module does with a right one
 * stays unheard.
 */
#ifndef AUTH_PAM_H
#define AUTH_PAM_H

#include "auth/helper.h"

/* The service that this login asks, empty: none.  Also for nobody. */
struct view pam_service(const struct auth *a);

/* The method `password`, change requests too (RFC 4252 8). */
void pam_password(struct auth *a, const struct userauth_msg *m,
    struct auth_step *step);
extern const struct dialog dialog_pam;

/* The account phase, for somebody who has proved all that was asked of him,
 * unless it was done then.  NULL, and what modules say is added to notice, or
 * why not; valid while a is. */
const char *pam_account(struct auth *a, struct wr *notice);
/* The one whose attempt was proved last, NULL: none. */
struct helper *pam_helper(const struct auth *a);

/* A helper that has heard HELLO alone, for who asks it about the account; the
 * next attempt with the same service goes on with it.  NULL: *why_out. */
struct helper *pam_prepare(struct auth *a, struct view service,
    const char **why_out);

/* A request came that does not go on with what was begun. */
void pam_forget(struct auth *a);
void pam_free(struct auth *a);

#endif
