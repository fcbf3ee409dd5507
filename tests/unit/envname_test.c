#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/envname.h"

static void
test_shape(void **state)
{
	static const char *const good[] = { "A", "_", "LC_ALL", "a9" };
	static const char long_name[] =
	    "A234567890123456789012345678901234567890123456789012345678901"
	    "2345";
	const char *const bad[] = {
		"", "9A", "A=B", "A B", "A-B", "\xc3\xa4", "A\n", long_name,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(env_name_ok(view_str(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(env_name_ok(view_str(bad[i])));
	assert_false(env_name_ok(view_of("A\0", 2)));
}

/* Whatever the patterns say. */
static void
test_never(void **state)
{
	static const char *const names[] = {
		"LD_PRELOAD", "LD_", "LD_X", "GLIBC_TUNABLES", "PATH", "IFS",
		"BASH_ENV", "BASH_FUNC_x", "ENV", "HOME", "USER", "SHELL",
		"SSH_ORIGINAL_COMMAND", "SSH_CONNECTION", "TERM",
		"PYTHONPATH", "PERL5LIB", "GIT_SSH_COMMAND", "PS4",
	};
	const struct view all[] = { view_str("*"), view_str("??*") };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_true(env_name_never(view_str(names[i])));
		assert_false(env_name_allowed(view_str(names[i]), all, 2));
	}
	assert_false(env_name_never(view_str("LDX")));
	assert_false(env_name_never(view_str("LANG")));
	assert_true(env_pattern_never("L*"));
	assert_true(env_pattern_never("?ATH"));
	assert_false(env_pattern_never("LC_*"));
}

static void
test_patterns(void **state)
{
	const struct view p[] = { view_str("LANG"), view_str("LC_*"),
	    view_str("X?") };

	(void)state;
	assert_true(env_name_allowed(view_str("LANG"), p, 3));
	assert_true(env_name_allowed(view_str("LC_ALL"), p, 3));
	assert_true(env_name_allowed(view_str("XY"), p, 3));
	assert_false(env_name_allowed(view_str("XYZ"), p, 3));
	assert_false(env_name_allowed(view_str("LANGUAGE"), p, 3));
	assert_false(env_name_allowed(view_str("lang"), p, 3));
	assert_false(env_name_allowed(view_of("LANG\0", 5), p, 3));
	assert_false(env_name_allowed(view_str("LANG"), p, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_never),
		cmocka_unit_test(test_patterns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
