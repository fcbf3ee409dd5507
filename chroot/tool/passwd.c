#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "chroot/tool/tool.h"

_Static_assert(TOOL_PASSWORD_MAX == CRYPT_MAX_PASSPHRASE_SIZE - 1,
    "what auth/password.c takes");

bool
tool_hash(const char *password, char *out, size_t n)
{
	struct crypt_data *data = calloc(1, sizeof(*data));
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *got;
	bool ok = false;

	if (data == NULL)
		return false;
	/* yescrypt at the library's own cost, with a salt from the kernel. */
	if (crypt_gensalt_rn("$y$", 0, NULL, 0, setting,
	    sizeof(setting)) != NULL) {
		got = crypt_rn(password, setting, data, (int)sizeof(*data));
		if (got != NULL && got[0] != '*' && strlen(got) < n) {
			memcpy(out, got, strlen(got) + 1);
			ok = true;
		}
	}
	wipe(data, sizeof(*data));
	free(data);
	return ok;
}

static int
refuse(enum err e)
{
	switch (e) {
	case ERR_CLOSED:
		return tool_complain("no password was given");
	case ERR_LIMIT:
		return tool_complain("the password is too long; %d bytes are "
		    "allowed", TOOL_PASSWORD_MAX);
	case ERR_PROTO:
		return tool_complain("the password holds a NUL character");
	default:
		return tool_complain("the password cannot be read: %s",
		    strerror(errno));
	}
}

static int
ask_twice(char *password)
{
	char again[TOOL_PASSWORD_MAX + 1];
	int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	bool same = false;
	enum err e;

	if (tty == -1)
		return tool_complain("/dev/tty: %s", strerror(errno));
	e = tool_ask(tty, "Password: ", password, TOOL_PASSWORD_MAX + 1);
	if (e == OK && password[0] != '\0') {
		e = tool_ask(tty, "The same again: ", again, sizeof(again));
		same = e == OK && strcmp(password, again) == 0;
		wipe(again, sizeof(again));
		if (e == OK && !same) {
			close(tty);
			return tool_complain("the two are not the same");
		}
	}
	close(tty);
	return e == OK ? TOOL_OK : refuse(e);
}

static int
get_password(char *password)
{
	int status = TOOL_OK;
	enum err e;

	if (isatty(STDIN_FILENO) == 1)
		status = ask_twice(password);
	else if ((e = tool_read_line(STDIN_FILENO, password,
	    TOOL_PASSWORD_MAX + 1)) != OK)
		status = refuse(e);
	if (status == TOOL_OK && password[0] == '\0')
		status = tool_complain("the password is empty");
	return status;
}

int
tool_passwd(int argc, char **argv)
{
	const struct rlimit no_core = { 0, 0 };
	char password[TOOL_PASSWORD_MAX + 1], hash[CRYPT_OUTPUT_SIZE];
	int status;

	(void)argv;
	if (argc != 1) {
		tool_complain("a password is asked for, it never stands on "
		    "the command line");
		return TOOL_USAGE;
	}
	/* Neither a core file nor a debugger of the same user sees it. */
	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)prctl(PR_SET_DUMPABLE, 0);
	status = get_password(password);
	if (status == TOOL_OK && !tool_hash(password, hash, sizeof(hash)))
		status = tool_complain("crypt(3): %s", strerror(errno));
	wipe(password, sizeof(password));
	if (status == TOOL_OK)
		puts(hash);
	return status;
}
