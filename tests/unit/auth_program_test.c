/* Programs of the operator's in a login: who is asked what, which answers
 * count, and that nobody costs the same. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/fetch.h"
#include "base/crypto.h"
#include "tests/unit/auth_peer.h"

#define UID	20781
#define GID	20782
#define KBD	(1u << AUTH_KBDINT)

static char dir[] = "/tmp/sallyport-ask.XXXXXX";
static char heard[64];	/* where programs write what they heard */

struct rig {
	struct world w;
	struct policy decoy;
	char path[PATH_MAX];
	struct view argv[1];
	struct sockaddr_in local;
	struct auth_answer out;
};

static void
write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)),
	    (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
read_file(const char *path, char *text, size_t n)
{
	int fd = open(path, O_RDONLY);
	ssize_t got;

	assert_true(fd >= 0);
	got = read(fd, text, n - 1);
	close(fd);
	assert_true(got >= 0);
	text[got] = '\0';
}

/* A policy whose programs run this script of /bin/sh, in which `hear` reads
 * a line and keeps it for the test. */
static void
rig_init(struct rig *r, const char *chains, const char *script)
{
	static unsigned number;
	char text[4096];

	memset(r, 0, sizeof(*r));
	world_init(&r->w, chains);
	snprintf(r->path, sizeof(r->path), "%s/p%u", dir, number++);
	snprintf(text, sizeof(text), "#!/bin/sh\n"
	    "hear() { IFS= read -r x; printf '%%s\\n' \"$x\" >>%s; }\n%s\n",
	    heard, script);
	write_file(r->path, text, 0755);
	write_file(heard, "", 0666);
	r->argv[0] = view_str(r->path);
	r->w.policy.programs = (struct policy_programs){
		.uid = UID, .gid = GID, .timeout_ms = 20000,
		.methods = 1u << AUTH_PASSWORD | 1u << AUTH_PUBLICKEY,
	};
	r->local.sin_family = AF_INET;
	r->local.sin_port = htons(2222);
	assert_int_equal(inet_pton(AF_INET, "10.9.9.9",
	    &r->local.sin_addr), 1);
}

static void
begin(struct rig *r, const char *user, bool exists)
{
	r->decoy = policy_decoy(&r->w.policy);
	r->w.start.local = (const struct sockaddr *)&r->local;
	r->w.start.conn = 77;
	r->w.start.decoy = exists ? NULL : &r->decoy;
	r->w.peer.sin_port = htons(40000);
	world_start(&r->w, user, exists);
	auth_free(&r->w.a);
	r->w.start.methods_first |= KBD;
	r->w.a = auth_new(&r->w.start);
	assert_non_null(r->w.a);
}

static void
rig_free(struct rig *r)
{
	world_free(&r->w);
	unlink(r->path);
	/* whatever came of it, nothing of it is left */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* ---- dialogues ---- */

static enum auth_verdict
open_dialog(struct rig *r)
{
	return world_send(&r->w, req_kbdint("acme", "pam,otp"), &r->out);
}

static enum auth_verdict
answer(struct rig *r, const char *one, const char *two)
{
	struct view v[2] = { view_str(one), view_str(two) };

	return world_send(&r->w, req_answers(v, two != NULL ? 2 : 1),
	    &r->out);
}

static void
is_asked(struct rig *r, const char *name, const char *instruction,
    const char *prompt, bool echo)
{
	struct rd q = rd_of(r->w.asked);

	assert_true(view_is(rd_str(&q), name));
	assert_true(view_is(rd_str(&q), instruction));
	assert_true(view_is(rd_str(&q), ""));
	assert_true(rd_u32(&q) >= 1);
	assert_true(view_is(rd_str(&q), prompt));
	assert_int_equal(rd_bool(&q), echo);
}

#define TWO_ROUNDS \
	"hear\n" \
	"echo '{\"name\":\"Gate\",\"instruction\":\"first\",\"prompts\":" \
	"[{\"prompt\":\"PIN: \",\"echo\":false},{\"prompt\":\"Col: \"," \
	"\"echo\":true}]}'\n" \
	"hear\n" \
	"echo '{\"prompts\":[{\"prompt\":\"More: \",\"echo\":true}]}'\n" \
	"hear\n"

static void
test_two_rounds(void **state)
{
	char got[4096], want[2048];
	struct rig r;

	(void)state;
	rig_init(&r, "keyboard-interactive", TWO_ROUNDS
	    "echo '{\"result\":\"allow\",\"policy\":{\"umask\":\"0077\","
	    "\"allow\":[\"sftp\",\"exec\"],\"start\":\"/in\"}}'");
	r.w.policy.programs.ask = (struct view_list){ r.argv, 1 };
	begin(&r, "acme", true);
	assert_int_equal(open_dialog(&r), VERDICT_PROMPT);
	is_asked(&r, "Gate", "first", "PIN: ", false);
	assert_int_equal(answer(&r, "12\"34", "bl\xc3\xbc"), VERDICT_PROMPT);
	is_asked(&r, "", "", "More: ", true);
	assert_int_equal(answer(&r, "", NULL), VERDICT_SUCCESS);
	assert_int_equal(auth_work(r.w.a)->programs, 1);
	assert_int_equal(auth_work(r.w.a)->turns, 3);
	assert_int_equal(auth_limits(r.w.a)->deny & (ALLOW_SFTP | ALLOW_EXEC |
	    ALLOW_SHELL), ALLOW_SHELL);
	assert_true(auth_limits(r.w.a)->has_umask);
	assert_int_equal(auth_limits(r.w.a)->umask, 077);
	assert_string_equal(auth_limits(r.w.a)->start, "/in");
	read_file(heard, got, sizeof(got));
	snprintf(want, sizeof(want), "{\"version\":1,\"user\":\"acme\","
	    "\"source\":\"10.0.0.1\",\"source_port\":40000,"
	    "\"listener\":\"10.9.9.9\",\"listener_port\":2222,"
	    "\"connection\":77,\"time\":%d", NOW);
	/* a second may have passed */
	assert_memory_equal(got, want, strlen(want) - 1);
	assert_non_null(strstr(got, ",\"language\":\"\",\"submethods\":"
	    "[\"pam\",\"otp\"],\"round\":1,\"answers\":[]}\n"
	    "{\"round\":2,\"answers\":[\"12\\\"34\",\"bl\xc3\xbc\"]}\n"
	    "{\"round\":3,\"answers\":[\"\"]}\n"));
	rig_free(&r);
}

/* The same for nobody: programs, rounds, prompts; and an allow is none. */
static void
test_nobody(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, "keyboard-interactive", TWO_ROUNDS
	    "echo '{\"result\":\"allow\"}'");
	r.w.policy.programs.ask = (struct view_list){ r.argv, 1 };
	begin(&r, "acme", false);
	assert_int_equal(open_dialog(&r), VERDICT_PROMPT);
	is_asked(&r, "Gate", "first", "PIN: ", false);
	assert_int_equal(answer(&r, "1", "2"), VERDICT_PROMPT);
	assert_int_equal(answer(&r, "3", NULL), VERDICT_FAILURE);
	assert_string_equal(r.out.reason, "no such user");
	assert_true(r.out.counted);
	assert_int_equal(auth_work(r.w.a)->programs, 1);
	assert_int_equal(auth_work(r.w.a)->turns, 3);
	rig_free(&r);
}

/* Names that could be no user's are not told; the work is the same. */
static void
test_strange_names(void **state)
{
	static const char *const names[] = {
		"-rf", "a/b", "a\nb", "\xff", "..", "",
	};
	char got[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct rig r;

		rig_init(&r, "keyboard-interactive", "hear; echo "
		    "'{\"result\":\"allow\"}'");
		r.w.policy.programs.ask = (struct view_list){ r.argv, 1 };
		begin(&r, names[i], false);
		assert_int_equal(world_send(&r.w, req_kbdint(names[i], ""),
		    &r.out), VERDICT_FAILURE);
		assert_string_equal(r.out.reason, "no such user");
		assert_int_equal(auth_work(r.w.a)->turns, 1);
		read_file(heard, got, sizeof(got));
		assert_non_null(strstr(got, "\"user\":\"\","));
		rig_free(&r);
	}
}

static void
refused(const char *script, const char *want)
{
	struct rig r;

	rig_init(&r, "keyboard-interactive", script);
	r.w.policy.programs.ask = (struct view_list){ r.argv, 1 };
	begin(&r, "acme", true);
	assert_int_equal(open_dialog(&r), VERDICT_FAILURE);
	assert_string_equal(r.out.reason, want);
	assert_true(r.out.counted);
	assert_true(r.out.not_before_ms >= 250);
	rig_free(&r);
}

static void
test_refusals(void **state)
{
	(void)state;
	refused("echo '{\"result\":\"deny\",\"reason\":\"not today\"}'",
	    "program denied it");
	refused("echo '{\"result\":\"allow\"}'; exit 1", "program failed");
	refused("echo '{\"result\":\"allow\"}'; kill -9 $$",
	    "program failed");
	refused("echo '{\"result\":\"allow\"}'; echo more",
	    "program spoke out of turn");
	refused("echo '{\"result\":\"allow\"}'; read a; read b; echo more",
	    "program spoke out of turn");
	refused("echo allow", "program's answer is no JSON");
	refused("echo '{\"prompts\":1}'", "program's answer is malformed");
	refused("exit 0", "program ended without an answer");
	refused("printf '{\"result\":\"allow\"}'",
	    "program ended without an answer");
	refused("cat /dev/zero", "program's answer is too long");
}

/* ---- bounds ---- */

static void
test_rounds(void **state)
{
	struct rig r;
	int n = 0;

	(void)state;
	rig_init(&r, "keyboard-interactive", "while read a; do echo "
	    "'{\"instruction\":\"again\",\"prompts\":[]}'; done");
	r.w.policy.programs.ask = (struct view_list){ r.argv, 1 };
	begin(&r, "acme", true);
	assert_int_equal(open_dialog(&r), VERDICT_PROMPT);
	do
		n++;
	while (world_send(&r.w, req_answers(NULL, 0), &r.out) ==
	    VERDICT_PROMPT);
	assert_int_equal(n, 16);
	assert_int_equal(r.out.verdict, VERDICT_FAILURE);
	assert_string_equal(r.out.reason, "too many rounds");
	rig_free(&r);
}

static void
test_answers(void **state)
{
	static const struct view bad[] = {
		{ (const uint8_t *)"\xff", 1 },
		{ (const uint8_t *)"\xed\xa0\x80", 3 },
		{ (const uint8_t *)"\xc3", 1 },
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct rig r;

		rig_init(&r, "keyboard-interactive", "read a; echo "
		    "'{\"prompts\":[{\"prompt\":\"x\"}]}'; read b; echo "
		    "'{\"result\":\"allow\"}'");
		r.w.policy.programs.ask = (struct view_list){ r.argv, 1 };
		begin(&r, "acme", true);
		assert_int_equal(open_dialog(&r), VERDICT_PROMPT);
		assert_int_equal(world_send(&r.w, req_answers(&bad[i], 1),
		    &r.out), VERDICT_FAILURE);
		assert_string_equal(r.out.reason,
		    "an answer is no UTF-8");
		rig_free(&r);
	}
}

static void
test_submethods(void **state)
{
	char many[1026];
	struct rig r;

	(void)state;
	memset(many, 'x', sizeof(many));
	many[1025] = '\0';
	rig_init(&r, "keyboard-interactive",
	    "echo '{\"result\":\"allow\"}'");
	r.w.policy.programs.ask = (struct view_list){ r.argv, 1 };
	begin(&r, "acme", true);
	assert_int_equal(world_send(&r.w, req_kbdint("acme", many), &r.out),
	    VERDICT_FAILURE);
	assert_int_equal(world_send(&r.w, req_kbdint("acme", "\xff"), &r.out),
	    VERDICT_FAILURE);
	assert_string_equal(r.out.reason,
	    "submethods or language are no such text");
	assert_int_equal(auth_work(r.w.a)->programs, 0);
	many[1024] = '\0';
	assert_int_equal(world_send(&r.w, req_kbdint("acme", many), &r.out),
	    VERDICT_SUCCESS);
	rig_free(&r);
}

/* Another request, and the end of the login, end the program too. */
static void
test_abandoned(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, "keyboard-interactive",
	    "read a; echo '{\"prompts\":[{\"prompt\":\"x\"}]}'; read b; "
	    "sleep 1000");
	r.w.policy.programs.ask = (struct view_list){ r.argv, 1 };
	begin(&r, "acme", true);
	assert_int_equal(open_dialog(&r), VERDICT_PROMPT);
	assert_int_equal(world_send(&r.w, req_plain("acme", "ssh-connection",
	    "none"), &r.out), VERDICT_FAILURE);
	assert_true(r.out.abandoned);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(open_dialog(&r), VERDICT_PROMPT);
	rig_free(&r);
}

