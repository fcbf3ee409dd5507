/* Codes from a clock: who is asked for one, which count, each only once; and
 * that a wrong answer says nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/records.h"
#include "base/otp.h"
#include "tests/unit/auth_peer.h"

#define KBD	(1u << AUTH_KBDINT)
#define SECRET	"12345678901234567890"
#define BASE32	"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
#define STEP	((uint64_t)NOW / 30)

static char right[CRYPT_OUTPUT_SIZE];	/* hash of "right", cheap */
static char recovery[3][CRYPT_OUTPUT_SIZE]; /* of "1-one", "2-two", ... */
static struct view recovery_list[3];
static struct ssh_key *ed;

static int
hash_of(const char *text, char out[CRYPT_OUTPUT_SIZE])
{
	struct crypt_data d = { 0 };
	const char *h = crypt_r(text, "$5$rounds=1000$salt", &d);

	if (h == NULL || strlen(h) >= CRYPT_OUTPUT_SIZE)
		return -1;
	memcpy(out, h, strlen(h) + 1);
	return 0;
}

static int
make_secrets(void **state)
{
	static const char *const codes[] = { "1-one", "2-two", "3-three" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		if (hash_of(codes[i], recovery[i]) != 0)
			return -1;
		recovery_list[i] = view_str(recovery[i]);
	}
	ed = ssh_key_generate("ed25519", 256);
	return ed != NULL ? hash_of("right", right) : -1;
}

static int
free_secrets(void **state)
{
	(void)state;
	ssh_key_free(&ed);
	return 0;
}

/* ---- a user with a clock ---- */

static void
init(struct world *w, struct fake_store *s, const char *chains)
{
	world_init(w, chains);
	fake_store_init(s);
	w->policy.password = view_str(right);
	w->policy.totp = (struct policy_totp){
		.secret = view_str(SECRET), .digits = 6, .drift = 1,
		.period = 30, .recovery = { recovery_list, 3 },
	};
	w->start.store = &s->ops;
	w->start.asks_code = true;
}

/* A connection of its own; exists: is there such a user? */
static void
start(struct world *w, bool exists, int64_t now)
{
	world_start(w, "acme", exists);
	auth_free(&w->a);
	w->start.methods_first |= KBD;
	w->start.now = now;
	w->a = auth_new(&w->start);
	assert_non_null(w->a);
}

static void
done(struct world *w, struct fake_store *s)
{
	world_free(w);
	fake_store_free(s);
}

static const char *
code_at(uint64_t step)
{
	const struct otp o = { view_str(SECRET), HASH_SHA1, 6, 30 };
	static char code[8][OTP_DIGITS_MAX + 1];
	static unsigned at;

	at = (at + 1) % 8;
	assert_true(otp_code(&o, step, code[at]));
	return code[at];
}

static enum auth_verdict
answer(struct world *w, const char *text, struct auth_answer *out)
{
	struct view v = view_str(text);

	return world_send(w, req_answers(&v, 1), out);
}

static void
asked(const struct world *w, const char *prompt)
{
	struct rd r = rd_of(w->asked);

	for (int i = 0; i < 3; i++)
		assert_int_equal(rd_str(&r).n, 0);
	assert_int_equal(rd_u32(&r), 1);
	assert_true(view_is(rd_str(&r), prompt));
	assert_false(rd_bool(&r));
	assert_true(rd_done(&r));
}

/* The whole dialogue on the open connection. */
static enum auth_verdict
login(struct world *w, const char *password, const char *code,
    struct auth_answer *out)
{
	assert_int_equal(world_send(w, req_kbdint("acme", ""), out),
	    VERDICT_PROMPT);
	asked(w, "Password: ");
	assert_int_equal(out->not_before_ms, 0);
	assert_int_equal(answer(w, password, out), VERDICT_PROMPT);
	asked(w, "Verification code: ");
	assert_true(out->not_before_ms >= 250);
	assert_false(out->counted);
	return answer(w, code, out);
}

