#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "chroot/state.h"
#include "chroot/userstore.h"

#define LOCK_TRIES	1000		/* of 5 ms */

static bool
file_name(const struct userstore *s, const char *kind,
    char out[STATE_NAME_MAX + 1])
{
	int n = snprintf(out, STATE_NAME_MAX + 1, "%s.%s", s->user, kind);

	return n > 0 && n <= STATE_NAME_MAX;
}

/* The lock is a file of its own: what is read is replaced, not written to. */
static int
open_lock(const struct userstore *s)
{
	char name[STATE_NAME_MAX + 1];
	struct stat st;
	int fd;

	if (!file_name(s, "lock", name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = openat(s->dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK |
	    O_CLOEXEC, 0600);
	if (fd != -1 && (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

static enum err
store_lock(void *ctx)
{
	const struct timespec t = { 0, 5 * 1000000 };
	struct userstore *s = ctx;
	int fd = open_lock(s), saved;

	if (fd == -1)
		return ERR_SYS;
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			s->lock = fd;
			return OK;
		}
		if (errno != EWOULDBLOCK && errno != EINTR)
			break;
		nanosleep(&t, NULL);
	}
	saved = errno;
	close(fd);
	errno = saved;
	return saved == EWOULDBLOCK ? ERR_LIMIT : ERR_SYS;
}

static void
store_unlock(void *ctx)
{
	struct userstore *s = ctx;

	close(s->lock);
	s->lock = -1;
}

static enum err
store_read(void *ctx, const char *kind, size_t max, struct wr *out)
{
	const struct userstore *s = ctx;
	char name[STATE_NAME_MAX + 1];

	if (!file_name(s, kind, name))
		return ERR_LIMIT;
	return state_read(s->dir, name, max, out);
}

static enum err
store_write(void *ctx, const char *kind, struct view bytes)
{
	const struct userstore *s = ctx;
	char name[STATE_NAME_MAX + 1];

	if (!file_name(s, kind, name))
		return ERR_LIMIT;
	return state_write(s->dir, name, bytes);
}

bool
userstore_init(struct userstore *s, int dir, struct view user)
{
	*s = (struct userstore){
		.ops = { store_lock, store_unlock, store_read, store_write,
		    s },
		.dir = dir, .lock = -1,
	};
	return dir != -1 && user.n != 0 &&
	    memchr(user.p, '/', user.n) == NULL &&
	    view_to_cstr(user, s->user, sizeof(s->user));
}
