/* Built-in commands; checksums beside those of coreutils. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "tests/unit/exec_peer.h"

static struct peer p;
static char text[8192];

static struct hash *
start(const char *name, size_t *len_out)
{
	static const struct {
		const char *name;
		enum hash_alg alg;
	} algs[] = {
		{ "md5", HASH_MD5 }, { "sha1", HASH_SHA1 },
		{ "sha256", HASH_SHA256 }, { "sha384", HASH_SHA384 },
		{ "sha512", HASH_SHA512 },
	};
	size_t i = 0;

	while (strcmp(algs[i].name, name) != 0)
		i++;
	*len_out = hash_len(algs[i].alg);
	return hash_new(algs[i].alg);
}

static const struct sftp_hash hash = { start, hash_update, hash_final,
	hash_free };

static int
setup(void **state)
{
	(void)state;
	peer_init(&p, false);
	p.c.policy.hash = &hash;
	p.c.policy.builtins = UINT32_MAX;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	peer_done(&p);
	return 0;
}

static void
says(const char *line, const char *out, const char *err, uint32_t status)
{
	peer_run_three(&p, line);
	peer_pump(&p);
	peer_expect(&p, view_str(out));
	peer_expect_err(&p, err);
	peer_ended(&p, status);
}

static void
sums(void **state)
{
	(void)state;
	file_make("abc", "abc");
	file_make("empty", "");
	says("md5sum abc", "900150983cd24fb0d6963f7d28e17f72  abc\n", "", 0);
	says("sha1sum abc", "a9993e364706816aba3e25717850c26c9cd0d89d  abc\n",
	    "", 0);
	says("sha256sum -b ./abc", "ba7816bf8f01cfea414140de5dae2223b00361a396"
	    "177a9cb410ff61f20015ad *./abc\n", "", 0);
	says("sha384sum abc", "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163"
	    "1a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7  abc\n", "", 0);
	says("sha512sum --tag abc", "SHA512 (abc) = ddaf35a193617abacc417349ae2"
	    "0413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3fe"
	    "ebbd454d4423643ce80e2a9ac94fa54ca49f\n", "", 0);
	says("md5sum a* none empty", "900150983cd24fb0d6963f7d28e17f72  abc\n"
	    "d41d8cd98f00b204e9800998ecf8427e  empty\n",
	    "md5sum: none: No such file or directory\n", 1);
	says("md5sum . abc", "900150983cd24fb0d6963f7d28e17f72  abc\n",
	    "md5sum: .: Is a directory\n", 1);
	says("md5sum -x", "", "md5sum: -x: unknown option\n", 1);
	says("md5sum -c abc", "", "md5sum: -c: unknown option\n", 1);
}

/* As rclone asks whether there is such a command: no file, no input. */
static void
standard_input(void **state)
{
	(void)state;
	peer_run_three(&p, "md5sum");
	peer_quiet(&p);
	peer_eof(&p);
	HEAR(&p, "d41d8cd98f00b204e9800998ecf8427e  -\n");
	peer_ended(&p, 0);
	peer_run(&p, "sha1sum");
	SAY(&p, "a");
	SAY(&p, "bc");
	peer_quiet(&p);
	peer_eof(&p);
	HEAR(&p, "a9993e364706816aba3e25717850c26c9cd0d89d  -\n");
	peer_ended(&p, 0);
	/* Once read, it is at its end. */
	file_make("abc", "abc");
	peer_run_three(&p, "md5sum - abc -");
	SAY(&p, "abc");
	peer_eof(&p);
	HEAR(&p, "900150983cd24fb0d6963f7d28e17f72  -\n"
	    "900150983cd24fb0d6963f7d28e17f72  abc\n"
	    "d41d8cd98f00b204e9800998ecf8427e  -\n");
	peer_ended(&p, 0);
}

/* What coreutils say of names of all kinds, byte by byte. */
static void
odd_names(void **state)
{
	static const char *const names[] = { "a b", "a\\b", "a\nb", "a\rb",
	    "\\", "a'b", "-x", "*", "\xff\x1b", " ", "a\tb" };
	static const char *const options[] = { "", "-b", "--tag", "-z",
	    "-t", "-bz", "--tag --zero" };
	char line[256], want[4096];
	size_t n;
	FILE *f;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		file_make(names[i], names[i]);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		snprintf(line, sizeof(line), "sha256sum %s -- *", options[i]);
		f = popen(line, "r");
		assert_non_null(f);
		n = fread(want, 1, sizeof(want), f);
		assert_int_equal(pclose(f), 0);
		assert_true(n > 600);
		peer_run(&p, line);
		peer_expect(&p, view_of(want, n));
		peer_ended(&p, 0);
	}
	/* Without a descriptor for complaints they come with the rest. */
	peer_run(&p, "md5sum 'no\x1b'");
	HEAR(&p, "md5sum: no\\033: No such file or directory\n");
	peer_ended(&p, 1);
}

