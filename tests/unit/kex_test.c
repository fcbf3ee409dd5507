/* Key exchange: every combination, negotiation, strict KEX, rekeying. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/engine.h"

static const char *const ciphers[] = {
	"aes128-gcm@openssh.com", "aes256-gcm@openssh.com",
	"chacha20-poly1305@openssh.com", "aes128-ctr", "aes192-ctr",
	"aes256-ctr"
};
static const char *const macs[] = {
	"hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com",
	"hmac-sha2-256", "hmac-sha2-512"
};

static void
ok_handshake(struct engine *e)
{
	bool ok = ssh_peer_handshake(e->peer);

	if (!ok)
		print_message("peer: %s; server: %s\n", e->peer->why != NULL ?
		    e->peer->why : "-", e->end_text);
	assert_true(ok);
	assert_int_equal(e->handshakes, 1);
	assert_int_equal(e->ends, 0);
	assert_int_equal(e->conn->phase, PH_SERVICE);
}

/* The connection is over, told once, with these; the peer got a reason. */
static void
over(struct engine *e, enum err err, unsigned reason, const char *text)
{
	struct view v;
	struct rd r;

	ssh_peer_pump(e->peer);
	if (e->ends != 1 || strstr(e->end_text, text) == NULL)
		print_message("ends %u: %s\n", e->ends, e->end_text);
	assert_int_equal(e->ends, 1);
	assert_int_equal(e->conn->phase, PH_ENDED);
	assert_int_equal(e->end.err, err);
	assert_int_equal(e->end.reason, reason);
	assert_false(e->end.by_peer);
	assert_non_null(strstr(e->end_text, text));
	assert_false(ssh_conn_wants_input(e->conn));
	assert_true(ssh_peer_expect(e->peer, SSH_MSG_DISCONNECT, &v));
	r = rd_of(v);
	(void)rd_u8(&r);
	assert_int_equal(rd_u32(&r), reason);
	(void)rd_str(&r);
	(void)rd_str(&r);
	assert_true(rd_done(&r));
	assert_true(ssh_conn_finished(e->conn));
	engine_stop(e);
}

static void
queue_number(struct engine *e, uint8_t number)
{
	ssh_peer_queue(e->peer, view_of(&number, 1));
}

static void
queue_ignore(struct engine *e, uint8_t number)
{
	uint8_t b[6] = { number, 0, 0, 0, 0, 0 };

	/* IGNORE: empty string; DEBUG: bool and two strings; 3: a number */
	if (number == SSH_MSG_DEBUG) {
		uint8_t d[10] = { number };

		ssh_peer_queue(e->peer, view_of(d, sizeof(d)));
	} else
		ssh_peer_queue(e->peer, view_of(b, 5));
}

static void
every_combination(void **state)
{
	struct view list = view_str(kex_alg_list()), name;

	(void)state;
	while (namelist_next(&list, &name)) {
		for (size_t c = 0; c < 6; c++) {
			for (size_t m = 0; m < 4; m++) {
				struct ssh_peer_algs algs = { 0 };
				char kex[80];
				struct engine e;

				if (c < 3 && m != 0)
					continue;
				assert_true(view_to_cstr(name, kex, 80));
				algs.kex = kex;
				algs.cipher = ciphers[c];
				algs.mac = macs[m];
				engine_init(&e);
				engine_start(&e, &algs);
				ok_handshake(&e);
				assert_string_equal(e.handshake.kex, kex);
				assert_string_equal(e.handshake.cipher_in,
				    ciphers[c]);
				assert_string_equal(e.handshake.mac_out,
				    c < 3 ? "" : macs[m]);
				assert_true(e.handshake.strict);
				assert_true(ssh_peer_service(e.peer));
				assert_true(ssh_peer_rekey(e.peer));
				assert_memory_equal(e.peer->session_id,
				    ssh_conn_session_id(e.conn).p,
				    e.peer->session_id_len);
				engine_stop(&e);
			}
		}
	}
}

static void
every_host_key(void **state)
{
	static const char *const algs[] = {
		"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp521",
		"rsa-sha2-256", "rsa-sha2-512"
	};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct ssh_peer_algs a = { .host_key = algs[i] };
		struct engine e;

		engine_init(&e);
		if (i == 1)
			engine_add_key(&e, "ecdsa", 256);
		if (i == 2)
			engine_add_key(&e, "ecdsa", 521);
		if (i > 2)
			engine_add_key(&e, "rsa", 2048);
		engine_start(&e, &a);
		ok_handshake(&e);
		assert_string_equal(e.handshake.host_key, algs[i]);
		assert_true(view_eq(wr_view(&e.peer->host_blob),
		    ssh_key_blob(e.keys[i == 0 ? 0 : 1])));
		engine_stop(&e);
	}
}

