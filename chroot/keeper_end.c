/*
 * The end of a session, and of what it has left behind.  Every descendant of
 * the keeper whose own parents have died is its child (a subreaper's), so
 * ending the children until there are none ends all of them.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chroot/keeper_parts.h"

/* From the end of the connection, ms: a hint, a word, no more words. */
#define TERM_MS		300
#define KILL_MS		1000
#define GIVE_UP_MS	5000
/* The same when there is no time. */
#define HURRY_KILL_MS	150
/* How long the child that serves files may go on with what it was asked. */
#define FILES_MS	35000
#define ROUND_MS	20

#define CHILDREN_TEXT	65536

void
keeper_reap(struct keeper *k)
{
	struct signalfd_siginfo si[8];
	struct run *r;
	int status;
	pid_t pid;

	while (read(k->signals, si, sizeof(si)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == k->files) {
			if (WIFSIGNALED(status))
				log_msg(LOG_ERROR, "session-died",
				    "the process that serves files: SIG%s",
				    sigabbrev_np(WTERMSIG(status)) != NULL ?
				    sigabbrev_np(WTERMSIG(status)) : "?");
			files_gone(k);
		} else if ((r = run_by_pid(k, pid)) != NULL)
			run_ended(k, r, status);
	}
}

/* The next number of a text of pids. */
static pid_t
next_pid(const char **text)
{
	char *end;
	long n = strtol(*text, &end, 10);

	if (end == *text || n <= 0)
		return 0;
	*text = end;
	return (pid_t)n;
}

/* Without the kernel's list: the groups that we know of. */
static size_t
signal_groups(const struct keeper *k, int sig)
{
	size_t n = 0;

	for (const struct run *r = k->runs; r != NULL; r = r->next)
		if (r->pid > 0)
			n += kill(-r->pid, sig) == 0;
	return n;
}

/* Signals every child but the one that serves files; how many there were.
 * Those that are not ours to signal, because they run as somebody else, do
 * not count: nothing more can be done about them. */
static size_t
signal_all(const struct keeper *k, int sig)
{
	char *text = malloc(CHILDREN_TEXT);
	const char *at = text;
	size_t n = 0;
	ssize_t got = -1;
	pid_t pid;

	if (k->start->children != -1 && text != NULL)
		got = pread(k->start->children, text, CHILDREN_TEXT - 1, 0);
	if (got == -1) {
		free(text);
		return signal_groups(k, sig);
	}
	text[got] = '\0';
	while ((pid = next_pid(&at)) != 0) {
		if (pid == k->files)
			continue;
		if (kill(pid, sig) == 0)
			n++;
		if (sig == SIGHUP)
			(void)kill(pid, SIGCONT);
	}
	free(text);
	return n;
}

static int
signal_at(const struct keeper *k, uint64_t ms)
{
	if (ms >= (k->hurry ? HURRY_KILL_MS : KILL_MS))
		return SIGKILL;
	return ms >= TERM_MS ? SIGTERM : SIGHUP;
}

static void
wait_a_moment(const struct keeper *k)
{
	struct pollfd p = { .fd = k->signals, .events = POLLIN };

	(void)poll(&p, 1, ROUND_MS);
}

/* Each signal is sent when its time has come, the last one again and again:
 * who was a grandchild becomes a child. */
static void
end_programs(struct keeper *k)
{
	uint64_t begun = keeper_clock(), ms;
	int sig = 0, next;
	size_t n;

	for (;;) {
		keeper_reap(k);
		ms = keeper_clock() - begun;
		next = signal_at(k, ms);
		/* Without a new signal: who is there? */
		n = signal_all(k, next != sig || sig == SIGKILL ? next : 0);
		sig = next;
		if (n == 0)
			return;
		if (ms >= GIVE_UP_MS)
			break;
		wait_a_moment(k);
	}
	log_msg(LOG_WARN, "left-behind", "%zu processes do not end", n);
}

static void
end_files(struct keeper *k)
{
	uint64_t end = keeper_clock() + FILES_MS;

	if (k->files_sock != -1)
		close(k->files_sock);
	k->files_sock = -1;
	while (k->files != 0 && keeper_clock() < end) {
		wait_a_moment(k);
		keeper_reap(k);
	}
	if (k->files != 0)
		(void)kill(k->files, SIGKILL);
}

void
keeper_end(struct keeper *k)
{
	if (k->server != -1)
		close(k->server);
	k->server = -1;
	flows_free(&k->flows);
	/* It begins with its own end at once, beside that of the others. */
	if (k->files_sock != -1) {
		close(k->files_sock);
		k->files_sock = -1;
	}
	for (struct run *r = k->runs; r != NULL; r = r->next)
		if (!r->closed)
			run_close(k, r);
	if (!k->session->policy->run.linger)
		end_programs(k);
	end_files(k);
	_exit(0);
}
