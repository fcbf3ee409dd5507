/* Keys, files and signatures, against ssh-keygen where it is installed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/sshkey.h"
#include "tests/unit/vectors.h"

#define assert_view(a, b)	assert_true(view_eq((a), (b)))
#define FILE_LIMIT		((size_t)256 * 1024)

static char dir[] = "/tmp/sshkey_test.XXXXXX";

/* ---- helpers ---- */

static int run(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Runs a shell command in the test's folder, quietly. */
static int
run(const char *fmt, ...)
{
	char cmd[1024], full[1400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	snprintf(full, sizeof(full), "cd %s && { %s; } >log 2>&1 </dev/null",
	    dir, cmd);
	return system(full);
}

static void
need_keygen(void)
{
	if (run("command -v ssh-keygen") != 0)
		skip();
}

static struct wr
slurp(const char *name)
{
	struct wr w = wr_new(FILE_LIMIT);
	char path[256], buf[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if ((f = fopen(path, "rb")) == NULL)
		fail_msg("%s: cannot be opened", path);
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		wr_bytes(&w, view_of(buf, n));
	fclose(f);
	assert_false(w.bad);
	return w;
}

static void
spit(const char *name, struct view v)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
	assert_non_null(f = fopen(path, "wb"));
	assert_int_equal(fchmod(fileno(f), 0600), 0);
	assert_int_equal(fwrite(v.p, 1, v.n, f), v.n);
	assert_int_equal(fclose(f), 0);
}

static struct ssh_key *
parse_ok(struct view file)
{
	struct ssh_key *k;
	const char *why = "";
	enum err err = ssh_key_parse_private(file, &k, &why);

	if (err != OK)
		fail_msg("not taken: %s", why);
	assert_true(ssh_key_is_private(k));
	return k;
}

/* The file is refused with a sentence that has `word` in it. */
static void
parse_bad(struct view file, enum err want, const char *word)
{
	struct ssh_key *k;
	const char *why = NULL;
	enum err err = ssh_key_parse_private(file, &k, &why);

	assert_int_equal(err, want);
	assert_null(k);
	assert_non_null(why);
	if (strstr(why, word) == NULL)
		fail_msg("said \"%s\", not \"%s\"", why, word);
}

static void
sign_and_verify(const struct ssh_key *priv, const struct ssh_key *pub)
{
	struct view algs = view_str(ssh_key_sigalgs(priv)), alg;
	struct view data = view_str("what is signed");

	while (namelist_next(&algs, &alg)) {
		struct wr sig = wr_new(8192);

		assert_int_equal(ssh_key_sign(priv, alg, data, &sig), OK);
		assert_int_equal(ssh_key_verify(pub, alg, data,
		    wr_view(&sig)), OK);
		assert_int_equal(ssh_key_verify(pub, alg, view_str("else"),
		    wr_view(&sig)), ERR_DENIED);
		assert_true(namelist_has(view_str(ssh_sigalg_list()), alg));
		wr_free(&sig);
	}
}

/* ---- files that ssh-keygen made ---- */

static const struct kind {
	const char *type;
	unsigned bits;
} kinds[] = {
	{ "ed25519", 256 }, { "ecdsa", 256 }, { "ecdsa", 384 },
	{ "ecdsa", 521 }, { "rsa", 2048 },
};
#define NKINDS	(sizeof(kinds) / sizeof(kinds[0]))

static void
check_pair(const struct kind *kind)
{
	struct wr file = slurp("key"), line = slurp("key.pub");
	struct ssh_key *priv = parse_ok(wr_view(&file)), *pub;
	char fp[SSHKEY_FP_MAX], want[128];
	struct view comment;
	struct wr log;

	assert_int_equal(ssh_key_parse_line(wr_view(&line), &pub, &comment),
	    OK);
	assert_true(view_is(comment, "a comment"));
	assert_true(ssh_key_equal(priv, pub));
	assert_view(ssh_key_blob(priv), ssh_key_blob(pub));
	assert_false(ssh_key_is_private(pub));
	assert_int_equal(ssh_key_bits(pub), kind->bits);
	sign_and_verify(priv, pub);
	assert_int_equal(run("ssh-keygen -lf key.pub"), 0);
	log = slurp("log");
	wr_u8(&log, 0);
	ssh_key_fingerprint(ssh_key_blob(pub), fp);
	assert_int_equal(strlen(fp), 50);
	snprintf(want, sizeof(want), "%u %s a comment", kind->bits, fp);
	assert_int_equal(strncmp((const char *)wr_view(&log).p, want,
	    strlen(want)), 0);
	ssh_key_free(&priv);
	ssh_key_free(&pub);
	assert_null(pub);
	wr_free(&file);
	wr_free(&line);
	wr_free(&log);
}

static void
keygen_files(void **state)
{
	static const char *const formats[] = { "RFC4716", "PEM", "PKCS8" };

	(void)state;
	need_keygen();
	for (size_t i = 0; i < NKINDS; i++)
		for (size_t f = 0; f < 3; f++) {
			assert_int_equal(run("rm -f key key.pub; ssh-keygen "
			    "-q -t %s -b %u -m %s -N '' -C 'a comment' "
			    "-f key", kinds[i].type, kinds[i].bits,
			    formats[f]), 0);
			check_pair(&kinds[i]);
		}
}

static void
keygen_encrypted(void **state)
{
	static const char *const options[] = { "-t ed25519",
	    "-t rsa -b 2048", "-t rsa -b 2048 -m PEM", "-t ecdsa -m PKCS8",
	    "-t ed25519 -Z aes256-gcm@openssh.com" };

	(void)state;
	need_keygen();
	for (size_t i = 0; i < 5; i++) {
		struct wr file;

		assert_int_equal(run("rm -f key key.pub; ssh-keygen -q %s "
		    "-N secret -a 1 -f key", options[i]), 0);
		file = slurp("key");
		parse_bad(wr_view(&file), ERR_DENIED, "passphrase");
		wr_free(&file);
	}
}

static void
keygen_small_rsa(void **state)
{
	struct ssh_key *k;
	struct wr file, line;

	(void)state;
	need_keygen();
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(run("rm -f key key.pub; ssh-keygen -q -t "
		    "rsa -b 1024 -N '' -m %s -f key", i == 0 ? "RFC4716" :
		    "PEM"), 0);
		file = slurp("key");
		parse_bad(wr_view(&file), ERR_LIMIT, "2048");
		line = slurp("key.pub");
		assert_int_equal(ssh_key_parse_line(wr_view(&line), &k,
		    NULL), ERR_LIMIT);
		wr_free(&file);
		wr_free(&line);
	}
}

/* ---- our files ---- */

static struct wr
write_file(const struct ssh_key *k, const char *comment)
{
	struct wr w = wr_new(FILE_LIMIT);

	assert_true(ssh_key_write_private(k, comment, &w));
	return w;
}

static void
write_and_read(void **state)
{
	static const char *const comments[] = { "", "x", "ab", "abc", "abcd",
	    "abcde", "abcdef", "abcdefg", "a much longer comment" };

	(void)state;
	for (size_t i = 0; i < NKINDS; i++) {
		struct ssh_key *k = ssh_key_generate(kinds[i].type,
		    kinds[i].bits), *back;

		assert_non_null(k);
		assert_int_equal(ssh_key_bits(k), kinds[i].bits);
		for (size_t c = 0; c < 9; c++) {
			struct wr w = write_file(k, comments[c]);

			back = parse_ok(wr_view(&w));
			assert_true(ssh_key_equal(k, back));
			sign_and_verify(back, k);
			ssh_key_free(&back);
			wr_free(&w);
		}
		ssh_key_free(&k);
	}
}

static void
keygen_reads_ours(void **state)
{
	(void)state;
	need_keygen();
	for (size_t i = 0; i < NKINDS; i++) {
		struct ssh_key *k = ssh_key_generate(kinds[i].type,
		    kinds[i].bits), *pub;
		struct wr w = write_file(k, "made here"), line;
		struct view comment;

		spit("key", wr_view(&w));
		if (run("ssh-keygen -y -P '' -f key") != 0)
			fail_msg("ssh-keygen refuses our %s", kinds[i].type);
		line = slurp("log");
		assert_int_equal(ssh_key_parse_line(wr_view(&line), &pub,
		    &comment), OK);
		assert_true(ssh_key_equal(k, pub));
		assert_true(view_is(comment, "made here"));
		ssh_key_free(&k);
		ssh_key_free(&pub);
		wr_free(&w);
		wr_free(&line);
	}
}

static void
generate_misuse(void **state)
{
	struct ssh_key *k = ssh_key_generate("ed25519", 0);
	struct wr small = wr_new(100);

	(void)state;
	assert_null(ssh_key_generate("rsa", 1024));
	assert_null(ssh_key_generate("rsa", 0));
	assert_null(ssh_key_generate("rsa", 16385));
	assert_null(ssh_key_generate("ecdsa", 255));
	assert_null(ssh_key_generate("dsa", 1024));
	assert_non_null(k);
	assert_false(ssh_key_write_private(k, "", &small));
	ssh_key_free(&k);
	wr_free(&small);
}

/* A public key cannot be written, and does not sign. */
static void
public_half_only(void **state)
{
	struct ssh_key *k = ssh_key_generate("ed25519", 0), *pub;
	struct wr w = wr_new(FILE_LIMIT);

	(void)state;
	assert_int_equal(ssh_key_parse_blob(ssh_key_blob(k), &pub), OK);
	assert_false(ssh_key_write_private(pub, "", &w));
	assert_int_equal(wr_size(&w), 0);
	assert_int_equal(ssh_key_sign(pub, view_str("ssh-ed25519"),
	    view_str("x"), &w), ERR_DENIED);
	assert_int_equal(ssh_key_sign(k, view_str("rsa-sha2-256"),
	    view_str("x"), &w), ERR_PROTO);
	assert_int_equal(wr_size(&w), 0);
	ssh_key_free(&k);
	ssh_key_free(&pub);
	wr_free(&w);
}

/* ---- around the block ---- */

static void
text_around(void **state)
{
	struct ssh_key *k = ssh_key_generate("ed25519", 0), *back;
	struct wr file = write_file(k, "c"), w = wr_new(FILE_LIMIT);
	struct view v = wr_view(&file);

	(void)state;
	/* CR LF, text before, blanks and text behind */
	wr_bytes(&w, view_str("Bag Attributes\r\n\r\n"));
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '\n')
			wr_u8(&w, '\r');
		wr_u8(&w, v.p[i]);
	}
	wr_bytes(&w, view_str("\r\n\n  \n\r\nend\n"));
	back = parse_ok(wr_view(&w));
	assert_true(ssh_key_equal(k, back));
	ssh_key_free(&back);
	/* no newline at the end */
	back = parse_ok(view_of(v.p, v.n - 1));
	ssh_key_free(&back);
	/* blanks behind the lines */
	wr_reset(&w);
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '\n')
			wr_bytes(&w, view_str(" \t"));
		wr_u8(&w, v.p[i]);
	}
	back = parse_ok(wr_view(&w));
	ssh_key_free(&back);
	/* cut anywhere */
	for (size_t n = 0; n < v.n - 1; n++) {
		const char *why;

		assert_int_not_equal(ssh_key_parse_private(view_of(v.p, n),
		    &back, &why), OK);
		assert_null(back);
	}
	ssh_key_free(&k);
	wr_free(&file);
	wr_free(&w);
}