static void
refused(struct world *w, const char *password, const char *code,
    const char *why)
{
	struct auth_answer out;

	assert_int_equal(login(w, password, code, &out), VERDICT_FAILURE);
	assert_string_equal(out.reason, why);
	assert_true(out.counted);
	assert_false(out.abandoned);
	assert_true(out.not_before_ms >= 250);
	assert_int_equal(w->notice[0], '\0');
}

static void
accepted(struct world *w, const char *password, const char *code)
{
	struct auth_answer out;

	assert_int_equal(login(w, password, code, &out), VERDICT_SUCCESS);
	assert_string_equal(out.reason, "");
}

/* ---- once ---- */

static void
test_once(void **state)
{
	struct fake_store s;
	struct world w;

	(void)state;
	init(&w, &s, "keyboard-interactive");
	start(&w, true, NOW);
	accepted(&w, "right", code_at(STEP));
	assert_int_equal(s.writes, 1);
	/* not again, not an older one; also not on the same connection */
	start(&w, true, NOW);
	refused(&w, "right", code_at(STEP),
	    "verification code has been used before");
	refused(&w, "right", code_at(STEP - 1),
	    "verification code has been used before");
	assert_int_equal(s.writes, 1);
	accepted(&w, "right", code_at(STEP + 1));
	/* ... whatever the clock does */
	start(&w, true, NOW - 3000);
	refused(&w, "right", code_at(STEP - 100),
	    "verification code has been used before");
	start(&w, true, NOW + 60);
	accepted(&w, "right", code_at(STEP + 2));
	assert_int_equal(s.writes, 3);
	done(&w, &s);
}

static void
test_drift(void **state)
{
	struct fake_store s;
	struct world w;

	(void)state;
	init(&w, &s, "keyboard-interactive");
	start(&w, true, NOW);
	refused(&w, "right", code_at(STEP - 2), "verification code is wrong");
	refused(&w, "right", code_at(STEP + 2), "verification code is wrong");
	accepted(&w, "right", code_at(STEP - 1));
	w.policy.totp.drift = 0;
	start(&w, true, NOW);
	refused(&w, "right", code_at(STEP + 1), "verification code is wrong");
	accepted(&w, "right", code_at(STEP));
	w.policy.totp.drift = 10;
	start(&w, true, NOW);
	accepted(&w, "right", code_at(STEP + 10));
	done(&w, &s);
}

static void
test_forms(void **state)
{
	struct otp o = { view_str(SECRET), HASH_SHA512, 8, 60 };
	char code[OTP_DIGITS_MAX + 1], grouped[16], long_code[200];
	struct fake_store s;
	struct world w;

	(void)state;
	init(&w, &s, "keyboard-interactive");
	start(&w, true, NOW);
	memset(long_code, '1', sizeof(long_code));
	long_code[sizeof(long_code) - 1] = '\0';
	refused(&w, "right", long_code, "verification code is wrong");
	refused(&w, "right", "", "verification code is wrong");
	refused(&w, "right", "   ", "verification code is wrong");
	refused(&w, "right", "-", "verification code is wrong");
	memcpy(code, code_at(STEP), 7);
	snprintf(grouped, sizeof(grouped), " %.3s %s ", code, code + 3);
	accepted(&w, "right", grouped);
	w.policy.totp.digits = 8;
	w.policy.totp.hash = 2;
	w.policy.totp.period = 60;
	assert_true(otp_code(&o, NOW / 60, code));
	/* the step counts in other units now: the record is of another clock */
	fake_store_set(&s, RECORD_TOTP, view_of("", 0));
	start(&w, true, NOW);
	accepted(&w, "right", code);
	done(&w, &s);
}

/* ---- whose answers say what ---- */

