#include <stddef.h>
#include <string.h>

#include "base/config_parse.h"
#include "base/config_values.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- listen, host_keys, server_user ---- */

static bool
listen_double(const struct config_listen *l, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (l[i].len == l[n].len &&
		    memcmp(&l[i].addr, &l[n].addr, l[n].len) == 0)
			return true;
	return false;
}

static void
parse_listen(struct parse *p, const struct node *v, const struct path *at)
{
	static const char needs[] =
	    "addresses with a port, such as \"0.0.0.0:22\"";
	struct path here = { at, view_of(NULL, 0), 0 };
	struct config_listen *l;
	const char *why;
	size_t n = 0;

	if (!row_is_list(p, v, at, CONFIG_MAX_LISTEN, needs) ||
	    (l = tree_take_array(&p->t, v->n, sizeof(*l))) == NULL)
		return;
	if (v->n == 0)
		tree_fault(&p->t, v->mark, at, "is empty; needs %s", needs);
	for (const struct item *i = v->first; i != NULL;
	    i = i->next, here.index++) {
		if (!row_text(p, i->value, &here, needs, &l[n].text))
			continue;
		if (!value_listen(l[n].text, &l[n].addr, &l[n].len, &why))
			tree_fault(&p->t, i->value->mark, &here, "%s %s",
			    tree_quote(&p->t, l[n].text), why);
		else if (listen_double(l, n))
			tree_fault(&p->t, i->value->mark, &here,
			    "%s is given twice; needs one",
			    tree_quote(&p->t, l[n].text));
		else
			n++;
	}
	p->main.listen = l;
	p->main.nlisten = n;
}

/* What is in the files, told with the place where each is named. */
static void
look_into_host_keys(struct parse *p, const struct node *v,
    const struct path *at)
{
	struct path here = { at, view_of(NULL, 0), 0 };
	const struct config_main *m = &p->main;
	const char *why;

	if (p->env->host_key == NULL || v->kind != NODE_LIST)
		return;
	for (const struct item *i = v->first; i != NULL;
	    i = i->next, here.index++) {
		bool listed = false;

		for (size_t k = 0; k < m->host_keys.n; k++)
			listed |= view_eq(m->host_keys.v[k], i->value->text);
		if (listed && !p->env->host_key(i->value->text, &why))
			tree_fault(&p->t, i->value->mark, &here, "%s %s",
			    tree_quote(&p->t, i->value->text), why);
	}
}

static void
parse_host_keys(struct parse *p, const struct node *v, const struct path *at)
{
	static const char needs[] = "paths of private host key files";

	row_texts(p, v, at, CONFIG_MAX_HOST_KEYS, needs, value_path,
	    &p->main.host_keys);
	look_into_host_keys(p, v, at);
	if (v->kind == NODE_LIST && v->n == 0)
		tree_fault(&p->t, v->mark, at, "is empty; needs %s", needs);
}

/* Nobody changes user without being root: then it is only looked at. */
static void
parse_server_user(struct parse *p, const struct node *v,
    const struct path *at)
{
	struct account a = { 0 };
	struct mark m = { 0, 1, 1 };

	p->main.server_user = view_str("_sallyport");
	if (p->env->unprivileged) {
		if (v != NULL && v->kind == NODE_TEXT)
			p->main.server_user = v->text;
		return;
	}
	if (v != NULL)
		account_parse(p, v, at, &a);
	else if (!p->incomplete)
		account_named(p, p->main.server_user, m, at, &a);
	p->main.server_user = a.name;
	p->main.server_uid = a.uid;
	p->main.server_gid = a.gid;
}

/* ---- texts ---- */

static void
parse_ident(struct parse *p, const struct node *v, const struct path *at)
{
	static const char needs[] = "1 to 200 printable ASCII characters "
	    "without spaces and \"-\"";

	if (!row_text(p, v, at, needs, &p->main.ident))
		return;
	if (!value_ident(p->main.ident))
		tree_fault(&p->t, v->mark, at,
		    "%s cannot stand in an identification line; use %s",
		    tree_quote(&p->t, p->main.ident), needs);
}

static void
parse_banner(struct parse *p, const struct node *v, const struct path *at)
{
	row_long_text(p, v, at, CONFIG_MAX_BANNER, &p->main.banner);
}

/* Lines before the identification (RFC 4253 4.2): a client takes the first
 * line that begins with SSH- for it. */
