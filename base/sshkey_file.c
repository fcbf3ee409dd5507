/*
 * Private key files: OpenSSH's "openssh-key-v1" (PROTOCOL.key) and the PEM
 * forms of RFC 7468, 8017, 5915 and 5958.  A file is text around one block
 *
 *	-----BEGIN label-----
 *	base64
 *	-----END label-----
 *
 * with anything before and after it, lines ended by LF or CR LF.
 */
#include <string.h>

#include "base/sshkey_int.h"

#define FILE_MAX	((size_t)64 * 1024)
#define LINE_WIDTH	70	/* as ssh-keygen writes it */
#define OPENSSH_LABEL	"OPENSSH PRIVATE KEY"
#define OPENSSH_BLOCK	8	/* padding granularity without a cipher */
#define SCALAR_MAX	66

static const char magic[15] = "openssh-key-v1";		/* with its NUL */

static const char why_encrypted[] = "the key is encrypted with a passphrase; "
    "a server cannot ask for one: remove it with ssh-keygen -p -N \"\"";
static const char why_public[] = "this is a public key file; the private key "
    "stands in the file without .pub";
static const char why_putty[] = "this is a PuTTY key file; convert it with "
    "puttygen -O private-openssh";
static const char why_type[] = "the type of the key is not supported; use "
    "ed25519, ecdsa or rsa";
static const char why_size[] = "the RSA key is shorter than 2048 or longer "
    "than 16384 bits";
static const char why_base64[] = "the base64 text is damaged";
static const char why_damaged[] = "the contents are damaged";
static const char why_halves[] = "the public and the private half do not "
    "belong together";
static const char why_memory[] = "out of memory";

static enum err
fail(enum err err, const char *sentence, const char **why_out)
{
	*why_out = sentence;
	return err;
}

/* ---- lines and PEM ---- */

/* Takes a line off the text, without blanks and CR at its ends. */
static bool
next_line(struct view *text, struct view *line)
{
	const uint8_t *nl;

	if (text->n == 0)
		return false;
	nl = memchr(text->p, '\n', text->n);
	*line = view_of(text->p,
	    nl != NULL ? (size_t)(nl - text->p) : text->n);
	*text = view_of(text->p + line->n, text->n - line->n);
	if (nl != NULL)
		*text = view_of(text->p + 1, text->n - 1);
	while (line->n != 0 && (line->p[line->n - 1] == '\r' ||
	    line->p[line->n - 1] == ' ' || line->p[line->n - 1] == '\t'))
		line->n--;
	return true;
}

static bool
starts_with(struct view v, const char *s)
{
	size_t n = strlen(s);

	return v.n >= n && memcmp(v.p, s, n) == 0;
}

/* The label of "-----<word> label-----". */
static bool
pem_label(struct view line, const char *word, struct view *out)
{
	const char *dashes = "-----";
	size_t front = strlen(word) + 5;

	if (line.n < front + 5 || !starts_with(line, dashes) ||
	    memcmp(line.p + 5, word, front - 5) != 0 ||
	    memcmp(line.p + line.n - 5, dashes, 5) != 0)
		return false;
	*out = view_of(line.p + front, line.n - front - 5);
	return true;
}

/* Is this the label of a private key, ours or another's? */
static bool
is_private_label(struct view label)
{
	const char *tail = "PRIVATE KEY";
	size_t n = strlen(tail);

	return label.n >= n && memcmp(label.p + label.n - n, tail, n) == 0;
}

/* What a file without a private key looks like. */
static const char *
explain_no_key(struct view file)
{
	struct view line, label, word;
	const char *why = "there is no private key in the file";

	while (next_line(&file, &line)) {
		word = line;
		for (size_t i = 0; i < line.n; i++)
			if (line.p[i] == ' ') {
				word.n = i;
				break;
			}
		if (starts_with(line, "PuTTY-User-Key-File-"))
			return why_putty;
		if (key_type_find(word) != NULL ||
		    starts_with(line, "---- BEGIN SSH2 PUBLIC KEY"))
			return why_public;
		if (pem_label(line, "BEGIN ", &label) && label.n >= 10 &&
		    view_is(view_of(label.p + label.n - 10, 10), "PUBLIC KEY"))
			why = why_public;
	}
	return why;
}

