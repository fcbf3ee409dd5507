#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/messages.h"
#include "chroot/environ.h"

static const struct policy_pair none_set[1];
static const struct view patterns[] = {
	{ (const uint8_t *)"LANG", 4 }, { (const uint8_t *)"LC_*", 4 },
	{ (const uint8_t *)"*", 1 },
};

static struct environ_spec
spec(const struct policy *p)
{
	return (struct environ_spec){
		.policy = p, .user = "acme", .home = "/home", .shell =
		"/bin/sh", .connection = "192.0.2.1 5000 192.0.2.2 22",
	};
}

/* The value of a variable, which must stand there once; NULL: not there. */
static const char *
value(char **env, const char *name)
{
	const char *found = NULL;
	size_t n = strlen(name);

	for (; *env != NULL; env++) {
		if (strncmp(*env, name, n) != 0 || (*env)[n] != '=')
			continue;
		assert_null(found);
		found = *env + n + 1;
	}
	return found;
}

static void
test_fixed(void **state)
{
	struct policy p = { .run = { .set_env = { none_set, 0 } } };
	struct environ_spec s = spec(&p);
	char **env = environ_build(&s);
	size_t n = 0;

	(void)state;
	assert_non_null(env);
	assert_string_equal(value(env, "USER"), "acme");
	assert_string_equal(value(env, "LOGNAME"), "acme");
	assert_string_equal(value(env, "HOME"), "/home");
	assert_string_equal(value(env, "SHELL"), "/bin/sh");
	assert_string_equal(value(env, "PATH"), ENVIRON_PATH);
	assert_string_equal(value(env, "SSH_CONNECTION"),
	    "192.0.2.1 5000 192.0.2.2 22");
	assert_string_equal(value(env, "SSH_CLIENT"), "192.0.2.1 5000 22");
	while (env[n] != NULL)
		n++;
	assert_int_equal(n, 7);
	free(env);
	s.tty = "/dev/pts/4";
	s.term = view_str("xterm");
	s.time_zone = "Europe/Berlin";
	s.original = view_of("", 0);
	env = environ_build(&s);
	assert_string_equal(value(env, "SSH_TTY"), "/dev/pts/4");
	assert_string_equal(value(env, "TERM"), "xterm");
	assert_string_equal(value(env, "TZ"), "Europe/Berlin");
	assert_string_equal(value(env, "SSH_ORIGINAL_COMMAND"), "");
	free(env);
}

/* The client's own, by the patterns; what is dangerous, by none. */
static void
test_client(void **state)
{
	static const char *const sent[][2] = {
		{ "LANG", "C" }, { "LC_ALL", "x=y" }, { "FOO", "bar" },
		{ "LD_PRELOAD", "/tmp/x" }, { "PATH", "/tmp" },
		{ "HOME", "/tmp" }, { "SSH_TTY", "/dev/null" },
		{ "BASH_ENV", "/tmp/x" },
	};
	struct policy p = { .env = { patterns, 2 } };
	struct environ_spec s = spec(&p);
	struct wr w = wr_new(4096);
	char **env;

	(void)state;
	for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++)
		msg_env_put(&w, view_str(sent[i][0]), view_str(sent[i][1]));
	s.client = wr_view(&w);
	env = environ_build(&s);
	assert_string_equal(value(env, "LANG"), "C");
	assert_string_equal(value(env, "LC_ALL"), "x=y");
	assert_null(value(env, "FOO"));
	free(env);
	p.env.n = 3;
	env = environ_build(&s);
	assert_string_equal(value(env, "FOO"), "bar");
	assert_null(value(env, "LD_PRELOAD"));
	assert_null(value(env, "BASH_ENV"));
	assert_null(value(env, "SSH_TTY"));
	assert_string_equal(value(env, "PATH"), ENVIRON_PATH);
	assert_string_equal(value(env, "HOME"), "/home");
	free(env);
	wr_free(&w);
}

static void
test_order(void **state)
{
	static const struct policy_pair set[] = {
		{ { (const uint8_t *)"A", 1 }, { (const uint8_t *)"set", 3 } },
		{ { (const uint8_t *)"PATH", 4 },
		    { (const uint8_t *)"/opt", 4 } },
	};
	const struct view pam[] = { view_str("A=pam"), view_str("B=pam"),
	    view_str("MAIL=/m"), view_str("=x"), view_str("nothing") };
	const struct view key[] = { view_str("B=key"), view_str("C=key"),
	    view_str("LD_PRELOAD=/x"), view_of("D=\0", 3) };
	struct policy p = { .env = { patterns, 3 },
	    .run = { .set_env = { set, 2 } } };
	struct environ_spec s = spec(&p);
	struct wr w = wr_new(4096);
	char **env;

	(void)state;
	for (const char *n = "ABC"; *n != '\0'; n++)
		msg_env_put(&w, view_of(n, 1), view_str("client"));
	s.client = wr_view(&w);
	s.pam = (struct view_list){ pam, 5 };
	s.key = (struct view_list){ key, 4 };
	env = environ_build(&s);
	assert_string_equal(value(env, "A"), "set");
	assert_string_equal(value(env, "B"), "key");
	assert_string_equal(value(env, "C"), "key");
	assert_null(value(env, "D"));
	assert_string_equal(value(env, "MAIL"), "/m");
	assert_string_equal(value(env, "PATH"), "/opt");
	assert_null(value(env, "LD_PRELOAD"));
	free(env);
	/* Keys set what clients may, no more. */
	p.env.n = 1;
	env = environ_build(&s);
	assert_null(value(env, "C"));
	free(env);
	wr_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
