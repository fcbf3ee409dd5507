/* The whole engine: logins, channels and transfers over real packets. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/unit/engine.h"

#define PEER_CHANNEL	5
#define PEER_WINDOW	((uint32_t)300 * 1024)

struct day {
	struct engine e;	/* first: it is the events' ctx */
	struct wr w;
	/* application */
	bool later, free_in_data, end_in_data, free_in_ready, hold_bytes;
	struct ssh_channel *ch;
	uint64_t to_send, sent;		/* a download: bytes k & 0xff */
	uint64_t received;
	bool damaged;
	unsigned asked, requests, closed, drains;
	/* client */
	uint64_t got;
	uint32_t credit;
};

static struct day *
day_of(void *ctx)
{
	return ctx;
}

static void
pump_download(struct day *d)
{
	static uint8_t block[1 << 17];
	size_t n = ssh_channel_writable(d->ch);

	while (d->sent < d->to_send && n != 0) {
		if (n > sizeof(block))
			n = sizeof(block);
		if (n > d->to_send - d->sent)
			n = (size_t)(d->to_send - d->sent);
		for (size_t i = 0; i < n; i++)
			block[i] = (uint8_t)(d->sent + i);
		/* what is writable is taken, all of it */
		assert_int_equal(ssh_channel_write(d->ch, 0,
		    view_of(block, n)), n);
		d->sent += n;
		n = ssh_channel_writable(d->ch);
	}
	if (d->sent < d->to_send)	/* asks for `drain` */
		d->sent += ssh_channel_write(d->ch, 0,
		    view_of(block, 1)) != 0;
}

static void
on_auth(void *ctx, struct ssh_conn *c, const struct ssh_auth *a)
{
	struct day *d = day_of(ctx);

	(void)a;
	d->asked++;
	if (!d->later)
		(void)ssh_auth_accept(c, d->e.now);
}

static void
on_ready(void *ctx, struct ssh_conn *c)
{
	struct day *d = day_of(ctx);

	d->e.readies++;
	if (d->free_in_ready) {
		ssh_conn_free(&c);
		d->e.conn = NULL;
	}
}

static void
on_session(void *ctx, struct ssh_conn *c, struct ssh_channel *ch)
{
	(void)c;
	day_of(ctx)->ch = ch;
	assert_true(ssh_channel_accept(ch));
}

static void
on_request(void *ctx, struct ssh_channel *ch, const struct ssh_request *r)
{
	struct day *d = day_of(ctx);

	(void)r;
	d->requests++;
	if (!d->later)
		assert_true(ssh_request_accept(ch, d->e.now));
}

static void
on_data(void *ctx, struct ssh_channel *ch, uint32_t ext, struct view bytes)
{
	struct day *d = day_of(ctx);
	struct ssh_conn *c = ssh_channel_conn(ch);

	(void)ext;
	for (size_t i = 0; i < bytes.n; i++)
		if (bytes.p[i] != (uint8_t)(d->received + i))
			d->damaged = true;
	d->received += bytes.n;
	if (!d->hold_bytes)
		ssh_channel_consumed(ch, bytes.n);
	if (d->end_in_data)
		ssh_conn_end(c, SSH_DISCONNECT_BY_APPLICATION, "enough");
	if (d->free_in_data) {
		ssh_conn_free(&c);
		d->e.conn = NULL;
	}
}

static void
on_drain(void *ctx, struct ssh_channel *ch)
{
	struct day *d = day_of(ctx);

	assert_ptr_equal(ch, d->ch);
	d->drains++;
	pump_download(d);
}

static void
on_close(void *ctx, struct ssh_channel *ch)
{
	struct day *d = day_of(ctx);

	(void)ch;
	d->closed++;
	d->ch = NULL;
}

static int
setup(void **state)
{
	struct day *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	engine_init(&d->e);
	d->w = wr_new(WR_DEFAULT_MAX);
	d->e.ev.authentication = on_auth;
	d->e.ev.ready = on_ready;
	d->e.ev.session = on_session;
	d->e.ev.channel_request = on_request;
	d->e.ev.data = on_data;
	d->e.ev.drain = on_drain;
	d->e.ev.channel_close = on_close;
	*state = d;
	return 0;
}

static int
teardown(void **state)
{
	struct day *d = *state;

	engine_stop(&d->e);
	wr_free(&d->w);
	free(d);
	return 0;
}

/* ---- the client's side ---- */

static struct wr *
begin(struct day *d, uint8_t number)
{
	wr_reset(&d->w);
	wr_u8(&d->w, number);
	return &d->w;
}

static void
send_msg(struct day *d)
{
	ssh_peer_send(d->e.peer, wr_view(&d->w));
}

