/*
 * A whole SFTP session on arbitrary requests, in a directory of its own that
 * is its root while it runs.
 *
 * Input: byte options (1: read-only, 2: raw bytes instead of frames), then
 * frames: uint16 length, that many bytes from the request number on.  INIT is
 * sent first.  An input that crashes is left in that directory, which then
 * stays: /tmp/sftp-fuzz.*.
 */
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "sftp/proto.h"
#include "sftp/sftp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The longest a session of one input may work: a copy takes a few turns. */
#define TURNS_MAX	2000
#define FILE_BYTES_MAX	((rlim_t)4 << 20)

static char dir[] = "/tmp/sftp-fuzz.XXXXXX";
static int outside = -1;	/* the real root while a session runs */
static int back = -1;		/* where the caller stood */
static bool confined;

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)st;
	(void)flag;
	return f->level == 0 ? 0 : remove(path);
}

static void
remove_all(void)
{
	if (nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) == -1)
		perror(dir);
	rmdir(dir);
}

/* Without a chroot of our own only what changes nothing may be tried. */
static void
prepare(void)
{
	struct rlimit rl = { FILE_BYTES_MAX, FILE_BYTES_MAX };

	if (mkdtemp(dir) == NULL || (outside = open("/", O_RDONLY |
	    O_DIRECTORY | O_CLOEXEC)) == -1 || (back = open(".", O_RDONLY |
	    O_DIRECTORY | O_CLOEXEC)) == -1)
		abort();
	atexit(remove_all);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &rl);
	if (geteuid() != 0)
		(void)!unshare(CLONE_NEWUSER);
	confined = chroot(dir) == 0;
	if (confined && (fchdir(outside) == -1 || chroot(".") == -1))
		abort();
	if (!confined)
		fprintf(stderr, "no chroot: read-only sessions alone\n");
}

/* What every session finds. */
static void
populate(void)
{
	static const char text[] = "0123456789abcdef";
	int fd;

	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (chdir(dir) == -1)
		abort();
	fd = open("f", O_WRONLY | O_CREAT, 0644);
	if (fd == -1 || write(fd, text, sizeof(text)) == -1)
		abort();
	close(fd);
	(void)!mkdir("d", 0755);
	(void)!symlink("d/../f", "l");
	(void)!link("f", "h");
	(void)!mkfifo("p", 0644);
}

static void
put_frames(struct wr *w, struct view data)
{
	struct rd r = rd_of(data);

	while (r.n >= 3) {
		size_t hi = rd_u8(&r), n = hi << 8 | rd_u8(&r);

		if (n > r.n)
			n = r.n;
		wr_u32(w, (uint32_t)n);
		wr_bytes(w, rd_bytes(&r, n));
	}
}

/* Lets the session work; takes and checks what it answers: whole frames of
 * bounded length. */
static void
converse(struct sftp_session *s, int fd, struct view in)
{
	struct pollfd p = { .fd = sftp_session_fd(s) };
	struct wr answers = wr_new((size_t)8 << 20);
	bool done = false;

	for (int turn = 0; turn < TURNS_MAX; turn++) {
		uint8_t *room = wr_reserve(&answers, 65536);
		struct view v;
		ssize_t n;

		if (room == NULL)
			abort();
		while ((n = recv(fd, room, 65536, MSG_DONTWAIT)) > 0) {
			wr_commit(&answers, (size_t)n);
			if ((room = wr_reserve(&answers, 65536)) == NULL)
				abort();
		}
		while ((v = wr_view(&answers)).n >= 4 &&
		    v.n - 4 >= get_u32(v.p)) {
			if (get_u32(v.p) < 5 ||
			    get_u32(v.p) + 4 > SFTP_ANSWER_MAX)
				abort();
			wr_consume(&answers, 4 + (size_t)get_u32(v.p));
		}
		if (in.n != 0) {
			n = send(fd, in.p, in.n, MSG_DONTWAIT | MSG_NOSIGNAL);
			if (n > 0)
				in = view_of(in.p + n, in.n - (size_t)n);
		} else if (!done) {
			shutdown(fd, SHUT_WR);
			done = true;
		}
		p.events = sftp_session_events(s);
		if (poll(&p, 1, 0) == 1 &&
		    sftp_session_ready(s, p.revents) != OK)
			break;
	}
	wr_free(&answers);
}

static void
run(struct view in, bool read_only)
{
	struct jail_policy policy = { .user = "acme", .home = "/",
	    .start = "/", .uid = 2001, .gid = 2001, .sftp = true,
	    .read_only = read_only || !confined };
	struct sftp_session *s;
	int duct[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
	    duct) == -1)
		abort();
	if ((s = sftp_session_new(&policy, duct[1], 1)) == NULL)
		abort();
	converse(s, duct[0], in);
	sftp_session_free(&s);
	close(duct[0]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t init[] = { 0, 0, 0, 5, FXP_INIT, 0, 0, 0, 3 };
	struct wr w = wr_new((size_t)4 << 20);
	uint8_t options = size != 0 ? data[0] : 0;

	if (outside == -1)
		prepare();
	populate();
	wr_bytes(&w, view_of(init, sizeof(init)));
	if (size > 1 && (options & 2) != 0)
		wr_bytes(&w, view_of(data + 1, size - 1));
	else if (size > 1)
		put_frames(&w, view_of(data + 1, size - 1));
	if (confined && chroot(".") == -1)
		abort();
	run(wr_view(&w), (options & 1) != 0);
	if (fchdir(outside) == -1 || (confined && chroot(".") == -1) ||
	    fchdir(back) == -1)
		abort();
	wr_free(&w);
	return 0;
}
