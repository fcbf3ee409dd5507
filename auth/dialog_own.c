/*
 * The dialogue with users whose secrets stand in the configuration: the
 * password, unless one or a key has been proved already, then the code from
 * the user's clock, if there is one.
 *
 * Who answers wrongly must not learn which answer it was, nor who exists.  So
 * the code is asked for whether or not the password was right; and where
 * anybody at all begins like that, also of whoever gave a wrong password and
 * has no code, and of nobody.  One good password alone ends without a code:
 * that of a user who has none, who is then logged in.
 */
#include <stdlib.h>

#include "auth/internal.h"

struct own {
	enum { ASKED_PASSWORD, ASKED_CODE } stage;
	bool ok;		/* so far */
	const char *why;	/* not: static */
};

/* Does a code stand between this user and this step? */
static bool
has_code(const struct auth *a)
{
	return a->start.policy != NULL && policy_has_totp(a->start.policy) &&
	    chains_expect(&a->chains, AUTH_KBDINT);
}

static bool
wants_password(const struct auth *a)
{
	const uint32_t knows = (uint32_t)1 << AUTH_PUBLICKEY |
	    (uint32_t)1 << AUTH_PASSWORD;

	if (!has_code(a) || !a->partial)
		return true;
	return (a->proved & knows) == 0 && a->start.policy->password.n != 0;
}

static void
ask_password(struct auth *a, struct auth_step *step)
{
	static const struct dialog_prompt p = { "Password: ", false };

	dialog_ask(a, step, NULL, NULL, &p, 1);
}

static void
ask_code(struct auth *a, struct own *s, struct auth_step *step)
{
	static const struct dialog_prompt p = { "Verification code: ", false };

	s->stage = ASKED_CODE;
	dialog_ask(a, step, NULL, NULL, &p, 1);
}

static void
begin(struct auth *a, const struct userauth_msg *m, struct auth_step *step)
{
	struct own *s = calloc(1, sizeof(*s));

	(void)m;
	if ((a->talk.state = s) == NULL)
		return;
	if (wants_password(a)) {
		ask_password(a, step);
	} else {
		s->ok = auth_gate(a, AUTH_KBDINT) == NULL;
		ask_code(a, s, step);
	}
}

static void
take_password(struct auth *a, struct own *s, struct view given,
    struct auth_step *step)
{
	s->ok = password_matches(a, given, &s->why) &&
	    auth_gate(a, AUTH_KBDINT) == NULL;
	if (has_code(a) || (!s->ok && a->start.asks_code && !a->partial)) {
		ask_code(a, s, step);
		step->level = true;
		return;
	}
	step->proved = s->ok;
	step->reason = s->why;
}

static void
take_code(struct auth *a, struct own *s, struct view given,
    struct auth_step *step)
{
	bool right = totp_accept(a, given, s->ok, step);

	step->proved = s->ok && right;
	if (!s->ok)
		step->reason = s->why;
}

static void
answers(struct auth *a, const struct view *given, size_t n,
    struct auth_step *step)
{
	struct own *s = a->talk.state;

	(void)n;
	if (s->stage == ASKED_PASSWORD)
		take_password(a, s, given[0], step);
	else
		take_code(a, s, given[0], step);
}

static void
end(struct auth *a)
{
	free(a->talk.state);
}

const struct dialog dialog_own = {
	.name = "password", .begin = begin, .answers = answers, .end = end,
};
