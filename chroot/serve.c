#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/messages.h"
#include "chroot/child.h"
#include "chroot/serve.h"

#define SERVED_MAX	(LIMIT_CHANNELS_MAX + SETTLING_MAX)
#define SERVED_FIRST	4	/* places of the first allocation */
/* How long a channel may go on with what it was asked for once the client has
 * gone: usually, and when the server says that there is no time. */
#define SETTLE_MS	10000
#define HURRY_MS	500
/* ... and how long the server, which has gone, may keep ducts open. */
#define ALONE_MS	30000
/* Channels at a time that have hung up and not done yet. */
#define SETTLING_MAX	16

struct served {
	uint32_t channel;
	struct sftp_session *sftp;	/* one of the two */
	struct exec_session *exec;
	uint64_t hung_up;		/* when seen first, ms; 0: it is not */
};

/* Places in the array of poll(). */
enum { AT_SERVER, AT_WARDEN, AT_FLOWS, AT_SERVED };

struct serve {
	int server;
	const struct jail_policy *jail;
	struct serve_rules rules;
	struct served *served;
	struct pollfd *poll;		/* AT_SERVED others, then the served */
	size_t n, cap;
	struct flows *flows;		/* NULL: there are none */
	int warden;			/* for them, -1: it has gone */
	uint32_t conn;
	uint64_t alone;			/* since when without server, ms; 0 */
	uint32_t settle_ms;
	uint8_t frame[IPC_MAX_FRAME];
};

/* ---- what serves a channel, whichever it is ---- */

static int
served_fd(const struct served *v)
{
	return v->exec != NULL ? exec_session_fd(v->exec) :
	    sftp_session_fd(v->sftp);
}

static short
served_events(const struct served *v)
{
	return v->exec != NULL ? exec_session_events(v->exec) :
	    sftp_session_events(v->sftp);
}

static bool
served_hung_up(const struct served *v)
{
	return v->exec != NULL ? exec_session_hung_up(v->exec) :
	    sftp_session_hung_up(v->sftp);
}

static enum err
served_ready(const struct served *v, short revents)
{
	return v->exec != NULL ? exec_session_ready(v->exec, revents) :
	    sftp_session_ready(v->sftp, revents);
}

static uint32_t
served_status(const struct served *v, enum err why)
{
	if (why != ERR_CLOSED)
		return 1;
	return v->exec != NULL ? exec_session_status(v->exec) : 0;
}

static void
served_free(struct served *v)
{
	exec_session_free(&v->exec);
	sftp_session_free(&v->sftp);
}

/* ---- places ---- */

static bool
more_places(struct serve *s)
{
	size_t cap = s->cap != 0 ? s->cap * 2 : SERVED_FIRST;
	struct served *served;
	struct pollfd *p;

	if (cap > SERVED_MAX)
		cap = SERVED_MAX;
	if (s->n == cap || (served = realloc(s->served,
	    cap * sizeof(*served))) == NULL)
		return false;
	s->served = served;
	if ((p = realloc(s->poll,
	    (AT_SERVED + cap) * sizeof(*p))) == NULL)
		return false;
	s->poll = p;
	s->cap = cap;
	return true;
}

/* What stands against one more channel, or NULL. */
static const char *
obstacle(struct serve *s)
{
	size_t settling = 0;

	for (size_t i = 0; i < s->n; i++)
		settling += served_hung_up(&s->served[i]);
	if (settling >= SETTLING_MAX)
		return "channels that were closed are still busy";
	if (s->n == s->cap && !more_places(s))
		return "too many channels";
	return NULL;
}

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void
finish(struct serve *s)
{
	while (s->n != 0)
		served_free(&s->served[--s->n]);
	flows_free(&s->flows);
	_exit(0);
}

/* What is left has been asked for before the client went; but what listened
 * for it listens no more. */
static void
be_alone(struct serve *s)
{
	flows_free(&s->flows);
	if (s->alone == 0)
		s->alone = now_ms();
}

