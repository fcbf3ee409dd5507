/* SSH keys in memory: blobs, lines, fingerprints, signatures. */
#include <stdlib.h>
#include <string.h>

#include "base/sshkey_int.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

#define LINE_KEY_MAX	(KEY_BLOB_MAX / 3 * 4 + 4)
#define RSA_SIG_MAX	(SSHKEY_RSA_MAX / 8)

#define SK_ED25519	"sk-ssh-ed25519@openssh.com"
#define SK_ECDSA	"sk-ecdsa-sha2-nistp256@openssh.com"
#define WEBAUTHN	"webauthn-sk-ecdsa-sha2-nistp256@openssh.com"
#define CERT(name)	name "-cert-v01@openssh.com"

/* The kinds of pkey in their order; then the same on security tokens. */
static const struct key_type key_types[] = {
	{ .name = "ssh-ed25519", .sigalgs = "ssh-ed25519",
	    .kind = PKEY_ED25519 },
	{ .name = "ecdsa-sha2-nistp256", .curve = "nistp256",
	    .sigalgs = "ecdsa-sha2-nistp256", .kind = PKEY_P256 },
	{ .name = "ecdsa-sha2-nistp384", .curve = "nistp384",
	    .sigalgs = "ecdsa-sha2-nistp384", .kind = PKEY_P384 },
	{ .name = "ecdsa-sha2-nistp521", .curve = "nistp521",
	    .sigalgs = "ecdsa-sha2-nistp521", .kind = PKEY_P521 },
	{ .name = "ssh-rsa", .sigalgs = "rsa-sha2-512,rsa-sha2-256",
	    .kind = PKEY_RSA },
	{ .name = SK_ED25519, .sigalgs = SK_ED25519, .kind = PKEY_ED25519,
	    .sk = true },
	{ .name = SK_ECDSA, .curve = "nistp256",
	    .sigalgs = SK_ECDSA "," WEBAUTHN, .kind = PKEY_P256, .sk = true },
};

#define HOST_SIGALGS	"ssh-ed25519,ecdsa-sha2-nistp256," \
	"ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256"

/* "ssh-rsa" as a signature algorithm is SHA-1 and has no row, nor has its
 * certificate.  What a certificate's key signs bears the plain name. */
static const struct sigalg {
	const char *name;		/* in requests */
	const char *type;		/* of the blob it goes with */
	const char *inner;		/* in the signature */
	enum hash_alg hash;		/* not used by Ed25519 */
	bool webauthn;
} sigalgs[] = {
	{ "ssh-ed25519", "ssh-ed25519", "ssh-ed25519", HASH_SHA512, false },
	{ "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256",
	    "ecdsa-sha2-nistp256", HASH_SHA256, false },
	{ "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384",
	    "ecdsa-sha2-nistp384", HASH_SHA384, false },
	{ "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521",
	    "ecdsa-sha2-nistp521", HASH_SHA512, false },
	{ "rsa-sha2-512", "ssh-rsa", "rsa-sha2-512", HASH_SHA512, false },
	{ "rsa-sha2-256", "ssh-rsa", "rsa-sha2-256", HASH_SHA256, false },
	{ SK_ED25519, SK_ED25519, SK_ED25519, HASH_SHA512, false },
	{ SK_ECDSA, SK_ECDSA, SK_ECDSA, HASH_SHA256, false },
	{ WEBAUTHN, SK_ECDSA, WEBAUTHN, HASH_SHA256, true },
	{ CERT("ssh-ed25519"), CERT("ssh-ed25519"), "ssh-ed25519",
	    HASH_SHA512, false },
	{ CERT("ecdsa-sha2-nistp256"), CERT("ecdsa-sha2-nistp256"),
	    "ecdsa-sha2-nistp256", HASH_SHA256, false },
	{ CERT("ecdsa-sha2-nistp384"), CERT("ecdsa-sha2-nistp384"),
	    "ecdsa-sha2-nistp384", HASH_SHA384, false },
	{ CERT("ecdsa-sha2-nistp521"), CERT("ecdsa-sha2-nistp521"),
	    "ecdsa-sha2-nistp521", HASH_SHA512, false },
	{ CERT("rsa-sha2-512"), CERT("ssh-rsa"), "rsa-sha2-512",
	    HASH_SHA512, false },
	{ CERT("rsa-sha2-256"), CERT("ssh-rsa"), "rsa-sha2-256",
	    HASH_SHA256, false },
	{ CERT("sk-ssh-ed25519"), CERT("sk-ssh-ed25519"), SK_ED25519,
	    HASH_SHA512, false },
	{ CERT("sk-ecdsa-sha2-nistp256"), CERT("sk-ecdsa-sha2-nistp256"),
	    SK_ECDSA, HASH_SHA256, false },
};

