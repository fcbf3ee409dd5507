/* A session's forwarded connections, with a server and a warden that only
 * remember what they are told. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "chroot/flows.h"

#define SAID_MAX 300

struct said {
	uint8_t type;
	uint32_t id;
	uint8_t body[2048];
	size_t n;
	int fd;
};

struct rig {
	struct policy policy;
	struct flows_start start;
	struct flows *f;
	struct said server[SAID_MAX], warden[SAID_MAX];
	size_t nserver, nwarden, taken, asked;
	bool warden_gone;
	uint64_t now;		/* ms; of the clock that stands still */
	int listener;		/* somebody to connect with */
	uint16_t port;
	char dir[64];
};

static void
remember(struct said *s, uint8_t type, uint32_t id, const struct wr *body,
    int fd)
{
	struct view v = wr_view(body);

	assert_false(body->bad);
	assert_true(v.n <= sizeof(s->body));
	*s = (struct said){ .type = type, .id = id, .n = v.n, .fd = -1 };
	if (v.n != 0)
		memcpy(s->body, v.p, v.n);
	if (fd != -1) {
		/* it must not block whoever serves everybody */
		assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
		s->fd = dup(fd);
	}
}

static void
to_server(void *ctx, uint8_t type, uint32_t id, const struct wr *body, int fd)
{
	struct rig *r = ctx;

	assert_true(r->nserver < SAID_MAX);
	remember(&r->server[r->nserver++], type, id, body, fd);
}

static bool
to_warden(void *ctx, uint8_t type, const struct wr *body)
{
	struct rig *r = ctx;

	if (r->warden_gone)
		return false;
	assert_true(r->nwarden < SAID_MAX);
	remember(&r->warden[r->nwarden++], type, 0, body, -1);
	return true;
}

static int
listen_on(const char *addr, uint16_t *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t n = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in.sin_port = htons(*port);
	assert_int_equal(inet_pton(AF_INET, addr, &in.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &n), 0);
	*port = ntohs(in.sin_port);
	return fd;
}

static struct rig *
rig_new(uint32_t allow)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->policy.forward = policy_forward_builtin;
	r->start = (struct flows_start){
		.policy = &r->policy, .allow = allow, .rule = "f:1:2",
		.server = to_server, .warden = to_warden, .ctx = r,
	};
	r->listener = listen_on("127.0.0.1", &r->port);
	snprintf(r->dir, sizeof(r->dir), "/tmp/sallyport-flows.XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	return r;
}

static void
rig_go(struct rig *r)
{
	r->f = flows_new(&r->start);
	assert_non_null(r->f);
}

static void
rig_free(struct rig *r)
{
	flows_free(&r->f);
	assert_int_equal(r->taken, r->nserver);
	close(r->listener);
	rmdir(r->dir);
	free(r);
}

static unsigned
count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/* ---- talking ---- */

static enum err
send_msg(struct rig *r, uint8_t type, uint32_t id, const struct wr *w)
{
	const struct ipc_msg m = { .type = type, .id = id,
	    .body = wr_view(w) };

	assert_false(w->bad);
	return flows_message(r->f, &m);
}

static void
connect_to(struct rig *r, uint32_t id, uint8_t kind, const char *host,
    uint32_t port)
{
	const struct msg_flow m = { .kind = kind, .host = view_str(host),
	    .port = port, .src = view_str("192.0.2.1"), .src_port = 5 };
	struct wr w = wr_new(4096);

	put_flow(&w, &m);
	assert_int_equal(send_msg(r, MSG_CONNECT, id, &w), OK);
	wr_free(&w);
}

/* Turns until the server has been told something more. */
static struct said *
next(struct rig *r)
{
	struct pollfd p = { .fd = flows_fd(r->f), .events = POLLIN };

	while (r->taken == r->nserver) {
		assert_int_equal(poll(&p, 1, 20000), 1);
		flows_ready(r->f);
	}
	return &r->server[r->taken++];
}

static void
quiet(struct rig *r)
{
	struct pollfd p = { .fd = flows_fd(r->f), .events = POLLIN };

	while (poll(&p, 1, 0) == 1)
		flows_ready(r->f);
	assert_int_equal(r->taken, r->nserver);
}

/* The next thing said is that channel id is connected; closes it. */
static void
connected(struct rig *r, uint32_t id)
{
	struct said *s = next(r);
	struct msg_opened m;

	assert_int_equal(s->type, MSG_OPENED);
	assert_int_equal(s->id, id);
	assert_true(get_opened(view_of(s->body, s->n), &m));
	assert_int_equal(m.carrier, CARRIER_SOCKET);
	assert_true(s->fd != -1);
	assert_int_equal(send(s->fd, "x", 1, MSG_NOSIGNAL), 1);
	close(s->fd);
}

static void
refused(struct rig *r, uint32_t id, enum msg_no_way why)
{
	struct said *s = next(r);
	struct msg_unconnected m;

	assert_int_equal(s->type, MSG_UNCONNECTED);
	assert_int_equal(s->id, id);
	assert_true(get_unconnected(view_of(s->body, s->n), &m));
	assert_int_equal(m.why, why);
}

