#include <string.h>

#include "base/messages.h"

#define MAX_KEYS	(sizeof(((struct msg_generation *)0)->keys) / \
    sizeof(((struct msg_generation *)0)->keys[0]))
#define METHODS_ALL	(((uint32_t)1 << AUTH_METHODS) - 1)

/* A message may bring only what is in range: the receiver tables index by
 * these numbers. */
static bool
done(const struct rd *r, bool in_range)
{
	return rd_done(r) && in_range;
}

void
put_limits(struct wr *w, const struct config_limits *l)
{
	wr_u32(w, l->connections);
	wr_u32(w, l->unauthenticated);
	wr_u32(w, l->unauthenticated_per_source);
	wr_u32(w, l->login_grace_ms);
	wr_u32(w, l->auth_attempts);
	wr_u32(w, l->channels);
	wr_u32(w, l->forwards);
	wr_u32(w, l->idle_ms);
	wr_u32(w, l->unused_ms);
	for (size_t i = 0; i < CONFIG_CHANNELS; i++)
		wr_u32(w, l->channel_idle_ms[i]);
	wr_u64(w, l->rekey_bytes);
	wr_u32(w, l->rekey_time_ms);
	wr_u32(w, l->rekey_packets);
	wr_bool(w, l->park);
}

void
get_limits(struct rd *r, struct config_limits *l)
{
	l->connections = rd_u32(r);
	l->unauthenticated = rd_u32(r);
	l->unauthenticated_per_source = rd_u32(r);
	l->login_grace_ms = rd_u32(r);
	l->auth_attempts = rd_u32(r);
	l->channels = rd_u32(r);
	l->forwards = rd_u32(r);
	l->idle_ms = rd_u32(r);
	l->unused_ms = rd_u32(r);
	for (size_t i = 0; i < CONFIG_CHANNELS; i++)
		l->channel_idle_ms[i] = rd_u32(r);
	l->rekey_bytes = rd_u64(r);
	l->rekey_time_ms = rd_u32(r);
	l->rekey_packets = rd_u32(r);
	l->park = rd_bool(r);
}

void
put_generation(struct wr *w, const struct msg_generation *m)
{
	if (m->nkeys > MAX_KEYS) {
		w->bad = true;
		return;
	}
	wr_u32(w, m->number);
	wr_str(w, m->ident);
	wr_str(w, m->greeting);
	wr_str(w, m->banner);
	wr_str(w, m->kex);
	wr_str(w, m->host_key);
	wr_str(w, m->cipher);
	wr_str(w, m->mac);
	wr_str(w, m->compression);
	wr_bool(w, m->prefer_server_cipher);
	wr_u32(w, m->keepalive_interval_ms);
	wr_u32(w, m->keepalive_count);
	put_limits(w, &m->limits);
	wr_u32(w, m->methods);
	wr_u8(w, m->nlisten);
	wr_u8(w, m->nkeys);
	for (size_t i = 0; i < m->nkeys; i++)
		wr_str(w, m->keys[i]);
	wr_u8(w, (uint8_t)m->log_level);
}

bool
get_generation(struct view b, struct msg_generation *m)
{
	struct rd r = rd_of(b);
	uint8_t level;

	*m = (struct msg_generation){ 0 };
	m->number = rd_u32(&r);
	m->ident = rd_text(&r);
	m->greeting = rd_text(&r);
	m->banner = rd_text(&r);
	m->kex = rd_text(&r);
	m->host_key = rd_text(&r);
	m->cipher = rd_text(&r);
	m->mac = rd_text(&r);
	m->compression = rd_text(&r);
	m->prefer_server_cipher = rd_bool(&r);
	m->keepalive_interval_ms = rd_u32(&r);
	m->keepalive_count = rd_u32(&r);
	get_limits(&r, &m->limits);
	m->methods = rd_u32(&r);
	m->nlisten = rd_u8(&r);
	m->nkeys = rd_u8(&r);
	if (m->nkeys > MAX_KEYS)
		return false;
	for (size_t i = 0; i < m->nkeys; i++)
		m->keys[i] = rd_str(&r);
	level = rd_u8(&r);
	m->log_level = (enum log_level)level;
	return done(&r, level <= LOG_DEBUG && m->nlisten <= IPC_MAX_FDS &&
	    (m->methods & ~METHODS_ALL) == 0);
}

void
put_sign(struct wr *w, const struct msg_sign *m)
{
	wr_u32(w, m->generation);
	wr_u8(w, m->key);
	wr_str(w, m->alg);
	wr_str(w, m->hash);
}

