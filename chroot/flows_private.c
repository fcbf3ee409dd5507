/*
 * What the programs of one channel are given of their client: its agent, its
 * display.  The agent's socket and the cookies lie in a folder of the user's
 * that nobody else can enter, and that goes with the session.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chroot/flows_parts.h"

struct gift {
	struct gift *next;
	uint32_t channel;
	bool agent;
	struct listener *x11;		/* NULL: none, or it is closed */
	char display[300];		/* empty: none */
	char xauth[FLOWS_DIR_MAX + 32];
};

/* ---- the folder ---- */

/* In /tmp, else where sessions start. */
static bool
make_dir(struct flows *f)
{
	const char *const places[] = { "/tmp", f->start.home };

	for (size_t i = 0; i < 2 && f->dir[0] == '\0'; i++) {
		if (places[i] == NULL || snprintf(f->dir, sizeof(f->dir),
		    "%s/sallyport-XXXXXX", places[i]) >=
		    (int)sizeof(f->dir) || mkdtemp(f->dir) == NULL)
			f->dir[0] = '\0';
	}
	return f->dir[0] != '\0';
}

static struct gift *
gift_of(struct flows *f, uint32_t channel)
{
	struct gift *g = f->gifts;

	while (g != NULL && g->channel != channel)
		g = g->next;
	if (g == NULL && (g = calloc(1, sizeof(*g))) != NULL) {
		g->channel = channel;
		g->next = f->gifts;
		f->gifts = g;
	}
	return g;
}

/* ---- the agent ---- */

static const char *
make_agent(struct flows *f)
{
	const char *why = "out of memory";
	struct listener *l;

	if (f->agent != NULL)
		return NULL;
	if ((l = listener_new(FLOW_AGENT)) == NULL)
		return why;
	if (asprintf(&l->host, "%s/agent", f->dir) == -1)
		l->host = NULL;
	else
		why = bind_private(l);
	if (why != NULL) {
		listener_discard(l);
		return why;
	}
	listener_keep(f, l);
	f->agent = l;
	return NULL;
}

const char *
private_agent(struct flows *f, uint32_t channel)
{
	struct gift *g;
	const char *why;

	if (!make_dir(f))
		return "no place for a socket of the user's";
	if ((why = make_agent(f)) != NULL)
		return why;
	if ((g = gift_of(f, channel)) == NULL)
		return "out of memory";
	g->agent = true;
	return NULL;
}

/* ---- the display ---- */

static int
digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool
unhex(struct view hex, struct wr *out)
{
	if (hex.n == 0 || hex.n % 2 != 0)
		return false;
	for (size_t i = 0; i < hex.n; i += 2) {
		int high = digit(hex.p[i]), low = digit(hex.p[i + 1]);

		if (high == -1 || low == -1)
			return false;
		wr_u8(out, (uint8_t)(high << 4 | low));
	}
	return !out->bad;
}

static bool
protocol_ok(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if ((v.p[i] < 'A' || v.p[i] > 'Z') && (v.p[i] < 'a' ||
		    v.p[i] > 'z') && (v.p[i] < '0' || v.p[i] > '9') &&
		    v.p[i] != '-')
			return false;
	return v.n != 0;
}

static void
put_field(struct wr *w, struct view v)
{
	wr_u8(w, (uint8_t)(v.n >> 8));
	wr_u8(w, (uint8_t)v.n);
	wr_bytes(w, v);
}

#define FAMILY_LOCAL	256
#define FAMILY_WILD	65535

/* One entry as libXau reads it: family, address, number of the display, name
 * and data. */
static void
put_entry(struct wr *w, unsigned family, const char *address, unsigned number,
    struct view name, struct view data)
{
	char text[16];

	wr_u8(w, (uint8_t)(family >> 8));
	wr_u8(w, (uint8_t)family);
	put_field(w, view_str(address));
	snprintf(text, sizeof(text), "%u", number);
	put_field(w, view_str(text));
	put_field(w, name);
	put_field(w, data);
}

/* Most ask by the host's name, some by addresses: the second is for all. */
static bool
make_entries(const struct msg_socket *m, unsigned number, const char *host,
    struct wr *out)
{
	struct wr cookie = wr_new(MSG_COOKIE_MAX);
	bool ok = unhex(m->cookie, &cookie);

