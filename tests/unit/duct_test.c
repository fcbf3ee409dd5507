/* server/duct, server/drain, server/pollset and server/heap. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "server/daemon.h"

static struct duct *
new_duct(int *far_out)
{
	int far[DUCT_STREAMS];
	struct duct *d = duct_new(false, far);

	assert_non_null(d);
	assert_int_equal(far[DUCT_ERR], -1);
	*far_out = far[DUCT_OUT];
	return d;
}

/* What the one descriptor of a duct waits for. */
static int
events(const struct duct *d, bool want_read)
{
	struct pollfd p[DUCT_FDS];

	duct_polls(d, want_read, p);
	for (int i = 1; i < DUCT_FDS; i++)
		assert_true(p[i].fd == -1 || p[i].events == 0);
	return p[0].events;
}

static void
test_to_login(void **state)
{
	static uint8_t chunk[32768], got[65536];
	struct duct *d;
	size_t put = 0, seen = 0;
	int far;

	(void)state;
	d = new_duct(&far);
	assert_non_null(d);
	/* It takes a whole window without a reader, and not much more. */
	while (duct_put(d, view_of(chunk, sizeof(chunk)))) {
		put += sizeof(chunk);
		assert_int_equal(duct_ready(d, POLLOUT), OK);
		assert_true(put < 8u << 20);
	}
	assert_true(put >= SSH_CHANNEL_WINDOW);
	assert_int_not_equal(events(d, false) & POLLOUT, 0);
	duct_eof(d);
	assert_false(duct_put(d, view_str("late")));
	for (;;) {
		ssize_t n = recv(far, got, sizeof(got), 0);

		if (n <= 0)
			break;
		seen += (size_t)n;
		assert_int_equal(duct_ready(d, POLLOUT), OK);
	}
	assert_int_equal(seen, put);
	close(far);
	duct_free(&d);
	assert_null(d);
}

static void
test_from_login(void **state)
{
	struct duct *d;
	struct view v;
	bool eof;
	int far;

	(void)state;
	d = new_duct(&far);
	v = duct_peek(d, DUCT_OUT, 100, &eof);
	assert_true(v.n == 0 && !eof);
	assert_int_equal(send(far, "abcdef", 6, 0), 6);
	v = duct_peek(d, DUCT_OUT, 4, &eof);
	assert_true(view_is(v, "abcd"));
	assert_false(duct_dry(d, DUCT_OUT));	/* a read that was full */
	duct_consume(d, DUCT_OUT, 3);
	v = duct_peek(d, DUCT_OUT, 100, &eof);
	assert_true(view_is(v, "d"));
	duct_consume(d, DUCT_OUT, 1);
	v = duct_peek(d, DUCT_OUT, 100, &eof);
	assert_true(view_is(v, "ef") && !eof);
	assert_true(duct_dry(d, DUCT_OUT));	/* no need to look again */
	duct_consume(d, DUCT_OUT, 2);
	assert_int_equal(events(d, true), POLLIN);
	assert_int_equal(events(d, false), 0);
	close(far);
	v = duct_peek(d, DUCT_OUT, 0, &eof);
	assert_false(eof);
	v = duct_peek(d, DUCT_OUT, 100, &eof);
	assert_true(v.n == 0 && eof);
	assert_int_equal(events(d, true), 0);
	duct_free(&d);
}

static void
test_login_gone(void **state)
{
	struct duct *d;
	int far;

	(void)state;
	d = new_duct(&far);
	close(far);
	assert_true(duct_put(d, view_str("x")));
	assert_int_equal(duct_ready(d, POLLOUT), ERR_CLOSED);
	assert_false(duct_put(d, view_str("x")));
	/* Nothing is waited for any more: poll() must not be woken for it. */
	assert_int_equal(events(d, false), 0);
	duct_trim(d);
	duct_free(&d);
}

/* The channel has gone: what was written still goes out, and the login's
 * answers hold nothing up. */
