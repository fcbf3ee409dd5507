/* chroot/tool/jail*: what programs need, and files made inside of a jail. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "chroot/tool/jail.h"
#include "chroot/tool/tool.h"

struct fixture {
	char dir[64];
	struct jail_add j;
};

static int
setup(void **state)
{
	struct fixture *x = test_calloc(1, sizeof(*x));

	snprintf(x->dir, sizeof(x->dir), "/tmp/tool-jail.XXXXXX");
	assert_non_null(mkdtemp(x->dir));
	assert_int_equal(chmod(x->dir, 0755), 0);
	x->j.jail = x->dir;
	x->j.root = open(x->dir, O_PATH | O_DIRECTORY);
	*state = x;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *x = *state;
	char cmd[128];

	close(x->j.root);
	jail_paths_free(&x->j.done);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", x->dir);
	assert_int_equal(system(cmd), 0);
	test_free(x);
	return 0;
}

static bool
has(const struct jail_paths *p, const char *what)
{
	for (size_t i = 0; i < p->n; i++)
		if (strstr(p->v[i], what) != NULL)
			return true;
	return false;
}

static struct jail_paths
needs(const char *path)
{
	struct jail_paths p = { .v = NULL };
	int fd = open(path, O_RDONLY);

	assert_int_not_equal(fd, -1);
	assert_true(jail_needs(fd, path, &p));
	close(fd);
	return p;
}

static void
programs(void **state)
{
	struct jail_paths p = needs("/bin/sh");

	(void)state;
	assert_true(has(&p, "libc.so"));
	assert_true(has(&p, "/ld-") || has(&p, "/ld64"));
	for (size_t i = 0; i < p.n; i++)
		assert_int_equal(p.v[i][0], '/');
	jail_paths_free(&p);
	p = needs("/etc/passwd");
	assert_int_equal(p.n, 0);
}

static struct jail_paths
script(struct fixture *x, const char *text, bool good)
{
	struct jail_paths p = { .v = NULL };
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/script", x->dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0755);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(jail_needs(fd, path, &p), good);
	close(fd);
	return p;
}

static void
scripts(void **state)
{
	struct fixture *x = *state;
	struct jail_paths p = script(x, "#!/bin/sh -e\necho\n", true);

	assert_int_equal(p.n, 1);
	assert_string_equal(p.v[0], "/bin/sh");
	jail_paths_free(&p);
	p = script(x, "#! /usr/bin/env sh\n", true);
	assert_int_equal(p.n, 2);
	assert_string_equal(p.v[0], "/usr/bin/env");
	assert_true(has(&p, "/sh"));
	jail_paths_free(&p);
	p = script(x, "#!/usr/bin/env -S sh -e\n", true);
	assert_true(has(&p, "/sh"));
	jail_paths_free(&p);
	p = script(x, "#!/usr/bin/env no-such-program\n", false);
	jail_paths_free(&p);
	p = script(x, "#!relative\n", true);
	assert_int_equal(p.n, 0);
	p = script(x, "#!", true);
	assert_int_equal(p.n, 0);
}

/* A program's header in memory, with one segment. */
static int
elf(uint64_t offset, uint64_t size, const char *name, uint64_t phoff,
    uint16_t phnum)
{
	Elf64_Ehdr e = { .e_phoff = phoff, .e_phnum = phnum };
	Elf64_Phdr p = { .p_type = PT_INTERP, .p_offset = offset,
	    .p_filesz = size };
	int fd = memfd_create("elf", 0);

	memcpy(e.e_ident, ELFMAG, SELFMAG);
	e.e_ident[EI_CLASS] = ELFCLASS64;
	assert_int_equal(pwrite(fd, &e, sizeof(e), 0), sizeof(e));
	assert_int_equal(pwrite(fd, &p, sizeof(p), sizeof(e)), sizeof(p));
	assert_int_equal(pwrite(fd, name, strlen(name) + 1, 200),
	    strlen(name) + 1);
	return fd;
}

static void
interpreters(void **state)
{
	static const struct {
		uint64_t offset, size;
		const char *name;
		uint64_t phoff;
		uint16_t phnum;
		bool good;
	} rows[] = {
		{ 200, 7, "/lib/x", sizeof(Elf64_Ehdr), 1, true },
		{ 200, 6, "/lib/x", sizeof(Elf64_Ehdr), 1, false },
		{ 200, 8, "/lib/x", sizeof(Elf64_Ehdr), 1, false },
		{ 200, 7, "/l\0b/x", sizeof(Elf64_Ehdr), 1, false },
		{ 200, 4, "lib", sizeof(Elf64_Ehdr), 1, false },
		{ 200, 0, "/lib/x", sizeof(Elf64_Ehdr), 1, false },
		{ 200, 100000, "/lib/x", sizeof(Elf64_Ehdr), 1, false },
		{ UINT64_MAX, 7, "/lib/x", sizeof(Elf64_Ehdr), 1, false },
		{ 200, 7, "/lib/x", sizeof(Elf64_Ehdr), 0, false },
		{ 200, 7, "/lib/x", UINT64_MAX, 1, false },
		{ 200, 7, "/lib/x", 100000, 65535, false },
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fd = elf(rows[i].offset, rows[i].size, rows[i].name,
		    rows[i].phoff, rows[i].phnum);

		if (jail_interpreter(fd, out, sizeof(out)) != rows[i].good)
			fail_msg("row %zu", i);
		close(fd);
	}
}

