/*
 * Rules of host_accounts as a login gets them, and the name of an account:
 * what is taken is written again as the same bytes, and whoever comes out of
 * it is that account, in a place that no name leads out of.
 *
 * Input: byte 0 bits (1 uid 0, 2 no shell), a string, the name, then the rules.
 */
#include <stdlib.h>
#include <string.h>

#include "base/config_values.h"
#include "base/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
demand(bool good)
{
	if (!good)
		abort();
}

static void
check_rules(const struct host_rules *r, struct view bytes, struct view name)
{
	struct wr w = wr_new(1 << 20);

	put_host_rules(&w, r);
	/* The last byte is a truth, of which any but 0 is one. */
	demand(w.bad || (wr_size(&w) == bytes.n && view_eq(
	    view_of(wr_view(&w).p, bytes.n - 1), view_of(bytes.p,
	    bytes.n - 1))));
	(void)host_may_be(r, name);
	wr_free(&w);
}

static void
check_policy(const struct host_account *a, const struct host_rules *r,
    struct view bytes)
{
	struct policy *p = policy_decode(bytes);
	const char *why;

	demand(p != NULL);
	demand(view_eq(p->name, a->name) && view_eq(p->account_name, a->name));
	demand(p->uid == a->uid && p->gid == a->gid);
	demand(!p->root || (a->uid == 0 && r->root));
	demand(p->ngroups == 1 && p->groups[0] == 50);
	demand(!a->no_shell || (p->allow & ~(uint32_t)ALLOW_SFTP) == 0);
	demand(p->jail.n == 0 || value_path(p->jail, &why));
	for (size_t i = 0; i < p->key_files.n; i++)
		demand(host_in_home(p->key_files.v[i]) ||
		    value_path(p->key_files.v[i], &why));
	policy_free(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t groups[] = { 50 };
	struct rd in = rd_of(view_of(data, size));
	uint8_t bits = rd_u8(&in);
	struct host_account a = {
		.name = rd_str(&in), .home = view_str("/home/a"),
		.shell = view_str("/bin/sh"),
		.uid = (bits & 1) != 0 ? 0 : 1000, .gid = 1000,
		.groups = groups, .ngroups = 1, .no_shell = (bits & 2) != 0,
	};
	struct view rules = view_of(in.p, in.n);
	struct wr w = wr_new(1 << 20);
	struct host_rules r;

	if (!in.bad && get_host_rules(rules, &r)) {
		check_rules(&r, rules, a.name);
		if (host_policy(&r, &a, &w) == NULL)
			check_policy(&a, &r, wr_view(&w));
	}
	wr_free(&w);
	return 0;
}
