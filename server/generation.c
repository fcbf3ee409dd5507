#include <stdlib.h>
#include <string.h>

#include "server/daemon.h"

_Static_assert(LIMIT_CHANNELS_MAX + LIMIT_FORWARDS_MAX <= SSH_MAX_CHANNELS,
    "limits.channels, limits.forwards");

void
generation_unref(struct generation **gp)
{
	struct generation *g = *gp;

	*gp = NULL;
	if (g == NULL || --g->refs != 0)
		return;
	ssh_server_unref(&g->ssh);
	for (size_t i = 0; i < g->nkeys; i++)
		ssh_key_free(&g->keys[i]);
	free(g);
}

static void
debug(void *ctx, const struct ssh_conn *conn, const char *text)
{
	const struct client *c = ssh_conn_data(conn);
	struct log_ev e;

	(void)ctx;
	log_begin(&e, LOG_DEBUG, "debug");
	if (c != NULL)
		log_num(&e, "conn", c->id);
	log_str(&e, "msg", text);
	log_send(&e);
}

/* C strings of a message's views, for the time of ssh_server_new. */
struct texts {
	char *s[8];
	size_t n;
	bool bad;
};

static const char *
text(struct texts *t, struct view v)
{
	if (v.n == 0)
		return NULL;
	if ((t->s[t->n] = view_dup(v)) == NULL) {
		t->bad = true;
		return NULL;
	}
	return t->s[t->n++];
}

static struct ssh_server *
make_server(struct loop *l, struct generation *g,
    const struct msg_generation *m, const char **why)
{
	const struct ssh_key *keys[16];
	struct texts t = { .n = 0 };
	struct ssh_server *s = NULL;
	struct ssh_server_config cfg = {
		.host_keys = keys,
		.nhost_keys = g->nkeys,
		.keepalive_interval_ms = m->keepalive_interval_ms,
		.keepalive_count_max = m->keepalive_count,
		.login_grace_ms = m->limits.login_grace_ms,
		.rekey_bytes = m->limits.rekey_bytes,
		.rekey_packets = m->limits.rekey_packets,
		.rekey_time_ms = m->limits.rekey_time_ms,
		.channels = m->limits.channels + m->limits.forwards,
		.wait_for_kexinit = m->prefer_server_cipher,
		.debug = debug,
	};

	for (size_t i = 0; i < g->nkeys; i++)
		keys[i] = g->keys[i];
	cfg.ident = text(&t, m->ident);
	cfg.greeting = text(&t, m->greeting);
	cfg.banner = text(&t, m->banner);
	cfg.algorithms.kex = text(&t, m->kex);
	cfg.algorithms.host_key = text(&t, m->host_key);
	cfg.algorithms.cipher = text(&t, m->cipher);
	cfg.algorithms.mac = text(&t, m->mac);
	cfg.algorithms.compression = text(&t, m->compression);
	*why = "memory, or a NUL in a text";
	if (!t.bad)
		s = ssh_server_new(&cfg, &daemon_events, l, why);
	for (size_t i = 0; i < t.n; i++)
		free(t.s[i]);
	return s;
}

struct generation *
generation_new(struct loop *l, const struct msg_generation *m)
{
	struct generation *g;
	const char *why = "a host key does not parse";

	if ((g = calloc(1, sizeof(*g))) == NULL)
		return NULL;
	g->refs = 1;
	g->number = m->number;
	g->limits = m->limits;
	g->methods = m->methods;
	for (size_t i = 0; i < m->nkeys; i++) {
		if (ssh_key_parse_blob(m->keys[i], &g->keys[i]) != OK)
			goto fail;
		g->nkeys++;
	}
	if ((g->ssh = make_server(l, g, m, &why)) != NULL)
		return g;
fail:
	log_msg(LOG_ERROR, "generation-refused", "generation %u: %s",
	    m->number, why);
	generation_unref(&g);
	return NULL;
}
