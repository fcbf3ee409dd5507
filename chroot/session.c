#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/messages.h"
#include "base/privdrop.h"
#include "base/proctitle.h"
#include "chroot/child.h"
#include "chroot/jail.h"
#include "chroot/keeper.h"
#include "chroot/serve.h"
#include "chroot/session.h"

/* RLIMIT_NOFILE of a session: a duct for each channel, and files. */
#define DESCRIPTORS	(LIMIT_CHANNELS_MAX + 1024)
#define DEFAULT_UMASK	022

struct session {
	struct session_start *start;
	int root;			/* the jail, -1: none or taken */
	struct jail_policy jail;
	char *home, *dir;		/* behind jail.home, jail.start */
	struct serve_rules rules;	/* where the rights are written */
	bool programs;			/* the user may run some */
	bool landlock;
	struct keeper_start keeper;	/* with programs */
	struct serve_flows flows;
	char why[1024];			/* of a failure, for the log */
};

/* ---- how it can fail ---- */

static bool
failed(struct session *s, const char *step)
{
	struct log_ev e;
	int saved = errno;

	log_begin(&e, LOG_ERROR, "session-failed");
	log_str(&e, "step", step);
	if (s->why[0] != '\0')
		log_str(&e, "reason", s->why);
	else if (saved != 0)
		log_errno(&e, saved);
	log_send(&e);
	return false;
}

/* What the client is told: nothing of the host. */
void
session_refuse(int server)
{
	const struct msg_auth_reply m = {
		.verdict = VERDICT_DISCONNECT,
		.payload = view_str("Your account is not available, please "
		    "ask the administrator"),
	};
	struct wr w = wr_new(1024);

	put_auth_reply(&w, &m);
	if (!w.bad && !child_send(server, MSG_AUTH_REPLY, 0, wr_view(&w)))
		log_msg(LOG_WARN, "session-failed", "no server to tell");
	wr_free(&w);
}

/* ---- with privileges ---- */

/* Of an account of the host that has none yet. */
static bool
make_home(struct session *s)
{
	const struct policy *p = s->start->policy;
	const struct jail_spec spec = {
		.path = p->home, .create = true, .uid = p->uid,
		.gid = p->gid,
	};
	char home[PATH_MAX];
	struct stat st;
	int fd = -1;

	if (!view_to_cstr(p->home, home, sizeof(home)) || home[0] != '/' ||
	    stat(home, &st) == 0)
		return true;
	if (jail_open(&spec, &fd, s->why, sizeof(s->why)) != OK)
		return failed(s, "home");
	close(fd);
	return true;
}

static bool
open_jail(struct session *s)
{
	const struct policy *p = s->start->policy;
	const struct jail_spec spec = jail_spec_of(p);

	if (p->jail.n == 0)
		return !p->create || make_home(s);
	if (jail_open(&spec, &s->root, s->why, sizeof(s->why)) != OK)
		return failed(s, "jail");
	return true;
}

/* libc reads its own files before the root changes, and never inside. */
static void
warm_up(void)
{
	struct tm tm;
	time_t t = 0;

	tzset();
	localtime_r(&t, &tm);
	gmtime_r(&t, &tm);
}

/* Does anything of this user's begin with a program? */
static bool
runs_programs(const struct session_start *s)
{
	return (s->allow & (ALLOW_SHELL | ALLOW_EXEC)) != 0 ||
	    (s->command == NULL && s->policy->run.subsystems.n != 0);
}

/* What a module of PAM has lowered stays so. */
static void
set_limits(const struct session_start *s, bool programs)
{
	struct rlimit rl = { DESCRIPTORS, DESCRIPTORS }, core = { 0, 0 };
	uint32_t mask = s->policy->umask;
	struct rlimit now = rl;

	if (getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_max <
	    rl.rlim_max)
		rl.rlim_cur = rl.rlim_max = now.rlim_max;
	if (s->pam && now.rlim_cur < rl.rlim_cur)
		rl.rlim_cur = now.rlim_cur;
	if (programs)
		rl.rlim_max = now.rlim_max;	/* theirs to use */
	setrlimit(RLIMIT_NOFILE, &rl);
	/* Programs may leave what they like; we cannot be dumped. */
	if (!programs)
		setrlimit(RLIMIT_CORE, &core);
	if (mask != POLICY_NO_UMASK)
		umask((mode_t)(mask & 0777));
	else if (!s->pam)
		umask(DEFAULT_UMASK);
}