static void
files_that_are_none(void **state)
{
	static uint8_t big[64 * 1024 + 1];

	(void)state;
	parse_bad(view_str(""), ERR_PROTO, "no private key");
	parse_bad(view_str("hello\nworld\n"), ERR_PROTO, "no private key");
	parse_bad(view_str("ssh-ed25519 AAAA me@here\n"), ERR_PROTO,
	    "public key file");
	parse_bad(view_str("\n\nssh-rsa AAAA"), ERR_PROTO, "public");
	parse_bad(view_str("---- BEGIN SSH2 PUBLIC KEY ----\nAA\n"),
	    ERR_PROTO, "public");
	parse_bad(view_str("-----BEGIN PUBLIC KEY-----\nAAAA\n"
	    "-----END PUBLIC KEY-----\n"), ERR_PROTO, "public");
	parse_bad(view_str("-----BEGIN RSA PUBLIC KEY-----\nAAAA\n"
	    "-----END RSA PUBLIC KEY-----\n"), ERR_PROTO, "public");
	parse_bad(view_str("PuTTY-User-Key-File-3: ssh-ed25519\n"),
	    ERR_PROTO, "PuTTY");
	parse_bad(view_str("-----BEGIN CERTIFICATE-----\nAAAA\n"
	    "-----END CERTIFICATE-----\n"), ERR_PROTO, "no private key");
	parse_bad(view_str("-----BEGIN DSA PRIVATE KEY-----\nAAAA\n"
	    "-----END DSA PRIVATE KEY-----\n"), ERR_PROTO, "type");
	parse_bad(view_str("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"),
	    ERR_PROTO, "END");
	parse_bad(view_str("-----BEGIN PRIVATE KEY-----\nAAAA\n"
	    "-----END RSA PRIVATE KEY-----\n"), ERR_PROTO, "END");
	parse_bad(view_str("-----BEGIN PRIVATE KEY-----\nAA*A\n"
	    "-----END PRIVATE KEY-----\n"), ERR_PROTO, "base64");
	parse_bad(view_str("-----BEGIN PRIVATE KEY-----\n"
	    "-----END PRIVATE KEY-----\n"), ERR_PROTO, "damaged");
	parse_bad(view_str("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"
	    "-----END ENCRYPTED PRIVATE KEY-----\n"), ERR_DENIED,
	    "passphrase");
	memset(big, '\n', sizeof(big));
	parse_bad(view_of(big, sizeof(big)), ERR_LIMIT, "too long");
	parse_bad(view_of(big, sizeof(big) - 1), ERR_PROTO, "no private");
}

