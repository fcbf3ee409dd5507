/*
 * Where a path leads, without /proc: component by component, as the kernel
 * sees them from the root that the process has.
 */
#ifndef SFTP_RESOLVE_H
#define SFTP_RESOLVE_H

#include <limits.h>
#include <stdbool.h>

#include "base/err.h"

#define RESOLVE_LINKS_MAX	40	/* the kernel's own limit */

/* The absolute path of `path` without links, ".", ".." and double slashes.
 * The last component need not exist.  False: errno. */
bool resolve_path(const char *path, char out[PATH_MAX]) MUST_CHECK;

#endif
