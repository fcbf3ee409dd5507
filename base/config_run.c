/* Keys of a policy about the programs that its user runs. */
#include <stddef.h>
#include <string.h>

#include "base/config_layer.h"
#include "base/config_values.h"
#include "base/envname.h"

#define COMMAND_MAX	4096	/* bytes */
#define NAME_MAX_BYTES	64	/* of a subsystem */
#define PAIRS_MAX	64

/* The way to have none where a group has one. */
static bool
is_none(const struct node *v)
{
	return v->kind == NODE_TEXT && view_is(v->text, "none");
}

static void
path_or_none(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, struct view *out)
{
	struct view text;
	const char *why;

	if (is_none(v) || !row_text(p, v, at, row->allowed, &text))
		return;
	if (value_path(text, &why))
		*out = text;
	else
		tree_fault(&p->t, v->mark, at, "%s %s",
		    tree_quote(&p->t, text), why);
}

void
run_path(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	path_or_none(p, row, v, at,
	    (struct view *)(void *)((uint8_t *)into + row->offset));
}

/* A line for the shell: one line, because it is logged and shown as one. */
static bool
value_command(struct view v, const char **why_out)
{
	*why_out = "is empty; needs a command";
	if (v.n == 0)
		return false;
	*why_out = "is too long; use at most 4096 bytes";
	if (v.n > COMMAND_MAX)
		return false;
	*why_out = "has a control character; use one line of plain text";
	for (size_t i = 0; i < v.n; i++)
		if ((v.p[i] < ' ' && v.p[i] != '\t') || v.p[i] == 0x7f)
			return false;
	return true;
}

void
run_command(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct layer *l = into;
	struct view text;
	const char *why;

	if (is_none(v) || !row_text(p, v, at, row->allowed, &text))
		return;
	if (value_command(text, &why))
		l->run.command = text;
	else
		tree_fault(&p->t, v->mark, at, "%s %s",
		    tree_quote(&p->t, text), why);
}

/* ---- mappings of names to texts ---- */

static bool
value_subsystem(struct view v, const char **why_out)
{
	*why_out = "is no name of a subsystem; use letters, digits and "
	    "_ - . @, at most 64 of them";
	if (v.n == 0 || v.n > NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < v.n; i++) {
		uint8_t c = v.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || strchr("_-.@", c) != NULL) ||
		    c == '\0')
			return false;
	}
	*why_out = "is built in; leave it out";
	return !view_is(v, "sftp");
}

static bool
value_variable(struct view v, const char **why_out)
{
	*why_out = "is no name of a variable; use letters, digits and _, no "
	    "digit first, at most 64 of them";
	return env_name_ok(v);
}

static bool
value_setting(struct view v, const char **why_out)
{
	*why_out = "is too long; use at most 4096 bytes";
	if (v.n > COMMAND_MAX)
		return false;
	*why_out = "has a NUL character; needs text without one";
	return !view_has_nul(v);
}

static void
pairs(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, bool (*name_ok)(struct view, const char **),
    bool (*value_ok)(struct view, const char **), struct policy_pairs *out)
{
	struct policy_pair *list;
	struct view text;
	const char *why;

	if (node_is_null(v) || is_none(v))
		return;
	if (v->kind != NODE_MAP) {
		tree_fault(&p->t, v->mark, at, "is %s; needs %s",
		    node_word(v), row->allowed);
		return;
	}
	if (v->n > PAIRS_MAX) {
		tree_fault(&p->t, v->mark, at, "has %zu entries; at most %d "
		    "are allowed", v->n, PAIRS_MAX);
		return;
	}
	if ((list = tree_take_array(&p->t, v->n, sizeof(*list))) == NULL)
		return;
	for (const struct item *i = v->first; i != NULL; i = i->next) {
		struct path here = { at, i->key->text, 0 };

		if (!name_ok(i->key->text, &why))
			tree_fault(&p->t, i->key->mark, &here, "%s %s",
			    tree_quote(&p->t, i->key->text), why);
		else if (!row_text(p, i->value, &here, "one text", &text))
			continue;
		else if (!value_ok(text, &why))
			tree_fault(&p->t, i->value->mark, &here, "%s %s",
			    tree_quote(&p->t, text), why);
		else
			list[out->n++] = (struct policy_pair){ i->key->text,
			    text };
	}
	out->v = list;
}

void
run_set_env(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	pairs(p, row, v, at, value_variable, value_setting,
	    &((struct layer *)into)->run.set_env);
}

void
run_subsystems(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	pairs(p, row, v, at, value_subsystem, value_command,
	    &((struct layer *)into)->run.subsystems);
}

/* ---- resources, linger ---- */

static void
row_cpu(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct key_row ms = *row;
	uint32_t n = 0;

	ms.offset = 0;
	row_ms(p, &ms, v, at, &n);
	*(uint32_t *)(void *)((uint8_t *)into + row->offset) = n / 1000;
}

#define RUN(field) offsetof(struct policy_run, field)
static const struct key_row resource_rows[] = {
	{ "processes", row_number, RUN(processes), 1, 4194304, "1-4194304",
	    0 },
	{ "memory", row_size, RUN(memory), 4 << 20, (uint64_t)1 << 50,
	    "4MiB-1024TiB", 0 },
	{ "cpu", row_cpu, RUN(cpu_s), 1000, 30 * (uint64_t)86400000,
	    "1s-30d", 0 },
	{ "files", row_number, RUN(files), 16, 1048576, "16-1048576", 0 },
};

