/* Names that a pattern stands for, beside glob(3). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sftp/glob.h"
#include "tests/unit/sftp_client.h"

static struct client c;

static int
setup(void **state)
{
	(void)state;
	client_init(&c, false);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	client_stop(&c);
	return 0;
}

static enum err
run(struct glob *g, unsigned *steps_out)
{
	enum err e;

	*steps_out = 0;
	do {
		e = glob_step(g);
		++*steps_out;
	} while (e == ERR_AGAIN && *steps_out < 100000);
	return e;
}

/* "name name ..." */
static void
found(const char *base, const char *pattern, const char *text, char *out,
    size_t n)
{
	struct glob *g = glob_new(&c.policy, base, pattern, text);
	unsigned steps;
	size_t at = 0;

	assert_non_null(g);
	assert_int_equal(run(g, &steps), OK);
	out[0] = '\0';
	for (size_t i = 0; glob_name(g, i) != NULL; i++) {
		at += (size_t)snprintf(out + at, n - at, "%s%s",
		    i != 0 ? " " : "", glob_name(g, i));
		assert_true(at < n);
		assert_true(i < glob_count(g));
	}
	glob_free(&g);
	assert_null(g);
}

static void
expect(const char *pattern, const char *want)
{
	char got[4096];

	found("", pattern, "NONE", got, sizeof(got));
	assert_string_equal(got, want);
}

