#include <string.h>

#include "auth/certs.h"
#include "auth/limits.h"

/* Addresses and ranges alone: wildcards, names and negations are of
 * authorized_keys. */
static bool
only_ranges(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (memchr("0123456789abcdefABCDEF.:/,", v.p[i], 26) == NULL)
			return false;
	return v.n != 0;
}

static const char *
source_refusal(const struct ssh_cert *c, const struct match_addr *addr)
{
	if ((c->options & SSHCERT_SOURCE_ADDRESS) == 0)
		return NULL;
	if (!only_ranges(c->source_address))
		return "certificate's source-address is malformed";
	switch (match_list(c->source_address, addr)) {
	case MATCH_YES:
		return NULL;
	case MATCH_NO:
		return "certificate's source-address does not match";
	default:
		return "certificate's source-address is malformed";
	}
}

static const char *
command_refusal(const struct ssh_cert *c, uint32_t allow)
{
	if ((c->options & SSHCERT_FORCE_COMMAND) == 0)
		return NULL;
	return limits_command_fault(c->force_command, allow, LIMITS_CERT);
}

const char *
certs_refusal(const struct ssh_cert *c, const struct match_addr *addr,
    int64_t now, uint32_t allow)
{
	const char *why;

	if (c->type != SSHCERT_USER)
		return "certificate is not a user's";
	if (c->unknown.p != NULL)
		return "certificate has an unknown critical option";
	if ((c->options & SSHCERT_VERIFY) != 0 && !ssh_key_is_sk(c->key))
		return "certificate demands a security token";
	if ((why = ssh_cert_outdated(c, now)) != NULL)
		return why;
	if ((why = source_refusal(c, addr)) != NULL)
		return why;
	return command_refusal(c, allow);
}

struct auth_limits
certs_limits(const struct ssh_cert *c)
{
	static const struct {
		uint32_t permit;
		uint32_t deny;
	} rows[] = {
		{ SSHCERT_AGENT, ALLOW_AGENT },
		{ SSHCERT_PORT, ALLOW_LOCAL_FORWARD | ALLOW_REMOTE_FORWARD },
		{ SSHCERT_PTY, ALLOW_PTY },
		{ SSHCERT_X11, ALLOW_X11 },
	};
	struct auth_limits out = { .restrict_all = true };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if ((c->options & rows[i].permit) == 0)
			out.deny |= rows[i].deny;
		else
			out.restrict_all = false;
	if ((c->options & SSHCERT_FORCE_COMMAND) != 0)
		limits_command(&out, c->force_command);
	return out;
}

bool
certs_names_any(const struct ssh_cert *c, struct view list)
{
	struct view one;

	while (namelist_next(&list, &one))
		if (ssh_cert_names(c, one))
			return true;
	return false;
}

bool
certs_names_one(const struct ssh_cert *c, const struct view_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (ssh_cert_names(c, list->v[i]))
			return true;
	return false;
}
