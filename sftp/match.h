/*
 * Patterns of names as the shell has them (POSIX XCU 2.13): ?, *, [...] with
 * ranges, ! or ^ and [:classes:]; a backslash takes what follows as it is.
 * Characters are those of UTF-8.
 */
#ifndef SFTP_MATCH_H
#define SFTP_MATCH_H

#include "base/buf.h"

/* Longer patterns of one name match nothing: no name is that long. */
#define MATCH_PATTERN_MAX	1024

/* Is there anything in the pattern but plain characters? */
bool match_special(struct view pattern);
/* Does the pattern match the whole name?  A dot in front is matched by a dot
 * only.  Takes no more than pattern times name steps. */
bool match_name(struct view pattern, struct view name);

#endif