struct pem {
	struct view label;
	struct wr body;			/* base64 without line ends */
	bool encrypted;			/* by its header lines (RFC 1421) */
};

/* The lines of a block up to its end. */
static bool
pem_body(struct view *file, struct pem *out)
{
	struct view line, label;

	while (next_line(file, &line)) {
		if (pem_label(line, "END ", &label))
			return view_eq(label, out->label);
		if (starts_with(line, "Proc-Type:") ||
		    starts_with(line, "DEK-Info:"))
			out->encrypted = true;
		else
			wr_bytes(&out->body, line);
	}
	return false;
}

/* Finds the first private key of the file. */
static enum err
pem_find(struct view file, struct pem *out, const char **why_out)
{
	struct view all = file, line;

	while (next_line(&file, &line)) {
		if (!pem_label(line, "BEGIN ", &out->label) ||
		    !is_private_label(out->label))
			continue;
		if (!pem_body(&file, out))
			return fail(ERR_PROTO, "the END line is missing",
			    why_out);
		if (out->body.bad)
			return fail(ERR_NOMEM, why_memory, why_out);
		return OK;
	}
	return fail(ERR_PROTO, explain_no_key(all), why_out);
}

/* ---- openssh-key-v1 ---- */

struct openssh_file {
	struct view cipher, kdf, kdf_options;
	uint32_t nkeys;
	struct view public, private;
};

/*
 *	byte[]	"openssh-key-v1" NUL
 *	string	cipher name
 *	string	KDF name
 *	string	KDF options
 *	uint32	number of keys
 *	string	public key
 *	string	private part, encrypted
 */
static bool
parse_openssh_file(struct view b, struct openssh_file *f)
{
	struct rd r = rd_of(b);
	struct view m = rd_bytes(&r, sizeof(magic));

	f->cipher = rd_str(&r);
	f->kdf = rd_str(&r);
	f->kdf_options = rd_str(&r);
	f->nkeys = rd_u32(&r);
	f->public = rd_str(&r);
	f->private = rd_str(&r);
	return rd_done(&r) && view_eq(m, view_of(magic, sizeof(magic)));
}

/* The start alone: what an encrypted file has behind it (an AEAD's tag) is
 * not ours to understand. */
static bool
openssh_is_encrypted(struct view b)
{
	struct rd r = rd_of(b);
	struct view m = rd_bytes(&r, sizeof(magic)), cipher = rd_str(&r);

	return !r.bad && view_eq(m, view_of(magic, sizeof(magic))) &&
	    !view_is(cipher, "none");
}

/* string pk, string seed and pk */
static struct pkey *
take_ed25519(struct rd *r)
{
	struct view pub = rd_str(r), priv = rd_str(r);

	if (r->bad || pub.n != 32 || priv.n != 64 ||
	    !view_eq(pub, view_of(priv.p + 32, 32)))
		return NULL;
	return pkey_ed25519(pub, view_of(priv.p, 32));
}

/* string curve, string point, mpint scalar */
static struct pkey *
take_ecdsa(struct rd *r, const struct key_type *type)
{
	struct view curve = rd_str(r), point = rd_str(r), scalar = rd_str(r);

	if (r->bad || !view_is(curve, type->curve) ||
	    !crypto_mpint(scalar, &scalar) || scalar.n == 0 ||
	    scalar.n > SCALAR_MAX)
		return NULL;
	return pkey_ec(type->kind, point, scalar);
}

/* mpint n, e, d, iqmp, p, q */
static struct pkey *
take_rsa(struct rd *r, enum err *err_out)
{
	struct view num[6];

	for (size_t i = 0; i < 6; i++) {
		num[i] = rd_str(r);
		if (r->bad || !crypto_mpint(num[i], &num[i]) ||
		    num[i].n > SSHKEY_RSA_MAX / 8)
			return NULL;
	}
	if ((*err_out = rsa_modulus_check(num[0])) != OK)
		return NULL;
	return pkey_rsa_private(num[0], num[1], num[2], num[4], num[5],
	    num[3]);
}

