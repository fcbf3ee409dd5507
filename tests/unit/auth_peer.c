#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/crypto.h"
#include "tests/unit/auth_peer.h"

enum { USERAUTH_REQUEST = 50, INFO_RESPONSE = 61 };

static void
add_chain(struct world *w, const char *text, size_t n)
{
	struct auth_chain *c = &w->chains[w->policy.nauth++];
	struct view left = view_of(text, n);

	assert_true(w->policy.nauth <= 8);
	while (left.n != 0) {
		const uint8_t *plus = memchr(left.p, '+', left.n);
		size_t word = plus != NULL ? (size_t)(plus - left.p) : left.n;
		int m = auth_method_find(view_of(left.p, word));

		assert_int_not_equal(m, -1);
		c->method[c->n++] = (uint8_t)m;
		word += plus != NULL;
		left.p += word;
		left.n -= word;
	}
}

/* ---- a state folder in memory ---- */

static enum err
fake_lock(void *ctx)
{
	struct fake_store *s = ctx;

	assert_false(s->locked);
	s->locks++;
	s->locked = s->fail_lock == OK;
	errno = EIO;
	return s->fail_lock;
}

static void
fake_unlock(void *ctx)
{
	struct fake_store *s = ctx;

	assert_true(s->locked);
	s->locked = false;
}

static enum err
fake_read(void *ctx, const char *kind, size_t max, struct wr *out)
{
	struct fake_store *s = ctx;
	struct view v = fake_store_bytes(s, kind);

	errno = EIO;
	if (s->fail_read != OK)
		return s->fail_read;
	if (v.p == NULL)
		return ERR_CLOSED;
	if (v.n > max)
		return ERR_LIMIT;
	wr_bytes(out, v);
	return OK;
}

static enum err
fake_write(void *ctx, const char *kind, struct view bytes)
{
	struct fake_store *s = ctx;

	assert_true(s->locked);
	errno = ENOSPC;
	if (s->fail_write != OK)
		return s->fail_write;
	s->writes++;
	fake_store_set(s, kind, bytes);
	return OK;
}

void
fake_store_init(struct fake_store *s)
{
	*s = (struct fake_store){ .ops = { fake_lock, fake_unlock, fake_read,
	    fake_write, s } };
}

void
fake_store_free(struct fake_store *s)
{
	assert_false(s->locked);
	for (size_t i = 0; i < FAKE_FILES; i++)
		wr_free(&s->file[i].bytes);
}

struct view
fake_store_bytes(const struct fake_store *s, const char *kind)
{
	for (size_t i = 0; i < FAKE_FILES; i++)
		if (strcmp(s->file[i].kind, kind) == 0)
			return wr_view(&s->file[i].bytes);
	return view_of(NULL, 0);
}

void
fake_store_set(struct fake_store *s, const char *kind, struct view v)
{
	size_t i = 0;

	while (i < FAKE_FILES && s->file[i].kind[0] != '\0' &&
	    strcmp(s->file[i].kind, kind) != 0)
		i++;
	assert_true(i < FAKE_FILES && strlen(kind) < 16);
	memcpy(s->file[i].kind, kind, strlen(kind) + 1);
	wr_free(&s->file[i].bytes);
	s->file[i].bytes = wr_new(1 << 20);
	wr_bytes(&s->file[i].bytes, v);
}

/* ---- the user ---- */

void
world_init(struct world *w, const char *chains)
{
	memset(w, 0, sizeof(*w));
	w->policy.name = view_str("acme");
	w->policy.uid = w->policy.gid = 2001;
	w->policy.allow = ALLOW_SFTP;
	w->policy.auth = w->chains;
	w->policy.keys = w->keys;
	w->policy.key_files.v = w->files;
	w->policy.from.v = w->from;
	w->policy.umask = POLICY_NO_UMASK;
	while (*chains != '\0') {
		size_t n = strcspn(chains, " ");

		add_chain(w, chains, n);
		chains += n + (chains[n] == ' ');
	}
	w->peer.sin_family = AF_INET;
	assert_int_equal(inet_pton(AF_INET, "10.0.0.1", &w->peer.sin_addr), 1);
}

void
world_key(struct world *w, const char *options, const struct ssh_key *k)
{
	size_t i = w->policy.nkeys++;

	assert_true(i < 8);
	w->lines[i] = wr_new(1 << 16);
	wr_bytes(&w->lines[i], view_str(options));
	if (options[0] != '\0')
		wr_u8(&w->lines[i], ' ');
	wr_bytes(&w->lines[i], view_str(ssh_key_type(k)));
	wr_u8(&w->lines[i], ' ');
	crypto_base64_encode(ssh_key_blob(k), &w->lines[i]);
	wr_bytes(&w->lines[i], view_str(" comment"));
	w->keys[i] = (struct policy_key){
		wr_view(&w->lines[i]), view_str("test.yaml"), (uint32_t)i + 1
	};
}

