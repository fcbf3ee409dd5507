#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/messages.h"

/*
 * Every message goes out and comes back, and its get_ refuses every shorter
 * and every longer body.  Each test leaves the body in w and names a function
 * that parses it.
 */
static bool
exactly(bool (*get)(struct view b), struct view v, size_t n)
{
	uint8_t *copy = malloc(n != 0 ? n : 1);
	bool good;

	memset(copy, 0, n != 0 ? n : 1);
	memcpy(copy, v.p, n < v.n ? n : v.n);
	good = get(view_of(copy, n));
	free(copy);
	return good;
}

static void
check_sizes(bool (*get)(struct view b), struct wr *w)
{
	struct view v = wr_view(w);

	assert_false(w->bad);
	for (size_t i = 0; i < v.n; i++)
		assert_false(exactly(get, v, i));
	assert_true(exactly(get, v, v.n));
	assert_false(exactly(get, v, v.n + 1));
	wr_reset(w);
}

#define READER(name) \
static bool \
read_##name(struct view b) \
{ \
	struct msg_##name m; \
	return get_##name(b, &m); \
}
READER(generation)
READER(sign)
READER(signed)
READER(login)
READER(attempt)
READER(auth_reply)
READER(ready)
READER(ended)
READER(window)
READER(open)
READER(opened)
READER(pty)
READER(child)
READER(text)
READER(log_target)
READER(log_who)
READER(penalties)
READER(barred)
READER(offence)
READER(heir)
READER(handover)

/* Writes in, reads out of the same bytes. */
#define TRIP(name, in, out) do { \
	wr_reset(&w); \
	put_##name(&w, &(in)); \
	assert_true(get_##name(wr_view(&w), &(out))); \
} while (0)
/* Writes in and expects that nobody reads it. */
#define REFUSED(name, in) do { \
	wr_reset(&w); \
	put_##name(&w, &(in)); \
	assert_false(read_##name(wr_view(&w))); \
} while (0)

static void
test_generation(void **state)
{
	struct msg_generation in = {
		.number = 7, .ident = view_str("i"), .greeting =
		view_str("g"), .banner = view_str("b"), .kex = view_str("k"),
		.host_key = view_str("h"), .cipher = view_str("c"),
		.mac = view_str("m"), .compression = view_str("z"),
		.prefer_server_cipher = true,
		.keepalive_interval_ms = 15000, .keepalive_count = 4,
		.limits = { 1, 2, 3, 4, 5, 6, 19, 11, 12,
			{ 13, 14, 15, 16, 17, 18, UINT32_MAX },
			(uint64_t)7 << 32, 8, 9, true },
		.methods = 6, .nlisten = 2, .nkeys = 2,
		.keys = { view_of("a\0b", 3), view_str("") },
		.log_level = LOG_DEBUG,
	}, out;
	struct wr w = wr_new(65536);

	(void)state;
	TRIP(generation, in, out);
	assert_int_equal(out.number, 7);
	assert_true(view_is(out.ident, "i"));
	assert_true(view_is(out.greeting, "g"));
	assert_true(view_is(out.banner, "b"));
	assert_true(view_is(out.kex, "k"));
	assert_true(view_is(out.host_key, "h"));
	assert_true(view_is(out.cipher, "c"));
	assert_true(view_is(out.mac, "m"));
	assert_true(view_is(out.compression, "z"));
	assert_true(out.prefer_server_cipher);
	assert_int_equal(out.keepalive_interval_ms, 15000);
	assert_int_equal(out.keepalive_count, 4);
	assert_int_equal(out.limits.connections, 1);
	assert_int_equal(out.limits.unauthenticated, 2);
	assert_int_equal(out.limits.unauthenticated_per_source, 3);
	assert_int_equal(out.limits.login_grace_ms, 4);
	assert_int_equal(out.limits.auth_attempts, 5);
	assert_int_equal(out.limits.channels, 6);
	assert_int_equal(out.limits.forwards, 19);
	assert_int_equal(out.limits.idle_ms, 11);
	assert_int_equal(out.limits.unused_ms, 12);
	assert_memory_equal(out.limits.channel_idle_ms,
	    in.limits.channel_idle_ms, sizeof(in.limits.channel_idle_ms));
	assert_true(out.limits.rekey_bytes == (uint64_t)7 << 32);
	assert_int_equal(out.limits.rekey_time_ms, 8);
	assert_int_equal(out.limits.rekey_packets, 9);
	assert_true(out.limits.park);
	assert_int_equal(out.methods, 6);
	assert_int_equal(out.nlisten, 2);
	assert_int_equal(out.nkeys, 2);
	assert_int_equal(out.keys[0].n, 3);
	assert_int_equal(out.log_level, LOG_DEBUG);
	check_sizes(read_generation, &w);

	in.methods = 1u << AUTH_METHODS;
	REFUSED(generation, in);
	in.methods = 1;
	in.log_level = (enum log_level)(LOG_DEBUG + 1);
	REFUSED(generation, in);
	in.log_level = LOG_INFO;
	in.nlisten = IPC_MAX_FDS + 1;
	REFUSED(generation, in);
	in.nlisten = 0;
	in.nkeys = 17;
	wr_reset(&w);
	put_generation(&w, &in);
	assert_true(w.bad);
	wr_free(&w);
}

