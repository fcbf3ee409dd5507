#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "auth/authorized_keys.h"
#include "auth/match.h"
#include "base/crypto.h"
#include "base/sshkey.h"

/*
 * line		= [options SP] type SP base64 [SP comment]
 * options	= option *("," option)
 * option	= name / name "=" DQUOTE value DQUOTE, \" inside for a quote
 */

#define RULE_LINE	"use [OPTIONS] TYPE BASE64 [COMMENT]"
#define RULE_QUOTES	"use NAME=\"VALUE\""
#define RULE_TYPE	"use Ed25519, ECDSA, RSA or a security token's key"
_Static_assert(AK_ITEMS_MAX == 256 && AK_LINE_MAX == 8192, "said in rules");

static bool
blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool
fault(struct ak_line *l, struct view what, const char *why, const char *rule)
{
	l->why = why;
	l->rule = rule;
	l->what = what;
	return false;
}

/* ---- values ---- */

static bool
digits(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
	return v.n != 0;
}

/* The number made of digits [at, at + n). */
static int
number(struct view v, size_t at, size_t n)
{
	int out = 0;

	for (size_t i = at; i < at + n; i++)
		out = out * 10 + (v.p[i] - '0');
	return out;
}

static int
days_in(int year, int month)
{
	static const int days[] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
	};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (leap && month == 2);
}

