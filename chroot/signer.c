#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/proctitle.h"
#include "chroot/child.h"
#include "chroot/signer.h"

#define SIG_MAX 4096		/* bytes of a signature blob; fits a pipe */
#define ALG_MAX 64
#define HASH_BYTES 64

struct sign_waiting {
	struct sign_waiting *next;
	struct sign_job job;
	uint8_t alg[ALG_MAX], hash[HASH_BYTES];
};

void
signers_init(struct signers *s)
{
	memset(s, 0, sizeof(*s));
	s->last = &s->first;
	for (size_t i = 0; i < SIGNERS_MAX; i++)
		s->s[i].fd = -1;
}

enum err
signers_add(struct signers *s, const struct sign_job *job)
{
	struct sign_waiting *w;

	if (s->waiting >= SIGNERS_QUEUE || job->alg.n > ALG_MAX ||
	    job->hash.n > HASH_BYTES)
		return ERR_LIMIT;
	if ((w = calloc(1, sizeof(*w))) == NULL)
		return ERR_NOMEM;
	w->job = *job;
	memcpy(w->alg, job->alg.p, job->alg.n);
	memcpy(w->hash, job->hash.p, job->hash.n);
	w->job.alg = view_of(w->alg, job->alg.n);
	w->job.hash = view_of(w->hash, job->hash.n);
	*s->last = w;
	s->last = &w->next;
	s->waiting++;
	return OK;
}

static void sign_child(const struct sign_job *job, int out)
    __attribute__((noreturn));

static void
sign_child(const struct sign_job *job, int out)
{
	struct wr w = wr_new(SIG_MAX);
	int *const keep[] = { &out };
	struct view v;

	proctitle_set("signer");
	if (!child_keep(keep, 1))
		_exit(1);
	if (hostkeys_sign(job->keys, job->key, job->alg, job->hash, &w) != OK
	    || w.bad)
		_exit(1);
	v = wr_view(&w);
	/* One write, less than a pipe takes whole. */
	_exit(write(out, v.p, v.n) == (ssize_t)v.n ? 0 : 1);
}

static void
pop(struct signers *s)
{
	struct sign_waiting *w = s->first;

	if ((s->first = w->next) == NULL)
		s->last = &s->first;
	s->waiting--;
	free(w);
}

int
signers_start(struct signers *s, uint64_t now)
{
	pid_t parent = getpid(), pid;
	size_t i = 0;
	int p[2];

	while (i < SIGNERS_MAX && s->s[i].fd != -1)
		i++;
	if (i == SIGNERS_MAX || s->first == NULL)
		return -1;
	if (pipe2(p, O_CLOEXEC | O_NONBLOCK) == -1)
		return -1;
	if ((pid = fork()) == 0) {
		child_begin(parent);
		sign_child(&s->first->job, p[1]);
	}
	close(p[1]);
	if (pid == -1) {
		close(p[0]);
		return -1;
	}
	s->s[i] = (struct signer){ pid, p[0], s->first->job.id,
	    s->first->job.server, now + SIGNER_MS };
	pop(s);
	return (int)i;
}

void
signers_take(struct signers *s, size_t i, struct wr *out, uint32_t *id_out,
    uint32_t *server_out)
{
	struct signer *g = &s->s[i];
	uint8_t *p = wr_reserve(out, SIG_MAX);
	ssize_t n = p != NULL ? read(g->fd, p, SIG_MAX) : -1;

	if (n > 0)
		wr_commit(out, (size_t)n);
	*id_out = g->id;
	*server_out = g->server;
	close(g->fd);
	*g = (struct signer){ .fd = -1 };
}

uint64_t
signers_tick(struct signers *s, uint64_t now)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < SIGNERS_MAX; i++) {
		struct signer *g = &s->s[i];

		if (g->fd == -1)
			continue;
		if (g->deadline <= now) {
			kill(g->pid, SIGKILL);
			g->deadline = UINT64_MAX;
		}
		if (g->deadline < next)
			next = g->deadline;
	}
	return next;
}

void
signers_drop_keys(struct signers *s, const struct hostkeys *keys)
{
	struct sign_waiting **at = &s->first;

	while (*at != NULL) {
		struct sign_waiting *w = *at;

		if (w->job.keys != keys) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		free(w);
		s->waiting--;
	}
	s->last = at;
}
