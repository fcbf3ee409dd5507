/* Keys on security tokens and what they sign, against ssh-keygen too. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "tests/unit/keys_peer.h"

#define SK_ED		"sk-ssh-ed25519@openssh.com"
#define SK_EC		"sk-ecdsa-sha2-nistp256@openssh.com"
#define WEBAUTHN	"webauthn-sk-ecdsa-sha2-nistp256@openssh.com"
#define DATA		"what the session wants signed"

static struct ssh_key *ed, *p256, *sk_ed, *sk_ec;

static int
setup(void **state)
{
	ed = ssh_key_generate("ed25519", 0);
	p256 = ssh_key_generate("ecdsa", 256);
	if (ed == NULL || p256 == NULL)
		return -1;
	sk_ed = token_key(ed, "ssh:");
	sk_ec = token_key(p256, "example.org");
	return tool_setup(state);
}

static int
teardown(void **state)
{
	ssh_key_free(&ed);
	ssh_key_free(&p256);
	ssh_key_free(&sk_ed);
	ssh_key_free(&sk_ec);
	return tool_teardown(state);
}

static const struct token_says at_ssh = { "ssh:", 0x05, 77, NULL };
static const struct token_says at_org = { "example.org", 0x01, 0xfffffffe,
    NULL };
static const struct token_web page = { "https://example.org", NULL, NULL };
static const struct token_says at_page = { "example.org", 0x01, 3, &page };

/* ---- keys ---- */

static void
keys(void **state)
{
	struct wr sig = wr_new(8192);

	(void)state;
	assert_string_equal(ssh_key_type(sk_ed), SK_ED);
	assert_string_equal(ssh_key_type(sk_ec), SK_EC);
	assert_true(ssh_key_is_sk(sk_ed) && ssh_key_is_sk(sk_ec));
	assert_false(ssh_key_is_sk(ed) || ssh_key_is_sk(p256));
	assert_int_equal(ssh_key_bits(sk_ed), 256);
	assert_false(ssh_key_equal(sk_ed, ed));
	assert_false(ssh_key_is_private(sk_ed));
	assert_string_equal(ssh_key_sigalgs(sk_ed), SK_ED);
	assert_string_equal(ssh_key_sigalgs(sk_ec), SK_EC "," WEBAUTHN);
	assert_int_equal(ssh_key_sign(sk_ed, view_str(SK_ED), view_str(DATA),
	    &sig), ERR_DENIED);
	assert_int_equal(wr_size(&sig), 0);
	assert_false(ssh_key_write_private(sk_ed, "", &sig));
	wr_free(&sig);
}

/* One application is not another: it is part of the key. */
static void
applications(void **state)
{
	struct ssh_key *other = token_key(ed, "ssh:other");
	struct rd r = rd_of(ssh_key_blob(sk_ed));
	struct wr w = wr_new(8192);
	struct view point;
	struct ssh_key *k;

	(void)state;
	assert_false(ssh_key_equal(other, sk_ed));
	ssh_key_free(&other);
	rd_str(&r);
	point = rd_str(&r);
	for (size_t n = 0; n <= 1025; n += n == 0 ? 1 : n == 1 ? 1023 : 1) {
		wr_reset(&w);
		wr_cstr(&w, SK_ED);
		wr_str(&w, point);
		wr_u32(&w, (uint32_t)n);
		for (size_t i = 0; i < n; i++)
			wr_u8(&w, 'x');
		assert_int_equal(ssh_key_parse_blob(wr_view(&w), &k),
		    n <= 1024 ? OK : ERR_PROTO);
		ssh_key_free(&k);
	}
	/* NUL in it */
	wr_reset(&w);
	wr_cstr(&w, SK_ED);
	wr_str(&w, point);
	wr_str(&w, view_of("ssh:\0", 5));
	assert_int_equal(ssh_key_parse_blob(wr_view(&w), &k), ERR_PROTO);
	wr_free(&w);
}

