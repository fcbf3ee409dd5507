#include <arpa/inet.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "base/config_values.h"
#include "base/envname.h"

#define USER_NAME_MAX	64
#define KEY_LINE_MAX	8191

struct unit {
	const char *word;
	uint64_t factor;
};

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool
is_control(uint8_t c)
{
	return c < 0x20 || c == 0x7f;
}

static bool
has_control(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (is_control(v.p[i]))
			return true;
	return false;
}

/* ---- numbers ---- */

/* The digits at the front of v; false: none, or past 64 bits. */
static bool
take_number(struct view *v, uint64_t *out)
{
	uint64_t n = 0;
	size_t i = 0;

	for (; i < v->n && is_digit(v->p[i]); i++) {
		uint64_t d = (uint64_t)v->p[i] - '0';

		if (n > (UINT64_MAX - d) / 10)
			return false;
		n = n * 10 + d;
	}
	v->p += i;
	v->n -= i;
	*out = n;
	return i != 0;
}

bool
value_number(struct view v, uint64_t max, uint64_t *out)
{
	return take_number(&v, out) && v.n == 0 && *out <= max;
}

static bool
with_unit(struct view v, const struct unit *units, uint64_t *out)
{
	uint64_t n;

	if (!take_number(&v, &n))
		return false;
	for (; units->word != NULL; units++) {
		if (!view_is(v, units->word))
			continue;
		if (n > UINT64_MAX / units->factor)
			return false;
		*out = n * units->factor;
		return true;
	}
	return false;
}

bool
value_duration(struct view v, uint64_t *ms_out)
{
	static const struct unit units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 },
		{ "h", 3600 * 1000 }, { "d", 86400 * 1000 }, { NULL, 0 },
	};

	if (view_is(v, "0")) {
		*ms_out = 0;
		return true;
	}
	return with_unit(v, units, ms_out);
}

bool
value_size(struct view v, uint64_t *bytes_out)
{
	static const struct unit units[] = {
		{ "", 1 }, { "KiB", 1 << 10 }, { "MiB", 1 << 20 },
		{ "GiB", 1 << 30 }, { "TiB", (uint64_t)1 << 40 }, { NULL, 0 },
	};

	return with_unit(v, units, bytes_out);
}

bool
value_switch(struct view v, bool *out)
{
	*out = view_is(v, "on") || view_is(v, "yes") || view_is(v, "true");
	return *out || view_is(v, "off") || view_is(v, "no") ||
	    view_is(v, "false");
}

bool
value_umask(struct view v, uint32_t *out)
{
	uint32_t n = 0;

	if (v.n == 0 || v.n > 4)
		return false;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '7')
			return false;
		n = n * 8 + (uint32_t)(v.p[i] - '0');
	}
	*out = n;
	return n <= 0777;
}

/* ---- addresses ---- */

static const char listen_form[] = "is not an address with a port; use "
    "\"192.0.2.1:22\" or \"[2001:db8::1]:22\"";

/* "ADDR" or "ADDR%INTERFACE" */
static bool
parse_in6(char *host, struct sockaddr_in6 *sin6, const char **why_out)
{
	char *zone = strchr(host, '%');

	sin6->sin6_family = AF_INET6;
	if (zone != NULL) {
		*zone++ = '\0';
		if ((sin6->sin6_scope_id = if_nametoindex(zone)) == 0) {
			*why_out = "names an interface that is not here; use "
			    "an interface after %";
			return false;
		}
	}
	*why_out = listen_form;
	return inet_pton(AF_INET6, host, &sin6->sin6_addr) == 1;
}

/* Splits "HOST:PORT" or "[HOST]:PORT". */
static bool
split_port(struct view v, char *host, size_t n, bool *six, uint64_t *port)
{
	const uint8_t *colon = v.n != 0 ? memrchr(v.p, ':', v.n) : NULL;
	struct view h;

	if (colon == NULL)
		return false;
	h = view_of(v.p, (size_t)(colon - v.p));
	v = view_of(colon + 1, v.n - h.n - 1);
	*six = h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']';
	if (*six)
		h = view_of(h.p + 1, h.n - 2);
	return view_to_cstr(h, host, n) && v.n <= 5 &&
	    value_number(v, 65535, port) && *port != 0;
}

