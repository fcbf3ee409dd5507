/* One event, one line: nothing that a peer chose can break out of its value. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chroot/log_format.h"

#define TIME 1795424400123u	/* 2026-11-23T09:00:00.123Z */

struct fixture {
	struct wr event, out;
	struct log_line line;
};

static int
setup(void **state)
{
	struct fixture *x = test_calloc(1, sizeof(*x));

	x->event = wr_new(LOG_MAX_EVENT);
	x->out = wr_new(LOG_LINE_MAX);
	x->line.ms = TIME;
	*state = x;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *x = *state;

	wr_free(&x->event);
	wr_free(&x->out);
	test_free(x);
	return 0;
}

static void
begin(struct fixture *x, enum log_level level, const char *name)
{
	wr_reset(&x->event);
	wr_u8(&x->event, (uint8_t)level);
	wr_cstr(&x->event, name);
	wr_u32(&x->event, 0);
}

static void
str(struct fixture *x, const char *key, const void *p, size_t n)
{
	wr_cstr(&x->event, key);
	wr_u8(&x->event, LOG_KIND_STR);
	wr_str(&x->event, view_of(p, n));
}

static void
num(struct fixture *x, const char *key, uint64_t v)
{
	wr_cstr(&x->event, key);
	wr_u8(&x->event, LOG_KIND_NUM);
	wr_u64(&x->event, v);
}

static void
is_text(struct fixture *x, const char *want)
{
	wr_reset(&x->out);
	assert_true(log_parse(wr_view(&x->event), &x->line.rec));
	assert_true(log_format_text(&x->line, &x->out));
	wr_u8(&x->out, 0);
	assert_string_equal((const char *)wr_view(&x->out).p, want);
}

static void
is_json(struct fixture *x, const char *want)
{
	wr_reset(&x->out);
	assert_true(log_parse(wr_view(&x->event), &x->line.rec));
	assert_true(log_format_json(&x->line, &x->out));
	wr_u8(&x->out, 0);
	assert_string_equal((const char *)wr_view(&x->out).p, want);
}

#define T "2026-11-23T09:00:00.123Z"

static void
plain(void **state)
{
	struct fixture *x = *state;

	begin(x, LOG_INFO, "login");
	num(x, "conn", 7);
	str(x, "user", "acme", 4);
	str(x, "src", "203.0.113.5", 11);
	is_text(x, T " info event=login conn=7 user=acme src=203.0.113.5\n");
	is_json(x, "{\"time\":\"" T "\",\"level\":\"info\",\"event\":\"login\","
	    "\"conn\":7,\"user\":\"acme\",\"src\":\"203.0.113.5\"}\n");
}

static void
levels(void **state)
{
	struct fixture *x = *state;

	begin(x, LOG_ERROR, "a");
	is_text(x, T " error event=a\n");
	begin(x, LOG_WARN, "a");
	is_text(x, T " warn event=a\n");
	begin(x, LOG_DEBUG, "a");
	is_text(x, T " debug event=a\n");
}

static void
text_escapes(void **state)
{
	struct fixture *x = *state;

	begin(x, LOG_INFO, "e");
	str(x, "a", "", 0);
	str(x, "b", "two words", 9);
	str(x, "c", "x=y", 3);
	str(x, "d", "q\"\\", 3);
	str(x, "e", "n\nevent=f", 9);
	str(x, "f", "\0\x1b[1m\x7f\xc3\xa9", 8);
	is_text(x, T " info event=e a=\"\" b=\"two words\" c=\"x=y\" "
	    "d=\"q\\\"\\\\\" e=\"n\\x0aevent=f\" "
	    "f=\"\\x00\\x1b[1m\\x7f\\xc3\\xa9\"\n");
}

static void
json_escapes(void **state)
{
	struct fixture *x = *state;

	begin(x, LOG_INFO, "e");
	str(x, "a", "q\"\\\n", 4);
	str(x, "b", "\0\x1b\x7f", 3);
	str(x, "c", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9);
	str(x, "d", "\xff\xc3", 2);		/* not UTF-8 */
	str(x, "e", "\xc0\xaf\xed\xa0\x80", 5);	/* overlong, surrogate */
	str(x, "f", "\xc2\x9b", 2);		/* C1: a terminal's CSI */
	str(x, "g", "\xf4\x90\x80\x80", 4);	/* past U+10FFFF */
	is_json(x, "{\"time\":\"" T "\",\"level\":\"info\",\"event\":\"e\","
	    "\"a\":\"q\\\"\\\\\\u000a\",\"b\":\"\\u0000\\u001b\\u007f\","
	    "\"c\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\","
	    "\"d\":\"\\u00ff\\u00c3\","
	    "\"e\":\"\\u00c0\\u00af\\u00ed\\u00a0\\u0080\","
	    "\"f\":\"\\u009b\","
	    "\"g\":\"\\u00f4\\u0090\\u0080\\u0080\"}\n");
}