/* The warden has been asked for this name; its number. */
static uint32_t
looked_up(struct rig *r, const char *name)
{
	struct msg_lookup m;

	assert_true(r->asked < r->nwarden);
	assert_int_equal(r->warden[r->asked].type, MSG_LOOKUP);
	assert_true(get_lookup(view_of(r->warden[r->asked].body,
	    r->warden[r->asked].n), &m));
	assert_true(view_is(m.name, name));
	r->asked++;
	return m.number;
}

static void
found(struct rig *r, uint32_t number, uint8_t status, const char *a,
    const char *b)
{
	struct msg_found m = { .number = number, .status = status };
	struct wr w = wr_new(4096);

	if (a != NULL)
		assert_true(forward_literal(view_str(a), &m.addr[m.n++]));
	if (b != NULL)
		assert_true(forward_literal(view_str(b), &m.addr[m.n++]));
	put_found(&w, &m);
	assert_true(flows_found(r->f, wr_view(&w)));
	wr_free(&w);
}

/* ---- connections that are wanted ---- */

static struct view list[4];

static struct view_list
texts(const char *a, const char *b)
{
	list[0] = view_str(a);
	list[1] = view_str(b);
	return (struct view_list){ list, b != NULL ? 2 : 1 };
}

static void
addresses(void **state)
{
	unsigned fds = count_fds();
	struct rig *r = rig_new(ALLOW_LOCAL_FORWARD);

	(void)state;
	rig_go(r);
	connect_to(r, 1, FLOW_TCP, "127.0.0.1", r->port);
	connected(r, 1);
	connect_to(r, 2, FLOW_TCP, "localhost", r->port);
	connected(r, 2);
	connect_to(r, 3, FLOW_TCP, "LOCALHOST.", r->port);
	connected(r, 3);
	/* this host, by addresses that are none */
	connect_to(r, 4, FLOW_TCP, "0.0.0.0", r->port);
	connected(r, 4);
	connect_to(r, 5, FLOW_TCP, "::ffff:127.0.0.1", r->port);
	connected(r, 5);
	connect_to(r, 6, FLOW_TCP, "127.0.0.77", r->port);
	refused(r, 6, NO_WAY_REFUSED);
	connect_to(r, 7, FLOW_TCP, "127.1", r->port);
	refused(r, 7, NO_WAY_NAME);
	connect_to(r, 8, FLOW_TCP, "", r->port);
	refused(r, 8, NO_WAY_NAME);
	quiet(r);
	assert_int_equal(r->nwarden, 0);
	rig_free(r);
	assert_int_equal(count_fds(), fds);
}

static void
rules(void **state)
{
	struct rig *r = rig_new(ALLOW_LOCAL_FORWARD);
	char rule[64];

	(void)state;
	snprintf(rule, sizeof(rule), "127.0.0.0/8:%u", r->port);
	r->policy.forward.open = texts(rule, "db:*");
	rig_go(r);
	connect_to(r, 1, FLOW_TCP, "127.0.0.1", r->port);
	connected(r, 1);
	connect_to(r, 2, FLOW_TCP, "127.0.0.1", r->port == 1 ? 2 : 1);
	refused(r, 2, NO_WAY_PROHIBITED);
	connect_to(r, 3, FLOW_TCP, "192.0.2.1", r->port);
	refused(r, 3, NO_WAY_PROHIBITED);
	/* of localhost's two addresses one is permitted */
	connect_to(r, 4, FLOW_TCP, "localhost", r->port);
	connected(r, 4);
	/* a port that no network has: the name is not even looked up */
	connect_to(r, 5, FLOW_TCP, "secret", r->port == 1 ? 2 : 1);
	refused(r, 5, NO_WAY_PROHIBITED);
	assert_int_equal(r->nwarden, 0);
	/* whether there is such a name is not told to who may not go there */
	connect_to(r, 6, FLOW_TCP, "secret", r->port);
	found(r, looked_up(r, "secret"), FOUND_NONE, NULL, NULL);
	refused(r, 6, NO_WAY_PROHIBITED);
	connect_to(r, 7, FLOW_TCP, "secret", r->port);
	found(r, looked_up(r, "secret"), FOUND_SOME, "192.0.2.1", NULL);
	refused(r, 7, NO_WAY_PROHIBITED);
	connect_to(r, 8, FLOW_TCP, "secret", r->port);
	found(r, looked_up(r, "secret"), FOUND_SOME, "192.0.2.1",
	    "127.0.0.1");
	connected(r, 8);
	/* but to who may */
	connect_to(r, 9, FLOW_TCP, "db", r->port);
	found(r, looked_up(r, "db"), FOUND_NONE, NULL, NULL);
	refused(r, 9, NO_WAY_NAME);
	connect_to(r, 10, FLOW_TCP, "db", r->port);
	found(r, looked_up(r, "db"), FOUND_LATE, NULL, NULL);
	refused(r, 10, NO_WAY_TIMEOUT);
	connect_to(r, 11, FLOW_TCP, "db", r->port);
	found(r, looked_up(r, "db"), FOUND_BUSY, NULL, NULL);
	refused(r, 11, NO_WAY_BUSY);
	rig_free(r);
}

