/*
 * Channels, session requests and global requests.  The input is records of
 * byte action, byte length, bytes: a message of the client, or something the
 * application does in between.
 */
#include <stdlib.h>

#include "server/channel.h"
#include "tests/unit/fake_conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct app {
	unsigned what;		/* action byte of the record under way */
	struct ssh_channel *asked;
};

static void
on_session(void *ctx, struct ssh_conn *c, struct ssh_channel *ch)
{
	struct app *app = ctx;

	(void)c;
	if ((app->what & 0x80) == 0)
		(void)ssh_channel_accept(ch);
	else if ((app->what & 0x40) != 0)
		(void)ssh_channel_reject(ch, 1, "no");
}

static void
on_tcpip(void *ctx, struct ssh_conn *c, struct ssh_channel *ch,
    const struct ssh_tcpip *t)
{
	if (view_has_nul(t->dest_ip))
		abort();
	on_session(ctx, c, ch);
}

static void
on_streamlocal(void *ctx, struct ssh_conn *c, struct ssh_channel *ch,
    struct view path)
{
	if (view_has_nul(path))
		abort();
	on_session(ctx, c, ch);
}

static void
on_request(void *ctx, struct ssh_conn *c, const struct ssh_global *g)
{
	struct app *app = ctx;

	(void)g;
	if ((app->what & 0x80) == 0)
		(void)ssh_global_accept(c, 1, 1);
	else
		(void)ssh_global_reject(c, 1);
}

static void
on_channel_request(void *ctx, struct ssh_channel *ch,
    const struct ssh_request *q)
{
	struct app *app = ctx;
	struct view modes = q->pty.modes;
	unsigned n = 0;
	uint32_t arg;
	uint8_t op;

	while (ssh_pty_mode_next(&modes, &op, &arg))
		n++;
	if (n > SSH_MAX_PTY_MODES || modes.n != 0)
		abort();
	if ((app->what & 0x80) == 0)
		(void)ssh_request_accept(ch, 1);
	else if ((app->what & 0x40) == 0)
		(void)ssh_request_reject(ch, 1);
	else
		app->asked = ch;
}

static void
on_data(void *ctx, struct ssh_channel *ch, uint32_t ext, struct view bytes)
{
	struct app *app = ctx;

	if (ext > 1 || bytes.n == 0)
		abort();
	if ((app->what & 0x80) == 0)
		ssh_channel_consumed(ch, bytes.n);
	if ((app->what & 0x40) != 0)
		(void)ssh_channel_close(ch);
}

static void
on_drain(void *ctx, struct ssh_channel *ch)
{
	(void)ctx;
	(void)ssh_channel_write(ch, 0, view_str("drained"));
}

static void
on_close(void *ctx, struct ssh_channel *ch)
{
	struct app *app = ctx;

	if (app->asked == ch)
		app->asked = NULL;
}

static const struct ssh_server_events events = {
	.session = on_session, .tcpip = on_tcpip,
	.streamlocal = on_streamlocal, .request = on_request,
	.channel_request = on_channel_request, .data = on_data,
	.drain = on_drain, .channel_close = on_close,
};

static enum err (*const handlers[])(struct ssh_conn *, struct rd *) = {
	[80] = global_request, [81] = global_reply, [82] = global_reply,
	[90] = channel_open, [91] = channel_open_confirmation,
	[92] = channel_open_failure, [93] = channel_window_adjust,
	[94] = channel_data, [95] = channel_extended_data,
	[96] = channel_handle_eof, [97] = channel_handle_close,
	[98] = channel_handle_request, [99] = channel_handle_reply,
	[100] = channel_handle_reply,
};

static void
act(struct fake *f, unsigned what, struct view v)
{
	static uint8_t zeros[100000];
	struct ssh_channel *ch = ssh_conn_channel(&f->c, what >> 4 & 3);

	if ((what & 15) == 6)
		(void)ssh_open_forwarded_tcpip(&f->c, v, 1, v, 2);
	else if ((what & 15) == 7)
		f->kex_blocks = !f->kex_blocks;
	else if ((what & 15) == 8) {
		wr_reset(&f->c.pending);
		channels_drain(&f->c);
	}
	if (ch == NULL)
		return;
	if ((what & 15) == 0)
		(void)ssh_channel_write(ch, 0, view_of(zeros, 100000));
	else if ((what & 15) == 1)
		(void)ssh_channel_write(ch, 1, v);
	else if ((what & 15) == 2)
		ssh_channel_consumed(ch, v.n * 1000);
	else if ((what & 15) == 3)
		(void)ssh_channel_eof(ch);
	else if ((what & 15) == 4)
		(void)ssh_channel_close(ch);
	else if ((what & 15) == 5)
		(void)ssh_channel_accept(ch);
	else if ((what & 15) == 9)
		(void)ssh_channel_exit_status(ch, what);
}

static void
check(const struct fake *f)
{
	const struct channels *s = &f->c.channels;
	uint32_t open = 0;

	for (uint32_t i = 0; i < s->nslots; i++) {
		const struct ssh_channel *ch = s->slot[i];

		if (ch == NULL)
			continue;
		open++;
		if (ch->in_window + ch->unconsumed + ch->credit !=
		    ch->window || ch->id != i)
			abort();
	}
	if (open != s->open || open > 16 || f->c.depth != 0 ||
	    wr_size(&f->c.out) > SSH_OUT_HIGH + 100000)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(view_of(data, size));
	struct app app = { .asked = NULL };
	struct fake *f = fake_new(&events, &app, PH_OPEN);

	f->end_channels = channels_end;
	while (r.n > 2 && f->c.phase != PH_ENDED) {
		struct view v;
		size_t n;

		app.what = rd_u8(&r);
		n = rd_u8(&r);
		v = rd_bytes(&r, n < r.n ? n : r.n);
		if (app.asked != NULL)	/* one question at a time */
			(void)ssh_request_reject(app.asked, 1);
		app.asked = NULL;
		if (v.n != 0 && v.p[0] <= 100 && handlers[v.p[0]] != NULL)
			(void)fake_handle(f, handlers[v.p[0]], v);
		else
			act(f, app.what, v);
		check(f);
		if (wr_size(&f->c.out) > SSH_OUT_HIGH / 2 ||
		    wr_size(&f->c.pending) > CONN_PENDING_MAX / 2) {
			wr_reset(&f->c.out);
			wr_reset(&f->c.pending);
		}
	}
	fake_free(&f);
	return 0;
}
