#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "chroot/tool/jail.h"
#include "chroot/tool/tool.h"

#define TEXT_MAX	((size_t)1 << 20)	/* of passwd and group */

/* The kernel resolves links as if the jail were the root. */
static int
open_inside(const struct jail_add *j, const char *path, int flags)
{
	const struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, j->root, path, &how, sizeof(how));
}

/* Who could put something else there would decide what others run. */
static bool
folder_ok(const struct jail_add *j, int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return !tool_complain("%s%s: %s", j->jail, path,
		    strerror(errno));
	if (st.st_uid != geteuid() || (st.st_mode & 022) != 0) {
		tool_complain("%s%s can be changed by others, and nothing "
		    "that is run should stand there: chown %u '%s%s'; chmod "
		    "go-w '%s%s'", j->jail, path, (unsigned)geteuid(),
		    j->jail, path, j->jail, path);
		return false;
	}
	return true;
}

/* The folder at path, whose own parents are there; made if it is missing. */
static int
enter(const struct jail_add *j, int parent, const char *path,
    const char *name)
{
	int fd = open_inside(j, path, O_PATH | O_DIRECTORY);

	if (fd == -1 && errno == ENOENT) {
		if (mkdirat(parent, name, 0755) == -1 && errno != EEXIST) {
			tool_complain("%s%s: %s", j->jail, path,
			    strerror(errno));
			return -1;
		}
		fd = open_inside(j, path, O_PATH | O_DIRECTORY);
	}
	if (fd == -1)
		tool_complain("%s%s: %s", j->jail, path, strerror(errno));
	else if (!folder_ok(j, fd, path)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int
jail_parent(struct jail_add *j, const char *path, const char **name_out)
{
	char so_far[PATH_MAX];
	const char *at = path, *slash;
	int fd = open_inside(j, "/", O_PATH | O_DIRECTORY), next;

	if (fd == -1 || !folder_ok(j, fd, "")) {
		if (fd != -1)
			close(fd);
		return -1;
	}
	while ((slash = strchr(at + 1, '/')) != NULL) {
		snprintf(so_far, sizeof(so_far), "%.*s", (int)(slash - path),
		    path);
		next = enter(j, fd, so_far, so_far + (at - path) + 1);
		close(fd);
		if (next == -1)
			return -1;
		fd = next;
		at = slash;
	}
	*name_out = at + 1;
	return fd;
}

/* ---- files ---- */

static bool
failed(const struct jail_add *j, const char *path)
{
	tool_complain("%s%s: %s", j->jail, path, strerror(errno));
	return false;
}

static bool
copy_bytes(int from, int to)
{
	char buf[65536];
	ssize_t n, done, k;

	while ((n = read(from, buf, sizeof(buf))) > 0)
		for (done = 0; done < n; done += k)
			if ((k = write(to, buf + done, (size_t)(n - done))) <=
			    0)
				return false;
	return n == 0;
}

/* Never setuid: in a jail nobody needs to become root. */
static bool
finish(int fd, const struct stat *st)
{
	const struct timespec times[2] = { st->st_mtim, st->st_mtim };

	return fchmod(fd, (st->st_mode & 0111) != 0 ? 0755 : 0644) == 0 &&
	    futimens(fd, times) == 0;
}

/* A new file beside the name, and then in its place: whoever runs the old one
 * keeps it. */
static bool
replace(int dir, const char *name, int from, const struct stat *st)
{
	char temp[64];
	int to;
	bool ok;

	snprintf(temp, sizeof(temp), ".sallyport.%ld", (long)getpid());
	unlinkat(dir, temp, 0);
	to = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	if (to == -1)
		return false;
	ok = copy_bytes(from, to) && finish(to, st);
	ok = close(to) == 0 && ok && renameat(dir, temp, dir, name) == 0;
	if (!ok) {
		int saved = errno;

		unlinkat(dir, temp, 0);
		errno = saved;
	}
	return ok;
}

static bool
is_same(int dir, const char *name, const struct stat *st)
{
	struct stat have;

	return fstatat(dir, name, &have, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(have.st_mode) && have.st_size == st->st_size &&
	    have.st_uid == geteuid() &&
	    have.st_mtim.tv_sec == st->st_mtim.tv_sec &&
	    have.st_mtim.tv_nsec == st->st_mtim.tv_nsec &&
	    (have.st_mode & 07777) ==
	    ((st->st_mode & 0111) != 0 ? 0755 : 0644);
}

bool
jail_file(struct jail_add *j, int fd, const struct stat *st, const char *path)
{
	const char *name;
	int dir = jail_parent(j, path, &name);
	bool ok;

	if (dir == -1)
		return false;
	ok = is_same(dir, name, st);
	if (!ok && (ok = replace(dir, name, fd, st))) {
		j->copied++;
		printf("%s%s\n", j->jail, path);
	} else if (!ok)
		ok = failed(j, path);
	close(dir);
	return ok;
}

bool
jail_link(struct jail_add *j, const char *target, const char *path)
{
	char have[PATH_MAX];
	const char *name;
	int dir = jail_parent(j, path, &name);
	ssize_t n;
	bool ok = true;

	if (dir == -1)
		return false;
	n = readlinkat(dir, name, have, sizeof(have) - 1);
	have[n > 0 ? n : 0] = '\0';
	if (n < 0 || strcmp(have, target) != 0) {
		unlinkat(dir, name, 0);
		ok = symlinkat(target, dir, name) == 0;
		if (ok)
			printf("%s%s -> %s\n", j->jail, path, target);
		else
			ok = failed(j, path);
	}
	close(dir);
	return ok;
}

bool
jail_link_new(struct jail_add *j, const char *target, const char *path)
{
	const char *name;
	int dir = jail_parent(j, path, &name);
	struct stat st;
	bool there;

	if (dir == -1)
		return false;
	there = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	close(dir);
	return there || jail_link(j, target, path);
}

bool
jail_folder(struct jail_add *j, const char *path, mode_t mode)
{
	const char *name;
	int dir = jail_parent(j, path, &name);
	struct stat st;
	bool ok = true;

	if (dir == -1)
		return false;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1) {
		ok = mkdirat(dir, name, 0755) == 0 &&
		    fchmodat(dir, name, mode, 0) == 0;
		if (ok)
			printf("%s%s/\n", j->jail, path);
		else
			ok = failed(j, path);
	}
	close(dir);
	return ok;
}

bool
jail_device(struct jail_add *j, const char *path, unsigned major_,
    unsigned minor_)
{
	const char *name;
	int dir = jail_parent(j, path, &name);
	struct stat st;
	bool ok = true;

	if (dir == -1)
		return false;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1) {
		if (mknodat(dir, name, S_IFCHR | 0600,
		    makedev(major_, minor_)) == 0 &&
		    fchmodat(dir, name, 0666, 0) == 0)
			printf("%s%s\n", j->jail, path);
		else if (errno == EPERM)
			fprintf(stderr, "sallyport: no devices can be made "
			    "here: %s%s is missing\n", j->jail, path);
		else
			ok = failed(j, path);
	}
	close(dir);
	return ok;
}

/* ---- lines ---- */

static bool
has_line(const char *text, const char *line)
{
	size_t n = strcspn(line, ":") + 1;

	for (; text != NULL && *text != '\0';
	    text = strchr(text, '\n'), text += text != NULL)
		if (strncmp(text, line, n) == 0)
			return true;
	return false;
}

static char *
read_text(int dir, const char *name)
{
	char *text = calloc(1, TEXT_MAX + 1);
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd != -1) {
		if (text != NULL && read(fd, text, TEXT_MAX) == -1)
			text[0] = '\0';
		close(fd);
	}
	return text;
}

bool
jail_line(struct jail_add *j, const char *path, const char *line)
{
	const char *name;
	int dir = jail_parent(j, path, &name), fd;
	char *text;
	bool ok = true;

	if (dir == -1)
		return false;
	if ((text = read_text(dir, name)) == NULL)
		ok = failed(j, path);
	else if (!has_line(text, line)) {
		fd = openat(dir, name, O_WRONLY | O_APPEND | O_CREAT |
		    O_NOFOLLOW | O_CLOEXEC, 0644);
		ok = fd != -1 && fchmod(fd, 0644) == 0 &&
		    dprintf(fd, "%s\n", line) > 0;
		if (fd != -1)
			close(fd);
		if (ok)
			printf("%s%s: %s\n", j->jail, path, line);
		else
			ok = failed(j, path);
	}
	free(text);
	close(dir);
	return ok;
}
