/*
 * auth_command and auth_url: somebody outside decides whether a proof is
 * good, in the place of the user's hash or keys.  What can be told of the
 * proof here is told first: a password's shape, a key's signature, size and
 * revocation.
 */
#ifndef AUTH_EXTERNAL_H
#define AUTH_EXTERNAL_H

#include "auth/offer.h"

/* Is a proof by this method decided outside?  Also for nobody. */
bool external_decides(const struct auth *a, int method);

/* Is it the user's password?  limits: what the session is then held to;
 * *why_out, static: why not. */
bool external_password(struct auth *a, struct view password,
    struct auth_limits *limits, const char **why_out) MUST_CHECK;

/* May the key of this request, whose signature is good if it has one, log the
 * user in?  Sets step to a proof, a usable key or a reason why not; a proof
 * comes with limits. */
void external_key(struct auth *a, const struct userauth_msg *m,
    struct auth_step *step);

#endif
