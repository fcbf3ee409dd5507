/* base/ipc, base/log and server/link: frames, descriptors, full sockets. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ipc.h"
#include "base/log.h"
#include "server/link.h"

static uint8_t buf[IPC_MAX_FRAME];

static int
open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

static void
test_frame(void **state)
{
	static uint8_t big[IPC_MAX_FRAME];
	struct ipc_msg m;
	int p[2];

	(void)state;
	assert_int_equal(ipc_pair(p, true), OK);
	assert_int_equal(ipc_recv(p[1], buf, sizeof(buf), &m), ERR_AGAIN);
	assert_int_equal(ipc_send(p[0], 9, 77, view_str("body"), NULL, 0), OK);
	assert_int_equal(ipc_recv(p[1], buf, sizeof(buf), &m), OK);
	assert_int_equal(m.type, 9);
	assert_int_equal(m.id, 77);
	assert_true(view_is(m.body, "body"));
	assert_int_equal(ipc_send(p[0], 9, 1,
	    view_of(big, IPC_MAX_FRAME - 5), NULL, 0), OK);
	assert_int_equal(ipc_recv(p[1], buf, sizeof(buf), &m), OK);
	assert_int_equal(m.body.n, IPC_MAX_FRAME - 5);
	assert_int_equal(ipc_send(p[0], 9, 1,
	    view_of(big, IPC_MAX_FRAME - 4), NULL, 0), ERR_LIMIT);
	close(p[0]);
	assert_int_equal(ipc_recv(p[1], buf, sizeof(buf), &m), ERR_CLOSED);
	assert_int_equal(ipc_send(p[1], 9, 1, view_str("x"), NULL, 0),
	    ERR_CLOSED);
	close(p[1]);
}

static void
test_short_frame(void **state)
{
	struct ipc_msg m;
	int p[2];

	(void)state;
	assert_int_equal(ipc_pair(p, true), OK);
	for (size_t n = 1; n < 5; n++) {
		assert_int_equal(send(p[0], "\1\2\3\4\5", n, 0), (int)n);
		assert_int_equal(ipc_recv(p[1], buf, sizeof(buf), &m),
		    ERR_PROTO);
	}
	/* A frame larger than the receiver's buffer is not half taken. */
	assert_int_equal(send(p[0], buf, 100, 0), 100);
	assert_int_equal(ipc_recv(p[1], buf, 50, &m), ERR_PROTO);
	close(p[0]);
	close(p[1]);
}

static void
test_descriptors(void **state)
{
	int before = open_fds(), p[2], fds[IPC_MAX_FDS], fd;
	struct ipc_msg m;

	(void)state;
	assert_int_equal(ipc_pair(p, true), OK);
	for (size_t i = 0; i < IPC_MAX_FDS; i++)
		fds[i] = p[0];
	assert_int_equal(ipc_send(p[0], 1, 2, view_str(""), fds, 2), OK);
	assert_int_equal(ipc_recv(p[1], buf, sizeof(buf), &m), OK);
	assert_int_equal(m.nfds, 2);
	fd = ipc_take_fd(&m, 1);
	assert_int_not_equal(fd, -1);
	assert_int_not_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	assert_int_equal(ipc_take_fd(&m, 1), -1);
	assert_int_equal(ipc_take_fd(&m, 2), -1);
	ipc_msg_close(&m);
	close(fd);
	assert_int_equal(ipc_send(p[0], 1, 2, view_str(""), fds,
	    IPC_MAX_FDS), OK);
	assert_int_equal(ipc_recv(p[1], buf, sizeof(buf), &m), OK);
	assert_int_equal(m.nfds, IPC_MAX_FDS);
	ipc_msg_close(&m);
	assert_int_equal(ipc_send(p[0], 1, 2, view_str(""), fds,
	    IPC_MAX_FDS + 1), ERR_LIMIT);
	close(p[0]);
	close(p[1]);
	assert_int_equal(open_fds(), before);
}

/* More descriptors than the receiver takes: refused, and none is kept. */
static void
test_too_many_descriptors(void **state)
{
	int before = open_fds(), p[2];
	union {
		struct cmsghdr align;
		uint8_t b[CMSG_SPACE(sizeof(int) * 40)];
	} ctl;
	struct iovec iov = { buf, 5 };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = ctl.b, .msg_controllen = sizeof(ctl.b) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	struct ipc_msg m;

	(void)state;
	assert_int_equal(ipc_pair(p, true), OK);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * 40);
	for (size_t i = 0; i < 40; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &p[0], sizeof(int));
	assert_int_equal(sendmsg(p[0], &h, 0), 5);
	assert_int_equal(ipc_recv(p[1], buf, sizeof(buf), &m), ERR_PROTO);
	close(p[0]);
	close(p[1]);
	assert_int_equal(open_fds(), before);
}

/* Descriptors for which this process has no room: the frame comes all the
 * same, and says so. */