static void
test_alike(void **state)
{
	struct auth_work first = { 0 }, work;
	struct fake_store s;
	struct world w;

	(void)state;
	for (int who = 0; who < 5; who++) {
		init(&w, &s, "keyboard-interactive");
		if (who == 1)		/* has no code */
			w.policy.totp = (struct policy_totp){ 0 };
		if (who == 2) {		/* may not come from here */
			w.policy.from.n = 1;
			w.from[0] = view_str("192.0.2.0/24");
		}
		if (who == 3)		/* must come otherwise */
			w.chains[0].method[0] = AUTH_PUBLICKEY;
		start(&w, who != 4, NOW);
		refused(&w, "wrong", code_at(STEP),
		    who == 2 ? "source address is not allowed" :
		    who == 3 ? "method is not allowed for this user" :
		    who == 4 ? "no such user" : "password is wrong");
		assert_int_equal(s.writes, 0);
		assert_int_equal(s.locks, 0);
		work = *auth_work(w.a);
		assert_int_equal(work.hashes, 1);
		if (who == 0)
			first = work;
		assert_memory_equal(&work, &first, sizeof(work));
		/* a recovery code costs one hash, whoever it is */
		refused(&w, "wrong", "2-two",
		    who == 2 ? "source address is not allowed" :
		    who == 3 ? "method is not allowed for this user" :
		    who == 4 ? "no such user" : "password is wrong");
		assert_int_equal(auth_work(w.a)->hashes, 3);
		refused(&w, "wrong", "9-nine",
		    who == 2 ? "source address is not allowed" :
		    who == 3 ? "method is not allowed for this user" :
		    who == 4 ? "no such user" : "password is wrong");
		assert_int_equal(auth_work(w.a)->hashes, 5);
		assert_int_equal(s.locks, 0);
		/* the right password of who must not log in says nothing */
		if (who == 2 || who == 3)
			refused(&w, "right", code_at(STEP), who == 2 ?
			    "source address is not allowed" :
			    "method is not allowed for this user");
		assert_int_equal(s.locks, 0);
		done(&w, &s);
	}
}

/* Nobody else is asked where nobody begins with a code. */
static void
test_no_codes_here(void **state)
{
	struct auth_answer out;
	struct fake_store s;
	struct world w;

	(void)state;
	init(&w, &s, "keyboard-interactive");
	w.policy.totp = (struct policy_totp){ 0 };
	w.start.asks_code = false;
	for (int exists = 0; exists < 2; exists++) {
		start(&w, exists == 1, NOW);
		world_send(&w, req_kbdint("acme", ""), &out);
		assert_int_equal(answer(&w, "wrong", &out), VERDICT_FAILURE);
	}
	/* who has none needs none, also where others do */
	w.start.asks_code = true;
	start(&w, true, NOW);
	world_send(&w, req_kbdint("acme", ""), &out);
	assert_int_equal(answer(&w, "right", &out), VERDICT_SUCCESS);
	done(&w, &s);
}

static void
test_wrong_password_uses_nothing_up(void **state)
{
	struct fake_store s;
	struct world w;

	(void)state;
	init(&w, &s, "keyboard-interactive");
	start(&w, true, NOW);
	refused(&w, "wrong", code_at(STEP), "password is wrong");
	refused(&w, "wrong", "1-one", "password is wrong");
	refused(&w, "", code_at(STEP), "empty password");
	assert_int_equal(s.locks, 0);
	accepted(&w, "right", code_at(STEP));
	start(&w, true, NOW);
	accepted(&w, "right", "1-one");
	done(&w, &s);
}

/* ---- what has been proved before ---- */

static void
test_code_alone(void **state)
{
	static const struct forged honest;
	struct auth_answer out;
	struct fake_store s;
	struct world w;

	(void)state;
	for (int key = 0; key < 2; key++) {
		init(&w, &s, key ? "publickey+keyboard-interactive" :
		    "password+keyboard-interactive");
		world_key(&w, "", ed);
		start(&w, true, NOW);
		assert_int_equal(world_send(&w, key ? req_signed("acme", ed,
		    "ssh-ed25519", &honest) : req_password("acme",
		    view_str("right")), &out), VERDICT_PARTIAL);
		assert_int_equal(out.methods, KBD);
		assert_int_equal(world_send(&w, req_kbdint("acme", ""), &out),
		    VERDICT_PROMPT);
		asked(&w, "Verification code: ");
		assert_int_equal(answer(&w, "000000", &out), VERDICT_FAILURE);
		assert_string_equal(out.reason, "verification code is wrong");
		world_send(&w, req_kbdint("acme", ""), &out);
		assert_int_equal(answer(&w, code_at(STEP), &out),
		    VERDICT_SUCCESS);
		done(&w, &s);
	}
	/* a password may stand behind the code */
	init(&w, &s, "publickey+keyboard-interactive+password");
	world_key(&w, "", ed);
	w.policy.password = view_str(right);
	start(&w, true, NOW);
	world_send(&w, req_signed("acme", ed, "ssh-ed25519", &honest), &out);
	world_send(&w, req_kbdint("acme", ""), &out);
	assert_int_equal(answer(&w, code_at(STEP), &out), VERDICT_PARTIAL);
	assert_int_equal(out.methods, 1u << AUTH_PASSWORD);
	assert_int_equal(world_send(&w, req_password("acme",
	    view_str("right")), &out), VERDICT_SUCCESS);
	done(&w, &s);
}

