#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/privdrop.h"
#include "base/proctitle.h"
#include "chroot/child.h"
#include "chroot/environ.h"
#include "chroot/handover.h"
#include "chroot/login.h"
#include "chroot/session.h"
#include "chroot/tokens.h"
#include "chroot/userstore.h"

/* What the login waits for; one thing at a time, and anything else that
 * comes is out of order and ends it. */
enum login_state {
	LOGIN_ASK,		/* a USERAUTH message */
	LOGIN_HELD,		/* the moment when the answer may leave */
	LOGIN_GO		/* the warden's word after the proof */
};

struct login {
	struct login_start *start;
	const struct policy *policy;	/* NULL: no such user */
	struct policy *own;		/* that of the configuration */
	struct policy *decoy;		/* then, if there is one */
	const struct policy *newer;	/* it has changed; NULL: it has not */
	struct policy *newer_own;
	uint8_t *newer_bytes;
	struct auth_account newer_host;	/* of an account of the host */
	struct auth *auth;
	enum login_state state;
	struct auth_answer ans;
	uint64_t came;			/* ms, the last request */
	uint64_t release;		/* ms, when ans may leave */
	char why[128];			/* of the warden's MSG_NO */
	uint32_t failures;
	bool enough;			/* the warden says so */
	unsigned token;
	char user[USERAUTH_MAX_USER + 1];
	struct userstore store, host_store;
	uint8_t frame[IPC_MAX_FRAME];
};

static void quit(const char *why) __attribute__((noreturn));

/* The end of a login that did not succeed.  why NULL: in order. */
static void
quit(const char *why)
{
	if (why != NULL)
		log_msg(LOG_WARN, "login-ended", "%s", why);
	_exit(why != NULL);
}

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- password hashes take turns ---- */

static void
hash_slot(void *ctx, bool take)
{
	struct login *l = ctx;
	const struct login_start *s = l->start;

	if (!take) {
		tokens_give(s->tokens, l->token);
		if (!s->unprivileged)
			tokens_step_back(false);
		return;
	}
	if (!s->unprivileged)
		tokens_step_back(true);
	if (!tokens_wait(s->tokens, s->ntokens, s->server, &l->token))
		quit(NULL);	/* the client has gone meanwhile */
}

/* ---- waiting for helpers ---- */

/* For whatever a method waits for, but no longer than the client is there:
 * nobody would hear the answer. */
static bool
wait_for(void *ctx, int fd, short events, int ms)
{
	struct login *l = ctx;
	uint64_t end = now_ms() + (uint64_t)(ms < 0 ? 0 : ms);
	struct pollfd p[2] = {
		{ .fd = fd, .events = events },
		{ .fd = l->start->server },
	};

	for (;;) {
		uint64_t now = now_ms();
		int n = poll(p, 2, ms < 0 ? -1 : now >= end ? 0 :
		    (int)(end - now));

		if (n > 0 && (p[1].revents & (POLLHUP | POLLERR)) != 0)
			quit(NULL);
		if (n > 0 && p[0].revents != 0)
			return true;
		if (n == 0 || (n == -1 && errno != EINTR))
			return false;
	}
}

/* ---- answers ---- */

static void
send_reply(struct login *l)
{
	const struct msg_auth_reply m = {
		.verdict = (uint8_t)l->ans.verdict,
		.methods = l->ans.methods,
		.payload = wr_view(&l->ans.payload),
		.notice = wr_view(&l->ans.notice),
	};
	struct wr w = wr_new(IPC_MAX_FRAME);

	put_auth_reply(&w, &m);
	if (w.bad || !child_send(l->start->server, MSG_AUTH_REPLY, 0,
	    wr_view(&w)))
		quit("the server does not take the answer");
	wr_free(&w);
	wr_free(&l->ans.payload);
	wr_free(&l->ans.notice);
	if (l->ans.verdict == VERDICT_DISCONNECT)
		quit(NULL);
	l->state = LOGIN_ASK;
}

