/*
 * What may stand in a single value of the configuration: pure functions from
 * text to a value.  False says that the text is not one; where there are
 * several reasons, *why_out gets "what; what is allowed" in static storage.
 */
#ifndef BASE_CONFIG_VALUES_H
#define BASE_CONFIG_VALUES_H

#include <sys/socket.h>

#include "base/buf.h"

/* Decimal digits only, at most max. */
bool value_number(struct view v, uint64_t max, uint64_t *out) MUST_CHECK;
/* 500ms 30s 5m 1h 2d, or 0; in milliseconds. */
bool value_duration(struct view v, uint64_t *ms_out) MUST_CHECK;
/* 4096, 64KiB, 1MiB, 1GiB, 1TiB; in bytes. */
bool value_size(struct view v, uint64_t *bytes_out) MUST_CHECK;
/* on off, yes no, true false. */
bool value_switch(struct view v, bool *out) MUST_CHECK;
/* One to four octal digits, at most 0777. */
bool value_umask(struct view v, uint32_t *out) MUST_CHECK;
/* "192.0.2.1:22", "[2001:db8::1]:22", "[fe80::1%eth0]:22". */
bool value_listen(struct view v, struct sockaddr_storage *out,
    socklen_t *len_out, const char **why_out) MUST_CHECK;
/* "203.0.113.0/24", "2001:db8::/32" or one address. */
bool value_cidr(struct view v, const char **why_out) MUST_CHECK;
/* An absolute path without "." and ".." components. */
bool value_path(struct view v, const char **why_out) MUST_CHECK;
/* The same, relative. */
bool value_relative(struct view v, const char **why_out) MUST_CHECK;
/* Name of a user or group of the configuration. */
bool value_user_name(struct view v, const char **why_out) MUST_CHECK;
/* A pattern of environment names, such as LC_*. */
bool value_env(struct view v, const char **why_out) MUST_CHECK;
/* A principal as certificates name it. */
bool value_principal(struct view v, const char **why_out) MUST_CHECK;
/* Has the shape of a crypt(3) hash, or is "!" or "*" (*none_out). */
bool value_hash(struct view v, bool *none_out) MUST_CHECK;
/* One authorized_keys line, as far as it can be told without parsing it. */
bool value_key_line(struct view v, const char **why_out) MUST_CHECK;
/* Free text over several lines: no control characters. */
bool value_text(struct view v, const char **why_out) MUST_CHECK;
/* The software part of the identification line (RFC 4253 4.2). */
bool value_ident(struct view v) MUST_CHECK;
/* How many single-character changes turn a into b; at most max + 1. */
unsigned value_distance(struct view a, struct view b, unsigned max);

#endif
