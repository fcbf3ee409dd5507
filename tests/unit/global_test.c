#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "server/channel.h"
#include "tests/unit/fake_conn.h"

struct app {
	enum { SAY_LATER, SAY_ACCEPT, SAY_REJECT, SAY_END } say;
	unsigned asked;
	bool first, second;
	char name[64], addr[64];
	uint32_t port;
	size_t rest;
};

static bool
say_once(const struct app *app, struct ssh_conn *c)
{
	if (app->say == SAY_ACCEPT)
		return ssh_global_accept(c, 4242, 3);
	if (app->say == SAY_REJECT)
		return ssh_global_reject(c, 3);
	if (app->say == SAY_END)
		(void)conn_fail(c, ERR_DENIED, 11, "end");
	return false;
}

static void
on_request(void *ctx, struct ssh_conn *c, const struct ssh_global *g)
{
	struct app *app = ctx;

	app->asked++;
	assert_true(view_to_cstr(g->name, app->name, sizeof(app->name)));
	assert_true(view_to_cstr(g->socket_path.n != 0 ? g->socket_path :
	    g->bind_addr, app->addr, sizeof(app->addr)));
	app->port = g->bind_port;
	app->rest = g->rest.n;
	app->first = say_once(app, c);
	app->second = say_once(app, c);
}

static const struct ssh_server_events events = { .request = on_request };

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
	t->f = fake_new(&events, &t->app, PH_OPEN);
	t->f->end_channels = channels_end;
	t->w = wr_new(WR_DEFAULT_MAX);
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
	wr_u8(&t->w, 80);
	wr_cstr(&t->w, name);
	wr_bool(&t->w, want_reply);
	return &t->w;
}

static enum err
say(struct test *t)
{
	return fake_handle(t->f, global_request, wr_view(&t->w));
}

static struct view
sent(struct test *t, uint8_t number)
{
	struct view v;

	assert_true(fake_recv(t->f, &v));
	assert_int_equal(v.p[0], number);
	return v;
}

static void
sent_nothing(struct test *t)
{
	struct view v;

	assert_false(fake_recv(t->f, &v));
}

static void
put_forward(struct test *t, const char *name, bool want_reply, uint32_t port)
{
	struct wr *w = begin(t, name, want_reply);

	wr_cstr(w, "localhost");
	wr_u32(w, port);
}

static void
test_forward(void **state)
{
	struct test *t = *state;

	t->app.say = SAY_ACCEPT;
	put_forward(t, "tcpip-forward", true, 8080);
	assert_int_equal(say(t), OK);
	assert_string_equal(t->app.name, "tcpip-forward");
	assert_string_equal(t->app.addr, "localhost");
	assert_int_equal(t->app.port, 8080);
	assert_int_equal(t->app.rest, 4 + 9 + 4);
	assert_true(t->app.first);
	assert_false(t->app.second);
	/* the port is told only where the client did not choose it */
	assert_int_equal(sent(t, 81).n, 1);
	sent_nothing(t);
	assert_int_equal(t->f->c.held, 0);
	put_forward(t, "tcpip-forward", true, 0);
	assert_int_equal(say(t), OK);
	assert_int_equal(get_u32(sent(t, 81).p + 1), 4242);
	put_forward(t, "cancel-tcpip-forward", true, 0);
	assert_int_equal(say(t), OK);
	assert_int_equal(sent(t, 81).n, 1);
	put_forward(t, "tcpip-forward", false, 0);
	assert_int_equal(say(t), OK);
	assert_true(t->app.first);
	sent_nothing(t);
	assert_int_equal(t->f->c.held, 0);
}

static void
test_streamlocal(void **state)
{
	struct test *t = *state;

	t->app.say = SAY_REJECT;
	wr_cstr(begin(t, "streamlocal-forward@openssh.com", true), "/s");
	assert_int_equal(say(t), OK);
	assert_string_equal(t->app.addr, "/s");
	assert_int_equal(sent(t, 82).n, 1);
	wr_cstr(begin(t, "cancel-streamlocal-forward@openssh.com", true),
	    "/s");
	assert_int_equal(say(t), OK);
	assert_int_equal(t->app.asked, 2);
	sent(t, 82);
}

