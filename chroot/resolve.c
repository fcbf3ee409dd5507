/*
 * Account names into numbers, by the helper that alone may talk to NSS.  Runs
 * in the child that reads the configuration.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "auth/account.h"
#include "chroot/generation.h"

#define PATIENCE_MS 20000	/* a directory service that does not answer */

char *
resolve_find_helper(void)
{
	static const char *const places[] = {
		"", "../libexec/", "../libexec/sallyport/",
		"../lib/sallyport/",
	};
	char self[4096], *slash, *path;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return NULL;
	self[n] = '\0';
	if ((slash = strrchr(self, '/')) == NULL)
		return NULL;
	slash[1] = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (asprintf(&path, "%s%ssallyport-account", self,
		    places[i]) == -1)
			return NULL;
		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

/* A file without a name that says v; -1: errno. */
static int
file_of(struct view v)
{
	int fd = memfd_create("asked", MFD_CLOEXEC);

	if (fd == -1)
		return -1;
	while (v.n != 0) {
		ssize_t n = write(fd, v.p, v.n);

		if (n <= 0)
			break;
		v.p += n;
		v.n -= (size_t)n;
	}
	if (v.n == 0 && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	close(fd);
	return -1;
}

static pid_t
start_helper(const char *helper, const char *role, const char *name, int in,
    int *out)
{
	char *const argv[] = {
		(char *)(uintptr_t)"sallyport-account",
		(char *)(uintptr_t)role, (char *)(uintptr_t)name, NULL,
	};
	static char path[] = "PATH=/usr/bin:/bin";
	char *const envp[] = { path, NULL };
	int p[2];
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) == -1)
		return -1;
	if ((pid = fork()) == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		if (null != -1 && dup2(in, 0) != -1 &&
		    dup2(p[1], 1) != -1 && dup2(null, 2) != -1)
			execve(helper, argv, envp);
		_exit(127);
	}
	close(p[1]);
	if (pid == -1)
		close(p[0]);
	else
		*out = p[0];
	return pid;
}

/* Reads until EOF or until patience ends. */
static bool
read_answer(int fd, struct wr *w)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	time_t end = time(NULL) + PATIENCE_MS / 1000;

	while (time(NULL) <= end && poll(&p, 1, PATIENCE_MS) == 1) {
		uint8_t *at = wr_reserve(w, 4096);
		ssize_t n;

		if (at == NULL)
			return false;
		if ((n = read(fd, at, 4096)) == -1)
			return false;
		if (n == 0)
			return true;
		wr_commit(w, (size_t)n);
	}
	return false;
}

bool
resolve_ask(const char *helper, const struct resolve_question *q,
    struct wr *out, const char **why_out)
{
	int fd = -1, in, status;
	bool ok = false;
	pid_t pid = -1;

	*why_out = "the program sallyport-account is not there to ask";
	if (helper == NULL)
		return false;
	*why_out = "sallyport-account could not be started";
	if ((in = file_of(q->in)) == -1)
		return false;
	pid = start_helper(helper, q->role, q->name, in, &fd);
	close(in);
	if (pid == -1)
		return false;
	if (!(ok = read_answer(fd, out))) {
		*why_out = "sallyport-account did not answer in time";
		kill(pid, SIGKILL);
	}
	close(fd);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	return ok;
}

static bool
take_answer(struct view line, const char *name, struct policy *out,
    const char **why_out)
{
	struct account a;
	bool ok;

	*why_out = "sallyport-account gave no answer";
	if (line.n == 0 || line.p[line.n - 1] != '\n')
		return false;
	line.n--;
	if (!account_get(line, &a))
		return false;
	*why_out = "there is no such account on this host";
	ok = a.known && strcmp(a.name, name) == 0;
	if (ok) {
		out->uid = a.uid;
		out->gid = a.gid;
		out->groups = a.groups;
		out->ngroups = a.ngroups;
		out->home = view_str(a.home);
		out->run.shell = view_str(a.shell);
		/* The caller copies what it wants, and its process ends when
		 * the file has been read: these stay. */
		a.groups = NULL;
		a.home = a.shell = NULL;
	}
	account_clear(&a);
	return ok;
}

bool
resolve_account(void *ctx, const char *name, struct policy *out,
    const char **why_out)
{
	const struct resolve_question q = { .role = "--resolve", .name = name };
	struct wr w = wr_new(ACCOUNT_LINE_MAX);
	bool ok = resolve_ask(ctx, &q, &w, why_out) &&
	    take_answer(wr_view(&w), name, out, why_out);

	wr_free(&w);
	return ok;
}
