/*
 * What ps(1) shows.  Linux reads it from where main's arguments were, so the
 * room is what arguments and environment took.
 */
#ifndef BASE_PROCTITLE_H
#define BASE_PROCTITLE_H

#include "base/err.h"

/* Once, first thing in main: finds the room and copies the environment out of
 * it.  argv's strings are gone after the first proctitle_set. */
void proctitle_init(int argc, char **argv);
/* "sallyportd: " and the text, cut to the room; bytes outside of printable
 * ASCII are shown as '?'. */
void proctitle_set(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
