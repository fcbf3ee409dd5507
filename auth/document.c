#include <inttypes.h>
#include <stdio.h>

#include "auth/document.h"
#include "base/json_text.h"

static void
comma(struct wr *w)
{
	struct view v = wr_view(w);

	if (v.n != 0 && v.p[v.n - 1] != '{' && v.p[v.n - 1] != '[')
		wr_u8(w, ',');
}

void
document_key(struct wr *w, const char *key)
{
	comma(w);
	json_text(w, view_str(key));
	wr_u8(w, ':');
}

static void
put_text(struct wr *w, struct view v)
{
	if (utf8_valid(v))
		json_text(w, v);
	else
		w->bad = true;
}

void
document_item(struct wr *w, struct view v)
{
	comma(w);
	put_text(w, v);
}

void
document_text(struct wr *w, const char *key, struct view v)
{
	document_key(w, key);
	put_text(w, v);
}

void
document_num(struct wr *w, const char *key, uint64_t v)
{
	char text[24];

	document_key(w, key);
	snprintf(text, sizeof(text), "%" PRIu64, v);
	wr_bytes(w, view_str(text));
}

void
document_bool(struct wr *w, const char *key, bool v)
{
	document_key(w, key);
	wr_bytes(w, view_str(v ? "true" : "false"));
}
