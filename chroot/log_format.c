#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json_text.h"
#include "chroot/log_format.h"

/* How one format writes a field; the walk over the event is shared. */
struct style {
	void (*str)(struct wr *w, const char *key, struct view v);
	void (*num)(struct wr *w, const char *key, uint64_t v);
};

const char *
log_level_word(enum log_level level)
{
	static const char *const words[] = {
		[LOG_ERROR] = "error", [LOG_WARN] = "warn",
		[LOG_INFO] = "info", [LOG_DEBUG] = "debug",
	};

	return (unsigned)level <= LOG_DEBUG ? words[level] : "error";
}

static void PRINTF_LIKE(2, 3)
put(struct wr *w, const char *fmt, ...)
{
	char text[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	wr_bytes(w, view_str(text));
}

static void
put_time(struct wr *w, uint64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	put(w, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    (unsigned)(ms % 1000));
}

/* ---- text ---- */

/* Bytes that stand for themselves in a value without quotes. */
static bool
plain(uint8_t c)
{
	return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '=';
}

static void
text_value(struct wr *w, struct view v)
{
	bool quote = v.n == 0;

	for (size_t i = 0; i < v.n && !quote; i++)
		quote = !plain(v.p[i]);
	if (!quote) {
		wr_bytes(w, v);
		return;
	}
	wr_u8(w, '"');
	for (size_t i = 0; i < v.n; i++) {
		uint8_t c = v.p[i];

		if (c == '"' || c == '\\') {
			wr_u8(w, '\\');
			wr_u8(w, c);
		} else if (c >= ' ' && c < 0x7f)
			wr_u8(w, c);
		else
			put(w, "\\x%02x", c);
	}
	wr_u8(w, '"');
}

static void
text_str(struct wr *w, const char *key, struct view v)
{
	put(w, " %s=", key);
	text_value(w, v);
}

static void
text_num(struct wr *w, const char *key, uint64_t v)
{
	put(w, " %s=%" PRIu64, key, v);
}

/* ---- JSON (RFC 8259) ---- */

static void
json_str(struct wr *w, const char *key, struct view v)
{
	put(w, ",\"%s\":", key);
	json_text(w, v);
}

static void
json_num(struct wr *w, const char *key, uint64_t v)
{
	put(w, ",\"%s\":%" PRIu64, key, v);
}

/* ---- the walk ---- */

/* A field name is lower-case letters, digits, '_', '-' and '.'; anything
 * else becomes '_', so that a name cannot carry what a value may not. */
static void
clean_key(struct view key, char out[33])
{
	size_t n = key.n < 32 ? key.n : 32;

	for (size_t i = 0; i < n; i++) {
		uint8_t c = key.p[i];
		bool ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		    c == '_' || c == '-' || c == '.';

		out[i] = ok ? (char)c : '_';
	}
	out[n] = '\0';
	if (n == 0)
		strcpy(out, "_");
}

/* Names that the log process gives itself. */
static bool
reserved(const char *key)
{
	return strcmp(key, "time") == 0 || strcmp(key, "level") == 0 ||
	    strcmp(key, "event") == 0;
}

static bool
identity(const char *key)
{
	return strcmp(key, "conn") == 0 || strcmp(key, "user") == 0 ||
	    strcmp(key, "src") == 0 || strcmp(key, "pid") == 0;
}

static void
put_who(const struct log_line *l, const struct style *s, struct wr *w)
{
	if (l->who != NULL) {
		s->num(w, "conn", l->who->conn);
		if (l->who->user.n != 0)
			s->str(w, "user", l->who->user);
		if (l->who->src.n != 0)
			s->str(w, "src", l->who->src);
	} else if (l->strip)
		s->num(w, "pid", (uint64_t)(uint32_t)l->pid);
}

static bool
put_fields(const struct log_line *l, const struct style *s, struct wr *w)
{
	struct log_rec rec = l->rec;
	struct view key, value;
	char name[33];
	uint64_t num;
	int kind;

	put_who(l, s, w);
	while (log_next(&rec, &key, &kind, &value, &num)) {
		clean_key(key, name);
		if (reserved(name) ||
		    (identity(name) && (l->who != NULL || l->strip)))
			continue;
		if (kind == LOG_KIND_NUM)
			s->num(w, name, num);
		else
			s->str(w, name, value);
	}
	if (rec.dropped != 0)
		s->num(w, "lost-before", rec.dropped);
	return !rec.fields.bad;
}

/* Takes a line that went wrong back out of w. */
static bool
finish(struct wr *w, size_t before, bool ok)
{
	if (ok && !w->bad)
		return true;
	w->bad = false;
	w->len = w->head + before;
	return false;
}

bool
log_format_text(const struct log_line *l, struct wr *out)
{
	static const struct style style = { text_str, text_num };
	size_t before = wr_size(out);
	char event[33];
	bool ok;

	clean_key(l->rec.event, event);
	put_time(out, l->ms);
	put(out, " %s event=%s", log_level_word(l->rec.level), event);
	ok = put_fields(l, &style, out);
	wr_u8(out, '\n');
	return finish(out, before, ok);
}

bool
log_format_json(const struct log_line *l, struct wr *out)
{
	static const struct style style = { json_str, json_num };
	size_t before = wr_size(out);
	char event[33];
	bool ok;

	clean_key(l->rec.event, event);
	put(out, "{\"time\":\"");
	put_time(out, l->ms);
	put(out, "\",\"level\":\"%s\",\"event\":\"%s\"",
	    log_level_word(l->rec.level), event);
	ok = put_fields(l, &style, out);
	wr_bytes(out, view_str("}\n"));
	return finish(out, before, ok);
}
