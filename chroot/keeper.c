#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "chroot/child.h"
#include "chroot/keeper_parts.h"
#include "chroot/serve.h"

uint64_t
keeper_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void
keeper_tell(struct keeper *k, uint8_t type, uint32_t channel,
    const struct wr *body, const int *fds, size_t nfds)
{
	if (k->server == -1)
		return;
	if ((body != NULL && body->bad) || !child_send_fds(k->server, type,
	    channel, body != NULL ? wr_view(body) : view_of(NULL, 0), fds,
	    nfds)) {
		close(k->server);
		k->server = -1;
	}
}

bool
keeper_sockets(int out[2], int err[2])
{
	const int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
	int size = 1 << 20;

	if (socketpair(AF_UNIX, type, 0, out) == -1)
		return false;
	if (err != NULL && socketpair(AF_UNIX, type, 0, err) == -1) {
		close(out[0]);
		close(out[1]);
		return false;
	}
	/* As large as the system allows: fewer wake-ups for each byte. */
	for (int i = 0; i < 2; i++)
		(void)setsockopt(out[i], SOL_SOCKET, SO_SNDBUF, &size,
		    sizeof(size));
	return true;
}

void
keeper_refuse(struct keeper *k, uint32_t channel, const struct msg_open *m,
    const char *why)
{
	serve_log_refused(m, why, k->start->rules->allow);
	keeper_tell(k, MSG_REFUSED, channel, NULL, NULL, 0);
}

/* ---- what is to be done with a start ---- */

enum way { WAY_NONE, WAY_FILES, WAY_PROGRAM };

static struct view
subsystem(const struct keeper *k, struct view name)
{
	const struct policy_pairs *p =
	    &k->session->policy->run.subsystems;

	for (size_t i = 0; i < p->n; i++)
		if (view_eq(p->v[i].name, name))
			return p->v[i].value;
	return view_of(NULL, 0);
}

/* A built-in command needs no program, and so no right to run one. */
static enum way
way_exec(const struct keeper *k, const struct msg_open *m, const char **why)
{
	enum exec_answer a = exec_ask(k->start->jail, m->command);

	*why = a == EXEC_NO_SCP ? "neither scp nor exec is allowed" :
	    "exec is not allowed";
	if (a == EXEC_SERVED)
		return WAY_FILES;
	return (k->session->allow & ALLOW_EXEC) != 0 ? WAY_PROGRAM : WAY_NONE;
}

static enum way
way_of(const struct keeper *k, const struct msg_open *m,
    struct view *command, const char **why)
{
	uint32_t allow = k->session->allow;

	*command = m->kind == START_EXEC ? m->command : view_of(NULL, 0);
	*why = "pty is not allowed";
	if (m->pty && (allow & ALLOW_PTY) == 0)
		return WAY_NONE;
	/* Whatever is asked for, this is run. */
	if (k->session->command != NULL) {
		*command = view_str(k->session->command);
		return WAY_PROGRAM;
	}
	if (m->kind == START_EXEC)
		return way_exec(k, m, why);
	*why = "shell is not allowed";
	if (m->kind == START_SHELL)
		return (allow & ALLOW_SHELL) != 0 ? WAY_PROGRAM : WAY_NONE;
	*why = "sftp is not allowed";
	if (view_is(m->command, "sftp"))
		return (allow & ALLOW_SFTP) != 0 ? WAY_FILES : WAY_NONE;
	*why = "there is no such subsystem";
	*command = subsystem(k, m->command);
	return command->n != 0 ? WAY_PROGRAM : WAY_NONE;
}

static void
take_open(struct keeper *k, struct ipc_msg *msg)
{
	const char *why = "";
	struct view command;
	struct msg_open m;
	enum way way;

	if (!get_open(msg->body, &m))
		return;		/* a broken server gets no answer */
	way = way_of(k, &m, &command, &why);
	if (way == WAY_PROGRAM && k->nruns >= RUNS_MAX) {
		why = "too many programs are running";
		way = WAY_NONE;
	}
	if (way == WAY_FILES && !files_open(k, msg->id, msg->body,
	    m.kind == START_EXEC)) {
		why = "no process to serve files";
		way = WAY_NONE;
	}
	if (way == WAY_PROGRAM)
		run_begin(k, msg->id, msg->body, command,
		    k->session->command != NULL);
	else if (way == WAY_NONE)
		keeper_refuse(k, msg->id, &m, why);
}

/* ---- the server ---- */

