#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/userauth_msg.h"
#include "tests/unit/fake_conn.h"

/* An application that answers as it is told and remembers what it saw. */
enum say {
	SAY_LATER, SAY_ACCEPT, SAY_REJECT, SAY_PROMPT, SAY_CHANGE, SAY_END
};

struct app {
	enum say say;
	unsigned asked, answered, ready;
	char user[300], method[80], password[64];
	bool has_signature, change, key, blob;
	size_t nanswers;
	char answer[64];
	bool first, second;	/* what two answers returned */
};

static bool
say_once(struct ssh_conn *c, enum say say)
{
	const struct ssh_prompt q[2] = {
		{ view_str("Password: "), false },
		{ view_str("Code: "), true },
	};

	switch (say) {
	case SAY_ACCEPT:
		return ssh_auth_accept(c, 1);
	case SAY_REJECT:
		return ssh_auth_reject(c, "publickey,password", false, 1);
	case SAY_PROMPT:
		return ssh_auth_prompt(c, view_str("n"), view_str("i"), q, 2,
		    1);
	case SAY_CHANGE:
		return ssh_auth_change(c, view_str("new one"), 1);
	case SAY_END:
		conn_fail(c, ERR_DENIED, 1, "enough");
		return false;
	default:
		return false;
	}
}

static void
on_auth(void *ctx, struct ssh_conn *c, const struct ssh_auth *a)
{
	struct app *app = ctx;

	app->asked++;
	assert_true(c->depth > 0);
	assert_true(view_to_cstr(a->user, app->user, sizeof(app->user)));
	assert_true(view_to_cstr(a->method, app->method,
	    sizeof(app->method)));
	if (a->password.n < sizeof(app->password))
		assert_true(view_to_cstr(a->password, app->password,
		    sizeof(app->password)));
	assert_int_equal(a->payload.p[0], SSH_MSG_USERAUTH_REQUEST);
	app->has_signature = a->has_signature;
	app->change = a->change;
	app->key = a->key != NULL;
	app->blob = a->blob.n != 0;
	app->first = say_once(c, app->say);
	app->second = say_once(c, app->say);
}

static void
on_answers(void *ctx, struct ssh_conn *c, const struct view *answers,
    size_t n, struct view payload)
{
	struct app *app = ctx;

	app->answered++;
	app->nanswers = n;
	assert_int_equal(payload.p[0], SSH_MSG_USERAUTH_INFO_RESPONSE);
	assert_true(view_to_cstr(answers[0], app->answer,
	    sizeof(app->answer)));
	app->first = say_once(c, app->say);
}

static void
on_ready(void *ctx, struct ssh_conn *c)
{
	struct app *app = ctx;

	app->ready++;
	assert_int_equal(c->phase, PH_OPEN);
	assert_true(c->authenticated);
}

static const struct ssh_server_events events = {
	.authentication = on_auth,
	.auth_answers = on_answers,
	.ready = on_ready,
};

struct test {
	struct app app;
	struct fake *f;
	struct wr w;
};

static int
setup(void **state)
{
	struct test *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->f = fake_new(&events, &t->app, PH_AUTH);
	t->w = wr_new(WR_DEFAULT_MAX);
	*state = t;
	return 0;
}

static int
teardown(void **state)
{
	struct test *t = *state;

	assert_int_equal(t->f->c.depth, 0);
	userauth_free(&t->f->c.auth);
	fake_free(&t->f);
	wr_free(&t->w);
	free(t);
	return 0;
}

static void
begin(struct test *t, const char *user, const char *service,
    const char *method)
{
	wr_reset(&t->w);
	wr_u8(&t->w, 50);
	wr_cstr(&t->w, user);
	wr_cstr(&t->w, service);
	wr_cstr(&t->w, method);
}

static enum err
ask(struct test *t)
{
	return fake_handle(t->f, userauth_request, wr_view(&t->w));
}

static enum err
ask_none(struct test *t, const char *user)
{
	begin(t, user, "ssh-connection", "none");
	return ask(t);
}

static enum err
ask_password(struct test *t, const char *password)
{
	begin(t, "joe", "ssh-connection", "password");
	wr_bool(&t->w, false);
	wr_cstr(&t->w, password);
	return ask(t);
}