static void
test_finish(void **state)
{
	static uint8_t chunk[32768], got[65536];
	struct duct *d;
	size_t put = 0, seen = 0;
	ssize_t n;
	int far;

	(void)state;
	d = new_duct(&far);
	assert_int_equal(send(far, "answer", 6, 0), 6);
	assert_true(duct_put(d, view_str("few")));
	assert_false(duct_finish(d));	/* the socket has taken it all */
	assert_int_equal(recv(far, got, sizeof(got), 0), 3);
	assert_int_equal(recv(far, got, sizeof(got), 0), 0);
	assert_int_equal(send(far, "x", 1, MSG_NOSIGNAL), -1);
	duct_free(&d);
	close(far);
	d = new_duct(&far);
	while (duct_put(d, view_of(chunk, sizeof(chunk)))) {
		put += sizeof(chunk);
		assert_int_equal(duct_ready(d, POLLOUT), OK);
	}
	assert_true(duct_finish(d));
	assert_int_equal(events(d, false), POLLOUT);
	while ((n = recv(far, got, sizeof(got), 0)) > 0) {
		seen += (size_t)n;
		if (duct_finish(d))
			assert_true(seen < put);
	}
	assert_int_equal(n, 0);
	assert_int_equal(seen, put);
	duct_free(&d);
	close(far);
	d = new_duct(&far);
	while (duct_put(d, view_of(chunk, sizeof(chunk))))
		assert_int_equal(duct_ready(d, POLLOUT), OK);
	close(far);
	assert_false(duct_finish(d));	/* nobody is left to take it */
	duct_free(&d);
}

/* ---- stderr, pipes, terminals ---- */

static void
put_fd(int fd, const char *text)
{
	size_t n = strlen(text);

	assert_int_equal(write(fd, text, n), (ssize_t)n);
}

/* Takes what is there and compares it. */
static void
expect(struct duct *d, enum duct_stream s, const char *want, bool eof_wanted)
{
	bool eof;
	struct view v = duct_peek(d, s, 4096, &eof);

	assert_true(view_is(v, want));
	duct_consume(d, s, v.n);
	if (v.n == 0)
		assert_int_equal(eof, eof_wanted);
}

static void
test_stderr(void **state)
{
	int far[DUCT_STREAMS];
	struct duct *d = duct_new(true, far);
	struct pollfd p[DUCT_FDS];

	(void)state;
	assert_non_null(d);
	put_fd(far[DUCT_ERR], "oops");
	put_fd(far[DUCT_OUT], "fine");
	expect(d, DUCT_ERR, "oops", false);
	expect(d, DUCT_OUT, "fine", false);
	expect(d, DUCT_ERR, "", false);
	duct_polls(d, true, p);
	assert_true(p[0].fd != -1 && p[0].events == POLLIN);
	assert_true(p[1].fd != -1 && p[1].events == POLLIN);
	assert_false(duct_over(d));
	close(far[DUCT_OUT]);
	expect(d, DUCT_OUT, "", true);
	assert_false(duct_over(d));
	close(far[DUCT_ERR]);
	expect(d, DUCT_ERR, "", true);
	assert_true(duct_over(d));
	duct_free(&d);
}

struct program {
	int in, out, err;	/* its ends */
	struct duct *d;
};

static struct program
new_program(void)
{
	struct program p;
	int far, in[2], out[2], err[2], fds[3];

	p.d = new_duct(&far);
	assert_int_equal(pipe2(in, O_NONBLOCK), 0);
	assert_int_equal(pipe2(out, O_NONBLOCK), 0);
	assert_int_equal(pipe2(err, O_NONBLOCK), 0);
	p.in = in[0];
	p.out = out[1];
	p.err = err[1];
	fds[0] = in[1];
	fds[1] = out[0];
	fds[2] = err[0];
	assert_true(duct_carry(p.d, CARRIER_PIPES, fds, 3));
	close(far);
	return p;
}

static void
test_pipes(void **state)
{
	struct program p = new_program();
	struct pollfd w[DUCT_FDS];
	char got[16];

	(void)state;
	assert_true(duct_put(p.d, view_str("typed")));
	duct_polls(p.d, true, w);
	assert_true(w[2].fd != -1 && w[2].events == POLLOUT);
	assert_false(duct_quiet(p.d));
	assert_int_equal(duct_ready(p.d, POLLOUT), OK);
	assert_true(duct_quiet(p.d));
	assert_int_equal(read(p.in, got, sizeof(got)), 5);
	duct_eof(p.d);
	assert_int_equal(read(p.in, got, sizeof(got)), 0);
	put_fd(p.out, "a");
	put_fd(p.err, "b");
	expect(p.d, DUCT_OUT, "a", false);
	expect(p.d, DUCT_ERR, "b", false);
	/* The leader has ended; somebody else still holds the pipes. */
	duct_ended(p.d);
	expect(p.d, DUCT_OUT, "", false);
	assert_false(duct_over(p.d));
	put_fd(p.out, "late");
	close(p.out);
	close(p.err);
	expect(p.d, DUCT_OUT, "late", false);
	expect(p.d, DUCT_OUT, "", true);
	expect(p.d, DUCT_ERR, "", true);
	assert_true(duct_over(p.d));
	close(p.in);
	duct_free(&p.d);
}