/* The clock of the test, which is up at once. */
static bool
never(void *ctx, int fd, short events, int ms)
{
	(void)ctx;
	(void)fd;
	(void)events;
	(void)ms;
	return false;
}

static void
test_deadline(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, "keyboard-interactive", "sleep 1000");
	r.w.policy.programs.ask = (struct view_list){ r.argv, 1 };
	r.w.start.wait = never;
	begin(&r, "acme", true);
	assert_int_equal(open_dialog(&r), VERDICT_FAILURE);
	assert_string_equal(r.out.reason, "program did not answer in time");
	rig_free(&r);
}

/* What the program grants never widens what is granted otherwise. */
static void
test_chain(void **state)
{
	struct ssh_key *k = ssh_key_generate("ed25519", 0);
	const struct forged honest = { 0 };
	struct rig r;

	(void)state;
	assert_non_null(k);
	rig_init(&r, "publickey+keyboard-interactive", "echo "
	    "'{\"result\":\"allow\",\"policy\":{\"allow\":[\"sftp\","
	    "\"pty\"]}}'");
	world_key(&r.w, "no-pty", k);
	r.w.policy.programs.ask = (struct view_list){ r.argv, 1 };
	begin(&r, "acme", true);
	/* out of turn it proves nothing */
	assert_int_equal(open_dialog(&r), VERDICT_FAILURE);
	assert_int_equal(world_send(&r.w, req_signed("acme", k, "ssh-ed25519",
	    &honest), &r.out), VERDICT_PARTIAL);
	assert_int_equal(open_dialog(&r), VERDICT_SUCCESS);
	assert_int_equal(auth_limits(r.w.a)->deny & (ALLOW_SFTP | ALLOW_PTY |
	    ALLOW_EXEC), ALLOW_PTY | ALLOW_EXEC);
	ssh_key_free(&k);
	rig_free(&r);
}