/* RFC 8410 section 10.3, and what openssl writes before an EC key. */
static void
pem_samples(void **state)
{
	struct ssh_key *k = parse_ok(view_str("-----BEGIN PRIVATE KEY-----\n"
	    "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdV"
	    "hC\n-----END PRIVATE KEY-----\n"));
	struct rd r = rd_of(ssh_key_blob(k));

	(void)state;
	assert_true(view_is(rd_str(&r), "ssh-ed25519"));
	assert_view(rd_str(&r), hex("19bf44096984cdfe8541bac167dc3b96c850"
	    "86aa30b6b6cb0c5c38ad703166e1"));
	ssh_key_free(&k);
	/* RFC 9500 section 2.3, testECCP256 */
	k = parse_ok(view_str("-----BEGIN EC PARAMETERS-----\n"
	    "BggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
	    "-----BEGIN EC PRIVATE KEY-----\n"
	    "MHcCAQEEIObLW92AqkWunJXowVR2Z5/+yVPBaFHnEedDk5WJxk/BoAoGCCqGSM49\n"
	    "AwEHoUQDQgAEQiVI+I+3gv+17KN0RFLHKh5Vj71vc75eSOkyMsxFxbFsTNEMTLjV\n"
	    "uKFxOelIgsiZJXKZNCX0FBmrfpCkKklCcg==\n"
	    "-----END EC PRIVATE KEY-----\n"));
	assert_string_equal(ssh_key_type(k), "ecdsa-sha2-nistp256");
	ssh_key_free(&k);
}

/* ---- inside the block ---- */

