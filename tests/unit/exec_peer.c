#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/exec_peer.h"

void
peer_init(struct peer *p, bool read_only)
{
	memset(p, 0, sizeof(*p));
	client_init(&p->c, read_only);
	p->c.policy.scp = true;
	p->in = p->out = p->err = -1;
	p->got = wr_new((size_t)64 << 20);
	p->said = wr_new((size_t)1 << 20);
}

void
peer_drop(struct peer *p)
{
	exec_session_free(&p->session);
	if (p->in != -1 && p->in != p->out)
		close(p->in);
	if (p->out != -1)
		close(p->out);
	if (p->err != -1)
		close(p->err);
	p->in = p->out = p->err = -1;
	wr_reset(&p->got);
	wr_reset(&p->said);
}

void
peer_done(struct peer *p)
{
	peer_drop(p);
	wr_free(&p->got);
	wr_free(&p->said);
	client_stop(&p->c);
}

static void
pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fds), 0);
}

static void
run(struct peer *p, const char *line, struct exec_fds fd)
{
	assert_int_equal(exec_ask(&p->c.policy, view_str(line)),
	    EXEC_SERVED);
	p->session = exec_session_new(&p->c.policy, view_str(line), fd, 7);
	assert_non_null(p->session);
	p->end = OK;
	p->turns = 0;
}

void
peer_run(struct peer *p, const char *line)
{
	int duct[2];

	peer_drop(p);
	pair(duct);
	p->in = p->out = duct[0];
	run(p, line, (struct exec_fds){ duct[1], duct[1], -1 });
}

void
peer_run_three(struct peer *p, const char *line)
{
	int in[2], out[2], err[2];

	peer_drop(p);
	pair(in);
	pair(out);
	pair(err);
	p->in = in[0];
	p->out = out[0];
	p->err = err[0];
	run(p, line, (struct exec_fds){ in[1], out[1], err[1] });
}

void
peer_hang_up(struct peer *p)
{
	if (p->in != p->out)
		close(p->in);
	close(p->out);
	if (p->err != -1)
		close(p->err);
	p->in = p->out = p->err = -1;
}

/* What has come; it may be much. */
static void
drain(int fd, struct wr *w)
{
	uint8_t *b;
	ssize_t n;

	while (fd != -1) {
		b = wr_reserve(w, 65536);
		assert_non_null(b);
		n = recv(fd, b, 65536, MSG_DONTWAIT);
		if (n <= 0)
			break;
		wr_commit(w, (size_t)n);
	}
}

void
peer_pump(struct peer *p)
{
	struct pollfd f = { .fd = -1 };

	while (p->end == OK) {
		f.fd = exec_session_fd(p->session);
		f.events = exec_session_events(p->session);
		if (f.events == 0 || (poll(&f, 1, 0) != 1 &&
		    !exec_session_hung_up(p->session)))
			break;
		p->turns++;
		p->end = exec_session_ready(p->session, f.revents);
		drain(p->out, &p->got);
		drain(p->err, &p->said);
	}
	drain(p->out, &p->got);
	drain(p->err, &p->said);
	if (p->end != OK && p->session != NULL) {
		p->status = exec_session_status(p->session);
		exec_session_free(&p->session);
	}
}

void
peer_send(struct peer *p, struct view v)
{
	while (v.n != 0) {
		ssize_t n = send(p->in, v.p, v.n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n == -1) {
			if (errno == EPIPE || errno == ECONNRESET)
				break;
			assert_int_equal(errno, EAGAIN);
			peer_pump(p);
			continue;
		}
		v = view_of(v.p + n, v.n - (size_t)n);
	}
	peer_pump(p);
}

void
peer_eof(struct peer *p)
{
	assert_int_equal(shutdown(p->in, SHUT_WR), 0);
	peer_pump(p);
}

void
peer_expect(struct peer *p, struct view v)
{
	struct view got;

	peer_pump(p);
	got = wr_view(&p->got);
	if (got.n < v.n || memcmp(got.p, v.p, v.n) != 0)
		fail_msg("got '%.*s', wanted '%.*s'",
		    (int)(got.n < 400 ? got.n : 400), (const char *)got.p,
		    (int)(v.n < 400 ? v.n : 400), (const char *)v.p);
	wr_consume(&p->got, v.n);
}

void
peer_expect_err(struct peer *p, const char *text)
{
	char got[65536];
	struct view v;

	peer_pump(p);
	v = wr_view(&p->said);
	assert_true(view_to_cstr(v, got, sizeof(got)));
	assert_string_equal(got, text);
	wr_reset(&p->said);
}

void
peer_quiet(struct peer *p)
{
	peer_pump(p);
	assert_int_equal(wr_size(&p->got), 0);
	assert_int_equal(p->end, OK);
}

void
peer_ended(struct peer *p, uint32_t status)
{
	peer_pump(p);
	if (wr_size(&p->got) != 0)
		fail_msg("more came: '%.*s'", (int)wr_size(&p->got),
		    (const char *)wr_view(&p->got).p);
	assert_int_equal(p->end, ERR_CLOSED);
	assert_int_equal(p->status, status);
}