/* YYYYMMDD[HHMM[SS]][Z]: in the system's time zone unless Z. */
static bool
parse_time(struct view v, int64_t *out)
{
	bool utc = v.n != 0 && (v.p[v.n - 1] == 'Z' || v.p[v.n - 1] == 'z');
	struct tm tm = { .tm_isdst = -1 };
	time_t t;

	v.n -= utc;
	if (!digits(v) || (v.n != 8 && v.n != 12 && v.n != 14))
		return false;
	tm.tm_year = number(v, 0, 4);
	tm.tm_mon = number(v, 4, 2);
	tm.tm_mday = number(v, 6, 2);
	if (v.n >= 12) {
		tm.tm_hour = number(v, 8, 2);
		tm.tm_min = number(v, 10, 2);
	}
	if (v.n == 14)
		tm.tm_sec = number(v, 12, 2);
	if (tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 ||
	    tm.tm_mday < 1 || tm.tm_mday > days_in(tm.tm_year, tm.tm_mon) ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	t = utc ? timegm(&tm) : mktime(&tm);
	*out = t;
	return true;
}

/* "*" or 1 to 65535. */
static bool
port_ok(struct view v)
{
	int n;

	if (view_is(v, "*"))
		return true;
	if (!digits(v) || v.n > 5)
		return false;
	n = number(v, 0, v.n);
	return n >= 1 && n <= 65535;
}

/* host:port, [host]:port; where the host may be left out, also port. */
static bool
host_port_ok(struct view v, bool host_optional)
{
	size_t colon = 0, end;

	if (v.n == 0)
		return false;
	if (v.p[0] == '[') {
		const uint8_t *close = memchr(v.p, ']', v.n);

		if (close == NULL || close == v.p + 1)
			return false;
		colon = (size_t)(close - v.p) + 1;
		if (colon >= v.n || v.p[colon] != ':')
			return false;
	} else {
		while (colon < v.n && v.p[colon] != ':')
			colon++;
		if (colon == v.n)
			return host_optional && port_ok(v);
		if (colon == 0)
			return false;
	}
	end = colon + 1;
	return port_ok(view_of(v.p + end, v.n - end));
}

/* NAME=value with NAME of letters, digits and underscores. */
static bool
environment_ok(struct view v)
{
	size_t i = 0;

	while (i < v.n && (isalnum(v.p[i]) || v.p[i] == '_'))
		i++;
	return i != 0 && i < v.n && v.p[i] == '=';
}

/* ---- options ---- */

struct option {
	const char *name;
	/* value is empty for an option without one; NULL: set the flag */
	bool (*set)(struct ak_line *l, const struct option *o,
	    struct view value);
	uint32_t flag;
	uint8_t permit;
	const char *value;	/* what it must be; NULL: there is none */
};

static bool
set_permit(struct ak_line *l, const struct option *o, struct view value)
{
	(void)value;
	l->permit |= o->permit;
	return true;
}

static bool
set_deny(struct ak_line *l, const struct option *o, struct view value)
{
	(void)value;
	l->permit &= (uint8_t)~o->permit;
	return true;
}

/* Takes all that was given so far; what follows may give back. */
static bool
set_restrict(struct ak_line *l, const struct option *o, struct view value)
{
	(void)value;
	l->flags |= o->flag;
	l->permit = 0;
	return true;
}

static struct view *
field(struct ak_line *l, uint32_t flag)
{
	switch (flag) {
	case AK_COMMAND:
		return &l->command;
	case AK_FROM:
		return &l->from;
	case AK_PRINCIPALS:
		return &l->principals;
	default:
		return &l->tunnel;
	}
}

/* An option that may stand once in a line. */
static bool
set_once(struct ak_line *l, const struct option *o, struct view value)
{
	static const struct match_addr nowhere;

	if ((l->flags & o->flag) != 0)
		return fault(l, view_str(o->name), "option given twice",
		    "use it once");
	if (value.n == 0 ||
	    (o->flag == AK_FROM && match_list(value, &nowhere) == MATCH_BAD) ||
	    (o->flag == AK_TUNNEL && !view_is(value, "any") &&
	    (!digits(value) || value.n > 9)))
		return fault(l, view_str(o->name), "invalid value", o->value);
	l->flags |= o->flag;
	*field(l, o->flag) = value;
	return true;
}

/* Of several times the earliest counts, as in OpenSSH. */
static bool
set_expiry(struct ak_line *l, const struct option *o, struct view value)
{
	int64_t t;

	if (!parse_time(value, &t))
		return fault(l, view_str(o->name),
		    "not a time YYYYMMDD[HHMM[SS]][Z]", o->value);
	if ((l->flags & o->flag) == 0 || t < l->expiry)
		l->expiry = t;
	l->flags |= o->flag;
	return true;
}

static bool
set_item(struct ak_line *l, const struct option *o, struct view value)
{
	bool ok;

	if (o->flag == AK_ENVIRONMENT)
		ok = environment_ok(value);
	else
		ok = host_port_ok(value, o->flag == AK_PERMITLISTEN);
	if (!ok)
		return fault(l, view_str(o->name), "invalid value", o->value);
	if (l->nitems == AK_ITEMS_MAX)
		return fault(l, view_str(o->name), "option given too often",
		    "use at most 256 in a line");
	l->items[l->nitems++] = (struct ak_item){
		(enum ak_flag)o->flag, value
	};
	l->flags |= o->flag;
	return true;
}

static bool
set_flag(struct ak_line *l, const struct option *o, struct view value)
{
	(void)value;
	l->flags |= o->flag;
	return true;
}

static const struct option options[] = {
	{ "agent-forwarding", set_permit, 0, AK_AGENT, NULL },
	{ "no-agent-forwarding", set_deny, 0, AK_AGENT, NULL },
	{ "port-forwarding", set_permit, 0, AK_PORT, NULL },
	{ "no-port-forwarding", set_deny, 0, AK_PORT, NULL },
	{ "pty", set_permit, 0, AK_PTY, NULL },
	{ "no-pty", set_deny, 0, AK_PTY, NULL },
	{ "user-rc", set_permit, 0, AK_USER_RC, NULL },
	{ "no-user-rc", set_deny, 0, AK_USER_RC, NULL },
	{ "X11-forwarding", set_permit, 0, AK_X11, NULL },
	{ "no-X11-forwarding", set_deny, 0, AK_X11, NULL },
	{ "restrict", set_restrict, AK_RESTRICT, 0, NULL },
	{ "cert-authority", set_flag, AK_CERT_AUTHORITY, 0, NULL },
	{ "no-touch-required", set_flag, AK_NO_TOUCH, 0, NULL },
	{ "verify-required", set_flag, AK_VERIFY, 0, NULL },
	{ "command", set_once, AK_COMMAND, 0, "use a command" },
	{ "from", set_once, AK_FROM, 0,
	    "use addresses, ADDRESS/BITS and patterns, ! before one refuses" },
	{ "principals", set_once, AK_PRINCIPALS, 0, "use NAME[,NAME...]" },
	{ "tunnel", set_once, AK_TUNNEL, 0, "use a number, or any" },
	{ "expiry-time", set_expiry, AK_EXPIRY, 0,
	    "use YYYYMMDD[HHMM[SS]][Z]" },
	{ "environment", set_item, AK_ENVIRONMENT, 0, "use NAME=VALUE" },
	{ "permitopen", set_item, AK_PERMITOPEN, 0, "use HOST:PORT" },
	{ "permitlisten", set_item, AK_PERMITLISTEN, 0, "use [HOST:]PORT" },
};

/* Names are compared without regard to case, as OpenSSH does. */
static const struct option *
find_option(struct view name)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strlen(options[i].name) == name.n &&
		    strncasecmp(options[i].name, (const char *)name.p,
		    name.n) == 0)
			return &options[i];
	return NULL;
}

/* ---- the line ---- */

/* The value behind `="`, unquoted into the store. */
static bool
unquote(struct ak_line *l, struct view *line, struct view *value)
{
	uint8_t *out = l->store + l->stored;
	size_t i = 0, n = 0;

	for (; i < line->n && line->p[i] != '"'; i++) {
		if (line->p[i] == '\\' && i + 1 < line->n &&
		    line->p[i + 1] == '"')
			i++;
		out[n++] = line->p[i];
	}
	if (i == line->n)
		return false;
	*value = view_of(out, n);
	l->stored += n;
	line->p += i + 1;
	line->n -= i + 1;
	return true;
}

