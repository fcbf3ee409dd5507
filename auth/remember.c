/* The state folder as the methods see it: every failure is logged here, with
 * its errno, and told in static words. */
#include <errno.h>

#include "auth/internal.h"
#include "auth/records.h"

static const char *
failed(const char *step, const char *kind, enum err err, const char *why)
{
	struct log_ev e;
	int saved = errno;

	log_begin(&e, LOG_ERROR, "state-failed");
	log_str(&e, "step", step);
	if (kind != NULL)
		log_str(&e, "kind", kind);
	if (err == ERR_SYS)
		log_errno(&e, saved);
	else
		log_str(&e, "reason", err_word(err));
	log_send(&e);
	return why;
}

const char *
remember_lock(struct auth *a)
{
	const struct auth_store *s = a->start.store;
	enum err err;

	if (s == NULL)
		return "there is no state folder to remember it";
	if ((err = s->lock(s->ctx)) == OK)
		return NULL;
	return failed("lock", NULL, err, "state could not be locked");
}

void
remember_unlock(struct auth *a)
{
	a->start.store->unlock(a->start.store->ctx);
}

const char *
remember_read(struct auth *a, const char *kind, struct wr *out)
{
	const struct auth_store *s = a->start.store;
	enum err err;

	wr_reset(out);
	if (s == NULL)
		return NULL;
	err = s->read(s->ctx, kind, RECORD_MAX, out);
	if (err == OK || err == ERR_CLOSED)
		return NULL;
	return failed("read", kind, err, "state could not be read");
}

const char *
remember_damage(const char *kind)
{
	return failed("read", kind, ERR_PROTO, "state is damaged");
}

const char *
remember_write(struct auth *a, const char *kind, const struct wr *w)
{
	const struct auth_store *s = a->start.store;
	enum err err = ERR_NOMEM;

	if (!w->bad && (err = s->write(s->ctx, kind, wr_view(w))) == OK)
		return NULL;
	return failed("write", kind, err, "state could not be written");
}
