#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/privdrop.h"
#include "base/proctitle.h"
#include "chroot/tokens.h"
#include "chroot/warden.h"

#define EX_CONFIG	78	/* sysexits.h */
#define EX_START	1	/* anything else in the way of a start */

static bool
complain(const char *what, const char *why)
{
	fprintf(stderr, "sallyportd: %s: %s\n", what, why);
	return false;
}

static bool
complain_errno(const char *what)
{
	return complain(what, strerror(errno));
}

/* ---- the configuration ---- */

/* Reads it as a reload does, but waits. */
static struct generation *
first_generation(struct warden *w)
{
	struct wr faults = wr_new(PARSE_FAULTS_MAX);
	struct generation *g = NULL;
	int status;

	if (!warden_reload(w)) {
		complain_errno("fork");
		return NULL;
	}
	while (waitpid(w->parse.pid, &status, 0) == -1) {
		if (errno != EINTR) {
			complain_errno("waitpid");
			return NULL;
		}
	}
	w->children--;
	g = parse_finish(&w->parse, status, 1, &faults);
	warden_tell_faults(w, wr_view(&faults), true);
	wr_free(&faults);
	return g;
}

/* ---- what the process needs ---- */

/* 0, 1 and 2 must be something, or a socket takes their place. */
static bool
open_stdio(void)
{
	int fd;

	do {
		if ((fd = open("/dev/null", O_RDWR)) == -1)
			return complain_errno("/dev/null");
	} while (fd <= 2);
	close(fd);
	return true;
}

static void
raise_limits(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
}

/* A directory that has no name any more: nothing can ever be put into it. */
static int
empty_directory(void)
{
	static const char *const places[] = { "/run", "/var/tmp", "/tmp" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char path[64];
		int fd;

		snprintf(path, sizeof(path), "%s/sallyport.XXXXXX", places[i]);
		if (mkdtemp(path) == NULL)
			continue;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
		    O_CLOEXEC);
		if (fd != -1 && fchmod(fd, 0555) == -1) {
			close(fd);
			fd = -1;
		}
		rmdir(path);
		if (fd != -1)
			return fd;
	}
	return -1;
}

static bool
open_signals(struct warden *w)
{
	static const int caught[] = {
		SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR2,
	};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		sigaddset(&set, caught[i]);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
		return false;
	w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return w->signals != -1;
}

static unsigned
count_cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > 256 ? 256 : (unsigned)n;
}

static struct warden *
warden_new(const struct warden_options *opt)
{
	struct warden *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->opt = *opt;
	w->unprivileged = geteuid() != 0;
	w->helper = resolve_find_helper();
	w->exe = w->empty = w->log_in = w->log_out = -1;
	w->parse.block = w->parse.faults = -1;
	w->ntokens = count_cpus();
	outq_open(&w->to_server, -1);
	outq_open(&w->to_log, -1);
	signers_init(&w->signers);
	state_init(&w->state);
	warden_control_init(w);
	crypto_random(w->delay_secret, sizeof(w->delay_secret));
	w->frame = wards_private(IPC_MAX_FRAME);
	w->wards = wards_new();
	w->requests = (struct requests){
		.wards = w->wards, .act = &warden_actions, .ctx = w,
	};
	if (w->frame == NULL || w->wards == NULL)
		return NULL;
	return w;
}

static bool
build_filters(struct warden *w)
{
	for (int kind = 0; kind < SANDBOX_SESSIONS; kind++)
		if (!sandbox_build(&w->sessions[kind],
		    (enum sandbox_kind)kind))
			return false;
	return sandbox_build(&w->logging, SANDBOX_LOG);
}

