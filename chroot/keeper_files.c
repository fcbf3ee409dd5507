/* The sealed child that serves files for a user who may run programs. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/proctitle.h"
#include "chroot/child.h"
#include "chroot/keeper_parts.h"
#include "chroot/serve.h"

#define KNOWN_MS 2000		/* for the warden to tell the log */

static void become_files(const struct keeper *k, int sock)
    __attribute__((noreturn));

/* What the parent must not have, this process has: it reads what clients
 * say. */
static bool
seal(const struct keeper *k)
{
	bool active;

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    (k->session->policy->jail.n == 0 ||
	    sandbox_landlock("/", SANDBOX_FILES, &active) == OK) &&
	    sandbox_install(&k->session->sandbox[SANDBOX_FILES]) == OK;
}

static void
become_files(const struct keeper *k, int sock)
{
	int log = log_fd();
	int *const keep[] = { &sock, &log };

	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!child_keep(keep, 2))
		_exit(1);
	log_open(log, log_level());
	proctitle_set("%s sftp", k->session->user);
	if (!seal(k)) {
		child_complain("session", "seal");
		_exit(1);
	}
	serve_channels(sock, k->start->jail, k->start->rules, NULL);
}

/* Its events are to be called by their user's name from the first on, so it
 * gets nothing to do before the warden has told the log. */
static void
introduce(struct keeper *k)
{
	const struct msg_child m = { k->files };
	uint64_t end = keeper_clock() + KNOWN_MS, now;
	struct wr w = wr_new(64);

	put_child(&w, &m);
	k->files_known = k->warden == -1 || !child_send(k->warden, MSG_CHILD,
	    k->session->conn, wr_view(&w));
	wr_free(&w);
	while (!k->files_known && k->warden != -1 &&
	    (now = keeper_clock()) < end) {
		struct pollfd p = { .fd = k->warden, .events = POLLIN };

		if (poll(&p, 1, (int)(end - now)) == 1)
			keeper_read_warden(k);
	}
}

static bool
start_files(struct keeper *k)
{
	int pair[2];

	if (k->files != 0)
		return true;
	if (ipc_pair(pair, true) != OK)
		return false;
	if ((k->files = fork()) == 0) {
		close(pair[0]);
		become_files(k, pair[1]);
	}
	close(pair[1]);
	if (k->files == -1) {
		k->files = 0;
		close(pair[0]);
		return false;
	}
	k->files_sock = pair[0];
	introduce(k);
	return true;
}

static struct files_channel *
add_channel(struct keeper *k, uint32_t channel)
{
	size_t cap = k->files_cap != 0 ? k->files_cap * 2 : 8;
	struct files_channel *v = k->files_channels;

	if (k->nfiles == k->files_cap) {
		if ((v = realloc(v, cap * sizeof(*v))) == NULL)
			return NULL;
		k->files_channels = v;
		k->files_cap = cap;
	}
	v[k->nfiles] = (struct files_channel){ channel, { -1, -1 } };
	return &v[k->nfiles++];
}

static struct files_channel *
find_channel(const struct keeper *k, uint32_t channel)
{
	for (size_t i = 0; i < k->nfiles; i++)
		if (k->files_channels[i].channel == channel)
			return &k->files_channels[i];
	return NULL;
}

static void
close_ours(struct files_channel *c)
{
	for (int i = 0; i < 2; i++) {
		if (c->ours[i] != -1)
			close(c->ours[i]);
		c->ours[i] = -1;
	}
}

static void
remove_channel(struct keeper *k, struct files_channel *c)
{
	close_ours(c);
	*c = k->files_channels[--k->nfiles];
}

bool
files_has(const struct keeper *k, uint32_t channel)
{
	return find_channel(k, channel) != NULL;
}

bool
files_open(struct keeper *k, uint32_t channel, struct view body, bool exec)
{
	struct files_channel *c;
	int out[2], err[2] = { -1, -1 }, far[2];
	bool ok;

	if (!start_files(k) || (c = add_channel(k, channel)) == NULL)
		return false;
	if (!keeper_sockets(out, exec ? err : NULL)) {
		remove_channel(k, c);
		return false;
	}
	c->ours[0] = out[0];
	c->ours[1] = err[0];
	far[0] = out[1];
	far[1] = err[1];
	ok = child_send_fds(k->files_sock, MSG_OPEN, channel, body, far,
	    exec ? 2 : 1);
	close(far[0]);
	if (exec)
		close(far[1]);
	if (!ok)
		remove_channel(k, c);
	return ok;
}

void
files_hurry(struct keeper *k)
{
	if (k->files_sock != -1 && !child_send(k->files_sock, MSG_HURRY, 0,
	    view_of(NULL, 0)))
		log_msg(LOG_DEBUG, "session", "nobody to hurry");
}

/* It serves the channel: the server gets the other ends. */
static void
pass_opened(struct keeper *k, struct files_channel *c)
{
	bool two = c->ours[1] != -1;
	const struct msg_opened m = {
		two ? CARRIER_SOCKETS : CARRIER_SOCKET
	};
	struct wr w = wr_new(64);

	put_opened(&w, &m);
	keeper_tell(k, MSG_OPENED, c->channel, &w, c->ours, two ? 2 : 1);
	wr_free(&w);
	close_ours(c);
}

/* What is about one of its channels, and brings no descriptor: whoever takes
 * over the child can spoil its channels, and that is all. */
static bool
pass_on(struct keeper *k, const struct ipc_msg *msg)
{
	struct files_channel *c = find_channel(k, msg->id);
	struct wr w = wr_new(IPC_MAX_FRAME);
	struct msg_opened opened;
	struct msg_ended ended;
	bool ok = msg->nfds == 0 && c != NULL;

	if (ok && msg->type == MSG_OPENED && c->ours[0] != -1 &&
	    get_opened(msg->body, &opened) && opened.carrier == CARRIER_DUCT)
		pass_opened(k, c);
	else if (ok && ((msg->type == MSG_REFUSED && msg->body.n == 0) ||
	    (msg->type == MSG_ENDED && get_ended(msg->body, &ended)))) {
		wr_bytes(&w, msg->body);
		keeper_tell(k, msg->type, msg->id, &w, NULL, 0);
		remove_channel(k, c);
	} else
		ok = false;
	wr_free(&w);
	return ok;
}

void
files_ready(struct keeper *k)
{
	struct ipc_msg msg;
	enum err e = OK;

	while (e == OK && k->files_sock != -1) {
		e = ipc_recv(k->files_sock, k->frame, IPC_MAX_FRAME, &msg);
		if (e != OK)
			break;
		if (!pass_on(k, &msg))
			e = ERR_PROTO;
		ipc_msg_close(&msg);
	}
	if (e == ERR_AGAIN)
		return;
	/* It is reaped by and by; a new one serves the next. */
	if (k->files_sock != -1)
		close(k->files_sock);
	k->files_sock = -1;
}

void
files_gone(struct keeper *k)
{
	const struct msg_ended m = { .status = 1 };
	struct wr w = wr_new(1024);

	put_ended(&w, &m);
	if (k->files_sock != -1) {
		files_ready(k);
		if (k->files_sock != -1)
			close(k->files_sock);
		k->files_sock = -1;
	}
	k->files = 0;
	while (k->nfiles != 0) {
		struct files_channel *c = &k->files_channels[k->nfiles - 1];

		if (c->ours[0] != -1)
			keeper_tell(k, MSG_REFUSED, c->channel, NULL, NULL, 0);
		else
			keeper_tell(k, MSG_ENDED, c->channel, &w, NULL, 0);
		remove_channel(k, c);
	}
	wr_free(&w);
}
