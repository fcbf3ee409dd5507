#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/config_layer.h"
#include "tests/unit/config_cases.h"

static const uint32_t deploy_groups[] = { 1500, 1600 };

static bool
resolve(void *ctx, const char *name, struct policy *out, const char **why_out)
{
	unsigned *asked = ctx;

	if (asked != NULL)
		++*asked;
	if (strcmp(name, "_sallyport") == 0) {
		out->uid = out->gid = 990;
	} else if (strcmp(name, "deploy") == 0) {
		out->uid = out->gid = 1500;
		out->groups = deploy_groups;
		out->ngroups = 2;
		out->home = view_str("/home/deploy");
	} else if (strcmp(name, "root") == 0) {
		out->home = view_str("/root");
	} else {
		*why_out = "no such account";
		return false;
	}
	return true;
}

static bool
algorithm_known(const char *kind, struct view name)
{
	return (strcmp(kind, "cipher") == 0 && view_is(name, "aes128-ctr")) ||
	    (strcmp(kind, "mac") == 0 && view_is(name, "hmac-sha2-256"));
}

struct run {
	bool good;
	struct wr block, faults;
	struct config *config;
	char *text;			/* of the faults */
};

static const struct config_env plain = {
	.resolve = resolve, .algorithm_known = algorithm_known,
};

static void
finish(struct run *r)
{
	r->text = view_dup(wr_view(&r->faults));
	assert_non_null(r->text);
	assert_false(r->faults.bad);
	if (!r->good)
		return;
	r->config = config_open(wr_view(&r->block));
	assert_non_null(r->config);
}

static struct run
run_env(struct view yaml, const struct config_env *env)
{
	struct run r = { .block = wr_new(1 << 26),
	    .faults = wr_new(1 << 20) };

	r.good = config_parse_text("t.yaml", yaml, env, &r.block, &r.faults);
	finish(&r);
	return r;
}

static struct run
run(const char *yaml)
{
	return run_env(view_str(yaml), &plain);
}

static struct run
run_file(const char *path)
{
	struct run r = { .block = wr_new(1 << 26),
	    .faults = wr_new(1 << 20) };

	r.good = config_parse(path, &plain, &r.block, &r.faults);
	finish(&r);
	return r;
}

static void
run_free(struct run *r)
{
	config_free(&r->config);
	wr_free(&r->block);
	wr_free(&r->faults);
	free(r->text);
}

/* A fault is any line that is no warning. */
static bool
has_fault(const char *text)
{
	while (*text != '\0') {
		const char *end = strchr(text, '\n');
		const char *warning = strstr(text, ": warning: ");

		if (warning == NULL || end == NULL || warning > end)
			return true;
		text = end + 1;
	}
	return false;
}

static void
test_cases(void **state)
{
	size_t n = sizeof(fault_cases) / sizeof(fault_cases[0]);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		const struct fault_case *c = &fault_cases[i];
		struct run r = run(c->yaml);

		if (strcmp(r.text, c->faults) != 0)
			fail_msg("%s:\n%s--- expected\n%s", c->title, r.text,
			    c->faults);
		if (r.good == has_fault(c->faults))
			fail_msg("%s: good is %d", c->title, r.good);
		run_free(&r);
	}
}

static void
expect(const char *yaml, const char *faults)
{
	struct run r = run(yaml);

	assert_string_equal(r.text, faults);
	assert_int_equal(r.good, !has_fault(faults));
	run_free(&r);
}

/* The cases whose texts are made. */
static void
test_sizes(void **state)
{
	static char yaml[40000];
	char big[9000];

	(void)state;
	memset(big, 'x', sizeof(big));
	snprintf(yaml, sizeof(yaml), HEAD "banner: \"%.8193s\"\n", big);
	expect(yaml, "t.yaml:3:9: banner: is too long; at most 8192 bytes\n");
	snprintf(yaml, sizeof(yaml), HEAD "banner: \"%.8192s\"\n", big);
	expect(yaml, "");
	snprintf(yaml, sizeof(yaml), HEAD "greeting: \"%.251s\"\n", big);
	expect(yaml, "t.yaml:3:11: greeting: has a line that is too long; "
	    "a line has at most 250 bytes\n");
	snprintf(yaml, sizeof(yaml), HEAD "greeting: \"%.4097s\"\n", big);
	expect(yaml, "t.yaml:3:11: greeting: is too long; at most 4096 "
	    "bytes\nt.yaml:3:11: greeting: has a line that is too long; "
	    "a line has at most 250 bytes\n");
	expect(HEAD "greeting: \"a\\rSSH-2.0-x\"\n", "t.yaml:3:11: "
	    "greeting: has a line that starts with SSH-; use other words\n");
	snprintf(yaml, sizeof(yaml), HEAD "users: {%.64s: {" ACCOUNT ", " KEY
	    "}}\n", big);
	expect(yaml, "");
	snprintf(yaml, sizeof(yaml), HEAD "users: {%.65s: {}}\n", big);
	struct run r = run(yaml);
	assert_non_null(strstr(r.text, " is empty or too long; a name has 1 "
	    "to 64 bytes\n"));
	run_free(&r);
	memset(big, '[', 40);
	snprintf(yaml, sizeof(yaml), HEAD "banner: %.40s\n", big);
	expect(yaml, "t.yaml:3:40: (file): nested too deep; at most 32 "
	    "levels\n");
	expect(HEAD "banner: \"\xff\"\n", "t.yaml:3:10: (file): invalid "
	    "leading UTF-8 octet; needs valid YAML\n");
}

static void
test_user_names(void **state)
{
	static const char *const names[] = {
		"\"\"", "a/b", "-x", "..", ".", "\"a\\nb\"", "\"\\x7f\"",
	};
	static const char *const good[] = {
		"a", "a.b@example.org", "...", "\"a b\"", "J\xc3\xbcrgen",
		"\"0\"", "~x", "no", "'%u'",
	};
	char yaml[512];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(yaml, sizeof(yaml), HEAD "users: {%s: {" ACCOUNT
		    ", " KEY "}}\n", names[i]);
		struct run r = run(yaml);

		assert_false(r.good);
		assert_memory_equal(r.text, "t.yaml:3:9: users.", 18);
		run_free(&r);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(yaml, sizeof(yaml), HEAD "users: {%s: {" ACCOUNT
		    ", " KEY "}}\n", good[i]);
		expect(yaml, "");
	}
}

/* ---- what comes out ---- */

static struct policy *
user(const struct run *r, const char *name)
{
	struct view v = config_user(r->config, view_str(name), NULL);
	struct policy *p = v.n != 0 ? policy_decode(v) : NULL;

	if (p != NULL)
		assert_true(view_is(p->name, name));
	return p;
}

