/* The table of penalised sources: accounts, bounds, bytes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/penalties.h"

#define S 1000ull

static const struct penalties_config usual = {
	.on = true,
	.ms = {
		[PENALTY_CRASH] = 90000, [PENALTY_AUTHFAIL] = 5000,
		[PENALTY_INVALIDUSER] = 5000, [PENALTY_GRACE] = 10000,
		[PENALTY_NOAUTH] = 1000, [PENALTY_REFUSED] = 10000,
	},
	.min_ms = 15000, .max_ms = 600000, .prefix4 = 32, .prefix6 = 64,
	.sources = PENALTIES_MAX,
};

/* Who has left, and why. */
struct left {
	unsigned n[3];
	char last[NET_TEXT_MAX];
};
static struct left left;

static void
gone(void *ctx, const struct penalty *e, enum penalty_end why)
{
	struct left *l = ctx;

	l->n[why]++;
	net_text(&e->net, l->last);
}

static struct net_range
range(const char *s)
{
	struct net_range r;

	if (!net_parse(view_str(s), &r))
		fail_msg("%s does not parse", s);
	return r;
}

static struct penalties *
table(const struct penalties_config *cfg)
{
	struct penalties *p = penalties_new(42, gone, &left);

	assert_non_null(p);
	memset(&left, 0, sizeof(left));
	assert_true(penalties_configure(p, cfg, NULL, 0, 0));
	return p;
}

/* Counts; true if the source has been barred by this one. */
static bool
add(struct penalties *p, const char *src, enum penalty_reason why,
    uint64_t now)
{
	struct net_range r = range(src);
	bool barred;

	(void)penalties_add(p, &r.addr, why, now, &barred);
	return barred;
}

/* Until when is this address barred?  0: it is not. */
static uint64_t
barred(struct penalties *p, const char *src, uint64_t now)
{
	struct net_range r = range(src);
	const struct penalty *e = penalties_find(p, &r.addr, now);

	return e != NULL ? e->until : 0;
}

/* ---- accounts ---- */

static void
min_and_max(void **state)
{
	struct penalties *p = table(&usual);

	(void)state;
	/* 5 s and 5 s are under 15 s, the third makes it */
	assert_false(add(p, "192.0.2.1", PENALTY_AUTHFAIL, 1 * S));
	assert_int_equal(barred(p, "192.0.2.1", 1 * S), 0);
	assert_false(add(p, "192.0.2.1", PENALTY_AUTHFAIL, 1 * S));
	assert_int_equal(barred(p, "192.0.2.1", 1 * S), 0);
	assert_true(add(p, "192.0.2.1", PENALTY_AUTHFAIL, 1 * S));
	assert_int_equal(barred(p, "192.0.2.1", 1 * S), 16 * S);
	assert_int_equal(barred(p, "192.0.2.2", 1 * S), 0);
	/* barred to the end of the account, though it falls below min */
	assert_int_equal(barred(p, "192.0.2.1", 16 * S - 1), 16 * S);
	assert_int_equal(barred(p, "192.0.2.1", 16 * S), 0);
	/* told once */
	assert_false(add(p, "192.0.2.1", PENALTY_AUTHFAIL, 10 * S));
	assert_int_equal(barred(p, "192.0.2.1", 10 * S), 21 * S);
	/* no more than max, however often */
	for (int i = 0; i < 100; i++)
		add(p, "192.0.2.1", PENALTY_CRASH, 11 * S);
	assert_int_equal(barred(p, "192.0.2.1", 11 * S), 611 * S);
	/* over means forgotten: it begins anew */
	assert_false(add(p, "192.0.2.1", PENALTY_AUTHFAIL, 611 * S));
	assert_int_equal(barred(p, "192.0.2.1", 611 * S), 0);
	assert_int_equal(left.n[PENALTY_EXPIRED], 1);
	penalties_free(&p);
	assert_null(p);
}

/* A health check that connects and leaves once a second never adds up. */
static void
health_checks(void **state)
{
	struct penalties *p = table(&usual);

	(void)state;
	for (uint64_t t = 1; t < 1000; t++)
		assert_false(add(p, "192.0.2.1", PENALTY_NOAUTH, t * S));
	assert_int_equal(penalties_count(p), 1);
	penalties_free(&p);
}

