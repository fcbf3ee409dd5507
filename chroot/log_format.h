/*
 * One event as one line: text (`time level event=... key=value`) or a JSON
 * object.  Every byte that a peer may have chosen is escaped, whatever
 * process passed it on: no event can forge another line or another field.
 */
#ifndef CHROOT_LOG_FORMAT_H
#define CHROOT_LOG_FORMAT_H

#include "base/log.h"

/* Who a process speaks for.  An identity given to the formatter replaces
 * what the event itself claims. */
struct log_who {
	uint64_t conn;
	struct view user, src;
};

struct log_line {
	struct log_rec rec;
	uint64_t ms;			/* realtime, since 1970 */
	const struct log_who *who;	/* of the sender; NULL: as claimed */
	bool strip;			/* unknown sender: drop its claims */
	int32_t pid;			/* shown when claims are dropped */
};

#define LOG_LINE_MAX	((size_t)64 * 1024)

const char *log_level_word(enum log_level level);
/* Appends the line with its newline.  False: a malformed event; out is then
 * as before. */
bool log_format_text(const struct log_line *l, struct wr *out) MUST_CHECK;
bool log_format_json(const struct log_line *l, struct wr *out) MUST_CHECK;

#endif
