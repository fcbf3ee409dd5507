#include "base/err.h"

const char *
err_word(enum err e)
{
	static const char *const words[] = {
		[OK] = "ok", [ERR_AGAIN] = "again", [ERR_CLOSED] = "closed",
		[ERR_PROTO] = "protocol", [ERR_LIMIT] = "limit",
		[ERR_DENIED] = "denied", [ERR_CRYPTO] = "crypto",
		[ERR_NOMEM] = "memory", [ERR_SYS] = "system",
	};

	if ((unsigned)e >= sizeof(words) / sizeof(words[0]))
		return "unknown";
	return words[e];
}
