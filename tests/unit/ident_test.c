/* The identification line, both ways. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/engine.h"

static bool
parses(const char *s)
{
	struct ssh_ident id;

	return ident_parse(view_str(s), &id);
}

static void
parse_parts(void **state)
{
	struct ssh_ident id;

	(void)state;
	assert_true(ident_parse(view_str("SSH-2.0-OpenSSH_9.2p1 Debian-2"),
	    &id));
	assert_true(view_is(id.protocol, "2.0"));
	assert_true(view_is(id.software, "OpenSSH_9.2p1"));
	assert_true(view_is(id.comments, "Debian-2"));
	assert_true(ident_parse(view_str("SSH-1.99-x"), &id));
	assert_true(view_is(id.protocol, "1.99"));
	assert_true(view_is(id.software, "x"));
	assert_int_equal(id.comments.n, 0);
	assert_true(ident_parse(view_str("SSH-2.0-a-b c d"), &id));
	assert_true(view_is(id.software, "a-b"));
	assert_true(view_is(id.comments, "c d"));
	assert_true(ident_parse(view_str("SSH-2.0-a "), &id));
	assert_int_equal(id.comments.n, 0);
}

static void
parse_refuses(void **state)
{
	static const char line[] = "SSH-2.0-a\0b";
	struct ssh_ident id;

	(void)state;
	assert_false(parses(""));
	assert_false(parses("S"));
	assert_false(parses("SSH-"));
	assert_false(parses("SSH--x"));
	assert_false(parses("SSH-2.0"));
	assert_false(parses("SSH-2.0-"));
	assert_false(parses("SSH-2.0- comment"));
	assert_false(parses("ssh-2.0-x"));
	assert_false(parses("SSH-2.0-a\tb"));
	assert_false(parses("SSH-2.0-a\r"));
	assert_false(parses("SSH-2.0-a\x7f"));
	assert_false(ident_parse(view_of(line, sizeof(line) - 1), &id));
}

struct outcome {
	enum conn_phase phase;
	unsigned idents, ends;
	enum err err;
	unsigned reason;
	char text[300], said[600], ident[256];
};

/* Feeds bytes, whole or one by one, and tells what became of it. */
static struct outcome
feed(struct view bytes, size_t chunk)
{
	struct outcome o = { 0 };
	struct engine e;
	struct view out;
	uint8_t *copy = malloc(bytes.n + 1);

	assert_non_null(copy);
	memcpy(copy, bytes.p, bytes.n);
	engine_init(&e);
	engine_start(&e, NULL);
	for (size_t at = 0; at < bytes.n;) {
		size_t n = bytes.n - at < chunk ? bytes.n - at : chunk;

		ssh_conn_feed(e.conn, copy + at, n, e.now);
		at += n;
	}
	o.phase = e.conn->phase;
	o.idents = e.idents;
	o.ends = e.ends;
	o.err = e.end.err;
	o.reason = e.end.reason;
	memcpy(o.text, e.end_text, sizeof(o.text));
	memcpy(o.ident, e.ident, sizeof(o.ident));
	out = ssh_conn_out(e.conn);
	memcpy(o.said, out.p, out.n < sizeof(o.said) - 1 ? out.n :
	    sizeof(o.said) - 1);
	engine_stop(&e);
	free(copy);
	return o;
}

static void
accepted(const char *line, const char *ident)
{
	const size_t chunks[] = { 1, 3, 1000 };

	for (size_t i = 0; i < 3; i++) {
		struct outcome o = feed(view_str(line), chunks[i]);

		assert_int_equal(o.phase, PH_KEX);
		assert_int_equal(o.idents, 1);
		assert_int_equal(o.ends, 0);
		assert_string_equal(o.ident, ident);
	}
}

static void
refused(struct view bytes, unsigned reason, const char *text)
{
	const size_t chunks[] = { 1, 5, 1000 };

	for (size_t i = 0; i < 3; i++) {
		struct outcome o = feed(bytes, chunks[i]);
		const char *lf = strchr(o.said, '\n');

		assert_int_equal(o.phase, PH_ENDED);
		assert_int_equal(o.idents, 0);
		assert_int_equal(o.ends, 1);
		assert_int_equal(o.err, ERR_PROTO);
		assert_int_equal(o.reason, reason);
		if (text != NULL)
			assert_non_null(strstr(o.text, text));
		/* Our line, then theirs in clear text. */
		assert_memory_equal(o.said, "SSH-2.0-Sallyport_", 18);
		assert_non_null(lf);
		assert_int_equal(lf[1] >= 'A' && lf[1] <= 'Z', 1);
		assert_int_equal(o.said[strlen(o.said) - 1], '\n');
	}
}

