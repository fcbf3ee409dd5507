/*
 * Events for people and programs.  A process describes an event as a name and
 * fields; a datagram carries it to the log process, which alone formats and
 * writes (text or JSON) and escapes every byte that came from a peer.
 * Sending never blocks: what the socket does not take is counted, and the
 * count travels with the next event that goes through.
 *
 *	struct log_ev e;
 *	log_begin(&e, LOG_INFO, "login");
 *	log_str(&e, "method", "publickey");
 *	log_view(&e, "key", fingerprint);
 *	log_send(&e);
 *
 * Datagram: byte level, string event name, uint32 events dropped before this
 * one, then until the end of the datagram: string key, byte kind (LOG_KIND_*),
 * string value or uint64.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/buf.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

#define LOG_KIND_STR	1
#define LOG_KIND_NUM	2
#define LOG_MAX_EVENT	8192

struct log_ev {
	struct wr w;
	enum log_level level;
	bool off;		/* below the level: nothing is built */
};

/* Names the datagram socket of this process (not taken over, not closed) and
 * the most talkative level that is sent.  fd -1: events go nowhere. */
void log_open(int fd, enum log_level level);
/* Sent with every later event of this process: the connection's number (0:
 * none), user and source address, either NULL.  Copied. */
void log_context(uint64_t conn, const char *user, const char *src);
int log_fd(void);
enum log_level log_level(void);

void log_begin(struct log_ev *e, enum log_level level, const char *event);
void log_str(struct log_ev *e, const char *key, const char *value);
void log_view(struct log_ev *e, const char *key, struct view value);
void log_num(struct log_ev *e, const char *key, uint64_t value);
void log_fmt(struct log_ev *e, const char *key, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* errno in words, under key "error". */
void log_errno(struct log_ev *e, int error);
void log_send(struct log_ev *e);

/* One line: event `name` with a single field "msg". */
void log_msg(enum log_level level, const char *event, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* A parsed datagram, for the log process and its tests. */
struct log_rec {
	enum log_level level;
	struct view event;
	uint32_t dropped;
	struct rd fields;
};
bool log_parse(struct view datagram, struct log_rec *out) MUST_CHECK;
/* The next field; false at the end or at a malformed one.  kind is
 * LOG_KIND_STR (value) or LOG_KIND_NUM (num). */
bool log_next(struct log_rec *r, struct view *key, int *kind,
    struct view *value, uint64_t *num);

#endif