/* ---- authorized_keys_command ---- */

/* The line of a key, as a program would print it. */
static void
key_line(const struct ssh_key *k, const char *options, char *out, size_t n)
{
	struct wr w = wr_new(65536);

	wr_bytes(&w, view_str(options));
	wr_bytes(&w, view_str(ssh_key_type(k)));
	wr_u8(&w, ' ');
	crypto_base64_encode(ssh_key_blob(k), &w);
	assert_true(view_to_cstr(wr_view(&w), out, n));
	wr_free(&w);
}

static enum auth_verdict
query(struct rig *r, const struct ssh_key *k)
{
	return world_send(&r->w, req_query("acme", k, "ssh-ed25519"),
	    &r->out);
}

static enum auth_verdict
sign(struct rig *r, const struct ssh_key *k)
{
	const struct forged honest = { 0 };

	return world_send(&r->w, req_signed("acme", k, "ssh-ed25519",
	    &honest), &r->out);
}

static void
test_keys_command(void **state)
{
	struct ssh_key *k = ssh_key_generate("ed25519", 0);
	char line[1024], script[2048], got[4096], want[4096];
	char fp[SSHKEY_FP_MAX];
	struct rig r;
	struct view words[] = {
		view_of(NULL, 0), view_str("%u"), view_str("%U:%h"),
		view_str("%t"), view_str("%k"), view_str("%f"),
		view_str("%C"), view_str("100%% %u"), view_str(""),
	};

	(void)state;
	assert_non_null(k);
	key_line(k, "no-pty ", line, sizeof(line));
	snprintf(script, sizeof(script), "for w; do printf '<%%s>' \"$w\" "
	    ">>%s; done; echo >>%s\ncat >>%s\necho '# comment'\necho '%s'",
	    heard, heard, heard, line);
	rig_init(&r, "publickey", script);
	words[0] = r.argv[0];
	r.w.policy.home = view_str("/home/acme");
	r.w.policy.allow = ALLOW_SFTP | ALLOW_PTY;
	r.w.policy.programs.keys = (struct view_list){ words, 9 };
	begin(&r, "acme", true);
	assert_int_equal(query(&r, k), VERDICT_PK_OK);
	assert_int_equal(sign(&r, k), VERDICT_SUCCESS);
	assert_int_equal(auth_work(r.w.a)->programs, 2);
	assert_int_equal(auth_limits(r.w.a)->deny & ALLOW_PTY, ALLOW_PTY);
	ssh_key_fingerprint(ssh_key_blob(k), fp);
	key_line(k, "", line, sizeof(line));
	snprintf(want, sizeof(want), "<acme><2001:/home/acme><ssh-ed25519>"
	    "<%s><%s><10.0.0.1 40000 10.9.9.9 2222><100%% acme><>\n",
	    strchr(line, ' ') + 1, fp);
	read_file(heard, got, sizeof(got));
	assert_int_equal(strlen(got), 2 * strlen(want));
	assert_memory_equal(got, want, strlen(want));
	assert_string_equal(got + strlen(want), want);
	ssh_key_free(&k);
	rig_free(&r);
}

