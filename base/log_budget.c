#include "base/log_budget.h"

bool
log_budget(struct log_budget *b, uint64_t now, uint32_t *hidden_out)
{
	if (b->said == 0 || now - b->since >= LOG_BUDGET_MS) {
		b->since = now;
		b->said = 0;
	}
	if (b->said >= LOG_BUDGET) {
		if (b->hidden != UINT32_MAX)
			b->hidden++;
		return false;
	}
	b->said++;
	*hidden_out = b->hidden;
	b->hidden = 0;
	return true;
}
