#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chroot/hostkeys.h"

#define FILE_MAX ((off_t)64 * 1024)	/* a 16384-bit RSA key takes 13 KiB */

static const char prefix[] = ": host_keys: ";

static void PRINTF_LIKE(3, 4)
fault(struct wr *faults, const char *path, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	wr_bytes(faults, view_str(path));
	wr_bytes(faults, view_str(prefix));
	wr_bytes(faults, view_str(text));
	wr_bytes(faults, view_str("\n"));
}

/* A private key that others can read or change is no secret. */
static bool
check_file(int fd, const char *path, struct wr *faults)
{
	struct stat st;

	if (fstat(fd, &st) == -1) {
		fault(faults, path, "cannot be looked at: %s; needs a "
		    "readable private key file", strerror(errno));
		return false;
	}
	if (!S_ISREG(st.st_mode)) {
		fault(faults, path, "is no regular file; needs a private key "
		    "file");
		return false;
	}
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		fault(faults, path, "belongs to uid %u; needs root as its "
		    "owner: chown root '%s'", (unsigned)st.st_uid, path);
		return false;
	}
	if ((st.st_mode & 077) != 0) {
		fault(faults, path, "has mode %04o, which lets others at the "
		    "key; needs 0600: chmod 600 '%s'",
		    (unsigned)(st.st_mode & 07777), path);
		return false;
	}
	if (st.st_size > FILE_MAX) {
		fault(faults, path, "is larger than 64 KiB; needs a private "
		    "key file");
		return false;
	}
	return true;
}

static bool
read_file(const char *path, struct wr *out, struct wr *faults)
{
	/* O_NONBLOCK: a FIFO in the place of the file must not hold us up. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool ok = false;
	uint8_t *p;
	ssize_t n = 0;

	if (fd == -1) {
		fault(faults, path, "cannot be opened: %s; needs a readable "
		    "private key file (ssh-keygen -t ed25519 -N '' -f '%s' "
		    "makes one)", strerror(errno), path);
		return false;
	}
	if (check_file(fd, path, faults)) {
		while ((p = wr_reserve(out, 8192)) != NULL &&
		    (n = read(fd, p, 8192)) > 0)
			wr_commit(out, (size_t)n);
		if (!(ok = p != NULL && n == 0))
			fault(faults, path, "cannot be read: %s",
			    n == -1 ? strerror(errno) : "out of memory");
	}
	close(fd);
	return ok;
}

static struct ssh_key *
load_one(const char *path, struct wr *faults)
{
	struct wr file = wr_new((size_t)FILE_MAX + 16384);
	struct ssh_key *k = NULL;
	const char *why = "unreadable";

	if (read_file(path, &file, faults) &&
	    ssh_key_parse_private(wr_view(&file), &k, &why) != OK) {
		fault(faults, path, "holds no key that can be used: %s; needs "
		    "an unencrypted OpenSSH or PEM private key (ed25519, "
		    "ecdsa, rsa)", why);
		k = NULL;
	}
	wr_free(&file);
	return k;
}

static bool
known(const struct hostkeys *h, const struct ssh_key *k)
{
	for (size_t i = 0; i < h->n; i++)
		if (ssh_key_equal(h->key[i], k))
			return true;
	return false;
}

static bool
add_one(struct hostkeys *out, struct view name, struct wr *faults)
{
	char *path = view_dup(name);
	struct ssh_key *k;
	bool ok = false;

	if (path == NULL)
		return false;
	if ((k = load_one(path, faults)) != NULL) {
		if (out->n >= HOSTKEYS_MAX)
			fault(faults, path, "is one too many; needs at most %d",
			    HOSTKEYS_MAX);
		else if (known(out, k))
			fault(faults, path, "is the same key as another "
			    "file; needs each key once");
		else {
			out->key[out->n++] = k;
			k = NULL;
			ok = true;
		}
	}
	ssh_key_free(&k);
	free(path);
	return ok;
}

bool
hostkeys_load(const struct view_list *paths, struct hostkeys *out,
    struct wr *faults)
{
	bool ok = true;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < paths->n; i++)
		ok &= add_one(out, paths->v[i], faults);
	if (paths->n == 0) {
		wr_bytes(faults, view_str("host_keys: none; name at least one "
		    "private key file\n"));
		ok = false;
	}
	if (!ok)
		hostkeys_free(out);
	return ok;
}

bool
hostkeys_check(struct view name, char *why, size_t n)
{
	char *path = view_dup(name);
	struct wr faults = wr_new(4096);
	struct ssh_key *k = path != NULL ? load_one(path, &faults) : NULL;
	struct view v = wr_view(&faults);
	size_t skip = name.n + sizeof(prefix) - 1;
	bool ok = k != NULL;

	/* One line: without the file's name, which the caller knows. */
	if (v.n > skip)
		snprintf(why, n, "%.*s", (int)(v.n - skip - 1),
		    (const char *)v.p + skip);
	else
		snprintf(why, n, "cannot be read; needs memory");
	ssh_key_free(&k);
	wr_free(&faults);
	free(path);
	return ok;
}

void
hostkeys_free(struct hostkeys *k)
{
	for (size_t i = 0; i < k->n; i++)
		ssh_key_free(&k->key[i]);
	k->n = 0;
}

bool
hostkeys_slow(const struct hostkeys *k, size_t i)
{
	return i < k->n && strcmp(ssh_key_type(k->key[i]), "ssh-rsa") == 0;
}

enum err
hostkeys_sign(const struct hostkeys *k, size_t i, struct view alg,
    struct view hash, struct wr *out)
{
	if (i >= k->n || !namelist_has(view_str(ssh_key_sigalgs(k->key[i])),
	    alg))
		return ERR_PROTO;
	return ssh_key_sign(k->key[i], alg, hash, out);
}
