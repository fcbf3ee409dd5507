/* The server role: what is left of main() after its privileges are gone. */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/roles.h"
#include "server/daemon.h"

static void
loop_free(struct loop *l)
{
	while (l->clients != NULL)
		client_free(l->clients);
	drain_free(l);
	listen_replace(l, NULL, 0);
	generation_unref(&l->gen);
	link_close(&l->warden);
	penalties_free(&l->barred);
	if (l->epoll != -1)
		close(l->epoll);
	free(l->heap);
	free(l->pfd);
	free(l->scratch);
	free(l->frame);
	free(l);
}

/* Half of the descriptors there are. */
static size_t
flows_max(void)
{
	struct rlimit rl = { 1024, 1024 };

	(void)getrlimit(RLIMIT_NOFILE, &rl);
	return (size_t)rl.rlim_cur / 2;
}

static struct loop *
loop_new(int warden_sock)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->park_check = l->trim_at = UINT64_MAX;
	l->flows_max = flows_max();
	link_open(&l->warden, warden_sock);
	l->pfd_cap = 64;
	l->pfd = calloc(l->pfd_cap, sizeof(*l->pfd));
	l->scratch = malloc(LOOP_SCRATCH);
	l->frame = malloc(IPC_MAX_FRAME);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->barred = barred_new();
	if (l->pfd == NULL || l->scratch == NULL || l->frame == NULL ||
	    l->epoll == -1 || l->barred == NULL) {
		loop_free(l);
		return NULL;
	}
	return l;
}

int
server_main(int warden_sock, int log_sock)
{
	const char *why = NULL;
	struct loop *l;
	uint8_t seed[1];

	(void)log_sock;		/* log_open() has it already */
	/* What the library sets up at first use, it does before the filter. */
	crypto_random(seed, sizeof(seed));
	if (!sandbox_server(&why)) {
		log_msg(LOG_ERROR, "sandbox", "%s", why);
		return 1;
	}
	if ((l = loop_new(warden_sock)) == NULL) {
		log_msg(LOG_ERROR, "memory", "the server cannot start");
		return 1;
	}
	loop_run(l);
	loop_free(l);
	return 0;
}