static enum err
ask_kbdint(struct test *t)
{
	begin(t, "joe", "ssh-connection", "keyboard-interactive");
	wr_cstr(&t->w, "");
	wr_cstr(&t->w, "");
	return ask(t);
}

static enum err
answer(struct test *t, uint32_t said, uint32_t real)
{
	wr_reset(&t->w);
	wr_u8(&t->w, 61);
	wr_u32(&t->w, said);
	for (uint32_t i = 0; i < real; i++)
		wr_cstr(&t->w, "reply");
	return fake_handle(t->f, userauth_info_response, wr_view(&t->w));
}

static void
sent(struct test *t, uint8_t number)
{
	struct view v;

	assert_true(fake_recv(t->f, &v));
	assert_int_equal(v.p[0], number);
}

static void
nothing_sent(struct test *t)
{
	struct view v;

	assert_false(fake_recv(t->f, &v));
}

/* ---- service ---- */

static enum err
service(struct test *t, const char *name)
{
	wr_reset(&t->w);
	wr_u8(&t->w, 5);
	wr_cstr(&t->w, name);
	return fake_handle(t->f, userauth_service_request, wr_view(&t->w));
}

static void
test_service(void **state)
{
	struct test *t = *state;
	struct view v;
	struct rd r;

	t->f->c.phase = PH_SERVICE;
	assert_int_equal(service(t, "ssh-userauth"), OK);
	assert_int_equal(t->f->c.phase, PH_AUTH);
	assert_true(fake_recv(t->f, &v));
	r = rd_of(v);
	assert_int_equal(rd_u8(&r), 6);
	assert_true(view_is(rd_str(&r), "ssh-userauth"));
	assert_true(rd_done(&r));
	/* once is enough */
	assert_int_not_equal(service(t, "ssh-userauth"), OK);
	assert_int_equal(t->f->c.end.reason,
	    SSH_DISCONNECT_SERVICE_NOT_AVAILABLE);
}

static void
test_service_other(void **state)
{
	struct test *t = *state;

	t->f->c.phase = PH_SERVICE;
	assert_int_not_equal(service(t, "ssh-connection"), OK);
	assert_int_equal(t->f->c.phase, PH_ENDED);
	assert_int_equal(t->f->c.end.reason,
	    SSH_DISCONNECT_SERVICE_NOT_AVAILABLE);
}

static void
test_service_malformed(void **state)
{
	struct test *t = *state;
	uint8_t b[] = { 5, 0, 0, 0, 9, 's' };

	t->f->c.phase = PH_SERVICE;
	assert_int_equal(fake_handle(t->f, userauth_service_request,
	    view_of(b, sizeof(b))), ERR_PROTO);
}

/* ---- requests ---- */

static void
test_none_rejected(void **state)
{
	struct test *t = *state;
	struct view v;
	struct rd r;

	t->app.say = SAY_REJECT;
	assert_int_equal(ask_none(t, "joe"), OK);
	assert_int_equal(t->app.asked, 1);
	assert_string_equal(t->app.user, "joe");
	assert_string_equal(t->app.method, "none");
	assert_true(t->app.first);
	assert_false(t->app.second);	/* a second answer is ignored */
	assert_true(fake_recv(t->f, &v));
	r = rd_of(v);
	assert_int_equal(rd_u8(&r), 51);
	assert_true(view_is(rd_str(&r), "publickey,password"));
	assert_false(rd_bool(&r));
	assert_true(rd_done(&r));
	nothing_sent(t);
	assert_int_equal(t->f->c.held, 0);
}

static void
test_later(void **state)
{
	struct test *t = *state;

	assert_int_equal(ask_none(t, "joe"), OK);
	assert_int_equal(t->f->c.held, 1);
	nothing_sent(t);
	assert_true(ssh_auth_reject(&t->f->c, NULL, true, 9));
	assert_int_equal(t->f->c.now, 9);
	assert_int_equal(t->f->c.held, 0);
	assert_false(ssh_auth_reject(&t->f->c, NULL, true, 9));
	assert_false(ssh_auth_accept(&t->f->c, 9));
	sent(t, 51);
	nothing_sent(t);
}

