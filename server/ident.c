/*
 * The identification line (RFC 4253 4.2).  Nothing may stand before the
 * client's, and nobody who speaks another protocol is kept waiting.
 */
#include <string.h>

#include "server/conn.h"

#define IDENT_MAX	255	/* with CR LF */

/* RFC 4253 4.2 wants printable ASCII.  Bytes above it are let through in
 * comments' favour; control characters never. */
static bool
printable(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] < 0x20 || v.p[i] == 0x7f)
			return false;
	return true;
}

static struct view
up_to(struct view v, uint8_t stop)
{
	const uint8_t *p = v.n != 0 ? memchr(v.p, stop, v.n) : NULL;

	return p != NULL ? view_of(v.p, (size_t)(p - v.p)) : v;
}

static struct view
behind(struct view v, size_t n)
{
	return n < v.n ? view_of(v.p + n, v.n - n) : view_of(NULL, 0);
}

bool
ident_parse(struct view line, struct ssh_ident *out)
{
	struct view rest;

	memset(out, 0, sizeof(*out));
	if (line.n < 4 || memcmp(line.p, "SSH-", 4) != 0 || !printable(line))
		return false;
	out->raw = line;
	rest = behind(line, 4);
	out->protocol = up_to(rest, '-');
	if (out->protocol.n == rest.n)
		return false;
	rest = behind(rest, out->protocol.n + 1);
	out->software = up_to(rest, ' ');
	out->comments = behind(rest, out->software.n + 1);
	return out->protocol.n != 0 && out->software.n != 0;
}

static bool
starts_with(struct view v, const char *s)
{
	size_t n = strlen(s);

	return v.n >= n && memcmp(v.p, s, n) == 0;
}

/* What speaks to us, for the log. */
static const char *
stranger(struct view v)
{
	static const char *const http[] = {
		"GET ", "POST ", "HEAD ", "PUT ", "OPTIONS ", "CONNECT ",
		"DELETE ", "PRI ", "PATCH ", "TRACE "
	};

	for (size_t i = 0; i < sizeof(http) / sizeof(http[0]); i++)
		if (starts_with(v, http[i]))
			return "HTTP request instead of SSH";
	if (v.n >= 2 && v.p[0] == 0x16 && v.p[1] == 0x03)
		return "TLS handshake instead of SSH";
	if (v.n >= 2 && v.p[0] == 0x03 && v.p[1] == 0x00)
		return "RDP connection instead of SSH";
	if (starts_with(v, "EHLO ") || starts_with(v, "HELO "))
		return "SMTP greeting instead of SSH";
	return "not an SSH identification";
}

/* Before the key exchange a refusal is a line of text, no packet. */
static enum err
refuse(struct ssh_conn *c, unsigned reason, const char *line, const char *why)
{
	wr_bytes(&c->out, view_str(line));
	return conn_fail(c, ERR_PROTO, reason, "%s", why);
}

static enum err
accept_line(struct ssh_conn *c, struct view line)
{
	struct ssh_ident id;

	if (!ident_parse(line, &id))
		return refuse(c, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "Malformed SSH identification.\r\n",
		    "malformed identification line");
	if (!view_is(id.protocol, "2.0") && !view_is(id.protocol, "1.99"))
		return refuse(c,
		    SSH_DISCONNECT_PROTOCOL_VERSION_NOT_SUPPORTED,
		    "Only SSH protocol 2.0 is spoken here.\r\n",
		    "client speaks another protocol version");
	if ((c->client_ident = view_dup(line)) == NULL)
		return conn_fail(c, ERR_NOMEM, SSH_DISCONNECT_BY_APPLICATION,
		    "out of memory");
	conn_enter(c, PH_KEX);
	if (c->server->ev->ident != NULL) {
		conn_event_begin(c);
		c->server->ev->ident(c->server->ctx, c, &id);
		conn_event_end(c);
	}
	return c->phase == PH_ENDED ? ERR_CLOSED : OK;
}

enum err
ident_take(struct ssh_conn *c, struct view bytes, size_t *used_out)
{
	const uint8_t *lf;
	struct view line;
	size_t head = bytes.n < 4 ? bytes.n : 4;

	*used_out = 0;
	/* As many as tell what it is, then no waiting for a line's end. */
	if (memcmp(bytes.p, "SSH-", head) != 0) {
		if (bytes.n < 4 && memchr(bytes.p, '\n', bytes.n) == NULL)
			return ERR_AGAIN;
		return refuse(c, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "This is an SSH server; an SSH identification was "
		    "expected.\r\n", stranger(bytes));
	}
	lf = memchr(bytes.p, '\n', bytes.n < IDENT_MAX ? bytes.n : IDENT_MAX);
	if (lf == NULL && bytes.n < IDENT_MAX)
		return ERR_AGAIN;
	if (lf == NULL)
		return refuse(c, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "SSH identification is too long.\r\n",
		    "identification line over 255 bytes");
	line = view_of(bytes.p, (size_t)(lf - bytes.p));
	*used_out = line.n + 1;
	if (line.n != 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return accept_line(c, line);
}
