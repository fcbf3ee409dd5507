#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/proctitle.h"
#include "chroot/child.h"
#include "chroot/warden.h"

#define FILE_NAME	"penalties"
#define WRITE_MS	10000	/* between two writes of the file */
#define ENTRY_MAX	28	/* bytes of penalty_put */

static uint64_t
wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- the server's copy ---- */

static void
flush(struct warden *w)
{
	const struct penalties *p = w->penalties;
	struct msg_barred m = {
		.closed4 = penalties_closed(p, 4),
		.closed6 = penalties_closed(p, 6),
		.entries = wr_view(&w->barred),
	};
	struct wr b = wr_new(IPC_MAX_FRAME);

	if (w->nbarred == 0 && m.closed4 == w->closed4 &&
	    m.closed6 == w->closed6)
		return;
	put_barred(&b, &m);
	w->closed4 = m.closed4;
	w->closed6 = m.closed6;
	warden_tell_server(w, MSG_BARRED, 0, wr_view(&b), NULL, 0);
	wr_free(&b);
	wr_reset(&w->barred);
	w->nbarred = 0;
}

static void
tell(struct warden *w, const struct penalty *e, uint64_t until)
{
	if (w->nbarred == MSG_BARRED_MAX)
		flush(w);
	penalty_put(&w->barred, e, until);
	w->nbarred++;
}

/* The time is told by the clock in the server too. */
static void
source_gone(void *ctx, const struct penalty *e, enum penalty_end why)
{
	if (e->barred && why != PENALTY_EXPIRED)
		tell(ctx, e, 0);
}

static void
send_rules(struct warden *w)
{
	const struct config_main *m = config_main(w->gen[0]->config);
	struct msg_penalties out = {
		.config = m->penalties, .nexempt = m->nexempt,
	};
	struct wr b = wr_new(IPC_MAX_FRAME);

	if (m->nexempt != 0)
		memcpy(out.exempt, m->exempt,
		    m->nexempt * sizeof(out.exempt[0]));
	put_penalties(&b, &out);
	warden_tell_server(w, MSG_PENALTIES, 0, wr_view(&b), NULL, 0);
	wr_free(&b);
	w->closed4 = w->closed6 = false;	/* so the server begins */
}

void
warden_penalties_send(struct warden *w)
{
	const struct penalty *e;
	uint32_t at = 0;

	if (w->penalties == NULL)
		return;		/* the first server: see _open */
	wr_reset(&w->barred);
	w->nbarred = 0;
	send_rules(w);
	penalties_expire(w->penalties, w->now);
	while ((e = penalties_next(w->penalties, &at)) != NULL)
		if (e->barred)
			tell(w, e, e->until);
	flush(w);
}

/* ---- the file ---- */

static void
changed(struct warden *w)
{
	if (w->penalties_write == 0 && w->state.dir != -1)
		w->penalties_write = w->now + WRITE_MS;
}

static void
read_file(struct warden *w)
{
	struct wr file = wr_new(PENALTIES_FILE_MAX);
	enum err e;

	if (w->state.dir == -1)
		return;
	e = state_read(w->state.dir, FILE_NAME, PENALTIES_FILE_MAX, &file);
	if (e == OK && !penalties_load(w->penalties, wr_view(&file), w->now,
	    wall_ms()))
		e = ERR_PROTO;
	wr_free(&file);
	if (e != OK && e != ERR_CLOSED)
		log_msg(LOG_ERROR, "state-damaged", "%s/" FILE_NAME ": %s; "
		    "nobody is barred", w->state.path, err_word(e));
}

static void write_child(struct warden *w, struct view file, pid_t parent)
    __attribute__((noreturn));

static void
write_child(struct warden *w, struct view file, pid_t parent)
{
	int dir = w->state.dir;
	int *const keep[] = { &dir };

	child_begin(parent);
	warden_forget(w);
	proctitle_set("state");
	if (!child_keep(keep, 1))
		_exit(1);
	_exit(state_write(dir, FILE_NAME, file) == OK ? 0 : 1);
}

/* The disk may be slow; the warden is not. */
static void
write_file(struct warden *w)
{
	struct wr file = wr_new(PENALTIES_FILE_MAX);
	pid_t self = getpid(), pid = -1;

	w->penalties_write = 0;
	penalties_expire(w->penalties, w->now);
	penalties_save(w->penalties, w->now, wall_ms(), &file);
	if (!file.bad && (pid = fork()) == 0)
		write_child(w, wr_view(&file), self);
	wr_free(&file);
	if (pid == -1) {
		changed(w);
		return;
	}
	w->children++;
	w->penalties_writer = pid;
}