static void
release(struct login *l)
{
	if (l->enough && l->ans.verdict != VERDICT_SUCCESS) {
		wr_reset(&l->ans.payload);
		wr_bytes(&l->ans.payload,
		    view_str("Too many authentication failures"));
		l->ans.verdict = VERDICT_DISCONNECT;
	}
	send_reply(l);
}

static bool
proved(const struct auth_answer *a)
{
	return a->verdict == VERDICT_SUCCESS || a->verdict == VERDICT_PARTIAL;
}

static void
report_one(struct login *l, const struct msg_attempt *m)
{
	struct wr w = wr_new(IPC_MAX_FRAME);

	/* The warden takes no attempt past the limit. */
	if (l->enough)
		return;
	put_attempt(&w, m);
	if (w.bad || !child_send(l->start->warden, MSG_ATTEMPT,
	    l->start->conn, wr_view(&w)))
		quit("the warden has gone");
	wr_free(&w);
	if (!m->success)
		l->failures++;
	/* The warden's MSG_ENOUGH says the same, perhaps too late. */
	if (l->start->max_attempts != 0 &&
	    l->failures >= l->start->max_attempts)
		l->enough = true;
}

/* Tells the warden before the client hears anything. */
static void
report(struct login *l)
{
	const struct auth_answer *a = &l->ans;
	const struct msg_attempt left = {
		.method = AUTH_KBDINT,
		.reason = view_str("dialogue was left unanswered"),
	};
	const struct msg_attempt m = {
		.method = a->method >= 0 ? (uint8_t)a->method :
		    MSG_METHOD_UNKNOWN,
		.success = proved(a),
		.reason = view_str(a->reason),
		.key = view_str(a->key),
	};

	if (a->abandoned)
		report_one(l, &left);
	if (a->counted)
		report_one(l, &m);
}

/* The proof holds, but not for this user now. */
static void
not_granted(struct login *l, const char *why)
{
	const struct msg_attempt m = {
		.method = (uint8_t)l->ans.method,
		.reason = view_str(why),
		.key = view_str(l->ans.key),
	};

	report_one(l, &m);
	auth_undo(l->auth, &l->ans, why);
	l->release = l->came + l->ans.not_before_ms;
	l->state = LOGIN_HELD;
}

static bool
is_host(const struct login *l)
{
	return !l->start->exists && l->start->host.n != 0;
}

/* Asks the warden, unless a policy that came meanwhile refuses: what the user
 * proved, they proved by the old one, but whether they may come now says the
 * newest. */
static void
ask_to_go(struct login *l)
{
	const char *why = NULL;

	if (l->newer != NULL && !view_eq(l->newer->pam, l->policy->pam))
		why = "the user's PAM service has changed meanwhile";
	else if (l->newer != NULL && is_host(l) &&
	    l->newer->uid != l->policy->uid)
		why = "the account has changed meanwhile";
	else if (l->newer != NULL)
		why = auth_refuses(l->newer,
		    (const struct sockaddr *)&l->start->peer, time(NULL));
	if (why != NULL) {
		not_granted(l, why);
		return;
	}
	if (!child_send(l->start->warden, MSG_AUTHENTICATED, l->start->conn,
	    view_of(NULL, 0)))
		quit("the warden has gone");
	l->state = LOGIN_GO;
}

static void
take_request(struct login *l, const struct ipc_msg *msg)
{
	l->came = now_ms();
	if (msg->type != MSG_USERAUTH || msg->nfds != 0 ||
	    l->state != LOGIN_ASK)
		quit("message of the server out of order");
	auth_request(l->auth, msg->body, &l->ans);
	if (l->policy == NULL)
		l->policy = auth_policy(l->auth);
	/* A password may be in it.  No more than was written is wiped: each
	 * page touched here is one more that an idle session holds. */
	wipe(l->frame, (size_t)(msg->body.p - l->frame) + msg->body.n);
	report(l);
	/* A dialogue that was left may have been the last attempt. */
	if (l->enough && l->ans.verdict == VERDICT_SUCCESS)
		l->ans.verdict = VERDICT_FAILURE;
	l->release = l->came + l->ans.not_before_ms;
	l->state = LOGIN_HELD;
	if (l->ans.verdict == VERDICT_SUCCESS)
		ask_to_go(l);
}