static void
byte_by_byte(void **state)
{
	(void)state;
	for (size_t c = 0; c < 6; c++) {
		for (size_t chunk = 1; chunk < 40; chunk += 12) {
			struct ssh_peer_algs a = {
				.cipher = ciphers[c], .mac = macs[c % 4]
			};
			struct engine e;

			engine_init(&e);
			engine_start(&e, &a);
			e.peer->chunk = chunk;
			assert_true(engine_login(&e));
			assert_true(ssh_peer_rekey(e.peer));
			assert_int_equal(e.handshakes, 2);
			assert_int_equal(wr_size(&e.conn->in), 0);
			engine_stop(&e);
		}
	}
}

static void
nothing_in_common(void **state)
{
	static const struct {
		struct ssh_peer_algs a;
		const char *text;
	} rows[] = {
		{ { .kex = "diffie-hellman-group1-sha1" }, "key exchange" },
		{ { .host_key = "ssh-dss,ssh-rsa" }, "host key" },
		{ { .cipher = "aes128-cbc,3des-cbc" }, "cipher" },
		{ { .cipher = "aes128-ctr", .mac = "hmac-md5" }, "MAC" },
		{ { .compression = "zlib" }, "compression" },
		{ { .kex = "kex-strict-s-v00@openssh.com" }, "key exchange" }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct engine e;

		engine_init(&e);
		engine_start(&e, &rows[i].a);
		assert_true(ssh_peer_ident(e.peer));
		ssh_peer_kexinit(e.peer);
		/* The peer refuses too; let it read on. */
		ssh_peer_pump(e.peer);
		e.peer->broken = false;
		over(&e, ERR_DENIED, SSH_DISCONNECT_KEY_EXCHANGE_FAILED,
		    rows[i].text);
	}
}

/* An AEAD asks no MAC list. */
static void
aead_needs_no_mac(void **state)
{
	struct ssh_peer_algs a = {
		.cipher = "aes128-gcm@openssh.com", .mac = "hmac-md5"
	};
	struct engine e;

	(void)state;
	engine_init(&e);
	engine_start(&e, &a);
	ok_handshake(&e);
	engine_stop(&e);
}

static void
guesses(void **state)
{
	static const struct ssh_peer_algs rows[] = {
		/* right */
		{ .kex = "curve25519-sha256,ecdh-sha2-nistp256",
		  .follows = true },
		/* another first method than the server's, though known */
		{ .kex = "ecdh-sha2-nistp256,curve25519-sha256",
		  .follows = true },
		/* an unknown first method is sent as one that we know */
		{ .kex = "ecdh-sha2-nistp384,curve25519-sha256",
		  .host_key = "ecdsa-sha2-nistp256,ssh-ed25519",
		  .follows = true }
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct engine e;

		engine_init(&e);
		e.cfg.algorithms.kex = "curve25519-sha256,ecdh-sha2-nistp256,"
		    "ecdh-sha2-nistp384";
		engine_start(&e, &rows[i]);
		ok_handshake(&e);
		assert_int_equal(e.peer->choice.guess_right, i == 0);
		assert_true(ssh_peer_service(e.peer));
		assert_true(ssh_peer_rekey(e.peer));
		engine_stop(&e);
	}
}

/* Exactly one packet of a wrong guess is skipped: the third is one too much. */
static void
guess_skips_one(void **state)
{
	struct ssh_peer_algs a = {
		.kex = "ecdh-sha2-nistp256,curve25519-sha256",
		.follows = true, .no_strict = true
	};
	struct engine e;

	(void)state;
	engine_init(&e);
	e.cfg.algorithms.kex = "curve25519-sha256,ecdh-sha2-nistp256";
	engine_start(&e, &a);
	assert_true(ssh_peer_ident(e.peer));
	ssh_peer_kexinit(e.peer);	/* with the guess, a wrong one */
	queue_number(&e, SSH_MSG_KEX_INIT);	/* malformed, not skipped */
	ssh_peer_pump(e.peer);
	over(&e, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR, "malformed");
}

/* ---- strict KEX ---- */

static void
before_kexinit(uint8_t number, bool strict)
{
	struct ssh_peer_algs a = { .no_strict = !strict };
	struct engine e;

	engine_init(&e);
	engine_start(&e, &a);
	assert_true(ssh_peer_ident(e.peer));
	queue_ignore(&e, number);
	ssh_peer_kexinit(e.peer);
	ssh_peer_pump(e.peer);
	if (strict)
		over(&e, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "first packet");
	else {
		assert_int_equal(e.handshakes, 1);
		assert_false(e.handshake.strict);
		assert_true(ssh_peer_service(e.peer));
		assert_true(e.conn->rx.seq > 3);	/* never reset */
		engine_stop(&e);
	}
}

