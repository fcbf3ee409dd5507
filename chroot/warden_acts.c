#include <errno.h>
#include <stdio.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/host.h"
#include "chroot/warden.h"

static void
ward_log(struct log_ev *e, enum log_level level, const char *event,
    const struct ward *c)
{
	log_begin(e, level, event);
	log_num(e, "conn", c->id);
	log_view(e, "user", ward_user(c));
	log_str(e, "src", c->src);
}

/* ---- signatures ---- */

void
warden_signed(struct warden *w, uint32_t id, struct view sig)
{
	const struct msg_signed m = { sig };
	struct ward *c = wards_find(w->wards, id);
	struct wr b = wr_new(IPC_MAX_FRAME);

	if (c != NULL)
		c->signing = false;
	put_signed(&b, &m);
	warden_tell_server(w, MSG_SIGNED, id, wr_view(&b), NULL, 0);
	wr_free(&b);
}

static const struct hostkeys *
find_keys(const struct warden *w, uint32_t generation)
{
	for (size_t i = 0; i < GENERATIONS_KEPT; i++)
		if (w->gen[i] != NULL && w->gen[i]->number == generation)
			return &w->gen[i]->keys;
	return NULL;
}

/* The key that signs the session id is the one that the client sees. */
static void
note_host_key(struct ward *c, const struct hostkeys *keys, uint8_t key)
{
	uint8_t hash[HASH_MAX];

	if (c->has_host_key || keys == NULL || key >= keys->n ||
	    !hash_once(HASH_SHA256, ssh_key_blob(keys->key[key]), hash))
		return;
	memcpy(c->host_key, hash, sizeof(c->host_key));
	c->has_host_key = true;
}

static enum err
act_sign(void *ctx, struct ward *c, const struct msg_sign *m)
{
	struct warden *w = ctx;
	const struct sign_job job = {
		.id = c->id, .server = w->server_number,
		.keys = find_keys(w, m->generation), .key = m->key,
		.alg = m->alg, .hash = m->hash,
	};
	struct wr sig = wr_new(4096);

	note_host_key(c, job.keys, m->key);
	if (job.keys == NULL)
		warden_signed(w, c->id, view_of(NULL, 0));
	else if (hostkeys_slow(job.keys, m->key)) {
		if (signers_add(&w->signers, &job) != OK)
			warden_signed(w, c->id, view_of(NULL, 0));
	} else {
		if (hostkeys_sign(job.keys, m->key, m->alg, m->hash,
		    &sig) != OK || sig.bad)
			wr_reset(&sig);
		warden_signed(w, c->id, wr_view(&sig));
	}
	wr_free(&sig);
	return OK;
}

static enum err
act_sign_refused(void *ctx, uint32_t id)
{
	log_msg(LOG_WARN, "wards-full", "connection %u: no room", id);
	warden_signed(ctx, id, view_of(NULL, 0));
	return OK;
}

/* ---- logins ---- */

static bool
sock_is(int fd, int option, int want)
{
	int have;
	socklen_t n = sizeof(have);

	return getsockopt(fd, SOL_SOCKET, option, &have, &n) == 0 &&
	    have == want;
}

/* The source is what the kernel says about this socket.  ERR_PROTO: it is
 * something else; ERR_CLOSED: the client has gone. */
static enum err
find_source(int tcp, struct sockaddr_storage *peer, char src[WARD_SRC_MAX])
{
	socklen_t n = sizeof(*peer);
	const struct sockaddr_in6 *a6 = (const void *)peer;
	const struct sockaddr_in *a4 = (const void *)peer;
	const void *p = &a4->sin_addr;
	int family = AF_INET;

	if (!sock_is(tcp, SO_TYPE, SOCK_STREAM) ||
	    !sock_is(tcp, SO_PROTOCOL, IPPROTO_TCP))
		return ERR_PROTO;
	memset(peer, 0, sizeof(*peer));
	if (getpeername(tcp, (struct sockaddr *)peer, &n) == -1)
		return ERR_CLOSED;
	if (peer->ss_family == AF_INET6) {
		bool mapped = IN6_IS_ADDR_V4MAPPED(&a6->sin6_addr);

		family = mapped ? AF_INET : AF_INET6;
		p = &a6->sin6_addr.s6_addr[mapped ? 12 : 0];
	} else if (peer->ss_family != AF_INET)
		return ERR_PROTO;
	return inet_ntop(family, p, src, WARD_SRC_MAX) != NULL ? OK : ERR_SYS;
}

