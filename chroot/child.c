#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fds.h"
#include "base/ipc.h"
#include "base/log.h"
#include "base/privdrop.h"
#include "chroot/child.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

#define SEND_PATIENCE_MS 10000

void
child_begin(pid_t parent)
{
	struct sigaction sa, was;
	sigset_t none;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_DFL;
	/* The sanitizers' own handlers report; leave theirs alone.  What is
	 * ignored would stay so in the programs of users. */
	for (int i = 1; i < NSIG; i++)
		if (!SANITIZED || (sigaction(i, NULL, &was) == 0 &&
		    was.sa_handler == SIG_IGN))
			sigaction(i, &sa, NULL);	/* not KILL, STOP */
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	if (!privdrop_die_with(parent, SIGKILL))
		_exit(1);
}

bool
child_stdio(bool keep_stderr)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool ok;

	if (fd == -1)
		return false;
	ok = dup2(fd, 0) != -1 && dup2(fd, 1) != -1 &&
	    (keep_stderr || SANITIZED || dup2(fd, 2) != -1);
	if (fd > 2)
		close(fd);
	return ok;
}

bool
child_keep(int *const *fds, size_t n)
{
	if (n > CHILD_FDS)
		return false;
	/* First out of each other's way, then into place. */
	for (size_t i = 0; i < n; i++) {
		if (*fds[i] != -1 && (*fds[i] = fcntl(*fds[i],
		    F_DUPFD_CLOEXEC, 3 + CHILD_FDS)) == -1)
			return false;
	}
	for (size_t i = 0; i < n; i++) {
		int want = 3 + (int)i;

		if (*fds[i] == -1)
			close(want);
		else if (dup3(*fds[i], want, O_CLOEXEC) == -1)
			return false;
		else
			*fds[i] = want;
	}
	return fds_close_from(3 + (unsigned)n);
}

bool
child_complain(const char *role, const char *step)
{
	int saved = errno;
	struct log_ev e;

	log_begin(&e, LOG_ERROR, "role-failed");
	log_str(&e, "role", role);
	log_str(&e, "step", step);
	log_errno(&e, saved);
	log_send(&e);
	return false;
}

bool
child_send_fds(int sock, uint8_t type, uint32_t id, struct view body,
    const int *fds, size_t nfds)
{
	struct pollfd p = { .fd = sock, .events = POLLOUT };
	enum err e;

	while ((e = ipc_send(sock, type, id, body, fds, nfds)) == ERR_AGAIN)
		if (poll(&p, 1, SEND_PATIENCE_MS) == 0)
			return false;
	return e == OK;
}

bool
child_send(int sock, uint8_t type, uint32_t id, struct view body)
{
	return child_send_fds(sock, type, id, body, NULL, 0);
}
