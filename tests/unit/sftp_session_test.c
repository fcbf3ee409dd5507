/* Framing, batches, limits, and how sessions end. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sftp/session.h"
#include "tests/unit/sftp_client.h"

static struct client c;

static int
start(void **state)
{
	(void)state;
	client_start(&c, false);
	return 0;
}

static int
start_raw(void **state)
{
	(void)state;
	client_start_raw(&c, false);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	client_stop(&c);
	return 0;
}

/* Sends v and expects the session to end so, with nothing answered. */
static void
ends_with(struct view v, enum err end)
{
	client_send_raw(&c, v);
	assert_false(client_has_answer(&c));
	assert_int_equal(c.end, end);
}
#define BYTES(...) view_of((const uint8_t[]){ __VA_ARGS__ }, \
	sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void
announces(void **state)
{
	static const char *const want[] = {
		"posix-rename@openssh.com", "1", "statvfs@openssh.com", "2",
		"fstatvfs@openssh.com", "2", "hardlink@openssh.com", "1",
		"fsync@openssh.com", "1", "lsetstat@openssh.com", "1",
		"limits@openssh.com", "1", "expand-path@openssh.com", "1",
		"copy-data", "1", "home-directory", "1",
		"users-groups-by-id@openssh.com", "1",
	};
	struct answer a;

	(void)state;
	/* INIT may carry extensions, and odd bytes behind them. */
	client_send_raw(&c, BYTES(0, 0, 0, 14, FXP_INIT, 0, 0, 0, 6,
	    0, 0, 0, 1, 'x', 0, 0, 0, 9));
	a = client_answer(&c);
	assert_int_equal(a.type, FXP_VERSION);
	assert_int_equal(a.id, 3);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_true(view_is(rd_str(&a.rest), want[i]));
	assert_true(rd_done(&a.rest));
}

static void
request_before_init(void **state)
{
	(void)state;
	ends_with(BYTES(0, 0, 0, 10, FXP_STAT, 0, 0, 0, 1, 0, 0, 0, 1, '.'),
	    ERR_PROTO);
}

static void
init_too_short(void **state)
{
	(void)state;
	ends_with(BYTES(0, 0, 0, 3, FXP_INIT, 0, 0), ERR_PROTO);
}

static void
second_init(void **state)
{
	(void)state;
	ends_with(BYTES(0, 0, 0, 5, FXP_INIT, 0, 0, 0, 3), ERR_PROTO);
}

static void
length_zero(void **state)
{
	(void)state;
	ends_with(BYTES(0, 0, 0, 0), ERR_PROTO);
}

static void
length_over_limit(void **state)
{
	(void)state;
	ends_with(BYTES(0, 4, 0, 1, FXP_STAT), ERR_PROTO);
}

static void
length_huge(void **state)
{
	(void)state;
	ends_with(BYTES(0xff, 0xff, 0xff, 0xff), ERR_PROTO);
}

static void
no_room_for_id(void **state)
{
	(void)state;
	ends_with(BYTES(0, 0, 0, 4, FXP_STAT, 0, 0, 0), ERR_PROTO);
}

/* What came before the fault has been done, and is answered. */
static void
answers_before_the_fault(void **state)
{
	(void)state;
	client_begin(&c, FXP_STAT);
	wr_cstr(&c.out, ".");
	wr_patch_u32(&c.out, 0, (uint32_t)wr_size(&c.out) - 4);
	wr_u32(&c.out, 0);
	client_send_raw(&c, wr_view(&c.out));
	assert_int_equal(client_answer(&c).type, FXP_ATTRS);
	client_pump(&c);
	assert_int_equal(c.end, ERR_PROTO);
}

static void
unknown_types(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		if ((type >= FXP_OPEN && type <= FXP_SYMLINK) ||
		    type == FXP_INIT || type == FXP_EXTENDED)
			continue;
		client_begin(&c, (uint8_t)type);
		client_send(&c);
		expect_status(client_answer(&c), FX_OP_UNSUPPORTED);
	}
	client_begin_ext(&c, "no-such@example.com");
	wr_cstr(&c.out, "what it takes");
	client_send(&c);
	expect_status(client_answer(&c), FX_OP_UNSUPPORTED);
}

/* Every request with nothing, and with one byte too many. */
static void
bad_messages(void **state)
{
	(void)state;
	for (uint8_t type = FXP_OPEN; type <= FXP_SYMLINK; type++) {
		client_begin(&c, type);
		client_send(&c);
		expect_text(client_answer(&c), FX_BAD_MESSAGE, "Bad message");
	}
	client_begin(&c, FXP_EXTENDED);
	wr_u32(&c.out, 100);
	client_send(&c);
	expect_status(client_answer(&c), FX_BAD_MESSAGE);
	client_begin(&c, FXP_STAT);
	wr_cstr(&c.out, ".");
	wr_u8(&c.out, 0);
	client_send(&c);
	assert_int_equal(client_answer(&c).type, FXP_ATTRS);
	client_begin(&c, FXP_STAT);
	wr_str(&c.out, view_of(".\0x", 3));
	client_send(&c);
	expect_status(client_answer(&c), FX_BAD_MESSAGE);
	/* and life goes on */
	assert_int_equal(client_path(&c, FXP_STAT, ".").type, FXP_ATTRS);
}

