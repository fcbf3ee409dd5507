/* What may be asked of the warden, when, and by whom. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "chroot/requests.h"

/* Acts that only count. */
struct fake {
	struct wards *wards;
	unsigned sign, refused, login, gone, attempt, enough, authenticated;
	unsigned offences;
	enum err answer;
	int ptys, ptys_done, children, lookups, heirs;
	bool withhold;		/* what was proved is not granted */
};

static enum err
fake_sign(void *ctx, struct ward *c, const struct msg_sign *m)
{
	struct fake *f = ctx;

	(void)c;
	(void)m;
	f->sign++;
	return f->answer;
}

static enum err
fake_refused(void *ctx, uint32_t id)
{
	struct fake *f = ctx;

	(void)id;
	f->refused++;
	return f->answer;
}

static enum err
fake_login(void *ctx, struct ward *c, const struct msg_login *m, int tcp,
    int peer)
{
	struct fake *f = ctx;

	assert_true(view_eq(ward_user(c), m->user));
	close(tcp);
	close(peer);
	f->login++;
	return f->answer;
}

static void
fake_gone(void *ctx, struct ward **c)
{
	struct fake *f = ctx;

	f->gone++;
	wards_remove(f->wards, c);
}

static enum err
fake_offence(void *ctx, const struct msg_offence *m)
{
	struct fake *f = ctx;

	assert_int_equal(m->src.family, 4);
	f->offences++;
	return f->answer;
}

static enum err
fake_attempt(void *ctx, struct ward *c, const struct msg_attempt *m,
    bool enough)
{
	struct fake *f = ctx;

	(void)c;
	(void)m;
	f->attempt++;
	f->enough += enough;
	return f->answer;
}

static enum err
fake_authenticated(void *ctx, struct ward *c, bool *go_out)
{
	struct fake *f = ctx;

	assert_int_equal(c->phase, WARD_LOGIN);
	f->authenticated++;
	*go_out = !f->withhold;
	return f->answer;
}

static enum err
fake_pty(void *ctx, struct ward *c)
{
	struct fake *f = ctx;

	assert_int_equal(c->phase, WARD_OPEN);
	f->ptys++;
	return f->answer;
}

static enum err
fake_pty_done(void *ctx, struct ward *c, uint32_t number)
{
	struct fake *f = ctx;

	assert_int_equal(c->phase, WARD_OPEN);
	assert_int_equal(number, 5);
	f->ptys_done++;
	return f->answer;
}

static enum err
fake_child(void *ctx, struct ward *c, pid_t pid)
{
	struct fake *f = ctx;

	assert_int_equal(c->phase, WARD_OPEN);
	assert_int_equal(pid, 4711);
	f->children++;
	return f->answer;
}

static enum err
fake_lookup(void *ctx, struct ward *c, const struct msg_lookup *m)
{
	struct fake *f = ctx;

	assert_int_equal(c->phase, WARD_OPEN);
	assert_true(view_is(m->name, "db"));
	f->lookups++;
	return f->answer;
}

static enum err
fake_heir(void *ctx, struct ward *c, const struct msg_heir *m)
{
	struct fake *f = ctx;

	assert_int_equal(c->phase, WARD_OPEN);
	assert_int_equal(m->helper, 70);
	assert_int_equal(m->session, 71);
	c->heir = m->helper;
	f->heirs++;
	return f->answer;
}

static const struct actions acts = {
	fake_sign, fake_refused, fake_login, fake_gone, fake_offence,
	fake_attempt,
	fake_authenticated, fake_pty, fake_pty_done,
	fake_child, fake_lookup, fake_heir,
};

struct fixture {
	struct fake fake;
	struct requests r;
	struct wr body;
};

static int
setup(void **state)
{
	struct fixture *x = test_calloc(1, sizeof(*x));

	x->fake.wards = wards_new();
	assert_non_null(x->fake.wards);
	x->r = (struct requests){
		.wards = x->fake.wards, .act = &acts, .ctx = &x->fake,
		.max_wards = 100, .max_attempts = 3,
	};
	x->body = wr_new(IPC_MAX_FRAME);
	*state = x;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *x = *state;

	wards_free(&x->fake.wards);
	wr_free(&x->body);
	test_free(x);
	return 0;
}

