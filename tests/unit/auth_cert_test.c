/* Logins by certificate and by security token, and revoked ones. */
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
#include "base/sshcert.h"
#include "tests/unit/auth_peer.h"
#include "tests/unit/keys_peer.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
#define ED_CERT		"ssh-ed25519-cert-v01@openssh.com"
#define SK_ED		"sk-ssh-ed25519@openssh.com"
#define SK_ED_CERT	"sk-ssh-ed25519-cert-v01@openssh.com"
#define SK_EC		"sk-ecdsa-sha2-nistp256@openssh.com"
#define WEBAUTHN	"webauthn-sk-ecdsa-sha2-nistp256@openssh.com"
#define FORWARDS	(ALLOW_LOCAL_FORWARD | ALLOW_REMOTE_FORWARD)

static struct ssh_key *ca, *ca2, *ed, *p256, *rsa, *sk_ed, *sk_ec;

static int
setup(void **state)
{
	ca = ssh_key_generate("ed25519", 0);
	ca2 = ssh_key_generate("rsa", 2048);
	ed = ssh_key_generate("ed25519", 0);
	p256 = ssh_key_generate("ecdsa", 256);
	rsa = ssh_key_generate("rsa", 2048);
	if (!ca || !ca2 || !ed || !p256 || !rsa || tool_setup(state) != 0)
		return -1;
	sk_ed = token_key(ed, "ssh:");
	sk_ec = token_key(p256, "ssh:");
	return 0;
}

static int
teardown(void **state)
{
	struct ssh_key **all[] = { &ca, &ca2, &ed, &p256, &rsa, &sk_ed,
	    &sk_ec };

	for (size_t i = 0; i < COUNT(all); i++)
		ssh_key_free(all[i]);
	return tool_teardown(state);
}

/* ---- requests ---- */

static struct wr
request(bool signed_, const char *alg, struct view blob)
{
	struct wr w = req_plain("acme", "ssh-connection", "publickey");

	wr_bool(&w, signed_);
	wr_cstr(&w, alg);
	wr_str(&w, blob);
	return w;
}

static struct wr
to_sign(const char *alg, struct view blob)
{
	struct wr w = wr_new(1 << 20);

	wr_cstr(&w, SESSION_ID);
	wr_u8(&w, 50);
	wr_cstr(&w, "acme");
	wr_cstr(&w, "ssh-connection");
	wr_cstr(&w, "publickey");
	wr_bool(&w, true);
	wr_cstr(&w, alg);
	wr_str(&w, blob);
	return w;
}

/* Signed with a file's key; inner: the algorithm in the signature. */
static struct wr
by_file(const char *alg, struct view blob, const struct ssh_key *secret,
    const char *inner)
{
	struct wr w = request(true, alg, blob), data = to_sign(alg, blob);
	struct wr sig = wr_new(8192);

	assert_int_equal(ssh_key_sign(secret, view_str(inner),
	    wr_view(&data), &sig), OK);
	wr_str(&w, wr_view(&sig));
	wr_free(&data);
	wr_free(&sig);
	return w;
}

static struct wr
by_token(const char *alg, struct view blob, const struct ssh_key *secret,
    uint8_t flags, const struct token_web *web)
{
	struct token_says says = { "ssh:", flags, 9, web };
	struct wr w = request(true, alg, blob), data = to_sign(alg, blob);
	struct wr sig = token_sign(secret, &says, wr_view(&data));

	wr_str(&w, wr_view(&sig));
	wr_free(&data);
	wr_free(&sig);
	return w;
}

/* ---- worlds ---- */

static struct view ca_files[1], principals[4], revoked[2];

static void
world(struct world *w)
{
	world_init(w, "publickey");
	w->policy.ca_keys.v = ca_files;
	w->policy.principals.v = principals;
	w->policy.revoked_keys.v = revoked;
	w->policy.allow = ALLOW_SFTP | ALLOW_SHELL | ALLOW_PTY;
}

/* Trusts ca by a file of authorities, the line beginning with options. */
static void
trust(struct world *w, const char *options)
{
	tool_line("authorities", options, ssh_key_blob(ca));
	ca_files[0] = view_str(tool_path("authorities"));
	w->policy.ca_keys.n = 1;
}

/* A login with the certificate of ed; *out may be NULL. */
static const char *
login(struct world *w, const struct cert_parts *p, struct auth_limits *out)
{
	struct wr cert = cert_make(p);
	struct auth_answer query, answer;
	enum auth_verdict asked, signed_;
	static char reason[128];

	world_start(w, "acme", true);
	asked = world_send(w, request(false, ED_CERT, wr_view(&cert)),
	    &query);
	signed_ = world_send(w, by_file(ED_CERT, wr_view(&cert), ed,
	    "ssh-ed25519"), &answer);
	/* what is asked and what is signed are judged alike */
	assert_int_equal(asked == VERDICT_PK_OK, signed_ == VERDICT_SUCCESS);
	assert_string_equal(query.reason, answer.reason);
	assert_int_equal(signed_, answer.reason[0] == '\0' ?
	    VERDICT_SUCCESS : VERDICT_FAILURE);
	if (out != NULL)
		*out = *auth_limits(w->a);
	wr_free(&cert);
	snprintf(reason, sizeof(reason), "%s", answer.reason);
	return reason;
}

