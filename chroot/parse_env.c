/* What this build and this host can do, for the check of a configuration. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/crypto.h"
#include "chroot/generation.h"

static bool
algorithm_known(const char *kind, struct view name)
{
	if (strcmp(kind, "kex") == 0)
		return kex_alg_find(name) != NULL;
	if (strcmp(kind, "cipher") == 0)
		return cipher_alg_find(name) != NULL;
	if (strcmp(kind, "mac") == 0)
		return mac_alg_find(name) != NULL;
	if (strcmp(kind, "host_key") == 0)
		return namelist_has(view_str(ssh_sigalg_host_list()), name);
	return view_is(name, "none");
}

static bool
host_key(struct view path, const char **why_out)
{
	static char why[640];	/* this process does nothing else */

	*why_out = why;
	return hostkeys_check(path, why, sizeof(why));
}

static bool
pam_service(struct view name)
{
	static const char *const places[] = { "/etc/pam.d", "/usr/lib/pam.d" };
	char path[256];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/%.*s", places[i],
		    (int)name.n, (const char *)name.p);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

struct config_env
parse_env(const struct parse_how *how)
{
	return (struct config_env){
		.unprivileged = how->unprivileged,
		.resolve = resolve_account,
		.ctx = (void *)(uintptr_t)how->helper,
		.algorithm_known = algorithm_known,
		.key_line = auth_key_line,
		.host_line = auth_host_line,
		.host_key = host_key,
		.program = auth_program_ok,
		.pam_service = pam_service,
		.max_connections = how->max_connections,
	};
}
