/*
 * Opening what a client names: regular files and nothing else, and never a
 * wait.
 */
#ifndef SFTP_OPEN_H
#define SFTP_OPEN_H

#include <sys/stat.h>

#include "sftp/status.h"

/* Opens `name` in the directory `dir` (AT_FDCWD: where the process stands)
 * with these flags of open(2) and those that keep it from waiting.  -1 with a
 * status that says why not: what is there is no regular file, or errno. */
int open_regular(int dir, const char *name, int flags, mode_t mode,
    struct status *why_out);
/* The same for something whose kind is asked afterwards: a regular file or a
 * directory, with what fstat(2) says of it. */
int open_any(int dir, const char *name, struct stat *st_out,
    struct status *why_out);

#endif