/* A host's word is not the user's: both are asked for behind it. */
static void
test_behind_a_host(void **state)
{
	struct auth_answer out;
	struct fake_store s;
	struct world w;

	(void)state;
	init(&w, &s, "keyboard-interactive");
	for (int password = 0; password < 2; password++) {
		start(&w, true, NOW);
		w.a->partial = true;
		w.a->proved = 1u << AUTH_HOSTBASED;
		w.policy.password.n = password ? strlen(right) : 0;
		world_send(&w, req_kbdint("acme", ""), &out);
		asked(&w, password ? "Password: " : "Verification code: ");
	}
	done(&w, &s);
}

/* No repetition of a method and no question left alone shortens a login. */
static void
test_no_short_cut(void **state)
{
	struct auth_answer out;
	struct fake_store s;
	struct world w;

	(void)state;
	init(&w, &s, "keyboard-interactive");
	start(&w, true, NOW);
	/* the right password, then the dialogue anew: the password again */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(world_send(&w, req_kbdint("acme", ""), &out),
		    VERDICT_PROMPT);
		asked(&w, "Password: ");
		assert_int_equal(out.abandoned, i != 0);
		assert_int_equal(answer(&w, "right", &out), VERDICT_PROMPT);
		asked(&w, "Verification code: ");
	}
	/* ... a code where the password is asked for */
	world_send(&w, req_kbdint("acme", ""), &out);
	assert_int_equal(answer(&w, code_at(STEP), &out), VERDICT_PROMPT);
	assert_int_equal(answer(&w, code_at(STEP), &out), VERDICT_FAILURE);
	/* ... the password by its own method is no step of this chain */
	assert_int_equal(world_send(&w, req_password("acme",
	    view_str("right")), &out), VERDICT_FAILURE);
	world_send(&w, req_kbdint("acme", ""), &out);
	asked(&w, "Password: ");
	/* ... nor does another method in between leave a question open */
	assert_int_equal(answer(&w, "right", &out), VERDICT_PROMPT);
	world_send(&w, req_plain("acme", "ssh-connection", "none"), &out);
	assert_true(out.abandoned);
	assert_int_equal(answer(&w, code_at(STEP), &out), VERDICT_DISCONNECT);
	assert_int_equal(s.writes, 0);
	done(&w, &s);
}

/* ---- guessing ---- */

static void
test_guessing(void **state)
{
	struct fake_store s;
	struct world w;

	(void)state;
	init(&w, &s, "keyboard-interactive");
	for (int i = 0; i < 20; i++) {	/* strangers bar nobody */
		start(&w, true, NOW);
		refused(&w, "wrong", "000000", "password is wrong");
	}
	for (int i = 0; i < 10; i++) {
		start(&w, true, NOW + i);
		refused(&w, "right", i % 2 ? "000000" : "1-",
		    "verification code is wrong");
	}
	start(&w, true, NOW + 299);
	refused(&w, "right", code_at((NOW + 299) / 30),
	    "too many wrong verification codes");
	refused(&w, "right", "1-one", "too many wrong verification codes");
	refused(&w, "right", "000000", "too many wrong verification codes");
	start(&w, true, NOW + 300);
	accepted(&w, "right", code_at((NOW + 300) / 30));
	/* a good one forgives those before; so does a clock set back */
	for (int i = 0; i < 9; i++) {
		start(&w, true, NOW + 400);
		refused(&w, "right", "000000", "verification code is wrong");
	}
	accepted(&w, "right", code_at((NOW + 400) / 30));
	for (int i = 0; i < 10; i++) {
		start(&w, true, NOW + 500);
		refused(&w, "right", "000000", "verification code is wrong");
	}
	start(&w, true, NOW - 1000);
	refused(&w, "right", "000000", "verification code is wrong");
	done(&w, &s);
}