bool
get_sign(struct view b, struct msg_sign *m)
{
	struct rd r = rd_of(b);

	m->generation = rd_u32(&r);
	m->key = rd_u8(&r);
	m->alg = rd_text(&r);
	m->hash = rd_str(&r);
	/* An exchange hash has 16 to 64 bytes, whatever the method. */
	return done(&r, m->key < MAX_KEYS && m->hash.n >= 16 &&
	    m->hash.n <= 64);
}

void
put_signed(struct wr *w, const struct msg_signed *m)
{
	wr_str(w, m->sig);
}

bool
get_signed(struct view b, struct msg_signed *m)
{
	struct rd r = rd_of(b);

	m->sig = rd_str(&r);
	return rd_done(&r);
}

void
put_login(struct wr *w, const struct msg_login *m)
{
	wr_u32(w, m->generation);
	wr_str(w, m->user);
	wr_str(w, m->client);
}

bool
get_login(struct view b, struct msg_login *m)
{
	struct rd r = rd_of(b);

	m->generation = rd_u32(&r);
	m->user = rd_str(&r);		/* raw: may hold anything */
	m->client = rd_str(&r);
	return rd_done(&r);
}

void
put_attempt(struct wr *w, const struct msg_attempt *m)
{
	wr_u8(w, m->method);
	wr_bool(w, m->success);
	wr_str(w, m->reason);
	wr_str(w, m->key);
}

bool
get_attempt(struct view b, struct msg_attempt *m)
{
	struct rd r = rd_of(b);

	m->method = rd_u8(&r);
	m->success = rd_bool(&r);
	m->reason = rd_text(&r);
	m->key = rd_text(&r);
	/* Nobody succeeds by a method without a name. */
	return done(&r, m->method < AUTH_METHODS ||
	    (m->method == MSG_METHOD_UNKNOWN && !m->success));
}

void
put_auth_reply(struct wr *w, const struct msg_auth_reply *m)
{
	wr_u8(w, m->verdict);
	wr_u32(w, m->methods);
	wr_str(w, m->payload);
	wr_str(w, m->notice);
}

bool
get_auth_reply(struct view b, struct msg_auth_reply *m)
{
	struct rd r = rd_of(b);

	m->verdict = rd_u8(&r);
	m->methods = rd_u32(&r);
	m->payload = rd_str(&r);
	m->notice = rd_text(&r);
	return done(&r, m->notice.n <= MSG_NOTICE_MAX &&
	    m->verdict <= VERDICT_DISCONNECT &&
	    (m->methods & ~METHODS_ALL) == 0);
}

void
put_heir(struct wr *w, const struct msg_heir *m)
{
	wr_u32(w, (uint32_t)m->helper);
	wr_u32(w, (uint32_t)m->session);
	wr_u32(w, m->uid);
}

bool
get_heir(struct view b, struct msg_heir *m)
{
	struct rd r = rd_of(b);
	uint32_t helper = rd_u32(&r), session = rd_u32(&r);

	m->helper = helper <= INT32_MAX ? (int32_t)helper : 0;
	m->session = session <= INT32_MAX ? (int32_t)session : 0;
	m->uid = rd_u32(&r);
	/* Neither is the first process of the machine. */
	return done(&r, m->helper > 1 && m->session > 1 &&
	    m->helper != m->session);
}

void
put_handover(struct wr *w, const struct msg_handover *m)
{
	wr_u32(w, m->allow);
	wr_str(w, m->method);
	wr_str(w, m->key);
	wr_str(w, m->last_use);
	wr_str(w, m->last_src);
	wr_str(w, m->notice);
	wr_bool(w, m->forced);
	wr_str(w, m->command);
	wr_str(w, m->connection);
	wr_str(w, m->key_env);
	wr_str(w, m->pam_env);
	wr_str(w, m->permit_open);
	wr_str(w, m->permit_listen);
	wr_u8(w, (uint8_t)m->log_level);
}

/* A list of texts that are not empty. */
static bool
texts_ok(struct view list)
{
	struct rd r = rd_of(list);

	while (r.n != 0)
		if (rd_text(&r).n == 0)
			return false;
	return rd_done(&r);
}

