#include <errno.h>
#include <unistd.h>

#include "base/fds.h"

bool
fds_close_from(unsigned first)
{
	long max;

	if (close_range(first, ~0u, 0) == 0)
		return true;
	if (errno != ENOSYS || (max = sysconf(_SC_OPEN_MAX)) == -1)
		return false;
	for (unsigned fd = first; (long)fd < max; fd++)
		close((int)fd);
	return true;
}