bool
value_listen(struct view v, struct sockaddr_storage *out, socklen_t *len_out,
    const char **why_out)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	char host[128];
	uint64_t port;
	bool six;

	*why_out = listen_form;
	memset(out, 0, sizeof(*out));
	if (!split_port(v, host, sizeof(host), &six, &port))
		return false;
	if (six) {
		if (!parse_in6(host, &sin6, why_out))
			return false;
		sin6.sin6_port = htons((uint16_t)port);
		memcpy(out, &sin6, *len_out = sizeof(sin6));
		return true;
	}
	if (inet_pton(AF_INET, host, &sin.sin_addr) != 1)
		return false;
	sin.sin_port = htons((uint16_t)port);
	memcpy(out, &sin, *len_out = sizeof(sin));
	return true;
}

/* Is any bit behind the first `bits` set? */
static bool
host_bits(const uint8_t *addr, size_t n, uint64_t bits)
{
	for (size_t i = (size_t)bits; i < n * 8; i++)
		if ((addr[i / 8] >> (7 - i % 8) & 1) != 0)
			return true;
	return false;
}

bool
value_cidr(struct view v, const char **why_out)
{
	const uint8_t *slash = v.n != 0 ? memchr(v.p, '/', v.n) : NULL;
	struct view host = v;
	uint8_t addr[16];
	char text[64];
	uint64_t bits;
	size_t n;

	*why_out = "is not an address or network; use \"203.0.113.0/24\" or "
	    "\"2001:db8::/32\"";
	if (slash != NULL)
		host.n = (size_t)(slash - v.p);
	if (!view_to_cstr(host, text, sizeof(text)))
		return false;
	if (inet_pton(AF_INET, text, addr) == 1)
		n = 4;
	else if (inet_pton(AF_INET6, text, addr) == 1)
		n = 16;
	else
		return false;
	if (slash == NULL)
		return true;
	if (!value_number(view_of(slash + 1, v.n - host.n - 1), n * 8, &bits))
		return false;
	*why_out = "has bits set behind its prefix; use the first address of "
	    "the network";
	return !host_bits(addr, n, bits);
}

/* ---- names and paths ---- */

/* Is any component of v "." or ".."? */
static bool
has_dots(struct view v)
{
	for (size_t i = 0, at = 0; i <= v.n; i++) {
		if (i != v.n && v.p[i] != '/')
			continue;
		struct view c = view_of(v.p + at, i - at);

		if (view_is(c, ".") || view_is(c, ".."))
			return true;
		at = i + 1;
	}
	return false;
}

static bool
path_rest(struct view v, const char **why_out)
{
	*why_out = "is too long; a path has at most 4095 bytes";
	if (v.n >= PATH_MAX)
		return false;
	*why_out = "holds a control character; use a plain path";
	if (has_control(v))
		return false;
	*why_out = "holds \".\" or \"..\"; use a path without them";
	return !has_dots(v);
}

bool
value_path(struct view v, const char **why_out)
{
	*why_out = "is not an absolute path; use one that starts with /";
	return v.n != 0 && v.p[0] == '/' && path_rest(v, why_out);
}

bool
value_relative(struct view v, const char **why_out)
{
	*why_out = "is not a path inside of the jail; use one without / at "
	    "its start, such as \"in\"";
	return v.n != 0 && v.p[0] != '/' && path_rest(v, why_out);
}

bool
value_user_name(struct view v, const char **why_out)
{
	*why_out = "is empty or too long; a name has 1 to 64 bytes";
	if (v.n == 0 || v.n > USER_NAME_MAX)
		return false;
	*why_out = "is not a name; use one without / and control characters, "
	    "not . or .., and without - at its start";
	return v.p[0] != '-' && memchr(v.p, '/', v.n) == NULL &&
	    !has_control(v) && !view_is(v, ".") && !view_is(v, "..");
}

