/*
 * Loaded into a daemon under test (LD_PRELOAD): writes down each fork, each
 * program, each file opened and each password hashed, as lines
 *
 *	PID WHAT DETAIL
 *
 * appended to the file $WORKLOG, so that a test can compare the work that is
 * done for one user with the work for another.
 */
#include <crypt.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static void
note(const char *what, const char *detail)
{
	const char *file = getenv("WORKLOG");
	char line[5000];
	int n, fd;

	if (file == NULL)
		return;
	fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_APPEND |
	    O_CLOEXEC, 0);
	if (fd == -1)
		return;
	n = snprintf(line, sizeof(line), "%d %s %s\n", (int)getpid(), what,
	    detail);
	(void)!write(fd, line, (size_t)n);
	close(fd);
}

static void *
next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

pid_t
fork(void)
{
	pid_t (*real)(void) = (pid_t (*)(void))next("fork");

	note("fork", "");
	return real();
}

int
execve(const char *path, char *const argv[], char *const envp[])
{
	int (*real)(const char *, char *const [], char *const []) =
	    (int (*)(const char *, char *const [], char *const []))
	    next("execve");

	note("exec", path);
	return real(path, argv, envp);
}

char *
crypt_rn(const char *phrase, const char *setting, void *data, int size)
{
	char *(*real)(const char *, const char *, void *, int) =
	    (char *(*)(const char *, const char *, void *, int))
	    next("crypt_rn");
	char kind[8];

	snprintf(kind, sizeof(kind), "%s", setting);
	note("hash", kind);
	return real(phrase, setting, data, size);
}

static mode_t
mode_of(int flags, va_list ap)
{
	return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
}

#define OPENAT(name) \
int \
name(int at, const char *path, int flags, ...) \
{ \
	va_list ap; \
	mode_t mode; \
	va_start(ap, flags); \
	mode = mode_of(flags, ap); \
	va_end(ap); \
	note("open", path); \
	return (int)syscall(SYS_openat, at, path, flags, mode); \
}
OPENAT(openat)
OPENAT(openat64)

#define OPEN(name) \
int \
name(const char *path, int flags, ...) \
{ \
	va_list ap; \
	mode_t mode; \
	va_start(ap, flags); \
	mode = mode_of(flags, ap); \
	va_end(ap); \
	note("open", path); \
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode); \
}
OPEN(open)
OPEN(open64)

/* What the fortified headers make of open() without a mode. */
int
__openat_2(int at, const char *path, int flags)
{
	note("open", path);
	return (int)syscall(SYS_openat, at, path, flags, 0);
}

int
__open_2(const char *path, int flags)
{
	note("open", path);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0);
}