	put_entry(out, FAMILY_LOCAL, host, number, m->protocol,
	    wr_view(&cookie));
	put_entry(out, FAMILY_WILD, "", number, m->protocol,
	    wr_view(&cookie));
	wr_free(&cookie);
	return ok && !out->bad;
}

static bool
write_file(const char *path, struct view v)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC |
	    O_NOFOLLOW, 0600);
	bool ok;

	if (fd == -1)
		return false;
	ok = write(fd, v.p, v.n) == (ssize_t)v.n;
	ok = close(fd) == 0 && ok;
	if (!ok)
		(void)unlink(path);
	return ok;
}

static const char *
write_cookie(struct flows *f, struct gift *g, const struct msg_socket *m,
    unsigned number)
{
	char host[256] = "localhost";
	struct wr w = wr_new(4096);
	const char *why = NULL;

	if (gethostname(host, sizeof(host) - 1) == -1)
		snprintf(host, sizeof(host), "localhost");
	snprintf(g->xauth, sizeof(g->xauth), "%s/xauth-%u", f->dir, number);
	if (!make_entries(m, number, host, &w))
		why = "the cookie is none";
	else if (!write_file(g->xauth, wr_view(&w)))
		why = strerror(errno);
	wr_free(&w);
	if (why != NULL)
		g->xauth[0] = '\0';
	snprintf(g->display, sizeof(g->display), "%s:%u.%u",
	    f->start.policy->forward.x11_localhost ? "localhost" : host,
	    number, m->screen);
	return why;
}

/* The gift is made; its socket is not there yet. */
static const char *
make_display(struct flows *f, struct gift *g, const struct msg_socket *m,
    struct listener *l)
{
	const struct policy_forward *p = &f->start.policy->forward;
	const char *why;

	if ((l->host = strdup("")) == NULL)
		return "out of memory";
	why = bind_display(p->x11_localhost, p->x11_offset, l);
	if (why == NULL)
		why = write_cookie(f, g, m, l->port - 6000u);
	if (why != NULL)
		g->display[0] = '\0';
	return why;
}

const char *
private_x11(struct flows *f, uint32_t channel, const struct msg_socket *m)
{
	const char *why = "out of memory";
	struct listener *l;
	struct gift *g;

	if (!protocol_ok(m->protocol))
		return "no protocol of a display";
	if (!make_dir(f))
		return "no place for a file of the user's";
	if ((g = gift_of(f, channel)) == NULL)
		return why;
	if (g->display[0] != '\0')
		return "there is a display already";
	if ((l = listener_new(FLOW_X11)) == NULL ||
	    (why = make_display(f, g, m, l)) != NULL) {
		if (l != NULL)
			listener_discard(l);
		return why;
	}
	l->single = m->single;
	g->x11 = l;
	listener_keep(f, l);
	return NULL;
}

void
private_accepted(struct flows *f, struct listener *l)
{
	if (!l->single)
		return;
	for (struct gift *g = f->gifts; g != NULL; g = g->next)
		if (g->x11 == l)
			g->x11 = NULL;
	listener_drop(f, l);
}

/* ---- their end ---- */

static void
take_back(struct flows *f, struct gift **at)
{
	struct gift *g = *at;

	*at = g->next;
	if (g->x11 != NULL)
		listener_drop(f, g->x11);
	if (g->xauth[0] != '\0')
		(void)unlink(g->xauth);
	free(g);
}

void
private_closed(struct flows *f, uint32_t channel)
{
	struct gift **at = &f->gifts;

	while (*at != NULL && (*at)->channel != channel)
		at = &(*at)->next;
	if (*at != NULL)
		take_back(f, at);
}

/* Before the listeners go. */
void
private_free(struct flows *f)
{
	while (f->gifts != NULL)
		take_back(f, &f->gifts);
	if (f->agent != NULL)
		listener_drop(f, f->agent);
	f->agent = NULL;
	if (f->dir[0] != '\0')
		(void)rmdir(f->dir);
}

void
flows_env(const struct flows *f, uint32_t channel, struct flows_env *out)
{
	const struct gift *g;

	*out = (struct flows_env){ NULL, NULL, NULL };
	if (f == NULL)
		return;
	for (g = f->gifts; g != NULL && g->channel != channel; g = g->next)
		;
	if (g == NULL)
		return;
	if (g->agent)
		out->agent = f->agent->host;
	if (g->display[0] != '\0') {
		out->display = g->display;
		out->xauthority = g->xauth;
	}
}
