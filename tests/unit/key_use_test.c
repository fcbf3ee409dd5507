/* When a key was used last. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/records.h"
#include "tests/unit/auth_peer.h"

static const struct forged honest;
static struct ssh_key *ed, *ed2;
static char fp[SSHKEY_FP_MAX], fp2[SSHKEY_FP_MAX];

static int
setup(void **state)
{
	(void)state;
	ed = ssh_key_generate("ed25519", 0);
	ed2 = ssh_key_generate("ed25519", 0);
	if (ed == NULL || ed2 == NULL)
		return -1;
	ssh_key_fingerprint(ssh_key_blob(ed), fp);
	ssh_key_fingerprint(ssh_key_blob(ed2), fp2);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	ssh_key_free(&ed);
	ssh_key_free(&ed2);
	return 0;
}

static void
init(struct world *w, struct fake_store *s, const char *chains)
{
	world_init(w, chains);
	fake_store_init(s);
	world_key(w, "", ed);
	world_key(w, "", ed2);
	w->start.store = &s->ops;
	memcpy(w->start.src, "10.0.0.1", 9);
}

static void
start(struct world *w, int64_t now)
{
	world_start(w, "acme", true);
	auth_free(&w->a);
	w->start.now = now;
	w->a = auth_new(&w->start);
	assert_non_null(w->a);
}

static bool
use(struct world *w, const struct ssh_key *k, int64_t now,
    struct auth_last_use *out)
{
	struct auth_answer ans;

	start(w, now);
	assert_int_equal(world_send(w, req_signed("acme", k, "ssh-ed25519",
	    &honest), &ans), VERDICT_SUCCESS);
	return auth_note_use(w->a, out);
}

static void
test_last(void **state)
{
	struct auth_last_use last;
	struct keys_record r;
	struct fake_store s;
	struct world w;

	(void)state;
	init(&w, &s, "publickey");
	assert_true(use(&w, ed, NOW, &last));
	assert_int_equal(last.at, 0);
	assert_string_equal(last.src, "");
	assert_true(use(&w, ed2, NOW + 5, &last));
	assert_int_equal(last.at, 0);
	memcpy(w.start.src, "10.0.0.2", 9);
	assert_true(use(&w, ed, NOW + 10, &last));
	assert_int_equal(last.at, NOW);
	assert_string_equal(last.src, "10.0.0.1");
	assert_true(use(&w, ed, NOW + 100, &last));
	assert_int_equal(last.at, NOW + 10);
	assert_string_equal(last.src, "10.0.0.2");
	assert_int_equal(s.writes, 4);
	assert_true(get_keys_record(fake_store_bytes(&s, RECORD_KEYS), &r));
	assert_int_equal(r.n, 2);
	assert_string_equal(r.use[0].key, fp);
	assert_int_equal(r.use[0].at, NOW + 100);
	assert_string_equal(r.use[1].key, fp2);
	assert_string_equal(r.use[1].src, "10.0.0.1");
	world_free(&w);
	fake_store_free(&s);
}

/* A client that comes every second costs no disk. */
static void
test_again(void **state)
{
	struct auth_last_use last;
	struct fake_store s;
	struct world w;

	(void)state;
	init(&w, &s, "publickey");
	for (int i = 0; i < 60; i++)
		use(&w, ed, NOW + i, &last);
	assert_int_equal(s.writes, 1);
	assert_int_equal(s.locks, 1);
	assert_int_equal(last.at, NOW);
	use(&w, ed, NOW + 60, &last);
	assert_int_equal(s.writes, 2);
	memcpy(w.start.src, "10.0.0.2", 9);
	use(&w, ed, NOW + 61, &last);
	assert_int_equal(s.writes, 3);
	/* a clock that was set back */
	use(&w, ed, NOW - 1000, &last);
	assert_int_equal(s.writes, 4);
	assert_int_equal(last.at, NOW + 61);
	world_free(&w);
	fake_store_free(&s);
}

