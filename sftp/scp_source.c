/*
 * `scp -f`: gives files, and directories with what is below them.  Links are
 * followed, as scp does everywhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sftp/dir.h"
#include "sftp/glob.h"
#include "sftp/open.h"
#include "sftp/resolve.h"
#include "sftp/scp.h"

/* Bytes of a file in one step. */
#define CHUNK	((size_t)192 << 10)
_Static_assert(CHUNK + SCP_LINE_MAX < EXEC_STEP_MAX, "a step fits");

/* A directory that is being given. */
struct level {
	int fd;
	struct dir *dir;
	dev_t dev;
	ino_t ino;
	size_t npath;		/* source.path up to it */
};

struct source {
	struct exec_session *s;
	struct scp_args args;
	enum {
		SOURCE_GREET,	/* the client's first word */
		SOURCE_FIND,	/* what a path of the command stands for */
		SOURCE_PICK,	/* what comes next */
		SOURCE_TIMES,	/* answers to T, C or D, E */
		SOURCE_HEAD,
		SOURCE_END,
		SOURCE_DATA,
		SOURCE_TAIL	/* after the bytes */
	} state;
	size_t word;		/* of the command, the next path */
	struct glob *glob;	/* what it stands for */
	size_t i;		/* of it, the next name */
	struct level level[SCP_DEPTH_MAX];
	size_t depth;		/* levels in use */
	char path[PATH_MAX];	/* of what is at hand */
	char name[PATH_MAX];	/* as the client is told */
	int fd;			/* of it, until it is asked for; or -1 */
	struct stat st;
	struct handles handles;
	struct handle *h;	/* the file being given */
	uint64_t at;
	const char *cut;	/* why not all of it can be read, static */
};

static struct level *
top(struct source *g)
{
	return &g->level[g->depth - 1];
}

/* ---- files ---- */

static void
end_file(struct source *g, bool aborted)
{
	event_transfer(&g->s->from, g->h, aborted);
	handle_free(&g->handles, &g->h);
}

static bool
begin_file(struct source *g)
{
	g->h = handle_new(&g->handles, HANDLE_FILE, g->fd, g->path);
	g->fd = -1;
	g->at = 0;
	g->cut = NULL;
	if (g->h == NULL)
		return false;
	g->h->pflags = FXF_READ;
	g->h->whole = true;
	g->state = SOURCE_DATA;
	return true;
}

/* The next bytes of the file; of one that cannot be read to the size that has
 * been told, the rest is made of zeros, and said to be. */
static bool
put_bytes(struct source *g)
{
	uint64_t left = (uint64_t)g->st.st_size - g->at;
	size_t want = left < CHUNK ? (size_t)left : CHUNK;
	uint8_t *p = wr_reserve(&g->s->out, want);
	ssize_t n = 0;

	if (p == NULL)
		return false;
	if (g->cut == NULL) {
		do
			n = pread(g->h->fd, p, want, (off_t)g->at);
		while (n == -1 && errno == EINTR);
		if (n <= 0)
			g->cut = n == 0 ? "It has become shorter" :
			    status_errno(errno).text;
		else
			g->h->got += (uint64_t)n;
	}
	if (g->cut != NULL) {
		memset(p, 0, want);
		n = (ssize_t)want;
	}
	wr_commit(&g->s->out, (size_t)n);
	g->at += (uint64_t)n;
	g->s->bytes += (uint64_t)n;
	return true;
}

static enum exec_step
data(struct source *g)
{
	if (g->at < (uint64_t)g->st.st_size && !put_bytes(g))
		return EXEC_OVER;
	if (g->at < (uint64_t)g->st.st_size)
		return EXEC_AGAIN;
	if (g->cut != NULL) {
		g->h->failed = g->cut;
		scp_no(g->s, g->path, NULL, g->cut);
	} else
		scp_yes(g->s);
	g->state = SOURCE_TAIL;
	return EXEC_AGAIN;
}

/* ---- directories ---- */

static bool
begin_dir(struct source *g)
{
	struct dir *d = dir_new();

	if (d == NULL)
		return false;
	g->level[g->depth++] = (struct level){ .fd = g->fd, .dir = d,
	    .dev = g->st.st_dev, .ino = g->st.st_ino,
	    .npath = strlen(g->path) };
	g->fd = -1;
	g->state = SOURCE_PICK;
	return true;
}

static void
leave_dir(struct source *g)
{
	struct level *l = &g->level[--g->depth];

	close(l->fd);
	free(l->dir);
}

