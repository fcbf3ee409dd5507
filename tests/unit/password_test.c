/* Passwords against crypt(3) hashes, and what others can see of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <crypt.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/auth_peer.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
/* of "secret" */
#define CHEAP	"$5$rounds=1000$salt$" \
		"CCvcOM6b7TEJDPb37Aec/9UpOg4QhPNAxPpL9ZzjTB7"

static enum auth_verdict
try(struct world *w, const char *password, struct auth_answer *out)
{
	return world_send(w, req_password("acme", view_str(password)), out);
}

static void
test_hash_kinds(void **state)
{
	static const struct {
		const char *prefix;
		unsigned long count;
	} rows[] = {
		{ "$y$", 1 }, { "$2b$", 4 }, { "$6$", 1000 }, { "$5$", 1000 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char setting[CRYPT_GENSALT_OUTPUT_SIZE];
		struct crypt_data *data = calloc(1, sizeof(*data));
		struct auth_answer out;
		const char *hash;
		struct world w;

		assert_non_null(data);
		assert_non_null(crypt_gensalt_rn(rows[i].prefix,
		    rows[i].count, NULL, 0, setting, sizeof(setting)));
		hash = crypt_rn("p\303\244ss word", setting, data,
		    sizeof(*data));
		assert_non_null(hash);
		world_init(&w, "password");
		w.policy.password = view_str(hash);
		world_start(&w, "acme", true);
		assert_int_equal(try(&w, "p\303\244ss wor", &out),
		    VERDICT_FAILURE);
		assert_string_equal(out.reason, "password is wrong");
		assert_true(out.counted);
		assert_int_equal(try(&w, "p\303\244ss word ", &out),
		    VERDICT_FAILURE);
		/* the hash is no password */
		assert_int_equal(try(&w, hash, &out), VERDICT_FAILURE);
		assert_int_equal(try(&w, "p\303\244ss word", &out),
		    VERDICT_SUCCESS);
		assert_int_equal(out.not_before_ms, 0);
		assert_string_equal(out.key, "");
		world_free(&w);
		free(data);
	}
}

/* Everybody who is refused costs one hash, and leaves on the same grid. */
static void
test_same_work(void **state)
{
	static char longer[600];
	static const struct {
		const char *hash, *why;
	} rows[] = {
		{ NULL, "no such user" },
		{ CHEAP, "password is wrong" },
		{ "", "user has no password" },
		{ "*", "user's password hash is locked or not supported" },
		{ "!", "user's password hash is locked or not supported" },
		{ "!" CHEAP,
		    "user's password hash is locked or not supported" },
		{ "*0", "user's password hash is locked or not supported" },
		{ "*1", "user's password hash is locked or not supported" },
		{ "x", "user's password hash is locked or not supported" },
		{ "$zz$salt$abc",
		    "user's password hash is locked or not supported" },
		{ "$y$", "user's password hash is not valid" },
		{ "$y$j9T$", NULL },
		{ "plain text",
		    "user's password hash is locked or not supported" },
		{ longer, "user's password hash is locked or not supported" },
	};
	struct auth_answer out;

	(void)state;
	memset(longer, 'a', sizeof(longer) - 1);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w;

		world_init(&w, "password");
		if (rows[i].hash != NULL)
			w.policy.password = view_str(rows[i].hash);
		world_start(&w, "acme", rows[i].hash != NULL);
		assert_int_equal(try(&w, "guess", &out), VERDICT_FAILURE);
		if (rows[i].why != NULL)
			assert_string_equal(out.reason, rows[i].why);
		if (auth_work(w.a)->hashes != 1)
			fail_msg("%s: %u hashes", rows[i].hash,
			    auth_work(w.a)->hashes);
		assert_true(out.counted);
		assert_in_range(out.not_before_ms, 250, 5000);
		assert_in_range(out.not_before_ms % 250, 0, 4);
		world_free(&w);
	}
}

/* A hash that was cut short matches nothing, whatever the password. */
static void
test_cut_hash(void **state)
{
	size_t n = strlen(CHEAP);

	(void)state;
	for (size_t i = 0; i <= n; i++) {
		struct world w;

		world_init(&w, "password");
		w.policy.password = view_of(CHEAP, i);
		world_start(&w, "acme", true);
		assert_int_equal(try(&w, "secret", NULL), i == n ?
		    VERDICT_SUCCESS : VERDICT_FAILURE);
		world_free(&w);
	}
}