const struct key_type *
key_type_find(struct view name)
{
	for (size_t i = 0; i < COUNT(key_types); i++)
		if (view_is(name, key_types[i].name))
			return &key_types[i];
	return NULL;
}

const struct key_type *
key_type_of(enum pkey_kind kind)
{
	for (size_t i = 0; i < COUNT(key_types); i++)
		if (key_types[i].kind == kind)
			return &key_types[i];
	return NULL;
}

static const struct sigalg *
sigalg_find(struct view name)
{
	for (size_t i = 0; i < COUNT(sigalgs); i++)
		if (view_is(name, sigalgs[i].name))
			return &sigalgs[i];
	return NULL;
}

const char *
ssh_sigalg_host_list(void)
{
	return HOST_SIGALGS;
}

const char *
ssh_sigalg_list(void)
{
	return HOST_SIGALGS "," SK_ED25519 "," SK_ECDSA "," WEBAUTHN ","
	    CERT("ssh-ed25519") "," CERT("ecdsa-sha2-nistp256") ","
	    CERT("ecdsa-sha2-nistp384") "," CERT("ecdsa-sha2-nistp521") ","
	    CERT("rsa-sha2-512") "," CERT("rsa-sha2-256") ","
	    CERT("sk-ssh-ed25519") "," CERT("sk-ecdsa-sha2-nistp256");
}

bool
ssh_sigalg_fits(struct view alg, struct view type)
{
	const struct sigalg *s = sigalg_find(alg);

	return s != NULL && view_is(type, s->type);
}

/* ---- public blobs ---- */

/* n is a number without leading zeros. */
enum err
rsa_modulus_check(struct view n)
{
	size_t bits = n.n * 8;

	if (n.n > SSHKEY_RSA_MAX / 8)
		return ERR_LIMIT;
	for (uint8_t top = n.n != 0 ? n.p[0] : 0x80; (top & 0x80) == 0;
	    top = (uint8_t)(top << 1))
		bits--;
	return bits < SSHKEY_RSA_MIN ? ERR_LIMIT : OK;
}

static void
put_blob(struct wr *w, const struct key_type *type, const struct pkey *pk)
{
	struct wr a = wr_new(KEY_BLOB_MAX), b = wr_new(KEY_BLOB_MAX);

	pkey_public(pk, &a, &b);
	wr_cstr(w, type->name);
	if (type->kind == PKEY_RSA) {
		wr_mpint(w, wr_view(&b));
		wr_mpint(w, wr_view(&a));
	} else {
		if (type->curve != NULL)
			wr_cstr(w, type->curve);
		wr_str(w, wr_view(&a));
	}
	w->bad |= a.bad || b.bad;
	wr_free(&a);
	wr_free(&b);
}

struct ssh_key *
ssh_key_from_pkey(struct pkey *pk)
{
	struct ssh_key *k = pk != NULL ? calloc(1, sizeof(*k)) : NULL;

	if (k == NULL) {
		pkey_free(&pk);
		return NULL;
	}
	k->pk = pk;
	k->type = key_type_of(pkey_kind(pk));
	k->blob = wr_new(KEY_BLOB_MAX);
	put_blob(&k->blob, k->type, pk);
	if (k->blob.bad)
		ssh_key_free(&k);
	return k;
}

