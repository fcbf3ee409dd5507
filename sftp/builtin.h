/*
 * Built-in commands: what SFTP clients ask of a shell, answered without one.
 * Inside of builtin.c and checksum.c only.
 */
#ifndef SFTP_BUILTIN_H
#define SFTP_BUILTIN_H

#include <limits.h>

#include "sftp/exec.h"

struct glob;
struct checksum;

struct builtin {
	struct exec_session *s;
	size_t part;			/* of the command line, being done */
	bool begun;
	uint32_t last;			/* exit status of the one before */
	char dir[PATH_MAX];		/* where cd led; empty: the start */
	size_t word;			/* of the part, the next operand */
	struct glob *glob;		/* what the one before stands for */
	size_t i;			/* of that, the next name */
	bool told;			/* a name has come out of it */
	struct checksum *sum;
};

struct builtin_row {
	const char *name;
	/* Reads its options: b->word goes behind them.  False: it has
	 * complained. */
	bool (*begin)(struct builtin *b);
	/* EXEC_OVER: this command is done. */
	enum exec_step (*step)(struct builtin *b);
	const char *hash;		/* of a checksum */
};
const struct builtin_row *builtin_row(const struct builtin *b);

/* The next name that the operands stand for.  ERR_AGAIN: not found yet;
 * ERR_CLOSED: there is none; ERR_LIMIT, ERR_NOMEM. */
enum err builtin_name(struct builtin *b, const char **name_out) MUST_CHECK;
/* The text of word i of the part; NULL past the last. */
const char *builtin_word(const struct builtin *b, size_t i);
/* A complaint about a name (or NULL); the command's exit status is 1. */
void builtin_fail(struct builtin *b, const char *name, const char *why);

/* checksum.c */
bool checksum_begin(struct builtin *b);
enum exec_step checksum_step(struct builtin *b);
void checksum_free(struct builtin *b);

#endif