/* Padding is 1, 2, 3 and so on, up to the next block. */
static bool
padding_ok(struct rd *r, size_t whole)
{
	struct view pad = rd_rest(r);

	if (r->bad || pad.n > UINT8_MAX || whole % OPENSSH_BLOCK != 0)
		return false;
	for (size_t i = 0; i < pad.n; i++)
		if (pad.p[i] != i + 1)
			return false;
	return true;
}

/*
 *	uint32	check, uint32 the same
 *	string	key type, its fields
 *	string	comment
 *	byte[]	padding
 */
static enum err
take_openssh_key(struct view b, struct pkey **out, const char **why_out)
{
	struct rd r = rd_of(b);
	uint32_t check1 = rd_u32(&r), check2 = rd_u32(&r);
	const struct key_type *type = key_type_find(rd_str(&r));
	struct pkey *pk;
	enum err err = OK;

	*out = NULL;
	if (r.bad || check1 != check2)
		return fail(ERR_PROTO, why_damaged, why_out);
	if (type == NULL || type->sk)	/* its secret half is elsewhere */
		return fail(ERR_PROTO, why_type, why_out);
	if (type->kind == PKEY_ED25519)
		pk = take_ed25519(&r);
	else if (type->kind == PKEY_RSA)
		pk = take_rsa(&r, &err);
	else
		pk = take_ecdsa(&r, type);
	if (err == ERR_LIMIT)
		return fail(err, why_size, why_out);
	if (pk == NULL)
		return fail(ERR_PROTO, r.bad ? why_damaged : why_halves,
		    why_out);
	(void)rd_str(&r);
	if (!padding_ok(&r, b.n)) {
		pkey_free(&pk);
		return fail(ERR_PROTO, why_damaged, why_out);
	}
	*out = pk;
	return OK;
}

static enum err
parse_openssh(struct view b, struct ssh_key **out, const char **why_out)
{
	struct openssh_file f;
	struct pkey *pk;
	enum err err;

	if (openssh_is_encrypted(b))
		return fail(ERR_DENIED, why_encrypted, why_out);
	if (!parse_openssh_file(b, &f) || !view_is(f.kdf, "none") ||
	    f.kdf_options.n != 0)
		return fail(ERR_PROTO, why_damaged, why_out);
	if (f.nkeys != 1)
		return fail(ERR_PROTO, "the file does not hold one key",
		    why_out);
	if ((err = take_openssh_key(f.private, &pk, why_out)) != OK)
		return err;
	if ((*out = ssh_key_from_pkey(pk)) == NULL)
		return fail(ERR_NOMEM, why_memory, why_out);
	if (!view_eq(ssh_key_blob(*out), f.public)) {
		ssh_key_free(out);
		return fail(ERR_PROTO, why_halves, why_out);
	}
	return OK;
}

/* ---- PEM with DER inside ---- */

static enum err
parse_der(struct view label, struct view der, struct ssh_key **out,
    const char **why_out)
{
	struct pkey *pk;
	unsigned bits;

	if (!view_is(label, "RSA PRIVATE KEY") &&
	    !view_is(label, "EC PRIVATE KEY") &&
	    !view_is(label, "PRIVATE KEY"))
		return fail(ERR_PROTO, why_type, why_out);
	if ((pk = pkey_from_der(label, der)) == NULL)
		return fail(ERR_PROTO, "the contents are damaged, or the type "
		    "or size of the key is not supported", why_out);
	bits = pkey_bits(pk);
	if (pkey_kind(pk) == PKEY_RSA &&
	    (bits < SSHKEY_RSA_MIN || bits > SSHKEY_RSA_MAX)) {
		pkey_free(&pk);
		return fail(ERR_LIMIT, why_size, why_out);
	}
	if ((*out = ssh_key_from_pkey(pk)) == NULL)
		return fail(ERR_NOMEM, why_memory, why_out);
	return OK;
}

