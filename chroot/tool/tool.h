/*
 * sallyport, the operator's tool.  A command is a row of the table in
 * chroot/tool/main.c and a function in a file of its own; what it prints for
 * people goes to stdout, what went wrong to stderr.
 */
#ifndef CHROOT_TOOL_TOOL_H
#define CHROOT_TOOL_TOOL_H

#include "base/ipc.h"

/* The exit status, and what a command returns. */
#define TOOL_OK		0
#define TOOL_FAILED	1	/* it has said why */
#define TOOL_USAGE	2	/* wrong words: the caller adds the usage */
#define TOOL_TOLD	-2	/* the same status, but it has said why */

#define TOOL_CONFIG	"/etc/sallyport/sallyport.yaml"	/* without -f */

struct tool_command {
	const char *name;
	const char *args;	/* behind the name in the usage, or "" */
	const char *help;	/* one line, without a full stop */
	const char *more;	/* further lines for `help NAME`, or NULL */
	int (*run)(int argc, char **argv);	/* argv[0] is the name */
};

/* Finds and runs the command that the words name; the exit status.  Also
 * answers --help, --version and `help [NAME]` itself. */
int tool_run(const struct tool_command *table, size_t n, int argc,
    char **argv);
/* "sallyport: ..." on stderr; returns TOOL_FAILED. */
int tool_complain(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* ---- ask.c: secrets from a terminal or a pipe ---- */

/*
 * Reads one line of descriptor fd, without its newline, as a C string of less
 * than n bytes.  ERR_CLOSED: nothing came; ERR_LIMIT: it is longer (the rest
 * of the line is read and dropped); ERR_PROTO: it holds a NUL; ERR_SYS.
 * After anything but OK out is wiped.
 */
enum err tool_read_line(int fd, char *out, size_t n) MUST_CHECK;
/* The same from the terminal on descriptor tty, after `prompt` and without
 * echo.  The terminal's state comes back before a signal stops or ends us. */
enum err tool_ask(int tty, const char *prompt, char *out, size_t n)
    MUST_CHECK;

/* ---- warden.c: questions to a daemon that runs ---- */

/* Connects to the control socket at path and makes sure that root or we
 * ourselves listen there; -1: it has complained.  Nothing is waited for
 * longer than 10 s. */
int tool_warden(const char *path);
/* Sends one request; false: it has complained. */
bool tool_warden_ask(int fd, uint8_t type, struct view body) MUST_CHECK;
/* Reads one frame into frame (IPC_MAX_FRAME bytes).  A CONTROL_FAILED is
 * told here; false: that, or it has complained. */
bool tool_warden_read(int fd, uint8_t *frame, struct ipc_msg *msg) MUST_CHECK;

/* ---- the commands ---- */

/* explain.c */
int tool_explain(int argc, char **argv);
/* passwd.c */
#define TOOL_PASSWORD_MAX	511	/* bytes; crypt(3) takes no more */
int tool_passwd(int argc, char **argv);
int tool_penalties(int argc, char **argv);	/* penalties.c */
/* The yescrypt hash of a password; out has n >= 384 bytes.  False: errno. */
bool tool_hash(const char *password, char *out, size_t n) MUST_CHECK;

int tool_jail(int argc, char **argv);	/* jail.c */

/* keys.c */
int tool_keys(int argc, char **argv);
/* totp.c */
int tool_totp(int argc, char **argv);

#endif
