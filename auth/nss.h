/*
 * Who is it, if the configuration does not know?  Where accounts of the host
 * may log in, sallyport-account is asked about every name, also those of
 * users: what it finds counts for the others.
 */
#ifndef AUTH_NSS_H
#define AUTH_NSS_H

#include "auth/internal.h"

/* Once for a login, before the first proof; a->start.policy is there if the
 * account may log in. */
void nss_find(struct auth *a);
void nss_free(struct auth *a);

#endif
