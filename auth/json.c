#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "auth/json.h"
#include "base/config_values.h"

/* ---- before anything is built of it ---- */

/* Are objects and lists no deeper in each other than they may be?  Whether
 * they close rightly is the parser's business. */
static bool
depth_ok(struct view v)
{
	size_t depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < v.n; i++) {
		uint8_t c = v.p[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '[') &&
		    ++depth > JSON_DEPTH_MAX)
			return false;
		else if (!quoted && (c == '}' || c == ']') && depth != 0)
			depth--;
	}
	return true;
}

static json_t *
load(struct view text, const char **why_out)
{
	json_error_t error;
	json_t *root;

	*why_out = "program's answer is too much";
	if (text.n > JSON_ANSWER_MAX || !depth_ok(text))
		return NULL;
	*why_out = "program's answer is no JSON";
	root = json_loadb((const char *)text.p, text.n,
	    JSON_REJECT_DUPLICATES, &error);
	if (root == NULL)
		return NULL;
	*why_out = "program's answer is malformed";
	if (json_is_object(root))
		return root;
	json_decref(root);
	return NULL;
}

/* ---- members ---- */

/* One member of an object that may be there; take gets what is. */
struct member {
	const char *key;
	bool (*take)(const json_t *v, void *into);
};

/* Every member must be known and taken. */
static bool
take_members(const json_t *object, const struct member *m, size_t n,
    void *into)
{
	const char *key;
	json_t *v;

	if (!json_is_object(object))
		return false;
	/* The macro of jansson that walks an object wants it not const. */
	json_object_foreach((json_t *)(uintptr_t)object, key, v) {
		size_t i = 0;

		while (i < n && strcmp(m[i].key, key) != 0)
			i++;
		if (i == n || !m[i].take(v, into))
			return false;
	}
	return true;
}

#define TAKE(o, m, into)	take_members(o, m, sizeof(m) / sizeof((m)[0]), \
				    into)

static struct view
text_of(const json_t *v)
{
	return view_of(json_string_value(v), json_string_length(v));
}

/* Lines and tabs may stand in what people read; no terminal's commands. */
static bool
readable(struct view v)
{
	for (size_t i = 0; i < v.n; i++) {
		uint8_t c = v.p[i];

		if ((c < ' ' && c != '\n' && c != '\r' && c != '\t') ||
		    c == 0x7f)
			return false;
		/* C1 controls, U+0080 to U+009F */
		if (c == 0xc2 && i + 1 < v.n && v.p[i + 1] < 0xa0)
			return false;
	}
	return true;
}

static bool
take_text(const json_t *v, size_t max, char **out)
{
	struct view text;

	if (!json_is_string(v))
		return false;
	text = text_of(v);
	return text.n <= max && readable(text) &&
	    (*out = view_dup(text)) != NULL;
}

/* ---- policy ---- */

static bool
policy_allow(const json_t *v, void *into)
{
	struct json_policy *p = into;
	const json_t *word;
	size_t i;

	if (!json_is_array(v))
		return false;
	p->has_allow = true;
	json_array_foreach(v, i, word) {
		uint32_t bit = json_is_string(word) ?
		    policy_allow_bit(text_of(word)) : 0;

		if (bit == 0)
			return false;
		p->allow |= bit;
	}
	return true;
}

static bool
policy_umask(const json_t *v, void *into)
{
	struct json_policy *p = into;

	p->has_umask = true;
	return json_is_string(v) && value_umask(text_of(v), &p->umask);
}

static bool
policy_start(const json_t *v, void *into)
{
	struct json_policy *p = into;
	const char *why;

	return take_text(v, JSON_START_MAX, &p->start) &&
	    value_path(view_str(p->start), &why);
}

static const struct member policy_members[] = {
	{ "allow", policy_allow },
	{ "umask", policy_umask },
	{ "start", policy_start },
};

/* ---- decisions ---- */

/* What decides is taken by whoever wants it; both kinds share the rest. */
static bool
decision_reason(const json_t *v, void *into)
{
	return take_text(v, JSON_REASON_MAX,
	    &((struct json_decision *)into)->reason);
}

static bool
decision_policy(const json_t *v, void *into)
{
	return TAKE(v, policy_members,
	    &((struct json_decision *)into)->policy);
}