static struct ipc_msg
message(struct fixture *x, uint8_t type, uint32_t id, size_t nfds)
{
	struct ipc_msg m = { .type = type, .id = id };

	m.body = wr_view(&x->body);
	for (size_t i = 0; i < IPC_MAX_FDS; i++)
		m.fds[i] = -1;
	for (; m.nfds < nfds; m.nfds++)
		m.fds[m.nfds] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return m;
}

static enum err
from_server(struct fixture *x, uint8_t type, uint32_t id, size_t nfds)
{
	struct ipc_msg m = message(x, type, id, nfds);
	enum err e = requests_server(&x->r, &m);

	ipc_msg_close(&m);
	wr_reset(&x->body);
	return e;
}

static enum err
from_login(struct fixture *x, uint8_t type, uint32_t id, size_t nfds)
{
	struct ipc_msg m = message(x, type, id, nfds);
	struct ward *c = wards_find(x->fake.wards, id);
	enum err e;

	assert_non_null(c);
	e = requests_login(&x->r, c, &m);
	ipc_msg_close(&m);
	wr_reset(&x->body);
	return e;
}

static enum err
sign(struct fixture *x, uint32_t id, size_t hash_len)
{
	static const uint8_t hash[80] = { 1, 2, 3 };
	const struct msg_sign m = {
		.generation = 1, .alg = view_str("ssh-ed25519"),
		.hash = view_of(hash, hash_len),
	};

	put_sign(&x->body, &m);
	return from_server(x, MSG_SIGN, id, 0);
}

static void
sign_done(struct fixture *x, uint32_t id)
{
	wards_find(x->fake.wards, id)->signing = false;
}

static enum err
login(struct fixture *x, uint32_t id, const char *user, size_t nfds)
{
	const struct msg_login m = {
		.generation = 1, .user = view_str(user),
		.client = view_str("test"),
	};

	put_login(&x->body, &m);
	return from_server(x, MSG_LOGIN, id, nfds);
}

static enum err
attempt(struct fixture *x, uint32_t id, bool success)
{
	const struct msg_attempt m = {
		.method = AUTH_PUBLICKEY, .success = success,
		.reason = view_str("why"), .key = view_str(""),
	};

	put_attempt(&x->body, &m);
	return from_login(x, MSG_ATTEMPT, id, 0);
}

/* A connection that has reached its login. */
static void
reach_login(struct fixture *x, uint32_t id)
{
	assert_int_equal(sign(x, id, 32), OK);
	sign_done(x, id);
	assert_int_equal(login(x, id, "acme", 2), OK);
	assert_int_equal(wards_find(x->fake.wards, id)->phase, WARD_LOGIN);
}

static void
whole_life(void **state)
{
	struct fixture *x = *state;

	reach_login(x, 7);
	assert_int_equal(attempt(x, 7, false), OK);
	assert_int_equal(attempt(x, 7, true), OK);
	assert_int_equal(from_login(x, MSG_AUTHENTICATED, 7, 0), OK);
	assert_int_equal(sign(x, 7, 32), OK);	/* a rekey */
	assert_int_equal(from_server(x, MSG_GONE, 7, 0), OK);
	assert_null(wards_find(x->fake.wards, 7));
	assert_int_equal(x->fake.sign, 2);
	assert_int_equal(x->fake.attempt, 2);
	assert_int_equal(x->fake.authenticated, 1);
	assert_int_equal(x->fake.gone, 1);
}

static enum err
offence(struct fixture *x, uint32_t id, uint8_t reason)
{
	const struct msg_offence m = { reason, { 4, { 192, 0, 2, 1 } } };

	put_offence(&x->body, &m);
	return from_server(x, MSG_OFFENCE, id, 0);
}

/* The server's word counts where nobody else knows; who has a login is
 * judged by what the warden has seen. */
static void
offences(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(offence(x, 0, PENALTY_REFUSED), OK);
	assert_int_equal(offence(x, 1, PENALTY_NOAUTH), OK);
	assert_int_equal(offence(x, 1, PENALTY_GRACE), OK);
	assert_int_equal(x->fake.offences, 3);
	assert_int_equal(sign(x, 1, 32), OK);
	sign_done(x, 1);
	assert_int_equal(offence(x, 1, PENALTY_NOAUTH), OK);
	assert_int_equal(x->fake.offences, 4);
	reach_login(x, 2);
	assert_int_equal(offence(x, 2, PENALTY_NOAUTH), ERR_PROTO);
	assert_false(wards_find(x->fake.wards, 2)->grace_over);
	assert_int_equal(offence(x, 2, PENALTY_GRACE), OK);
	assert_true(wards_find(x->fake.wards, 2)->grace_over);
	assert_int_equal(x->fake.offences, 4);
}