static bool
open_parts(struct warden *w)
{
	const char *why;

	if (w->unprivileged && !privdrop_userns_works(&why))
		return complain("not root, and without a jail nobody is "
		    "served", why);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) == -1)
		return complain_errno("PR_SET_CHILD_SUBREAPER");
	w->exe = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	if (w->exe == -1)
		return complain_errno("/proc/self/exe");
	if ((w->empty = empty_directory()) == -1)
		return complain_errno("an empty directory in /run or /tmp");
	if ((w->tokens = tokens_new()) == -1)
		return complain_errno("memfd_create");
	if ((w->epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		return complain_errno("epoll_create1");
	if (!build_filters(w))
		return complain("seccomp", "the filters cannot be built");
	/* Building them took a hundred kilobytes of heap, all free again:
	 * every login would get a copy. */
	malloc_trim(0);
	if (!open_signals(w) || !warden_watch(w, w->signals, WATCH_SIGNALS, 0,
	    false))
		return complain_errno("signals");
	return true;
}

static bool
open_log(struct warden *w)
{
	struct msg_log_target how;
	char why[512];
	bool ok;
	int fd = log_target_open(config_main(w->gen[0]->config),
	    w->opt.to_stderr, &how, why, sizeof(why));

	if (fd == -1) {
		fprintf(stderr, "sallyportd: %s\n", why);
		return false;
	}
	ok = warden_start_log(w, fd, &how);
	if (!ok)
		complain_errno("log process");
	close(fd);
	return ok;
}

static bool
bind_listeners(struct warden *w)
{
	char why[512];

	if (listeners_bind(config_main(w->gen[0]->config), NULL,
	    &w->listeners, why, sizeof(why)))
		return true;
	fprintf(stderr, "sallyportd: %s\n", why);
	return false;
}

static bool
open_state(struct warden *w)
{
	char why[512];

	if (state_open(&w->state, config_main(w->gen[0]->config)->state_dir,
	    why, sizeof(why)))
		return true;
	return complain("state_dir", why);
}

static bool
open_control(struct warden *w)
{
	char why[512];

	if (!control_socket_open(&w->control,
	    config_main(w->gen[0]->config)->control, why, sizeof(why)))
		return complain("control", why);
	return warden_control_watch(w) || complain_errno("control");
}

static void
log_start(const struct warden *w)
{
	const struct config_main *m = config_main(w->gen[0]->config);
	struct log_ev e;

	log_begin(&e, LOG_INFO, "start");
	log_str(&e, "version", VERSION);
	log_num(&e, "pid", (uint64_t)getpid());
	log_str(&e, "config", w->opt.file);
	log_num(&e, "users", config_nusers(w->gen[0]->config));
	if (w->unprivileged)
		log_str(&e, "mode", "unprivileged");
	log_send(&e);
	for (size_t i = 0; i < m->nlisten; i++) {
		log_begin(&e, LOG_INFO, "listening");
		log_view(&e, "address", m->listen[i].text);
		log_send(&e);
	}
	for (size_t i = 0; i < w->gen[0]->keys.n; i++) {
		struct view blob = ssh_key_blob(w->gen[0]->keys.key[i]);
		char fp[SSHKEY_FP_MAX];

		ssh_key_fingerprint(blob, fp);
		log_begin(&e, LOG_INFO, "host-key");
		log_str(&e, "type", ssh_key_type(w->gen[0]->keys.key[i]));
		log_str(&e, "key", fp);
		log_send(&e);
	}
}

int
warden_main(const struct warden_options *opt)
{
	struct generation *g;
	struct warden *w;

	if (!open_stdio())
		return EX_START;
	raise_limits();
	umask(022);
	if ((w = warden_new(opt)) == NULL) {
		complain("start", "out of memory");
		return EX_START;
	}
	proctitle_set("warden");
	if ((g = first_generation(w)) == NULL)
		return EX_CONFIG;
	if (opt->test) {
		printf("%s: ok\n", opt->file);
		return 0;
	}
	warden_push_generation(w, g);
	w->now = warden_clock();
	if (!open_parts(w) || !open_state(w) || !bind_listeners(w) ||
	    !open_control(w) || !open_log(w))
		return EX_START;
	log_start(w);
	if (!warden_penalties_open(w)) {
		complain("penalties", "out of memory");
		return EX_START;
	}
	if (!warden_start_server(w)) {
		complain_errno("server");
		return EX_START;
	}
	warden_loop(w);
	warden_finish(w);
	return 0;
}
