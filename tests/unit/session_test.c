#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "server/channel.h"
#include "tests/unit/fake_conn.h"

enum say { SAY_LATER, SAY_ACCEPT, SAY_REJECT, SAY_END, SAY_CLOSE };

struct app {
	enum say say;
	struct ssh_channel *ch;
	unsigned asked, eows, closed;
	enum ssh_request_type type;
	bool want_reply, first, second, single;
	struct ssh_window size;
	char text[64], text2[64], name[64];
	unsigned nmodes;
	uint32_t number, echo;
	size_t rest;
};

static void
on_session(void *ctx, struct ssh_conn *c, struct ssh_channel *ch)
{
	(void)c;
	((struct app *)ctx)->ch = ch;
	assert_true(ssh_channel_accept(ch));
}

static bool
say_once(struct ssh_channel *ch, enum say say)
{
	if (say == SAY_ACCEPT)
		return ssh_request_accept(ch, 5);
	if (say == SAY_REJECT)
		return ssh_request_reject(ch, 5);
	if (say == SAY_END)
		(void)conn_fail(ssh_channel_conn(ch), ERR_DENIED, 11, "end");
	if (say == SAY_CLOSE)
		return ssh_channel_close(ch);
	return false;
}

static void
copy(struct view v, char *out)
{
	assert_true(view_to_cstr(v, out, 64));
}

static void
note_pty(struct app *app, const struct ssh_pty *p)
{
	struct view modes = p->modes;
	uint32_t arg;
	uint8_t op;

	copy(p->term, app->text);
	app->size = (struct ssh_window){ p->cols, p->rows, p->width,
	    p->height };
	while (ssh_pty_mode_next(&modes, &op, &arg)) {
		app->nmodes++;
		if (op == 53)
			app->echo = arg;
	}
}

static void
on_request(void *ctx, struct ssh_channel *ch, const struct ssh_request *r)
{
	struct app *app = ctx;

	app->asked++;
	app->type = r->type;
	app->want_reply = r->want_reply;
	app->rest = r->rest.n;
	copy(r->name, app->name);
	if (r->type == SSH_REQ_PTY)
		note_pty(app, &r->pty);
	else if (r->type == SSH_REQ_WINDOW_CHANGE)
		app->size = r->window;
	else if (r->type == SSH_REQ_ENV) {
		copy(r->env_key, app->text);
		copy(r->env_val, app->text2);
	} else if (r->type == SSH_REQ_X11) {
		copy(r->x11.protocol, app->text);
		copy(r->x11.cookie, app->text2);
		app->single = r->x11.single;
		app->number = r->x11.screen;
	} else if (r->type == SSH_REQ_SIGNAL)
		copy(r->signal, app->text);
	else if (r->type == SSH_REQ_BREAK)
		app->number = r->break_ms;
	else if (r->type == SSH_REQ_EXEC)
		copy(r->command, app->text);
	else if (r->type == SSH_REQ_SUBSYSTEM || r->type == SSH_REQ_SFTP)
		copy(r->subsystem, app->text);
	app->first = say_once(ch, app->say);
	app->second = say_once(ch, app->say);
}

static void
on_eow(void *ctx, struct ssh_channel *ch)
{
	(void)ch;
	((struct app *)ctx)->eows++;
}

static void
on_close(void *ctx, struct ssh_channel *ch)
{
	((struct app *)ctx)->closed++;
	assert_false(ssh_request_accept(ch, 1));
	assert_false(ssh_request_reject(ch, 1));
	assert_false(ssh_channel_exit_status(ch, 1));
}

static const struct ssh_server_events events = {
	.session = on_session,
	.channel_request = on_request,
	.eow = on_eow,
	.channel_close = on_close,
};

struct test {
	struct app app;
	struct fake *f;
	struct wr w;
};