/* A program alone hears the name, as from OpenSSH. */
static void
test_keys_command_alone(void **state)
{
	struct ssh_key *k = ssh_key_generate("ed25519", 0);
	char got[256];
	struct rig r;

	(void)state;
	rig_init(&r, "publickey", "hear() { :; }");
	snprintf(got, sizeof(got), "#!/bin/sh\necho \"$#,$1\" >>%s\n",
	    heard);
	write_file(r.path, got, 0755);
	r.w.policy.programs.keys = (struct view_list){ r.argv, 1 };
	begin(&r, "acme", true);
	assert_int_equal(query(&r, k), VERDICT_FAILURE);
	assert_string_equal(r.out.reason, "key is not listed");
	read_file(heard, got, sizeof(got));
	assert_string_equal(got, "1,acme\n");
	ssh_key_free(&k);
	rig_free(&r);
}

/* Keys that stand elsewhere count before, and whatever the program does. */
static void
test_keys_command_fails(void **state)
{
	static const struct {
		const char *script, *reason;
	} rows[] = {
		{ "exit 1", "program failed" },
		{ "kill -9 $$", "program failed" },
		{ "cat /dev/zero", "program's answer is too long" },
		{ "echo garbage; echo 'ssh-ed25519 AAAA'",
		    "key is not listed" },
		{ "exit 0", "key is not listed" },
	};
	struct ssh_key *listed = ssh_key_generate("ed25519", 0);
	struct ssh_key *other = ssh_key_generate("ed25519", 0);
	char line[1024], script[2048];
	struct rig r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rig_init(&r, "publickey", rows[i].script);
		world_key(&r.w, "", listed);
		r.w.policy.programs.keys = (struct view_list){ r.argv, 1 };
		begin(&r, "acme", true);
		assert_int_equal(query(&r, other), VERDICT_FAILURE);
		assert_string_equal(r.out.reason, rows[i].reason);
		assert_int_equal(auth_work(r.w.a)->programs, 1);
		assert_int_equal(sign(&r, listed), VERDICT_SUCCESS);
		assert_int_equal(auth_work(r.w.a)->programs, 1);
		rig_free(&r);
	}
	/* a key that was said before it failed is none */
	key_line(other, "", line, sizeof(line));
	snprintf(script, sizeof(script), "echo '%s'; exit 1", line);
	rig_init(&r, "publickey", script);
	r.w.policy.programs.keys = (struct view_list){ r.argv, 1 };
	begin(&r, "acme", true);
	assert_int_equal(sign(&r, other), VERDICT_FAILURE);
	assert_string_equal(r.out.reason, "program failed");
	rig_free(&r);
	/* options bind there as anywhere */
	key_line(other, "from=\"192.0.2.1\" ", line, sizeof(line));
	snprintf(script, sizeof(script), "echo '%s'", line);
	rig_init(&r, "publickey", script);
	r.w.policy.programs.keys = (struct view_list){ r.argv, 1 };
	begin(&r, "acme", true);
	assert_int_equal(sign(&r, other), VERDICT_FAILURE);
	assert_string_equal(r.out.reason, "key option from= does not match");
	rig_free(&r);
	ssh_key_free(&listed);
	ssh_key_free(&other);
}