static void
test_no_room_for_descriptors(void **state)
{
	int before = open_fds(), p[2], fds[3], none;
	struct rlimit old, low;
	struct ipc_msg m;

	(void)state;
	assert_int_equal(ipc_pair(p, true), OK);
	for (int i = 0; i < 3; i++)
		fds[i] = p[0];
	assert_int_equal(ipc_send(p[0], 1, 2, view_str("body"), fds, 3), OK);
	assert_true((none = dup(p[0])) != -1);	/* the lowest that is free */
	close(none);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = (rlim_t)none + 1;	/* one finds room, two do not */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(ipc_recv(p[1], buf, sizeof(buf), &m), OK);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_true(m.lost_fds);
	assert_int_equal(m.nfds, 0);
	assert_true(view_is(m.body, "body"));
	close(p[0]);
	close(p[1]);
	assert_int_equal(open_fds(), before);
}

/* A socket that nobody reads: frames wait in order, up to the limit. */
static void
test_link_queue(void **state)
{
	struct link l;
	struct ipc_msg m;
	int p[2], before = open_fds();
	uint32_t sent = 0, got = 0;
	enum err e;

	(void)state;
	assert_int_equal(ipc_pair(p, true), OK);
	link_open(&l, p[0]);
	while ((e = link_send(&l, 3, sent, view_str("wait"), &p[1],
	    sent == 5000 ? 1 : 0)) == OK)
		sent++;
	assert_int_equal(e, ERR_LIMIT);
	assert_true(sent > LINK_QUEUE_MAX);
	assert_int_not_equal(link_events(&l) & 4 /* POLLOUT */, 0);
	while (got < sent) {
		while ((e = ipc_recv(p[1], buf, sizeof(buf), &m)) == OK) {
			assert_int_equal(m.id, got++);
			assert_true(view_is(m.body, "wait"));
			ipc_msg_close(&m);
		}
		assert_int_equal(e, ERR_AGAIN);
		assert_int_equal(link_flush(&l), OK);
	}
	assert_int_equal(link_events(&l) & 4, 0);
	link_close(&l);
	assert_int_equal(link_send(&l, 1, 1, view_str(""), NULL, 0),
	    ERR_CLOSED);
	close(p[1]);
	assert_int_equal(open_fds(), before);
}

static void
test_log(void **state)
{
	struct log_rec rec;
	struct log_ev e;
	struct view key, val;
	uint64_t num;
	int p[2], kind;
	ssize_t n;
	uint32_t lost = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, p), 0);
	log_open(p[0], LOG_INFO);
	log_context(7, "acme", NULL);
	log_begin(&e, LOG_INFO, "transfer");
	log_num(&e, "bytes", 1u << 31);
	log_view(&e, "path", view_of("a\0\nb", 4));
	log_send(&e);
	log_msg(LOG_DEBUG, "quiet", "below the level");
	n = recv(p[1], buf, sizeof(buf), MSG_DONTWAIT);
	assert_true(n > 0);
	assert_true(log_parse(view_of(buf, (size_t)n), &rec));
	assert_true(view_is(rec.event, "transfer"));
	assert_true(log_next(&rec, &key, &kind, &val, &num));
	assert_true(view_is(key, "conn") && num == 7);
	assert_true(log_next(&rec, &key, &kind, &val, &num));
	assert_true(view_is(key, "user") && view_is(val, "acme"));
	assert_true(log_next(&rec, &key, &kind, &val, &num));
	assert_true(view_is(key, "bytes") && num == 1u << 31);
	assert_true(log_next(&rec, &key, &kind, &val, &num));
	assert_true(view_eq(val, view_of("a\0\nb", 4)));
	assert_false(log_next(&rec, &key, &kind, &val, &num));
	assert_int_equal(recv(p[1], buf, sizeof(buf), MSG_DONTWAIT), -1);
	/* Nobody reads: nothing blocks, and the next one says how many. */
	for (int i = 0; i < 3000; i++)
		log_msg(LOG_INFO, "flood", "%d", i);
	while (recv(p[1], buf, sizeof(buf), MSG_DONTWAIT) > 0)
		continue;
	log_msg(LOG_INFO, "after", "x");
	n = recv(p[1], buf, sizeof(buf), MSG_DONTWAIT);
	assert_true(log_parse(view_of(buf, (size_t)n), &rec));
	lost = rec.dropped;
	assert_true(lost > 0 && lost < 3000);
	for (size_t k = 0; k < (size_t)n; k++) {
		bool whole = log_parse(view_of(buf, k), &rec);

		while (whole && log_next(&rec, &key, &kind, &val, &num))
			continue;
	}
	log_open(-1, LOG_INFO);
	close(p[0]);
	close(p[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frame),
		cmocka_unit_test(test_short_frame),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_too_many_descriptors),
		cmocka_unit_test(test_no_room_for_descriptors),
		cmocka_unit_test(test_link_queue),
		cmocka_unit_test(test_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
