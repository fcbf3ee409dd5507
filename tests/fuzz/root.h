/*
 * A directory of its own for what works on files: it is the root while one
 * input runs, and as new for each.  An input that crashes is left in it, and
 * it stays: /tmp/sftp-fuzz.*.
 */
#ifndef FUZZ_ROOT_H
#define FUZZ_ROOT_H

#include <stdbool.h>

/* Fills the directory (a file f with 16 bytes, its links l and h, a directory
 * d, a FIFO p) and goes there.  False: there is no chroot to be had, and only
 * what changes nothing may be tried. */
bool root_enter(void);
void root_leave(void);
/* The number of entries in the root; 5 as it is made. */
unsigned root_entries(void);

#endif
