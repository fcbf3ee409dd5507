/* What an operator hears about the ways of a user. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/records.h"
#include "base/crypto.h"
#include "tests/unit/auth_peer.h"

static struct ssh_key *ed, *ed2;

static int
make_keys(void **state)
{
	(void)state;
	ed = ssh_key_generate("ed25519", 0);
	ed2 = ssh_key_generate("ed25519", 0);
	return ed != NULL && ed2 != NULL ? 0 : -1;
}

static int
free_keys(void **state)
{
	(void)state;
	ssh_key_free(&ed);
	ssh_key_free(&ed2);
	return 0;
}

struct heard {
	struct wr text;		/* lines, "+ " or "- " before each */
};

static void
hear(void *ctx, bool good, const char *text)
{
	struct heard *h = ctx;

	wr_bytes(&h->text, view_str(good ? "+ " : "- "));
	wr_bytes(&h->text, view_str(text));
	wr_u8(&h->text, '\n');
}

/* The number of proofs; *out: what was said, to be freed. */
static unsigned
describe(struct world *w, enum auth_method m, size_t step, bool peer,
    char **out)
{
	struct heard h = { .text = wr_new(1 << 20) };
	const struct auth_hearer to = { hear, &h };
	const struct auth_question q = {
		.policy = &w->policy, .method = m, .step = step,
		.peer = peer ? (const struct sockaddr *)&w->peer : NULL,
		.now = NOW, .store = w->start.store,
	};
	unsigned n = auth_describe(&q, &to);

	*out = view_dup(wr_view(&h.text));
	assert_non_null(*out);
	wr_free(&h.text);
	return n;
}

static void
says(const char *text, const char *before, const struct ssh_key *k,
    const char *behind)
{
	char fp[SSHKEY_FP_MAX], want[512];

	ssh_key_fingerprint(ssh_key_blob(k), fp);
	snprintf(want, sizeof(want), "%s%s%s", before, fp, behind);
	if (strstr(text, want) == NULL)
		fail_msg("no \"%s\" in\n%s", want, text);
}

static void
test_listed(void **state)
{
	struct world w;
	char *t;

	(void)state;
	world_init(&w, "publickey");
	w.peer.sin_family = AF_INET;
	w.peer.sin_addr.s_addr = htonl(0x0a000001);
	assert_int_equal(describe(&w, AUTH_PUBLICKEY, 0, true, &t), 0);
	assert_string_equal(t, "- user has no keys\n");
	free(t);
	world_key(&w, "", ed);
	world_key(&w, "no-pty", ed);		/* the same once more */
	world_key(&w, "expiry-time=\"20200101Z\"", ed2);
	world_key(&w, "from=\"192.0.2.0/24\"", ed2);
	assert_int_equal(describe(&w, AUTH_PUBLICKEY, 0, true, &t), 1);
	says(t, "+ ssh-ed25519 ", ed, "");
	says(t, "- ssh-ed25519 ", ed2, "");
	assert_non_null(strstr(t, ": key has expired\n"));
	assert_non_null(strstr(t, ": key option from= does not match\n"));
	free(t);
	/* from nowhere in particular */
	assert_int_equal(describe(&w, AUTH_PUBLICKEY, 0, false, &t), 2);
	says(t, "+ ssh-ed25519 ", ed2, "");
	free(t);
	/* an authority is good for any number of keys */
	world_key(&w, "cert-authority", ed);
	assert_int_equal(describe(&w, AUTH_PUBLICKEY, 0, true, &t), UINT_MAX);
	says(t, "+ certificates signed by ssh-ed25519 ", ed, "");
	free(t);
	world_free(&w);
}

