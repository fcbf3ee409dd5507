/*
 * The warden: root, holder of policy and host keys.  It reads no byte of the
 * network and waits for nobody: one loop over signals, the server, the log
 * process, signers and logins.
 *
 *	warden_start.c	from the command line to the loop
 *	warden.c	the loop, its timers, the end
 *	warden_acts.c	what requests do (struct actions)
 *	warden_reap.c	who has died, and what follows
 *	warden_reload.c	SIGHUP: logs and generations
 *	warden_spawn.c	makes the log process, the server and logins
 */
#ifndef CHROOT_WARDEN_H
#define CHROOT_WARDEN_H

#include <signal.h>

#include "chroot/generation.h"
#include "chroot/listeners.h"
#include "chroot/logd.h"
#include "chroot/login.h"
#include "chroot/outq.h"
#include "chroot/requests.h"
#include "chroot/signer.h"
#include "chroot/state.h"

#define GENERATIONS_KEPT	8	/* whose host keys still sign */

struct warden_options {
	const char *file;
	bool test, to_stderr, debug;
};

/* What an epoll event is about: kind in the upper, number in the lower half
 * of its data. */
enum watch {
	WATCH_SIGNALS, WATCH_SERVER, WATCH_LOG, WATCH_SIGNER, WATCH_LOGIN
};

struct warden {
	struct warden_options opt;
	bool unprivileged;
	char *helper;			/* sallyport-account, or NULL */
	int exe;			/* our own binary, for execveat */
	int empty;			/* the empty directory */
	int epoll, signals, tokens;
	unsigned ntokens;
	uint64_t now;			/* ms, monotonic */
	size_t children;		/* forked and not reaped */
	struct wards *wards;
	struct requests requests;
	struct sandbox files, logging;
	uint8_t delay_secret[32];
	uint8_t *frame;			/* IPC_MAX_FRAME */

	struct generation *gen[GENERATIONS_KEPT];	/* newest first */
	struct parse_job parse;
	bool reload_again;		/* SIGHUP came during a reload */
	struct listeners listeners;
	struct state state;

	pid_t server;
	struct outq to_server;
	uint32_t server_number;		/* counts servers */
	uint64_t server_started, server_restart;	/* 0: not planned */
	unsigned early_deaths;		/* in a row */

	pid_t log;
	uint64_t log_started, log_restart;
	int log_in, log_out;		/* both ends of the event socket */
	struct outq to_log;
	uint32_t log_resync;		/* next ward to tell about */
	bool log_resyncing;

	struct signers signers;
	uint64_t cut_at;		/* when those told to go are killed */
	bool stopping;
	uint64_t stop_at;
};

/* Runs the warden to its end; the exit status of the program. */
int warden_main(const struct warden_options *opt);

/* ---- warden.c ---- */
/* Serves until told to stop; then ends everybody. */
void warden_loop(struct warden *w);
void warden_finish(struct warden *w);
uint64_t warden_clock(void);
bool warden_watch(struct warden *w, int fd, enum watch kind, uint32_t n,
    bool out);
void warden_unwatch(struct warden *w, int fd);
/* Changes what a watched socket waits for. */
void warden_rewatch(struct warden *w, int fd, enum watch kind, uint32_t n,
    bool in, bool out);
/* Sends to the server; a server that does not take it is ended. */
void warden_tell_server(struct warden *w, uint8_t type, uint32_t id,
    struct view body, const int *fds, size_t nfds);
enum log_level warden_level(const struct warden *w);

/* ---- warden_acts.c ---- */
extern const struct actions warden_actions;
void warden_signed(struct warden *w, uint32_t id, struct view sig);
/* Closes the login's socket and, if told so, ends the process. */
void warden_end_login(struct warden *w, struct ward *c, bool kill_it);

/* ---- warden_reap.c ---- */
void warden_reap(struct warden *w);
void warden_server_lost(struct warden *w);
void warden_restart_log(struct warden *w);

/* ---- warden_reload.c ---- */
bool warden_reload(struct warden *w);
void warden_reload_done(struct warden *w, int status);
void warden_reopen_log(struct warden *w);
bool warden_send_generation(struct warden *w);
/* Makes g the newest. */
void warden_push_generation(struct warden *w, struct generation *g);
/* Logs (or prints) each line of text. */
void warden_tell_faults(struct warden *w, struct view text, bool print);

/* ---- warden_spawn.c ---- */
bool warden_start_log(struct warden *w, int target,
    const struct msg_log_target *how);
bool warden_start_server(struct warden *w);
/* Fills pid; false: errno. */
bool warden_fork_login(struct warden *w, struct login_start *s, pid_t *pid);
/* First thing in every child: the secrets of the warden go. */
void warden_forget(struct warden *w);

#endif
