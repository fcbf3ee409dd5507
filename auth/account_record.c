#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <lastlog.h>
#include <poll.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <utmpx.h>

#include "auth/account_record.h"

/* "pts/" and digits: it also becomes a path of nobody's choice but ours. */
static bool
line_ok(const char *line)
{
	const char *digits = line + 4;

	return strncmp(line, "pts/", 4) == 0 && *digits != '\0' &&
	    strlen(digits) <= 10 &&
	    strspn(digits, "0123456789") == strlen(digits);
}

/* The fields of utmp are no C strings when they are full. */
static void
fill(char *field, size_t n, const char *text)
{
	size_t len = strlen(text);

	memset(field, 0, n);
	memcpy(field, text, len < n ? len : n);
}

static void
set_address(struct utmpx *u, const char *host)
{
	struct in_addr a4;
	struct in6_addr a6;

	if (inet_pton(AF_INET, host, &a4) == 1)
		memcpy(u->ut_addr_v6, &a4, sizeof(a4));
	else if (inet_pton(AF_INET6, host, &a6) == 1)
		memcpy(u->ut_addr_v6, &a6, sizeof(a6));
}

static struct utmpx
entry_of(const struct record *r)
{
	const size_t id = sizeof(((struct utmpx *)0)->ut_id);
	size_t n = strlen(r->line);
	struct utmpx u = { .ut_type = r->user[0] != '\0' ? USER_PROCESS :
	    DEAD_PROCESS };
	struct timeval now;

	gettimeofday(&now, NULL);
	u.ut_tv.tv_sec = (int32_t)now.tv_sec;
	u.ut_tv.tv_usec = (int32_t)now.tv_usec;
	u.ut_pid = r->pid;
	fill(u.ut_line, sizeof(u.ut_line), r->line);
	/* As every other program does it, so that entries meet. */
	fill(u.ut_id, id, n > id ? r->line + n - id : r->line);
	fill(u.ut_user, sizeof(u.ut_user), r->user);
	fill(u.ut_host, sizeof(u.ut_host), r->host);
	set_address(&u, r->host);
	return u;
}

static bool
put_utmp(const char *file, const struct utmpx *u)
{
	bool ok;

	if (access(file, F_OK) == -1)
		return true;
	if (utmpxname(file) == -1)
		return false;
	setutxent();
	ok = pututxline(u) != NULL;
	endutxent();
	return ok;
}

/* One write at the end; O_APPEND keeps those of others whole. */
static bool
put_wtmp(const char *file, const struct utmpx *u)
{
	int fd = open(file, O_WRONLY | O_APPEND | O_CLOEXEC);
	bool ok;

	if (fd == -1)
		return errno == ENOENT;
	ok = write(fd, u, sizeof(*u)) == (ssize_t)sizeof(*u);
	close(fd);
	return ok;
}

/* A table by uid, for accounts that the host knows: others would only make
 * it long. */
static bool
put_lastlog(const char *file, const struct record *r, const struct utmpx *u)
{
	struct lastlog l;
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	bool ok;

	if (fd == -1)
		return errno == ENOENT;
	if (getpwuid(r->uid) == NULL) {
		close(fd);
		return true;
	}
	memset(&l, 0, sizeof(l));
	l.ll_time = (int32_t)u->ut_tv.tv_sec;
	fill(l.ll_line, sizeof(l.ll_line), r->line);
	fill(l.ll_host, sizeof(l.ll_host), r->host);
	ok = pwrite(fd, &l, sizeof(l), (off_t)r->uid * (off_t)sizeof(l)) ==
	    (ssize_t)sizeof(l);
	close(fd);
	return ok;
}

#define AWAIT_MS	5000

void
account_record_await(pid_t pid)
{
	struct pollfd p = { .events = POLLIN };

	if (pid <= 0 || (p.fd = pidfd_open(pid, 0)) == -1)
		return;
	/* Its number may be another's by now, hence the limit. */
	(void)poll(&p, 1, AWAIT_MS);
	close(p.fd);
}

enum err
account_record(const struct record *r, const struct record_files *f)
{
	struct utmpx u;
	bool ok;

	if (!line_ok(r->line))
		return ERR_PROTO;
	u = entry_of(r);
	ok = put_utmp(f->utmp, &u);
	ok = put_wtmp(f->wtmp, &u) && ok;
	if (r->user[0] != '\0')
		ok = put_lastlog(f->lastlog, r, &u) && ok;
	return ok ? OK : ERR_SYS;
}
