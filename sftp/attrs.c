#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sftp/attrs.h"
#include "sftp/proto.h"

static uint32_t
time_u32(int64_t t)
{
	if (t < 0)
		return 0;
	return t > UINT32_MAX ? UINT32_MAX : (uint32_t)t;
}

struct attrs
attrs_of(const struct stat *st)
{
	return (struct attrs){
		.flags = ATTR_SIZE | ATTR_UIDGID | ATTR_PERM | ATTR_TIMES,
		.size = (uint64_t)st->st_size,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.perm = st->st_mode,
		.atime = time_u32(st->st_atim.tv_sec),
		.mtime = time_u32(st->st_mtim.tv_sec),
	};
}

void
attrs_put(struct wr *w, const struct attrs *a)
{
	wr_u32(w, a->flags);
	if ((a->flags & ATTR_SIZE) != 0)
		wr_u64(w, a->size);
	if ((a->flags & ATTR_UIDGID) != 0) {
		wr_u32(w, a->uid);
		wr_u32(w, a->gid);
	}
	if ((a->flags & ATTR_PERM) != 0)
		wr_u32(w, a->perm);
	if ((a->flags & ATTR_TIMES) != 0) {
		wr_u32(w, a->atime);
		wr_u32(w, a->mtime);
	}
}

static bool
apply_size(const struct attrs_target *t, uint64_t size)
{
	if (size > INT64_MAX) {
		errno = EFBIG;
		return false;
	}
	if (t->fd != -1)
		return ftruncate(t->fd, (off_t)size) == 0;
	if (t->nofollow) {
		errno = EINVAL;		/* a link has no size of its own */
		return false;
	}
	return truncate(t->path, (off_t)size) == 0;
}

static bool
apply_owner(const struct attrs_target *t, uint32_t uid, uint32_t gid)
{
	if (t->fd != -1)
		return fchown(t->fd, uid, gid) == 0;
	return fchownat(AT_FDCWD, t->path, uid, gid,
	    t->nofollow ? AT_SYMLINK_NOFOLLOW : 0) == 0;
}

/*
 * chmod(2) of what a path names without following it.  glibc goes through
 * /proc for that, which no jail has; Linux 6.6 has a call; before it, what
 * can be opened can be changed.
 */
static bool
mode_nofollow(const char *path, mode_t mode)
{
	bool ok;
	int fd, error;

#ifdef SYS_fchmodat2
	long nr = SYS_fchmodat2;
#else
	long nr = 452;
#endif
	if (syscall(nr, AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	if (errno != ENOSYS)
		return false;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
	    O_CLOEXEC);
	if (fd == -1) {
		if (errno == ELOOP)
			errno = EOPNOTSUPP;	/* links have no mode */
		return false;
	}
	ok = fchmod(fd, mode) == 0;
	error = errno;
	close(fd);
	errno = error;
	return ok;
}

static bool
apply_mode(const struct attrs_target *t, uint32_t perm)
{
	mode_t mode = perm & 07777;

	if (t->fd != -1)
		return fchmod(t->fd, mode) == 0;
	if (t->nofollow)
		return mode_nofollow(t->path, mode);
	return fchmodat(AT_FDCWD, t->path, mode, 0) == 0;
}

static bool
apply_times(const struct attrs_target *t, uint32_t atime, uint32_t mtime)
{
	struct timespec ts[2] = { { .tv_sec = atime }, { .tv_sec = mtime } };

	if (t->fd != -1)
		return futimens(t->fd, ts) == 0;
	return utimensat(AT_FDCWD, t->path, ts,
	    t->nofollow ? AT_SYMLINK_NOFOLLOW : 0) == 0;
}

/* Owner before mode: chown(2) clears the set-id bits. */
bool
attrs_apply(const struct attrs_target *t, const struct attrs *a)
{
	int first = 0;

	if ((a->flags & ATTR_SIZE) != 0 && !apply_size(t, a->size))
		first = errno;
	if ((a->flags & ATTR_UIDGID) != 0 &&
	    !apply_owner(t, a->uid, a->gid) && first == 0)
		first = errno;
	if ((a->flags & ATTR_PERM) != 0 && !apply_mode(t, a->perm) &&
	    first == 0)
		first = errno;
	if ((a->flags & ATTR_TIMES) != 0 &&
	    !apply_times(t, a->atime, a->mtime) && first == 0)
		first = errno;
	errno = first;
	return first == 0;
}

static char
type_letter(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG: return '-';
	case S_IFDIR: return 'd';
	case S_IFLNK: return 'l';
	case S_IFIFO: return 'p';
	case S_IFSOCK: return 's';
	case S_IFCHR: return 'c';
	case S_IFBLK: return 'b';
	default: return '?';
	}
}

