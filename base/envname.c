#include <fnmatch.h>
#include <string.h>

#include "base/envname.h"

static const char shape[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "abcdefghijklmnopqrstuvwxyz0123456789_";

/* A pattern that took in one of these would be a mistake of its author. */
static const char *const worst[] = {
	"LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "PATH", "IFS", "HOME",
	"SHELL", "BASH_ENV", "ENV",
};

/* What is refused whatever the patterns say.  Ends in *: a prefix. */
static const char *const never[] = {
	/* the dynamic loader and libc */
	"LD_*", "GLIBC_TUNABLES", "MALLOC_*", "GCONV_PATH", "GETCONF_DIR",
	"LOCPATH", "NLSPATH", "TZDIR", "HOSTALIASES", "RES_OPTIONS",
	"RESOLV_*", "LOCALDOMAIN", "NIS_PATH",
	/* shells */
	"PATH", "IFS", "ENV", "BASH_*", "BASHOPTS", "SHELLOPTS", "CDPATH",
	"GLOBIGNORE", "PS4", "PROMPT_COMMAND", "ZDOTDIR",
	/* interpreters and what they start */
	"PYTHON*", "PERL*", "RUBY*", "NODE_*", "JAVA_*", "_JAVA_*",
	"GIT_*", "TERMINFO*", "TERMCAP",
	/* ours */
	"HOME", "USER", "LOGNAME", "SHELL", "MAIL", "SSH_*", "TERM",
	"SUDO_*", "XDG_RUNTIME_DIR", "KRB5*",
};

bool
env_name_ok(struct view name)
{
	if (name.n == 0 || name.n > ENV_NAME_MAX ||
	    (name.p[0] >= '0' && name.p[0] <= '9'))
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == '\0' || strchr(shape, name.p[i]) == NULL)
			return false;
	return true;
}

static bool
is_one(struct view name, const char *entry)
{
	size_t n = strlen(entry);

	if (entry[n - 1] != '*')
		return view_is(name, entry);
	return name.n >= n - 1 && memcmp(name.p, entry, n - 1) == 0;
}

bool
env_name_never(struct view name)
{
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (is_one(name, never[i]))
			return true;
	return false;
}

bool
env_pattern_never(const char *pattern)
{
	for (size_t i = 0; i < sizeof(worst) / sizeof(worst[0]); i++)
		if (fnmatch(pattern, worst[i], 0) == 0)
			return true;
	return false;
}

bool
env_name_allowed(struct view name, const struct view *patterns,
    size_t npatterns)
{
	char pattern[ENV_NAME_MAX + 1], word[ENV_NAME_MAX + 1];

	if (!env_name_ok(name) || env_name_never(name) ||
	    !view_to_cstr(name, word, sizeof(word)))
		return false;
	for (size_t i = 0; i < npatterns; i++)
		if (view_to_cstr(patterns[i], pattern, sizeof(pattern)) &&
		    fnmatch(pattern, word, 0) == 0)
			return true;
	return false;
}
