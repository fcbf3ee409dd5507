/* Where a connection comes from, and conditions on it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/place.h"

static struct sockaddr_storage
addr(const char *host, uint16_t port, uint32_t scope)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	struct sockaddr_in *in = (void *)&ss;
	struct sockaddr_in6 *in6 = (void *)&ss;

	if (strchr(host, ':') == NULL) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		assert_int_equal(inet_pton(AF_INET, host, &in->sin_addr), 1);
	} else {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		in6->sin6_scope_id = scope;
		assert_int_equal(inet_pton(AF_INET6, host, &in6->sin6_addr),
		    1);
	}
	return ss;
}

static struct place
place(const char *from, const char *to, uint16_t port, uint32_t scope)
{
	struct sockaddr_storage a = addr(from, 999, 0);
	struct sockaddr_storage b = addr(to, port, scope);
	struct place p;

	place_of((void *)&a, (void *)&b, &p);
	return p;
}

/* Words: networks, or addresses with a port behind '@'. */
static bool
holds(const char *const *words, const struct place *p)
{
	struct wr w = wr_new(65536), nets = wr_new(65536), tos = wr_new(65536);
	uint32_t nnets = 0, ntos = 0;
	char host[64];
	bool yes;

	for (; *words != NULL; words++) {
		const char *at = strchr(*words, '@');

		if (at == NULL) {
			assert_true(condition_put_net(&nets,
			    view_str(*words)));
			nnets++;
		} else {
			struct sockaddr_storage ss;

			memcpy(host, *words, (size_t)(at - *words));
			host[at - *words] = '\0';
			ss = addr(host, (uint16_t)atoi(at + 1), 7);
			condition_put_listen(&tos, (void *)&ss);
			ntos++;
		}
	}
	wr_u32(&w, nnets);
	wr_bytes(&w, wr_view(&nets));
	wr_u32(&w, ntos);
	wr_bytes(&w, wr_view(&tos));
	assert_true(condition_valid(wr_view(&w)));
	yes = condition_holds(wr_view(&w), p);
	wr_free(&w);
	wr_free(&nets);
	wr_free(&tos);
	return yes;
}
#define HOLDS(p, ...) holds((const char *const[]){ __VA_ARGS__, NULL }, p)

static void
test_networks(void **state)
{
	struct place p = place("203.0.113.77", "192.0.2.1", 22, 0);

	(void)state;
	assert_true(HOLDS(&p, "203.0.113.0/24"));
	assert_true(HOLDS(&p, "203.0.113.77"));
	assert_true(HOLDS(&p, "203.0.113.76/31"));
	assert_true(HOLDS(&p, "0.0.0.0/0"));
	assert_true(HOLDS(&p, "10.0.0.0/8", "203.0.113.77/32"));
	assert_true(HOLDS(&p, "::ffff:203.0.113.0/120"));
	assert_true(HOLDS(&p, "::ffff:203.0.113.77"));
	assert_false(HOLDS(&p, "203.0.113.78/31"));
	assert_false(HOLDS(&p, "203.0.113.76"));
	assert_false(HOLDS(&p, "192.0.2.1"));
	assert_false(HOLDS(&p, "::/0"));
	assert_false(HOLDS(&p, "cb00:714d::/32"));
	p = place("::ffff:203.0.113.77", "::ffff:192.0.2.1", 22, 0);
	assert_true(HOLDS(&p, "203.0.113.0/24"));
	assert_true(HOLDS(&p, "192.0.2.1@22"));
	p = place("2001:db8:0:8000::1", "2001:db8::1", 22, 0);
	assert_true(HOLDS(&p, "2001:db8::/32"));
	assert_true(HOLDS(&p, "2001:db8:0:8000::/49"));
	assert_true(HOLDS(&p, "::/0"));
	assert_false(HOLDS(&p, "2001:db8::/49"));
	assert_false(HOLDS(&p, "0.0.0.0/0"));
	assert_false(HOLDS(&p, "32.1.13.184"));
}