/* What an address is, counts, not what the name says. */
static void
denials(void **state)
{
	struct rig *r = rig_new(ALLOW_LOCAL_FORWARD);

	(void)state;
	r->policy.forward.open = texts("*:*", "!127.0.0.0/8:*");
	rig_go(r);
	connect_to(r, 1, FLOW_TCP, "127.0.0.1", r->port);
	refused(r, 1, NO_WAY_PROHIBITED);
	connect_to(r, 2, FLOW_TCP, "::ffff:127.0.0.1", r->port);
	refused(r, 2, NO_WAY_PROHIBITED);
	connect_to(r, 3, FLOW_TCP, "0.0.0.0", r->port);
	refused(r, 3, NO_WAY_PROHIBITED);
	connect_to(r, 4, FLOW_TCP, "rebound.example.org", r->port);
	found(r, looked_up(r, "rebound.example.org"), FOUND_SOME,
	    "127.0.0.1", "0.0.0.0");
	refused(r, 4, NO_WAY_PROHIBITED);
	rig_free(r);
}

static void
key_permits(void **state)
{
	struct rig *r = rig_new(ALLOW_LOCAL_FORWARD);
	static char rule[64];
	static struct view key[1];

	(void)state;
	snprintf(rule, sizeof(rule), "127.0.0.1:%u", r->port);
	key[0] = view_str(rule);
	r->start.permit_open = (struct view_list){ key, 1 };
	rig_go(r);
	connect_to(r, 1, FLOW_TCP, "127.0.0.1", r->port);
	connected(r, 1);
	connect_to(r, 2, FLOW_TCP, "127.0.0.2", r->port);
	refused(r, 2, NO_WAY_PROHIBITED);
	connect_to(r, 3, FLOW_UNIX, "/tmp/x", 0);
	refused(r, 3, NO_WAY_PROHIBITED);
	rig_free(r);
	/* the key does not widen what the policy permits */
	r = rig_new(ALLOW_LOCAL_FORWARD);
	r->policy.forward.open.n = 0;
	key[0] = view_str("*:*");
	r->start.permit_open = (struct view_list){ key, 1 };
	rig_go(r);
	connect_to(r, 1, FLOW_TCP, "127.0.0.1", r->port);
	refused(r, 1, NO_WAY_PROHIBITED);
	rig_free(r);
}

static void
without_the_right(void **state)
{
	struct rig *r = rig_new(ALLOW_SFTP | ALLOW_REMOTE_FORWARD);

	(void)state;
	rig_go(r);
	connect_to(r, 1, FLOW_TCP, "127.0.0.1", r->port);
	refused(r, 1, NO_WAY_PROHIBITED);
	connect_to(r, 2, FLOW_TCP, "name", r->port);
	refused(r, 2, NO_WAY_PROHIBITED);
	connect_to(r, 3, FLOW_UNIX, "/tmp/x", 0);
	refused(r, 3, NO_WAY_PROHIBITED);
	assert_int_equal(r->nwarden, 0);
	rig_free(r);
}

/* Addresses are tried in their order. */
static void
second_address(void **state)
{
	struct rig *r = rig_new(ALLOW_LOCAL_FORWARD);

	(void)state;
	rig_go(r);
	connect_to(r, 1, FLOW_TCP, "two.example.org", r->port);
	found(r, looked_up(r, "two.example.org"), FOUND_SOME, "127.0.0.77",
	    "127.0.0.1");
	connected(r, 1);
	connect_to(r, 2, FLOW_TCP, "two.example.org", r->port);
	found(r, looked_up(r, "two.example.org"), FOUND_SOME, "127.0.0.77",
	    "127.0.0.78");
	refused(r, 2, NO_WAY_REFUSED);
	rig_free(r);
}

static void
lookups_wait(void **state)
{
	struct rig *r = rig_new(ALLOW_LOCAL_FORWARD);
	uint32_t number[FLOWS_LOOKUPS];

	(void)state;
	rig_go(r);
	for (uint32_t i = 0; i < FLOWS_LOOKUPS + 2; i++)
		connect_to(r, i, FLOW_TCP, "n", r->port);
	assert_int_equal(r->nwarden, FLOWS_LOOKUPS);
	for (int i = 0; i < FLOWS_LOOKUPS; i++)
		number[i] = looked_up(r, "n");
	/* an answer to nothing, and the same one twice */
	found(r, 4711, FOUND_SOME, "127.0.0.1", NULL);
	found(r, number[1], FOUND_SOME, "127.0.0.1", NULL);
	connected(r, 1);
	found(r, number[1], FOUND_SOME, "127.0.0.1", NULL);
	quiet(r);
	assert_int_equal(r->nwarden, FLOWS_LOOKUPS + 1);
	looked_up(r, "n");
	/* who has gone makes room */
	flows_closed(r->f, 0);
	looked_up(r, "n");
	found(r, number[0], FOUND_SOME, "127.0.0.1", NULL);
	quiet(r);
	/* a warden that has gone */
	flows_no_warden(r->f);
	for (int i = 0; i < FLOWS_LOOKUPS; i++)
		assert_int_equal(next(r)->type, MSG_UNCONNECTED);
	connect_to(r, 50, FLOW_TCP, "n", r->port);
	refused(r, 50, NO_WAY_FAILED);
	rig_free(r);
	r = rig_new(ALLOW_LOCAL_FORWARD);
	r->warden_gone = true;
	rig_go(r);
	connect_to(r, 1, FLOW_TCP, "n", r->port);
	refused(r, 1, NO_WAY_FAILED);
	rig_free(r);
}

