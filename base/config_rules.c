/* Keys of a policy that say when and how often: hours, dates, sessions; and
 * what the user is told, a banner. */
#include <string.h>

#include "base/config_layer.h"
#include "base/config_values.h"

#define MAX_HOURS	64	/* ranges of one user */
#define MAX_SESSIONS	65536	/* what the warden has room for */

void
rules_banner(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	(void)row;
	row_long_text(p, v, at, CONFIG_MAX_BANNER,
	    &((struct layer *)into)->banner);
}

void
rules_hours(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct path here = { at, view_of(NULL, 0), 0 };
	struct layer *l = into;
	struct calendar_hours *hours;
	struct view text;
	const char *why;

	if (!row_is_list(p, v, at, MAX_HOURS, row->allowed) ||
	    (hours = tree_take_array(&p->t, v->n, sizeof(*hours))) == NULL)
		return;
	/* an empty list would read as "never" and mean "always" */
	if (v->n == 0)
		tree_fault(&p->t, v->mark, at, "is empty; needs %s, or "
		    "00:00-24:00 for any hour", row->allowed);
	for (const struct item *i = v->first; i != NULL;
	    i = i->next, here.index++) {
		if (!row_text(p, i->value, &here, row->allowed, &text))
			continue;
		if (calendar_hours_parse(text, &hours[l->nhours], &why))
			l->nhours++;
		else
			tree_fault(&p->t, i->value->mark, &here, "%s %s",
			    tree_quote(&p->t, text), why);
	}
	l->hours = hours;
}

void
rules_time_zone(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	struct layer *l = into;
	struct view text;

	if (!row_text(p, v, at, row->allowed, &text))
		return;
	if (calendar_zone_known(text))
		l->time_zone = text;
	else
		tree_fault(&p->t, v->mark, at, "%s is not a time zone of "
		    "this machine; use %s", tree_quote(&p->t, text),
		    row->allowed);
}

void
rules_date(struct parse *p, const struct key_row *row, const struct node *v,
    const struct path *at, void *into)
{
	struct calendar_date *d = (void *)((uint8_t *)into + row->offset);
	struct view text;

	if (!row_text(p, v, at, row->allowed, &text))
		return;
	/* the way to have none where a group has one */
	if (view_is(text, "none"))
		return;
	if (!calendar_date_parse(text, d)) {
		tree_fault(&p->t, v->mark, at, "%s is not a date; use %s",
		    tree_quote(&p->t, text), row->allowed);
		*d = (struct calendar_date){ .given = false };
	}
}

void
rules_sessions(struct parse *p, const struct key_row *row,
    const struct node *v, const struct path *at, void *into)
{
	struct layer *l = into;
	struct view text;
	uint64_t n = 0;

	if (!row_text(p, v, at, row->allowed, &text) ||
	    view_is(text, "none"))
		return;
	if (value_number(text, MAX_SESSIONS, &n) && n != 0)
		l->sessions = (uint32_t)n;
	else
		tree_fault(&p->t, v->mark, at, "%s is not a number of "
		    "sessions; use %s", tree_quote(&p->t, text),
		    row->allowed);
}