static struct wr
pem_of(struct view bytes)
{
	struct wr w = wr_new(FILE_LIMIT);

	wr_bytes(&w, view_str("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
	crypto_base64_encode(bytes, &w);
	wr_bytes(&w, view_str("\n-----END OPENSSH PRIVATE KEY-----\n"));
	return w;
}

/* The bytes between the marks of one of our files. */
static struct wr
body_of(const struct ssh_key *k)
{
	struct wr file = write_file(k, "cccc"), text = wr_new(FILE_LIMIT);
	struct wr body = wr_new(FILE_LIMIT);
	struct view v = wr_view(&file);
	size_t front = strlen("-----BEGIN OPENSSH PRIVATE KEY-----\n");

	for (size_t i = front; v.p[i] != '-'; i++)
		if (v.p[i] != '\n')
			wr_u8(&text, v.p[i]);
	assert_true(crypto_base64_decode(wr_view(&text), &body));
	wr_free(&file);
	wr_free(&text);
	return body;
}

static enum err
parse_body(struct view bytes, struct ssh_key **out)
{
	struct wr pem = pem_of(bytes);
	const char *why = NULL;
	enum err err = ssh_key_parse_private(wr_view(&pem), out, &why);

	assert_true((err == OK) == (*out != NULL));
	assert_true(err == OK || why != NULL);
	wr_free(&pem);
	return err;
}

/* Whatever byte is wrong: refused, or the same key (a comment differs). */
static void
damaged_openssh_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < NKINDS; i++) {
		struct ssh_key *k = ssh_key_generate(kinds[i].type,
		    kinds[i].bits), *back;
		struct wr body = body_of(k);
		size_t n = wr_size(&body), taken = 0;

		assert_int_equal(parse_body(wr_view(&body), &back), OK);
		ssh_key_free(&back);
		for (size_t cut = 0; cut < n; cut++)
			assert_int_not_equal(parse_body(view_of(body.base,
			    cut), &back), OK);
		for (size_t at = 0; at < n; at++) {
			body.base[at] ^= 0x10;
			if (parse_body(wr_view(&body), &back) == OK) {
				assert_true(ssh_key_equal(k, back));
				ssh_key_free(&back);
				taken++;
			}
			body.base[at] ^= 0x10;
		}
		assert_int_equal(taken, 4);
		wr_u8(&body, 0);
		assert_int_not_equal(parse_body(wr_view(&body), &back), OK);
		ssh_key_free(&k);
		wr_free(&body);
	}
}

/* A file with one field of its own. */
struct file_parts {
	const char *cipher, *kdf, *options;
	uint32_t nkeys, check2;
	struct view public;
	const char *type;
	struct view pub, priv;
	struct view padding;
};

static struct wr
build_file(const struct file_parts *f)
{
	struct wr w = wr_new(FILE_LIMIT);
	size_t at;

	wr_bytes(&w, view_of("openssh-key-v1", 15));
	wr_cstr(&w, f->cipher);
	wr_cstr(&w, f->kdf);
	wr_cstr(&w, f->options);
	wr_u32(&w, f->nkeys);
	wr_str(&w, f->public);
	at = wr_open(&w);
	wr_u32(&w, 7);
	wr_u32(&w, f->check2);
	wr_cstr(&w, f->type);
	wr_str(&w, f->pub);
	wr_str(&w, f->priv);
	wr_cstr(&w, "abcdefghij");
	wr_bytes(&w, f->padding);
	wr_close(&w, at);
	return w;
}

static void
expect_file(const struct file_parts *f, enum err want, const char *word)
{
	struct wr w = build_file(f), pem = pem_of(wr_view(&w));

	if (want == OK) {
		struct ssh_key *k = parse_ok(wr_view(&pem));

		ssh_key_free(&k);
	} else
		parse_bad(wr_view(&pem), want, word);
	wr_free(&w);
	wr_free(&pem);
}

