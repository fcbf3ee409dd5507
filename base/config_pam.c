/*
 * Users whose passwords and dialogues PAM decides.
 */
#include <string.h>

#include "base/config_layer.h"

#define SERVICE_MAX 64	/* bytes of a service's name */

/* It becomes the name of a file. */
static bool
service_name(struct view v)
{
	if (v.n == 0 || v.n > SERVICE_MAX || v.p[0] == '.' || v.p[0] == '-')
		return false;
	for (size_t i = 0; i < v.n; i++) {
		uint8_t c = v.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '.' || c == '_' ||
		    c == '-'))
			return false;
	}
	return true;
}

void
layer_pam(struct parse *p, const struct node *v, const struct path *at,
    const char *allowed, struct view *out)
{
	struct view name;

	if (!row_text(p, v, at, allowed, &name))
		return;
	/* the way to have none where a group has one */
	if (view_is(name, "none"))
		return;
	if (!service_name(name))
		tree_fault(&p->t, v->mark, at, "%s is not the name of a PAM "
		    "service; use letters, digits, '.', '_' and '-', at most "
		    "%d", tree_quote(&p->t, name), SERVICE_MAX);
	else if (p->env->unprivileged)
		tree_fault(&p->t, v->mark, at, "PAM needs root, and the "
		    "server does not run as root; use password or "
		    "authorized_keys");
	else {
		*out = name;
		if (p->env->pam_service != NULL && !p->env->pam_service(name))
			tree_warn(&p->t, v->mark, at, "there is no "
			    "/etc/pam.d/%s; PAM refuses everybody, make it "
			    "or use a service that is there",
			    (const char *)name.p);
	}
}

/* Where a layer stands among the user's, nearest first. */
static size_t
place(const struct user *u, const struct layer *l)
{
	size_t i = 0;

	while (u->layer[i] != l)
		i++;
	return i;
}

/* What PAM leaves without effect, where somebody wrote it on purpose. */
static void
warn_unused(struct parse *p, const struct user *u, enum user_key key)
{
	const struct layer *l = user_pick(u, key);
	struct path at = { u->path, view_str(layer_key(key)), 0 };

	if (l->kind == LAYER_USER || l->kind == LAYER_GROUP)
		tree_warn(&p->t, l->at[key], &at, "has no effect where PAM "
		    "decides; let a module of its service do that, or use "
		    "pam: none");
}

void
pam_user(struct parse *p, const struct user *u, struct policy *out)
{
	const struct layer *pam = user_pick(u, UK_PAM);
	const struct layer *own = user_pick(u, UK_PASSWORD);
	struct path at = { u->path, view_str("pam"), 0 };

	if (u->host) {
		host_user(p, u, out);
		out->password = view_of(NULL, 0);
		return;
	}
	if (pam->pam.n == 0)
		return;
	if (pam == own && own->password.n != 0) {
		tree_fault(&p->t, pam->at[UK_PAM], &at, "stands beside a "
		    "password of its own; needs one of them");
		return;
	}
	if (own->password.n != 0 && place(u, own) < place(u, pam))
		return;		/* the nearer one */
	out->pam = pam->pam;
	out->password = view_of(NULL, 0);
	if (user_pick(u, UK_TOTP)->totp.secret.n != 0 ||
	    user_pick(u, UK_TOTP)->totp.file.n != 0)
		warn_unused(p, u, UK_TOTP);
	if (out->programs.ask.n != 0)
		warn_unused(p, u, UK_ASK);
	/* Keys alone are another matter. */
	if (out->programs.methods == (uint32_t)1 << AUTH_PASSWORD)
		warn_unused(p, u, out->programs.decide.n != 0 ?
		    UK_AUTH_COMMAND : UK_AUTH_URL);
}
