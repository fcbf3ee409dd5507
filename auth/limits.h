/*
 * What a verified key takes away from the session, or demands of it.
 */
#ifndef AUTH_LIMITS_H
#define AUTH_LIMITS_H

#include "auth/auth.h"

/* Why a forced command cannot be kept for a user with these rights: static,
 * by whose it is; NULL: it can. */
enum limits_source { LIMITS_KEY, LIMITS_CERT };
const char *limits_command_fault(struct view command, uint32_t allow,
    enum limits_source whose);
/* Demands it; limits_command_fault has found none. */
void limits_command(struct auth_limits *l, struct view command);
/* "NAME=value"; false: there is no more room. */
bool limits_env(struct auth_limits *l, struct view item) MUST_CHECK;
/* An end that is permitted; false: it is none, or there is no more room, so
 * that the direction must be denied whole. */
bool limits_permit(struct auth_permits *p, struct view item, bool listen)
    MUST_CHECK;
/* What the second proof says is added to the first. */
void limits_add(struct auth_limits *to, const struct auth_limits *l);

#endif
