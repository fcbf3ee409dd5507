/* loadgen: load an SFTP server and say what it cost.  See README.md here. */
#include "ssh.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static struct ssh_opts so = { .host = "127.0.0.1",
	.user = "benchu",
	.port = 22,
	.cipher = C_AES128GCM,
	.window = 2 << 20,
	.maxpkt = 32768,
	.batch = 16384 };
static const char *group, *dir = "/data", *mode,
			  *cname = "aes128-gcm@openssh.com";
static long tree;
static int conns = 1, depth, hold = 60, wrapmib = 1024;
static uint32_t reqsz = 32768;
static long total;
static atomic_long nextop, failed, bytes;
static double *lat; /* seconds per op, indexed by op */
static pthread_barrier_t bar;
static const char *volatile why = "";

static double
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* CPU seconds of a process and all below it, with what ended processes have
 * left in their parents; -1 if it is gone. */
static double
tree_cpu(long pid)
{
	char path[64], line[1024], *p;
	unsigned long u, sy, cu, cs;
	double v = -1;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%ld/stat", pid);
	if ((f = fopen(path, "r")) == NULL)
		return -1;
	if (fgets(line, sizeof line, f) && (p = strrchr(line, ')')) &&
	    sscanf(p + 2,
		"%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu",
		&u, &sy, &cu, &cs) == 4)
		v = (double)(u + sy + cu + cs) / sysconf(_SC_CLK_TCK);
	fclose(f);
	snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", pid, pid);
	if (v >= 0 && (f = fopen(path, "r")) != NULL) {
		long c;
		double w;

		while (fscanf(f, "%ld", &c) == 1)
			if ((w = tree_cpu(c)) > 0)
				v += w;
		fclose(f);
	}
	return v;
}

/* CPU seconds used so far by the server: its cgroup (v1 or v2) or its tree of
 * processes. */
static double
srv_cpu(void)
{
	char p[512], b[256] = "";
	double v = -1;

	if (!group && !tree)
		return 0;
	if (tree)
		v = tree_cpu(tree);
	else {
		snprintf(p, sizeof p, "%s/cpuacct.usage", group);
		FILE *f = fopen(p, "r");
		if (f) {
			if (fgets(b, sizeof b, f))
				v = strtod(b, NULL) / 1e9;
		} else {
			snprintf(p, sizeof p, "%s/cpu.stat", group);
			if ((f = fopen(p, "r")) && fgets(b, sizeof b, f))
				v = strtod(b + strcspn(b, " "), NULL) / 1e6;
		}
		if (f)
			fclose(f);
	}
	if (v < 0) {
		fprintf(stderr, "cannot read the server's CPU time\n");
		exit(2);
	}
	return v;
}

/* As srv_cpu, once the server has become quiet (at most 3 s). */
static double
srv_settled(void)
{
	double a = srv_cpu(), b;
	for (int i = 0; (group || tree) && i < 30; i++, a = b) {
		usleep(100000);
		if ((b = srv_cpu()) - a < 0.0005)
			return b;
	}
	return a;
}

