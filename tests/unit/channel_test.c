#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "server/channel.h"
#include "tests/unit/fake_conn.h"

#define WINDOW	SSH_CHANNEL_WINDOW
#define PACKET	SSH_CHANNEL_PACKET

/* An application that accepts everything unless told otherwise. */
struct app {
	bool later, reject, end_in_data, free_in_data, close_in_data;
	bool hold_bytes;	/* do not consume in `data` */
	size_t refill;		/* bytes to write in `drain` */
	struct ssh_channel *last;
	unsigned opens, opened, refused, eofs, eows, drains, closed;
	uint32_t reason;
	size_t bytes, ext_bytes;
	uint32_t drain_order[64];
	char dest[64], path[64];
	uint32_t dest_port, src_port;
};

static uint8_t zeros[1 << 20];

static void
answer_open(struct app *app, struct ssh_channel *ch)
{
	app->opens++;
	app->last = ch;
	if (app->later)
		return;
	if (app->reject) {
		assert_true(ssh_channel_reject(ch, SSH_OPEN_CONNECT_FAILED,
		    "no"));
		app->last = NULL;
	} else {
		assert_true(ssh_channel_accept(ch));
		assert_false(ssh_channel_accept(ch));
		assert_false(ssh_channel_reject(ch, 1, ""));
	}
}

static void
on_session(void *ctx, struct ssh_conn *c, struct ssh_channel *ch)
{
	assert_ptr_equal(ssh_channel_conn(ch), c);
	answer_open(ctx, ch);
}

static void
on_tcpip(void *ctx, struct ssh_conn *c, struct ssh_channel *ch,
    const struct ssh_tcpip *t)
{
	struct app *app = ctx;

	(void)c;
	assert_true(view_to_cstr(t->dest_ip, app->dest, sizeof(app->dest)));
	app->dest_port = t->dest_port;
	app->src_port = t->src_port;
	answer_open(app, ch);
}

static void
on_streamlocal(void *ctx, struct ssh_conn *c, struct ssh_channel *ch,
    struct view path)
{
	struct app *app = ctx;

	(void)c;
	assert_true(view_to_cstr(path, app->path, sizeof(app->path)));
	answer_open(app, ch);
}

static void
on_data(void *ctx, struct ssh_channel *ch, uint32_t ext, struct view bytes)
{
	struct app *app = ctx;
	struct ssh_conn *c = ssh_channel_conn(ch);

	if (ext != 0)
		app->ext_bytes += bytes.n;
	else
		app->bytes += bytes.n;
	if (!app->hold_bytes)
		ssh_channel_consumed(ch, bytes.n);
	if (app->close_in_data)
		ssh_channel_close(ch);
	if (app->end_in_data)
		(void)conn_fail(c, ERR_DENIED, 11, "enough");
	if (app->free_in_data)
		c->free_wanted = true;
}

static void
on_eof(void *ctx, struct ssh_channel *ch)
{
	(void)ch;
	((struct app *)ctx)->eofs++;
}

static void
on_drain(void *ctx, struct ssh_channel *ch)
{
	struct app *app = ctx;

	assert_true(ssh_channel_writable(ch) != 0);
	if (app->drains < 64)
		app->drain_order[app->drains] = ssh_channel_id(ch);
	app->drains++;
	if (app->refill != 0)
		ssh_channel_write(ch, 0, view_of(zeros, app->refill));
}

static void
on_open_refused(void *ctx, struct ssh_conn *c, struct view type,
    unsigned reason)
{
	struct app *app = ctx;

	(void)c;
	assert_true(view_to_cstr(type, app->path, sizeof(app->path)));
	app->refused++;
	app->reason = reason;
}

static void
on_opened(void *ctx, struct ssh_channel *ch, uint32_t reason,
    struct view text)
{
	struct app *app = ctx;

	(void)ch;
	(void)text;
	app->opened++;
	app->reason = reason;
}

static void
on_close(void *ctx, struct ssh_channel *ch)
{
	struct app *app = ctx;

	app->closed++;
	/* the pointer is good until we return, its number is not */
	assert_null(ssh_conn_channel(ssh_channel_conn(ch),
	    ssh_channel_id(ch)));
	assert_int_equal(ssh_channel_writable(ch), 0);
	assert_int_equal(ssh_channel_write(ch, 0, view_str("x")), 0);
	assert_false(ssh_channel_close(ch));
	assert_false(ssh_channel_eof(ch));
	assert_false(ssh_channel_accept(ch));
	ssh_channel_consumed(ch, 1 << 30);
}

static const struct ssh_server_events events = {
	.session = on_session,
	.tcpip = on_tcpip,
	.streamlocal = on_streamlocal,
	.data = on_data,
	.eof = on_eof,
	.drain = on_drain,
	.open_refused = on_open_refused,
	.opened = on_opened,
	.channel_close = on_close,
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
	assert_int_equal(t->f->c.held, 0);
	fake_free(&t->f);
	wr_free(&t->w);
	free(t);
	return 0;
}

/* ---- what a client says ---- */

static void
begin_open(struct test *t, const char *type, uint32_t window, uint32_t packet)
{
	wr_reset(&t->w);
	wr_u8(&t->w, 90);
	wr_cstr(&t->w, type);
	wr_u32(&t->w, 77);
	wr_u32(&t->w, window);
	wr_u32(&t->w, packet);
}

static enum err
say_open(struct test *t)
{
	return fake_handle(t->f, channel_open, wr_view(&t->w));
}