/* ---- recovery codes ---- */

static void
test_recovery(void **state)
{
	struct view other[2] = { recovery_list[2], recovery_list[0] };
	struct fake_store s;
	struct world w;

	(void)state;
	init(&w, &s, "keyboard-interactive");
	start(&w, true, NOW);
	refused(&w, "right", "1-two", "verification code is wrong");
	refused(&w, "right", "2-one", "verification code is wrong");
	refused(&w, "right", "4-four", "verification code is wrong");
	refused(&w, "right", "0-zero", "verification code is wrong");
	refused(&w, "right", "one", "verification code is wrong");
	accepted(&w, "right", "2-two");
	assert_string_equal(w.notice,
	    "A recovery code has been used up; 2 are left.\r\n");
	start(&w, true, NOW);
	refused(&w, "right", "2-two", "recovery code has been used before");
	accepted(&w, "right", " 1-one ");
	assert_string_equal(w.notice,
	    "A recovery code has been used up; 1 is left.\r\n");
	start(&w, true, NOW);
	accepted(&w, "right", "3-three");
	/* the clock goes on as before, and the codes stay used */
	start(&w, true, NOW);
	accepted(&w, "right", code_at(STEP));
	start(&w, true, NOW);
	refused(&w, "right", "1-one", "recovery code has been used before");
	/* a hash is known by itself, not by its place */
	w.policy.totp.recovery = (struct view_list){ other, 2 };
	assert_int_equal(hash_of("2-three", recovery[1]), 0);
	start(&w, true, NOW);
	refused(&w, "right", "1-three", "verification code is wrong");
	other[1] = view_str(recovery[1]);
	accepted(&w, "right", "2-three");
	assert_string_equal(w.notice,
	    "A recovery code has been used up; 0 are left.\r\n");
	assert_int_equal(hash_of("2-two", recovery[1]), 0);
	done(&w, &s);
}

/* ---- a folder that fails ---- */

static void
test_state_fails(void **state)
{
	struct totp_record r;
	struct fake_store s;
	struct world w;

	(void)state;
	init(&w, &s, "keyboard-interactive");
	start(&w, true, NOW);
	s.fail_write = ERR_SYS;
	refused(&w, "right", code_at(STEP), "state could not be written");
	refused(&w, "right", "1-one", "state could not be written");
	refused(&w, "right", "000000", "state could not be written");
	s.fail_write = OK;
	s.fail_read = ERR_SYS;
	refused(&w, "right", code_at(STEP), "state could not be read");
	s.fail_read = ERR_LIMIT;
	refused(&w, "right", code_at(STEP), "state could not be read");
	s.fail_read = OK;
	s.fail_lock = ERR_LIMIT;
	refused(&w, "right", code_at(STEP), "state could not be locked");
	s.fail_lock = OK;
	assert_int_equal(s.writes, 0);
	fake_store_set(&s, RECORD_TOTP, view_str("rubbish"));
	refused(&w, "right", code_at(STEP), "state is damaged");
	assert_true(view_is(fake_store_bytes(&s, RECORD_TOTP), "rubbish"));
	fake_store_set(&s, RECORD_TOTP, view_of("", 0));
	accepted(&w, "right", code_at(STEP));
	assert_true(get_totp_record(fake_store_bytes(&s, RECORD_TOTP), &r));
	assert_int_equal(r.step, STEP);
	w.start.store = NULL;
	start(&w, true, NOW);
	refused(&w, "right", code_at(STEP + 1),
	    "there is no state folder to remember it");
	done(&w, &s);
}

/* ---- secrets in files ---- */

static void
write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f;

	unlink(path);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static void
