/*
 * Is a source address among those that a list allows?  The lists are those of
 * authorized_keys' from= option (sshd(8), PATTERNS of ssh_config(5)) and of a
 * user's `from` in the configuration: addresses, CIDR ranges, the wildcards
 * * and ? over the address in words, each with ! before it to refuse.
 *
 * Nothing is looked up in the DNS, so a host name never matches; a negated
 * host name, which could then never refuse anybody, makes the list bad.
 */
#ifndef AUTH_MATCH_H
#define AUTH_MATCH_H

#include <arpa/inet.h>
#include <sys/socket.h>

#include "base/buf.h"

/* An address in its one normal form: an IPv4 address that was mapped into
 * IPv6 is an IPv4 address. */
struct match_addr {
	uint8_t n;			/* 4 or 16; 0: no IP address */
	uint8_t b[16];
	char text[INET6_ADDRSTRLEN];
};

enum match {
	MATCH_NO,
	MATCH_YES,
	MATCH_BAD		/* malformed: treat as a refusal */
};

/* sa may be NULL or of another family: out->n is 0 and nothing matches. */
void match_addr_of(const struct sockaddr *sa, struct match_addr *out);

/* A comma-separated list.  MATCH_YES: some entry matches and no negated entry
 * does.  The whole list is checked first: whether it is MATCH_BAD does not
 * depend on the address. */
enum match match_list(struct view list, const struct match_addr *a);
/* The same for entries that are apart already; no entry: MATCH_NO. */
enum match match_entries(const struct view *v, size_t n,
    const struct match_addr *a);
/* The first entry of a list that is a host name, which nobody comes from
 * here; empty: there is none. */
struct view match_host_name(struct view list);

/* The wildcards * and ? of pattern over text, which has small letters only;
 * the pattern's letters are taken as such. */
bool match_glob(struct view pattern, const char *text);

#endif
