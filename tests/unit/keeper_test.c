/* The session of a user who may run programs, as the server sees it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/messages.h"
#include "base/proctitle.h"
#include "base/roles.h"
#include "chroot/ptys.h"
#include "chroot/session.h"

#define USER	20013
#define GROUP	20014
#define PATIENCE 20000

struct fixture {
	char dir[64];
	struct policy policy;
	const char *command;		/* forced */
	int server, warden, log;	/* our ends */
	pid_t pid;
	uint8_t frame[IPC_MAX_FRAME];
	struct ipc_msg msg;
};

static int
setup(void **state)
{
	struct fixture *x = test_calloc(1, sizeof(*x));
	bool root = geteuid() == 0;

	/* Nobody but root may change the jail of a program, nor what is above
	 * it. */
	snprintf(x->dir, sizeof(x->dir), "%s/keeper-test.XXXXXX",
	    root ? "/run" : "/tmp");
	assert_non_null(mkdtemp(x->dir));
	assert_int_equal(chmod(x->dir, 0755), 0);
	x->policy = (struct policy){
		.name = view_str("acme"),
		.uid = root ? USER : geteuid(),
		.gid = root ? GROUP : getegid(),
		.umask = 027, .start = view_str("/tmp"),
		.allow = ALLOW_EXEC | ALLOW_SHELL | ALLOW_PTY | ALLOW_SFTP,
		.allow_at = view_str("f.yaml:7:8"),
	};
	x->server = x->warden = x->log = -1;
	*state = x;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *x = *state;

	ipc_msg_close(&x->msg);
	if (x->server != -1)
		close(x->server);
	if (x->warden != -1)
		close(x->warden);
	if (x->log != -1)
		close(x->log);
	assert_int_equal(rmdir(x->dir), 0);
	test_free(x);
	return 0;
}

static void
role_child(int control, int policy)
{
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
hand_over(struct fixture *x, int control)
{
	const struct msg_handover m = {
		.allow = x->policy.allow, .method = view_str("publickey"),
		.key = view_str("SHA256:k"), .forced = x->command != NULL,
		.command = view_str(x->command != NULL ? x->command : ""),
		.connection = view_str("192.0.2.1 5000 192.0.2.2 22"),
		.key_env = view_of("\0\0\0\3A=k\0\0\0\3B=k", 14),
		.pam_env = view_of("\0\0\0\5PAM=p", 9),
		.log_level = LOG_INFO,
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
	    3), OK);
	wr_free(&w);
	close(s[1]);
	close(wd[1]);
	close(lg[1]);
	x->server = s[0];
	x->warden = wd[0];
	x->log = lg[0];
}

static enum err
from(struct fixture *x, int sock)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };

	ipc_msg_close(&x->msg);
	assert_int_equal(poll(&p, 1, PATIENCE), 1);
	return ipc_recv(sock, x->frame, sizeof(x->frame), &x->msg);
}

static void
next(struct fixture *x, uint8_t type, uint32_t id)
{
	assert_int_equal(from(x, x->server), OK);
	if (x->msg.type != type || x->msg.id != id)
		fail_msg("message %u of %u", x->msg.type, x->msg.id);
}

static void
start(struct fixture *x)
{
	int control[2], policy = policy_file(x);
	struct msg_ready r;

	assert_int_equal(ipc_pair(control, false), OK);
	if ((x->pid = fork()) == 0)
		role_child(control[1], policy);
	close(control[1]);
	close(policy);
	hand_over(x, control[0]);
	close(control[0]);
	next(x, MSG_READY, 0);
	assert_true(get_ready(x->msg.body, &r));
	assert_true(view_is(r.rule, "f.yaml:7:8"));
	next(x, MSG_AUTH_REPLY, 0);
}

static void
end(struct fixture *x)
{
	int status;

	close(x->server);
	x->server = -1;
	assert_int_equal(waitpid(x->pid, &status, 0), x->pid);
	assert_int_equal(status, 0);
}

static void
ask(struct fixture *x, uint32_t channel, const struct msg_open *m)
{
	struct wr w = wr_new(IPC_MAX_FRAME);

	put_open(&w, m);
	assert_int_equal(ipc_send(x->server, MSG_OPEN, channel, wr_view(&w),
	    NULL, 0), OK);
	wr_free(&w);
}

static void
exec(struct fixture *x, uint32_t channel, const char *command)
{
	const struct msg_open m = {
		.kind = START_EXEC, .command = view_str(command),
	};

	ask(x, channel, &m);
}

