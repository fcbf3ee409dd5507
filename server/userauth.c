/*
 * The service request and the userauth dialogue (RFC 4252, 4256).  Who may
 * log in is the application's answer; that a request is whole, that its user
 * and service stay the same and that a signature verifies is looked after
 * here, alike for every user name.
 */
#include <stdlib.h>
#include <string.h>

#include "base/sshcert.h"
#include "base/userauth_msg.h"
#include "server/outgoing.h"

#define USERAUTH_MAX_REQUESTS	64	/* of one connection */
#define BANNER_MAX	(OUTGOING_MAX / 2)

static const struct ssh_server_events *
events(const struct ssh_conn *c)
{
	return c->server->ev;
}

static void
forget_request(struct userauth *u)
{
	ssh_key_free(&u->key);
	if (u->request != NULL)
		wipe(u->request, u->request_len);
	free(u->request);
	u->request = NULL;
	u->request_len = 0;
}

void
userauth_free(struct userauth *u)
{
	forget_request(u);
	free(u->user);
	*u = (struct userauth){ .method = -1 };
}

/* string	service name (RFC 4253 10) */
enum err
userauth_service_request(struct ssh_conn *c, struct rd *r)
{
	struct view name = rd_text(r);
	struct wr w;

	if (!rd_done(r))
		return ERR_PROTO;
	if (c->phase != PH_SERVICE || !view_is(name, "ssh-userauth"))
		return conn_fail(c, ERR_PROTO,
		    SSH_DISCONNECT_SERVICE_NOT_AVAILABLE,
		    "the requested service is not available");
	w = outgoing_new(SSH_MSG_SERVICE_ACCEPT);
	wr_str(&w, name);
	outgoing_send(c, &w);
	conn_enter(c, PH_AUTH);
	return OK;
}

/* ---- questions ---- */

/*
 * string	text, ISO-10646 UTF-8
 * string	language tag (RFC 4252 5.4)
 */
bool
ssh_conn_banner(struct ssh_conn *c, struct view text)
{
	struct wr w;
	size_t at;

	if (c->phase != PH_AUTH || text.n == 0 || text.n > BANNER_MAX)
		return false;
	w = outgoing_new(SSH_MSG_USERAUTH_BANNER);
	at = wr_open(&w);
	wr_bytes(&w, text);
	/* A prompt of the client's must not stand behind it on the line. */
	if (text.p[text.n - 1] != '\n')
		wr_bytes(&w, view_str("\r\n"));
	wr_close(&w, at);
	wr_cstr(&w, "");
	outgoing_send(c, &w);
	return true;
}

static void
send_banner_once(struct ssh_conn *c)
{
	if (c->auth.banner_sent)
		return;
	c->auth.banner_sent = true;
	(void)ssh_conn_banner(c, view_str(c->server->cfg.banner));
}

/*
 * Which signatures count, once more, now that there is a user: the same for
 * all of them, also for nobody.
 *
 * uint32	nr-extensions
 * string	name, string value: each (RFC 8308 2.3)
 */
static void
send_ext_info_once(struct ssh_conn *c)
{
	struct wr w;

	if (!c->ext_info_auth)
		return;
	c->ext_info_auth = false;
	w = outgoing_new(SSH_MSG_EXT_INFO);
	wr_u32(&w, 1);
	wr_cstr(&w, "server-sig-algs");
	wr_cstr(&w, ssh_sigalg_list());
	outgoing_send(c, &w);
}

/* RFC 4252 5 lets user and service change; a change is how names and rights
 * of two users get mixed up, and no client needs it. */
static enum err
check_names(struct ssh_conn *c, const struct userauth_msg *m)
{
	struct userauth *u = &c->auth;

	if (!view_is(m->service, "ssh-connection"))
		return conn_fail(c, ERR_PROTO,
		    SSH_DISCONNECT_SERVICE_NOT_AVAILABLE, u->user == NULL ?
		    "the requested service is not available" :
		    "change of service during authentication");
	if (u->user == NULL) {
		if ((u->user = view_dup(m->user)) == NULL)
			return conn_fail(c, ERR_NOMEM,
			    SSH_DISCONNECT_BY_APPLICATION, "out of memory");
		u->user_len = m->user.n;
	} else if (!view_eq(m->user, view_of(u->user, u->user_len)))
		return conn_fail(c, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "change of user name during authentication");
	return OK;
}

/* Counts everything that makes the application work. */
static enum err
count_request(struct ssh_conn *c)
{
	if (++c->auth.requests > USERAUTH_MAX_REQUESTS)
		return conn_fail(c, ERR_LIMIT,
		    SSH_DISCONNECT_NO_MORE_AUTH_METHODS,
		    "too many authentication requests");
	return OK;
}

