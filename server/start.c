/*
 * What a client asks of a session channel.  What it says before it starts
 * something is kept here, bounded, and goes to the login process together with
 * the start; what it says afterwards goes there at once.  The login decides.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/envname.h"
#include "server/daemon.h"

struct start {
	bool pty;
	struct msg_window window;
	struct wr term, modes, env;
	unsigned nenv;
};

/* ---- what the login has said about its user ---- */

static size_t
count_patterns(struct view packed)
{
	struct rd r = rd_of(packed);
	size_t n = 0;

	while (r.n != 0 && !r.bad) {
		(void)rd_text(&r);
		n++;
	}
	return r.bad ? 0 : n;
}

bool
rights_take(struct client *c, const struct msg_ready *m)
{
	size_t n = count_patterns(m->env);
	struct rights *r = calloc(1, sizeof(*r));
	struct rd from;
	uint8_t *copy;

	if (r == NULL || (r->env = malloc(n * sizeof(*r->env) +
	    m->env.n + 1)) == NULL || (r->rule = view_dup(m->rule)) == NULL) {
		rights_free(&r);
		return false;
	}
	copy = (uint8_t *)(r->env + n);
	if (m->env.n != 0)
		memcpy(copy, m->env.p, m->env.n);
	from = rd_of(view_of(copy, m->env.n));
	for (r->nenv = 0; r->nenv < n; r->nenv++)
		r->env[r->nenv] = rd_text(&from);
	r->allow = m->allow;
	r->programs = m->programs;
	c->rights = r;
	return true;
}

void
rights_free(struct rights **rp)
{
	struct rights *r = *rp;

	if (r == NULL)
		return;
	free(r->rule);
	free(r->env);
	free(r);
	*rp = NULL;
}

bool
rights_has(const struct client *c, uint32_t allow)
{
	return c->rights != NULL && (c->rights->allow & allow) != 0;
}

void
start_log_refused(struct client *c, struct view what, struct view detail,
    const char *reason)
{
	/* Most clients send their LANG unasked; it is no sign of anything. */
	enum log_level level = view_is(what, "env") ? LOG_DEBUG : LOG_WARN;
	struct log_ev e;
	uint32_t hidden;

	if (!log_budget(&c->refusals, c->loop->now, &hidden))
		return;
	client_log(c, &e, level, "request-refused");
	log_view(&e, "request", what);
	if (detail.n != 0)
		log_view(&e, "detail", detail);
	log_str(&e, "reason", reason);
	if (c->rights != NULL && c->rights->rule[0] != '\0')
		log_str(&e, "rule", c->rights->rule);
	if (hidden != 0)
		log_num(&e, "hidden", hidden);
	log_send(&e);
}

/* ---- what is said before ---- */

static struct start *
start_of(struct chan *k)
{
	struct start *s = k->start;

	if (s != NULL || (s = calloc(1, sizeof(*s))) == NULL)
		return s;
	s->term = wr_new(MSG_TERM_MAX);
	s->modes = wr_new(MSG_MODES_MAX);
	s->env = wr_new(MSG_ENV_BYTES);
	return k->start = s;
}

void
start_forget(struct chan *k)
{
	struct start *s = k->start;

	if (s == NULL)
		return;
	wr_free(&s->term);
	wr_free(&s->modes);
	wr_free(&s->env);
	free(s);
	k->start = NULL;
}

static bool
is_started(const struct chan *k)
{
	return k->duct != NULL || k->opening;
}

/* Each returns why the request is refused, or NULL. */
static const char *
take_pty(struct chan *k, const struct ssh_request *r)
{
	const struct ssh_pty *p = &r->pty;
	struct start *s;

	if (!rights_has(k->client, ALLOW_PTY))
		return "pty is not allowed";
	if (is_started(k) || (k->start != NULL && k->start->pty))
		return "too late, or twice";
	if (p->term.n > MSG_TERM_MAX || (s = start_of(k)) == NULL)
		return "the terminal's name is too long";
	s->pty = true;
	s->window = (struct msg_window){ p->cols, p->rows, p->width,
	    p->height };
	wr_bytes(&s->term, p->term);
	wr_bytes(&s->modes, p->modes);
	return s->modes.bad ? "out of memory" : NULL;
}