/* ---- the user is known ---- */

/* New rules for accounts of the host: is this one still let in? */
static void
take_rules(struct login *l, struct view bytes)
{
	const char *why;

	l->newer = NULL;
	auth_account_free(&l->newer_host);
	/* Before it is asked about: the answer comes in the same frame. */
	free(l->newer_bytes);
	if ((l->newer_bytes = malloc(bytes.n + 1)) == NULL)
		quit("no room for the new rules");
	memcpy(l->newer_bytes, bytes.p, bytes.n);
	why = auth_find_account(l->auth, view_of(l->newer_bytes, bytes.n),
	    &l->newer_host);
	if (why == NULL) {
		l->newer = l->newer_host.policy;
		ask_to_go(l);
	} else
		not_granted(l, why);
}

/* A policy that changed since the fork is laid beside ours. */
static void
take_policy(struct login *l, struct view bytes)
{
	if (is_host(l)) {
		take_rules(l, bytes);
		return;
	}
	policy_free(&l->newer_own);
	free(l->newer_bytes);
	if (bytes.n == 0 || (l->newer_bytes = malloc(bytes.n)) == NULL)
		quit("no room for the new policy");
	memcpy(l->newer_bytes, bytes.p, bytes.n);
	l->newer_own = policy_decode(view_of(l->newer_bytes, bytes.n));
	if ((l->newer = l->newer_own) == NULL)
		quit("the new policy does not decode");
	ask_to_go(l);
}

/* What the policy forces counts before what the key does; *command_out is
 * what is done whatever the client asks for, empty if there is none: a program
 * to run, or where none may be run, a command that is served without one.  A
 * forced command of which nothing but SFTP is left is internal-sftp. */
static uint32_t
rights(const struct policy *p, const struct auth_limits *lim,
    struct view *command_out)
{
	struct view command = p->run.command.n != 0 ? p->run.command :
	    view_str(lim->command);
	uint32_t allow = p->allow & ~lim->deny;

	*command_out = view_of(NULL, 0);
	if (command.n == 0)
		return allow;
	if (view_is(command, "internal-sftp"))
		return allow & ALLOW_SFTP;
	*command_out = command;
	if ((allow & (ALLOW_SHELL | ALLOW_EXEC)) != 0)
		allow &= ~(uint32_t)(ALLOW_SCP | ALLOW_BUILTINS);
	return allow & ~(uint32_t)ALLOW_SFTP;
}

/* Texts with a NUL behind each as a list. */
static struct view_list
list_of(const char *text, size_t len)
{
	size_t max = 0, n = 0;
	struct view *v;

	for (size_t i = 0; i < len; i++)
		max += text[i] == '\0';
	if ((v = calloc(max + 1, sizeof(*v))) == NULL)
		quit("out of memory");
	for (; n < max; text += v[n].n + 1, n++)
		v[n] = view_str(text);
	return (struct view_list){ v, n };
}

/* What the key says of the session's forwards and programs. */
static void
take_limits(struct session_start *ss, const struct auth_limits *lim)
{
	ss->key_env = list_of(lim->env, lim->env_len);
	ss->permit_open = list_of(lim->open.text, lim->open.len);
	ss->permit_listen = list_of(lim->listen.text, lim->listen.len);
	/* Without an entry a list would be none at all. */
	if (lim->open.given && ss->permit_open.n == 0)
		ss->allow &= ~(uint32_t)ALLOW_LOCAL_FORWARD;
	if (lim->listen.given && ss->permit_listen.n == 0)
		ss->allow &= ~(uint32_t)ALLOW_REMOTE_FORWARD;
}

static void
adjust(struct policy *p, const struct auth_limits *lim)
{
	if (lim->has_umask)
		p->umask = lim->umask;
	if (lim->start[0] != '\0')
		p->start = view_str(lim->start);
}

