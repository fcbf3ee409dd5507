/*
 * sallyportd.  Which of its roles this is; see base/roles.h.
 */
#include <errno.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/privdrop.h"
#include "base/proctitle.h"
#include "base/roles.h"
#include "chroot/session.h"
#include "chroot/warden.h"

#define LARGE_BLOCK (16 * 1024)

#define EX_USAGE	64	/* sysexits.h */

struct server_words {
	uint32_t uid, gid, level;
	bool unprivileged;
};

static bool
number_after(const char *word, const char *prefix, uint32_t *out)
{
	size_t n = strlen(prefix);
	unsigned long v;
	char *end;

	if (strncmp(word, prefix, n) != 0 || word[n] < '0' || word[n] > '9')
		return false;
	errno = 0;
	v = strtoul(word + n, &end, 10);
	if (errno != 0 || *end != '\0' || v > UINT32_MAX)
		return false;
	*out = (uint32_t)v;
	return true;
}

static bool
read_words(int argc, char **argv, struct server_words *out)
{
	bool uid = false, gid = false;

	*out = (struct server_words){ .level = LOG_INFO };
	for (int i = 2; i < argc; i++) {
		if (number_after(argv[i], "--uid=", &out->uid))
			uid = true;
		else if (number_after(argv[i], "--gid=", &out->gid))
			gid = true;
		else if (strcmp(argv[i], "--unprivileged") == 0)
			out->unprivileged = true;
		else if (!number_after(argv[i], "--level=", &out->level) ||
		    out->level > LOG_DEBUG)
			return false;
	}
	return uid && gid;
}

static int
server_failed(const char *step)
{
	struct log_ev e;
	int saved = errno;

	log_begin(&e, LOG_ERROR, "role-failed");
	log_str(&e, "role", "server");
	log_str(&e, "step", step);
	log_errno(&e, saved);
	log_send(&e);
	return 1;
}

/* Whoever types waits for one process that may have much else to do.  It asks
 * for short turns of the CPU, which come sooner where others are busy (Linux
 * 6.12 and later; elsewhere nothing changes). */
static void
ask_for_short_turns(void)
{
	struct sched_attr a = {
		.size = sizeof(a), .sched_policy = SCHED_NORMAL,
		.sched_runtime = 100000,
	};
	int nice_now = getpriority(PRIO_PROCESS, 0);

	a.sched_nice = nice_now;
	(void)syscall(SYS_sched_setattr, 0, &a, 0);
}

/* The binary was exec'ed for fresh addresses; here it drops everything and
 * becomes the server. */
static int
role_server(int argc, char **argv)
{
	struct server_words words;
	struct privdrop p = { .root_fd = ROLE_FD_ROOT, .seal = true };
	pid_t parent = getppid();
	const char *why;
	struct rlimit rl;

	signal(SIGPIPE, SIG_IGN);
	ask_for_short_turns();
	if (!read_words(argc, argv, &words)) {
		fprintf(stderr, "sallyportd: this role is started by the "
		    "daemon itself\n");
		return EX_USAGE;
	}
	log_open(ROLE_FD_LOG, (enum log_level)words.level);
	proctitle_set("server");
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
	p.uid = words.uid;
	p.gid = words.gid;
	p.userns = words.unprivileged;
	if (privdrop(&p, &why) != OK)
		return server_failed(why);
	close(ROLE_FD_ROOT);
	if (!privdrop_die_with(parent, SIGKILL))
		return 1;
	return server_main(ROLE_FD_WARDEN, ROLE_FD_LOG);
}

static int
usage(void)
{
	fprintf(stderr, "usage: sallyportd -f FILE [-t] [-e] [-d]\n"
	    "	-f FILE	the configuration\n"
	    "	-t	check it and exit: 0 good, 78 not\n"
	    "	-e	log to standard error\n"
	    "	-d	log debug lines too\n");
	return EX_USAGE;
}

static int
role_warden(int argc, char **argv)
{
	struct warden_options opt = { .file = NULL };
	int c;

	while ((c = getopt(argc, argv, "f:ted")) != -1) {
		switch (c) {
		case 'f':
			opt.file = strdup(optarg);	/* argv will go */
			break;
		case 't':
			opt.test = true;
			break;
		case 'e':
			opt.to_stderr = true;
			break;
		case 'd':
			opt.debug = true;
			break;
		default:
			return usage();
		}
	}
	if (opt.file == NULL || optind != argc)
		return usage();
	return warden_main(&opt);
}

int
main(int argc, char **argv)
{
	proctitle_init(argc, argv);
	if (argc > 1 && strcmp(argv[1], ROLE_SERVER) == 0)
		return role_server(argc, argv);
	/* Large blocks come from the kernel and go back to it.  A login is a
	 * copy of the warden, and each page of the heap that either of them
	 * writes to later is one more that an idle session holds. */
	mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
	if (argc > 1 && strcmp(argv[1], ROLE_SESSION) == 0)
		return session_role();
	return role_warden(argc, argv);
}
