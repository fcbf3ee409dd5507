#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/roles.h"
#include "chroot/child.h"
#include "chroot/warden.h"

#define LOG_BUFFER (4 * 1024 * 1024)	/* events under way, in bytes */

void
warden_forget(struct warden *w)
{
	for (size_t i = 0; i < GENERATIONS_KEPT; i++)
		if (w->gen[i] != NULL)
			generation_forget_keys(w->gen[i]);
	wipe(w->delay_secret, sizeof(w->delay_secret));
}

/* ---- the log process ---- */

/* Both ends stay here: what is under way when the log process dies is read
 * by the next one. */
static bool
make_event_socket(struct warden *w)
{
	int p[2], size = LOG_BUFFER, on = 1;

	if (w->log_in != -1)
		return true;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, p) == -1)
		return false;
	if (setsockopt(p[1], SOL_SOCKET, SO_SNDBUFFORCE, &size,
	    sizeof(size)) == -1)
		setsockopt(p[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (setsockopt(p[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == -1) {
		close(p[0]);
		close(p[1]);
		return false;
	}
	w->log_in = p[0];
	w->log_out = p[1];
	return true;
}

static void log_child(struct warden *w, struct logd_start *s)
    __attribute__((noreturn));

static void
log_child(struct warden *w, struct logd_start *s)
{
	int *const keep[] = { &s->events, &s->control, &s->target, &s->root };

	child_begin(s->parent);
	warden_forget(w);
	if (!child_keep(keep, 4) || !child_stdio(true))
		_exit(1);
	log_open(-1, LOG_ERROR);
	logd_main(s);
}

bool
warden_start_log(struct warden *w, int target,
    const struct msg_log_target *how)
{
	const struct config_main *m = config_main(w->gen[0]->config);
	struct logd_start s = {
		.target = target, .how = *how, .root = w->empty,
		.uid = w->unprivileged ? geteuid() : m->server_uid,
		.gid = w->unprivileged ? getegid() : m->server_gid,
		.unprivileged = w->unprivileged, .sandbox = &w->logging,
		.parent = getpid(),
	};
	int control[2];

	if (!make_event_socket(w) || ipc_pair(control, true) != OK)
		return false;
	s.events = w->log_in;
	s.control = control[1];
	if ((w->log = fork()) == 0)
		log_child(w, &s);
	close(control[1]);
	if (w->log == -1) {
		w->log = 0;
		close(control[0]);
		return false;
	}
	w->children++;
	w->log_started = w->now;
	outq_open(&w->to_log, control[0]);
	log_open(w->log_out, warden_level(w));
	return warden_watch(w, control[0], WATCH_LOG, 0, false);
}

/* ---- the server ---- */

/* What a server may know of our environment. */
#define SERVER_ENV	3
static void
server_environment(char *env[SERVER_ENV + 1])
{
	static const char *const names[SERVER_ENV] = {
		"TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS",
	};
	size_t n = 0;

	for (size_t i = 0; i < SERVER_ENV; i++) {
		const char *v = getenv(names[i]);

		if (v != NULL && asprintf(&env[n], "%s=%s", names[i], v) != -1)
			n++;
	}
	env[n] = NULL;
}

/* All that the child wants of the configuration, whose mapping it does not
 * have: read before the fork. */
struct server_start {
	uint32_t uid, gid;
	enum log_level level;
	int sock;
	pid_t parent;
};

static void server_child(struct warden *w, struct server_start *s)
    __attribute__((noreturn));

static void
server_child(struct warden *w, struct server_start *s)
{
	char uid[32], gid[32], level[32], *env[SERVER_ENV + 1];
	char *argv[] = {
		(char *)(uintptr_t)"sallyportd", (char *)(uintptr_t)ROLE_SERVER,
		uid, gid, level, NULL, NULL,
	};
	int *const keep[] = { &s->sock, &w->log_out, &w->empty, &w->exe };

	snprintf(uid, sizeof(uid), "--uid=%u", s->uid);
	snprintf(gid, sizeof(gid), "--gid=%u", s->gid);
	snprintf(level, sizeof(level), "--level=%u", (unsigned)s->level);
	if (w->unprivileged)
		argv[5] = (char *)(uintptr_t)"--unprivileged";
	child_begin(s->parent);
	warden_forget(w);
	if (!child_keep(keep, 4) ||
	    !child_stdio(w->opt.to_stderr || w->opt.debug) ||
	    fcntl(ROLE_FD_WARDEN, F_SETFD, 0) == -1 ||
	    fcntl(ROLE_FD_LOG, F_SETFD, 0) == -1 ||
	    fcntl(ROLE_FD_ROOT, F_SETFD, 0) == -1)
		_exit(126);
	server_environment(env);
	execveat(w->exe, "", argv, env, AT_EMPTY_PATH);
	_exit(127);
}

bool
warden_start_server(struct warden *w)
{
	const struct config_main *m = config_main(w->gen[0]->config);
	struct server_start s = {
		.uid = w->unprivileged ? geteuid() : m->server_uid,
		.gid = w->unprivileged ? getegid() : m->server_gid,
		.level = warden_level(w), .parent = getpid(),
	};
	struct log_ev e;
	int pair[2];

	if (ipc_pair(pair, true) != OK)
		return false;
	s.sock = pair[1];
	if ((w->server = fork()) == 0)
		server_child(w, &s);
	close(pair[1]);
	if (w->server == -1) {
		w->server = 0;
		close(pair[0]);
		return false;
	}
	w->children++;
	w->server_number++;
	w->server_started = w->now;
	w->server_restart = 0;
	outq_open(&w->to_server, pair[0]);
	log_begin(&e, LOG_INFO, "server-started");
	log_num(&e, "pid", (uint64_t)w->server);
	log_send(&e);
	if (!warden_watch(w, pair[0], WATCH_SERVER, 0, false) ||
	    !warden_send_generation(w))
		return false;
	warden_penalties_send(w);
	return true;
}

/* ---- logins ---- */

bool
warden_fork_login(struct warden *w, struct login_start *s, pid_t *pid)
{
	s->parent = getpid();
	s->log = w->log_out;
	s->log_control = w->to_log.fd;
	s->tokens = w->tokens;
	s->users = w->state.users;
	s->ntokens = w->ntokens;
	s->unprivileged = w->unprivileged;
	s->sandbox = w->sessions;
	s->helper = w->helper;
	s->exe = w->exe;
	memcpy(s->delay_secret, w->delay_secret, sizeof(s->delay_secret));
	if ((*pid = fork()) == 0) {
		child_begin(s->parent);
		warden_forget(w);
		login_main(s);
	}
	if (*pid == -1)
		return false;
	w->children++;
	return true;
}
