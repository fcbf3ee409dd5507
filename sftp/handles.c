#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sftp/handles.h"
#include "sftp/status.h"

/* id: serial number above, slot in the lowest byte */
#define SLOT(id)	((id) & 0xff)
_Static_assert(SFTP_HANDLES_MAX == 256, "a slot number is one byte");

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

bool
handle_room(const struct handles *hs)
{
	return hs->used < SFTP_HANDLES_MAX;
}

static struct handle *
handle_alloc(enum handle_kind kind, int fd, const char *path)
{
	size_t n = strlen(path) + 1;
	struct handle *h;

	if ((h = malloc(sizeof(*h) + n)) == NULL)
		return NULL;
	*h = (struct handle){ .kind = kind, .fd = fd, .since_ms = now_ms() };
	memcpy(h->path, path, n);
	if (kind != HANDLE_DIR)
		return h;
	if ((h->dir = dir_new()) == NULL) {
		free(h);
		return NULL;
	}
	return h;
}

struct handle *
handle_new(struct handles *hs, enum handle_kind kind, int fd, const char *path)
{
	struct handle *h = NULL;
	uint32_t i = 0;

	while (i < SFTP_HANDLES_MAX && hs->slot[i] != NULL)
		i++;
	if (i < SFTP_HANDLES_MAX)
		h = handle_alloc(kind, fd, path);
	if (h == NULL) {
		close(fd);
		return NULL;
	}
	h->id = hs->serial++ << 8 | i;
	hs->slot[i] = h;
	hs->used++;
	if (kind == HANDLE_FILE)
		hs->files++;
	return h;
}

struct handle *
handle_find(const struct handles *hs, struct view name, unsigned kinds)
{
	struct handle *h;
	uint32_t id;

	if (name.n != 4)
		return NULL;
	id = get_u32(name.p);
	h = hs->slot[SLOT(id)];
	if (h == NULL || h->id != id || (h->kind & kinds) == 0)
		return NULL;
	return h;
}

bool
handle_write(struct handle *h, struct view data, uint64_t offset)
{
	ssize_t n;

	if (offset > INT64_MAX - data.n) {
		errno = EFBIG;
		return false;
	}
	while (data.n != 0) {
		n = pwrite(h->fd, data.p, data.n, (off_t)offset);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (n == 0)
				errno = EIO;
			return false;
		}
		h->put += (uint64_t)n;
		offset += (uint64_t)n;
		data = view_of(data.p + n, data.n - (size_t)n);
	}
	return true;
}

void
handle_failed(struct handle *h, int error)
{
	if (h->failed == NULL)
		h->failed = status_errno(error).text;
}

uint64_t
handle_age_ms(const struct handle *h)
{
	return (uint64_t)(now_ms() - h->since_ms);
}

bool
handle_shut(struct handle *h)
{
	int fd = h->fd;

	h->fd = -1;
	/* EINTR: on Linux the descriptor is gone all the same. */
	return close(fd) == 0 || errno == EINTR;
}

void
handle_free(struct handles *hs, struct handle **h)
{
	struct handle *old = *h;

	*h = NULL;
	hs->slot[SLOT(old->id)] = NULL;
	hs->used--;
	if (old->kind == HANDLE_FILE)
		hs->files--;
	if (old->fd != -1)
		close(old->fd);
	free(old->dir);
	free(old);
}

const struct dirent64 *
handle_dir_peek(struct handle *h, int *error_out)
{
	const struct dirent64 *e;

	*error_out = 0;
	if (h->dir == NULL)
		return NULL;
	if ((e = dir_peek(h->dir, h->fd, error_out)) == NULL) {
		free(h->dir);
		h->dir = NULL;
	}
	return e;
}

void
handle_dir_next(struct handle *h)
{
	if (h->dir != NULL)
		dir_next(h->dir);
}
