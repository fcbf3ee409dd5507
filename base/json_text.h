/* Texts of JSON (RFC 8259 7), written: for the log and for programs. */
#ifndef BASE_JSON_TEXT_H
#define BASE_JSON_TEXT_H

#include "base/buf.h"

/* Length of the valid UTF-8 sequence at p (RFC 3629 4) of n > 0 bytes; 0:
 * there is none. */
size_t utf8_len(const uint8_t *p, size_t n);
bool utf8_valid(struct view v);

/* Appends v in double quotes.  What a terminal could take for a command is
 * escaped; so is each byte that is no UTF-8, as the character of its
 * number. */
void json_text(struct wr *w, struct view v);

#endif
