/* Hostbased logins: whose word counts, for whom, from where. */
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
#include "base/sshcert.h"
#include "tests/unit/auth_peer.h"
#include "tests/unit/keys_peer.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
#define HOST		(1u << AUTH_HOSTBASED)
#define ED		"ssh-ed25519"
#define ED_CERT		"ssh-ed25519-cert-v01@openssh.com"

static struct ssh_key *ed, *ed2, *p256, *rsa, *ca, *sk;

static int
setup(void **state)
{
	ed = ssh_key_generate("ed25519", 0);
	ed2 = ssh_key_generate("ed25519", 0);
	p256 = ssh_key_generate("ecdsa", 256);
	rsa = ssh_key_generate("rsa", 2048);
	ca = ssh_key_generate("ed25519", 0);
	if (!ed || !ed2 || !p256 || !rsa || !ca || tool_setup(state) != 0)
		return -1;
	sk = token_key(ed, "ssh:");
	return sk == NULL;
}

static int
teardown(void **state)
{
	struct ssh_key **all[] = { &ed, &ed2, &p256, &rsa, &ca, &sk };

	for (size_t i = 0; i < COUNT(all); i++)
		ssh_key_free(all[i]);
	return tool_teardown(state);
}

/* ---- requests ---- */

/* What is claimed, and, where it differs, what is signed. */
struct claim {
	const char *host, *user;	/* "host.example.", "acme" */
	const char *alg;
	struct view blob;		/* empty: of the key */
	const char *signed_session, *signed_name, *signed_service,
	    *signed_method, *signed_host, *signed_user, *signed_alg,
	    *made_alg;
};

static const char *
or(const char *a, const char *b)
{
	return a != NULL ? a : b;
}

static struct wr
request(const struct ssh_key *k, const struct claim *c)
{
	const char *host = or(c->host, "host.example."), *alg;
	const char *user = or(c->user, "acme");
	struct wr w = req_plain("acme", "ssh-connection", "hostbased");
	struct wr data = wr_new(1 << 20), sig = wr_new(1 << 16);
	struct view blob = c->blob.n != 0 ? c->blob : ssh_key_blob(k);
	char first[64];

	/* the first of the key's algorithms */
	snprintf(first, sizeof(first), "%.*s",
	    (int)strcspn(ssh_key_sigalgs(k), ","), ssh_key_sigalgs(k));
	alg = or(c->alg, first);
	wr_cstr(&w, alg);
	wr_str(&w, blob);
	wr_cstr(&w, host);
	wr_cstr(&w, user);
	wr_cstr(&data, or(c->signed_session, SESSION_ID));
	wr_u8(&data, 50);
	wr_cstr(&data, or(c->signed_name, "acme"));
	wr_cstr(&data, or(c->signed_service, "ssh-connection"));
	wr_cstr(&data, or(c->signed_method, "hostbased"));
	wr_cstr(&data, or(c->signed_alg, alg));
	wr_str(&data, blob);
	wr_cstr(&data, or(c->signed_host, host));
	wr_cstr(&data, or(c->signed_user, user));
	assert_int_equal(ssh_key_sign(k, view_str(or(c->made_alg, first)),
	    wr_view(&data), &sig), OK);
	wr_str(&w, wr_view(&sig));
	wr_free(&data);
	wr_free(&sig);
	return w;
}

/* ---- the user ---- */

static struct policy_key hosts[8];
static char lines[8][4096];

static void
host_line(struct world *w, const char *before, const struct ssh_key *k)
{
	size_t i = w->policy.nknown_hosts++;
	struct wr b64 = wr_new(1 << 16);

	assert_true(i < 8);
	crypto_base64_encode(ssh_key_blob(k), &b64);
	snprintf(lines[i], sizeof(lines[i]), "%s %s %.*s", before,
	    ssh_key_type(k), (int)wr_size(&b64),
	    (const char *)wr_view(&b64).p);
	wr_free(&b64);
	hosts[i] = (struct policy_key){ view_str(lines[i]),
	    view_str("t.yaml"), (uint32_t)i + 1 };
	w->policy.known_hosts = hosts;
}

static void
begin(struct world *w, const char *chains)
{
	world_init(w, chains);
	w->policy.known_hosts_files.v = w->files;
}

static void
start(struct world *w, bool exists)
{
	world_start(w, "acme", exists);
	auth_free(&w->a);
	w->start.methods_first |= HOST;
	w->a = auth_new(&w->start);
	assert_non_null(w->a);
}