static void
strict_kexinit_is_first(void **state)
{
	(void)state;
	for (uint8_t n = SSH_MSG_IGNORE; n <= SSH_MSG_DEBUG; n++) {
		before_kexinit(n, true);
		before_kexinit(n, false);
	}
}

static void
strict_nothing_between(void **state)
{
	(void)state;
	for (uint8_t n = SSH_MSG_IGNORE; n <= SSH_MSG_EXT_INFO; n++) {
		struct engine e;

		engine_init(&e);
		engine_start(&e, NULL);
		assert_true(ssh_peer_ident(e.peer));
		ssh_peer_kexinit(e.peer);
		queue_ignore(&e, n);
		ssh_peer_pump(e.peer);
		over(&e, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "not allowed");
	}
}

/* The same between the reply and the client's NEWKEYS. */
static void
strict_nothing_before_newkeys(void **state)
{
	static const uint8_t numbers[] = {
		SSH_MSG_IGNORE, SSH_MSG_UNIMPLEMENTED, SSH_MSG_DEBUG,
		SSH_MSG_SERVICE_REQUEST, SSH_MSG_EXT_INFO,
		SSH_MSG_USERAUTH_REQUEST
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(numbers); i++) {
		uint8_t b[5] = { numbers[i % sizeof(numbers)] };
		struct engine e;

		engine_init(&e);
		engine_start(&e, NULL);
		if (i >= sizeof(numbers))	/* in a rekey */
			ok_handshake(&e);
		else
			assert_true(ssh_peer_ident(e.peer));
		e.peer->before_newkeys = view_of(b, sizeof(b));
		ssh_peer_kexinit(e.peer);
		ssh_peer_pump(e.peer);
		if (i >= sizeof(numbers) && b[0] <= SSH_MSG_DEBUG) {
			assert_int_equal(e.handshakes, 2);
			engine_stop(&e);
		} else
			over(&e, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
			    "not allowed");
	}
}

static void
strict_resets_numbers(void **state)
{
	struct engine e;

	(void)state;
	engine_init(&e);
	engine_start(&e, NULL);
	ok_handshake(&e);
	assert_int_equal(e.conn->rx.seq, 0);
	assert_int_equal(e.conn->tx.seq, 1);	/* EXT_INFO */
	assert_true(ssh_peer_service(e.peer));
	assert_int_equal(e.conn->rx.seq, 1);
	assert_true(ssh_peer_rekey(e.peer));
	assert_int_equal(e.conn->rx.seq, 0);
	assert_int_equal(e.conn->tx.seq, 0);
	engine_stop(&e);
}

/* The marker counts in the first KEXINIT alone. */
static void
strict_not_in_a_rekey(void **state)
{
	struct ssh_peer_algs a = { .no_strict = true };
	struct engine e;
	struct view i_s;

	(void)state;
	engine_init(&e);
	engine_start(&e, &a);
	ok_handshake(&e);
	e.peer->algs.kex = "kex-strict-c-v00@openssh.com,curve25519-sha256";
	assert_true(ssh_peer_rekey(e.peer));
	assert_false(e.conn->strict);
	assert_false(e.handshake.strict);
	assert_true(e.conn->rx.seq > 2);
	i_s = wr_view(&e.peer->i_s);
	for (size_t i = 0; i + 12 < i_s.n; i++) {
		assert_memory_not_equal(i_s.p + i, "kex-strict-s", 12);
		assert_memory_not_equal(i_s.p + i, "ext-info-s", 10);
	}
	engine_stop(&e);
}

/* ---- order ---- */

static void
kexinit_twice(void **state)
{
	struct engine e;
	struct wr copy = wr_new(1 << 20);

	(void)state;
	engine_init(&e);
	engine_start(&e, NULL);
	assert_true(ssh_peer_ident(e.peer));
	ssh_peer_kexinit(e.peer);
	wr_bytes(&copy, wr_view(&e.peer->i_c));
	ssh_peer_queue(e.peer, wr_view(&copy));
	ssh_peer_pump(e.peer);
	wr_free(&copy);
	over(&e, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR, "second kexinit");
}

static void
messages_out_of_order(void **state)
{
	static const uint8_t first[] = {
		SSH_MSG_KEX_INIT, SSH_MSG_NEWKEYS, SSH_MSG_KEX_REPLY, 22, 29,
		32, 33, 34, 49
	};
	struct ssh_peer_algs a = { .no_strict = true };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(first); i++) {
		struct engine e;

		engine_init(&e);
		engine_start(&e, &a);
		if (i >= sizeof(first))	/* after the exchange */
			ok_handshake(&e);
		else
			assert_true(ssh_peer_ident(e.peer));
		queue_number(&e, first[i % sizeof(first)]);
		ssh_peer_pump(e.peer);
		over(&e, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "not allowed");
	}
	/* NEWKEYS and a second 30 while ours are awaited */
	for (int i = 0; i < 2; i++) {
		struct engine e;

		engine_init(&e);
		engine_start(&e, &a);
		assert_true(ssh_peer_ident(e.peer));
		ssh_peer_kexinit(e.peer);
		queue_number(&e, i == 0 ? SSH_MSG_NEWKEYS : SSH_MSG_KEX_REPLY);
		ssh_peer_pump(e.peer);
		over(&e, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "not allowed");
	}
}