static void
opened(struct fixture *x, uint32_t channel, uint8_t carrier, int *fds)
{
	struct msg_opened m;

	next(x, MSG_OPENED, channel);
	assert_true(get_opened(x->msg.body, &m));
	assert_int_equal(m.carrier, carrier);
	assert_int_equal(x->msg.nfds, msg_carrier_fds(carrier));
	for (size_t i = 0; i < x->msg.nfds; i++) {
		fds[i] = ipc_take_fd(&x->msg, i);
		assert_int_not_equal(fcntl(fds[i], F_GETFL) & O_NONBLOCK, 0);
	}
}

static void
ended(struct fixture *x, uint32_t channel, uint32_t status,
    const char *signal)
{
	struct msg_ended m;

	next(x, MSG_ENDED, channel);
	assert_true(get_ended(x->msg.body, &m));
	if (signal != NULL)
		assert_true(m.signalled && view_is(m.signal, signal));
	else {
		assert_false(m.signalled);
		assert_int_equal(m.status, status);
	}
}

/* Up to its end, without patience for ever. */
static void
says(int fd, const char *want)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char got[4096] = "";
	size_t n = 0;
	ssize_t k;

	while (poll(&p, 1, PATIENCE) == 1 &&
	    (k = read(fd, got + n, sizeof(got) - 1 - n)) > 0)
		n += (size_t)k;
	got[n] = '\0';
	if (strcmp(got, want) != 0)
		fail_msg("it said: %s", got);
	close(fd);
}

/* ---- tests ---- */

static void
runs(void **state)
{
	struct fixture *x = *state;
	int f[3];

	start(x);
	exec(x, 1, "read a; echo \"got $a\"; echo err >&2; umask; exit 3");
	opened(x, 1, CARRIER_PIPES, f);
	assert_int_equal(write(f[0], "it\n", 3), 3);
	close(f[0]);
	ended(x, 1, 3, NULL);
	says(f[1], "got it\n0027\n");
	says(f[2], "err\n");
	exec(x, 2, "kill -TERM $$");
	opened(x, 2, CARRIER_PIPES, f);
	for (int i = 0; i < 3; i++)
		close(f[i]);
	ended(x, 2, 0, "TERM");
	end(x);
}

/* Whatever is asked for; with what the key and PAM say. */
static void
runs_what_is_forced(void **state)
{
	static const struct view patterns[] = {
		{ (const uint8_t *)"A", 1 },
	};
	struct fixture *x = *state;
	struct msg_open m = { .kind = START_SHELL };
	int f[3];

	x->policy.env = (struct view_list){ patterns, 1 };
	x->command = "echo \"$SSH_ORIGINAL_COMMAND|$A|$B|$PAM|$SSH_CLIENT\"";
	start(x);
	exec(x, 1, "ls -l");
	opened(x, 1, CARRIER_PIPES, f);
	ended(x, 1, 0, NULL);
	says(f[1], "ls -l|k||p|192.0.2.1 5000 22\n");
	close(f[0]);
	close(f[2]);
	ask(x, 2, &m);
	opened(x, 2, CARRIER_PIPES, f);
	ended(x, 2, 0, NULL);
	says(f[1], "|k||p|192.0.2.1 5000 22\n");
	close(f[0]);
	close(f[2]);
	m.kind = START_SUBSYSTEM;
	m.command = view_str("sftp");
	ask(x, 3, &m);
	opened(x, 3, CARRIER_PIPES, f);
	ended(x, 3, 0, NULL);
	says(f[1], "sftp|k||p|192.0.2.1 5000 22\n");
	close(f[0]);
	close(f[2]);
	end(x);
}

static void
hears_signals(void **state)
{
	struct fixture *x = *state;
	const struct msg_text unknown = { view_str("NONE") };
	const struct msg_text usr1 = { view_str("USR1") };
	struct wr w = wr_new(64);
	int f[3];
	char c;

	start(x);
	exec(x, 1, "trap 'echo usr; exit 5' USR1; echo; "
	    "while :; do sleep 0.01; done");
	opened(x, 1, CARRIER_PIPES, f);
	while (read(f[1], &c, 1) != 1)
		;
	put_text(&w, &unknown);
	assert_int_equal(ipc_send(x->server, MSG_SIGNAL, 1, wr_view(&w), NULL,
	    0), OK);
	wr_reset(&w);
	put_text(&w, &usr1);
	assert_int_equal(ipc_send(x->server, MSG_SIGNAL, 1, wr_view(&w), NULL,
	    0), OK);
	wr_free(&w);
	ended(x, 1, 5, NULL);
	says(f[1], "usr\n");
	close(f[0]);
	close(f[2]);
	end(x);
}

