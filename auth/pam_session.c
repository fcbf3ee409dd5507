/* PAM's session, once the warden has let the user in. */
#include <string.h>

#include "auth/pam.h"

bool
auth_has_session(const struct auth *a)
{
	return pam_helper(a) != NULL;
}

static const char *
take_session(const struct ipc_msg *msg, struct auth_session *out)
{
	struct talk_session m;

	if (msg->type != TALK_SESSION || !get_talk_session(msg->body, &m) ||
	    (m.pid == 0) == (m.reason.n == 0))
		return "sallyport-account talks nonsense";
	if (m.pid == 0)
		return view_to_cstr(m.reason, out->why, sizeof(out->why)) ?
		    out->why : "PAM says no";
	out->helper = (pid_t)m.helper;
	out->pid = (pid_t)m.pid;
	for (size_t i = 0; i < m.nenv; i++)
		wr_str(&out->env, m.env[i]);
	return out->env.bad ? "out of memory" : NULL;
}

const char *
auth_open_session(struct auth *a, const int fds[AUTH_SESSION_FDS],
    struct auth_session *out)
{
	struct helper *h = pam_helper(a);
	struct wr none = wr_new(16);
	const char *why = "sallyport-account does not listen";
	struct ipc_msg msg;
	enum err e;

	_Static_assert(AUTH_SESSION_FDS == TALK_OPEN_FDS, "the same four");
	*out = (struct auth_session){ .env = wr_new(AUTH_ENV_MAX) };
	if (!helper_be_patient(h) || !helper_say(h, TALK_OPEN, &none, fds,
	    AUTH_SESSION_FDS, &why))
		return why;
	do
		e = helper_hear(h, -1, &msg, &why);
	while (e == ERR_AGAIN);
	return e == OK ? take_session(&msg, out) : why;
}

bool
auth_let_go(struct auth *a)
{
	return helper_let_go(pam_helper(a));
}
