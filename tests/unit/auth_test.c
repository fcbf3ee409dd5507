/* Who is let in, by which proof, in which order; and that it costs the same
 * to be nobody. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/crypto.h"
#include "tests/unit/auth_peer.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
#define ED		"ssh-ed25519"

static const struct forged honest;
/* Made once: RSA takes its time. */
static struct ssh_key *ed, *ed2, *p256, *p384, *p521, *rsa;

static int
make_keys(void **state)
{
	(void)state;
	ed = ssh_key_generate("ed25519", 256);
	ed2 = ssh_key_generate("ed25519", 256);
	p256 = ssh_key_generate("ecdsa", 256);
	p384 = ssh_key_generate("ecdsa", 384);
	p521 = ssh_key_generate("ecdsa", 521);
	rsa = ssh_key_generate("rsa", 2048);
	return ed && ed2 && p256 && p384 && p521 && rsa ? 0 : -1;
}

static int
free_keys(void **state)
{
	(void)state;
	ssh_key_free(&ed);
	ssh_key_free(&ed2);
	ssh_key_free(&p256);
	ssh_key_free(&p384);
	ssh_key_free(&p521);
	ssh_key_free(&rsa);
	return 0;
}

/* ---- the plain way ---- */

static void
test_login_by_key(void **state)
{
	struct {
		struct ssh_key *k;
		const char *alg;
	} rows[] = {
		{ ed, ED },
		{ p256, "ecdsa-sha2-nistp256" },
		{ p384, "ecdsa-sha2-nistp384" },
		{ p521, "ecdsa-sha2-nistp521" },
		{ rsa, "rsa-sha2-256" },
		{ rsa, "rsa-sha2-512" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char fp[SSHKEY_FP_MAX];
		struct auth_answer out;
		struct world w;

		world_init(&w, "publickey");
		world_key(&w, "", rows[i].k);
		world_start(&w, "acme", true);
		ssh_key_fingerprint(ssh_key_blob(rows[i].k), fp);
		assert_int_equal(world_send(&w, req_query("acme", rows[i].k,
		    rows[i].alg), &out), VERDICT_PK_OK);
		assert_false(out.counted);
		assert_string_equal(out.key, fp);
		assert_int_equal(world_send(&w, req_signed("acme", rows[i].k,
		    rows[i].alg, &honest), &out), VERDICT_SUCCESS);
		assert_true(out.counted);
		assert_string_equal(out.key, fp);
		assert_string_equal(out.reason, "");
		assert_int_equal(out.method, AUTH_PUBLICKEY);
		assert_int_equal(out.not_before_ms, 0);
		assert_int_equal(auth_limits(w.a)->deny, 0);
		/* nothing is heard afterwards */
		assert_int_equal(world_send(&w, req_signed("acme", rows[i].k,
		    rows[i].alg, &honest), NULL), VERDICT_DISCONNECT);
		world_free(&w);
	}
}

static void
test_none(void **state)
{
	struct auth_answer out;
	struct world w;

	(void)state;
	world_init(&w, "publickey+password");
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, req_plain("acme", "ssh-connection",
	    "none"), &out), VERDICT_FAILURE);
	assert_false(out.counted);
	assert_int_equal(out.not_before_ms, 0);
	/* the union over all users, not this user's own */
	assert_int_equal(out.methods, 1 << AUTH_PUBLICKEY | 1 << AUTH_PASSWORD);
	world_start(&w, "acme", false);
	assert_int_equal(world_send(&w, req_plain("acme", "ssh-connection",
	    "none"), &out), VERDICT_FAILURE);
	assert_false(out.counted);
	assert_int_equal(out.methods, 1 << AUTH_PUBLICKEY | 1 << AUTH_PASSWORD);
	world_free(&w);

	/* who needs to prove nothing */
	world_init(&w, "publickey none");
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, req_plain("acme", "ssh-connection",
	    "none"), NULL), VERDICT_SUCCESS);
	/* but from where they may come alone, and only if they exist */
	w.policy.from.n = 1;
	w.from[0] = view_str("11.0.0.0/8");
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, req_plain("acme", "ssh-connection",
	    "none"), NULL), VERDICT_FAILURE);
	world_start(&w, "acme", false);
	assert_int_equal(world_send(&w, req_plain("acme", "ssh-connection",
	    "none"), NULL), VERDICT_FAILURE);
	world_free(&w);

	/* none is no step of a longer chain */
	world_init(&w, "none+publickey");
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, req_plain("acme", "ssh-connection",
	    "none"), NULL), VERDICT_FAILURE);
	world_free(&w);
}

static void
test_absent_methods(void **state)
{
	static const char *const names[] = {
		"keyboard-interactive", "hostbased", "gssapi-with-mic",
		"publickey-hostbound-v01@openssh.com", "", "PUBLICKEY",
		"publickey,none", "%s%n",
	};
	struct auth_answer out;
	struct world w;

	(void)state;
	world_init(&w, "hostbased none+none");
	world_start(&w, "acme", true);
	for (size_t i = 0; i < COUNT(names); i++) {
		struct wr req = req_plain("acme", "ssh-connection", names[i]);

		if (i == 0) {
			wr_cstr(&req, "");
			wr_cstr(&req, "");
		} else if (i == 1) {
			wr_cstr(&req, ED);
			for (int j = 0; j < 4; j++)
				wr_cstr(&req, "x");
		}
		assert_int_equal(world_send(&w, req, &out), VERDICT_FAILURE);
		assert_true(out.counted);
		assert_in_range(out.not_before_ms, 10, 1000);
	}
	world_free(&w);
}

/* ---- requests that are bound to the server's host key ---- */

