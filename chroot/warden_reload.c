#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/host.h"
#include "chroot/warden.h"

#define CUT_MS		3000	/* for a removed user's session to end */
#define CONNECTIONS_DEFAULT 10000	/* limits.connections */
#define FDS_EACH	4	/* descriptors of one connection, at most */

/* ---- faults ---- */

static void
tell_line(struct view line, bool print)
{
	static const char mark[] = ": warning: ";
	bool warning = line.n != 0 && memmem(line.p, line.n, mark,
	    sizeof(mark) - 1) != NULL;
	struct log_ev e;

	if (print) {
		fwrite(line.p, 1, line.n, stderr);
		fputc('\n', stderr);
		return;
	}
	log_begin(&e, warning ? LOG_WARN : LOG_ERROR,
	    warning ? "config-warning" : "config-fault");
	log_view(&e, "msg", line);
	log_send(&e);
}

void
warden_tell_faults(struct warden *w, struct view text, bool print)
{
	(void)w;
	while (text.n != 0) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		size_t n = end != NULL ? (size_t)(end - text.p) : text.n;

		if (n != 0)
			tell_line(view_of(text.p, n), print);
		n += end != NULL;
		text.p += n;
		text.n -= n;
	}
}

/* ---- the log's target ---- */

void
warden_reopen_log(struct warden *w)
{
	struct msg_log_target how;
	struct wr b = wr_new(1024);
	char why[512];
	int fd = log_target_open(config_main(w->gen[0]->config),
	    w->opt.to_stderr, &how, why, sizeof(why));

	if (fd == -1) {
		/* What is open stays open. */
		log_msg(LOG_ERROR, "log-target", "%s", why);
		return;
	}
	if (w->log == 0 && !w->stopping) {
		if (!warden_start_log(w, fd, &how))
			w->log = 0;
	} else {
		put_log_target(&b, &how);
		if (outq_send(&w->to_log, MSG_LOG_TARGET, 0, wr_view(&b),
		    &fd, 1) != OK)
			log_msg(LOG_ERROR, "log-target", "not told");
		else if (w->to_log.first != NULL)
			warden_rewatch(w, w->to_log.fd, WATCH_LOG, 0, true,
			    true);
		wr_free(&b);
	}
	close(fd);
}

/* ---- generations ---- */

bool
warden_send_generation(struct warden *w)
{
	const struct generation *g = w->gen[0];
	const struct config_main *m = config_main(g->config);
	struct msg_generation out = {
		.number = g->number, .ident = m->ident,
		.greeting = m->greeting, .banner = m->banner, .kex = m->kex,
		.host_key = m->host_key, .cipher = m->cipher, .mac = m->mac,
		.compression = m->compression,
		.prefer_server_cipher = m->prefer_server_cipher,
		.keepalive_interval_ms = m->keepalive_interval_ms,
		.keepalive_count = m->keepalive_count, .limits = m->limits,
		.methods = m->methods, .log_level = warden_level(w),
	};
	struct wr b = wr_new(IPC_MAX_FRAME);
	int fds[LISTENERS_MAX];
	bool ok;

	out.nlisten = (uint8_t)listeners_fds(&w->listeners, fds);
	for (size_t i = 0; i < g->keys.n; i++)
		out.keys[out.nkeys++] = ssh_key_blob(g->keys.key[i]);
	put_generation(&b, &out);
	if ((ok = !b.bad))
		warden_tell_server(w, MSG_GENERATION, 0, wr_view(&b), fds,
		    out.nlisten);
	wr_free(&b);
	return ok;
}

/* The oldest goes; the one before keeps its host keys alone. */
void
warden_push_generation(struct warden *w, struct generation *g)
{
	struct generation **last = &w->gen[GENERATIONS_KEPT - 1];

	if (*last != NULL)
		signers_drop_keys(&w->signers, &(*last)->keys);
	generation_free(last);
	memmove(w->gen + 1, w->gen, sizeof(w->gen) - sizeof(w->gen[0]));
	w->gen[0] = g;
	if (w->gen[1] != NULL)
		generation_retire(w->gen[1]);
	w->requests.max_attempts = config_main(g->config)->limits.auth_attempts;
	w->requests.max_wards = config_main(g->config)->limits.connections +
	    1024;	/* those of the server that are just ending */
}

/* Of an account of the host no more can be said here than its name does: its
 * groups are looked at when it logs in. */
static bool
is_served(const struct warden *w, const struct ward *c)
{
	const struct config *g = w->gen[0]->config;
	struct host_rules r;

	if (!c->host)
		return config_user(g, ward_user(c), NULL).n != 0;
	return config_host(g, NULL, &r) && host_may_be(&r, ward_user(c));
}

/* Whoever is no longer in the configuration is told to go, by the server;
 * who has not gone in time is killed. */
