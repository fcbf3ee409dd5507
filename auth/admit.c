/* Whether a user may log in at all: from here, and now. */
#include "auth/internal.h"

/* Work that is done for everybody, so that nobody hears from its time who has
 * rules and who has none. */
static struct calendar_clock
clock_of(const struct policy *p, int64_t now, bool *read_out)
{
	struct calendar_clock c = { 0, 0 };
	bool ruled = p != NULL && p->nhours != 0;

	*read_out = calendar_clock(ruled ? p->time_zone : view_str("UTC"),
	    now, &c);
	return c;
}

const char *
admit_fault(const struct policy *p, const struct match_addr *addr,
    int64_t now)
{
	bool read;
	struct calendar_clock c = clock_of(p, now, &read);

	if (p == NULL)
		return "no such user";
	if (p->from.n != 0 &&
	    match_entries(p->from.v, p->from.n, addr) != MATCH_YES)
		return "source address is not allowed";
	if (p->not_before != 0 && now < p->not_before)
		return "user's first day is not yet";
	if (p->expires != 0 && now >= p->expires)
		return "user has expired";
	if (p->nhours == 0)
		return NULL;
	if (!read)
		return "user's time zone cannot be read";
	return calendar_hours_open(p->hours, p->nhours, &c) ? NULL :
	    "outside of the user's hours";
}

const char *
auth_refuses(const struct policy *p, const struct sockaddr *peer, int64_t now)
{
	struct match_addr addr;

	match_addr_of(peer, &addr);
	return admit_fault(p, &addr, now);
}
