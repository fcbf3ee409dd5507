/*
 * One key exchange at a time: when it begins, KEXINIT, what is agreed, its
 * limits and deadline (RFC 4253 7 and 9; strict KEX as in OpenSSH's PROTOCOL
 * 1.10).  kex_keys.c does the rest of it.
 */
#include <stdlib.h>
#include <string.h>

#include "server/kex.h"

#define KEXINIT_WAIT_MS	300	/* for clients that wait for ours */
#define KEX_DEADLINE_MS	60000

#define STRICT_CLIENT	"kex-strict-c-v00@openssh.com"
#define STRICT_SERVER	"kex-strict-s-v00@openssh.com"
#define EXT_INFO_SERVER	"ext-info-s"	/* we take theirs (RFC 8308 2.1) */

static struct kex *
kex_new(struct ssh_conn *c)
{
	struct kex *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->i_c = wr_new(SSH_MAX_PACKET);
	k->i_s = wr_new(SSH_MAX_PACKET);
	k->pub = wr_new(SSH_MAX_PACKET);
	k->k = wr_new(SSH_MAX_PACKET);
	c->kex = k;
	c->kex_started = c->now;
	return k;
}

void
kex_free(struct kex **kp)
{
	struct kex *k = *kp;

	if (k == NULL)
		return;
	wr_free(&k->i_c);
	wr_free(&k->i_s);
	wr_free(&k->pub);
	wr_free(&k->k);
	cipher_free(&k->rx_next);
	wipe(k, sizeof(*k));
	free(k);
	*kp = NULL;
}

bool
kex_running(const struct ssh_conn *c)
{
	return c->kex != NULL;
}

bool
kex_blocks_output(const struct ssh_conn *c)
{
	if (c->kex == NULL)
		return c->kex_count == 0;
	return !c->kex->sent_newkeys &&
	    (c->kex->sent_init || c->kex_count == 0);
}

bool
kex_heard_init(const struct ssh_conn *c)
{
	return c->kex != NULL && c->kex->got_init;
}

/* Only a message of a method can be the guess (RFC 4253 7). */
bool
kex_skips(struct ssh_conn *c, uint8_t number)
{
	if (c->kex == NULL || !c->kex->skip_guess || number < 30)
		return false;
	c->kex->skip_guess = false;
	return true;
}

enum err
kex_no_memory(struct ssh_conn *c)
{
	return conn_fail(c, ERR_NOMEM, SSH_DISCONNECT_BY_APPLICATION,
	    "out of memory");
}

enum err
kex_failed(struct ssh_conn *c, enum err e, const char *what)
{
	return conn_fail(c, e, SSH_DISCONNECT_KEY_EXCHANGE_FAILED, "%s",
	    what);
}

static void
tell_rekey(struct ssh_conn *c)
{
	if (c->server->ev->rekey == NULL || c->phase == PH_ENDED)
		return;
	conn_event_begin(c);
	c->server->ev->rekey(c->server->ctx, c);
	conn_event_end(c);
}

/* ---- KEXINIT ---- */

static void
write_ciphers(struct ssh_conn *c, enum kex_list l,
    const struct kex_proposal *client)
{
	const struct ssh_server *s = c->server;
	const struct cipher_alg *pin = l == LIST_CIPHER_IN ?
	    c->pinned_in : c->pinned_out;
	struct wr *w = &c->kex->i_s, own = wr_new(KEX_LIST_MAX);

	if (client != NULL && s->cfg.wait_for_kexinit && crypto_has_aes() &&
	    kex_prefer_cipher(view_str(s->lists[2]), client->list[l],
	    s->default_ciphers, &own))
		wr_str(w, wr_view(&own));
	else if (client == NULL && pin != NULL)
		wr_cstr(w, pin->name);
	else
		wr_cstr(w, s->lists[2]);
	wr_free(&own);
}

/* client: its lists, if they came first. */
static bool
send_kexinit(struct ssh_conn *c, const struct kex_proposal *client)
{
	char *const *lists = c->server->lists;
	struct wr *w = &c->kex->i_s;
	uint8_t cookie[16];
	size_t at;

	crypto_random(cookie, sizeof(cookie));
	wr_u8(w, SSH_MSG_KEXINIT);
	wr_bytes(w, view_of(cookie, sizeof(cookie)));
	at = wr_open(w);
	wr_bytes(w, view_str(lists[0]));
	if (c->kex_count == 0)	/* markers count in the first alone */
		wr_bytes(w, view_str("," EXT_INFO_SERVER "," STRICT_SERVER));
	wr_close(w, at);
	wr_cstr(w, lists[1]);
	write_ciphers(c, LIST_CIPHER_IN, client);
	write_ciphers(c, LIST_CIPHER_OUT, client);
	for (int i = 0; i < 2; i++)
		wr_cstr(w, lists[3]);
	for (int i = 0; i < 2; i++)
		wr_cstr(w, lists[4]);
	wr_cstr(w, "");
	wr_cstr(w, "");
	wr_bool(w, false);
	wr_u32(w, 0);
	if (w->bad || !conn_send_now(c, wr_view(w)))
		return false;
	c->kex->sent_init = true;
	return true;
}

bool
kex_start(struct ssh_conn *c)
{
	bool fresh = c->kex == NULL && c->kex_count != 0;

	if ((c->phase & (PH_IDENT | PH_ENDED)) != 0)
		return false;
	if (c->kex == NULL && kex_new(c) == NULL) {
		(void)kex_no_memory(c);
		return false;
	}
	if (!c->kex->sent_init && !send_kexinit(c, NULL)) {
		(void)kex_no_memory(c);
		return false;
	}
	if (fresh)
		tell_rekey(c);
	return true;
}