bool
get_handover(struct view b, struct msg_handover *m)
{
	struct rd r = rd_of(b);
	uint8_t level;

	m->allow = rd_u32(&r);
	m->method = rd_text(&r);
	m->key = rd_text(&r);
	m->last_use = rd_text(&r);
	m->last_src = rd_text(&r);
	m->notice = rd_text(&r);
	m->forced = rd_bool(&r);
	m->command = rd_text(&r);
	m->connection = rd_text(&r);
	m->key_env = rd_str(&r);
	m->pam_env = rd_str(&r);
	m->permit_open = rd_str(&r);
	m->permit_listen = rd_str(&r);
	level = rd_u8(&r);
	m->log_level = (enum log_level)level;
	return done(&r, level <= LOG_DEBUG && texts_ok(m->key_env) &&
	    texts_ok(m->pam_env) && texts_ok(m->permit_open) &&
	    texts_ok(m->permit_listen) && m->key.n <= MSG_KEY_MAX &&
	    m->notice.n <= MSG_NOTICE_MAX);
}

void
put_ready(struct wr *w, const struct msg_ready *m)
{
	wr_u32(w, m->allow);
	wr_str(w, m->rule);
	wr_bool(w, m->programs);
	wr_str(w, m->env);
}

bool
get_ready(struct view b, struct msg_ready *m)
{
	struct rd r = rd_of(b);

	m->allow = rd_u32(&r);
	m->rule = rd_text(&r);
	m->programs = rd_bool(&r);
	m->env = rd_str(&r);
	return rd_done(&r);
}

static void
put_size(struct wr *w, const struct msg_window *m)
{
	wr_u32(w, m->cols);
	wr_u32(w, m->rows);
	wr_u32(w, m->width);
	wr_u32(w, m->height);
}

static void
get_size(struct rd *r, struct msg_window *m)
{
	m->cols = rd_u32(r);
	m->rows = rd_u32(r);
	m->width = rd_u32(r);
	m->height = rd_u32(r);
}

void
put_window(struct wr *w, const struct msg_window *m)
{
	put_size(w, m);
}

bool
get_window(struct view b, struct msg_window *m)
{
	struct rd r = rd_of(b);

	get_size(&r, m);
	return rd_done(&r);
}

/* ---- what a channel starts ---- */

bool
msg_env_name(struct view name)
{
	return name.n != 0 && memchr(name.p, '=', name.n) == NULL &&
	    !view_has_nul(name);
}

void
msg_env_put(struct wr *w, struct view name, struct view value)
{
	wr_str(w, name);
	wr_str(w, value);
}

bool
msg_env_next(struct view *env, struct view *name, struct view *value)
{
	struct rd r = rd_of(*env);

	*name = rd_text(&r);
	*value = rd_text(&r);
	if (r.bad || !msg_env_name(*name))
		return false;
	*env = rd_rest(&r);
	return true;
}

static bool
env_ok(struct view env)
{
	struct view name, value;
	unsigned n = 0;

	if (env.n > MSG_ENV_BYTES)
		return false;
	while (n <= MSG_ENV_MAX && msg_env_next(&env, &name, &value))
		n++;
	return n <= MSG_ENV_MAX && env.n == 0;
}

void
put_open(struct wr *w, const struct msg_open *m)
{
	wr_u8(w, m->kind);
	wr_str(w, m->command);
	wr_bool(w, m->pty);
	wr_str(w, m->term);
	put_size(w, &m->window);
	wr_str(w, m->modes);
	wr_str(w, m->env);
}

bool
get_open(struct view b, struct msg_open *m)
{
	struct rd r = rd_of(b);

	m->kind = rd_u8(&r);
	m->command = rd_text(&r);
	m->pty = rd_bool(&r);
	m->term = rd_text(&r);
	get_size(&r, &m->window);
	m->modes = rd_str(&r);
	m->env = rd_str(&r);
	return done(&r, m->kind < START_KINDS &&
	    m->command.n <= MSG_COMMAND_MAX && m->term.n <= MSG_TERM_MAX &&
	    m->modes.n <= MSG_MODES_MAX && env_ok(m->env));
}

size_t
msg_carrier_fds(uint8_t carrier)
{
	static const size_t n[CARRIERS] = {
		[CARRIER_SOCKET] = 1, [CARRIER_SOCKETS] = 2,
		[CARRIER_PTY] = 1, [CARRIER_PIPES] = 3,
	};

	return carrier < CARRIERS ? n[carrier] : 0;
}

void
put_opened(struct wr *w, const struct msg_opened *m)
{
	wr_u8(w, m->carrier);
}

bool
get_opened(struct view b, struct msg_opened *m)
{
	struct rd r = rd_of(b);

	m->carrier = rd_u8(&r);
	return done(&r, m->carrier < CARRIERS);
}

void
put_child(struct wr *w, const struct msg_child *m)
{
	wr_u32(w, (uint32_t)m->pid);
}

