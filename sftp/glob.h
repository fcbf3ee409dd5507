/*
 * Names that a pattern stands for, found in steps: a directory may be large,
 * and others are served by the same process meanwhile.
 */
#ifndef SFTP_GLOB_H
#define SFTP_GLOB_H

#include "base/buf.h"

/* All names found on the way, and their bytes; more is ERR_LIMIT. */
#define GLOB_NAMES_MAX	65536
#define GLOB_BYTES_MAX	((size_t)4 << 20)
/* Directory entries looked at in one step. */
#define GLOB_STEP	64

struct glob;
struct jail_policy;

/* The names for pattern (sftp/match.h, slashes between).  text: what stands
 * for itself if nothing is found.  base: where relative names begin, empty
 * for where the process stands; it is no part of what is found.  All borrowed
 * until glob_free.  NULL: no memory. */
struct glob *glob_new(const struct jail_policy *p, const char *base,
    const char *pattern, const char *text);
/* OK: glob_name tells; ERR_AGAIN: call it again; ERR_LIMIT, ERR_NOMEM. */
enum err glob_step(struct glob *g) MUST_CHECK;
/* Name i in order, valid until glob_free; NULL past the last.  There is one at
 * least. */
const char *glob_name(const struct glob *g, size_t i);
size_t glob_count(const struct glob *g);
void glob_free(struct glob **g);

/* name behind base, as above.  False: too long. */
bool glob_path(const char *base, const char *name, char out[], size_t n)
    MUST_CHECK;

#endif