/* ---- warnings ---- */

/* "YYYYMMDDHHMMSSZ" of a moment. */
static const char *
expiry(int64_t t)
{
	static char text[64];
	time_t at = (time_t)t;
	struct tm tm;

	assert_non_null(gmtime_r(&at, &tm));
	strftime(text, sizeof(text), "expiry-time=\"%Y%m%d%H%M%SZ\"", &tm);
	return text;
}

#define DAY	86400

static void
key_expires(void **state)
{
	static const struct {
		int64_t left;		/* until it is refused */
		const char *text;
	} rows[] = {
		{ 14 * DAY + 1, "" },
		{ 14 * DAY, "Your key expires in 14 days.\r\n" },
		{ DAY, "Your key expires in 1 day.\r\n" },
		{ 1, "Your key expires within a day.\r\n" },
	};
	static const struct forged honest;
	struct world w;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		world_init(&w, "publickey");
		w.policy.password_warn = 14 * DAY;
		world_key(&w, expiry(NOW + rows[i].left - 1), ed);
		world_start(&w, "acme", true);
		/* not to whoever only asks */
		assert_int_equal(world_send(&w, req_query("acme", ed,
		    "ssh-ed25519"), NULL), VERDICT_PK_OK);
		assert_string_equal(w.notice, "");
		assert_int_equal(world_send(&w, req_signed("acme", ed,
		    "ssh-ed25519", &honest), NULL), VERDICT_SUCCESS);
		assert_string_equal(w.notice, rows[i].text);
		w.policy.password_warn = 0;
		world_start(&w, "acme", true);
		assert_int_equal(world_send(&w, req_signed("acme", ed,
		    "ssh-ed25519", &honest), NULL), VERDICT_SUCCESS);
		assert_string_equal(w.notice, "");
		world_free(&w);
	}
}

static void
certificate_expires(void **state)
{
	struct cert_parts p = cert_parts(ed, ca);
	struct world w;
	char line[80];

	(void)state;
	world(&w);
	trust(&w, "");
	w.policy.password_warn = 14 * DAY;
	p.before = NOW + 3 * DAY;
	assert_string_equal(login(&w, &p, NULL), "");
	assert_string_equal(w.notice, "Your certificate expires in 3 days."
	    "\r\n");
	p.before = NOW + 15 * DAY;
	assert_string_equal(login(&w, &p, NULL), "");
	assert_string_equal(w.notice, "");
	/* one for a day is a machine's */
	p.after = NOW - DAY;
	p.before = NOW + 100;
	assert_string_equal(login(&w, &p, NULL), "");
	assert_string_equal(w.notice, "");
	p.after = NOW - 14 * DAY;
	assert_string_equal(login(&w, &p, NULL), "");
	assert_string_equal(w.notice, "Your certificate expires within a day."
	    "\r\n");
	p.after = 0;
	p.before = UINT64_MAX;		/* for ever */
	assert_string_equal(login(&w, &p, NULL), "");
	assert_string_equal(w.notice, "");
	snprintf(line, sizeof(line), "%s ", expiry(NOW + 4 * DAY));
	trust(&w, line);
	assert_string_equal(login(&w, &p, NULL), "");
	assert_string_equal(w.notice, "Your certificate's authority expires "
	    "in 4 days.\r\n");
	world_free(&w);
}

/* ---- certificates ---- */

static void
trusted(void **state)
{
	struct cert_parts p = cert_parts(ed, ca);
	struct auth_limits limits;
	char fp[SSHKEY_FP_MAX];
	struct auth_answer out;
	struct world w;
	struct wr cert;

	(void)state;
	world(&w);
	assert_string_equal(login(&w, &p, NULL),
	    "certificate's authority is not listed");
	trust(&w, "");
	assert_string_equal(login(&w, &p, &limits), "");
	assert_int_equal(limits.deny, 0);
	assert_string_equal(limits.command, "");
	/* the fingerprint told is the key's, as ssh-keygen -l has it */
	cert = cert_make(&p);
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, by_file(ED_CERT, wr_view(&cert), ed,
	    "ssh-ed25519"), &out), VERDICT_SUCCESS);
	ssh_key_fingerprint(ssh_key_blob(ed), fp);
	assert_string_equal(out.key, fp);
	wr_free(&cert);
	/* the plain key does not come in by it, nor the authority's own */
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, by_file("ssh-ed25519",
	    ssh_key_blob(ed), ed, "ssh-ed25519"), &out), VERDICT_FAILURE);
	assert_string_equal(out.reason, "key is not listed");
	assert_int_equal(world_send(&w, by_file("ssh-ed25519",
	    ssh_key_blob(ca), ca, "ssh-ed25519"), &out), VERDICT_FAILURE);
	assert_string_equal(out.reason, "key is not listed");
	/* nor another authority's certificate */
	p = cert_parts(ed, ca2);
	assert_string_equal(login(&w, &p, NULL),
	    "certificate's authority is not listed");
	world_free(&w);
}

