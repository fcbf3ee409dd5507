/*
 * The host's records of who is and was logged in at a terminal: utmp, wtmp,
 * lastlog.  Files that are not there are not made.  Helper only.
 */
#ifndef AUTH_ACCOUNT_RECORD_H
#define AUTH_ACCOUNT_RECORD_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct record_files {
	const char *utmp, *wtmp, *lastlog;
};

struct record {
	const char *line;	/* "pts/3" */
	const char *user;	/* empty: it logs out */
	const char *host;	/* address in words, or empty */
	uint32_t uid;
	pid_t pid;		/* of the session; 0 when it logs out */
};

/* Writes it to those of the files that are there.  ERR_PROTO: the line is
 * none; ERR_SYS: one could not be written, errno. */
enum err account_record(const struct record *r, const struct record_files *f)
    MUST_CHECK;

/* Waits, a few seconds at most, for the end of the process that writes of the
 * same terminal: short sessions end before their beginning is on record.
 * pid 0: nobody does. */
void account_record_await(pid_t pid);

#endif
