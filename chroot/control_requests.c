#include "chroot/control_requests.h"

/* ---- answers ---- */

static void
say_done(struct control_requests *r, struct control_job *j,
    uint8_t *type_out, struct wr *body)
{
	const struct control_done m = { j->count };

	(void)r;
	put_control_done(body, &m);
	*type_out = CONTROL_DONE;
	j->next = NULL;
}

static void
say_failed(struct control_requests *r, struct control_job *j,
    uint8_t *type_out, struct wr *body)
{
	const struct control_failed m = { view_str(j->why) };

	(void)r;
	put_control_failed(body, &m);
	*type_out = CONTROL_FAILED;
	j->next = NULL;
}

static void
say_penalties(struct control_requests *r, struct control_job *j,
    uint8_t *type_out, struct wr *body)
{
	const struct penalty *e = NULL;

	for (unsigned n = 0; n < CONTROL_ENTRIES_MAX &&
	    (e = r->act->penalty_next(r->ctx, &j->at)) != NULL; n++) {
		penalty_put(body, e, e->until > r->now ? e->until - r->now :
		    0);
		j->count++;
	}
	*type_out = CONTROL_ENTRIES;
	if (e == NULL)
		j->next = say_done;
}

/* ---- requests ---- */

static bool
do_penalties(struct control_requests *r, struct view body,
    struct control_job *j)
{
	(void)r;
	j->next = say_penalties;
	return body.n == 0;
}

static bool
do_clear(struct control_requests *r, struct view body, struct control_job *j)
{
	struct control_clear m;

	if (!get_control_clear(body, &m))
		return false;
	j->count = (uint32_t)r->act->penalties_clear(r->ctx, m.all ? NULL :
	    &m.net);
	j->next = say_done;
	return true;
}

/* handle: false for a body that is not what the request has. */
static const struct {
	const char *name;
	bool changes;
	bool (*handle)(struct control_requests *r, struct view body,
	    struct control_job *j);
} table[256] = {
	[CONTROL_PENALTIES] = { "penalties", false, do_penalties },
	[CONTROL_CLEAR] = { "penalties-clear", true, do_clear },
};

void
control_request(struct control_requests *r, const struct ipc_msg *msg,
    struct control_job *job_out)
{
	*job_out = (struct control_job){ .next = say_failed,
	    .why = "this daemon does not know the request; the tool is of "
	    "another version" };
	if (table[msg->type].handle == NULL)
		return;
	job_out->name = table[msg->type].name;
	job_out->changes = table[msg->type].changes;
	if (msg->nfds == 0 && table[msg->type].handle(r, msg->body, job_out))
		return;
	job_out->next = say_failed;
	job_out->why = "malformed request";
}

bool
control_answer(struct control_requests *r, struct control_job *j,
    uint8_t *type_out, struct wr *body)
{
	if (j->next == NULL)
		return false;
	j->next(r, j, type_out, body);
	return true;
}
