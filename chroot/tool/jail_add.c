#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chroot/tool/jail.h"
#include "chroot/tool/tool.h"

/* What others could have changed is nothing to give to users; and the loader
 * of the host is asked about it. */
static bool
is_trusted(const char *path, const struct stat *st)
{
	if ((st->st_mode & 04) == 0) {
		tool_complain("%s is not for everybody to read on this host, "
		    "and would be in a jail", path);
		return false;
	}
	if ((st->st_uid == 0 || st->st_uid == geteuid()) &&
	    (st->st_mode & 022) == 0)
		return true;
	tool_complain("%s can be changed by others than root: only files that "
	    "cannot are copied", path);
	return false;
}

static bool
add_file(struct jail_add *j, const char *path, unsigned depth)
{
	struct jail_paths needs = { .v = NULL };
	struct stat st;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	bool ok = false;

	if (fd == -1 || fstat(fd, &st) == -1)
		tool_complain("%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		tool_complain("%s is no file", path);
	else
		ok = is_trusted(path, &st) && jail_needs(fd, path, &needs) &&
		    jail_file(j, fd, &st, path);
	if (fd != -1)
		close(fd);
	for (size_t i = 0; ok && i < needs.n; i++)
		ok = jail_add(j, needs.v[i], depth + 1);
	jail_paths_free(&needs);
	return ok;
}

static bool
add_folder(struct jail_add *j, const char *path, unsigned depth)
{
	DIR *d = opendir(path);
	const struct dirent *e;
	char below[PATH_MAX];
	bool ok = d != NULL && jail_folder(j, path, 0755);

	if (d == NULL)
		tool_complain("%s: %s", path, strerror(errno));
	while (ok && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if ((size_t)snprintf(below, sizeof(below), "%s/%s", path,
		    e->d_name) >= sizeof(below))
			ok = !tool_complain("%s: too long", path);
		else
			ok = jail_add(j, below, depth + 1);
	}
	if (d != NULL)
		closedir(d);
	return ok;
}

/* Inside of a folder links stay links, and lead inside of the jail; one that
 * is asked for by name becomes the file that it leads to. */
static bool
add_link(struct jail_add *j, const char *path, unsigned depth)
{
	char target[PATH_MAX];
	ssize_t n;

	if (depth == 0)
		return add_file(j, path, depth);
	if ((n = readlink(path, target, sizeof(target) - 1)) == -1)
		return !tool_complain("%s: %s", path, strerror(errno));
	target[n] = '\0';
	return jail_link(j, target, path);
}

/* Components that are . or .. have no place in a path that is made. */
static bool
path_ok(const char *path)
{
	size_t n = strlen(path);

	if (path[0] != '/' || n >= PATH_MAX - 1 || n == 1 ||
	    path[n - 1] == '/' || strstr(path, "//") != NULL ||
	    strstr(path, "/../") != NULL || strstr(path, "/./") != NULL ||
	    (n > 2 && strcmp(path + n - 3, "/..") == 0) ||
	    strcmp(path + n - 2, "/.") == 0) {
		tool_complain("%s: needs an absolute path without . and ..",
		    path);
		return false;
	}
	return true;
}

bool
jail_add(struct jail_add *j, const char *path, unsigned depth)
{
	struct stat st;
	bool is_new, library = depth != 0;

	if (!path_ok(path))
		return false;
	if (!jail_paths_add(&j->done, path, &is_new) ||
	    depth > JAIL_DEPTH_MAX)
		return !tool_complain("too many files, or too deep: %s", path);
	if (!is_new)
		return true;
	if (lstat(path, &st) == -1)
		return !tool_complain("%s: %s", path, strerror(errno));
	if (S_ISLNK(st.st_mode)) {
		struct stat to;

		/* A library by its short name is that library. */
		if (library && stat(path, &to) == 0 && S_ISREG(to.st_mode) &&
		    strstr(path, ".so") != NULL)
			return add_file(j, path, depth);
		return add_link(j, path, depth);
	}
	if (S_ISDIR(st.st_mode))
		return add_folder(j, path, depth);
	return add_file(j, path, depth);
}