static struct wr
req_hostbound(const struct ssh_key *k, struct view host_key, bool query,
    const char *signed_method)
{
	struct wr w = req_plain("acme", "ssh-connection",
	    "publickey-hostbound-v00@openssh.com");
	struct wr data = wr_new(1 << 20), sig = wr_new(1 << 16);

	wr_bool(&w, !query);
	wr_cstr(&w, ED);
	wr_str(&w, ssh_key_blob(k));
	wr_str(&w, host_key);
	wr_cstr(&data, SESSION_ID);
	wr_u8(&data, 50);
	wr_cstr(&data, "acme");
	wr_cstr(&data, "ssh-connection");
	wr_cstr(&data, signed_method);
	wr_bool(&data, true);
	wr_cstr(&data, ED);
	wr_str(&data, ssh_key_blob(k));
	wr_str(&data, host_key);
	assert_int_equal(ssh_key_sign(k, view_str(ED), wr_view(&data), &sig),
	    OK);
	if (!query)
		wr_str(&w, wr_view(&sig));
	wr_free(&data);
	wr_free(&sig);
	return w;
}

static void
test_hostbound(void **state)
{
	static const char method[] = "publickey-hostbound-v00@openssh.com";
	static const char elsewhere[] = "request is bound to another host key";
	struct view here = ssh_key_blob(p256), there = ssh_key_blob(rsa);
	uint8_t hash[HASH_MAX];
	struct auth_answer out;
	struct world w;

	(void)state;
	world_init(&w, "publickey");
	world_key(&w, "", ed);
	assert_true(hash_once(HASH_SHA256, here, hash));
	w.start.host_key = view_of(hash, 32);
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, req_hostbound(ed, there, true,
	    method), &out), VERDICT_FAILURE);
	assert_string_equal(out.reason, elsewhere);
	assert_true(out.counted);
	assert_int_equal(out.method, AUTH_PUBLICKEY);
	assert_int_equal(world_send(&w, req_hostbound(ed, there, false,
	    method), &out), VERDICT_FAILURE);
	assert_string_equal(out.reason, elsewhere);
	/* the signature says which of the two methods it is for */
	assert_int_equal(world_send(&w, req_hostbound(ed, here, false,
	    "publickey"), &out), VERDICT_FAILURE);
	assert_string_equal(out.reason, "signature is wrong");
	assert_int_equal(world_send(&w, req_hostbound(ed2, here, false,
	    method), &out), VERDICT_FAILURE);
	assert_string_equal(out.reason, "key is not listed");
	assert_int_equal(world_send(&w, req_hostbound(ed, here, true,
	    method), &out), VERDICT_PK_OK);
	assert_int_equal(world_send(&w, req_hostbound(ed, here, false,
	    method), &out), VERDICT_SUCCESS);
	assert_int_equal(out.method, AUTH_PUBLICKEY);
	/* where the key is not known, nothing is bound to it */
	w.start.host_key = view_of(NULL, 0);
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, req_hostbound(ed, here, false,
	    method), &out), VERDICT_FAILURE);
	assert_int_equal(world_send(&w, req_hostbound(ed, view_of(NULL, 0),
	    false, method), &out), VERDICT_FAILURE);
	assert_string_equal(out.reason, elsewhere);
	world_free(&w);
	/* one key is one key, whichever way it is proved */
	world_init(&w, "publickey+publickey");
	world_key(&w, "", ed);
	w.start.host_key = view_of(hash, 32);
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, req_hostbound(ed, here, false,
	    method), &out), VERDICT_PARTIAL);
	assert_int_equal(world_send(&w, req_signed("acme", ed, ED, &honest),
	    &out), VERDICT_FAILURE);
	assert_string_equal(out.reason,
	    "key has been used for an earlier step");
	world_free(&w);
}

/* ---- what ends the connection ---- */

static void
test_disconnects(void **state)
{
	struct world w;
	struct wr r;

	(void)state;
	world_init(&w, "publickey none");
	world_key(&w, "", ed);

#define ENDS(req) do { \
		world_start(&w, "acme", true); \
		assert_int_equal(world_send(&w, req, NULL), \
		    VERDICT_DISCONNECT); \
		assert_int_equal(world_send(&w, req_plain("acme", \
		    "ssh-connection", "none"), NULL), VERDICT_DISCONNECT); \
	} while (0)
	ENDS(req_plain("root", "ssh-connection", "none"));
	ENDS(req_plain("acm", "ssh-connection", "none"));
	ENDS(req_plain("acmee", "ssh-connection", "none"));
	ENDS(req_plain("ACME", "ssh-connection", "none"));
	ENDS(req_plain("", "ssh-connection", "none"));
	ENDS(req_plain("acme", "ssh-userauth", "none"));
	ENDS(req_plain("acme", "ssh-connection2", "none"));
	ENDS(req_plain("acme", "none", "none"));
	ENDS(req_signed("acme2", ed, ED, &honest));
	ENDS(wr_new(16));			/* empty */
	r = req_plain("acme", "ssh-connection", "none");
	wr_u8(&r, 0);				/* left over */
	ENDS(r);
	r = wr_new(4096);			/* NUL in the name */
	wr_u8(&r, 50);
	wr_str(&r, view_of("acme\0x", 6));
	wr_cstr(&r, "ssh-connection");
	wr_cstr(&r, "none");
	ENDS(r);
	r = req_password("acme", view_of("a\0b", 3));
	ENDS(r);
	for (unsigned i = 0; i < 256; i++) {	/* other messages */
		if (i == 50)
			continue;
		r = req_plain("acme", "ssh-connection", "none");
		r.base[0] = (uint8_t)i;
		ENDS(r);
	}
	/* a change of name after a partial success */
	world_free(&w);
	world_init(&w, "publickey+publickey");
	world_key(&w, "", ed);
	world_key(&w, "", ed2);
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, req_signed("acme", ed, ED, &honest),
	    NULL), VERDICT_PARTIAL);
	assert_int_equal(world_send(&w, req_signed("bob", ed2, ED, &honest),
	    NULL), VERDICT_DISCONNECT);
	world_free(&w);