static bool
decision_allow(const json_t *v, void *into)
{
	((struct json_decision *)into)->allow = json_is_true(v);
	return json_is_boolean(v);
}

static const struct member decision_members[] = {
	{ "allow", decision_allow },
	{ "reason", decision_reason },
	{ "policy", decision_policy },
};

bool
json_decision(struct view text, struct json_decision *out,
    const char **why_out)
{
	json_t *root = load(text, why_out);
	bool ok;

	*out = (struct json_decision){ 0 };
	if (root == NULL)
		return false;
	ok = TAKE(root, decision_members, out) &&
	    json_object_get(root, "allow") != NULL &&
	    (out->allow || json_object_get(root, "policy") == NULL);
	json_decref(root);
	if (!ok)
		out->allow = false;
	return ok;
}

void
json_decision_free(struct json_decision *d)
{
	free(d->reason);
	free(d->policy.start);
	*d = (struct json_decision){ 0 };
}

/* ---- dialogues ---- */

static bool
result_word(const json_t *v, void *into)
{
	struct json_decision *d = into;

	if (!json_is_string(v))
		return false;
	d->allow = view_is(text_of(v), "allow");
	return d->allow || view_is(text_of(v), "deny");
}

static const struct member result_members[] = {
	{ "result", result_word },
	{ "reason", decision_reason },
	{ "policy", decision_policy },
};

static bool
prompt_text(const json_t *v, void *into)
{
	struct json_prompt *p = into;

	return take_text(v, JSON_TEXTS_MAX, &p->text);
}

static bool
prompt_echo(const json_t *v, void *into)
{
	((struct json_prompt *)into)->echo = json_is_true(v);
	return json_is_boolean(v);
}

static const struct member prompt_members[] = {
	{ "prompt", prompt_text },
	{ "echo", prompt_echo },
};

static bool
ask_name(const json_t *v, void *into)
{
	return take_text(v, JSON_NAME_MAX, &((struct json_ask *)into)->name);
}

static bool
ask_instruction(const json_t *v, void *into)
{
	return take_text(v, JSON_TEXTS_MAX,
	    &((struct json_ask *)into)->instruction);
}

static bool
ask_prompts(const json_t *v, void *into)
{
	struct json_ask *a = into;
	const json_t *one;
	size_t i;

	if (!json_is_array(v) || json_array_size(v) > USERAUTH_MAX_PROMPTS)
		return false;
	json_array_foreach(v, i, one) {
		struct json_prompt *p = &a->prompts[a->n++];

		/* RFC 4256 3.2: no prompt is empty. */
		if (!TAKE(one, prompt_members, p) || p->text == NULL ||
		    p->text[0] == '\0')
			return false;
	}
	return true;
}

static const struct member ask_members[] = {
	{ "name", ask_name },
	{ "instruction", ask_instruction },
	{ "prompts", ask_prompts },
};

static size_t
length(const char *s)
{
	return s != NULL ? strlen(s) : 0;
}

static bool
texts_fit(const struct json_ask *a)
{
	size_t n = length(a->name) + length(a->instruction);

	for (size_t i = 0; i < a->n; i++)
		n += length(a->prompts[i].text);
	return n <= JSON_TEXTS_MAX;
}

bool
json_ask(struct view text, struct json_ask *out, const char **why_out)
{
	json_t *root = load(text, why_out);
	bool ok;

	memset(out, 0, sizeof(*out));
	if (root == NULL)
		return false;
	out->over = json_object_get(root, "result") != NULL;
	if (out->over)
		ok = TAKE(root, result_members, &out->result) &&
		    (out->result.allow ||
		    json_object_get(root, "policy") == NULL);
	else
		ok = TAKE(root, ask_members, out) && texts_fit(out) &&
		    json_object_get(root, "prompts") != NULL;
	json_decref(root);
	if (!ok)
		out->result.allow = false;
	return ok;
}

void
json_ask_free(struct json_ask *a)
{
	json_decision_free(&a->result);
	free(a->name);
	free(a->instruction);
	for (size_t i = 0; i < a->n; i++)
		free(a->prompts[i].text);
	memset(a, 0, sizeof(*a));
}