/* And so is the address where the client has arrived. */
static enum err
find_place(int tcp, struct login_start *s, struct place *out)
{
	socklen_t n = sizeof(s->local);

	if (getsockname(tcp, (struct sockaddr *)&s->local, &n) == -1)
		return ERR_CLOSED;
	place_of((const struct sockaddr *)&s->peer,
	    (const struct sockaddr *)&s->local, out);
	return OK;
}

/* The kind of work that a login for nobody does: that of some user's, always
 * the same for one name, each kind as often as users have it. */
static struct view
find_decoy(const struct warden *w, struct view user)
{
	const struct config_main *m = config_main(w->gen[0]->config);
	struct wr b = wr_new(4096);
	uint8_t h[HASH_MAX];
	uint64_t n = 0;
	size_t i = 0;

	for (size_t k = 0; k < m->ndecoys; k++)
		n += m->decoys[k].users;
	wr_bytes(&b, view_of(w->delay_secret, sizeof(w->delay_secret)));
	wr_cstr(&b, "decoy");
	wr_str(&b, user);
	if (n == 0 || b.bad || !hash_once(HASH_SHA256, wr_view(&b), h)) {
		wr_free(&b);
		return view_of(NULL, 0);
	}
	wr_free(&b);
	n = get_u32(h) % n;
	while (n >= m->decoys[i].users)
		n -= m->decoys[i++].users;
	return m->decoys[i].policy;
}

/* The child gets its own user's policy and nobody else's. */
static struct view
copy_policy(const struct warden *w, const struct ward *c, bool *exists_out)
{
	struct view p = config_user(w->gen[0]->config, ward_user(c),
	    &c->place);
	uint8_t *copy;

	*exists_out = p.n != 0;
	if (p.n == 0)
		p = find_decoy(w, ward_user(c));
	if (p.n == 0 || (copy = malloc(p.n)) == NULL)
		return view_of(NULL, 0);
	memcpy(copy, p.p, p.n);
	return view_of(copy, p.n);
}

/* The rules for accounts of the host, encoded; nothing: they cannot log in. */
static struct wr
host_rules(const struct warden *w, const struct ward *c)
{
	struct wr b = wr_new(IPC_MAX_FRAME - 64);
	struct host_rules r;

	if (config_host(w->gen[0]->config, &c->place, &r))
		put_host_rules(&b, &r);
	return b;
}

static bool
fork_login(struct warden *w, struct ward *c, struct login_start *s)
{
	struct view policy;
	struct wr host = host_rules(w, c);
	int pair[2];
	pid_t pid;
	bool ok;

	if (host.bad || ipc_pair(pair, true) != OK) {
		wr_free(&host);
		return false;
	}
	s->policy = policy = copy_policy(w, c, &s->exists);
	s->host = wr_view(&host);
	c->host = !s->exists && s->host.n != 0;
	c->stranger = !s->exists && !c->host;
	s->warden = pair[1];
	ok = warden_fork_login(w, s, &pid);
	close(pair[1]);
	wr_free(&host);
	if (policy.n != 0) {
		wipe((void *)(uintptr_t)policy.p, policy.n);
		free((void *)(uintptr_t)policy.p);
	}
	if (!ok) {
		close(pair[0]);
		return false;
	}
	wards_set_pid(w->wards, c, pid);
	c->sock = pair[0];
	c->login_generation = w->gen[0]->number;
	return warden_watch(w, c->sock, WATCH_LOGIN, c->id, false);
}