static void
open_channel(struct fake *f)
{
	struct wr w = wr_new(1000);

	wr_u8(&w, 90);
	wr_cstr(&w, "session");
	wr_u32(&w, 77);
	wr_u32(&w, 1000);
	wr_u32(&w, 1000);
	assert_int_equal(fake_handle(f, channel_open, wr_view(&w)), OK);
	fake_drop(f);
	wr_free(&w);
}

static int
setup(void **state)
{
	struct test *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->f = fake_new(&events, &t->app, PH_OPEN);
	t->f->end_channels = channels_end;
	t->w = wr_new(WR_DEFAULT_MAX);
	t->app.say = SAY_ACCEPT;
	open_channel(t->f);
	*state = t;
	return 0;
}

static int
teardown(void **state)
{
	struct test *t = *state;

	assert_int_equal(t->f->c.depth, 0);
	fake_free(&t->f);
	wr_free(&t->w);
	free(t);
	return 0;
}

static struct wr *
begin(struct test *t, const char *name, bool want_reply)
{
	wr_reset(&t->w);
	wr_u8(&t->w, 98);
	wr_u32(&t->w, 0);
	wr_cstr(&t->w, name);
	wr_bool(&t->w, want_reply);
	return &t->w;
}

static enum err
say(struct test *t)
{
	return fake_handle(t->f, channel_handle_request, wr_view(&t->w));
}

static void
expect(struct test *t, uint8_t number)
{
	struct view v;

	assert_true(fake_recv(t->f, &v));
	assert_int_equal(v.p[0], number);
	assert_int_equal(get_u32(v.p + 1), 77);
}

static void
expect_nothing(struct test *t)
{
	struct view v;

	assert_false(fake_recv(t->f, &v));
}

/* Accepted and answered once; the message was parsed whole. */
static void
accepted(struct test *t, enum ssh_request_type type)
{
	unsigned before = t->app.asked;

	assert_int_equal(say(t), OK);
	assert_int_equal(t->app.asked, before + 1);
	assert_int_equal(t->app.type, type);
	assert_true(t->app.first);
	assert_false(t->app.second);
	assert_int_equal(t->f->c.held, 0);
	expect(t, 99);
	expect_nothing(t);
}

/* Every cut of the request now in t->w is fatal before anybody is asked, and
 * so is a byte too much. */
static void
cut_everywhere(struct test *t)
{
	size_t n = wr_size(&t->w);

	wr_u8(&t->w, 0);
	for (size_t k = 1; k <= n + 1; k++) {
		struct app app = { .say = SAY_ACCEPT };
		struct fake *f;

		if (k == n)
			continue;
		f = fake_new(&events, &app, PH_OPEN);
		f->end_channels = channels_end;
		open_channel(f);
		assert_int_equal(fake_handle(f, channel_handle_request,
		    view_of(wr_view(&t->w).p, k)), ERR_PROTO);
		assert_int_equal(app.asked, 0);
		assert_int_equal(app.closed, 1);
		fake_free(&f);
	}
}

/* ---- each request ---- */

static void
put_pty(struct test *t, struct view modes)
{
	struct wr *w = begin(t, "pty-req", true);

	wr_cstr(w, "xterm");
	wr_u32(w, 80);
	wr_u32(w, 24);
	wr_u32(w, 640);
	wr_u32(w, 480);
	wr_str(w, modes);
}

static void
test_pty(void **state)
{
	static const uint8_t modes[] = {
		1, 0, 0, 0, 3, 53, 0, 0, 0, 1, 129, 0, 0, 0x96, 0, 0
	};
	struct test *t = *state;

	put_pty(t, view_of(modes, sizeof(modes)));
	accepted(t, SSH_REQ_PTY);
	assert_string_equal(t->app.text, "xterm");
	assert_int_equal(t->app.size.cols, 80);
	assert_int_equal(t->app.size.rows, 24);
	assert_int_equal(t->app.size.width, 640);
	assert_int_equal(t->app.size.height, 480);
	assert_int_equal(t->app.nmodes, 3);
	assert_int_equal(t->app.echo, 1);
	put_pty(t, view_of(modes, sizeof(modes)));
	cut_everywhere(t);
}