/* As many programs, whoever it is; what they say of nobody is nothing. */
static void
test_keys_command_nobody(void **state)
{
	struct ssh_key *k = ssh_key_generate("ed25519", 0);
	char line[1024], script[2048], got[256];
	struct rig r;
	struct view words[] = {
		view_of(NULL, 0), view_str("%u"), view_str("%U"),
		view_str("%h"),
	};

	(void)state;
	key_line(k, "", line, sizeof(line));
	snprintf(script, sizeof(script), "echo \"$*\" >>%s\necho '%s'",
	    heard, line);
	rig_init(&r, "publickey", script);
	words[0] = r.argv[0];
	r.w.policy.programs.keys = (struct view_list){ words, 4 };
	begin(&r, "acme", false);
	assert_int_equal(query(&r, k), VERDICT_FAILURE);
	assert_string_equal(r.out.reason, "no such user");
	assert_int_equal(sign(&r, k), VERDICT_FAILURE);
	assert_string_equal(r.out.reason, "no such user");
	assert_int_equal(auth_work(r.w.a)->programs, 2);
	assert_int_equal(auth_work(r.w.a)->verifies, 1);
	read_file(heard, got, sizeof(got));
	assert_string_equal(got, "acme 65534 /\nacme 65534 /\n");
	ssh_key_free(&k);
	rig_free(&r);
}

/* ---- auth_command ---- */

#define ALLOW	"hear; echo '{\"allow\":true}'"

static enum auth_verdict
password(struct rig *r, const char *text)
{
	return world_send(&r->w, req_password("acme", view_str(text)),
	    &r->out);
}

static void
begin_decided(struct rig *r, const char *chains, const char *script,
    bool exists)
{
	rig_init(r, chains, script);
	r->w.policy.programs.decide = (struct view_list){ r->argv, 1 };
	begin(r, "acme", exists);
}

static void
test_decide_password(void **state)
{
	char got[4096];
	struct rig r;

	(void)state;
	begin_decided(&r, "password", "IFS= read -r x; case $x in"
	    " *'\"password\":\"open \\\"it\"'*) echo '{\"allow\":true,"
	    "\"policy\":{\"allow\":[\"sftp\"],\"start\":\"/a b\"}}';;"
	    " *) echo '{\"allow\":false,\"reason\":\"expired\"}';; esac",
	    true);
	assert_int_equal(password(&r, "shut"), VERDICT_FAILURE);
	assert_string_equal(r.out.reason, "program denied it");
	assert_true(r.out.counted);
	assert_int_equal(password(&r, "open \"it"), VERDICT_SUCCESS);
	assert_int_equal(auth_work(r.w.a)->programs, 2);
	assert_int_equal(auth_work(r.w.a)->hashes, 0);
	assert_int_equal(auth_limits(r.w.a)->deny, ~(uint32_t)ALLOW_SFTP);
	assert_string_equal(auth_limits(r.w.a)->start, "/a b");
	rig_free(&r);
	/* what it is told */
	begin_decided(&r, "password", ALLOW, true);
	assert_int_equal(password(&r, "p\xc3\xa4ss"), VERDICT_SUCCESS);
	read_file(heard, got, sizeof(got));
	assert_non_null(strstr(got, "{\"version\":1,\"user\":\"acme\","
	    "\"source\":\"10.0.0.1\",\"source_port\":40000,"
	    "\"listener\":\"10.9.9.9\",\"listener_port\":2222,"
	    "\"connection\":77,\"time\":"));
	assert_non_null(strstr(got, ",\"method\":\"password\","
	    "\"password\":\"p\xc3\xa4ss\"}\n"));
	rig_free(&r);
}

/* Its word counts, not the hash's; where it has no say, the hash's. */
static void
test_decide_or_hash(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, "password", ALLOW);
	r.w.policy.password = view_str("!");
	r.w.policy.programs.decide = (struct view_list){ r.argv, 1 };
	r.w.policy.programs.methods = 1u << AUTH_PUBLICKEY;
	begin(&r, "acme", true);
	assert_int_equal(password(&r, "x"), VERDICT_FAILURE);
	assert_int_equal(auth_work(r.w.a)->programs, 0);
	assert_int_equal(auth_work(r.w.a)->hashes, 1);
	rig_free(&r);
}