/* A program that closes its input goes on all the same. */
static void
test_pipe_without_reader(void **state)
{
	struct program p = new_program();

	(void)state;
	close(p.in);
	assert_true(duct_put(p.d, view_str("typed")));
	assert_int_equal(duct_ready(p.d, POLLOUT), ERR_CLOSED);
	assert_true(duct_broken(p.d));
	assert_false(duct_put(p.d, view_str("more")));
	assert_int_equal(duct_unsent(p.d), 0);
	put_fd(p.out, "still here");
	expect(p.d, DUCT_OUT, "still here", false);
	/* Nobody wants its output: it may notice. */
	duct_stop(p.d, DUCT_OUT);
	assert_int_equal(write(p.out, "x", 1), -1);
	put_fd(p.err, "but its complaints");
	expect(p.d, DUCT_ERR, "but its complaints", false);
	close(p.out);
	close(p.err);
	duct_free(&p.d);
}

static void
open_pty(int *master, int *slave)
{
	struct termios t;

	*master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (*master == -1)
		skip();
	assert_int_equal(unlockpt(*master), 0);
	*slave = open(ptsname(*master), O_RDWR | O_NOCTTY);
	assert_true(*slave != -1);
	assert_int_equal(tcgetattr(*slave, &t), 0);
	cfmakeraw(&t);
	assert_int_equal(tcsetattr(*slave, TCSANOW, &t), 0);
}

/* Others may hold a terminal after its leader has ended: what the leader has
 * written is delivered, and they are not waited for. */
static void
test_pty(void **state)
{
	int far, master, slave;
	struct duct *d;
	char got[16];

	(void)state;
	open_pty(&master, &slave);
	d = new_duct(&far);
	close(far);
	assert_true(duct_carry(d, CARRIER_PTY, &master, 1));
	assert_true(duct_put(d, view_str("typed")));
	assert_int_equal(events(d, true), POLLIN | POLLOUT);
	assert_int_equal(duct_ready(d, POLLOUT), OK);
	assert_int_equal(events(d, true), POLLIN);
	assert_int_equal(read(slave, got, sizeof(got)), 5);
	expect(d, DUCT_OUT, "", false);
	assert_false(duct_over(d));
	/* The window is closed while it ends: nothing is lost. */
	put_fd(slave, "last words");
	duct_ended(d);
	assert_false(duct_over(d));
	expect(d, DUCT_OUT, "last words", false);
	assert_false(duct_over(d));
	expect(d, DUCT_OUT, "", false);
	assert_true(duct_over(d));
	duct_stop(d, DUCT_OUT);		/* does nothing */
	put_fd(slave, "more");
	expect(d, DUCT_OUT, "more", false);
	/* It hangs up at once, whatever was typed. */
	assert_true(duct_put(d, view_str("typed")));
	assert_false(duct_finish(d));
	close(slave);
	expect(d, DUCT_OUT, "", true);
	assert_true(duct_over(d));
	duct_free(&d);
}

/* What a login makes for what it serves itself. */
static void
test_sockets(void **state)
{
	struct duct *d = duct_bare();
	int a[2], b[2], fds[2];
	struct pollfd p[DUCT_FDS];

	(void)state;
	assert_non_null(d);
	duct_polls(d, true, p);
	for (int i = 0; i < DUCT_FDS; i++)
		assert_true(p[i].fd == -1 || p[i].events == 0);
	assert_true(duct_over(d));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    a), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    b), 0);
	fds[0] = a[0];
	fds[1] = b[0];
	assert_true(duct_carry(d, CARRIER_SOCKETS, fds, 2));
	assert_false(duct_over(d));
	put_fd(a[1], "out");
	put_fd(b[1], "err");
	expect(d, DUCT_OUT, "out", false);
	expect(d, DUCT_ERR, "err", false);
	assert_true(duct_put(d, view_str("in")));
	duct_eof(d);
	close(b[1]);
	expect(d, DUCT_ERR, "", true);
	assert_false(duct_over(d));
	close(a[1]);
	expect(d, DUCT_OUT, "", true);
	assert_true(duct_over(d));
	duct_free(&d);
}