static void
names_are_cleaned(void **state)
{
	struct fixture *x = *state;

	begin(x, LOG_INFO, "a b\n=\"");
	str(x, "k y\n", "v", 1);
	str(x, "", "v", 1);
	str(x, "a234567890123456789012345678901234", "v", 1);
	is_text(x, T " info event=a_b___ k_y_=v _=v "
	    "a2345678901234567890123456789012=v\n");
}

static void
nobody_names_time_level_event(void **state)
{
	struct fixture *x = *state;

	begin(x, LOG_INFO, "a");
	str(x, "event", "login", 5);
	str(x, "time", "never", 5);
	str(x, "level", "error", 5);
	str(x, "ok", "1", 1);
	is_text(x, T " info event=a ok=1\n");
	is_json(x, "{\"time\":\"" T "\",\"level\":\"info\",\"event\":\"a\","
	    "\"ok\":\"1\"}\n");
}

/* A login process may say what it likes about who it is. */
static void
identity_is_the_kernels(void **state)
{
	struct fixture *x = *state;
	const struct log_who who = {
		.conn = 9, .user = view_str("real one"),
		.src = view_str("198.51.100.1"),
	};

	x->line.who = &who;
	begin(x, LOG_INFO, "transfer");
	num(x, "conn", 1);
	str(x, "user", "other", 5);
	str(x, "src", "127.0.0.1", 9);
	num(x, "pid", 1);
	str(x, "path", "/a", 2);
	is_text(x, T " info event=transfer conn=9 user=\"real one\" "
	    "src=198.51.100.1 path=/a\n");
}

static void
claims_of_strangers(void **state)
{
	struct fixture *x = *state;

	x->line.strip = true;
	x->line.pid = 4711;
	begin(x, LOG_INFO, "transfer");
	num(x, "conn", 1);
	str(x, "user", "other", 5);
	str(x, "path", "/a", 2);
	is_text(x, T " info event=transfer pid=4711 path=/a\n");
}

static void
lost_before(void **state)
{
	struct fixture *x = *state;

	begin(x, LOG_INFO, "a");
	wr_patch_u32(&x->event, 1 + 4 + 1, 12);
	num(x, "k", 1);
	is_text(x, T " info event=a k=1 lost-before=12\n");
}

/* A malformed event leaves what is there alone. */
static void
malformed(void **state)
{
	struct fixture *x = *state;
	struct wr whole = wr_new(LOG_MAX_EVENT);
	size_t good = 0;

	begin(x, LOG_INFO, "a");
	good = wr_size(&x->event);
	str(x, "key", "value", 5);
	wr_bytes(&whole, wr_view(&x->event));
	for (size_t n = 0; n < wr_size(&whole); n++) {
		struct view cut = view_of(wr_view(&whole).p, n);

		wr_reset(&x->out);
		wr_u8(&x->out, 'x');
		if (!log_parse(cut, &x->line.rec)) {
			assert_true(n < good);
			continue;
		}
		assert_true(n >= good);
		if (n == good)
			continue;	/* whole, without the field */
		assert_false(log_format_text(&x->line, &x->out));
		assert_int_equal(wr_size(&x->out), 1);
		assert_false(log_format_json(&x->line, &x->out));
		assert_int_equal(wr_size(&x->out), 1);
	}
	wr_free(&whole);
}

/* The largest event of the hardest bytes fits into a line. */
static void
largest(void **state)
{
	struct fixture *x = *state;
	static uint8_t bytes[7900];

	memset(bytes, 0xff, sizeof(bytes));
	begin(x, LOG_INFO, "a");
	str(x, "k", bytes, sizeof(bytes));
	assert_false(x->event.bad);
	assert_true(log_parse(wr_view(&x->event), &x->line.rec));
	assert_true(log_format_text(&x->line, &x->out));
	wr_reset(&x->out);
	assert_true(log_format_json(&x->line, &x->out));
	assert_true(wr_size(&x->out) > 6 * sizeof(bytes));
}

/* What base/log.c sends is what is read here. */
static void
from_the_sender(void **state)
{
	struct fixture *x = *state;
	uint8_t buf[LOG_MAX_EVENT];
	struct log_ev e;
	int p[2];
	ssize_t n;

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, p), 0);
	log_open(p[0], LOG_INFO);
	log_begin(&e, LOG_INFO, "hello");
	log_num(&e, "n", 3);
	log_str(&e, "s", "a b");
	log_send(&e);
	n = recv(p[1], buf, sizeof(buf), 0);
	assert_true(n > 0);
	wr_reset(&x->event);
	wr_bytes(&x->event, view_of(buf, (size_t)n));
	is_text(x, T " info event=hello n=3 s=\"a b\"\n");
	log_open(-1, LOG_INFO);
	close(p[0]);
	close(p[1]);
}

int
main(void)
{
#define U(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		U(plain), U(levels), U(text_escapes), U(json_escapes),
		U(names_are_cleaned), U(nobody_names_time_level_event),
		U(identity_is_the_kernels), U(claims_of_strangers),
		U(lost_before), U(malformed), U(largest), U(from_the_sender),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
