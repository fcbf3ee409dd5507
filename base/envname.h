/*
 * Names of environment variables: their shape, and those that no client and
 * no key may set, because they make programs load, run or believe something.
 */
#ifndef BASE_ENVNAME_H
#define BASE_ENVNAME_H

#include "base/buf.h"

#define ENV_NAME_MAX	64

/* Letters, digits and _, at most ENV_NAME_MAX, no digit first. */
bool env_name_ok(struct view name);
/* One of those that are never taken from outside, such as LD_PRELOAD, PATH,
 * BASH_ENV, and everything that is ours to set (HOME, SSH_*). */
bool env_name_never(struct view name);
/* Does the pattern (letters, digits, _, * and ?, a C string) take in one of
 * the most dangerous of them? */
bool env_pattern_never(const char *pattern);
/* May a client set this variable, as far as its name goes?  patterns: of the
 * user's policy. */
bool env_name_allowed(struct view name, const struct view *patterns,
    size_t npatterns);

#endif
