#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sftp/builtin.h"
#include "sftp/glob.h"
#include "sftp/resolve.h"
#include "sftp/status.h"

/* ---- operands ---- */

const char *
builtin_word(const struct builtin *b, size_t i)
{
	const struct command *c = b->s->command;
	const struct command_part *part = &c->part[b->part];

	return i < part->n ? c->word[part->first + i].text : NULL;
}

void
builtin_fail(struct builtin *b, const char *name, const char *why)
{
	b->last = 1;
	exec_complain(b->s, builtin_row(b)->name, name, why);
}

enum err
builtin_name(struct builtin *b, const char **name_out)
{
	const struct command *c = b->s->command;
	const struct command_word *w;
	enum err e;

	for (;;) {
		if (b->glob == NULL) {
			if (builtin_word(b, b->word) == NULL)
				return ERR_CLOSED;
			w = &c->word[c->part[b->part].first + b->word++];
			b->i = 0;
			b->glob = glob_new(b->s->policy, b->dir, w->pattern,
			    w->text);
		}
		e = b->glob != NULL ? glob_step(b->glob) : ERR_NOMEM;
		if (e != OK)
			return e;
		if ((*name_out = glob_name(b->glob, b->i)) != NULL) {
			b->i++;
			return OK;
		}
		glob_free(&b->glob);
	}
}

/* Does without options; the -- that would end them may be there. */
static bool
no_options(struct builtin *b)
{
	const char *w = builtin_word(b, b->word);

	if (w != NULL && strcmp(w, "--") == 0)
		b->word++;
	else if (w != NULL && w[0] == '-' && w[1] != '\0') {
		builtin_fail(b, w, "unknown option");
		return false;
	}
	return true;
}

/* What builtin_name says when it is not a name. */
static enum exec_step
no_name(struct builtin *b, enum err e)
{
	if (e == ERR_AGAIN)
		return EXEC_AGAIN;
	if (e != ERR_CLOSED)
		builtin_fail(b, NULL, "the pattern stands for too much");
	return EXEC_OVER;
}

/* ---- pwd, cd, echo ---- */

static bool
pwd_begin(struct builtin *b)
{
	const char *w = builtin_word(b, b->word);

	if (w != NULL && (strcmp(w, "-P") == 0 || strcmp(w, "-L") == 0))
		b->word++;
	return no_options(b);
}

static enum exec_step
pwd_step(struct builtin *b)
{
	char path[PATH_MAX];

	if (resolve_path(b->dir[0] != '\0' ? b->dir : ".", path)) {
		wr_bytes(&b->s->out, view_str(path));
		wr_u8(&b->s->out, '\n');
	} else
		builtin_fail(b, NULL, status_errno(errno).text);
	return EXEC_OVER;
}

static void
change_dir(struct builtin *b, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	if (!glob_path(b->dir, name, path, sizeof(path)))
		errno = ENAMETOOLONG;
	else if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		errno = ENOTDIR;
	else if (faccessat(AT_FDCWD, path, X_OK, 0) == 0) {
		memcpy(b->dir, path, sizeof(path));
		return;
	}
	builtin_fail(b, name, status_errno(errno).text);
}

static enum exec_step
cd_step(struct builtin *b)
{
	const char *home = b->s->policy->home, *name;
	enum err e = builtin_name(b, &name);

	if (e == ERR_CLOSED)
		change_dir(b, home != NULL ? home : "/");
	if (e != OK)
		return no_name(b, e);
	if (glob_name(b->glob, 1) != NULL || builtin_word(b, b->word) != NULL)
		builtin_fail(b, NULL, "too many arguments");
	else
		change_dir(b, name);
	return EXEC_OVER;
}

static bool
echo_begin(struct builtin *b)
{
	const char *w = builtin_word(b, b->word);

	if (w != NULL && strcmp(w, "-n") == 0)
		b->word++;
	return true;
}

static enum exec_step
echo_step(struct builtin *b)
{
	const char *w = builtin_word(b, 1), *name;
	enum err e = builtin_name(b, &name);

	if (e == OK) {
		if (b->told)
			wr_u8(&b->s->out, ' ');
		wr_bytes(&b->s->out, view_str(name));
		b->told = true;
		return EXEC_AGAIN;
	}
	if (e == ERR_CLOSED && (w == NULL || strcmp(w, "-n") != 0))
		wr_u8(&b->s->out, '\n');
	return no_name(b, e);
}

/* ---- all of them ---- */

static const struct builtin_row rows[] = {
	{ "md5sum", checksum_begin, checksum_step, "md5" },
	{ "sha1sum", checksum_begin, checksum_step, "sha1" },
	{ "sha256sum", checksum_begin, checksum_step, "sha256" },
	{ "sha384sum", checksum_begin, checksum_step, "sha384" },
	{ "sha512sum", checksum_begin, checksum_step, "sha512" },
	{ "pwd", pwd_begin, pwd_step, NULL },
	{ "cd", no_options, cd_step, NULL },
	{ "echo", echo_begin, echo_step, NULL },
};
#define NROWS	(sizeof(rows) / sizeof(rows[0]))

const char *
exec_builtin_name(size_t i)
{
	return i < NROWS ? rows[i].name : NULL;
}

uint32_t
exec_builtin_bit(const char *name)
{
	for (size_t i = 0; i < NROWS; i++)
		if (strcmp(name, rows[i].name) == 0)
			return (uint32_t)1 << i;
	return 0;
}

const struct builtin_row *
builtin_row(const struct builtin *b)
{
	const char *name = builtin_word(b, 0);

	for (size_t i = 0; i < NROWS; i++)
		if (strcmp(name, rows[i].name) == 0)
			return &rows[i];
	return NULL;		/* exec_ask has looked */
}

/* The part has ended; those behind an && come only after a success. */
static enum exec_step
next_part(struct builtin *b)
{
	const struct command *c = b->s->command;

	glob_free(&b->glob);
	b->begun = false;
	do
		b->part++;
	while (b->part < c->nparts && c->part[b->part].if_ok && b->last != 0);
	if (b->part < c->nparts)
		return EXEC_AGAIN;
	b->s->status = b->last;
	return EXEC_OVER;
}

static enum exec_step
step(struct exec_session *s)
{
	struct builtin *b = s->state;
	const struct builtin_row *row = builtin_row(b);
	enum exec_step next;

	if (!b->begun) {
		b->begun = true;
		b->told = false;
		b->last = 0;
		b->word = 1;
		if (!row->begin(b))
			return next_part(b);
	}
	next = row->step(b);
	return next == EXEC_OVER ? next_part(b) : next;
}

static void
free_state(struct exec_session *s)
{
	struct builtin *b = s->state;

	checksum_free(b);
	glob_free(&b->glob);
	free(b);
	s->state = NULL;
}

bool
builtin_start(struct exec_session *s)
{
	static const struct exec_service service = {
		.name = "builtin", .level = LOG_INFO,
		.step = step, .free = free_state,
	};
	struct builtin *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return false;
	b->s = s;
	s->state = b;
	s->service = &service;
	return true;
}
