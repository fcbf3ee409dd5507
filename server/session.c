/* Requests on session channels, in both directions (RFC 4254 6). */
#include "server/channel.h"

static const struct ssh_server_events *
events(const struct ssh_conn *c)
{
	return c->server->ev;
}

/* ---- parsing ---- */

static void
parse_size(struct rd *r, uint32_t *cols, uint32_t *rows, uint32_t *width,
    uint32_t *height)
{
	*cols = rd_u32(r);
	*rows = rd_u32(r);
	*width = rd_u32(r);
	*height = rd_u32(r);
}

/* Cuts modes to what may be walked: pairs up to TTY_OP_END, to an opcode
 * without a defined argument, or to the end (RFC 4254 8).  False: too many,
 * or an argument is cut short. */
static bool
check_modes(struct view *modes)
{
	struct view left = *modes;
	unsigned n = 0;
	uint32_t arg;
	uint8_t op;

	while (ssh_pty_mode_next(&left, &op, &arg))
		if (++n > SSH_MAX_PTY_MODES)
			return false;
	if (left.n != 0 && left.p[0] != 0 && left.p[0] < 160)
		return false;
	modes->n -= left.n;
	return true;
}

/*
 * string	TERM
 * uint32	columns, rows, width and height in pixels
 * string	encoded terminal modes (RFC 4254 6.2)
 */
static void
parse_pty(struct rd *r, struct ssh_request *q)
{
	struct ssh_pty *p = &q->pty;

	p->term = rd_text(r);
	parse_size(r, &p->cols, &p->rows, &p->width, &p->height);
	p->modes = rd_str(r);
	if (!check_modes(&p->modes))
		r->bad = true;
}

static void
parse_window(struct rd *r, struct ssh_request *q)
{
	struct ssh_window *w = &q->window;

	parse_size(r, &w->cols, &w->rows, &w->width, &w->height);
}

/*
 * boolean	single connection
 * string	authentication protocol
 * string	authentication cookie
 * uint32	screen number (RFC 4254 6.3.1)
 */
static void
parse_x11(struct rd *r, struct ssh_request *q)
{
	q->x11.single = rd_bool(r);
	q->x11.protocol = rd_text(r);
	q->x11.cookie = rd_text(r);
	q->x11.screen = rd_u32(r);
}

static void
parse_env(struct rd *r, struct ssh_request *q)
{
	q->env_key = rd_text(r);
	q->env_val = rd_text(r);
}

static void
parse_signal(struct rd *r, struct ssh_request *q)
{
	q->signal = rd_text(r);
}

static void
parse_break(struct rd *r, struct ssh_request *q)
{
	q->break_ms = rd_u32(r);	/* RFC 4335 3 */
}

static void
parse_nothing(struct rd *r, struct ssh_request *q)
{
	(void)r;
	(void)q;
}

static void
parse_exec(struct rd *r, struct ssh_request *q)
{
	q->command = rd_text(r);
}

static void
parse_subsystem(struct rd *r, struct ssh_request *q)
{
	q->subsystem = rd_text(r);
	if (view_is(q->subsystem, "sftp"))
		q->type = SSH_REQ_SFTP;
}

static void
parse_anything(struct rd *r, struct ssh_request *q)
{
	(void)q;
	rd_rest(r);
}

static const struct request_type {
	const char *name;
	enum ssh_request_type type;
	void (*parse)(struct rd *, struct ssh_request *);
} request_types[] = {
	{ "pty-req", SSH_REQ_PTY, parse_pty },
	{ "window-change", SSH_REQ_WINDOW_CHANGE, parse_window },
	{ "x11-req", SSH_REQ_X11, parse_x11 },
	{ "env", SSH_REQ_ENV, parse_env },
	{ "signal", SSH_REQ_SIGNAL, parse_signal },
	{ "break", SSH_REQ_BREAK, parse_break },
	{ "auth-agent-req@openssh.com", SSH_REQ_AGENT, parse_nothing },
	/* the same by the name that draft-ietf-sshm-ssh-agent gives it */
	{ "agent-req", SSH_REQ_AGENT, parse_nothing },
	{ "shell", SSH_REQ_SHELL, parse_nothing },
	{ "exec", SSH_REQ_EXEC, parse_exec },
	{ "subsystem", SSH_REQ_SUBSYSTEM, parse_subsystem },
};
static const struct request_type other_type = {
	NULL, SSH_REQ_OTHER, parse_anything
};

static const struct request_type *
find_type(struct view name)
{
	size_t n = sizeof(request_types) / sizeof(request_types[0]);

	for (size_t i = 0; i < n; i++)
		if (view_is(name, request_types[i].name))
			return &request_types[i];
	return &other_type;
}

/*
 * string	request type
 * boolean	want reply
 * ...		fields of the type (RFC 4254 5.4)
 */
bool
session_parse_request(struct rd *r, struct ssh_request *out)
{
	const struct request_type *type;
	struct rd rest;

	*out = (struct ssh_request){ .name = rd_text(r) };
	out->want_reply = rd_bool(r);
	rest = *r;
	out->rest = rd_rest(&rest);
	type = find_type(out->name);
	out->type = type->type;
	type->parse(r, out);
	return rd_done(r);
}

/* ---- requests by the client ---- */

static bool
starts_program(enum ssh_request_type t)
{
	return t == SSH_REQ_SHELL || t == SSH_REQ_EXEC ||
	    t == SSH_REQ_SUBSYSTEM || t == SSH_REQ_SFTP;
}