static void
test_listeners(void **state)
{
	struct place p = place("203.0.113.77", "192.0.2.1", 2222, 0);

	(void)state;
	assert_true(HOLDS(&p, "192.0.2.1@2222"));
	assert_true(HOLDS(&p, "0.0.0.0@2222"));
	assert_true(HOLDS(&p, "192.0.2.9@22", "192.0.2.1@2222"));
	assert_false(HOLDS(&p, "192.0.2.1@22"));
	assert_false(HOLDS(&p, "192.0.2.2@2222"));
	assert_false(HOLDS(&p, "::@2222"));
	/* both must hold */
	assert_true(HOLDS(&p, "203.0.113.0/24", "0.0.0.0@2222"));
	assert_false(HOLDS(&p, "203.0.112.0/24", "0.0.0.0@2222"));
	assert_false(HOLDS(&p, "203.0.113.0/24", "0.0.0.0@22"));
	p = place("fe80::2", "fe80::1", 22, 7);
	assert_true(HOLDS(&p, "fe80::1@22"));
	assert_true(HOLDS(&p, "::@22"));
	assert_false(HOLDS(&p, "0.0.0.0@22"));
	p = place("fe80::2", "fe80::1", 22, 8);
	assert_false(HOLDS(&p, "fe80::1@22"));
}

/* Nothing is known: nothing holds but what asks nothing. */
static void
test_nowhere(void **state)
{
	struct sockaddr_storage un = { .ss_family = AF_UNIX };
	struct place p;

	(void)state;
	place_of(NULL, (void *)&un, &p);
	assert_false(HOLDS(&p, "0.0.0.0/0", "::/0"));
	assert_false(HOLDS(&p, "0.0.0.0@22", "::@22"));
	assert_true(HOLDS(&p, NULL));
}

static void
test_bad_networks(void **state)
{
	static const char *const bad[] = {
		"", "/", "/8", "1.2.3", "1.2.3.4/", "1.2.3.4/33",
		"1.2.3.4/-1", "1.2.3.4/8x", "1.2.3.4/0008", "::1/129",
		"example.org", "1.2.3.4 ", "*",
	};
	struct wr w = wr_new(1024);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(condition_put_net(&w, view_str(bad[i])));
	assert_int_equal(wr_size(&w), 0);
	wr_free(&w);
}

/* A condition that is damaged or cut short holds for nobody. */
static void
test_damaged(void **state)
{
	struct sockaddr_storage to = addr("192.0.2.1", 22, 0);
	struct place p = place("203.0.113.77", "192.0.2.1", 22, 0);
	struct wr w = wr_new(1024);
	uint8_t copy[128];

	(void)state;
	wr_u32(&w, 1);
	assert_true(condition_put_net(&w, view_str("203.0.113.0/24")));
	wr_u32(&w, 1);
	condition_put_listen(&w, (void *)&to);
	assert_true(wr_size(&w) + 1 <= sizeof(copy));
	assert_true(condition_holds(wr_view(&w), &p));
	for (size_t n = 0; n < wr_size(&w); n++) {
		uint8_t *cut = malloc(n + 1);

		memcpy(cut, wr_view(&w).p, n);
		assert_false(condition_valid(view_of(cut, n)));
		assert_false(condition_holds(view_of(cut, n), &p));
		free(cut);
	}
	memcpy(copy, wr_view(&w).p, wr_size(&w));
	copy[wr_size(&w)] = 0;
	assert_false(condition_valid(view_of(copy, wr_size(&w) + 1)));
	copy[4] = 5;			/* no such family */
	assert_false(condition_valid(view_of(copy, wr_size(&w))));
	copy[4] = 4;
	copy[21] = 33;			/* more bits than there are */
	assert_false(condition_valid(view_of(copy, wr_size(&w))));
	copy[21] = 32;
	assert_true(condition_valid(view_of(copy, wr_size(&w))));
	copy[0] = 1;			/* more entries than allowed */
	assert_false(condition_valid(view_of(copy, wr_size(&w))));
	wr_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_listeners),
		cmocka_unit_test(test_nowhere),
		cmocka_unit_test(test_bad_networks),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
