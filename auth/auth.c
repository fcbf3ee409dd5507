#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/internal.h"
#include "auth/limits.h"
#include "auth/nss.h"
#include "auth/pam.h"
#include "base/crypto.h"

#define SERVICE	"ssh-connection"
#define INFO_RESPONSE	61	/* SSH_MSG_USERAUTH_INFO_RESPONSE */
#define AUTH_PAYLOAD_MAX	(16 * 1024)	/* of one question */

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

struct auth *
auth_new(const struct auth_start *start)
{
	struct auth *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->start = *start;
	match_addr_of(start->peer, &a->addr);
	a->began = now_ms();
	if (start->delay_secret.n == 0) {
		crypto_random(a->secret, sizeof(a->secret));
		a->start.delay_secret = view_of(a->secret, sizeof(a->secret));
	}
	if (!chains_init(&a->chains, start->policy)) {
		free(a);
		return NULL;
	}
	return a;
}

void
auth_free(struct auth **a)
{
	if (*a == NULL)
		return;
	dialog_close(*a);
	pam_free(*a);
	nss_free(*a);
	chains_free(&(*a)->chains);
	wipe(*a, sizeof(**a));
	free(*a);
	*a = NULL;
}

const struct auth_limits *
auth_limits(const struct auth *a)
{
	return &a->limits;
}

const struct policy *
auth_shape(const struct auth *a)
{
	return a->start.policy != NULL ? a->start.policy : a->start.decoy;
}

const struct auth_work *
auth_work(const struct auth *a)
{
	return &a->work;
}

void
auth_notice(struct auth_answer *out, struct view text)
{
	if (text.n == 0 || text.n + 2 > MSG_NOTICE_MAX -
	    wr_size(&out->notice))
		return;
	wr_bytes(&out->notice, text);
	if (text.p[text.n - 1] != '\n')
		wr_bytes(&out->notice, view_str("\r\n"));
}

void
auth_step_notice(struct auth_step *step, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	wr_bytes(&step->notice, view_str(text));
	wr_bytes(&step->notice, view_str("\r\n"));
}

void
auth_step_expires(const struct auth *a, struct auth_step *step,
    const char *what, int64_t expires)
{
	int64_t left = expires - auth_now(a);

	if (left <= 0 || left > (int64_t)a->start.policy->password_warn)
		return;
	if (left < 86400)
		auth_step_notice(step, "Your %s expires within a day.", what);
	else
		auth_step_notice(step, "Your %s expires in %d %s.", what,
		    (int)(left / 86400), left < 2 * 86400 ? "day" : "days");
}

int64_t
auth_now(const struct auth *a)
{
	return a->start.now + (int64_t)((now_ms() - a->began) / 1000);
}

/* ---- when a failure may leave ---- */

/* 0 to 4 ms that belong to the user name, existing or not. */
static uint32_t
name_delay(const struct auth *a)
{
	struct wr w = wr_new(WR_DEFAULT_MAX);
	uint8_t h[HASH_MAX] = { 0 };
	bool ok;

	wr_bytes(&w, a->start.delay_secret);
	wr_str(&w, a->start.user);
	ok = !w.bad && hash_once(HASH_SHA256, wr_view(&w), h);
	wr_free(&w);
	return ok ? get_u32(h) % 5 : 0;
}

/* The first multiple of grid, since the request came, that the work has
 * surely not passed. */
static uint32_t
leave_at(const struct auth *a, uint32_t grid)
{
	uint64_t spent = now_ms() - a->asked + 2;

	if (grid == 0)
		return 0;
	if (spent > 60000)
		spent = 60000;
	return (uint32_t)(spent / grid + 1) * grid + name_delay(a);
}

/* ---- one request ---- */

static void
disconnect(struct auth_answer *out, const char *text)
{
	out->verdict = VERDICT_DISCONNECT;
	out->reason = text;
	wr_bytes(&out->payload, view_str(text));
}

/* Asked after the method has done its work, never instead. */
const char *
auth_gate(const struct auth *a, int method)
{
	const char *why = admit_fault(a->start.policy, &a->addr, auth_now(a));

	if (why != NULL)
		return a->start.policy == NULL && a->why_nobody[0] != '\0' ?
		    a->why_nobody : why;
	if (!chains_expect(&a->chains, method))
		return a->partial ? "method is not the next step" :
		    "method is not allowed for this user";
	return NULL;
}

static void
remember(struct auth *a)
{
	a->before.partial = a->partial;
	a->before.told = a->told;
	a->before.proved = a->proved;
	a->before.nused = a->nused;
	a->before.limits = a->limits;
}

static void
take_step(struct auth *a, int method, const struct auth_step *step,
    struct auth_answer *out)
{
	remember(a);
	out->reason = "";
	out->counted = true;
	/* What any proved key takes away stays away, whichever chain is
	 * completed in the end. */
	limits_add(&a->limits, &step->limits);
	if (method == AUTH_PUBLICKEY && a->nused < AUTH_USED_MAX)
		memcpy(a->used[a->nused++], step->key, sizeof(step->key));
	a->partial = true;
	/* A stranger would hear from it who exists. */
	if (!a->told)
		auth_notice(out, a->start.policy->banner);
	a->told = true;
	a->proved |= (uint32_t)1 << method;
	out->verdict = chains_advance(&a->chains, method) ? VERDICT_SUCCESS :
	    VERDICT_PARTIAL;
}