static void
is(struct view v, const char *s)
{
	if (!view_is(v, s))
		fail_msg("\"%.*s\" is not \"%s\"", (int)v.n, (const char *)v.p,
		    s);
}

static void
test_defaults(void **state)
{
	struct run r = run(HEAD);
	const struct config_main *m = config_main(r.config);

	(void)state;
	assert_int_equal(m->nlisten, 1);
	is(m->listen[0].text, "127.0.0.1:22");
	assert_int_equal(m->listen[0].addr.ss_family, AF_INET);
	assert_int_equal(m->listen[0].len, sizeof(struct sockaddr_in));
	assert_int_equal(m->host_keys.n, 1);
	is(m->host_keys.v[0], "/k");
	is(m->server_user, "_sallyport");
	assert_int_equal(m->server_uid, 990);
	is(m->ident, "");
	assert_true(m->prefer_server_cipher);
	is(m->kex, "");
	assert_int_equal(m->keepalive_interval_ms, 15000);
	assert_int_equal(m->keepalive_count, 4);
	assert_int_equal(m->limits.connections, 10000);
	assert_int_equal(m->limits.unauthenticated, 256);
	assert_int_equal(m->limits.unauthenticated_per_source, 16);
	assert_int_equal(m->limits.login_grace_ms, 60000);
	assert_int_equal(m->limits.auth_attempts, 6);
	assert_int_equal(m->limits.channels, 16);
	assert_int_equal(m->limits.forwards, 256);
	assert_int_equal(m->limits.idle_ms, 0);
	assert_int_equal(m->limits.unused_ms, 0);
	for (int i = 0; i < CONFIG_CHANNELS; i++)
		assert_int_equal(m->limits.channel_idle_ms[i], 0);
	assert_int_equal(m->limits.rekey_bytes, 1 << 30);
	assert_int_equal(m->limits.rekey_time_ms, 3600000);
	assert_true(m->limits.rekey_packets == (uint32_t)1 << 31);
	assert_true(m->limits.park);
	assert_int_equal(m->log_to, LOG_TO_STDERR);
	assert_int_equal(m->log_level, LOG_INFO);
	assert_false(m->log_json);
	is(m->state_dir, "/var/lib/sallyport");
	is(m->control, "/run/sallyport/control.sock");
	assert_int_equal(m->methods, 1 << AUTH_PUBLICKEY);
	assert_int_equal(config_nusers(r.config), 0);
	assert_int_equal(config_user(r.config, view_str("a"), NULL).n, 0);
	run_free(&r);
}

static void
test_main(void **state)
{
	struct run r = run("listen: [\"[::1]:2222\", \"0.0.0.0:65535\"]\n"
	    "host_keys: [/a, /b]\nserver_user: deploy\nident: Mine_1.0\n"
	    "greeting: |\n  hello\n  there\nbanner: \"b\"\n"
	    "algorithms: {cipher_preference: client, cipher: [aes128-ctr], "
	    "mac: [hmac-sha2-256]}\n"
	    "keepalive: {interval: 0, count: 9}\n"
	    "limits: {connections: 7, unauthenticated: 6, "
	    "unauthenticated_per_source: 5, login_grace: 1500ms, "
	    "auth_attempts: 4, channels: 3, forwards: 0, "
	    "idle: 30d, "
	    "unused: 2m, channel_idle: {agent: 3s, forwarded-streamlocal: "
	    "1s}, rekey_bytes: 64GiB, "
	    "rekey_time: 2m, rekey_packets: 100, park: off}\n"
	    "log: {to: \"file:/var/log/x\", format: json, level: debug}\n"
	    "state_dir: /srv/state\n");
	const struct config_main *m;
	struct sockaddr_in6 sin6;

	(void)state;
	assert_string_equal(r.text, "");
	m = config_main(r.config);
	memcpy(&sin6, &m->listen[0].addr, sizeof(sin6));
	assert_int_equal(sin6.sin6_family, AF_INET6);
	assert_int_equal(ntohs(sin6.sin6_port), 2222);
	assert_int_equal(sin6.sin6_addr.s6_addr[15], 1);
	assert_int_equal(m->host_keys.n, 2);
	assert_int_equal(m->server_gid, 1500);
	is(m->ident, "Mine_1.0");
	is(m->greeting, "hello\nthere\n");
	is(m->banner, "b");
	assert_false(m->prefer_server_cipher);
	is(m->cipher, "aes128-ctr");
	is(m->mac, "hmac-sha2-256");
	assert_int_equal(m->keepalive_interval_ms, 0);
	assert_int_equal(m->keepalive_count, 9);
	assert_int_equal(m->limits.connections, 7);
	assert_int_equal(m->limits.login_grace_ms, 1500);
	assert_true(m->limits.idle_ms == 2592000000);
	assert_int_equal(m->limits.unused_ms, 120000);
	assert_int_equal(m->limits.channel_idle_ms[CHANNEL_IS_SESSION], 0);
	assert_int_equal(m->limits.channel_idle_ms[CHANNEL_IS_AGENT], 3000);
	assert_int_equal(m->limits.channel_idle_ms[
	    CHANNEL_IS_FORWARDED_STREAMLOCAL], 1000);
	assert_true(m->limits.rekey_bytes == (uint64_t)64 << 30);
	assert_int_equal(m->limits.rekey_packets, 100);
	assert_false(m->limits.park);
	assert_int_equal(m->log_to, LOG_TO_FILE);
	is(m->log_path, "/var/log/x");
	is(m->state_dir, "/srv/state");
	assert_true(m->log_json);
	assert_int_equal(m->log_level, LOG_DEBUG);
	run_free(&r);
}

