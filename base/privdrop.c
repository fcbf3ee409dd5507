#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/privdrop.h"

#define GROUPS_MAX 65536	/* NGROUPS_MAX of Linux */

/* Remembers which step failed; for `return fail(...)`. */
static enum err
fail(enum err e, const char **why_out, const char *why)
{
	*why_out = why;
	return e;
}

static bool
write_proc(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok;

	if (fd == -1)
		return false;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

/* user_namespaces(7): one id of ours, mapped onto itself. */
static enum err
enter_userns(uid_t uid, gid_t gid, const char **why_out)
{
	char map[64];

	if (unshare(CLONE_NEWUSER) == -1)
		return fail(ERR_SYS, why_out, "unshare(CLONE_NEWUSER)");
	if (!write_proc("/proc/self/setgroups", "deny") && errno != ENOENT)
		return fail(ERR_SYS, why_out, "/proc/self/setgroups");
	snprintf(map, sizeof(map), "%u %u 1", (unsigned)uid, (unsigned)uid);
	if (!write_proc("/proc/self/uid_map", map))
		return fail(ERR_SYS, why_out, "/proc/self/uid_map");
	snprintf(map, sizeof(map), "%u %u 1", (unsigned)gid, (unsigned)gid);
	if (!write_proc("/proc/self/gid_map", map))
		return fail(ERR_SYS, why_out, "/proc/self/gid_map");
	return OK;
}

static enum err
enter_root(int root_fd, const char **why_out)
{
	if (root_fd == -1)
		return OK;
	if (fchdir(root_fd) == -1)
		return fail(ERR_SYS, why_out, "fchdir to the new root");
	if (chroot(".") == -1)
		return fail(ERR_SYS, why_out, "chroot");
	if (chdir("/") == -1)
		return fail(ERR_SYS, why_out, "chdir to /");
	return OK;
}

/*
 * Best effort where the right to do so is missing (a container without
 * CAP_SETPCAP): no_new_privs with empty capability sets already means that
 * nothing in the bounding set can be had again.
 */
static void
seal_capabilities(void)
{
	for (unsigned long cap = 0; cap <= 63; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == -1)
			break;
	prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
	    SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED |
	    SECBIT_KEEP_CAPS_LOCKED, 0, 0, 0);
}

static enum err
set_ids(const struct privdrop *p, const char **why_out)
{
	_Static_assert(sizeof(gid_t) == sizeof(uint32_t), "gid_t is 32 bits");

	if (setgroups(p->ngroups, (const gid_t *)p->groups) == -1)
		return fail(ERR_SYS, why_out, "setgroups");
	if (setresgid(p->gid, p->gid, p->gid) == -1)
		return fail(ERR_SYS, why_out, "setresgid");
	if (setresuid(p->uid, p->uid, p->uid) == -1)
		return fail(ERR_SYS, why_out, "setresuid");
	return OK;
}

static bool
clear_capabilities(void)
{
	struct __user_cap_header_struct h = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct d[2];

	memset(d, 0, sizeof(d));
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == -1 &&
	    errno != EINVAL)
		return false;
	return syscall(SYS_capset, &h, d) == 0;
}

enum err
privdrop(const struct privdrop *p, const char **why_out)
{
	enum err e;

	*why_out = "";
	if (p->ngroups > GROUPS_MAX)
		return fail(ERR_LIMIT, why_out, "too many groups");
	if (!p->userns && !(p->root && p->uid == 0) &&
	    (p->uid == 0 || p->gid == 0))
		return fail(ERR_DENIED, why_out, "uid or gid 0");
	if (p->userns && (p->uid != geteuid() || p->gid != getegid()))
		return fail(ERR_DENIED, why_out, "uid or gid of another");
	/* Its one use is the right to change the root. */
	if (p->userns && p->root_fd != -1 &&
	    (e = enter_userns(p->uid, p->gid, why_out)) != OK)
		return e;
	if ((e = enter_root(p->root_fd, why_out)) != OK)
		return e;
	if (p->seal)
		seal_capabilities();
	if (!p->userns && (e = set_ids(p, why_out)) != OK)
		return e;
	if (!clear_capabilities())
		return fail(ERR_SYS, why_out, "capset");
	if (p->seal && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return fail(ERR_SYS, why_out, "PR_SET_NO_NEW_PRIVS");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return fail(ERR_SYS, why_out, "PR_SET_DUMPABLE");
	return privdrop_prove(p, why_out);
}

static bool
prove_ids(const struct privdrop *p)
{
	uid_t u[3];
	gid_t g[3];

	if (getresuid(&u[0], &u[1], &u[2]) == -1 ||
	    getresgid(&g[0], &g[1], &g[2]) == -1)
		return false;
	for (int i = 0; i < 3; i++)
		if (u[i] != p->uid || g[i] != p->gid)
			return false;
	return true;
}

static int
by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The same set: the kernel gives groups back in an order of its own. */
static bool
same_groups(const uint32_t *have, size_t n, const uint32_t *want, size_t m)
{
	uint32_t *sorted;
	bool ok;

	if (n != m)
		return false;
	if (n == 0)
		return true;
	if ((sorted = calloc(m, sizeof(*sorted))) == NULL)
		return false;
	memcpy(sorted, want, m * sizeof(*sorted));
	qsort(sorted, m, sizeof(*sorted), by_number);
	ok = memcmp(sorted, have, n * sizeof(*have)) == 0;
	free(sorted);
	return ok;
}

static bool
prove_groups(const struct privdrop *p)
{
	int n = getgroups(0, NULL);
	gid_t *have;
	bool ok;

	if (n < 0)
		return false;
	if (n == 0)
		return p->ngroups == 0;
	if ((have = calloc((size_t)n, sizeof(*have))) == NULL)
		return false;
	n = getgroups(n, have);
	if (n > 0)
		qsort(have, (size_t)n, sizeof(*have), by_number);
	ok = n >= 0 && same_groups(have, (size_t)n, p->groups, p->ngroups);
	free(have);
	return ok;
}

static bool
prove_capabilities(void)
{
	struct __user_cap_header_struct h = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct d[2];

	memset(d, 0xff, sizeof(d));
	if (syscall(SYS_capget, &h, d) == -1)
		return false;
	for (int i = 0; i < 2; i++)
		if (d[i].effective != 0 || d[i].permitted != 0 ||
		    d[i].inheritable != 0)
			return false;
	for (unsigned long cap = 0; cap <= 63; cap++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0,
		    0) == 1)
			return false;
	return true;
}

