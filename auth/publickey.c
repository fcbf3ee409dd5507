#include <string.h>

#include "auth/external.h"
#include "auth/keys.h"
#include "auth/keys_command.h"
#include "auth/offer.h"
#include "base/crypto.h"

/* The same key twice is one proof, not two. */
static bool
used_before(const struct auth *a, const char *fingerprint)
{
	for (size_t i = 0; i < a->nused; i++)
		if (strcmp(a->used[i], fingerprint) == 0)
			return true;
	return a->nused == AUTH_USED_MAX;
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

static bool
has_command(const struct auth *a)
{
	const struct policy *p = auth_shape(a);

	return p != NULL && p->programs.keys.n != 0;
}

/* Is it bound to another server, to which somebody passes it on? */
static bool
bound_elsewhere(const struct auth *a, const struct userauth_msg *m)
{
	uint8_t hash[HASH_MAX];

	return m->hostbound && (!hash_once(HASH_SHA256, m->host_key, hash) ||
	    !view_eq(a->start.host_key, view_of(hash,
	    hash_len(HASH_SHA256))));
}

/* Certificates that live no longer than that are made anew by a machine, and
 * need no word. */
static void
warn(const struct auth *a, const struct offer *o, int64_t expires,
    struct auth_step *step)
{
	const struct ssh_cert *c = o->cert;
	uint64_t life;

	if (expires != 0)
		auth_step_expires(a, step, c == NULL ? "key" :
		    "certificate's authority", expires);
	if (c == NULL || c->valid_before > INT64_MAX)
		return;
	life = c->valid_before - c->valid_after;
	if (life > a->start.policy->password_warn)
		auth_step_expires(a, step, "certificate",
		    (int64_t)c->valid_before);
}

static void
check_offer(struct auth *a, const struct userauth_msg *m,
    const struct offer *o, struct auth_step *step)
{
	struct keys_command command = { a, m, step->key };
	struct keys_query q = {
		.policy = a->start.policy, .blob = o->blob, .key = o->key,
		.cert = o->cert, .addr = &a->addr, .now = auth_now(a),
		.tell_faults = !a->faults_told,
		.command = has_command(a) ? keys_command_run : NULL,
		.command_ctx = &command
	};
	const char *fault = NULL;
	struct keys_answer found;

	keys_find(&q, &found);
	a->faults_told = true;
	a->work.opens += found.opens;
	/* Also for a key that is not listed and for nobody's: same work. */
	if (m->has_signature)
		fault = offer_signature_fault(a, m, o->key,
		    found.sig_flags);
	step->reason = found.refusal != NULL ? found.refusal : fault;
	if (step->reason == NULL && bound_elsewhere(a, m))
		step->reason = "request is bound to another host key";
	if (step->reason == NULL && used_before(a, step->key))
		step->reason = "key has been used for an earlier step";
	if (o->cert != NULL && m->has_signature)
		log_cert(o->cert, step->reason);
	if (step->reason == NULL) {
		step->limits = found.limits;
		step->proved = m->has_signature;
		step->usable = !m->has_signature;
	}
	if (step->proved)
		warn(a, o, found.expires, step);
}

/* Somebody else decides, once the signature is good; what is revoked or too
 * short stays so, whatever they say. */
static void
check_outside(struct auth *a, const struct userauth_msg *m,
    const struct offer *o, struct auth_step *step)
{
	const struct keys_query q = {
		.policy = a->start.policy, .blob = o->blob, .key = o->key,
		.tell_faults = true
	};
	const char *why = NULL;

	if (o->cert != NULL)
		why = "certificates are not decided outside";
	else if (m->has_signature)
		why = offer_signature_fault(a, m, o->key, SSH_SIG_TOUCH);
	if (why == NULL && bound_elsewhere(a, m))
		why = "request is bound to another host key";
	if (why == NULL && used_before(a, step->key))
		why = "key has been used for an earlier step";
	if (why == NULL) {
		external_key(a, m, step);
		if ((step->proved || step->usable) && q.policy != NULL)
			why = keys_barred(&q, &a->work.opens);
	}
	if (why == NULL)
		return;
	step->proved = step->usable = false;
	step->reason = why;
}

void
auth_publickey(struct auth *a, const struct userauth_msg *m,
    struct auth_step *step)
{
	struct offer o = { 0 };

	ssh_key_fingerprint(m->key, step->key);
	if ((step->reason = offer_take(m, &o)) == NULL) {
		/* Certified or not, it is one key. */
		ssh_key_fingerprint(o.blob, step->key);
		if (external_decides(a, AUTH_PUBLICKEY))
			check_outside(a, m, &o, step);
		else
			check_offer(a, m, &o, step);
	}
	offer_free(&o);
}