static struct ssh_channel *
open_session(struct test *t, uint32_t window, uint32_t packet)
{
	begin_open(t, "session", window, packet);
	assert_int_equal(say_open(t), OK);
	fake_drop(t->f);
	return t->app.last;
}

/* number, channel and further numbers */
static enum err
say(struct test *t, uint8_t number,
    enum err (*handle)(struct ssh_conn *, struct rd *), uint32_t id, size_t n,
    const uint32_t *more)
{
	wr_reset(&t->w);
	wr_u8(&t->w, number);
	wr_u32(&t->w, id);
	for (size_t i = 0; i < n; i++)
		wr_u32(&t->w, more[i]);
	return fake_handle(t->f, handle, wr_view(&t->w));
}

static enum err
say_adjust(struct test *t, uint32_t id, uint32_t n)
{
	return say(t, 93, channel_window_adjust, id, 1, &n);
}

static enum err
say_eof(struct test *t, uint32_t id)
{
	return say(t, 96, channel_handle_eof, id, 0, NULL);
}

static enum err
say_close(struct test *t, uint32_t id)
{
	return say(t, 97, channel_handle_close, id, 0, NULL);
}

static enum err
say_data(struct test *t, uint32_t id, size_t n)
{
	wr_reset(&t->w);
	wr_u8(&t->w, 94);
	wr_u32(&t->w, id);
	wr_str(&t->w, view_of(zeros, n));
	return fake_handle(t->f, channel_data, wr_view(&t->w));
}

static enum err
say_ext(struct test *t, uint32_t id, uint32_t type, size_t n)
{
	wr_reset(&t->w);
	wr_u8(&t->w, 95);
	wr_u32(&t->w, id);
	wr_u32(&t->w, type);
	wr_str(&t->w, view_of(zeros, n));
	return fake_handle(t->f, channel_extended_data, wr_view(&t->w));
}

/* The next payload's number and first uint32. */
static uint8_t
next(struct test *t, uint32_t *first)
{
	struct view v;

	*first = 0;
	if (!fake_recv(t->f, &v))
		return 0;
	if (v.n >= 5)
		*first = get_u32(v.p + 1);
	return v.p[0];
}

static void
expect(struct test *t, uint8_t number)
{
	uint32_t peer;

	assert_int_equal(next(t, &peer), number);
	assert_int_equal(peer, 77);
}

static void
expect_nothing(struct test *t)
{
	uint32_t peer;

	assert_int_equal(next(t, &peer), 0);
}

/* OPEN_FAILURE with this reason */
static void
expect_failure(struct test *t, uint32_t reason)
{
	struct view v;
	struct rd r;

	assert_true(fake_recv(t->f, &v));
	r = rd_of(v);
	assert_int_equal(rd_u8(&r), 92);
	assert_int_equal(rd_u32(&r), 77);
	assert_int_equal(rd_u32(&r), reason);
	rd_str(&r);
	rd_str(&r);
	assert_true(rd_done(&r));
}

static void
ended(struct test *t)
{
	assert_int_equal(t->f->c.phase, PH_ENDED);
	assert_true(t->f->ended);
	assert_int_equal(t->f->c.channels.open, 0);
}

/* ---- opening ---- */

static void
test_open_session(void **state)
{
	struct test *t = *state;
	struct view v;
	struct rd r;

	begin_open(t, "session", 1000, 100);
	assert_int_equal(say_open(t), OK);
	assert_int_equal(t->app.opens, 1);
	assert_true(fake_recv(t->f, &v));
	r = rd_of(v);
	assert_int_equal(rd_u8(&r), 91);
	assert_int_equal(rd_u32(&r), 77);
	assert_int_equal(rd_u32(&r), ssh_channel_id(t->app.last));
	assert_int_equal(rd_u32(&r), WINDOW);
	assert_int_equal(rd_u32(&r), PACKET);
	assert_true(rd_done(&r));
	assert_ptr_equal(ssh_conn_channel(&t->f->c, 0), t->app.last);
	assert_null(ssh_conn_channel(&t->f->c, 1));
	assert_null(ssh_conn_channel(&t->f->c, UINT32_MAX));
}

static void
test_open_tcpip(void **state)
{
	struct test *t = *state;

	begin_open(t, "direct-tcpip", 1000, 100);
	wr_cstr(&t->w, "host.example");
	wr_u32(&t->w, 443);
	wr_cstr(&t->w, "127.0.0.1");
	wr_u32(&t->w, 999);
	assert_int_equal(say_open(t), OK);
	assert_string_equal(t->app.dest, "host.example");
	assert_int_equal(t->app.dest_port, 443);
	assert_int_equal(t->app.src_port, 999);
	fake_drop(t->f);
	begin_open(t, "direct-tcpip", 1000, 100);
	wr_cstr(&t->w, "host.example");
	wr_u32(&t->w, 65536);
	wr_cstr(&t->w, "127.0.0.1");
	wr_u32(&t->w, 999);
	assert_int_equal(say_open(t), OK);
	assert_int_equal(t->app.opens, 1);
	expect_failure(t, SSH_OPEN_CONNECT_FAILED);
}

static void
test_open_streamlocal(void **state)
{
	struct test *t = *state;

	begin_open(t, "direct-streamlocal@openssh.com", 1000, 100);
	wr_cstr(&t->w, "/run/x.sock");
	wr_cstr(&t->w, "");
	wr_u32(&t->w, 0);
	assert_int_equal(say_open(t), OK);
	assert_string_equal(t->app.path, "/run/x.sock");
}

