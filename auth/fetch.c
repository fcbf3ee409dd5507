#include "auth/fetch.h"

static bool
fits(const struct fetch_request *q)
{
	return q->url.n != 0 && q->url.n <= FETCH_URL_MAX &&
	    q->ca.n <= FETCH_CA_MAX && q->token.n <= FETCH_TOKEN_MAX &&
	    q->timeout_ms != 0 && q->body.n <= FETCH_BODY_MAX;
}

void
fetch_put(struct wr *w, const struct fetch_request *q)
{
	if (!fits(q)) {
		w->bad = true;
		return;
	}
	wr_str(w, q->url);
	wr_str(w, q->ca);
	wr_str(w, q->token);
	wr_u32(w, q->timeout_ms);
	wr_str(w, q->body);
}

bool
fetch_get(struct view message, struct fetch_request *out)
{
	struct rd r = rd_of(message);

	out->url = rd_text(&r);
	out->ca = rd_text(&r);
	out->token = rd_text(&r);
	out->timeout_ms = rd_u32(&r);
	out->body = rd_str(&r);
	return rd_done(&r) && fits(out);
}