#undef ENDS
}

/* Every truncation of a good request ends the connection, alike for users
 * that exist and that do not. */
static void
test_truncations(void **state)
{
	struct wr whole = req_signed("acme", ed, ED, &honest);
	struct view v = wr_view(&whole);
	struct world w;

	(void)state;
	world_init(&w, "publickey");
	world_key(&w, "", ed);
	for (size_t n = 0; n < v.n; n++) {
		for (int exists = 0; exists < 2; exists++) {
			struct wr cut = wr_new(4096);

			wr_bytes(&cut, view_of(v.p, n));
			world_start(&w, "acme", exists);
			assert_int_equal(world_send(&w, cut, NULL),
			    VERDICT_DISCONNECT);
		}
	}
	wr_free(&whole);
	world_free(&w);
}

/* ---- forged proofs ---- */

static void
test_forged(void **state)
{
	static const struct {
		struct forged f;
		const char *why;
	} rows[] = {
		{ { .session = "another session id, also 32 byte" },
		    "signature is wrong" },
		{ { .session = "" }, "signature is wrong" },
		{ { .user = "root" }, "signature is wrong" },
		{ { .user = "" }, "signature is wrong" },
		{ { .service = "ssh-userauth" }, "signature is wrong" },
		{ { .service = "none" }, "signature is wrong" },
		{ { .method = "hostbased" }, "signature is wrong" },
	};
	struct auth_answer out;
	struct world w;
	struct wr r;

	(void)state;
	world_init(&w, "publickey");
	world_key(&w, "", ed);
	world_key(&w, "", rsa);
	world_start(&w, "acme", true);
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(world_send(&w, req_signed("acme", ed, ED,
		    &rows[i].f), &out), VERDICT_FAILURE);
		assert_string_equal(out.reason, rows[i].why);
		assert_true(out.counted);
		assert_in_range(out.not_before_ms, 10, 1000);
	}
	/* one bit of the signature */
	r = req_signed("acme", ed, ED, &honest);
	r.base[r.len - 1] ^= 1;
	assert_int_equal(world_send(&w, r, &out), VERDICT_FAILURE);
	/* empty signature; one without its inner string; rubbish */
	for (int i = 0; i < 3; i++) {
		r = req_plain("acme", "ssh-connection", "publickey");
		wr_bool(&r, true);
		wr_cstr(&r, ED);
		wr_str(&r, ssh_key_blob(ed));
		wr_str(&r, i == 0 ? view_of(NULL, 0) : i == 1 ?
		    view_of("\0\0\0\013ssh-ed25519", 15) :
		    view_str("nonsense that is no blob"));
		assert_int_equal(world_send(&w, r, &out), VERDICT_FAILURE);
	}
	/* the right signature of another key */
	r = req_signed("acme", ed2, ED, &honest);
	assert_int_equal(world_send(&w, r, &out), VERDICT_FAILURE);
	assert_string_equal(out.reason, "key is not listed");
	/* SHA-256 inside what claims SHA-512, and the reverse */
	assert_int_equal(world_send(&w, req_signed("acme", rsa,
	    "rsa-sha2-512", &(struct forged){ .alg = "rsa-sha2-256" }), &out),
	    VERDICT_FAILURE);
	assert_int_equal(world_send(&w, req_signed("acme", rsa,
	    "rsa-sha2-256", &(struct forged){ .alg = "rsa-sha2-512" }), &out),
	    VERDICT_FAILURE);
	/* and the connection still takes the honest one */
	assert_int_equal(world_send(&w, req_signed("acme", ed, ED, &honest),
	    NULL), VERDICT_SUCCESS);
	world_free(&w);
}

/* An SHA-1 signature inside rsa-sha2-512: the inner name is `ssh-rsa`. */
static void
test_sha1_inside_sha2(void **state)
{
	struct auth_answer out;
	struct world w;
	struct wr r, sig;

	(void)state;
	world_init(&w, "publickey");
	world_key(&w, "", rsa);
	world_start(&w, "acme", true);
	for (int i = 0; i < 2; i++) {
		sig = wr_new(4096);
		wr_cstr(&sig, "ssh-rsa");
		wr_u32(&sig, 256);
		for (int j = 0; j < 256; j++)
			wr_u8(&sig, 7);
		r = req_plain("acme", "ssh-connection", "publickey");
		wr_bool(&r, true);
		wr_cstr(&r, i == 0 ? "rsa-sha2-512" : "ssh-rsa");
		wr_str(&r, ssh_key_blob(rsa));
		wr_str(&r, wr_view(&sig));
		wr_free(&sig);
		assert_int_equal(world_send(&w, r, &out), VERDICT_FAILURE);
		assert_string_equal(out.reason, i == 0 ?
		    "signature is malformed or of another algorithm" :
		    "signature algorithm is not allowed");
	}
	world_free(&w);
}