/* The method asks back: whoever it is, and whatever comes of it. */
static void
ask_back(struct auth_step *step, struct auth_answer *out)
{
	out->verdict = step->ask == ASK_PROMPT ? VERDICT_PROMPT :
	    VERDICT_CHANGEREQ;
	wr_free(&out->payload);
	out->payload = step->payload;
	step->payload = wr_new(0);
}

/* All is proved; PAM may still have something against the account, or a new
 * password is owed to a dialogue that another chain has gone round. */
static void
confirm(struct auth *a, struct auth_answer *out)
{
	struct wr notice = wr_new(MSG_NOTICE_MAX);
	const char *why = a->change_owed ? "password has expired and was not "
	    "changed" : pam_account(a, &notice);

	if (why != NULL)
		auth_undo(a, out, why);
	else
		auth_notice(out, wr_view(&notice));
	wr_free(&notice);
}

/* From what the method found to what the client hears. */
static void
settle(struct auth *a, int method, struct auth_step *step,
    struct auth_answer *out)
{
	const struct auth_method_row *row = auth_method_row(method);
	const char *shut = auth_gate(a, method);

	memcpy(out->key, step->key, sizeof(step->key));
	if (step->ask != ASK_NOTHING && !step->payload.bad) {
		ask_back(step, out);
		if (step->level)
			out->not_before_ms = leave_at(a, row->grid_ms);
		return;
	}
	dialog_close(a);
	if (shut == NULL && step->proved) {
		take_step(a, method, step, out);
		auth_notice(out, wr_view(&step->notice));
		if (out->verdict == VERDICT_SUCCESS)
			confirm(a, out);
	} else if (shut == NULL && step->usable) {
		out->verdict = VERDICT_PK_OK;
		out->reason = "";
	} else {
		/* `none` asks a question; its answer is no refusal. */
		out->reason = shut != NULL && method != AUTH_NONE ? shut :
		    step->reason;
		out->counted = row->counted;
		out->not_before_ms = leave_at(a, row->grid_ms);
		/* Made for whoever has proved something to the method. */
		if (shut == NULL)
			auth_notice(out, wr_view(&step->notice));
	}
}

static void
run_method(struct auth *a, const struct userauth_msg *m,
    struct auth_answer *out)
{
	struct auth_step step = { .payload = wr_new(AUTH_PAYLOAD_MAX),
	    .notice = wr_new(MSG_NOTICE_MAX), .reason = "out of memory" };

	/* RFC 4256 3.1: another request ends the dialogue.  Left alone it
	 * would be a question asked for nothing (CVE-2015-5600). */
	out->abandoned = a->talk.with != NULL;
	dialog_close(a);
	if (m->method != AUTH_PASSWORD || !m->change)
		pam_forget(a);
	auth_method_row(m->method)->check(a, m, &step);
	settle(a, m->method, &step, out);
	wr_free(&step.payload);
	wr_free(&step.notice);
}

static void
run_answers(struct auth *a, struct view payload, struct auth_answer *out)
{
	struct view answers[USERAUTH_MAX_PROMPTS];
	struct auth_step step = { .payload = wr_new(AUTH_PAYLOAD_MAX),
	    .notice = wr_new(MSG_NOTICE_MAX), .reason = "out of memory" };

	if (a->talk.with == NULL) {
		disconnect(out, "answers that nobody asked for");
		return;
	}
	if (!userauth_msg_answers(payload, answers, a->talk.nprompts)) {
		disconnect(out, "malformed answers");
		return;
	}
	out->method = AUTH_KBDINT;
	auth_method_row(AUTH_KBDINT)->answers(a, answers, a->talk.nprompts,
	    &step);
	settle(a, AUTH_KBDINT, &step, out);
	wr_free(&step.payload);
	wr_free(&step.notice);
}

static uint32_t
methods_left(const struct auth *a)
{
	uint32_t m = a->partial ? chains_next(&a->chains) :
	    a->start.methods_first;

	return m & ~((uint32_t)1 << AUTH_NONE);
}

void
auth_request(struct auth *a, struct view payload, struct auth_answer *out)
{
	struct userauth_msg m;

	*out = (struct auth_answer){
		.verdict = VERDICT_FAILURE, .payload = wr_new(1024),
		.notice = wr_new(MSG_NOTICE_MAX),
		.method = -1, .reason = ""
	};
	a->asked = now_ms();
	if (a->over) {
		disconnect(out, "authentication is over");
	} else if (payload.n != 0 && payload.p[0] == INFO_RESPONSE) {
		run_answers(a, payload, out);
	} else if (!userauth_msg_parse(payload, &m)) {
		disconnect(out, "malformed authentication request");
	} else if (!view_eq(m.user, a->start.user)) {
		disconnect(out, "change of user name");
	} else if (!view_is(m.service, SERVICE)) {
		disconnect(out, "service is not available");
	} else {
		out->method = m.method;
		/* `none` asks for nothing that differs. */
		if (m.method != AUTH_NONE)
			nss_find(a);
		run_method(a, &m, out);
	}
	a->over = out->verdict == VERDICT_SUCCESS ||
	    out->verdict == VERDICT_DISCONNECT;
	out->methods = methods_left(a);
}

void
auth_undo(struct auth *a, struct auth_answer *out, const char *why)
{
	a->over = false;
	chains_retreat(&a->chains);
	a->partial = a->before.partial;
	a->told = a->before.told;
	a->proved = a->before.proved;
	a->nused = a->before.nused;
	a->limits = a->before.limits;
	wr_reset(&out->notice);
	out->verdict = VERDICT_FAILURE;
	out->methods = methods_left(a);
	out->reason = why;
	out->not_before_ms = leave_at(a, auth_method_row(out->method)->grid_ms);
}
