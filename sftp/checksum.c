/*
 * md5sum and its kin, as GNU coreutils have them: the same lines for the same
 * names, -b, -t, -z and --tag.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sftp/builtin.h"
#include "sftp/glob.h"
#include "sftp/open.h"

#define CHUNK		((size_t)128 << 10)
#define STEP_CHUNKS	8

struct checksum {
	bool binary, tag, zero;
	bool any;			/* an operand has been there */
	struct hash *hash;		/* of the file at hand, or NULL */
	size_t len;			/* of what it will give */
	int fd;				/* -1: what the client sends */
	const char *name;
	uint8_t bytes[CHUNK];
};

/* ---- options ---- */

static bool
letter(struct checksum *c, char l)
{
	c->binary = l == 'b' || (l != 't' && c->binary);
	c->zero = c->zero || l == 'z';
	return l == 'b' || l == 't' || l == 'z';
}

static bool
option(struct checksum *c, const char *w)
{
	static const struct {
		const char *name;
		char letter;
	} names[] = {
		{ "--binary", 'b' }, { "--text", 't' }, { "--zero", 'z' },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(w, names[i].name) == 0)
			return letter(c, names[i].letter);
	if (strcmp(w, "--tag") == 0) {
		c->tag = true;
		return true;
	}
	while (*++w != '\0')
		if (!letter(c, *w))
			return false;
	return true;
}

bool
checksum_begin(struct builtin *b)
{
	const char *w;

	checksum_free(b);
	if ((b->sum = malloc(sizeof(*b->sum))) == NULL) {
		builtin_fail(b, NULL, status_errno(ENOMEM).text);
		return false;
	}
	b->sum->binary = b->sum->tag = b->sum->zero = b->sum->any = false;
	b->sum->hash = NULL;
	b->sum->fd = -1;
	for (; (w = builtin_word(b, b->word)) != NULL; b->word++) {
		if (w[0] != '-' || w[1] == '\0')
			break;
		if (strcmp(w, "--") == 0) {
			b->word++;
			break;
		}
		if (!option(b->sum, w)) {
			builtin_fail(b, w, "unknown option");
			return false;
		}
	}
	return true;
}

static void
close_file(struct builtin *b)
{
	struct checksum *c = b->sum;

	if (c->hash != NULL)
		b->s->policy->hash->free(&c->hash);
	if (c->fd != -1)
		close(c->fd);
	c->fd = -1;
}

void
checksum_free(struct builtin *b)
{
	if (b->sum == NULL)
		return;
	close_file(b);
	free(b->sum);
	b->sum = NULL;
}

/* ---- a file ---- */

static int
open_file(struct builtin *b, const char *name)
{
	char path[PATH_MAX];
	struct status why = status_errno(EACCES);
	int fd = -1;

	if (!glob_path(b->dir, name, path, sizeof(path)))
		why = status_errno(ENAMETOOLONG);
	else if (exec_allowed(b->s, FXP_OPEN, path, FXF_READ))
		fd = open_regular(AT_FDCWD, path, O_RDONLY, 0, &why);
	if (fd == -1)
		builtin_fail(b, name, why.text);
	return fd;
}

static void
begin_file(struct builtin *b, const char *name)
{
	const struct sftp_hash *hash = b->s->policy->hash;
	struct checksum *c = b->sum;

	c->name = name;
	if (strcmp(name, "-") != 0 && (c->fd = open_file(b, name)) == -1)
		return;
	if (hash != NULL)
		c->hash = hash->new(builtin_row(b)->hash, &c->len);
	if (c->hash == NULL) {
		builtin_fail(b, name, status_errno(ENOMEM).text);
		close_file(b);
	}
}

/* The name as coreutils write it: what could be taken for the end of a line is
 * escaped, and a backslash before the line says so. */
static bool
is_escaped(const struct checksum *c)
{
	return !c->zero && strpbrk(c->name, "\\\n\r") != NULL;
}

static void
put_name(struct wr *w, const struct checksum *c)
{
	bool escaped = is_escaped(c);

	for (const char *p = c->name; *p != '\0'; p++) {
		if (!escaped || strchr("\\\n\r", *p) == NULL)
			wr_bytes(w, view_of(p, 1));
		else
			wr_bytes(w, view_str(*p == '\n' ? "\\n" :
			    *p == '\r' ? "\\r" : "\\\\"));
	}
}

static void
put_hex(struct wr *w, const uint8_t *p, size_t n)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		wr_u8(w, (uint8_t)hex[p[i] >> 4]);
		wr_u8(w, (uint8_t)hex[p[i] & 15]);
	}
}

/* "MD5 (name) = sum" */
static void
put_tagged(struct wr *w, const struct checksum *c, const char *hash,
    const uint8_t *sum)
{
	for (const char *p = hash; *p != '\0'; p++)
		wr_u8(w, (uint8_t)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' :
		    *p));
	wr_bytes(w, view_str(" ("));
	put_name(w, c);
	wr_bytes(w, view_str(") = "));
	put_hex(w, sum, c->len);
}

static void
end_file(struct builtin *b)
{
	struct wr *w = &b->s->out;
	struct checksum *c = b->sum;
	uint8_t sum[SFTP_HASH_MAX];
	bool ok = b->s->policy->hash->final(&c->hash, sum);

	close_file(b);
	if (!ok) {
		builtin_fail(b, c->name, status_errno(EIO).text);
		return;
	}
	if (is_escaped(c))
		wr_u8(w, '\\');
	if (c->tag)
		put_tagged(w, c, builtin_row(b)->hash, sum);
	else {
		put_hex(w, sum, c->len);
		wr_bytes(w, view_str(c->binary ? " *" : "  "));
		put_name(w, c);
	}
	wr_u8(w, c->zero ? '\0' : '\n');
}

static void
add(struct builtin *b, struct view v)
{
	if (!b->s->policy->hash->update(b->sum->hash, v)) {
		builtin_fail(b, b->sum->name, status_errno(EIO).text);
		close_file(b);
	}
	b->s->bytes += v.n;
}

static enum exec_step
read_client(struct builtin *b)
{
	struct view v = wr_view(&b->s->in);

	if (v.n == 0 && !b->s->eof)
		return EXEC_INPUT;
	if (v.n == 0)
		end_file(b);
	else {
		add(b, v);
		wr_consume(&b->s->in, v.n);
	}
	return EXEC_AGAIN;
}

static enum exec_step
read_file(struct builtin *b)
{
	struct checksum *c = b->sum;
	ssize_t n;

	for (int i = 0; i < STEP_CHUNKS && c->hash != NULL; i++) {
		n = read(c->fd, c->bytes, sizeof(c->bytes));
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			builtin_fail(b, c->name, status_errno(errno).text);
			close_file(b);
		} else if (n == 0)
			end_file(b);
		else
			add(b, view_of(c->bytes, (size_t)n));
	}
	return EXEC_AGAIN;
}

enum exec_step
checksum_step(struct builtin *b)
{
	struct checksum *c = b->sum;
	const char *name;
	enum err e;

	if (c->hash != NULL)
		return c->fd == -1 ? read_client(b) : read_file(b);
	e = builtin_name(b, &name);
	if (e == ERR_CLOSED && !c->any) {
		name = "-";
		e = OK;
	}
	if (e == OK) {
		c->any = true;
		begin_file(b, name);
		return EXEC_AGAIN;
	}
	if (e == ERR_AGAIN)
		return EXEC_AGAIN;
	if (e != ERR_CLOSED)
		builtin_fail(b, NULL, "the pattern stands for too much");
	return EXEC_OVER;
}