static void
accepted(struct world *w, const struct ssh_key *k, const struct claim *c)
{
	struct auth_answer out;

	start(w, true);
	assert_int_equal(world_send(w, request(k, c), &out),
	    VERDICT_SUCCESS);
	assert_int_equal(out.method, AUTH_HOSTBASED);
	assert_int_equal(strncmp(out.key, "SHA256:", 7), 0);
	assert_int_equal(auth_limits(w->a)->deny, 0);
}

static void
refused(struct world *w, const struct ssh_key *k, const struct claim *c,
    const char *why)
{
	struct auth_answer out;

	start(w, true);
	assert_int_equal(world_send(w, request(k, c), &out),
	    VERDICT_FAILURE);
	assert_string_equal(out.reason, why);
	assert_true(out.counted);
	assert_in_range(out.not_before_ms, 10, 1000);
}

static const struct claim honest;

static void
test_login(void **state)
{
	struct world w;

	(void)state;
	begin(&w, "hostbased");
	host_line(&w, "host.example", ed);
	host_line(&w, "host.example", p256);
	host_line(&w, "*.example,10.0.0.0/8", rsa);
	accepted(&w, ed, &honest);
	accepted(&w, p256, &honest);
	accepted(&w, rsa, &honest);
	accepted(&w, rsa, &(struct claim){ .alg = "rsa-sha2-256",
	    .made_alg = "rsa-sha2-256" });
	accepted(&w, ed, &(struct claim){ .host = "HOST.example" });
	refused(&w, ed2, &honest, "host's key is not known");
	refused(&w, ed, &(struct claim){ .host = "other.example" },
	    "host's key is known for another name or address");
	refused(&w, ed, &(struct claim){ .host = "" },
	    "host's key is known for another name or address");
	w.peer.sin_addr.s_addr = htonl(0x0b000001);
	accepted(&w, ed, &honest);
	refused(&w, rsa, &honest,
	    "host's key is known for another name or address");
	/* who may come from nowhere but elsewhere */
	w.policy.from.n = 1;
	w.from[0] = view_str("10.0.0.0/8");
	refused(&w, ed, &honest, "source address is not allowed");
	world_free(&w);
}

/* RFC 4252 9: every field is covered. */
static void
test_signature(void **state)
{
	static const struct claim wrong[] = {
		{ .signed_session = "0123456789abcdef0123456789abcdeg" },
		{ .signed_name = "root" },
		{ .signed_service = "ssh-userauth" },
		{ .signed_method = "publickey" },
		{ .signed_host = "other.example." },
		{ .signed_host = "host.example" },	/* without the dot */
		{ .signed_user = "root" },
		{ .signed_alg = "ssh-rsa" },
	};
	struct world w;

	(void)state;
	begin(&w, "hostbased");
	host_line(&w, "host.example", ed);
	host_line(&w, "host.example", rsa);
	host_line(&w, "host.example", sk);
	for (size_t i = 0; i < COUNT(wrong); i++)
		refused(&w, ed, &wrong[i], "signature is wrong");
	/* a key that is known, signed with by another */
	refused(&w, ed2, &(struct claim){ .blob = ssh_key_blob(ed) },
	    "signature is wrong");
	refused(&w, rsa, &(struct claim){ .alg = "rsa-sha2-256" },
	    "signature is malformed or of another algorithm");
	refused(&w, rsa, &(struct claim){ .alg = "ssh-rsa" },
	    "signature algorithm is not allowed");
	refused(&w, rsa, &(struct claim){ .alg = ED },
	    "signature algorithm does not fit the key");
	refused(&w, ed, &(struct claim){ .alg = "sk-ssh-ed25519@openssh.com",
	    .blob = ssh_key_blob(sk) },
	    "key of a security token is no host's");
	refused(&w, ed, &(struct claim){ .blob = view_str("rubbish") },
	    "malformed key");
	w.policy.key_bits_rsa = 3072;
	refused(&w, rsa, &honest, "key is too short for this user");
	world_free(&w);
}

