/*
 * Files in users' own homes, named %h/... in a policy.  Others may have had
 * their hands in there, so what counts is the whole way: each folder must
 * belong to root or to the user and be writable by nobody else (/tmp and its
 * like, where root's sticky bit keeps names in place, may be on the way).
 * Symbolic links are followed, each step from a directory descriptor to one
 * name in it; the same is asked of where they lead.  All of it is done with
 * the rights of the user, whose home may be out of root's reach.
 */
#ifndef AUTH_HOME_H
#define AUTH_HOME_H

#include "base/policy.h"

/* Is it such a path? */
bool home_path(struct view path);

/* As file_read of a public file of the user's; path: home_path. */
const char *home_read(const struct policy *p, struct view path, size_t max,
    struct wr *out);

#endif