static void
rules(void **state)
{
	static const struct {
		const char *principals, *critical, *extensions;
		uint64_t after, before;
		uint32_t role;
		const char *why;
		uint32_t deny;
	} rows[] = {
		{ "acme", "", "", 1000, 2000000000, 1, "",
		    ALLOW_PTY | ALLOW_AGENT | ALLOW_X11 | FORWARDS },
		{ "x,acme,y", "", "permit-pty", 1000, 2000000000, 1, "",
		    ALLOW_AGENT | ALLOW_X11 | FORWARDS },
		{ "acme", "", "permit-agent-forwarding,"
		    "permit-port-forwarding", 1000, 2000000000, 1, "",
		    ALLOW_PTY | ALLOW_X11 },
		{ "acme", "", "permit-X11-forwarding,unheard-of", 1000,
		    2000000000, 1, "", ALLOW_PTY | ALLOW_AGENT | FORWARDS },
		{ "acme", "force-command=internal-sftp", "permit-pty", 1000,
		    2000000000, 1, "", ~(uint32_t)ALLOW_SFTP },
		{ "acme", "force-command=internal-sftp -R", "permit-pty",
		    1000, 2000000000, 1, "", ALLOW_AGENT | ALLOW_X11 |
		    FORWARDS | ALLOW_SFTP | ALLOW_SCP |
		    ALLOW_BUILTINS },
		{ "acme", "force-command=", "", 1000, 2000000000, 1,
		    "certificate's force-command is empty or too long", 0 },
		{ "acme", "source-address=10.0.0.1/32", "permit-pty", 1000,
		    2000000000, 1, "", ALLOW_AGENT | ALLOW_X11 | FORWARDS },
		{ "acme", "source-address=10.0.0.2", "", 1000, 2000000000, 1,
		    "certificate's source-address does not match", 0 },
		{ "acme", "source-address=*", "", 1000, 2000000000, 1,
		    "certificate's source-address is malformed", 0 },
		{ "acme", "source-address=10.0.0.1/8", "", 1000, 2000000000,
		    1, "certificate's source-address is malformed", 0 },
		{ "acme", "source-address=", "", 1000, 2000000000, 1,
		    "certificate's source-address is malformed", 0 },
		{ "acme", "verify-required", "", 1000, 2000000000, 1,
		    "certificate demands a security token", 0 },
		{ "acme", "new@example.org=1", "", 1000, 2000000000, 1,
		    "certificate has an unknown critical option", 0 },
		{ "acme", "new@example.org", "", 1000, 2000000000, 1,
		    "certificate has an unknown critical option", 0 },
		{ "acme", "", "", NOW, NOW + 1, 1, "",
		    ALLOW_PTY | ALLOW_AGENT | ALLOW_X11 | FORWARDS },
		{ "acme", "", "", NOW + 1, UINT64_MAX, 1,
		    "certificate is not yet valid", 0 },
		{ "acme", "", "", 0, NOW, 1, "certificate has expired", 0 },
		{ "acme", "", "", 2000000000, 1000, 1,
		    "certificate is not yet valid", 0 },
		{ "acme", "", "", 1000, 2000000000, 2,
		    "certificate is not a user's", 0 },
		{ NULL, "", "", 1000, 2000000000, 1,
		    "certificate names no principal that may log in here",
		    0 },
		{ "acm,acmee,ACME,*,acme\n", "", "", 1000, 2000000000, 1,
		    "certificate names no principal that may log in here",
		    0 },
	};
	struct cert_parts p = cert_parts(ed, ca);
	struct auth_limits limits;
	struct world w;

	(void)state;
	world(&w);
	trust(&w, "");
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *why;

		p.principals = rows[i].principals;
		p.critical = rows[i].critical;
		p.extensions = rows[i].extensions;
		p.after = rows[i].after;
		p.before = rows[i].before;
		p.role = rows[i].role;
		why = login(&w, &p, &limits);
		if (strcmp(why, rows[i].why) != 0)
			fail_msg("row %zu: %s", i, why);
		assert_int_equal(limits.deny, rows[i].deny);
	}
	/* a certificate for sftp alone, for who may not use it */
	p = cert_parts(ed, ca);
	p.critical = "force-command=internal-sftp";
	w.policy.allow = ALLOW_SHELL;
	assert_string_equal(login(&w, &p, NULL),
	    "certificate allows only sftp, user does not");
	/* without an address of its own a peer is nowhere */
	p.critical = "source-address=0.0.0.0/0";
	w.policy.allow = ALLOW_SFTP;
	w.peer.sin_family = AF_UNIX;
	assert_string_equal(login(&w, &p, NULL),
	    "certificate's source-address does not match");
	world_free(&w);
}

