/* Messages of the upper half, built and sent in one way. */
#ifndef SERVER_OUTGOING_H
#define SERVER_OUTGOING_H

#include "server/conn.h"

#define OUTGOING_MAX	((size_t)64 * 1024)	/* payload of one message */

/* A builder that begins with a message number. */
struct wr outgoing_new(uint8_t number);
/* Sends w and frees it.  What could not be built breaks the connection, in
 * the way of conn_send: not before the outermost call returns. */
void outgoing_send(struct ssh_conn *c, struct wr *w);
/* A message that is nothing but its number; its number and one uint32. */
void outgoing_send_u8(struct ssh_conn *c, uint8_t number);
void outgoing_send_u32(struct ssh_conn *c, uint8_t number, uint32_t v);

#endif
