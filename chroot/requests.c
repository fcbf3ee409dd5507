#include <string.h>
#include <unistd.h>

#include "chroot/requests.h"

enum asker { FROM_SERVER, FROM_LOGIN };

/* A row: who may send it, when, and with how many descriptors. */
struct request {
	const char *name;
	enum asker from;
	unsigned phases;	/* of the connection; 0: never */
	size_t nfds;
	enum err (*handle)(struct requests *r, struct ward *c,
	    struct ipc_msg *msg);
};

static enum err
refuse(struct requests *r, enum err e, const char *why)
{
	r->refused = why;
	return e;
}

/* The first hash of a connection is its session id (RFC 4253 7.2). */
static struct ward *
first_sign(struct requests *r, uint32_t id, const struct msg_sign *m)
{
	struct ward *c;

	if (wards_count(r->wards) >= r->max_wards ||
	    (c = wards_add(r->wards, id)) == NULL)
		return NULL;
	c->generation = m->generation;
	c->session_id_len = (uint8_t)m->hash.n;
	memcpy(c->session_id, m->hash.p, m->hash.n);
	return c;
}

static enum err
do_sign(struct requests *r, struct ward *c, struct ipc_msg *msg)
{
	struct msg_sign m;

	/* The shortest hash of a key exchange is SHA-1's. */
	if (!get_sign(msg->body, &m) || msg->id == 0 || m.hash.n < 20 ||
	    m.hash.n > sizeof(c->session_id))
		return refuse(r, ERR_PROTO, "malformed sign request");
	if (c == NULL && (c = first_sign(r, msg->id, &m)) == NULL)
		return r->act->sign_refused(r->ctx, msg->id);
	if (c->signing)
		return refuse(r, ERR_PROTO, "two sign requests at once");
	c->signing = true;
	return r->act->sign(r->ctx, c, &m);
}

static enum err
do_login(struct requests *r, struct ward *c, struct ipc_msg *msg)
{
	struct msg_login m;

	if (!get_login(msg->body, &m) || m.user.n > sizeof(c->user) ||
	    view_has_nul(m.user))
		return refuse(r, ERR_PROTO, "malformed login request");
	if (c->signing)
		return refuse(r, ERR_PROTO, "login before the signature");
	if (!ward_move(c, WARD_LOGIN))
		return refuse(r, ERR_PROTO, "login out of order");
	c->user_len = (uint8_t)m.user.n;
	if (m.user.n != 0)
		memcpy(c->user, m.user.p, m.user.n);
	return r->act->login(r->ctx, c, &m, ipc_take_fd(msg, 0),
	    ipc_take_fd(msg, 1));
}

static enum err
do_gone(struct requests *r, struct ward *c, struct ipc_msg *msg)
{
	if (msg->body.n != 0)
		return refuse(r, ERR_PROTO, "malformed gone message");
	if (c != NULL)
		r->act->gone(r->ctx, &c);
	return OK;
}

/* The server's word counts for connections that no login has been made for;
 * for the others it tells only that their time was over. */
static enum err
do_offence(struct requests *r, struct ward *c, struct ipc_msg *msg)
{
	struct msg_offence m;

	if (!get_offence(msg->body, &m) ||
	    (m.reason == PENALTY_REFUSED) != (msg->id == 0))
		return refuse(r, ERR_PROTO, "malformed offence");
	if (c == NULL || c->phase == WARD_SIGNED)
		return r->act->offence(r->ctx, &m);
	if (m.reason != PENALTY_GRACE)
		return refuse(r, ERR_PROTO, "offence out of order");
	c->grace_over = true;
	return OK;
}

static enum err
do_attempt(struct requests *r, struct ward *c, struct ipc_msg *msg)
{
	struct msg_attempt m;
	bool enough;

	if (!get_attempt(msg->body, &m))
		return refuse(r, ERR_PROTO, "malformed attempt message");
	if (c->enough)
		return refuse(r, ERR_LIMIT, "attempt past the limit");
	if (!m.success)
		c->attempts++;
	enough = r->max_attempts != 0 && c->attempts >= r->max_attempts;
	c->enough = enough;
	return r->act->attempt(r->ctx, c, &m, enough);
}

static enum err
do_authenticated(struct requests *r, struct ward *c, struct ipc_msg *msg)
{
	bool go = false;
	enum err e;

	if (msg->body.n != 0)
		return refuse(r, ERR_PROTO, "malformed message");
	if (c->enough)
		return refuse(r, ERR_LIMIT, "login past the limit");
	if ((e = r->act->authenticated(r->ctx, c, &go)) != OK || !go)
		return e;
	return wards_open(r->wards, c) ? OK :
	    refuse(r, ERR_PROTO, "authenticated out of order");
}