static void
send_open(struct day *d)
{
	struct wr *w = begin(d, SSH_MSG_CHANNEL_OPEN);

	wr_cstr(w, "session");
	wr_u32(w, PEER_CHANNEL);
	wr_u32(w, PEER_WINDOW);
	wr_u32(w, 32768);
	send_msg(d);
}

static void
put_request(struct day *d, const char *name)
{
	struct wr *w = begin(d, SSH_MSG_CHANNEL_REQUEST);

	wr_u32(w, 0);
	wr_cstr(w, name);
	wr_bool(w, true);
}

static void
put_data(struct day *d, uint64_t at, size_t n)
{
	struct wr *w = begin(d, SSH_MSG_CHANNEL_DATA);
	size_t mark;

	wr_u32(w, 0);
	mark = wr_open(w);
	for (size_t i = 0; i < n; i++)
		wr_u8(w, (uint8_t)(at + i));
	wr_close(w, mark);
}

static void
start(struct day *d)
{
	struct view v;

	engine_start(&d->e, NULL);
	assert_true(engine_login(&d->e));
	send_open(d);
	assert_true(ssh_peer_expect(d->e.peer,
	    SSH_MSG_CHANNEL_OPEN_CONFIRMATION, &v));
}

/* Takes one message of the download, gives window back as clients do. */
static bool
receive(struct day *d)
{
	struct view v, bytes;
	struct rd r;

	if (!ssh_peer_expect(d->e.peer, SSH_MSG_CHANNEL_DATA, &v))
		return false;
	r = rd_of(v);
	rd_u8(&r);
	assert_int_equal(rd_u32(&r), PEER_CHANNEL);
	bytes = rd_str(&r);
	assert_true(rd_done(&r));
	for (size_t i = 0; i < bytes.n; i++)
		if (bytes.p[i] != (uint8_t)(d->got + i))
			d->damaged = true;
	d->got += bytes.n;
	d->credit += (uint32_t)bytes.n;
	if (d->credit >= PEER_WINDOW / 2) {
		struct wr *w = begin(d, SSH_MSG_CHANNEL_WINDOW_ADJUST);

		wr_u32(w, 0);
		wr_u32(w, d->credit);
		d->credit = 0;
		send_msg(d);
	}
	return true;
}

/* ---- login ---- */

static void
send_publickey(struct day *d, const struct ssh_key *k, bool sign)
{
	struct wr *w = begin(d, SSH_MSG_USERAUTH_REQUEST);
	struct wr data = wr_new(4096), sig = wr_new(4096);

	wr_cstr(w, "demo");
	wr_cstr(w, "ssh-connection");
	wr_cstr(w, "publickey");
	wr_bool(w, sign);
	wr_cstr(w, "ssh-ed25519");
	wr_str(w, ssh_key_blob(k));
	if (sign) {
		wr_str(&data, view_of(d->e.peer->session_id,
		    d->e.peer->session_id_len));
		wr_bytes(&data, wr_view(w));
		assert_int_equal(ssh_key_sign(k, view_str("ssh-ed25519"),
		    wr_view(&data), &sig), OK);
		wr_str(w, wr_view(&sig));
	}
	send_msg(d);
	wr_free(&data);
	wr_free(&sig);
}

static void
test_publickey(void **state)
{
	struct day *d = *state;
	struct ssh_key *k = ssh_key_generate("ed25519", 0);
	struct view v;

	engine_start(&d->e, NULL);
	assert_true(ssh_peer_handshake(d->e.peer));
	assert_true(ssh_peer_service(d->e.peer));
	send_publickey(d, k, false);
	assert_true(ssh_peer_expect(d->e.peer, SSH_MSG_USERAUTH_PK_OK, &v));
	assert_false(ssh_conn_authenticated(d->e.conn));
	send_publickey(d, k, true);
	assert_true(ssh_peer_expect(d->e.peer, SSH_MSG_USERAUTH_SUCCESS,
	    &v));
	assert_true(ssh_conn_authenticated(d->e.conn));
	assert_int_equal(d->e.readies, 1);
	ssh_key_free(&k);
}

/* A client that says everything at once is heard in order, one question at
 * a time, however late the answers are. */
