/*
 * A server's settings: checked once, then shared by its connections.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/conn.h"

#define HOST_KEYS_MAX	16
#define GREETING_MAX	8192
#define REKEY_BYTES	((uint64_t)1 << 30)
#define REKEY_PACKETS	((uint32_t)1 << 31)
#define CHANNELS	16

static bool
known_kex(struct view name)
{
	return kex_alg_find(name) != NULL;
}

static bool
known_host_key(struct view name)
{
	return host_key_alg_find(name) != NULL;
}

static bool
known_cipher(struct view name)
{
	return cipher_alg_find(name) != NULL;
}

static bool
known_mac(struct view name)
{
	return mac_alg_find(name) != NULL;
}

static bool
known_compression(struct view name)
{
	return view_is(name, "none");
}

static const char *
default_host_keys(void)
{
	return "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,"
	    "ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256";
}

static const char *
default_compression(void)
{
	return "none";
}

/* In the order of ssh_server.lists. */
static const struct {
	const char *kind, *why;
	bool (*known)(struct view name);
	const char *(*all)(void);
} kinds[5] = {
	{ "kex", "algorithms.kex", known_kex, kex_alg_list },
	{ "host_key", "algorithms.host_key", known_host_key,
	  default_host_keys },
	{ "cipher", "algorithms.cipher", known_cipher, cipher_alg_list },
	{ "mac", "algorithms.mac", known_mac, mac_alg_list },
	{ "compression", "algorithms.compression", known_compression,
	  default_compression }
};

struct view
ssh_algorithms_unknown(const char *kind, struct view list)
{
	struct view name;

	for (size_t i = 0; i < 5; i++) {
		if (strcmp(kinds[i].kind, kind) != 0)
			continue;
		while (namelist_next(&list, &name))
			if (!kinds[i].known(name))
				return name;
		return view_of(NULL, 0);
	}
	return view_str(kind);
}

static bool
some_key_signs(const struct ssh_server *s, struct view alg)
{
	for (size_t i = 0; i < s->cfg.nhost_keys; i++)
		if (namelist_has(view_str(ssh_key_sigalgs(
		    s->cfg.host_keys[i])), alg))
			return true;
	return false;
}

/* The algorithms of the list for which there is a key. */
static char *
host_key_list(const struct ssh_server *s, struct view wanted)
{
	struct wr w = wr_new(KEX_LIST_MAX);
	struct view name;
	char *list;

	while (namelist_next(&wanted, &name)) {
		if (!some_key_signs(s, name))
			continue;
		if (wr_size(&w) != 0)
			wr_u8(&w, ',');
		wr_bytes(&w, name);
	}
	list = w.bad || wr_size(&w) == 0 ? NULL : view_dup(wr_view(&w));
	wr_free(&w);
	return list;
}

static bool
copy_lists(struct ssh_server *s, const struct ssh_algorithms *a,
    const char **why_out)
{
	const char *given[5] = {
		a->kex, a->host_key, a->cipher, a->mac, a->compression
	};

	for (size_t i = 0; i < 5; i++) {
		struct view v = view_str(given[i]);

		if (v.n == 0)
			v = view_str(kinds[i].all());
		*why_out = kinds[i].why;
		/* Names in the list, and room for a marker behind them. */
		if (v.n > KEX_LIST_MAX / 2 || v.p[v.n - 1] == ',' ||
		    ssh_algorithms_unknown(kinds[i].kind, v).p != NULL)
			return false;
		s->lists[i] = i == 1 ? host_key_list(s, v) : view_dup(v);
		if (s->lists[i] == NULL)
			return false;
	}
	s->default_ciphers = view_str(a->cipher).n == 0;
	return true;
}

static bool
copy_ident(struct ssh_server *s, const char *software, const char **why_out)
{
	int n;

	*why_out = "ident";
	if (software == NULL || *software == '\0')
		software = "Sallyport_" VERSION;
	for (const char *p = software; *p != '\0'; p++)
		if (*p < 0x20 || *p > 0x7e)
			return false;
	if (*software == ' ')
		return false;
	n = snprintf(s->ident_line, sizeof(s->ident_line), "SSH-2.0-%s",
	    software);
	return n > 0 && n <= 253;	/* 255 with CR LF */
}

