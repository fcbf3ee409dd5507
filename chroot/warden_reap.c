#include <errno.h>
#include <stdlib.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chroot/warden.h"

#define EARLY_MS	1000	/* a server that lives shorter died early */
#define EARLY_DEATHS	3	/* in a row; then it is started once a second */

/* How a process ended, in fields. */
static void
log_status(struct log_ev *e, int status)
{
	if (WIFSIGNALED(status))
		log_fmt(e, "signal", "SIG%s",
		    sigabbrev_np(WTERMSIG(status)) != NULL ?
		    sigabbrev_np(WTERMSIG(status)) : "?");
	else
		log_num(e, "status", (uint64_t)WEXITSTATUS(status));
}

/* Tells the log process that a pid means nobody any more. */
static void
forget_pid(struct warden *w, pid_t pid)
{
	const struct msg_log_who m = { .pid = pid };
	struct wr b = wr_new(1024);

	put_log_who(&b, &m);
	/* If it cannot be told: the next use of the pid will be. */
	if (outq_send(&w->to_log, MSG_LOG_FORGET, 0, wr_view(&b), NULL, 0) ==
	    OK && w->to_log.first != NULL)
		warden_rewatch(w, w->to_log.fd, WATCH_LOG, 0, true, true);
	wr_free(&b);
}

static struct kid *
find_kid(const struct warden *w, pid_t session)
{
	for (size_t i = 0; i < w->nkids; i++)
		if (w->kids[i].session == session)
			return &w->kids[i];
	return NULL;
}

/* The session has ended, and so has what it made. */
static void
forget_kid(struct warden *w, pid_t session)
{
	struct kid *kid = find_kid(w, session);

	if (kid == NULL)
		return;
	forget_pid(w, kid->pid);
	*kid = w->kids[--w->nkids];
}

/* NULL: no memory. */
static struct kid *
add_kid(struct warden *w, pid_t session)
{
	size_t cap = w->kids_cap != 0 ? w->kids_cap * 2 : 16;
	struct kid *v = w->kids;

	if (w->nkids == w->kids_cap) {
		if ((v = realloc(w->kids, cap * sizeof(*v))) == NULL)
			return NULL;
		w->kids = v;
		w->kids_cap = cap;
	}
	v[w->nkids] = (struct kid){ .session = session };
	return &v[w->nkids++];
}

void
warden_log_child(struct warden *w, struct ward *c, pid_t pid)
{
	const struct msg_log_who m = { pid, c->id, ward_user(c),
	    view_str(c->src) };
	struct kid *kid = find_kid(w, c->pid);
	struct wr b = wr_new(1024);

	if (kid != NULL)
		forget_pid(w, kid->pid);
	else if ((kid = add_kid(w, c->pid)) == NULL)
		return;
	kid->pid = pid;
	put_log_who(&b, &m);
	if (outq_send(&w->to_log, MSG_LOG_WHO, 0, wr_view(&b), NULL, 0) ==
	    OK && w->to_log.first != NULL)
		warden_rewatch(w, w->to_log.fd, WATCH_LOG, 0, true, true);
	wr_free(&b);
}

/* Every connection of a server ends with it: logins read EOF on their
 * sockets; those still asking for a password are not waited for. */
static void
drop_wards(struct warden *w)
{
	uint32_t at = 0;
	struct ward *c;

	while ((c = wards_next(w->wards, &at)) != NULL) {
		warden_end_login(w, c, c->phase == WARD_LOGIN);
		warden_ptys_gone(w, c->id);
		lookups_gone(&w->lookups, c->id);
		if (c->session != 0)
			forget_pid(w, c->session);
		wards_remove(w->wards, &c);
	}
}

void
warden_server_lost(struct warden *w)
{
	if (w->to_server.fd == -1)
		return;
	warden_unwatch(w, w->to_server.fd);
	outq_close(&w->to_server);
	if (w->server > 0 && !w->stopping)
		kill(w->server, SIGKILL);
	drop_wards(w);
}

static void
plan_restart(struct warden *w)
{
	bool early = w->now - w->server_started < EARLY_MS;

	w->early_deaths = early ? w->early_deaths + 1 : 0;
	w->server_restart = w->now +
	    (w->early_deaths >= EARLY_DEATHS ? EARLY_MS : 0);
}

