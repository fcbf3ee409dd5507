/*
 * The account helper's role for logins through PAM, with real libpam, private
 * service files and a module that misbehaves as told (tests/pam/module.c).
 * The login's side of the socket is played here.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/account_serve.h"
#include "base/roles.h"

#define SERVICE	"sallyport-unit"
#define PATIENCE_MS 60000	/* of a test on a slow machine */

struct world {
	char dir[64];		/* service files and notes */
	int sock;
	pid_t pid;
	uint8_t frame[IPC_MAX_FRAME];
	struct ipc_msg msg;
};

static char module[4096];

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/sallyport-pam.XXXXXX");
	if (mkdtemp(w->dir) == NULL)
		return -1;
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;
	char cmd[128];

	if (w->pid > 0) {
		kill(w->pid, SIGKILL);
		waitpid(w->pid, NULL, 0);
	}
	if (w->sock > 0)
		close(w->sock);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", w->dir);
	assert_int_equal(system(cmd), 0);
	free(w);
	return 0;
}

/* Lines of the service file, "TYPE WORDS" each, for the test module; %s in
 * the words is the test's folder. */
static void
service(struct world *w, const char *const *lines)
{
	char path[256], words[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", w->dir, SERVICE);
	assert_non_null(f = fopen(path, "w"));
	for (; *lines != NULL; lines++) {
		const char *space = strchr(*lines, ' ');
		char *at;

		snprintf(words, sizeof(words), "%s", space + 1);
		fprintf(f, "%.*s required %s ", (int)(space - *lines), *lines,
		    module);
		for (char *s = words; (at = strstr(s, "DIR")) != NULL ||
		    *s != '\0'; s = at + 3) {
			if (at == NULL) {
				fputs(s, f);
				break;
			}
			fprintf(f, "%.*s%s", (int)(at - s), s, w->dir);
		}
		fputc('\n', f);
	}
	fclose(f);
}

static void
start(struct world *w, const char *user, uint32_t grace_ms)
{
	const struct talk_hello m = {
		.service = view_str(SERVICE), .user = view_str(user),
		.rhost = view_str("192.0.2.7"), .grace_ms = grace_ms,
	};
	struct wr b = wr_new(4096);
	int p[2];

	if (w->pid > 0) {
		kill(w->pid, SIGKILL);
		waitpid(w->pid, NULL, 0);
		close(w->sock);
	}
	assert_int_equal(ipc_pair(p, false), OK);
	if ((w->pid = fork()) == 0) {
		close(p[0]);
		_exit(account_serve(p[1], w->dir));
	}
	assert_true(w->pid > 0);
	close(p[1]);
	w->sock = p[0];
	put_talk_hello(&b, &m);
	assert_true(account_say(w->sock, TALK_HELLO, &b));
	wr_free(&b);
}

static void
say_auth(struct world *w, const char *password, bool sham)
{
	const struct talk_auth m = {
		.interactive = password == NULL, .sham = sham,
		.password = view_str(password),
	};
	struct wr b = wr_new(4096);

	put_talk_auth(&b, &m);
	assert_true(account_say(w->sock, TALK_AUTH, &b));
	wr_free(&b);
}

static void
say_empty(struct world *w, enum talk_type t)
{
	struct wr b = wr_new(16);

	assert_true(account_say(w->sock, t, &b));
}

static void
say_answers(struct world *w, size_t n, const char *const *text)
{
	struct talk_texts m = { .n = n };
	struct wr b = wr_new(1 << 16);

	for (size_t i = 0; i < n; i++)
		m.text[i] = view_str(text[i]);
	put_talk_texts(&b, &m);
	assert_true(account_say(w->sock, TALK_ANSWERS, &b));
	wr_free(&b);
}

static void
say_change(struct world *w, const char *old, const char *new)
{
	const struct talk_change m = { view_str(old), view_str(new) };
	struct wr b = wr_new(4096);

	put_talk_change(&b, &m);
	assert_true(account_say(w->sock, TALK_CHANGE, &b));
	wr_free(&b);
}

/* The next frame's type; 0: the helper has gone. */
static int
hear(struct world *w)
{
	struct pollfd p = { .fd = w->sock, .events = POLLIN };

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	if (ipc_recv(w->sock, w->frame, sizeof(w->frame), &w->msg) != OK)
		return 0;
	return w->msg.type;
}

static struct talk_result
result(struct world *w)
{
	struct talk_result r;

	assert_int_equal(hear(w), TALK_RESULT);
	assert_true(get_talk_result(w->msg.body, &r));
	return r;
}

static void
wants(struct world *w, enum talk_verdict v, const char *reason)
{
	struct talk_result r = result(w);

	if (r.verdict != v || !view_is(r.reason, reason))
		print_message("verdict %d: %.*s\n", (int)r.verdict,
		    (int)r.reason.n, (const char *)r.reason.p);
	assert_int_equal(r.verdict, v);
	assert_true(view_is(r.reason, reason));
}

static struct talk_said
asked(struct world *w)
{
	struct talk_said m;

	assert_int_equal(hear(w), TALK_ASK);
	assert_true(get_talk_said(w->msg.body, &m));
	return m;
}

/* How the helper ended; -N: by signal N. */
static int
end(struct world *w)
{
	int status;

	assert_int_equal(waitpid(w->pid, &status, 0), w->pid);
	w->pid = 0;
	close(w->sock);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void
read_note(struct world *w, char *out, size_t n)
{
	char path[128];
	size_t got = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/note", w->dir);
	if ((f = fopen(path, "r")) != NULL) {
		got = fread(out, 1, n - 1, f);
		fclose(f);
	}
	out[got] = '\0';
}

#define DENIED "pam_authenticate: Authentication failure"
#define LINES(...) (const char *const []){ __VA_ARGS__, NULL }

static void
test_password(void **state)
{
	struct world *w = *state;

	service(w, LINES("auth items nonull password=right",
	    "account say=welcome"));
	start(w, "nobody-here", 60000);
	say_auth(w, "right", false);
	{
		struct talk_result r = result(w);

		assert_int_equal(r.verdict, TALK_DONE);
		assert_int_equal(r.said.n, 1);
		assert_int_equal(r.said.msg[0].style, TALK_INFO);
		assert_true(view_is(r.said.msg[0].text, "welcome"));
	}
	close(w->sock);
	w->sock = open("/dev/null", O_RDONLY);
	assert_int_equal(end(w), 0);
	start(w, "nobody-here", 60000);
	say_auth(w, "wrong", false);
	wants(w, TALK_DENIED, DENIED);
	assert_int_equal(hear(w), 0);	/* one attempt each */
	assert_int_equal(end(w), 0);
	/* an empty answer is an answer, and the modules' to judge */
	start(w, "nobody-here", 60000);
	say_auth(w, "", false);
	wants(w, TALK_DENIED, DENIED);
}

static void
test_more_than_a_password(void **state)
{
	struct world *w = *state;
	static const char why[] = "a module asks for more than the password; "
	    "keyboard-interactive is needed";

	service(w, LINES("auth password=right password=right", "account x"));
	start(w, "u", 60000);
	say_auth(w, "right", false);
	wants(w, TALK_DENIED, why);
	service(w, LINES("auth ask=2", "account x"));
	start(w, "u", 60000);
	say_auth(w, "answer0", false);
	wants(w, TALK_DENIED, why);
	service(w, LINES("auth x", "account password=right"));
	start(w, "u", 60000);
	say_auth(w, "right", false);
	wants(w, TALK_DENIED, "a module asks for something in the account "
	    "phase");
}

/* Five prompts in three rounds, with texts between. */
static void
test_dialogue(void **state)
{
	static const char *const a[] = { "answer0", "answer1" };
	struct world *w = *state;
	struct talk_said m;
	struct talk_result r;

	service(w, LINES("auth say=first_word ask=2 error=oops ask=2 "
	    "password=right say=last_word", "account x"));
	start(w, "u", 60000);
	say_auth(w, NULL, false);
	m = asked(w);
	assert_int_equal(m.n, 3);
	assert_int_equal(m.msg[0].style, TALK_INFO);
	assert_true(view_is(m.msg[0].text, "first word"));
	assert_int_equal(m.msg[1].style, TALK_ECHO_OFF);
	assert_true(view_is(m.msg[1].text, "Question 0: "));
	assert_int_equal(m.msg[2].style, TALK_ECHO_ON);
	say_answers(w, 2, a);
	m = asked(w);
	assert_int_equal(m.n, 3);
	assert_int_equal(m.msg[0].style, TALK_ERROR);
	say_answers(w, 2, a);
	m = asked(w);
	assert_int_equal(m.n, 1);
	assert_int_equal(m.msg[0].style, TALK_ECHO_OFF);
	say_answers(w, 1, LINES("right"));
	r = result(w);
	assert_int_equal(r.verdict, TALK_DONE);
	assert_int_equal(r.said.n, 1);
	assert_true(view_is(r.said.msg[0].text, "last word"));
}

static void
test_answers_that_do_not_fit(void **state)
{
	static const char *const a[] = { "right", "right", "right" };
	struct world *w = *state;

	service(w, LINES("auth password=right", "account x"));
	for (size_t n = 0; n < 4; n += 2) {
		start(w, "u", 60000);
		say_auth(w, NULL, false);
		asked(w);
		say_answers(w, n, a);
		wants(w, TALK_DENIED, "a question was left unanswered");
	}
	/* something else, and nothing */
	start(w, "u", 60000);
	say_auth(w, NULL, false);
	asked(w);
	say_empty(w, TALK_ACCOUNT);
	wants(w, TALK_DENIED, "a question was left unanswered");
	start(w, "u", 60000);
	say_auth(w, NULL, false);
	asked(w);
	close(w->sock);
	w->sock = open("/dev/null", O_RDONLY);
	assert_int_equal(end(w), 0);
}

/* OpenSSH's fixes of 2025 and 2026. */
static void
test_rename(void **state)
{
	static const char why[] = "a module changed PAM_USER";
	struct world *w = *state;
	const struct {
		const char *const *lines;
	} rows[] = {
		{ LINES("auth password=right rename=other", "account x") },
		{ LINES("auth password=right", "account rename=other") },
		{ LINES("auth rename=u2 password=right", "account x") },
		{ LINES("auth rename=U password=right", "account x") },
		/* the failure of the module is not the reason */
		{ LINES("auth rename=other deny", "account x") },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		service(w, rows[i].lines);
		start(w, "u", 60000);
		say_auth(w, "right", false);
		wants(w, TALK_DENIED, why);
		start(w, "u", 60000);
		say_auth(w, NULL, false);
		if (i < 4) {
			asked(w);
			say_answers(w, 1, LINES("right"));
		}
		wants(w, TALK_DENIED, why);
	}
	service(w, LINES("auth x", "account x rename=u"));
	start(w, "u", 60000);
	say_auth(w, "right", false);
	wants(w, TALK_DONE, "");
	service(w, LINES("auth x", "account rename=v"));
	start(w, "u", 60000);
	say_empty(w, TALK_ACCOUNT);
	wants(w, TALK_DENIED, why);
}

/* Nothing that a client answers makes a sham succeed, or reaches the account
 * phase. */
static void
test_sham(void **state)
{
	struct world *w = *state;
	char note[64];

	service(w, LINES("auth password=right",
	    "account note=DIR/note expired=DIR/done",
	    "password change=right expired=DIR/done"));
	start(w, "u", 60000);
	say_auth(w, "right", true);
	wants(w, TALK_DENIED, "may not log in");
	start(w, "u", 60000);
	say_auth(w, NULL, true);
	asked(w);
	say_answers(w, 1, LINES("right"));
	wants(w, TALK_DENIED, "may not log in");
	assert_int_equal(hear(w), 0);
	read_note(w, note, sizeof(note));
	assert_string_equal(note, "");
}

static void
test_account(void **state)
{
	struct world *w = *state;

	service(w, LINES("auth deny", "account x"));
	start(w, "u", 60000);
	say_empty(w, TALK_ACCOUNT);
	wants(w, TALK_DONE, "");
	service(w, LINES("auth x", "account deny"));
	start(w, "u", 60000);
	say_empty(w, TALK_ACCOUNT);
	wants(w, TALK_DENIED, "pam_acct_mgmt: Permission denied");
	start(w, "u", 60000);
	say_auth(w, "x", false);
	wants(w, TALK_DENIED, "pam_acct_mgmt: Permission denied");
	/* a key does not change a password, and nothing is asked */
	service(w, LINES("auth x", "account expired=DIR/done",
	    "password change=right expired=DIR/done"));
	start(w, "u", 60000);
	say_empty(w, TALK_ACCOUNT);
	wants(w, TALK_DENIED, "password has expired; it is changed by a "
	    "login with it");
	assert_int_equal(hear(w), 0);
}

static void
test_change_by_request(void **state)
{
	struct world *w = *state;
	char done[128];

	snprintf(done, sizeof(done), "%s/done", w->dir);
	service(w, LINES("auth password=right", "account expired=DIR/done",
	    "password change=right expired=DIR/done"));
	start(w, "u", 60000);
	say_auth(w, "right", false);
	wants(w, TALK_WANTED, "pam_acct_mgmt: Authentication token is no "
	    "longer valid; new one required");
	say_change(w, "right", "short");
	{
		struct talk_result r = result(w);

		assert_int_equal(r.verdict, TALK_UNFIT);
		assert_int_equal(r.said.n, 1);
		assert_true(view_is(r.said.msg[0].text,
		    "BAD PASSWORD: too short"));
	}
	say_change(w, "wrong", "long enough");
	wants(w, TALK_UNFIT, "pam_chauthtok: Authentication token "
	    "manipulation error");
	assert_int_equal(access(done, F_OK), -1);
	say_change(w, "right", "long enough");
	wants(w, TALK_DONE, "");
	assert_int_equal(access(done, F_OK), 0);
	/* three are enough */
	unlink(done);
	start(w, "u", 60000);
	say_auth(w, "right", false);
	result(w);
	for (int i = 0; i < 3; i++) {
		say_change(w, "right", "short");
		assert_int_equal(result(w).verdict, i < 2 ? TALK_UNFIT :
		    TALK_DENIED);
	}
	assert_int_equal(hear(w), 0);
	/* no session before it */
	start(w, "u", 60000);
	say_auth(w, "right", false);
	result(w);
	say_empty(w, TALK_OPEN);
	assert_int_equal(hear(w), 0);
}

static void
test_change_in_the_dialogue(void **state)
{
	struct world *w = *state;

	service(w, LINES("auth password=right", "account expired=DIR/done",
	    "password change=right expired=DIR/done"));
	for (int good = 0; good < 2; good++) {
		start(w, "u", 60000);
		say_auth(w, NULL, false);
		asked(w);
		say_answers(w, 1, LINES("right"));
		assert_true(view_is(asked(w).msg[0].text,
		    "Current password: "));
		say_answers(w, 1, LINES("right"));
		assert_true(view_is(asked(w).msg[0].text, "New password: "));
		say_answers(w, 1, LINES(good ? "long enough" : "short"));
		assert_true(view_is(asked(w).msg[0].text,
		    "Retype new password: "));
		say_answers(w, 1, LINES(good ? "long enough" : "short"));
		assert_int_equal(result(w).verdict, good ? TALK_DONE :
		    TALK_DENIED);
	}
}

/* A module that says done and has not. */
static void
test_change_that_was_none(void **state)
{
	struct world *w = *state;

	service(w, LINES("auth password=right", "account expired=DIR/done",
	    "password x"));
	start(w, "u", 60000);
	say_auth(w, "right", false);
	result(w);
	say_change(w, "right", "long enough");
	wants(w, TALK_DENIED, "password was changed, and is expired still");
}

static void
test_garbage(void **state)
{
	static const struct {
		const char *kind;
		bool lives;
	} rows[] = {
		{ "count", false }, { "none", false }, { "many", false },
		{ "style", false }, { "binary", false },
		{ "null", true }, { "huge", true },
	};
	struct world *w = *state;
	char line[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct talk_result r;

		snprintf(line, sizeof(line), "auth garbage=%s", rows[i].kind);
		service(w, LINES(line, "account x"));
		for (int ask = 0; ask < 2; ask++) {
			start(w, "u", 60000);
			say_auth(w, ask ? NULL : "x", false);
			r = result(w);
			assert_int_equal(r.verdict, rows[i].lives ?
			    TALK_DONE : TALK_DENIED);
			assert_true(r.said.n <= 1);
		}
	}
	service(w, LINES("auth garbage=bytes", "account x"));
	start(w, "u", 60000);
	say_auth(w, NULL, false);
	assert_int_equal(asked(w).msg[0].text.n, 19);
	say_answers(w, 1, LINES(""));
	wants(w, TALK_DONE, "");
	/* closing descriptors around it leaves nobody believing anything */
	service(w, LINES("auth garbage=closes", "account x"));
	start(w, "u", 60000);
	say_auth(w, "x", false);
	assert_int_equal(hear(w), 0);
	service(w, LINES("auth garbage=fds", "account x"));
	start(w, "u", 60000);
	say_auth(w, "x", false);
	wants(w, TALK_DONE, "");
}

static void
test_death(void **state)
{
	struct world *w = *state;

	service(w, LINES("auth crash", "account x"));
	start(w, "u", 60000);
	say_auth(w, "x", false);
	assert_int_equal(hear(w), 0);
	assert_true(end(w) != 0);
	service(w, LINES("auth exit", "account x"));
	start(w, "u", 60000);
	say_auth(w, "x", false);
	assert_int_equal(hear(w), 0);
	assert_int_equal(end(w), 0);
}

/* Modules' delays are not ours: the answer comes long before. */
static void
test_delay(void **state)
{
	struct world *w = *state;
	struct pollfd p;

	service(w, LINES("auth delay=600000 deny", "account x"));
	start(w, "u", 60000);
	say_auth(w, "x", false);
	p = (struct pollfd){ .fd = w->sock, .events = POLLIN };
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	wants(w, TALK_DENIED, "pam_authenticate: Permission denied");
}

/* A module that ignores every signal is killed all the same. */
static void
test_hang(void **state)
{
	struct world *w = *state;

	service(w, LINES("auth hang", "account x"));
	start(w, "u", 1);
	say_auth(w, "x", false);
	assert_int_equal(hear(w), 0);
	assert_int_equal(end(w), -SIGKILL);
}

static void
test_out_of_order(void **state)
{
	struct world *w = *state;
	struct wr b = wr_new(64);

	service(w, LINES("auth x", "account x"));
	start(w, "u", 60000);
	say_empty(w, TALK_OPEN);
	wants(w, TALK_DENIED, "malformed request");
	assert_int_equal(hear(w), 0);
	start(w, "u", 60000);
	say_change(w, "a", "b");
	wants(w, TALK_DENIED, "malformed request");
	start(w, "u", 60000);
	wr_u32(&b, 99);
	assert_true(account_say(w->sock, TALK_AUTH, &b));
	wants(w, TALK_DENIED, "malformed request");
	/* a session without its descriptors */
	start(w, "u", 60000);
	say_auth(w, "x", false);
	wants(w, TALK_DONE, "");
	say_empty(w, TALK_OPEN);
	assert_int_equal(hear(w), 0);
	assert_int_equal(end(w), 1);
	/* two attempts */
	start(w, "u", 60000);
	say_auth(w, "x", false);
	wants(w, TALK_DONE, "");
	say_auth(w, "x", false);
	assert_int_equal(hear(w), 0);
	wr_free(&b);
}

static void
test_no_service(void **state)
{
	struct world *w = *state;

	start(w, "u", 60000);
	say_auth(w, "x", false);
	assert_int_equal(result(w).verdict, TALK_DENIED);
	assert_int_equal(hear(w), 0);
}

/* ---- accounts of the host: root and daemon are on every one ---- */

static void
say_find(struct world *w, const char *const *allow, const char *const *deny,
    bool root)
{
	struct wr a = wr_new(4096), d = wr_new(4096), b = wr_new(16384);
	struct talk_find m = { .root = root };

	for (; *allow != NULL; allow++)
		wr_cstr(&a, *allow);
	for (; *deny != NULL; deny++)
		wr_cstr(&d, *deny);
	m.allow = wr_view(&a);
	m.deny = wr_view(&d);
	put_talk_find(&b, &m);
	assert_true(account_say(w->sock, TALK_FIND, &b));
	wr_free(&a);
	wr_free(&d);
	wr_free(&b);
}

/* Who was found, or why nobody. */
static void
found(struct world *w, const char *name, const char *reason)
{
	struct talk_found m;
	struct account a;

	assert_int_equal(hear(w), TALK_FOUND);
	assert_true(get_talk_found(w->msg.body, &m));
	assert_true(view_is(m.reason, reason));
	if (name == NULL)
		return;
	assert_true(account_get(m.account, &a));
	assert_true(a.known);
	assert_string_equal(a.name, name);
	assert_true(a.ngroups >= 1);
	account_clear(&a);
}

static void
test_find(void **state)
{
	static const char deny[] = "denied by host_accounts.deny";
	static const char not_allowed[] = "not in host_accounts.allow";
	static const struct {
		const char *user, *allow, *deny;
		bool root;
		const char *reason;	/* NULL: found */
	} rows[] = {
		{ "daemon", "daemon", "x", false, NULL },
		{ "daemon", "@daemon", "x", false, NULL },
		{ "daemon", "bin", "x", false, not_allowed },
		{ "daemon", "@bin", "x", false, not_allowed },
		{ "daemon", "@no-such-group", "x", false, not_allowed },
		{ "daemon", "@", "x", false, not_allowed },
		{ "daemon", "daemon", "daemon", false, deny },
		{ "daemon", "daemon", "@daemon", false, deny },
		{ "root", "root", "x", false, "uid 0 is not allowed" },
		{ "root", "@root", "x", false, "uid 0 is not allowed" },
		{ "root", "root", "x", true, NULL },
		{ "root", "daemon", "x", true, not_allowed },
		{ "no-such-user-here", "no-such-user-here", "x", false,
		    "no such user" },
		{ "", "daemon", "x", false, "no such user" },
		{ "DAEMON", "DAEMON", "x", false, "no such user" },
	};
	struct world *w = *state;

	service(w, LINES("auth x", "account x"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start(w, rows[i].user, 60000);
		say_find(w, LINES(rows[i].allow), LINES(rows[i].deny),
		    rows[i].root);
		found(w, rows[i].reason == NULL ? rows[i].user : NULL,
		    rows[i].reason == NULL ? "" : rows[i].reason);
	}
	/* and then an attempt, as if nothing had been asked */
	start(w, "daemon", 60000);
	say_find(w, LINES("daemon"), LINES("x"), false);
	found(w, "daemon", "");
	say_auth(w, "x", false);
	wants(w, TALK_DONE, "");
	/* once is enough */
	start(w, "daemon", 60000);
	say_find(w, LINES("daemon"), LINES("x"), false);
	found(w, "daemon", "");
	say_find(w, LINES("daemon"), LINES("x"), false);
	wants(w, TALK_DENIED, "malformed request");
}

/* ---- sessions ---- */

/*
 * This program itself stands for sallyportd.  Its "policy" is the path of the
 * notes; it tells what it finds, then waits for its control socket's end, as
 * a session does for its server's.
 */
static int
role_session(void)
{
	char path[128] = "";
	uint8_t frame[IPC_MAX_FRAME];
	struct ipc_msg msg;
	struct stat st;
	bool clean;
	FILE *f;

	if (read(ROLE_FD_POLICY, path, sizeof(path) - 1) <= 0 ||
	    (f = fopen(path, "a")) == NULL)
		return 1;
	fclose(f);
	clean = getenv("ONE") == NULL && getenv("LD_PRELOAD") == NULL &&
	    getenv("PATH") == NULL;
	for (int fd = ROLE_FD_POLICY + 1; fd < 1024; fd++)
		clean = clean && fstat(fd, &st) == -1;
	f = fopen(path, "a");
	fprintf(f, "%s\n", clean ? "clean" : "not clean");
	fclose(f);
	if (ipc_send(ROLE_FD_CONTROL, 1, 0, view_of(NULL, 0), NULL, 0) != OK)
		return 1;
	(void)!ipc_recv(ROLE_FD_CONTROL, frame, sizeof(frame), &msg);
	return 3;
}

/* Tells what to do there by "policy"; its part of the control socket. */
static struct talk_session
open_session(struct world *w, int *control_out)
{
	int fds[TALK_OPEN_FDS], pair[2], policy[2];
	uint8_t frame[IPC_MAX_FRAME];
	struct talk_session m;
	struct ipc_msg msg;

	assert_int_equal(ipc_pair(pair, false), OK);
	assert_int_equal(pipe(policy), 0);
	assert_true(dprintf(policy[1], "%s/note", w->dir) > 0);
	close(policy[1]);
	fds[0] = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	fds[1] = pair[1];
	fds[2] = policy[0];
	fds[3] = open("/dev/null", O_WRONLY);
	assert_int_equal(ipc_send(w->sock, TALK_OPEN, 0, view_of(NULL, 0),
	    fds, TALK_OPEN_FDS), OK);
	for (size_t i = 0; i < TALK_OPEN_FDS; i++)
		close(fds[i]);
	*control_out = pair[0];
	assert_int_equal(hear(w), TALK_SESSION);
	assert_true(get_talk_session(w->msg.body, &m));
	if (m.pid != 0)
		assert_int_equal(ipc_recv(pair[0], frame, sizeof(frame),
		    &msg), OK);
	return m;
}

static void
begin_session(struct world *w)
{
	service(w, LINES("auth note=DIR/note env=ONE=1 env=LD_PRELOAD=/x",
	    "account note=DIR/note", "session note=DIR/note env=TWO=2"));
	start(w, "u", 60000);
	say_auth(w, "x", false);
	wants(w, TALK_DONE, "");
}

static void
test_session(void **state)
{
	struct world *w = *state;
	struct talk_session m;
	char note[256];
	int control;

	begin_session(w);
	m = open_session(w, &control);
	assert_true(m.pid > 0);
	assert_int_equal(m.nenv, 3);
	assert_true(view_is(m.env[0], "ONE=1"));
	assert_true(view_is(m.env[2], "TWO=2"));
	close(control);
	assert_int_equal(end(w), 0);
	read_note(w, note, sizeof(note));
	assert_string_equal(note, "auth\naccount\ncred\nopen\n"
	    "clean\nclose\ndelete-cred\n");
}

/* Whatever ends the user's process, and whoever ends it. */
static void
test_session_ends(void **state)
{
	struct world *w = *state;
	struct talk_session m;
	char note[256];
	int control;

	begin_session(w);
	m = open_session(w, &control);
	assert_int_equal(kill((pid_t)m.pid, SIGUSR1), 0);
	assert_int_equal(end(w), 128 + SIGUSR1);
	close(control);
	begin_session(w);
	m = open_session(w, &control);
	assert_int_equal(kill(w->pid, SIGTERM), 0);
	assert_int_equal(end(w), 128 + SIGKILL);
	assert_int_equal(kill((pid_t)m.pid, 0), -1);
	close(control);
	read_note(w, note, sizeof(note));
	assert_non_null(strstr(note, "delete-cred\nauth"));
	assert_string_equal(note + strlen(note) - 18, "close\ndelete-cred\n");
}

static void
test_session_refused(void **state)
{
	struct world *w = *state;
	struct talk_session m;
	char note[256];
	int control;

	service(w, LINES("auth note=DIR/note", "account x",
	    "session deny note=DIR/note"));
	start(w, "u", 60000);
	say_auth(w, "x", false);
	wants(w, TALK_DONE, "");
	m = open_session(w, &control);
	assert_int_equal(m.pid, 0);
	assert_true(view_is(m.reason, "pam_open_session: Permission denied"));
	assert_int_equal(end(w), 0);
	close(control);
	read_note(w, note, sizeof(note));
	assert_string_equal(note, "auth\ncred\ndelete-cred\n");
	service(w, LINES("auth x", "account x", "session rename=root"));
	start(w, "u", 60000);
	say_auth(w, "x", false);
	result(w);
	m = open_session(w, &control);
	assert_int_equal(m.pid, 0);
	assert_true(view_is(m.reason, "a module changed PAM_USER"));
	close(control);
	/* in time it is killed, not before */
	service(w, LINES("auth x", "account x", "session hang"));
	start(w, "u", 3000);
	say_auth(w, "x", false);
	result(w);
	assert_int_equal(ipc_send(w->sock, TALK_OPEN, 0, view_of(NULL, 0),
	    (int []){ 0, 1, 2, 2 }, 4), OK);
	assert_int_equal(hear(w), 0);
	assert_int_equal(end(w), -SIGKILL);
}

static void
test_slow_close(void **state)
{
	struct world *w = *state;
	int control;

	service(w, LINES("auth x", "account x", "session slow=1"));
	start(w, "u", 60000);
	say_auth(w, "x", false);
	result(w);
	assert_true(open_session(w, &control).pid > 0);
	close(control);
	assert_int_equal(end(w), -SIGKILL);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_password),
		T(test_more_than_a_password),
		T(test_dialogue),
		T(test_answers_that_do_not_fit),
		T(test_rename),
		T(test_sham),
		T(test_account),
		T(test_change_by_request),
		T(test_change_in_the_dialogue),
		T(test_change_that_was_none),
		T(test_garbage),
		T(test_death),
		T(test_delay),
		T(test_hang),
		T(test_out_of_order),
		T(test_no_service),
		T(test_find),
		T(test_session),
		T(test_session_ends),
		T(test_session_refused),
		T(test_slow_close),
	};
	char *slash;

	if (argc > 1 && strcmp(argv[1], ROLE_SESSION) == 0)
		return role_session();
	/* built beside this program */
	if (realpath(argv[0], module) == NULL ||
	    (slash = strrchr(module, '/')) == NULL)
		return 1;
	strcpy(slash + 1, "pam_sallyport_test.so");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
