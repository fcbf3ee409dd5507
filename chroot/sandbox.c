#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "chroot/sandbox.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

/* What every process needs to run and to talk to the others. */
static const int calls_common[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev),
	SCMP_SYS(close), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg), SCMP_SYS(recvfrom), SCMP_SYS(sendto),
	SCMP_SYS(shutdown), SCMP_SYS(brk), SCMP_SYS(munmap),
	SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex),
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(gettimeofday), SCMP_SYS(getrandom),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group),
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getppid),
#ifdef SANITIZED
	/* The sanitizers look at their own memory map and report. */
	SCMP_SYS(mprotect), SCMP_SYS(sigaltstack), SCMP_SYS(rt_sigaction),
	SCMP_SYS(openat), SCMP_SYS(open), SCMP_SYS(fstat), SCMP_SYS(stat),
	SCMP_SYS(newfstatat), SCMP_SYS(lseek), SCMP_SYS(readlink),
	SCMP_SYS(sched_yield), SCMP_SYS(getuid), SCMP_SYS(prctl),
	SCMP_SYS(tgkill), SCMP_SYS(kill), SCMP_SYS(dup), SCMP_SYS(dup2),
	SCMP_SYS(sched_getaffinity), SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq), SCMP_SYS(ioctl), SCMP_SYS(getcwd), SCMP_SYS(pipe2),
	SCMP_SYS(access), SCMP_SYS(getdents64), SCMP_SYS(clone),
	SCMP_SYS(wait4), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
#endif
};

/* Files: what sftp/ does with names and descriptors. */
static const int calls_files[] = {
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2),
	SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(preadv),
	SCMP_SYS(pwritev), SCMP_SYS(lseek), SCMP_SYS(ftruncate),
	SCMP_SYS(truncate), SCMP_SYS(fallocate), SCMP_SYS(fadvise64),
	SCMP_SYS(copy_file_range), SCMP_SYS(sendfile), SCMP_SYS(splice),
	SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(sync_file_range),
	SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(fstat),
	SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(statfs),
	SCMP_SYS(fstatfs), SCMP_SYS(access), SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2), SCMP_SYS(getdents64), SCMP_SYS(getcwd),
	SCMP_SYS(chdir), SCMP_SYS(fchdir), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(mkdir), SCMP_SYS(mkdirat),
	SCMP_SYS(rmdir), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
	SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2),
	SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(symlink),
	SCMP_SYS(symlinkat), SCMP_SYS(utimensat), SCMP_SYS(chown),
	SCMP_SYS(fchown), SCMP_SYS(lchown), SCMP_SYS(fchownat),
	SCMP_SYS(umask), SCMP_SYS(getuid), SCMP_SYS(geteuid),
	SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getgroups),
	SCMP_SYS(chmod), SCMP_SYS(fchmod), SCMP_SYS(fchmodat),
};

/* Sockets for a client's forwarded connections. */
static const int calls_flows[] = {
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait), SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime), SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
};
static const int calls_connect[] = { SCMP_SYS(connect) };
static const int calls_listen[] = {
	SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept4),
	SCMP_SYS(getsockname),
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool
allow(scmp_filter_ctx ctx, const int *call, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call[i], 0) != 0)
			return false;
	return true;
}

/* One argument of a call, masked, must be this value. */
static bool
allow_if(scmp_filter_ctx ctx, int call, unsigned arg, uint64_t mask,
    uint64_t value)
{
	const struct scmp_arg_cmp cmp = {
		.arg = arg, .op = SCMP_CMP_MASKED_EQ,
		.datum_a = mask, .datum_b = value,
	};

	return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, call, 1,
	    &cmp) == 0;
}

static bool
allow_fcntl(scmp_filter_ctx ctx)
{
	static const int commands[] = {
		F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC,
	};

	for (size_t i = 0; i < COUNT(commands); i++)
		if (!allow_if(ctx, SCMP_SYS(fcntl), 1, UINT32_MAX,
		    (uint64_t)commands[i]))
			return false;
	return true;
}

static bool
allow_conditional(scmp_filter_ctx ctx)
{
	/* Memory is never executable; limits are read, never set; of prctl
	 * only the questions whose answers the proof wants. */
	return allow_if(ctx, SCMP_SYS(mmap), 2, PROT_EXEC, 0) &&
	    allow_if(ctx, SCMP_SYS(prlimit64), 2, UINT64_MAX, 0) &&
	    allow_if(ctx, SCMP_SYS(prctl), 0, UINT32_MAX, PR_GET_SECCOMP) &&
	    allow_if(ctx, SCMP_SYS(prctl), 0, UINT32_MAX,
	    PR_GET_NO_NEW_PRIVS) && allow_fcntl(ctx);
}

