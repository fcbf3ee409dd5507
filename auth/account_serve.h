/*
 * The helper's role for logins through PAM: what is asked on its socket
 * (auth/talk.h) and the session that comes of it.  In the helper alone.
 */
#ifndef AUTH_ACCOUNT_SERVE_H
#define AUTH_ACCOUNT_SERVE_H

#include <time.h>

#include "auth/account.h"
#include "auth/account_pam.h"
#include "base/ipc.h"

#define ACCOUNT_CLOSE_MS 5000	/* for modules to close a session */

/* The whole role: becomes the supervisor, and serves a login in a child.
 * confdir as below. */
void account_role(const char *confdir) __attribute__((noreturn));

/* Serves one login on sock to its end; the exit status.  confdir: of PAM
 * services, NULL: the system's. */
int account_serve(int sock, const char *confdir);

/* The end of this process, whatever a module does with signals. */
struct account_deadline {
	timer_t timer;
	bool made;
};
/* From now on it is killed after ms milliseconds; 0: no more.  False: errno. */
bool account_deadline(struct account_deadline *d, uint32_t ms) MUST_CHECK;
/* Sends one frame; false: the login has gone, or w is bad. */
bool account_say(int sock, enum talk_type type, const struct wr *w)
    MUST_CHECK;

/* TALK_OPEN: opens PAM's session, starts the user's process beneath it, tells
 * the login, waits for its end and closes.  Takes the descriptors out of msg
 * and closes sock.  The exit status: 0, or 128 and the signal that ended the
 * user's process. */
int account_session(struct account_pam *pam, struct account_deadline *d,
    int sock, struct ipc_msg *msg);

/* TALK_FIND: NULL and the account, the caller's to clear; else why not,
 * static. */
const char *account_find(const char *user, const struct talk_find *f,
    struct account *out);
/* What shadow(5) says against any login, whatever was proved: NULL, or a
 * static reason.  Names that are not there are not barred. */
const char *account_barred(const char *user);

#endif