static void
test_accept(void **state)
{
	struct test *t = *state;

	t->app.say = SAY_ACCEPT;
	assert_int_equal(ask_password(t, "secret"), OK);
	assert_string_equal(t->app.password, "secret");
	assert_true(t->app.first);
	assert_false(t->app.second);
	assert_int_equal(t->app.ready, 1);
	assert_int_equal(t->f->c.phase, PH_OPEN);
	sent(t, 52);
	/* RFC 4252 5.1: what comes now is ignored, even garbage */
	begin(t, "eve", "x", "y");
	assert_int_equal(ask(t), OK);
	assert_int_equal(t->app.asked, 1);
	nothing_sent(t);
	assert_int_equal(t->f->c.held, 0);
}

static void
test_default_rejects(void **state)
{
	static const struct ssh_server_events none = { .ready = NULL };
	struct test *t = *state;

	t->f->s.ev = &none;
	assert_int_equal(ask_none(t, "joe"), OK);
	sent(t, 51);
	assert_int_equal(t->f->c.held, 0);
}

static void
test_end_inside(void **state)
{
	struct test *t = *state;

	t->app.say = SAY_END;
	assert_int_not_equal(ask_none(t, "joe"), OK);
	assert_true(t->f->ended);
	assert_false(ssh_auth_accept(&t->f->c, 1));
	assert_false(ssh_auth_reject(&t->f->c, "x", false, 1));
	assert_int_equal(t->app.ready, 0);
}

static void
test_user_may_not_change(void **state)
{
	struct test *t = *state;

	t->app.say = SAY_REJECT;
	assert_int_equal(ask_none(t, "joe"), OK);
	assert_int_equal(ask_none(t, "joe"), OK);
	assert_int_not_equal(ask_none(t, "joey"), OK);
	assert_int_equal(t->app.asked, 2);
	assert_int_equal(t->f->c.end.reason, SSH_DISCONNECT_PROTOCOL_ERROR);
	assert_non_null(strstr(t->f->c.end_text, "change of user"));
}

static void
test_service_of_request(void **state)
{
	struct test *t = *state;

	t->app.say = SAY_REJECT;
	assert_int_equal(ask_none(t, "joe"), OK);
	begin(t, "joe", "ssh-userauth", "none");
	assert_int_not_equal(ask(t), OK);
	assert_int_equal(t->app.asked, 1);
	assert_non_null(strstr(t->f->c.end_text, "change of service"));
}

static void
test_first_service(void **state)
{
	struct test *t = *state;

	begin(t, "joe", "ssh-agent", "none");
	assert_int_not_equal(ask(t), OK);
	assert_int_equal(t->app.asked, 0);
	assert_int_equal(t->f->c.end.reason,
	    SSH_DISCONNECT_SERVICE_NOT_AVAILABLE);
}

/* Every cut of a request is an error before anybody is asked. */
static void
test_truncation(void **state)
{
	struct test *t = *state;
	size_t n;

	begin(t, "joe", "ssh-connection", "publickey");
	wr_bool(&t->w, true);
	wr_cstr(&t->w, "ssh-ed25519");
	wr_cstr(&t->w, "blob");
	wr_cstr(&t->w, "sig");
	n = wr_size(&t->w);
	for (size_t k = 1; k < n; k++) {
		struct fake *f = fake_new(&events, &t->app, PH_AUTH);

		assert_int_equal(fake_handle(f, userauth_request,
		    view_of(wr_view(&t->w).p, k)), ERR_PROTO);
		assert_int_equal(f->c.phase, PH_ENDED);
		userauth_free(&f->c.auth);
		fake_free(&f);
	}
	assert_int_equal(t->app.asked, 0);
}

static void
test_too_long(void **state)
{
	struct test *t = *state;
	char *p = malloc(USERAUTH_MAX_REQUEST + 1);

	assert_non_null(p);
	memset(p, 'x', USERAUTH_MAX_REQUEST);
	p[USERAUTH_MAX_REQUEST] = '\0';
	assert_int_equal(ask_password(t, p), ERR_LIMIT);
	assert_int_equal(t->app.asked, 0);
	free(p);
}