static void
openssh_fields(void **state)
{
	/* RFC 8032 test 1 and 2 */
	struct view pub = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62"
	    "325af021a68f707511a");
	struct view priv = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b32"
	    "6919703bac031cae7f60d75a980182b10ab7d54bfed3c964073a0ee172f3daa6"
	    "2325af021a68f707511a");
	struct view other = hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4"
	    "968cc0cd55f12af4660c");
	struct view mixed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b32"
	    "6919703bac031cae7f603d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4"
	    "968cc0cd55f12af4660c");
	struct view blob = hex("0000000b7373682d6564323535313900000020d75a98"
	    "0182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
	struct view blob2 = hex("0000000b7373682d65643235353139000000203d40"
	    "17c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
	const struct file_parts good = { "none", "none", "", 1, 7, blob,
	    "ssh-ed25519", pub, priv, hex("010203") };
	struct file_parts f = good;

	(void)state;
	expect_file(&f, OK, "");
	f.padding = hex("0102030405060708090a0b");
	expect_file(&f, OK, "");
	f.padding = hex("01020304050607");
	expect_file(&f, ERR_PROTO, "damaged");
	f.padding = hex("010204");
	expect_file(&f, ERR_PROTO, "damaged");
	f = good;
	f.check2 = 8;
	expect_file(&f, ERR_PROTO, "damaged");
	f = good;
	f.nkeys = 2;
	expect_file(&f, ERR_PROTO, "one key");
	f.nkeys = 0;
	expect_file(&f, ERR_PROTO, "one key");
	f = good;
	f.cipher = "aes256-ctr";
	expect_file(&f, ERR_DENIED, "passphrase");
	f = good;
	f.kdf = "bcrypt";
	expect_file(&f, ERR_PROTO, "damaged");
	f = good;
	f.options = "x";
	expect_file(&f, ERR_PROTO, "damaged");
	f = good;
	f.type = "ssh-dss";
	expect_file(&f, ERR_PROTO, "type");
	f = good;
	f.public = blob2;
	expect_file(&f, ERR_PROTO, "half");
	f = good;
	f.pub = other;
	expect_file(&f, ERR_PROTO, "half");
	f.priv = mixed;
	expect_file(&f, ERR_PROTO, "half");
	f.public = blob2;
	expect_file(&f, ERR_PROTO, "half");
}

/* ---- blobs and lines ---- */

static void
blob_refused(struct view blob, enum err want)
{
	struct ssh_key *k;

	assert_int_equal(ssh_key_parse_blob(blob, &k), want);
	assert_null(k);
}

static void
blob_truncated(void **state)
{
	(void)state;
	for (size_t i = 0; i < NKINDS; i++) {
		struct ssh_key *k = ssh_key_generate(kinds[i].type,
		    kinds[i].bits), *back;
		struct wr w = wr_new(8192);

		assert_int_equal(ssh_key_parse_blob(ssh_key_blob(k), &back),
		    OK);
		assert_string_equal(ssh_key_type(k), ssh_key_type(back));
		assert_true(ssh_key_equal(k, back));
		wr_bytes(&w, ssh_key_blob(k));
		for (size_t n = 0; n < wr_size(&w); n++)
			blob_refused(view_of(w.base, n), ERR_PROTO);
		wr_u8(&w, 0);
		blob_refused(wr_view(&w), ERR_PROTO);
		ssh_key_free(&k);
		ssh_key_free(&back);
		wr_free(&w);
	}
}

/* An RSA blob with these numbers as the contents of its mpints. */
static struct wr
rsa_blob(struct view e, struct view n)
{
	struct wr w = wr_new(65536);

	wr_cstr(&w, "ssh-rsa");
	wr_str(&w, e);
	wr_str(&w, n);
	return w;
}

static void
rsa_refused(struct view e, struct view n, enum err want)
{
	struct wr w = rsa_blob(e, n);

	blob_refused(wr_view(&w), want);
	wr_free(&w);
}

static void
blob_rsa(void **state)
{
	static uint8_t n[4096];
	struct view e = hex("010001");
	struct ssh_key *k;
	struct wr w;

	(void)state;
	memset(n, 0xff, sizeof(n));
	n[0] = 0;
	rsa_refused(e, view_of(n, 129), ERR_LIMIT);
	rsa_refused(e, hex("01"), ERR_LIMIT);
	rsa_refused(e, hex(""), ERR_LIMIT);
	rsa_refused(e, view_of(n, 2050), ERR_LIMIT);
	rsa_refused(e, view_of(n, sizeof(n)), ERR_LIMIT);
	rsa_refused(e, view_of(n, 256), ERR_LIMIT);	/* 2040 bits */
	n[1] = 0x7f;					/* 2047 bits */
	rsa_refused(e, view_of(n + 1, 256), ERR_LIMIT);
	n[1] = 0xff;
	rsa_refused(hex("00010001"), view_of(n, 257), ERR_PROTO);
	rsa_refused(hex("ff"), view_of(n, 257), ERR_PROTO);
	rsa_refused(hex(""), view_of(n, 257), ERR_PROTO);
	rsa_refused(hex("01"), view_of(n, 257), ERR_PROTO);
	rsa_refused(hex("010000"), view_of(n, 257), ERR_PROTO);
	rsa_refused(view_of(n, 1000), view_of(n, 257), ERR_PROTO);
	rsa_refused(e, view_of(n + 1, 257), ERR_PROTO);	/* negative */
	n[256] = 0xfe;
	rsa_refused(e, view_of(n, 257), ERR_PROTO);	/* even */
	n[256] = 0xff;
	for (size_t i = 0; i < 2; i++) {
		w = rsa_blob(e, view_of(n, i == 0 ? 257 : 2049));
		assert_int_equal(ssh_key_parse_blob(wr_view(&w), &k), OK);
		assert_int_equal(ssh_key_bits(k), i == 0 ? 2048 : 16384);
		ssh_key_free(&k);
		wr_free(&w);
	}
}

static void
blob_others(void **state)
{
	static const char *const types[] = { "ssh-dss", "",
	    "ssh-ed25519-cert-v01@openssh.com", "sk-ssh-ed25519@openssh.com",
	    "sk-ecdsa-sha2-nistp256@openssh.com", "rsa-sha2-256",
	    "ecdsa-sha2-nistp224", "ssh-ed25519x" };
	struct ssh_key *k = ssh_key_generate("ecdsa", 256);
	struct rd r = rd_of(ssh_key_blob(k));
	struct wr w = wr_new(8192);
	struct view point;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		wr_reset(&w);
		wr_cstr(&w, types[i]);
		wr_str(&w, hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa6"
		    "2325af021a68f707511a"));
		blob_refused(wr_view(&w), ERR_PROTO);
	}
	rd_str(&r);
	rd_str(&r);
	point = rd_str(&r);
	/* type and curve disagree, either way round */
	wr_reset(&w);
	wr_cstr(&w, "ecdsa-sha2-nistp256");
	wr_cstr(&w, "nistp384");
	wr_str(&w, point);
	blob_refused(wr_view(&w), ERR_PROTO);
	wr_reset(&w);
	wr_cstr(&w, "ecdsa-sha2-nistp384");
	wr_cstr(&w, "nistp384");
	wr_str(&w, point);
	blob_refused(wr_view(&w), ERR_PROTO);
	/* off the curve */
	wr_reset(&w);
	wr_bytes(&w, ssh_key_blob(k));
	w.base[w.len - 1] ^= 1;
	blob_refused(wr_view(&w), ERR_PROTO);
	ssh_key_free(&k);
	wr_free(&w);
}

