/*
 * Hostbased (RFC 4252 9): the client's host signs that its user is who they
 * say.  Its key must be known, alone or by an authority, for the name that the
 * client gives and the address that it comes from; and one of the policy's
 * hostbased_users must be that user there.
 */
#include <limits.h>
#include <string.h>

#include "auth/authorized_keys.h"
#include "auth/file.h"
#include "auth/keys.h"
#include "auth/known_hosts.h"
#include "auth/offer.h"
#include "base/crypto.h"

/* As keys.c: nobody and a user without files cost an open(2) all the same. */
#define DECOY		"/nonexistent/known_hosts"
#define TEXT_MAX	(AK_FILE_MAX + FILE_READ_CHUNK)

struct search {
	struct auth *a;
	const struct offer *o;
	const char *name;		/* that the client gave; "" */
	struct view key64, ca64;	/* as lines hold them */
	struct view file;
	bool revoked, faulty;		/* the key is, in some line */
	const char *host;		/* whom the key speaks for; NULL */
	const char *near;		/* why a line that has the key does
					 * not; NULL */
	unsigned faults, opens;
};

static void
tell_fault(struct search *s, uint64_t lineno, const char *why)
{
	struct log_ev e;

	if (s->a->hosts_told || s->faults++ >= KEYS_FAULTS_MAX)
		return;
	log_begin(&e, LOG_WARN, "known-hosts");
	log_view(&e, "file", s->file);
	if (lineno != 0)
		log_num(&e, "line", lineno);
	log_str(&e, "reason", why);
	log_send(&e);
}

/* ---- a line that has the key, or the key of its authority ---- */

/* Does the certificate vouch for this host, now? */
static const char *
cert_refusal(const struct search *s, const char *host)
{
	const uint32_t critical = SSHCERT_FORCE_COMMAND |
	    SSHCERT_SOURCE_ADDRESS | SSHCERT_VERIFY;
	const struct ssh_cert *c = s->o->cert;
	bool named = false;

	if (c->type != SSHCERT_HOST)
		return "certificate is not a host's";
	if (c->unknown.p != NULL || (c->options & critical) != 0)
		return "host's certificate has a critical option";
	for (size_t i = 0; i < c->nprincipals; i++)
		named |= match_glob(c->principals[i], host);
	return named ? ssh_cert_outdated(c, auth_now(s->a)) :
	    "host's certificate does not name it";
}

static void
take_line(struct search *s, const struct known_line *l)
{
	const char *host = NULL;

	switch (known_match(l->hosts, s->name, &s->a->addr)) {
	case KNOWN_BY_NAME:
		host = s->name;
		break;
	case KNOWN_BY_ADDRESS:
		host = s->a->addr.text;
		break;
	default:
		s->near = "host's key is known for another name or address";
		return;
	}
	if (l->marker == KNOWN_AUTHORITY &&
	    (s->near = cert_refusal(s, host)) != NULL)
		return;
	s->host = host;
}

/* A revoked key is revoked for whatever name its line has. */
static void
search_line(struct search *s, struct view line, uint64_t lineno)
{
	bool tells = !s->a->hosts_told, key, ca;
	struct known_line l;

	key = s->key64.n != 0 && line.n >= s->key64.n &&
	    memmem(line.p, line.n, s->key64.p, s->key64.n) != NULL;
	ca = s->ca64.n != 0 && line.n >= s->ca64.n &&
	    memmem(line.p, line.n, s->ca64.p, s->ca64.n) != NULL;
	if ((!key && !ca && !tells) || ak_blank(line))
		return;
	if (!known_parse(line, &l)) {
		tell_fault(s, lineno, l.why);
		/* It may have been meant to revoke. */
		s->faulty |= key || ca;
		return;
	}
	key = key && view_eq(l.base64, s->key64);
	ca = ca && view_eq(l.base64, s->ca64);
	if (l.marker == KNOWN_REVOKED)
		s->revoked |= key || ca;
	else if ((l.marker == KNOWN_AUTHORITY ? ca : key && s->o->cert ==
	    NULL) && s->host == NULL)
		take_line(s, &l);
}

static void
search_file(struct search *s, struct view path, struct wr *text)
{
	char name[PATH_MAX];
	const char *why = "not an absolute path";
	struct view left, line;
	uint64_t n = 0;

	s->file = path;
	s->opens++;
	if (view_to_cstr(path, name, sizeof(name)) && name[0] == '/')
		why = file_read(name, 0, FILE_PUBLIC, AK_FILE_MAX, text);
	if (why != NULL) {
		tell_fault(s, 0, why[0] != '\0' ? why : "no such file");
		return;
	}
	left = wr_view(text);
	while (ak_next(&left, &line))
		search_line(s, line, ++n);
}

