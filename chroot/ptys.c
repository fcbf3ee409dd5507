#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "chroot/ptys.h"

/* devpts(5) is mounted with the group of terminals, if there is one: what the
 * kernel gave is right, and asking NSS is not for the warden. */
static bool
give_to(int fd, uid_t uid, bool own)
{
	struct stat st;

	if (own)
		return true;	/* the kernel has done so */
	if (fstat(fd, &st) == -1 || fchown(fd, uid, (gid_t)-1) == -1)
		return false;
	return fchmod(fd, st.st_gid != 0 ? 0620 : 0600) == 0;
}

enum err
pty_make(uid_t uid, bool own, int fds_out[2], uint32_t *number_out)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	int slave = -1, unlock = 0, saved;
	unsigned number;

	if (master == -1)
		return ERR_SYS;
	if (ioctl(master, TIOCSPTLCK, &unlock) == -1 ||
	    ioctl(master, TIOCGPTN, &number) == -1 ||
	    (slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY |
	    O_CLOEXEC)) == -1 || !give_to(slave, uid, own)) {
		saved = errno;
		close(master);
		if (slave != -1)
			close(slave);
		errno = saved;
		return ERR_SYS;
	}
	fds_out[0] = master;
	fds_out[1] = slave;
	*number_out = number;
	return OK;
}

bool
ptys_room(const struct ptys *p, uint32_t ward)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->v[i].ward == ward;
	return n < PTYS_PER_WARD && p->n < PTYS_MAX;
}

struct pty_line *
ptys_add(struct ptys *p, uint32_t ward, uint32_t number)
{
	struct pty_line *v = p->v;
	size_t cap = p->cap != 0 ? p->cap * 2 : 8;

	if (p->n == p->cap) {
		if ((v = realloc(p->v, cap * sizeof(*v))) == NULL)
			return NULL;
		p->v = v;
		p->cap = cap;
	}
	v[p->n] = (struct pty_line){ .ward = ward, .number = number };
	return &v[p->n++];
}

static void
take_at(struct ptys *p, size_t i, struct pty_line *out)
{
	*out = p->v[i];
	p->v[i] = p->v[--p->n];
	if (p->n == 0)
		ptys_free(p);
}

bool
ptys_take(struct ptys *p, uint32_t ward, uint32_t number,
    struct pty_line *out)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].ward == ward && p->v[i].number == number) {
			take_at(p, i, out);
			return true;
		}
	return false;
}

bool
ptys_take_any(struct ptys *p, uint32_t ward, struct pty_line *out)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].ward == ward) {
			take_at(p, i, out);
			return true;
		}
	return false;
}

void
ptys_free(struct ptys *p)
{
	free(p->v);
	*p = (struct ptys){ .v = NULL };
}
