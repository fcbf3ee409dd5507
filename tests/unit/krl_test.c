/* Lists of revoked keys that ssh-keygen made, and damaged ones. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/krl.h"
#include "base/sshcert.h"
#include "tests/unit/keys_peer.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

static struct ssh_key *ca, *ca2, *k1, *k2, *rsa;

static int
setup(void **state)
{
	ca = ssh_key_generate("ed25519", 0);
	ca2 = ssh_key_generate("ecdsa", 256);
	k1 = ssh_key_generate("ed25519", 0);
	k2 = ssh_key_generate("ecdsa", 384);
	rsa = ssh_key_generate("rsa", 2048);
	if (!ca || !ca2 || !k1 || !k2 || !rsa || tool_setup(state) != 0)
		return -1;
	tool_key("ca", ca);
	tool_key("ca2", ca2);
	tool_key("k1", k1);
	tool_key("k2", k2);
	tool_key("rsa", rsa);
	return 0;
}

static int
teardown(void **state)
{
	ssh_key_free(&ca);
	ssh_key_free(&ca2);
	ssh_key_free(&k1);
	ssh_key_free(&k2);
	ssh_key_free(&rsa);
	return tool_teardown(state);
}

/* ---- questions ---- */

/* A plain key, or with an authority one in a certificate. */
static enum err
ask(const struct wr *list, const struct ssh_key *k, const struct ssh_key *by,
    uint64_t serial, const char *id)
{
	struct krl_query q = {
		.key = ssh_key_blob(k), .serial = serial,
		.key_id = view_str(id)
	};

	if (by != NULL)
		q.ca = ssh_key_blob(by);
	return krl_check(wr_view(list), &q);
}

/* The list that ssh-keygen makes of a specification. */
static struct wr
made(const char *spec, const char *options)
{
	tool_write("spec", view_str(spec));
	if (tool_run("rm -f krl; ssh-keygen -k -f krl -z 3 %s spec",
	    options) != 0)
		fail_msg("ssh-keygen refuses: %s", spec);
	return tool_read("krl");
}

/* ---- what ssh-keygen makes ---- */

static void
keygen_serials(void **state)
{
	static const struct {
		const char *spec;
		uint64_t yes[4], no[4];
	} rows[] = {
		{ "serial: 5\n", { 5, 5, 5, 5 }, { 0, 4, 6, 1 } },
		{ "serial: 5\nserial: 9999999\nserial: 77\n",
		    { 5, 77, 9999999, 5 }, { 6, 76, 78, 10000000 } },
		{ "serial: 100-200000\n", { 100, 101, 150000, 200000 },
		    { 99, 200001, 1, UINT64_MAX } },
		{ "serial: 1\nserial: 3\nserial: 5\nserial: 7\nserial: 9\n"
		    "serial: 11\nserial: 13\nserial: 15\nserial: 64\n"
		    "serial: 66\nserial: 68\nserial: 70\nserial: 72\n",
		    { 1, 15, 64, 72 }, { 2, 14, 65, 73 } },
		{ "serial: 18446744073709551615\n",
		    { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX },
		    { UINT64_MAX - 1, 0, 1, 2 } },
		{ "serial: 0x100000000\nserial: 0x100000002\n"
		    "serial: 0x100000005-0x100000007\n",
		    { 0x100000000, 0x100000002, 0x100000006, 0x100000007 },
		    { 0, 2, 0x100000001, 0x100000008 } },
	};

	(void)state;
	tool_need();
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct wr w = made(rows[i].spec, "-s ca.pub");

		for (size_t j = 0; j < 4; j++) {
			assert_int_equal(ask(&w, k1, ca, rows[i].yes[j],
			    "x"), ERR_DENIED);
			assert_int_equal(ask(&w, k1, ca, rows[i].no[j], "x"),
			    OK);
			/* another authority's, or no certificate at all */
			assert_int_equal(ask(&w, k1, ca2, rows[i].yes[j],
			    "x"), OK);
			assert_int_equal(ask(&w, k1, NULL, rows[i].yes[j],
			    "x"), OK);
		}
		wr_free(&w);
	}
	/* bit by bit: every third of 1000 */
	struct wr spec = wr_new(1 << 20), w;

	for (int i = 1; i < 1000; i += 3) {
		char line[32];

		wr_bytes(&spec, view_of(line, (size_t)snprintf(line,
		    sizeof(line), "serial: %d\n", i)));
	}
	wr_u8(&spec, 0);
	w = made((const char *)spec.base, "-s ca.pub");
	for (uint64_t i = 0; i < 1100; i++)
		assert_int_equal(ask(&w, k1, ca, i, ""),
		    i < 1000 && i % 3 == 1 ? ERR_DENIED : OK);
	wr_free(&spec);
	wr_free(&w);
}