static void
test_inheritance(void **state)
{
	struct run r = run(HEAD
	    "defaults: {auth: [publickey], allow: [sftp], umask: \"022\", "
	    "env: [LANG], " ACCOUNT "}\n"
	    "groups:\n"
	    "  g: {jail: \"/srv/%u/100%%\", create: on, dirs: [in, out/x], "
	    "umask: \"0027\", env: [\"LC_*\", TZ]}\n"
	    "users:\n"
	    "  zoe: {group: g, " KEY ", account: deploy}\n"
	    "  bob: {group: g, jail: none, env: [], umask: 7,\n"
	    "    password: \"" HASH "\", start: /home/%u,\n"
	    "    auth: [\"publickey+password\", password],\n"
	    "    authorized_keys_files: [\"/k/%u\", /all],\n"
	    "    from: [192.0.2.1, \"2001:db8::/32\"], allow: [sftp, scp],\n"
	    "    trusted_ca_keys: [/ca/%u], principals: [\"%u\", ops, "
	    "\"%%%u@corp\"],\n"
	    "    revoked_keys: [/krl], key_bits: {rsa: 3072, ecdsa: 384},\n"
	    "    account: {uid: 7, gid: 8, groups: [9, 10]}}\n"
	    "  adam: {" KEY "}\n");
	struct policy *p;

	(void)state;
	assert_string_equal(r.text, "");
	assert_int_equal(config_nusers(r.config), 3);
	assert_int_equal(config_main(r.config)->methods,
	    1 << AUTH_PUBLICKEY | 1 << AUTH_PASSWORD);

	p = user(&r, "zoe");
	is(p->jail, "/srv/zoe/100%");
	assert_true(p->create);
	assert_int_equal(p->dirs.n, 2);
	is(p->dirs.v[1], "out/x");
	assert_int_equal(p->umask, 027);
	assert_int_equal(p->env.n, 2);
	assert_int_equal(p->allow, ALLOW_SFTP);
	assert_int_equal(p->uid, 1500);
	assert_int_equal(p->ngroups, 2);
	assert_int_equal(p->groups[1], 1600);
	is(p->account_name, "deploy");
	is(p->home, "/home/deploy");
	assert_int_equal(p->nkeys, 1);
	is(p->keys[0].line, "ssh-ed25519 AAAA");
	is(p->keys[0].file, "t.yaml");
	assert_int_equal(p->keys[0].lineno, 7);
	policy_free(&p);

	p = user(&r, "bob");
	is(p->jail, "");
	assert_false(p->create);
	assert_int_equal(p->env.n, 0);
	assert_int_equal(p->umask, 7);
	assert_int_equal(p->nauth, 2);
	assert_int_equal(p->auth[0].n, 2);
	assert_int_equal(p->auth[0].method[0], AUTH_PUBLICKEY);
	assert_int_equal(p->auth[0].method[1], AUTH_PASSWORD);
	assert_int_equal(p->auth[1].n, 1);
	is(p->password, HASH);
	is(p->start, "/home/bob");
	is(p->key_files.v[0], "/k/bob");
	is(p->key_files.v[1], "/all");
	assert_int_equal(p->ca_keys.n, 1);
	is(p->ca_keys.v[0], "/ca/bob");
	assert_int_equal(p->principals.n, 3);
	is(p->principals.v[0], "bob");
	is(p->principals.v[1], "ops");
	is(p->principals.v[2], "%bob@corp");
	assert_int_equal(p->revoked_keys.n, 1);
	is(p->revoked_keys.v[0], "/krl");
	assert_int_equal(p->key_bits_rsa, 3072);
	assert_int_equal(p->key_bits_ecdsa, 384);
	assert_int_equal(p->from.n, 2);
	assert_int_equal(p->allow, ALLOW_SFTP | ALLOW_SCP);
	assert_int_equal(p->uid, 7);
	assert_int_equal(p->gid, 8);
	assert_int_equal(p->groups[1], 10);
	policy_free(&p);

	p = user(&r, "adam");
	is(p->jail, "");
	assert_int_equal(p->umask, 022);
	assert_int_equal(p->uid, 5);
	assert_int_equal(p->env.n, 1);
	policy_free(&p);
	assert_null(user(&r, "ada"));
	assert_null(user(&r, "adamm"));
	assert_null(user(&r, ""));
	run_free(&r);
}

/* Days are days of the user's zone, wherever the two stand. */
static void
test_rules(void **state)
{
	struct run r = run(HEAD
	    "defaults: {time_zone: Europe/Berlin, sessions: 3,\n"
	    "  hours: [\"Mon-Fri 08:00-18:00\", \"Sat 22:00-02:00\"]}\n"
	    "groups: {g: {not_before: 2026-01-05, banner: \"Hi\\n\"}}\n"
	    "users:\n"
	    "  a: {group: g, " ACCOUNT ", " KEY ", expires: 2026-01-05}\n"
	    "  b: {group: g, " ACCOUNT ", " KEY ", time_zone: UTC, "
	    "not_before: none, sessions: none, banner: \"\",\n"
	    "    expires: \"2026-01-05T00:00:00Z\", hours: "
	    "[\"00:00-24:00\"]}\n");
	struct policy *p;

	(void)state;
	assert_string_equal(r.text, "");
	p = user(&r, "a");
	is(p->time_zone, "Europe/Berlin");
	is(p->banner, "Hi\n");
	assert_int_equal(p->nhours, 2);
	assert_int_equal(p->hours[1].days, 1 << 5);
	assert_int_equal(p->hours[1].from, 22 * 60);
	assert_int_equal(p->hours[1].to, 2 * 60);
	assert_int_equal(p->sessions, 3);
	assert_int_equal(p->not_before, 1767571200 - 3600);
	assert_int_equal(p->expires, 1767571200 - 3600 + 86400);
	policy_free(&p);
	p = user(&r, "b");
	is(p->time_zone, "UTC");
	is(p->banner, "");
	assert_int_equal(p->nhours, 1);
	assert_int_equal(p->sessions, 0);
	assert_int_equal(p->not_before, 0);
	assert_int_equal(p->expires, 1767571200);
	policy_free(&p);
	run_free(&r);
}

/* What counts for a user from an address (and arriving at port 22 or 2222
 * of 192.0.2.1): umask, home of the policy, and the first method. */
static void
counts(const struct run *r, const char *name, const char *from,
    uint16_t port, uint32_t umask, uint32_t allow, int method)
{
	struct sockaddr_in peer = { .sin_family = AF_INET };
	struct sockaddr_in local = { .sin_family = AF_INET,
	    .sin_port = htons(port) };
	struct place place;
	struct policy *p;

	assert_int_equal(inet_pton(AF_INET, from, &peer.sin_addr), 1);
	assert_int_equal(inet_pton(AF_INET, "192.0.2.1", &local.sin_addr), 1);
	place_of((const void *)&peer, (const void *)&local, &place);
	p = policy_decode(config_user(r->config, view_str(name), &place));
	assert_non_null(p);
	assert_int_equal(p->umask, umask);
	assert_int_equal(p->allow, allow);
	assert_int_equal(p->auth[0].method[0], method);
	policy_free(&p);
}

#define WHEN_YAML \
	"listen: [\"0.0.0.0:22\", \"192.0.2.1:2222\"]\nhost_keys: [/k]\n" \
	"defaults:\n" \
	"  umask: \"0001\"\n" \
	"  when:\n" \
	"    - {if: {from: [10.1.0.0/16]}, umask: \"0011\"}\n" \
	"    - {if: {from: [10.0.0.0/8]}, umask: \"0012\", " \
	"auth: [password]}\n" \
	"groups:\n" \
	"  g:\n" \
	"    when:\n" \
	"      - {if: {listen: [\"192.0.2.1:2222\"]}, allow: [scp]}\n" \
	"users:\n" \
	"  a:\n" \
	"    group: g\n" \
	"    " ACCOUNT "\n" \
	"    " KEY "\n" \
	"    password: " HASH "\n" \
	"    when:\n" \
	"      - if: {from: [10.1.2.0/24], listen: [\"0.0.0.0:22\"]}\n" \
	"        umask: \"0021\"\n" \
	"  b: {" ACCOUNT ", " KEY ", umask: \"0\", auth: [publickey]}\n" \
	"  c: {" ACCOUNT ", " KEY ", password: " HASH "}\n"