static void
put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static void
test_files(void **state)
{
	char dir[] = "/tmp/auth_describe.XXXXXX", path[3][64];
	struct wr line = wr_new(4096);
	struct world w;
	char *t;

	(void)state;
	assert_non_null(mkdtemp(dir));
	world_init(&w, "publickey");
	for (int i = 0; i < 3; i++) {
		snprintf(path[i], sizeof(path[i]), "%s/%d", dir, i);
		w.files[i] = view_str(path[i]);
	}
	w.policy.key_files = (struct view_list){ w.files, 2 };
	wr_bytes(&line, view_str("# keys\n\nssh-ed25519 "));
	crypto_base64_encode(ssh_key_blob(ed), &line);
	wr_bytes(&line, view_str(" me@home\nnonsense\n"));
	wr_u8(&line, 0);
	put_file(path[0], (const char *)wr_view(&line).p);
	assert_int_equal(describe(&w, AUTH_PUBLICKEY, 0, true, &t), 1);
	says(t, "+ ssh-ed25519 ", ed, " me@home, ");
	assert_non_null(strstr(t, "/0:3\n"));
	assert_non_null(strstr(t, "/0:4: "));
	assert_non_null(strstr(t, "/1: no such file\n"));
	free(t);
	/* the same key as an authority; and revoked */
	w.policy.key_files.n = 0;
	w.policy.ca_keys = (struct view_list){ w.files, 1 };
	assert_int_equal(describe(&w, AUTH_PUBLICKEY, 0, true, &t), UINT_MAX);
	says(t, "+ certificates signed by ssh-ed25519 ", ed, " me@home");
	free(t);
	w.policy.ca_keys.n = 0;
	world_key(&w, "", ed);
	w.policy.revoked_keys = (struct view_list){ w.files, 1 };
	put_file(path[0], "");
	assert_int_equal(describe(&w, AUTH_PUBLICKEY, 0, true, &t), 1);
	free(t);
	assert_int_equal(chmod(path[0], 0666), 0);
	assert_int_equal(describe(&w, AUTH_PUBLICKEY, 0, true, &t), 0);
	assert_non_null(strstr(t, ": list of revoked keys cannot be read\n"));
	free(t);
	unlink(path[0]);
	rmdir(dir);
	wr_free(&line);
	world_free(&w);
}

static void
test_secrets(void **state)
{
	struct world w;
	char *t;

	(void)state;
	world_init(&w, "password");
	assert_int_equal(describe(&w, AUTH_PASSWORD, 0, true, &t), 0);
	assert_string_equal(t, "- user has no password\n");
	free(t);
	w.policy.password = view_str("$9$what");
	assert_int_equal(describe(&w, AUTH_PASSWORD, 0, true, &t), 0);
	assert_string_equal(t, "- user's password hash is locked or not "
	    "supported\n");
	free(t);
	w.policy.password = view_str("$5$saltsalt$x");
	assert_int_equal(describe(&w, AUTH_PASSWORD, 0, true, &t), UINT_MAX);
	assert_string_equal(t, "+ the user's password\n");
	free(t);
	assert_int_equal(describe(&w, AUTH_KBDINT, 0, true, &t), UINT_MAX);
	assert_string_equal(t, "+ the user's password\n");
	free(t);
	w.policy.totp.secret = view_str("12345678901234567890");
	assert_int_equal(describe(&w, AUTH_KBDINT, 0, true, &t), UINT_MAX);
	assert_string_equal(t, "+ the user's password\n"
	    "+ a verification code\n");
	free(t);
	w.policy.password = view_of(NULL, 0);
	assert_int_equal(describe(&w, AUTH_KBDINT, 0, true, &t), 0);
	free(t);
	assert_int_equal(describe(&w, AUTH_KBDINT, 1, true, &t), UINT_MAX);
	assert_string_equal(t, "+ a verification code\n");
	free(t);
	world_free(&w);
}

static void
test_hosts(void **state)
{
	const struct policy_key lines[] = {
		{ view_str("a.b,10.0.0.1 ssh-ed25519 AAAA"), view_str("f"),
		    3 },
		{ view_str("@revoked * ssh-ed25519 AAAA"), view_str("f"), 4 },
		{ view_str("rubbish"), view_str("f"), 5 },
	};
	struct world w;
	char *t;

	(void)state;
	world_init(&w, "hostbased");
	assert_int_equal(describe(&w, AUTH_HOSTBASED, 0, true, &t), 0);
	assert_string_equal(t, "");
	free(t);
	w.policy.known_hosts = lines;
	w.policy.nknown_hosts = 3;
	w.files[0] = view_str("/hosts");
	w.policy.known_hosts_files = (struct view_list){ w.files, 1 };
	assert_int_equal(describe(&w, AUTH_HOSTBASED, 0, true, &t), UINT_MAX);
	assert_string_equal(t, "+ the word of a.b,10.0.0.1, f:3\n"
	    "- no word of *, f:4\n- no word of rubbish, f:5\n"
	    "+ the word of the hosts in /hosts\n");
	free(t);
	w.policy.nknown_hosts = 0;
	w.policy.known_hosts_files.n = 0;
	world_free(&w);
}

