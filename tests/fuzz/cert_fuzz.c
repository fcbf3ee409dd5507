/*
 * Certificates from strangers.  The first byte says whether the authority's
 * signature counts (odd) or not, so that what stands behind it is reached.
 * Beyond memory: views stay inside of the certificate, what was taken has one
 * spelling, and what is certified is a key that parses alone.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/certs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
inside(const struct ssh_cert *c, struct view v)
{
	struct view all = ssh_key_blob(c->key);

	must(v.n == 0 || (v.p >= all.p && v.n <= all.n &&
	    v.p + v.n <= all.p + all.n));
}

static void
check_views(const struct ssh_cert *c)
{
	inside(c, c->key_id);
	inside(c, c->force_command);
	inside(c, c->source_address);
	inside(c, c->unknown);
	inside(c, c->signed_part);
	inside(c, c->signature);
	must(c->nprincipals <= SSHCERT_PRINCIPALS_MAX);
	for (size_t i = 0; i < c->nprincipals; i++) {
		inside(c, c->principals[i]);
		must(!view_has_nul(c->principals[i]));
		must(ssh_cert_names(c, c->principals[i]));
	}
	must(!view_has_nul(c->key_id) && !view_has_nul(c->force_command));
}

static void
check_keys(const struct ssh_cert *c)
{
	struct view type = view_str(ssh_key_type(c->key));
	struct ssh_key *plain, *signer;
	struct rd r = rd_of(wr_view(&c->plain));

	must(ssh_cert_type_known(type));
	must(ssh_key_parse_blob(wr_view(&c->plain), &plain) == OK);
	must(view_is(rd_str(&r), ssh_key_type(plain)));
	must(ssh_key_bits(plain) == ssh_key_bits(c->key));
	must(ssh_cert_signer(ssh_key_blob(c->key), &signer) == OK);
	must(ssh_key_equal(signer, c->key));
	must(!ssh_cert_type_known(view_str(ssh_key_type(c->ca))));
	ssh_key_free(&plain);
	ssh_key_free(&signer);
}

/* Nobody is let in by what is not understood. */
static void
check_policy(const struct ssh_cert *c)
{
	struct match_addr here = { .n = 4, .b = { 10, 0, 0, 1 },
	    .text = "10.0.0.1" };
	struct auth_limits limits = certs_limits(c);

	if (certs_refusal(c, &here, 1700000000, ALLOW_SFTP) != NULL)
		return;
	must(c->type == SSHCERT_USER && c->unknown.p == NULL);
	must((c->options & SSHCERT_FORCE_COMMAND) == 0 ||
	    limits.deny == ~(uint32_t)ALLOW_SFTP);
	must((c->options & SSHCERT_PTY) != 0 ||
	    (limits.deny & ALLOW_PTY) != 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ssh_cert *c;
	struct view blob;
	enum err err;

	if (size == 0)
		return 0;
	blob = view_of(data + 1, size - 1);
	err = (data[0] & 1) != 0 ? ssh_cert_parse(blob, &c) :
	    ssh_cert_parse_unchecked(blob, &c);
	if (err != OK) {
		must(c == NULL);
		return 0;
	}
	must(view_eq(ssh_key_blob(c->key), blob));
	check_views(c);
	check_keys(c);
	check_policy(c);
	ssh_cert_free(&c);
	return 0;
}
