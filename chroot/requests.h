/*
 * Everything that the server and the login processes may ask of the warden:
 * a table of messages with the phase in which each is legal, and one reader
 * that refuses the rest.  A refused request costs the asker its life, never
 * the warden.  What a legal request does is behind struct actions, so that
 * this file can be tested and fuzzed alone.
 */
#ifndef CHROOT_REQUESTS_H
#define CHROOT_REQUESTS_H

#include "chroot/wards.h"

/*
 * The acts.  None of them may remove the record it is given but `gone`.
 * Those that return err: anything but OK ends the asker.
 */
struct actions {
	/* Sign m->hash and answer with MSG_SIGNED, now or later. */
	enum err (*sign)(void *ctx, struct ward *c, const struct msg_sign *m);
	/* The table is full: answer connection `id` with an empty signature. */
	enum err (*sign_refused)(void *ctx, uint32_t id);
	/* Make a login process; tcp and peer are the callee's to close.  A
	 * failure that is not the server's fault is answered with
	 * MSG_LOGIN_FAILED, and OK. */
	enum err (*login)(void *ctx, struct ward *c,
	    const struct msg_login *m, int tcp, int peer);
	/* The connection has ended: close, kill, remove the record. */
	void (*gone)(void *ctx, struct ward **c);
	/* An offence of a source whose address the server alone has. */
	enum err (*offence)(void *ctx, const struct msg_offence *m);
	/* An attempt: log it, and send MSG_ENOUGH if `enough`. */
	enum err (*attempt)(void *ctx, struct ward *c,
	    const struct msg_attempt *m, bool enough);
	/* The user has proved who they are: answer with MSG_GO and set
	 * *go_out, or with MSG_NO, or MSG_POLICY, after which it is asked
	 * again. */
	enum err (*authenticated)(void *ctx, struct ward *c, bool *go_out);
	/* A terminal for the session: answer with MSG_PTY_MADE. */
	enum err (*pty)(void *ctx, struct ward *c);
	/* ... which it gives back.  Not OK: it had none of that number. */
	enum err (*pty_done)(void *ctx, struct ward *c, uint32_t number);
	/* A child of the session: the log is told, MSG_CHILD_KNOWN answers. */
	enum err (*child)(void *ctx, struct ward *c, pid_t pid);
	/* A host's name: answer with MSG_FOUND, now or later. */
	enum err (*lookup)(void *ctx, struct ward *c,
	    const struct msg_lookup *m);
	/* Another process will go on in the login's place: answered by
	 * MSG_NOTED. */
	enum err (*heir)(void *ctx, struct ward *c, const struct msg_heir *m);
};

struct requests {
	struct wards *wards;
	const struct actions *act;
	void *ctx;
	uint32_t max_wards;	/* records at a time */
	uint32_t max_attempts;	/* failures of one connection; 0: no limit */
	const char *refused;	/* why, static; after anything but OK */
};

/* One frame from the server; takes the descriptors it keeps out of msg.
 * Anything but OK: the server is to be ended. */
enum err requests_server(struct requests *r, struct ipc_msg *msg) MUST_CHECK;
/* One frame from the login process of c.  Not OK: end that login. */
enum err requests_login(struct requests *r, struct ward *c,
    struct ipc_msg *msg) MUST_CHECK;

#endif