static void
test_when(void **state)
{
	struct run r = run(WHEN_YAML);
	const uint32_t all = ALLOW_SFTP | ALLOW_SCP;

	(void)state;
	assert_string_equal(r.text, "");
	assert_int_equal(config_main(r.config)->methods,
	    1 << AUTH_PUBLICKEY | 1 << AUTH_PASSWORD);
	/* nothing holds */
	counts(&r, "a", "11.0.0.1", 22, 1, all, AUTH_PUBLICKEY);
	counts(&r, "c", "11.0.0.1", 22, 1, all, AUTH_PUBLICKEY);
	/* the first of defaults that holds, not the second too */
	counts(&r, "a", "10.1.0.1", 22, 011, all, AUTH_PUBLICKEY);
	counts(&r, "a", "10.2.0.1", 22, 012, all, AUTH_PASSWORD);
	counts(&r, "c", "10.2.0.1", 2222, 012, all, AUTH_PASSWORD);
	/* layers add up: group's and defaults' */
	counts(&r, "a", "11.0.0.1", 2222, 1, ALLOW_SCP, AUTH_PUBLICKEY);
	counts(&r, "a", "10.2.0.1", 2222, 012, ALLOW_SCP, AUTH_PASSWORD);
	/* the nearest wins where both say something; both conditions */
	counts(&r, "a", "10.1.2.3", 22, 021, all, AUTH_PUBLICKEY);
	counts(&r, "a", "10.1.2.3", 2222, 011, ALLOW_SCP, AUTH_PUBLICKEY);
	/* what a user says itself, no block of defaults changes */
	counts(&r, "b", "10.1.2.3", 22, 0, all, AUTH_PUBLICKEY);
	counts(&r, "b", "10.2.0.1", 22, 0, all, AUTH_PUBLICKEY);
	run_free(&r);
}

/* Blocks that change nothing for a user cost nothing. */
static void
test_when_size(void **state)
{
	const char *head = HEAD "users:\n  b: {" ACCOUNT ", " KEY
	    ", umask: \"0\"}\n";
	struct run one = run(head), r;
	char yaml[1024];
	size_t conditions;

	(void)state;
	snprintf(yaml, sizeof(yaml), "%sdefaults: {when: ["
	    "{if: {from: [10.0.0.0/8]}, umask: \"077\"}, "
	    "{if: {from: [11.0.0.0/8]}, umask: \"077\"}]}\n", head);
	r = run(yaml);
	assert_string_equal(r.text, "");
	conditions = 2 * (4 + 4 + 18 + 4);
	assert_int_equal(wr_size(&r.block),
	    wr_size(&one.block) + conditions);
	run_free(&r);
	/* equal conditions are one, equal policies too */
	snprintf(yaml, sizeof(yaml), "%sdefaults: {when: ["
	    "{if: {from: [10.0.0.0/8]}, from: [10.0.0.0/8]}, "
	    "{if: {from: [10.0.0.0/8]}, from: [10.0.0.0/8]}]}\n", head);
	r = run(yaml);
	assert_string_equal(r.text, "");
	assert_true(wr_size(&r.block) < wr_size(&one.block) + 30 + 2 * 16 +
	    380);
	run_free(&r);
	run_free(&one);
}

/* ---- where values come from ---- */

struct origins {
	struct wr text;
	const char *from;
};

static void
come_from(void *ctx, const struct config_main *m, struct place *out)
{
	const struct origins *o = ctx;
	struct sockaddr_in peer = { .sin_family = AF_INET };

	assert_int_equal(m->nlisten != 0, true);
	assert_int_equal(inet_pton(AF_INET, o->from, &peer.sin_addr), 1);
	place_of((const void *)&peer, NULL, out);
}

static void
note_origin(void *ctx, const struct config_origin *o)
{
	struct wr *w = &((struct origins *)ctx)->text;
	char line[256];

	snprintf(line, sizeof(line), "%s|%s|%.*s|%u|%s:%u:%u|", o->key,
	    o->layer, (int)o->group.n, (const char *)o->group.p, o->block,
	    o->file != NULL ? o->file : "", o->line, o->column);
	wr_bytes(w, view_str(line));
	wr_bytes(w, o->value);
	wr_u8(w, '\n');
}

/* All of them, for a from an address. */
static char *
origins(const char *yaml, const char *user, const char *from)
{
	struct origins o = { wr_new(65536), from };
	struct config_env env = plain;
	struct run r;
	char *text;

	env.origin = note_origin;
	env.where = come_from;
	env.origin_ctx = &o;
	env.whose = view_str(user);
	r = run_env(view_str(yaml), &env);
	run_free(&r);
	text = view_dup(wr_view(&o.text));
	assert_non_null(text);
	wr_free(&o.text);
	return text;
}

static void
has_line(const char *text, const char *line)
{
	char want[512];

	snprintf(want, sizeof(want), "\n%s\n", line);
	if (strstr(text, want) == NULL)
		fail_msg("no %s in\n%s", line, text);
}

static void
test_origins(void **state)
{
	char *t = origins(WHEN_YAML, "a", "10.1.0.1"), *none;

	(void)state;
	/* the first line has none before it */
	assert_int_equal(strncmp(t, "group|user||0|t.yaml:14:12|g\n", 28),
	    0);
	has_line(t, "account|user||0|t.yaml:15:14|{uid: 5, gid: 5}");
	has_line(t, "jail|built in||0|:0:0|none");
	has_line(t, "umask|defaults||1|t.yaml:6:42|\"0011\"");
	has_line(t, "allow|built in||0|:0:0|[sftp, scp]");
	has_line(t, "auth|built in||0|:0:0|[publickey]");
	has_line(t, "authorized_keys|user||0|t.yaml:16:22|"
	    "[ssh-ed25519 AAAA]");
	has_line(t, "password|user||0|t.yaml:17:15|set");
	assert_null(strstr(t, "$y$"));
	assert_null(strstr(t, "\nwhen|"));
	assert_null(strstr(t, "\nif|"));
	free(t);
	t = origins(WHEN_YAML, "a", "11.0.0.1");
	has_line(t, "umask|defaults||0|t.yaml:4:10|\"0001\"");
	free(t);
	none = origins(WHEN_YAML, "nobody", "10.1.0.1");
	assert_string_equal(none, "");
	free(none);
	t = origins(HEAD "groups:\n  g.x: {jail: \"/j/%u\", "
	    "authorized_keys_files: [\"/k/%u\", \"/a b\"], umask: 077,\n"
	    "    password: \"!\", banner: \"a\\n\\tb\", principals: [],\n"
	    "    when: [{if: {from: [10.0.0.0/8]}, env: [LC_*]}]}\n"
	    "users: {a: {group: g.x, " ACCOUNT "}}\n", "a", "10.0.0.1");
	has_line(t, "jail|group|g.x|0|t.yaml:4:15|/j/a");
	has_line(t, "umask|group|g.x|0|t.yaml:4:73|077");
	has_line(t, "authorized_keys_files|group|g.x|0|t.yaml:4:47|"
	    "[/k/a, /a b]");
	has_line(t, "password|group|g.x|0|t.yaml:5:15|none");
	has_line(t, "banner|group|g.x|0|t.yaml:5:28|\"a\\n\\x09b\"");
	has_line(t, "env|group|g.x|1|t.yaml:6:44|[LC_*]");
	free(t);
}

