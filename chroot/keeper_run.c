/* Programs of the user: from what the server asks to how they end. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chroot/child.h"
#include "chroot/environ.h"
#include "chroot/keeper_parts.h"
#include "chroot/serve.h"
#include "chroot/spawn.h"
#include "chroot/ttymodes.h"

#define DEFAULT_SHELL	"/bin/sh"

/* ---- the list ---- */

struct run *
run_find(struct keeper *k, uint32_t channel)
{
	struct run *r = k->runs;

	while (r != NULL && (r->channel != channel || r->closed))
		r = r->next;
	return r;
}

struct run *
run_by_pid(struct keeper *k, pid_t pid)
{
	struct run *r = k->runs;

	while (r != NULL && r->pid != pid)
		r = r->next;
	return r;
}

static void
forget_open(struct run *r)
{
	wr_free(&r->body);
	r->open = (struct msg_open){ .kind = r->kind };
}

/* The terminal is given back: to the warden, who keeps count. */
static void
give_back(struct keeper *k, uint32_t number)
{
	const struct msg_pty m = { number };
	struct wr w = wr_new(64);

	put_pty(&w, &m);
	if (k->warden != -1 && !child_send(k->warden, MSG_PTY_DONE,
	    k->session->conn, wr_view(&w))) {
		close(k->warden);
		k->warden = -1;
	}
	wr_free(&w);
}

static void
drop_terminal(struct keeper *k, struct run *r)
{
	if (r->master == -1)
		return;
	close(r->master);
	r->master = -1;
	give_back(k, r->pty);
}

static void
run_free(struct keeper *k, struct run *r)
{
	struct run **at = &k->runs;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	k->nruns--;
	drop_terminal(k, r);
	forget_open(r);
	free(r->command);
	free(r);
}

/* ---- the start ---- */

/* What a program needs beside its descriptors. */
struct words {
	char *shell;
	char name[256];
	char tty[32];
	char *argv[4];
	char **envp;
};

static void
free_words(struct words *w)
{
	free(w->shell);
	free(w->envp);
}

static bool
is_no_shell(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;

	return strcmp(name, "nologin") == 0 || strcmp(name, "false") == 0;
}

static struct view
original(const struct run *r)
{
	if (!r->forced && r->kind != START_SUBSYSTEM)
		return view_of(NULL, 0);
	/* A login shell that was asked for is the empty command. */
	return r->open.command.n != 0 ? r->open.command : view_str("");
}

/* Of an account that the host does not know: where its sessions start. */
const char *
run_home(const struct keeper *k)
{
	const struct policy *p = k->session->policy;

	return p->jail.n == 0 && p->home.n != 0 ? k->start->jail->home :
	    k->start->jail->start;
}

static bool
find_words(const struct keeper *k, const struct run *r, struct words *w)
{
	const struct session_start *s = k->session;
	struct view shell = s->policy->run.shell;
	struct environ_spec e = {
		.policy = s->policy, .user = s->user,
		.home = run_home(k),
		.time_zone = k->start->time_zone, .client = r->open.env,
		.pam = s->pam_env, .key = s->key_env,
		.connection = s->connection,
		.tty = r->master != -1 ? w->tty : NULL,
		.term = r->open.term, .original = original(r),
	};
	struct flows_env of_client;

	flows_env(k->flows, r->channel, &of_client);
	e.agent = of_client.agent;
	e.display = of_client.display;
	e.xauthority = of_client.xauthority;
	w->shell = view_dup(shell.n != 0 ? shell : view_str(DEFAULT_SHELL));
	if (w->shell == NULL)
		return false;
	e.shell = w->shell;
	spawn_name(w->shell, r->command == NULL, w->name, sizeof(w->name));
	w->argv[0] = w->name;
	if (r->command != NULL) {
		w->argv[1] = (char *)(uintptr_t)"-c";
		w->argv[2] = r->command;
	}
	snprintf(w->tty, sizeof(w->tty), "/dev/pts/%u", r->pty);
	return (w->envp = environ_build(&e)) != NULL;
}

/* The descriptors of a program: ours for the server, and its own. */
struct ends {
	int ours[3], its[3];
};

static void
close_some(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fds[i] != -1)
			close(fds[i]);
}

/* in[0] is read by the program, the others are written by it. */
static bool
make_pipes(struct ends *e)
{
	int p[2];

	for (int i = 0; i < 3; i++)
		e->ours[i] = e->its[i] = -1;
	for (int i = 0; i < 3; i++) {
		if (pipe2(p, O_CLOEXEC) == -1)
			return false;
		e->its[i] = p[i == 0 ? 0 : 1];
		e->ours[i] = p[i == 0 ? 1 : 0];
		if (fcntl(e->ours[i], F_SETFL, O_NONBLOCK) == -1)
			return false;
	}
	return true;
}

