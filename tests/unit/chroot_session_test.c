/*
 * The session role, as the account helper would start it: sockets by one
 * handover, policy from a descriptor; then the test is the server.
 */
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
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/messages.h"
#include "base/privdrop.h"
#include "base/roles.h"
#include "chroot/session.h"

#define USER 20011
#define GROUP 20012
#define PATIENCE 20000

struct fixture {
	char jail[64];
	struct policy policy;
	int server, log;	/* our ends */
	pid_t pid;
	uint8_t frame[IPC_MAX_FRAME];
	struct ipc_msg msg;
};

static int
setup(void **state)
{
	struct fixture *x = test_calloc(1, sizeof(*x));
	bool root = geteuid() == 0;

	snprintf(x->jail, sizeof(x->jail), "/tmp/session-test.XXXXXX");
	assert_non_null(mkdtemp(x->jail));
	assert_int_equal(chmod(x->jail, 0755), 0);
	x->policy.name = view_str("acme");
	x->policy.uid = root ? USER : geteuid();
	x->policy.gid = root ? GROUP : getegid();
	x->policy.jail = view_str(x->jail);
	x->policy.umask = 027;
	x->policy.allow = ALLOW_SFTP | ALLOW_SCP;
	if (root)
		assert_int_equal(chown(x->jail, USER, GROUP), 0);
	x->server = x->log = -1;
	*state = x;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *x = *state;
	char cmd[128];

	ipc_msg_close(&x->msg);
	if (x->server != -1)
		close(x->server);
	if (x->log != -1)
		close(x->log);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", x->jail);
	assert_int_equal(system(cmd), 0);
	test_free(x);
	return 0;
}

static void
role_child(int control, int policy)
{
	/* the two descriptors must not be in each other's place */
	int a = fcntl(control, F_DUPFD, 10), b = fcntl(policy, F_DUPFD, 10);

	if (dup2(a, ROLE_FD_CONTROL) == -1 || dup2(b, ROLE_FD_POLICY) == -1)
		_exit(99);
	close_range(5, ~0u, 0);
	_exit(session_role());
}

static int
policy_file(const struct fixture *x)
{
	struct wr w = wr_new(65536);
	int fd = memfd_create("policy", MFD_CLOEXEC);

	policy_encode(&w, &x->policy);
	assert_int_equal(write(fd, wr_view(&w).p, wr_size(&w)),
	    (ssize_t)wr_size(&w));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	wr_free(&w);
	return fd;
}

static void
hand_over(struct fixture *x, int control, uint32_t allow, size_t nfds)
{
	const struct msg_handover m = {
		.allow = allow, .method = view_str("password"),
		.key = view_str("SHA256:k"), .notice = view_str("hello\n"),
		.pam_env = view_of("\0\0\0\3A=1", 7), .log_level = LOG_INFO,
	};
	struct wr w = wr_new(1024);
	int s[2], wd[2], lg[2], fds[3];

	assert_int_equal(ipc_pair(s, true), OK);
	assert_int_equal(ipc_pair(wd, true), OK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0,
	    lg), 0);
	fds[0] = s[1];
	fds[1] = wd[1];
	fds[2] = lg[1];
	put_handover(&w, &m);
	assert_int_equal(ipc_send(control, MSG_HANDOVER, 77, wr_view(&w), fds,
	    nfds), OK);
	wr_free(&w);
	close(s[1]);
	close(wd[0]);
	close(wd[1]);
	close(lg[1]);
	x->server = s[0];
	x->log = lg[0];
}

static void
start(struct fixture *x, uint32_t allow)
{
	int control[2], policy = policy_file(x);

	assert_int_equal(ipc_pair(control, false), OK);
	if ((x->pid = fork()) == 0)
		role_child(control[1], policy);
	close(control[1]);
	close(policy);
	hand_over(x, control[0], allow, 3);
	close(control[0]);
}

static enum err
next(struct fixture *x)
{
	struct pollfd p = { .fd = x->server, .events = POLLIN };

	ipc_msg_close(&x->msg);
	assert_int_equal(poll(&p, 1, PATIENCE), 1);
	return ipc_recv(x->server, x->frame, sizeof(x->frame), &x->msg);
}

