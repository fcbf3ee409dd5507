/*
 * Signatures of keys on security tokens: OpenSSH's PROTOCOL.u2f, and those
 * that a browser asked the token for (W3C WebAuthn).
 *
 *	string	algorithm, read by the caller
 *	string	signature, as of the plain kind of key
 *	byte	flags
 *	uint32	counter
 * and of webauthn
 *	string	origin
 *	string	client data
 *	string	extensions
 *
 * The token signs SHA-256(application), flags, counter, extensions, and
 * SHA-256 of the data or, in a browser, of the client data.
 */
#include <string.h>

#include "base/sshkey_int.h"

#define FLAG_ATTESTED	0x40	/* of a registration, never of a login */
#define FLAG_EXTENSIONS	0x80
#define CLIENT_MAX	((size_t)256 * 1024)
#define DIGEST		32

struct sk_sig {
	struct view raw;
	uint8_t flags;
	uint32_t counter;
	struct view origin, client, extensions;
};

static bool
parse_sig(struct rd *r, bool webauthn, struct sk_sig *out)
{
	*out = (struct sk_sig){ .raw = rd_str(r) };
	out->flags = rd_u8(r);
	out->counter = rd_u32(r);
	if (webauthn) {
		out->origin = rd_text(r);
		out->client = rd_str(r);
		out->extensions = rd_str(r);
	}
	return rd_done(r);
}

/* base64url without padding (RFC 4648 5), appended. */
static void
put_base64url(struct wr *w, struct view v)
{
	struct wr text = wr_new(CLIENT_MAX);
	struct view t;

	crypto_base64_encode(v, &text);
	t = wr_view(&text);
	for (size_t i = 0; i < t.n && t.p[i] != '='; i++)
		wr_u8(w, t.p[i] == '+' ? '-' : t.p[i] == '/' ? '_' : t.p[i]);
	w->bad |= text.bad;
	wr_free(&text);
}

/*
 * WebAuthn (5.8.1.1) fixes how the client data begins, byte for byte, so that
 * no JSON needs to be parsed: what is asked for is all in the beginning.
 */
static bool
client_data_ok(const struct sk_sig *s, struct view data)
{
	struct wr want = wr_new(CLIENT_MAX);
	struct view w;
	bool ok;

	wr_bytes(&want, view_str("{\"type\":\"webauthn.get\","
	    "\"challenge\":\""));
	put_base64url(&want, data);
	wr_bytes(&want, view_str("\",\"origin\":\""));
	wr_bytes(&want, s->origin);
	wr_bytes(&want, view_str("\""));
	w = wr_view(&want);
	ok = !want.bad && s->client.n > w.n &&
	    memcmp(s->client.p, w.p, w.n) == 0 &&
	    (s->client.p[w.n] == ',' || s->client.p[w.n] == '}');
	wr_free(&want);
	return ok;
}

static bool
webauthn_ok(const struct sk_sig *s, struct view data)
{
	if (s->origin.n != 0 && memchr(s->origin.p, '"', s->origin.n) != NULL)
		return false;
	if ((s->flags & FLAG_ATTESTED) != 0 ||
	    ((s->flags & FLAG_EXTENSIONS) != 0) != (s->extensions.n != 0))
		return false;
	return client_data_ok(s, data);
}

static void
put_digest(struct wr *w, struct view v)
{
	uint8_t digest[HASH_MAX];

	if (hash_once(HASH_SHA256, v, digest))
		wr_bytes(w, view_of(digest, DIGEST));
	else
		w->bad = true;
}

enum err
sk_verify(const struct ssh_key *k, bool webauthn, struct view data,
    struct rd *r, struct ssh_sig_details *details)
{
	struct wr w = wr_new(CLIENT_MAX);
	enum err err = ERR_NOMEM;
	struct sk_sig s;

	if (!parse_sig(r, webauthn, &s) || (webauthn && !webauthn_ok(&s, data)))
		return ERR_PROTO;
	put_digest(&w, k->app);
	wr_u8(&w, s.flags);
	wr_u32(&w, s.counter);
	wr_bytes(&w, s.extensions);
	put_digest(&w, webauthn ? s.client : data);
	if (!w.bad)
		err = key_verify_raw(k, HASH_SHA256, wr_view(&w), s.raw);
	if (err == OK)
		*details = (struct ssh_sig_details){ s.flags, s.counter };
	wr_free(&w);
	return err;
}