static void
parse_greeting(struct parse *p, const struct node *v, const struct path *at)
{
	struct view g;
	size_t line = 0;

	row_long_text(p, v, at, CONFIG_MAX_GREETING, &p->main.greeting);
	g = p->main.greeting;
	for (size_t i = 0; i <= g.n; i++) {
		if (i != g.n && g.p[i] != '\n' && g.p[i] != '\r')
			continue;
		if (i - line >= 4 && memcmp(g.p + line, "SSH-", 4) == 0) {
			tree_fault(&p->t, v->mark, at, "has a line that "
			    "starts with SSH-; use other words");
			return;
		}
		if (i - line > 250) {
			tree_fault(&p->t, v->mark, at, "has a line that is "
			    "too long; a line has at most 250 bytes");
			return;
		}
		line = i + 1;
	}
}

/* ---- words ---- */

/* Index of a word, or -1 after a fault. */
static int
parse_word(struct parse *p, const struct node *v, const struct path *at,
    const char *const *words, size_t n, const char *allowed)
{
	struct view text;

	if (!row_text(p, v, at, allowed, &text))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (view_is(text, words[i]))
			return (int)i;
	tree_fault(&p->t, v->mark, at, "%s is unknown; use %s",
	    tree_quote(&p->t, text), allowed);
	return -1;
}

/* ---- algorithms ---- */

static void
row_preference(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	static const char *const words[] = { "client", "server" };
	int i = parse_word(p, v, at, words, COUNT(words), row->allowed);
	struct config_main *m = into;

	if (i != -1)
		m->prefer_server_cipher = i == 1;
}

/* RFC 4251 6: printable ASCII, at most 64, no comma. */
static bool
value_algorithm(struct view v, const char **why_out)
{
	*why_out = "is not a name of an algorithm; use 1 to 64 printable "
	    "ASCII characters without commas";
	if (v.n == 0 || v.n > 64)
		return false;
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] <= ' ' || v.p[i] >= 0x7f || v.p[i] == ',')
			return false;
	return true;
}

static void
check_algorithms(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at)
{
	struct path here = { at, view_of(NULL, 0), 0 };
	const char *why;

	if (p->env->algorithm_known == NULL || v->kind != NODE_LIST)
		return;
	for (const struct item *i = v->first; i != NULL;
	    i = i->next, here.index++)
		if (i->value->kind == NODE_TEXT &&
		    value_algorithm(i->value->text, &why) &&
		    !p->env->algorithm_known(row->name, i->value->text))
			tree_fault(&p->t, i->value->mark, &here,
			    "%s is not in this build; use names of the %s "
			    "list in sallyport.yaml(5)",
			    tree_quote(&p->t, i->value->text), row->name);
}

static void
row_algorithms(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	struct view *field = (struct view *)(void *)((uint8_t *)into +
	    row->offset);
	struct view_list list = { NULL, 0 };
	struct wr w = wr_new(8192);

	row_texts(p, v, at, 64, row->allowed, value_algorithm, &list);
	check_algorithms(p, row, v, at);
	if (v->kind == NODE_LIST && v->n == 0)
		tree_fault(&p->t, v->mark, at, "is empty; needs %s, or leave "
		    "the key out", row->allowed);
	for (size_t i = 0; i < list.n; i++) {
		if (i != 0)
			wr_u8(&w, ',');
		wr_bytes(&w, list.v[i]);
	}
	*field = tree_copy(&p->t, wr_view(&w));
	wr_free(&w);
}

#define ALGORITHM_ROW(key) \
	{ #key, row_algorithms, offsetof(struct config_main, key), 0, 0, \
	    "names of algorithms", 0 }

static const struct key_row algorithm_rows[] = {
	{ "cipher_preference", row_preference, 0, 0, 0,
	    "server or client", 0 },
	ALGORITHM_ROW(kex),
	ALGORITHM_ROW(host_key),
	ALGORITHM_ROW(cipher),
	ALGORITHM_ROW(mac),
	ALGORITHM_ROW(compression),
};

static void
parse_algorithms(struct parse *p, const struct node *v, const struct path *at)
{
	row_walk(p, v, at, algorithm_rows, COUNT(algorithm_rows),
	    &p->main, NULL);
}

/* ---- keepalive, limits ---- */

#define SECOND	1000
#define HOUR	(3600 * SECOND)
#define DAY	((uint64_t)24 * HOUR)	/* 30 of them fit 32 bits */
#define MAIN(f)	 offsetof(struct config_main, f)
#define LIMIT(f) offsetof(struct config_limits, f)

