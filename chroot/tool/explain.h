/*
 * What `sallyport explain` has found out about one user, to be printed for
 * people or programs.
 */
#ifndef CHROOT_TOOL_EXPLAIN_H
#define CHROOT_TOOL_EXPLAIN_H

#include <stdio.h>

#include "auth/auth.h"
#include "base/config.h"
#include "chroot/userstore.h"

#define EXPLAIN_KEYS	64	/* of a policy */
#define EXPLAIN_WAYS	16	/* entries of auth */
#define EXPLAIN_FAULTS	8

/* A key of the policy; texts are malloc'ed copies. */
struct explain_key {
	struct config_origin o;
	char *file, *group, *value;
};

struct explain_step {
	enum auth_method method;
	bool could;
	struct {
		bool good;
		char *text;
	} *line;
	size_t n;
};

struct explain_way {
	struct explain_step step[POLICY_CHAIN_MAX];
	size_t nsteps;
	bool could;
};

struct explanation {
	/* what was asked */
	const char *file, *user;
	const char *from;		/* NULL: from anywhere */
	const char *listen;		/* as written, or the first */
	const char *at;			/* NULL: now */
	struct sockaddr_storage peer, local;
	struct calendar_date date;
	bool listens;			/* local is an address of ours */
	char listen_text[128];
	/* what came out */
	int64_t now;
	struct policy *policy;		/* NULL: no such user, */
	const char *nobody;		/* because of this */
	struct auth_account account;	/* of the host; has policy, if it is
					 * no user's */
	int users;			/* what is remembered of them; -1 */
	struct userstore store;
	bool remembers;			/* store is to be asked */
	struct explain_key key[EXPLAIN_KEYS];
	size_t nkeys;
	struct explain_way way[EXPLAIN_WAYS];
	size_t nways;
	struct {
		const char *key;	/* of the policy; NULL: of none */
		const char *why;
	} fault[EXPLAIN_FAULTS];
	size_t nfaults;
	char jail[1024];		/* why, of a fault */
	bool could;
};

/* explain_host.c: policy, or nobody, of who is no user. */
struct host_rules;
void explain_host(struct explanation *x, const struct host_rules *r);
/* explain_text.c, explain_json.c */
void explain_text(const struct explanation *x, FILE *to);
void explain_json(const struct explanation *x, FILE *to);
/* "publickey+password"; out has n >= 128 bytes. */
void explain_way_name(const struct explain_way *w, char *out, size_t n);
/* The key of that name, or NULL. */
const struct explain_key *explain_find(const struct explanation *x,
    const char *key);

#endif
