#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sftp/events.h"
#include "sftp/ops.h"
#include "sftp/session.h"

/* Requests are taken in bites that start small and grow while they come
 * back full: an idle session holds one small bite. */
#define TAKE_MIN	((size_t)4 << 10)
#define TAKE_MAX	((size_t)256 << 10)
/* Whole requests not yet served and the start of one: the largest frame
 * must fit whatever stands before it. */
#define IN_MAX		(TAKE_MAX + 4 + SFTP_FRAME_MAX)
/* Answers are sent when there are this many bytes of them.  A request is
 * taken only below that mark, so that its answer always has room. */
#define SEND_MARK	((size_t)192 << 10)
#define OUT_MAX		(SEND_MARK + SFTP_ANSWER_MAX)
/* Requests served before the caller's other descriptors get their turn. */
#define TURN_REQUESTS	1024
/* Buffers larger than this go back when no file is open. */
#define KEEP_BYTES	((size_t)48 << 10)

struct sftp_session *
sftp_session_new(const struct jail_policy *policy, int duct,
    uint32_t channel)
{
	struct sftp_session *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		close(duct);
		return NULL;
	}
	s->policy = policy;
	s->duct = duct;
	s->from = (struct event_from){ policy, channel, "sftp" };
	s->take = TAKE_MIN;
	s->in = wr_new(IN_MAX);
	s->out = wr_new(OUT_MAX);
	event_session(&s->from, "sftp-start", 0);
	return s;
}

void
sftp_session_free(struct sftp_session **s)
{
	struct sftp_session *old = *s;
	struct handle *h;

	*s = NULL;
	if (old == NULL)
		return;
	copy_free(&old->copy);
	for (size_t i = 0; i < SFTP_HANDLES_MAX; i++) {
		if ((h = old->handles.slot[i]) == NULL)
			continue;
		event_transfer(&old->from, h, true);
		handle_free(&old->handles, &h);
	}
	event_session(&old->from, "sftp-end", old->requests);
	wr_free(&old->in);
	wr_free(&old->out);
	close(old->duct);
	free(old);
}

bool
sftp_session_hung_up(const struct sftp_session *s)
{
	return s->deaf;
}

int
sftp_session_fd(const struct sftp_session *s)
{
	return s->duct;
}

/* Does the input begin with a whole frame?  ERR_AGAIN: not yet; ERR_PROTO:
 * there will never be one.  *need_out: bytes missing. */
static enum err
peek_frame(const struct sftp_session *s, struct view *frame_out,
    size_t *need_out)
{
	struct view in = wr_view(&s->in);
	uint32_t len;

	*need_out = 0;
	if (in.n < 4)
		return ERR_AGAIN;
	len = get_u32(in.p);
	if (len == 0 || len > SFTP_FRAME_MAX)
		return ERR_PROTO;
	if (in.n - 4 < len) {
		*need_out = len - (in.n - 4);
		return ERR_AGAIN;
	}
	*frame_out = view_of(in.p + 4, len);
	return OK;
}

static bool
has_frame(const struct sftp_session *s)
{
	struct view frame;
	size_t need;

	return peek_frame(s, &frame, &need) == OK;
}

short
sftp_session_events(const struct sftp_session *s)
{
	bool more = has_frame(s);
	short events = 0;

	/* A copy or requests left over go on as soon as answers could. */
	if (wr_size(&s->out) != 0 || s->copy != NULL || more)
		events |= POLLOUT;
	if (!s->eof && !s->blocked && s->copy == NULL && !more)
		events |= POLLIN;
	return events;
}

/* One recv(2), at least of what the request at hand still misses. */
static enum err
take(struct sftp_session *s)
{
	struct view frame;
	size_t want = s->take, need;
	uint8_t *p;
	ssize_t n;

	if (peek_frame(s, &frame, &need) != ERR_AGAIN)
		return OK;
	if (want < need)
		want = need;
	if (want > IN_MAX - wr_size(&s->in))
		want = IN_MAX - wr_size(&s->in);
	if ((p = wr_reserve(&s->in, want)) == NULL)
		return ERR_NOMEM;
	n = recv(s->duct, p, want, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return OK;
	if (n == -1 && errno != ECONNRESET)
		return ERR_CLOSED;
	if (n <= 0) {
		s->eof = true;
		return OK;
	}
	wr_commit(&s->in, (size_t)n);
	if ((size_t)n == want && s->take < TAKE_MAX)
		s->take *= 2;
	return OK;
}

/* Serves until the answers should be sent, or nothing is left to serve. */
static enum err
serve(struct sftp_session *s)
{
	struct view frame;
	size_t need;
	enum err e = OK;

	if (s->copy != NULL)
		copy_step(s);
	while (s->copy == NULL && s->turn != 0 &&
	    wr_size(&s->out) < SEND_MARK) {
		e = peek_frame(s, &frame, &need);
		if (e != OK)
			return e == ERR_AGAIN ? OK : e;
		e = ops_run(s, frame);
		wr_consume(&s->in, 4 + frame.n);
		if (e != OK)
			return e;
		s->turn--;
	}
	return OK;
}

/* Nobody reads answers any more.  What was asked for is done all the same:
 * the client may have gone without waiting to be told. */
static void
go_deaf(struct sftp_session *s)
{
	s->deaf = true;
	s->blocked = false;
	wr_reset(&s->out);
}

static enum err
flush(struct sftp_session *s)
{
	struct view v;
	ssize_t n;

	if (s->deaf)
		go_deaf(s);
	while ((v = wr_view(&s->out)).n != 0) {
		n = send(s->duct, v.p, v.n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && (errno == EPIPE || errno == ECONNRESET)) {
			go_deaf(s);
			return OK;
		}
		if (n == -1 && errno != EAGAIN)
			return ERR_CLOSED;
		if (n != -1)
			wr_consume(&s->out, (size_t)n);
		/* What a short send left does not fit now either. */
		s->blocked = n == -1 || (size_t)n < v.n;
		if (s->blocked)
			return OK;
	}
	return OK;
}

/* Serves and sends in turns while the duct takes what is sent. */
static enum err
work(struct sftp_session *s)
{
	enum err e = flush(s), served = OK;

	while (e == OK && served == OK && !s->blocked) {
		served = serve(s);
		e = flush(s);
		if (s->copy != NULL || s->turn == 0 || !has_frame(s))
			break;
	}
	return e != OK ? e : served;
}

void
sftp_session_trim(struct sftp_session *s)
{
	bool large = s->in.cap > KEEP_BYTES || s->out.cap > KEEP_BYTES;

	if (!large || wr_size(&s->in) != 0 || wr_size(&s->out) != 0)
		return;
	wr_trim(&s->in);
	wr_trim(&s->out);
	s->take = TAKE_MIN;
	malloc_trim(0);
}

enum err
sftp_session_ready(struct sftp_session *s, short revents)
{
	enum err e = OK;

	if ((revents & POLLNVAL) != 0)
		return ERR_CLOSED;
	if ((revents & (POLLERR | POLLHUP)) != 0)
		go_deaf(s);
	if ((revents & POLLOUT) != 0)
		s->blocked = false;
	s->turn = TURN_REQUESTS;
	if ((revents & (POLLIN | POLLERR | POLLHUP)) != 0 && !s->eof &&
	    s->copy == NULL && !s->blocked)
		e = take(s);
	if (e == OK)
		e = work(s);
	if (e != OK)
		return e;
	if (s->eof && s->copy == NULL && wr_size(&s->out) == 0 &&
	    !has_frame(s))
		return ERR_CLOSED;
	if (s->handles.files == 0)
		sftp_session_trim(s);
	return OK;
}