/* What fails is logged; a login does not depend on it. */
static void
test_fails(void **state)
{
	struct auth_last_use last;
	struct auth_answer ans;
	struct keys_record r;
	struct fake_store s;
	struct world w;

	(void)state;
	init(&w, &s, "publickey password publickey+publickey");
	s.fail_lock = ERR_LIMIT;
	assert_true(use(&w, ed, NOW, &last));
	s.fail_lock = OK;
	s.fail_write = ERR_SYS;
	assert_true(use(&w, ed, NOW, &last));
	s.fail_write = OK;
	s.fail_read = ERR_SYS;
	assert_false(use(&w, ed, NOW, &last));
	s.fail_read = OK;
	assert_int_equal(s.writes, 0);
	fake_store_set(&s, RECORD_KEYS, view_str("rubbish"));
	assert_true(use(&w, ed, NOW, &last));
	assert_int_equal(last.at, 0);
	assert_true(get_keys_record(fake_store_bytes(&s, RECORD_KEYS), &r));
	/* by password no key was used */
	w.policy.password = view_str("$1$x");
	start(&w, NOW);
	assert_false(auth_note_use(w.a, &last));
	w.start.store = NULL;
	assert_false(use(&w, ed, NOW, &last));
	w.start.store = &s.ops;
	world_free(&w);
	fake_store_free(&s);
	/* both keys of a chain */
	init(&w, &s, "publickey+publickey");
	start(&w, NOW);
	assert_int_equal(world_send(&w, req_signed("acme", ed, "ssh-ed25519",
	    &honest), &ans), VERDICT_PARTIAL);
	assert_int_equal(world_send(&w, req_signed("acme", ed2,
	    "ssh-ed25519", &honest), &ans), VERDICT_SUCCESS);
	assert_true(auth_note_use(w.a, &last));
	assert_true(get_keys_record(fake_store_bytes(&s, RECORD_KEYS), &r));
	assert_int_equal(r.n, 2);
	assert_string_equal(r.use[0].key, fp2);
	world_free(&w);
	fake_store_free(&s);
}

/* ---- the record ---- */

static void
test_full(void **state)
{
	struct keys_record r = { 0 };
	char key[16];

	(void)state;
	for (int i = 0; i < RECORD_KEYS_MAX + 6; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		keys_record_add(&r, key, i, "src");
	}
	assert_int_equal(r.n, RECORD_KEYS_MAX);
	assert_string_equal(r.use[0].key, "k69");
	assert_string_equal(r.use[RECORD_KEYS_MAX - 1].key, "k6");
	assert_null(keys_record_find(&r, "k5"));
	/* one that is there moves to the front */
	keys_record_add(&r, "k6", 100, "new");
	assert_int_equal(r.n, RECORD_KEYS_MAX);
	assert_string_equal(r.use[0].key, "k6");
	assert_string_equal(r.use[0].src, "new");
	assert_string_equal(r.use[RECORD_KEYS_MAX - 1].key, "k7");
	keys_record_add(&r, "k20", 101, "new");
	assert_string_equal(r.use[0].key, "k20");
	for (size_t i = 0; i < r.n; i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(r.use[i].key, r.use[k].key);
}

static unsigned told;

static void
tell(void *ctx, const char *key, int64_t at, const char *src)
{
	(void)ctx;
	assert_string_equal(key, told == 0 ? "b" : "a");
	assert_int_equal(at, told == 0 ? 2 : 1);
	assert_string_equal(src, told == 0 ? "" : "s");
	told++;
}

static void
test_record(void **state)
{
	struct keys_record in = { 0 }, out;
	struct wr w = wr_new(RECORD_MAX);
	struct view v;
	uint8_t *copy;

	(void)state;
	keys_record_add(&in, "a", 1, "s");
	keys_record_add(&in, "b", 2, "");
	put_keys_record(&w, &in);
	v = wr_view(&w);
	assert_true(get_keys_record(v, &out));
	assert_memory_equal(&in, &out, sizeof(in));
	assert_true(auth_key_uses(v, tell, NULL));
	assert_int_equal(told, 2);
	copy = malloc(v.n + 1);
	memset(copy, 0, v.n + 1);
	for (size_t n = 0; n <= v.n + 1; n++) {
		memcpy(copy, v.p, n < v.n ? n : v.n);
		if (n != v.n)
			assert_false(get_keys_record(view_of(copy, n), &out));
	}
	assert_false(auth_key_uses(view_of(copy, v.n + 1), tell, NULL));
	copy[4] = RECORD_KEYS_MAX + 1;
	assert_false(get_keys_record(view_of(copy, v.n), &out));
	free(copy);
	wr_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_fails),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_record),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
