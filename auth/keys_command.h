/* authorized_keys_command: a program that knows the keys of users. */
#ifndef AUTH_KEYS_COMMAND_H
#define AUTH_KEYS_COMMAND_H

#include "auth/offer.h"

/* For whom the program is asked. */
struct keys_command {
	struct auth *a;
	const struct userauth_msg *m;
	const char *fingerprint;	/* of the key without certificate */
};

/* As keys_query.command.  The tokens of the program's words are expanded, one
 * word each, whatever they hold. */
bool keys_command_run(void *ctx, struct wr *out, const char **why_out);

#endif
