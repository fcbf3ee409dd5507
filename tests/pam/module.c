/*
 * A PAM module for the tests of the account helper: it does what it is told
 * by the words behind its name in the service file, in their order.
 *
 *	password=TEXT	asks for a password, which must be TEXT
 *	ask=N		asks N questions at once, echo on and off in turn,
 *			which are answered "answer0", "answer1", ...
 *	say=TEXT	an information; error=TEXT an error.  _ is a space
 *	rename=NAME	changes PAM_USER
 *	items		checks PAM_RHOST, PAM_TTY and that there is no PAM_RUSER
 *	nonull		wants PAM_DISALLOW_NULL_AUTHTOK
 *	delay=MS	asks for a delay of failures
 *	crash, hang, exit, deny
 *	orphan=FILE	leaves a process behind that hangs; its pid in FILE
 *	garbage=KIND	see garbage()
 *	env=NAME=VALUE	in PAM's environment
 *	expired=FILE	the account's password has expired, until FILE is there
 *	change=TEXT	wants TEXT for the old password and makes FILE of
 *			expired= when the new one is long enough
 *	note=FILE	appends the name of the phase
 *	digest=HEX	EVP_Digest of "abc" by SHA-256 must be HEX (needs
 *			-DWITH_OPENSSL)
 */
#include <fcntl.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef WITH_OPENSSL
#include <openssl/evp.h>
#endif

#define EXPORT __attribute__((visibility("default")))

static char *
spaced(const char *s)
{
	char *t = strdup(s);

	for (char *c = t; c != NULL && *c != '\0'; c++)
		if (*c == '_')
			*c = ' ';
	return t;
}

static int
say(pam_handle_t *h, int style, const char *text)
{
	char *t = spaced(text);
	int e = pam_prompt(h, style, NULL, "%s", t);

	free(t);
	return e;
}

static int
password(pam_handle_t *h, const char *want)
{
	char *got = NULL;
	int e = pam_prompt(h, PAM_PROMPT_ECHO_OFF, &got, "Password: ");

	if (e == PAM_SUCCESS && (got == NULL || strcmp(got, want) != 0))
		e = PAM_AUTH_ERR;
	free(got);
	return e;
}

/* One call of the conversation with n messages. */
static int
converse(pam_handle_t *h, int n, const struct pam_message *m,
    struct pam_response **r)
{
	const struct pam_message *p[64] = { NULL };
	const void *item = NULL;
	const struct pam_conv *c;

	for (int i = 0; i < n && i < 64; i++)
		p[i] = &m[i];
	if (pam_get_item(h, PAM_CONV, &item) != PAM_SUCCESS || item == NULL)
		return PAM_CONV_ERR;
	c = item;
	return c->conv(n, p, r, c->appdata_ptr);
}

static int
ask(pam_handle_t *h, int n)
{
	struct pam_message m[32] = { { 0, NULL } };
	struct pam_response *r = NULL;
	char text[32][32], want[32];
	int e;

	for (int i = 0; i < n && i < 32; i++) {
		snprintf(text[i], sizeof(text[i]), "Question %d: ", i);
		m[i].msg_style = i % 2 ? PAM_PROMPT_ECHO_ON :
		    PAM_PROMPT_ECHO_OFF;
		m[i].msg = text[i];
	}
	if ((e = converse(h, n, m, &r)) != PAM_SUCCESS)
		return e;
	for (int i = 0; i < n; i++) {
		snprintf(want, sizeof(want), "answer%d", i);
		if (r[i].resp == NULL || strcmp(r[i].resp, want) != 0)
			e = PAM_AUTH_ERR;
		free(r[i].resp);
	}
	free(r);
	return e;
}