static void
test_algorithms(void **state)
{
	struct {
		struct ssh_key *k;
		const char *alg, *why;
	} rows[] = {
		{ rsa, "ssh-rsa", "signature algorithm is not allowed" },
		{ rsa, "ssh-dss", "signature algorithm is not allowed" },
		{ rsa, "", "signature algorithm is not allowed" },
		{ rsa, "rsa-sha2-512,rsa-sha2-256",
		    "signature algorithm is not allowed" },
		{ rsa, "rsa-sha2-51", "signature algorithm is not allowed" },
		{ rsa, "rsa-sha2-512 ", "signature algorithm is not allowed" },
		{ rsa, ED, "signature algorithm does not fit the key" },
		{ ed, "rsa-sha2-512",
		    "signature algorithm does not fit the key" },
		{ p256, "ecdsa-sha2-nistp384",
		    "signature algorithm does not fit the key" },
		{ p521, "ecdsa-sha2-nistp256",
		    "signature algorithm does not fit the key" },
		{ ed, "ssh-ed25519-cert-v01@openssh.com",
		    "signature algorithm does not fit the key" },
		{ ed, "sk-ssh-ed25519@openssh.com",
		    "signature algorithm does not fit the key" },
		{ p256, "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
		    "signature algorithm does not fit the key" },
		{ rsa, "ssh-rsa-cert-v01@openssh.com",
		    "signature algorithm is not allowed" },
	};
	struct auth_answer out;
	struct world w;

	(void)state;
	world_init(&w, "publickey");
	world_key(&w, "", rsa);
	world_key(&w, "", ed);
	world_key(&w, "", p256);
	world_key(&w, "", p521);
	world_start(&w, "acme", true);
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(world_send(&w, req_query("acme", rows[i].k,
		    rows[i].alg), &out), VERDICT_FAILURE);
		assert_string_equal(out.reason, rows[i].why);
		assert_true(out.counted);
	}
	world_free(&w);
}

/* Blobs that are no keys, RSA outside the sizes, odd numbers. */
static void
test_odd_blobs(void **state)
{
	struct auth_answer out;
	struct world w;

	(void)state;
	world_init(&w, "publickey");
	world_key(&w, "", ed);
	world_start(&w, "acme", true);
	for (int i = 0; i < 8; i++) {
		struct wr r = req_plain("acme", "ssh-connection", "publickey");
		struct wr blob = wr_new(1 << 16);
		size_t bytes = i == 4 ? 128 : i == 5 ? 4096 : 255;

		switch (i) {
		case 0:
			break;
		case 1:
			wr_bytes(&blob, view_str("/etc/passwd"));
			break;
		case 2:			/* a byte left over */
			wr_bytes(&blob, ssh_key_blob(ed));
			wr_u8(&blob, 0);
			break;
		case 3:			/* a byte short */
			wr_bytes(&blob, view_of(ssh_key_blob(ed).p,
			    ssh_key_blob(ed).n - 1));
			break;
		case 6:			/* a length of 4 GiB */
			wr_u32(&blob, UINT32_MAX);
			wr_bytes(&blob, view_str("ssh-ed25519"));
			break;
		default:
			wr_cstr(&blob, "ssh-rsa");
			wr_mpint(&blob, view_of("\001\0\001", 3));
			wr_u32(&blob, (uint32_t)bytes + 1);
			wr_u8(&blob, 0);
			for (size_t j = 0; j < bytes; j++)
				wr_u8(&blob, 0xff);
		}
		wr_bool(&r, false);
		wr_cstr(&r, i < 4 || i == 6 ? ED : "rsa-sha2-256");
		wr_str(&r, wr_view(&blob));
		wr_free(&blob);
		assert_int_equal(world_send(&w, r, &out), VERDICT_FAILURE);
		assert_string_equal(out.reason, i == 4 || i == 5 ||
		    i == 7 ?
		    "RSA key is too short or too long" : "malformed key");
		assert_true(out.counted);
	}
	world_free(&w);
}

/* A query proves nothing, for nobody and for no other key. */
static void
test_query_changes_nothing(void **state)
{
	struct auth_answer out;
	struct world w;

	(void)state;
	world_init(&w, "publickey");
	world_key(&w, "", ed);
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, req_query("acme", ed2, ED), &out),
	    VERDICT_FAILURE);
	assert_true(out.counted);
	assert_string_equal(out.reason, "key is not listed");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(world_send(&w, req_query("acme", ed, ED),
		    &out), VERDICT_PK_OK);
		/* signed with one's own key, after asking about another's */
		assert_int_equal(world_send(&w, req_signed("acme", ed2, ED,
		    &honest), &out), VERDICT_FAILURE);
	}
	assert_int_equal(world_send(&w, req_plain("acme", "ssh-connection",
	    "none"), NULL), VERDICT_FAILURE);
	assert_int_equal(world_send(&w, req_query("acme", ed, ED), NULL),
	    VERDICT_PK_OK);
	assert_int_equal(world_send(&w, req_query("bob", ed, ED), NULL),
	    VERDICT_DISCONNECT);
	world_free(&w);
}

/* ---- names that are not names ---- */

static void
test_odd_users(void **state)
{
	static const char *const names[] = {
		"../../etc/shadow", "/", "a/b", "%s%s%s%n", "root\n", "",
		"-oProxyCommand=x", " ", "\xff\xfe",
	};
	struct auth_answer out;
	struct world w;

	(void)state;
	world_init(&w, "publickey");
	world_key(&w, "", ed);
	for (size_t i = 0; i < COUNT(names); i++) {
		world_start(&w, names[i], false);
		assert_int_equal(world_send(&w, req_signed(names[i], ed, ED,
		    &honest), &out), VERDICT_FAILURE);
		assert_string_equal(out.reason, "no such user");
		assert_int_equal(auth_work(w.a)->opens, 1);
	}
	world_free(&w);
}

/* ---- the options of keys ---- */