static void
one_is_enough(void **state)
{
	struct penalties_config c = usual;
	struct penalties *p = table(&c);

	(void)state;
	assert_true(add(p, "2001:db8::1", PENALTY_CRASH, 0));
	assert_int_equal(barred(p, "2001:db8::1", 5), 90 * S);
	penalties_free(&p);
	c.min_ms = 0;
	p = table(&c);
	assert_true(add(p, "192.0.2.1", PENALTY_NOAUTH, 0));
	assert_int_equal(barred(p, "192.0.2.1", 0), 1 * S);
	penalties_free(&p);
}

static void
prefixes(void **state)
{
	struct penalties_config c = usual;
	struct penalties *p = table(&c);

	(void)state;
	add(p, "2001:db8:0:1::1", PENALTY_CRASH, 0);
	assert_int_not_equal(barred(p, "2001:db8:0:1:ffff::", 0), 0);
	assert_int_equal(barred(p, "2001:db8:0:2::1", 0), 0);
	add(p, "192.0.2.1", PENALTY_CRASH, 0);
	assert_int_equal(barred(p, "192.0.2.0", 0), 0);
	/* another prefix empties its family, and no other */
	c.prefix4 = 24;
	assert_true(penalties_configure(p, &c, NULL, 0, 0));
	assert_int_equal(barred(p, "192.0.2.1", 0), 0);
	assert_int_not_equal(barred(p, "2001:db8:0:1::", 0), 0);
	assert_int_equal(left.n[PENALTY_REMOVED], 1);
	add(p, "192.0.2.1", PENALTY_CRASH, 0);
	assert_int_not_equal(barred(p, "192.0.2.255", 0), 0);
	assert_int_equal(barred(p, "192.0.3.1", 0), 0);
	/* the ends */
	c.prefix4 = c.prefix6 = 0;
	assert_true(penalties_configure(p, &c, NULL, 0, 0));
	add(p, "192.0.2.1", PENALTY_CRASH, 0);
	assert_int_not_equal(barred(p, "10.0.0.1", 0), 0);
	assert_int_equal(barred(p, "::1", 0), 0);
	penalties_free(&p);
}

/* IPv4 inside of IPv6 is the same source. */
static void
mapped(void **state)
{
	struct penalties *p = table(&usual);

	(void)state;
	add(p, "::ffff:192.0.2.1", PENALTY_CRASH, 0);
	assert_int_not_equal(barred(p, "192.0.2.1", 0), 0);
	penalties_free(&p);
}

static void
exempt(void **state)
{
	const struct net_range safe[] = {
		range("192.0.2.0/24"), range("2001:db8::/32"),
	};
	const struct net_range one = range("192.0.2.7");
	struct penalties_config c = usual;
	struct penalties *p = table(&c);

	(void)state;
	add(p, "192.0.2.1", PENALTY_CRASH, 0);
	add(p, "198.51.100.1", PENALTY_CRASH, 0);
	/* who becomes exempt is free at once */
	assert_true(penalties_configure(p, &c, safe, 2, 0));
	assert_int_equal(penalties_count(p), 1);
	assert_int_equal(barred(p, "192.0.2.1", 0), 0);
	assert_int_not_equal(barred(p, "198.51.100.1", 0), 0);
	assert_false(add(p, "192.0.2.1", PENALTY_CRASH, 0));
	assert_false(add(p, "2001:db8::1", PENALTY_CRASH, 0));
	assert_int_equal(penalties_count(p), 1);
	/* one address of a network that is a source as a whole */
	c.prefix4 = 24;
	assert_true(penalties_configure(p, &c, &one, 1, 0));
	add(p, "192.0.2.7", PENALTY_CRASH, 0);
	assert_int_equal(barred(p, "192.0.2.8", 0), 0);
	add(p, "192.0.2.8", PENALTY_CRASH, 0);
	assert_int_not_equal(barred(p, "192.0.2.9", 0), 0);
	assert_int_equal(barred(p, "192.0.2.7", 0), 0);
	penalties_free(&p);
}

static void
off(void **state)
{
	struct penalties_config c = usual;
	struct penalties *p = table(&c);

	(void)state;
	c.ms[PENALTY_NOAUTH] = 0;
	assert_true(penalties_configure(p, &c, NULL, 0, 0));
	add(p, "192.0.2.1", PENALTY_NOAUTH, 0);
	assert_int_equal(penalties_count(p), 0);
	add(p, "192.0.2.1", PENALTY_CRASH, 0);
	assert_int_equal(penalties_count(p), 1);
	c.on = false;
	assert_true(penalties_configure(p, &c, NULL, 0, 0));
	assert_int_equal(penalties_count(p), 0);
	add(p, "192.0.2.1", PENALTY_CRASH, 0);
	assert_int_equal(penalties_count(p), 0);
	penalties_free(&p);
	/* a new table is off */
	p = penalties_new(1, NULL, NULL);
	add(p, "192.0.2.1", PENALTY_CRASH, 0);
	assert_int_equal(penalties_count(p), 0);
	penalties_free(&p);
}

