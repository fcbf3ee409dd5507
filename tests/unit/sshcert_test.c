/* Certificates that ssh-keygen signed, and others that nobody should. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sshcert.h"
#include "tests/unit/keys_peer.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
#define PERMITS		(SSHCERT_X11 | SSHCERT_AGENT | SSHCERT_PORT | \
			SSHCERT_PTY | SSHCERT_USER_RC)

static const struct kind {
	const char *type;
	unsigned bits;
	const char *app;	/* on a token */
	const char *name;
} kinds[] = {
	{ "ed25519", 0, NULL, "ssh-ed25519-cert-v01@openssh.com" },
	{ "ecdsa", 256, NULL, "ecdsa-sha2-nistp256-cert-v01@openssh.com" },
	{ "ecdsa", 384, NULL, "ecdsa-sha2-nistp384-cert-v01@openssh.com" },
	{ "ecdsa", 521, NULL, "ecdsa-sha2-nistp521-cert-v01@openssh.com" },
	{ "rsa", 2048, NULL, "ssh-rsa-cert-v01@openssh.com" },
	{ "ed25519", 0, "ssh:", "sk-ssh-ed25519-cert-v01@openssh.com" },
	{ "ecdsa", 256, "ssh:x",
	    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com" },
};
#define NKINDS		COUNT(kinds)
#define NPLAIN		5

static struct ssh_key *secret[NKINDS], *key[NKINDS], *ca;

static struct ssh_key *
copy(const struct ssh_key *k)
{
	struct ssh_key *out;

	assert_int_equal(ssh_key_parse_blob(ssh_key_blob(k), &out), OK);
	return out;
}

static int
setup(void **state)
{
	ca = ssh_key_generate("ed25519", 0);
	for (size_t i = 0; i < NKINDS; i++) {
		secret[i] = ssh_key_generate(kinds[i].type, kinds[i].bits);
		if (secret[i] == NULL)
			return -1;
		key[i] = kinds[i].app != NULL ?
		    token_key(secret[i], kinds[i].app) : copy(secret[i]);
	}
	return tool_setup(state);
}

static int
teardown(void **state)
{
	for (size_t i = 0; i < NKINDS; i++) {
		ssh_key_free(&secret[i]);
		ssh_key_free(&key[i]);
	}
	ssh_key_free(&ca);
	return tool_teardown(state);
}

static struct ssh_cert *
parse_ok(const struct wr *w)
{
	struct ssh_cert *c;

	assert_int_equal(ssh_cert_parse(wr_view(w), &c), OK);
	assert_non_null(c);
	return c;
}

/* What it answers to a certificate, which is freed. */
static enum err
answer(struct wr w)
{
	struct ssh_cert *c;
	enum err err = ssh_cert_parse(wr_view(&w), &c);

	assert_int_equal(err == OK, c != NULL);
	ssh_cert_free(&c);
	assert_null(c);
	wr_free(&w);
	return err;
}

/* ---- ssh-keygen -s ---- */

/* Every kind of key certified by every kind of authority. */
static void
keygen_all_kinds(void **state)
{
	(void)state;
	tool_need();
	for (size_t a = 0; a < NPLAIN; a++) {
		tool_key("ca", secret[a]);
		for (size_t i = 0; i < NKINDS; i++) {
			struct ssh_cert *c;
			struct wr w;

			tool_line("k.pub", "", ssh_key_blob(key[i]));
			assert_int_equal(tool_run("rm -f k-cert.pub; "
			    "ssh-keygen -q -s ca -I 'id %zu' -n acme,edi "
			    "-z 42 -V 20200101Z:20300101Z k.pub", i), 0);
			w = tool_blob("k-cert.pub");
			c = parse_ok(&w);
			assert_string_equal(ssh_key_type(c->key),
			    kinds[i].name);
			assert_true(view_eq(ssh_key_blob(c->key),
			    wr_view(&w)));
			assert_true(view_eq(wr_view(&c->plain),
			    ssh_key_blob(key[i])));
			assert_true(ssh_key_equal(c->ca, secret[a]));
			assert_int_equal(c->serial, 42);
			assert_int_equal(c->type, SSHCERT_USER);
			assert_int_equal(c->options, PERMITS);
			assert_int_equal(c->nprincipals, 2);
			assert_true(ssh_cert_names(c, view_str("acme")));
			assert_true(ssh_cert_names(c, view_str("edi")));
			assert_false(ssh_cert_names(c, view_str("ed")));
			assert_null(c->unknown.p);
			assert_int_equal(ssh_key_is_sk(c->key),
			    kinds[i].app != NULL);
			ssh_cert_free(&c);
			wr_free(&w);
		}
	}
}

static void
keygen_rsa_algorithms(void **state)
{
	static const struct {
		const char *alg;
		enum err want;
	} rows[] = {
		{ "rsa-sha2-256", OK }, { "rsa-sha2-512", OK },
		{ "ssh-rsa", ERR_PROTO },
	};

	(void)state;
	tool_need();
	tool_key("ca", secret[4]);
	tool_line("k.pub", "", ssh_key_blob(key[0]));
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(tool_run("rm -f k-cert.pub; ssh-keygen -q "
		    "-s ca -t %s -I id -n acme k.pub", rows[i].alg), 0);
		assert_int_equal(answer(tool_blob("k-cert.pub")),
		    rows[i].want);
	}
}