static int
garbage(pam_handle_t *h, const char *kind)
{
	static char huge[1 << 20];
	struct pam_message m[64];
	struct pam_response *r = NULL;
	int n = 1, e;

	memset(huge, 'x', sizeof(huge) - 1);
	for (int i = 0; i < 64; i++)
		m[i] = (struct pam_message){ PAM_TEXT_INFO, "text" };
	if (strcmp(kind, "count") == 0)
		n = -1;
	else if (strcmp(kind, "none") == 0)
		n = 0;
	else if (strcmp(kind, "many") == 0)
		n = 33;
	else if (strcmp(kind, "style") == 0)
		m[0].msg_style = 77;
	else if (strcmp(kind, "binary") == 0)
		m[0].msg_style = 7;	/* PAM_BINARY_PROMPT */
	else if (strcmp(kind, "null") == 0)
		m[0].msg = NULL;
	else if (strcmp(kind, "huge") == 0)
		m[0].msg = huge;
	else if (strcmp(kind, "bytes") == 0)
		m[0] = (struct pam_message){ PAM_PROMPT_ECHO_OFF,
		    "\377\376\033]0;x\007\302\200\355\240\200%s%n: " };
	else if (strcmp(kind, "fds") == 0) {
		/* to whoever may listen, then the rest of them away */
		for (int fd = 3; fd < 64; fd++)
			if (write(fd, "\200garbage", 8) == -1)
				close(fd);
		return PAM_SUCCESS;
	} else if (strcmp(kind, "closes") == 0) {
		for (int fd = 3; fd < 1024; fd++)
			close(fd);
		return PAM_SUCCESS;
	} else if (strcmp(kind, "socket") == 0) {
		for (int fd = 3; fd < 1024; fd++)
			if (write(fd, "\200garbage", 8) == 8)
				break;
		return PAM_SUCCESS;
	} else if (strcmp(kind, "fork") == 0) {
		/* a child that goes on as if it were us */
		if (fork() == 0)
			return PAM_AUTH_ERR;
		return PAM_SUCCESS;
	}
	e = converse(h, n, m, &r);
	if (r != NULL)
		free(r[0].resp);
	free(r);
	return e;
}

static int
items(pam_handle_t *h)
{
	const void *rhost = NULL, *tty = NULL, *ruser = NULL;

	pam_get_item(h, PAM_RHOST, &rhost);
	pam_get_item(h, PAM_TTY, &tty);
	pam_get_item(h, PAM_RUSER, &ruser);
	return rhost != NULL && strspn(rhost, "0123456789abcdef:.") ==
	    strlen(rhost) && tty != NULL && strcmp(tty, "ssh") == 0 &&
	    ruser == NULL ? PAM_SUCCESS : PAM_SYSTEM_ERR;
}

static int
orphan(const char *file)
{
	FILE *f;
	pid_t pid = fork();

	if (pid != 0)
		return PAM_SUCCESS;
	setsid();
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if ((f = fopen(file, "w")) != NULL) {
		fprintf(f, "%d\n", (int)getpid());
		fclose(f);
	}
	for (;;)
		pause();
}

static int
note(const char *file, const char *phase)
{
	FILE *f = fopen(file, "a");

	if (f == NULL)
		return PAM_SYSTEM_ERR;
	fprintf(f, "%s\n", phase);
	fclose(f);
	return PAM_SUCCESS;
}

static int
change(pam_handle_t *h, const char *want, const char *file)
{
	char *old = NULL, *new = NULL, *again = NULL;
	int e = pam_prompt(h, PAM_PROMPT_ECHO_OFF, &old,
	    "Current password: "), fd;

	if (e == PAM_SUCCESS)
		e = pam_prompt(h, PAM_PROMPT_ECHO_OFF, &new,
		    "New password: ");
	if (e == PAM_SUCCESS)
		e = pam_prompt(h, PAM_PROMPT_ECHO_OFF, &again,
		    "Retype new password: ");
	if (e == PAM_SUCCESS && (strcmp(old, want) != 0 ||
	    strcmp(new, again) != 0))
		e = PAM_AUTHTOK_ERR;
	if (e == PAM_SUCCESS && strlen(new) < 8) {
		pam_error(h, "BAD PASSWORD: too short");
		e = PAM_AUTHTOK_ERR;
	}
	if (e == PAM_SUCCESS && file != NULL &&
	    (fd = open(file, O_WRONLY | O_CREAT, 0600)) != -1)
		close(fd);
	free(old);
	free(new);
	free(again);
	return e;
}