/* A smaller max shortens what is known. */
static void
shorter(void **state)
{
	struct penalties_config c = usual;
	struct penalties *p = table(&c);

	(void)state;
	for (int i = 0; i < 10; i++)
		add(p, "192.0.2.1", PENALTY_CRASH, 0);
	c.max_ms = 20000;
	assert_true(penalties_configure(p, &c, NULL, 0, 5 * S));
	assert_int_equal(barred(p, "192.0.2.1", 5 * S), 25 * S);
	assert_int_equal(penalties_due(p), 25 * S);
	penalties_free(&p);
}

static void
removed(void **state)
{
	const struct net_range net = range("192.0.2.0/24"),
	    host = range("2001:db8::5");
	struct penalties *p = table(&usual);

	(void)state;
	add(p, "192.0.2.1", PENALTY_CRASH, 0);
	add(p, "192.0.2.2", PENALTY_NOAUTH, 0);
	add(p, "192.0.3.1", PENALTY_CRASH, 0);
	add(p, "2001:db8::1", PENALTY_CRASH, 0);
	assert_int_equal(penalties_remove(p, &net), 2);
	assert_int_equal(penalties_remove(p, &net), 0);
	/* an address frees the network that is barred for it */
	assert_int_equal(penalties_remove(p, &host), 1);
	assert_int_equal(penalties_count(p), 1);
	assert_int_equal(penalties_remove(p, NULL), 1);
	assert_int_equal(penalties_count(p), 0);
	assert_int_equal(penalties_due(p), UINT64_MAX);
	assert_int_equal(left.n[PENALTY_REMOVED], 4);
	penalties_free(&p);
}

/* ---- the bound ---- */