static void
test_request_limit(void **state)
{
	struct test *t = *state;

	t->app.say = SAY_REJECT;
	for (int i = 0; i < 64; i++)
		assert_int_equal(ask_none(t, "joe"), OK);
	assert_int_equal(ask_none(t, "joe"), ERR_LIMIT);
	assert_int_equal(t->app.asked, 64);
	assert_int_equal(t->f->c.end.reason,
	    SSH_DISCONNECT_NO_MORE_AUTH_METHODS);
}

static void
test_banner(void **state)
{
	struct test *t = *state;
	struct view v;
	struct rd r;

	t->f->s.cfg.banner = "Hello";
	t->app.say = SAY_REJECT;
	assert_int_equal(ask_none(t, "joe"), OK);
	assert_true(fake_recv(t->f, &v));
	r = rd_of(v);
	assert_int_equal(rd_u8(&r), 53);
	assert_true(view_is(rd_str(&r), "Hello\r\n"));
	assert_int_equal(rd_str(&r).n, 0);
	assert_true(rd_done(&r));
	sent(t, 51);
	assert_int_equal(ask_none(t, "joe"), OK);
	sent(t, 51);
	nothing_sent(t);
	assert_true(ssh_conn_banner(&t->f->c, view_str("More\n")));
	assert_true(fake_recv(t->f, &v));
	assert_int_equal(v.n, 1 + 4 + 5 + 4);
	t->f->c.phase = PH_OPEN;
	assert_false(ssh_conn_banner(&t->f->c, view_str("Late\n")));
	nothing_sent(t);
}

/* ---- publickey ---- */

static void
begin_publickey(struct test *t, const struct ssh_key *k, bool signature)
{
	begin(t, "joe", "ssh-connection", "publickey");
	wr_bool(&t->w, signature);
	wr_cstr(&t->w, "ssh-ed25519");
	wr_str(&t->w, ssh_key_blob(k));
}

/* A request whose signature covers `session` and `user`. */
static void
sign_publickey(struct test *t, const struct ssh_key *k, uint8_t session,
    const char *user)
{
	struct wr data = wr_new(WR_DEFAULT_MAX), sig = wr_new(4096);
	uint8_t id[32];

	memset(id, session, sizeof(id));
	wr_str(&data, view_of(id, sizeof(id)));
	wr_u8(&data, 50);
	wr_cstr(&data, user);
	wr_cstr(&data, "ssh-connection");
	wr_cstr(&data, "publickey");
	wr_bool(&data, true);
	wr_cstr(&data, "ssh-ed25519");
	wr_str(&data, ssh_key_blob(k));
	assert_int_equal(ssh_key_sign(k, view_str("ssh-ed25519"),
	    wr_view(&data), &sig), OK);
	begin_publickey(t, k, true);
	wr_str(&t->w, wr_view(&sig));
	wr_free(&data);
	wr_free(&sig);
}

static void
test_query(void **state)
{
	struct test *t = *state;
	struct ssh_key *k = ssh_key_generate("ed25519", 0);
	struct view v;
	struct rd r;

	assert_non_null(k);
	t->app.say = SAY_ACCEPT;
	begin_publickey(t, k, false);
	assert_int_equal(ask(t), OK);
	assert_true(t->app.key && !t->app.has_signature && !t->app.blob);
	assert_true(t->app.first);
	assert_false(t->app.second);
	assert_true(fake_recv(t->f, &v));
	r = rd_of(v);
	assert_int_equal(rd_u8(&r), 60);
	assert_true(view_is(rd_str(&r), "ssh-ed25519"));
	assert_true(view_eq(rd_str(&r), ssh_key_blob(k)));
	assert_true(rd_done(&r));
	/* it has changed nothing */
	assert_int_equal(t->f->c.phase, PH_AUTH);
	assert_false(t->f->c.authenticated);
	assert_int_equal(t->app.ready, 0);
	/* the key that was queried opens nothing for a later request */
	t->app.say = SAY_REJECT;
	assert_int_equal(ask_none(t, "joe"), OK);
	sent(t, 51);
	ssh_key_free(&k);
}

