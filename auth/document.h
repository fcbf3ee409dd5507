/*
 * JSON documents for programs (RFC 8259): members of an object that is being
 * written.  A text that is no UTF-8 makes the builder bad: no program hears
 * something else than what the client said.
 *
 *	wr_u8(&w, '{');
 *	document_text(&w, "user", user);
 *	wr_u8(&w, '}');
 */
#ifndef AUTH_DOCUMENT_H
#define AUTH_DOCUMENT_H

#include "base/buf.h"

/* The comma, if one is due, the key and its colon. */
void document_key(struct wr *w, const char *key);
/* A value inside of a list: the comma, if one is due, and the text. */
void document_item(struct wr *w, struct view v);
void document_text(struct wr *w, const char *key, struct view v);
void document_num(struct wr *w, const char *key, uint64_t v);
void document_bool(struct wr *w, const char *key, bool v);

#endif