static void
cut_everywhere(struct test *t)
{
	size_t n = wr_size(&t->w);

	wr_u8(&t->w, 0);
	for (size_t k = 1; k <= n + 1; k++) {
		struct fake *f;

		if (k == n)
			continue;
		f = fake_new(&events, &t->app, PH_OPEN);
		assert_int_equal(fake_handle(f, global_request,
		    view_of(wr_view(&t->w).p, k)), ERR_PROTO);
		fake_free(&f);
	}
	assert_int_equal(t->app.asked, 0);
}

static void
test_truncated(void **state)
{
	struct test *t = *state;

	put_forward(t, "tcpip-forward", true, 8080);
	cut_everywhere(t);
	put_forward(t, "cancel-tcpip-forward", true, 8080);
	cut_everywhere(t);
	wr_cstr(begin(t, "streamlocal-forward@openssh.com", true), "/s");
	cut_everywhere(t);
}

static void
test_nul(void **state)
{
	struct test *t = *state;

	wr_str(begin(t, "streamlocal-forward@openssh.com", true),
	    view_of("/a\0b", 4));
	assert_int_equal(say(t), ERR_PROTO);
	assert_int_equal(t->app.asked, 0);
}

static void
test_later(void **state)
{
	struct test *t = *state;

	wr_bytes(begin(t, "hostkeys-prove-00@openssh.com", true),
	    view_str("xyz"));
	assert_int_equal(say(t), OK);
	assert_int_equal(t->app.rest, 3);
	assert_int_equal(t->f->c.held, 1);
	sent_nothing(t);
	assert_true(ssh_global_reject(&t->f->c, 7));
	assert_false(ssh_global_reject(&t->f->c, 7));
	assert_false(ssh_global_accept(&t->f->c, 1, 7));
	sent(t, 82);
	sent_nothing(t);
	assert_int_equal(t->f->c.held, 0);
}

static void
test_end_inside(void **state)
{
	struct test *t = *state;

	t->app.say = SAY_END;
	begin(t, "x", true);
	assert_int_not_equal(say(t), OK);
	assert_false(ssh_global_accept(&t->f->c, 1, 7));
	sent_nothing(t);
}

static void
test_default_rejects(void **state)
{
	static const struct ssh_server_events none = { .ready = NULL };
	struct test *t = *state;

	t->f->s.ev = &none;
	begin(t, "x", true);
	assert_int_equal(say(t), OK);
	sent(t, 82);
	begin(t, "x", false);
	assert_int_equal(say(t), OK);
	sent_nothing(t);
	assert_int_equal(t->f->c.held, 0);
}

/* The engine has answered before the application is told. */
static void
test_answered_already(void **state)
{
	struct test *t = *state;

	t->app.say = SAY_ACCEPT;
	begin(t, "keepalive@openssh.com", true);
	assert_int_equal(say(t), OK);
	assert_int_equal(t->app.asked, 1);
	assert_false(t->app.first);
	sent(t, 82);
	sent_nothing(t);
	assert_false(t->f->c.no_more_sessions);
	begin(t, "no-more-sessions@openssh.com", false);
	assert_int_equal(say(t), OK);
	assert_true(t->f->c.no_more_sessions);
	assert_false(t->app.first);
	sent_nothing(t);
	begin(t, "no-more-sessions@openssh.com", true);
	assert_int_equal(say(t), OK);
	sent(t, 81);
	assert_int_equal(t->app.asked, 3);
	assert_int_equal(t->f->c.held, 0);
}

static void
test_our_keepalive(void **state)
{
	struct test *t = *state;
	uint8_t failure = 82;
	struct view v;
	struct rd r;

	global_send_keepalive(&t->f->c);
	global_send_keepalive(&t->f->c);
	assert_int_equal(t->f->c.channels.awaited, 2);
	v = sent(t, 80);
	r = rd_of(v);
	rd_u8(&r);
	assert_true(view_is(rd_str(&r), "keepalive@openssh.com"));
	assert_true(rd_bool(&r));
	assert_true(rd_done(&r));
	for (int i = 0; i < 3; i++)
		assert_int_equal(fake_handle(t->f, global_reply,
		    view_of(&failure, 1)), OK);
	assert_int_equal(t->f->c.channels.awaited, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_forward),
		T(test_streamlocal),
		T(test_truncated),
		T(test_nul),
		T(test_later),
		T(test_end_inside),
		T(test_default_rejects),
		T(test_answered_already),
		T(test_our_keepalive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
