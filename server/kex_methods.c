/*
 * Key exchange without state: KEXINIT's lists, what they have in common, the
 * exchange hash and the keys (RFC 4253 7 and 8, RFC 5656 4, RFC 8731 3.1).
 */
#include <string.h>

#include "server/conn.h"

#define COOKIE_LEN 16

const char *
kex_list_word(enum kex_list l)
{
	static const char *const words[KEX_LISTS] = {
		[LIST_KEX] = "key exchange method",
		[LIST_HOST_KEY] = "host key algorithm",
		[LIST_CIPHER_IN] = "cipher client to server",
		[LIST_CIPHER_OUT] = "cipher server to client",
		[LIST_MAC_IN] = "MAC client to server",
		[LIST_MAC_OUT] = "MAC server to client",
		[LIST_COMP_IN] = "compression client to server",
		[LIST_COMP_OUT] = "compression server to client",
		[LIST_LANG_IN] = "language client to server",
		[LIST_LANG_OUT] = "language server to client",
	};

	return (unsigned)l < KEX_LISTS ? words[l] : "?";
}

const char *
host_key_alg_find(struct view name)
{
	static const char *const known[] = {
		"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
		"ecdsa-sha2-nistp521", "rsa-sha2-512", "rsa-sha2-256"
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (view_is(name, known[i]))
			return known[i];
	return NULL;
}

/* Bounded, and of printable ASCII (RFC 4251 6). */
static bool
list_fits(struct view list)
{
	unsigned names = 1;

	if (list.n > KEX_LIST_MAX)
		return false;
	for (size_t i = 0; i < list.n; i++) {
		if (list.p[i] <= 0x20 || list.p[i] >= 0x7f)
			return false;
		names += list.p[i] == ',';
	}
	return names <= KEX_NAMES_MAX;
}

/*
 * byte[16]     cookie
 * name-list    ten of them, see enum kex_list
 * boolean      first_kex_packet_follows
 * uint32       0 (reserved for future extension)
 */
bool
kex_parse_proposal(struct rd *r, struct kex_proposal *out,
    const char **why_out)
{
	*why_out = "malformed kexinit";
	(void)rd_bytes(r, COOKIE_LEN);
	for (int i = 0; i < KEX_LISTS; i++)
		out->list[i] = rd_str(r);
	out->follows = rd_bool(r);
	(void)rd_u32(r);
	if (!rd_done(r))
		return false;
	*why_out = "kexinit with a name list too long or not in ASCII";
	for (int i = 0; i < KEX_LISTS; i++)
		if (!list_fits(out->list[i]))
			return false;
	return true;
}

/* The first of the client's names that we offer too; markers such as
 * kex-strict-c are no methods and are not in `find`'s tables. */
static const void *
common(struct view client, struct view ours,
    const void *(*find)(struct view))
{
	struct view name;
	const void *alg;

	while (namelist_next(&client, &name))
		if (namelist_has(ours, name) && (alg = find(name)) != NULL)
			return alg;
	return NULL;
}

static const void *
find_kex(struct view name)
{
	return kex_alg_find(name);
}

static const void *
find_host_key(struct view name)
{
	return host_key_alg_find(name);
}

static const void *
find_cipher(struct view name)
{
	return cipher_alg_find(name);
}

static const void *
find_mac(struct view name)
{
	return mac_alg_find(name);
}

static const void *
find_compression(struct view name)
{
	return view_is(name, "none") ? "none" : NULL;
}

static struct view
first_name(struct view list)
{
	struct view name = { NULL, 0 };

	(void)namelist_next(&list, &name);
	return name;
}

static bool
same_first(const struct kex_proposal *a, const struct kex_proposal *b,
    enum kex_list l)
{
	return view_eq(first_name(a->list[l]), first_name(b->list[l]));
}

bool
kex_choose(const struct kex_proposal *ours, const struct kex_proposal *client,
    struct kex_choice *out, enum kex_list *failed_out)
{
#define COMMON(l, find) common(client->list[*failed_out = (l)], \
	    ours->list[l], (find))
	memset(out, 0, sizeof(*out));
	if ((out->kex = COMMON(LIST_KEX, find_kex)) == NULL ||
	    (out->host_key = COMMON(LIST_HOST_KEY, find_host_key)) == NULL ||
	    (out->cipher_in = COMMON(LIST_CIPHER_IN, find_cipher)) == NULL ||
	    (out->cipher_out = COMMON(LIST_CIPHER_OUT, find_cipher)) == NULL)
		return false;
	/* An AEAD protects itself: whatever the MAC lists say is not asked. */
	if (out->cipher_in->tag_len == 0 &&
	    (out->mac_in = COMMON(LIST_MAC_IN, find_mac)) == NULL)
		return false;
	if (out->cipher_out->tag_len == 0 &&
	    (out->mac_out = COMMON(LIST_MAC_OUT, find_mac)) == NULL)
		return false;
	if (COMMON(LIST_COMP_IN, find_compression) == NULL ||
	    COMMON(LIST_COMP_OUT, find_compression) == NULL)
		return false;
#undef COMMON
	out->guess_right = same_first(ours, client, LIST_KEX) &&
	    same_first(ours, client, LIST_HOST_KEY);
	return true;
}

