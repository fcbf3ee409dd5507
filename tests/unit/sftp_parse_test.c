#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "sftp/parse.h"
#include "sftp/proto.h"

typedef bool parser(struct view, struct req *);

static void
put_attrs(struct wr *w)
{
	wr_u32(w, ATTR_SIZE | ATTR_UIDGID | ATTR_PERM | ATTR_TIMES |
	    ATTR_EXTENDED);
	wr_u64(w, (uint64_t)5 << 32);
	wr_u32(w, 1001);
	wr_u32(w, 1002);
	wr_u32(w, 0100644);
	wr_u32(w, 11);
	wr_u32(w, 12);
	wr_u32(w, 1);
	wr_cstr(w, "type@example.com");
	wr_cstr(w, "data");
}

static void
check_attrs(const struct attrs *a)
{
	assert_int_equal(a->size, (uint64_t)5 << 32);
	assert_int_equal(a->uid, 1001);
	assert_int_equal(a->gid, 1002);
	assert_int_equal(a->perm, 0100644);
	assert_int_equal(a->atime, 11);
	assert_int_equal(a->mtime, 12);
}

/* Whole it parses, with bytes behind it too; shorter by any number of bytes
 * it does not. */
static struct req
sweep(parser *parse, struct wr *w)
{
	struct view v = wr_view(w);
	struct req q = { 0 }, junk = { 0 };

	assert_true(parse(v, &q));
	for (size_t n = 0; n < v.n; n++)
		assert_false(parse(view_of(v.p, n), &junk));
	wr_u8(w, 0);
	assert_true(parse(wr_view(w), &junk));
	w->len--;
	return q;
}

static void
parses_open(void **state)
{
	struct wr w = wr_new(1024);
	struct req q;

	(void)state;
	wr_cstr(&w, "a/b");
	wr_u32(&w, FXF_READ | FXF_CREAT);
	put_attrs(&w);
	q = sweep(parse_open, &w);
	assert_true(view_is(q.path, "a/b"));
	assert_int_equal(q.pflags, FXF_READ | FXF_CREAT);
	check_attrs(&q.attrs);
	wr_free(&w);
}

static void
parses_handles(void **state)
{
	struct wr w = wr_new(1024);
	struct req q;

	(void)state;
	wr_cstr(&w, "hndl");
	q = sweep(parse_handle, &w);
	assert_true(view_is(q.handle, "hndl"));
	wr_u64(&w, UINT64_MAX);
	wr_u32(&w, 77);
	q = sweep(parse_read, &w);
	assert_true(view_is(q.handle, "hndl"));
	assert_int_equal(q.offset, UINT64_MAX);
	assert_int_equal(q.length, 77);
	wr_reset(&w);
	wr_cstr(&w, "hndl");
	wr_u64(&w, 9);
	wr_cstr(&w, "bytes");
	q = sweep(parse_write, &w);
	assert_int_equal(q.offset, 9);
	assert_true(view_is(q.data, "bytes"));
	wr_reset(&w);
	wr_cstr(&w, "hndl");
	put_attrs(&w);
	q = sweep(parse_handle_attrs, &w);
	check_attrs(&q.attrs);
	wr_free(&w);
}

static void
parses_paths(void **state)
{
	struct wr w = wr_new(1024);
	struct req q;

	(void)state;
	wr_cstr(&w, "old");
	q = sweep(parse_path, &w);
	assert_true(view_is(q.path, "old"));
	wr_cstr(&w, "new");
	q = sweep(parse_two_paths, &w);
	assert_true(view_is(q.path, "old"));
	assert_true(view_is(q.path2, "new"));
	wr_reset(&w);
	wr_cstr(&w, "old");
	put_attrs(&w);
	q = sweep(parse_path_attrs, &w);
	check_attrs(&q.attrs);
	wr_free(&w);
}

static void
parses_extensions(void **state)
{
	struct wr w = wr_new(1024);
	struct req q;

	(void)state;
	wr_cstr(&w, "from");
	wr_u64(&w, 1);
	wr_u64(&w, 2);
	wr_cstr(&w, "to");
	wr_u64(&w, 3);
	q = sweep(parse_copy, &w);
	assert_true(view_is(q.handle, "from"));
	assert_true(view_is(q.handle2, "to"));
	assert_int_equal(q.offset, 1);
	assert_int_equal(q.count, 2);
	assert_int_equal(q.offset2, 3);
	wr_reset(&w);
	wr_cstr(&w, "12345678");
	wr_cstr(&w, "1234");
	q = sweep(parse_ids, &w);
	assert_int_equal(q.uids.n, 8);
	assert_int_equal(q.gids.n, 4);
	wr_reset(&w);
	wr_cstr(&w, "1234567");
	wr_cstr(&w, "1234");
	assert_false(parse_ids(wr_view(&w), &q));
	assert_true(parse_nothing(view_of(NULL, 0), &q));
	assert_true(parse_nothing(wr_view(&w), &q));
	wr_free(&w);
}

static void
refuses_nul_in_paths(void **state)
{
	struct wr w = wr_new(1024);
	struct req q;

	(void)state;
	wr_str(&w, view_of("a\0b", 3));
	assert_false(parse_path(wr_view(&w), &q));
	wr_cstr(&w, "c");
	assert_false(parse_two_paths(wr_view(&w), &q));
	wr_reset(&w);
	wr_cstr(&w, "c");
	wr_str(&w, view_of("a\0", 2));
	assert_false(parse_two_paths(wr_view(&w), &q));
	wr_free(&w);
}

/* Counts and lengths that promise far more than there is. */
static void
refuses_lies(void **state)
{
	struct wr w = wr_new(1024);
	struct req q;

	(void)state;
	wr_cstr(&w, "p");
	wr_u32(&w, ATTR_EXTENDED);
	wr_u32(&w, UINT32_MAX);
	assert_false(parse_path_attrs(wr_view(&w), &q));
	wr_reset(&w);
	wr_u32(&w, UINT32_MAX);
	wr_bytes(&w, view_str("abc"));
	assert_false(parse_path(wr_view(&w), &q));
	wr_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_open),
		cmocka_unit_test(parses_handles),
		cmocka_unit_test(parses_paths),
		cmocka_unit_test(parses_extensions),
		cmocka_unit_test(refuses_nul_in_paths),
		cmocka_unit_test(refuses_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