static void
bad_public_values(void **state)
{
	static const struct {
		const char *kex;
		size_t n;
		uint8_t fill;
	} rows[] = {
		{ "curve25519-sha256", 0, 0 },
		{ "curve25519-sha256", 31, 9 },
		{ "curve25519-sha256", 33, 9 },
		{ "curve25519-sha256", 32, 0 },
		{ "ecdh-sha2-nistp256", 65, 4 },
		{ "ecdh-sha2-nistp256", 1, 0 },
		{ "diffie-hellman-group14-sha256", 0, 0 },
		{ "diffie-hellman-group14-sha256", 1, 1 },
		{ "diffie-hellman-group14-sha256", 256, 0xff },
		{ "diffie-hellman-group14-sha256", 300, 0x11 }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ssh_peer_algs a = { .kex = rows[i].kex };
		struct engine e;
		uint8_t pub[300];
		struct wr w = wr_new(4096);

		engine_init(&e);
		engine_start(&e, &a);
		assert_true(ssh_peer_ident(e.peer));
		ssh_peer_kexinit(e.peer);
		memset(pub, rows[i].fill, sizeof(pub));
		wr_u8(&w, SSH_MSG_KEX_INIT);
		wr_str(&w, view_of(pub, rows[i].n));
		ssh_peer_queue(e.peer, wr_view(&w));
		wr_free(&w);
		ssh_peer_pump(e.peer);
		over(&e, ERR_PROTO, SSH_DISCONNECT_KEY_EXCHANGE_FAILED,
		    "public value");
	}
}

/* ---- lists ---- */

static void
kexinit_with(struct engine *e, struct view kex_list, const char *text)
{
	struct wr w = wr_new(1 << 20);
	uint8_t cookie[16] = { 0 };

	engine_init(e);
	engine_start(e, NULL);
	assert_true(ssh_peer_ident(e->peer));
	wr_u8(&w, SSH_MSG_KEXINIT);
	wr_bytes(&w, view_of(cookie, 16));
	wr_str(&w, kex_list);
	for (int i = 0; i < 9; i++)
		wr_cstr(&w, "none");
	wr_bool(&w, false);
	wr_u32(&w, 0);
	ssh_peer_send(e->peer, wr_view(&w));
	wr_free(&w);
	over(e, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR, text);
}

static void
lists_too_long(void **state)
{
	static char many[200000];
	struct engine e;
	size_t n = 0;

	(void)state;
	while (n < 20000)
		n += (size_t)snprintf(many + n, sizeof(many) - n, "alg%zu,",
		    n);
	kexinit_with(&e, view_of(many, 20000), "too long");
	kexinit_with(&e, view_of(many, 10000), "too long");	/* names */
	memset(many, ',', sizeof(many));
	kexinit_with(&e, view_of(many, sizeof(many)), "too long");
	kexinit_with(&e, view_of("a\0b", 3), "ASCII");
	kexinit_with(&e, view_str("a b"), "ASCII");
	kexinit_with(&e, view_str("\xc3\xa9"), "ASCII");
}

static void
truncated_kexinit(void **state)
{
	struct ssh_peer_algs a = { .no_strict = true };
	struct wr whole = wr_new(1 << 20);
	struct engine e;

	(void)state;
	engine_init(&e);
	engine_start(&e, NULL);
	ok_handshake(&e);
	wr_bytes(&whole, wr_view(&e.peer->i_c));
	engine_stop(&e);
	for (size_t n = 1; n < wr_size(&whole); n += n < 40 ? 1 : 61) {
		engine_init(&e);
		engine_start(&e, &a);
		assert_true(ssh_peer_ident(e.peer));
		ssh_peer_send(e.peer, view_of(whole.base, n));
		over(&e, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
		    "malformed");
	}
	wr_free(&whole);
}

/* ---- EXT_INFO ---- */

