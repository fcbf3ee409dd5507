/* What the keeper needs from before the session gives up its privileges and
 * changes its root. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chroot/keeper.h"

#define MOTD_MAX	((size_t)64 << 10)
#define FILES_SOFT	1024	/* what programs expect */

/* The host's file, shown as it is with the line ends of a terminal. */
static struct view
read_motd(struct view path)
{
	char name[4096], *text;
	struct stat st;
	ssize_t n = -1;
	int fd;

	if (path.n == 0 || !view_to_cstr(path, name, sizeof(name)))
		return view_of(NULL, 0);
	fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return view_of(NULL, 0);
	if ((text = malloc(MOTD_MAX)) != NULL && fstat(fd, &st) == 0 &&
	    S_ISREG(st.st_mode))
		n = read(fd, text, MOTD_MAX);
	close(fd);
	if (n > 0)
		return view_of((uint8_t *)text, (size_t)n);
	free(text);
	return view_of(NULL, 0);
}

/* The kernel's list of our children; there is no /proc in a jail. */
static int
open_children(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/children",
	    (int)gettid());
	return open(path, O_RDONLY | O_CLOEXEC);
}

void
keeper_gather(struct keeper_start *out, const struct session_start *s)
{
	out->session = s;
	out->time_zone = getenv("TZ");
	out->motd = read_motd(s->policy->run.motd);
	out->children = open_children();
	if (getrlimit(RLIMIT_NOFILE, &out->files) == -1)
		out->files = (struct rlimit){ FILES_SOFT, FILES_SOFT };
	if (out->files.rlim_cur > FILES_SOFT)
		out->files.rlim_cur = FILES_SOFT;
}