static void
test_decide_refusals(void **state)
{
	static const struct {
		const char *script, *reason;
	} rows[] = {
		{ "exit 0", "program's answer is no JSON" },
		{ "echo '{\"allow\":true}'; exit 1", "program failed" },
		{ "echo '{\"allow\":true}'; kill -9 $$", "program failed" },
		{ "echo '{\"allow\":true}'; echo '{\"allow\":true}'",
		    "program's answer is no JSON" },
		{ "echo '{\"allow\":\"yes\"}'",
		    "program's answer is malformed" },
		{ "echo '{\"allow\":true,\"policy\":{\"uid\":0}}'",
		    "program's answer is malformed" },
		{ "cat /dev/zero", "program's answer is too long" },
	};
	struct rig r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin_decided(&r, "password", rows[i].script, true);
		assert_int_equal(password(&r, "x"), VERDICT_FAILURE);
		assert_string_equal(r.out.reason, rows[i].reason);
		assert_true(r.out.counted);
		rig_free(&r);
	}
	rig_init(&r, "password", "sleep 1000");
	r.w.policy.programs.decide = (struct view_list){ r.argv, 1 };
	r.w.start.wait = never;
	begin(&r, "acme", true);
	assert_int_equal(password(&r, "x"), VERDICT_FAILURE);
	assert_string_equal(r.out.reason, "program did not answer in time");
	rig_free(&r);
}

/* Not asked about what is no password at all. */
static void
test_decide_shapes(void **state)
{
	char text[1026];
	struct rig r;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[1025] = '\0';
	begin_decided(&r, "password", ALLOW, true);
	assert_int_equal(password(&r, text), VERDICT_FAILURE);
	assert_string_equal(r.out.reason, "password is too long");
	assert_int_equal(password(&r, ""), VERDICT_FAILURE);
	assert_int_equal(password(&r, "\xff"), VERDICT_FAILURE);
	assert_string_equal(r.out.reason, "password is no UTF-8");
	assert_int_equal(auth_work(r.w.a)->programs, 0);
	text[1024] = '\0';
	assert_int_equal(password(&r, text), VERDICT_SUCCESS);
	rig_free(&r);
}

/* Nobody costs as much, by each method, and is never let in. */
static void
test_decide_nobody(void **state)
{
	struct ssh_key *k = ssh_key_generate("ed25519", 0);
	struct auth_work work[2];
	struct rig r;

	(void)state;
	for (int exists = 0; exists < 2; exists++) {
		begin_decided(&r, "hostbased", ALLOW, exists == 1);
		assert_int_equal(password(&r, "x"), VERDICT_FAILURE);
		assert_string_equal(r.out.reason, exists == 1 ?
		    "method is not allowed for this user" : "no such user");
		assert_int_equal(query(&r, k), VERDICT_FAILURE);
		assert_int_equal(sign(&r, k), VERDICT_FAILURE);
		assert_int_equal(open_dialog(&r), VERDICT_PROMPT);
		assert_int_equal(answer(&r, "x", NULL), VERDICT_FAILURE);
		work[exists] = *auth_work(r.w.a);
		assert_int_equal(work[exists].programs, 4);
		rig_free(&r);
	}
	assert_memory_equal(&work[0], &work[1], sizeof(work[0]));
	ssh_key_free(&k);
}

static void
test_decide_key(void **state)
{
	struct ssh_key *k = ssh_key_generate("ed25519", 0);
	const struct forged forged = { .session = "another" };
	char got[8192], line[1024], want[2048], fp[SSHKEY_FP_MAX];
	struct rig r;

	(void)state;
	begin_decided(&r, "publickey", "hear; echo '{\"allow\":true,"
	    "\"policy\":{\"umask\":\"077\"}}'", true);
	/* a signature that is not good is not asked about */
	assert_int_equal(world_send(&r.w, req_signed("acme", k, "ssh-ed25519",
	    &forged), &r.out), VERDICT_FAILURE);
	assert_string_equal(r.out.reason, "signature is wrong");
	assert_int_equal(auth_work(r.w.a)->programs, 0);
	assert_int_equal(query(&r, k), VERDICT_PK_OK);
	assert_false(r.out.counted);
	assert_int_equal(sign(&r, k), VERDICT_SUCCESS);
	assert_int_equal(auth_work(r.w.a)->programs, 2);
	assert_int_equal(auth_limits(r.w.a)->umask, 077);
	read_file(heard, got, sizeof(got));
	key_line(k, "", line, sizeof(line));
	ssh_key_fingerprint(ssh_key_blob(k), fp);
	for (int i = 0; i < 2; i++) {
		snprintf(want, sizeof(want), ",\"method\":\"publickey\","
		    "\"signed\":%s,\"key\":{\"type\":\"ssh-ed25519\","
		    "\"fingerprint\":\"%s\",\"base64\":\"%s\"}}\n",
		    i == 0 ? "false" : "true", fp, strchr(line, ' ') + 1);
		assert_non_null(strstr(got, want));
	}
	rig_free(&r);
	begin_decided(&r, "publickey", "echo '{\"allow\":false}'", true);
	assert_int_equal(query(&r, k), VERDICT_FAILURE);
	assert_int_equal(sign(&r, k), VERDICT_FAILURE);
	assert_string_equal(r.out.reason, "program denied it");
	rig_free(&r);
	ssh_key_free(&k);
}

