#include <stdio.h>

#include "auth/auth.h"
#include "auth/keys.h"
#include "auth/known_hosts.h"
#include "base/crypto.h"
#include "base/sshkey.h"

#define WHAT_MAX	64	/* bytes told of an option or a name */

/* What is wrong with its options or type alone, which another version may
 * know: the line stays, and refuses its key. */
static void
doubt_fault(const struct ak_line *ak, char out[CONFIG_DOUBT_MAX])
{
	int n = ak->what.n < WHAT_MAX ? (int)ak->what.n : WHAT_MAX;

	snprintf(out, CONFIG_DOUBT_MAX, "%.*s: %s, so logins with this key are "
	    "refused; %s", n, (const char *)ak->what.p, ak->why, ak->rule);
}

static void
doubt_options(const struct ak_line *ak, char out[CONFIG_DOUBT_MAX])
{
	const char *never = keys_never(ak);
	struct view name = match_host_name(ak->from);

	if (never != NULL)
		snprintf(out, CONFIG_DOUBT_MAX, "%s, so logins with this key "
		    "are refused; leave it out", never);
	else if (name.n != 0)
		snprintf(out, CONFIG_DOUBT_MAX, "from: \"%.*s\" is a host "
		    "name, which is not looked up and never matches; use "
		    "addresses or ADDRESS/BITS",
		    name.n < WHAT_MAX ? (int)name.n : WHAT_MAX,
		    (const char *)name.p);
}

bool
auth_key_line(struct view line, const char **why_out,
    char doubt_out[CONFIG_DOUBT_MAX])
{
	struct wr blob = wr_new(AK_LINE_MAX);
	struct ssh_key *key = NULL;
	struct ak_line ak;
	enum err e;

	doubt_out[0] = '\0';
	*why_out = "is no public key; needs a line as in authorized_keys";
	if (!ak_parse(line, &ak)) {
		if (ak.what.n == 0)
			return false;
		doubt_fault(&ak, doubt_out);
		return true;
	}
	e = ak_blob_ok(&ak, &blob) ?
	    ssh_key_parse_blob(wr_view(&blob), &key) : ERR_PROTO;
	if (e == ERR_LIMIT)
		snprintf(doubt_out, CONFIG_DOUBT_MAX, "size of the RSA key is "
		    "out of range, so logins with it are refused; use %d to "
		    "%d bits", SSHKEY_RSA_MIN, SSHKEY_RSA_MAX);
	else if (e != ERR_PROTO)
		doubt_options(&ak, doubt_out);
	ssh_key_free(&key);
	wr_free(&blob);
	return e != ERR_PROTO;
}

bool
auth_host_line(struct view line, const char **why_out,
    char doubt_out[CONFIG_DOUBT_MAX])
{
	struct wr blob = wr_new(KNOWN_HOSTS_LINE_MAX);
	struct ssh_key *key = NULL;
	struct known_line l;
	enum err e;
	struct rd r;
	bool ok;

	doubt_out[0] = '\0';
	*why_out = "is no key of a host; needs a line as in known_hosts: "
	    "names, type, key";
	ok = known_parse(line, &l) &&
	    crypto_base64_decode(l.base64, &blob) && !blob.bad;
	r = rd_of(wr_view(&blob));
	ok = ok && view_eq(rd_str(&r), l.type);
	e = ok ? ssh_key_parse_blob(wr_view(&blob), &key) : ERR_PROTO;
	if (e == ERR_LIMIT)
		snprintf(doubt_out, CONFIG_DOUBT_MAX, "size of the RSA key is "
		    "out of range, so its host is refused; use %d to %d bits",
		    SSHKEY_RSA_MIN, SSHKEY_RSA_MAX);
	ssh_key_free(&key);
	wr_free(&blob);
	return e != ERR_PROTO;
}