static void
lines(void **state)
{
	const char *b64 = "AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4X"
	    "Lz2qYjJa8CGmj3B1Ea";
	static const char *const good[][2] = {
		{ "ssh-ed25519 %s", "" },
		{ "ssh-ed25519 %s me@here", "me@here" },
		{ " \tssh-ed25519\t%s  a b  c \r\n", "a b  c" },
		{ "ssh-ed25519 %s\n", "" },
	};
	static const char *const bad[] = {
		"ssh-rsa %s", "%s", "ssh-ed25519", "ssh-ed25519 %s%s",
		"ssh-ed25519 %.66s", "restrict ssh-ed25519 %s", "",
		"ssh-ed25519\n%.40s\n", "# %s", "ssh-ed25519,%s",
		"ssh-ed25519 =%s",
	};
	char line[256];
	struct view comment;
	struct ssh_key *k;
	size_t n;

	(void)state;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	for (size_t i = 0; i < 4; i++) {
		snprintf(line, sizeof(line), good[i][0], b64);
		assert_int_equal(ssh_key_parse_line(view_str(line), &k,
		    &comment), OK);
		assert_true(view_is(comment, good[i][1]));
		ssh_key_free(&k);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(line, sizeof(line), bad[i], b64, b64);
		assert_int_equal(ssh_key_parse_line(view_str(line), &k,
		    &comment), ERR_PROTO);
		assert_null(k);
	}
#pragma GCC diagnostic pop
	n = (size_t)snprintf(line, sizeof(line), "ssh-ed25519 %s a b", b64);
	assert_int_equal(ssh_key_parse_line(view_of(line, n), &k, NULL), OK);
	ssh_key_free(&k);
	line[n - 2] = '\0';
	assert_int_equal(ssh_key_parse_line(view_of(line, n), &k, NULL),
	    ERR_PROTO);
}

/* ---- signatures ---- */

static void
sigalgs(void **state)
{
	struct view list = view_str(ssh_sigalg_list()), alg;
	size_t n = 0;

	(void)state;
	for (; namelist_next(&list, &alg); n++) {
		bool cert = memmem(alg.p, alg.n, "-cert-v01", 9) != NULL;
		bool fits = ssh_sigalg_fits(alg, alg);

		if (alg.p[0] == 'r')
			fits = ssh_sigalg_fits(alg, view_str(cert ?
			    "ssh-rsa-cert-v01@openssh.com" : "ssh-rsa"));
		else if (alg.p[0] == 'w')
			fits = ssh_sigalg_fits(alg, view_str(
			    "sk-ecdsa-sha2-nistp256@openssh.com"));
		assert_true(fits);
		/* a host signs with files, not with tokens */
		assert_int_equal(namelist_has(view_str(
		    ssh_sigalg_host_list()), alg),
		    !cert && memmem(alg.p, alg.n, "@", 1) == NULL);
	}
	assert_int_equal(n, 17);
	assert_false(ssh_sigalg_fits(view_str("ssh-rsa-cert-v01@openssh.com"),
	    view_str("ssh-rsa-cert-v01@openssh.com")));
	assert_true(ssh_sigalg_fits(view_str("rsa-sha2-256"),
	    view_str("ssh-rsa")));
	assert_false(ssh_sigalg_fits(view_str("ssh-rsa"),
	    view_str("ssh-rsa")));
	assert_false(ssh_sigalg_fits(view_str("ssh-ed25519"),
	    view_str("ssh-rsa")));
	assert_false(ssh_sigalg_fits(view_str("ecdsa-sha2-nistp256"),
	    view_str("ecdsa-sha2-nistp384")));
	assert_false(namelist_has(view_str(ssh_sigalg_list()),
	    view_str("ssh-rsa")));
}

static struct wr
sig_blob(const char *alg, struct view raw)
{
	struct wr w = wr_new(16384);

	wr_cstr(&w, alg);
	wr_str(&w, raw);
	return w;
}

/* A signature with another name around it, or asked for by another. */
static void
signature_names(void **state)
{
	struct ssh_key *k = ssh_key_generate("rsa", 2048);
	struct view data = view_str("data"), raw;
	struct wr sig = wr_new(8192), other;
	struct rd r;

	(void)state;
	assert_int_equal(ssh_key_sign(k, view_str("ssh-rsa"), data, &sig),
	    ERR_PROTO);
	assert_int_equal(ssh_key_sign(k, view_str("rsa-sha2-256"), data,
	    &sig), OK);
	assert_int_equal(ssh_key_verify(k, view_str("rsa-sha2-512"), data,
	    wr_view(&sig)), ERR_PROTO);
	assert_int_equal(ssh_key_verify(k, view_str("ssh-ed25519"), data,
	    wr_view(&sig)), ERR_PROTO);
	assert_int_equal(ssh_key_verify(k, view_str("ssh-rsa"), data,
	    wr_view(&sig)), ERR_PROTO);
	r = rd_of(wr_view(&sig));
	rd_str(&r);
	raw = rd_str(&r);
	other = sig_blob("rsa-sha2-512", raw);
	assert_int_equal(ssh_key_verify(k, view_str("rsa-sha2-512"), data,
	    wr_view(&other)), ERR_DENIED);
	wr_free(&other);
	other = sig_blob("ssh-rsa", raw);
	assert_int_equal(ssh_key_verify(k, view_str("ssh-rsa"), data,
	    wr_view(&other)), ERR_PROTO);
	assert_int_equal(ssh_key_verify(k, view_str("rsa-sha2-256"), data,
	    wr_view(&other)), ERR_PROTO);
	wr_free(&other);
	/* too long, empty */
	other = sig_blob("rsa-sha2-256", view_of(sig.base, 257));
	assert_int_equal(ssh_key_verify(k, view_str("rsa-sha2-256"), data,
	    wr_view(&other)), ERR_PROTO);
	wr_free(&other);
	other = sig_blob("rsa-sha2-256", view_of(NULL, 0));
	assert_int_equal(ssh_key_verify(k, view_str("rsa-sha2-256"), data,
	    wr_view(&other)), ERR_PROTO);
	wr_free(&other);
	ssh_key_free(&k);
	wr_free(&sig);
}