static void
lines_accepted(void **state)
{
	char longest[260];

	(void)state;
	accepted("SSH-2.0-x\r\n", "SSH-2.0-x");
	accepted("SSH-2.0-x\n", "SSH-2.0-x");
	accepted("SSH-1.99-x y\r\n", "SSH-1.99-x y");
	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "SSH-2.0-", 8);
	memcpy(longest + 253, "\r\n", 3);
	longest[255] = '\0';
	struct outcome o = feed(view_str(longest), 7);

	assert_int_equal(o.phase, PH_KEX);
}

static void
lines_refused(void **state)
{
	static const char nul[] = "SSH-2.0-a\0b\r\n";
	char longest[300];
	const unsigned proto = SSH_DISCONNECT_PROTOCOL_ERROR;

	(void)state;
	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "SSH-2.0-", 8);
	refused(view_of(longest, 256), proto, "255");
	memcpy(longest + 254, "\r\n", 2);
	refused(view_of(longest, 256), proto, "255");
	refused(view_of(nul, sizeof(nul) - 1), proto, "malformed");
	refused(view_str("SSH-2.0-a\rb\r\n"), proto, "malformed");
	refused(view_str("SSH-2.0\r\n"), proto, "malformed");
	refused(view_str("SSH-2.0-\r\n"), proto, "malformed");
	refused(view_str("\r\nSSH-2.0-x\r\n"), proto, NULL);
	refused(view_str("hello\r\nSSH-2.0-x\r\n"), proto, NULL);
	refused(view_str("GET / HTTP/1.1\r\n"), proto, "HTTP");
	refused(view_str("POST / HTTP/1.1\r\n"), proto, NULL);
	refused(view_of("\x16\x03\x01\x02\x00", 5), proto, "TLS");
	refused(view_str("SSH-1.5-x\r\n"),
	    SSH_DISCONNECT_PROTOCOL_VERSION_NOT_SUPPORTED, "version");
	refused(view_str("SSH-3.0-x\r\n"),
	    SSH_DISCONNECT_PROTOCOL_VERSION_NOT_SUPPORTED, "version");
}

/* A part of a line neither ends the connection nor is it taken. */
static void
unfinished(void **state)
{
	struct outcome o = feed(view_str("SSH-2.0-x"), 1);

	(void)state;
	assert_int_equal(o.phase, PH_IDENT);
	assert_int_equal(o.ends, 0);
}

static void
own_line(void **state)
{
	struct engine e;

	(void)state;
	engine_init(&e);
	e.cfg.ident = "Gate_7 for friends";
	e.cfg.greeting = "Welcome\nsecond\r\nthird";
	engine_start(&e, NULL);
	assert_true(view_is(ssh_conn_out(e.conn),
	    "Welcome\r\nsecond\r\nthird\r\nSSH-2.0-Gate_7 for friends\r\n"));
	assert_true(ssh_peer_handshake(e.peer));
	engine_stop(&e);
	engine_init(&e);
	engine_start(&e, NULL);
	assert_true(view_is(ssh_conn_out(e.conn),
	    "SSH-2.0-Sallyport_" VERSION "\r\n"));
	engine_stop(&e);
}

static void
settings_refused(void **state)
{
	static char longest[300];
	static const char *const idents[] = {
		"a\nb", "tab\t", " x", "\x80", longest
	};
	static const char *const greetings[] = {
		"SSH-2.0-fool", "ok\nSSH-1.5-x", "bell\a"
	};
	struct ssh_server *s;
	struct engine e;
	const char *why;

	(void)state;
	memset(longest, 'i', sizeof(longest) - 1);
	engine_init(&e);
	e.cfg.host_keys = e.key_list;
	e.cfg.nhost_keys = e.nkeys;
	for (size_t i = 0; i < 5; i++) {
		e.cfg.ident = idents[i];
		s = ssh_server_new(&e.cfg, &e.ev, &e, &why);
		assert_null(s);
		assert_string_equal(why, "ident");
	}
	e.cfg.ident = NULL;
	for (size_t i = 0; i < 3; i++) {
		e.cfg.greeting = greetings[i];
		s = ssh_server_new(&e.cfg, &e.ev, &e, &why);
		assert_null(s);
		assert_string_equal(why, "greeting");
	}
	engine_stop(&e);
}

static void
free_inside(void **state)
{
	struct engine e;
	char line[] = "SSH-2.0-x\r\nrubbish";

	(void)state;
	engine_init(&e);
	e.free_in_ident = true;
	engine_start(&e, NULL);
	ssh_conn_feed(e.conn, (uint8_t *)line, sizeof(line) - 1, e.now);
	assert_null(e.conn);
	assert_int_equal(e.idents, 1);
	engine_stop(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_parts),
		cmocka_unit_test(parse_refuses),
		cmocka_unit_test(lines_accepted),
		cmocka_unit_test(lines_refused),
		cmocka_unit_test(unfinished),
		cmocka_unit_test(own_line),
		cmocka_unit_test(settings_refused),
		cmocka_unit_test(free_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
