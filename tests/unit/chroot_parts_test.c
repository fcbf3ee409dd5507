/* Small parts of the warden: the queue of frames, the tokens of password
 * hashes, who is who in the log process, the listening sockets. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chroot/listeners.h"
#include "chroot/log_who.h"
#include "chroot/outq.h"
#include "chroot/tokens.h"

/* ---- outq ---- */

static void
queue_keeps_order(void **state)
{
	static uint8_t buf[IPC_MAX_FRAME], big[30000];
	struct ipc_msg m;
	struct outq q;
	uint32_t sent, got = 0;
	int p[2];

	(void)state;
	assert_int_equal(ipc_pair(p, true), OK);
	outq_open(&q, p[0]);
	for (sent = 0; sent < 200; sent++)
		assert_int_equal(outq_send(&q, 1, sent, view_of(big,
		    sizeof(big)), NULL, 0), OK);
	assert_true(q.n > 0);	/* the socket did not take them all */
	while (got < sent) {
		while (ipc_recv(p[1], buf, sizeof(buf), &m) == OK) {
			assert_int_equal(m.id, got++);
			assert_int_equal(m.body.n, sizeof(big));
		}
		assert_int_equal(outq_flush(&q), OK);
	}
	assert_int_equal(q.n, 0);
	assert_null(q.first);
	outq_close(&q);
	assert_int_equal(ipc_recv(p[1], buf, sizeof(buf), &m), ERR_CLOSED);
	close(p[1]);
}

/* A queued descriptor is the queue's own: the caller may close its. */
static void
queue_keeps_descriptors(void **state)
{
	static uint8_t buf[IPC_MAX_FRAME], big[60000];
	struct ipc_msg m;
	struct outq q;
	int p[2], fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	size_t n = 0;

	(void)state;
	assert_int_equal(ipc_pair(p, true), OK);
	outq_open(&q, p[0]);
	while (q.n == 0 && n++ < 1000)
		assert_int_equal(outq_send(&q, 1, 0, view_of(big,
		    sizeof(big)), NULL, 0), OK);
	assert_int_equal(outq_send(&q, 2, 0, view_str("x"), &fd, 1), OK);
	close(fd);
	for (m.type = 0; m.type != 2;) {
		assert_int_equal(ipc_recv(p[1], buf, sizeof(buf), &m), OK);
		assert_int_equal(outq_flush(&q), OK);
	}
	assert_int_equal(m.nfds, 1);
	assert_int_not_equal(fcntl(m.fds[0], F_GETFD), -1);
	ipc_msg_close(&m);
	outq_close(&q);
	close(p[1]);
}

static void
queue_is_bounded(void **state)
{
	static uint8_t big[IPC_MAX_FRAME + 1];
	enum err e = OK;
	struct outq q;
	int p[2];
	size_t n = 0;

	(void)state;
	assert_int_equal(ipc_pair(p, true), OK);
	outq_open(&q, p[0]);
	while (e == OK && n++ < 100000)
		e = outq_send(&q, 1, 0, view_of(NULL, 0), NULL, 0);
	assert_int_equal(e, ERR_LIMIT);
	assert_int_equal(q.n, OUTQ_MAX);
	outq_close(&q);
	assert_int_equal(outq_send(&q, 1, 0, view_of(NULL, 0), NULL, 0),
	    ERR_CLOSED);
	outq_open(&q, p[1]);
	assert_int_equal(outq_send(&q, 1, 0, view_of(NULL, 0), NULL, 0),
	    ERR_CLOSED);	/* the other end has gone */
	assert_int_equal(outq_send(&q, 1, 0, view_of(big, sizeof(big)), NULL,
	    0), ERR_LIMIT);
	outq_close(&q);
}

/* ---- tokens ---- */

/* A process that holds every token it can get until it is killed. */
static pid_t
holder(int fd, unsigned n, unsigned want)
{
	int p[2];
	pid_t pid;
	char c = 0;

	assert_int_equal(pipe(p), 0);
	if ((pid = fork()) == 0) {
		unsigned token;

		for (unsigned i = 0; i < want; i++)
			if (!tokens_take(fd, n, &token))
				_exit(1);
		_exit(write(p[1], "x", 1) != 1 || pause() != -1);
	}
	close(p[1]);
	assert_int_equal(read(p[0], &c, 1), 1);
	close(p[0]);
	return pid;
}

static void
end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void
tokens_are_counted(void **state)
{
	int fd = tokens_new();
	unsigned a = 9;
	pid_t one, two;

	(void)state;
	assert_int_not_equal(fd, -1);
	one = holder(fd, 2, 1);
	assert_true(tokens_take(fd, 2, &a));
	tokens_give(fd, a);
	two = holder(fd, 2, 1);
	assert_false(tokens_take(fd, 2, &a));
	/* the dead give back */
	end(one);
	assert_true(tokens_take(fd, 2, &a));
	tokens_give(fd, a);
	end(two);
	close(fd);
}

static void
no_tokens(void **state)
{
	int fd = tokens_new();
	unsigned a;

	(void)state;
	assert_false(tokens_take(fd, 0, &a));
	close(fd);
	assert_false(tokens_take(fd, 1, &a));
}