/* 0 is none; anything else is at least a second. */
static void
row_ms_or_none(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	uint64_t ms;

	if (v->kind != NODE_TEXT || !value_duration(v->text, &ms) || ms != 0)
		row_ms(p, row, v, at, into);
	else
		*(uint32_t *)(void *)((uint8_t *)into + row->offset) = 0;
}

static const struct key_row keepalive_rows[] = {
	{ "interval", row_ms_or_none, MAIN(keepalive_interval_ms), SECOND,
	    24 * HOUR, "1s-24h, or 0 for none", 0 },
	{ "count", row_number, MAIN(keepalive_count), 1, 1000, "1-1000", 0 },
};

static void
parse_keepalive(struct parse *p, const struct node *v, const struct path *at)
{
	row_walk(p, v, at, keepalive_rows, COUNT(keepalive_rows),
	    &p->main, NULL);
}

static const char idle_words[] = "1s-30d, or 0 for none";
#define IDLE(word, kind) { word, row_ms_or_none, \
    LIMIT(channel_idle_ms) + (kind) * sizeof(uint32_t), SECOND, 30 * DAY, \
    idle_words, 0 }
static const struct key_row channel_idle_rows[] = {
	IDLE("session", CHANNEL_IS_SESSION),
	IDLE("agent", CHANNEL_IS_AGENT),
	IDLE("x11", CHANNEL_IS_X11),
	IDLE("direct-tcpip", CHANNEL_IS_DIRECT_TCPIP),
	IDLE("direct-streamlocal", CHANNEL_IS_DIRECT_STREAMLOCAL),
	IDLE("forwarded-tcpip", CHANNEL_IS_FORWARDED_TCPIP),
	IDLE("forwarded-streamlocal", CHANNEL_IS_FORWARDED_STREAMLOCAL),
};
_Static_assert(COUNT(channel_idle_rows) == CONFIG_CHANNELS, "one each");

static void
row_channel_idle(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	(void)row;
	row_walk(p, v, at, channel_idle_rows, CONFIG_CHANNELS, into, NULL);
}

_Static_assert(LIMIT_CHANNELS_MAX == 1024, "as said in words");
static const struct key_row limit_rows[] = {
	{ "connections", row_number, LIMIT(connections), 1, 1000000,
	    "1-1000000", 0 },
	{ "unauthenticated", row_number, LIMIT(unauthenticated), 1, 1000000,
	    "1-1000000", 0 },
	{ "unauthenticated_per_source", row_number,
	    LIMIT(unauthenticated_per_source), 1, 1000000, "1-1000000", 0 },
	{ "login_grace", row_ms, LIMIT(login_grace_ms), SECOND, HOUR,
	    "1s-1h", 0 },
	{ "auth_attempts", row_number, LIMIT(auth_attempts), 1, 100,
	    "1-100", 0 },
	{ "channels", row_number, LIMIT(channels), 1, LIMIT_CHANNELS_MAX,
	    "1-1024", 0 },
	{ "forwards", row_number, LIMIT(forwards), 0, LIMIT_FORWARDS_MAX,
	    "0-2048", 0 },
	{ "idle", row_ms_or_none, LIMIT(idle_ms), SECOND, 30 * DAY,
	    idle_words, 0 },
	{ "unused", row_ms_or_none, LIMIT(unused_ms), SECOND, 30 * DAY,
	    idle_words, 0 },
	{ "channel_idle", row_channel_idle, 0, 0, 0, "", 0 },
	/* 2^32 blocks of 16 bytes: RFC 4344 3.2 */
	{ "rekey_bytes", row_size, LIMIT(rekey_bytes), 4096,
	    (uint64_t)64 << 30, "4KiB-64GiB", 0 },
	{ "rekey_time", row_ms, LIMIT(rekey_time_ms), SECOND, 24 * HOUR,
	    "1s-24h", 0 },
	/* RFC 4344 3.1: a sequence number must not come twice */
	{ "rekey_packets", row_number, LIMIT(rekey_packets), 16,
	    (uint64_t)1 << 31, "16-2147483648", 0 },
	{ "park", row_switch, LIMIT(park), 0, 0, "on or off", 0 },
};

static void
parse_limits(struct parse *p, const struct node *v, const struct path *at)
{
	row_walk(p, v, at, limit_rows, COUNT(limit_rows),
	    &p->main.limits, NULL);
}

/* ---- log ---- */

