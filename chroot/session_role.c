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

/* Three sockets; the frame's id is the connection's number, its body the
 * rights that the login process found (struct msg_ready). */
static bool
read_handover(struct session_start *s, uint32_t *conn_out)
{
	struct pollfd p = { .fd = ROLE_FD_CONTROL, .events = POLLIN };
	uint8_t *frame = malloc(IPC_MAX_FRAME);
	struct ipc_msg msg = { .nfds = 0 };
	struct msg_ready r;
	bool ok = false;

	if (frame == NULL || poll(&p, 1, PATIENCE_MS) != 1 ||
	    ipc_recv(ROLE_FD_CONTROL, frame, IPC_MAX_FRAME, &msg) != OK)
		goto out;
	close(ROLE_FD_CONTROL);
	if (msg.type != MSG_HANDOVER || msg.nfds != 3 ||
	    !get_ready(msg.body, &r))
		goto out;
	s->server = ipc_take_fd(&msg, 0);
	s->warden = ipc_take_fd(&msg, 1);
	s->conn = msg.id;
	s->allow = s->policy->allow & r.allow;
	*conn_out = msg.id;
	log_open(ipc_take_fd(&msg, 2), LOG_INFO);
	ok = true;
out:
	ipc_msg_close(&msg);
	free(frame);
	return ok;
}

int
session_role(void)
{
	struct session_start s = { .method = "", .key = "", .last_use = "",
	    .last_src = "", .warden = -1 };
	struct wr bytes = wr_new(POLICY_MAX);
	struct sandbox sandbox;
	struct policy *policy;
	uint32_t conn;
	char *user;

	child_begin(getppid());
	proctitle_set("session");
	if (!read_policy(&bytes) ||
	    (policy = policy_decode(wr_view(&bytes))) == NULL ||
	    (user = view_dup(policy->name)) == NULL ||
	    !sandbox_build(&sandbox, SANDBOX_FILES))
		return 1;
	s.policy = policy;
	s.user = user;
	s.sandbox = &sandbox;
	s.parent = getppid();
	s.unprivileged = geteuid() != 0;
	if (!read_handover(&s, &conn) || !child_stdio(false))
		return 1;
	log_context(conn, user, NULL);
	session_main(&s);
}