static void
keygen_options(void **state)
{
	static const struct {
		const char *args;
		uint32_t options;
		const char *command, *source;
	} rows[] = {
		{ "-n a", PERMITS, "", "" },
		{ "-n a -O clear", 0, "", "" },
		{ "-n a -O clear -O permit-pty", SSHCERT_PTY, "", "" },
		{ "-n a -O no-pty", PERMITS & ~SSHCERT_PTY, "", "" },
		{ "-n a -O no-touch-required", PERMITS | SSHCERT_NO_TOUCH,
		    "", "" },
		{ "-n a -O verify-required", PERMITS | SSHCERT_VERIFY, "",
		    "" },
		{ "-n a -O force-command=internal-sftp",
		    PERMITS | SSHCERT_FORCE_COMMAND, "internal-sftp", "" },
		{ "-n a -O source-address=10.0.0.0/8,::1/128",
		    PERMITS | SSHCERT_SOURCE_ADDRESS, "",
		    "10.0.0.0/8,::1/128" },
		{ "-n a -O clear -O no-touch-required -O verify-required "
		    "-O force-command=x -O source-address=10.0.0.1/32",
		    SSHCERT_NO_TOUCH | SSHCERT_VERIFY | SSHCERT_FORCE_COMMAND |
		    SSHCERT_SOURCE_ADDRESS, "x", "10.0.0.1/32" },
		{ "-n a -O extension:zzz@example.org=1", PERMITS, "", "" },
	};

	(void)state;
	tool_need();
	tool_key("ca", ca);
	tool_line("k.pub", "", ssh_key_blob(key[5]));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ssh_cert *c;
		struct wr w;

		assert_int_equal(tool_run("rm -f k-cert.pub; ssh-keygen -q "
		    "-s ca -I id %s k.pub", rows[i].args), 0);
		w = tool_blob("k-cert.pub");
		c = parse_ok(&w);
		assert_int_equal(c->options, rows[i].options);
		assert_true(view_is(c->force_command, rows[i].command));
		assert_true(view_is(c->source_address, rows[i].source));
		assert_null(c->unknown.p);
		ssh_cert_free(&c);
		wr_free(&w);
	}
	assert_int_equal(tool_run("rm -f k-cert.pub; ssh-keygen -q -s ca "
	    "-I id -O critical:new@example.org=1 -n a k.pub"), 0);
	struct wr w = tool_blob("k-cert.pub");
	struct ssh_cert *c = parse_ok(&w);

	assert_true(view_is(c->unknown, "new@example.org"));
	ssh_cert_free(&c);
	wr_free(&w);
}

