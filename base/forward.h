/*
 * Which ends of forwarded connections a policy permits.  A rule is a text,
 *
 *	HOST:PORTS		!HOST:PORTS	refused, whatever else matches
 *
 * HOST is a name, with * and ? for letters in it; an address, or a network
 * ADDRESS/BITS, of IPv6 in brackets: [2001:db8::]/32; or * for any.  PORTS is
 * a number, a range 8000-8100, or * for any.
 *
 * Names in rules are compared with the name that the client gave, networks
 * with each address that it stands for, so a rule for names vouches for where
 * they lead.  A name never matches the rule of an address, nor the reverse.
 */
#ifndef BASE_FORWARD_H
#define BASE_FORWARD_H

#include "base/net.h"

#define FORWARD_HOST_MAX	255	/* bytes of a name */
#define FORWARD_PATH_MAX	107	/* of a socket (struct sockaddr_un) */

struct forward_rule {
	enum { FORWARD_ANY, FORWARD_NAME, FORWARD_NET } kind;
	bool deny;
	uint16_t first, last;		/* ports */
	struct view name;		/* borrowed from the text */
	struct net_range net;
};

/* False: *why_out (static) is "is ...; use ...".  no_host: a rule may also be
 * PORTS alone. */
bool forward_rule(struct view text, bool no_host, struct forward_rule *out,
    const char **why_out) MUST_CHECK;

/* What a client asks for. */
struct forward_end {
	struct view name;		/* as asked; empty: an address */
	struct net_addr addr;		/* family 0: not known yet */
	uint16_t port;
};

/* Is the host part of a request an address?  Of IPv6 perhaps in brackets. */
bool forward_literal(struct view host, struct net_addr *out) MUST_CHECK;
/* Whoever connects to 0.0.0.0 or :: gets to the loopback address: so *a is
 * that, and matched as that. */
void forward_loopback(struct net_addr *a);
/* Could it be a name in the DNS? */
bool forward_name(struct view host) MUST_CHECK;

enum forward_say {
	FORWARD_REFUSED,	/* whatever its address is */
	FORWARD_DEPENDS,	/* on its address */
	FORWARD_PERMITTED	/* by its name; its address may be denied */
};
/* With addr known the answer is FORWARD_REFUSED or FORWARD_PERMITTED. */
enum forward_say forward_permits(const struct forward_rule *rules, size_t n,
    const struct forward_end *e);

/* Paths of sockets: a pattern with * and ? for characters but '/'; one that
 * ends in '/' takes in all that is beneath. */
bool forward_path_pattern(struct view text, const char **why_out)
    MUST_CHECK;
/* Absolute, short enough, without "." and ".." components?  Else *why_out. */
bool forward_path(struct view path, const char **why_out) MUST_CHECK;
bool forward_path_permitted(const struct view *patterns, size_t n,
    struct view path);

#endif
