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
 *
 * A password that has expired is replaced at the end, once all else is right.
 */
#include <stdio.h>
#include <stdlib.h>

#include "auth/external.h"

#define NEW_TRIES	3	/* at a new password */

struct own {
	enum { ASKED_PASSWORD, ASKED_CODE, ASKED_NEW } stage;
	bool ok;		/* so far */
	bool password;		/* it was asked for here, and is right */
	const char *why;	/* not: static */
	unsigned tries;
	struct auth_limits limits;	/* that came with the password */
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
	return (a->proved & knows) == 0 &&
	    (a->start.policy->password.n != 0 ||
	    policy_external(a->start.policy, AUTH_PASSWORD));
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

/* ---- a new password ---- */

static void
ask_new(struct auth *a, struct own *s, const char *why,
    struct auth_step *step)
{
	static const struct dialog_prompt p[] = {
		{ "New password: ", false }, { "Retype new password: ", false },
	};
	char rules[256], text[512];

	if (s->tries++ == NEW_TRIES) {
		step->reason = "no acceptable new password was given";
		return;
	}
	s->stage = ASKED_NEW;
	password_rules(a, rules, sizeof(rules));
	snprintf(text, sizeof(text), "%s %s", why, rules);
	dialog_ask(a, step, NULL, text, p, 2);
}

static void
take_new(struct auth *a, struct own *s, const struct view *given,
    struct auth_step *step)
{
	char text[256];
	const char *why;

	if (!view_eq(given[0], given[1])) {
		ask_new(a, s, "The two are not the same.", step);
	} else if (!password_fits(a, given[0], text, sizeof(text))) {
		ask_new(a, s, text, step);
	} else if ((why = password_replace(a, given[0])) != NULL) {
		password_stuck(step, why);
	} else {
		a->change_owed = false;
		step->proved = true;
	}
}

/* All that was asked for is right. */
static void
finish(struct auth *a, struct own *s, struct auth_step *step)
{
	if (!a->change_owed && !(s->password && password_has_expired(a))) {
		step->proved = true;
		if (s->password)
			password_warning(a, step);
	} else if (password_unchangeable(a) != NULL) {
		password_stuck(step, "password has expired and may not be "
		    "changed");
	} else {
		ask_new(a, s, "Your password has expired.", step);
	}
}

/* ---- the answers ---- */

static void
take_password(struct auth *a, struct own *s, struct view given,
    struct auth_step *step)
{
	s->ok = password_matches(a, given, &s->limits, &s->why) &&
	    auth_gate(a, AUTH_KBDINT) == NULL;
	s->password = s->ok && !external_decides(a, AUTH_PASSWORD);
	if (has_code(a) || (!s->ok && a->start.asks_code && !a->partial)) {
		ask_code(a, s, step);
		step->level = true;
	} else if (s->ok) {
		finish(a, s, step);
	} else {
		step->reason = s->why;
	}
}

static void
take_code(struct auth *a, struct own *s, struct view given,
    struct auth_step *step)
{
	bool right = totp_accept(a, given, s->ok, step);

	if (!s->ok)
		step->reason = s->why;
	else if (right)
		finish(a, s, step);
}

static void
answers(struct auth *a, const struct view *given, size_t n,
    struct auth_step *step)
{
	struct own *s = a->talk.state;

	(void)n;
	switch (s->stage) {
	case ASKED_PASSWORD:
		take_password(a, s, given[0], step);
		break;
	case ASKED_CODE:
		take_code(a, s, given[0], step);
		break;
	case ASKED_NEW:
		take_new(a, s, given, step);
		break;
	}
	if (step->proved)
		step->limits = s->limits;
}

static void
end(struct auth *a)
{
	free(a->talk.state);
}

const struct dialog dialog_own = {
	.name = "password", .begin = begin, .answers = answers, .end = end,
};