/* A link may lead back to where we come from. */
static bool
is_above(const struct source *g)
{
	for (size_t i = 0; i < g->depth; i++)
		if (g->level[i].dev == g->st.st_dev &&
		    g->level[i].ino == g->st.st_ino)
			return true;
	return false;
}

/* ---- records ---- */

static void
put_record(struct source *g)
{
	bool dir = S_ISDIR(g->st.st_mode);
	char head[64];

	snprintf(head, sizeof(head), "%c%04o %" PRIu64 " ", dir ? 'D' : 'C',
	    (unsigned)g->st.st_mode & 07777,
	    dir ? 0 : (uint64_t)g->st.st_size);
	wr_bytes(&g->s->out, view_str(head));
	/* A line ends where it ends: a line feed in a name is told as scp
	 * tells it. */
	for (const char *p = g->name; *p != '\0'; p++)
		wr_bytes(&g->s->out, *p == '\n' ? view_str("\\012") :
		    view_of(p, 1));
	wr_u8(&g->s->out, '\n');
	g->state = SOURCE_HEAD;
}

static uint64_t
seconds(const struct timespec *t)
{
	return t->tv_sec < 0 ? 0 : (uint64_t)t->tv_sec;
}

static void
put_times(struct source *g)
{
	char line[128];

	snprintf(line, sizeof(line), "T%" PRIu64 " 0 %" PRIu64 " 0\n",
	    seconds(&g->st.st_mtim), seconds(&g->st.st_atim));
	wr_bytes(&g->s->out, view_str(line));
	g->state = SOURCE_TIMES;
}

/* ---- what comes next ---- */

static const char *
obstacle(struct source *g)
{
	if (S_ISREG(g->st.st_mode))
		return g->st.st_size < 0 ? "Negative file size" : NULL;
	if (!g->args.recursive)
		return "Not a regular file";
	if (!exec_allowed(g->s, FXP_OPENDIR, g->path, 0))
		return status_errno(EACCES).text;
	if (g->depth == SCP_DEPTH_MAX)
		return "Too many directories inside each other";
	return is_above(g) ? "Is inside of itself" : NULL;
}

/* Opens `name` in the directory at hand and tells the client of it. */
static void
offer(struct source *g, int dir, const char *name)
{
	struct status why = status_errno(EACCES);

	if (exec_allowed(g->s, FXP_OPEN, g->path, FXF_READ))
		g->fd = open_any(dir, name, &g->st, &why);
	if (g->fd != -1)
		why.text = obstacle(g);
	if (g->fd == -1 || why.text != NULL) {
		scp_no(g->s, g->path, NULL, why.text);
		if (g->fd != -1)
			close(g->fd);
		g->fd = -1;
		return;
	}
	if (g->args.times)
		put_times(g);
	else
		put_record(g);
}

/* The entry at hand of the innermost directory. */
static void
offer_entry(struct source *g, const struct dirent64 *e)
{
	size_t at = top(g)->npath, n = strlen(e->d_name);

	if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
		return;
	g->path[at] = '\0';
	if (at + 1 + n >= sizeof(g->path)) {
		scp_no(g->s, g->path, NULL, status_errno(ENAMETOOLONG).text);
		return;
	}
	if (at != 0 && g->path[at - 1] != '/')
		g->path[at++] = '/';
	memcpy(g->path + at, e->d_name, n + 1);
	memcpy(g->name, e->d_name, n + 1);
	offer(g, top(g)->fd, e->d_name);
}

static void
pick_entry(struct source *g)
{
	const struct dirent64 *e;
	int error;

	e = dir_peek(top(g)->dir, top(g)->fd, &error);
	if (e != NULL) {
		offer_entry(g, e);
		dir_next(top(g)->dir);
		return;
	}
	g->path[top(g)->npath] = '\0';
	if (error != 0)
		scp_no(g->s, g->path, NULL, status_errno(error).text);
	wr_bytes(&g->s->out, view_str("E\n"));
	g->state = SOURCE_END;
}

/* The name that the client is told: the last component, and never a way up or
 * none at all. */
static bool
find_name(struct source *g)
{
	const char *last = strrchr(g->path, '/');

	last = last != NULL ? last + 1 : g->path;
	if (*last != '\0' && strcmp(last, "..") != 0) {
		memcpy(g->name, last, strlen(last) + 1);
		return true;
	}
	if (!resolve_path(g->path, g->name))
		return true;		/* opening it says the same */
	last = strrchr(g->name, '/') + 1;
	memmove(g->name, last, strlen(last) + 1);
	return g->name[0] != '\0';
}

