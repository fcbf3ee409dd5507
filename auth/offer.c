#include "auth/offer.h"

void
offer_free(struct offer *o)
{
	ssh_cert_free(&o->cert);
	ssh_key_free(&o->plain);
}

static bool
is_cert(struct view blob)
{
	struct rd r = rd_of(blob);

	return ssh_cert_type_known(rd_str(&r));
}

static enum err
offer_parse(struct view blob, struct offer *o)
{
	enum err err;

	if (is_cert(blob)) {
		if ((err = ssh_cert_parse(blob, &o->cert)) != OK)
			return err;
		o->key = o->cert->key;
		o->blob = wr_view(&o->cert->plain);
		return OK;
	}
	if ((err = ssh_key_parse_blob(blob, &o->plain)) != OK)
		return err;
	o->key = o->plain;
	o->blob = blob;
	return OK;
}

static const char *
offer_fault(struct view blob, enum err err)
{
	bool cert = is_cert(blob);

	switch (err) {
	case ERR_LIMIT:
		return cert ? "certificate, or an RSA key in it, is too "
		    "short or too long" : "RSA key is too short or too long";
	case ERR_DENIED:
		return "signature of the certificate's authority is wrong";
	case ERR_PROTO:
		return cert ? "malformed certificate" : "malformed key";
	default:
		return "key could not be checked";
	}
}

const char *
offer_take(const struct userauth_msg *m, struct offer *o)
{
	enum err err;

	if (!namelist_has(view_str(ssh_sigalg_list()), m->alg))
		return "signature algorithm is not allowed";
	if ((err = offer_parse(m->key, o)) != OK)
		return offer_fault(m->key, err);
	if (!ssh_sigalg_fits(m->alg, view_str(ssh_key_type(o->key))))
		return "signature algorithm does not fit the key";
	return NULL;
}

/* What the signature itself must say, if it comes from a security token. */
static const char *
flags_fault(const struct ssh_key *key, uint8_t wanted,
    const struct ssh_sig_details *details)
{
	uint8_t missing = (uint8_t)(wanted & ~details->flags);

	if (!ssh_key_is_sk(key) || missing == 0)
		return NULL;
	return (missing & SSH_SIG_TOUCH) != 0 ?
	    "security token was not touched" :
	    "security token did not verify its user";
}

const char *
offer_signature_fault(struct auth *a, const struct userauth_msg *m,
    const struct ssh_key *key, uint8_t flags)
{
	struct userauth_msg own = *m;
	struct ssh_sig_details details;
	struct wr data = wr_new(2 * USERAUTH_MAX_REQUEST);
	const char *why = "signature could not be checked";

	own.user = a->start.user;
	own.service = view_str("ssh-connection");
	if (!userauth_msg_signed(&own, a->start.session_id, &data) || data.bad)
		goto out;
	a->work.verifies++;
	switch (ssh_key_verify_details(key, m->alg, wr_view(&data),
	    m->signature, &details)) {
	case OK:
		why = flags_fault(key, flags, &details);
		break;
	case ERR_DENIED:
		why = "signature is wrong";
		break;
	case ERR_PROTO:
		why = "signature is malformed or of another algorithm";
		break;
	default:
		break;
	}
out:
	wr_free(&data);
	return why;
}