bool
get_child(struct view b, struct msg_child *m)
{
	struct rd r = rd_of(b);
	uint32_t pid = rd_u32(&r);

	m->pid = pid <= INT32_MAX ? (int32_t)pid : 0;
	return done(&r, m->pid > 1);
}

void
put_pty(struct wr *w, const struct msg_pty *m)
{
	wr_u32(w, m->number);
}

bool
get_pty(struct view b, struct msg_pty *m)
{
	struct rd r = rd_of(b);

	m->number = rd_u32(&r);
	return rd_done(&r);
}

void
put_ended(struct wr *w, const struct msg_ended *m)
{
	wr_bool(w, m->signalled);
	wr_u32(w, m->status);
	wr_str(w, m->signal);
	wr_bool(w, m->core);
	wr_str(w, m->text);
}

bool
get_ended(struct view b, struct msg_ended *m)
{
	struct rd r = rd_of(b);

	m->signalled = rd_bool(&r);
	m->status = rd_u32(&r);
	m->signal = rd_text(&r);
	m->core = rd_bool(&r);
	m->text = rd_str(&r);
	return rd_done(&r);
}

void
put_text(struct wr *w, const struct msg_text *m)
{
	wr_str(w, m->text);
}

bool
get_text(struct view b, struct msg_text *m)
{
	struct rd r = rd_of(b);

	m->text = rd_str(&r);
	return rd_done(&r);
}

void
put_penalties(struct wr *w, const struct msg_penalties *m)
{
	penalties_config_put(w, &m->config, m->exempt, m->nexempt);
}

bool
get_penalties(struct view b, struct msg_penalties *m)
{
	struct rd r = rd_of(b);

	penalties_config_get(&r, &m->config, m->exempt, &m->nexempt);
	return rd_done(&r);
}

void
put_barred(struct wr *w, const struct msg_barred *m)
{
	wr_bool(w, m->closed4);
	wr_bool(w, m->closed6);
	wr_bytes(w, m->entries);
}

bool
get_barred(struct view b, struct msg_barred *m)
{
	struct rd r = rd_of(b);
	struct penalty e;
	size_t n = 0;

	m->closed4 = rd_bool(&r);
	m->closed6 = rd_bool(&r);
	m->entries = view_of(r.p, r.n);
	while (r.n != 0 && !r.bad && n++ < MSG_BARRED_MAX)
		penalty_get(&r, &e);
	return rd_done(&r);
}

bool
barred_next(struct msg_barred *m, struct penalty *out)
{
	struct rd r = rd_of(m->entries);

	if (r.n == 0)
		return false;
	penalty_get(&r, out);
	m->entries = view_of(r.p, r.n);
	return !r.bad;
}

void
put_offence(struct wr *w, const struct msg_offence *m)
{
	const struct net_range src = { m->src, (uint8_t)net_bits(&m->src) };

	wr_u8(w, m->reason);
	net_put(w, &src);
}

bool
get_offence(struct view b, struct msg_offence *m)
{
	struct rd r = rd_of(b);
	struct net_range src;

	m->reason = rd_u8(&r);
	net_get(&r, &src);
	m->src = src.addr;
	return done(&r, src.bits == net_bits(&src.addr) &&
	    (m->reason == PENALTY_GRACE || m->reason == PENALTY_NOAUTH ||
	    m->reason == PENALTY_REFUSED));
}

void
put_log_target(struct wr *w, const struct msg_log_target *m)
{
	wr_bool(w, m->json);
	wr_bool(w, m->syslog);
	wr_bool(w, m->journal);
}

bool
get_log_target(struct view b, struct msg_log_target *m)
{
	struct rd r = rd_of(b);

	m->json = rd_bool(&r);
	m->syslog = rd_bool(&r);
	m->journal = rd_bool(&r);
	return done(&r, !(m->syslog && m->journal));
}

void
put_log_who(struct wr *w, const struct msg_log_who *m)
{
	wr_u32(w, (uint32_t)m->pid);
	wr_u64(w, m->conn);
	wr_str(w, m->user);
	wr_str(w, m->src);
}

bool
get_log_who(struct view b, struct msg_log_who *m)
{
	struct rd r = rd_of(b);
	uint32_t pid = rd_u32(&r);

	m->pid = pid <= INT32_MAX ? (int32_t)pid : 0;
	m->conn = rd_u64(&r);
	m->user = rd_str(&r);
	m->src = rd_text(&r);
	return done(&r, m->pid > 0);
}
