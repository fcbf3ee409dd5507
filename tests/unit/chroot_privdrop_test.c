/* Privileges that are given up stay given up: asked of the kernel, from the
 * inside, in a child for each case. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/privdrop.h"
#include "chroot/sandbox.h"

#define USER 20011
#define GROUP 20012
#define NEED_ROOT() do { if (geteuid() != 0) skip(); } while (0)

/* Runs f in a child; its wait status.  Children leave by _exit: the leak
 * check of the sanitizers cannot work in there. */
static int
in_child(int (*f)(void))
{
	pid_t pid = fork();
	int status;

	assert_int_not_equal(pid, -1);
	if (pid == 0)
		_exit(f());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
exits_zero(int (*f)(void))
{
	int status = in_child(f);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("status %#x", (unsigned)status);
}

static int
empty_dir(void)
{
	char path[] = "/tmp/privdrop-test.XXXXXX";
	int fd;

	if (mkdtemp(path) == NULL || chmod(path, 0755) == -1)
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rmdir(path);
	return fd;
}

static struct privdrop
usual(void)
{
	return (struct privdrop){
		.root_fd = -1, .uid = USER, .gid = GROUP, .seal = true,
	};
}

static bool
status_has(const char *want)
{
	char line[256];
	bool found = false;
	FILE *f = fopen("/proc/self/status", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		found |= strncmp(line, want, strlen(want)) == 0;
	if (f != NULL)
		fclose(f);
	return found;
}

static int
child_drops(void)
{
	static const uint32_t groups[] = { 30002, 30001 };
	struct privdrop p = usual();
	const char *why;

	p.groups = groups;
	p.ngroups = 2;
	if (privdrop(&p, &why) != OK)
		return 1;
	/* /proc is still there without a new root */
	if (!status_has("Uid:\t20011\t20011\t20011\t20011") ||
	    !status_has("Gid:\t20012\t20012\t20012\t20012") ||
	    !status_has("Groups:\t30001 30002") ||
	    !status_has("CapEff:\t0000000000000000") ||
	    !status_has("CapPrm:\t0000000000000000") ||
	    !status_has("CapInh:\t0000000000000000") ||
	    !status_has("CapBnd:\t0000000000000000") ||
	    !status_has("CapAmb:\t0000000000000000") ||
	    !status_has("NoNewPrivs:\t1"))
		return 2;
	return setuid(0) == 0 || setgid(0) == 0 || setgroups(0, NULL) == 0;
}

static void
drops(void **state)
{
	(void)state;
	NEED_ROOT();
	exits_zero(child_drops);
}

static int
child_no_groups(void)
{
	const gid_t before[] = { 0, 4711 };
	struct privdrop p = usual();
	const char *why;

	if (setgroups(2, before) == -1 || privdrop(&p, &why) != OK)
		return 1;
	return getgroups(0, NULL);
}

static void
groups_of_before_go(void **state)
{
	(void)state;
	NEED_ROOT();
	exits_zero(child_no_groups);
}

static int
child_empty_root(void)
{
	struct privdrop p = usual();
	struct stat st;
	const char *why;

	if ((p.root_fd = empty_dir()) == -1)
		return 1;
	if (privdrop(&p, &why) != OK)
		return 2;
	close(p.root_fd);
	if (stat("/etc", &st) == 0 || stat("/..", &st) == -1 ||
	    stat("../../../etc", &st) == 0)
		return 3;
	if (mkdir("/x", 0700) == 0 || open("/f", O_CREAT | O_RDWR, 0600) != -1)
		return 4;
	return chroot("/") == 0;
}

static void
empty_root(void **state)
{
	(void)state;
	NEED_ROOT();
	exits_zero(child_empty_root);
}

static int
child_unsealed(void)
{
	struct privdrop p = usual();
	const char *why;

	p.seal = false;
	if (privdrop(&p, &why) != OK)
		return 1;
	/* sudo must work for users that run programs */
	return !status_has("NoNewPrivs:\t0") ||
	    status_has("CapBnd:\t0000000000000000");
}

static void
unsealed(void **state)
{
	(void)state;
	NEED_ROOT();
	exits_zero(child_unsealed);
}

static int
child_refuses_root(void)
{
	struct privdrop p = usual();
	const char *why = NULL;

	p.uid = 0;
	if (privdrop(&p, &why) != ERR_DENIED || why == NULL)
		return 1;
	p = usual();
	p.gid = 0;
	if (privdrop(&p, &why) != ERR_DENIED)
		return 2;
	return geteuid() == 0 ? 0 : 3;	/* and nothing has been done */
}

static void
refuses_root(void **state)
{
	(void)state;
	NEED_ROOT();
	exits_zero(child_refuses_root);
}

/* Where root is a user on purpose: nobody else becomes it by that. */
static int
child_means_root(void)
{
	struct privdrop p = usual();
	const char *why;

	p.root = true;
	p.gid = 0;
	if (privdrop(&p, &why) != ERR_DENIED || geteuid() != 0)
		return 1;
	p.uid = 0;
	if (privdrop(&p, &why) != OK)
		return 2;
	return !status_has("Uid:\t0\t0\t0\t0") ||
	    !status_has("CapEff:\t0000000000000000") ||
	    !status_has("CapBnd:\t0000000000000000") ||
	    !status_has("NoNewPrivs:\t1");
}

static void
root_if_meant(void **state)
{
	(void)state;
	NEED_ROOT();
	exits_zero(child_means_root);
}

/* The proof says no for each thing that is missing. */
static int
child_proof(void)
{
	static const uint32_t other[] = { 30001 };
	struct privdrop p = usual(), q;
	const char *why;

	if (privdrop_prove(&p, &why) == OK)
		return 1;		/* still root */
	p.seal = false;
	if (privdrop(&p, &why) != OK)
		return 2;
	q = p;
	q.seal = true;
	if (privdrop_prove(&q, &why) == OK)
		return 3;		/* no_new_privs is missing */
	q = p;
	q.uid++;
	if (privdrop_prove(&q, &why) == OK)
		return 4;
	q = p;
	q.gid++;
	if (privdrop_prove(&q, &why) == OK)
		return 5;
	q = p;
	q.groups = other;
	q.ngroups = 1;
	if (privdrop_prove(&q, &why) == OK)
		return 6;
	prctl(PR_SET_DUMPABLE, 1);
	if (privdrop_prove(&p, &why) == OK)
		return 7;
	return 0;
}

static void
proof_can_fail(void **state)
{
	(void)state;
	NEED_ROOT();
	exits_zero(child_proof);
}

static int
child_keeps_saved_root(void)
{
	struct privdrop p = usual();
	const char *why;

	/* a drop that forgot the saved uid */
	if (setgroups(0, NULL) == -1 || setresgid(GROUP, GROUP, GROUP) == -1 ||
	    setresuid(USER, USER, 0) == -1)
		return 1;
	prctl(PR_SET_DUMPABLE, 0);
	p.seal = false;
	return privdrop_prove(&p, &why) == OK;
}

static void
proof_sees_saved_uid(void **state)
{
	(void)state;
	NEED_ROOT();
	exits_zero(child_keeps_saved_root);
}

static int
child_userns(void)
{
	struct privdrop p = { .root_fd = -1, .seal = true, .userns = true };
	struct stat st;
	const char *why;

	if (geteuid() == 0 && (setgroups(0, NULL) == -1 ||
	    setresgid(GROUP, GROUP, GROUP) == -1 ||
	    setresuid(USER, USER, USER) == -1))
		return 1;
	/* what setuid takes away: our own /proc/self would be root's */
	prctl(PR_SET_DUMPABLE, 1);
	if (!privdrop_userns_works(&why))
		return 77;
	p.uid = geteuid();
	p.gid = getegid();
	if ((p.root_fd = empty_dir()) == -1)
		return 2;
	if (privdrop(&p, &why) != OK)
		return 3;
	close(p.root_fd);
	if (stat("/etc", &st) == 0 || geteuid() != p.uid)
		return 4;
	return chroot("/") == 0;
}

static void
user_namespace(void **state)
{
	int status = in_child(child_userns);

	(void)state;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

static int
child_userns_of_another(void)
{
	struct privdrop p = usual();
	const char *why;

	p.userns = true;
	return privdrop(&p, &why) != ERR_DENIED;
}

static void
user_namespace_of_another(void **state)
{
	(void)state;
	exits_zero(child_userns_of_another);
}

/* ---- the filter ---- */

static struct sandbox files, logging, connects, listens;

static int
child_serves_files(void)
{
	char dir[] = "/tmp/sandbox-test.XXXXXX";
	char path[64];
	int fd;

	if (mkdtemp(dir) == NULL || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    sandbox_install(&files) != OK)
		return 1;
	snprintf(path, sizeof(path), "%s/f", dir);
	if ((fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600)) == -1 ||
	    write(fd, "x", 1) != 1 || fsync(fd) == -1 ||
	    fchmod(fd, 0640) == -1 || close(fd) == -1)
		return 2;
	if (unlink(path) == -1 || rmdir(dir) == -1)
		return 3;
	free(malloc(1 << 20));
	return 0;
}

static void
filter_lets_files(void **state)
{
	(void)state;
	exits_zero(child_serves_files);
}

static int
sealed(const struct sandbox *s)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    sandbox_install(s) == OK;
}

static int
child_execs(void)
{
	if (!sealed(&files))
		return 1;
	execl("/bin/true", "true", (char *)NULL);
	return 2;
}

static int
child_sockets(void)
{
	if (!sealed(&files))
		return 1;
	socket(AF_INET, SOCK_STREAM, 0);
	return 2;
}

/* A session that connects does not listen, and the reverse; nothing makes
 * sockets of other kinds. */
static int
child_connect_listens(void)
{
	int fd = sealed(&connects) ? socket(AF_INET, SOCK_STREAM, 0) : -1;

	if (fd == -1)
		return 1;
	return listen(fd, 1) == 0 ? 2 : 3;
}

static int
child_connect_binds(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int fd = sealed(&connects) ? socket(AF_INET, SOCK_STREAM, 0) : -1;

	if (fd == -1)
		return 1;
	return bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0 ? 2 : 3;
}

static int
child_listen_connects(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int fd = sealed(&listens) ? socket(AF_INET, SOCK_STREAM, 0) : -1;

	if (fd == -1)
		return 1;
	return connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0 ? 2 : 3;
}

static int
child_datagrams(void)
{
	if (!sealed(&connects))
		return 1;
	return socket(AF_INET, SOCK_DGRAM, 0) == -1 ? 2 : 3;
}

static int
child_netlink(void)
{
	if (!sealed(&listens))
		return 1;
	return socket(AF_NETLINK, SOCK_STREAM, 0) == -1 ? 2 : 3;
}

static int
child_flows_execs(void)
{
	if (!sealed(&listens))
		return 1;
	execl("/bin/true", "true", (char *)NULL);
	return 2;
}

/* What each of the two is for. */
static int
child_flows(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t n = sizeof(in);
	int fd;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!sealed(&listens) || (fd = socket(AF_INET, SOCK_STREAM, 0)) == -1
	    || bind(fd, (struct sockaddr *)&in, sizeof(in)) == -1 ||
	    listen(fd, 1) == -1 ||
	    getsockname(fd, (struct sockaddr *)&in, &n) == -1)
		return 1;
	return close(fd) == 0 ? 0 : 2;
}

