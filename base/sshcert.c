#include <stdlib.h>
#include <string.h>

#include "base/sshcert.h"
#include "base/sshkey_int.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
#define CERT(name)	name "-cert-v01@openssh.com"

static const struct key_type cert_types[] = {
	{ .name = CERT("ssh-ed25519"), .sigalgs = CERT("ssh-ed25519"),
	    .plain = "ssh-ed25519", .kind = PKEY_ED25519 },
	{ .name = CERT("ecdsa-sha2-nistp256"), .curve = "nistp256",
	    .sigalgs = CERT("ecdsa-sha2-nistp256"),
	    .plain = "ecdsa-sha2-nistp256", .kind = PKEY_P256 },
	{ .name = CERT("ecdsa-sha2-nistp384"), .curve = "nistp384",
	    .sigalgs = CERT("ecdsa-sha2-nistp384"),
	    .plain = "ecdsa-sha2-nistp384", .kind = PKEY_P384 },
	{ .name = CERT("ecdsa-sha2-nistp521"), .curve = "nistp521",
	    .sigalgs = CERT("ecdsa-sha2-nistp521"),
	    .plain = "ecdsa-sha2-nistp521", .kind = PKEY_P521 },
	{ .name = CERT("ssh-rsa"),
	    .sigalgs = CERT("rsa-sha2-512") "," CERT("rsa-sha2-256"),
	    .plain = "ssh-rsa", .kind = PKEY_RSA },
	{ .name = CERT("sk-ssh-ed25519"), .sigalgs = CERT("sk-ssh-ed25519"),
	    .plain = "sk-ssh-ed25519@openssh.com", .kind = PKEY_ED25519,
	    .sk = true },
	{ .name = CERT("sk-ecdsa-sha2-nistp256"), .curve = "nistp256",
	    .sigalgs = CERT("sk-ecdsa-sha2-nistp256"),
	    .plain = "sk-ecdsa-sha2-nistp256@openssh.com",
	    .kind = PKEY_P256, .sk = true },
};

static const struct key_type *
cert_type_find(struct view name)
{
	for (size_t i = 0; i < COUNT(cert_types); i++)
		if (view_is(name, cert_types[i].name))
			return &cert_types[i];
	return NULL;
}

bool
ssh_cert_type_known(struct view type)
{
	return cert_type_find(type) != NULL;
}

/* ---- the key inside ---- */

/*
 *	string	type
 *	string	nonce
 *	fields of the key, as behind the type in its own blob
 */
static const struct key_type *
read_key(struct rd *r, struct key_fields *f, struct view *raw)
{
	const struct key_type *type = cert_type_find(rd_str(r));
	const uint8_t *from;

	if (type == NULL)
		return NULL;
	(void)rd_str(r);
	from = r->p;
	key_fields_read(r, type, f);
	if (r->bad)
		return NULL;
	*raw = view_of(from, (size_t)(r->p - from));
	return type;
}

static void
put_plain(struct wr *w, const struct key_type *type, struct view raw)
{
	wr_cstr(w, type->plain);
	wr_bytes(w, raw);
}

bool
ssh_cert_plain(struct view blob, struct wr *out)
{
	struct rd r = rd_of(blob);
	const struct key_type *type;
	struct key_fields f;
	struct view raw;

	if ((type = read_key(&r, &f, &raw)) == NULL)
		return false;
	put_plain(out, type, raw);
	return !out->bad;
}

enum err
ssh_cert_signer(struct view blob, struct ssh_key **out)
{
	struct rd r = rd_of(blob);
	const struct key_type *type;
	struct key_fields f;
	struct view raw;

	*out = NULL;
	if (blob.n > SSHCERT_MAX)
		return ERR_LIMIT;
	if ((type = read_key(&r, &f, &raw)) == NULL)
		return ssh_key_parse_blob(blob, out);
	return key_fields_make(&f, type, blob, out);
}

/* ---- options ---- */

struct option {
	const char *name;
	uint32_t flag;
	bool critical;
	bool has_value;
};

static const struct option options[] = {
	{ "force-command", SSHCERT_FORCE_COMMAND, true, true },
	{ "source-address", SSHCERT_SOURCE_ADDRESS, true, true },
	{ "verify-required", SSHCERT_VERIFY, true, false },
	{ "no-touch-required", SSHCERT_NO_TOUCH, false, false },
	{ "permit-X11-forwarding", SSHCERT_X11, false, false },
	{ "permit-agent-forwarding", SSHCERT_AGENT, false, false },
	{ "permit-port-forwarding", SSHCERT_PORT, false, false },
	{ "permit-pty", SSHCERT_PTY, false, false },
	{ "permit-user-rc", SSHCERT_USER_RC, false, false },
};

static const struct option *
option_find(struct view name, bool critical)
{
	for (size_t i = 0; i < COUNT(options); i++)
		if (options[i].critical == critical &&
		    view_is(name, options[i].name))
			return &options[i];
	return NULL;
}

/* A value is one string in the data; without a value there is no data. */
static bool
take_option(struct ssh_cert *c, const struct option *o, struct view data)
{
	struct rd r = rd_of(data);
	struct view value = { NULL, 0 };

	if (o->has_value)
		value = rd_text(&r);
	if (!rd_done(&r))
		return false;
	c->options |= o->flag;
	if (o->flag == SSHCERT_FORCE_COMMAND)
		c->force_command = value;
	else if (o->flag == SSHCERT_SOURCE_ADDRESS)
		c->source_address = value;
	return true;
}

/* Strictly before in bytes: none twice, and the order that is asked for. */
static bool
before(struct view a, struct view b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n != 0 ? memcmp(a.p, b.p, n) : 0;

	return c != 0 ? c < 0 : a.n < b.n;
}