static enum err
login_failed(struct warden *w, struct ward *c, const char *why)
{
	struct log_ev e;
	int saved = errno;

	ward_log(&e, LOG_ERROR, "login-impossible", c);
	log_str(&e, "step", why);
	log_errno(&e, saved);
	log_send(&e);
	c->blameless = true;
	if (!ward_move(c, WARD_DEAD))
		return ERR_PROTO;
	warden_tell_server(w, MSG_LOGIN_FAILED, c->id, view_of(NULL, 0),
	    NULL, 0);
	return OK;
}

static enum err
start_login(struct warden *w, struct ward *c, int tcp, int peer)
{
	const struct config_main *m = config_main(w->gen[0]->config);
	struct login_start s = {
		.conn = c->id, .server = peer,
		.session_id_len = c->session_id_len, .user_len = c->user_len,
		.methods_first = m->methods, .asks_code = m->asks_code,
		.max_attempts = m->limits.auth_attempts,
		.grace_ms = m->limits.login_grace_ms,
	};
	enum err e;

	if (!sock_is(peer, SO_DOMAIN, AF_UNIX) ||
	    !sock_is(peer, SO_TYPE, SOCK_SEQPACKET)) {
		w->requests.refused = "no socket for the login";
		return ERR_PROTO;
	}
	e = find_source(tcp, &s.peer, c->src);
	if (e == ERR_PROTO) {
		w->requests.refused = "no TCP socket of a client";
		return ERR_PROTO;
	}
	if (e != OK)
		return login_failed(w, c, "source");
	if ((e = find_place(tcp, &s, &c->place)) != OK)
		return login_failed(w, c, "place");
	net_of(&s.peer, &c->net);
	memcpy(s.session_id, c->session_id, sizeof(s.session_id));
	memcpy(s.host_key, c->host_key, sizeof(s.host_key));
	s.has_host_key = c->has_host_key;
	memcpy(s.user, c->user, sizeof(s.user));
	memcpy(s.src, c->src, sizeof(s.src));
	return fork_login(w, c, &s) ? OK : login_failed(w, c, "fork");
}

static enum err
act_login(void *ctx, struct ward *c, const struct msg_login *m, int tcp,
    int peer)
{
	enum err e;

	(void)m;	/* the ward has the name; the ident is the server's */
	if (tcp == -1 || peer == -1) {
		errno = EMFILE;		/* they came, and we had no room */
		e = login_failed(ctx, c, "descriptors");
	} else
		e = start_login(ctx, c, tcp, peer);
	if (tcp != -1)
		close(tcp);
	if (peer != -1)
		close(peer);
	return e;
}

void
warden_end_login(struct warden *w, struct ward *c, bool kill_it)
{
	if (c->sock != -1) {
		warden_unwatch(w, c->sock);
		close(c->sock);
		c->sock = -1;
	}
	/* A helper ends its session first, and has a deadline of its own. */
	if (kill_it && c->pid > 0 && c->phase != WARD_DEAD)
		kill(c->pid, c->pid == c->heir ? SIGTERM : SIGKILL);
}

static void
act_gone(void *ctx, struct ward **c)
{
	struct warden *w = ctx;

	/* A session ends by itself and logs what it was doing; a login that
	 * nobody waits for should not go on hashing. */
	warden_end_login(w, *c, (*c)->phase == WARD_LOGIN);
	/* How it ends says whether it crashed: that may be why the connection
	 * has gone. */
	if ((*c)->phase == WARD_LOGIN && (*c)->pid > 0)
		(*c)->gone = true;
	else if ((*c)->heir != 0 && ward_move(*c, WARD_DEAD))
		(*c)->gone = true;	/* no session; its helper closes it */
	else
		warden_part(w, c);
}

void
warden_part(struct warden *w, struct ward **c)
{
	struct ward was = **c;

	/* First: what follows may end the server and all its wards. */
	warden_ptys_gone(w, (*c)->id);
	lookups_gone(&w->lookups, (*c)->id);
	wards_remove(w->wards, c);
	warden_judge(w, &was);
	wipe(&was, sizeof(was));
}

