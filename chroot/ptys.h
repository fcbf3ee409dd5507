/*
 * Terminals for sessions: made by the warden, because the user's own process
 * may neither see /dev nor give a terminal to its user; and which connection
 * has which.
 */
#ifndef CHROOT_PTYS_H
#define CHROOT_PTYS_H

#include <sys/types.h>

#include "base/buf.h"

#define PTYS_PER_WARD	64	/* at a time */
#define PTYS_MAX	4096	/* of all */

struct pty_line {
	uint32_t ward;		/* connection number */
	uint32_t number;	/* of /dev/pts */
	uint32_t uid;
	pid_t recorder;		/* the helper that wrote of the login, perhaps
				 * still at it; 0: nobody does */
};

struct ptys {
	struct pty_line *v;
	size_t n, cap;
};

/*
 * A new terminal: fds_out[0] is its master (non-blocking), fds_out[1] the
 * user's end, owned by uid and writable for the group of terminals, where
 * the system has one.  Both close-on-exec.  own: the caller is that user and
 * no root.  ERR_SYS: errno.
 */
enum err pty_make(uid_t uid, bool own, int fds_out[2], uint32_t *number_out)
    MUST_CHECK;

/* False: too many of this ward, or of all. */
bool ptys_room(const struct ptys *p, uint32_t ward);
/* NULL: no memory. */
struct pty_line *ptys_add(struct ptys *p, uint32_t ward, uint32_t number);
/* Takes one out; false: the ward has no such terminal. */
bool ptys_take(struct ptys *p, uint32_t ward, uint32_t number,
    struct pty_line *out);
/* Takes any of the ward's out; false: it has none. */
bool ptys_take_any(struct ptys *p, uint32_t ward, struct pty_line *out);
void ptys_free(struct ptys *p);

#endif