static void
test_open_refused_kinds(void **state)
{
	static const struct {
		const char *type;
		uint32_t reason;
	} rows[] = {
		{ "x11", SSH_OPEN_PROHIBITED },
		{ "forwarded-tcpip", SSH_OPEN_PROHIBITED },
		{ "forwarded-streamlocal@openssh.com", SSH_OPEN_PROHIBITED },
		{ "auth-agent@openssh.com", SSH_OPEN_PROHIBITED },
		{ "agent-connect", SSH_OPEN_PROHIBITED },
		{ "tun@openssh.com", SSH_OPEN_UNKNOWN_TYPE },
		{ "", SSH_OPEN_UNKNOWN_TYPE },
	};
	struct test *t = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin_open(t, rows[i].type, 1, 1);
		wr_cstr(&t->w, "whatever");
		assert_int_equal(say_open(t), OK);
		expect_failure(t, rows[i].reason);
		/* the application is told, and need not answer */
		assert_int_equal(t->app.refused, i + 1);
		assert_int_equal(t->app.reason, rows[i].reason);
		assert_string_equal(t->app.path, rows[i].type);
	}
	assert_int_equal(t->app.opens, 0);
	assert_int_equal(t->f->c.channels.open, 0);
}

static void
test_open_defaults(void **state)
{
	static const struct ssh_server_events none = { .ready = NULL };
	struct test *t = *state;

	t->f->s.ev = &none;
	begin_open(t, "session", 1, 1);
	assert_int_equal(say_open(t), OK);
	expect_failure(t, SSH_OPEN_PROHIBITED);
}

static void
test_open_rejected(void **state)
{
	struct test *t = *state;

	t->app.reject = true;
	for (int i = 0; i < 100; i++) {
		begin_open(t, "session", 1, 1);
		assert_int_equal(say_open(t), OK);
		expect_failure(t, SSH_OPEN_CONNECT_FAILED);
	}
	assert_int_equal(t->app.closed, 100);
	assert_int_equal(t->f->c.channels.open, 0);
}

/* Every cut is fatal, before the application hears of it. */
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
		f->end_channels = channels_end;
		assert_int_equal(fake_handle(f, channel_open,
		    view_of(wr_view(&t->w).p, k)), ERR_PROTO);
		fake_free(&f);
	}
	assert_int_equal(t->app.opens, 0);
}

static void
test_open_truncated(void **state)
{
	struct test *t = *state;

	begin_open(t, "session", 1, 1);
	cut_everywhere(t);
	begin_open(t, "direct-tcpip", 1, 1);
	wr_cstr(&t->w, "h");
	wr_u32(&t->w, 1);
	wr_cstr(&t->w, "s");
	wr_u32(&t->w, 1);
	cut_everywhere(t);
	begin_open(t, "direct-streamlocal@openssh.com", 1, 1);
	wr_cstr(&t->w, "/x");
	wr_cstr(&t->w, "");
	wr_u32(&t->w, 0);
	cut_everywhere(t);
}

static void
test_open_nul(void **state)
{
	struct test *t = *state;

	begin_open(t, "direct-streamlocal@openssh.com", 1, 1);
	wr_str(&t->w, view_of("/a\0b", 4));
	wr_cstr(&t->w, "");
	wr_u32(&t->w, 0);
	assert_int_equal(say_open(t), ERR_PROTO);
	assert_int_equal(t->app.opens, 0);
}

static void
test_open_limit(void **state)
{
	struct test *t = *state;

	for (unsigned i = 0; i < 16; i++)
		open_session(t, 1, 1);
	begin_open(t, "session", 1, 1);
	assert_int_equal(say_open(t), OK);
	assert_int_equal(t->app.opens, 16);
	expect_failure(t, SSH_OPEN_RESOURCE_SHORTAGE);
	/* a place that is given up is a place again, the lowest first */
	assert_int_equal(say_close(t, 3), OK);
	assert_int_equal(t->app.closed, 1);
	fake_drop(t->f);
	assert_int_equal(ssh_channel_id(open_session(t, 1, 1)), 3);
	assert_int_equal(t->app.opens, 17);
}

static void
test_open_hard_limit(void **state)
{
	struct test *t = *state;

	t->f->s.cfg.channels = UINT32_MAX;
	t->app.later = true;
	for (unsigned i = 0; i < SSH_MAX_CHANNELS; i++)
		open_session(t, 1, 1);
	begin_open(t, "session", 1, 1);
	assert_int_equal(say_open(t), OK);
	expect_failure(t, SSH_OPEN_RESOURCE_SHORTAGE);
	assert_int_equal(t->app.opens, SSH_MAX_CHANNELS);
	assert_null(ssh_open_agent(&t->f->c));
}

static void
test_open_close_many(void **state)
{
	struct test *t = *state;

	for (unsigned i = 0; i < 3000; i++) {
		open_session(t, 1, 1);
		assert_int_equal(say_close(t, 0), OK);
		fake_drop(t->f);
	}
	assert_int_equal(t->app.closed, 3000);
	assert_true(t->f->c.channels.nslots <= 4);
}

static void
test_no_more_sessions(void **state)
{
	struct test *t = *state;

	t->f->c.no_more_sessions = true;
	begin_open(t, "direct-streamlocal@openssh.com", 1, 1);
	wr_cstr(&t->w, "/x");
	wr_cstr(&t->w, "");
	wr_u32(&t->w, 0);
	assert_int_equal(say_open(t), OK);
	begin_open(t, "session", 1, 1);
	assert_int_equal(say_open(t), ERR_PROTO);
	ended(t);
}