void
run_resources(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	(void)row;
	if (is_none(v))
		return;
	row_walk(p, v, at, resource_rows,
	    sizeof(resource_rows) / sizeof(resource_rows[0]),
	    &((struct layer *)into)->run, NULL);
}

void
run_linger(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	row_switch(p, row, v, at, &((struct layer *)into)->run.linger);
}

/* ---- built-in commands ---- */

static const char *
builtin_words(struct parse *p)
{
	struct wr w = wr_new(512);
	struct view v;

	for (unsigned i = 0; policy_builtin_word(i) != NULL; i++) {
		if (i != 0)
			wr_bytes(&w, view_str(", "));
		wr_bytes(&w, view_str(policy_builtin_word(i)));
	}
	v = tree_copy(&p->t, wr_view(&w));
	wr_free(&w);
	return v.p != NULL ? (const char *)v.p : "";
}

static void
builtin(struct parse *p, const struct node *v, const struct path *at,
    uint32_t *bits)
{
	uint32_t bit = policy_builtin_bit(v->text);

	if (bit == 0)
		tree_fault(&p->t, v->mark, at, "%s is not built in; use %s",
		    tree_quote(&p->t, v->text), builtin_words(p));
	else if ((*bits & bit) != 0)
		tree_fault(&p->t, v->mark, at, "%s is given twice; needs one",
		    tree_quote(&p->t, v->text));
	*bits |= bit;
}

void
run_builtins(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	struct path here = { at, view_of(NULL, 0), 0 };
	struct layer *l = into;
	struct view text;

	if (is_none(v) || !row_is_list(p, v, at, CONFIG_MAX_LIST,
	    row->allowed))
		return;
	for (const struct item *i = v->first; i != NULL;
	    i = i->next, here.index++)
		if (row_text(p, i->value, &here, row->allowed, &text))
			builtin(p, i->value, &here, &l->run.builtins);
}

/* ---- the layers together ---- */

/* The place of a key, as a fault would name it. */
struct view
run_written_at(struct parse *p, const struct layer *l, enum user_key key)
{
	return view_str(l->kind == LAYER_BUILTIN ? "built in" :
	    tree_place(&p->t, l->at[key]));
}

static void
user_allow(struct parse *p, const struct user *u, struct policy *out)
{
	const struct layer *l = user_pick(u, UK_ALLOW);
	const struct layer *b = user_pick(u, UK_BUILTINS);

	out->allow = l->allow;
	out->allow_at = run_written_at(p, l, UK_ALLOW);
	out->run.builtins = b->run.builtins;
	out->run.builtins_at = run_written_at(p, b, UK_BUILTINS);
	if (b->run.builtins != 0)
		out->allow |= ALLOW_BUILTINS;
}

/* A shell that only says goodbye, as accounts without a login have it. */
static bool
is_no_shell(struct view path)
{
	static const char *const names[] = { "/nologin", "/false" };

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(names[i]);

		if (path.n >= n &&
		    memcmp(path.p + path.n - n, names[i], n) == 0)
			return true;
	}
	return false;
}

static void
user_shell(struct parse *p, const struct user *u, struct policy *out)
{
	struct path at = { u->path, view_str("allow"), 0 };
	const struct layer *l = user_pick(u, UK_SHELL);

	if (l->kind != LAYER_BUILTIN)
		out->run.shell = l->run.shell;
	else if (!u->host)
		out->run.shell = user_pick(u, UK_ACCOUNT)->account.shell;
	if ((out->allow & (ALLOW_SHELL | ALLOW_EXEC)) != 0 &&
	    is_no_shell(out->run.shell))
		tree_warn(&p->t, user_pick(u, UK_ALLOW)->at[UK_ALLOW], &at,
		    "the shell of this user is %s, which runs nothing; "
		    "needs shell", tree_quote(&p->t, out->run.shell));
}

void
run_user(struct parse *p, const struct user *u, struct policy *out)
{
	struct path at = { u->path, view_str("command"), 0 };
	const struct layer *resources = user_pick(u, UK_RESOURCES);
	const struct layer *command = user_pick(u, UK_COMMAND);

	user_allow(p, u, out);
	user_shell(p, u, out);
	out->run.command = command->run.command;
	out->run.set_env = user_pick(u, UK_SET_ENV)->run.set_env;
	out->run.subsystems = user_pick(u, UK_SUBSYSTEMS)->run.subsystems;
	out->run.motd = user_pick(u, UK_MOTD)->run.motd;
	out->run.linger = user_pick(u, UK_LINGER)->run.linger;
	out->run.processes = resources->run.processes;
	out->run.files = resources->run.files;
	out->run.cpu_s = resources->run.cpu_s;
	out->run.memory = resources->run.memory;
	if (command->kind == LAYER_USER && command->run.command.n != 0 &&
	    !view_is(command->run.command, "internal-sftp") &&
	    (out->allow & (ALLOW_SHELL | ALLOW_EXEC)) == 0)
		tree_fault(&p->t, command->at[UK_COMMAND], &at, "this user "
		    "may run nothing; needs allow: [exec]");
}