static void
test_signature(void **state)
{
	struct test *t = *state;
	struct ssh_key *k = ssh_key_generate("ed25519", 0);

	t->app.say = SAY_ACCEPT;
	sign_publickey(t, k, 0x5a, "joe");
	assert_int_equal(ask(t), OK);
	assert_true(t->app.has_signature && t->app.key && t->app.blob);
	assert_true(t->app.first);
	assert_int_equal(t->f->c.phase, PH_OPEN);
	sent(t, 52);
	ssh_key_free(&k);
}

/* The application says yes, the signature says no. */
static void
refused_all_the_same(struct test *t)
{
	t->app.say = SAY_ACCEPT;
	assert_int_equal(ask(t), OK);
	assert_int_equal(t->app.asked, 1);
	assert_false(t->app.first);
	assert_int_equal(t->app.ready, 0);
	assert_int_equal(t->f->c.phase, PH_AUTH);
	assert_false(t->f->c.authenticated);
	assert_int_equal(t->f->c.held, 0);
	sent(t, 51);
	nothing_sent(t);
}

static void
test_signature_other_session(void **state)
{
	struct ssh_key *k = ssh_key_generate("ed25519", 0);

	sign_publickey(*state, k, 0x5b, "joe");
	refused_all_the_same(*state);
	ssh_key_free(&k);
}

static void
test_signature_other_user(void **state)
{
	struct ssh_key *k = ssh_key_generate("ed25519", 0);

	sign_publickey(*state, k, 0x5a, "jo");
	refused_all_the_same(*state);
	ssh_key_free(&k);
}

/* OpenSSH's PROTOCOL: the request names the server's host key. */
static void
sign_hostbound(struct test *t, const struct ssh_key *k,
    const struct ssh_key *h)
{
	struct wr data = wr_new(WR_DEFAULT_MAX), sig = wr_new(4096);
	uint8_t id[32];

	begin(t, "joe", "ssh-connection",
	    "publickey-hostbound-v00@openssh.com");
	wr_bool(&t->w, true);
	wr_cstr(&t->w, "ssh-ed25519");
	wr_str(&t->w, ssh_key_blob(k));
	wr_str(&t->w, ssh_key_blob(h));
	memset(id, 0x5a, sizeof(id));
	wr_str(&data, view_of(id, sizeof(id)));
	wr_bytes(&data, wr_view(&t->w));
	assert_int_equal(ssh_key_sign(k, view_str("ssh-ed25519"),
	    wr_view(&data), &sig), OK);
	wr_str(&t->w, wr_view(&sig));
	wr_free(&data);
	wr_free(&sig);
}

static void
test_hostbound(void **state)
{
	struct test *t = *state;
	struct ssh_key *k = ssh_key_generate("ed25519", 0);
	struct ssh_key *h = ssh_key_generate("ed25519", 0);
	const struct ssh_key *keys[] = { k, h };

	t->f->s.cfg.host_keys = keys;
	t->f->s.cfg.nhost_keys = 2;
	t->f->c.host_key = 1;
	sign_hostbound(t, k, k);
	refused_all_the_same(t);
	t->app.asked = 0;
	t->app.say = SAY_ACCEPT;
	sign_hostbound(t, k, h);
	assert_int_equal(ask(t), OK);
	assert_true(t->app.has_signature && t->app.key && t->app.blob);
	assert_string_equal(t->app.method,
	    "publickey-hostbound-v00@openssh.com");
	assert_int_equal(t->f->c.phase, PH_OPEN);
	sent(t, 52);
	ssh_key_free(&k);
	ssh_key_free(&h);
}

/* ext-info-in-auth@openssh.com: once, before the first answer, whoever it
 * is. */
static void
test_ext_info_in_auth(void **state)
{
	struct test *t = *state;
	struct view v;
	struct rd r;

	t->f->c.ext_info_auth = true;
	t->app.say = SAY_REJECT;
	assert_int_equal(ask_none(t, "joe"), OK);
	assert_true(fake_recv(t->f, &v));
	r = rd_of(v);
	assert_int_equal(rd_u8(&r), SSH_MSG_EXT_INFO);
	assert_int_equal(rd_u32(&r), 1);
	assert_true(view_is(rd_str(&r), "server-sig-algs"));
	assert_true(view_is(rd_str(&r), ssh_sigalg_list()));
	assert_true(rd_done(&r));
	sent(t, 51);
	assert_int_equal(ask_none(t, "joe"), OK);
	sent(t, 51);
	nothing_sent(t);
}

