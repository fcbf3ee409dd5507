/*
 * Terminal modes as SSH encodes them (RFC 4254 8, RFC 8160), into termios.
 */
#ifndef CHROOT_TTYMODES_H
#define CHROOT_TTYMODES_H

#include <sys/ioctl.h>
#include <termios.h>

#include "base/messages.h"

/* Changes what the modes name; opcodes without a meaning here are passed over,
 * and at the end or a malformed rest it stops. */
void ttymodes_apply(struct view modes, struct termios *t);
/* Into what the kernel keeps; sizes that no terminal has become the largest
 * that it can keep. */
struct winsize ttymodes_window(const struct msg_window *m);

#endif