static void
byte_by_byte(void **state)
{
	struct view v;

	(void)state;
	client_begin(&c, FXP_MKDIR);
	wr_cstr(&c.out, "d");
	wr_u32(&c.out, 0);
	wr_patch_u32(&c.out, 0, (uint32_t)wr_size(&c.out) - 4);
	v = wr_view(&c.out);
	for (size_t i = 0; i < v.n; i++) {
		assert_false(client_has_answer(&c));
		client_send_raw(&c, view_of(v.p + i, 1));
	}
	expect_status(client_answer(&c), FX_OK);
}

/* 10,000 reads of 32 KiB asked for at once and nothing taken: no more than
 * the buffers' limits is held, and all of it comes when it is taken. */
static void
pipelined_unread(void **state)
{
	uint64_t got = 0;
	size_t most = 0;
	uint32_t h, sent = 0;
	int fd;

	(void)state;
	file_make("f", "");
	fd = open("f", O_WRONLY);
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	close(fd);
	h = client_open_ok(&c, "f", FXF_READ);
	for (uint32_t i = 0; i < 10000; i++) {
		client_begin(&c, FXP_READ);
		wr_u32(&c.out, 4);
		wr_u32(&c.out, h);
		wr_u64(&c.out, (i % 32) * 32768u);
		wr_u32(&c.out, 32768);
		wr_patch_u32(&c.out, 0, (uint32_t)wr_size(&c.out) - 4);
		if (send(c.fd, c.out.base, c.out.len, MSG_DONTWAIT) == -1) {
			/* The session holds what it may, the rest waits. */
			client_pump(&c);
			assert_true(sftp_session_events(c.session) ==
			    POLLOUT);
			client_answer(&c);
			got++;
			i--;
			c.id--;
			continue;
		}
		sent++;
		client_pump(&c);
		if (c.session->in.cap + c.session->out.cap > most)
			most = c.session->in.cap + c.session->out.cap;
	}
	while (got < 10000) {
		struct answer a = client_answer(&c);

		assert_int_equal(a.type, FXP_DATA);
		got++;
	}
	assert_int_equal(sent, 10000);
	assert_false(client_has_answer(&c));
	assert_true(most <= ((size_t)2 << 20));
	client_close_ok(&c, h);
	/* With no file open, what was grown is given back. */
	assert_true(c.session->in.cap + c.session->out.cap <= 96 * 1024);
}

/* Answers come in the order of the requests, whatever the batch. */
static void
pipelined_small(void **state)
{
	uint32_t first = c.id + 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		client_begin(&c, FXP_LSTAT);
		wr_cstr(&c.out, i % 2 != 0 ? "." : "none");
		client_send(&c);
	}
	for (uint32_t i = 0; i < 20000; i++) {
		struct answer a = client_answer(&c);

		assert_int_equal(a.id, first + i);
		assert_int_equal(a.type, i % 2 != 0 ? FXP_ATTRS : FXP_STATUS);
	}
}

/* A client that has said all still gets its answers. */
static void
half_closed(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		client_begin(&c, FXP_STAT);
		wr_cstr(&c.out, ".");
		client_send(&c);
	}
	assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
	for (int i = 0; i < 50; i++)
		assert_int_equal(client_answer(&c).type, FXP_ATTRS);
	client_pump(&c);
	assert_int_equal(c.end, ERR_CLOSED);
}

static void
closed_in_a_request(void **state)
{
	(void)state;
	client_send_raw(&c, BYTES(0, 0, 0, 9, FXP_STAT, 0));
	client_pump(&c);
	assert_int_equal(c.end, OK);
	close(c.fd);
	c.fd = -1;
	client_pump(&c);
	assert_int_equal(c.end, ERR_CLOSED);
}

static void
closed_while_full(void **state)
{
	uint32_t h;

	(void)state;
	file_make("f", "");
	assert_int_equal(truncate("f", 1 << 20), 0);
	h = client_open_ok(&c, "f", FXF_READ);
	for (int i = 0; i < 16; i++) {
		client_begin(&c, FXP_READ);
		wr_u32(&c.out, 4);
		wr_u32(&c.out, h);
		wr_u64(&c.out, 0);
		wr_u32(&c.out, UINT32_MAX);
		client_send(&c);
	}
	client_pump(&c);
	assert_int_equal(sftp_session_events(c.session), POLLOUT);
	close(c.fd);
	c.fd = -1;
	client_pump(&c);
	assert_int_equal(c.end, ERR_CLOSED);
}