static void
give_terminal(struct fixture *x, bool made)
{
	const struct msg_pty m = { 7 };
	struct wr w = wr_new(64);
	uint32_t number;
	int fds[2];

	assert_int_equal(from(x, x->warden), OK);
	assert_int_equal(x->msg.type, MSG_PTY);
	assert_int_equal(x->msg.id, 77);
	put_pty(&w, &m);
	if (made)
		assert_int_equal(pty_make(x->policy.uid, geteuid() != 0, fds,
		    &number), OK);
	assert_int_equal(ipc_send(x->warden, MSG_PTY_MADE, 77, wr_view(&w),
	    fds, made ? 2 : 0), OK);
	if (made) {
		close(fds[0]);
		close(fds[1]);
	}
	wr_free(&w);
}

static void
taken_back(struct fixture *x)
{
	struct msg_pty m;

	assert_int_equal(from(x, x->warden), OK);
	assert_int_equal(x->msg.type, MSG_PTY_DONE);
	assert_true(get_pty(x->msg.body, &m));
	assert_int_equal(m.number, 7);
}

static const uint8_t no_echo[] = { 53, 0, 0, 0, 0, 0 };

static void
on_a_terminal(void **state)
{
	struct fixture *x = *state;
	const struct msg_window bigger = { 132, 43, 0, 0 };
	struct msg_open m = {
		.kind = START_EXEC, .pty = true, .term = view_str("vt52"),
		.window = { 70, 20, 700, 200 },
		.modes = view_of(no_echo, sizeof(no_echo)),
		.command = view_str("trap 'stty size; exit' WINCH; stty size; "
		    "stty -a | grep -o -- '-echo '; echo $TERM $SSH_TTY; "
		    "while :; do sleep 0.01; done"),
	};
	char got[4096] = "";
	struct wr w = wr_new(64);
	size_t n = 0;
	ssize_t k;
	int f[3];

	if (access("/dev/ptmx", R_OK | W_OK) == -1)
		skip();
	start(x);
	ask(x, 1, &m);
	give_terminal(x, true);
	opened(x, 1, CARRIER_PTY, f);
	while (strstr(got, "/dev/pts/7\r\n") == NULL)
		if ((k = read(f[0], got + n, sizeof(got) - 1 - n)) > 0)
			n += (size_t)k;
	assert_non_null(strstr(got, "20 70\r\n-echo \r\nvt52 "));
	put_window(&w, &bigger);
	assert_int_equal(ipc_send(x->server, MSG_WINDOW, 1, wr_view(&w), NULL,
	    0), OK);
	wr_free(&w);
	ended(x, 1, 0, NULL);
	taken_back(x);
	k = read(f[0], got, sizeof(got) - 1);
	assert_true(k > 0);
	got[k] = '\0';
	assert_string_equal(got, "43 132\r\n");
	close(f[0]);
	end(x);
}

/* A client that closes hangs up; one that closes before the terminal is there
 * gets none. */
static void
terminal_hangs_up(void **state)
{
	struct fixture *x = *state;
	struct msg_open m = {
		.kind = START_EXEC, .pty = true,
		.command = view_str("trap 'exit 9' HUP; while :; do "
		    "sleep 0.01; done"),
	};
	int f[3];

	if (access("/dev/ptmx", R_OK | W_OK) == -1)
		skip();
	start(x);
	ask(x, 1, &m);
	give_terminal(x, true);
	opened(x, 1, CARRIER_PTY, f);
	close(f[0]);
	assert_int_equal(ipc_send(x->server, MSG_CLOSED, 1, view_of(NULL, 0),
	    NULL, 0), OK);
	taken_back(x);
	ask(x, 2, &m);
	assert_int_equal(ipc_send(x->server, MSG_CLOSED, 2, view_of(NULL, 0),
	    NULL, 0), OK);
	usleep(50000);
	give_terminal(x, true);
	taken_back(x);
	/* there may be none */
	ask(x, 3, &m);
	give_terminal(x, false);
	next(x, MSG_REFUSED, 3);
	/* nor a warden */
	ask(x, 4, &m);
	close(x->warden);
	x->warden = -1;
	next(x, MSG_REFUSED, 4);
	ask(x, 5, &m);
	next(x, MSG_REFUSED, 5);
	end(x);
}