static void
keygen_key_ids(void **state)
{
	struct wr w;

	(void)state;
	tool_need();
	w = made("id: alice\nid: bob at work\n", "-s ca.pub");
	assert_int_equal(ask(&w, k1, ca, 0, "alice"), ERR_DENIED);
	assert_int_equal(ask(&w, k1, ca, 0, "bob at work"), ERR_DENIED);
	assert_int_equal(ask(&w, k1, ca, 0, "bob"), OK);
	assert_int_equal(ask(&w, k1, ca, 0, ""), OK);
	assert_int_equal(ask(&w, k1, ca2, 0, "alice"), OK);
	assert_int_equal(ask(&w, k1, NULL, 0, "alice"), OK);
	wr_free(&w);
	/* of every authority */
	w = made("id: alice\nserial: 4\n", "-s none");
	assert_int_equal(ask(&w, k1, ca, 0, "alice"), ERR_DENIED);
	assert_int_equal(ask(&w, k1, ca2, 4, "x"), ERR_DENIED);
	assert_int_equal(ask(&w, k1, NULL, 4, "alice"), OK);
	wr_free(&w);
}

static void
keygen_keys(void **state)
{
	static const char *const verbs[] = { "key: ", "sha1: ", "sha256: ",
	    "" };

	(void)state;
	tool_need();
	for (size_t i = 0; i < COUNT(verbs); i++) {
		struct wr spec = wr_new(1 << 16), pub, w;

		if (verbs[i][0] == '\0') {
			assert_int_equal(tool_run("rm -f krl; ssh-keygen -k "
			    "-f krl k1.pub ca2.pub"), 0);
			w = tool_read("krl");
		} else {
			const char *names[] = { "k1.pub", "ca2.pub" };

			for (int j = 0; j < 2; j++) {
				pub = tool_read(names[j]);
				wr_bytes(&spec, view_str(verbs[i]));
				wr_bytes(&spec, wr_view(&pub));
				wr_free(&pub);
			}
			wr_u8(&spec, 0);
			w = made((const char *)spec.base, "");
		}
		assert_int_equal(ask(&w, k1, NULL, 0, ""), ERR_DENIED);
		assert_int_equal(ask(&w, ca2, NULL, 0, ""), ERR_DENIED);
		assert_int_equal(ask(&w, k2, NULL, 0, ""), OK);
		assert_int_equal(ask(&w, rsa, NULL, 0, ""), OK);
		/* a revoked key in a certificate; a revoked authority */
		assert_int_equal(ask(&w, k1, ca, 1, ""), ERR_DENIED);
		assert_int_equal(ask(&w, k2, ca2, 1, ""), ERR_DENIED);
		assert_int_equal(ask(&w, k2, ca, 1, ""), OK);
		wr_free(&spec);
		wr_free(&w);
	}
}

/* A hash by its text, as in ssh-keygen -l. */
static void
keygen_hashes(void **state)
{
	char fp[SSHKEY_FP_MAX], spec[128];
	struct wr w;

	(void)state;
	tool_need();
	ssh_key_fingerprint(ssh_key_blob(rsa), fp);
	snprintf(spec, sizeof(spec), "hash: %s\n", fp);
	w = made(spec, "");
	assert_int_equal(ask(&w, rsa, NULL, 0, ""), ERR_DENIED);
	assert_int_equal(ask(&w, k1, NULL, 0, ""), OK);
	wr_free(&w);
}

