#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "chroot/tokens.h"

#define LOOK_MS		3	/* until the second look for a free token */
#define LOOK_MS_MOST	30	/* ... and between two, after a while */
#define BACK		10	/* nice(2) */

int
tokens_new(void)
{
	return memfd_create("tokens", MFD_CLOEXEC);
}

static bool
set_lock(int fd, unsigned token, short type)
{
	struct flock l = {
		.l_type = type, .l_whence = SEEK_SET,
		.l_start = (off_t)token, .l_len = 1,
	};

	/* Locks of the old kind: they belong to the process, not to the open
	 * file that all logins share. */
	return fcntl(fd, F_SETLK, &l) == 0;
}

bool
tokens_take(int fd, unsigned n, unsigned *token_out)
{
	for (unsigned i = 0; i < n; i++) {
		if (set_lock(fd, i, F_WRLCK)) {
			*token_out = i;
			return true;
		}
	}
	return false;
}

void
tokens_give(int fd, unsigned token)
{
	set_lock(fd, token, F_UNLCK);
}

bool
tokens_wait(int fd, unsigned n, int peer, unsigned *token_out)
{
	struct pollfd p = { .fd = peer };
	int ms = LOOK_MS;

	/* Nobody wakes us when a token comes free; the odd interval keeps
	 * many that wait out of step.  The longer it takes, the more of them
	 * there are, and the less often each needs to look. */
	while (!tokens_take(fd, n, token_out)) {
		if (poll(&p, 1, ms + getpid() % 5) == 1 &&
		    (p.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
			return false;
		if (ms < LOOK_MS_MOST)
			ms++;
	}
	return true;
}

void
tokens_step_back(bool back)
{
	/* Of sched(7)'s autogroups each has its share, whatever the niceness
	 * of the processes in it; where there are none, this changes
	 * nothing. */
	int fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);

	if (fd != -1) {
		(void)!write(fd, back ? "10" : "0", back ? 2 : 1);
		close(fd);
	}
	(void)setpriority(PRIO_PROCESS, 0, back ? BACK : 0);
}
