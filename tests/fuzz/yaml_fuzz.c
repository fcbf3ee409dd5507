/*
 * Any text as a configuration: it is refused with faults that are lines of
 * printable text with a place, or it becomes a block that opens and whose
 * users all decode.
 */
#include <stdlib.h>
#include <string.h>

#include "base/config_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
resolve(void *ctx, const char *name, struct policy *out, const char **why_out)
{
	(void)ctx;
	*why_out = "no such account";
	out->uid = out->gid = (uint32_t)strlen(name) - 4;
	return name[0] != 'x';
}

static bool
algorithm_known(const char *kind, struct view name)
{
	return kind[0] != 'm' || name.n % 2 == 0;
}

static void
demand(bool good)
{
	if (!good)
		abort();
}

/* "t.yaml:LINE:COLUMN: ..." */
static void
check_line(struct view line)
{
	demand(line.n > 10 && memcmp(line.p, "t.yaml:", 7) == 0);
	demand(line.p[7] >= '1' && line.p[7] <= '9');
	for (size_t i = 0; i < line.n; i++)
		demand(line.p[i] >= 0x20 && line.p[i] != 0x7f);
}

static void
check_faults(struct view v, bool good)
{
	size_t at = 0, lines = 0;

	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] != '\n')
			continue;
		if (memcmp(v.p + at, "... and ", 8) != 0)
			check_line(view_of(v.p + at, i - at));
		at = i + 1;
		lines++;
	}
	demand(at == v.n);
	demand(good || lines != 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct config_env env = {
		.unprivileged = size % 2 != 0, .resolve = resolve,
		.algorithm_known = algorithm_known,
	};
	struct wr block = wr_new(1 << 24), faults = wr_new(16384);
	struct config *c;
	bool good;

	good = config_parse_text("t.yaml", view_of(data, size), &env, &block,
	    &faults);
	check_faults(wr_view(&faults), good);
	if (good) {
		c = config_open(wr_view(&block));
		demand(c != NULL);
		config_free(&c);
	}
	wr_free(&block);
	wr_free(&faults);
	return 0;
}