static void
test_key_options(void **state)
{
	static const struct {
		const char *options;
		const char *why;	/* NULL: taken */
		uint32_t deny;
	} rows[] = {
		{ "", NULL, 0 },
		{ "restrict", NULL, ALLOW_AGENT | ALLOW_PTY | ALLOW_X11 |
		    ALLOW_LOCAL_FORWARD | ALLOW_REMOTE_FORWARD },
		{ "no-pty", NULL, ALLOW_PTY },
		{ "from=\"10.0.0.0/8\"", NULL, 0 },
		{ "from=\"10.0.0.0/8,!10.0.0.1\"",
		    "key option from= does not match", 0 },
		{ "from=\"*.example.com\"",
		    "key option from= does not match", 0 },
		{ "expiry-time=\"20200101Z\"", "key has expired", 0 },
		{ "expiry-time=\"20300101Z\"", NULL, 0 },
		{ "command=\"internal-sftp\"", NULL, ~(uint32_t)ALLOW_SFTP },
		{ "command=\"/bin/true\"",
		    "key option command= is a program, user may run none", 0 },
		{ "command=\"scp -t /in\"", NULL,
		    ALLOW_SFTP | ALLOW_BUILTINS },
		{ "command=\"scpx -t /in\"",
		    "key option command= is a program, user may run none", 0 },
		{ "environment=\"A=b\"",
		    "key option environment= sets a name that env "
		    "does not allow", 0 },
		{ "tunnel=\"1\"", "key option tunnel= is not supported", 0 },
		{ "cert-authority", "key is a certificate authority", 0 },
		{ "principals=\"acme\"",
		    "key option principals= is for certificates", 0 },
		{ "future-option", "key is listed in a faulty line", 0 },
		{ "pty,command=\"x", "key is listed in a faulty line", 0 },
	};
	struct auth_answer out;
	struct world w;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		bool ok = rows[i].why == NULL;

		world_init(&w, "publickey");
		w.policy.allow |= ALLOW_SCP;
		world_key(&w, rows[i].options, ed);
		world_start(&w, "acme", true);
		assert_int_equal(world_send(&w, req_query("acme", ed, ED),
		    &out), ok ? VERDICT_PK_OK : VERDICT_FAILURE);
		assert_string_equal(out.reason, ok ? "" : rows[i].why);
		assert_int_equal(world_send(&w, req_signed("acme", ed, ED,
		    &honest), &out), ok ? VERDICT_SUCCESS : VERDICT_FAILURE);
		assert_int_equal(auth_limits(w.a)->deny, rows[i].deny);
		world_free(&w);
	}
	/* listed twice: one line that permits is enough */
	world_init(&w, "publickey");
	world_key(&w, "from=\"11.0.0.0/8\"", ed);
	world_key(&w, "no-pty", ed);
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, req_signed("acme", ed, ED, &honest),
	    NULL), VERDICT_SUCCESS);
	assert_int_equal(auth_limits(w.a)->deny, ALLOW_PTY);
	world_free(&w);
}

/* The text of a key counts where a key stands, nowhere else in a line. */
static void
test_key_elsewhere(void **state)
{
	struct wr text = wr_new(4096), options = wr_new(4096);
	struct auth_answer out;
	struct world w;

	(void)state;
	crypto_base64_encode(ssh_key_blob(ed), &text);
	wr_u8(&text, '\0');
	wr_bytes(&options, view_str("environment=\"A="));
	wr_bytes(&options, view_str((const char *)wr_view(&text).p));
	wr_bytes(&options, view_str("\""));
	wr_u8(&options, '\0');
	world_init(&w, "publickey");
	world_key(&w, (const char *)wr_view(&options).p, ed2);
	world_key(&w, "", ed2);
	/* as the comment, and as the end of a longer word */
	wr_bytes(&w.lines[1], view_str((const char *)wr_view(&text).p));
	wr_bytes(&w.lines[1], view_str(" "));
	wr_bytes(&w.lines[1], view_str((const char *)wr_view(&text).p));
	w.keys[1].line = wr_view(&w.lines[1]);
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, req_query("acme", ed, ED), &out),
	    VERDICT_FAILURE);
	assert_string_equal(out.reason, "key is not listed");
	assert_int_equal(world_send(&w, req_signed("acme", ed, ED, &honest),
	    NULL), VERDICT_FAILURE);
	assert_int_equal(world_send(&w, req_signed("acme", ed2, ED, &honest),
	    NULL), VERDICT_SUCCESS);
	world_free(&w);
	/* a key for sftp alone is none for a user without sftp */
	world_init(&w, "publickey");
	world_key(&w, "command=\"internal-sftp\"", ed);
	w.policy.allow = ALLOW_SHELL;
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, req_signed("acme", ed, ED, &honest),
	    &out), VERDICT_FAILURE);
	assert_string_equal(out.reason, "key allows only sftp, user does not");
	world_free(&w);
	wr_free(&options);
	wr_free(&text);
}

static void
test_source(void **state)
{
	struct auth_answer out;
	struct world w;

	(void)state;
	world_init(&w, "publickey");
	world_key(&w, "", ed);
	w.policy.from.n = 2;
	w.from[0] = view_str("192.0.2.0/24");
	w.from[1] = view_str("10.0.0.2");
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, req_query("acme", ed, ED), &out),
	    VERDICT_FAILURE);
	assert_string_equal(out.reason, "source address is not allowed");
	assert_int_equal(world_send(&w, req_signed("acme", ed, ED, &honest),
	    &out), VERDICT_FAILURE);
	assert_int_equal(auth_work(w.a)->verifies, 1);
	w.from[1] = view_str("10.0.0.1");
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, req_signed("acme", ed, ED, &honest),
	    &out), VERDICT_SUCCESS);
	/* a list that is broken lets nobody in */
	w.from[0] = view_str("10.0.0.0/99");
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, req_signed("acme", ed, ED, &honest),
	    &out), VERDICT_FAILURE);
	/* nor does a peer without an address */
	w.from[0] = view_str("*");
	w.start.peer = NULL;
	auth_free(&w.a);
	w.a = auth_new(&w.start);
	assert_int_equal(world_send(&w, req_signed("acme", ed, ED, &honest),
	    &out), VERDICT_FAILURE);
	world_free(&w);
}