/* ssh-keygen -Q and we agree about certificates that it made. */
static void
keygen_agrees(void **state)
{
	struct wr list;

	(void)state;
	tool_need();
	tool_write("spec", view_str("serial: 3\nserial: 8-9\nid: gone\n"));
	assert_int_equal(tool_run("rm -f krl; ssh-keygen -k -f krl -s ca.pub "
	    "spec"), 0);
	list = tool_read("krl");
	for (unsigned i = 1; i < 12; i++) {
		struct ssh_cert *c;
		struct krl_query q;
		struct wr w;
		int theirs;

		assert_int_equal(tool_run("rm -f k1-cert.pub; ssh-keygen -q "
		    "-s %s -I %s -n a -z %u k1.pub", i == 8 ? "ca2" : "ca",
		    i == 5 ? "gone" : "here", i), 0);
		theirs = tool_run("ssh-keygen -Q -f krl k1-cert.pub");
		w = tool_blob("k1-cert.pub");
		assert_int_equal(ssh_cert_parse(wr_view(&w), &c), OK);
		q = (struct krl_query){ wr_view(&c->plain),
		    ssh_key_blob(c->ca), c->serial, c->key_id };
		assert_int_equal(krl_check(wr_view(&list), &q),
		    theirs == 0 ? OK : ERR_DENIED);
		assert_int_equal(theirs != 0, i == 3 || i == 9 || i == 5);
		ssh_cert_free(&c);
		wr_free(&w);
	}
	wr_free(&list);
}

static void
keygen_cut(void **state)
{
	struct wr spec = wr_new(1 << 16), pub, w;
	struct view v;
	size_t taken = 0;

	(void)state;
	tool_need();
	pub = tool_read("k1.pub");
	wr_bytes(&spec, view_str("serial: 1-9\nserial: 20\nserial: 22\n"
	    "id: x\nsha1: "));
	wr_bytes(&spec, wr_view(&pub));
	wr_bytes(&spec, view_str("sha256: "));
	wr_bytes(&spec, wr_view(&pub));
	wr_bytes(&spec, view_str("key: "));
	wr_bytes(&spec, wr_view(&pub));
	wr_u8(&spec, 0);
	w = made((const char *)spec.base, "-s ca.pub");
	v = wr_view(&w);
	for (size_t n = 1; n < v.n; n++) {
		uint8_t *cut = malloc(n);
		struct krl_query q = { .key = ssh_key_blob(k2) };

		memcpy(cut, v.p, n);
		/* between sections a part of a list is a list */
		if (krl_check(view_of(cut, n), &q) == OK)
			taken++;
		else
			assert_int_equal(krl_check(view_of(cut, n), &q),
			    ERR_PROTO);
		free(cut);
	}
	assert_in_range(taken, 1, 8);
	wr_u8(&w, 0);
	assert_int_equal(ask(&w, k2, NULL, 0, ""), ERR_PROTO);
	wr_free(&w);
	wr_free(&pub);
	wr_free(&spec);
}

/* ---- by hand ---- */

static struct wr
header(void)
{
	struct wr w = wr_new(KRL_MAX + 4096);

	wr_bytes(&w, view_of("SSHKRL\n", 8));
	wr_u32(&w, 1);
	wr_u64(&w, 3);
	wr_u64(&w, 0);
	wr_u64(&w, 0);
	wr_cstr(&w, "");
	wr_cstr(&w, "a comment");
	return w;
}

/* A certificate section of ca with one section in it. */
static struct wr
cert_section(uint8_t type, struct view body)
{
	struct wr w = header();
	size_t at;

	wr_u8(&w, 1);
	at = wr_open(&w);
	wr_str(&w, ssh_key_blob(ca));
	wr_cstr(&w, "");
	wr_u8(&w, type);
	wr_str(&w, body);
	wr_close(&w, at);
	return w;
}

static enum err
ask_free(struct wr w, uint64_t serial)
{
	enum err err = ask(&w, k1, ca, serial, "id");

	wr_free(&w);
	return err;
}

static enum err
bitmap(uint64_t offset, const char *bits, size_t n, uint64_t serial)
{
	struct wr body = wr_new(1 << 16);
	enum err err;

	wr_u64(&body, offset);
	wr_str(&body, view_of(bits, n));
	err = ask_free(cert_section(0x22, wr_view(&body)), serial);
	wr_free(&body);
	return err;
}