/* The operator's names count instead of the user's. */
static void
policy_principals(void **state)
{
	static const struct {
		const char *names, *why;
	} rows[] = {
		{ "ops", "" }, { "x,edi", "" }, { "acme", "certificate names "
		    "no principal that may log in here" },
		{ "op,sops", "certificate names no principal that may log in "
		    "here" },
		{ NULL, "certificate names no principal that may log in "
		    "here" },
	};
	struct cert_parts p = cert_parts(ed, ca);
	struct world w;

	(void)state;
	world(&w);
	trust(&w, "");
	principals[0] = view_str("ops");
	principals[1] = view_str("edi");
	w.policy.principals.n = 2;
	for (size_t i = 0; i < COUNT(rows); i++) {
		p.principals = rows[i].names;
		assert_string_equal(login(&w, &p, NULL), rows[i].why);
	}
	/* but those of the authority's own line before both */
	trust(&w, "principals=\"root,web\" ");
	p.principals = "ops,acme";
	assert_string_equal(login(&w, &p, NULL), "certificate names no "
	    "principal that may log in here");
	p.principals = "web";
	assert_string_equal(login(&w, &p, NULL), "");
	world_free(&w);
}

/* Authorities among the user's own keys. */
static void
cert_authority(void **state)
{
	static const struct {
		const char *options, *names, *why;
		uint32_t deny;
	} rows[] = {
		{ "cert-authority", "acme", "", 0 },
		{ "cert-authority", "ops", "certificate names no principal "
		    "that may log in here", 0 },
		{ "cert-authority,principals=\"ops,web\"", "web", "", 0 },
		{ "cert-authority,principals=\"ops,web\"", "acme",
		    "certificate names no principal that may log in here",
		    0 },
		{ "cert-authority,principals=\"ops,web\"", "ops,web", "", 0 },
		{ "cert-authority,no-pty", "acme", "", ALLOW_PTY },
		{ "cert-authority,restrict", "acme", "",
		    ALLOW_PTY | ALLOW_AGENT | ALLOW_X11 | FORWARDS },
		{ "cert-authority,command=\"internal-sftp\"", "acme", "",
		    ~(uint32_t)ALLOW_SFTP },
		{ "cert-authority,command=\"ls\"", "acme",
		    "", ALLOW_SFTP | ALLOW_SCP | ALLOW_BUILTINS },
		{ "cert-authority,environment=\"A=1\"", "acme",
		    "key option environment= sets a name that env "
		    "does not allow", 0 },
		{ "cert-authority,tunnel=\"1\"", "acme",
		    "key option tunnel= is not supported", 0 },
		{ "cert-authority,from=\"11.0.0.0/8\"", "acme",
		    "key option from= does not match", 0 },
		{ "cert-authority,expiry-time=\"20200101Z\"", "acme",
		    "key has expired", 0 },
		{ "", "acme",
		    "certificate's authority is listed as a key alone", 0 },
		{ "principals=\"acme\"", "acme",
		    "certificate's authority is listed as a key alone", 0 },
		{ "cert-authority,unheard", "acme",
		    "key is listed in a faulty line", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct cert_parts p = cert_parts(ed, ca);
		struct auth_limits limits;
		struct auth_answer out;
		struct world w;
		const char *why;

		p.principals = rows[i].names;
		world(&w);
		world_key(&w, rows[i].options, ca);
		/* the operator's names are about the operator's authorities */
		principals[0] = view_str("nobody");
		w.policy.principals.n = 1;
		why = login(&w, &p, &limits);
		if (strcmp(why, rows[i].why) != 0)
			fail_msg("%s: %s", rows[i].options, why);
		assert_int_equal(limits.deny, rows[i].deny);
		/* an authority is no key */
		world_start(&w, "acme", true);
		if (strncmp(rows[i].options, "cert-", 5) == 0) {
			assert_int_equal(world_send(&w, by_file(
			    "ssh-ed25519", ssh_key_blob(ca), ca,
			    "ssh-ed25519"), &out), VERDICT_FAILURE);
		}
		world_free(&w);
	}
}

/* What the line and the certificate take away adds up. */
static void
limits_add_up(void **state)
{
	struct cert_parts p = cert_parts(ed, ca);
	struct auth_limits limits;
	struct world w;

	(void)state;
	p.extensions = "permit-agent-forwarding,permit-pty";
	world(&w);
	world_key(&w, "cert-authority,no-agent-forwarding", ca);
	assert_string_equal(login(&w, &p, &limits), "");
	assert_int_equal(limits.deny, ALLOW_AGENT | ALLOW_X11 | FORWARDS);
	p.critical = "force-command=internal-sftp";
	assert_string_equal(login(&w, &p, &limits), "");
	assert_string_equal(limits.command, "internal-sftp");
	assert_int_equal(limits.deny, ~(uint32_t)ALLOW_SFTP);
	world_free(&w);
}

/* ---- forged ---- */

static void
forged(void **state)
{
	struct cert_parts p = cert_parts(ed, ca);
	struct wr cert = cert_make(&p), bad;
	struct view v = wr_view(&cert);
	struct auth_answer out;
	struct world w;

	(void)state;
	world(&w);
	trust(&w, "");
	world_start(&w, "acme", true);
	/* another's key, though the certificate is good */
	assert_int_equal(world_send(&w, by_file(ED_CERT, v, ca,
	    "ssh-ed25519"), &out), VERDICT_FAILURE);
	assert_string_equal(out.reason, "signature is wrong");
	/* the plain algorithm with the certificate, and the reverse */
	assert_int_equal(world_send(&w, by_file("ssh-ed25519", v, ed,
	    "ssh-ed25519"), &out), VERDICT_FAILURE);
	assert_string_equal(out.reason,
	    "signature algorithm does not fit the key");
	assert_int_equal(world_send(&w, by_file(ED_CERT, ssh_key_blob(ed),
	    ed, "ssh-ed25519"), &out), VERDICT_FAILURE);
	assert_string_equal(out.reason,
	    "signature algorithm does not fit the key");
	assert_int_equal(world_send(&w, by_file(SK_ED_CERT, v, ed,
	    "ssh-ed25519"), &out), VERDICT_FAILURE);
	/* signed over the plain key's blob */
	bad = request(true, ED_CERT, v);
	{
		struct wr data = to_sign("ssh-ed25519", ssh_key_blob(ed));
		struct wr sig = wr_new(8192);

		assert_int_equal(ssh_key_sign(ed, view_str("ssh-ed25519"),
		    wr_view(&data), &sig), OK);
		wr_str(&bad, wr_view(&sig));
		wr_free(&data);
		wr_free(&sig);
	}
	assert_int_equal(world_send(&w, bad, &out), VERDICT_FAILURE);
	assert_string_equal(out.reason, "signature is wrong");
	/* the authority never said so */
	bad = wr_new(8192);
	wr_bytes(&bad, v);
	bad.base[bad.len - 1] ^= 1;
	assert_int_equal(world_send(&w, by_file(ED_CERT, wr_view(&bad), ed,
	    "ssh-ed25519"), &out), VERDICT_FAILURE);
	assert_string_equal(out.reason,
	    "signature of the certificate's authority is wrong");
	wr_free(&bad);
	/* cut */
	assert_int_equal(world_send(&w, request(false, ED_CERT,
	    view_of(v.p, v.n - 1)), &out), VERDICT_FAILURE);
	assert_string_equal(out.reason, "malformed certificate");
	/* and the honest one still gets in */
	assert_int_equal(world_send(&w, by_file(ED_CERT, v, ed,
	    "ssh-ed25519"), &out), VERDICT_SUCCESS);
	world_free(&w);
	wr_free(&cert);
}

/* A certificate for a certificate's key: refused before anybody is asked. */
static void
chained(void **state)
{
	struct cert_parts mid = cert_parts(ca2, ca), p = cert_parts(ed, ca2);
	struct wr inner = cert_make(&mid);
	struct auth_answer out;
	struct world w;
	struct wr cert;

	(void)state;
	p.ca_blob = wr_view(&inner);
	cert = cert_make(&p);
	world(&w);
	trust(&w, "");
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, by_file(ED_CERT, wr_view(&cert), ed,
	    "ssh-ed25519"), &out), VERDICT_FAILURE);
	assert_string_equal(out.reason, "malformed certificate");
	/* nor does the trusted authority's word make ca2 one */
	p.ca_blob = view_of(NULL, 0);
	assert_string_equal(login(&w, &p, NULL),
	    "certificate's authority is not listed");
	world_free(&w);
	wr_free(&cert);
	wr_free(&inner);
}