static void
blobs_cut(void **state)
{
	struct ssh_key *all[] = { sk_ed, sk_ec }, *k;
	struct view v;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct wr w = wr_new(8192);

		v = ssh_key_blob(all[i]);
		for (size_t n = 0; n < v.n; n++) {
			uint8_t *cut = malloc(n != 0 ? n : 1);

			memcpy(cut, v.p, n);
			assert_int_equal(ssh_key_parse_blob(view_of(cut, n),
			    &k), ERR_PROTO);
			assert_null(k);
			free(cut);
		}
		wr_bytes(&w, v);
		wr_u8(&w, 0);
		assert_int_equal(ssh_key_parse_blob(wr_view(&w), &k),
		    ERR_PROTO);
		wr_free(&w);
	}
}

/* As ssh-keygen prints them. */
static void
keygen_reads(void **state)
{
	char fp[SSHKEY_FP_MAX];
	struct wr log;

	(void)state;
	tool_need();
	for (int i = 0; i < 2; i++) {
		const struct ssh_key *k = i == 0 ? sk_ed : sk_ec;

		tool_line("sk.pub", "", ssh_key_blob(k));
		assert_int_equal(tool_run("ssh-keygen -lf sk.pub"), 0);
		log = tool_read("log");
		ssh_key_fingerprint(ssh_key_blob(k), fp);
		assert_non_null(memmem(wr_view(&log).p, wr_size(&log), fp,
		    strlen(fp)));
		assert_non_null(memmem(wr_view(&log).p, wr_size(&log),
		    i == 0 ? "(ED25519-SK)" : "(ECDSA-SK)",
		    i == 0 ? 12 : 10));
		wr_free(&log);
	}
}

/* ---- signatures ---- */

static enum err
verify(const struct ssh_key *k, const char *alg, const struct wr *sig,
    struct ssh_sig_details *d)
{
	struct ssh_sig_details own;

	if (d == NULL)
		d = &own;
	memset(d, 0xa5, sizeof(*d));
	return ssh_key_verify_details(k, view_str(alg), view_str(DATA),
	    wr_view(sig), d);
}

static const struct good {
	struct ssh_key **secret, **key;
	const struct token_says *says;
	const char *alg;
} goods[] = {
	{ &ed, &sk_ed, &at_ssh, SK_ED },
	{ &p256, &sk_ec, &at_org, SK_EC },
	{ &p256, &sk_ec, &at_page, WEBAUTHN },
};
#define NGOODS	(sizeof(goods) / sizeof(goods[0]))

static void
good_signatures(void **state)
{
	struct ssh_sig_details d;

	(void)state;
	for (size_t i = 0; i < NGOODS; i++) {
		const struct good *g = &goods[i];
		struct wr sig = token_sign(*g->secret, g->says,
		    view_str(DATA));

		assert_int_equal(verify(*g->key, g->alg, &sig, &d), OK);
		assert_int_equal(d.flags, g->says->flags);
		assert_int_equal(d.counter, g->says->counter);
		assert_int_equal(ssh_key_verify(*g->key, view_str(g->alg),
		    view_str(DATA), wr_view(&sig)), OK);
		/* other data: the browser's says so itself */
		assert_int_equal(ssh_key_verify(*g->key, view_str(g->alg),
		    view_str("else"), wr_view(&sig)),
		    g->says->web != NULL ? ERR_PROTO : ERR_DENIED);
		wr_free(&sig);
	}
	/* a plain key's says nothing of the kind */
	struct wr sig = wr_new(8192);

	assert_int_equal(ssh_key_sign(ed, view_str("ssh-ed25519"),
	    view_str(DATA), &sig), OK);
	assert_int_equal(verify(ed, "ssh-ed25519", &sig, &d), OK);
	assert_int_equal(d.flags, 0);
	assert_int_equal(d.counter, 0);
	wr_free(&sig);
}

/* Every bit counts: flags and counter are signed. */
static void
damaged_signatures(void **state)
{
	struct ssh_sig_details d;

	(void)state;
	for (size_t i = 0; i < NGOODS; i++) {
		const struct good *g = &goods[i];
		struct wr sig = token_sign(*g->secret, g->says,
		    view_str(DATA));
		struct view v = wr_view(&sig);

		for (size_t n = 0; n < v.n; n++) {
			uint8_t *cut = malloc(n != 0 ? n : 1);

			memcpy(cut, v.p, n);
			assert_int_equal(ssh_key_verify(*g->key,
			    view_str(g->alg), view_str(DATA),
			    view_of(cut, n)), ERR_PROTO);
			free(cut);
		}
		for (size_t at = 0; at < v.n; at++) {
			sig.base[at] ^= 1;
			assert_int_not_equal(verify(*g->key, g->alg, &sig,
			    &d), OK);
			assert_int_equal(d.flags, 0);
			assert_int_equal(d.counter, 0);
			sig.base[at] ^= 1;
		}
		wr_u8(&sig, 0);
		assert_int_equal(verify(*g->key, g->alg, &sig, NULL),
		    ERR_PROTO);
		wr_free(&sig);
	}
}