/* The log is to know the child before it does anything. */
static void
introduced(struct fixture *x)
{
	struct msg_child m;

	assert_int_equal(from(x, x->warden), OK);
	assert_int_equal(x->msg.type, MSG_CHILD);
	assert_int_equal(x->msg.id, 77);
	assert_true(get_child(x->msg.body, &m));
	assert_int_not_equal(m.pid, x->pid);
	assert_int_equal(ipc_send(x->warden, MSG_CHILD_KNOWN, 77,
	    view_of(NULL, 0), NULL, 0), OK);
}

static void
serves_files_sealed(void **state)
{
	static const uint8_t init[] = { 0, 0, 0, 5, 1, 0, 0, 0, 3 };
	struct fixture *x = *state;
	const struct msg_open m = {
		.kind = START_SUBSYSTEM, .command = view_str("sftp"),
	};
	char path[64], line[256];
	uint8_t head[5];
	long child = 0, caps = -1, nnp = -1, seccomp = -1;
	int d[2];
	FILE *s;

	start(x);
	for (uint32_t i = 0; i < 2; i++) {
		ask(x, 1 + i, &m);
		if (i == 0)
			introduced(x);
		opened(x, 1 + i, CARRIER_SOCKET, &d[i]);
		assert_int_equal(fcntl(d[i], F_SETFL, 0), 0);
		assert_int_equal(write(d[i], init, sizeof(init)),
		    sizeof(init));
		assert_int_equal(recv(d[i], head, 5, MSG_WAITALL), 5);
		assert_int_equal(head[4], 2);
	}
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)x->pid,
	    (int)x->pid);
	s = fopen(path, "r");
	assert_non_null(s);
	assert_int_equal(fscanf(s, "%ld", &child), 1);
	fclose(s);
	snprintf(path, sizeof(path), "/proc/%ld/status", child);
	s = fopen(path, "r");
	assert_non_null(s);
	while (fgets(line, sizeof(line), s) != NULL) {
		(void)sscanf(line, "CapEff: %lx", (unsigned long *)&caps);
		(void)sscanf(line, "NoNewPrivs: %ld", &nnp);
		(void)sscanf(line, "Seccomp: %ld", &seccomp);
	}
	fclose(s);
	assert_int_equal(caps, 0);
	assert_int_equal(nnp, 1);
	assert_int_equal(seccomp, 2);
	close(d[0]);
	ended(x, 1, 0, NULL);
	/* It dies: what it served has ended, and the next is served. */
	assert_int_equal(kill((pid_t)child, SIGKILL), 0);
	ended(x, 2, 1, NULL);
	close(d[1]);
	ask(x, 3, &m);
	introduced(x);
	opened(x, 3, CARRIER_SOCKET, &d[0]);
	close(d[0]);
	ended(x, 3, 0, NULL);
	end(x);
}

static void
refuses(void **state)
{
	struct fixture *x = *state;
	struct msg_open m = { .kind = START_SHELL };
	char text[LOG_MAX_EVENT];
	ssize_t n;

	x->policy.allow = ALLOW_EXEC;
	start(x);
	ask(x, 1, &m);
	next(x, MSG_REFUSED, 1);
	do
		n = recv(x->log, text, sizeof(text), 0);
	while (n > 0 && memmem(text, (size_t)n, "request-refused", 15) == NULL);
	assert_true(n > 0);
	assert_non_null(memmem(text, (size_t)n, "shell is not allowed", 20));
	assert_non_null(memmem(text, (size_t)n, "f.yaml:7:8", 10));
	m.kind = START_SUBSYSTEM;
	m.command = view_str("sftp");
	ask(x, 2, &m);
	next(x, MSG_REFUSED, 2);
	m.command = view_str("other");
	ask(x, 3, &m);
	next(x, MSG_REFUSED, 3);
	m.kind = START_EXEC;
	m.pty = true;
	ask(x, 4, &m);
	next(x, MSG_REFUSED, 4);
	end(x);
}

