/*
 * Events that a peer can cause as often as it likes are not logged as often:
 * so many in a while, and then their number.
 */
#ifndef BASE_LOG_BUDGET_H
#define BASE_LOG_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_BUDGET	100	/* events of one kind */
#define LOG_BUDGET_MS	10000	/* ... in so long */

struct log_budget {		/* all zero: nothing has been said */
	uint64_t since;
	uint32_t said, hidden;
};

/* May one be logged now (ms, any clock)?  If so, *hidden_out is how many were
 * not since the last one that was. */
bool log_budget(struct log_budget *b, uint64_t now, uint32_t *hidden_out);

#endif
