#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "chroot/tool/tool.h"

int
tool_complain(const char *fmt, ...)
{
	va_list ap;

	fputs("sallyport: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return TOOL_FAILED;
}

static void
print_usage(FILE *to, const struct tool_command *c)
{
	fprintf(to, "usage: sallyport %s%s%s\n", c->name,
	    c->args[0] != '\0' ? " " : "", c->args);
}

static void
print_help(const struct tool_command *c)
{
	print_usage(stdout, c);
	printf("\n%s.\n", c->help);
	if (c->more != NULL)
		printf("\n%s", c->more);
}

static void
print_commands(FILE *to, const struct tool_command *table, size_t n)
{
	int width = 0;

	fputs("usage: sallyport COMMAND [WORD...]\n\n", to);
	for (size_t i = 0; i < n; i++)
		if ((int)strlen(table[i].name) > width)
			width = (int)strlen(table[i].name);
	for (size_t i = 0; i < n; i++)
		fprintf(to, "  %-*s  %s\n", width, table[i].name,
		    table[i].help);
	fputs("\n`sallyport help COMMAND` says more about one.\n", to);
}

static const struct tool_command *
find(const struct tool_command *table, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	tool_complain("there is no command \"%s\"; `sallyport help` names "
	    "them", name);
	return NULL;
}

/* A full disk behind stdout is a failure, however well the command went. */
static int
finish(int status)
{
	if ((fflush(stdout) == 0 && !ferror(stdout)) || status != TOOL_OK)
		return status;
	return tool_complain("the output cannot be written");
}

static bool
is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int
help(const struct tool_command *table, size_t n, int argc, char **argv)
{
	const struct tool_command *c;

	if (argc > 2) {
		fputs("usage: sallyport help [COMMAND]\n", stderr);
		return TOOL_USAGE;
	}
	if (argc < 2) {
		print_commands(stdout, table, n);
		return finish(TOOL_OK);
	}
	if ((c = find(table, n, argv[1])) == NULL)
		return TOOL_USAGE;
	print_help(c);
	return finish(TOOL_OK);
}

int
tool_run(const struct tool_command *table, size_t n, int argc, char **argv)
{
	const struct tool_command *c;
	int status;

	if (argc < 2) {
		print_commands(stderr, table, n);
		return TOOL_USAGE;
	}
	if (is_help(argv[1]) || strcmp(argv[1], "help") == 0)
		return help(table, n, argc - 1, argv + 1);
	if (strcmp(argv[1], "--version") == 0) {
		puts("sallyport " VERSION);
		return finish(TOOL_OK);
	}
	if ((c = find(table, n, argv[1])) == NULL)
		return TOOL_USAGE;
	if (argc > 2 && is_help(argv[2])) {
		print_help(c);
		return finish(TOOL_OK);
	}
	status = finish(c->run(argc - 1, argv + 1));
	if (status == TOOL_USAGE)
		print_usage(stderr, c);
	return status == TOOL_TOLD ? TOOL_USAGE : status;
}
