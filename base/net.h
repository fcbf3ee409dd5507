/*
 * Addresses and networks as bytes.  IPv4 inside of IPv6 (RFC 4291 2.5.5.2) is
 * IPv4, so that a client has one address however it came.
 */
#ifndef BASE_NET_H
#define BASE_NET_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/buf.h"

struct net_addr {
	uint8_t family;		/* 4 or 6; 0: none */
	uint8_t b[16];		/* IPv4: the first four, the rest zero */
};
/* All addresses that begin with these bits; the others are zero. */
struct net_range {
	struct net_addr addr;
	uint8_t bits;
};

#define NET_TEXT_MAX	(INET6_ADDRSTRLEN + 4)	/* with "/128" */

/* Bits of a whole address: 32, 128, or 0. */
unsigned net_bits(const struct net_addr *a);
/* Family 0 if ss is no address of IP. */
void net_of(const struct sockaddr_storage *ss, struct net_addr *out);
/* "203.0.113.0/24", "2001:db8::/32" or one address; bits behind the prefix
 * must be zero. */
bool net_parse(struct view v, struct net_range *out) MUST_CHECK;
/* Zeroes the bits behind the first `bits`. */
void net_mask(struct net_addr *a, unsigned bits);
/* Is a in r? */
bool net_within(const struct net_range *r, const struct net_addr *a);
/* Does r hold all of, or lie in, the range s? */
bool net_overlap(const struct net_range *r, const struct net_range *s);
/* "203.0.113.0/24"; an address alone stands without its length. */
void net_text(const struct net_range *r, char out[NET_TEXT_MAX]);

/* byte family, byte bits, 4 or 16 bytes. */
void net_put(struct wr *w, const struct net_range *r);
/* Anything that net_put does not write makes the reader bad. */
void net_get(struct rd *rd, struct net_range *out);

#endif