static bool
drop(struct session *s)
{
	const struct policy *p = s->start->policy;
	const struct privdrop d = {
		.root_fd = s->root, .uid = p->uid, .gid = p->gid,
		.groups = p->groups, .ngroups = p->ngroups,
		.seal = !s->programs, .userns = s->start->unprivileged,
		.root = p->root,
	};
	const char *why;

	if (privdrop(&d, &why) != OK)
		return failed(s, why);
	if (s->root != -1)
		close(s->root);
	s->root = -1;
	if (!privdrop_die_with(s->start->parent, SIGKILL))
		return failed(s, "parent");
	return true;
}

/* ---- as the user ---- */

static bool
go_to(struct session *s, const char *dir)
{
	struct log_ev e;

	if (chdir(dir) == 0)
		return true;
	log_begin(&e, LOG_WARN, "start-missing");
	log_str(&e, "path", dir);
	log_errno(&e, errno);
	log_send(&e);
	if (chdir("/") == -1)
		return failed(s, "chdir");
	s->jail.start = "/";
	return true;
}

/* What a refusal in the log points to. */
static char *
rule_text(const struct session *s, struct view at)
{
	const struct policy *p = s->start->policy;
	struct wr w = wr_new(8192);
	char *text;

	wr_bytes(&w, at);
	if (s->start->allow != p->allow)
		wr_bytes(&w, view_str(", and the options of the key"));
	text = w.bad ? NULL : view_dup(wr_view(&w));
	wr_free(&w);
	return text;
}

static bool
find_rules(struct session *s)
{
	const struct policy *p = s->start->policy;

	s->rules.allow = rule_text(s, p->allow_at);
	s->rules.builtins = rule_text(s, p->run.builtins_at);
	if ((s->start->allow & (ALLOW_SHELL | ALLOW_EXEC)) == 0)
		s->rules.forced = s->start->command;
	return s->rules.allow != NULL && s->rules.builtins != NULL;
}

/* Checksums for those who serve and know none. */
static struct hash *
hash_by_name(const char *name, size_t *len_out)
{
	static const struct {
		const char *name;
		enum hash_alg alg;
	} algs[] = {
		{ "md5", HASH_MD5 }, { "sha1", HASH_SHA1 },
		{ "sha256", HASH_SHA256 }, { "sha384", HASH_SHA384 },
		{ "sha512", HASH_SHA512 },
	};

	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
		if (strcmp(algs[i].name, name) != 0)
			continue;
		*len_out = hash_len(algs[i].alg);
		return hash_new(algs[i].alg);
	}
	return NULL;
}

static const struct sftp_hash hashes = {
	hash_by_name, hash_update, hash_final, hash_free,
};

/* Built-in commands by their bits in sftp/. */
static uint32_t
builtins(const struct session *s)
{
	const struct policy *p = s->start->policy;
	uint32_t bits = 0;
	const char *word;

	if ((s->start->allow & ALLOW_BUILTINS) == 0)
		return 0;
	for (unsigned i = 0; (word = policy_builtin_word(i)) != NULL; i++)
		if ((p->run.builtins & (uint32_t)1 << i) != 0)
			bits |= exec_builtin_bit(word);
	return bits;
}

static bool
find_start(struct session *s)
{
	const struct policy *p = s->start->policy;
	bool jailed = p->jail.n != 0;

	s->home = view_dup(jailed || p->home.n == 0 ? view_str("/") : p->home);
	s->dir = p->start.n != 0 ? view_dup(p->start) :
	    s->home != NULL ? strdup(s->home) : NULL;
	if (s->home == NULL || s->dir == NULL || !find_rules(s))
		return failed(s, "memory");
	s->jail = (struct jail_policy){
		.user = s->start->user, .home = s->home, .start = s->dir,
		.uid = p->uid, .gid = p->gid,
		.sftp = (s->start->allow & ALLOW_SFTP) != 0,
		.scp = (s->start->allow & ALLOW_SCP) != 0,
		.builtins = builtins(s), .hash = &hashes,
	};
	return go_to(s, s->dir);
}

enum sandbox_kind
session_kind(uint32_t allow)
{
	bool connects = (allow & ALLOW_LOCAL_FORWARD) != 0;
	bool listens = (allow & ALLOW_REMOTE_FORWARD) != 0;

	if (connects)
		return listens ? SANDBOX_FORWARD : SANDBOX_CONNECT;
	return listens ? SANDBOX_LISTEN : SANDBOX_FILES;
}

