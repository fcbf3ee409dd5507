/*
 * What the warden remembers of each connection, its ward: one fixed record, by
 * the server's number or by the login's pid.  The records lie in memory of
 * their own that no child inherits, so that a login never sees another's.
 */
#ifndef CHROOT_WARDS_H
#define CHROOT_WARDS_H

#include <sys/types.h>

#include "base/messages.h"
#include "base/userauth_msg.h"

#define WARDS_MAX	65536	/* room for limits.connections */
#define WARD_SRC_MAX	64

/* Where a connection stands.  ward_move() alone changes it. */
enum ward_phase {
	WARD_NONE = 1 << 0,	/* no record: nothing signed yet */
	WARD_SIGNED = 1 << 1,	/* session id known, no login yet */
	WARD_LOGIN = 1 << 2,	/* a login process is proving the user */
	WARD_OPEN = 1 << 3,	/* logged in */
	WARD_DEAD = 1 << 4	/* the login has ended: only GONE is left */
};

struct ward {
	uint32_t id;			/* the server's number, never 0 */
	enum ward_phase phase;
	uint32_t generation;		/* at the first MSG_SIGN */
	uint32_t login_generation;	/* whose policy the login has */
	uint8_t session_id[64];
	uint8_t session_id_len;
	bool has_host_key;		/* the hash below */
	uint8_t host_key[32];		/* SHA-256 of the key that was asked to
					 * sign the session id */
	bool signing;			/* an answer is owed */
	bool enough;			/* MSG_ENOUGH has been sent */
	bool cut;			/* told to go; killed if it stays */
	bool gone;			/* judged when its login is reaped */
	bool grace_over;		/* limits.login_grace was exceeded */
	bool crashed;			/* its login, before the proof */
	bool stranger;			/* there is no such user */
	bool blameless;			/* that it fails is not its doing */
	struct net_addr net;		/* the source, from the kernel */
	uint32_t uid;			/* served as, once opened */
	bool may_pty, may_lookup, may_heir;
	uint32_t attempts;		/* that failed */
	pid_t pid;			/* of the login; 0: none */
	/* A session of PAM's: its helper, which is pid once the login has
	 * ended, and the user's process, which is not our child. */
	pid_t heir, session;		/* 0: none */
	bool host;			/* no user of the configuration: an
					 * account of the host, or nobody */
	int sock;			/* to the login, -1: none */
	uint8_t user_len;
	uint8_t user[USERAUTH_MAX_USER];
	char src[WARD_SRC_MAX];
	struct place place;		/* once there is a login */
	uint32_t next_id, next_pid;	/* chains: slot + 1, 0: end */
	uint32_t next_user;		/* of those that were opened */
	bool opened;
};

struct wards;

/* n bytes, zero, that no child inherits; kept until the end.  NULL: none. */
void *wards_private(size_t n);

/* NULL: no memory. */
struct wards *wards_new(void);
void wards_free(struct wards **t);
size_t wards_count(const struct wards *t);
/* A new record in WARD_SIGNED, or NULL if the table is full or the id is
 * taken or 0. */
struct ward *wards_add(struct wards *t, uint32_t id);
/* NULL: unknown.  Valid until wards_remove. */
struct ward *wards_find(struct wards *t, uint32_t id);
struct ward *wards_by_pid(struct wards *t, pid_t pid);
/* Enters the login's pid, or in its place that of who goes on for it. */
void wards_set_pid(struct wards *t, struct ward *c, pid_t pid);
/* Moves to WARD_OPEN, and counts from then on as a session of its user. */
bool wards_open(struct wards *t, struct ward *c) MUST_CHECK;
/* Sessions of a user that are open now. */
size_t wards_sessions(const struct wards *t, struct view user);
/* Forgets the record and sets the caller's pointer to NULL.  The socket must
 * have been closed. */
void wards_remove(struct wards *t, struct ward **c);
/* Walks all records: start with *at = 0, ends with NULL.  The record handed
 * out may be removed before the next call. */
struct ward *wards_next(struct wards *t, uint32_t *at);

/* The one change of phase; false for a move the table does not know. */
bool ward_move(struct ward *c, enum ward_phase to) MUST_CHECK;
struct view ward_user(const struct ward *c);

#endif
