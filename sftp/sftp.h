/*
 * The session entry of sftp/: what a login process calls once it is the user
 * in the user's jail.  sftp/ sees no key and no configuration: only this.
 */
#ifndef SFTP_SFTP_H
#define SFTP_SFTP_H

#include "base/buf.h"

/* Checksums, lent by the caller: sftp/ knows no cryptography.  `new` takes the
 * name of the function ("md5", "sha1", "sha256", "sha384", "sha512") and tells
 * how many bytes it gives, at most SFTP_HASH_MAX; NULL if there is none, or no
 * memory.  `final` writes that many, and frees *h like `free`. */
#define SFTP_HASH_MAX	64
struct hash;
struct sftp_hash {
	struct hash *(*new)(const char *name, size_t *len_out);
	bool (*update)(struct hash *h, struct view v);
	bool (*final)(struct hash **h, uint8_t out[SFTP_HASH_MAX]);
	void (*free)(struct hash **h);
};

struct jail_policy {
	const char *user;	/* for expand-path and the log */
	const char *home;	/* absolute inside the jail; "/" with a jail */
	const char *start;	/* where relative names begin; inside */
	uint32_t uid, gid;
	bool sftp;		/* may sessions ask for SFTP at all */
	bool scp;		/* ... for the old scp */
	uint32_t builtins;	/* ... for these: exec_builtin_bit */
	const struct sftp_hash *hash;	/* for them; NULL: no checksums */
	bool read_only;		/* nothing is changed (later rules hang here) */
};

/*
 * Serves SFTP version 3 over one duct until it ends, and others beside it:
 * one login process serves all the SFTP channels of its connection from one
 * poll loop.
 */
struct sftp_session;

/* duct: a stream socket; the session owns it from here on.  policy is
 * borrowed and must outlive the session.  The process must ignore SIGXFSZ;
 * it stands in the start directory (relative names begin there).  channel: the
 * server's number, for the log.  NULL: no memory (duct is closed). */
struct sftp_session *sftp_session_new(const struct jail_policy *policy,
    int duct, uint32_t channel);
/* For the caller's poll(2): descriptor and events wanted now.  One that has
 * hung up and wants POLLOUT is to be called again whatever poll() says. */
int sftp_session_fd(const struct sftp_session *s);
short sftp_session_events(const struct sftp_session *s);
/* poll() said `revents`.  Takes all requests that have arrived (bounded by
 * the room for answers), then answers.  ERR_CLOSED: ended in order;
 * ERR_PROTO: the client broke the framing; either way free it. */
enum err sftp_session_ready(struct sftp_session *s, short revents) MUST_CHECK;
/* The client has gone.  What it asked for before is still being done, unheard,
 * and then sftp_session_ready says ERR_CLOSED; how long that may take is the
 * caller's to decide. */
bool sftp_session_hung_up(const struct sftp_session *s);
/* For when nothing has happened for a while (a second, say): gives back what
 * busy buffers hold although files are still open.  Optional. */
void sftp_session_trim(struct sftp_session *s);
/* Closes all handles; transfers that were open are logged as aborted. */
void sftp_session_free(struct sftp_session **s);

/*
 * Commands that are served without a program: the old scp, and the built-in
 * ones that the policy lists.
 */
struct exec_session;

enum exec_answer {
	EXEC_SERVED,	/* exec_session_new will */
	EXEC_NO_SCP,	/* it would, but the policy does not allow it */
	EXEC_NO_BUILTIN,	/* likewise, a built-in command */
	EXEC_UNKNOWN	/* not a command of these */
};
/* What is to become of this command line. */
enum exec_answer exec_ask(const struct jail_policy *p, struct view line);
/* The names of built-in commands, NULL past the last; the bit of one. */
const char *exec_builtin_name(size_t i);
uint32_t exec_builtin_bit(const char *name);

/* Stream sockets.  in and out may be one; err -1: complaints go to out. */
struct exec_fds {
	int in, out, err;
};
/* As for SFTP: the descriptors are the session's from here on, policy is
 * borrowed.  NULL: no memory (the descriptors are closed). */
struct exec_session *exec_session_new(const struct jail_policy *policy,
    struct view line, struct exec_fds fd, uint32_t channel);
/* The descriptor to poll may be another each time; of one that has hung up,
 * as above. */
int exec_session_fd(const struct exec_session *s);
short exec_session_events(const struct exec_session *s);
/* ERR_CLOSED: ended, exec_session_status says how; others: broken off. */
enum err exec_session_ready(struct exec_session *s, short revents) MUST_CHECK;
bool exec_session_hung_up(const struct exec_session *s);
/* Exit status; 1 if the command was broken off. */
uint32_t exec_session_status(const struct exec_session *s);
/* A transfer under way is logged as aborted. */
void exec_session_free(struct exec_session **s);

#endif