/* Dates, hours: after the same work as for everybody. */
static void
test_rules(void **state)
{
	/* NOW is 2023-11-14T22:13:20Z, a Tuesday */
	static const struct {
		struct calendar_hours hours;
		const char *zone;
		int64_t not_before, expires;
		const char *why;
	} rows[] = {
		{ { 0, 0, 0 }, "", 0, 0, NULL },
		{ { 0, 0, 0 }, "", NOW, 0, NULL },
		{ { 0, 0, 0 }, "", NOW + 60, 0,
		    "user's first day is not yet" },
		{ { 0, 0, 0 }, "", 0, NOW + 60, NULL },
		{ { 0, 0, 0 }, "", 0, NOW, "user has expired" },
		{ { 1 << 1, 22 * 60, 24 * 60 }, "UTC", 0, 0, NULL },
		{ { 1 << 1, 22 * 60, 22 * 60 + 13 }, "UTC", 0, 0,
		    "outside of the user's hours" },
		{ { 1 << 2, 0, 24 * 60 }, "UTC", 0, 0,
		    "outside of the user's hours" },
		{ { 1 << 2, 0, 24 * 60 }, "Asia/Tokyo", 0, 0, NULL },
		{ { 1 << 1, 0, 24 * 60 }, "Asia/Tokyo", 0, 0,
		    "outside of the user's hours" },
		{ { 0x7f, 0, 24 * 60 }, "Mars/Olympus", 0, 0,
		    "user's time zone cannot be read" },
	};
	struct auth_answer out;
	struct world w;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		bool ok = rows[i].why == NULL;

		world_init(&w, "publickey");
		world_key(&w, "", ed);
		w.policy.hours = &rows[i].hours;
		w.policy.nhours = rows[i].hours.days != 0;
		w.policy.time_zone = view_str(rows[i].zone);
		w.policy.not_before = rows[i].not_before;
		w.policy.expires = rows[i].expires;
		world_start(&w, "acme", true);
		assert_int_equal(world_send(&w, req_query("acme", ed, ED),
		    &out), ok ? VERDICT_PK_OK : VERDICT_FAILURE);
		assert_int_equal(world_send(&w, req_signed("acme", ed, ED,
		    &honest), &out), ok ? VERDICT_SUCCESS : VERDICT_FAILURE);
		assert_string_equal(out.reason, ok ? "" : rows[i].why);
		assert_int_equal(auth_work(w.a)->verifies, 1);
		assert_int_equal(out.methods, ok ? 0 :
		    FIRST & ~(1u << AUTH_NONE));
		world_free(&w);
	}
}

/* The user's own banner comes once, with the first proof, never before. */
static void
test_banner(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "publickey+publickey");
	world_key(&w, "", ed);
	world_key(&w, "", ed2);
	w.policy.banner = view_str("Hello acme\n");
	world_start(&w, "acme", true);
	world_send(&w, req_plain("acme", "ssh-connection", "none"), NULL);
	assert_string_equal(w.notice, "");
	assert_int_equal(world_send(&w, req_query("acme", ed, ED), NULL),
	    VERDICT_PK_OK);
	assert_string_equal(w.notice, "");
	assert_int_equal(world_send(&w, req_signed("acme", rsa,
	    "rsa-sha2-256", &honest), NULL), VERDICT_FAILURE);
	assert_string_equal(w.notice, "");
	assert_int_equal(world_send(&w, req_signed("acme", ed, ED, &honest),
	    NULL), VERDICT_PARTIAL);
	assert_string_equal(w.notice, "Hello acme\n");
	assert_int_equal(world_send(&w, req_signed("acme", ed2, ED, &honest),
	    NULL), VERDICT_SUCCESS);
	assert_string_equal(w.notice, "");
	world_free(&w);
}

/* A success that is not granted: like a wrong proof, and the step is as if
 * it had not been made. */
static void
test_undo(void **state)
{
	struct auth_answer wrong, out;
	struct world w;

	(void)state;
	world_init(&w, "publickey+publickey");
	world_key(&w, "", ed);
	world_key(&w, "no-pty", ed2);
	w.policy.banner = view_str("hi\n");
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, req_signed("acme", ed, ED, &honest),
	    NULL), VERDICT_PARTIAL);
	assert_int_equal(world_send(&w, req_signed("acme", p256,
	    "ecdsa-sha2-nistp256", &honest), &wrong), VERDICT_FAILURE);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(world_send(&w, req_signed("acme", ed2, ED,
		    &honest), &out), VERDICT_SUCCESS);
		assert_int_equal(auth_limits(w.a)->deny, ALLOW_PTY);
		out.notice = wr_new(64);
		wr_bytes(&out.notice, view_str("secret"));
		auth_undo(w.a, &out, "not today");
		assert_int_equal(wr_size(&out.notice), 0);
		wr_free(&out.notice);
		assert_int_equal(out.verdict, VERDICT_FAILURE);
		assert_int_equal(out.methods, wrong.methods);
		assert_string_equal(out.reason, "not today");
		assert_int_equal(out.counted, wrong.counted);
		assert_true(out.not_before_ms >= 10);
		assert_int_equal(auth_limits(w.a)->deny, 0);
	}
	/* the first key is still used up, the second is not */
	assert_int_equal(world_send(&w, req_signed("acme", ed, ED, &honest),
	    &out), VERDICT_FAILURE);
	assert_string_equal(out.reason,
	    "key has been used for an earlier step");
	assert_int_equal(world_send(&w, req_signed("acme", ed2, ED, &honest),
	    NULL), VERDICT_SUCCESS);
	world_free(&w);
	/* of one step: the beginning again, banner included */
	world_init(&w, "publickey");
	world_key(&w, "", ed);
	w.policy.banner = view_str("hi\n");
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, req_signed("acme", ed, ED, &honest),
	    &out), VERDICT_SUCCESS);
	assert_string_equal(w.notice, "hi\n");
	auth_undo(w.a, &out, "no");
	assert_int_equal(out.methods, FIRST & ~(1u << AUTH_NONE));
	assert_int_equal(world_send(&w, req_signed("acme", ed, ED, &honest),
	    &out), VERDICT_SUCCESS);
	assert_string_equal(w.notice, "hi\n");
	world_free(&w);
}