static int
child_connects(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int fd, error;
	socklen_t n = sizeof(error);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in.sin_port = htons(1);
	if (!sealed(&connects) ||
	    (fd = socket(AF_INET, SOCK_STREAM, 0)) == -1)
		return 1;
	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0)
		return 2;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 ? 0 : 3;
}

static void
filters_let_flows(void **state)
{
	(void)state;
	exits_zero(child_flows);
	exits_zero(child_connects);
}

static int
child_mounts(void)
{
	if (!sealed(&files))
		return 1;
	return chroot("/tmp") == 0 ? 2 : 3;
}

static int
child_log_links(void)
{
	if (!sealed(&logging))
		return 1;
	return link("/tmp/a", "/tmp/b") == 0 ? 2 : 3;
}

static void
filter_kills(void **state)
{
	int (*const bad[])(void) = {
		child_execs, child_sockets, child_mounts, child_log_links,
		child_connect_listens, child_connect_binds,
		child_listen_connects, child_datagrams, child_netlink,
		child_flows_execs,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int status = in_child(bad[i]);

		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
	}
}

static void
no_filter_is_refused(void **state)
{
	const struct sandbox none = { NULL, 0 };

	(void)state;
	assert_int_equal(sandbox_install(&none), ERR_DENIED);
}

/* ---- Landlock ---- */

