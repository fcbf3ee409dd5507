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
#include "tests/unit/keys_peer.h"

#define FILE_LIMIT	((size_t)16 * 1024 * 1024)

static char dir[] = "/tmp/keys_test.XXXXXX";

/* ---- ssh-keygen ---- */

int
tool_setup(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL ? 0 : -1;
}

int
tool_teardown(void **state)
{
	(void)state;
	tool_run("rm -rf %s", dir);
	return 0;
}

const char *
tool_path(const char *name)
{
	static char paths[64][256];
	static unsigned next;
	char *p = paths[next++ % 64];

	snprintf(p, sizeof(paths[0]), "%s/%s", dir, name);
	return p;
}

int
tool_run(const char *fmt, ...)
{
	char cmd[2048], full[2400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	snprintf(full, sizeof(full), "cd %s && { %s; } >log 2>&1 </dev/null",
	    dir, cmd);
	return system(full);
}

void
tool_need(void)
{
	if (tool_run("command -v ssh-keygen") != 0)
		skip();
}

struct wr
tool_read(const char *name)
{
	struct wr w = wr_new(FILE_LIMIT);
	char buf[4096];
	size_t n;
	FILE *f;

	if ((f = fopen(tool_path(name), "rb")) == NULL)
		fail_msg("%s: cannot be opened", name);
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		wr_bytes(&w, view_of(buf, n));
	fclose(f);
	assert_false(w.bad);
	return w;
}

void
tool_write(const char *name, struct view v)
{
	FILE *f;

	unlink(tool_path(name));
	assert_non_null(f = fopen(tool_path(name), "wb"));
	assert_int_equal(fchmod(fileno(f), 0600), 0);
	assert_int_equal(fwrite(v.p, 1, v.n, f), v.n);
	assert_int_equal(fclose(f), 0);
}

struct wr
tool_blob(const char *name)
{
	struct wr text = tool_read(name), blob = wr_new(FILE_LIMIT);
	struct view v = wr_view(&text), word;
	size_t at = 0, n = 0;

	while (at < v.n && v.p[at] != ' ')
		at++;
	at++;
	while (at + n < v.n && v.p[at + n] != ' ' && v.p[at + n] != '\n')
		n++;
	word = view_of(v.p + at, n);
	assert_true(crypto_base64_decode(word, &blob));
	wr_free(&text);
	return blob;
}

void
tool_line(const char *name, const char *before, struct view blob)
{
	struct wr w = wr_new(FILE_LIMIT);
	struct rd r = rd_of(blob);

	wr_bytes(&w, view_str(before));
	wr_bytes(&w, rd_str(&r));
	wr_u8(&w, ' ');
	crypto_base64_encode(blob, &w);
	wr_bytes(&w, view_str(" comment\n"));
	tool_write(name, wr_view(&w));
	wr_free(&w);
}

void
tool_key(const char *name, const struct ssh_key *k)
{
	struct wr w = wr_new(FILE_LIMIT);
	char pub[256];

	assert_true(ssh_key_write_private(k, "", &w));
	tool_write(name, wr_view(&w));
	wr_free(&w);
	snprintf(pub, sizeof(pub), "%s.pub", name);
	tool_line(pub, "", ssh_key_blob(k));
}

/* ---- security tokens ---- */

static bool
is_ed25519(const struct ssh_key *k)
{
	return strcmp(ssh_key_type(k), "ssh-ed25519") == 0;
}

struct ssh_key *
token_key(const struct ssh_key *secret, const char *app)
{
	struct rd r = rd_of(ssh_key_blob(secret));
	struct wr w = wr_new(8192);
	struct ssh_key *k;

	rd_str(&r);
	wr_cstr(&w, is_ed25519(secret) ? "sk-ssh-ed25519@openssh.com" :
	    "sk-ecdsa-sha2-nistp256@openssh.com");
	wr_bytes(&w, rd_rest(&r));
	wr_cstr(&w, app);
	assert_int_equal(ssh_key_parse_blob(wr_view(&w), &k), OK);
	wr_free(&w);
	return k;
}

static void
put_sha256(struct wr *w, struct view v)
{
	uint8_t digest[HASH_MAX];

	assert_true(hash_once(HASH_SHA256, v, digest));
	wr_bytes(w, view_of(digest, 32));
}

static struct wr
client_data(const struct token_web *web, struct view data)
{
	struct wr w = wr_new(FILE_LIMIT), b = wr_new(FILE_LIMIT);
	struct view v;

	if (web->client != NULL) {
		wr_bytes(&w, view_str(web->client));
		return w;
	}
	crypto_base64_encode(data, &b);
	v = wr_view(&b);
	wr_bytes(&w, view_str("{\"type\":\"webauthn.get\",\"challenge\":\""));
	for (size_t i = 0; i < v.n && v.p[i] != '='; i++)
		wr_u8(&w, v.p[i] == '+' ? '-' : v.p[i] == '/' ? '_' :
		    v.p[i]);
	wr_bytes(&w, view_str("\",\"origin\":\""));
	wr_bytes(&w, view_str(web->origin));
	wr_bytes(&w, view_str("\",\"crossOrigin\":false}"));
	wr_free(&b);
	return w;
}

struct wr
token_sign(const struct ssh_key *secret, const struct token_says *says,
    struct view data)
{
	struct wr w = wr_new(8192), sig = wr_new(8192);
	struct wr out = wr_new(FILE_LIMIT), client = wr_new(0);
	struct rd r;

	if (says->web != NULL)
		client = client_data(says->web, data);
	put_sha256(&w, view_str(says->app));
	wr_u8(&w, says->flags);
	wr_u32(&w, says->counter);
	if (says->web != NULL)
		wr_bytes(&w, view_str(says->web->extensions));
	put_sha256(&w, says->web != NULL ? wr_view(&client) : data);
	assert_int_equal(ssh_key_sign(secret, view_str(ssh_key_type(secret)),
	    wr_view(&w), &sig), OK);
	r = rd_of(wr_view(&sig));
	rd_str(&r);
	wr_cstr(&out, is_ed25519(secret) ? "sk-ssh-ed25519@openssh.com" :
	    says->web != NULL ? "webauthn-sk-ecdsa-sha2-nistp256@openssh.com" :
	    "sk-ecdsa-sha2-nistp256@openssh.com");
	wr_str(&out, rd_str(&r));
	wr_u8(&out, says->flags);
	wr_u32(&out, says->counter);
	if (says->web != NULL) {
		wr_cstr(&out, says->web->origin);
		wr_str(&out, wr_view(&client));
		wr_cstr(&out, says->web->extensions != NULL ?
		    says->web->extensions : "");
	}
	assert_false(out.bad);
	wr_free(&w);
	wr_free(&sig);
	wr_free(&client);
	return out;
}

/* ---- certificates by hand ---- */

struct cert_parts
cert_parts(const struct ssh_key *key, const struct ssh_key *ca)
{
	return (struct cert_parts){
		.key = ssh_key_blob(key), .serial = 7, .role = 1,
		.key_id = "an id", .principals = "acme", .after = 1000,
		.before = 2000000000, .critical = "",
		.extensions = "permit-X11-forwarding,"
		    "permit-agent-forwarding,permit-port-forwarding,"
		    "permit-pty,permit-user-rc",
		.ca = ca,
	};
}

static void
put_options(struct wr *w, const char *text)
{
	struct view list = view_str(text), one;
	size_t at = wr_open(w), inner;

	while (namelist_next(&list, &one)) {
		const uint8_t *eq = one.n == 0 ? NULL :
		    memchr(one.p, '=', one.n);
		size_t n = eq != NULL ? (size_t)(eq - one.p) : one.n;

		wr_str(w, view_of(one.p, n));
		inner = wr_open(w);
		if (eq != NULL)
			wr_str(w, view_of(eq + 1, one.n - n - 1));
		wr_close(w, inner);
	}
	wr_close(w, at);
}

static void
put_type(struct wr *w, const struct cert_parts *c, struct view type)
{
	char name[128], plain[100];

	assert_true(view_to_cstr(type, plain, sizeof(plain)));
	plain[strcspn(plain, "@")] = '\0';
	snprintf(name, sizeof(name), "%s-cert-v01@openssh.com", plain);
	wr_cstr(w, c->type != NULL ? c->type : name);
}

struct wr
cert_make(const struct cert_parts *c)
{
	struct wr w = wr_new(FILE_LIMIT), sig = wr_new(8192);
	struct view list = view_str(c->principals), one;
	struct view algs = view_str(ssh_key_sigalgs(c->ca)), alg;
	struct rd r = rd_of(c->key);
	size_t at;

	put_type(&w, c, rd_str(&r));
	wr_cstr(&w, "a nonce");
	wr_bytes(&w, rd_rest(&r));
	wr_u64(&w, c->serial);
	wr_u32(&w, c->role);
	wr_cstr(&w, c->key_id);
	at = wr_open(&w);
	while (namelist_next(&list, &one))
		wr_str(&w, one);
	wr_close(&w, at);
	wr_u64(&w, c->after);
	wr_u64(&w, c->before);
	put_options(&w, c->critical);
	put_options(&w, c->extensions);
	wr_cstr(&w, "");
	wr_str(&w, c->ca_blob.n != 0 ? c->ca_blob : ssh_key_blob(c->ca));
	assert_true(namelist_next(&algs, &alg));
	if (c->sig_alg != NULL)
		alg = view_str(c->sig_alg);
	assert_int_equal(ssh_key_sign(c->ca, alg, wr_view(&w), &sig), OK);
	wr_str(&w, wr_view(&sig));
	assert_false(w.bad);
	wr_free(&sig);
	return w;
}