/* ---- chains ---- */

/* A step of a story: k, K: key 1 or 2 signed; q: key 1 asked about; p: the
 * right password; x: a wrong one; n: none.  Verdicts: f, P, S, o (PK_OK). */
static void
play(const char *chains, const char *steps, const char *verdicts,
    uint32_t methods_last)
{
	static const char letter[] = {
		[VERDICT_FAILURE] = 'f', [VERDICT_PARTIAL] = 'P',
		[VERDICT_SUCCESS] = 'S', [VERDICT_PK_OK] = 'o',
		[VERDICT_DISCONNECT] = 'D'
	};
	struct auth_answer out = { 0 };
	struct world w;

	world_init(&w, chains);
	world_key(&w, "", ed);
	world_key(&w, "", ed2);
	/* of "secret"; cheap */
	w.policy.password = view_str("$5$rounds=1000$salt$"
	    "CCvcOM6b7TEJDPb37Aec/9UpOg4QhPNAxPpL9ZzjTB7");
	world_start(&w, "acme", true);
	for (size_t i = 0; steps[i] != '\0'; i++) {
		struct wr r;
		enum auth_verdict v;

		switch (steps[i]) {
		case 'k':
			r = req_signed("acme", ed, ED, &honest);
			break;
		case 'K':
			r = req_signed("acme", ed2, ED, &honest);
			break;
		case 'q':
			r = req_query("acme", ed, ED);
			break;
		case 'p':
			r = req_password("acme", view_str("secret"));
			break;
		case 'x':
			r = req_password("acme", view_str("guess"));
			break;
		default:
			r = req_plain("acme", "ssh-connection", "none");
		}
		v = world_send(&w, r, &out);
		if (letter[v] != verdicts[i])
			fail_msg("chains %s, steps %s: step %zu is %c", chains,
			    steps, i, letter[v]);
	}
	if (out.methods != methods_last)
		fail_msg("chains %s, steps %s: methods %x", chains, steps,
		    out.methods);
	world_free(&w);
}

static void
test_chains(void **state)
{
	const uint32_t pk = 1 << AUTH_PUBLICKEY, pw = 1 << AUTH_PASSWORD,
	    kbd = 1 << AUTH_KBDINT;

	(void)state;
	play("publickey", "k", "S", 0);
	play("password", "p", "S", 0);
	play("publickey password", "p", "S", pk);
	/* in order, both, and no shortcut by repeating */
	play("publickey+password", "kp", "PS", 0);
	play("publickey+password", "p", "f", pk | pw);
	play("publickey+password", "pk", "fP", pw);
	play("publickey+password", "pkp", "fPS", 0);
	play("publickey+password", "kk", "Pf", pw);
	play("publickey+password", "kKk", "Pff", pw);
	play("publickey+password", "kxxp", "PffS", 0);
	play("publickey+password", "kqnq", "Pfff", pw);
	play("publickey+password", "qqp", "oof", pk | pw);
	play("password+publickey", "pk", "PS", 0);
	play("password+publickey", "kpk", "fPS", 0);
	play("password+publickey", "xk", "ff", pk | pw);
	/* two keys are two keys */
	play("publickey+publickey", "kk", "Pf", pk);
	play("publickey+publickey", "kkkq", "Pfff", pk);
	play("publickey+publickey", "kqK", "PfS", 0);
	play("publickey+publickey", "Kk", "PS", 0);
	play("publickey+publickey+publickey", "kKkK", "PPff", pk);
	/* alternatives: one step may move several, none moves by another's */
	play("publickey+password password+publickey", "kp", "PS", pk);
	play("publickey+password password+publickey", "pk", "PS", pw);
	play("publickey+password keyboard-interactive", "k", "P", pw | kbd);
	play("publickey+keyboard-interactive password+publickey", "kpk",
	    "PPf", pk | kbd);
	play("publickey+keyboard-interactive password+publickey", "kpK",
	    "PPS", kbd);
	/* methods the user does not have */
	play("publickey", "p", "f", pk | pw);
	play("password", "qk", "ff", pk | pw);
	play("keyboard-interactive", "pk", "ff", pk | pw);
	play("", "npk", "fff", pk | pw);
}

/* What any verified key takes away stays away. */
static void
test_limits_add_up(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "publickey+publickey");
	world_key(&w, "no-pty", ed);
	world_key(&w, "no-agent-forwarding", ed2);
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, req_query("acme", ed, ED), NULL),
	    VERDICT_PK_OK);
	assert_int_equal(auth_limits(w.a)->deny, 0);
	assert_int_equal(world_send(&w, req_signed("acme", ed, ED, &honest),
	    NULL), VERDICT_PARTIAL);
	assert_int_equal(world_send(&w, req_signed("acme", ed2, ED, &honest),
	    NULL), VERDICT_SUCCESS);
	assert_int_equal(auth_limits(w.a)->deny, ALLOW_PTY | ALLOW_AGENT);
	world_free(&w);
}

/* ---- nobody costs as much as somebody ---- */