static void
bitmaps(void **state)
{
	(void)state;
	assert_int_equal(bitmap(10, "", 0, 10), OK);
	assert_int_equal(bitmap(10, "\0", 1, 10), OK);
	assert_int_equal(bitmap(10, "\1", 1, 10), ERR_DENIED);
	assert_int_equal(bitmap(10, "\1", 1, 9), OK);
	assert_int_equal(bitmap(10, "\1", 1, 11), OK);
	assert_int_equal(bitmap(10, "\1\0", 2, 18), ERR_DENIED);
	assert_int_equal(bitmap(10, "\1\0", 2, 10), OK);
	assert_int_equal(bitmap(10, "\0\200\0", 3, 25), ERR_DENIED);
	/* as written by some, without the zero of a positive number */
	assert_int_equal(bitmap(10, "\200\0", 2, 25), ERR_DENIED);
	assert_int_equal(bitmap(10, "\200\0", 2, UINT64_MAX), OK);
	/* the end of all serials */
	assert_int_equal(bitmap(UINT64_MAX, "\1", 1, UINT64_MAX),
	    ERR_DENIED);
	assert_int_equal(bitmap(UINT64_MAX, "\2", 1, UINT64_MAX), ERR_PROTO);
	assert_int_equal(bitmap(UINT64_MAX - 7, "\200", 1, UINT64_MAX),
	    ERR_DENIED);
	assert_int_equal(bitmap(UINT64_MAX - 7, "\1\0", 2, 1), ERR_PROTO);
	assert_int_equal(bitmap(0, "\1", 1, 0), ERR_DENIED);
}