/* No key that smells of a secret is shown. */
static void
test_origin_secrets(void **state)
{
	static const char *const smells[] = {
		"password", "secret", "totp", "token", "recovery",
	};

	(void)state;
	for (unsigned k = 0; k < UK_ALL; k++) {
		const char *name = layer_key((enum user_key)k);

		/* dates and numbers about the password */
		if (strncmp(name, "password_", 9) == 0)
			continue;
		for (size_t i = 0; i < sizeof(smells) / sizeof(smells[0]);
		    i++)
			if (strstr(name, smells[i]) != NULL &&
			    !origin_secret((enum user_key)k))
				fail_msg("%s is shown", name);
	}
}

/* A value of any length is told, cut short. */
static void
test_origin_long(void **state)
{
	struct wr w = wr_new(65536);
	char *t;

	(void)state;
	wr_bytes(&w, view_str(HEAD "users: {a: {" ACCOUNT ", " KEY
	    ", env: ["));
	for (int i = 0; i < 500; i++) {
		char one[32];

		snprintf(one, sizeof(one), "%sABCDEFGHIJ%d", i != 0 ? ", " : "",
		    i);
		wr_bytes(&w, view_str(one));
	}
	wr_bytes(&w, view_str("]}}\n"));
	wr_u8(&w, '\0');
	t = origins((const char *)wr_view(&w).p, "a", "10.0.0.1");
	assert_non_null(strstr(t, ", ABCDEFGHIJ100, "));
	assert_non_null(strstr(t, " ...\n"));
	assert_null(strstr(t, "ABCDEFGHIJ499"));
	free(t);
	wr_free(&w);
}

static bool
resolve_run(void *ctx, const char *name, struct policy *out,
    const char **why_out)
{
	(void)ctx;
	(void)name;
	*why_out = "";
	out->uid = 7;
	out->gid = 8;
	out->home = view_str("/home/h");
	out->run.shell = view_str("/bin/zsh");
	return true;
}

static void
test_forwards_of_users(void **state)
{
	struct run r = run(HEAD
	    "defaults: {forward: {open: [a:1], unix_mask: \"0\"},\n"
	    "  x11: {localhost: off}}\n"
	    "users:\n"
	    "  a: {" ACCOUNT ", " KEY "}\n"
	    "  b: {" ACCOUNT ", " KEY ", forward: {listen: []}}\n");
	struct config *c = config_open(wr_view(&r.block));
	struct policy *p;

	(void)state;
	assert_string_equal(r.text, "");
	assert_non_null(c);
	p = policy_decode(config_user(c, view_str("a"), NULL));
	assert_non_null(p);
	assert_int_equal(p->forward.open.n, 1);
	assert_true(view_is(p->forward.open.v[0], "a:1"));
	assert_int_equal(p->forward.listen.n, 2);
	assert_int_equal(p->forward.unix_mask, 0);
	assert_false(p->forward.x11_localhost);
	assert_int_equal(p->forward.x11_offset, 10);
	assert_true(view_is(p->forward.at, "t.yaml:3:21"));
	policy_free(&p);
	/* The nearest layer gives all of a key. */
	p = policy_decode(config_user(c, view_str("b"), NULL));
	assert_non_null(p);
	assert_true(view_is(p->forward.open.v[0], "*:*"));
	assert_int_equal(p->forward.listen.n, 0);
	assert_int_equal(p->forward.unix_mask, 0177);
	assert_false(p->forward.x11_localhost);
	policy_free(&p);
	config_free(&c);
	run_free(&r);
}

static void
test_programs_of_users(void **state)
{
	static const struct config_env env = { .resolve = resolve_run };
	struct wr block = wr_new(1 << 20), faults = wr_new(65536);
	struct config *c;
	struct policy *p;

	(void)state;
	assert_true(config_parse_text("t.yaml", view_str(HEAD
	    "defaults: {shell: /bin/dash, set_env: {A: b}, linger: on,\n"
	    "  builtins: [md5sum, cd],\n"
	    "  resources: {cpu: 90s, memory: 1GiB}}\n"
	    "groups: {g: {allow: [exec], subsystems: {x: /bin/y -z}}}\n"
	    "users:\n"
	    "  a: {" ACCOUNT ", " KEY ", group: g}\n"
	    "  b: {account: host, " KEY ", shell: /bin/sh, set_env: none,\n"
	    "    linger: off, allow: [sftp], builtins: none}\n"),
	    &env, &block, &faults));
	c = config_open(wr_view(&block));
	assert_non_null(c);
	p = policy_decode(config_user(c, view_str("a"), NULL));
	assert_non_null(p);
	assert_true(view_is(p->allow_at, "t.yaml:6:21"));
	assert_int_equal(p->run.builtins,
	    policy_builtin_bit(view_str("md5sum")) |
	    policy_builtin_bit(view_str("cd")));
	assert_true(view_is(p->run.builtins_at, "t.yaml:4:13"));
	assert_int_equal(p->allow, ALLOW_EXEC | ALLOW_BUILTINS);
	assert_true(view_is(p->run.shell, "/bin/dash"));
	assert_int_equal(p->run.set_env.n, 1);
	assert_true(view_is(p->run.set_env.v[0].name, "A"));
	assert_int_equal(p->run.subsystems.n, 1);
	assert_true(view_is(p->run.subsystems.v[0].value, "/bin/y -z"));
	assert_true(p->run.linger);
	assert_int_equal(p->run.cpu_s, 90);
	assert_int_equal(p->run.processes, 0);
	policy_free(&p);
	p = policy_decode(config_user(c, view_str("b"), NULL));
	assert_non_null(p);
	assert_true(view_is(p->run.shell, "/bin/sh"));
	assert_int_equal(p->run.set_env.n, 0);
	assert_false(p->run.linger);
	assert_int_equal(p->run.builtins, 0);
	assert_int_equal(p->allow, ALLOW_SFTP);
	policy_free(&p);
	config_free(&c);
	wr_reset(&block);
	/* Without a word on it, the account's own shell counts. */
	assert_true(config_parse_text("t.yaml", view_str(HEAD
	    "users: {b: {account: host, " KEY "}}\n"), &env, &block,
	    &faults));
	c = config_open(wr_view(&block));
	p = policy_decode(config_user(c, view_str("b"), NULL));
	assert_non_null(p);
	assert_true(view_is(p->run.shell, "/bin/zsh"));
	assert_true(view_is(p->allow_at, "built in"));
	assert_true(view_is(p->run.builtins_at, "built in"));
	assert_int_equal(p->run.builtins, 0);
	policy_free(&p);
	config_free(&c);
	wr_free(&block);
	wr_free(&faults);
}