static void
tell(struct serve *s, uint8_t type, uint32_t channel, struct view body)
{
	if (s->alone == 0 && !child_send(s->server, type, channel, body))
		be_alone(s);
}

void
serve_log_refused(const struct msg_open *m, const char *reason,
    const char *rule)
{
	static const char *const words[START_KINDS] = {
		[START_SHELL] = "shell", [START_EXEC] = "exec",
		[START_SUBSYSTEM] = "subsystem",
	};
	struct log_ev e;

	log_begin(&e, LOG_WARN, "request-refused");
	log_str(&e, "request", words[m->kind]);
	if (m->command.n != 0)
		log_view(&e, "detail", m->command);
	log_str(&e, "reason", reason);
	if (rule[0] != '\0')
		log_str(&e, "rule", rule);
	log_send(&e);
}

/* The channel's descriptors, as they came; -1 what did not. */
struct ends {
	int duct, err;
};

static void
close_ends(const struct ends *d)
{
	if (d->duct != -1)
		close(d->duct);
	if (d->err != -1)
		close(d->err);
}

static bool
unblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags != -1 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) != -1;
}

/* Why it cannot be served, or NULL: then the descriptors are its own. */
static const char *
open_sftp(struct serve *s, uint32_t channel, struct ends *d)
{
	const char *why = s->jail->sftp ? obstacle(s) :
	    "SFTP is not allowed for this user";
	struct served new = { .channel = channel };

	if (why != NULL)
		return why;
	if (d->duct == -1 || !unblock(d->duct))
		return "no descriptors";
	if ((new.sftp = sftp_session_new(s->jail, d->duct, channel)) == NULL)
		why = "out of memory";
	d->duct = -1;
	if (why == NULL)
		s->served[s->n++] = new;
	return why;
}

/* Likewise, for a command that is served without a program. */
static const char *
open_command(struct serve *s, uint32_t channel, struct view command,
    struct ends *d)
{
	const char *why = obstacle(s);
	struct served new = { .channel = channel };

	if (why != NULL)
		return why;
	if (d->duct == -1 || d->err == -1 || !unblock(d->duct) ||
	    !unblock(d->err))
		return "no descriptors";
	new.exec = exec_session_new(s->jail, command,
	    (struct exec_fds){ d->duct, d->duct, d->err }, channel);
	d->duct = d->err = -1;
	if (new.exec == NULL)
		return "out of memory";
	s->served[s->n++] = new;
	return NULL;
}

/* Why it is not served here.  *rule_out: where that is written. */
static const char *
open_exec(struct serve *s, uint32_t channel, struct view command,
    struct ends *d, const char **rule_out)
{
	switch (exec_ask(s->jail, command)) {
	case EXEC_SERVED:
		return open_command(s, channel, command, d);
	case EXEC_NO_SCP:
		return "the old scp is not allowed";
	case EXEC_NO_BUILTIN:
		*rule_out = s->rules.builtins;
		return "builtins does not list it";
	default:
		return "this user may run nothing";
	}
}

static void
open_channel(struct serve *s, uint32_t channel, const struct msg_open *m,
    struct ends *d)
{
	const struct msg_opened opened = { CARRIER_DUCT };
	const char *why = "this user may run nothing", *rule = s->rules.allow;
	struct wr w = wr_new(64);

	if (s->rules.forced != NULL) {
		if (m->kind != START_SUBSYSTEM)
			why = open_exec(s, channel, view_str(s->rules.forced),
			    d, &rule);
	} else if (m->kind == START_SUBSYSTEM)
		why = view_is(m->command, "sftp") ?
		    open_sftp(s, channel, d) : "there is no such subsystem";
	else if (m->kind == START_EXEC)
		why = open_exec(s, channel, m->command, d, &rule);
	close_ends(d);
	if (why != NULL) {
		serve_log_refused(m, why, rule);
		tell(s, MSG_REFUSED, channel, view_of(NULL, 0));
	} else {
		put_opened(&w, &opened);
		tell(s, MSG_OPENED, channel, wr_view(&w));
	}
	wr_free(&w);
}