enum err
ssh_key_parse_private(struct view file, struct ssh_key **out,
    const char **why_out)
{
	struct pem pem = { .body = wr_new(FILE_MAX) };
	struct wr bytes = wr_new(FILE_MAX);
	enum err err;

	*out = NULL;
	*why_out = why_damaged;
	if (file.n > FILE_MAX)
		return fail(ERR_LIMIT, "the file is too long for a key file "
		    "(more than 64 KiB)", why_out);
	if ((err = pem_find(file, &pem, why_out)) != OK)
		goto out;
	if (pem.encrypted || view_is(pem.label, "ENCRYPTED PRIVATE KEY"))
		err = fail(ERR_DENIED, why_encrypted, why_out);
	else if (!crypto_base64_decode(wr_view(&pem.body), &bytes))
		err = fail(ERR_PROTO, why_base64, why_out);
	else if (view_is(pem.label, OPENSSH_LABEL))
		err = parse_openssh(wr_view(&bytes), out, why_out);
	else
		err = parse_der(pem.label, wr_view(&bytes), out, why_out);
out:
	wr_free(&pem.body);
	wr_free(&bytes);
	return err;
}

/* ---- writing ---- */

static void
put_private_fields(struct wr *w, const struct ssh_key *k,
    const struct wr part[PKEY_PARTS])
{
	struct rd r = rd_of(ssh_key_blob(k));
	struct view a, b;

	wr_str(w, rd_str(&r));
	a = rd_str(&r);
	b = k->type->kind != PKEY_ED25519 ? rd_str(&r) : view_of(NULL, 0);
	if (k->type->kind == PKEY_ED25519) {
		wr_str(w, a);
		wr_u32(w, 64);
		wr_bytes(w, wr_view(&part[0]));
		wr_bytes(w, a);
	} else if (k->type->kind == PKEY_RSA) {
		wr_str(w, b);		/* n before e, unlike the blob */
		wr_str(w, a);
		for (size_t i = 0; i < PKEY_PARTS; i++)
			wr_mpint(w, wr_view(&part[i]));
	} else {
		wr_str(w, a);
		wr_str(w, b);
		wr_mpint(w, wr_view(&part[0]));
	}
}

static bool
put_private_part(struct wr *w, const struct ssh_key *k, const char *comment)
{
	struct wr part[PKEY_PARTS];
	uint8_t check[4];
	bool ok;

	for (size_t i = 0; i < PKEY_PARTS; i++)
		part[i] = wr_new(FILE_MAX);
	crypto_random(check, sizeof(check));
	if ((ok = pkey_private(k->pk, part))) {
		wr_bytes(w, view_of(check, sizeof(check)));
		wr_bytes(w, view_of(check, sizeof(check)));
		put_private_fields(w, k, part);
		wr_cstr(w, comment);
		for (uint8_t i = 1; !w->bad &&
		    wr_size(w) % OPENSSH_BLOCK != 0; i++)
			wr_u8(w, i);
	}
	for (size_t i = 0; i < PKEY_PARTS; i++)
		wr_free(&part[i]);
	return ok && !w->bad;
}

static void
put_lines(struct wr *out, struct view text)
{
	while (text.n != 0) {
		size_t n = text.n < LINE_WIDTH ? text.n : LINE_WIDTH;

		wr_bytes(out, view_of(text.p, n));
		wr_u8(out, '\n');
		text = view_of(text.p + n, text.n - n);
	}
}

bool
ssh_key_write_private(const struct ssh_key *k, const char *comment,
    struct wr *out)
{
	struct wr private = wr_new(FILE_MAX), bytes = wr_new(FILE_MAX);
	struct wr text = wr_new(2 * FILE_MAX);
	bool ok;

	ok = put_private_part(&private, k, comment != NULL ? comment : "");
	wr_bytes(&bytes, view_of(magic, sizeof(magic)));
	wr_cstr(&bytes, "none");
	wr_cstr(&bytes, "none");
	wr_cstr(&bytes, "");
	wr_u32(&bytes, 1);
	wr_str(&bytes, ssh_key_blob(k));
	wr_str(&bytes, wr_view(&private));
	crypto_base64_encode(wr_view(&bytes), &text);
	ok = ok && !bytes.bad && !text.bad;
	if (ok) {
		wr_bytes(out, view_str("-----BEGIN " OPENSSH_LABEL "-----\n"));
		put_lines(out, wr_view(&text));
		wr_bytes(out, view_str("-----END " OPENSSH_LABEL "-----\n"));
	}
	wr_free(&private);
	wr_free(&bytes);
	wr_free(&text);
	return ok && !out->bad;
}