static void
test_same_work(void **state)
{
	struct auth_work work[4];
	struct auth_answer out;
	struct world w;
	char path[64];
	int fd;

	(void)state;
	strcpy(path, "/tmp/sallyport-auth-XXXXXX");
	fd = mkstemp(path);
	assert_int_not_equal(fd, -1);
	close(fd);
	for (int i = 0; i < 4; i++) {
		world_init(&w, i == 3 ? "password" : "publickey");
		world_key(&w, "", ed2);
		if (i == 1) {
			w.files[0] = view_str(path);
			w.policy.key_files.n = 1;
		}
		if (i == 2) {
			w.from[0] = view_str("192.0.2.1");
			w.policy.from.n = 1;
		}
		world_start(&w, "acme", i != 0);
		assert_int_equal(world_send(&w, req_query("acme", ed, ED),
		    &out), VERDICT_FAILURE);
		assert_int_equal(world_send(&w, req_signed("acme", ed, ED,
		    &honest), &out), VERDICT_FAILURE);
		assert_string_equal(out.reason, i == 0 ? "no such user" :
		    i == 1 ? "key is not listed" :
		    i == 2 ? "source address is not allowed" :
		    "method is not allowed for this user");
		assert_int_equal(world_send(&w, req_password("acme",
		    view_str("x")), &out), VERDICT_FAILURE);
		work[i] = *auth_work(w.a);
		world_free(&w);
	}
	for (int i = 0; i < 4; i++)
		assert_memory_equal(&work[i], &work[0], sizeof(work[0]));
	assert_int_equal(work[0].opens, 2);
	assert_int_equal(work[0].verifies, 1);
	assert_int_equal(work[0].hashes, 1);
	unlink(path);
}

/* The moment of a failure: a grid, and a little that belongs to the name. */
static void
test_delay(void **state)
{
	uint32_t seen[8];
	struct auth_answer out;
	struct world w;

	(void)state;
	world_init(&w, "publickey");
	w.start.delay_secret = view_str("a secret of the daemon's");
	for (size_t i = 0; i < COUNT(seen); i++) {
		world_start(&w, "acme", i % 2 == 0);
		assert_int_equal(world_send(&w, req_query("acme", ed, ED),
		    &out), VERDICT_FAILURE);
		seen[i] = out.not_before_ms % 10;
		assert_in_range(out.not_before_ms, 10, 1000);
		assert_in_range(seen[i], 0, 4);
		assert_int_equal(seen[i], seen[0]);
	}
	world_free(&w);
}

/* ---- long lists ---- */

static void
test_thousand_keys(void **state)
{
	struct policy_key *keys = calloc(1001, sizeof(*keys));
	struct wr text = wr_new(1 << 20);
	struct auth_answer out;
	struct timespec t0, t1;
	struct world w;
	size_t at[1002];
	double ms;

	(void)state;
	assert_non_null(keys);
	world_init(&w, "publickey");
	for (size_t i = 0; i <= 1000; i++) {
		struct wr blob = wr_new(256);

		at[i] = wr_size(&text);
		wr_bytes(&text, view_str("no-pty,from=\"10.0.0.0/8\" "
		    "ssh-ed25519 "));
		wr_cstr(&blob, "ssh-ed25519");
		wr_u32(&blob, 32);
		for (size_t j = 0; j < 8; j++)
			wr_u32(&blob, (uint32_t)(i * 2654435761u + j));
		crypto_base64_encode(i == 1000 ? ssh_key_blob(ed) :
		    wr_view(&blob), &text);
		wr_free(&blob);
	}
	at[1001] = wr_size(&text);
	for (size_t i = 0; i <= 1000; i++)
		keys[i].line = view_of(wr_view(&text).p + at[i],
		    at[i + 1] - at[i]);
	w.policy.keys = keys;
	w.policy.nkeys = 1001;
	world_start(&w, "acme", true);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(world_send(&w, req_query("acme", ed, ED),
		    &out), VERDICT_PK_OK);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	ms = (double)(t1.tv_sec - t0.tv_sec) * 1e3 +
	    (double)(t1.tv_nsec - t0.tv_nsec) / 1e6;
	print_message("20 queries over 1,001 keys: %.2f ms\n", ms);
	assert_true(ms < 2000);	/* 20 ms is usual; sanitizers are slow */
	assert_int_equal(world_send(&w, req_query("acme", ed2, ED), &out),
	    VERDICT_FAILURE);
	assert_int_equal(world_send(&w, req_signed("acme", ed, ED, &honest),
	    &out), VERDICT_SUCCESS);
	world_free(&w);
	wr_free(&text);
	free(keys);
}

/* What is sent before a verdict: whole lines, never more than the server
 * takes, and a text that has no room is left out whole. */
static void
test_notice(void **state)
{
	static char text[MSG_NOTICE_MAX - 4];
	struct auth_answer out = { .notice = wr_new(MSG_NOTICE_MAX) };

	(void)state;
	memset(text, 'x', sizeof(text));
	auth_notice(&out, view_of(NULL, 0));
	assert_int_equal(wr_size(&out.notice), 0);
	auth_notice(&out, view_str("a"));
	auth_notice(&out, view_str("b\n"));
	assert_true(view_is(wr_view(&out.notice), "a\r\nb\n"));
	auth_notice(&out, view_of(text, sizeof(text)));
	assert_true(view_is(wr_view(&out.notice), "a\r\nb\n"));
	assert_false(out.notice.bad);
	wr_reset(&out.notice);
	auth_notice(&out, view_of(text, sizeof(text)));
	assert_int_equal(wr_size(&out.notice), sizeof(text) + 2);
	auth_notice(&out, view_str("c"));
	assert_int_equal(wr_size(&out.notice), sizeof(text) + 2);
	assert_false(out.notice.bad);
	wr_free(&out.notice);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_login_by_key),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_absent_methods),
		cmocka_unit_test(test_hostbound),
		cmocka_unit_test(test_disconnects),
		cmocka_unit_test(test_truncations),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_sha1_inside_sha2),
		cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_odd_blobs),
		cmocka_unit_test(test_query_changes_nothing),
		cmocka_unit_test(test_odd_users),
		cmocka_unit_test(test_key_options),
		cmocka_unit_test(test_key_elsewhere),
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_banner),
		cmocka_unit_test(test_undo),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_limits_add_up),
		cmocka_unit_test(test_same_work),
		cmocka_unit_test(test_delay),
		cmocka_unit_test(test_thousand_keys),
		cmocka_unit_test(test_notice),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
