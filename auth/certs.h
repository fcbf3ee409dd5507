/*
 * What a user certificate permits, once its authority is trusted (OpenSSH's
 * PROTOCOL.certkeys).  Who trusts which authority for whom is keys.c's.
 *
 *	force-command		"internal-sftp" alone, as command= of
 *				authorized_keys; otherwise refused
 *	source-address		enforced here
 *	verify-required		of keys on security tokens; a certificate of
 *				another key that demands it is refused
 *	anything else critical	refused
 *	permit-*		what is missing is taken from the session
 *	no-touch-required	as in authorized_keys
 *	any other extension	no effect
 */
#ifndef AUTH_CERTS_H
#define AUTH_CERTS_H

#include "auth/auth.h"
#include "auth/match.h"
#include "base/sshcert.h"

/* NULL if it permits a login now, else the static reason.  Which principals
 * it names is not looked at.  allow: enum policy_allow of the user. */
const char *certs_refusal(const struct ssh_cert *c,
    const struct match_addr *addr, int64_t now, uint32_t allow);
/* What it takes away from the session. */
struct auth_limits certs_limits(const struct ssh_cert *c);

/* Does it name one of these principals?  A comma-separated list; a list. */
bool certs_names_any(const struct ssh_cert *c, struct view list);
bool certs_names_one(const struct ssh_cert *c, const struct view_list *list);

#endif