/* In slices, so that others get their turn; broken off when nobody waits. */
static void
large(void **state)
{
	int fd = open("big", O_WRONLY | O_CREAT, 0644);

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)200 << 20), 0);
	close(fd);
	peer_run(&p, "md5sum big");
	HEAR(&p, "3566de3a97906edb98d004d6b947ae9b  big\n");
	peer_ended(&p, 0);
	assert_true(p.turns >= 200 / 2);
	expect_event(&p.c, "command", "channel=7 service=builtin "
	    "command=md5sum big bytes=209715200 result=ok");
	peer_run(&p, "md5sum big");
	peer_hang_up(&p);
	peer_pump(&p);
	assert_int_equal(p.end, ERR_CLOSED);
	assert_int_equal(p.turns, 1);
	expect_event(&p.c, "command", "channel=7 service=builtin "
	    "command=md5sum big bytes=0 result=aborted");
}

static void
special(void **state)
{
	(void)state;
	assert_int_equal(mkfifo("pipe", 0644), 0);
	assert_int_equal(symlink("/dev/zero", "zero"), 0);
	says("md5sum pipe zero", "", "md5sum: pipe: Not a regular file\n"
	    "md5sum: zero: Not a regular file\n", 1);
	p.c.policy.hash = NULL;
	file_make("f", "");
	says("md5sum f", "", "md5sum: f: Out of memory\n", 1);
}

static void
directories(void **state)
{
	char line[256];

	(void)state;
	assert_int_equal(mkdir("d", 0755), 0);
	assert_int_equal(mkdir("d/e f", 0755), 0);
	file_make("d/e f/abc", "abc");
	file_make("file", "");
	snprintf(text, sizeof(text), "%s\n", p.c.dir);
	says("pwd", text, "", 0);
	says("cd; pwd", text, "", 0);
	says("cd d/..; pwd -P", text, "", 0);
	says("pwd -x", "", "pwd: -x: unknown option\n", 1);
	snprintf(text, sizeof(text), "%s/d/e f\n", p.c.dir);
	says("cd d && cd 'e f' && pwd", text, "", 0);
	says("cd d/e* ; pwd", text, "", 0);
	snprintf(line, sizeof(line), "cd \"%s/d/e f\" && pwd", p.c.dir);
	says(line, text, "", 0);
	says("cd d; cd 'e f'; md5sum abc a?c",
	    "900150983cd24fb0d6963f7d28e17f72  abc\n"
	    "900150983cd24fb0d6963f7d28e17f72  abc\n", "", 0);
	says("cd / && pwd", "/\n", "", 0);
	says("cd none && pwd", "", "cd: none: No such file or directory\n",
	    1);
	says("cd file", "", "cd: file: Not a directory\n", 1);
	says("cd d file", "", "cd: too many arguments\n", 1);
	says("cd -x", "", "cd: -x: unknown option\n", 1);
	snprintf(text, sizeof(text), "%s\n", p.c.dir);
	says("cd none; pwd", text, "cd: none: No such file or directory\n",
	    0);
	says("cd none && pwd; echo x", "x\n",
	    "cd: none: No such file or directory\n", 0);
	/* Nobody else's directory has changed. */
	assert_non_null(getcwd(text, sizeof(text)));
	assert_string_equal(text, p.c.dir);
}

static void
echoes(void **state)
{
	(void)state;
	file_make("a1", "");
	file_make("a2", "");
	says("echo ${ShellId}%ComSpec%", "%ComSpec%\n", "", 0);
	says("echo", "\n", "", 0);
	says("echo -n", "", "", 0);
	says("echo -n a  'b  c'", "a b  c", "", 0);
	says("echo a? b? -x", "a1 a2 b? -x\n", "", 0);
}

static void
asked(void **state)
{
	struct jail_policy *j = &p.c.policy;

	(void)state;
	assert_int_equal(exec_ask(j, view_str("md5sum x")), EXEC_SERVED);
	assert_int_equal(exec_ask(j, view_str("cd x && md5sum y")),
	    EXEC_SERVED);
	assert_int_equal(exec_ask(j, view_str("ls")), EXEC_UNKNOWN);
	assert_int_equal(exec_ask(j, view_str("cd x && ls")),
	    EXEC_UNKNOWN);
	assert_int_equal(exec_ask(j, view_str("md5sum x | sh")),
	    EXEC_UNKNOWN);
	assert_int_equal(exec_ask(j, view_str("pwd; scp -t x")),
	    EXEC_UNKNOWN);
	assert_int_equal(exec_ask(j, view_str("/usr/bin/md5sum x")),
	    EXEC_UNKNOWN);
	j->builtins = exec_builtin_bit("md5sum") | exec_builtin_bit("pwd");
	assert_int_equal(exec_ask(j, view_str("md5sum x")), EXEC_SERVED);
	assert_int_equal(exec_ask(j, view_str("pwd;md5sum x")),
	    EXEC_SERVED);
	assert_int_equal(exec_ask(j, view_str("sha1sum x")),
	    EXEC_NO_BUILTIN);
	assert_int_equal(exec_ask(j, view_str("cd x && md5sum y")),
	    EXEC_NO_BUILTIN);
	j->builtins = 0;
	for (size_t i = 0; exec_builtin_name(i) != NULL; i++) {
		assert_int_equal(exec_ask(j, view_str(exec_builtin_name(i))),
		    EXEC_NO_BUILTIN);
		assert_int_equal(exec_builtin_bit(exec_builtin_name(i)),
		    1u << i);
	}
	assert_int_equal(exec_builtin_bit("ls"), 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(sums), T(standard_input), T(odd_names), T(large),
		T(special), T(directories), T(echoes), T(asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
