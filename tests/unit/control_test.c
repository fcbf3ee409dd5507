/* The control socket, what may be asked there, and how it is answered. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/control.h"
#include "chroot/control_requests.h"
#include "chroot/control_socket.h"

/* ---- bytes ---- */

#define READER(name) \
static bool \
read_##name(struct view b) \
{ \
	struct control_##name m; \
	return get_control_##name(b, &m); \
}
READER(clear)
READER(done)
READER(failed)

/* Every shorter and every longer body is refused. */
static void
exact(bool (*get)(struct view b), struct wr *w)
{
	struct view v = wr_view(w);

	for (size_t i = 0; i < v.n; i++)
		assert_false(get(view_of(v.p, i)));
	assert_true(get(v));
	wr_u8(w, 0);
	assert_false(get(wr_view(w)));
	wr_reset(w);
}

static void
bytes(void **state)
{
	struct control_clear c = { false, { { 4, { 10 } }, 8 } }, c2;
	struct control_done d = { 70000 }, d2;
	struct control_failed f = { view_str("why") }, f2;
	struct wr w = wr_new(1024);

	(void)state;
	put_control_clear(&w, &c);
	assert_true(get_control_clear(wr_view(&w), &c2));
	assert_false(c2.all);
	assert_memory_equal(&c.net, &c2.net, sizeof(c.net));
	exact(read_clear, &w);
	c.all = true;
	put_control_clear(&w, &c);
	assert_true(get_control_clear(wr_view(&w), &c2));
	assert_true(c2.all);
	exact(read_clear, &w);
	put_control_done(&w, &d);
	assert_true(get_control_done(wr_view(&w), &d2));
	assert_int_equal(d2.count, 70000);
	exact(read_done, &w);
	put_control_failed(&w, &f);
	assert_true(get_control_failed(wr_view(&w), &f2));
	assert_true(view_is(f2.why, "why"));
	exact(read_failed, &w);
	wr_free(&w);
}

/* ---- requests ---- */

struct fake {
	uint32_t entries;	/* that there are */
	unsigned cleared;
	struct net_range last;
	bool all;
};

static const struct penalty *
fake_next(void *ctx, uint32_t *at)
{
	static struct penalty e;
	const struct fake *f = ctx;

	if (*at >= f->entries)
		return NULL;
	e = (struct penalty){ .net = { { 4, { 10, (uint8_t)(*at >> 16),
	    (uint8_t)(*at >> 8), (uint8_t)*at } }, 32 },
	    .reason = PENALTY_NOAUTH, .barred = *at % 2 == 0,
	    .until = 1000 + *at };
	++*at;
	return &e;
}

static size_t
fake_clear(void *ctx, const struct net_range *r)
{
	struct fake *f = ctx;

	f->cleared++;
	f->all = r == NULL;
	if (r != NULL)
		f->last = *r;
	return 3;
}

static const struct control_acts acts = { fake_next, fake_clear };

static struct control_job
ask(struct control_requests *r, uint8_t type, struct view body, size_t nfds)
{
	struct ipc_msg m = { .type = type, .body = body, .nfds = nfds };
	struct control_job j;

	control_request(r, &m, &j);
	return j;
}

/* The next frame of an answer has this type. */
static void
answers(struct control_requests *r, struct control_job *j, uint8_t type,
    struct wr *body)
{
	uint8_t got = 0;

	wr_reset(body);
	assert_true(control_answer(r, j, &got, body));
	assert_int_equal(got, type);
	assert_false(body->bad);
}

static void
over(struct control_requests *r, struct control_job *j)
{
	struct wr body = wr_new(64);
	uint8_t type;

	assert_false(control_answer(r, j, &type, &body));
	assert_int_equal(wr_size(&body), 0);
}