static void
rsa_names(void **state)
{
	static const struct {
		const char *alg, *inner;
		bool ok;
	} rows[] = {
		{ "rsa-sha2-512-cert-v01@openssh.com", "rsa-sha2-512", true },
		{ "rsa-sha2-256-cert-v01@openssh.com", "rsa-sha2-256", true },
		{ "rsa-sha2-512-cert-v01@openssh.com", "rsa-sha2-256", false },
		{ "ssh-rsa-cert-v01@openssh.com", "rsa-sha2-256", false },
		{ "rsa-sha2-512", "rsa-sha2-512", false },
		{ "ssh-rsa", "rsa-sha2-512", false },
	};
	struct cert_parts p = cert_parts(rsa, ca);
	struct wr cert = cert_make(&p);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w;

		world(&w);
		trust(&w, "");
		world_start(&w, "acme", true);
		assert_int_equal(world_send(&w, by_file(rows[i].alg,
		    wr_view(&cert), rsa, rows[i].inner), NULL), rows[i].ok ?
		    VERDICT_SUCCESS : VERDICT_FAILURE);
		world_free(&w);
	}
	wr_free(&cert);
}

/* One key is one proof, certified twice and plain. */
static void
one_key_in_two_dresses(void **state)
{
	struct cert_parts p = cert_parts(ed, ca);
	struct wr cert = cert_make(&p), again;
	struct auth_answer out;
	struct world w;

	(void)state;
	p.serial = 8;
	again = cert_make(&p);
	world_init(&w, "publickey+publickey");
	w.policy.ca_keys.v = ca_files;
	trust(&w, "");
	world_key(&w, "", ed);
	world_key(&w, "", rsa);
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, by_file(ED_CERT, wr_view(&cert), ed,
	    "ssh-ed25519"), &out), VERDICT_PARTIAL);
	assert_int_equal(world_send(&w, by_file("ssh-ed25519",
	    ssh_key_blob(ed), ed, "ssh-ed25519"), &out), VERDICT_FAILURE);
	assert_string_equal(out.reason,
	    "key has been used for an earlier step");
	assert_int_equal(world_send(&w, by_file(ED_CERT, wr_view(&again), ed,
	    "ssh-ed25519"), &out), VERDICT_FAILURE);
	assert_int_equal(world_send(&w, by_file("rsa-sha2-512",
	    ssh_key_blob(rsa), rsa, "rsa-sha2-512"), &out), VERDICT_SUCCESS);
	world_free(&w);
	wr_free(&cert);
	wr_free(&again);
}