static void
test_sign(void **state)
{
	struct msg_sign in = { 3, 15, view_str("ssh-ed25519"),
	    view_str("0123456789abcdef") }, out;
	struct msg_signed sin = { view_of("\0\1", 2) }, sout;
	struct wr w = wr_new(65536);

	(void)state;
	TRIP(sign, in, out);
	assert_int_equal(out.generation, 3);
	assert_int_equal(out.key, 15);
	assert_true(view_is(out.alg, "ssh-ed25519"));
	assert_int_equal(out.hash.n, 16);
	check_sizes(read_sign, &w);
	in.key = 16;			/* there are 16 */
	REFUSED(sign, in);
	in.key = 0;
	in.hash.n = 15;			/* no hash is that short */
	REFUSED(sign, in);
	in.hash.n = 16;
	in.alg = view_of("a\0", 2);
	REFUSED(sign, in);

	TRIP(signed, sin, sout);
	assert_int_equal(sout.sig.n, 2);
	check_sizes(read_signed, &w);
	wr_free(&w);
}

/* ---- what a channel starts ---- */

static void
test_open(void **state)
{
	struct wr env = wr_new(MSG_ENV_BYTES), w = wr_new(131072);
	struct msg_open in = {
		.kind = START_EXEC, .command = view_str("ls -l"), .pty = true,
		.term = view_str("xterm"), .window = { 80, 24, 640, 480 },
		.modes = view_of("\x01\0\0\0\3", 5),
	}, out;
	struct view left, name, value;

	(void)state;
	msg_env_put(&env, view_str("LANG"), view_str("C"));
	msg_env_put(&env, view_str("EMPTY"), view_str(""));
	in.env = wr_view(&env);
	TRIP(open, in, out);
	assert_int_equal(out.kind, START_EXEC);
	assert_true(view_is(out.command, "ls -l"));
	assert_true(out.pty && view_is(out.term, "xterm"));
	assert_int_equal(out.window.cols, 80);
	assert_int_equal(out.window.rows, 24);
	assert_int_equal(out.window.width, 640);
	assert_int_equal(out.window.height, 480);
	assert_int_equal(out.modes.n, 5);
	left = out.env;
	assert_true(msg_env_next(&left, &name, &value));
	assert_true(view_is(name, "LANG") && view_is(value, "C"));
	assert_true(msg_env_next(&left, &name, &value));
	assert_true(view_is(name, "EMPTY") && value.n == 0);
	assert_false(msg_env_next(&left, &name, &value));
	check_sizes(read_open, &w);
	wr_free(&env);
	wr_free(&w);
}