static pid_t
start(const struct keeper *k, const struct words *w, const int its[3],
    bool tty, int *error)
{
	const struct spawn p = {
		.path = w->shell, .argv = w->argv, .envp = w->envp,
		.fds = { its[0], its[1], its[2] }, .tty = tty,
		.run = &k->session->policy->run, .files = &k->start->files,
	};

	return spawn_program(&p, error);
}

static void
log_start(const struct run *r, const struct words *w)
{
	static const char *const kinds[START_KINDS] = {
		[START_SHELL] = "shell", [START_EXEC] = "exec",
		[START_SUBSYSTEM] = "subsystem",
	};
	struct view asked = r->open.command;
	struct log_ev e;

	log_begin(&e, LOG_INFO, "session-open");
	log_num(&e, "channel", r->channel);
	log_str(&e, "kind", kinds[r->kind]);
	if (asked.n > RUN_TEXT_MAX)
		asked.n = RUN_TEXT_MAX;
	if (asked.n != 0)
		log_view(&e, "command", asked);
	if (r->forced)
		log_str(&e, "forced", r->command);
	if (r->master != -1)
		log_str(&e, "tty", w->tty);
	log_num(&e, "pid", (uint64_t)r->pid);
	log_send(&e);
}

static void
tell_opened(struct keeper *k, const struct run *r, uint8_t carrier,
    const int *fds)
{
	const struct msg_opened m = { carrier };
	struct wr w = wr_new(64);

	put_opened(&w, &m);
	keeper_tell(k, MSG_OPENED, r->channel, &w, fds,
	    msg_carrier_fds(carrier));
	wr_free(&w);
}

/* It could not be run, and the user is told why. */
static void
cannot_run(struct keeper *k, struct run *r, const struct words *w, int error)
{
	struct log_ev e;

	log_begin(&e, LOG_ERROR, "exec-failed");
	log_num(&e, "channel", r->channel);
	log_str(&e, "path", w->shell);
	log_errno(&e, error);
	log_send(&e);
	say_failure(k, r, error == ENOENT ? 127 : 126, "%s: %s%s", w->shell,
	    strerror(error), k->session->policy->jail.n != 0 &&
	    error == ENOENT ? " (or a library of it) in the jail" : "");
	run_free(k, r);
}

static void
started(struct keeper *k, struct run *r, const struct words *w,
    uint8_t carrier, const int *fds)
{
	r->since = keeper_clock();
	log_start(r, w);
	tell_opened(k, r, carrier, fds);
	forget_open(r);
}

static void
start_on_pipes(struct keeper *k, struct run *r, const struct words *w)
{
	struct ends e;
	int error;

	if (make_pipes(&e))
		r->pid = start(k, w, e.its, false, &error);
	else {
		error = errno;
		r->pid = -1;
	}
	close_some(e.its, 3);
	if (r->pid != -1)
		started(k, r, w, CARRIER_PIPES, e.ours);
	else
		cannot_run(k, r, w, error);
	close_some(e.ours, 3);
}

static void
set_terminal(const struct run *r, int slave)
{
	struct winsize size = ttymodes_window(&r->open.window);
	struct termios t;

	(void)ioctl(r->master, TIOCSWINSZ, &size);
	if (tcgetattr(slave, &t) == -1)
		return;
	ttymodes_apply(r->open.modes, &t);
	(void)tcsetattr(slave, TCSANOW, &t);
}

static void
start_on_terminal(struct keeper *k, struct run *r, const struct words *w,
    int slave)
{
	const int its[3] = { slave, slave, slave };
	int error;

	set_terminal(r, slave);
	if (r->command == NULL)
		say_motd(k, r->master);
	r->pid = start(k, w, its, true, &error);
	if (r->pid != -1)
		started(k, r, w, CARRIER_PTY, &r->master);
	else
		cannot_run(k, r, w, error);
}

/* slave -1: on pipes. */
static void
run_start(struct keeper *k, struct run *r, int slave)
{
	struct words w = { .shell = NULL };

	if (!find_words(k, r, &w)) {
		keeper_refuse(k, r->channel, &r->open, "out of memory");
		run_free(k, r);
	} else if (is_no_shell(w.shell)) {
		serve_log_refused(&r->open, "the account's shell runs nothing",
		    w.shell);
		say_failure(k, r, 1, "This account has no shell.");
		run_free(k, r);
	} else if (slave != -1)
		start_on_terminal(k, r, &w, slave);
	else
		start_on_pipes(k, r, &w);
	free_words(&w);
}

