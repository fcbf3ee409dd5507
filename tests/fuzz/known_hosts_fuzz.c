/*
 * Lines of known hosts, and whom they match: a line that is taken names all
 * its parts from its own bytes, and a list that matches an address that is
 * none matches by name.
 *
 * Input: a line of the client's host name, then lines.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "auth/authorized_keys.h"
#include "auth/known_hosts.h"

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static bool
inside(struct view part, struct view line)
{
	return part.n != 0 && part.p >= line.p &&
	    part.p + part.n <= line.p + line.n;
}

static void
try_line(struct view line, const char *name)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct match_addr addr, none;
	struct known_line l;

	if (ak_blank(line))
		return;
	if (!known_parse(line, &l)) {
		check(l.why != NULL);
		return;
	}
	check(inside(l.hosts, line) && inside(l.type, line) &&
	    inside(l.base64, line));
	in.sin_addr.s_addr = htonl(0x0a000001);
	match_addr_of((const struct sockaddr *)&in, &addr);
	match_addr_of(NULL, &none);
	(void)known_match(l.hosts, name, &addr);
	check(known_match(l.hosts, name, &none) != KNOWN_BY_ADDRESS);
	check(known_match(l.hosts, "", &none) == KNOWN_NOT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view text = view_of(data, size), line;
	char name[KNOWN_HOSTS_NAME_MAX + 1];

	if (!ak_next(&text, &line) || !known_name(line, name))
		return 0;
	while (ak_next(&text, &line))
		try_line(line, name);
	return 0;
}