static void
ranges_and_lists(void **state)
{
	static const struct {
		uint8_t type;
		const char *body;
		size_t n;
		uint64_t serial;
		enum err want;
	} rows[] = {
		{ 0x21, "\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\5", 16, 5,
		    ERR_DENIED },
		{ 0x21, "\0\0\0\0\0\0\0\6\0\0\0\0\0\0\0\5", 16, 5,
		    ERR_PROTO },
		{ 0x21, "\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0", 15, 9, ERR_PROTO },
		{ 0x21, "\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\6\0", 17, 9,
		    ERR_PROTO },
		{ 0x21, "", 0, 9, ERR_PROTO },
		{ 0x20, "", 0, 9, OK },
		{ 0x20, "\0\0\0\0\0\0\0\5", 8, 5, ERR_DENIED },
		{ 0x20, "\0\0\0\0\0\0\0\5\0", 9, 5, ERR_PROTO },
		{ 0x23, "", 0, 5, OK },
		{ 0x23, "\0\0\0\2id", 6, 5, ERR_DENIED },
		{ 0x23, "\0\0\0\3id\0", 7, 5, OK },
		{ 0x23, "\0\0\0\2id\0\0\0", 9, 5, ERR_PROTO },
		{ 0x23, "\0\0\0\3id", 6, 5, ERR_PROTO },
		{ 0x22, "", 0, 5, ERR_PROTO },
		{ 0x22, "\0\0\0\0\0\0\0\1\0\0\0\1\1x", 14, 5, ERR_PROTO },
		{ 0x24, "", 0, 5, ERR_PROTO },
		{ 0, "", 0, 5, ERR_PROTO },
		/* extensions: name, critical, contents */
		{ 0x39, "\0\0\0\1a\0\0\0\0\1b", 11, 5, OK },
		{ 0x39, "\0\0\0\1a\1\0\0\0\1b", 11, 5, ERR_PROTO },
		{ 0x39, "\0\0\0\1a\0\0\0\0\1", 10, 5, ERR_PROTO },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (ask_free(cert_section(rows[i].type, view_of(rows[i].body,
		    rows[i].n)), rows[i].serial) != rows[i].want)
			fail_msg("row %zu", i);
}

static void
sections(void **state)
{
	static const struct {
		uint8_t type;
		const char *body;
		size_t n;
		enum err want;
	} rows[] = {
		{ 255, "\0\0\0\1a\0\0\0\0\0", 10, OK },
		{ 255, "\0\0\0\1a\1\0\0\0\0", 10, ERR_PROTO },
		{ 255, "", 0, ERR_PROTO },
		{ 2, "", 0, OK }, { 2, "\0\0\0\1a", 5, OK },
		{ 2, "\0\0\0\2a", 5, ERR_PROTO },
		{ 3, "", 0, OK }, { 5, "", 0, OK },
		{ 3, "\0\0\0\1a", 5, ERR_PROTO },
		{ 5, "\0\0\0\24aaaaaaaaaaaaaaaaaaaa", 24, ERR_PROTO },
		{ 3, "\0\0\0\24aaaaaaaaaaaaaaaaaaaa", 24, OK },
		{ 1, "", 0, ERR_PROTO },
		{ 1, "\0\0\0\0\0\0\0\0", 8, OK },
		{ 0, "", 0, ERR_PROTO }, { 6, "", 0, ERR_PROTO },
		{ 254, "", 0, ERR_PROTO },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct wr w = header();

		wr_u8(&w, rows[i].type);
		wr_str(&w, view_of(rows[i].body, rows[i].n));
		if (ask_free(w, 1) != rows[i].want)
			fail_msg("row %zu", i);
	}
}

/* Sound to the end, even where the key has been found before. */
static void
damage_behind_a_hit(void **state)
{
	struct wr w = header();
	size_t at;

	(void)state;
	wr_u8(&w, 2);
	at = wr_open(&w);
	wr_str(&w, ssh_key_blob(k1));
	wr_close(&w, at);
	assert_int_equal(ask(&w, k1, NULL, 0, ""), ERR_DENIED);
	wr_u8(&w, 77);
	wr_cstr(&w, "");
	assert_int_equal(ask(&w, k1, NULL, 0, ""), ERR_PROTO);
	wr_free(&w);
}

static void
signatures(void **state)
{
	struct wr w = header();

	(void)state;
	for (int i = 0; i < 2; i++) {
		wr_u8(&w, 4);
		wr_str(&w, ssh_key_blob(ca));
		wr_cstr(&w, "a signature that nobody looks at");
		assert_int_equal(ask(&w, k1, NULL, 0, ""), OK);
	}
	/* nothing comes behind */
	wr_u8(&w, 2);
	wr_cstr(&w, "");
	assert_int_equal(ask(&w, k1, NULL, 0, ""), ERR_PROTO);
	wr_free(&w);
	w = header();
	wr_u8(&w, 4);
	wr_str(&w, ssh_key_blob(ca));
	assert_int_equal(ask(&w, k1, NULL, 0, ""), ERR_PROTO);
	wr_free(&w);
}

static void
headers(void **state)
{
	struct wr w = header();

	(void)state;
	assert_int_equal(ask(&w, k1, ca, 1, ""), OK);
	for (size_t i = 0; i < 12; i++) {
		w.base[i] ^= 1;
		assert_int_equal(ask(&w, k1, ca, 1, ""), ERR_PROTO);
		w.base[i] ^= 1;
	}
	w.base[30] ^= 1;	/* flags: none are defined, none is heeded */
	assert_int_equal(ask(&w, k1, ca, 1, ""), OK);
	wr_free(&w);
}

/* As long as a list may be, full of serials; then a byte longer. */
static void
sizes(void **state)
{
	struct wr w = header();
	size_t at, inner, n;
	uint8_t *p;

	(void)state;
	wr_u8(&w, 1);
	at = wr_open(&w);
	wr_cstr(&w, "");
	wr_cstr(&w, "");
	wr_u8(&w, 0x20);
	inner = wr_open(&w);
	n = (KRL_MAX - wr_size(&w)) / 8 * 8;
	assert_non_null(p = wr_reserve(&w, n));
	memset(p, 0xee, n);
	wr_commit(&w, n);
	wr_close(&w, inner);
	wr_close(&w, at);
	assert_int_equal(ask(&w, k1, ca, 0xeeeeeeeeeeeeeeee, ""), ERR_DENIED);
	assert_int_equal(ask(&w, k1, ca, 1, ""), OK);
	while (wr_size(&w) <= KRL_MAX)
		wr_u8(&w, 0);
	assert_int_equal(ask(&w, k1, ca, 1, ""), ERR_LIMIT);
	wr_free(&w);
}

/* ---- one key a line ---- */

static enum err
ask_text(const char *before, const struct ssh_key *listed, const char *after,
    const struct ssh_key *k, const struct ssh_key *by)
{
	struct wr w = wr_new(1 << 20);
	enum err err;

	wr_bytes(&w, view_str(before));
	if (listed != NULL) {
		wr_bytes(&w, view_str(ssh_key_type(listed)));
		wr_u8(&w, ' ');
		crypto_base64_encode(ssh_key_blob(listed), &w);
	}
	wr_bytes(&w, view_str(after));
	err = ask(&w, k, by, 5, "id");
	wr_free(&w);
	return err;
}

static void
lines(void **state)
{
	(void)state;
	assert_int_equal(ask_text("", NULL, "", k1, NULL), OK);
	assert_int_equal(ask_text("\n# none\n \r\n\t# x", NULL, "", k1, NULL),
	    OK);
	assert_int_equal(ask_text("", k1, "", k1, NULL), ERR_DENIED);
	assert_int_equal(ask_text("# lost\r\n \t", k1, " me@here\r\n#", k1,
	    NULL), ERR_DENIED);
	assert_int_equal(ask_text("", k1, "\n", k2, NULL), OK);
	assert_int_equal(ask_text("", k1, "\n", k1, ca), ERR_DENIED);
	assert_int_equal(ask_text("", ca, "\n", k1, ca), ERR_DENIED);
	assert_int_equal(ask_text("", ca, "\n", k1, ca2), OK);
	assert_int_equal(ask_text("", ca, "\n", k1, NULL), OK);
	/* types that nobody can log in with do no harm */
	assert_int_equal(ask_text("ssh-dss AAAAB3NzaC1kc3MAAAABAQ==\n", k1,
	    "\n", k1, NULL), ERR_DENIED);
	/* but what is no key does, before or behind */
	assert_int_equal(ask_text("nonsense\n", k1, "\n", k1, NULL),
	    ERR_PROTO);
	assert_int_equal(ask_text("", k1, "\nnonsense", k1, NULL), ERR_PROTO);
	assert_int_equal(ask_text("restrict ", k1, "\n", k1, NULL),
	    ERR_PROTO);
	assert_int_equal(ask_text("", k1, "=\n", k1, NULL), ERR_PROTO);
	assert_int_equal(ask_text("ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAAWE=\n",
	    NULL, "", k1, NULL), ERR_PROTO);
	assert_int_equal(ask_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5\n",
	    NULL, "", k1, NULL), ERR_PROTO);
	assert_int_equal(ask_text("SSHKRL\n", NULL, "", k1, NULL),
	    ERR_PROTO);
	assert_int_equal(ask(&(struct wr){ 0 }, k1, NULL, 0, ""), OK);
}