/* The token signed for another application, or with another name. */
static void
crossed_signatures(void **state)
{
	struct token_says says = at_ssh;
	struct wr sig, plain = wr_new(8192);

	(void)state;
	says.app = "ssh:x";
	sig = token_sign(ed, &says, view_str(DATA));
	assert_int_equal(verify(sk_ed, SK_ED, &sig, NULL), ERR_DENIED);
	wr_free(&sig);
	/* every algorithm on every key and signature but the three good */
	for (size_t i = 0; i < NGOODS; i++) {
		struct view algs = view_str(ssh_sigalg_list()), alg;

		sig = token_sign(*goods[i].secret, goods[i].says,
		    view_str(DATA));
		while (namelist_next(&algs, &alg)) {
			struct ssh_key *ks[] = { ed, p256, sk_ed, sk_ec };

			for (size_t k = 0; k < 4; k++) {
				bool good = view_is(alg, goods[i].alg) &&
				    ks[k] == *goods[i].key;

				assert_int_equal(ssh_key_verify(ks[k], alg,
				    view_str(DATA), wr_view(&sig)),
				    good ? OK : ERR_PROTO);
			}
		}
		wr_free(&sig);
	}
	/* the secret key's ordinary signature, renamed */
	assert_int_equal(ssh_key_sign(ed, view_str("ssh-ed25519"),
	    view_str(DATA), &plain), OK);
	assert_int_equal(verify(sk_ed, SK_ED, &plain, NULL), ERR_PROTO);
	assert_int_equal(verify(sk_ed, "ssh-ed25519", &plain, NULL),
	    ERR_PROTO);
	wr_free(&plain);
}

/* ---- browsers ---- */

#define B64	"d2hhdCB0aGUgc2Vzc2lvbiB3YW50cyBzaWduZWQ"
#define HEAD	"{\"type\":\"webauthn.get\",\"challenge\":\""

