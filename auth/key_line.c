#include "auth/auth.h"
#include "auth/authorized_keys.h"
#include "base/sshkey.h"

bool
auth_key_line(struct view line, const char **why_out)
{
	struct wr blob = wr_new(AK_LINE_MAX);
	struct ssh_key *key = NULL;
	struct ak_line ak;
	bool ok;

	*why_out = "is no public key; needs a line as in authorized_keys";
	if (!ak_parse(line, &ak)) {
		/* A fault of the options alone is told at login. */
		return ak.what.n != 0;
	}
	ok = ak_blob_ok(&ak, &blob) &&
	    (!ak_type_known(ak.type) ||
	    ssh_key_parse_blob(wr_view(&blob), &key) != ERR_PROTO);
	ssh_key_free(&key);
	wr_free(&blob);
	return ok;
}