static void
too_many(void **state)
{
	unsigned fds = count_fds();
	struct rig *r = rig_new(ALLOW_LOCAL_FORWARD);

	(void)state;
	rig_go(r);
	for (uint32_t i = 0; i < FLOWS_OPENING; i++)
		connect_to(r, i, FLOW_TCP, "n", r->port);
	quiet(r);
	connect_to(r, 1000, FLOW_TCP, "127.0.0.1", r->port);
	refused(r, 1000, NO_WAY_BUSY);
	for (uint32_t i = 0; i < FLOWS_OPENING; i++)
		flows_closed(r->f, i);
	connect_to(r, 1001, FLOW_TCP, "127.0.0.1", r->port);
	connected(r, 1001);
	/* closed before it was told */
	connect_to(r, 1002, FLOW_TCP, "127.0.0.1", r->port);
	flows_closed(r->f, 1002);
	quiet(r);
	rig_free(r);
	assert_int_equal(count_fds(), fds);
}

/* ---- time ---- */

static uint64_t
standing(void *ctx)
{
	return ((struct rig *)ctx)->now;
}

/* So much later, whatever is due is done. */
static void
later(struct rig *r, uint64_t ms)
{
	r->now += ms;
	flows_ready(r->f);
}

/* A port of this address whose queue is full: who calls is not answered. */
static int
silent(const char *addr, uint16_t *port, int fill[4])
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int fd = listen_on(addr, port);

	assert_int_equal(listen(fd, 0), 0);
	in.sin_port = htons(*port);
	inet_pton(AF_INET, addr, &in.sin_addr);
	for (int i = 0; i < 4; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fill[i], (struct sockaddr *)&in, sizeof(in));
	}
	return fd;
}

static void
no_answer(void **state)
{
	struct rig *r = rig_new(ALLOW_LOCAL_FORWARD);
	uint16_t port = 0;
	int fill[4], deaf = silent("127.0.0.1", &port, fill), good;

	(void)state;
	good = listen_on("127.0.0.2", &port);
	r->start.clock = standing;
	r->now = (uint64_t)1 << 50;	/* no real timer fires */
	rig_go(r);
	/* one address gets all the time there is */
	connect_to(r, 1, FLOW_TCP, "127.0.0.1", port);
	later(r, FLOWS_OPEN_MS - 1);
	quiet(r);
	later(r, 1);
	refused(r, 1, NO_WAY_TIMEOUT);
	/* of two, the second is tried by and by */
	connect_to(r, 2, FLOW_TCP, "two", port);
	found(r, looked_up(r, "two"), FOUND_SOME, "127.0.0.1", "127.0.0.2");
	later(r, FLOWS_ADDRESS_MS - 1);
	quiet(r);
	later(r, 1);
	connected(r, 2);
	/* a warden that does not answer */
	connect_to(r, 3, FLOW_TCP, "slow", port);
	later(r, FLOWS_OPEN_MS);
	refused(r, 3, NO_WAY_TIMEOUT);
	found(r, looked_up(r, "slow"), FOUND_SOME, "127.0.0.2", NULL);
	quiet(r);
	for (int i = 0; i < 4; i++)
		close(fill[i]);
	close(deaf);
	close(good);
	rig_free(r);
}

/* ---- sockets with paths ---- */

static void
path_in(const struct rig *r, const char *name, char out[108])
{
	snprintf(out, 108, "%s/%s", r->dir, name);
}

