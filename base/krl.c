#include <string.h>

#include "base/crypto.h"
#include "base/krl.h"
#include "base/sshcert.h"

#define FORMAT_VERSION	1
#define LINE_BLOB_MAX	SSHCERT_MAX
#define SHA1_LEN	20
#define SHA256_LEN	32

enum section {
	SECTION_CERTIFICATES = 1,
	SECTION_KEYS = 2,
	SECTION_SHA1 = 3,
	SECTION_SIGNATURE = 4,
	SECTION_SHA256 = 5,
	SECTION_EXTENSION = 255
};

enum cert_section {
	CERT_SERIALS = 0x20,
	CERT_RANGE = 0x21,
	CERT_BITMAP = 0x22,
	CERT_KEY_IDS = 0x23,
	CERT_EXTENSION = 0x39
};

static const char magic[8] = "SSHKRL\n";	/* with its NUL */

/* One question while the list goes by.  The digests are of key and ca. */
struct walk {
	const struct krl_query *q;
	uint8_t sha1[2][HASH_MAX], sha256[2][HASH_MAX];
	size_t n;			/* digests there are */
	bool revoked;
};

static bool
walk_begin(struct walk *w, const struct krl_query *q)
{
	*w = (struct walk){ .q = q, .n = q->ca.n != 0 ? 2 : 1 };
	for (size_t i = 0; i < w->n; i++) {
		struct view blob = i == 0 ? q->key : q->ca;

		if (!hash_once(HASH_SHA1, blob, w->sha1[i]) ||
		    !hash_once(HASH_SHA256, blob, w->sha256[i]))
			return false;
	}
	return true;
}

static void
meet_blob(struct walk *w, struct view blob)
{
	if (view_eq(blob, w->q->key) ||
	    (w->q->ca.n != 0 && view_eq(blob, w->q->ca)))
		w->revoked = true;
}

/* ---- certificates ---- */

/* uint64 serial, and again */
static bool
walk_serials(struct walk *w, struct rd *r, bool about)
{
	while (r->n != 0) {
		uint64_t serial = rd_u64(r);

		if (r->bad)
			return false;
		if (about && serial == w->q->serial)
			w->revoked = true;
	}
	return true;
}

/* uint64 first, uint64 last, which belongs to it */
static bool
walk_range(struct walk *w, struct rd *r, bool about)
{
	uint64_t first = rd_u64(r), last = rd_u64(r);

	if (!rd_done(r) || first > last)
		return false;
	if (about && w->q->serial >= first && w->q->serial <= last)
		w->revoked = true;
	return true;
}

/* uint64 offset, mpint whose bit N is the serial offset + N */
static bool
walk_bitmap(struct walk *w, struct rd *r, bool about)
{
	uint64_t offset = rd_u64(r), bit;
	struct view map = rd_str(r);

	if (!rd_done(r))
		return false;
	while (map.n != 0 && map.p[0] == 0) {
		map.p++;
		map.n--;
	}
	if (map.n == 0)
		return true;
	for (bit = map.n * 8 - 1; (map.p[0] >> (bit % 8) & 1) == 0; bit--)
		continue;
	if (bit > UINT64_MAX - offset)
		return false;
	if (!about || w->q->serial < offset)
		return true;
	bit = w->q->serial - offset;
	if (bit / 8 < map.n &&
	    (map.p[map.n - 1 - bit / 8] >> (bit % 8) & 1) != 0)
		w->revoked = true;
	return true;
}

/* string key id, and again */
static bool
walk_key_ids(struct walk *w, struct rd *r, bool about)
{
	while (r->n != 0) {
		struct view id = rd_str(r);

		if (r->bad)
			return false;
		if (about && view_eq(id, w->q->key_id))
			w->revoked = true;
	}
	return true;
}

/* string name, boolean critical, string contents.  None is known here. */
static bool
walk_extension(struct rd *r)
{
	bool critical;

	(void)rd_text(r);
	critical = rd_bool(r);
	(void)rd_str(r);
	return rd_done(r) && !critical;
}

static bool
walk_cert_section(struct walk *w, uint8_t type, struct view body, bool about)
{
	struct rd r = rd_of(body);

	switch (type) {
	case CERT_SERIALS:
		return walk_serials(w, &r, about);
	case CERT_RANGE:
		return walk_range(w, &r, about);
	case CERT_BITMAP:
		return walk_bitmap(w, &r, about);
	case CERT_KEY_IDS:
		return walk_key_ids(w, &r, about);
	case CERT_EXTENSION:
		return walk_extension(&r);
	default:
		return false;
	}
}

/*
 *	string	blob of the authority; empty: of every authority
 *	string	reserved
 *	byte	section type, string its data; and again
 */
static bool
walk_certificates(struct walk *w, struct rd *r)
{
	struct view ca = rd_str(r);
	bool about = w->q->ca.n != 0 &&
	    (ca.n == 0 || view_eq(ca, w->q->ca));

	(void)rd_str(r);
	while (r->n != 0) {
		uint8_t type = rd_u8(r);
		struct view body = rd_str(r);

		if (r->bad || !walk_cert_section(w, type, body, about))
			return false;
	}
	return !r->bad;
}

/* ---- keys ---- */