static void
numbered(char *out, unsigned i)
{
	snprintf(out, 32, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
}

static void
overflow_permit(void **state)
{
	struct penalties_config c = usual;
	struct penalties *p;
	char src[32];

	(void)state;
	c.sources = 100;
	p = table(&c);
	for (unsigned i = 0; i < 100; i++) {
		numbered(src, i);
		add(p, src, PENALTY_CRASH, i == 50 ? 0 : S + i);
	}
	assert_int_equal(penalties_count(p), 100);
	/* the one whose time is over first makes room */
	assert_true(add(p, "192.0.2.1", PENALTY_CRASH, 2 * S));
	assert_int_equal(penalties_count(p), 100);
	assert_int_equal(left.n[PENALTY_EVICTED], 1);
	assert_string_equal(left.last, "10.0.0.50");
	assert_false(penalties_closed(p, 4));
	/* the other family has its own room */
	add(p, "2001:db8::1", PENALTY_CRASH, 2 * S);
	assert_int_equal(penalties_count(p), 101);
	/* fewer places: the latest stay */
	c.sources = 2;
	assert_true(penalties_configure(p, &c, NULL, 0, 2 * S));
	assert_int_equal(penalties_count(p), 3);
	assert_int_not_equal(barred(p, "192.0.2.1", 2 * S), 0);
	assert_int_not_equal(barred(p, "10.0.0.99", 2 * S), 0);
	assert_int_equal(barred(p, "10.0.0.98", 2 * S), 0);
	penalties_free(&p);
}

static void
overflow_deny(void **state)
{
	struct penalties_config c = usual;
	struct penalties *p;

	(void)state;
	c.sources = 2;
	c.deny = true;
	p = table(&c);
	add(p, "192.0.2.1", PENALTY_CRASH, 0);
	assert_false(penalties_closed(p, 4));
	add(p, "192.0.2.2", PENALTY_CRASH, 1);
	assert_true(penalties_closed(p, 4));
	assert_false(penalties_closed(p, 6));
	add(p, "192.0.2.3", PENALTY_CRASH, 2);
	assert_int_equal(penalties_count(p), 2);
	assert_int_equal(barred(p, "192.0.2.3", 2), 0);
	/* who is in it already is counted on */
	add(p, "192.0.2.2", PENALTY_CRASH, 3);
	assert_int_equal(barred(p, "192.0.2.2", 3), 180001);
	penalties_expire(p, 90 * S);
	assert_false(penalties_closed(p, 4));
	assert_int_equal(left.n[PENALTY_EVICTED], 0);
	penalties_free(&p);
}

/* Never more than the bound, and all of it can be used. */
static void
full(void **state)
{
	struct penalties *p = table(&usual);
	char src[64];

	(void)state;
	for (unsigned i = 0; i < PENALTIES_MAX + 5000; i++) {
		numbered(src, i);
		add(p, src, PENALTY_CRASH, i);
		snprintf(src, sizeof(src), "2001:db8:%x:%x::1", i >> 16,
		    i & 65535);
		add(p, src, PENALTY_CRASH, i);
	}
	assert_int_equal(penalties_count(p), 2 * PENALTIES_MAX);
	assert_int_equal(left.n[PENALTY_EVICTED], 10000);
	numbered(src, 4999);
	assert_int_equal(barred(p, src, 70536), 0);
	numbered(src, 5000);
	assert_int_not_equal(barred(p, src, 70536), 0);
	penalties_expire(p, 95000);
	assert_int_equal(penalties_count(p), 2 * (PENALTIES_MAX + 5000 -
	    5001));
	penalties_expire(p, 200000);
	assert_int_equal(penalties_count(p), 0);
	/* ... and again, in memory that was given back */
	add(p, "192.0.2.1", PENALTY_CRASH, 200000);
	assert_int_not_equal(barred(p, "192.0.2.1", 200000), 0);
	penalties_free(&p);
}

/* kB of memory of this process that are its own. */
static long
resident(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	long kb = -1, v;
	char line[256];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Private_Dirty: %ld kB", &v) == 1)
			kb = v;
	if (f != NULL)
		fclose(f);
	return kb;
}

/* Two processes hold a table; 10,000 sources in both cost at most 2 MB. */
static void
small(void **state)
{
	long before, after;
	struct penalties *p;
	char src[32];

	(void)state;
	p = table(&usual);
	before = resident();
	for (unsigned i = 0; i < 10000; i++) {
		numbered(src, i * 251);
		add(p, src, PENALTY_CRASH, 0);
	}
	after = resident();
	assert_int_equal(penalties_count(p), 10000);
	if (before == -1)
		skip();
	print_message("10000 sources: %ld kB in one process\n",
	    after - before);
	assert_in_range(after - before, 1, 1000);
	penalties_remove(p, NULL);
	assert_true(resident() < after - (after - before) / 2);
	penalties_free(&p);
}

/* A child does not carry a copy about. */
static void
not_inherited(void **state)
{
	struct penalties *p = table(&usual);
	int status;
	pid_t pid;

	(void)state;
	add(p, "192.0.2.1", PENALTY_CRASH, 0);
	if ((pid = fork()) == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, 2);
		signal(SIGSEGV, SIG_DFL);
		_exit(barred(p, "192.0.2.1", 0) != 0 ? 1 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) > 2);
	penalties_free(&p);
}

/* ---- entries from elsewhere ---- */

static void
put(void **state)
{
	struct penalty e = { .net = range("192.0.2.1"), .barred = true,
	    .reason = PENALTY_GRACE, .until = 30 * S };
	struct penalties *p = table(&usual);

	(void)state;
	assert_true(penalties_put(p, &e, 0));
	assert_int_equal(barred(p, "192.0.2.1", 0), 30 * S);
	e.until = 20 * S;		/* replaces */
	assert_true(penalties_put(p, &e, 0));
	assert_int_equal(barred(p, "192.0.2.1", 0), 20 * S);
	assert_int_equal(penalties_count(p), 1);
	e.until = UINT64_MAX;		/* no more than max */
	assert_true(penalties_put(p, &e, 0));
	assert_int_equal(barred(p, "192.0.2.1", 0), 600 * S);
	e.until = 0;			/* removes */
	assert_true(penalties_put(p, &e, 0));
	assert_true(penalties_put(p, &e, 0));
	assert_int_equal(penalties_count(p), 0);
	e.until = 30 * S;
	e.net = range("192.0.2.0/24");	/* of another prefix */
	assert_false(penalties_put(p, &e, 0));
	assert_int_equal(penalties_count(p), 0);
	penalties_free(&p);
}

/* ---- the file ---- */

