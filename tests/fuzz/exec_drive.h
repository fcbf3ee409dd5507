/*
 * Runs a command that is served without a program on given input, as a caller
 * with a poll loop would, and takes what it says.
 */
#ifndef FUZZ_EXEC_DRIVE_H
#define FUZZ_EXEC_DRIVE_H

#include "sftp/sftp.h"

/* A policy that allows everything, with checksums that are none. */
extern const struct jail_policy exec_drive_policy;

/* said: what came on stdout is put there.  bytewise: the input goes in byte
 * by byte.  Aborts if the session asks for nothing, or never ends. */
void exec_drive(const struct jail_policy *p, struct view line,
    struct view input, bool bytewise, struct wr *said);

#endif
