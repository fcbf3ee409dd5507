#include "chroot/tool/tool.h"

static const struct tool_command commands[] = {
	{ "passwd", "", "Makes the hash of a password, for the configuration",
	    "Asks twice on a terminal, without echo; otherwise reads one "
	    "line.  The hash\ngoes to standard output, to be put behind "
	    "`password:` of a user.\n", tool_passwd },
	{ "totp", "USER", "Makes a secret for codes from an authenticator app",
	    "What goes into the configuration is written to standard output, "
	    "what the user\nneeds to standard error: an otpauth URI, and "
	    "recovery codes.\n", tool_totp },
};

int
main(int argc, char **argv)
{
	return tool_run(commands, sizeof(commands) / sizeof(commands[0]),
	    argc, argv);
}
