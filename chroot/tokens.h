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
/* Waits for a token as long as there is somebody at the other end of `peer`;
 * false: there is not. */
bool tokens_wait(int fd, unsigned n, int peer, unsigned *token_out)
    MUST_CHECK;
/* Whoever hashes steps back behind all that is short, and comes forward again
 * afterwards: one by one, and in its own session's scheduling group, where the
 * kernel makes such.  Root only, as nobody else may come forward. */
void tokens_step_back(bool back);

#endif