static void
ready(struct fixture *x, uint32_t allow)
{
	struct msg_auth_reply a;
	struct msg_ready r;

	assert_int_equal(next(x), OK);
	assert_int_equal(x->msg.type, MSG_READY);
	assert_true(get_ready(x->msg.body, &r));
	assert_int_equal(r.allow, allow);
	assert_int_equal(next(x), OK);
	assert_int_equal(x->msg.type, MSG_AUTH_REPLY);
	assert_true(get_auth_reply(x->msg.body, &a));
	assert_int_equal(a.verdict, VERDICT_SUCCESS);
	assert_true(view_is(a.notice, "hello\n"));
}

static void
ends(struct fixture *x, int want)
{
	int status;

	assert_int_equal(waitpid(x->pid, &status, 0), x->pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != want)
		fail_msg("status %#x", (unsigned)status);
}

static int
open_sftp(struct fixture *x, uint32_t channel)
{
	const struct msg_open m = {
		.kind = START_SUBSYSTEM, .command = view_str("sftp"),
	};
	struct wr w = wr_new(1024);
	int p[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    p), 0);
	put_open(&w, &m);
	assert_int_equal(ipc_send(x->server, MSG_OPEN, channel, wr_view(&w),
	    &p[1], 1), OK);
	wr_free(&w);
	close(p[1]);
	return p[0];
}

static void
ask(int duct, const void *p, size_t n, uint8_t want)
{
	uint8_t head[5] = { 0 }, rest[4096];
	size_t left;

	assert_int_equal(write(duct, p, n), (ssize_t)n);
	assert_int_equal(recv(duct, head, 5, MSG_WAITALL), 5);
	assert_int_equal(head[4], want);
	left = get_u32(head) - 1;
	assert_true(left <= sizeof(rest));
	assert_int_equal(recv(duct, rest, left, MSG_WAITALL), (ssize_t)left);
}

static const uint8_t init[] = { 0, 0, 0, 5, 1, 0, 0, 0, 3 };

static void
serves(void **state)
{
	struct fixture *x = *state;
	/* MKDIR id 1, "/made", no attributes */
	static const uint8_t mk[] = { 0, 0, 0, 18, 14, 0, 0, 0, 1, 0, 0, 0, 5,
		'/', 'm', 'a', 'd', 'e', 0, 0, 0, 0 };
	struct msg_ended e;
	char path[128];
	struct stat st;
	int a, b;

	start(x, ALLOW_SFTP | ALLOW_SHELL);
	ready(x, ALLOW_SFTP);	/* what both leave */
	a = open_sftp(x, 4);
	assert_int_equal(next(x), OK);
	assert_int_equal(x->msg.type, MSG_OPENED);
	assert_int_equal(x->msg.id, 4);
	b = open_sftp(x, 5);	/* a second one beside it */
	assert_int_equal(next(x), OK);
	assert_int_equal(x->msg.type, MSG_OPENED);
	ask(a, init, sizeof(init), 2);
	ask(b, init, sizeof(init), 2);
	ask(a, mk, sizeof(mk), 101);
	snprintf(path, sizeof(path), "%s/made", x->jail);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, x->policy.uid);
	assert_int_equal(st.st_gid, x->policy.gid);
	assert_int_equal(st.st_mode & 0777, 0750);	/* the umask */
	close(a);
	assert_int_equal(next(x), OK);
	assert_int_equal(x->msg.type, MSG_ENDED);
	assert_int_equal(x->msg.id, 4);
	assert_true(get_ended(x->msg.body, &e));
	assert_int_equal(e.status, 0);
	close(b);
	close(x->server);
	x->server = -1;
	ends(x, 0);
}

/* The server goes, and what it has still to say on the duct is waited for. */
static void
serves_to_the_end(void **state)
{
	struct fixture *x = *state;
	static const uint8_t mk[] = { 0, 0, 0, 18, 14, 0, 0, 0, 1, 0, 0, 0, 5,
		'/', 'm', 'a', 'd', 'e', 0, 0, 0, 0 };
	char path[128];
	int a;

	start(x, ALLOW_SFTP);
	ready(x, ALLOW_SFTP);
	a = open_sftp(x, 4);
	assert_int_equal(next(x), OK);
	ask(a, init, sizeof(init), 2);
	close(x->server);
	x->server = -1;
	assert_int_equal(write(a, mk, sizeof(mk) - 1), sizeof(mk) - 1);
	snprintf(path, sizeof(path), "%s/made", x->jail);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(write(a, mk + sizeof(mk) - 1, 1), 1);
	close(a);
	ends(x, 0);
	assert_int_equal(access(path, F_OK), 0);
}

/* A client that hears nothing any more but does not end: the clock ends it,
 * soon if so told. */
