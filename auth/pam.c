#include <stdlib.h>
#include <string.h>

#include "auth/helper.h"
#include "auth/pam.h"
#include "base/json_text.h"

#define SLOT_MS		300	/* a check may keep others waiting so long */
#define CHANGES_MAX	6	/* passwords that one login may try to make */
#define ROUNDS_MAX	32	/* of one dialogue */
#define TEXTS_MAX	((size_t)12 * 1024)	/* what one round says */

struct pam {
	struct helper *ready;	/* has attempted nothing yet */
	char ready_for[TALK_SERVICE_MAX + 1];	/* its service */
	struct helper *now;	/* the attempt that is under way */
	struct helper *kept;	/* the last one that proved something */
	bool account;		/* its account phase was passed, too */
	bool changing;		/* a CHANGEREQ is open */
	unsigned changes, rounds;
	char why[TALK_REASON_MAX + 1];
};

struct view
pam_service(const struct auth *a)
{
	const struct policy *p = auth_shape(a);

	return p != NULL ? p->pam : view_of(NULL, 0);
}

static struct pam *
state_of(struct auth *a)
{
	if (a->pam == NULL)
		a->pam = calloc(1, sizeof(*a->pam));
	return a->pam;
}

void
pam_forget(struct auth *a)
{
	if (a->pam == NULL)
		return;
	helper_end(&a->pam->now);
	a->pam->changing = false;
}

void
pam_free(struct auth *a)
{
	pam_forget(a);
	if (a->pam != NULL) {
		helper_end(&a->pam->ready);
		helper_end(&a->pam->kept);
	}
	free(a->pam);
	a->pam = NULL;
}

/* ---- texts of modules ---- */

/* Text as a terminal may have it: UTF-8 without control characters but the
 * end of a line and the tabulator. */
static void
clean(struct wr *w, struct view v)
{
	while (v.n != 0) {
		size_t n = utf8_len(v.p, v.n);
		bool c1 = n == 2 && v.p[0] == 0xc2 && v.p[1] < 0xa0;
		bool c0 = n == 1 && (v.p[0] < ' ' || v.p[0] == 0x7f) &&
		    v.p[0] != '\n' && v.p[0] != '\t';

		if (n == 0 || c0 || c1)
			wr_u8(w, '?');
		else
			wr_bytes(w, view_of(v.p, n));
		n += n == 0;
		v.p += n;
		v.n -= n;
	}
}

/* Information and errors, a line each. */
static void
clean_said(struct wr *w, const struct talk_said *m)
{
	for (size_t i = 0; i < m->n; i++) {
		struct view v = m->msg[i].text;

		if (m->msg[i].style == TALK_ECHO_OFF ||
		    m->msg[i].style == TALK_ECHO_ON || v.n == 0)
			continue;
		clean(w, v);
		if (v.p[v.n - 1] != '\n')
			wr_u8(w, '\n');
	}
}

/* C strings behind each other in w, whose offsets are known before. */
static size_t
clean_cstr(struct wr *w, struct view v, const char *instead)
{
	size_t at = wr_size(w);

	if (v.n == 0)
		v = view_str(instead);	/* RFC 4256 3.2: not empty */
	clean(w, v);
	wr_u8(w, '\0');
	return at;
}

static void
show(struct auth *a, const struct talk_said *m, struct auth_step *step)
{
	struct dialog_prompt prompts[TALK_MAX];
	struct wr w = wr_new(TEXTS_MAX);
	size_t at[TALK_MAX], n = 0;
	const char *base;

	clean_said(&w, m);
	wr_u8(&w, '\0');
	for (size_t i = 0; i < m->n; i++) {
		if (m->msg[i].style != TALK_ECHO_OFF &&
		    m->msg[i].style != TALK_ECHO_ON)
			continue;
		prompts[n].echo = m->msg[i].style == TALK_ECHO_ON;
		at[n++] = clean_cstr(&w, m->msg[i].text, "Answer: ");
	}
	base = (const char *)wr_view(&w).p;
	for (size_t i = 0; i < n; i++)
		prompts[i].text = base + at[i];
	if (!w.bad)
		dialog_ask(a, step, NULL, base, prompts, n);
	if (w.bad || step->payload.bad) {
		step->ask = ASK_NOTHING;
		step->reason = "a module says more than a client can be told";
	}
	wr_free(&w);
}

/* ---- one attempt ---- */

#define ACCOUNT_PHASE	(-1)	/* in place of a method */

/* Somebody for whom nothing can come of it. */
static bool
is_sham(const struct auth *a, int method)
{
	return method != ACCOUNT_PHASE && auth_gate(a, method) != NULL;
}

/* Names that no account has, but that a module might take for a path or an
 * option, are asked for by another that nobody has. */
