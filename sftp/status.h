/*
 * What went wrong, in the protocol's numbers and in words.  The words are
 * fixed strings, so that no answer can tell a path of the host.
 */
#ifndef SFTP_STATUS_H
#define SFTP_STATUS_H

#include "sftp/proto.h"

struct status {
	enum fx code;
	const char *text;	/* static storage, never NULL */
};

/* Of a status code without an errno. */
struct status status_of(enum fx code);
/* Of an errno; ENOSPC and EDQUOT differ in their words, there is one code. */
struct status status_errno(int error);

#endif
