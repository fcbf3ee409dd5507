/*
 * Logins that PAM decides, from the request of a client to the verdict: with
 * the real helper, libpam and a module that does as told (tests/pam/module.c),
 * and with helpers that break every rule.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/account_serve.h"
#include "auth/pam.h"
#include "auth/supervisor.h"
#include "base/crypto.h"
#include "base/host.h"
#include "tests/unit/auth_peer.h"

#define KBD	(1u << AUTH_KBDINT)
#define SERVICE	"sallyport-unit"
#define LINES(...) (const char *const []){ __VA_ARGS__, NULL }

struct rig {
	struct world w;
	struct policy decoy;
	char dir[64], helper[128];
	struct auth_answer out;
};

static char module[PATH_MAX], self[PATH_MAX];

/* ---- the helpers: this program, by the name that it is called ---- */

static int
say(uint8_t type, const void *p, size_t n)
{
	return ipc_send(3, type, 0, view_of(p, n), NULL, 0) == OK ? 0 : 1;
}

/* Takes HELLO and one request more, then does what its name says. */
static int
break_rules(const char *how)
{
	uint8_t frame[IPC_MAX_FRAME];
	struct ipc_msg msg;
	int fds[1] = { 3 };

	if (strcmp(how, "type") == 0)
		signal(SIGTERM, SIG_IGN);
	for (int i = 0; i < 2; i++)
		while (ipc_recv(3, frame, sizeof(frame), &msg) == ERR_AGAIN)
			usleep(1000);
	if (strcmp(how, "type") == 0)
		say(99, "", 0);
	else if (strcmp(how, "short") == 0)
		say(TALK_RESULT, "\1", 1);
	else if (strcmp(how, "session") == 0)
		say(TALK_SESSION, "\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\0", 16);
	else if (strcmp(how, "raw") == 0)
		(void)!write(3, "x", 1);
	else if (strcmp(how, "fds") == 0)
		(void)!ipc_send(3, TALK_RESULT, 0, view_of("\1\0\0\0\0\0\0\0\0",
		    9), fds, 1);
	else if (strcmp(how, "wanted") == 0)	/* where nobody asked */
		say(TALK_RESULT, "\2\0\0\0\0\0\0\0\0", 9);
	else if (strcmp(how, "unfit") == 0)
		say(TALK_RESULT, "\3\0\0\0\0\0\0\0\0", 9);
	else if (strcmp(how, "ask") == 0)
		say(TALK_ASK, "\0\0\0\1\0\0\0\0\0", 9);
	else if (strcmp(how, "exit") == 0)
		return 0;
	else if (strcmp(how, "crash") == 0)
		kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

static void broken(const void *ctx, pid_t supervisor)
    __attribute__((noreturn));

static void
broken(const void *ctx, pid_t supervisor)
{
	(void)supervisor;
	close(HELPER_FD_CONTROL);
	_exit(setsid() == -1 ? 1 : break_rules(ctx));
}

static void role_pam(void) __attribute__((noreturn));

static void
role_pam(void)
{
	struct supervisor s = {
		.title = "broken", .ctl = HELPER_FD_CONTROL, .run = broken,
	};
	char path[PATH_MAX], *name;

	snprintf(path, sizeof(path), "%s",
	    (const char *)getauxval(AT_EXECFN));
	name = strrchr(path, '/');
	*name++ = '\0';
	if (strcmp(name, "helper") == 0)
		account_role(path);
	s.ctx = name;
	supervisor_main(&s);
}

/* ---- the rig ---- */

static int
setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	strcpy(r->dir, "/tmp/sallyport-pam.XXXXXX");
	if (mkdtemp(r->dir) == NULL)
		return -1;
	*state = r;
	return 0;
}

static int
teardown(void **state)
{
	struct rig *r = *state;
	char cmd[128];

	world_free(&r->w);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", r->dir);
	assert_int_equal(system(cmd), 0);
	free(r);
	return 0;
}