static bool
names_key(const struct userauth_msg *m)
{
	return m->method == AUTH_PUBLICKEY || m->method == AUTH_HOSTBASED;
}

static bool
keep_request(struct userauth *u, const struct userauth_msg *m,
    struct view payload)
{
	forget_request(u);
	if (!names_key(m))
		return true;
	if (ssh_cert_signer(m->key, &u->key) != OK)
		u->key = NULL;
	if ((u->request = malloc(payload.n)) == NULL)
		return false;
	memcpy(u->request, payload.p, payload.n);
	u->request_len = payload.n;
	return true;
}

static void
ask(struct ssh_conn *c, const struct userauth_msg *m, struct view payload)
{
	struct wr blob = wr_new(2 * USERAUTH_MAX_REQUEST);
	struct ssh_auth a = {
		.user = m->user, .service = m->service,
		.method = m->method_name, .payload = payload,
		.password = m->password, .new_password = m->new_password,
		.change = m->change, .alg = m->alg, .blob_key = m->key,
		.signature = m->signature, .key = c->auth.key,
		.has_signature = m->has_signature,
		.host_key = m->host_key,
		.local_hostname = m->local_hostname,
		.local_username = m->local_username,
		.language = m->language, .submethods = m->submethods,
	};

	if (m->has_signature && userauth_msg_signed(m,
	    view_of(c->session_id, c->session_id_len), &blob) && !blob.bad)
		a.blob = wr_view(&blob);
	conn_event_begin(c);
	events(c)->authentication(c->server->ctx, c, &a);
	conn_event_end(c);
	wr_free(&blob);
}

static void
open_question(struct ssh_conn *c)
{
	c->auth.open = true;
	conn_hold(c);
}

enum err
userauth_request(struct ssh_conn *c, struct rd *r)
{
	struct userauth *u = &c->auth;
	struct userauth_msg m;
	struct view payload;
	enum err e;

	if (c->authenticated)	/* RFC 4252 5.1: silently */
		return OK;
	payload = view_of(r->p - 1, r->n + 1);
	if (payload.n > USERAUTH_MAX_REQUEST)
		return conn_fail(c, ERR_LIMIT, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "authentication request too long");
	if (!userauth_msg_parse(payload, &m))
		return ERR_PROTO;
	if ((e = check_names(c, &m)) != OK || (e = count_request(c)) != OK)
		return e;
	u->prompting = false;	/* RFC 4256 3.1: the dialogue is over */
	u->method = m.method;
	u->query = m.method == AUTH_PUBLICKEY && !m.has_signature;
	if (!keep_request(u, &m, payload))
		return conn_fail(c, ERR_NOMEM, SSH_DISCONNECT_BY_APPLICATION,
		    "out of memory");
	send_ext_info_once(c);
	send_banner_once(c);
	open_question(c);
	if (events(c)->authentication == NULL)
		ssh_auth_reject(c, NULL, false, c->now);
	else
		ask(c, &m, payload);
	return OK;
}

enum err
userauth_info_response(struct ssh_conn *c, struct rd *r)
{
	struct view answers[USERAUTH_MAX_PROMPTS], payload;
	struct userauth *u = &c->auth;
	enum err e;

	payload = view_of(r->p - 1, r->n + 1);
	if (!u->prompting)
		return conn_fail(c, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "answers that nobody asked for");
	if (!userauth_msg_answers(payload, answers, u->nprompts))
		return ERR_PROTO;
	if ((e = count_request(c)) != OK)
		return e;
	u->prompting = false;
	open_question(c);
	if (events(c)->auth_answers == NULL) {
		ssh_auth_reject(c, NULL, false, c->now);
		return OK;
	}
	conn_event_begin(c);
	events(c)->auth_answers(c->server->ctx, c, answers, u->nprompts,
	    payload);
	conn_event_end(c);
	return OK;
}

/* ---- answers ---- */

static bool
is_open(const struct ssh_conn *c)
{
	return c->phase == PH_AUTH && c->auth.open;
}

/* Sends the answer to the open question and lets input go on. */
static bool
answer(struct ssh_conn *c, struct wr *w, uint64_t now)
{
	conn_event_begin(c);
	c->auth.open = false;
	outgoing_send(c, w);
	conn_release(c, now);
	conn_event_end(c);
	return true;
}

static bool
send_failure(struct ssh_conn *c, const char *methods, bool partial,
    uint64_t now)
{
	struct wr w = outgoing_new(SSH_MSG_USERAUTH_FAILURE);

	wr_cstr(&w, methods != NULL ? methods : "");
	wr_bool(&w, partial);
	forget_request(&c->auth);
	return answer(c, &w, now);
}

