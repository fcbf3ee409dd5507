/*
 * A whole SFTP session on arbitrary requests, in a root of its own.
 *
 * Input: byte options (1: read-only, 2: raw bytes instead of frames, 4: the
 * client goes once it has said all, 8: it hears nothing from the start), then
 * frames: uint16 length, that many bytes from the request number on.  INIT is
 * sent first.
 */
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "sftp/proto.h"
#include "sftp/sftp.h"
#include "tests/fuzz/root.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The longest a session of one input may work: a copy takes a few turns. */
#define TURNS_MAX	2000

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

/* What sftp.h says about those who have hung up. */
static bool
goes_on(const struct sftp_session *s)
{
	return sftp_session_hung_up(s) &&
	    (sftp_session_events(s) & POLLOUT) != 0;
}

/* Lets the session work; takes and checks what it answers: whole frames of
 * bounded length. */
static void
converse(struct sftp_session *s, int fd, struct view in, uint8_t options)
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
			shutdown(fd, (options & 4) != 0 ? SHUT_RDWR : SHUT_WR);
			done = true;
		}
		p.events = sftp_session_events(s);
		if ((poll(&p, 1, 0) == 1 || goes_on(s)) &&
		    sftp_session_ready(s, p.revents) != OK)
			break;
	}
	wr_free(&answers);
}

static void
run(struct view in, uint8_t options)
{
	struct jail_policy policy = { .user = "acme", .home = "/",
	    .start = "/", .uid = 2001, .gid = 2001, .sftp = true,
	    .read_only = (options & 1) != 0 };
	struct sftp_session *s;
	int duct[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
	    duct) == -1)
		abort();
	if ((s = sftp_session_new(&policy, duct[1], 1)) == NULL)
		abort();
	if ((options & 8) != 0)
		shutdown(duct[0], SHUT_RD);
	converse(s, duct[0], in, options);
	sftp_session_free(&s);
	close(duct[0]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t init[] = { 0, 0, 0, 5, FXP_INIT, 0, 0, 0, 3 };
	struct wr w = wr_new((size_t)4 << 20);
	uint8_t options = size != 0 ? data[0] : 0;
	bool confined = root_enter();

	wr_bytes(&w, view_of(init, sizeof(init)));
	if (size > 1 && (options & 2) != 0)
		wr_bytes(&w, view_of(data + 1, size - 1));
	else if (size > 1)
		put_frames(&w, view_of(data + 1, size - 1));
	/* What it may not harm, it may not change. */
	run(wr_view(&w), confined ? options : options | 1);
	root_leave();
	wr_free(&w);
	return 0;
}
