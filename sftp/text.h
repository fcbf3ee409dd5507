/*
 * Bytes of others as characters: for patterns, and for lines that end up on
 * somebody's terminal.
 */
#ifndef SFTP_TEXT_H
#define SFTP_TEXT_H

#include "base/buf.h"

/* The length of the UTF-8 character (RFC 3629) that v begins with, and the
 * character; a byte that begins none counts as one, *out is then that byte
 * plus TEXT_BYTE.  0: v is empty. */
#define TEXT_BYTE	0x110000u
size_t text_char(struct view v, uint32_t *out);

/* Appends v to w with everything that is no printable text as \ooo: control
 * characters, the ones of C1 too, and bytes outside of UTF-8. */
void text_visible(struct wr *w, struct view v);

#endif
