/*
 * What programs answer (JSON, RFC 8259): json.c alone includes jansson.  An
 * answer is one object; a member that is not known, given twice or of another
 * type makes it malformed, and so does anything that is too much.
 */
#ifndef AUTH_JSON_H
#define AUTH_JSON_H

#include "base/buf.h"
#include "base/userauth_msg.h"

#define JSON_ANSWER_MAX	((size_t)64 * 1024)
#define JSON_DEPTH_MAX	8	/* objects and lists in each other */
#define JSON_REASON_MAX	1024	/* bytes of a reason for the log */
#define JSON_START_MAX	1023	/* of a path */
#define JSON_NAME_MAX	255	/* of a dialogue's title */
#define JSON_TEXTS_MAX	12288	/* of all texts of one question together */

/* {"allow":["sftp"],"umask":"0027","start":"/in"}, each left out or there. */
struct json_policy {
	bool has_allow, has_umask;
	uint32_t allow;		/* enum policy_allow: no more than these */
	uint32_t umask;
	char *start;		/* absolute, seen from the jail; NULL */
};

struct json_decision {
	bool allow;
	char *reason;		/* for the log; NULL: none given */
	struct json_policy policy;
};

/* {"allow":true|false,"reason":"...","policy":{...}}; policy only with an
 * allow.  False: *why_out, static.  out is to be freed in either case. */
bool json_decision(struct view text, struct json_decision *out,
    const char **why_out) MUST_CHECK;
void json_decision_free(struct json_decision *d);

struct json_prompt {
	char *text;
	bool echo;
};

/*
 * {"name":"...","instruction":"...","prompts":[{"prompt":"...","echo":false}]}
 * where name, instruction and echo may be left out; or the end of it all:
 * {"result":"allow","policy":{...}}, {"result":"deny","reason":"..."}
 */
struct json_ask {
	bool over;
	struct json_decision result;	/* if it is over */
	char *name, *instruction;	/* NULL: none */
	size_t n;
	struct json_prompt prompts[USERAUTH_MAX_PROMPTS];
};

bool json_ask(struct view text, struct json_ask *out, const char **why_out)
    MUST_CHECK;
void json_ask_free(struct json_ask *a);

#endif