/* The last takes the place of the one that has ended. */
static void
ended(struct serve *s, size_t i, enum err why)
{
	const struct msg_ended m = {
		.status = served_status(&s->served[i], why),
	};
	uint32_t channel = s->served[i].channel;
	struct wr w = wr_new(1024);

	served_free(&s->served[i]);
	s->served[i] = s->served[--s->n];
	put_ended(&w, &m);
	tell(s, MSG_ENDED, channel, wr_view(&w));
	wr_free(&w);
}

static void
out_of_order(struct serve *s, const struct ipc_msg *msg)
{
	log_msg(LOG_ERROR, "session-ended", "message %u of the server out of "
	    "order", msg->type);
	finish(s);
}

static void
take_message(struct serve *s, struct ipc_msg *msg)
{
	struct msg_open m;
	struct ends d;

	switch (msg->type) {
	case MSG_CLOSED:
		if (s->flows != NULL)
			flows_closed(s->flows, msg->id);
		break;
	case MSG_OPEN:
		if (msg->nfds > 2 || !get_open(msg->body, &m))
			out_of_order(s, msg);
		d.duct = ipc_take_fd(msg, 0);
		d.err = ipc_take_fd(msg, 1);
		open_channel(s, msg->id, &m, &d);
		break;
	case MSG_HURRY:
		s->settle_ms = HURRY_MS;
		break;
	default:
		if (s->flows == NULL || flows_message(s->flows, msg) != OK)
			out_of_order(s, msg);
	}
}

static void
read_server(struct serve *s)
{
	struct ipc_msg msg;
	enum err e = ipc_recv(s->server, s->frame, sizeof(s->frame), &msg);

	if (e == ERR_AGAIN)
		return;
	if (e != OK) {
		be_alone(s);
		return;
	}
	take_message(s, &msg);
	ipc_msg_close(&msg);
}

/* ---- forwarded connections ---- */

/* The server has lost its end while flows were at work: they are put away
 * when they are not. */
static void
flow_to_server(void *ctx, uint8_t type, uint32_t id, const struct wr *body,
    int fd)
{
	struct serve *s = ctx;

	if (s->alone == 0 && (body->bad || !child_send_fds(s->server, type,
	    id, wr_view(body), &fd, fd != -1 ? 1 : 0)))
		s->alone = now_ms();
}

static bool
flow_to_warden(void *ctx, uint8_t type, const struct wr *body)
{
	struct serve *s = ctx;

	return s->warden != -1 && !body->bad && child_send(s->warden, type,
	    s->conn, wr_view(body));
}

static void
read_warden(struct serve *s)
{
	struct ipc_msg msg;
	enum err e = ipc_recv(s->warden, s->frame, sizeof(s->frame), &msg);

	if (e == ERR_AGAIN)
		return;
	if (e == OK) {
		if (msg.type != MSG_FOUND || s->flows == NULL ||
		    !flows_found(s->flows, msg.body))
			e = ERR_PROTO;
		ipc_msg_close(&msg);
	}
	if (e == OK)
		return;
	close(s->warden);
	s->warden = -1;
	if (s->flows != NULL)
		flows_no_warden(s->flows);
}

static void
make_flows(struct serve *s, const struct serve_flows *f)
{
	struct flows_start start;

	s->warden = -1;
	if (f == NULL)
		return;
	start = f->start;
	start.server = flow_to_server;
	start.warden = flow_to_warden;
	start.ctx = s;
	s->warden = f->warden;
	s->conn = f->conn;
	if ((s->flows = flows_new(&start)) == NULL) {
		child_complain("session", "forwards");
		_exit(1);
	}
}