static void
search_policy(struct search *s, const struct policy *p)
{
	struct wr text = wr_new(TEXT_MAX);

	for (size_t i = 0; i < p->nknown_hosts; i++) {
		s->file = p->known_hosts[i].file;
		search_line(s, p->known_hosts[i].line,
		    p->known_hosts[i].lineno);
	}
	for (size_t i = 0; i < p->known_hosts_files.n; i++)
		search_file(s, p->known_hosts_files.v[i], &text);
	wr_free(&text);
}

/* ---- the user there ---- */

/* NAME, or NAME@HOSTS with wildcards; the last @ divides. */
static bool
user_matches(struct view entry, struct view user, const char *host)
{
	const uint8_t *at = memrchr(entry.p, '@', entry.n);
	size_t n;

	if (at == NULL)
		return view_eq(entry, user);
	n = (size_t)(at - entry.p);
	return view_eq(view_of(entry.p, n), user) &&
	    match_glob(view_of(at + 1, entry.n - n - 1), host);
}

static bool
user_ok(const struct policy *p, struct view user, const char *host)
{
	if (p->hostbased_users.n == 0)
		return view_eq(user, p->name);
	for (size_t i = 0; i < p->hostbased_users.n; i++)
		if (user_matches(p->hostbased_users.v[i], user, host))
			return true;
	return false;
}

/* ---- the request ---- */

static const char *
known_refusal(struct search *s, const struct userauth_msg *m)
{
	const struct policy *p = s->a->start.policy;
	const struct keys_query q = {
		.policy = p, .blob = s->o->blob, .key = s->o->key,
		.cert = s->o->cert, .tell_faults = !s->a->faults_told,
	};

	if (p == NULL)
		return "no such user";
	search_policy(s, p);
	if (s->revoked)
		return "host's key is revoked";
	if (s->faulty)
		return "host's key is listed in a faulty line";
	if (s->host == NULL)
		return s->near != NULL ? s->near : "host's key is not known";
	if (!user_ok(p, m->local_username, s->host))
		return "client's user may not log in as this one";
	return keys_barred(&q, &s->opens);
}

static void
open_decoy(struct search *s)
{
	struct wr text = wr_new(TEXT_MAX);

	s->opens++;
	(void)file_read(DECOY, 0, FILE_PUBLIC, AK_FILE_MAX, &text);
	wr_free(&text);
}

static void
log_host(const struct search *s, const struct userauth_msg *m,
    const char *reason)
{
	struct log_ev e;

	log_begin(&e, LOG_INFO, "hostbased");
	log_view(&e, "host", m->local_hostname);
	log_view(&e, "client_user", m->local_username);
	if (s->o->cert != NULL)
		log_view(&e, "id", s->o->cert->key_id);
	if (reason != NULL)
		log_str(&e, "reason", reason);
	log_send(&e);
}

static void
check_host(struct auth *a, const struct userauth_msg *m,
    const struct offer *o, struct auth_step *step)
{
	struct wr key64 = wr_new(WR_DEFAULT_MAX), ca64 = key64;
	char name[KNOWN_HOSTS_NAME_MAX + 1];
	struct search s = { .a = a, .o = o, .name = name };
	const char *fault;

	if (!known_name(m->local_hostname, name))
		name[0] = '\0';
	crypto_base64_encode(o->blob, &key64);
	if (o->cert != NULL)
		crypto_base64_encode(ssh_key_blob(o->cert->ca), &ca64);
	s.key64 = wr_view(&key64);
	s.ca64 = wr_view(&ca64);
	step->reason = known_refusal(&s, m);
	a->hosts_told = true;
	if (s.opens == 0)
		open_decoy(&s);
	a->work.opens += s.opens;
	/* Also of a host that nobody knows, and for nobody: same work. */
	fault = offer_signature_fault(a, m, o->key, 0);
	if (step->reason == NULL)
		step->reason = fault;
	log_host(&s, m, step->reason);
	step->proved = step->reason == NULL;
	wr_free(&key64);
	wr_free(&ca64);
}

void
auth_hostbased(struct auth *a, const struct userauth_msg *m,
    struct auth_step *step)
{
	const uint32_t bit = (uint32_t)1 << AUTH_HOSTBASED;
	struct offer o = { 0 };

	ssh_key_fingerprint(m->key, step->key);
	/* Where nobody begins so, nothing is computed for strangers. */
	if ((a->start.methods_first & bit) == 0 &&
	    !chains_expect(&a->chains, AUTH_HOSTBASED)) {
		step->reason = "method is not offered";
		return;
	}
	if ((step->reason = offer_take(m, &o)) == NULL) {
		ssh_key_fingerprint(o.blob, step->key);
		if (ssh_key_is_sk(o.key))
			step->reason = "key of a security token is no host's";
		else
			check_host(a, m, &o, step);
	}
	offer_free(&o);
}