/* string name, string data, and again.  An extension that is not known is
 * passed over; it can only give what is not given here. */
static bool
take_options(struct ssh_cert *c, struct view list, bool critical)
{
	struct view last = { NULL, 0 };
	struct rd r = rd_of(list);

	while (r.n != 0) {
		struct view name = rd_text(&r), data = rd_str(&r);
		const struct option *o = option_find(name, critical);

		if (r.bad || name.n == 0 || !before(last, name))
			return false;
		last = name;
		if (o == NULL && critical && c->unknown.p == NULL)
			c->unknown = name;
		if (o != NULL && !take_option(c, o, data))
			return false;
	}
	return true;
}

static enum err
take_principals(struct ssh_cert *c, struct view list)
{
	struct rd r = rd_of(list);

	while (r.n != 0) {
		struct view name = rd_text(&r);

		if (r.bad)
			return ERR_PROTO;
		if (c->nprincipals == SSHCERT_PRINCIPALS_MAX)
			return ERR_LIMIT;
		c->principals[c->nprincipals++] = name;
	}
	return OK;
}

/* ---- the whole ---- */

/* Behind the key's fields. */
struct tail {
	uint32_t type;
	struct view principals, critical, extensions, ca;
};

/*
 *	uint64	serial
 *	uint32	type
 *	string	key id
 *	string	valid principals
 *	uint64	valid after
 *	uint64	valid before
 *	string	critical options
 *	string	extensions
 *	string	reserved
 *	string	signature key
 *	string	signature
 */
static bool
read_tail(struct rd *r, struct view blob, struct ssh_cert *c, struct tail *t)
{
	c->serial = rd_u64(r);
	t->type = rd_u32(r);
	c->key_id = rd_text(r);
	t->principals = rd_str(r);
	c->valid_after = rd_u64(r);
	c->valid_before = rd_u64(r);
	t->critical = rd_str(r);
	t->extensions = rd_str(r);
	(void)rd_str(r);
	t->ca = rd_str(r);
	if (r->bad)
		return false;
	c->signed_part = view_of(blob.p, (size_t)(r->p - blob.p));
	c->signature = rd_str(r);
	return rd_done(r) &&
	    (t->type == SSHCERT_USER || t->type == SSHCERT_HOST);
}

static enum err
take_tail(struct ssh_cert *c, const struct tail *t)
{
	enum err err;

	c->type = (enum ssh_cert_type)t->type;
	if ((err = take_principals(c, t->principals)) != OK)
		return err;
	if (!take_options(c, t->critical, true) ||
	    !take_options(c, t->extensions, false))
		return ERR_PROTO;
	/* Plain types only: a certificate makes nobody an authority. */
	return ssh_key_parse_blob(t->ca, &c->ca);
}

/* The views must point into bytes that last: those of the key. */
static enum err
parse(struct ssh_cert *c, struct view blob)
{
	struct rd r = rd_of(blob);
	const struct key_type *type;
	struct key_fields f;
	struct view raw;
	struct tail t;
	enum err err;

	if ((type = read_key(&r, &f, &raw)) == NULL)
		return ERR_PROTO;
	if ((err = key_fields_make(&f, type, blob, &c->key)) != OK)
		return err;
	blob = ssh_key_blob(c->key);
	r = rd_of(blob);
	if (read_key(&r, &f, &raw) == NULL || !read_tail(&r, blob, c, &t))
		return ERR_PROTO;
	put_plain(&c->plain, type, raw);
	if (c->plain.bad)
		return ERR_NOMEM;
	return take_tail(c, &t);
}

enum err
ssh_cert_parse_unchecked(struct view blob, struct ssh_cert **out)
{
	struct ssh_cert *c;
	enum err err;

	*out = NULL;
	if (blob.n > SSHCERT_MAX)
		return ERR_LIMIT;
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return ERR_NOMEM;
	c->plain = wr_new(SSHCERT_MAX);
	if ((err = parse(c, blob)) != OK)
		ssh_cert_free(&c);
	*out = c;
	return err;
}

/* The algorithm is the authority's choice among those of its key that are
 * made with a key file or a token at hand: SHA-1 and browsers are not. */
static enum err
check_signature(const struct ssh_cert *c)
{
	struct rd r = rd_of(c->signature);
	struct view alg = rd_str(&r), algs;

	algs = view_str(ssh_key_sigalgs(c->ca));
	if (r.bad || !namelist_has(algs, alg) ||
	    (ssh_key_is_sk(c->ca) && !view_is(alg, ssh_key_type(c->ca))))
		return ERR_PROTO;
	return ssh_key_verify(c->ca, alg, c->signed_part, c->signature);
}

enum err
ssh_cert_parse(struct view blob, struct ssh_cert **out)
{
	enum err err = ssh_cert_parse_unchecked(blob, out);

	if (err == OK && (err = check_signature(*out)) != OK)
		ssh_cert_free(out);
	return err;
}

void
ssh_cert_free(struct ssh_cert **c)
{
	if (*c == NULL)
		return;
	ssh_key_free(&(*c)->key);
	ssh_key_free(&(*c)->ca);
	wr_free(&(*c)->plain);
	free(*c);
	*c = NULL;
}

bool
ssh_cert_names(const struct ssh_cert *c, struct view principal)
{
	for (size_t i = 0; i < c->nprincipals; i++)
		if (view_eq(c->principals[i], principal))
			return true;
	return false;
}

const char *
ssh_cert_outdated(const struct ssh_cert *c, int64_t now)
{
	uint64_t t = now > 0 ? (uint64_t)now : 0;

	if (t < c->valid_after)
		return "certificate is not yet valid";
	if (t >= c->valid_before)
		return "certificate has expired";
	return NULL;
}
