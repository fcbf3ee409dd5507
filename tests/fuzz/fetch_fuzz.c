/* The message of a login for sallyport-fetch: what is taken keeps the limits
 * and is said again in the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "auth/fetch.h"

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
	struct fetch_request q;
	struct wr w;

	if (!fetch_get(view_of(data, size), &q))
		return 0;
	check(q.url.n != 0 && q.url.n <= FETCH_URL_MAX &&
	    !view_has_nul(q.url) && !view_has_nul(q.token));
	w = wr_new(FETCH_MAX);
	fetch_put(&w, &q);
	check(!w.bad && view_eq(wr_view(&w), view_of(data, size)));
	wr_free(&w);
	return 0;
}
