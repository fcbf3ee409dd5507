#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/nss.h"
#include "auth/pam.h"
#include "base/host.h"

#define POLICY_MAX	((size_t)1 << 20)

/* ---- the account ---- */

static bool
runs_nothing(const char *shell)
{
	const char *slash = strrchr(shell, '/');
	const char *name = slash != NULL ? slash + 1 : shell;

	if (shell[0] == '\0')
		return false;		/* /bin/sh (passwd(5)) */
	return strcmp(name, "nologin") == 0 || strcmp(name, "false") == 0 ||
	    access(shell, X_OK) == -1;
}

const char *
auth_account_policy(const struct host_rules *r, const struct account *acc,
    struct auth_account *out)
{
	const struct host_account h = {
		.name = view_str(acc->name), .home = view_str(acc->home),
		.shell = view_str(acc->shell),
		.uid = acc->uid, .gid = acc->gid,
		.groups = acc->groups, .ngroups = acc->ngroups,
		.no_shell = runs_nothing(acc->shell),
	};
	const char *why;

	out->bytes = wr_new(POLICY_MAX);
	if ((why = host_policy(r, &h, &out->bytes)) != NULL)
		return why;
	out->policy = policy_decode(wr_view(&out->bytes));
	return out->policy == NULL ? "policy does not decode" : NULL;
}

/* ---- the question ---- */

static const char *
take_found(struct auth *a, const struct host_rules *r,
    const struct ipc_msg *msg, struct auth_account *out)
{
	const char *why = "sallyport-account talks nonsense";
	struct account acc = { 0 };
	struct talk_found m;

	if (msg->type != TALK_FOUND || !get_talk_found(msg->body, &m))
		return why;
	if (m.reason.n != 0)
		return view_to_cstr(m.reason, out->why, sizeof(out->why)) ?
		    out->why : why;
	/* Another's name would be another's account. */
	if (!account_get(m.account, &acc))
		return why;
	if (acc.known && view_is(a->start.user, acc.name))
		why = auth_account_policy(r, &acc, out);
	account_clear(&acc);
	return why;
}

void
auth_put_find(struct wr *w, const struct host_rules *r)
{
	const struct talk_find m = { r->allow, r->deny, r->root };

	put_talk_find(w, &m);
}

static const char *
ask(struct auth *a, const struct host_rules *r, struct auth_account *out)
{
	struct wr w = wr_new(IPC_MAX_FRAME);
	const char *why = "out of memory";
	struct ipc_msg msg;
	struct policy *t = policy_decode(r->policy);
	struct helper *h = NULL;
	enum err e = ERR_AGAIN;

	auth_put_find(&w, r);
	if (t != NULL && (h = pam_prepare(a, t->pam, &why)) != NULL &&
	    helper_say(h, TALK_FIND, &w, NULL, 0, &why)) {
		while (e == ERR_AGAIN)
			e = helper_hear(h, -1, &msg, &why);
		if (e == OK)
			why = take_found(a, r, &msg, out);
	}
	policy_free(&t);
	wr_free(&w);
	return why;
}

const char *
auth_find_account(struct auth *a, struct view rules,
    struct auth_account *out)
{
	struct host_rules r;

	*out = (struct auth_account){ .policy = NULL };
	if (!get_host_rules(rules, &r))
		return "rules of host_accounts do not decode";
	return ask(a, &r, out);
}

void
auth_account_free(struct auth_account *acc)
{
	policy_free(&acc->policy);
	wr_free(&acc->bytes);
}

void
nss_find(struct auth *a)
{
	const char *why;

	if (a->looked || a->start.host.n == 0)
		return;
	a->looked = true;
	why = auth_find_account(a, a->start.host, &a->account);
	if (a->start.policy != NULL)
		return;		/* asked so that all cost the same */
	if (why != NULL) {
		memmove(a->why_nobody, why, strnlen(why,
		    sizeof(a->why_nobody) - 1));
		return;
	}
	if (!chains_init(&a->chains, a->account.policy))
		return;
	a->start.policy = a->account.policy;
	if (a->start.host_store != NULL)
		a->start.store = a->start.host_store;
}

void
nss_free(struct auth *a)
{
	if (!a->account_kept)
		auth_account_free(&a->account);
}

const struct policy *
auth_policy(const struct auth *a)
{
	return a->start.policy;
}

void
auth_keep_policy(struct auth *a)
{
	a->account_kept = true;
}
