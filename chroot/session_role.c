/*
 * The session role: for users of PAM the account helper must be the ancestor
 * of the session, so it starts sallyportd in this role, and the login process
 * hands its sockets over.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/messages.h"
#include "base/proctitle.h"
#include "base/roles.h"
#include "chroot/child.h"
#include "chroot/session.h"

#define POLICY_MAX	((size_t)4 << 20)
#define PATIENCE_MS	10000

static bool
read_policy(struct wr *out)
{
	uint8_t *p;
	ssize_t n = -1;

	while ((p = wr_reserve(out, 8192)) != NULL &&
	    (n = read(ROLE_FD_POLICY, p, 8192)) > 0)
		wr_commit(out, (size_t)n);
	close(ROLE_FD_POLICY);
	return p != NULL && n == 0;
}

/* The strings of a list; false: no memory. */
static bool
unpack(struct view list, struct view_list *out)
{
	struct rd r = rd_of(list);
	struct view *v;
	size_t n = 0;

	for (; r.n != 0; n++)
		(void)rd_str(&r);
	if ((v = calloc(n + 1, sizeof(*v))) == NULL)
		return false;
	r = rd_of(list);
	for (size_t i = 0; i < n; i++)
		v[i] = rd_str(&r);
	*out = (struct view_list){ v, n };
	return true;
}

/* Its views stay as long as the frame does. */
static bool
take_handover(struct session_start *s, const struct msg_handover *m)
{
	s->allow = s->policy->allow & m->allow;
	s->notice = m->notice;
	if ((s->method = view_dup(m->method)) == NULL ||
	    (s->key = view_dup(m->key)) == NULL ||
	    (s->last_use = view_dup(m->last_use)) == NULL ||
	    (s->last_src = view_dup(m->last_src)) == NULL ||
	    (m->forced && (s->command = view_dup(m->command)) == NULL) ||
	    (m->connection.n != 0 &&
	    (s->connection = view_dup(m->connection)) == NULL))
		return false;
	return unpack(m->key_env, &s->key_env) &&
	    unpack(m->pam_env, &s->pam_env) &&
	    unpack(m->permit_open, &s->permit_open) &&
	    unpack(m->permit_listen, &s->permit_listen);
}

/* Three sockets; the frame's id is the connection's number.  The frame stays:
 * the session points into it. */
static bool
read_handover(struct session_start *s, uint32_t *conn_out)
{
	struct pollfd p = { .fd = ROLE_FD_CONTROL, .events = POLLIN };
	uint8_t *frame = malloc(IPC_MAX_FRAME);
	struct ipc_msg msg = { .nfds = 0 };
	struct msg_handover m;
	bool ok = false;

	if (frame == NULL || poll(&p, 1, PATIENCE_MS) != 1 ||
	    ipc_recv(ROLE_FD_CONTROL, frame, IPC_MAX_FRAME, &msg) != OK)
		goto out;
	close(ROLE_FD_CONTROL);
	if (msg.type != MSG_HANDOVER || msg.nfds != 3 ||
	    !get_handover(msg.body, &m) || !take_handover(s, &m))
		goto out;
	s->server = ipc_take_fd(&msg, 0);
	s->warden = ipc_take_fd(&msg, 1);
	s->conn = msg.id;
	*conn_out = msg.id;
	log_open(ipc_take_fd(&msg, 2), m.log_level);
	ok = true;
out:
	ipc_msg_close(&msg);
	if (!ok)
		free(frame);
	return ok;
}

/* The one for files, and the session's own: no other will be asked for. */
static bool
build_filters(struct sandbox *to, uint32_t allow)
{
	enum sandbox_kind own = session_kind(allow);

	return sandbox_build(&to[SANDBOX_FILES], SANDBOX_FILES) &&
	    (own == SANDBOX_FILES || sandbox_build(&to[own], own));
}

int
session_role(void)
{
	struct session_start s = { .pam = true, .warden = -1 };
	struct wr bytes = wr_new(POLICY_MAX);
	struct sandbox sandbox[SANDBOX_SESSIONS] = { { NULL, 0 } };
	struct policy *policy;
	uint32_t conn;
	char *user;

	child_begin(getppid());
	proctitle_set("session");
	if (!read_policy(&bytes) ||
	    (policy = policy_decode(wr_view(&bytes))) == NULL ||
	    (user = view_dup(policy->name)) == NULL)
		return 1;
	s.policy = policy;
	s.user = user;
	s.sandbox = sandbox;
	s.parent = getppid();
	s.unprivileged = geteuid() != 0;
	if (!read_handover(&s, &conn) || !child_stdio(false) ||
	    !build_filters(sandbox, s.allow))
		return 1;
	log_context(conn, user, NULL);
	session_main(&s);
}