static void
test_signature_garbage(void **state)
{
	struct test *t = *state;

	begin(t, "joe", "ssh-connection", "publickey");
	wr_bool(&t->w, true);
	wr_cstr(&t->w, "ssh-ed25519");
	wr_cstr(&t->w, "no key");
	wr_cstr(&t->w, "no signature");
	refused_all_the_same(t);
	assert_false(t->app.key);
}

static void
test_hostbased_verified(void **state)
{
	struct test *t = *state;
	struct ssh_key *k = ssh_key_generate("ed25519", 0);

	begin(t, "joe", "ssh-connection", "hostbased");
	wr_cstr(&t->w, "ssh-ed25519");
	wr_str(&t->w, ssh_key_blob(k));
	wr_cstr(&t->w, "host");
	wr_cstr(&t->w, "jo");
	wr_cstr(&t->w, "none");
	refused_all_the_same(t);
	ssh_key_free(&k);
}

/* ---- keyboard-interactive and password change ---- */

static void
test_prompt(void **state)
{
	struct test *t = *state;
	struct view v;
	struct rd r;

	t->app.say = SAY_PROMPT;
	assert_int_equal(ask_kbdint(t), OK);
	assert_true(t->app.first);
	assert_false(t->app.second);
	assert_int_equal(t->f->c.held, 0);	/* the client's turn */
	assert_true(fake_recv(t->f, &v));
	r = rd_of(v);
	assert_int_equal(rd_u8(&r), 60);
	assert_true(view_is(rd_str(&r), "n"));
	assert_true(view_is(rd_str(&r), "i"));
	assert_int_equal(rd_str(&r).n, 0);
	assert_int_equal(rd_u32(&r), 2);
	assert_true(view_is(rd_str(&r), "Password: "));
	assert_false(rd_bool(&r));
	assert_true(view_is(rd_str(&r), "Code: "));
	assert_true(rd_bool(&r));
	assert_true(rd_done(&r));
	t->app.say = SAY_ACCEPT;
	assert_int_equal(answer(t, 2, 2), OK);
	assert_int_equal(t->app.nanswers, 2);
	assert_string_equal(t->app.answer, "reply");
	assert_int_equal(t->f->c.phase, PH_OPEN);
	sent(t, 52);
}

static void
test_prompt_counts(void **state)
{
	static const uint32_t bad[][2] = {
		{ 0, 0 }, { 1, 1 }, { 3, 3 }, { 2, 1 }, { 2, 3 },
		{ 0xffffffff, 2 }
	};
	struct test *t = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		t->f->c.phase = PH_AUTH;
		t->app.say = SAY_PROMPT;
		assert_int_equal(ask_kbdint(t), OK);
		assert_int_equal(answer(t, bad[i][0], bad[i][1]), ERR_PROTO);
		assert_int_equal(t->f->c.phase, PH_ENDED);
	}
	assert_int_equal(t->app.answered, 0);
}

static void
test_prompt_raw(void **state)
{
	struct test *t = *state;
	struct wr body = wr_new(1024);

	for (int i = 0; i < 3; i++)
		wr_cstr(&body, "");
	wr_u32(&body, 1);
	wr_cstr(&body, "PIN");
	assert_int_equal(ask_kbdint(t), OK);
	/* malformed: the question stays open */
	assert_false(ssh_auth_prompt_raw(&t->f->c, wr_view(&body), 1));
	assert_int_equal(t->f->c.held, 1);
	wr_bool(&body, true);
	assert_true(ssh_auth_prompt_raw(&t->f->c, wr_view(&body), 1));
	sent(t, 60);
	t->app.say = SAY_REJECT;
	assert_int_equal(answer(t, 1, 1), OK);
	sent(t, 51);
	wr_free(&body);
}

