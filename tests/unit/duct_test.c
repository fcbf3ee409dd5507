/* server/duct, server/drain, server/pollset and server/heap. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/daemon.h"

static void
test_to_login(void **state)
{
	static uint8_t chunk[32768], got[65536];
	struct duct *d;
	size_t put = 0, seen = 0;
	int far;

	(void)state;
	d = duct_new(&far);
	assert_non_null(d);
	/* It takes a whole window without a reader, and not much more. */
	while (duct_put(d, view_of(chunk, sizeof(chunk)))) {
		put += sizeof(chunk);
		assert_int_equal(duct_ready(d, POLLOUT), OK);
		assert_true(put < 8u << 20);
	}
	assert_true(put >= SSH_CHANNEL_WINDOW);
	assert_int_not_equal(duct_events(d, false) & POLLOUT, 0);
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
	d = duct_new(&far);
	v = duct_peek(d, 100, &eof);
	assert_true(v.n == 0 && !eof);
	assert_int_equal(send(far, "abcdef", 6, 0), 6);
	v = duct_peek(d, 4, &eof);
	assert_true(view_is(v, "abcd"));
	duct_consume(d, 3);
	v = duct_peek(d, 100, &eof);
	assert_true(view_is(v, "d"));
	duct_consume(d, 1);
	v = duct_peek(d, 100, &eof);
	assert_true(view_is(v, "ef") && !eof);
	duct_consume(d, 2);
	assert_int_equal(duct_events(d, true), POLLIN);
	assert_int_equal(duct_events(d, false), 0);
	close(far);
	v = duct_peek(d, 0, &eof);
	assert_false(eof);
	v = duct_peek(d, 100, &eof);
	assert_true(v.n == 0 && eof);
	assert_int_equal(duct_events(d, true), 0);
	duct_free(&d);
}

static void
test_login_gone(void **state)
{
	struct duct *d;
	int far;

	(void)state;
	d = duct_new(&far);
	close(far);
	assert_true(duct_put(d, view_str("x")));
	assert_int_equal(duct_ready(d, POLLOUT), ERR_CLOSED);
	assert_false(duct_put(d, view_str("x")));
	/* Nothing is waited for any more: poll() must not be woken for it. */
	assert_int_equal(duct_events(d, false), 0);
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
	d = duct_new(&far);
	assert_int_equal(send(far, "answer", 6, 0), 6);
	assert_true(duct_put(d, view_str("few")));
	assert_false(duct_finish(d));	/* the socket has taken it all */
	assert_int_equal(recv(far, got, sizeof(got), 0), 3);
	assert_int_equal(recv(far, got, sizeof(got), 0), 0);
	assert_int_equal(send(far, "x", 1, MSG_NOSIGNAL), -1);
	duct_free(&d);
	close(far);
	d = duct_new(&far);
	while (duct_put(d, view_of(chunk, sizeof(chunk)))) {
		put += sizeof(chunk);
		assert_int_equal(duct_ready(d, POLLOUT), OK);
	}
	assert_true(duct_finish(d));
	assert_int_equal(duct_events(d, false), POLLOUT);
	while ((n = recv(far, got, sizeof(got), 0)) > 0) {
		seen += (size_t)n;
		if (duct_finish(d))
			assert_true(seen < put);
	}
	assert_int_equal(n, 0);
	assert_int_equal(seen, put);
	duct_free(&d);
	close(far);
	d = duct_new(&far);
	while (duct_put(d, view_of(chunk, sizeof(chunk))))
		assert_int_equal(duct_ready(d, POLLOUT), OK);
	close(far);
	assert_false(duct_finish(d));	/* nobody is left to take it */
	duct_free(&d);
}

/* A duct that its login does not read, and that holds little. */
static struct duct *
full_duct(int *far_out)
{
	static uint8_t chunk[65536];
	struct duct *d = duct_new(far_out);
	int size = 4096;

	assert_non_null(d);
	assert_int_equal(setsockopt(duct_fd(d), SOL_SOCKET, SO_SNDBUF, &size,
	    sizeof(size)), 0);
	assert_true(duct_put(d, view_of(chunk, sizeof(chunk))));
	assert_int_equal(duct_ready(d, POLLOUT), OK);
	assert_int_not_equal(duct_unsent(d), 0);
	return d;
}

static void
turn(struct loop *l)
{
	l->npfd = 0;
	drain_poll(l);
	poll(l->pfd, (nfds_t)l->npfd, 0);
	drain_ready(l);
}

static void
test_drain(void **state)
{
	static struct loop l;
	static uint8_t got[1 << 20];
	int far[DRAINS_MAX + 1], other;
	struct duct *d = duct_new(&other);

	(void)state;
	l.now = 1000;
	drain_add(&l, 7, &d, 100);	/* nothing is left to say */
	assert_null(d);
	close(other);
	assert_int_equal(drain_count(&l, 7), 0);
	d = full_duct(&far[0]);
	drain_add(&l, 7, &d, 100);
	assert_null(d);
	d = full_duct(&far[1]);
	drain_add(&l, 8, &d, 200);
	assert_int_equal(drain_count(&l, 7), 1);
	assert_true(drain_next(&l) == 1100);
	turn(&l);
	assert_int_equal(l.ndrains, 2);
	/* One is read, the other waits until its time is over. */
	while (drain_count(&l, 8) != 0) {
		assert_true(recv(far[1], got, sizeof(got), 0) > 0);
		turn(&l);
	}
	assert_int_equal(drain_count(&l, 7), 1);
	l.now = 1099;
	turn(&l);
	assert_int_equal(drain_count(&l, 7), 1);
	l.now = 1100;
	turn(&l);
	assert_int_equal(l.ndrains, 0);
	assert_true(drain_next(&l) == UINT64_MAX);
	close(far[0]);
	close(far[1]);
	/* One too many costs the oldest its place. */
	for (uint32_t i = 0; i <= DRAINS_MAX; i++) {
		d = full_duct(&far[i]);
		drain_add(&l, i, &d, 100);
		assert_int_equal(l.ndrains, i < DRAINS_MAX ? i + 1 : i);
	}
	assert_int_equal(drain_count(&l, 0), 0);
	assert_int_equal(drain_count(&l, DRAINS_MAX), 1);
	drain_free(&l);
	assert_int_equal(l.ndrains, 0);
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
		cmocka_unit_test(test_to_login),
		cmocka_unit_test(test_from_login),
		cmocka_unit_test(test_login_gone),
		cmocka_unit_test(test_finish),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_poll_fails),
		cmocka_unit_test(test_heap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
