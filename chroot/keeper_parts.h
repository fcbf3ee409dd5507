/*
 * Inside of the keeper:
 *
 *	keeper.c	the loop, what comes from server and warden
 *	keeper_run.c	programs: their start and their end
 *	keeper_flows.c	forwarded connections
 *	keeper_say.c	what users are told
 *	keeper_files.c	the sealed child that serves files
 *	keeper_end.c	the end of everything
 */
#ifndef CHROOT_KEEPER_PARTS_H
#define CHROOT_KEEPER_PARTS_H

#include "base/messages.h"
#include "chroot/flows.h"
#include "chroot/keeper.h"

/* Programs at a time whose leader has not ended, also of channels that are
 * closed; a client that closes and starts again comes to an end. */
#define RUNS_MAX	256
#define RUN_TEXT_MAX	1024	/* of a command, in the log */

/* A program of a channel, running or waiting for its terminal. */
struct run {
	struct run *next;
	uint32_t channel;
	uint8_t kind;			/* enum msg_start */
	bool forced;			/* not what the client asked for */
	bool closed;			/* the server has closed the channel */
	char *command;			/* for the shell; NULL: a login shell */
	/* until it runs */
	struct wr body;			/* the server's message */
	struct msg_open open;		/* its fields, in there */
	/* of one that runs */
	pid_t pid;			/* and process group; 0: waits */
	int master;			/* of its terminal, or -1 */
	uint32_t pty;			/* number, if there is a master */
	uint64_t since;			/* ms */
};

/* A channel that the child serves. */
struct files_channel {
	uint32_t channel;
	int ours[2];			/* for the server, until it has them;
					 * stderr's may be -1 */
};

struct keeper {
	const struct keeper_start *start;
	const struct session_start *session;
	int server, warden;		/* -1: gone */
	int signals;			/* signalfd for SIGCHLD */
	struct run *runs;
	size_t nruns;
	/* the child that serves files */
	pid_t files;			/* 0: there is none */
	int files_sock;
	bool files_known;		/* to the log */
	struct files_channel *files_channels;	/* open there */
	size_t nfiles, files_cap;
	struct flows *flows;		/* NULL: there are none */
	bool hurry;
	uint8_t *frame;			/* IPC_MAX_FRAME */
};

uint64_t keeper_clock(void);
/* One frame to the server; a server that does not take it has gone. */
void keeper_tell(struct keeper *k, uint8_t type, uint32_t channel,
    const struct wr *body, const int *fds, size_t nfds);
/* Stream sockets for what is no program: [0] is the server's end.  err NULL:
 * one pair will do. */
bool keeper_sockets(int out[2], int err[2]);
/* Takes what the warden says now. */
void keeper_read_warden(struct keeper *k);
/* Logs why, and tells the server that the channel is not served. */
void keeper_refuse(struct keeper *k, uint32_t channel,
    const struct msg_open *m, const char *why);

/* ---- keeper_run.c ---- */
struct run *run_find(struct keeper *k, uint32_t channel);
/* Begins one: at once, or with a question to the warden.  Copies the body of
 * the server's message.  command.p NULL: a login shell. */
void run_begin(struct keeper *k, uint32_t channel, struct view body,
    struct view command, bool forced);
/* Does one wait for a terminal? */
bool run_waits(struct keeper *k);
/* The terminal for the one that waits longest; fds -1: there is none. */
void run_terminal(struct keeper *k, uint32_t number, int master, int slave);
void run_window(const struct run *r, const struct msg_window *m);
void run_signal(const struct run *r, struct view name);
void run_break(const struct run *r);
/* The channel is closed: pipes are the server's, the terminal hangs up. */
void run_close(struct keeper *k, struct run *r);
void run_ended(struct keeper *k, struct run *r, int status);
/* By pid; NULL: none of these. */
struct run *run_by_pid(struct keeper *k, pid_t pid);

/* The home of programs. */
const char *run_home(const struct keeper *k);

/* ---- keeper_flows.c ---- */
/* False: they are wanted, and cannot be. */
bool keeper_flows(struct keeper *k) MUST_CHECK;

/* ---- keeper_say.c ---- */
/* A program that cannot be run: the user is told why, and the channel ends
 * with the status. */
void say_failure(struct keeper *k, const struct run *r, int status,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
/* What a login shell shows first, on a terminal. */
void say_motd(const struct keeper *k, int slave);

/* ---- keeper_files.c ---- */
/* Passes a start on, with sockets made for it; exec: stderr has its own.
 * False: there is no such child, nor can one be made. */
bool files_open(struct keeper *k, uint32_t channel, struct view body,
    bool exec);
bool files_has(const struct keeper *k, uint32_t channel);
/* What the child says. */
void files_ready(struct keeper *k);
void files_hurry(struct keeper *k);
/* It has ended: its channels have. */
void files_gone(struct keeper *k);

/* ---- keeper_end.c ---- */
/* Reaps who has ended. */
void keeper_reap(struct keeper *k);
/* The server has gone. */
void keeper_end(struct keeper *k) __attribute__((noreturn));

#endif
