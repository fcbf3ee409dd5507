/*
 * SSH_MSG_USERAUTH_REQUEST and _INFO_RESPONSE as plain structs (RFC 4252,
 * RFC 4256): pure parsers, used by the engine in the server and again, on the
 * same bytes, by the login process, which believes nobody else's reading.
 */
#ifndef BASE_USERAUTH_MSG_H
#define BASE_USERAUTH_MSG_H

#include "base/buf.h"
#include "base/policy.h"

#define USERAUTH_MAX_REQUEST	((size_t)64 * 1024) /* payload, whole */
#define USERAUTH_MAX_USER	255	/* bytes of a user name */
#define USERAUTH_MAX_NAME	64	/* of a method (RFC 4250 4.6.1) */
#define USERAUTH_MAX_PASSWORD	1024	/* for who checks it: longer ones are
					 * refused as wrong, not as malformed */
#define USERAUTH_MAX_PROMPTS	32	/* of one INFO_REQUEST */

/* Views are borrowed from the payload that was parsed.  Text holds no NUL. */
struct userauth_msg {
	int method;		/* enum auth_method, -1: none that is known */
	struct view user, service, method_name;
	/* password */
	struct view password, new_password;
	bool change;		/* new_password is there */
	/* publickey, hostbased */
	struct view alg;	/* signature algorithm */
	struct view key;	/* public key blob, not looked into */
	bool has_signature;	/* false: a query (publickey only) */
	struct view signature;	/* signature blob, not looked into */
	/* publickey-hostbound-v00@openssh.com: publickey, with the host key
	 * of the connection among what is signed (OpenSSH's PROTOCOL) */
	bool hostbound;
	struct view host_key;
	struct view local_hostname, local_username;	/* hostbased */
	/* keyboard-interactive */
	struct view language, submethods;
	/* everything behind the method name, raw */
	struct view rest;
};

/* Parses a whole USERAUTH_REQUEST, from its message number.  False: another
 * message, a field that is short, left over, over its limit above or holds a
 * NUL where text must stand.  It is told apart from a wrong name or secret
 * before anybody looks a user up (RFC 4252 5). */
bool userauth_msg_parse(struct view payload, struct userauth_msg *out)
    MUST_CHECK;

/* Appends the bytes that the signature of m must cover, made from m's fields
 * (RFC 4252 7 and 9).  False: m is neither publickey nor hostbased; memory is
 * told by w->bad. */
bool userauth_msg_signed(const struct userauth_msg *m,
    struct view session_id, struct wr *w) MUST_CHECK;

/* Parses an INFO_RESPONSE, from its message number, that must hold exactly n
 * answers, n <= USERAUTH_MAX_PROMPTS (RFC 4256 3.4).  answers[0..n) are
 * borrowed; nothing is allocated. */
bool userauth_msg_answers(struct view payload, struct view *answers, size_t n)
    MUST_CHECK;

/* Counts the prompts of an INFO_REQUEST's body (RFC 4256 3.2), without its
 * message number.  False: malformed, or more than USERAUTH_MAX_PROMPTS. */
bool userauth_msg_prompts(struct view body, size_t *n_out) MUST_CHECK;

#endif
