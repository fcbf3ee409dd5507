/*
 * A hijacked server and hijacked logins against the warden's request table:
 * the input is a row of frames
 *
 *	byte	who sends: even the server, odd a login
 *	byte	message number
 *	byte	connection number, small so that they meet
 *	byte	how many descriptors come beside (0-3)
 *	uint16	length of the body
 *	...	body
 *
 * Whatever comes: no fault, no login before a session id, never two of them,
 * no success past the limit, and one record at most for each number.
 */
#include <stdlib.h>
#include <unistd.h>

#include "chroot/requests.h"

#define MAX_WARDS 8
#define MAX_ATTEMPTS 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the acts see, by connection number, from one record to its end. */
struct seen {
	unsigned logins, successes, failures;
	bool enough;
};
struct fuzz {
	struct wards *wards;
	struct seen seen[256];
};

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static enum err
act_sign(void *ctx, struct ward *c, const struct msg_sign *m)
{
	(void)ctx;
	must(c->signing && c->session_id_len >= 20);
	must(m->hash.n >= 20 && m->hash.n <= 64);
	/* the warden answers at once, or later: both happen */
	if (m->key % 2 == 0)
		c->signing = false;
	return OK;
}

static enum err
act_sign_refused(void *ctx, uint32_t id)
{
	struct fuzz *f = ctx;

	must(wards_find(f->wards, id) == NULL);
	return OK;
}

static enum err
act_login(void *ctx, struct ward *c, const struct msg_login *m, int tcp,
    int peer)
{
	struct fuzz *f = ctx;

	must(c->session_id_len >= 20 && c->phase == WARD_LOGIN);
	must(view_eq(ward_user(c), m->user) && !view_has_nul(m->user));
	must(f->seen[c->id].logins++ == 0);
	must(tcp != -1 && peer != -1);
	close(tcp);
	close(peer);
	wards_set_pid(f->wards, c, (pid_t)c->id + 1000);
	return OK;
}

static void
act_gone(void *ctx, struct ward **c)
{
	struct fuzz *f = ctx;

	f->seen[(*c)->id] = (struct seen){ 0 };
	wards_remove(f->wards, c);
}

static enum err
act_offence(void *ctx, const struct msg_offence *m)
{
	(void)ctx;
	must(m->src.family == 4 || m->src.family == 6);
	must(m->reason == PENALTY_GRACE || m->reason == PENALTY_NOAUTH ||
	    m->reason == PENALTY_REFUSED);
	return OK;
}

static enum err
act_attempt(void *ctx, struct ward *c, const struct msg_attempt *m,
    bool enough)
{
	struct fuzz *f = ctx;
	struct seen *s = &f->seen[c->id];

	must(c->phase == WARD_LOGIN && !s->enough);
	s->failures += !m->success;
	must(s->failures <= MAX_ATTEMPTS);
	must(enough == (s->failures == MAX_ATTEMPTS));
	s->enough = enough;
	return OK;
}

static enum err
act_authenticated(void *ctx, struct ward *c, bool *go_out)
{
	struct fuzz *f = ctx;
	struct seen *s = &f->seen[c->id];

	must(s->logins == 1 && !s->enough && s->successes == 0);
	must(c->phase == WARD_LOGIN);
	must(wards_sessions(f->wards, ward_user(c)) < MAX_WARDS);
	*go_out = c->attempts % 2 == 0;
	c->may_lookup = c->attempts % 4 == 0;
	c->may_heir = c->attempts % 3 == 0;
	s->successes += *go_out;
	return OK;
}

static enum err
act_pty(void *ctx, struct ward *c)
{
	struct fuzz *f = ctx;

	must(c->phase == WARD_OPEN && f->seen[c->id].successes == 1);
	return OK;
}

static enum err
act_pty_done(void *ctx, struct ward *c, uint32_t number)
{
	(void)number;
	return act_pty(ctx, c);
}

static enum err
act_child(void *ctx, struct ward *c, pid_t pid)
{
	must(pid > 1);
	return act_pty(ctx, c);
}

static enum err
act_lookup(void *ctx, struct ward *c, const struct msg_lookup *m)
{
	must(c->may_lookup && forward_name(m->name));
	return act_pty(ctx, c);
}

static enum err
act_heir(void *ctx, struct ward *c, const struct msg_heir *m)
{
	must(c->heir == 0 && m->helper > 1 && m->session > 1);
	c->heir = m->helper;
	return act_pty(ctx, c);
}

static const struct actions acts = {
	act_sign, act_sign_refused, act_login, act_gone, act_offence,
	act_attempt,
	act_authenticated, act_pty, act_pty_done, act_child,
	act_lookup, act_heir,
};

static void
one_frame(struct requests *r, struct rd *in)
{
	struct fuzz *f = r->ctx;
	uint8_t who = rd_u8(in);
	struct ipc_msg m = { .type = rd_u8(in), .id = rd_u8(in) };
	size_t nfds = rd_u8(in) % 4, n = rd_u8(in);
	struct ward *c;

	n = n << 8 | rd_u8(in);
	m.body = rd_bytes(in, n < in->n ? n : in->n);
	for (size_t i = 0; i < IPC_MAX_FDS; i++)
		m.fds[i] = -1;
	for (; m.nfds < nfds; m.nfds++)
		m.fds[m.nfds] = dup(0);
	c = wards_find(f->wards, m.id);
	if (who % 2 == 0) {
		/* A refusal ends the server and every connection with it;
		 * here it is only counted, which is harder to survive. */
		if (requests_server(r, &m) != OK)
			must(r->refused != NULL);
	} else if (c != NULL) {
		if (requests_login(r, c, &m) != OK) {
			must(r->refused != NULL);
			if (who % 4 == 1 && c->phase != WARD_DEAD)
				must(ward_move(c, WARD_DEAD));
		}
	}
	ipc_msg_close(&m);
	must(wards_count(f->wards) <= MAX_WARDS);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz f;	/* the table is large; it is reused */
	struct requests r = {
		.act = &acts, .ctx = &f, .max_wards = MAX_WARDS,
		.max_attempts = MAX_ATTEMPTS,
	};
	struct rd in = rd_of(view_of(data, size));
	uint32_t at = 0;
	struct ward *c;

	if (f.wards == NULL && (f.wards = wards_new()) == NULL)
		return 0;
	r.wards = f.wards;
	while (in.n != 0)
		one_frame(&r, &in);
	while ((c = wards_next(f.wards, &at)) != NULL)
		act_gone(&f, &c);
	must(wards_count(f.wards) == 0);
	return 0;
}