static void
offer_path(struct source *g, const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	if (n >= sizeof(g->path)) {
		scp_no(g->s, "", NULL, status_errno(ENAMETOOLONG).text);
		return;
	}
	memcpy(g->path, path, n);
	g->path[n] = '\0';
	if (!find_name(g))
		scp_no(g->s, path, NULL, "The root has no name; use /*");
	else
		offer(g, AT_FDCWD, path);
}

static enum exec_step
pick(struct source *g)
{
	const char *path;

	if (g->depth != 0) {
		pick_entry(g);
		return EXEC_AGAIN;
	}
	if ((path = glob_name(g->glob, g->i)) == NULL) {
		g->state = SOURCE_FIND;
		glob_free(&g->glob);
		return EXEC_AGAIN;
	}
	g->i++;
	offer_path(g, path);
	return EXEC_AGAIN;
}

/* The next path of the command. */
static enum err
find_next(struct source *g)
{
	const struct command_word *w = &g->s->command->word[g->word];

	g->word++;
	g->i = 0;
	g->glob = glob_new(g->s->policy, "", w->pattern, w->text);
	return g->glob != NULL ? OK : ERR_NOMEM;
}

static enum exec_step
find(struct source *g)
{
	enum err e = OK;

	if (g->glob == NULL && g->word == g->args.first + g->args.n)
		return EXEC_OVER;
	if (g->glob == NULL)
		e = find_next(g);
	if (e == OK)
		e = glob_step(g->glob);
	if (e == OK)
		g->state = SOURCE_PICK;
	return e == OK || e == ERR_AGAIN ? EXEC_AGAIN :
	    scp_fatal(g->s, "the pattern stands for too much");
}

/* ---- answers ---- */

/* The client does not want what it was told of. */
static void
refused(struct source *g)
{
	g->s->status = 1;
	switch (g->state) {
	case SOURCE_TAIL:
		if (g->h->failed == NULL)
			g->h->failed = "The client could not keep it";
		end_file(g, false);
		break;
	case SOURCE_END:
		leave_dir(g);
		break;
	default:
		if (g->fd != -1)
			close(g->fd);
		g->fd = -1;
		break;
	}
	g->state = g->glob != NULL ? SOURCE_PICK : SOURCE_FIND;
}

static enum exec_step
agreed(struct source *g)
{
	switch (g->state) {
	case SOURCE_GREET:
		g->state = SOURCE_FIND;
		break;
	case SOURCE_TIMES:
		put_record(g);
		break;
	case SOURCE_HEAD:
		if (!(S_ISDIR(g->st.st_mode) ? begin_dir(g) : begin_file(g)))
			return scp_fatal(g->s, status_errno(ENOMEM).text);
		break;
	case SOURCE_TAIL:
		end_file(g, false);
		g->state = SOURCE_PICK;
		break;
	default:
		leave_dir(g);
		g->state = SOURCE_PICK;
		break;
	}
	return EXEC_AGAIN;
}

static enum exec_step
answer(struct source *g)
{
	switch (scp_answer(g->s)) {
	case SCP_WAIT:
		return EXEC_INPUT;
	case SCP_YES:
		return agreed(g);
	case SCP_NO:
		refused(g);
		return EXEC_AGAIN;
	default:
		g->s->status = 1;
		return EXEC_OVER;
	}
}

static enum exec_step
source_step(struct exec_session *s)
{
	struct source *g = s->state;

	switch (g->state) {
	case SOURCE_FIND:
		return find(g);
	case SOURCE_PICK:
		return pick(g);
	case SOURCE_DATA:
		return data(g);
	default:
		return answer(g);
	}
}

void *
scp_source_new(struct exec_session *s, const struct scp_args *a)
{
	struct source *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	g->s = s;
	g->args = *a;
	g->word = a->first;
	g->fd = -1;
	return g;
}

static void
source_free(struct exec_session *s)
{
	struct source *g = s->state;

	if (g->h != NULL)
		end_file(g, true);
	if (g->fd != -1)
		close(g->fd);
	while (g->depth != 0)
		leave_dir(g);
	glob_free(&g->glob);
	free(g);
	s->state = NULL;
}

const struct exec_service scp_source = {
	.name = "scp", .level = LOG_DEBUG,
	.step = source_step, .free = source_free,
};
