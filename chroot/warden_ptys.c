/* Terminals of sessions, and their entries in the host's login records. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <utmp.h>

#include "chroot/warden.h"

/* ---- login records ---- */

/* The helper writes where there is something to write to; asking first saves
 * a process for each terminal on hosts that keep no records. */
static bool
records_kept(void)
{
	return access(_PATH_UTMP, W_OK) == 0 || access(_PATH_WTMP, W_OK) == 0
	    || access(_PATH_LASTLOG, W_OK) == 0;
}

static bool
prepare(posix_spawn_file_actions_t *fa, posix_spawnattr_t *attr)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	return posix_spawnattr_setsigmask(attr, &none) == 0 &&
	    posix_spawnattr_setsigdefault(attr, &all) == 0 &&
	    posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK |
	    POSIX_SPAWN_SETSIGDEF) == 0 &&
	    posix_spawn_file_actions_addopen(fa, 0, "/dev/null", O_RDWR,
	    0) == 0 &&
	    posix_spawn_file_actions_adddup2(fa, 0, 1) == 0 &&
	    posix_spawn_file_actions_adddup2(fa, 0, 2) == 0 &&
	    posix_spawn_file_actions_addclosefrom_np(fa, 3) == 0;
}

static int
spawn_helper(const char *helper, char *const *argv, pid_t *pid_out)
{
	static char path[] = "PATH=/usr/bin:/bin";
	char *const envp[] = { path, NULL };
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	int e = ENOMEM;

	if (posix_spawn_file_actions_init(&fa) != 0)
		return e;
	if (posix_spawnattr_init(&attr) == 0) {
		if (prepare(&fa, &attr))
			e = posix_spawn(pid_out, helper, &fa, &attr, argv,
			    envp);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&fa);
	return e;
}

/* By the helper, which is reaped like everybody else; 0: it did not start.
 * The one of a logout (c NULL) waits for the one of the login. */
static pid_t
record(struct warden *w, const char *what, const struct pty_line *l,
    const struct ward *c)
{
	char line[32], uid[16], pid[16], user[USERAUTH_MAX_USER + 1] = "";
	char *const argv[] = {
		(char *)(uintptr_t)"sallyport-account",
		(char *)(uintptr_t)"--record", (char *)(uintptr_t)what, line,
		uid, pid, user, c != NULL ? (char *)(uintptr_t)c->src : user,
		NULL,
	};
	pid_t helper;
	int e;

	snprintf(line, sizeof(line), "pts/%u", l->number);
	snprintf(uid, sizeof(uid), "%u", l->uid);
	snprintf(pid, sizeof(pid), "%d", (int)(c != NULL ? c->pid :
	    l->recorder));
	if (c != NULL && !view_to_cstr(ward_user(c), user, sizeof(user)))
		return 0;
	if ((e = spawn_helper(w->helper, argv, &helper)) != 0) {
		log_msg(LOG_WARN, "login-record", "%s", strerror(e));
		return 0;
	}
	w->children++;
	return helper;
}

static void
record_end(struct warden *w, const struct pty_line *l)
{
	if (l->recorder != 0)
		(void)record(w, "logout", l, NULL);
}

/* ---- requests ---- */

static enum err
answer(struct ward *c, uint32_t number, const int *fds, size_t n)
{
	const struct msg_pty m = { number };
	struct wr b = wr_new(64);
	enum err e;

	put_pty(&b, &m);
	e = ipc_send(c->sock, MSG_PTY_MADE, c->id, wr_view(&b), fds, n);
	wr_free(&b);
	return e;
}

static enum err
no_pty(struct ward *c, const char *why)
{
	struct log_ev e;

	log_begin(&e, LOG_WARN, "pty-refused");
	log_num(&e, "conn", c->id);
	log_view(&e, "user", ward_user(c));
	log_str(&e, "reason", why);
	log_send(&e);
	return answer(c, 0, NULL, 0);
}

enum err
warden_pty(struct warden *w, struct ward *c)
{
	struct pty_line *l;
	uint32_t number;
	int fds[2];
	enum err e;

	if (!c->may_pty)
		return no_pty(c, "the user's policy does not allow it");
	if (!ptys_room(&w->ptys, c->id))
		return no_pty(c, "there are too many");
	if (pty_make(c->uid, w->unprivileged, fds, &number) != OK)
		return no_pty(c, strerror(errno));
	if ((l = ptys_add(&w->ptys, c->id, number)) == NULL)
		e = no_pty(c, "out of memory");
	else {
		l->uid = c->uid;
		e = answer(c, number, fds, 2);
		if (e == OK && !w->unprivileged && w->helper != NULL &&
		    records_kept())
			l->recorder = record(w, "login", l, c);
	}
	close(fds[0]);
	close(fds[1]);
	return e;
}

enum err
warden_pty_done(struct warden *w, struct ward *c, uint32_t number)
{
	struct pty_line l;

	if (!ptys_take(&w->ptys, c->id, number, &l)) {
		w->requests.refused = "a terminal that it does not have";
		return ERR_PROTO;
	}
	record_end(w, &l);
	return OK;
}

void
warden_ptys_gone(struct warden *w, uint32_t ward)
{
	struct pty_line l;

	while (ptys_take_any(&w->ptys, ward, &l))
		record_end(w, &l);
}