static void
refused_offences(void **state)
{
	static const uint8_t not_its_own[] = {
		PENALTY_CRASH, PENALTY_AUTHFAIL, PENALTY_INVALIDUSER,
		PENALTY_REASONS, 255,
	};
	struct fixture *x = *state;

	for (size_t i = 0; i < sizeof(not_its_own); i++) {
		assert_int_equal(offence(x, 0, not_its_own[i]), ERR_PROTO);
		assert_int_equal(offence(x, 1, not_its_own[i]), ERR_PROTO);
	}
	assert_int_equal(offence(x, 1, PENALTY_REFUSED), ERR_PROTO);
	assert_int_equal(offence(x, 0, PENALTY_GRACE), ERR_PROTO);
	assert_int_equal(offence(x, 0, PENALTY_NOAUTH), ERR_PROTO);
	/* a network instead of an address */
	wr_u8(&x->body, PENALTY_REFUSED);
	wr_u8(&x->body, 4);
	wr_u8(&x->body, 24);
	wr_bytes(&x->body, view_of("\xc0\0\2\0", 4));
	assert_int_equal(from_server(x, MSG_OFFENCE, 0, 0), ERR_PROTO);
	/* no login may say so */
	reach_login(x, 3);
	assert_int_equal(from_login(x, MSG_OFFENCE, 3, 0), ERR_DENIED);
	assert_int_equal(x->fake.offences, 0);
}

/* The session id is the first hash, whatever is signed later. */
static void
session_id_stays(void **state)
{
	struct fixture *x = *state;
	struct msg_sign m = { .alg = view_str("a") };
	uint8_t first[32], second[32];
	const struct ward *c;

	memset(first, 1, sizeof(first));
	memset(second, 2, sizeof(second));
	m.hash = view_of(first, sizeof(first));
	put_sign(&x->body, &m);
	assert_int_equal(from_server(x, MSG_SIGN, 1, 0), OK);
	sign_done(x, 1);
	m.hash = view_of(second, sizeof(second));
	put_sign(&x->body, &m);
	assert_int_equal(from_server(x, MSG_SIGN, 1, 0), OK);
	c = wards_find(x->fake.wards, 1);
	assert_int_equal(c->session_id_len, 32);
	assert_memory_equal(c->session_id, first, 32);
}

static void
refused_signs(void **state)
{
	struct fixture *x = *state;

	assert_int_not_equal(sign(x, 0, 32), OK);
	assert_int_not_equal(sign(x, 1, 19), OK);
	assert_int_not_equal(sign(x, 1, 65), OK);
	assert_int_equal(sign(x, 1, 64), OK);
	assert_int_not_equal(sign(x, 1, 64), OK);	/* one is under way */
	wr_bytes(&x->body, view_str("junk"));
	assert_int_not_equal(from_server(x, MSG_SIGN, 2, 0), OK);
	assert_int_equal(x->fake.sign, 1);
	assert_int_equal(wards_count(x->fake.wards), 1);
}

static void
too_many(void **state)
{
	struct fixture *x = *state;

	x->r.max_wards = 2;
	assert_int_equal(sign(x, 1, 32), OK);
	assert_int_equal(sign(x, 2, 32), OK);
	assert_int_equal(sign(x, 3, 32), OK);	/* answered, not taken */
	assert_int_equal(x->fake.sign, 2);
	assert_int_equal(x->fake.refused, 1);
	assert_null(wards_find(x->fake.wards, 3));
}

static void
refused_logins(void **state)
{
	struct fixture *x = *state;
	char longest[USERAUTH_MAX_USER + 2];

	/* nothing signed: no session id, no login */
	assert_int_not_equal(login(x, 1, "acme", 2), OK);
	assert_int_equal(sign(x, 1, 32), OK);
	assert_int_not_equal(login(x, 1, "acme", 2), OK); /* not answered */
	sign_done(x, 1);
	assert_int_not_equal(login(x, 1, "acme", 0), OK);
	assert_int_not_equal(login(x, 1, "acme", 1), OK);
	assert_int_not_equal(login(x, 1, "acme", 3), OK);
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_int_not_equal(login(x, 1, longest, 2), OK);
	assert_int_equal(x->fake.login, 0);
	assert_int_equal(login(x, 1, "acme", 2), OK);
	assert_int_not_equal(login(x, 1, "acme", 2), OK);	/* once */
	assert_int_equal(x->fake.login, 1);
}