/* Nothing is taken that could block the server, or that is not whole. */
static void
test_bad_carriers(void **state)
{
	struct duct *d;
	int far, fds[3], p[2];

	(void)state;
	d = new_duct(&far);
	assert_int_equal(pipe2(p, 0), 0);	/* these block */
	fds[0] = p[0];
	assert_false(duct_carry(d, CARRIER_PTY, fds, 1));
	assert_int_equal(fcntl(p[0], F_GETFD), -1);
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	assert_false(duct_carry(d, CARRIER_PIPES, fds, 2));
	assert_int_equal(fcntl(fds[0], F_GETFD), -1);
	fds[0] = -1;
	assert_false(duct_carry(d, CARRIER_SOCKET, fds, 1));
	assert_false(duct_carry(d, CARRIER_PTY, fds, 0));
	assert_false(duct_carry(d, CARRIERS, fds, 0));
	/* It still is what it was. */
	assert_true(duct_carry(d, CARRIER_DUCT, fds, 0));
	put_fd(far, "x");
	expect(d, DUCT_OUT, "x", false);
	close(p[1]);
	close(far);
	duct_free(&d);
}

/* A duct that its login does not read, and that holds little. */
static struct duct *
full_duct(int *far_out)
{
	static uint8_t chunk[65536];
	struct duct *d = new_duct(far_out);
	int size = 4096;

	assert_non_null(d);
	assert_int_equal(setsockopt(duct_to_fd(d), SOL_SOCKET, SO_SNDBUF, &size,
	    sizeof(size)), 0);
	assert_true(duct_put(d, view_of(chunk, sizeof(chunk))));
	assert_int_equal(duct_ready(d, POLLOUT), OK);
	assert_int_not_equal(duct_unsent(d), 0);
	return d;
}

static uint32_t last_freed;

/* Flows alone are told of. */
static void
freed(struct loop *l, uint32_t client)
{
	(void)l;
	last_freed = client;
}

static void
turn(struct loop *l)
{
	l->npfd = 0;
	drain_poll(l);
	poll(l->pfd, (nfds_t)l->npfd, 0);
	drain_ready(l, freed);
}

static void
test_drain(void **state)
{
	static struct loop l;
	static uint8_t got[1 << 20];
	int far[DRAINS_MAX + 1], other;
	struct duct *d = new_duct(&other);

	(void)state;
	l.now = 1000;
	drain_add(&l, 7, &d, false, 100);	/* nothing is left to say */
	assert_null(d);
	close(other);
	assert_int_equal(drain_count(&l, 7, false), 0);
	d = full_duct(&far[0]);
	drain_add(&l, 7, &d, false, 100);
	assert_null(d);
	d = full_duct(&far[1]);
	drain_add(&l, 8, &d, false, 200);
	assert_int_equal(drain_count(&l, 7, false), 1);
	assert_true(drain_next(&l) == 1100);
	turn(&l);
	assert_int_equal(l.ndrains[0], 2);
	/* One is read, the other waits until its time is over. */
	while (drain_count(&l, 8, false) != 0) {
		assert_true(recv(far[1], got, sizeof(got), 0) > 0);
		turn(&l);
	}
	assert_int_equal(drain_count(&l, 7, false), 1);
	l.now = 1099;
	turn(&l);
	assert_int_equal(drain_count(&l, 7, false), 1);
	l.now = 1100;
	turn(&l);
	assert_int_equal(l.ndrains[0], 0);
	assert_true(drain_next(&l) == UINT64_MAX);
	close(far[0]);
	close(far[1]);
	assert_int_equal(last_freed, 0);
	/* Flows have places of their own. */
	d = full_duct(&far[0]);
	drain_add(&l, 9, &d, true, 100);
	d = full_duct(&far[1]);
	drain_add(&l, 9, &d, false, 100);
	assert_int_equal(drain_count(&l, 9, true), 1);
	assert_int_equal(drain_count(&l, 9, false), 1);
	close(far[0]);
	turn(&l);
	assert_int_equal(drain_count(&l, 9, true), 0);
	assert_int_equal(last_freed, 9);
	close(far[1]);
	turn(&l);
	assert_int_equal(drain_count(&l, 9, false), 0);
	/* One too many costs the oldest its place. */
	for (uint32_t i = 0; i <= DRAINS_MAX; i++) {
		d = full_duct(&far[i]);
		drain_add(&l, i, &d, false, 100);
		assert_int_equal(l.ndrains[0], i < DRAINS_MAX ? i + 1 : i);
	}
	assert_int_equal(drain_count(&l, 0, false), 0);
	assert_int_equal(drain_count(&l, DRAINS_MAX, false), 1);
	drain_free(&l);
	assert_int_equal(l.ndrains[0], 0);
	for (int i = 0; i <= DRAINS_MAX; i++)
		close(far[i]);
	free(l.pfd);
}

