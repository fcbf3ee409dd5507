/*
 * `sallyport jail add`: programs with what they need, copied into a jail.
 *
 *	jail.c		the words, and what is always there
 *	jail_add.c	one file or folder: what it is, and what comes with it
 *	jail_needs.c	what a program needs to start
 *	jail_place.c	making folders and files inside of the jail
 */
#ifndef CHROOT_TOOL_JAIL_H
#define CHROOT_TOOL_JAIL_H

#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"

#define JAIL_FILES_MAX	10000		/* of one run */
#define JAIL_DEPTH_MAX	32		/* folders, and what needs what */

/* A set of paths, absolute. */
struct jail_paths {
	char **v;
	size_t n, cap;
};
/* False: no memory.  *new_out: it was not there. */
bool jail_paths_add(struct jail_paths *p, const char *path, bool *new_out)
    MUST_CHECK;
void jail_paths_free(struct jail_paths *p);

struct jail_add {
	int root;			/* the jail, O_PATH */
	const char *jail;		/* its path, for people */
	struct jail_paths done;
	size_t copied;
};

/* ---- jail_add.c ---- */
/* Copies path, which is absolute, to the same place in the jail, and what it
 * needs.  False: it has complained. */
bool jail_add(struct jail_add *j, const char *path, unsigned depth)
    MUST_CHECK;

/* ---- jail_needs.c ---- */
/* The loader that a program names, as a C string of less than n bytes; false:
 * none, so it is linked whole, or no program. */
bool jail_interpreter(int fd, char *out, size_t n) MUST_CHECK;
/* Appends what the file on fd needs: interpreter and libraries of a program,
 * the interpreter of a script.  False: it has complained. */
bool jail_needs(int fd, const char *path, struct jail_paths *out) MUST_CHECK;

/* ---- jail_place.c: all inside of the jail ---- */
/*
 * The folder that holds the last name of path, made if it is missing; links
 * lead nowhere but inside of the jail.  *name_out points into path.  -1: it
 * has complained, also about folders that others could change.
 */
int jail_parent(struct jail_add *j, const char *path, const char **name_out);
/* A copy of the file on fd, which takes its place at once and whole. */
bool jail_file(struct jail_add *j, int fd, const struct stat *st,
    const char *path) MUST_CHECK;
bool jail_link(struct jail_add *j, const char *target, const char *path)
    MUST_CHECK;
/* The same if there is nothing yet. */
bool jail_link_new(struct jail_add *j, const char *target, const char *path)
    MUST_CHECK;
bool jail_folder(struct jail_add *j, const char *path, mode_t mode)
    MUST_CHECK;
/* A character device; where none can be made, it says so and goes on. */
bool jail_device(struct jail_add *j, const char *path, unsigned major,
    unsigned minor) MUST_CHECK;
/* Adds a line to a text file of the jail, unless one begins like it up to and
 * with its first colon. */
bool jail_line(struct jail_add *j, const char *path, const char *line)
    MUST_CHECK;

#endif