static void
ext_info(void **state)
{
	struct ssh_peer_algs a = { .no_ext_info = true };
	struct engine e;
	struct view v;
	struct rd r;

	(void)state;
	engine_init(&e);
	engine_start(&e, NULL);
	ok_handshake(&e);
	assert_true(ssh_peer_recv(e.peer, &v));
	r = rd_of(v);
	assert_int_equal(rd_u8(&r), SSH_MSG_EXT_INFO);
	assert_int_equal(rd_u32(&r), 4);
	assert_true(view_is(rd_str(&r), "server-sig-algs"));
	assert_true(view_is(rd_str(&r), ssh_sigalg_list()));
	assert_true(view_is(rd_str(&r), "publickey-hostbound@openssh.com"));
	assert_true(view_is(rd_str(&r), "0"));
	assert_true(view_is(rd_str(&r), "ping@openssh.com"));
	assert_true(view_is(rd_str(&r), "0"));
	assert_true(view_is(rd_str(&r), "agent-forward"));
	assert_true(view_is(rd_str(&r), "0"));
	assert_true(rd_done(&r));
	assert_true(ssh_peer_rekey(e.peer));
	assert_false(ssh_peer_recv(e.peer, &v));
	engine_stop(&e);
	engine_init(&e);
	engine_start(&e, &a);
	ok_handshake(&e);
	assert_false(ssh_peer_recv(e.peer, &v));
	engine_stop(&e);
}

static void
client_ext_info(void **state)
{
	static const uint8_t bad[] = { SSH_MSG_EXT_INFO, 0, 0, 0, 9 };
	struct engine e;
	struct wr w = wr_new(100);

	(void)state;
	wr_u8(&w, SSH_MSG_EXT_INFO);
	wr_u32(&w, 1);
	wr_cstr(&w, "ext-info-in-auth@openssh.com");
	wr_cstr(&w, "0");
	engine_init(&e);
	engine_start(&e, NULL);
	ok_handshake(&e);
	/* asked for in the first KEXINIT */
	assert_non_null(memmem(wr_view(&e.peer->i_s).p,
	    wr_view(&e.peer->i_s).n, ",ext-info-s,", 12));
	assert_false(e.conn->ext_info_auth);
	ssh_peer_send(e.peer, wr_view(&w));
	assert_true(e.conn->ext_info_auth);
	assert_int_equal(e.ends, 0);
	/* At another place it says nothing, not even malformed. */
	ssh_peer_send(e.peer, view_of(bad, sizeof(bad)));
	assert_int_equal(e.ends, 0);
	assert_true(ssh_peer_service(e.peer));
	engine_stop(&e);
	wr_free(&w);
	engine_init(&e);
	engine_start(&e, NULL);
	ok_handshake(&e);
	ssh_peer_send(e.peer, view_of(bad, sizeof(bad)));
	over(&e, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR, "ext-info");
}

/* ---- signing elsewhere ---- */

static void
public_half(struct engine *e, struct ssh_key **pub)
{
	assert_int_equal(ssh_key_parse_blob(ssh_key_blob(e->keys[0]), pub),
	    OK);
	e->key_list[0] = *pub;
}

static void
sign_later(void **state)
{
	struct ssh_key *pub;
	struct wr sig = wr_new(4096);
	struct engine e;

	(void)state;
	engine_init(&e);
	public_half(&e, &pub);
	engine_start(&e, NULL);
	assert_true(ssh_peer_ident(e.peer));
	ssh_peer_kexinit(e.peer);
	ssh_peer_pump(e.peer);
	assert_int_equal(e.signs, 1);
	assert_int_equal(e.sign_key, 0);
	assert_string_equal(e.sign_alg, "ssh-ed25519");
	assert_int_equal(e.handshakes, 0);
	assert_int_equal(ssh_key_sign(e.keys[0], view_str(e.sign_alg),
	    view_of(e.sign_hash, e.sign_hash_len), &sig), OK);
	assert_true(ssh_conn_signed(e.conn, wr_view(&sig), e.now));
	assert_false(ssh_conn_signed(e.conn, wr_view(&sig), e.now));
	ssh_peer_pump(e.peer);
	assert_int_equal(e.handshakes, 1);
	assert_memory_equal(e.sign_hash, e.peer->session_id,
	    e.sign_hash_len);
	assert_true(ssh_peer_service(e.peer));
	wr_free(&sig);
	engine_stop(&e);
	ssh_key_free(&pub);
}

static void
sign_inside_of_the_event(void **state)
{
	struct ssh_key *pub;
	struct engine e;

	(void)state;
	engine_init(&e);
	public_half(&e, &pub);
	e.sign_inside = true;
	engine_start(&e, NULL);
	ok_handshake(&e);
	assert_true(ssh_peer_rekey(e.peer));
	assert_int_equal(e.signs, 2);
	engine_stop(&e);
	ssh_key_free(&pub);
}