static void
keygen_hosts_and_times(void **state)
{
	struct ssh_cert *c;
	struct wr w;

	(void)state;
	tool_need();
	tool_key("ca", ca);
	tool_line("k.pub", "", ssh_key_blob(key[0]));
	assert_int_equal(tool_run("rm -f k-cert.pub; ssh-keygen -q -h -s ca "
	    "-I host -V 20200101Z:20300101Z k.pub"), 0);
	w = tool_blob("k-cert.pub");
	c = parse_ok(&w);
	assert_int_equal(c->type, SSHCERT_HOST);
	assert_int_equal(c->options, 0);
	assert_int_equal(c->nprincipals, 0);
	assert_false(ssh_cert_names(c, view_str("")));
	assert_true(view_is(c->key_id, "host"));
	assert_non_null(ssh_cert_outdated(c, 1577836799));
	assert_null(ssh_cert_outdated(c, 1577836800));
	assert_null(ssh_cert_outdated(c, 1893455999));
	assert_string_equal(ssh_cert_outdated(c, 1893456000),
	    "certificate has expired");
	assert_string_equal(ssh_cert_outdated(c, -1),
	    "certificate is not yet valid");
	ssh_cert_free(&c);
	wr_free(&w);
	/* for ever */
	assert_int_equal(tool_run("rm -f k-cert.pub; ssh-keygen -q -s ca "
	    "-I id -n a k.pub"), 0);
	w = tool_blob("k-cert.pub");
	c = parse_ok(&w);
	assert_null(ssh_cert_outdated(c, 0));
	assert_null(ssh_cert_outdated(c, INT64_MAX));
	ssh_cert_free(&c);
	wr_free(&w);
}

/* ssh-keygen -L reads what is made by hand here: the hand is right. */
static void
keygen_reads_ours(void **state)
{
	(void)state;
	tool_need();
	for (size_t i = 0; i < NKINDS; i++) {
		struct cert_parts p = cert_parts(key[i], ca);
		struct wr w = cert_make(&p);

		tool_line("k-cert.pub", "", wr_view(&w));
		assert_int_equal(tool_run("ssh-keygen -Lf k-cert.pub"), 0);
		assert_int_equal(answer(w), OK);
	}
}

/* ---- whose signature counts ---- */

static void
signer(void **state)
{
	static const char data[] = "what is signed";

	(void)state;
	for (size_t i = 0; i < NPLAIN; i++) {
		struct cert_parts p = cert_parts(key[i], ca);
		struct wr w = cert_make(&p), sig = wr_new(8192);
		struct ssh_key *k, *plain;
		struct view algs, alg;

		assert_int_equal(ssh_cert_signer(wr_view(&w), &k), OK);
		assert_int_equal(ssh_cert_signer(ssh_key_blob(key[i]),
		    &plain), OK);
		assert_true(ssh_key_equal(plain, key[i]));
		assert_string_equal(ssh_key_type(k), kinds[i].name);
		algs = view_str(ssh_key_sigalgs(secret[i]));
		assert_true(namelist_next(&algs, &alg));
		assert_int_equal(ssh_key_sign(secret[i], alg, view_str(data),
		    &sig), OK);
		/* by the name of the certificate's algorithm alone */
		assert_int_equal(ssh_key_verify(plain, alg, view_str(data),
		    wr_view(&sig)), OK);
		assert_int_equal(ssh_key_verify(k, alg, view_str(data),
		    wr_view(&sig)), ERR_PROTO);
		algs = view_str(ssh_key_sigalgs(k));
		assert_true(namelist_next(&algs, &alg));
		assert_int_equal(ssh_key_verify(k, alg, view_str(data),
		    wr_view(&sig)), OK);
		assert_int_equal(ssh_key_verify(k, alg, view_str("else"),
		    wr_view(&sig)), ERR_DENIED);
		assert_int_equal(ssh_key_verify(plain, alg, view_str(data),
		    wr_view(&sig)), ERR_PROTO);
		assert_int_equal(ssh_key_sign(k, alg, view_str(data), &sig),
		    ERR_DENIED);
		ssh_key_free(&k);
		ssh_key_free(&plain);
		wr_free(&w);
		wr_free(&sig);
	}
}

/* The server looks at the key alone, the login at everything. */
static void
signer_of_bad_certificates(void **state)
{
	struct cert_parts p = cert_parts(key[0], ca);
	struct wr w = cert_make(&p);
	struct ssh_key *k;

	(void)state;
	w.base[w.len - 1] ^= 1;
	assert_int_equal(ssh_cert_signer(wr_view(&w), &k), OK);
	ssh_key_free(&k);
	assert_int_equal(ssh_cert_signer(view_of(w.base, 30), &k), ERR_PROTO);
	assert_null(k);
	assert_int_equal(answer(w), ERR_DENIED);
	/* a certificate is never a key where a key is asked for */
	w = cert_make(&p);
	assert_int_equal(ssh_key_parse_blob(wr_view(&w), &k), ERR_PROTO);
	assert_null(k);
	wr_free(&w);
	/* nor a key a certificate */
	w = wr_new(8192);
	wr_bytes(&w, ssh_key_blob(key[0]));
	assert_int_equal(answer(w), ERR_PROTO);
}

