#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sftp/dir.h"
#include "sftp/glob.h"
#include "sftp/match.h"
#include "sftp/ops.h"

struct names {
	char **v;
	size_t n, cap;
};

/*
 * The pattern is walked from left to right: `now` holds the names that its
 * part before `at` stands for, `next` those with one component more.
 */
struct glob {
	const struct jail_policy *policy;
	const char *base, *text;
	const char *at;			/* what is left of the pattern */
	struct view part;		/* the component being found */
	struct names now, next;
	size_t i;			/* of now, being extended */
	size_t first;			/* of next, from this directory */
	size_t bytes, count;		/* of both */
	int fd;				/* the directory being read, or -1 */
	struct dir *dir;
	bool done;
};

bool
glob_path(const char *base, const char *name, char out[], size_t n)
{
	bool alone = name[0] == '/' || base[0] == '\0';
	const char *slash = alone || strcmp(base, "/") == 0 ? "" : "/";

	return snprintf(out, n, "%s%s%s", alone ? "" : base, slash, name) <
	    (int)n;
}

/* ---- lists of names ---- */

static void
names_free(struct names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct names){ NULL, 0, 0 };
}

static enum err
names_room(struct names *l)
{
	size_t cap = l->cap != 0 ? l->cap * 2 : 16;
	char **v;

	if (l->n < l->cap)
		return OK;
	if ((v = realloc(l->v, cap * sizeof(*v))) == NULL)
		return ERR_NOMEM;
	l->v = v;
	l->cap = cap;
	return OK;
}

/* Puts front and name together into g->next. */
static enum err
add(struct glob *g, const char *front, struct view name)
{
	size_t n = strlen(front) + name.n + 1;
	enum err e = names_room(&g->next);
	char *s;

	if (e != OK)
		return e;
	if (n > PATH_MAX)
		return OK;	/* no file has such a name */
	if (g->count == GLOB_NAMES_MAX || n > GLOB_BYTES_MAX - g->bytes)
		return ERR_LIMIT;
	if ((s = malloc(n)) == NULL)
		return ERR_NOMEM;
	snprintf(s, n, "%s%.*s", front, (int)name.n, (const char *)name.p);
	g->next.v[g->next.n++] = s;
	g->count++;
	g->bytes += n;
	return OK;
}

/* ---- one component ---- */

static size_t
slashes(const struct glob *g)
{
	return strspn(g->at, "/");
}

/* A component that is no pattern, with the slashes around it: the name is
 * kept if there is such a file. */
static enum err
extend_plain(struct glob *g)
{
	char name[PATH_MAX], path[PATH_MAX];
	size_t n = 0;
	struct stat st;

	for (size_t i = 0; i < g->part.n && n < sizeof(name) - 1; i++) {
		if (g->part.p[i] == '\\' && i + 1 < g->part.n)
			i++;
		name[n++] = (char)g->part.p[i];
	}
	name[n] = '\0';
	if (n + strlen(g->now.v[g->i]) >= sizeof(name))
		return OK;
	memmove(name + strlen(g->now.v[g->i]), name, n + 1);
	memcpy(name, g->now.v[g->i], strlen(g->now.v[g->i]));
	if (!glob_path(g->base, name, path, sizeof(path)) ||
	    fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return OK;
	return add(g, name, view_of(NULL, 0));
}

/* Lets v[i] sink to its place in the heap of n names, largest first. */
static void
sink(char **v, size_t i, size_t n)
{
	char *name = v[i];
	size_t child;

	for (; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && strcmp(v[child + 1], v[child]) > 0)
			child++;
		if (strcmp(v[child], name) <= 0)
			break;
		v[i] = v[child];
	}
	v[i] = name;
}

/* Not qsort(3): libc's asks the kernel how much memory the machine has, which
 * a sealed process may not. */
static void
sort(char **v, size_t n)
{
	for (size_t i = n / 2; i-- != 0;)
		sink(v, i, n);
	while (n-- > 1) {
		char *last = v[n];

		v[n] = v[0];
		v[0] = last;
		sink(v, 0, n);
	}
}

static void
close_dir(struct glob *g)
{
	if (g->fd != -1)
		close(g->fd);
	g->fd = -1;
	free(g->dir);
	g->dir = NULL;
	if (g->next.n > g->first)
		sort(g->next.v + g->first, g->next.n - g->first);
}