static void
user_with_nul(void **state)
{
	struct fixture *x = *state;
	const struct msg_login m = {
		.user = view_of("root\0x", 6), .client = view_str(""),
	};

	assert_int_equal(sign(x, 1, 32), OK);
	sign_done(x, 1);
	put_login(&x->body, &m);
	assert_int_not_equal(from_server(x, MSG_LOGIN, 1, 2), OK);
}

/* The warden had no room for the descriptors: a login that fails, and no
 * fault of the server's. */
static void
lost_descriptors(void **state)
{
	struct fixture *x = *state;
	const struct msg_login m = {
		.user = view_str("acme"), .client = view_str(""),
	};
	struct ipc_msg msg;

	assert_int_equal(sign(x, 1, 32), OK);
	sign_done(x, 1);
	put_login(&x->body, &m);
	assert_int_not_equal(from_server(x, MSG_LOGIN, 1, 0), OK);
	assert_int_equal(x->fake.login, 0);
	put_login(&x->body, &m);
	msg = message(x, MSG_LOGIN, 1, 0);
	msg.lost_fds = true;
	assert_int_equal(requests_server(&x->r, &msg), OK);
	assert_int_equal(x->fake.login, 1);
}

/* Terminals are for who has logged in. */
static void
ptys_are_for_sessions(void **state)
{
	struct fixture *x = *state;
	const struct msg_pty five = { 5 };
	const struct msg_child child = { 4711 };

	reach_login(x, 1);
	assert_int_not_equal(from_login(x, MSG_PTY, 1, 0), OK);
	put_pty(&x->body, &five);
	assert_int_not_equal(from_login(x, MSG_PTY_DONE, 1, 0), OK);
	put_child(&x->body, &child);
	assert_int_not_equal(from_login(x, MSG_CHILD, 1, 0), OK);
	assert_int_equal(from_login(x, MSG_AUTHENTICATED, 1, 0), OK);
	assert_int_not_equal(from_login(x, MSG_CHILD, 1, 0), OK);
	put_child(&x->body, &child);
	assert_int_equal(from_login(x, MSG_CHILD, 1, 0), OK);
	assert_int_equal(x->fake.children, 1);
	assert_int_equal(from_login(x, MSG_PTY, 1, 0), OK);
	assert_int_equal(from_login(x, MSG_PTY, 1, 0), OK);
	assert_int_equal(x->fake.ptys, 2);
	put_pty(&x->body, &five);
	assert_int_equal(from_login(x, MSG_PTY_DONE, 1, 0), OK);
	assert_int_equal(x->fake.ptys_done, 1);
	wr_u8(&x->body, 0);
	assert_int_not_equal(from_login(x, MSG_PTY, 1, 0), OK);
	assert_int_not_equal(from_login(x, MSG_PTY_DONE, 1, 0), OK);
	assert_int_not_equal(from_login(x, MSG_PTY, 1, 1), OK);
	/* the server has no use for them */
	assert_int_not_equal(from_server(x, MSG_PTY, 1, 0), OK);
	put_pty(&x->body, &five);
	assert_int_not_equal(from_server(x, MSG_PTY_DONE, 1, 0), OK);
	assert_int_equal(x->fake.ptys, 2);
	assert_int_equal(x->fake.ptys_done, 1);
}

/* Names of hosts are for sessions whose user may connect with them. */
static void
lookups_need_the_right(void **state)
{
	struct fixture *x = *state;
	struct msg_lookup db = { 5, view_str("db") };

	reach_login(x, 1);
	wards_find(x->r.wards, 1)->may_lookup = true;
	put_lookup(&x->body, &db);
	assert_int_not_equal(from_login(x, MSG_LOOKUP, 1, 0), OK);
	assert_int_equal(from_login(x, MSG_AUTHENTICATED, 1, 0), OK);
	put_lookup(&x->body, &db);
	assert_int_equal(from_login(x, MSG_LOOKUP, 1, 0), OK);
	put_lookup(&x->body, &db);
	assert_int_not_equal(from_login(x, MSG_LOOKUP, 1, 1), OK);
	put_lookup(&x->body, &db);
	assert_int_not_equal(from_server(x, MSG_LOOKUP, 1, 0), OK);
	db.name = view_str("127.1");
	put_lookup(&x->body, &db);
	assert_int_not_equal(from_login(x, MSG_LOOKUP, 1, 0), OK);
	wards_find(x->r.wards, 1)->may_lookup = false;
	db.name = view_str("db");
	put_lookup(&x->body, &db);
	assert_int_equal(from_login(x, MSG_LOOKUP, 1, 0), ERR_DENIED);
	assert_int_equal(x->fake.lookups, 1);
}

