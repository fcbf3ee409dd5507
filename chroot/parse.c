/* The child that reads the configuration: no YAML comes near the warden. */
#include <errno.h>
#include <unistd.h>

#include "base/proctitle.h"
#include "chroot/generation.h"

#define EX_CONFIG	78	/* sysexits.h */

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
	const struct config_env env = parse_env(how);
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