static void
reply(const struct ssh_channel *ch, bool ok)
{
	outgoing_send_u32(ch->conn, ok ? SSH_MSG_CHANNEL_SUCCESS :
	    SSH_MSG_CHANNEL_FAILURE, ch->peer);
}

static void
tell_eow(struct ssh_channel *ch)
{
	struct ssh_conn *c = ch->conn;

	if (events(c)->eow == NULL)
		return;
	conn_event_begin(c);
	events(c)->eow(c->server->ctx, ch);
	conn_event_end(c);
}

/* Nobody is asked about these. */
static bool
is_refused(const struct ssh_channel *ch, const struct ssh_request *q)
{
	return ch->kind != CHANNEL_SESSION ||
	    events(ch->conn)->channel_request == NULL ||
	    view_is(q->name, "keepalive@openssh.com") ||
	    (ch->started && starts_program(q->type));
}

static void
ask(struct ssh_channel *ch, const struct ssh_request *q)
{
	struct ssh_conn *c = ch->conn;

	ch->request_open = true;
	ch->request_want_reply = q->want_reply;
	ch->request_starts = starts_program(q->type);
	c->agent_asked = q->type != SSH_REQ_AGENT ? AGENT_NONE :
	    view_is(q->name, "agent-req") ? AGENT_DRAFT : AGENT_OPENSSH;
	conn_hold(c);
	conn_event_begin(c);
	events(c)->channel_request(c->server->ctx, ch, q);
	conn_event_end(c);
}

enum err
channel_handle_request(struct ssh_conn *c, struct rd *r)
{
	uint32_t id = rd_u32(r);
	struct ssh_channel *ch;
	struct ssh_request q;

	if (!session_parse_request(r, &q))
		return ERR_PROTO;
	if ((ch = channel_find(c, id)) == NULL)
		return ERR_PROTO;
	if (ch->close_out)
		return OK;
	if (view_is(q.name, "eow@openssh.com")) {
		if (q.want_reply)
			reply(ch, true);
		tell_eow(ch);
	} else if (!is_refused(ch, &q))
		ask(ch, &q);
	else if (q.want_reply)
		reply(ch, false);
	return OK;
}

/* CHANNEL_SUCCESS and _FAILURE: we ask for neither, and a stray one does no
 * harm on a channel that is open. */
enum err
channel_handle_reply(struct ssh_conn *c, struct rd *r)
{
	uint32_t id = rd_u32(r);

	if (!rd_done(r) || channel_find(c, id) == NULL)
		return ERR_PROTO;
	return OK;
}

static bool
answer(struct ssh_channel *ch, bool ok, uint64_t now)
{
	struct ssh_conn *c = ch->conn;

	if (!ch->request_open || !channel_is_open(ch))
		return false;
	conn_event_begin(c);
	ch->request_open = false;
	if (ok && ch->request_starts)
		ch->started = true;
	if (ok && c->agent_asked != AGENT_NONE)
		c->agent_name = c->agent_asked;
	if (ch->request_want_reply && !ch->close_out)
		reply(ch, ok);
	conn_release(c, now);
	conn_event_end(c);
	return true;
}

bool
ssh_request_accept(struct ssh_channel *ch, uint64_t now)
{
	return answer(ch, true, now);
}

bool
ssh_request_reject(struct ssh_channel *ch, uint64_t now)
{
	return answer(ch, false, now);
}

/* ---- requests by us: none wants a reply ---- */

static struct wr
begin_request(const struct ssh_channel *ch, const char *name)
{
	struct wr w = outgoing_new(SSH_MSG_CHANNEL_REQUEST);

	wr_u32(&w, ch->peer);
	wr_cstr(&w, name);
	wr_bool(&w, false);
	return w;
}

static bool
may_request(const struct ssh_channel *ch)
{
	return ch->kind == CHANNEL_SESSION && channel_is_open(ch) &&
	    !ch->close_out;
}

bool
ssh_channel_exit_status(struct ssh_channel *ch, uint32_t status)
{
	struct wr w;

	if (!may_request(ch))
		return false;
	w = begin_request(ch, "exit-status");
	wr_u32(&w, status);
	outgoing_send(ch->conn, &w);
	return true;
}

bool
ssh_channel_exit_signal(struct ssh_channel *ch, const char *signal, bool core,
    struct view text)
{
	struct wr w;

	if (!may_request(ch) || text.n > OUTGOING_MAX / 2)
		return false;
	w = begin_request(ch, "exit-signal");
	wr_cstr(&w, signal);
	wr_bool(&w, core);
	wr_str(&w, text);
	wr_cstr(&w, "");
	outgoing_send(ch->conn, &w);
	return true;
}

bool
ssh_channel_signal(struct ssh_channel *ch, const char *signal)
{
	struct wr w;

	if (!may_request(ch))
		return false;
	w = begin_request(ch, "signal");
	wr_cstr(&w, signal);
	outgoing_send(ch->conn, &w);
	return true;
}

bool
ssh_channel_eow(struct ssh_channel *ch)
{
	struct wr w;

	if (!may_request(ch) || ch->eof_in)
		return false;
	w = begin_request(ch, "eow@openssh.com");
	outgoing_send(ch->conn, &w);
	return true;
}

bool
ssh_channel_set_window(struct ssh_channel *ch, const struct ssh_window *win)
{
	struct wr w;

	if (!may_request(ch))
		return false;
	w = begin_request(ch, "window-change");
	wr_u32(&w, win->cols);
	wr_u32(&w, win->rows);
	wr_u32(&w, win->width);
	wr_u32(&w, win->height);
	outgoing_send(ch->conn, &w);
	return true;
}