static mode_t
mode_of(const struct fixture *x, const char *path)
{
	char full[256];
	struct stat st;

	snprintf(full, sizeof(full), "%s%s", x->dir, path);
	return lstat(full, &st) == 0 ? st.st_mode : 0;
}

/* A file with a mode, as it would be on the host. */
static int
host_file(mode_t mode, struct stat *st)
{
	int fd = memfd_create("host", 0);

	assert_int_equal(write(fd, "text", 4), 4);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(fstat(fd, st), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void
files(void **state)
{
	struct fixture *x = *state;
	struct stat st;
	int fd = host_file(04755, &st);

	assert_true(jail_file(&x->j, fd, &st, "/usr/bin/thing"));
	assert_int_equal(mode_of(x, "/usr/bin/thing"), S_IFREG | 0755);
	assert_int_equal(mode_of(x, "/usr"), S_IFDIR | 0755);
	assert_int_equal(x->j.copied, 1);
	/* once more: nothing to do */
	assert_true(jail_file(&x->j, fd, &st, "/usr/bin/thing"));
	assert_int_equal(x->j.copied, 1);
	close(fd);
	fd = host_file(0600, &st);
	assert_true(jail_file(&x->j, fd, &st, "/etc/thing"));
	assert_int_equal(mode_of(x, "/etc/thing"), S_IFREG | 0644);
	close(fd);
	assert_true(jail_folder(&x->j, "/tmp", 01777));
	assert_int_equal(mode_of(x, "/tmp"), S_IFDIR | 01777);
	assert_true(jail_link(&x->j, "usr/bin", "/bin"));
	assert_true(jail_link_new(&x->j, "usr/other", "/bin"));
	assert_int_not_equal(mode_of(x, "/bin/thing"), 0);
}

/* Neither a link nor a folder of others' leads out, or anywhere at all. */
static void
stays_inside(void **state)
{
	struct fixture *x = *state;
	char path[128];
	struct stat st;
	int fd = host_file(0755, &st);

	snprintf(path, sizeof(path), "%s/out", x->dir);
	assert_int_equal(symlink("/tmp", path), 0);
	/* there is no /tmp inside */
	assert_false(jail_file(&x->j, fd, &st, "/out/tool-jail-escaped"));
	assert_int_equal(access("/tmp/tool-jail-escaped", F_OK), -1);
	snprintf(path, sizeof(path), "%s/up", x->dir);
	assert_int_equal(symlink("../../..", path), 0);
	assert_true(jail_file(&x->j, fd, &st, "/up/thing"));
	assert_int_not_equal(mode_of(x, "/thing"), 0);
	assert_int_equal(access("/thing", F_OK), -1);
	/* the name itself is a link: it is replaced, not followed */
	snprintf(path, sizeof(path), "%s/name", x->dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_true(jail_file(&x->j, fd, &st, "/name"));
	assert_int_equal(mode_of(x, "/name"), S_IFREG | 0755);
	assert_true(jail_folder(&x->j, "/open", 0777));
	assert_false(jail_file(&x->j, fd, &st, "/open/thing"));
	close(fd);
}

static void
lines(void **state)
{
	struct fixture *x = *state;
	char path[128], text[256] = "";
	int fd;

	assert_true(jail_line(&x->j, "/etc/passwd", "root:x:0:0::/:/x"));
	assert_true(jail_line(&x->j, "/etc/passwd", "a:x:1:1::/:/x"));
	assert_true(jail_line(&x->j, "/etc/passwd", "root:y"));
	assert_true(jail_line(&x->j, "/etc/passwd", "roo:x:2"));
	snprintf(path, sizeof(path), "%s/etc/passwd", x->dir);
	fd = open(path, O_RDONLY);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	assert_string_equal(text, "root:x:0:0::/:/x\na:x:1:1::/:/x\n"
	    "roo:x:2\n");
	assert_int_equal(mode_of(x, "/etc/passwd"), S_IFREG | 0644);
	snprintf(path, sizeof(path), "%s/etc/group", x->dir);
	assert_int_equal(symlink("/etc/group", path), 0);
	assert_false(jail_line(&x->j, "/etc/group", "x:y"));
}

static void
whole(void **state)
{
	struct fixture *x = *state;

	if (geteuid() != 0)
		skip();
	assert_true(jail_add(&x->j, "/bin/sh", 0));
	assert_int_equal(mode_of(x, "/bin/sh"), S_IFREG | 0755);
	assert_true(x->j.copied >= 3);
	assert_false(jail_add(&x->j, "/etc/shadow", 0));
	assert_false(jail_add(&x->j, "/no/such/file", 0));
	assert_false(jail_add(&x->j, "/etc/../etc/passwd", 0));
	assert_false(jail_add(&x->j, "etc/passwd", 0));
	assert_false(jail_add(&x->j, "/etc/.", 0));
	assert_false(jail_add(&x->j, "/dev/null", 0));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(programs), T(scripts), T(interpreters), T(files),
		T(stays_inside), T(lines), T(whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
