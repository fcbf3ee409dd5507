/* Who is no user of the configuration may be an account of the host. */
#include <stdlib.h>
#include <string.h>

#include "auth/account.h"
#include "base/host.h"
#include "chroot/generation.h"
#include "chroot/tool/explain.h"

#define RULES_MAX	((size_t)64 * 1024)

static const char *
take_answer(struct explanation *x, const struct host_rules *r, struct view v)
{
	const char *why = "sallyport-account talks nonsense";
	struct account a = { 0 };

	if (v.n == 0 || v.p[v.n - 1] != '\n')
		return why;
	v.n--;
	if (v.n > 2 && memcmp(v.p, "! ", 2) == 0 &&
	    view_to_cstr(view_of(v.p + 2, v.n - 2), x->account.why,
	    sizeof(x->account.why)))
		return x->account.why;
	if (!account_get(v, &a))
		return why;
	if (a.known && strcmp(a.name, x->user) == 0)
		why = auth_account_policy(r, &a, &x->account);
	account_clear(&a);
	return why;
}

void
explain_host(struct explanation *x, const struct host_rules *r)
{
	struct resolve_question q = { .role = "--find", .name = x->user };
	struct wr rules = wr_new(RULES_MAX), w = wr_new(ACCOUNT_LINE_MAX);
	char *helper = resolve_find_helper();

	auth_put_find(&rules, r);
	q.in = wr_view(&rules);
	x->nobody = "host_accounts are too many";
	if (!rules.bad && resolve_ask(helper, &q, &w, &x->nobody))
		x->nobody = take_answer(x, r, wr_view(&w));
	if (x->nobody == NULL)
		x->policy = x->account.policy;
	free(helper);
	wr_free(&rules);
	wr_free(&w);
}
