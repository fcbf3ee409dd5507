#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "chroot/warden.h"

/* Together less than the 5 s in which a stop must be over. */
#define STOP_SERVER_MS	2500	/* for the server to say goodbye */
#define STOP_SESSIONS_MS 1000	/* for sessions to end */
#define STOP_LOG_MS	700	/* for the log process to write the rest */
#define EVENTS		64	/* of one turn */
#define FRAMES		64	/* of one peer in one turn */

uint64_t
warden_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

enum log_level
warden_level(const struct warden *w)
{
	return w->opt.debug ? LOG_DEBUG :
	    config_main(w->gen[0]->config)->log_level;
}

/* ---- what is waited for ---- */

static struct epoll_event
event_of(enum watch kind, uint32_t n, bool in, bool out)
{
	struct epoll_event e;

	memset(&e, 0, sizeof(e));
	e.events = (in ? (uint32_t)EPOLLIN : 0) | (out ? EPOLLOUT : 0);
	e.data.u64 = (uint64_t)kind << 32 | n;
	return e;
}

bool
warden_watch(struct warden *w, int fd, enum watch kind, uint32_t n, bool out)
{
	struct epoll_event e = event_of(kind, n, true, out);

	return epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

void
warden_rewatch(struct warden *w, int fd, enum watch kind, uint32_t n,
    bool in, bool out)
{
	struct epoll_event e = event_of(kind, n, in, out);

	if (epoll_ctl(w->epoll, EPOLL_CTL_MOD, fd, &e) == -1)
		log_msg(LOG_ERROR, "bug", "epoll: %s", strerror(errno));
}

/* Before close: a child may still hold a duplicate, which would keep the
 * descriptor's events coming. */
void
warden_unwatch(struct warden *w, int fd)
{
	epoll_ctl(w->epoll, EPOLL_CTL_DEL, fd, NULL);
}

/* ---- the server's socket ---- */

static void
end_server(struct warden *w, const char *why)
{
	log_msg(LOG_ERROR, "server-refused", "%s", why);
	warden_server_lost(w);
}

/* While answers wait, no further request is taken. */
static void
watch_server(struct warden *w)
{
	bool full = w->to_server.first != NULL;

	if (w->to_server.fd != -1)
		warden_rewatch(w, w->to_server.fd, WATCH_SERVER, 0, !full,
		    full);
}

void
warden_tell_server(struct warden *w, uint8_t type, uint32_t id,
    struct view body, const int *fds, size_t nfds)
{
	enum err e;

	if (w->to_server.fd == -1)
		return;		/* there is none now */
	e = outq_send(&w->to_server, type, id, body, fds, nfds);
	if (e == OK) {
		if (w->to_server.first != NULL)
			watch_server(w);
	} else if (e == ERR_CLOSED)
		warden_server_lost(w);
	else
		end_server(w, "it does not take its answers");
}

static void
read_server(struct warden *w)
{
	uint32_t number = w->server_number;
	struct ipc_msg msg;
	enum err e = OK;

	for (int i = 0; i < FRAMES && e == OK && w->to_server.fd != -1 &&
	    w->server_number == number && w->to_server.first == NULL; i++) {
		e = ipc_recv(w->to_server.fd, w->frame, IPC_MAX_FRAME, &msg);
		if (e != OK)
			break;
		e = requests_server(&w->requests, &msg);
		ipc_msg_close(&msg);
		if (e != OK) {
			end_server(w, w->requests.refused);
			return;
		}
	}
	if (e == ERR_PROTO)
		end_server(w, "broken frame");
	else if (e != OK && e != ERR_AGAIN)
		warden_server_lost(w);
}

static void
server_ready(struct warden *w, uint32_t events)
{
	if (w->to_server.fd != -1 && (events & EPOLLOUT) != 0) {
		if (outq_flush(&w->to_server) != OK) {
			warden_server_lost(w);
			return;
		}
		watch_server(w);
	}
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		read_server(w);
}

/* ---- logins ---- */

static void
login_ready(struct warden *w, uint32_t id)
{
	struct ward *c = wards_find(w->wards, id);
	struct ipc_msg msg;
	struct log_ev ev;
	enum err e;

	if (c == NULL || c->sock == -1)
		return;
	e = ipc_recv(c->sock, w->frame, IPC_MAX_FRAME, &msg);
	if (e == ERR_AGAIN)
		return;
	if (e == ERR_CLOSED || e == ERR_SYS) {
		/* Ended, or become a session, which has closed its end. */
		warden_end_login(w, c, c->phase == WARD_LOGIN);
		return;
	}
	if (e == OK) {
		e = requests_login(&w->requests, c, &msg);
		ipc_msg_close(&msg);
	} else
		w->requests.refused = "broken frame";
	if (e == OK)
		return;
	log_begin(&ev, LOG_ERROR, "login-refused");
	log_num(&ev, "conn", c->id);
	log_view(&ev, "user", ward_user(c));
	log_str(&ev, "src", c->src);
	log_str(&ev, "reason", w->requests.refused);
	log_send(&ev);
	c->cut = true;
	warden_end_login(w, c, true);
	/* A login that asks for what it may not have has been taken over. */
	c->crashed |= c->phase == WARD_LOGIN;
}

/* ---- signers ---- */

static void
signer_ready(struct warden *w, uint32_t i)
{
	struct wr sig = wr_new(8192);
	uint32_t id, server;

	if (i >= SIGNERS_MAX || w->signers.s[i].fd == -1)
		return;
	warden_unwatch(w, w->signers.s[i].fd);
	signers_take(&w->signers, i, &sig, &id, &server);
	/* The server that asked may have died; its numbers mean nothing. */
	if (server == w->server_number && wards_find(w->wards, id) != NULL)
		warden_signed(w, id, wr_view(&sig));
	wr_free(&sig);
}

static void
start_signers(struct warden *w)
{
	int i;

	while ((i = signers_start(&w->signers, w->now)) != -1) {
		w->children++;
		warden_watch(w, w->signers.s[i].fd, WATCH_SIGNER, (uint32_t)i,
		    false);
	}
}

/* ---- the log process ---- */

static void
log_ready(struct warden *w, uint32_t events)
{
	if (w->to_log.fd == -1)
		return;
	if ((events & (EPOLLHUP | EPOLLERR)) != 0 ||
	    outq_flush(&w->to_log) != OK) {
		/* It is being reaped; until then nothing more is heard. */
		warden_unwatch(w, w->to_log.fd);
		outq_close(&w->to_log);
	} else if (w->to_log.first == NULL)
		warden_rewatch(w, w->to_log.fd, WATCH_LOG, 0, true, false);
}

bool
warden_introduce(struct warden *w, const struct ward *c, pid_t pid)
{
	const struct msg_log_who m = {
		pid, c->id, ward_user(c), view_str(c->src)
	};
	struct wr b = wr_new(1024);
	bool ok;

	put_log_who(&b, &m);
	ok = outq_send(&w->to_log, MSG_LOG_WHO, 0, wr_view(&b), NULL, 0) ==
	    OK;
	wr_free(&b);
	if (w->to_log.fd != -1 && w->to_log.first != NULL)
		warden_rewatch(w, w->to_log.fd, WATCH_LOG, 0, true, true);
	return ok;
}

/* Tells a new log process who is who, a few at a time. */
static void
resync_log(struct warden *w)
{
	struct ward *c = NULL;

	for (int i = 0; i < FRAMES && w->log_resyncing; i++) {
		if ((c = wards_next(w->wards, &w->log_resync)) == NULL)
			w->log_resyncing = false;
		else if (c->pid != 0 && c->phase != WARD_DEAD)
			w->log_resyncing = warden_introduce(w, c, c->pid) &&
			    (c->session == 0 ||
			    warden_introduce(w, c, c->session));
	}
}

/* ---- signals ---- */

static void
stop(struct warden *w)
{
	if (w->stopping)
		return;
	w->stopping = true;
	w->stop_at = w->now + STOP_SERVER_MS;
	parse_cancel(&w->parse);
	log_msg(LOG_INFO, "stop", "told to stop");
	warden_tell_server(w, MSG_STOP, 0, view_of(NULL, 0), NULL, 0);
	listeners_close(&w->listeners);
	warden_control_close(w);
}

static void
take_signal(struct warden *w, uint32_t sig)
{
	switch (sig) {
	case SIGCHLD:
		warden_reap(w);
		break;
	case SIGHUP:
		if (w->stopping)
			break;
		warden_reopen_log(w);
		if (!warden_reload(w))
			log_msg(LOG_ERROR, "reload-failed", "%s",
			    strerror(errno));
		break;
	case SIGUSR2:
		log_msg(LOG_WARN, "upgrade", "SIGUSR2 is not supported yet");
		break;
	default:
		stop(w);
	}
}

static void
signals_ready(struct warden *w)
{
	struct signalfd_siginfo si;

	while (read(w->signals, &si, sizeof(si)) == (ssize_t)sizeof(si))
		take_signal(w, si.ssi_signo);
}

/* ---- time ---- */

static void
kill_cut(struct warden *w)
{
	uint32_t at = 0;
	struct ward *c;

	w->cut_at = 0;
	while ((c = wards_next(w->wards, &at)) != NULL)
		if (c->cut)
			warden_end_login(w, c, true);
}

static void
start_again(struct warden *w)
{
	if (warden_start_server(w))
		return;
	log_msg(LOG_ERROR, "server-start", "%s", strerror(errno));
	warden_server_lost(w);
	w->server_restart = w->now + 1000;
}

/* What is due; the time until the next, -1: nothing is planned. */
static int
tick(struct warden *w)
{
	uint64_t next = signers_tick(&w->signers, w->now);
	uint64_t penalties = warden_penalties_tick(w);
	uint64_t control = warden_control_tick(w);
	uint64_t lookups = warden_lookups_tick(w);

	if (penalties < next)
		next = penalties;
	if (control < next)
		next = control;
	if (lookups < next)
		next = lookups;

	if (w->signers.waiting != 0 && next > w->now + 100)
		next = w->now + 100;	/* a fork that failed */
	if (w->cut_at != 0 && w->cut_at <= w->now)
		kill_cut(w);
	if (w->cut_at != 0 && w->cut_at < next)
		next = w->cut_at;
	if (w->server == 0 && !w->stopping && w->server_restart <= w->now)
		start_again(w);
	if (w->server == 0 && !w->stopping && w->server_restart < next)
		next = w->server_restart;
	if (w->log == 0 && !w->stopping && w->log_restart <= w->now)
		warden_restart_log(w);
	if (w->log == 0 && !w->stopping && w->log_restart < next)
		next = w->log_restart;
	if (w->stopping && w->stop_at < next)
		next = w->stop_at;
	if (w->log_resyncing)
		next = w->now;
	if (next == UINT64_MAX)
		return -1;
	return next <= w->now ? 0 : (int)(next - w->now);
}

/* ---- the loop ---- */

static void
take_event(struct warden *w, const struct epoll_event *e)
{
	uint32_t n = (uint32_t)e->data.u64;

	switch ((enum watch)(e->data.u64 >> 32)) {
	case WATCH_SIGNALS:
		signals_ready(w);
		break;
	case WATCH_SERVER:
		server_ready(w, e->events);
		break;
	case WATCH_LOG:
		log_ready(w, e->events);
		break;
	case WATCH_SIGNER:
		signer_ready(w, n);
		break;
	case WATCH_LOGIN:
		login_ready(w, n);
		break;
	case WATCH_CONTROL:
		warden_control_ready(w, n, e->events);
		break;
	case WATCH_LOOKUP:
		warden_lookup_ready(w, n);
		break;
	}
}

static bool
stopped(const struct warden *w)
{
	return w->stopping && (w->server == 0 || w->now >= w->stop_at);
}

void
warden_loop(struct warden *w)
{
	struct epoll_event ev[EVENTS];

	while (!stopped(w)) {
		int n;

		start_signers(w);
		warden_lookups_start(w);
		if (w->log_resyncing)
			resync_log(w);
		n = epoll_wait(w->epoll, ev, EVENTS, tick(w));
		w->now = warden_clock();
		for (int i = 0; i < n; i++)
			take_event(w, &ev[i]);
	}
}

/* ---- the end ---- */

/* Waits for a child, patiently but not for ever. */
static void
wait_for(pid_t pid, int ms)
{
	for (; pid > 0 && ms > 0; ms -= 10) {
		const struct timespec t = { 0, 10 * 1000000 };
		pid_t got = waitpid(pid, NULL, WNOHANG);

		if (got == pid || (got == -1 && errno == ECHILD))
			return;
		nanosleep(&t, NULL);
	}
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

/* Sessions have read EOF from their server by now and are given a moment to
 * log what they were doing. */
void
warden_finish(struct warden *w)
{
	uint64_t end;

	wait_for(w->server, 10);
	w->server = 0;
	warden_server_lost(w);
	warden_penalties_close(w);
	end = warden_clock() + STOP_SESSIONS_MS;
	while (w->children > 1 && warden_clock() < end) {
		const struct timespec t = { 0, 10 * 1000000 };

		warden_reap(w);
		nanosleep(&t, NULL);
	}
	wait_for(w->penalties_writer, 10);
	log_msg(LOG_INFO, "stopped", "bye");
	outq_close(&w->to_log);
	wait_for(w->log, STOP_LOG_MS);
}