void
ssh_key_free(struct ssh_key **k)
{
	if (*k == NULL)
		return;
	pkey_free(&(*k)->pk);
	wr_free(&(*k)->blob);
	free(*k);
	*k = NULL;
}

/*
 * Ed25519	string pk[32] (RFC 8709 4)
 * ECDSA	string curve, string point (RFC 5656 3.1)
 * RSA		mpint e, mpint n (RFC 4253 6.6)
 * and on a security token: string application
 */
void
key_fields_read(struct rd *r, const struct key_type *type,
    struct key_fields *out)
{
	*out = (struct key_fields){ .a = rd_str(r) };
	if (type->kind != PKEY_ED25519)
		out->b = rd_str(r);
	if (type->sk)
		out->app = rd_text(r);
}

static enum err
make_rsa(struct view e, struct view n, struct pkey **out)
{
	enum err err;

	if (!crypto_mpint(e, &e) || !crypto_mpint(n, &n))
		return ERR_PROTO;
	if ((err = rsa_modulus_check(n)) != OK)
		return err;
	*out = pkey_rsa_public(n, e);
	return *out != NULL ? OK : ERR_PROTO;
}

static enum err
make_pkey(const struct key_fields *f, const struct key_type *type,
    struct pkey **out)
{
	struct view none = view_of(NULL, 0);

	*out = NULL;
	if (type->kind == PKEY_RSA)
		return make_rsa(f->a, f->b, out);
	if (type->kind == PKEY_ED25519)
		*out = pkey_ed25519(f->a, none);
	else if (view_is(f->a, type->curve))
		*out = pkey_ec(type->kind, f->b, none);
	return *out != NULL ? OK : ERR_PROTO;
}

enum err
key_fields_make(const struct key_fields *f, const struct key_type *type,
    struct view blob, struct ssh_key **out)
{
	struct ssh_key *k;
	struct pkey *pk;
	enum err err;

	*out = NULL;
	if (f->app.n > KEY_APP_MAX)
		return ERR_PROTO;
	if ((err = make_pkey(f, type, &pk)) != OK)
		return err;
	if ((k = calloc(1, sizeof(*k))) == NULL) {
		pkey_free(&pk);
		return ERR_NOMEM;
	}
	k->type = type;
	k->pk = pk;
	k->blob = wr_new(blob.n);
	wr_bytes(&k->blob, blob);
	if (k->blob.bad) {
		ssh_key_free(&k);
		return ERR_NOMEM;
	}
	if (type->sk)
		k->app = view_of(wr_view(&k->blob).p + (f->app.p - blob.p),
		    f->app.n);
	*out = k;
	return OK;
}

enum err
ssh_key_parse_blob(struct view blob, struct ssh_key **out)
{
	struct rd r = rd_of(blob);
	const struct key_type *type = key_type_find(rd_str(&r));
	struct key_fields f;

	*out = NULL;
	if (type == NULL)
		return ERR_PROTO;
	key_fields_read(&r, type, &f);
	if (!rd_done(&r))
		return ERR_PROTO;
	return key_fields_make(&f, type, blob, out);
}

/* ---- lines ---- */

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Takes the next word off the line. */
static struct view
next_word(struct view *line)
{
	struct view word;
	size_t n = 0;

	while (line->n != 0 && is_blank(line->p[0]))
		*line = view_of(line->p + 1, line->n - 1);
	while (n < line->n && !is_blank(line->p[n]))
		n++;
	word = view_of(line->p, n);
	if (n != 0)
		*line = view_of(line->p + n, line->n - n);
	return word;
}

static struct view
trim(struct view v)
{
	while (v.n != 0 && is_blank(v.p[0]))
		v = view_of(v.p + 1, v.n - 1);
	while (v.n != 0 && is_blank(v.p[v.n - 1]))
		v.n--;
	return v;
}