/* One signature in 256 begins with a zero, which some clients strip. */
static void
rsa_stripped_zeros(void **state)
{
	struct ssh_key *k = ssh_key_generate("rsa", 2048);
	struct view alg = view_str("rsa-sha2-256"), raw = { 0 };
	struct wr sig = wr_new(8192), other;
	uint32_t i = 0;

	(void)state;
	for (; i < 20000; i++) {
		struct rd r;

		wr_reset(&sig);
		assert_int_equal(ssh_key_sign(k, alg, view_of(&i, 4), &sig),
		    OK);
		r = rd_of(wr_view(&sig));
		rd_str(&r);
		raw = rd_str(&r);
		assert_int_equal(raw.n, 256);
		if (raw.p[0] == 0)
			break;
	}
	assert_int_equal(raw.p[0], 0);
	other = sig_blob("rsa-sha2-256", view_of(raw.p + 1, raw.n - 1));
	assert_int_equal(ssh_key_verify(k, alg, view_of(&i, 4),
	    wr_view(&other)), OK);
	wr_free(&other);
	other = sig_blob("rsa-sha2-256", view_of(raw.p, raw.n - 1));
	assert_int_equal(ssh_key_verify(k, alg, view_of(&i, 4),
	    wr_view(&other)), ERR_DENIED);
	wr_free(&other);
	ssh_key_free(&k);
	wr_free(&sig);
}

static enum err
verify_ec(const struct ssh_key *k, struct view r, struct view s)
{
	struct wr raw = wr_new(8192), sig;
	enum err err;

	wr_str(&raw, r);
	wr_str(&raw, s);
	sig = sig_blob("ecdsa-sha2-nistp256", wr_view(&raw));
	err = ssh_key_verify(k, view_str("ecdsa-sha2-nistp256"),
	    view_str("data"), wr_view(&sig));
	wr_free(&raw);
	wr_free(&sig);
	return err;
}

static void
ecdsa_numbers(void **state)
{
	/* order of P-256 (FIPS 186-4 D.1.2.3) */
	struct view order = hex("00ffffffff00000000ffffffffffffffffbce6faada"
	    "7179e84f3b9cac2fc632551");
	struct ssh_key *k = ssh_key_generate("ecdsa", 256);
	struct wr sig = wr_new(8192), fat = wr_new(8192);
	struct view r, s;
	uint8_t big[1000];
	struct rd rd;

	(void)state;
	assert_int_equal(ssh_key_sign(k, view_str("ecdsa-sha2-nistp256"),
	    view_str("data"), &sig), OK);
	rd = rd_of(wr_view(&sig));
	rd_str(&rd);
	rd = rd_of(rd_str(&rd));
	r = rd_str(&rd);
	s = rd_str(&rd);
	assert_int_equal(verify_ec(k, r, s), OK);
	assert_int_equal(verify_ec(k, s, r), ERR_DENIED);
	assert_int_equal(verify_ec(k, hex("00"), s), ERR_DENIED);
	assert_int_equal(verify_ec(k, r, hex("00")), ERR_DENIED);
	assert_int_equal(verify_ec(k, hex(""), s), ERR_PROTO);
	assert_int_equal(verify_ec(k, order, s), ERR_DENIED);
	assert_int_equal(verify_ec(k, r, order), ERR_DENIED);
	assert_int_equal(verify_ec(k, hex("ff"), s), ERR_PROTO);
	assert_int_equal(verify_ec(k, r, hex("80")), ERR_PROTO);
	memset(big, 0x7f, sizeof(big));
	assert_int_equal(verify_ec(k, view_of(big, sizeof(big)), s),
	    ERR_DENIED);
	/* zeros in front change no number */
	wr_u8(&fat, 0);
	wr_u8(&fat, 0);
	wr_bytes(&fat, r);
	assert_int_equal(verify_ec(k, wr_view(&fat), s), OK);
	ssh_key_free(&k);
	wr_free(&sig);
	wr_free(&fat);
}

static void
signature_truncated(void **state)
{
	(void)state;
	for (size_t i = 0; i < NKINDS; i++) {
		struct ssh_key *k = ssh_key_generate(kinds[i].type,
		    kinds[i].bits);
		struct view algs = view_str(ssh_key_sigalgs(k)), alg;
		struct view data = view_str("data");
		struct wr sig = wr_new(8192);

		assert_true(namelist_next(&algs, &alg));
		assert_int_equal(ssh_key_sign(k, alg, data, &sig), OK);
		for (size_t n = 0; n < wr_size(&sig); n++)
			assert_int_equal(ssh_key_verify(k, alg, data,
			    view_of(sig.base, n)), ERR_PROTO);
		for (size_t at = 0; at < wr_size(&sig); at++) {
			sig.base[at] ^= 1;
			assert_int_not_equal(ssh_key_verify(k, alg, data,
			    wr_view(&sig)), OK);
			sig.base[at] ^= 1;
		}
		wr_u8(&sig, 0);
		assert_int_equal(ssh_key_verify(k, alg, data,
		    wr_view(&sig)), ERR_PROTO);
		ssh_key_free(&k);
		wr_free(&sig);
	}
}