static bool
parse_option(struct ak_line *l, struct view *line)
{
	struct view name = { line->p, 0 }, value = { NULL, 0 };
	const struct option *o;
	bool quoted = false;

	while (name.n < line->n && !blank(name.p[name.n]) &&
	    name.p[name.n] != ',' && name.p[name.n] != '=')
		name.n++;
	line->p += name.n;
	line->n -= name.n;
	if ((o = find_option(name)) == NULL)
		return fault(l, name, name.n == 0 ? "empty option" :
		    "unknown option", "use the options of sshd(8)");
	if (line->n != 0 && line->p[0] == '=') {
		if (line->n < 2 || line->p[1] != '"')
			return fault(l, name, "value is not in double quotes",
			    RULE_QUOTES);
		line->p += 2;
		line->n -= 2;
		quoted = true;
		if (!unquote(l, line, &value))
			return fault(l, name, "missing end quote",
			    RULE_QUOTES);
	}
	if (quoted && o->value == NULL)
		return fault(l, name, "option takes no value",
		    "use its name alone");
	if (!quoted && o->value != NULL)
		return fault(l, name, "option needs a value", RULE_QUOTES);
	return o->set(l, o, value);
}

static bool
parse_options(struct ak_line *l, struct view *line)
{
	for (;;) {
		if (!parse_option(l, line))
			return false;
		if (line->n == 0 || blank(line->p[0]))
			return true;
		if (line->p[0] != ',')
			return fault(l, view_of(NULL, 0),
			    "characters behind an option's value",
			    "use a comma between options");
		line->p++;
		line->n--;
	}
}

static void
skip_blank(struct view *v)
{
	while (v->n != 0 && blank(v->p[0])) {
		v->p++;
		v->n--;
	}
}

static struct view
take_word(struct view *v)
{
	struct view word = { v->p, 0 };

	while (word.n < v->n && !blank(word.p[word.n]))
		word.n++;
	v->p += word.n;
	v->n -= word.n;
	skip_blank(v);
	return word;
}

/* No option begins like a key type does. */
static bool
looks_like_type(struct view v)
{
	static const char *const begin[] = {
		"ssh-", "ecdsa-", "sk-", "rsa-sha2-"
	};

	for (size_t i = 0; i < sizeof(begin) / sizeof(begin[0]); i++) {
		size_t n = strlen(begin[i]);

		if (v.n >= n && memcmp(v.p, begin[i], n) == 0)
			return true;
	}
	return false;
}

bool
ak_type_known(struct view type)
{
	return ssh_key_type_known(type);
}

bool
ak_next(struct view *text, struct view *line)
{
	const uint8_t *nl;

	if (text->n == 0)
		return false;
	nl = memchr(text->p, '\n', text->n);
	line->p = text->p;
	line->n = nl != NULL ? (size_t)(nl - text->p) : text->n;
	text->p += line->n + (nl != NULL);
	text->n -= line->n + (nl != NULL);
	if (line->n != 0 && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

bool
ak_blank(struct view line)
{
	skip_blank(&line);
	return line.n == 0 || line.p[0] == '#';
}

bool
ak_parse(struct view line, struct ak_line *out)
{
	/* Without the two arrays, which need no zeroes: files are long. */
	memset(out, 0, offsetof(struct ak_line, items));
	out->permit = AK_PERMIT_ALL;
	if (line.n == 0)
		return fault(out, line, "empty line", RULE_LINE);
	if (line.n > AK_LINE_MAX)
		return fault(out, view_of(NULL, 0), "line is too long",
		    "use at most 8192 bytes");
	if (view_has_nul(line))
		return fault(out, view_of(NULL, 0), "NUL in the line",
		    RULE_LINE);
	skip_blank(&line);
	while (line.n != 0 && blank(line.p[line.n - 1]))
		line.n--;
	if (!looks_like_type(line)) {
		if (!parse_options(out, &line))
			return false;
		skip_blank(&line);
	}
	out->type = take_word(&line);
	out->base64 = take_word(&line);
	out->comment = line;
	if (!looks_like_type(out->type))
		return fault(out, out->type, "no key type", RULE_LINE);
	if (!ak_type_known(out->type))
		return fault(out, out->type, "key type is not supported",
		    RULE_TYPE);
	if (out->base64.n == 0)
		return fault(out, out->type, "no key", RULE_LINE);
	return true;
}

bool
ak_blob_ok(const struct ak_line *l, struct wr *scratch)
{
	struct rd r;

	wr_reset(scratch);
	if (!crypto_base64_decode(l->base64, scratch) || scratch->bad)
		return false;
	r = rd_of(wr_view(scratch));
	return view_eq(rd_str(&r), l->type) && !r.bad && r.n != 0;
}
