#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/sftp_client.h"

void
client_init(struct client *c, bool read_only)
{
	int log[2];

	memset(c, 0, sizeof(*c));
	c->fd = -1;
	snprintf(c->dir, sizeof(c->dir), "/tmp/sftp-test.XXXXXX");
	assert_non_null(mkdtemp(c->dir));
	assert_int_equal(chdir(c->dir), 0);
	c->policy = (struct jail_policy){ .user = "acme", .home = c->dir,
	    .start = c->dir, .uid = geteuid(), .gid = getegid(),
	    .sftp = true, .read_only = read_only };
	c->in = wr_new((size_t)4 << 20);
	c->out = wr_new((size_t)1 << 20);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0,
	    log), 0);
	c->log = log[0];
	log_open(log[1], LOG_INFO);
}

void
client_start_raw(struct client *c, bool read_only)
{
	int duct[2];

	client_init(c, read_only);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    duct), 0);
	c->fd = duct[0];
	c->session = sftp_session_new(&c->policy, duct[1], 7);
	assert_non_null(c->session);
}

void
client_start(struct client *c, bool read_only)
{
	static const uint8_t init[] = { 0, 0, 0, 5, FXP_INIT, 0, 0, 0, 3 };
	struct answer a;

	client_start_raw(c, read_only);
	client_send_raw(c, view_of(init, sizeof(init)));
	a = client_answer(c);
	assert_int_equal(a.type, FXP_VERSION);
	assert_int_equal(a.id, SFTP_VERSION);
}

void
client_drop(struct client *c)
{
	sftp_session_free(&c->session);
	if (c->fd != -1)
		close(c->fd);
	c->fd = -1;
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)st;
	(void)flag;
	(void)f;
	return remove(path);
}

void
client_stop(struct client *c)
{
	client_drop(c);
	close(log_fd());
	log_open(-1, LOG_INFO);
	close(c->log);
	wr_free(&c->in);
	wr_free(&c->out);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(nftw(c->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS),
	    0);
}

void
client_begin(struct client *c, uint8_t type)
{
	wr_reset(&c->out);
	wr_u32(&c->out, 0);
	wr_u8(&c->out, type);
	wr_u32(&c->out, ++c->id);
}

void
client_begin_ext(struct client *c, const char *name)
{
	client_begin(c, FXP_EXTENDED);
	wr_cstr(&c->out, name);
}

uint32_t
client_send(struct client *c)
{
	wr_patch_u32(&c->out, 0, (uint32_t)wr_size(&c->out) - 4);
	assert_false(c->out.bad);
	client_send_raw(c, wr_view(&c->out));
	return c->id;
}

static void
drain(struct client *c)
{
	uint8_t *p;
	ssize_t n;

	do {
		p = wr_reserve(&c->in, 65536);
		assert_non_null(p);
		n = recv(c->fd, p, 65536, MSG_DONTWAIT);
		if (n > 0)
			wr_commit(&c->in, (size_t)n);
	} while (n > 0);
}

void
client_send_raw(struct client *c, struct view v)
{
	while (v.n != 0) {
		ssize_t n = send(c->fd, v.p, v.n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n == -1) {
			if (errno == EPIPE)
				return;
			assert_int_equal(errno, EAGAIN);
			client_pump(c);
			drain(c);
			continue;
		}
		v = view_of(v.p + n, v.n - (size_t)n);
	}
}

void
client_pump(struct client *c)
{
	struct pollfd p = { .fd = sftp_session_fd(c->session) };

	while (c->end == OK) {
		p.events = sftp_session_events(c->session);
		assert_int_not_equal(p.events, 0);
		if (poll(&p, 1, 0) != 1)
			return;
		c->end = sftp_session_ready(c->session, p.revents);
	}
}

static bool
whole(const struct client *c)
{
	struct view v = wr_view(&c->in);

	return v.n >= 4 && v.n - 4 >= get_u32(v.p);
}

bool
client_has_answer(struct client *c)
{
	for (int i = 0; i < 1000 && !whole(c); i++) {
		size_t before = wr_size(&c->in);

		client_pump(c);
		drain(c);
		if (wr_size(&c->in) == before)
			break;
	}
	return whole(c);
}

struct answer
client_answer(struct client *c)
{
	static uint8_t frame[SFTP_ANSWER_MAX];
	struct answer a = { 0 };
	struct view v, text;
	uint32_t n;

	assert_true(client_has_answer(c));
	v = wr_view(&c->in);
	n = get_u32(v.p);
	assert_in_range(n, 5, sizeof(frame));
	memcpy(frame, v.p + 4, n);
	wr_consume(&c->in, 4 + n);
	a.rest = rd_of(view_of(frame, n));
	a.type = rd_u8(&a.rest);
	a.id = rd_u32(&a.rest);
	if (a.type == FXP_STATUS) {
		a.code = rd_u32(&a.rest);
		text = rd_str(&a.rest);
		assert_true(view_to_cstr(text, a.text, sizeof(a.text)));
		rd_str(&a.rest);
		assert_true(rd_done(&a.rest));
	}
	return a;
}

static struct answer
exchange(struct client *c)
{
	uint32_t id = client_send(c);
	struct answer a = client_answer(c);

	assert_int_equal(a.id, id);
	return a;
}

struct answer
client_path(struct client *c, uint8_t type, const char *path)
{
	client_begin(c, type);
	wr_cstr(&c->out, path);
	if (type == FXP_MKDIR)
		wr_u32(&c->out, 0);
	return exchange(c);
}

