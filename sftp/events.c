#include <stdio.h>
#include <string.h>

#include "sftp/events.h"
#include "sftp/status.h"

/* start directory, slash, name: each below PATH_MAX */
#define PATH_BYTES 8192

static void
put_from(struct log_ev *e, const struct event_from *f)
{
	log_num(e, "channel", f->channel);
	log_str(e, "service", f->service);
}

static void
put_path(struct log_ev *e, const struct event_from *f, const char *key,
    const char *path)
{
	const char *start = f->policy->start;
	char full[PATH_BYTES];

	if (e->off)
		return;
	if (path[0] == '/') {
		log_str(e, key, path);
		return;
	}
	if (start == NULL || strcmp(start, "/") == 0)
		start = "";
	if (strcmp(path, ".") == 0)
		path = "";
	snprintf(full, sizeof(full), "%s/%s", start, path);
	log_str(e, key, full);
}

void
event_transfer(const struct event_from *f, const struct handle *h,
    bool aborted)
{
	bool writes = (h->pflags & FXF_WRITE) != 0;
	bool put = h->put != 0 || (writes && h->got == 0);
	struct log_ev e;

	if (h->kind != HANDLE_FILE || (!writes && h->got == 0 && !h->whole))
		return;
	log_begin(&e, LOG_INFO, "transfer");
	put_from(&e, f);
	log_str(&e, "op", put ? "put" : "get");
	put_path(&e, f, "path", h->path);
	log_num(&e, "bytes", put ? h->put : h->got);
	if (put && h->got != 0)
		log_num(&e, "bytes_read", h->got);
	log_num(&e, "duration_ms", handle_age_ms(h));
	log_str(&e, "result", h->failed != NULL ? "failed" :
	    aborted ? "aborted" : "ok");
	if (h->failed != NULL)
		log_str(&e, "reason", h->failed);
	log_send(&e);
}

static void
put_result(struct log_ev *e, int error)
{
	log_str(e, "result", error == 0 ? "ok" : "failed");
	if (error != 0)
		log_str(e, "reason", status_errno(error).text);
}

void
event_change(const struct event_from *f, const char *event,
    const char *path, const char *to, int error)
{
	struct log_ev e;

	log_begin(&e, LOG_INFO, event);
	put_from(&e, f);
	put_path(&e, f, "path", path);
	if (to != NULL)
		put_path(&e, f, "to", to);
	put_result(&e, error);
	log_send(&e);
}

void
event_symlink(const struct event_from *f, const char *path,
    const char *target, int error)
{
	struct log_ev e;

	log_begin(&e, LOG_INFO, "symlink-create");
	put_from(&e, f);
	put_path(&e, f, "path", path);
	log_str(&e, "target", target);
	put_result(&e, error);
	log_send(&e);
}

void
event_debug(const struct event_from *f, const char *event, const char *path)
{
	struct log_ev e;

	log_begin(&e, LOG_DEBUG, event);
	put_from(&e, f);
	put_path(&e, f, "path", path);
	log_send(&e);
}

void
event_session(const struct event_from *f, const char *event, uint64_t done)
{
	struct log_ev e;

	log_begin(&e, LOG_DEBUG, event);
	put_from(&e, f);
	log_num(&e, "requests", done);
	log_send(&e);
}

void
event_command(const struct event_from *f, enum log_level level,
    const struct event_command *c)
{
	struct log_ev e;

	log_begin(&e, level, "command");
	put_from(&e, f);
	log_view(&e, "command", c->line);
	log_num(&e, "bytes", c->bytes);
	log_num(&e, "duration_ms", c->ms);
	log_str(&e, "result", c->status == 0 ? "ok" : c->status == -1 ?
	    "aborted" : "failed");
	if (c->reason != NULL)
		log_str(&e, "reason", c->reason);
	log_send(&e);
}
