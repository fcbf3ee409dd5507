#include "auth/talk.h"

/* ---- what several have in common ---- */

/* A text without NUL of at most max bytes. */
static struct view
get_text_max(struct rd *r, size_t max)
{
	struct view v = rd_text(r);

	if (v.n > max)
		r->bad = true;
	return v;
}

static size_t
get_count(struct rd *r, size_t max)
{
	uint32_t n = rd_u32(r);

	if (n > max)
		r->bad = true;
	return r->bad ? 0 : n;
}

static bool
is_prompt(enum talk_style s)
{
	return s == TALK_ECHO_OFF || s == TALK_ECHO_ON;
}

static void
put_said(struct wr *w, const struct talk_said *m)
{
	if (m->n > TALK_MAX) {
		w->bad = true;
		return;
	}
	wr_u32(w, (uint32_t)m->n);
	for (size_t i = 0; i < m->n; i++) {
		wr_u8(w, (uint8_t)m->msg[i].style);
		wr_str(w, m->msg[i].text);
	}
}

static void
get_said(struct rd *r, struct talk_said *m)
{
	m->n = get_count(r, TALK_MAX);
	for (size_t i = 0; i < m->n; i++) {
		uint8_t style = rd_u8(r);

		if (style > TALK_INFO)
			r->bad = true;
		m->msg[i].style = (enum talk_style)style;
		m->msg[i].text = get_text_max(r, TALK_TEXT_MAX);
	}
}

size_t
talk_prompts(const struct talk_said *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += is_prompt(m->msg[i].style);
	return n;
}

bool
talk_rule_next(struct view *list, struct view *name)
{
	struct rd r = rd_of(*list);

	if (list->n == 0)
		return false;
	*name = rd_text(&r);
	*list = view_of(r.p, r.n);
	return !r.bad;
}

/* ---- login -> helper ---- */

void
put_talk_hello(struct wr *w, const struct talk_hello *m)
{
	wr_str(w, m->service);
	wr_str(w, m->user);
	wr_str(w, m->rhost);
	wr_u32(w, m->grace_ms);
}

bool
get_talk_hello(struct view b, struct talk_hello *m)
{
	struct rd r = rd_of(b);

	m->service = get_text_max(&r, TALK_SERVICE_MAX);
	m->user = get_text_max(&r, TALK_USER_MAX);
	m->rhost = get_text_max(&r, TALK_RHOST_MAX);
	m->grace_ms = rd_u32(&r);
	return rd_done(&r) && m->service.n != 0 && m->grace_ms != 0;
}

void
put_talk_find(struct wr *w, const struct talk_find *m)
{
	wr_str(w, m->allow);
	wr_str(w, m->deny);
	wr_bool(w, m->root);
}

/* Every entry is a text that is not empty. */
static bool
rules_ok(struct view list)
{
	struct rd r = rd_of(list);

	for (size_t n = 0; r.n != 0; n++)
		if (n == TALK_RULES_MAX || rd_text(&r).n == 0)
			return false;
	return rd_done(&r);
}

bool
get_talk_find(struct view b, struct talk_find *m)
{
	struct rd r = rd_of(b);

	m->allow = rd_str(&r);
	m->deny = rd_str(&r);
	m->root = rd_bool(&r);
	return rd_done(&r) && rules_ok(m->allow) && rules_ok(m->deny);
}

void
put_talk_auth(struct wr *w, const struct talk_auth *m)
{
	wr_bool(w, m->interactive);
	wr_bool(w, m->sham);
	wr_str(w, m->password);
}

bool
get_talk_auth(struct view b, struct talk_auth *m)
{
	struct rd r = rd_of(b);

	m->interactive = rd_bool(&r);
	m->sham = rd_bool(&r);
	m->password = get_text_max(&r, TALK_TEXT_MAX);
	return rd_done(&r) && (!m->interactive || m->password.n == 0);
}

void
put_talk_texts(struct wr *w, const struct talk_texts *m)
{
	if (m->n > TALK_MAX) {
		w->bad = true;
		return;
	}
	wr_u32(w, (uint32_t)m->n);
	for (size_t i = 0; i < m->n; i++)
		wr_str(w, m->text[i]);
}

bool
get_talk_texts(struct view b, struct talk_texts *m)
{
	struct rd r = rd_of(b);

	m->n = get_count(&r, TALK_MAX);
	for (size_t i = 0; i < m->n; i++)
		m->text[i] = get_text_max(&r, TALK_TEXT_MAX);
	return rd_done(&r);
}

void
put_talk_change(struct wr *w, const struct talk_change *m)
{
	wr_str(w, m->old);
	wr_str(w, m->new);
}

bool
get_talk_change(struct view b, struct talk_change *m)
{
	struct rd r = rd_of(b);

	m->old = get_text_max(&r, TALK_TEXT_MAX);
	m->new = get_text_max(&r, TALK_TEXT_MAX);
	return rd_done(&r);
}

/* ---- helper -> login ---- */

void
put_talk_found(struct wr *w, const struct talk_found *m)
{
	wr_str(w, m->reason);
	wr_str(w, m->account);
}

bool
get_talk_found(struct view b, struct talk_found *m)
{
	struct rd r = rd_of(b);

	m->reason = get_text_max(&r, TALK_REASON_MAX);
	m->account = get_text_max(&r, TALK_ACCOUNT_MAX);
	return rd_done(&r) && (m->reason.n == 0) == (m->account.n != 0);
}

void
put_talk_said(struct wr *w, const struct talk_said *m)
{
	if (talk_prompts(m) == 0)
		w->bad = true;
	put_said(w, m);
}

bool
get_talk_said(struct view b, struct talk_said *m)
{
	struct rd r = rd_of(b);

	get_said(&r, m);
	return rd_done(&r) && talk_prompts(m) != 0;
}

void
put_talk_result(struct wr *w, const struct talk_result *m)
{
	wr_u8(w, (uint8_t)m->verdict);
	wr_str(w, m->reason);
	put_said(w, &m->said);
}

bool
get_talk_result(struct view b, struct talk_result *m)
{
	struct rd r = rd_of(b);
	uint8_t verdict = rd_u8(&r);

	m->verdict = (enum talk_verdict)verdict;
	m->reason = get_text_max(&r, TALK_REASON_MAX);
	get_said(&r, &m->said);
	return rd_done(&r) && verdict <= TALK_UNFIT &&
	    talk_prompts(&m->said) == 0;
}

void
put_talk_session(struct wr *w, const struct talk_session *m)
{
	if (m->nenv > TALK_ENV_MAX) {
		w->bad = true;
		return;
	}
	wr_u32(w, m->helper);
	wr_u32(w, m->pid);
	wr_str(w, m->reason);
	wr_u32(w, (uint32_t)m->nenv);
	for (size_t i = 0; i < m->nenv; i++)
		wr_str(w, m->env[i]);
}

bool
get_talk_session(struct view b, struct talk_session *m)
{
	struct rd r = rd_of(b);
	size_t bytes = 0;

	m->helper = rd_u32(&r);
	m->pid = rd_u32(&r);
	m->reason = get_text_max(&r, TALK_REASON_MAX);
	m->nenv = get_count(&r, TALK_ENV_MAX);
	for (size_t i = 0; i < m->nenv; i++) {
		m->env[i] = rd_text(&r);
		bytes += m->env[i].n;
	}
	return rd_done(&r) && bytes <= TALK_ENV_BYTES &&
	    m->helper <= INT32_MAX && m->pid <= INT32_MAX;
}