/* A number that has not been told yet is not open. */
static void
test_asked_is_not_open(void **state)
{
	struct test *t = *state;

	t->app.later = true;
	open_session(t, 10, 10);
	assert_int_equal(ssh_channel_write(t->app.last, 0, view_str("x")), 0);
	assert_int_equal(say_data(t, 0, 1), ERR_PROTO);
	ended(t);
	assert_int_equal(t->app.closed, 1);
}

static void
test_accept_later_drains(void **state)
{
	struct test *t = *state;

	t->app.later = true;
	open_session(t, 10, 10);
	assert_int_equal(ssh_channel_write(t->app.last, 0, view_str("x")), 0);
	assert_true(t->f->c.drain_owed);
	channels_drain(&t->f->c);
	assert_int_equal(t->app.drains, 0);
	assert_true(t->f->c.drain_owed);
	assert_true(ssh_channel_accept(t->app.last));
	channels_drain(&t->f->c);
	assert_int_equal(t->app.drains, 1);
	assert_false(t->f->c.drain_owed);
}

/* ---- bytes from the client ---- */

static void
test_data(void **state)
{
	struct test *t = *state;

	open_session(t, 0, 0);
	assert_int_equal(say_data(t, 0, PACKET), OK);
	assert_int_equal(say_data(t, 0, 0), OK);
	assert_int_equal(say_ext(t, 0, 1, 5), OK);
	assert_int_equal(t->app.bytes, PACKET);
	assert_int_equal(t->app.ext_bytes, 5);
	assert_int_equal(say_data(t, 0, PACKET + 1), ERR_PROTO);
	ended(t);
}

static void
test_data_past_window(void **state)
{
	struct test *t = *state;

	t->app.hold_bytes = true;
	open_session(t, 0, 0);
	for (size_t n = 0; n < WINDOW; n += PACKET)
		assert_int_equal(say_data(t, 0, PACKET), OK);
	expect_nothing(t);
	assert_int_equal(say_data(t, 0, 1), ERR_PROTO);
	assert_int_equal(t->app.bytes, WINDOW);
	ended(t);
}

/* The window comes back by halves, and never more of it than was used. */
static void
test_window_given_back(void **state)
{
	struct test *t = *state;
	struct ssh_channel *ch;
	struct view v;

	t->app.hold_bytes = true;
	ch = open_session(t, 0, 0);
	for (size_t n = 0; n < WINDOW; n += PACKET)
		assert_int_equal(say_data(t, 0, PACKET), OK);
	ssh_channel_consumed(ch, WINDOW / 2 - 1);
	expect_nothing(t);
	ssh_channel_consumed(ch, 1);
	assert_true(fake_recv(t->f, &v));
	assert_int_equal(v.n, 9);
	assert_int_equal(v.p[0], 93);
	assert_int_equal(get_u32(v.p + 1), 77);
	assert_int_equal(get_u32(v.p + 5), WINDOW / 2);
	assert_int_equal(ch->in_window, WINDOW / 2);
	/* more than it was given cannot be consumed */
	ssh_channel_consumed(ch, SIZE_MAX);
	assert_true(fake_recv(t->f, &v));
	assert_int_equal(get_u32(v.p + 5), WINDOW / 2);
	assert_int_equal(ch->in_window, WINDOW);
	ssh_channel_consumed(ch, SIZE_MAX);
	expect_nothing(t);
	assert_int_equal(ch->in_window, WINDOW);
}

static void
test_window_invariant(void **state)
{
	struct test *t = *state;
	uint32_t seed = 1;
	struct ssh_channel *ch;

	t->app.hold_bytes = true;
	ch = open_session(t, 0, 0);
	for (int i = 0; i < 3000; i++) {
		uint32_t n;

		seed = seed * 1103515245 + 12345;
		n = (seed >> 8) % (PACKET + 1);
		if (n <= ch->in_window)
			assert_int_equal(say_data(t, 0, n), OK);
		if ((seed & 3) != 0)
			ssh_channel_consumed(ch, n);
		assert_int_equal(ch->in_window + ch->unconsumed + ch->credit,
		    WINDOW);
		fake_drop(t->f);
	}
}

/* Extended data of a type without a meaning is dropped, but counted. */
static void
test_extended_unknown(void **state)
{
	static const uint32_t types[] = { 0, 2, UINT32_MAX };
	struct test *t = *state;
	struct ssh_channel *ch = open_session(t, 0, 0);

	for (int i = 0; i < 3; i++)
		assert_int_equal(say_ext(t, 0, types[i], 100), OK);
	assert_int_equal(t->app.bytes + t->app.ext_bytes, 0);
	assert_int_equal(ch->in_window, WINDOW - 300);
	assert_int_equal(ch->credit, 300);
	for (size_t n = 0; n < WINDOW; n += PACKET)
		assert_int_equal(say_ext(t, 0, 7, PACKET), OK);
	expect(t, 93);
}

static void
test_data_after_eof(void **state)
{
	struct test *t = *state;
	struct ssh_channel *ch;

	t->app.hold_bytes = true;
	ch = open_session(t, 0, 0);
	for (size_t n = 0; n < WINDOW; n += PACKET)
		assert_int_equal(say_data(t, 0, PACKET), OK);
	assert_int_equal(say_eof(t, 0), OK);
	assert_int_equal(say_eof(t, 0), OK);
	assert_int_equal(t->app.eofs, 1);
	/* nothing more will come, so no window is given */
	ssh_channel_consumed(ch, WINDOW);
	expect_nothing(t);
	assert_int_equal(say_data(t, 0, 0), ERR_PROTO);
	ended(t);
}