static bool
seal(struct session *s)
{
	enum sandbox_kind kind = session_kind(s->start->allow);
	bool jailed = s->start->policy->jail.n != 0;

	if (s->programs)
		return true;	/* programs would inherit it */
	if (jailed && sandbox_landlock("/", kind, &s->landlock) != OK)
		return failed(s, "landlock");
	if (sandbox_install(&s->start->sandbox[kind]) != OK)
		return failed(s, "seccomp");
	return true;
}

/* What the user's forwards may be; NULL: there are none. */
static const struct serve_flows *
flows_of(struct session *s)
{
	const struct session_start *start = s->start;
	uint32_t allow = start->allow;

	/* Agents and displays are for programs. */
	if (!s->programs)
		allow &= ~(uint32_t)(ALLOW_AGENT | ALLOW_X11);
	s->flows = (struct serve_flows){
		.start = {
			.policy = start->policy, .allow = allow,
			.home = s->jail.start,
			.permit_open = start->permit_open,
			.permit_listen = start->permit_listen,
			.rule = s->rules.allow,
		},
		.warden = start->warden, .conn = start->conn,
	};
	return flows_wanted(allow) ? &s->flows : NULL;
}

/* Nothing more is asked of it. */
static void
leave_warden(struct session *s)
{
	if (s->start->warden != -1)
		close(s->start->warden);
	s->start->warden = -1;
}

static bool
become_user(struct session *s)
{
	int log = log_fd();
	int *const keep[] = { &s->start->server, &log, &s->root,
	    &s->start->warden, &s->keeper.children };

	if (!open_jail(s))
		return false;
	s->keeper.children = -1;
	if (s->programs)
		keeper_gather(&s->keeper, s->start);
	else if ((s->start->allow & ALLOW_LOCAL_FORWARD) == 0)
		leave_warden(s);
	if (!child_keep(keep, 5))
		return failed(s, "descriptors");
	log_open(log, log_level());
	warm_up();
	set_limits(s->start, s->programs);
	proctitle_set(s->programs ? "%s session" : "%s sftp",
	    s->start->user);
	return drop(s) && find_start(s) && seal(s);
}

static void
put_rights(const struct session *s, struct wr *out)
{
	const struct view_list *env = &s->start->policy->env;
	struct wr w = wr_new(IPC_MAX_FRAME);
	struct msg_ready r = {
		.allow = s->start->allow, .rule = view_str(s->rules.allow),
		.programs = s->programs,
	};

	for (size_t i = 0; i < env->n; i++)
		wr_str(&w, env->v[i]);
	r.env = wr_view(&w);
	put_ready(out, &r);
	out->bad |= w.bad;
	wr_free(&w);
}

static void
tell_ready(const struct session *s)
{
	const struct msg_auth_reply a = {
		.verdict = VERDICT_SUCCESS, .notice = s->start->notice,
	};
	struct wr w = wr_new(IPC_MAX_FRAME);
	struct log_ev e;
	bool ok;

	/* First what the success makes the client ask about. */
	put_rights(s, &w);
	ok = !w.bad && child_send(s->start->server, MSG_READY, 0,
	    wr_view(&w));
	wr_reset(&w);
	put_auth_reply(&w, &a);
	ok = ok && !w.bad && child_send(s->start->server, MSG_AUTH_REPLY, 0,
	    wr_view(&w));
	wr_free(&w);
	if (!ok)
		_exit(0);	/* the client went while we got ready */
	log_begin(&e, LOG_INFO, "login");
	log_str(&e, "method", s->start->method);
	if (s->start->key[0] != '\0')
		log_str(&e, "key", s->start->key);
	if (s->start->last_use[0] != '\0')
		log_str(&e, "last_use", s->start->last_use);
	if (s->start->last_src[0] != '\0')
		log_str(&e, "last_src", s->start->last_src);
	log_num(&e, "uid", s->start->policy->uid);
	log_str(&e, "landlock", s->landlock ? "yes" : "no");
	log_send(&e);
}

void
session_main(struct session_start *start)
{
	struct session *s = calloc(1, sizeof(*s));
	const struct serve_flows *flows;

	if (s == NULL)
		_exit(1);
	s->start = start;
	s->root = -1;
	s->programs = runs_programs(start);
	errno = 0;
	if (!become_user(s)) {
		session_refuse(start->server);
		_exit(1);
	}
	tell_ready(s);
	flows = flows_of(s);
	/* What the login freed goes back, for as long as the session idles. */
	malloc_trim(0);
	if (s->programs) {
		s->keeper.jail = &s->jail;
		s->keeper.rules = &s->rules;
		s->keeper.flows = flows != NULL ? &flows->start : NULL;
		keeper_main(&s->keeper);
	}
	serve_channels(s->start->server, &s->jail, &s->rules, flows);
}