/* What the operator has revoked or found too short stays out. */
static void
test_decide_barred(void **state)
{
	struct ssh_key *k = ssh_key_generate("ed25519", 0);
	struct ssh_key *rsa = ssh_key_generate("rsa", 2048);
	char list[PATH_MAX], line[1024];
	struct view lists[1];
	struct rig r;

	(void)state;
	key_line(k, "", line, sizeof(line));
	snprintf(list, sizeof(list), "%s/revoked", dir);
	write_file(list, line, 0644);
	lists[0] = view_str(list);
	rig_init(&r, "publickey", ALLOW);
	r.w.policy.programs.decide = (struct view_list){ r.argv, 1 };
	r.w.policy.revoked_keys = (struct view_list){ lists, 1 };
	r.w.policy.key_bits_rsa = 3072;
	begin(&r, "acme", true);
	assert_int_equal(query(&r, k), VERDICT_FAILURE);
	assert_string_equal(r.out.reason, "key is revoked");
	assert_int_equal(sign(&r, k), VERDICT_FAILURE);
	assert_string_equal(r.out.reason, "key is revoked");
	assert_int_equal(world_send(&r.w, req_query("acme", rsa,
	    "rsa-sha2-256"), &r.out), VERDICT_FAILURE);
	assert_string_equal(r.out.reason, "key is too short for this user");
	rig_free(&r);
	unlink(list);
	ssh_key_free(&k);
	ssh_key_free(&rsa);
}

/* Two keys are two proofs, one is not, whoever decides. */
static void
test_decide_twice(void **state)
{
	struct ssh_key *k = ssh_key_generate("ed25519", 0);
	struct ssh_key *other = ssh_key_generate("ed25519", 0);
	struct rig r;

	(void)state;
	begin_decided(&r, "publickey+publickey", ALLOW, true);
	assert_int_equal(sign(&r, k), VERDICT_PARTIAL);
	assert_int_equal(sign(&r, k), VERDICT_FAILURE);
	assert_string_equal(r.out.reason,
	    "key has been used for an earlier step");
	assert_int_equal(auth_work(r.w.a)->programs, 1);
	assert_int_equal(sign(&r, other), VERDICT_SUCCESS);
	rig_free(&r);
	ssh_key_free(&k);
	ssh_key_free(&other);
}

/* A query in the form that names the server's host key. */
static enum auth_verdict
query_bound(struct rig *r, const struct ssh_key *k, const struct ssh_key *host)
{
	struct wr w = req_plain("acme", "ssh-connection",
	    "publickey-hostbound-v00@openssh.com");

	wr_bool(&w, false);
	wr_cstr(&w, "ssh-ed25519");
	wr_str(&w, ssh_key_blob(k));
	wr_str(&w, ssh_key_blob(host));
	return world_send(&r->w, w, &r->out);
}

/* What is bound to another server is that server's, whoever decides. */
static void
test_decide_bound(void **state)
{
	struct ssh_key *k = ssh_key_generate("ed25519", 0);
	struct ssh_key *here = ssh_key_generate("ed25519", 0);
	struct ssh_key *there = ssh_key_generate("ed25519", 0);
	uint8_t hash[HASH_MAX];
	struct rig r;

	(void)state;
	rig_init(&r, "publickey", ALLOW);
	r.w.policy.programs.decide = (struct view_list){ r.argv, 1 };
	assert_true(hash_once(HASH_SHA256, ssh_key_blob(here), hash));
	r.w.start.host_key = view_of(hash, 32);
	begin(&r, "acme", true);
	assert_int_equal(query_bound(&r, k, there), VERDICT_FAILURE);
	assert_string_equal(r.out.reason,
	    "request is bound to another host key");
	assert_int_equal(query_bound(&r, k, here), VERDICT_PK_OK);
	rig_free(&r);
	ssh_key_free(&k);
	ssh_key_free(&here);
	ssh_key_free(&there);
}

/* The dialogue's password is a password. */
static void
test_decide_dialogue(void **state)
{
	struct rig r;

	(void)state;
	begin_decided(&r, "keyboard-interactive", "IFS= read -r x; case $x in"
	    " *'\"method\":\"password\",\"password\":\"right\"'*)"
	    " echo '{\"allow\":true,\"policy\":{\"umask\":\"0\"}}';;"
	    " *) echo '{\"allow\":false}';; esac", true);
	assert_int_equal(open_dialog(&r), VERDICT_PROMPT);
	is_asked(&r, "", "", "Password: ", false);
	assert_int_equal(answer(&r, "wrong", NULL), VERDICT_FAILURE);
	assert_string_equal(r.out.reason, "program denied it");
	assert_int_equal(open_dialog(&r), VERDICT_PROMPT);
	assert_int_equal(answer(&r, "right", NULL), VERDICT_SUCCESS);
	assert_true(auth_limits(r.w.a)->has_umask);
	assert_int_equal(auth_limits(r.w.a)->umask, 0);
	rig_free(&r);
}

/* ---- auth_url ---- */