static void
flows_turn(struct serve *s)
{
	if (s->poll[AT_FLOWS].revents != 0 && s->flows != NULL)
		flows_ready(s->flows);
	if (s->poll[AT_WARDEN].revents != 0 && s->warden != -1)
		read_warden(s);
	if (s->alone != 0)
		flows_free(&s->flows);
}

/* ---- the loop ---- */

/* Must it be called though poll() may have nothing to say? */
static bool
goes_on(const struct served *v)
{
	return served_hung_up(v) && (served_events(v) & POLLOUT) != 0;
}

/* poll() refuses more entries than RLIMIT_NOFILE, empty ones too: there is
 * hardly one but of open descriptors. */
static void
build_poll(struct serve *s)
{
	s->poll[AT_SERVER] = (struct pollfd){ s->alone != 0 ? -1 : s->server,
	    POLLIN, 0 };
	s->poll[AT_WARDEN] = (struct pollfd){ s->warden, POLLIN, 0 };
	s->poll[AT_FLOWS] = (struct pollfd){ s->flows != NULL ?
	    flows_fd(s->flows) : -1, POLLIN, 0 };
	for (size_t i = 0; i < s->n; i++) {
		const struct served *v = &s->served[i];

		s->poll[AT_SERVED + i] = (struct pollfd){ served_fd(v),
		    served_events(v), 0 };
	}
}

/* How long poll() may wait: not at all for channels that go on, for ever
 * while nothing has hung up, else a moment, and the clock is looked at. */
static int
patience(const struct serve *s)
{
	int ms = s->alone != 0 ? 100 : -1;

	for (size_t i = 0; i < s->n; i++) {
		if (goes_on(&s->served[i]))
			return 0;
		if (served_hung_up(&s->served[i]))
			ms = 100;
	}
	return ms;
}

static void
cut(struct serve *s, size_t i)
{
	struct log_ev e;

	log_begin(&e, LOG_WARN, "input-lost");
	log_num(&e, "channel", s->served[i].channel);
	log_str(&e, "reason", "the client has gone, and what it asked for "
	    "takes too long");
	log_send(&e);
	ended(s, i, ERR_LIMIT);
}

/* Ends what has taken too long over what was asked for before the client
 * went; without a server and a channel, the session. */
static void
settle(struct serve *s)
{
	uint64_t now;

	if (patience(s) == -1)
		return;
	now = now_ms();
	for (size_t i = s->n; i-- != 0;) {
		struct served *at = &s->served[i];

		if (!served_hung_up(at))
			continue;
		if (at->hung_up == 0)
			at->hung_up = now;
		if (now - at->hung_up >= s->settle_ms)
			cut(s, i);
	}
	if (s->alone != 0 && (s->n == 0 || now - s->alone >= ALONE_MS))
		finish(s);
}

static void
turn(struct serve *s)
{
	build_poll(s);
	if (poll(s->poll, (nfds_t)(AT_SERVED + s->n), patience(s)) == -1 &&
	    errno != EINTR)
		finish(s);
	/* Backwards: whoever takes the place of one that has ended, has had
	 * its turn. */
	for (size_t i = s->n; i-- != 0;) {
		struct served *v = &s->served[i];
		short ev = s->poll[AT_SERVED + i].revents;
		enum err e;

		if (ev == 0 && !goes_on(v))
			continue;
		e = served_ready(v, ev);
		if (e != OK && e != ERR_AGAIN)
			ended(s, i, e);
	}
	flows_turn(s);
	/* Last: it may add to the array. */
	if (s->poll[AT_SERVER].revents != 0)
		read_server(s);
	settle(s);
}

void
serve_channels(int server, const struct jail_policy *jail,
    const struct serve_rules *rules, const struct serve_flows *flows)
{
	struct serve *s = calloc(1, sizeof(*s));

	if (s == NULL)
		_exit(1);
	s->server = server;
	s->jail = jail;
	s->rules = *rules;
	s->settle_ms = SETTLE_MS;
	if (!more_places(s))
		_exit(1);
	make_flows(s, flows);
	for (;;)
		turn(s);
}