static int
child_landlock(void)
{
	char dir[] = "/tmp/landlock-test.XXXXXX";
	char a[64], b[64];
	bool active;

	if (mkdtemp(dir) == NULL || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return 1;
	if (sandbox_landlock(dir, SANDBOX_FILES, &active) != OK)
		return 2;
	if (!active) {
		rmdir(dir);
		return 77;
	}
	if (open("/etc/passwd", O_RDONLY) != -1 ||
	    open("/tmp/landlock-test-out", O_CREAT | O_WRONLY, 0600) != -1)
		return 3;
	snprintf(a, sizeof(a), "%s/a", dir);
	snprintf(b, sizeof(b), "%s/b", dir);
	if (mkdir(a, 0700) == -1 || mkdir(b, 0700) == -1)
		return 4;
	snprintf(a, sizeof(a), "%s/a/f", dir);
	snprintf(b, sizeof(b), "%s/b/f", dir);
	close(open(a, O_CREAT | O_WRONLY, 0600));
	/* between directories, which version 1 would forbid */
	if (rename(a, b) == -1 || link(b, a) == -1 || truncate(a, 5) == -1)
		return 5;
	unlink(a);
	unlink(b);
	snprintf(a, sizeof(a), "%s/a", dir);
	snprintf(b, sizeof(b), "%s/b", dir);
	/* dir itself stays: its parent is out of reach now */
	return rmdir(a) == -1 || rmdir(b) == -1 ? 6 : 0;
}

static void
landlock(void **state)
{
	int status = in_child(child_landlock);

	(void)state;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

/* What of connect and bind, bits 0 and 1, a kind is left with; 77: there is
 * no such Landlock. */
static int
tcp_left(enum sandbox_kind kind)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0), left = 0;
	bool active;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    sandbox_landlock("/", kind, &active) != OK)
		return 99;
	if (!active)
		return 77;
	in.sin_port = htons(1);
	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) == -1 &&
	    errno == ECONNREFUSED)
		left |= 1;
	in.sin_port = 0;
	if (bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0)
		left |= 2;
	return left;
}

