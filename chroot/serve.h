/*
 * What a session does once it is the user: serves the channels that the
 * server opens, and has done with them when the client has gone.
 */
#ifndef CHROOT_SERVE_H
#define CHROOT_SERVE_H

#include "sftp/sftp.h"

/* Until the server closes its socket; then what has been asked for is done,
 * for a bounded time.  Borrows both. */
void serve_channels(int server, const struct jail_policy *jail)
    __attribute__((noreturn));

#endif
