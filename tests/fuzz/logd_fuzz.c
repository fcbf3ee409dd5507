/*
 * Datagrams of a hijacked process to the log process: one line comes out, or
 * nothing, and no byte in it that a terminal or a reader of lines could take
 * for something else.  The first byte chooses who the sender is.
 */
#include <stdlib.h>
#include <string.h>

#include "chroot/log_who.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(struct view line, bool json)
{
	if (line.n == 0 || line.p[line.n - 1] != '\n')
		abort();
	for (size_t i = 0; i + 1 < line.n; i++)
		if (line.p[i] < ' ' || line.p[i] == 0x7f ||
		    (!json && line.p[i] > 0x7f))
			abort();
	if (json && (line.p[0] != '{' || line.p[line.n - 2] != '}'))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct log_who who = {
		.conn = 7, .user = view_str("acme"), .src = view_str("::1"),
	};
	struct wr out = wr_new(LOG_LINE_MAX);
	struct log_line l = { .ms = 1795424400123u, .pid = 4711 };
	struct msg_log_who m;
	struct log_whos *t;
	struct view v;

	if (size == 0 || size > LOG_MAX_EVENT)
		return 0;
	v = view_of(data + 1, size - 1);
	l.who = data[0] % 3 == 1 ? &who : NULL;
	l.strip = data[0] % 3 == 2;
	if (log_parse(v, &l.rec)) {
		if (log_format_text(&l, &out))
			check(wr_view(&out), false);
		wr_reset(&out);
		if (log_format_json(&l, &out))
			check(wr_view(&out), true);
	}
	wr_free(&out);
	if (get_log_who(v, &m) && (t = log_whos_new()) != NULL) {
		if (log_whos_add(t, &m))
			log_whos_forget(t, m.pid);
		log_whos_purge(t);
		log_whos_free(&t);
	}
	return 0;
}
