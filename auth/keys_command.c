#include <inttypes.h>
#include <stdio.h>

#include "auth/call.h"
#include "auth/keys_command.h"
#include "base/crypto.h"

#define WHAT		"authorized_keys_command"
#define WORDS_MAX	((size_t)512 * 1024)	/* of all, expanded */
#define NOBODY		65534u	/* the uid that nobody seems to have */

static void
put_connection(struct wr *w, const struct auth_start *s)
{
	const struct sockaddr *end[2] = { s->peer, s->local };

	for (int i = 0; i < 2; i++) {
		char address[64], text[96];
		unsigned port = 65535;

		/* What OpenSSH says where it does not know. */
		if (!call_address(end[i], address, &port))
			snprintf(address, sizeof(address), "UNKNOWN");
		snprintf(text, sizeof(text), "%s%s %u", i == 0 ? "" : " ",
		    address, port);
		wr_bytes(w, view_str(text));
	}
}

static void
put_token(struct wr *w, uint8_t token, const struct keys_command *c)
{
	const struct policy *p = c->a->start.policy;
	struct rd key = rd_of(c->m->key);
	char uid[16];

	switch (token) {
	case 'u':
		wr_bytes(w, call_user(c->a));
		break;
	case 'U':
		snprintf(uid, sizeof(uid), "%" PRIu32,
		    p != NULL ? p->uid : NOBODY);
		wr_bytes(w, view_str(uid));
		break;
	case 'h':
		wr_bytes(w, p != NULL && p->home.n != 0 ? p->home :
		    view_str("/"));
		break;
	case 't':
		wr_bytes(w, rd_str(&key));
		break;
	case 'k':
		crypto_base64_encode(c->m->key, w);
		break;
	case 'f':
		wr_bytes(w, view_str(c->fingerprint));
		break;
	case 'C':
		put_connection(w, &c->a->start);
		break;
	case '%':
		wr_u8(w, '%');
		break;
	default:
		w->bad = true;	/* the configuration has none */
	}
}

static void
put_word(struct wr *w, struct view word, const struct keys_command *c)
{
	for (size_t i = 0; i < word.n; i++) {
		if (word.p[i] != '%')
			wr_u8(w, word.p[i]);
		else if (++i < word.n)
			put_token(w, word.p[i], c);
		else
			w->bad = true;
	}
}

/* Expands all words into w and lets argv point there.  False: no room. */
static bool
expand(struct wr *w, struct view_list words, const struct keys_command *c,
    struct view argv[POLICY_ARGV_MAX], size_t *n_out)
{
	size_t end[POLICY_ARGV_MAX], at = 0, n = 1;

	wr_bytes(w, words.v[0]);
	end[0] = wr_size(w);
	for (; n < words.n; n++) {
		put_word(w, words.v[n], c);
		end[n] = wr_size(w);
	}
	/* As OpenSSH has it, a program without arguments gets the name. */
	if (n == 1) {
		put_token(w, 'u', c);
		end[n++] = wr_size(w);
	}
	for (size_t i = 0; i < n && !w->bad; i++) {
		argv[i] = view_of(wr_view(w).p + at, end[i] - at);
		at = end[i];
	}
	*n_out = n;
	return !w->bad;
}

bool
keys_command_run(void *ctx, struct wr *out, const char **why_out)
{
	struct keys_command *c = ctx;
	struct view argv[POLICY_ARGV_MAX];
	struct wr w = wr_new(WORDS_MAX);
	struct program_spec spec;
	size_t n;
	bool ok = false;

	*why_out = "program's arguments are too long";
	if (expand(&w, auth_shape(c->a)->programs.keys, c, argv, &n)) {
		spec = call_spec(c->a, WHAT, (struct view_list){ argv, n });
		c->a->work.programs++;
		ok = program_run(&spec, view_of(NULL, 0), out, why_out);
	}
	wr_free(&w);
	return ok;
}