static void
sign_refused(void **state)
{
	struct ssh_key *pub;
	struct engine e;

	(void)state;
	engine_init(&e);
	public_half(&e, &pub);
	engine_start(&e, NULL);
	assert_true(ssh_peer_ident(e.peer));
	assert_false(ssh_conn_signed(e.conn, view_str("x"), e.now));
	ssh_peer_kexinit(e.peer);
	ssh_peer_pump(e.peer);
	assert_int_equal(e.signs, 1);
	assert_false(ssh_conn_signed(e.conn, view_of(NULL, 0), e.now));
	over(&e, ERR_CRYPTO, SSH_DISCONNECT_KEY_EXCHANGE_FAILED, "sign");
	ssh_key_free(&pub);
	/* nobody listens */
	engine_init(&e);
	public_half(&e, &pub);
	e.ev.sign = NULL;
	engine_start(&e, NULL);
	assert_true(ssh_peer_ident(e.peer));
	ssh_peer_kexinit(e.peer);
	ssh_peer_pump(e.peer);
	over(&e, ERR_CRYPTO, SSH_DISCONNECT_KEY_EXCHANGE_FAILED, "sign");
	ssh_key_free(&pub);
}

/* NEWKEYS of a client that does not wait for the signature. */
static void
newkeys_before_signature(void **state)
{
	struct ssh_key *pub;
	struct engine e;

	(void)state;
	engine_init(&e);
	public_half(&e, &pub);
	engine_start(&e, NULL);
	assert_true(ssh_peer_ident(e.peer));
	ssh_peer_kexinit(e.peer);
	ssh_peer_pump(e.peer);
	assert_int_equal(e.signs, 1);
	queue_number(&e, SSH_MSG_NEWKEYS);
	ssh_peer_pump(e.peer);
	over(&e, ERR_PROTO, SSH_DISCONNECT_PROTOCOL_ERROR, "newkeys");
	ssh_key_free(&pub);
}

/* ---- rekeying ---- */

static void
rekey_by_server(void **state)
{
	struct ssh_peer_algs a = { .no_strict = true };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct engine e;

		engine_init(&e);
		engine_start(&e, i == 0 ? NULL : &a);
		assert_false(ssh_conn_rekey(e.conn));	/* too early */
		ok_handshake(&e);
		for (unsigned n = 2; n < 6; n++) {
			assert_true(ssh_conn_rekey(e.conn));
			assert_true(ssh_conn_rekey(e.conn));	/* one */
			ssh_peer_pump(e.peer);
			assert_int_equal(e.handshakes, n);
			assert_int_equal(e.rekeys, n - 1);
			assert_true(e.handshake.rekey);
			assert_int_equal(e.handshake.number, n);
		}
		assert_true(ssh_peer_service(e.peer));
		engine_stop(&e);
	}
}

/* Both begin: the two KEXINIT cross. */
static void
rekey_crossing(void **state)
{
	struct engine e;

	(void)state;
	engine_init(&e);
	engine_start(&e, NULL);
	ok_handshake(&e);
	assert_true(ssh_conn_rekey(e.conn));
	assert_true(ssh_peer_rekey(e.peer));
	assert_int_equal(e.handshakes, 2);
	assert_int_equal(e.rekeys, 1);
	assert_true(ssh_peer_service(e.peer));
	engine_stop(&e);
}

static void
rekey_limits(void **state)
{
	struct engine e;

	(void)state;
	engine_init(&e);
	e.cfg.rekey_packets = 10;
	engine_start(&e, NULL);
	assert_true(engine_login(&e));
	for (int i = 0; i < 100; i++) {
		queue_ignore(&e, SSH_MSG_IGNORE);
		ssh_peer_pump(e.peer);
	}
	assert_false(e.peer->broken);
	assert_in_range(e.handshakes, 10, 13);
	engine_stop(&e);

	engine_init(&e);
	e.cfg.rekey_bytes = 3000;
	engine_start(&e, NULL);
	assert_true(engine_login(&e));
	for (int i = 0; i < 1000; i++) {
		queue_ignore(&e, SSH_MSG_IGNORE);
		ssh_peer_pump(e.peer);
	}
	assert_false(e.peer->broken);
	assert_in_range(e.handshakes, 8, 20);
	engine_stop(&e);

	engine_init(&e);
	e.cfg.rekey_time_ms = 5000;
	engine_start(&e, NULL);
	assert_true(engine_login(&e));
	assert_int_equal(ssh_conn_tick(e.conn, e.now), e.now + 5000);
	(void)ssh_conn_tick(e.conn, e.now + 4999);
	assert_false(kex_running(e.conn));
	(void)ssh_conn_tick(e.conn, e.now + 5000);
	assert_true(kex_running(e.conn));
	ssh_peer_pump(e.peer);
	assert_int_equal(e.handshakes, 2);
	assert_int_equal(ssh_conn_tick(e.conn, e.now), e.now + 10000);
	engine_stop(&e);
}

/* ---- the clock ---- */