static void
test_users(void **state)
{
	struct view users[3] = { view_str("backup"),
	    view_str("%n@*.example"), view_str("root@host.example") };
	struct world w;

	(void)state;
	begin(&w, "hostbased");
	host_line(&w, "host.example,a.b", ed);
	host_line(&w, "10.0.0.1", ed2);
	refused(&w, ed, &(struct claim){ .user = "root" },
	    "client's user may not log in as this one");
	refused(&w, ed, &(struct claim){ .user = "Acme" },
	    "client's user may not log in as this one");
	refused(&w, ed, &(struct claim){ .user = "" },
	    "client's user may not log in as this one");
	w.policy.hostbased_users = (struct view_list){ users, 3 };
	refused(&w, ed, &honest, "client's user may not log in as this one");
	accepted(&w, ed, &(struct claim){ .user = "backup" });
	accepted(&w, ed, &(struct claim){ .user = "%n" });
	accepted(&w, ed, &(struct claim){ .user = "root" });
	refused(&w, ed, &(struct claim){ .user = "root", .host = "a.b" },
	    "client's user may not log in as this one");
	refused(&w, ed, &(struct claim){ .user = "root@host.example" },
	    "client's user may not log in as this one");
	/* a host that is known by its address has no other name */
	accepted(&w, ed2, &(struct claim){ .user = "backup" });
	refused(&w, ed2, &(struct claim){ .user = "root" },
	    "client's user may not log in as this one");
	users[2] = view_str("root@10.0.0.*");
	accepted(&w, ed2, &(struct claim){ .user = "root" });
	world_free(&w);
}

static void
test_revoked(void **state)
{
	struct world w;

	(void)state;
	begin(&w, "hostbased");
	host_line(&w, "host.example", ed);
	host_line(&w, "host.example", p256);
	accepted(&w, ed, &honest);
	/* for whatever name, before or behind */
	host_line(&w, "@revoked other.example", ed);
	refused(&w, ed, &honest, "host's key is revoked");
	accepted(&w, p256, &honest);
	w.policy.nknown_hosts = 0;
	host_line(&w, "@revoked *", ed);
	host_line(&w, "host.example", ed);
	refused(&w, ed, &honest, "host's key is revoked");
	/* what cannot be read may have been meant to revoke */
	w.policy.nknown_hosts = 0;
	host_line(&w, "host.example", ed);
	host_line(&w, "@revokd *", ed);
	refused(&w, ed, &honest, "host's key is listed in a faulty line");
	w.policy.nknown_hosts = 0;
	host_line(&w, "host.example", ed);
	host_line(&w, "@revokd *", ed2);
	accepted(&w, ed, &honest);
	/* a list of revoked keys holds here as well */
	tool_line("revoked", "", ssh_key_blob(ed));
	w.files[1] = view_str(tool_path("revoked"));
	w.policy.revoked_keys = (struct view_list){ w.files + 1, 1 };
	refused(&w, ed, &honest, "key is revoked");
	world_free(&w);
}

static void
test_certificates(void **state)
{
	struct cert_parts parts = cert_parts(ed, ca);
	struct claim c = { .alg = ED_CERT };
	struct world w;
	struct wr cert;

	(void)state;
	begin(&w, "hostbased");
	parts.role = SSHCERT_HOST;
	parts.principals = "other,host.example";
	parts.extensions = NULL;

#define CERT(change) do { \
		change; \
		cert = cert_make(&parts); \
		c.blob = wr_view(&cert); \
	} while (0)
#define END(change) do { \
		wr_free(&cert); \
		change; \
	} while (0)
	/* signed with the certificate's algorithm, made with the key's */
	CERT();
	host_line(&w, "@cert-authority *.example", ca);
	accepted(&w, ed, &c);
	c.host = "host.example.org";
	refused(&w, ed, &c, "host's key is known for another name or "
	    "address");
	c.host = "third.example";
	refused(&w, ed, &c, "host's certificate does not name it");
	c.host = NULL;
	/* the authority known as a host alone, the key without it */
	w.policy.nknown_hosts = 0;
	host_line(&w, "host.example", ca);
	refused(&w, ed, &c, "host's key is not known");
	w.policy.nknown_hosts = 0;
	host_line(&w, "host.example", ed);
	refused(&w, ed, &c, "host's key is not known");
	host_line(&w, "@cert-authority *", ca);
	accepted(&w, ed, &c);
	/* revoked: its key, its authority */
	host_line(&w, "@revoked *", ed);
	refused(&w, ed, &c, "host's key is revoked");
	w.policy.nknown_hosts = 0;
	host_line(&w, "@cert-authority *", ca);
	host_line(&w, "@revoked *", ca);
	refused(&w, ed, &c, "host's key is revoked");
	w.policy.nknown_hosts = 1;
	END();

	CERT(parts.role = SSHCERT_USER);
	refused(&w, ed, &c, "certificate is not a host's");
	END(parts.role = SSHCERT_HOST);
	CERT(parts.principals = NULL);
	refused(&w, ed, &c, "host's certificate does not name it");
	END();
	CERT(parts.principals = "*.example");
	accepted(&w, ed, &c);
	END(parts.principals = "host.example");
	CERT(parts.before = NOW);
	refused(&w, ed, &c, "certificate has expired");
	END(parts.before = NOW + 10);
	CERT(parts.after = NOW + 5);
	refused(&w, ed, &c, "certificate is not yet valid");
	END(parts.after = 1000);
	CERT(parts.critical = "force-command=x");
	refused(&w, ed, &c, "host's certificate has a critical option");
	END();
	CERT(parts.critical = "new=x");
	refused(&w, ed, &c, "host's certificate has a critical option");
	END(parts.critical = NULL);
	/* an authority is no host */
	refused(&w, ca, &honest, "host's key is not known");
	world_free(&w);
