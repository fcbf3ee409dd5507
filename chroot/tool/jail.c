#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chroot/jail.h"
#include "chroot/tool/jail.h"
#include "chroot/tool/tool.h"

#define USERS_MAX	64
#define WHY_MAX		1024

struct words {
	const char *jail;
	const char *users[USERS_MAX];	/* NAME:UID:GID[:HOME] */
	size_t nusers;
	char **files;
	size_t nfiles;
};

static bool
read_words(int argc, char **argv, struct words *w)
{
	int i = 2;

	*w = (struct words){ .jail = NULL };
	if (argc < 2 || strcmp(argv[1], "add") != 0)
		return false;
	for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
		if (strcmp(argv[i], "--jail") == 0 && w->jail == NULL)
			w->jail = argv[i + 1];
		else if (strcmp(argv[i], "--user") == 0 &&
		    w->nusers < USERS_MAX)
			w->users[w->nusers++] = argv[i + 1];
		else
			return false;
	}
	w->files = argv + i;
	w->nfiles = (size_t)(argc - i);
	return w->jail != NULL && w->nfiles + w->nusers != 0 &&
	    (w->nfiles == 0 || argv[i][0] != '-');
}

/* ---- what programs find in any jail ---- */

/* Where /bin leads to /usr/bin on the host, it does in the jail: programs
 * call each other by either name. */
static bool
add_merged(struct jail_add *j)
{
	static const char *const names[] = {
		"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
	};
	char target[64], path[80];
	bool ok = true;

	for (size_t i = 0; ok && i < sizeof(names) / sizeof(names[0]); i++) {
		ssize_t n = readlink(names[i], target, sizeof(target) - 1);

		if (n <= 0)
			continue;
		target[n] = '\0';
		snprintf(path, sizeof(path), "/%s", target);
		if (strncmp(target, "usr/", 4) == 0 &&
		    strchr(target + 4, '/') == NULL)
			ok = jail_folder(j, path, 0755) &&
			    jail_link_new(j, target, names[i]);
	}
	return ok;
}

static bool
add_basics(struct jail_add *j)
{
	static const struct {
		const char *path;
		unsigned major, minor;
	} devices[] = {
		{ "/dev/null", 1, 3 }, { "/dev/zero", 1, 5 },
		{ "/dev/full", 1, 7 }, { "/dev/random", 1, 8 },
		{ "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 },
	};
	bool ok = add_merged(j) && jail_folder(j, "/tmp", 01777);

	for (size_t i = 0; ok && i < sizeof(devices) / sizeof(devices[0]);
	    i++)
		ok = jail_device(j, devices[i].path, devices[i].major,
		    devices[i].minor);
	return ok && jail_line(j, "/etc/passwd",
	    "root:x:0:0:root:/root:/sbin/nologin") &&
	    jail_line(j, "/etc/group", "root:x:0:");
}

static bool
number_ok(const char *s)
{
	return *s != '\0' && strlen(s) <= 10 &&
	    strspn(s, "0123456789") == strlen(s);
}

static bool
name_ok(const char *s)
{
	if (*s == '\0' || *s == '-' || strlen(s) > 64)
		return false;
	for (; *s != '\0'; s++)
		if ((unsigned char)*s <= ' ' || *s == ':' || *s == '/' ||
		    *s == 0x7f)
			return false;
	return true;
}

static bool
home_ok(const char *s)
{
	if (*s != '/' || strlen(s) > 1024)
		return false;
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == ':' || *s == 0x7f)
			return false;
	return true;
}

/* NAME:UID:GID[:HOME]: so that programs can call the user by name. */
static bool
add_user(struct jail_add *j, const char *word)
{
	char text[2048], line[4096], *part[4] = { NULL }, *rest = text;
	size_t n = 0;

	if ((size_t)snprintf(text, sizeof(text), "%s", word) < sizeof(text))
		while (n < 4 && (part[n] = strsep(&rest, ":")) != NULL)
			n++;
	if (n < 3 || rest != NULL || !name_ok(part[0]) ||
	    !number_ok(part[1]) || !number_ok(part[2]) ||
	    (n == 4 && !home_ok(part[3]))) {
		tool_complain("%s is no user; use NAME:UID:GID or "
		    "NAME:UID:GID:HOME", word);
		return false;
	}
	snprintf(line, sizeof(line), "%s:x:%s:%s::%s:/bin/sh", part[0],
	    part[1], part[2], n == 4 ? part[3] : "/");
	if (!jail_line(j, "/etc/passwd", line))
		return false;
	snprintf(line, sizeof(line), "%s:x:%s:", part[0], part[2]);
	return jail_line(j, "/etc/group", line);
}

/* ---- the command ---- */

/* A name without a slash is looked for where programs are. */
static const char *
find_program(const char *word, char *out, size_t n)
{
	static const char *const dirs[] = {
		"/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin",
	};

	if (strchr(word, '/') != NULL)
		return word;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(out, n, "%s/%s", dirs[i], word);
		if (access(out, X_OK) == 0)
			return out;
	}
	tool_complain("there is no program %s", word);
	return NULL;
}

/* A jail for programs is root's alone, as the daemon will ask. */
static bool
open_jail(struct jail_add *j)
{
	const struct jail_spec spec = {
		.path = view_str(j->jail), .programs = geteuid() == 0,
	};
	char why[WHY_MAX];

	if (jail_open(&spec, &j->root, why, sizeof(why)) == OK)
		return true;
	tool_complain("%s", why);
	return false;
}

int
tool_jail(int argc, char **argv)
{
	char path[PATH_MAX], jail[PATH_MAX];
	struct jail_add j = { .root = -1 };
	struct words w;
	const char *found;
	bool ok;

	if (!read_words(argc, argv, &w))
		return TOOL_USAGE;
	snprintf(jail, sizeof(jail), "%s", w.jail);
	while (strlen(jail) > 1 && jail[strlen(jail) - 1] == '/')
		jail[strlen(jail) - 1] = '\0';
	j.jail = jail;
	umask(022);
	ok = open_jail(&j) && add_basics(&j);
	for (size_t i = 0; ok && i < w.nusers; i++)
		ok = add_user(&j, w.users[i]);
	for (size_t i = 0; ok && i < w.nfiles; i++) {
		found = find_program(w.files[i], path, sizeof(path));
		ok = found != NULL && jail_add(&j, found, 0);
	}
	if (j.root != -1)
		close(j.root);
	jail_paths_free(&j.done);
	return ok ? TOOL_OK : TOOL_FAILED;
}