static void
test_no_umask(void **state)
{
	struct run r = run(HEAD USER);
	struct policy *p = user(&r, "a");

	(void)state;
	assert_int_equal(p->umask, POLICY_NO_UMASK);
	assert_int_equal(p->allow, ALLOW_SFTP | ALLOW_SCP);
	policy_free(&p);
	run_free(&r);
}

/* ---- the environment ---- */

static void
test_unprivileged(void **state)
{
	struct config_env env = { .unprivileged = true };
	struct run r = run_env(view_str(HEAD "users: {a: {" KEY "}}\n"), &env);

	(void)state;
	if (getuid() == 0) {
		assert_string_equal(r.text, "t.yaml:3:9: users.a.account: "
		    "root is never served; start the server as another "
		    "user\n");
	} else {
		struct policy *p = user(&r, "a");

		assert_string_equal(r.text, "");
		assert_int_equal(p->uid, getuid());
		assert_int_equal(p->gid, getgid());
		policy_free(&p);
	}
	run_free(&r);
}

/* Who is not root keeps nothing on disk unless told where. */
static void
test_state_dir(void **state)
{
	struct config_env env = { .unprivileged = true };
	struct run r = run_env(view_str(HEAD), &env);

	(void)state;
	assert_true(r.good);
	is(config_main(r.config)->state_dir, "");
	run_free(&r);
	r = run_env(view_str(HEAD "state_dir: /home/me/state\n"), &env);
	is(config_main(r.config)->state_dir, "/home/me/state");
	run_free(&r);
	r = run_env(view_str(HEAD "state_dir: none\n"), &plain);
	is(config_main(r.config)->state_dir, "");
	run_free(&r);
}

static bool
exempts(const struct config_main *m, const char *src)
{
	struct net_range r;

	assert_true(net_parse(view_str(src), &r));
	for (size_t i = 0; i < m->nexempt; i++)
		if (net_within(&m->exempt[i], &r.addr))
			return true;
	return false;
}

static void
test_penalties(void **state)
{
	struct config_env env = { .unprivileged = true };
	struct run r = run(HEAD);
	const struct config_main *m = config_main(r.config);
	const struct penalties_config *c = &m->penalties;

	(void)state;
	assert_true(c->on);
	assert_int_equal(c->ms[PENALTY_CRASH], 90000);
	assert_int_equal(c->ms[PENALTY_AUTHFAIL], 5000);
	assert_int_equal(c->ms[PENALTY_INVALIDUSER], 5000);
	assert_int_equal(c->ms[PENALTY_GRACE], 10000);
	assert_int_equal(c->ms[PENALTY_NOAUTH], 1000);
	assert_int_equal(c->ms[PENALTY_REFUSED], 10000);
	assert_int_equal(c->min_ms, 15000);
	assert_int_equal(c->max_ms, 600000);
	assert_int_equal(c->prefix4, 32);
	assert_int_equal(c->prefix6, 64);
	assert_int_equal(c->sources, 65536);
	assert_false(c->deny);
	assert_true(exempts(m, "127.0.0.1") && exempts(m, "127.1.2.3"));
	assert_true(exempts(m, "::1"));
	assert_false(exempts(m, "128.0.0.1") || exempts(m, "::2"));
	run_free(&r);

	r = run(HEAD "penalties: {crash: 1s, authfail: 2s, "
	    "grace_exceeded: 3s, noauth: 0, refused: 4500ms, min: 6s, "
	    "max: 24h, prefix4: 24, prefix6: 56, sources: 9, "
	    "overflow: deny, exempt: [192.0.2.0/24, \"2001:db8::7\"]}\n"
	    "control: /run/x/c\n");
	assert_string_equal(r.text, "");
	m = config_main(r.config);
	c = &m->penalties;
	assert_int_equal(c->ms[PENALTY_CRASH], 1000);
	assert_int_equal(c->ms[PENALTY_AUTHFAIL], 2000);
	assert_int_equal(c->ms[PENALTY_INVALIDUSER], 2000);
	assert_int_equal(c->ms[PENALTY_GRACE], 3000);
	assert_int_equal(c->ms[PENALTY_NOAUTH], 0);
	assert_int_equal(c->ms[PENALTY_REFUSED], 4500);
	assert_int_equal(c->min_ms, 6000);
	assert_int_equal(c->max_ms, 24 * 3600000);
	assert_int_equal(c->prefix4, 24);
	assert_int_equal(c->prefix6, 56);
	assert_int_equal(c->sources, 9);
	assert_true(c->deny);
	/* those that are named stand in place of the loopback */
	assert_true(exempts(m, "192.0.2.9") && exempts(m, "2001:db8::7"));
	assert_false(exempts(m, "127.0.0.1") || exempts(m, "2001:db8::8"));
	is(m->control, "/run/x/c");
	run_free(&r);

	r = run(HEAD "penalties: {exempt: []}\n");
	assert_int_equal(config_main(r.config)->nexempt, 0);
	run_free(&r);
	r = run(HEAD "penalties: off\n");
	assert_false(config_main(r.config)->penalties.on);
	run_free(&r);
	r = run_env(view_str(HEAD), &env);
	is(config_main(r.config)->control, "");
	run_free(&r);
}

/* A socket's path has a length of its own. */
static void
test_control_length(void **state)
{
	char yaml[400], path[200];

	(void)state;
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	snprintf(yaml, sizeof(yaml), HEAD "control: %.95s\n", path);
	expect(yaml, "");
	snprintf(yaml, sizeof(yaml), HEAD "control: %.96s\n", path);
	expect(yaml, "t.yaml:3:10: control: is too long for a socket; at "
	    "most 95 bytes\n");
}