#define WALL 1790000000000ull

static struct wr
saved(const struct penalties *p, uint64_t now)
{
	struct wr w = wr_new(PENALTIES_FILE_MAX);

	penalties_save(p, now, WALL, &w);
	assert_false(w.bad);
	return w;
}

static void
restart(void **state)
{
	struct penalties *p = table(&usual), *q = table(&usual);
	struct wr w;

	(void)state;
	add(p, "192.0.2.1", PENALTY_CRASH, 1000 * S);
	add(p, "192.0.2.2", PENALTY_AUTHFAIL, 1000 * S);
	add(p, "2001:db8::1", PENALTY_CRASH, 990 * S);
	w = saved(p, 1000 * S);
	/* 6 s later, after a reboot: another monotonic clock */
	assert_true(penalties_load(q, wr_view(&w), 7 * S, WALL + 6 * S));
	assert_int_equal(penalties_count(q), 2);
	assert_int_equal(barred(q, "192.0.2.1", 7 * S), 91 * S);
	assert_int_equal(barred(q, "2001:db8::1", 7 * S), 81 * S);
	penalties_remove(q, NULL);
	/* what was not barred yet counts on */
	assert_true(penalties_load(q, wr_view(&w), 7 * S, WALL + 1 * S));
	assert_int_equal(penalties_count(q), 3);
	assert_int_equal(barred(q, "192.0.2.2", 7 * S), 0);
	assert_false(add(q, "192.0.2.2", PENALTY_AUTHFAIL, 7 * S));
	assert_false(add(q, "192.0.2.2", PENALTY_NOAUTH, 7 * S));
	assert_true(add(q, "192.0.2.2", PENALTY_AUTHFAIL, 7 * S));
	penalties_remove(q, NULL);
	/* a clock that was set back bars nobody for more than max */
	assert_true(penalties_load(q, wr_view(&w), 7 * S, 0));
	assert_int_equal(barred(q, "192.0.2.1", 7 * S), 607 * S);
	penalties_remove(q, NULL);
	assert_true(penalties_load(q, wr_view(&w), UINT64_MAX - 5, 0));
	assert_int_equal(penalties_count(q), 0);
	/* far ahead: all is over */
	assert_true(penalties_load(q, wr_view(&w), 7 * S, UINT64_MAX));
	assert_int_equal(penalties_count(q), 0);
	wr_free(&w);
	penalties_free(&p);
	penalties_free(&q);
}

/* Any changed or missing byte, and nothing of the file is believed. */
static void
damaged(void **state)
{
	struct penalties *p = table(&usual), *q = table(&usual);
	uint8_t copy[256];
	struct view v;
	struct wr w;

	(void)state;
	add(p, "192.0.2.1", PENALTY_CRASH, 0);
	add(p, "2001:db8::1", PENALTY_CRASH, 0);
	w = saved(p, 0);
	v = wr_view(&w);
	assert_true(v.n < sizeof(copy));
	for (size_t i = 0; i < v.n; i++) {
		memcpy(copy, v.p, v.n);
		copy[i] ^= 0x10;
		assert_false(penalties_load(q, view_of(copy, v.n), 0, WALL));
		assert_false(penalties_load(q, view_of(v.p, i), 0, WALL));
	}
	memcpy(copy, v.p, v.n);
	copy[v.n] = 0;
	assert_false(penalties_load(q, view_of(copy, v.n + 1), 0, WALL));
	assert_false(penalties_load(q, view_of(NULL, 0), 0, WALL));
	assert_int_equal(penalties_count(q), 0);
	assert_true(penalties_load(q, v, 0, WALL));
	assert_int_equal(penalties_count(q), 2);
	wr_free(&w);
	penalties_free(&p);
	penalties_free(&q);
}

/* The file of another configuration: what does not fit stays out. */
static void
other_configuration(void **state)
{
	const struct net_range safe = range("192.0.2.0/24");
	struct penalties_config c = usual;
	struct penalties *p = table(&usual), *q = table(&usual);
	struct wr w;

	(void)state;
	add(p, "192.0.2.1", PENALTY_CRASH, 0);
	add(p, "198.51.100.1", PENALTY_CRASH, 0);
	add(p, "2001:db8::1", PENALTY_CRASH, 0);
	w = saved(p, 0);
	c.prefix6 = 56;
	assert_true(penalties_configure(q, &c, &safe, 1, 0));
	assert_true(penalties_load(q, wr_view(&w), 0, WALL));
	assert_int_equal(penalties_count(q), 1);
	c.on = false;
	assert_true(penalties_configure(q, &c, NULL, 0, 0));
	assert_true(penalties_load(q, wr_view(&w), 0, WALL));
	assert_int_equal(penalties_count(q), 0);
	wr_free(&w);
	penalties_free(&p);
	penalties_free(&q);
}