/* ---- who keeps the authorities ---- */

static void
authority_files(void **state)
{
	struct cert_parts p = cert_parts(ed, ca);
	struct world w;

	(void)state;
	world(&w);
	trust(&w, "");
	assert_int_equal(chmod(tool_path("authorities"), 0620), 0);
	assert_string_equal(login(&w, &p, NULL),
	    "certificate's authority is not listed");
	if (getuid() == 0) {
		/* not even the user's own */
		assert_int_equal(chmod(tool_path("authorities"), 0600), 0);
		assert_int_equal(chown(tool_path("authorities"), 2001, 0), 0);
		assert_string_equal(login(&w, &p, NULL),
		    "certificate's authority is not listed");
	}
	trust(&w, "");
	assert_string_equal(login(&w, &p, NULL), "");
	ca_files[0] = view_str("/nonexistent/authorities");
	assert_string_equal(login(&w, &p, NULL),
	    "certificate's authority is not listed");
	ca_files[0] = view_str("authorities");
	assert_string_equal(login(&w, &p, NULL),
	    "certificate's authority is not listed");
	/* the user's file of keys is not one of authorities */
	tool_line("keys", "", ssh_key_blob(ca));
	w.policy.ca_keys.n = 0;
	w.files[0] = view_str(tool_path("keys"));
	w.policy.key_files.n = 1;
	assert_string_equal(login(&w, &p, NULL),
	    "certificate's authority is listed as a key alone");
	world_free(&w);
}

/* Nobody's certificate costs as much as somebody's. */
static void
same_work(void **state)
{
	struct cert_parts p = cert_parts(ed, ca2);
	struct wr cert = cert_make(&p);
	struct auth_work work[2];
	struct auth_answer out;
	struct world w;

	(void)state;
	for (int i = 0; i < 2; i++) {
		world(&w);
		trust(&w, "");
		revoked[0] = view_str("/nonexistent/krl");
		w.policy.revoked_keys.n = 1;
		world_start(&w, "acme", i == 1);
		assert_int_equal(world_send(&w, by_file(ED_CERT,
		    wr_view(&cert), ed, "ssh-ed25519"), &out),
		    VERDICT_FAILURE);
		assert_string_equal(out.reason, i == 0 ? "no such user" :
		    "certificate's authority is not listed");
		work[i] = *auth_work(w.a);
		world_free(&w);
	}
	assert_memory_equal(&work[0], &work[1], sizeof(work[0]));
	assert_int_equal(work[0].verifies, 1);
	wr_free(&cert);
}

/* ---- sizes ---- */

static void
sizes(void **state)
{
	struct cert_parts p = cert_parts(ed, ca2);
	struct auth_answer out;
	struct world w;

	(void)state;
	world(&w);
	world_key(&w, "", rsa);
	world_key(&w, "", p256);
	world_key(&w, "cert-authority", ca2);
	w.policy.key_bits_rsa = 2048;
	w.policy.key_bits_ecdsa = 256;
	assert_string_equal(login(&w, &p, NULL), "");
	w.policy.key_bits_rsa = 3072;
	assert_string_equal(login(&w, &p, NULL),
	    "key of the certificate's authority is too short");
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, by_file("rsa-sha2-512",
	    ssh_key_blob(rsa), rsa, "rsa-sha2-512"), &out), VERDICT_FAILURE);
	assert_string_equal(out.reason, "key is too short for this user");
	assert_int_equal(world_send(&w, request(false, "ecdsa-sha2-nistp256",
	    ssh_key_blob(p256)), &out), VERDICT_PK_OK);
	w.policy.key_bits_ecdsa = 384;
	assert_int_equal(world_send(&w, request(false, "ecdsa-sha2-nistp256",
	    ssh_key_blob(p256)), &out), VERDICT_FAILURE);
	world_free(&w);
}