static void
test_resolve_once(void **state)
{
	unsigned asked = 0;
	struct config_env env = plain;
	struct run r;

	(void)state;
	env.ctx = &asked;
	r = run_env(view_str(HEAD "defaults: {" KEY "}\nusers: {a: {account: "
	    "deploy}, b: {account: deploy}, c: {account: deploy}}\n"), &env);
	assert_string_equal(r.text, "");
	assert_int_equal(asked, 2);	/* and _sallyport */
	run_free(&r);
}

static bool
no_key(struct view line, const char **why_out, char doubt_out[CONFIG_DOUBT_MAX])
{
	doubt_out[0] = '\0';
	if (view_is(line, "old"))
		strcpy(doubt_out, "old: is odd; use a new one");
	*why_out = "is no key; needs one";
	return view_is(line, "ssh-ed25519 AAAA") || doubt_out[0] != '\0';
}

static bool
no_host_key(struct view path, const char **why_out)
{
	*why_out = "is no key; needs one";
	return view_is(path, "/a");
}

static void
test_hooks(void **state)
{
	struct config_env env = plain;
	struct run r;

	(void)state;
	env.max_connections = 5000;
	env.key_line = no_key;
	r = run_env(view_str(HEAD USER "    authorized_keys_files: [/x]\n"
	    "  b: {" ACCOUNT ", authorized_keys: [ssh-rsa X, old]}\n"
	    "limits: {connections: 5001}\n"), &env);
	assert_string_equal(r.text,
	    "t.yaml:8:52: users.b.authorized_keys[0]: is no key; needs one\n"
	    "t.yaml:8:63: warning: users.b.authorized_keys[1]: old: is odd; "
	    "use a new one\n"
	    "t.yaml:9:1: warning: limits: connections is 5001, but the limit "
	    "on open files (RLIMIT_NOFILE) carries 5000; raise that limit or "
	    "use less\n");
	run_free(&r);
	/* a path that is none is told once */
	env.host_key = no_host_key;
	r = run_env(view_str("listen: [\"127.0.0.1:22\"]\n"
	    "host_keys: [/a, b, /c]\n"), &env);
	assert_string_equal(r.text,
	    "t.yaml:1:1: warning: limits: connections is 10000, but the limit "
	    "on open files (RLIMIT_NOFILE) carries 5000; raise that limit or "
	    "use less\n"
	    "t.yaml:2:17: host_keys[1]: \"b\" is not an absolute path; use "
	    "one that starts with /\n"
	    "t.yaml:2:20: host_keys[2]: \"/c\" is no key; needs one\n");
	run_free(&r);
}

/* ---- files ---- */

static char *dir;

static void
put_file(const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* Faults with the folder's name taken out of every line. */
static void
expect_files(const char *faults)
{
	char path[512], text[8192], *from, *to;
	size_t n = strlen(dir);
	struct run r;

	snprintf(path, sizeof(path), "%s/main.yaml", dir);
	r = run_file(path);
	assert_true(strlen(r.text) < sizeof(text));
	for (from = r.text, to = text; *from != '\0';)
		if (strncmp(from, dir, n) == 0)
			from += n;
		else
			*to++ = *from++;
	*to = '\0';
	assert_string_equal(text, faults);
	assert_int_equal(r.good, !has_fault(faults));
	run_free(&r);
}

static int
files_setup(void **state)
{
	static char name[64];

	(void)state;
	snprintf(name, sizeof(name), "/tmp/config_test.XXXXXX");
	dir = mkdtemp(name);
	if (dir == NULL)
		return -1;
	char sub[128];

	snprintf(sub, sizeof(sub), "%s/d[1]", dir);
	return mkdir(sub, 0700);
}

static int
files_teardown(void **state)
{
	char command[256];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command) == 0 ? 0 : -1;
}

static void
test_include(void **state)
{
	(void)state;
	put_file("main.yaml", HEAD "include: [\"d[[]1]/*.yaml\", none/*.yaml]"
	    "\nusers: {a: {group: g, " ACCOUNT "}}\n");
	put_file("d[1]/2.yaml", "users:\n  c: {group: g, " ACCOUNT "}\n");
	put_file("d[1]/1.yaml", "include: [\"3.ym?\"]\ngroups: {g: {" KEY "}}\n"
	    "banner: x\n");
	put_file("d[1]/3.yml", "users: {b: {group: g, " ACCOUNT "}}\n");
	expect_files("");
	put_file("d[1]/2.yaml", "users:\n  a: {" ACCOUNT "}\nbanner: y\n"
	    "groups: {g: {}}\nlimits: {channels: 0}\n");
	expect_files(
	    "/d[1]/2.yaml:2:3: users.a: given twice, first at "
	    "/main.yaml:4:9; needs one\n"
	    "/d[1]/2.yaml:3:1: banner: given twice, first at "
	    "/d[1]/1.yaml:3:1; needs one\n"
	    "/d[1]/2.yaml:4:10: groups.g: given twice, first at "
	    "/d[1]/1.yaml:2:10; needs one\n"
	    "/d[1]/2.yaml:5:20: limits.channels: \"0\" is out of range; "
	    "use 1-1024\n");
}

static void
test_include_faults(void **state)
{
	(void)state;
	put_file("main.yaml", HEAD "include: [gone.yaml, main.yaml, \".\", "
	    "\"\", bad.yaml]\nusers: {a: {group: h, " ACCOUNT ", " KEY "}}\n");
	put_file("bad.yaml", "a: [\n");
	/* group h may be in a file that could not be read: not told */
	expect_files(
	    "/main.yaml:3:11: include[0]: \"/gone.yaml\" does not exist; "
	    "needs a file\n"
	    "/main.yaml:3:22: include[1]: \"/main.yaml\" has been read "
	    "already as \"/main.yaml\"; a file is included once\n"
	    "/main.yaml:3:33: include[2]: \"/.\" is not a regular file; "
	    "needs one\n"
	    "/main.yaml:3:38: include[3]: is empty; needs a file name or "
	    "pattern\n"
	    "/bad.yaml:2:1: (file): while parsing a flow node, did not find "
	    "expected node content; needs valid YAML\n");
}

static void
test_include_depth(void **state)
{
	char name[32], text[64];

	(void)state;
	put_file("main.yaml", HEAD "include: [1.yaml]\n");
	for (int i = 1; i <= 9; i++) {
		snprintf(name, sizeof(name), "%d.yaml", i);
		snprintf(text, sizeof(text), "include: [%d.yaml]\n", i + 1);
		put_file(name, i == 9 ? "banner: [\n" : text);
	}
	expect_files("/8.yaml:1:11: include[0]: \"/9.yaml\" is included too "
	    "deep; at most 8 levels\n");
	put_file("8.yaml", "banner: x\n");
	expect_files("");
}

