#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chroot/child.h"
#include "chroot/generation.h"


static void
close_job(struct parse_job *j)
{
	if (j->block != -1)
		close(j->block);
	if (j->faults != -1)
		close(j->faults);
	*j = (struct parse_job){ 0, -1, -1 };
}

bool
parse_start(struct parse_job *j, const struct parse_how *how)
{
	pid_t self = getpid();

	j->block = memfd_create("config", MFD_CLOEXEC);
	j->faults = memfd_create("faults", MFD_CLOEXEC);
	if (j->block == -1 || j->faults == -1 || (j->pid = fork()) == -1) {
		close_job(j);
		return false;
	}
	if (j->pid == 0) {
		child_begin(self);
		parse_child(j, how);
	}
	return true;
}

void
parse_cancel(struct parse_job *j)
{
	if (j->pid > 0)
		kill(j->pid, SIGKILL);
	close_job(j);
}

static void
copy_faults(int fd, struct wr *faults)
{
	struct stat st;
	uint8_t *p;
	ssize_t n;

	if (fstat(fd, &st) == -1 || st.st_size <= 0 ||
	    st.st_size > (off_t)PARSE_FAULTS_MAX ||
	    (p = wr_reserve(faults, (size_t)st.st_size)) == NULL)
		return;
	if ((n = pread(fd, p, (size_t)st.st_size, 0)) > 0)
		wr_commit(faults, (size_t)n);
}

/* Nobody writes to the block any more: its writer is dead. */
static bool
map_block(struct generation *g, int fd)
{
	struct stat st;

	if (fstat(fd, &st) == -1 || st.st_size <= 0 ||
	    (uint64_t)st.st_size > PARSE_BLOCK_MAX)
		return false;
	g->len = (size_t)st.st_size;
	g->map = mmap(NULL, g->len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (g->map == MAP_FAILED) {
		g->map = NULL;
		return false;
	}
	if (madvise(g->map, g->len, MADV_DONTFORK) == -1)
		return false;
	g->config = config_open(view_of(g->map, g->len));
	return g->config != NULL;
}

static const char *
what_went_wrong(int status)
{
	if (WIFSIGNALED(status))
		return "the process that reads it has crashed\n";
	return "the process that reads it has failed\n";
}

struct generation *
parse_finish(struct parse_job *j, int status, uint32_t number,
    struct wr *faults)
{
	struct generation *g = NULL;
	bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	size_t before = wr_size(faults);

	copy_faults(j->faults, faults);
	if (ok && (g = calloc(1, sizeof(*g))) != NULL) {
		g->number = number;
		if (!map_block(g, j->block)) {
			wr_bytes(faults, view_str("the configuration is "
			    "damaged or too large\n"));
			generation_free(&g);
		} else if (!hostkeys_load(&config_main(g->config)->host_keys,
		    &g->keys, faults))
			generation_free(&g);
	} else if (wr_size(faults) == before)
		wr_bytes(faults, view_str(what_went_wrong(status)));
	close_job(j);
	return g;
}

void
generation_retire(struct generation *g)
{
	config_free(&g->config);
	if (g->map != NULL)
		munmap(g->map, g->len);
	g->map = NULL;
}

void
generation_forget_keys(struct generation *g)
{
	hostkeys_free(&g->keys);
}

void
generation_free(struct generation **gp)
{
	if (*gp == NULL)
		return;
	generation_retire(*gp);
	hostkeys_free(&(*gp)->keys);
	free(*gp);
	*gp = NULL;
}
