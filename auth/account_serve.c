#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "auth/account_serve.h"
#include "auth/supervisor.h"

#define CHANGES_MAX	3	/* new passwords that are looked at */
#define SOCK_FD		100	/* out of the way of modules that guess */

struct serve {
	int sock;
	const char *confdir;
	char service[TALK_SERVICE_MAX + 1];
	char user[TALK_USER_MAX + 1];
	char rhost[TALK_RHOST_MAX + 1];
	struct account_pam *pam;
	struct account_deadline deadline;
	size_t heard;		/* bytes of frame that were written */
	uint8_t frame[IPC_MAX_FRAME];
};

bool
account_deadline(struct account_deadline *d, uint32_t ms)
{
	struct sigevent ev;
	struct itimerspec at = {
		.it_value = { ms / 1000, (long)(ms % 1000) * 1000000 },
	};

	memset(&ev, 0, sizeof(ev));
	ev.sigev_notify = SIGEV_SIGNAL;
	ev.sigev_signo = SIGKILL;	/* no module can catch it */
	if (!d->made && timer_create(CLOCK_MONOTONIC, &ev, &d->timer) == -1)
		return false;
	d->made = true;
	return timer_settime(d->timer, 0, &at, NULL) == 0;
}

bool
account_say(int sock, enum talk_type type, const struct wr *w)
{
	return !w->bad && ipc_send(sock, (uint8_t)type, 0, wr_view(w), NULL,
	    0) == OK;
}

/* False: the login has gone or talks nonsense. */
static bool
hear(struct serve *s, struct ipc_msg *msg)
{
	if (ipc_recv(s->sock, s->frame, sizeof(s->frame), msg) != OK)
		return false;
	s->heard = (size_t)(msg->body.p - s->frame) + msg->body.n;
	return true;
}

/* A password may be in it. */
static void
unhear(struct serve *s)
{
	wipe(s->frame, s->heard);
}

/* ---- questions of modules ---- */

static bool
copy_answers(const struct talk_texts *t, char **out)
{
	for (size_t i = 0; i < t->n; i++) {
		if ((out[i] = view_dup(t->text[i])) != NULL)
			continue;
		while (i-- > 0)
			free(out[i]);
		return false;
	}
	return true;
}

static bool
ask(void *ctx, const struct talk_said *m, char **answers_out)
{
	struct wr w = wr_new(IPC_MAX_FRAME);
	struct serve *s = ctx;
	struct talk_texts t;
	struct ipc_msg msg;
	bool ok;

	put_talk_said(&w, m);
	ok = account_say(s->sock, TALK_ASK, &w) && hear(s, &msg);
	wr_free(&w);
	if (!ok)
		return false;
	ok = msg.type == TALK_ANSWERS && msg.nfds == 0 &&
	    get_talk_texts(msg.body, &t) && t.n == talk_prompts(m) &&
	    copy_answers(&t, answers_out);
	ipc_msg_close(&msg);
	unhear(s);
	return ok;
}

/* ---- an attempt ---- */

static bool
tell(struct serve *s, enum talk_verdict v, const char *why)
{
	struct talk_result r = { .verdict = v };
	struct wr w = wr_new(IPC_MAX_FRAME);
	bool ok;

	if (v != TALK_DONE)
		r.reason = view_str(why);
	if (s->pam != NULL)
		account_pam_said(s->pam, &r.said);
	put_talk_result(&w, &r);
	ok = account_say(s->sock, TALK_RESULT, &w);
	wr_free(&w);
	return ok;
}

/* What PAM found is in order; is the account? */
static enum talk_verdict
confirm(struct serve *s, enum talk_verdict v, const char **why)
{
	const char *barred;

	if (v != TALK_DONE && v != TALK_WANTED)
		return v;
	if ((barred = account_barred(s->user)) == NULL)
		return v;
	*why = barred;
	return TALK_DENIED;
}

static enum talk_verdict
attempt(struct serve *s, const struct talk_auth *m, const char **why)
{
	const struct account_pam_start start = {
		.service = s->service, .user = s->user, .rhost = s->rhost,
		.confdir = s->confdir, .ask = ask, .ctx = s,
	};
	char password[TALK_TEXT_MAX + 1];
	enum talk_verdict v;

	if ((s->pam = account_pam_new(&start, why)) == NULL)
		return TALK_DENIED;
	if (m == NULL) {
		v = account_pam_account(s->pam);
	} else if (m->interactive) {
		v = account_pam_auth(s->pam, NULL, m->sham);
	} else {
		if (!view_to_cstr(m->password, password, sizeof(password)))
			return TALK_DENIED;
		unhear(s);
		v = account_pam_auth(s->pam, password, m->sham);
		wipe(password, sizeof(password));
	}
	*why = account_pam_why(s->pam);
	return confirm(s, v, why);
}

static enum talk_verdict
change(struct serve *s, const struct talk_change *m, const char **why)
{
	char old[TALK_TEXT_MAX + 1], new[TALK_TEXT_MAX + 1];
	enum talk_verdict v = TALK_DENIED;

	*why = "malformed request";
	if (view_to_cstr(m->old, old, sizeof(old)) &&
	    view_to_cstr(m->new, new, sizeof(new))) {
		unhear(s);
		v = account_pam_change(s->pam, old, new);
		*why = account_pam_why(s->pam);
		v = confirm(s, v, why);
	}
	wipe(old, sizeof(old));
	wipe(new, sizeof(new));
	return v;
}

