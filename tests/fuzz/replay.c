/*
 * Runs a fuzz target over files and folders named on the command line: the
 * corpus and every input that once crashed, in each `make check`.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long runs;

static int
run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t n = 0, cap = 0, got;

	if (f == NULL) {
		perror(path);
		return 1;
	}
	do {
		if (n == cap) {
			uint8_t *p = realloc(data, cap = cap * 2 + 4096);

			if (p == NULL)
				abort();
			data = p;
		}
		n += got = fread(data + n, 1, cap - n, f);
	} while (got != 0);
	fclose(f);
	/* An exact allocation, so that ASan sees a read past the end. */
	uint8_t *exact = malloc(n != 0 ? n : 1);

	if (exact == NULL)
		abort();
	for (size_t i = 0; i < n; i++)
		exact[i] = data[i];
	free(data);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	runs++;
	return 0;
}

static int
run_path(const char *path)
{
	struct dirent *e;
	struct stat st;
	int bad = 0;
	DIR *d;

	if (stat(path, &st) == -1 || !S_ISDIR(st.st_mode))
		return run_file(path);
	if ((d = opendir(path)) == NULL) {
		perror(path);
		return 1;
	}
	while ((e = readdir(d)) != NULL) {
		char full[4096];

		if (e->d_name[0] == '.')
			continue;
		snprintf(full, sizeof(full), "%s/%s", path, e->d_name);
		bad |= run_path(full);
	}
	closedir(d);
	return bad;
}

int
main(int argc, char **argv)
{
	int bad = 0;

	for (int i = 1; i < argc; i++)
		bad |= run_path(argv[i]);
	printf("%s: %lu inputs\n", argv[0], runs);
	return bad != 0 || runs == 0;
}