static void
test_open_limits(void **state)
{
	static uint8_t big[MSG_COMMAND_MAX + 1];
	struct wr env = wr_new(65536), w = wr_new(131072);
	struct msg_open in = { .kind = START_KINDS };

	(void)state;
	memset(big, 'a', sizeof(big));
	REFUSED(open, in);
	in.kind = START_SHELL;
	in.command = view_of(big, sizeof(big));
	REFUSED(open, in);
	in.command = view_of("a\0b", 3);
	REFUSED(open, in);
	in.command = view_of(big, MSG_COMMAND_MAX);
	in.term = view_of(big, MSG_TERM_MAX + 1);
	REFUSED(open, in);
	in.term = view_of(big, MSG_TERM_MAX);
	in.modes = view_of(big, MSG_MODES_MAX + 1);
	REFUSED(open, in);
	in.modes = view_of(big, MSG_MODES_MAX);
	for (int i = 0; i < MSG_ENV_MAX; i++)
		msg_env_put(&env, view_str("N"), view_str("v"));
	in.env = wr_view(&env);
	wr_reset(&w);
	put_open(&w, &in);
	assert_true(read_open(wr_view(&w)));
	/* All of it together goes into one frame. */
	assert_true(wr_size(&w) + MSG_ENV_BYTES - in.env.n + 5 <=
	    IPC_MAX_FRAME);
	msg_env_put(&env, view_str("ONE"), view_str("more"));
	in.env = wr_view(&env);
	REFUSED(open, in);
	wr_reset(&env);
	msg_env_put(&env, view_str("N"), view_of(big, MSG_ENV_BYTES - 8));
	in.env = wr_view(&env);
	REFUSED(open, in);
	wr_free(&env);
	wr_free(&w);
}

static void
test_open_names(void **state)
{
	static const char *const bad[] = { "", "A=B", "=" };
	struct wr env = wr_new(1024), w = wr_new(131072);
	struct msg_open in = { .kind = START_SHELL };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		wr_reset(&env);
		msg_env_put(&env, view_str(bad[i]), view_str("v"));
		in.env = wr_view(&env);
		REFUSED(open, in);
	}
	wr_reset(&env);
	msg_env_put(&env, view_of("A\0", 2), view_str("v"));
	in.env = wr_view(&env);
	REFUSED(open, in);
	wr_reset(&env);
	msg_env_put(&env, view_str("A"), view_of("v\0", 2));
	in.env = wr_view(&env);
	REFUSED(open, in);
	wr_free(&env);
	wr_free(&w);
}

static void
test_opened(void **state)
{
	static const size_t fds[CARRIERS] = { 0, 1, 2, 1, 3 };
	struct msg_opened in = { 0 }, out;
	struct msg_window win = { 1, 2, 3, 4 }, win_out;
	struct msg_pty pty = { 17 }, pty_out;
	struct msg_child child = { 1234567 }, child_out;
	struct wr w = wr_new(1024);

	(void)state;
	for (in.carrier = 0; in.carrier < CARRIERS; in.carrier++) {
		TRIP(opened, in, out);
		assert_int_equal(out.carrier, in.carrier);
		assert_int_equal(msg_carrier_fds(out.carrier),
		    fds[out.carrier]);
		check_sizes(read_opened, &w);
	}
	REFUSED(opened, in);
	assert_int_equal(msg_carrier_fds(CARRIERS), 0);
	TRIP(window, win, win_out);
	assert_memory_equal(&win, &win_out, sizeof(win));
	check_sizes(read_window, &w);
	TRIP(pty, pty, pty_out);
	assert_int_equal(pty_out.number, 17);
	check_sizes(read_pty, &w);
	TRIP(child, child, child_out);
	assert_int_equal(child_out.pid, 1234567);
	check_sizes(read_child, &w);
	child.pid = 1;
	REFUSED(child, child);
	child.pid = -2;
	REFUSED(child, child);
	wr_free(&w);
}

