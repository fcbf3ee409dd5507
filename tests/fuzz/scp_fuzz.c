/*
 * Both ends of the old scp on an arbitrary other end, in a root of its own.
 *
 * Input: byte options (1: read-only, 2: -r, 4: -p, 8: byte by byte, 16: -f
 * instead of -t), then what the other end says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/exec_drive.h"
#include "tests/fuzz/root.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What `scp -t` says is one answer after the other, and after \2 nothing. */
static void
check_answers(struct view v)
{
	while (v.n != 0) {
		const uint8_t *end = v.p;

		if (v.p[0] > 2)
			abort();
		if (v.p[0] != 0 && (end = memchr(v.p, '\n', v.n)) == NULL)
			abort();
		for (const uint8_t *p = v.p + 1; p < end; p++)
			if (*p < 0x20 || *p == 0x7f)
				abort();
		if (v.p[0] == 2 && end + 1 != v.p + v.n)
			abort();
		v = view_of(end + 1, v.n - (size_t)(end + 1 - v.p));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t o = size != 0 ? data[0] : 0;
	struct view in = size > 1 ? view_of(data + 1, size - 1) :
	    view_of(NULL, 0);
	struct jail_policy policy = exec_drive_policy;
	struct wr said = wr_new((size_t)32 << 20);
	bool give = (o & 16) != 0;
	char line[64];

	policy.read_only = !root_enter() || (o & 1) != 0;
	snprintf(line, sizeof(line), "scp %s%s%s", (o & 2) != 0 ? "-r " : "",
	    (o & 4) != 0 ? "-p " : "", give ? "-f d f l p none *" : "-t d");
	exec_drive(&policy, view_str(line), in, (o & 8) != 0, &said);
	/* Nothing but the target has been touched. */
	if (root_entries() != 5)
		abort();
	if (!give)
		check_answers(wr_view(&said));
	root_leave();
	wr_free(&said);
	return 0;
}
