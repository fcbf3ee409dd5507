/* Reads the files of tests/vectors (see the README there) for unit tests. */
#ifndef TESTS_VECTORS_H
#define TESTS_VECTORS_H

#include "base/buf.h"

struct vector;

/* Calls fn for every record of tests/vectors/`name`; fails the test if there
 * is none.  Tests run in the top folder. */
void vectors_each(const char *name, void (*fn)(const struct vector *v));
/* A field's bytes; fails the test if the record has no such field. */
struct view vector_bytes(const struct vector *v, const char *field);
/* A field's text as it stands in the file. */
const char *vector_word(const struct vector *v, const char *field);
bool vector_has(const struct vector *v, const char *field);

/* Bytes of a hexadecimal literal, in a static buffer of the test's: valid
 * until 32 calls later. */
struct view hex(const char *text);

#endif
