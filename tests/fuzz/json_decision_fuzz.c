/* Answers of the program that decides: whatever is taken keeps the limits,
 * and what is refused allows nothing. */
#include <stdlib.h>
#include <string.h>

#include "auth/json.h"

static void
check(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_decision d;
	const char *why;

	if (!json_decision(view_of(data, size), &d, &why)) {
		check(!d.allow && why != NULL);
		json_decision_free(&d);
		return 0;
	}
	check(memmem(data, size, "allow", 5) != NULL || !d.allow ||
	    memmem(data, size, "\\u", 2) != NULL);
	check(d.allow || (!d.policy.has_allow && !d.policy.has_umask &&
	    d.policy.start == NULL));
	check(d.reason == NULL || strlen(d.reason) <= JSON_REASON_MAX);
	check(d.policy.umask <= 0777);
	check((d.policy.allow & ~0x1ffu) == 0);
	check(d.policy.start == NULL || (d.policy.start[0] == '/' &&
	    strlen(d.policy.start) <= JSON_START_MAX &&
	    strstr(d.policy.start, "/../") == NULL));
	json_decision_free(&d);
	return 0;
}
