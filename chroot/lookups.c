#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/privdrop.h"
#include "chroot/child.h"
#include "chroot/lookups.h"

struct lookup_waiting {
	struct lookup_waiting *next;
	struct lookup_job job;		/* its views point behind this */
	uint64_t late;
};

static size_t
waiting_of(const struct lookups *l, struct view user)
{
	size_t n = 0;

	for (const struct lookup_waiting *w = l->first; w != NULL;
	    w = w->next)
		n += view_eq(w->job.user, user);
	return n;
}

static size_t
running_of(const struct lookups *l, struct view user)
{
	size_t n = 0;

	for (size_t i = 0; i < LOOKUPS_MAX; i++)
		n += l->at[i].fd != -1 && view_eq(view_of(l->at[i].user,
		    l->at[i].user_len), user);
	return n;
}

static bool
make_places(struct lookups *l)
{
	if (l->at != NULL)
		return true;
	if ((l->at = calloc(LOOKUPS_MAX, sizeof(*l->at))) == NULL)
		return false;
	for (size_t i = 0; i < LOOKUPS_MAX; i++)
		l->at[i].fd = -1;
	return true;
}

enum err
lookups_add(struct lookups *l, const struct lookup_job *job, uint64_t now)
{
	struct lookup_waiting *w, **end = &l->first;
	uint8_t *copy;

	if (l->waiting >= LOOKUPS_WAITING ||
	    job->user.n > USERAUTH_MAX_USER ||
	    waiting_of(l, job->user) >= LOOKUPS_WAITING_USER)
		return ERR_LIMIT;
	if (!make_places(l) || (w = malloc(sizeof(*w) + job->user.n +
	    job->name.n)) == NULL)
		return ERR_NOMEM;
	copy = (uint8_t *)(w + 1);
	*w = (struct lookup_waiting){ .job = *job,
	    .late = now + LOOKUP_WAIT_MS };
	if (job->user.n != 0)
		memcpy(copy, job->user.p, job->user.n);
	memcpy(copy + job->user.n, job->name.p, job->name.n);
	w->job.user.p = copy;
	w->job.name.p = copy + job->user.n;
	while (*end != NULL)
		end = &(*end)->next;
	*end = w;
	l->waiting++;
	return OK;
}

static void
drop(struct lookups *l, struct lookup_waiting **at)
{
	struct lookup_waiting *w = *at;

	*at = w->next;
	l->waiting--;
	free(w);
}

/* ---- the helper ---- */

static void helper_child(const struct lookup_how *how, pid_t parent, int sock)
    __attribute__((noreturn));

static void
helper_child(const struct lookup_how *how, pid_t parent, int sock)
{
	static char path[] = "PATH=/usr/bin:/bin";
	char *const envp[] = { path, NULL };
	char *const argv[] = {
		(char *)(uintptr_t)"sallyport-account",
		(char *)(uintptr_t)"--lookup", NULL,
	};
	const struct privdrop d = {
		.root_fd = -1, .uid = how->uid, .gid = how->gid, .seal = true,
	};
	int *const keep[] = { &sock };
	const char *why;

	child_begin(parent);
	how->forget(how->ctx);
	if (!child_keep(keep, 1) || !child_stdio(false) ||
	    (how->drop && privdrop(&d, &why) != OK) ||
	    !privdrop_die_with(parent, SIGKILL) ||
	    fcntl(sock, F_SETFD, 0) == -1)	/* it is 3 by now */
		_exit(126);
	execve(how->helper, argv, envp);
	_exit(127);
}

/* The name is in the socket before there is anybody to read it. */
static bool
start_helper(struct lookup *at, struct view name,
    const struct lookup_how *how)
{
	pid_t parent = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return false;
	if (send(pair[0], name.p, name.n, MSG_NOSIGNAL | MSG_DONTWAIT) !=
	    (ssize_t)name.n)
		goto fail;
	if ((at->pid = fork()) == 0)
		helper_child(how, parent, pair[1]);
	if (at->pid == -1)
		goto fail;
	close(pair[1]);
	at->fd = pair[0];
	return true;
fail:
	close(pair[0]);
	close(pair[1]);
	return false;
}

static struct lookup_waiting **
next_to_start(struct lookups *l)
{
	struct lookup_waiting **at = &l->first;

	while (*at != NULL &&
	    running_of(l, (*at)->job.user) >= LOOKUPS_PER_USER)
		at = &(*at)->next;
	return *at != NULL ? at : NULL;
}

int
lookups_start(struct lookups *l, uint64_t now, const struct lookup_how *how)
{
	struct lookup_waiting **w;
	size_t i = 0;

	if (l->first == NULL)
		return -1;
	while (i < LOOKUPS_MAX && l->at[i].fd != -1)
		i++;
	if (i == LOOKUPS_MAX || (w = next_to_start(l)) == NULL ||
	    !start_helper(&l->at[i], (*w)->job.name, how))
		return -1;
	l->at[i].ward = (*w)->job.ward;
	l->at[i].number = (*w)->job.number;
	l->at[i].deadline = now + LOOKUP_MS;
	l->at[i].user_len = (uint8_t)(*w)->job.user.n;
	if ((*w)->job.user.n != 0)
		memcpy(l->at[i].user, (*w)->job.user.p, (*w)->job.user.n);
	drop(l, w);
	return (int)i;
}

/* ---- answers ---- */

/* One more than the longest, to see what is longer. */
#define ANSWER_MAX	(MSG_FOUND_MAX * 18 + 1)

bool
lookups_take(struct lookups *l, size_t i, struct msg_found *out,
    uint32_t *ward_out)
{
	struct lookup *at = &l->at[i];
	uint8_t bytes[ANSWER_MAX];
	ssize_t n = recv(at->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0 || !get_addresses(view_of(bytes, (size_t)n), out))
		out->n = 0;
	out->number = at->number;
	out->status = out->n != 0 ? FOUND_SOME :
	    at->deadline == UINT64_MAX ? FOUND_LATE : FOUND_NONE;
	*ward_out = at->ward;
	close(at->fd);
	*at = (struct lookup){ .fd = -1 };
	return *ward_out != 0;
}

bool
lookups_late(struct lookups *l, uint64_t now, struct msg_found *out,
    uint32_t *ward_out)
{
	/* The first has waited longest. */
	if (l->first == NULL || l->first->late > now)
		return false;
	*out = (struct msg_found){ .number = l->first->job.number,
	    .status = FOUND_BUSY };
	*ward_out = l->first->job.ward;
	drop(l, &l->first);
	return true;
}

uint64_t
lookups_tick(struct lookups *l, uint64_t now)
{
	uint64_t next = l->first != NULL ? l->first->late : UINT64_MAX;

	for (size_t i = 0; l->at != NULL && i < LOOKUPS_MAX; i++) {
		struct lookup *at = &l->at[i];

		if (at->fd == -1)
			continue;
		if (at->deadline <= now) {
			kill(at->pid, SIGKILL);
			at->deadline = UINT64_MAX;
		}
		if (at->deadline < next)
			next = at->deadline;
	}
	return next;
}

void
lookups_gone(struct lookups *l, uint32_t ward)
{
	struct lookup_waiting **at = &l->first;

	while (*at != NULL)
		if ((*at)->job.ward == ward)
			drop(l, at);
		else
			at = &(*at)->next;
	for (size_t i = 0; l->at != NULL && i < LOOKUPS_MAX; i++)
		if (l->at[i].fd != -1 && l->at[i].ward == ward) {
			kill(l->at[i].pid, SIGKILL);
			l->at[i].ward = 0;
			l->at[i].deadline = UINT64_MAX;
		}
}