/* What is not taken leaves no trace. */
static const char *
take_env(struct chan *k, const struct ssh_request *r)
{
	const struct rights *may_set = k->client->rights;
	struct start *s;

	if (may_set == NULL || !env_name_allowed(r->env_key, may_set->env,
	    may_set->nenv))
		return "the name is not allowed";
	if (is_started(k))
		return "too late";
	if ((s = start_of(k)) == NULL || s->nenv == MSG_ENV_MAX ||
	    wr_size(&s->env) + 8 + r->env_key.n + r->env_val.n >
	    MSG_ENV_BYTES)
		return "there are too many";
	msg_env_put(&s->env, r->env_key, r->env_val);
	s->nenv++;
	return NULL;
}

/* ---- what is said to a program ---- */

static const char *
pass(struct chan *k, uint8_t type, const struct wr *body)
{
	enum err e = body->bad ? ERR_NOMEM : link_send(&k->client->login,
	    type, k->id, wr_view(body), NULL, 0);

	return e == OK ? NULL : "the session does not listen";
}

static const char *
take_window(struct chan *k, const struct ssh_request *r)
{
	const struct msg_window m = { r->window.cols, r->window.rows,
	    r->window.width, r->window.height };
	struct wr w = wr_new(64);
	const char *why;

	if (k->start != NULL && k->start->pty) {
		k->start->window = m;
		return NULL;
	}
	if (!k->program)
		return "there is no terminal";
	put_window(&w, &m);
	why = pass(k, MSG_WINDOW, &w);
	wr_free(&w);
	return why;
}

static const char *
take_signal(struct chan *k, const struct ssh_request *r)
{
	const struct msg_text m = { r->signal };
	struct wr w = wr_new(64);
	const char *why;

	if (!k->program)
		return "there is no program";
	put_text(&w, &m);
	why = w.bad ? "no such signal" : pass(k, MSG_SIGNAL, &w);
	wr_free(&w);
	return why;
}

static const char *
take_break(struct chan *k, const struct ssh_request *r)
{
	const struct wr none = wr_new(0);

	(void)r;
	return k->program ? pass(k, MSG_BREAK, &none) :
	    "there is no terminal";
}

static bool
makes_carriers(const struct client *c)
{
	return c->rights != NULL && c->rights->programs;
}

/* The answer comes later. */
static const char asked[] = "";

/* The session is to make something for the channel's programs: it is asked at
 * once, and answers. */
static const char *
ask_gift(struct chan *k, const struct msg_socket *m)
{
	struct wr w = wr_new(IPC_MAX_FRAME);
	const char *why;

	if (!makes_carriers(k->client))
		return "there is no program for it";
	if (is_started(k))
		return "too late";
	put_socket(&w, m);
	why = pass(k, MSG_LISTEN, &w);
	wr_free(&w);
	if (why != NULL)
		return why;
	k->asked = k->given_to = true;
	return asked;
}

static const char *
take_agent(struct chan *k, const struct ssh_request *r)
{
	const struct msg_socket m = { .kind = FLOW_AGENT };

	(void)r;
	return rights_has(k->client, ALLOW_AGENT) ? ask_gift(k, &m) :
	    "agent is not allowed";
}

static const char *
take_x11(struct chan *k, const struct ssh_request *r)
{
	const struct msg_socket m = {
		.kind = FLOW_X11, .single = r->x11.single,
		.protocol = r->x11.protocol, .cookie = r->x11.cookie,
		.screen = r->x11.screen,
	};

	if (!rights_has(k->client, ALLOW_X11))
		return "x11 is not allowed";
	if (m.protocol.n > MSG_COOKIE_MAX || m.cookie.n > MSG_COOKIE_MAX)
		return "the cookie is too long";
	return ask_gift(k, &m);
}

static const char *
take_other(struct chan *k, const struct ssh_request *r)
{
	(void)k;
	(void)r;
	return "not served";
}

/* ---- the start ---- */

static void
put_start(const struct chan *k, enum msg_start kind, struct view command,
    struct wr *w)
{
	const struct start *s = k->start;
	struct msg_open m = { .kind = (uint8_t)kind, .command = command };

	if (s != NULL) {
		m.pty = s->pty;
		m.term = wr_view(&s->term);
		m.window = s->window;
		m.modes = wr_view(&s->modes);
		m.env = wr_view(&s->env);
	}
	put_open(w, &m);
}

/* A command that the login serves itself has a stderr of its own.  A login
 * that may run a program instead makes what it needs. */
static enum err
send_start(struct chan *k, enum msg_start kind, const struct wr *body)
{
	bool bare = makes_carriers(k->client);
	int far[DUCT_STREAMS];
	size_t n = bare ? 0 : kind == START_EXEC ? 2 : 1;
	enum err e;

	k->duct = bare ? duct_bare() : duct_new(n == 2, far);
	if (k->duct == NULL)
		return ERR_LIMIT;
	e = link_send(&k->client->login, MSG_OPEN, k->id, wr_view(body), far,
	    n);
	for (size_t i = 0; i < n; i++)
		close(far[i]);
	if (e == OK)
		k->opening = true;
	else
		duct_free(&k->duct);
	return e;
}