static enum err
do_pty(struct requests *r, struct ward *c, struct ipc_msg *msg)
{
	if (msg->body.n != 0)
		return refuse(r, ERR_PROTO, "malformed message");
	return r->act->pty(r->ctx, c);
}

static enum err
do_pty_done(struct requests *r, struct ward *c, struct ipc_msg *msg)
{
	struct msg_pty m;

	if (!get_pty(msg->body, &m))
		return refuse(r, ERR_PROTO, "malformed message");
	return r->act->pty_done(r->ctx, c, m.number);
}

static enum err
do_child(struct requests *r, struct ward *c, struct ipc_msg *msg)
{
	struct msg_child m;

	if (!get_child(msg->body, &m))
		return refuse(r, ERR_PROTO, "malformed message");
	return r->act->child(r->ctx, c, m.pid);
}

static enum err
do_lookup(struct requests *r, struct ward *c, struct ipc_msg *msg)
{
	struct msg_lookup m;

	if (!get_lookup(msg->body, &m))
		return refuse(r, ERR_PROTO, "malformed lookup");
	if (!c->may_lookup)
		return refuse(r, ERR_DENIED, "lookup without the right");
	return r->act->lookup(r->ctx, c, &m);
}

static enum err
do_heir(struct requests *r, struct ward *c, struct ipc_msg *msg)
{
	struct msg_heir m;

	if (!get_heir(msg->body, &m))
		return refuse(r, ERR_PROTO, "malformed message");
	if (!c->may_heir)
		return refuse(r, ERR_DENIED, "heir without PAM");
	if (c->heir != 0)
		return refuse(r, ERR_PROTO, "two heirs");
	return r->act->heir(r->ctx, c, &m);
}

#define ANY (WARD_NONE | WARD_SIGNED | WARD_LOGIN | WARD_OPEN | WARD_DEAD)

/* LOGIN is legal once and AUTHENTICATED until it is granted, because each
 * moves the phase on. */
static const struct request table[256] = {
	[MSG_SIGN] = { "sign", FROM_SERVER, ANY, 0, do_sign },
	[MSG_LOGIN] = { "login", FROM_SERVER, WARD_SIGNED, 2, do_login },
	[MSG_GONE] = { "gone", FROM_SERVER, ANY, 0, do_gone },
	[MSG_OFFENCE] = { "offence", FROM_SERVER, ANY, 0, do_offence },
	[MSG_ATTEMPT] = { "attempt", FROM_LOGIN, WARD_LOGIN, 0, do_attempt },
	[MSG_AUTHENTICATED] = { "authenticated", FROM_LOGIN, WARD_LOGIN, 0,
	    do_authenticated },
	[MSG_HEIR] = { "heir", FROM_LOGIN, WARD_OPEN, 0, do_heir },
	[MSG_PTY] = { "pty", FROM_LOGIN, WARD_OPEN, 0, do_pty },
	[MSG_PTY_DONE] = { "pty-done", FROM_LOGIN, WARD_OPEN, 0,
	    do_pty_done },
	[MSG_LOOKUP] = { "lookup", FROM_LOGIN, WARD_OPEN, 0, do_lookup },
	[MSG_CHILD] = { "child", FROM_LOGIN, WARD_OPEN, 0, do_child },
};

static enum err
dispatch(struct requests *r, enum asker from, struct ward *c,
    struct ipc_msg *msg)
{
	const struct request *row = &table[msg->type];
	unsigned phase = c != NULL ? c->phase : WARD_NONE;

	r->refused = "failed";
	if (row->handle == NULL || row->from != from)
		return refuse(r, ERR_DENIED, "unknown request");
	if ((row->phases & phase) == 0)
		return refuse(r, ERR_DENIED, "request out of order");
	if (msg->nfds != row->nfds && !msg->lost_fds)
		return refuse(r, ERR_PROTO, "wrong number of descriptors");
	return row->handle(r, c, msg);
}

enum err
requests_server(struct requests *r, struct ipc_msg *msg)
{
	return dispatch(r, FROM_SERVER, wards_find(r->wards, msg->id), msg);
}

enum err
requests_login(struct requests *r, struct ward *c, struct ipc_msg *msg)
{
	if (msg->id != c->id)
		return refuse(r, ERR_DENIED, "another's connection number");
	return dispatch(r, FROM_LOGIN, c, msg);
}