void
warden_penalties_reaped(struct warden *w, int status)
{
	bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	w->penalties_writer = 0;
	if (!ok && !w->penalties_unsaved)
		log_msg(LOG_ERROR, "state-write", "%s/" FILE_NAME " cannot be "
		    "written", w->state.path != NULL ? w->state.path : "");
	w->penalties_unsaved = !ok;
	if (!ok)
		changed(w);
}

void
warden_penalties_close(struct warden *w)
{
	if (w->penalties_writer != 0) {
		/* It holds an older table; the file stays whole. */
		kill(w->penalties_writer, SIGKILL);
		waitpid(w->penalties_writer, NULL, 0);
		w->children--;
		w->penalties_writer = 0;
		changed(w);
	}
	if (w->penalties_write != 0)
		write_file(w);
}

/* ---- the table ---- */

bool
warden_penalties_open(struct warden *w)
{
	uint64_t seed;

	crypto_random((uint8_t *)&seed, sizeof(seed));
	w->penalties = penalties_new(seed, source_gone, w);
	if (w->penalties == NULL)
		return false;
	w->barred = wr_new((size_t)MSG_BARRED_MAX * ENTRY_MAX);
	warden_penalties_configure(w);
	read_file(w);
	return true;
}

void
warden_penalties_configure(struct warden *w)
{
	const struct config_main *m = config_main(w->gen[0]->config);

	if (!penalties_configure(w->penalties, &m->penalties, m->exempt,
	    m->nexempt, w->now))
		log_msg(LOG_ERROR, "memory", "penalties keep their rules");
	send_rules(w);
	flush(w);
	changed(w);
}

static void
log_penalty(const struct warden *w, const struct penalty *e)
{
	uint64_t left = e->until - w->now;
	time_t until = (time_t)((wall_ms() + left) / 1000);
	char src[NET_TEXT_MAX], when[32];
	struct tm tm;
	struct log_ev ev;

	net_text(&e->net, src);
	gmtime_r(&until, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	log_begin(&ev, LOG_WARN, "penalty");
	log_str(&ev, "src", src);
	log_str(&ev, "reason", penalty_word(e->reason));
	log_str(&ev, "until", when);
	log_num(&ev, "seconds", (left + 999) / 1000);
	log_send(&ev);
}

void
warden_offence(struct warden *w, const struct net_addr *src,
    enum penalty_reason reason)
{
	const struct penalty *e;
	bool barred;

	if (w->stopping)
		return;
	e = penalties_add(w->penalties, src, reason, w->now, &barred);
	if (barred)
		log_penalty(w, e);
	if (e != NULL && e->barred)
		tell(w, e, e->until);
	if (e != NULL)
		changed(w);
	flush(w);
}

void
warden_judge(struct warden *w, const struct ward *c)
{
	if (c->opened || c->blameless || c->net.family == 0)
		return;
	if (c->crashed)
		warden_offence(w, &c->net, PENALTY_CRASH);
	else if (c->grace_over)
		warden_offence(w, &c->net, PENALTY_GRACE);
	else if (c->attempts == 0)
		warden_offence(w, &c->net, PENALTY_NOAUTH);
	else
		warden_offence(w, &c->net, c->stranger ? PENALTY_INVALIDUSER :
		    PENALTY_AUTHFAIL);
}

size_t
warden_penalties_clear(struct warden *w, const struct net_range *r)
{
	size_t n;

	penalties_expire(w->penalties, w->now);
	if ((n = penalties_remove(w->penalties, r)) != 0)
		changed(w);
	flush(w);
	return n;
}

uint64_t
warden_penalties_tick(struct warden *w)
{
	uint64_t due = UINT64_MAX;

	/* A full table opens again by the clock. */
	if (w->closed4 || w->closed6) {
		penalties_expire(w->penalties, w->now);
		flush(w);
		if (w->closed4 || w->closed6)
			due = penalties_due(w->penalties);
	}
	if (w->penalties_write == 0 || w->penalties_writer != 0)
		return due;
	if (w->penalties_write <= w->now)
		write_file(w);
	else if (w->penalties_write < due)
		due = w->penalties_write;
	return due;
}