static int
digest(const char *hex)
{
#ifdef WITH_OPENSSL
	unsigned char out[EVP_MAX_MD_SIZE];
	char text[2 * EVP_MAX_MD_SIZE + 1];
	unsigned n = 0;

	if (EVP_Digest("abc", 3, out, &n, EVP_sha256(), NULL) != 1)
		return PAM_SYSTEM_ERR;
	for (unsigned i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", out[i]);
	return strcmp(text, hex) == 0 ? PAM_SUCCESS : PAM_SYSTEM_ERR;
#else
	(void)hex;
	return PAM_SYSTEM_ERR;
#endif
}

/* The text behind KEY=, or NULL. */
static const char *
value(const char *word, const char *key)
{
	size_t n = strlen(key);

	return strncmp(word, key, n) == 0 && word[n] == '=' ? word + n + 1 :
	    NULL;
}

static const char *
find(int argc, const char **argv, const char *key)
{
	for (int i = 0; i < argc; i++)
		if (value(argv[i], key) != NULL)
			return value(argv[i], key);
	return NULL;
}

static int
obey(pam_handle_t *h, int flags, const char *phase, const char *word)
{
	const char *v;

	if ((v = value(word, "password")) != NULL)
		return password(h, v);
	if ((v = value(word, "ask")) != NULL)
		return ask(h, atoi(v));
	if ((v = value(word, "say")) != NULL)
		return say(h, PAM_TEXT_INFO, v);
	if ((v = value(word, "error")) != NULL)
		return say(h, PAM_ERROR_MSG, v);
	if ((v = value(word, "rename")) != NULL)
		return pam_set_item(h, PAM_USER, v);
	if ((v = value(word, "env")) != NULL)
		return pam_putenv(h, v);
	if ((v = value(word, "delay")) != NULL)
		return pam_fail_delay(h, (unsigned)atoi(v) * 1000);
	if ((v = value(word, "garbage")) != NULL)
		return garbage(h, v);
	if ((v = value(word, "orphan")) != NULL)
		return orphan(v);
	if ((v = value(word, "note")) != NULL)
		return note(v, phase);
	if ((v = value(word, "digest")) != NULL)
		return digest(v);
	if (strcmp(word, "items") == 0)
		return items(h);
	if (strcmp(word, "nonull") == 0)
		return (flags & PAM_DISALLOW_NULL_AUTHTOK) != 0 ?
		    PAM_SUCCESS : PAM_SYSTEM_ERR;
	if (strcmp(word, "crash") == 0)
		abort();
	if (strcmp(word, "exit") == 0)
		_exit(0);
	if (strcmp(word, "deny") == 0)
		return PAM_PERM_DENIED;
	if (strcmp(word, "hang") == 0) {
		signal(SIGTERM, SIG_IGN);
		signal(SIGALRM, SIG_IGN);
		for (;;)
			pause();
	}
	return PAM_SUCCESS;
}

static int
run(pam_handle_t *h, int flags, const char *phase, int argc,
    const char **argv)
{
	int e = PAM_SUCCESS;

	for (int i = 0; i < argc && e == PAM_SUCCESS; i++)
		e = obey(h, flags, phase, argv[i]);
	return e;
}

EXPORT int
pam_sm_authenticate(pam_handle_t *h, int flags, int argc, const char **argv)
{
	return run(h, flags, "auth", argc, argv);
}

EXPORT int
pam_sm_setcred(pam_handle_t *h, int flags, int argc, const char **argv)
{
	const char *f = find(argc, argv, "note");

	(void)h;
	return f == NULL ? PAM_SUCCESS : note(f,
	    (flags & PAM_DELETE_CRED) != 0 ? "delete-cred" : "cred");
}

EXPORT int
pam_sm_acct_mgmt(pam_handle_t *h, int flags, int argc, const char **argv)
{
	const char *f = find(argc, argv, "expired");
	int e = run(h, flags, "account", argc, argv);

	if (e == PAM_SUCCESS && f != NULL && access(f, F_OK) == -1)
		e = PAM_NEW_AUTHTOK_REQD;
	return e;
}

EXPORT int
pam_sm_open_session(pam_handle_t *h, int flags, int argc, const char **argv)
{
	return run(h, flags, "open", argc, argv);
}

EXPORT int
pam_sm_close_session(pam_handle_t *h, int flags, int argc, const char **argv)
{
	const char *f = find(argc, argv, "note");

	(void)h;
	(void)flags;
	if (find(argc, argv, "slow") != NULL)
		sleep(600);
	return f == NULL ? PAM_SUCCESS : note(f, "close");
}

EXPORT int
pam_sm_chauthtok(pam_handle_t *h, int flags, int argc, const char **argv)
{
	const char *want = find(argc, argv, "change");

	if ((flags & PAM_PRELIM_CHECK) != 0)
		return PAM_SUCCESS;
	return want == NULL ? run(h, flags, "password", argc, argv) :
	    change(h, want, find(argc, argv, "expired"));
}
