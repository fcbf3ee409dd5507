#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "chroot/tokens.h"

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