static void
test_pty_modes(void **state)
{
	static const struct {
		uint8_t b[16];
		size_t n;
		bool good;
		unsigned count;
	} rows[] = {
		{ { 0 }, 0, true, 0 },			/* empty */
		{ { 0 }, 1, true, 0 },			/* END alone */
		{ { 53, 0, 0, 0, 1 }, 5, true, 1 },	/* without END */
		{ { 53, 0, 0, 0, 1, 0, 9, 9 }, 8, true, 1 },
		{ { 53, 0, 0, 0, 1, 160, 9 }, 7, true, 1 },
		{ { 255 }, 1, true, 0 },
		{ { 159, 0, 0, 0, 1 }, 5, true, 1 },
		{ { 53, 0, 0, 0 }, 4, false, 0 },	/* cut short */
		{ { 53 }, 1, false, 0 },
		{ { 53, 0, 0, 0, 1, 50, 0 }, 7, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct test *t;
		void *s;

		setup(&s);
		t = s;
		put_pty(t, view_of(rows[i].b, rows[i].n));
		if (rows[i].good) {
			accepted(t, SSH_REQ_PTY);
			assert_int_equal(t->app.nmodes, rows[i].count);
		} else {
			assert_int_equal(say(t), ERR_PROTO);
			assert_int_equal(t->app.asked, 0);
		}
		teardown(&s);
	}
}

static void
test_pty_too_many_modes(void **state)
{
	uint8_t modes[(SSH_MAX_PTY_MODES + 1) * 5];
	struct test *t = *state;

	for (size_t i = 0; i < sizeof(modes); i++)
		modes[i] = i % 5 == 0 ? 53 : 0;
	put_pty(t, view_of(modes, SSH_MAX_PTY_MODES * 5));
	accepted(t, SSH_REQ_PTY);
	assert_int_equal(t->app.nmodes, SSH_MAX_PTY_MODES);
	put_pty(t, view_of(modes, sizeof(modes)));
	assert_int_equal(say(t), ERR_PROTO);
}

static void
test_mode_names(void **state)
{
	(void)state;
	assert_string_equal(ssh_pty_mode_name(1), "VINTR");
	assert_string_equal(ssh_pty_mode_name(18), "VDISCARD");
	assert_string_equal(ssh_pty_mode_name(42), "IUTF8");
	assert_string_equal(ssh_pty_mode_name(53), "ECHO");
	assert_string_equal(ssh_pty_mode_name(93), "PARODD");
	assert_string_equal(ssh_pty_mode_name(129), "TTY_OP_OSPEED");
	assert_null(ssh_pty_mode_name(19));
	assert_null(ssh_pty_mode_name(159));
	assert_null(ssh_pty_mode_name(160));
	assert_null(ssh_pty_mode_name(255));
}

static void
test_window_change(void **state)
{
	struct test *t = *state;

	for (int i = 0; i < 2; i++) {
		struct wr *w = begin(t, "window-change", true);

		for (uint32_t k = 1; k <= 4; k++)
			wr_u32(w, k);
		if (i == 0)
			accepted(t, SSH_REQ_WINDOW_CHANGE);
	}
	assert_int_equal(t->app.size.cols, 1);
	assert_int_equal(t->app.size.height, 4);
	cut_everywhere(t);
}

static void
test_x11(void **state)
{
	struct test *t = *state;

	for (int i = 0; i < 2; i++) {
		struct wr *w = begin(t, "x11-req", true);

		wr_bool(w, true);
		wr_cstr(w, "MIT-MAGIC-COOKIE-1");
		wr_cstr(w, "c0ffee");
		wr_u32(w, 9);
		if (i == 0)
			accepted(t, SSH_REQ_X11);
	}
	assert_true(t->app.single);
	assert_string_equal(t->app.text, "MIT-MAGIC-COOKIE-1");
	assert_string_equal(t->app.text2, "c0ffee");
	assert_int_equal(t->app.number, 9);
	cut_everywhere(t);
}

static void
test_env(void **state)
{
	struct test *t = *state;

	for (int i = 0; i < 2; i++) {
		struct wr *w = begin(t, "env", true);

		wr_cstr(w, "LANG");
		wr_cstr(w, "C.UTF-8");
		if (i == 0)
			accepted(t, SSH_REQ_ENV);
	}
	assert_string_equal(t->app.text, "LANG");
	assert_string_equal(t->app.text2, "C.UTF-8");
	cut_everywhere(t);
}

static void
test_simple(void **state)
{
	struct test *t = *state;

	begin(t, "auth-agent-req@openssh.com", true);
	accepted(t, SSH_REQ_AGENT);
	wr_cstr(begin(t, "signal", true), "TERM");
	accepted(t, SSH_REQ_SIGNAL);
	assert_string_equal(t->app.text, "TERM");
	wr_u32(begin(t, "break", true), 500);
	accepted(t, SSH_REQ_BREAK);
	assert_int_equal(t->app.number, 500);
	wr_u32(begin(t, "break", true), 500);
	cut_everywhere(t);
	wr_cstr(begin(t, "signal", true), "TERM");
	cut_everywhere(t);
	begin(t, "shell", true);
	cut_everywhere(t);
}

static void
test_exec(void **state)
{
	struct test *t = *state;

	wr_cstr(begin(t, "exec", true), "ls -l");
	accepted(t, SSH_REQ_EXEC);
	assert_string_equal(t->app.text, "ls -l");
	wr_cstr(begin(t, "exec", true), "ls -l");
	cut_everywhere(t);
}

static void
test_subsystem(void **state)
{
	struct test *t = *state;

	t->app.say = SAY_REJECT;
	wr_cstr(begin(t, "subsystem", true), "netconf");
	assert_int_equal(say(t), OK);
	assert_int_equal(t->app.type, SSH_REQ_SUBSYSTEM);
	assert_string_equal(t->app.text, "netconf");
	expect(t, 100);
	t->app.say = SAY_ACCEPT;
	wr_cstr(begin(t, "subsystem", true), "sftp");
	accepted(t, SSH_REQ_SFTP);
	wr_cstr(begin(t, "subsystem", true), "sftp");
	cut_everywhere(t);
}

static void
test_nul_is_fatal(void **state)
{
	static const char *const names[] = { "exec", "subsystem", "signal" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct test *t;
		void *s;

		setup(&s);
		t = s;
		wr_str(begin(t, names[i], true), view_of("a\0b", 3));
		assert_int_equal(say(t), ERR_PROTO);
		assert_int_equal(t->app.asked, 0);
		teardown(&s);
	}
}

static void
test_other(void **state)
{
	struct test *t = *state;

	wr_u32(begin(t, "xon-xoff@example.com", true), 1);
	accepted(t, SSH_REQ_OTHER);
	assert_string_equal(t->app.name, "xon-xoff@example.com");
	assert_int_equal(t->app.rest, 4);
}

/* ---- answers ---- */

/* One program to a channel, whatever the application would say. */
static void
test_one_program(void **state)
{
	struct test *t = *state;

	begin(t, "shell", true);
	accepted(t, SSH_REQ_SHELL);
	begin(t, "shell", true);
	assert_int_equal(say(t), OK);
	expect(t, 100);
	wr_cstr(begin(t, "exec", true), "id");
	assert_int_equal(say(t), OK);
	expect(t, 100);
	wr_cstr(begin(t, "subsystem", false), "sftp");
	assert_int_equal(say(t), OK);
	expect_nothing(t);
	assert_int_equal(t->app.asked, 1);
	begin(t, "window-change", true);
	for (int i = 0; i < 4; i++)
		wr_u32(&t->w, 1);
	accepted(t, SSH_REQ_WINDOW_CHANGE);
}

static void
test_refused_program_leaves_room(void **state)
{
	struct test *t = *state;

	t->app.say = SAY_REJECT;
	begin(t, "shell", true);
	assert_int_equal(say(t), OK);
	assert_true(t->app.first);
	assert_false(t->app.second);
	expect(t, 100);
	t->app.say = SAY_ACCEPT;
	begin(t, "shell", true);
	accepted(t, SSH_REQ_SHELL);
}

static void
test_no_reply_wanted(void **state)
{
	struct test *t = *state;

	begin(t, "shell", false);
	assert_int_equal(say(t), OK);
	assert_true(t->app.first);
	assert_false(t->app.want_reply);
	expect_nothing(t);
	assert_int_equal(t->f->c.held, 0);
}

static void
test_later(void **state)
{
	struct test *t = *state;

	t->app.say = SAY_LATER;
	begin(t, "shell", true);
	assert_int_equal(say(t), OK);
	assert_int_equal(t->f->c.held, 1);
	expect_nothing(t);
	assert_true(ssh_request_accept(t->app.ch, 8));
	assert_false(ssh_request_accept(t->app.ch, 8));
	assert_false(ssh_request_reject(t->app.ch, 8));
	assert_int_equal(t->f->c.held, 0);
	assert_int_equal(t->f->c.now, 8);
	expect(t, 99);
	expect_nothing(t);
}

/* Behind our CLOSE nothing is said, but the question is answered. */
static void
test_later_after_close(void **state)
{
	struct test *t = *state;

	t->app.say = SAY_CLOSE;
	begin(t, "shell", true);
	assert_int_equal(say(t), OK);
	assert_int_equal(t->f->c.held, 1);
	expect(t, 96);
	expect(t, 97);
	assert_true(ssh_request_accept(t->app.ch, 8));
	expect_nothing(t);
	assert_int_equal(t->f->c.held, 0);
	begin(t, "shell", true);
	assert_int_equal(say(t), OK);
	assert_int_equal(t->app.asked, 1);
	expect_nothing(t);
}

static void
test_end_inside(void **state)
{
	struct test *t = *state;

	t->app.say = SAY_END;
	begin(t, "shell", true);
	assert_int_not_equal(say(t), OK);
	assert_true(t->f->ended);
	assert_int_equal(t->app.closed, 1);
	expect_nothing(t);
}

static void
test_default_rejects(void **state)
{
	static const struct ssh_server_events none = { .ready = NULL };
	struct test *t = *state;

	t->f->s.ev = &none;
	begin(t, "shell", true);
	assert_int_equal(say(t), OK);
	expect(t, 100);
	assert_int_equal(t->f->c.held, 0);
	t->f->s.ev = &events;
}

static void
test_keepalive(void **state)
{
	struct test *t = *state;

	begin(t, "keepalive@openssh.com", true);
	assert_int_equal(say(t), OK);
	assert_int_equal(t->app.asked, 0);
	expect(t, 100);
}

static void
test_eow(void **state)
{
	struct test *t = *state;

	begin(t, "eow@openssh.com", false);
	assert_int_equal(say(t), OK);
	assert_int_equal(t->app.eows, 1);
	assert_int_equal(t->app.asked, 0);
	expect_nothing(t);
}

static void
test_unknown_channel(void **state)
{
	struct test *t = *state;

	begin(t, "shell", true);
	t->w.base[t->w.head + 4] = 1;
	assert_int_equal(say(t), ERR_PROTO);
	assert_true(t->f->ended);
}

static void
test_stray_reply(void **state)
{
	struct test *t = *state;
	uint8_t b[5] = { 99 };

	assert_int_equal(fake_handle(t->f, channel_handle_reply,
	    view_of(b, 4)), ERR_PROTO);
	t->f->c.phase = PH_OPEN;
	open_channel(t->f);
	assert_int_equal(fake_handle(t->f, channel_handle_reply,
	    view_of(b, 5)), OK);
	b[4] = 9;
	assert_int_equal(fake_handle(t->f, channel_handle_reply,
	    view_of(b, 5)), ERR_PROTO);
}

/* A forwarded connection is no session. */
static void
test_not_a_session(void **state)
{
	static const uint32_t fields[] = { 1, 77, 10, 10 };
	struct test *t = *state;
	struct ssh_channel *ch = ssh_open_agent(&t->f->c);

	wr_reset(&t->w);
	wr_u8(&t->w, 91);
	for (int i = 0; i < 4; i++)
		wr_u32(&t->w, fields[i]);
	assert_int_equal(fake_handle(t->f, channel_open_confirmation,
	    wr_view(&t->w)), OK);
	fake_drop(t->f);
	assert_int_equal(ssh_channel_id(ch), 1);
	begin(t, "shell", true);
	t->w.base[t->w.head + 4] = 1;
	assert_int_equal(say(t), OK);
	assert_int_equal(t->app.asked, 0);
	expect(t, 100);
	assert_false(ssh_channel_exit_status(ch, 0));
	expect_nothing(t);
}

/* ---- our requests ---- */

static struct rd
sent_request(struct test *t, const char *name)
{
	struct view v;
	struct rd r;

	assert_true(fake_recv(t->f, &v));
	r = rd_of(v);
	assert_int_equal(rd_u8(&r), 98);
	assert_int_equal(rd_u32(&r), 77);
	assert_true(view_is(rd_str(&r), name));
	assert_false(rd_bool(&r));
	return r;
}

static void
test_ours(void **state)
{
	struct ssh_window win = { 1, 2, 3, 4 };
	struct test *t = *state;
	struct ssh_channel *ch = t->app.ch;
	struct rd r;

	assert_true(ssh_channel_eof(ch));
	expect(t, 96);
	assert_true(ssh_channel_exit_status(ch, 255));
	r = sent_request(t, "exit-status");
	assert_int_equal(rd_u32(&r), 255);
	assert_true(rd_done(&r));
	assert_true(ssh_channel_exit_signal(ch, "KILL", true,
	    view_str("why")));
	r = sent_request(t, "exit-signal");
	assert_true(view_is(rd_str(&r), "KILL"));
	assert_true(rd_bool(&r));
	assert_true(view_is(rd_str(&r), "why"));
	rd_str(&r);
	assert_true(rd_done(&r));
	assert_true(ssh_channel_signal(ch, "INT"));
	r = sent_request(t, "signal");
	assert_true(view_is(rd_str(&r), "INT"));
	assert_true(rd_done(&r));
	assert_true(ssh_channel_set_window(ch, &win));
	r = sent_request(t, "window-change");
	for (uint32_t i = 1; i <= 4; i++)
		assert_int_equal(rd_u32(&r), i);
	assert_true(rd_done(&r));
	assert_true(ssh_channel_close(ch));
	fake_drop(t->f);
	assert_false(ssh_channel_exit_status(ch, 0));
	assert_false(ssh_channel_exit_signal(ch, "X", false, view_str("")));
	assert_false(ssh_channel_signal(ch, "X"));
	assert_false(ssh_channel_set_window(ch, &win));
	expect_nothing(t);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_pty),
		cmocka_unit_test(test_pty_modes),
		T(test_pty_too_many_modes),
		cmocka_unit_test(test_mode_names),
		T(test_window_change),
		T(test_x11),
		T(test_env),
		T(test_simple),
		T(test_exec),
		T(test_subsystem),
		cmocka_unit_test(test_nul_is_fatal),
		T(test_other),
		T(test_one_program),
		T(test_refused_program_leaves_room),
		T(test_no_reply_wanted),
		T(test_later),
		T(test_later_after_close),
		T(test_end_inside),
		T(test_default_rejects),
		T(test_keepalive),
		T(test_eow),
		T(test_unknown_channel),
		T(test_stray_reply),
		T(test_not_a_session),
		T(test_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
