/* chroot/tool/jail_needs: the headers of a program. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "chroot/tool/jail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char out[PATH_MAX];
	int fd = memfd_create("elf", MFD_CLOEXEC);

	if (fd == -1)
		return 0;
	if (write(fd, data, size) == (ssize_t)size &&
	    jail_interpreter(fd, out, sizeof(out)) &&
	    (out[0] != '/' || strlen(out) >= sizeof(out)))
		abort();
	close(fd);
	return 0;
}
