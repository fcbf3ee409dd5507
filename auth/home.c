#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/file.h"
#include "auth/home.h"

#define LINKS_MAX	16
#define STEP_FLAGS	(O_PATH | O_NOFOLLOW | O_CLOEXEC)

bool
home_path(struct view path)
{
	return path.n > 3 && memcmp(path.p, "%h/", 3) == 0;
}

/* ---- the user's rights ---- */

struct rights {
	bool changed;
	gid_t *groups;		/* as they were */
	int ngroups;
};

static void
give_back(struct rights *r)
{
	if (r->changed) {
		setfsuid(geteuid());
		setfsgid(getegid());
		/* What was so can be so again; if not, there is less. */
		if (setgroups((size_t)r->ngroups, r->groups) == -1)
			(void)setgroups(0, NULL);
	}
	free(r->groups);
	r->groups = NULL;
}

/* False: not to be had. */
static bool
take_rights(const struct policy *p, struct rights *r)
{
	*r = (struct rights){ .ngroups = getgroups(0, NULL) };
	if (geteuid() != 0 || p->uid == 0)
		return true;
	if (r->ngroups < 0 || (r->groups = calloc((size_t)r->ngroups + 1,
	    sizeof(*r->groups))) == NULL)
		return false;
	r->ngroups = getgroups(r->ngroups, r->groups);
	if (r->ngroups < 0 || setgroups(p->ngroups,
	    (const gid_t *)p->groups) == -1)
		return false;
	r->changed = true;
	setfsgid(p->gid);
	setfsuid(p->uid);
	/* They tell of no failure; a second call tells what is. */
	return setfsgid((gid_t)-1) == (int)p->gid &&
	    setfsuid((uid_t)-1) == (int)p->uid;
}

/* ---- the way ---- */

struct way {
	const struct policy *p;
	int fd;			/* the folder reached */
	unsigned links;
	char todo[2 * PATH_MAX];
};

static const char *
folder_fault(const struct way *w, const struct stat *st)
{
	if (!S_ISDIR(st->st_mode))
		return "";		/* as if it were not there */
	if (st->st_uid != 0 && st->st_uid != w->p->uid)
		return "a folder on the way is not owned by root or the user";
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0 &&
	    (st->st_uid != 0 || (st->st_mode & S_ISVTX) == 0))
		return "a folder on the way is writable by group or others";
	return NULL;
}

/* Goes to a folder; fd is taken. */
static const char *
enter(struct way *w, int fd)
{
	const char *why = "cannot be opened";
	struct stat st;

	if (fd != -1 && fstat(fd, &st) == 0)
		why = folder_fault(w, &st);
	if (why != NULL) {
		if (fd != -1)
			close(fd);
		return why;
	}
	if (w->fd != -1)
		close(w->fd);
	w->fd = fd;
	return NULL;
}

static const char *
enter_root(struct way *w)
{
	return enter(w, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/* Takes the next name off todo; "" at the end. */
static bool
next_name(struct way *w, char name[NAME_MAX + 1])
{
	char *at = w->todo + strspn(w->todo, "/");
	size_t n = strcspn(at, "/");

	if (n > NAME_MAX)
		return false;
	memcpy(name, at, n);
	name[n] = '\0';
	at += n;
	at += strspn(at, "/");
	memmove(w->todo, at, strlen(at) + 1);
	return true;
}

/* What the link says comes before what is left. */
static const char *
follow(struct way *w, int link)
{
	char target[PATH_MAX], rest[sizeof(w->todo)];
	ssize_t n = readlinkat(link, "", target, sizeof(target) - 1);
	int len;

	close(link);
	if (n <= 0)
		return "cannot be opened";
	target[n] = '\0';
	if (++w->links > LINKS_MAX)
		return "too many symbolic links";
	memcpy(rest, w->todo, sizeof(rest));
	len = snprintf(w->todo, sizeof(w->todo), "%s/%s", target, rest);
	if (len < 0 || (size_t)len >= sizeof(w->todo))
		return "path is too long";
	return target[0] == '/' ? enter_root(w) : NULL;
}

static const char *
missing_or(const char *why)
{
	return errno == ENOENT || errno == ENOTDIR ? "" : why;
}

/* One name on; *fd_out is the file, once it is reached. */
static const char *
step(struct way *w, int *fd_out)
{
	char name[NAME_MAX + 1];
	struct stat st;
	int fd;

	if (!next_name(w, name))
		return "path is too long";
	if (name[0] == '\0')
		return "not a regular file";
	if ((fd = openat(w->fd, name, STEP_FLAGS)) == -1)
		return missing_or("cannot be opened");
	if (fstat(fd, &st) == -1) {
		close(fd);
		return "cannot be opened";
	}
	if (S_ISLNK(st.st_mode))
		return follow(w, fd);
	if (w->todo[0] != '\0')
		return enter(w, fd);
	close(fd);
	*fd_out = openat(w->fd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW |
	    O_NOCTTY | O_CLOEXEC);
	return *fd_out == -1 ? missing_or("cannot be opened") : NULL;
}

static const char *
walk(struct way *w, int *fd_out)
{
	const char *why = enter_root(w);

	while (why == NULL && *fd_out == -1)
		why = step(w, fd_out);
	if (w->fd != -1)
		close(w->fd);
	return why;
}

const char *
home_read(const struct policy *p, struct view path, size_t max,
    struct wr *out)
{
	struct way w = { .p = p, .fd = -1 };
	const char *why = "the user's rights cannot be taken";
	struct rights r;
	int fd = -1, n;

	wr_reset(out);
	if (p->home.n == 0 || p->home.p[0] != '/')
		return "the user has no home";
	n = snprintf(w.todo, PATH_MAX, "%.*s/%.*s", (int)p->home.n,
	    (const char *)p->home.p, (int)path.n - 3,
	    (const char *)path.p + 3);
	if (n < 0 || n >= PATH_MAX)
		return "path is too long";
	if (take_rights(p, &r))
		why = walk(&w, &fd);
	if (why == NULL)
		why = file_read_fd(fd, p->uid, FILE_PUBLIC, max, out);
	if (fd != -1)
		close(fd);
	give_back(&r);
	return why;
}