static int
listen_at(const char *path, int backlog)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static void
paths(void **state)
{
	struct rig *r = rig_new(ALLOW_LOCAL_FORWARD);
	char path[108], other[108], longest[200], pattern[120];
	int fd, busy, first;

	(void)state;
	path_in(r, "a.sock", path);
	path_in(r, "b", other);
	fd = listen_at(path, 5);
	snprintf(pattern, sizeof(pattern), "%s/*.sock", r->dir);
	r->policy.forward.unix_paths = texts(pattern, NULL);
	rig_go(r);
	connect_to(r, 1, FLOW_UNIX, path, 0);
	connected(r, 1);
	connect_to(r, 2, FLOW_UNIX, other, 0);
	refused(r, 2, NO_WAY_PROHIBITED);
	snprintf(longest, sizeof(longest), "%s/../%s/a.sock", r->dir,
	    r->dir + 5);
	connect_to(r, 3, FLOW_UNIX, longest, 0);
	refused(r, 3, NO_WAY_FAILED);
	memset(longest, 'a', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	connect_to(r, 4, FLOW_UNIX, longest, 0);
	refused(r, 4, NO_WAY_FAILED);
	connect_to(r, 5, FLOW_UNIX, "a.sock", 0);
	refused(r, 5, NO_WAY_FAILED);
	close(fd);
	connect_to(r, 6, FLOW_UNIX, path, 0);
	refused(r, 6, NO_WAY_REFUSED);
	unlink(path);
	connect_to(r, 7, FLOW_UNIX, path, 0);
	refused(r, 7, NO_WAY_FAILED);
	/* a queue that is full is waited for */
	busy = listen_at(path, 0);
	connect_to(r, 8, FLOW_UNIX, path, 0);
	connected(r, 8);
	connect_to(r, 9, FLOW_UNIX, path, 0);
	quiet(r);
	first = accept(busy, NULL, NULL);
	assert_true(first != -1);
	connected(r, 9);
	close(first);
	close(busy);
	unlink(path);
	rig_free(r);
}

/* ---- sockets that listen ---- */

static struct msg_listening
listen_msg(struct rig *r, uint8_t type, uint8_t kind, const char *host,
    uint32_t port)
{
	const struct msg_socket m = { .kind = kind, .host = view_str(host),
	    .port = port };
	struct msg_listening out;
	struct wr w = wr_new(4096);
	struct said *s;

	put_socket(&w, &m);
	assert_int_equal(send_msg(r, type, 77, &w), OK);
	wr_free(&w);
	s = next(r);
	assert_int_equal(s->type, MSG_LISTENING);
	assert_int_equal(s->id, 77);
	assert_true(get_listening(view_of(s->body, s->n), &out));
	return out;
}

static uint16_t
listens(struct rig *r, const char *host, uint32_t port)
{
	struct msg_listening m = listen_msg(r, MSG_LISTEN, FLOW_TCP, host,
	    port);

	if (!m.done)
		fail_msg("no socket on %s", host);
	if (port != 0)
		assert_int_equal(m.port, port);
	return (uint16_t)m.port;
}

static void
listens_not(struct rig *r, const char *host, uint32_t port)
{
	assert_false(listen_msg(r, MSG_LISTEN, FLOW_TCP, host, port).done);
}

static bool
cancel(struct rig *r, uint8_t kind, const char *host, uint32_t port)
{
	return listen_msg(r, MSG_UNLISTEN, kind, host, port).done;
}

static void
credit(struct rig *r, uint32_t n)
{
	const struct msg_credit m = { n };
	struct wr w = wr_new(64);

	put_credit(&w, &m);
	assert_int_equal(send_msg(r, MSG_CREDIT, 0, &w), OK);
	wr_free(&w);
}

/* A client of ours; -1: refused. */
static int
call(const char *addr, uint16_t port)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;
	struct sockaddr_in *in = (struct sockaddr_in *)&ss;
	socklen_t n = sizeof(*in);
	int fd;

	ss.ss_family = strchr(addr, ':') != NULL ? AF_INET6 : AF_INET;
	if (ss.ss_family == AF_INET6) {
		n = sizeof(*in6);
		in6->sin6_port = htons(port);
		inet_pton(AF_INET6, addr, &in6->sin6_addr);
	} else {
		in->sin_port = htons(port);
		inet_pton(AF_INET, addr, &in->sin_addr);
	}
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd != -1 && connect(fd, (struct sockaddr *)&ss, n) == 0)
		return fd;
	if (fd != -1)
		close(fd);
	return -1;
}

static bool
have_ipv6(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6 };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool ok;

	a.sin6_addr = in6addr_loopback;
	ok = fd != -1 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
	if (fd != -1)
		close(fd);
	return ok;
}

static struct msg_flow
incoming(struct rig *r)
{
	struct said *s = next(r);
	struct msg_flow m;

	assert_int_equal(s->type, MSG_INCOMING);
	assert_true(get_flow(view_of(s->body, s->n), &m));
	assert_true(s->fd != -1);
	close(s->fd);
	return m;
}

