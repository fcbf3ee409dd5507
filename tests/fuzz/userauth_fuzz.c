/*
 * Userauth: the parsers on raw bytes, then a dialogue.  The input is records
 * of byte action, byte length, bytes: a message, and what the application
 * says to it.
 */
#include <stdlib.h>

#include "base/userauth_msg.h"
#include "tests/unit/fake_conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
say(struct ssh_conn *c, unsigned what)
{
	static const struct ssh_prompt q = { { NULL, 0 }, true };

	switch (what & 7) {
	case 0:
		return ssh_auth_accept(c, 1);
	case 1:
		return ssh_auth_prompt(c, view_str("n"), view_str("i"), &q, 1,
		    1);
	case 2:
		return ssh_auth_change(c, view_str("new"), 1);
	case 3:
		(void)conn_fail(c, ERR_DENIED, 1, "end");
		return false;
	case 4:
		return false;
	default:
		return ssh_auth_reject(c, "password", false, 1);
	}
}

static void
on_auth(void *ctx, struct ssh_conn *c, const struct ssh_auth *a)
{
	(void)a;
	(void)say(c, *(unsigned *)ctx);
	if (say(c, *(unsigned *)ctx) && c->phase != PH_AUTH)
		abort();	/* answered twice */
}

static void
on_answers(void *ctx, struct ssh_conn *c, const struct view *answers,
    size_t n, struct view payload)
{
	(void)answers;
	(void)payload;
	if (n > USERAUTH_MAX_PROMPTS)
		abort();
	(void)say(c, *(unsigned *)ctx);
}

static const struct ssh_server_events events = {
	.authentication = on_auth,
	.auth_answers = on_answers,
};

static void
parse(struct view v)
{
	struct view answers[USERAUTH_MAX_PROMPTS], session = view_str("id");
	struct wr w = wr_new(2 * USERAUTH_MAX_REQUEST);
	struct userauth_msg m;
	size_t n;

	if (userauth_msg_parse(v, &m)) {
		if (m.user.n > USERAUTH_MAX_USER || view_has_nul(m.user) ||
		    view_has_nul(m.method_name))
			abort();
		if (userauth_msg_signed(&m, session, &w) && w.bad)
			abort();
	}
	wr_free(&w);
	if (userauth_msg_answers(v, answers, 1) && answers[0].n > v.n)
		abort();
	if (userauth_msg_prompts(v, &n) && n > USERAUTH_MAX_PROMPTS)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(view_of(data, size));
	unsigned what = 0;
	struct fake *f = fake_new(&events, &what, PH_AUTH);

	parse(view_of(data, size));
	while (r.n > 2 && f->c.phase != PH_ENDED) {
		size_t n;
		struct view v;

		what = rd_u8(&r);
		n = rd_u8(&r);
		v = rd_bytes(&r, n < r.n ? n : r.n);
		if (v.n == 0)
			continue;
		if (f->c.held != 0)	/* one question at a time */
			(void)ssh_auth_reject(&f->c, "", false, 1);
		parse(v);
		(void)fake_handle(f, v.p[0] == 61 ? userauth_info_response :
		    userauth_request, v);
		if (f->c.held > 1 || f->c.depth != 0)
			abort();
		fake_drop(f);
	}
	userauth_free(&f->c.auth);
	fake_free(&f);
	return 0;
}