/* A program in sallyport-fetch's place, which keeps what it is told. */
static void
begin_url(struct rig *r, const char *token, mode_t mode, char helper[128])
{
	char path[PATH_MAX], script[256];

	rig_init(r, "password", ":");
	snprintf(helper, 128, "%s/sallyport-account", dir);
	snprintf(path, sizeof(path), "%s/sallyport-fetch", dir);
	snprintf(script, sizeof(script), "#!/bin/sh\ncat >%s\n"
	    "echo '{\"allow\":true}'\n", heard);
	write_file(path, script, 0755);
	snprintf(path, sizeof(path), "%s/token", dir);
	write_file(path, token, mode);
	r->w.start.helper = helper;
	r->w.policy.programs.url = view_str("https://h/x");
}

static void
test_url(void **state)
{
	char helper[128], token[PATH_MAX], ca[PATH_MAX];
	uint8_t got[8192];
	struct fetch_request q;
	struct rig r;
	ssize_t n;
	int fd;

	(void)state;
	begin_url(&r, "s3cret\n", 0600, helper);
	snprintf(token, sizeof(token), "%s/token", dir);
	snprintf(ca, sizeof(ca), "%s/ca", dir);
	write_file(ca, "PEM\n", 0644);
	r.w.policy.programs.url_token = view_str(token);
	r.w.policy.programs.url_ca = view_str(ca);
	begin(&r, "acme", true);
	assert_int_equal(password(&r, "pw"), VERDICT_SUCCESS);
	assert_int_equal(auth_work(r.w.a)->programs, 1);
	fd = open(heard, O_RDONLY);
	n = read(fd, got, sizeof(got));
	close(fd);
	assert_true(n > 0 && fetch_get(view_of(got, (size_t)n), &q));
	assert_true(view_is(q.url, "https://h/x"));
	assert_true(view_is(q.token, "s3cret"));
	assert_true(view_is(q.ca, "PEM\n"));
	assert_int_equal(q.timeout_ms, 19950);
	assert_non_null(memmem(q.body.p, q.body.n,
	    ",\"method\":\"password\",\"password\":\"pw\"}\n", 37));
	/* nobody's goes there as well */
	begin(&r, "acme", false);
	assert_int_equal(password(&r, "pw"), VERDICT_FAILURE);
	assert_int_equal(auth_work(r.w.a)->programs, 1);
	/* without the authority there is nobody to believe */
	unlink(ca);
	begin(&r, "acme", true);
	assert_int_equal(password(&r, "pw"), VERDICT_FAILURE);
	assert_string_equal(r.out.reason,
	    "file of auth_url_ca cannot be used");
	assert_int_equal(auth_work(r.w.a)->programs, 0);
	unlink(token);
	rig_free(&r);
}

static void
test_url_faults(void **state)
{
	static const struct {
		const char *token;
		mode_t mode;
	} rows[] = {
		{ "s3cret", 0640 }, { "s3cret", 0604 }, { "", 0600 },
		{ "\n", 0600 }, { "two words", 0600 },
		{ "s3cret\r\nX-Other: 1", 0600 }, { "\xc3\xa4", 0600 },
	};
	char helper[128], token[PATH_MAX];
	struct rig r;

	(void)state;
	snprintf(token, sizeof(token), "%s/token", dir);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin_url(&r, rows[i].token, rows[i].mode, helper);
		r.w.policy.programs.url_token = view_str(token);
		begin(&r, "acme", true);
		assert_int_equal(password(&r, "pw"), VERDICT_FAILURE);
		assert_string_equal(r.out.reason,
		    "file of auth_url_token cannot be used");
		assert_int_equal(auth_work(r.w.a)->programs, 0);
		rig_free(&r);
	}
	begin_url(&r, "x", 0600, helper);
	r.w.start.helper = NULL;
	begin(&r, "acme", true);
	assert_int_equal(password(&r, "pw"), VERDICT_FAILURE);
	assert_string_equal(r.out.reason, "sallyport-fetch is not there");
	unlink(token);
	snprintf(token, sizeof(token), "%s/sallyport-fetch", dir);
	unlink(token);
	rig_free(&r);
}

static int
setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	umask(022);
	if (mkdtemp(dir) == NULL || chmod(dir, 0755) != 0)
		return -1;
	snprintf(heard, sizeof(heard), "%s/heard", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(heard);
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_rounds),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_strange_names),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_rounds),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_submethods),
		cmocka_unit_test(test_abandoned),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_keys_command),
		cmocka_unit_test(test_keys_command_alone),
		cmocka_unit_test(test_keys_command_fails),
		cmocka_unit_test(test_keys_command_nobody),
		cmocka_unit_test(test_decide_password),
		cmocka_unit_test(test_decide_or_hash),
		cmocka_unit_test(test_decide_refusals),
		cmocka_unit_test(test_decide_shapes),
		cmocka_unit_test(test_decide_nobody),
		cmocka_unit_test(test_decide_key),
		cmocka_unit_test(test_decide_barred),
		cmocka_unit_test(test_decide_twice),
		cmocka_unit_test(test_decide_bound),
		cmocka_unit_test(test_decide_dialogue),
		cmocka_unit_test(test_url),
		cmocka_unit_test(test_url_faults),
	};

	if (geteuid() != 0) {
		print_message("programs are run by root alone\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
