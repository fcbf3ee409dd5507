/*
 * The other end of a command that is served without a program, for the tests
 * of scp and of built-in commands: directory, policy and log are those of
 * tests/unit/sftp_client.h.
 */
#ifndef EXEC_PEER_H
#define EXEC_PEER_H

#include "tests/unit/sftp_client.h"

#define SCP_FROM "channel=7 service=scp "

struct peer {
	struct client c;	/* directory, policy, log */
	struct exec_session *session;
	int in, out, err;	/* our ends; in and out may be one */
	struct wr got, said;	/* what came on out and err, not yet taken */
	enum err end;		/* what ended the session, or OK */
	uint32_t status;	/* once it has ended */
	unsigned turns;		/* calls of exec_session_ready */
};

/* Makes the directory; what the policy allows can be set before peer_run. */
void peer_init(struct peer *p, bool read_only);
void peer_done(struct peer *p);
/* Begins a command with one socket for both ways, as scp has it. */
void peer_run(struct peer *p, const char *line);
/* ... and with three. */
void peer_run_three(struct peer *p, const char *line);
/* Ends the session, whatever it does. */
void peer_drop(struct peer *p);

void peer_send(struct peer *p, struct view v);
#define SAY(p, s) peer_send(p, view_of(s, sizeof(s) - 1))
/* No more will be sent. */
void peer_eof(struct peer *p);
/* Closes our ends, with what may lie there unread. */
void peer_hang_up(struct peer *p);
/* Lets the session work until it waits for us. */
void peer_pump(struct peer *p);
/* The very next bytes are these. */
void peer_expect(struct peer *p, struct view v);
#define HEAR(p, s) peer_expect(p, view_of(s, sizeof(s) - 1))
/* Everything that came on stderr. */
void peer_expect_err(struct peer *p, const char *text);
/* Nothing came, and the session goes on. */
void peer_quiet(struct peer *p);
/* It has said all, and ended with this exit status. */
void peer_ended(struct peer *p, uint32_t status);

#endif