static void
ports(void **state)
{
	unsigned fds = count_fds();
	struct rig *r = rig_new(ALLOW_REMOTE_FORWARD);
	struct msg_flow m;
	uint16_t port, again;
	int fd;

	(void)state;
	rig_go(r);
	credit(r, 8);
	port = listens(r, "localhost", 0);
	assert_true(port != 0);
	fd = call("127.0.0.1", port);
	assert_true(fd != -1);
	m = incoming(r);
	assert_int_equal(m.kind, FLOW_TCP);
	assert_true(view_is(m.host, "localhost"));
	assert_int_equal(m.port, port);
	assert_true(view_is(m.src, "127.0.0.1"));
	assert_true(m.src_port != 0);
	close(fd);
	if (have_ipv6()) {
		fd = call("::1", port);
		assert_true(fd != -1);
		m = incoming(r);
		assert_true(view_is(m.src, "::1"));
		close(fd);
	}
	/* one of its own, and one that is taken */
	again = listens(r, "127.0.0.1", 0);
	assert_true(again != port);
	listens_not(r, "127.0.0.1", port);
	assert_false(cancel(r, FLOW_TCP, "127.0.0.1", port));
	assert_false(cancel(r, FLOW_TCP, "localhost", again));
	assert_false(cancel(r, FLOW_UNIX, "localhost", port));
	assert_true(cancel(r, FLOW_TCP, "localhost", port));
	assert_false(cancel(r, FLOW_TCP, "localhost", port));
	assert_int_equal(call("127.0.0.1", port), -1);
	/* the port is free again */
	assert_int_equal(listens(r, "127.0.0.1", port), port);
	flows_free(&r->f);
	assert_int_equal(call("127.0.0.1", port), -1);
	assert_int_equal(call("127.0.0.1", again), -1);
	rig_free(r);
	assert_int_equal(count_fds(), fds);
}

static void
places(void **state)
{
	struct rig *r = rig_new(ALLOW_REMOTE_FORWARD);
	uint16_t port;
	char rule[32];

	(void)state;
	rig_go(r);
	/* all addresses are narrowed to loopback, others are not */
	port = listens(r, "", 0);
	assert_int_equal(call("127.0.0.2", port), -1);
	listens(r, "*", 0);
	listens(r, "0.0.0.0", 0);
	listens_not(r, "192.0.2.1", 0);
	listens_not(r, "www.example.org", 0);
	listens_not(r, "127.1", 0);
	listens(r, "127.0.0.2", 0);
	rig_free(r);

	r = rig_new(ALLOW_REMOTE_FORWARD);
	r->policy.forward.listen = texts("0.0.0.0:*", NULL);
	rig_go(r);
	port = listens(r, "", 0);
	close(call("127.0.0.2", port));
	listens_not(r, "127.0.0.1", 0);
	rig_free(r);

	/* certain ports: not any that is free */
	r = rig_new(ALLOW_REMOTE_FORWARD);
	snprintf(rule, sizeof(rule), "localhost:%u", port);
	r->policy.forward.listen = texts(rule, NULL);
	rig_go(r);
	listens(r, "127.0.0.1", port);
	listens_not(r, "localhost", 0);
	listens_not(r, "localhost", port == 65535 ? 65534 : port + 1u);
	rig_free(r);

	r = rig_new(ALLOW_REMOTE_FORWARD);
	r->policy.forward.listen.n = 0;
	rig_go(r);
	listens_not(r, "localhost", 0);
	rig_free(r);

	r = rig_new(ALLOW_LOCAL_FORWARD);
	rig_go(r);
	listens_not(r, "localhost", 0);
	rig_free(r);

	/* the key's list; of a port alone, too */
	r = rig_new(ALLOW_REMOTE_FORWARD);
	snprintf(rule, sizeof(rule), "%u", port);
	r->start.permit_listen = texts(rule, NULL);
	rig_go(r);
	listens(r, "localhost", port);
	listens_not(r, "localhost", 0);
	assert_false(listen_msg(r, MSG_LISTEN, FLOW_UNIX, "/tmp/x", 0).done);
	rig_free(r);
}

/* Nothing is accepted that the server has no room for. */
static void
credits(void **state)
{
	struct rig *r = rig_new(ALLOW_REMOTE_FORWARD);
	uint16_t port;
	int fd[4];

	(void)state;
	rig_go(r);
	port = listens(r, "127.0.0.1", 0);
	for (int i = 0; i < 4; i++)
		assert_true((fd[i] = call("127.0.0.1", port)) != -1);
	quiet(r);
	credit(r, 1);
	incoming(r);
	quiet(r);
	credit(r, 2);
	incoming(r);
	incoming(r);
	quiet(r);
	credit(r, UINT32_MAX);
	credit(r, UINT32_MAX);
	incoming(r);
	quiet(r);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	rig_free(r);
}

static void
many_listeners(void **state)
{
	struct rig *r = rig_new(ALLOW_REMOTE_FORWARD);
	uint16_t port = 0;

	(void)state;
	rig_go(r);
	for (int i = 0; i < FLOWS_LISTENERS; i++)
		port = listens(r, "127.0.0.1", 0);
	listens_not(r, "127.0.0.1", 0);
	assert_true(cancel(r, FLOW_TCP, "127.0.0.1", port));
	listens(r, "127.0.0.1", 0);
	rig_free(r);
}

static bool
listen_path(struct rig *r, const char *path)
{
	return listen_msg(r, MSG_LISTEN, FLOW_UNIX, path, 0).done;
}

