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

/*
 * Is the request in order, before anybody asks whose it is?  The algorithm is
 * matched by its exact name and must belong to the key's type; the blob must
 * be a whole, valid key of an allowed size.
 */
static struct ssh_key *
offered_key(const struct userauth_msg *m, const char **why)
{
	struct ssh_key *key = NULL;
	enum err e;

	if (!namelist_has(view_str(ssh_sigalg_list()), m->alg)) {
		*why = "signature algorithm is not allowed";
		return NULL;
	}
	if ((e = ssh_key_parse_blob(m->key, &key)) != OK) {
		*why = e == ERR_LIMIT ? "RSA key is too short or too long" :
		    "malformed key";
		return NULL;
	}
	if (!ssh_sigalg_fits(m->alg, view_str(ssh_key_type(key)))) {
		*why = "signature algorithm does not fit the key";
		ssh_key_free(&key);
	}
	return key;
}

/*
 * Against bytes made here from what we know ourselves: the warden's session
 * id and the names that this login was made for (RFC 4252 7).
 */
static const char *
signature_fault(struct auth *a, const struct userauth_msg *m,
    const struct ssh_key *key)
{
	struct userauth_msg own = *m;
	struct wr data = wr_new(2 * USERAUTH_MAX_REQUEST);
	const char *why = "signature could not be checked";

	own.user = a->start.user;
	own.service = view_str("ssh-connection");
	if (!userauth_msg_signed(&own, a->start.session_id, &data) || data.bad)
		goto out;
	a->work.verifies++;
	switch (ssh_key_verify(key, m->alg, wr_view(&data), m->signature)) {
	case OK:
		why = NULL;
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

void
auth_publickey(struct auth *a, const struct userauth_msg *m,
    struct auth_step *step)
{
	struct keys_query q = {
		.policy = a->start.policy, .blob = m->key, .addr = &a->addr,
		.now = a->start.now, .tell_faults = !a->faults_told
	};
	const char *fault = NULL;
	struct keys_answer found;
	struct ssh_key *key;

	ssh_key_fingerprint(m->key, step->key);
	if ((key = offered_key(m, &step->reason)) == NULL)
		return;
	keys_find(&q, &found);
	a->faults_told = true;
	a->work.opens += found.opens;
	/* Also for a key that is not listed and for nobody's: same work. */
	if (m->has_signature)
		fault = signature_fault(a, m, key);
	step->reason = found.refusal != NULL ? found.refusal : fault;
	if (step->reason == NULL && used_before(a, step->key))
		step->reason = "key has been used for an earlier step";
	if (step->reason == NULL) {
		step->limits = found.limits;
		step->proved = m->has_signature;
		step->usable = !m->has_signature;
	}
	ssh_key_free(&key);
}
