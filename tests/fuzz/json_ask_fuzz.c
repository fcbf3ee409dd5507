/* Answers of the program that holds a dialogue: whatever is taken keeps the
 * limits, and what is refused allows nothing. */
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
	struct json_ask a;
	const char *why;
	size_t texts = 0;

	if (!json_ask(view_of(data, size), &a, &why)) {
		check(!a.result.allow && why != NULL);
		json_ask_free(&a);
		return 0;
	}
	check(a.n <= USERAUTH_MAX_PROMPTS);
	check(!a.over || (a.n == 0 && a.name == NULL &&
	    a.instruction == NULL));
	check(a.over || (!a.result.allow && a.result.reason == NULL &&
	    !a.result.policy.has_allow && !a.result.policy.has_umask &&
	    a.result.policy.start == NULL));
	for (size_t i = 0; i < a.n; i++) {
		check(a.prompts[i].text != NULL && a.prompts[i].text[0] != 0);
		check(strchr(a.prompts[i].text, '\033') == NULL);
		texts += strlen(a.prompts[i].text);
	}
	check(texts <= JSON_TEXTS_MAX);
	json_ask_free(&a);
	return 0;
}