/* Lines end in CR LF, none may look like an identification, and none holds a
 * control character (RFC 4253 4.2). */
static bool
copy_greeting(struct ssh_server *s, const char *text, const char **why_out)
{
	struct wr w = wr_new(GREETING_MAX);

	*why_out = "greeting";
	if (text == NULL || *text == '\0')
		return true;
	while (*text != '\0') {
		size_t n = strcspn(text, "\r\n");

		if (n >= 4 && memcmp(text, "SSH-", 4) == 0)
			w.bad = true;
		for (size_t i = 0; i < n; i++)
			if ((unsigned char)text[i] < 0x20 && text[i] != '\t')
				w.bad = true;
		wr_bytes(&w, view_of(text, n));
		wr_bytes(&w, view_str("\r\n"));
		text += n;
		text += *text == '\r';
		text += *text == '\n';
	}
	s->greeting = w.bad ? NULL : view_dup(wr_view(&w));
	wr_free(&w);
	return s->greeting != NULL;
}

static bool
copy_keys(struct ssh_server *s, const struct ssh_server_config *cfg,
    const char **why_out)
{
	const struct ssh_key **keys;

	*why_out = "host_keys";
	s->cfg.host_keys = NULL;
	s->cfg.nhost_keys = 0;
	if (cfg->nhost_keys == 0 || cfg->nhost_keys > HOST_KEYS_MAX)
		return false;
	for (size_t i = 0; i < cfg->nhost_keys; i++)
		if (cfg->host_keys[i] == NULL)
			return false;
	if ((keys = calloc(cfg->nhost_keys, sizeof(*keys))) == NULL)
		return false;
	for (size_t i = 0; i < cfg->nhost_keys; i++)
		keys[i] = cfg->host_keys[i];
	s->cfg.host_keys = keys;
	s->cfg.nhost_keys = cfg->nhost_keys;
	return true;
}

static bool
copy_numbers(struct ssh_server *s, const char **why_out)
{
	struct ssh_server_config *cfg = &s->cfg;

	if (cfg->rekey_bytes == 0)
		cfg->rekey_bytes = REKEY_BYTES;
	if (cfg->rekey_packets == 0 || cfg->rekey_packets > REKEY_PACKETS)
		cfg->rekey_packets = REKEY_PACKETS;
	if (cfg->channels == 0)
		cfg->channels = CHANNELS;
	*why_out = "channels";
	return cfg->channels <= SSH_MAX_CHANNELS;
}

static bool
copy_banner(struct ssh_server *s, const char *text, const char **why_out)
{
	*why_out = "banner";
	s->cfg.banner = NULL;
	if (text == NULL || *text == '\0')
		return true;
	s->cfg.banner = view_dup(view_str(text));
	return s->cfg.banner != NULL;
}

struct ssh_server *
ssh_server_new(const struct ssh_server_config *cfg,
    const struct ssh_server_events *events, void *ctx, const char **why_out)
{
	struct ssh_server *s = calloc(1, sizeof(*s));

	*why_out = "out of memory";
	if (s == NULL)
		return NULL;
	s->refs = 1;
	s->ev = events;
	s->ctx = ctx;
	s->cfg = *cfg;
	s->cfg.banner = NULL;
	s->cfg.ident = s->cfg.greeting = NULL;
	memset(&s->cfg.algorithms, 0, sizeof(s->cfg.algorithms));
	if (!copy_keys(s, cfg, why_out) ||
	    !copy_lists(s, &cfg->algorithms, why_out) ||
	    !copy_ident(s, cfg->ident, why_out) ||
	    !copy_greeting(s, cfg->greeting, why_out) ||
	    !copy_banner(s, cfg->banner, why_out) ||
	    !copy_numbers(s, why_out))
		ssh_server_unref(&s);
	return s;
}

void
ssh_server_unref(struct ssh_server **sp)
{
	struct ssh_server *s = *sp;

	*sp = NULL;
	if (s == NULL || --s->refs != 0)
		return;
	for (size_t i = 0; i < 5; i++)
		free(s->lists[i]);
	free((void *)(uintptr_t)s->cfg.host_keys);
	free((void *)(uintptr_t)s->cfg.banner);
	free(s->greeting);
	free(s);
}
