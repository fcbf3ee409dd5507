/*
 * sallyport-account: the program that talks to NSS and PAM, so that no module
 * of theirs ever shares a process with our cryptography.  One role per run,
 * named by the first argument.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utmp.h>

#include "auth/account_record.h"
#include "auth/account_serve.h"

static bool
write_all(struct view v)
{
	while (v.n != 0) {
		ssize_t n = write(STDOUT_FILENO, v.p, v.n);

		if (n <= 0)
			return false;
		v.p += n;
		v.n -= (size_t)n;
	}
	return true;
}

/* --resolve NAME...: exits 0 if every name is an account. */
static int
role_resolve(int argc, char **argv)
{
	int status = 0;

	for (int i = 0; i < argc; i++) {
		struct wr w = wr_new(ACCOUNT_LINE_MAX);
		struct account a;
		enum err e = account_resolve(argv[i], &a);
		bool told = false;

		if (e == OK) {
			account_put(&w, &a);
			told = !w.bad && write_all(wr_view(&w));
		}
		if (e != OK || !told)
			fprintf(stderr, "sallyport-account: %s: %s\n",
			    argv[i], e != OK ? err_word(e) : "cannot write");
		if (!told || !a.known)
			status = 1;
		account_clear(&a);
		wr_free(&w);
	}
	return status;
}

static bool
read_all(struct wr *w)
{
	for (;;) {
		uint8_t *at = wr_reserve(w, 4096);
		ssize_t n;

		if (at == NULL || (n = read(STDIN_FILENO, at, 4096)) == -1)
			return false;
		if (n == 0)
			return true;
		wr_commit(w, (size_t)n);
	}
}

/* --find NAME: would it be an account that may log in, by the rules on
 * standard input (TALK_FIND)?  Its line, or "! " and why not; for the tool. */
static int
role_find(int argc, char **argv)
{
	struct wr rules = wr_new(2 * IPC_MAX_FRAME);
	struct wr w = wr_new(ACCOUNT_LINE_MAX);
	struct account a = { 0 };
	const char *why = NULL;
	struct talk_find f;
	int status = 1;

	(void)argc;
	if (!read_all(&rules) || !get_talk_find(wr_view(&rules), &f))
		goto out;
	if ((why = account_find(argv[0], &f, &a)) == NULL)
		why = account_barred(argv[0]);
	if (why == NULL)
		account_put(&w, &a);
	else {
		wr_bytes(&w, view_str("! "));
		wr_bytes(&w, view_str(why));
		wr_u8(&w, '\n');
	}
	if (!w.bad && write_all(wr_view(&w)))
		status = 0;
out:
	account_clear(&a);
	wr_free(&rules);
	wr_free(&w);
	return status;
}

/* --pam: started by a login process alone, with sockets on 3 and 4. */
static int
role_pam(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	account_role(NULL);
}

/* --lookup: started by the warden, with its socket on 3. */
static int
role_lookup(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return account_lookup(3);
}

/* --record login|logout LINE UID PID USER HOST: by the warden.  PID is the
 * session's, or of the helper that wrote of its login. */
static int
role_record(int argc, char **argv)
{
	static const struct record_files files = {
		_PATH_UTMP, _PATH_WTMP, _PATH_LASTLOG,
	};
	struct record r = { .line = argv[1], .user = "", .host = "" };

	if (argc != 6)
		return 1;
	r.uid = (uint32_t)strtoul(argv[2], NULL, 10);
	if (strcmp(argv[0], "login") == 0) {
		r.pid = (pid_t)strtol(argv[3], NULL, 10);
		r.user = argv[4];
		r.host = argv[5];
	} else
		account_record_await((pid_t)strtol(argv[3], NULL, 10));
	return account_record(&r, &files) == OK ? 0 : 1;
}

static const struct role {
	const char *name, *usage;
	int min_args;
	int (*run)(int argc, char **argv);
} roles[] = {
	{ "--resolve", "NAME...", 1, role_resolve },
	{ "--find", "NAME (started by sallyport itself)", 1, role_find },
	{ "--lookup", "(started by sallyportd itself)", 0, role_lookup },
	{ "--record", "(started by sallyportd itself)", 6, role_record },
	{ "--pam", "(started by sallyportd itself)", 0, role_pam },
};

static int
usage(void)
{
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		fprintf(stderr, "usage: sallyport-account %s %s\n",
		    roles[i].name, roles[i].usage);
	return 1;
}

int
main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(roles) / sizeof(roles[0]);
	    i++)
		if (strcmp(argv[1], roles[i].name) == 0 &&
		    argc - 2 >= roles[i].min_args)
			return roles[i].run(argc - 2, argv + 2);
	return usage();
}
