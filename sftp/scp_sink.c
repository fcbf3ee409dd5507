/*
 * `scp -t`: takes files.  Names of the client are single components below
 * directories that are held open, so that nothing it says leads elsewhere
 * than where it began; links that lie there are followed, as by SFTP.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sftp/glob.h"
#include "sftp/open.h"
#include "sftp/scp.h"

/* A directory that is being filled. */
struct level {
	int fd;			/* O_PATH; AT_FDCWD: see sink.into */
	size_t npath;		/* sink.path up to it */
	size_t name;		/* where in there its own name begins */
	bool made;		/* was not there before */
	bool timed;
	mode_t mode;		/* what the client says */
	struct timespec times[2];
};

struct sink {
	struct exec_session *s;
	struct scp_args args;
	enum { SINK_FIND, SINK_RECORD, SINK_DATA, SINK_STATUS } state;
	struct glob *glob;		/* the target */
	bool into;			/* it is a directory: names go below */
	struct level level[SCP_DEPTH_MAX];	/* 0: the target */
	size_t depth;
	char path[PATH_MAX];		/* of what is at hand, for people */
	size_t name;			/* its last part, below its level */
	bool timed;			/* a T came for the next */
	struct timespec times[2];
	/* the file at hand */
	struct handles handles;
	struct handle *h;
	uint64_t size, at;		/* announced, come so far */
	mode_t mode;
	bool file_timed;
	struct timespec file_times[2];
};

/* ---- places ---- */

static struct level *
top(struct sink *k)
{
	return &k->level[k->depth];
}

/* k->path becomes that of `name` here: the target itself where it is no
 * directory.  False: too long. */
static bool
place(struct sink *k, struct view name)
{
	size_t at = top(k)->npath;

	if (k->depth == 0 && !k->into) {
		k->path[at] = '\0';
		k->name = 0;
		return true;
	}
	if (at + 1 + name.n >= sizeof(k->path))
		return false;
	if (at != 0 && k->path[at - 1] != '/')
		k->path[at++] = '/';
	memcpy(k->path + at, name.p, name.n);
	k->path[at + name.n] = '\0';
	k->name = at;
	return true;
}

static bool
exists(struct sink *k, struct stat *st_out)
{
	return fstatat(top(k)->fd, k->path + k->name, st_out, 0) == 0;
}

static void
refuse(struct sink *k, const char *why)
{
	scp_no(k->s, k->path, NULL, why);
}

/* ---- the file at hand ---- */

/* What is left of an older, longer file goes; of one that failed stays what
 * has arrived. */
static void
cut(struct sink *k)
{
	struct stat st;

	if (fstat(k->h->fd, &st) == 0 && (uint64_t)st.st_size > k->h->put &&
	    ftruncate(k->h->fd, (off_t)k->h->put) == -1)
		handle_failed(k->h, errno);
}

/* The mode if -p asks for it, the times if the client has told them: some do
 * without -p.  Returns what could not be set, NULL if all could. */
static const char *
set_attrs(struct sink *k)
{
	if (!exec_allowed(k->s, FXP_FSETSTAT, k->path, 0))
		return NULL;
	if (k->args.times && fchmod(k->h->fd, k->mode) == -1)
		return "set mode";
	if (k->file_timed && futimens(k->h->fd, k->file_times) == -1)
		return "set times";
	return NULL;
}

/* The file is closed and told about; *what_out, *why_out: what the client is
 * told of it, or NULL. */
static void
end_file(struct sink *k, bool aborted, const char **what_out,
    const char **why_out)
{
	struct handle *h = k->h;

	*what_out = *why_out = NULL;
	cut(k);
	if (h->failed == NULL && !aborted &&
	    (*what_out = set_attrs(k)) != NULL)
		*why_out = status_errno(errno).text;
	if (!handle_shut(h))
		handle_failed(h, errno);
	if (h->failed != NULL) {
		*what_out = NULL;
		*why_out = h->failed;
	}
	event_transfer(&k->s->from, h, aborted);
	handle_free(&k->handles, &k->h);
}

/* Opens it, made by the mode that the client says and the umask. */
static int
open_file(struct sink *k, const struct scp_record *r, const char **why_out)
{
	struct status why;
	int fd;

	*why_out = EXEC_READ_ONLY;
	if (!exec_allowed(k->s, FXP_OPEN, k->path, FXF_WRITE | FXF_CREAT))
		return -1;
	fd = open_regular(top(k)->fd, k->path + k->name, O_WRONLY | O_CREAT,
	    r->mode & 07777, &why);
	*why_out = why.text;
	return fd;
}

static void
begin_file(struct sink *k, const struct scp_record *r)
{
	const char *why;
	int fd = open_file(k, r, &why);

	if (fd == -1) {
		refuse(k, why);
		return;
	}
	k->h = handle_new(&k->handles, HANDLE_FILE, fd, k->path);
	if (k->h == NULL) {
		refuse(k, status_errno(ENOMEM).text);
		return;
	}
	k->h->pflags = FXF_WRITE;
	k->h->whole = true;
	k->mode = r->mode & 07777;
	k->size = r->size;
	k->at = 0;
	k->file_timed = k->timed;
	memcpy(k->file_times, k->times, sizeof(k->times));
	k->state = r->size != 0 ? SINK_DATA : SINK_STATUS;
	scp_yes(k->s);
}