static void
file_bound(void **state)
{
	struct penalties *p = table(&usual), *q = table(&usual);
	char src[64];
	struct wr w;

	(void)state;
	for (unsigned i = 0; i < PENALTIES_MAX; i++) {
		numbered(src, i);
		add(p, src, PENALTY_CRASH, 0);
		snprintf(src, sizeof(src), "2001:db8:%x:%x::1", i >> 16,
		    i & 65535);
		add(p, src, PENALTY_CRASH, 0);
	}
	w = saved(p, 0);
	assert_true(wr_size(&w) <= PENALTIES_FILE_MAX);
	assert_true(penalties_load(q, wr_view(&w), 0, WALL));
	assert_int_equal(penalties_count(q), 2 * PENALTIES_MAX);
	wr_free(&w);
	penalties_free(&p);
	penalties_free(&q);
}

/* ---- against a plain array ---- */

struct model {
	bool used, barred;
	uint64_t until;
};

static void
model_expire(struct model *m, uint64_t now)
{
	for (int i = 0; i < 256; i++)
		if (m[i].used && m[i].until <= now)
			m[i] = (struct model){ 0 };
}

static size_t
model_count(const struct model *m)
{
	size_t n = 0;

	for (int i = 0; i < 256; i++)
		n += m[i].used;
	return n;
}

static bool
model_add(struct model *m, unsigned ms, uint64_t now)
{
	bool was = m->barred;
	uint64_t from = m->used ? m->until : now;

	m->used = true;
	m->until = from + ms > now + usual.max_ms ? now + usual.max_ms :
	    from + ms;
	m->barred |= m->until - now >= usual.min_ms;
	return m->barred && !was;
}

static void
random_operations(void **state)
{
	static struct model m[256];
	struct penalties *p = table(&usual);
	uint64_t now = 0;
	char src[32];

	(void)state;
	srandom(7);
	for (int i = 0; i < 200000; i++) {
		unsigned who = (unsigned)random() % 256;
		unsigned why = (unsigned)random() % PENALTY_REASONS;
		const struct penalty *e;
		uint32_t at = 0;
		size_t seen = 0;

		now += (unsigned)random() % 2000;
		snprintf(src, sizeof(src), "10.1.%u.%u", who * 7 % 256, who);
		model_expire(m, now);
		switch (random() % 8) {
		default:
			assert_int_equal(add(p, src, why, now),
			    model_add(&m[who], usual.ms[why], now));
			break;
		case 6:
			penalties_expire(p, now);
			assert_int_equal(penalties_count(p), model_count(m));
			break;
		case 7: {
			struct net_range r = range(src);

			penalties_expire(p, now);
			assert_int_equal(penalties_remove(p, &r),
			    m[who].used);
			m[who] = (struct model){ 0 };
			break;
		}
		}
		assert_int_equal(barred(p, src, now), m[who].used &&
		    m[who].barred ? m[who].until : 0);
		if (i % 1000 != 0)
			continue;
		penalties_expire(p, now);
		while ((e = penalties_next(p, &at)) != NULL) {
			who = e->net.addr.b[3];
			assert_true(m[who].used);
			assert_int_equal(e->until, m[who].until);
			assert_int_equal(e->barred, m[who].barred);
			seen++;
		}
		assert_int_equal(seen, model_count(m));
	}
	penalties_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(min_and_max),
		cmocka_unit_test(health_checks),
		cmocka_unit_test(one_is_enough),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(mapped),
		cmocka_unit_test(exempt),
		cmocka_unit_test(off),
		cmocka_unit_test(shorter),
		cmocka_unit_test(removed),
		cmocka_unit_test(overflow_permit),
		cmocka_unit_test(overflow_deny),
		cmocka_unit_test(full),
		cmocka_unit_test(small),
		cmocka_unit_test(not_inherited),
		cmocka_unit_test(put),
		cmocka_unit_test(restart),
		cmocka_unit_test(damaged),
		cmocka_unit_test(other_configuration),
		cmocka_unit_test(file_bound),
		cmocka_unit_test(random_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
