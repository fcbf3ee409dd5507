#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "chroot/child.h"
#include "chroot/handover.h"

#define NOTED_MS	10000	/* for the warden to take note */
#define POLICY_MAX	((size_t)4 << 20)

static bool
failed(const char *step, const char *why)
{
	struct log_ev e;

	log_begin(&e, LOG_ERROR, "session-failed");
	log_str(&e, "step", step);
	log_str(&e, "reason", why);
	log_send(&e);
	return false;
}

/* The encoded policy as a file, to be read from its beginning; -1: errno. */
static int
policy_file(const struct policy *p)
{
	int fd = memfd_create("policy", MFD_CLOEXEC);
	struct wr w = wr_new(POLICY_MAX);
	bool ok;

	policy_encode(&w, p);
	ok = fd != -1 && !w.bad && write(fd, wr_view(&w).p, wr_size(&w)) ==
	    (ssize_t)wr_size(&w) && lseek(fd, 0, SEEK_SET) == 0;
	wr_free(&w);
	if (!ok && fd != -1) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Who goes on must be known before anybody ends. */
static bool
tell_warden(const struct handover *h, const struct auth_session *s)
{
	const struct msg_heir m = {
		s->helper, s->pid, h->session->policy->uid
	};
	struct wr w = wr_new(64);
	struct ipc_msg msg;
	uint8_t frame[1024];
	bool ok;

	put_heir(&w, &m);
	ok = !w.bad && child_send(h->login->warden, MSG_HEIR, h->login->conn,
	    wr_view(&w));
	wr_free(&w);
	if (!ok || !h->wait(h->ctx, h->login->warden, POLLIN, NOTED_MS) ||
	    ipc_recv(h->login->warden, frame, sizeof(frame), &msg) != OK)
		return failed("handover", "the warden does not take note");
	ok = msg.type == MSG_NOTED && msg.body.n == 0 && msg.nfds == 0;
	ipc_msg_close(&msg);
	return ok || failed("handover", "message of the warden out of order");
}

/* A list as the strings of a frame. */
static struct wr
packed(struct view_list l)
{
	struct wr w = wr_new(IPC_MAX_FRAME);

	for (size_t i = 0; i < l.n; i++)
		wr_str(&w, l.v[i]);
	return w;
}

static bool
give_sockets(const struct handover *h, int control,
    const struct auth_session *s)
{
	const struct session_start *ss = h->session;
	const int fds[] = { ss->server, ss->warden, log_fd() };
	struct wr key_env = packed(ss->key_env);
	struct wr opens = packed(ss->permit_open);
	struct wr listens = packed(ss->permit_listen);
	const struct msg_handover m = {
		.allow = ss->allow, .method = view_str(ss->method),
		.key = view_str(ss->key),
		.last_use = view_str(ss->last_use),
		.last_src = view_str(ss->last_src),
		.notice = ss->notice, .forced = ss->command != NULL,
		.command = view_str(ss->command),
		.connection = view_str(ss->connection),
		.key_env = wr_view(&key_env), .pam_env = wr_view(&s->env),
		.permit_open = wr_view(&opens),
		.permit_listen = wr_view(&listens),
		.log_level = log_level(),
	};
	struct wr w = wr_new(IPC_MAX_FRAME);
	bool ok;

	put_handover(&w, &m);
	ok = !w.bad && !key_env.bad && !opens.bad && !listens.bad &&
	    ipc_send(control, MSG_HANDOVER, h->login->conn, wr_view(&w),
	    fds, 3) == OK;
	wr_free(&w);
	wr_free(&key_env);
	wr_free(&opens);
	wr_free(&listens);
	return ok || failed("handover", "the session does not take its "
	    "sockets");
}

bool
handover(const struct handover *h)
{
	struct auth_session s = { .env = wr_new(0) };
	int control[2] = { -1, -1 }, policy = -1;
	const char *why;
	bool ok = false;

	if (ipc_pair(control, false) != OK ||
	    (policy = policy_file(h->session->policy)) == -1) {
		failed("handover", strerror(errno));
	} else {
		const int fds[AUTH_SESSION_FDS] = {
			h->login->exe, control[1], policy, log_fd(),
		};

		why = auth_open_session(h->auth, fds, &s);
		if (why != NULL)
			failed("pam-session", why);
		else if (tell_warden(h, &s)) {
			close(control[1]);
			control[1] = -1;
			ok = (auth_let_go(h->auth) || failed("handover",
			    "sallyport-account has ended")) &&
			    give_sockets(h, control[0], &s);
		}
	}
	for (int i = 0; i < 2; i++)
		if (control[i] != -1)
			close(control[i]);
	if (policy != -1)
		close(policy);
	wr_free(&s.env);
	return ok;
}
