/*
 * A dialogue that a program of the operator's holds: a line of JSON for each
 * round, both ways.  It runs from the first question to the last answer.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/call.h"
#include "auth/document.h"

#define WHAT		"ask"
#define ROUNDS_MAX	16
#define SUBMETHODS_MAX	1024	/* bytes of the client's list */
#define LANGUAGE_MAX	64

struct asker {
	struct program_spec spec;
	struct program *program;
	unsigned round;
	struct wr line;		/* what the program said last */
};

/* ---- what the program hears ---- */

static void
put_submethods(struct wr *w, struct view list)
{
	struct view name;

	document_key(w, "submethods");
	wr_u8(w, '[');
	while (namelist_next(&list, &name))
		document_item(w, name);
	wr_u8(w, ']');
}

static void
put_answers(struct wr *w, unsigned round, const struct view *answers,
    size_t n)
{
	document_num(w, "round", round);
	document_key(w, "answers");
	wr_u8(w, '[');
	for (size_t i = 0; i < n; i++)
		document_item(w, answers[i]);
	wr_u8(w, ']');
	wr_bytes(w, view_str("}\n"));
}

/* ---- what it says ---- */

/* The last line: it counts if the program then ends well. */
static void
take_result(struct asker *k, const struct json_decision *d,
    struct auth_step *step)
{
	if (!program_finish(k->program, view_of(NULL, 0), &k->line,
	    &step->reason))
		return;
	if (wr_size(&k->line) != 0)
		step->reason = "program spoke out of turn";
	else
		call_take(WHAT, d, step);
}

static void
take_question(struct auth *a, struct asker *k, const struct json_ask *q,
    struct auth_step *step)
{
	struct dialog_prompt prompts[USERAUTH_MAX_PROMPTS];

	if (++k->round > ROUNDS_MAX) {
		step->reason = "too many rounds";
		return;
	}
	for (size_t i = 0; i < q->n; i++)
		prompts[i] = (struct dialog_prompt){
			q->prompts[i].text, q->prompts[i].echo
		};
	dialog_ask(a, step, q->name, q->instruction, prompts, q->n);
}

/* Says what the document says and acts on the line that comes back. */
static void
turn(struct auth *a, struct asker *k, struct wr *document,
    struct auth_step *step)
{
	struct json_ask q = { 0 };

	if (document->bad) {
		step->reason = "answers are too long for a program";
		return;
	}
	a->work.turns++;
	if (program_ask(k->program, wr_view(document), &k->line,
	    &step->reason) &&
	    json_ask(wr_view(&k->line), &q, &step->reason)) {
		if (q.over)
			take_result(k, &q.result, step);
		else
			take_question(a, k, &q, step);
	}
	json_ask_free(&q);
}

/* ---- the dialogue ---- */

static void
end(struct auth *a)
{
	struct asker *k = a->talk.state;

	if (k == NULL)
		return;
	program_end(&k->program);
	wr_free(&k->line);
	free(k);
}

static bool
start(struct auth *a, struct asker *k, struct auth_step *step)
{
	k->spec = call_spec(a, WHAT, auth_shape(a)->programs.ask);
	k->line = wr_new(PROGRAM_OUT_MAX);
	a->work.programs++;
	k->program = program_start(&k->spec, &step->reason);
	return k->program != NULL;
}

static void
begin(struct auth *a, const struct userauth_msg *m, struct auth_step *step)
{
	struct wr w = wr_new(CALL_DOCUMENT_MAX);
	struct asker *k;

	if (m->submethods.n > SUBMETHODS_MAX || m->language.n > LANGUAGE_MAX ||
	    !call_text_ok(m->submethods) || !call_text_ok(m->language)) {
		step->reason = "submethods or language are no such text";
		return;
	}
	if ((k = a->talk.state = calloc(1, sizeof(*k))) == NULL ||
	    !start(a, k, step))
		return;
	call_begin(a, &w);
	document_text(&w, "language", m->language);
	put_submethods(&w, m->submethods);
	put_answers(&w, 1, NULL, 0);
	turn(a, k, &w, step);
	wr_free(&w);
}

static void
answers(struct auth *a, const struct view *given, size_t n,
    struct auth_step *step)
{
	struct wr w = wr_new(CALL_DOCUMENT_MAX);
	struct asker *k = a->talk.state;

	for (size_t i = 0; i < n; i++)
		if (!call_text_ok(given[i])) {
			step->reason = "an answer is no UTF-8";
			return;
		}
	wr_u8(&w, '{');
	put_answers(&w, k->round + 1, given, n);
	turn(a, k, &w, step);
	wr_free(&w);
}

const struct dialog dialog_program = {
	.name = WHAT, .begin = begin, .answers = answers, .end = end,
};