/* ---- refused ---- */

static void
truncated_and_damaged(void **state)
{
	(void)state;
	for (size_t i = 0; i < NKINDS; i += 4) {
		struct cert_parts p = cert_parts(key[i], ca);
		struct wr w = cert_make(&p);
		struct view v = wr_view(&w);
		struct ssh_cert *c;

		for (size_t n = 0; n < v.n; n++) {
			uint8_t *cut = malloc(n != 0 ? n : 1);

			memcpy(cut, v.p, n);
			assert_int_equal(ssh_cert_parse(view_of(cut, n), &c),
			    ERR_PROTO);
			assert_null(c);
			free(cut);
		}
		for (size_t at = 0; at < v.n; at++) {
			w.base[at] ^= 4;
			assert_int_not_equal(ssh_cert_parse(v, &c), OK);
			assert_null(c);
			w.base[at] ^= 4;
		}
		wr_u8(&w, 0);
		assert_int_equal(answer(w), ERR_PROTO);
	}
}

/* An authority must be a key of a kind that may sign, and sign with it. */
static void
authorities(void **state)
{
	static const struct {
		const char *alg;
		enum err want;
	} names[] = {
		{ "rsa-sha2-512", OK }, { "rsa-sha2-256", ERR_DENIED },
		{ "ssh-rsa", ERR_PROTO }, { "", ERR_PROTO },
		{ "rsa-sha2-512,rsa-sha2-256", ERR_PROTO },
		{ "rsa-sha2-512-cert-v01@openssh.com", ERR_PROTO },
		{ "ssh-ed25519", ERR_PROTO },
	};
	struct cert_parts p = cert_parts(key[0], ca);
	struct cert_parts inner = cert_parts(ca, ca);
	struct wr cert = cert_make(&inner), w;
	struct ssh_key *rsa = secret[4];

	(void)state;
	/* a certificate as authority of a certificate */
	p.ca_blob = wr_view(&cert);
	assert_int_equal(answer(cert_make(&p)), ERR_PROTO);
	wr_free(&cert);
	/* another key than the one that signed */
	p.ca_blob = ssh_key_blob(key[1]);
	assert_int_equal(answer(cert_make(&p)), ERR_PROTO);
	p.ca_blob = ssh_key_blob(secret[0]);
	assert_int_equal(answer(cert_make(&p)), ERR_DENIED);
	/* no key at all, one of an unknown type, one too short */
	p.ca_blob = view_of("\0\0\0\0", 4);
	assert_int_equal(answer(cert_make(&p)), ERR_PROTO);
	p.ca_blob = view_of("\0\0\0\7ssh-dss", 11);
	assert_int_equal(answer(cert_make(&p)), ERR_PROTO);
	w = wr_new(8192);
	wr_cstr(&w, "ssh-rsa");
	wr_mpint(&w, view_of("\1\0\1", 3));
	wr_u32(&w, 129);
	wr_u8(&w, 0);
	for (int i = 0; i < 128; i++)
		wr_u8(&w, 0xff);
	p.ca_blob = wr_view(&w);
	assert_int_equal(answer(cert_make(&p)), ERR_LIMIT);
	wr_free(&w);
	/* the signature renamed: SHA-1, another hash, the certificate's */
	p = cert_parts(key[0], rsa);
	for (size_t i = 0; i < COUNT(names); i++) {
		struct wr whole = cert_make(&p), sig = wr_new(8192);
		struct ssh_cert *c = parse_ok(&whole);
		struct rd r = rd_of(c->signature);

		w = wr_new(16384);
		wr_bytes(&w, c->signed_part);
		(void)rd_str(&r);
		wr_cstr(&sig, names[i].alg);
		wr_str(&sig, rd_str(&r));
		wr_str(&w, wr_view(&sig));
		assert_int_equal(answer(w), names[i].want);
		ssh_cert_free(&c);
		wr_free(&whole);
		wr_free(&sig);
	}
	/* signs itself: no harm, somebody has to trust it */
	p = cert_parts(ca, ca);
	assert_int_equal(answer(cert_make(&p)), OK);
}

