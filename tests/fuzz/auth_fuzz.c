/*
 * USERAUTH payloads through auth_request.  The policy's keys and password are
 * nobody's: whatever the bytes, nothing may be proved; a refusal that ends
 * the connection is final; `none` never counts.
 *
 * Input: byte 0 mode (0: user exists, 1: from elsewhere, 2: no such user,
 * 3: the user exists and dialogues with codes are offered),
 * then requests: two bytes of length, payload.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "auth/internal.h"

#define USER	"acme"
#define MAX_REQUESTS	16

static const char *const lines[] = {
	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDfClNACM8CsIkOR/La37RL+gwIn44X9"
	    "kgCBxkEcanTD ed",
	"no-pty,from=\"10.0.0.0/8\" ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItb"
	    "mlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBJfPb5oA8YoWxuF6E3ZUItKe7C5mWZqDZ"
	    "izetTGfS7DtWQjsEChP3vD3b1XOEpppkB25UWtGLOahif1IaOxNd3c= ec",
	"command=\"x\" ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDnRyVpuc0WwsGaAXL"
	    "Z69WBvF/sV4rbfctQbcQmmPgofr0tO7952tc6oq8GJzCVcJ7vHJMTQVzbS+2RfyxG"
	    "fK4rLtPFfVHI5DiaWb9Qekafqi0ynUNrVYNPoeLAyCQ+JR8E9T/kIodCaIHkRxYB"
	    "/ewfY6HYcEdLIYGQFDIYXCFoCXIkM7JxkaxsThDpC7tWWx/AukZYESpCtrHqtouv"
	    "qTlQsEaUTOu49Jc4A4mSDxy/wsdnyPiIwL10leBqPUG5pxDxdYpehao+rMzYXCFG"
	    "4v3TZbzN30CEZxMMZ4YxOvdmWKxQIUJaFgZaSsDwMOQIIY1aeziC3ywow+TIhYF4"
	    "6KCl rsa",
	"future \"option",
};

static void
check(bool ok)
{
	if (!ok)
		abort();
}

/* Takes the next request off *in. */
static bool
next_request(struct view *in, struct view *out)
{
	size_t n;

	if (in->n < 2)
		return false;
	n = (size_t)(in->p[0] << 8 | in->p[1]);
	in->p += 2;
	in->n -= 2;
	*out = view_of(in->p, n < in->n ? n : in->n);
	in->p += out->n;
	in->n -= out->n;
	return true;
}

static void
talk(struct auth *a, struct view in)
{
	struct auth_answer out;
	struct view payload;
	bool over = false;

	for (int i = 0; i < MAX_REQUESTS && next_request(&in, &payload); i++) {
		auth_request(a, payload, &out);
		check(out.verdict == VERDICT_FAILURE ||
		    out.verdict == VERDICT_PROMPT ||
		    out.verdict == VERDICT_PK_OK ||
		    out.verdict == VERDICT_DISCONNECT);
		check(!over || out.verdict == VERDICT_DISCONNECT);
		check((wr_size(&out.payload) != 0) ==
		    (out.verdict == VERDICT_DISCONNECT ||
		    out.verdict == VERDICT_PROMPT));
		check(out.verdict != VERDICT_PROMPT || (!out.counted &&
		    (a->start.methods_first >> AUTH_KBDINT & 1) != 0));
		check(out.method != AUTH_NONE || !out.counted);
		check(out.verdict != VERDICT_PK_OK || !out.counted);
		check((out.methods & ~(1u << AUTH_KBDINT)) ==
		    1 << AUTH_PUBLICKEY);
		check(out.reason != NULL && memchr(out.key, '\0',
		    sizeof(out.key)) != NULL);
		check(auth_limits(a)->deny == 0);
		over = out.verdict == VERDICT_DISCONNECT;
		check(wr_size(&out.notice) == 0);
		wr_free(&out.payload);
		wr_free(&out.notice);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct auth_chain chains[] = {
		{ 1, { AUTH_PUBLICKEY } },
		{ 2, { AUTH_PUBLICKEY, AUTH_PASSWORD } },
		{ 1, { AUTH_PASSWORD } },
		{ 1, { AUTH_KBDINT } },
	};
	struct sockaddr_in peer = { .sin_family = AF_INET };
	struct policy_key keys[4];
	struct policy p = {
		.name = view_str(USER), .uid = 2001, .gid = 2001,
		.allow = ALLOW_SFTP, .auth = chains, .nauth = 3,
		.keys = keys, .nkeys = 4,
		.password = view_str("$5$rounds=1000$salt$aaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaaaaaaaa")
	};
	struct auth_start start = {
		.user = view_str(USER),
		.session_id = view_str("0123456789abcdef0123456789abcdef"),
		.methods_first = 1 << AUTH_PUBLICKEY | 1 << AUTH_NONE,
		.policy = &p, .peer = (const struct sockaddr *)&peer,
		.now = 1700000000, .delay_secret = view_str("constant")
	};
	struct auth *a;
	uint8_t mode;

	if (size == 0)
		return 0;
	mode = data[0] % 4;
	peer.sin_addr.s_addr = htonl(mode == 1 ? 0x0b000001 : 0x0a000001);
	for (size_t i = 0; i < 4; i++)
		keys[i] = (struct policy_key){
			view_str(lines[i]), view_str("f"), (uint32_t)i + 1
		};
	if (mode == 3) {
		p.nauth = 4;
		start.methods_first |= 1 << AUTH_KBDINT;
		start.asks_code = true;
		p.totp = (struct policy_totp){
			.secret = view_str("12345678901234567890"),
			.digits = 6, .drift = 1, .period = 30
		};
	}
	/* The dummy hash of nobody is dear: one request is enough. */
	if (mode == 2) {
		start.policy = NULL;
		size = size > 2000 ? 2000 : size;
	}
	if ((a = auth_new(&start)) == NULL)
		return 0;
	talk(a, view_of(data + 1, size - 1));
	auth_free(&a);
	return 0;
}
