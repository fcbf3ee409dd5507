#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/root.h"

#define FILE_BYTES_MAX	((rlim_t)4 << 20)

static char dir[] = "/tmp/sftp-fuzz.XXXXXX";
static int outside = -1;	/* the real root while an input runs */
static int back = -1;		/* where the caller stood */
static bool confined;

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)st;
	(void)flag;
	return f->level == 0 ? 0 : remove(path);
}

static void
remove_all(void)
{
	if (nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) == -1)
		perror(dir);
	rmdir(dir);
}

/* Without a chroot of our own only what changes nothing may be tried. */
static void
prepare(void)
{
	struct rlimit rl = { FILE_BYTES_MAX, FILE_BYTES_MAX };

	if (mkdtemp(dir) == NULL || (outside = open("/", O_RDONLY |
	    O_DIRECTORY | O_CLOEXEC)) == -1 || (back = open(".", O_RDONLY |
	    O_DIRECTORY | O_CLOEXEC)) == -1)
		abort();
	atexit(remove_all);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &rl);
	if (geteuid() != 0)
		(void)!unshare(CLONE_NEWUSER);
	confined = chroot(dir) == 0;
	if (confined && (fchdir(outside) == -1 || chroot(".") == -1))
		abort();
	if (!confined)
		fprintf(stderr, "no chroot: read-only sessions alone\n");
}

static void
populate(void)
{
	static const char text[] = "0123456789abcdef";
	int fd;

	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (chdir(dir) == -1)
		abort();
	fd = open("f", O_WRONLY | O_CREAT, 0644);
	if (fd == -1 || write(fd, text, sizeof(text)) == -1)
		abort();
	close(fd);
	(void)!mkdir("d", 0755);
	(void)!symlink("d/../f", "l");
	(void)!link("f", "h");
	(void)!mkfifo("p", 0644);
}

bool
root_enter(void)
{
	if (outside == -1)
		prepare();
	populate();
	if (confined && chroot(".") == -1)
		abort();
	return confined;
}

void
root_leave(void)
{
	if (fchdir(outside) == -1 || (confined && chroot(".") == -1) ||
	    fchdir(back) == -1)
		abort();
}

unsigned
root_entries(void)
{
	DIR *d = opendir(".");
	const struct dirent *e;
	unsigned n = 0;

	if (d == NULL)
		abort();
	while ((e = readdir(d)) != NULL)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") !=
		    0;
	closedir(d);
	return n;
}
