#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chroot/tool/jail.h"
#include "chroot/tool/tool.h"

#define HEADERS_MAX	128		/* of a program */
#define LIST_MAX	((size_t)256 << 10)	/* what the loader may print */
#define LINE_MAX_SCRIPT	256		/* as the kernel reads it */

bool
jail_paths_add(struct jail_paths *p, const char *path, bool *new_out)
{
	size_t cap = p->cap != 0 ? p->cap * 2 : 64;
	char **v = p->v;

	*new_out = false;
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(v[i], path) == 0)
			return true;
	*new_out = true;
	if (p->n >= JAIL_FILES_MAX)
		return false;
	if (p->n == p->cap) {
		if ((v = realloc(v, cap * sizeof(*v))) == NULL)
			return false;
		p->v = v;
		p->cap = cap;
	}
	if ((v[p->n] = strdup(path)) == NULL)
		return false;
	p->n++;
	return true;
}

void
jail_paths_free(struct jail_paths *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i]);
	free(p->v);
	*p = (struct jail_paths){ .v = NULL };
}

static bool
add(struct jail_paths *out, const char *path)
{
	bool is_new;

	return jail_paths_add(out, path, &is_new) ||
	    !tool_complain("too many files, or no memory");
}

/* ---- programs ---- */

/* Of both sizes; the fields that matter, in one order. */
struct segment {
	uint64_t offset, size;
};

static bool
find_interpreter_64(int fd, const Elf64_Ehdr *e, struct segment *out)
{
	Elf64_Phdr p;

	for (unsigned i = 0; i < e->e_phnum && i < HEADERS_MAX; i++) {
		if (e->e_phoff > (uint64_t)1 << 40 || pread(fd, &p, sizeof(p),
		    (off_t)(e->e_phoff + i * sizeof(p))) !=
		    (ssize_t)sizeof(p))
			return false;
		if (p.p_type == PT_INTERP) {
			*out = (struct segment){ p.p_offset, p.p_filesz };
			return true;
		}
	}
	return false;
}

static bool
find_interpreter_32(int fd, const Elf32_Ehdr *e, struct segment *out)
{
	Elf32_Phdr p;

	for (unsigned i = 0; i < e->e_phnum && i < HEADERS_MAX; i++) {
		if (pread(fd, &p, sizeof(p), (off_t)e->e_phoff +
		    (off_t)(i * sizeof(p))) != (ssize_t)sizeof(p))
			return false;
		if (p.p_type == PT_INTERP) {
			*out = (struct segment){ p.p_offset, p.p_filesz };
			return true;
		}
	}
	return false;
}

bool
jail_interpreter(int fd, char *out, size_t n)
{
	struct segment s = { 0, 0 };
	uint8_t ident[EI_NIDENT];
	union {
		Elf64_Ehdr e64;
		Elf32_Ehdr e32;
	} e;
	bool found = false;

	if (pread(fd, ident, EI_NIDENT, 0) != EI_NIDENT ||
	    memcmp(ident, ELFMAG, SELFMAG) != 0)
		return false;
	if (ident[EI_CLASS] == ELFCLASS64)
		found = pread(fd, &e, sizeof(e.e64), 0) ==
		    (ssize_t)sizeof(e.e64) &&
		    find_interpreter_64(fd, &e.e64, &s);
	else if (ident[EI_CLASS] == ELFCLASS32)
		found = pread(fd, &e, sizeof(e.e32), 0) ==
		    (ssize_t)sizeof(e.e32) &&
		    find_interpreter_32(fd, &e.e32, &s);
	if (!found || s.size < 2 || s.size > n)
		return false;
	out[s.size - 1] = 'x';
	return pread(fd, out, s.size, (off_t)s.offset) == (ssize_t)s.size &&
	    out[s.size - 1] == '\0' &&
	    strlen(out) == s.size - 1 && out[0] == '/';
}