static void
hurries(void **state)
{
	struct fixture *x = *state;
	char text[LOG_MAX_EVENT];
	struct msg_ended e;
	bool lost = false;
	ssize_t n;
	int a;

	start(x, ALLOW_SFTP);
	ready(x, ALLOW_SFTP);
	a = open_sftp(x, 4);
	assert_int_equal(next(x), OK);
	assert_int_equal(ipc_send(x->server, MSG_HURRY, 0, view_of(NULL, 0),
	    NULL, 0), OK);
	assert_int_equal(shutdown(a, SHUT_RD), 0);
	assert_int_equal(write(a, init, sizeof(init)), sizeof(init));
	assert_int_equal(next(x), OK);
	assert_int_equal(x->msg.type, MSG_ENDED);
	assert_true(get_ended(x->msg.body, &e));
	assert_int_equal(e.status, 1);
	while ((n = recv(x->log, text, sizeof(text), MSG_DONTWAIT)) > 0)
		lost |= memmem(text, (size_t)n, "input-lost", 10) != NULL;
	assert_true(lost);
	close(a);
	close(x->server);
	x->server = -1;
	ends(x, 0);
}

/* As many channels as the configuration may allow, and no more. */
static void
serves_many(void **state)
{
	enum { MANY = LIMIT_CHANNELS_MAX + 16 };
	struct fixture *x = *state;
	struct rlimit rl;
	int *a = test_calloc(MANY, sizeof(*a)), extra;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	if (rl.rlim_max < 3 * LIMIT_CHANNELS_MAX)
		skip();
	rl.rlim_cur = rl.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
	start(x, ALLOW_SFTP);
	ready(x, ALLOW_SFTP);
	for (uint32_t i = 0; i < MANY; i++) {
		a[i] = open_sftp(x, 100 + i);
		assert_int_equal(next(x), OK);
		assert_int_equal(x->msg.type, MSG_OPENED);
		assert_int_equal(x->msg.id, 100 + i);
	}
	extra = open_sftp(x, 5);
	assert_int_equal(next(x), OK);
	assert_int_equal(x->msg.type, MSG_REFUSED);
	for (uint32_t i = 0; i < MANY; i++)
		ask(a[i], init, sizeof(init), 2);
	/* One goes from the middle; the others are still who they were. */
	close(a[7]);
	a[7] = -1;
	assert_int_equal(next(x), OK);
	assert_int_equal(x->msg.type, MSG_ENDED);
	assert_int_equal(x->msg.id, 107);
	close(a[MANY - 1]);
	a[MANY - 1] = -1;
	assert_int_equal(next(x), OK);
	assert_int_equal(x->msg.id, 100 + MANY - 1);
	for (uint32_t i = 0; i < MANY; i++)
		if (a[i] != -1)
			close(a[i]);
	close(extra);
	close(x->server);
	x->server = -1;
	ends(x, 0);
	test_free(a);
}

static void
sftp_not_allowed(void **state)
{
	struct fixture *x = *state;
	int a;

	start(x, ALLOW_SCP);
	ready(x, ALLOW_SCP);
	a = open_sftp(x, 4);
	assert_int_equal(next(x), OK);
	assert_int_equal(x->msg.type, MSG_REFUSED);
	assert_int_equal(x->msg.id, 4);
	close(a);
	close(x->server);
	x->server = -1;
	ends(x, 0);
}

/* The kernel's view of it, from outside. */
static void
is_sealed(void **state)
{
	struct fixture *x = *state;
	char path[64], line[256], want[64];
	unsigned seen = 0;
	FILE *f;

	start(x, ALLOW_SFTP);
	ready(x, ALLOW_SFTP);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)x->pid);
	assert_non_null(f = fopen(path, "r"));
	snprintf(want, sizeof(want), "Uid:\t%u\t%u\t%u\t%u\n", x->policy.uid,
	    x->policy.uid, x->policy.uid, x->policy.uid);
	while (fgets(line, sizeof(line), f) != NULL)
		seen += strcmp(line, want) == 0 ||
		    strcmp(line, "CapEff:\t0000000000000000\n") == 0 ||
		    strcmp(line, "CapBnd:\t0000000000000000\n") == 0 ||
		    strcmp(line, "NoNewPrivs:\t1\n") == 0 ||
		    strcmp(line, "Seccomp:\t2\n") == 0;
	fclose(f);
	assert_int_equal(seen, 5);
	close(x->server);
	x->server = -1;
	ends(x, 0);
}