test_file(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		bool good;
	} rows[] = {
		{ BASE32 "\n", 0600, true },
		{ "# acme's clock\n\n" BASE32, 0400, true },
		{ BASE32 "\r\nmore\r\n", 0600, true },
		{ "gezd gnbv gy3t qojq gezd gnbv gy3t qojq\n", 0600, true },
		{ BASE32 "\n", 0640, false },
		{ BASE32 "\n", 0604, false },
		{ BASE32 "\n", 0620, false },
		{ "", 0600, false },
		{ "# only\n", 0600, false },
		{ "not base32!\n" BASE32 "\n", 0600, false },
	};
	static const char unread[] = "user's one-time secret cannot be read";
	char path[] = "/tmp/sallyport-totp.XXXXXX", link[64];
	struct fake_store s;
	struct world w;
	int fd = mkstemp(path);

	(void)state;
	assert_int_not_equal(fd, -1);
	close(fd);
	init(&w, &s, "keyboard-interactive");
	w.policy.totp.secret.n = 0;
	w.policy.totp.file = view_str(path);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		write_file(path, rows[i].text, rows[i].mode);
		start(&w, true, NOW + 60 * (int64_t)i);
		if (rows[i].good)
			accepted(&w, "right", code_at(STEP + 2 * i));
		else
			refused(&w, "right", code_at(STEP + 2 * i), unread);
		assert_int_equal(auth_work(w.a)->opens, 1);
		/* no code of the secret that strangers are checked by */
	}
	unlink(path);
	start(&w, true, NOW);
	refused(&w, "right", code_at(STEP), unread);
	snprintf(link, sizeof(link), "%s.link", path);
	write_file(path, BASE32 "\n", 0600);
	assert_int_equal(symlink(path, link), 0);
	w.policy.totp.file = view_str(link);
	start(&w, true, NOW + 600);
	refused(&w, "right", code_at(STEP + 20), unread);
	w.policy.totp.file = view_str("relative");
	refused(&w, "right", code_at(STEP + 20), unread);
	if (geteuid() == 0) {		/* of somebody else */
		w.policy.totp.file = view_str(path);
		assert_int_equal(chown(path, 2001, 2001), 0);
		refused(&w, "right", code_at(STEP + 20), unread);
		assert_int_equal(chown(path, 0, 0), 0);
		accepted(&w, "right", code_at(STEP + 20));
	}
	unlink(link);
	unlink(path);
	done(&w, &s);
}

/* ---- the record ---- */

static void
test_record(void **state)
{
	struct totp_record in = { .step = 7, .failures = 2, .since = NOW,
	    .nused = RECORD_USED_MAX }, out;
	struct wr w = wr_new(RECORD_MAX);
	struct view v;
	uint8_t *copy;

	(void)state;
	memset(in.used, 0xab, sizeof(in.used));
	put_totp_record(&w, &in);
	v = wr_view(&w);
	assert_true(get_totp_record(v, &out));
	assert_memory_equal(&in, &out, sizeof(in));
	copy = malloc(v.n + 1);
	for (size_t n = 0; n <= v.n + 1; n++) {
		if (n == v.n)
			continue;
		memcpy(copy, v.p, n < v.n ? n : v.n);
		assert_false(get_totp_record(view_of(copy, n), &out));
	}
	memcpy(copy, v.p, v.n);
	copy[0] = 2;			/* a version to come */
	assert_false(get_totp_record(view_of(copy, v.n), &out));
	copy[0] = 1;
	copy[13] = 0x80;		/* a time before 1970 */
	assert_false(get_totp_record(view_of(copy, v.n), &out));
	copy[13] = 0;
	copy[24] = RECORD_USED_MAX + 1;
	assert_false(get_totp_record(view_of(copy, v.n), &out));
	free(copy);
	wr_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_drift),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_alike),
		cmocka_unit_test(test_no_codes_here),
		cmocka_unit_test(test_wrong_password_uses_nothing_up),
		cmocka_unit_test(test_code_alone),
		cmocka_unit_test(test_behind_a_host),
		cmocka_unit_test(test_no_short_cut),
		cmocka_unit_test(test_guessing),
		cmocka_unit_test(test_recovery),
		cmocka_unit_test(test_state_fails),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_record),
	};

	return cmocka_run_group_tests(tests, make_secrets, free_secrets);
}
