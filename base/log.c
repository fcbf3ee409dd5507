#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"

/* Longest single value; more is cut, the log process marks it. */
#define VALUE_MAX 4096

/* What a process says about itself does not change between its events. */
static struct {
	int fd;
	enum log_level level;
	uint32_t dropped;
	uint64_t conn;
	char user[128];
	char src[64];
} self = { .fd = -1, .level = LOG_INFO };

void
log_open(int fd, enum log_level level)
{
	self.fd = fd;
	self.level = level;
}

void
log_context(uint64_t conn, const char *user, const char *src)
{
	self.conn = conn;
	snprintf(self.user, sizeof(self.user), "%s", user ? user : "");
	snprintf(self.src, sizeof(self.src), "%s", src ? src : "");
}

int
log_fd(void)
{
	return self.fd;
}

enum log_level
log_level(void)
{
	return self.level;
}

void
log_begin(struct log_ev *e, enum log_level level, const char *event)
{
	e->level = level;
	e->off = self.fd == -1 || level > self.level;
	e->w = wr_new(LOG_MAX_EVENT);
	if (e->off)
		return;
	wr_u8(&e->w, (uint8_t)level);
	wr_cstr(&e->w, event);
	wr_u32(&e->w, self.dropped);
	if (self.conn != 0)
		log_num(e, "conn", self.conn);
	if (self.user[0] != '\0')
		log_str(e, "user", self.user);
	if (self.src[0] != '\0')
		log_str(e, "src", self.src);
}

void
log_view(struct log_ev *e, const char *key, struct view value)
{
	if (e->off)
		return;
	if (value.n > VALUE_MAX)
		value.n = VALUE_MAX;
	/* A field that no longer fits is left out, never half written. */
	if (wr_size(&e->w) + strlen(key) + value.n + 9 > LOG_MAX_EVENT)
		return;
	wr_cstr(&e->w, key);
	wr_u8(&e->w, LOG_KIND_STR);
	wr_str(&e->w, value);
}

void
log_str(struct log_ev *e, const char *key, const char *value)
{
	log_view(e, key, view_str(value));
}

void
log_num(struct log_ev *e, const char *key, uint64_t value)
{
	if (e->off || wr_size(&e->w) + strlen(key) + 13 > LOG_MAX_EVENT)
		return;
	wr_cstr(&e->w, key);
	wr_u8(&e->w, LOG_KIND_NUM);
	wr_u64(&e->w, value);
}

static void log_vfmt(struct log_ev *e, const char *key, const char *fmt,
    va_list ap) PRINTF_LIKE(3, 0);

static void
log_vfmt(struct log_ev *e, const char *key, const char *fmt, va_list ap)
{
	char text[1024];

	if (e->off)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	log_str(e, key, text);
}

void
log_fmt(struct log_ev *e, const char *key, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vfmt(e, key, fmt, ap);
	va_end(ap);
}

void
log_errno(struct log_ev *e, int error)
{
	log_str(e, "error", strerror(error));
}

void
log_send(struct log_ev *e)
{
	struct view v = wr_view(&e->w);

	if (!e->off) {
		if (e->w.bad || send(self.fd, v.p, v.n,
		    MSG_DONTWAIT | MSG_NOSIGNAL) == -1) {
			if (self.dropped != UINT32_MAX)
				self.dropped++;
		} else
			self.dropped = 0;
	}
	wr_free(&e->w);
	e->off = true;
}

void
log_msg(enum log_level level, const char *event, const char *fmt, ...)
{
	struct log_ev e;
	va_list ap;

	log_begin(&e, level, event);
	va_start(ap, fmt);
	log_vfmt(&e, "msg", fmt, ap);
	va_end(ap);
	log_send(&e);
}

bool
log_parse(struct view datagram, struct log_rec *out)
{
	struct rd r = rd_of(datagram);
	uint8_t level = rd_u8(&r);

	out->event = rd_text(&r);
	out->dropped = rd_u32(&r);
	if (r.bad || level > LOG_DEBUG)
		return false;
	out->level = (enum log_level)level;
	out->fields = r;
	return true;
}

bool
log_next(struct log_rec *r, struct view *key, int *kind, struct view *value,
    uint64_t *num)
{
	if (r->fields.bad || r->fields.n == 0)
		return false;
	*key = rd_text(&r->fields);
	*kind = rd_u8(&r->fields);
	*value = view_of(NULL, 0);
	*num = 0;
	if (*kind == LOG_KIND_STR)
		*value = rd_str(&r->fields);
	else if (*kind == LOG_KIND_NUM)
		*num = rd_u64(&r->fields);
	else
		r->fields.bad = true;
	return !r->fields.bad;
}
