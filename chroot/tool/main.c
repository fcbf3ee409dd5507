#include "chroot/tool/tool.h"

static const struct tool_command commands[] = {
	{ "explain", "USER [--from IP] [--listen ADDR:PORT] [--at TIME] "
	    "[--json] [-f FILE]",
	    "Tells what counts for a user, why, and whether they could log "
	    "in",
	    "Without --from sources are not looked at, without --listen the "
	    "first listener\ncounts, without --at it is now, without -f the "
	    "file is /etc/sallyport/\nsallyport.yaml.  The status is 0 if the "
	    "user could log in, 1 if not, 2 if the\nquestion or the "
	    "configuration is at fault.\n", tool_explain },
	{ "jail", "add --jail DIR [--user NAME:UID:GID[:HOME]]... FILE...",
	    "Copies programs with what they need into a jail",
	    "A FILE is a program, looked for in the usual folders if it is "
	    "a name alone, or any\nother file or folder, and keeps its "
	    "path.  With a program come its loader and its\nlibraries, "
	    "with a script its interpreter.  All of it belongs to root; "
	    "nothing is\nsetuid.  Devices such as /dev/null, /tmp, and "
	    "lines for root and each --user in\n/etc/passwd and "
	    "/etc/group are made if they are missing.  Run it again after "
	    "an\nupgrade of the host: what has changed is replaced.\n",
	    tool_jail },
	{ "keys", "USER [-f FILE]",
	    "Tells when each key of a user was used last, and from where",
	    "One line for each key, the newest use first: time, fingerprint, "
	    "source.  Without\n-f the file is "
	    "/etc/sallyport/sallyport.yaml.\n", tool_keys },
	{ "passwd", "", "Makes the hash of a password, for the configuration",
	    "Asks twice on a terminal, without echo; otherwise reads one "
	    "line.  The hash\ngoes to standard output, to be put behind "
	    "`password:` of a user.\n", tool_passwd },
	{ "totp", "USER", "Makes a secret for codes from an authenticator app",
	    "What goes into the configuration is written to standard output, "
	    "what the user\nneeds to standard error: an otpauth URI, and "
	    "recovery codes.\n", tool_totp },
	{ "penalties",
	    "[--control SOCKET] [list [--json] | clear SOURCE|--all]",
	    "Shows the sources that are turned away, or frees them",
	    "list   every source that has misbehaved, why, whether it is "
	    "barred already,\n       and for how long; --json: for programs\n"
	    "clear  an address or network, with all that overlaps it; --all: "
	    "everybody\n", tool_penalties },
};

int
main(int argc, char **argv)
{
	return tool_run(commands, sizeof(commands) / sizeof(commands[0]),
	    argc, argv);
}