static bool
walk_keys(struct walk *w, struct rd *r)
{
	while (r->n != 0) {
		struct view blob = rd_str(r);

		if (r->bad)
			return false;
		meet_blob(w, blob);
	}
	return true;
}

static bool
walk_digests(struct walk *w, struct rd *r, uint8_t mine[2][HASH_MAX],
    size_t len)
{
	while (r->n != 0) {
		struct view digest = rd_str(r);

		if (r->bad || digest.n != len)
			return false;
		for (size_t i = 0; i < w->n; i++)
			if (memcmp(digest.p, mine[i], len) == 0)
				w->revoked = true;
	}
	return true;
}

/* ---- the binary list ---- */

/*
 *	uint64	magic
 *	uint32	version of the format
 *	uint64	version of the list
 *	uint64	date
 *	uint64	flags: none are defined
 *	string	reserved
 *	string	comment
 */
static bool
walk_header(struct rd *r)
{
	struct view m = rd_bytes(r, sizeof(magic));
	uint32_t version = rd_u32(r);

	(void)rd_u64(r);
	(void)rd_u64(r);
	(void)rd_u64(r);
	(void)rd_str(r);
	(void)rd_str(r);
	return !r->bad && view_eq(m, view_of(magic, sizeof(magic))) &&
	    version == FORMAT_VERSION;
}

static bool
walk_section(struct walk *w, uint8_t type, struct view body)
{
	struct rd r = rd_of(body);

	switch (type) {
	case SECTION_CERTIFICATES:
		return walk_certificates(w, &r);
	case SECTION_KEYS:
		return walk_keys(w, &r);
	case SECTION_SHA1:
		return walk_digests(w, &r, w->sha1, SHA1_LEN);
	case SECTION_SHA256:
		return walk_digests(w, &r, w->sha256, SHA256_LEN);
	case SECTION_EXTENSION:
		return walk_extension(&r);
	default:
		return false;
	}
}

/* byte type, string body; signatures (string key, string signature) come
 * last. */
static bool
walk_binary(struct walk *w, struct view list)
{
	struct rd r = rd_of(list);
	bool ending = false;

	if (!walk_header(&r))
		return false;
	while (r.n != 0) {
		uint8_t type = rd_u8(&r);
		struct view body = rd_str(&r);

		if (type == SECTION_SIGNATURE) {
			ending = true;
			(void)rd_str(&r);
		}
		if (r.bad || (ending && type != SECTION_SIGNATURE) ||
		    (!ending && !walk_section(w, type, body)))
			return false;
	}
	return !r.bad;
}

/* ---- the list of lines ---- */

static bool
blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct view
take_word(struct view *line)
{
	struct view word;

	while (line->n != 0 && blank(line->p[0])) {
		line->p++;
		line->n--;
	}
	word = view_of(line->p, 0);
	while (word.n < line->n && !blank(line->p[word.n]))
		word.n++;
	line->p += word.n;
	line->n -= word.n;
	return word;
}

static struct view
take_line(struct view *text)
{
	const uint8_t *nl = memchr(text->p, '\n', text->n);
	struct view line = *text;

	if (nl != NULL)
		line.n = (size_t)(nl - text->p);
	text->p += line.n + (nl != NULL);
	text->n -= line.n + (nl != NULL);
	return line;
}

/* Type, base64, comment.  Types that nobody can log in with may stand there;
 * what is no key at all may not: a mistake must not let a key in. */
static bool
walk_line(struct walk *w, struct view line, struct wr *blob, struct wr *plain)
{
	struct view type = take_word(&line), text = take_word(&line);
	struct rd r;

	if (type.n == 0 || type.p[0] == '#')
		return true;
	wr_reset(blob);
	if (text.n == 0 || text.n > LINE_BLOB_MAX / 3 * 4 ||
	    !crypto_base64_decode(text, blob) || blob->bad)
		return false;
	r = rd_of(wr_view(blob));
	if (!view_eq(rd_str(&r), type) || r.n == 0)
		return false;
	meet_blob(w, wr_view(blob));
	if (!ssh_cert_type_known(type))
		return true;
	wr_reset(plain);
	if (!ssh_cert_plain(wr_view(blob), plain))
		return false;
	meet_blob(w, wr_view(plain));
	return true;
}

static bool
walk_text(struct walk *w, struct view text)
{
	struct wr blob = wr_new(LINE_BLOB_MAX), plain = wr_new(LINE_BLOB_MAX);
	bool ok = !view_has_nul(text);

	while (ok && text.n != 0)
		ok = walk_line(w, take_line(&text), &blob, &plain);
	wr_free(&blob);
	wr_free(&plain);
	return ok;
}

enum err
krl_check(struct view list, const struct krl_query *q)
{
	bool binary = list.n >= sizeof(magic) &&
	    memcmp(list.p, magic, sizeof(magic)) == 0;
	struct walk w;

	if (list.n > KRL_MAX)
		return ERR_LIMIT;
	if (!walk_begin(&w, q))
		return ERR_CRYPTO;
	if (!(binary ? walk_binary(&w, list) : walk_text(&w, list)))
		return ERR_PROTO;
	return w.revoked ? ERR_DENIED : OK;
}
