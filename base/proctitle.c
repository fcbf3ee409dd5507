#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/proctitle.h"

extern char **environ;

/* The bytes that /proc/self/cmdline shows; of this process, set once. */
static struct {
	char *p;
	size_t n;
} room;

/* End of the strings that lie in one piece behind argv[0]. */
static char *
strings_end(int argc, char **argv, char **env)
{
	char *end = argv[0];

	for (int i = 0; i < argc; i++)
		if (argv[i] == end)
			end += strlen(argv[i]) + 1;
	for (; env != NULL && *env != NULL; env++)
		if (*env == end)
			end += strlen(*env) + 1;
	return end;
}

/* False: no memory; nothing has changed then. */
static bool
move_environment(void)
{
	size_t n = 0;
	char **copy;

	while (environ != NULL && environ[n] != NULL)
		n++;
	if ((copy = calloc(n + 1, sizeof(*copy))) == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		if ((copy[i] = strdup(environ[i])) == NULL) {
			while (i-- > 0)
				free(copy[i]);
			free(copy);
			return false;
		}
	}
	environ = copy;
	return true;
}

void
proctitle_init(int argc, char **argv)
{
	char *end;

	if (argc < 1 || argv[0] == NULL)
		return;
	end = strings_end(argc, argv, environ);
	if (!move_environment())
		return;
	room.p = argv[0];
	room.n = (size_t)(end - argv[0]);
}

void
proctitle_set(const char *fmt, ...)
{
	char text[256] = "sallyportd: ";
	size_t at = strlen(text), n;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + at, sizeof(text) - at, fmt, ap);
	va_end(ap);
	for (char *s = text; *s != '\0'; s++)
		if (*s < ' ' || *s > '~')
			*s = '?';
	prctl(PR_SET_NAME, "sallyportd");
	if (room.n < 2)
		return;
	n = strlen(text);
	if (n > room.n - 1)
		n = room.n - 1;
	memset(room.p, 0, room.n);
	memcpy(room.p, text, n);
}