static void
cut_removed(struct warden *w)
{
	const struct msg_text m = { view_str("This account has been removed") };
	struct wr b = wr_new(1024);
	uint32_t at = 0;
	struct ward *c;

	put_text(&b, &m);
	while ((c = wards_next(w->wards, &at)) != NULL) {
		if (c->phase != WARD_OPEN || is_served(w, c))
			continue;
		c->cut = true;
		w->cut_at = w->now + CUT_MS;
		warden_tell_server(w, MSG_CUT, c->id, wr_view(&b), NULL, 0);
	}
	wr_free(&b);
}

static bool
take_listeners(struct warden *w, const struct generation *g)
{
	struct listeners next;
	char why[512];

	if (!listeners_bind(config_main(g->config), &w->listeners, &next, why,
	    sizeof(why))) {
		log_msg(LOG_ERROR, "config-fault", "%s", why);
		return false;
	}
	listeners_close(&w->listeners);
	w->listeners = next;
	return true;
}

/* The folder that the new generation asks for: what is open if that is the
 * one, or another (*next_out, for the caller to put in its place). */
static bool
next_state(struct warden *w, const struct generation *g,
    struct state *next_out, bool *changed_out)
{
	struct view path = config_main(g->config)->state_dir;
	char why[512];

	state_init(next_out);
	*changed_out = !state_is(&w->state, path);
	if (!*changed_out || state_open(next_out, path, why, sizeof(why)))
		return true;
	log_msg(LOG_ERROR, "config-fault", "state_dir: %s", why);
	return false;
}

/* The same for the control socket. */
static bool
next_control(struct warden *w, const struct generation *g,
    struct control_socket *next_out, bool *changed_out)
{
	struct view path = config_main(g->config)->control;
	char why[512];

	control_socket_init(next_out);
	*changed_out = !control_socket_is(&w->control, path);
	if (!*changed_out ||
	    control_socket_open(next_out, path, why, sizeof(why)))
		return true;
	log_msg(LOG_ERROR, "config-fault", "control: %s", why);
	return false;
}

static void
take_control(struct warden *w, const struct control_socket *next)
{
	warden_control_close(w);
	w->control = *next;
	if (!warden_control_watch(w))
		log_msg(LOG_ERROR, "bug", "epoll: %s", strerror(errno));
}

/* Takes what a new generation needs of the system; all of it or nothing. */
static bool
take_system(struct warden *w, const struct generation *g)
{
	struct state state;
	struct control_socket control;
	bool new_state, new_control;

	if (!next_state(w, g, &state, &new_state))
		return false;
	if (!next_control(w, g, &control, &new_control)) {
		state_close(&state);
		return false;
	}
	if (!take_listeners(w, g)) {
		control_socket_close(&control);
		state_close(&state);
		return false;
	}
	if (new_state) {
		state_close(&w->state);
		w->state = state;
	}
	if (new_control)
		take_control(w, &control);
	return true;
}

static void
reload_failed(void)
{
	log_msg(LOG_ERROR, "reload-failed", "the configuration in use stays");
}

void
warden_reload_done(struct warden *w, int status)
{
	struct wr faults = wr_new(PARSE_FAULTS_MAX);
	struct generation *g = parse_finish(&w->parse, status,
	    w->gen[0]->number + 1, &faults);
	struct log_ev e;

	warden_tell_faults(w, wr_view(&faults), false);
	wr_free(&faults);
	if (g == NULL || !take_system(w, g)) {
		generation_free(&g);
		reload_failed();
	} else {
		warden_push_generation(w, g);
		log_open(w->log_out, warden_level(w));
		warden_reopen_log(w);
		log_begin(&e, LOG_INFO, "reload");
		log_num(&e, "generation", g->number);
		log_num(&e, "users", config_nusers(g->config));
		log_send(&e);
		if (!warden_send_generation(w))
			log_msg(LOG_ERROR, "config-fault", "banner, greeting "
			    "and host keys are too large together");
		warden_penalties_configure(w);
		cut_removed(w);
	}
	if (w->reload_again) {
		w->reload_again = false;
		if (!warden_reload(w))
			reload_failed();
	}
}

bool
warden_reload(struct warden *w)
{
	struct rlimit rl = { 0, 0 };
	struct parse_how how = {
		.file = w->opt.file, .unprivileged = w->unprivileged,
		.helper = w->helper,
	};

	if (w->parse.pid != 0) {
		w->reload_again = true;
		return true;
	}
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 &&
	    rl.rlim_max / FDS_EACH < UINT32_MAX)
		how.max_connections = (uint32_t)(rl.rlim_max / FDS_EACH);
	/* Nobody asked for the default: the server logs what it can carry. */
	if (how.max_connections < CONNECTIONS_DEFAULT)
		how.max_connections = CONNECTIONS_DEFAULT;
	if (!parse_start(&w->parse, &how))
		return false;
	w->children++;
	return true;
}