/* poll(2) that refuses the array: told once, and who can be served is. */
static void
test_poll_fails(void **state)
{
	static struct loop l;
	struct rlimit old, low;
	size_t a[40], ready;
	char text[512];
	int p[2], s[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0,
	    s), 0);
	log_open(s[1], LOG_INFO);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
	assert_int_equal(write(p[0], "x", 1), 1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = 20;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	l.now = 1000;
	for (int turns = 0; turns < 3; turns++) {
		l.npfd = 0;
		for (size_t i = 0; i < 40; i++)
			pollset_add(&l, p[0], POLLIN, &a[i]);
		pollset_wish(&l, p[1], POLLIN, &ready);
		pollset_wait(&l, -1);
		assert_int_equal(pollset_ready(&l, a[39]), 0);
		assert_int_equal(pollset_ready(&l, ready), POLLIN);
		assert_int_equal(pollset_ready(&l, SIZE_MAX), 0);
	}
	/* With nobody ready it does not spin, and comes back all the same. */
	assert_int_equal(read(p[1], text, 1), 1);
	l.now += 60000;
	pollset_wait(&l, -1);
	assert_int_equal(pollset_ready(&l, ready), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	for (int i = 0; i < 2; i++) {
		ssize_t n = recv(s[0], text, sizeof(text), 0);

		assert_true(n > 0);
		assert_non_null(memmem(text, (size_t)n, "poll-failed", 11));
	}
	assert_int_equal(recv(s[0], text, sizeof(text), 0), -1);
	log_open(-1, LOG_INFO);
	close(s[0]);
	close(s[1]);
	close(p[0]);
	close(p[1]);
	free(l.pfd);
}

static void
test_heap(void **state)
{
	enum { N = 500 };
	static struct client c[N];
	static struct loop l;
	unsigned seed = 7;

	(void)state;
	assert_true(heap_next(&l) == UINT64_MAX);
	for (int i = 0; i < N; i++) {
		c[i].due = (uint64_t)(i * 7919 % 1000);
		assert_true(heap_insert(&l, &c[i]));
	}
	for (int i = 0; i < 5000; i++) {
		uint64_t least = UINT64_MAX;

		seed = seed * 1103515245u + 12345u;
		heap_update(&l, &c[seed >> 16 & 255], seed >> 8 & 4095);
		for (int j = 0; j < N; j++)
			if (c[j].due < least)
				least = c[j].due;
		assert_true(heap_next(&l) == least);
	}
	while (l.nheap != 0) {
		uint64_t least = heap_next(&l);

		/* Take one out of the middle, too. */
		heap_remove(&l, l.heap[l.nheap / 2]);
		assert_true(heap_next(&l) >= least);
	}
	free(l.heap);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stderr),
		cmocka_unit_test(test_pipes),
		cmocka_unit_test(test_pipe_without_reader),
		cmocka_unit_test(test_pty),
		cmocka_unit_test(test_bad_carriers),
		cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_to_login),
		cmocka_unit_test(test_from_login),
		cmocka_unit_test(test_login_gone),
		cmocka_unit_test(test_finish),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_poll_fails),
		cmocka_unit_test(test_heap),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