/* Lines of the service file as in account_pam_test.c. */
static void
service(struct rig *r, const char *const *lines)
{
	char path[256], words[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", r->dir, SERVICE);
	assert_non_null(f = fopen(path, "w"));
	for (; *lines != NULL; lines++) {
		const char *space = strchr(*lines, ' '), *dir;

		snprintf(words, sizeof(words), "%s", space + 1);
		fprintf(f, "%.*s required %s ", (int)(space - *lines), *lines,
		    module);
		for (const char *s = words; *s != '\0'; s = dir + 3) {
			if ((dir = strstr(s, "DIR")) == NULL) {
				fputs(s, f);
				break;
			}
			fprintf(f, "%.*s%s", (int)(dir - s), s, r->dir);
		}
		fputc('\n', f);
	}
	fclose(f);
}

static void
begin_with(struct rig *r, const char *helper, const char *chains, bool exists)
{
	world_free(&r->w);
	snprintf(r->helper, sizeof(r->helper), "%s/%s", r->dir, helper);
	if (access(r->helper, F_OK) == -1)
		assert_int_equal(symlink(self, r->helper), 0);
	world_init(&r->w, chains);
	r->w.policy.pam = view_str(SERVICE);
	r->decoy = policy_decoy(&r->w.policy);
	r->w.start.decoy = exists ? NULL : &r->decoy;
	r->w.start.helper = r->helper;
	r->w.start.grace_ms = 60000;
	strcpy(r->w.start.src, "10.0.0.1");
	world_start(&r->w, "acme", exists);
	auth_free(&r->w.a);
	r->w.start.methods_first |= KBD;
	assert_non_null(r->w.a = auth_new(&r->w.start));
}

static void
begin(struct rig *r, const char *chains, bool exists)
{
	begin_with(r, "helper", chains, exists);
}

static enum auth_verdict
password(struct rig *r, const char *text)
{
	return world_send(&r->w, req_password("acme", view_str(text)),
	    &r->out);
}

static enum auth_verdict
change(struct rig *r, const char *old, const char *new)
{
	struct wr w = req_plain("acme", "ssh-connection", "password");

	wr_bool(&w, true);
	wr_cstr(&w, old);
	wr_cstr(&w, new);
	return world_send(&r->w, w, &r->out);
}

static enum auth_verdict
dialogue(struct rig *r)
{
	return world_send(&r->w, req_kbdint("acme", ""), &r->out);
}

static enum auth_verdict
answer(struct rig *r, size_t n, const char *const *text)
{
	struct view v[8];

	for (size_t i = 0; i < n; i++)
		v[i] = view_str(text[i]);
	return world_send(&r->w, req_answers(v, n), &r->out);
}

struct question {
	char instruction[4096];
	size_t n;
	char prompt[8][2048];
	bool echo[8];
};

static struct question *
asked(struct rig *r)
{
	static struct question q;
	struct rd b = rd_of(r->w.asked);

	q = (struct question){ .n = 0 };
	assert_int_equal(r->out.verdict, VERDICT_PROMPT);
	assert_int_equal(rd_str(&b).n, 0);
	assert_true(view_to_cstr(rd_str(&b), q.instruction,
	    sizeof(q.instruction)));
	assert_int_equal(rd_str(&b).n, 0);
	q.n = rd_u32(&b);
	assert_true(q.n <= 8);
	for (size_t i = 0; i < q.n; i++) {
		assert_true(view_to_cstr(rd_str(&b), q.prompt[i],
		    sizeof(q.prompt[i])));
		q.echo[i] = rd_bool(&b);
	}
	assert_true(rd_done(&b));
	return &q;
}

static const char *
read_note(struct rig *r)
{
	static char out[512];
	char path[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/note", r->dir);
	out[0] = '\0';
	if ((fd = open(path, O_RDONLY)) != -1) {
		n = read(fd, out, sizeof(out) - 1);
		out[n > 0 ? n : 0] = '\0';
		close(fd);
	}
	return out;
}

#define DENIED "pam_authenticate: Authentication failure"

/* ---- password ---- */

static void
test_password(void **state)
{
	struct rig *r = *state;

	service(r, LINES("auth nonull items password=right",
	    "account say=expires_soon"));
	begin(r, "password", true);
	assert_int_equal(password(r, "wrong"), VERDICT_FAILURE);
	assert_string_equal(r->out.reason, DENIED);
	assert_true(r->out.counted);
	assert_true(r->out.not_before_ms >= 250);
	assert_string_equal(r->w.notice, "");
	assert_int_equal(password(r, "right"), VERDICT_SUCCESS);
	assert_string_equal(r->w.notice, "expires soon\n");
	assert_int_equal(auth_work(r->w.a)->helpers, 2);
	assert_int_equal(auth_work(r->w.a)->hashes, 0);
	assert_true(auth_has_session(r->w.a));
}

/* What no module hears. */
static void
test_shapes(void **state)
{
	static char big[60000];
	struct rig *r = *state;

	memset(big, 'x', sizeof(big) - 1);
	service(r, LINES("auth note=DIR/note", "account x"));
	begin(r, "password keyboard-interactive", true);
	assert_int_equal(password(r, ""), VERDICT_FAILURE);
	assert_string_equal(r->out.reason, "empty password");
	assert_int_equal(password(r, big), VERDICT_FAILURE);
	assert_string_equal(r->out.reason, "answer is too long");
	assert_int_equal(change(r, "x", "new"), VERDICT_FAILURE);
	assert_string_equal(r->out.reason, "a change of password that nobody "
	    "asked for");
	assert_int_equal(auth_work(r->w.a)->helpers, 0);
	assert_string_equal(read_note(r), "");
	/* the most that there may be */
	big[TALK_TEXT_MAX] = '\0';
	assert_int_equal(password(r, big), VERDICT_SUCCESS);
}

static void
test_long_answers(void **state)
{
	static char big[TALK_TEXT_MAX + 2];
	struct rig *r = *state;
	struct view nul = view_of("ri\0ght", 6);

	memset(big, 'x', sizeof(big) - 1);
	service(r, LINES("auth password=right", "account x"));
	begin(r, "keyboard-interactive", true);
	assert_int_equal(dialogue(r), VERDICT_PROMPT);
	assert_int_equal(answer(r, 1, LINES(big)), VERDICT_FAILURE);
	assert_string_equal(r->out.reason, "answer is too long");
	/* an empty answer is the modules' to judge */
	assert_int_equal(dialogue(r), VERDICT_PROMPT);
	assert_int_equal(answer(r, 1, LINES("")), VERDICT_FAILURE);
	assert_string_equal(r->out.reason, DENIED);
	assert_int_equal(dialogue(r), VERDICT_PROMPT);
	assert_int_equal(world_send(&r->w, req_answers(&nul, 1), &r->out),
	    VERDICT_DISCONNECT);
}

/* ---- dialogues ---- */

static void
test_rounds(void **state)
{
	static const char *const two[] = { "answer0", "answer1" };
	struct rig *r = *state;
	struct question *q;

	service(r, LINES("auth say=hello error=oops ask=2 say=again ask=2 "
	    "password=right say=bye", "account x"));
	begin(r, "keyboard-interactive", true);
	dialogue(r);
	q = asked(r);
	assert_string_equal(q->instruction, "hello\noops\n");
	assert_int_equal(q->n, 2);
	assert_string_equal(q->prompt[0], "Question 0: ");
	assert_false(q->echo[0]);
	assert_true(q->echo[1]);
	assert_int_equal(r->out.not_before_ms, 0);
	answer(r, 2, two);
	q = asked(r);
	assert_string_equal(q->instruction, "again\n");
	assert_int_equal(q->n, 2);
	/* its moment must not tell what became of the first answers */
	assert_true(r->out.not_before_ms >= 250);
	assert_false(r->out.counted);
	answer(r, 2, two);
	q = asked(r);
	assert_int_equal(q->n, 1);
	assert_string_equal(q->prompt[0], "Password: ");
	assert_int_equal(answer(r, 1, LINES("right")), VERDICT_SUCCESS);
	assert_string_equal(r->w.notice, "bye\n");
	assert_int_equal(auth_work(r->w.a)->helpers, 1);
}

static void
test_texts_are_cleaned(void **state)
{
	struct rig *r = *state;
	struct question *q;

	service(r, LINES("auth garbage=bytes", "account x"));
	begin(r, "keyboard-interactive", true);
	dialogue(r);
	q = asked(r);
	assert_string_equal(q->prompt[0], "???]0;x?????%s%n: ");
	assert_int_equal(answer(r, 1, LINES("")), VERDICT_SUCCESS);
	/* nothing said is not nothing asked (RFC 4256 3.2) */
	begin_with(r, "ask", "keyboard-interactive", true);
	dialogue(r);
	assert_string_equal(asked(r)->prompt[0], "Answer: ");
}

static void
test_left_alone(void **state)
{
	struct rig *r = *state;

	service(r, LINES("auth password=right", "account x"));
	begin(r, "keyboard-interactive password", true);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(dialogue(r), VERDICT_PROMPT);
		assert_int_equal(r->out.abandoned, i != 0);
	}
	assert_int_equal(password(r, "right"), VERDICT_SUCCESS);
	assert_true(r->out.abandoned);
	/* no process is left of those that were given up */
	auth_free(&r->w.a);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* ---- nobody, and who may not ---- */

static void
test_nobody(void **state)
{
	static const char *const two[] = { "answer0", "answer1" };
	struct rig *r = *state;

	service(r, LINES("auth note=DIR/note ask=2 password=right",
	    "account note=DIR/note"));
	begin(r, "keyboard-interactive", false);
	dialogue(r);
	assert_int_equal(asked(r)->n, 2);
	/* right answers become wrong ones on their way */
	assert_int_equal(answer(r, 2, two), VERDICT_FAILURE);
	assert_string_equal(r->out.reason, "no such user");
	assert_true(r->out.not_before_ms >= 250);
	assert_int_equal(auth_work(r->w.a)->helpers, 1);
	assert_int_equal(auth_work(r->w.a)->hashes, 0);
	service(r, LINES("auth password=right", "account note=DIR/note"));
	begin(r, "password", false);
	assert_int_equal(password(r, "right"), VERDICT_FAILURE);
	assert_string_equal(r->out.reason, "no such user");
	/* a stack that lets everybody in lets nobody in */
	service(r, LINES("auth x", "account note=DIR/note"));
	begin(r, "password", false);
	assert_int_equal(password(r, "right"), VERDICT_FAILURE);
	begin(r, "keyboard-interactive", false);
	assert_int_equal(dialogue(r), VERDICT_FAILURE);
	assert_false(auth_has_session(r->w.a));
	assert_string_equal(read_note(r), "auth\n");
}

/* Whoever may not log in in this way now is a stranger to PAM. */
static void
test_shut(void **state)
{
	struct rig *r = *state;

	service(r, LINES("auth password=right", "account note=DIR/note"));
	begin(r, "publickey", true);
	assert_int_equal(password(r, "right"), VERDICT_FAILURE);
	assert_string_equal(r->out.reason,
	    "method is not allowed for this user");
	begin(r, "password", true);
	r->w.from[0] = view_str("192.0.2.0/24");
	r->w.policy.from.n = 1;
	assert_int_equal(password(r, "right"), VERDICT_FAILURE);
	assert_string_equal(r->out.reason, "source address is not allowed");
	/* even if its password has expired, nobody hears of it */
	service(r, LINES("auth password=right", "account expired=DIR/done",
	    "password change=right expired=DIR/done"));
	assert_int_equal(password(r, "right"), VERDICT_FAILURE);
	assert_int_equal(dialogue(r), VERDICT_PROMPT);
	assert_int_equal(answer(r, 1, LINES("right")), VERDICT_FAILURE);
	assert_string_equal(read_note(r), "");
}

/* Names that a module could take for a path. */
static void
test_names(void **state)
{
	static const char *const odd[] = {
		"../etc/passwd", "-rf", "a:b", "a\nb", ".hidden", "",
	};
	struct rig *r = *state;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		service(r, LINES("auth rename=nobody.invalid note=DIR/note",
		    "account x"));
		begin(r, "password", false);
		world_start(&r->w, odd[i], false);
		assert_int_equal(world_send(&r->w, req_password(odd[i],
		    view_str("x")), &r->out), VERDICT_FAILURE);
		assert_string_equal(r->out.reason, "no such user");
	}
	assert_string_equal(read_note(r), "auth\nauth\nauth\nauth\nauth\n"
	    "auth\n");
}

/* ---- chains and the account phase ---- */

static struct ssh_key *
new_key(void)
{
	struct ssh_key *k = ssh_key_generate("ed25519", 256);

	assert_non_null(k);
	return k;
}

static void
test_key(void **state)
{
	static const struct {
		const char *line, *reason;
	} rows[] = {
		{ "account say=welcome", NULL },
		{ "account deny", "pam_acct_mgmt: Permission denied" },
		{ "account rename=other", "a module changed PAM_USER" },
		{ "account expired=/nonexistent", "password has expired; it "
		  "is changed by a login with it" },
		{ "account crash", "sallyport-account has ended" },
		{ "account password=x", "a module asks for something in the "
		  "account phase" },
	};
	struct ssh_key *k = new_key();
	struct rig *r = *state;
	const struct forged f = { 0 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool good = rows[i].reason == NULL;

		service(r, LINES("auth deny", rows[i].line));
		begin(r, "publickey", true);
		world_key(&r->w, "", k);
		assert_int_equal(world_send(&r->w, req_query("acme", k,
		    "ssh-ed25519"), &r->out), VERDICT_PK_OK);
		assert_int_equal(auth_work(r->w.a)->helpers, 0);
		for (int try = 0; try < 2; try++) {
			assert_int_equal(world_send(&r->w, req_signed("acme",
			    k, "ssh-ed25519", &f), &r->out), good ?
			    VERDICT_SUCCESS : VERDICT_FAILURE);
			if (good)
				break;
			assert_string_equal(r->out.reason, rows[i].reason);
			assert_int_equal(r->out.methods,
			    (FIRST | KBD) & ~(1u << AUTH_NONE));
			assert_string_equal(r->w.notice, "");
			assert_false(auth_has_session(r->w.a));
		}
		if (good)
			assert_string_equal(r->w.notice, "welcome\n");
	}
	ssh_key_free(&k);
}

static void
test_chain(void **state)
{
	struct ssh_key *k = new_key();
	struct rig *r = *state;
	const struct forged f = { 0 };

	service(r, LINES("auth note=DIR/note password=right",
	    "account note=DIR/note"));
	begin(r, "password+publickey", true);
	world_key(&r->w, "", k);
	assert_int_equal(password(r, "right"), VERDICT_PARTIAL);
	assert_int_equal(world_send(&r->w, req_signed("acme", k,
	    "ssh-ed25519", &f), &r->out), VERDICT_SUCCESS);
	assert_true(auth_has_session(r->w.a));
	/* once is enough */
	assert_string_equal(read_note(r), "auth\naccount\n");
	begin(r, "publickey+keyboard-interactive", true);
	world_key(&r->w, "", k);
	assert_int_equal(world_send(&r->w, req_signed("acme", k,
	    "ssh-ed25519", &f), &r->out), VERDICT_PARTIAL);
	assert_false(auth_has_session(r->w.a));
	assert_int_equal(dialogue(r), VERDICT_PROMPT);
	assert_int_equal(answer(r, 1, LINES("right")), VERDICT_SUCCESS);
	assert_true(auth_has_session(r->w.a));
	ssh_key_free(&k);
}

/* ---- expired passwords ---- */

static void
expired(struct rig *r)
{
	char done[128];

	snprintf(done, sizeof(done), "%s/done", r->dir);
	unlink(done);
	service(r, LINES("auth password=right", "account expired=DIR/done",
	    "password change=right expired=DIR/done"));
}

static void
test_change_request(void **state)
{
	struct rig *r = *state;

	expired(r);
	begin(r, "password", true);
	assert_int_equal(password(r, "wrong"), VERDICT_FAILURE);
	assert_int_equal(password(r, "right"), VERDICT_CHANGEREQ);
	assert_true(view_is(r->w.asked, "Your password has expired. Please "
	    "choose a new one."));
	assert_false(r->out.counted);
	assert_int_equal(change(r, "right", "short"), VERDICT_CHANGEREQ);
	assert_true(view_is(r->w.asked, "BAD PASSWORD: too short\nThe new "
	    "password was not accepted. Please choose another one."));
	assert_int_equal(change(r, "right", "long enough"), VERDICT_SUCCESS);
	assert_int_equal(r->out.method, AUTH_PASSWORD);
	assert_true(auth_has_session(r->w.a));
}

static void
test_change_given_up(void **state)
{
	struct rig *r = *state;

	expired(r);
	begin(r, "password", true);
	assert_int_equal(password(r, "right"), VERDICT_CHANGEREQ);
	assert_int_equal(world_send(&r->w, req_plain("acme", "ssh-connection",
	    "none"), &r->out), VERDICT_FAILURE);
	assert_int_equal(change(r, "right", "long enough"), VERDICT_FAILURE);
	assert_string_equal(r->out.reason, "a change of password that nobody "
	    "asked for");
	/* asked for over and over */
	for (int i = 0; i < 5; i++)
		assert_int_equal(password(r, "right"), VERDICT_CHANGEREQ);
	assert_int_equal(password(r, "right"), VERDICT_FAILURE);
	assert_string_equal(r->out.reason, "too many attempts to change the "
	    "password");
	assert_true(r->out.counted);
}

static void
test_change_dialogue(void **state)
{
	struct rig *r = *state;

	expired(r);
	begin(r, "keyboard-interactive", true);
	dialogue(r);
	assert_string_equal(asked(r)->prompt[0], "Password: ");
	answer(r, 1, LINES("right"));
	assert_string_equal(asked(r)->prompt[0], "Current password: ");
	answer(r, 1, LINES("right"));
	assert_string_equal(asked(r)->prompt[0], "New password: ");
	answer(r, 1, LINES("long enough"));
	assert_string_equal(asked(r)->prompt[0], "Retype new password: ");
	assert_int_equal(answer(r, 1, LINES("long enough")), VERDICT_SUCCESS);
}

/* ---- accounts of the host ---- */

/* Rules that let in NAME by a policy with these chains. */
static void
begin_host(struct rig *r, const char *user, const char *chains,
    const char *allow, struct wr *rules)
{
	struct wr list = wr_new(1024), policy = wr_new(1 << 16);
	struct host_rules h = { .root = false };

	begin(r, chains, false);
	r->w.policy.name = view_of(NULL, 0);
	r->w.policy.jail = view_str("/srv/%u");
	policy_encode(&policy, &r->w.policy);
	wr_cstr(&list, allow);
	h.policy = wr_view(&policy);
	h.allow = wr_view(&list);
	*rules = wr_new(1 << 17);
	put_host_rules(rules, &h);
	assert_false(rules->bad);
	wr_free(&list);
	wr_free(&policy);
	r->w.start.host = wr_view(rules);
	world_start(&r->w, user, false);
}

static void
test_host(void **state)
{
	struct rig *r = *state;
	const struct policy *p;
	struct wr rules;

	service(r, LINES("auth note=DIR/note password=right",
	    "account note=DIR/note"));
	begin_host(r, "daemon", "password", "@daemon", &rules);
	assert_null(auth_policy(r->w.a));
	assert_int_equal(world_send(&r->w, req_plain("daemon",
	    "ssh-connection", "none"), &r->out), VERDICT_FAILURE);
	assert_int_equal(auth_work(r->w.a)->helpers, 0);
	assert_int_equal(world_send(&r->w, req_password("daemon",
	    view_str("wrong")), &r->out), VERDICT_FAILURE);
	assert_string_equal(r->out.reason, DENIED);
	/* the helper that was asked who it is has also asked PAM */
	assert_int_equal(auth_work(r->w.a)->helpers, 1);
	assert_int_equal(world_send(&r->w, req_password("daemon",
	    view_str("right")), &r->out), VERDICT_SUCCESS);
	assert_int_equal(auth_work(r->w.a)->helpers, 2);
	p = auth_policy(r->w.a);
	assert_non_null(p);
	assert_true(view_is(p->name, "daemon"));
	assert_true(view_is(p->jail, "/srv/daemon"));
	assert_int_equal(p->uid, 1);
	assert_int_equal(p->allow, ALLOW_SFTP);	/* its shell is nologin */
	wr_free(&rules);
}

/* Who is not let in is asked the same by the same work, and PAM hears none of
 * his answers. */
static void
test_host_refused(void **state)
{
	static const struct {
		const char *user, *allow, *reason;
	} rows[] = {
		{ "daemon", "bin", "not in host_accounts.allow" },
		{ "root", "root", "uid 0 is not allowed" },
		{ "no-such-user", "no-such-user", "no such user" },
		{ "../daemon", "daemon", "no such user" },
	};
	struct rig *r = *state;
	struct wr rules;

	service(r, LINES("auth password=right", "account note=DIR/note"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin_host(r, rows[i].user, "password", rows[i].allow,
		    &rules);
		assert_int_equal(world_send(&r->w, req_password(rows[i].user,
		    view_str("right")), &r->out), VERDICT_FAILURE);
		assert_string_equal(r->out.reason, rows[i].reason);
		assert_int_equal(auth_work(r->w.a)->helpers, 1);
		assert_null(auth_policy(r->w.a));
		wr_free(&rules);
	}
	assert_string_equal(read_note(r), "");
}

/* A user of the configuration costs one question more, and stays who he is. */
static void
test_host_beside_users(void **state)
{
	struct rig *r = *state;
	struct wr rules;

	service(r, LINES("auth password=right", "account x"));
	begin_host(r, "daemon", "password", "daemon", &rules);
	r->w.policy.name = view_str("daemon");
	r->w.policy.jail = view_str("/mine");
	world_start(&r->w, "daemon", true);
	assert_int_equal(world_send(&r->w, req_password("daemon",
	    view_str("right")), &r->out), VERDICT_SUCCESS);
	assert_int_equal(auth_work(r->w.a)->helpers, 1);
	assert_ptr_equal(auth_policy(r->w.a), &r->w.policy);
	wr_free(&rules);
}

static void
test_host_key(void **state)
{
	struct ssh_key *k = new_key();
	struct rig *r = *state;
	const struct forged f = { 0 };
	struct wr rules;

	service(r, LINES("auth deny", "account note=DIR/note"));
	for (int good = 0; good < 2; good++) {
		begin(r, "publickey", false);
		world_key(&r->w, "", k);
		r->w.policy.name = view_of(NULL, 0);
		{
			struct wr list = wr_new(64), p = wr_new(1 << 16);
			struct host_rules h;

			policy_encode(&p, &r->w.policy);
			wr_cstr(&list, good ? "daemon" : "bin");
			h = (struct host_rules){ .policy = wr_view(&p),
			    .allow = wr_view(&list) };
			rules = wr_new(1 << 17);
			put_host_rules(&rules, &h);
			wr_free(&list);
			wr_free(&p);
		}
		r->w.start.host = wr_view(&rules);
		world_start(&r->w, "daemon", false);
		assert_int_equal(world_send(&r->w, req_signed("daemon", k,
		    "ssh-ed25519", &f), &r->out), good ? VERDICT_SUCCESS :
		    VERDICT_FAILURE);
		assert_int_equal(auth_has_session(r->w.a), good);
		wr_free(&rules);
	}
	assert_string_equal(read_note(r), "account\n");
	ssh_key_free(&k);
}

/* Rules that have changed while the login was under way. */
static void
test_host_again(void **state)
{
	struct rig *r = *state;
	struct auth_account acc;
	struct wr rules, other;

	service(r, LINES("auth password=right", "account x"));
	begin_host(r, "daemon", "password", "bin", &other);
	begin_host(r, "daemon", "password", "daemon", &rules);
	assert_int_equal(world_send(&r->w, req_password("daemon",
	    view_str("right")), &r->out), VERDICT_SUCCESS);
	assert_null(auth_find_account(r->w.a, wr_view(&rules), &acc));
	assert_int_equal(acc.policy->uid, 1);
	auth_account_free(&acc);
	assert_string_equal(auth_find_account(r->w.a, wr_view(&other), &acc),
	    "not in host_accounts.allow");
	assert_null(acc.policy);
	auth_account_free(&acc);
	assert_string_equal(auth_find_account(r->w.a, view_str("x"), &acc),
	    "rules of host_accounts do not decode");
	auth_account_free(&acc);
	wr_free(&rules);
	wr_free(&other);
}

/* ---- helpers that break the rules ---- */

static void
test_broken_helpers(void **state)
{
	static const char nonsense[] = "sallyport-account talks nonsense";
	static const char ended[] = "sallyport-account has ended";
	static const struct {
		const char *how, *reason;
	} rows[] = {
		{ "type", nonsense }, { "short", nonsense },
		{ "session", nonsense }, { "raw", nonsense },
		{ "fds", nonsense }, { "ask", nonsense },
		{ "exit", ended }, { "crash", ended },
	};
	struct rig *r = *state;
	struct ssh_key *k = new_key();
	const struct forged f = { 0 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool asks = strcmp(rows[i].how, "ask") == 0;

		begin_with(r, rows[i].how, "password publickey "
		    "keyboard-interactive", true);
		world_key(&r->w, "", k);
		assert_int_equal(password(r, "x"), VERDICT_FAILURE);
		assert_string_equal(r->out.reason, rows[i].reason);
		assert_int_equal(dialogue(r), asks ? VERDICT_PROMPT :
		    VERDICT_FAILURE);
		assert_int_equal(world_send(&r->w, req_signed("acme", k,
		    "ssh-ed25519", &f), &r->out), VERDICT_FAILURE);
		assert_string_equal(r->out.reason, rows[i].reason);
		assert_false(auth_has_session(r->w.a));
	}
	/* a change that is wanted out of turn is no success */
	begin_with(r, "wanted", "publickey keyboard-interactive", true);
	world_key(&r->w, "", k);
	assert_int_equal(dialogue(r), VERDICT_FAILURE);
	assert_int_equal(world_send(&r->w, req_signed("acme", k,
	    "ssh-ed25519", &f), &r->out), VERDICT_FAILURE);
	ssh_key_free(&k);
}

static void
test_no_helper(void **state)
{
	struct rig *r = *state;

	begin(r, "password", true);
	r->w.start.helper = NULL;
	world_start(&r->w, "acme", true);
	assert_int_equal(password(r, "x"), VERDICT_FAILURE);
	assert_string_equal(r->out.reason, "the program sallyport-account is "
	    "not there");
	r->w.start.helper = "/nonexistent/sallyport-account";
	world_start(&r->w, "acme", true);
	assert_int_equal(password(r, "x"), VERDICT_FAILURE);
	assert_string_equal(r->out.reason, "sallyport-account has ended");
}

/* A module that left a process behind, and one that hangs: when the login is
 * done with them, or dead itself, so are they. */
static void
test_nothing_stays(void **state)
{
	struct rig *r = *state;
	char path[128], text[32];
	struct timespec nap = { 0, 10000000 };
	pid_t login, orphan;
	FILE *f;

	snprintf(path, sizeof(path), "%s/orphan", r->dir);
	service(r, LINES("auth orphan=DIR/orphan hang", "account x"));
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	if ((login = fork()) == 0) {
		begin(r, "password", true);
		password(r, "x");
		_exit(1);
	}
	for (text[0] = '\0'; strchr(text, '\n') == NULL;) {
		nanosleep(&nap, NULL);
		if ((f = fopen(path, "r")) != NULL) {
			if (fgets(text, sizeof(text), f) == NULL)
				text[0] = '\0';
			fclose(f);
		}
	}
	orphan = atoi(text);
	assert_int_equal(kill(orphan, 0), 0);
	kill(login, SIGKILL);
	/* whoever was below is ours now: the last of them ends it */
	while (waitpid(-1, NULL, 0) > 0)
		;
	assert_int_equal(kill(orphan, 0), -1);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_password),
		T(test_shapes),
		T(test_long_answers),
		T(test_rounds),
		T(test_texts_are_cleaned),
		T(test_left_alone),
		T(test_nobody),
		T(test_shut),
		T(test_names),
		T(test_key),
		T(test_chain),
		T(test_change_request),
		T(test_change_given_up),
		T(test_change_dialogue),
		T(test_host),
		T(test_host_refused),
		T(test_host_beside_users),
		T(test_host_key),
		T(test_host_again),
		T(test_broken_helpers),
		T(test_no_helper),
		T(test_nothing_stays),
	};
	char *slash;
	int null;

	if (argc > 1 && strcmp(argv[1], "--pam") == 0)
		role_pam();
	/* as in a login, where 0 is /dev/null */
	if ((null = open("/dev/null", O_RDWR)) == -1 || dup2(null, 0) == -1)
		return 1;
	close(null);
	if (realpath(argv[0], self) == NULL)
		return 1;
	strcpy(module, self);
	slash = strrchr(module, '/');
	strcpy(slash + 1, "pam_sallyport_test.so");
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