static bool
is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void
listening_paths(void **state)
{
	struct rig *r = rig_new(ALLOW_REMOTE_FORWARD);
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char path[108], file[108];
	struct stat st;
	struct msg_flow m;
	int fd;

	(void)state;
	rig_go(r);
	credit(r, 1);
	path_in(r, "s", path);
	path_in(r, "f", file);
	assert_true(listen_path(r, path));
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0600);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	m = incoming(r);
	assert_int_equal(m.kind, FLOW_UNIX);
	assert_true(view_is(m.host, path));
	assert_int_equal(m.src.n, 0);
	close(fd);
	/* one that is there stays there */
	assert_false(listen_path(r, path));
	assert_true(cancel(r, FLOW_UNIX, path, 0));
	assert_false(is_there(path));
	/* removed at the end; one that is not ours any more is not */
	assert_true(listen_path(r, path));
	assert_true(listen_path(r, file));
	assert_int_equal(unlink(file), 0);
	close(open(file, O_CREAT | O_WRONLY, 0600));
	flows_free(&r->f);
	assert_false(is_there(path));
	assert_true(is_there(file));
	/* replaced where the policy says so, if it is a socket */
	r->policy.forward.unix_unlink = true;
	r->policy.forward.unix_mask = 0117;
	rig_go(r);
	close(listen_at(path, 1));
	assert_true(listen_path(r, path));
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0660);
	assert_false(listen_path(r, file));
	assert_true(is_there(file));
	unlink(file);
	assert_false(listen_path(r, "relative"));
	assert_false(listen_path(r, "/nonexistent/s"));
	rig_free(r);
	/* elsewhere */
	r = rig_new(ALLOW_REMOTE_FORWARD);
	r->policy.forward.unix_paths = texts("/run/", NULL);
	rig_go(r);
	path_in(r, "s", path);
	assert_false(listen_path(r, path));
	assert_false(is_there(path));
	rig_free(r);
}

/* ---- what programs are lent ---- */

static bool
gift(struct rig *r, uint32_t channel, const struct msg_socket *m)
{
	struct msg_listening out;
	struct wr w = wr_new(4096);
	struct said *s;

	put_socket(&w, m);
	assert_int_equal(send_msg(r, MSG_LISTEN, channel, &w), OK);
	wr_free(&w);
	s = next(r);
	assert_int_equal(s->type, MSG_LISTENING);
	assert_int_equal(s->id, channel);
	assert_true(get_listening(view_of(s->body, s->n), &out));
	return out.done;
}

