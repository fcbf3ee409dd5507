/* limit: the least CPU that one stream can cost a server on this machine.
 * Download: pread() blocks of a cached file, seal them, send() them.
 * Upload: recv(), open, pwrite().  The peer is a process that drops or sends.
 * No protocol at all: what a server spends beyond this is its own. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <openssl/aead.h>

static size_t block = 32768, batch = 262144;
static EVP_AEAD_CTX aead;
static const EVP_AEAD *alg;
static const uint8_t nonce[12];
static size_t tag = 16;

static void
die(const char *m)
{
	perror(m);
	exit(1);
}

static double
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static double
cpu(double *sys)
{
	struct rusage r;
	getrusage(RUSAGE_SELF, &r);
	*sys = r.ru_stime.tv_sec + r.ru_stime.tv_usec / 1e6;
	return *sys + r.ru_utime.tv_sec + r.ru_utime.tv_usec / 1e6;
}

static void
send_all(int fd, const uint8_t *p, size_t n)
{
	for (ssize_t r; n; p += r, n -= r)
		if ((r = send(fd, p, n, MSG_NOSIGNAL)) <= 0)
			die("send");
}

static void
seal(uint8_t *out, const uint8_t *in)
{
	size_t l;
	if (alg && !EVP_AEAD_CTX_seal(&aead, out, &l, block + tag, nonce, 12,
		       in, block, (const uint8_t *)"head", 4))
		die("seal");
}

int
main(int argc, char **argv)
{
	int c, up = 0, use_mmap = 0;
	size_t mib = 1024;
	const char *cn = "aes128-gcm", *path = "/dev/shm/limit.tmp";
	while ((c = getopt(argc, argv, "c:b:B:n:f:um")) != -1)
		switch (c) {
		case 'c':
			cn = optarg;
			break;
		case 'b':
			block = atoi(optarg);
			break;
		case 'B':
			batch = atoi(optarg);
			break;
		case 'n':
			mib = atoi(optarg);
			break;
		case 'f':
			path = optarg;
			break;
		case 'u':
			up = 1;
			break;
		case 'm':
			use_mmap = 1;
			break;
		default:
			fprintf(stderr,
			    "usage: limit [-u] [-m] [-c aes128-gcm|aes256-gcm|"
			    "chacha|none] [-b block] [-B batch] [-n MiB] [-f "
			    "file]\n");
			return 2;
		}
	alg = !strcmp(cn, "aes128-gcm")   ? EVP_aead_aes_128_gcm()
	      : !strcmp(cn, "aes256-gcm") ? EVP_aead_aes_256_gcm()
	      : !strcmp(cn, "chacha")     ? EVP_aead_chacha20_poly1305()
					  : NULL;
	static const uint8_t key[32] = { 1 };
	if (alg)
		EVP_AEAD_CTX_init(
		    &aead, alg, key, EVP_AEAD_key_length(alg), 16, NULL);
	else
		tag = 0;

	size_t rec = block + tag, total = mib << 20, per = batch / block;
	if (!per)
		per = 1;
	uint8_t *buf = malloc(per * rec + rec), *plain = calloc(1, block),
		*map = NULL;
	memset(buf, 0, per * rec + rec);
	int f = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (f < 0)
		die(path);
	unlink(path);
	if (!up)
		for (size_t o = 0; o < total; o += block)
			if (pwrite(f, plain, block, o) != (ssize_t)block)
				die("pwrite");
	if (use_mmap)
		map = mmap(NULL, total, PROT_READ, MAP_SHARED, f, 0);

	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t al = sizeof a;
	int one = 1, l = socket(AF_INET, SOCK_STREAM, 0);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(l, (void *)&a, al) || listen(l, 1) ||
	    getsockname(l, (void *)&a, &al))
		die("listen");
	pid_t peer = fork();
	if (!peer) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(fd, (void *)&a, al))
			die("connect");
		if (!up) {
			static uint8_t sink[1 << 20];
			while (recv(fd, sink, sizeof sink, MSG_TRUNC) > 0)
				;
		} else {
			for (size_t i = 0; i < per; i++)
				seal(buf + i * rec, plain);
			for (size_t n = 0; n < total; n += per * block)
				send_all(fd, buf, per * rec);
		}
		_exit(0);
	}
	int s = accept(l, NULL, NULL);
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	double sys0, sys1, c0 = cpu(&sys0), t0 = now();
	if (!up) {
		for (size_t o = 0, n = 0; o < total; o += block) {
			uint8_t *p = buf + n * rec;
			if (map)
				alg ? seal(p, map + o)
				    : (void)memcpy(p, map + o, block);
			else {
				if (pread(f, p, block, o) != (ssize_t)block)
					die("pread");
				seal(p, p);
			}
			if (++n == per) {
				send_all(s, buf, n * rec);
				n = 0;
			}
		}
		shutdown(s, SHUT_WR);
	} else {
		size_t have = 0, cap = per * rec + rec, ol;
		for (size_t o = 0; o < total;) {
			ssize_t r = recv(s, buf + have, cap - have, 0);
			if (r <= 0)
				die("recv");
			have += r;
			uint8_t *p = buf;
			for (; have >= rec && o < total;
			     have -= rec, p += rec, o += block) {
				if (alg && !EVP_AEAD_CTX_open(&aead, p, &ol,
					       block, nonce, 12, p, rec,
					       (const uint8_t *)"head", 4))
					die("open");
				if (pwrite(f, p, block, o) != (ssize_t)block)
					die("pwrite");
			}
			memmove(buf, p, have);
		}
	}
	double c1 = cpu(&sys1), t1 = now(), gib = mib / 1024.0;
	printf("limit=%s%s cipher=%s block=%zu batch=%zu gib_s=%.3f "
	       "cpu_s_gib=%.4f "
	       "user_s_gib=%.4f sys_s_gib=%.4f\n",
	    up ? "put" : "get", map ? "-mmap" : "", cn, block, batch,
	    gib / (t1 - t0), (c1 - c0) / gib, (c1 - c0 - (sys1 - sys0)) / gib,
	    (sys1 - sys0) / gib);
	close(s);
	waitpid(peer, NULL, 0);
	return 0;
}
