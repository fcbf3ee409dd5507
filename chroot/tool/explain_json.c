/* An explanation for programs: one JSON object (RFC 8259) in one line. */
#include <string.h>
#include <time.h>

#include "base/json_text.h"
#include "chroot/tool/explain.h"

static void
put_string(FILE *to, const char *s)
{
	struct wr w = wr_new((size_t)1 << 20);

	json_text(&w, view_str(s));
	if (w.bad)
		fputs("\"\"", to);
	else
		fwrite(wr_view(&w).p, 1, wr_size(&w), to);
	wr_free(&w);
}

/* NULL: null */
static void
put_member(FILE *to, const char *name, const char *s)
{
	fprintf(to, "\"%s\":", name);
	if (s != NULL)
		put_string(to, s);
	else
		fputs("null", to);
}

static void
put_time(FILE *to, int64_t now)
{
	time_t t = (time_t)now;
	char text[64];
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		text[0] = '\0';
	put_member(to, "at", text);
}

static void
put_key(FILE *to, const struct explain_key *k)
{
	fputc('{', to);
	put_member(to, "key", k->o.key);
	fputc(',', to);
	put_member(to, "value", k->value);
	fputc(',', to);
	put_member(to, "layer", k->o.layer);
	fputc(',', to);
	put_member(to, "group", k->group[0] != '\0' ? k->group : NULL);
	fprintf(to, ",\"when\":%u,", k->o.block);
	put_member(to, "file", k->file);
	fprintf(to, ",\"line\":%u,\"column\":%u}", k->o.line, k->o.column);
}

static void
put_step(FILE *to, const struct explain_step *s)
{
	fputc('{', to);
	put_member(to, "method", auth_method_name(s->method));
	fprintf(to, ",\"could\":%s", s->could ? "true" : "false");
	for (int good = 1; good >= 0; good--) {
		const char *comma = "";

		fprintf(to, ",\"%s\":[", good ? "has" : "lacks");
		for (size_t i = 0; i < s->n; i++) {
			if (s->line[i].good != (good == 1))
				continue;
			fputs(comma, to);
			put_string(to, s->line[i].text);
			comma = ",";
		}
		fputc(']', to);
	}
	fputc('}', to);
}

static void
put_way(FILE *to, const struct explain_way *w)
{
	char name[128];

	explain_way_name(w, name, sizeof(name));
	fputc('{', to);
	put_member(to, "auth", name);
	fprintf(to, ",\"could\":%s,\"steps\":[", w->could ? "true" : "false");
	for (size_t i = 0; i < w->nsteps; i++) {
		if (i != 0)
			fputc(',', to);
		put_step(to, &w->step[i]);
	}
	fputs("]}", to);
}

void
explain_json(const struct explanation *x, FILE *to)
{
	fputc('{', to);
	put_member(to, "user", x->user);
	fputc(',', to);
	put_member(to, "from", x->from);
	fputc(',', to);
	put_member(to, "listen", x->listen);
	fputc(',', to);
	put_time(to, x->now);
	fprintf(to, ",\"exists\":%s,\"could\":%s,\"why\":[",
	    x->policy != NULL ? "true" : "false",
	    x->could ? "true" : "false");
	for (size_t i = 0; i < x->nfaults; i++) {
		fputs(i != 0 ? ",{" : "{", to);
		put_member(to, "key", x->fault[i].key);
		fputc(',', to);
		put_member(to, "reason", x->fault[i].why);
		fputc('}', to);
	}
	fputs("],\"policy\":[", to);
	for (size_t i = 0; i < x->nkeys; i++) {
		if (i != 0)
			fputc(',', to);
		put_key(to, &x->key[i]);
	}
	fputs("],\"ways\":[", to);
	for (size_t i = 0; i < x->nways; i++) {
		if (i != 0)
			fputc(',', to);
		put_way(to, &x->way[i]);
	}
	fputs("]}\n", to);
}
