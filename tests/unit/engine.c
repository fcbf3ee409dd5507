#include <stdlib.h>
#include <string.h>

#include "tests/unit/engine.h"

static void
on_ident(void *ctx, struct ssh_conn *c, const struct ssh_ident *id)
{
	struct engine *e = ctx;

	e->idents++;
	if (!view_to_cstr(id->raw, e->ident, sizeof(e->ident)))
		abort();
	if (e->free_in_ident) {
		ssh_conn_free(&c);
		e->conn = NULL;
	}
}

static void
on_handshake(void *ctx, struct ssh_conn *c, const struct ssh_handshake *h)
{
	struct engine *e = ctx;

	(void)c;
	e->handshakes++;
	e->handshake = *h;
}

static void
on_sign(void *ctx, struct ssh_conn *c, const struct ssh_sign *s)
{
	struct engine *e = ctx;

	e->signs++;
	e->sign_key = s->key;
	e->sign_hash_len = s->hash.n;
	memcpy(e->sign_hash, s->hash.p, s->hash.n);
	if (!view_to_cstr(s->alg, e->sign_alg, sizeof(e->sign_alg)))
		abort();
	if (e->sign_inside) {
		struct wr sig = wr_new(4096);

		if (ssh_key_sign(e->keys[s->key], s->alg, s->hash,
		    &sig) != OK ||
		    !ssh_conn_signed(c, wr_view(&sig), e->now))
			abort();
		if (ssh_conn_signed(c, wr_view(&sig), e->now))
			abort();
		wr_free(&sig);
	}
}

static void
on_authentication(void *ctx, struct ssh_conn *c, const struct ssh_auth *a)
{
	struct engine *e = ctx;

	(void)a;
	if (e->accept_none)
		(void)ssh_auth_accept(c, e->now);
	else
		(void)ssh_auth_reject(c, "publickey", false, e->now);
}

static void
on_ready(void *ctx, struct ssh_conn *c)
{
	struct engine *e = ctx;

	(void)c;
	e->readies++;
}

static void
on_rekey(void *ctx, struct ssh_conn *c)
{
	struct engine *e = ctx;

	(void)c;
	e->rekeys++;
}

static void
on_end(void *ctx, struct ssh_conn *c, const struct ssh_end *end)
{
	struct engine *e = ctx;

	e->ends++;
	e->end = *end;
	memset(e->end_text, 0, sizeof(e->end_text));
	memcpy(e->end_text, end->text.p, end->text.n);
	if (e->free_in_end) {
		ssh_conn_free(&c);
		e->conn = NULL;
	}
}

static void
on_session(void *ctx, struct ssh_conn *c, struct ssh_channel *ch)
{
	(void)ctx;
	(void)c;
	(void)ssh_channel_accept(ch);
}

static void
on_data(void *ctx, struct ssh_channel *ch, uint32_t ext, struct view bytes)
{
	(void)ctx;
	(void)ext;
	ssh_channel_consumed(ch, bytes.n);
}

void
engine_add_key(struct engine *e, const char *type, unsigned bits)
{
	struct ssh_key *k = ssh_key_generate(type, bits);

	if (k == NULL)
		abort();
	e->keys[e->nkeys] = k;
	e->key_list[e->nkeys++] = k;
}

void
engine_init(struct engine *e)
{
	memset(e, 0, sizeof(*e));
	engine_add_key(e, "ed25519", 0);
	e->now = 1000000;
	e->accept_none = true;
	e->ev = (struct ssh_server_events){
		.ident = on_ident, .handshake = on_handshake,
		.sign = on_sign, .authentication = on_authentication,
		.ready = on_ready, .rekey = on_rekey, .end = on_end,
		.session = on_session, .data = on_data
	};
}

void
engine_start(struct engine *e, const struct ssh_peer_algs *algs)
{
	const char *why;

	e->cfg.host_keys = e->key_list;
	e->cfg.nhost_keys = e->nkeys;
	e->server = ssh_server_new(&e->cfg, &e->ev, e, &why);
	if (e->server == NULL)
		abort();
	if ((e->conn = ssh_conn_new(e->server, e->now)) == NULL)
		abort();
	e->peer = ssh_peer_new(e->conn, algs);
	e->peer->now = e->now;
}

void
engine_stop(struct engine *e)
{
	ssh_peer_free(&e->peer);
	ssh_conn_free(&e->conn);
	ssh_server_unref(&e->server);
	for (size_t i = 0; i < e->nkeys; i++)
		ssh_key_free(&e->keys[i]);
}

bool
engine_login(struct engine *e)
{
	struct wr w = wr_new(4096);
	struct view v;
	bool ok;

	if (!ssh_peer_handshake(e->peer) || !ssh_peer_service(e->peer))
		return false;
	wr_u8(&w, SSH_MSG_USERAUTH_REQUEST);
	wr_cstr(&w, "demo");
	wr_cstr(&w, "ssh-connection");
	wr_cstr(&w, "none");
	ssh_peer_send(e->peer, wr_view(&w));
	wr_free(&w);
	ok = ssh_peer_expect(e->peer, SSH_MSG_USERAUTH_SUCCESS, &v);
	return ok && e->conn->phase == PH_OPEN;
}