static void
put_write(uint32_t h, uint64_t at, struct view data)
{
	client_begin(&c, FXP_WRITE);
	wr_u32(&c.out, 4);
	wr_u32(&c.out, h);
	wr_u64(&c.out, at);
	wr_str(&c.out, data);
	client_send(&c);
}

/* What was asked for before the client went is done, but for what only an
 * answer would be good for. */
static void
gone_at_once(void **state)
{
	static const uint8_t part[] = { 0, 0, 0, 9, FXP_REMOVE, 0 };
	char text[256];
	struct stat st;
	uint32_t h, r;

	(void)state;
	file_make("r", "read me");
	r = client_open_ok(&c, "r", FXF_READ);
	h = client_open_ok(&c, "f", FXF_WRITE | FXF_CREAT);
	client_pump(&c);
	for (uint32_t i = 0; i < 2000; i++)
		put_write(h, i, view_str("x"));
	client_begin(&c, FXP_READ);
	wr_u32(&c.out, 4);
	wr_u32(&c.out, r);
	wr_u64(&c.out, 0);
	wr_u32(&c.out, 100);
	client_send(&c);
	put_write(h, 2000, view_str("end"));
	client_send_raw(&c, view_of(part, sizeof(part)));
	assert_false(sftp_session_hung_up(c.session));
	close(c.fd);
	c.fd = -1;
	client_pump(&c);
	assert_true(sftp_session_hung_up(c.session));
	assert_int_equal(c.end, ERR_CLOSED);
	client_drop(&c);
	snprintf(text, sizeof(text), "channel=7 service=sftp op=put path=%s/f "
	    "bytes=2003 result=aborted", c.dir);
	expect_event(&c, "transfer", text);
	/* The read would have been one. */
	assert_false(client_event(&c, "transfer", text, sizeof(text)));
	assert_int_equal(stat("f", &st), 0);
	assert_int_equal(st.st_size, 2003);
}

/* Only their way to hear is closed: what they say is still taken. */
static void
deaf_client(void **state)
{
	uint32_t h;

	(void)state;
	h = client_open_ok(&c, "f", FXF_WRITE | FXF_CREAT);
	assert_int_equal(shutdown(c.fd, SHUT_RD), 0);
	put_write(h, 0, view_str("one"));
	client_pump(&c);
	assert_int_equal(c.end, OK);
	assert_true(sftp_session_hung_up(c.session));
	put_write(h, 3, view_str("two"));
	client_pump(&c);
	assert_int_equal(c.end, OK);
	file_is("f", "onetwo");
	assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
	client_pump(&c);
	assert_int_equal(c.end, ERR_CLOSED);
}

/* Answers that fill the duct do not stand in the way of the last request. */
static void
gone_while_full(void **state)
{
	uint32_t h, w;

	(void)state;
	file_make("f", "");
	assert_int_equal(truncate("f", 1 << 20), 0);
	h = client_open_ok(&c, "f", FXF_READ);
	w = client_open_ok(&c, "w", FXF_WRITE | FXF_CREAT);
	for (int i = 0; i < 16; i++) {
		client_begin(&c, FXP_READ);
		wr_u32(&c.out, 4);
		wr_u32(&c.out, h);
		wr_u64(&c.out, 0);
		wr_u32(&c.out, UINT32_MAX);
		client_send(&c);
	}
	put_write(w, 0, view_str("last"));
	client_pump(&c);
	assert_int_equal(sftp_session_events(c.session), POLLOUT);
	file_is("w", "");
	close(c.fd);
	c.fd = -1;
	client_pump(&c);
	assert_int_equal(c.end, ERR_CLOSED);
	file_is("w", "last");
}

static void
handle_limit(void **state)
{
	uint32_t h[SFTP_HANDLES_MAX];

	(void)state;
	file_make("f", "x");
	for (int i = 0; i < SFTP_HANDLES_MAX; i++)
		h[i] = i % 2 != 0 ? client_open_ok(&c, "f", FXF_READ) :
		    client_opendir_ok(&c, ".");
	expect_text(client_open(&c, "new", FXF_WRITE | FXF_CREAT), FX_FAILURE,
	    "Too many open files");
	expect_text(client_path(&c, FXP_OPENDIR, "."), FX_FAILURE,
	    "Too many open files");
	assert_int_equal(access("new", F_OK), -1);
	client_close_ok(&c, h[17]);
	expect_text(client_handle(&c, FXP_CLOSE, h[17]), FX_FAILURE,
	    "Invalid handle");
	/* The same slot, not the same handle. */
	assert_int_not_equal(client_open_ok(&c, "f", FXF_READ), h[17]);
	expect_status(client_read(&c, h[17], 0, 1), FX_FAILURE);
}

