#include <ctype.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/account_pam.h"

_Static_assert(TALK_MAX == PAM_MAX_NUM_MSG, "messages of one round");

/* How prompts are answered. */
enum mode {
	MODE_SILENT,		/* not at all */
	MODE_PASSWORD,		/* the first by the password */
	MODE_CHANGE,		/* by the old and the new password */
	MODE_ASK		/* by the user */
};

struct account_pam {
	struct account_pam_start start;
	pam_handle_t *h;
	struct pam_conv conv;
	enum mode mode;
	const char *password, *new_password;	/* while a call runs */
	unsigned answered;
	bool creds, session;
	bool renamed;			/* by a module */
	int last;			/* what libpam returned */
	char why[TALK_REASON_MAX + 1];
	/* said and not yet passed on */
	size_t nsaid;
	struct {
		enum talk_style style;
		char *text;
	} said[TALK_MAX];
	size_t npassed;			/* of said: freed by the next call */
};

/* ---- what modules say ---- */

static void
forget_said(struct account_pam *p)
{
	for (size_t i = 0; i < p->nsaid; i++)
		free(p->said[i].text);
	p->nsaid = p->npassed = 0;
}

/* What is too much is left out: it is for people, and they have enough. */
static void
keep_said(struct account_pam *p, enum talk_style style, const char *text)
{
	if (p->npassed != 0)
		forget_said(p);
	if (text == NULL || text[0] == '\0' || p->nsaid == TALK_MAX)
		return;
	p->said[p->nsaid].style = style;
	p->said[p->nsaid].text = strndup(text, TALK_TEXT_MAX);
	if (p->said[p->nsaid].text != NULL)
		p->nsaid++;
}

void
account_pam_said(struct account_pam *p, struct talk_said *out)
{
	if (p->npassed != 0)
		forget_said(p);
	out->n = p->npassed = p->nsaid;
	for (size_t i = 0; i < p->nsaid; i++) {
		out->msg[i].style = p->said[i].style;
		out->msg[i].text = view_str(p->said[i].text);
	}
}

static bool
style_of(int pam_style, enum talk_style *out)
{
	switch (pam_style) {
	case PAM_PROMPT_ECHO_OFF:
		*out = TALK_ECHO_OFF;
		return true;
	case PAM_PROMPT_ECHO_ON:
		*out = TALK_ECHO_ON;
		return true;
	case PAM_ERROR_MSG:
		*out = TALK_ERROR;
		return true;
	case PAM_TEXT_INFO:
		*out = TALK_INFO;
		return true;
	default:
		return false;
	}
}

/* ---- answers ---- */

/* Does the prompt hold one of the words, whatever its case? */
static bool
speaks_of(const char *prompt, const char *const *words)
{
	for (; *words != NULL; words++)
		if (prompt != NULL && strcasestr(prompt, *words) != NULL)
			return true;
	return false;
}

/*
 * Which password a prompt of pam_chauthtok wants.  There is nothing but its
 * text to tell (which is English: this process sets no locale); a text that
 * says nothing wants the old one first and then the new one.
 */
static const char *
change_answer(const struct account_pam *p, const char *prompt)
{
	static const char *const old[] = { "current", "old", NULL };
	static const char *const new[] = {
		"new", "retype", "re-enter", "reenter", "again", NULL
	};

	if (speaks_of(prompt, new))
		return p->new_password;
	if (speaks_of(prompt, old))
		return p->password;
	return p->answered == 0 ? p->password : p->new_password;
}

/* NULL: none that could be given. */
static const char *
own_answer(struct account_pam *p, enum talk_style style, const char *prompt)
{
	const char *a = NULL;

	if (style == TALK_ECHO_OFF && p->mode == MODE_PASSWORD &&
	    p->answered == 0)
		a = p->password;
	else if (style == TALK_ECHO_OFF && p->mode == MODE_CHANGE)
		a = change_answer(p, prompt);
	if (a != NULL)
		p->answered++;
	else
		snprintf(p->why, sizeof(p->why), "%s", p->mode == MODE_SILENT ?
		    "a module asks for something in the account phase" :
		    "a module asks for more than the password; "
		    "keyboard-interactive is needed");
	return a;
}

static bool
answer_self(struct account_pam *p, int n, const struct pam_message **msg,
    struct pam_response *resp)
{
	for (int i = 0; i < n; i++) {
		enum talk_style style;
		const char *a;

		if (!style_of(msg[i]->msg_style, &style))
			return false;
		if (style == TALK_ERROR || style == TALK_INFO) {
			keep_said(p, style, msg[i]->msg);
			continue;
		}
		if ((a = own_answer(p, style, msg[i]->msg)) == NULL ||
		    (resp[i].resp = strdup(a)) == NULL)
			return false;
	}
	return true;
}