static void
client_data(void **state)
{
	static const struct {
		const char *origin, *client;
		bool ok;
	} rows[] = {
		{ "o", HEAD B64 "\",\"origin\":\"o\"}", true },
		{ "o", HEAD B64 "\",\"origin\":\"o\",\"x\":1}", true },
		{ "", HEAD B64 "\",\"origin\":\"\"}", true },
		{ "o", HEAD B64 "\",\"origin\":\"o\"", false },
		{ "o", HEAD B64 "\",\"origin\":\"o\"x}", false },
		{ "o", HEAD B64 "\",\"origin\":\"p\"}", false },
		{ "o", HEAD B64 "\",\"origin\":\"oo\"}", false },
		{ "o", HEAD B64 "=\",\"origin\":\"o\"}", false },
		{ "o", HEAD "d2hh\",\"origin\":\"o\"}", false },
		{ "o", HEAD "\",\"origin\":\"o\"}", false },
		{ "o", "{\"type\":\"webauthn.create\",\"challenge\":\"" B64
		    "\",\"origin\":\"o\"}", false },
		{ "o", " " HEAD B64 "\",\"origin\":\"o\"}", false },
		{ "o", "", false },
		{ "o", "{}", false },
		{ "o\",\"crossOrigin", HEAD B64
		    "\",\"origin\":\"o\",\"crossOrigin\"}", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct token_web web = { rows[i].origin, rows[i].client,
		    NULL };
		struct token_says says = { "example.org", 1, 1, &web };
		struct wr sig = token_sign(p256, &says, view_str(DATA));

		if (verify(sk_ec, WEBAUTHN, &sig, NULL) !=
		    (rows[i].ok ? OK : ERR_PROTO))
			fail_msg("row %zu: %s", i, rows[i].client);
		wr_free(&sig);
	}
}

/* Extensions are announced, an attestation is no login. */
static void
client_flags(void **state)
{
	static const struct {
		uint8_t flags;
		const char *extensions;
		bool ok;
	} rows[] = {
		{ 0x00, "", true }, { 0x05, "", true },
		{ 0x81, "\xa1", true }, { 0x01, "\xa1", false },
		{ 0x81, "", false }, { 0x41, "", false },
		{ 0xc1, "\xa1", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct token_web web = { "o", NULL, rows[i].extensions };
		struct token_says says = { "example.org", rows[i].flags, 1,
		    &web };
		struct wr sig = token_sign(p256, &says, view_str(DATA));

		assert_int_equal(verify(sk_ec, WEBAUTHN, &sig, NULL),
		    rows[i].ok ? OK : ERR_PROTO);
		wr_free(&sig);
	}
}

/* ---- ssh-keygen -Y, which knows tokens and browsers too ---- */

static void
keygen_verifies(void **state)
{
	uint8_t digest[HASH_MAX];

	(void)state;
	tool_need();
	tool_write("message", view_str("hello\n"));
	assert_true(hash_once(HASH_SHA512, view_str("hello\n"), digest));
	for (size_t i = 0; i < NGOODS; i++) {
		struct wr data = wr_new(8192), all = wr_new(1 << 16);
		struct wr file = wr_new(1 << 16), sig;

		wr_bytes(&data, view_str("SSHSIG"));
		wr_cstr(&data, "test");
		wr_cstr(&data, "");
		wr_cstr(&data, "sha512");
		wr_str(&data, view_of(digest, 64));
		sig = token_sign(*goods[i].secret, goods[i].says,
		    wr_view(&data));
		assert_int_equal(ssh_key_verify(*goods[i].key,
		    view_str(goods[i].alg), wr_view(&data), wr_view(&sig)),
		    OK);
		wr_bytes(&all, view_str("SSHSIG"));
		wr_u32(&all, 1);
		wr_str(&all, ssh_key_blob(*goods[i].key));
		wr_cstr(&all, "test");
		wr_cstr(&all, "");
		wr_cstr(&all, "sha512");
		wr_str(&all, wr_view(&sig));
		wr_bytes(&file, view_str("-----BEGIN SSH SIGNATURE-----\n"));
		crypto_base64_encode(wr_view(&all), &file);
		wr_bytes(&file, view_str("\n-----END SSH SIGNATURE-----\n"));
		tool_write("sig", wr_view(&file));
		if (tool_run("ssh-keygen -Y check-novalidate -n test -s sig "
		    "<message") != 0)
			fail_msg("ssh-keygen refuses %s", goods[i].alg);
		wr_free(&data);
		wr_free(&all);
		wr_free(&file);
		wr_free(&sig);
	}
}

/* ---- sizes ---- */

static void
sizes(void **state)
{
	static const struct {
		const char *type;
		unsigned bits;
		struct ssh_key_sizes min;
		bool ok;
	} rows[] = {
		{ "rsa", 2048, { 0, 0 }, true },
		{ "rsa", 2048, { 2048, 521 }, true },
		{ "rsa", 2048, { 2049, 0 }, false },
		{ "ecdsa", 256, { 16384, 256 }, true },
		{ "ecdsa", 256, { 0, 384 }, false },
		{ "ecdsa", 384, { 0, 384 }, true },
		{ "ecdsa", 521, { 0, 521 }, true },
		{ "ed25519", 0, { 16384, 521 }, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ssh_key *k = ssh_key_generate(rows[i].type,
		    rows[i].bits);

		assert_non_null(k);
		assert_int_equal(ssh_key_size_ok(k, &rows[i].min),
		    rows[i].ok);
		ssh_key_free(&k);
	}
	assert_false(ssh_key_size_ok(sk_ec,
	    &(struct ssh_key_sizes){ 0, 384 }));
	assert_true(ssh_key_size_ok(sk_ed,
	    &(struct ssh_key_sizes){ 0, 384 }));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys),
		cmocka_unit_test(applications),
		cmocka_unit_test(blobs_cut),
		cmocka_unit_test(keygen_reads),
		cmocka_unit_test(good_signatures),
		cmocka_unit_test(damaged_signatures),
		cmocka_unit_test(crossed_signatures),
		cmocka_unit_test(client_data),
		cmocka_unit_test(client_flags),
		cmocka_unit_test(keygen_verifies),
		cmocka_unit_test(sizes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