/* Somebody else goes on: told once, by a session, with two processes. */
static void
heirs(void **state)
{
	struct fixture *x = *state;
	const struct msg_heir m = { 70, 71, 5 }, same = { 70, 70, 5 },
	    init = { 1, 71, 5 };

	reach_login(x, 1);
	put_heir(&x->body, &m);
	assert_int_not_equal(from_login(x, MSG_HEIR, 1, 0), OK);
	assert_int_equal(from_login(x, MSG_AUTHENTICATED, 1, 0), OK);
	/* Whoever has no PAM has no helper to go on for it. */
	put_heir(&x->body, &m);
	assert_int_equal(from_login(x, MSG_HEIR, 1, 0), ERR_DENIED);
	wards_find(x->r.wards, 1)->may_heir = true;
	put_heir(&x->body, &same);
	assert_int_not_equal(from_login(x, MSG_HEIR, 1, 0), OK);
	put_heir(&x->body, &init);
	assert_int_not_equal(from_login(x, MSG_HEIR, 1, 0), OK);
	put_heir(&x->body, &m);
	assert_int_not_equal(from_server(x, MSG_HEIR, 1, 0), OK);
	assert_int_equal(x->fake.heirs, 0);
	put_heir(&x->body, &m);
	assert_int_equal(from_login(x, MSG_HEIR, 1, 0), OK);
	put_heir(&x->body, &m);
	assert_int_not_equal(from_login(x, MSG_HEIR, 1, 0), OK);
	assert_int_equal(x->fake.heirs, 1);
}

/* The record is found by the pid of who goes on, and by no other. */
static void
heir_takes_the_pid(void **state)
{
	struct fixture *x = *state;
	struct ward *c, *d;

	reach_login(x, 1);
	reach_login(x, 2);
	c = wards_find(x->fake.wards, 1);
	d = wards_find(x->fake.wards, 2);
	wards_set_pid(x->fake.wards, c, 500);
	wards_set_pid(x->fake.wards, d, 500 + 4096);
	wards_set_pid(x->fake.wards, c, 600);
	assert_null(wards_by_pid(x->fake.wards, 500));
	assert_ptr_equal(wards_by_pid(x->fake.wards, 600), c);
	assert_ptr_equal(wards_by_pid(x->fake.wards, 500 + 4096), d);
	wards_remove(x->fake.wards, &c);
	assert_null(wards_by_pid(x->fake.wards, 600));
	assert_ptr_equal(wards_by_pid(x->fake.wards, 500 + 4096), d);
}

static void
attempts_are_counted(void **state)
{
	struct fixture *x = *state;

	reach_login(x, 1);
	assert_int_equal(attempt(x, 1, false), OK);
	assert_int_equal(attempt(x, 1, true), OK);	/* does not count */
	assert_int_equal(attempt(x, 1, false), OK);
	assert_int_equal(x->fake.enough, 0);
	assert_int_equal(attempt(x, 1, false), OK);
	assert_int_equal(x->fake.enough, 1);
	assert_int_not_equal(attempt(x, 1, false), OK);
	assert_int_not_equal(attempt(x, 1, true), OK);
	assert_int_not_equal(from_login(x, MSG_AUTHENTICATED, 1, 0), OK);
	assert_int_equal(x->fake.authenticated, 0);
}

static void
authenticated_once(void **state)
{
	struct fixture *x = *state;

	reach_login(x, 1);
	wr_u8(&x->body, 0);
	assert_int_not_equal(from_login(x, MSG_AUTHENTICATED, 1, 0), OK);
	assert_int_not_equal(from_login(x, MSG_AUTHENTICATED, 1, 1), OK);
	assert_int_equal(from_login(x, MSG_AUTHENTICATED, 1, 0), OK);
	assert_int_not_equal(from_login(x, MSG_AUTHENTICATED, 1, 0), OK);
	assert_int_not_equal(attempt(x, 1, true), OK);
	assert_int_equal(x->fake.authenticated, 1);
}