/* What was kept, then this round.  False: too much at once. */
static bool
collect(struct account_pam *p, int n, const struct pam_message **msg,
    struct talk_said *out)
{
	account_pam_said(p, out);
	for (int i = 0; i < n; i++) {
		enum talk_style style;
		const char *text = msg[i]->msg != NULL ? msg[i]->msg : "";

		if (out->n == TALK_MAX || !style_of(msg[i]->msg_style, &style))
			return false;
		out->msg[out->n].style = style;
		out->msg[out->n++].text = view_of(text,
		    strnlen(text, TALK_TEXT_MAX));
	}
	return true;
}

static bool
is_prompt(const struct pam_message *m)
{
	return m->msg_style == PAM_PROMPT_ECHO_OFF ||
	    m->msg_style == PAM_PROMPT_ECHO_ON;
}

static bool
answer_ask(struct account_pam *p, int n, const struct pam_message **msg,
    struct pam_response *resp)
{
	char *answers[TALK_MAX] = { NULL };
	struct talk_said round;
	size_t at = 0;

	if (!collect(p, n, msg, &round)) {
		snprintf(p->why, sizeof(p->why), "a module says what no "
		    "client can be told");
		return false;
	}
	if (!p->start.ask(p->start.ctx, &round, answers)) {
		snprintf(p->why, sizeof(p->why), "a question was left "
		    "unanswered");
		return false;
	}
	for (int i = 0; i < n; i++)
		if (is_prompt(msg[i]))
			resp[i].resp = answers[at++];
	return true;
}

static void
free_responses(struct pam_response **resp, int n)
{
	for (int i = 0; i < n; i++) {
		if ((*resp)[i].resp != NULL)
			wipe((*resp)[i].resp, strlen((*resp)[i].resp));
		free((*resp)[i].resp);
	}
	free(*resp);
	*resp = NULL;
}

static int
converse(int n, const struct pam_message **msg, struct pam_response **resp,
    void *appdata)
{
	struct account_pam *p = appdata;
	bool ask = false, ok;

	if (n <= 0 || n > PAM_MAX_NUM_MSG || msg == NULL || resp == NULL)
		return PAM_CONV_ERR;
	for (int i = 0; i < n; i++) {
		if (msg[i] == NULL)
			return PAM_CONV_ERR;
		ask |= is_prompt(msg[i]) && p->mode == MODE_ASK;
	}
	if ((*resp = calloc((size_t)n, sizeof(**resp))) == NULL)
		return PAM_BUF_ERR;
	ok = ask ? answer_ask(p, n, msg, *resp) :
	    answer_self(p, n, msg, *resp);
	if (!ok)
		free_responses(resp, n);
	return ok ? PAM_SUCCESS : PAM_CONV_ERR;
}

/* ---- calls ---- */

/* Failures leave at moments of the login process's own choice; a module must
 * not hold this one up besides. */
static void
no_delay(int retval, unsigned usec, void *appdata)
{
	(void)retval;
	(void)usec;
	(void)appdata;
}

static bool
same_user(struct account_pam *p)
{
	const void *now = NULL;

	if (pam_get_item(p->h, PAM_USER, &now) == PAM_SUCCESS &&
	    now != NULL && strcmp(now, p->start.user) == 0)
		return true;
	snprintf(p->why, sizeof(p->why), "a module changed PAM_USER");
	p->renamed = true;
	return false;
}

static void
begin(struct account_pam *p, enum mode mode, const char *password,
    const char *new_password)
{
	p->mode = mode;
	p->password = password;
	p->new_password = new_password;
	p->answered = 0;
	p->why[0] = '\0';
}

/* Every call of libpam ends here. */
static bool
settled(struct account_pam *p, const char *call, int got)
{
	p->last = got;
	p->password = p->new_password = NULL;
	if (!same_user(p))
		return false;
	if (got == PAM_SUCCESS)
		return true;
	/* The conversation may know better. */
	if (p->why[0] == '\0')
		snprintf(p->why, sizeof(p->why), "%s: %s", call,
		    pam_strerror(p->h, got));
	return false;
}

/* The account phase; TALK_WANTED: all is well but the password's age. */
static enum talk_verdict
account(struct account_pam *p, enum mode mode)
{
	begin(p, mode, NULL, NULL);
	if (settled(p, "pam_acct_mgmt", pam_acct_mgmt(p->h, 0)))
		return TALK_DONE;
	return p->last == PAM_NEW_AUTHTOK_REQD && !p->renamed ?
	    TALK_WANTED : TALK_DENIED;
}