static bool
is_gcm(struct view name)
{
	return view_is(name, "aes128-gcm@openssh.com") ||
	    view_is(name, "aes256-gcm@openssh.com");
}

/* The first of ours that the client has; only AES-GCM counts if gcm. */
static bool
best(struct view ours, struct view client, bool gcm, struct view *out)
{
	while (namelist_next(&ours, out))
		if ((!gcm || is_gcm(*out)) && namelist_has(client, *out))
			return true;
	return false;
}

static size_t
rank(struct view list, struct view name)
{
	struct view one;
	size_t i;

	for (i = 0; namelist_next(&list, &one); i++)
		if (view_eq(one, name))
			return i;
	return SIZE_MAX;
}

bool
kex_prefer_cipher(struct view ours, struct view client, bool gcm_first,
    struct wr *out)
{
	struct view top, name;
	size_t r;

	if (!(gcm_first && best(ours, client, true, &top)) &&
	    !best(ours, client, false, &top))
		return false;
	wr_bytes(out, top);
	r = rank(client, top);
	while (namelist_next(&ours, &name)) {
		size_t other = rank(client, name);

		if (other == SIZE_MAX || other <= r || (is_gcm(top) &&
		    view_is(name, "chacha20-poly1305@openssh.com")))
			continue;
		wr_u8(out, ',');
		wr_bytes(out, name);
	}
	return !out->bad;
}

static bool
hash_u32(struct hash *h, size_t n)
{
	uint8_t b[4];

	put_u32(b, (uint32_t)n);
	return hash_update(h, view_of(b, sizeof(b)));
}

static bool
hash_string(struct hash *h, struct view v)
{
	return hash_u32(h, v.n) && hash_update(h, v);
}

/* A public value as it stands on the wire. */
static bool
hash_pub(struct hash *h, struct view v, bool is_mpint)
{
	static const uint8_t zero;

	if (!is_mpint)
		return hash_string(h, v);
	while (v.n != 0 && v.p[0] == 0) {
		v.p++;
		v.n--;
	}
	if (v.n == 0 || (v.p[0] & 0x80) == 0)
		return hash_string(h, v);
	return hash_u32(h, v.n + 1) && hash_update(h, view_of(&zero, 1)) &&
	    hash_update(h, v);
}

bool
kex_hash(enum hash_alg alg, const struct kex_hash *in, uint8_t out[HASH_MAX])
{
	struct hash *h = hash_new(alg);

	if (h != NULL && hash_string(h, in->v_c) && hash_string(h, in->v_s) &&
	    hash_string(h, in->i_c) && hash_string(h, in->i_s) &&
	    hash_string(h, in->k_s) &&
	    hash_pub(h, in->pub_c, in->pub_is_mpint) &&
	    hash_pub(h, in->pub_s, in->pub_is_mpint) &&
	    hash_update(h, in->k))
		return hash_final(&h, out);
	hash_free(&h);
	return false;
}

/* K1 = HASH(K || H || letter || session id), Kn = HASH(K || H || K1...) */
bool
kex_derive(enum hash_alg alg, struct view k, struct view h,
    struct view session_id, char letter, uint8_t *out, size_t n)
{
	uint8_t made[KEX_DERIVE_MAX + HASH_MAX];
	size_t have = 0, step = hash_len(alg);
	bool ok = n <= KEX_DERIVE_MAX;

	while (ok && have < n) {
		struct hash *x = hash_new(alg);

		ok = x != NULL && hash_update(x, k) && hash_update(x, h);
		if (ok && have == 0)
			ok = hash_update(x, view_of(&letter, 1)) &&
			    hash_update(x, session_id);
		else if (ok)
			ok = hash_update(x, view_of(made, have));
		ok = ok && hash_final(&x, made + have);
		hash_free(&x);
		have += step;
	}
	if (ok && n != 0)
		memcpy(out, made, n);
	wipe(made, sizeof(made));
	return ok;
}