static void
test_data_after_our_close(void **state)
{
	struct test *t = *state;
	struct ssh_channel *ch = open_session(t, 10, 10);

	assert_true(ssh_channel_close(ch));
	expect(t, 96);
	expect(t, 97);
	assert_int_equal(say_data(t, 0, 100), OK);
	assert_int_equal(say_ext(t, 0, 1, 100), OK);
	assert_int_equal(say_adjust(t, 0, 5), OK);
	assert_int_equal(say_eof(t, 0), OK);
	assert_int_equal(t->app.bytes + t->app.ext_bytes, 0);
	assert_int_equal(t->app.eofs, 0);
	assert_int_equal(say_close(t, 0), OK);
	assert_int_equal(t->app.closed, 1);
	expect_nothing(t);
}

static void
test_data_truncated(void **state)
{
	struct test *t = *state;

	wr_u8(&t->w, 95);
	wr_u32(&t->w, 0);
	wr_u32(&t->w, 1);
	wr_cstr(&t->w, "bytes");
	for (size_t k = 1; k < wr_size(&t->w); k++) {
		struct test u = { .w = wr_new(1000) };

		u.f = fake_new(&events, &u.app, PH_OPEN);
		u.f->end_channels = channels_end;
		open_session(&u, 1, 1);
		assert_int_equal(fake_handle(u.f, channel_extended_data,
		    view_of(wr_view(&t->w).p, k)), ERR_PROTO);
		assert_int_equal(u.app.ext_bytes, 0);
		fake_free(&u.f);
		wr_free(&u.w);
	}
}

static void
test_unknown_channel(void **state)
{
	struct test *t = *state;

	static const uint32_t ids[] = { 1, 4, 1024, UINT32_MAX };

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		for (int what = 0; what < 5; what++) {
			enum err e = OK;

			t->f->c.phase = PH_OPEN;
			t->f->ended = false;
			open_session(t, 10, 10);
			if (what == 0)
				e = say_data(t, ids[i], 1);
			else if (what == 1)
				e = say_ext(t, ids[i], 1, 1);
			else if (what == 2)
				e = say_adjust(t, ids[i], 1);
			else if (what == 3)
				e = say_eof(t, ids[i]);
			else
				e = say_close(t, ids[i]);
			assert_int_equal(e, ERR_PROTO);
			ended(t);
			fake_drop(t->f);
		}
}

static void
test_end_inside_data(void **state)
{
	struct test *t = *state;

	open_session(t, 10, 10);
	open_session(t, 10, 10);
	t->app.end_in_data = true;
	assert_int_not_equal(say_data(t, 1, 3), OK);
	ended(t);
	assert_int_equal(t->app.closed, 2);
}

static void
test_free_inside_data(void **state)
{
	struct test *t = *state;

	open_session(t, 10, 10);
	t->app.free_in_data = true;
	assert_int_equal(say_data(t, 0, 3), OK);
	assert_true(t->f->freed);
}

static void
test_close_inside_data(void **state)
{
	struct test *t = *state;

	open_session(t, 10, 10);
	t->app.close_in_data = true;
	assert_int_equal(say_data(t, 0, 3), OK);
	expect(t, 96);
	expect(t, 97);
	assert_int_equal(say_close(t, 0), OK);
	assert_int_equal(t->app.closed, 1);
}

static void
test_no_data_event(void **state)
{
	struct ssh_server_events ev = events;
	struct test *t = *state;

	ev.data = NULL;
	t->f->s.ev = &ev;
	open_session(t, 0, 0);
	for (size_t n = 0; n < WINDOW / 2; n += PACKET)
		assert_int_equal(say_data(t, 0, PACKET), OK);
	expect(t, 93);
	t->f->s.ev = &events;
}

/* ---- bytes to the client ---- */

static void
test_write_chunks(void **state)
{
	struct test *t = *state;
	struct ssh_channel *ch = open_session(t, 100, 30);
	struct view v;
	size_t n = 0;

	assert_int_equal(ssh_channel_writable(ch), 100);
	assert_int_equal(ssh_channel_write(ch, 0, view_of(zeros, 70)), 70);
	assert_false(ch->drain_owed);
	while (fake_recv(t->f, &v)) {
		struct rd r = rd_of(v);
		struct view bytes;

		assert_int_equal(rd_u8(&r), 94);
		assert_int_equal(rd_u32(&r), 77);
		bytes = rd_str(&r);
		assert_true(rd_done(&r));
		assert_int_equal(bytes.n, n < 60 ? 30 : 10);
		n += bytes.n;
	}
	assert_int_equal(n, 70);
	assert_int_equal(ssh_channel_writable(ch), 30);
	assert_int_equal(ssh_channel_write(ch, 1, view_of(zeros, 31)), 30);
	assert_true(fake_recv(t->f, &v));
	assert_int_equal(v.n, 13 + 30);
	assert_int_equal(v.p[0], 95);
	assert_int_equal(get_u32(v.p + 5), 1);
	assert_int_equal(get_u32(v.p + 9), 30);
	assert_int_equal(ssh_channel_writable(ch), 0);
	assert_true(ch->drain_owed);
}

