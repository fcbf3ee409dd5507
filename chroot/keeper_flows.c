/* Forwarded connections of a user who may run programs. */
#include <unistd.h>

#include "chroot/child.h"
#include "chroot/keeper_parts.h"

static void
to_server(void *ctx, uint8_t type, uint32_t id, const struct wr *body, int fd)
{
	keeper_tell(ctx, type, id, body, &fd, fd != -1 ? 1 : 0);
}

static bool
to_warden(void *ctx, uint8_t type, const struct wr *body)
{
	struct keeper *k = ctx;

	return k->warden != -1 && !body->bad && child_send(k->warden, type,
	    k->session->conn, wr_view(body));
}

bool
keeper_flows(struct keeper *k)
{
	struct flows_start start;

	if (k->start->flows == NULL)
		return true;
	start = *k->start->flows;
	start.server = to_server;
	start.warden = to_warden;
	start.ctx = k;
	return (k->flows = flows_new(&start)) != NULL;
}
