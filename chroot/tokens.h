/*
 * How many password hashes run at a time: record locks on the bytes of one
 * file in memory.  The kernel gives a lock back when its holder dies, so no
 * token is ever lost.
 */
#ifndef CHROOT_TOKENS_H
#define CHROOT_TOKENS_H

#include "base/err.h"

#include <stdbool.h>

/* The file, close-on-exec, or -1. */
int tokens_new(void);
/* Takes one of n tokens, or says that all are taken. */
bool tokens_take(int fd, unsigned n, unsigned *token_out) MUST_CHECK;
void tokens_give(int fd, unsigned token);

#endif