static struct view
asked_name(const struct auth *a)
{
	struct view u = a->start.user;

	for (size_t i = 0; i < u.n; i++)
		if (u.p[i] < ' ' || u.p[i] == 0x7f || u.p[i] == '/' ||
		    u.p[i] == ':')
			return view_str("nobody.invalid");
	return u.n == 0 || u.p[0] == '-' || u.p[0] == '.' ?
	    view_str("nobody.invalid") : u;
}

static struct helper *
start_helper(struct auth *a, struct view service, const char **why)
{
	const struct talk_hello m = {
		.service = service, .user = asked_name(a),
		.rhost = view_str(a->start.src),
		.grace_ms = a->start.grace_ms != 0 ? a->start.grace_ms :
		    60 * 1000,
	};

	a->work.helpers++;
	return helper_start(a, &m, why);
}

struct helper *
pam_prepare(struct auth *a, struct view service, const char **why_out)
{
	struct pam *p = state_of(a);

	*why_out = "out of memory";
	if (p == NULL || !view_to_cstr(service, p->ready_for,
	    sizeof(p->ready_for)))
		return NULL;
	helper_end(&p->ready);
	p->ready = start_helper(a, service, why_out);
	return p->ready;
}

static bool
begin_attempt(struct auth *a, const char **why)
{
	struct pam *p = state_of(a);

	*why = "out of memory";
	if (p == NULL)
		return false;
	pam_forget(a);
	p->rounds = 0;
	if (p->ready != NULL && view_is(pam_service(a), p->ready_for)) {
		p->now = p->ready;
		p->ready = NULL;
	} else
		p->now = start_helper(a, pam_service(a), why);
	return p->now != NULL;
}

/* Waits for the helper's word.  Modules hash what they are given, so no more
 * than there are cores may be at it; but they may also sleep, which must not
 * hold up others. */
static enum err
hear(struct auth *a, bool hashes, struct ipc_msg *msg, const char **why)
{
	const struct auth_start *s = &a->start;
	enum err e = ERR_AGAIN;

	if (hashes && s->hash_slot != NULL) {
		s->hash_slot(s->hash_ctx, true);
		e = helper_hear(a->pam->now, SLOT_MS, msg, why);
		s->hash_slot(s->hash_ctx, false);
	}
	while (e == ERR_AGAIN)
		e = helper_hear(a->pam->now, -1, msg, why);
	return e;
}

static void
keep(struct auth *a)
{
	struct pam *p = a->pam;

	helper_end(&p->kept);
	p->kept = p->now;
	p->now = NULL;
	p->account = true;
}

/* The password must be changed; or it was, but to one that is not taken. */
static void
want_change(struct auth *a, const struct talk_result *r,
    struct auth_step *step)
{
	struct pam *p = a->pam;

	if (p->changes++ == CHANGES_MAX) {
		step->reason = "too many attempts to change the password";
		return;
	}
	clean_said(&step->payload, &r->said);
	wr_bytes(&step->payload, view_str(r->verdict == TALK_UNFIT ?
	    "The new password was not accepted. Please choose another one." :
	    "Your password has expired. Please choose a new one."));
	if (step->payload.bad) {
		wr_reset(&step->payload);
		wr_bytes(&step->payload, view_str("Please choose a new "
		    "password."));
	}
	p->changing = true;
	step->ask = ASK_CHANGE;
}

static void
take_result(struct auth *a, int method, const struct talk_result *r,
    struct auth_step *step)
{
	struct pam *p = a->pam;
	bool sham = is_sham(a, method);

	if (!view_to_cstr(r->reason, p->why, sizeof(p->why)))
		p->why[0] = '\0';
	step->reason = p->why[0] != '\0' ? p->why : "PAM says no";
	if (sham || r->verdict == TALK_DENIED) {
		/* What modules say of it would tell more than the same
		 * failure tells others. */
		return;
	}
	if (r->verdict == TALK_DONE) {
		clean_said(&step->notice, &r->said);
		step->proved = true;
		keep(a);
	} else if (method == AUTH_PASSWORD)
		want_change(a, r, step);
}

static void
take_frame(struct auth *a, int method, const struct ipc_msg *msg,
    struct auth_step *step)
{
	struct talk_result r;
	struct talk_said said;

	step->reason = "sallyport-account talks nonsense";
	if (msg->type == TALK_RESULT && get_talk_result(msg->body, &r))
		take_result(a, method, &r, step);
	else if (msg->type == TALK_ASK && method == AUTH_KBDINT &&
	    get_talk_said(msg->body, &said)) {
		if (a->pam->rounds++ == ROUNDS_MAX)
			step->reason = "too many rounds";
		else
			show(a, &said, step);
	}
}

/* Says something and acts on what comes back.  Whatever does not ask for more
 * ends the attempt. */
static void
turn(struct auth *a, int method, enum talk_type type, const struct wr *w,
    struct auth_step *step)
{
	struct ipc_msg msg;
	bool hashes = method != ACCOUNT_PHASE &&
	    (type != TALK_AUTH || method == AUTH_PASSWORD);