void
world_start(struct world *w, const char *user, bool exists)
{
	auth_free(&w->a);
	w->start.user = view_str(user);
	w->start.session_id = view_str(SESSION_ID);
	w->start.policy = exists ? &w->policy : NULL;
	w->start.methods_first = FIRST;
	w->start.peer = (const struct sockaddr *)&w->peer;
	w->start.now = NOW;
	w->a = auth_new(&w->start);
	assert_non_null(w->a);
}

void
world_free(struct world *w)
{
	auth_free(&w->a);
	for (size_t i = 0; i < 8; i++)
		wr_free(&w->lines[i]);
}

struct wr
req_plain(const char *user, const char *service, const char *method)
{
	struct wr w = wr_new(1 << 20);

	wr_u8(&w, USERAUTH_REQUEST);
	wr_cstr(&w, user);
	wr_cstr(&w, service);
	wr_cstr(&w, method);
	return w;
}

struct wr
req_password(const char *user, struct view password)
{
	struct wr w = req_plain(user, "ssh-connection", "password");

	wr_bool(&w, false);
	wr_str(&w, password);
	return w;
}

struct wr
req_kbdint(const char *user, const char *submethods)
{
	struct wr w = req_plain(user, "ssh-connection",
	    "keyboard-interactive");

	wr_cstr(&w, "");
	wr_cstr(&w, submethods);
	return w;
}

struct wr
req_answers(const struct view *answers, size_t n)
{
	struct wr w = wr_new(1 << 20);

	wr_u8(&w, INFO_RESPONSE);
	wr_u32(&w, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		wr_str(&w, answers[i]);
	return w;
}

static struct wr
req_key(const char *user, const struct ssh_key *k, const char *alg,
    bool has_signature)
{
	struct wr w = req_plain(user, "ssh-connection", "publickey");

	wr_bool(&w, has_signature);
	wr_cstr(&w, alg);
	wr_str(&w, ssh_key_blob(k));
	return w;
}

struct wr
req_query(const char *user, const struct ssh_key *k, const char *alg)
{
	return req_key(user, k, alg, false);
}

struct wr
req_signed(const char *user, const struct ssh_key *k, const char *alg,
    const struct forged *f)
{
	struct wr w = req_key(user, k, alg, true);
	struct wr data = wr_new(1 << 20), sig = wr_new(1 << 16);

	wr_cstr(&data, f->session != NULL ? f->session : SESSION_ID);
	wr_u8(&data, USERAUTH_REQUEST);
	wr_cstr(&data, f->user != NULL ? f->user : user);
	wr_cstr(&data, f->service != NULL ? f->service : "ssh-connection");
	wr_cstr(&data, f->method != NULL ? f->method : "publickey");
	wr_bool(&data, true);
	wr_cstr(&data, alg);
	wr_str(&data, ssh_key_blob(k));
	assert_int_equal(ssh_key_sign(k,
	    view_str(f->alg != NULL ? f->alg : alg), wr_view(&data), &sig),
	    OK);
	wr_str(&w, wr_view(&sig));
	wr_free(&sig);
	wr_free(&data);
	return w;
}

enum auth_verdict
world_send(struct world *w, struct wr req, struct auth_answer *out)
{
	struct auth_answer a;

	assert_false(req.bad);
	auth_request(w->a, wr_view(&req), &a);
	wr_free(&req);
	assert_int_equal(a.verdict == VERDICT_DISCONNECT ||
	    a.verdict == VERDICT_PROMPT || a.verdict == VERDICT_CHANGEREQ,
	    wr_size(&a.payload) != 0);
	assert_true(wr_size(&a.payload) <= sizeof(w->payload));
	if (wr_size(&a.payload) != 0)
		memcpy(w->payload, wr_view(&a.payload).p,
		    wr_size(&a.payload));
	w->asked = view_of(w->payload, wr_size(&a.payload));
	assert_non_null(a.reason);
	assert_int_equal(a.methods & 1u << AUTH_NONE, 0);
	wr_free(&a.payload);
	assert_true(view_to_cstr(wr_view(&a.notice), w->notice,
	    sizeof(w->notice)));
	wr_free(&a.notice);
	if (out != NULL)
		*out = a;
	return a.verdict;
}
