#include <string.h>

#include "auth/known_hosts.h"
#include "base/crypto.h"

/* ---- a line ---- */

static bool
blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct view
take_word(struct view *v)
{
	struct view word = { v->p, 0 };

	while (word.n < v->n && !blank(word.p[word.n]))
		word.n++;
	v->p += word.n;
	v->n -= word.n;
	while (v->n != 0 && blank(v->p[0])) {
		v->p++;
		v->n--;
	}
	return word;
}

static bool
fault(struct known_line *l, const char *why)
{
	l->why = why;
	return false;
}

static bool
parse_marker(struct view *line, struct known_line *out)
{
	struct view word;

	if (line->p[0] != '@')
		return true;
	word = take_word(line);
	if (view_is(word, "@cert-authority"))
		out->marker = KNOWN_AUTHORITY;
	else if (view_is(word, "@revoked"))
		out->marker = KNOWN_REVOKED;
	else
		return fault(out, "unknown marker");
	return true;
}

bool
known_parse(struct view line, struct known_line *out)
{
	*out = (struct known_line){ .marker = KNOWN_HOST };
	while (line.n != 0 && blank(line.p[0])) {
		line.p++;
		line.n--;
	}
	if (line.n == 0)
		return fault(out, "empty line");
	if (line.n > KNOWN_HOSTS_LINE_MAX)
		return fault(out, "line is too long");
	if (view_has_nul(line))
		return fault(out, "NUL in the line");
	if (!parse_marker(&line, out))
		return false;
	out->hosts = take_word(&line);
	out->type = take_word(&line);
	out->base64 = take_word(&line);
	if (out->base64.n == 0)
		return fault(out, "no key");
	return true;
}

bool
known_name(struct view given, char out[KNOWN_HOSTS_NAME_MAX + 1])
{
	/* OpenSSH's client adds the dot. */
	if (given.n > 1 && given.p[given.n - 1] == '.')
		given.n--;
	if (given.n == 0 || given.n > KNOWN_HOSTS_NAME_MAX ||
	    !view_to_cstr(given, out, KNOWN_HOSTS_NAME_MAX + 1))
		return false;
	for (char *c = out; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return true;
}

/* ---- whom it is about ---- */

static bool
is_hash_of(struct view salt, struct view hash, const char *text)
{
	uint8_t mac[HASH_MAX];

	return text[0] != '\0' && hash.n == hash_len(HASH_SHA1) &&
	    hmac_once(HASH_SHA1, salt, view_str(text), mac) &&
	    crypto_equal(hash, view_of(mac, hash.n));
}

/* |1|base64(salt)|base64(HMAC-SHA1(salt, name)) */
static enum known_match
match_hashed(struct view hosts, const char *name,
    const struct match_addr *addr)
{
	struct wr salt = wr_new(64), hash = wr_new(64);
	enum known_match found = KNOWN_NOT;
	const uint8_t *bar;
	size_t n;

	if (hosts.n < 3 || memcmp(hosts.p, "|1|", 3) != 0)
		return KNOWN_NOT;
	hosts = view_of(hosts.p + 3, hosts.n - 3);
	if ((bar = memchr(hosts.p, '|', hosts.n)) == NULL)
		return KNOWN_NOT;
	n = (size_t)(bar - hosts.p);
	if (crypto_base64_decode(view_of(hosts.p, n), &salt) &&
	    crypto_base64_decode(view_of(bar + 1, hosts.n - n - 1), &hash)) {
		if (is_hash_of(wr_view(&salt), wr_view(&hash), name))
			found = KNOWN_BY_NAME;
		else if (addr->n != 0 && is_hash_of(wr_view(&salt),
		    wr_view(&hash), addr->text))
			found = KNOWN_BY_ADDRESS;
	}
	wr_free(&salt);
	wr_free(&hash);
	return found;
}

/* An address, a network, or a wildcard of addresses: no name of a host. */
static bool
is_address(struct view v)
{
	bool digit = false, colon = false, other = false;

	if (v.n != 0 && v.p[0] == '[')
		return false;		/* [name]:port */
	for (size_t i = 0; i < v.n; i++) {
		uint8_t c = v.p[i];

		if (c == '/')
			return true;
		digit |= c >= '0' && c <= '9';
		colon |= c == ':';
		other |= (c < '0' || c > '9') && c != '.' && c != '*' &&
		    c != '?';
	}
	return colon || (digit && !other);
}

struct tally {
	bool yes, no, any;	/* any: one that is not negated */
};

static void
count(struct tally *t, bool negated, bool hit)
{
	t->any |= !negated;
	if (hit)
		*(negated ? &t->no : &t->yes) = true;
}

enum known_match
known_match(struct view hosts, const char *name,
    const struct match_addr *addr)
{
	struct tally names = { 0 }, addresses = { 0 };
	struct view one;

	if (hosts.n != 0 && hosts.p[0] == '|')
		return match_hashed(hosts, name, addr);
	while (namelist_next(&hosts, &one)) {
		bool negated = one.n != 0 && one.p[0] == '!';

		if (negated)
			one = view_of(one.p + 1, one.n - 1);
		if (one.n == 0)
			return KNOWN_NOT;
		if (!is_address(one))
			count(&names, negated, name[0] != '\0' &&
			    match_glob(one, name));
		else
			switch (match_entries(&one, 1, addr)) {
			case MATCH_BAD:
				return KNOWN_NOT;
			case MATCH_YES:
				count(&addresses, negated, true);
				break;
			default:
				count(&addresses, negated, false);
			}
	}
	if (names.no || addresses.no || (addresses.any && !addresses.yes))
		return KNOWN_NOT;
	if (names.any)
		return names.yes ? KNOWN_BY_NAME : KNOWN_NOT;
	return addresses.any ? KNOWN_BY_ADDRESS : KNOWN_NOT;
}