static void
test_login(void **state)
{
	struct msg_login in = { 9, view_of("ro\0ot\n", 6), view_str("v") },
	    out;
	struct wr w = wr_new(65536);

	(void)state;
	TRIP(login, in, out);
	assert_int_equal(out.generation, 9);
	assert_int_equal(out.user.n, 6);	/* raw, as it came */
	assert_true(view_is(out.client, "v"));
	check_sizes(read_login, &w);
	wr_free(&w);
}

static void
test_attempt(void **state)
{
	struct msg_attempt in = { AUTH_PASSWORD, true, view_str("ok"),
	    view_str("SHA256:x") }, out;
	struct wr w = wr_new(65536);

	(void)state;
	TRIP(attempt, in, out);
	assert_int_equal(out.method, AUTH_PASSWORD);
	assert_true(out.success);
	assert_true(view_is(out.reason, "ok"));
	assert_true(view_is(out.key, "SHA256:x"));
	check_sizes(read_attempt, &w);
	in.method = AUTH_METHODS;
	REFUSED(attempt, in);
	in.method = MSG_METHOD_UNKNOWN;	/* may fail, not succeed */
	REFUSED(attempt, in);
	in.success = false;
	TRIP(attempt, in, out);
	wr_free(&w);
}

static void
test_auth_reply(void **state)
{
	static const uint8_t long_text[MSG_NOTICE_MAX + 1] = { [0] = 'x' };
	struct msg_auth_reply in = { VERDICT_DISCONNECT, 3, view_str("t"),
	    view_str("note") }, out;
	struct wr w = wr_new(65536);

	(void)state;
	TRIP(auth_reply, in, out);
	assert_int_equal(out.verdict, VERDICT_DISCONNECT);
	assert_int_equal(out.methods, 3);
	assert_true(view_is(out.payload, "t"));
	assert_true(view_is(out.notice, "note"));
	check_sizes(read_auth_reply, &w);
	in.verdict++;
	REFUSED(auth_reply, in);
	in.verdict = 0;
	in.methods = 1u << AUTH_METHODS;
	REFUSED(auth_reply, in);
	in.methods = 0;
	in.notice = view_of("a\0b", 3);
	REFUSED(auth_reply, in);
	in.notice = view_of(long_text, sizeof(long_text));
	REFUSED(auth_reply, in);
	wr_free(&w);
}

static void
test_session(void **state)
{
	struct msg_ready ready = { ALLOW_SFTP, view_str("f:1"),
	    true, view_of("\0\0\0\1A", 5) }, ready_out;
	struct msg_ended in = { true, 9, view_str("TERM"), true,
	    view_str("why") }, out;
	struct msg_text text = { view_of("a\0", 2) }, text_out;
	struct wr w = wr_new(65536);

	(void)state;
	TRIP(ready, ready, ready_out);
	assert_int_equal(ready_out.allow, ALLOW_SFTP);
	assert_true(view_is(ready_out.rule, "f:1"));
	assert_int_equal(ready_out.env.n, 5);
	check_sizes(read_ready, &w);
	TRIP(ended, in, out);
	assert_true(out.signalled);
	assert_int_equal(out.status, 9);
	assert_true(view_is(out.signal, "TERM"));
	assert_true(out.core);
	assert_true(view_is(out.text, "why"));
	check_sizes(read_ended, &w);
	TRIP(text, text, text_out);	/* also carries encoded policies */
	assert_int_equal(text_out.text.n, 2);
	check_sizes(read_text, &w);
	wr_free(&w);
}