static void
test_write_bytes(void **state)
{
	struct test *t = *state;
	struct ssh_channel *ch = open_session(t, 100, 4);
	struct wr all = wr_new(100);
	struct view v;

	assert_int_equal(ssh_channel_write(ch, 0, view_str("0123456789")),
	    10);
	while (fake_recv(t->f, &v))
		wr_bytes(&all, view_of(v.p + 9, v.n - 9));
	assert_true(view_is(wr_view(&all), "0123456789"));
	wr_free(&all);
}

static void
test_write_misuse(void **state)
{
	struct test *t = *state;
	struct ssh_channel *ch = open_session(t, 100, 30);

	assert_int_equal(ssh_channel_write(ch, 2, view_str("x")), 0);
	assert_int_equal(ssh_channel_write(ch, 0, view_of(NULL, 0)), 0);
	assert_true(ssh_channel_eof(ch));
	assert_false(ssh_channel_eof(ch));
	assert_int_equal(ssh_channel_writable(ch), 0);
	assert_int_equal(ssh_channel_write(ch, 0, view_str("x")), 0);
	expect(t, 96);
	expect_nothing(t);
	assert_false(t->f->c.drain_owed);
}

/* Window 0, packet 0: nothing is written and nothing asks to drain. */
static void
test_write_absurd_sizes(void **state)
{
	static const uint32_t sizes[][2] = {
		{ 0, 0 }, { 100, 0 }, { 0, 100 }
	};
	struct test *t = *state;

	for (int i = 0; i < 3; i++) {
		struct ssh_channel *ch = open_session(t, sizes[i][0],
		    sizes[i][1]);

		assert_int_equal(ssh_channel_writable(ch), 0);
		assert_int_equal(ssh_channel_write(ch, 0, view_str("x")), 0);
	}
	channels_drain(&t->f->c);
	assert_int_equal(t->app.drains, 0);
	assert_false(t->f->c.drain_owed);
	expect_nothing(t);
	assert_int_equal(say_adjust(t, 1, 100), OK);
	assert_int_equal(t->app.drains, 0);
	assert_int_equal(say_adjust(t, 2, 0), OK);
	assert_int_equal(t->app.drains, 0);
	assert_int_equal(say_adjust(t, 2, 1), OK);
	assert_int_equal(t->app.drains, 1);
}

static void
test_adjust_overflow(void **state)
{
	struct test *t = *state;

	open_session(t, 100, 30);
	assert_int_equal(say_adjust(t, 0, UINT32_MAX - 100), OK);
	assert_int_equal(t->app.last->out_window, UINT32_MAX);
	assert_int_equal(say_adjust(t, 0, 0), OK);
	assert_int_equal(say_adjust(t, 0, 1), ERR_PROTO);
	ended(t);
}

/* What is written stays near the mark, whatever packets the client wants. */
static void
test_output_mark(void **state)
{
	static const uint32_t packets[] = { 1, 100, PACKET, UINT32_MAX };
	struct test *t = *state;

	for (int i = 0; i < 4; i++) {
		struct ssh_channel *ch = open_session(t, UINT32_MAX,
		    packets[i]);
		size_t can = ssh_channel_writable(ch);

		assert_true(can != 0);
		assert_int_equal(ssh_channel_write(ch, 0,
		    view_of(zeros, sizeof(zeros))), can);
		assert_true(ch->drain_owed);
		/* heads without a type are shorter: some more may fit */
		while (ssh_channel_write(ch, 0,
		    view_of(zeros, sizeof(zeros))) != 0)
			;
		assert_true(wr_size(&t->f->c.out) >= SSH_OUT_HIGH);
		assert_true(wr_size(&t->f->c.out) <=
		    SSH_OUT_HIGH + PACKET + 64);
		assert_int_equal(ssh_channel_writable(ch), 0);
		wr_reset(&t->f->c.out);
		ch->drain_owed = false;
	}
}

static void
test_kex_blocks(void **state)
{
	struct test *t = *state;
	struct ssh_channel *ch = open_session(t, 100, 30);

	t->f->kex_blocks = true;
	assert_int_equal(ssh_channel_writable(ch), 0);
	assert_int_equal(ssh_channel_write(ch, 0, view_str("x")), 0);
	assert_true(t->f->c.drain_owed);
	channels_drain(&t->f->c);
	assert_int_equal(t->app.drains, 0);
	t->f->kex_blocks = false;
	channels_drain(&t->f->c);
	assert_int_equal(t->app.drains, 1);
	channels_drain(&t->f->c);
	assert_int_equal(t->app.drains, 1);
}

/* Data does not overtake what was said during the key exchange. */
static void
test_pending_first(void **state)
{
	struct test *t = *state;
	struct ssh_channel *ch = open_session(t, 100, 30);

	t->f->kex_blocks = true;
	assert_true(ssh_channel_exit_status(ch, 0));
	t->f->kex_blocks = false;
	assert_int_equal(ssh_channel_writable(ch), 0);
	wr_reset(&t->f->c.pending);
	assert_int_equal(ssh_channel_writable(ch), 100);
}

static void
test_no_memory(void **state)
{
	struct test *t = *state;
	struct ssh_channel *ch = open_session(t, 100, 30);

	t->f->no_room = true;
	assert_int_equal(ssh_channel_write(ch, 0, view_of(zeros, 90)), 0);
	assert_int_equal(t->f->c.broken, CONN_BROKEN_MEMORY);
	assert_int_equal(ch->out_window, 100);
	assert_int_equal(ssh_channel_writable(ch), 0);
}