static int
child_tcp_files(void)
{
	return tcp_left(SANDBOX_FILES);
}

static int
child_tcp_connect(void)
{
	return tcp_left(SANDBOX_CONNECT);
}

static int
child_tcp_listen(void)
{
	return tcp_left(SANDBOX_LISTEN);
}

static int
child_tcp_forward(void)
{
	return tcp_left(SANDBOX_FORWARD);
}

static void
landlock_and_tcp(void **state)
{
	int (*const kinds[])(void) = {
		child_tcp_files, child_tcp_connect, child_tcp_listen,
		child_tcp_forward,
	};

	(void)state;
	for (int i = 0; i < 4; i++) {
		int status = in_child(kinds[i]);

		assert_true(WIFEXITED(status));
		/* Before its fourth version it knows nothing of TCP. */
		if (WEXITSTATUS(status) == 77 || (i == 0 &&
		    WEXITSTATUS(status) == 3))
			skip();
		assert_int_equal(WEXITSTATUS(status), i);
	}
}

static int
child_orphan(void)
{
	/* a parent that is not the one we were told of */
	return privdrop_die_with(getppid() + 1, SIGKILL);
}

static void
parent_that_has_gone(void **state)
{
	(void)state;
	exits_zero(child_orphan);
}

static int
build(void **state)
{
	(void)state;
	return sandbox_build(&files, SANDBOX_FILES) &&
	    sandbox_build(&connects, SANDBOX_CONNECT) &&
	    sandbox_build(&listens, SANDBOX_LISTEN) &&
	    sandbox_build(&logging, SANDBOX_LOG) ? 0 : -1;
}

static int
unbuild(void **state)
{
	(void)state;
	sandbox_free(&files);
	sandbox_free(&connects);
	sandbox_free(&listens);
	sandbox_free(&logging);
	return system("rm -rf /tmp/landlock-test.*") == 0 ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drops), cmocka_unit_test(groups_of_before_go),
		cmocka_unit_test(empty_root), cmocka_unit_test(unsealed),
		cmocka_unit_test(refuses_root), cmocka_unit_test(root_if_meant),
		cmocka_unit_test(proof_can_fail),
		cmocka_unit_test(proof_sees_saved_uid),
		cmocka_unit_test(user_namespace),
		cmocka_unit_test(user_namespace_of_another),
		cmocka_unit_test(filter_lets_files),
		cmocka_unit_test(filters_let_flows),
		cmocka_unit_test(landlock_and_tcp),
		cmocka_unit_test(filter_kills),
		cmocka_unit_test(no_filter_is_refused),
		cmocka_unit_test(landlock),
		cmocka_unit_test(parent_that_has_gone),
	};

	return cmocka_run_group_tests(tests, build, unbuild);
}