/* A token may be an authority; a browser may not. */
static void
token_authority(void **state)
{
	static const struct token_web web = { "o", NULL, "" };
	struct token_says says = { "ssh:x", 1, 1, NULL };
	struct cert_parts p = cert_parts(key[0], ca);

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct wr w = cert_make(&p), t = wr_new(1 << 16), sig;
		struct ssh_cert *c;

		assert_int_equal(ssh_cert_parse(wr_view(&w), &c), OK);
		/* up to the authority's key */
		wr_bytes(&t, view_of(c->signed_part.p, c->signed_part.n - 4 -
		    ssh_key_blob(ca).n));
		ssh_cert_free(&c);
		wr_str(&t, ssh_key_blob(key[6]));
		says.web = i == 0 ? NULL : &web;
		sig = token_sign(secret[6], &says, wr_view(&t));
		wr_str(&t, wr_view(&sig));
		assert_int_equal(answer(t), i == 0 ? OK : ERR_PROTO);
		wr_free(&sig);
		wr_free(&w);
	}
}

static void
types_and_roles(void **state)
{
	static const char *const types[] = {
		"ssh-ed25519", "ssh-ed25519-cert-v00@openssh.com",
		"ssh-ed25519-cert-v01@openssh.co", "",
		"rsa-sha2-512-cert-v01@openssh.com",
		"ecdsa-sha2-nistp256-cert-v01@openssh.com",
		"sk-ssh-ed25519-cert-v01@openssh.com",
	};
	struct cert_parts p = cert_parts(key[0], ca);

	(void)state;
	for (size_t i = 0; i < COUNT(types); i++) {
		p.type = types[i];
		assert_int_equal(answer(cert_make(&p)), ERR_PROTO);
	}
	p.type = NULL;
	for (uint32_t i = 0; i < 6; i++) {
		p.role = i == 5 ? UINT32_MAX : i;
		assert_int_equal(answer(cert_make(&p)),
		    i == 1 || i == 2 ? OK : ERR_PROTO);
	}
	/* algorithms are no types */
	for (size_t i = 0; i < NKINDS; i++)
		assert_true(ssh_cert_type_known(view_str(kinds[i].name)));
	assert_false(ssh_cert_type_known(view_str(
	    "rsa-sha2-512-cert-v01@openssh.com")));
	assert_false(ssh_cert_type_known(view_str("ssh-ed25519")));
}

/* In order, each once, with the value that belongs to it. */
static void
option_lists(void **state)
{
	static const struct {
		const char *critical, *extensions;
		enum err want;
	} rows[] = {
		{ "", "", OK },
		{ "force-command=a,source-address=b,verify-required", "", OK },
		{ "source-address=b,force-command=a", "", ERR_PROTO },
		{ "force-command=a,force-command=a", "", ERR_PROTO },
		{ "force-command", "", ERR_PROTO },
		{ "source-address", "", ERR_PROTO },
		{ "verify-required=1", "", ERR_PROTO },
		{ "a,b,c", "", OK },
		{ "b,a", "", ERR_PROTO },
		{ "", "permit-pty,permit-agent-forwarding", ERR_PROTO },
		{ "", "permit-pty,permit-pty", ERR_PROTO },
		{ "", "permit-pty=1", ERR_PROTO },
		{ "", "no-touch-required=", ERR_PROTO },
		{ "", "a=1,b=2,permit-pty,z=3", OK },
		{ "", "z,a", ERR_PROTO },
		{ "", ",permit-pty", ERR_PROTO },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct cert_parts p = cert_parts(key[0], ca);
		enum err err;

		p.critical = rows[i].critical;
		p.extensions = rows[i].extensions;
		if ((err = answer(cert_make(&p))) != rows[i].want)
			fail_msg("row %zu: %s", i, err_word(err));
	}
}

