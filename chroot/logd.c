#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/privdrop.h"
#include "base/proctitle.h"
#include "chroot/log_who.h"
#include "chroot/logd.h"

#define AUTHPRIV (10 << 3)	/* syslog facility */

struct logd {
	int events, control, target;
	struct msg_log_target how;
	uid_t server_uid;
	bool unprivileged;
	bool closing;
	bool torn;		/* the last line was written in part */
	uint64_t lost;		/* lines that could not be written */
	struct log_whos *whos;
	struct wr line;
	uint8_t frame[IPC_MAX_FRAME];
	uint8_t event[LOG_MAX_EVENT + 1];
};

static uint64_t
realtime_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- writing ---- */

static bool
write_all(struct logd *d, struct view v)
{
	while (v.n != 0) {
		ssize_t n = write(d->target, v.p, v.n);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		d->torn = true;
		v.p += n;
		v.n -= (size_t)n;
	}
	d->torn = false;
	return true;
}

static int
syslog_severity(enum log_level level)
{
	static const int severity[] = {
		[LOG_ERROR] = 3, [LOG_WARN] = 4, [LOG_INFO] = 6,
		[LOG_DEBUG] = 7,
	};

	return severity[level];
}

/* One datagram for syslog's socket, or journald's native protocol
 * (systemd: JOURNAL_NATIVE_PROTOCOL); the text holds no newline. */
static bool
write_datagram(struct logd *d, enum log_level level, struct view text)
{
	struct wr w = wr_new(LOG_LINE_MAX + 256);
	char sev = (char)('0' + syslog_severity(level));
	bool ok;

	if (d->how.journal) {
		wr_bytes(&w, view_str("SYSLOG_IDENTIFIER=sallyportd\n"
		    "PRIORITY="));
		wr_u8(&w, (uint8_t)sev);
		wr_bytes(&w, view_str("\nMESSAGE="));
		wr_bytes(&w, text);
		wr_u8(&w, '\n');
	} else {
		char pri[8] = "<80>";

		_Static_assert(AUTHPRIV == 80, "the digits above");
		pri[2] = sev;
		wr_bytes(&w, view_str(pri));
		wr_bytes(&w, view_str("sallyportd: "));
		wr_bytes(&w, text);
	}
	ok = !w.bad && send(d->target, wr_view(&w).p, wr_size(&w),
	    MSG_DONTWAIT | MSG_NOSIGNAL) != -1;
	wr_free(&w);
	return ok;
}

static bool
write_line(struct logd *d, enum log_level level)
{
	struct view v = wr_view(&d->line);

	if (d->how.syslog || d->how.journal) {
		v.n--;		/* without the newline */
		return write_datagram(d, level, v);
	}
	if (d->torn && !write_all(d, view_str("\n")))
		return false;
	return write_all(d, v);
}

static bool
format_and_write(struct logd *d, const struct log_line *l)
{
	bool ok;

	wr_reset(&d->line);
	ok = d->how.json ? log_format_json(l, &d->line) :
	    log_format_text(l, &d->line);
	return ok && write_line(d, l->rec.level);
}

/* Says how many lines are missing, once writing works again. */
static bool
report_lost(struct logd *d)
{
	struct wr w = wr_new(LOG_MAX_EVENT);
	struct log_line l = { .ms = realtime_ms() };
	bool ok;

	wr_u8(&w, LOG_ERROR);
	wr_cstr(&w, "log-lost");
	wr_u32(&w, 0);
	wr_cstr(&w, "lines");
	wr_u8(&w, LOG_KIND_NUM);
	wr_u64(&w, d->lost);
	ok = log_parse(wr_view(&w), &l.rec) && format_and_write(d, &l);
	wr_free(&w);
	return ok;
}

static void
emit(struct logd *d, const struct log_line *l)
{
	if (d->lost != 0 && report_lost(d))
		d->lost = 0;
	if (d->lost != 0 || !format_and_write(d, l))
		d->lost++;
}

/* ---- events ---- */

static bool
sender(struct msghdr *m, struct ucred *out)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == SOL_SOCKET &&
		    c->cmsg_type == SCM_CREDENTIALS &&
		    c->cmsg_len == CMSG_LEN(sizeof(*out))) {
			memcpy(out, CMSG_DATA(c), sizeof(*out));
			return true;
		}
	}
	return false;
}

/* Warden and server speak for any connection, a login for its own alone. */
static bool
may_claim(const struct logd *d, const struct ucred *u)
{
	return d->unprivileged || u->uid == 0 || u->uid == d->server_uid;
}

static void control_drain(struct logd *d);