static void
agents(void **state)
{
	const struct msg_socket agent = { .kind = FLOW_AGENT };
	struct rig *r = rig_new(ALLOW_AGENT);
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct flows_env e;
	struct msg_flow m;
	char dir[108];
	struct stat st;
	int fd;

	(void)state;
	rig_go(r);
	flows_env(r->f, 1, &e);
	assert_null(e.agent);
	assert_true(gift(r, 1, &agent));
	assert_true(gift(r, 1, &agent));
	assert_true(gift(r, 2, &agent));
	flows_env(r->f, 3, &e);
	assert_null(e.agent);
	flows_env(r->f, 2, &e);
	assert_non_null(e.agent);
	assert_null(e.display);
	assert_int_equal(lstat(e.agent, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0600);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", e.agent);
	snprintf(dir, sizeof(dir), "%s", e.agent);
	*strrchr(dir, '/') = '\0';
	assert_int_equal(lstat(dir, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	quiet(r);
	credit(r, 1);
	m = incoming(r);
	assert_int_equal(m.kind, FLOW_AGENT);
	/* where it is made is nobody's business */
	assert_int_equal(m.host.n, 0);
	close(fd);
	/* it stays for the other channel, and nobody takes it back */
	flows_closed(r->f, 1);
	flows_env(r->f, 1, &e);
	assert_null(e.agent);
	assert_true(is_there(un.sun_path));
	assert_false(cancel(r, FLOW_AGENT, un.sun_path, 0));
	assert_false(cancel(r, FLOW_UNIX, un.sun_path, 0));
	flows_free(&r->f);
	assert_false(is_there(dir));
	rig_free(r);
	r = rig_new(ALLOW_X11 | ALLOW_REMOTE_FORWARD);
	rig_go(r);
	assert_false(gift(r, 1, &agent));
	rig_free(r);
}

static void
displays(void **state)
{
	struct msg_socket x = {
		.kind = FLOW_X11, .protocol = view_str("MIT-MAGIC-COOKIE-1"),
		.cookie = view_str("00fF"), .screen = 2,
	};
	struct rig *r = rig_new(ALLOW_X11);
	struct flows_env a, b;
	char file[200], dir[200];
	uint8_t bytes[512];
	struct msg_flow m;
	struct stat st;
	unsigned n, screen;
	ssize_t got;
	int fd;

	(void)state;
	r->policy.forward.x11_offset = 500;
	rig_go(r);
	credit(r, 8);
	assert_true(gift(r, 1, &x));
	assert_false(gift(r, 1, &x));
	x.single = true;
	assert_true(gift(r, 2, &x));
	flows_env(r->f, 1, &a);
	flows_env(r->f, 2, &b);
	assert_string_not_equal(a.display, b.display);
	assert_string_not_equal(a.xauthority, b.xauthority);
	assert_int_equal(sscanf(a.display, "localhost:%u.%u", &n, &screen),
	    2);
	assert_true(n >= 500);
	assert_int_equal(screen, 2);
	snprintf(file, sizeof(file), "%s", a.xauthority);
	snprintf(dir, sizeof(dir), "%s", file);
	*strrchr(dir, '/') = '\0';
	assert_int_equal(lstat(file, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	fd = open(file, O_RDONLY);
	got = read(fd, bytes, sizeof(bytes));
	close(fd);
	assert_true(got > 50);
	/* the last field is the data */
	assert_memory_equal(bytes + got - 4, "\0\2\0\xff", 4);
	fd = call("127.0.0.1", (uint16_t)(6000 + n));
	assert_true(fd != -1);
	m = incoming(r);
	close(fd);
	assert_int_equal(m.kind, FLOW_X11);
	assert_true(view_is(m.src, "127.0.0.1"));
	assert_int_equal(m.port, 0);
	assert_int_equal(call("127.0.0.2", (uint16_t)(6000 + n)), -1);
	/* gone with the channel */
	flows_closed(r->f, 1);
	assert_false(is_there(file));
	assert_int_equal(call("127.0.0.1", (uint16_t)(6000 + n)), -1);
	/* the other is for one connection */
	assert_int_equal(sscanf(b.display, "localhost:%u", &n), 1);
	fd = call("127.0.0.1", (uint16_t)(6000 + n));
	incoming(r);
	close(fd);
	assert_int_equal(call("127.0.0.1", (uint16_t)(6000 + n)), -1);
	flows_closed(r->f, 2);
	flows_free(&r->f);
	assert_false(is_there(dir));
	rig_free(r);
}

static void
bad_displays(void **state)
{
	const struct msg_socket bad[] = {
		{ .kind = FLOW_X11 },
		{ .kind = FLOW_X11, .protocol = view_str("MIT"),
		    .cookie = view_str("0") },
		{ .kind = FLOW_X11, .protocol = view_str("MIT"),
		    .cookie = view_str("zz") },
		{ .kind = FLOW_X11, .protocol = view_str("a b"),
		    .cookie = view_str("00") },
	};
	unsigned fds = count_fds();
	struct rig *r = rig_new(ALLOW_X11);

	(void)state;
	rig_go(r);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(gift(r, 1, &bad[i]));
	rig_free(r);
	assert_int_equal(count_fds(), fds);
	r = rig_new(ALLOW_AGENT);
	rig_go(r);
	assert_false(gift(r, 1, &(struct msg_socket){ .kind = FLOW_X11,
	    .protocol = view_str("MIT"), .cookie = view_str("00") }));
	rig_free(r);
}

/* ---- what is malformed ---- */

static void
malformed(void **state)
{
	static const uint8_t types[] = {
		MSG_CONNECT, MSG_LISTEN, MSG_UNLISTEN, MSG_CREDIT,
	};
	const struct msg_flow x11 = { .kind = FLOW_X11 };
	struct rig *r = rig_new(ALLOW_LOCAL_FORWARD | ALLOW_REMOTE_FORWARD);
	struct wr w = wr_new(4096);

	(void)state;
	rig_go(r);
	wr_u8(&w, 0);
	for (size_t i = 0; i < sizeof(types); i++) {
		struct ipc_msg m = { .type = types[i], .nfds = 1 };

		assert_int_equal(send_msg(r, types[i], 0, &w), ERR_PROTO);
		assert_int_equal(flows_message(r->f, &m), ERR_PROTO);
	}
	assert_int_equal(send_msg(r, MSG_OPEN, 0, &w), ERR_DENIED);
	assert_false(flows_found(r->f, wr_view(&w)));
	wr_reset(&w);
	put_flow(&w, &x11);
	assert_int_equal(send_msg(r, MSG_CONNECT, 0, &w), ERR_PROTO);
	wr_free(&w);
	rig_free(r);
	/* a policy that would not have been accepted */
	r = rig_new(ALLOW_LOCAL_FORWARD);
	r->policy.forward.open = texts("nonsense", NULL);
	assert_null(flows_new(&r->start));
	rig_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses), cmocka_unit_test(rules),
		cmocka_unit_test(denials), cmocka_unit_test(key_permits),
		cmocka_unit_test(without_the_right),
		cmocka_unit_test(second_address),
		cmocka_unit_test(lookups_wait), cmocka_unit_test(too_many),
		cmocka_unit_test(no_answer),
		cmocka_unit_test(paths), cmocka_unit_test(ports),
		cmocka_unit_test(places), cmocka_unit_test(credits),
		cmocka_unit_test(many_listeners),
		cmocka_unit_test(listening_paths),
		cmocka_unit_test(agents), cmocka_unit_test(displays),
		cmocka_unit_test(bad_displays),
		cmocka_unit_test(malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