static void
jail_is_missing(void **state)
{
	struct fixture *x = *state;
	struct msg_auth_reply a;
	char text[LOG_MAX_EVENT] = "";

	x->policy.jail = view_str("/no/such/jail");
	start(x, ALLOW_SFTP);
	assert_int_equal(next(x), OK);
	assert_int_equal(x->msg.type, MSG_AUTH_REPLY);
	assert_true(get_auth_reply(x->msg.body, &a));
	assert_int_equal(a.verdict, VERDICT_DISCONNECT);
	/* the client hears nothing of the host; the log hears all */
	assert_null(memmem(a.payload.p, a.payload.n, "jail", 4));
	assert_true(recv(x->log, text, sizeof(text), 0) > 0);
	assert_non_null(memmem(text, sizeof(text), "/no does not exist", 18));
	assert_int_equal(next(x), ERR_CLOSED);
	ends(x, 1);
}

static void
root_is_not_served(void **state)
{
	struct fixture *x = *state;
	struct msg_auth_reply a;

	if (geteuid() != 0)
		skip();
	x->policy.uid = 0;
	start(x, ALLOW_SFTP);
	assert_int_equal(next(x), OK);
	assert_true(x->msg.type == MSG_AUTH_REPLY &&
	    get_auth_reply(x->msg.body, &a));
	assert_int_equal(a.verdict, VERDICT_DISCONNECT);
	ends(x, 1);
}

static void
out_of_order(void **state)
{
	struct fixture *x = *state;

	start(x, ALLOW_SFTP);
	ready(x, ALLOW_SFTP);
	assert_int_equal(ipc_send(x->server, MSG_USERAUTH, 0,
	    view_of(NULL, 0), NULL, 0), OK);
	assert_int_equal(next(x), ERR_CLOSED);
	ends(x, 0);
}

/* What PAM has set of its session's process is not raised again. */
static void
keeps_limits(void **state)
{
	struct fixture *x = *state;
	const struct rlimit low = { 200, 4096 };
	int control[2], policy;
	char path[64], line[128];
	unsigned files = 0, mask = 0;
	FILE *f;

	if (geteuid() != 0)
		skip();
	x->policy.umask = POLICY_NO_UMASK;
	policy = policy_file(x);
	assert_int_equal(ipc_pair(control, false), OK);
	if ((x->pid = fork()) == 0) {
		umask(0057);
		if (setrlimit(RLIMIT_NOFILE, &low) == -1)
			_exit(98);
		role_child(control[1], policy);
	}
	close(policy);
	close(control[1]);
	hand_over(x, control[0], ALLOW_SFTP, 3);
	close(control[0]);
	ready(x, ALLOW_SFTP);
	snprintf(path, sizeof(path), "/proc/%d/limits", (int)x->pid);
	assert_non_null(f = fopen(path, "r"));
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Max open files %u", &files) == 1)
			break;
	fclose(f);
	assert_int_equal(files, 200);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)x->pid);
	assert_non_null(f = fopen(path, "r"));
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Umask: %o", &mask) == 1)
			break;
	fclose(f);
	assert_int_equal(mask, 0057);
}

static void
bad_handover(void **state)
{
	struct fixture *x = *state;
	int control[2], policy = policy_file(x);

	assert_int_equal(ipc_pair(control, false), OK);
	if ((x->pid = fork()) == 0)
		role_child(control[1], policy);
	close(policy);
	close(control[1]);
	hand_over(x, control[0], ALLOW_SFTP, 2);
	ends(x, 1);
	close(control[0]);
}

static void
bad_policy(void **state)
{
	struct fixture *x = *state;
	int control[2], policy = memfd_create("policy", MFD_CLOEXEC);

	assert_int_equal(write(policy, "junk", 4), 4);
	assert_int_equal(lseek(policy, 0, SEEK_SET), 0);
	assert_int_equal(ipc_pair(control, false), OK);
	if ((x->pid = fork()) == 0)
		role_child(control[1], policy);
	close(policy);
	close(control[1]);
	ends(x, 1);
	close(control[0]);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(serves), T(serves_to_the_end), T(hurries), T(serves_many),
		T(sftp_not_allowed), T(is_sealed),
		T(jail_is_missing), T(root_is_not_served), T(out_of_order),
		T(keeps_limits),
		T(bad_handover), T(bad_policy),
	};
	const char *why;

	if (geteuid() != 0 && !privdrop_userns_works(&why)) {
		print_message("skipped: %s\n", why);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