/* What is critical is no extension, and the other way round. */
static void
options_in_the_wrong_list(void **state)
{
	struct cert_parts p = cert_parts(key[0], ca);
	struct ssh_cert *c;
	struct wr w;

	(void)state;
	p.critical = "permit-pty";
	p.extensions = "force-command=x,source-address=y,verify-required";
	w = cert_make(&p);
	c = parse_ok(&w);
	assert_int_equal(c->options, 0);
	assert_true(view_is(c->unknown, "permit-pty"));
	ssh_cert_free(&c);
	wr_free(&w);
	/* the first unknown one, whatever else there is */
	p.critical = "alpha=1,force-command=ls,zeta";
	w = cert_make(&p);
	c = parse_ok(&w);
	assert_true(view_is(c->unknown, "alpha"));
	assert_true(view_is(c->force_command, "ls"));
	assert_int_equal(c->options, SSHCERT_FORCE_COMMAND);
	ssh_cert_free(&c);
	wr_free(&w);
}

static void
limits(void **state)
{
	struct cert_parts p = cert_parts(key[0], ca);
	char *names = malloc(40000), *at = names;
	struct ssh_cert *c;
	struct wr w;

	(void)state;
	assert_non_null(names);
	for (int i = 0; i <= SSHCERT_PRINCIPALS_MAX; i++) {
		if (i >= SSHCERT_PRINCIPALS_MAX - 1) {
			p.principals = names;
			at[-(i != 0)] = '\0';
			w = cert_make(&p);
			at[-(i != 0)] = ',';
			c = parse_ok(&w);
			assert_int_equal(c->nprincipals, i);
			assert_true(ssh_cert_names(c, view_str("n254")) ==
			    (i > 254));
			ssh_cert_free(&c);
			wr_free(&w);
		}
		at += sprintf(at, "n%d,", i);
	}
	at[-1] = '\0';
	assert_int_equal(answer(cert_make(&p)), ERR_LIMIT);
	/* bytes */
	memset(names, 'x', 39999);
	names[39999] = '\0';
	p.principals = "acme";
	p.key_id = names;
	assert_int_equal(answer(cert_make(&p)), ERR_LIMIT);
	names[30000] = '\0';
	assert_int_equal(answer(cert_make(&p)), OK);
	free(names);
}

/* NUL nowhere, where a text stands. */
static void
texts(void **state)
{
	static const char *const words[] = { "an id", "acme", "permit-pty" };
	struct cert_parts p = cert_parts(key[0], ca);

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		struct wr w = cert_make(&p);
		uint8_t *at = memmem(w.base, w.len, words[i],
		    strlen(words[i]));
		struct ssh_cert *c;

		assert_non_null(at);
		at[1] = '\0';
		assert_int_equal(ssh_cert_parse_unchecked(wr_view(&w), &c),
		    ERR_PROTO);
		at[1] = (uint8_t)words[i][1];
		assert_int_equal(answer(w), OK);
	}
}

static void
plain_blob(void **state)
{
	struct cert_parts p = cert_parts(key[6], ca);
	struct wr w = cert_make(&p), out = wr_new(8192), small = wr_new(20);

	(void)state;
	assert_true(ssh_cert_plain(wr_view(&w), &out));
	assert_true(view_eq(wr_view(&out), ssh_key_blob(key[6])));
	assert_false(ssh_cert_plain(wr_view(&w), &small));
	assert_false(ssh_cert_plain(ssh_key_blob(key[6]), &out));
	assert_false(ssh_cert_plain(view_of(w.base, 80), &out));
	wr_free(&w);
	wr_free(&out);
	wr_free(&small);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keygen_all_kinds),
		cmocka_unit_test(keygen_rsa_algorithms),
		cmocka_unit_test(keygen_options),
		cmocka_unit_test(keygen_hosts_and_times),
		cmocka_unit_test(keygen_reads_ours),
		cmocka_unit_test(signer),
		cmocka_unit_test(signer_of_bad_certificates),
		cmocka_unit_test(truncated_and_damaged),
		cmocka_unit_test(authorities),
		cmocka_unit_test(token_authority),
		cmocka_unit_test(types_and_roles),
		cmocka_unit_test(option_lists),
		cmocka_unit_test(options_in_the_wrong_list),
		cmocka_unit_test(limits),
		cmocka_unit_test(texts),
		cmocka_unit_test(plain_blob),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