/* What the request alone decides costs nobody a hash. */
static void
test_shapes(void **state)
{
	static char text[200 * 1024];
	static const struct {
		size_t n;
		const char *why;
		unsigned hashes;
	} rows[] = {
		{ 0, "empty password", 0 },
		{ 511, "password is wrong", 1 },
		{ 512, "password is too long", 0 },
		{ 1025, "password is too long", 0 },
		{ 60 * 1024, "password is too long", 0 },
	};
	struct auth_answer out;

	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (int exists = 0; exists < 2; exists++) {
			struct world w;

			world_init(&w, "password");
			w.policy.password = view_str(CHEAP);
			world_start(&w, "acme", exists);
			assert_int_equal(world_send(&w, req_password("acme",
			    view_of(text, rows[i].n)), &out),
			    VERDICT_FAILURE);
			assert_string_equal(out.reason, exists ?
			    rows[i].why : "no such user");
			assert_int_equal(auth_work(w.a)->hashes,
			    rows[i].hashes);
			assert_in_range(out.not_before_ms, 250, 5000);
			world_free(&w);
		}
	}
	/* larger than any request may be */
	for (int exists = 0; exists < 2; exists++) {
		struct world w;

		world_init(&w, "password");
		w.policy.password = view_str(CHEAP);
		world_start(&w, "acme", exists);
		assert_int_equal(world_send(&w, req_password("acme",
		    view_of(text, sizeof(text))), NULL), VERDICT_DISCONNECT);
		assert_int_equal(auth_work(w.a)->hashes, 0);
		world_free(&w);
	}
}

static void
test_change(void **state)
{
	struct auth_answer out;
	struct world w;
	struct wr r;

	(void)state;
	world_init(&w, "password");
	w.policy.password = view_str(CHEAP);
	world_start(&w, "acme", true);
	r = req_plain("acme", "ssh-connection", "password");
	wr_bool(&r, true);
	wr_cstr(&r, "secret");
	wr_cstr(&r, "new");
	assert_int_equal(world_send(&w, r, &out), VERDICT_FAILURE);
	assert_string_equal(out.reason,
	    "there is no state folder for a new password");
	assert_int_equal(try(&w, "secret", NULL), VERDICT_SUCCESS);
	world_free(&w);
}

static void
test_pam_is_told(void **state)
{
	struct auth_answer out;
	struct world w;

	(void)state;
	world_init(&w, "password");
	w.policy.pam = view_str("sallyport");
	world_start(&w, "acme", true);
	assert_int_equal(try(&w, "secret", &out), VERDICT_FAILURE);
	assert_string_equal(out.reason,
	    "the program sallyport-account is not there");
	world_free(&w);
}

struct slots {
	int held, most;
	unsigned taken;
};

static void
slot(void *ctx, bool take)
{
	struct slots *s = ctx;

	s->held += take ? 1 : -1;
	s->taken += take;
	if (s->held > s->most)
		s->most = s->held;
}

static void
test_slots(void **state)
{
	struct slots s = { 0 };
	struct world w;

	(void)state;
	world_init(&w, "password");
	w.start.hash_slot = slot;
	w.start.hash_ctx = &s;
	world_start(&w, "acme", false);
	assert_int_equal(try(&w, "a", NULL), VERDICT_FAILURE);
	assert_int_equal(s.taken, 1);
	w.policy.password = view_str(CHEAP);
	world_start(&w, "acme", true);
	assert_int_equal(try(&w, "a", NULL), VERDICT_FAILURE);
	assert_int_equal(try(&w, "secret", NULL), VERDICT_SUCCESS);
	assert_int_equal(s.taken, 3);
	assert_int_equal(s.held, 0);
	assert_int_equal(s.most, 1);
	world_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash_kinds),
		cmocka_unit_test(test_same_work),
		cmocka_unit_test(test_cut_hash),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_pam_is_told),
		cmocka_unit_test(test_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