static void
take_event(struct logd *d, struct view datagram, const struct ucred *u)
{
	struct log_line l = { .ms = realtime_ms(), .pid = u->pid };
	struct log_who who;

	/* Who the sender is was told before it could send. */
	control_drain(d);
	if (!log_parse(datagram, &l.rec))
		return;
	if (log_whos_find(d->whos, u->pid, &who))
		l.who = &who;
	else
		l.strip = !may_claim(d, u);
	emit(d, &l);
}

/* One datagram; false when there is none now. */
static bool
read_event(struct logd *d)
{
	union {
		struct cmsghdr align;
		uint8_t b[CMSG_SPACE(sizeof(struct ucred))];
	} ctl;
	struct iovec iov = { d->event, sizeof(d->event) };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = ctl.b, .msg_controllen = sizeof(ctl.b),
	};
	struct ucred u = { .pid = 0, .uid = (uid_t)-1 };
	ssize_t n = recvmsg(d->events, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n == -1)
		return errno == EINTR;
	if (n <= LOG_MAX_EVENT && sender(&m, &u))
		take_event(d, view_of(d->event, (size_t)n), &u);
	return true;
}

/* ---- control ---- */

static void
new_target(struct logd *d, struct ipc_msg *msg)
{
	struct msg_log_target how;
	int fd;

	if (!get_log_target(msg->body, &how) ||
	    (fd = ipc_take_fd(msg, 0)) == -1)
		return;
	close(d->target);
	d->target = fd;
	d->how = how;
	d->torn = false;
}

static void
control_message(struct logd *d, struct ipc_msg *msg)
{
	struct msg_log_who who;

	switch (msg->type) {
	case MSG_LOG_TARGET:
		new_target(d, msg);
		break;
	case MSG_LOG_WHO:
		if (get_log_who(msg->body, &who))
			log_whos_add(d->whos, &who);
		break;
	case MSG_LOG_FORGET:
		if (get_log_who(msg->body, &who))
			log_whos_forget(d->whos, who.pid);
		break;
	default:
		break;
	}
}

static void
control_drain(struct logd *d)
{
	struct ipc_msg msg;
	enum err e;

	while (!d->closing) {
		e = ipc_recv(d->control, d->frame, sizeof(d->frame), &msg);
		if (e == ERR_AGAIN)
			return;
		if (e == ERR_CLOSED || e == ERR_SYS)
			d->closing = true;
		else if (e == OK) {
			control_message(d, &msg);
			ipc_msg_close(&msg);
		}
	}
}

/* ---- the process ---- */

static void
serve(struct logd *d)
{
	while (!d->closing) {
		struct pollfd p[2] = {
			{ .fd = d->control, .events = POLLIN },
			{ .fd = d->events, .events = POLLIN },
		};

		if (poll(p, 2, -1) == -1 && errno != EINTR)
			return;
		control_drain(d);
		while (read_event(d))
			;
		/* Nothing of the dead is on its way any more. */
		log_whos_purge(d->whos);
	}
}

/* There is no log to write this to. */
static bool
complain(const char *step)
{
	dprintf(STDERR_FILENO, "sallyportd: log process: %s: %s\n", step,
	    strerror(errno));
	return false;
}

static bool
drop(const struct logd_start *s)
{
	const struct privdrop p = {
		.root_fd = s->root, .uid = s->uid, .gid = s->gid,
		.seal = true, .userns = s->unprivileged,
	};
	const char *why;

	if (privdrop(&p, &why) != OK)
		return complain(why);
	close(s->root);
	if (!privdrop_die_with(s->parent, SIGKILL))
		return false;
	if (sandbox_install(s->sandbox) != OK)
		return complain("seccomp");
	return true;
}

void
logd_main(const struct logd_start *s)
{
	struct logd *d = calloc(1, sizeof(*d));
	struct tm tm;
	time_t t = 0;
	int on = 1;

	proctitle_set("log");
	gmtime_r(&t, &tm);	/* libc reads its files now, not in there */
	if (d == NULL || (d->whos = log_whos_new()) == NULL)
		_exit(1);
	d->events = s->events;
	d->control = s->control;
	d->target = s->target;
	d->how = s->how;
	d->server_uid = s->uid;
	d->unprivileged = s->unprivileged;
	d->line = wr_new(LOG_LINE_MAX);
	if (setsockopt(d->events, SOL_SOCKET, SO_PASSCRED, &on,
	    sizeof(on)) == -1 || !drop(s))
		_exit(1);
	serve(d);
	if (d->lost != 0)
		report_lost(d);
	_exit(0);
}