/* What cannot be kept is read all the same: the client sends it. */
static enum exec_step
data(struct sink *k)
{
	struct view v = wr_view(&k->s->in);

	if (v.n == 0)
		return EXEC_INPUT;
	if (v.n > k->size - k->at)
		v.n = (size_t)(k->size - k->at);
	if (k->h->failed == NULL && !handle_write(k->h, v, k->at))
		handle_failed(k->h, errno);
	k->at += v.n;
	k->s->bytes += v.n;
	wr_consume(&k->s->in, v.n);
	if (k->at == k->size)
		k->state = SINK_STATUS;
	return EXEC_AGAIN;
}

/* After the bytes, the client's word whether they are the file's. */
static enum exec_step
status(struct sink *k)
{
	enum scp_answer a = scp_answer(k->s);
	const char *what, *why;

	if (a == SCP_WAIT)
		return EXEC_INPUT;
	if (a == SCP_CUT || a == SCP_STOP) {
		k->s->status = 1;
		return EXEC_OVER;
	}
	if (a == SCP_NO && k->h->failed == NULL)
		k->h->failed = "The client could not read it";
	end_file(k, false, &what, &why);
	k->state = SINK_RECORD;
	if (a == SCP_NO)
		k->s->status = 1;	/* it has said so itself */
	if (a == SCP_NO || why == NULL)
		scp_yes(k->s);
	else
		scp_no(k->s, k->path, what, why);
	return EXEC_AGAIN;
}

/* ---- directories ---- */

/* Makes it if need be.  Its owner may use it while it is filled. */
static const char *
make_dir(struct sink *k, const struct scp_record *r, bool *made_out)
{
	struct stat st;
	int error;

	*made_out = !exists(k, &st);
	if (!*made_out)
		return S_ISDIR(st.st_mode) ? NULL : status_errno(ENOTDIR).text;
	if (!exec_allowed(k->s, FXP_MKDIR, k->path, 0))
		return EXEC_READ_ONLY;
	error = mkdirat(top(k)->fd, k->path + k->name,
	    (r->mode & 07777) | 0700) == 0 ? 0 : errno;
	event_change(&k->s->from, "dir-create", k->path, NULL, error);
	return error != 0 ? status_errno(error).text : NULL;
}