/* One frame that must be of this type, without descriptors. */
static bool
expect(struct serve *s, enum talk_type type, struct ipc_msg *msg)
{
	if (!hear(s, msg))
		return false;
	if (msg->type == type && msg->nfds == 0)
		return true;
	ipc_msg_close(msg);
	return false;
}

/* New passwords until one is taken.  False: this helper is done. */
static bool
changes(struct serve *s, enum talk_verdict v)
{
	const char *why = "";

	for (int i = 0; i < CHANGES_MAX && (v == TALK_WANTED ||
	    v == TALK_UNFIT); i++) {
		struct talk_change m;
		struct ipc_msg msg;

		if (!expect(s, TALK_CHANGE, &msg) ||
		    !get_talk_change(msg.body, &m))
			return false;
		v = change(s, &m, &why);
		if (v == TALK_UNFIT && i + 1 == CHANGES_MAX)
			v = TALK_DENIED;
		if (!tell(s, v, why))
			return false;
	}
	return v == TALK_DONE;
}

/* ---- the whole talk ---- */

static bool
hello(struct serve *s)
{
	struct talk_hello m;
	struct ipc_msg msg;

	return expect(s, TALK_HELLO, &msg) && get_talk_hello(msg.body, &m) &&
	    view_to_cstr(m.service, s->service, sizeof(s->service)) &&
	    view_to_cstr(m.user, s->user, sizeof(s->user)) &&
	    view_to_cstr(m.rhost, s->rhost, sizeof(s->rhost)) &&
	    account_deadline(&s->deadline, m.grace_ms);
}

static bool
find(struct serve *s, struct view body)
{
	struct wr line = wr_new(TALK_ACCOUNT_MAX), w = wr_new(IPC_MAX_FRAME);
	struct account a = { 0 };
	struct talk_found out;
	struct talk_find m;
	const char *why = NULL;
	bool ok = false;

	if (!get_talk_find(body, &m))
		goto out;
	if ((why = account_find(s->user, &m, &a)) == NULL) {
		account_put(&line, &a);
		if (line.bad)
			why = "account is in too many groups";
	}
	out = (struct talk_found){ .reason = view_str(why) };
	if (why == NULL)
		out.account = view_of(wr_view(&line).p, wr_size(&line) - 1);
	put_talk_found(&w, &out);
	ok = account_say(s->sock, TALK_FOUND, &w);
out:
	account_clear(&a);
	wr_free(&line);
	wr_free(&w);
	return ok;
}

/* TALK_AUTH or TALK_ACCOUNT; true if a session may follow. */
static bool
decide(struct serve *s, const struct ipc_msg *msg)
{
	struct talk_auth m;
	const char *why = "malformed request";
	enum talk_verdict v = TALK_DENIED;

	if (msg->type == TALK_ACCOUNT && msg->body.n == 0)
		v = attempt(s, NULL, &why);
	else if (msg->type == TALK_AUTH && get_talk_auth(msg->body, &m))
		v = attempt(s, &m, &why);
	if (!tell(s, v, why))
		return false;
	return v == TALK_DONE || changes(s, v);
}

static int
serve(struct serve *s)
{
	struct ipc_msg msg;
	bool more, found = false;

	if (!hello(s))
		return 1;
	if (!hear(s, &msg))
		return 0;
	if (msg.type == TALK_FIND && msg.nfds == 0) {
		found = find(s, msg.body);
		if (!found || !hear(s, &msg))
			return !found;
	}
	more = msg.nfds == 0 && decide(s, &msg);
	ipc_msg_close(&msg);
	if (!more || !hear(s, &msg))
		return 0;
	if (msg.type == TALK_OPEN && msg.nfds == TALK_OPEN_FDS)
		return account_session(s->pam, &s->deadline, s->sock,
		    &msg);
	ipc_msg_close(&msg);
	return 1;
}

static void work(const void *ctx, pid_t supervisor)
    __attribute__((noreturn));

static void
work(const void *ctx, pid_t supervisor)
{
	(void)supervisor;
	close(HELPER_FD_CONTROL);
	/* A group of its own, to be killed by. */
	_exit(setsid() == -1 ? 126 : account_serve(HELPER_FD_TALK, ctx));
}

void
account_role(const char *confdir)
{
	const struct supervisor s = {
		.title = "sallyport-accou", .ctl = HELPER_FD_CONTROL,
		.run = work, .ctx = confdir,
	};

	supervisor_main(&s);
}

int
account_serve(int sock, const char *confdir)
{
	struct serve *s = calloc(1, sizeof(*s));
	int status, flags;

	if (s == NULL)
		return 1;
	umask(022);	/* pam_umask may say otherwise */
	s->confdir = confdir;
	/* Modules close descriptors that they think are theirs, and write to
	 * the first that they find. */
	s->sock = fcntl(sock, F_DUPFD_CLOEXEC, SOCK_FD);
	if (s->sock == -1 || (flags = fcntl(s->sock, F_GETFL)) == -1 ||
	    fcntl(s->sock, F_SETFL, flags & ~O_NONBLOCK) == -1)
		return 1;
	close(sock);
	status = serve(s);
	account_pam_free(&s->pam);
	unhear(s);
	free(s);
	return status;
}