static void
test_pipelined(void **state)
{
	struct day *d = *state;
	struct wr *w;
	struct view v;

	d->later = true;
	engine_start(&d->e, NULL);
	assert_true(ssh_peer_handshake(d->e.peer));
	assert_true(ssh_peer_service(d->e.peer));
	w = begin(d, SSH_MSG_USERAUTH_REQUEST);
	wr_cstr(w, "demo");
	wr_cstr(w, "ssh-connection");
	wr_cstr(w, "none");
	for (int i = 0; i < 3; i++)
		ssh_peer_queue(d->e.peer, wr_view(w));
	ssh_peer_pump(d->e.peer);
	assert_int_equal(d->asked, 1);
	assert_false(ssh_conn_wants_input(d->e.conn));
	assert_true(ssh_auth_reject(d->e.conn, "none", false, d->e.now));
	assert_int_equal(d->asked, 2);
	assert_true(ssh_auth_reject(d->e.conn, "none", false, d->e.now));
	assert_int_equal(d->asked, 3);
	assert_true(ssh_auth_accept(d->e.conn, d->e.now));
	assert_true(ssh_conn_wants_input(d->e.conn));
	assert_true(ssh_peer_recv(d->e.peer, &v));
	while (v.p[0] == SSH_MSG_EXT_INFO || v.p[0] == 51)
		assert_true(ssh_peer_recv(d->e.peer, &v));
	assert_int_equal(v.p[0], SSH_MSG_USERAUTH_SUCCESS);
}

static void
test_free_in_ready(void **state)
{
	struct day *d = *state;

	d->free_in_ready = true;
	engine_start(&d->e, NULL);
	assert_true(ssh_peer_handshake(d->e.peer));
	assert_true(ssh_peer_service(d->e.peer));
	d->later = true;
	begin(d, SSH_MSG_USERAUTH_REQUEST);
	wr_cstr(&d->w, "demo");
	wr_cstr(&d->w, "ssh-connection");
	wr_cstr(&d->w, "none");
	send_msg(d);
	assert_true(ssh_auth_accept(d->e.conn, d->e.now));
	assert_null(d->e.conn);
}

static void
test_malformed_login(void **state)
{
	struct day *d = *state;

	engine_start(&d->e, NULL);
	assert_true(ssh_peer_handshake(d->e.peer));
	assert_true(ssh_peer_service(d->e.peer));
	begin(d, SSH_MSG_USERAUTH_REQUEST);
	wr_cstr(&d->w, "demo");
	send_msg(d);
	assert_int_equal(d->asked, 0);
	assert_int_equal(d->e.ends, 1);
	assert_int_equal(d->e.end.err, ERR_PROTO);
	assert_string_equal(d->e.end_text, "malformed userauth-request");
}

/* ---- transfers ---- */

static void
test_download(void **state)
{
	struct day *d = *state;

	start(d);
	d->to_send = (uint64_t)8 << 20;
	pump_download(d);
	while (d->got < d->to_send)
		assert_true(receive(d));
	assert_false(d->damaged);
	assert_true(d->drains != 0);
	assert_false(receive(d));
}

/* Key exchanges in the middle, begun by either side, lose nothing. */
static void
test_download_rekeys(void **state)
{
	struct day *d = *state;
	unsigned asked = 0;

	d->e.cfg.rekey_bytes = (uint64_t)1 << 20;
	start(d);
	d->to_send = (uint64_t)6 << 20;
	pump_download(d);
	while (d->got < d->to_send) {
		if (d->got > (asked + 1) * (d->to_send / 5)) {
			assert_true(ssh_peer_rekey(d->e.peer));
			asked++;
		}
		assert_true(receive(d));
	}
	assert_int_equal(asked, 4);
	assert_false(d->damaged);
	assert_true(d->e.handshakes > 3);
	assert_int_equal(d->e.ends, 0);
}

static void
test_upload(void **state)
{
	struct day *d = *state;
	uint64_t at = 0;

	d->e.cfg.rekey_bytes = (uint64_t)1 << 20;
	start(d);
	while (at < (uint64_t)5 << 20) {
		put_data(d, at, 32768);
		send_msg(d);
		at += 32768;
	}
	assert_int_equal(d->received, at);
	assert_false(d->damaged);
	assert_int_equal(d->e.ends, 0);
	assert_true(d->e.handshakes > 2);
}

/* The server's output does not grow while the client takes nothing. */
static void
test_unread_download(void **state)
{
	struct day *d = *state;
	struct wr *w;

	start(d);
	w = begin(d, SSH_MSG_CHANNEL_WINDOW_ADJUST);
	wr_u32(w, 0);
	wr_u32(w, 0x7fffffff);
	send_msg(d);
	d->to_send = (uint64_t)64 << 20;
	pump_download(d);
	assert_true(ssh_conn_out(d->e.conn).n <= SSH_OUT_HIGH + 70000);
	assert_false(ssh_conn_wants_input(d->e.conn));
	d->to_send = d->sent;
}

