/*
 * Lists of revoked keys.  Beyond memory: whether a list is sound does not
 * depend on who asks, and what it lists is what it revokes: a key that is
 * nowhere in it is not revoked by it, unless by its serial or id.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/krl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view list = view_of(data, size);
	struct krl_query nobody = { .key = view_str("no such key") };
	struct krl_query q = nobody;
	enum err sound = krl_check(list, &nobody), e;

	must(sound == OK || sound == ERR_PROTO || sound == ERR_LIMIT);
	/* every authority, some serials */
	q.ca = view_str("no such authority");
	q.key_id = view_str("alice");
	for (uint64_t serial = 0; serial < 70; serial += 23) {
		q.serial = serial == 69 ? UINT64_MAX : serial;
		e = krl_check(list, &q);
		must(e == sound || (sound == OK && e == ERR_DENIED));
	}
	/* the pieces of the list itself, as keys and as authorities */
	for (size_t at = 0; at + 4 <= size && at < 4096; at++) {
		size_t n = get_u32(data + at);

		if (n == 0 || n > size - at - 4)
			continue;
		q.key = q.ca = view_of(data + at + 4, n);
		e = krl_check(list, &q);
		must(e == sound || (sound == OK && e == ERR_DENIED));
		if (at > 200)
			at += 40;
	}
	return 0;
}
