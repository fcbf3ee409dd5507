/*
 * The dialogue with users whose secrets stand in the configuration.  Nobody
 * is asked for the same: the first question is the password's.
 */
#include "auth/internal.h"

static void
begin(struct auth *a, const struct userauth_msg *m, struct auth_step *step)
{
	static const struct dialog_prompt password = { "Password: ", false };

	(void)m;
	dialog_ask(a, step, NULL, NULL, &password, 1);
}

static void
answers(struct auth *a, const struct view *given, size_t n,
    struct auth_step *step)
{
	(void)n;
	step->proved = password_matches(a, given[0], &step->reason);
}

const struct dialog dialog_own = {
	.name = "password", .begin = begin, .answers = answers,
};