#undef CERT
#undef END
}

static void
test_files(void **state)
{
	struct world w;

	(void)state;
	tool_line("hosts", "# none\n\nbad line\nhost.example ",
	    ssh_key_blob(ed));
	begin(&w, "hostbased");
	w.files[0] = view_str(tool_path("none"));
	w.files[1] = view_str(tool_path("hosts"));
	w.policy.known_hosts_files.n = 2;
	accepted(&w, ed, &honest);
	assert_int_equal(auth_work(w.a)->opens, 2);
	assert_int_equal(chmod(tool_path("hosts"), 0666), 0);
	refused(&w, ed, &honest, "host's key is not known");
	assert_int_equal(chmod(tool_path("hosts"), 0644), 0);
	accepted(&w, ed, &honest);
	world_free(&w);
}

/* Nobody costs the same; and where nobody begins so, nothing is asked. */
static void
test_nobody(void **state)
{
	struct auth_answer out;
	struct auth_work first;
	struct world w;

	(void)state;
	begin(&w, "hostbased");
	start(&w, false);
	assert_int_equal(world_send(&w, request(ed, &honest), &out),
	    VERDICT_FAILURE);
	assert_string_equal(out.reason, "no such user");
	first = *auth_work(w.a);
	assert_int_equal(first.opens, 1);
	assert_int_equal(first.verifies, 1);
	host_line(&w, "host.example", ed);
	refused(&w, ed2, &honest, "host's key is not known");
	assert_memory_equal(auth_work(w.a), &first, sizeof(first));
	refused(&w, ed, &(struct claim){ .user = "x" },
	    "client's user may not log in as this one");
	assert_memory_equal(auth_work(w.a), &first, sizeof(first));
	for (int exists = 0; exists < 2; exists++) {
		world_start(&w, "acme", exists == 1);
		w.chains[0].method[0] = AUTH_PUBLICKEY;
		auth_free(&w.a);
		w.start.methods_first = 1u << AUTH_PUBLICKEY;
		w.a = auth_new(&w.start);
		assert_int_equal(world_send(&w, request(ed, &honest), &out),
		    VERDICT_FAILURE);
		assert_true(out.counted);
		assert_int_equal(auth_work(w.a)->verifies, 0);
	}
	/* where it is offered, who must come otherwise does not */
	refused(&w, ed, &honest, "method is not allowed for this user");
	world_free(&w);
}

static void
test_chains(void **state)
{
	static const struct forged f;
	struct auth_answer out;
	struct world w;

	(void)state;
	begin(&w, "hostbased+publickey");
	host_line(&w, "host.example", ed);
	world_key(&w, "", ed2);
	start(&w, true);
	assert_int_equal(world_send(&w, req_signed("acme", ed2, ED, &f),
	    &out), VERDICT_FAILURE);
	assert_int_equal(world_send(&w, request(ed, &honest), &out),
	    VERDICT_PARTIAL);
	assert_int_equal(out.methods, 1u << AUTH_PUBLICKEY);
	/* again is no step */
	assert_int_equal(world_send(&w, request(ed, &honest), &out),
	    VERDICT_FAILURE);
	assert_int_equal(world_send(&w, req_signed("acme", ed2, ED, &f),
	    &out), VERDICT_SUCCESS);
	world_free(&w);
	/* once it is the next step, it need not be one that strangers hear
	 * of */
	begin(&w, "publickey+hostbased");
	host_line(&w, "host.example", ed);
	world_key(&w, "", ed2);
	world_start(&w, "acme", true);
	assert_int_equal(world_send(&w, req_signed("acme", ed2, ED, &f),
	    &out), VERDICT_PARTIAL);
	assert_int_equal(out.methods, HOST);
	assert_int_equal(world_send(&w, request(ed, &honest), &out),
	    VERDICT_SUCCESS);
	world_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_revoked),
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_chains),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