static pid_t
start_loader(const char *loader, const char *path, int out)
{
	char *const argv[] = {
		(char *)(uintptr_t)loader, (char *)(uintptr_t)"--list",
		(char *)(uintptr_t)path, NULL,
	};
	static char path_is[] = "PATH=/usr/bin:/bin";
	char *const envp[] = { path_is, NULL };
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		if (dup2(null, 0) != -1 && dup2(out, 1) != -1 &&
		    dup2(null, 2) != -1)
			execve(loader, argv, envp);
		_exit(127);
	}
	return pid;
}

/* What the loader would load, as text; NULL: it says no. */
static char *
list(const char *loader, const char *path)
{
	char *text = calloc(1, LIST_MAX + 1);
	size_t n = 0;
	ssize_t got = 1;
	int p[2], status = 1;
	pid_t pid;

	if (text == NULL || pipe2(p, O_CLOEXEC) == -1) {
		free(text);
		return NULL;
	}
	pid = start_loader(loader, path, p[1]);
	close(p[1]);
	while (pid != -1 && got > 0 && n < LIST_MAX)
		if ((got = read(p[0], text + n, LIST_MAX - n)) > 0)
			n += (size_t)got;
	close(p[0]);
	if (pid != -1)
		while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
			;
	if (status != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* "name => /path (0x...)", "/path (0x...)", or without a path. */
static bool
take_library(char *line, const char *path, struct jail_paths *out)
{
	char *arrow = strstr(line, "=> "), *at = arrow != NULL ? arrow + 3 :
	    line;

	at += strspn(at, " \t");
	if (strncmp(at, "not found", 9) == 0) {
		tool_complain("%s needs %.*s, which is not there", path,
		    (int)strcspn(line + strspn(line, " \t"), " "),
		    line + strspn(line, " \t"));
		return false;
	}
	if (at[0] != '/')
		return true;
	at[strcspn(at, " \t")] = '\0';
	return add(out, at);
}

static bool
program_needs(int fd, const char *path, struct jail_paths *out)
{
	char loader[PATH_MAX], *text, *line, *rest;
	bool ok = true;

	if (!jail_interpreter(fd, loader, sizeof(loader)))
		return true;	/* linked whole, or a library */
	if ((text = list(loader, path)) == NULL) {
		tool_complain("%s: %s cannot say what it needs", path, loader);
		return false;
	}
	ok = add(out, loader);
	for (line = strtok_r(text, "\n", &rest); ok && line != NULL;
	    line = strtok_r(NULL, "\n", &rest))
		ok = take_library(line, path, out);
	free(text);
	return ok;
}

/* ---- scripts ---- */

/* "#!/usr/bin/env name": the name as well. */
static bool
env_needs(const char *word, const char *path, struct jail_paths *out)
{
	static const char *const dirs[] = {
		"/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin",
	};
	char where[PATH_MAX];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(where, sizeof(where), "%s/%s", dirs[i], word);
		if (access(where, X_OK) == 0)
			return add(out, where);
	}
	tool_complain("%s needs %s, which is not there", path, word);
	return false;
}

static bool
script_needs(char *line, const char *path, struct jail_paths *out)
{
	char *rest, *word = strtok_r(line, " \t\n", &rest);
	const char *slash;

	if (word == NULL || word[0] != '/')
		return true;
	if (!add(out, word))
		return false;
	slash = strrchr(word, '/');
	if (strcmp(slash, "/env") != 0)
		return true;
	word = strtok_r(NULL, " \t\n", &rest);
	if (word != NULL && strcmp(word, "-S") == 0)
		word = strtok_r(NULL, " \t\n", &rest);
	return word == NULL || word[0] == '-' || strchr(word, '=') != NULL ||
	    env_needs(word, path, out);
}

bool
jail_needs(int fd, const char *path, struct jail_paths *out)
{
	char head[LINE_MAX_SCRIPT + 1] = "";
	ssize_t n = pread(fd, head, LINE_MAX_SCRIPT, 0);

	if (n >= EI_NIDENT && memcmp(head, ELFMAG, SELFMAG) == 0)
		return program_needs(fd, path, out);
	if (n > 2 && head[0] == '#' && head[1] == '!') {
		head[strcspn(head, "\n")] = '\0';
		return script_needs(head + 2, path, out);
	}
	return true;
}
