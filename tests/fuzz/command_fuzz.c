/*
 * Command lines: what is served of them runs to its end, without input, in a
 * root of its own.
 */
#include <stdlib.h>

#include "tests/fuzz/exec_drive.h"
#include "tests/fuzz/root.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view line = view_of(data, size);
	struct jail_policy policy = exec_drive_policy, none = { 0 };

	/* Who may nothing, gets nothing. */
	if (exec_ask(&none, line) == EXEC_SERVED)
		abort();
	if (exec_ask(&policy, line) != EXEC_SERVED)
		return 0;
	policy.read_only = true;
	root_enter();
	exec_drive(&policy, line, view_of(NULL, 0), false, NULL);
	root_leave();
	return 0;
}