static void
tree(void)
{
	static const char *const dirs[] = { "d1", "d2", "d2/e", ".h", "x*y" };
	static const char *const files[] = { "a", "b.c", "b.h", ".dot",
	    "d1/f", "d1/g", "d2/f", "d2/e/f", ".h/f", "x*y/f", "sp ace" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		assert_int_equal(mkdir(dirs[i], 0755), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		file_make(files[i], "");
	assert_int_equal(symlink("d1", "ld"), 0);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
}

static void
names(void **state)
{
	char pattern[128], want[512], got[512];

	(void)state;
	tree();
	expect("*", "a b.c b.h d1 d2 dangling ld sp ace x*y");
	expect("b.*", "b.c b.h");
	expect("*/f", "d1/f d2/f ld/f x*y/f");
	expect("d?/*", "d1/f d1/g d2/e d2/f");
	expect("d?/e/*", "d2/e/f");
	expect("*/", "d1/ d2/ ld/ x*y/");
	expect("./*.c", "./b.c");
	expect("d1/../b.*", "d1/../b.c d1/../b.h");
	expect("*//f", "d1//f d2//f ld//f x*y//f");
	expect(".*", ".dot .h");
	expect("*/.*", "NONE");
	expect(".h/*", ".h/f");
	expect("dang*", "dangling");
	expect("x\\*y/*", "x*y/f");
	expect("nothing*", "NONE");
	expect("a/*", "NONE");
	expect("*/nothing", "NONE");
	/* No pattern: the text itself, whether or not it is there. */
	expect("a", "NONE");
	expect("\\*", "NONE");
	snprintf(pattern, sizeof(pattern), "%s/d?/f", c.dir);
	snprintf(want, sizeof(want), "%s/d1/f %s/d2/f", c.dir, c.dir);
	expect(pattern, want);
	expect("/tm[p]", "/tmp");
	/* Below another directory, which is no part of the names. */
	found("d2", "*", "-", got, sizeof(got));
	assert_string_equal(got, "e f");
	found(c.dir, "d1/*", "-", got, sizeof(got));
	assert_string_equal(got, "d1/f d1/g");
	found("d2", "/tm[p]", "-", got, sizeof(got));
	assert_string_equal(got, "/tmp");
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The same as glob(3) finds, for patterns of all shapes. */
static void
shadow(void **state)
{
	static const char *const pieces[] = { "*", "?", "d", "1", "f", ".",
	    "[a-d]", "/", "b", "\\", "x", "e" };
	char pattern[64];
	unsigned with = 0, steps;

	(void)state;
	tree();
	srandom(2);
	for (int i = 0; i < 20000; i++) {
		glob_t want;
		struct glob *g;
		int rc;

		pattern[0] = '\0';
		for (long j = 2 + random() % 5; j > 0; j--)
			strcat(pattern, pieces[(size_t)random() %
			    (sizeof(pieces) / sizeof(pieces[0]))]);
		/* Not below the root, no two slashes, no backslash at the end
		 * or before a slash, which have other meanings for both. */
		if (pattern[0] == '/' || strstr(pattern, "\\/") != NULL ||
		    strstr(pattern, "//") != NULL ||
		    pattern[strlen(pattern) - 1] == '\\' ||
		    strpbrk(pattern, "*?[") == NULL)
			continue;
		rc = glob(pattern, GLOB_NOSORT, NULL, &want);
		g = glob_new(&c.policy, "", pattern, "NONE");
		assert_non_null(g);
		assert_int_equal(run(g, &steps), OK);
		/* "." and ".." are found by libc alone. */
		if (strstr(pattern, ".") == NULL) {
			if ((rc == 0 ? want.gl_pathc : 1) != glob_count(g))
				fail_msg("%s: %zu and %zu", pattern,
				    rc == 0 ? want.gl_pathc : 1,
				    glob_count(g));
			if (rc == 0) {
				char **mine = calloc(glob_count(g),
				    sizeof(*mine));

				for (size_t k = 0; k < glob_count(g); k++)
					mine[k] = strdup(glob_name(g, k));
				qsort(mine, glob_count(g), sizeof(*mine),
				    by_text);
				qsort(want.gl_pathv, want.gl_pathc,
				    sizeof(char *), by_text);
				for (size_t k = 0; k < want.gl_pathc; k++) {
					assert_string_equal(mine[k],
					    want.gl_pathv[k]);
					free(mine[k]);
				}
				free(mine);
				with++;
			}
		}
		if (rc == 0)
			globfree(&want);
		glob_free(&g);
	}
	assert_true(with > 300);
}

/* A large directory takes many steps, and what it may hold has an end. */
static void
large(void **state)
{
	struct glob *g;
	unsigned steps;
	char name[64];

	(void)state;
	assert_int_equal(mkdir("many", 0755), 0);
	for (int i = 0; i < 2048; i++) {
		snprintf(name, sizeof(name), "many/%05d", i);
		assert_int_equal(mknod(name, S_IFREG | 0644, 0), 0);
	}
	g = glob_new(&c.policy, "", "many/*7", "-");
	assert_int_equal(run(g, &steps), OK);
	assert_true(steps > 4);
	assert_int_equal(glob_count(g), 205);
	assert_string_equal(glob_name(g, 0), "many/00007");
	assert_string_equal(glob_name(g, 1), "many/00017");
	for (size_t i = 1; i < glob_count(g); i++)
		assert_true(strcmp(glob_name(g, i - 1), glob_name(g, i)) < 0);
	glob_free(&g);
	/* Each component multiplies. */
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		assert_int_equal(symlink("many", name), 0);
	}
	g = glob_new(&c.policy, "", "d*/*", "-");
	assert_int_equal(run(g, &steps), ERR_LIMIT);
	glob_free(&g);
	/* Left in the middle. */
	g = glob_new(&c.policy, "", "many/*", "-");
	assert_int_equal(glob_step(g), ERR_AGAIN);
	glob_free(&g);
}

/* What cannot be read stands for nothing. */
static void
closed(void **state)
{
	(void)state;
	tree();
	assert_int_equal(chmod(c.dir, 0755), 0);
	assert_int_equal(chmod("d1", 0), 0);
	if (geteuid() == 0)
		assert_int_equal(seteuid(20011), 0);
	expect("d?/f", "d2/f");
	expect("d1/*", "NONE");
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod("d1", 0755), 0);
}

static void
joined(void **state)
{
	char out[16];

	(void)state;
	assert_true(glob_path("", "a", out, sizeof(out)));
	assert_string_equal(out, "a");
	assert_true(glob_path("/", "a", out, sizeof(out)));
	assert_string_equal(out, "/a");
	assert_true(glob_path("/d", "a", out, sizeof(out)));
	assert_string_equal(out, "/d/a");
	assert_true(glob_path("/d", "/a", out, sizeof(out)));
	assert_string_equal(out, "/a");
	assert_true(glob_path("/d", "123456789012", out, sizeof(out)));
	assert_false(glob_path("/d", "1234567890123", out, sizeof(out)));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(names), T(shadow), T(large), T(closed), T(joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