static void
deadlines(void **state)
{
	struct engine e;

	(void)state;
	engine_init(&e);
	engine_start(&e, NULL);
	ok_handshake(&e);
	assert_true(ssh_conn_rekey(e.conn));
	assert_int_equal(ssh_conn_tick(e.conn, e.now + 59999), e.now + 60000);
	assert_int_equal(e.ends, 0);
	(void)ssh_conn_tick(e.conn, e.now + 60000);
	over(&e, ERR_LIMIT, SSH_DISCONNECT_KEY_EXCHANGE_FAILED, "60 seconds");
}

/* ---- the server's preference ---- */

static void
waits_for_kexinit(void **state)
{
	struct ssh_peer_algs a = {
		.cipher = "chacha20-poly1305@openssh.com,aes128-ctr,"
		    "aes128-gcm@openssh.com"
	};
	struct engine e;

	(void)state;
	engine_init(&e);
	e.cfg.wait_for_kexinit = true;
	engine_start(&e, &a);
	ok_handshake(&e);
	assert_string_equal(e.handshake.cipher_in, crypto_has_aes() ?
	    "aes128-gcm@openssh.com" : "chacha20-poly1305@openssh.com");
	assert_true(ssh_conn_rekey(e.conn));
	ssh_peer_pump(e.peer);
	assert_int_equal(e.handshakes, 2);
	assert_string_equal(e.handshake.cipher_out, crypto_has_aes() ?
	    "aes128-gcm@openssh.com" : "chacha20-poly1305@openssh.com");
	engine_stop(&e);
	/* a client that waits too */
	engine_init(&e);
	e.cfg.wait_for_kexinit = true;
	engine_start(&e, &a);
	assert_true(ssh_peer_ident(e.peer));
	assert_int_equal(ssh_conn_out(e.conn).n, 0);
	assert_int_equal(ssh_conn_tick(e.conn, e.now), e.now + 300);
	(void)ssh_conn_tick(e.conn, e.now + 299);
	assert_int_equal(ssh_conn_out(e.conn).n, 0);
	(void)ssh_conn_tick(e.conn, e.now + 300);
	assert_int_not_equal(ssh_conn_out(e.conn).n, 0);
	ssh_peer_pump(e.peer);
	assert_int_equal(e.handshakes, 1);
	assert_string_equal(e.handshake.cipher_in,
	    "chacha20-poly1305@openssh.com");
	engine_stop(&e);
}

static void
prefers(const char *ours, const char *client, bool gcm, const char *want)
{
	struct wr w = wr_new(4096);
	bool found = kex_prefer_cipher(view_str(ours), view_str(client), gcm,
	    &w);

	assert_int_equal(found, want != NULL);
	if (want != NULL)
		assert_true(view_is(wr_view(&w), want));
	wr_free(&w);
}

static void
preference(void **state)
{
	(void)state;
	prefers("a,b,c", "c,b,a", false, "a");
	prefers("a,b,c", "b,a,c", false, "a,c");
	prefers("a,b,c", "x,y", false, NULL);
	prefers("chacha20-poly1305@openssh.com,aes128-gcm@openssh.com,x",
	    "aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,x", true,
	    "aes128-gcm@openssh.com,x");
	prefers("chacha20-poly1305@openssh.com,x",
	    "x,chacha20-poly1305@openssh.com", true,
	    "chacha20-poly1305@openssh.com");
}

/* ---- hashes, spelled out ---- */

static void
hash_covers_all(void **state)
{
	static const uint8_t high[] = { 0x81, 2, 3 };
	struct kex_hash in = {
		.v_c = view_str("SSH-2.0-c"), .v_s = view_str("SSH-2.0-s"),
		.i_c = view_str("kexinit c"), .i_s = view_str("kexinit s"),
		.k_s = view_str("host key"),
		.pub_c = view_of(high, 3), .pub_s = view_of(high + 1, 2),
		.k = view_str("K as it is hashed")
	};
	uint8_t got[HASH_MAX], want[HASH_MAX];

	(void)state;
	for (int mpint = 0; mpint < 2; mpint++) {
		struct wr w = wr_new(4096);

		wr_str(&w, in.v_c);
		wr_str(&w, in.v_s);
		wr_str(&w, in.i_c);
		wr_str(&w, in.i_s);
		wr_str(&w, in.k_s);
		if (mpint) {
			wr_mpint(&w, in.pub_c);
			wr_mpint(&w, in.pub_s);
		} else {
			wr_str(&w, in.pub_c);
			wr_str(&w, in.pub_s);
		}
		wr_bytes(&w, in.k);
		in.pub_is_mpint = mpint != 0;
		assert_true(hash_once(HASH_SHA512, wr_view(&w), want));
		assert_true(kex_hash(HASH_SHA512, &in, got));
		assert_memory_equal(got, want, 64);
		wr_free(&w);
	}
}