/* When the key was used before, as the log has times. */
static void
note_use(struct login *l, struct auth_last_use *use, char *text, size_t n)
{
	struct tm tm;
	time_t t;

	text[0] = '\0';
	if (!auth_note_use(l->auth, use))
		return;
	t = (time_t)use->at;
	if (t == 0 || gmtime_r(&t, &tm) == NULL ||
	    strftime(text, n, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(text, n, "never");
}

static void hand_over(struct login *l, const struct session_start *ss)
    __attribute__((noreturn));

/* The session is PAM's; we end. */
static void
hand_over(struct login *l, const struct session_start *ss)
{
	const struct handover h = {
		.auth = l->auth, .login = l->start, .session = ss,
		.wait = wait_for, .ctx = l,
	};

	if (!handover(&h)) {
		session_refuse(l->start->server);
		auth_free(&l->auth);
		_exit(1);
	}
	_exit(0);
}

static void
go(struct login *l)
{
	struct login_start *s = l->start;
	struct policy policy;
	struct auth_last_use use;
	struct auth_limits lim;
	struct view command;
	char connection[ENVIRON_CONNECTION];
	char last[32];
	struct session_start ss = {
		.user = l->user, .last_use = last, .last_src = use.src,
		.method = l->ans.method >= 0 ?
		    auth_method_name((enum auth_method)l->ans.method) : "",
		.key = l->ans.key,
		.notice = wr_view(&l->ans.notice),
		.connection = connection,
		.conn = s->conn,
		.server = s->server,
		.warden = s->warden,
		.unprivileged = s->unprivileged,
		.sandbox = s->sandbox,
		.parent = s->parent,
	};

	if (l->policy == NULL)
		quit("success for nobody");
	policy = l->newer != NULL ? *l->newer : *l->policy;
	lim = *auth_limits(l->auth);
	adjust(&policy, &lim);
	note_use(l, &use, last, sizeof(last));
	ss.policy = &policy;
	ss.allow = rights(&policy, &lim, &command);
	if (command.n != 0 && (ss.command = view_dup(command)) == NULL)
		quit("out of memory");
	take_limits(&ss, &lim);
	environ_connection((const struct sockaddr *)&s->peer,
	    (const struct sockaddr *)&s->local, connection);
	if (auth_has_session(l->auth))
		hand_over(l, &ss);
	auth_keep_policy(l->auth);
	auth_free(&l->auth);
	wr_free(&l->ans.payload);
	close(s->tokens);
	close(s->exe);
	if (s->users != -1)
		close(s->users);
	wipe(s->session_id, sizeof(s->session_id));
	wipe(s->delay_secret, sizeof(s->delay_secret));
	session_main(&ss);
}

static void
take_word(struct login *l, const struct ipc_msg *msg)
{
	struct msg_text m = { view_of(NULL, 0) };

	if (msg->type == MSG_ENOUGH) {
		l->enough = true;
		return;
	}
	if (l->state != LOGIN_GO ||
	    (msg->type == MSG_GO ? msg->body.n != 0 :
	    !get_text(msg->body, &m)))
		quit("message of the warden out of order");
	switch (msg->type) {
	case MSG_GO:
		go(l);
		break;
	case MSG_NO:
		if (!view_to_cstr(m.text, l->why, sizeof(l->why)))
			quit("broken word of the warden");
		not_granted(l, l->why);
		break;
	case MSG_POLICY:
		take_policy(l, m.text);
		break;
	default:
		quit("message of the warden out of order");
	}
}

/* ---- the loop ---- */

static void
read_frame(struct login *l, int sock,
    void (*take)(struct login *, const struct ipc_msg *))
{
	struct ipc_msg msg;
	enum err e = ipc_recv(sock, l->frame, sizeof(l->frame), &msg);

	if (e == ERR_AGAIN)
		return;
	if (e != OK)
		quit(e == ERR_CLOSED ? NULL : "broken frame");
	take(l, &msg);
	ipc_msg_close(&msg);
}

static int
patience(const struct login *l)
{
	uint64_t now = now_ms();

	if (l->state != LOGIN_HELD)
		return -1;
	return l->release <= now ? 0 : (int)(l->release - now);
}

static void
serve(struct login *l)
{
	struct pollfd p[2] = {
		{ .fd = l->start->server, .events = POLLIN },
		{ .fd = l->start->warden, .events = POLLIN },
	};

	for (;;) {
		if (poll(p, 2, patience(l)) == -1 && errno != EINTR)
			quit("poll failed");
		if (p[1].revents != 0)
			read_frame(l, p[1].fd, take_word);
		if (p[0].revents != 0)
			read_frame(l, p[0].fd, take_request);
		if (l->state == LOGIN_HELD && now_ms() >= l->release)
			release(l);
	}
}

/* The log must know who we are before our first event. */
static bool
introduce(const struct login_start *s)
{
	const struct msg_log_who m = {
		.pid = getpid(), .conn = s->conn,
		.user = view_of(s->user, s->user_len), .src = view_str(s->src),
	};
	struct wr w = wr_new(IPC_MAX_FRAME);
	bool ok;

	put_log_who(&w, &m);
	ok = !w.bad && child_send(s->log_control, MSG_LOG_WHO, 0,
	    wr_view(&w));
	wr_free(&w);
	return ok;
}

static bool
begin(struct login *l)
{
	struct login_start *s = l->start;
	int *const keep[] = { &s->server, &s->warden, &s->log, &s->tokens,
	    &s->users, &s->exe };
	struct auth_start as = {
		.user = view_of(s->user, s->user_len),
		.session_id = view_of(s->session_id, s->session_id_len),
		.host_key = view_of(s->host_key, s->has_host_key ?
		    sizeof(s->host_key) : 0),
		.methods_first = s->methods_first,
		.asks_code = s->asks_code,
		.peer = (const struct sockaddr *)&s->peer,
		.local = (const struct sockaddr *)&s->local, .conn = s->conn,
		.now = time(NULL),
		.hash_slot = hash_slot, .hash_ctx = l,
		.wait = wait_for, .wait_ctx = l,
		.helper = s->helper, .grace_ms = s->grace_ms,
		.delay_secret = view_of(s->delay_secret,
		    sizeof(s->delay_secret)),
	};

	introduce(s);
	if (!child_keep(keep, 6) || !child_stdio(false))
		return false;
	log_open(s->log, log_level());
	/* Whoever this is could be called root; nobody serves as root. */
	if (l->own != NULL && !s->unprivileged && (l->own->uid == 0 ||
	    l->own->gid == 0))
		policy_free(&l->own);
	as.policy = l->policy = l->own;
	as.host = s->host;
	if (s->host.n != 0 && userstore_init(&l->host_store, s->users,
	    as.user))
		as.host_store = &l->host_store.ops;
	/* For nobody something is looked for as well; no user has this name,
	 * and nothing is ever written there. */
	if (userstore_init(&l->store, s->users, l->policy != NULL ? as.user :
	    view_str("-")))
		as.store = &l->store.ops;
	as.decoy = l->decoy;
	memcpy(as.src, s->src, sizeof(as.src) < sizeof(s->src) ?
	    sizeof(as.src) : sizeof(s->src));
	as.src[sizeof(as.src) - 1] = '\0';
	return (l->auth = auth_new(&as)) != NULL;
}

void
login_main(struct login_start *s)
{
	struct login *l = calloc(1, sizeof(*l));

	if (l == NULL)
		_exit(1);
	l->start = s;
	if (!view_to_cstr(view_of(s->user, s->user_len), l->user,
	    sizeof(l->user)))
		_exit(1);
	proctitle_set("login %s", l->user);
	if (s->policy.n != 0) {
		struct policy **to = s->exists ? &l->own : &l->decoy;

		if ((*to = policy_decode(s->policy)) == NULL)
			_exit(1);
	}
	log_context(s->conn, l->user, s->src);
	if (!begin(l)) {
		child_complain("login", "begin");
		_exit(1);
	}
	serve(l);
	_exit(0);
}
