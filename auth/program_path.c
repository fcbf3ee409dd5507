#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/auth.h"
#include "auth/program.h"

#define LINKS_MAX	40	/* as the kernel's */

struct walk {
	char done[PATH_MAX];	/* without links; empty: the root */
	char todo[PATH_MAX];
	unsigned links;
	struct stat st;		/* of done */
	char *why;
	size_t n;
};

static bool PRINTF_LIKE(2, 3)
fault(struct walk *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->why, w->n, fmt, ap);
	va_end(ap);
	return false;
}

static const char *
shown(const struct walk *w)
{
	return w->done[0] != '\0' ? w->done : "/";
}

/* Can anybody but root change what st is of? */
static bool
check_owner(struct walk *w)
{
	const mode_t mode = w->st.st_mode;

	if (w->st.st_uid != 0)
		return fault(w, "%s belongs to uid %u; needs chown root '%s'",
		    shown(w), (unsigned)w->st.st_uid, shown(w));
	if (S_ISLNK(mode) || (mode & 022) == 0 ||
	    (S_ISDIR(mode) && (mode & S_ISVTX) != 0))
		return true;
	return fault(w, "%s can be written to by %s; needs chmod go-w '%s'",
	    shown(w), (mode & 02) != 0 ? "everybody" : "its group", shown(w));
}

/* Takes the first name off w->todo; empty: there is none. */
static void
take_name(struct walk *w, char name[NAME_MAX + 2])
{
	const char *from = w->todo + strspn(w->todo, "/");
	size_t n = strcspn(from, "/");

	if (n > NAME_MAX + 1)
		n = NAME_MAX + 1;	/* lstat will refuse it */
	memcpy(name, from, n);
	name[n] = '\0';
	from += n;
	memmove(w->todo, from, strlen(from) + 1);
}

/* The target of the link w->done goes before what is left to do. */
static bool
follow(struct walk *w)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t n = readlink(w->done, target, sizeof(target) - 1);
	int len;

	if (n <= 0 || ++w->links > LINKS_MAX)
		return fault(w, "%s is a link that leads nowhere", shown(w));
	target[n] = '\0';
	memcpy(rest, w->todo, sizeof(rest));
	len = snprintf(w->todo, sizeof(w->todo), "%s/%s", target, rest);
	if (len < 0 || (size_t)len >= sizeof(w->todo))
		return fault(w, "%s leads to a path that is too long",
		    shown(w));
	/* The link itself is not on the way. */
	*(target[0] == '/' ? w->done : strrchr(w->done, '/')) = '\0';
	return true;
}

static bool
step(struct walk *w, const char *name, bool *missing_out)
{
	size_t len = strlen(w->done);
	int n;

	if (strcmp(name, ".") == 0)
		return true;
	if (strcmp(name, "..") == 0) {
		if (len != 0)
			*strrchr(w->done, '/') = '\0';
		return true;
	}
	n = snprintf(w->done + len, sizeof(w->done) - len, "/%s", name);
	if (n < 0 || (size_t)n >= sizeof(w->done) - len)
		return fault(w, "its path is too long");
	if (lstat(w->done, &w->st) == -1) {
		*missing_out = errno == ENOENT || errno == ENOTDIR;
		return fault(w, "%s: %s", w->done, strerror(errno));
	}
	if (!check_owner(w))
		return false;
	return !S_ISLNK(w->st.st_mode) || follow(w);
}

static bool
check_file(struct walk *w)
{
	if (lstat(shown(w), &w->st) == -1)
		return fault(w, "%s: %s", shown(w), strerror(errno));
	if (!S_ISREG(w->st.st_mode))
		return fault(w, "%s is no file", shown(w));
	if ((w->st.st_mode & 0111) == 0)
		return fault(w, "%s cannot be executed; needs chmod a+x '%s'",
		    shown(w), shown(w));
	return true;
}

bool
program_path_ok(const char *path, char *resolved_out, bool *missing_out,
    char *why_out, size_t n)
{
	struct walk w = { .why = why_out, .n = n };
	char name[NAME_MAX + 2];

	*missing_out = false;
	if (path[0] != '/' || strlen(path) >= sizeof(w.todo))
		return fault(&w, "is not an absolute path");
	memcpy(w.todo, path, strlen(path) + 1);
	if (lstat("/", &w.st) == -1 || !check_owner(&w))
		return false;
	for (take_name(&w, name); name[0] != '\0'; take_name(&w, name))
		if (!step(&w, name, missing_out))
			return false;
	if (!check_file(&w))
		return false;
	memcpy(resolved_out, w.done, strlen(w.done) + 1);
	return true;
}

bool
auth_program_ok(struct view path, bool *missing_out, const char **why_out)
{
	static char why[2 * PATH_MAX];	/* who asks does nothing else */
	char resolved[PATH_MAX], name[PATH_MAX];

	*missing_out = false;
	*why_out = why;
	if (view_to_cstr(path, name, sizeof(name)))
		return program_path_ok(name, resolved, missing_out, why,
		    sizeof(why));
	return fault(&(struct walk){ .why = why, .n = sizeof(why) },
	    "is no path");
}
