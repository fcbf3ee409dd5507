#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chroot/jail.h"

#define STEP_FLAGS (O_PATH | O_NOFOLLOW | O_CLOEXEC)

/* A walk down: where it stands, and the path so far, for people. */
struct walk {
	const struct jail_spec *spec;
	int fd;			/* the directory reached */
	struct stat st;		/* of fd */
	char path[PATH_MAX];
	size_t len;
	bool inside;		/* at or below the jail's root */
	char *why;
	size_t n;
};

static enum err PRINTF_LIKE(3, 4)
fault(struct walk *w, enum err e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->why, w->n, fmt, ap);
	va_end(ap);
	return e;
}

/* Takes the next component off *rest; an empty one at the end. */
static struct view
component(struct view *rest)
{
	struct view c;

	while (rest->n != 0 && rest->p[0] == '/') {
		rest->p++;
		rest->n--;
	}
	c = view_of(rest->p, 0);
	while (rest->n != 0 && rest->p[0] != '/') {
		rest->p++;
		rest->n--;
		c.n++;
	}
	return c;
}

/* Appends /name to the walk's path; name_out is a C string. */
static enum err
push_name(struct walk *w, struct view c, char name_out[NAME_MAX + 1])
{
	int n;

	if (!view_to_cstr(c, name_out, NAME_MAX + 1) ||
	    strcmp(name_out, ".") == 0 || strcmp(name_out, "..") == 0)
		return fault(w, ERR_PROTO, "%s: the path has a component that "
		    "is '.', '..', too long or holds a NUL", w->path);
	n = snprintf(w->path + w->len, sizeof(w->path) - w->len, "/%s",
	    name_out);
	if (n < 0 || (size_t)n >= sizeof(w->path) - w->len)
		return fault(w, ERR_PROTO, "the path of the jail is too long");
	w->len += (size_t)n;
	return OK;
}

/* Who besides root can change what stands in this directory? */
static bool
others_write(const struct stat *st)
{
	return st->st_uid != 0 || (st->st_mode & 022) != 0;
}

static enum err
check_owner(struct walk *w)
{
	const char *shown = w->len != 0 ? w->path : "/";

	if (!w->spec->programs || w->inside)
		return OK;
	if (w->st.st_uid != 0)
		return fault(w, ERR_DENIED, "%s belongs to uid %u, and this "
		    "user may run programs: chown root '%s'", shown,
		    (unsigned)w->st.st_uid, shown);
	if ((w->st.st_mode & 022) != 0)
		return fault(w, ERR_DENIED, "%s can be written by %s, and "
		    "this user may run programs: chmod go-w '%s'", shown,
		    (w->st.st_mode & 02) != 0 ? "everybody" : "its group",
		    shown);
	return OK;
}

/*
 * mkdir in a directory that others may change is done with the user's own
 * rights, so that root is never tricked into giving away something else.
 */
static enum err
make_as_user(struct walk *w, const char *name)
{
	int ret, saved;

	setfsgid(w->spec->gid);
	setfsuid(w->spec->uid);
	ret = mkdirat(w->fd, name, 0750);
	saved = errno;
	setfsuid(geteuid());
	setfsgid(getegid());
	if (ret == -1 && saved != EEXIST)
		return fault(w, ERR_DENIED, "%s cannot be made by uid %u: %s",
		    w->path, (unsigned)w->spec->uid, strerror(saved));
	return OK;
}

