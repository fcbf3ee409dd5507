#include <string.h>

#include "auth/internal.h"
#include "auth/keys.h"

/* The same key twice is one proof, not two. */
static bool
used_before(const struct auth *a, const char *fingerprint)
{
	for (size_t i = 0; i < a->nused; i++)
		if (strcmp(a->used[i], fingerprint) == 0)
			return true;
	return a->nused == AUTH_USED_MAX;
}

/* The key of a request, and the certificate that it came in. */
struct offer {
	struct ssh_cert *cert;		/* NULL: a plain key */
	struct ssh_key *plain;		/* NULL: a certificate */
	const struct ssh_key *key;	/* whose signature counts */
	struct view blob;		/* of the key without certificate */
};

static void
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

/*
 * Is the request in order, before anybody asks whose it is?  The algorithm is
 * matched by its exact name and must belong to the type of the key or
 * certificate; the blob must be whole, valid and of an allowed size; a
 * certificate must be signed by the authority that it names.
 */
static const char *
take_offer(const struct userauth_msg *m, struct offer *o)
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

/*
 * Against bytes made here from what we know ourselves: the warden's session
 * id and the names that this login was made for (RFC 4252 7).
 */
static const char *
signature_fault(struct auth *a, const struct userauth_msg *m,
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

/* Who it is that an authority vouches for: the key alone does not say. */
static void
log_cert(const struct ssh_cert *c, const char *reason)
{
	char ca[SSHKEY_FP_MAX];
	struct log_ev e;

	ssh_key_fingerprint(ssh_key_blob(c->ca), ca);
	log_begin(&e, LOG_INFO, "certificate");
	log_view(&e, "id", c->key_id);
	log_num(&e, "serial", c->serial);
	log_str(&e, "ca", ca);
	if (c->unknown.p != NULL)
		log_view(&e, "unknown", c->unknown);
	if (reason != NULL)
		log_str(&e, "reason", reason);
	log_send(&e);
}

static void
check_offer(struct auth *a, const struct userauth_msg *m,
    const struct offer *o, struct auth_step *step)
{
	struct keys_query q = {
		.policy = a->start.policy, .blob = o->blob, .key = o->key,
		.cert = o->cert, .addr = &a->addr, .now = auth_now(a),
		.tell_faults = !a->faults_told
	};
	const char *fault = NULL;
	struct keys_answer found;

	keys_find(&q, &found);
	a->faults_told = true;
	a->work.opens += found.opens;
	/* Also for a key that is not listed and for nobody's: same work. */
	if (m->has_signature)
		fault = signature_fault(a, m, o->key, found.sig_flags);
	step->reason = found.refusal != NULL ? found.refusal : fault;
	if (step->reason == NULL && used_before(a, step->key))
		step->reason = "key has been used for an earlier step";
	if (o->cert != NULL && m->has_signature)
		log_cert(o->cert, step->reason);
	if (step->reason == NULL) {
		step->limits = found.limits;
		step->proved = m->has_signature;
		step->usable = !m->has_signature;
	}
}

void
auth_publickey(struct auth *a, const struct userauth_msg *m,
    struct auth_step *step)
{
	struct offer o = { 0 };

	ssh_key_fingerprint(m->key, step->key);
	if ((step->reason = take_offer(m, &o)) == NULL) {
		/* Certified or not, it is one key. */
		ssh_key_fingerprint(o.blob, step->key);
		check_offer(a, m, &o, step);
	}
	offer_free(&o);
}
