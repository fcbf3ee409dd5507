/* The child that reads the configuration: no YAML comes near the warden. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/crypto.h"
#include "base/proctitle.h"
#include "chroot/generation.h"

#define EX_CONFIG	78	/* sysexits.h */

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
write_all(int fd, struct view v)
{
	while (v.n != 0) {
		ssize_t n = write(fd, v.p, v.n);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		v.p += n;
		v.n -= (size_t)n;
	}
	return true;
}

void
parse_child(const struct parse_job *j, const struct parse_how *how)
{
	const struct config_env env = {
		.unprivileged = how->unprivileged,
		.resolve = resolve_account,
		.ctx = (void *)(uintptr_t)how->helper,
		.algorithm_known = algorithm_known,
		.key_line = auth_key_line,
		.host_key = host_key,
		.max_connections = how->max_connections,
	};
	struct wr out = wr_new(PARSE_BLOCK_MAX);
	struct wr faults = wr_new(PARSE_FAULTS_MAX);
	bool ok;

	proctitle_set("config");
	ok = config_parse(how->file, &env, &out, &faults) && !out.bad;
	if (!write_all(j->faults, wr_view(&faults)) ||
	    (ok && !write_all(j->block, wr_view(&out))))
		_exit(1);
	_exit(ok ? 0 : EX_CONFIG);
}
