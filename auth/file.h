/*
 * Files of the operator's or of a user's that a login reads: keys,
 * authorities, lists, secrets.  What others could have written is not read.
 */
#ifndef AUTH_FILE_H
#define AUTH_FILE_H

#include "base/buf.h"

#define FILE_READ_CHUNK	((size_t)64 * 1024)	/* out needs this much more
						 * room than max */

enum file_kind {
	FILE_PUBLIC,		/* writable by its owner alone */
	FILE_SECRET		/* nor readable by anybody else */
};

/*
 * Reads one file whole into out (reset before).  It must be regular, belong
 * to root, to uid or to this process's own user, and be at most max bytes
 * long.  NULL, or the static reason; "" if there is no such file.  Blocks on
 * the disk only.
 */
const char *file_read(const char *path, uint32_t uid, enum file_kind kind,
    size_t max, struct wr *out);

/* The same of a file that is open for reading, which is left so. */
const char *file_read_fd(int fd, uint32_t uid, enum file_kind kind,
    size_t max, struct wr *out);

#endif