/* A channel that always has bytes does not keep the others waiting. */
static void
test_drain_is_fair(void **state)
{
	struct test *t = *state;

	t->app.refill = sizeof(zeros);
	for (int i = 0; i < 3; i++) {
		struct ssh_channel *ch = open_session(t, UINT32_MAX, PACKET);

		ssh_channel_write(ch, 0, view_of(zeros, sizeof(zeros)));
	}
	for (int i = 0; i < 6; i++) {
		wr_reset(&t->f->c.out);
		assert_true(t->f->c.drain_owed);
		channels_drain(&t->f->c);
		assert_int_equal(t->app.drains, i + 1);
	}
	for (int i = 3; i < 6; i++)
		assert_int_equal(t->app.drain_order[i],
		    t->app.drain_order[i - 3]);
	assert_int_not_equal(t->app.drain_order[0], t->app.drain_order[1]);
	assert_int_not_equal(t->app.drain_order[1], t->app.drain_order[2]);
	assert_int_not_equal(t->app.drain_order[0], t->app.drain_order[2]);
}

/* ---- closing ---- */

static void
test_close_by_client(void **state)
{
	struct test *t = *state;
	struct ssh_channel *ch = open_session(t, 10, 10);

	assert_int_equal(ssh_channel_write(ch, 0, view_str("last")), 4);
	assert_int_equal(say_close(t, 0), OK);
	assert_int_equal(t->app.closed, 1);
	expect(t, 94);
	expect(t, 97);
	expect_nothing(t);
	assert_int_equal(say_close(t, 0), ERR_PROTO);
}

static void
test_close_by_us(void **state)
{
	struct test *t = *state;
	struct ssh_channel *ch = open_session(t, 10, 10);

	assert_true(ssh_channel_eof(ch));
	assert_true(ssh_channel_close(ch));
	assert_false(ssh_channel_close(ch));
	assert_int_equal(t->app.closed, 0);
	expect(t, 96);
	expect(t, 97);
	expect_nothing(t);
	assert_int_equal(say_close(t, 0), OK);
	assert_int_equal(t->app.closed, 1);
	expect_nothing(t);
}

static void
test_close_truncated(void **state)
{
	struct test *t = *state;
	uint8_t b[] = { 97, 0, 0, 0 };

	open_session(t, 1, 1);
	assert_int_equal(fake_handle(t->f, channel_handle_close,
	    view_of(b, sizeof(b))), ERR_PROTO);
	ended(t);
}

static void
test_end_tells_all(void **state)
{
	struct test *t = *state;

	t->app.later = true;
	open_session(t, 1, 1);
	t->app.later = false;
	open_session(t, 1, 1);
	ssh_open_agent(&t->f->c);
	assert_int_equal(t->f->c.channels.open, 3);
	t->f->c.phase = PH_ENDED;
	channels_end(&t->f->c);
	assert_int_equal(t->app.closed, 3);
	assert_int_equal(t->f->c.channels.nslots, 0);
	channels_end(&t->f->c);
	assert_null(ssh_open_agent(&t->f->c));
}

/* ---- opening by us ---- */

static enum err
say_confirm(struct test *t, uint32_t id)
{
	static const uint32_t more[] = { 77, 50, 20 };

	return say(t, 91, channel_open_confirmation, id, 3, more);
}

static enum err
say_failure(struct test *t, uint32_t id, uint32_t reason)
{
	wr_reset(&t->w);
	wr_u8(&t->w, 92);
	wr_u32(&t->w, id);
	wr_u32(&t->w, reason);
	wr_cstr(&t->w, "no");
	wr_cstr(&t->w, "");
	return fake_handle(t->f, channel_open_failure, wr_view(&t->w));
}

/* A forwarded connection begins with little, and may get all. */
static void
test_widen(void **state)
{
	struct test *t = *state;
	struct ssh_channel *ch;
	struct view v;
	struct rd r;

	t->app.hold_bytes = true;
	ch = ssh_open_forwarded_tcpip(&t->f->c, view_str("a"), 80,
	    view_str("b"), 1);
	assert_true(fake_recv(t->f, &v));
	assert_int_equal(say_confirm(t, 0), OK);
	for (size_t n = 0; n < SSH_FLOW_WINDOW; n += PACKET)
		assert_int_equal(say_data(t, 0, PACKET), OK);
	assert_int_equal(ch->in_window, 0);
	ssh_channel_consumed(ch, SSH_FLOW_WINDOW / 2 - 1);
	expect_nothing(t);
	ssh_channel_consumed(ch, 1);
	assert_true(fake_recv(t->f, &v));
	assert_int_equal(v.p[0], 93);
	assert_int_equal(ch->in_window, SSH_FLOW_WINDOW / 2);
	ssh_channel_widen(ch);
	assert_true(fake_recv(t->f, &v));
	r = rd_of(v);
	assert_int_equal(rd_u8(&r), 93);
	rd_u32(&r);
	assert_int_equal(rd_u32(&r), WINDOW - SSH_FLOW_WINDOW);
	assert_int_equal(ch->in_window, WINDOW - SSH_FLOW_WINDOW / 2);
	assert_int_equal(ch->in_window + ch->unconsumed + ch->credit, WINDOW);
	/* once */
	ssh_channel_widen(ch);
	assert_int_equal(ch->in_window, WINDOW - SSH_FLOW_WINDOW / 2);
	expect_nothing(t);
	/* a session has all of it from the start */
	ch = open_session(t, 10, 10);
	ssh_channel_widen(ch);
	assert_int_equal(ch->in_window, WINDOW);
}