/*
 * string	algorithm of the query
 * string	key blob of the query
 */
static bool
send_pk_ok(struct ssh_conn *c, uint64_t now)
{
	struct wr w = outgoing_new(SSH_MSG_USERAUTH_PK_OK);
	struct userauth_msg m;

	if (userauth_msg_parse(view_of(c->auth.request,
	    c->auth.request_len), &m)) {
		wr_str(&w, m.alg);
		wr_str(&w, m.key);
	}
	forget_request(&c->auth);
	return answer(c, &w, now);
}

/* A request that is bound to a host is bound to this one. */
static bool
is_bound_here(const struct ssh_conn *c, const struct userauth_msg *m)
{
	const struct ssh_server_config *cfg = &c->server->cfg;

	return !m->hostbound || (c->host_key < cfg->nhost_keys &&
	    view_eq(m->host_key, ssh_key_blob(cfg->host_keys[c->host_key])));
}

/* Whatever the application believes: nobody is let in by a signature that
 * does not verify over this session, this user and this key. */
static bool
signature_verifies(const struct ssh_conn *c)
{
	struct view kept = view_of(c->auth.request, c->auth.request_len);
	struct wr blob = wr_new(2 * USERAUTH_MAX_REQUEST);
	struct userauth_msg m;
	bool good;

	good = c->auth.key != NULL && userauth_msg_parse(kept, &m) &&
	    m.has_signature && is_bound_here(c, &m) &&
	    userauth_msg_signed(&m, view_of(c->session_id,
	    c->session_id_len), &blob) && !blob.bad &&
	    ssh_key_verify(c->auth.key, m.alg, wr_view(&blob),
	    m.signature) == OK;
	wr_free(&blob);
	return good;
}

static void
send_success(struct ssh_conn *c, uint64_t now)
{
	conn_event_begin(c);
	c->auth.open = false;
	forget_request(&c->auth);
	outgoing_send_u8(c, SSH_MSG_USERAUTH_SUCCESS);
	c->authenticated = true;
	conn_enter(c, PH_OPEN);
	if (events(c)->ready != NULL)
		events(c)->ready(c->server->ctx, c);
	conn_release(c, now);
	conn_event_end(c);
}

bool
ssh_auth_accept(struct ssh_conn *c, uint64_t now)
{
	if (!is_open(c))
		return false;
	if (c->auth.query)
		return send_pk_ok(c, now);
	if (c->auth.request != NULL && !signature_verifies(c)) {
		send_failure(c, NULL, false, now);
		return false;
	}
	send_success(c, now);
	return true;
}

bool
ssh_auth_reject(struct ssh_conn *c, const char *methods_left, bool partial,
    uint64_t now)
{
	return is_open(c) && send_failure(c, methods_left, partial, now);
}

bool
ssh_auth_prompt_raw(struct ssh_conn *c, struct view body, uint64_t now)
{
	struct wr w;
	size_t n;

	if (!is_open(c) || c->auth.method != AUTH_KBDINT ||
	    body.n >= OUTGOING_MAX || !userauth_msg_prompts(body, &n))
		return false;
	c->auth.nprompts = n;
	c->auth.prompting = true;
	w = outgoing_new(SSH_MSG_USERAUTH_PK_OK);
	wr_bytes(&w, body);
	return answer(c, &w, now);
}

bool
ssh_auth_prompt(struct ssh_conn *c, struct view name, struct view instruction,
    const struct ssh_prompt *prompts, size_t n, uint64_t now)
{
	struct wr w = wr_new(OUTGOING_MAX);
	bool sent;

	if (n > USERAUTH_MAX_PROMPTS)
		return false;
	wr_str(&w, name);
	wr_str(&w, instruction);
	wr_cstr(&w, "");	/* language, deprecated */
	wr_u32(&w, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		wr_str(&w, prompts[i].text);
		wr_bool(&w, prompts[i].echo);
	}
	sent = !w.bad && ssh_auth_prompt_raw(c, wr_view(&w), now);
	wr_free(&w);
	return sent;
}

bool
ssh_auth_change(struct ssh_conn *c, struct view prompt, uint64_t now)
{
	struct wr w;

	if (!is_open(c) || c->auth.method != AUTH_PASSWORD)
		return false;
	/* SSH_MSG_USERAUTH_PASSWD_CHANGEREQ shares its number. */
	w = outgoing_new(SSH_MSG_USERAUTH_PK_OK);
	wr_str(&w, prompt);
	wr_cstr(&w, "");
	return answer(c, &w, now);
}