static void
line_with_nul(void **state)
{
	struct wr w = wr_new(1 << 16);

	(void)state;
	wr_bytes(&w, view_of("# a\0b\n", 6));
	assert_int_equal(ask(&w, k1, NULL, 0, ""), ERR_PROTO);
	wr_free(&w);
}

/* A certificate in the list revokes its key, not its authority. */
static void
line_with_certificate(void **state)
{
	struct cert_parts p = cert_parts(k1, ca);
	struct wr cert = cert_make(&p), w;

	(void)state;
	tool_line("list", "", wr_view(&cert));
	w = tool_read("list");
	assert_int_equal(ask(&w, k1, NULL, 0, ""), ERR_DENIED);
	assert_int_equal(ask(&w, k1, ca, 7, ""), ERR_DENIED);
	assert_int_equal(ask(&w, k2, ca, 7, ""), OK);
	wr_free(&w);
	/* cut behind its key, and before that ends */
	for (size_t n = 80; n <= 90; n += 10) {
		tool_line("list", "", view_of(wr_view(&cert).p, n));
		w = tool_read("list");
		assert_int_equal(ask(&w, k1, NULL, 0, ""), n == 80 ?
		    ERR_PROTO : ERR_DENIED);
		assert_int_equal(ask(&w, k2, NULL, 0, ""), n == 80 ?
		    ERR_PROTO : OK);
		wr_free(&w);
	}
	wr_free(&cert);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keygen_serials),
		cmocka_unit_test(keygen_key_ids),
		cmocka_unit_test(keygen_keys),
		cmocka_unit_test(keygen_hashes),
		cmocka_unit_test(keygen_agrees),
		cmocka_unit_test(keygen_cut),
		cmocka_unit_test(bitmaps),
		cmocka_unit_test(ranges_and_lists),
		cmocka_unit_test(sections),
		cmocka_unit_test(damage_behind_a_hit),
		cmocka_unit_test(signatures),
		cmocka_unit_test(headers),
		cmocka_unit_test(sizes),
		cmocka_unit_test(lines),
		cmocka_unit_test(line_with_nul),
		cmocka_unit_test(line_with_certificate),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
