/*
 * One transaction of PAM, in the helper alone: account_pam.c is the only file
 * that knows libpam.  Modules are believed nothing: after each call PAM_USER
 * must still be the name that was asked for, byte by byte; what they say is
 * bounded; whatever they return but success is a refusal.
 */
#ifndef AUTH_ACCOUNT_PAM_H
#define AUTH_ACCOUNT_PAM_H

#include "auth/talk.h"

struct account_pam;

struct account_pam_start {
	const char *service, *user;
	const char *rhost;		/* numeric */
	const char *confdir;		/* of services; NULL: the system's */
	/*
	 * Puts the prompts among m to the user.  answers_out[0..prompts) are
	 * C strings that the callee makes with malloc, each.  False: there is
	 * nobody to ask any more.
	 */
	bool (*ask)(void *ctx, const struct talk_said *m, char **answers_out);
	void *ctx;
};

/* NULL: *why_out, static, says why.  What start points to must outlive the
 * result. */
struct account_pam *account_pam_new(const struct account_pam_start *start,
    const char **why_out);
/* Closes before, if nobody has. */
void account_pam_free(struct account_pam **p);

/*
 * The verdict of modules, and the account phase behind it.  password NULL:
 * prompts go to ask(), also those for a new password if the old one has
 * expired.  Otherwise the password answers the first prompt without echo, and
 * any further one is refused; TALK_WANTED then says that account_pam_change
 * must follow.  sham: never succeeds, and stops short of the account phase.
 */
enum talk_verdict account_pam_auth(struct account_pam *p, const char *password,
    bool sham);
/* The account phase alone, for who has proved himself otherwise. */
enum talk_verdict account_pam_account(struct account_pam *p);
/* After TALK_WANTED or TALK_UNFIT: TALK_DONE, TALK_UNFIT or TALK_DENIED. */
enum talk_verdict account_pam_change(struct account_pam *p, const char *old,
    const char *new);
/* pam_setcred and pam_open_session, of this process. */
bool account_pam_open(struct account_pam *p);
/* Closes the session and deletes the credentials, as far as they were made;
 * false: a module could not. */
bool account_pam_close(struct account_pam *p);

/* The true reason of what failed last; valid until the next call. */
const char *account_pam_why(const struct account_pam *p);
/* What modules said since the last ask() or call of this: borrowed, until the
 * next call of anything here.  No prompts in it. */
void account_pam_said(struct account_pam *p, struct talk_said *out);
/* PAM's environment, NULL-terminated, the caller's to free with
 * account_pam_env_free; NULL: memory. */
char **account_pam_env(struct account_pam *p);
void account_pam_env_free(char ***env);

#endif