/* Stream sockets of these families; nothing raw, and no netlink. */
static bool
allow_socket(scmp_filter_ctx ctx)
{
	static const uint64_t families[] = { AF_UNIX, AF_INET, AF_INET6 };

	for (size_t i = 0; i < COUNT(families); i++) {
		const struct scmp_arg_cmp cmp[] = {
			{ .arg = 0, .op = SCMP_CMP_MASKED_EQ,
			    .datum_a = UINT32_MAX, .datum_b = families[i] },
			{ .arg = 1, .op = SCMP_CMP_MASKED_EQ,
			    .datum_a = 0xf, .datum_b = SOCK_STREAM },
		};

		if (seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW,
		    SCMP_SYS(socket), COUNT(cmp), cmp) != 0)
			return false;
	}
	return true;
}

static bool
allow_flows(scmp_filter_ctx ctx, enum sandbox_kind kind)
{
	if (kind == SANDBOX_FILES)
		return true;
	if (!allow_socket(ctx) || !allow(ctx, calls_flows,
	    COUNT(calls_flows)))
		return false;
	if (kind != SANDBOX_LISTEN && !allow(ctx, calls_connect,
	    COUNT(calls_connect)))
		return false;
	return kind == SANDBOX_CONNECT || allow(ctx, calls_listen,
	    COUNT(calls_listen));
}

/* Newer than the library, which does not know its name; where the kernel does
 * not know the call either, it says ENOSYS and attrs.c goes another way. */
#ifdef SYS_fchmodat2
#define FCHMODAT2	SYS_fchmodat2
#else
#define FCHMODAT2	452
#endif

/*
 * The setuid and setgid bits need no filter: under no_new_privs they do
 * nothing for this process's descendants, and for everybody else the file
 * belongs to the user anyway.
 */
static bool
add_rules(scmp_filter_ctx ctx, enum sandbox_kind kind)
{
	if (!allow(ctx, calls_common, COUNT(calls_common)) ||
	    !allow_conditional(ctx))
		return false;
	if (kind == SANDBOX_LOG)
		return true;
	return allow_flows(ctx, kind) &&
	    allow(ctx, calls_files, COUNT(calls_files)) &&
	    seccomp_rule_add(ctx, SCMP_ACT_ALLOW, FCHMODAT2, 0) == 0;
}

/* Gets the program out of the library by way of a file in memory. */
static bool
export(scmp_filter_ctx ctx, struct sandbox *s)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	struct stat st;
	bool ok = false;

	if (fd == -1)
		return false;
	if (seccomp_export_bpf(ctx, fd) != 0 || fstat(fd, &st) == -1 ||
	    st.st_size <= 0 || st.st_size % (off_t)sizeof(struct sock_filter)
	    != 0 || st.st_size / (off_t)sizeof(struct sock_filter) >
	    BPF_MAXINSNS)
		goto out;
	if ((s->code = malloc((size_t)st.st_size)) == NULL)
		goto out;
	s->n = (unsigned short)((size_t)st.st_size /
	    sizeof(struct sock_filter));
	ok = pread(fd, s->code, (size_t)st.st_size, 0) == st.st_size;
out:
	close(fd);
	if (!ok)
		sandbox_free(s);
	return ok;
}

bool
sandbox_build(struct sandbox *s, enum sandbox_kind kind)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	bool ok;

	*s = (struct sandbox){ NULL, 0 };
	if (ctx == NULL)
		return false;
	/* A search tree: the filter runs at every call of a transfer. */
	ok = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 &&
	    add_rules(ctx, kind) && export(ctx, s);
	seccomp_release(ctx);
	return ok;
}

void
sandbox_free(struct sandbox *s)
{
	free(s->code);
	*s = (struct sandbox){ NULL, 0 };
}

enum err
sandbox_install(const struct sandbox *s)
{
	const struct sock_fprog prog = { .len = s->n, .filter = s->code };

	if (s->code == NULL)
		return ERR_DENIED;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) == -1)
		return ERR_SYS;
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_FILTER ?
	    OK : ERR_DENIED;
}
