#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/file.h"

static const char *
too_long(size_t max)
{
	if (max >= (size_t)8 << 20)
		return "larger than 8 MiB";
	return max >= (size_t)1 << 20 ? "larger than 1 MiB" :
	    "larger than it may be";
}

static const char *
read_all(int fd, size_t max, struct wr *out)
{
	uint8_t *p;
	ssize_t n;

	do {
		if ((p = wr_reserve(out, FILE_READ_CHUNK)) == NULL)
			return "out of memory";
		do
			n = read(fd, p, FILE_READ_CHUNK);
		while (n == -1 && errno == EINTR);
		if (n == -1)
			return "cannot be read";
		wr_commit(out, (size_t)n);
		/* It may have grown since fstat. */
		if (wr_size(out) > max)
			return too_long(max);
	} while (n != 0);
	return NULL;
}

static const char *
fault(int fd, uint32_t uid, enum file_kind kind, size_t max)
{
	struct stat st;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		return "not a regular file";
	if (st.st_uid != 0 && st.st_uid != uid && st.st_uid != geteuid())
		return "not owned by root or the user";
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return "writable by group or others";
	if (kind == FILE_SECRET && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return "readable by group or others";
	return (uintmax_t)st.st_size > max ? too_long(max) : NULL;
}

const char *
file_read_fd(int fd, uint32_t uid, enum file_kind kind, size_t max,
    struct wr *out)
{
	const char *why = fault(fd, uid, kind, max);

	wr_reset(out);
	if (why == NULL)
		why = read_all(fd, max, out);
	if (why != NULL)
		wr_reset(out);
	return why;
}

const char *
file_read(const char *path, uint32_t uid, enum file_kind kind, size_t max,
    struct wr *out)
{
	const char *why;
	int fd;

	wr_reset(out);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY |
	    O_CLOEXEC);
	if (fd == -1) {
		if (errno == ENOENT || errno == ENOTDIR)
			return "";
		return errno == ELOOP ? "is a symbolic link" :
		    "cannot be opened";
	}
	why = file_read_fd(fd, uid, kind, max, out);
	close(fd);
	return why;
}