/* ---- security tokens ---- */

static void
tokens(void **state)
{
	static const struct token_web web = { "https://a", NULL, NULL };
	static const struct {
		const char *options;
		uint8_t flags;
		const char *why;
	} rows[] = {
		{ "", 0x01, "" },
		{ "", 0x05, "" },
		{ "", 0x00, "security token was not touched" },
		{ "", 0x04, "security token was not touched" },
		{ "no-touch-required", 0x00, "" },
		{ "no-touch-required", 0x01, "" },
		{ "verify-required", 0x05, "" },
		{ "verify-required", 0x01,
		    "security token did not verify its user" },
		{ "verify-required", 0x04, "security token was not touched" },
		{ "verify-required,no-touch-required", 0x04, "" },
		{ "verify-required,no-touch-required", 0x01,
		    "security token did not verify its user" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows) * 3; i++) {
		size_t r = i / 3;
		struct auth_answer out;
		struct world w;
		struct wr req;
		struct ssh_key *k = i % 3 == 0 ? sk_ed : sk_ec;

		world(&w);
		world_key(&w, rows[r].options, k);
		world_start(&w, "acme", true);
		if (i % 3 == 0)
			req = by_token(SK_ED, ssh_key_blob(sk_ed), ed,
			    rows[r].flags, NULL);
		else
			req = by_token(i % 3 == 1 ? SK_EC : WEBAUTHN,
			    ssh_key_blob(sk_ec), p256, rows[r].flags,
			    i % 3 == 1 ? NULL : &web);
		/* an offer says nothing of touches */
		assert_int_equal(world_send(&w, request(false,
		    ssh_key_type(k), ssh_key_blob(k)), &out), VERDICT_PK_OK);
		assert_int_equal(world_send(&w, req, &out),
		    rows[r].why[0] == '\0' ? VERDICT_SUCCESS :
		    VERDICT_FAILURE);
		assert_string_equal(out.reason, rows[r].why);
		world_free(&w);
	}
}

/* The key in the token, used as a file's, is another key. */
static void
token_is_no_file(void **state)
{
	struct auth_answer out;
	struct world w;

	(void)state;
	world(&w);
	world_key(&w, "no-touch-required", sk_ed);
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, by_file("ssh-ed25519",
	    ssh_key_blob(ed), ed, "ssh-ed25519"), &out), VERDICT_FAILURE);
	assert_string_equal(out.reason, "key is not listed");
	assert_int_equal(world_send(&w, by_file(SK_ED, ssh_key_blob(sk_ed),
	    ed, "ssh-ed25519"), &out), VERDICT_FAILURE);
	assert_string_equal(out.reason,
	    "signature is malformed or of another algorithm");
	world_free(&w);
	/* and the options of tokens have no effect on files */
	world(&w);
	world_key(&w, "verify-required", ed);
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, by_file("ssh-ed25519",
	    ssh_key_blob(ed), ed, "ssh-ed25519"), &out), VERDICT_SUCCESS);
	world_free(&w);
}

