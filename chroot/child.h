/* What every process does first after the warden has forked it. */
#ifndef CHROOT_CHILD_H
#define CHROOT_CHILD_H

#include <sys/types.h>

#include "base/buf.h"

/*
 * A session of its own (no terminal, no signals of one), signals to their
 * defaults with none blocked and SIGPIPE ignored, PR_SET_PDEATHSIG; exits if
 * the parent has died meanwhile.
 */
void child_begin(pid_t parent);
/* /dev/null for 0, 1 and 2; stderr stays if told so, or for sanitizers. */
bool child_stdio(bool keep_stderr);
/* Moves the descriptors *fds[0..n) to 3, 4, ... in order and closes
 * everything else but 0, 1, 2.  -1 entries stay -1.  n <= CHILD_FDS. */
#define CHILD_FDS 8
bool child_keep(int *const *fds, size_t n) MUST_CHECK;
/* Logs that `step` of `role` failed, with errno; always false. */
bool child_complain(const char *role, const char *step);
/* Sends one frame, waiting up to 10 s for room.  False: the peer has gone or
 * does not read. */
bool child_send(int sock, uint8_t type, uint32_t id, struct view body)
    MUST_CHECK;
/* ... with descriptors beside it, which stay the caller's. */
bool child_send_fds(int sock, uint8_t type, uint32_t id, struct view body,
    const int *fds, size_t nfds) MUST_CHECK;

#endif