static void
listed(void **state)
{
	static const uint32_t sizes[] = {
		0, 1, CONTROL_ENTRIES_MAX - 1, CONTROL_ENTRIES_MAX,
		CONTROL_ENTRIES_MAX + 1, 5 * CONTROL_ENTRIES_MAX + 7,
	};
	struct wr body = wr_new(CONTROL_FRAME_MAX);
	struct fake f = { 0 };
	struct control_requests r = { &acts, &f, 1001 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct control_entries m;
		struct control_done done;
		struct control_job j;
		struct penalty e;
		uint32_t n = 0;

		f.entries = sizes[i];
		j = ask(&r, CONTROL_PENALTIES, view_of(NULL, 0), 0);
		assert_string_equal(j.name, "penalties");
		assert_false(j.changes);
		for (uint32_t k = 0; k <= sizes[i] / CONTROL_ENTRIES_MAX;
		    k++) {
			answers(&r, &j, CONTROL_ENTRIES, &body);
			assert_true(get_control_entries(wr_view(&body), &m));
			while (control_entry_next(&m, &e)) {
				assert_int_equal(e.until, n > 1 ? n - 1 : 0);
				assert_int_equal(e.barred, n % 2 == 0);
				n++;
			}
		}
		answers(&r, &j, CONTROL_DONE, &body);
		assert_true(get_control_done(wr_view(&body), &done));
		assert_int_equal(done.count, sizes[i]);
		assert_int_equal(n, sizes[i]);
		over(&r, &j);
	}
	wr_free(&body);
}

static void
cleared(void **state)
{
	struct wr body = wr_new(1024), q = wr_new(64);
	struct fake f = { 0 };
	struct control_requests r = { &acts, &f, 0 };
	struct control_clear m = { .net = { { 4, { 10 } }, 8 } };
	struct control_done done;
	struct control_job j;

	(void)state;
	put_control_clear(&q, &m);
	j = ask(&r, CONTROL_CLEAR, wr_view(&q), 0);
	assert_string_equal(j.name, "penalties-clear");
	assert_true(j.changes);
	assert_int_equal(f.cleared, 1);
	assert_false(f.all);
	assert_memory_equal(&f.last, &m.net, sizeof(m.net));
	answers(&r, &j, CONTROL_DONE, &body);
	assert_true(get_control_done(wr_view(&body), &done));
	assert_int_equal(done.count, 3);
	over(&r, &j);
	wr_reset(&q);
	m.all = true;
	put_control_clear(&q, &m);
	j = ask(&r, CONTROL_CLEAR, wr_view(&q), 0);
	assert_int_equal(f.cleared, 2);
	assert_true(f.all);
	wr_free(&q);
	wr_free(&body);
}

/* Whatever is not a request is answered with words, and does nothing. */
static void
not_understood(void **state)
{
	struct wr body = wr_new(1024);
	struct fake f = { .entries = 1 };
	struct control_requests r = { &acts, &f, 0 };
	struct control_failed m;
	struct control_job j;

	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		j = ask(&r, (uint8_t)type, view_str("???"), 0);
		answers(&r, &j, CONTROL_FAILED, &body);
		assert_true(get_control_failed(wr_view(&body), &m));
		assert_true(m.why.n != 0);
		over(&r, &j);
	}
	/* descriptors */
	j = ask(&r, CONTROL_PENALTIES, view_of(NULL, 0), 1);
	answers(&r, &j, CONTROL_FAILED, &body);
	j = ask(&r, CONTROL_CLEAR, view_of("\1", 1), 1);
	answers(&r, &j, CONTROL_FAILED, &body);
	assert_int_equal(f.cleared, 0);
	wr_free(&body);
}

/* ---- the socket ---- */

static char base[64];

static int
setup(void **state)
{
	(void)state;
	snprintf(base, sizeof(base), "/tmp/sallyport-control.XXXXXX");
	return mkdtemp(base) == NULL;
}

static int
teardown(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", base);
	return system(cmd);
}

static const char *
below(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	return path;
}

static int
dial(const char *path, int type)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	strcpy(sun.sun_path, path);
	if (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	close(fd);
	return -1;
}

static struct control_socket
opened(const char *path)
{
	struct control_socket s;
	char why[512];

	if (!control_socket_open(&s, view_str(path), why, sizeof(why)))
		fail_msg("%s", why);
	assert_true(control_socket_is(&s, view_str(path)));
	return s;
}