/* What is remembered of the user, where anybody knows. */
static void
test_remembered(void **state)
{
	struct keys_record r = { 0 };
	struct wr rec = wr_new(RECORD_MAX);
	struct fake_store s;
	struct world w;
	char fp[SSHKEY_FP_MAX], *t;

	(void)state;
	world_init(&w, "publickey");
	fake_store_init(&s);
	world_key(&w, "", ed);
	world_key(&w, "", ed2);
	w.start.store = &s.ops;
	ssh_key_fingerprint(ssh_key_blob(ed2), fp);
	keys_record_add(&r, fp, NOW, "10.0.0.9");
	put_keys_record(&rec, &r);
	fake_store_set(&s, RECORD_KEYS, wr_view(&rec));
	assert_int_equal(describe(&w, AUTH_PUBLICKEY, 0, true, &t), 2);
	says(t, "+ ssh-ed25519 ", ed, " comment, test.yaml:1, not used yet\n");
	says(t, "+ ssh-ed25519 ", ed2, " comment, test.yaml:2, used "
	    "2023-11-14T22:13:20Z from 10.0.0.9\n");
	free(t);
	fake_store_set(&s, RECORD_KEYS, view_str("rubbish"));
	assert_int_equal(describe(&w, AUTH_PUBLICKEY, 0, true, &t), 2);
	says(t, "+ ssh-ed25519 ", ed2, " comment, test.yaml:2, not used "
	    "yet\n");
	free(t);
	/* a password that has expired */
	w.policy.password = view_str("$5$saltsalt$x");
	w.policy.password_expires = NOW;
	w.policy.password_change = PASSWORD_CHANGE_EXPIRED;
	assert_int_equal(describe(&w, AUTH_PASSWORD, 0, true, &t), UINT_MAX);
	assert_string_equal(t, "+ the user's password, which has expired: a "
	    "new one is asked for\n");
	free(t);
	w.policy.password_change = PASSWORD_CHANGE_OFF;
	assert_int_equal(describe(&w, AUTH_PASSWORD, 0, true, &t), 0);
	assert_string_equal(t, "- the user's password has expired and may "
	    "not be changed\n");
	free(t);
	w.policy.password_expires = NOW + 1;
	assert_int_equal(describe(&w, AUTH_PASSWORD, 0, true, &t), UINT_MAX);
	assert_string_equal(t, "+ the user's password\n");
	free(t);
	w.start.store = NULL;		/* then nobody can say */
	w.policy.password_expires = NOW;
	assert_int_equal(describe(&w, AUTH_PASSWORD, 0, true, &t), UINT_MAX);
	free(t);
	wr_free(&rec);
	fake_store_free(&s);
	world_free(&w);
}

/* Programs that ask. */
static void
test_programs(void **state)
{
	const struct view ask[] = { view_str("/bin/ask"), view_str("x") };
	struct world w;
	char *t;

	(void)state;
	world_init(&w, "keyboard-interactive");
	w.policy.programs.ask = (struct view_list){ ask, 2 };
	assert_int_equal(describe(&w, AUTH_KBDINT, 0, true, &t), UINT_MAX);
	assert_string_equal(t,
	    "+ answers that the program /bin/ask takes\n");
	free(t);
	w.policy.programs.keys = (struct view_list){ ask, 1 };
	assert_int_equal(describe(&w, AUTH_PUBLICKEY, 0, true, &t), UINT_MAX);
	assert_string_equal(t, "+ keys that the program /bin/ask tells\n");
	free(t);
	world_free(&w);
}

/* However many there are, the answer comes. */
static void
test_many(void **state)
{
	struct policy_key *keys = calloc(1000, sizeof(*keys));
	struct wr line = wr_new(4096);
	struct world w;
	char *t;

	(void)state;
	assert_non_null(keys);
	world_init(&w, "publickey");
	wr_bytes(&line, view_str("ssh-ed25519 "));
	crypto_base64_encode(ssh_key_blob(ed), &line);
	for (size_t i = 0; i < 1000; i++)
		keys[i] = (struct policy_key){ wr_view(&line),
		    view_str("/f"), (uint32_t)i + 1 };
	w.policy.keys = keys;
	w.policy.nkeys = 1000;
	assert_int_equal(describe(&w, AUTH_PUBLICKEY, 0, true, &t), 1);
	assert_non_null(strstr(t, "/f:256\n"));
	assert_non_null(strstr(t, "/f:257: further keys are not looked at\n"));
	assert_null(strstr(t, "/f:258"));
	free(t);
	free(keys);
	wr_free(&line);
	world_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_listed),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_remembered),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