static double
own_cpu(void)
{
	struct rusage r;
	getrusage(RUSAGE_SELF, &r);
	return r.ru_utime.tv_sec + r.ru_stime.tv_sec +
	       (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* ---- SFTP requests --------------------------------------------------- */

static void
req(struct ssh *s, int type, uint32_t id, const void *str, size_t n,
    const uint8_t *tail, size_t tn, const uint8_t *body, size_t bn)
{
	uint8_t h[13];
	put32(h, 9 + n + tn + bn);
	h[4] = type;
	put32(h + 5, id);
	put32(h + 9, n);
	chan_write(s, h, 13);
	chan_write(s, str, n);
	if (tn)
		chan_write(s, tail, tn);
	if (bn)
		chan_write(s, body, bn);
}

static void
bad(struct ssh *s, const char *m)
{
	s->err = m;
	longjmp(s->jb, 1);
}

static void
rq_open(struct ssh *s, uint32_t id, const char *path, int wr)
{
	uint8_t t[8];
	put32(t, wr ? 0x1a : 1); /* write, create, truncate */
	put32(t + 4, 0);
	req(s, 3, id, path, strlen(path), t, 8, NULL, 0);
}

static void
rq_rw(struct ssh *s, uint32_t id, const uint8_t *h, size_t hn, uint64_t off,
    uint32_t len, const uint8_t *data)
{
	uint8_t t[12];
	put32(t, off >> 32);
	put32(t + 4, off);
	put32(t + 8, len);
	req(s, data ? 6 : 5, id, h, hn, t, 12, data, data ? len : 0);
}

/* Wait for the reply to one request and insist on its type. */
static uint8_t *
reply(struct ssh *s, int type, size_t *n)
{
	uint8_t *p = sftp_next(s, n);
	if (p[0] != type)
		bad(s, "unexpected SFTP reply");
	return p;
}

static size_t
open_handle(struct ssh *s, const char *path, int wr, uint8_t *h)
{
	size_t n, l;
	rq_open(s, 1, path, wr);
	uint8_t *p = reply(s, 102, &n);
	l = get32(p + 5);
	memcpy(h, p + 9, l);
	return l;
}

static void
close_handle(struct ssh *s, const uint8_t *h, size_t l)
{
	size_t n;
	req(s, 4, 2, h, l, NULL, 0, NULL, 0);
	reply(s, 101, &n);
}

static void
oops(struct ssh *s)
{
	why = s->err;
	failed++;
}

/* ---- modes ----------------------------------------------------------- */

static void
login_ops(struct ssh *s)
{
	long i;
	while ((i = nextop++) < total) {
		double t = now();
		ssh_init(s, &so);
		if (!setjmp(s->jb)) {
			ssh_open(s);
			lat[i] = now() - t;
		} else {
			oops(s);
		}
		ssh_close(s);
	}
}

/* smallput, smallget, stat: `depth` files in flight per connection */
struct slot {
	long op;
	int state;
	double t;
	uint8_t h[256];
	size_t hn;
};

static void
small_start(struct ssh *s, struct slot *sl, uint32_t id, char m)
{
	char path[512];
	sl->op = nextop++;
	if (sl->op >= total) {
		sl->op = -1;
		return;
	}
	sl->t = now();
	sl->state = 0;
	snprintf(path, sizeof path, "%s/%s/f%06ld", dir,
	    m == 'p' ? "up" : "small", m == 'p' ? sl->op : sl->op % 10000);
	if (m == 's')
		req(s, 17, id, path, strlen(path), NULL, 0, NULL, 0);
	else
		rq_open(s, id, path, m == 'p');
}

static void
small_ops(struct ssh *s, char m)
{
	static const uint8_t data[1024];
	struct slot *sl = calloc(depth, sizeof *sl);
	int live = 0;
	size_t n;
	for (int i = 0; i < depth; i++) {
		small_start(s, &sl[i], i, m);
		live += sl[i].op >= 0;
	}
	while (live) {
		uint8_t *p = sftp_next(s, &n);
		uint32_t id = get32(p + 1);
		struct slot *q = &sl[id];
		if ((int)id >= depth)
			bad(s, "bad id");
		if (m == 's') {
			if (p[0] != 105)
				bad(s, "stat failed");
			q->state = 2;
		} else if (q->state == 0) {
			if (p[0] != 102)
				bad(s, "open failed");
			q->hn = get32(p + 5);
			memcpy(q->h, p + 9, q->hn);
			rq_rw(s, id, q->h, q->hn, 0, 1024,
			    m == 'p' ? data : NULL);
		} else if (q->state == 1) {
			if (m == 'p' ? p[0] != 101 || get32(p + 5)
				     : p[0] != 103 || get32(p + 5) != 1024)
				bad(s, "transfer failed");
			req(s, 4, id, q->h, q->hn, NULL, 0, NULL, 0);
		}
		if (q->state++ == 2) {
			lat[q->op] = now() - q->t;
			small_start(s, q, id, m);
			live -= q->op < 0;
		}
	}
	free(sl);
}

static void
readdir_ops(struct ssh *s)
{
	uint8_t h[256];
	char path[512];
	size_t n;
	long i;
	snprintf(path, sizeof path, "%s/many", dir);
	while ((i = nextop++) < total) {
		double t = now();
		long names = 0;
		req(s, 11, 1, path, strlen(path), NULL, 0, NULL, 0);
		uint8_t *p = reply(s, 102, &n);
		size_t hn = get32(p + 5);
		memcpy(h, p + 9, hn);
		for (;;) {
			req(s, 12, 1, h, hn, NULL, 0, NULL, 0);
			p = sftp_next(s, &n);
			if (p[0] != 104)
				break;
			names += get32(p + 5);
		}
		close_handle(s, h, hn);
		bytes += names;
		lat[i] = now() - t;
	}
}

/* Bulk: `depth` requests of `reqsz` bytes in flight; total is MiB per stream.
 */
static void
get_ops(struct ssh *s)
{
	struct {
		uint64_t off;
		uint32_t len;
	} *r = calloc(depth, sizeof *r);
	uint8_t h[256];
	char path[512];
	uint64_t want = (uint64_t)total << 20, wrap = (uint64_t)wrapmib << 20,
		 pos = 0;
	uint64_t got = 0;
	size_t n;
	snprintf(path, sizeof path, "%s/big", dir);
	size_t hn = open_handle(s, path, 0, h);
	for (int i = 0; i < depth && pos < want; i++, pos += reqsz) {
		r[i].off = pos % wrap;
		r[i].len = reqsz;
		rq_rw(s, i, h, hn, r[i].off, reqsz, NULL);
	}
	while (got < want) {
		uint8_t *p = reply(s, 103, &n);
		uint32_t id = get32(p + 1), l = get32(p + 5);
		if ((int)id >= depth || l > r[id].len || !l)
			bad(s, "bad data");
		got += l;
		r[id].off += l;
		if (!(r[id].len -= l)) {
			if (pos >= want)
				continue;
			r[id].off = pos % wrap;
			r[id].len = reqsz;
			pos += reqsz;
		}
		rq_rw(s, id, h, hn, r[id].off, r[id].len, NULL);
	}
	bytes += got;
	close_handle(s, h, hn);
	free(r);
}

static void
put_ops(struct ssh *s, long k)
{
	uint8_t h[256], *data = calloc(1, reqsz);
	char path[512];
	uint64_t want = (uint64_t)total << 20, wrap = (uint64_t)wrapmib << 20;
	size_t n;
	long out = 0;
	for (uint32_t i = 0; i < reqsz; i++)
		data[i] = i * 2654435761u >> 13;
	snprintf(path, sizeof path, "%s/up/big%ld", dir, k);
	size_t hn = open_handle(s, path, 1, h);
	for (uint64_t pos = 0; pos < want || out;) {
		int full = pos >= want || out >= depth;
		if (!full) {
			rq_rw(s, 0, h, hn, pos % wrap, reqsz, data);
			pos += reqsz;
			out++;
		}
		for (; full || sftp_ready(s); full = 0) {
			uint8_t *p = sftp_next(s, &n);
			if (p[0] != 101 || get32(p + 5))
				bad(s, "write failed");
			out--;
		}
	}
	bytes += want;
	close_handle(s, h, hn);
	free(data);
}

/* ---- threads --------------------------------------------------------- */

static struct ssh *all;

static void
run_mode(struct ssh *s, long k)
{
	switch (mode[0]) {
	case 'l':
		login_ops(s);
		break;
	case 'r':
		readdir_ops(s);
		break;
	case 'g':
		get_ops(s);
		break;
	case 'p':
		put_ops(s, k);
		break;
	default:
		small_ops(s, mode[1] == 't' ? 's' : mode[5]);
		break;
	}
}

static void *
worker(void *arg)
{
	long k = (long)arg;
	struct ssh *s = &all[k];
	if (mode[0] != 'l') {
		ssh_init(s, &so);
		if (!setjmp(s->jb))
			ssh_open(s);
		else
			oops(s);
	}
	pthread_barrier_wait(&bar);
	pthread_barrier_wait(&bar);
	if (mode[0] == 'l')
		run_mode(s, k);
	else if (!s->err) {
		if (!setjmp(s->jb))
			run_mode(s, k);
		else
			oops(s);
	}
	pthread_barrier_wait(&bar);
	pthread_barrier_wait(&bar);
	if (mode[0] != 'l')
		ssh_close(s);
	return NULL;
}

static void *
idle_worker(void *arg)
{
	long i;
	(void)arg;
	while (failed < 20 && (i = nextop++) < total) {
		struct ssh *s = &all[i];
		ssh_init(s, &so);
		if (!setjmp(s->jb))
			ssh_open(s);
		else {
			oops(s);
			ssh_close(s);
		}
	}
	return NULL;
}

static volatile sig_atomic_t stop;
static void
on_sig(int n)
{
	(void)n;
	stop = 1;
}

static int
idle(void)
{
	pthread_t t[64];
	long held = 0;
	double t0 = now();
	signal(SIGTERM, on_sig);
	signal(SIGINT, on_sig);
	for (int i = 0; i < conns; i++)
		pthread_create(&t[i], NULL, idle_worker, NULL);
	for (int i = 0; i < conns; i++)
		pthread_join(t[i], NULL);
	for (long i = 0; i < total; i++)
		held += all[i].o && all[i].fd >= 0;
	printf("mode=idle held=%ld failed=%ld wall=%.2f%s%s\n", held,
	    (long)failed, now() - t0, *why ? " why=" : "", why);
	fflush(stdout);
	for (double e = now() + hold; !stop && now() < e;)
		usleep(50000);
	/* Prove that the sessions are still alive. */
	long alive = 0;
	for (long i = 0; i < total; i++) {
		size_t n;
		if (!all[i].o || all[i].fd < 0)
			continue;
		if (!setjmp(all[i].jb)) {
			req(&all[i], 16, 7, ".", 1, NULL, 0, NULL, 0);
			reply(&all[i], 104, &n);
			alive++;
		}
		ssh_close(&all[i]);
	}
	printf("mode=idle alive=%ld\n", alive);
	return 0;
}

static int
cmp(const void *a, const void *b)
{
	double x = *(double *)a, y = *(double *)b;
	return x < y ? -1 : x > y;
}

static void
usage(void)
{
	fprintf(stderr,
	    "usage: loadgen -p port -i key [-h addr] [-u user] "
	    "[-g cgroup | -T pid] "
	    "[-C cipher] [-c conns]\n  [-q depth] [-s request] [-w window] [-P "
	    "maxpkt] "
	    "[-d remotedir] [-t seconds] [-W wrapMiB] MODE N\n"
	    "modes: login smallput smallget stat readdir get put idle\n");
	exit(2);
}

int
main(int argc, char **argv)
{
	const char *key = NULL;
	int c;
	while ((c = getopt(argc, argv, "h:p:u:i:g:T:C:c:q:s:w:P:d:t:W:")) != -1)
		switch (c) {
		case 'h':
			so.host = optarg;
			break;
		case 'p':
			so.port = atoi(optarg);
			break;
		case 'u':
			so.user = optarg;
			break;
		case 'i':
			key = optarg;
			break;
		case 'g':
			group = optarg;
			break;
		case 'T':
			tree = atol(optarg);
			break;
		case 'C':
			so.cipher = ssh_cipher(cname = optarg);
			break;
		case 'c':
			conns = atoi(optarg);
			break;
		case 'q':
			depth = atoi(optarg);
			break;
		case 's':
			reqsz = atoi(optarg);
			break;
		case 'w':
			so.window = atoi(optarg);
			break;
		case 'P':
			so.maxpkt = atoi(optarg);
			break;
		case 'd':
			dir = optarg;
			break;
		case 't':
			hold = atoi(optarg);
			break;
		case 'W':
			wrapmib = atoi(optarg);
			break;
		default:
			usage();
		}
	if (argc - optind != 2 || !key || conns < 1 || conns > 64)
		usage();
	mode = argv[optind];
	total = atol(argv[optind + 1]);
	if (ssh_load_key(key, so.key)) {
		fprintf(stderr, "cannot load the ed25519 key %s\n", key);
		return 2;
	}
	struct rlimit rl;
	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	signal(SIGPIPE, SIG_IGN);
	int is_idle = !strcmp(mode, "idle");
	int bulk = !strcmp(mode, "get") || !strcmp(mode, "put");
	if (!bulk && !is_idle && strcmp(mode, "login") &&
	    strcmp(mode, "readdir") && strcmp(mode, "stat") &&
	    strcmp(mode, "smallput") && strcmp(mode, "smallget"))
		usage();
	if (bulk)
		so.batch = 256 << 10;
	if (is_idle)
		so.batch = 1024;
	if (!depth)
		depth = bulk ? 64 : 1;
	all = calloc(is_idle ? total : conns, sizeof *all);
	if (is_idle)
		return idle();
	lat = calloc(total + 1, sizeof *lat);

	pthread_t t[64];
	pthread_barrier_init(&bar, NULL, conns + 1);
	for (long i = 0; i < conns; i++)
		pthread_create(&t[i], NULL, worker, (void *)i);
	pthread_barrier_wait(&bar);
	double c0 = srv_settled(), o0 = own_cpu(), t0 = now();
	pthread_barrier_wait(&bar);
	pthread_barrier_wait(&bar);
	double wall = now() - t0, own = own_cpu() - o0,
	       cpu = srv_settled() - c0;
	pthread_barrier_wait(&bar);
	for (int i = 0; i < conns; i++)
		pthread_join(t[i], NULL);

	printf("mode=%s cipher=%s conns=%d depth=%d failed=%ld wall=%.3f "
	       "srv_cpu=%.4f "
	       "cli_cpu=%.4f",
	    mode, cname, conns, depth, (long)failed, wall, cpu, own);
	if (bulk) {
		double gib = bytes / 1073741824.0;
		printf(" mib_s=%.1f cpu_s_gib=%.4f cli_s_gib=%.4f",
		    gib * 1024 / wall, cpu / gib, own / gib);
	} else {
		long n = total - failed, ops = mode[0] == 'r' ? bytes : n;
		qsort(lat, total, sizeof *lat, cmp);
		printf(" ops_s=%.1f cpu_us_op=%.2f p50_ms=%.3f p99_ms=%.3f",
		    ops / wall, cpu / ops * 1e6, lat[failed + n / 2] * 1e3,
		    lat[failed + n * 99 / 100] * 1e3);
	}
	printf("%s%s\n", *why ? " why=" : "", why);
	return failed ? 1 : 0;
}