/* Everybody who has a say must do without the touch. */
static void
token_certificates(void **state)
{
	static const struct {
		const char *line;	/* NULL: in the file of authorities */
		const char *critical, *extensions;
		uint8_t flags;
		const char *why;
	} rows[] = {
		{ NULL, "", "", 0x01, "" },
		{ NULL, "", "", 0x00, "security token was not touched" },
		{ NULL, "", "no-touch-required", 0x00, "" },
		{ NULL, "verify-required", "", 0x05, "" },
		{ NULL, "verify-required", "", 0x01,
		    "security token did not verify its user" },
		{ NULL, "verify-required", "no-touch-required", 0x04, "" },
		{ "cert-authority", "", "no-touch-required", 0x00,
		    "security token was not touched" },
		{ "cert-authority,no-touch-required", "", "", 0x00,
		    "security token was not touched" },
		{ "cert-authority,no-touch-required", "",
		    "no-touch-required", 0x00, "" },
		{ "cert-authority,verify-required", "", "", 0x01,
		    "security token did not verify its user" },
		{ "cert-authority,verify-required", "", "", 0x05, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct cert_parts p = cert_parts(sk_ed, ca);
		struct auth_answer out;
		struct world w;
		struct wr cert;

		p.critical = rows[i].critical;
		p.extensions = rows[i].extensions;
		cert = cert_make(&p);
		world(&w);
		if (rows[i].line == NULL)
			trust(&w, "");
		else
			world_key(&w, rows[i].line, ca);
		world_start(&w, "acme", true);
		assert_int_equal(world_send(&w, by_token(SK_ED_CERT,
		    wr_view(&cert), ed, rows[i].flags, NULL), &out),
		    rows[i].why[0] == '\0' ? VERDICT_SUCCESS :
		    VERDICT_FAILURE);
		assert_string_equal(out.reason, rows[i].why);
		world_free(&w);
		wr_free(&cert);
	}
}

/* ---- revocation ---- */

static void
revoke_by(struct world *w, const char *name)
{
	revoked[0] = view_str(tool_path(name));
	w->policy.revoked_keys.n = 1;
}

static const char *
login_plain(struct world *w)
{
	struct auth_answer out;
	static char reason[128];
	enum auth_verdict v;

	world_start(w, "acme", true);
	v = world_send(w, request(false, "ssh-ed25519", ssh_key_blob(ed)),
	    &out);
	snprintf(reason, sizeof(reason), "%s", out.reason);
	assert_int_equal(v == VERDICT_PK_OK, reason[0] == '\0');
	v = world_send(w, by_file("ssh-ed25519", ssh_key_blob(ed), ed,
	    "ssh-ed25519"), &out);
	assert_string_equal(out.reason, reason);
	assert_int_equal(v == VERDICT_SUCCESS, reason[0] == '\0');
	return reason;
}

static void
revoked_lines(void **state)
{
	static const char broken[] = "list of revoked keys cannot be read";
	struct cert_parts p = cert_parts(ed, ca);
	struct world w;

	(void)state;
	world(&w);
	world_key(&w, "", ed);
	trust(&w, "");
	tool_line("revoked", "", ssh_key_blob(rsa));
	revoke_by(&w, "revoked");
	assert_string_equal(login_plain(&w), "");
	assert_string_equal(login(&w, &p, NULL), "");
	tool_line("revoked", "", ssh_key_blob(ed));
	assert_string_equal(login_plain(&w), "key is revoked");
	assert_string_equal(login(&w, &p, NULL), "key is revoked");
	tool_line("revoked", "# gone\n", ssh_key_blob(ca));
	assert_string_equal(login_plain(&w), "");
	assert_string_equal(login(&w, &p, NULL), "key is revoked");
	/* the second list counts as well */
	revoked[1] = view_str(tool_path("revoked"));
	tool_write("empty", view_str("\n"));
	revoke_by(&w, "empty");
	assert_string_equal(login(&w, &p, NULL), "");
	w.policy.revoked_keys.n = 2;
	assert_string_equal(login(&w, &p, NULL), "key is revoked");
	/* what cannot be read revokes everything */
	tool_write("revoked", view_str("nonsense\n"));
	revoke_by(&w, "revoked");
	assert_string_equal(login_plain(&w), broken);
	assert_string_equal(login(&w, &p, NULL), broken);
	tool_write("revoked", view_str("\n"));
	assert_string_equal(login_plain(&w), "");
	assert_int_equal(chmod(tool_path("revoked"), 0622), 0);
	assert_string_equal(login_plain(&w), broken);
	revoke_by(&w, "not-there");
	assert_string_equal(login_plain(&w), broken);
	revoked[0] = view_str("relative");
	assert_string_equal(login_plain(&w), broken);
	world_free(&w);
}

/* ssh-keygen's list, changed between one login and the next. */
static void
revoked_krl(void **state)
{
	struct cert_parts p = cert_parts(ed, ca);
	struct wr list;
	struct world w;

	(void)state;
	tool_need();
	tool_key("ca", ca);
	tool_write("spec", view_str("serial: 6\nserial: 8\n"));
	assert_int_equal(tool_run("rm -f krl; ssh-keygen -k -f krl -s ca.pub "
	    "spec"), 0);
	world(&w);
	world_key(&w, "", ed);
	trust(&w, "");
	revoke_by(&w, "krl");
	assert_string_equal(login_plain(&w), "");
	assert_string_equal(login(&w, &p, NULL), "");
	p.serial = 8;
	assert_string_equal(login(&w, &p, NULL), "key is revoked");
	p.serial = 7;
	tool_write("spec", view_str("id: an id\n"));
	assert_int_equal(tool_run("ssh-keygen -k -u -f krl -s ca.pub spec"),
	    0);
	assert_string_equal(login(&w, &p, NULL), "key is revoked");
	assert_string_equal(login_plain(&w), "");
	p.key_id = "another";
	assert_string_equal(login(&w, &p, NULL), "");
	list = tool_read("krl");
	tool_write("krl", view_of(list.base, list.len - 1));
	assert_string_equal(login_plain(&w),
	    "list of revoked keys cannot be read");
	wr_free(&list);
	world_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_expires),
		cmocka_unit_test(certificate_expires),
		cmocka_unit_test(trusted),
		cmocka_unit_test(rules),
		cmocka_unit_test(policy_principals),
		cmocka_unit_test(cert_authority),
		cmocka_unit_test(limits_add_up),
		cmocka_unit_test(forged),
		cmocka_unit_test(chained),
		cmocka_unit_test(rsa_names),
		cmocka_unit_test(one_key_in_two_dresses),
		cmocka_unit_test(authority_files),
		cmocka_unit_test(same_work),
		cmocka_unit_test(sizes),
		cmocka_unit_test(tokens),
		cmocka_unit_test(token_is_no_file),
		cmocka_unit_test(token_certificates),
		cmocka_unit_test(revoked_lines),
		cmocka_unit_test(revoked_krl),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
