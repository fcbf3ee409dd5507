/* An explanation for people: YAML with comments, then the ways to log in. */
#include <string.h>
#include <time.h>

#include "base/json_text.h"
#include "chroot/tool/explain.h"

#define COLUMN	40	/* where comments begin */

/* Comments of keys are their owners' words: nothing of them may move a
 * terminal's cursor. */
static size_t
put_safe(FILE *to, const char *s)
{
	size_t left = strlen(s), n, width = 0;
	const uint8_t *p = (const uint8_t *)s;

	for (; left != 0; p += n, left -= n) {
		n = utf8_len(p, left);
		if (n == 0 || *p < ' ' || *p == 0x7f ||
		    (n == 2 && p[0] == 0xc2 && p[1] < 0xa0)) {
			fprintf(to, "\\x%02x", *p);
			n = 1;
			width += 4;
		} else {
			fwrite(p, 1, n, to);
			width++;
		}
	}
	return width;
}

static void
put_place(FILE *to, const struct explain_key *k)
{
	if (k->o.file != NULL) {
		put_safe(to, k->file);
		fprintf(to, ":%u, ", k->o.line);
	}
	fputs(k->o.layer, to);
	if (k->group[0] != '\0') {
		fputc(' ', to);
		put_safe(to, k->group);
	}
	if (k->o.block != 0)
		fprintf(to, ", when block %u", k->o.block);
}

static void
put_policy(const struct explanation *x, FILE *to)
{
	for (size_t i = 0; i < x->nkeys; i++) {
		const struct explain_key *k = &x->key[i];
		size_t width = strlen(k->o.key) + 2;

		fprintf(to, "%s: ", k->o.key);
		width += put_safe(to, k->value);
		fprintf(to, "%*s# ", width < COLUMN ? (int)(COLUMN - width) :
		    2, "");
		put_place(to, k);
		fputc('\n', to);
	}
}

static void
put_step(const struct explain_step *s, bool alone, FILE *to)
{
	if (!alone)
		fprintf(to, "  %s: %s\n", auth_method_name(s->method),
		    s->could ? "yes" : "no");
	for (size_t i = 0; i < s->n; i++) {
		fprintf(to, "%s  %c ", alone ? "" : "  ",
		    s->line[i].good ? '+' : '-');
		put_safe(to, s->line[i].text);
		fputc('\n', to);
	}
}

static void
put_way(const struct explain_way *w, FILE *to)
{
	char name[128];

	explain_way_name(w, name, sizeof(name));
	fprintf(to, "%s: %s\n", name, w->could ? "yes" : "no");
	for (size_t i = 0; i < w->nsteps; i++)
		put_step(&w->step[i], w->nsteps == 1, to);
}

/* "2026-01-31 08:00 UTC, Sat 09:00 Europe/Berlin" */
static void
put_time(const struct explanation *x, FILE *to)
{
	static const char days[7][4] = {
		"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun",
	};
	struct view zone = x->policy != NULL ? x->policy->time_zone :
	    view_of(NULL, 0);
	struct calendar_clock c;
	time_t t = (time_t)x->now;
	char text[64];
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", &tm) == 0)
		return;
	fputs(text, to);
	if (!calendar_clock(zone, x->now, &c))
		return;
	fprintf(to, ", %s %02u:%02u ", days[c.day], c.minute / 60,
	    c.minute % 60);
	if (zone.n != 0)
		fwrite(zone.p, 1, zone.n, to);
	else
		fputs("here", to);
}

static void
put_question(const struct explanation *x, FILE *to)
{
	fputs("# user ", to);
	put_safe(to, x->user);
	if (x->from != NULL)
		fprintf(to, "\n# from %s\n", x->from);
	else
		fputs("\n# from anywhere: sources are not looked at\n", to);
	fputs("# at ", to);
	put_safe(to, x->listen != NULL ? x->listen : "-");
	fputs("\n# on ", to);
	put_time(x, to);
	fputs("\n\n", to);
}

static void
put_verdict(const struct explanation *x, FILE *to)
{
	if (x->could) {
		fputs("could log in: yes", to);
		if (x->policy->sessions != 0)
			fprintf(to, ", while there are less than %u sessions",
			    x->policy->sessions);
		fputc('\n', to);
		return;
	}
	fputs("could log in: no\n", to);
	for (size_t i = 0; i < x->nfaults; i++) {
		const struct explain_key *k = x->fault[i].key != NULL ?
		    explain_find(x, x->fault[i].key) : NULL;

		fputs("  - ", to);
		put_safe(to, x->fault[i].why);
		if (k != NULL) {
			fprintf(to, ": %s, ", k->o.key);
			put_place(to, k);
		}
		fputc('\n', to);
	}
}

void
explain_text(const struct explanation *x, FILE *to)
{
	put_question(x, to);
	put_policy(x, to);
	if (x->nkeys != 0)
		fputc('\n', to);
	for (size_t i = 0; i < x->nways; i++)
		put_way(&x->way[i], to);
	if (x->nways != 0)
		fputc('\n', to);
	put_verdict(x, to);
}
