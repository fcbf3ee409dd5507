#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/envname.h"
#include "base/messages.h"
#include "chroot/environ.h"

#define BYTES_MAX	((size_t)1 << 20)

/* The lines one behind the other, each with its NUL. */
struct lines {
	struct wr w;
	size_t n;
};

static void
set(struct lines *l, struct view name, struct view value)
{
	wr_bytes(&l->w, name);
	wr_u8(&l->w, '=');
	wr_bytes(&l->w, value);
	wr_u8(&l->w, '\0');
	l->n++;
}

static void
set_text(struct lines *l, const char *name, const char *value)
{
	if (value != NULL)
		set(l, view_str(name), view_str(value));
}

static bool
allowed(const struct environ_spec *s, struct view name)
{
	return env_name_allowed(name, s->policy->env.v, s->policy->env.n);
}

static void
set_client(struct lines *l, const struct environ_spec *s)
{
	struct view left = s->client, name, value;

	while (msg_env_next(&left, &name, &value))
		if (allowed(s, name))
			set(l, name, value);
}

static void
set_fixed(struct lines *l, const struct environ_spec *s)
{
	set_text(l, "USER", s->user);
	set_text(l, "LOGNAME", s->user);
	set_text(l, "HOME", s->home);
	set_text(l, "SHELL", s->shell);
	set_text(l, "PATH", ENVIRON_PATH);
	set_text(l, "TZ", s->time_zone);
}

/* by_patterns: names that a client may not set are left out. */
static void
set_list(struct lines *l, const struct environ_spec *s, struct view_list list,
    bool by_patterns)
{
	for (size_t i = 0; i < list.n; i++) {
		struct view v = list.v[i], name = v;
		const uint8_t *eq = v.n != 0 ? memchr(v.p, '=', v.n) : NULL;

		if (eq == NULL || eq == v.p || view_has_nul(v))
			continue;
		name.n = (size_t)(eq - v.p);
		if (!by_patterns || allowed(s, name))
			set(l, name, view_of(eq + 1, v.n - name.n - 1));
	}
}

static void
set_policy(struct lines *l, const struct policy_pairs *p)
{
	for (size_t i = 0; i < p->n; i++)
		set(l, p->v[i].name, p->v[i].value);
}

/* "SSH_CLIENT" is the connection without our address. */
static void
set_connection(struct lines *l, const char *connection)
{
	struct view v = view_str(connection);
	struct view ours;
	unsigned spaces = 0;
	size_t i;

	set(l, view_str("SSH_CONNECTION"), v);
	for (i = 0; i < v.n && spaces < 2; i++)
		spaces += v.p[i] == ' ';
	ours = view_of(v.p + i, v.n - i);
	while (ours.n != 0 && ours.p[0] != ' ') {
		ours.p++;
		ours.n--;
	}
	wr_bytes(&l->w, view_str("SSH_CLIENT="));
	wr_bytes(&l->w, view_of(v.p, i));
	if (ours.n != 0)
		wr_bytes(&l->w, view_of(ours.p + 1, ours.n - 1));
	wr_u8(&l->w, '\0');
	l->n++;
}

static void
set_session(struct lines *l, const struct environ_spec *s)
{
	if (s->connection != NULL)
		set_connection(l, s->connection);
	if (s->tty != NULL) {
		set_text(l, "SSH_TTY", s->tty);
		set(l, view_str("TERM"), s->term);
	}
	set_text(l, "SSH_AUTH_SOCK", s->agent);
	set_text(l, "DISPLAY", s->display);
	set_text(l, "XAUTHORITY", s->xauthority);
	if (s->original.p != NULL)
		set(l, view_str("SSH_ORIGINAL_COMMAND"), s->original);
}

static size_t
name_len(const char *line)
{
	return strcspn(line, "=") + 1;
}

/* The array and the lines in one block; of lines with one name the last. */
static char **
pack(const struct lines *l)
{
	struct view text = wr_view(&l->w);
	size_t head = (l->n + 1) * sizeof(char *), n = 0;
	char **out = malloc(head + text.n), *line;

	if (out == NULL)
		return NULL;
	line = (char *)out + head;
	memcpy(line, text.p, text.n);
	for (size_t i = 0; i < l->n; i++, line += strlen(line) + 1) {
		size_t at = 0, len = name_len(line);

		while (at < n && strncmp(out[at], line, len) != 0)
			at++;
		out[at] = line;
		if (at == n)
			n++;
	}
	out[n] = NULL;
	return out;
}

static unsigned
words_of(const struct sockaddr *sa, char out[INET6_ADDRSTRLEN])
{
	const struct sockaddr_in6 *a6 = (const void *)sa;
	const struct sockaddr_in *a4 = (const void *)sa;

	snprintf(out, INET6_ADDRSTRLEN, "UNKNOWN");
	if (sa->sa_family == AF_INET) {
		inet_ntop(AF_INET, &a4->sin_addr, out, INET6_ADDRSTRLEN);
		return ntohs(a4->sin_port);
	}
	if (sa->sa_family != AF_INET6)
		return 0;
	if (IN6_IS_ADDR_V4MAPPED(&a6->sin6_addr))
		inet_ntop(AF_INET, &a6->sin6_addr.s6_addr[12], out,
		    INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, &a6->sin6_addr, out, INET6_ADDRSTRLEN);
	return ntohs(a6->sin6_port);
}

void
environ_connection(const struct sockaddr *peer, const struct sockaddr *local,
    char *out)
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
	unsigned from_port = words_of(peer, from);
	unsigned to_port = words_of(local, to);

	snprintf(out, ENVIRON_CONNECTION, "%s %u %s %u", from, from_port, to,
	    to_port);
}

char **
environ_build(const struct environ_spec *s)
{
	struct lines l = { .w = wr_new(BYTES_MAX) };
	char **out = NULL;

	set_client(&l, s);
	set_fixed(&l, s);
	set_list(&l, s, s->pam, false);
	set_list(&l, s, s->key, true);
	set_policy(&l, &s->policy->run.set_env);
	set_session(&l, s);
	if (!l.w.bad)
		out = pack(&l);
	wr_free(&l.w);
	return out;
}