static void
test_upload_not_consumed(void **state)
{
	struct day *d = *state;

	d->hold_bytes = true;
	start(d);
	for (uint64_t at = 0; at < SSH_CHANNEL_WINDOW; at += 32768) {
		put_data(d, at, 32768);
		send_msg(d);
	}
	assert_int_equal(d->received, SSH_CHANNEL_WINDOW);
	assert_int_equal(d->e.ends, 0);
	put_data(d, 0, 1);
	send_msg(d);
	assert_int_equal(d->e.ends, 1);
	assert_string_equal(d->e.end_text, "channel data past the window");
	assert_int_equal(d->closed, 1);
}

/* ---- events that end things ---- */

static void
test_late_request_answers(void **state)
{
	struct day *d = *state;
	struct view v;

	d->later = false;
	start(d);
	d->later = true;
	put_request(d, "shell");
	ssh_peer_queue(d->e.peer, wr_view(&d->w));
	put_request(d, "x@example.com");
	ssh_peer_queue(d->e.peer, wr_view(&d->w));
	put_data(d, 0, 10);
	ssh_peer_queue(d->e.peer, wr_view(&d->w));
	ssh_peer_pump(d->e.peer);
	assert_int_equal(d->requests, 1);
	assert_true(ssh_request_accept(d->ch, d->e.now));
	assert_int_equal(d->requests, 2);
	assert_int_equal(d->received, 0);
	assert_true(ssh_request_reject(d->ch, d->e.now));
	assert_int_equal(d->received, 10);
	assert_true(ssh_peer_recv(d->e.peer, &v));
	assert_int_equal(v.p[0], SSH_MSG_CHANNEL_SUCCESS);
	assert_true(ssh_peer_recv(d->e.peer, &v));
	assert_int_equal(v.p[0], SSH_MSG_CHANNEL_FAILURE);
}

static void
test_end_in_data(void **state)
{
	struct day *d = *state;

	start(d);
	d->end_in_data = true;
	put_data(d, 0, 10);
	send_msg(d);
	assert_int_equal(d->e.ends, 1);
	assert_int_equal(d->closed, 1);
	assert_string_equal(d->e.end_text, "enough");
	assert_null(ssh_open_agent(d->e.conn));
}

static void
test_free_in_data(void **state)
{
	struct day *d = *state;
	struct wr *q;

	start(d);
	q = &d->e.peer->out;
	d->free_in_data = true;
	put_data(d, 0, 10);
	ssh_peer_queue(d->e.peer, wr_view(&d->w));
	ssh_peer_queue(d->e.peer, wr_view(&d->w));
	ssh_conn_feed(d->e.conn, q->base + q->head, wr_size(q), d->e.now);
	assert_null(d->e.conn);
	assert_int_equal(d->received, 10);
	assert_int_equal(d->closed, 1);
}

static void
test_peer_gone(void **state)
{
	struct day *d = *state;

	start(d);
	d->later = true;
	put_request(d, "shell");
	send_msg(d);
	ssh_conn_feed_eof(d->e.conn, d->e.now);
	assert_int_equal(d->closed, 1);
	assert_int_equal(d->e.ends, 1);
	assert_false(ssh_auth_accept(d->e.conn, d->e.now));
	assert_false(ssh_global_accept(d->e.conn, 0, d->e.now));
}

static void
test_close_handshake(void **state)
{
	struct day *d = *state;
	struct view v;

	for (int i = 0; i < 40; i++) {
		if (i == 0)
			start(d);
		else {
			send_open(d);
			assert_true(ssh_peer_expect(d->e.peer,
			    SSH_MSG_CHANNEL_OPEN_CONFIRMATION, &v));
		}
		assert_true(ssh_channel_exit_status(d->ch, 0));
		assert_true(ssh_channel_close(d->ch));
		assert_true(ssh_peer_expect(d->e.peer,
		    SSH_MSG_CHANNEL_EOF, &v));
		assert_true(ssh_peer_expect(d->e.peer,
		    SSH_MSG_CHANNEL_CLOSE, &v));
		wr_u32(begin(d, SSH_MSG_CHANNEL_CLOSE), 0);
		send_msg(d);
		assert_int_equal(d->closed, i + 1);
	}
	assert_int_equal(d->e.ends, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_publickey),
		T(test_pipelined),
		T(test_free_in_ready),
		T(test_malformed_login),
		T(test_download),
		T(test_download_rekeys),
		T(test_upload),
		T(test_unread_download),
		T(test_upload_not_consumed),
		T(test_late_request_answers),
		T(test_end_in_data),
		T(test_free_in_data),
		T(test_peer_gone),
		T(test_close_handshake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
