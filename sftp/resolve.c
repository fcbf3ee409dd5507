#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "sftp/resolve.h"

/* What is resolved, and what is still to walk. */
struct walk {
	char *done;		/* "" is the root; no slash at its end */
	size_t ndone;
	char left[PATH_MAX];
	size_t at;		/* into left */
	unsigned links;
};

static void
up(struct walk *w)
{
	while (w->ndone != 0 && w->done[--w->ndone] != '/')
		;
	w->done[w->ndone] = '\0';
}

static bool
down(struct walk *w, const char *name, size_t n)
{
	if (n > NAME_MAX || w->ndone + 1 + n >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return false;
	}
	w->done[w->ndone] = '/';
	memcpy(w->done + w->ndone + 1, name, n);
	w->ndone += 1 + n;
	w->done[w->ndone] = '\0';
	return true;
}

/* The component just walked is a link: what is left comes behind its
 * target. */
static bool
enter_link(struct walk *w, const char *target, size_t n)
{
	const char *rest = w->left + w->at;
	size_t nrest = strlen(rest);

	if (++w->links > RESOLVE_LINKS_MAX) {
		errno = ELOOP;
		return false;
	}
	if (n + 1 + nrest >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return false;
	}
	memmove(w->left + n + 1, rest, nrest + 1);
	memcpy(w->left, target, n);
	w->left[n] = '/';
	w->at = 0;
	if (n != 0 && target[0] == '/')
		w->ndone = 0;
	else
		up(w);
	w->done[w->ndone] = '\0';
	return true;
}

static bool
last(const struct walk *w)
{
	return w->left[w->at + strspn(w->left + w->at, "/")] == '\0';
}

/* One component of n bytes at name. */
static bool
step(struct walk *w, const char *name, size_t n)
{
	char target[PATH_MAX];
	ssize_t len;

	if (n == 1 && name[0] == '.')
		return true;
	if (n == 2 && name[0] == '.' && name[1] == '.') {
		up(w);
		return true;
	}
	if (!down(w, name, n))
		return false;
	len = readlink(w->done, target, sizeof(target));
	if (len != -1)
		return enter_link(w, target, (size_t)len);
	return errno == EINVAL || (errno == ENOENT && last(w));
}

bool
resolve_path(const char *path, char out[PATH_MAX])
{
	struct walk w = { .done = out };
	const char *name;
	size_t n = strlen(path);

	out[0] = '\0';
	if (n >= sizeof(w.left)) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(w.left, path, n + 1);
	if (path[0] != '/') {
		if (getcwd(out, PATH_MAX) == NULL)
			return false;
		w.ndone = strlen(out);
		if (out[0] != '/') {	/* cwd outside of the root */
			errno = ENOENT;
			return false;
		}
		if (w.ndone == 1)
			up(&w);
	}
	for (;;) {
		w.at += strspn(w.left + w.at, "/");
		name = w.left + w.at;
		if ((n = strcspn(name, "/")) == 0)
			break;
		w.at += n;
		if (!step(&w, name, n))
			return false;
	}
	if (w.ndone == 0)
		memcpy(out, "/", 2);
	return true;
}