static void
test_handover(void **state)
{
	struct msg_heir heir = { 300, 301, 2001 }, heir_out;
	struct msg_handover in = {
		.allow = ALLOW_SFTP, .method = view_str("password"),
		.key = view_str("SHA256:x"), .notice = view_str("hello\n"),
		.last_use = view_str("never"), .last_src = view_str("::1"),
		.forced = true, .command = view_str("ls"),
		.connection = view_str("::1 1 ::1 22"),
		.key_env = view_of("\0\0\0\3C=1", 7),
		.pam_env = view_of("\0\0\0\3A=1\0\0\0\2B=", 13),
		.permit_open = view_of("\0\0\0\3h:1", 7),
		.permit_listen = view_of("\0\0\0\1" "2\0\0\0\1" "3", 10),
		.log_level = LOG_DEBUG,
	}, out;
	struct wr w = wr_new(65536);
	static char key[MSG_KEY_MAX + 1];

	(void)state;
	TRIP(heir, heir, heir_out);
	assert_int_equal(heir_out.helper, 300);
	assert_int_equal(heir_out.session, 301);
	assert_int_equal(heir_out.uid, 2001);
	check_sizes(read_heir, &w);
	heir.session = 300;
	REFUSED(heir, heir);
	heir.session = 1;
	REFUSED(heir, heir);
	heir = (struct msg_heir){ -1, 5, 0 };
	REFUSED(heir, heir);
	TRIP(handover, in, out);
	assert_int_equal(out.allow, ALLOW_SFTP);
	assert_true(view_is(out.method, "password"));
	assert_true(view_is(out.key, "SHA256:x"));
	assert_true(view_is(out.notice, "hello\n"));
	assert_true(view_is(out.last_use, "never"));
	assert_true(view_is(out.last_src, "::1"));
	assert_true(out.forced);
	assert_true(view_is(out.command, "ls"));
	assert_true(view_is(out.connection, "::1 1 ::1 22"));
	assert_int_equal(out.key_env.n, 7);
	assert_int_equal(out.pam_env.n, 13);
	assert_int_equal(out.permit_open.n, 7);
	assert_int_equal(out.permit_listen.n, 10);
	assert_int_equal(out.log_level, LOG_DEBUG);
	check_sizes(read_handover, &w);
	/* a list that is cut short, or holds nothing */
	in.pam_env.n = 12;
	REFUSED(handover, in);
	in.pam_env = view_of("\0\0\0\0", 4);
	REFUSED(handover, in);
	in.pam_env.n = 0;
	in.key_env.n = 6;
	REFUSED(handover, in);
	in.key_env.n = 0;
	in.permit_open.n = 5;
	REFUSED(handover, in);
	in.permit_open.n = 0;
	in.permit_listen.n = 9;
	REFUSED(handover, in);
	in.permit_listen.n = 0;
	memset(key, 'x', sizeof(key));
	in.key = view_of(key, sizeof(key));
	REFUSED(handover, in);
	in.key = view_of("a\0", 2);
	REFUSED(handover, in);
	wr_free(&w);
}

static void
test_log(void **state)
{
	struct msg_log_target target = { true, false, true }, target_out;
	struct msg_log_who who = { 4711, (uint64_t)1 << 40,
	    view_of("a\n", 2), view_str("192.0.2.1") }, who_out;
	struct wr w = wr_new(65536);

	(void)state;
	TRIP(log_target, target, target_out);
	assert_true(target_out.json && target_out.journal &&
	    !target_out.syslog);
	check_sizes(read_log_target, &w);
	target.syslog = true;		/* and journal: not both */
	REFUSED(log_target, target);
	TRIP(log_who, who, who_out);
	assert_int_equal(who_out.pid, 4711);
	assert_true(who_out.conn == (uint64_t)1 << 40);
	assert_int_equal(who_out.user.n, 2);
	assert_true(view_is(who_out.src, "192.0.2.1"));
	check_sizes(read_log_who, &w);
	who.pid = 0;
	REFUSED(log_who, who);
	who.pid = -1;
	REFUSED(log_who, who);
	wr_free(&w);
}