static void
begin_dir(struct sink *k, const struct scp_record *r)
{
	const char *why = k->depth + 1 == SCP_DEPTH_MAX ?
	    "Too many directories inside each other" : NULL;
	struct level l = { .mode = r->mode & 07777, .timed = k->timed };

	if (why == NULL)
		why = make_dir(k, r, &l.made);
	if (why == NULL) {
		l.fd = openat(top(k)->fd, k->path + k->name,
		    O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (l.fd == -1)
			why = status_errno(errno).text;
	}
	if (why != NULL) {
		refuse(k, why);
		return;
	}
	l.npath = strlen(k->path);
	l.name = k->name;
	memcpy(l.times, k->times, sizeof(l.times));
	k->level[++k->depth] = l;
	scp_yes(k->s);
}

/* Without -p, what mkdir(2) was given for us alone goes again. */
static bool
set_dir_mode(struct sink *k, const struct level *l, int parent)
{
	mode_t mode = l->mode;
	struct stat st;

	if (!k->args.times) {
		if (!l->made || (mode & 0700) == 0700)
			return true;
		if (fstatat(parent, k->path + l->name, &st, 0) == -1)
			return false;
		mode = st.st_mode & 07777 & ~(0700 & ~l->mode);
	}
	return fchmodat(parent, k->path + l->name, mode, 0) == 0;
}

/* The innermost directory is done.  Returns what could not be set, and why. */
static const char *
leave_dir(struct sink *k, int *error_out)
{
	struct level *l = top(k);
	int parent = k->level[--k->depth].fd;
	const char *what = NULL;

	close(l->fd);
	k->path[l->npath] = '\0';
	if (!l->made && !exec_allowed(k->s, FXP_SETSTAT, k->path, 0))
		return NULL;
	if (!set_dir_mode(k, l, parent)) {
		what = "set mode";
		*error_out = errno;
	}
	if (l->timed && utimensat(parent, k->path + l->name, l->times, 0) ==
	    -1) {
		what = "set times";
		*error_out = errno;
	}
	return what;
}

static enum exec_step
end_dir(struct sink *k)
{
	const char *what;
	int error;

	if (k->depth == 0)
		return scp_broken(k->s, "unexpected end of a directory");
	if ((what = leave_dir(k, &error)) != NULL)
		scp_no(k->s, k->path, what, status_errno(error).text);
	else
		scp_yes(k->s);
	return EXEC_AGAIN;
}

/* ---- records ---- */

static enum exec_step
begin(struct sink *k, const struct scp_record *r)
{
	if (r->kind == 'D' && !k->args.recursive)
		return scp_broken(k->s, "received directory without -r");
	if (!place(k, r->name))
		refuse(k, status_errno(ENAMETOOLONG).text);
	else if (r->kind == 'D')
		begin_dir(k, r);
	else
		begin_file(k, r);
	k->timed = false;
	return EXEC_AGAIN;
}

static enum exec_step
act(struct sink *k, const struct scp_record *r)
{
	switch (r->kind) {
	case 'C':
	case 'D':
		return begin(k, r);
	case 'T':
		k->timed = true;
		memcpy(k->times, r->times, sizeof(k->times));
		scp_yes(k->s);
		return EXEC_AGAIN;
	case 'E':
		k->timed = false;
		return end_dir(k);
	default:		/* something that the client cannot give */
		k->s->status = 1;
		return r->kind == '2' ? EXEC_OVER : EXEC_AGAIN;
	}
}

/* Who gives where it should take says \0, and waits for ever. */
static bool
begins_badly(struct view v)
{
	return v.n != 0 && memchr("CDET\1\2\n", v.p[0], 7) == NULL;
}

static enum exec_step
record(struct sink *k)
{
	struct scp_record r;
	struct view line;
	const char *why;

	if (begins_badly(wr_view(&k->s->in)))
		return scp_broken(k->s, "expected control record");
	switch (scp_line(k->s, &line)) {
	case OK:
		break;
	case ERR_AGAIN:
		return EXEC_INPUT;
	case ERR_CLOSED:	/* the end, if all has come that began */
		if (k->depth != 0 || wr_size(&k->s->in) != 0)
			k->s->status = 1;
		return EXEC_OVER;
	default:
		return scp_broken(k->s, "a line is too long");
	}
	if (!scp_record(line, &r, &why))
		return scp_broken(k->s, why);
	return act(k, &r);
}

/* ---- the target ---- */

/* Not even a directory to begin in. */
static enum exec_step
no_target(struct sink *k, int error)
{
	refuse(k, status_errno(error).text);
	return EXEC_OVER;
}

static enum exec_step
set_target(struct sink *k)
{
	const char *target = glob_name(k->glob, 0);
	struct level *l = &k->level[0];
	struct stat st;
	int error;

	if (glob_count(k->glob) != 1)
		return scp_fatal(k->s, "ambiguous target");
	l->npath = strlen(target);
	if (l->npath >= sizeof(k->path))
		return scp_fatal(k->s, status_errno(ENAMETOOLONG).text);
	memcpy(k->path, target, l->npath + 1);
	error = stat(target, &st) == -1 ? errno :
	    !S_ISDIR(st.st_mode) ? ENOTDIR : 0;
	k->into = error == 0;
	if (k->args.directory && !k->into)
		return no_target(k, error);
	if (k->into) {
		int fd = open(target, O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd == -1)
			return no_target(k, errno);
		l->fd = fd;
	}
	/* Where the session began: names are told without it. */
	if (k->into && strcmp(target, ".") == 0)
		l->npath = 0;
	k->state = SINK_RECORD;
	scp_yes(k->s);
	return EXEC_AGAIN;
}

static enum exec_step
find(struct sink *k)
{
	switch (glob_step(k->glob)) {
	case OK:
		return set_target(k);
	case ERR_AGAIN:
		return EXEC_AGAIN;
	default:
		return scp_fatal(k->s, "the pattern stands for too much");
	}
}

static enum exec_step
sink_step(struct exec_session *s)
{
	struct sink *k = s->state;

	switch (k->state) {
	case SINK_FIND:
		return find(k);
	case SINK_RECORD:
		return record(k);
	case SINK_DATA:
		return data(k);
	case SINK_STATUS:
		break;
	}
	return status(k);
}

void *
scp_sink_new(struct exec_session *s, const struct scp_args *a)
{
	const struct command_word *w = &s->command->word[a->first];
	struct sink *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->s = s;
	k->args = *a;
	k->level[0].fd = AT_FDCWD;
	k->glob = glob_new(s->policy, "", w->pattern, w->text);
	if (k->glob == NULL) {
		free(k);
		return NULL;
	}
	return k;
}

/* A file that is not whole stays as far as it has come. */
static void
sink_free(struct exec_session *s)
{
	struct sink *k = s->state;
	const char *what, *why;
	int error;

	if (k->h != NULL)
		end_file(k, true, &what, &why);
	while (k->depth != 0)
		(void)leave_dir(k, &error);
	if (k->level[0].fd != AT_FDCWD)
		close(k->level[0].fd);
	glob_free(&k->glob);
	free(k);
	s->state = NULL;
}

const struct exec_service scp_sink = {
	.name = "scp", .level = LOG_DEBUG,
	.step = sink_step, .free = sink_free, .unheard = true,
};