static enum err
act_offence(void *ctx, const struct msg_offence *m)
{
	warden_offence(ctx, &m->src, (enum penalty_reason)m->reason);
	return OK;
}

/* ---- what logins say ---- */

static enum err
act_attempt(void *ctx, struct ward *c, const struct msg_attempt *m,
    bool enough)
{
	struct log_ev e;

	(void)ctx;
	/* A success that matters has the session's own "login" event. */
	ward_log(&e, m->success ? LOG_DEBUG : LOG_WARN,
	    m->success ? "auth-step" : "login-failed", c);
	log_str(&e, "method", m->method < AUTH_METHODS ?
	    auth_method_name((enum auth_method)m->method) : "unknown");
	if (m->key.n != 0)
		log_view(&e, "key", m->key);
	if (!m->success) {
		log_view(&e, "reason", m->reason);
		log_num(&e, "attempts", c->attempts);
	}
	log_send(&e);
	if (!enough)
		return OK;
	return ipc_send(c->sock, MSG_ENOUGH, c->id, view_of(NULL, 0), NULL,
	    0);
}

/* A policy that was read again, without what proves who the user is. */
static bool
put_newest(struct view bytes, struct wr *out)
{
	struct policy *p = policy_decode(bytes);

	if (p == NULL)
		return false;
	p->nkeys = 0;
	p->key_files.n = 0;
	p->password = view_of(NULL, 0);
	p->totp = (struct policy_totp){ 0 };
	p->nknown_hosts = 0;
	p->known_hosts_files.n = 0;
	policy_encode(out, p);
	policy_free(&p);
	return !out->bad;
}

static enum err
answer_text(struct ward *c, uint8_t type, struct view text)
{
	const struct msg_text m = { text };
	struct wr b = wr_new(IPC_MAX_FRAME);
	enum err e;

	put_text(&b, &m);
	e = b.bad ? ERR_LIMIT :
	    ipc_send(c->sock, type, c->id, wr_view(&b), NULL, 0);
	wr_free(&b);
	return e;
}

/* The login counts and reports it like a proof that failed. */
static enum err
refuse_go(struct ward *c, const char *why)
{
	c->blameless = true;	/* the proof was good */
	return answer_text(c, MSG_NO, view_str(why));
}

static enum err
pass_newest(struct ward *c, uint32_t number, struct view bytes)
{
	struct wr b = wr_new(IPC_MAX_FRAME - 64);
	enum err e;

	if (put_newest(bytes, &b)) {
		c->login_generation = number;
		e = answer_text(c, MSG_POLICY, wr_view(&b));
	} else
		e = refuse_go(c, "the new policy is too large to pass on");
	wr_free(&b);
	return e;
}

/* Whose terminals the session's will be, and whether it may have any. */
static void
note_account(struct ward *c, struct view bytes)
{
	struct policy *p = policy_decode(bytes);

	if (p == NULL)
		return;
	c->uid = p->uid;
	c->may_pty = (p->allow & ALLOW_PTY) != 0;
	c->may_lookup = (p->allow & ALLOW_LOCAL_FORWARD) != 0;
	c->may_heir = c->host || p->pam.n != 0;
	policy_free(&p);
}

static enum err
act_pty(void *ctx, struct ward *c)
{
	return warden_pty(ctx, c);
}

static enum err
act_pty_done(void *ctx, struct ward *c, uint32_t number)
{
	return warden_pty_done(ctx, c, number);
}

/* What the kernel says about a process: its parent, 0 if there is none. */
static pid_t
parent_of(pid_t pid)
{
	char path[64], text[1024], *at;
	ssize_t n;
	int fd, parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	/* pid (name) state parent ...; a name may hold anything */
	if ((at = strrchr(text, ')')) == NULL ||
	    sscanf(at, ") %*c %d", &parent) != 1)
		return 0;
	return parent;
}