static void
server_ended(struct warden *w, int status)
{
	struct log_ev e;

	w->server = 0;
	warden_server_lost(w);
	log_begin(&e, w->stopping ? LOG_INFO : LOG_ERROR, "server-ended");
	log_status(&e, status);
	log_send(&e);
	if (!w->stopping)
		plan_restart(w);
}

void
warden_restart_log(struct warden *w)
{
	struct msg_log_target how;
	char why[256];
	int fd = log_target_open(config_main(w->gen[0]->config),
	    w->opt.to_stderr, &how, why, sizeof(why));

	w->log_restart = w->now + EARLY_MS;	/* if it fails */
	if (fd == -1)
		return;
	if (warden_start_log(w, fd, &how)) {
		w->log_resync = 0;
		w->log_resyncing = true;
	} else
		w->log = 0;
	close(fd);
}

/* Events wait in their socket until the next log process reads them. */
static void
log_ended(struct warden *w, int status)
{
	struct log_ev e;

	w->log = 0;
	if (w->to_log.fd != -1)
		warden_unwatch(w, w->to_log.fd);
	outq_close(&w->to_log);
	if (w->stopping)
		return;
	w->log_restart = w->now - w->log_started < EARLY_MS ?
	    w->now + EARLY_MS : w->now;
	log_begin(&e, LOG_ERROR, "log-process-ended");
	log_status(&e, status);
	log_send(&e);
}

/* Has another gone on in the login's place?  It is our child since. */
static bool
inherit(struct warden *w, struct ward *c, pid_t ended)
{
	siginfo_t info;

	if (c->heir == 0 || c->heir == ended)
		return false;
	if (waitid(P_PID, (id_t)c->heir, &info, WEXITED | WNOHANG |
	    WNOWAIT) == -1) {
		log_msg(LOG_ERROR, "heir-missing", "connection %u", c->id);
		c->heir = 0;
		return false;
	}
	wards_set_pid(w->wards, c, c->heir);
	w->children++;
	return true;
}

/* A helper ends as its session did: with 128 and the number of a signal. */
static int
session_status(const struct ward *c, int status)
{
	if (c->heir == 0 || !WIFEXITED(status) || WEXITSTATUS(status) <= 128)
		return status;
	return W_EXITCODE(0, WEXITSTATUS(status) - 128);
}

static void
login_ended(struct warden *w, struct ward *c, int status)
{
	struct log_ev e;
	bool crashed;

	status = session_status(c, status);
	if (c->session != 0)
		forget_pid(w, c->session);
	if (WIFSIGNALED(status) && !c->cut) {
		log_begin(&e, LOG_ERROR, "session-died");
		log_num(&e, "conn", c->id);
		log_view(&e, "user", ward_user(c));
		log_str(&e, "src", c->src);
		log_status(&e, status);
		log_send(&e);
	}
	warden_end_login(w, c, false);
	warden_ptys_gone(w, c->id);
	lookups_gone(&w->lookups, c->id);
	crashed = WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL &&
	    c->phase == WARD_LOGIN;
	if (c->phase != WARD_DEAD && !ward_move(c, WARD_DEAD))
		log_msg(LOG_ERROR, "bug", "phase %u", (unsigned)c->phase);
	/* A crash before the proof is what an attack looks like. */
	c->crashed |= crashed;
	if (c->gone)
		warden_part(w, &c);
}

static void
ended(struct warden *w, pid_t pid, int status)
{
	struct ward *c;

	if (pid == w->server)
		server_ended(w, status);
	else if (pid == w->log)
		log_ended(w, status);
	else if (pid == w->parse.pid)
		warden_reload_done(w, status);
	else if (pid == w->penalties_writer)
		warden_penalties_reaped(w, status);
	else {
		c = wards_by_pid(w->wards, pid);
		if (c != NULL && !inherit(w, c, pid))
			login_ended(w, c, status);
		forget_kid(w, pid);
		forget_pid(w, pid);
	}
}

/* Children of ours lead a session of their own (child_begin); those that a
 * login leaves behind when it is killed are in that login's. */
static bool
is_own(pid_t pid)
{
	return getpgid(pid) == pid;
}

void
warden_reap(struct warden *w)
{
	siginfo_t info;
	int status;
	bool own;

	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) ==
		    -1 || info.si_pid == 0)
			return;
		own = is_own(info.si_pid);
		if (waitpid(info.si_pid, &status, WNOHANG) <= 0)
			return;
		if (own && w->children != 0)
			w->children--;
		ended(w, info.si_pid, status);
	}
}
