/*
 * Keys and signatures from strangers.  The first byte says what the rest is:
 * a public blob, a line, a private key file, or a signature as the strings
 * key blob, algorithm, signature blob and the signed data to the end.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/sshkey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* A key that was taken has one spelling, and reads back. */
static void
check_key(const struct ssh_key *k)
{
	struct ssh_key *again;
	char fp[SSHKEY_FP_MAX];

	must(ssh_key_parse_blob(ssh_key_blob(k), &again) == OK);
	must(ssh_key_equal(k, again));
	must(ssh_key_type(k) == ssh_key_type(again));
	must(ssh_key_bits(k) >= 256 && ssh_key_bits(k) <= SSHKEY_RSA_MAX);
	ssh_key_fingerprint(ssh_key_blob(k), fp);
	must(fp[0] != '\0');
	ssh_key_free(&again);
}

static void
fuzz_blob(struct view in)
{
	struct ssh_key *k;

	if (ssh_key_parse_blob(in, &k) != OK) {
		must(k == NULL);
		return;
	}
	must(view_eq(ssh_key_blob(k), in));
	check_key(k);
	ssh_key_free(&k);
}

static void
fuzz_line(struct view in)
{
	struct view comment;
	struct ssh_key *k;

	if (ssh_key_parse_line(in, &k, &comment) != OK) {
		must(k == NULL);
		return;
	}
	must(comment.n <= in.n && !view_has_nul(comment));
	check_key(k);
	ssh_key_free(&k);
}

static void
fuzz_private(struct view in)
{
	struct wr w = wr_new(1 << 20);
	struct ssh_key *k, *again;
	const char *why = NULL;

	if (ssh_key_parse_private(in, &k, &why) != OK) {
		must(k == NULL && why != NULL && why[0] != '\0');
		return;
	}
	must(ssh_key_is_private(k));
	check_key(k);
	must(ssh_key_write_private(k, "comment", &w));
	must(ssh_key_parse_private(wr_view(&w), &again, &why) == OK);
	must(ssh_key_equal(k, again));
	ssh_key_free(&k);
	ssh_key_free(&again);
	wr_free(&w);
}

static void
fuzz_signature(struct view in)
{
	struct rd r = rd_of(in);
	struct view blob = rd_str(&r), alg = rd_str(&r), sig = rd_str(&r);
	struct view data = rd_rest(&r);
	struct ssh_key *k;

	if (r.bad || ssh_key_parse_blob(blob, &k) != OK)
		return;
	if (ssh_key_verify(k, alg, data, sig) == OK)
		must(ssh_sigalg_fits(alg, view_str(ssh_key_type(k))));
	ssh_key_free(&k);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const targets[])(struct view) = {
		fuzz_blob, fuzz_line, fuzz_private, fuzz_signature,
	};

	if (size == 0 || data[0] >= 4)
		return 0;
	targets[data[0]](view_of(data + 1, size - 1));
	return 0;
}