static void
refused(const char *path, const char *words)
{
	struct control_socket s;
	char why[512] = "";

	assert_false(control_socket_open(&s, view_str(path), why,
	    sizeof(why)));
	if (strstr(why, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why, words);
	assert_int_equal(s.fd, -1);
	assert_null(s.path);
}

static void
served(void **state)
{
	struct control_socket s = opened(below("run/c"));
	struct stat st;
	uid_t uid = 12345;
	int fd, peer;

	(void)state;
	assert_int_equal(stat(below("run/c"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(below("run"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(control_socket_accept(&s, &uid), -1);
	fd = dial(below("run/c"), SOCK_SEQPACKET);
	assert_true(fd >= 0);
	peer = control_socket_accept(&s, &uid);
	assert_true(peer >= 0);
	assert_int_equal(uid, geteuid());
	assert_true((fcntl(peer, F_GETFL) & O_NONBLOCK) != 0);
	assert_true((fcntl(peer, F_GETFD) & FD_CLOEXEC) != 0);
	close(fd);
	close(peer);
	control_socket_close(&s);
	assert_int_equal(stat(below("run/c"), &st), -1);
	assert_int_equal(errno, ENOENT);
	control_socket_close(&s);
}

static void
none(void **state)
{
	struct control_socket s;
	char why[64];

	(void)state;
	assert_true(control_socket_open(&s, view_of(NULL, 0), why,
	    sizeof(why)));
	assert_int_equal(s.fd, -1);
	assert_true(control_socket_is(&s, view_of(NULL, 0)));
	assert_false(control_socket_is(&s, view_str("/x")));
	control_socket_close(&s);
}

/* One that a daemon left behind is replaced; one that answers is not, nor is
 * anything that is no socket. */
static void
stale(void **state)
{
	struct control_socket s = opened(below("run/c")), t;
	char copy[256];
	struct stat st;

	(void)state;
	refused(below("run/c"), "a daemon answers there");
	assert_true(control_socket_is(&s, view_str(below("run/c"))));
	close(s.fd);			/* as if it had been killed */
	s.fd = -1;
	assert_int_equal(dial(below("run/c"), SOCK_SEQPACKET), -1);
	t = opened(below("run/c"));
	assert_false(control_socket_is(&s, view_str(below("run/c"))));
	/* the old one's end does not take the new one away */
	control_socket_close(&s);
	assert_int_equal(stat(below("run/c"), &st), 0);
	control_socket_close(&t);

	strcpy(copy, below("run/file"));
	close(open(copy, O_CREAT | O_WRONLY, 0600));
	refused(copy, "is no socket; remove it");
	assert_int_equal(stat(copy, &st), 0);
	strcpy(copy, below("run/link"));
	assert_int_equal(symlink("nowhere", copy), 0);
	refused(copy, "is no socket; remove it");
	refused(below("no/such/c"), "needs a folder that is there");
}

/* Another program's socket, of another type, is left alone too. */
static void
foreign(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	strcpy(sun.sun_path, below("stream"));
	assert_int_equal(bind(fd, (const struct sockaddr *)&sun,
	    sizeof(sun)), 0);
	assert_int_equal(listen(fd, 1), 0);
	refused(below("stream"), "a daemon answers there");
	close(fd);
}

/* A daemon that is too busy to accept is there nevertheless. */
static void
busy(void **state)
{
	struct control_socket s = opened(below("run/c"));
	int fds[64];
	size_t n = 0;

	(void)state;
	while (n < 64 && (fds[n] = dial(below("run/c"), SOCK_SEQPACKET |
	    SOCK_NONBLOCK)) != -1)
		n++;
	assert_true(n < 64);
	refused(below("run/c"), "a daemon answers there");
	while (n != 0)
		close(fds[--n]);
	control_socket_close(&s);
}

static void
replaced(void **state)
{
	struct control_socket s = opened(below("run/c"));

	(void)state;
	assert_int_equal(unlink(below("run/c")), 0);
	assert_false(control_socket_is(&s, view_str(below("run/c"))));
	assert_false(control_socket_is(&s, view_str(below("run/d"))));
	assert_false(control_socket_is(&s, view_of(NULL, 0)));
	control_socket_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes),
		cmocka_unit_test(listed),
		cmocka_unit_test(cleared),
		cmocka_unit_test(not_understood),
		cmocka_unit_test(served),
		cmocka_unit_test(none),
		cmocka_unit_test(stale),
		cmocka_unit_test(foreign),
		cmocka_unit_test(busy),
		cmocka_unit_test(replaced),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