/* RFC 4253 7.2 */
static void
derivation(void **state)
{
	struct view k = view_str("kk"), h = view_str("hh"),
	    sid = view_str("session");
	uint8_t got[KEX_DERIVE_MAX], k1[HASH_MAX], k2[HASH_MAX],
	    k3[HASH_MAX];
	struct wr w = wr_new(4096);

	(void)state;
	wr_bytes(&w, view_str("kkhhCsession"));
	assert_true(hash_once(HASH_SHA256, wr_view(&w), k1));
	wr_reset(&w);
	wr_bytes(&w, view_str("kkhh"));
	wr_bytes(&w, view_of(k1, 32));
	assert_true(hash_once(HASH_SHA256, wr_view(&w), k2));
	wr_bytes(&w, view_of(k2, 32));
	assert_true(hash_once(HASH_SHA256, wr_view(&w), k3));
	wr_free(&w);
	assert_true(kex_derive(HASH_SHA256, k, h, sid, 'C', got, 70));
	assert_memory_equal(got, k1, 32);
	assert_memory_equal(got + 32, k2, 32);
	assert_memory_equal(got + 64, k3, 6);
	assert_true(kex_derive(HASH_SHA256, k, h, sid, 'C', got, 0));
	assert_false(kex_derive(HASH_SHA256, k, h, sid, 'C', got,
	    KEX_DERIVE_MAX + 1));
}

static void
settings_refused(void **state)
{
	static const struct {
		struct ssh_algorithms a;
		const char *why;
	} rows[] = {
		{ { .kex = "curve25519-sha256,nonsense" }, "algorithms.kex" },
		{ { .host_key = "ssh-dss" }, "algorithms.host_key" },
		{ { .host_key = "rsa-sha2-256" }, "algorithms.host_key" },
		{ { .cipher = "aes128-cbc" }, "algorithms.cipher" },
		{ { .cipher = "aes128-ctr," }, "algorithms.cipher" },
		{ { .cipher = ",aes128-ctr" }, "algorithms.cipher" },
		{ { .mac = "hmac-md5" }, "algorithms.mac" },
		{ { .compression = "zip" }, "algorithms.compression" }
	};
	struct engine e;
	const char *why;

	(void)state;
	engine_init(&e);
	e.cfg.host_keys = e.key_list;
	assert_null(ssh_server_new(&e.cfg, &e.ev, &e, &why));
	assert_string_equal(why, "host_keys");
	e.cfg.nhost_keys = 1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		e.cfg.algorithms = rows[i].a;
		assert_null(ssh_server_new(&e.cfg, &e.ev, &e, &why));
		assert_string_equal(why, rows[i].why);
	}
	memset(&e.cfg.algorithms, 0, sizeof(e.cfg.algorithms));
	e.cfg.channels = SSH_MAX_CHANNELS + 1;
	assert_null(ssh_server_new(&e.cfg, &e.ev, &e, &why));
	assert_string_equal(why, "channels");
	assert_true(view_is(ssh_algorithms_unknown("kex",
	    view_str("curve25519-sha256,foo,bar")), "foo"));
	assert_int_equal(ssh_algorithms_unknown("mac",
	    view_str("hmac-sha2-256")).n, 0);
	engine_stop(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_combination),
		cmocka_unit_test(every_host_key),
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(nothing_in_common),
		cmocka_unit_test(aead_needs_no_mac),
		cmocka_unit_test(guesses),
		cmocka_unit_test(guess_skips_one),
		cmocka_unit_test(strict_kexinit_is_first),
		cmocka_unit_test(strict_nothing_between),
		cmocka_unit_test(strict_nothing_before_newkeys),
		cmocka_unit_test(strict_resets_numbers),
		cmocka_unit_test(strict_not_in_a_rekey),
		cmocka_unit_test(kexinit_twice),
		cmocka_unit_test(messages_out_of_order),
		cmocka_unit_test(bad_public_values),
		cmocka_unit_test(lists_too_long),
		cmocka_unit_test(truncated_kexinit),
		cmocka_unit_test(ext_info),
		cmocka_unit_test(client_ext_info),
		cmocka_unit_test(sign_later),
		cmocka_unit_test(sign_inside_of_the_event),
		cmocka_unit_test(sign_refused),
		cmocka_unit_test(newkeys_before_signature),
		cmocka_unit_test(rekey_by_server),
		cmocka_unit_test(rekey_crossing),
		cmocka_unit_test(rekey_limits),
		cmocka_unit_test(deadlines),
		cmocka_unit_test(waits_for_kexinit),
		cmocka_unit_test(preference),
		cmocka_unit_test(hash_covers_all),
		cmocka_unit_test(derivation),
		cmocka_unit_test(settings_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
