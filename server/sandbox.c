/*
 * The system calls of the server process.  It opens no file, makes no socket
 * but pairs, starts no program and signals nobody; anything else ends it.
 */
#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "server/daemon.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

static const int allowed[] = {
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_create1),
	SCMP_SYS(accept4), SCMP_SYS(recvmsg), SCMP_SYS(sendmsg),
	SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(shutdown),
	SCMP_SYS(setsockopt), SCMP_SYS(read), SCMP_SYS(write),
	SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(close),
	SCMP_SYS(clock_gettime), SCMP_SYS(getrandom), SCMP_SYS(brk),
	SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	SCMP_SYS(futex), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(getpid),
	SCMP_SYS(gettid),
#ifdef SANITIZED
	/* The sanitizers look at their own memory map and report. */
	SCMP_SYS(mprotect), SCMP_SYS(sigaltstack), SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(openat), SCMP_SYS(open),
	SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(lseek),
	SCMP_SYS(readlink), SCMP_SYS(sched_yield), SCMP_SYS(getuid),
	SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(ptrace),
	SCMP_SYS(wait4), SCMP_SYS(prctl), SCMP_SYS(getdents64),
	SCMP_SYS(tgkill), SCMP_SYS(kill), SCMP_SYS(dup), SCMP_SYS(dup2),
	SCMP_SYS(getppid), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(ioctl),
	SCMP_SYS(process_vm_readv), SCMP_SYS(getcwd), SCMP_SYS(pipe2),
	SCMP_SYS(access), SCMP_SYS(stat), SCMP_SYS(unlink),
#endif
};

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
add_conditional(scmp_filter_ctx ctx)
{
	/* Memory is never executable; frames that wait duplicate their
	 * descriptors (link.c), those that come are looked at (duct.c);
	 * limits are read, never set. */
	return allow_if(ctx, SCMP_SYS(mmap), 2, PROT_EXEC, 0) &&
	    allow_if(ctx, SCMP_SYS(socketpair), 0, UINT32_MAX, AF_UNIX) &&
	    allow_if(ctx, SCMP_SYS(fcntl), 1, UINT32_MAX, F_DUPFD_CLOEXEC) &&
	    allow_if(ctx, SCMP_SYS(fcntl), 1, UINT32_MAX, F_GETFL) &&
	    allow_if(ctx, SCMP_SYS(prlimit64), 2, UINT64_MAX, 0);
}

bool
sandbox_server(const char **why_out)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	bool ok = false;

	*why_out = "the seccomp filter could not be built";
	if (ctx == NULL)
		return false;
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0) != 0)
			goto out;
	if (!add_conditional(ctx))
		goto out;
	*why_out = "the kernel refused the seccomp filter";
	ok = seccomp_load(ctx) == 0;
out:
	seccomp_release(ctx);
	return ok;
}
