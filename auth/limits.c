#include <string.h>

#include "auth/limits.h"
#include "base/forward.h"

#define INTERNAL	"internal-sftp"

/* The session serves it without a program to those who may use scp. */
static bool
is_scp(struct view command)
{
	return command.n > 4 && memcmp(command.p, "scp ", 4) == 0;
}

const char *
limits_command_fault(struct view command, uint32_t allow,
    enum limits_source whose)
{
	bool cert = whose == LIMITS_CERT;

	if (view_is(command, INTERNAL))
		return (allow & ALLOW_SFTP) != 0 ? NULL : cert ?
		    "certificate allows only sftp, user does not" :
		    "key allows only sftp, user does not";
	if (command.n == 0 || command.n > AUTH_COMMAND_MAX ||
	    view_has_nul(command))
		return cert ? "certificate's force-command is empty or too "
		    "long" : "key option command= is too long";
	if (is_scp(command) && (allow & ALLOW_SCP) != 0)
		return NULL;
	if ((allow & (ALLOW_SHELL | ALLOW_EXEC)) == 0)
		return cert ? "certificate's force-command is a program, "
		    "user may run none" : "key option command= is a program, "
		    "user may run none";
	return NULL;
}

/* Whatever is asked for, that is run: so nothing is served in its place. */
void
limits_command(struct auth_limits *l, struct view command)
{
	if (view_to_cstr(command, l->command, sizeof(l->command)))
		l->deny |= view_is(command, INTERNAL) ?
		    ~(uint32_t)ALLOW_SFTP : ALLOW_SFTP | ALLOW_BUILTINS |
		    (is_scp(command) ? 0 : ALLOW_SCP);
	else
		l->deny = ~(uint32_t)0;
}

bool
limits_env(struct auth_limits *l, struct view item)
{
	if (item.n >= sizeof(l->env) - l->env_len || view_has_nul(item))
		return false;
	memcpy(l->env + l->env_len, item.p, item.n);
	l->env_len += item.n;
	l->env[l->env_len++] = '\0';
	return true;
}

bool
limits_permit(struct auth_permits *p, struct view item, bool listen)
{
	struct forward_rule rule;
	const char *why;

	p->given = true;
	if (item.n >= sizeof(p->text) - p->len || view_has_nul(item) ||
	    !forward_rule(item, listen, &rule, &why) || rule.deny)
		return false;
	memcpy(p->text + p->len, item.p, item.n);
	p->len += item.n;
	p->text[p->len++] = '\0';
	return true;
}

/* False: there are two lists that differ, which cannot both be kept. */
static bool
add_permits(struct auth_permits *to, const struct auth_permits *p)
{
	if (!p->given)
		return true;
	if (to->given)
		return to->len == p->len &&
		    memcmp(to->text, p->text, p->len) == 0;
	*to = *p;
	return true;
}

void
limits_add(struct auth_limits *to, const struct auth_limits *l)
{
	const char *line = l->env;

	to->restrict_all |= l->restrict_all;
	to->deny |= l->deny;
	/* Two that differ cannot both be kept. */
	if (to->command[0] != '\0' && l->command[0] != '\0' &&
	    strcmp(to->command, l->command) != 0)
		to->deny = ~(uint32_t)0;
	if (l->command[0] != '\0')
		memcpy(to->command, l->command, sizeof(to->command));
	for (; line < l->env + l->env_len; line += strlen(line) + 1)
		if (!limits_env(to, view_str(line)))
			break;
	if (!add_permits(&to->open, &l->open))
		to->deny |= ALLOW_LOCAL_FORWARD;
	if (!add_permits(&to->listen, &l->listen))
		to->deny |= ALLOW_REMOTE_FORWARD;
	/* Of these the last word counts. */
	if (l->has_umask) {
		to->has_umask = true;
		to->umask = l->umask;
	}
	if (l->start[0] != '\0')
		memcpy(to->start, l->start, sizeof(l->start));
}