static const char *
begin(struct chan *k, enum msg_start kind, struct view command)
{
	struct wr w = wr_new(IPC_MAX_FRAME);
	const char *why = NULL;

	if (is_started(k))
		return "something is running here already";
	if (command.n > MSG_COMMAND_MAX)
		return "the command is too long";
	put_start(k, kind, command, &w);
	if (w.bad || send_start(k, kind, &w) != OK)
		why = "no resources";
	wr_free(&w);
	return why;
}

/* True: the login's answer is awaited. */
static bool
start(struct chan *k, const struct ssh_request *r)
{
	enum msg_start kind = r->type == SSH_REQ_SHELL ? START_SHELL :
	    r->type == SSH_REQ_EXEC ? START_EXEC : START_SUBSYSTEM;
	struct view command = kind == START_EXEC ? r->command : r->subsystem;
	const char *why = begin(k, kind, command);

	if (why == NULL)
		return true;
	start_log_refused(k->client, r->name, command, why);
	return false;
}

/* By enum ssh_request_type; NULL: it starts something. */
static const char *(*const takers[])(struct chan *,
    const struct ssh_request *) = {
	[SSH_REQ_PTY] = take_pty,
	[SSH_REQ_WINDOW_CHANGE] = take_window,
	[SSH_REQ_X11] = take_x11,
	[SSH_REQ_ENV] = take_env,
	[SSH_REQ_SIGNAL] = take_signal,
	[SSH_REQ_BREAK] = take_break,
	[SSH_REQ_AGENT] = take_agent,
	[SSH_REQ_SHELL] = NULL,
	[SSH_REQ_EXEC] = NULL,
	[SSH_REQ_SUBSYSTEM] = NULL,
	[SSH_REQ_SFTP] = NULL,
	[SSH_REQ_OTHER] = take_other,
};

void
start_request(struct chan *k, const struct ssh_request *r)
{
	uint64_t now = k->client->loop->now;
	const char *why;

	if (takers[r->type] == NULL) {
		if (!start(k, r))
			ssh_request_reject(k->ch, now);
		return;
	}
	why = takers[r->type](k, r);
	if (why == asked)
		return;
	if (why == NULL) {
		ssh_request_accept(k->ch, now);
		return;
	}
	start_log_refused(k->client, r->name, r->type == SSH_REQ_ENV ?
	    r->env_key : r->signal, why);
	ssh_request_reject(k->ch, now);
}

/* ---- the login's answer ---- */

/* A session that runs no programs has no descriptor to give. */
static bool
carrier_allowed(const struct client *c, uint8_t carrier)
{
	return (carrier == CARRIER_DUCT) != makes_carriers(c);
}

static void
give_up(struct chan *k)
{
	start_log_refused(k->client, view_str("start"), view_of(NULL, 0),
	    "the descriptors of a program could not be taken");
	if (link_send(&k->client->login, MSG_CLOSED, k->id,
	    view_of(NULL, 0), NULL, 0) != OK)
		log_msg(LOG_DEBUG, "login-link", "no session to tell");
	start_refused(k);
}

void
start_done(struct chan *k, uint8_t carrier, int *fds, size_t n)
{
	if (!carrier_allowed(k->client, carrier)) {
		for (size_t i = 0; i < n; i++)
			if (fds[i] != -1)
				close(fds[i]);
		n = 0;
		carrier = CARRIERS;
	}
	start_forget(k);
	if (!duct_carry(k->duct, carrier, fds, n)) {
		give_up(k);
		return;
	}
	k->opening = false;
	k->program = carrier == CARRIER_PIPES || carrier == CARRIER_PTY;
	if (k->ch != NULL)
		ssh_request_accept(k->ch, k->client->loop->now);
}

void
start_refused(struct chan *k)
{
	k->opening = false;
	start_forget(k);
	duct_free(&k->duct);
	if (k->ch != NULL)
		ssh_request_reject(k->ch, k->client->loop->now);
}

void
start_given(struct chan *k, bool done)
{
	uint64_t now = k->client->loop->now;

	k->asked = false;
	if (k->ch == NULL)
		return;
	if (done)
		ssh_request_accept(k->ch, now);
	else
		ssh_request_reject(k->ch, now);
}