static void
test_penalties(void **state)
{
	struct msg_penalties in = {
		.config = { true, { 1, 2, 3, 4, 5, 6 }, 7, 8, 24, 56, 9,
		    true },
		.nexempt = 2, .exempt = {
			{ { 4, { 10 } }, 8 }, { { 6, { 0x20, 1 } }, 16 },
		},
	}, out;
	struct wr w = wr_new(65536);

	(void)state;
	TRIP(penalties, in, out);
	assert_memory_equal(&in.config.ms, &out.config.ms,
	    sizeof(in.config.ms));
	assert_true(out.config.on && out.config.deny);
	assert_int_equal(out.config.min_ms, 7);
	assert_int_equal(out.config.max_ms, 8);
	assert_int_equal(out.config.prefix4, 24);
	assert_int_equal(out.config.prefix6, 56);
	assert_int_equal(out.config.sources, 9);
	assert_int_equal(out.nexempt, 2);
	assert_memory_equal(in.exempt, out.exempt, 2 * sizeof(in.exempt[0]));
	check_sizes(read_penalties, &w);
	in.config.prefix4 = 33;
	REFUSED(penalties, in);
	in.config.prefix4 = 32;
	in.config.prefix6 = 129;
	REFUSED(penalties, in);
	in.config.prefix6 = 128;
	in.exempt[0].bits = 4;		/* bits behind the prefix */
	REFUSED(penalties, in);
	in.nexempt = PENALTIES_EXEMPT_MAX;
	for (size_t i = 0; i < in.nexempt; i++)
		in.exempt[i] = (struct net_range){ { 4, { 10 } }, 8 };
	TRIP(penalties, in, out);
	wr_free(&w);
}

static void
test_barred(void **state)
{
	struct penalty a = { .net = { { 4, { 192, 0, 2, 1 } }, 32 },
	    .reason = PENALTY_GRACE, .barred = true }, e;
	struct wr w = wr_new(1 << 20), list = wr_new(1 << 20);
	struct msg_barred in = { false, true, { NULL, 0 } }, out;
	size_t n = 0;

	(void)state;
	TRIP(barred, in, out);
	assert_false(out.closed4);
	assert_true(out.closed6);
	assert_false(barred_next(&out, &e));
	for (unsigned i = 0; i < MSG_BARRED_MAX; i++) {
		a.net.addr.b[2] = (uint8_t)(i >> 8);
		penalty_put(&list, &a, i);
	}
	in.entries = wr_view(&list);
	TRIP(barred, in, out);
	while (barred_next(&out, &e)) {
		assert_int_equal(e.until, n++);
		assert_int_equal(e.reason, PENALTY_GRACE);
		assert_true(e.barred);
	}
	assert_int_equal(n, MSG_BARRED_MAX);
	/* one too many; cut anywhere else than between two */
	penalty_put(&list, &a, 1);
	in.entries = wr_view(&list);
	REFUSED(barred, in);
	for (size_t i = 0; i <= 48; i++) {
		in.entries.n = i;
		wr_reset(&w);
		put_barred(&w, &in);
		assert_int_equal(read_barred(wr_view(&w)), i % 16 == 0);
	}
	wr_reset(&list);
	a.reason = PENALTY_REASONS;
	penalty_put(&list, &a, 1);
	in.entries = wr_view(&list);
	REFUSED(barred, in);
	wr_free(&list);
	wr_free(&w);
}

static void
test_offence(void **state)
{
	struct msg_offence in = { PENALTY_NOAUTH, { 6, { 0x20, 1, 7 } } },
	    out;
	struct wr w = wr_new(65536);

	(void)state;
	TRIP(offence, in, out);
	assert_int_equal(out.reason, PENALTY_NOAUTH);
	assert_memory_equal(&out.src, &in.src, sizeof(in.src));
	check_sizes(read_offence, &w);
	in.reason = PENALTY_CRASH;	/* not the server's to say */
	REFUSED(offence, in);
	in.reason = PENALTY_GRACE;
	in.src.family = 0;
	REFUSED(offence, in);
	wr_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_open_limits),
		cmocka_unit_test(test_open_names),
		cmocka_unit_test(test_opened),
		cmocka_unit_test(test_generation),
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_attempt),
		cmocka_unit_test(test_auth_reply),
		cmocka_unit_test(test_session),
		cmocka_unit_test(test_handover),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_penalties),
		cmocka_unit_test(test_barred),
		cmocka_unit_test(test_offence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
