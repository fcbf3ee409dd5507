/* Key exchange: every combination, negotiation, strict KEX, rekeying. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/engine.h"

static void
ok_handshake(struct engine *e)
{
	bool ok = ssh_peer_handshake(e->peer);

	if (!ok)
		print_message("peer: %s; server: %s\n", e->peer->why != NULL ?
		    e->peer->why : "-", e->end_text);
	assert_true(ok);
	assert_int_equal(e->handshakes, 1);
	assert_int_equal(e->ends, 0);
	assert_int_equal(e->conn->phase, PH_SERVICE);
}

static void
plain_handshake(void **state)
{
	struct engine e;

	(void)state;
	engine_init(&e);
	engine_start(&e, NULL);
	ok_handshake(&e);
	assert_true(ssh_peer_service(e.peer));
	engine_stop(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_handshake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