static void
test_ours_confirmed(void **state)
{
	struct test *t = *state;
	struct ssh_channel *ch;
	struct view v;
	struct rd r;

	ch = ssh_open_forwarded_tcpip(&t->f->c, view_str("0.0.0.0"), 80,
	    view_str("192.0.2.1"), 5555);
	assert_non_null(ch);
	assert_true(fake_recv(t->f, &v));
	r = rd_of(v);
	assert_int_equal(rd_u8(&r), 90);
	assert_true(view_is(rd_str(&r), "forwarded-tcpip"));
	assert_int_equal(rd_u32(&r), 0);
	assert_int_equal(rd_u32(&r), SSH_FLOW_WINDOW);
	assert_int_equal(rd_u32(&r), PACKET);
	assert_true(view_is(rd_str(&r), "0.0.0.0"));
	assert_int_equal(rd_u32(&r), 80);
	assert_true(view_is(rd_str(&r), "192.0.2.1"));
	assert_int_equal(rd_u32(&r), 5555);
	assert_true(rd_done(&r));
	assert_int_equal(ssh_channel_writable(ch), 0);
	assert_int_equal(say_confirm(t, 0), OK);
	assert_int_equal(t->app.opened, 1);
	assert_int_equal(t->app.reason, 0);
	assert_int_equal(ssh_channel_writable(ch), 50);
	assert_int_equal(ssh_channel_write(ch, 0, view_str("x")), 1);
	expect(t, 94);
	/* once is enough */
	assert_int_equal(say_confirm(t, 0), ERR_PROTO);
	ended(t);
}

static void
test_ours_refused(void **state)
{
	struct test *t = *state;

	assert_non_null(ssh_open_x11(&t->f->c, view_str("192.0.2.1"), 1));
	assert_int_equal(say_failure(t, 0, SSH_OPEN_UNKNOWN_TYPE), OK);
	assert_int_equal(t->app.opened, 1);
	assert_int_equal(t->app.reason, SSH_OPEN_UNKNOWN_TYPE);
	assert_int_equal(t->app.closed, 1);
	/* a refusal without a reason is not a success */
	assert_non_null(ssh_open_agent(&t->f->c));
	assert_int_equal(say_failure(t, 0, 0), OK);
	assert_int_equal(t->app.reason, SSH_OPEN_CONNECT_FAILED);
	assert_int_equal(say_failure(t, 0, 1), ERR_PROTO);
}

static void
test_ours_closed_early(void **state)
{
	struct test *t = *state;
	struct ssh_channel *ch = ssh_open_forwarded_streamlocal(&t->f->c,
	    view_str("/s"));

	fake_drop(t->f);
	assert_true(ssh_channel_close(ch));
	assert_false(ssh_channel_close(ch));
	expect_nothing(t);
	assert_int_equal(say_confirm(t, 0), OK);
	assert_int_equal(t->app.opened, 0);
	expect(t, 96);
	expect(t, 97);
	assert_int_equal(say_close(t, 0), OK);
	assert_int_equal(t->app.closed, 1);
}

static void
test_confirm_of_theirs(void **state)
{
	struct test *t = *state;

	open_session(t, 1, 1);
	assert_int_equal(say_confirm(t, 0), ERR_PROTO);
	ended(t);
}

static void
test_open_before_login(void **state)
{
	struct test *t = *state;

	t->f->c.phase = PH_AUTH;
	assert_null(ssh_open_agent(&t->f->c));
	expect_nothing(t);
}

static void
test_data_pointer(void **state)
{
	struct test *t = *state;
	struct ssh_channel *ch = open_session(t, 1, 1);
	int x;

	assert_null(ssh_channel_data(ch));
	ssh_channel_set_data(ch, &x);
	assert_ptr_equal(ssh_channel_data(ch), &x);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_open_session),
		T(test_open_tcpip),
		T(test_open_streamlocal),
		T(test_open_refused_kinds),
		T(test_open_defaults),
		T(test_open_rejected),
		T(test_open_truncated),
		T(test_open_nul),
		T(test_open_limit),
		T(test_open_hard_limit),
		T(test_open_close_many),
		T(test_no_more_sessions),
		T(test_asked_is_not_open),
		T(test_accept_later_drains),
		T(test_data),
		T(test_data_past_window),
		T(test_window_given_back),
		T(test_window_invariant),
		T(test_extended_unknown),
		T(test_data_after_eof),
		T(test_data_after_our_close),
		T(test_data_truncated),
		T(test_unknown_channel),
		T(test_end_inside_data),
		T(test_free_inside_data),
		T(test_close_inside_data),
		T(test_no_data_event),
		T(test_write_chunks),
		T(test_write_bytes),
		T(test_write_misuse),
		T(test_write_absurd_sizes),
		T(test_adjust_overflow),
		T(test_output_mark),
		T(test_kex_blocks),
		T(test_pending_first),
		T(test_no_memory),
		T(test_drain_is_fair),
		T(test_close_by_client),
		T(test_close_by_us),
		T(test_close_truncated),
		T(test_end_tells_all),
		T(test_ours_confirmed),
		T(test_widen),
		T(test_ours_refused),
		T(test_ours_closed_early),
		T(test_confirm_of_theirs),
		T(test_open_before_login),
		T(test_data_pointer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