static void
subsystems(void **state)
{
	static const struct policy_pair pairs[] = {
		{ { (const uint8_t *)"other", 5 },
		    { (const uint8_t *)"echo one; exit 2", 16 } },
	};
	struct fixture *x = *state;
	const struct msg_open m = {
		.kind = START_SUBSYSTEM, .command = view_str("other"),
	};
	int f[3];

	/* It needs no other right. */
	x->policy.allow = ALLOW_SFTP;
	x->policy.run.subsystems = (struct policy_pairs){ pairs, 1 };
	start(x);
	ask(x, 1, &m);
	opened(x, 1, CARRIER_PIPES, f);
	ended(x, 1, 2, NULL);
	says(f[1], "one\n");
	close(f[0]);
	close(f[2]);
	exec(x, 2, "id");
	next(x, MSG_REFUSED, 2);
	end(x);
}

/* What cannot be run is told to the user, with the shell's own numbers. */
static void
tells_what_is_missing(void **state)
{
	struct fixture *x = *state;
	const struct msg_open m = {
		.kind = START_EXEC, .command = view_str("id"),
	};
	int f[3];

	if (geteuid() != 0)
		skip();
	x->policy.jail = view_str(x->dir);
	x->policy.start = view_of(NULL, 0);
	start(x);
	ask(x, 1, &m);
	opened(x, 1, CARRIER_SOCKETS, f);
	ended(x, 1, 127, NULL);
	says(f[0], "");
	says(f[1], "/bin/sh: No such file or directory (or a library of it) in "
	    "the jail\r\n");
	end(x);
}

static void
account_without_shell(void **state)
{
	struct fixture *x = *state;
	const struct msg_open m = { .kind = START_SHELL };
	int f[3];

	x->policy.run.shell = view_str("/usr/sbin/nologin");
	start(x);
	ask(x, 1, &m);
	opened(x, 1, CARRIER_SOCKETS, f);
	ended(x, 1, 1, NULL);
	close(f[0]);
	says(f[1], "This account has no shell.\r\n");
	end(x);
}

/* ---- what is left behind ---- */

static bool
is_there(pid_t pid)
{
	return kill(pid, 0) == 0;
}

/* The pid of something that has left its parents, terminal and group. */
static pid_t
leave_something(struct fixture *x)
{
	char got[32] = "";
	size_t n = 0;
	int f[3];

	exec(x, 1, "setsid sh -c 'trap \"\" HUP TERM; sleep 60 & echo $!; "
	    "wait' </dev/null & sleep 0.2");
	opened(x, 1, CARRIER_PIPES, f);
	while (strchr(got, '\n') == NULL) {
		ssize_t k = read(f[1], got + n, sizeof(got) - 1 - n);

		n += k > 0 ? (size_t)k : 0;
	}
	ended(x, 1, 0, NULL);
	for (int i = 0; i < 3; i++)
		close(f[i]);
	return (pid_t)atol(got);
}

static void
ends_what_is_left(void **state)
{
	struct fixture *x = *state;
	pid_t left;

	start(x);
	left = leave_something(x);
	assert_true(left > 1 && is_there(left));
	end(x);
	assert_false(is_there(left));
}

static void
lets_it_linger(void **state)
{
	struct fixture *x = *state;
	pid_t left;

	x->policy.run.linger = true;
	start(x);
	left = leave_something(x);
	end(x);
	assert_true(is_there(left));
	assert_int_equal(kill(left, SIGKILL), 0);
}

/* A client that starts and closes, starts and closes, comes to an end. */
static void
bounded(void **state)
{
	struct fixture *x = *state;
	uint32_t i, refused = 0;
	int f[3];

	start(x);
	for (i = 1; i <= 300 && refused == 0; i++) {
		exec(x, i, "exec sleep 30");
		assert_int_equal(from(x, x->server), OK);
		if (x->msg.type == MSG_REFUSED)
			refused = i;
		else
			assert_int_equal(x->msg.type, MSG_OPENED);
		for (size_t k = 0; k < x->msg.nfds; k++) {
			f[k] = ipc_take_fd(&x->msg, k);
			close(f[k]);
		}
		assert_int_equal(ipc_send(x->server, MSG_CLOSED, i,
		    view_of(NULL, 0), NULL, 0), OK);
	}
	assert_int_equal(refused, 257);
	end(x);
}

int
main(int argc, char **argv)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(runs), T(runs_what_is_forced), T(hears_signals),
		T(on_a_terminal),
		T(terminal_hangs_up), T(serves_files_sealed), T(refuses),
		T(subsystems), T(tells_what_is_missing),
		T(account_without_shell), T(ends_what_is_left),
		T(lets_it_linger), T(bounded),
	};

	proctitle_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