bool
value_env(struct view v, const char **why_out)
{
	char pattern[ENV_NAME_MAX + 1];

	*why_out = "is not a pattern of names; use letters, digits, _, * and "
	    "?, at most 64 of them";
	if (v.n == 0 || !view_to_cstr(v, pattern, sizeof(pattern)))
		return false;
	if (strspn(pattern, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789_*?") != v.n)
		return false;
	*why_out = "would let a client set a name like LD_PRELOAD or PATH; "
	    "use narrower patterns, such as LC_*";
	return !env_pattern_never(pattern);
}

/* ---- secrets and texts ---- */

bool
value_principal(struct view v, const char **why_out)
{
	*why_out = "is no name of a principal; needs 1 to 255 characters "
	    "without blanks around and control characters";
	if (v.n == 0 || v.n > 255 || v.p[0] == ' ' || v.p[v.n - 1] == ' ')
		return false;
	for (size_t i = 0; i < v.n; i++)
		if (is_control(v.p[i]))
			return false;
	return true;
}

bool
value_hash(struct view v, bool *none_out)
{
	static const char *const kinds[] = {
		"$y$", "$gy$", "$7$", "$2b$", "$2a$", "$2y$", "$6$", "$5$",
	};

	*none_out = view_is(v, "!") || view_is(v, "*");
	if (*none_out)
		return true;
	/* no hash of these kinds is shorter or longer */
	if (v.n < 30 || v.n > 384)
		return false;
	/* crypt(5): printable ASCII, but none of these */
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] <= ' ' || v.p[i] >= 0x7f ||
		    memchr(":;*!\\", v.p[i], 5) != NULL)
			return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (memcmp(v.p, kinds[i], strlen(kinds[i])) == 0)
			return true;
	return false;
}

bool
value_key_line(struct view v, const char **why_out)
{
	static const char pem[] = "-----BEGIN";

	while (v.n != 0 && (v.p[0] == ' ' || v.p[0] == '\t')) {
		v.p++;
		v.n--;
	}
	*why_out = "is empty or a comment; needs a line as in authorized_keys";
	if (v.n == 0 || v.p[0] == '#')
		return false;
	*why_out = "is not a public key, it looks like a private one; needs a "
	    "line as in authorized_keys";
	if (v.n >= sizeof(pem) - 1 && memcmp(v.p, pem, sizeof(pem) - 1) == 0)
		return false;
	*why_out = "is more than one line; needs one line for each entry";
	for (size_t i = 0; i < v.n; i++)
		if (is_control(v.p[i]) && v.p[i] != '\t')
			return false;
	*why_out = "is too long; a line has at most 8191 bytes";
	return v.n <= KEY_LINE_MAX;
}

bool
value_text(struct view v, const char **why_out)
{
	*why_out = "holds a control character; use plain text and line ends";
	for (size_t i = 0; i < v.n; i++)
		if (is_control(v.p[i]) && memchr("\n\r\t", v.p[i], 3) == NULL)
			return false;
	return true;
}

bool
value_ident(struct view v)
{
	if (v.n == 0 || v.n > 200)
		return false;
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] <= ' ' || v.p[i] >= 0x7f || v.p[i] == '-')
			return false;
	return true;
}

unsigned
value_distance(struct view a, struct view b, unsigned max)
{
	unsigned row[33];

	if (a.n > 32 || b.n > 32)
		return max + 1;
	for (size_t j = 0; j <= b.n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 0; i < a.n; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i + 1;
		for (size_t j = 0; j < b.n; j++) {
			unsigned best = diagonal + (a.p[i] != b.p[j]);

			diagonal = row[j + 1];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (diagonal + 1 < best)
				best = diagonal + 1;
			row[j + 1] = best;
		}
	}
	return row[b.n] <= max ? row[b.n] : max + 1;
}