/* False: it cannot be read, or may not, and stands for nothing then. */
static bool
open_dir(struct glob *g)
{
	const char *front = g->now.v[g->i];
	char path[PATH_MAX];
	struct req q = { .id = 0 };

	if (!glob_path(g->base, front[0] == '\0' ? "." : front, path,
	    sizeof(path)))
		return false;
	q.path = view_str(path);
	if (!ops_allowed(g->policy, ops_find(FXP_OPENDIR), &q))
		return false;
	g->fd = open(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_NOCTTY |
	    O_CLOEXEC);
	g->first = g->next.n;
	return g->fd != -1;
}

static bool
fits(const struct glob *g, const struct dirent64 *e)
{
	if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
		return false;
	return match_name(g->part, view_str(e->d_name));
}

/* Reads on in the directory of name i.  OK: it is all read. */
static enum err
extend_pattern(struct glob *g, size_t *budget)
{
	/* Long patterns cost more; those too long for a name do not. */
	size_t cost = 1 + g->part.n % (MATCH_PATTERN_MAX + 1) / 32;
	const struct dirent64 *e;
	enum err err = OK;
	int ignored;

	if (g->fd == -1 && !open_dir(g))
		return OK;
	if (g->dir == NULL && (g->dir = dir_new()) == NULL)
		return ERR_NOMEM;
	while (err == OK && (e = dir_peek(g->dir, g->fd, &ignored)) != NULL) {
		if (*budget < cost)
			return ERR_AGAIN;
		*budget -= cost;
		if (fits(g, e))
			err = add(g, g->now.v[g->i], view_str(e->d_name));
		dir_next(g->dir);
	}
	close_dir(g);
	return err;
}

/* ---- all of them ---- */

struct glob *
glob_new(const struct jail_policy *p, const char *base, const char *pattern,
    const char *text)
{
	struct glob *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	*g = (struct glob){ .policy = p, .base = base, .text = text,
	    .at = pattern, .fd = -1 };
	/* Nothing to look for: the name stands for itself. */
	if (!match_special(view_str(pattern))) {
		g->at = "";
		g->done = true;
	}
	return g;
}

void
glob_free(struct glob **g)
{
	struct glob *old = *g;

	*g = NULL;
	if (old == NULL)
		return;
	close_dir(old);
	names_free(&old->now);
	names_free(&old->next);
	free(old);
}

/* Slashes are as plain as the component behind them: they go in front of it,
 * so that every name in `now` that is a directory ends in one. */
static enum err
take_slashes(struct glob *g)
{
	size_t n = slashes(g);
	enum err e = OK;

	for (size_t i = 0; i < g->now.n && e == OK; i++)
		e = add(g, g->now.v[i], view_of(g->at, n));
	g->at += n;
	return e;
}

/* `next` becomes `now`. */
static void
turn(struct glob *g)
{
	for (size_t i = 0; i < g->now.n; i++)
		g->bytes -= strlen(g->now.v[i]) + 1;
	g->count -= g->now.n;
	names_free(&g->now);
	g->now = g->next;
	g->next = (struct names){ NULL, 0, 0 };
	g->i = 0;
}

/* The next component comes to hand.  OK, or the list of nothing. */
static enum err
begin_part(struct glob *g)
{
	enum err e = OK;

	if (g->now.n == 0 && g->part.p == NULL) {
		e = add(g, "", view_of(NULL, 0));	/* the beginning */
		turn(g);
	}
	if (e == OK && slashes(g) != 0) {
		e = take_slashes(g);
		turn(g);
	}
	g->part = view_of(g->at, strcspn(g->at, "/"));
	g->at += g->part.n;
	return e;
}

/* A component is found for every name so far. */
static enum err
end_part(struct glob *g)
{
	turn(g);
	g->part = view_of(g->at, 0);
	if (*g->at == '\0' || g->now.n == 0)
		g->done = true;
	return g->done ? OK : ERR_AGAIN;
}

enum err
glob_step(struct glob *g)
{
	size_t budget = GLOB_STEP;
	enum err e = OK;

	if (g->done)
		return OK;
	if (g->part.n == 0 && (e = begin_part(g)) != OK)
		return e;
	while (g->i < g->now.n) {
		if (budget == 0)
			return ERR_AGAIN;
		budget--;
		e = match_special(g->part) ? extend_pattern(g, &budget) :
		    extend_plain(g);
		if (e != OK)
			return e;
		g->i++;
	}
	return end_part(g);
}

size_t
glob_count(const struct glob *g)
{
	return g->now.n != 0 ? g->now.n : 1;
}

const char *
glob_name(const struct glob *g, size_t i)
{
	if (g->now.n == 0)
		return i == 0 ? g->text : NULL;
	return i < g->now.n ? g->now.v[i] : NULL;
}
