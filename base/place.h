/*
 * Where a connection comes from and where it has arrived, as the kernel says,
 * and the conditions on it that `if:` in the configuration makes.
 */
#ifndef BASE_PLACE_H
#define BASE_PLACE_H

#include <sys/socket.h>

#include "base/buf.h"

/* An address in its one normal form: IPv4 that was mapped into IPv6 is
 * IPv4. */
struct place_addr {
	uint8_t n;			/* 4 or 16; 0: none */
	uint8_t b[16];
};

struct place {
	struct place_addr from, to;
	uint16_t port;			/* of `to` */
	uint32_t scope;			/* of `to`, for fe80::/10; else 0 */
};

/* Either may be NULL or of another family: no condition holds for it. */
void place_of(const struct sockaddr *peer, const struct sockaddr *local,
    struct place *out);

/*
 * A condition as bytes:
 *
 *	uint32	 n networks (byte n, 16 bytes, byte bits)
 *	uint32	 n listening addresses (byte n, 16 bytes, uint32 port, uint32
 *		 scope)
 *
 * It holds if the source is in one of the networks and the connection arrived
 * at one of the addresses; a list without entries asks nothing.
 */
#define CONDITION_MAX	1024		/* entries of a list */
/* "203.0.113.0/24" or one address; false: is none. */
bool condition_put_net(struct wr *w, struct view text) MUST_CHECK;
/* IPv4 or IPv6; the address 0.0.0.0 or :: stands for all of its family. */
void condition_put_listen(struct wr *w, const struct sockaddr *sa);
bool condition_valid(struct view c) MUST_CHECK;
bool condition_holds(struct view c, const struct place *p);

#endif