static void
handle_misuse(void **state)
{
	static const size_t sizes[] = { 0, 1, 3, 5, 8, 1000 };
	static const uint8_t junk[1000] = { 0 };
	uint32_t f, d;

	(void)state;
	file_make("f", "x");
	f = client_open_ok(&c, "f", FXF_READ);
	d = client_opendir_ok(&c, ".");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		client_begin(&c, FXP_CLOSE);
		wr_str(&c.out, view_of(junk, sizes[i]));
		client_send(&c);
		expect_text(client_answer(&c), FX_FAILURE, "Invalid handle");
	}
	for (uint32_t bit = 0; bit < 32; bit++)
		expect_status(client_handle(&c, FXP_FSTAT, f ^ 1u << bit),
		    (f ^ 1u << bit) == d ? FX_OK : FX_FAILURE);
	expect_text(client_read(&c, d, 0, 1), FX_FAILURE, "Not a file handle");
	expect_text(client_handle(&c, FXP_READDIR, f), FX_FAILURE,
	    "Not a directory handle");
	expect_text(client_write(&c, f, 0, view_str("y")), FX_FAILURE,
	    "Handle not open for this");
	client_close_ok(&c, f);
	client_close_ok(&c, d);
}

/* A large request arrives in pieces between small ones. */
static void
largest_frames(void **state)
{
	static uint8_t data[SFTP_DATA_MAX];
	uint32_t h, n;
	struct answer a;
	struct view v;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	h = client_open_ok(&c, "big", FXF_READ | FXF_WRITE | FXF_CREAT);
	for (uint64_t i = 0; i < 9; i++) {
		client_begin(&c, FXP_WRITE);
		wr_u32(&c.out, 4);
		wr_u32(&c.out, h);
		wr_u64(&c.out, i * sizeof(data));
		wr_str(&c.out, view_of(data, sizeof(data)));
		client_send(&c);
		client_begin(&c, FXP_STAT);
		wr_cstr(&c.out, "big");
		client_send(&c);
	}
	for (int i = 0; i < 9; i++) {
		expect_status(client_answer(&c), FX_OK);
		assert_int_equal(client_answer(&c).type, FXP_ATTRS);
	}
	for (uint64_t i = 0; i < 9; i++) {
		a = client_read(&c, h, i * sizeof(data), UINT32_MAX);
		assert_int_equal(a.type, FXP_DATA);
		n = rd_u32(&a.rest);
		v = rd_rest(&a.rest);
		assert_int_equal(n, sizeof(data));
		assert_int_equal(v.n, sizeof(data));
		assert_memory_equal(v.p, data, v.n);
	}
	/* The frame's own limit: one byte below and at it. */
	for (uint32_t len = SFTP_FRAME_MAX - 1; len <= SFTP_FRAME_MAX; len++) {
		client_begin(&c, 99);
		while (wr_size(&c.out) < 4 + (size_t)len)
			wr_bytes(&c.out, view_of(data,
			    4 + (size_t)len - wr_size(&c.out) > sizeof(data) ?
			    sizeof(data) : 4 + (size_t)len -
			    wr_size(&c.out)));
		client_send(&c);
		expect_status(client_answer(&c), FX_OP_UNSUPPORTED);
	}
	client_close_ok(&c, h);
}

static void
random_bytes(void **state)
{
	unsigned seed = 12345;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		size_t n = 1 + (size_t)rand_r(&seed) % 60;

		client_begin(&c, (uint8_t)(3 + rand_r(&seed) % 18));
		for (size_t i = 0; i < n; i++)
			wr_u8(&c.out, (uint8_t)(rand_r(&seed) % 5));
		client_send(&c);
		assert_int_equal(client_answer(&c).id, c.id);
	}
	assert_int_equal(c.end, OK);
}

int
main(void)
{
#define RAW(t) cmocka_unit_test_setup_teardown(t, start_raw, stop)
#define TEST(t) cmocka_unit_test_setup_teardown(t, start, stop)
	const struct CMUnitTest tests[] = {
		RAW(announces), RAW(request_before_init), RAW(init_too_short),
		TEST(second_init), TEST(length_zero), TEST(length_over_limit),
		TEST(length_huge), TEST(no_room_for_id),
		TEST(answers_before_the_fault), TEST(unknown_types),
		TEST(bad_messages), TEST(byte_by_byte),
		TEST(pipelined_unread), TEST(pipelined_small),
		TEST(half_closed), TEST(closed_in_a_request),
		TEST(closed_while_full), TEST(gone_at_once),
		TEST(deaf_client), TEST(gone_while_full), TEST(handle_limit),
		TEST(handle_misuse), TEST(largest_frames), TEST(random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