static void
mode_letters(mode_t mode, char out[11])
{
	static const char rwx[] = "rwxrwxrwx";

	out[0] = type_letter(mode);
	for (unsigned i = 0; i < 9; i++)
		out[1 + i] = (mode & (0400u >> i)) != 0 ? rwx[i] : '-';
	if ((mode & S_ISUID) != 0)
		out[3] = (mode & S_IXUSR) != 0 ? 's' : 'S';
	if ((mode & S_ISGID) != 0)
		out[6] = (mode & S_IXGRP) != 0 ? 's' : 'S';
	if ((mode & S_ISVTX) != 0)
		out[9] = (mode & S_IXOTH) != 0 ? 't' : 'T';
	out[10] = '\0';
}

/*
 * "Jan  2 15:04", or "Jan  2  2006" when more than half a year away.  No
 * libc: gmtime(3) opens the zone file on first use, and in a jail that file
 * is the user's.  Days to a date as in H. Hinnant, "chrono-Compatible
 * Low-Level Date Algorithms", civil_from_days.
 */
static void
date_words(int64_t t, int64_t now, char *out, size_t n)
{
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May",
	    "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	int64_t secs = t % 86400, days = t / 86400, era, doe, yoe, doy, mp;
	int64_t year, month, day;

	if (secs < 0) {
		secs += 86400;
		days--;
	}
	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	doe = days - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	day = doy - (153 * mp + 2) / 5 + 1;
	month = mp < 10 ? mp + 2 : mp - 10;	/* from 0 */
	year = yoe + era * 400 + (month <= 1 ? 1 : 0);
	if (t > now - 182 * 86400 && t <= now + 86400)
		snprintf(out, n, "%s %2d %02d:%02d", months[month], (int)day,
		    (int)(secs / 3600), (int)(secs / 60 % 60));
	else
		snprintf(out, n, "%s %2d  %4" PRId64, months[month], (int)day,
		    year);
}

static size_t
fit(int n)
{
	if (n < 0)
		return 0;
	return n < ATTRS_LINE_MAX ? (size_t)n : ATTRS_LINE_MAX - 1;
}

size_t
attrs_line(const struct stat *st, const struct jail_policy *p, int64_t now,
    char out[ATTRS_LINE_MAX])
{
	char mode[11], date[40], uid[12], gid[12];
	const char *owner = uid;

	if (st == NULL)
		return fit(snprintf(out, ATTRS_LINE_MAX,
		    "?---------    ? ?        ?               ? ? "));
	mode_letters(st->st_mode, mode);
	date_words(st->st_mtim.tv_sec, now, date, sizeof(date));
	snprintf(uid, sizeof(uid), "%u", st->st_uid);
	snprintf(gid, sizeof(gid), "%u", st->st_gid);
	if (st->st_uid == p->uid && p->user != NULL)
		owner = p->user;
	return fit(snprintf(out, ATTRS_LINE_MAX,
	    "%s %3" PRIu64 " %-8.200s %-8s %8" PRIu64 " %s ", mode,
	    (uint64_t)st->st_nlink, owner, gid, (uint64_t)st->st_size, date));
}