static void
ask_terminal(struct keeper *k, struct run *r)
{
	if (k->warden != -1 && child_send(k->warden, MSG_PTY,
	    k->session->conn, view_of(NULL, 0)))
		return;
	keeper_refuse(k, r->channel, &r->open, "no terminal can be had");
	run_free(k, r);
}

void
run_begin(struct keeper *k, uint32_t channel, struct view body,
    struct view command, bool forced)
{
	struct run *r = calloc(1, sizeof(*r)), **end = &k->runs;

	if (r != NULL) {
		*r = (struct run){ .channel = channel, .forced = forced,
		    .body = wr_new(IPC_MAX_FRAME), .master = -1 };
		wr_bytes(&r->body, body);
		if (command.p != NULL)
			r->command = view_dup(command);
	}
	if (r == NULL || r->body.bad || (command.p != NULL &&
	    r->command == NULL) || !get_open(wr_view(&r->body), &r->open)) {
		if (r != NULL)
			wr_free(&r->body);
		free(r);
		keeper_tell(k, MSG_REFUSED, channel, NULL, NULL, 0);
		return;
	}
	r->kind = r->open.kind;
	while (*end != NULL)
		end = &(*end)->next;
	*end = r;
	k->nruns++;
	if (r->open.pty)
		ask_terminal(k, r);
	else
		run_start(k, r, -1);
}

static struct run *
first_waiting(struct keeper *k)
{
	struct run *r = k->runs;

	while (r != NULL && r->pid != 0)
		r = r->next;
	return r;
}

bool
run_waits(struct keeper *k)
{
	return first_waiting(k) != NULL;
}

void
run_terminal(struct keeper *k, uint32_t number, int master, int slave)
{
	struct run *r = first_waiting(k);
	bool made = master != -1 && slave != -1;

	if (r == NULL || !made || r->closed) {
		if (r != NULL && !r->closed)
			keeper_refuse(k, r->channel, &r->open,
			    "no terminal can be had");
		if (r != NULL)
			run_free(k, r);
		if (master != -1) {
			close(master);
			give_back(k, number);
		}
	} else {
		r->master = master;
		r->pty = number;
		run_start(k, r, slave);
	}
	if (slave != -1)
		close(slave);
}

/* ---- while it runs ---- */

void
run_window(const struct run *r, const struct msg_window *m)
{
	struct winsize size = ttymodes_window(m);

	if (r->master != -1)
		(void)ioctl(r->master, TIOCSWINSZ, &size);
}

void
run_signal(const struct run *r, struct view name)
{
	int number = spawn_signal(name);

	if (number == 0)
		log_msg(LOG_DEBUG, "signal", "unknown: %.*s",
		    (int)(name.n < 64 ? name.n : 64), (const char *)name.p);
	else if (r->pid > 0)
		(void)kill(-r->pid, number);
}

/* As a serial line would do it (termios(3), BRKINT). */
void
run_break(const struct run *r)
{
	struct termios t;

	if (r->master == -1 || tcgetattr(r->master, &t) == -1 ||
	    (t.c_iflag & IGNBRK) != 0)
		return;
	if ((t.c_iflag & BRKINT) != 0)
		(void)ioctl(r->master, TIOCSIG, SIGINT);
	else
		(void)!write(r->master, "", 1);
}

void
run_close(struct keeper *k, struct run *r)
{
	r->closed = true;
	drop_terminal(k, r);
}

static void
log_end(const struct run *r, const struct msg_ended *m)
{
	struct log_ev e;

	log_begin(&e, LOG_INFO, "session-close");
	log_num(&e, "channel", r->channel);
	if (m->signalled)
		log_view(&e, "signal", m->signal);
	else
		log_num(&e, "status", m->status);
	log_num(&e, "ms", keeper_clock() - r->since);
	log_send(&e);
}

void
run_ended(struct keeper *k, struct run *r, int status)
{
	char name[SPAWN_SIGNAL_MAX];
	struct msg_ended m = { .signalled = WIFSIGNALED(status) };
	struct wr w = wr_new(1024);

	if (m.signalled) {
		spawn_signal_name(WTERMSIG(status), name);
		m.signal = view_str(name);
		m.core = WCOREDUMP(status);
	} else
		m.status = (uint32_t)WEXITSTATUS(status);
	log_end(r, &m);
	if (!r->closed) {
		put_ended(&w, &m);
		keeper_tell(k, MSG_ENDED, r->channel, &w, NULL, 0);
	}
	wr_free(&w);
	run_free(k, r);
}
