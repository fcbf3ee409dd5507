/* Which process speaks for which connection and user, in the log process. */
#ifndef CHROOT_LOG_WHO_H
#define CHROOT_LOG_WHO_H

#include "base/messages.h"
#include "chroot/log_format.h"

#define LOG_WHO_MAX	70000		/* processes at a time */

struct log_whos;
struct log_whos *log_whos_new(void);
void log_whos_free(struct log_whos **t);
/* Enters or replaces; false: full or no memory. */
bool log_whos_add(struct log_whos *t, const struct msg_log_who *m);
/* The process has ended, but events of its may still be on their way: it is
 * forgotten by the next log_whos_purge. */
void log_whos_forget(struct log_whos *t, int32_t pid);
void log_whos_purge(struct log_whos *t);
/* False: unknown.  Views are valid until the next change. */
bool log_whos_find(const struct log_whos *t, int32_t pid,
    struct log_who *out) MUST_CHECK;

#endif
