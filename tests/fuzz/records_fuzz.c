/*
 * What is remembered of a user, as bytes from a disk: whatever is taken is
 * written again as the same bytes.
 *
 * Input: byte 0 kind, then the file.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/records.h"

static void
same(const struct wr *w, struct view in)
{
	if (w->bad || !view_eq(wr_view(w), in))
		abort();
}

static void
try_totp(struct view in)
{
	struct wr w = wr_new(RECORD_MAX);
	struct totp_record r;

	if (get_totp_record(in, &r)) {
		put_totp_record(&w, &r);
		same(&w, in);
	}
	wr_free(&w);
}

static void
try_password(struct view in)
{
	struct wr w = wr_new(RECORD_MAX);
	struct password_record r;

	if (get_password_record(in, &r)) {
		put_password_record(&w, &r);
		same(&w, in);
	}
	wr_free(&w);
}

static void
try_keys(struct view in)
{
	struct wr w = wr_new(RECORD_MAX);
	struct keys_record r;

	if (get_keys_record(in, &r)) {
		put_keys_record(&w, &r);
		same(&w, in);
		keys_record_add(&r, "SHA256:x", 1, "src");
		if (r.n == 0 || keys_record_find(&r, "SHA256:x") != r.use)
			abort();
	}
	wr_free(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const kinds[])(struct view) = {
		try_totp, try_password, try_keys
	};

	if (size == 0 || size > RECORD_MAX)
		return 0;
	kinds[data[0] % (sizeof(kinds) / sizeof(kinds[0]))](
	    view_of(data + 1, size - 1));
	return 0;
}