struct answer
client_two(struct client *c, uint8_t type, const char *a, const char *b)
{
	client_begin(c, type);
	wr_cstr(&c->out, a);
	wr_cstr(&c->out, b);
	return exchange(c);
}

struct answer
client_ext_path(struct client *c, const char *ext, const char *path)
{
	client_begin_ext(c, ext);
	wr_cstr(&c->out, path);
	return exchange(c);
}

struct answer
client_ext_two(struct client *c, const char *ext, const char *a,
    const char *b)
{
	client_begin_ext(c, ext);
	wr_cstr(&c->out, a);
	wr_cstr(&c->out, b);
	return exchange(c);
}

static void
put_handle(struct client *c, uint32_t handle)
{
	wr_u32(&c->out, 4);
	wr_u32(&c->out, handle);
}

struct answer
client_handle(struct client *c, uint8_t type, uint32_t handle)
{
	client_begin(c, type);
	put_handle(c, handle);
	return exchange(c);
}

struct answer
client_open(struct client *c, const char *path, uint32_t pflags)
{
	client_begin(c, FXP_OPEN);
	wr_cstr(&c->out, path);
	wr_u32(&c->out, pflags);
	wr_u32(&c->out, 0);
	return exchange(c);
}

static uint32_t
handle_of(struct answer a)
{
	uint32_t n, handle;

	if (a.type == FXP_STATUS)
		print_message("status %u: %s\n", a.code, a.text);
	assert_int_equal(a.type, FXP_HANDLE);
	n = rd_u32(&a.rest);
	handle = rd_u32(&a.rest);
	assert_int_equal(n, 4);
	assert_true(rd_done(&a.rest));
	return handle;
}

uint32_t
client_open_ok(struct client *c, const char *path, uint32_t pflags)
{
	return handle_of(client_open(c, path, pflags));
}

uint32_t
client_opendir_ok(struct client *c, const char *path)
{
	return handle_of(client_path(c, FXP_OPENDIR, path));
}

struct answer
client_read(struct client *c, uint32_t handle, uint64_t offset, uint32_t len)
{
	client_begin(c, FXP_READ);
	put_handle(c, handle);
	wr_u64(&c->out, offset);
	wr_u32(&c->out, len);
	return exchange(c);
}

struct answer
client_write(struct client *c, uint32_t handle, uint64_t offset,
    struct view data)
{
	client_begin(c, FXP_WRITE);
	put_handle(c, handle);
	wr_u64(&c->out, offset);
	wr_str(&c->out, data);
	return exchange(c);
}

void
client_close_ok(struct client *c, uint32_t handle)
{
	expect_status(client_handle(c, FXP_CLOSE, handle), FX_OK);
}

void
expect_status(struct answer a, uint32_t code)
{
	assert_int_equal(a.type, FXP_STATUS);
	if (a.code != code)
		print_message("status %u: %s\n", a.code, a.text);
	assert_int_equal(a.code, code);
}

void
expect_text(struct answer a, uint32_t code, const char *text)
{
	expect_status(a, code);
	assert_string_equal(a.text, text);
}

void
expect_name(struct answer a, const char *name)
{
	struct view first, second;

	if (a.type == FXP_STATUS)
		print_message("status %u: %s\n", a.code, a.text);
	assert_int_equal(a.type, FXP_NAME);
	assert_int_equal(rd_u32(&a.rest), 1);
	first = rd_str(&a.rest);
	second = rd_str(&a.rest);
	assert_int_equal(rd_u32(&a.rest), 0);
	assert_true(rd_done(&a.rest));
	assert_true(view_eq(first, second));
	assert_int_equal(first.n, strlen(name));
	assert_memory_equal(first.p, name, first.n);
}

static void
fields_text(struct log_rec *rec, char *out, size_t n)
{
	struct view key, value;
	uint64_t num;
	size_t at = 0;
	int kind;

	out[0] = '\0';
	while (log_next(rec, &key, &kind, &value, &num)) {
		if (view_is(key, "duration_ms"))
			continue;
		if (kind == LOG_KIND_NUM)
			at += (size_t)snprintf(out + at, n - at, "%s%.*s=%ju",
			    at != 0 ? " " : "", (int)key.n,
			    (const char *)key.p, (uintmax_t)num);
		else
			at += (size_t)snprintf(out + at, n - at,
			    "%s%.*s=%.*s", at != 0 ? " " : "", (int)key.n,
			    (const char *)key.p, (int)value.n,
			    (const char *)value.p);
		assert_true(at < n);
	}
}

bool
client_event(struct client *c, const char *event, char *out, size_t n)
{
	uint8_t b[LOG_MAX_EVENT];
	struct log_rec rec;
	ssize_t got;

	while ((got = recv(c->log, b, sizeof(b), 0)) > 0) {
		assert_true(log_parse(view_of(b, (size_t)got), &rec));
		if (!view_is(rec.event, event))
			continue;
		fields_text(&rec, out, n);
		return true;
	}
	return false;
}

void
expect_event(struct client *c, const char *event, const char *fields)
{
	char text[2048];

	if (!client_event(c, event, text, sizeof(text)))
		fail_msg("no event %s", event);
	assert_string_equal(text, fields);
}

void
file_make(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

void
file_is(const char *path, const char *text)
{
	char got[4096];
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(got, 1, sizeof(got) - 1, f);
	got[n] = '\0';
	fclose(f);
	assert_string_equal(got, text);
}
