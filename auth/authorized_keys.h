/*
 * Lines of an authorized_keys file or list (sshd(8), AUTHORIZED_KEYS FILE
 * FORMAT) as a plain struct.  Pure parsing: what an option means for a login
 * is keys.c's.  Every option of sshd(8) is known; anything else makes the
 * line a fault, never a key with fewer limits than its owner wrote.
 */
#ifndef AUTH_AUTHORIZED_KEYS_H
#define AUTH_AUTHORIZED_KEYS_H

#include "base/buf.h"

#define AK_LINE_MAX	8192
#define AK_FILE_MAX	((size_t)1 << 20)
#define AK_ITEMS_MAX	256	/* environment=, permit...= in one line */

/* What a session may ask for, as far as the line says. */
enum ak_permit {
	AK_AGENT = 1 << 0,
	AK_PORT = 1 << 1,
	AK_PTY = 1 << 2,
	AK_USER_RC = 1 << 3,
	AK_X11 = 1 << 4
};
#define AK_PERMIT_ALL	0x1fu

enum ak_flag {
	AK_RESTRICT = 1 << 0,
	AK_CERT_AUTHORITY = 1 << 1,
	AK_NO_TOUCH = 1 << 2,		/* no-touch-required */
	AK_VERIFY = 1 << 3,		/* verify-required */
	AK_COMMAND = 1 << 4,		/* the field below was given */
	AK_FROM = 1 << 5,
	AK_PRINCIPALS = 1 << 6,
	AK_TUNNEL = 1 << 7,
	AK_EXPIRY = 1 << 8,
	AK_ENVIRONMENT = 1 << 9,	/* there is such an item */
	AK_PERMITOPEN = 1 << 10,
	AK_PERMITLISTEN = 1 << 11
};

struct ak_item {
	enum ak_flag kind;	/* AK_ENVIRONMENT, _PERMITOPEN, _PERMITLISTEN */
	struct view value;
};

/*
 * type, base64 and comment are borrowed from the line; option values point
 * into store, so a struct ak_line must not be copied.
 */
struct ak_line {
	const char *why;	/* of a fault: static */
	const char *rule;	/* what is allowed: "use ...", static */
	struct view what;	/* the option it is about; may be empty */
	struct view type, base64, comment;
	uint32_t flags;		/* enum ak_flag */
	uint8_t permit;		/* enum ak_permit */
	struct view command, from, principals, tunnel;
	int64_t expiry;		/* time_t; valid until and with it */
	size_t nitems, stored;
	struct ak_item items[AK_ITEMS_MAX];
	uint8_t store[AK_LINE_MAX];
};

/* Takes the next line off *text, without its end (LF or CR LF); false at the
 * end of the text. */
bool ak_next(struct view *text, struct view *line);
/* Is the line empty or a comment? */
bool ak_blank(struct view line);
/* Parses one line that is not blank.  False: out->why, out->rule and out->what
 * say what is wrong with it. */
bool ak_parse(struct view line, struct ak_line *out) MUST_CHECK;
/* Decodes the blob into scratch (which is reset) and looks whether its first
 * string is the type that the line names; the key itself is not parsed. */
bool ak_blob_ok(const struct ak_line *l, struct wr *scratch) MUST_CHECK;
/* Is this a key type that this build can use? */
bool ak_type_known(struct view type);

#endif