static void
take_message(struct keeper *k, struct ipc_msg *msg)
{
	struct run *r = run_find(k, msg->id);
	struct msg_window window;
	struct msg_text text;

	switch (msg->type) {
	case MSG_OPEN:
		if (r == NULL && !files_has(k, msg->id))
			take_open(k, msg);
		break;
	case MSG_HURRY:
		k->hurry = true;
		files_hurry(k);
		break;
	case MSG_WINDOW:
		if (r != NULL && get_window(msg->body, &window))
			run_window(r, &window);
		break;
	case MSG_SIGNAL:
		if (r != NULL && get_text(msg->body, &text))
			run_signal(r, text.text);
		break;
	case MSG_BREAK:
		if (r != NULL)
			run_break(r);
		break;
	case MSG_CLOSED:
		if (r != NULL)
			run_close(k, r);
		if (k->flows != NULL)
			flows_closed(k->flows, msg->id);
		break;
	default:
		if (k->flows != NULL && flows_message(k->flows, msg) == OK)
			break;
		log_msg(LOG_ERROR, "session-ended", "message %u of the "
		    "server out of order", msg->type);
		keeper_end(k);
	}
}

#define FRAMES_PER_TURN 32

static void
read_server(struct keeper *k)
{
	struct ipc_msg msg;

	for (int i = 0; i < FRAMES_PER_TURN && k->server != -1; i++) {
		enum err e = ipc_recv(k->server, k->frame, IPC_MAX_FRAME,
		    &msg);

		if (e == ERR_AGAIN)
			return;
		if (e != OK)
			keeper_end(k);
		take_message(k, &msg);
		ipc_msg_close(&msg);
	}
}

/* ---- the warden ---- */

static void
lose_warden(struct keeper *k)
{
	if (k->warden != -1)
		close(k->warden);
	k->warden = -1;
	while (run_waits(k))
		run_terminal(k, 0, -1, -1);
	if (k->flows != NULL)
		flows_no_warden(k->flows);
}

void
keeper_read_warden(struct keeper *k)
{
	struct ipc_msg msg;
	struct msg_pty m;
	int master, slave;
	enum err e = ipc_recv(k->warden, k->frame, IPC_MAX_FRAME, &msg);

	if (e == ERR_AGAIN)
		return;
	if (e != OK) {
		lose_warden(k);
		return;
	}
	if (msg.type == MSG_PTY_MADE && get_pty(msg.body, &m)) {
		master = ipc_take_fd(&msg, 0);
		slave = ipc_take_fd(&msg, 1);
		run_terminal(k, m.number, master, slave);
	} else if (msg.type == MSG_CHILD_KNOWN)
		k->files_known = true;
	else if (msg.type == MSG_FOUND && k->flows != NULL &&
	    !flows_found(k->flows, msg.body))
		log_msg(LOG_ERROR, "bug", "broken answer of the warden");
	ipc_msg_close(&msg);
}

/* ---- the loop ---- */

enum { AT_SERVER, AT_WARDEN, AT_SIGNALS, AT_FILES, AT_FLOWS, POLLS };

static void
turn(struct keeper *k)
{
	struct pollfd p[POLLS] = {
		[AT_SERVER] = { k->server, POLLIN, 0 },
		[AT_WARDEN] = { k->warden, POLLIN, 0 },
		[AT_SIGNALS] = { k->signals, POLLIN, 0 },
		[AT_FILES] = { k->files_sock, POLLIN, 0 },
		[AT_FLOWS] = { k->flows != NULL ? flows_fd(k->flows) : -1,
		    POLLIN, 0 },
	};

	if (k->server == -1)
		keeper_end(k);
	if (poll(p, POLLS, -1) == -1) {
		if (errno != EINTR)
			keeper_end(k);
		return;
	}
	/* Before the signals: what a child said comes before its end. */
	if (p[AT_FILES].revents != 0)
		files_ready(k);
	if (p[AT_SIGNALS].revents != 0)
		keeper_reap(k);
	if (p[AT_FLOWS].revents != 0 && k->flows != NULL)
		flows_ready(k->flows);
	if (p[AT_WARDEN].revents != 0 && k->warden != -1)
		keeper_read_warden(k);
	if (p[AT_SERVER].revents != 0)
		read_server(k);
}

static bool
prepare(struct keeper *k)
{
	sigset_t chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	/* What programs leave behind becomes ours, and is found. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == -1 ||
	    sigprocmask(SIG_BLOCK, &chld, NULL) == -1)
		return false;
	k->signals = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	k->frame = malloc(IPC_MAX_FRAME);
	return k->signals != -1 && k->frame != NULL;
}

void
keeper_main(const struct keeper_start *start)
{
	struct keeper k = {
		.start = start, .session = start->session,
		.server = start->session->server,
		.warden = start->session->warden, .files_sock = -1,
	};

	if (!prepare(&k) || !keeper_flows(&k)) {
		child_complain("session", "prepare");
		_exit(1);
	}
	for (;;)
		turn(&k);
}