/* What is not granted changes nothing: attempts go on and are counted. */
static void
not_granted(void **state)
{
	struct fixture *x = *state;

	reach_login(x, 1);
	x->fake.withhold = true;
	assert_int_equal(from_login(x, MSG_AUTHENTICATED, 1, 0), OK);
	assert_int_equal(wards_find(x->fake.wards, 1)->phase, WARD_LOGIN);
	assert_int_equal(attempt(x, 1, false), OK);
	assert_int_equal(from_login(x, MSG_AUTHENTICATED, 1, 0), OK);
	x->fake.answer = ERR_SYS;
	x->fake.withhold = false;
	assert_int_not_equal(from_login(x, MSG_AUTHENTICATED, 1, 0), OK);
	assert_int_equal(wards_find(x->fake.wards, 1)->phase, WARD_LOGIN);
	assert_int_equal(wards_sessions(x->fake.wards, view_str("acme")), 0);
	x->fake.answer = OK;
	assert_int_equal(from_login(x, MSG_AUTHENTICATED, 1, 0), OK);
	assert_int_equal(wards_find(x->fake.wards, 1)->phase, WARD_OPEN);
	assert_int_not_equal(from_login(x, MSG_AUTHENTICATED, 1, 0), OK);
}

/* Sessions are counted by name, from the grant until the login's end. */
static void
sessions(void **state)
{
	struct fixture *x = *state;
	struct wards *t = x->fake.wards;

	for (uint32_t id = 1; id <= 3; id++) {
		reach_login(x, id);
		assert_int_equal(wards_sessions(t, view_str("acme")), id - 1);
		assert_int_equal(from_login(x, MSG_AUTHENTICATED, id, 0), OK);
	}
	assert_int_equal(sign(x, 4, 32), OK);
	sign_done(x, 4);
	assert_int_equal(login(x, 4, "acmf", 2), OK);
	assert_int_equal(from_login(x, MSG_AUTHENTICATED, 4, 0), OK);
	reach_login(x, 5);
	assert_int_equal(wards_sessions(t, view_str("acme")), 3);
	assert_int_equal(wards_sessions(t, view_str("acmf")), 1);
	assert_int_equal(wards_sessions(t, view_str("acm")), 0);
	assert_int_equal(wards_sessions(t, view_of(NULL, 0)), 0);
	/* a session that has ended, before the server says so */
	assert_true(ward_move(wards_find(t, 2), WARD_DEAD));
	assert_int_equal(wards_sessions(t, view_str("acme")), 2);
	assert_int_equal(from_server(x, MSG_GONE, 2, 0), OK);
	assert_int_equal(wards_sessions(t, view_str("acme")), 2);
	/* a login that never was a session */
	assert_int_equal(from_server(x, MSG_GONE, 5, 0), OK);
	assert_int_equal(from_server(x, MSG_GONE, 3, 0), OK);
	assert_int_equal(wards_sessions(t, view_str("acme")), 1);
	assert_int_equal(from_server(x, MSG_GONE, 1, 0), OK);
	assert_int_equal(wards_sessions(t, view_str("acme")), 0);
	assert_int_equal(wards_sessions(t, view_str("acmf")), 1);
}

static void
another_number(void **state)
{
	struct fixture *x = *state;
	struct ipc_msg m;

	reach_login(x, 1);
	reach_login(x, 2);
	m = message(x, MSG_AUTHENTICATED, 2, 0);
	assert_int_not_equal(requests_login(&x->r,
	    wards_find(x->fake.wards, 1), &m), OK);
	assert_int_equal(x->fake.authenticated, 0);
}

/* Every number from either side, in every phase: what the table does not
 * name is refused, and whoever may send one thing may not send the other's. */
