/*
 * What is remembered from one run to the next, in the folder state_dir:
 *
 *	penalties	sources that are barred (warden_penalties.c)
 *	users/		one file or more for each user, NAME.KIND
 *
 * A file is replaced whole or not at all, also when the machine stops
 * meanwhile.  A folder belongs to one warden at a time.
 */
#ifndef CHROOT_STATE_H
#define CHROOT_STATE_H

#include "base/buf.h"

#define STATE_NAME_MAX	200	/* bytes of a file name */

struct state {
	int dir, users;		/* the folders; -1: nothing is kept */
	int lock;		/* held while this is open */
	char *path;		/* NULL: none */
};

/* Nothing is open, nothing is kept. */
void state_init(struct state *s);
/*
 * Opens the folder `path` (absolute), which is made with mode 0700 if it is
 * missing, as is users/ in it; its parent must be there.  It must belong to
 * us and be closed to writing by others.  An empty path: nothing is kept.
 * False: *why (the caller's, n bytes) is "PATH: what; what mends it".
 */
bool state_open(struct state *s, struct view path, char *why, size_t n)
    MUST_CHECK;
void state_close(struct state *s);
/* Is s already what path asks for, and still there? */
bool state_is(const struct state *s, struct view path);

/*
 * Replaces the file `name` of folder dir by these bytes, mode 0600: written
 * to NAME.tmp, synced, renamed, the folder synced.  ERR_LIMIT: not a name for
 * a file (empty, a slash, "." or "..", ".tmp" behind, too long); ERR_SYS:
 * errno, and the old file is as it was.  May wait for the disk.
 */
enum err state_write(int dir, const char *name, struct view bytes)
    MUST_CHECK;
/*
 * Appends the file's bytes to out.  ERR_CLOSED: there is none; ERR_LIMIT: it
 * has more than max bytes, or the name is none; ERR_DENIED: it is no regular
 * file of ours; ERR_NOMEM, ERR_SYS.  Nothing is appended on failure.
 */
enum err state_read(int dir, const char *name, size_t max, struct wr *out)
    MUST_CHECK;
/* Removes the file; one that is not there is no failure. */
enum err state_remove(int dir, const char *name) MUST_CHECK;

#endif