enum err
ssh_key_parse_line(struct view line, struct ssh_key **out,
    struct view *comment_out)
{
	struct view type = next_word(&line), text = next_word(&line);
	struct wr blob = wr_new(KEY_BLOB_MAX);
	enum err err = ERR_PROTO;

	*out = NULL;
	if (comment_out != NULL)
		*comment_out = trim(line);
	if (text.n == 0 || text.n > LINE_KEY_MAX || view_has_nul(line) ||
	    !crypto_base64_decode(text, &blob))
		goto out;
	err = ssh_key_parse_blob(wr_view(&blob), out);
	if (err == OK && !view_is(type, ssh_key_type(*out))) {
		ssh_key_free(out);
		err = ERR_PROTO;
	}
out:
	wr_free(&blob);
	return err;
}

/* ---- what a key is ---- */

static bool
kind_named(const char *type, unsigned bits, enum pkey_kind *out)
{
	if (strcmp(type, "ed25519") == 0)
		*out = PKEY_ED25519;
	else if (strcmp(type, "rsa") == 0)
		*out = PKEY_RSA;
	else if (strcmp(type, "ecdsa") != 0)
		return false;
	else if (bits == 256)
		*out = PKEY_P256;
	else if (bits == 384)
		*out = PKEY_P384;
	else if (bits == 521)
		*out = PKEY_P521;
	else
		return false;
	return *out != PKEY_RSA ||
	    (bits >= SSHKEY_RSA_MIN && bits <= SSHKEY_RSA_MAX);
}

struct ssh_key *
ssh_key_generate(const char *type, unsigned bits)
{
	enum pkey_kind kind;

	if (!kind_named(type, bits, &kind))
		return NULL;
	return ssh_key_from_pkey(pkey_generate(kind, bits));
}

const char *
ssh_key_type(const struct ssh_key *k)
{
	return k->type->name;
}

unsigned
ssh_key_bits(const struct ssh_key *k)
{
	return pkey_bits(k->pk);
}

bool
ssh_key_is_private(const struct ssh_key *k)
{
	return pkey_is_private(k->pk);
}

bool
ssh_key_is_sk(const struct ssh_key *k)
{
	return k->type->sk;
}

bool
ssh_key_type_known(struct view type)
{
	return key_type_find(type) != NULL;
}

bool
ssh_key_size_ok(const struct ssh_key *k, const struct ssh_key_sizes *min)
{
	switch (k->type->kind) {
	case PKEY_RSA:
		return ssh_key_bits(k) >= min->rsa;
	case PKEY_ED25519:
		return true;
	default:
		return ssh_key_bits(k) >= min->ecdsa;
	}
}

struct view
ssh_key_blob(const struct ssh_key *k)
{
	return wr_view(&k->blob);
}

/* One key has one blob: parsing takes no second spelling. */
bool
ssh_key_equal(const struct ssh_key *a, const struct ssh_key *b)
{
	return view_eq(wr_view(&a->blob), wr_view(&b->blob));
}

const char *
ssh_key_sigalgs(const struct ssh_key *k)
{
	return k->type->sigalgs;
}

void
ssh_key_fingerprint(struct view blob, char out[SSHKEY_FP_MAX])
{
	struct wr text = wr_new(SSHKEY_FP_MAX);
	uint8_t digest[HASH_MAX];
	struct view v;

	out[0] = '\0';
	if (hash_once(HASH_SHA256, blob, digest)) {
		wr_bytes(&text, view_str("SHA256:"));
		crypto_base64_encode(view_of(digest, 32), &text);
		v = wr_view(&text);
		while (v.n != 0 && v.p[v.n - 1] == '=')
			v.n--;
		if (text.bad || !view_to_cstr(v, out, SSHKEY_FP_MAX))
			out[0] = '\0';
	}
	wr_free(&text);
}

/* ---- signatures ---- */

/* A number of a signature.  Zeros in front do no harm here: there is no
 * second spelling to be confused with, and clients have sent them. */
