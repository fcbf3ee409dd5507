#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config_parse.h"
#include "base/config_values.h"

static void load_file(struct parse *p, const char *path, unsigned depth,
    const struct mark *from, const struct path *at);

/* Where a fault about a whole file stands: at the include that named it. */
static void
file_fault(struct parse *p, const char *path, const struct mark *from,
    const struct path *at, const char *what)
{
	struct mark m = { 0, 1, 1 };

	p->incomplete = true;
	if (from != NULL) {
		tree_fault(&p->t, *from, at, "%s %s",
		    tree_quote(&p->t, view_str(path)), what);
		return;
	}
	if (tree_file(&p->t, path, &m.file))
		tree_fault(&p->t, m, NULL, "%s", what);
}

/* All of a regular file, at most TREE_MAX_FILE bytes; else *why_out. */
static bool
read_all(int fd, struct wr *w, const char **why_out)
{
	ssize_t n;

	for (;;) {
		uint8_t *room = wr_reserve(w, 65536);

		*why_out = "is too large; a file has at most 16 MiB";
		if (room == NULL)
			return false;
		n = read(fd, room, 65536);
		if (n == 0)
			return true;
		if (n > 0) {
			wr_commit(w, (size_t)n);
		} else if (errno != EINTR) {
			*why_out = "cannot be read; needs a file";
			return false;
		}
	}
}

/* O_NONBLOCK: a FIFO named here must not hold up a reload. */
static int
open_file(const char *path, struct stat *st, const char **why_out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd == -1) {
		*why_out = errno == ENOENT ?
		    "does not exist; needs a file" : errno == EACCES ?
		    "may not be read by this user; needs a readable file" :
		    "cannot be opened; needs a readable file";
		return -1;
	}
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	close(fd);
	*why_out = "is not a regular file; needs one";
	return -1;
}

/* Has this inode been read already?  Remembers it if not. */
static bool
seen_before(struct parse *p, const struct stat *st, const char *path,
    const char **before_out)
{
	struct { uint64_t dev, ino; } id = { st->st_dev, st->st_ino };
	struct view key = tree_copy(&p->t, view_of(&id, sizeof(id)));
	struct named *e = names_find(&p->seen_files, key);

	if (e != NULL) {
		*before_out = e->value;
		return true;
	}
	names_add(&p->t, &p->seen_files, key,
	    (void *)(uintptr_t)tree_copy(&p->t, view_str(path)).p);
	return false;
}

/* "dir/" of a path, escaped for glob(3) if asked. */
static char *
beside(const char *path, const char *name, bool escape)
{
	const char *slash = strrchr(path, '/');
	struct wr w = wr_new(2 * PATH_MAX);
	char *s;

	for (const char *c = path; slash != NULL && c <= slash; c++) {
		if (escape && strchr("*?[]\\", *c) != NULL)
			wr_u8(&w, '\\');
		wr_u8(&w, (uint8_t)*c);
	}
	wr_bytes(&w, view_str(name));
	s = w.bad ? NULL : view_dup(wr_view(&w));
	wr_free(&w);
	return s;
}

static void
include_one(struct parse *p, const char *path, const struct node *v,
    unsigned depth, const struct path *at)
{
	const char *name = (const char *)v->text.p;	/* NUL behind it */
	bool pattern = strpbrk(name, "*?[") != NULL;
	char *full = name[0] == '/' ? view_dup(v->text) :
	    beside(path, name, pattern);
	glob_t g;
	int e;

	if (full == NULL) {
		file_fault(p, name, &v->mark, at, "is too long a path; at "
		    "most 4095 bytes");
		return;
	}
	if (!pattern) {
		load_file(p, full, depth + 1, &v->mark, at);
		free(full);
		return;
	}
	e = glob(full, 0, NULL, &g);		/* sorted */
	for (size_t i = 0; e == 0 && i < g.gl_pathc; i++)
		load_file(p, g.gl_pathv[i], depth + 1, &v->mark, at);
	if (e == GLOB_NOSPACE)
		p->t.arena.bad = true;
	globfree(&g);
	free(full);
}

static void
include_all(struct parse *p, const char *path, const struct node *v,
    unsigned depth)
{
	struct path at = { NULL, view_str("include"), 0 };
	struct path here = { &at, view_of(NULL, 0), 0 };
	struct view text;

	if (!row_is_list(p, v, &at, CONFIG_MAX_LIST,
	    "file names or patterns"))
		return;
	for (const struct item *i = v->first; i != NULL;
	    i = i->next, here.index++) {
		if (!row_text(p, i->value, &here, "a file name or pattern",
		    &text))
			continue;
		if (text.n == 0)
			tree_fault(&p->t, i->value->mark, &here,
			    "is empty; needs a file name or pattern");
		else if (p->follow)
			include_one(p, path, i->value, depth, &here);
	}
}

static const struct node *
load_text(struct parse *p, uint32_t file, struct view text)
{
	const struct node *include = NULL;
	struct node *root;
	bool empty;

	root = tree_load(&p->t, file, text, &empty);
	if (root == NULL) {
		if (!empty)
			p->incomplete = true;
		return NULL;
	}
	if (root->kind != NODE_MAP && !node_is_null(root)) {
		p->incomplete = true;
		tree_fault(&p->t, root->mark, NULL,
		    "is %s; needs a mapping of keys", node_word(root));
		return NULL;
	}
	tree_check(&p->t, root, NULL);
	schema_collect(p, root, &include);
	return include;
}

static void
load_file(struct parse *p, const char *path, unsigned depth,
    const struct mark *from, const struct path *at)
{
	const struct node *include = NULL;
	struct wr text = wr_new(TREE_MAX_FILE + 65536);
	const char *why, *before;
	struct stat st;
	uint32_t file;
	int fd = -1;

	if (depth > CONFIG_MAX_INCLUDE) {
		file_fault(p, path, from, at, "is included too deep; at most "
		    "8 levels");
		goto out;
	}
	if ((fd = open_file(path, &st, &why)) == -1) {
		file_fault(p, path, from, at, why);
		goto out;
	}
	if (seen_before(p, &st, path, &before)) {
		tree_fault(&p->t, *from, at, "%s has been read already as %s; "
		    "a file is included once",
		    tree_quote(&p->t, view_str(path)),
		    tree_quote(&p->t, view_str(before)));
		goto out;
	}
	if (!read_all(fd, &text, &why)) {
		file_fault(p, path, from, at, why);
		goto out;
	}
	if (!tree_file(&p->t, path, &file)) {
		if (from != NULL)
			file_fault(p, path, from, at, "is one file too many; "
			    "at most 65536");
		goto out;
	}
	include = load_text(p, file, wr_view(&text));
out:
	wr_free(&text);
	if (fd != -1)
		close(fd);
	if (include != NULL)
		include_all(p, path, include, depth);
}

void
files_load(struct parse *p, const char *path)
{
	p->follow = true;
	load_file(p, path, 0, NULL, NULL);
}

void
files_load_text(struct parse *p, const char *name, struct view text)
{
	const struct node *include = NULL;
	uint32_t file;

	if (tree_file(&p->t, name, &file))
		include = load_text(p, file, text);
	if (include != NULL)
		include_all(p, name, include, 0);
}
