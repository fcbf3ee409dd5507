/*
 * A command line as clients of scp and others write it for the shell of a
 * user (POSIX XCU 2.2, 2.3): words, quotes, backslashes, ~ for the home,
 * $NAME for a few things that are known.  Everything else that a shell could
 * be asked for is refused, and nothing is ever run.
 */
#ifndef SFTP_COMMAND_H
#define SFTP_COMMAND_H

#include "sftp/sftp.h"

#define COMMAND_BYTES_MAX	(16 * 1024)
#define COMMAND_WORDS_MAX	1024	/* of a line */
#define COMMAND_PARTS_MAX	16	/* commands joined by ; and && */

struct command_word {
	char *text;		/* as a name, quotes taken away */
	char *pattern;		/* the same, but ?, *, [ and \ that stood in
				 * quotes have a backslash before them */
};

struct command_part {
	size_t first, n;	/* words */
	bool if_ok;		/* && stands before it */
};

struct command {
	struct command_word word[COMMAND_WORDS_MAX];
	size_t nwords;
	struct command_part part[COMMAND_PARTS_MAX];
	size_t nparts;
};

/* Parses the line; each part has at least one word.  NULL: *why_out is what is
 * wrong with it, static. */
struct command *command_parse(struct view line, const struct jail_policy *p,
    const char **why_out);
void command_free(struct command **c);

#endif
