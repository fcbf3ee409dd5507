/* sallyport keys: when each key of a user was used last, and from where. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auth/auth.h"
#include "chroot/generation.h"
#include "chroot/state.h"
#include "chroot/tool/tool.h"

/* state_dir of the configuration; false: it has complained. */
static bool
find_state_dir(const char *file, char *out, size_t n)
{
	char *helper = resolve_find_helper();
	const struct parse_how how = {
		.file = file, .unprivileged = geteuid() != 0,
		.helper = helper,
	};
	struct config_env env = parse_env(&how);
	struct wr block = wr_new(PARSE_BLOCK_MAX);
	struct wr faults = wr_new(PARSE_FAULTS_MAX);
	struct config *c = NULL;
	bool ok;

	ok = config_parse(file, &env, &block, &faults) &&
	    (c = config_open(wr_view(&block))) != NULL;
	if (!ok)
		fwrite(wr_view(&faults).p, 1, wr_size(&faults), stderr);
	else if (!view_to_cstr(config_main(c)->state_dir, out, n) ||
	    out[0] == '\0') {
		tool_complain("%s: remembers nothing; needs state_dir", file);
		ok = false;
	}
	config_free(&c);
	wr_free(&block);
	wr_free(&faults);
	free(helper);
	return ok;
}

static void
print_use(void *ctx, const char *key, int64_t at, const char *src)
{
	unsigned *n = ctx;
	time_t t = (time_t)at;
	char text[32] = "?";
	struct tm tm;

	if (gmtime_r(&t, &tm) != NULL)
		(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	printf("%s %s %s\n", text, key, src);
	++*n;
}

/* Texts come from a file that only root writes, but are a client's. */
static int
read_uses(const char *dir, const char *user)
{
	char path[PATH_MAX + 8], name[STATE_NAME_MAX + 1];
	struct wr w = wr_new(AUTH_KEY_USES_MAX);
	int fd, status = TOOL_FAILED;
	unsigned n = 0;
	enum err e;

	snprintf(path, sizeof(path), "%s/users", dir);
	if (snprintf(name, sizeof(name), "%s.keys", user) >=
	    (int)sizeof(name))
		return tool_complain("\"%s\" is too long for a name", user);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return tool_complain("%s: %s", path, strerror(errno));
	e = state_read(fd, name, AUTH_KEY_USES_MAX, &w);
	if (e == OK && !auth_key_uses(wr_view(&w), print_use, &n))
		tool_complain("%s/%s: is damaged", path, name);
	else if (e == OK)
		status = TOOL_OK;
	else if (e == ERR_CLOSED)
		tool_complain("no key of \"%s\" has been used yet", user);
	else
		tool_complain("%s/%s: %s", path, name, e == ERR_SYS ?
		    strerror(errno) : err_word(e));
	close(fd);
	wr_free(&w);
	return status;
}

int
tool_keys(int argc, char **argv)
{
	const char *file = TOOL_CONFIG;
	char dir[PATH_MAX];
	int c;

	optind = 0;
	while ((c = getopt(argc, argv, "f:")) != -1) {
		if (c != 'f')
			return TOOL_USAGE;
		file = optarg;
	}
	if (optind + 1 != argc)
		return TOOL_USAGE;
	if (!find_state_dir(file, dir, sizeof(dir)))
		return TOOL_FAILED;
	return read_uses(dir, argv[optind]);
}