/* Raw calls, so that a success would be this thread's alone and libc's idea
 * of the ids stays out of it. */
static bool
root_comes_back(const struct privdrop *p)
{
	if (p->uid != 0 && (syscall(SYS_setuid, 0) == 0 ||
	    syscall(SYS_setresuid, -1, 0, -1) == 0))
		return true;
	return p->gid != 0 && (syscall(SYS_setgid, 0) == 0 ||
	    syscall(SYS_setresgid, -1, 0, -1) == 0);
}

enum err
privdrop_prove(const struct privdrop *p, const char **why_out)
{
	if (!prove_ids(p))
		return fail(ERR_DENIED, why_out, "proof: uid or gid");
	/* In a namespace with setgroups denied the old ones stay, and are the
	 * caller's own. */
	if (!p->userns && !prove_groups(p))
		return fail(ERR_DENIED, why_out, "proof: groups");
	if (!prove_capabilities())
		return fail(ERR_DENIED, why_out, "proof: capabilities");
	if (p->seal && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return fail(ERR_DENIED, why_out, "proof: no_new_privs");
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return fail(ERR_DENIED, why_out, "proof: dumpable");
	if (root_comes_back(p))
		return fail(ERR_DENIED, why_out, "proof: root came back");
	if (p->root_fd != -1 && chroot("/") != -1)
		return fail(ERR_DENIED, why_out, "proof: chroot again");
	return OK;
}

/* Says which switch forbids user namespaces, by reading them. */
static const char *
userns_obstacle(void)
{
	static const struct {
		const char *path, *text;
		char bad;
	} switches[] = {
		{ "/proc/sys/kernel/unprivileged_userns_clone",
		  "user namespaces are forbidden: set "
		  "kernel.unprivileged_userns_clone=1", '0' },
		{ "/proc/sys/user/max_user_namespaces",
		  "user namespaces are forbidden: raise "
		  "user.max_user_namespaces", '0' },
		{ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
		  "user namespaces are forbidden: set "
		  "kernel.apparmor_restrict_unprivileged_userns=0 or give "
		  "sallyportd an AppArmor profile with userns", '1' },
	};

	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		int fd = open(switches[i].path, O_RDONLY | O_CLOEXEC);
		char c = '\0';
		ssize_t n;

		if (fd == -1)
			continue;
		n = read(fd, &c, 1);
		close(fd);
		if (n == 1 && c == switches[i].bad)
			return switches[i].text;
	}
	return "no user namespace can be made (user.max_user_namespaces, a "
	    "container or a seccomp filter is in the way)";
}

bool
privdrop_userns_works(const char **why_out)
{
	pid_t pid = fork();
	int status;

	*why_out = "fork failed";
	if (pid == -1)
		return false;
	if (pid == 0) {
		const char *why;

		_exit(enter_userns(geteuid(), getegid(), &why) == OK &&
		    chroot("/") == 0 ? 0 : 1);
	}
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return false;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	*why_out = userns_obstacle();
	return false;
}

bool
privdrop_die_with(pid_t parent, int sig)
{
	if (prctl(PR_SET_PDEATHSIG, sig, 0, 0, 0) == -1)
		return false;
	return getppid() == parent;
}
