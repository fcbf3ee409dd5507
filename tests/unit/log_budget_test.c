#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/log_budget.h"

static void
budget(void **state)
{
	struct log_budget b = { 0 };
	uint32_t hidden = 99;

	(void)state;
	for (int i = 0; i < LOG_BUDGET; i++) {
		assert_true(log_budget(&b, 5000 + (uint64_t)i, &hidden));
		assert_int_equal(hidden, 0);
	}
	for (int i = 0; i < 7; i++)
		assert_false(log_budget(&b, 5000 + LOG_BUDGET_MS - 1,
		    &hidden));
	/* the next one tells of those, once */
	assert_true(log_budget(&b, 5000 + LOG_BUDGET_MS, &hidden));
	assert_int_equal(hidden, 7);
	assert_true(log_budget(&b, 5000 + LOG_BUDGET_MS, &hidden));
	assert_int_equal(hidden, 0);
	b.hidden = UINT32_MAX;
	b.said = LOG_BUDGET;
	assert_false(log_budget(&b, 5000 + LOG_BUDGET_MS, &hidden));
	assert_true(b.hidden == UINT32_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(budget) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