static void
test_no_file(void **state)
{
	struct run r = run_file("/nonexistent/x.yaml");

	(void)state;
	assert_string_equal(r.text, "/nonexistent/x.yaml:1:1: (file): does "
	    "not exist; needs a file\n");
	assert_false(r.good);
	run_free(&r);
	r = run_file("/dev/zero");
	assert_string_equal(r.text, "/dev/zero:1:1: (file): is not a regular "
	    "file; needs one\n");
	run_free(&r);
}

/* ---- bounds ---- */

static void
test_alias_bomb(void **state)
{
	struct run r = run(
	    "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	    "b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
	    "c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\n"
	    "d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n"
	    "e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n"
	    "f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]\n"
	    "g: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f, *f]\n");

	(void)state;
	assert_string_equal(r.text, "t.yaml:7:16: (file): aliases make too "
	    "much of this; all files together may hold 4000000 values\n");
	run_free(&r);
}

static struct wr
many(size_t n, const char *rest)
{
	struct wr w = wr_new(1 << 26);
	char line[256];

	wr_bytes(&w, view_str(HEAD "users:\n"));
	for (size_t i = 0; i < n; i++) {
		snprintf(line, sizeof(line), "  u%zu: {account: {uid: %zu, "
		    "gid: 1}, " KEY "%s}\n", i, i + 1, rest);
		wr_bytes(&w, view_str(line));
	}
	return w;
}

static void
test_many_users(void **state)
{
	const size_t n = 10000;
	struct wr w = many(n, "");
	struct timespec a, b;
	size_t counted;
	char name[32];
	struct run r;

	(void)state;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	r = run_env(wr_view(&w), &plain);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	assert_true(r.good);
	assert_int_equal(config_nusers(r.config), n);
	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "u%zu", i);
		struct policy *p = user(&r, name);

		assert_non_null(p);
		assert_int_equal(p->uid, i + 1);
		policy_free(&p);
	}
	print_message("%zu users: %.0f ms, block of %zu bytes\n", n,
	    (double)(b.tv_sec - a.tv_sec) * 1e3 +
	    (double)(b.tv_nsec - a.tv_nsec) / 1e6, wr_size(&r.block));
	/* a sanitizer makes it slower: this finds what is quadratic */
	assert_true(b.tv_sec - a.tv_sec < 10);
	/* blocks that change something for everybody */
	wr_bytes(&w, view_str("defaults: {when: [{if: {from: [10.0.0.0/8]}, "
	    "auth: [publickey, password]}, {if: {from: [11.0.0.0/8]}, "
	    "allow: [sftp]}]}\n"));
	counted = wr_size(&r.block);
	run_free(&r);
	r = run_env(wr_view(&w), &plain);
	assert_true(r.good);
	print_message("with three policies each: block of %zu bytes\n",
	    wr_size(&r.block));
	/* ... each with the place of its rights */
	assert_true(wr_size(&r.block) < 3 * counted + n * 32);
	run_free(&r);
	wr_free(&w);
}

static void
test_many_faults(void **state)
{
	struct wr w = many(12000, ", umask: x");
	struct wr block = wr_new(1 << 20), faults = wr_new(4096);
	char *text;

	(void)state;
	assert_false(config_parse_text("t.yaml", wr_view(&w), &plain, &block,
	    &faults));
	assert_false(faults.bad);
	text = view_dup(wr_view(&faults));
	assert_non_null(strstr(text, "t.yaml:4:"));
	assert_non_null(strstr(text, "\n... and 119"));
	free(text);
	wr_free(&faults);
	wr_free(&block);
	wr_free(&w);
}

static void
test_block_too_large(void **state)
{
	struct wr w = many(100, "");
	struct wr block = wr_new(1000), faults = wr_new(4096);

	(void)state;
	assert_false(config_parse_text("t.yaml", wr_view(&w), &plain, &block,
	    &faults));
	assert_true(wr_size(&faults) > 0);
	wr_free(&faults);
	wr_free(&block);
	wr_free(&w);
}

/* Every truncation and every changed byte of a block is refused or harmless:
 * run with sanitizers, this is the proof that config_open looks at all. */
static void
test_block_damage(void **state)
{
	struct run r = run(HEAD "groups: {g: {jail: /j, dirs: [x]}}\n"
	    "users: {a: {" ACCOUNT ", " KEY "}, b: {group: g, account: "
	    "deploy, " KEY ", from: [192.0.2.1], when: [{if: {from: "
	    "[192.0.2.1], listen: [\"127.0.0.1:22\"]}, umask: \"0\"}]}}\n");
	const struct place place = { .from = { 4, { 192, 0, 2, 1 } },
	    .to = { 4, { 127, 0, 0, 1 } }, .port = 22 };
	size_t n = wr_size(&r.block);
	uint8_t *copy;

	(void)state;
	assert_string_equal(r.text, "");
	for (size_t i = 0; i < n; i++) {
		copy = malloc(i + 1);
		memcpy(copy, wr_view(&r.block).p, i);
		assert_null(config_open(view_of(copy, i)));
		free(copy);
	}
	copy = malloc(n + 1);
	memcpy(copy, wr_view(&r.block).p, n);
	copy[n] = 0;
	assert_null(config_open(view_of(copy, n + 1)));
	for (size_t i = 0; i < n; i++) {
		uint8_t was = copy[i];

		for (unsigned bit = 0; bit < 8; bit++) {
			copy[i] = was ^ (uint8_t)(1u << bit);
			struct config *c = config_open(view_of(copy, n));

			if (c != NULL)
				(void)config_user(c, view_str("b"), &place);
			config_free(&c);
		}
		copy[i] = was;
	}
	free(copy);
	run_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_user_names),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_main),
		cmocka_unit_test(test_inheritance),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_when),
		cmocka_unit_test(test_when_size),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_origin_secrets),
		cmocka_unit_test(test_origin_long),
		cmocka_unit_test(test_programs_of_users),
		cmocka_unit_test(test_forwards_of_users),
		cmocka_unit_test(test_no_umask),
		cmocka_unit_test(test_unprivileged),
		cmocka_unit_test(test_state_dir),
		cmocka_unit_test(test_penalties),
		cmocka_unit_test(test_control_length),
		cmocka_unit_test(test_resolve_once),
		cmocka_unit_test(test_hooks),
		cmocka_unit_test_setup_teardown(test_include, files_setup,
		    files_teardown),
		cmocka_unit_test_setup_teardown(test_include_faults,
		    files_setup, files_teardown),
		cmocka_unit_test_setup_teardown(test_include_depth,
		    files_setup, files_teardown),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_alias_bomb),
		cmocka_unit_test(test_many_users),
		cmocka_unit_test(test_many_faults),
		cmocka_unit_test(test_block_too_large),
		cmocka_unit_test(test_block_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
