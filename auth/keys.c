#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/keys.h"
#include "base/crypto.h"

/* Opened where a user has no file of his own or does not exist: whoever
 * measures sees at least one open(2) in either case. */
#define DECOY	"/nonexistent/authorized_keys"

#define READ_CHUNK	((size_t)64 * 1024)
#define TEXT_MAX	(AK_FILE_MAX + READ_CHUNK)

/* ---- what a line means ---- */

static const char *
command_refusal(const struct ak_line *l, uint32_t allow)
{
	if ((l->flags & AK_COMMAND) == 0)
		return NULL;
	if (!view_is(l->command, "internal-sftp"))
		return "key option command= cannot be enforced";
	if ((allow & ALLOW_SFTP) == 0)
		return "key allows only sftp, user does not";
	return NULL;
}

static const char *
from_refusal(const struct ak_line *l, const struct match_addr *addr)
{
	if ((l->flags & AK_FROM) == 0 ||
	    match_list(l->from, addr) == MATCH_YES)
		return NULL;
	return "key option from= does not match";
}

const char *
keys_refusal(const struct ak_line *l, const struct match_addr *addr,
    int64_t now, uint32_t allow)
{
	static const struct {
		uint32_t flag;
		const char *why;
	} absent[] = {
		{ AK_CERT_AUTHORITY, "key is a certificate authority" },
		{ AK_PRINCIPALS, "key option principals= is for certificates" },
		{ AK_ENVIRONMENT, "key option environment= is not supported" },
		{ AK_TUNNEL, "key option tunnel= is not supported" },
	};
	const char *why;

	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		if ((l->flags & absent[i].flag) != 0)
			return absent[i].why;
	if ((l->flags & AK_EXPIRY) != 0 && now > l->expiry)
		return "key has expired";
	if ((why = from_refusal(l, addr)) != NULL)
		return why;
	return command_refusal(l, allow);
}

struct auth_limits
keys_limits(const struct ak_line *l)
{
	static const struct {
		uint8_t permit;
		uint32_t deny;
	} rows[] = {
		{ AK_AGENT, ALLOW_AGENT },
		{ AK_PORT, ALLOW_LOCAL_FORWARD | ALLOW_REMOTE_FORWARD },
		{ AK_PTY, ALLOW_PTY },
		{ AK_X11, ALLOW_X11 },
	};
	struct auth_limits out = { 0 };

	out.restrict_all = (l->flags & AK_RESTRICT) != 0 && l->permit == 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if ((l->permit & rows[i].permit) == 0)
			out.deny |= rows[i].deny;
	if ((l->flags & AK_PERMITOPEN) != 0)
		out.deny |= ALLOW_LOCAL_FORWARD;
	if ((l->flags & AK_PERMITLISTEN) != 0)
		out.deny |= ALLOW_REMOTE_FORWARD;
	if ((l->flags & AK_COMMAND) != 0) {
		out.command = "internal-sftp";
		out.deny |= ~(uint32_t)ALLOW_SFTP;
	}
	return out;
}

/* ---- files ---- */

static const char *
read_all(int fd, struct wr *out)
{
	uint8_t *p;
	ssize_t n;

	do {
		if ((p = wr_reserve(out, READ_CHUNK)) == NULL)
			return "out of memory";
		do
			n = read(fd, p, READ_CHUNK);
		while (n == -1 && errno == EINTR);
		if (n == -1)
			return "cannot be read";
		wr_commit(out, (size_t)n);
		/* It may have grown since fstat. */
		if (wr_size(out) > AK_FILE_MAX)
			return "larger than 1 MiB";
	} while (n != 0);
	return NULL;
}

const char *
keys_read_file(const char *path, uint32_t uid, struct wr *out)
{
	const char *why = NULL;
	struct stat st;
	int fd;

	wr_reset(out);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY |
	    O_CLOEXEC);
	if (fd == -1) {
		if (errno == ENOENT || errno == ENOTDIR)
			return "";
		return errno == ELOOP ? "is a symbolic link" :
		    "cannot be opened";
	}
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		why = "not a regular file";
	else if (st.st_uid != 0 && st.st_uid != uid && st.st_uid != geteuid())
		why = "not owned by root or the user";
	else if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		why = "writable by group or others";
	else if ((uintmax_t)st.st_size > AK_FILE_MAX)
		why = "larger than 1 MiB";
	else
		why = read_all(fd, out);
	close(fd);
	if (why != NULL)
		wr_reset(out);
	return why;
}