static void
row_log_to(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	static const char *const words[] = {
		[LOG_TO_STDERR] = "stderr", [LOG_TO_SYSLOG] = "syslog",
		[LOG_TO_JOURNAL] = "journal",
	};
	struct config_main *m = into;
	struct view file;
	const char *why;
	int i;

	if (v->kind == NODE_TEXT && v->text.n >= 5 &&
	    memcmp(v->text.p, "file:", 5) == 0) {
		file = view_of(v->text.p + 5, v->text.n - 5);
		if (!value_path(file, &why))
			tree_fault(&p->t, v->mark, at, "%s %s",
			    tree_quote(&p->t, file), why);
		m->log_to = LOG_TO_FILE;
		m->log_path = file;
		return;
	}
	i = parse_word(p, v, at, words, COUNT(words), row->allowed);
	if (i != -1)
		m->log_to = (enum log_target)i;
}

static void
row_log_format(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	static const char *const words[] = { "text", "json" };
	int i = parse_word(p, v, at, words, COUNT(words), row->allowed);

	if (i != -1)
		((struct config_main *)into)->log_json = i == 1;
}

static void
row_log_level(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	static const char *const words[] = {
		[LOG_ERROR] = "error", [LOG_WARN] = "warn",
		[LOG_INFO] = "info", [LOG_DEBUG] = "debug",
	};
	int i = parse_word(p, v, at, words, COUNT(words), row->allowed);

	if (i != -1)
		((struct config_main *)into)->log_level = (enum log_level)i;
}

static const struct key_row log_rows[] = {
	{ "to", row_log_to, 0, 0, 0,
	    "stderr, syslog, journal or \"file:PATH\"", 0 },
	{ "format", row_log_format, 0, 0, 0, "text or json", 0 },
	{ "level", row_log_level, 0, 0, 0, "error, warn, info or debug", 0 },
};

static void
parse_log(struct parse *p, const struct node *v, const struct path *at)
{
	row_walk(p, v, at, log_rows, COUNT(log_rows),
	    &p->main, NULL);
}

/* ---- state_dir ---- */

static void
parse_state_dir(struct parse *p, const struct node *v, const struct path *at)
{
	static const char needs[] = "an absolute path, or none";
	const char *why;
	struct view dir;

	if (!row_text(p, v, at, needs, &dir))
		return;
	if (view_is(dir, "none"))
		dir = view_of(NULL, 0);
	else if (!value_path(dir, &why))
		tree_fault(&p->t, v->mark, at, "%s %s",
		    tree_quote(&p->t, dir), why);
	p->main.state_dir = dir;
}

/* ---- control ---- */

static void
parse_control(struct parse *p, const struct node *v, const struct path *at)
{
	static const char needs[] = "an absolute path, or none";
	const char *why;
	struct view path;

	if (!row_text(p, v, at, needs, &path))
		return;
	if (view_is(path, "none"))
		path = view_of(NULL, 0);
	else if (!value_path(path, &why))
		tree_fault(&p->t, v->mark, at, "%s %s",
		    tree_quote(&p->t, path), why);
	else if (path.n > CONFIG_CONTROL_MAX)
		tree_fault(&p->t, v->mark, at, "is too long for a socket; at "
		    "most %d bytes", CONFIG_CONTROL_MAX);
	p->main.control = path;
}

void
keys_parse(struct parse *p, enum top_key key, const struct path *at)
{
	static void (*const parsers[TOP_KEYS])(struct parse *,
	    const struct node *, const struct path *) = {
		[TOP_LISTEN] = parse_listen,
		[TOP_HOST_KEYS] = parse_host_keys,
		[TOP_SERVER_USER] = parse_server_user,
		[TOP_IDENT] = parse_ident,
		[TOP_GREETING] = parse_greeting,
		[TOP_BANNER] = parse_banner,
		[TOP_ALGORITHMS] = parse_algorithms,
		[TOP_KEEPALIVE] = parse_keepalive,
		[TOP_LIMITS] = parse_limits,
		[TOP_LOG] = parse_log,
		[TOP_STATE_DIR] = parse_state_dir,
		[TOP_CONTROL] = parse_control,
		[TOP_PENALTIES] = penalties_parse,
		[TOP_DEFAULTS] = NULL,		/* config_users.c */
		[TOP_HOST_ACCOUNTS] = host_parse,	/* config_host.c */
	};
	const struct node *v = p->top[key].value;

	if (parsers[key] != NULL && (v != NULL || key == TOP_SERVER_USER))
		parsers[key](p, v, at);
}