enum err
kex_begin_first(struct ssh_conn *c)
{
	if (kex_new(c) == NULL)
		return kex_no_memory(c);
	if (c->server->cfg.wait_for_kexinit && crypto_has_aes())
		return OK;
	return kex_start(c) ? OK : ERR_CLOSED;
}

/* Strict KEX and ext-info are agreed in the first KEXINIT alone. */
static enum err
read_markers(struct ssh_conn *c, const struct kex_proposal *p)
{
	if (c->kex_count != 0)
		return OK;
	c->ext_info = namelist_has(p->list[LIST_KEX],
	    view_str("ext-info-c"));
	c->strict = namelist_has(p->list[LIST_KEX], view_str(STRICT_CLIENT));
	if (c->strict && c->rx.packets != 1)
		return conn_fail(c, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "strict key exchange: kexinit is not the first packet");
	return OK;
}

static size_t
host_key_for(const struct ssh_server *s, const char *alg)
{
	for (size_t i = 0; i < s->cfg.nhost_keys; i++)
		if (namelist_has(view_str(ssh_key_sigalgs(
		    s->cfg.host_keys[i])), view_str(alg)))
			return i;
	return SIZE_MAX;
}

static enum err
agree(struct ssh_conn *c, const struct kex_proposal *client)
{
	struct kex *k = c->kex;
	struct view i_s = wr_view(&k->i_s);
	struct rd r = rd_of(view_of(i_s.p + 1, i_s.n - 1));
	struct kex_proposal ours;
	enum kex_list failed;
	const char *why;

	if (!kex_parse_proposal(&r, &ours, &why))
		return kex_failed(c, ERR_LIMIT, "own kexinit is malformed");
	if (!kex_choose(&ours, client, &k->choice, &failed))
		return conn_fail(c, ERR_DENIED,
		    SSH_DISCONNECT_KEY_EXCHANGE_FAILED,
		    "no common %s; the client offers %.*s",
		    kex_list_word(failed), (int)client->list[failed].n,
		    (const char *)client->list[failed].p);
	k->host_key = host_key_for(c->server, k->choice.host_key);
	if (k->host_key == SIZE_MAX)
		return kex_failed(c, ERR_LIMIT, "no host key of that kind");
	k->skip_guess = client->follows && !k->choice.guess_right;
	if (c->server->cfg.wait_for_kexinit && crypto_has_aes()) {
		c->pinned_in = k->choice.cipher_in;
		c->pinned_out = k->choice.cipher_out;
	}
	return OK;
}

enum err
kex_handle_kexinit(struct ssh_conn *c, struct rd *r)
{
	struct view payload = view_of(r->p - 1, r->n + 1);
	bool rekey = c->kex == NULL;
	struct kex_proposal client;
	const char *why;
	enum err e;

	if (kex_heard_init(c))
		return conn_fail(c, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "second kexinit in one key exchange");
	if (!kex_parse_proposal(r, &client, &why))
		return conn_fail(c, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "%s", why);
	if ((e = read_markers(c, &client)) != OK)
		return e;
	if (c->kex == NULL && kex_new(c) == NULL)
		return kex_no_memory(c);
	wr_bytes(&c->kex->i_c, payload);
	c->kex->got_init = true;
	if (c->kex->i_c.bad ||
	    (!c->kex->sent_init && !send_kexinit(c, &client)))
		return kex_no_memory(c);
	if ((e = agree(c, &client)) != OK)
		return e;
	if (rekey)
		tell_rekey(c);
	return OK;
}

/* ---- limits and time ---- */

static bool
worn(const struct ssh_conn *c, const struct direction *d)
{
	return d->bytes >= c->server->cfg.rekey_bytes ||
	    d->packets >= c->server->cfg.rekey_packets;
}

static uint64_t
time_limit(const struct ssh_conn *c)
{
	uint32_t ms = c->server->cfg.rekey_time_ms;

	return ms != 0 ? c->kex_done + ms : UINT64_MAX;
}

void
kex_check_limits(struct ssh_conn *c)
{
	if (c->kex != NULL || c->kex_count == 0 || c->phase == PH_ENDED)
		return;
	if (worn(c, &c->rx) || worn(c, &c->tx) || c->now >= time_limit(c))
		(void)kex_start(c);
}

/* The deadline stands still while an open question keeps us from reading:
 * conn_release moves it by as much. */
static uint64_t
deadline(const struct ssh_conn *c)
{
	return c->held != 0 ? UINT64_MAX : c->kex_started + KEX_DEADLINE_MS;
}

uint64_t
kex_due(const struct ssh_conn *c)
{
	if (c->kex == NULL)
		return c->kex_count != 0 ? time_limit(c) : UINT64_MAX;
	if (!c->kex->sent_init)
		return c->kex_started + KEXINIT_WAIT_MS;
	return deadline(c);
}

void
kex_tick(struct ssh_conn *c)
{
	if (c->kex == NULL) {
		kex_check_limits(c);
		return;
	}
	if (!c->kex->sent_init &&
	    c->now >= c->kex_started + KEXINIT_WAIT_MS && !kex_start(c))
		return;
	if (c->now >= deadline(c))
		(void)conn_fail(c, ERR_LIMIT,
		    SSH_DISCONNECT_KEY_EXCHANGE_FAILED,
		    "key exchange not finished within %u seconds",
		    KEX_DEADLINE_MS / 1000);
}