static void
test_request_ends_dialogue(void **state)
{
	struct test *t = *state;

	t->app.say = SAY_PROMPT;
	assert_int_equal(ask_kbdint(t), OK);
	t->app.say = SAY_REJECT;
	assert_int_equal(ask_none(t, "joe"), OK);
	assert_int_equal(answer(t, 2, 2), ERR_PROTO);
	assert_int_equal(t->app.answered, 0);
}

static void
test_answers_unasked(void **state)
{
	struct test *t = *state;

	assert_int_equal(answer(t, 0, 0), ERR_PROTO);
	assert_int_equal(t->f->c.phase, PH_ENDED);
}

static void
test_prompt_misuse(void **state)
{
	struct ssh_prompt many[USERAUTH_MAX_PROMPTS + 1] = { { .echo = 0 } };
	struct test *t = *state;

	/* only keyboard-interactive may prompt, only password may change */
	assert_int_equal(ask_none(t, "joe"), OK);
	assert_false(ssh_auth_prompt(&t->f->c, view_str(""), view_str(""),
	    NULL, 0, 1));
	assert_false(ssh_auth_change(&t->f->c, view_str(""), 1));
	assert_true(ssh_auth_reject(&t->f->c, "", false, 1));
	assert_int_equal(ask_kbdint(t), OK);
	assert_false(ssh_auth_prompt(&t->f->c, view_str(""), view_str(""),
	    many, USERAUTH_MAX_PROMPTS + 1, 1));
	assert_true(ssh_auth_prompt(&t->f->c, view_str(""), view_str(""),
	    NULL, 0, 1));
}

static void
test_dialogue_limit(void **state)
{
	struct test *t = *state;
	enum err e = OK;
	unsigned n = 0;

	t->app.say = SAY_PROMPT;
	assert_int_equal(ask_kbdint(t), OK);
	while (n < 100 && (e = answer(t, 2, 2)) == OK)
		n++;
	assert_int_equal(e, ERR_LIMIT);
	assert_int_equal(n, 63);
}

static void
test_change(void **state)
{
	struct test *t = *state;
	struct view v;
	struct rd r;

	t->app.say = SAY_CHANGE;
	assert_int_equal(ask_password(t, "old"), OK);
	assert_true(fake_recv(t->f, &v));
	r = rd_of(v);
	assert_int_equal(rd_u8(&r), 60);
	assert_true(view_is(rd_str(&r), "new one"));
	rd_str(&r);
	assert_true(rd_done(&r));
	t->app.say = SAY_REJECT;
	begin(t, "joe", "ssh-connection", "password");
	wr_bool(&t->w, true);
	wr_cstr(&t->w, "old");
	wr_cstr(&t->w, "new");
	assert_int_equal(ask(t), OK);
	assert_true(t->app.change);
	sent(t, 51);
}

static void
test_words(void **state)
{
	(void)state;
	assert_string_equal(ssh_disconnect_word(2), "protocol error");
	assert_string_equal(ssh_disconnect_word(15), "illegal user name");
	assert_string_equal(ssh_disconnect_word(0), "unknown reason");
	assert_string_equal(ssh_disconnect_word(16), "unknown reason");
	assert_string_equal(ssh_disconnect_word(~0u), "unknown reason");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_service),
		T(test_service_other),
		T(test_service_malformed),
		T(test_none_rejected),
		T(test_later),
		T(test_accept),
		T(test_default_rejects),
		T(test_end_inside),
		T(test_user_may_not_change),
		T(test_service_of_request),
		T(test_first_service),
		T(test_truncation),
		T(test_too_long),
		T(test_request_limit),
		T(test_banner),
		T(test_query),
		T(test_signature),
		T(test_signature_other_session),
		T(test_signature_other_user),
		T(test_signature_garbage),
		T(test_hostbound),
		T(test_ext_info_in_auth),
		T(test_hostbased_verified),
		T(test_prompt),
		T(test_prompt_counts),
		T(test_prompt_raw),
		T(test_request_ends_dialogue),
		T(test_answers_unasked),
		T(test_prompt_misuse),
		T(test_dialogue_limit),
		T(test_change),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