/* ---- the search ---- */

struct search {
	const struct keys_query *q;
	struct keys_answer *out;
	struct view base64;	/* of the key: canonical, so text decides */
	struct view file;
	unsigned faults;
	struct wr scratch;
	struct ak_line line;
};

static void
tell_fault(struct search *s, uint64_t lineno, const char *why,
    struct view what)
{
	struct log_ev e;

	if (!s->q->tell_faults || s->faults++ >= KEYS_FAULTS_MAX)
		return;
	log_begin(&e, LOG_WARN, "authorized-keys");
	log_view(&e, "file", s->file);
	if (lineno != 0)
		log_num(&e, "line", lineno);
	log_str(&e, "reason", why);
	if (what.n != 0)
		log_view(&e, "option", what);
	log_send(&e);
}

/* One line; true once the key may log in and the search is over. */
static bool
search_line(struct search *s, struct view line, uint64_t lineno)
{
	const struct keys_query *q = s->q;
	struct ak_line *l = &s->line;
	bool here = s->base64.n != 0 && line.n >= s->base64.n &&
	    memmem(line.p, line.n, s->base64.p, s->base64.n) != NULL;
	const char *why;

	/* Long lists: a line without the key's text is read for its faults
	 * alone, and that once. */
	if ((!here && !q->tell_faults) || ak_blank(line))
		return false;
	if (!ak_parse(line, l)) {
		tell_fault(s, lineno, l->why, l->what);
		if (here)
			s->out->refusal = "key is listed in a faulty line";
		return false;
	}
	if (q->tell_faults && !ak_blob_ok(l, &s->scratch))
		tell_fault(s, lineno, "malformed key", view_of(NULL, 0));
	if (!here || !view_eq(l->base64, s->base64))
		return false;
	why = keys_refusal(l, q->addr, q->now, q->policy->allow);
	s->out->refusal = why;
	if (why == NULL)
		s->out->limits = keys_limits(l);
	return why == NULL;
}

static bool
search_text(struct search *s, struct view text)
{
	struct view line;
	uint64_t n = 0;

	while (ak_next(&text, &line))
		if (search_line(s, line, ++n))
			return true;
	return false;
}

static bool
search_file(struct search *s, struct view path, struct wr *text)
{
	char name[PATH_MAX];
	const char *why;

	s->file = path;
	if (!view_to_cstr(path, name, sizeof(name)) || name[0] != '/') {
		tell_fault(s, 0, "not an absolute path", view_of(NULL, 0));
		return false;
	}
	s->out->opens++;
	why = keys_read_file(name, s->q->policy->uid, text);
	if (why != NULL) {
		if (why[0] != '\0')
			tell_fault(s, 0, why, view_of(NULL, 0));
		return false;
	}
	return search_text(s, wr_view(text));
}

static bool
search_policy(struct search *s)
{
	const struct policy *p = s->q->policy;
	struct wr text = wr_new(TEXT_MAX);
	bool found = false;

	for (size_t i = 0; i < p->nkeys && !found; i++) {
		s->file = p->keys[i].file;
		found = search_line(s, p->keys[i].line, p->keys[i].lineno);
	}
	for (size_t i = 0; i < p->key_files.n && !found; i++)
		found = search_file(s, p->key_files.v[i], &text);
	wr_free(&text);
	return found;
}

static void
open_decoy(struct keys_answer *out)
{
	struct wr text = wr_new(TEXT_MAX);

	(void)keys_read_file(DECOY, 0, &text);
	out->opens++;
	wr_free(&text);
}

void
keys_find(const struct keys_query *q, struct keys_answer *out)
{
	struct wr base64 = wr_new(WR_DEFAULT_MAX);
	struct search s = {
		.q = q, .out = out, .scratch = wr_new(AK_LINE_MAX)
	};

	*out = (struct keys_answer){ .refusal = "key is not listed" };
	crypto_base64_encode(q->blob, &base64);
	if (!base64.bad)
		s.base64 = wr_view(&base64);
	if (q->policy != NULL)
		search_policy(&s);
	else
		out->refusal = "no such user";
	if (s.faults > KEYS_FAULTS_MAX)
		log_msg(LOG_WARN, "authorized-keys", "%u more faults",
		    s.faults - KEYS_FAULTS_MAX);
	if (out->opens == 0)
		open_decoy(out);
	wr_free(&s.scratch);
	wr_free(&base64);
}