/* ---- signatures against ssh-keygen -Y (OpenSSH's PROTOCOL.sshsig) ---- */

static struct wr
sshsig_data(const char *message)
{
	struct wr w = wr_new(8192);
	uint8_t digest[HASH_MAX];

	assert_true(hash_once(HASH_SHA512, view_str(message), digest));
	wr_bytes(&w, view_str("SSHSIG"));
	wr_cstr(&w, "test");
	wr_cstr(&w, "");
	wr_cstr(&w, "sha512");
	wr_str(&w, view_of(digest, 64));
	return w;
}

static void
keygen_verifies_ours(void **state)
{
	(void)state;
	need_keygen();
	spit("message", view_str("hello\n"));
	for (size_t i = 0; i < NKINDS; i++) {
		struct ssh_key *k = ssh_key_generate(kinds[i].type,
		    kinds[i].bits);
		struct view algs = view_str(ssh_key_sigalgs(k)), alg;

		while (namelist_next(&algs, &alg)) {
			struct wr data = sshsig_data("hello\n");
			struct wr sig = wr_new(8192), all = wr_new(8192);
			struct wr file = wr_new(16384);

			assert_int_equal(ssh_key_sign(k, alg, wr_view(&data),
			    &sig), OK);
			wr_bytes(&all, view_str("SSHSIG"));
			wr_u32(&all, 1);
			wr_str(&all, ssh_key_blob(k));
			wr_cstr(&all, "test");
			wr_cstr(&all, "");
			wr_cstr(&all, "sha512");
			wr_str(&all, wr_view(&sig));
			wr_bytes(&file, view_str(
			    "-----BEGIN SSH SIGNATURE-----\n"));
			crypto_base64_encode(wr_view(&all), &file);
			wr_bytes(&file, view_str(
			    "\n-----END SSH SIGNATURE-----\n"));
			spit("sig", wr_view(&file));
			assert_int_equal(run("ssh-keygen -Y check-novalidate "
			    "-n test -s sig <message"), 0);
			wr_free(&data);
			wr_free(&sig);
			wr_free(&all);
			wr_free(&file);
		}
		ssh_key_free(&k);
	}
}

/* The signature inside of the file that ssh-keygen -Y sign wrote. */
static struct wr
sshsig_read(void)
{
	struct wr file = slurp("message.sig"), text = wr_new(16384);
	struct wr all = wr_new(16384), sig = wr_new(16384);
	struct view v = wr_view(&file);
	struct rd r;

	for (size_t i = strlen("-----BEGIN SSH SIGNATURE-----\n");
	    v.p[i] != '-'; i++)
		if (v.p[i] != '\n')
			wr_u8(&text, v.p[i]);
	assert_true(crypto_base64_decode(wr_view(&text), &all));
	r = rd_of(wr_view(&all));
	rd_bytes(&r, 6);
	rd_u32(&r);
	for (int i = 0; i < 4; i++)
		rd_str(&r);
	wr_bytes(&sig, rd_str(&r));
	assert_true(rd_done(&r));
	wr_free(&file);
	wr_free(&text);
	wr_free(&all);
	return sig;
}

static void
we_verify_keygens(void **state)
{
	(void)state;
	need_keygen();
	spit("message", view_str("hello\n"));
	for (size_t i = 0; i < NKINDS; i++) {
		struct ssh_key *k = ssh_key_generate(kinds[i].type,
		    kinds[i].bits);
		struct wr w = write_file(k, ""), sig;
		struct wr data = sshsig_data("hello\n");
		struct wr wrong = sshsig_data("hallo\n");
		struct view algs = view_str(ssh_key_sigalgs(k)), alg;

		spit("key", wr_view(&w));
		assert_int_equal(run("rm -f message.sig key.pub; ssh-keygen "
		    "-Y sign -n test -f key message"), 0);
		sig = sshsig_read();
		assert_true(namelist_next(&algs, &alg));
		assert_int_equal(ssh_key_verify(k, alg, wr_view(&data),
		    wr_view(&sig)), OK);
		assert_int_equal(ssh_key_verify(k, alg, wr_view(&wrong),
		    wr_view(&sig)), ERR_DENIED);
		ssh_key_free(&k);
		wr_free(&w);
		wr_free(&sig);
		wr_free(&data);
		wr_free(&wrong);
	}
}

static int
setup(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	run("rm -rf %s", dir);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keygen_files),
		cmocka_unit_test(keygen_encrypted),
		cmocka_unit_test(keygen_small_rsa),
		cmocka_unit_test(write_and_read),
		cmocka_unit_test(keygen_reads_ours),
		cmocka_unit_test(generate_misuse),
		cmocka_unit_test(public_half_only),
		cmocka_unit_test(text_around),
		cmocka_unit_test(files_that_are_none),
		cmocka_unit_test(pem_samples),
		cmocka_unit_test(damaged_openssh_files),
		cmocka_unit_test(openssh_fields),
		cmocka_unit_test(blob_truncated),
		cmocka_unit_test(blob_rsa),
		cmocka_unit_test(blob_others),
		cmocka_unit_test(lines),
		cmocka_unit_test(sigalgs),
		cmocka_unit_test(signature_names),
		cmocka_unit_test(rsa_stripped_zeros),
		cmocka_unit_test(ecdsa_numbers),
		cmocka_unit_test(signature_truncated),
		cmocka_unit_test(keygen_verifies_ours),
		cmocka_unit_test(we_verify_keygens),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