/* Is it a child of the other, or a grandchild (a supervisor's child)? */
static bool
descends(pid_t pid, pid_t from)
{
	pid_t parent = parent_of(pid);

	return from > 0 && parent > 1 &&
	    (parent == from || parent_of(parent) == from);
}

static enum err
act_child(void *ctx, struct ward *c, pid_t pid)
{
	/* Others' events must not be called this user's. */
	if (parent_of(pid) == c->pid)
		warden_log_child(ctx, c, pid);
	return ipc_send(c->sock, MSG_CHILD_KNOWN, c->id, view_of(NULL, 0),
	    NULL, 0);
}

static enum err
act_lookup(void *ctx, struct ward *c, const struct msg_lookup *m)
{
	warden_lookup(ctx, c, m);
	return OK;
}

/* The rules for accounts of the host have changed: the login looks again. */
static enum err
pass_rules(struct warden *w, struct ward *c)
{
	struct wr b = host_rules(w, c);
	enum err e;

	if (!b.bad) {
		c->login_generation = w->gen[0]->number;
		e = answer_text(c, MSG_POLICY, wr_view(&b));
	} else
		e = refuse_go(c, "the new rules are too large to pass on");
	wr_free(&b);
	return e;
}

/* What counts for the user now, empty: nobody any more. */
static struct view
policy_now(const struct warden *w, const struct ward *c)
{
	const struct config *g = w->gen[0]->config;
	struct view bytes = config_user(g, ward_user(c), &c->place);
	struct host_rules r;

	if (!c->host)
		return bytes;
	/* Who has become a user of the configuration is somebody else. */
	if (bytes.n != 0 || !config_host(g, &c->place, &r) ||
	    !host_may_be(&r, ward_user(c)))
		return view_of(NULL, 0);
	return r.policy;
}

static enum err
act_authenticated(void *ctx, struct ward *c, bool *go_out)
{
	struct warden *w = ctx;
	const struct generation *g = w->gen[0];
	struct view bytes = policy_now(w, c);
	uint32_t sessions = policy_peek_sessions(bytes);

	if (bytes.n == 0)
		return refuse_go(c, "the user has been removed");
	if (g->number != c->login_generation)
		return c->host ? pass_rules(w, c) :
		    pass_newest(c, g->number, bytes);
	if (sessions != 0 &&
	    wards_sessions(w->wards, ward_user(c)) >= sessions)
		return refuse_go(c, "user has as many sessions as allowed");
	*go_out = true;
	note_account(c, bytes);
	return ipc_send(c->sock, MSG_GO, c->id, view_of(NULL, 0), NULL, 0);
}

static enum err
act_heir(void *ctx, struct ward *c, const struct msg_heir *m)
{
	struct warden *w = ctx;

	/* What ends or is logged as this user's later must be of its own
	 * making: the login started the helper, the helper the session. */
	if (!descends(m->helper, c->pid) || !descends(m->session, m->helper)) {
		w->requests.refused = "heirs that are not the login's";
		return ERR_DENIED;
	}
	c->heir = m->helper;
	c->session = m->session;
	if (c->host)
		c->uid = m->uid;	/* nobody knew before */
	if (!warden_introduce(w, c, c->heir) ||
	    !warden_introduce(w, c, c->session))
		log_msg(LOG_WARN, "log-process", "it has not heard of the "
		    "session of connection %u", c->id);
	return ipc_send(c->sock, MSG_NOTED, c->id, view_of(NULL, 0), NULL, 0);
}

const struct actions warden_actions = {
	.sign = act_sign,
	.sign_refused = act_sign_refused,
	.login = act_login,
	.gone = act_gone,
	.offence = act_offence,
	.attempt = act_attempt,
	.authenticated = act_authenticated,
	.heir = act_heir,
	.pty = act_pty,
	.pty_done = act_pty_done,
	.child = act_child,
	.lookup = act_lookup,
};
