#include <errno.h>
#include <stdlib.h>

#include "sftp/dir.h"

struct dir *
dir_new(void)
{
	struct dir *d = malloc(sizeof(*d));

	if (d != NULL)
		d->at = d->len = 0;
	return d;
}

const struct dirent64 *
dir_peek(struct dir *d, int fd, int *error_out)
{
	ssize_t n;

	*error_out = 0;
	if (d->at == d->len) {
		n = getdents64(fd, d->bytes, sizeof(d->bytes));
		/* ENOENT: it has been removed, which is an end. */
		if (n == -1 && errno != ENOENT)
			*error_out = errno;
		if (n <= 0)
			return NULL;
		d->at = 0;
		d->len = (size_t)n;
	}
	return (const struct dirent64 *)(const void *)(d->bytes + d->at);
}

void
dir_next(struct dir *d)
{
	const struct dirent64 *e;

	if (d->at == d->len)
		return;
	e = (const struct dirent64 *)(const void *)(d->bytes + d->at);
	d->at += e->d_reclen;
}