static enum talk_verdict
change(struct account_pam *p, enum mode mode, const char *old,
    const char *new)
{
	begin(p, mode, old, new);
	if (!settled(p, "pam_chauthtok", pam_chauthtok(p->h,
	    PAM_CHANGE_EXPIRED_AUTHTOK)))
		return p->renamed ? TALK_DENIED : TALK_UNFIT;
	/* What a module calls done must show. */
	if (account(p, mode == MODE_ASK ? MODE_ASK : MODE_SILENT) ==
	    TALK_DONE)
		return TALK_DONE;
	if (p->last == PAM_NEW_AUTHTOK_REQD)
		snprintf(p->why, sizeof(p->why), "password was changed, and "
		    "is expired still");
	return TALK_DENIED;
}

enum talk_verdict
account_pam_auth(struct account_pam *p, const char *password, bool sham)
{
	enum mode mode = password != NULL ? MODE_PASSWORD : MODE_ASK;
	enum talk_verdict v;

	begin(p, mode, password, NULL);
	if (!settled(p, "pam_authenticate", pam_authenticate(p->h,
	    PAM_DISALLOW_NULL_AUTHTOK)))
		return TALK_DENIED;
	if (sham) {
		snprintf(p->why, sizeof(p->why), "may not log in");
		return TALK_DENIED;
	}
	v = account(p, mode == MODE_ASK ? MODE_ASK : MODE_SILENT);
	if (v == TALK_WANTED && mode == MODE_ASK) {
		v = change(p, mode, NULL, NULL);
		if (v == TALK_UNFIT)
			v = TALK_DENIED;
	}
	return v;
}

enum talk_verdict
account_pam_account(struct account_pam *p)
{
	enum talk_verdict v = account(p, MODE_SILENT);

	if (v != TALK_WANTED)
		return v;
	snprintf(p->why, sizeof(p->why), "password has expired; it is changed "
	    "by a login with it");
	return TALK_DENIED;
}

enum talk_verdict
account_pam_change(struct account_pam *p, const char *old, const char *new)
{
	return change(p, MODE_CHANGE, old, new);
}

bool
account_pam_open(struct account_pam *p)
{
	begin(p, MODE_SILENT, NULL, NULL);
	p->creds = settled(p, "pam_setcred", pam_setcred(p->h,
	    PAM_ESTABLISH_CRED));
	if (!p->creds)
		return false;
	begin(p, MODE_SILENT, NULL, NULL);
	p->session = settled(p, "pam_open_session", pam_open_session(p->h,
	    0));
	return p->session;
}

bool
account_pam_close(struct account_pam *p)
{
	bool session = p->session, creds = p->creds, ok = true;

	p->session = p->creds = false;
	begin(p, MODE_SILENT, NULL, NULL);
	if (session)
		ok = settled(p, "pam_close_session", pam_close_session(p->h,
		    PAM_SILENT));
	if (creds)
		ok = settled(p, "pam_setcred", pam_setcred(p->h,
		    PAM_DELETE_CRED | PAM_SILENT)) && ok;
	return ok;
}

/* ---- begin and end ---- */

static int
set_items(struct account_pam *p)
{
	union {		/* pam_set_item takes functions as data */
		void (*f)(int, unsigned, void *);
		const void *p;
	} delay = { no_delay };
	int e;

	if ((e = pam_set_item(p->h, PAM_RHOST, p->start.rhost)) !=
	    PAM_SUCCESS ||
	    (e = pam_set_item(p->h, PAM_TTY, "ssh")) != PAM_SUCCESS)
		return e;
	return pam_set_item(p->h, PAM_FAIL_DELAY, delay.p);
}

struct account_pam *
account_pam_new(const struct account_pam_start *start, const char **why_out)
{
	struct account_pam *p = calloc(1, sizeof(*p));
	int e;

	*why_out = "out of memory";
	if (p == NULL)
		return NULL;
	p->start = *start;
	p->conv = (struct pam_conv){ converse, p };
	e = start->confdir == NULL ? pam_start(start->service, start->user,
	    &p->conv, &p->h) : pam_start_confdir(start->service, start->user,
	    &p->conv, start->confdir, &p->h);
	if (e != PAM_SUCCESS) {
		/* There is no handle to end. */
		*why_out = "pam_start failed; is there such a service?";
		p->h = NULL;
		account_pam_free(&p);
	} else if (set_items(p) != PAM_SUCCESS) {
		*why_out = "PAM's items cannot be set";
		account_pam_free(&p);
	}
	return p;
}

void
account_pam_free(struct account_pam **pp)
{
	struct account_pam *p = *pp;

	if (p == NULL)
		return;
	(void)account_pam_close(p);
	if (p->h != NULL)
		pam_end(p->h, p->last);
	forget_said(p);
	free(p);
	*pp = NULL;
}

const char *
account_pam_why(const struct account_pam *p)
{
	return p->why;
}

char **
account_pam_env(struct account_pam *p)
{
	return pam_getenvlist(p->h);
}

void
account_pam_env_free(char ***env)
{
	for (size_t i = 0; *env != NULL && (*env)[i] != NULL; i++)
		free((*env)[i]);
	free(*env);
	*env = NULL;
}
