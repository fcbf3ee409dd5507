/* Names of hosts that sessions are to connect with. */
#include <unistd.h>

#include "chroot/warden.h"

static void
answer(struct warden *w, uint32_t ward, const struct msg_found *m)
{
	struct ward *c = wards_find(w->wards, ward);
	struct wr b = wr_new(4096);

	put_found(&b, m);
	/* One that does not read has a clock of its own. */
	if (c != NULL && c->sock != -1 && ipc_send(c->sock, MSG_FOUND, ward,
	    wr_view(&b), NULL, 0) != OK)
		log_msg(LOG_DEBUG, "lookup", "connection %u does not listen",
		    ward);
	wr_free(&b);
}

void
warden_lookup(struct warden *w, struct ward *c, const struct msg_lookup *m)
{
	const struct lookup_job job = {
		.ward = c->id, .number = m->number, .user = ward_user(c),
		.name = m->name,
	};
	const struct msg_found busy = { .number = m->number,
	    .status = FOUND_BUSY };

	if (w->helper == NULL || lookups_add(&w->lookups, &job, w->now) != OK)
		answer(w, c->id, &busy);
}

static void
forget(void *ctx)
{
	warden_forget(ctx);
}

void
warden_lookups_start(struct warden *w)
{
	const struct config_main *m = config_main(w->gen[0]->config);
	const struct lookup_how how = {
		.helper = w->helper, .uid = m->server_uid,
		.gid = m->server_gid, .drop = !w->unprivileged,
		.forget = forget, .ctx = w,
	};
	int i;

	while ((i = lookups_start(&w->lookups, w->now, &how)) != -1) {
		w->children++;
		warden_watch(w, w->lookups.at[i].fd, WATCH_LOOKUP,
		    (uint32_t)i, false);
	}
}

void
warden_lookup_ready(struct warden *w, uint32_t i)
{
	struct msg_found found;
	uint32_t ward;

	if (w->lookups.at == NULL || i >= LOOKUPS_MAX ||
	    w->lookups.at[i].fd == -1)
		return;
	warden_unwatch(w, w->lookups.at[i].fd);
	if (lookups_take(&w->lookups, i, &found, &ward))
		answer(w, ward, &found);
}

uint64_t
warden_lookups_tick(struct warden *w)
{
	struct msg_found found;
	uint32_t ward;

	while (lookups_late(&w->lookups, w->now, &found, &ward))
		answer(w, ward, &found);
	return lookups_tick(&w->lookups, w->now);
}
