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
 *	warden_lookups.c names of hosts for sessions
 *	warden_control.c the operator's tool
 *	warden_penalties.c who misbehaved, and for how long they are barred
 *	warden_spawn.c	makes the log process, the server and logins
 */
#ifndef CHROOT_WARDEN_H
#define CHROOT_WARDEN_H

#include <signal.h>

#include "chroot/control_requests.h"
#include "chroot/control_socket.h"
#include "chroot/generation.h"
#include "chroot/listeners.h"
#include "chroot/logd.h"
#include "chroot/login.h"
#include "chroot/lookups.h"
#include "chroot/outq.h"
#include "chroot/ptys.h"
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
	WATCH_SIGNALS, WATCH_SERVER, WATCH_LOG, WATCH_SIGNER, WATCH_LOGIN,
	WATCH_CONTROL, WATCH_LOOKUP
};

#define CONTROL_CLIENTS	16	/* operators at a time */

/* One who asks; nothing is read from it while it is being answered. */
struct control_client {
	int fd;				/* -1: free */
	uid_t uid;
	uint64_t moved;			/* when it last asked or read, ms */
	struct control_job job;
	uint8_t type;			/* of the frame that waits */
	struct wr frame;		/* empty: none waits */
};

/* A process that a session has made, and that logs. */
struct kid {
	pid_t session, pid;
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
	struct sandbox sessions[SANDBOX_SESSIONS], logging;
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

	struct control_socket control;
	struct control_client operators[CONTROL_CLIENTS];

	struct penalties *penalties;
	struct wr barred;		/* MSG_BARRED entries to be sent */
	size_t nbarred;
	bool closed4, closed6;		/* as the server has been told */
	pid_t penalties_writer;		/* 0: none */
	uint64_t penalties_write;	/* when the file is due; 0: it is not */
	bool penalties_unsaved;		/* the last one failed: told once */

	struct signers signers;
	struct lookups lookups;
	struct ptys ptys;		/* that sessions have */
	struct kid *kids;		/* at most one of a session */
	size_t nkids, kids_cap;
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
/* Tells the log process that pid speaks for c; false: it could not. */
bool warden_introduce(struct warden *w, const struct ward *c, pid_t pid);
enum log_level warden_level(const struct warden *w);

/* ---- warden_acts.c ---- */
extern const struct actions warden_actions;
void warden_signed(struct warden *w, uint32_t id, struct view sig);
/* Closes the login's socket and, if told so, ends the process. */
void warden_end_login(struct warden *w, struct ward *c, bool kill_it);

/* Judges a connection that has ended, and forgets it. */
void warden_part(struct warden *w, struct ward **c);

/* Tells the log whose events these are. */
void warden_log_child(struct warden *w, struct ward *c, pid_t pid);

/* ---- warden_ptys.c ---- */
enum err warden_pty(struct warden *w, struct ward *c);
enum err warden_pty_done(struct warden *w, struct ward *c, uint32_t number);
/* The ward has ended: so have its terminals. */
void warden_ptys_gone(struct warden *w, uint32_t ward);

/* ---- warden_lookups.c ---- */
void warden_lookup(struct warden *w, struct ward *c,
    const struct msg_lookup *m);
/* Starts those that can be started. */
void warden_lookups_start(struct warden *w);
void warden_lookup_ready(struct warden *w, uint32_t i);
uint64_t warden_lookups_tick(struct warden *w);

/* ---- warden_reap.c ---- */
void warden_reap(struct warden *w);
void warden_server_lost(struct warden *w);
void warden_restart_log(struct warden *w);

/* ---- warden_control.c ---- */
void warden_control_init(struct warden *w);
/* Waits for operators on w->control. */
bool warden_control_watch(struct warden *w);
/* n: 0 for the listening socket, else 1 + the operator's number. */
void warden_control_ready(struct warden *w, uint32_t n, uint32_t events);
uint64_t warden_control_tick(struct warden *w);
/* Nobody is listened to any more. */
void warden_control_close(struct warden *w);

/* ---- warden_penalties.c ---- */
/* A table with what the state folder remembers.  False: no memory. */
bool warden_penalties_open(struct warden *w) MUST_CHECK;
/* The newest generation's rules, for us and the server. */
void warden_penalties_configure(struct warden *w);
/* Everything, for a server that has just been started. */
void warden_penalties_send(struct warden *w);
void warden_offence(struct warden *w, const struct net_addr *src,
    enum penalty_reason reason);
/* The connection has ended: what it has done, if it has not logged in.  c may
 * be a copy. */
void warden_judge(struct warden *w, const struct ward *c);
/* Frees the sources that overlap r (NULL: all); how many they were. */
size_t warden_penalties_clear(struct warden *w, const struct net_range *r);
/* Does what is due; when to come again. */
uint64_t warden_penalties_tick(struct warden *w);
void warden_penalties_reaped(struct warden *w, int status);
/* Writes the file for the last time; another process does, and is waited for
 * by the caller. */
void warden_penalties_close(struct warden *w);

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