static bool
sig_number(struct view v, struct view *out)
{
	if (v.n == 0 || (v.p[0] & 0x80) != 0)
		return false;
	while (v.n != 0 && v.p[0] == 0)
		v = view_of(v.p + 1, v.n - 1);
	*out = v;
	return true;
}

/* mpint r, mpint s (RFC 5656 3.1.2) */
static enum err
verify_ecdsa(const struct ssh_key *k, enum hash_alg hash, struct view data,
    struct view raw)
{
	struct rd rd = rd_of(raw);
	struct view r = rd_str(&rd), s = rd_str(&rd);

	if (!rd_done(&rd) || !sig_number(r, &r) || !sig_number(s, &s))
		return ERR_PROTO;
	return pkey_verify(k->pk, hash, data, r, s);
}

/* The signature is as long as the modulus; some clients strip its leading
 * zeros, and OpenSSH puts them back. */
static enum err
verify_rsa(const struct ssh_key *k, enum hash_alg hash, struct view data,
    struct view raw)
{
	uint8_t full[RSA_SIG_MAX] = { 0 };
	size_t len = (ssh_key_bits(k) + 7) / 8;

	if (raw.n == 0 || raw.n > len || len > sizeof(full))
		return ERR_PROTO;
	memcpy(full + len - raw.n, raw.p, raw.n);
	return pkey_verify(k->pk, hash, data, view_of(full, len),
	    view_of(NULL, 0));
}

enum err
key_verify_raw(const struct ssh_key *k, enum hash_alg hash, struct view data,
    struct view raw)
{
	if (k->type->kind == PKEY_RSA)
		return verify_rsa(k, hash, data, raw);
	if (k->type->kind != PKEY_ED25519)
		return verify_ecdsa(k, hash, data, raw);
	if (raw.n != 64)
		return ERR_PROTO;
	return pkey_verify(k->pk, hash, data, raw, view_of(NULL, 0));
}

enum err
ssh_key_verify_details(const struct ssh_key *k, struct view alg,
    struct view data, struct view sig, struct ssh_sig_details *details)
{
	const struct sigalg *s = sigalg_find(alg);
	struct rd r = rd_of(sig);
	struct view inner = rd_str(&r), raw;

	*details = (struct ssh_sig_details){ 0 };
	if (r.bad || s == NULL || !view_is(inner, s->inner) ||
	    strcmp(s->type, k->type->name) != 0)
		return ERR_PROTO;
	if (k->type->sk)
		return sk_verify(k, s->webauthn, data, &r, details);
	raw = rd_str(&r);
	if (!rd_done(&r))
		return ERR_PROTO;
	return key_verify_raw(k, s->hash, data, raw);
}

enum err
ssh_key_verify(const struct ssh_key *k, struct view alg, struct view data,
    struct view sig)
{
	struct ssh_sig_details details;

	return ssh_key_verify_details(k, alg, data, sig, &details);
}

enum err
ssh_key_sign(const struct ssh_key *k, struct view alg, struct view data,
    struct wr *out)
{
	struct wr a = wr_new(RSA_SIG_MAX), b = wr_new(RSA_SIG_MAX);
	const struct sigalg *s = sigalg_find(alg);
	enum err err;
	size_t at;

	if (s == NULL || strcmp(s->type, k->type->name) != 0)
		return ERR_PROTO;
	if (k->type->sk || k->type->plain != NULL)
		return ERR_DENIED;
	if ((err = pkey_sign(k->pk, s->hash, data, &a, &b)) != OK)
		goto out;
	wr_str(out, alg);
	if (k->type->curve != NULL) {
		at = wr_open(out);
		wr_mpint(out, wr_view(&a));
		wr_mpint(out, wr_view(&b));
		wr_close(out, at);
	} else
		wr_str(out, wr_view(&a));
	err = out->bad || a.bad || b.bad ? ERR_NOMEM : OK;
out:
	wr_free(&a);
	wr_free(&b);
	return err;
}
