/*
 * Whole authorized_keys files.  Beyond memory: a line that is taken names a
 * known type and a key, its values lie in its own store, and its meaning does
 * not change when the line stands alone.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/keys.h"

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static void
check_inside(const struct ak_line *l, struct view v)
{
	check(v.n == 0 || (v.p >= l->store && v.n <= l->stored &&
	    v.p + v.n <= l->store + l->stored));
}

static void
one_line(struct view line, struct ak_line *l, struct wr *scratch)
{
	struct match_addr here = { .n = 4, .b = { 10, 0, 0, 1 },
	    .text = "10.0.0.1" };
	struct auth_limits limits;
	const struct policy p = { .allow = ALLOW_SFTP };
	const struct policy runs = { .allow = ALLOW_EXEC };

	if (ak_blank(line) || !ak_parse(line, l)) {
		check(ak_blank(line) || l->why != NULL);
		return;
	}
	check(ak_type_known(l->type) && l->base64.n != 0);
	check(l->stored <= AK_LINE_MAX && l->nitems <= AK_ITEMS_MAX);
	check_inside(l, l->command);
	check_inside(l, l->from);
	check_inside(l, l->principals);
	check_inside(l, l->tunnel);
	for (size_t i = 0; i < l->nitems; i++)
		check_inside(l, l->items[i].value);
	if (ak_blob_ok(l, scratch))
		check(wr_size(scratch) > l->type.n + 4);
	limits = keys_limits(l);
	/* What is forced or cannot be kept never goes in unnoticed. */
	if (keys_refusal(l, &here, 1700000000, &p) == NULL) {
		check((l->flags & (AK_ENVIRONMENT | AK_TUNNEL |
		    AK_PRINCIPALS | AK_CERT_AUTHORITY)) == 0);
		check((l->flags & AK_COMMAND) == 0 ||
		    (strcmp(limits.command, "internal-sftp") == 0 &&
		    limits.deny == ~(uint32_t)ALLOW_SFTP));
	}
	check(keys_refusal(l, &here, 1700000000, &runs) != NULL ||
	    (l->flags & AK_COMMAND) == 0 || limits.command[0] != '\0');
	check(limits.env_len <= sizeof(limits.env));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view text = { data, size }, line;
	struct match_addr here = { .n = 4, .b = { 10, 0, 0, 1 },
	    .text = "10.0.0.1" };
	struct ak_line *l = malloc(sizeof(*l));
	struct wr scratch = wr_new(AK_LINE_MAX);
	struct policy_key key;
	struct policy p = { .keys = &key, .nkeys = 1, .allow = ALLOW_SFTP };
	struct keys_query q = {
		.policy = &p, .addr = &here, .now = 1700000000,
		.tell_faults = true
	};
	struct keys_answer out;

	if (l == NULL)
		return 0;
	while (ak_next(&text, &line)) {
		one_line(line, l, &scratch);
		(void)match_list(line, &here);
		key = (struct policy_key){ line, view_str("f"), 1 };
		q.blob = view_of(data, size < 32 ? size : 32);
		keys_find(&q, &out);
		if (ak_blank(line) || !ak_parse(line, l) ||
		    !ak_blob_ok(l, &scratch))
			continue;
		/* its own blob is found, unless its options say no */
		q.blob = wr_view(&scratch);
		keys_find(&q, &out);
		check(out.refusal == keys_refusal(l, &here, q.now, &p));
	}
	wr_free(&scratch);
	free(l);
	return 0;
}
