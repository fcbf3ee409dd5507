/*
 * Landlock by its bare system calls (Documentation/userspace-api/landlock.rst
 * of the kernel); the constants are repeated because the headers of the build
 * machine are often older than the kernel that runs it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "chroot/sandbox.h"

#define CALL_CREATE	444
#define CALL_ADD	445
#define CALL_RESTRICT	446
#define CREATE_VERSION	1u
#define RULE_BENEATH	1

enum {
	FS_EXECUTE = 1 << 0, FS_WRITE_FILE = 1 << 1, FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3, FS_REMOVE_DIR = 1 << 4,
	FS_REMOVE_FILE = 1 << 5, FS_MAKE_CHAR = 1 << 6, FS_MAKE_DIR = 1 << 7,
	FS_MAKE_REG = 1 << 8, FS_MAKE_SOCK = 1 << 9, FS_MAKE_FIFO = 1 << 10,
	FS_MAKE_BLOCK = 1 << 11, FS_MAKE_SYM = 1 << 12,
	FS_REFER = 1 << 13,		/* version 2 */
	FS_TRUNCATE = 1 << 14,		/* version 3 */
	FS_IOCTL_DEV = 1 << 15,		/* version 5 */
	NET_BIND = 1 << 0, NET_CONNECT = 1 << 1,	/* version 4 */
	SCOPE_ABSTRACT = 1 << 0, SCOPE_SIGNAL = 1 << 1	/* version 6 */
};

struct ruleset {
	uint64_t fs, net, scoped;
};
struct beneath {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

/* What each version knows; the argument's size says which fields it has. */
static size_t
handled(long version, enum sandbox_kind kind, struct ruleset *r)
{
	*r = (struct ruleset){ .fs = FS_REFER - 1 };
	r->fs |= FS_REFER;
	if (version >= 3)
		r->fs |= FS_TRUNCATE;
	if (version >= 5)
		r->fs |= FS_IOCTL_DEV;
	if (version < 4)
		return sizeof(r->fs);
	if (kind != SANDBOX_CONNECT && kind != SANDBOX_FORWARD)
		r->net |= NET_CONNECT;
	if (kind != SANDBOX_LISTEN && kind != SANDBOX_FORWARD)
		r->net |= NET_BIND;
	if (version < 6)
		return sizeof(r->fs) + sizeof(r->net);
	r->scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL;
	return sizeof(*r);
}

static enum err
restrict_to(const char *root, const struct ruleset *r, size_t size)
{
	struct beneath rule = {
		.allowed = r->fs & ~(uint64_t)(FS_EXECUTE | FS_MAKE_CHAR |
		    FS_MAKE_BLOCK | FS_IOCTL_DEV),
	};
	long set = syscall(CALL_CREATE, r, size, 0);
	enum err e = ERR_SYS;

	if (set == -1)
		return ERR_SYS;
	rule.parent = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rule.parent != -1 &&
	    syscall(CALL_ADD, set, RULE_BENEATH, &rule, 0) == 0 &&
	    syscall(CALL_RESTRICT, set, 0) == 0)
		e = OK;
	if (rule.parent != -1)
		close(rule.parent);
	close((int)set);
	return e;
}

enum err
sandbox_landlock(const char *root, enum sandbox_kind kind, bool *active_out)
{
	long version = syscall(CALL_CREATE, NULL, 0, CREATE_VERSION);
	struct ruleset r;
	size_t size;
	enum err e;

	*active_out = false;
	if (version < 2)
		return OK;
	size = handled(version, kind, &r);
	e = restrict_to(root, &r, size);
	*active_out = e == OK;
	return e;
}