	if (helper_say(a->pam->now, type, w, NULL, 0, &step->reason) &&
	    hear(a, hashes, &msg, &step->reason) == OK)
		take_frame(a, method, &msg, step);
	if (step->ask == ASK_NOTHING)
		pam_forget(a);
}

/* ---- answers ---- */

static const char *
answer_fault(struct view v)
{
	if (v.n > TALK_TEXT_MAX)
		return "answer is too long";
	return view_has_nul(v) ? "NUL in an answer" : NULL;
}

/* Of the same length, and nobody's password. */
static struct view
junk(char *out, size_t n)
{
	static const char bytes[] = "\b\n\r\177INCORRECT";

	for (size_t i = 0; i < n; i++)
		out[i] = bytes[i % (sizeof(bytes) - 1)];
	return view_of(out, n);
}

/* ---- password ---- */

static void
try_password(struct auth *a, struct view given, struct auth_step *step)
{
	struct talk_auth m = { .sham = is_sham(a, AUTH_PASSWORD) };
	struct wr w = wr_new(IPC_MAX_FRAME);
	char bad[TALK_TEXT_MAX];

	m.password = m.sham ? junk(bad, given.n) : given;
	put_talk_auth(&w, &m);
	if (begin_attempt(a, &step->reason))
		turn(a, AUTH_PASSWORD, TALK_AUTH, &w, step);
	wr_free(&w);
}

static void
try_change(struct auth *a, const struct userauth_msg *m,
    struct auth_step *step)
{
	const struct talk_change c = { m->password, m->new_password };
	struct wr w = wr_new(IPC_MAX_FRAME);

	a->pam->changing = false;
	put_talk_change(&w, &c);
	turn(a, AUTH_PASSWORD, TALK_CHANGE, &w, step);
	wr_free(&w);
}

void
pam_password(struct auth *a, const struct userauth_msg *m,
    struct auth_step *step)
{
	bool open = a->pam != NULL && a->pam->changing &&
	    a->pam->now != NULL;

	if (m->password.n == 0)
		step->reason = "empty password";
	else if ((step->reason = answer_fault(m->password)) != NULL ||
	    (step->reason = answer_fault(m->new_password)) != NULL)
		return;
	else if (!m->change)
		try_password(a, m->password, step);
	else if (!open)
		step->reason = "a change of password that nobody asked for";
	else
		try_change(a, m, step);
}

/* ---- the dialogue ---- */

static void
begin(struct auth *a, const struct userauth_msg *m, struct auth_step *step)
{
	const struct talk_auth t = {
		.interactive = true, .sham = is_sham(a, AUTH_KBDINT),
	};
	struct wr w = wr_new(IPC_MAX_FRAME);

	(void)m;
	put_talk_auth(&w, &t);
	if (begin_attempt(a, &step->reason))
		turn(a, AUTH_KBDINT, TALK_AUTH, &w, step);
	wr_free(&w);
}

static void
answers(struct auth *a, const struct view *given, size_t n,
    struct auth_step *step)
{
	static const char ended[] = "the dialogue with PAM has ended";
	bool sham = is_sham(a, AUTH_KBDINT);
	struct wr w = wr_new(IPC_MAX_FRAME);
	struct talk_texts m = { .n = n };
	char bad[TALK_TEXT_MAX];

	step->reason = a->pam == NULL || a->pam->now == NULL ? ended : NULL;
	junk(bad, sizeof(bad));
	for (size_t i = 0; i < n && step->reason == NULL; i++) {
		step->reason = answer_fault(given[i]);
		m.text[i] = sham ? view_of(bad, given[i].n) : given[i];
	}
	if (step->reason == NULL) {
		put_talk_texts(&w, &m);
		step->level = true;
		turn(a, AUTH_KBDINT, TALK_ANSWERS, &w, step);
	}
	wr_free(&w);
}

static void
end(struct auth *a)
{
	pam_forget(a);
}

const struct dialog dialog_pam = {
	.name = "pam", .begin = begin, .answers = answers, .end = end,
};

/* ---- the account phase ---- */

const char *
pam_account(struct auth *a, struct wr *notice)
{
	struct auth_step step = { .reason = "out of memory",
	    .notice = wr_new(MSG_NOTICE_MAX) };
	struct wr none = wr_new(16);

	if (pam_service(a).n == 0 || (a->pam != NULL && a->pam->account))
		return NULL;
	if (begin_attempt(a, &step.reason))
		turn(a, ACCOUNT_PHASE, TALK_ACCOUNT, &none, &step);
	if (step.proved)
		wr_bytes(notice, wr_view(&step.notice));
	wr_free(&step.notice);
	wr_free(&none);
	return step.proved ? NULL : step.reason;
}

struct helper *
pam_helper(const struct auth *a)
{
	return a->pam != NULL ? a->pam->kept : NULL;
}
