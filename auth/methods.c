#include "auth/internal.h"

/* RFC 4252 5.2: how clients ask for the list of methods.  It proves nothing;
 * a user who needs to prove nothing has a chain of it alone. */
static void
check_none(struct auth *a, const struct userauth_msg *m,
    struct auth_step *step)
{
	(void)m;
	step->proved = chains_alone(&a->chains, AUTH_NONE);
	step->reason = "method list asked for";
}

static void
check_unknown(struct auth *a, const struct userauth_msg *m,
    struct auth_step *step)
{
	(void)a;
	(void)m;
	step->reason = "unknown method";
}

/*
 * The grids: a key is looked up and its signature checked in a millisecond or
 * two; the dearest common hash (yescrypt, 5,000 rounds of SHA-512) takes tens
 * of milliseconds, so that one step of 250 covers every kind of hash.
 */
#define GRID_SHORT	10
#define GRID_HASH	250

static const struct auth_method_row rows[AUTH_METHODS] = {
	[AUTH_NONE] = { check_none, NULL, false, 0 },
	[AUTH_PUBLICKEY] = { auth_publickey, NULL, true, GRID_SHORT },
	[AUTH_PASSWORD] = { auth_password, NULL, true, GRID_HASH },
	[AUTH_KBDINT] = { auth_kbdint, auth_kbdint_answers, true, GRID_HASH },
	[AUTH_HOSTBASED] = { auth_hostbased, NULL, true, GRID_SHORT },
};
static const struct auth_method_row unknown = {
	check_unknown, NULL, true, GRID_SHORT
};

const struct auth_method_row *
auth_method_row(int method)
{
	return method >= 0 && method < AUTH_METHODS ? &rows[method] : &unknown;
}
