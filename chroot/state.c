#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "chroot/state.h"

#define LOCK_TRIES	40	/* of 50 ms: for a warden that is ending */

/* ---- the folder ---- */

void
state_init(struct state *s)
{
	*s = (struct state){ .dir = -1, .users = -1, .lock = -1 };
}

void
state_close(struct state *s)
{
	if (s->users != -1)
		close(s->users);
	if (s->dir != -1)
		close(s->dir);
	if (s->lock != -1)
		close(s->lock);
	free(s->path);
	state_init(s);
}

bool
state_is(const struct state *s, struct view path)
{
	struct stat st;

	if (s->path == NULL || path.n == 0)
		return s->path == NULL && path.n == 0;
	/* A folder that somebody removed must be made again. */
	return view_is(path, s->path) && fstat(s->dir, &st) == 0 &&
	    st.st_nlink != 0 && fstat(s->users, &st) == 0 &&
	    st.st_nlink != 0;
}

/* Opens the folder `name` below at, makes it if it is missing. */
static int
open_folder(int at, const char *name)
{
	if (mkdirat(at, name, 0700) == -1 && errno != EEXIST)
		return -1;
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
}

static bool
complain_open(const char *path, char *why, size_t n)
{
	int parent = (int)(strrchr(path, '/') - path);

	if (errno == ENOENT)
		snprintf(why, n, "%s: its parent is missing; make it: "
		    "mkdir -p %.*s", path, parent > 0 ? parent : 1, path);
	else if (errno == ENOTDIR || errno == ELOOP)
		snprintf(why, n, "%s: is no directory; remove it or name "
		    "another one", path);
	else
		snprintf(why, n, "%s: %s; needs a place that %s may write to",
		    path, strerror(errno), geteuid() == 0 ? "root" :
		    "this user");
	return false;
}

/* What others may write says nothing that could be believed. */
static bool
check_owner(int fd, const char *path, char *why, size_t n)
{
	struct stat st;

	if (fstat(fd, &st) == -1) {
		snprintf(why, n, "%s: %s; needs a directory", path,
		    strerror(errno));
		return false;
	}
	if (st.st_uid != geteuid()) {
		snprintf(why, n, "%s: belongs to uid %u; needs: chown %u %s",
		    path, st.st_uid, geteuid(), path);
		return false;
	}
	if ((st.st_mode & 022) != 0) {
		snprintf(why, n, "%s: others may write there; needs: "
		    "chmod 700 %s", path, path);
		return false;
	}
	return true;
}

static bool
take_lock(int fd, const char *path, char *why, size_t n)
{
	const struct timespec t = { 0, 50 * 1000000 };

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		if (errno != EWOULDBLOCK)
			break;
		nanosleep(&t, NULL);
	}
	if (errno == EWOULDBLOCK)
		snprintf(why, n, "%s: another sallyportd uses it; needs a "
		    "state_dir of its own for each", path);
	else
		snprintf(why, n, "%s: flock: %s; needs a file system with "
		    "locks", path, strerror(errno));
	return false;
}

bool
state_open(struct state *s, struct view path, char *why, size_t n)
{
	state_init(s);
	if (path.n == 0)
		return true;
	if ((s->path = view_dup(path)) == NULL) {
		snprintf(why, n, "out of memory");
		return false;
	}
	/* The lock has a description of its own, which no child is given. */
	if ((s->dir = open_folder(AT_FDCWD, s->path)) == -1 ||
	    (s->lock = openat(s->dir, ".", O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC)) == -1)
		complain_open(s->path, why, n);
	else if (check_owner(s->dir, s->path, why, n) &&
	    take_lock(s->lock, s->path, why, n)) {
		if ((s->users = open_folder(s->dir, "users")) != -1)
			return true;
		snprintf(why, n, "%s/users: %s; needs to be a directory",
		    s->path, strerror(errno));
	}
	state_close(s);
	return false;
}

/* ---- its files ---- */

static bool
is_name(const char *name)
{
	size_t n = strlen(name);

	return n != 0 && n <= STATE_NAME_MAX && strchr(name, '/') == NULL &&
	    strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	    (n < 4 || strcmp(name + n - 4, ".tmp") != 0);
}

static bool
write_all(int fd, struct view v)
{
	while (v.n != 0) {
		ssize_t n = write(fd, v.p, v.n);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		v.p += n;
		v.n -= (size_t)n;
	}
	return true;
}

enum err
state_write(int dir, const char *name, struct view bytes)
{
	char tmp[STATE_NAME_MAX + 5];
	enum err e = ERR_SYS;
	int fd, saved;

	if (!is_name(name))
		return ERR_LIMIT;
	snprintf(tmp, sizeof(tmp), "%s.tmp", name);
	/* One that is left over may be anything: never written to. */
	if (unlinkat(dir, tmp, 0) == -1 && errno != ENOENT)
		return ERR_SYS;
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	if (fd == -1)
		return ERR_SYS;
	if (write_all(fd, bytes) && fsync(fd) == 0 &&
	    renameat(dir, tmp, dir, name) == 0 && fsync(dir) == 0)
		e = OK;
	saved = errno;
	close(fd);
	if (e != OK)
		unlinkat(dir, tmp, 0);
	errno = saved;
	return e;
}

static enum err
read_all(int fd, size_t n, struct wr *out)
{
	uint8_t *to = wr_reserve(out, n);
	size_t done = 0;

	if (to == NULL && n != 0)
		return ERR_NOMEM;
	while (done < n) {
		ssize_t got = read(fd, to + done, n - done);

		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return ERR_SYS;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	wr_commit(out, done);
	return OK;
}

enum err
state_read(int dir, const char *name, size_t max, struct wr *out)
{
	struct stat st;
	enum err e;
	int fd;

	if (!is_name(name))
		return ERR_LIMIT;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_CLOEXEC);
	if (fd == -1)
		return errno == ENOENT ? ERR_CLOSED :
		    errno == ELOOP ? ERR_DENIED : ERR_SYS;
	if (fstat(fd, &st) == -1)
		e = ERR_SYS;
	else if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 022) != 0)
		e = ERR_DENIED;
	else if (st.st_size < 0 || (uint64_t)st.st_size > max)
		e = ERR_LIMIT;
	else
		e = read_all(fd, (size_t)st.st_size, out);
	close(fd);
	return e;
}

enum err
state_remove(int dir, const char *name)
{
	if (!is_name(name))
		return ERR_LIMIT;
	if (unlinkat(dir, name, 0) == -1 && errno != ENOENT)
		return ERR_SYS;
	return OK;
}
