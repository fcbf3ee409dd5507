/*
 * RSA signatures take milliseconds: they are made in children, a few at a
 * time, and the rest waits its turn.
 */
#ifndef CHROOT_SIGNER_H
#define CHROOT_SIGNER_H

#include <sys/types.h>

#include "chroot/hostkeys.h"

#define SIGNERS_MAX	8	/* children at a time */
#define SIGNERS_QUEUE	65536	/* jobs that wait; one per connection */
#define SIGNER_MS	20000	/* a child that takes longer is killed */

struct sign_job {
	uint32_t id;		/* connection */
	uint32_t server;	/* which server process asked */
	const struct hostkeys *keys;
	uint8_t key;
	struct view alg, hash;	/* copied by signers_add */
};

struct sign_waiting;
struct signer {
	pid_t pid;		/* 0: free place */
	int fd;
	uint32_t id, server;
	uint64_t deadline;
};
struct signers {
	struct signer s[SIGNERS_MAX];
	struct sign_waiting *first, **last;
	size_t waiting;
};

void signers_init(struct signers *s);
/* Queues a job.  ERR_LIMIT, ERR_NOMEM. */
enum err signers_add(struct signers *s, const struct sign_job *job)
    MUST_CHECK;
/* Starts the next waiting job if a place is free; the place, or -1. */
int signers_start(struct signers *s, uint64_t now);
/* A job at place i is readable: its signature (empty: it failed) goes to
 * out, id and server say whose; the place is free again. */
void signers_take(struct signers *s, size_t i, struct wr *out,
    uint32_t *id_out, uint32_t *server_out);
/* Kills what is over its deadline (its pipe then ends); the next deadline,
 * UINT64_MAX if none. */
uint64_t signers_tick(struct signers *s, uint64_t now);
/* Forgets jobs that still wait and use these keys. */
void signers_drop_keys(struct signers *s, const struct hostkeys *keys);

#endif
