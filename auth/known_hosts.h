/*
 * Lines of a list of known hosts (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT) as a
 * plain struct, and which of them speak of a client's host.  Pure; what the
 * lines open is hostbased.c's.
 *
 *	line	= [marker SP] hosts SP type SP base64 [SP comment]
 *	marker	= "@cert-authority" / "@revoked"
 *	hosts	= pattern *("," pattern) / "|1|" salt "|" hash
 *
 * Nothing is looked up in the DNS: the client names its host, and the key
 * decides.  So that a stolen key is good from one place only, patterns that
 * are addresses, networks (192.0.2.0/24) or wildcards of them (192.0.2.*)
 * bind: the connection must come from one of them, whatever names the line
 * has beside them.
 */
#ifndef AUTH_KNOWN_HOSTS_H
#define AUTH_KNOWN_HOSTS_H

#include "auth/match.h"

#define KNOWN_HOSTS_LINE_MAX	8192
#define KNOWN_HOSTS_NAME_MAX	255	/* bytes of a host's name */

enum known_marker { KNOWN_HOST, KNOWN_AUTHORITY, KNOWN_REVOKED };

/* Borrowed from the line. */
struct known_line {
	const char *why;	/* of a fault: static */
	enum known_marker marker;
	struct view hosts, type, base64;
};

/* Parses one line that is not blank (ak_blank).  False: out->why. */
bool known_parse(struct view line, struct known_line *out) MUST_CHECK;

enum known_match {
	KNOWN_NOT,		/* the line is about other hosts */
	KNOWN_BY_NAME,
	KNOWN_BY_ADDRESS	/* it has addresses alone, or the hash of one:
				 * the name that the client gave is nobody's */
};
/* name: as known_name gives it. */
enum known_match known_match(struct view hosts, const char *name,
    const struct match_addr *addr);

/* The host's name as it is compared: small letters, without the dot that may
 * stand at its end.  False: empty, too long, NUL. */
bool known_name(struct view given, char out[KNOWN_HOSTS_NAME_MAX + 1])
    MUST_CHECK;

#endif
