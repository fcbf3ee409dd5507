/*
 * The entries of a directory, one bufferful of getdents64(2) at a time.
 */
#ifndef SFTP_DIR_H
#define SFTP_DIR_H

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>

#define DIR_BYTES	(32 * 1024)

struct dir {
	size_t at, len;
	_Alignas(8) uint8_t bytes[DIR_BYTES];
};

/* Nothing read yet; free(3) it.  NULL: no memory. */
struct dir *dir_new(void);
/* The entry now at hand of the directory open as fd, or NULL: *error_out is
 * 0 at its end, else an errno.  Valid until dir_next. */
const struct dirent64 *dir_peek(struct dir *d, int fd, int *error_out);
void dir_next(struct dir *d);

#endif