/* Who waits gets the token when its holder has gone, and waits for nobody
 * else's sake. */
static void
tokens_are_waited_for(void **state)
{
	int fd = tokens_new(), pair[2];
	pid_t one = holder(fd, 1, 1), killer;
	unsigned a = 9;

	(void)state;
	assert_int_equal(ipc_pair(pair, true), OK);
	if ((killer = fork()) == 0) {
		poll(NULL, 0, 50);
		_exit(kill(one, SIGKILL) != 0);
	}
	assert_true(tokens_wait(fd, 1, pair[0], &a));
	assert_int_equal(a, 0);
	tokens_give(fd, a);
	end(one);
	waitpid(killer, NULL, 0);
	close(pair[0]);
	close(pair[1]);
	one = holder(fd, 1, 1);		/* before the pair: it inherits */
	assert_int_equal(ipc_pair(pair, true), OK);
	close(pair[1]);
	assert_false(tokens_wait(fd, 1, pair[0], &a));
	end(one);
	close(pair[0]);
	close(fd);
}

static void
stepping_back(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	if ((pid = fork()) == 0) {
		setsid();
		tokens_step_back(true);
		if (getpriority(PRIO_PROCESS, 0) != 10)
			_exit(1);
		tokens_step_back(false);
		_exit(getpriority(PRIO_PROCESS, 0) == 0 ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- who is who ---- */

static bool
add(struct log_whos *t, int32_t pid, uint64_t conn, const char *user)
{
	const struct msg_log_who m = {
		.pid = pid, .conn = conn, .user = view_str(user),
		.src = view_str("192.0.2.1"),
	};

	return log_whos_add(t, &m);
}

static void
who_is_who(void **state)
{
	struct log_whos *t = log_whos_new();
	struct log_who w;

	(void)state;
	assert_false(log_whos_find(t, 5, &w));
	assert_true(add(t, 5, 50, "five"));
	assert_true(add(t, 5 + 4096, 60, "six"));	/* the same bucket */
	assert_true(log_whos_find(t, 5, &w));
	assert_true(w.conn == 50 && view_is(w.user, "five") &&
	    view_is(w.src, "192.0.2.1"));
	assert_true(log_whos_find(t, 5 + 4096, &w));
	assert_true(w.conn == 60 && view_is(w.user, "six"));
	assert_true(add(t, 5, 51, "again"));
	assert_true(log_whos_find(t, 5, &w));
	assert_true(w.conn == 51 && view_is(w.user, "again"));
	log_whos_free(&t);
	assert_null(t);
}

/* The dead are known until what they sent has been read. */
static void
the_dead(void **state)
{
	struct log_whos *t = log_whos_new();
	struct log_who w;

	(void)state;
	assert_true(add(t, 1, 1, "a") && add(t, 2, 2, "b") &&
	    add(t, 3, 3, "c"));
	log_whos_forget(t, 1);
	log_whos_forget(t, 2);
	log_whos_forget(t, 2);
	log_whos_forget(t, 99);
	assert_true(log_whos_find(t, 1, &w));
	/* the pid is used again before the purge: the new one lives */
	assert_true(add(t, 1, 11, "new"));
	log_whos_purge(t);
	assert_true(log_whos_find(t, 1, &w));
	assert_int_equal(w.conn, 11);
	assert_false(log_whos_find(t, 2, &w));
	assert_true(log_whos_find(t, 3, &w));
	log_whos_purge(t);
	log_whos_free(&t);
}

static void
who_is_bounded(void **state)
{
	struct log_whos *t = log_whos_new();

	(void)state;
	for (int32_t i = 1; i <= LOG_WHO_MAX; i++)
		assert_true(add(t, i, 1, ""));
	assert_false(add(t, LOG_WHO_MAX + 1, 1, ""));
	log_whos_forget(t, 1);
	log_whos_purge(t);
	assert_true(add(t, LOG_WHO_MAX + 1, 1, ""));
	log_whos_free(&t);
}

/* ---- listeners ---- */

static struct config_listen
loopback(uint16_t port)
{
	struct config_listen l = { .text = view_str("127.0.0.1:n") };
	struct sockaddr_in *a = (void *)&l.addr;

	a->sin_family = AF_INET;
	a->sin_port = htons(port);
	a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	l.len = sizeof(*a);
	return l;
}

/* A port that was free a moment ago. */
static uint16_t
free_port(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t n = sizeof(a);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	close(fd);
	return ntohs(a.sin_port);
}

static void
listeners_change(void **state)
{
	struct config_listen l[2] = {
		loopback(free_port()), loopback(free_port())
	};
	struct config_main m = { .listen = l, .nlisten = 2 };
	struct listeners a, b, c;
	char why[256];

	(void)state;
	assert_true(listeners_bind(&m, NULL, &a, why, sizeof(why)));
	assert_int_equal(a.n, 2);
	/* bound already: by somebody else it is refused ... */
	assert_false(listeners_bind(&m, NULL, &b, why, sizeof(why)));
	assert_non_null(strstr(why, "127.0.0.1:n"));
	assert_non_null(strstr(why, strerror(EADDRINUSE)));
	assert_int_equal(b.n, 0);
	/* ... by us it is taken over, and what is gone is closed */
	l[0] = l[1];
	m.nlisten = 1;
	assert_true(listeners_bind(&m, &a, &c, why, sizeof(why)));
	listeners_close(&a);
	assert_false(listeners_bind(&m, NULL, &b, why, sizeof(why)));
	listeners_close(&c);
	assert_true(listeners_bind(&m, NULL, &b, why, sizeof(why)));
	listeners_close(&b);
}

static struct config_listen
listen_at(const char *addr, uint16_t port)
{
	struct config_listen l = { .text = view_str(addr) };
	struct sockaddr_in6 *a6 = (void *)&l.addr;
	struct sockaddr_in *a4 = (void *)&l.addr;

	if (inet_pton(AF_INET, addr, &a4->sin_addr) == 1) {
		a4->sin_family = AF_INET;
		a4->sin_port = htons(port);
		l.len = sizeof(*a4);
	} else {
		assert_int_equal(inet_pton(AF_INET6, addr, &a6->sin6_addr), 1);
		a6->sin6_family = AF_INET6;
		a6->sin6_port = htons(port);
		l.len = sizeof(*a6);
	}
	return l;
}

/* Does somebody listen on 127.0.0.1? */
static bool
answers(uint16_t port)
{
	struct config_listen l = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = connect(fd, (const struct sockaddr *)&l.addr, l.len) == 0;

	close(fd);
	return ok;
}

/* From all addresses to one and back, on the same port: the old socket is in
 * the way, and another process has it open, too. */
static void
listeners_overlap(void **state)
{
	uint16_t port = free_port(), other = free_port();
	struct config_listen all = listen_at("0.0.0.0", port);
	struct config_listen one[3] = { listen_at("127.0.0.1", port),
		listen_at("127.0.0.2", port), listen_at("127.0.0.1", other) };
	struct config_listen both[2] = { one[0], all };
	struct config_main m = { .listen = &all, .nlisten = 1 };
	struct listeners a, b, taken;
	char why[256];
	int servers, on = 1;

	(void)state;
	assert_true(listeners_bind(&m, NULL, &a, why, sizeof(why)));
	servers = dup(a.l[0].fd);
	/* A set that cannot be had: all is as it was. */
	m.listen = &one[2];
	assert_true(listeners_bind(&m, NULL, &taken, why, sizeof(why)));
	m.listen = one;
	m.nlisten = 3;
	assert_false(listeners_bind(&m, &a, &b, why, sizeof(why)));
	assert_non_null(strstr(why, strerror(EADDRINUSE)));
	assert_null(strstr(why, "lost"));
	assert_int_equal(b.n, 0);
	assert_true(answers(port));
	assert_int_not_equal(accept(servers, NULL, NULL), -1);
	/* Both at once cannot be had either; nobody stops listening for it. */
	m.listen = both;
	m.nlisten = 2;
	assert_false(listeners_bind(&m, &a, &b, why, sizeof(why)));
	assert_true(answers(port));
	listeners_close(&taken);
	m.listen = one;
	m.nlisten = 3;
	assert_true(listeners_bind(&m, &a, &b, why, sizeof(why)));
	listeners_close(&a);
	assert_true(answers(port) && answers(other));
	close(servers);
	assert_true(answers(port));
	m.listen = &all;
	m.nlisten = 1;
	assert_true(listeners_bind(&m, &b, &a, why, sizeof(why)));
	listeners_close(&b);
	assert_true(answers(port) && !answers(other));
	listeners_close(&a);
	assert_false(answers(port));
	/* Another program's socket does not make way. */
	servers = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(setsockopt(servers, SOL_SOCKET, SO_REUSEADDR, &on,
	    sizeof(on)), 0);
	assert_int_equal(bind(servers, (const struct sockaddr *)&all.addr,
	    all.len), 0);
	assert_int_equal(listen(servers, 1), 0);
	m.listen = one;
	assert_false(listeners_bind(&m, NULL, &b, why, sizeof(why)));
	close(servers);
}

static void
too_many_listeners(void **state)
{
	struct config_listen l[LISTENERS_MAX + 1] = { { .len = 0 } };
	const struct config_main m = {
		.listen = l, .nlisten = LISTENERS_MAX + 1
	};
	struct listeners a;
	char why[256];

	(void)state;
	assert_false(listeners_bind(&m, NULL, &a, why, sizeof(why)));
	assert_int_equal(a.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queue_keeps_order),
		cmocka_unit_test(queue_keeps_descriptors),
		cmocka_unit_test(queue_is_bounded),
		cmocka_unit_test(tokens_are_counted),
		cmocka_unit_test(no_tokens),
		cmocka_unit_test(tokens_are_waited_for),
		cmocka_unit_test(stepping_back),
		cmocka_unit_test(who_is_who), cmocka_unit_test(the_dead),
		cmocka_unit_test(who_is_bounded),
		cmocka_unit_test(listeners_change),
		cmocka_unit_test(listeners_overlap),
		cmocka_unit_test(too_many_listeners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
