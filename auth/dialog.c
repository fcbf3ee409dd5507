/*
 * Keyboard-interactive (RFC 4256): the dialogue that is open, and who holds
 * it.
 */
#include <stdlib.h>

#include "auth/pam.h"

void
dialog_close(struct auth *a)
{
	if (a->talk.with == NULL)
		return;
	if (a->talk.with->end != NULL)
		a->talk.with->end(a);
	a->talk.with = NULL;
	a->talk.state = NULL;
	a->talk.nprompts = 0;
}

/*
 * string	name
 * string	instruction
 * string	language tag, deprecated
 * int		num-prompts
 * string	prompt[i]
 * boolean	echo[i] (RFC 4256 3.2)
 */
void
dialog_ask(struct auth *a, struct auth_step *step, const char *name,
    const char *instruction, const struct dialog_prompt *prompts, size_t n)
{
	struct wr *w = &step->payload;

	if (n > USERAUTH_MAX_PROMPTS) {
		step->reason = "too many prompts";
		return;
	}
	wr_reset(w);
	wr_cstr(w, name != NULL ? name : "");
	wr_cstr(w, instruction != NULL ? instruction : "");
	wr_cstr(w, "");
	wr_u32(w, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		wr_cstr(w, prompts[i].text);
		wr_bool(w, prompts[i].echo);
	}
	a->talk.nprompts = n;
	step->ask = ASK_PROMPT;
}

const struct dialog *
dialog_of(const struct auth *a)
{
	const struct policy *p = auth_shape(a);

	if (pam_service(a).n != 0)
		return &dialog_pam;
	return p != NULL && p->programs.ask.n != 0 ? &dialog_program :
	    &dialog_own;
}

void
auth_kbdint(struct auth *a, const struct userauth_msg *m,
    struct auth_step *step)
{
	const uint32_t bit = (uint32_t)1 << AUTH_KBDINT;

	/* Where nobody begins with a dialogue, none is held with strangers. */
	if ((a->start.methods_first & bit) == 0 &&
	    !chains_expect(&a->chains, AUTH_KBDINT)) {
		step->reason = "method is not offered";
		return;
	}
	a->talk.with = dialog_of(a);
	a->talk.with->begin(a, m, step);
}

void
auth_kbdint_answers(struct auth *a, const struct view *answers, size_t n,
    struct auth_step *step)
{
	/* What is not set again by another question is no longer asked. */
	a->talk.nprompts = 0;
	a->talk.with->answers(a, answers, n, step);
}