static void
sweep(void **state)
{
	struct fixture *x = *state;

	reach_login(x, 1);
	for (unsigned type = 0; type < 256; type++) {
		if (type != MSG_SIGN && type != MSG_LOGIN &&
		    type != MSG_GONE && type != MSG_OFFENCE) {
			assert_int_not_equal(from_server(x, (uint8_t)type, 1,
			    0), OK);
			assert_string_equal(x->r.refused, "unknown request");
		}
		if (type != MSG_ATTEMPT && type != MSG_AUTHENTICATED)
			assert_int_not_equal(from_login(x, (uint8_t)type, 1,
			    0), OK);
	}
	assert_true(ward_move(wards_find(x->fake.wards, 1), WARD_DEAD));
	for (unsigned type = 0; type < 256; type++)
		assert_int_not_equal(from_login(x, (uint8_t)type, 1, 0), OK);
	assert_int_equal(x->fake.authenticated + x->fake.gone, 0);
}

/* Every cut of a legal frame is refused. */
static void
truncated(void **state)
{
	struct fixture *x = *state;
	const struct msg_login m = {
		.generation = 1, .user = view_str("u"),
		.client = view_str("c"),
	};
	struct wr whole = wr_new(1024);

	assert_int_equal(sign(x, 1, 32), OK);
	sign_done(x, 1);
	put_login(&whole, &m);
	for (size_t n = 0; n < wr_size(&whole); n++) {
		wr_bytes(&x->body, view_of(wr_view(&whole).p, n));
		assert_int_not_equal(from_server(x, MSG_LOGIN, 1, 2), OK);
	}
	wr_bytes(&x->body, wr_view(&whole));
	wr_u8(&x->body, 0);
	assert_int_not_equal(from_server(x, MSG_LOGIN, 1, 2), OK);
	assert_int_equal(x->fake.login, 0);
	wr_free(&whole);
}

static void
moves(void **state)
{
	struct ward c = { .phase = WARD_SIGNED };

	(void)state;
	assert_false(ward_move(&c, WARD_OPEN));
	assert_false(ward_move(&c, WARD_SIGNED));
	assert_true(ward_move(&c, WARD_LOGIN));
	assert_false(ward_move(&c, WARD_SIGNED));
	assert_true(ward_move(&c, WARD_OPEN));
	assert_false(ward_move(&c, WARD_LOGIN));
	assert_true(ward_move(&c, WARD_DEAD));
	assert_false(ward_move(&c, WARD_DEAD));
	assert_false(ward_move(&c, WARD_OPEN));
}

/* The table against a plain array, for a thousand random steps. */
#define MODEL 64
static void
table_model(void **state)
{
	struct wards *t = wards_new();
	bool there[MODEL] = { false };
	uint32_t rnd = 1, at = 0;
	struct ward *c;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		uint32_t id;

		rnd = rnd * 1103515245 + 12345;
		id = 1 + (rnd >> 16) % MODEL * 4096;	/* same buckets */
		c = wards_find(t, id);
		assert_true((c != NULL) == there[id / 4096]);
		if (c != NULL) {
			assert_ptr_equal(wards_by_pid(t, (pid_t)id + 5), c);
			wards_remove(t, &c);
			assert_null(wards_by_pid(t, (pid_t)id + 5));
			n--;
		} else {
			assert_non_null(c = wards_add(t, id));
			assert_null(wards_add(t, id));
			wards_set_pid(t, c, (pid_t)id + 5);
			n++;
		}
		there[id / 4096] = !there[id / 4096];
		assert_int_equal(wards_count(t), n);
	}
	while (wards_next(t, &at) != NULL)
		n--;
	assert_int_equal(n, 0);
	assert_null(wards_add(t, 0));
	wards_free(&t);
	assert_null(t);
}

static void
table_is_bounded(void **state)
{
	struct wards *t = wards_new();
	struct ward *c;

	(void)state;
	for (uint32_t i = 1; i <= WARDS_MAX; i++)
		assert_non_null(wards_add(t, i));
	assert_null(wards_add(t, WARDS_MAX + 1));
	c = wards_find(t, 77);
	wards_remove(t, &c);
	assert_null(c);
	assert_non_null(wards_add(t, WARDS_MAX + 1));
	wards_free(&t);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(whole_life), T(session_id_stays), T(refused_signs),
		T(too_many), T(refused_logins), T(user_with_nul),
		T(lost_descriptors), T(ptys_are_for_sessions),
		T(lookups_need_the_right), T(heirs), T(heir_takes_the_pid),
		T(attempts_are_counted),
		T(authenticated_once), T(offences), T(refused_offences),
		T(not_granted), T(sessions),
		T(another_number), T(sweep), T(truncated),
		cmocka_unit_test(moves), cmocka_unit_test(table_model),
		cmocka_unit_test(table_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