/* In a directory of root's alone nobody can swap what was just made. */
static enum err
make_as_root(struct walk *w, const char *name, bool parent_dir)
{
	bool give = !parent_dir && (!w->spec->programs || w->inside);
	mode_t mode = give ? 0750 : 0755;
	int fd;

	if (mkdirat(w->fd, name, 0700) == -1) {
		if (errno == EEXIST)
			return OK;
		return fault(w, ERR_SYS, "%s cannot be made: %s", w->path,
		    strerror(errno));
	}
	fd = openat(w->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	if (fd == -1 || (give && fchown(fd, w->spec->uid, w->spec->gid) == -1)
	    || fchmod(fd, mode) == -1) {
		int saved = errno;

		if (fd != -1)
			close(fd);
		return fault(w, ERR_SYS, "%s cannot be given to uid %u: %s",
		    w->path, (unsigned)w->spec->uid, strerror(saved));
	}
	close(fd);
	return OK;
}

static enum err
make_dir(struct walk *w, const char *name, bool parent_dir)
{
	if (geteuid() == 0 && !others_write(&w->st))
		return make_as_root(w, name, parent_dir);
	if (geteuid() == 0 && (w->inside || w->st.st_uid == w->spec->uid))
		return make_as_user(w, name);
	if (geteuid() == 0)
		return fault(w, ERR_DENIED, "%s is missing and is not made "
		    "in a directory that others can write: install -d -o %u "
		    "-g %u '%s'", w->path, (unsigned)w->spec->uid,
		    (unsigned)w->spec->gid, w->path);
	if (mkdirat(w->fd, name, 0750) == -1 && errno != EEXIST)
		return fault(w, ERR_SYS, "%s cannot be made: %s", w->path,
		    strerror(errno));
	return OK;
}

static enum err
missing(struct walk *w)
{
	return fault(w, ERR_DENIED, "%s does not exist: install -d -o %u -g %u "
	    "'%.*s', or say create: true", w->path, (unsigned)w->spec->uid,
	    (unsigned)w->spec->gid, (int)w->spec->path.n,
	    (const char *)w->spec->path.p);
}

static enum err
check_type(struct walk *w, int fd)
{
	if (fstat(fd, &w->st) == -1)
		return fault(w, ERR_SYS, "%s: %s", w->path, strerror(errno));
	if (S_ISLNK(w->st.st_mode))
		return fault(w, ERR_DENIED, "%s is a symbolic link; name the "
		    "real path: readlink -f '%s' shows it", w->path, w->path);
	if (!S_ISDIR(w->st.st_mode))
		return fault(w, ERR_DENIED, "%s is not a directory", w->path);
	return OK;
}

/* One component down.  last: it is the jail itself (or a listed directory),
 * not a parent of it. */
static enum err
step(struct walk *w, struct view c, bool last)
{
	char name[NAME_MAX + 1];
	enum err e;
	int fd;

	if ((e = push_name(w, c, name)) != OK)
		return e;
	fd = openat(w->fd, name, STEP_FLAGS);
	if (fd == -1 && errno == ENOENT) {
		if (!w->spec->create)
			return missing(w);
		if ((e = make_dir(w, name, !last && !w->inside)) != OK)
			return e;
		fd = openat(w->fd, name, STEP_FLAGS);
	}
	if (fd == -1)
		return fault(w, ERR_SYS, "%s: %s", w->path, strerror(errno));
	if ((e = check_type(w, fd)) != OK || (e = check_owner(w)) != OK) {
		close(fd);
		return e;
	}
	close(w->fd);
	w->fd = fd;
	return OK;
}

static enum err
walk_down(struct walk *w, struct view rest)
{
	struct view c = component(&rest);
	enum err e = OK;

	while (c.n != 0 && e == OK) {
		struct view next = component(&rest);

		e = step(w, c, next.n == 0);
		c = next;
	}
	return e;
}

static enum err
make_dirs(const struct walk *jail, const struct jail_spec *s)
{
	enum err e = OK;

	for (size_t i = 0; i < s->dirs.n && e == OK; i++) {
		struct walk w = *jail;

		w.inside = true;
		if ((w.fd = fcntl(jail->fd, F_DUPFD_CLOEXEC, 3)) == -1)
			return fault(&w, ERR_SYS, "%s", strerror(errno));
		e = walk_down(&w, s->dirs.v[i]);
		close(w.fd);
	}
	return e;
}

struct jail_spec
jail_spec_of(const struct policy *p)
{
	return (struct jail_spec){
		.path = p->jail, .create = p->create, .dirs = p->dirs,
		.uid = p->uid, .gid = p->gid,
		.programs = policy_runs_programs(p),
	};
}

enum err
jail_open(const struct jail_spec *s, int *fd_out, char *why, size_t n)
{
	struct walk w = { .spec = s, .fd = -1, .why = why, .n = n };
	enum err e;

	*fd_out = -1;
	if (n != 0)
		why[0] = '\0';
	if (s->path.n == 0 || s->path.p[0] != '/' || view_has_nul(s->path))
		return fault(&w, ERR_PROTO, "the jail is no absolute path");
	if ((w.fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)) == -1 ||
	    fstat(w.fd, &w.st) == -1)
		e = fault(&w, ERR_SYS, "/: %s", strerror(errno));
	else if ((e = check_owner(&w)) == OK &&
	    (e = walk_down(&w, s->path)) == OK && s->create)
		e = make_dirs(&w, s);
	if (e != OK) {
		if (w.fd != -1)
			close(w.fd);
		return e;
	}
	*fd_out = w.fd;
	return OK;
}
